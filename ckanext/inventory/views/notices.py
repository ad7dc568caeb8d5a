"""What the reader was told, read and unread, and how they want to be told."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import flask
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from ckanext.inventory import forms, helpers
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.common import action, page_of

PAGE = 30


@inventory.route("/notices")
def notices() -> str:
    """Show what the reader was told.

    :returns: the page
    """
    return _page()


def _page(errors: forms.Problems | None = None) -> str:
    before = flask.request.args.get("before", "")
    only_unread = flask.request.args.get("unread") == "1"
    query: dict[str, Any] = {"limit": PAGE + 1, "unread": only_unread}
    if before.isdigit():
        query["before"] = int(before)
    found = action("inventory_notice_list", query)
    shown = found["results"][:PAGE]
    return tk.render(
        "inventory/notices.html",
        extra_vars={
            "notices": shown,
            "unread": found["unread"],
            "only_unread": only_unread,
            "older": shown[-1]["event_id"] if len(found["results"]) > PAGE else None,
            "params": {"unread": "1"} if only_unread else {},
            "settings": action("inventory_notice_settings"),
            "errors": errors or forms.Problems(),
        },
    )


@inventory.route("/notices/read", methods=["POST"])
def notices_read() -> Response:
    """Note one or all as read.

    :returns: a redirect to the page
    """
    form = flask.request.form
    ids = form.getlist("id")
    if ids or form.get("all"):
        action("inventory_notice_read", {"ids": ids, "all": bool(form.get("all"))})
    return page_of("notices", unread="1" if form.get("unread") else None)


@inventory.route("/notices/settings", methods=["POST"])
def notices_settings() -> tuple[str, int] | Response:
    """Change how the reader is told.

    :returns: a redirect to the page, or the page with what was refused
    """
    form = flask.request.form
    data = {"digest": form.get("digest", ""), "at_once": form.get("at_once") == "yes"}
    try:
        action("inventory_notice_settings_update", data)
    except tk.ValidationError as error:
        return _page(forms.problems(error)), 400
    tk.h.flash_success(tk._("Saved."))
    return page_of("notices", _anchor="settings")


@inventory.route("/notices/preview")
def notices_preview() -> str:
    """Show a CDO who would get a digest now, and what it says.

    :returns: the page
    """
    if not (helpers.inventory_me() or {}).get("cdo"):
        raise NotFound
    user = flask.request.args.get("user", "").strip()
    errors = forms.Problems()
    try:
        shown = action("inventory_notice_preview", {"user": user} if user else {})
    except tk.ValidationError as error:
        errors = forms.problems(error)
        shown = action("inventory_notice_preview")
    return tk.render(
        "inventory/notices_preview.html",
        extra_vars={"shown": shown, "user": user, "errors": errors},
    )
