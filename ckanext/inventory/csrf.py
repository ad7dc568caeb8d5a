"""Protection against forged requests that can't be switched off by a stranger.

CKAN exempts a view from its CSRF check as soon as one anonymous request has met it, for as long
as the process lives; the whole action API is one such view. So every unsafe request that a login
cookie authenticates is checked here, whatever core has exempted.

Source: leak L44.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from flask import current_app, g, request

from ckanext.inventory import config


def protect() -> None:
    """Check the token of an unsafe request that comes by login cookie.

    A valid API token needs no check, because a foreign page can't make a browser send it; an
    ``Authorization`` header that is no valid token doesn't count as one.

    :raises BadRequest: when the token is missing or wrong
    """
    if not config.protect_from_forgery() or not current_app.config["WTF_CSRF_ENABLED"]:
        return
    if request.method not in current_app.config["WTF_CSRF_METHODS"] or not _by_cookie():
        return
    extension: Any = current_app.extensions["csrf"]
    extension.protect()


def _by_cookie() -> bool:
    """Whether somebody is signed in, and by something that a browser sends by itself.

    Core sets its flag for valid API tokens and for visitors, before any hook of ours runs.
    """
    return tk.current_user.is_authenticated and not g.get("login_via_auth_header", False)
