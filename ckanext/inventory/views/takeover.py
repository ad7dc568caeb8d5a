"""Taking over what exists: datasets on the portal, an older inventory, links."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import flask
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from ckanext.inventory import forms, helpers
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.common import PAGE_SIZE, action, page_number, page_of


def only_cdos() -> None:
    """Let in who may take over.

    :raises NotFound: for everybody else
    """
    me = helpers.inventory_me()
    if me is None or not me["may"]["take_over"]:
        raise NotFound


def organizations() -> list[dict[str, Any]]:
    """Return the departments that something can be taken into.

    :returns: organizations with id, name and title, by title
    """
    found = action("organization_list", {"all_fields": True, "limit": 1000})
    return sorted(found, key=lambda item: str(item["title"]).lower())


@inventory.route("/take-over")
def take_over() -> str:
    """Show what is on the portal and not in the inventory.

    :returns: the page
    """
    only_cdos()
    return _page()


def _page(errors: forms.Problems | None = None, shown: dict[str, Any] | None = None) -> str:
    args = flask.request.values
    params = {name: args[name].strip() for name in ("q", "organization") if args.get(name)}
    page = page_number()
    found = action(
        "inventory_portal_missing",
        {**params, "limit": PAGE_SIZE, "offset": (page - 1) * PAGE_SIZE},
    )
    return tk.render(
        "inventory/take_over.html",
        extra_vars={
            "found": found,
            "params": params,
            "page": page,
            "size": PAGE_SIZE,
            "organizations": organizations(),
            "errors": errors or forms.Problems(),
            "shown": shown,
            "typed": flask.request.form,
        },
    )


@inventory.route("/take-over", methods=["POST"])
def take_over_datasets() -> str | tuple[str, int] | Response:
    """Take datasets in: the ticked ones, an organization's, or all; look first if wished.

    :returns: a redirect, or the page with what would happen or what was refused
    """
    only_cdos()
    form = flask.request.form
    data: dict[str, Any] = {"dry_run": form.get("look") == "1"}
    if form.get("one"):
        data["datasets"] = [form["one"]]
    elif form.get("which") == "all":
        data["all"] = True
    elif form.get("which") == "organization":
        data["organizations"] = [form.get("organization", "")]
    else:
        data["datasets"] = form.getlist("datasets")
    if form.get("department"):
        data["department"] = form["department"]
    try:
        done = action("inventory_take_over_portal", data)
    except tk.ValidationError as error:
        return _page(forms.problems(error)), 400
    if data["dry_run"] or done["refused"]:
        return _page(shown=done)
    count = int(done["count"])
    tk.h.flash_success(
        tk.ungettext(
            "One dataset is in the inventory now.", "{n} datasets are in the inventory now.", count
        ).format(n=count)
    )
    return page_of("take_over")
