"""Naming people by e-mail address: who has an account gets the role, who has none an invitation.

The account of somebody new is made as CKAN makes it for its own invitations: it waits, can do nothing
and has no known password, until its owner follows the link and sets one. Its roles are there
already and count from that moment on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.lib import mailer
from ckan.logic import schema as core_schema
from ckan.types import Context
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config
from ckanext.inventory.model import Department, Invitation, Outbox, RoleGrant
from ckanext.inventory.model.outbox import INVITATION
from ckanext.inventory.service import addresses, departments, events, outbox, roles
from ckanext.inventory.service.addresses import Pasted
from ckanext.inventory.types import Person, Role

NAMED = "named"
INVITED = "invited"
HOLDS = "holds"
PROBLEM = "problem"

NO_KEY = ""
"""The key of an account whose link is closed; core takes no key of less than five characters."""


@dataclass(frozen=True)
class Wanted:
    """What the pasted addresses are to get; a line may say otherwise for itself.

    :param role: the role
    :param department: organization id, None for the whole city
    :param division: a part of the department
    :param until: last day in force
    :param kinds: blocker kinds of a reviewer
    :param may_approve: a reviewer who may approve
    """

    role: Role
    department: str | None = None
    division: str | None = None
    until: dt.date | None = None
    kinds: tuple[str, ...] = ()
    may_approve: bool = False


@dataclass(frozen=True)
class Planned:
    """What becomes of one address.

    :param pasted: the address, with what its line says
    :param wanted: the role that it gets
    :param outcome: named, invited, holds (the same role already) or problem
    :param user_id: the account, if there is one
    :param message: what is wrong
    """

    pasted: Pasted
    wanted: Wanted
    outcome: str
    user_id: str | None = None
    message: str = ""


def words_for_departments(session: Session) -> dict[str, str]:
    """Return what departments are called in what people paste.

    :param session: the database session
    :returns: title, name and code, case folded → organization id; what two share is left out
    """
    group = model.group_table
    query = (
        sa.select(group.c.id, group.c.name, group.c.title, Department.code)
        .outerjoin(Department, Department.organization == group.c.id)
        .where(group.c.is_organization.is_(sa.true()), group.c.state == model.State.ACTIVE)
    )
    found: dict[str, set[str]] = {}
    for row in session.execute(query):
        for word in filter(None, (row.name, row.title, row.code)):
            found.setdefault(word.casefold().strip(), set()).add(row.id)
    return {word: ids.pop() for word, ids in found.items() if len(ids) == 1}


def plan(session: Session, by: Person, text: str, wanted: Wanted) -> list[Planned]:
    """Say what would become of pasted addresses.

    :param session: the database session
    :param by: who names them
    :param text: what was pasted
    :param wanted: what they get where a line says nothing
    :returns: one for each address
    """
    pasted = addresses.read(text, words_for_departments(session))
    known = _accounts(session, [one.email for one in pasted if one.email])
    return [_planned(session, by, one, wanted, known.get(one.email.lower())) for one in pasted]


def _accounts(session: Session, emails: Collection[str]) -> dict[str, model.User]:
    """Find accounts by address; of several the one that can act, never a deleted one."""
    user = model.user_table
    query = (
        sa.select(model.User)
        .where(
            sa.func.lower(user.c.email).in_({email.lower() for email in emails}),
            user.c.state.in_((model.State.ACTIVE, model.State.PENDING)),
        )
        .order_by((user.c.state == model.State.ACTIVE).asc(), user.c.created.desc())
    )
    return {str(account.email).lower(): account for account in session.scalars(query)}


def _planned(
    session: Session, by: Person, one: Pasted, wanted: Wanted, account: model.User | None
) -> Planned:
    citywide = wanted.role in (Role.CDO, Role.VIEWER)
    own = replace(
        wanted,
        department=None if citywide else one.department or wanted.department,
        division=one.division or wanted.division,
        until=one.until or wanted.until,
    )
    message = _problem(by, one, own, account, citywide=citywide)
    if message:
        return Planned(one, own, PROBLEM, account.id if account else None, message)
    if account is None:
        return Planned(one, own, INVITED)
    outcome = INVITED if account.state == model.State.PENDING else NAMED
    held = roles.find(session, account.id, own.role, own.department)
    if held is not None and (held.division, held.until, list(held.kinds), held.may_approve) == (
        own.division or None,
        own.until,
        sorted(own.kinds),
        own.may_approve,
    ):
        outcome = HOLDS
    return Planned(one, own, outcome, account.id)


def _problem(
    by: Person, one: Pasted, own: Wanted, account: model.User | None, *, citywide: bool
) -> str:
    if one.problem:
        return tk._(one.problem)
    if citywide and one.department:
        return tk._("This role is for the whole city.")
    if own.role is Role.COORDINATOR and not own.department:
        if own.division:
            return tk._("There is no department {name}.").format(name=own.division)
        return tk._("A coordinator belongs to a department.")
    if own.until is not None and own.until < clock.today():
        return tk._("This day is over.")
    if account is not None and account.id == by.user_id and not by.sysadmin:
        return tk._("Nobody names themselves. Ask another CDO.")
    return ""


def carry_out(session: Session, by: Person, planned: Sequence[Planned]) -> list[Invitation]:
    """Name and invite, as one act; the mails go out after the commit.

    :param session: the database session
    :param by: who names them
    :param planned: what :func:`plan` said, without problems
    :returns: the invitations
    """
    doing = [one for one in planned if one.outcome in (NAMED, INVITED)]
    if not doing:
        return []
    departments.ensure(session, {one.wanted.department for one in doing if one.wanted.department})
    invitations: dict[int, Invitation] = {}
    rows: list[events.Row] = []
    made: dict[str, str] = {}
    for one in doing:
        email = one.pasted.email
        user_id = one.user_id or made.get(email.lower())
        if user_id is None and not config.people_sign_in_elsewhere():
            user_id = made[email.lower()] = _account(session, one.pasted)
        invitation = _invitation(session, by, one.pasted, user_id)
        invitations[invitation.id] = invitation
        rows.append(_give(session, by, one, user_id, invitation))
    outbox.queue(session, INVITATION, [str(key) for key in invitations])
    events.record(session, "role_invite", by.user_id, rows)
    return list(invitations.values())


def _give(
    session: Session, by: Person, one: Planned, user_id: str | None, invitation: Invitation
) -> events.Row:
    own = one.wanted
    if user_id is not None:
        grant = roles.put(session, by, _new_role(user_id, own))
        details = roles.describe(grant)
    else:
        details = {
            "role": own.role.value,
            "department": own.department,
            "division": own.division,
            "kinds": sorted(own.kinds),
            "may_approve": own.may_approve,
            "until": own.until.isoformat() if own.until else None,
        }
        key = ("role", "department")
        others = [
            kept for kept in invitation.roles if any(kept[name] != details[name] for name in key)
        ]
        invitation.roles = [*others, details]
        session.flush()
    return events.Row(department=own.department, details={**details, "email": one.pasted.email})


def _new_role(user_id: str, own: Wanted) -> roles.NewRole:
    return roles.NewRole(
        user_id=user_id,
        role=own.role,
        department=own.department,
        division=own.division or None,
        kinds=own.kinds,
        may_approve=own.may_approve,
        until=own.until,
    )


def _account(session: Session, one: Pasted) -> str:
    """Make an account that waits for its owner, as core's invitation does."""
    local = "".join(c if c.isalnum() and c.isascii() else "-" for c in one.email.split("@")[0])
    context = cast(
        Context,
        {
            "model": model,
            "session": session,
            "user": "",
            "ignore_auth": True,
            "defer_commit": True,
            "schema": core_schema.create_user_for_user_invite_schema(),
        },
    )
    data: dict[str, Any] = {
        "name": _free_name(session, local.lower().strip("-") or "person"),
        "email": one.email,
        "state": model.State.PENDING,
    }
    if one.name:
        data["fullname"] = one.name
    made = tk.get_action("user_create")(context, data)
    session.flush()
    return str(made["id"])


def _free_name(session: Session, start: str) -> str:
    user = model.user_table
    base = start[:80] if len(start) > 1 else f"{start}-person"
    taken = set(session.scalars(sa.select(user.c.name).where(user.c.name.startswith(base))))
    if base not in taken:
        return base
    counter = 2
    while f"{base}-{counter}" in taken:
        counter += 1
    return f"{base}-{counter}"


def _invitation(session: Session, by: Person, one: Pasted, user_id: str | None) -> Invitation:
    query = sa.select(Invitation).where(sa.func.lower(Invitation.email) == one.email.lower())
    row = session.scalar(query.with_for_update())
    if row is None:
        row = Invitation(email=one.email, roles=[])
        session.add(row)
    row.name = one.name or row.name
    row.user_id = user_id
    row.by = by.user_id
    _renew(session, row)
    return row


def _renew(session: Session, row: Invitation) -> None:
    """Start an invitation's time anew, with a link of its own."""
    now = clock.now()
    row.at = now
    row.expires_at = now + dt.timedelta(days=config.invitation_days())
    row.sent_at = row.withdrawn_at = row.error = None
    row.refused = False
    user = session.get(model.User, row.user_id) if row.user_id else None
    if user is not None and user.state == model.State.PENDING:
        user.reset_key = mailer.make_key()
    session.flush()


def resend(session: Session, by: Person, row: Invitation) -> None:
    """Send an invitation again; the old link stops working.

    :param session: the database session
    :param by: who asks for it
    :param row: the invitation, locked
    """
    _renew(session, row)
    outbox.queue(session, INVITATION, [str(row.id)])
    events.record(
        session, "invitation_resend", by.user_id, [events.Row(details={"email": row.email})]
    )


def withdraw(session: Session, by: Person, row: Invitation) -> None:
    """Take an invitation back: its link and its roles end.

    :param session: the database session
    :param by: who takes it back
    :param row: the invitation, locked, of somebody who didn't come yet
    """
    row.withdrawn_at = clock.now()
    row.roles = []
    rows = [events.Row(details={"email": row.email})]
    user = session.get(model.User, row.user_id) if row.user_id else None
    if user is not None and user.state == model.State.PENDING:
        user.reset_key = NO_KEY
        for grant in session.scalars(sa.select(RoleGrant).where(RoleGrant.user_id == user.id)):
            rows.append(events.Row(department=grant.department, details=roles.describe(grant)))
            session.delete(grant)
    session.flush()
    events.record(session, "invitation_withdraw", by.user_id, rows)


def end_if_expired(session: Session, user_id: str) -> bool:
    """Close the link of an account whose invitation ran out.

    :param session: the database session
    :param user_id: the account
    :returns: whether it was closed just now
    """
    query = sa.select(Invitation).where(
        Invitation.user_id == user_id, Invitation.expires_at <= clock.now()
    )
    user = session.get(model.User, user_id)
    if user is None or user.state != model.State.PENDING or not user.reset_key:
        return False
    if session.scalar(query.limit(1)) is None:
        return False
    user.reset_key = NO_KEY
    session.flush()
    return True


def is_invited(session: Session, user_id: str) -> bool:
    """Tell whether an account was invited to the inventory.

    :param session: the database session
    :param user_id: the account
    :returns: the answer
    """
    query = sa.select(Invitation.id).where(
        Invitation.user_id == user_id, Invitation.withdrawn_at.is_(None)
    )
    return session.scalar(query.limit(1)) is not None


def claim(session: Session, user: model.User) -> int:
    """Give somebody who signed in what their address was invited to.

    Only where addresses come from whoever runs the sign-in: with CKAN's own accounts everybody can
    claim to have any address.

    :param session: the database session
    :param user: the account
    :returns: how many roles they got
    """
    if not config.people_sign_in_elsewhere() or not user.email:
        return 0
    query = sa.select(Invitation).where(
        sa.func.lower(Invitation.email) == str(user.email).lower(),
        Invitation.withdrawn_at.is_(None),
        Invitation.user_id.is_(None),
        Invitation.expires_at > clock.now(),
    )
    row = session.scalar(query.with_for_update())
    if row is None:
        return 0
    rows: list[events.Row] = []
    for kept in row.roles:
        until = dt.date.fromisoformat(kept["until"]) if kept["until"] else None
        by = Person(row.by)
        grant = roles.put(
            session,
            by,
            roles.NewRole(
                user.id,
                Role(kept["role"]),
                kept["department"],
                kept["division"],
                kept["kinds"],
                kept["may_approve"],
                until,
            ),
        )
        rows.append(events.Row(department=grant.department, details=roles.describe(grant)))
    row.user_id = user.id
    row.roles = []
    session.flush()
    if rows:
        events.record(session, "role_add", row.by, rows)
    return len(rows)


def listing(session: Session) -> list[dict[str, Any]]:
    """List the invitations, those that need somebody first.

    :param session: the database session
    :returns: id, email, name, user_id, user_name, at, expires_at, sent_at, error and status:
        accepted, withdrawn, refused (the address), failed (tried again by itself), expired,
        sent or queued
    """
    user = model.user_table
    query = (
        sa.select(Invitation, user.c.name, user.c.state, Outbox.last_error)
        .outerjoin(user, user.c.id == Invitation.user_id)
        .outerjoin(
            Outbox,
            sa.and_(Outbox.kind == INVITATION, Outbox.key == sa.cast(Invitation.id, sa.Text)),
        )
        .order_by(Invitation.at.desc(), Invitation.id.desc())
    )
    rows: list[dict[str, Any]] = []
    for row, name, state, last_error in session.execute(query):
        error = row.error or last_error
        rows.append(
            {
                "id": row.id,
                "email": row.email,
                "name": row.name,
                "user_id": row.user_id,
                "user_name": name,
                "at": row.at.isoformat(),
                "expires_at": row.expires_at.isoformat(),
                "sent_at": row.sent_at.isoformat() if row.sent_at else None,
                "error": error,
                "status": _status(row, state, error),
            }
        )
    order = ("refused", "failed", "expired", "queued", "sent", "accepted", "withdrawn")
    return sorted(rows, key=lambda row: order.index(row["status"]))


def _status(row: Invitation, state: str | None, error: str | None) -> str:
    if row.withdrawn_at is not None:
        return "withdrawn"
    if row.refused:
        return "refused"
    if error and row.sent_at is None:
        return "failed"
    if state == model.State.ACTIVE:
        return "accepted"
    if row.expires_at <= clock.now():
        return "expired"
    return "sent" if row.sent_at else "queued"


def editors_to_coordinators(
    session: Session, by: Person, pairs: Collection[tuple[str, str]]
) -> int:
    """Make people who edit an organization its coordinators, as one act.

    :param session: the database session
    :param by: who does it
    :param pairs: (organization id, user id)
    :returns: how many roles were given
    """
    if not pairs:
        return 0
    departments.ensure(session, {organization for organization, _user in pairs})
    rows: list[events.Row] = []
    for organization, user_id in pairs:
        grant = roles.put(
            session, by, roles.NewRole(user_id, Role.COORDINATOR, department=organization)
        )
        rows.append(events.Row(department=organization, details=roles.describe(grant)))
    events.record(session, "role_add", by.user_id, rows)
    return len(rows)
