"""Keeping what was brought: the file until it is saved, the choices, and what became of it."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from ckanext.inventory import clock, fields, policy
from ckanext.inventory.fields import schema_for
from ckanext.inventory.model import (
    Import,
    ImportMapping,
    ImportRow,
    Record,
    Revision,
    event,
    event_detail,
    event_entry,
)
from ckanext.inventory.model.imports import (
    DISCARDED,
    OPEN,
    PREVIEW,
    QUEUED,
    SAVED,
    MarkChange,
)
from ckanext.inventory.service import (
    copying,
    events,
    import_report,
    kept_looks,
    parts,
    register,
    search,
    workbooks,
)
from ckanext.inventory.service.imports import Done, Prepared, Upload
from ckanext.inventory.service.roundtrip import Preview, Settled
from ckanext.inventory.spreadsheets.headers import MARKS, names_of, targets
from ckanext.inventory.spreadsheets.planning.choices import Choices
from ckanext.inventory.spreadsheets.synonyms import squash
from ckanext.inventory.types import ENTRY, Person

KEEP_OPEN = dt.timedelta(days=14)
"""How long a file waits for somebody to choose and save."""


def start(
    session: Session, person: Person, upload: Upload, digest: str, settled: Settled
) -> Import:
    """Keep a file that was brought.

    :param session: the database session
    :param person: who brought it
    :param upload: the file
    :param digest: its SHA-256, hexadecimal
    :param settled: what was chosen along with it
    :returns: the kept import
    """
    forget_old(session)
    import_id = str(uuid.uuid4())
    copying.insert(
        session,
        cast(sa.Table, Import.__table__),
        {
            "id": import_id,
            "status": PREVIEW,
            "filename": upload.filename.rsplit("/", 1)[-1].rsplit("\\", 1)[-1][:200],
            "digest": digest,
            "size": len(upload.data),
            "choices": to_json(settled),
            "by": person.user_id,
            "at": clock.now(),
            "departments": [settled.choices.department] if settled.choices.department else [],
            "file": upload.data,
        },
    )
    kept = session.get_one(Import, import_id)
    # It is looked at next, and needn't be fetched for that.
    set_committed_value(kept, "file", upload.data)
    return kept


def keep_saved(
    session: Session,
    person: Person,
    upload: Upload,
    settled: Settled,
    prepared: Prepared,
    done: Done,
) -> Import:
    """Keep an import that was saved in the same call, so that it is listed and can be taken back.

    :param session: the database session
    :param person: who brought it
    :param upload: the file, which isn't kept
    :param settled: what was chosen along with it
    :param prepared: what was planned
    :param done: what was made of it
    :returns: the kept import
    """
    kept = start(session, person, upload, prepared.digest, settled)
    plan, records = prepared.plan, (*prepared.sources, *prepared.records)
    kept.status, kept.file, kept.saved_at = SAVED, None, kept.at
    kept.departments = sorted({str(record.content["owner_org"]) for record in records})
    noted = import_report.of_plan(prepared, settled.package_type, person)
    kept.choices = {**kept.choices, import_report.NOTED: noted}
    kept.counts = {
        "read": plan.total,
        "new": len(records),
        "new_cells": sum(len(record.content) for record in records),
        "changed": 0,
        "skipped": len(plan.skipped),
        "refused_rows": plan.refused,
        "created": len(done.created) + len(done.sources),
        **import_report.counts(noted),
    }
    kept.last_event = events.last(session)
    session.flush()
    rows: list[dict[str, Any]] = [
        {
            "import_id": kept.id,
            "seq": seq,
            "package_id": record.package_id,
            "department": str(record.content["owner_org"]),
            "created": True,
            "from_revision": None,
            "revision": 1,
            "marks": {
                name: {"old": "", "new": workbooks.mark_text(value)}
                for name, value in record.marks.items()
            },
            "submitted": False,
            "sheet": record.origin[1] if record.origin else "",
            "row": record.origin[2] if record.origin else 0,
        }
        for seq, record in enumerate(records)
    ]
    if rows:
        session.execute(sa.insert(ImportRow.__table__), rows)  # pyright: ignore[reportArgumentType] - a Table
    return kept


def forget_old(session: Session) -> int:
    """Drop files that nobody saved for a long time.

    :param session: the database session
    :returns: how many
    """
    done = session.execute(
        sa.update(Import)
        .where(
            Import.status.in_([*OPEN, QUEUED]),
            Import.saved_at.is_(None),
            Import.at < clock.now() - KEEP_OPEN,
        )
        .values(status=DISCARDED, file=None)
        .returning(Import.id)
        .execution_options(synchronize_session=False)
    ).all()
    ids = [row.id for row in done]
    if ids:
        kept_looks.forget(session, ids)
        parts.dropped(session, ids)
    return len(ids)


def find(session: Session, person: Person, import_id: str, *, lock: bool = False) -> Import | None:
    """Return a kept import that somebody may know of.

    :param session: the database session
    :param person: who asks
    :param import_id: its id
    :param lock: hold it until the end of the transaction
    :returns: the import, or None
    """
    query = sa.select(Import).where(Import.id == import_id, visible(person))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).first()


def visible(person: Person) -> sa.ColumnElement[bool]:
    """Return which imports somebody may know of: their own, and what was saved in their departments.

    A file that isn't saved yet may hold rows of anybody, so that only its uploader goes on with it.

    :param person: who asks
    """
    own = sorted(policy.departments_of(person))
    grounds: list[sa.ColumnElement[bool]] = [sa.false()]
    if person.user_id is not None:
        grounds.append(Import.by == person.user_id)
    if policy.is_cdo(person):
        grounds.append(Import.saved_at.is_not(None))
    elif own:
        grounds.append(
            sa.and_(
                Import.saved_at.is_not(None),
                sa.func.cardinality(Import.departments) > 0,
                Import.departments.contained_by(sa.cast(own, sa.ARRAY(sa.Text))),
            )
        )
    return sa.or_(*grounds)


def listing(
    session: Session, person: Person, department: str | None, limit: int, offset: int
) -> tuple[int, list[Import]]:
    """Return kept imports, newest first, without those that were discarded.

    :param session: the database session
    :param person: who asks
    :param department: organization id, None for all
    :param limit: at most so many
    :param offset: skip so many
    :returns: how many there are, and the page
    """
    conditions = [visible(person), Import.status != DISCARDED]
    if department is not None:
        conditions.append(Import.departments.contains([department]))
    total = session.scalar(sa.select(sa.func.count()).select_from(Import).where(*conditions)) or 0
    query = (
        sa.select(Import)
        .where(*conditions)
        .order_by(Import.at.desc(), Import.id)
        .limit(limit)
        .offset(offset)
    )
    return total, list(session.scalars(query))


def upload_of(kept: Import) -> Upload:
    """Return the file of an open import.

    :param kept: the import
    :raises LookupError: if the file isn't kept any more
    """
    if kept.file is None:
        raise LookupError(kept.id)
    return Upload(kept.file, kept.filename)


# Choices


def to_json(settled: Settled) -> dict[str, Any]:
    """Write choices for the table.

    :param settled: the choices
    """
    choices = settled.choices
    return {
        "department": choices.department,
        "columns": dict(choices.columns),
        "values": {name: dict(cells) for name, cells in choices.values.items()},
        "origin": choices.origin,
        "departments": dict(choices.departments),
        "sheets": list(choices.sheets),
        "day_first": choices.day_first,
        "package_type": settled.package_type,
        "fixes": dict(settled.fixes),
        "fixes_all": {key: dict(alike) for key, alike in settled.fixes_all.items()},
        "left_out": sorted(settled.left_out),
        "conflicts": dict(settled.conflicts),
        "all_conflicts": settled.all_conflicts,
        "same": dict(settled.same),
        "submit": sorted(settled.submit),
    }


def from_json(given: Mapping[str, Any]) -> Settled:
    """Read choices from the table.

    :param given: as :func:`to_json` wrote them
    """
    return Settled(
        Choices(
            department=given.get("department"),
            columns=given.get("columns") or {},
            values=given.get("values") or {},
            origin=given.get("origin") or "",
            sheets=tuple(given.get("sheets") or ()),
            departments=given.get("departments") or {},
            day_first=bool(given.get("day_first")),
        ),
        str(given.get("package_type") or ENTRY),
        given.get("fixes") or {},
        given.get("fixes_all") or {},
        frozenset(given.get("left_out") or ()),
        given.get("conflicts") or {},
        str(given.get("all_conflicts") or ""),
        given.get("same") or {},
        frozenset(given.get("submit") or ()),
    )


# Layouts that a department, or the city, has explained once

CITY = ""
"""For whom the meaning of a whole city's list is remembered."""


def remembered_for(person: Person, department: str | None) -> str | None:
    """Tell for whom it is remembered what the columns of a list mean.

    :param person: who brings it
    :param department: organization id of the department that it is brought into
    :returns: an organization id, :data:`CITY`, or None where it is remembered for nobody
    """
    if department:
        return department
    if policy.is_cdo(person):
        return CITY
    own = sorted(policy.departments_of(person))
    return own[0] if len(own) == 1 else None


def layout_of(found: Preview) -> str:
    """Tell the layout of a file that isn't ours: what it lists, and its headers, whatever their order.

    :param found: the preview
    :returns: a digest, empty without columns
    """
    headers = sorted(
        {squash(item.column.label) for _, columns in found.columns for item in columns}
    )
    if not headers:
        return ""
    # That of entries is as it was before the kind counted, so that what was remembered stays.
    kind = [] if found.settled.package_type == ENTRY else ["", found.settled.package_type]
    return hashlib.sha256("\n".join([*headers, *kind]).encode()).hexdigest()


def remember(
    session: Session, person: Person, department: str, found: Preview, columns: Mapping[str, str]
) -> None:
    """Remember what the columns of a list mean to a department.

    :param session: the database session
    :param person: who said it
    :param department: as :func:`remembered_for` tells
    :param found: the preview of the list
    :param columns: header or letter to field, empty for a column that stays out
    """
    lasting = _lasting_names(found)
    statement = insert(ImportMapping).values(
        department=department,
        layout=layout_of(found),
        columns={lasting.get(name, name): target for name, target in columns.items()},
        by=person.user_id,
        at=clock.now(),
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["department", "layout"],
            set_={
                "columns": statement.excluded.columns,
                "by": statement.excluded.by,
                "at": statement.excluded.at,
            },
        )
    )


def remembered(session: Session, department: str, found: Preview) -> dict[str, str]:
    """Return what a department said about the columns of such a list.

    :param session: the database session
    :param department: as :func:`remembered_for` tells
    :param found: the preview of the list
    :returns: header or letter to field, without fields that there aren't (any more); empty if it never said
        anything
    """
    row = session.get(ImportMapping, (department, layout_of(found)))
    if row is None:
        return {}
    called = {lasting: name for name, lasting in _lasting_names(found).items()}
    fields_now = targets(schema_for(found.settled.package_type))
    return {
        called.get(name, name): target
        for name, target in row.columns.items()
        if not target or target in fields_now
    }


def _lasting_names(found: Preview) -> dict[str, str]:
    """Return how columns are remembered that are called by their letters: by header, and which of these."""
    names: dict[str, str] = {}
    for _, assignments in found.columns:
        columns = [item.column for item in assignments]
        called = names_of(columns)
        times: Counter[str] = Counter()
        for column in columns:
            header = squash(column.header)
            times[header] += 1
            if column.header and called[column.index] != column.header:
                names.setdefault(called[column.index], f"{header}\n{times[header]}")
    return names


# Who changed what meanwhile


@dataclass(frozen=True)
class Meanwhile:
    """Who changed a cell since the download.

    :param name: the person's name
    :param at: when
    """

    name: str
    at: dt.datetime


def meanwhile(session: Session, found: Preview) -> dict[tuple[str, str], Meanwhile]:
    """Say for every conflict who changed the cell here, and when.

    :param session: the database session
    :param found: the preview
    :returns: (package id, cell) to who and when
    """
    wanted = [
        (cast(Record, row.record), cell)
        for row in found.rows
        for cell in row.cells
        if cell.outcome.value == "conflict" and row.record is not None
    ]
    if not wanted:
        return {}
    marked = [(record, cell.key) for record, cell in wanted if cell.key in _MARK_NAMES]
    texts = [(record, cell.key) for record, cell in wanted if cell.key not in _MARK_NAMES]
    last = _texts_changed(session, texts) | _marks_changed(session, marked)
    names = people(session, {by for by, _ in last.values() if by})
    return {key: Meanwhile(names.get(by or "", ""), at) for key, (by, at) in last.items()}


_MARK_NAMES = frozenset(name for names in MARKS.values() for name in names)
_ASSIGNING = ("assign", "hand_over", "transfer", "merge")
"""Acts that change to whom a record is assigned; two of them take the assignment away."""

_Last = dict[tuple[str, str], tuple[str | None, dt.datetime]]
"""(package id, cell) to who changed it last, and when."""


def _texts_changed(session: Session, cells: Sequence[tuple[Record, str]]) -> _Last:
    ids = {record.package_id for record, _ in cells}
    history: dict[str, list[Any]] = {package_id: [] for package_id in ids}
    query = (
        sa.select(Revision.package_id, Revision.content, Revision.by, Revision.at)
        .where(Revision.package_id.in_(ids))
        .order_by(Revision.package_id, Revision.revision)
    )
    for row in session.execute(query):
        history[row.package_id].append(row)
    answers: _Last = {}
    for record, key in cells:
        before: Any = None
        for row in history[record.package_id]:
            value = _value_of(record.package_type, key, row.content)
            if value != before:
                answers[record.package_id, key], before = (row.by, row.at), value
    return answers


def _value_of(package_type: str, key: str, content: Mapping[str, Any]) -> Any:
    """Return what stands in a cell: a field, or one part of a row of it."""
    name, _, rest = key.partition("/")
    if not rest:
        return content.get(name)
    kind, _, part = rest.rpartition("/")
    first = schema_for(package_type).fields[name].subfields[0].name
    rows: Sequence[Mapping[str, Any]] = content.get(name) or ()
    return next((row.get(part) for row in rows if str(row.get(first)) == kind), None)


def _marks_changed(session: Session, cells: Sequence[tuple[Record, str]]) -> _Last:
    ids = {record.package_id for record, _ in cells}
    query = (
        sa.select(
            event_entry.c.package_id,
            event.c.act,
            event.c.user_id,
            event.c.at,
            event_detail.c.details,
        )
        .join(event, event.c.id == event_entry.c.event_id)
        .outerjoin(
            event_detail,
            sa.and_(
                event_detail.c.event_id == event_entry.c.event_id,
                event_detail.c.seq == event_entry.c.seq,
            ),
        )
        .where(event_entry.c.package_id.in_(ids), event.c.act.in_(["mark", *_ASSIGNING]))
        .order_by(event.c.id)
    )
    keys = {(record.package_id, key) for record, key in cells}
    answers: _Last = {}
    for row in session.execute(query) if ids else ():
        details: Mapping[str, Any] = row.details or {}
        field = str(details.get("field") or ("assignee" if row.act in _ASSIGNING else ""))
        if (row.package_id, field) in keys:
            answers[row.package_id, field] = (row.user_id, row.at)
    return answers


def people(session: Session, ids: Collection[str]) -> dict[str, str]:
    """Return the names of accounts.

    :param session: the database session
    :param ids: user ids
    :returns: user id to name
    """
    user = model.user_table
    query = sa.select(user.c.id, user.c.fullname, user.c.name).where(user.c.id.in_(ids))
    return {row.id: row.fullname or row.name for row in session.execute(query)}


# The report


@dataclass(frozen=True)
class Changed:
    """What an import did to one record.

    :param number: its number
    :param title: its name now
    :param package_type: its type
    :param created: it was new
    :param submitted: it was submitted in the same step
    :param sheet: the sheet that it came from
    :param row: the row
    :param changes: what changed; for a new one what it holds
    :param marks: marks, what they were before and what they became
    :param deleted: it has no page any more
    :param stays: fields of which the file only proposed another value to the label of the confirmed one
    """

    number: str
    title: str
    package_type: str
    created: bool
    submitted: bool
    sheet: str
    row: int
    changes: Sequence[fields.Change]
    marks: Mapping[str, MarkChange]
    stays: Mapping[str, str]
    deleted: bool


@dataclass(frozen=True)
class Report:
    """What a saved import did, as far as somebody may read it.

    :param records: the records, in the order of the file
    :param more: how many others of these there are
    :param hidden: how many the person may not read
    """

    records: Sequence[Changed]
    more: int
    hidden: int


def report(session: Session, person: Person, kept: Import, limit: int | None = None) -> Report:
    """Say what a saved import did.

    :param session: the database session
    :param person: who asks
    :param kept: the import
    :param limit: at most so many records; None for all
    :returns: the report
    """
    mine = search.visible(policy.scope(person))
    total, readable = session.execute(
        sa.select(sa.func.count(), sa.func.count().filter(mine))
        .select_from(ImportRow)
        .outerjoin(Record, Record.package_id == ImportRow.package_id)
        .where(ImportRow.import_id == kept.id)
    ).one()
    query = (
        sa.select(ImportRow, Record)
        .join(Record, Record.package_id == ImportRow.package_id)
        .where(ImportRow.import_id == kept.id, mine)
        .order_by(ImportRow.seq)
        .limit(limit)
    )
    rows = session.execute(query).all()
    pairs = {(row.package_id, row.revision) for row, _ in rows}
    pairs |= {(row.package_id, row.from_revision) for row, _ in rows if row.from_revision}
    texts = register.contents_at(session, pairs)
    noted: Mapping[str, Any] = kept.choices.get(import_report.NOTED) or {}
    proposed: Mapping[str, Mapping[str, str]] = noted.get(import_report.PROPOSED) or {}
    found: list[Changed] = []
    for row, record in rows:
        old = texts.get((row.package_id, row.from_revision or 0), {})
        new = texts.get((row.package_id, row.revision), {})
        changes = fields.diff(schema_for(record.package_type), old, new)
        found.append(
            Changed(
                record.number,
                record.title,
                record.package_type,
                row.created,
                row.submitted,
                row.sheet,
                row.row,
                [change for change in changes if change.field != "owner_org"],
                row.mark_changes,
                proposed.get(row.package_id, {}),
                record.package_state != "active",
            )
        )
    return Report(found, readable - len(found), total - readable)
