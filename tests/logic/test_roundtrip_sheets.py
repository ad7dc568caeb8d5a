"""Choosing which sheets of a workbook of ours are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import openpyxl
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import CKANTestApp
from click.testing import CliRunner

from ckanext.inventory.cli.workbooks import bring
from ckanext.inventory.model import Record
from tests.logic.city import City, make_city
from tests.logic.returning import add, again, cells, content, download, opened, preview, put, saved
from tests.views.pages import Pages

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def edited(city: City) -> openpyxl.Workbook:
    """A workbook with a change on one sheet and a new row on another."""
    city.entry(title="Trees")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Comments="Looked at")
    add(book, "Sources", Name="TreeBase")
    return book


def test_only_the_chosen_ones_are_read_and_the_others_are_told(city: City) -> None:
    found = preview(city, edited(city), sheets=["Datasets"])
    assert found["ours"]
    assert cells(found) == {("PARKS-0001", "comments"): "changed"}
    assert found["counts"]["new"] == 0
    assert "Sheets not read: Sources, Blockers." in found["notes"]
    assert {s["name"] for s in found["sheets"] if s["read"]} == {"Datasets"}
    every = again(city, found, sheets=[])
    assert every["counts"]["new"] == 1
    assert not [note for note in every["notes"] if "Sheets not read" in note]


def test_a_sheet_that_is_not_there_is_refused(city: City) -> None:
    with pytest.raises(tk.ValidationError) as refused:
        preview(city, edited(city), sheets=["Datasets", "Data sets"])
    assert "There is no sheet called Data sets." in str(refused.value)


def test_reasons_find_their_records_though_these_stand_on_a_sheet_that_is_not_read(
    city: City,
) -> None:
    city.entry(title="Trees")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Comments="Looked at")
    row = add(book, "Datasets", Name="Benches")
    add(book, "Blockers", Number="PARKS-0001", Kind="Privacy", Why="Donors")
    add(book, "Blockers", Number="Benches", Kind="Privacy", Why="Donors")
    found = preview(city, book, sheets=["Blockers"])
    reason = "release_blockers/privacy"
    assert cells(found) == {
        ("PARKS-0001", f"{reason}/kind"): "changed",
        ("PARKS-0001", f"{reason}/rationale"): "changed",
        ("PARKS-0001", "blocker_status"): "follows",
    }
    assert not [one for one in found["rows"] if one["where"] == f"Datasets!{row}"]
    (problem,) = found["problems"]
    assert "Say which record this is about" in problem["message"]


def test_the_command_line_saves_no_row_of_another_sheet(city: City, tmp_path: Path) -> None:
    path = tmp_path / "parks.xlsx"
    edited(city).save(path)
    user = city.coordinator.name
    done = CliRunner().invoke(bring, [str(path), "--user", user, "--sheet", "Datasets", "--save"])
    assert done.exit_code == 0, done.output
    assert "0 new, 1 changed" in done.output
    assert content(make_same(city), "PARKS-0001")["comments"] == "Looked at"
    assert list(model.Session.scalars(sa.select(Record.title))) == ["Trees"]


def make_same(city: City) -> City:
    """Bring the city's people back into the session that the command closed."""
    for name in vars(city):
        setattr(city, name, model.Session.merge(getattr(city, name)))
    return city


def test_the_page_takes_the_choice_both_ways(city: City, app: CKANTestApp) -> None:
    page = Pages(city, app, "coordinator")
    path = page.upload(saved(edited(city)))
    found = again(city, {"id": path.rsplit("/", 1)[1]}, sheets=["Datasets", "Sources"])
    assert (found["counts"]["new"], found["counts"]["changed"]) == (1, 1)
    body = page.get(path).body
    assert "With none ticked, all sheets of the workbook are read." in body
    ticked = re.findall(r'name="sheet" value="([^"]*)" checked', body)
    assert set(ticked) == {"Datasets", "Sources"}
    page.post(path, act="look", sheets_asked="1", sheet="Datasets")
    body = page.get(path).body
    assert "Sheets not read: Sources, Blockers." in body
    assert "TreeBase" not in body
    page.post(path, act="look", sheets_asked="1")
    assert "TreeBase" in page.get(path).body


class TestFixesOfWhatIsNotReadNow:
    """They are told by the column's header, and by what the cell says, on whatever sheet it stands."""

    @staticmethod
    def fixed(found: dict[str, Any]) -> list[tuple[str, str, str]]:
        return [(fix["column"], fix["cell"], fix["text"]) for fix in found["fixed"]]

    @staticmethod
    def lists() -> openpyxl.Workbook:
        book = openpyxl.Workbook()
        book.active.title = "One"
        for name, title in (("One", "Trees"), ("Two", "Lamps")):
            sheet = book[name] if name in book.sheetnames else book.create_sheet(name)
            sheet.append(["Name", "How much", None])
            sheet.append([title, "Hgh", "x"])
        return book

    def test_of_a_list(self, city: City) -> None:
        found = preview(
            city,
            self.lists(),
            department="parks",
            sheets=["One"],
            columns={"How much": "value"},
            fixes={"One!2!@1": "High", "One!2!@2": "y"},
            fixes_all={"One!@1": {"Hgh": "High"}},
        )
        told = [("How much", "Hgh", "High"), ("(C)", "x", "y"), ("How much", "Hgh", "High")]
        assert self.fixed(found) == told
        other = again(city, found, sheets=["Two"])
        assert self.fixed(other) == told
        assert self.fixed(again(city, other, kind="source", sheets=["One"])) == told

    def test_of_a_field_without_a_column_and_of_the_other_kind(self, city: City) -> None:
        found = preview(
            city,
            self.lists(),
            department="parks",
            sheets=["One"],
            fixes={"One!2!classification": "Public", "One!2!assignee": "Ann"},
        )
        told = {("Classification", "", "Public"), ("Assigned to", "", "Ann")}
        assert set(self.fixed(found)) == told
        assert set(self.fixed(again(city, found, kind="source"))) == told

    def test_of_our_workbook(self, city: City) -> None:
        city.entry(title="Trees", value="low")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Value="Hgh")
        add(book, "Sources", Name="TreeBase")
        found = preview(city, book, fixes={"Datasets!2!value": "High"})
        told = [("Value", "Hgh", "High")]
        assert self.fixed(found) == told
        assert self.fixed(again(city, found, sheets=["Sources"])) == told
