"""A city's own map and dataset schema: refused at start when wrong, asked at promotion when right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import yaml

from ckanext.inventory import config
from ckanext.inventory.service import startup
from tests.logic.promoting import LINK, City, action, shown
from tests.support import make_user

MAP = {
    "dataset_type": "dataset",
    "keys": {
        "title": {"from": "title"},
        "notes": {"from": "notes"},
        "license_id": {"from": "license_id"},
        "author": {"value": "The City"},
        "extras.version": {"from": "change_frequency", "as": "label", "confirm": True},
    },
    "ask": [
        {
            "key": "url",
            "label": "Home page",
            "required": True,
            "choices": [{"value": "https://example.org/a", "label": "A"}],
        }
    ],
}


@pytest.fixture
def use_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(raw: Any) -> None:
        file = tmp_path / "map.yaml"
        file.write_text(yaml.safe_dump(raw), encoding="utf-8")
        monkeypatch.setitem(tk.config, config.MAPPING, str(file))

    return use


def test_wrong_map_is_refused_at_start(db: None, use_map: Any) -> None:
    use_map({"dataset_type": "dataset", "keys": {"notes": {"from": "comments"}}})
    found = [each for each in startup.check_settings() if each.name == "publishing_map"]
    assert len(found) == 2
    assert any("comments" in each.message and "map.yaml" in each.message for each in found)


def test_shipped_map_is_accepted_at_start(db: None) -> None:
    assert not [each for each in startup.check_settings() if each.name == "publishing_map"]


def test_what_the_city_needs_is_asked_and_validated(db: None, use_map: Any) -> None:
    use_map(MAP)
    city = City()
    entry = city.approved()
    preview = action("inventory_promotion_preview", city.cdo, id=entry)
    assert [(ask["key"], ask["required"]) for ask in preview["asks"]] == [
        ("version", False),
        ("url", True),
    ]
    for extra in ({}, {"url": "https://example.org/other"}):
        with pytest.raises(tk.ValidationError) as refused:
            city.promote(entry, resources=[LINK], extra=extra)
        assert "url" in refused.value.error_dict
    public = shown(city.promote(entry, extra={"url": "https://example.org/a"}).id)
    assert (public["url"], public["author"]) == ("https://example.org/a", "The City")
    assert public["version"] == "Every month", "the schema has that field, so it is no extra"
    assert public["extras"] == []


def test_the_targets_schema_is_validated_before_anything_is_written(db: None, use_map: Any) -> None:
    use_map(MAP)
    city = City()
    entry = city.approved()
    extra = {"url": "https://example.org/a", "version": "v" * 101, "author_email": "nobody"}
    with pytest.raises(tk.ValidationError) as refused:
        city.promote(entry, extra=extra)
    assert "version" in refused.value.error_dict
    assert action("inventory_entry_show", city.cdo, id=entry)["state"] == "approved"


def test_mapped_keys_are_no_inputs(db: None, use_map: Any) -> None:
    use_map(MAP)
    city = City()
    with pytest.raises(tk.ValidationError) as refused:
        city.promote(
            city.approved(), extra={"url": "https://example.org/a", "notes": "Not approved."}
        )
    assert "notes" in refused.value.error_dict


def test_groups_by_category(db: None, use_map: Any) -> None:
    groups = {"from": "category", "as": "groups", "values": {"energy_and_environment": "green"}}
    use_map({"dataset_type": "dataset", "keys": {"title": {"from": "title"}, "groups": groups}})
    city = City()
    entry = city.approved()
    with pytest.raises(tk.ValidationError) as refused:
        city.promote(entry)
    assert "green" in str(refused.value.error_dict["category"])
    admin = make_user(sysadmin=True)
    action("group_create", admin, name="green")
    action("group_create", admin, name="other")
    package = city.promote(entry)
    assert [group["name"] for group in shown(package.id)["groups"]] == ["green"]
    action("package_patch", admin, id=package.id, groups=[{"name": "green"}, {"name": "other"}])
    assert action("inventory_drift", city.cdo, id=entry)["differences"] == []
    city.go(entry, "promote", publication={})
    assert sorted(g["name"] for g in shown(package.id)["groups"]) == ["green", "other"]


def test_what_the_index_refuses_is_refused_before(db: None) -> None:
    city = City()
    with pytest.raises(tk.ValidationError) as refused:
        city.promote(city.approved(geographic_coverage="ü" * 20_000))
    assert "geographic_coverage" in refused.value.error_dict
