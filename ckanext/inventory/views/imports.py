"""Bringing a spreadsheet: upload, see every problem, save."""

from __future__ import annotations

from typing import Any

import flask
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

import ckan.plugins.toolkit as tk

from ckanext.inventory import forms
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.common import action, page_of
from ckanext.inventory.views.edit import departments_to_add

KINDS = ("entries", "sources")


def _page(errors: forms.Problems | None = None, report: dict[str, Any] | None = None) -> str:
    form = flask.request.form
    return tk.render(
        "inventory/import_report.html" if report else "inventory/import.html",
        extra_vars={
            "departments": departments_to_add(),
            "form": form,
            "report": report,
            "errors": errors or forms.Problems(),
        },
    )


@inventory.route("/import")
def import_start() -> str:
    """Ask for a file.

    :returns: the page
    """
    if not departments_to_add():
        raise NotFound
    return _page()


@inventory.route("/import", methods=["POST"])
def import_file() -> str | tuple[str, int] | Response:
    """Read a file and show what saving it would do; or save it.

    The same file is chosen twice, as nothing of it is kept between the two: a browser sends it
    once to be looked at and once to be saved.

    :returns: the report, or a redirect to the new entries
    """
    if not departments_to_add():
        raise NotFound
    form = flask.request.form
    upload = flask.request.files.get("upload")
    if upload is None or not upload.filename:
        return _page(_one("upload", tk._("Choose a file first."))), 400
    saving = form.get("save") == "1"
    kind = form.get("kind", "entries")
    data: dict[str, Any] = {
        "kind": kind if kind in KINDS else "entries",
        "upload": upload,
        "dry_run": not saving,
    }
    if form.get("department"):
        data["department"] = form["department"]
    if form.get("file_hash"):
        data["expected_hash"] = form["file_hash"]
    try:
        report = action("inventory_import", data)
    except tk.ValidationError as error:
        return _page(forms.problems(error)), 400
    if not saving:
        return _page(report=report)
    created = len(report["created"]) if isinstance(report["created"], list) else report["created"]
    tk.h.flash_success(
        tk.ungettext("Saved one new row.", "Saved {n} new rows.", created).format(n=created)
    )
    return page_of("sources" if kind == "sources" else "entries")


def _one(field: str, message: str) -> forms.Problems:
    return forms.Problems({field: [message]}, [("", None, message)])
