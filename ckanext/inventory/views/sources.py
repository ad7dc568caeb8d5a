"""Sources: the systems that hold data, who knows them, and the entries that come from each."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import flask
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from ckanext.inventory import forms
from ckanext.inventory.fields import schema_for
from ckanext.inventory.types import SOURCE
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.common import (
    action,
    page_number,
    page_of,
    page_size,
    people_to_assign,
    show,
)
from ckanext.inventory.views.edit import chosen_department, departments_to_add, edit, no_department
from ckanext.inventory.views.entry import (
    TRANSFER_ACTS,
    comment_inputs,
    history_of,
    other_departments,
    readers_of,
    said_after,
    set_mark,
    transition_inputs,
)

FILTERS = ("department", "state", "attention")


@inventory.route("/sources")
def sources() -> str:
    """Show the sources that this person may see.

    :returns: the page
    """
    args = flask.request.args
    params: dict[str, Any] = {name: args[name] for name in FILTERS if args.get(name)}
    if args.get("q", "").strip():
        params["q"] = args["q"].strip()
    page = page_number()
    found = action(
        "inventory_source_list",
        {**params, "limit": page_size(), "offset": (page - 1) * page_size()},
    )
    return tk.render(
        "inventory/sources.html",
        extra_vars={"params": params, "page": page, "size": page_size(), "found": found},
    )


@inventory.route("/sources/new", methods=["GET", "POST"])
def source_new() -> str | tuple[str, int] | Response:
    """Add a source.

    :returns: the form, or a redirect to the new source
    """
    if not departments_to_add():
        return no_department()
    form = flask.request.form if flask.request.method == "POST" else flask.request.args
    schema = schema_for(SOURCE)
    specs = forms.writable(schema, department=True, reviewer=False)
    data = forms.read(specs, form)
    department = chosen_department(form)
    found = forms.Problems()
    if flask.request.method == "POST":
        given = {name: value for name, value in data.items() if value not in ("", [])}
        try:
            made = action("inventory_source_create", {**given, "owner_org": department or ""})
        except tk.ValidationError as error:
            found = forms.problems(error, schema)
        else:
            tk.h.flash_success(tk._("Saved as {number}.").format(number=made["number"]))
            return page_of("source", number=made["number"])
    body = tk.render(
        "inventory/source_new.html",
        extra_vars={
            "sections": forms.sections(schema, specs),
            "data": data,
            "department": department,
            "departments": departments_to_add(),
            "errors": found,
        },
    )
    return (body, 400) if found else body


@inventory.route("/sources/<number>")
def source(number: str) -> str:
    """Show a source and the entries that come from it.

    :param number: its number
    :returns: the page
    """
    return _page(number)


def _page(
    number: str,
    *,
    errors: forms.Problems | None = None,
    typed: forms.Form | None = None,
    opened: str = "",
) -> str:
    shown = show(SOURCE, number)
    schema = schema_for(SOURCE)
    return tk.render(
        "inventory/source.html",
        extra_vars={
            "entry": shown,
            "history": history_of(shown),
            "readers": readers_of(shown),
            "sections": forms.sections(schema, schema.fields.values()),
            "people": people_to_assign(shown["department"]["id"]) if shown["may"]["assign"] else [],
            "departments_to_move_to": other_departments(shown) if shown["may"]["transfer"] else [],
            "errors": errors or forms.Problems(),
            "typed": typed or {},
            "opened": opened,
        },
    )


@inventory.route("/sources/<number>/edit", methods=["GET", "POST"])
def source_edit(number: str) -> str | tuple[str, int] | Response:
    """Edit a source.

    :param number: its number
    :returns: the form, or a redirect to the source
    """
    return edit(show(SOURCE, number), SOURCE)


@inventory.route("/sources/<number>/do/<act>", methods=["POST"])
def source_do(number: str, act: str) -> tuple[str, int] | Response:
    """Do one thing to a source: a transition, a comment, an assignment, a mark.

    :param number: its number
    :param act: name of the act
    :returns: a redirect to the source, or its page with what was refused
    """
    form = flask.request.form
    try:
        tk.h.flash_success(_do(number, act, form))
    except tk.ValidationError as error:
        found = forms.problems(error, schema_for(SOURCE))
        opened = form.get("transition", act)
        return _page(number, errors=found, typed=form, opened=opened), 400
    return page_of("source", number=number)


def _do(number: str, act: str, form: forms.Form) -> str:
    if act == "transition":
        name = form.get("transition", "")
        data = {"id": number, "transition": name, **transition_inputs(form)}
        action("inventory_transition", data)
        if name == "submit":
            return tk._("Marked as complete.")
        return said_after(name)
    if act == "comment":
        action("inventory_comment", comment_inputs(number, form))
        return tk._("Comment added.")
    if act == "assign":
        action("inventory_assign", {"ids": [number], "user": form.get("user") or None})
        return tk._("Assigned.")
    if act == "mark":
        set_mark(number, form)
        return tk._("Saved.")
    if act in TRANSFER_ACTS:
        return TRANSFER_ACTS[act](number, form)
    if act == "undo":
        action("inventory_undo", {"id": number})
        return tk._("Taken back.")
    raise NotFound
