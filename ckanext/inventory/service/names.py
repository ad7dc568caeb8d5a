"""What the ids in a content stand for: people read names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, cast

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory.fields import Schema
from ckanext.inventory.service import search
from ckanext.inventory.types import Person

_RECORDS = frozenset({"source_list", "entry"})


def people(session: Session, ids: Collection[str]) -> dict[str, str]:
    """Return the names of accounts.

    :param session: the database session
    :param ids: user ids; what is none is left out
    :returns: user id → name
    """
    if not ids:
        return {}
    user = model.user_table
    name = sa.func.coalesce(sa.func.nullif(user.c.fullname, ""), user.c.name)
    query = sa.select(user.c.id, name).where(user.c.id.in_(list(ids)))
    return {user_id: str(text) for user_id, text in session.execute(query)}


def with_owners(session: Session, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to blocker rows the name of an owner that is an account.

    :param session: the database session
    :param rows: the rows of an entry
    :returns: the rows, with ``owner_name`` where the owner is an account
    """
    found = people(session, {str(row["owner"]) for row in rows if row.get("owner")})
    return [
        row | {"owner_name": found[row["owner"]]} if row.get("owner") in found else row
        for row in rows
    ]


def of_values(
    session: Session, person: Person, schema: Schema, values: Iterable[tuple[str, Any]]
) -> dict[str, str]:
    """Return what the ids among some values stand for.

    :param session: the database session
    :param person: who asks; what isn't for them keeps its id
    :param schema: the schema in force
    :param values: fields with a value of each
    :returns: id → name
    """
    records, owners, names = set[str](), set[str](), dict[str, str]()
    for field, value in values:
        kind = schema.fields[field].kind
        if kind in _RECORDS and value:
            listed = cast("list[Any]", value if isinstance(value, list) else [value])
            records |= {str(item) for item in listed}
        elif kind == "rows":
            rows = cast("list[dict[str, Any]]", value or [])
            owners |= {str(row["owner"]) for row in rows if row.get("owner")}
        elif kind == "license" and value:
            licence = model.Package.get_license_register().get(str(value))
            names |= {str(value): str(licence.title)} if licence is not None else {}
    for package_id, found in search.titles(session, person, records).items():
        names[package_id] = f"{found['title']} ({found['number']})"
    return names | people(session, owners)
