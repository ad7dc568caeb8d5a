"""Columns of our own workbooks whose headers were changed: a person says what they are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.logic.city import City, make_city
from tests.logic.returning import (
    again,
    cells,
    column,
    content,
    download,
    opened,
    preview,
    put,
    save,
)


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def renamed(book: Any, sheet: str, header: str, name: str) -> None:
    book[sheet].cell(1, column(book, sheet, header)).value = name


def test_a_renamed_header_is_offered_the_fields_that_no_other_column_fills(city: City) -> None:
    city.entry(notes="one")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description="two")
    renamed(book, "Datasets", "Description", "What it is about")
    found = preview(city, book)
    (unknown,) = found["unknown"]
    assert unknown == {
        "sheet": "Datasets",
        "column": "What it is about",
        "filled": 1,
        "sample": "two",
        "field": "",
        "fields": [{"name": "notes", "label": "Description"}],
    }
    assert (found["counts"]["unknown"], found["counts"]["changed"]) == (1, 0)


def test_what_somebody_says_a_column_is_is_read_like_that_field(city: City) -> None:
    city.entry(notes="one")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description="two")
    renamed(book, "Datasets", "Description", "What it is about")
    found = again(city, preview(city, book), columns={"What it is about": "notes"})
    assert cells(found) == {("PARKS-0001", "notes"): "changed"}
    assert found["unknown"][0]["field"] == "notes"
    assert found["counts"]["unknown"] == 0
    save(city, found)
    assert content(city, "PARKS-0001")["notes"] == "two"


def test_columns_of_one_new_header_are_told_apart_by_their_letters(city: City) -> None:
    city.entry(notes="one")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description="two", Comments="mine")
    for header in ("Description", "Comments"):
        renamed(book, "Datasets", header, "Our own words")
    found = preview(city, book)
    first, second = (item["column"] for item in found["unknown"])
    assert first != second
    assert {item.partition(" (")[0] for item in (first, second)} == {"Our own words"}
    found = again(city, found, columns={second: "notes", first: "comments"})
    assert cells(found) == {
        ("PARKS-0001", "notes"): "changed",
        ("PARKS-0001", "comments"): "changed",
    }
    found = again(city, preview(city, book), columns={"Our own words": "notes"})
    assert [item["field"] for item in found["unknown"]] == ["notes", ""], "the first of them"


def test_a_problem_names_the_column_as_the_file_does_and_can_be_fixed(city: City) -> None:
    city.entry(value="low")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Value="highh")
    renamed(book, "Datasets", "Value", "How much it matters")
    found = preview(city, book, columns={"How much it matters": "value"})
    (problem,) = found["problems"]
    assert (problem["column"], problem["field"]) == ("How much it matters", "value")
    found = again(city, found, fixes={f"{problem['where']}!value": "High"})
    assert cells(found) == {("PARKS-0001", "value"): "changed"}


def test_rows_that_nobody_wrote_into_stay_unread_when_a_header_is_mapped(city: City) -> None:
    city.entry(notes="one")
    book = opened(download(city))
    renamed(book, "Datasets", "Description", "What it is about")
    found = preview(city, book, columns={"What it is about": "notes"})
    assert (found["rows"], found["counts"]["unchanged"]) == ([], 1)


def test_two_columns_are_not_the_same_field_and_a_filled_field_is_not_offered(city: City) -> None:
    city.entry(notes="one", comments="two")
    book = opened(download(city))
    renamed(book, "Datasets", "Description", "First")
    renamed(book, "Datasets", "Comments", "Second")
    wanted = {"First": "notes", "Second": "notes"}
    found = preview(city, book, columns=wanted)
    first, second = found["unknown"]
    assert (first["field"], second["field"]) == ("notes", "")
    assert {item["name"] for item in first["fields"]} == {"notes", "comments"}
    assert [item["name"] for item in second["fields"]] == ["comments"]
    # a field that another column is keeps its meaning, whatever is chosen
    found = again(city, found, columns={"First": "title", "Second": "number"})
    assert [item["field"] for item in found["unknown"]] == ["", ""]
    assert found["counts"]["changed"] == 0


def test_what_a_file_may_not_change_is_not_offered(city: City) -> None:
    city.entry()
    book = opened(download(city))
    for header in ("State", "Classification confirmed", "Comments"):
        renamed(book, "Datasets", header, f"{header} then")
    put(book, "Datasets", "PARKS-0001", Comments_then="one")
    found = preview(city, book, columns={"State then": "state"})
    state = next(item for item in found["unknown"] if item["column"] == "State then")
    assert (state["field"], [item["name"] for item in state["fields"]]) == ("", ["comments"])


def test_a_sheet_of_blockers_likewise(city: City) -> None:
    city.entry(
        blocker_status="some",
        release_blockers=[{"kind": "privacy", "rationale": "It names people."}],
    )
    book = opened(download(city))
    put(book, "Blockers", 2, Why="It names residents.")
    renamed(book, "Blockers", "Why", "For what reason")
    found = preview(city, book)
    (unknown,) = found["unknown"]
    assert (unknown["sheet"], unknown["fields"]) == (
        "Blockers",
        [{"name": "rationale", "label": "Why"}],
    )
    found = again(city, found, columns={"For what reason": "rationale"})
    assert cells(found) == {("PARKS-0001", "release_blockers/privacy/rationale"): "changed"}


def test_a_column_without_a_header_is_called_by_its_letter(city: City) -> None:
    city.entry(notes="one")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description="two")
    renamed(book, "Datasets", "Description", "")
    (unknown,) = preview(city, book)["unknown"]
    found = preview(city, book, columns={unknown["column"]: "notes"})
    assert cells(found) == {("PARKS-0001", "notes"): "changed"}
