"""Validators of action parameters: shapes only, nothing is looked up."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan.lib.navl.validators import unicode_safe
from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey, Validator

from ckanext.inventory.partial_date import parse_partial_date
from ckanext.inventory.service import departments, search
from ckanext.inventory.types import Role
from ckanext.inventory.values import BadValue, clean_text, is_email

__all__ = [
    "inventory_code",
    "inventory_day",
    "inventory_email",
    "inventory_likeness",
    "inventory_lines",
    "inventory_list_attention",
    "inventory_list_sort",
    "inventory_mapping",
    "inventory_mapping_of_texts",
    "inventory_mappings_of_texts",
    "inventory_needed",
    "inventory_number",
    "inventory_one_of",
    "inventory_pairs",
    "inventory_partial_date",
    "inventory_role",
    "inventory_string",
    "inventory_text",
    "inventory_texts",
    "inventory_words",
]


_NO_TEXT = re.compile("[\0\ud800-\udfff]")
LARGEST = 2**31 - 1
"""Of the whole numbers that PostgreSQL counts and pages with."""


def inventory_needed(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Ask for a parameter; core would say "Missing value".

    :param key: the parameter's key
    :param data: what was sent
    :param errors: collected problems
    :param context: not used
    """
    value = data.get(key)
    empty = value is tk.missing or value is None or (not value and value not in (False, 0))
    if empty or (isinstance(value, str) and not value.strip()):
        errors[key].append(_ask_for(str(key[-1])))
        raise tk.StopOnError


def _ask_for(name: str) -> str:
    questions = {
        "id": tk._("Say which one is meant: its number or its id is missing."),
        "ids": tk._("Choose at least one."),
        "transition": tk._("Say what is to be done, such as submit or approve."),
        "kind": tk._("Choose a kind."),
        "status": tk._("Choose a status."),
        "outcome": tk._("Choose an outcome."),
        "classification": tk._("Choose a classification."),
        "user": tk._("Choose an account."),
        "role": tk._("Choose a role."),
        "department": tk._("Choose a department."),
        "into": tk._("Choose the department that takes over."),
        "from": tk._("Choose whose work is handed over."),
        "to": tk._("Choose who takes over."),
        "emails": tk._("Write at least one e-mail address."),
        "field": tk._("Say which mark is to be set."),
    }
    missing = tk._("“{name}” is missing. Send it, too.").format(name=name)
    return questions.get(name, missing)


def inventory_number(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Take a whole number from 0 on; core would say "Invalid integer", or break at a space.

    :param key: the parameter's key
    :param data: what was sent
    :param errors: collected problems
    :param context: not used
    """
    value = data[key]
    text = str(value).strip()
    whole = not isinstance(value, bool) and re.fullmatch(r"\d{1,10}(\.0+)?", text, re.ASCII)
    number = int(float(text)) if whole else -1
    if not 0 <= number <= LARGEST:
        message = tk._("“{name}” has to be a whole number from 0 to {largest}.")
        errors[key].append(message.format(name=key[-1], largest=f"{LARGEST:,}"))
        raise tk.StopOnError
    data[key] = number


def inventory_one_of(allowed: Collection[str]) -> Validator:
    """Make a validator for a parameter with few values; empty is for others to judge.

    :param allowed: the values
    :returns: the validator
    """

    def validator(value: Any) -> Any:
        return value if value == "" else _one_of(value, allowed)

    return validator


def inventory_string(value: Any) -> str:
    """Take a name, an id or a word, as any text that a database can be asked for.

    :param value: a text, or what can be written as one
    :returns: the text
    :raises Invalid: for characters that no name has
    """
    return _without_controls(str(unicode_safe(value)))


def _without_controls(text: str) -> str:
    if _NO_TEXT.search(text):
        raise tk.Invalid(tk._("This holds a control character. Remove it, or type the text again."))
    return text


def inventory_text(value: Any) -> str:
    """Hold the text rules: line ends, control characters, outer white space, length.

    :param value: a text
    :returns: the text as it is stored
    :raises Invalid: for control characters and for more than 32,000 characters
    """
    try:
        return clean_text(str(value))
    except BadValue as problem:
        raise tk.Invalid(problem.said(tk._)) from problem


def inventory_words(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Ask for words; core would say "Missing value".

    :param key: the parameter's key
    :param data: what was sent
    :param errors: collected problems
    :param context: not used
    """
    value = data.get(key)
    if value is tk.missing or not str(value or "").strip():
        errors[key].append(tk._("Write a sentence first."))
        raise tk.StopOnError


def inventory_texts(value: Any) -> list[str]:
    """Take a list of texts, or one text with commas.

    :param value: ``list[str]`` or ``"a,b"``
    :returns: the texts, trimmed, without empty ones, each once
    :raises Invalid: for anything else
    """
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, (list, tuple)):
        raise tk.Invalid(tk._("This has to be a list."))
    items = [_without_controls(str(item).strip()) for item in cast("Sequence[object]", value)]
    return list(dict.fromkeys(item for item in items if item))


def inventory_lines(value: Any) -> str:
    """Take lines of text, or a list of them.

    :param value: ``list[str]`` or one text
    :returns: one text with line ends
    :raises Invalid: for anything else
    """
    if isinstance(value, (list, tuple)):
        value = "\n".join(str(item) for item in cast("Sequence[object]", value))
    if not isinstance(value, str):
        raise tk.Invalid(tk._("This has to be a text or a list of texts."))
    return value


def inventory_mapping(value: Any) -> dict[str, Any]:
    """Take a mapping, or one written as JSON.

    :param value: ``dict`` or a JSON object
    :returns: the mapping; empty for an empty text
    :raises Invalid: for anything else
    """
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else {}
        except ValueError as error:
            raise tk.Invalid(tk._("This has to be a JSON object.")) from error
    if not isinstance(value, Mapping):
        raise tk.Invalid(tk._("This has to be a JSON object."))
    return {
        _without_controls(str(key)): item
        for key, item in cast("Mapping[object, Any]", value).items()
    }


def inventory_mapping_of_texts(value: Any) -> dict[str, str]:
    """Take a mapping of texts to texts, or one written as JSON; null is the empty text.

    :param value: ``dict[str, str | None]`` or a JSON object
    :returns: the mapping
    :raises Invalid: for anything else
    """
    return {key: _text_behind(key, item) for key, item in inventory_mapping(value).items()}


def inventory_mappings_of_texts(value: Any) -> dict[str, dict[str, str]]:
    """Take a mapping of texts to mappings of texts to texts, or one written as JSON.

    :param value: ``dict[str, dict[str, str | None]]`` or a JSON object
    :returns: the mapping
    :raises Invalid: for anything else
    """
    found: dict[str, dict[str, str]] = {}
    for key, item in inventory_mapping(value).items():
        if not isinstance(item, Mapping):
            words = tk._(
                "“{name}” has to have a JSON object behind it: texts, and what each means."
            )
            raise tk.Invalid(words.format(name=key))
        found[key] = inventory_mapping_of_texts(item)
    return found


def _text_behind(key: str, value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise tk.Invalid(tk._("“{name}” has to have a text behind it.").format(name=key))
    return _without_controls(value or "")


def inventory_pairs(value: Any) -> list[tuple[str, str]]:
    """Take pairs of an entry and a dataset, as objects or as ``ENTRY=DATASET``.

    :param value: ``list[{"entry": …, "dataset": …}]``, ``list[str]`` or a JSON list
    :returns: the pairs, trimmed
    :raises Invalid: for anything else
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise tk.Invalid(tk._("This has to be a list.")) from error
    if not isinstance(value, (list, tuple)):
        raise tk.Invalid(tk._("This has to be a list."))
    pairs: list[tuple[str, str]] = []
    for item in cast("Sequence[object]", value):
        if isinstance(item, Mapping):
            given = cast("Mapping[str, Any]", item)
            entry, dataset = given.get("entry"), given.get("dataset")
        else:
            entry, _sign, dataset = str(item).partition("=")
        if not str(entry or "").strip() or not str(dataset or "").strip():
            raise tk.Invalid(tk._("Each has to name an entry and a dataset."))
        pairs.append((str(entry).strip(), str(dataset).strip()))
    return pairs


def inventory_likeness(value: Any) -> float:
    """Take how alike two things have to be.

    :param value: from 0 to 1, or a percentage above 1
    :returns: from 0 to 1
    :raises Invalid: for anything else
    """
    try:
        number = float(str(value).strip().rstrip("%"))
    except ValueError as error:
        raise tk.Invalid(tk._("Write a number from 0 to 100.")) from error
    number = number / 100 if number > 1 else number
    if not 0 <= number <= 1:
        raise tk.Invalid(tk._("Write a number from 0 to 100."))
    return number


def inventory_day(value: Any) -> dt.date:
    """Take a day.

    :param value: ``YYYY-MM-DD``
    :returns: the date
    :raises Invalid: for anything else
    """
    try:
        return dt.date.fromisoformat(str(value).strip())
    except ValueError as error:
        raise tk.Invalid(tk._("Write the day as YYYY-MM-DD.")) from error


def inventory_email(value: str) -> str:
    """Take an e-mail address.

    :param value: an address
    :returns: the same, trimmed
    :raises Invalid: for anything else
    """
    text = value.strip()
    if not is_email(text):
        message = tk._("“{value}” is no e-mail address. Write one, such as name@city.example.")
        raise tk.Invalid(message.format(value=text[:60]))
    return text


def inventory_partial_date(value: str) -> str:
    """Take a date of whatever precision.

    :param value: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``
    :returns: the same, trimmed
    :raises Invalid: for anything else
    """
    try:
        return str(parse_partial_date(value))
    except ValueError as error:
        raise tk.Invalid(
            tk._("Write a year, a month or a day: 2027, 2027-03, 2027-03-15.")
        ) from error


def inventory_role(value: str) -> str:
    """Take a role.

    :param value: coordinator, cdo, reviewer or viewer
    :returns: the same
    :raises Invalid: for anything else
    """
    return _one_of(value, [role.value for role in Role])


def inventory_code(value: str) -> str:
    """Take a department's code.

    :param value: 2 to 10 letters and digits
    :returns: the code in capitals
    :raises Invalid: for anything else
    """
    code = value.strip().upper()
    if not departments.CODE.fullmatch(code):
        raise tk.Invalid(tk._("A code has 2 to 10 letters and digits."))
    return code


def inventory_list_sort(value: str) -> str:
    """Take the order of a list.

    :param value: a key of ``search.SORTS``
    :returns: the same
    :raises Invalid: for anything else
    """
    return _one_of(value, search.SORTS)


def inventory_list_attention(value: str) -> str:
    """Take a named view of a list.

    :param value: a key of ``search.ATTENTION``
    :returns: the same
    :raises Invalid: for anything else
    """
    return _one_of(value, search.ATTENTION)


def _one_of(value: str, allowed: Any) -> str:
    if value not in allowed:
        names = ", ".join(sorted(name for name in allowed if name))
        raise tk.Invalid(tk._("This has to be one of: {values}.").format(values=names))
    return value
