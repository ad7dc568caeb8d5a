"""Datasets that are on the portal and not in the inventory, and what an entry takes from one.

The publishing map is read backwards: what promotion would write to a key is what the entry says.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import config
from ckanext.inventory.fields import FieldSpec, Schema, schema_for
from ckanext.inventory.model import Link
from ckanext.inventory.publishing import mapping
from ckanext.inventory.publishing.mapping import EXTRAS, GROUPS, TAGS, PublishingMap, Rule
from ckanext.inventory.types import ENTRY
from ckanext.inventory.vocabularies import normalise

ON_THE_PORTAL = "open_data_portal"


@dataclass(frozen=True)
class Dataset:
    """A public dataset, as far as an entry takes from it.

    :param dataset_id: its id
    :param name: its name
    :param organization: organization id, None for one that nobody owns
    :param columns: key → value, additional fields included
    :param tags: its tags
    :param groups: names of its groups
    :param formats: formats of its files
    :param urls: addresses of its files
    :param created: day on which it was made
    """

    dataset_id: str
    name: str
    organization: str | None
    columns: Mapping[str, Any]
    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    created: str = ""

    @property
    def title(self) -> str:
        """What people call it."""
        return str(self.columns.get("title") or self.name)


@dataclass(frozen=True)
class Wanted:
    """Which datasets are asked for.

    :param organizations: only of these, by id; empty for all
    :param ids: only these, by id; None for all
    :param text: only with this in title or name
    """

    organizations: frozenset[str] = field(default_factory=frozenset[str])
    ids: frozenset[str] | None = None
    text: str = ""


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    package = model.package_table
    dataset_type = mapping.current(schema_for(ENTRY), config.mapping_path()).dataset_type
    linked = sa.select(Link.entry_id).where(Link.dataset_id == package.c.id)
    found: list[sa.ColumnElement[bool]] = [
        package.c.type == dataset_type,
        package.c.state == model.State.ACTIVE,
        package.c.private.is_(False),
        ~sa.exists(linked),
    ]
    if wanted.organizations:
        found.append(package.c.owner_org.in_(wanted.organizations))
    if wanted.ids is not None:
        found.append(package.c.id.in_(wanted.ids))
    for word in wanted.text.split():
        found.append(
            sa.or_(
                package.c.title.icontains(word, autoescape=True),
                package.c.name.icontains(word, autoescape=True),
            )
        )
    return found


def missing(
    session: Session, wanted: Wanted, *, limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """List public datasets that no entry is linked to, the newest first.

    :param session: the database session
    :param wanted: which
    :param limit: how many at most
    :param offset: how many to leave out at the start
    :returns: id, name, title, organization, organization_title, created, modified of each
    """
    package, group = model.package_table, model.group_table
    query = (
        sa.select(
            package.c.id,
            package.c.name,
            package.c.title,
            package.c.owner_org,
            group.c.title.label("organization_title"),
            group.c.name.label("organization_name"),
            package.c.metadata_created,
            package.c.metadata_modified,
        )
        .outerjoin(group, group.c.id == package.c.owner_org)
        .where(*_conditions(wanted))
        .order_by(package.c.metadata_created.desc(), package.c.id)
        .limit(limit)
        .offset(offset)
    )
    return [
        {
            "id": row.id,
            "name": row.name,
            "title": row.title or row.name,
            "organization": row.owner_org,
            "organization_title": row.organization_title or row.organization_name,
            "created": row.metadata_created.isoformat(),
            "modified": row.metadata_modified.isoformat(),
        }
        for row in session.execute(query)
    ]


def titles(session: Session, wanted: Wanted) -> dict[str, tuple[str, str | None]]:
    """Return what the datasets that no entry is linked to are called.

    :param session: the database session
    :param wanted: which
    :returns: dataset id → title and organization id
    """
    package = model.package_table
    title = sa.func.coalesce(sa.func.nullif(package.c.title, ""), package.c.name)
    query = sa.select(package.c.id, title, package.c.owner_org).where(*_conditions(wanted))
    return {key: (name, owner) for key, name, owner in session.execute(query).tuples()}


def counted(session: Session, wanted: Wanted) -> list[dict[str, Any]]:
    """Count public datasets that no entry is linked to.

    :param session: the database session
    :param wanted: which
    :returns: id, title and count of each organization, the most first; id None for nobody's
    """
    package, group = model.package_table, model.group_table
    query = (
        sa.select(package.c.owner_org, group.c.title, group.c.name, sa.func.count().label("n"))
        .outerjoin(group, group.c.id == package.c.owner_org)
        .where(*_conditions(wanted))
        .group_by(package.c.owner_org, group.c.title, group.c.name)
        .order_by(sa.desc("n"), group.c.title)
    )
    return [
        {"id": row.owner_org, "title": row.title or row.name, "count": row.n}
        for row in session.execute(query)
    ]


def load(session: Session, ids: Collection[str]) -> list[Dataset]:
    """Load public datasets in a few statements.

    :param session: the database session
    :param ids: dataset ids
    :returns: the datasets, the oldest first
    """
    package = model.package_table
    rows = session.execute(
        sa.select(package)
        .where(package.c.id.in_(ids))
        .order_by(package.c.metadata_created, package.c.id)
    ).mappings()
    tags, groups = _tags(session, ids), _groups(session, ids)
    files = _files(session, ids)
    found: list[Dataset] = []
    for row in rows:
        extras = cast("Mapping[str, Any]", row["extras"] or {})
        columns = {name: value for name, value in row.items() if name not in ("extras",)}
        own = files.get(row["id"], [])
        found.append(
            Dataset(
                row["id"],
                row["name"],
                row["owner_org"],
                {**extras, **{str(name): value for name, value in columns.items()}},
                tuple(tags.get(row["id"], ())),
                tuple(groups.get(row["id"], ())),
                tuple(dict.fromkeys(kind for kind, _url in own if kind)),
                tuple(url for _kind, url in own if url),
                row["metadata_created"].date().isoformat(),
            )
        )
    return found


def _tags(session: Session, ids: Collection[str]) -> dict[str, list[str]]:
    tie, tag = model.package_tag_table, model.tag_table
    query = (
        sa.select(tie.c.package_id, tag.c.name)
        .join(tag, tag.c.id == tie.c.tag_id)
        .where(tie.c.package_id.in_(ids), tie.c.state == "active", tag.c.vocabulary_id.is_(None))
        .order_by(tag.c.name)
    )
    return _grouped(session, query)


def _groups(session: Session, ids: Collection[str]) -> dict[str, list[str]]:
    member, group = model.member_table, model.group_table
    query = (
        sa.select(member.c.table_id, group.c.name)
        .join(group, group.c.id == member.c.group_id)
        .where(
            member.c.table_id.in_(ids),
            member.c.table_name == "package",
            member.c.state == "active",
            group.c.is_organization.is_(False),
        )
        .order_by(group.c.name)
    )
    return _grouped(session, query)


def _grouped(session: Session, query: sa.Select[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, name in session.execute(query):
        found.setdefault(key, []).append(name)
    return found


def _files(session: Session, ids: Collection[str]) -> dict[str, list[tuple[str, str]]]:
    resource = model.resource_table
    query = (
        sa.select(resource.c.package_id, resource.c.format, resource.c.url)
        .where(resource.c.package_id.in_(ids), resource.c.state == "active")
        .order_by(resource.c.package_id, resource.c.position)
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for package_id, kind, url in session.execute(query):
        found.setdefault(package_id, []).append((str(kind or ""), str(url or "")))
    return found


def content_from(
    dataset: Dataset, publishing_map: PublishingMap, schema: Schema, organization: str
) -> dict[str, Any]:
    """Return what an entry says, as its dataset on the portal says it.

    :param dataset: the dataset
    :param publishing_map: the map in force
    :param schema: the schema of entries
    :param organization: id of the department
    :returns: field → value
    """
    content = described(dataset, publishing_map, schema)
    own = {
        "existing_publication": [ON_THE_PORTAL],
        "existing_publication_url": [_address(dataset)],
        "source_date_published": dataset.created,
        "blocker_status": "none",
    }
    kept = {
        name: value
        for name, value in own.items()
        if name in schema.fields and name not in content and value not in ("", [], [""])
    }
    return content | kept | {"title": dataset.title, "owner_org": organization}


def described(dataset: Dataset, publishing_map: PublishingMap, schema: Schema) -> dict[str, Any]:
    """Return what the publishing map, read backwards, says of a dataset, wherever it is published.

    :param dataset: the dataset
    :param publishing_map: the map in force
    :param schema: the schema of entries
    :returns: field → value
    """
    content: dict[str, Any] = {}
    for rule in publishing_map.rules:
        spec = schema.fields.get(rule.source or "")
        if spec is None or rule.source in content:
            continue
        value = _value(rule, spec, dataset)
        if value not in (None, "", []):
            content[spec.name] = value
    formats = formats_of(schema, dataset.formats)
    return content | ({"format": formats} if formats and "format" not in content else {})


def _address(dataset: Dataset) -> str:
    return str(tk.url_for("dataset.read", id=dataset.name, qualified=True))


def formats_of(schema: Schema, said: Iterable[str]) -> list[str]:
    """Find the formats that words for them mean.

    :param schema: the schema of entries
    :param said: what files are called elsewhere, such as ``CSV``
    :returns: values, each once
    """
    spec = schema.fields.get("format")
    if spec is None:
        return []
    found = [choice_of(spec, kind) for kind in said]
    return list(dict.fromkeys(value for value in found if value))


def _value(rule: Rule, spec: FieldSpec, dataset: Dataset) -> Any:
    key = rule.key.removeprefix(EXTRAS)
    if rule.key == TAGS:
        values: list[Any] = list(dataset.tags)
    elif rule.key == GROUPS:
        values = list(dataset.groups)
    else:
        values = _as_list(dataset.columns.get(key), several=spec.kind != "long_text")
    back = {there: ours for ours, there in rule.values.items()}
    values = [back.get(str(value), value) for value in values if value not in (None, "")]
    if spec.choices:
        values = [found for value in values if (found := choice_of(spec, str(value)))]
    if spec.kind in ("choices", "list", "url_list", "source_list"):
        return list(dict.fromkeys(str(value) for value in values))
    return str(values[0]) if values else None


def _as_list(value: Any, *, several: bool) -> list[Any]:
    """Read a stored value; schemas keep lists as JSON text."""
    if several and isinstance(value, str) and value[:1] == "[":
        try:
            value = json.loads(value)
        except ValueError:
            return [value]
    return list(cast("Sequence[Any]", value)) if isinstance(value, list) else [value]


def choice_of(spec: FieldSpec, text: str) -> str | None:
    """Find the value that a text means: itself, its words or what spreadsheets say for it.

    :param spec: a field with a list of values
    :param text: what somebody calls it
    :returns: the value, None if there is none
    """
    wanted = normalise(text)
    for choice in spec.choices:
        said = (choice.value, choice.label, tk._(choice.label), *choice.synonyms)
        if wanted in {normalise(word) for word in said}:
            return choice.value
    return None
