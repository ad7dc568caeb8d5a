"""What the harvest plugin shows to everybody (leak L28); only chained where it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.types import Action, Context, DataDict

from ckanext.inventory import labels
from ckanext.inventory.guards.asking import (
    db,
    ours,
    readable,
    unfiltered,
)

_harvest_object = sa.table(
    "harvest_object",
    sa.column("id", sa.Text),
    sa.column("package_id", sa.Text),
    sa.column("harvest_source_id", sa.Text),
)


@tk.chained_action
@tk.side_effect_free
def harvest_object_show(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Show what was harvested only to those who see the dataset that came of it."""
    dataset = data_dict.get("dataset_id")
    package = None if data_dict.get("id") else ours(dataset)
    if package is not None and not readable(context, package):
        raise tk.ObjectNotFound("Dataset not found")
    found = next_action(context, data_dict)
    if not unfiltered(context) and not _may_see_harvested(
        context, found.get("package_id") or found.get("package"), _source_of(found)
    ):
        raise tk.ObjectNotFound("Harvest object not found")
    return found


def _source_of(found: Mapping[str, Any]) -> str | None:
    return found.get("harvest_source_id") or found.get("source")


def _may_see_harvested(context: Context, package_id: str | None, source_id: str | None) -> bool:
    """What became a dataset is as open as the dataset; what didn't, for the source's editors."""
    user = context.get("auth_user_obj")
    if package_id:
        return not labels.hidden(db(), [package_id], user)
    return _may_update_source(context, source_id)


def _may_update_source(context: Context, source_id: str | None) -> bool:
    if not source_id:
        return False
    try:
        fresh = cast(Context, {"user": context.get("user"), "auth_user_obj": None})
        tk.check_access("harvest_source_update", fresh, {"id": source_id})
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return False
    return True


@tk.chained_action
@tk.side_effect_free
def harvest_object_list(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """List no harvested object whose dataset the caller can't open."""
    ids = next_action(context, data_dict)
    if unfiltered(context) or not ids:
        return ids
    rows = (
        db()
        .execute(
            sa.select(_harvest_object.c.id, _harvest_object.c.package_id).where(
                _harvest_object.c.id.in_(ids), _harvest_object.c.package_id.is_not(None)
            )
        )
        .all()
    )
    became = {row.id: row.package_id for row in rows}
    hidden = labels.hidden(db(), set(became.values()), context.get("auth_user_obj"))
    return [each for each in ids if each in became and became[each] not in hidden]


@tk.chained_action
@tk.side_effect_free
def harvest_source_list(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """List no source that the caller can't open, and settings to its editors only."""
    tk.check_access("harvest_source_list", context, data_dict)  # the plugin never asks
    sources = next_action(context, data_dict)
    if unfiltered(context):
        return sources
    hidden = labels.hidden(db(), [each["id"] for each in sources], context.get("auth_user_obj"))
    return [
        each if _may_update_source(context, each["id"]) else _without_settings(each)
        for each in sources
        if each["id"] not in hidden
    ]


def _without_settings(source: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in source.items() if key != "config"}
