"""Taking over what exists: datasets on the portal, an older inventory, links."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import flask
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from ckanext.inventory import forms, helpers
from ckanext.inventory.views import carried_file
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.carried_file import FilePage
from ckanext.inventory.views.common import action, organizations, page_number, page_of, page_size

PARTS = ("state", "date", "reason", "look_again", "dataset", "url")
STATES = ("draft", "submitted", "approved", "published", "deferred", "withheld", "retired")


def only_cdos() -> None:
    """Let in who may take over.

    :raises NotFound: for everybody else
    """
    me = helpers.inventory_me()
    if me is None or not me["may"]["take_over"]:
        raise NotFound


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
        {**params, "limit": page_size(), "offset": (page - 1) * page_size()},
    )
    ids = [row["id"] for row in found["results"]]
    alike: list[dict[str, Any]] = []
    if ids:
        alike = action("inventory_link_suggestions", {"datasets": ids, "limit": 1000})["results"]
    return tk.render(
        "inventory/take_over.html",
        extra_vars={
            "found": found,
            "suggested": _by_dataset(alike),
            "params": params,
            "page": page,
            "size": page_size(),
            "organizations": organizations(),
            "errors": errors or forms.Problems(),
            "shown": shown,
            "typed": flask.request.form,
        },
    )


def _by_dataset(suggestions: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the best suggestion for each dataset."""
    found: dict[str, dict[str, Any]] = {}
    for one in suggestions:
        found.setdefault(one["dataset"]["id"], one)
    return found


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


@inventory.route("/take-over/file")
def take_over_file() -> str:
    """Ask for the file of an older inventory.

    :returns: the page
    """
    only_cdos()
    return _file_page().ask()


def _file_page() -> FilePage:
    known = {"parts": PARTS, "states": STATES}
    return FilePage("inventory/take_over_file.html", "inventory_take_over", known, _chosen)


def _chosen(form: forms.Form) -> dict[str, Any]:
    return {
        "create_departments": form.get("create_departments") == "yes",
        "states": _states(form),
        "past": carried_file.chosen_headers(form, "past-"),
        **carried_file.typed(form, "department", "digest", "origin"),
    }


@inventory.route("/take-over/file", methods=["POST"])
def take_over_file_do() -> str | tuple[str, int] | Response:
    """Read a file and show what taking it over would do; or do it.

    Nothing of the file is kept on the server between the two. Taking over is refused if it isn't
    the file that was looked at.

    :returns: the report, or a redirect to the entries
    """
    only_cdos()
    done, page = _file_page().answer()
    if done is None:
        return page
    count = int(done["created"])
    tk.h.flash_success(
        tk.ungettext("One entry was taken over.", "{n} entries were taken over.", count).format(
            n=count
        )
    )
    return page_of("entries")


def _states(form: forms.Form) -> dict[str, str]:
    """Return what was said of words: each stands beside its choice, in the same order."""
    pairs = zip(form.getlist("word"), form.getlist("state"), strict=False)
    return {word: state for word, state in pairs if state}
