"""Whatever is refused, it is said in words of ours: what it is about, what is allowed, what to do.

Core says "Missing value", "Invalid integer", "Value must be one of ['a', 'b']".
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import ckan
import ckan.plugins.toolkit as tk
import ckanext.scheming.validation
import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from ckanext.inventory.fields import schema_for
from ckanext.inventory.logic import (
    schema,
    schema_notices,
    schema_people,
    schema_takeover,
)
from ckanext.inventory.logic.action import imports, parts, returning, roundtrip
from ckanext.inventory.types import ENTRY, SOURCE, Writer
from tests.logic.city import City, make_city

WRONG: list[Any] = [
    None,
    "",
    " ",
    "nonsense",
    "-1",
    -1,
    1.5,
    True,
    10**30,
    "x" * 40_000,
    "a\x00b",
    "\ud800",
    [],
    ["nonsense"],
    [["nonsense"]],
    {},
    {"nonsense": "nonsense"},
    [{"nonsense": "nonsense"}],
    "javascript:alert(1)",
    "2026-13-45",
    "2026-02-30",
]

CORE_VALIDATORS = ("logic/validators", "logic/converters", "lib/navl")


@cache
def _core_sentences() -> list[re.Pattern[str]]:
    """Every sentence of core's and scheming's validators, as patterns."""
    with (Path(ckan.__file__).parent / "i18n" / "ckan.pot").open("rb") as file:
        found = {
            str(message.id)
            for message in read_po(file)
            if message.id
            and any(part in name for name, _ in message.locations for part in CORE_VALIDATORS)
        }
    source = inspect.getsourcefile(ckanext.scheming.validation)
    assert source is not None
    found |= {str(message) for _line, message, _, _ in extract_from_file("python", source)}
    assert len(found) > 60
    patterns = (re.escape(text) for text in found)
    holes = re.compile(r"%(?:\\\(\w+\\\))?[a-z]|\\\{\w*\\\}")
    return [re.compile(holes.sub(".*", pattern), re.DOTALL) for pattern in patterns]


def _sentences(messages: Any) -> Iterator[str]:
    if isinstance(messages, str):
        yield messages
    else:
        values: Iterable[Any] = messages.values() if isinstance(messages, dict) else messages
        for value in values:
            yield from _sentences(value)


def _of_core(messages: Any) -> list[str]:
    return [
        sentence
        for sentence in _sentences(messages)
        if any(pattern.fullmatch(sentence) for pattern in _core_sentences())
    ]


def test_core_sentences_are_known_here() -> None:
    assert _of_core({"id": ["Missing value"], "n": ["Must be a natural number"]})
    assert _of_core(["Value must be one of ['a', 'b']", "Invalid integer"])
    assert not _of_core(["“Name” is missing. Fill it in."])


# --- fields -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(module_db: None) -> City:
    return make_city()


def _create(city: City, package_type: str, **values: Any) -> dict[str, Any]:
    action = "inventory_entry_create" if package_type == ENTRY else "inventory_source_create"
    fields = {"title": "Trees", "owner_org": city.parks.id} | values
    try:
        city.do(city.cdo, action, **fields)
    except tk.ValidationError as error:
        return error.error_dict
    return {}


@pytest.mark.parametrize("package_type", [ENTRY, SOURCE])
def test_each_field_refuses_in_our_words(shared: City, db: None, package_type: str) -> None:
    specs = schema_for(package_type).fields
    refused = set[str]()
    for wrong in WRONG:
        values = {name: wrong for name, spec in specs.items() if spec.kind != "rows"}
        for department in ({}, {"owner_org": shared.parks.id}):
            errors = _create(shared, package_type, **(values | department))
            refused |= set(errors)
            assert not _of_core(errors), wrong
            if wrong == "nonsense":
                for name in set(errors) & set(specs):
                    if specs[name].choices:
                        [sentence] = errors[name]
                        assert f"“{specs[name].label}”" in sentence
                        assert specs[name].choices[0].value in sentence
    never = {name for name, spec in specs.items() if Writer.SYSTEM in spec.writers}
    assert set(specs) - refused <= never | {"release_blockers"}


def test_each_column_of_a_row_refuses_in_our_words(shared: City, db: None) -> None:
    rows = schema_for(ENTRY).fields["release_blockers"]
    for wrong in WRONG:
        for kind in (wrong, "privacy"):
            row = {column.name: wrong for column in rows.subfields} | {"kind": kind}
            errors = _create(shared, ENTRY, blocker_status="some", release_blockers=[row])
            assert not _of_core(errors), (kind, wrong)
        for name in ("release_blockers", "resources", "extras", "tags", "groups"):
            errors = _create(shared, ENTRY, **{name: wrong})
            assert not _of_core(errors), (name, wrong)


def test_a_refusal_names_field_and_remedy(shared: City, db: None) -> None:
    errors = _create(
        shared,
        ENTRY,
        title="",
        value="enormous",
        target_release="soon",
        public_contact_email="desk",
        data_dictionary_url="www.larkhaven.example",
    )
    assert errors["title"] == ["“Name” is missing. Fill it in."]
    assert errors["value"] == [
        "“enormous” is none of the values of “Value”. "
        "Choose one of these: high, medium, low, not_known_yet."
    ]
    assert "write it as 2027, 2027-06 or 2027-06-30" in errors["target_release"][0]
    assert "such as name@city.example" in errors["public_contact_email"][0]
    assert "starts with http:// or https://" in errors["data_dictionary_url"][0]


# --- parameters -------------------------------------------------------------------------------------

MODULES = (
    schema,
    schema_notices,
    schema_people,
    schema_takeover,
    imports,
    parts,
    returning,
    roundtrip,
)


def _schemas(module: ModuleType) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, made in vars(module).items():
        declared = getattr(made, "__qualname__", "").startswith("takes.")
        of_module = getattr(made, "__module__", "") == module.__name__
        if declared or (
            of_module and hasattr(made, "__wrapped__") and not name.startswith("inventory_")
        ):
            yield f"{module.__name__}.{name}", made()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.split(".")[-1])
def test_each_parameter_refuses_in_our_words(module: ModuleType, db: None) -> None:
    schemas = list(_schemas(module))
    assert schemas
    for where, found in schemas:
        for name in found:
            for wrong in [*WRONG, tk.missing]:
                data = {} if wrong is tk.missing else {name: wrong}
                _, errors = tk.navl_validate(data, found, {})
                assert not _of_core(errors), (where, name, wrong)


def test_a_parameter_that_is_missing_is_asked_for(shared: City, db: None) -> None:
    with pytest.raises(tk.ValidationError) as refusal:
        shared.do(shared.cdo, "inventory_transition")
    assert refusal.value.error_dict == {
        "id": ["Say which one is meant: its number or its id is missing."],
        "transition": ["Say what is to be done, such as submit or approve."],
    }


def test_a_parameter_with_few_values_names_them(shared: City, db: None) -> None:
    with pytest.raises(tk.ValidationError) as refusal:
        shared.do(shared.cdo, "inventory_notice_settings_update", digest="hourly")
    assert refusal.value.error_dict == {"digest": ["This has to be one of: daily, never, weekly."]}
    with pytest.raises(tk.ValidationError) as refusal:
        shared.do(shared.cdo, "inventory_entry_list", limit=" x ")
    assert refusal.value.error_dict == {
        "limit": ["“limit” has to be a whole number from 0 to 2,147,483,647."]
    }


@pytest.mark.parametrize(
    ("action", "arguments", "key", "allowed"),
    [
        ("inventory_transition", {"transition": "fly"}, "transition", "submit"),
        ("inventory_review_record", {"kind": "x", "outcome": "passed"}, "kind", "privacy"),
        ("inventory_review_record", {"kind": "privacy", "outcome": "x"}, "outcome", "failed"),
        ("inventory_mark", {"field": "colour", "value": "x"}, "field", "triage"),
        ("inventory_mark", {"field": "triage", "value": "x"}, "value", "later"),
        ("inventory_mark", {"field": "in_directory", "value": "x"}, "value", "True"),
        ("inventory_classification_confirm", {"classification": "x"}, "classification", "public"),
    ],
)
def test_what_is_allowed_is_named(
    shared: City, db: None, action: str, arguments: dict[str, str], key: str, allowed: str
) -> None:
    entry = shared.submitted()
    with pytest.raises(tk.ValidationError) as refusal:
        shared.do(shared.cdo, action, id=entry["id"], ids=[entry["id"]], **arguments)
    [sentence] = refusal.value.error_dict[key]
    assert sentence.startswith("This has to be one of: ")
    assert allowed in sentence
