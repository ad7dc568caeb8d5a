"""The map from entry fields to keys of the public dataset."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ckanext.inventory import fields, vocabularies
from ckanext.inventory.fields import Schema
from ckanext.inventory.publishing import mapping
from ckanext.inventory.types import NOT_KNOWN


@cache
def schema() -> Schema:
    path = vocabularies.resolve("ckanext.inventory:schemas/inventory_entry.yaml")
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    return fields.parse_schema(raw, vocabularies.load())


@cache
def shipped() -> mapping.PublishingMap:
    return mapping.current(schema())


def a_map(**keys: Any) -> dict[str, Any]:
    return {"dataset_type": "dataset", "keys": {"title": {"from": "title"}} | keys}


def problems_of(raw: Any) -> dict[str, str]:
    return {each.field: each.message for each in mapping.check_mapping(raw, schema(), "map.yaml")}


def build(content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return mapping.build(shipped(), schema(), content, more.pop("inherited", {}), **more)


class TestCheck:
    def test_shipped_map_is_sound(self) -> None:
        assert shipped().dataset_type == "dataset"

    @pytest.mark.parametrize(
        "name", [name for name, spec in schema().fields.items() if spec.public == "no"]
    )
    def test_l40_refuses_every_private_field(self, name: str) -> None:
        assert "isn't public" in problems_of(a_map(notes={"from": name}))["notes"]

    @pytest.mark.parametrize("key", sorted(mapping.KEPT))
    def test_p5_refuses_what_the_act_sets(self, key: str) -> None:
        assert key in problems_of(a_map(**{key: {"value": "x"}}))
        assert f"extras.{key}" in problems_of(a_map(**{f"extras.{key}": {"value": "x"}}))

    @pytest.mark.parametrize(
        ("raw", "field"),
        [
            (None, ""),
            ([], ""),
            ({}, "keys"),
            ({"dataset_type": "dataset", "keys": {}}, "title"),
            ({"dataset_type": "inventory_entry", "keys": {}}, "dataset_type"),
            (a_map() | {"more": 1}, "more"),
            (a_map(notes="title"), "notes"),
            (a_map(notes={}), "notes"),
            (a_map(notes={"from": "notes", "value": "x"}), "notes"),
            (a_map(notes={"from": "no_such_field"}), "notes"),
            (a_map(notes={"from": "notes", "as": "html"}), "notes"),
            (a_map(notes={"from": "keywords", "as": "tags"}), "notes"),
            (a_map(tags={"from": "keywords"}), "tags"),
            (a_map(groups={"from": "category", "as": "tags"}), "groups"),
            (a_map(notes={"from": "notes", "if": "sunday"}), "notes"),
            (a_map(notes={"from": "notes", "form": "x"}), "notes"),
            (a_map(notes={"from": "owner_org"}), "notes"),
            (a_map(notes={"from": "notes", "values": ["x"]}), "notes"),
            (a_map(notes={"from": "notes", "omit": "x"}), "notes"),
            (a_map(**{"extras.title": {"value": "x"}}), "title"),
            (a_map() | {"ask": {"key": "x"}}, "ask"),
            (a_map() | {"ask": [{"key": "x"}]}, "ask"),
            (a_map() | {"ask": [{"key": "title", "label": "T"}]}, "ask.title"),
            (a_map() | {"ask": [{"key": "private", "label": "P"}]}, "ask.private"),
            (a_map() | {"ask": [{"key": "x", "label": "X", "choices": ["y"]}]}, "ask.x"),
        ],
    )
    def test_says_what_is_wrong_and_where(self, raw: Any, field: str) -> None:
        assert field in problems_of(raw)

    def test_says_everything_at_once(self) -> None:
        raw = a_map(notes={"from": "comments"}, private={"value": False}, tags={"from": "nope"})
        assert {"notes", "private", "tags"} <= set(problems_of(raw))

    def test_unreadable_file(self, tmp_path: Any) -> None:
        broken = tmp_path / "map.yaml"
        broken.write_text("keys: [", encoding="utf-8")
        with pytest.raises(mapping.MappingProblem) as refused:
            mapping.current(schema(), str(broken))
        assert str(broken) in str(refused.value)
        with pytest.raises(mapping.MappingProblem):
            mapping.current(schema(), str(tmp_path / "none.yaml"))

    def test_other_file(self, tmp_path: Any) -> None:
        other = tmp_path / "map.yaml"
        other.write_text(yaml.safe_dump(a_map(author={"value": "The City"})), encoding="utf-8")
        found = mapping.current(schema(), str(other))
        assert mapping.build(found, schema(), {"title": "T"}, {}) == {
            "title": "T",
            "author": "The City",
        }


class TestBuild:
    def test_only_mapped_fields(self) -> None:
        everything = {name: "secret" for name in schema().fields if name != "title"}
        built = build(everything | {"title": "T", "keywords": ["a tag"], "language": ["en"]})
        assert set(built) <= {rule.key for rule in shipped().rules}
        assert "extras.data_dictionary" not in built

    def test_not_known_and_empty_do_not_go_out(self) -> None:
        built = build({"title": "T", "category": NOT_KNOWN, "change_frequency": NOT_KNOWN})
        assert built == {"title": "T"}

    def test_own_value_before_inherited(self) -> None:
        inherited = {"license_id": "cc-by", "public_contact_name": "Desk"}
        built = build({"title": "T", "license_id": "cc-zero"}, inherited=inherited)
        assert (built["license_id"], built["maintainer"]) == ("cc-zero", "Desk")

    def test_labels_and_confirmation(self) -> None:
        content = {"title": "T", "change_frequency": "monthly", "category": "other"}
        assert build(content)["extras.update_frequency"] == "Every month"
        assert "extras.theme" not in build(content)
        confirmed = {"update_frequency": "Every week", "title": "Another"}
        built = build(content, confirmed=confirmed)
        assert (built["extras.update_frequency"], built["title"]) == ("Every week", "T")

    def test_condition(self) -> None:
        content = {"title": "T", "data_dictionary_url": "https://example.org/d"}
        ticked = frozenset({"data_dictionary_public"})
        assert build(content, ticked=ticked)["extras.data_dictionary"] == "https://example.org/d"

    def test_groups_values_default_and_list(self) -> None:
        raw = a_map(
            groups={"from": "category", "as": "groups", "values": {"health": "health-group"}},
            author={"from": "geographic_coverage", "default": "Everywhere"},
            languages={"from": "language", "as": "list"},
        )
        found = mapping.parse_mapping(raw, schema())
        content = {"title": "T", "category": "health", "language": ["en", "fr"]}
        assert mapping.build(found, schema(), content, {}) == {
            "title": "T",
            "groups": ["health-group"],
            "author": "Everywhere",
            "languages": ["en", "fr"],
        }
        unmapped = mapping.build(found, schema(), {"title": "T", "category": "finance"}, {})
        assert "groups" not in unmapped

    def test_label_of_keys(self) -> None:
        assert mapping.label_of(shipped(), schema(), "notes") == "Description"
        assert mapping.label_of(shipped(), schema(), "extras.some_key") == "Some key"


class TestTags:
    @given(st.lists(st.text(max_size=300), max_size=8))
    def test_core_takes_every_tag(self, words: list[str]) -> None:
        tags = mapping.tags_from(words)
        assert len({tag.casefold() for tag in tags}) == len(tags)
        for tag in tags:
            assert 2 <= len(tag) <= 100
            assert re.fullmatch(r"[\w \-.]*", tag)
            assert tag == tag.strip()

    def test_examples(self) -> None:
        words = ["Trees", "trees", "Parks & gardens", "C++", "x", "a/b,c", "  ", "éclairage"]
        assert mapping.tags_from(words) == ["Trees", "Parks gardens", "a b c", "éclairage"]
