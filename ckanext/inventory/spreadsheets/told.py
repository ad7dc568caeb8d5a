"""What the rows of a file tell in columns whose headers are known for it, each part in one column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ckanext.inventory.spreadsheets.reader import Cell, Column, Sheet, find_table, text
from ckanext.inventory.spreadsheets.synonyms import squash


@dataclass(frozen=True)
class ToldRow:
    """What a row says.

    :param raw: part → cell as read
    :param cells: part → text of the cell, of filled cells
    """

    raw: Mapping[str, Cell] = field(default_factory=dict[str, Cell])
    cells: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Told:
    """Which column says what, and what the rows say there.

    :param chosen: part → header of the column, as shown
    :param headers: all headers of the file
    :param rows: (sheet, row number as shown) → what the row says
    """

    chosen: Mapping[str, str]
    headers: Sequence[str]
    rows: Mapping[tuple[str, int], ToldRow]


def find(
    sheets: Iterable[Sheet],
    score: Callable[[str], int],
    given: Mapping[str, str],
    known: Mapping[str, Sequence[str]],
) -> Told:
    """Find the columns that say each part, and what each row says there.

    :param sheets: the sheets whose rows are taken
    :param score: how well a text serves as a header
    :param given: part → header as somebody chose it; an empty header for none
    :param known: part → headers that are known to say it, the surest first
    :returns: the columns and rows
    """
    chosen: dict[str, str] = {}
    headers: dict[str, None] = {}
    rows: dict[tuple[str, int], ToldRow] = {}
    for sheet in sheets:
        table, _score = find_table(sheet, score)
        headers |= dict.fromkeys(column.label for column in table.columns)
        picked = _pick(table.columns, given, known)
        for part, column in picked.items():
            chosen.setdefault(part, column.label)
        for number, cells in table.rows:
            raw = {
                part: cells[column.index]
                for part, column in picked.items()
                if column.index < len(cells)
            }
            filled = {part: written for part, cell in raw.items() if (written := text(cell))}
            rows[(table.sheet, number)] = ToldRow(raw, filled)
    return Told(chosen, list(headers), rows)


def _pick(
    columns: Sequence[Column], given: Mapping[str, str], known: Mapping[str, Sequence[str]]
) -> dict[str, Column]:
    """Choose the column that says each part, a column for one part at most."""
    by_name: dict[str, Column] = {}
    for column in columns:
        by_name.setdefault(squash(column.label), column)
        by_name.setdefault(squash(column.header), column)
    picked: dict[str, Column] = {}
    for part, headers in known.items():
        wanted = (given[part],) if part in given else headers
        for header in wanted:
            column = by_name.get(squash(header)) if header else None
            if column is not None and column not in picked.values():
                picked[part] = column
                break
    return picked
