"""Sending a part of the inventory to a colleague without an account."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import flask
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from ckanext.inventory import forms, helpers
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.common import action, file_response, page_of
from ckanext.inventory.views.edit import departments_to_add
from ckanext.inventory.views.entries import list_params

MOST = 1_000


@inventory.route("/parts/new")
def part_new() -> str:
    """Offer to send the entries that an address filters.

    :returns: the page
    """
    departments_to_add()
    query = {**list_params(), "limit": MOST, "facets": False}
    found = action("inventory_entry_list", query)["results"]
    me = helpers.inventory_me() or {}
    own = {item["id"] for item in me.get("departments", [])}
    numbers = [
        row["number"]
        for row in found
        if row["visibility"] == "normal"
        and row["state"] != "retired"
        and (me.get("cdo") or row["department"] in own)
    ]
    return _page(numbers, left=len(found) - len(numbers))


@inventory.route("/parts/new", methods=["POST"])
def part_chosen() -> str | Response:
    """Offer to send the entries that were selected in the list.

    :returns: the page, or a redirect if nothing was selected
    """
    departments_to_add()
    numbers = list(dict.fromkeys(flask.request.form.getlist("id")))
    if not numbers:
        tk.h.flash_notice(tk._("Select entries first."))
        return page_of("entries")
    return _page(numbers)


def _page(numbers: list[str], errors: forms.Problems | None = None, left: int = 0) -> str:
    return tk.render(
        "inventory/part_new.html",
        extra_vars={
            "numbers": sorted(numbers),
            "left": left,
            "form": flask.request.form,
            "errors": errors or forms.Problems(),
        },
    )


@inventory.route("/parts", methods=["POST"])
def part_send() -> str | tuple[str, int] | Response:
    """Mail a part, or give it out to be handed over otherwise.

    :returns: the file, a redirect to the list of parts, or the page with what is wrong
    """
    departments_to_add()
    form = flask.request.form
    numbers = list(dict.fromkeys(form.getlist("id")))
    data: dict[str, Any] = {
        name: form[name].strip()
        for name in ("to_name", "to_email", "message", "due")
        if form.get(name, "").strip()
    }
    by_mail = form.get("act") == "mail"
    if by_mail and not data.get("to_email"):
        message = tk._("Type the address, or take the file along.")
        return _page(numbers, forms.one_problem("to_email", message)), 400
    if not by_mail:
        data.pop("to_email", None)
    try:
        found = action("inventory_part_send", {"ids": numbers, **data})
    except tk.NotAuthorized as error:
        return _page(numbers, forms.one_problem("ids", str(error))), 400
    except tk.ValidationError as error:
        return _page(numbers, forms.problems(error)), 400
    if not by_mail:
        return file_response(found)
    tk.h.flash_success(tk._("It is on its way. You see here when it came back."))
    return page_of("spreadsheet", _anchor="parts")


@inventory.route("/parts/<id>/close", methods=["POST"])
def part_close(id: str) -> Response:  # noqa: A002 - the name of the address's part
    """Note that a part isn't expected back any more.

    :param id: the part
    :returns: a redirect to the list of parts
    """
    try:
        action("inventory_part_close", {"id": id})
    except tk.ValidationError as error:
        raise NotFound from error
    return page_of("spreadsheet", _anchor="parts")
