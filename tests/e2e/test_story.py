"""The story in a browser: a coordinator lists and submits, a CDO promotes, a visitor finds and downloads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from ckanext.inventory.types import Role
from devstack.client import Client
from tests.support import grant, make_department, make_user

PASSWORD = "correct-horse-battery"
DATA = "species,year\noak,1987\nlime,2003\n"

LogIn = Callable[[str], Page]


@pytest.fixture(scope="module")
def city(live_site: Client) -> Client:
    parks = make_department(
        "PARKS",
        name="parks",
        title="Parks and Recreation",
        steward="Urban forestry",
        public_contact_name="Parks service desk",
        public_contact_email="parks@larkhaven.example",
        license_id="cc-by",
    )
    coordinator = make_user("coordinator", fullname="Parks coordinator", password=PASSWORD)
    grant(coordinator, Role.COORDINATOR, parks)
    grant(make_user("cdo", fullname="Chief data officer", password=PASSWORD), Role.CDO)
    return live_site


@pytest.fixture
def log_in(city: Client, browser: Browser) -> LogIn:
    def _log_in(name: str) -> Page:
        page = browser.new_context(base_url=city.url).new_page()
        page.goto("/user/login")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Login").click()
        page.goto("/inventory/")
        return page

    return _log_in


def test_from_a_name_to_a_download(
    city: Client, browser: Browser, log_in: LogIn, tmp_path: Path
) -> None:
    _coordinator_adds_and_submits(log_in("coordinator"))
    _cdo_approves(cdo := log_in("cdo"))
    _cdo_promotes(cdo, tmp_path)
    _visitor_downloads(browser.new_context(base_url=city.url).new_page(), tmp_path)


def _coordinator_adds_and_submits(page: Page) -> None:
    main = page.get_by_role("main")
    expect(main.get_by_role("heading", level=1)).to_have_text("One thing needs you, about 1 minute")
    page.get_by_role("link", name="Name it").click()
    page.locator("#field-title").fill("Street and park trees")
    page.locator("#field-notes").fill("Every tree the city plants, one row per tree.")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_text("Saved as PARKS-0001, a draft.")).to_be_visible()

    page.get_by_role("link", name="Answer the").click()
    page.get_by_label("In no system (paper, e-mail)").check()
    page.get_by_label("High", exact=False).first.check()
    _group(page, "Is there a reason people outside").get_by_label("No", exact=True).check()
    page.locator("#field-classification").select_option("public")
    _unfold(page)
    page.locator("#field-category").select_option("energy_and_environment")
    _group(page, "Format").get_by_label("Spreadsheet").check()
    page.locator("#field-change_frequency").select_option("weekly")
    page.locator("#field-existing_etl").select_option("manual_export")
    _group(page, "Where can people see it today?").get_by_label("Nowhere").check()
    _group(page, "How often people ask for it").get_by_label("Never").check()
    _group(page, "Known problems").get_by_label("None", exact=True).check()
    _group(page, "Are the columns explained").get_by_label("Yes", exact=True).check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()

    release = page.get_by_role("complementary", name="Release")
    release.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("It is with the chief data officer now.")).to_be_visible()


def _unfold(page: Page) -> None:
    """Open every section and every group of further questions."""
    closed = page.locator("details:not([open]) > summary:visible")
    while closed.count():
        closed.first.click()


def _group(page: Page, legend: str) -> Locator:
    return page.get_by_role("group", name=legend)


def _cdo_approves(page: Page) -> None:
    expect(page.get_by_role("heading", name="Decide on one entry")).to_be_visible()
    page.get_by_role("link", name="Start with the first").click()
    expect(page.get_by_label("Confirm the classification")).to_have_value("public")
    expect(page.get_by_text("decide and go on")).to_be_visible()  # the keys are ready
    page.keyboard.press("a")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("PARKS-0001: Approved.")).to_be_visible()
    expect(page.get_by_role("heading", name="Nothing waits for a decision")).to_be_visible()


def _cdo_promotes(page: Page, folder: Path) -> None:
    page.goto("/inventory/entries/PARKS-0001")
    page.get_by_role("link", name="Put on the portal").click()
    expect(page.get_by_role("region", name="What the public will see")).to_contain_text(
        "Creative Commons Attribution"
    )
    file = folder / "trees.csv"
    file.write_text(DATA)
    page.get_by_label("or a file").first.set_input_files(file)
    page.get_by_role("button", name="Put on the portal").click()
    expect(page.get_by_text("It is on the portal.")).to_be_visible()
    expect(page.get_by_role("link", name="See it on the portal")).to_be_visible()


def _visitor_downloads(page: Page, folder: Path) -> None:
    page.goto("/dataset/?q=trees")
    page.get_by_role("link", name="Street and park trees").click()
    expect(page.get_by_role("heading", level=1, name="Street and park trees")).to_be_visible()
    link = page.locator('a[href*="/download/"]').first
    with page.expect_download() as download:
        link.evaluate("link => { link.target = ''; link.click(); }")
    target = folder / "downloaded.csv"
    download.value.save_as(target)
    assert target.read_text() == DATA
    assert page.goto("/inventory/").status == 404
    assert page.goto("/inventory/entries/PARKS-0001").status == 404
