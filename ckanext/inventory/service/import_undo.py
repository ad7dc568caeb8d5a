"""Taking a saved import back as a whole, as long as nothing was built on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session, aliased

from ckanext.inventory import clock, config, policy
from ckanext.inventory.model import Import, ImportRow, Link, Record, event, event_entry
from ckanext.inventory.model.imports import UNDONE
from ckanext.inventory.policy import Act
from ckanext.inventory.service import (
    bulk_edit,
    events,
    facts,
    marks,
    outbox,
    parts,
    register,
    search,
)
from ckanext.inventory.service.refusals import refusal
from ckanext.inventory.types import ENTRY, SOURCE, Facts, Person, State

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


def may_undo(session: Session, person: Person, kept: Import) -> bool:
    """Tell whether somebody may do now all that taking an import back does.

    A new record is deleted, and what was submitted in the same step counts as never submitted; a changed
    one is edited, and its marks are set.

    :param session: the database session
    :param person: who asks
    :param kept: the import
    """
    each = (
        sa.select(
            ImportRow.package_id,
            ImportRow.created,
            sa.select(sa.func.array_agg(sa.func.jsonb_object_keys(ImportRow.marks).column_valued()))
            .correlate(ImportRow)
            .scalar_subquery()
            .label("marks"),
        )
        .where(ImportRow.import_id == kept.id)
        .subquery()
    )
    # One record stands for all that the policy can't tell from it.
    alike = (each.c.created, each.c.marks, Record.package_type, Record.department)
    alike = (*alike, Record.visibility, Record.assignee)
    query = (
        sa.select(sa.func.min(each.c.package_id).label("id"), each.c.created, each.c.marks)
        .join(Record, Record.package_id == each.c.package_id)
        .group_by(*alike)
    )
    groups = session.execute(query).all()
    records = facts.records(session, [group.id for group in groups])
    return all(
        policy.may(person, act, _as_person(records[group.id]), config.options())
        for group in groups
        for act in _acts(group.created, group.marks or ())
    )


def _acts(created: bool, marked: Iterable[str]) -> list[Act]:
    """Return what taking it back does to a record."""
    if created:
        return [Act.DELETE]
    return [Act.EDIT, *map(_act_of, marked)]


def _act_of(mark: str) -> Act:
    return Act.ASSIGN if mark == "assignee" else marks.MARKS[mark].act


def _as_person(record: Record) -> Facts:
    """Return a record as it is for the question who; where it stands is what :func:`built_on` looks at."""
    known = facts.of_record(record)
    return replace(known, state=State.DRAFT, ever_submitted=False, package_state="active")


def refuse(session: Session, person: Person, kept: Import) -> None:
    """Refuse that somebody takes an import back who may not do all of it.

    :param session: the database session
    :param person: who asks
    :param kept: the import
    :raises ValidationError: if they may not; it says nothing of the records
    """
    if not may_undo(session, person, kept):
        message = tk._(
            "You may not change all of its records any more, so that you can't take it back. Ask a "
            "coordinator of the department, or the chief data officer."
        )
        raise refusal({"id": [message]})


def built_on(session: Session, person: Person, kept: Import) -> list[Built]:
    """Say what stands against taking an import back.

    :param session: the database session
    :param person: who asks; of records that they may not read it says no more than that there is one
    :param kept: the import
    :returns: what was built on it; empty if it can be taken back
    """
    mine = search.visible(policy.scope(person))
    touched = sa.or_(
        sa.exists()
        .where(
            event_entry.c.package_id == ImportRow.package_id,
            event_entry.c.event_id > (kept.last_event or 0),
        )
        .where(event.c.id == event_entry.c.event_id, event.c.act.not_in(events.BESIDE)),
        # A link that was there before the file is nothing that was built on it.
        sa.exists().where(Link.entry_id == ImportRow.package_id, Link.at > kept.saved_at),
    )
    query = (
        sa.select(
            Record.number,
            Record.package_state,
            (Record.revision != ImportRow.revision).label("changed"),
            mine.label("readable"),
        )
        .select_from(ImportRow)
        .outerjoin(Record, Record.package_id == ImportRow.package_id)
        .where(
            ImportRow.import_id == kept.id,
            sa.or_(
                Record.package_id.is_(None),
                Record.package_state != "active",
                Record.revision != ImportRow.revision,
                touched,
            ),
        )
        .order_by(ImportRow.seq)
    )
    found = [_built(row) for row in session.execute(query)]
    found += _named_by_others(session, kept.id, mine)
    return list(dict.fromkeys(found))


def _built(row: Any) -> Built:
    if row.number is None:
        return Built("", tk._("A record was removed."))
    if not row.readable:
        return _unreadable()
    if row.package_state != "active":
        return Built(row.number, tk._("It was deleted."))
    if row.changed:
        return Built(row.number, tk._("Its text was changed since."))
    return Built(row.number, tk._("Something was decided or said about it since."))


def _unreadable() -> Built:
    return Built("", tk._("A record that you can't read was changed since."))


def _named_by_others(session: Session, import_id: str, mine: sa.ColumnElement[bool]) -> list[Built]:
    """Find records that it made and that others outside it name."""
    rows = sa.select(ImportRow.package_id).where(ImportRow.import_id == import_id)
    made = rows.where(ImportRow.created)
    naming = aliased(Record)
    uses = sa.exists().where(
        naming.package_type == ENTRY,
        naming.package_state == "active",
        naming.package_id.not_in(rows),
        naming.source_ids.contains(array([Record.package_id])),
    )
    sources = sa.select(Record.number, mine.label("readable")).where(
        Record.package_id.in_(made), Record.package_type == SOURCE, uses
    )
    wholes = facts.series_of(made).where(Record.package_id.not_in(rows))
    series = sa.select(Record.number, mine.label("readable")).where(Record.package_id.in_(wholes))
    rows = {*session.execute(sources).tuples(), *session.execute(series).tuples()}
    return [
        Built(number, tk._("Another entry names it.")) if readable else _unreadable()
        for number, readable in sorted(rows)
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
    :raises ValidationError: with what was built on it, or if the person may not do it
    """
    if kept.saved_at is None or kept.undone_at is not None:
        raise refusal({"id": [tk._("Only a saved import can be taken back.")]})
    rows = rows_of(session, kept.id)
    records = facts.records(session, [row.package_id for row in rows], lock=True)
    refuse(session, person, kept)
    built = built_on(session, person, kept)
    if built:
        raise refusal(
            {
                "id": [
                    tk._("It can't be taken back: something was built on it."),
                    *(
                        f"{item.number}: {item.reason}" if item.number else item.reason
                        for item in built[:50]
                    ),
                ]
            }
        )
    told = delete_drafts(session, [records[row.package_id] for row in rows if row.created])
    told += _put_back(session, person, user_name, [r for r in rows if not r.created], records)
    if told:
        told[0].details["import"] = kept.id
        events.record(session, ACT, person.user_id, told)
    _put_marks_back(session, person, rows, records)
    kept.status, kept.step, kept.message, kept.task = UNDONE, "", None, {}
    kept.undone_by, kept.undone_at = person.user_id, clock.now()
    parts.dropped(session, [kept.id])
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
    before = register.contents_at(
        session, [(row.package_id, row.from_revision or 0) for row in rows]
    )
    for package_type in sorted({records[row.package_id].package_type for row in rows}):
        edits = [
            bulk_edit.Edit(
                records[row.package_id],
                now.get(row.package_id, {}),
                before.get((row.package_id, row.from_revision or 0), {}),
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
        if row.created:
            continue
        record = records[row.package_id]
        for name, change in row.mark_changes.items():
            known = facts.of_record(record)
            decision = policy.may(person, _act_of(name), known, config.options())
            if not decision:
                raise refusal({"id": [f"{record.number}: {tk._(decision.reason)}"]})
            boolean = name in ("in_directory", "shared")
            value = (change.old == "yes") if boolean else (change.old or None)
            groups.setdefault((name, value), []).append(record)
    for (name, value), found in groups.items():
        if name == "assignee":
            marks.assign(session, person, found, value)
        else:
            marks.mark(session, person, found, name, value)
