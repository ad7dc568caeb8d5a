"""The round trip in a browser: download, edit with another program, upload, choose, save, take back."""

from __future__ import annotations

import os
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Browser, Page, expect

from ckanext.inventory.types import Role
from devstack.client import Client
from tests.logic.returning import add, put
from tests.support import grant, make_department, make_user

PASSWORD = "correct-horse-battery"


@pytest.fixture(scope="module")
def city(live_site: Client) -> Client:
    parks = make_department("PARKS", name="parks", title="Parks and Recreation")
    for name, fullname in (("coordinator", "Parks coordinator"), ("planner", "Trails planner")):
        user = make_user(name, fullname=fullname, password=PASSWORD)
        grant(user, Role.COORDINATOR, parks)
    return live_site


def log_in(city: Client, browser: Browser, name: str) -> Page:
    page = browser.new_context(base_url=city.url, accept_downloads=True).new_page()
    page.goto("/user/login")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Login").click()
    return page


def picture(page: Page, name: str) -> None:
    """Keep a picture where somebody asked for them."""
    folder = os.environ.get("INVENTORY_PICTURES")
    if folder:
        # The bar with the button floats; in a picture it stands at its end.
        page.add_style_tag(content=".inv-commit { position: static !important; }")
        page.get_by_role("main").screenshot(path=f"{folder}/{name}.png")


def name_an_entry(page: Page, title: str, notes: str) -> None:
    page.goto("/inventory/entries/new")
    page.locator("#field-title").fill(title)
    page.locator("#field-notes").fill(notes)
    page.get_by_role("button", name="Save the draft").click()


def test_download_edit_upload_choose_save_undo(
    city: Client, browser: Browser, tmp_path: Path
) -> None:
    page = log_in(city, browser, "coordinator")
    name_an_entry(page, "Trail counters", "Counts of walkers")
    name_an_entry(page, "Picnic permits", "Permits for picnics")

    page.goto("/inventory/spreadsheet")
    picture(page, "spreadsheet")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download workbook").click()
    path = tmp_path / "parks.xlsx"
    taken.value.save_as(path)

    book = openpyxl.load_workbook(path)
    put(book, "Datasets", "PARKS-0001", Description="Counts by hour", Value="Hgh")
    put(book, "Datasets", "PARKS-0002", Comments="Ask the vendor")
    add(book, "Datasets", Name="Splash pad water use", Value="Medium")
    book.save(path)

    other = log_in(city, browser, "planner")
    other.goto("/inventory/entries/PARKS-0001/edit")
    other.locator("#field-notes").fill("Counts of walkers and cyclists")
    other.get_by_role("button", name="Save", exact=False).first.click()

    page.goto("/inventory/spreadsheet")
    page.locator("#field-upload").set_input_files(path)
    page.get_by_role("button", name="Look through the file").click()
    main = page.get_by_role("main")
    expect(main.get_by_role("heading", level=1)).to_have_text("Review your workbook")
    expect(main.get_by_text("Did you mean “High”?")).to_be_visible()
    picture(page, "spreadsheet-review")

    page.get_by_role("button", name="Save 3 changes").click()
    expect(page.get_by_role("alert")).to_contain_text("choose which one stays")
    page.get_by_label("Take yours").check()
    page.get_by_label("Value, row 2").fill("High")
    page.get_by_role("button", name="Save", exact=False).last.click()
    expect(main.get_by_role("heading", level=1)).to_have_text("Saved from parks.xlsx")
    expect(main.locator("ins").first).to_be_visible()
    picture(page, "spreadsheet-saved")

    page.get_by_role("button", name="Take all of it back").click()
    expect(main.get_by_role("heading", level=1)).to_have_text("Taken back: parks.xlsx")
    page.goto("/inventory/entries/PARKS-0001")
    expect(main.get_by_text("Counts of walkers and cyclists").first).to_be_visible()
    page.goto("/inventory/entries?q=splash")
    expect(main.get_by_text("Splash pad water use")).to_have_count(0)
