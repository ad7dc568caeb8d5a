"""The page that reviews an uploaded file: everything that would be saved can be seen, and fixed."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from ckan.tests.helpers import CKANTestApp

from tests.logic.city import City, make_city
from tests.logic.returning import add, put, saved
from tests.views.test_spreadsheet_pages import Pages


@pytest.fixture
def city(db: None) -> City:
    return make_city()


@pytest.fixture
def pages(city: City, app: CKANTestApp) -> Pages:
    return Pages(city, app, "coordinator")


def section(page: Any, name: str) -> str:
    """A part of the page by its id, as a person reads it."""
    found = re.search(rf'<section[^>]* id="{name}">(.*?)</section>', page.body, re.S)
    return html.unescape(found.group(1)) if found else ""


LONG = " ".join(f"word{n}" for n in range(150))


def test_a_change_at_the_end_of_a_long_text_is_seen(city: City, pages: Pages) -> None:
    city.entry(title="Trees", notes=f"{LONG} stays")
    book = pages.workbook()
    put(book, "Datasets", "PARKS-0001", Description=f"{LONG} goes")
    shown = section(pages.get(pages.upload(saved(book))), "changes")
    assert "<del>stays</del><ins>goes</ins>" in shown
    assert f"{LONG} stays" in shown, "one click away"
    assert f"{LONG} goes" in shown


def test_all_that_a_new_record_would_hold_is_seen(city: City, pages: Pages) -> None:
    """Its marks among it, and whatever the table has no room for."""
    book = pages.workbook()
    who = city.coordinator.fullname
    add(
        book,
        "Datasets",
        Name="Benches",
        Description=f"{LONG} end",
        Comments="one",
        **{"Assigned to": who, "Who may see it": "Only the department and those who decide"},
    )
    path = pages.upload(saved(book))
    shown = section(pages.get(path), "new")
    for words in (f"{LONG} end", "Assigned to", who, "Only the department"):
        assert words in shown, words
    assert city.coordinator.id not in shown
    found = city.do(city.coordinator, "inventory_import_preview", id=path.rpartition("/")[2])
    assert found["counts"]["new_cells"] == 5


def test_a_new_entry_names_the_new_source_that_it_comes_from(city: City, pages: Pages) -> None:
    book = pages.workbook()
    add(book, "Sources", Name="Tree register")
    add(book, "Datasets", Name="Trees", Source="Tree register")
    shown = section(pages.get(pages.upload(saved(book))), "new")
    assert shown.count("Tree register") == 2
