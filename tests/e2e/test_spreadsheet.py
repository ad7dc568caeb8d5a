"""The round trip in a browser: download, edit with another program, upload, choose, save, take back."""

from __future__ import annotations

import os
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa
from ckan import model
from playwright.sync_api import Browser, Page, expect

from ckanext.inventory.logic import import_job
from ckanext.inventory.model import Import
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

    yes = page.get_by_role("button", name="Yes, take all of it back")
    question = page.get_by_text("Take all of it back", exact=True)
    question.click()
    expect(main.get_by_text("2 records get back what they held before.")).to_be_visible()
    picture(page, "spreadsheet-take-back")
    page.get_by_role("link", name="Leave it as it is").click()
    expect(yes).to_be_hidden()
    question.focus()
    page.keyboard.press("Enter")
    yes.click()
    expect(main.get_by_role("heading", level=1)).to_have_text("Taken back: parks.xlsx")
    page.goto("/inventory/entries/PARKS-0001")
    expect(main.get_by_text("Counts of walkers and cyclists").first).to_be_visible()
    page.goto("/inventory/entries?q=splash")
    expect(main.get_by_text("Splash pad water use")).to_have_count(0)


def test_a_part_goes_to_a_colleague_and_comes_back(
    city: Client, browser: Browser, tmp_path: Path
) -> None:
    page = log_in(city, browser, "coordinator")
    name_an_entry(page, "Lab samples", "Samples of pond water")
    name_an_entry(page, "Lab devices", "")
    main = page.get_by_role("main")
    page.goto("/inventory/")
    expect(main.get_by_role("link", name="Download my workbook")).to_be_visible()
    picture(page, "home-spreadsheet")
    page.goto("/inventory/entries?q=lab")
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Send to a colleague").click()
    expect(main.get_by_role("heading", level=1)).to_have_text("Send 2 entries to a colleague")
    page.get_by_label("Who is it for?").fill("The steward of the water lab")
    page.get_by_label("What should they do?").fill("Say in a sentence what each of these is.")
    page.get_by_label("By when?").fill("2099-01-31")
    picture(page, "part")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download it instead").click()
    path = tmp_path / "part.xlsx"
    taken.value.save_as(path)
    page.goto("/inventory/spreadsheet#parts")
    expect(main.get_by_text("The steward of the water lab")).to_be_visible()
    expect(main.get_by_role("cell", name="Out", exact=False).first).to_be_visible()

    book = openpyxl.load_workbook(path)
    sheet = book["Datasets"]
    numbers = [str(sheet.cell(row, 1).value) for row in (2, 3)]
    put(book, "Datasets", numbers[1], Description="Balances and microscopes")
    book.save(path)
    page.locator("#field-upload").set_input_files(path)
    page.get_by_role("button", name="Look through the file").click()
    expect(main.get_by_text("Balances and microscopes")).to_be_visible()
    page.get_by_role("button", name="Save one change").click()
    page.goto("/inventory/spreadsheet")
    expect(main.get_by_text("Came back on")).to_be_visible()
    picture(page, "parts")


def test_a_whole_citys_list(city: Client, browser: Browser, tmp_path: Path) -> None:
    page = log_in(city, browser, "coordinator")
    path = tmp_path / "city.csv"
    path.write_text(
        "Agency,Dataset name,Brief description\n"
        "Parks office,Bench register,Every bench\n"
        "Zoo,Animals,Every animal\nZoo,Cages,Every cage\n"
        "Parks and Recreation,Fountains,Every fountain\n",
        encoding="utf-8",
    )
    page.goto("/inventory/import")
    page.locator("#field-upload").set_input_files(path)
    page.get_by_text("It is a list of our own").click()
    page.get_by_label("It covers other departments, too").check()
    page.get_by_role("button", name="Look through the file").click()
    main = page.get_by_role("main")
    expect(main.get_by_text("Departments of your file")).to_be_visible()
    picture(page, "spreadsheet-departments")
    page.get_by_label("Department for Parks office").select_option(index=2)
    page.get_by_role("button", name="Leave the rest out").click()
    expect(main.get_by_text("1 of 2 chosen")).to_have_count(0)
    page.get_by_role("button", name="Save", exact=False).last.click()
    expect(main.get_by_role("heading", level=1)).to_have_text("Saved from city.csv")
    expect(main.get_by_text("Animals")).to_have_count(0)


def test_the_page_follows_the_worker(city: Client, browser: Browser, tmp_path: Path) -> None:
    page = log_in(city, browser, "planner")
    path = tmp_path / "list.csv"
    path.write_text("Dataset name\nKiosks\nLockers\nShowers\n", encoding="utf-8")
    page.goto("/inventory/spreadsheet")
    page.locator("#field-upload").set_input_files(path)
    page.get_by_role("button", name="Look through the file").click()
    main = page.get_by_role("main")
    expect(main.get_by_role("heading", level=1)).to_have_text("Review your file")
    import_id = page.url.rsplit("/", 1)[1]

    def worker(**values: object) -> None:
        model.Session.execute(sa.update(Import).where(Import.id == import_id).values(**values))
        model.Session.commit()

    with model.meta.engine.connect() as connection:
        key = import_job._key(import_id)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
        worker(status="running", task={"do": "save"}, step="checking", done=1)
        page.reload()
        expect(main.get_by_text("Checking: 1 of 3 rows.")).to_be_visible()
        worker(step="saving", done=2)
        expect(main.get_by_text("Saving: 2 of 3 rows.")).to_be_visible()
        expect(main.get_by_role("button", name="Stop, save nothing")).to_have_count(0)
        worker(status="preview", step="", done=0)
        connection.rollback()
    expect(main.get_by_role("heading", level=1)).to_have_text("Review your file")
