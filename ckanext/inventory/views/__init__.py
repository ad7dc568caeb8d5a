"""The inventory's pages: one blueprint, one module per group of pages.

Views call actions only; what may be seen and done is decided there.
"""

from __future__ import annotations

from ckanext.inventory.route_guard import blueprint as inventory_guard
from ckanext.inventory.views import (
    admin,
    directory,
    edit,
    entries,
    entry,
    guide,
    home,
    linking,
    notices,
    once,
    overview,
    parts,
    people,
    promote,
    review,
    roundtrip,
    sources,
    takeover,
)
from ckanext.inventory.views.blueprint import inventory

__all__ = ["inventory", "inventory_guard"]

PAGES = (
    home,
    entries,
    entry,
    edit,
    promote,
    sources,
    review,
    overview,
    people,
    directory,
    notices,
    once,
    roundtrip,
    parts,
    admin,
    takeover,
    linking,
    guide,
)
"""The modules whose import puts the pages on the blueprint."""
