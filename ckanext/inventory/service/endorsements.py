""" "We want this": what the council's and the mayor's offices say of entries, and take back.

Who wants an entry is a row; why stands in the history, where words can be erased. Their number is a
column of the register, so that lists sort and count by it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.model import Endorsement, Record, RoleGrant
from ckanext.inventory.model.event import event_detail
from ckanext.inventory.service import events
from ckanext.inventory.service.notice_rules import WANT
from ckanext.inventory.types import Person, Role

WITHDRAWN, ENDED = "want_withdraw", "want_end"


def want(session: Session, person: Person, row: Record, reason: str) -> int:
    """Write down that somebody wants an entry; said again, the later reason counts.

    :param session: the database session
    :param person: who
    :param row: the register row, locked
    :param reason: why
    :returns: how many want it now
    """
    event_id = events.record(
        session,
        WANT,
        person.user_id,
        [events.staying(row, {"comment": reason, "title": row.title})],
    )
    session.merge(
        Endorsement(
            package_id=row.package_id,
            user_id=str(person.user_id),
            event_id=event_id,
            at=clock.now(),
        )
    )
    return _count(session, row)


def withdraw(session: Session, person: Person, row: Record) -> int | None:
    """Take back that somebody wants an entry.

    :param session: the database session
    :param person: who
    :param row: the register row, locked
    :returns: how many want it now; None if they had not said so
    """
    said = session.get(Endorsement, (row.package_id, str(person.user_id)))
    if said is None:
        return None
    session.delete(said)
    left = _count(session, row)
    events.record(session, WITHDRAWN, person.user_id, [events.staying(row)])
    return left


def _count(session: Session, row: Record) -> int:
    session.flush()
    query = (
        sa.select(sa.func.count())
        .select_from(Endorsement)
        .where(Endorsement.package_id == row.package_id)
    )
    row.wanted = session.scalar(query) or 0
    session.flush()
    return row.wanted


def end_stale(session: Session, by: Person) -> int:
    """End the wishes of people who are viewers no more, or whose account is closed.

    A count that somebody without the role adds to misleads, and nobody else could take it back. What
    they said and why stays in the history.

    :param session: the database session
    :param by: who ended the role
    :returns: how many wishes
    """
    viewers = (
        sa.select(RoleGrant.user_id)
        .join(model.user_table, model.user_table.c.id == RoleGrant.user_id)
        .where(
            RoleGrant.role == Role.VIEWER.value,
            sa.or_(RoleGrant.until.is_(None), RoleGrant.until >= clock.today()),
            model.user_table.c.state == model.State.ACTIVE,
        )
    )
    stale = Endorsement.user_id.not_in(viewers)
    about = sa.select(Endorsement.package_id).where(stale)
    rows = session.scalars(
        sa.select(Record)
        .where(Record.package_id.in_(about))
        .order_by(Record.package_id)
        .with_for_update()
    ).all()
    held = [row.package_id for row in rows]
    if not held:
        return 0
    ended = session.execute(
        sa.delete(Endorsement)
        .where(stale, Endorsement.package_id.in_(held))
        .returning(Endorsement.package_id)
        .execution_options(synchronize_session="fetch")
    ).all()
    for row in rows:
        _count(session, row)
    events.record(session, ENDED, by.user_id, [events.staying(row) for row in rows])
    return len(ended)


def of_record(session: Session, package_id: str) -> list[dict[str, Any]]:
    """Return who wants an entry, and why, the latest first.

    :param session: the database session
    :param package_id: the entry
    :returns: user_id, name, reason (None if its words were erased), at of each
    """
    query = (
        sa.select(Endorsement.user_id, Endorsement.at, _name(), event_detail.c.details)
        .outerjoin(model.user_table, model.user_table.c.id == Endorsement.user_id)
        .outerjoin(event_detail, event_detail.c.event_id == Endorsement.event_id)
        .where(Endorsement.package_id == package_id)
        .order_by(Endorsement.at.desc(), Endorsement.user_id)
    )
    return [
        {
            "user_id": row.user_id,
            "name": row.name,
            "reason": row.details["comment"] if row.details else None,
            "at": row.at.isoformat(),
        }
        for row in session.execute(query)
    ]


def _name() -> sa.Label[Any]:
    user = model.user_table
    return sa.func.coalesce(sa.func.nullif(user.c.fullname, ""), user.c.name).label("name")


def name(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Put the names of those who want them beside the rows of a list.

    :param session: the database session
    :param rows: the rows; each gets ``wanted_by``
    """
    found = names(session, [row["id"] for row in rows if row["wanted"]])
    for row in rows:
        row["wanted_by"] = found.get(row["id"], [])


def names(session: Session, ids: Collection[str]) -> dict[str, list[str]]:
    """Return the names of those who want entries.

    :param session: the database session
    :param ids: package ids
    :returns: package id → names, in the order of saying
    """
    if not ids:
        return {}
    query = (
        sa.select(Endorsement.package_id, _name())
        .outerjoin(model.user_table, model.user_table.c.id == Endorsement.user_id)
        .where(Endorsement.package_id.in_(ids))
        .order_by(Endorsement.at, Endorsement.user_id)
    )
    found: dict[str, list[str]] = {}
    for package_id, named in session.execute(query).tuples():
        found.setdefault(package_id, []).append(named or "")
    return found
