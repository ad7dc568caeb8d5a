"""Working in a spreadsheet: download, upload, see every changed cell, save, take it back."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
import flask
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from ckanext.inventory import forms
from ckanext.inventory.fields import schema_for
from ckanext.inventory.spreadsheets import layout
from ckanext.inventory.types import ENTRY
from ckanext.inventory.views import file_problems
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.common import action, file_response, page_number, page_of, page_size
from ckanext.inventory.views.edit import departments_to_add, no_department

_FOR_ALL: Mapping[str, Mapping[str, Any]] = {
    "mine": {"all_conflicts": "mine"},
    "stored": {"all_conflicts": "stored"},
    "out_all": {"left_out": ["all"]},
    "departments_out": {"departments": {"*": ""}},
    "same_all": {"same": {"all": "same"}},
}
"""Buttons that settle everything of a kind at once."""

LOOKED_AT = ("preview", "failed")
RUNNING = ("queued", "running")
SHOWN_ROWS = 100
ASKED = 200
"""Conflicts, and problems, that a page asks about at once; the others follow when these are settled."""

SHOWN_TEXT = 80
"""Characters of a new value that stand in the table; the whole text is one click away."""

NEWEST = 20
"""Earlier files that the page shows; all of them have a list of their own."""

REPORTED = 300
"""Records that the report of a saved file shows at once."""
_FILTERS = (
    "state",
    "value",
    "likelihood",
    "classification",
    "category",
    "triage",
    "wanted",
    "assignee",
    "blocker",
    "source",
)


ALL = "all"
"""Stands among the rows that are left out for all that an error holds."""

AS_GUESSED = "="
"""What a column's list says as long as nobody corrects the guess, so that a later guess may be another one."""

OUT = "out"
"""What the list of departments offers besides departments: leave the rows out."""


@inventory.route("/import")
def earlier_address() -> Response:
    """Lead from where files were brought before.

    :returns: a redirect
    """
    return page_of("spreadsheet")


@inventory.route("/workbook")
def workbook() -> Response:
    """Give out a workbook, as the address asks: ``department``, ``format``, filters of the list.

    :returns: the file
    """
    args = flask.request.args
    data: dict[str, Any] = {
        name: args[name] for name in ("format", "sheet", "q", "attention") if args.get(name)
    }
    data |= {name: args.getlist(name) for name in (*_FILTERS, "ids") if args.getlist(name)}
    if departments := [name for name in args.getlist("department") if name]:
        data["department"] = departments
    if args.get("empty"):
        data["empty"] = True
    if args.get("which") == "mine":
        data["attention"] = "department"
    elif args.get("which") == "empty":
        data["empty"] = True
    try:
        return file_response(action("inventory_workbook", data))
    except tk.ValidationError as error:
        raise NotFound from error


@inventory.route("/spreadsheet")
def spreadsheet() -> str | Response:
    """Offer the workbook, take a file, list earlier ones.

    :returns: the page
    """
    return _start() if departments_to_add() else no_department()


@inventory.route("/spreadsheet/files")
def spreadsheet_files() -> str | Response:
    """List the files that were brought, newest first, a page at a time.

    :returns: the page
    """
    departments = departments_to_add()
    if not departments:
        return no_department()
    asked = flask.request.args.get("department")
    params = {"department": asked} if asked else {}
    page = page_number()
    found = action(
        "inventory_import_list",
        {**params, "limit": page_size(), "offset": (page - 1) * page_size()},
    )
    return tk.render(
        "inventory/spreadsheet_files.html",
        extra_vars={
            "departments": departments,
            "params": params,
            "page": page,
            "size": page_size(),
            "found": found,
        },
    )


def _start(errors: forms.Problems | None = None) -> str:
    return tk.render(
        "inventory/spreadsheet.html",
        extra_vars={
            "departments": departments_to_add(),
            "form": flask.request.form,
            "errors": errors or forms.Problems(),
            "earlier": action("inventory_import_list", {"limit": NEWEST}),
            "parts": action("inventory_part_list", {"limit": 20}),
        },
    )


@inventory.route("/spreadsheet", methods=["POST"])
def spreadsheet_upload() -> str | tuple[str, int] | Response:
    """Take a file and look at it.

    :returns: a redirect to its preview, or the page with what is wrong
    """
    upload = flask.request.files.get("upload")
    if upload is None or not upload.filename:
        return _start(forms.one_problem("upload", tk._("Choose a file first."))), 400
    data: dict[str, Any] = {"upload": upload, "filename": upload.filename, "limit": 1}
    form = flask.request.form
    for name in ("department", "kind"):
        if form.get(name) and not (name == "department" and form.get("whole")):
            data[name] = form[name]
    try:
        found = action("inventory_import_preview", data)
    except tk.ValidationError as error:
        return _start(forms.problems(error)), 400
    return page_of("spreadsheet_look", id=found["id"])


@inventory.route("/spreadsheet/<id>")
def spreadsheet_look(id: str) -> str:  # noqa: A002 - the name of the address's part
    """Show what saving a file would do; of a saved one, what it did.

    :param id: the import
    :returns: the page
    """
    shown = _show(id)
    if shown["status"] not in LOOKED_AT:
        return tk.render("inventory/spreadsheet_report.html", extra_vars={"report": shown})
    # What kept the worker from saving is said once: looking again begins anew.
    why = forms.Problems({}, [("", None, shown["message"])]) if shown["message"] else None
    return _preview(_look(id), why)


def _show(import_id: str) -> dict[str, Any]:
    limit = {} if flask.request.args.get("all") else {"limit": REPORTED}
    found: dict[str, Any] = action("inventory_import_show", {"id": import_id, **limit})
    return found


def _look(import_id: str, **choices: Any) -> dict[str, Any]:
    """Look at a file; a large one is left to the worker, whose progress its page shows."""
    limit = {} if flask.request.args.get("all") else {"limit": SHOWN_ROWS}
    found: dict[str, Any] = action(
        "inventory_import_preview", {"id": import_id, **limit, **choices}
    )
    return found


def _preview(found: dict[str, Any], errors: forms.Problems | None = None) -> str:
    if found["status"] in RUNNING:
        extra_vars = {"report": _show(found["id"])}
        return tk.render("inventory/spreadsheet_report.html", extra_vars=extra_vars)
    package_type = found["choices"].get("package_type") or ENTRY
    rows = found["rows"]
    by_place = {row["where"]: row for row in rows}
    at_once = sys.maxsize if flask.request.args.get("all") else ASKED
    told = file_problems.sorted_out(found, by_place, found["choices"])
    chosen: list[str] = found["choices"].get("left_out") or []
    # Left out by somebody although no error holds it any more.
    left_out = [row for row in rows if row["where"] in chosen and not (row["held"] or row["same"])]
    drawn = file_problems.drawn(told.lines[:at_once]) | {row["where"] for row in left_out}
    new = [row for row in rows if row["new"] and not row["left_out"] and not row["held"]]
    for one in found["columns"]:
        # a look that was kept before the upgrade has none
        one.setdefault("name", one["column"])
    departments = departments_to_add()
    # Nothing in the file can be read before this is settled.
    stuck = any(p["severity"] == "error" and not p["row"] for p in found["problems"])
    return tk.render(
        "inventory/spreadsheet_preview.html",
        extra_vars={
            "report": found,
            "errors": errors or forms.Problems(),
            "fields": layout.targets_in_words(schema_for(package_type), tk._),
            "departments": departments,
            "department_title": next(
                (d["title"] for d in departments if d["id"] == found["choices"].get("department")),
                "",
            ),
            "stuck": stuck,
            "columns_first": stuck or bool(found["counts"]["unknown"]),
            "as_guessed": AS_GUESSED,
            "lists": {
                key: f"values-{number}" for number, key in enumerate(found.get("suggested") or ())
            },
            "conflicts": _conflicts(rows),
            "at_once": at_once,
            "same": [_asked(row) for row in rows if row["same"]],
            "new": [_all_fields(row) for row in new],
            "room": SHOWN_TEXT,
            "several": len(departments) > 1,
            "changed": [row for row in rows if _shown_cells(row)],
            "kept": [
                (row, cell)
                for row in rows
                for cell in row["cells"]
                if cell["outcome"] in ("kept", "refused")
            ],
            "found": told,
            "left_out": left_out,
            "out_all": ALL in chosen,
            "out_unseen": [where for where in chosen if where != ALL and where not in drawn],
        },
    )


def _conflicts(rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the conflicts, those first that are still to be chosen."""
    found = [
        (row, cell)
        for row in rows
        for cell in row["cells"]
        if cell["outcome"] == "conflict" and not row["left_out"]
    ]
    return sorted(found, key=lambda pair: bool(pair[1]["chosen"]))


def _asked(row: dict[str, Any]) -> dict[str, Any]:
    """Add what a row that looks like a known record is taken for now."""
    known = row["number"] == row["same"]["number"]
    row["taken_for"] = "same" if known else "out" if row["left_out"] else "new"
    return row


def _shown_cells(row: dict[str, Any]) -> list[dict[str, Any]]:
    row["shown"] = [
        cell for cell in row["cells"] if cell["goes_in"] or cell["outcome"] == "follows"
    ]
    return [] if row["left_out"] else row["shown"]


def _all_fields(row: dict[str, Any]) -> dict[str, Any]:
    """Mark the values that a line of the table has no room for."""
    for item in row["fields"]:
        item["long"] = len(item["value"]) > SHOWN_TEXT or "\n" in item["value"]
    return row


@inventory.route("/spreadsheet/<id>", methods=["POST"])
def spreadsheet_choose(id: str) -> str | tuple[str, int] | Response:  # noqa: A002 - as above
    """Take choices on a file; save it, drop it, or take it back.

    :param id: the import
    :returns: the preview with the choices, or a redirect
    """
    form = flask.request.form
    act = form.get("act", "look")
    if act == "discard":
        action("inventory_import_discard", {"id": id})
        return page_of("spreadsheet")
    if act == "undo":
        return _undo(id)
    if act != "save":
        choices = _choices(form)
        for name, settled in _FOR_ALL.get(act, {}).items():
            # What was chosen for one counts before what is chosen for all.
            one_by_one: dict[str, Any] = choices.get(name) or {}
            choices[name] = {**settled, **one_by_one} if isinstance(settled, dict) else settled
        try:
            _look(id, **choices)
        except tk.ValidationError as error:
            return _preview(_look(id), forms.problems(error)), 400
        return page_of("spreadsheet_look", id=id)
    return _save(id, form)


def _save(import_id: str, form: forms.Form) -> str | tuple[str, int] | Response:
    choices = _choices(form)
    asked = {"id": import_id, "fingerprint": form.get("fingerprint"), **choices}
    try:
        done = action("inventory_import_save", asked)
    except tk.ValidationError as error:
        return _not_saved(import_id, choices, error)
    if done["status"] in RUNNING:
        return page_of("spreadsheet_look", id=import_id)
    count = done["counts"]["new"] + done["counts"]["changed"]
    tk.h.flash_success(
        tk.ungettext("Saved: one record.", "Saved: {n} records.", count).format(n=count)
    )
    return page_of("spreadsheet_look", id=import_id)


def _not_saved(
    import_id: str, choices: dict[str, Any], error: tk.ValidationError
) -> tuple[str, int]:
    """Show how it is now, with what was chosen, and why it wasn't saved."""
    try:
        found = _look(import_id, **choices)
    except tk.ValidationError:
        # a choice itself is what was wrong
        found = _look(import_id)
    if "fingerprint" in error.error_dict:
        words = tk._("Something changed since you looked at it. This is how it is now.")
        return _preview(found, forms.one_problem("fingerprint", words)), 409
    return _preview(found, forms.problems(error)), 400


def _undo(import_id: str) -> Response:
    try:
        done = action("inventory_import_undo", {"id": import_id})
    except tk.ValidationError as error:
        messages: Any = error.error_dict.get("id") or []
        tk.h.flash_error(" ".join(str(message) for message in messages[:6]))
    else:
        if done["status"] not in RUNNING:
            tk.h.flash_success(tk._("Taken back: everything is as it was before this file."))
    return page_of("spreadsheet_look", id=import_id)


@inventory.route("/spreadsheet/<id>/to-fix.xlsx")
def spreadsheet_marked(id: str) -> Response:  # noqa: A002 - as above
    """Give out the file with every problem's cell coloured and commented.

    :param id: the import
    :returns: the file
    """
    try:
        return file_response(action("inventory_import_marked", {"id": id}))
    except tk.ValidationError as error:
        raise NotFound from error


def _choices(form: forms.Form) -> dict[str, Any]:
    """Read the choices of the preview's form."""
    choices: dict[str, Any] = {
        "fixes": _texts(form, file_problems.FIX),
        "fixes_all": file_problems.fixes_all(form),
        "conflicts": _named(form, "conflict-"),
        "same": _named(form, "same-"),
        "left_out": [name.removeprefix("out-") for name in form if name.startswith("out-")],
        "submit": ["all"] if form.get("submit_all") else [],
    }
    columns = {
        name.removeprefix("column-"): field
        for name, field in form.items()
        if name.startswith("column-") and field != AS_GUESSED
    }
    same_kind = form.get("kind", "") == form.get("kind_was", "")
    if columns and same_kind:
        choices["columns"] = columns
    named = _named(form, "department-")
    if named:
        choices["departments"] = {
            title: "" if chosen == OUT else chosen for title, chosen in named.items()
        }
    if "department" in form:
        choices["department"] = form["department"]
    if form.get("kind") in ("entry", "source"):
        choices["kind"] = form["kind"]
    if form.get("sheets_asked"):
        choices["sheets"] = form.getlist("sheet")
    return choices


def _named(form: forms.Form, prefix: str) -> dict[str, str]:
    return {name: value for name, value in _texts(form, prefix).items() if value}


def _texts(form: forms.Form, prefix: str) -> dict[str, str]:
    return {
        name.removeprefix(prefix): value.strip()
        for name, value in form.items()
        if name.startswith(prefix)
    }
