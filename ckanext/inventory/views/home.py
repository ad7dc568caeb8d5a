"""The first page: what needs this person now, and what came back."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.common import action


@inventory.route("/")
def home() -> str:
    """Show the next few tasks, the department's figures and the last decisions.

    :returns: the page
    """
    return tk.render("inventory/home.html", extra_vars={"home": action("inventory_home")})
