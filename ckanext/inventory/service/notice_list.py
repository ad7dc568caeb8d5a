"""What somebody was told, for as much as they may read now; what was undone or went on is left out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock, policy
from ckanext.inventory.model import Notice, Record
from ckanext.inventory.model.event import event, event_detail, event_entry
from ckanext.inventory.policy import CityAct
from ckanext.inventory.service import search
from ckanext.inventory.service.notice_rules import BLIND, TALK, WANT
from ckanext.inventory.types import Person, State, Visibility

SHOWN_DAYS = 60
"""For how long a notice is shown; the history keeps the act for good."""

ITEMS = 3
"""Records that a notice names; of more it tells the number."""

MOST_UNREAD = 100
"""Counting stops here: the bell says "99+"."""

_WAITING = (State.SUBMITTED.value, State.RETURNED.value)


def _readable(person: Person) -> list[sa.ColumnElement[bool]]:
    """Keep to records that the person may read now, and to what was not taken back."""
    undo, undo_entry, undo_detail = (
        event.alias("undo"),
        event_entry.alias("undo_entry"),
        event_detail.alias("undo_detail"),
    )
    taken_back = (
        sa.select(sa.literal(1))
        .select_from(undo_entry)
        .join(undo, undo.c.id == undo_entry.c.event_id)
        .join(
            undo_detail,
            sa.and_(
                undo_detail.c.event_id == undo_entry.c.event_id,
                undo_detail.c.seq == undo_entry.c.seq,
            ),
        )
        .where(
            undo_entry.c.package_id == event_entry.c.package_id,
            undo_entry.c.event_id > event_entry.c.event_id,
            undo.c.act == "undo",
            undo_detail.c.details["event_id"].as_string()
            == sa.cast(event_entry.c.event_id, sa.Text),
        )
        .correlate(event_entry)
        .exists()
    )
    return [
        Record.package_state == "active",
        search.visible(policy.scope(person)),
        ~taken_back,
        # what was submitted or returned waits for nobody once it went on
        sa.or_(
            event_entry.c.from_state.is_not_distinct_from(event_entry.c.to_state),
            event_entry.c.to_state.not_in(_WAITING),
            event_entry.c.to_state == Record.state,
        ),
    ]


def _there(person: Person) -> sa.ColumnElement[bool]:
    """A notice that has something to show: a record that is read, or an act told without it."""
    rows = (
        sa.select(sa.literal(1))
        .select_from(event_entry)
        .join(Record, Record.package_id == event_entry.c.package_id)
        .where(event_entry.c.event_id == Notice.event_id, *_readable(person))
        .correlate(Notice)
        .exists()
    )
    if not policy.may_citywide(person, CityAct.ENTER):
        return rows
    return sa.or_(rows, event.c.act.in_(BLIND))


def _told(person: Person) -> list[sa.ColumnElement[bool]]:
    since = clock.now() - dt.timedelta(days=SHOWN_DAYS)
    return [Notice.user_id == person.user_id, Notice.at > since]


def _mine(person: Person) -> list[sa.ColumnElement[bool]]:
    return [*_told(person), _there(person)]


def unread(session: Session, person: Person) -> int:
    """Count what somebody was told and didn't read.

    :param session: the database session
    :param person: who asks
    :returns: the number, :data:`MOST_UNREAD` at most
    """
    # every page asks, and mostly there is nothing: that much is told by an index
    if not session.scalar(sa.select(sa.exists().where(Notice.read_at.is_(None), *_told(person)))):
        return 0
    some = (
        sa.select(Notice.event_id)
        .join(event, event.c.id == Notice.event_id)
        .where(Notice.read_at.is_(None), *_mine(person))
        .limit(MOST_UNREAD)
        .subquery()
    )
    return session.scalar(sa.select(sa.func.count()).select_from(some)) or 0


def listing(
    session: Session,
    person: Person,
    *,
    limit: int,
    before: int | None = None,
    only_unread: bool = False,
    extra: Sequence[sa.ColumnElement[bool]] = (),
) -> list[dict[str, Any]]:
    """Return what somebody was told, newest first.

    :param session: the database session
    :param person: who asks
    :param limit: how many at most
    :param before: only acts before this one
    :param only_unread: leave out what they read
    :param extra: further conditions on the notice
    :returns: event_id, at, act, topic, at_once, read, by (name), count and items (id, name,
        number, title, type, restricted) of each, and words (a comment's own)
    """
    user = model.user_table
    query = (
        sa.select(
            Notice.event_id,
            event.c.at,
            event.c.act,
            Notice.topic,
            Notice.at_once,
            Notice.read_at,
            sa.func.coalesce(sa.func.nullif(user.c.fullname, ""), user.c.name).label("by"),
        )
        .join(event, event.c.id == Notice.event_id)
        .outerjoin(user, user.c.id == event.c.user_id)
        .where(*_mine(person), *extra)
        .order_by(Notice.event_id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Notice.event_id < before)
    if only_unread:
        query = query.where(Notice.read_at.is_(None))
    found = session.execute(query).all()
    items = _items(session, person, [row.event_id for row in found])
    return [
        {
            "event_id": row.event_id,
            "at": row.at.isoformat(),
            "act": row.act,
            "topic": row.topic,
            "at_once": row.at_once,
            "read": row.read_at is not None,
            "by": row.by,
            **items.get(row.event_id, {"count": 0, "items": [], "words": None}),
        }
        for row in found
    ]


def _items(
    session: Session, person: Person, event_ids: Collection[int]
) -> dict[int, dict[str, Any]]:
    if not event_ids:
        return {}
    package = model.package_table
    ranked = (
        sa.select(
            event_entry.c.event_id,
            event_entry.c.seq,
            Record.package_id,
            Record.package_type,
            Record.number,
            Record.title,
            Record.visibility,
            sa.func.count().over(partition_by=event_entry.c.event_id).label("of_all"),
            sa.func.row_number()
            .over(partition_by=event_entry.c.event_id, order_by=Record.number)
            .label("place"),
        )
        .join(Record, Record.package_id == event_entry.c.package_id)
        .where(event_entry.c.event_id.in_(event_ids), *_readable(person))
        .subquery()
    )
    query = (
        sa.select(ranked, package.c.name, event.c.act, event_detail.c.details)
        .join(package, package.c.id == ranked.c.package_id)
        .join(event, event.c.id == ranked.c.event_id)
        .outerjoin(
            event_detail,
            sa.and_(
                event_detail.c.event_id == ranked.c.event_id, event_detail.c.seq == ranked.c.seq
            ),
        )
        .where(ranked.c.place <= ITEMS)
        .order_by(ranked.c.event_id, ranked.c.place)
    )
    found: dict[int, dict[str, Any]] = {}
    for row in session.execute(query):
        told = found.setdefault(
            row.event_id, {"count": int(row.of_all), "items": [], "words": None}
        )
        told["items"].append(
            {
                "id": row.package_id,
                "name": row.name,
                "number": row.number,
                "title": row.title,
                "type": row.package_type,
                "restricted": row.visibility == Visibility.RESTRICTED.value,
            }
        )
        if row.act in (*TALK, WANT, "return"):
            told["words"] = row.details.get("comment") if row.details else None
    return found


def read(session: Session, person: Person, event_ids: Collection[int] | None) -> int:
    """Note what somebody has read.

    :param session: the database session
    :param person: who read
    :param event_ids: the acts; None for everything that they were told so far
    :returns: how many are newly read
    """
    statement = (
        sa.update(Notice)
        .where(Notice.user_id == person.user_id, Notice.read_at.is_(None))
        .values(read_at=clock.now())
        .returning(Notice.event_id)
        .execution_options(synchronize_session=False)
    )
    if event_ids is not None:
        statement = statement.where(Notice.event_id.in_(list(event_ids)))
    return len(session.scalars(statement).all())


def forget_old(session: Session) -> int:
    """Take away notices that are shown no more.

    :param session: the database session
    :returns: how many
    """
    since = clock.now() - dt.timedelta(days=SHOWN_DAYS)
    gone = session.scalars(
        sa.delete(Notice)
        .where(Notice.at < since)
        .returning(Notice.event_id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
