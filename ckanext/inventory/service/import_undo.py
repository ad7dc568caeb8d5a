"""Taking a saved import back as a whole, as long as nothing was built on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config, policy
from ckanext.inventory.model import Import, ImportRow, Link, Record, event, event_entry
from ckanext.inventory.model.imports import SAVED, UNDONE
from ckanext.inventory.policy import Act
from ckanext.inventory.service import bulk_edit, events, facts, marks, outbox, register
from ckanext.inventory.service.refusals import refusal
from ckanext.inventory.types import ENTRY, Person, State

ACT = "import_undo"


@dataclass(frozen=True)
class Built:
    """Something that was built on an import.

    :param number: the record
    :param reason: what happened to it
    """

    number: str
    reason: str


def rows_of(session: Session, import_id: str) -> list[ImportRow]:
    """Return what an import did.

    :param session: the database session
    :param import_id: the import
    """
    query = sa.select(ImportRow).where(ImportRow.import_id == import_id).order_by(ImportRow.seq)
    return list(session.scalars(query))


def built_on(session: Session, kept: Import, rows: Sequence[ImportRow]) -> list[Built]:
    """Say what stands against taking an import back.

    :param session: the database session
    :param kept: the import
    :param rows: what it did
    :returns: what was built on it; empty if it can be taken back
    """
    ids = [row.package_id for row in rows]
    records = facts.records(session, ids)
    found: list[Built] = []
    touched = set(
        session.scalars(
            sa.select(event_entry.c.package_id)
            .join(event, event.c.id == event_entry.c.event_id)
            .where(
                event_entry.c.package_id.in_(ids),
                event_entry.c.event_id > (kept.last_event or 0),
                event.c.act.not_in(events.BESIDE),
            )
        )
    )
    links = set(session.scalars(sa.select(Link.entry_id).where(Link.entry_id.in_(ids))))
    for row in rows:
        record = records.get(row.package_id)
        if record is None:
            found.append(Built("", tk._("A record was removed.")))
        elif record.package_state != "active":
            found.append(Built(record.number, tk._("It was deleted.")))
        elif record.revision != row.revision:
            found.append(Built(record.number, tk._("Its text was changed since.")))
        elif row.package_id in touched or row.package_id in links:
            found.append(
                Built(record.number, tk._("Something was decided or said about it since."))
            )
    return found + _named_by_others(session, rows, records)


def _named_by_others(
    session: Session, rows: Sequence[ImportRow], records: Mapping[str, Record]
) -> list[Built]:
    """Find records outside the import that name one that it made."""
    made = [row.package_id for row in rows if row.created]
    if not made:
        return []
    query = sa.select(Record.source_ids).where(
        Record.package_type == ENTRY,
        Record.package_state == "active",
        Record.package_id.not_in([row.package_id for row in rows]),
        Record.source_ids.overlap(sa.cast(made, sa.ARRAY(sa.Text))),
    )
    named = {source for ids in session.scalars(query) for source in ids} & set(made)
    parts = facts.series_of(made).where(Record.package_id.not_in([row.package_id for row in rows]))
    named |= set(session.scalars(parts))
    return [
        Built(records[package_id].number, tk._("Another entry names it."))
        for package_id in sorted(named)
        if package_id in records
    ]


def undo(session: Session, person: Person, user_name: str, kept: Import) -> int:
    """Take an import back. The caller commits.

    New records are deleted, also those submitted in the same step: they count as never submitted.
    Changed ones get their old text as a new revision, and their marks.

    :param session: the database session
    :param person: who takes it back
    :param user_name: the account's name
    :param kept: the import, locked
    :returns: how many records were put back
    :raises ValidationError: with what was built on it
    """
    if kept.status != SAVED:
        raise refusal({"id": [tk._("Only a saved import can be taken back.")]})
    rows = rows_of(session, kept.id)
    records = facts.records(session, [row.package_id for row in rows], lock=True)
    built = built_on(session, kept, rows)
    if built:
        raise refusal(
            {
                "id": [
                    tk._("It can't be taken back: something was built on it."),
                    *(f"{item.number}: {item.reason}" for item in built[:50]),
                ]
            }
        )
    told = delete_drafts(session, [records[row.package_id] for row in rows if row.created])
    told += _put_back(session, person, user_name, [r for r in rows if not r.created], records)
    if told:
        told[0].details["import"] = kept.id
        events.record(session, ACT, person.user_id, told)
    _put_marks_back(session, person, rows, records)
    kept.status = UNDONE
    kept.undone_by, kept.undone_at = person.user_id, clock.now()
    session.flush()
    return len(rows)


def delete_drafts(session: Session, records: Sequence[Record]) -> list[events.Row]:
    """Delete what was made in bulk, as drafts that were never submitted.

    :param session: the database session
    :param records: register rows, held
    :returns: what the history has to say of each, for the caller's event
    """
    ids = [record.package_id for record in records]
    if not ids:
        return []
    rows = [
        events.Row(
            record.package_id,
            record.department,
            record.state,
            State.DRAFT.value,
            record.revision,
            {"number": record.number, "deleted": True},
        )
        for record in records
    ]
    for record in records:
        record.package_state = model.State.DELETED
        record.state, record.state_since = State.DRAFT.value, clock.now()
        record.ever_submitted = False
        record.submitted_by = record.submitted_at = None
    session.flush()
    package, member = model.package_table, model.member_table
    session.execute(
        sa.update(package).where(package.c.id.in_(ids)).values(state=model.State.DELETED)
    )
    session.execute(
        sa.update(member)
        .where(member.c.table_name == "package", member.c.table_id.in_(ids))
        .values(state=model.State.DELETED)
    )
    outbox.narrow(session, ids)
    return rows


def _put_back(
    session: Session,
    person: Person,
    user_name: str,
    rows: Sequence[ImportRow],
    records: Mapping[str, Record],
) -> list[events.Row]:
    """Store the texts from before the import as new revisions, under every rule of an edit."""
    told: list[events.Row] = []
    ids = [row.package_id for row in rows]
    now = register.current_contents(session, ids)
    for package_type in sorted({records[row.package_id].package_type for row in rows}):
        edits = [
            bulk_edit.Edit(
                records[row.package_id],
                now.get(row.package_id, {}),
                register.revision_content(session, row.package_id, row.from_revision or 0),
            )
            for row in rows
            if records[row.package_id].package_type == package_type
            and row.from_revision != row.revision
        ]
        errors: dict[str, list[str]] = {}
        found = bulk_edit.validate(session, edits, person, user_name)
        for edit, messages in zip(edits, found, strict=True):
            for texts in messages.values():
                errors.setdefault("id", []).extend(
                    f"{edit.record.number}: {text}" for text in texts
                )
        if errors:
            raise refusal(errors)
        told += bulk_edit.write(session, edits, person)
    return told


def _put_marks_back(
    session: Session,
    person: Person,
    rows: Sequence[ImportRow],
    records: Mapping[str, Record],
) -> None:
    groups: dict[tuple[str, Any], list[Record]] = {}
    for row in rows:
        record = records[row.package_id]
        for name, before in row.marks.items():
            act = Act.ASSIGN if name == "assignee" else marks.MARKS[name].act
            known = facts.of_record(record)
            decision = policy.may(person, act, known, config.options())
            if not decision:
                raise refusal({"id": [f"{record.number}: {tk._(decision.reason)}"]})
            boolean = name in ("in_directory", "shared")
            value = (before == "yes") if boolean else (before or None)
            groups.setdefault((name, value), []).append(record)
    for (name, value), found in groups.items():
        if name == "assignee":
            marks.assign(session, person, found, value)
        else:
            marks.mark(session, person, found, name, value)
