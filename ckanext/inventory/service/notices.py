"""What people are told: written with the act, shown for as much as they may read by then.

An act writes a row for everybody who has to know of it (:mod:`notice_rules`), without a word of the
record. Whatever is shown or sent later is read from the history through the reader's own rights.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config, policy
from ckanext.inventory.model import Notice, NoticeSetting, Record
from ckanext.inventory.model.event import event, event_detail, event_entry
from ckanext.inventory.model.outbox import NOTICE
from ckanext.inventory.policy import CityAct
from ckanext.inventory.service import outbox, readers, search
from ckanext.inventory.service.notice_rules import (
    ACTS,
    BLIND,
    RULES,
    WAIVER_REQUEST,
    Digest,
    Receiver,
    Rule,
)
from ckanext.inventory.service.readers import Known
from ckanext.inventory.types import Person, Role, State, Visibility

SHOWN_DAYS = 60
"""For how long a notice is shown; the history keeps the act for good."""

ITEMS = 3
"""Records that a notice names; of more it tells the number."""

MOST_UNREAD = 100
"""Counting stops here: the bell says "99+"."""

_WAITING = (State.SUBMITTED.value, State.RETURNED.value)

TALK = ("comment", "question", WAIVER_REQUEST)


class Row(Protocol):
    """What an act did to one record, as ``events.Row`` has it."""

    @property
    def package_id(self) -> str | None:
        """The record."""
        ...

    @property
    def department(self) -> str | None:
        """Its department."""
        ...

    @property
    def details(self) -> dict[str, Any]:
        """Words and values."""
        ...


def tell(session: Session, event_id: int, act: str, by: str | None, rows: Sequence[Row]) -> None:
    """Write down who has to know of an act, and queue the mails that go at once.

    Those wait for as long as the act can be taken back.

    :param session: the database session
    :param event_id: the act, just written
    :param act: its name
    :param by: who did it; is not told
    :param rows: what it did
    """
    if act not in ACTS:
        return
    told = _told(session, event_id, act, rows)
    told.pop(by or "", None)
    if not told:
        return
    now = clock.now()
    session.execute(
        insert(Notice).on_conflict_do_nothing(),
        [
            {
                "user_id": user_id,
                "event_id": event_id,
                "topic": rule.topic.value,
                "at_once": rule.at_once,
                "at": now,
            }
            for user_id, rule in sorted(told.items())
        ],
    )
    outbox.queue(
        session,
        NOTICE,
        [mail_key(event_id, user_id) for user_id, rule in told.items() if rule.at_once],
        not_before=now + dt.timedelta(seconds=config.undo_seconds()),
    )


def _told(session: Session, event_id: int, act: str, rows: Sequence[Row]) -> dict[str, Rule]:
    """Return the rule by which each person is told: the soonest, else the first of the table."""
    scene = _Scene(session, event_id)
    told: dict[str, Rule] = {}
    for rule in sorted(RULES, key=lambda rule: not rule.at_once):
        fitting = [row for row in rows if rule.act == act and rule.fits(row.details)]
        if fitting:
            for user_id in _RECEIVERS[rule.receiver](scene, fitting):
                told.setdefault(user_id, rule)
    return told


def mail_key(event_id: int, user_id: str) -> str:
    """Return the key under which the mail of a notice is queued: an act and a person, once.

    :param event_id: the act
    :param user_id: the person
    :returns: the key
    """
    return f"{event_id}:{user_id}"


# who stands in which relation to an act


@dataclass
class _Scene:
    """One act that people are told of, with what several rules ask for."""

    session: Session
    event_id: int

    @cached_property
    def holders(self) -> dict[str, Known]:
        """Everybody with a role."""
        return readers.holders(self.session)

    def coordinators(self, departments: Collection[str]) -> set[str]:
        """Who coordinates one of these departments."""
        return {
            user_id
            for user_id, one in self.holders.items()
            if policy.departments_of(one.person) & set(departments)
        }


def _ids(rows: Iterable[Row]) -> list[str]:
    return [row.package_id for row in rows if row.package_id]


def _mentioned(scene: _Scene, rows: Sequence[Row]) -> set[str]:
    return {user_id for row in rows for user_id in row.details.get("mentions") or ()}


def _authors(scene: _Scene, rows: Sequence[Row]) -> set[str]:
    """Who submitted it and who it is assigned to."""
    query = sa.select(Record.submitted_by, Record.assignee).where(Record.package_id.in_(_ids(rows)))
    return {user_id for pair in scene.session.execute(query) for user_id in pair if user_id}


def _askers(scene: _Scene, rows: Sequence[Row]) -> set[str]:
    """Who asked for what this act decides; a decision against it leaves the blocker open."""
    query = (
        sa.select(
            event.c.act,
            event.c.user_id,
            event_entry.c.package_id,
            event_detail.c.details,
            Record.open_kinds,
        )
        .join(event_entry, event_entry.c.event_id == event.c.id)
        .join(Record, Record.package_id == event_entry.c.package_id)
        .outerjoin(
            event_detail,
            sa.and_(
                event_detail.c.event_id == event_entry.c.event_id,
                event_detail.c.seq == event_entry.c.seq,
            ),
        )
        .where(
            event_entry.c.package_id.in_(_ids(rows)),
            event.c.act.in_((WAIVER_REQUEST, "transfer_request")),
            event.c.id < scene.event_id,
        )
        .order_by(event.c.id)
    )
    answers = {row.package_id: row.details for row in rows if row.package_id}
    found: set[str] = set()
    transfers: dict[str, str] = {}
    for act, user_id, package_id, details, open_kinds in scene.session.execute(query):
        answer = answers[package_id]
        if act == "transfer_request":
            if "to" in answer:
                transfers[package_id] = user_id
        elif "to" not in answer:
            decided = answer.get("settled") or answer.get("waived") or open_kinds
            if (details or {}).get("kind") in decided:
                found.add(user_id)
    return found | set(transfers.values())


def _assigned(scene: _Scene, rows: Sequence[Row]) -> set[str]:
    return {str(row.details["new"]) for row in rows if row.details.get("new")}


def _department(scene: _Scene, rows: Sequence[Row]) -> set[str]:
    """The department's coordinators, and who has it."""
    departments = {row.department for row in rows if row.department}
    query = sa.select(Record.assignee).where(Record.package_id.in_(_ids(rows)))
    assignees = {user_id for user_id in scene.session.scalars(query) if user_id}
    return scene.coordinators(departments) | assignees


def _thread(scene: _Scene, rows: Sequence[Row]) -> set[str]:
    """Who wrote on it before."""
    query = (
        sa.select(event.c.user_id)
        .join(event_entry, event_entry.c.event_id == event.c.id)
        .where(
            event_entry.c.package_id.in_(_ids(rows)),
            event.c.act.in_(TALK),
            event.c.id < scene.event_id,
        )
        .distinct()
    )
    return {user_id for user_id in scene.session.scalars(query) if user_id}


def _target(scene: _Scene, rows: Sequence[Row]) -> set[str]:
    return scene.coordinators({str(row.details.get("to")) for row in rows})


def _deciders(scene: _Scene, rows: Sequence[Row]) -> set[str]:
    """CDOs, and the reviewers whose departments and kinds of blockers these are."""
    query = sa.select(Record.department, Record.blocker_kinds).where(
        Record.package_id.in_(_ids(rows))
    )
    known = [(department, set(kinds)) for department, kinds in scene.session.execute(query)]
    found: set[str] = set()
    for user_id, one in scene.holders.items():
        for grant in one.person.grants:
            of_theirs = grant.role is Role.CDO or (
                grant.role is Role.REVIEWER
                and any(
                    grant.department in (None, department)
                    and (not grant.kinds or kinds & grant.kinds)
                    for department, kinds in known
                )
            )
            if of_theirs:
                found.add(user_id)
    return found


def _viewers(scene: _Scene, rows: Sequence[Row]) -> set[str]:
    return {
        user_id
        for user_id, one in scene.holders.items()
        if any(grant.role is Role.VIEWER for grant in one.person.grants)
    }


class _Find(Protocol):
    def __call__(self, scene: _Scene, rows: Sequence[Row]) -> set[str]: ...


_RECEIVERS: Mapping[Receiver, _Find] = {
    Receiver.MENTIONED: _mentioned,
    Receiver.AUTHOR: _authors,
    Receiver.ASKER: _askers,
    Receiver.ASSIGNED: _assigned,
    Receiver.DEPARTMENT: _department,
    Receiver.THREAD: _thread,
    Receiver.TARGET: _target,
    Receiver.DECIDERS: _deciders,
    Receiver.READERS: _viewers,
}


# what is shown of it


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


def _mine(person: Person) -> list[sa.ColumnElement[bool]]:
    since = clock.now() - dt.timedelta(days=SHOWN_DAYS)
    return [Notice.user_id == person.user_id, Notice.at > since, _there(person)]


def unread(session: Session, person: Person) -> int:
    """Count what somebody was told and didn't read.

    :param session: the database session
    :param person: who asks
    :returns: the number, :data:`MOST_UNREAD` at most
    """
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
    in_event = {"partition_by": event_entry.c.event_id}
    ranked = (
        sa.select(
            event_entry.c.event_id,
            event_entry.c.seq,
            Record.package_id,
            Record.package_type,
            Record.number,
            Record.title,
            Record.visibility,
            sa.func.count().over(**in_event).label("of_all"),
            sa.func.row_number().over(**in_event, order_by=Record.number).label("place"),
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
        if row.act in TALK or row.act == "return":
            told["words"] = (row.details or {}).get("comment")
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


# how somebody wants to be told


def settings(session: Session, user_id: str) -> dict[str, Any]:
    """Return how somebody wants to be told.

    :param session: the database session
    :param user_id: the account
    :returns: ``digest`` (daily, weekly or never), ``at_once``, ``digest_at``
    """
    row = _settings(session, user_id).get(user_id)
    return {
        "digest": (row.digest if row is not None else None) or config.digest(),
        "at_once": row.at_once if row is not None else True,
        "digest_at": row.digest_at.isoformat() if row is not None and row.digest_at else None,
    }


def _settings(session: Session, user_id: str | None = None) -> dict[str, sa.Row[Any]]:
    query = sa.select(
        NoticeSetting.user_id, NoticeSetting.digest, NoticeSetting.at_once, NoticeSetting.digest_at
    )
    if user_id is not None:
        query = query.where(NoticeSetting.user_id == user_id)
    return {row.user_id: row for row in session.execute(query)}


def change_settings(session: Session, user_id: str, values: Mapping[str, Any]) -> None:
    """Change how somebody is told.

    :param session: the database session
    :param user_id: the account
    :param values: columns of the settings, those that change
    """
    session.execute(
        insert(NoticeSetting)
        .values(user_id=user_id, **values)
        .on_conflict_do_update(index_elements=["user_id"], set_=dict(values))
    )


def due(session: Session) -> list[tuple[str, Known]]:
    """Return who gets a digest today, if there is something to tell.

    :param session: the database session
    :returns: user id and who they are
    """
    rows = _settings(session)
    now = clock.now()
    found: list[tuple[str, Known]] = []
    for user_id, one in sorted(readers.people(session).items()):
        row = rows.get(user_id)
        pace = Digest((row.digest if row is not None else None) or config.digest())
        last = row.digest_at if row is not None else None
        if one.email and pace is not Digest.NEVER and _is_time(pace, last, now):
            found.append((user_id, one))
    return found


def _is_time(pace: Digest, last: dt.datetime | None, now: dt.datetime) -> bool:
    if last is None:
        return True
    return (now.date() - last.date()).days >= (7 if pace is Digest.WEEKLY else 1)
