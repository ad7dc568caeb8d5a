"""Linking entries that exist already to public datasets: suggestions, and the rows of a file."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import flask
from werkzeug.wrappers import Response

from ckanext.inventory import forms
from ckanext.inventory.views import carried_file
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.carried_file import FilePage
from ckanext.inventory.views.common import action, organizations, page_number, page_of, page_size
from ckanext.inventory.views.takeover import only_cdos

PARTS = ("number", "external_id", "title", "dataset", "url")

ALIKE = 90
"""Percent that the page proposes to accept everything from."""


@inventory.route("/take-over/link")
def link() -> str:
    """Show which entries are probably which public datasets.

    :returns: the page
    """
    only_cdos()
    return _page()


def _page(errors: forms.Problems | None = None, shown: dict[str, Any] | None = None) -> str:
    args = flask.request.values
    params = {"department": args["department"].strip()} if args.get("department") else {}
    page = page_number()
    found = action(
        "inventory_link_suggestions",
        {**params, "limit": page_size(), "offset": (page - 1) * page_size()},
    )
    return tk.render(
        "inventory/link.html",
        extra_vars={
            "found": found,
            "params": params,
            "page": page,
            "size": page_size(),
            "organizations": organizations(),
            "errors": errors or forms.Problems(),
            "shown": shown,
            "typed": flask.request.form,
            "alike": ALIKE,
        },
    )


@inventory.route("/take-over/link", methods=["POST"])
def link_suggested() -> str | tuple[str, int] | Response:
    """Link what was suggested: one, the ticked ones, or all from a likeness on; look first if wished.

    :returns: a redirect, or the page with what would happen or what was refused
    """
    only_cdos()
    form = flask.request.form
    data: dict[str, Any] = {"dry_run": form.get("look") == "1"}
    if form.get("one"):
        data["pairs"] = [form["one"]]
    elif form.get("which") == "above":
        data["above"] = form.get("above", "")
        data |= {"department": form["department"]} if form.get("department") else {}
    elif form.getlist("pairs"):
        data["pairs"] = form.getlist("pairs")
    else:
        message = tk._("Tick at least one.")
        return _page(forms.Problems({"pairs": [message]}, [("", "suggestions", message)])), 400
    try:
        done = action("inventory_link_bulk", data)
    except tk.ValidationError as error:
        return _page(forms.problems(error)), 400
    if data["dry_run"] or done["left_out"]:
        return _page(shown=done)
    _say(int(done["count"]))
    if form.get("back") == "take_over":
        return page_of("take_over")
    return page_of("link", **{name: form[name] for name in ("department",) if form.get(name)})


def _say(count: int) -> None:
    tk.h.flash_success(
        tk.ungettext(
            "One entry is linked to its dataset now.",
            "{n} entries are linked to their datasets now.",
            count,
        ).format(n=count)
    )


@inventory.route("/take-over/link/file")
def link_file() -> str:
    """Ask for a file that says which entry is which dataset.

    :returns: the page
    """
    only_cdos()
    return _file_page().ask()


def _file_page() -> FilePage:
    return FilePage("inventory/link_file.html", "inventory_link_bulk", {"parts": PARTS}, _chosen)


def _chosen(form: forms.Form) -> dict[str, Any]:
    columns = carried_file.chosen_headers(form, "column-")
    return {
        **({"columns": columns} if columns else {}),
        **carried_file.typed(form, "department", "digest"),
    }


@inventory.route("/take-over/link/file", methods=["POST"])
def link_file_do() -> str | tuple[str, int] | Response:
    """Read a file and show what linking by it would do; or do it.

    Nothing of the file is kept on the server between the two. Linking is refused if it isn't the file
    that was looked at.

    :returns: the report, or a redirect to the entries
    """
    only_cdos()
    done, page = _file_page().answer()
    if done is None:
        return page
    _say(int(done["count"]))
    return page_of("link")
