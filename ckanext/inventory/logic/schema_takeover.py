"""What the actions of taking over take. Validation looks up nothing: it runs before authorisation."""

from __future__ import annotations

from ckanext.inventory.logic import files
from ckanext.inventory.logic.takes import (
    OFF,
    OPTIONAL,
    OPTIONAL_MAPPING,
    OPTIONAL_TEXTS,
    SEARCHED,
    number,
    takes,
)
from ckanext.inventory.service.link_suggestions import LEAST

portal_missing = takes(
    {
        "q": SEARCHED,
        "organization": OPTIONAL,
        "limit": number(50),
        "offset": number(0),
    }
)
"""A page of the list of datasets that are not in the inventory."""

take_over_portal = takes(
    {
        "datasets": OPTIONAL_TEXTS,
        "organizations": OPTIONAL_TEXTS,
        "all": OFF,
        "department": OPTIONAL,
        "dry_run": OFF,
    }
)
"""Which datasets to take in, and into which department."""

take_over = takes(
    {
        **files.LIST,
        "past": OPTIONAL_MAPPING,
        "states": OPTIONAL_MAPPING,
    }
)
"""A file with its past, and how it is read."""

link_suggestions = takes(
    {
        "department": OPTIONAL,
        "datasets": OPTIONAL_TEXTS,
        "least": (("default", LEAST), "inventory_likeness"),
        "limit": number(50),
        "offset": number(0),
    }
)
"""A page of the suggestions which entries to link."""

link_bulk = takes(
    {
        "pairs": ("ignore_empty", "inventory_pairs"),
        "above": ("ignore_empty", "inventory_likeness"),
        **files.FILE,
    }
)
"""Which entries to link to what: pairs, a file, or suggestions above a likeness."""
