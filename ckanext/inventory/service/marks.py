"""What is decided about a record beside its state: assignment and marks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.model import Record
from ckanext.inventory.policy import Act
from ckanext.inventory.service import events, outbox
from ckanext.inventory.types import ENTRY, SOURCE, Person, Visibility


@dataclass(frozen=True)
class Mark:
    """A column that an action sets.

    :param act: the act that the policy is asked for
    :param values: what it may hold
    :param types: package types that have it
    :param narrows: whether setting it to this value takes readers away
    """

    act: Act
    values: tuple[Any, ...]
    types: frozenset[str]
    narrows: Callable[[Any], bool] = lambda value: False
    labels_change: bool = False


_BOTH = frozenset({ENTRY, SOURCE})

MARKS: Mapping[str, Mark] = {
    "triage": Mark(
        Act.TRIAGE, (None, "worth_detailing", "later", "not_a_dataset"), frozenset({ENTRY})
    ),
    "in_directory": Mark(Act.DIRECTORY, (True, False), frozenset({ENTRY})),
    "listing": Mark(Act.LISTING, ("not_known_yet", "allowed", "never"), frozenset({ENTRY})),
    "visibility": Mark(
        Act.RESTRICT,
        tuple(value.value for value in Visibility),
        _BOTH,
        narrows=lambda value: value == Visibility.RESTRICTED.value,
        labels_change=True,
    ),
    "shared": Mark(Act.SHARE, (True, False), frozenset({SOURCE})),
}
"""Every mark, by its column."""


def mark(session: Session, person: Person, rows: Collection[Record], name: str, value: Any) -> int:
    """Set a mark on records, as one act.

    :param session: the database session
    :param person: who acts
    :param rows: register rows, locked
    :param name: a key of :data:`MARKS`
    :param value: one of its values
    :returns: how many records changed
    """
    rule = MARKS[name]
    changing = [row for row in rows if getattr(row, name) != value]
    if not changing:
        return 0
    details = [
        events.staying(
            row,
            {"field": name, "old": getattr(row, name), "new": value},
        )
        for row in changing
    ]
    for row in changing:
        setattr(row, name, value)
    session.flush()
    _catch_up(session, changing, narrows=rule.narrows(value), labels=rule.labels_change)
    events.record(session, "mark", person.user_id, details)
    return len(changing)


def assign(session: Session, person: Person, rows: Collection[Record], user_id: str | None) -> int:
    """Assign records to somebody, or to nobody, as one act.

    :param session: the database session
    :param person: who acts
    :param rows: register rows, locked
    :param user_id: the new assignee
    :returns: how many records changed
    """
    changing = [row for row in rows if row.assignee != user_id]
    if not changing:
        return 0
    details = [
        events.staying(
            row,
            {"old": row.assignee, "new": user_id},
        )
        for row in changing
    ]
    left = [row for row in changing if row.assignee]
    for row in changing:
        row.assignee = user_id
    session.flush()
    _catch_up(session, left, narrows=True, labels=True)
    _catch_up(session, [row for row in changing if row not in left], narrows=False, labels=True)
    events.record(session, "assign", person.user_id, details)
    return len(changing)


def _catch_up(session: Session, rows: Collection[Record], *, narrows: bool, labels: bool) -> None:
    """Queue what follows from new labels; a reader who was taken away is kept out at once."""
    ids = [row.package_id for row in rows]
    if not ids:
        return
    if narrows:
        outbox.narrow(session, ids)
    elif labels:
        outbox.reindex(session, ids)
    if labels:
        touch(session, ids)


def touch(session: Session, ids: Collection[str]) -> None:
    """Note the moment of a change that isn't one of the text.

    :param session: the database session
    :param ids: package ids
    """
    session.execute(
        sa.update(Record)
        .where(Record.package_id.in_(ids))
        .values(modified_at=clock.now())
        .execution_options(synchronize_session=False)
    )


def comment(
    session: Session,
    person: Person,
    row: Record,
    text: str,
    purpose: str = "comment",
    *,
    mentions: Sequence[str] = (),
    kind: str | None = None,
) -> int:
    """Write a comment into the history.

    :param session: the database session
    :param person: who writes
    :param row: the register row
    :param text: the words
    :param purpose: ``comment``, ``question`` (to the steward) or ``waiver_request``
    :param mentions: user ids of people who may read the record and are told at once
    :param kind: kind of the blocker that a waiver is asked for
    :returns: the event's id
    """
    details: dict[str, Any] = {"comment": text}
    if mentions:
        details["mentions"] = list(mentions)
    if kind:
        details["kind"] = kind
    return events.record(
        session,
        purpose,
        person.user_id,
        [
            events.staying(
                row,
                details,
            )
        ],
    )
