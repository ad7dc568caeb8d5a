"""Holding the datasets that an entry made and that aren't on the portal: prepared or withdrawn.

Their visibility is ours: ``private`` and ``state`` change through prepare, promote and withdraw
only, and are refused at every other door, for sysadmins too.

Source: leaks L24 and L40.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import policy
from ckanext.inventory.model import Link, Record
from ckanext.inventory.model.link import CREATED
from ckanext.inventory.service import facts
from ckanext.inventory.types import Decision, Facts, Person

OWN_WRITE = "inventory_publishing"
"""Key of CKAN's context that marks a write of this package's own; requests can't set it."""

_NOT_ON_PORTAL = (
    "This dataset is made by the inventory and isn't on the portal yet. It goes there by promoting "
    "its entry, and is taken back there, too."
)
_NOT_YOURS = "Only those who work on its entry can do that."


@dataclass(frozen=True)
class Hold:
    """A dataset that is prepared or withdrawn, and who works on it.

    :param dataset_id: the dataset
    :param entry_id: the entry that it was made from
    :param department: organization id of the entry
    :param owner: user id of whoever was given the preparing, or None
    :param state: CKAN's state that the dataset has to have, ``active`` or ``deleted``
    """

    dataset_id: str
    entry_id: str
    department: str
    owner: str | None
    state: str


def held(session: Session, dataset_id: str) -> Hold | None:
    """Find what holds a dataset.

    :param session: the database session
    :param dataset_id: id of an ordinary dataset
    :returns: the hold, None if the dataset isn't ours or is on the portal
    """
    return held_among(session, [dataset_id]).get(dataset_id)


def held_among(session: Session, dataset_ids: Collection[str]) -> dict[str, Hold]:
    """Find what holds some of many datasets, in one statement.

    :param session: the database session
    :param dataset_ids: ids of ordinary datasets
    :returns: dataset id → hold; datasets that aren't ours or are on the portal are absent
    """
    if not dataset_ids:
        return {}
    query = (
        sa.select(Link.dataset_id, Link.entry_id, Record.department, Link.owner, Link.dataset_state)
        .join(Record, Record.package_id == Link.entry_id)
        .where(Link.dataset_id.in_(dataset_ids), Link.mode == CREATED, Link.held)
    )
    return {
        str(row.dataset_id): Hold(
            str(row.dataset_id), row.entry_id, row.department, row.owner, row.dataset_state
        )
        for row in session.execute(query)
    }


def of_entries(session: Session, entry_ids: Collection[str]) -> list[str]:
    """Return the held datasets of entries, whose labels follow the entry's department.

    :param session: the database session
    :param entry_ids: entries
    :returns: dataset ids
    """
    query = sa.select(Link.dataset_id).where(
        Link.entry_id.in_(entry_ids), Link.mode == CREATED, Link.held
    )
    return [str(dataset_id) for dataset_id in session.scalars(query)]


def may_edit(session: Session, person: Person, hold: Hold) -> Decision:
    """Tell whether somebody edits a held dataset and adds data without being a member.

    :param session: the database session
    :param person: who is asking
    :param hold: the hold
    :returns: the decision: coordinators of the entry, whoever was given the preparing, CDOs and
        delegates
    """
    if _works_on(person, hold):
        return Decision(True)
    known: Facts | None = facts.light(session, hold.entry_id)
    allowed = known is not None and policy.covers(person, known)
    return Decision(True) if allowed else Decision(False, _NOT_YOURS)


def _works_on(person: Person, hold: Hold) -> bool:
    owns = person.known and hold.owner == person.user_id
    return owns or policy.coordinates(person, hold.department)


def labels(hold: Hold) -> list[str]:
    """Return the permission labels that a held dataset carries beside core's.

    :param hold: the hold
    :returns: labels
    """
    found = [policy.LABEL_ORG + hold.department, policy.LABEL_DECIDERS]
    return [*found, policy.LABEL_USER + hold.owner] if hold.owner else found


def refuse_change(session: Session, context: Mapping[str, Any], package: model.Package) -> None:
    """Refuse a write that would show, delete or revive a held dataset.

    Called from core's hooks inside the transaction of every write, with the dataset as it is about
    to be saved, so that it holds at every door.

    :param session: the database session
    :param context: the action's context
    :param package: the dataset, flushed
    :raises ValidationError: on ``private`` or ``state``
    """
    if context.get(OWN_WRITE):
        return
    hold = held(session, package.id)
    if hold is None:
        return
    errors: dict[str, Any] = {}
    if not package.private:
        errors["private"] = [tk._(_NOT_ON_PORTAL)]
    if package.state != hold.state:
        errors["state"] = [tk._(_NOT_ON_PORTAL)]
    if errors:
        session.rollback()
        raise tk.ValidationError({**errors})


def refuse_removal(session: Session, context: Mapping[str, Any], dataset_id: str) -> None:
    """Refuse to delete or purge a held dataset.

    :param session: the database session
    :param context: the action's context
    :param dataset_id: the dataset's id
    :raises ValidationError: on ``id``
    """
    if context.get(OWN_WRITE) or held(session, dataset_id) is None:
        return
    session.rollback()
    raise tk.ValidationError({"id": [tk._(_NOT_ON_PORTAL)]})
