"""Bringing a spreadsheet: upload, see every problem, save."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import ckan.plugins.toolkit as tk
import flask
from werkzeug.wrappers import Response

from ckanext.inventory import forms
from ckanext.inventory.fields import FieldSpec, schema_for
from ckanext.inventory.types import ENTRY, SOURCE
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.common import action, page_of
from ckanext.inventory.views.edit import departments_to_add, no_department

TYPES = {"entry": ENTRY, "source": SOURCE}
CARRIED_BYTES = 340_000
"""A file of at most so many bytes travels in the report's form; a bigger one is chosen again."""

SHOWN_PROBLEMS = 200


@inventory.route("/import")
def import_start() -> str | Response:
    """Ask for a file.

    :returns: the page
    """
    return _start() if departments_to_add() else no_department()


def _start(errors: forms.Problems | None = None) -> str:
    return tk.render(
        "inventory/import.html",
        extra_vars={
            "departments": departments_to_add(),
            "form": flask.request.form,
            "errors": errors or forms.Problems(),
        },
    )


@inventory.route("/import", methods=["POST"])
def import_file() -> str | tuple[str, int] | Response:
    """Read a file and show what saving it would do; or save it.

    Nothing of the file is kept on the server between the two. The save is refused if it isn't the
    file that was looked at.

    :returns: the report, or a redirect to the new records
    """
    if not departments_to_add():
        return no_department()
    form = flask.request.form
    content, filename = _file(form)
    if content is None:
        return _start(_one("upload", tk._("Choose a file first."))), 400
    saving = form.get("save") == "1"
    kind = form.get("kind") if form.get("kind") in TYPES else "entry"
    data: dict[str, Any] = {
        "kind": kind,
        "upload": content,
        "filename": filename,
        "dry_run": not saving,
        "columns": _columns(form),
    }
    for name in ("department", "digest", "origin"):
        if form.get(name, "").strip():
            data[name] = form[name].strip()
    try:
        report = action("inventory_import", data)
    except tk.ValidationError as error:
        return _start(forms.problems(error)), 400
    except tk.NotAuthorized:
        message = tk._("You can't add to that department.")
        return _start(_one("department", message)), 400
    if not saving:
        return _report(report, content, filename, str(kind))
    count = int(report["created"])
    tk.h.flash_success(
        tk.ungettext("Saved one new draft.", "Saved {n} new drafts.", count).format(n=count)
    )
    return page_of("sources" if kind == "source" else "entries")


def _file(form: forms.Form) -> tuple[bytes | None, str]:
    """Return the file that was chosen, or the one that the report's form carried along."""
    upload = flask.request.files.get("upload")
    if upload is not None and upload.filename:
        return upload.stream.read(), upload.filename
    if form.get("content"):
        try:
            return base64.b64decode(form["content"], validate=True), form.get("filename", "")
        except (binascii.Error, ValueError):
            return None, ""
    return None, ""


def _columns(form: forms.Form) -> dict[str, str]:
    """Return which field somebody chose for a column that wasn't recognised."""
    return {
        name.removeprefix("column-"): field
        for name, field in form.items()
        if name.startswith("column-") and field
    }


def _report(report: dict[str, Any], content: bytes, filename: str, kind: str) -> str:
    carried = base64.b64encode(content).decode() if len(content) <= CARRIED_BYTES else ""
    fields = schema_for(TYPES[kind]).fields
    return tk.render(
        "inventory/import_report.html",
        extra_vars={
            "report": report,
            "filename": filename,
            "carried": carried,
            "kind": kind,
            "department": flask.request.form.get("department", ""),
            "errors_in_file": _grouped(report, "error"),
            "warnings_in_file": _grouped(report, "warning"),
            "known_columns": [c for c in report["columns"] if c["field"]],
            "other_columns": [c for c in report["columns"] if not c["field"]],
            "chosen": _columns(flask.request.form),
            "fields": [spec for spec in fields.values() if _can_be_column(spec)],
            "shown_problems": SHOWN_PROBLEMS,
        },
    )


def _can_be_column(spec: FieldSpec) -> bool:
    return spec.kind not in ("rows", "entry")


def _grouped(report: dict[str, Any], severity: str) -> list[dict[str, Any]]:
    """Return the problems of rows; what is wrong with a whole column stands beside the column."""
    of_rows = {
        (problem["column"], problem["value"], problem["message"])
        for problem in report["problems"]
        if problem["row"] is not None
    }
    return [
        group
        for group in report["groups"]
        if group["severity"] == severity
        and (group["column"], group["value"], group["message"]) in of_rows
    ]


def _one(field: str, message: str) -> forms.Problems:
    return forms.Problems({field: [message]}, [("", f"field-{field}", message)])
