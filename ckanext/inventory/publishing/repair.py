"""States of public datasets that no act leaves behind, and putting them right.

A promotion is one transaction, so a killed process leaves nothing but perhaps a file. Only another
plugin that commits in core's hooks can split it; whatever it leaves, the dataset of an entry that
isn't published is taken from the portal, and the next promotion finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.model import Link, Record
from ckanext.inventory.model.link import CREATED
from ckanext.inventory.publishing import links, portal, uploads
from ckanext.inventory.service import events, outbox, roles
from ckanext.inventory.service.findings import Finding, Severity
from ckanext.inventory.types import ENTRY, State

BATCH = 1000
SHOWN_IDS = 20
REPAIR = "run ckan inventory check --repair"


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    :param name: the finding's name
    :param message: what is wrong with the entries that have it
    :param remedy: what to do
    :param repairable: :func:`repair` puts it right
    """

    name: str
    message: str
    remedy: str = REPAIR
    repairable: bool = True


UNLINKED = Kind("dataset_without_link", "datasets that entries made are linked to nothing")
NOT_HELD = Kind("dataset_without_decision", "datasets are on the portal, but their entries aren't")
HELD = Kind("dataset_held_back", "entries count as on the portal, but their datasets are held back")
SHOWN = Kind("dataset_shown", "prepared or withdrawn datasets can be seen, or were deleted")
FILE = Kind("file_left", "files were left by promotions that were broken off")
GONE = Kind(
    "prepared_dataset_gone",
    "entries are prepared, but their datasets are gone",
    "promote them, which makes the datasets again, or take them back",
    repairable=False,
)


@dataclass(frozen=True)
class Fault:
    """Something that no act of ours leaves behind.

    :param entry_id: the entry
    :param kind: what is wrong
    """

    entry_id: str
    kind: Kind


@dataclass(frozen=True)
class _Case:
    record: Record
    link: Link | None
    package: model.Package | None

    @property
    def published(self) -> bool:
        return self.record.state == State.PUBLISHED.value


def _unlinked(case: _Case) -> bool:
    return case.link is None and case.package is not None and case.package.state != "deleted"


def _made(case: _Case) -> Link | None:
    return case.link if case.link is not None and case.link.mode == CREATED else None


def _not_held(case: _Case) -> bool:
    link = _made(case)
    return link is not None and not link.held and not case.published


def _held(case: _Case) -> bool:
    link = _made(case)
    return link is not None and link.held and case.published


def _shown(case: _Case) -> bool:
    link = _made(case)
    if link is None or not link.held or case.package is None:
        return False
    return not case.package.private or case.package.state != link.dataset_state


def _gone(case: _Case) -> bool:
    return case.record.state == State.PREPARING.value and case.package is None


_CHECKS: Sequence[tuple[Callable[[_Case], bool], Kind]] = (
    (_unlinked, UNLINKED),
    (_not_held, NOT_HELD),
    (_held, HELD),
    (_shown, SHOWN),
    (_gone, GONE),
)


def faults(session: Session) -> list[Fault]:
    """Find everything that no act of ours leaves behind.

    :param session: the database session
    :returns: the faults
    """
    found = [
        Fault(case.record.package_id, kind)
        for case in _cases(session)
        if (kind := _kind_of(case)) is not None
    ]
    return found + [Fault(record.package_id, FILE) for record in _with_left_files(session)]


def findings(session: Session) -> list[Finding]:
    """Find the same, one finding for each kind, for the self-check.

    :param session: the database session
    :returns: the findings; empty if all is well
    """
    ids: dict[Kind, list[str]] = {}
    for fault in faults(session):
        ids.setdefault(fault.kind, []).append(fault.entry_id)
    return [
        Finding(
            kind.name,
            Severity.ERROR,
            kind.message,
            kind.remedy,
            "L40",
            tuple(entries[:SHOWN_IDS]),
            len(entries),
            kind.repairable,
        )
        for kind, entries in ids.items()
    ]


def _kind_of(case: _Case) -> Kind | None:
    return next((kind for broken, kind in _CHECKS if broken(case)), None)


def repair(session: Session) -> int:
    """Put right what can be put right without deciding anything.

    Records that somebody is working on at this moment are left alone.

    :param session: the database session
    :returns: how many faults are gone
    """
    rows: list[events.Row] = []
    for case in _cases(session):
        if not _repairable(case):
            continue
        again = _locked(session, case.record.package_id)
        kind = _repairable(again) if again is not None else None
        if again is None or kind is None:
            continue
        _put_right(session, again)
        record = again.record
        rows.append(
            events.staying(
                record,
                {"fault": kind.name},
            )
        )
    files = _remove_left_files(session)
    if rows:
        events.record(session, "repair", None, rows)
    return len(rows) + files


def _repairable(case: _Case) -> Kind | None:
    kind = _kind_of(case)
    return kind if kind is not None and kind.repairable else None


def _put_right(session: Session, case: _Case) -> None:
    dataset_id = links.dataset_id_for(case.record.package_id)
    link = case.link
    if link is None:
        link = Link(
            entry_id=case.record.package_id,
            mode=CREATED,
            dataset_id=dataset_id,
            copied={},
            inputs={},
            held=True,
            dataset_state="active",
            at=clock.now(),
        )
        session.add(link)
    if case.published:
        # what the portal shows stays as it is: if it is hidden, that is drift, and a CDO decides
        link.held = False
        session.flush()
        return
    link.held = True
    session.flush()
    account = portal.user_name(session, roles.SYSTEM)
    if portal.hide(session, account, dataset_id, link.dataset_state):
        outbox.narrow(session, [dataset_id])


def _query() -> sa.Select[tuple[Record]]:
    """Entries that can have a dataset: approved at least once, linked or preparing."""
    linked = sa.select(Link.entry_id)
    return sa.select(Record).where(
        Record.package_type == ENTRY,
        sa.or_(Record.approved_revision.is_not(None), Record.package_id.in_(linked)),
    )


def _batches(session: Session) -> Iterator[list[Record]]:
    last = ""
    while True:
        query = _query().where(Record.package_id > last).order_by(Record.package_id).limit(BATCH)
        rows = list(session.scalars(query))
        if not rows:
            return
        yield rows
        last = rows[-1].package_id


def _cases(session: Session) -> Iterator[_Case]:
    for rows in _batches(session):
        ids = {row.package_id: links.dataset_id_for(row.package_id) for row in rows}
        linked = sa.select(Link).where(Link.entry_id.in_(ids))
        ties = {link.entry_id: link for link in session.scalars(linked)}
        made = sa.select(model.Package).where(model.Package.id.in_(ids.values()))
        packages = {package.id: package for package in session.scalars(made)}
        for row in rows:
            yield _Case(row, ties.get(row.package_id), packages.get(ids[row.package_id]))


def _locked(session: Session, entry_id: str) -> _Case | None:
    """Load a case again under its row lock; None while somebody else holds it."""
    query = (
        sa.select(Record)
        .where(Record.package_id == entry_id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    record = session.scalar(query)
    if record is None:
        return None
    link = links.link_of(session, entry_id, lock=True)
    package = session.get(model.Package, links.dataset_id_for(entry_id), populate_existing=True)
    return _Case(record, link, package)


def _with_left_files(session: Session) -> Iterator[Record]:
    for rows in _batches(session):
        for row in rows:
            if uploads.orphans(session, [links.dataset_id_for(row.package_id)]):
                yield row


def _remove_left_files(session: Session) -> int:
    removed = 0
    for record in list(_with_left_files(session)):
        if _locked(session, record.package_id) is not None:
            dataset_id = links.dataset_id_for(record.package_id)
            removed += uploads.remove(uploads.orphans(session, [dataset_id]))
    return removed
