"""Handing everything that one person has to another, as one act."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.model import Link, Record, RoleGrant
from ckanext.inventory.service import endorsements, events, outbox, roles
from ckanext.inventory.types import Person


@dataclass(frozen=True)
class Holdings:
    """What somebody has.

    :param records: register rows that are assigned to them, locked
    :param links: datasets that they were given to prepare
    :param grants: their roles
    """

    records: list[Record]
    links: list[Link]
    grants: list[RoleGrant]

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to hand over."""
        return not (self.records or self.links or self.grants)


def holdings(
    session: Session,
    user_id: str,
    *,
    department: str | None = None,
    with_roles: bool = False,
    lock: bool = False,
) -> Holdings:
    """Find what somebody has.

    :param session: the database session
    :param user_id: the account
    :param department: only what is this department's
    :param with_roles: their roles, too
    :param lock: hold the rows until the end of the transaction
    :returns: the holdings
    """
    records = (
        sa.select(Record)
        .where(Record.assignee == user_id, Record.package_state == "active")
        .order_by(Record.number)
    )
    links = (
        sa.select(Link)
        .join(Record, Record.package_id == Link.entry_id)
        .where(Link.owner == user_id, Link.held)
        .order_by(Link.entry_id)
    )
    grants = sa.select(RoleGrant).where(RoleGrant.user_id == user_id).order_by(RoleGrant.id)
    if department is not None:
        records = records.where(Record.department == department)
        links = links.where(Record.department == department)
        grants = grants.where(RoleGrant.department == department)
    if lock:
        records, links = records.with_for_update(), links.with_for_update(of=Link)
        grants = grants.with_for_update()
    return Holdings(
        list(session.scalars(records)),
        list(session.scalars(links)),
        list(session.scalars(grants)) if with_roles else [],
    )


def hand_over(session: Session, by: Person, from_id: str, to_id: str, what: Holdings) -> None:
    """Give what one person has to another: one event, and search forgets the one who left.

    :param session: the database session
    :param by: who does it
    :param from_id: the account that has it
    :param to_id: the account that gets it
    :param what: what is handed over, locked
    """
    rows = [
        events.staying(
            record,
            {"field": "assignee", "old": from_id, "new": to_id},
        )
        for record in what.records
    ]
    now = clock.now()
    for record in what.records:
        record.assignee = to_id
        record.modified_at = now
    for link in what.links:
        link.owner = to_id
        rows.append(
            events.Row(link.entry_id, details={"field": "owner", "old": from_id, "new": to_id})
        )
    for grant in what.grants:
        details = roles.describe(grant) | {"new": to_id}
        rows.append(events.Row(department=grant.department, details=details))
        _give(session, by, grant, to_id)
    session.flush()
    outbox.narrow(
        session,
        [record.package_id for record in what.records]
        + [link.dataset_id for link in what.links if link.dataset_id],
    )
    events.record(session, "hand_over", by.user_id, rows)
    endorsements.end_stale(session, by)


def _give(session: Session, by: Person, grant: RoleGrant, to_id: str) -> None:
    """Move a role; where the other holds the same one already, theirs takes in what this one had."""
    other = roles.find(session, to_id, grant.role, grant.department)
    if other is None:
        grant.user_id = to_id
        grant.granted_by, grant.granted_at = by.user_id, clock.now()
        session.flush()
        return
    other.kinds = sorted({*other.kinds, *grant.kinds}) if other.kinds and grant.kinds else []
    other.may_approve = other.may_approve or grant.may_approve
    other.until = max(other.until, grant.until) if other.until and grant.until else None
    session.delete(grant)
    session.flush()


def described(what: Holdings, titles: dict[str, str]) -> dict[str, Any]:
    """Write holdings for people.

    :param what: the holdings
    :param titles: organization id → title
    :returns: ``assignments`` and ``preparing`` (counts), ``departments`` (title, count),
        ``records`` (number, title, state), ``roles``
    """
    counted: dict[str, int] = {}
    for record in what.records:
        counted[record.department] = counted.get(record.department, 0) + 1
    return {
        "assignments": len(what.records),
        "preparing": len(what.links),
        "departments": [
            {"id": key, "title": titles.get(key, ""), "count": count}
            for key, count in sorted(counted.items(), key=lambda item: titles.get(item[0], ""))
        ],
        "records": [
            {"number": record.number, "title": record.title, "state": record.state}
            for record in what.records
        ],
        "roles": [
            {
                "role": grant.role,
                "department": grant.department,
                "department_title": titles.get(grant.department or ""),
                "division": grant.division,
            }
            for grant in what.grants
        ],
    }
