"""The plan: what an import would make, skip, leave out and say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ckanext.inventory.spreadsheets.headers import Assignment
from ckanext.inventory.spreadsheets.messages import Message, Problem

from .known import Ref

NEW = "new:"
"""Prefix of the id of a department that the import would create."""


@dataclass(frozen=True)
class Row:
    """A record that the import would create.

    :param sheet: the sheet that it comes from
    :param number: its row there
    :param department: organization id, or a new department's (``new:…``)
    :param content: the fields
    :param marks: what our tables hold besides (assignee, visibility, …)
    :param existing: the record that it is, or may be; None for a new one
    :param written: fields that the row itself fills
    :param beside: other fields to what its columns add to them: header and text
    """

    sheet: str
    number: int
    department: str
    content: dict[str, Any]
    marks: dict[str, Any]
    existing: Ref | None = None
    written: frozenset[str] = frozenset()
    beside: Mapping[str, Sequence[tuple[str, str]]] = field(
        default_factory=dict[str, Sequence[tuple[str, str]]]
    )


@dataclass(frozen=True)
class Skipped:
    """A row whose record is already there.

    :param sheet: its sheet
    :param row: its row
    :param title: its title
    :param reason: why it is skipped
    :param taken: somebody said that it is another one, so that it goes in all the same
    """

    sheet: str
    row: int
    title: str
    reason: Message
    taken: bool = False


@dataclass(frozen=True)
class NewDepartment:
    """A department that rows name and nobody knows.

    :param id: stands for it in the plan (``new:…``)
    :param title: as the file writes it
    :param short: a shorter name that the file gives, empty without one
    :param rows: how many rows name it
    """

    id: str
    title: str
    short: str
    rows: int


@dataclass(frozen=True)
class NamedDepartment:
    """A department of the file whose rows nobody can add as it stands there.

    :param title: as the file writes it
    :param rows: how many rows name it
    :param forbidden: there is one, but whoever imports may not add to it
    :param chosen: organization id that it stands for, empty if its rows stay out, None as long as
        nothing is chosen
    :param near: id of the department with the nearest name, or that took over, empty without one
    :param heir: title of the department that it was merged into, empty if it wasn't
    """

    title: str
    rows: int
    forbidden: bool
    chosen: str | None
    near: str
    heir: str = ""


@dataclass(frozen=True)
class Offer:
    """A source that entries name and that isn't registered.

    :param department: organization id
    :param title: as the file writes it
    :param rows: how many rows name it
    """

    department: str
    title: str
    rows: int


@dataclass
class Plan:
    """What an import would do.

    :param rows: the records to create
    :param known: rows whose record is there already, where they were asked for
    :param problems: what doesn't fit, by row and column
    :param skipped: rows that are already there
    :param columns: (sheet, what each column means)
    :param header_rows: sheet to the row of its headers
    :param notes: remarks on the whole file
    :param total: filled rows below the headers
    :param unknown_departments: departments that nobody knows, created if so chosen
    :param offers: sources that could be registered
    :param origin: name of the list that the IDs belong to
    :param named: departments of the file that are to be mapped or left out
    :param left_out: rows that stay out because their department does
    :param lacking: the column that has to be named first, None if all are there
    """

    rows: list[Row] = field(default_factory=list[Row])
    known: list[Row] = field(default_factory=list[Row])
    problems: list[Problem] = field(default_factory=list[Problem])
    skipped: list[Skipped] = field(default_factory=list[Skipped])
    columns: list[tuple[str, list[Assignment]]] = field(
        default_factory=list[tuple[str, list[Assignment]]]
    )
    header_rows: dict[str, int] = field(default_factory=dict[str, int])
    notes: list[Message] = field(default_factory=list[Message])
    total: int = 0
    unknown_departments: list[NewDepartment] = field(default_factory=list[NewDepartment])
    offers: list[Offer] = field(default_factory=list[Offer])
    origin: str = ""
    named: list[NamedDepartment] = field(default_factory=list[NamedDepartment])
    left_out: int = 0
    lacking: Message | None = None

    @property
    def refused(self) -> int:
        """How many rows an error keeps out."""
        skipped = sum(not item.taken for item in self.skipped)
        done = len(self.rows) + skipped + len(self.known) + self.left_out
        return self.total - done
