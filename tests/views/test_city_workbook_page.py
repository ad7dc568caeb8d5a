"""The page that reviews the workbook of several departments: a department is chosen in place."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from ckan.tests.helpers import CKANTestApp

from tests.logic.city import City
from tests.logic.returning import add, opened, saved
from tests.views.pages import Pages, form_of


@pytest.fixture
def pages(city: City, app: CKANTestApp) -> Pages:
    return Pages(city, app, "cdo")


def bring(city: City, pages: Pages, *departments: str | None) -> str:
    """Upload the city's workbook with new rows that name these departments."""
    city.entry(title="Trees")
    book = opened(pages.get("/workbook").data)
    for position, department in enumerate(departments):
        add(book, "Datasets", Name=f"Benches {position}", Department=department)
    return pages.upload(saved(book), "city.xlsx")


def boxes(page: Any) -> dict[str, list[str]]:
    """The lists to choose from by their names, and what they offer; what is chosen with a star."""
    return {
        html.unescape(name): [
            ("*" if "selected" in attributes else "") + html.unescape(words)
            for attributes, words in re.findall(r"<option([^>]*)>(.*?)</option>", offered)
        ]
        for name, offered in re.findall(
            r'<select class="form-select" name="(fix[^"]*)"[^>]*>(.*?)</select>', page.body, re.S
        )
    }


def test_a_department_is_chosen_from_a_list(city: City, pages: Pages) -> None:
    path = bring(city, pages, "Prks")
    page = pages.get(path)
    box = "fix-Datasets!3!owner_org"
    assert boxes(page) == {box: ["Choose", "Parks (the nearest name)", "Water"]}
    assert "Did you mean “Parks”?" in page.body
    page = _looked(pages, path, **{box: "Water"})
    assert boxes(page) == {box: ["Choose", "Parks", "*Water"]}, "changed and taken back there"
    page = _looked(pages, path, **{box: "Parks"})
    assert "Ready." in page.body
    pages.post(path, act="save", **form_of(page.body))
    found = city.do(city.cdo, "inventory_entry_list")["results"]
    assert {row["title"]: row["department_title"] for row in found}["Benches 0"] == "Parks"


def _looked(pages: Pages, path: str, **fields: str) -> Any:
    answer = pages.post(path, act="look", **fields)
    assert answer.status_code == 303, answer.body[-1500:]
    return pages.get(path)


def test_one_list_for_all_rows_that_say_the_same(city: City, pages: Pages) -> None:
    path = bring(city, pages, "Zoo", None, "Zoo", None)
    found = boxes(pages.get(path))
    every, empty = '["Datasets", "owner_org", "Zoo"]', '["Datasets", "owner_org", ""]'
    assert found[f"fixall-{every}"] == ["Choose", "Parks", "Water"]
    for row in range(4):
        assert f">Benches {row}</span>" in pages.get(path).body, "each row is known by its name"
    assert found[f"fixall-{empty}"] == ["Choose", "Parks", "Water"]
    each = {f"fix-Datasets!{row}!owner_org" for row in range(3, 7)}
    assert each < set(found), "each by itself, too"
    chosen = {f"fixall-{every}": "Water", f"fixall-{empty}": "Parks"}
    page = _looked(pages, path, **chosen)
    assert "Ready." in page.body
    pages.post(path, act="save", **form_of(page.body))
    found = city.do(city.cdo, "inventory_entry_list")["results"]
    assert sorted((row["title"], row["department_title"]) for row in found) == [
        ("Benches 0", "Water"),
        ("Benches 1", "Parks"),
        ("Benches 2", "Water"),
        ("Benches 3", "Parks"),
        ("Trees", "Parks"),
    ]


def test_a_name_that_is_not_in_the_list_stays_chosen_with_what_is_wrong(
    city: City, pages: Pages
) -> None:
    path = bring(city, pages, "Zoo")
    box = "fix-Datasets!3!owner_org"
    page = _looked(pages, path, **{box: "Nobody's"})
    assert boxes(page)[box] == ["Choose", "*Nobody's", "Parks", "Water"]
    assert "No department has this name." in page.body


def test_an_address_may_name_several_departments(city: City, pages: Pages) -> None:
    parks, water = city.parks.id, city.water.id
    for department, title in ((parks, "Trees"), (water, "Pipes")):
        city.do(city.cdo, "inventory_entry_create", title=title, owner_org=department)
    both = f"department={parks}&department={water}"
    for asked, titles in (
        (both, {"Trees", "Pipes"}),
        (f"department=&department={water}", {"Pipes"}),
    ):
        book = opened(pages.get(f"/workbook?{asked}").data)
        assert {row[1].value for row in book["Datasets"].iter_rows(min_row=2)} == titles
    assert pages.get(f"/workbook?department={parks}&department=nowhere").status_code == 404
