"""Telling people: an act writes a row for everybody who has to know of it, in its own transaction.

The rows hold no word of a record. What is shown or sent later is read from the history through the
reader's own rights (:mod:`notice_list`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, cast

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config
from ckanext.inventory.model import Notice, Record
from ckanext.inventory.model.event import event, event_detail, event_entry
from ckanext.inventory.model.outbox import NOTICE
from ckanext.inventory.service import grants, outbox
from ckanext.inventory.service.notice_rules import (
    ACTS,
    RULES,
    TALK,
    WAIVER_REQUEST,
    Receiver,
)
from ckanext.inventory.types import Role


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
    now = clock.now()
    values: dict[str, Any] = {"event_id": event_id, "at": now, "by": by, "today": clock.today()}
    fitting: list[int] = []
    for place, rule in enumerate(_RULES):
        about = [row for row in rows if rule.fits(row.details)] if rule.act == act else []
        if about:
            fitting.append(place)
            for kind, given in _WAYS[rule.receiver].given.items():
                values[_name(place, kind)] = list(given(session, event_id, about))
    if not fitting:
        return
    statement = _telling(tuple(fitting), editors=config.editors_are_coordinators())
    told = session.execute(statement, values)
    outbox.queue(
        session,
        NOTICE,
        [mail_key(event_id, user_id) for user_id, at_once in told if at_once],
        not_before=now + dt.timedelta(seconds=config.undo_seconds()),
    )


def _name(place: int, kind: str) -> str:
    """Name a parameter by the rule that it is for, as each is about rows of its own."""
    return f"{kind}_{place}"


_RULES = sorted(RULES, key=lambda rule: not rule.at_once)
"""The table; where several fit somebody, the soonest counts, else the first."""


@cache
def _telling(places: Sequence[int], *, editors: bool) -> sa.Insert:
    """Build the one statement that finds and writes who is told by these rules."""
    each: list[sa.Select[Any]] = []
    for place in places:
        rule = _RULES[place]
        people = _WAYS[rule.receiver].find(_Asked(place, editors)).subquery()
        each.append(
            sa.select(
                *people.c,
                sa.literal(place).label("place"),
                sa.literal(rule.topic.value).label("topic"),
                sa.literal(rule.at_once).label("at_once"),
            )
        )
    told = sa.union_all(*each).subquery()
    user_id, place, topic, at_once = told.c
    first = (
        sa.select(
            user_id,
            sa.bindparam("event_id", type_=sa.BigInteger),
            topic,
            at_once,
            sa.bindparam("at", type_=sa.DateTime(timezone=True)),
        )
        .where(user_id.is_not(None), user_id.is_distinct_from(sa.bindparam("by", type_=sa.Text)))
        .distinct(user_id)
        .order_by(user_id, place)
    )
    notice = cast(sa.Table, Notice.__table__)
    columns = ["user_id", "event_id", "topic", "at_once", "at"]
    return (
        sa.insert(notice).from_select(columns, first).returning(notice.c.user_id, notice.c.at_once)
    )


def mail_key(event_id: int, user_id: str) -> str:
    """Return the key under which the mail of a notice is queued: an act and a person, once.

    :param event_id: the act
    :param user_id: the person
    :returns: the key
    """
    return f"{event_id}:{user_id}"


# who stands in which relation to an act


@dataclass(frozen=True)
class _Asked:
    """What a part of the statement is built with.

    :param place: of the rule, in the table
    :param editors: whether editors of core count as coordinators
    """

    place: int
    editors: bool

    def any_of(self, kind: str) -> sa.CollectionAggregate[Any]:
        """Return what is equal to one of the ids that were given: records, departments or people."""
        return sa.any_(self.ids(kind))

    def ids(self, kind: str) -> sa.BindParameter[Any]:
        """Return the ids that were given, as an array."""
        return sa.bindparam(_name(self.place, kind), type_=sa.ARRAY(sa.Text))


def _records(_session: Session, _event_id: int, rows: Sequence[Row]) -> Collection[str]:
    return {row.package_id for row in rows if row.package_id}


def _departments(_session: Session, _event_id: int, rows: Sequence[Row]) -> Collection[str]:
    return {row.department for row in rows if row.department}


def _detail(name: str) -> _Given:
    """What an act says under a name: a value, or a list of them."""

    def given(_session: Session, _event_id: int, rows: Sequence[Row]) -> Collection[str]:
        found: set[str] = set()
        for row in rows:
            value = row.details.get(name) or ()
            found |= {value} if isinstance(value, str) else set(value)
        return found

    return given


def _askers(session: Session, event_id: int, rows: Sequence[Row]) -> Collection[str]:
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
            event_entry.c.package_id.in_(_records(session, event_id, rows)),
            event.c.act.in_((WAIVER_REQUEST, "transfer_request")),
            event.c.id < event_id,
        )
        .order_by(event.c.id)
    )
    answers = {row.package_id: row.details for row in rows if row.package_id}
    found: set[str] = set()
    transfers: dict[str, str] = {}
    for act, user_id, package_id, details, open_kinds in session.execute(query):
        answer = answers[package_id]
        if act == "transfer_request":
            if "to" in answer:
                transfers[package_id] = user_id
        elif "to" not in answer:
            decided = answer.get("settled") or answer.get("waived") or open_kinds
            if details and details.get("kind") in decided:
                found.add(user_id)
    return found | set(transfers.values())


_Users = sa.Select[Any] | sa.CompoundSelect[Any]


def _people(asked: _Asked) -> _Users:
    return sa.select(sa.func.unnest(asked.ids("people")).label("user_id"))


def _assignees(asked: _Asked) -> sa.Select[Any]:
    who = sa.select(Record.assignee.label("user_id"))
    return who.where(Record.package_id == asked.any_of("records"))


def _authors(asked: _Asked) -> _Users:
    """Who submitted it and who it is assigned to."""
    who = sa.select(Record.submitted_by.label("user_id"))
    submitted = who.where(Record.package_id == asked.any_of("records"))
    return sa.union_all(submitted, _assignees(asked))


def _thread(asked: _Asked) -> _Users:
    """Who wrote on it before."""
    return (
        sa.select(event.c.user_id)
        .join(event_entry, event_entry.c.event_id == event.c.id)
        .where(
            event_entry.c.package_id == asked.any_of("records"),
            event.c.act.in_(TALK),
            event.c.id < sa.bindparam("event_id", type_=sa.BigInteger),
        )
    )


def _holders(asked: _Asked, meets: Callable[[Any], sa.ColumnElement[bool]]) -> sa.Select[Any]:
    """People whose role meets a condition, with an account that is open."""
    role, user = grants.in_force(editors=asked.editors), model.user_table
    return (
        sa.select(role.c.user_id)
        .join(user, user.c.id == role.c.user_id)
        .where(user.c.state == model.State.ACTIVE, meets(role.c))
    )


def _coordinators(asked: _Asked) -> sa.Select[Any]:
    return _holders(
        asked,
        lambda role: sa.and_(
            role.role == Role.COORDINATOR.value, role.department == asked.any_of("departments")
        ),
    )


def _department(asked: _Asked) -> _Users:
    """The department's coordinators, and who has it."""
    return sa.union_all(_coordinators(asked), _assignees(asked))


def _deciders(asked: _Asked) -> _Users:
    """CDOs, and the reviewers whose departments and kinds of blockers these are."""

    def decides(role: Any) -> sa.ColumnElement[bool]:
        theirs = sa.exists().where(
            Record.package_id == asked.any_of("records"),
            sa.or_(role.department.is_(None), role.department == Record.department),
            sa.or_(sa.func.cardinality(role.kinds) == 0, role.kinds.overlap(Record.blocker_kinds)),
        )
        return sa.or_(
            role.role == Role.CDO.value, sa.and_(role.role == Role.REVIEWER.value, theirs)
        )

    return _holders(asked, decides)


def _viewers(asked: _Asked) -> _Users:
    return _holders(asked, lambda role: role.role == Role.VIEWER.value)


_Given = Callable[[Session, int, Sequence[Row]], Collection[str]]


@dataclass(frozen=True)
class _Way:
    """How those are found who stand in a relation to an act.

    :param given: the ids that the statement is given: of records, departments or people
    :param find: the statement that turns them into people
    """

    given: Mapping[str, _Given]
    find: Callable[[_Asked], _Users]


_WAYS: Mapping[Receiver, _Way] = {
    Receiver.MENTIONED: _Way({"people": _detail("mentions")}, _people),
    Receiver.AUTHOR: _Way({"records": _records}, _authors),
    Receiver.ASKER: _Way({"people": _askers}, _people),
    Receiver.ASSIGNED: _Way({"people": _detail("new")}, _people),
    Receiver.DEPARTMENT: _Way({"records": _records, "departments": _departments}, _department),
    Receiver.THREAD: _Way({"records": _records}, _thread),
    Receiver.TARGET: _Way({"departments": _detail("to")}, _coordinators),
    Receiver.DECIDERS: _Way({"records": _records}, _deciders),
    Receiver.READERS: _Way({}, _viewers),
}
