"""The actions of the inventory: validate, authorise, one service call, one commit."""

from __future__ import annotations

from typing import Any

from ckanext.inventory.logic.action import (
    changes,
    checking,
    decisions,
    directory,
    imports,
    linking,
    notices,
    organisation,
    package,
    parts,
    people,
    publishing,
    reading,
    returning,
    roundtrip,
    takeover,
)

_MODULES = (
    changes,
    checking,
    decisions,
    directory,
    imports,
    linking,
    notices,
    organisation,
    parts,
    people,
    publishing,
    reading,
    returning,
    roundtrip,
    takeover,
)


def all_actions() -> dict[str, Any]:
    """Return every action of ours and the chained package actions of core.

    :returns: action name → function
    """
    ours = {name: getattr(module, name) for module in _MODULES for name in module.__all__}
    return ours | package.actions()
