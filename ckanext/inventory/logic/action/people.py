"""Actions that bring people in, show who is responsible, and hand over."""

from __future__ import annotations

from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.types import Context, DataDict
from sqlalchemy.orm import Session

from ckanext.inventory.logic import schema_people as schema
from ckanext.inventory.logic import who
from ckanext.inventory.logic.commit import transaction
from ckanext.inventory.model import Invitation
from ckanext.inventory.service import bounces, departments, handover, invitations, people, setup
from ckanext.inventory.service.addresses import MAX_LINES, TOO_MANY
from ckanext.inventory.service.invitations import HOLDS, INVITED, NAMED, PROBLEM, Planned, Wanted
from ckanext.inventory.service.refusals import refusal
from ckanext.inventory.types import Role

__all__ = [
    "inventory_editors_to_coordinators",
    "inventory_hand_over",
    "inventory_invitation_bounced",
    "inventory_invitation_list",
    "inventory_invitation_resend",
    "inventory_invitation_withdraw",
    "inventory_mail_test",
    "inventory_people",
    "inventory_role_invite",
    "inventory_setup",
]


@tk.side_effect_free
@tk.validate_action_data(schema.people)
def inventory_people(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Say who is responsible for what, by department, source and person; what has nobody comes first.

    Of entries and sources only those count that the caller may read. Addresses of accounts are for
    CDOs.

    :param q: only what has these words (optional)
    :returns: ``departments`` (title, code, coordinators, stewards, custodians, experts, missing,
        nobody: why and since when, entries, sources, unassigned, last), ``sources`` (number, title,
        custodian, expert, missing), ``people`` (name, duties), ``citywide`` (roles), ``counts``
    :raises NotAuthorized: for people without a role
    """
    tk.check_access("inventory_people", context, data_dict)
    who.keep_private()
    return people.overview(who.session_of(context), who.person(context), str(data_dict["q"]))


def _organization(reference: str | None, key: str = "department") -> str | None:
    if not reference:
        return None
    group = model.Group.get(reference)
    if group is None or not group.is_organization or group.state != model.State.ACTIVE:
        raise tk.ValidationError({key: [tk._("There is no such department.")]})
    return str(group.id)


@tk.validate_action_data(schema.hand_over)
def inventory_hand_over(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Hand everything that one person has over to another, as one act.

    :param from: name or id of the account that has it, open or closed
    :param to: name or id of the account that gets it
    :param department: only what is this department's, name or id (optional)
    :param roles: their roles, too (default: false, assignments only)
    :param dry_run: only show what it would be (default: false)
    :returns: ``dry_run``, ``from_name``, ``to_name``, ``assignments``, ``preparing``,
        ``departments``, ``records``, ``roles``
    :raises NotAuthorized: for people who are not CDO; a CDO's role is handed over by an
        administrator of the portal
    :raises ValidationError: by parameter
    """
    tk.check_access("inventory_hand_over", context, data_dict)
    who.keep_private()
    person = who.person(context)
    giver, taker = model.User.get(data_dict["from"]), model.User.get(data_dict["to"])
    errors: dict[str, list[str]] = {}
    if giver is None:
        errors["from"] = [tk._("There is no such account.")]
    if taker is None or taker.state != model.State.ACTIVE:
        errors["to"] = [tk._("There is no such account.")]
    elif giver is not None and giver.id == taker.id:
        errors["to"] = [tk._("Choose somebody else.")]
    if errors or giver is None or taker is None:
        raise refusal(errors)
    department = _organization(data_dict.get("department"))
    dry_run = bool(data_dict["dry_run"])

    def found(session: Session, *, lock: bool) -> handover.Holdings:
        what = handover.holdings(
            session,
            giver.id,
            department=department,
            with_roles=bool(data_dict["roles"]),
            lock=lock,
        )
        if any(grant.role == Role.CDO.value for grant in what.grants):
            tk.check_access("inventory_name_cdo", context, data_dict)
        if what.grants and taker.id == person.user_id and not person.sysadmin:
            raise tk.ValidationError({"to": [tk._("Nobody names themselves. Ask another CDO.")]})
        return what

    names = {"from_name": giver.display_name, "to_name": taker.display_name, "dry_run": dry_run}
    if dry_run:
        session = who.session_of(context)
        return names | handover.described(found(session, lock=False), departments.titles(session))
    with transaction(context) as session:
        what = found(session, lock=True)
        if what.nothing:
            raise tk.ValidationError({"from": [tk._("They have nothing to hand over.")]})
        described = handover.described(what, departments.titles(session))
        handover.hand_over(session, person, giver.id, taker.id, what)
    who.forget()
    return names | described


@tk.validate_action_data(schema.role_invite)
def inventory_role_invite(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Name people by e-mail address: who has an account gets the role, others an invitation.

    A line may hold several addresses, as they stand in a mail, or be a row of a spreadsheet: then a
    cell may name the department (title, name or code), a day ``YYYY-MM-DD`` until when, and the
    division. Nothing is done while a line has a problem.

    :param emails: the lines, ``list[str]`` or one text
    :param role: coordinator (the default), cdo, reviewer or viewer
    :param department: name or id, where a line names none; coordinators need one
    :param division: a part of the department, where a line says none (optional)
    :param kinds: blocker kinds of a reviewer (optional)
    :param may_approve: a reviewer who may approve and promote (default: false)
    :param until: last day in force, where a line says none (optional)
    :param dry_run: only show what it would be (default: false)
    :returns: ``dry_run``, ``rows`` (line, email, name, outcome: named, invited, holds or problem,
        user_name, user_title, department_title, division, until, message), ``named``,
        ``invited``, ``problems``
    :raises NotAuthorized: for people who may not name this role
    :raises ValidationError: by parameter; ``emails`` with every line that has a problem
    """
    tk.check_access("inventory_role_invite", context, data_dict)
    who.keep_private()
    role = Role(data_dict["role"])
    if role is Role.CDO:
        tk.check_access("inventory_name_cdo", context, data_dict)
    if data_dict["may_approve"] and role is not Role.REVIEWER:
        raise tk.ValidationError({"may_approve": [tk._("Only a reviewer can be given this.")]})
    text = str(data_dict["emails"])
    if len(text.splitlines()) > MAX_LINES or text.count("@") > MAX_LINES:
        raise tk.ValidationError({"emails": [tk._(TOO_MANY)]})
    wanted = Wanted(
        role,
        _organization(data_dict.get("department")),
        data_dict.get("division") or None,
        data_dict.get("until") or None,
        tuple(data_dict.get("kinds") or ()),
        bool(data_dict["may_approve"]),
    )
    person = who.person(context)
    if data_dict["dry_run"]:
        session = who.session_of(context)
        planned = invitations.plan(session, person, text, wanted)
        return _planned(session, planned, dry_run=True)
    with transaction(context) as session:
        planned = invitations.plan(session, person, text, wanted)
        wrong = [one for one in planned if one.outcome == PROBLEM]
        if wrong or not planned:
            said = [
                tk._("Line {line}: {problem}").format(line=one.pasted.line, problem=one.message)
                for one in wrong
            ]
            raise tk.ValidationError({"emails": said or [tk._("Paste at least one address.")]})
        invitations.carry_out(session, person, planned)
        answer = _planned(session, planned, dry_run=False)
    who.forget()
    return answer


def _planned(session: Session, planned: list[Planned], *, dry_run: bool) -> dict[str, Any]:
    titles = departments.titles(session)
    known = people.accounts(session, {one.user_id for one in planned if one.user_id})
    names = dict(
        session.execute(
            sa.select(model.user_table.c.id, model.user_table.c.name).where(
                model.user_table.c.id.in_(list(known))
            )
        )
        .tuples()
        .all()
    )
    rows = [
        {
            "line": one.pasted.line,
            "email": one.pasted.email,
            "name": one.pasted.name,
            "outcome": one.outcome,
            "role": one.wanted.role.value,
            "user_name": names.get(one.user_id or ""),
            "user_title": known[one.user_id].name if one.user_id in known else None,
            "department": one.wanted.department,
            "department_title": titles.get(one.wanted.department or ""),
            "division": one.wanted.division,
            "until": one.wanted.until.isoformat() if one.wanted.until else None,
            "message": one.message,
        }
        for one in planned
    ]

    def count(*outcomes: str) -> int:
        return sum(row["outcome"] in outcomes for row in rows)

    return {
        "dry_run": dry_run,
        "rows": rows,
        "named": count(NAMED),
        "invited": count(INVITED),
        "held": count(HOLDS),
        "problems": count(PROBLEM),
    }


@tk.side_effect_free
def inventory_invitation_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List who was invited by e-mail, those that need somebody first.

    :returns: id, email, name, user_name, at, expires_at, sent_at, error, status: refused (the mail
        server won't take the address), failed (tried again by itself), expired, queued, sent,
        accepted or withdrawn
    :raises NotAuthorized: for people who are not CDO
    """
    tk.check_access("inventory_invitation_list", context, data_dict)
    who.keep_private()
    return invitations.listing(who.session_of(context))


def _invitation(session: Session, data_dict: DataDict) -> Invitation:
    row = session.get(Invitation, int(data_dict["id"]), with_for_update=True)
    if row is None:
        raise tk.ValidationError({"id": [tk._("There is no such invitation.")]})
    return row


@tk.validate_action_data(schema.invitation)
def inventory_invitation_resend(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Send an invitation again, with a new link and a new last day.

    :param id: the invitation's id
    :returns: ``id`` and ``email``
    :raises NotAuthorized: for people who are not CDO
    :raises ValidationError: ``id`` if there is none, or it was withdrawn
    """
    tk.check_access("inventory_invitation_resend", context, data_dict)
    with transaction(context) as session:
        row = _invitation(session, data_dict)
        if row.withdrawn_at is not None:
            raise tk.ValidationError({"id": [tk._("It was withdrawn. Name them again instead.")]})
        invitations.resend(session, who.person(context), row)
        return {"id": row.id, "email": row.email}


@tk.validate_action_data(schema.invitation)
def inventory_invitation_withdraw(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Take an invitation back; its link and its roles end.

    :param id: the invitation's id
    :returns: ``id`` and ``email``
    :raises NotAuthorized: for people who are not CDO
    :raises ValidationError: ``id`` if there is none, or they came already
    """
    tk.check_access("inventory_invitation_withdraw", context, data_dict)
    with transaction(context) as session:
        row = _invitation(session, data_dict)
        user = session.get(model.User, row.user_id) if row.user_id else None
        if user is not None and user.state == model.State.ACTIVE:
            raise tk.ValidationError(
                {"id": [tk._("They have an account that is in use. End their role instead.")]}
            )
        invitations.withdraw(session, who.person(context), row)
        answer = {"id": row.id, "email": row.email}
    who.forget()
    return answer


@tk.validate_action_data(schema.bounce)
def inventory_invitation_bounced(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Note from a mail that came back which invitations didn't arrive; they are shown as refused.

    :param mail: the report of a mail server, as it came (RFC 3464); any other mail changes nothing
    :returns: ``emails`` that were invited, ``unknown`` addresses
    :raises NotAuthorized: for people who are not CDO
    :raises ValidationError: ``mail``
    """
    tk.check_access("inventory_invitation_bounced", context, data_dict)
    who.keep_private()
    found = bounces.failures(str(data_dict["mail"]))
    with transaction(context) as session:
        noted = bounces.note(session, who.person(context), found)
    known = {email.lower() for email in noted}
    return {"emails": noted, "unknown": sorted(set(found) - known)}


@tk.validate_action_data(schema.editors_to_coordinators)
def inventory_editors_to_coordinators(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Make everybody who edits an organization in CKAN a coordinator of that department.

    :param department: only of this one, name or id (optional)
    :param dry_run: only show who it would be (default: false)
    :returns: ``dry_run``, ``count``, ``rows`` (department_title, user_name) of those who aren't yet
    :raises NotAuthorized: for people who are not CDO
    :raises ValidationError: ``department``
    """
    tk.check_access("inventory_editors_to_coordinators", context, data_dict)
    who.keep_private()
    only = _organization(data_dict.get("department"))
    person = who.person(context)

    def pairs(session: Session) -> list[tuple[str, str]]:
        return [
            pair
            for pair in setup.editors_without_role(session)
            if only in (None, pair[0]) and (pair[1] != person.user_id or person.sysadmin)
        ]

    if data_dict["dry_run"]:
        return _editors(who.session_of(context), pairs(who.session_of(context)), dry_run=True)
    with transaction(context) as session:
        found = pairs(session)
        answer = _editors(session, found, dry_run=False)
        invitations.editors_to_coordinators(session, person, found)
    who.forget()
    return answer


def _editors(session: Session, pairs: list[tuple[str, str]], *, dry_run: bool) -> dict[str, Any]:
    titles = departments.titles(session)
    known = people.accounts(session, {user_id for _organization, user_id in pairs})
    return {
        "dry_run": dry_run,
        "count": len(pairs),
        "rows": [
            {
                "department": organization,
                "department_title": titles.get(organization, ""),
                "user_id": user_id,
                "user_name": known[user_id].name,
            }
            for organization, user_id in pairs
        ],
    }


@tk.side_effect_free
def inventory_setup(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """Say what a new city has still to set up.

    :returns: name, done and count (how many are left) of each step: cdo, coordinators, codes,
        defaults, approvers, mail, check
    :raises NotAuthorized: for people who are not CDO
    """
    tk.check_access("inventory_setup", context, data_dict)
    who.keep_private()
    return setup.steps(who.session_of(context))


def inventory_mail_test(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Send a mail to the caller, to see that this site can.

    :returns: ``sent``, ``email`` and ``error``
    :raises NotAuthorized: for people who are not CDO
    :raises ValidationError: if the caller's account has no address
    """
    tk.check_access("inventory_mail_test", context, data_dict)
    user = who.user_of(context)
    if user is None or not user.email:
        raise tk.ValidationError({"email": [tk._("Your account has no e-mail address.")]})
    with transaction(context) as session:
        error = setup.send_test_mail(session, who.person(context), user)
    return {"sent": not error, "email": user.email, "error": error}
