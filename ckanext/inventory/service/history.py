"""Reading the history of a record, and its revisions."""

from __future__ import annotations

from typing import Any

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory.model import Revision
from ckanext.inventory.model.event import event, event_detail, event_entry


def of_record(
    session: Session, package_id: str, *, limit: int, before: int | None = None
) -> list[dict[str, Any]]:
    """Return the events of a record, newest first.

    :param session: the database session
    :param package_id: the record
    :param limit: how many at most
    :param before: only events with a smaller id
    :returns: id, at, act, user (id and name), states, revision, details of each
    """
    user = model.user_table
    query = (
        sa.select(
            event.c.id,
            event.c.at,
            event.c.act,
            event.c.user_id,
            sa.func.coalesce(sa.func.nullif(user.c.fullname, ""), user.c.name).label("user_name"),
            event_entry.c.from_state,
            event_entry.c.to_state,
            event_entry.c.revision,
            event_detail.c.details,
            event_detail.c.erased_at,
        )
        .join(event_entry, event_entry.c.event_id == event.c.id)
        .outerjoin(
            event_detail,
            sa.and_(
                event_detail.c.event_id == event_entry.c.event_id,
                event_detail.c.seq == event_entry.c.seq,
            ),
        )
        .outerjoin(user, user.c.id == event.c.user_id)
        .where(event_entry.c.package_id == package_id)
        .order_by(event.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(event.c.id < before)
    return [_shown(dict(row)) for row in session.execute(query).mappings()]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    details: dict[str, Any] = dict(row.pop("details") or {})
    details.pop("before", None)
    erased = row.pop("erased_at") is not None
    return row | {"at": row["at"].isoformat(), "details": details, "erased": erased}


def revisions(session: Session, package_id: str) -> list[dict[str, Any]]:
    """Return the revisions of a record, newest first, without their content.

    :param session: the database session
    :param package_id: the record
    :returns: revision, by, at of each
    """
    query = (
        sa.select(Revision.revision, Revision.by, Revision.at)
        .where(Revision.package_id == package_id)
        .order_by(Revision.revision.desc())
    )
    return [
        {"revision": revision, "by": by, "at": at.isoformat()}
        for revision, by, at in session.execute(query)
    ]
