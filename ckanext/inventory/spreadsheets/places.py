"""Where a file has what: which cell a problem is about, however the file calls and orders its columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .headers import Assignment, Fate
from .layout import NUMBER, RECORD, RECORD_TITLE
from .messages import Place, Problem
from .reader import Cell, Sheet, Source, text
from .returned import Page

_NAMES = ("title", RECORD_TITLE, RECORD, NUMBER)
"""Columns that say which record a row is, the plainest first."""


@dataclass(frozen=True)
class Header:
    """A column as the file has it.

    :param column: its position, from 0
    :param label: its header, or its letter where it has none
    """

    column: int
    label: str


@dataclass(frozen=True)
class Columns:
    """The columns of a sheet that was read.

    :param sheet: name of the sheet
    :param row: row of its headers as shown
    :param headers: field, part of a blocker or mark to the column that fills it
    :param labels: how the inventory calls these, for a sheet of ours
    """

    sheet: str
    row: int
    headers: Mapping[str, Header]
    labels: Mapping[str, str] = field(default_factory=dict[str, str])

    def find(self, key: str) -> Header | None:
        """Return the column of a field, the first of several that fill it together.

        :param key: field, part of a blocker, or mark
        """
        if key in self.headers:
            return self.headers[key]
        parts = (header for name, header in self.headers.items() if name.startswith(f"{key}."))
        return next(parts, None)

    @property
    def naming(self) -> Header | None:
        """The column that says which record a row is."""
        return next((self.headers[key] for key in _NAMES if key in self.headers), None)


def of_page(page: Page) -> Columns:
    """Return the columns of a sheet of ours.

    :param page: the sheet
    """
    headers = {
        key: Header(page.places[key], label.rstrip(" *")) for key, label in page.headers.items()
    }
    labels = {column.key: column.header for column in page.layout.columns}
    return Columns(page.sheet, page.header_row, headers, labels)


def of_list(sheet: str, row: int, assignments: Sequence[Assignment]) -> Columns:
    """Return the columns of a sheet that isn't ours.

    :param sheet: name of the sheet
    :param row: row of its headers as shown
    :param assignments: what its columns mean
    """
    headers: dict[str, Header] = {}
    for item in assignments:
        if item.target and item.fate is Fate.USED:
            headers.setdefault(item.target, Header(item.column.index, item.column.label))
    return Columns(sheet, row, headers)


def settled(
    problems: Iterable[Problem], known: Mapping[str, Columns], source: Source
) -> list[Problem]:
    """Say of each problem which cell it stands on.

    One of a row, or of a field without a column, stands on the cell that names the row; one of a sheet or
    file on the first header.

    :param problems: the problems
    :param known: name of a sheet to its columns, for those that were read
    :param source: the file as read
    :returns: the same problems, each with its place
    """
    sheets = {sheet.name: sheet for sheet in source.sheets}
    first = next((name for name in [*known, *sheets] if name in sheets), "")
    rows: dict[str, Mapping[int, Sequence[Cell]]] = {}

    def place(problem: Problem) -> Place | None:
        name = problem.sheet if problem.sheet in sheets else first
        if name not in sheets:
            return None
        if name not in rows:
            rows[name] = dict(sheets[name].rows)
        columns = known.get(name)
        if problem.row is not None:
            naming = columns.naming if columns is not None else None
            column = naming.column if naming is not None else _filled(rows[name].get(problem.row))
            return Place(name, problem.row, column)
        row = columns.row if columns is not None else _top(sheets[name])
        return Place(name, row, _filled(rows[name].get(row)))

    return [
        problem if problem.place is not None else replace(problem, place=place(problem))
        for problem in problems
    ]


def _filled(cells: Sequence[Cell] | None) -> int:
    return next((index for index, cell in enumerate(cells or ()) if text(cell)), 0)


def _top(sheet: Sheet) -> int:
    return sheet.rows[0][0] if sheet.rows else 1
