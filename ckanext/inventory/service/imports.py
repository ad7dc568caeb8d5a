"""Importing spreadsheets: what is known goes into the plan, what the plan says goes through the bulk writer."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.lib.munge import munge_title_to_name
from ckan.types import Context
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config, policy, vocabularies
from ckanext.inventory.fields import Schema, schema_for
from ckanext.inventory.model import Department as DepartmentRow
from ckanext.inventory.model import Record, Revision, RoleGrant
from ckanext.inventory.service import bulk, departments, events, translated
from ckanext.inventory.service.marks import MARKS
from ckanext.inventory.spreadsheets import headers, places, returned, synonyms
from ckanext.inventory.spreadsheets.messages import (
    FileProblem,
    Message,
    Place,
    Problem,
    Severity,
    shorten,
)
from ckanext.inventory.spreadsheets.planning.choices import Choices
from ckanext.inventory.spreadsheets.planning.departments import DepartmentNames, heir_of, was_merged
from ckanext.inventory.spreadsheets.planning.file import as_it_stands, make_plan
from ckanext.inventory.spreadsheets.planning.known import Department, Known, Ref, SourceRef, fold
from ckanext.inventory.spreadsheets.planning.naming import MAX_TITLE
from ckanext.inventory.spreadsheets.planning.outcome import NEW, NewDepartment, Plan, Row
from ckanext.inventory.spreadsheets.reader import Limits, Source, Table, read
from ckanext.inventory.spreadsheets.values import Reader
from ckanext.inventory.types import ENTRY, SOURCE, Facts, Person
from ckanext.inventory.vocabularies import normalise

ACT = "import"

Writer = Callable[[Mapping[str, Any]], Sequence[bulk.Created]]
"""Writes the records of a plan, given the words on the act as a whole."""


@dataclass(frozen=True)
class Upload:
    """A file to import.

    :param data: its bytes
    :param filename: its name
    """

    data: bytes
    filename: str


@dataclass(frozen=True)
class Prepared:
    """A plan whose rows have been validated.

    :param plan: the plan; rows that the schema refuses are out and reported
    :param digest: SHA-256 of the file
    :param filename: name of the file
    :param records: the rows as the bulk writer takes them, in the plan's order
    :param sources: the sources that are registered first, where that was chosen
    :param titles: organization id to title
    :param before: when rows of this very file were imported last, None if never
    """

    plan: Plan
    digest: str
    filename: str
    records: tuple[bulk.NewRecord, ...]
    sources: tuple[bulk.NewRecord, ...]
    titles: Mapping[str, str]
    before: dt.datetime | None


@dataclass(frozen=True)
class Done:
    """What an import made.

    :param created: the records, in the order of the file
    :param departments: titles of departments that were made
    :param sources: sources that were registered besides
    """

    created: tuple[bulk.Created, ...] = ()
    departments: tuple[str, ...] = ()
    sources: tuple[bulk.Created, ...] = ()


class NotAddable(FileProblem):
    """A list for a department that whoever brings it may not add to."""


def plan_import(
    session: Session,
    person: Person,
    user_name: str,
    package_type: str,
    upload: Upload,
    choices: Choices,
    *,
    lock: bool = False,
    with_sources: bool = False,
    source: Source | None = None,
    answered: Mapping[str, Ref] | None = None,
    others: frozenset[str] = frozenset(),
    mend: Callable[[Table], Table] = as_it_stands,
    tell: Callable[[int], None] = lambda _done: None,
) -> Prepared:
    """Say what an import would do. Writes nothing.

    :param session: the database session
    :param person: who imports
    :param user_name: the account's name
    :param package_type: ``inventory_entry`` or ``inventory_source``
    :param upload: the file
    :param choices: what was chosen
    :param lock: hold the departments, because the import follows in this transaction
    :param with_sources: register the sources that entries name and nobody knows
    :param source: the file as read, where it was read before
    :param answered: ``sheet!row`` to the record that somebody said it is
    :param others: ``sheet!row`` of rows that somebody said are another one than those before
    :param mend: puts texts that stand for cells into the rows below a table's headers
    :param tell: told now and then how many rows are checked
    :returns: the plan with validated rows
    :raises NotAddable: if the person may not add to the department
    :raises FileProblem: if the file can't be read or has no column for the name
    """
    source = source or read(upload.data, upload.filename, limits())
    if not choices.read_known and returned.is_ours(source):
        source = replace(source, notes=(*source.notes, _OURS))
    schema, words = schema_for(package_type), vocabularies.load()
    if lock:
        bulk.lock(session, _held(session, person, choices))
    known = _known(session, person, package_type, choices, source.digest)
    refused = refusal_to_add(known.departments, person, choices.department)
    if refused is not None:
        raise NotAddable(refused.text, **refused.params)
    known = replace(known, answered=answered or {}, others=others)
    cells = Reader(
        words,
        synonyms.load(),
        _mapping(schema, choices.values),
        licenses(),
        day_first=choices.day_first or config.import_day_first(),
        year=clock.today().year,
        say=tk._,
    )
    other = schema_for(headers.other_type(package_type))
    refusal = _Refusal(person, schema, choices.department)
    understood = translated.understood(synonyms.load(), schema)

    def planned(facts: Known) -> Plan:
        return make_plan(
            source, schema, other, words, understood, facts, choices, cells, refusal, mend
        )

    plan = planned(known)
    _refuse_rows(source, plan)
    sources: tuple[bulk.NewRecord, ...] = ()
    if with_sources and plan.offers:
        offered = plan.offers
        sources = _offered(session, plan, source.digest, person, user_name)
        # planned anew with the sources as if they were there, so that the entries link to them
        plan = planned(replace(known, sources=(*known.sources, *map(_as_known, sources))))
        plan.offers = offered
    records = _validate(session, package_type, plan, source.digest, person, user_name, tell)
    return Prepared(
        plan,
        source.digest,
        source.filename,
        records,
        sources,
        {item.id: item.title for item in known.departments},
        _imported(session, [ref.id for ref in known.rows.values()]),
    )


def _refuse_rows(source: Source, plan: Plan) -> None:
    """Never take the rows of a sheet such as Blockers for records of their own."""
    read = {sheet for sheet, _ in plan.columns}
    for page in translated.row_sheets(source):
        if page.sheet in read:
            raise FileProblem(
                'These rows aren\'t records, but the sheet "%(sheet)s" of a workbook: each says something '
                "of a record that is there. Bring it on the page Spreadsheet, or with the command bring.",
                sheet=page.layout.title,
            )


_OURS = Message(
    "This is a workbook of this inventory. Only its new rows are read here: for changes bring it on the "
    "page Spreadsheet, or with the command bring."
)


def run_import(
    session: Session,
    person: Person,
    package_type: str,
    prepared: Prepared,
    write: Writer | None = None,
) -> Done:
    """Carry out a plan. The caller commits.

    :param session: the database session
    :param person: who imports
    :param package_type: ``inventory_entry`` or ``inventory_source``
    :param prepared: the plan, made in this transaction with ``lock``
    :param write: writes the records and their event otherwise than as drafts
    :returns: what was made
    """
    made = _make_departments(session, person, prepared)
    for record in (*prepared.sources, *prepared.records):
        owner = str(record.content["owner_org"])
        if owner in made:
            record.set_department(made[owner])
    sources = bulk.create(session, SOURCE, prepared.sources, person, act=ACT)
    details = {
        "file": prepared.filename,
        "sha256": prepared.digest,
        "created": len(prepared.records),
        "skipped": len(prepared.plan.skipped),
        "refused": prepared.plan.refused,
    }
    if write is not None:
        created = write(details)
    else:
        created = bulk.create(
            session, package_type, prepared.records, person, act=ACT, details=details
        )
    titles = [new.title for new in prepared.plan.unknown_departments if new.id in made]
    return Done(tuple(created), tuple(titles), tuple(sources))


def find_department(session: Session, reference: str) -> str | None:
    """Return the organization that a name, id or department code stands for.

    :param session: the database session
    :param reference: name, id or code
    :returns: organization id, or None
    """
    group = model.group_table
    query = (
        sa.select(group.c.id)
        .outerjoin(DepartmentRow, DepartmentRow.organization == group.c.id)
        .where(
            group.c.is_organization.is_(sa.true()),
            group.c.state == "active",
            sa.or_(
                group.c.id == reference,
                group.c.name == reference,
                DepartmentRow.code == reference.upper(),
            ),
        )
        .limit(1)
    )
    return session.scalar(query)


def limits() -> Limits:
    """Return how big a file may be."""
    return Limits(
        max_bytes=config.import_max_bytes(),
        max_rows=config.import_max_rows(),
        max_cells=config.import_max_cells(),
    )


def _mapping(
    schema: Schema, values: Mapping[str, Mapping[str, str]]
) -> dict[str, Mapping[str, str]]:
    """Put what somebody chose for cells over what they say in the languages of the site."""
    known = translated.labels(schema)
    chosen = {
        name: {normalise(cell): value for cell, value in cells.items()}
        for name, cells in values.items()
    }
    return {name: {**known.get(name, {}), **chosen.get(name, {})} for name in {*known, *chosen}}


def licenses() -> dict[str, str]:
    """Return what a cell may say for a licence: normalised id or title to licence id."""
    found: dict[str, str] = {}
    for license_id, licence in model.Package.get_license_register().items():
        found[normalise(str(license_id))] = str(license_id)
        found.setdefault(normalise(str(licence.title)), str(license_id))
    return found


class _Refusal:
    """Says why a person may not write a column, asking the policy once per field."""

    def __init__(self, person: Person, schema: Schema, department: str | None) -> None:
        self.person = person
        self.schema = schema
        self.department = department or next(iter(policy.departments_of(person)), "")
        self.answers: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        if name not in self.answers:
            self.answers[name] = self._ask(name)
        return self.answers[name]

    def _ask(self, name: str) -> str:
        facts = Facts("", self.schema.package_type, self.department)
        if name == "assignee":
            return policy.may(self.person, policy.Act.ASSIGN, facts).reason
        if name in MARKS:
            return policy.may(self.person, MARKS[name].act, facts).reason
        spec = self.schema.fields.get(name)
        if spec is None or spec.kind in ("rows", "organization"):
            return ""
        return policy.may_write_field(self.person, facts, spec.writers).reason


# What is there


def _organizations(session: Session) -> list[Department]:
    group = model.group_table
    query = (
        sa.select(
            group.c.id, group.c.name, group.c.title, DepartmentRow.code, DepartmentRow.merged_into
        )
        .outerjoin(DepartmentRow, DepartmentRow.organization == group.c.id)
        .where(group.c.is_organization.is_(sa.true()), group.c.state == "active")
        .order_by(group.c.name)
    )
    return [
        Department(
            row.id,
            row.name,
            row.title or row.name,
            row.code or "",
            merged_into=row.merged_into or "",
        )
        for row in session.execute(query)
    ]


def departments_for(session: Session, person: Person) -> list[Department]:
    """Return the departments of the site, and to which of them somebody may add.

    One that was merged into another is for nobody but whom it was given to again.

    :param session: the database session
    :param person: who brings or takes a file
    """
    return [
        replace(
            item,
            allowed=departments.is_open(person, item.id, item.merged_into)
            and bool(policy.may_add_to(person, item.id)),
        )
        for item in _organizations(session)
    ]


def refusal_to_add(
    known: Sequence[Department], person: Person, department: str | None
) -> Message | None:
    """Say why somebody may not bring a list.

    :param known: the departments, as :func:`departments_for` tells
    :param person: who brings it
    :param department: organization id of the chosen one, None where a column names it
    :returns: the reason, None if they may
    """
    if not department:
        somewhere = policy.is_cdo(person) or any(item.allowed for item in known)
        return None if somewhere else _NOWHERE
    found = next((item for item in known if item.id == department), None)
    if found is None:
        return _GONE
    if found.allowed:
        return None
    heir = heir_of(found, known)
    return was_merged(found.title, heir.title) if heir is not found else _NOT_YOURS


_NOWHERE = Message(
    "You can't add to any department. Ask a coordinator of the department to bring this list."
)
_GONE = Message("There is no such department.")
_NOT_YOURS = Message("You can't add to this department. Choose one of yours.")


def departments_offered(known: Sequence[Department]) -> list[str]:
    """Return what those departments are to be called that somebody may add to.

    :param known: the departments
    :returns: their titles in the order of the alphabet; the name for one whose title isn't its own
    """
    mine = [department for department in known if department.allowed]
    called = DepartmentNames(mine).called
    return sorted(map(called, mine), key=str.casefold)


def _imported(session: Session, ids: Sequence[str]) -> dt.datetime | None:
    query = sa.select(sa.func.max(Record.created_at)).where(Record.package_id.in_(ids))
    return session.scalar(query) if ids else None


def _wanted(organizations: Iterable[Department], choices: Choices) -> set[str]:
    if choices.department:
        return {choices.department}
    return {item.id for item in organizations if item.allowed}


def _held(session: Session, person: Person, choices: Choices) -> list[str]:
    """Return the departments that an import may write to, in the order in which they are held."""
    if choices.department:
        return [choices.department]
    known = set(session.scalars(sa.select(DepartmentRow.organization)))
    return sorted(
        item.id for item in departments_for(session, person) if item.allowed and item.id in known
    )


def _known(
    session: Session, person: Person, package_type: str, choices: Choices, digest: str
) -> Known:
    """Load what the plan has to compare with, and nothing that the person may not know."""
    organizations = departments_for(session, person)
    wanted = _wanted(organizations, choices)
    titles: dict[tuple[str, str], Ref] = {}
    ids: dict[tuple[str, str], Ref] = {}
    rows: dict[tuple[str, int], Ref] = {}
    numbers: dict[str, Ref] = {}
    query = sa.select(
        Record.package_id,
        Record.department,
        Record.number,
        Record.title,
        Record.external_id,
        Record.external_id_origin,
        Record.origin_hash,
        Record.origin_sheet,
        Record.origin_row,
    ).where(
        Record.package_type == package_type,
        Record.package_state == "active",
        Record.department.in_(wanted),
    )
    for row in session.execute(query):
        ref = Ref(row.package_id, row.number, row.title)
        numbers[row.number] = ref
        titles.setdefault((row.department, fold(row.title)), ref)
        if row.external_id:
            ids[(fold(row.external_id_origin or ""), fold(row.external_id))] = ref
        if row.origin_hash == digest:
            rows[(row.origin_sheet or "", row.origin_row)] = ref
    return Known(
        departments=tuple(organizations),
        titles=titles,
        ids=ids,
        rows=rows,
        numbers=numbers,
        sources=_sources(session, wanted) if package_type == ENTRY else (),
        people=people(session, wanted),
    )


def _sources(session: Session, wanted: Iterable[str]) -> tuple[SourceRef, ...]:
    """Load the departments' own sources, and of others those that they share."""
    mine = set(wanted)
    query = (
        sa.select(Record, Revision.content)
        .join(
            Revision,
            sa.and_(Revision.package_id == Record.package_id, Revision.revision == Record.revision),
        )
        .where(
            Record.package_type == SOURCE,
            Record.package_state == "active",
            sa.or_(Record.department.in_(mine), Record.shared.is_(sa.true())),
        )
        .order_by(Record.number)
    )
    found: list[SourceRef] = []
    for record, content in session.execute(query):
        own = record.department in mine
        found.append(
            SourceRef(
                record.package_id,
                record.number,
                record.title,
                record.department,
                (record.external_id or "") if own else "",
                str(content.get("business_expert") or "") if own else "",
                str(content.get("business_expert_email") or "") if own else "",
                record.shared,
            )
        )
    return tuple(found)


def people(session: Session, wanted: Iterable[str]) -> dict[str, str]:
    """Load who may be named as assignee: members of the departments and holders of their roles.

    Nobody else: a column of e-mail addresses must not tell who has an account.

    :param session: the database session
    :param wanted: organization ids
    :returns: folded name or e-mail to user id; names that two people bear are absent
    """
    member, user = model.member_table, model.user_table
    ids = set(wanted)
    members = sa.select(member.c.table_id).where(
        member.c.table_name == "user", member.c.state == "active", member.c.group_id.in_(ids)
    )
    holders = sa.select(RoleGrant.user_id).where(RoleGrant.department.in_(ids))
    query = sa.select(user.c.id, user.c.name, user.c.fullname, user.c.email).where(
        user.c.state == "active", user.c.id.in_(members.union(holders))
    )
    people: dict[str, str] = {}
    twice: set[str] = set()
    for row in session.execute(query):
        for words in {fold(text) for text in (row.name, row.fullname, row.email) if text}:
            if people.setdefault(words, row.id) != row.id:
                twice.add(words)
    # Two people of one name: nobody is assigned by guess.
    return {words: user_id for words, user_id in people.items() if words not in twice}


# Validation


def _validate(
    session: Session,
    package_type: str,
    plan: Plan,
    digest: str,
    person: Person,
    user_name: str,
    tell: Callable[[int], None],
) -> tuple[bulk.NewRecord, ...]:
    records = [
        bulk.NewRecord(row.content, row.marks, (digest, row.sheet, row.number)) for row in plan.rows
    ]
    planned = {new.id for new in plan.unknown_departments}
    found = bulk.validate(
        session, package_type, records, person, user_name, planned=planned, tell=tell
    )
    kept: list[tuple[Row, bulk.NewRecord]] = []
    for row, record, errors in zip(plan.rows, records, found, strict=True):
        if errors:
            plan.problems.extend(_problems(plan, schema_for(package_type), row, errors))
        else:
            kept.append((row, record))
    plan.rows = [row for row, _ in kept]
    return tuple(record for _, record in kept)


def _offered(
    session: Session, plan: Plan, digest: str, person: Person, user_name: str
) -> tuple[bulk.NewRecord, ...]:
    """Make the sources that the plan offers, as far as they are valid."""
    records = [
        bulk.NewRecord(
            {"title": shorten(offer.title, MAX_TITLE), "owner_org": offer.department},
            origin=(digest, "", 0),
        )
        for offer in plan.offers
    ]
    made = {new.id for new in plan.unknown_departments}
    found = bulk.validate(session, SOURCE, records, person, user_name, planned=made)
    return tuple(record for record, errors in zip(records, found, strict=True) if not errors)


def _as_known(record: bulk.NewRecord) -> SourceRef:
    content = record.content
    return SourceRef(record.package_id, "", content["title"], content["owner_org"])


def _problems(
    plan: Plan, schema: Schema, row: Row, errors: Mapping[str, Sequence[str]]
) -> list[Problem]:
    columns = next(
        places.of_list(sheet, plan.header_rows[sheet], assignments)
        for sheet, assignments in plan.columns
        if sheet == row.sheet
    )
    problems: list[Problem] = []
    for name, messages in errors.items():
        header, spec = columns.find(name), schema.fields.get(name)
        lacking = header is None and headers.can_be_given(schema, name)
        problems += [
            Problem(
                Severity.ERROR,
                row.sheet,
                row.number,
                header.label if header is not None else "",
                shorten(str(row.content.get(name, ""))),
                Message("%(message)s", {"message": message}),
                key=name if lacking else "",
                place=Place(row.sheet, row.number, header.column) if header is not None else None,
                label=spec.label if header is None and spec is not None else "",
            )
            for message in messages
        ]
    return problems


# Departments


def _make_departments(session: Session, person: Person, prepared: Prepared) -> dict[str, str]:
    """Make the organizations that the plan's rows ask for.

    The site's own account makes them, so that nobody becomes an organization's admin by importing.

    :returns: the plan's id of a new department to the organization's id
    """
    wanted = {row.department for row in prepared.plan.rows if row.department.startswith(NEW)}
    if not wanted:
        return {}
    site_user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    taken = set(session.scalars(sa.select(model.group_table.c.name)))
    made: dict[str, str] = {}
    codes: dict[str, str] = {}
    for new in prepared.plan.unknown_departments:
        if new.id not in wanted:
            continue
        name = _free_name(new, taken)
        taken.add(name)
        context = cast(
            Context,
            {
                "model": model,
                "session": session,
                "user": site_user,
                "ignore_auth": True,
                "defer_commit": True,
            },
        )
        organization = tk.get_action("organization_create")(
            context, {"name": name, "title": new.title}
        )
        made[new.id] = str(organization["id"])
        if re.fullmatch(departments.CODE, new.short.upper()):
            codes[made[new.id]] = new.short.upper()
    session.flush()
    _give_codes(session, made.values(), codes)
    events.record(
        session,
        "department_create",
        person.user_id,
        [events.Row(department=organization) for organization in made.values()],
    )
    return made


def _free_name(new: NewDepartment, taken: set[str]) -> str:
    base = munge_title_to_name(new.title).strip("-_")[:90] or "department"
    if len(base) < 2:
        base = f"{base}-department"
    name, counter = base, 2
    while name in taken:
        name, counter = f"{base}-{counter}", counter + 1
    return name


def _give_codes(session: Session, organizations: Iterable[str], codes: Mapping[str, str]) -> None:
    """Take the file's own short names as codes, where they are free and have the shape."""
    taken = set(session.scalars(sa.select(DepartmentRow.code)))
    rows: list[dict[str, Any]] = []
    for organization, code in codes.items():
        if code not in taken:
            taken.add(code)
            rows.append({"organization": organization, "code": code})
    if rows:
        session.execute(sa.insert(DepartmentRow), rows)
    departments.ensure(session, list(organizations))
