"""The city directory: found by everybody with a role, without a trace of what isn't in it."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import CKANTestApp

from ckanext.inventory.service import directory
from ckanext.inventory.types import Role
from tests.logic.city import ENOUGH_TO_APPROVE, City, make_city
from tests.support import grant, headers, make_user

KEYS = {"number", "title", "description", "department", "sources", "ask", "may_open"}


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def search(city: City, user: Any = None, /, **query: Any) -> dict[str, Any]:
    """Search as the coordinator of another department."""
    return city.do(user or city.neighbour, "inventory_directory", **query)


def numbers(city: City, user: Any = None, /, **query: Any) -> list[str]:
    return [row["number"] for row in search(city, user, **query)["results"]]


def listed(city: City, **fields: Any) -> dict[str, Any]:
    return city.entry(**{**ENOUGH_TO_APPROVE, **fields})


def test_another_department_finds_what_it_is_and_whom_to_ask(city: City) -> None:
    source = city.do(
        city.coordinator, "inventory_source_create", title="Tree base", owner_org=city.parks.id
    )
    listed(
        city,
        source_ids=[source["id"]],
        source_known="linked",
        steward="Urban forestry",
        steward_email="trees@larkhaven.example",
    )
    found = search(city, q="plants")
    assert found["count"] == 1
    [row] = found["results"]
    assert set(row) == KEYS == {*directory.FIELDS, "may_open"}
    assert row == {
        "number": "PARKS-0001",
        "title": "Street and park trees",
        "description": "Every tree the city plants, one row per tree.",
        "department": {"name": city.parks.name, "title": "Parks"},
        "sources": ["Tree base"],
        "ask": {
            "name": "Urban forestry",
            "email": "trees@larkhaven.example",
            "coordinators": ["Parks Coordinator"],
        },
        "may_open": False,
    }
    with pytest.raises(tk.ObjectNotFound):
        city.do(city.neighbour, "inventory_entry_show", id="PARKS-0001")
    assert search(city, city.coordinator)["results"][0]["may_open"]


class TestAbsent:
    """Source: leak contract, "City directory": absent, as if it didn't exist."""

    def test_nothing_tells_that_it_exists(self, city: City) -> None:
        listed(city)
        before = search(city)
        levels = [
            level.value
            for level in directory.vocabularies.load().levels.values()
            if not level.in_directory
        ]
        assert len(levels) >= 2
        made = [listed(city, title="Wells", classification=level) for level in levels]
        made.append(listed(city, title="Wells", classification="not_known_yet"))
        unclassified = {k: v for k, v in ENOUGH_TO_APPROVE.items() if k != "classification"}
        made.append(city.entry(title="Wells", **unclassified))
        out = listed(city, title="Wells")
        city.do(
            city.coordinator, "inventory_mark", ids=[out["id"]], field="in_directory", value=False
        )
        restricted = listed(city, title="Wells")
        city.do(
            city.coordinator,
            "inventory_mark",
            ids=[restricted["id"]],
            field="visibility",
            value="department_and_cdo_only",
        )
        retired = listed(city, title="Wells")
        city.step(
            city.coordinator, retired, "retire", retire_reason="no_longer_kept", comment="Gone"
        )
        deleted = listed(city, title="Wells")
        city.do(city.coordinator, "package_delete", id=deleted["id"])
        assert len(made) >= 4
        assert search(city) == before
        for query in ({"q": "wells"}, {"q": "Welsl"}, {"q": "PARKS-0002"}, {"source": "wells"}):
            assert search(city, **query) == {"count": 0, "results": [], "departments": []}
        assert numbers(city, city.viewer) == ["PARKS-0001"]
        assert numbers(city, city.cdo) == ["PARKS-0001"]

    def test_the_stricter_of_two_classifications_counts(self, city: City) -> None:
        entry = city.submitted()
        assert numbers(city) == ["PARKS-0001"]
        level = next(
            level.value
            for level in directory.vocabularies.load().levels.values()
            if not level.in_directory and level.value != "not_known_yet"
        )
        city.do(
            city.cdo, "inventory_classification_confirm", ids=[entry["id"]], classification=level
        )
        assert numbers(city) == []

    def test_it_comes_back(self, city: City) -> None:
        entry = listed(city)
        for value, expected in ((False, []), (True, ["PARKS-0001"])):
            city.do(
                city.coordinator,
                "inventory_mark",
                ids=[entry["id"]],
                field="in_directory",
                value=value,
            )
            assert numbers(city) == expected

    def test_no_word_of_another_field_finds_it(self, city: City) -> None:
        listed(
            city,
            comments="Zanzibar",
            value_reason="Zanzibar",
            keywords=["zanzibar"],
            public_contact_name="Zanzibar desk",
            system_of_record_note="Zanzibar base",
        )
        assert numbers(city, q="zanzibar") == []
        assert numbers(city, person="zanzibar") == []
        assert numbers(city, source="zanzibar") == []

    def test_a_restricted_source_is_not_named(self, city: City) -> None:
        source = city.do(
            city.coordinator, "inventory_source_create", title="Zanzibar", owner_org=city.parks.id
        )
        listed(city, source_ids=[source["id"]], source_known="linked")
        assert search(city)["results"][0]["sources"] == ["Zanzibar"]
        city.do(
            city.coordinator,
            "inventory_mark",
            ids=[source["id"]],
            field="visibility",
            value="department_and_cdo_only",
        )
        assert search(city)["results"][0]["sources"] == []
        assert numbers(city, q="zanzibar") == numbers(city, source="zanzibar") == []


class TestFinding:
    def test_with_typing_errors(self, city: City) -> None:
        if not directory.forgiving(model.Session()):
            pytest.skip("this database has no pg_trgm")
        listed(city)
        listed(city, title="Benches", notes="Where to sit.")
        assert numbers(city, q="stret tres") == ["PARKS-0001"]
        assert numbers(city, q="bnches") == ["PARKS-0002"]
        assert numbers(city, q="xylophone") == []

    def test_without_trigrams(self, city: City, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(directory, "forgiving", lambda session: False)
        listed(city)
        assert numbers(city, q="TREES park") == ["PARKS-0001"]
        assert numbers(city, q="stret") == []

    def test_by_department_source_and_person(self, city: City) -> None:
        listed(city, steward="Keeper of roses")
        listed(city, title="Benches")
        city.do(
            city.neighbour,
            "inventory_entry_create",
            title="Wells",
            owner_org=city.water.id,
            classification="public",
        )
        assert [(d["title"], d["count"]) for d in search(city)["departments"]] == [
            ("Parks", 2),
            ("Water", 1),
        ]
        assert numbers(city, department=city.water.name) == ["WATER-0001"]
        assert search(city, department=city.water.name)["count"] == 1
        assert search(city, department="nowhere")["count"] == 0
        assert numbers(city, person="roses") == ["PARKS-0001"]
        assert numbers(city, person="Water Coordinator") == ["WATER-0001"]
        assert numbers(city, q="50%") == []

    def test_page_by_page(self, city: City) -> None:
        for name in ("Apples", "Benches", "Cherries"):
            listed(city, title=name)
        first, second = search(city, limit=2), search(city, limit=2, offset=2)
        assert (first["count"], second["count"]) == (3, 3)
        titles = [row["title"] for row in (*first["results"], *second["results"])]
        assert titles == ["Apples", "Benches", "Cherries"]


class TestWho:
    def test_roles_by_default(self, city: City) -> None:
        entry = listed(city)
        for user in (city.neighbour, city.cdo, city.reviewer, city.viewer, city.sysadmin):
            assert numbers(city, user) == ["PARKS-0001"]
        city.do(city.coordinator, "inventory_assign", ids=[entry["id"]], user="editor")
        for user in (city.editor, make_user(), None):
            with pytest.raises(tk.NotAuthorized):
                search_as(user)

    @pytest.mark.ckan_config("ckanext.inventory.directory", "accounts")
    def test_accounts(self, city: City, app: CKANTestApp) -> None:
        listed(city)
        somebody = make_user()
        assert [row["number"] for row in search_as(somebody)["results"]] == ["PARKS-0001"]
        with pytest.raises(tk.NotAuthorized):
            search_as(None)
        page = app.get("/inventory/directory", headers=headers(somebody))
        assert page.status_code == 200
        assert "Street and park trees" in page.body
        assert "no-store" in page.headers["Cache-Control"]
        assert app.get("/inventory/", headers=headers(somebody)).status_code == 404
        assert app.get("/inventory/directory").status_code == 404

    @pytest.mark.ckan_config("ckanext.inventory.directory", "off")
    def test_off(self, city: City, app: CKANTestApp) -> None:
        with pytest.raises(tk.NotAuthorized):
            search(city, city.cdo)
        assert app.get("/inventory/directory", headers=headers(city.cdo)).status_code == 404
        home = app.get("/inventory/", headers=headers(city.cdo)).body
        assert "/inventory/directory" not in home

    def test_the_page(self, city: City, app: CKANTestApp) -> None:
        listed(city)
        viewer, neighbour = (
            headers(grant(make_user(), Role.VIEWER)),
            headers(city.neighbour),
        )
        page = app.get("/inventory/directory?q=tree", headers=viewer)
        assert "Street and park trees" in page.body
        assert "/inventory/entries/PARKS-0001" in page.body
        other = app.get("/inventory/directory?q=tree", headers=neighbour)
        assert "PARKS-0001" in other.body
        assert "/inventory/entries/PARKS-0001" not in other.body


def search_as(user: Any) -> dict[str, Any]:
    """Search as an account that is none of the cast."""
    from tests.support import context

    return tk.get_action("inventory_directory")(context(user), {})


def test_the_migration_asks_for_trigrams(db: None) -> None:
    """Where the database lets us have them; here it does."""
    query = sa.text("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")
    if model.Session.scalar(query) is None:
        pytest.skip("this database server has no pg_trgm")
    assert directory.forgiving(model.Session())
