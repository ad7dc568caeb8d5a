"""Another CKAN as the source: a real one, in a process of its own, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.tests import factories

from ckanext.inventory.harvesters import ckan_portal
from tests.ckan_fixtures import Site, served_ckan
from tests.harvest.conftest import Catalogue
from tests.harvest.harvesting import entries, errors, run, source, states
from tests.logic.city import City, make_city
from tests.support import make_organization


@pytest.fixture(scope="module")
def portal(harvest_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a CKAN process on the tests' database."""
    with served_ckan(tmp_path_factory.mktemp("portal")) as url:
        yield url


@pytest.fixture
def city(really: None) -> City:
    return make_city()


@pytest.fixture
def publisher(city: City) -> model.Group:
    """An organization of the portal that is no department here."""
    return make_organization("county-parks", "County Parks")


def dataset(owner: model.Group, number: int, **fields: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": f"playgrounds-{number}",
        "title": f"Playgrounds {number}",
        "owner_org": owner.id,
        "notes": "All playgrounds with their swings.",
        "maintainer": "Playground desk",
        "maintainer_email": "playgrounds@county.example",
        "tags": [{"name": "swings"}, {"name": "parks"}],
        "extras": [
            {"key": "accrualPeriodicity", "value": "R/P1Y"},
            {"key": "theme", "value": "Culture and recreation"},
        ],
        "resources": [{"url": "https://data.county.example/p.csv", "format": "CSV"}],
        **fields,
    }
    return factories.Dataset(**values)


WANTED = {"departments": {"County Parks": "PARKS"}}


def test_public_datasets_become_candidates(city: City, publisher: model.Group, portal: str) -> None:
    dataset(publisher, 1)
    dataset(publisher, 2, private=True)
    city.entry(title="An entry, which is no dataset")
    harvest = source(city, f"{portal}/", WANTED)
    assert run(harvest) == {"added": 1}
    content = city.do(city.coordinator, "inventory_entry_show", id="PARKS-0002")["content"]
    assert content.pop("external_id")
    assert content.pop("source_date_published").startswith("20")
    assert content == {
        "title": "Playgrounds 1",
        "owner_org": city.parks.id,
        "notes": "All playgrounds with their swings.",
        "keywords": ["parks", "swings"],
        "category": "culture_and_recreation",
        "public_contact_name": "Playground desk",
        "public_contact_email": "playgrounds@county.example",
        "change_frequency": "yearly",
        "format": ["csv_or_text"],
        "existing_publication": ["open_data_portal"],
        "existing_publication_url": [f"{portal}/dataset/playgrounds-1"],
        "blocker_status": "none",
        "external_id_origin": "Larkhaven open data",
    }


def test_a_second_run_does_nothing_and_reads_no_record(
    city: City, publisher: model.Group, portal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        dataset(publisher, number)
    harvest = source(city, portal, WANTED)
    assert run(harvest) == {"added": 5}
    before = states()

    def read_none(*args: Any) -> Any:
        raise AssertionError("a record was read")

    monkeypatch.setattr(ckan_portal, "_record", read_none)
    assert run(harvest) == {"not modified": 5}
    assert states() == before


def test_changes_upstream_follow_and_what_is_edited_stays(
    city: City, publisher: model.Group, portal: str
) -> None:
    made = [dataset(publisher, number) for number in range(4)]
    harvest = source(city, portal, WANTED)
    run(harvest)
    edited = next(row for row in entries() if row.title == "Playgrounds 1")
    city.do(city.coordinator, "inventory_entry_patch", id=edited.number, title="Our words")
    site = {"ignore_auth": True, "user": city.sysadmin.name}
    for number in (0, 1):
        tk.get_action("package_patch")(
            dict(site), {"id": made[number]["id"], "title": f"Changed {number}"}
        )
    tk.get_action("package_delete")(dict(site), {"id": made[2]["id"]})
    dataset(publisher, 9)
    assert run(harvest) == {"added": 1, "updated": 1, "deleted": 1, "not modified": 2}
    assert {row.title for row in entries()} == {
        "Changed 0",
        "Our words",
        "Playgrounds 3",
        "Playgrounds 9",
    }
    assert run(harvest) == {"not modified": 4}


@pytest.mark.parametrize("few", [2, 40])
def test_a_portal_is_read_page_by_page(
    city: City,
    publisher: model.Group,
    portal: str,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
) -> None:
    monkeypatch.setattr(ckan_portal, "LISTED", 5)
    monkeypatch.setattr(ckan_portal, "READ", 4)
    monkeypatch.setattr(ckan_portal, "FEW", few)
    for number in range(13):
        dataset(publisher, number)
    harvest = source(city, portal, WANTED)
    assert run(harvest) == {"added": 13}
    assert run(harvest) == {"not modified": 13}


def test_a_filter_narrows_what_is_harvested(
    city: City, publisher: model.Group, portal: str
) -> None:
    other = make_organization("county-roads", "County Roads")
    dataset(publisher, 1)
    dataset(other, 2)
    wanted = {"default_department": "WATER", "filter": "organization:county-roads"}
    harvest = source(city, portal, wanted)
    assert run(harvest) == {"added": 1}
    assert [row.title for row in entries()] == ["Playgrounds 2"]
    assert run(harvest) == {"not modified": 1}


def test_what_is_published_from_here_is_no_candidate(city: City, portal: str) -> None:
    """The city's own portal as a source: a dataset with an entry brings no second one."""
    made = dataset(city.parks, 1)
    city.do(city.cdo, "inventory_take_over_portal", all=True)
    city.do(city.sysadmin, "package_patch", id=made["id"], title="Called otherwise by now")
    harvest = source(city, portal, {"default_department": "PARKS"})
    assert run(harvest) == {"not modified": 1}
    assert len(entries()) == 1


def test_a_page_that_is_no_portal_is_one_error(city: City, catalogue: Catalogue) -> None:
    for body in ("<html>", "{}", '{"result": {"results": {}, "count": 1}}', '{"result": []}'):
        name = f"source-{len(body)}"
        catalogue.put(f"/{name}/api/3/action/package_search", body)
        harvest = source(city, f"{catalogue.url}/{name}", WANTED, name=name)
        assert run(harvest) == {"errored": 1}
        assert len(errors(harvest)) == 1


def test_a_portal_that_lists_whole_records_anyway_is_read_once(
    city: City, catalogue: Catalogue
) -> None:
    """An older CKAN doesn't know that only some fields are asked for."""
    results = [
        {"id": f"i{number}", "name": f"n{number}", "title": f"T {number}", "metadata_modified": "1"}
        for number in range(3)
    ]
    answer = {"success": True, "result": {"count": 3, "results": results}}
    catalogue.put("/api/3/action/package_search", answer)
    harvest = source(city, catalogue.url, {"default_department": "PARKS"})
    assert run(harvest) == {"added": 3}
    assert len(catalogue.asked) == 1
    assert run(harvest) == {"not modified": 3}


def test_a_portal_that_shrinks_while_it_is_read_removes_nothing(
    city: City, catalogue: Catalogue
) -> None:
    results = [{"id": "i1", "name": "n1", "title": "T", "metadata_modified": "1"}]
    answer = {"result": {"count": 1, "results": results}}
    catalogue.put("/api/3/action/package_search", answer)
    harvest = source(city, catalogue.url, {"default_department": "PARKS"})
    run(harvest)
    before = states()
    catalogue.put("/api/3/action/package_search", {"result": {"count": 5, "results": []}})
    assert run(harvest) == {"errored": 1}
    assert "changed while it was read" in errors(harvest)[0]
    assert states() == before
