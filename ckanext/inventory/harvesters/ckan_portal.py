"""Another CKAN portal, by its action API: what is public there.

First only ids and stamps are listed, a thousand at a time; then those records are read that are new or
changed. So a portal where nothing happened costs one small answer per thousand datasets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlencode

from ckanext.inventory import config
from ckanext.inventory.fields import Schema
from ckanext.inventory.harvesters import reading
from ckanext.inventory.harvesters.dcat_us import ON_THE_PORTAL
from ckanext.inventory.harvesters.problems import CatalogueError, shorten
from ckanext.inventory.harvesters.reading import Found, Reading
from ckanext.inventory.publishing import adopting, mapping
from ckanext.inventory.types import PRIVATE_TYPES

LISTED = 1000
"""Records of a page that lists ids and stamps: as many as CKAN gives."""

READ = 200
"""Records of a page that is read whole."""

FEW = 40
"""Records that are asked for by id: as many as go into an address."""

MAX_RECORDS = 200_000
_OTHER_TYPES = frozenset({"harvest", "showcase", *PRIVATE_TYPES})

Get = Callable[[str], bytes]
"""Reads an address."""


def read(
    base: str, get: Get, schema: Schema, stamps: Mapping[str, str], narrowed: str = ""
) -> Reading:
    """Read what is new or changed.

    :param base: the portal's address
    :param get: reads an address
    :param schema: the schema of entries
    :param stamps: guid → stamp of the records that are known
    :param narrowed: what to narrow the search by, as an ``fq``
    :returns: the records; those that are as they were are named only
    :raises CatalogueError: if it isn't a CKAN portal, or changes while it is read
    """
    base = base.rstrip("/")
    found = Reading()
    changed: list[str] = []
    whole: list[Mapping[str, Any]] = []
    for listed in _pages(base, get, {"fl": "id,metadata_modified"}, LISTED, narrowed):
        guid = reading.text(listed.get("id"), 10_000)
        stamp = _stamp(listed)
        if guid and stamp and stamps.get(guid) == stamp:
            found.unread.append(guid)
        elif "title" in listed:
            whole.append(listed)  # an older CKAN gives whole records anyway
        else:
            changed.append(guid)
    if len(changed) > max(FEW, (len(changed) + len(found.unread)) // 4):
        wanted = set(changed)
        whole += [
            record
            for record in _pages(base, get, {}, READ, narrowed)
            if reading.text(record.get("id"), 10_000) in wanted
        ]
    else:
        for start in range(0, len(changed), FEW):
            whole += _by_id(base, get, changed[start : start + FEW], narrowed)
    reading.each(
        [record for record in whole if record.get("type") not in _OTHER_TYPES],
        lambda record: _record(record, base, schema),
        found,
    )
    return found


def _stamp(record: Mapping[str, Any]) -> str:
    """Return when a record was changed; lists say it in milliseconds, records in microseconds."""
    said = reading.text(record.get("metadata_modified"), 60).removesuffix("Z")
    second, _, fraction = said.partition(".")
    return f"{reading.VERSION} {second}.{fraction[:3]:0<3}" if said else ""


def _by_id(base: str, get: Get, ids: Sequence[str], narrowed: str) -> Iterator[Mapping[str, Any]]:
    quoted = " OR ".join('"' + guid.replace('"', "") + '"' for guid in ids)
    wanted = f"id:({quoted})"
    both = f"({narrowed}) AND {wanted}" if narrowed else wanted
    yield from _pages(base, get, {}, READ, both)


def _pages(
    base: str, get: Get, params: Mapping[str, str], rows: int, narrowed: str
) -> Iterator[Mapping[str, Any]]:
    """Yield the records of a search, page by page."""
    start, count = 0, 1
    seen: set[str] = set()
    while start < count:
        query: dict[str, Any] = {**params, "rows": rows, "start": start, "sort": "id asc"}
        if narrowed:
            query["fq"] = narrowed
        url = f"{base}/api/3/action/package_search?{urlencode(query)}"
        result = reading.mapping(
            reading.mapping(reading.parse(get(url), shorten(base))).get("result")
        )
        results: Any = result.get("results")
        total: Any = result.get("count")
        if not isinstance(results, list) or not isinstance(total, int):
            raise CatalogueError("{url} does not answer as a CKAN portal does.", url=shorten(base))
        if total > MAX_RECORDS:
            raise CatalogueError(
                "{url} has more than {limit} datasets. Narrow it by “filter” in the settings.",
                url=shorten(base),
                limit=MAX_RECORDS,
            )
        page = reading.objects(cast("list[Any]", results))
        if not page and start < total:
            raise CatalogueError(
                "{url} changed while it was read. The next harvest tries again.", url=shorten(base)
            )
        for record in page:
            guid = str(record.get("id"))
            if guid not in seen:
                seen.add(guid)
                yield record
        start, count = start + max(len(page), 1), total


def _record(record: Mapping[str, Any], base: str, schema: Schema) -> Found:
    guid = reading.text(record.get("id"), 10_000)
    name = reading.text(record.get("name"), 200)
    organization = reading.mapping(record.get("organization"))
    resources = reading.objects(record.get("resources"))
    columns = {
        key: reading.text(value) if isinstance(value, str) else value
        for key, value in {**_extras(record), **record}.items()
    }
    columns["title"] = reading.text(record.get("title") or name, reading.MAX_TITLE)
    dataset = adopting.Dataset(
        guid,
        name,
        None,
        columns,
        tuple(reading.texts([tag.get("name") for tag in reading.objects(record.get("tags"))])),
        tuple(
            reading.texts([group.get("name") for group in reading.objects(record.get("groups"))])
        ),
        tuple(reading.texts([item.get("format") for item in resources])),
    )
    said = adopting.described(dataset, mapping.current(schema, config.mapping_path()), schema)
    own = {
        "title": columns["title"],
        "notes": reading.text(record.get("notes")),
        "keywords": list(dataset.tags),
        "public_contact_name": reading.text(record.get("maintainer") or record.get("author"), 200),
        "public_contact_email": reading.email(
            record.get("maintainer_email") or record.get("author_email")
        ),
        "change_frequency": _frequency(columns, schema),
        "existing_publication": [ON_THE_PORTAL],
        "existing_publication_url": reading.addresses([f"{base}/dataset/{name}"]),
        "source_date_published": reading.date(record.get("metadata_created")),
        "blocker_status": "none",
        "external_id": guid if len(guid) <= 200 else "",
    }
    publishers = [organization.get(key) for key in ("title", "name", "id")]
    content = reading.filled(own) | reading.filled(said) | {"title": columns["title"]}
    return Found(guid, reading.texts(publishers), content, _stamp(record))


FREQUENCIES = ("accrualPeriodicity", "accrual_periodicity", "frequency", "update_frequency")
"""Keys under which portals say how often data change."""


def _frequency(columns: Mapping[str, Any], schema: Schema) -> str:
    return next(
        (said for key in FREQUENCIES if (said := reading.frequency(schema, columns.get(key)))), ""
    )


def _extras(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        str(item.get("key")): item.get("value") for item in reading.objects(record.get("extras"))
    }
