"""Saving a large file in CKAN's background worker.

The job is told nothing but the import's id. It holds an advisory lock for as long as it lives, so that a
worker that died is noticed; its progress goes through a connection of its own, so that it is seen while
the one transaction is open. Up to its last commit nothing has happened.

Source: leak L38 (nothing but ids in Redis).
"""

from __future__ import annotations

import hashlib
import time
from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.config import middleware
from flask import has_request_context
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.logic import saving, showing, who
from ckanext.inventory.model import Import
from ckanext.inventory.model.imports import FAILED, QUEUED, READING, RUNNING, SAVING
from ckanext.inventory.service import outbox
from ckanext.inventory.spreadsheets.messages import FileProblem

QUEUE = "inventory:import"
OFTEN = 0.5
"""Seconds between two notes on how far it is."""


def enqueue(import_id: str) -> None:
    """Leave a queued import to the worker.

    :param import_id: the import
    """
    tk.enqueue_job(run_in_worker, [import_id], title="inventory import", queue=QUEUE)


def run_in_worker(import_id: str) -> None:
    """Save an import in a worker, where no request says which language and which site.

    :param import_id: the import
    """
    context = middleware._internal_test_request_context  # pyright: ignore[reportPrivateUsage]
    if has_request_context() or context is None:
        run(import_id)
        return
    # the application that the worker was started with; core's own url_for uses it likewise
    with context.app.test_request_context():
        run(import_id)


def run(import_id: str) -> None:
    """Save an import: all of it, or nothing. A second worker that gets it does nothing.

    :param import_id: the import
    """
    session = cast(Session, model.Session())
    if not session.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_key(import_id)))):
        return
    # Started while the lock is held: who looks meanwhile sees a living job.
    if not _step(import_id, READING, starting=True):
        session.rollback()
        return
    try:
        kept = session.get(Import, import_id, populate_existing=True)
        assert kept is not None
        user = model.User.get(str(kept.choices.get("saver") or ""))
        if user is None:
            raise tk.NotAuthorized
        person = who.person_of_user(session, user)
        saving.carry_out(
            session,
            person,
            str(user.name),
            kept,
            str(kept.fingerprint),
            before=lambda: _step(import_id, SAVING),
            tell=_Progress(import_id).tell,
        )
        session.commit()
    except saving.Cancelled:
        session.rollback()
        return
    except tk.ValidationError as error:
        session.rollback()
        _fail(session, import_id, _words(error))
        return
    except FileProblem as problem:
        session.rollback()
        _fail(session, import_id, showing.said(problem.message))
        return
    except BaseException:
        session.rollback()
        _fail(session, import_id, tk._("It stopped before anything was saved. Try again."))
        raise
    outbox.drain(session)


def _words(error: tk.ValidationError) -> str:
    found = cast("dict[str, Any]", error.error_dict)
    texts = (text for messages in found.values() for text in cast("list[Any]", messages))
    return " ".join(str(text) for text in texts)


class _Progress:
    """Notes how far the job is, now and then; stops it when somebody asked for that."""

    def __init__(self, import_id: str) -> None:
        self._import_id = import_id
        self._last = 0.0

    def tell(self, step: str, done: int) -> None:
        """Note how many rows are read, checked or saved.

        :param step: what is being done
        :param done: rows
        :raises Cancelled: if somebody stopped it before the saving
        """
        if time.monotonic() - self._last < OFTEN:
            return
        self._last = time.monotonic()
        if not _step(self._import_id, step, done):
            raise saving.Cancelled


def _step(import_id: str, step: str, done: int = 0, *, starting: bool = False) -> bool:
    """Note how far the job is; False if somebody stopped it."""
    table = Import.__table__
    assert model.meta.engine is not None
    with model.meta.engine.begin() as connection:
        changed = connection.execute(
            sa.update(table)  # pyright: ignore[reportArgumentType] - a Table
            .where(
                table.c.id == import_id,
                table.c.status.in_([QUEUED, RUNNING] if starting else [RUNNING]),
            )
            .values(status=RUNNING, step=step, done=done, seen_at=clock.now())
            .returning(table.c.id)
        )
        return changed.first() is not None


def _fail(session: Session, import_id: str, message: str) -> None:
    session.execute(
        sa.update(Import)
        .where(Import.id == import_id, Import.status == RUNNING)
        .values(status=FAILED, step="", message=message)
        .execution_options(synchronize_session=False)
    )
    session.commit()


def notice_death(session: Session, kept: Import) -> bool:
    """Notice that the worker of an import died, so that it can be saved again.

    :param session: the database session
    :param kept: the import
    :returns: True if it did; the import is failed now, the caller commits
    """
    if kept.status != RUNNING:
        return False
    alive = not session.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_key(kept.id))))
    session.refresh(kept)
    if alive or kept.status != RUNNING:
        return False
    kept.status, kept.step = FAILED, ""
    kept.message = tk._("The worker stopped before anything was saved. Try again.")
    session.flush()
    return True


def _key(import_id: str) -> int:
    return int.from_bytes(hashlib.sha256(import_id.encode()).digest()[:8], "big", signed=True)
