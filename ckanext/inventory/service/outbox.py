"""Side effects after the commit: queued in the transaction, carried out at least once."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, Insert, insert
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.model import Outbox, Pending
from ckanext.inventory.model.outbox import DIGEST, INDEX, INVITATION, NOTICE, PART
from ckanext.inventory.service import indexing, invitation_mail

log = logging.getLogger(__name__)

_QUEUED = "inventory_queued"
"""Mark on a session in which something was queued that is due at once."""

BATCH = 2_000
"""How many side effects are carried out in one go: each ends with a commit of the index, which costs more
than a hundred documents; so many documents are some ten megabytes."""

FEW = 20
"""How many mails to people are sent in one go: a process that dies repeats no more of them."""

LATER = frozenset({NOTICE, DIGEST})
"""What nobody's request sends: it is in everybody's own time and language."""

RETRY_AFTER = dt.timedelta(seconds=30)
"""How long a side effect that failed waits, times the number of attempts."""

Handler = Callable[[Session, Sequence[str]], Mapping[str, str]]
"""Carries out side effects by key; returns key → error for those that failed."""


def _notice(session: Session, keys: Sequence[str]) -> Mapping[str, str]:
    # it asks for rights, and what grants and ends those queues its side effects here
    from ckanext.inventory.service import notice_mail

    return notice_mail.send_notices(session, keys)


def _digest(session: Session, keys: Sequence[str]) -> Mapping[str, str]:
    from ckanext.inventory.service import notice_mail

    return notice_mail.send_digests(session, keys)


def _part(session: Session, keys: Sequence[str]) -> Mapping[str, str]:
    # it makes a workbook and asks for rights, and what lets it go out is queued here
    from ckanext.inventory.service import part_mail

    return part_mail.send(session, keys)


HANDLERS: Mapping[str, Handler] = {
    INDEX: indexing.index,
    INVITATION: invitation_mail.send,
    NOTICE: _notice,
    DIGEST: _digest,
    PART: _part,
}


@dataclass(frozen=True)
class Drained:
    """What a drain did.

    :param done: side effects carried out
    :param failed: side effects that failed and stay queued
    """

    done: int
    failed: int


def queue(
    session: Session,
    kind: str,
    keys: Collection[str],
    *,
    not_before: dt.datetime | None = None,
) -> None:
    """Queue side effects; one that is queued already becomes due again.

    :param session: the database session
    :param kind: a key of :data:`HANDLERS`
    :param keys: what to do it for, such as package ids
    :param not_before: when it may be done, None for at once
    """
    if not keys:
        return
    if kind not in LATER and not_before is None:
        session.info[_QUEUED] = True
    session.execute(
        _queueing(),
        {
            "kind": kind,
            "keys": sorted(set(keys)),
            "queued_at": clock.now(),
            "not_before": not_before,
        },
    )


@cache
def _queueing() -> Insert:
    """Build the one statement for however many keys."""
    moment = sa.DateTime(timezone=True)
    given = sa.select(
        sa.bindparam("kind", type_=sa.Text),
        _each_key(),
        sa.bindparam("queued_at", type_=moment),
        sa.bindparam("not_before", type_=moment),
    )
    # the table, not the class: the ORM takes a mapped class's values for rows of its own
    statement = insert(cast(sa.Table, Outbox.__table__)).from_select(
        ["kind", "key", "queued_at", "not_before"], given
    )
    return statement.on_conflict_do_update(
        index_elements=["kind", "key"],
        set_={
            "version": Outbox.version + 1,
            "not_before": statement.excluded.not_before,
            "queued_at": statement.excluded.queued_at,
        },
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
    session.execute(_narrowing(), {"keys": sorted(set(ids)), "since": clock.now()})
    reindex(session, ids)


@cache
def _narrowing() -> Insert:
    """Build the one statement for however many packages."""
    moment = sa.DateTime(timezone=True)
    given = sa.select(_each_key(), sa.bindparam("since", type_=moment))
    statement = insert(cast(sa.Table, Pending.__table__)).from_select(
        ["package_id", "since"], given
    )
    return statement.on_conflict_do_nothing()


def _each_key() -> sa.ColumnElement[str]:
    return sa.func.unnest(sa.bindparam("keys", type_=ARRAY(sa.Text)))


def waiting(session: Session) -> int:
    """Count the side effects that are queued; mails that wait for their time don't count.

    :param session: the database session
    :returns: the number
    """
    query = sa.select(sa.func.count()).where(Outbox.kind.not_in(LATER))
    return session.scalar(query) or 0


def due(session: Session) -> bool:
    """Tell whether something was queued that :func:`drain` does at once.

    It is not asked of the database: a write that queues nothing would pay for it each time, and what
    others left behind is taken along by the next write that does queue something.

    :param session: the database session, with what was queued in it
    :returns: the answer
    """
    return bool(session.info.get(_QUEUED))


def drain(
    session: Session, *, everything: bool = False, kinds: Collection[str] | None = None
) -> Drained:
    """Carry out what is queued and due, batch by batch, committing after each.

    This is the one service that commits: it runs after the action's own commit, or from a
    command, and what it did must not be undone by what follows. Several may run at once.

    :param session: the database session, without work of its own under way
    :param everything: take also what failed a short while ago, and what goes out by mail; mails
        that wait until an act can't be undone any more go on waiting
    :param kinds: only side effects of these kinds
    :returns: the counts
    """
    session.info.pop(_QUEUED, None)
    wanted = set(kinds if kinds is not None else HANDLERS)
    if kinds is None and not everything:
        wanted -= LATER
    done = failed = 0
    for some, batch_size in ((wanted - LATER, BATCH), (wanted & LATER, FEW)):
        if some:
            drained = _drain(session, some, batch_size, everything)
            done, failed = done + drained.done, failed + drained.failed
    return Drained(done, failed)


def _drain(session: Session, kinds: Collection[str], batch_size: int, everything: bool) -> Drained:
    done = failed = 0
    last = 0
    while True:
        rows = _due(session, last, everything, kinds, batch_size)
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
    session: Session, after: int, everything: bool, kinds: Collection[str], batch_size: int
) -> Sequence[sa.Row[tuple[int, str, str, int]]]:
    values = {"after": after, "kinds": sorted(kinds), "now": clock.now(), "most": batch_size}
    return session.execute(_select_due(everything=everything), values).all()


@cache
def _select_due(*, everything: bool) -> sa.Select[tuple[int, str, str, int]]:
    return (
        _queued(everything=everything)
        .order_by(Outbox.id)
        .limit(sa.bindparam("most", type_=sa.Integer))
        .with_for_update(skip_locked=True)
    )


def _queued(*, everything: bool) -> sa.Select[tuple[int, str, str, int]]:
    kinds: sa.BindParameter[Any] = sa.bindparam("kinds", expanding=True)
    now: sa.BindParameter[Any] = sa.bindparam("now")
    its_time = sa.or_(Outbox.not_before.is_(None), Outbox.not_before <= now)
    return sa.select(Outbox.id, Outbox.kind, Outbox.key, Outbox.attempts).where(
        Outbox.id > sa.bindparam("after"),
        Outbox.kind.in_(kinds),
        sa.or_(its_time, Outbox.attempts > 0) if everything else its_time,
    )


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
