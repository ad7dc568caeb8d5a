"""Records as the policy sees them, loaded by the batch."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory.model import Link, Record, Revision
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


def changed_since_approval(record: Record) -> bool:
    """Tell whether the current text differs from the approved one in something material.

    :param record: the register row
    :returns: the answer; False where no approved text stands
    """
    return (
        State(record.state) in HAS_APPROVED_TEXT
        and record.approved_hash is not None
        and record.approved_hash != record.material_hash
    )


def of_record(record: Record, authors: Iterable[str] = (), *, linked: bool = False) -> Facts:
    """Turn a register row into facts.

    :param record: the register row
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
    query = sa.select(Record).where(Record.package_id.in_(ids)).order_by(Record.package_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return {row.package_id: row for row in session.scalars(query)}


@cache
def _wrote_or_linked() -> sa.CompoundSelect[Any]:
    """Build the statement once: a decision on one entry is quicker than putting it together."""
    ids: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
    wrote = (
        sa.select(Revision.package_id, Revision.author)
        .join(Record, Record.package_id == Revision.package_id)
        .where(
            Revision.package_id.in_(ids),
            Revision.author.is_not(None),
            Revision.revision > sa.func.coalesce(Record.approved_revision, 0),
        )
    )
    linked = sa.select(Link.entry_id, sa.null()).where(Link.entry_id.in_(ids))
    return sa.union_all(wrote, linked)


def _authors_and_links(
    session: Session, ids: Collection[str]
) -> tuple[dict[str, set[str]], set[str]]:
    """Return who wrote each text since its last approved revision, and which are linked."""
    authors: dict[str, set[str]] = {package_id: set() for package_id in ids}
    links: set[str] = set()
    for package_id, author in session.execute(_wrote_or_linked(), {"ids": list(ids)}):
        if author is None:
            links.add(package_id)
        else:
            authors[package_id].add(author)
    return authors, links


def of_records(session: Session, rows: Mapping[str, Record]) -> dict[str, Facts]:
    """Turn register rows into facts, with authors and links, in one statement.

    :param session: the database session
    :param rows: package id → register row
    :returns: package id → facts
    """
    if not rows:
        return {}
    authors, links = _authors_and_links(session, list(rows))
    return {
        package_id: of_record(row, authors[package_id], linked=package_id in links)
        for package_id, row in rows.items()
    }


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
    texts = {reference: reference.strip() for reference in references}
    numbers = {text.upper() for text in texts.values() if NUMBER.fullmatch(text.upper())}
    ids = {text for text in texts.values() if _UUID.fullmatch(text)}
    names = {text for text in texts.values() if text.upper() not in numbers and text not in ids}
    package = model.package_table
    conditions: list[sa.ColumnElement[bool]] = []
    # only what was asked for, so that each kind of reference goes through its own index
    if numbers:
        conditions.append(Record.number.in_(numbers))
    if ids:
        conditions.append(Record.package_id.in_(ids))
    if names:
        named = sa.select(package.c.id).where(package.c.name.in_(names))
        conditions.append(Record.package_id.in_(named))
    if not conditions:
        return {}
    query = sa.select(Record).where(sa.or_(*conditions))
    found: dict[str, Record] = {}
    for row in session.scalars(query):
        found |= {row.package_id: row, row.number: row}
    if names:
        by_name = sa.select(package.c.name, package.c.id).where(package.c.name.in_(names))
        found |= {name: found[id_] for name, id_ in session.execute(by_name) if id_ in found}
    return {
        reference: found.get(text) or found[text.upper()]
        for reference, text in texts.items()
        if text in found or text.upper() in found
    }


def resolve(session: Session, references: Collection[str]) -> dict[str, str]:
    """Find the packages that numbers, opaque names or ids stand for.

    :param session: the database session
    :param references: each ``PARKS-0012``, a package name or a package id
    :returns: reference → package id; what stands for nothing of ours is absent
    """
    return {reference: row.package_id for reference, row in find(session, references).items()}
