"""The blueprint of all pages, with what holds for each: who may enter, no caching, one 404."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import flask
from flask import Blueprint, Response
from werkzeug.exceptions import NotFound, RequestEntityTooLarge

from ckanext.inventory import helpers

inventory = Blueprint("inventory", __name__, url_prefix="/inventory")


FORM_BYTES = 4_000_000
"""What a form may hold besides files: every long text of the longest form filled up to its limit."""


@inventory.url_value_preprocessor
def make_room(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Let long texts come through, so that they come back with a sentence instead of being lost.

    It has to be said before anything reads the form, as the check of forged requests does.

    :param endpoint: not used
    :param values: not used
    """
    flask.request.max_form_memory_size = FORM_BYTES


@inventory.before_request
def enter() -> None:
    """Let in who has a role or an assignment; for everybody else there is nothing here.

    :raises NotFound: for visitors and for people without a role, the same for any address

    Source: leaks L1, L36, L39.
    """
    flask.request.environ["__no_cache__"] = True
    if helpers.inventory_me() is None and not _open_to_staff():
        raise NotFound
    request = flask.request
    if any("\0" in text for text in (request.path, *request.args.values())):
        raise NotFound  # PostgreSQL has no text with NUL: nothing can be called so


def _open_to_staff() -> bool:
    """Tell whether the page is the directory and that is open to everybody who is signed in."""
    if flask.request.endpoint != "inventory.directory":
        return False
    return bool(tk.h.check_access("inventory_directory"))


@inventory.after_request
def keep_private(response: Response) -> Response:
    """Keep every page out of shared and local caches.

    :param response: the page
    :returns: the same with ``no-store``

    Source: leak L36.
    """
    response.cache_control.no_store = True
    return response


@inventory.errorhandler(tk.NotAuthorized)
@inventory.errorhandler(tk.ObjectNotFound)
@inventory.errorhandler(NotFound)
def not_found(error: Exception) -> tuple[str, int]:
    """Answer for what isn't there and for what isn't for this person, without a difference.

    :param error: what happened
    :returns: the page and 404

    Source: leaks L1, L39.
    """
    return tk.render("inventory/not_found.html"), 404


@inventory.errorhandler(tk.ValidationError)
def no_such_filter(error: tk.ValidationError) -> tuple[str, int]:
    """Answer for an address that names a filter or a view that there isn't; forms say more.

    :param error: what an action refused
    :returns: the page and 404
    """
    return not_found(error)


@inventory.errorhandler(RequestEntityTooLarge)
def too_large(error: RequestEntityTooLarge) -> tuple[str, int]:
    """Answer for more than the server takes in at once, before anything was read.

    :param error: what happened
    :returns: the page and 413; for people who have nothing to do here the same 404 as ever
    """
    if helpers.inventory_me() is None:
        return not_found(error)
    return tk.render("inventory/too_large.html", {"form_mb": FORM_BYTES // 1_000_000}), 413
