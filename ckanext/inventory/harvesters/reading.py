"""What every kind of catalogue has in common: records of unknown quality."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

from ckanext.inventory.fields import Schema
from ckanext.inventory.harvesters.problems import CatalogueError
from ckanext.inventory.publishing.adopting import choice_of

MAX_GUID = 500
MAX_TITLE = 200
MAX_TEXT = 20_000

VERSION = "1"
"""Raise it when what is made of a record changes, so that all records are looked at again."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")


@dataclass(frozen=True)
class Found:
    """A record that can be used.

    :param guid: what identifies it in its catalogue
    :param publishers: what its publisher is called, the nearest first
    :param content: field → value, without the department
    :param modified: the catalogue's own stamp, if it can be relied on
    """

    guid: str
    publishers: list[str]
    content: dict[str, Any]
    modified: str = ""

    @property
    def digest(self) -> str:
        """Changes with what an entry would say, and with nothing else."""
        text = json.dumps(self.content, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(f"{VERSION} {text}".encode()).hexdigest()


@dataclass(frozen=True)
class Broken:
    """A record that can't be used.

    :param guid: what identifies it, or its place
    :param message: why, in words
    """

    guid: str
    message: str


@dataclass
class Reading:
    """A whole catalogue.

    :param found: the records that were read
    :param unread: guids of records that are as they were, by the catalogue's own stamp
    :param broken: the records that can't be used
    """

    found: list[Found] = field(default_factory=list[Found])
    unread: list[str] = field(default_factory=list[str])
    broken: list[Broken] = field(default_factory=list[Broken])


def each(
    records: Sequence[Any],
    read: Callable[[Mapping[str, Any]], Found],
    reading: Reading,
) -> None:
    """Read records, each for itself: one that is broken is noted, the rest goes on.

    :param records: what the catalogue lists
    :param read: makes something of one
    :param reading: where the results go
    """
    seen = {found.guid for found in reading.found}
    for position, raw in enumerate(records, start=1):
        place = f"#{position}"
        try:
            if not isinstance(raw, dict):
                raise CatalogueError("Record {place} is no object.", place=place)
            record = cast("Mapping[str, Any]", raw)
            found = read(record)
            if not found.guid:
                raise CatalogueError("Record {place} has no identifier.", place=place)
            place = found.guid[:MAX_GUID]
            if len(found.guid) > MAX_GUID:
                raise CatalogueError(
                    "The identifier of a record has more than {limit} characters.", limit=MAX_GUID
                )
            if found.guid in seen:
                raise CatalogueError("The identifier occurs twice; the first record was taken.")
            if not found.content.get("title"):
                raise CatalogueError("The record has no title.")
        except CatalogueError as problem:
            reading.broken.append(Broken(place, str(problem)))
            continue
        seen.add(found.guid)
        reading.found.append(found)


def parse(data: bytes, url: str) -> Any:
    """Read JSON.

    :param data: the bytes
    :param url: where they come from
    :returns: what they say
    :raises CatalogueError: if they are something else
    """
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise CatalogueError("{url} is not valid JSON.", url=url) from error


def text(value: object, limit: int = MAX_TEXT) -> str:
    """Read a text out of whatever stands there.

    :param value: a text or number; anything else counts as nothing
    :param limit: characters at most; what is longer is cut
    :returns: the text without mark-up and without characters that no database takes
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    said = _CONTROLS.sub("", str(value)).encode("utf-8", "replace").decode("utf-8")
    if _TAG.search(said):
        said = html.unescape(_TAG.sub(" ", said))
        said = re.sub(r"[ \t\xa0]+", " ", said)
    said = said.strip()
    return said if len(said) <= limit else f"{said[: limit - 1].rstrip()}…"


def texts(value: object) -> list[str]:
    """Read several texts: a list, or one text that separates them by commas.

    :param value: whatever stands there
    :returns: the texts, each once
    """
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return []
    found = [text(item, MAX_TITLE) for item in cast("list[object]", value)]
    return list(dict.fromkeys(said for said in found if said))


def mapping(value: object) -> Mapping[str, Any]:
    """Read an object; anything else counts as an empty one.

    :param value: whatever stands there
    """
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def objects(value: object) -> list[Mapping[str, Any]]:
    """Read a list of objects; one object counts as a list of it.

    :param value: whatever stands there
    """
    one = [cast("object", value)] if isinstance(value, dict) else []
    items = cast("list[object]", value) if isinstance(value, list) else one
    return [cast("Mapping[str, Any]", item) for item in items if isinstance(item, dict)]


def addresses(values: Iterable[object]) -> list[str]:
    """Keep the web addresses among values.

    :param values: whatever stands there
    :returns: addresses, each once
    """
    found: list[str] = []
    for value in values:
        said = text(value, 2000)
        try:
            usable = urlsplit(said).scheme in ("http", "https") and bool(urlsplit(said).hostname)
        except ValueError:
            usable = False
        if usable and not re.search(r"\s", said):
            found.append(said)
    return list(dict.fromkeys(found))


def email(value: object) -> str:
    """Read an e-mail address, with or without ``mailto:``.

    :param value: whatever stands there
    :returns: the address, empty if there is none
    """
    said = text(value, 250).removeprefix("mailto:").strip()
    return said if _EMAIL.fullmatch(said) else ""


def date(value: object) -> str:
    """Read the day, month or year with which a value begins.

    :param value: a date or moment
    :returns: an ISO 8601 date, possibly partial; empty if there is none
    """
    match = _DATE.match(text(value, 60))
    return match[0] if match else ""


def choice(schema: Schema, name: str, values: Iterable[str]) -> str:
    """Find the first of some words that is a value of a field.

    :param schema: the schema of entries
    :param name: the field
    :param values: what the catalogue calls it
    :returns: the value, empty if none fits
    """
    spec = schema.fields.get(name)
    if spec is None:
        return ""
    return next((value for said in values if (value := choice_of(spec, said))), "")


def frequency(schema: Schema, value: object) -> str:
    """Find how often data change, from an ISO 8601 interval or from words.

    :param schema: the schema of entries
    :param value: such as ``R/P1Y`` or ``annual``
    :returns: a value of the field, empty if none fits
    """
    said = text(value, 100)
    spec = schema.fields.get("change_frequency")
    for option in spec.choices if spec is not None and said else ():
        if option.iso8601 and option.iso8601.upper() == said.upper():
            return option.value
    return choice(schema, "change_frequency", [said] if said else [])


def filled(content: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is empty, and characters that no database takes.

    :param content: field → value
    """
    found = {name: _clean(value) for name, value in content.items()}
    return {name: value for name, value in found.items() if value not in ("", [], None)}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _CONTROLS.sub("", value).encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_clean(item) for item in cast("list[Any]", value)]
    return value
