"""Filling workbooks: what somebody may read, as rows for the writer, never all at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any, TypeVar

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock, policy, vocabularies
from ckanext.inventory.fields import Schema, schema_for
from ckanext.inventory.model import Record, Revision
from ckanext.inventory.service import facets, imports, languages, review, search
from ckanext.inventory.service.marks import MARKS
from ckanext.inventory.service.search import Query
from ckanext.inventory.spreadsheets import layout as layouts
from ckanext.inventory.spreadsheets.headers import MARKS as MARK_COLUMNS
from ckanext.inventory.spreadsheets.layout import Column, Layout, Names, Role, Say
from ckanext.inventory.spreadsheets.stamp import Stamp, Token, checksum
from ckanext.inventory.spreadsheets.workbook import Book, Filled, Line, Value
from ckanext.inventory.types import ENTRY, SOURCE, Facts, Person, State, Visibility
from ckanext.inventory.vocabularies import Vocabularies
from ckanext.inventory.workflow import STATE_LABELS

BATCH = 500

BALLS: Mapping[str, str] = {
    "deciders": "Chief data officer or reviewer",
    "department": "The department",
    "publishers": "Whoever puts it on the portal",
    "nobody": "",
}

START = (
    "1. Fill in what you know. One row is one dataset (sheet Datasets) or one system (sheet Sources).",
    "2. New rows go below the last one. Leave the number empty: the inventory gives it.",
    "3. * marks what is needed to submit, ** what is needed before it can be approved, *** what is needed "
    "before it goes on the portal.",
    "4. Grey columns are read only. Number, state and decisions can't be changed through a file.",
    "5. Cells with a list offer its values; all of them stand on the sheet Lists.",
    "6. Several values in one cell: separate them with a semicolon, or write one a line.",
    "7. What stands in the way of a release goes on the sheet Blockers: one row per record and kind.",
    "8. Your own columns, colours, sorting and filters don't matter. A row that you delete here stays in the "
    "inventory.",
    "9. Save the file and upload it on the page Spreadsheet. You see every changed cell before anything is saved.",
    "10. If somebody else changed the same cell meanwhile, you are asked which text to keep.",
)

START_SEVERAL = (
    "2. New rows go below the last one. Leave the number empty: the inventory gives it. Choose the department "
    "from the list in its cell."
)
"""The second line, where new rows name their department."""

TO_READ = (
    "This workbook is for reading. What you write into it stays in your file: the departments' coordinators "
    "and the chief data officer bring workbooks back.",
    "One row is one dataset (sheet Datasets) or one system (sheet Sources). What stands in the way of a "
    "release is on the sheet Blockers.",
    "Select a header to read what its column means.",
)
"""What the first sheet says to those who bring nothing back."""


@dataclass(frozen=True)
class Wanted:
    """What a workbook should hold.

    :param department: organization id; None for all that the person may read
    :param query: the entries; None for none
    :param ids: only these entries
    :param part: id of the part that it is, for somebody without an account: the entries with what their
        department writes, and nothing else
    :param empty: no rows, a form to fill in
    :param departments: organization ids, for a workbook over some; all that the person may read if empty
    """

    department: str | None = None
    query: Query = field(default_factory=lambda: Query(ENTRY))
    ids: Collection[str] | None = None
    part: str = ""
    empty: bool = False
    departments: Collection[str] = ()


def schemas() -> dict[str, Schema]:
    """Return the schemas of both types."""
    return {package_type: schema_for(package_type) for package_type in (SOURCE, ENTRY)}


def locked(person: Person, department: str | None) -> dict[str, frozenset[str]]:
    """Return what somebody may not write, and sees as read only.

    :param person: who downloads
    :param department: organization id; None for a workbook over several
    :returns: package type to fields and marks
    """
    own = department or next(iter(sorted(policy.departments_of(person))), "")
    found: dict[str, frozenset[str]] = {}
    for package_type, schema in schemas().items():
        known = Facts("", package_type, own)
        shut = {
            name
            for name, spec in schema.fields.items()
            if not policy.may_write_field(person, known, spec.writers)
        }
        for name in MARK_COLUMNS.get(package_type, ()):
            act = policy.Act.ASSIGN if name == "assignee" else MARKS[name].act
            if not policy.may(person, act, known):
                shut.add(name)
        found[package_type] = frozenset(shut)
    return found


def layouts_for(person: Person, department: str | None) -> dict[str, Layout]:
    """Return the sheets of a workbook for somebody.

    :param person: who downloads
    :param department: organization id; None for a workbook over several
    :returns: key of the sheet to its layout
    """
    return layouts.layouts(
        schemas(),
        vocabularies.load(),
        departments=department is None,
        locked=locked(person, department),
    )


def build(
    session: Session, person: Person, wanted: Wanted, start: Sequence[str] | None = None
) -> Book:
    """Make a workbook ready to be written. Its rows are read while it is written.

    :param session: the database session
    :param person: who downloads; only what they may read is in it
    :param wanted: what it should hold
    :param start: what its first sheet says instead of the usual
    :returns: the workbook
    """
    now = clock.now()
    found = layouts_for(person, wanted.department)
    offered = _departments_to_choose(session, person, wanted)
    if offered:
        found = {key: layouts.with_departments_to_choose(sheet) for key, sheet in found.items()}
    language = languages.current()
    say = languages.sayer(language)
    filler = _Filler(session, person, wanted, say)
    to_read = not wanted.part and not brings_back(person)
    sheets: list[Filled] = []
    for key, layout in found.items():
        if wanted.part and key != ENTRY:
            continue
        stamp = Stamp(
            key,
            layout.digest,
            wanted.department or "",
            now.isoformat(timespec="seconds"),
            "" if wanted.part else person.user_id or "",
            wanted.part,
            "" if language == languages.ENGLISH else language,
        )
        shown = layouts.translated(layout, say)
        if to_read:
            shut = tuple(replace(column, role=Role.READ_ONLY) for column in shown.columns)
            shown = replace(shown, columns=shut)
        if wanted.part:
            kept = tuple(column for column in shown.columns if in_part(column))
            sheets.append(Filled(replace(shown, columns=kept), stamp, filler.part(layout)))
            continue
        rows = filler.rows(layout) if layout.rows_of else filler.records(layout)
        sheets.append(Filled(shown, stamp, iter(()) if wanted.empty else rows))
    title = filler.names.departments.get(filler.only_department() or "", "")
    if start is None:
        lines = (START[0], START_SEVERAL, *START[2:]) if offered else START
        start = [say(line) for line in (TO_READ if to_read else lines)]
    return Book(
        say("Data inventory: {department}").format(department=title)
        if title
        else say("Data inventory"),
        start,
        sheets,
        {} if wanted.part else {"source_ids": filler.sources(), layouts.DEPARTMENT: offered},
        now,
        say,
    )


def _departments_to_choose(session: Session, person: Person, wanted: Wanted) -> list[str]:
    """Return the departments that new rows of a workbook over several may name.

    Who adds to a single one has nothing to choose.
    """
    if wanted.department is not None or wanted.part:
        return []
    offered = imports.departments_offered(imports.departments_for(session, person))
    return offered if len(offered) > 1 else []


def brings_back(person: Person) -> bool:
    """Tell whether somebody brings workbooks back on the page for it.

    :param person: who downloads
    """
    return policy.is_cdo(person) or bool(policy.departments_of(person))


def in_part(column: Column) -> bool:
    """Tell whether a part holds a column: the number, and what the department itself writes.

    :param column: the column
    """
    return column.key == layouts.NUMBER or column.role is Role.FIELD


def mark_text(value: Any) -> str:
    """Write a mark's value for the hidden column.

    :param value: the value
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if value else ""


class _Filler:
    """Reads records and writes them as lines."""

    def __init__(self, session: Session, person: Person, wanted: Wanted, say: Say) -> None:
        self.session = session
        self.person = person
        self.wanted = wanted
        self.words = vocabularies.load()
        self.names = replace(load_names(session, person, self.conditions(ENTRY)), say=say)

    def conditions(self, package_type: str) -> list[sa.ColumnElement[bool]]:
        """Return which records of a type belong into the workbook."""
        wanted = self.wanted
        query = wanted.query if package_type == ENTRY else Query(SOURCE)
        found = search.conditions(self.person, query)
        if wanted.department is not None:
            found.append(Record.department == wanted.department)
        elif wanted.departments:
            found.append(Record.department.in_(list(wanted.departments)))
        if wanted.ids is not None and package_type == ENTRY:
            found.append(Record.package_id.in_(list(wanted.ids)))
        return found

    def only_department(self) -> str | None:
        """Return the department that all entries of the workbook are of; without entries, one's own."""
        if self.wanted.department is not None:
            return self.wanted.department
        query = sa.select(Record.department).where(*self.conditions(ENTRY)).distinct().limit(2)
        held = [] if self.wanted.empty else list(self.session.scalars(query))
        held = held or sorted(policy.departments_of(self.person))
        return held[0] if len(held) == 1 else None

    def sources(self) -> list[str]:
        """Return what the drop-down of sources offers."""
        query = (
            sa.select(Record.package_id)
            .where(*self.conditions(SOURCE), Record.state != State.RETIRED.value)
            .order_by(Record.number)
            .limit(5000)
        )
        known = self.names.records
        return [
            " ".join(" ".join(known[key]).split()).replace(";", ",")
            for key in self.session.scalars(query)
            if key in known
        ]

    def _batches(self, package_type: str) -> Iterator[Sequence[Any]]:
        query = (
            sa.select(
                *(getattr(Record, name) for name in SHOWN_COLUMNS),
                search.in_queue.label("in_queue"),
                search.detailing.label("detailing"),
                Revision.content,
            )
            .join(
                Revision,
                sa.and_(
                    Revision.package_id == Record.package_id, Revision.revision == Record.revision
                ),
            )
            .where(*self.conditions(package_type))
            .order_by(Record.number)
            .execution_options(yield_per=BATCH)
        )
        yield from self.session.execute(query).partitions(BATCH)

    def records(self, layout: Layout) -> Iterator[Line]:
        """Return the rows of a sheet of records."""
        for batch in self._batches(layout.package_type):
            found = review.findings(self.session, [row.package_id for row in batch])
            for row in batch:
                confirmed = found[row.package_id].confirmed
                yield record_line(layout, row, row.content, confirmed, self.words, self.names)

    def part(self, layout: Layout) -> Iterator[Line]:
        """Return the rows of a part. Nothing of the columns that it lacks is in its hidden column."""
        names = self._names_in_part()
        kept = [in_part(column) for column in layout.columns]
        for batch in self._batches(layout.package_type):
            for row in batch:
                cells = [
                    cell_of(column, row, row.content, None, self.words, names) if shown else ""
                    for column, shown in zip(layout.columns, kept, strict=True)
                ]
                token = Token(row.number, row.revision, whole=whole_of(cells))
                shown_cells = [cell for cell, shown in zip(cells, kept, strict=True) if shown]
                yield Line(shown_cells, token.encode())

    def _names_in_part(self) -> Names:
        """Keep only names that the departments of the part may tell: not those of others, not restricted."""
        open_ones = sa.select(Record.package_id).where(
            Record.visibility == Visibility.NORMAL.value,
            Record.department.in_(sa.select(Record.department).where(*self.conditions(ENTRY))),
        )
        told = set(self.session.scalars(open_ones))
        return Names(
            {
                key: (number, title if key in told else "")
                for key, (number, title) in self.names.records.items()
            },
            {},
            {},
            self.names.say,
        )

    def rows(self, layout: Layout) -> Iterator[Line]:
        """Return the rows of a sheet of rows."""
        for batch in self._batches(layout.package_type):
            for row in batch:
                yield from row_lines(layout, row, row.content, self.names)


SHOWN_COLUMNS = (
    "package_id",
    "department",
    "number",
    "title",
    "state",
    "revision",
    "change_returned",
    "assignee",
    "visibility",
    "in_directory",
    "listing",
    "shared",
)


def record_line(
    layout: Layout,
    row: Any,
    content: Mapping[str, Any],
    confirmed: str | None,
    words: Vocabularies,
    names: Names,
) -> Line:
    """Write one record as a line.

    :param layout: the columns
    :param row: what the register says, with ``in_queue`` and ``detailing``
    :param content: its content
    :param confirmed: the confirmed classification
    :param words: the lists in force
    :param names: what ids stand for
    :returns: the line
    """
    cells: list[Value] = []
    seen: list[str] = []
    for column in layout.columns:
        if column.spec is not None:
            # Most fields of most records are empty.
            value = content.get(column.key)
            cells.append("" if value is None else layouts.write(column.spec, value, names))
            continue
        cell = cell_of(column, row, content, confirmed, words, names)
        cells.append(cell)
        if column.role is Role.READ_ONLY:
            seen.append(str(cell).strip())
    marks = tuple(
        mark_text(getattr(row, name)) for name in MARK_COLUMNS.get(layout.package_type, ())
    )
    return Line(
        cells, Token(row.number, row.revision, checksum(seen), marks, "", whole_of(cells)).encode()
    )


def whole_of(cells: Sequence[Value]) -> str:
    """Return the checksum of a whole row.

    :param cells: as they are written
    """
    return checksum([str(cell).strip() for cell in cells])


def cell_of(
    column: Column,
    row: Any,
    content: Mapping[str, Any],
    confirmed: str | None,
    words: Vocabularies,
    names: Names,
) -> Value:
    """Write one cell of a record.

    :param column: its column
    :param row: what the register says
    :param content: the record's content
    :param confirmed: the confirmed classification
    :param words: the lists in force
    :param names: what ids stand for
    :returns: the cell
    """
    if column.spec is not None:
        return layouts.write(column.spec, content.get(column.key), names)
    if column.key == layouts.NUMBER:
        return str(row.number)
    if column.key == layouts.STATE:
        return names.say(STATE_LABELS[State(row.state)])
    if column.key == layouts.BALL:
        words_on_ball = BALLS[ball(row)]
        return names.say(words_on_ball) if words_on_ball else ""
    if column.key == layouts.DEPARTMENT:
        return names.departments.get(row.department, row.department)
    if column.key == layouts.CONFIRMED:
        return names.say(words.label("classification", confirmed)) if confirmed else ""
    return layouts.write_mark(column.key, getattr(row, column.key), words, names)


def ball(row: Any) -> str:
    """Tell who has to do something next.

    :param row: what the register says, with ``in_queue`` and ``detailing``
    :returns: a key of :data:`BALLS`
    """
    if row.in_queue:
        return "deciders"
    if row.state in ("draft", "returned") or row.detailing or row.change_returned:
        return "department"
    return "publishers" if row.state in ("approved", "preparing") else "nobody"


def row_lines(layout: Layout, row: Any, content: Mapping[str, Any], names: Names) -> Iterator[Line]:
    """Write the rows of a field of one record.

    :param layout: the columns
    :param row: what the register says
    :param content: the record's content
    :param names: what ids stand for
    :returns: the lines
    """
    for item in facets.blocker_rows({"release_blockers": content.get(layout.rows_of)}):
        cells: list[Value] = []
        for column in layout.columns:
            if column.key == layouts.RECORD:
                cells.append(str(row.number))
            elif column.key == layouts.RECORD_TITLE:
                cells.append(" ".join(str(row.title).split()))
            elif column.spec is not None:
                cells.append(layouts.write(column.spec, item.get(column.key), names))
        first = next(column.key for column in layout.columns if column.spec is not None)
        key = str(item.get(first) or "")
        token = Token(row.number, row.revision, row=key, whole=whole_of(cells))
        yield Line(cells, token.encode())


_Value = TypeVar("_Value")


class _WhenAsked(Mapping[str, _Value]):
    """A mapping that is loaded when somebody looks into it.

    :param load: loads it
    """

    def __init__(self, load: Callable[[], Mapping[str, _Value]]) -> None:
        self._load = load

    @cached_property
    def _loaded(self) -> Mapping[str, _Value]:
        return self._load()

    def __getitem__(self, key: str) -> _Value:
        return self._loaded[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded)

    def __len__(self) -> int:
        return len(self._loaded)


def names_when_asked(
    session: Session, person: Person, entries: Sequence[sa.ColumnElement[bool]]
) -> Names:
    """Return what :func:`load_names` does, loaded when the first name is asked for.

    :param session: the database session
    :param person: who asks
    :param entries: which entries may be asked about
    :returns: the names
    """
    loaded = cache(lambda: load_names(session, person, entries))
    return Names(
        _WhenAsked(lambda: loaded().records),
        _WhenAsked(lambda: loaded().people),
        _WhenAsked(lambda: loaded().departments),
    )


def load_names(
    session: Session, person: Person, entries: Sequence[sa.ColumnElement[bool]]
) -> Names:
    """Load what ids stand for: sources, series, assignees and departments.

    A source or entry that the person may not read isn't among it, and its id leads nowhere.

    :param session: the database session
    :param person: who downloads
    :param entries: which entries are written
    :returns: the names
    """
    may_read = search.visible(policy.scope(person))
    if policy.departments_of(person):
        may_read = sa.or_(may_read, Record.shared.is_(sa.true()))
    number, title = Record.number, Record.title
    records: dict[str, tuple[str, str]] = {}
    sources = sa.select(Record.package_id, number, title).where(
        Record.package_type == SOURCE, may_read
    )
    for row in session.execute(sources):
        records[row.package_id] = (row.number, row.title)
    series = (
        sa.select(Revision.content["part_of"].astext)
        .join(
            Record,
            sa.and_(Revision.package_id == Record.package_id, Revision.revision == Record.revision),
        )
        .where(*entries, Revision.content["part_of"].astext.is_not(None))
        .distinct()
    )
    named = set(session.scalars(series))
    if named:
        query = sa.select(Record.package_id, number, title).where(
            Record.package_id.in_(named), may_read
        )
        for row in session.execute(query):
            records[row.package_id] = (row.number, row.title)
    user, group = model.user_table, model.group_table
    assigned = sa.select(Record.assignee).where(may_read, Record.assignee.is_not(None))
    people = {
        row.id: row.fullname or row.name
        for row in session.execute(
            sa.select(user.c.id, user.c.fullname, user.c.name).where(user.c.id.in_(assigned))
        )
    }
    departments = {
        row.id: row.title or row.name
        for row in session.execute(
            sa.select(group.c.id, group.c.title, group.c.name).where(
                group.c.is_organization.is_(sa.true())
            )
        )
    }
    return Names(records, people, departments)
