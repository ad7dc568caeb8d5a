"""Searches and pickers (leak contract, layer 2: narrowing must not wait; L8)."""

from __future__ import annotations

from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.types import Action, Context, DataDict

from ckanext.inventory import labels
from ckanext.inventory.guards.asking import (
    db,
    unfiltered,
)
from ckanext.inventory.model import Pending
from ckanext.inventory.types import PRIVATE_TYPES

_PICKER_ROWS = 1000
"""How many matches a picker looks through when ours crowd the first ones out."""

_FILTER_IDS = 500
"""How many ids go into one filter; Solr takes about a thousand clauses."""


@tk.chained_action
@tk.side_effect_free
def package_search(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Leave out what readers were taken away from and the index doesn't know of yet."""
    if unfiltered(context):
        return next_action(context, data_dict)
    hidden = labels.once("pending", _pending)
    if not hidden:
        return next_action(context, data_dict)
    return next_action(context, {**data_dict, "fq_list": _excluding(data_dict, hidden)})


def _pending() -> list[str]:
    return list(db().scalars(sa.select(Pending.package_id)))


def _excluding(data_dict: DataDict, ids: list[str]) -> list[str]:
    given = cast("str | list[str]", data_dict.get("fq_list") or [])
    filters = [given] if isinstance(given, str) else list(given)
    for start in range(0, len(ids), _FILTER_IDS):
        some = " OR ".join(f'"{each}"' for each in ids[start : start + _FILTER_IDS])
        filters.append(f"-id:({some})")
    return filters


@tk.chained_action
@tk.side_effect_free
def package_autocomplete(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Keep entries, which have no title in the index, out of pickers of datasets; pending ones
    with them."""
    found = next_action(context, data_dict)
    kept = _without_ours(found)
    if len(kept) < len(found):
        limit = int(data_dict.get("limit") or 10)
        more = next_action(context, {**data_dict, "limit": max(limit, _PICKER_ROWS)})
        kept = _without_ours(more)[:limit]
    return kept


def _without_ours(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep datasets that are no entries, aren't pending and stand in the database."""
    if not rows:
        return rows
    package = model.package_table
    kept = set(
        db().scalars(
            sa.select(package.c.name).where(
                package.c.name.in_({row["name"] for row in rows}),
                package.c.type.not_in(PRIVATE_TYPES),
                package.c.id.not_in(sa.select(Pending.package_id)),
            )
        )
    )
    return [row for row in rows if row["name"] in kept]
