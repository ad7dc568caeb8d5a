"""Taking over what was decided before this system: past states, dates and links, as one audited act.

What arrives approved or on the portal has its first revision as approved revision, and nobody here as
who approved it: it never counts as a decision of anyone here, and authorship counts from it on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.model import Link, Record
from ckanext.inventory.model.link import EXTERNAL, LINKED
from ckanext.inventory.service import bulk, events
from ckanext.inventory.types import ENTRY, Person, State
from ckanext.inventory.workflow import HAS_APPROVED_TEXT

ACT = "take_over"

LOCK = 0x1A7E0_3
"""Key of the advisory lock under which taking over looks for what is there and writes."""

STATES = (
    State.DRAFT,
    State.SUBMITTED,
    State.APPROVED,
    State.PUBLISHED,
    State.DEFERRED,
    State.WITHHELD,
    State.RETIRED,
)
"""States that something can have had before this system."""


@dataclass(frozen=True)
class Past:
    """What was decided before this system.

    :param state: the state here
    :param said: the words of the older inventory
    :param on: the day of the decision, if it is known
    :param reason: why
    :param look_again: when to look at it again
    :param dataset_id: a public dataset here
    :param url: where it is published elsewhere
    :param retire_reason: why it was retired
    """

    state: State
    said: str = ""
    on: dt.date | None = None
    reason: str = ""
    look_again: str | None = None
    dataset_id: str | None = None
    url: str | None = None
    retire_reason: str | None = None

    @property
    def linked(self) -> bool:
        """Whether it leads to a dataset, here or elsewhere."""
        return bool(self.dataset_id or self.url)

    @property
    def arrives(self) -> State:
        """The state that it gets: what is published needs a dataset or an address."""
        if self.state is State.PUBLISHED and not self.linked:
            return State.APPROVED
        return self.state


@dataclass
class Taken:
    """An entry to take over.

    :param record: the entry, as the bulk writer takes it
    :param past: what was decided
    """

    record: bulk.NewRecord
    past: Past = field(default_factory=lambda: Past(State.DRAFT))


def lock(session: Session) -> None:
    """Let one take-over at a time look and write.

    :param session: the database session
    """
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))


def write(
    session: Session, by: Person, taken: Sequence[Taken], details: Mapping[str, Any]
) -> list[bulk.Created]:
    """Write entries that the bulk writer found good, with what was decided: one event.

    :param session: the database session
    :param by: the CDO
    :param taken: the entries, validated
    :param details: words on the act as a whole
    :returns: what was made, in the order given
    """
    created = bulk.create(session, ENTRY, [one.record for one in taken], by, act=None)
    if not created:
        return []
    hashes = dict(
        session.execute(
            sa.select(Record.package_id, Record.material_hash).where(
                Record.package_id.in_([one.package_id for one in created])
            )
        )
        .tuples()
        .all()
    )
    now = clock.now()
    session.execute(
        sa.update(Record),
        [_columns(one.record.package_id, one.past, hashes, now) for one in taken],
    )
    links = [
        link_row(one.record.package_id, one.past, 1, hashes[one.record.package_id], by, now)
        for one in taken
        if one.past.linked
    ]
    if links:
        session.execute(sa.insert(Link), links)
    session.expire_all()
    events.record(
        session,
        ACT,
        by.user_id,
        [
            events.Row(
                made.package_id,
                made.department,
                None,
                one.past.arrives.value,
                1,
                _details(made, one.past) | (dict(details) if position == 0 else {}),
            )
            for position, (made, one) in enumerate(zip(created, taken, strict=True))
        ],
    )
    return created


def _columns(
    package_id: str, past: Past, hashes: Mapping[str, str], now: dt.datetime
) -> dict[str, Any]:
    state = past.arrives
    since = dt.datetime.combine(past.on, dt.time(), dt.timezone.utc) if past.on else now
    approved = state in HAS_APPROVED_TEXT
    return {
        "package_id": package_id,
        "state": state.value,
        "state_since": min(since, now),
        "waiting_since": now,
        "ever_submitted": state is not State.DRAFT,
        "approved_revision": 1 if approved else None,
        "approved_hash": hashes[package_id] if approved else None,
        "approved_by": None,
        "approved_at": min(since, now) if approved else None,
        "look_again": past.look_again,
        "retire_reason": (
            past.retire_reason or "not_known_yet" if state is State.RETIRED else None
        ),
    }


def link_row(
    entry_id: str, past: Past, revision: int, digest: str, by: Person, now: dt.datetime
) -> dict[str, Any]:
    """Return the link of an entry to what was published before this system.

    :param entry_id: the entry
    :param past: with a dataset here or an address elsewhere
    :param revision: the entry's revision that stands for what is published
    :param digest: its material hash
    :param by: the CDO
    :param now: the moment of the act
    :returns: the columns of ``inventory_link``
    """
    here = past.dataset_id is not None
    return {
        "entry_id": entry_id,
        "mode": LINKED if here else EXTERNAL,
        "dataset_id": past.dataset_id,
        "url": None if here else past.url,
        "held": False,
        "dataset_state": "active",
        "copied": {},
        "copied_revision": revision,
        "copied_hash": digest,
        "inputs": {},
        "by": by.user_id,
        "at": now,
    }


def _details(made: bulk.Created, past: Past) -> dict[str, Any]:
    told: dict[str, Any] = {
        "title": made.title,
        "number": made.number,
        "before_this_system": True,
    }
    told |= {"said": past.said} if past.said else {}
    told |= {"on": past.on.isoformat()} if past.on else {}
    told |= {"comment": past.reason} if past.reason else {}
    return told
