"""Where people see what a harvest brought."""

from __future__ import annotations

import pytest
from ckan.tests.helpers import CKANTestApp

from tests.harvest.conftest import Catalogue, record
from tests.harvest.harvesting import entries, run, source
from tests.logic.city import City
from tests.support import headers


@pytest.fixture
def harvest(city: City, catalogue: Catalogue) -> str:
    """Two candidates of a catalogue, and an entry of our own."""
    made = source(city, catalogue.datasets(record(1), record(2)))
    run(made)
    city.entry(title="An entry of our own")
    return made


def test_the_list_narrows_to_what_a_harvest_brought(
    city: City, harvest: str, client: CKANTestApp
) -> None:
    sent = headers(city.coordinator)
    page = client.get("/inventory/entries", headers=sent).body
    assert "Brought by harvest" in page
    assert "Gone from their catalogue" not in page
    page = client.get("/inventory/entries?attention=harvested", headers=sent).body
    assert "Street trees 1" in page
    assert "An entry of our own" not in page
    found = city.do(city.coordinator, "inventory_entry_list", attention="harvested")
    assert found["count"] == 2
    assert found["views"]["harvested"] == 2


def test_a_cdo_counts_them_by_department(city: City, harvest: str) -> None:
    found = city.do(city.cdo, "inventory_entry_list", attention="harvested")
    assert [(item["value"], item["count"]) for item in found["facets"]["department"]] == [
        (city.parks.id, 2)
    ]
    assert city.do(city.neighbour, "inventory_entry_list", attention="harvested")["count"] == 0


def test_an_entry_says_where_it_comes_from(city: City, harvest: str, client: CKANTestApp) -> None:
    page = client.get("/inventory/entries/PARKS-0001", headers=headers(city.coordinator)).body
    assert "Brought by harvest from “Larkhaven open data”" in page
    assert "brought it from another catalogue" in page
    page = client.get("/inventory/entries/PARKS-0003", headers=headers(city.coordinator)).body
    assert "Brought by harvest" not in page


def test_an_entry_says_that_its_catalogue_changed_it_or_lost_it(
    city: City, harvest: str, client: CKANTestApp, catalogue: Catalogue
) -> None:
    for row in entries()[:2]:
        city.do(city.coordinator, "inventory_entry_patch", id=row.number, value="high")
    catalogue.datasets(record(1, title="Changed there"))
    assert run(harvest) == {"not modified": 2}
    sent = headers(city.coordinator)
    page = client.get("/inventory/entries/PARKS-0001", headers=sent).body
    assert "nothing was changed here" in page
    page = client.get("/inventory/entries/PARKS-0002", headers=sent).body
    assert "it is no longer in that catalogue" in page
    page = client.get("/inventory/entries?attention=gone", headers=sent).body
    assert "Gone from their catalogue" in page
    assert "Street trees 2" in page
    assert "Street trees 1" not in page
    catalogue.datasets(record(1), record(2))
    run(harvest)
    assert city.do(city.coordinator, "inventory_entry_list", attention="gone")["count"] == 0
    assert city.do(city.coordinator, "inventory_entry_list", attention="harvested")["count"] == 2
