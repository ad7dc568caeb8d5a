"""Writing entries: the quick form, the full form by sections."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import ckan.plugins.toolkit as tk
import flask
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from ckanext.inventory import forms, helpers
from ckanext.inventory.fields import FieldSpec, schema_for
from ckanext.inventory.types import ENTRY
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.common import action, organizations, page_of, show

STALE = "revision"
"""The key under which an action says that somebody else has saved in the meantime."""


def departments_to_add() -> list[dict[str, Any]]:
    """Return the departments that this person may add to; for a CDO every one that wasn't merged.

    :returns: dicts with ``id`` and ``title``
    :raises NotFound: for people who add nothing
    """
    me = helpers.inventory_me() or {}
    if not me.get("may", {}).get("add"):
        raise NotFound
    if not me.get("cdo"):
        return cast("list[dict[str, Any]]", me["departments"])
    return [item for item in organizations() if item["may_add"]]


def lists_for(department: str | None) -> dict[str, Any]:
    """Return what a form of a department offers beside the vocabularies.

    :param department: organization id, or None when it isn't chosen yet
    :returns: kind of field → things to choose from
    """
    query = {"department": department} if department else {}
    sources = action("inventory_source_list", {**query, "sort": "title", "limit": 1000})
    return {
        "source_list": [row for row in sources["results"] if row["state"] != "retired"],
        "license": licenses(),
    }


def licenses() -> list[dict[str, str]]:
    """Return the licences that the site knows.

    :returns: dicts with ``id`` and ``title``
    """
    return [{"id": licence["id"], "title": licence["title"]} for licence in action("license_list")]


def no_department() -> Response:
    """Answer a CDO on a site that has no organization yet.

    :returns: a redirect to the first page, which says what to do
    """
    tk.h.flash_notice(
        tk._("There is no department yet. An administrator of the portal adds organizations first.")
    )
    return page_of("home")


def chosen_department(form: forms.Form) -> str | None:
    """Read which department something is added to.

    :param form: what the browser sent, or the address' parameters
    :returns: organization id; the only one there is, None if nothing was chosen
    """
    offered = departments_to_add()
    wanted = form.get("owner_org", "")
    if any(department["id"] == wanted for department in offered):
        return wanted
    return offered[0]["id"] if len(offered) == 1 else None


@inventory.route("/entries/new", methods=["GET", "POST"])
def entry_new() -> str | tuple[str, int] | Response:
    """Ask for a name, a source and one line, and add an entry.

    :returns: the form, or a redirect to the new entry or the next form
    """
    if not departments_to_add():
        return no_department()
    form = flask.request.form if flask.request.method == "POST" else flask.request.args
    schema = schema_for(ENTRY)
    specs = forms.writable(schema, department=True, reviewer=False, quick=True)
    data = forms.read(specs, form)
    department = chosen_department(form)
    found = forms.Problems()
    if flask.request.method == "POST":
        try:
            made = action("inventory_entry_create", {**_given(data), "owner_org": department or ""})
        except tk.ValidationError as error:
            found = forms.problems(error, schema)
        else:
            tk.h.flash_success(tk._("Saved as {number}, a draft.").format(number=made["number"]))
            if form.get("then") == "another":
                return page_of("entry_new", owner_org=department, source_ids=data.get("source_ids"))
            return page_of("entry", number=made["number"])
    body = tk.render(
        "inventory/entry_new.html",
        extra_vars={
            "specs": specs,
            "data": data,
            "department": department,
            "departments": departments_to_add(),
            "lists": lists_for(department),
            "errors": found,
        },
    )
    return (body, 400) if found else body


def _given(data: dict[str, Any]) -> dict[str, Any]:
    """Leave out what was not answered, so that defaults can apply."""
    return {name: value for name, value in data.items() if value not in ("", [])}


@inventory.route("/entries/<number>/edit", methods=["GET", "POST"])
def entry_edit(number: str) -> str | tuple[str, int] | Response:
    """Edit everything that this person may write of an entry.

    :param number: its number
    :returns: the form, or a redirect to the entry
    """
    shown = show(ENTRY, number)
    return edit(shown, ENTRY)


def edit(shown: dict[str, Any], package_type: str) -> str | tuple[str, int] | Response:
    """Show the form of an entry or a source, or save it.

    What was typed stays in the form whatever happens; a save on an older text than the stored one
    is refused and shows what was changed meanwhile.

    :param shown: the record, as its show action gives it
    :param package_type: ``inventory_entry`` or ``inventory_source``
    :returns: the form, or a redirect to the record
    """
    kind = "entry" if package_type == ENTRY else "source"
    if not shown["may"]["edit"]:
        tk.h.flash_notice(tk._("This can't be edited now."))
        return page_of(kind, number=shown["number"])
    schema = schema_for(package_type)
    specs = forms.writable(
        schema,
        department=_writes_for_department(shown),
        reviewer=bool(shown["may"].get("review")),
    )
    data: dict[str, Any] = dict(shown["content"])
    found = forms.Problems()
    base = int(shown["revision"])
    stale: list[dict[str, Any]] = []
    if flask.request.method == "POST":
        form = flask.request.form
        typed = forms.read(specs, form)
        typed |= {
            name: [forms.owner_as_stored(row, shown.get("blockers", [])) for row in typed[name]]
            for name in _rows_of(specs)
            if name in typed
        }
        base = int(form.get("revision", "0")) if form.get("revision", "").isdigit() else 0
        try:
            action(f"inventory_{kind}_patch", {"id": shown["id"], "revision": base, **typed})
        except tk.ValidationError as error:
            found = forms.problems(error, schema)
            data |= typed
            if STALE in found.fields:
                stale = _changed_meanwhile(shown, base)
                base = int(shown["revision"])
        else:
            tk.h.flash_success(tk._("Saved."))
            return page_of(kind, number=shown["number"])
    for name in _rows_of(specs):
        rows: list[dict[str, Any]] = data.get(name) or []
        data[name] = [forms.owner_as_shown(row, shown.get("blockers", [])) for row in rows]
    body = tk.render(
        f"inventory/{kind}_edit.html",
        extra_vars={
            "record": shown,
            "sections": forms.sections(schema, specs),
            "data": data,
            "base": base,
            "stale": stale,
            "lists": lists_for(shown["department"]["id"]) if package_type == ENTRY else {},
            "errors": found,
        },
    )
    if not found:
        return body
    return body, 409 if stale else 400


def _rows_of(specs: Iterable[FieldSpec]) -> list[str]:
    """Return the fields that hold reasons against a release, row by row."""
    return [spec.name for spec in specs if spec.kind == "rows"]


def _writes_for_department(shown: dict[str, Any]) -> bool:
    """Whether the department's fields are asked: coordinator, assignee or CDO."""
    me = helpers.inventory_me() or {}
    departments = {department["id"] for department in me.get("departments", [])}
    return (
        bool(me.get("cdo"))
        or shown["department"]["id"] in departments
        or shown["record"]["assignee"] == me.get("user_id")
    )


def _changed_meanwhile(shown: dict[str, Any], base: int) -> list[dict[str, Any]]:
    """Return what others changed between the text that was edited and the stored one."""
    if base < 1:
        return []
    return action("inventory_diff", {"id": shown["id"], "old": base, "new": shown["revision"]})
