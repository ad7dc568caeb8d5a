"""The descriptive part of a package as a plain dictionary, and writing it from a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
from ckan.types import Context
from sqlalchemy.orm import Session

from ckanext.inventory import fields
from ckanext.inventory.fields import Schema
from ckanext.inventory.types import Person

CONTEXT_KEY = "inventory_write"
"""Key of CKAN's context under which :class:`Write` travels to the hooks."""

CACHE = "inventory_cache"
"""Key of CKAN's context for a dict that lives as long as a batch, so that the validators look up a
department once for all of its rows."""

_COLUMNS = ("title", "notes", "license_id", "owner_org")


@dataclass(frozen=True)
class Write:
    """How a write came about.

    :param person: who writes
    :param review_act: reviewer's fields are inputs of a review act and don't make an author
    :param revision: the revision that the text is based on, None if not named
    :param event: write an event of its own; an act that writes its own says False
    """

    person: Person
    review_act: bool = False
    revision: int | None = None
    event: bool = True


def of_package(schema: Schema, package: model.Package) -> dict[str, Any]:
    """Return the content of a package, without what our tables hold.

    :param schema: the schema of the type
    :param package: the package
    :returns: field name → value, without empty ones
    """
    columns = {name: getattr(package, name) for name in _COLUMNS}
    return fields.content_of(schema, {**columns, "extras": dict(package.extras or {})})


def write(
    session: Session,
    package_id: str,
    changes: Mapping[str, Any],
    how: Write,
    user_name: str,
) -> None:
    """Change fields of a package through core, inside the running transaction.

    All validators and the register's own rules run; nothing is committed or indexed.

    :param session: the database session
    :param package_id: the package
    :param changes: field name → new value
    :param how: who writes and why
    :param user_name: name of the account, for core's own records
    :raises ValidationError: with everything that is wrong, by field
    """
    context = cast(
        Context,
        {
            "model": model,
            "session": session,
            "user": user_name,
            "ignore_auth": True,
            "defer_commit": True,
            "return_id_only": True,
            CONTEXT_KEY: how,
        },
    )
    tk.get_action("package_patch")(context, {"id": package_id, **changes})
    session.flush()
