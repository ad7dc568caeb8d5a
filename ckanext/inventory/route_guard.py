"""What happens before any request: forged ones stop, and core's pages for our types lead to ours.

Core gives every package type its own pages, and ``/dataset/<id>`` shows any type. For entries and
sources they lead to ``/inventory/…`` for whoever may see the record, and to one and the same "not
found" for everybody else, whether the id exists or not. Ids of ordinary datasets pass untouched,
mostly without a look at the database: names of ours have a shape of their own.

Source: leaks L1, L36, L44, L45.
"""

from __future__ import annotations

from typing import NoReturn, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import flask
import sqlalchemy as sa
from ckan.types import Context
from flask import Blueprint
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from ckanext.inventory import config, csrf, labels, policy
from ckanext.inventory.logic import who
from ckanext.inventory.model import Record
from ckanext.inventory.policy import Act, CityAct
from ckanext.inventory.service import facts
from ckanext.inventory.types import ENTRY, PRIVATE_TYPES

blueprint = Blueprint("inventory_guard", __name__)

_PAGES_OF_PLUGINS = frozenset(
    {
        "activity.package_activity",
        "activity.package_history",
        "activity.resource_history",
        "harvester.about",
        "harvester.admin",
        "harvester.clear",
        "harvester.delete",
        "harvester.refresh",
    }
)
"""Pages of other plugins whose ``id`` is a package; pages of ids of other things pass."""

_READING = frozenset({"GET", "HEAD"})

_SIGN_IN = "user.login"

_FAILS_IN_CORE = "resource.new"
"""Core's page that fails, rather than answers, for a dataset that doesn't exist."""


@blueprint.before_app_request
def protect() -> None:
    """Stop forged requests, on every page and in the action API."""
    csrf.protect()


@blueprint.before_app_request
def keep_private() -> None:
    """Keep what the action API tells somebody out of shared caches.

    Core marks pages of people who are signed in as private, API answers not.
    """
    if flask.request.blueprint == "api" and tk.current_user.is_authenticated:
        flask.request.environ["__no_cache__"] = True


@blueprint.before_app_request
def note_reading() -> None:
    """Mark requests that only read: what is asked of the database once holds for all of it."""
    labels.begin(reading=flask.request.method in _READING)


@blueprint.before_app_request
def lead_on() -> Response | None:
    """Lead who is signed in already from the sign-in page to where a link in a mail leads.

    Core asks them to sign out first.

    :returns: a redirect to a page of ours, None for every other request
    """
    if flask.request.endpoint != _SIGN_IN or not tk.current_user.is_authenticated:
        return None
    wanted = flask.request.args.get("came_from", "")
    home = tk.url_for("inventory.home")
    ours = wanted.startswith(home) and "\\" not in wanted and "//" not in wanted
    return flask.redirect(wanted, code=303) if ours else None


@blueprint.before_app_request
def lead_home() -> Response | None:
    """Lead core's pages for our types to our own.

    :returns: a redirect for whoever may see the record, None for every other page
    :raises NotFound: for what isn't there and for what isn't for this person
    """
    package_type = _package_type()
    if package_type is None:
        return None
    reference = (flask.request.view_args or {}).get("id")
    if reference is None:
        return _home(package_type) if package_type in PRIVATE_TYPES else None
    return _record(package_type, str(reference))


def _package_type() -> str | None:
    """The type whose pages the request is for; None where it is no page of a package."""
    endpoint = flask.request.endpoint or ""
    if endpoint in _PAGES_OF_PLUGINS:
        return "dataset"
    return (flask.request.view_args or {}).get("package_type")


def _home(package_type: str) -> Response:
    """Lead the list and the form for a new one to ours."""
    context = _context()
    person = who.person(context)
    if not policy.may_citywide(person, CityAct.ENTER) and not who.has_assignment(context, person):
        _missing()
    new = (flask.request.endpoint or "").endswith(".new")
    return _redirect(f"{_section(package_type)}/new" if new else _section(package_type))


def _record(package_type: str, reference: str) -> Response | None:
    of_ours = package_type in PRIVATE_TYPES
    endpoint = flask.request.endpoint or ""
    if not of_ours and not facts.could_be_ours(reference):
        if endpoint.endswith(_FAILS_IN_CORE) and model.Package.get(reference) is None:
            _missing()
        return None
    session = cast(Session, model.Session())
    package_id = facts.resolve(session, [reference]).get(reference)
    if package_id is None:
        package = model.Package.get(reference)
        if of_ours or package is None or package.type in PRIVATE_TYPES:
            _missing()
        return None
    known = facts.light(session, package_id)
    if known is None or not policy.may(who.person(_context()), Act.READ, known, config.options()):
        _missing()
    if flask.request.method not in _READING:
        _missing()
    number = session.scalar(sa.select(Record.number).where(Record.package_id == package_id))
    edits = endpoint.rpartition(".")[2] == "edit"
    return _redirect(f"{_section(known.package_type)}/{number}" + ("/edit" if edits else ""))


def _section(package_type: str) -> str:
    return "/inventory/entries" if package_type == ENTRY else "/inventory/sources"


def _context() -> Context:
    return {"user": tk.current_user.name, "auth_user_obj": tk.current_user}


def _redirect(path: str) -> Response:
    return tk.redirect_to(path)


def _missing() -> NoReturn:
    """Answer as for an address that doesn't exist: one page for every id and every person."""
    flask.request.environ["__no_cache__"] = True
    tk.abort(404, tk._("Dataset not found"))
