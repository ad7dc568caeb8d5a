"""Validators of the two schemas: what a value looks like, and the locks of a private record.

They run on every door, bulk included, so none of them asks the database once per row. Who may write
a field is the register's business: it compares old and new content.

Source: leaks L3 (names), L13 (tags), L14 and L15 (files), L22 (groups), L24 and L25 (private).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, cast

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey, Validator

from ckanext.inventory import vocabularies
from ckanext.inventory.fields import LIST_KINDS, FieldSpec, decoded, field_spec
from ckanext.inventory.model import Record
from ckanext.inventory.service.content import CACHE
from ckanext.inventory.service.likelihood import SETTLED
from ckanext.inventory.types import NOT_KNOWN, Stage
from ckanext.inventory.values import BadValue, clean, clean_text

__all__ = [
    "inventory_complete",
    "inventory_load_integer",
    "inventory_load_json",
    "inventory_new_name",
    "inventory_new_state",
    "inventory_only_fields",
    "inventory_organization",
    "inventory_private",
    "inventory_row_kind",
    "inventory_stored_name",
    "inventory_stored_state",
    "inventory_value",
]

PACKAGE_STATE = "inventory_package_state"
"""Key of CKAN's context by which our own services set CKAN's state of a record."""

NAME_PREFIX = "inventory-"
_NAME_BYTES = 12  # 96 random bits
_CORE_COLUMNS = frozenset({"title", "notes", "license_id"})
_BLOCKERS = "release_blockers"

_EMPTIED = frozenset(
    {
        "author",
        "author_email",
        "groups",
        "maintainer",
        "maintainer_email",
        "plugin_data",
        "relationships_as_object",
        "relationships_as_subject",
        "tag_string",
        "tags",
        "url",
        "version",
    }
)
"""What core would store beside the fields: free tags show to everybody, groups to their members."""

Factory = Callable[[Mapping[str, Any], Mapping[str, Any]], Validator]


def _scheming_validator(factory: Factory) -> Factory:
    """Mark a function that makes the validator of a field, as scheming expects it."""
    factory.is_a_scheming_validator = True  # pyright: ignore[reportFunctionMemberAccess]
    return factory


def _translated(problem: BadValue) -> str:
    return problem.said(tk._)


def _refuse(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, message: str) -> None:
    errors.setdefault(key, []).append(message)
    data.pop(key, None)
    raise tk.StopOnError


def _stored_package(data: FlattenDataDict, context: Context) -> Any:
    """Return the package that is being changed; a context may still hold another one."""
    package = context.get("package")
    return package if package is not None and data.get(("id",)) == package.id else None


# --- values of fields ------------------------------------------------------------------------

_made: dict[int, tuple[Mapping[str, Any], Validator]] = {}


@_scheming_validator
def inventory_value(field: Mapping[str, Any], schema: Mapping[str, Any]) -> Validator:
    """Make the validator that cleans and checks the values of a field, by its kind.

    :param field: the field as scheming has it
    :param schema: the schema that it is part of
    :returns: a validator; empty values are dropped, lists are stored as JSON
    """
    known = _made.get(id(field))  # scheming asks for every field of every row
    if known is not None and known[0] is field:
        return known[1]
    spec = field_spec(field)
    others = (f for f in schema["dataset_fields"] if f["field_name"] == spec.required_with)
    validator = _value_validator(spec, next((field_spec(other).label for other in others), ""))
    _made[id(field)] = (field, validator)
    return validator


def _value_validator(spec: FieldSpec, required_with: str) -> Validator:
    answer = _ANSWERS.get(spec.name)

    def validator(
        key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
    ) -> None:
        given = data.get(key)
        try:
            value = clean(spec, None if given is tk.missing else given, vocabularies.load())
        except BadValue as problem:
            _refuse(key, data, errors, _translated(problem))
            return
        if answer is not None and len(key) == 1:
            value = answer(value, data, context)
        if value is not None:
            if spec.kind == "license":
                _check_license(key, data, errors, value)
            data[key] = _storable(spec, value, in_row=len(key) > 1)
            return
        if spec.stage is Stage.SAVE:
            message = tk._("“{label}” is missing. Fill it in.")
            _refuse(key, data, errors, message.format(label=tk._(spec.label)))
        if spec.required_with and _has_value(data, spec.required_with):
            message = tk._("Fill this in, too: “{field}” needs it.")
            _refuse(key, data, errors, message.format(field=tk._(required_with)))
        if len(key) > 1 and spec.default:
            data[key] = spec.default
            return
        if key == (spec.name,) and spec.name in _CORE_COLUMNS:
            data[key] = None  # core keeps the old text of a column that isn't named
        else:
            data.pop(key, None)
        raise tk.StopOnError

    return validator


def _storable(spec: FieldSpec, value: Any, in_row: bool) -> Any:
    if in_row:
        return value
    if spec.kind in LIST_KINDS:
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _has_value(data: FlattenDataDict, name: str) -> bool:
    """Tell whether a field holds something, be it checked already or not."""
    value = data.get((name,))
    if isinstance(value, list | tuple):
        return any(str(item).strip() for item in cast("list[Any]", value))
    return value not in (None, tk.missing, "[]") and bool(str(value).strip())


def _answer_source_known(value: Any, data: FlattenDataDict, context: Context) -> Any:
    """A named source answers the question; without one, ``linked`` can't stay."""
    if _has_value(data, "source_ids"):
        return "linked"
    if value == "linked":
        return "described" if _has_value(data, "system_of_record_note") else NOT_KNOWN
    return value


def _answer_blocker_status(value: Any, data: FlattenDataDict, context: Context) -> Any:
    """An open row means that there is a reason."""
    for row in _rows(data, _BLOCKERS).values():
        if not _is_blank(row) and str(row.get("status") or "").strip() not in SETTLED:
            return "some"
    return value


def _answer_first_target(value: Any, data: FlattenDataDict, context: Context) -> Any:
    """The first target date is kept once it is moved after an approval, whatever was sent."""
    package = _stored_package(data, context)
    if package is None:
        return None
    extras = cast("Mapping[str, str]", package.extras or {})
    kept, before = extras.get("target_release_original"), extras.get("target_release")
    moved = before and before != data.get(("target_release",))
    if kept or not moved:
        return kept
    query = sa.select(Record.approved_revision).where(Record.package_id == package.id)
    return before if model.Session.scalar(query) else None


_ANSWERS: dict[str, Callable[[Any, FlattenDataDict, Context], Any]] = {
    "source_known": _answer_source_known,
    "blocker_status": _answer_blocker_status,
    "target_release_original": _answer_first_target,
}
"""Fields that the system answers from others."""


def _check_license(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, value: str
) -> None:
    if value not in model.Package.get_license_register():
        _refuse(key, data, errors, tk._("There is no such licence in the list of this site."))


def inventory_load_json(value: Any) -> Any:
    """Turn a stored list back into a list.

    :param value: what is stored, usually JSON
    :returns: the list; anything else as it is
    """
    return decoded(value)


def inventory_load_integer(value: Any) -> Any:
    """Turn a stored number back into a number.

    :param value: what is stored
    :returns: the whole number; anything else as it is
    """
    return int(value) if isinstance(value, str) and value.isdecimal() else value


# --- rows ------------------------------------------------------------------------------------

Row = dict[str, Any]


def _rows(data: FlattenDataDict, name: str) -> dict[int, Row]:
    """Collect the rows of a field by their position."""
    rows: dict[int, Row] = {}
    for key in data:
        if len(key) == 3 and key[0] == name:
            value = data[key]
            row = rows.setdefault(int(key[1]), {})
            row[str(key[2])] = None if value is tk.missing else value
    return rows


def _is_blank(row: Row) -> bool:
    """Tell whether nobody filled in a row; a status alone is what a form starts with."""
    return not any(value and str(value).strip() for name, value in row.items() if name != "status")


@_scheming_validator
def inventory_row_kind(field: Mapping[str, Any], schema: Mapping[str, Any]) -> Validator:
    """Make the validator of the column by which rows are told apart.

    :param field: the column as scheming has it
    :param schema: the schema that it is part of
    :returns: a validator that asks for a kind unless the row is blank
    """
    by_kind = inventory_value(field, schema)

    def validator(
        key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
    ) -> None:
        row = _rows(data, key[0]).get(key[1], {})
        if not row.get(key[2]):
            data.pop(key, None)
            if not _is_blank(row):
                errors.setdefault(key, []).append(tk._("Say what kind of reason this is."))
            raise tk.StopOnError
        cast("Callable[..., None]", by_kind)(key, data, errors, context)

    return validator


def _tidy_rows(name: str, data: FlattenDataDict, errors: FlattenErrorDict) -> None:
    """Drop blank rows; refuse a second row of a kind and columns that don't exist."""
    rows = _rows(data, name)
    if not rows:
        return
    seen: set[str] = set()
    kept: list[Row] = []
    for number in sorted(rows):
        row = rows[number]
        unknown = row.pop("__extras", None)
        if unknown:
            errors.setdefault((name, number, "kind"), []).append(
                tk._("There is no column {name}.").format(
                    name=", ".join(sorted(cast("Mapping[str, Any]", unknown)))
                )
            )
        if _is_blank(row):
            continue
        kind = str(row.get("kind") or "")
        if kind and kind in seen:
            errors.setdefault((name, number, "kind"), []).append(
                tk._("This kind has a row already. Put both reasons into one.")
            )
        seen.add(kind)
        kept.append(row)
    for key in [key for key in data if len(key) == 3 and key[0] == name]:
        del data[key]
    for number, row in enumerate(kept):
        for column, value in row.items():
            if value is not None:
                data[(name, number, column)] = value


# --- the record as a whole -------------------------------------------------------------------


@_scheming_validator
def inventory_only_fields(field: Any, schema: Mapping[str, Any]) -> Validator:
    """Make the validator that runs first: it refuses files and free extras.

    :param field: None
    :param schema: the schema as scheming has it
    :returns: a validator of the whole record

    Source: leaks L14 and L15 (formats and files of private records show to everybody).
    """
    names = _field_names(schema)

    def validator(
        key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
    ) -> None:
        package = _stored_package(data, context)
        # A field that a city dropped from its schema is still there.
        stored: Mapping[str, str] = (package.extras or {}) if package is not None else {}
        for found in list(data):
            kind, *position = found
            if kind == "resources" and position:
                errors.setdefault((kind, position[0], "url"), [])[:] = [
                    tk._(
                        "The inventory holds no files or links to data. They are added when an "
                        "entry is put on the portal."
                    )
                ]
            elif kind == "extras" and position[1:] == ["key"]:
                name = data[found]
                if name in names or name not in stored:
                    errors.setdefault(found, []).append(
                        tk._("The inventory has no free extras: use its fields.")
                    )

    return validator


def _field_names(schema: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(item["field_name"]) for item in schema["dataset_fields"])


@_scheming_validator
def inventory_complete(field: Any, schema: Mapping[str, Any]) -> Validator:
    """Make the validator that runs last: it tidies rows and empties what is no field.

    :param field: None
    :param schema: the schema as scheming has it
    :returns: a validator of the whole record

    Source: leaks L13 (tags), L22 (groups).
    """
    row_fields = [f["field_name"] for f in schema["dataset_fields"] if f.get("repeating_subfields")]
    names = _field_names(schema)

    def validator(
        key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
    ) -> None:
        for name in row_fields:
            _tidy_rows(name, data, errors)
        dropped = {
            found[:2]
            for found in data
            if found[0] == "extras" and found[-1] == "key" and data[found] not in names
        }
        for found in [k for k in data if k[0] in _EMPTIED or k[:2] in dropped]:
            del data[found]
        for found, messages in errors.items():
            if found[0] in _EMPTIED:
                errors[found] = []
            elif found[0] == "extras":
                # Core asks for a key and a value of what there is not at all.
                first = found[2:] == ("key",) and messages
                errors[found] = messages[:1] if first else []

    return validator


# --- locks -----------------------------------------------------------------------------------


def inventory_new_name(value: Any) -> str:
    """Give a new record an opaque random name; a name that was sent is ignored.

    :param value: ignored
    :returns: ``inventory-`` and 96 random bits in hexadecimal

    Source: leak L3 (a name that is taken tells what exists elsewhere).
    """
    return NAME_PREFIX + secrets.token_hex(_NAME_BYTES)


def inventory_stored_name(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Keep the name of a record, whatever was sent.

    :param key: the name's key
    :param data: the record
    :param errors: collected problems
    :param context: CKAN's context with the stored package

    Source: leak L3.
    """
    package = context.get("package")
    if package is None:
        data.pop(key, None)
        raise tk.StopOnError
    data[key] = package.name


def inventory_private(value: Any) -> bool:
    """Keep a record private, whatever was sent.

    :param value: ignored
    :returns: true

    Source: leaks L24 and L25.
    """
    return True


def inventory_new_state(value: Any, context: Context) -> str:
    """Make a new record active, whatever was sent; CKAN's drafts are not ours.

    :param value: ignored
    :param context: our own services may set another state in it
    :returns: CKAN's state
    """
    return _wanted_state(context) or model.State.ACTIVE


def inventory_stored_state(value: Any, context: Context) -> str:
    """Keep CKAN's state of a record, whatever was sent.

    :param value: ignored
    :param context: CKAN's context with the stored package; our services may set a state in it
    :returns: CKAN's state: deleted stays deleted, anything else is active
    """
    package = context.get("package")
    stored = package.state if package is not None else model.State.ACTIVE
    kept = model.State.DELETED if stored == model.State.DELETED else model.State.ACTIVE
    return _wanted_state(context) or kept


def _wanted_state(context: Context) -> str | None:
    return cast("Mapping[str, Any]", context).get(PACKAGE_STATE)


def inventory_organization(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Ask for a department and store its id.

    Who may write for a department, and that it changes by transfer only, is held elsewhere.

    :param key: the department's key
    :param data: the record
    :param errors: collected problems
    :param context: CKAN's context; a dict under ``inventory_cache`` in it spares the look-up of
        a department that was looked up before
    """
    given = data.get(key)
    package = _stored_package(data, context)
    if given in (None, tk.missing) and package is not None and package.owner_org:
        data[key] = package.owner_org
        return
    try:
        name = "" if given in (None, tk.missing) else clean_text(given)
    except BadValue as problem:
        _refuse(key, data, errors, _translated(problem))
        return
    if not name:
        _refuse(key, data, errors, tk._("Choose a department."))
    found = _organization_id(name, context)
    if found is None:
        _refuse(key, data, errors, tk._("There is no such department."))
    data[key] = found


def _organization_id(name: str, context: Context) -> str | None:
    cache = cast("MutableMapping[str, Any]", context).get(CACHE)
    known: dict[str, str | None] = {} if cache is None else cache.setdefault("organizations", {})
    if name not in known:
        group = model.Group
        query = sa.select(group.id).where(
            sa.or_(group.id == name, group.name == name),
            group.is_organization.is_(True),
            group.state == model.State.ACTIVE,
        )
        known[name] = model.Session.scalars(query).first()
    return known[name]
