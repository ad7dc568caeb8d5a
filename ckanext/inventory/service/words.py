"""The words that search looks at, beside the register: written with every content."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ckanext.inventory.model import Words


@cache
def _statement() -> sa.Executable:
    """Build the statement once: it is the same for one record and for thousands."""
    table = Words.__table__
    texts = sa.ARRAY(sa.Text)
    given = sa.select(
        sa.func.unnest(sa.bindparam("ids", type_=texts)),
        sa.func.unnest(sa.bindparam("texts", type_=texts)),
    )
    written = insert(table).from_select(["package_id", "text"], given)  # pyright: ignore[reportArgumentType] - a Table
    return written.on_conflict_do_update(
        index_elements=[table.c.package_id],
        set_={"text": written.excluded.text},
        where=table.c.text != written.excluded.text,
    ).returning(table.c.package_id)


def put(session: Session, texts: Mapping[str, str]) -> set[str]:
    """Write the words of records, in one statement.

    :param session: the database session
    :param texts: package id → its words
    :returns: package ids whose words were others before
    """
    if not texts:
        return set()
    given = {"ids": list(texts), "texts": list(texts.values())}
    return set(session.scalars(_statement(), given))
