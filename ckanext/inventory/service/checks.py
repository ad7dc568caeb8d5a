"""The self-check: settings, database, index, outbox and history, and what can be put right.

Behind ``ckan inventory check [--repair]``, the action ``inventory_check`` and the admin page.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ckan.model as model
import sqlalchemy as sa
from ckan.model.system_info import system_info_table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.model import Import, Outbox
from ckanext.inventory.model.imports import QUEUED
from ckanext.inventory.publishing import repair as publishing
from ckanext.inventory.service import events, index_check, outbox, startup, violations
from ckanext.inventory.service.findings import Finding, Severity

__all__ = ["Finding", "Repaired", "Severity", "broken", "check", "keep", "last", "repair"]

KEPT = "ckanext.inventory.self_check"
"""Under which CKAN's table of runtime information holds what was found last."""

_SHOWN = ("name", "severity", "message", "remedy", "leak", "count")

STUCK_AFTER = dt.timedelta(hours=1)
"""How long a side effect may wait before somebody should look."""


FILES_WAIT = dt.timedelta(minutes=15)
"""How long a large spreadsheet may wait for the worker before somebody should look."""


@dataclass(frozen=True)
class Repaired:
    """What a repair did.

    :param fixed: name of the finding → number of packages
    :param left: what still has to be done by somebody
    """

    fixed: dict[str, int]
    left: list[Finding]


def check(session: Session) -> list[Finding]:
    """Look at everything.

    :param session: the database session
    :returns: what was found; empty if all is well
    """
    return [
        *startup.check_settings(),
        *violations.find(session),
        *publishing.findings(session),
        *(finding for finding, _ in index_check.find(session)),
        *_stuck(session),
        *_mail(session),
        *_files(session),
        *_history(session),
    ]


def keep(session: Session, findings: Sequence[Finding]) -> None:
    """Keep what was found, with the time; without the ids, which nobody has to read later.

    :param session: the database session
    :param findings: what was found
    """
    shown = [{name: getattr(finding, name) for name in _SHOWN} for finding in findings]
    value = json.dumps({"at": clock.now().isoformat(), "findings": shown})
    session.execute(
        insert(system_info_table)
        .values(key=KEPT, value=value, state=model.State.ACTIVE)
        .on_conflict_do_update(index_elements=["key"], set_={"value": value})
    )


def last(session: Session) -> dict[str, Any]:
    """Return what was found last.

    :param session: the database session
    :returns: ``at``, None if nothing was ever kept, and ``findings``
    """
    query = sa.select(system_info_table.c.value).where(system_info_table.c.key == KEPT)
    value = session.scalar(query)
    kept: dict[str, Any] = json.loads(value) if value else {"at": None, "findings": []}
    return kept


def broken(findings: list[Finding]) -> bool:
    """Tell whether the command has to exit with an error.

    :param findings: what was found
    :returns: True if one of them is an error
    """
    return any(finding.severity is Severity.ERROR for finding in findings)


def repair(session: Session) -> Repaired:
    """Put right what can be put right, and look again.

    Commits: first the database, then what the index has to catch up with.

    :param session: the database session, without work of its own under way
    :returns: what was done and what is left
    """
    fixed = violations.fix(session)
    datasets = publishing.repair(session)
    if datasets:
        fixed["public_datasets"] = datasets
    for finding, ids in list(index_check.find(session)):
        if ids:
            outbox.reindex(session, ids)
            fixed[finding.name] = len(ids)
    waiting = outbox.waiting(session)
    session.commit()
    if waiting:
        drained = outbox.drain(session, everything=True)
        if drained.done:
            fixed["outbox"] = drained.done
    left = check(session)
    keep(session, left)
    session.commit()
    return Repaired(fixed, left)


def _stuck(session: Session) -> Iterator[Finding]:
    since = clock.now() - STUCK_AFTER
    query = sa.select(sa.func.count(), sa.func.min(Outbox.queued_at)).where(
        sa.or_(Outbox.queued_at < since, Outbox.attempts > 0),
        Outbox.kind.not_in(outbox.LATER),
    )
    count, oldest = session.execute(query).one()
    if count:
        yield Finding(
            "outbox",
            Severity.ERROR,
            f"side effects wait or fail, the oldest since {oldest:%Y-%m-%d %H:%M} UTC",
            "see that Solr answers, then run ckan inventory drain",
            count=count,
            repairable=True,
        )


def _mail(session: Session) -> Iterator[Finding]:
    since = clock.now() - STUCK_AFTER
    query = sa.select(sa.func.count()).where(
        sa.or_(Outbox.queued_at < since, Outbox.attempts > 0), Outbox.kind.in_(outbox.LATER)
    )
    count = session.scalar(query) or 0
    if count:
        yield Finding(
            "mail",
            Severity.WARNING,
            "mails wait or fail",
            "run ckan inventory notify from cron, and see that the mail server answers",
            count=count,
        )


def _files(session: Session) -> Iterator[Finding]:
    since = clock.now() - FILES_WAIT
    query = sa.select(sa.func.count()).where(Import.status == QUEUED, Import.seen_at < since)
    count = session.scalar(query) or 0
    if count:
        yield Finding(
            "files",
            Severity.WARNING,
            "large spreadsheets wait for the background worker",
            "keep ckan jobs worker inventory:import running",
            count=count,
        )


def _history(session: Session) -> Iterator[Finding]:
    faults = list(events.verify(session))
    if faults:
        yield Finding(
            "history",
            Severity.ERROR,
            "the history was changed after it was written",
            "run ckan inventory audit verify and compare with a backup",
            count=len(faults),
        )
