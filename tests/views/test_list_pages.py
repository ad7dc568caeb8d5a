"""The page of a list that isn't ours: its department, its columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import ckan.plugins.toolkit as tk
import openpyxl
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import CKANTestApp

from ckanext.inventory import config
from ckanext.inventory.logic import import_job
from ckanext.inventory.model import RoleGrant
from ckanext.inventory.types import Role
from tests.logic.city import City, make_city
from tests.logic.returning import saved
from tests.support import grant
from tests.views.pages import Pages, form_of

LIST = b"Data set,Value\nTrees,High\n"
NOT_YOURS = "You can&#39;t add to this department. Choose one of yours."


def moved_to_water(city: City) -> None:
    model.Session.execute(sa.delete(RoleGrant).where(RoleGrant.user_id == city.coordinator.id))
    model.Session.commit()
    grant(city.coordinator, Role.COORDINATOR, city.water)


class TestDepartment:
    def test_a_form_that_names_another_department_is_told(self, city: City, pages: Pages) -> None:
        path = pages.upload(LIST, "list.csv", department=city.parks.id)
        answer = pages.post(path, act="look", department=city.water.id)
        assert answer.status_code == 400
        assert NOT_YOURS in answer.body
        assert "All rows go to Parks." in pages.get(path).body

    def test_the_page_stays_when_the_role_is_lost(self, city: City, pages: Pages) -> None:
        _lose_and_choose(city, pages, lambda _path: None)

    def test_one_that_was_merged_is_offered_nowhere(self, city: City, app: CKANTestApp) -> None:
        city.do(city.cdo, "inventory_merge", department=city.water.id, into=city.parks.id)
        pages = Pages(city, app, "cdo")
        rows = b"Name,Department\nTrees,Water\nPipes,Watr\n"
        path = pages.upload(rows, "list.csv", whole="1")
        body = pages.get(path).body
        assert f'value="{city.water.id}"' not in body
        assert "merged into Parks" in body
        section = body[body.index('id="departments"') :]
        assert len(re.findall(r">Parks \(the nearest name\)<", section)) == 2
        for form in ("/spreadsheet", "/entries/new", "/sources/new"):
            body = pages.get(form).body
            assert f'value="{city.parks.id}"' in body
            assert f'value="{city.water.id}"' not in body


class TestColumns:
    def test_two_of_one_header_have_a_box_each(self, city: City, pages: Pages) -> None:
        rows = b"Data set,Notes,Notes\nTrees,along the main road,Ann\n"
        path = pages.upload(rows, "list.csv", department=city.parks.id)
        body = pages.get(path).body
        names = re.findall(r'name="column-([^"]*)"', body)
        assert sorted(names) == ["(B)", "(C)", "Data set"]
        assert "Notes (column B)" in body
        assert "Notes (column C)" in body
        sent = {f"column-{name}": "=" for name in names} | {"column-(C)": "steward"}
        pages.post(path, act="look", **sent)
        found = city.do(city.coordinator, "inventory_import_preview", id=path.rsplit("/", 1)[1])
        assert [column["field"] for column in found["columns"]] == ["title", "notes", "steward"]
        chosen = re.findall(
            r'name="column-([^"]+)">.*?" selected>([^<]+)</option>', pages.get(path).body, re.S
        )
        assert dict(chosen)["(C)"] == "Who knows the data"

    def test_a_header_of_two_sheets_has_one_box(self, city: City, pages: Pages) -> None:
        book = openpyxl.Workbook()
        for sheet in (book.active, book.create_sheet("More")):
            sheet.append(["Data set", "Odd"])
            sheet.append([f"Trees of {sheet.title}", "x"])
        path = pages.upload(saved(book), "list.xlsx", department=city.parks.id)
        names = re.findall(r'name="column-([^"]*)"', pages.get(path).body)
        assert sorted(names) == ["Data set", "Odd"]
        pages.post(path, act="look", **{"column-Odd": "comments"})
        found = city.do(city.coordinator, "inventory_import_preview", id=path.rsplit("/", 1)[1])
        assert [column["field"] for column in found["columns"]] == ["title", "comments"] * 2


class TestALargeList:
    """The worker looks at it."""

    @pytest.fixture
    def city(self, clean_db: None) -> Iterator[City]:
        """Committed, because the worker has a connection of its own."""
        yield make_city()
        model.Session.remove()

    def test_the_page_stays_when_the_role_is_lost(
        self, city: City, pages: Pages, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(config, "import_job_rows", lambda: 1)
        monkeypatch.setattr(tk, "enqueue_job", lambda *_args, **_more: None)
        _lose_and_choose(city, pages, lambda path: import_job.run(path.rsplit("/", 1)[1]))


def _lose_and_choose(city: City, pages: Pages, work: Callable[[str], None]) -> None:
    path = pages.upload(LIST, "list.csv", department=city.parks.id)
    work(path)
    fields = form_of(pages.get(path).body)
    assert fields
    moved_to_water(city)
    pages.post(path, act="save", **fields)
    work(path)
    pages.get(path)
    work(path)
    body = pages.get(path).body
    assert NOT_YOURS in body
    assert re.search(r'id="about"[^>]* open', body)
    assert "Say what the columns are" not in body
    pages.post(path, act="look", department=city.water.id)
    work(path)
    body = pages.get(path).body
    assert NOT_YOURS not in body
    assert "All rows go to Water." in body
