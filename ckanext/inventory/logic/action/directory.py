"""The action behind the city directory, for the page and for an intranet."""

from __future__ import annotations

from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
from ckan.types import Context, DataDict

from ckanext.inventory.logic import schema_notices as schema
from ckanext.inventory.logic import who
from ckanext.inventory.service import directory

__all__ = ["inventory_directory"]

MAX_ROWS = 100
"""Entries in one answer."""


@tk.side_effect_free
@tk.validate_action_data(schema.directory)
def inventory_directory(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Search who in the city holds what, and whom to ask.

    :param q: words, each of which has to be found, with typing errors if need be (optional)
    :param department: name or id of a department (optional)
    :param source: a part of a source's name (optional)
    :param person: a part of the name of somebody to ask (optional)
    :param limit: entries, 100 at most (default: 25)
    :param offset: entries to skip (default: 0)
    :returns: ``count``, ``departments`` (id, title, count) and ``results``: number, title,
        description, department, sources (their names), ask (name, email, coordinators), and
        whether the caller may_open it
    :raises NotAuthorized: for people whom the directory isn't open to
    """
    tk.check_access("inventory_directory", context, data_dict)
    who.keep_private()
    reference = data_dict.get("department")
    group = model.Group.get(reference) if reference else None
    return directory.find(
        who.session_of(context),
        who.person(context),
        directory.Query(
            text=str(data_dict["q"]),
            department=(str(group.id) if group is not None else reference) or None,
            source=str(data_dict["source"]),
            person=str(data_dict["person"]),
            limit=min(int(data_dict["limit"]), MAX_ROWS),
            offset=int(data_dict["offset"]),
        ),
    )
