"""Comparing a file that comes back with what is stored: what would be new, changed, refused, to be chosen.

Nothing is written here. A workbook of ours is compared cell by cell and three ways; a file that has never
seen us goes through the importer's plan, and rows that look like a record that exists are offered as such.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config, policy, vocabularies
from ckanext.inventory.fields import FieldSpec, canonical_json, material_hash, schema_for
from ckanext.inventory.model import Record, Revision
from ckanext.inventory.policy import Act
from ckanext.inventory.service import (
    bulk,
    bulk_edit,
    content,
    facts,
    imports,
    register,
    requirements,
    review,
    search,
    workbooks,
)
from ckanext.inventory.service.marks import MARKS
from ckanext.inventory.service.search import Query
from ckanext.inventory.spreadsheets import layout as layouts
from ckanext.inventory.spreadsheets import merge, returned, synonyms
from ckanext.inventory.spreadsheets.headers import MARKS as MARK_COLUMNS
from ckanext.inventory.spreadsheets.headers import Assignment
from ckanext.inventory.spreadsheets.layout import Column, Role
from ckanext.inventory.spreadsheets.merge import Cell, Outcome
from ckanext.inventory.spreadsheets.messages import FileProblem, Message, Problem, Severity, shorten
from ckanext.inventory.spreadsheets.plan import Choices, Ref, Skipped, fold
from ckanext.inventory.spreadsheets.reader import Cell as FileCell
from ckanext.inventory.spreadsheets.reader import Sheet, Source, read, text
from ckanext.inventory.spreadsheets.returned import Line, Page, Unknown
from ckanext.inventory.spreadsheets.values import Reader
from ckanext.inventory.types import ENTRY, SOURCE, Facts, Person, Stage, State
from ckanext.inventory.vocabularies import normalise
from ckanext.inventory.workflow import HAS_APPROVED_TEXT

BATCH = 500
NEW = "new"
OUT = "out"
"""How "the same one?" is answered besides a number: it is a new one, or leave the row out."""


@dataclass(frozen=True)
class Settled:
    """What whoever brings the file has chosen.

    :param choices: what the importer asks (department, columns, sheets, …)
    :param package_type: what a file that isn't ours lists
    :param fixes: ``sheet!row!column`` to the text that stands for the cell
    :param left_out: ``sheet!row`` of rows that stay out
    :param conflicts: ``number!cell`` to ``mine`` or ``stored``
    :param all_conflicts: ``mine`` or ``stored`` for conflicts that aren't settled by themselves
    :param same: ``sheet!row`` to a number, ``new`` or ``out``
    :param submit: ``sheet!row`` of new rows to submit; ``all`` for all that have what it takes
    """

    choices: Choices = field(default_factory=Choices)
    package_type: str = ENTRY
    fixes: Mapping[str, str] = field(default_factory=dict[str, str])
    left_out: frozenset[str] = frozenset()
    conflicts: Mapping[str, str] = field(default_factory=dict[str, str])
    all_conflicts: str = ""
    same: Mapping[str, str] = field(default_factory=dict[str, str])
    submit: frozenset[str] = frozenset()


@dataclass
class RowPlan:
    """What one row of the file would do.

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

    @property
    def where(self) -> str:
        """Its place, as choices name it."""
        return f"{self.sheet}!{self.row}"

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
    :param unknown: columns that are kept out
    :param columns: what each column of a file that isn't ours means
    :param read: rows that were read
    :param unchanged: known records without a difference
    :param missing: records of the department that the file doesn't hold
    :param refused: rows of a list that isn't ours that an error keeps out
    :param skipped: rows of a list that isn't ours that stand in it twice
    :param departments: organization ids that new rows go to
    :param downloaded: when the workbook was downloaded, empty if unknown
    :param names: what ids stand for
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
    read: int = 0
    unchanged: int = 0
    missing: int = 0
    refused: int = 0
    skipped: list[Skipped] = field(default_factory=list[Skipped])
    departments: set[str] = field(default_factory=set[str])
    downloaded: str = ""
    names: layouts.Names = layouts.NO_NAMES

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
    def conflicts(self) -> list[tuple[RowPlan, Cell]]:
        """Cells that still have to be chosen."""
        return [
            (row, cell) for row in self.rows if not row.left_out for cell in row.cells if cell.open
        ]

    @property
    def fingerprint(self) -> str:
        """Tell this preview from any other: the same file, choices, revisions and outcome."""
        # Ids of new records are made up at each look.
        made = {cast(bulk.NewRecord, row.new).package_id: row.where for row in self.new}
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
        return hashlib.sha256(canonical_json(parts).encode()).hexdigest()


def preview(
    session: Session,
    person: Person,
    user_name: str,
    upload: imports.Upload,
    settled: Settled,
) -> Preview:
    """Say what saving a file would do. Writes nothing.

    :param session: the database session
    :param person: who brings the file
    :param user_name: the account's name
    :param upload: the file
    :param settled: what was chosen so far
    :returns: the preview
    :raises FileProblem: if the file can't be read, or is another department's workbook
    """
    limits = imports.limits()
    digest = hashlib.sha256(upload.data).hexdigest()
    source = returned.read_json(upload.data[: limits.max_bytes], upload.filename, digest) or read(
        upload.data, upload.filename, limits
    )
    found = Preview(source.filename, source.digest, source, notes=list(source.notes))
    pages = _pages(person, source)
    comparer = _Comparer(session, person, user_name, settled, found)
    if pages:
        comparer.ours(pages)
    else:
        found.ours = False
        comparer.foreign(upload)
    comparer.finish()
    return found


def _pages(person: Person, source: Source) -> list[Page]:
    schemas, words = workbooks.schemas(), synonyms.load()
    pages = returned.pages(source, workbooks.layouts_for(person, None), schemas, words)
    department = next((page.stamp.department for page in pages if page.stamp.department), None)
    if department is None:
        return pages
    return returned.pages(source, workbooks.layouts_for(person, department), schemas, words)


class _Comparer:
    """Compares one file."""

    def __init__(
        self,
        session: Session,
        person: Person,
        user_name: str,
        settled: Settled,
        found: Preview,
    ) -> None:
        self.session = session
        self.person = person
        self.user_name = user_name
        self.settled = settled
        self.preview = found
        self.words = vocabularies.load()
        self.names = workbooks.load_names(session, person, search.conditions(person, Query(ENTRY)))
        self.cells = Reader(
            self.words,
            synonyms.load(),
            {},
            imports.licenses(),
            day_first=settled.choices.day_first or config.import_day_first(),
            year=clock.today().year,
        )
        found.names = self.names
        self.department = settled.choices.department
        self.known: dict[str, RowPlan] = {}
        self.intact: dict[str, tuple[int, str]] = {}
        self.new_titles: dict[str, RowPlan] = {}
        self._links: dict[tuple[str, str], dict[str, str]] = {}

    # What is there

    def _records(self, numbers: Iterable[str]) -> dict[str, Record]:
        query = sa.select(Record).where(
            Record.number.in_(set(numbers)), Record.package_state == "active"
        )
        return {
            row.number: row
            for row in self.session.scalars(query)
            if policy.may(self.person, Act.READ, facts.of_record(row))
        }

    def _base(
        self, lines: Sequence[tuple[Line, Record]], stored: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Mapping[str, Any]]:
        """Return the contents of the revisions that were downloaded."""
        base: dict[str, Mapping[str, Any]] = {}
        older: set[tuple[str, int]] = set()
        for line, record in lines:
            base[record.package_id] = stored.get(record.package_id, {})
            if line.token is not None and line.token.revision != record.revision:
                older.add((record.package_id, line.token.revision))
        if older:
            query = sa.select(Revision.package_id, Revision.content).where(
                sa.tuple_(Revision.package_id, Revision.revision).in_(older)
            )
            base |= {row.package_id: row.content for row in self.session.execute(query)}
        return base

    # A workbook of ours

    def ours(self, pages: Sequence[Page]) -> None:
        """Compare a workbook of ours."""
        found = self.preview
        stamps = [page.stamp for page in pages]
        found.downloaded = next((stamp.at for stamp in stamps if stamp.at), "")
        self.department = self.department or next(
            (stamp.department for stamp in stamps if stamp.department), None
        )
        for page in pages:
            found.unknown += page.unknown
            if page.outdated:
                found.notes.append(
                    Message(
                        'The columns of "%(sheet)s" have changed since this file was downloaded. '
                        "What is still understood is read.",
                        {"sheet": page.sheet or page.layout.title},
                    )
                )
        for page in [page for page in pages if not page.layout.rows_of]:
            self._page(page)
        readable = bool(self.known or self.intact)
        for page in [page for page in pages if page.layout.rows_of]:
            self._row_page(page)
        self._refuse_strange(pages, readable=readable)
        self._count_missing(pages)

    def _refuse_strange(self, pages: Sequence[Page], *, readable: bool) -> None:
        numbered = any(line.number for page in pages for line in page.lines)
        mine = self.department is not None and policy.may_add_to(self.person, self.department)
        if numbered and not readable and not self.known and not mine:
            raise FileProblem(
                "This is a workbook of another department, or of another inventory. Download yours "
                "and copy your rows into it."
            )

    def _count_missing(self, pages: Sequence[Page]) -> None:
        types = {page.layout.package_type for page in pages if not page.layout.rows_of}
        for package_type in types:
            conditions = search.conditions(self.person, Query(package_type))
            if self.department is not None:
                conditions.append(Record.department == self.department)
            total = self.session.scalar(sa.select(sa.func.count()).where(*conditions)) or 0
            there = {n for n, row in self.known.items() if row.package_type == package_type}
            there |= {n for n, (_, kind) in self.intact.items() if kind == package_type}
            self.preview.missing += max(total - len(there), 0)

    def _page(self, page: Page) -> None:
        for start in range(0, len(page.lines), BATCH):
            lines = self._put_aside(page, page.lines[start : start + BATCH])
            records = self._records(line.number for line in lines if line.number)
            pairs = [(line, records[line.number]) for line in lines if line.number in records]
            stored = register.current_contents(
                self.session, [record.package_id for _, record in pairs]
            )
            base = self._base(pairs, stored)
            for line in lines:
                self.preview.read += 1
                self._line(page, line, records.get(line.number), base, stored)

    def _put_aside(self, page: Page, lines: Sequence[Line]) -> list[Line]:
        """Count rows that nobody wrote into, and return the others."""
        others: list[Line] = []
        same: dict[str, Line] = {}
        fixed = {key.rpartition("!")[0] for key in self.settled.fixes}
        for line in lines:
            seen = line.number in same or line.number in self.intact or line.number in self.known
            if (
                seen
                or f"{line.sheet}!{line.row}" in fixed
                or not returned.intact(line, page.layout)
            ):
                others.append(line)
            else:
                same[line.number] = line
        query = sa.select(Record.number).where(
            Record.number.in_(same),
            Record.package_type == page.layout.package_type,
            Record.package_state == "active",
            search.visible(policy.scope(self.person)),
        )
        readable = set(self.session.scalars(query)) if same else set[str]()
        for number, line in same.items():
            if number in readable:
                self.intact[number] = (line.row, page.layout.package_type)
                self.preview.read += 1
            else:
                others.append(line)
        return others

    def _line(
        self,
        page: Page,
        line: Line,
        record: Record | None,
        base: Mapping[str, Mapping[str, Any]],
        stored: Mapping[str, Mapping[str, Any]],
    ) -> None:
        package_type = page.layout.package_type
        plan = RowPlan(line.sheet, line.row, package_type)
        plan.left_out = plan.where in self.settled.left_out
        if not line.number:
            self._new_line(page, line, plan)
            return
        if record is None or record.package_type != package_type:
            self._problem(
                plan,
                Severity.ERROR,
                page.headers.get(layouts.NUMBER, ""),
                line.number,
                Message(
                    "There is no record with this number, or none that you may see. Leave the number "
                    "empty to add a new one."
                ),
            )
            self.preview.rows.append(plan)
            return
        known = self.known.get(line.number)
        before = known.row if known is not None else self.intact.get(line.number, (0, ""))[0]
        if before:
            self._problem(
                plan,
                Severity.ERROR,
                page.headers.get(layouts.NUMBER, ""),
                line.number,
                Message(
                    "The number stands in row %(row)s, too. Keep one of them, or leave the number "
                    "empty to add a new record.",
                    {"row": before},
                ),
            )
            self.preview.rows.append(plan)
            return
        plan.record, plan.title = record, record.title
        plan.base, plan.stored = base[record.package_id], stored.get(record.package_id, {})
        self.known[line.number] = plan
        self._compare(page, line, plan)

    def _compare(self, page: Page, line: Line, plan: RowPlan) -> None:
        """Compare the cells of a known record that somebody wrote into."""
        record = cast(Record, plan.record)
        for column in page.layout.columns:
            if column.key not in line.cells:
                continue
            if column.spec is not None:
                self._field(page, line, plan, column)
            elif column.role is Role.MARK or column.key in MARKS or column.key == "assignee":
                self._mark(page, line, plan, column)
        if line.token is not None and not returned.untouched(line, page.layout, plain=page.plain):
            self._attempts(page, line, plan, record)

    def _attempts(self, page: Page, line: Line, plan: RowPlan, record: Record) -> None:
        """Report cells of read-only columns that somebody wrote into."""
        shown = _Shown(record)
        confirmed = review.findings(self.session, [record.package_id])[record.package_id].confirmed
        for column in page.layout.columns:
            if column.role is not Role.READ_ONLY or column.spec is not None:
                continue
            if column.key not in line.cells or column.key == layouts.BALL:
                continue
            if column.key in MARKS or column.key == "assignee":
                continue
            now = workbooks.cell_of(column, shown, plan.stored, confirmed, self.words, self.names)
            cell = line.cells[column.key]
            if not returned.was_written_into(cell, now, plain=page.plain):
                continue
            reason = _ATTEMPTS.get(column.key, "This can't be changed through a file.")
            written = text(cell)
            plan.cells.append(
                Cell(column.key, column.header, now, now, written, Outcome.REFUSED, reason=reason)
            )
            self._problem(
                plan,
                Severity.WARNING,
                page.headers[column.key],
                written,
                Message(reason),
            )

    def _read(
        self, page: Page, line: Line, plan: RowPlan, column: Column, before: Any
    ) -> tuple[bool, Any]:
        """Read a cell; False if it wasn't understood."""
        assert column.spec is not None
        fix = self.settled.fixes.get(f"{plan.where}!{column.key}")
        cell = line.cells[column.key] if fix is None else fix
        resolve = self._resolver(column.spec, plan)
        reading = returned.read_cell(
            column.spec, cell, self.cells, resolve, before, plain=page.plain and fix is None
        )
        if reading.message is None:
            return True, reading.value
        self._problem(
            plan,
            Severity.WARNING,
            page.headers[column.key],
            text(cell),
            reading.message,
            reading.suggestion,
            column.key,
        )
        return False, None

    def _field(self, page: Page, line: Line, plan: RowPlan, column: Column) -> None:
        spec = cast(FieldSpec, column.spec)
        key = f"{plan.where}!{column.key}"
        cell, old = line.cells[column.key], plan.base.get(column.key)
        fixed = key in self.settled.fixes
        if line.token is None and not fixed and not text(cell):
            # Nobody knows what stood there, so that nothing says that it was emptied.
            return
        before = layouts.write(spec, old, self.names)
        if not fixed and not returned.was_written_into(cell, before, plain=page.plain):
            return
        understood, value = self._read(page, line, plan, column, old)
        if not understood or merge.same_value(spec)(value, old):
            return
        if column.key == "title" and not value:
            self._problem(
                plan,
                Severity.WARNING,
                page.headers[column.key],
                "",
                Message("A record needs a name: it stays as it was."),
                key=column.key,
            )
            return
        self._add_cell(
            plan, column.key, spec.label, spec, (old, plan.stored.get(column.key), value)
        )

    def _add_cell(
        self,
        plan: RowPlan,
        key: str,
        label: str,
        spec: FieldSpec | None,
        values: tuple[Any, Any, Any],
    ) -> None:
        plan.cells.append(merge.compare(key, label, spec, values, chosen=self._chosen(plan, key)))

    def _chosen(self, plan: RowPlan, key: str) -> str:
        number = plan.record.number if plan.record is not None else ""
        return self.settled.conflicts.get(f"{number}!{key}", self.settled.all_conflicts)

    def _mark(self, page: Page, line: Line, plan: RowPlan, column: Column) -> None:
        record, name = cast(Record, plan.record), column.key
        stored = getattr(record, name)
        base = stored
        names = MARK_COLUMNS[plan.package_type]
        if line.token is not None and len(line.token.marks) == len(names):
            base = _mark_value(name, line.token.marks[names.index(name)])
        fix = self.settled.fixes.get(f"{plan.where}!{name}")
        written = text(line.cells[name]) if fix is None else fix.strip()
        if line.token is None and not written:
            return
        before = layouts.write_mark(name, base, self.words, self.names)
        if not returned.was_written_into(written, before, plain=page.plain):
            return
        understood, value = self._read_mark(page, plan, name, written)
        if understood and value != base:
            self._add_cell(plan, name, column.header, None, (base, stored, value))

    def _read_mark(self, page: Page, plan: RowPlan, name: str, written: str) -> tuple[bool, Any]:
        if name == "assignee":
            if not written:
                return True, None
            by_name = {fold(shown): key for key, shown in self.names.people.items()}
            user = imports.people(self.session, self._departments(plan)).get(
                fold(written), by_name.get(fold(written))
            )
            if user:
                return True, user
            message = Message(
                "No member of the department has this name or e-mail address: it stays as it was."
            )
        else:
            list_name = layouts.MARK_LISTS.get(name, name)
            value = self.words.match(list_name, written) if written else None
            if value:
                return True, _mark_value(name, value)
            labels = ", ".join(choice.label for choice in self.words.choices(list_name))
            message = Message("It is none of the values: %(values)s.", {"values": labels})
        self._problem(plan, Severity.WARNING, page.headers[name], written, message, key=name)
        return False, None

    def _departments(self, plan: RowPlan) -> set[str]:
        if plan.record is not None:
            return {plan.record.department}
        return {str(plan.content.get("owner_org") or self.department or "")}

    # Other records that a cell names

    def _resolver(self, spec: FieldSpec, plan: RowPlan) -> Callable[[str], str | None]:
        package_type = SOURCE if spec.kind == "source_list" else ENTRY

        def resolve(written: str) -> str | None:
            number = returned.reference(written)
            if number:
                return self._linkable(package_type, plan).get(number)
            title = fold(written)
            new = self.new_titles.get(f"{package_type}!{title}")
            if new is not None and new.new is not None:
                return new.new.package_id
            return self._linkable(package_type, plan).get(title)

        return resolve

    def _linkable(self, package_type: str, plan: RowPlan) -> dict[str, str]:
        """Return what a record may name: by number, and by name within its department."""
        department = next(iter(self._departments(plan)))
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

    # New rows

    def _new_line(self, page: Page, line: Line, plan: RowPlan) -> None:
        """Read a row without a number."""
        headers = page.headers
        filled = [
            column
            for column in page.layout.columns
            if column.key in line.cells
            and (text(line.cells[column.key]) or f"{plan.where}!{column.key}" in self.settled.fixes)
        ]
        if not any(column.role is not Role.READ_ONLY for column in filled):
            return
        self.preview.rows.append(plan)
        self._new_department(page, line, plan)
        for column in filled:
            if column.role is Role.READ_ONLY:
                if column.spec is not None or column.key in (layouts.STATE, layouts.CONFIRMED):
                    reason = _ATTEMPTS.get(column.key, "You can't write this column.")
                    written = text(line.cells[column.key])
                    self._problem(
                        plan, Severity.WARNING, headers[column.key], written, Message(reason)
                    )
                continue
            if column.role is Role.MARK:
                fix = self.settled.fixes.get(f"{plan.where}!{column.key}")
                written = text(line.cells[column.key]) if fix is None else fix.strip()
                understood, value = self._read_mark(page, plan, column.key, written)
                if understood:
                    plan.marks[column.key] = value
                continue
            understood, value = self._read(page, line, plan, column, None)
            if understood and value not in (None, "", []):
                plan.content[column.key] = value
        plan.title = str(plan.content.get("title") or "")
        if not plan.title:
            self._problem(
                plan,
                Severity.ERROR,
                headers.get("title", ""),
                "",
                Message("The row has no name."),
                key="title",
            )
            return
        if not plan.failed:
            self._new_record(plan)

    def _new_record(self, plan: RowPlan) -> None:
        plan.new = bulk.NewRecord(
            plan.content,
            plan.marks,
            (self.preview.digest, plan.sheet, plan.row),
        )
        self.new_titles.setdefault(f"{plan.package_type}!{fold(plan.title)}", plan)

    def _new_department(self, page: Page, line: Line, plan: RowPlan) -> None:
        written = text(line.cells.get(layouts.DEPARTMENT, ""))
        column = page.headers.get(layouts.DEPARTMENT, "")
        wanted = self.department
        if written:
            by_title = {fold(title): key for key, title in self.names.departments.items()}
            wanted = by_title.get(fold(written)) or imports.find_department(self.session, written)
            if wanted is None:
                self._problem(
                    plan,
                    Severity.ERROR,
                    column,
                    written,
                    Message("No department has this name."),
                )
                return
        own = policy.departments_of(self.person)
        if wanted is None and len(own) == 1:
            wanted = next(iter(own))
        if wanted is None:
            message = Message("Say which department the row belongs to.")
            self._problem(plan, Severity.ERROR, column, "", message)
            return
        if not policy.may_add_to(self.person, wanted):
            message = Message("You can't add to this department.")
            self._problem(plan, Severity.ERROR, column, written, message)
            return
        plan.content["owner_org"] = wanted
        self.preview.departments.add(wanted)

    # Sheets of rows

    def _row_page(self, page: Page) -> None:
        spec = schema_for(page.layout.package_type).fields[page.layout.rows_of]
        lines = [line for line in page.lines if not returned.intact(line, page.layout)]
        self.preview.read += len(page.lines) - len(lines)
        numbers = {line.number for line in lines if line.number} - self.known.keys()
        records = self._records(numbers)
        if records:
            ids = [record.package_id for record in records.values()]
            stored = register.current_contents(self.session, ids)
            pairs = [(line, records[line.number]) for line in lines if line.number in records]
            base = self._base(pairs, stored)
            for number, record in records.items():
                line = next(line for line, found in pairs if found is record)
                self.known[number] = RowPlan(
                    line.sheet,
                    line.row,
                    page.layout.package_type,
                    record.title,
                    record,
                    base[record.package_id],
                    stored.get(record.package_id, {}),
                )
        for line in lines:
            self.preview.read += 1
            self._row_line(page, line, spec)

    def _row_line(self, page: Page, line: Line, spec: FieldSpec) -> None:
        here = RowPlan(line.sheet, line.row, page.layout.package_type)
        here.left_out = here.where in self.settled.left_out
        owner = self._owner(page, line, here)
        if owner is None:
            if here.failed and not here.left_out:
                self.preview.rows.append(here)
            return
        first = spec.subfields[0]
        old = self._old_row(owner, spec, line)
        key = str(old.get(first.name) or "") if old else ""
        edits: dict[str, Any] = {}
        for column in page.layout.columns:
            sub = column.spec
            if sub is None or column.key not in line.cells:
                continue
            before = layouts.write(sub, (old or {}).get(sub.name), self.names)
            if not returned.was_written_into(line.cells[column.key], before, plain=page.plain):
                continue
            understood, value = self._read(page, line, here, column, (old or {}).get(sub.name))
            if not understood:
                continue
            if sub is first and old:
                self._problem(
                    here,
                    Severity.WARNING,
                    page.headers[column.key],
                    text(line.cells[column.key]),
                    Message("The kind of a row can't be changed. Add a row of the new kind."),
                )
            elif value not in (None, "", []) or old:
                edits[sub.name] = value
        if not old:
            key = str(edits.pop(first.name, "") or "")
            if not key:
                self._problem(
                    here,
                    Severity.ERROR,
                    page.headers.get(first.name, first.label),
                    "",
                    Message("Say what kind of reason this is."),
                )
                if not here.left_out:
                    self.preview.rows.append(here)
                return
            edits = edits or {}
            edits[first.name] = key
        if edits and not here.left_out:
            owner.rows.setdefault(spec.name, {})[key] = edits

    def _old_row(self, owner: RowPlan, spec: FieldSpec, line: Line) -> Mapping[str, Any] | None:
        """Return the row as it was downloaded; for a row typed by hand, as it is stored."""
        first = spec.subfields[0].name
        if owner.record is None:
            return None
        if line.token is not None:
            key, rows = line.token.row, _rows(owner.base, spec.name)
        else:
            written = text(line.cells.get(first, ""))
            reading = self.cells.choice(spec.subfields[0], written)
            key, rows = str(reading.value or ""), _rows(owner.stored, spec.name)
        return next((row for row in rows if str(row.get(first)) == key), None)

    def _owner(self, page: Page, line: Line, here: RowPlan) -> RowPlan | None:
        """Find the record that a row is about."""
        column = page.headers.get(layouts.RECORD, "")
        written = text(line.cells.get(layouts.RECORD, ""))
        if line.number:
            owner = self.known.get(line.number)
            if owner is None or owner.package_type != page.layout.package_type:
                message = Message("There is no record with this number, or none that you may see.")
                self._problem(here, Severity.ERROR, column, written, message)
                return None
            return owner
        name = written or text(line.cells.get(layouts.RECORD_TITLE, ""))
        owner = self.new_titles.get(f"{page.layout.package_type}!{fold(name)}")
        if owner is None:
            message = Message(
                "Say which record this is about: its number, or the name of a new row."
            )
            self._problem(here, Severity.ERROR, column, name, message)
        return owner

    # A file that has never seen us

    def foreign(self, upload: imports.Upload) -> None:
        """Plan a file that isn't ours; rows that are there already are compared."""
        settled, found = self.settled, self.preview
        choices = replace(settled.choices, read_known=True, create_departments=False)
        prepared = imports.plan_import(
            self.session,
            self.person,
            self.user_name,
            settled.package_type,
            upload,
            choices,
            source=_mended(found.source, settled.fixes),
        )
        plan = prepared.plan
        found.notes = list(plan.notes)
        found.columns = plan.columns
        found.problems += _with_places(plan.problems, plan.columns)
        found.read, found.refused, found.skipped = plan.total, plan.refused, plan.skipped
        failed = {
            (problem.sheet, problem.row)
            for problem in plan.problems
            if problem.severity is Severity.ERROR and problem.row is not None
        }
        for sheet, row in sorted(failed, key=str):
            here = RowPlan(sheet, row, settled.package_type, failed=True)
            here.left_out = here.where in settled.left_out
            found.rows.append(here)
        for row, record in zip(plan.rows, prepared.records, strict=True):
            here = RowPlan(
                row.sheet,
                row.number,
                settled.package_type,
                str(row.content["title"]),
                content=row.content,
                marks=row.marks,
                new=record,
            )
            here.left_out = here.where in settled.left_out
            found.rows.append(here)
            found.departments.add(row.department)
        self._foreign_known(plan.known)

    def _foreign_known(self, rows: Sequence[Any]) -> None:
        """Compare rows whose record is there already, or offer it as the same one."""
        numbers = {row.existing.number for row in rows}
        records = self._records(numbers)
        stored = register.current_contents(
            self.session, [record.package_id for record in records.values()]
        )
        for row in rows:
            here = RowPlan(
                row.sheet, row.number, self.settled.package_type, str(row.content["title"])
            )
            here.left_out = here.where in self.settled.left_out
            here.content, here.marks = row.content, row.marks
            answer = self.settled.same.get(here.where, "")
            certain = row.reason is None or "number" not in row.reason.params
            here.same = row.existing
            if answer == NEW:
                here.same = None
                self._new_record(here)
                self.preview.rows.append(here)
                continue
            record = records.get(row.existing.number)
            if record is None or (answer != row.existing.number and not certain):
                here.left_out = True
                self.preview.rows.append(here)
                continue
            here.record, here.content = record, {}
            here.base = here.stored = stored.get(record.package_id, {})
            if record.number in self.known:
                here.left_out = True
                self.preview.rows.append(here)
                continue
            self.known[record.number] = here
            schema = schema_for(here.package_type)
            for name in row.written:
                spec = schema.fields.get(name)
                if spec is None or name in ("owner_org", "title") or spec.kind == "rows":
                    continue
                old, value = here.stored.get(name), row.content.get(name)
                if not merge.same_value(spec)(old, value):
                    self._add_cell(here, name, spec.label, spec, (old, old, value))

    # The end

    def finish(self) -> None:
        """Ask every right and every rule of what the cells come to."""
        touched = [row for row in self.known.values() if row.cells or row.rows]
        self.preview.unchanged = len(self.known.keys() | self.intact.keys()) - len(touched)
        self.preview.rows += touched
        findings = review.findings(
            self.session, [row.record.package_id for row in touched if row.record is not None]
        )
        for row in touched:
            self._merge_rows(row)
            self._ask(row, findings)
        for row in self.preview.rows:
            if row.new is not None:
                self._new_rows(row)
        self._validate_edits(touched, findings)
        self._find_same()
        self._validate_new()
        self.preview.rows.sort(key=lambda row: (row.sheet, row.row))

    def _merge_rows(self, row: RowPlan) -> None:
        schema = schema_for(row.package_type)
        for name, edits in row.rows.items():
            spec = schema.fields[name]
            rows = (_rows(row.base, name), _rows(row.stored, name))
            row.cells += merge.compare_rows(
                spec, rows, edits, lambda key, row=row: self._chosen(row, key)
            )

    def _new_rows(self, row: RowPlan) -> None:
        for name, edits in row.rows.items():
            row.content[name] = list(edits.values())

    def _ask(self, row: RowPlan, findings: Mapping[str, Any]) -> None:
        """Refuse cells that the person may not write; a confirmed value is only proposed against."""
        record = cast(Record, row.record)
        known = facts.of_record(record)
        schema = schema_for(row.package_type)
        may_edit = policy.may(self.person, Act.EDIT, known, config.options())
        cells: list[Cell] = []
        for cell in row.cells:
            if cell.outcome in (Outcome.UNCHANGED, Outcome.KEPT, Outcome.REFUSED):
                cells.append(cell)
                continue
            if cell.key in MARK_COLUMNS.get(row.package_type, ()):
                act = Act.ASSIGN if cell.key == "assignee" else MARKS[cell.key].act
                decision = policy.may(self.person, act, known, config.options())
            else:
                decision = may_edit
                name = cell.key.partition("/")[0]
                spec = schema.fields[name]
                if decision and spec.kind != "rows":
                    decision = policy.may_write_field(self.person, known, spec.writers)
            if not decision:
                cell = replace(cell, outcome=Outcome.REFUSED, reason=decision.reason)
                self._problem(
                    row, Severity.WARNING, cell.label, _shown(cell.file), Message(decision.reason)
                )
            elif cell.key == "classification" and findings[record.package_id].confirmed:
                confirmed = self.words.label(
                    "classification", findings[record.package_id].confirmed
                )
                cell = replace(cell, outcome=Outcome.PROPOSED, reason=confirmed)
            cells.append(cell)
        row.cells = cells

    def _validate_edits(self, rows: Sequence[RowPlan], findings: Mapping[str, Any]) -> None:
        for package_type in (SOURCE, ENTRY):
            schema = schema_for(package_type)
            mine = [row for row in rows if row.package_type == package_type and not row.left_out]
            edits: list[tuple[RowPlan, bulk_edit.Edit]] = []
            for row in mine:
                new = merge.apply(row.stored, row.cells)
                for name in row.rows:
                    merged = merge.apply_rows(
                        schema.fields[name],
                        _rows(row.base, name),
                        _rows(row.stored, name),
                        row.cells,
                    )
                    if merged:
                        new[name] = merged
                for name in MARK_COLUMNS.get(package_type, ()):
                    new.pop(name, None)
                edit = bulk_edit.Edit(cast(Record, row.record), row.stored, new)
                if edit.changes:
                    edits.append((row, edit))
            errors = bulk_edit.validate(
                self.session, [edit for _, edit in edits], self.person, self.user_name
            )
            for (row, edit), found in zip(edits, errors, strict=True):
                row.edit = edit
                if found:
                    self._errors(row, found)
                else:
                    self._follow(row, edit)
                    self._see_review(row, edit)

    def _follow(self, row: RowPlan, edit: bulk_edit.Edit) -> None:
        """Show what the inventory answers from the changed cells."""
        there = {cell.key.partition("/")[0] for cell in row.cells}
        for change in edit.changes:
            if change.field not in there:
                row.cells.append(
                    Cell(
                        change.field,
                        change.label,
                        change.old,
                        change.old,
                        change.new,
                        Outcome.FOLLOWS,
                    )
                )

    def _see_review(self, row: RowPlan, edit: bulk_edit.Edit) -> None:
        record = edit.record
        approved = State(record.state) in HAS_APPROVED_TEXT
        if approved and record.approved_hash == record.material_hash:
            schema = schema_for(row.package_type)
            row.back_to_review = material_hash(schema, edit.new) != record.approved_hash

    def _errors(self, row: RowPlan, found: Mapping[str, Sequence[str]]) -> None:
        schema = schema_for(row.package_type)
        for name, messages in found.items():
            spec = schema.fields.get(name)
            label = spec.label if spec is not None else ""
            cell = next((cell for cell in row.cells if cell.key == name), None)
            for message in messages:
                self._problem(
                    row,
                    Severity.ERROR,
                    label,
                    _shown(cell.file if cell else row.content.get(name)),
                    Message("%(message)s", {"message": message}),
                    key=name if spec is not None and self.preview.ours else "",
                )

    def _find_same(self) -> None:
        """Offer records that new rows look like: the same name, or nearly the same."""
        new = [row for row in self.preview.rows if row.new is not None and row.same is None]
        if not new or not self.preview.ours:
            return
        owners = {str(row.content.get("owner_org")) for row in new}
        query = sa.select(
            Record.package_type, Record.department, Record.package_id, Record.number, Record.title
        ).where(
            Record.department.in_(owners),
            Record.package_state == "active",
            search.visible(policy.scope(self.person)),
        )
        exact: dict[tuple[str, str, str], Ref] = {}
        near: dict[tuple[str, str, str], Ref] = {}
        for found in self.session.execute(query):
            ref = Ref(found.package_id, found.number, found.title)
            key = (found.package_type, found.department)
            exact.setdefault((*key, fold(found.title)), ref)
            near.setdefault((*key, _essence(found.title)), ref)
        seen: dict[tuple[str, str, str], RowPlan] = {}
        for row in new:
            key = (row.package_type, str(row.content.get("owner_org")))
            same = exact.get((*key, fold(row.title)))
            row.same = same or near.get((*key, _essence(row.title)))
            answer = self.settled.same.get(row.where, "")
            twin = seen.setdefault((*key, fold(row.title)), row)
            if answer == OUT or (same is not None and answer != NEW):
                row.left_out = True
            elif twin is not row and answer != NEW:
                row.left_out = True
                self._problem(
                    row,
                    Severity.WARNING,
                    "",
                    row.title,
                    Message("The file holds this name already, in row %(row)s.", {"row": twin.row}),
                )

    def _validate_new(self) -> None:
        for package_type in (SOURCE, ENTRY):
            rows = [
                row
                for row in self.preview.rows
                if row.new is not None
                and row.package_type == package_type
                and not (row.failed or row.left_out)
            ]
            unchecked = [row for row in rows if row.new is not None and row.new.validated is None]
            records = [cast(bulk.NewRecord, row.new) for row in unchecked]
            found = bulk.validate(self.session, package_type, records, self.person, self.user_name)
            for row, errors in zip(unchecked, found, strict=True):
                if errors:
                    self._errors(row, errors)
            self._ask_submit(package_type, rows)

    def _ask_submit(self, package_type: str, rows: Sequence[RowPlan]) -> None:
        """Let new rows be submitted in the same step, if they have what it takes."""
        settled = self.settled.submit
        if not settled:
            return
        schema = schema_for(package_type)
        defaults = register.defaults(
            self.session, {str(row.content.get("owner_org")) for row in rows}
        )
        for row in rows:
            wanted = row.where in settled
            if row.failed or not (wanted or "all" in settled) or row.new is None:
                continue
            values = content.of_package(schema, bulk.package_of(row.new))
            department = str(row.content.get("owner_org"))
            gaps = requirements.missing(
                schema,
                values,
                Stage.SUBMIT,
                defaults=defaults[department],
                confirmed=None,
                reviews={},
                vocabularies=self.words,
            )
            placeholder = Facts("", package_type, department)
            decision = policy.may(self.person, Act.SUBMIT, placeholder, config.options())
            row.submit = not gaps and bool(decision)
            if wanted and not decision:
                self._problem(row, Severity.ERROR, "", row.title, Message(decision.reason))
            elif wanted:
                for gap in gaps:
                    self._problem(
                        row,
                        Severity.ERROR,
                        schema.fields[gap.field].label if gap.field in schema.fields else "",
                        "",
                        Message("%(message)s", {"message": gap.in_words(tk._)}),
                    )

    # Problems

    def _problem(
        self,
        row: RowPlan,
        severity: Severity,
        column: str,
        value: str,
        message: Message,
        suggestion: str = "",
        key: str = "",
    ) -> None:
        if severity is Severity.ERROR:
            row.failed = True
        self.preview.problems.append(
            Problem(
                severity,
                row.sheet,
                row.row,
                column.rstrip(" *"),
                shorten(value),
                message,
                suggestion,
                key,
            )
        )


_ATTEMPTS: Mapping[str, str] = {
    layouts.NUMBER: "A number can't be changed: the row stays what it was.",
    layouts.STATE: "A state can't be changed through a file. Use the steps of the workflow.",
    layouts.DEPARTMENT: "The department can't be changed here. Ask for a transfer instead.",
    layouts.CONFIRMED: "A confirmed classification can't be changed through a file.",
}


class _Shown:
    """A register row as the download shows it; who has the ball isn't compared."""

    in_queue = detailing = False

    def __init__(self, record: Record) -> None:
        self._record = record

    def __getattr__(self, name: str) -> Any:
        return getattr(self._record, name)


def _without_ids(value: Any, made: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return made.get(value, value)
    if isinstance(value, list):
        return [_without_ids(item, made) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {name: _without_ids(item, made) for name, item in items}
    return value


COLUMN = "@"
"""Begins the key of a column of a file that isn't ours: ``@`` and its position."""


def _with_places(
    problems: Sequence[Problem], columns: Sequence[tuple[str, Sequence[Assignment]]]
) -> list[Problem]:
    """Say of each problem of a cell which column it is in, so that it can be fixed in place."""
    places = {
        (sheet, item.column.label): item.column.index for sheet, items in columns for item in items
    }
    return [
        replace(problem, key=f"{COLUMN}{places[problem.sheet, problem.column]}")
        if problem.row is not None and (problem.sheet, problem.column) in places
        else problem
        for problem in problems
    ]


def _mended(source: Source, fixes: Mapping[str, str]) -> Source:
    """Put the texts that stand for cells of a file that isn't ours into their places."""
    found: dict[tuple[str, int], dict[int, str]] = {}
    for key, written in fixes.items():
        place, _, column = key.rpartition("!")
        sheet, _, row = place.rpartition("!")
        index = column.removeprefix(COLUMN)
        if column.startswith(COLUMN) and index.isdecimal() and row.isdecimal():
            found.setdefault((sheet, int(row)), {})[int(index)] = written
    if not found:
        return source
    sheets: list[Sheet] = []
    for sheet in source.sheets:
        rows: list[tuple[int, tuple[FileCell, ...]]] = []
        for number, given in sheet.rows:
            cells = list(given)
            for index, written in found.get((sheet.name, number), {}).items():
                if index < 500:
                    cells += [""] * (index + 1 - len(cells))
                    cells[index] = written
            rows.append((number, tuple(cells)))
        sheets.append(replace(sheet, rows=tuple(rows)))
    return replace(source, sheets=tuple(sheets))


def _rows(content: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return list(content.get(name) or [])


def _mark_value(name: str, written: str) -> Any:
    if name in ("in_directory", "shared"):
        return written == "yes"
    return written or None


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(str(item) for item in cast("list[Any]", value))
    return "" if value is None else str(value)


def _essence(title: str) -> str:
    """Reduce a name to its words, so that order, case, accents and plural don't count."""
    words: Counter[str] = Counter(normalise(title).split())
    return " ".join(sorted(words))
