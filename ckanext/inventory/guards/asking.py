"""Who is asking, and about what: the questions that every guard has in common."""

from __future__ import annotations

from typing import cast

import ckan.authz as authz
import ckan.model as model
import ckan.plugins.toolkit as tk
from ckan.types import AuthResult, Context
from sqlalchemy.orm import Session

from ckanext.inventory import config, policy
from ckanext.inventory.logic import who
from ckanext.inventory.policy import Act
from ckanext.inventory.service import facts
from ckanext.inventory.types import PRIVATE_TYPES


def db() -> Session:
    """Return the session of this request.

    :returns: the session behind core's registry
    """
    return cast(Session, model.Session())


def is_sysadmin(context: Context) -> bool:
    """Tell whether a sysadmin is asking.

    :param context: the action's context
    :returns: the answer
    """
    name = context.get("user")
    return bool(name) and authz.is_sysadmin(name)


def unfiltered(context: Context) -> bool:
    """Tell whether core itself applies no permission labels to this caller.

    :param context: the action's context
    :returns: the answer
    """
    return bool(context.get("ignore_auth")) or is_sysadmin(context)


def ours(reference: object) -> model.Package | None:
    """Find a package of our types by id or name.

    :param reference: what a caller sent
    :returns: the package; None for everything else
    :raises ObjectNotFound: for a list or a mapping, whoever asks, so that no guard is passed by it
    """
    if facts.is_odd(reference):
        raise tk.ObjectNotFound(tk._("Dataset not found"))
    if not facts.could_be_ours(reference):
        return None
    package = model.Package.get(str(reference))
    return package if package is not None and package.type in PRIVATE_TYPES else None


def may(context: Context, act: Act, package: model.Package) -> policy.Decision:
    """Ask the policy about a package of our types.

    :param context: the action's context
    :param act: what is to be done
    :param package: the package
    :returns: the decision; hidden for a package without a register row
    """
    known = facts.load(db(), [package.id]).get(package.id)
    if known is None:
        return policy.HIDDEN
    return policy.may(who.person(context), act, known, config.options())


def readable(context: Context, package: model.Package) -> bool:
    """Tell whether the caller may know of a package of our types.

    :param context: the action's context
    :param package: the package
    :returns: the answer
    """
    return bool(may(context, Act.READ, package))


def refused(reason: str) -> AuthResult:
    """Return a refusal for CKAN's auth.

    :param reason: a message id, without names or ids
    :returns: the answer that auth functions give
    """
    return {"success": False, "msg": tk._(reason)}
