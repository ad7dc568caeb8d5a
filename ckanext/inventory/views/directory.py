"""The city directory: who holds what, and whom to ask."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import flask

from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.common import action, page_number

SIZE = 25


@inventory.route("/directory")
def directory() -> str:
    """Search the directory.

    :returns: the page
    """
    page = page_number()
    params: dict[str, Any] = {
        name: flask.request.args[name].strip()
        for name in ("q", "department", "source", "person")
        if flask.request.args.get(name, "").strip()
    }
    found = action("inventory_directory", {**params, "limit": SIZE, "offset": (page - 1) * SIZE})
    return tk.render(
        "inventory/directory.html",
        extra_vars={"found": found, "params": params, "page": page, "size": SIZE},
    )
