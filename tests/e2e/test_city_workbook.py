"""The workbook of a whole city in a browser: departments of new rows are chosen on the page."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Browser, expect

from ckanext.inventory.types import Role
from devstack.client import Client
from tests.e2e.test_spreadsheet import PASSWORD, log_in, picture
from tests.logic.returning import add
from tests.support import grant, make_department, make_user


@pytest.fixture(scope="module")
def city(live_site: Client) -> Client:
    make_department("PARKS", name="parks", title="Parks and Recreation")
    make_department("WATER", name="water", title="Water Utility")
    grant(make_user("cdo", fullname="Chief data officer", password=PASSWORD), Role.CDO)
    return live_site


def test_choose_departments_for_all_and_for_one(
    city: Client, browser: Browser, tmp_path: Path
) -> None:
    page = log_in(city, browser, "cdo")
    page.goto("/inventory/entries/new")
    page.locator("#field-title").fill("Trail counters")
    page.get_by_label("Department").select_option(label="Parks and Recreation")
    page.get_by_role("button", name="Save the draft").click()

    page.goto("/inventory/spreadsheet")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download workbook").click()
    path = tmp_path / "city.xlsx"
    taken.value.save_as(path)
    book = openpyxl.load_workbook(path)
    for name, department in (
        ("Picnic permits", "Parks & Recreation"),
        ("Trail maps", "Parks Dept"),
        ("Playgrounds", "Parks Dept"),
        ("Mains", None),
    ):
        add(book, "Datasets", Name=name, Department=department)
    book.save(path)

    page.goto("/inventory/spreadsheet")
    page.locator("#field-upload").set_input_files(path)
    page.get_by_role("button", name="Look through the file").click()
    fix = page.locator("#fix")
    expect(fix).to_contain_text("Did you mean “Parks and Recreation”?")
    picture(page, "city-departments")
    fix.get_by_label("Department, all 2 that say “Parks Dept”").select_option(
        label="Parks and Recreation (the nearest name)"
    )
    fix.get_by_label("Department, row 6").select_option(label="Water Utility")
    fix.get_by_role("button", name="Look again with these").click()
    expect(page.get_by_text("Ready.")).to_be_visible()
    picture(page, "city-departments-chosen")
    page.get_by_role("button", name="Save 4 changes").click()
    expect(page.locator("body")).to_contain_text("Saved: 4 records.")
    page.goto("/inventory/entries?q=Mains")
    expect(page.locator("body")).to_contain_text("WATER-0001")
