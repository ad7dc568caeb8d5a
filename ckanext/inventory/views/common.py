"""What several pages share: calling actions, and reading addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask
from werkzeug.wrappers import Response

import ckan.plugins.toolkit as tk

PAGE_SIZE = 50


def action(name: str, data: Mapping[str, Any] | None = None) -> Any:
    """Call an action as the person who looks at the page.

    :param name: the action
    :param data: its input
    :returns: what it answers
    :raises tk.NotAuthorized, tk.ObjectNotFound, tk.ValidationError: as the action does
    """
    return tk.get_action(name)({}, dict(data or {}))


def page_number() -> int:
    """Read the page of a list from the address.

    :returns: 1 or more; 1 for anything that is no number
    """
    text = flask.request.args.get("page", "1")
    return max(int(text), 1) if text.isdigit() else 1


def page_of(endpoint: str, **values: Any) -> Response:
    """Send the browser to another page of ours, after something was done.

    :param endpoint: name of the view, without the blueprint
    :param values: parts of the address
    :returns: a redirect that is read with GET
    """
    return flask.redirect(tk.url_for(f"inventory.{endpoint}", **values), code=303)
