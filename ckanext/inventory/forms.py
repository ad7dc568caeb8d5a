"""Forms: what the browser sent, as content of the schema; what was refused, as words beside it.

Nothing is validated here. Values are read in the shape that the schema stores and handed to an
action; when it refuses, the same values go back into the form, so that nothing typed is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import ckan.plugins.toolkit as tk
from werkzeug.datastructures import MultiDict

from ckanext.inventory.fields import FieldSpec, Schema
from ckanext.inventory.types import Writer

_SEVERAL = frozenset({"choices", "source_list"})
_LINES = frozenset({"url_list"})
_ITEMS = frozenset({"list", "language"})
_ROW = re.compile(r"^(?P<name>[a-z_]+)-(?P<index>\d+)-(?P<key>[a-z_]+)$")
_ITEM_BREAK = re.compile(r"[;,|\n]")

Form = MultiDict[str, str]


@dataclass
class Section:
    """Some fields under one heading.

    :param name: machine name, used as anchor
    :param label: heading
    :param fields: the fields to ask
    """

    name: str
    label: str
    fields: list[FieldSpec] = field(default_factory=list["FieldSpec"])


def writable(
    schema: Schema, *, department: bool, reviewer: bool, quick: bool = False
) -> list[FieldSpec]:
    """Return the fields that a form asks of somebody.

    :param schema: the schema in force
    :param department: they write the department's fields
    :param reviewer: they write the reviewer's fields
    :param quick: only the fields of the quick form
    :returns: fields in the order of the schema
    """
    mine = {Writer.DEPARTMENT} if department else set[Writer]()
    if reviewer:
        mine.add(Writer.REVIEWER)
    return [
        spec
        for spec in schema.fields.values()
        if mine & spec.writers and spec.kind != "organization" and (spec.quick or not quick)
    ]


def sections(schema: Schema, specs: Iterable[FieldSpec]) -> list[Section]:
    """Group fields under the headings of the schema, in its order.

    :param schema: the schema in force
    :param specs: the fields to show
    :returns: the sections that have a field
    """
    grouped: dict[str, Section] = {
        section.name: Section(section.name, section.label) for section in schema.sections
    }
    for spec in specs:
        grouped.setdefault(spec.section, Section(spec.section, spec.section)).fields.append(spec)
    return [section for section in grouped.values() if section.fields]


def read(specs: Iterable[FieldSpec], form: Form) -> dict[str, Any]:
    """Read the fields of a posted form.

    :param specs: the fields that were asked
    :param form: what the browser sent
    :returns: field → value in the shape that is stored; empty text and lists for nothing
    """
    return {spec.name: _value(spec, form) for spec in specs}


def _value(spec: FieldSpec, form: Form) -> Any:
    if spec.kind == "rows":
        return _rows(spec, form)
    if spec.kind in _SEVERAL:
        return [value for value in form.getlist(spec.name) if value]
    text = _text(form.get(spec.name, ""))
    if spec.kind in _LINES:
        return [line.strip() for line in text.split("\n") if line.strip()]
    if spec.kind in _ITEMS:
        return [item.strip() for item in _ITEM_BREAK.split(text) if item.strip()]
    return text


def _text(value: str) -> str:
    return value.replace("\r\n", "\n").strip()


def _rows(spec: FieldSpec, form: Form) -> list[dict[str, Any]]:
    rows: dict[int, dict[str, Any]] = {}
    subfields = {sub.name: sub for sub in spec.subfields}
    for name in form:
        found = _ROW.match(name)
        if not found or found["name"] != spec.name or found["key"] not in subfields:
            continue
        row = rows.setdefault(int(found["index"]), {})
        several = subfields[found["key"]].kind in _SEVERAL
        values = [_text(value) for value in form.getlist(name) if value.strip()]
        row[found["key"]] = values if several else (values[0] if values else "")
    return [rows[index] for index in sorted(rows) if any(rows[index].values())]


def owner_as_shown(row: Mapping[str, Any], stored: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Put the name of an account in place of its id, for a form.

    :param row: a row of reasons against a release
    :param stored: the stored rows, with ``owner_name`` where the owner is an account
    :returns: the row with a name as owner
    """
    names = {one["owner"]: one["owner_name"] for one in stored if one.get("owner_name")}
    return {**row, "owner": names.get(row.get("owner"), row.get("owner"))}


def owner_as_stored(row: Mapping[str, Any], stored: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Put the id of an account back where its name was not touched, or was moved to another row.

    :param row: a row as it was posted
    :param stored: the stored rows, with ``owner_name`` where the owner is an account
    :returns: the row with the id as owner
    """
    ids = {one["owner_name"]: one["owner"] for one in stored if one.get("owner_name")}
    return {**row, "owner": ids[row["owner"]]} if row.get("owner") in ids else dict(row)


@dataclass
class Problems:
    """What an action refused, for the form.

    :param fields: field → sentences, shown beside the field
    :param summary: (label, anchor or None, sentence), shown on top, all at once
    """

    fields: dict[str, list[str]] = field(default_factory=dict[str, "list[str]"])
    summary: list[tuple[str, str | None, str]] = field(
        default_factory=list["tuple[str, str | None, str]"]
    )

    def __bool__(self) -> bool:
        return bool(self.summary)


def problems(error: tk.ValidationError, schema: Schema | None = None) -> Problems:
    """Turn the refusal of an action into what the form shows.

    :param error: the refusal
    :param schema: the schema whose labels name the fields
    :returns: the sentences, by field and all together
    """
    found = Problems()
    for key, messages in cast("Mapping[str, Any]", error.error_dict).items():
        sentences = list(dict.fromkeys(_sentences(messages)))
        if not sentences:
            continue
        spec = schema.fields.get(key) if schema else None
        found.fields[key] = sentences
        label = tk._(spec.label) if spec else ""
        anchor = f"field-{key}" if spec else None
        found.summary += [(label, anchor, sentence) for sentence in sentences]
    return found


def one_problem(field: str, message: str) -> Problems:
    """Make what a form shows of a single thing to fix.

    :param field: the field
    :param message: what is wrong
    """
    return Problems({field: [message]}, [("", f"field-{field}", message)])


def _sentences(messages: Any) -> Iterable[str]:
    """Flatten what validators put together: a text, a list, or rows of both."""
    if isinstance(messages, str):
        yield messages
    elif isinstance(messages, Mapping):
        for value in cast("Mapping[str, Any]", messages).values():
            yield from _sentences(value)
    elif isinstance(messages, Iterable):
        for value in cast("Iterable[Any]", messages):
            yield from _sentences(value)
