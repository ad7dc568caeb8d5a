"""Search is away: decisions are stored, every page works and says that search is catching up."""

from __future__ import annotations

import pysolr
import pytest
from ckan.lib.search import common, index, query
from ckan.tests.helpers import CKANTestApp

from ckanext.inventory.service import indexing
from tests.logic.city import City, make_city
from tests.support import headers, make_organization


@pytest.fixture
def city(db: None) -> City:
    return make_city()


@pytest.fixture
def search_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*args: object, **kwargs: object) -> pysolr.Solr:
        return pysolr.Solr("http://127.0.0.1:9/solr/nothing", timeout=1)

    for module in (common, index, query, indexing):
        monkeypatch.setattr(module, "make_connection", nowhere)


PAGES = (
    "/inventory/",
    "/inventory/entries",
    "/inventory/entries/new",
    "/inventory/entries/PARKS-0001",
    "/inventory/entries/PARKS-0001/edit",
    "/inventory/sources",
    "/inventory/sources/new",
    "/inventory/review",
    "/inventory/overview",
    "/inventory/people",
    "/inventory/directory",
    "/inventory/spreadsheet",
    "/inventory/spreadsheet",
    "/inventory/notices",
    "/inventory/admin",
    "/inventory/guide",
    "/inventory/guide/fields",
)


def test_every_page_works(city: City, app: CKANTestApp, search_down: None) -> None:
    entry = city.approved()
    assert city.state(entry) == "approved"
    for path in PAGES:
        answer = app.get(path, headers=headers(city.cdo), follow_redirects=True)
        assert answer.status_code == 200, path


def test_the_first_page_says_that_search_is_catching_up(
    city: City, app: CKANTestApp, search_down: None
) -> None:
    city.entry()
    answer = app.get("/inventory/", headers=headers(city.coordinator))
    assert "catching up" in answer.body


def test_lists_of_departments_know_no_limit(city: City, app: CKANTestApp) -> None:
    """Core's list of organizations with titles stops at 25."""
    for number in range(30):
        make_organization(f"office-{number:02}", title=f"Office {number:02}")
    answer = app.get("/inventory/entries/new", headers=headers(city.cdo))
    assert all(f"Office {number:02}" in answer.body for number in range(30))
