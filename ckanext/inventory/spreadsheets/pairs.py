"""Which entry belongs to which public dataset, as the rows of a file say it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ckanext.inventory.spreadsheets.past import DATASET_HEADERS, pick
from ckanext.inventory.spreadsheets.reader import Sheet, find_table, text
from ckanext.inventory.spreadsheets.synonyms import squash

PARTS = ("number", "title", "external_id", "dataset", "url")
"""What a column can say: which entry, by three names, and which dataset, by two."""

_HEADERS: Mapping[str, tuple[str, ...]] = {
    "number": ("number", "inventory number", "entry number", "entry", "inventory id"),
    "title": ("title", "name", "dataset name", "dataset title", "entry title", "dataset"),
    "external_id": ("external id", "id elsewhere", "asset id", "record id", "id", "identifier"),
    **DATASET_HEADERS,
}


@dataclass(frozen=True)
class PairRow:
    """What a row says.

    :param sheet: its sheet
    :param row: its number as shown
    :param cells: part → text of the cell
    """

    sheet: str
    row: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class PairColumns:
    """Which column says what.

    :param chosen: part → header of the column, as shown
    :param headers: all headers of the file
    :param rows: what the rows say
    """

    chosen: Mapping[str, str]
    headers: Sequence[str]
    rows: Sequence[PairRow]


def find(
    sheets: Iterable[Sheet], score: Callable[[str], int], given: Mapping[str, str]
) -> PairColumns:
    """Find the columns that name entries and datasets, and what each row says there.

    :param sheets: the sheets
    :param score: how well a text serves as a header
    :param given: part → header as somebody chose it; an empty header for none
    :returns: the columns and rows
    """
    chosen: dict[str, str] = {}
    headers: dict[str, None] = {}
    rows: list[PairRow] = []

    def known(header: str) -> int:
        return max(score(header), 1 if _is_known(header, given) else 0)

    for sheet in sheets:
        table, _score = find_table(sheet, known)
        headers |= dict.fromkeys(column.label for column in table.columns)
        picked = pick(table.columns, given, _HEADERS)
        for part, column in picked.items():
            chosen.setdefault(part, column.label)
        for number, cells in table.rows:
            said = {
                part: text(cells[column.index])
                for part, column in picked.items()
                if column.index < len(cells)
            }
            rows.append(PairRow(table.sheet, number, {p: t for p, t in said.items() if t}))
    return PairColumns(chosen, list(headers), rows)


def _is_known(header: str, given: Mapping[str, str]) -> bool:
    known = {word for words in _HEADERS.values() for word in words} | set(given.values())
    return bool(header) and squash(header) in {squash(word) for word in known if word}
