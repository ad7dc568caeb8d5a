"""A city's own files in place of the shipped ones."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import yaml
from ckan.exceptions import CkanConfigurationException
from ckanext.scheming.plugins import SchemingDatasetsPlugin, _expand_schemas

from ckanext.inventory import vocabularies
from ckanext.inventory.fields import SchemaProblem, problems_at_start, schema_for
from ckanext.inventory.service import startup
from ckanext.inventory.types import ENTRY, SOURCE

pytestmark = pytest.mark.usefixtures("with_plugins")

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def city_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Let scheming load a changed copy of the schema of entries."""

    def use(change: Change) -> str:
        raw = copy.deepcopy(SchemingDatasetsPlugin.instance._schemas[ENTRY])
        change(raw)
        path = tmp_path / "city.yaml"
        path.write_text(yaml.safe_dump(raw), "utf-8")
        loaded = dict(SchemingDatasetsPlugin.instance._expanded_schemas)
        loaded |= _expand_schemas({ENTRY: yaml.safe_load(path.read_text("utf-8"))})
        monkeypatch.setattr(SchemingDatasetsPlugin.instance, "_expanded_schemas", loaded)
        listed = str(tk.config["scheming.dataset_schemas"])
        named = listed.replace("ckanext.inventory:schemas/inventory_entry.yaml", path.as_uri())
        monkeypatch.setitem(tk.config, "scheming.dataset_schemas", named)
        return path.as_uri()

    return use


@pytest.fixture
def city_lists(tmp_path: Path):
    """Put a changed copy of the vocabularies in force."""

    def use(change: Change) -> str:
        raw = yaml.safe_load(vocabularies.resolve(vocabularies.DEFAULT_PATH).read_text("utf-8"))
        change(raw)
        path = tmp_path / "lists.yaml"
        path.write_text(yaml.safe_dump(raw), "utf-8")
        vocabularies.use(str(path))
        return str(path)

    yield use
    vocabularies.use(None)


def drop(name: str) -> Change:
    def change(raw: dict[str, Any]) -> None:
        raw["dataset_fields"] = [f for f in raw["dataset_fields"] if f["field_name"] != name]

    return change


def test_the_shipped_files_are_sound():
    assert problems_at_start() == []
    assert schema_for(ENTRY) is schema_for(ENTRY)
    assert schema_for(SOURCE).package_type == SOURCE


def test_a_city_may_drop_a_field(city_schema: Any):
    city_schema(drop("retention"))
    assert problems_at_start() == []
    assert "retention" not in schema_for(ENTRY).fields


def test_a_broken_schema_is_refused_with_file_and_field(city_schema: Any):
    path = city_schema(drop("private"))
    (problem,) = problems_at_start()
    assert (problem.file, problem.field) == (path, "private")
    with pytest.raises(SchemaProblem, match="private"):
        schema_for(ENTRY)
    with pytest.raises(CkanConfigurationException) as caught:
        startup.refuse_unsafe_settings()
    assert path in str(caught.value)
    assert "private" in str(caught.value)


def test_a_loosened_lock_is_refused(city_schema: Any):
    def loosen(raw: dict[str, Any]) -> None:
        for item in raw["dataset_fields"]:
            if item["field_name"] == "private":
                item["validators"] = "boolean_validator"

    city_schema(loosen)
    assert [problem.field for problem in problems_at_start()] == ["private"]


def test_a_type_without_a_schema_is_refused(monkeypatch: pytest.MonkeyPatch):
    loaded = dict(SchemingDatasetsPlugin.instance._expanded_schemas)
    del loaded[SOURCE]
    monkeypatch.setattr(SchemingDatasetsPlugin.instance, "_expanded_schemas", loaded)
    (problem,) = problems_at_start()
    assert problem.field == SOURCE
    with pytest.raises(SchemaProblem, match=r"add ckanext\.inventory:schemas"):
        schema_for(SOURCE)


def test_a_city_changes_a_list_in_one_file(city_lists: Any):
    def change(raw: dict[str, Any]) -> None:
        raw["lists"]["category"] = [{"value": "water", "label": "Water"}]

    city_lists(change)
    assert problems_at_start() == []
    assert [c.value for c in schema_for(ENTRY).fields["category"].choices] == ["water"]
    assert tk.h.scheming_field_choices(
        {"choices_helper": "inventory_choices", "inventory_vocabulary": "category"}
    ) == [{"value": "water", "label": "Water"}]


def test_broken_lists_are_refused_with_file_and_key(city_lists: Any):
    path = city_lists(lambda raw: raw["lists"].pop("format"))
    (problem,) = problems_at_start()
    assert (problem.file, problem.field) == (path, "lists.format")
    with pytest.raises(CkanConfigurationException, match=r"lists\.format"):
        startup.refuse_unsafe_settings()
