"""What comparing a file stands on: who brings it, what is there, and what was found so far."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config, policy, vocabularies
from ckanext.inventory.fields import FieldSpec, schema_for
from ckanext.inventory.model import Record, Revision
from ckanext.inventory.model.imports import CHECKING
from ckanext.inventory.policy import Act
from ckanext.inventory.service import (
    bulk,
    facts,
    imports,
    register,
    search,
    workbooks,
)
from ckanext.inventory.service.search import Query
from ckanext.inventory.spreadsheets import layout as layouts
from ckanext.inventory.spreadsheets import merge, returned, synonyms
from ckanext.inventory.spreadsheets.headers import can_be_given
from ckanext.inventory.spreadsheets.layout import Column, Role
from ckanext.inventory.spreadsheets.messages import Message, Place, Problem, Severity, also, shorten
from ckanext.inventory.spreadsheets.planning.known import fold
from ckanext.inventory.spreadsheets.reader import text
from ckanext.inventory.spreadsheets.returned import Line, Page
from ckanext.inventory.spreadsheets.values import Reader, Reading
from ckanext.inventory.types import ENTRY, SOURCE, Person

from .plans import Preview, RowPlan, Settled, Tell
from .sameness import Sameness


class Ground:
    """What all comparisons of one file share."""

    def __init__(
        self,
        session: Session,
        person: Person,
        user_name: str,
        settled: Settled,
        found: Preview,
        tell: Tell,
    ) -> None:
        self.session = session
        self.person = person
        self.user_name = user_name
        self.settled = settled
        self.preview = found
        self.tell = tell
        self.words = vocabularies.load()
        self.sameness = Sameness(session, person)
        self.names = workbooks.names_when_asked(
            session, person, search.conditions(person, Query(ENTRY))
        )
        found.names = self.names
        self.department = settled.choices.department
        self.known: dict[str, RowPlan] = {}
        self.intact: dict[str, tuple[str, int, str]] = {}
        self.new_titles: dict[str, RowPlan] = {}
        self.same_titles: dict[str, RowPlan] = {}
        self.asked: set[str] = set()
        self._links: dict[tuple[str, str], dict[str, str]] = {}

    @cached_property
    def cells(self) -> Reader:
        """What reads cells. A file that nobody wrote into never needs it."""
        return Reader(
            self.words,
            synonyms.load(),
            {},
            imports.licenses(),
            day_first=self.settled.choices.day_first or config.import_day_first(),
            year=clock.today().year,
            say=self.names.say,
        )

    def checked(self, before: int) -> Callable[[int], None]:
        """Return what is told how many more rows are checked.

        :param before: how many were checked before these
        """
        return lambda done: self.tell(CHECKING, before + done)

    def records(self, numbers: Iterable[str]) -> dict[str, Record]:
        """Return the records that bear numbers, as far as the person may read them.

        :param numbers: their numbers
        :returns: number to record
        """
        wanted = set(numbers)
        if not wanted:
            return {}
        query = sa.select(Record).where(Record.number.in_(wanted), Record.package_state == "active")
        return {
            row.number: row
            for row in self.session.scalars(query)
            if policy.may(self.person, Act.READ, facts.of_record(row))
        }

    def readable(self, package_type: str, numbers: Iterable[str]) -> set[str]:
        """Return which numbers are borne by records that the person may read, and load none of these.

        :param package_type: the records' type
        :param numbers: the numbers
        """
        wanted = set(numbers)
        if not wanted:
            return set()
        # One text each way: thousands of parameters or rows take longer to be written and read than to be
        # found. A number holds no space, so that what holds one is no number, and isn't found.
        asked = sa.func.string_to_array(" ".join(wanted), " ", type_=ARRAY(sa.Text))
        query = sa.select(sa.func.string_agg(Record.number, " ")).where(
            Record.number == sa.any_(asked),
            Record.package_type == package_type,
            Record.package_state == "active",
            search.visible(policy.scope(self.person)),
        )
        return wanted.intersection((self.session.scalar(query) or "").split(" "))

    def base(
        self, lines: Sequence[tuple[Line, Record]], stored: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Mapping[str, Any]]:
        """Return the contents of the revisions that were downloaded.

        :param lines: rows of the file and their records
        :param stored: package id to content now
        :returns: package id to content then
        """
        base: dict[str, Mapping[str, Any]] = {}
        older: set[tuple[str, int]] = set()
        for line, record in lines:
            base[record.package_id] = stored.get(record.package_id, {})
            if line.token is not None and line.token.revision != record.revision:
                older.add((record.package_id, line.token.revision))
        if older:
            found = register.contents_at(self.session, older)
            base |= {package_id: content for (package_id, _), content in found.items()}
        return base

    def base_at(
        self,
        records: Iterable[Record],
        at: str,
        stored: Mapping[str, Mapping[str, Any]],
    ) -> dict[str, Mapping[str, Any]]:
        """Return what records held at some time.

        :param records: the records
        :param at: the time, ISO 8601; empty or nonsense for now
        :param stored: package id to content now
        :returns: package id to content then; now, for one that was made later
        """
        base = dict(stored)
        try:
            moment = dt.datetime.fromisoformat(at)
        except ValueError:
            return base
        if moment.tzinfo is None:
            return base
        query = (
            sa.select(Revision.package_id, Revision.content)
            .where(
                Revision.package_id.in_([record.package_id for record in records]),
                # the file's time has whole seconds
                Revision.at < moment + dt.timedelta(seconds=1),
            )
            .distinct(Revision.package_id)
            .order_by(Revision.package_id, Revision.revision.desc())
        )
        return base | {row.package_id: row.content for row in self.session.execute(query)}

    def read_mark(self, plan: RowPlan, name: str, written: str) -> tuple[bool, Any]:
        """Read the cell of a mark.

        :param plan: its row
        :param name: the mark
        :param written: what the cell says
        :returns: whether it was understood, and the value
        """
        if name == "assignee":
            if not written:
                return True, None
            by_name = {fold(shown): key for key, shown in self.names.people.items()}
            user = imports.people(self.session, self.departments_of(plan)).get(
                fold(written), by_name.get(fold(written))
            )
            if user:
                return True, user
            message = Message(
                "No member of the department has this name or e-mail address: it stays as it was."
                if plan.record is not None
                else "No member of the department has this name or e-mail address: nobody is assigned."
            )
        else:
            list_name = layouts.MARK_LISTS.get(name, name)
            choices = self.words.choices(list_name)
            value = returned.value_of_label(choices, written, self.names.say) or (
                self.words.match(list_name, written) if written else None
            )
            if value:
                return True, mark_value(name, value)
            labels = ", ".join(self.names.say(choice.label) for choice in choices)
            message = also(
                Message("It is none of the values: %(values)s.", {"values": labels}),
                _STAYS if plan.record is not None else Message("The cell stays empty."),
            )
        label = layouts.MARK_HEADERS[name][0]
        self.problem(plan, Severity.WARNING, name, written, message, fixable=True, label=label)
        return False, None

    def departments_of(self, plan: RowPlan) -> set[str]:
        """Return the department of a row.

        :param plan: the row
        """
        if plan.record is not None:
            return {plan.record.department}
        return {str(plan.content.get("owner_org") or self.department or "")}

    def resolver(self, spec: FieldSpec, plan: RowPlan) -> Callable[[str], str | None]:
        """Return what finds other records that a cell names.

        :param spec: the cell's field
        :param plan: its row
        """
        package_type = SOURCE if spec.kind == "source_list" else ENTRY

        def resolve(written: str) -> str | None:
            number = returned.reference(written)
            if number:
                return self._linkable(package_type, plan).get(number)
            title = fold(written)
            same = self.same_titles.get(f"{package_type}!{title}")
            if same is not None and same.record is not None:
                return same.record.package_id
            new = self.new_titles.get(f"{package_type}!{title}")
            if new is not None and new.new is not None:
                return new.new.package_id
            return self._linkable(package_type, plan).get(title)

        return resolve

    def _linkable(self, package_type: str, plan: RowPlan) -> dict[str, str]:
        """Return what a record may name: by number, and by name within its department."""
        department = next(iter(self.departments_of(plan)))
        key = (package_type, department)
        if key not in self._links:
            conditions = [Record.package_type == package_type, Record.package_state == "active"]
            mine = search.visible(policy.scope(self.person))
            if package_type == SOURCE and policy.departments_of(self.person):
                mine = sa.or_(mine, Record.shared.is_(sa.true()))
            query = sa.select(
                Record.package_id, Record.number, Record.title, Record.department
            ).where(*conditions, mine)
            found: dict[str, str] = {}
            for row in self.session.execute(query):
                found[row.number] = row.package_id
                if row.department == department:
                    found.setdefault(fold(row.title), row.package_id)
            self._links[key] = found
        return self._links[key]

    def new_record(self, plan: RowPlan) -> None:
        """Let a row make a record.

        :param plan: the row
        """
        plan.new = bulk.NewRecord(
            plan.content,
            plan.marks,
            (self.preview.digest, plan.sheet, plan.row),
        )
        self.new_titles.setdefault(f"{plan.package_type}!{fold(plan.title)}", plan)

    def problem(
        self,
        row: RowPlan,
        severity: Severity,
        about: str,
        value: str,
        message: Message,
        suggestion: str = "",
        *,
        fixable: bool = False,
        label: str = "",
    ) -> None:
        """Note what is wrong with a row or one of its cells.

        :param row: the row; an error holds it
        :param severity: whether it holds the row
        :param about: the cell: a field or mark, or ``field/kind/part`` of a field of rows; empty for
            the row as a whole
        :param value: what the cell says
        :param message: what is wrong, and what to do
        :param suggestion: what was probably meant
        :param fixable: something else may be put into the cell here
        :param label: our name of the field, for a file that has no column for it
        """
        for there, part in self._told_at(row, about):
            if severity is Severity.ERROR:
                there.failed = True
            place, column = self._cell(there, part)
            key = self._key_of_fix(there, part, place) if fixable else ""
            self.preview.problems.append(
                Problem(
                    severity,
                    there.sheet,
                    there.row,
                    column,
                    shorten(value),
                    message,
                    suggestion,
                    key,
                    place,
                    "" if column else label,
                )
            )

    def _key_of_fix(self, row: RowPlan, part: str, place: Place | None) -> str:
        """Return what names a cell that can be fixed in place, also one of a column that the file lacks."""
        if place is not None:
            return part if self.preview.ours else at_column(place.column)
        schema = schema_for(row.package_type)
        if row.part_of is not None:
            parts = {sub.name for spec in schema.fields.values() for sub in spec.subfields}
            return part if self.preview.ours and part in parts else ""
        if self.preview.ours and part == layouts.DEPARTMENT:
            return part
        return part if can_be_given(schema, part) else ""

    def give(self, page: Page, line: Line, *, new: bool) -> None:
        """Let what was typed for columns that a sheet of ours lacks stand in a row, as cells without a place.

        :param page: the sheet
        :param line: the row
        :param new: it is a new row: what was typed for all empty cells goes into it, too
        """
        own, alike = self.settled.fixes, self.settled.fixes_all
        for column in page.layout.columns if own or alike else ():
            if column.key in line.places or column.role is Role.READ_ONLY:
                continue
            typed = f"{line.sheet}!{line.row}!{column.key}" in own
            if typed or (new and "" in alike.get(f"{line.sheet}!{column.key}", {})):
                line.cells[column.key] = ""

    def _told_at(self, row: RowPlan, about: str) -> list[tuple[RowPlan, str]]:
        """Find the rows of the file that a problem is told at, and what it is about there."""
        kind, _, part = about.rpartition("/")
        line = row.rows_at.get(kind)
        if line is not None:
            return [(line, part)]
        lines = [line for line in row.rows_at.values() if not line.left_out]
        if row.without_row and lines:
            return [(line, "") for line in lines]
        return [(row, about)]

    def _cell(self, row: RowPlan, about: str) -> tuple[Place | None, str]:
        """Find a cell of a row in the file, and how the file calls its column."""
        field, _, rest = about.partition("/")
        part = rest.rpartition("/")[2]
        columns = self.preview.places.get(row.sheet)
        found = columns.find(f"{field}.{part}" if part else field) if columns is not None else None
        if found is None:
            return None, ""
        return Place(row.sheet, row.row, found.column), found.label

    def not_the_same(self, plan: RowPlan, record: Record | None) -> Message | None:
        """Say why a row can't be the record that somebody answered.

        :param plan: the row
        :param record: the record, None if there is none that they may read
        :returns: why not, None if it can
        """
        if record is None or record.package_type != plan.package_type:
            return UNKNOWN
        if self.department and record.department != self.department:
            # They may read the record, and so know whose it is.
            return Message(
                'The record belongs to "%(department)s", which is another department: leave the row '
                "out, or bring the file there.",
                {"department": self.names.departments.get(record.department, "")},
            )
        known = self.known.get(record.number)
        if known is not None:
            return Message(
                "The record stands in row %(row)s, too: change it there, and leave this row out.",
                {"row": known.row},
            )
        return None

    def chosen(self, plan: RowPlan, key: str) -> str:
        """Return how a conflict was settled, as :func:`.merge.choice_on` takes it; empty if it wasn't.

        :param plan: the row
        :param key: the cell
        """
        number = plan.record.number if plan.record is not None else ""
        return self.settled.conflicts.get(f"{number}!{key}", self.settled.all_conflicts)

    def add_cell(
        self,
        plan: RowPlan,
        key: str,
        label: str,
        spec: FieldSpec | None,
        values: tuple[Any, Any, Any],
    ) -> None:
        """Compare a cell that somebody wrote into, three ways.

        :param plan: its row
        :param key: the field or mark
        :param label: what people read
        :param spec: the field, None for a mark
        :param values: when downloaded, now, in the file
        """
        plan.cells.append(merge.compare(key, label, spec, values, chosen=self.chosen(plan, key)))

    def fix(self, line: Line, key: str) -> str | None:
        """Return the text that stands for a cell of a new row, or for one that somebody wrote into.

        :param line: its row
        :param key: its column
        """
        if self.settled.fixes_all:
            self.asked.add(f"{line.sheet}!{line.row}!{key}")
        return self.settled.fix(line.sheet, line.row, key, line.cells.get(key, ""))

    def read(
        self,
        page: Page,
        line: Line,
        plan: RowPlan,
        column: Column,
        before: Any,
        *,
        needed: bool = False,
    ) -> tuple[bool, Any]:
        """Read a cell that somebody wrote into.

        :param page: its sheet
        :param line: its row in the file
        :param plan: its row
        :param column: its column
        :param before: its value when it was downloaded
        :param needed: without it the row can't go in
        :returns: False if it wasn't understood, and the value
        """
        assert column.spec is not None
        fix = self.fix(line, column.key)
        cell = line.cells[column.key] if fix is None else fix
        resolve = self.resolver(column.spec, plan)
        reading = returned.read_cell(
            column.spec,
            cell,
            self.cells,
            resolve,
            before,
            plain=page.plain and fix is None,
            say=self.names.say,
        )
        new = plan.record is None and line.token is None
        message = self._not_all_taken(column.spec, reading, new=new)
        needed = needed and reading.message is not None
        if needed and reading.message is not None:
            message = also(reading.message, _CHOOSE)
        if message is not None:
            self.problem(
                plan,
                Severity.ERROR if needed else Severity.WARNING,
                column.key,
                text(cell),
                message,
                reading.suggestion,
                fixable=True,
                label=column.spec.label,
            )
        if reading.message is None or (new and reading.value is not None):
            return True, reading.value
        return False, None

    def _not_all_taken(self, spec: FieldSpec, reading: Reading, *, new: bool) -> Message | None:
        """Say what is wrong with a cell, and what becomes of it; None if all of it goes in.

        What is known stays as it was as long as a part of the cell isn't understood; a new row takes
        the other parts.
        """
        if reading.message is None and not reading.rest:
            return None
        value = shorten(str(layouts.write(spec, reading.value, self.names)))
        if reading.message is None:
            return Message(
                'Only "%(value)s" goes in: "%(part)s" has no place here.',
                {"value": value, "part": shorten(reading.rest)},
            )
        if not new:
            return also(reading.message, _STAYS)
        if reading.value is None:
            return also(reading.message, Message("The cell stays empty."))
        return also(reading.message, Message('"%(value)s" goes in.', {"value": value}))


COLUMN = "@"
"""Begins the key of a column of a file that isn't ours: ``@`` and its position."""


def at_column(index: int) -> str:
    """Return the key of a column of a file that isn't ours.

    :param index: its position, from 0
    """
    return f"{COLUMN}{index}"


def column_at(key: str) -> int | None:
    """Return the position, from 0, that a key of a column names; None for a field.

    :param key: what a fix names
    """
    index = key.removeprefix(COLUMN)
    if key == index or not index.isascii() or not index.isdigit() or len(index) > _DIGITS:
        return None
    return int(index)


_DIGITS = 5


_STAYS = Message("The cell stays as it was.")
_CHOOSE = Message("Choose one of them, or leave the row out.")

UNKNOWN = Message(
    "There is no record with this number, or none that you may see. Leave the number empty to add a "
    "new one."
)


def mark_value(name: str, written: str) -> Any:
    """Return the value of a mark from how a file holds it.

    :param name: the mark
    :param written: its value as text
    """
    if name in ("in_directory", "shared"):
        return written == "yes"
    return written or None
