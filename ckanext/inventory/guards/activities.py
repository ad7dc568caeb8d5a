"""No activity about an entry, ever (leak L17)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.types import Action, Context, DataDict

from ckanext.inventory.guards.asking import db
from ckanext.inventory.model import event_entry
from ckanext.inventory.types import PRIVATE_TYPES


@tk.chained_action
def activity_create(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Write no activity about an entry, whatever its type, also when the package is gone."""
    if _is_about_ours(data_dict):
        tk.check_access("activity_create", context, data_dict)
        return None
    return next_action(context, data_dict)


def _is_about_ours(data_dict: DataDict) -> bool:
    data = data_dict.get("data")
    named = [data_dict.get("object_id")]
    if isinstance(data, Mapping):
        told = cast("Mapping[str, Any]", data)
        for each in (told, *_dicts_in(told)):
            if each.get("type") in PRIVATE_TYPES:
                return True
            named += [each.get(key) for key in ("id", "package_id", "dataset_id")]
    ids = {each for each in named if isinstance(each, str) and each}
    return _any_ours(ids)


def _dicts_in(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [cast("Mapping[str, Any]", each) for each in told.values() if isinstance(each, Mapping)]


def _any_ours(ids: Collection[str]) -> bool:
    """Whether one of these is a package of ours, or was one: history outlives a purge."""
    if not ids:
        return False
    package = model.package_table
    stands = sa.select(package.c.id).where(
        sa.or_(package.c.id.in_(ids), package.c.name.in_(ids)),
        package.c.type.in_(PRIVATE_TYPES),
    )
    stood = sa.select(event_entry.c.package_id).where(event_entry.c.package_id.in_(ids))
    return bool(db().scalar(sa.select(sa.or_(stands.exists(), stood.exists()))))
