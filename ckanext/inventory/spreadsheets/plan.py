"""Turn a file's rows into the records that an import would make, with everything that didn't fit.

The plan only creates. A row whose record is already there (the same file, the same ID of the same list, or
the same title in the department) is skipped and reported. An error keeps a row out; a warning leaves a cell
out, and its text is kept in a note or in the comments, so that nothing is lost in silence.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ckanext.inventory.fields import FieldSpec, Schema
from ckanext.inventory.types import ENTRY, NOT_KNOWN
from ckanext.inventory.vocabularies import Vocabularies, normalise

from .headers import (
    BLOCKERS,
    COMMENTS,
    DEPARTMENT,
    MARKS,
    NUMBER,
    Assignment,
    Fate,
    HeaderMap,
    looks_like_other_type,
)
from .messages import FileProblem, Message, Problem, Severity, counted, shorten
from .reader import Cell, Source, Table, find_table, text
from .synonyms import Synonyms, key, squash
from .values import Reader, is_day_first, plain_text

MAX_TITLE = 200
NEW = "new:"
"""Prefix of the id of a department that the import would create."""


@dataclass(frozen=True)
class Department:
    """A department that rows may name.

    :param id: organization id
    :param name: the organization's name
    :param title: the organization's title
    :param code: the department's code, empty if it has none yet
    :param allowed: whoever imports may add to it
    """

    id: str
    name: str
    title: str
    code: str = ""
    allowed: bool = True


@dataclass(frozen=True)
class Ref:
    """A record that is already there.

    :param id: package id
    :param number: its number
    :param title: its title
    """

    id: str
    number: str
    title: str

    @classmethod
    def of(cls, record: Any) -> Ref:
        """Refer to a register row.

        :param record: the row
        """
        return cls(record.package_id, record.number, record.title)


@dataclass(frozen=True)
class SourceRef(Ref):
    """A source that entries may be linked to.

    :param department: organization id
    :param external_id: its ID in the department's own list
    :param business_expert: who knows the business side, proposed as steward
    :param business_expert_email: their e-mail
    :param shared: other departments may link it
    """

    department: str = ""
    external_id: str = ""
    business_expert: str = ""
    business_expert_email: str = ""
    shared: bool = False


@dataclass(frozen=True)
class Known:
    """What the inventory holds, as far as the person may know it.

    :param departments: departments that rows may name
    :param titles: (department, folded title) to the record
    :param ids: (folded origin, folded id) to the record
    :param rows: (sheet, row) of this very file to the record made from it
    :param numbers: number to the record
    :param sources: sources that may be linked
    :param people: folded name or e-mail to user id
    """

    departments: tuple[Department, ...] = ()
    titles: Mapping[tuple[str, str], Ref] = field(default_factory=dict[tuple[str, str], Ref])
    ids: Mapping[tuple[str, str], Ref] = field(default_factory=dict[tuple[str, str], Ref])
    rows: Mapping[tuple[str, int], Ref] = field(default_factory=dict[tuple[str, int], Ref])
    numbers: Mapping[str, Ref] = field(default_factory=dict[str, Ref])
    sources: tuple[SourceRef, ...] = ()
    people: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Choices:
    """What whoever imports has chosen.

    :param department: organization id for all rows, None for a whole city
    :param columns: header to target; an empty target leaves the column out
    :param values: field to cell text to value
    :param origin: name of the list whose IDs these are; empty derives it from the file's name
    :param sheets: names of the sheets to read, empty for the one that fits best
    :param departments: name of a department in the file to the organization id that it stands for;
        empty leaves its rows out; ``*`` stands for all that nothing is said about
    :param create_departments: unknown departments are created instead of keeping their rows out
    :param day_first: undecided dates put the day first
    :param read_known: read rows whose record is already there, too, instead of skipping them
    """

    department: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    origin: str = ""
    sheets: tuple[str, ...] = ()
    departments: Mapping[str, str] = field(default_factory=dict[str, str])
    create_departments: bool = False
    day_first: bool = False
    read_known: bool = False


@dataclass(frozen=True)
class Row:
    """A record that the import would create.

    :param sheet: the sheet that it comes from
    :param number: its row there
    :param department: organization id, or a new department's (``new:…``)
    :param content: the fields
    :param marks: what our tables hold besides (assignee, visibility, …)
    :param existing: the record that it is, or may be; None for a new one
    :param reason: how it was recognised
    :param written: fields that the row itself fills
    """

    sheet: str
    number: int
    department: str
    content: dict[str, Any]
    marks: dict[str, Any]
    existing: Ref | None = None
    reason: Message | None = None
    written: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Skipped:
    """A row whose record is already there.

    :param sheet: its sheet
    :param row: its row
    :param title: its title
    :param reason: why it is skipped
    """

    sheet: str
    row: int
    title: str
    reason: Message


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
    :param near: id of the department with the nearest name, empty without one
    """

    title: str
    rows: int
    forbidden: bool
    chosen: str | None
    near: str


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
        done = len(self.rows) + len(self.skipped) + len(self.known) + self.left_out
        return self.total - done


Refusal = Callable[[str], str]
"""Says why a field or mark may not be written (an English sentence), or nothing."""


def fold(title: str) -> str:
    """Return a title as compared for sameness: trimmed, white space and case folded.

    :param title: a title or any other name
    """
    return " ".join(title.split()).casefold()


def make_plan(
    source: Source,
    schema: Schema,
    other: Schema,
    vocabularies: Vocabularies,
    synonyms: Synonyms,
    known: Known,
    choices: Choices,
    cells: Reader,
    refusal: Refusal = lambda _name: "",
) -> Plan:
    """Plan an import.

    :param source: the file as read
    :param schema: schema of what is imported
    :param other: schema of the other private type, to recognise its lists
    :param vocabularies: the lists in force
    :param synonyms: other people's headers
    :param known: what is there already
    :param choices: what was chosen
    :param cells: reads the cells
    :param refusal: why the person may not write a field, empty where they may
    :returns: the plan
    :raises FileProblem: if no column can serve as the name
    """
    headers = HeaderMap(schema, synonyms)
    plan = Plan(notes=list(source.notes))
    tables = _tables(source, headers, choices, plan)
    whole_city = choices.department is None
    assigned = [
        (table, headers.assign(table, choices.columns, whole_city=whole_city)) for table in tables
    ]
    for table, assignments in assigned:
        lacking = _lacking(table, assignments, schema, HeaderMap(other, synonyms), whole_city)
        if lacking is None:
            continue
        if not choices.read_known or not table.rows:
            raise FileProblem(lacking.text, **lacking.params)
        plan.lacking = plan.lacking or lacking
    if plan.lacking is not None:
        plan.columns = [(table.sheet, assignments) for table, assignments in assigned]
        return plan
    planner = _Planner(schema, vocabularies, synonyms, known, choices, cells, refusal, plan)
    for table, assignments in assigned:
        planner.add(source, table, assignments)
    planner.finish()
    return plan


def _lacking(
    table: Table,
    assignments: Sequence[Assignment],
    schema: Schema,
    other: HeaderMap,
    whole_city: bool,
) -> Message | None:
    """Say which column nothing can be planned without."""
    names = [column.label for column in table.columns]
    targets = {item.target for item in assignments}
    if "title" not in targets:
        if looks_like_other_type(names, other):
            return Message(
                "No column holds the name. The file looks like a list of %(other)s instead.",
                {"other": "sources" if schema.package_type == ENTRY else "entries"},
            )
        return Message(
            "No column holds the name of what is listed. Columns found: %(columns)s.",
            {"columns": ", ".join(names[:20])},
        )
    if whole_city and DEPARTMENT not in targets:
        return Message(
            "No column names the department. Choose the department to import into, or say "
            "which column names it. Columns found: %(columns)s.",
            {"columns": ", ".join(names[:20])},
        )
    return None


def default_origin(filename: str, header: str) -> str:
    """Name the list that a file's IDs belong to, alike for later versions of the file.

    :param filename: the file's name
    :param header: header of the ID's column
    :returns: the name without dates and version numbers, and the header
    """
    stem = filename.rsplit(".", 1)[0]
    words = re.split(r"[\W_]+", stem)
    kept = [
        word
        for word in words
        if word and not re.fullmatch(r"v?\d+|(?=.*\d)[0-9a-f]{6,40}", word, re.IGNORECASE)
    ]
    return f"{' '.join(kept) or 'list'}: {header or 'ID'}"


def _tables(source: Source, headers: HeaderMap, choices: Choices, plan: Plan) -> list[Table]:
    """Choose the sheets: the named ones, else the best and those with the same headers."""
    sheets = [
        sheet for sheet in source.sheets if not choices.sheets or sheet.name in choices.sheets
    ]
    if not sheets:
        raise FileProblem("There is no sheet called %(names)s.", names=", ".join(choices.sheets))
    given = {squash(header) for header, target in choices.columns.items() if target and header}

    def score(header: str) -> int:
        return 2 if squash(header) in given else headers.score(header)

    found = [find_table(sheet, score) for sheet in sheets]
    if choices.sheets:
        return [table for table, _ in found]
    best, _ = max(found, key=lambda item: item[1])
    alike = [
        table
        for table, _ in found
        if [key(column.header) for column in table.columns]
        == [key(column.header) for column in best.columns]
    ]
    left = [table.sheet for table, _ in found if table not in alike]
    if left:
        plan.notes.append(Message("Sheets not read: %(names)s.", {"names": ", ".join(left)}))
    return alike


class _Planner:
    """Plans the rows of one file."""

    def __init__(
        self,
        schema: Schema,
        vocabularies: Vocabularies,
        synonyms: Synonyms,
        known: Known,
        choices: Choices,
        cells: Reader,
        refusal: Refusal,
        plan: Plan,
    ) -> None:
        self.schema = schema
        self.vocabularies = vocabularies
        self.synonyms = synonyms
        self.known = known
        self.choices = choices
        self.cells = cells
        self.refusal = refusal
        self.plan = plan
        self.departments: dict[str, Department] = {}
        for department in known.departments:
            for words in (department.title, department.name, department.code, department.id):
                if words:
                    self.departments.setdefault(key(words), department)
        # A title or name always wins over another department's code.
        for department in known.departments:
            self.departments[key(department.name)] = department
        for department in known.departments:
            self.departments[key(department.title)] = department
        self.sources: dict[tuple[str, str], SourceRef] = {}
        for source in known.sources:
            self.sources.setdefault((source.department, fold(source.title)), source)
        for source in known.sources:
            if source.external_id:
                self.sources[(source.department, fold(source.external_id))] = source
        for source in known.sources:
            if source.number:
                self.sources[("", fold(source.number))] = source
        self.chosen = {key(title): found for title, found in choices.departments.items()}
        self.by_id = {department.id: department for department in known.departments}
        self.new: dict[str, NewDepartment] = {}
        self.forbidden: Counter[str] = Counter()
        self.named: dict[str, NamedDepartment] = {}
        self.offers: Counter[tuple[str, str]] = Counter()
        self.offered: dict[tuple[str, str], str] = {}
        self.seen_titles: dict[tuple[str, str], tuple[str, int]] = {}
        self.seen_ids: dict[tuple[str, str], tuple[str, int]] = {}

    # One table

    def add(self, source: Source, table: Table, assignments: list[Assignment]) -> None:
        """Plan a table's rows."""
        plan = self.plan
        plan.columns.append((table.sheet, assignments))
        plan.total += len(table.rows)
        used: list[Assignment] = []
        for item in assignments:
            label = item.column.label
            if item.fate is Fate.UNKNOWN:
                message = item.remark or Message("No field fits this column: it was kept out.")
                self._column_problem(table, label, message)
            elif item.fate is Fate.IGNORED:
                self._column_problem(table, label, item.remark or Message("It was kept out."))
            elif item.fate in (Fate.USED, Fate.COMMENT):
                reason = self.refusal(item.target) if item.fate is Fate.USED else ""
                if reason:
                    self._column_problem(table, label, Message(reason))
                    continue
                if item.remark:
                    plan.notes.append(
                        Message(
                            'Column "%(column)s": %(remark)s',
                            {"column": label, "remark": str(item.remark)},
                        )
                    )
                used.append(item)
        ids = [item for item in used if item.target == "external_id"]
        if ids:
            plan.origin = self.choices.origin or default_origin(
                source.filename, ids[0].column.header
            )
        orders = self._date_orders(table, used)
        for number, cells in table.rows:
            _RowPlanner(self, table.sheet, number, cells, used, orders, plan.origin).plan()

    def _column_problem(self, table: Table, label: str, message: Message) -> None:
        self.plan.problems.append(Problem(Severity.WARNING, table.sheet, None, label, "", message))

    def _date_orders(self, table: Table, used: Iterable[Assignment]) -> dict[int, bool | None]:
        orders: dict[int, bool | None] = {}
        for item in used:
            spec = self.schema.fields.get(item.target)
            if spec and spec.kind in ("date", "partial_date"):
                index = item.column.index
                orders[index] = is_day_first(
                    text(cells[index]) for _, cells in table.rows if index < len(cells)
                )
        return orders

    # Departments

    def department(self, candidates: Sequence[str]) -> Department | None:
        """Find the department that a row's cells name.

        :param candidates: the filled cells of its department columns
        """
        for candidate in candidates:
            found = self.departments.get(key(candidate))
            if found:
                return found
        return None

    def choice(self, title: str) -> str | None:
        """Return what was chosen for a department of the file.

        :param title: as the file writes it
        :returns: organization id, empty to leave its rows out, None if nothing was chosen
        """
        found = self.chosen.get(key(title), self.choices.departments.get("*"))
        known = self.by_id.get(found or "")
        return found if not found or (known is not None and known.allowed) else None

    def note_named(self, title: str, *, forbidden: bool, chosen: str | None) -> None:
        """Note a row whose department nobody can add to as it stands there.

        :param title: as the file writes it
        :param forbidden: there is such a department
        :param chosen: what it stands for by choice
        """
        before = self.named.get(key(title))
        rows = before.rows if before else 0
        near = before.near if before else "" if forbidden else self._near_department(title)
        self.named[key(title)] = NamedDepartment(
            before.title if before else title, rows + 1, forbidden, chosen, near
        )

    def unknown_department(self, candidates: Sequence[str]) -> str:
        """Note a department that nobody knows, and return the id that stands for it."""
        title = max(candidates, key=len)
        others = [item for item in candidates if item != title]
        identifier = NEW + key(title)
        before = self.new.get(identifier)
        short = (before.short if before else "") or (others[0] if others else "")
        self.new[identifier] = NewDepartment(
            identifier, before.title if before else title, short, (before.rows if before else 0) + 1
        )
        return identifier

    # The end

    def finish(self) -> None:
        """Report what concerns many rows at once."""
        self.plan.unknown_departments = list(self.new.values())
        self.plan.named = sorted(self.named.values(), key=lambda item: (-item.rows, item.title))
        if not self.choices.read_known:
            self._report_departments()
        self.plan.offers = [
            Offer(department, self.offered[(department, folded)], count)
            for (department, folded), count in self.offers.items()
        ]

    def _report_departments(self) -> None:
        for title, rows in self.forbidden.items():
            self._department_problem(
                title,
                counted(
                    "You can't add to this department: one row was kept out.",
                    "You can't add to this department: %(count)s rows were kept out.",
                    rows,
                ),
            )
        if not self.choices.create_departments:
            for new in self.new.values():
                message = counted(
                    "No department has this name: one row was kept out.",
                    "No department has this name: %(count)s rows were kept out.",
                    new.rows,
                )
                near = self.by_id.get(self._near_department(new.title))
                self._department_problem(new.title, message, near.title if near else "")

    def _department_problem(self, title: str, message: Message, suggestion: str = "") -> None:
        self.plan.problems.append(Problem(Severity.ERROR, "", None, "", title, message, suggestion))

    def _near_department(self, title: str) -> str:
        near = difflib.get_close_matches(key(title), list(self.departments), 1, 0.75)
        return self.departments[near[0]].id if near else ""


class _RowPlanner:
    """Plans one row."""

    def __init__(
        self,
        planner: _Planner,
        sheet: str,
        number: int,
        cells: tuple[Cell, ...],
        used: Sequence[Assignment],
        orders: Mapping[int, bool | None],
        origin: str,
    ) -> None:
        self.planner = planner
        self.fields = planner.schema.fields
        self.sheet = sheet
        self.number = number
        self.cells = cells
        self.used = used
        self.orders = orders
        self.origin = origin
        self.content: dict[str, Any] = {}
        self.marks: dict[str, Any] = {}
        self.blocker: dict[str, Any] = {}
        self.blocker_kinds: list[str] = []
        self.comments: list[str] = []
        self.department = ""
        self.failed = False
        self.left_out = False
        self._existing: Ref | None = None

    def plan(self) -> None:
        """Read the row, and add it to the plan unless something keeps it out."""
        planner, plan = self.planner, self.planner.plan
        reference = self._known_number()
        if not self._title():
            return
        self._department()
        if self.left_out:
            plan.left_out += 1
            return
        title = self.content["title"]
        if not self.failed:
            self._read_id()
        reason = None if self.failed else self._known(reference)
        existing = self._existing if planner.choices.read_known else None
        if reason and existing is None:
            plan.skipped.append(Skipped(self.sheet, self.number, title, reason))
            return
        for item in self.used:
            cell = self._cell(item)
            if item.fate is Fate.COMMENT and text(cell):
                self.comments.append(f"{item.column.label}: {text(cell)}")
            elif item.fate is Fate.USED:
                self._fill(item, cell)
        self._blockers()
        self._answers()
        if self.failed:
            return
        written = frozenset(self.content)
        self._finish_comments()
        if existing is not None:
            plan.known.append(
                Row(
                    self.sheet,
                    self.number,
                    self.department,
                    self.content,
                    self.marks,
                    existing,
                    reason,
                    written & self._filled(),
                )
            )
            return
        location = (self.sheet, self.number)
        planner.seen_titles[(self.department, fold(title))] = location
        if "external_id" in self.content:
            planner.seen_ids[(fold(self.origin), fold(self.content["external_id"]))] = location
        plan.rows.append(Row(self.sheet, self.number, self.department, self.content, self.marks))

    # Reading

    def _cell(self, item: Assignment) -> Cell:
        index = item.column.index
        return self.cells[index] if index < len(self.cells) else ""

    def _texts(self, target: str) -> list[tuple[Assignment, str]]:
        found: list[tuple[Assignment, str]] = []
        for item in self.used:
            if item.target == target and item.fate is Fate.USED:
                written = text(self._cell(item))
                if written and self.planner.vocabularies.match_word(written) != "":
                    found.append((item, written))
        return found

    def _problem(
        self,
        severity: Severity,
        column: str,
        value: str,
        message: Message,
        suggestion: str = "",
    ) -> None:
        if severity is Severity.ERROR:
            self.failed = True
        self.planner.plan.problems.append(
            Problem(severity, self.sheet, self.number, column, shorten(value), message, suggestion)
        )

    def _known_number(self) -> Ref | None:
        for item, written in self._texts(NUMBER):
            found = self.planner.known.numbers.get(written.upper())
            if found:
                return found
            self._problem(
                Severity.WARNING,
                item.column.label,
                written,
                Message("No record has this number: a new one is given."),
            )
        return None

    def _title(self) -> bool:
        texts = self._texts("title")
        if not texts:
            column = next(item.column.label for item in self.used if item.target == "title")
            self._problem(Severity.ERROR, column, "", Message("The row has no name."))
            return False
        item, written = texts[0]
        reading = plain_text(written)
        title = " ".join(str(reading.value).split())
        if reading.message:
            self._problem(Severity.WARNING, item.column.label, written, reading.message)
        if len(title) > MAX_TITLE:
            full, title = title, shorten(title, MAX_TITLE)
            self._problem(
                Severity.WARNING,
                item.column.label,
                written,
                Message(
                    "A name has at most %(limit)s characters: it was shortened, the whole text is "
                    "in the description or the comments.",
                    {"limit": MAX_TITLE},
                ),
            )
            if self._texts("notes"):
                self.comments.append(full)
            else:
                self.content["notes"] = full
        self.content["title"] = title
        return True

    def _department(self) -> None:
        planner = self.planner
        given = planner.choices.department
        texts = self._texts(DEPARTMENT)
        candidates = [written for _, written in texts]
        found = planner.department(candidates)
        if given:
            self.department = given
            if found and found.id != given:
                self._problem(
                    Severity.ERROR,
                    texts[0][0].column.label,
                    candidates[0],
                    Message("The row belongs to another department."),
                )
            elif candidates and not found and "division" in self.fields:
                self.content["division"] = max(candidates, key=len)
        elif found and found.allowed:
            self.department = found.id
        elif candidates and self._by_choice(candidates, found):
            pass
        elif found:
            self.department = found.id
            # Reported once for all its rows.
            planner.forbidden[found.title] += 1
            self.failed = True
        elif candidates:
            self.department = planner.unknown_department(candidates)
            if not planner.choices.create_departments:
                # Reported once for all its rows.
                self.failed = True
        else:
            column = next(item.column.label for item in self.used if item.target == DEPARTMENT)
            self._problem(Severity.ERROR, column, "", Message("The row names no department."))
        self.content[DEPARTMENT] = self.department

    def _by_choice(self, candidates: Sequence[str], found: Department | None) -> bool:
        """Take the department that was chosen for the file's; False as long as none was."""
        planner = self.planner
        if planner.choices.create_departments and found is None:
            return False
        title = found.title if found else max(candidates, key=len)
        chosen = planner.choice(title)
        department = planner.by_id.get(chosen or "")
        planner.note_named(title, forbidden=found is not None, chosen=chosen)
        if chosen == "":
            self.left_out = True
        elif department is not None:
            self.department = department.id
        else:
            return False
        return True

    def _read_id(self) -> None:
        texts = self._texts("external_id")
        if texts:
            self.content["external_id"] = " ".join(texts[0][1].split())
            self.content["external_id_origin"] = self.origin

    # Already there

    def _filled(self) -> frozenset[str]:
        """Return the fields that the row's own cells fill, without what follows from them."""
        return frozenset(
            item.target.partition(".")[0]
            for item in self.used
            if item.fate is Fate.USED and text(self._cell(item))
        )

    def _known(self, reference: Ref | None) -> Message | None:
        planner, known = self.planner, self.planner.known
        before = known.rows.get((self.sheet, self.number))
        self._existing = before or reference
        if before:
            return Message(
                "This row was imported before, as %(number)s.", {"number": before.number}
            )
        if reference:
            return Message("It is already there, as %(number)s.", {"number": reference.number})
        title = fold(self.content["title"])
        if "external_id" in self.content:
            pair = (fold(self.origin), fold(self.content["external_id"]))
            same = known.ids.get(pair)
            if same:
                self._existing = same
                if fold(same.title) == title:
                    return Message(
                        "Its ID is already there, as %(number)s.", {"number": same.number}
                    )
                return Message(
                    'Its ID is already there with another name, as %(number)s "%(title)s".',
                    {"number": same.number, "title": same.title},
                )
            twin = planner.seen_ids.get(pair)
            if twin:
                return Message("The file holds its ID already, in row %(row)s.", {"row": twin[1]})
        named = known.titles.get((self.department, title))
        if named:
            self._existing = named
            return Message(
                "The department already has this name, as %(number)s.", {"number": named.number}
            )
        twin = planner.seen_titles.get((self.department, title))
        if twin:
            return Message(
                "The file holds this name for the department already, in row %(row)s.",
                {"row": twin[1]},
            )
        return None

    # Fields

    def _fill(self, item: Assignment, cell: Cell) -> None:
        target, written = item.target, text(cell)
        if not written or target in (
            "title",
            DEPARTMENT,
            NUMBER,
            "external_id",
            "external_id_origin",
        ):
            return
        package_type = self.planner.schema.package_type
        if target in MARKS.get(package_type, ()):
            self._mark(item, written)
        elif target.startswith(f"{BLOCKERS}."):
            self._blocker_part(item, target.partition(".")[2], written)
        elif target == "source_ids":
            self._sources(item, written)
        elif target == COMMENTS:
            reading = plain_text(written)
            if self.planner.vocabularies.match_word(written) != "" and reading.value:
                self.comments.insert(0, str(reading.value))
        elif target in self.fields:
            self._field(item, self.fields[target], cell, written)

    def _field(self, item: Assignment, spec: FieldSpec, cell: Cell, written: str) -> None:
        planner = self.planner
        if squash(item.column.header) in planner.synonyms.inverted:
            answer = planner.vocabularies.match(
                "in_directory", written
            ) or planner.vocabularies.match("contains_sensitive_data", written)
            cell = {"yes": "no", "no": "yes"}.get(answer or "", written)
        if spec.kind == "entry":
            self._other_entry(item, spec, written)
            return
        reading = planner.cells.read(spec, cell, day_first=self.orders.get(item.column.index))
        if reading.message:
            self._problem(
                Severity.WARNING, item.column.label, written, reading.message, reading.suggestion
            )
        if reading.rest:
            self._keep(spec.name, item.column.label, reading.rest)
        if reading.value is None:
            return
        if spec.name not in self.content:
            self.content[spec.name] = reading.value
        elif self.content[spec.name] != reading.value and spec.kind in (
            "text",
            "long_text",
            "markdown",
        ):
            # Two columns for one field, such as a text in two languages.
            self.comments.append(f"{item.column.label}: {written}")

    def _keep(self, name: str, label: str, rest: str) -> None:
        """Keep text that didn't fit in the field's companion, else in the comments."""
        companion = self.planner.synonyms.companions.get(name, "")
        spec = self.fields.get(companion)
        if spec is None or self.planner.refusal(companion):
            self.comments.append(f"{label}: {rest}")
            return
        before = self.content.get(companion)
        if not before:
            self.content[companion] = rest
        elif fold(rest) not in fold(str(before)):
            self.content[companion] = f"{before}\n{rest}"

    def _other_entry(self, item: Assignment, spec: FieldSpec, written: str) -> None:
        known = self.planner.known
        found = known.numbers.get(written.upper()) or known.titles.get(
            (self.department, fold(written))
        )
        if found:
            self.content[spec.name] = found.id
            return
        self._problem(
            Severity.WARNING,
            item.column.label,
            written,
            Message("No entry has this number or name."),
        )
        self.comments.append(f"{item.column.label}: {written}")

    def _mark(self, item: Assignment, written: str) -> None:
        planner = self.planner
        if item.target == "assignee":
            user = planner.known.people.get(fold(written))
            if user:
                self.marks["assignee"] = user
                return
            message = Message("Nobody with an account has this name or e-mail address.")
        else:
            name = "in_directory" if item.target == "shared" else item.target
            value = planner.vocabularies.match(name, written)
            if value:
                yes_no = item.target in ("shared", "in_directory")
                self.marks[item.target] = value == "yes" if yes_no else value
                return
            if value == "":
                return
            labels = (choice.label for choice in planner.vocabularies.choices(name))
            message = Message(
                "It is none of the values: %(values)s.", {"values": ", ".join(labels)}
            )
        self._problem(Severity.WARNING, item.column.label, written, message)
        self.comments.append(f"{item.column.label}: {written}")

    # Sources

    def _sources(self, item: Assignment, written: str) -> None:
        planner = self.planner
        word = planner.vocabularies.match_word(written)
        if word is not None:
            return
        found: list[str] = list(self.content.get("source_ids") or [])
        rest: list[str] = []
        whole = self._source(written)
        for piece in [written] if whole else re.split(r"[;|\n]", written):
            name = " ".join(piece.split())
            if not name:
                continue
            match = whole or self._source(name)
            if match is None:
                rest.append(name)
            elif match.id not in found:
                found.append(match.id)
        if found:
            self.content["source_ids"] = found
        if rest:
            # A cell that can't be told apart stays one source: names hold semicolons and line ends.
            kept = " ".join(written.split()) if len(rest) > 1 and not found else "; ".join(rest)
            self._keep("source_ids", item.column.label, kept)
            pair = (self.department, fold(kept))
            planner.offers[pair] += 1
            planner.offered.setdefault(pair, kept)

    def _source(self, name: str) -> SourceRef | None:
        sources = self.planner.sources
        by_number = sources.get(("", fold(name)))
        if by_number and (by_number.shared or by_number.department == self.department):
            return by_number
        return sources.get((self.department, fold(name)))

    # What follows from the rest

    def _blocker_part(self, item: Assignment, part: str, written: str) -> None:
        planner = self.planner
        if planner.vocabularies.match_word(written) == "":
            return
        specs = {spec.name: spec for spec in self.fields[BLOCKERS].subfields}
        spec = specs[part]
        if part == "kind":
            if normalise(written) == normalise("under_review"):
                self.comments.append(f"{item.column.label}: {written}")
                return
            if normalise(written) == normalise("already_available"):
                self.content.setdefault("existing_publication", ["open_data_portal"])
                return
            reading = planner.cells.choices(spec, written)
            self.blocker_kinds = list(reading.value or [])
        else:
            if part == "rationale" and self._no_reason(written):
                return
            reading = planner.cells.read(spec, written)
            if reading.value is not None:
                self.blocker[part] = reading.value
        if reading.message:
            self._problem(
                Severity.WARNING, item.column.label, written, reading.message, reading.suggestion
            )
        if reading.rest:
            self.comments.append(f"{item.column.label}: {reading.rest}")

    def _no_reason(self, written: str) -> bool:
        """Tell a filler from a reason; a class's own name is no reason either."""
        vocabularies = self.planner.vocabularies
        return vocabularies.is_placeholder(written) or bool(
            vocabularies.match("classification", written)
        )

    def _blockers(self) -> None:
        if BLOCKERS not in self.fields:
            return
        vocabularies = self.planner.vocabularies
        if self.blocker and not self.blocker_kinds:
            level = vocabularies.levels.get(self.content.get("classification") or "")
            rationale = self.blocker.get("rationale")
            if level and level.release == "direct" and rationale:
                column = next(
                    item.column.label
                    for item in self.used
                    if item.target == f"{BLOCKERS}.rationale"
                )
                self._problem(
                    Severity.WARNING,
                    column,
                    str(rationale),
                    Message(
                        'It reads like a reason against release, but the class is "%(level)s": kept '
                        "in the comments.",
                        {"level": level.label},
                    ),
                )
                self.comments.append(f"{column}: {rationale}")
                self.blocker = {}
            if self.blocker:
                self.blocker_kinds = [NOT_KNOWN]
        elif self.blocker_kinds and {"no", "none"}.issuperset(self.blocker_kinds):
            self.blocker_kinds = []
        rows = [{"kind": kind, "status": "open", **self.blocker} for kind in self.blocker_kinds]
        if rows:
            self.content[BLOCKERS] = rows
            self.content["blocker_status"] = "some"

    def _answers(self) -> None:
        """Fill in the answers that an import owes, and those that follow from other columns."""
        content = self.content
        sensitive = content.get("contains_sensitive_data")
        if "contains_sensitive_data" in self.fields:
            content.setdefault("contains_sensitive_data", NOT_KNOWN)
        if self.planner.schema.package_type != ENTRY:
            return
        if sensitive in ("yes", "yes_can_be_treated"):
            content["blocker_status"] = "some"
        content.setdefault("blocker_status", NOT_KNOWN)
        if content.get("source_ids"):
            content["source_known"] = "linked"
        elif "source_known" not in content:
            described = content.get("system_of_record_note")
            content["source_known"] = "described" if described else NOT_KNOWN
        if "classification" not in content and any(
            item.target == "classification" for item in self.used
        ):
            content["classification"] = NOT_KNOWN
        publication = content.get("existing_publication")
        if publication is None and content.get("source_date_published"):
            content["existing_publication"] = ["open_data_portal"]
        elif content.get("existing_publication_url"):
            if publication is None:
                content["existing_publication"] = ["website"]
            elif publication == ["no"]:
                # A "no" of the portal's column, beside an address elsewhere.
                content["existing_publication"] = ["website"]
        self._steward()

    def _steward(self) -> None:
        if self.content.get("steward") or self.content.get("steward_email"):
            return
        linked = set(self.content.get("source_ids") or [])
        for source in self.planner.known.sources:
            if source.id in linked:
                for name in ("steward", "steward_email"):
                    value = (
                        source.business_expert
                        if name == "steward"
                        else source.business_expert_email
                    )
                    if value:
                        self.content[name] = value
                return

    def _finish_comments(self) -> None:
        if self.comments and COMMENTS in self.fields:
            self.content[COMMENTS] = "\n".join(self.comments)
