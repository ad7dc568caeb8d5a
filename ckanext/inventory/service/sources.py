"""What a list of sources shows beside the register: whom to ask, and the entries of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import policy
from ckanext.inventory.model import Record
from ckanext.inventory.service import register, search
from ckanext.inventory.types import ENTRY, Person

SHOWN_FIELDS = ("source_type", "business_expert", "it_expert", "planned_change")


def with_details(
    session: Session, person: Person, rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Add contacts, kind, planned change and the entries by state to rows of a list of sources.

    :param session: the database session
    :param person: who asks; only entries that they may read are counted
    :param rows: rows of ``search.rows``
    :returns: the rows with :data:`SHOWN_FIELDS`, ``entry_count`` and ``entry_states``
    """
    ids = [row["package_id"] for row in rows]
    contents = register.current_contents(session, ids)
    states = _entry_states(session, person, ids)
    return [
        row
        | {name: contents.get(row["package_id"], {}).get(name) for name in SHOWN_FIELDS}
        | {
            "entry_states": states.get(row["package_id"], {}),
            "entry_count": sum(states.get(row["package_id"], {}).values()),
        }
        for row in rows
    ]


def _entry_states(session: Session, person: Person, ids: list[str]) -> dict[str, dict[str, int]]:
    if not ids:
        return {}
    source = sa.func.unnest(Record.source_ids).label("source")
    inner = (
        sa.select(source, Record.state)
        .where(
            Record.package_type == ENTRY,
            Record.package_state == "active",
            Record.source_ids.overlap(sa.cast(ids, sa.ARRAY(sa.Text))),
            search.visible(policy.scope(person)),
        )
        .subquery()
    )
    statement = (
        sa.select(inner.c.source, inner.c.state, sa.func.count())
        .where(inner.c.source.in_(ids))
        .group_by(inner.c.source, inner.c.state)
    )
    found: dict[str, dict[str, int]] = {}
    for package_id, state, count in session.execute(statement):
        found.setdefault(package_id, {})[state] = count
    return found
