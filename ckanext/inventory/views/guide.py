"""The guide: what counts as data, the nine prompts, the words, and every field with its values."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ckanext.inventory import vocabularies
from ckanext.inventory.fields import schema_for
from ckanext.inventory.forms import sections
from ckanext.inventory.types import ENTRY, SOURCE
from ckanext.inventory.views.blueprint import inventory


@inventory.route("/guide")
def guide() -> str:
    """Show the prompts that help to find datasets, and the definitions.

    :returns: the page
    """
    words = vocabularies.load()
    return tk.render(
        "inventory/guide.html",
        extra_vars={
            "prompts": words.prompts(),
            "levels": words.levels.values(),
            "blocker_kinds": words.blocker_kinds.values(),
            "values": words.choices("value"),
        },
    )


@inventory.route("/guide/fields")
def guide_fields() -> str:
    """Show every field of entries and sources with its values, from the schema in force.

    :returns: the page
    """
    schemas = [
        (name, label, sections(schema_for(kind), schema_for(kind).fields.values()))
        for kind, name, label in (
            (ENTRY, "entries", tk._("Entries")),
            (SOURCE, "sources", tk._("Sources")),
        )
    ]
    return tk.render("inventory/guide_fields.html", extra_vars={"schemas": schemas})
