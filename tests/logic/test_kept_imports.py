"""Every import is kept: who knows of it, where it is listed, and what its report says."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests.helpers import CKANTestApp

from ckanext.inventory import clock, config
from ckanext.inventory.views import roundtrip
from tests.logic.city import City, make_city
from tests.logic.returning import again, preview, save
from tests.views.pages import Pages


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def listed(city: City, user: Any, **asked: Any) -> list[str]:
    return [row["file"] for row in city.do(user, "inventory_import_list", **asked)["results"]]


def brought(city: City, name: str, department: str = "parks", user: Any = None) -> dict[str, Any]:
    """A file that is saved."""
    data = f"Dataset name\nRow of {name}\n".encode()
    found = preview(city, data, user, filename=name, department=department)
    return save(city, found, user)


class TestTheList:
    def test_a_file_that_is_not_saved_is_for_its_uploader_only(self, city: City) -> None:
        found = preview(city, b"Dataset name\nTrees\n", filename="open.csv", department="parks")
        assert listed(city, city.coordinator) == ["open.csv"]
        for user in (city.cdo, city.sysadmin):
            assert listed(city, user) == []
            for name in ("show", "marked", "discard"):
                with pytest.raises(tk.ObjectNotFound):
                    city.do(user, f"inventory_import_{name}", id=found["id"])
            with pytest.raises(tk.ObjectNotFound):
                again(city, found, user)
            with pytest.raises(tk.ObjectNotFound):
                save(city, found, user)
        save(city, found)
        assert listed(city, city.cdo) == ["open.csv"]
        city.do(city.cdo, "inventory_import_undo", id=found["id"])
        assert listed(city, city.cdo) == ["open.csv"]

    def test_it_is_paged_newest_first_and_by_department(self, city: City) -> None:
        start = clock.now()
        for day, (name, department, user) in enumerate(
            [
                ("one.csv", "parks", city.coordinator),
                ("two.csv", "water", city.neighbour),
                ("three.csv", "parks", city.coordinator),
            ]
        ):
            with clock.at(start + dt.timedelta(days=day)):
                brought(city, name, department, user)
        assert listed(city, city.cdo) == ["three.csv", "two.csv", "one.csv"]
        assert listed(city, city.cdo, limit=1, offset=1) == ["two.csv"]
        assert listed(city, city.cdo, department="parks") == ["three.csv", "one.csv"]
        assert listed(city, city.neighbour) == ["two.csv"]
        assert listed(city, city.neighbour, department="parks") == []
        row = city.do(city.cdo, "inventory_import_list", limit=1)["results"][0]
        assert row["department_titles"] == ["Parks"]

    def test_its_page(self, city: City, app: CKANTestApp, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(config, "page_size", lambda: 2)
        monkeypatch.setattr(roundtrip, "NEWEST", 5)
        for number in range(1, 6):
            brought(city, f"file-{number}.csv")
        brought(city, "pipes.csv", "water", city.neighbour)
        browser = Pages(city, app, "cdo")
        start = browser.get("/spreadsheet").body
        assert "All 6 files" in start
        page = browser.get("/spreadsheet/files").body
        assert ("pipes.csv" in page, "file-5.csv" in page, "file-4.csv" in page) == (
            True,
            True,
            False,
        )
        assert "1 to 2 of 6" in page
        assert "file-1.csv" in browser.get("/spreadsheet/files?page=3").body
        page = browser.get(f"/spreadsheet/files?department={city.water.name}").body
        assert f'value="{city.water.name}" selected' in page
        assert "pipes.csv" in page
        assert ".csv" not in page.replace("pipes.csv", "")
        own = Pages(city, app, "coordinator").get("/spreadsheet/files").body
        assert "1 to 2 of 5" in own
        assert 'name="department"' not in own, "who has one department has nothing to choose"
        assert "No file" in browser.get("/spreadsheet/files?department=nowhere").body
        assert Pages(city, app, "viewer").get("/spreadsheet/files").status_code == 404
