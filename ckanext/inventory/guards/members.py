"""Members of organizations and groups (leaks L12, L22)."""

from __future__ import annotations

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
    given = data_dict.get("packages")
    if not isinstance(given, list):
        return data_dict
    rows = cast("list[Any]", given)
    return {**data_dict, "packages": [row for row in rows if not _names_ours(row)]}


def _names_ours(row: object) -> bool:
    if not isinstance(row, Mapping):
        return False
    named = cast("Mapping[str, Any]", row)
    return any(ours(named.get(key)) is not None for key in ("id", "name"))
