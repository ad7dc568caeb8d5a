"""The search index: documents of private types by allow-list, public datasets by core.

No word of an entry is searchable: the document holds ids, the opaque name, type, organization,
labels, dates and the two stored blobs that core needs to show a package.

Source: leak contract, layer 3, L42, L43.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import pysolr
import sqlalchemy as sa
from ckan import logic
from ckan.lib import search
from ckan.lib.dictization import table_dictize
from ckan.lib.search.common import make_connection
from ckan.types import Context
from sqlalchemy.orm import Session

from ckanext.inventory import fields, policy
from ckanext.inventory.fields import schema_for
from ckanext.inventory.model import Record
from ckanext.inventory.service import facts
from ckanext.inventory.types import PRIVATE_TYPES

ALLOWED_KEYS = frozenset(
    {
        "id",
        "name",
        "title",
        "entity_type",
        "dataset_type",
        "type",
        "state",
        "capacity",
        "organization",
        "owner_org",
        "site_id",
        "index_id",
        "metadata_created",
        "metadata_modified",
        "permission_labels",
        "data_dict",
        "validated_data_dict",
    }
)
"""Every key that the index document of a private type may have."""

BATCH = 250
"""Documents of one request."""

UNTITLED = "-"
"""The title of every document of ours: core's pickers fail without one, and this is no word."""

UNREACHABLE = (pysolr.SolrError, OSError, search.SearchIndexError)


def allowed_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce the index document of a private type to the allow-list.

    :param document: the document as core built it
    :returns: a document with allow-listed keys only, which takes no others from plugins that core
        asks after ours
    """
    kept = {key: value for key, value in document.items() if key in ALLOWED_KEYS}
    return _Sealed({**kept, "title": UNTITLED})


class _Sealed(dict[str, Any]):
    """A document that only takes what core itself still has to say: the permission labels.

    Plugins behind ours get it, too, and some add every text of the stored blobs as a field of
    its own. Whoever builds a new document instead is found by ``ckan inventory check``.
    """

    def __setitem__(self, key: str, value: object) -> None:
        if key == "permission_labels":
            super().__setitem__(key, value)

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict[str, Any](*args, **kwargs).items():
            self[key] = value

    def setdefault(self, key: str, default: Any = None) -> Any:
        self[key] = self.get(key, default)
        return self.get(key, default)

    def __ior__(self, other: Any) -> _Sealed:
        self.update(other)
        return self


def index(session: Session, ids: Sequence[str]) -> dict[str, str]:
    """Bring the index up to date for packages: add, change or remove, with one commit.

    :param session: the database session
    :param ids: package ids
    :returns: id → error for those that couldn't be indexed
    """
    session.expire_all()
    packages = {
        package.id: package
        for package in session.scalars(sa.select(model.Package).where(model.Package.id.in_(ids)))
    }
    ours = [package for package in packages.values() if package.type in PRIVATE_TYPES]
    others = [package for package in packages.values() if package.type not in PRIVATE_TYPES]
    errors: dict[str, str] = {}
    try:
        connection: Any = make_connection()  # pysolr carries no types
        gone = [package_id for package_id in ids if package_id not in packages]
        if gone:
            connection.delete(q=_query_for(gone), commit=False)
        errors |= _index_ours(session, connection, ours)
        errors |= _index_public(session, others)
        connection.commit(softCommit=False)
    except UNREACHABLE as error:
        return dict.fromkeys(ids, _describe(error))
    return errors


def _context(session: Session) -> Context:
    return cast(Context, {"model": model, "session": session, "user": "", "ignore_auth": True})


def _describe(error: BaseException) -> str:
    """Name an error without the document that it may quote."""
    return type(error).__name__


def _query_for(ids: Collection[str]) -> str:
    quoted = " OR ".join(f'"{package_id}"' for package_id in ids)
    return f'+entity_type:package +id:({quoted}) +site_id:"{tk.config["ckan.site_id"]}"'


def _index_ours(
    session: Session, connection: Any, packages: Sequence[model.Package]
) -> dict[str, str]:
    """Send packages of private types; the index works on one batch while the next is built."""
    if len(packages) <= BATCH:
        return _send(connection, documents(session, packages))
    errors: dict[str, str] = {}
    # One thread: batches go one after the other, and nothing else uses the connection meanwhile.
    with ThreadPoolExecutor(max_workers=1) as sender:
        sent: list[Future[dict[str, str]]] = []
        built = _built(session, packages)
        while docs := list(islice(built, BATCH)):
            sent.append(sender.submit(_send, connection, docs))
        for batch in sent:
            errors |= batch.result()
    return errors


def _send(connection: Any, docs: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Send documents in one request; if one is refused, one by one to find which."""
    if not docs:
        return {}
    try:
        connection.add(docs=docs, commit=False)
    except pysolr.SolrError as error:
        if len(docs) == 1:
            return {str(docs[0]["id"]): _describe(error)}
        errors: dict[str, str] = {}
        for doc in docs:
            errors |= _send(connection, [doc])
        return errors
    return {}


def _index_public(session: Session, packages: Sequence[model.Package]) -> dict[str, str]:
    """Index public datasets through core, which knows their schema and other plugins' hooks."""
    errors: dict[str, str] = {}
    for package in packages:
        context = _context(session)
        try:
            logic.index_update_package(context, package.id, defer_commit=True)
        except search.SearchIndexError as error:
            errors[package.id] = _describe(error)
    return errors


def documents(session: Session, packages: Sequence[model.Package]) -> list[dict[str, Any]]:
    """Build the index documents of packages of private types, in three statements for all.

    The blobs equal what core would store, value by value.

    :param session: the database session
    :param packages: packages of private types
    :returns: documents; none for a package without a register row, which nobody may find
    """
    return list(_built(session, packages))


def _built(session: Session, packages: Sequence[model.Package]) -> Iterator[dict[str, Any]]:
    if not packages:
        return
    group = model.group_table
    owners = {package.owner_org for package in packages if package.owner_org}
    organizations: dict[str, dict[str, Any]] = {}
    for row in session.scalars(
        sa.select(model.Group).where(group.c.id.in_(owners), group.c.state == "active")
    ):
        shown = table_dictize(row, _context(session))
        shown.pop("extras", None)
        organizations[row.id] = shown
    records = facts.records(session, [package.id for package in packages])
    context = _context(session)
    for package in packages:
        if package.id in records:
            organization = organizations.get(package.owner_org or "")
            yield _document(package, organization, records[package.id], context)


def _document(
    package: Any, organization: dict[str, Any] | None, record: Record, context: Context
) -> dict[str, Any]:
    plain = table_dictize(package, context)
    plain.pop("plugin_data", None)
    extras: dict[str, str] = plain.pop("extras", None) or {}
    plain["title"] = (plain.get("title") or "").strip()
    plain |= {
        "resources": [],
        "num_resources": 0,
        "tags": [],
        "num_tags": 0,
        "groups": [],
        "organization": organization,
        "relationships_as_subject": [],
        "relationships_as_object": [],
        "isopen": package.isopen(),
        "license_url": None,
        "license_title": None,
    }
    if package.license_id:
        licence = model.Package.get_license_register().get(package.license_id)
        if licence is not None:
            plain["license_url"], plain["license_title"] = licence.url, licence.title
        else:
            plain["license_title"] = package.license_id
    if plain["license_url"] is None:
        del plain["license_url"]
    default = dict(plain, extras=[{"key": k, "value": v} for k, v in extras.items()])
    shown = fields.content_of(schema_for(package.type), default)
    site_id = tk.config["ckan.site_id"]
    return {
        "id": package.id,
        "name": package.name,
        "title": UNTITLED,
        "entity_type": "package",
        "dataset_type": package.type,
        "type": package.type,
        "state": package.state,
        "capacity": "private",
        "organization": organization["name"] if organization else None,
        "owner_org": package.owner_org,
        "site_id": site_id,
        "index_id": hashlib.md5(f"{package.id}{site_id}".encode()).hexdigest(),
        "metadata_created": package.metadata_created.isoformat() + "Z",
        "metadata_modified": package.metadata_modified.isoformat() + "Z",
        "permission_labels": policy.record_labels(facts.of_record(record)),
        "data_dict": json.dumps(default),
        "validated_data_dict": json.dumps(dict(plain, **shown)),
    }
