"""Sources: the reduced table, sharing, and the entries that come from them."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest

from tests.logic.city import City, make_city

ENOUGH: dict[str, Any] = {
    "notes": "Keeps every tree.",
    "source_type": "database",
    "planned_change": "none",
    "it_expert": "GIS team",
    "business_expert": "Urban forestry",
    "yields": "several",
    "lifecycle_status": "in_use",
}


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def _source(city: City, **fields: Any) -> dict[str, Any]:
    return city.do(
        city.coordinator,
        "inventory_source_create",
        title="Tree inventory",
        owner_org=city.parks.id,
        **fields,
    )


def test_complete_return_and_complete_again(city: City) -> None:
    source = _source(city, **ENOUGH)
    city.step(city.coordinator, source, "submit")
    city.step(city.cdo, source, "return", comment="Which server?")
    assert city.state(source) == "returned"
    city.step(city.coordinator, source, "submit")
    assert city.state(source) == "submitted"


def test_what_is_missing_is_said_at_once(city: City) -> None:
    with pytest.raises(tk.ValidationError) as refusal:
        city.step(city.coordinator, _source(city), "submit")
    assert set(ENOUGH) <= set(refusal.value.error_dict)


def test_editing_leaves_the_state(city: City) -> None:
    source = _source(city, **ENOUGH)
    city.step(city.coordinator, source, "submit")
    city.do(city.coordinator, "package_patch", id=source["id"], hosting="city_server")
    assert city.state(source) == "submitted"


def test_a_source_is_never_approved(city: City) -> None:
    with pytest.raises(tk.ValidationError) as refusal:
        city.step(city.cdo, _source(city, **ENOUGH), "approve")
    assert "transition" in refusal.value.error_dict


def test_it_shows_the_entries_that_come_from_it(city: City) -> None:
    source = _source(city)
    entry = city.entry(source_ids=[source["id"]])
    shown = city.do(city.coordinator, "inventory_source_show", id=source["number"])
    assert [row["number"] for row in shown["entries"]] == [entry["number"]]
    listed = city.do(city.coordinator, "inventory_entry_show", id=entry["number"])
    assert listed["sources"] == [
        {"id": source["id"], "number": "PARKS-S001", "title": "Tree inventory"}
    ]
    assert listed["content"]["source_known"] == "linked"


def test_sharing_is_an_action_for_sources_only(city: City) -> None:
    source, entry = _source(city), city.entry()
    city.do(city.coordinator, "inventory_mark", ids=[source["id"]], field="shared", value=True)
    with pytest.raises(tk.ValidationError):
        city.do(city.coordinator, "inventory_mark", ids=[entry["id"]], field="shared", value=True)


def test_another_departments_source_can_be_linked_when_it_is_shared(city: City) -> None:
    source = _source(city)
    other = city.entry(city.neighbour, owner_org=city.water.id, title="Hydrants")
    with pytest.raises(tk.ValidationError) as refusal:
        city.do(city.neighbour, "package_patch", id=other["id"], source_ids=[source["id"]])
    assert "source_ids" in refusal.value.error_dict
    city.do(city.coordinator, "inventory_mark", ids=[source["id"]], field="shared", value=True)
    city.do(city.neighbour, "package_patch", id=other["id"], source_ids=[source["id"]])
    with pytest.raises(tk.ObjectNotFound):
        city.do(city.neighbour, "inventory_source_show", id=source["id"])


def test_an_assignee_links_a_shared_source_too(city: City) -> None:
    source = _source(city)
    city.do(city.coordinator, "inventory_mark", ids=[source["id"]], field="shared", value=True)
    other = city.entry(city.neighbour, owner_org=city.water.id, title="Hydrants")
    city.do(city.neighbour, "inventory_assign", ids=[other["id"]], user=city.editor.name)
    linked = city.do(city.editor, "package_patch", id=other["id"], source_ids=[source["id"]])
    assert linked["source_ids"] == [source["id"]]
