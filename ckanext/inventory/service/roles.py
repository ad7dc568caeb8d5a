"""Who holds which role: loading persons, naming and ending."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config
from ckanext.inventory.model import Record, RoleGrant
from ckanext.inventory.service import endorsements, events, grants, outbox, plain
from ckanext.inventory.types import ANONYMOUS, Person, Role

SYSTEM = Person(None, sysadmin=True)
"""Internal callers without a user: commands and jobs."""


def person(session: Session, user: model.User | None) -> Person:
    """Load who is asking, with the roles in force today, in one statement.

    :param session: the database session
    :param user: the account, or None for a visitor
    :returns: the person; an account that isn't active is a visitor
    """
    if user is None or user.state != model.State.ACTIVE:
        return ANONYMOUS
    statement = _of_user(editors=config.editors_are_coordinators())
    found = plain.execute(session, statement, {"user_id": user.id, "today": clock.today()})
    return Person(user.id, bool(user.sysadmin), tuple(grants.grant(row) for row in found))


@cache
def _of_user(*, editors: bool) -> sa.Select[Any]:
    """Build the statement once: every request asks it."""
    role = grants.in_force(editors=editors)
    return sa.select(role).where(role.c.user_id == sa.bindparam("user_id"))


@dataclass(frozen=True)
class NewRole:
    """A role to give.

    :param user_id: the account
    :param role: the role
    :param department: organization id, or None for the whole city
    :param division: a part of the department
    :param kinds: blocker kinds of a reviewer
    :param may_approve: a reviewer who may approve and promote
    :param until: last day in force
    """

    user_id: str
    role: Role
    department: str | None = None
    division: str | None = None
    kinds: Collection[str] = ()
    may_approve: bool = False
    until: dt.date | None = None


def add(session: Session, by: Person, new: NewRole) -> RoleGrant:
    """Give a role; the same role of the same department is replaced.

    :param session: the database session
    :param by: who gives it
    :param new: the role
    :returns: the row
    """
    row = put(session, by, new)
    events.record(
        session,
        "role_add",
        by.user_id,
        [events.Row(department=new.department, details=describe(row))],
    )
    return row


def put(session: Session, by: Person, new: NewRole) -> RoleGrant:
    """Give a role without an event, for an act that gives many and writes one of its own.

    :param session: the database session
    :param by: who gives it
    :param new: the role
    :returns: the row
    """
    row = find(session, new.user_id, new.role, new.department) or RoleGrant(
        user_id=new.user_id, role=new.role.value, department=new.department
    )
    row.division = new.division
    row.kinds = sorted(new.kinds)
    row.may_approve = new.may_approve
    row.until = new.until
    row.granted_by = by.user_id
    row.granted_at = clock.now()
    session.add(row)
    session.flush()
    return row


def remove(session: Session, by: Person, row: RoleGrant) -> int:
    """End a role, and the assignments and wishes that stood on it.

    :param session: the database session
    :param by: who ends it
    :param row: the role
    :returns: how many entries and sources have no assignee any more
    """
    details = describe(row)
    user_id, department = row.user_id, row.department
    session.delete(row)
    session.flush()
    freed = _end_assignments(session, user_id, department)
    details["unassigned"] = len(freed)
    events.record(
        session, "role_remove", by.user_id, [events.Row(department=department, details=details)]
    )
    endorsements.end_stale(session, by)
    return len(freed)


def _end_assignments(session: Session, user_id: str, department: str | None) -> list[str]:
    if department is None:
        return []
    left = sa.select(RoleGrant.id).where(
        RoleGrant.user_id == user_id,
        RoleGrant.department == department,
        sa.or_(RoleGrant.until.is_(None), RoleGrant.until >= clock.today()),
    )
    if session.scalar(left.limit(1)) is not None:
        return []
    where = (Record.assignee == user_id, Record.department == department)
    freed = list(session.scalars(sa.select(Record.package_id).where(*where)))
    if freed:
        session.execute(sa.update(Record).where(*where).values(assignee=None))
        outbox.narrow(session, freed)
    return freed


def end_expired(session: Session) -> int:
    """End the assignments and wishes of people whose role ran out or whose account is closed.

    A role that ran out grants nothing from its last day on; what is left to do is to take the
    assignments that stood on it, and a viewer's wishes.

    :param session: the database session
    :returns: how many entries and sources have no assignee any more
    """
    freed: list[str] = []
    expired = sa.select(RoleGrant.user_id, RoleGrant.department).where(
        RoleGrant.until < clock.today(), RoleGrant.department.is_not(None)
    )
    for user_id, department in session.execute(expired).all():
        freed += _end_assignments(session, user_id, department)
    user = model.user_table
    closed = sa.select(user.c.id).where(user.c.state != model.State.ACTIVE)
    gone = list(
        session.scalars(
            sa.update(Record)
            .where(Record.assignee.in_(closed))
            .values(assignee=None)
            .returning(Record.package_id)
            .execution_options(synchronize_session=False)
        )
    )
    outbox.narrow(session, gone)
    freed += gone
    if freed:
        rows = [events.Row(package_id, details={"old": "ended"}) for package_id in freed]
        events.record(session, "assign", None, rows)
    endorsements.end_stale(session, SYSTEM)
    return len(freed)


def find(session: Session, user_id: str, role: str, department: str | None) -> RoleGrant | None:
    """Find a role that somebody holds, in force or not.

    :param session: the database session
    :param user_id: the account
    :param role: the role
    :param department: organization id, None for the whole city
    :returns: the row, or None
    """
    query = sa.select(RoleGrant).where(
        RoleGrant.user_id == user_id,
        RoleGrant.role == str(role),
        RoleGrant.department == department if department else RoleGrant.department.is_(None),
    )
    return session.scalar(query)


def describe(row: RoleGrant) -> dict[str, object]:
    """Write a role for the history.

    :param row: the role
    :returns: everything that it grants
    """
    return {
        "user_id": row.user_id,
        "role": row.role,
        "department": row.department,
        "division": row.division,
        "kinds": list(row.kinds),
        "may_approve": row.may_approve,
        "until": row.until.isoformat() if row.until else None,
    }
