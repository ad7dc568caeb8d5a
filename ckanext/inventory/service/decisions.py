"""The last decisions on what a person reads, for their first page."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import policy
from ckanext.inventory.model import Record
from ckanext.inventory.model.event import event, event_detail, event_entry
from ckanext.inventory.service import search
from ckanext.inventory.types import ENTRY, Person

DECISIONS = ("approve", "return", "defer", "withhold", "promote", "withdraw")


def latest(session: Session, person: Person, *, limit: int) -> list[dict[str, Any]]:
    """Return the last decisions that others took on entries that a person may read.

    :param session: the database session
    :param person: who asks
    :param limit: how many at most
    :returns: act, at, to_state, number, title, comment of each, newest first
    """
    last = (
        sa.select(
            event.c.act,
            event.c.at,
            event_entry.c.to_state,
            Record.number,
            Record.title,
            event_detail.c.details,
        )
        .join(event_entry, event_entry.c.event_id == event.c.id)
        .join(Record, Record.package_id == event_entry.c.package_id)
        .outerjoin(
            event_detail,
            sa.and_(
                event_detail.c.event_id == event_entry.c.event_id,
                event_detail.c.seq == event_entry.c.seq,
            ),
        )
        .where(
            event.c.act.in_(DECISIONS),
            sa.or_(event.c.user_id.is_(None), event.c.user_id != person.user_id),
            Record.package_type == ENTRY,
            Record.package_state == "active",
            search.visible(policy.scope(person)),
        )
        .order_by(event.c.id.desc())
        .limit(limit)
    )
    return [
        {
            "act": row["act"],
            "at": row["at"].isoformat(),
            "to_state": row["to_state"],
            "number": row["number"],
            "title": row["title"],
            "comment": _comment(row["details"]),
        }
        for row in session.execute(last).mappings()
    ]


def _comment(details: dict[str, Any] | None) -> str | None:
    return details.get("comment") if details else None
