"""Actions of the self-check: look now, look and keep what was found, show what was found last."""

from __future__ import annotations

import dataclasses
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import Context, DataDict

from ckanext.inventory.logic import who
from ckanext.inventory.logic.commit import transaction
from ckanext.inventory.service import checks

__all__ = ["inventory_check", "inventory_check_last", "inventory_check_run"]


@tk.side_effect_free
def inventory_check(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """Run the self-check: risky settings, violations in database and index, stuck side effects.

    :returns: name, severity, message, remedy, leak, ids, count, repairable of each finding; none if
        all is well
    :raises NotAuthorized: for people who are not CDO
    """
    tk.check_access("inventory_check", context, data_dict)
    who.keep_private()
    return [dataclasses.asdict(found) for found in checks.check(who.session_of(context))]


def inventory_check_run(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """Run the self-check and keep what it found, for ``inventory_check_last``.

    :returns: as ``inventory_check``
    :raises NotAuthorized: for people who are not CDO
    """
    tk.check_access("inventory_check_run", context, data_dict)
    with transaction(context) as session:
        found = checks.check(session)
        checks.keep(session, found)
    who.keep_private()
    return [dataclasses.asdict(finding) for finding in found]


@tk.side_effect_free
def inventory_check_last(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Say what the self-check found when it was last run and kept; nothing is looked at.

    :returns: ``at`` (None if it never was) and ``findings``: name, severity, message, remedy, leak
        and count of each
    :raises NotAuthorized: for people who are not CDO
    """
    tk.check_access("inventory_check_last", context, data_dict)
    who.keep_private()
    return checks.last(who.session_of(context))
