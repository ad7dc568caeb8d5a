"""What a file that comes back would do: its choices, its rows, and the preview as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ckanext.inventory.fields import canonical_json
from ckanext.inventory.model import Record
from ckanext.inventory.service import (
    bulk,
    bulk_edit,
)
from ckanext.inventory.spreadsheets import layout as layouts
from ckanext.inventory.spreadsheets.headers import MARKS as MARK_COLUMNS
from ckanext.inventory.spreadsheets.headers import Assignment
from ckanext.inventory.spreadsheets.merge import SEEN, Cell, mark_of
from ckanext.inventory.spreadsheets.messages import Message, Problem, on_one_line, shorten
from ckanext.inventory.spreadsheets.places import Columns
from ckanext.inventory.spreadsheets.planning.choices import Choices
from ckanext.inventory.spreadsheets.planning.known import Ref
from ckanext.inventory.spreadsheets.planning.outcome import NamedDepartment, Skipped
from ckanext.inventory.spreadsheets.reader import Cell as FileCell
from ckanext.inventory.spreadsheets.reader import Source, text
from ckanext.inventory.spreadsheets.returned import Unknown
from ckanext.inventory.types import ENTRY

Tell = Callable[[str, int], None]
"""Told what is being done (:data:`~ckanext.inventory.model.imports.READING`, …) and how many rows are."""


def tell_nobody(_step: str, _done: int) -> None:
    """Do without being told."""


NEW = "new"
OUT = "out"
"""How "the same one?" is answered besides a number: it is a new one, or leave the row out."""

ALL = "all"
SAME = "same"
"""Answers "the same one?" for all rows that the inventory knows by their very name or ID."""


def as_shown(cell: FileCell | None) -> str:
    """Return what a cell of the file says as its problems quote it.

    :param cell: the cell
    """
    return shorten(text(cell)) if cell is not None else ""


def as_said(cell: FileCell | None) -> str:
    """Return what a cell of the file says, whole: two long texts that begin alike don't say the same.

    :param cell: the cell
    """
    return on_one_line(text(cell)) if cell is not None else ""


@dataclass(frozen=True)
class Settled:
    """What whoever brings the file has chosen.

    :param choices: what the importer asks (department, columns, sheets, …)
    :param package_type: what a file that isn't ours lists
    :param fixes: ``sheet!row!column`` to the text that stands for the cell
    :param fixes_all: ``sheet!column`` to what cells say there to the text that stands for all of these
    :param left_out: ``sheet!row`` of rows that stay out; ``all`` for all that an error holds
    :param conflicts: ``number!cell`` to ``mine`` or ``stored``, with the mark of what was seen as stored
    :param all_conflicts: ``mine`` or ``stored`` for conflicts that aren't settled by themselves
    :param same: ``sheet!row`` to a number, ``new`` or ``out``; ``all`` to ``same`` for rows that are
        there by the same name or ID and weren't answered
    :param submit: ``sheet!row`` of new rows to submit; ``all`` for all that have what it takes
    """

    choices: Choices = field(default_factory=Choices)
    package_type: str = ENTRY
    fixes: Mapping[str, str] = field(default_factory=dict[str, str])
    fixes_all: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    left_out: frozenset[str] = frozenset()
    conflicts: Mapping[str, str] = field(default_factory=dict[str, str])
    all_conflicts: str = ""
    same: Mapping[str, str] = field(default_factory=dict[str, str])
    submit: frozenset[str] = frozenset()

    def fix(self, sheet: str, row: int, column: str, cell: FileCell | None) -> str | None:
        """Return the text that stands for a cell: its own, or that of all that say the same.

        :param sheet: its sheet
        :param row: its row
        :param column: its column
        :param cell: what it says in the file
        """
        if not self.fixes and not self.fixes_all:
            return None
        own = self.fixes.get(f"{sheet}!{row}!{column}")
        alike = self.fixes_all.get(f"{sheet}!{column}") if own is None else None
        return alike.get(as_said(cell)) if alike else own

    def own_fix(self, sheet: str, row: int, column: str) -> str | None:
        """Return the text that stands for one cell alone.

        :param sheet: its sheet
        :param row: its row
        :param column: its column
        """
        return self.fixes.get(f"{sheet}!{row}!{column}") if self.fixes else None

    def is_the_same(self, where: str, known: Ref | None) -> str:
        """Return how "the same one?" is answered for a row.

        :param where: its place
        :param known: the record that bears its very name or ID
        :returns: a number, ``new`` or ``out``; empty if it wasn't answered
        """
        answer = self.same.get(where, "")
        if not answer and known is not None and self.same.get(ALL) == SAME:
            return known.number
        return answer


@dataclass
class RowPlan:
    """What one row of the file would do.

    A row of a sheet of rows, such as Blockers, has a plan of its own: an error in it holds it, and it can be
    left out, while the record that it belongs to takes its other changes.

    :param sheet: its sheet
    :param row: its number there
    :param package_type: what it is about
    :param title: its name
    :param record: the record that it is, None for a new one
    :param base: the record's content when the file was downloaded
    :param stored: its content now
    :param cells: its cells that somebody wrote into, compared
    :param content: fields of a new record
    :param marks: marks of a new record
    :param failed: an error holds it
    :param left_out: it stays out by choice
    :param same: a record that it looks like
    :param edit: the change, validated
    :param new: the new record, validated
    :param back_to_review: it was approved, and saving sends it back
    :param submit: it is submitted in the same step
    :param rows: fields of rows, by kind, that the file writes into
    :param rows_at: ``field/kind`` to the rows that say these, where they stand on a sheet of their own
    :param part_of: the record's row, for a row of such a sheet
    :param without_row: it stands for a record that only such rows write into
    """

    sheet: str
    row: int
    package_type: str
    title: str = ""
    record: Record | None = None
    base: Mapping[str, Any] = field(default_factory=dict[str, Any])
    stored: Mapping[str, Any] = field(default_factory=dict[str, Any])
    cells: list[Cell] = field(default_factory=list[Cell])
    content: dict[str, Any] = field(default_factory=dict[str, Any])
    marks: dict[str, Any] = field(default_factory=dict[str, Any])
    failed: bool = False
    left_out: bool = False
    same: Ref | None = None
    edit: bulk_edit.Edit | None = None
    new: bulk.NewRecord | None = None
    back_to_review: bool = False
    submit: bool = False
    rows: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=dict[str, dict[str, dict[str, Any]]]
    )
    rows_at: dict[str, RowPlan] = field(default_factory=dict[str, "RowPlan"])
    part_of: RowPlan | None = None
    without_row: bool = False

    @property
    def where(self) -> str:
        """Its place, as choices name it."""
        return f"{self.sheet}!{self.row}"

    def place_of(self, key: str) -> str:
        """Return the place of the row that a cell stands in.

        :param key: the cell's key
        """
        line = self.rows_at.get(key.rpartition("/")[0])
        return line.where if line is not None else self.where

    @property
    def changes_marks(self) -> list[Cell]:
        """Its cells that set a mark."""
        names = MARK_COLUMNS.get(self.package_type, ())
        return [cell for cell in self.cells if cell.goes_in and cell.key in names]

    @property
    def changes(self) -> bool:
        """Whether saving would change something of a known record."""
        return bool(self.edit is not None and self.edit.changes) or bool(self.changes_marks)


@dataclass
class Preview:
    """What saving a file would do.

    :param filename: its name
    :param digest: SHA-256 of its bytes
    :param source: the file as read
    :param ours: it is a workbook of ours
    :param rows: rows that would do something, or that something holds
    :param problems: everything that is wrong, by sheet, row and column
    :param notes: remarks on the whole file
    :param unknown: columns of a workbook of ours whose headers aren't understood
    :param columns: what each column of a file that isn't ours means
    :param places: name of a sheet to where its columns stand in the file
    :param read: rows that were read
    :param unchanged: known records without a difference
    :param missing: records of the department that the file doesn't hold
    :param refused: rows of a list that isn't ours that an error keeps out
    :param skipped: rows of a list that isn't ours that stand in it twice
    :param named: departments of a list that isn't ours that are to be mapped or left out
    :param department_rows: rows of it that stay out because their department does
    :param offered: field to the texts that a fix of its cells may be chosen from
    :param lacking: what has to be said first, a column of it or its department
    :param closed: whoever brings it may not add to the department, so that no row was read
    :param departments: organization ids that new rows go to
    :param part: id of the part that it says it is
    :param downloaded: when the workbook was downloaded, empty if unknown
    :param names: what ids stand for
    :param settled: the choices that it was made with
    """

    filename: str
    digest: str
    source: Source
    ours: bool = True
    rows: list[RowPlan] = field(default_factory=list[RowPlan])
    problems: list[Problem] = field(default_factory=list[Problem])
    notes: list[Message] = field(default_factory=list[Message])
    unknown: list[Unknown] = field(default_factory=list[Unknown])
    columns: list[tuple[str, list[Assignment]]] = field(
        default_factory=list[tuple[str, list[Assignment]]]
    )
    places: dict[str, Columns] = field(default_factory=dict[str, Columns])
    read: int = 0
    unchanged: int = 0
    missing: int = 0
    refused: int = 0
    skipped: list[Skipped] = field(default_factory=list[Skipped])
    named: list[NamedDepartment] = field(default_factory=list[NamedDepartment])
    department_rows: int = 0
    offered: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    lacking: Message | None = None
    closed: bool = False
    departments: set[str] = field(default_factory=set[str])
    part: str = ""
    downloaded: str = ""
    names: layouts.Names = layouts.NO_NAMES
    settled: Settled = field(default_factory=Settled)

    @property
    def new(self) -> list[RowPlan]:
        """Rows that would make a record."""
        return [
            row for row in self.rows if row.new is not None and not (row.failed or row.left_out)
        ]

    @property
    def changed(self) -> list[RowPlan]:
        """Rows that would change a record."""
        return [
            row
            for row in self.rows
            if row.record is not None and row.changes and not (row.failed or row.left_out)
        ]

    @property
    def held(self) -> list[RowPlan]:
        """Rows that have to be fixed or left out before anything is saved."""
        return [row for row in self.rows if row.failed and not row.left_out]

    @property
    def strange(self) -> list[NamedDepartment]:
        """Departments that still have to be mapped or left out."""
        return [item for item in self.named if item.chosen is None]

    @property
    def can_be_saved(self) -> bool:
        """Whether there is something to save, and nothing left to choose."""
        return bool((self.new or self.changed) and not self.conflicts) and not (
            self.held or self.strange or self.lacking
        )

    @property
    def conflicts(self) -> list[tuple[RowPlan, Cell]]:
        """Cells that still have to be chosen."""
        return [
            (row, cell) for row in self.rows if not row.left_out for cell in row.cells if cell.open
        ]

    @property
    def chosen(self) -> dict[str, str]:
        """How conflicts are settled, each with the mark of the stored value that it was chosen against."""
        return {
            f"{row.record.number}!{cell.key}": f"{cell.chosen}{SEEN}{mark_of(cell.stored)}"
            for row in self.rows
            if row.record is not None
            for cell in row.cells
            if cell.chosen
        }

    @property
    def fingerprint(self) -> str:
        """Tell this preview from any other: the same file, choices, revisions and outcome."""
        made = self._made
        parts: list[Any] = [self.digest]
        for row in self.new:
            parts.append([row.where, _without_ids(row.content, made), row.marks, row.submit])
        for row in self.changed:
            record = cast(Record, row.record)
            cells = [
                [cell.key, cell.stored, _without_ids(cell.file, made)]
                for cell in row.cells
                if cell.goes_in
            ]
            parts.append([record.package_id, record.revision, cells, row.back_to_review])
        for row, cell in self.conflicts:
            # whoever chooses one side has seen both
            parts.append([row.where, cell.key, cell.stored, _without_ids(cell.file, made)])
        return hashlib.sha256(canonical_json(parts).encode()).hexdigest()

    @property
    def _made(self) -> dict[str, str]:
        """What stands for the ids of new records, which are made up at each look."""
        return {row.new.package_id: row.where for row in self.rows if row.new is not None}

    @property
    def shown(self) -> dict[tuple[str, str], str]:
        """Every cell of the file that is shown: its place and field, and what it says."""
        return self._cells(self.rows, every=True)

    @property
    def going_in(self) -> dict[tuple[str, str], str]:
        """Every cell of the file that saving would write."""
        return self._cells([*self.new, *self.changed], every=False)

    def _cells(self, rows: Sequence[RowPlan], *, every: bool) -> dict[tuple[str, str], str]:
        made = self._made
        found: dict[tuple[str, str], str] = {}
        for row in rows:
            values = {**row.content, **row.marks} if row.new is not None else {}
            for name, by_kind in row.rows.items() if row.new is not None else ():
                values.pop(name, None)
                values |= {f"{name}/{kind}/": edits for kind, edits in by_kind.items()}
            values |= {cell.key: cell.file for cell in row.cells if every or cell.goes_in}
            for key, value in values.items():
                found[row.place_of(key), f"{row.where} {key}"] = canonical_json(
                    _without_ids(value, made)
                )
        return found


def _without_ids(value: Any, made: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return made.get(value, value)
    if isinstance(value, list):
        return [_without_ids(item, made) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {name: _without_ids(item, made) for name, item in items}
    return value


def rows_of(content: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the rows of a field.

    :param content: a record's content
    :param name: the field
    """
    return list(content.get(name) or [])
