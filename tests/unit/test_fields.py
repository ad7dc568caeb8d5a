from __future__ import annotations

import copy
import dataclasses
import random
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ckanext.inventory.fields import (
    KINDS,
    Schema,
    SchemaProblem,
    canonical_json,
    check_rules,
    check_schema,
    content_of,
    diff,
    display,
    material_hash,
    parse_schema,
)
from ckanext.inventory.types import ENTRY, SOURCE, Stage, Writer
from ckanext.inventory.vocabularies import LikelihoodRule, load, resolve

WORDS = load()
SHIPPED: dict[str, dict[str, Any]] = {
    name: yaml.safe_load(resolve(f"ckanext.inventory:schemas/{name}.yaml").read_text("utf-8"))
    for name in (ENTRY, SOURCE)
}
PRESETS = yaml.safe_load(resolve("ckanext.inventory:schemas/presets.yaml").read_text("utf-8"))
ENTRIES = parse_schema(SHIPPED[ENTRY], WORDS)
SOURCES = parse_schema(SHIPPED[SOURCE], WORDS)


def expanded(raw: dict[str, Any]) -> dict[str, Any]:
    """Fill presets in as scheming does."""
    presets = {preset["preset_name"]: preset["values"] for preset in PRESETS["presets"]}

    def fill(item: dict[str, Any]) -> dict[str, Any]:
        whole = dict(presets[item["preset"]], **item)
        if "repeating_subfields" in whole:
            whole["repeating_subfields"] = [fill(sub) for sub in whole["repeating_subfields"]]
        return whole

    return dict(raw, dataset_fields=[fill(item) for item in raw["dataset_fields"]])


# --- the shipped fields


def names(schema: Schema, **wanted: Any) -> set[str]:
    return {
        name
        for name, spec in schema.fields.items()
        if all(getattr(spec, key) == value for key, value in wanted.items())
    }


@pytest.mark.parametrize("name", [ENTRY, SOURCE])
def test_the_shipped_schemas_are_sound_with_presets_filled_in_or_not(name: str):
    assert check_schema(SHIPPED[name], WORDS) == []
    assert check_schema(expanded(SHIPPED[name]), WORDS) == []
    assert parse_schema(expanded(SHIPPED[name]), WORDS) == parse_schema(SHIPPED[name], WORDS)


def test_every_kind_has_a_preset():
    presets = {preset["preset_name"].removeprefix("inventory_") for preset in PRESETS["presets"]}
    assert presets == KINDS | {"name", "private", "state"}


def test_locks_are_no_content():
    for schema in (ENTRIES, SOURCES):
        assert not {"name", "private", "state"} & set(schema.fields)


@pytest.mark.parametrize("schema", [ENTRIES, SOURCES])
def test_every_field_is_explained_in_plain_words(schema: Schema):
    labels = [spec.label for spec in schema.fields.values()]
    assert len(labels) == len(set(labels))
    for spec in [
        *schema.fields.values(),
        *(s for f in schema.fields.values() for s in f.subfields),
    ]:
        assert spec.help.endswith((".", "?")), spec.name
        assert "CKAN" not in spec.help


def test_stages():
    assert names(ENTRIES, stage=Stage.SAVE) == {"title", "owner_org"}
    assert names(ENTRIES, stage=Stage.SUBMIT) == {
        "notes", "source_ids", "source_known", "value", "blocker_status", "classification",
    }  # fmt: skip
    assert names(ENTRIES, stage=Stage.APPROVE) == {
        "category", "format", "change_frequency", "data_dictionary", "steward", "steward_email",
        "public_contact_name", "public_contact_email", "existing_etl", "existing_publication",
        "request_frequency", "quality_concern", "quality_notes", "release_blockers",
        "contains_sensitive_data", "sensitive_data_comments", "reviews_needed",
    }  # fmt: skip
    assert names(ENTRIES, stage=Stage.PROMOTE) == {"license_id"}
    assert names(SOURCES, stage=Stage.SUBMIT) == {
        "notes", "source_type", "yields", "it_expert", "it_expert_email", "business_expert",
        "business_expert_email", "planned_change", "lifecycle_status",
    }  # fmt: skip


def test_where_a_real_answer_is_needed():
    assert names(ENTRIES, real_value=True) == {
        "category", "value", "quality_concern", "blocker_status", "contains_sensitive_data",
        "reviews_needed",
    }  # fmt: skip


def test_public_fields():
    assert names(ENTRIES, public="yes") == {
        "title", "notes", "owner_org", "public_contact_name", "public_contact_email",
        "license_id",
    }  # fmt: skip
    assert names(ENTRIES, public="derived") == {
        "category", "keywords", "change_frequency", "earliest_records", "geographic_coverage",
        "language", "data_dictionary_url",
    }  # fmt: skip
    assert names(SOURCES, public="no") == set(SOURCES.fields)


def test_material_is_what_is_promoted_or_bears_on_release():
    promoted = names(ENTRIES, public="yes") | names(ENTRIES, public="derived")
    assert names(ENTRIES, material=True) == (promoted - {"owner_org"}) | {
        "classification", "blocker_status", "release_blockers", "contains_sensitive_data",
        "sensitive_data_comments", "quality_concern", "reviews_needed", "release_justification",
    }  # fmt: skip
    assert names(SOURCES, material=True) == set()


def test_writers():
    reviewer = names(ENTRIES, writers=frozenset({Writer.REVIEWER}))
    assert reviewer == {"release_justification", "license_id"}
    assert names(ENTRIES, writers=frozenset({Writer.SYSTEM})) == {"target_release_original"}
    assert names(ENTRIES, writers=frozenset({Writer.REVIEWER, Writer.SYSTEM})) == {"reviews_needed"}
    both = frozenset({Writer.DEPARTMENT, Writer.REVIEWER})
    assert names(ENTRIES, writers=both) == {
        "category", "public_contact_name", "public_contact_email", "value", "value_reason",
        "release_blockers", "target_release", "target_change_reason", "comments",
    }  # fmt: skip


def test_the_short_form_is_short():
    assert [spec.name for spec in ENTRIES.quick] == [
        "title", "owner_org", "notes", "source_ids", "system_of_record_note",
    ]  # fmt: skip


def test_every_field_stands_in_one_section():
    for schema in (ENTRIES, SOURCES):
        listed = [f.name for section in schema.sections for f in schema.in_section(section.name)]
        assert sorted(listed) == sorted(schema.fields)


def test_choices_come_from_the_vocabularies():
    category = ENTRIES.fields["category"]
    assert category.choices == WORDS.choices("category")
    assert category.label_of("finance") == "Finance"
    assert category.label_of("gone") == "gone"


# --- a city's own schema


@pytest.fixture
def raw() -> dict[str, Any]:
    return copy.deepcopy(SHIPPED[ENTRY])


def field(raw: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in raw["dataset_fields"] if item["field_name"] == name)


def drop(raw: dict[str, Any], name: str) -> None:
    raw["dataset_fields"].remove(field(raw, name))


def found(raw: dict[str, Any]) -> dict[str, str]:
    problems = check_schema(raw, WORDS, "city.yaml")
    assert {problem.file for problem in problems} <= {"city.yaml"}
    with pytest.raises(SchemaProblem) as caught:
        parse_schema(raw, WORDS, "city.yaml")
    assert str(caught.value) == "\n".join(map(str, problems))
    return {problem.field: problem.message for problem in problems}


def test_a_city_may_add_drop_and_rename(raw: dict[str, Any]):
    drop(raw, "retention")
    field(raw, "title")["label"] = {"en": "Title", "pt": "Título"}
    raw["dataset_fields"].append(
        {
            "field_name": "ward",
            "label": "Ward",
            "help_text": "Which ward.",
            "preset": "inventory_text",
            "inventory_stage": "none",
            "inventory_writers": ["department"],
            "inventory_material": False,
            "inventory_public": False,
            "inventory_section": "about",
        }
    )
    schema = parse_schema(raw, WORDS)
    assert schema.fields["title"].label == "Title"
    assert schema.fields["ward"].public == "no"
    assert "retention" not in schema.fields


@pytest.mark.parametrize(
    "name",
    ["name", "private", "state", "title", "owner_org", "notes", "classification",
     "blocker_status", "release_blockers", "license_id"],
)  # fmt: skip
def test_what_the_rules_ask_for_must_stay(raw: dict[str, Any], name: str):
    drop(raw, name)
    assert "is missing" in found(raw)[name]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("private", {"validators": "boolean_validator"}),
        ("private", {"create_validators": "ignore_missing"}),
        ("private", {"preset": "inventory_text"}),
        ("name", {"validators": "name_validator"}),
        ("name", {"create_validators": "inventory_new_name name_validator"}),
        ("state", {"validators": "ignore_missing"}),
    ],
)
def test_a_lock_must_not_be_loosened(raw: dict[str, Any], name: str, change: dict[str, str]):
    field(raw, name).update(change)
    assert name in found(raw)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("value", {"inventory_stage": "someday"}, "inventory_stage must be one of save"),
        ("value", {"inventory_stage": None}, "inventory_stage must be one of save"),
        ("value", {"inventory_writers": ["mayor"]}, "must list some of department"),
        ("value", {"inventory_writers": []}, "must list some of department"),
        ("value", {"inventory_material": "perhaps"}, "inventory_material must be true or false"),
        ("value", {"inventory_public": "partly"}, "inventory_public must be one of yes"),
        ("value", {"inventory_public": "yes"}, "inventory_material must be true"),
        ("value", {"inventory_vocabulary": "moods"}, "no vocabulary 'moods'"),
        ("value", {"inventory_vocabulary": None}, "needs inventory_vocabulary"),
        ("value", {"preset": "select"}, "preset must be one of"),
        ("value", {"label": ""}, "needs a label"),
        ("value", {"help_text": ""}, "needs a help_text"),
        ("value", {"inventory_section": "attic"}, "no section 'attic'"),
        ("value", {"validators": "ignore_missing"}, "must name inventory_value"),
        ("value", {"inventory_alternative": "nothing"}, "which is no field"),
        ("value", {"inventory_inherit": "steward"}, "no department default"),
        ("value", {"inventory_max_length": 40_000}, "up to 32000"),
        ("quality_notes", {"inventory_required_if": {"quality_concern": ["awful"]}}, "awful"),
        ("quality_notes", {"inventory_required_if": {"mood": ["bad"]}}, "which is no field"),
        ("quality_notes", {"inventory_required_if": "major"}, "must be {field: [values]}"),
        ("title", {"inventory_stage": "submit"}, "inventory_stage must be save"),
        ("classification", {"inventory_vocabulary": "category"}, "must be classification"),
        ("owner_org", {"validators": "owner_org_validator"}, "must name inventory_organization"),
        ("release_blockers", {"repeating_subfields": []}, "needs repeating_subfields"),
        ("comments", {"repeating_subfields": [{}]}, "inventory_rows"),
    ],
)
def test_a_word_that_nobody_knows_is_pointed_out(
    raw: dict[str, Any], name: str, change: dict[str, Any], message: str
):
    field(raw, name).update(change)
    assert message in found(raw)[name]


@pytest.mark.parametrize("name", ["kind", "rationale", "status", "status_reason"])
def test_blockers_keep_the_columns_they_are_judged_by(raw: dict[str, Any], name: str):
    columns = field(raw, "release_blockers")["repeating_subfields"]
    columns.remove(next(column for column in columns if column["field_name"] == name))
    assert "is missing" in found(raw)[f"release_blockers.{name}"]


@pytest.mark.parametrize("name", ["assignee", "visibility", "tags", "number", "resources"])
def test_what_grants_or_belongs_to_ckan_is_no_field(raw: dict[str, Any], name: str):
    raw["dataset_fields"].append(dict(field(raw, "comments"), field_name=name))
    assert name in found(raw)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("resource_fields", None),
        ("resource_fields", [{"field_name": "url"}]),
        ("before_validators", None),
        ("after_validators", "something_else"),
        ("dataset_fields", None),
        ("inventory_sections", None),
        ("dataset_type", "dataset"),
    ],
)
def test_the_frame_must_stay(raw: dict[str, Any], key: str, value: Any):
    raw[key] = value
    assert key in found(raw)


def test_a_field_stands_once_and_has_a_name(raw: dict[str, Any]):
    raw["dataset_fields"].append(dict(field(raw, "comments")))
    raw["dataset_fields"].append({"label": "Nameless"})
    raw["dataset_fields"].append(dict(field(raw, "comments"), field_name="Not A Name"))
    problems = found(raw)
    assert problems["comments"] == "stands twice"
    assert "no field" in problems["dataset_fields"]
    assert "lower-case" in problems["Not A Name"]


def test_a_source_is_never_public():
    raw = copy.deepcopy(SHIPPED[SOURCE])
    field(raw, "notes").update(inventory_public="yes", inventory_material=True)
    assert "never promoted" in found(raw)["notes"]


def test_problems_name_file_field_and_what_is_wrong(raw: dict[str, Any]):
    drop(raw, "title")
    (problem,) = check_schema(raw, WORDS, "city.yaml")
    assert str(problem).startswith("city.yaml, title: is missing")


def test_a_rule_must_ask_for_something_that_exists(raw: dict[str, Any]):
    drop(raw, "existing_etl")
    assert check_rules(raw, WORDS) == []
    rule = LikelihoodRule({"mood": frozenset({"bad"})}, "unlikely", "-", "Nobody is in the mood.")
    words = dataclasses.replace(WORDS, likelihood_rules=(*WORDS.likelihood_rules, rule))
    (problem,) = check_rules(raw, words)
    number = len(words.likelihood_rules)
    assert (problem.file, problem.field) == (words.path, f"likelihood.rules[{number}].when.mood")
    raw["dataset_fields"].append(dict(field(raw, "comments"), field_name="mood"))
    assert check_rules(raw, words) == []


# --- content


CONTENT: dict[str, Any] = {
    "title": "Street trees",
    "owner_org": "parks-id",
    "keywords": ["trees", "canopy"],
    "format": ["gis", "paper"],
    "requests_per_year": 12,
    "blocker_status": "some",
    "release_blockers": [
        {"kind": "privacy", "detail": ["personal_information"], "rationale": "Names of people."},
        {"kind": "effort", "status": "open"},
    ],
}


def test_content_is_the_same_from_every_form_of_a_package():
    shown = CONTENT | {"name": "x", "private": True, "number": "P-1", "notes": "", "comments": None}
    validated = {
        "title": "Street trees",
        "owner_org": "parks-id",
        "license_id": None,
        "extras": [
            {"key": "keywords", "value": '["trees", "canopy"]'},
            {"key": "format", "value": '["gis", "paper"]'},
            {"key": "requests_per_year", "value": "12"},
            {"key": "blocker_status", "value": "some"},
            {"key": "release_blockers", "value": canonical_json(CONTENT["release_blockers"])},
            {"key": "old_field", "value": "x"},
        ],
    }
    row = dict(validated, extras={item["key"]: item["value"] for item in validated["extras"]})
    for package in (CONTENT, shown, validated, row):
        assert content_of(ENTRIES, package) == CONTENT


def test_content_stands_in_the_order_of_the_schema():
    backwards = dict(reversed(CONTENT.items()))
    assert list(content_of(ENTRIES, backwards)) == list(content_of(ENTRIES, CONTENT))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), JSON), st.randoms())
def test_canonical_json_knows_no_order_of_keys(value: dict[str, Any], order: random.Random):
    items = list(value.items())
    order.shuffle(items)
    assert canonical_json(dict(items)) == canonical_json(value)


@given(JSON, JSON)
def test_canonical_json_tells_different_values_apart(one: Any, other: Any):
    def typed(value: Any) -> Any:
        """1 and True are equal in Python, not in JSON."""
        if isinstance(value, dict):
            return {key: typed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [typed(item) for item in value]
        return (type(value), value)

    assert (canonical_json(one) == canonical_json(other)) == (typed(one) == typed(other))


# --- material hash


@given(st.randoms())
def test_the_hash_knows_no_order(order: random.Random):
    items = list(CONTENT.items())
    order.shuffle(items)
    shuffled = dict(items)
    for name in ("format", "release_blockers"):
        shuffled[name] = order.sample(shuffled[name], k=len(shuffled[name]))
    assert material_hash(ENTRIES, shuffled) == material_hash(ENTRIES, CONTENT)
    assert diff(ENTRIES, CONTENT, shuffled) == []


@pytest.mark.parametrize("name", ENTRIES.fields)
def test_only_material_fields_count(name: str):
    changed = CONTENT | {name: _other(name)}
    differs = material_hash(ENTRIES, changed) != material_hash(ENTRIES, CONTENT)
    assert differs is ENTRIES.fields[name].material


def _other(name: str) -> Any:
    kind = ENTRIES.fields[name].kind
    if kind == "rows":
        return [{"kind": "legal"}]
    return ["other"] if kind in ("choices", "list", "language", "source_list") else "other"


def test_emptying_and_filling_again_gives_the_same_hash():
    for empty in (None, "", []):
        assert material_hash(ENTRIES, CONTENT | {"notes": empty}) == material_hash(ENTRIES, CONTENT)


def test_a_settled_blocker_is_a_material_change():
    rows = [dict(CONTENT["release_blockers"][0], status="resolved"), CONTENT["release_blockers"][1]]
    changed = CONTENT | {"release_blockers": rows}
    assert material_hash(ENTRIES, changed) != material_hash(ENTRIES, CONTENT)


# --- differences and display


def test_differences_have_labels_and_stand_in_order():
    new = CONTENT | {"title": "Trees", "value": "high", "format": []}
    changes = diff(ENTRIES, CONTENT, new)
    assert [(c.field, c.label, c.old, c.new) for c in changes] == [
        ("title", "Name", "Street trees", "Trees"),
        ("format", "Format", ["gis", "paper"], None),
        ("value", "Value", None, "high"),
    ]


def test_the_order_of_keywords_is_a_difference():
    changes = diff(ENTRIES, CONTENT, CONTENT | {"keywords": ["canopy", "trees"]})
    assert [change.field for change in changes] == ["keywords"]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("title", "Trees", "Trees"),
        ("value", "not_known_yet", "Not assessed yet"),
        ("value", "gone", "gone"),
        ("format", ["gis", "paper"], "Map data (GIS), Paper"),
        ("keywords", ["a", "b"], "a, b"),
        ("requests_per_year", 12, "12"),
        ("comments", None, ""),
        (
            "release_blockers",
            [{"kind": "privacy", "rationale": "Names."}, {"kind": "effort", "status": "open"}],
            "Kind: Privacy; Why: Names.\n"
            "Kind: Effort: redaction, extraction, system, staffing; Status: Open",
        ),
    ],
)
def test_values_are_shown_in_words(name: str, value: Any, text: str):
    assert display(ENTRIES.fields[name], value) == text
