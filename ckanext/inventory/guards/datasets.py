"""Purging, bulk changes, collaborators and relationships (leaks L21, L23, L24, L26)."""

from __future__ import annotations

import uuid
from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.types import Action, Context, DataDict

from ckanext.inventory.guards.asking import (
    db,
    may,
    ours,
    readable,
    unfiltered,
)
from ckanext.inventory.logic import who
from ckanext.inventory.policy import Act
from ckanext.inventory.publishing import hold
from ckanext.inventory.service import facts, purge
from ckanext.inventory.types import PRIVATE_TYPES


@tk.chained_action
def dataset_purge(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Purge an entry by policy, with its side tables; number and events stay."""
    reference = data_dict.get("id")
    if facts.is_odd(reference):
        raise tk.ObjectNotFound("Dataset was not found")
    package = model.Package.get(reference)
    if package is None:
        return next_action(context, data_dict)
    if package.type not in PRIVATE_TYPES:
        if unfiltered(context):
            hold.refuse_removal(db(), context, package.id)
        return next_action(context, data_dict)
    registered = package.id in facts.records(db(), [package.id])
    if not readable(context, package) and (registered or not unfiltered(context)):
        raise tk.ObjectNotFound("Dataset was not found")
    tk.check_access("dataset_purge", context, data_dict)
    if not registered:
        return next_action(context, data_dict)
    decision = may(context, Act.PURGE, package)
    if not decision:
        raise tk.ValidationError({"id": [tk._(decision.reason)]})
    purge.forget(db(), package.id, who.person(context).user_id)
    try:
        return next_action(context, data_dict)
    except BaseException:
        model.Session.rollback()
        raise


def _bulk(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Treat ids of our types like ids that don't exist."""
    given = cast("str | list[str]", data_dict.get("datasets") or [])
    ids = [given] if isinstance(given, str) else list(given)
    package = model.package_table
    rows = (
        db()
        .execute(
            sa.select(package.c.id, package.c.name).where(
                sa.or_(package.c.id.in_(ids), package.c.name.in_(ids)),
                package.c.type.in_(PRIVATE_TYPES),
            )
        )
        .all()
    )
    of_ours = {reference for row in rows for reference in row}
    # In place: subscribers of this action read the same dict afterwards.
    data_dict["datasets"] = [str(uuid.uuid4()) if each in of_ours else each for each in ids]
    return next_action(context, data_dict)


@tk.chained_action
def bulk_update_public(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Publish no entry in bulk."""
    return _bulk(next_action, context, data_dict)


@tk.chained_action
def bulk_update_private(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Touch no entry in bulk."""
    return _bulk(next_action, context, data_dict)


@tk.chained_action
def bulk_update_delete(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Delete no entry in bulk."""
    return _bulk(next_action, context, data_dict)


def _unrelated(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Relate an entry to nothing: the other end would show its name to everybody."""
    for end in ("subject", "object"):
        if ours(data_dict.get(end)) is not None:
            raise tk.ObjectNotFound(f"{end.title()} package {data_dict[end]!r} was not found.")
    return next_action(context, data_dict)


@tk.chained_action
def package_relationship_create(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Make no relationship with an entry."""
    return _unrelated(next_action, context, data_dict)


@tk.chained_action
def package_relationship_update(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Change no relationship with an entry."""
    return _unrelated(next_action, context, data_dict)


@tk.chained_action
def package_relationship_delete(next_action: Action, context: Context, data_dict: DataDict) -> Any:
    """Delete no relationship with an entry: there is none."""
    return _unrelated(next_action, context, data_dict)
