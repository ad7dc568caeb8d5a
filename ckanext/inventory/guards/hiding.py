"""Core actions that answer differently for a hidden package than for none (leak L2).

They look the package up before they ask whether the caller may know of it. For a caller who may
not, they are asked about an id that doesn't exist instead: so they answer in their own words, and
their answer can't differ.
"""

from __future__ import annotations

import uuid
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import Action, Context, DataDict

from ckanext.inventory.guards.asking import ours, readable, unfiltered


def _guard(*keys: str, writes: bool = False) -> Any:
    """Make a chained action that hides packages named by some of its parameters.

    :param keys: the parameters
    :param writes: it isn't free of side effects
    """

    @tk.chained_action
    def hide(next_action: Action, context: Context, data_dict: DataDict) -> Any:
        return next_action(context, as_unknown(context, data_dict, keys))

    return hide if writes else tk.side_effect_free(hide)


def as_unknown(context: Context, data_dict: DataDict, keys: tuple[str, ...]) -> DataDict:
    """Replace ids of packages that the caller may not know of by ids of nothing.

    :param context: the action's context
    :param data_dict: what was sent
    :param keys: parameters that name packages
    :returns: the same dict, or a copy with other ids
    """
    if unfiltered(context):
        return data_dict
    hidden = [key for key in keys if _is_hidden(context, data_dict.get(key))]
    if not hidden:
        return data_dict
    return {**data_dict, **{key: str(uuid.uuid4()) for key in hidden}}


def _is_hidden(context: Context, reference: object) -> bool:
    package = ours(reference)
    return package is not None and not readable(context, package)


READING: dict[str, Any] = {
    "am_following_dataset": _guard("id"),
    "dataset_follower_count": _guard("id"),
    "package_collaborator_list": _guard("id"),
    "package_relationships_list": _guard("id", "id2"),
}
"""Reading actions of core's."""

WRITING: dict[str, Any] = {
    "package_collaborator_delete": _guard("id", writes=True),
    "unfollow_dataset": _guard("id", writes=True),
}
"""Writing actions of core's that nothing else here guards."""

READING_ACTIVITY: dict[str, Any] = {"package_activity_list": _guard("id")}
READING_HARVEST: dict[str, Any] = {"harvest_source_show_status": _guard("id")}
