"""The bulk writer: many new entries or sources in one transaction.

Every door that makes records by the hundred goes through here: import, and what follows it. The rows are
validated by the same schemas as a single save and written by a handful of statements; the index follows from
the outbox. Core's hooks don't run, so this module sets what they would: privacy, name, owner, the register
row, the first revision and the history.

Source: leak contract, layer 1 (lock b doesn't run here), L3, L12-L15, L17, L24.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import ckan.lib.plugins as lib_plugins
import ckan.model as model
import sqlalchemy as sa
from ckan.types import Context
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.fields import schema_for
from ckanext.inventory.model import Department, Record, Revision
from ckanext.inventory.service import (
    blockers,
    content,
    departments,
    events,
    facets,
    outbox,
    register,
    words,
)
from ckanext.inventory.service.content import Write
from ckanext.inventory.types import Facts, Person, State

Errors = dict[str, list[str]]

PACKAGE_COLUMNS = ("name", "title", "notes", "license_id", "owner_org")

TOLD = 100
"""After how many rows whoever waits is told."""

MARKS = frozenset({"assignee", "visibility", "in_directory", "listing", "shared"})
"""Columns of the register that a new record may bring along."""


@dataclass
class NewRecord:
    """A record to be made.

    :param content: schema field to value; ``owner_org`` is an organization id
    :param marks: columns of the register besides (:data:`MARKS`)
    :param origin: (file hash, sheet, row) that it comes from
    :param package_id: its id
    """

    content: Mapping[str, Any]
    marks: Mapping[str, Any] = field(default_factory=dict[str, Any])
    origin: tuple[str, str, int] | None = None
    package_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    validated: dict[str, Any] | None = None

    def set_department(self, organization: str) -> None:
        """Put the record into a department that was only just made.

        :param organization: organization id
        """
        self.content = {**self.content, "owner_org": organization}
        if self.validated is not None:
            self.validated["owner_org"] = organization


@dataclass(frozen=True)
class Created:
    """A record that was made.

    :param package_id: its id
    :param number: its number
    :param title: its title
    :param department: organization id
    """

    package_id: str
    number: str
    title: str
    department: str


def validate(
    session: Session,
    package_type: str,
    rows: Sequence[NewRecord],
    person: Person,
    user_name: str,
    *,
    planned: Iterable[str] = (),
    tell: Callable[[int], None] = lambda _done: None,
) -> list[Errors]:
    """Check rows as a single save would: the schema's validators, the fields' writers, blocker rows.

    What the validators made of a row is kept in it for :func:`create`.

    :param session: the database session
    :param package_type: ``inventory_entry`` or ``inventory_source``
    :param rows: the rows
    :param person: who writes
    :param user_name: the account's name
    :param planned: ids that stand for departments which are still to be made
    :param tell: told now and then how many rows are checked
    :returns: for each row what is wrong, by field; empty for a good one
    """
    if not rows:
        return []
    plugin = lib_plugins.lookup_package_plugin(package_type)
    schema = plugin.create_package_schema()
    context = {
        "model": model,
        "session": session,
        "user": user_name,
        "ignore_auth": True,
        content.CACHE: {"organizations": _departments_of(session, rows, planned)},
    }
    how = Write(person)
    found: list[Errors] = []
    with session.no_autoflush:
        for row in rows:
            found.append(_validate(plugin, schema, package_type, row, how, context))
            if len(found) % TOLD == 0:
                tell(len(found))
    return found


def _departments_of(
    session: Session, rows: Sequence[NewRecord], planned: Iterable[str]
) -> dict[str, str]:
    """Look the departments of all rows up at once, for the validator that asks for each by name or id.

    One that isn't found is left to it.
    """
    named = {str(row.content["owner_org"]) for row in rows if row.content.get("owner_org")}
    planned = set(planned)
    found: dict[str, str] = {}
    wanted = named - planned
    if wanted:
        group = model.group_table
        query = sa.select(group.c.id, group.c.name).where(
            sa.or_(group.c.id.in_(wanted), group.c.name.in_(wanted)),
            group.c.is_organization.is_(sa.true()),
            group.c.state == model.State.ACTIVE,
        )
        for row in session.execute(query):
            found[row.name] = found[row.id] = row.id
    return found | {name: name for name in planned}


def _validate(
    plugin: Any,
    schema: Any,
    package_type: str,
    row: NewRecord,
    how: Write,
    context: Mapping[str, Any],
) -> Errors:
    # Validators leave marks in the context, so each row gets its own; the cache in it is shared.
    own_context = cast(Context, dict(context))
    data = {**row.content, "type": package_type}
    # A copy: scheming adds the type's fields to it and would take them for core's at the next row.
    validated, errors = lib_plugins.plugin_validate(
        plugin, own_context, data, dict(schema), "package_create"
    )
    if errors:
        return flat(errors)
    row.validated = cast("dict[str, Any]", validated)
    own = schema_for(package_type)
    values = content.of_package(own, package_of(row))
    facts = Facts(row.package_id, package_type, str(row.content.get("owner_org")))
    found = register.field_errors(own, {}, values, facts, how)
    found |= blockers.row_errors([], facets.blocker_rows(values), facts, how)
    return found


def flat(errors: Mapping[str, Any]) -> Errors:
    """Reduce CKAN's nested errors (rows within rows) to messages by field.

    :param errors: as validation returns them
    :returns: field → messages, each once
    """
    return {name: list(dict.fromkeys(_messages(found))) for name, found in errors.items()}


def _messages(found: Any) -> list[str]:
    if isinstance(found, Mapping):
        return [
            text for value in cast("Mapping[str, Any]", found).values() for text in _messages(value)
        ]
    if isinstance(found, (list, tuple)):
        return [text for value in cast("Sequence[Any]", found) for text in _messages(value)]
    return [str(found)] if found else []


def package_of(row: NewRecord) -> Any:
    """Return the package as core would store it, in the shape that the register reads.

    :param row: a record that went through the schema's validators
    :returns: an object with the package's columns and extras
    """
    assert row.validated is not None
    given = cast("list[dict[str, str]]", row.validated.get("extras") or [])
    extras = {item["key"]: item["value"] for item in given}
    columns = {name: row.validated.get(name) for name in PACKAGE_COLUMNS}
    return SimpleNamespace(
        id=row.package_id,
        type=row.validated.get("type"),
        state=model.State.ACTIVE,
        extras=extras,
        **columns,
    )


def create(
    session: Session,
    package_type: str,
    rows: Sequence[NewRecord],
    person: Person,
    *,
    act: str | None,
    details: Mapping[str, Any] | None = None,
) -> list[Created]:
    """Make records that :func:`validate` found good. Nothing is committed or indexed here.

    :param session: the database session
    :param package_type: ``inventory_entry`` or ``inventory_source``
    :param rows: the rows, validated
    :param person: who makes them
    :param act: name of the act in the history, one event for all rows; None for a caller that
        writes the event itself, with :func:`event_rows`
    :param details: words on the act as a whole; kept with its first row
    :returns: what was made, in the order of the rows
    :raises ValueError: for a row that wasn't validated
    """
    if not rows:
        return []
    if any(row.validated is None for row in rows):
        raise ValueError("every row has to be validated first")
    packages = [package_of(row) for row in rows]
    found = departments.ensure(session, {package.owner_org for package in packages})
    numbers = _numbers(session, package_type, packages)
    now = clock.now()
    package_rows = [_package_row(package, person.user_id, now) for package in packages]
    record_rows: list[dict[str, Any]] = []
    texts: dict[str, str] = {}
    revision_rows: list[dict[str, Any]] = []
    schema = schema_for(package_type)
    for row, package, number in zip(rows, packages, numbers, strict=True):
        values = content.of_package(schema, package)
        record = _record_row(row, package, values, found[package.owner_org], number, person)
        record_rows.append(record)
        texts[row.package_id] = facets.words(number, values)
        revision_rows.append(
            {
                "package_id": row.package_id,
                "revision": 1,
                "content": values,
                "material_hash": record["material_hash"],
                "by": person.user_id,
                "author": person.user_id,
                "at": now,
            }
        )
    session.execute(sa.insert(model.package_table), package_rows)
    session.execute(sa.insert(model.member_table), [_member_row(item) for item in package_rows])
    session.execute(sa.insert(Record.__table__), record_rows)  # pyright: ignore[reportArgumentType] - a Table
    session.execute(sa.insert(Revision.__table__), revision_rows)  # pyright: ignore[reportArgumentType] - a Table
    words.put(session, texts)
    outbox.reindex(session, [row.package_id for row in rows])
    created = [
        Created(record["package_id"], record["number"], record["title"], record["department"])
        for record in record_rows
    ]
    if act is not None:
        events.record(session, act, person.user_id, event_rows(created, details))
    return created


def _numbers(session: Session, package_type: str, packages: Sequence[Any]) -> list[str]:
    """Take all numbers with one statement per department, always in the same order."""
    counts = Counter(str(package.owner_org) for package in packages)
    taken = {
        organization: iter(
            departments.take_numbers(session, organization, package_type, counts[organization])
        )
        for organization in sorted(counts)
    }
    return [next(taken[package.owner_org]) for package in packages]


def _package_row(package: Any, user_id: str | None, now: dt.datetime) -> dict[str, Any]:
    stamp = now.astimezone(dt.timezone.utc).replace(tzinfo=None)
    return {
        "id": package.id,
        **{name: getattr(package, name) for name in PACKAGE_COLUMNS},
        "type": package.type,
        "creator_user_id": user_id,
        "metadata_created": stamp,
        "metadata_modified": stamp,
        "private": True,
        "state": model.State.ACTIVE,
        "extras": package.extras,
    }


def _member_row(package: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "table_name": "package",
        "table_id": package["id"],
        "capacity": "organization",
        "group_id": package["owner_org"],
        "state": model.State.ACTIVE,
    }


def _record_row(
    row: NewRecord,
    package: Any,
    values: Mapping[str, Any],
    department: Department,
    number: str,
    person: Person,
) -> dict[str, Any]:
    columns = register.new_row(package, values, department, number, person.user_id)
    # One statement writes all rows, so each has to name the same columns.
    columns |= {name: row.marks.get(name, default) for name, default in _MARK_DEFAULTS.items()}
    digest, sheet, line = row.origin or (None, None, None)
    return columns | {"origin_hash": digest, "origin_sheet": sheet, "origin_row": line}


_MARK_DEFAULTS: Mapping[str, Any] = {
    "assignee": None,
    "visibility": "normal",
    "in_directory": True,
    "listing": "not_known_yet",
    "shared": False,
}


def event_rows(
    created: Sequence[Created], details: Mapping[str, Any] | None = None
) -> list[events.Row]:
    """Return what the history says of new records.

    :param created: the records
    :param details: words on the act as a whole; kept with its first row
    :returns: one row each
    """
    return [
        events.Row(
            record.package_id,
            record.department,
            None,
            State.DRAFT.value,
            1,
            {
                "title": record.title,
                "number": record.number,
                **((details or {}) if position == 0 else {}),
            },
        )
        for position, record in enumerate(created)
    ]


def lock(session: Session, organizations: Sequence[str]) -> None:
    """Hold departments until the end of the transaction, so that two imports can't make the same.

    :param session: the database session
    :param organizations: organization ids
    """
    departments.ensure(session, organizations)
    session.execute(
        sa.select(Department.organization)
        .where(Department.organization.in_(organizations))
        .order_by(Department.organization)
        .with_for_update()
    )
