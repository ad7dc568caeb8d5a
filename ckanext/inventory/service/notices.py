"""Telling people: an act writes a row for everybody who has to know of it, in its own transaction.

The rows hold no word of a record. What is shown or sent later is read from the history through the
reader's own rights (:mod:`notice_list`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config, policy
from ckanext.inventory.model import Notice, Record
from ckanext.inventory.model.event import event, event_detail, event_entry
from ckanext.inventory.model.outbox import NOTICE
from ckanext.inventory.service import outbox, readers
from ckanext.inventory.service.notice_rules import (
    ACTS,
    RULES,
    TALK,
    WAIVER_REQUEST,
    Receiver,
    Rule,
)
from ckanext.inventory.service.readers import Known
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
            if details and details.get("kind") in decided:
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
