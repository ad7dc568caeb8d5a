"""Candidates: drafts that records of another catalogue became, kept in step as long as nobody has them in hand.

A draft that somebody edited, marked, assigned, commented, submitted or decided is never touched again,
whatever the catalogue does. What a catalogue no longer holds is deleted only if nobody has touched it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.fields import schema_for
from ckanext.inventory.model import Candidate, Link, Record, event_entry
from ckanext.inventory.service import (
    bulk,
    bulk_edit,
    events,
    facts,
    import_undo,
    portal_entries,
    register,
    roles,
    search,
)
from ckanext.inventory.types import ENTRY, State, Writer

ACT = "harvest"
GONE = "harvest_gone"

SOURCE_TYPE = "inventory_candidates"
"""The type of a harvest source that brings candidates."""

BROUGHT = "harvest"
"""Mark of what a harvest brought."""

ADDED = "added"
UPDATED = "updated"
UNCHANGED = "not modified"
DELETED = "deleted"
ERRORED = "errored"

_T = TypeVar("_T")


@dataclass(frozen=True)
class Catalogue:
    """Where candidates come from.

    :param source_id: what identifies it
    :param title: what people call it
    """

    source_id: str
    title: str


@dataclass(frozen=True)
class Item:
    """A record of a catalogue as an entry would say it.

    :param guid: what identifies it there
    :param digest: changes with what the entry would say
    :param content: field → value; ``owner_org`` is an organization id
    :param modified: the catalogue's own stamp
    """

    guid: str
    digest: str
    content: Mapping[str, Any]
    modified: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a record.

    :param status: added, updated, not modified, deleted or errored
    :param messages: why not
    """

    status: str
    messages: Sequence[str] = ()


def is_source(package_type: str | None, extras: Mapping[str, Any] | None) -> bool:
    """Tell whether a package is a harvest source that brings candidates.

    :param package_type: its type
    :param extras: its additional fields
    :returns: the answer
    """
    return package_type == "harvest" and (extras or {}).get("source_type") == SOURCE_TYPE


def known(session: Session, source_id: str) -> dict[str, Candidate]:
    """Load what is known of a catalogue's records.

    :param session: the database session
    :param source_id: the catalogue
    :returns: guid → row
    """
    query = sa.select(Candidate).where(Candidate.source_id == source_id)
    return {row.guid: row for row in session.scalars(query)}


def bring(
    session: Session, catalogue: Catalogue, items: Sequence[Item], user_name: str
) -> dict[str, Outcome]:
    """Make drafts of new records and update those that nobody has in hand. The caller commits.

    One record that doesn't fit, or that the database refuses, doesn't stop the others.

    :param session: the database session
    :param catalogue: where they come from
    :param items: the records, each guid once
    :param user_name: the account that core's validators see
    :returns: guid → what became of it
    """
    return _each_if_not_all(
        session, items, lambda some: _bring(session, catalogue, some, user_name), _guid_of
    )


def remove(session: Session, catalogue: Catalogue, guids: Sequence[str]) -> dict[str, Outcome]:
    """Take into account that a catalogue no longer holds records. The caller commits.

    :param session: the database session
    :param catalogue: the catalogue
    :param guids: what identified them
    :returns: guid → what became of it
    """
    return _each_if_not_all(
        session, guids, lambda some: _remove(session, catalogue, some), lambda guid: guid
    )


def _guid_of(item: Item) -> str:
    return item.guid


def _each_if_not_all(
    session: Session,
    items: Sequence[_T],
    work: Callable[[Sequence[_T]], dict[str, Outcome]],
    key: Callable[[_T], str],
) -> dict[str, Outcome]:
    """Do all in one go; if the database refuses, one by one, so that one doesn't stop the rest."""
    if not items:
        return {}
    try:
        with session.begin_nested():
            return work(items)
    except (DataError, IntegrityError):
        session.expire_all()
        if len(items) == 1:
            message = tk._("It could not be saved: the database refused one of its values.")
            return {key(items[0]): Outcome(ERRORED, [message])}
    found: dict[str, Outcome] = {}
    for item in items:
        found |= _each_if_not_all(session, [item], work, key)
    return found


@dataclass
class _Batch:
    outcomes: dict[str, Outcome] = field(default_factory=dict[str, Outcome])
    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def _bring(
    session: Session, catalogue: Catalogue, items: Sequence[Item], user_name: str
) -> dict[str, Outcome]:
    bulk.lock(session, sorted({str(item.content["owner_org"]) for item in items}))
    before = _rows(session, catalogue, [item.guid for item in items])
    told: list[events.Row] = []
    found: dict[str, Outcome] = {}
    created = _create(
        session, catalogue, [item for item in items if item.guid not in before], user_name, found
    )
    told += bulk.event_rows([made for made, _item in created])
    known_ones = [item for item in items if item.guid in before]
    changed = _update(session, catalogue, known_ones, before, user_name, found)
    told += changed
    event_id = 0
    if told:
        told[0].details.update(
            {"catalogue": catalogue.title, "added": len(created), "updated": len(changed)}
        )
        event_id = events.record(session, ACT, None, told)
    revisions = {row.package_id: row.revision for row in changed}
    for row in before.values():
        if row.entry_id in revisions:
            row.revision, row.event_id = revisions[row.entry_id] or 0, event_id
    _remember(
        session,
        catalogue,
        [(item, made.package_id, 1, event_id) for made, item in created],
    )
    session.flush()
    return found


def _rows(session: Session, catalogue: Catalogue, guids: Collection[str]) -> dict[str, Candidate]:
    query = (
        sa.select(Candidate)
        .where(Candidate.source_id == catalogue.source_id, Candidate.guid.in_(guids))
        .order_by(Candidate.guid)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.guid: row for row in session.scalars(query)}


def _remember(
    session: Session, catalogue: Catalogue, made: Iterable[tuple[Item, str, int, int]]
) -> None:
    now = clock.now()
    rows = [
        {
            "source_id": catalogue.source_id,
            "guid": item.guid,
            "entry_id": entry_id,
            "digest": item.digest,
            "modified": item.modified,
            "catalogue": catalogue.title,
            "revision": revision,
            "event_id": event_id,
            "brought_at": now,
        }
        for item, entry_id, revision, event_id in made
    ]
    if rows:
        session.execute(insert(Candidate).on_conflict_do_nothing(), rows)


# New ones


def _create(
    session: Session,
    catalogue: Catalogue,
    items: Sequence[Item],
    user_name: str,
    found: dict[str, Outcome],
) -> list[tuple[bulk.Created, Item]]:
    there = _already_there(session, catalogue, items)
    _remember(session, catalogue, [(i, there[i.guid], 0, 0) for i in items if i.guid in there])
    for guid in there:
        found[guid] = Outcome(UNCHANGED)
    new = [item for item in items if item.guid not in there]
    records = [bulk.NewRecord(_content(catalogue, item)) for item in new]
    left_out = portal_entries.fit(session, roles.SYSTEM, user_name, records)
    good: list[tuple[bulk.NewRecord, Item]] = []
    for record, item, errors in zip(records, new, left_out, strict=True):
        if record.validated is None:
            found[item.guid] = Outcome(ERRORED, _said(errors))
        else:
            good.append((record, item))
            found[item.guid] = Outcome(ADDED)
    created = bulk.create(
        session, ENTRY, [record for record, _item in good], roles.SYSTEM, act=None
    )
    _mark(session, [made.package_id for made in created], BROUGHT)
    return [(made, item) for made, (_record, item) in zip(created, good, strict=True)]


def _content(catalogue: Catalogue, item: Item) -> dict[str, Any]:
    """Leave out what the city's schema doesn't have, and what isn't the department's to write."""
    schema = schema_for(ENTRY)
    content = dict(item.content)
    if content.get("external_id"):
        content["external_id_origin"] = catalogue.title
    return {
        name: value
        for name, value in content.items()
        if name == "owner_org"
        or (name in schema.fields and Writer.DEPARTMENT in schema.fields[name].writers)
    }


def _said(errors: Mapping[str, Sequence[str]]) -> list[str]:
    schema = schema_for(ENTRY)
    found: list[str] = []
    for name, messages in errors.items():
        spec = schema.fields.get(name)
        label = tk._(spec.label) if spec is not None else ""
        found += [f"{label}: {text}" if label else text for text in messages]
    return found


def _already_there(session: Session, catalogue: Catalogue, items: Sequence[Item]) -> dict[str, str]:
    """Find records that are in the inventory by another way: linked, by number, or by title."""
    if not items:
        return {}
    departments = {str(item.content["owner_org"]) for item in items}
    mine = sa.select(Candidate.entry_id).where(
        Candidate.source_id == catalogue.source_id,
        Candidate.entry_id.is_not(None),
        Candidate.revision > 0,
    )
    query = sa.select(
        Record.package_id,
        Record.department,
        Record.title,
        Record.external_id,
        Record.external_id_origin,
    ).where(
        Record.package_type == ENTRY,
        Record.package_state == "active",
        Record.department.in_(departments),
        Record.package_id.not_in(mine),
    )
    titles: dict[tuple[str, str], str] = {}
    numbers: dict[tuple[str, str], str] = {}
    for row in session.execute(query):
        titles.setdefault((row.department, _fold(row.title)), row.package_id)
        if row.external_id:
            number = (_fold(row.external_id_origin or ""), _fold(row.external_id))
            numbers.setdefault(number, row.package_id)
    linked: dict[str, str] = {}
    for link in session.execute(
        sa.select(Link.entry_id, Link.dataset_id, Link.url).where(
            sa.or_(
                Link.dataset_id.in_([item.guid for item in items]),
                Link.url.in_([url for item in items for url in _urls(item)]),
            )
        )
    ):
        linked[link.dataset_id or link.url] = link.entry_id
    found: dict[str, str] = {}
    for item in items:
        content = item.content
        entry = (
            linked.get(item.guid)
            or next((linked[url] for url in _urls(item) if url in linked), None)
            or numbers.get((_fold(catalogue.title), _fold(str(content.get("external_id") or ""))))
            or titles.get((str(content["owner_org"]), _fold(str(content.get("title") or ""))))
        )
        if entry is not None:
            found[item.guid] = entry
    return found


def _urls(item: Item) -> list[str]:
    return list(item.content.get("existing_publication_url") or ())


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _mark(session: Session, ids: Collection[str], mark: str) -> None:
    if ids:
        session.execute(sa.update(Record).where(Record.package_id.in_(ids)).values(brought=mark))


# Known ones


def _update(
    session: Session,
    catalogue: Catalogue,
    items: Sequence[Item],
    before: Mapping[str, Candidate],
    user_name: str,
    found: dict[str, Outcome],
) -> list[events.Row]:
    now = clock.now()
    records = _untouched(session, [before[item.guid] for item in items])
    stored = register.current_contents(session, list(records))
    edits: list[tuple[bulk_edit.Edit, Item]] = []
    for item in items:
        row = before[item.guid]
        row.modified = item.modified
        if row.digest != item.digest and row.entry_id not in records:
            row.changed_at = now
        record = records.get(row.entry_id or "")
        if record is None or row.digest == item.digest:
            row.digest = item.digest
            found[item.guid] = Outcome(UNCHANGED)
            continue
        new = {**_content(catalogue, item), "owner_org": record.department}
        edits.append((bulk_edit.Edit(record, stored.get(record.package_id, {}), new), item))
    good: list[bulk_edit.Edit] = []
    for (edit, item), errors in zip(
        edits, _fit(session, [edit for edit, _ in edits], user_name), strict=True
    ):
        if errors:
            found[item.guid] = Outcome(ERRORED, _said(errors))
            continue
        before[item.guid].digest = item.digest
        found[item.guid] = Outcome(UPDATED if edit.changes else UNCHANGED)
        good.append(edit)
    return bulk_edit.write(session, good, roles.SYSTEM)


def _fit(session: Session, edits: Sequence[bulk_edit.Edit], user_name: str) -> list[bulk.Errors]:
    """Validate, leaving out what doesn't fit; errors remain where that isn't enough."""
    wanted = [dict(edit.new) for edit in edits]
    found = bulk_edit.validate(session, edits, roles.SYSTEM, user_name)
    again = [
        position
        for position, errors in enumerate(found)
        if errors and not set(errors) & {*portal_entries.NEEDED, "__all__"}
    ]
    for position in again:
        kept = wanted[position].items()
        edits[position].put({name: value for name, value in kept if name not in found[position]})
    second = bulk_edit.validate(session, [edits[p] for p in again], roles.SYSTEM, user_name)
    for position, errors in zip(again, second, strict=True):
        found[position] = errors
    return found


def _untouched(session: Session, candidates: Sequence[Candidate]) -> dict[str, Record]:
    """Load the entries that are as the harvest left them, and hold them.

    Any later event means that somebody has it in hand: an edit, a mark, an assignment, a comment, a decision.
    """
    wanted = {row.entry_id: row for row in candidates if row.entry_id and row.revision}
    held = facts.records(session, list(wanted), lock=True)
    latest = _latest_events(session, list(held))
    named = _named(session, list(held))
    return {
        entry_id: record
        for entry_id, record in held.items()
        if record.state == State.DRAFT.value
        and record.package_state == "active"
        and not record.ever_submitted
        and record.revision == wanted[entry_id].revision
        and latest.get(entry_id, 0) <= wanted[entry_id].event_id
        and entry_id not in named
    }


def _latest_events(session: Session, ids: Collection[str]) -> dict[str, int]:
    query = (
        sa.select(event_entry.c.package_id, sa.func.max(event_entry.c.event_id))
        .where(event_entry.c.package_id.in_(ids))
        .group_by(event_entry.c.package_id)
    )
    return dict(session.execute(query).tuples().all()) if ids else {}


def _named(session: Session, ids: Collection[str]) -> set[str]:
    """Find entries that another one names as its series, or that have a link."""
    if not ids:
        return set()
    links = sa.select(Link.entry_id).where(Link.entry_id.in_(ids))
    return {*session.scalars(facts.series_of(ids)), *session.scalars(links)}


# Those that went


def _remove(session: Session, catalogue: Catalogue, guids: Sequence[str]) -> dict[str, Outcome]:
    rows = _rows(session, catalogue, guids)
    records = _untouched(session, list(rows.values()))
    told = import_undo.delete_drafts(session, list(records.values()))
    if told:
        told[0].details["catalogue"] = catalogue.title
        events.record(session, ACT, None, told)
    found = dict.fromkeys(guids, Outcome(UNCHANGED))
    marked: list[str] = []
    for guid, row in rows.items():
        if row.entry_id in records:
            session.delete(row)
            found[guid] = Outcome(DELETED)
            continue
        if row.gone_at is None:
            row.gone_at = clock.now()
            marked += [row.entry_id] if row.entry_id and row.revision else []
    kept = facts.records(session, marked)
    gone = [
        events.staying(
            record,
            {"catalogue": catalogue.title},
        )
        for record in kept.values()
        if record.package_state == "active"
    ]
    _mark(session, [row.package_id for row in gone if row.package_id], search.GONE)
    if gone:
        events.record(session, GONE, None, gone)
    session.flush()
    return found


def back(session: Session, source_id: str, guids: Collection[str]) -> None:
    """Take into account that a catalogue holds records again. The caller commits.

    :param session: the database session
    :param source_id: the catalogue
    :param guids: what identifies them
    """
    query = (
        sa.update(Candidate)
        .where(
            Candidate.source_id == source_id,
            Candidate.guid.in_(guids),
            Candidate.gone_at.is_not(None),
        )
        .values(gone_at=None)
        .returning(Candidate.entry_id, Candidate.revision)
    )
    if not guids:
        return
    returned = session.execute(query).tuples().all()
    _mark(session, [entry for entry, revision in returned if entry and revision], BROUGHT)


# What people see of it


def of_entry(session: Session, entry_id: str) -> dict[str, Any] | None:
    """Say where an entry was brought from.

    :param session: the database session
    :param entry_id: the entry
    :returns: catalogue, brought_at, changed_at and gone_at; None for one that no harvest brought
    """
    query = (
        sa.select(Candidate)
        .where(Candidate.entry_id == entry_id, Candidate.revision > 0)
        .order_by(Candidate.brought_at)
        .limit(1)
    )
    row = session.scalar(query)
    if row is None:
        return None
    return {
        "catalogue": row.catalogue,
        "brought_at": row.brought_at.isoformat(),
        "changed_at": _iso(row.changed_at),
        "gone_at": _iso(row.gone_at),
    }


def _iso(moment: dt.datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
