"""A DCAT-US catalogue: one ``data.json`` with all datasets.

Source: DCAT-US Schema 1.1 (Project Open Data Metadata Schema).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from ckanext.inventory.fields import Schema
from ckanext.inventory.harvesters import reading
from ckanext.inventory.harvesters.problems import CatalogueError, shorten
from ckanext.inventory.harvesters.reading import Found, Reading
from ckanext.inventory.publishing.adopting import formats_of

ON_THE_PORTAL = "open_data_portal"
PUBLIC = "public"

_PLAIN_PLACE = re.compile(r"[^{}\[\]<>]*[^\W\d_]{2,}[^{}\[\]<>]*")
"""A place in words rather than in coordinates."""


def read(data: bytes, url: str, schema: Schema) -> Reading:
    """Read a catalogue.

    :param data: the file
    :param url: where it comes from
    :param schema: the schema of entries
    :returns: what its records say
    :raises CatalogueError: if it is no catalogue at all
    """
    raw = reading.parse(data, shorten(url))
    datasets: Any = reading.mapping(raw).get("dataset")
    if not isinstance(datasets, list):
        raise CatalogueError(
            "{url} is no DCAT-US catalogue: it has no list “dataset”.", url=shorten(url)
        )
    found = Reading()
    reading.each(cast("list[Any]", datasets), lambda record: _record(record, schema), found)
    return found


def _record(record: Mapping[str, Any], schema: Schema) -> Found:
    guid = reading.text(record.get("identifier"), 10_000)
    contact = reading.mapping(record.get("contactPoint"))
    distributions = reading.objects(record.get("distribution"))
    dictionary = reading.addresses([record.get("describedBy")])
    place = reading.text(record.get("spatial"), 200)
    links = reading.addresses([record.get("landingPage")]) or reading.addresses(
        item.get("accessURL") or item.get("downloadURL") for item in distributions
    )
    is_public = reading.text(record.get("accessLevel")).lower() == PUBLIC
    content = {
        "title": reading.text(record.get("title"), reading.MAX_TITLE),
        "notes": reading.text(record.get("description")),
        "keywords": reading.texts(record.get("keyword")),
        "category": reading.choice(schema, "category", reading.texts(record.get("theme"))),
        "public_contact_name": reading.text(contact.get("fn"), 200),
        "public_contact_email": reading.email(contact.get("hasEmail")),
        "change_frequency": reading.frequency(schema, record.get("accrualPeriodicity")),
        "earliest_records": reading.date(reading.text(record.get("temporal")).split("/")[0]),
        "geographic_coverage": place if _PLAIN_PLACE.fullmatch(place) else "",
        "language": _languages(record.get("language")),
        "format": formats_of(schema, _formats(distributions)),
        "data_dictionary": "yes" if dictionary else "",
        "data_dictionary_url": dictionary[0] if dictionary else "",
        "existing_publication": [ON_THE_PORTAL] if is_public and links else [],
        "existing_publication_url": links[:5],
        "source_date_published": reading.date(record.get("issued")),
        "blocker_status": "none" if is_public else "",
        "comments": "" if is_public else reading.text(record.get("rights")),
        "external_id": guid if len(guid) <= 200 else "",
    }
    return Found(guid, _publishers(record.get("publisher")), reading.filled(content))


def _publishers(value: object) -> list[str]:
    """Name the publisher and the organizations above it, the nearest first."""
    if isinstance(value, str):
        return reading.texts([value])
    names: list[str] = []
    publisher = reading.mapping(value)
    while publisher and len(names) < 10:
        names += reading.texts([publisher.get("name")])
        publisher = reading.mapping(publisher.get("subOrganizationOf"))
    return names


def _languages(value: object) -> list[str]:
    return list(dict.fromkeys(said[:2].lower() for said in reading.texts(value)))


def _formats(distributions: list[Mapping[str, Any]]) -> list[str]:
    found: list[str] = []
    for item in distributions:
        media = reading.text(item.get("mediaType"), 100).rpartition("/")[2]
        said = (reading.text(item.get("format"), 100), media, media.rpartition(".")[2])
        found += [word for word in said if word]
    return found
