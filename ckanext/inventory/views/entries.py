"""The list of entries, with filters, and what can be done to many at once."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import flask
from werkzeug.wrappers import Response

from ckanext.inventory import helpers
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.bulk import BulkForm, run
from ckanext.inventory.views.common import action, page_number, page_size, people_to_assign

FILTERS = (
    "department",
    "state",
    "value",
    "likelihood",
    "blocker",
    "source",
    "assignee",
    "category",
    "classification",
    "triage",
    "wanted",
    "attention",
)
SORTS = ("number", "title", "value", "waiting", "modified", "wanted")


def list_params() -> dict[str, Any]:
    """Read search, filters and order from the address.

    :returns: only what was given and is known
    """
    args = flask.request.args
    params: dict[str, Any] = {name: args[name] for name in FILTERS if args.get(name)}
    if params.get("state") not in dict(helpers.inventory_states()):
        params.pop("state", None)
    if args.get("q", "").strip():
        params["q"] = args["q"].strip()
    if args.get("sort", "") in SORTS:
        params["sort"] = args["sort"]
    return params


def views() -> list[tuple[str, str]]:
    """Return the ready-made filters, in the order of the chips.

    :returns: (named view, label) pairs
    """
    me = helpers.inventory_me() or {}
    own = [
        ("returned", tk._("Returned")),
        ("incomplete", tk._("Answers missing")),
        ("ready", tk._("Ready to submit")),
    ]
    theirs = [
        ("queue", tk._("Wait for a decision")),
        ("changed", tk._("Changed since approval")),
        ("promotable", tk._("Approved, not on the portal yet")),
    ]
    wanted = [("wanted", tk._("Wanted by council or mayor"))]
    brought = [
        ("harvested", tk._("Brought by harvest")),
        ("gone", tk._("Gone from their catalogue")),
    ]
    if me.get("viewer") and not me.get("departments"):
        return [*wanted, *theirs, *own, *brought]
    if me.get("decides"):
        return [*theirs, *wanted, *own, *brought]
    return [*own, *theirs, *wanted, *brought]


def in_order(facets: dict[str, Any]) -> dict[str, Any]:
    """Put the values of facets that have an order of their own into it.

    :param facets: facet → items
    :returns: the same, sorted
    """
    orders = {
        "state": [value for value, _label in helpers.inventory_states()],
        "value": ["high", "medium", "low", "not_known_yet"],
        "likelihood": ["likely", "possible", "unlikely", "unknown"],
    }
    for name, order in orders.items():
        items: list[dict[str, Any]] = facets.get(name, [])
        known = {item["value"]: item for item in items}
        first = [known[value] for value in order if value in known]
        facets[name] = first + [item for item in items if item not in first]
    return facets


def chosen_labels(params: dict[str, Any], found: dict[str, Any]) -> dict[str, str]:
    """Put the filters in force into words.

    :param params: the filters
    :param found: the list's answer with its facets
    :returns: filter → words
    """
    labels: dict[str, str] = {}
    for name, value in params.items():
        if name == "q":
            labels[name] = f"“{value}”"
        elif name == "attention":
            labels[name] = dict(views()).get(value, tk._("Not on the portal yet"))
        else:
            items = found["facets"].get(name, [])
            labels[name] = ", ".join(_label(name, one, items) for one in value.split(","))
    return labels


def _label(name: str, value: str, items: list[dict[str, Any]]) -> str:
    item = next((i for i in items if (i["value"] or "empty") == value), None)
    return helpers.inventory_facet_label(
        name, item or {"value": None if value == "empty" else value, "label": None}
    )


@inventory.route("/entries")
def entries() -> str:
    """Show the entries that this person may see, filtered.

    :returns: the page
    """
    params = list_params()
    page = page_number()
    found = action(
        "inventory_entry_list",
        {**params, "limit": page_size(), "offset": (page - 1) * page_size()},
    )
    found["facets"] = in_order(found["facets"])
    return tk.render(
        "inventory/entries.html",
        extra_vars={
            "params": params,
            "page": page,
            "size": page_size(),
            "found": found,
            "views": views(),
            "chosen_labels": chosen_labels(params, found),
            "people": people_to_assign(),
            "chosen": set(flask.request.args.getlist("id")),
        },
    )


@inventory.route("/entries/bulk", methods=["POST"])
def entries_bulk() -> str | Response:
    """Show what an act on the selected entries would do, or do it.

    :returns: the preview, or a redirect to the list
    """
    return run(BulkForm.of(flask.request.form, back="entries"))
