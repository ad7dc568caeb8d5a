"""A row on its way to a record: what it is planned with, its cells, and what was read of them so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ckanext.inventory.fields import FieldSpec, Schema
from ckanext.inventory.spreadsheets.headers import COMMENTS, Assignment, Fate, can_be_given
from ckanext.inventory.spreadsheets.messages import Message, Place, Problem, Severity, shorten
from ckanext.inventory.spreadsheets.reader import Cell, Column, text
from ckanext.inventory.spreadsheets.synonyms import Synonyms
from ckanext.inventory.spreadsheets.values import Reader
from ckanext.inventory.vocabularies import Vocabularies

from .choices import Choices
from .departments import Departments
from .known import Known, fold
from .outcome import Plan
from .recognition import Recogniser
from .sources import Sources

Refusal = Callable[[str], str]
"""Says why a field or mark may not be written (an English sentence), or nothing."""


@dataclass(frozen=True)
class Task:
    """What all rows of a file are planned with.

    :param schema: schema of what is imported
    :param vocabularies: the lists in force
    :param synonyms: other people's headers
    :param known: what is there already
    :param choices: what was chosen
    :param cells: reads the cells
    :param refusal: why the person may not write a field, empty where they may
    :param plan: gets the rows and problems
    :param departments: the departments that rows name
    :param sources: the sources that rows name
    :param recogniser: tells rows whose record is there already
    """

    schema: Schema
    vocabularies: Vocabularies
    synonyms: Synonyms
    known: Known
    choices: Choices
    cells: Reader
    refusal: Refusal
    plan: Plan
    departments: Departments
    sources: Sources
    recogniser: Recogniser


@dataclass(frozen=True)
class Columns:
    """The columns of a table that are read.

    :param sheet: the table's sheet
    :param used: the columns, with what they mean
    :param day_first: index of a column of dates to how it writes them, None where it doesn't tell
    :param origin: name of the list that the IDs belong to
    :param width: how many columns the sheet has
    """

    sheet: str
    used: Sequence[Assignment]
    day_first: Mapping[int, bool | None]
    origin: str
    width: int

    def first(self, target: str) -> Column:
        """Return the first column that fills a field.

        :param target: the field
        """
        return next(item.column for item in self.used if item.target == target)


@dataclass
class Draft:
    """A row, and what was read of it so far.

    :param task: what it is planned with
    :param columns: the columns that are read
    :param number: its row in the sheet
    :param cells: its cells
    :param department: organization id, or a new department's
    :param content: the fields
    :param marks: what our tables hold besides
    :param blocker: parts that all its blockers share
    :param blocker_kinds: kinds of its blockers
    :param comments: what fits nowhere else
    :param beside: fields without a column of their own to what other columns add to them: header, text
    :param failed: an error keeps it out
    :param existing: the record is there already
    :param lacking: positions beyond the sheet's columns to the fields that were given there
    """

    task: Task
    columns: Columns
    number: int
    cells: tuple[Cell, ...]
    department: str = ""
    content: dict[str, Any] = field(default_factory=dict[str, Any])
    marks: dict[str, Any] = field(default_factory=dict[str, Any])
    blocker: dict[str, Any] = field(default_factory=dict[str, Any])
    blocker_kinds: list[str] = field(default_factory=list[str])
    comments: list[str] = field(default_factory=list[str])
    beside: dict[str, list[tuple[str, str]]] = field(
        default_factory=dict[str, list[tuple[str, str]]]
    )
    failed: bool = False
    existing: bool = False
    lacking: dict[int, str] = field(default_factory=dict[int, str])

    def give(self, given: Mapping[str, str]) -> None:
        """Put texts where the file would have columns, for fields that it has none for.

        :param given: field to text
        """
        there = {item.target for item in self.columns.used}
        for name, written in given.items():
            spec = self.fields.get(name)
            if spec is None or name in there or not can_be_given(self.task.schema, name):
                continue
            if self.task.refusal(name):
                continue
            index = self.columns.width + len(self.lacking)
            self.lacking[index] = name
            header = self.task.cells.say(spec.label)
            column = Assignment(Column(index, header, ""), Fate.USED, name)
            self.columns = replace(self.columns, used=[*self.columns.used, column])
            self.cells = (*self.cells, *[""] * (index - len(self.cells)), written)

    @property
    def fields(self) -> Mapping[str, FieldSpec]:
        """The fields of the schema."""
        return self.task.schema.fields

    def cell(self, item: Assignment) -> Cell:
        """Return the cell of a column, empty beyond the row's end.

        :param item: the column
        """
        index = item.column.index
        return self.cells[index] if index < len(self.cells) else ""

    def texts(self, target: str) -> list[tuple[Assignment, str]]:
        """Return the filled cells for a field, without words that say that there is nothing.

        :param target: the field
        :returns: column and text of each
        """
        found: list[tuple[Assignment, str]] = []
        for item in self.columns.used:
            if item.target == target and item.fate is Fate.USED:
                written = text(self.cell(item))
                if written and self.task.vocabularies.match_word(written) != "":
                    found.append((item, written))
        return found

    def filled(self) -> frozenset[str]:
        """Return the fields that the row's own cells fill, without what follows from them."""
        return frozenset(
            item.target.partition(".")[0]
            for item in self.columns.used
            if item.fate is Fate.USED and text(self.cell(item))
        )

    def warn(self, column: Column, value: str, message: Message, suggestion: str = "") -> None:
        """Say that a cell stays out.

        :param column: its column
        :param value: the cell's text
        :param message: what is wrong
        :param suggestion: the nearest accepted value
        """
        self._problem(Severity.WARNING, column, value, message, suggestion)

    def fail(self, column: Column, value: str, message: Message) -> None:
        """Say that the row stays out.

        :param column: column of the cell that keeps it out
        :param value: the cell's text
        :param message: what is wrong
        """
        self.failed = True
        self._problem(Severity.ERROR, column, value, message)

    def _problem(
        self, severity: Severity, column: Column, value: str, message: Message, suggestion: str = ""
    ) -> None:
        lacking = self.lacking.get(column.index, "")
        self.task.plan.problems.append(
            Problem(
                severity,
                self.columns.sheet,
                self.number,
                "" if lacking else column.label,
                shorten(value),
                message,
                suggestion,
                lacking,
                None if lacking else Place(self.columns.sheet, self.number, column.index),
                column.label if lacking else "",
            )
        )

    def comment(self, column: str, written: str) -> Message:
        """Keep text that fits nowhere else.

        :param column: header of its column
        :param written: the text
        :returns: where it is kept
        """
        self.comments.append(f"{column}: {written}")
        spec = self.fields.get(COMMENTS)
        return _kept_in(spec) if spec is not None else Message("The text stays out.")

    def add_beside(self, name: str, column: str, written: str) -> None:
        """Note what a column adds to another field, for a record that is there already.

        :param name: the field
        :param column: header of the column
        :param written: the text, or the value
        """
        self.beside.setdefault(name, []).append((column, written))

    def keep(self, name: str, column: str, rest: str) -> Message:
        """Keep text that didn't fit in the field's companion, else in the comments.

        :param name: the field
        :param column: header of the column
        :param rest: the text
        :returns: where it is kept
        """
        companion = self.task.synonyms.companions.get(name, "")
        if companion not in self.fields or self.task.refusal(companion):
            return self.comment(column, rest)
        self.add_beside(companion, column, rest)
        before = self.content.get(companion)
        if not before:
            self.content[companion] = rest
        elif fold(rest) not in fold(str(before)):
            self.content[companion] = f"{before}\n{rest}"
        spec = self.fields[companion]
        if self.existing and spec.kind not in ("long_text", "markdown"):
            # Nothing replaces what such a field of the record says already.
            return Message(
                'The text is kept in "%(field)s", or in the comments if something else stands there.',
                {"field": Message(spec.label)},
            )
        return _kept_in(spec)

    def finish_comments(self) -> None:
        """Put what was kept into the field for comments."""
        if self.comments and COMMENTS in self.fields:
            self.content[COMMENTS] = "\n".join(self.comments)


def _kept_in(spec: FieldSpec) -> Message:
    return Message('The text is kept in "%(field)s".', {"field": Message(spec.label)})
