"""Departments stay as long as they have entries (leak L27)."""

from __future__ import annotations

from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.types import Action, Context, DataDict

from ckanext.inventory.guards.asking import db
from ckanext.inventory.model import Record


@tk.chained_action
def organization_update(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Close no department that still has entries."""
    refuse_closing(context, data_dict, "organization_update")
    return next_action(context, data_dict)


@tk.chained_action
def organization_delete(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Delete no department that still has entries."""
    _refuse_emptying(context, data_dict, "organization_delete")
    return next_action(context, data_dict)


@tk.chained_action
def organization_purge(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Purge no department that still has entries."""
    _refuse_emptying(context, data_dict, "organization_purge")
    return next_action(context, data_dict)


@tk.chained_action
def group_delete(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Delete no department by the groups' door, which looks at no datasets."""
    _refuse_emptying(context, data_dict, "group_delete")
    return next_action(context, data_dict)


@tk.chained_action
def group_purge(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Purge no department by the groups' door."""
    _refuse_emptying(context, data_dict, "group_purge")
    return next_action(context, data_dict)


def refuse_closing(context: Context, data_dict: DataDict, action: str) -> None:
    """Refuse to close an organization with entries by way of its state.

    :param context: the action's context
    :param data_dict: the action's data
    :param action: the action's name, for its auth function
    :raises ValidationError: while the department has entries
    """
    if data_dict.get("state") == model.State.DELETED:
        _refuse_emptying(context, data_dict, action)


def _refuse_emptying(context: Context, data_dict: DataDict, action: str) -> None:
    """Refuse to delete an organization with entries, in core's words for one with datasets."""
    group = model.Group.get(data_dict.get("id"))
    if group is None or not group.is_organization:
        return
    tk.check_access(action, cast(Context, {**context, "group": group}), data_dict)
    kept = sa.select(Record.package_id).where(
        Record.department == group.id, Record.package_state != model.State.DELETED
    )
    if db().scalar(kept.limit(1)) is not None:
        raise tk.ValidationError(
            {"message": tk._("Organization cannot be deleted while it still has datasets")}
        )
