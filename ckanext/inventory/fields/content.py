"""The content of a record: taken out of a package, hashed, compared, shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from ckanext.inventory.fields.shapes import (
    LIST_KINDS,
    UNORDERED_KINDS,
    FieldSpec,
    Schema,
    is_list,
    is_mapping,
)


@dataclass(frozen=True)
class Change:
    """A field that differs between two contents.

    :param field: its name
    :param label: its label
    :param old: the value before, None for nothing
    :param new: the value now, None for nothing
    """

    field: str
    label: str
    old: Any
    new: Any


# --- reading a schema ------------------------------------------------------------------------


def content_of(schema: Schema, package: Mapping[str, Any]) -> dict[str, Any]:
    """Take the content out of a package, as shown or as just validated.

    :param schema: the schema of its type
    :param package: a dict from ``package_show``, from validation (values in ``extras``), or
        content itself
    :returns: field → value in the order of the schema: texts, whole numbers, lists of texts, rows
        as dicts; without what is empty
    """
    extras = _extras(package.get("extras"))
    content: dict[str, Any] = {}
    for name, spec in schema.fields.items():
        value = _stored(spec, package[name] if name in package else extras.get(name))
        if value not in (None, "", []):
            content[name] = value
    return content


def _extras(given: Any) -> dict[str, Any]:
    if is_mapping(given):
        return dict(given)
    if is_list(given):
        return {str(item["key"]): item.get("value") for item in given if is_mapping(item)}
    return {}


def _stored(spec: FieldSpec, value: Any) -> Any:
    if value is None:
        return None
    if spec.kind == "rows":
        return _rows(spec, decoded(value))
    if spec.kind in LIST_KINDS:
        value = decoded(value)
        items = value if is_list(value) else [value]
        return [str(item) for item in items if item not in (None, "")]
    if spec.kind == "integer":
        return int(value) if str(value).strip() else None
    return str(value)


def decoded(value: Any) -> Any:
    """Turn a stored list back into a list.

    :param value: what is stored, usually JSON
    :returns: the list; anything else as it is
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _rows(spec: FieldSpec, value: Any) -> list[dict[str, Any]]:
    if not is_list(value):
        return []
    rows: list[dict[str, Any]] = []
    for item in value:
        if not is_mapping(item):
            continue
        row: dict[str, Any] = {}
        for column in spec.subfields:
            cell = _stored(column, item.get(column.name))
            if cell not in (None, "", []):
                row[column.name] = cell
        if row:
            rows.append(row)
    return rows


def canonical_json(value: Any) -> str:
    """Write a value as JSON in the one form that hashes are made of.

    :param value: texts, numbers, truth values, None, lists and dicts with text keys
    :returns: JSON with sorted keys, without spaces, not escaped beyond what JSON asks for
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def material_hash(schema: Schema, content: Mapping[str, Any]) -> str:
    """Hash the part of a content that an approval covers.

    :param schema: the schema of its type
    :param content: as :func:`content_of` returns it
    :returns: SHA-256, in hexadecimal, of the canonical JSON of the filled material fields; the
        order of rows and of ticked values doesn't count
    """
    material = {
        name: _comparable(spec, content[name])
        for name, spec in schema.fields.items()
        if spec.material and content.get(name) not in (None, "", [])
    }
    return hashlib.sha256(canonical_json(material).encode("utf-8")).hexdigest()


def _comparable(spec: FieldSpec, value: Any) -> Any:
    if spec.kind in UNORDERED_KINDS and is_list(value):
        return sorted(str(item) for item in value)
    if spec.kind == "rows" and is_list(value):
        columns = {column.name: column for column in spec.subfields}
        rows = [
            {
                name: _comparable(columns[name], cell)
                for name, cell in cast("Mapping[str, Any]", row).items()
                if name in columns and cell not in (None, "", [])
            }
            for row in value
        ]
        return sorted((row for row in rows if row), key=canonical_json)
    return value


def diff(schema: Schema, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Say which fields differ between two contents.

    :param schema: the schema of their type
    :param old: the content before
    :param new: the content now
    :returns: the changes, in the order of the schema; the order of rows and of ticked values
        is no change
    """
    changes: list[Change] = []
    for name, spec in schema.fields.items():
        before = None if old.get(name) in ("", []) else old.get(name)
        after = None if new.get(name) in ("", []) else new.get(name)
        if before != after and _comparable(spec, before) != _comparable(spec, after):
            changes.append(Change(name, spec.label, before, after))
    return changes


def display(spec: FieldSpec, value: Any, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """Write a stored value for people, as plain text.

    :param spec: the field
    :param value: its stored value, or None
    :param names: what ids among the values stand for
    :returns: labels in place of values, lists separated by commas, one line for each row
    """
    if value in (None, "", []):
        return ""
    if spec.kind == "rows" and is_list(value):
        return "\n".join(_row_text(spec, row, names) for row in value if is_mapping(row))
    if is_list(value):
        return ", ".join(names.get(str(item)) or spec.label_of(str(item)) for item in value)
    if spec.kind == "choice":
        return spec.label_of(str(value))
    return names.get(str(value), str(value))


def _row_text(spec: FieldSpec, row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    cells = (
        (column.label, display(column, row.get(column.name), names)) for column in spec.subfields
    )
    return "; ".join(f"{label}: {text}" for label, text in cells if text)
