"""Keeping the register in step with every content write, whichever door it came through.

Core's hooks call :func:`created` and :func:`updated` inside core's transaction, so a refusal here
stops the write at every door: form, API, patch, revise, bulk actions, harvest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config, fields, policy, vocabularies
from ckanext.inventory.fields import FieldSpec, Schema, schema_for
from ckanext.inventory.model import Department, Record, Revision
from ckanext.inventory.policy import Act
from ckanext.inventory.service import (
    blockers,
    content,
    departments,
    events,
    facets,
    facts,
    outbox,
    requirements,
    review,
    words,
)
from ckanext.inventory.service.content import Write
from ckanext.inventory.service.refusals import refusal
from ckanext.inventory.types import ENTRY, NOT_KNOWN, SOURCE, Facts, Stage, State, Writer
from ckanext.inventory.workflow import HAS_APPROVED_TEXT

Errors = dict[str, list[str]]


def created(session: Session, package: model.Package, how: Write) -> Record:
    """Register a new package: number, first revision, history, index.

    :param session: the database session
    :param package: the package, flushed
    :param how: who writes
    :returns: the register row
    :raises ValidationError: if the person may not write a field that has a value
    """
    schema = schema_for(package.type)
    values = content.of_package(schema, package)
    organization = str(package.owner_org)
    department = departments.ensure(session, [organization]).get(organization)
    if department is None:
        raise tk.ValidationError({"owner_org": [tk._("Choose a department.")]})
    departments.refuse_merged(session, how.person, department)
    placeholder = Facts(package.id, package.type, organization)
    errors = field_errors(schema, {}, values, placeholder, how)
    errors |= blockers.row_errors([], facets.blocker_rows(values), placeholder, how)
    errors |= link_errors(load_links(session, [({}, values)]), {}, values, how)
    if errors:
        raise refusal(errors)
    number = departments.take_numbers(session, organization, package.type)[0]
    record = Record(**new_row(package, values, department, number, how.person.user_id))
    session.add(record)
    session.add(_first_revision(record, values, how.person.user_id))
    session.flush()
    words.put(session, {record.package_id: facets.words(number, values)})
    if how.event:
        events.record(
            session,
            "create",
            how.person.user_id,
            [
                events.Row(
                    record.package_id,
                    record.department,
                    None,
                    record.state,
                    1,
                    {"title": record.title, "number": record.number},
                )
            ],
        )
    outbox.reindex(session, [record.package_id])
    return record


def new_row(
    package: model.Package | Any,
    values: Mapping[str, Any],
    department: Department,
    number: str,
    user_id: str | None,
) -> dict[str, Any]:
    """Return the columns of a register row for new content; the bulk writer uses it, too.

    :param package: anything with ``id`` and ``type``
    :param values: the content
    :param department: the department
    :param number: the number taken for it
    :param user_id: who writes
    :returns: column name → value
    """
    schema = schema_for(package.type)
    now = clock.now()
    return {
        "package_id": package.id,
        "package_type": package.type,
        "department": department.organization,
        "number": number,
        "state": State.DRAFT.value,
        "state_since": now,
        "waiting_since": now,
        "revision": 1,
        "material_hash": fields.material_hash(schema, values),
        "created_by": user_id,
        "created_at": now,
        "modified_at": now,
        **facets.of_content(
            schema,
            values,
            defaults=departments.defaults_of(department, config.license_id()),
            findings=facets.NOTHING_FOUND,
            vocabularies=vocabularies.load(),
        ),
    }


def _first_revision(record: Record, values: Mapping[str, Any], user_id: str | None) -> Revision:
    return Revision(
        package_id=record.package_id,
        revision=1,
        content=dict(values),
        material_hash=record.material_hash,
        by=user_id,
        author=user_id,
        at=record.modified_at,
    )


def updated(session: Session, package: model.Package, how: Write) -> Record:
    """Take a content write into the register: check every rule, keep the revision.

    :param session: the database session
    :param package: the package as it is about to be saved, flushed
    :param how: who writes, based on which revision
    :returns: the register row
    :raises ValidationError: with everything that is wrong, by field; ``revision`` when somebody
        else saved in between
    """
    found = facts.records(session, [package.id], lock=True)
    if package.id not in found:
        return created(session, package, how)
    record = found[package.id]
    schema = schema_for(package.type)
    old = current_content(session, record)
    new = content.of_package(schema, package)
    changes = fields.diff(schema, old, new)
    _refuse_stale(session, record, schema, how)
    record.package_state = str(package.state)
    if not changes:
        return record
    known = facts.of_records(session, found)[package.id]
    beside = load_beside(session, [(record, old, new)])
    errors = edit_errors(record, schema, old, new, known, how, beside)
    if errors:
        raise refusal(errors)
    _store_revision(session, record, schema, old, new, how)
    refresh(session, [record])
    words.put(session, {record.package_id: facets.words(record.number, new)})
    if how.event:
        events.record(
            session,
            "edit",
            how.person.user_id,
            [
                events.staying(
                    record,
                    {"fields": [change.field for change in changes]} | _settled(old, new),
                )
            ],
        )
    outbox.reindex(session, [record.package_id])
    return record


def _settled(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Tell which blockers an edit resolved or waived: somebody may have asked for it."""
    before = blockers.by_kind(facets.blocker_rows(old))
    settled = {
        kind: row["status"]
        for kind, row in blockers.by_kind(facets.blocker_rows(new)).items()
        if row.get("status") in ("resolved", "waived")
        and row["status"] != (before.get(kind) or {}).get("status")
    }
    return {"settled": settled} if settled else {}


def current_content(session: Session, record: Record) -> dict[str, Any]:
    """Return the content of a record's current revision.

    :param session: the database session
    :param record: the register row
    :returns: field name → value
    """
    return revision_content(session, record.package_id, record.revision)


def revision_content(session: Session, package_id: str, revision: int) -> dict[str, Any]:
    """Return the content of one revision.

    :param session: the database session
    :param package_id: the package
    :param revision: the revision's number
    :returns: field name → value; empty if there is no such revision
    """
    query = sa.select(Revision.content).where(
        Revision.package_id == package_id, Revision.revision == revision
    )
    return session.scalar(query) or {}


def _refuse_stale(session: Session, record: Record, schema: Schema, how: Write) -> None:
    if how.revision is None or how.revision == record.revision:
        return
    based_on = revision_content(session, record.package_id, how.revision)
    changed = fields.diff(schema, based_on, current_content(session, record))
    names = ", ".join(change.label for change in changes_shown(changed))
    message = tk._(
        "Somebody else saved this in the meantime. Nothing of yours was saved. Changed since "
        "you opened it: {fields}."
    ).format(fields=names or tk._("nothing that you can see"))
    raise tk.ValidationError({"revision": [message]})


def changes_shown(changes: Collection[fields.Change]) -> list[fields.Change]:
    """Return the changes that people are told of.

    :param changes: all changes
    :returns: those of fields with a label
    """
    return [change for change in changes if change.label]


@dataclass(frozen=True)
class Beside:
    """What the rules of an edit look at beside the record, loaded once for all of a batch.

    :param links: what newly named records are
    :param findings: findings of reviewers, of records that have to stay complete
    :param defaults: what departments hand down
    """

    links: Mapping[str, Facts]
    findings: Mapping[str, facets.Findings]
    defaults: Mapping[str, Mapping[str, str]]


def load_beside(
    session: Session, edits: Collection[tuple[Record, Mapping[str, Any], Mapping[str, Any]]]
) -> Beside:
    """Load what :func:`edit_errors` looks at.

    :param session: the database session
    :param edits: register row, content before, content after
    :returns: what stands beside them
    """
    held = [record for record, _, _ in edits if _stays_complete(State(record.state))]
    return Beside(
        load_links(session, [(old, new) for _, old, new in edits]),
        review.findings(session, [record.package_id for record in held]),
        defaults(session, {record.department for record in held}) if held else {},
    )


def _stays_complete(state: State) -> bool:
    return state is State.SUBMITTED or state in HAS_APPROVED_TEXT


def edit_errors(
    record: Record,
    schema: Schema,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    known: Facts,
    how: Write,
    beside: Beside,
) -> Errors:
    """Hold every rule of an edit, whichever door it comes through.

    :param record: the register row
    :param schema: the schema of its type
    :param old: the content before
    :param new: the content after
    :param known: what is known of the record
    :param how: who writes
    :param beside: what was loaded for it
    :returns: what is wrong, by field; empty if all is well
    """
    allowed = policy.may(how.person, Act.EDIT, known, config.options())
    if not allowed:
        return {"__all__": [tk._(allowed.reason)]}
    errors: Errors = {}
    if old.get("owner_org") != new.get("owner_org"):
        errors["owner_org"] = [
            tk._("The department can't be changed here. Ask for a transfer instead.")
        ]
    errors |= field_errors(schema, old, new, known, how)
    errors |= blockers.row_errors(facets.blocker_rows(old), facets.blocker_rows(new), known, how)
    errors |= link_errors(beside.links, old, new, how)
    moved = old.get("target_release") and old.get("target_release") != new.get("target_release")
    if moved and record.approved_revision and not new.get("target_change_reason"):
        errors["target_change_reason"] = [tk._("Say why the target date moved.")]
    if _stays_complete(known.state):
        findings = beside.findings[record.package_id]
        for gap in requirements.missing(
            schema,
            new,
            Stage.SUBMIT,
            defaults=beside.defaults[record.department],
            confirmed=findings.confirmed,
            reviews=findings.outcomes,
            vocabularies=vocabularies.load(),
        ):
            errors.setdefault(gap.field, []).append(gap.in_words(tk._))
    return errors


def field_errors(
    schema: Schema, old: Mapping[str, Any], new: Mapping[str, Any], known: Facts, how: Write
) -> Errors:
    """Hold the writers of every changed field; blocker rows have rules of their own."""
    errors: Errors = {}
    for change in fields.diff(schema, old, new):
        spec = schema.fields[change.field]
        if spec.kind in ("rows", "organization") or spec.writers == frozenset({Writer.SYSTEM}):
            continue
        if change.field == blockers.STATUS_FIELD and _follows_from_rows(old, new):
            continue
        decision = policy.may_write_field(how.person, known, spec.writers)
        if not decision:
            errors[change.field] = [tk._(decision.reason)]
    return errors


def _follows_from_rows(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the answer on blockers is the system's: an open row means that there is a reason, and
    with the last row gone nobody has said yet.
    """
    answer = new.get(blockers.STATUS_FIELD)
    if facets.blocker_rows(new):
        return answer == "some" and bool(facets.open_blockers(new))
    return answer == NOT_KNOWN and bool(facets.blocker_rows(old))


_LINKS: Mapping[str, tuple[str, str]] = {
    "source_ids": (SOURCE, "One of the sources doesn't exist, or isn't shared with you."),
    "part_of": (ENTRY, "There is no such entry."),
}
"""Fields that name other records: the type that they name, and what is said otherwise."""


def load_links(
    session: Session, edits: Collection[tuple[Mapping[str, Any], Mapping[str, Any]]]
) -> dict[str, Facts]:
    """Load what newly named records are.

    :param session: the database session
    :param edits: content before, content after
    :returns: package id → facts; ids that aren't ours are absent
    """
    added = {
        package_id
        for old, new in edits
        for name in _LINKS
        for package_id in set(_ids(new.get(name))) - set(_ids(old.get(name)))
    }
    return facts.of_records(session, facts.records(session, added))


def link_errors(
    links: Mapping[str, Facts], old: Mapping[str, Any], new: Mapping[str, Any], how: Write
) -> Errors:
    """Let a record name only what its writer may know of; what it named before may stay.

    :param links: what newly named records are
    :param old: the content before
    :param new: the content after
    :param how: who writes
    :returns: field → messages, empty if all is well
    """
    errors: Errors = {}
    for name, (package_type, message) in _LINKS.items():
        added = set(_ids(new.get(name))) - set(_ids(old.get(name)))
        allowed = {
            package_id
            for package_id in added
            if package_id in links
            and links[package_id].package_type == package_type
            # whoever may write the entry may link a shared source, an assignee too
            and (links[package_id].shared or policy.may(how.person, Act.LINK, links[package_id]))
        }
        if added - allowed:
            errors[name] = [tk._(message)]
    return errors


def _ids(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _store_revision(
    session: Session,
    record: Record,
    schema: Schema,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    how: Write,
) -> None:
    now = clock.now()
    changed = [schema.fields[change.field] for change in fields.diff(schema, old, new)]
    was_changed = facts.changed_since_approval(record) and not record.change_returned
    record.revision += 1
    record.modified_at = now
    record.material_hash = fields.material_hash(schema, new)
    record.change_returned = False
    if facts.changed_since_approval(record) and not was_changed:
        record.waiting_since = now
    session.add(
        Revision(
            package_id=record.package_id,
            revision=record.revision,
            content=dict(new),
            material_hash=record.material_hash,
            by=how.person.user_id,
            author=how.person.user_id if makes_author(changed, how) else None,
            at=now,
        )
    )
    session.flush()


def makes_author(changed: Collection[FieldSpec], how: Write) -> bool:
    """Tell whether changes bar their writer from approving.

    :param changed: the fields that changed
    :param how: how they were written
    :returns: the answer

    Source: the rule of the second person.
    """
    for spec in changed:
        if spec.writers == frozenset({Writer.SYSTEM}) or spec.writers == frozenset(
            {Writer.REVIEWER}
        ):
            continue
        if how.review_act and Writer.REVIEWER in spec.writers:
            continue
        return True
    return False


def defaults(session: Session, organizations: Collection[str]) -> dict[str, dict[str, str]]:
    """Return what departments hand down, in one statement.

    :param session: the database session
    :param organizations: organization ids
    :returns: organization id → field name → value, for every id given
    """
    wanted = set(organizations)
    query = sa.select(Department).where(Department.organization.in_(wanted))
    found = {row.organization: row for row in session.scalars(query)}
    licence = config.license_id()
    return {key: departments.defaults_of(found.get(key), licence) for key in wanted}


def inherited(session: Session, record: Record, values: Mapping[str, Any]) -> dict[str, str]:
    """Return what a content inherits from its department.

    :param session: the database session
    :param record: the register row
    :param values: the content
    :returns: field name → inherited value, for fields without a value of their own
    """
    return requirements.inherited(
        schema_for(record.package_type),
        values,
        defaults(session, [record.department])[record.department],
    )


def refresh(session: Session, rows: Collection[Record]) -> set[str]:
    """Recompute the cached columns of register rows.

    :param session: the database session
    :param rows: register rows
    :returns: package ids of the rows that changed
    """
    ids = [row.package_id for row in rows]
    found = review.findings(session, ids)
    stored = current_contents(session, ids)
    handed_down = defaults(session, {row.department for row in rows})
    lists = vocabularies.load()
    changed: set[str] = set()
    for row in rows:
        columns = facets.of_content(
            schema_for(row.package_type),
            stored.get(row.package_id, {}),
            defaults=handed_down[row.department],
            findings=found[row.package_id],
            vocabularies=lists,
        )
        different = {name: value for name, value in columns.items() if getattr(row, name) != value}
        for name, value in different.items():
            setattr(row, name, value)
        if different:
            changed.add(row.package_id)
    session.flush()
    return changed


def current_contents(session: Session, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the contents of current revisions.

    :param session: the database session
    :param ids: package ids
    :returns: package id → content
    """
    found = session.execute(_current(), {"ids": list(ids)})
    return {row.package_id: row.content for row in found}


@cache
def _current() -> sa.Select[tuple[str, dict[str, Any]]]:
    """Build the statement once: putting it together costs as much as running it."""
    ids: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
    return (
        sa.select(Revision.package_id, Revision.content)
        .join(
            Record,
            sa.and_(Record.package_id == Revision.package_id, Record.revision == Revision.revision),
        )
        .where(Revision.package_id.in_(ids))
    )


def contents_at(
    session: Session, wanted: Collection[tuple[str, int]]
) -> dict[tuple[str, int], dict[str, Any]]:
    """Return the contents of many revisions.

    :param session: the database session
    :param wanted: package id and revision of each
    :returns: package id and revision → content; what there isn't is absent
    """
    if not wanted:
        return {}
    ids, revisions = zip(*wanted, strict=True)
    # A table of the pairs: thousands of them in an IN exceed what PostgreSQL parses.
    pair = (
        sa.func.unnest(
            sa.cast(list(ids), sa.ARRAY(sa.Text)), sa.cast(list(revisions), sa.ARRAY(sa.Integer))
        )
        .table_valued(sa.column("package_id", sa.Text), sa.column("revision", sa.Integer))
        .render_derived("pair")
    )
    query = sa.select(Revision.package_id, Revision.revision, Revision.content).join(
        pair,
        sa.and_(pair.c.package_id == Revision.package_id, pair.c.revision == Revision.revision),
    )
    return {(row.package_id, row.revision): row.content for row in session.execute(query)}


def refresh_words(session: Session, rows: Collection[Record]) -> set[str]:
    """Write the words that search looks at anew.

    :param session: the database session
    :param rows: register rows
    :returns: package ids whose words were others before
    """
    stored = current_contents(session, [row.package_id for row in rows])
    return words.put(
        session,
        {row.package_id: facets.words(row.number, stored.get(row.package_id, {})) for row in rows},
    )


def rebuild(session: Session, *, department: str | None = None, batch: int = 500) -> int:
    """Recompute the cached columns and the words of the whole register, or of a department.

    :param session: the database session
    :param department: organization id, None for the whole city
    :param batch: rows at a time
    :returns: how many rows changed; none if the cache was right
    """
    changed, last = 0, ""
    while True:
        query = (
            sa.select(Record)
            .where(Record.package_id > last)
            .order_by(Record.package_id)
            .limit(batch)
        )
        if department is not None:
            query = query.where(Record.department == department)
        rows = list(session.scalars(query))
        if not rows:
            return changed
        changed += len(refresh(session, rows) | refresh_words(session, rows))
        last = rows[-1].package_id
