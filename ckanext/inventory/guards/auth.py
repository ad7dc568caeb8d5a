"""Auth functions: for our types the policy answers, in both directions (leak contract, layer 4)."""

from __future__ import annotations

import ckan.model as model
import ckan.plugins.toolkit as tk
from ckan.types import AuthFunction, AuthResult, Context, DataDict

from ckanext.inventory import policy
from ckanext.inventory.guards.asking import (
    db,
    is_sysadmin,
    may,
    ours,
    readable,
    refused,
)
from ckanext.inventory.guards.hiding import as_unknown
from ckanext.inventory.logic import who
from ckanext.inventory.policy import Act
from ckanext.inventory.publishing import hold
from ckanext.inventory.service import facts
from ckanext.inventory.types import PRIVATE_TYPES


@tk.chained_auth_function
@tk.auth_allow_anonymous_access
def package_create(
    next_auth: AuthFunction, context: Context, data_dict: DataDict | None = None
) -> AuthResult:
    """Let coordinators add to their departments, whatever they are in the organization."""
    given = data_dict or {}
    if given.get("type") not in PRIVATE_TYPES:
        return next_auth(context, data_dict or {})
    asking = who.person(context)
    if not given.get("owner_org"):
        somewhere = asking.sysadmin or policy.is_cdo(asking) or policy.departments_of(asking)
        return {"success": True} if somewhere else refused("Choose a department.")
    group = who.organization(given["owner_org"])
    decision = policy.may_add_to(asking, group.id if group is not None else "")
    return {"success": True} if decision else refused(decision.reason)


@tk.chained_auth_function
@tk.auth_allow_anonymous_access
def package_update(
    next_auth: AuthFunction, context: Context, data_dict: DataDict | None
) -> AuthResult:
    """Ask the policy for our types, in both directions."""
    package = _named(data_dict)
    if package is None:
        return next_auth(context, data_dict or {})
    if package.type in PRIVATE_TYPES:
        return _by_policy(context, Act.EDIT, package)
    result = next_auth(context, data_dict or {})
    if result.get("success") or not package.private:
        return result
    return {"success": True} if _works_on_held(context, package) else result


@tk.chained_auth_function
def package_delete(
    next_auth: AuthFunction, context: Context, data_dict: DataDict | None
) -> AuthResult:
    """Ask the policy for our types."""
    package = _named(data_dict)
    if package is None or package.type not in PRIVATE_TYPES:
        return next_auth(context, data_dict or {})
    return _by_policy(context, Act.DELETE, package)


@tk.chained_auth_function
@tk.auth_sysadmins_check
def package_owner_org_update(
    next_auth: AuthFunction, context: Context, data_dict: DataDict | None
) -> AuthResult:
    """Move no entry but by a transfer with the consent of both sides."""
    package = ours((data_dict or {}).get("id"))
    if package is None:
        return {"success": True} if is_sysadmin(context) else next_auth(context, data_dict or {})
    return _never(
        next_auth, context, data_dict, "Ask for a transfer: both departments have to agree."
    )


@tk.chained_auth_function
@tk.auth_sysadmins_check
def package_relationship_create(
    next_auth: AuthFunction, context: Context, data_dict: DataDict | None
) -> AuthResult:
    """Relate an entry to nothing."""
    given = data_dict or {}
    if any(ours(given.get(end)) is not None for end in ("subject", "object")):
        return refused("Entries and sources have no relationships.")
    return {"success": True} if is_sysadmin(context) else next_auth(context, data_dict or {})


@tk.chained_auth_function
@tk.auth_sysadmins_check
def package_collaborator_create(
    next_auth: AuthFunction, context: Context, data_dict: DataDict | None
) -> AuthResult:
    """Give an entry no collaborators."""
    package = ours((data_dict or {}).get("id"))
    if package is None:
        return {"success": True} if is_sysadmin(context) else next_auth(context, data_dict or {})
    return _never(
        next_auth,
        context,
        data_dict,
        "Entries and sources have no collaborators. Assign it instead.",
    )


@tk.chained_auth_function
@tk.auth_sysadmins_check
def follow_dataset(
    next_auth: AuthFunction, context: Context, data_dict: DataDict | None
) -> AuthResult:
    """Let nobody follow an entry."""
    package = ours((data_dict or {}).get("id"))
    if package is None:
        return {"success": True} if is_sysadmin(context) else next_auth(context, data_dict or {})
    return _never(next_auth, context, data_dict, "Entries and sources can't be followed.")


@tk.chained_auth_function
@tk.auth_sysadmins_check
def resource_create(
    next_auth: AuthFunction, context: Context, data_dict: DataDict | None
) -> AuthResult:
    """Give an entry no resources."""
    package = ours((data_dict or {}).get("package_id"))
    if package is None:
        return {"success": True} if is_sysadmin(context) else next_auth(context, data_dict or {})
    if not readable(context, package):
        raise tk.ObjectNotFound(tk._("No package found for this resource, cannot check auth."))
    return refused("Entries and sources hold no files. The data goes with the public dataset.")


def _named(data_dict: DataDict | None) -> model.Package | None:
    reference = (data_dict or {}).get("id")
    if facts.is_odd(reference):
        raise tk.ObjectNotFound(tk._("Dataset not found"))
    return model.Package.get(reference) if isinstance(reference, str) and reference else None


def _by_policy(context: Context, act: Act, package: model.Package) -> AuthResult:
    decision = may(context, act, package)
    return {"success": True} if decision else refused(decision.reason)


def _never(
    next_auth: AuthFunction, context: Context, data_dict: DataDict | None, reason: str
) -> AuthResult:
    """Refuse what nobody may do; to an outsider there is nothing that could be refused."""
    given = data_dict or {}
    unknown = as_unknown(context, given, ("id",))
    return refused(reason) if unknown is given else next_auth(context, unknown)


def _works_on_held(context: Context, package: model.Package) -> bool:
    """Whether somebody works on a prepared or withdrawn dataset without membership."""
    held = hold.held(db(), package.id)
    return held is not None and bool(hold.may_edit(db(), who.person(context), held))
