"""Keeping what a look at a large file found, so that the page which shows it doesn't look again.

It is kept for the one who asked, in their language, and holds only as long as what it was made of: their
rights, the choices, and every known record that it shows. Whatever else may have changed is found when the
file is saved, which looks again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.fields import canonical_json
from ckanext.inventory.model import Import, ImportLook, Record
from ckanext.inventory.types import Person

Plain = dict[str, Any]
PIECE = 100
"""Rows that are packed together: few enough to be cheap to open, enough to pack well."""

_FORM = 2
"""Counts the forms that answers have had: a look kept in an older one is made anew."""

GOOD_FOR = dt.timedelta(days=1)
"""How long a look is shown before it is made anew."""

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class ShownRow:
    """A row as it is shown.

    :param position: its place among all rows that are shown, from 0
    :param urgent: something is to be chosen or fixed in it
    :param plain: what is shown
    """

    position: int
    urgent: bool
    plain: Plain


@dataclass(frozen=True)
class KeptLook:
    """What was kept.

    :param head: everything but the rows
    :param rows: the rows that were asked for, in the file's order
    :param more: how many others there are
    """

    head: Plain
    rows: Sequence[Plain]
    more: int


def keep(
    session: Session,
    kept: Import,
    person: Person,
    language: str,
    head: Plain,
    rows: Iterable[ShownRow],
    package_ids: Iterable[str],
) -> None:
    """Keep what a look found, instead of what was kept before. The caller commits.

    :param session: the database session
    :param kept: the file
    :param person: who asked
    :param language: in which language it is written
    :param head: everything but the rows
    :param rows: the rows, made one by one as they are written
    :param package_ids: the known records that it shows
    """
    forget(session, [kept.id])
    ids = sorted(set(package_ids))
    stamp = {
        "for": _asked(kept, person, language),
        "at": clock.now().isoformat(),
        "records": ids,
        "standing": _standing(session, ids),
    }
    _write(session, kept.id, 0, {"stamp": stamp, "head": head}, urgent=True, rows=0)
    urgent: list[tuple[int, Plain]] = []
    seq = 1
    for piece in _pieces(rows, PIECE):
        urgent += [(row.position, row.plain) for row in piece if row.urgent]
        others = [(row.position, row.plain) for row in piece if not row.urgent]
        if others:
            _write(session, kept.id, seq, others, urgent=False, rows=len(others))
            seq += 1
        while len(urgent) >= PIECE:
            _write(session, kept.id, seq, urgent[:PIECE], urgent=True, rows=PIECE)
            del urgent[:PIECE]
            seq += 1
    if urgent:
        _write(session, kept.id, seq, urgent, urgent=True, rows=len(urgent))


def load(
    session: Session, kept: Import, person: Person, language: str, limit: int | None = None
) -> KeptLook | None:
    """Return what was kept, if it still holds for whoever asks.

    :param session: the database session
    :param kept: the file
    :param person: who asks
    :param language: in which language it is wanted
    :param limit: at most so many rows; those where something is to be chosen or fixed always
    :returns: the look; None without one that holds
    """
    table = ImportLook
    first = session.scalar(
        sa.select(table.content).where(table.import_id == kept.id, table.seq == 0)
    )
    if first is None:
        return None
    found = cast(Plain, _read(first))
    stamp = found["stamp"]
    if (
        stamp["for"] != _asked(kept, person, language)
        or clock.now() - dt.datetime.fromisoformat(stamp["at"]) > GOOD_FOR
        or stamp["standing"] != _standing(session, stamp["records"])
    ):
        return None
    pieces = session.execute(
        sa.select(table.seq, table.urgent, table.rows)
        .where(table.import_id == kept.id, table.seq > 0)
        .order_by(table.seq)
    ).all()
    total = sum(piece.rows for piece in pieces)
    room = (total if limit is None else limit) - sum(p.rows for p in pieces if p.urgent)
    wanted: list[int] = []
    opened = 0
    for piece in pieces:
        if piece.urgent or opened < room:
            wanted.append(piece.seq)
            opened += 0 if piece.urgent else piece.rows
    query = (
        sa.select(table.urgent, table.content)
        .where(table.import_id == kept.id, table.seq.in_(wanted))
        .order_by(table.seq)
    )
    rows: list[tuple[int, Plain]] = []
    for urgent, content in session.execute(query):
        piece = cast("list[tuple[int, Plain]]", _read(content))
        rows += piece if urgent else piece[: max(room, 0)]
        room -= 0 if urgent else len(piece)
    rows.sort(key=lambda row: row[0])
    return KeptLook(found["head"], [row for _, row in rows], total - len(rows))


def forget(session: Session, import_ids: Iterable[str]) -> None:
    """Drop what was kept of files.

    :param session: the database session
    :param import_ids: the files
    """
    session.execute(sa.delete(ImportLook).where(ImportLook.import_id.in_(list(import_ids))))


def forget_all(session: Session) -> None:
    """Drop what was kept of all files, which may show what must be gone now: it is made anew.

    :param session: the database session
    """
    session.execute(sa.delete(ImportLook))


def _asked(kept: Import, person: Person, language: str) -> str:
    """Tell who asked what: the same answer holds only for the same question."""
    grants = sorted(
        canonical_json(
            [grant.role, grant.department, grant.division, sorted(grant.kinds), grant.may_approve]
        )
        for grant in person.grants
    )
    asked = [_FORM, person.user_id, person.sysadmin, grants, language, kept.choices]
    return hashlib.sha256(canonical_json(asked).encode()).hexdigest()


def _standing(session: Session, package_ids: Sequence[str]) -> str | None:
    """Tell records as they stand from any other time, by what decides who sees what of them."""
    if not package_ids:
        return None
    parts = sa.func.concat_ws(
        "|",
        Record.package_id,
        Record.revision,
        Record.state,
        Record.package_state,
        Record.department,
        sa.func.coalesce(Record.assignee, ""),
        Record.visibility,
        Record.in_directory,
        Record.listing,
        Record.shared,
    )
    ordered = aggregate_order_by(sa.literal(","), Record.package_id)
    listed = sa.cast(list(package_ids), ARRAY(sa.Text))
    query = sa.select(sa.func.md5(sa.func.string_agg(parts, ordered))).where(
        Record.package_id == sa.func.any(listed)
    )
    return session.scalar(query)


def _write(
    session: Session, import_id: str, seq: int, content: Any, *, urgent: bool, rows: int
) -> None:
    packed = zlib.compress(json.dumps(content, ensure_ascii=False).encode(), 1)
    session.execute(
        sa.insert(ImportLook).values(
            import_id=import_id, seq=seq, urgent=urgent, rows=rows, content=packed
        )
    )


def _read(content: bytes) -> Any:
    return json.loads(zlib.decompress(content))


def _pieces(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    source = iter(items)
    while piece := list(islice(source, size)):
        yield piece
