"""Putting an approved entry on the portal: what the public will see, its data, and the act."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import flask
from werkzeug.wrappers import Response

from ckanext.inventory import forms
from ckanext.inventory.fields import schema_for
from ckanext.inventory.types import ENTRY
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.common import action, page_of, people_to_assign, show
from ckanext.inventory.views.edit import licenses

ROWS = 3
"""Links and files that the form has room for; more can be added with the portal's own tools."""

_RESOURCE_KEYS = ("url", "name", "format", "description")


@inventory.route("/entries/<number>/promote", methods=["GET", "POST"])
def promote(number: str) -> str | tuple[str, int] | Response:
    """Show what would go out and ask for the data; or put it on the portal.

    :param number: the entry's number
    :returns: the form, or a redirect to the entry
    """
    shown = show(ENTRY, number)
    open_to_me = {item["name"]: item for item in shown["transitions"]}
    if not {"promote", "prepare"} & set(open_to_me):
        tk.h.flash_notice(tk._("This can't be put on the portal now."))
        return page_of("entry", number=number)
    found = forms.Problems()
    publication: dict[str, Any] = {}
    form = flask.request.form
    name = form.get("transition", "")
    if flask.request.method == "POST":
        publication = publication_of(form, flask.request.files.to_dict())
    if name in ("promote", "prepare"):
        data: dict[str, Any] = {
            "id": number,
            "transition": name,
            "revision": int(form["revision"]) if form.get("revision", "").isdigit() else 0,
            "publication": publication,
        }
        if form.get("comment", "").strip():
            data["comment"] = form["comment"].strip()
        try:
            action("inventory_transition", data)
        except tk.ValidationError as error:
            found = forms.problems(error, schema_for(ENTRY))
        else:
            tk.h.flash_success(
                tk._("It is on the portal. The public finds it from now on.")
                if name == "promote"
                else tk._("A private dataset is ready to receive its data.")
            )
            return page_of("entry", number=number)
    body = tk.render(
        "inventory/promote.html",
        extra_vars={
            "entry": shown,
            "open_to_me": open_to_me,
            "preview": action(
                "inventory_promotion_preview",
                {"id": number, "publication": _without_files(publication)},
            ),
            "publication": publication,
            "people": people_to_assign(shown["department"]["id"]),
            "licenses": licenses(),
            "rows": ROWS,
            "typed": form,
            "errors": found,
        },
    )
    return (body, 400) if found else body


def publication_of(form: forms.Form, files: dict[str, Any]) -> dict[str, Any]:
    """Read what goes out with an entry.

    :param form: what the browser sent
    :param files: the files by input name
    :returns: the ``publication`` of ``inventory_transition``
    """
    resources: list[dict[str, Any]] = []
    for index in range(ROWS):
        row: dict[str, Any] = {
            key: form.get(f"resource-{index}-{key}", "").strip() for key in _RESOURCE_KEYS
        }
        upload = files.get(f"resource-{index}-upload")
        if upload is not None and upload.filename:
            row["upload"] = upload
            row["url"] = ""
        if upload is not None and upload.filename and not row["name"]:
            row["name"] = upload.filename
        if row["url"] or row.get("upload"):
            resources.append({key: value for key, value in row.items() if value})
    found: dict[str, Any] = {
        name: form[name].strip()
        for name in ("mode", "dataset", "url", "organization", "name", "license_id", "owner", "due")
        if form.get(name, "").strip()
    }
    found["resources"] = resources
    found["metadata_only"] = form.get("metadata_only") == "yes"
    found["data_dictionary_public"] = form.get("data_dictionary_public") == "yes"
    found["extra"] = {
        name.removeprefix("extra-"): value.strip()
        for name, value in form.items()
        if name.startswith("extra-") and value.strip()
    }
    return found


def _without_files(publication: dict[str, Any]) -> dict[str, Any]:
    resources = [
        {key: value for key, value in row.items() if key != "upload"}
        for row in publication.get("resources", [])
    ]
    return {**publication, "resources": [row for row in resources if row.get("url")]}
