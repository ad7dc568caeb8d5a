"""The bulk writer's other half: many changed entries or sources in one transaction.

The rows go through the same schemas and the same rules as a single save, and are written by a handful of
statements: packages, register, revisions. The caller writes the one event of the act; the index follows from
the outbox.

Source: leak contract, layer 1 (lock b doesn't run here), L3, L12-L15, L17, L24.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import ckan.lib.plugins as lib_plugins
import ckan.model as model
import sqlalchemy as sa
from ckan.types import Context
from sqlalchemy.orm import Session

from ckanext.inventory import clock, fields
from ckanext.inventory.fields import schema_for
from ckanext.inventory.model import Record, Revision
from ckanext.inventory.service import bulk, content, events, facets, facts, outbox, register, words
from ckanext.inventory.service.bulk import Errors, NewRecord
from ckanext.inventory.service.content import Write
from ckanext.inventory.types import Facts, Person


@dataclass
class Edit:
    """A change of one record.

    :param record: its register row
    :param old: its content now
    :param new: its content as it is to be; :func:`validate` puts what the validators made of it
    :param known: what is known of it
    """

    record: Record
    old: Mapping[str, Any]
    new: dict[str, Any]
    known: Facts | None = None
    columns: dict[str, Any] = field(default_factory=dict[str, Any])
    _changes: list[fields.Change] | None = None

    @property
    def changes(self) -> list[fields.Change]:
        """What differs."""
        if self._changes is None:
            schema = schema_for(self.record.package_type)
            self._changes = fields.diff(schema, self.old, self.new)
        return self._changes

    def put(self, new: dict[str, Any]) -> None:
        """Take the content in another form.

        :param new: the content as it is to be
        """
        self.new, self._changes = new, None


def validate(
    session: Session,
    edits: Sequence[Edit],
    person: Person,
    user_name: str,
    tell: Callable[[int], None] = lambda _done: None,
) -> list[Errors]:
    """Check changes as a single save would: the schema's validators, then every rule of an edit.

    :param session: the database session
    :param edits: the changes; all of one type
    :param person: who writes
    :param user_name: the account's name
    :param tell: told now and then how many rows are checked
    :returns: for each change what is wrong, by field; empty for a good one
    """
    if not edits:
        return []
    package_type = edits[0].record.package_type
    plugin = lib_plugins.lookup_package_plugin(package_type)
    schema = plugin.update_package_schema()
    context: dict[str, Any] = {
        "model": model,
        "session": session,
        "user": user_name,
        "ignore_auth": True,
        content.CACHE: {},
    }
    packages = _packages(session, [edit.record.package_id for edit in edits])
    known = facts.of_records(session, {edit.record.package_id: edit.record for edit in edits})
    found: list[Errors] = []
    with session.no_autoflush:
        for edit in edits:
            edit.known = known[edit.record.package_id]
            package = packages[edit.record.package_id]
            found.append(_validate(plugin, schema, package_type, edit, package, context))
            if len(found) % bulk.TOLD == 0:
                tell(len(found))
    beside = register.load_beside(session, [(e.record, e.old, e.new) for e in edits])
    how, own = Write(person), schema_for(package_type)
    for edit, errors in zip(edits, found, strict=True):
        if not errors and edit.changes and edit.known is not None:
            errors.update(
                register.edit_errors(edit.record, own, edit.old, edit.new, edit.known, how, beside)
            )
    return found


def _packages(session: Session, ids: Sequence[str]) -> dict[str, Any]:
    """Load what validators look at, without the objects of the session that a single save needs."""
    table = model.package_table
    columns = (table.c.id, table.c.name, table.c.type, table.c.state, table.c.extras)
    query = sa.select(*columns, table.c.owner_org).where(table.c.id.in_(ids))
    return {row.id: SimpleNamespace(**row._mapping) for row in session.execute(query)}  # pyright: ignore[reportPrivateUsage] - SQLAlchemy's documented name


def _validate(
    plugin: Any,
    schema: Any,
    package_type: str,
    edit: Edit,
    package: Any,
    context: Mapping[str, Any],
) -> Errors:
    # Validators leave marks in the context, so each row gets its own; the cache in it is shared.
    own_context = cast(Context, {**context, "package": package})
    package_id = edit.record.package_id
    data = {**edit.new, "id": package_id, "name": package.name, "type": package_type}
    # A copy: scheming adds the type's fields to it and would take them for core's at the next row.
    validated, errors = lib_plugins.plugin_validate(
        plugin, own_context, data, dict(schema), "package_update"
    )
    if errors:
        return bulk.flat(errors)
    row = NewRecord(edit.new, package_id=package_id, validated=cast("dict[str, Any]", validated))
    stored = bulk.package_of(row)
    edit.put(content.of_package(schema_for(package_type), stored))
    edit.columns = {
        "title": stored.title,
        "notes": stored.notes,
        "license_id": stored.license_id,
        "extras": stored.extras,
    }
    return {}


def write(session: Session, edits: Sequence[Edit], person: Person) -> list[events.Row]:
    """Store changes that :func:`validate` found good. Nothing is committed or indexed here.

    :param session: the database session
    :param edits: the changes; those without a difference are left alone
    :param person: who writes
    :returns: what the history has to say of each, for the caller's event
    """
    changed = [(edit, edit.changes) for edit in edits]
    changed = [(edit, changes) for edit, changes in changed if changes]
    if not changed:
        return []
    now, how = clock.now(), Write(person)
    package_rows: list[dict[str, Any]] = []
    revision_rows: list[dict[str, Any]] = []
    rows: list[events.Row] = []
    for edit, changes in changed:
        record = edit.record
        schema = schema_for(record.package_type)
        record.revision += 1
        record.modified_at = now
        record.material_hash = fields.material_hash(schema, edit.new)
        record.change_returned = False
        specs = [schema.fields[change.field] for change in changes]
        revision_rows.append(
            {
                "package_id": record.package_id,
                "revision": record.revision,
                "content": dict(edit.new),
                "material_hash": record.material_hash,
                "by": person.user_id,
                "author": person.user_id if register.makes_author(specs, how) else None,
                "at": now,
            }
        )
        package_rows.append({"key": record.package_id, **edit.columns, "modified": _naive(now)})
        rows.append(
            events.staying(
                record,
                {"fields": [change.field for change in changes]},
            )
        )
    session.flush()
    session.execute(sa.insert(Revision.__table__), revision_rows)  # pyright: ignore[reportArgumentType] - a Table
    table = model.package_table
    statement = (
        sa.update(table)
        .where(table.c.id == sa.bindparam("key"))
        .values(
            title=sa.bindparam("title"),
            notes=sa.bindparam("notes"),
            license_id=sa.bindparam("license_id"),
            extras=sa.bindparam("extras"),
            metadata_modified=sa.bindparam("modified"),
        )
    )
    session.execute(statement, package_rows)
    records = [edit.record for edit, _ in changed]
    register.refresh(session, records)
    words.put(
        session,
        {edit.record.package_id: facets.words(edit.record.number, edit.new) for edit, _ in changed},
    )
    outbox.reindex(session, [record.package_id for record in records])
    return rows


def _naive(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.timezone.utc).replace(tzinfo=None)
