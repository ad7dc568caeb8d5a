"""Work for cron and for CKAN's background worker.

A job takes no argument: what is due stands in the database.

Source: leak L38 (nothing but ids in Redis; here not even those).
"""

from __future__ import annotations

from typing import cast

import ckan.model as model
import ckan.plugins.toolkit as tk
from ckan.config import middleware
from flask import has_request_context
from sqlalchemy.orm import Session

from ckanext.inventory.service import notice_list, notice_mail, outbox
from ckanext.inventory.service.outbox import Drained

QUEUE = "inventory:mail"


def notify() -> Drained:
    """Queue the digests whose time has come, and send every mail that is due.

    :returns: how many were carried out, and how many failed and are tried again
    """
    context = middleware._internal_test_request_context  # pyright: ignore[reportPrivateUsage]
    if has_request_context() or context is None:
        return _notify()
    # a worker has no request that says which language and which site; core's own url_for takes
    # this one there, too
    with context.app.test_request_context():
        return _notify()


def _notify() -> Drained:
    session = cast(Session, model.Session())
    notice_list.forget_old(session)
    notice_mail.queue_digests(session)
    session.commit()
    return outbox.drain(session, kinds=outbox.LATER)


def enqueue() -> None:
    """Leave it to the worker."""
    tk.enqueue_job(notify, title="inventory mail", queue=QUEUE)
