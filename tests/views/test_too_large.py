"""What is too long or too big comes back with one clear sentence, and with what was typed."""

from __future__ import annotations

import io
from typing import Any

import pytest
from ckan.tests.helpers import CKANTestApp

from ckanext.inventory.views.blueprint import FORM_BYTES
from tests.logic.city import City, make_city
from tests.support import headers

LONG = "word " * 400_000
"""2 MB, four times what the server takes in a form unless it is told otherwise."""


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def test_a_comment_of_two_megabytes_comes_back(city: City, app: CKANTestApp) -> None:
    entry = city.entry()
    page: Any = app.post(
        f"/inventory/entries/{entry['number']}/do/comment",
        data={"text": LONG},
        headers=headers(city.coordinator),
    )
    assert page.status_code == 400
    assert "This is too long: 1,999,999 characters, at most 32,000 are allowed." in page.body
    assert LONG.strip() in page.body


def test_a_field_of_two_megabytes_comes_back(city: City, app: CKANTestApp) -> None:
    page: Any = app.post(
        "/inventory/entries/new",
        data={"title": "Trees", "owner_org": city.parks.id, "notes": LONG},
        headers=headers(city.coordinator),
    )
    assert page.status_code == 400
    assert "“Description” is too long: 1,999,999 characters" in page.body
    assert LONG.strip() in page.body


def test_more_than_a_form_holds_is_explained(city: City, app: CKANTestApp) -> None:
    entry = city.entry()
    sent = {"text": "x" * (FORM_BYTES + 1)}
    coordinator, editor = headers(city.coordinator), headers(city.editor)
    address = f"/inventory/entries/{entry['number']}/do/comment"
    page: Any = app.post(address, data=sent, headers=coordinator)
    assert page.status_code == 413
    assert "That was too large, so nothing was saved" in page.body
    assert "4 MB of text" in page.body
    assert "no-store" in page.headers["Cache-Control"]
    outsider: Any = app.post(address, data=sent, headers=editor)
    assert outsider.status_code == 404
    visitor: Any = app.post(address, data=sent)
    assert "too large" not in visitor.body


@pytest.mark.ckan_config("ckan.max_resource_size", 1)
def test_a_file_too_big_for_the_portal_is_named(city: City, app: CKANTestApp) -> None:
    entry, cdo = city.approved(), headers(city.cdo)
    page: Any = app.post(
        f"/inventory/entries/{entry['number']}/promote",
        data={
            "transition": "promote",
            "revision": "1",
            "comment": "Finally",
            "resource-0-upload": (io.BytesIO(b"a,b\n" * 400_000), "trees.csv"),
        },
        headers=cdo,
    )
    assert page.status_code == 400
    assert "1 MB" in page.body
    assert "trees.csv" in page.body
    assert "Finally" in page.body, "what was typed is still there"
    shown: Any = app.get(f"/api/3/action/inventory_entry_show?id={entry['number']}", headers=cdo)
    assert shown.json["result"]["state"] == "approved"


@pytest.mark.ckan_config("ckanext.inventory.import.max_bytes", 1_000_000)
def test_a_spreadsheet_too_big_is_named(city: City, app: CKANTestApp) -> None:
    page: Any = app.post(
        "/inventory/spreadsheet",
        data={"upload": (io.BytesIO(b"Name\n" + b"Trees\n" * 300_000), "list.csv")},
        headers=headers(city.coordinator),
    )
    assert page.status_code == 400
    assert "more than 1 MB, which is the most that is read. Split it into parts" in page.body
