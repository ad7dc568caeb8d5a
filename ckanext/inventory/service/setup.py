"""What a new city has still to set up, step by step."""

from __future__ import annotations

from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config
from ckanext.inventory.model import Department, Invitation, RoleGrant, event
from ckanext.inventory.service import checks, events, invitation_mail, people
from ckanext.inventory.types import Person, Role

MAIL_TEST = "mail_test"


def editors_without_role(session: Session) -> list[tuple[str, str]]:
    """Return who edits an organization and isn't its coordinator.

    :param session: the database session
    :returns: (organization id, user id)
    """
    query = sa.select(RoleGrant.department, RoleGrant.user_id).where(
        RoleGrant.role == Role.COORDINATOR.value, _in_force()
    )
    held = {(row.department, row.user_id) for row in session.execute(query)}
    return [pair for pair in people.editors(session) if pair not in held]


def _in_force() -> sa.ColumnElement[bool]:
    return sa.or_(RoleGrant.until.is_(None), RoleGrant.until >= clock.today())


def steps(session: Session) -> list[dict[str, Any]]:
    """Return the steps of setting up.

    :param session: the database session
    :returns: name, done and count (what is left, or wrong) of each
    """
    departments = _departments(session)
    without_code = sum(row is None for row in departments.values())
    taking_part = [row for row in departments.values() if row is not None]
    bare = sum(not _has_defaults(row) for row in taking_part) + without_code
    uncovered = len(set(departments) - _covered(session))
    approvers = _approvers(session)
    failing = _failing_mails(session)
    checked = checks.last(session)
    found = len(checked["findings"])
    return [
        {"name": "cdo", "done": _cdos(session) > 0, "count": _cdos(session)},
        {"name": "coordinators", "done": bool(departments) and not uncovered, "count": uncovered},
        {"name": "codes", "done": bool(departments) and not without_code, "count": without_code},
        {"name": "defaults", "done": bool(departments) and not bare, "count": bare},
        {"name": "approvers", "done": approvers > 1, "count": approvers},
        {"name": "mail", "done": mail_works(session) and not failing, "count": failing},
        {"name": "check", "done": bool(checked["at"]) and not found, "count": found},
    ]


def _departments(session: Session) -> dict[str, Department | None]:
    group = model.group_table
    query = (
        sa.select(group.c.id, Department)
        .outerjoin(Department, Department.organization == group.c.id)
        .where(
            group.c.is_organization.is_(sa.true()),
            group.c.state == model.State.ACTIVE,
            Department.merged_into.is_(None),
        )
    )
    return dict(session.execute(query).tuples().all())


def _has_defaults(row: Department) -> bool:
    licence = row.license_id or config.license_id()
    return bool(licence and row.public_contact_name and row.public_contact_email)


def _holders(session: Session, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    user = model.user_table
    return (
        sa.select(RoleGrant.department, RoleGrant.user_id)
        .join(user, user.c.id == RoleGrant.user_id)
        .where(user.c.state == model.State.ACTIVE, _in_force(), *conditions)
    )


def _covered(session: Session) -> set[str]:
    query = _holders(session, RoleGrant.role == Role.COORDINATOR.value)
    covered = {row.department for row in session.execute(query)}
    if config.editors_are_coordinators():
        covered |= {organization for organization, _user in people.editors(session)}
    return covered


def _cdos(session: Session) -> int:
    query = _holders(session, RoleGrant.role == Role.CDO.value)
    return len({row.user_id for row in session.execute(query)})


def _approvers(session: Session) -> int:
    """Count who may approve for the whole city: the second person has to be somebody else."""
    query = _holders(
        session,
        sa.or_(
            RoleGrant.role == Role.CDO.value,
            sa.and_(RoleGrant.role == Role.REVIEWER.value, RoleGrant.may_approve),
        ),
    )
    return len({row.user_id for row in session.execute(query)})


def _failing_mails(session: Session) -> int:
    query = sa.select(sa.func.count()).where(
        Invitation.withdrawn_at.is_(None),
        Invitation.sent_at.is_(None),
        Invitation.error.is_not(None),
    )
    return session.scalar(query) or 0


def mail_works(session: Session) -> bool:
    """Tell whether a mail went out from here already.

    :param session: the database session
    :returns: the answer; False where no mail can go out at all
    """
    if not invitation_mail.set_up():
        return False
    if session.scalar(sa.select(Invitation.id).where(Invitation.sent_at.is_not(None)).limit(1)):
        return True
    tested = sa.select(event.c.id).where(event.c.act == MAIL_TEST).limit(1)
    return session.scalar(tested) is not None


def send_test_mail(session: Session, by: Person, user: model.User) -> str:
    """Send a mail to whoever asks, and note in the history that it went out.

    :param session: the database session
    :param by: who asks
    :param user: their account
    :returns: what went wrong, empty if it was sent
    """
    title = config.core("ckan.site_title")
    error = invitation_mail.deliver(
        user.display_name,
        str(user.email),
        tk._("The data inventory of {site} can send mail").format(site=title),
        tk._("This is a test that you asked for. Nothing is to be done."),
    )
    if not error:
        events.record(session, MAIL_TEST, by.user_id, [events.Row()])
    return error
