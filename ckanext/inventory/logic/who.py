"""Who is asking and about what: from CKAN's context to persons, records and facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.types import Context
from flask import g, has_request_context
from sqlalchemy.orm import Session

from ckanext.inventory.model import Record
from ckanext.inventory.service import facts, roles
from ckanext.inventory.types import ANONYMOUS, Facts, Person
from ckanext.inventory.values import BadValue, clean_text

_CACHE = "inventory_persons"
_KEPT = "inventory_kept_id"


def session_of(context: Context) -> Session:
    """Return the database session of a call.

    :param context: CKAN's context
    :returns: the session
    """
    return cast(Session, context.get("session") or model.Session())


def user_of(context: Context) -> model.User | None:
    """Return the account behind a call.

    :param context: CKAN's context
    :returns: the account, or None for a visitor
    """
    user = context.get("auth_user_obj")
    name = context.get("user")
    if isinstance(user, model.User) and (not name or name in (user.name, user.id)):
        return user
    return model.User.get(name) if name else None


def person(context: Context) -> Person:
    """Return who is asking, loaded once per request.

    :param context: CKAN's context
    :returns: the person; the system itself for an internal call without a user
    """
    user = user_of(context)
    if user is None:
        return roles.SYSTEM if context.get("ignore_auth") else ANONYMOUS
    return person_of_user(session_of(context), user)


def person_of_user(session: Session, user: model.User) -> Person:
    """Return the person behind an account, loaded once per request.

    :param session: the database session
    :param user: the account
    :returns: the person
    """
    if not has_request_context():
        return roles.person(session, user)
    cache: dict[str, Person] = g.setdefault(_CACHE, {})
    if user.id not in cache:
        cache[user.id] = roles.person(session, user)
    return cache[user.id]


def forget() -> None:
    """Forget the persons of this request, after a role changed."""
    if has_request_context():
        g.pop(_CACHE, None)


def user_name(context: Context) -> str:
    """Return the account name that core writes into its own records.

    :param context: CKAN's context
    :returns: the caller's name; the site user's for an internal call without a user
    """
    user = user_of(context)
    if user is not None:
        return str(user.name)
    return str(tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"])


def not_found() -> tk.ObjectNotFound:
    """Return the one answer for what doesn't exist and for what one may not know of.

    :returns: the error to raise

    Source: leak contract, L1, L39.
    """
    return tk.ObjectNotFound(tk._("There is no such entry or source."))


def record(context: Context, reference: Any, package_type: str | None = None) -> Record:
    """Find the register row that a number, name or id stands for.

    :param context: CKAN's context
    :param reference: ``PARKS-0012``, a package name or a package id
    :param package_type: accept this type only
    :returns: the row
    :raises ObjectNotFound: if there is none
    """
    return records(context, [str(reference or "")], package_type)[0]


def known(context: Context, reference: Any, package_type: str | None = None) -> Facts:
    """Find what the policy asks of the record that a number, name or id stands for.

    :param context: CKAN's context
    :param reference: as the caller named the record
    :param package_type: accept this type only
    :returns: the facts, with authors and link
    :raises ObjectNotFound: if there is none
    """
    return all_known(context, [str(reference or "")], package_type)[0]


def all_known(
    context: Context, references: Sequence[str], package_type: str | None = None
) -> list[Facts]:
    """Find what the policy asks of records, however many there are in one statement.

    :param context: CKAN's context
    :param references: numbers, package names or package ids
    :param package_type: accept this type only
    :returns: the facts, in the order of the references, each record once
    :raises ObjectNotFound: if one of them stands for nothing
    """
    return _each_once(references, facts.named(session_of(context), references), package_type)


def keep(context: Context, reference: Any, package_id: str) -> None:
    """Spare the action, which asks next, a second look-up of what its authorisation looked up.

    :param context: CKAN's context
    :param reference: as the caller named the record
    :param package_id: what it stands for
    """
    cast("dict[str, Any]", context)[_KEPT] = (str(reference or ""), package_id)


def package_id(context: Context, reference: Any) -> str:
    """Return which package a number, name or id stands for.

    :param context: CKAN's context
    :param reference: as the caller named the record
    :returns: the package's id
    :raises ObjectNotFound: if there is none
    """
    name, found = cast("dict[str, Any]", context).pop(_KEPT, ("", ""))
    return found if found and name == reference else record(context, reference).package_id


def records(
    context: Context, references: Sequence[str], package_type: str | None = None
) -> list[Record]:
    """Find register rows, however many there are in one statement.

    :param context: CKAN's context
    :param references: numbers, package names or package ids
    :param package_type: accept this type only
    :returns: the rows, in the order of the references, each once
    :raises ObjectNotFound: if one of them stands for nothing
    """
    return _each_once(references, facts.find(session_of(context), references), package_type)


_Found = TypeVar("_Found", Record, Facts)


def _each_once(
    references: Sequence[str], found: Mapping[str, _Found], package_type: str | None
) -> list[_Found]:
    ordered: dict[str, _Found] = {}
    for reference in references:
        row = found.get(reference)
        if row is None or (package_type is not None and row.package_type != package_type):
            raise not_found()
        ordered[row.package_id] = row
    return list(ordered.values())


def organization(reference: object) -> model.Group | None:
    """Find an organization by whatever was sent as its name or id.

    :param reference: a name or an id
    :returns: the group; None for what names none, or can't name any
    """
    try:
        return model.Group.get(clean_text(reference))
    except BadValue:
        return None


def facts_of(context: Context, row: Record) -> Facts:
    """Return what the policy needs to know of a record.

    :param context: CKAN's context
    :param row: the register row
    :returns: the facts, with authors and link
    """
    return facts.of_records(session_of(context), {row.package_id: row})[row.package_id]


def has_assignment(context: Context, who: Person) -> bool:
    """Tell whether something is assigned to somebody.

    :param context: CKAN's context
    :param who: the person
    :returns: the answer
    """
    if who.user_id is None:
        return False
    query = sa.select(sa.exists().where(Record.assignee == who.user_id))
    return bool(session_of(context).scalar(query))


def keep_private() -> None:
    """Tell core's after-request hook that this response may not be kept by shared caches.

    Source: leak contract, L36.
    """
    if has_request_context():
        tk.request.environ["__no_cache__"] = True
