"""Actions about people, departments and the history as a whole."""

from __future__ import annotations

from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.types import Context, DataDict

from ckanext.inventory.logic import schema, who
from ckanext.inventory.logic.commit import transaction
from ckanext.inventory.model import Department, RoleGrant, Transfer
from ckanext.inventory.service import departments, events, register, roles, search, transfers
from ckanext.inventory.service.refusals import refusal
from ckanext.inventory.types import Role

__all__ = [
    "inventory_department_update",
    "inventory_event_erase",
    "inventory_merge",
    "inventory_role_add",
    "inventory_role_list",
    "inventory_role_remove",
    "inventory_transfer_accept",
    "inventory_transfer_decline",
    "inventory_transfer_list",
    "inventory_transfer_request",
]


def _organization(reference: str, key: str = "department") -> str:
    """Return the id of an organization by name or id."""
    group = model.Group.get(reference)
    if group is None or not group.is_organization or group.state != model.State.ACTIVE:
        raise tk.ValidationError({key: [tk._("There is no such department.")]})
    return str(group.id)


def _role(row: RoleGrant, names: dict[str, str], titles: dict[str, str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "user_id": row.user_id,
        "user_name": names.get(row.user_id),
        "role": row.role,
        "department": row.department,
        "department_title": titles.get(row.department or ""),
        "division": row.division,
        "kinds": list(row.kinds),
        "may_approve": row.may_approve,
        "granted_by": row.granted_by,
        "granted_at": row.granted_at.isoformat(),
        "until": row.until.isoformat() if row.until else None,
    }


@tk.side_effect_free
@tk.validate_action_data(schema.role_list)
def inventory_role_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List who holds which role.

    :param department: name or id of a department (optional)
    :param user: name or id of an account (optional)
    :returns: id, user, role, department, division, kinds, may_approve, until of each
    :raises NotAuthorized: for people who are not CDO
    """
    tk.check_access("inventory_role_list", context, data_dict)
    who.keep_private()
    session = who.session_of(context)
    query = sa.select(RoleGrant).order_by(RoleGrant.department, RoleGrant.role, RoleGrant.id)
    if data_dict.get("department"):
        query = query.where(RoleGrant.department == _organization(data_dict["department"]))
    if data_dict.get("user"):
        user = model.User.get(data_dict["user"])
        query = query.where(RoleGrant.user_id == (user.id if user is not None else ""))
    rows = list(session.scalars(query))
    people = session.scalars(
        sa.select(model.User).where(model.user_table.c.id.in_([row.user_id for row in rows]))
    )
    names = {user.id: user.display_name for user in people}
    groups = session.scalars(
        sa.select(model.Group).where(
            model.group_table.c.id.in_([row.department for row in rows if row.department])
        )
    )
    titles = {group.id: group.title or group.name for group in groups}
    return [_role(row, names, titles) for row in rows]


_CITYWIDE_ONLY = frozenset({Role.CDO, Role.VIEWER})


@tk.validate_action_data(schema.role_add)
def inventory_role_add(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Give somebody a role. An administrator of the portal names CDOs, a CDO everybody else.

    :param user: name or id of the account
    :param role: coordinator, cdo, reviewer or viewer
    :param department: name or id; coordinators need it, CDOs and viewers have none
    :param division: a part of the department (optional)
    :param kinds: blocker kinds of a reviewer (optional)
    :param may_approve: a reviewer who may approve and promote (default: false)
    :param until: last day in force, ``YYYY-MM-DD`` (optional)
    :returns: the role
    :raises NotAuthorized: for people who may not name this role
    :raises ValidationError: by parameter
    """
    tk.check_access("inventory_role_add", context, data_dict)
    role = Role(data_dict["role"])
    if role is Role.CDO:
        tk.check_access("inventory_name_cdo", context, data_dict)
    errors: dict[str, list[str]] = {}
    user = model.User.get(data_dict["user"])
    if user is None or user.state != model.State.ACTIVE:
        errors["user"] = [tk._("There is no such account.")]
    department = data_dict.get("department")
    if role is Role.COORDINATOR and not department:
        errors["department"] = [tk._("A coordinator belongs to a department.")]
    if role in _CITYWIDE_ONLY and department:
        errors["department"] = [tk._("This role is for the whole city.")]
    if data_dict["may_approve"] and role is not Role.REVIEWER:
        errors["may_approve"] = [tk._("Only a reviewer can be given this.")]
    person = who.person(context)
    if user is not None and user.id == person.user_id and not person.sysadmin:
        errors["user"] = [tk._("Nobody names themselves. Ask another CDO.")]
    if errors or user is None:
        raise refusal(errors)
    organization = _organization(department) if department else None
    with transaction(context) as session:
        if organization:
            departments.ensure(session, [organization])
        row = roles.add(
            session,
            person,
            roles.NewRole(
                user_id=user.id,
                role=role,
                department=organization,
                division=data_dict.get("division"),
                kinds=data_dict.get("kinds") or (),
                may_approve=data_dict["may_approve"],
                until=data_dict.get("until"),
            ),
        )
    who.forget()
    return _role(row, {user.id: user.display_name}, {})


@tk.validate_action_data(schema.role_remove)
def inventory_role_remove(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """End a role. With somebody's last role in a department their assignments there end, too.

    :param id: the role's id
    :returns: ``unassigned``: how many entries and sources have no assignee any more
    :raises NotAuthorized: for people who may not name this role
    :raises ValidationError: ``id`` if there is no such role
    """
    tk.check_access("inventory_role_remove", context, data_dict)
    row = who.session_of(context).get(RoleGrant, int(data_dict["id"]))
    if row is None:
        raise tk.ValidationError({"id": [tk._("There is no such role.")]})
    if row.role == Role.CDO.value:
        tk.check_access("inventory_name_cdo", context, data_dict)
    with transaction(context) as session:
        freed = roles.remove(session, who.person(context), row)
    who.forget()
    return {"unassigned": freed}


@tk.validate_action_data(schema.department_update)
def inventory_department_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Change a department's code and what its entries inherit.

    :param id: name or id of the organization
    :param code: 2 to 10 capitals and digits; fixed once the first number is given
    :param public_contact_name, public_contact_email, license_id, steward, steward_email: the
        defaults; what isn't sent stays
    :returns: the department
    :raises NotAuthorized: for people who are not CDO
    :raises ValidationError: by parameter
    """
    tk.check_access("inventory_department_update", context, data_dict)
    organization = _organization(data_dict["id"], "id")
    with transaction(context) as session:
        row = departments.ensure(session, [organization])[organization]
        _change_code(context, row, data_dict.get("code"))
        for name in departments.DEFAULT_FIELDS:
            if name in data_dict:
                setattr(row, name, data_dict[name] or None)
        session.flush()
        register.rebuild(session, department=organization)
        events.record(
            session,
            "department_update",
            who.person(context).user_id,
            [
                events.Row(
                    department=organization,
                    details={key: data_dict[key] for key in data_dict if key != "id"},
                )
            ],
        )
    return {
        "id": organization,
        "code": row.code,
        **{name: getattr(row, name) for name in departments.DEFAULT_FIELDS},
    }


def _change_code(context: Context, row: Department, code: str | None) -> None:
    if not code or code == row.code:
        return
    if row.entry_counter or row.source_counter:
        raise tk.ValidationError(
            {"code": [tk._("Numbers with this code were given already, so it stays.")]}
        )
    taken = sa.select(Department.organization).where(Department.code == code)
    if who.session_of(context).scalar(taken) is not None:
        raise tk.ValidationError({"code": [tk._("Another department has this code.")]})
    row.code = code


@tk.validate_action_data(schema.transfer_request)
def inventory_transfer_request(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Ask for an entry or source to move to another department, which has to accept.

    :param id: number, name or id
    :param department: name or id of the other department
    :param comment: words for them (optional)
    :returns: ``id`` and ``to``
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises NotAuthorized: for people who don't coordinate the department
    :raises ValidationError: ``department``
    """
    tk.check_access("inventory_transfer_request", context, data_dict)
    target = _organization(data_dict["department"])
    with transaction(context) as session:
        row = who.record(context, data_dict["id"])
        if row.department == target:
            raise tk.ValidationError({"department": [tk._("It is in this department already.")]})
        _refuse_merged(context, target, "department")
        transfers.request(session, who.person(context), row, target, data_dict.get("comment"))
    return {"id": row.package_id, "to": target}


@tk.side_effect_free
def inventory_transfer_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List the requests to move an entry or source that the caller may answer.

    Whoever is asked can't read the record before accepting, so this is all they are told of it.

    :returns: number, kind, title, from_title, to_title, comment, asked_at of each
    :raises NotAuthorized: for people without role and assignment
    """
    tk.check_access("inventory_transfer_list", context, data_dict)
    who.keep_private()
    return transfers.incoming(who.session_of(context), who.person(context))


def _refuse_merged(context: Context, target: str, field: str) -> None:
    department = who.session_of(context).get(Department, target)
    if department is not None:
        departments.refuse_merged(who.session_of(context), who.person(context), department, field)


def _open_request(context: Context, data_dict: DataDict) -> tuple[Any, Transfer]:
    row = who.record(context, data_dict["id"])
    request = search.transfers(who.session_of(context), [row.package_id]).get(row.package_id)
    if request is None:
        raise tk.ValidationError({"id": [tk._("Nobody asked for this to move.")]})
    return row, request


@tk.validate_action_data(schema.transfer_answer)
def inventory_transfer_accept(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Take over an entry or source from another department.

    :param id: number, name or id
    :returns: ``id`` and ``department``
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises NotAuthorized: for people of neither the department that was asked nor the CDO
    :raises ValidationError: if nobody asked
    """
    tk.check_access("inventory_transfer_accept", context, data_dict)
    with transaction(context) as session:
        row, request = _open_request(context, data_dict)
        target = request.to_department
        _refuse_merged(context, target, "id")
        transfers.accept(session, who.person(context), row, request)
    return {"id": row.package_id, "department": target}


@tk.validate_action_data(schema.transfer_answer)
def inventory_transfer_decline(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Turn down a request to move, or take one's own back.

    :param id: number, name or id
    :param comment: why (optional)
    :returns: ``id``
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises NotAuthorized: for people of neither department who are not CDO
    :raises ValidationError: if nobody asked
    """
    tk.check_access("inventory_transfer_decline", context, data_dict)
    with transaction(context) as session:
        row, request = _open_request(context, data_dict)
        transfers.decline(session, who.person(context), row, request, data_dict.get("comment"))
    return {"id": row.package_id}


@tk.validate_action_data(schema.merge)
def inventory_merge(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Move everything of a department that is closed to another; its code stays reserved.

    :param department: name or id of the department that is closed
    :param into: name or id of the department that takes over
    :returns: ``moved``: how many entries and sources
    :raises NotAuthorized: for people who are not CDO
    :raises ValidationError: by parameter
    """
    tk.check_access("inventory_merge", context, data_dict)
    closed_id = _organization(data_dict["department"])
    target_id = _organization(data_dict["into"], "into")
    if closed_id == target_id:
        raise tk.ValidationError({"into": [tk._("Choose another department.")]})
    with transaction(context) as session:
        rows = departments.ensure(session, [closed_id, target_id])
        moved = transfers.merge(session, who.person(context), rows[closed_id], rows[target_id])
    who.forget()
    return {"moved": moved}


@tk.validate_action_data(schema.erase)
def inventory_event_erase(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Erase the words of an event; that it happened, and the chain, stay.

    :param event_id: the event
    :param reason: why, without the words that are erased
    :returns: ``erased``: how many details
    :raises NotAuthorized: for people who are not administrators of the portal
    """
    tk.check_access("inventory_event_erase", context, data_dict)
    with transaction(context) as session:
        erased = events.erase(
            session,
            int(data_dict["event_id"]),
            who.person(context).user_id,
            data_dict["reason"],
        )
    return {"erased": erased}
