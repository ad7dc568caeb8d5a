"""Records as the policy sees them, loaded by the batch."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory.model import Link, Record, Revision
from ckanext.inventory.service import plain
from ckanext.inventory.types import Facts, State, Visibility
from ckanext.inventory.workflow import HAS_APPROVED_TEXT

NUMBER = re.compile(r"[A-Z0-9]{2,10}-S?[0-9]{3,}")
"""The shape of ``PARKS-0012`` and ``PARKS-S003``."""

_ID_OR_NAME = re.compile(
    r"inventory-[0-9a-z]{16,}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    re.IGNORECASE,
)


def could_be_ours(reference: object) -> bool:
    """Tell whether something has the shape of an id, or of an opaque name of ours.

    Names of ordinary datasets haven't, so that the guards of core's actions cost them nothing.

    :param reference: what a caller sent
    :returns: False if no package of ours can be meant
    """
    return isinstance(reference, str) and _ID_OR_NAME.fullmatch(reference) is not None


def is_odd(reference: object) -> bool:
    """Tell whether something that is sent as an id is a list or a mapping.

    SQLAlchemy takes these for a key as well, so that core finds a package by them. (Core's own bulk
    acts name a package by a row of a query; that is neither.)

    :param reference: what a caller sent
    :returns: the answer
    """
    return isinstance(reference, list | Mapping)


def changed_since_approval(record: Record | sa.Row[Any]) -> bool:
    """Tell whether the current text differs from the approved one in something material.

    :param record: the register row
    :returns: the answer; False where no approved text stands
    """
    return (
        State(record.state) in HAS_APPROVED_TEXT
        and record.approved_hash is not None
        and record.approved_hash != record.material_hash
    )


_ASKED = (
    "package_id",
    "package_type",
    "package_state",
    "department",
    "state",
    "visibility",
    "assignee",
    "revision",
    "approved_revision",
    "approved_at",
    "approved_hash",
    "material_hash",
    "change_returned",
    "ever_submitted",
    "submitted_by",
    "submitted_at",
    "blocker_kinds",
    "open_kinds",
    "shared",
)
"""The columns of the register that :func:`of_record` looks at."""


def of_record(
    record: Record | sa.Row[Any], authors: Iterable[str] = (), *, linked: bool = False
) -> Facts:
    """Turn a register row into facts.

    :param record: the register row, or its columns of :data:`_ASKED`
    :param authors: user ids that wrote the text since the last approval
    :param linked: a link row exists
    :returns: the facts
    """
    barred = set(authors)
    submitted_since = record.approved_at is None or (
        record.submitted_at is not None and record.submitted_at > record.approved_at
    )
    if record.submitted_by and submitted_since:
        barred.add(record.submitted_by)
    return Facts(
        package_id=record.package_id,
        package_type=record.package_type,
        department=record.department,
        state=State(record.state),
        visibility=Visibility(record.visibility),
        assignee=record.assignee,
        revision=record.revision,
        approved_revision=record.approved_revision,
        changed=changed_since_approval(record),
        change_returned=record.change_returned,
        ever_submitted=record.ever_submitted,
        authors=frozenset(barred),
        blocker_kinds=frozenset(record.blocker_kinds),
        open_kinds=frozenset(record.open_kinds),
        shared=record.shared,
        linked=linked,
        package_state=record.package_state,
    )


def records(session: Session, ids: Collection[str], *, lock: bool = False) -> dict[str, Record]:
    """Load register rows.

    :param session: the database session
    :param ids: package ids
    :param lock: hold the rows until the end of the transaction, in the order of their ids so
        that two batches can't wait for each other
    :returns: package id → row; ids that aren't ours are absent
    """
    if not ids:
        return {}
    found = session.scalars(_records(lock=lock), {"ids": list(ids)})
    return {row.package_id: row for row in found}


@cache
def _records(*, lock: bool) -> sa.Select[tuple[Record]]:
    ids: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
    query = sa.select(Record).where(Record.package_id.in_(ids)).order_by(Record.package_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return query


@cache
def authors() -> sa.ScalarSelect[Any]:
    """Say who wrote the text of a register row since its last approved revision.

    :returns: a column for a statement over the register: user ids, null for nobody
    """
    return (
        sa.select(sa.func.array_agg(Revision.author.distinct(), type_=sa.ARRAY(sa.Text)))
        .where(
            Revision.package_id == Record.package_id,
            Revision.author.is_not(None),
            Revision.revision > sa.func.coalesce(Record.approved_revision, 0),
        )
        .correlate(Record)
        .scalar_subquery()
    )


@cache
def linked() -> sa.Exists:
    """Say whether the entry of a register row is linked to a dataset.

    :returns: a column for a statement over the register
    """
    return sa.exists().where(Link.entry_id == Record.package_id).correlate(Record)


@cache
def _wrote_or_linked() -> sa.Select[Any]:
    """Build the statement once: a decision on one entry is quicker than putting it together."""
    ids: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
    return sa.select(Record.package_id, authors(), linked()).where(Record.package_id.in_(ids))


def of_records(session: Session, rows: Mapping[str, Record]) -> dict[str, Facts]:
    """Turn register rows into facts, with authors and links, in one statement.

    :param session: the database session
    :param rows: package id → register row
    :returns: package id → facts
    """
    if not rows:
        return {}
    found = plain.execute(session, _wrote_or_linked(), {"ids": list(rows)})
    known = {
        package_id: of_record(rows[package_id], wrote or (), linked=is_linked)
        for package_id, wrote, is_linked in found
    }
    return {package_id: known[package_id] for package_id in rows}


def load(session: Session, ids: Collection[str]) -> dict[str, Facts]:
    """Load facts.

    :param session: the database session
    :param ids: package ids
    :returns: package id → facts; ids that aren't ours are absent
    """
    return of_records(session, records(session, ids))


def light(session: Session, package_id: str) -> Facts | None:
    """Load what reading and labels need, in one statement, without authors and links.

    :param session: the database session
    :param package_id: package id
    :returns: the facts, or None if the package isn't ours
    """
    row = session.get(Record, package_id)
    return of_record(row) if row is not None else None


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def find(session: Session, references: Collection[str]) -> dict[str, Record]:
    """Find the register rows that numbers, opaque names or ids stand for, in one statement.

    :param session: the database session
    :param references: each ``PARKS-0012``, a package name or a package id
    :returns: reference → row; what stands for nothing of ours is absent
    """
    found = _find(references, lambda given: session.execute(_rows(*given), given))
    return {reference: row.Record for reference, row in found.items()}


def series_of(ids: Collection[str] | sa.Select[tuple[str]]) -> sa.Select[tuple[str]]:
    """Select which of some entries another active one names as its series.

    :param ids: package ids, or a statement that selects them
    :returns: the statement, of an id for each that names it
    """
    series = Revision.content["part_of"].astext
    return (
        sa.select(series)
        .join(
            Record,
            sa.and_(Revision.package_id == Record.package_id, Revision.revision == Record.revision),
        )
        .where(series.in_(ids), Record.package_state == "active")
    )


def named(session: Session, references: Collection[str]) -> dict[str, Facts]:
    """Find what the policy asks of records, by number, opaque name or id, in one statement.

    :param session: the database session
    :param references: each ``PARKS-0012``, a package name or a package id
    :returns: reference → facts, with authors and link; what stands for nothing of ours is absent
    """
    found = _find(references, lambda given: plain.execute(session, _facts(*given), given))
    return {
        reference: of_record(row, row.authors or (), linked=row.linked)
        for reference, row in found.items()
    }


def _find(
    references: Collection[str],
    rows_of: Callable[[Mapping[str, Sequence[str]]], Iterable[sa.Row[Any]]],
) -> dict[str, sa.Row[Any]]:
    texts = {reference: reference.strip() for reference in references}
    numbers = {text.upper() for text in texts.values() if NUMBER.fullmatch(text.upper())}
    ids = {text for text in texts.values() if _UUID.fullmatch(text)}
    names = {text for text in texts.values() if text.upper() not in numbers and text not in ids}
    asked = {"numbers": numbers, "ids": ids, "names": names}
    given = {kind: list(values) for kind, values in asked.items() if values}
    if not given:
        return {}
    found: dict[str, sa.Row[Any]] = {}
    for row in rows_of(given):
        found |= {key: row for key in (row.name, row.found_id, row.found_number) if key}
    return {
        reference: found.get(text) or found[text.upper()]
        for reference, text in texts.items()
        if text in found or text.upper() in found
    }


@cache
def _rows(*kinds: str) -> sa.Select[Any]:
    return _by_reference(kinds, Record)


@cache
def _facts(*kinds: str) -> sa.Select[Any]:
    columns = (getattr(Record, name) for name in _ASKED)
    return _by_reference(kinds, *columns, authors().label("authors"), linked().label("linked"))


def _by_reference(kinds: Collection[str], *columns: Any) -> sa.Select[Any]:
    """Ask only for what was given, so that each kind of reference goes through its own index."""
    package = model.package_table

    def any_of(kind: str) -> sa.BindParameter[Any]:
        return sa.bindparam(kind, expanding=True)

    conditions = {
        "numbers": Record.number.in_(any_of("numbers")),
        "ids": Record.package_id.in_(any_of("ids")),
        "names": Record.package_id.in_(
            sa.select(package.c.id).where(package.c.name.in_(any_of("names")))
        ),
    }
    name = sa.select(package.c.name).where(package.c.id == Record.package_id).scalar_subquery()
    return sa.select(
        *columns,
        Record.package_id.label("found_id"),
        Record.number.label("found_number"),
        (name if "names" in kinds else sa.null()).label("name"),
    ).where(sa.or_(*(conditions[kind] for kind in kinds)))


def resolve(session: Session, references: Collection[str]) -> dict[str, str]:
    """Find the packages that numbers, opaque names or ids stand for.

    :param session: the database session
    :param references: each ``PARKS-0012``, a package name or a package id
    :returns: reference → package id; what stands for nothing of ours is absent
    """
    return {reference: row.package_id for reference, row in find(session, references).items()}
