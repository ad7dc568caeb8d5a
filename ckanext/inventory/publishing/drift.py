"""What the portal's side changed since promotion: mapped keys, state, visibility, existence.

Reads rows in a few statements for any number of entries, so that lists can show it. Adding files,
tags, groups or additional fields on the portal is no drift.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import ckan.model as model
import ckan.plugins as p
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import config
from ckanext.inventory.fields import schema_for
from ckanext.inventory.model import Link
from ckanext.inventory.model.link import CREATED, EXTERNAL
from ckanext.inventory.publishing import mapping
from ckanext.inventory.publishing.mapping import EXTRAS, GROUPS, TAGS
from ckanext.inventory.types import ENTRY

GONE = "gone"
STATE = "state"
PRIVATE = "private"


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was promoted.

    :param key: key of the dataset; ``gone``, ``state`` or ``private`` for the dataset as a whole
    :param label: what people call it
    :param ours: as it went out
    :param theirs: as it is on the portal
    """

    key: str
    label: str
    ours: str
    theirs: str


@dataclass(frozen=True)
class Drift:
    """How far the dataset of an entry is from what was promoted.

    :param entry_id: the entry
    :param dataset_id: the public dataset
    :param differences: what differs
    :param by: user id of whoever changed the dataset last, None if that isn't known
    """

    entry_id: str
    dataset_id: str
    differences: tuple[Difference, ...]
    by: str | None = None


def of_entries(session: Session, entry_ids: Collection[str]) -> dict[str, Drift]:
    """Compare what was promoted with what is on the portal.

    :param session: the database session
    :param entry_ids: entries
    :returns: entry id → drift, for those that drifted; entries without a dataset of their own or
        a linked one, and those whose dataset isn't on the portal by our own act, are absent
    """
    query = sa.select(Link).where(
        Link.entry_id.in_(entry_ids), Link.mode != EXTERNAL, Link.held.is_(False)
    )
    rows = [row for row in session.scalars(query) if row.dataset_id is not None]
    ids = {str(row.dataset_id) for row in rows}
    there = _datasets(session, ids)
    found: dict[str, tuple[Difference, ...]] = {}
    for row in rows:
        differences = tuple(_differences(row, there.get(str(row.dataset_id))))
        if differences:
            found[row.entry_id] = differences
    drifted = {str(row.dataset_id) for row in rows if row.entry_id in found}
    changed_by = _last_changed_by(session, drifted)
    return {
        row.entry_id: Drift(
            row.entry_id,
            str(row.dataset_id),
            found[row.entry_id],
            changed_by.get(str(row.dataset_id)),
        )
        for row in rows
        if row.entry_id in found
    }


@dataclass(frozen=True)
class _Dataset:
    state: str
    private: bool
    columns: Mapping[str, Any]
    extras: Mapping[str, Any]
    tags: frozenset[str]
    groups: frozenset[str]

    def value(self, key: str) -> Any:
        plain = key.removeprefix(EXTRAS)
        if plain in self.columns:
            return self.columns[plain]
        return self.extras.get(plain)


def _datasets(session: Session, ids: Collection[str]) -> dict[str, _Dataset]:
    if not ids:
        return {}
    tags = _names(session, _tags_of(ids))
    groups = _names(session, _groups_of(ids))
    package = model.package_table
    found: dict[str, _Dataset] = {}
    for row in session.execute(sa.select(package).where(package.c.id.in_(ids))).mappings():
        columns = {key: value for key, value in row.items() if key not in ("extras", "plugin_data")}
        found[row["id"]] = _Dataset(
            state=row["state"],
            private=bool(row["private"]),
            columns=columns,
            extras=row["extras"] or {},
            tags=frozenset(tags.get(row["id"], ())),
            groups=frozenset(groups.get(row["id"], ())),
        )
    return found


def _tags_of(ids: Collection[str]) -> sa.Select[Any]:
    tie, tag = model.package_tag_table, model.tag_table
    return (
        sa.select(tie.c.package_id, tag.c.name)
        .join(tag, tag.c.id == tie.c.tag_id)
        .where(tie.c.package_id.in_(ids), tie.c.state == "active", tag.c.vocabulary_id.is_(None))
    )


def _groups_of(ids: Collection[str]) -> sa.Select[Any]:
    member, group = model.member_table, model.group_table
    return (
        sa.select(member.c.table_id, group.c.name)
        .join(group, group.c.id == member.c.group_id)
        .where(
            member.c.table_id.in_(ids),
            member.c.table_name == "package",
            member.c.state == "active",
            group.c.is_organization.is_(False),
        )
    )


def _names(session: Session, query: sa.Select[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for dataset_id, name in session.execute(query):
        found.setdefault(dataset_id, []).append(name)
    return found


def _differences(link: Link, there: _Dataset | None) -> Iterable[Difference]:
    if there is None:
        yield Difference(GONE, "Dataset", "on the portal", "gone")
        return
    if there.state != "active":
        yield Difference(STATE, "State", "active", there.state)
    if there.private:
        yield Difference(PRIVATE, "Visibility", "public", "private")
    if link.mode != CREATED:
        return
    schema = schema_for(ENTRY)
    in_force = mapping.current(schema, config.mapping_path())
    for key, ours in link.copied.items():
        theirs = _theirs(key, ours, there)
        if theirs is not None:
            label = mapping.label_of(in_force, schema, key)
            yield Difference(key, label, _words(ours), theirs)


def _theirs(key: str, ours: Any, there: _Dataset) -> str | None:
    """Return what the portal has in place of a promoted value, None if that is still there."""
    if key in (TAGS, GROUPS):
        present = there.tags if key == TAGS else there.groups
        lost = [name for name in cast("list[str]", ours) if name not in present]
        return ", ".join(sorted(present)) if lost else None
    value = there.value(key)
    return None if _comparable(value) == _comparable(ours) else _words(value)


def _comparable(value: Any) -> Any:
    """Bring values to one form: lists are stored as JSON, texts with other line ends."""
    if isinstance(value, str):
        if value[:1] in ("[", "{"):
            try:
                return json.loads(value)
            except ValueError:
                return value
        return value.replace("\r\n", "\n").strip()
    return "" if value is None else value


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(each) for each in cast("list[Any]", value))
    return "" if value is None else str(value)


def _last_changed_by(session: Session, ids: Collection[str]) -> dict[str, str]:
    """Return who changed datasets last, as core's activities tell."""
    if not ids or not p.plugin_loaded("activity"):
        return {}
    from ckanext.activity.model import Activity  # an optional plugin of core

    query = (
        sa.select(Activity.object_id, Activity.user_id)
        .where(Activity.object_id.in_(ids), Activity.activity_type.like("% package"))
        .distinct(Activity.object_id)
        .order_by(Activity.object_id, Activity.timestamp.desc())
    )
    return {str(dataset_id): str(user_id) for dataset_id, user_id in session.execute(query)}
