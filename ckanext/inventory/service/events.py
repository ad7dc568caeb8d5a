"""Writing and verifying the append-only history.

The chain: each event's hash covers the hash before it and a digest of its rows; each row carries a
salted digest of its details. Erasing details and salt therefore leaves the chain whole.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.model import Record
from ckanext.inventory.model.event import event, event_detail, event_entry
from ckanext.inventory.service import notices

LOCK = 0x1A7E0_1
"""Key of the transaction-level advisory lock that keeps the chain single-file."""

START = "0" * 64
"""The hash before the first event."""


BESIDE = frozenset({"part_send", "part_close"})
"""Acts that change nothing of a record, so that what was done before can still be taken back."""


@dataclass(frozen=True)
class Row:
    """What an act did to one record.

    :param package_id: the record, or None for an act on something else
    :param department: organization id, for the right to read the history of a purged record
    :param from_state: state before
    :param to_state: state after
    :param revision: the revision that it was about
    :param details: words and values; can be erased
    """

    package_id: str | None = None
    department: str | None = None
    from_state: str | None = None
    to_state: str | None = None
    revision: int | None = None
    details: dict[str, Any] = field(default_factory=dict[str, Any])


def staying(record: Record, details: dict[str, Any] | None = None) -> Row:
    """Return what an act did to a record that stays in its state.

    :param record: its register row
    :param details: words and values; can be erased
    :returns: the row of the act, about the record's revision
    """
    return Row(
        record.package_id,
        record.department,
        record.state,
        record.state,
        record.revision,
        details or {},
    )


def canonical(value: Any) -> str:
    """Write a value as canonical JSON: sorted keys, no spaces, UTF-8 kept.

    :param value: anything that JSON holds; dates become ISO strings
    :returns: the text
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def detail_digest(salt: str, details: dict[str, Any]) -> str:
    """Return the digest of details that the immutable row carries.

    :param salt: random, erased together with the details
    :param details: the details
    :returns: SHA-256, hexadecimal
    """
    return _sha256(salt + canonical(details))


def _row_line(values: dict[str, Any]) -> str:
    keys = ("seq", "package_id", "department", "from_state", "to_state", "revision")
    return canonical([*(values[key] for key in keys), values["detail_digest"]])


def _event_hash(previous: str, values: dict[str, Any]) -> str:
    at: dt.datetime = values["at"]
    stamp = at.astimezone(dt.timezone.utc).isoformat()
    return _sha256(
        canonical(
            [
                previous,
                values["id"],
                stamp,
                values["act"],
                values["user_id"],
                values["rows_digest"],
            ]
        )
    )


def record(session: Session, act: str, user_id: str | None, rows: Sequence[Row]) -> int:
    """Write one act as one link of the chain, with a row for each record that it touched.

    Takes the chain's lock until the end of the transaction, so call it last before the commit.

    :param session: the database session
    :param act: transition name or kind of act
    :param user_id: who did it, None for the system
    :param rows: what it did; at least one
    :returns: the event's id
    :raises ValueError: without rows
    """
    if not rows:
        raise ValueError("an event needs at least one row")
    session.flush()
    entries: list[dict[str, Any]] = []
    details: list[dict[str, Any]] = []
    for seq, row in enumerate(rows):
        salt = secrets.token_hex(16) if row.details else None
        # what JSON makes of the details is what gets stored, so that is what gets digested
        stored: dict[str, Any] = json.loads(canonical(row.details))
        entries.append(
            {
                "seq": seq,
                "package_id": row.package_id,
                "department": row.department,
                "from_state": row.from_state,
                "to_state": row.to_state,
                "revision": row.revision,
                "detail_digest": detail_digest(salt, stored) if salt else None,
            }
        )
        if salt:
            details.append({"seq": seq, "salt": salt, "details": stored})
    last = session.execute(_LAST, {"key": LOCK}).first()
    values: dict[str, Any] = {
        "id": (last.id if last else 0) + 1,
        "at": clock.now(),
        "act": act,
        "user_id": user_id,
        "rows_digest": _sha256("\n".join(_row_line(entry) for entry in entries)),
        "previous_hash": last.hash if last else START,
    }
    values["hash"] = _event_hash(values["previous_hash"], values)
    session.execute(_append(), values | {"entries": entries, "details": details})
    notices.tell(session, values["id"], act, user_id, rows)
    return int(values["id"])


_LAST = sa.text(
    "SELECT pg_advisory_xact_lock(:key); SELECT id, hash FROM inventory_event ORDER BY id DESC LIMIT 1"
)
"""Two statements in one go: the second sees what others wrote while the first waited."""


@cache
def _append() -> sa.Insert:
    """Write the act, its rows and their details in one statement, however many there are."""
    act = {column.name: sa.bindparam(column.name, type_=column.type) for column in event.c}
    lines = (
        (event_entry, "entries"),
        (event_detail, "details"),
    )
    statement = sa.insert(event).values(act)
    for table, name in lines:
        columns = [column for column in table.c if column.name not in ("event_id", "erased_at")]
        values = (
            sa.func.jsonb_to_recordset(sa.bindparam(name, type_=JSONB))
            .table_valued(*(sa.column(column.name, column.type) for column in columns))
            .render_derived(with_types=True)
        )
        rows = sa.select(act["id"], *values.c)
        statement = statement.add_cte(
            sa.insert(table)
            .from_select(["event_id", *(column.name for column in columns)], rows)
            .cte(name)
        )
    return statement


def erase(session: Session, event_id: int, by: str | None, reason: str) -> int:
    """Erase the details of an event; the erasure is an event of its own.

    :param session: the database session
    :param event_id: the event
    :param by: user id
    :param reason: why, without the words that are erased
    :returns: how many details were erased
    """
    done = session.execute(
        sa.update(event_detail)
        .where(event_detail.c.event_id == event_id, event_detail.c.erased_at.is_(None))
        .values(salt=None, details=sa.null(), erased_at=clock.now())
        .returning(event_detail.c.seq)
    ).all()
    if done:
        record(session, "erase", by, [Row(details={"event_id": event_id, "reason": reason})])
    return len(done)


@dataclass(frozen=True)
class Fault:
    """Something in the history that doesn't add up.

    :param event_id: the event
    :param what: what is wrong
    """

    event_id: int
    what: str


def verify(session: Session) -> Iterator[Fault]:
    """Recompute the whole chain.

    :param session: the database session
    :returns: every fault found; nothing when the history is whole
    """
    previous, expected_id = START, 1
    stream = session.execute(sa.select(event).order_by(event.c.id).execution_options(yield_per=500))
    for row in stream.mappings():
        values = dict(row)
        if values["id"] != expected_id:
            yield Fault(values["id"], "an event before this one is missing")
        if values["previous_hash"] != previous:
            yield Fault(values["id"], "it doesn't follow the event before it")
        if values["hash"] != _event_hash(values["previous_hash"], values):
            yield Fault(values["id"], "it was changed after it was written")
        yield from _verify_rows(session, values)
        previous, expected_id = values["hash"], values["id"] + 1


def _verify_rows(session: Session, values: dict[str, Any]) -> Iterator[Fault]:
    query = (
        sa.select(
            event_entry, event_detail.c.salt, event_detail.c.details, event_detail.c.erased_at
        )
        .outerjoin(
            event_detail,
            sa.and_(
                event_detail.c.event_id == event_entry.c.event_id,
                event_detail.c.seq == event_entry.c.seq,
            ),
        )
        .where(event_entry.c.event_id == values["id"])
        .order_by(event_entry.c.seq)
    )
    rows = [dict(row) for row in session.execute(query).mappings()]
    if values["rows_digest"] != _sha256("\n".join(_row_line(row) for row in rows)):
        yield Fault(values["id"], "its rows were changed after they were written")
    for row in rows:
        if row["detail_digest"] is None or row["erased_at"] is not None:
            continue
        if (
            row["salt"] is None
            or detail_digest(row["salt"], row["details"]) != row["detail_digest"]
        ):
            yield Fault(values["id"], "its details were changed after they were written")


def last(session: Session) -> int:
    """Return the newest link of the history; the chain's lock is held by whoever just wrote.

    :param session: the database session
    """
    return int(session.scalar(sa.select(sa.func.max(event.c.id))) or 0)
