"""Looking at a large file, saving it and taking it back, in CKAN's background worker.

The job is told nothing but the import's id: what it is to do, and for whom, stands in the import's
``task``. It holds an advisory lock for as long as it lives, so that a worker that died is noticed; its
progress goes through a connection of its own, so that it is seen while the one transaction is open. Up to
its last commit nothing has happened.

Source: leak L38 (nothing but ids in Redis).
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.config import middleware
from ckan.lib import jobs
from flask import has_request_context
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.logic import saving, showing, who
from ckanext.inventory.logic.collecting import new_objects_only
from ckanext.inventory.model import Import
from ckanext.inventory.model.imports import (
    CHECKING,
    FAILED,
    LOOK,
    PREVIEW,
    QUEUED,
    READING,
    RUNNING,
    SAVE,
    SAVED,
    SAVING,
    STOPPED,
    UNDO,
)
from ckanext.inventory.service import import_undo, languages, outbox
from ckanext.inventory.spreadsheets.messages import FileProblem
from ckanext.inventory.types import Person

log = logging.getLogger(__name__)

QUEUE = "inventory:import"
OFTEN = 0.5
"""Seconds between two notes on how far it is."""

SEEN = "seen"
"""Names, in a task, the choices of the last look that came to its end."""

RETRIES = 1
"""How often the next worker takes up what a worker died of; what kills each isn't tried for ever."""


def ask(kept: Import, person: Person, do: str, **what: Any) -> None:
    """Ask the worker for something. The caller commits, and then enqueues it.

    :param kept: the import
    :param person: for whom it is done, with their rights at the time of doing
    :param do: :data:`~ckanext.inventory.model.imports.LOOK`, ``SAVE`` or ``UNDO``
    :param what: a save: ``fingerprint`` and ``choices``, all of them
    """
    kept.status, kept.step, kept.done, kept.seen_at = QUEUED, "", 0, clock.now()
    kept.message = None
    kept.task = {**_asked(person.user_id, languages.current(), do), **what}


def ask_for_a_look(kept: Import, person: Person, choices: Mapping[str, Any]) -> None:
    """Ask the worker to look with choices. The caller commits, and then enqueues it.

    The choices of the last look that came to its end are kept: where the file can't be read with the new
    ones, they count again.

    :param kept: the import
    :param person: for whom it is done
    :param choices: all choices
    """
    seen = kept.task.get(SEEN, kept.choices if kept.status in (PREVIEW, FAILED) else None)
    kept.choices = dict(choices)
    ask(kept, person, LOOK, **_seen_before(seen, choices))


def _seen_before(seen: Mapping[str, Any] | None, choices: Mapping[str, Any]) -> dict[str, Any]:
    """Note in a task what to go back to; the same choices would lead round in a circle."""
    return {} if seen is None or dict(seen) == dict(choices) else {SEEN: dict(seen)}


def _asked(user_id: str | None, language: str, do: str) -> dict[str, Any]:
    return {"do": do, "by": user_id, "language": language}


def enqueue(import_id: str) -> None:
    """Leave a queued import to the worker; without a queue it is done here and now.

    :param import_id: the import
    """
    try:
        tk.enqueue_job(run_in_worker, [import_id], title="inventory import", queue=QUEUE)
    except RedisError:
        log.exception("There is no queue: an import is carried out without it")
        run(import_id)


def run_in_worker(import_id: str) -> None:
    """Carry out an import in a worker, where no request says which site.

    :param import_id: the import
    """
    context = middleware._internal_test_request_context  # pyright: ignore[reportPrivateUsage]
    if has_request_context() or context is None:
        run(import_id)
        return
    # the application that the worker was started with; core's own url_for uses it likewise
    with context.app.test_request_context():
        run(import_id)


@new_objects_only()
def run(import_id: str) -> None:
    """Do what an import waits for: all of it, or nothing. A second worker that gets it does nothing.

    :param import_id: the import
    """
    session = cast(Session, model.Session())
    if not session.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_key(import_id)))):
        return
    # Started while the lock is held: who looks meanwhile sees a living job.
    if not _step(import_id, READING, starting=True):
        session.rollback()
        return
    kept = session.get(Import, import_id, populate_existing=True)
    assert kept is not None
    task = dict(kept.task)
    with languages.speaking(str(task.get("language") or "")):
        _run(session, kept, task)


def _run(session: Session, kept: Import, task: Mapping[str, Any]) -> None:
    import_id, do = kept.id, str(task.get("do"))
    try:
        user = model.User.get(str(task.get("by") or ""))
        if user is None:
            raise tk.NotAuthorized
        person = who.person_of_user(session, user)
        _CARRIED_OUT[do](session, person, str(user.name), kept)
        session.commit()
    except saving.Cancelled:
        session.rollback()
        return
    except (tk.ValidationError, FileProblem) as problem:
        session.rollback()
        words = _words(problem)
        if isinstance(problem, FileProblem) and do == LOOK and SEEN in task:
            _back_to_what_was_seen(session, import_id, words)
        elif do != SAVE:
            _end(session, import_id, _BACK_TO[do], words)
        elif _look_again(session, import_id, words):
            enqueue(import_id)
        return
    except BaseException:
        session.rollback()
        _end(session, import_id, _BACK_TO[do], _broken(do))
        raise
    outbox.drain(session)


def _look(session: Session, person: Person, user_name: str, kept: Import) -> None:
    saving.look_and_keep(
        session, person, user_name, kept, _still(kept, CHECKING), _Progress(kept.id).tell
    )


def _save(session: Session, person: Person, user_name: str, kept: Import) -> None:
    task = dict(kept.task)
    saving.carry_out(
        session,
        person,
        user_name,
        kept,
        str(task["fingerprint"]),
        task["choices"],
        before=_still(kept, SAVING),
        tell=_Progress(kept.id).tell,
    )


def _undo(session: Session, person: Person, user_name: str, kept: Import) -> None:
    if not _still(kept, SAVING)():
        raise saving.Cancelled
    import_undo.undo(session, person, user_name, kept)


def _still(kept: Import, step: str) -> Callable[[], bool]:
    """Return what notes a step, and tells whether nobody stopped the job before it."""
    import_id = kept.id
    return lambda: _step(import_id, step)


_CARRIED_OUT: Mapping[str, Callable[[Session, Person, str, Import], None]] = {
    LOOK: _look,
    SAVE: _save,
    UNDO: _undo,
}
_BACK_TO: Mapping[str, str] = {LOOK: STOPPED, SAVE: FAILED, UNDO: SAVED}
"""What a file is when the job ended without doing what it was asked to."""


def _broken(do: str) -> str:
    return {
        LOOK: tk._("It stopped before it was through with the file. Look again."),
        SAVE: tk._("It stopped before anything was saved. Try again."),
        UNDO: tk._("It stopped before anything was taken back. Try again."),
    }[do]


def _died(do: str) -> str:
    return {
        LOOK: tk._("The worker stopped twice before it was through with the file. Look again."),
        SAVE: tk._("The worker stopped twice before anything was saved. Try again."),
        UNDO: tk._("The worker stopped twice before anything was taken back. Try again."),
    }[do]


def _words(error: tk.ValidationError | FileProblem) -> str:
    if isinstance(error, FileProblem):
        return showing.said(error.message)
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


def _end(session: Session, import_id: str, status: str, message: str) -> None:
    """Note that the job ended without doing what it was asked to."""
    kept = _still_running(session, import_id)
    if kept is not None:
        give_back(kept, status, message)
    session.commit()


def _back_to_what_was_seen(session: Session, import_id: str, why: str) -> None:
    """Take back choices with which a file can't be read: what was seen before is shown again."""
    kept = _still_running(session, import_id)
    if kept is not None:
        seen = dict(kept.task[SEEN])
        message = tk._(
            "The file can't be read with your last choices, which were taken back. {why}"
        )
        give_back(kept, PREVIEW, message.format(why=why))
        kept.choices, kept.task = seen, {}
    session.commit()


def _look_again(session: Session, import_id: str, why: str) -> bool:
    """Ask for a look with the choices of a save that couldn't be, so that it shows how it is now."""
    kept = _still_running(session, import_id)
    if kept is not None:
        task, seen = dict(kept.task), dict(kept.choices)
        give_back(kept, QUEUED, None)
        asked = _asked(task["by"], task["language"], LOOK)
        kept.task = {**asked, "why": why, **_seen_before(seen, kept.choices)}
        kept.done, kept.seen_at = 0, clock.now()
    session.commit()
    return kept is not None


def _still_running(session: Session, import_id: str) -> Import | None:
    kept = session.get(Import, import_id, populate_existing=True, with_for_update=True)
    return kept if kept is not None and kept.status == RUNNING else None


def give_back(kept: Import, status: str, message: str | None) -> None:
    """Take a file from the worker, with the choices that were made along with a save.

    :param kept: the import
    :param status: what it is from now on
    :param message: why, for whoever brought it
    """
    task, seen = kept.task, kept.choices
    kept.choices = dict(task.get("choices") or seen)
    kept.status, kept.step, kept.message = status, "", message
    # What was chosen along with a save wasn't looked at yet.
    kept.task = _seen_before(task.get(SEEN, seen if "choices" in task else None), kept.choices)


def stop(kept: Import) -> None:
    """Take a file from the worker because somebody stopped it. The caller commits.

    :param kept: the import, with nothing of it written yet
    """
    do = str(kept.task.get("do"))
    back = {SAVE: PREVIEW}.get(do, _BACK_TO[do])
    give_back(kept, back, tk._("It was stopped.") if do == LOOK else None)


def notice_death(session: Session, kept: Import) -> bool:
    """Notice that the worker of an import died: nothing was written, so the next one may begin anew.

    :param session: the database session
    :param kept: the import; of one whose workers died repeatedly its status and message say so
    :returns: True if it waits for a worker again: the caller commits, and then enqueues it
    """
    if kept.status != RUNNING:
        return False
    alive = not session.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_key(kept.id))))
    session.refresh(kept)
    if alive or kept.status != RUNNING:
        return False
    retries = int(kept.task.get("retries", 0))
    retried = retries < RETRIES
    if retried:
        kept.status, kept.step, kept.done, kept.seen_at = QUEUED, "", 0, clock.now()
        kept.task = {**kept.task, "retries": retries + 1}
    else:
        do = str(kept.task.get("do"))
        give_back(kept, _BACK_TO[do], _died(do))
    session.flush()
    return retried


def take_up(session: Session) -> int:
    """Leave to the worker again what a worker died of, and what the queue has lost. Commits.

    :param session: the database session
    :returns: how many files
    """
    query = sa.select(Import).where(Import.status.in_([QUEUED, RUNNING])).order_by(Import.at)
    found = list(session.scalars(query.with_for_update(skip_locked=True)))
    try:
        waiting = cast("list[Any]", jobs.get_queue(QUEUE).jobs)
        there = {str(job.args[0]) for job in waiting if job.args}
    except RedisError:
        session.rollback()
        return 0
    lost = [
        kept.id
        for kept in found
        if (kept.id not in there if kept.status == QUEUED else notice_death(session, kept))
    ]
    session.commit()
    for import_id in lost:
        enqueue(import_id)
    return len(lost)


def _key(import_id: str) -> int:
    return int.from_bytes(hashlib.sha256(import_id.encode()).digest()[:8], "big", signed=True)
