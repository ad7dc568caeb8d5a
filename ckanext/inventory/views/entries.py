"""The list of entries, with filters, and what can be done to many at once."""

from __future__ import annotations

from typing import Any

import flask
from werkzeug.wrappers import Response

import ckan.plugins.toolkit as tk

from ckanext.inventory import helpers
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.bulk import BulkForm, run
from ckanext.inventory.views.common import PAGE_SIZE, action, page_number

FILTERS = (
    "department",
    "state",
    "changed",
    "value",
    "likelihood",
    "blocker",
    "source",
    "assignee",
    "category",
    "classification",
    "missing",
    "waiting",
)
SORTS = ("number", "title", "value", "state_since")


def list_params() -> dict[str, Any]:
    """Read search, filters and order from the address.

    :returns: only what was given and is known
    """
    args = flask.request.args
    params: dict[str, Any] = {name: args[name] for name in FILTERS if args.get(name)}
    if args.get("q", "").strip():
        params["q"] = args["q"].strip()
    if args.get("sort", "").lstrip("-") in SORTS:
        params["sort"] = args["sort"]
    return params


@inventory.route("/entries")
def entries() -> str:
    """Show the entries that this person may see, filtered.

    :returns: the page
    """
    params = list_params()
    page = page_number()
    found = action(
        "inventory_entry_list",
        {**params, "limit": PAGE_SIZE, "offset": (page - 1) * PAGE_SIZE, "facets": True},
    )
    return tk.render(
        "inventory/entries.html",
        extra_vars={
            "params": params,
            "page": page,
            "size": PAGE_SIZE,
            "found": found,
            "chosen": set(flask.request.args.getlist("id")),
            "me": helpers.inventory_me(),
        },
    )


@inventory.route("/entries/bulk", methods=["POST"])
def entries_bulk() -> str | Response:
    """Show what an act on the selected entries would do, or do it.

    :returns: the preview, or a redirect to the list
    """
    return run(BulkForm.of(flask.request.form, back="entries"))
