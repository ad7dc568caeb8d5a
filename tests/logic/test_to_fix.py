"""The file to fix: each problem stands on the cell that it is about, in words that its reader reads."""

from __future__ import annotations

import base64
from typing import Any

import openpyxl
import pytest

from ckanext.inventory.logic import showing
from ckanext.inventory.service import languages
from ckanext.inventory.spreadsheets import layout as layouts
from tests.logic.city import City, make_city
from tests.logic.returning import (
    add,
    again,
    column,
    download,
    opened,
    preview,
    put,
    saved,
)

pytestmark = pytest.mark.usefixtures("db")

LONG = ("Trees " * 5_400).strip()
"""More than a text may have, and less than a cell can hold."""


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def marked(city: City, found: dict[str, Any]) -> openpyxl.Workbook:
    """Take the file to fix."""
    given = city.do(city.coordinator, "inventory_import_marked", id=found["id"])
    return opened(base64.b64decode(given["content"]))


def comments(city: City, found: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Sheet and cell of every comment, and what it says."""
    return {
        (sheet.title, cell.coordinate): cell.comment.text
        for sheet in marked(city, found).worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.comment
    }


def workbook_of(rows: list[list[Any]]) -> bytes:
    """A list of somebody's own as a file."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    return saved(book)


class TestOurWorkbook:
    def test_a_cell_that_is_not_understood(self, city: City) -> None:
        city.entry(title="Trees")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Value="Hgh")
        found = preview(city, book)
        ((place, words),) = comments(city, found).items()
        assert opened(saved(book))["Datasets"][place[1]].value == "Hgh"
        assert "Did you mean “High”?" in words

    def test_a_value_that_a_rule_refuses(self, city: City) -> None:
        city.entry(title="Trees")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Description=LONG)
        found = preview(city, book)
        [problem] = found["problems"]
        assert (problem["column"], problem["field"]) == ("Description", "notes")
        at = book["Datasets"].cell(2, column(book, "Datasets", "Description")).coordinate
        assert list(comments(city, found)) == [("Datasets", at)]

    def test_headers_of_ones_own(self, city: City) -> None:
        """Whoever renames a header finds that name on the page, and the comment below it."""
        city.entry(title="Trees")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Description=LONG)
        header = book["Datasets"].cell(1, column(book, "Datasets", "Description"))
        header.value = "Abstract"
        found = preview(city, book)
        [problem] = found["problems"]
        assert (problem["column"], problem["field"]) == ("Abstract", "notes")
        assert list(comments(city, found)) == [("Datasets", f"{header.column_letter}2")]

    def test_columns_of_ones_own_before_it(self, city: City) -> None:
        city.entry(title="Trees")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Description=LONG)
        book["Datasets"].insert_cols(1, 2)
        book["Datasets"]["A1"].value = "Camera"
        book["Datasets"]["B1"].value = "Photo"
        book["Datasets"].insert_rows(1, 2)
        book["Datasets"]["A1"].value = "Description"
        found = preview(city, book)
        ((_sheet, place),) = comments(city, found)
        assert book["Datasets"][place].value == LONG

    def test_a_row_as_a_whole(self, city: City) -> None:
        city.entry(title="Trees")
        book = opened(download(city))
        row = add(book, "Datasets", Number="PARKS-0099", Name="Benches")
        found = preview(city, book)
        assert list(comments(city, found)) == [("Datasets", f"A{row}")], "its number is wrong"

    def test_a_field_whose_column_was_taken_out(self, city: City) -> None:
        book = opened(download(city))
        row = add(book, "Datasets", Name="Benches")
        book["Datasets"].delete_cols(column(book, "Datasets", "Description"))
        found = again(city, preview(city, book), submit=[f"Datasets!{row}"])
        words = comments(city, found)["Datasets", f"B{row}"]
        assert "“Description” is missing." in words.splitlines()
        shown = next(item for item in found["problems"] if item["column"] == "Description")
        assert (shown["field"], shown["no_column"], shown["cell"]) == ("notes", True, "")

    def test_what_a_new_row_lacks_to_be_submitted_is_written_in_place(self, city: City) -> None:
        book = opened(download(city))
        row = add(book, "Datasets", Name="Benches", Value="High", Classification="Public")
        where = f"Datasets!{row}"
        found = again(city, preview(city, book), submit=[where])
        lacks = {item["column"]: item["field"] for item in found["problems"]}
        assert lacks["Description"] == "notes"
        place = (
            "Datasets",
            book["Datasets"].cell(row, column(book, "Datasets", "Description")).coordinate,
        )
        assert place in comments(city, found)
        fixed = again(city, found, submit=[where], fixes={f"{where}!notes": "All benches"})
        assert "Description" not in {item["column"] for item in fixed["problems"]}

    def test_a_blocker_stands_on_its_own_sheet(self, city: City) -> None:
        entry = city.entry(
            title="Trees", release_blockers=[{"kind": "privacy", "rationale": "Names"}]
        )
        book = opened(download(city))
        put(book, "Blockers", 2, Since="some day")
        found = preview(city, book)
        ((sheet, place),) = comments(city, found)
        assert (sheet, book["Blockers"][place].value) == ("Blockers", "some day")
        assert entry["number"] == "PARKS-0001"

    def test_a_blocker_without_its_kind_is_told_and_fixed_in_place(self, city: City) -> None:
        city.entry(title="Trees")
        book = opened(download(city))
        row = add(book, "Blockers", Number="PARKS-0001", Why="Names of donors")
        found = preview(city, book)
        [problem] = found["problems"]
        assert list(comments(city, found)) == [("Blockers", f"C{row}")]
        fixed = again(city, found, fixes={f"{problem['where']}!{problem['field']}": "Privacy"})
        assert (fixed["problems"], fixed["counts"]["changed"]) == ([], 1)

    def test_a_sheet_that_was_not_read(self, city: City) -> None:
        city.entry(title="Trees")
        book = opened(download(city))
        sheet = book["Sources"]
        add(book, "Sources", Name="PipeBase")
        sheet.delete_cols(sheet.max_column)
        found = preview(city, book)
        ((place, words),) = comments(city, found).items()
        assert place == ("Sources", "A1")
        assert words.startswith("This sheet wasn't read")


class TestOurWorkbookInAnotherLanguage:
    WORDS = {"Description": "Beschreibung", "Datasets": "Datensätze", "Name": "Bezeichnung"}

    @pytest.fixture
    def german(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def say(text: str) -> str:
            return self.WORDS.get(text, text)

        monkeypatch.setattr(
            languages, "sayer", lambda language: say if language == "de" else layouts.as_it_is
        )

    def test_the_column_is_found_and_named_as_in_the_file(
        self, city: City, german: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        city.entry(title="Trees")
        monkeypatch.setattr(languages, "current", lambda: "de")
        book = opened(download(city))
        monkeypatch.setattr(languages, "current", lambda: "en")
        put(book, "Datensätze", "PARKS-0001", Beschreibung=LONG)
        found = preview(city, book)
        [problem] = found["problems"]
        assert (problem["column"], problem["field"]) == ("Beschreibung", "notes")
        at = next(c.coordinate for c in book["Datensätze"][2] if c.value == LONG)
        assert list(comments(city, found)) == [("Datensätze", at)]


class TestAForeignList:
    """Its columns have other names and another order, and titles above them."""

    @staticmethod
    def bring(city: City, *rows: list[Any], **choices: Any) -> dict[str, Any]:
        book = workbook_of([["What the parks hold"], [], *rows])
        return preview(city, book, filename="list.xlsx", department="parks", **choices)

    def test_a_cell_that_is_not_understood(self, city: City) -> None:
        found = self.bring(
            city, ["Remarks", "Data set", "Category"], ["", "Trees", "Lakes"], ["", "Benches", ""]
        )
        [problem] = [item for item in found["problems"] if item["row"]]
        assert problem["column"] == "Category"
        assert ("Sheet", "C4") in comments(city, found)

    def test_two_columns_of_the_same_name(self, city: City) -> None:
        found = self.bring(city, ["Data set", "Category", "Category"], ["Trees", "", "Lakes"])
        [problem] = found["problems"]
        assert problem["field"] == "@2"
        assert list(comments(city, found)) == [("Sheet", "C4")]

    def test_a_new_row_that_a_rule_refuses(self, city: City) -> None:
        found = self.bring(city, ["Remarks", "Data set", "Master_ID"], ["", "Trees", "7" * 201])
        [problem] = found["problems"]
        assert (problem["column"], problem["field"]) == ("Master_ID", "@2")
        assert problem["severity"] == "error"
        assert list(comments(city, found)) == [("Sheet", "C4")]

    def test_a_change_of_a_known_one_that_a_rule_refuses_is_fixed_in_place(
        self, city: City
    ) -> None:
        city.entry(title="Trees")
        found = self.bring(city, ["Remarks", "Data set", "Master_ID"], ["", "Trees", "7" * 201])
        where = found["rows"][0]["where"]
        found = again(city, found, same={where: "PARKS-0001"})
        [problem] = found["problems"]
        assert (problem["column"], problem["severity"]) == ("Master_ID", "error")
        assert list(comments(city, found)) == [("Sheet", "C4")]
        fixes = {f"{problem['where']}!{problem['field']}": "7"}
        fixed = again(city, found, same={where: "PARKS-0001"}, fixes=fixes)
        assert (fixed["problems"], fixed["counts"]["changed"]) == ([], 1)

    def test_a_field_that_it_has_no_column_for(self, city: City) -> None:
        found = self.bring(city, ["Remarks", "Data set", "Abstract"], ["", "Trees", "All trees"])
        found = again(city, found, submit=[found["rows"][0]["where"]])
        problem = next(item for item in found["problems"] if item["column"] == "Value")
        assert (problem["field"], problem["no_column"], problem["cell"]) == ("value", True, "")
        words = comments(city, found)
        assert list(words) == [("Sheet", "B4")], "the cell that names the row"
        assert problem["message"] == "“Value” is missing."
        assert problem["message"] in words["Sheet", "B4"].splitlines()

    def test_the_comment_names_a_field_that_its_message_does_not(self) -> None:
        problem = {
            "place": {"sheet": "Sheet", "row": 4, "column": 1},
            "severity": "error",
            "column": "Why the target moved",
            "field": "",
            "no_column": True,
            "message": "Say why the target date moved.",
            "suggestion": "",
        }
        [remark] = showing.remarks([problem], {})
        assert remark.words == "Why the target moved: Say why the target date moved."

    def test_a_field_that_is_empty_and_has_a_column(self, city: City) -> None:
        found = self.bring(city, ["Value of it", "Data set", "Worth"], ["", "Trees", ""])
        found = again(city, found, columns={"Worth": "value"}, submit=[found["rows"][0]["where"]])
        problem = next(item for item in found["problems"] if item["column"] == "Worth")
        assert problem["field"] == "@2"
        assert ("Sheet", "C4") in comments(city, found)

    def test_a_row_without_a_name(self, city: City) -> None:
        found = self.bring(city, ["Remarks", "Data set"], ["7", ""], ["8", "Trees"])
        places = list(comments(city, found))
        assert ("Sheet", "B4") in places

    def test_a_row_as_a_whole(self, city: City) -> None:
        city.entry(title="Trees")
        found = self.bring(
            city, ["Remarks", "Data set", "Abstract"], ["", "Trees", "a"], ["", "Trees", "b"]
        )
        same = {row["where"]: "PARKS-0001" for row in found["rows"]}
        ((place, words),) = comments(city, again(city, found, same=same)).items()
        assert place == ("Sheet", "B5")
        assert "row 4" in words

    def test_a_column_as_a_whole(self, city: City) -> None:
        found = self.bring(city, ["Data set", "Wind speed"], ["Trees", "12"])
        ((place, words),) = comments(city, found).items()
        assert place == ("Sheet", "B3")
        assert words == "No field fits this column: it was kept out."

    def test_the_file_as_a_whole(self, city: City) -> None:
        found = self.bring(city, ["Qwe", "Rty"], ["Trees", "12"])
        assert list(comments(city, found)) == [("Sheet", "A3")]
