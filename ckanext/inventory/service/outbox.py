"""Side effects after the commit: queued in the transaction, carried out at least once."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.model import Outbox, Pending
from ckanext.inventory.model.outbox import INDEX, INVITATION
from ckanext.inventory.service import indexing, invitation_mail

log = logging.getLogger(__name__)

BATCH = 500
"""How many side effects are carried out in one go."""

RETRY_AFTER = dt.timedelta(seconds=30)
"""How long a side effect that failed waits, times the number of attempts."""

Handler = Callable[[Session, Sequence[str]], Mapping[str, str]]
"""Carries out side effects by key; returns key → error for those that failed."""

HANDLERS: Mapping[str, Handler] = {INDEX: indexing.index, INVITATION: invitation_mail.send}


@dataclass(frozen=True)
class Drained:
    """What a drain did.

    :param done: side effects carried out
    :param failed: side effects that failed and stay queued
    """

    done: int
    failed: int


def queue(session: Session, kind: str, keys: Collection[str]) -> None:
    """Queue side effects; one that is queued already becomes due again.

    :param session: the database session
    :param kind: a key of :data:`HANDLERS`
    :param keys: what to do it for, such as package ids
    """
    if not keys:
        return
    now = clock.now()
    rows = [{"kind": kind, "key": key, "queued_at": now} for key in sorted(set(keys))]
    statement = insert(Outbox)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["kind", "key"],
            set_={
                "version": Outbox.version + 1,
                "not_before": None,
                "queued_at": statement.excluded.queued_at,
            },
        ),
        rows,
    )


def reindex(session: Session, ids: Collection[str]) -> None:
    """Queue packages for the search index.

    :param session: the database session
    :param ids: package ids, of ours or of public datasets
    """
    queue(session, INDEX, ids)


def narrow(session: Session, ids: Collection[str]) -> None:
    """Note that readers were taken away, and queue the packages for the search index.

    Until the index has caught up, search leaves these packages out for everybody.

    :param session: the database session
    :param ids: package ids

    Source: leak contract, layer 2.
    """
    if not ids:
        return
    now = clock.now()
    session.execute(
        insert(Pending).on_conflict_do_nothing(),
        [{"package_id": package_id, "since": now} for package_id in sorted(set(ids))],
    )
    reindex(session, ids)


def waiting(session: Session) -> int:
    """Count the side effects that are queued.

    :param session: the database session
    :returns: the number
    """
    return session.scalar(sa.select(sa.func.count()).select_from(Outbox)) or 0


def drain(session: Session, *, everything: bool = False) -> Drained:
    """Carry out what is queued and due, batch by batch, committing after each.

    This is the one service that commits: it runs after the action's own commit, or from a
    command, and what it did must not be undone by what follows. Several may run at once.

    :param session: the database session, without work of its own under way
    :param everything: take also what failed a short while ago
    :returns: the counts
    """
    done = failed = 0
    last = 0
    while True:
        rows = _due(session, last, everything)
        if not rows:
            session.rollback()
            return Drained(done, failed)
        last = rows[-1].id
        for kind in sorted({row.kind for row in rows}):
            batch = [row for row in rows if row.kind == kind]
            errors = HANDLERS[kind](session, [row.key for row in batch])
            finished = [row for row in batch if row.key not in errors]
            if kind == INDEX:
                _unhide(session, [row.key for row in finished])
            if finished:
                session.execute(
                    sa.delete(Outbox).where(Outbox.id.in_([row.id for row in finished]))
                )
            _postpone(session, batch, errors)
            done += len(finished)
            failed += len(errors)
        session.commit()


def _due(
    session: Session, after: int, everything: bool
) -> Sequence[sa.Row[tuple[int, str, str, int]]]:
    query = (
        sa.select(Outbox.id, Outbox.kind, Outbox.key, Outbox.attempts)
        .where(Outbox.id > after)
        .order_by(Outbox.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    if not everything:
        query = query.where(sa.or_(Outbox.not_before.is_(None), Outbox.not_before <= clock.now()))
    return session.execute(query).all()


def _unhide(session: Session, ids: Sequence[str]) -> None:
    if ids:
        session.execute(sa.delete(Pending).where(Pending.package_id.in_(ids)))


def _postpone(
    session: Session,
    batch: Sequence[sa.Row[tuple[int, str, str, int]]],
    errors: Mapping[str, str],
) -> None:
    now = clock.now()
    for row in batch:
        if row.key in errors:
            log.warning("outbox %s %s failed, attempt %s", row.kind, row.key, row.attempts + 1)
            session.execute(
                sa.update(Outbox)
                .where(Outbox.id == row.id)
                .values(
                    attempts=row.attempts + 1,
                    not_before=now + RETRY_AFTER * min(row.attempts + 1, 20),
                    last_error=errors[row.key][:500],
                )
            )
