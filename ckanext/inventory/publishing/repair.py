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
from ckanext.inventory.types import ENTRY, State

BATCH = 1000


@dataclass(frozen=True)
class Fault:
    """Something that no act of ours leaves behind.

    :param entry_id: the entry
    :param number: its number
    :param code: a short name of the fault
    :param message: what is wrong, in plain words
    :param repairable: ``repair`` puts it right; else the remedy is in the message
    """

    entry_id: str
    number: str
    code: str
    message: str
    repairable: bool = True


@dataclass(frozen=True)
class _Case:
    record: Record
    link: Link | None
    package: model.Package | None

    @property
    def published(self) -> bool:
        return self.record.state == State.PUBLISHED.value

    @property
    def on_portal(self) -> bool:
        package = self.package
        return package is not None and not package.private and package.state != "deleted"

    def fault(self, code: str, message: str, *, repairable: bool = True) -> Fault:
        return Fault(self.record.package_id, self.record.number, code, message, repairable)


def _unlinked(case: _Case) -> Fault | None:
    if case.link is None and case.package is not None and case.package.state != "deleted":
        return case.fault("unlinked", "Its dataset exists, but nothing ties them together.")
    return None


def _published_without(case: _Case) -> Fault | None:
    if case.published and case.link is None and case.package is None:
        return case.fault(
            "published_without_link",
            "It counts as on the portal, but there is nothing there. Withdraw it.",
            repairable=False,
        )
    return None


def _made(case: _Case) -> Link | None:
    return case.link if case.link is not None and case.link.mode == CREATED else None


def _not_held(case: _Case) -> Fault | None:
    link = _made(case)
    if link is not None and not link.held and not case.published:
        return case.fault("not_held", "Its dataset is on the portal, but the entry isn't.")
    return None


def _held_but_published(case: _Case) -> Fault | None:
    link = _made(case)
    if link is not None and link.held and case.published:
        return case.fault("held", "It counts as on the portal, but its dataset is held back.")
    return None


def _held_but_shown(case: _Case) -> Fault | None:
    link = _made(case)
    if link is None or not link.held or case.package is None or case.published:
        return None
    if case.package.private and case.package.state == link.dataset_state:
        return None
    return case.fault("shown", "Its dataset should be held back, but can be seen.")


def _prepared_without(case: _Case) -> Fault | None:
    if case.record.state == State.PREPARING.value and case.package is None:
        return case.fault(
            "prepared_without_dataset",
            "Its prepared dataset is gone. Promote it, or take it back.",
            repairable=False,
        )
    return None


_CHECKS: Sequence[Callable[[_Case], Fault | None]] = (
    _unlinked,
    _published_without,
    _not_held,
    _held_but_published,
    _held_but_shown,
    _prepared_without,
)


def faults(session: Session) -> list[Fault]:
    """Find everything that no act of ours leaves behind.

    :param session: the database session
    :returns: the faults, by number
    """
    found = [fault for case in _cases(session) if (fault := _fault_of(case)) is not None]
    found += [
        Fault(record.package_id, record.number, "file", "A file was left by a broken promotion.")
        for record, _ in _left_files(session)
    ]
    return sorted(found, key=lambda fault: fault.number)


def _fault_of(case: _Case) -> Fault | None:
    return next((fault for check in _CHECKS if (fault := check(case)) is not None), None)


def repair(session: Session) -> int:
    """Put right what can be put right without deciding anything.

    Records that somebody is working on at this moment are left alone.

    :param session: the database session
    :returns: how many faults are gone
    """
    repaired: list[tuple[_Case, Fault]] = []
    for case in _cases(session):
        fault = _fault_of(case)
        if fault is None or not fault.repairable:
            continue
        again = _locked(session, case.record.package_id)
        if again is None or (fault := _fault_of(again)) is None or not fault.repairable:
            continue
        _put_right(session, again)
        repaired.append((again, fault))
    files = _remove_left_files(session)
    if repaired:
        rows = [
            events.Row(
                case.record.package_id,
                case.record.department,
                case.record.state,
                case.record.state,
                case.record.revision,
                {"fault": fault.code},
            )
            for case, fault in repaired
        ]
        events.record(session, "repair", None, rows)
    return len(repaired) + files


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


def _left_files(session: Session) -> Iterator[tuple[Record, list[str]]]:
    for rows in _batches(session):
        for row in rows:
            paths = uploads.orphans(session, [links.dataset_id_for(row.package_id)])
            if paths:
                yield row, paths


def _remove_left_files(session: Session) -> int:
    removed = 0
    for record, _ in list(_left_files(session)):
        if _locked(session, record.package_id) is not None:
            dataset_id = links.dataset_id_for(record.package_id)
            removed += uploads.remove(uploads.orphans(session, [dataset_id]))
    return removed
