"""How somebody wants to be told, and whose digest is due."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config
from ckanext.inventory.model import NoticeSetting
from ckanext.inventory.service import readers
from ckanext.inventory.service.notice_rules import Digest
from ckanext.inventory.service.readers import Known


def of(session: Session, user_id: str) -> dict[str, Any]:
    """Return how somebody wants to be told.

    :param session: the database session
    :param user_id: the account
    :returns: ``digest`` (daily, weekly or never), ``at_once``, ``digest_at``
    """
    row = _rows(session, user_id).get(user_id)
    return {
        "digest": (row.digest if row is not None else None) or config.digest(),
        "at_once": row.at_once if row is not None else True,
        "digest_at": row.digest_at.isoformat() if row is not None and row.digest_at else None,
    }


def _rows(session: Session, user_id: str | None = None) -> dict[str, sa.Row[Any]]:
    query = sa.select(
        NoticeSetting.user_id, NoticeSetting.digest, NoticeSetting.at_once, NoticeSetting.digest_at
    )
    if user_id is not None:
        query = query.where(NoticeSetting.user_id == user_id)
    return {row.user_id: row for row in session.execute(query)}


def change(session: Session, user_id: str, values: Mapping[str, Any]) -> None:
    """Change how somebody is told.

    :param session: the database session
    :param user_id: the account
    :param values: columns of the settings, those that change
    """
    session.execute(
        insert(NoticeSetting)
        .values(user_id=user_id, **values)
        .on_conflict_do_update(index_elements=["user_id"], set_=dict(values))
    )


def due(session: Session) -> list[tuple[str, Known]]:
    """Return who gets a digest today, if there is something to tell.

    :param session: the database session
    :returns: user id and who they are
    """
    rows = _rows(session)
    now = clock.now()
    found: list[tuple[str, Known]] = []
    for user_id, one in sorted(readers.people(session).items()):
        row = rows.get(user_id)
        pace = Digest((row.digest if row is not None else None) or config.digest())
        last = row.digest_at if row is not None else None
        if one.email and pace is not Digest.NEVER and _is_time(pace, last, now):
            found.append((user_id, one))
    return found


def _is_time(pace: Digest, last: dt.datetime | None, now: dt.datetime) -> bool:
    if last is None:
        return True
    return (now.date() - last.date()).days >= (7 if pace is Digest.WEEKLY else 1)
