"""Moving records between departments: one side asks, the other accepts; and merging."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock, policy
from ckanext.inventory.model import Department, Record, RoleGrant, Transfer
from ckanext.inventory.publishing import hold
from ckanext.inventory.service import departments, events, outbox
from ckanext.inventory.types import Person


def request(
    session: Session, person: Person, record: Record, to_department: str, comment: str | None
) -> Transfer:
    """Ask for a record to move; a request that is open already is replaced.

    :param session: the database session
    :param person: who asks
    :param record: the register row
    :param to_department: organization id
    :param comment: words for the other side
    :returns: the request
    """
    row = session.get(Transfer, record.package_id) or Transfer(package_id=record.package_id)
    row.from_department = record.department
    row.to_department = to_department
    row.comment = comment
    row.asked_by = person.user_id
    row.asked_at = clock.now()
    session.add(row)
    _note(session, person, record, "transfer_request", to_department, comment)
    return row


def accept(session: Session, person: Person, record: Record, row: Transfer) -> None:
    """Move a record: number, state, approval and history stay, assignee and division go.

    :param session: the database session
    :param person: who accepts
    :param record: the register row, locked
    :param row: the request
    """
    target = row.to_department
    session.delete(row)
    _move(session, [record.package_id], target)
    session.refresh(record)
    _note(session, person, record, "transfer", target, row.comment)


def decline(
    session: Session, person: Person, record: Record, row: Transfer, comment: str | None
) -> None:
    """Turn a request down, or take one's own back.

    :param session: the database session
    :param person: who declines
    :param record: the register row
    :param row: the request
    :param comment: why
    """
    target = row.to_department
    session.delete(row)
    _note(session, person, record, "transfer_decline", target, comment)


def incoming(session: Session, person: Person) -> list[dict[str, Any]]:
    """List the open requests that somebody may answer, with what an answer needs and no more.

    :param session: the database session
    :param person: who may answer
    :returns: number, kind, title, both departments, comment and time of each, the oldest first
    """
    old, new = model.group_table.alias(), model.group_table.alias()
    query = (
        sa.select(
            Record.number,
            Record.package_type.label("kind"),
            Record.title,
            sa.func.coalesce(sa.func.nullif(old.c.title, ""), old.c.name).label("from_title"),
            sa.func.coalesce(sa.func.nullif(new.c.title, ""), new.c.name).label("to_title"),
            Transfer.comment,
            Transfer.asked_at,
            Transfer.to_department,
        )
        .join(Record, Record.package_id == Transfer.package_id)
        .join(old, old.c.id == Transfer.from_department)
        .join(new, new.c.id == Transfer.to_department)
        .where(Record.package_state == "active")
        .order_by(Transfer.asked_at)
    )
    if not policy.is_cdo(person):
        query = query.where(Transfer.to_department.in_(policy.departments_of(person)))
    found: list[dict[str, Any]] = []
    for row in session.execute(query).mappings():
        shown = dict(row) | {"asked_at": row["asked_at"].isoformat()}
        if policy.may_answer_transfer(person, shown.pop("to_department")):
            found.append(shown)
    return found


def _note(
    session: Session,
    person: Person,
    record: Record,
    act: str,
    to_department: str,
    comment: str | None,
) -> None:
    details = {"to": to_department} | ({"comment": comment} if comment else {})
    events.record(
        session,
        act,
        person.user_id,
        [
            events.staying(
                record,
                details,
            )
        ],
    )


def _move(session: Session, ids: Collection[str], target: str) -> None:
    """Change the owner of packages everywhere it is kept, hiding them until search knows."""
    departments.ensure(session, [target])
    package, member, group = model.package_table, model.member_table, model.group_table
    session.execute(
        sa.update(package)
        .where(package.c.id.in_(ids))
        .values(
            owner_org=target,
            metadata_modified=clock.now().replace(tzinfo=None),
            extras=package.c.extras.op("-")("division"),
        )
    )
    organizations = sa.select(group.c.id).where(group.c.is_organization.is_(sa.true()))
    session.execute(
        sa.update(member)
        .where(
            member.c.table_name == "package",
            member.c.table_id.in_(ids),
            member.c.capacity == "organization",
            member.c.group_id.in_(organizations),
        )
        .values(group_id=target)
    )
    session.execute(
        sa.update(Record)
        .where(Record.package_id.in_(ids))
        .values(department=target, assignee=None, division=None, modified_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
    outbox.narrow(session, [*ids, *hold.of_entries(session, ids)])


def merge(session: Session, person: Person, closed: Department, target: Department) -> int:
    """Move everything of a department to another; the closed code stays reserved.

    :param session: the database session
    :param person: the CDO
    :param closed: the department that is closed
    :param target: the department that takes over
    :returns: how many records moved
    """
    ids = list(
        session.scalars(
            sa.select(Record.package_id)
            .where(Record.department == closed.organization)
            .order_by(Record.package_id)
        )
    )
    if ids:
        _move(session, ids, target.organization)
    _move_roles(session, closed.organization, target.organization)
    closed.merged_into = target.organization
    session.flush()
    rows = [
        events.Row(package_id, target.organization, details={"from": closed.organization})
        for package_id in ids
    ] or [events.Row(None, target.organization, details={"from": closed.organization})]
    events.record(session, "merge", person.user_id, rows)
    return len(ids)


def _move_roles(session: Session, closed: str, target: str) -> None:
    """Give the people of a closed department their roles in the other, unless they hold them."""
    for grant in session.scalars(sa.select(RoleGrant).where(RoleGrant.department == closed)):
        held = sa.select(RoleGrant.id).where(
            RoleGrant.user_id == grant.user_id,
            RoleGrant.role == grant.role,
            RoleGrant.department == target,
        )
        if session.scalar(held) is None:
            grant.department = target
            session.flush()
        else:
            session.delete(grant)
