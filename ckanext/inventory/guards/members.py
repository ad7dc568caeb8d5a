"""Members of organizations and groups (leaks L12, L22)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
from ckan.types import Action, Context, DataDict

from ckanext.inventory import labels
from ckanext.inventory.guards.asking import (
    db,
    may,
    ours,
    unfiltered,
)
from ckanext.inventory.guards.departments import refuse_closing
from ckanext.inventory.policy import Act


@tk.chained_action
@tk.side_effect_free
def member_list(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Drop the packages that the caller couldn't open."""
    rows = next_action(context, data_dict)
    if unfiltered(context):
        return rows
    packages = [row[0] for row in rows if row[1] == "package"]
    hidden = labels.hidden(db(), packages, context.get("auth_user_obj"))
    return [row for row in rows if row[1] != "package" or row[0] not in hidden]


@tk.chained_action
def member_create(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Attach no entry to a group; its own organization may be named by who may edit it."""
    _keep_out_of_groups(context, data_dict)
    return next_action(context, data_dict)


@tk.chained_action
def member_delete(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Detach no entry from its organization."""
    _keep_out_of_groups(context, data_dict)
    return next_action(context, data_dict)


def _keep_out_of_groups(context: Context, data_dict: DataDict) -> None:
    kind = str(data_dict.get("object_type") or "").title()
    package = ours(data_dict.get("object")) if kind == "Package" else None
    if package is None:
        return
    group = model.Group.get(data_dict.get("id"))
    own = group is not None and group.id == package.owner_org
    if not (own and data_dict.get("capacity") == "organization") or not may(
        context, Act.EDIT, package
    ):
        raise tk.ObjectNotFound(f"{kind} was not found.")


@tk.chained_action
def group_create(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Put no entry into a group."""
    return next_action(context, _without_packages_of_ours(data_dict))


@tk.chained_action
def group_update(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Put no entry into a group; leave the packages of a department to its own actions."""
    refuse_closing(context, data_dict, "group_update")
    if data_dict.get("packages") is not None:
        group = model.Group.get(data_dict.get("id"))
        if group is not None and group.is_organization:
            data_dict = {key: data_dict[key] for key in data_dict if key != "packages"}
    return next_action(context, _without_packages_of_ours(data_dict))


def _without_packages_of_ours(data_dict: DataDict) -> DataDict:
    """Put ids of nothing in the place of ours, so that core's own check refuses them."""
    given = data_dict.get("packages")
    if not isinstance(given, list):
        return data_dict
    rows = cast("list[Any]", given)
    return {**data_dict, "packages": [_as_unknown(row) for row in rows]}


def _as_unknown(row: object) -> object:
    if not isinstance(row, Mapping):
        return row
    named = dict(cast("Mapping[str, Any]", row))
    for key in ("id", "name"):
        if ours(named.get(key)) is not None:
            named[key] = str(uuid.uuid4())
    return named
