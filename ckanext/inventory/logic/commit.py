"""The one place where an action commits, and what follows a commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ckan.types import Context
from sqlalchemy.orm import Session

from ckanext.inventory.logic import who
from ckanext.inventory.service import outbox


@contextmanager
def transaction(context: Context) -> Iterator[Session]:
    """Commit once what the block did, then carry out its side effects.

    A caller that set ``defer_commit`` commits itself. Whatever goes wrong is rolled back: core
    leaves half-written packages in the session, which the next commit would save.

    :param context: CKAN's context
    :returns: the session
    """
    session = who.session_of(context)
    deferred = bool(context.get("defer_commit"))
    try:
        yield session
        session.flush()
        due = not deferred and outbox.due(session)
        if not deferred:
            session.commit()
    except BaseException:
        if not deferred:
            session.rollback()
        raise
    if due:
        outbox.drain(session)
