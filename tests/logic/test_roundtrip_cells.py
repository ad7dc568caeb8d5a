"""What a cell says that isn't understood: which part it is, what was meant, and what becomes of the cell."""

from __future__ import annotations

from typing import Any

import pytest

from tests.logic.city import City, make_city
from tests.logic.returning import add, again, cells, content, download, opened, preview, put, save


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def told(found: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Column of each problem to its message and what was probably meant."""
    return {item["column"]: (item["message"], item["suggestion"]) for item in found["problems"]}


def listed(city: City, rows: str, **choices: Any) -> dict[str, Any]:
    """Bring a list that has never seen us."""
    return preview(city, rows.encode(), filename="list.csv", department="parks", **choices)


# What becomes of the cell


def test_a_cell_of_a_workbook_that_is_not_understood_stays_and_nothing_else_is_claimed(
    city: City,
) -> None:
    city.entry(steward_email="jo@city.example")
    book = opened(download(city))
    put(
        book,
        "Datasets",
        "PARKS-0001",
        **{"Their_e-mail": "call Bob", "Link_to_it": "foo", "Description": "changed"},
    )
    row = add(book, "Datasets", Name="Benches", **{"Their_e-mail": "ask Ann"})
    found = preview(city, book)
    messages = {(item["row"], item["column"]): item["message"] for item in found["problems"]}
    assert messages == {
        (2, "Their e-mail"): "It isn't an e-mail address. The cell stays as it was.",
        (2, "Link to it"): "It isn't a web address (https://…). The cell stays as it was.",
        (row, "Their e-mail"): "It isn't an e-mail address. The cell stays empty.",
    }
    save(city, found)
    stored = content(city, "PARKS-0001")
    assert (stored["steward_email"], stored["notes"]) == ("jo@city.example", "changed")
    nowhere = ("steward", "comments", "data_dictionary_url")
    assert not any(stored.get(name) for name in nowhere)
    assert not content(city, "PARKS-0002").get("steward_email")


def test_an_address_with_a_name_goes_in_without_the_name_and_says_so(city: City) -> None:
    city.entry()
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", **{"Their_e-mail": "Bob Ray <bob@city.example>"})
    found = preview(city, book)
    assert cells(found)["PARKS-0001", "steward_email"] == "changed"
    assert told(found)["Their e-mail"][0] == (
        'Only "bob@city.example" goes in: "Bob Ray" has no place here.'
    )


def test_a_text_that_cannot_be_stored_as_it_is_is_not_said_to_be_shortened(city: City) -> None:
    city.entry(notes="one")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description="x" * 32_500)
    found = preview(city, book)
    assert told(found)["Description"][0] == (
        "It is longer than 32000 characters: shorten it. The cell stays as it was."
    )
    assert found["counts"]["changed"] == 0


def test_a_list_keeps_what_does_not_fit_and_says_where(city: City) -> None:
    found = listed(
        city, "Name,Steward e-mail,Target date,Link\nTrees,call Bob,next spring,on the wall\n"
    )
    assert {column: message for column, (message, _) in told(found).items()} == {
        "Steward e-mail": 'It isn\'t an e-mail address. The text is kept in "Who knows the data".',
        "Target date": "It isn't a date. Write it as YYYY-MM-DD, YYYY-MM or YYYY. "
        'The text is kept in "Comments".',
        "Link": "It isn't a web address (https://…). "
        'The text is kept in "Where, under what name".',
    }
    save(city, found)
    stored = content(city, "PARKS-0001")
    assert stored["steward"] == "call Bob"
    assert stored["existing_publication_note"] == "on the wall"
    assert stored["comments"] == "Target date: next spring"


def test_a_list_says_as_well_where_it_keeps_what_it_says_of_a_known_record(city: City) -> None:
    city.entry(title="Trees", steward="Urban forestry")
    found = listed(city, "Name,Steward e-mail\nTrees,call Bob\n", same={"!2": "PARKS-0001"})
    assert told(found)["Steward e-mail"][0] == (
        'It isn\'t an e-mail address. The text is kept in "Who knows the data", or in the comments '
        "if something else stands there."
    )
    save(city, found)
    stored = content(city, "PARKS-0001")
    assert stored["steward"] == "Urban forestry"
    assert stored["comments"] == "Steward e-mail: call Bob"


# Several values in a cell


def test_of_several_values_the_bad_one_is_named_and_the_cell_stays(city: City) -> None:
    city.entry(format=["gis"])
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Format="Paper; Nonsense")
    found = preview(city, book)
    message, suggestion = told(found)["Format"]
    assert message.startswith('"Nonsense" is none of the values: ')
    assert message.endswith(" The cell stays as it was.")
    assert suggestion == ""
    assert found["counts"]["changed"] == 0


def test_the_whole_cell_is_suggested_as_it_was_probably_meant(city: City) -> None:
    city.entry()
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Format="Paper; Databse")
    found = preview(city, book)
    message, suggestion = told(found)["Format"]
    assert message.startswith('"Databse" is none of the values: ')
    assert suggestion == "Paper; Database (Oracle, SQL Server)"
    where = found["problems"][0]["where"]
    fixed = preview(city, book, fixes={f"{where}!format": suggestion})
    assert fixed["problems"] == []
    save(city, fixed)
    assert content(city, "PARKS-0001")["format"] == ["database", "paper"]


def test_several_bad_ones_are_all_named(city: City) -> None:
    city.entry()
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Format="Nonsense; Paper, Humbug")
    message, _ = told(preview(city, book))["Format"]
    assert message.startswith('"Nonsense", "Humbug" are none of the values: ')


def test_a_new_row_takes_the_good_ones(city: City) -> None:
    book = opened(download(city))
    add(
        book,
        "Datasets",
        Name="Benches",
        Format="Paper; Nonsense",
        Source="PARKS-S999",
        Link_to_that_place="https://city.example/a nowhere",
        Language="en; Klingon",
    )
    found = preview(city, book)
    messages = {column: message for column, (message, _) in told(found).items()}
    assert messages["Format"].endswith(' "Paper" goes in.')
    assert messages["Link to that place"] == (
        '"nowhere" isn\'t a web address (https://…). "https://city.example/a" goes in.'
    )
    assert messages["Language"] == (
        '"Klingon" isn\'t a language code such as en or fr. "en" goes in.'
    )
    assert messages["Source"] == (
        'No source has the number or name "PARKS-S999". Add it to the sheet Sources, or write its '
        "number. The cell stays empty."
    )
    save(city, found)
    stored = content(city, "PARKS-0001")
    assert stored["format"] == ["paper"]
    assert stored["existing_publication_url"] == ["https://city.example/a"]
    assert stored["language"] == ["en"]


def test_a_list_takes_the_good_ones_and_keeps_the_rest(city: City) -> None:
    found = listed(city, "Name,Format\nTrees,Paper; Nonsense\n")
    message, _ = told(found)["Format"]
    assert message.startswith('"Nonsense" is none of the values: ')
    assert message.endswith(' The text is kept in "Comments".')
    save(city, found)
    stored = content(city, "PARKS-0001")
    assert (stored["format"], stored["comments"]) == (["paper"], "Format: Nonsense")


# Rows


def test_a_row_of_a_name_that_the_file_holds_already_is_told_and_may_be_named_otherwise(
    city: City,
) -> None:
    book = opened(download(city))
    first = add(book, "Datasets", Name="Benches")
    second = add(book, "Datasets", Name="benches")
    found = preview(city, book)
    (problem,) = found["problems"]
    assert (problem["column"], problem["message"]) == (
        "Name",
        f"The file holds this name already, in row {first}: this row stays out. Give it another name if "
        "it is another one.",
    )
    assert found["counts"]["new"] == 1
    found = again(city, found, fixes={f"Datasets!{second}!title": "Benches by the lake"})
    assert (found["problems"], found["counts"]["new"]) == ([], 2)


# Which record it is


def test_a_row_none_of_whose_cells_is_understood_names_its_record(city: City) -> None:
    city.entry(title="Trees")
    city.entry(title="Benches")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Value="Hgh", Format="Stone")
    put(book, "Datasets", "PARKS-0002", Value="Hgh", Name="Park benches")
    add(book, "Datasets", Name="Lamps", Value="Hgh")
    add(book, "Datasets", Number="PARKS-0099", Name="Ponds")
    found = preview(city, book)
    named = [(p["row"], p["number"], p["title"]) for p in found["problems"]]
    assert sorted(named) == [
        (2, "PARKS-0001", "Trees"),
        (2, "PARKS-0001", "Trees"),
        (3, "PARKS-0002", "Benches"),
        (4, None, "Lamps"),
        (5, None, "Ponds"),
    ]
    assert [row["title"] for row in found["rows"]] == ["Benches", "Lamps", ""]
    assert (found["counts"]["changed"], found["counts"]["unchanged"]) == (1, 1)


def test_a_list_names_records_too_and_what_is_none_as_it_does_itself(city: City) -> None:
    city.entry(title="Trees", value="high")
    found = listed(
        city, "Name,Value\nTREES,Hgh\nBenches,Hgh\nLamps,\n,High\n", same={"!2": "PARKS-0001"}
    )
    named = [(p["row"], p["number"], p["title"]) for p in found["problems"]]
    assert sorted(named) == [(2, "PARKS-0001", "Trees"), (3, None, "Benches"), (5, None, "")]


def test_a_record_that_is_nobody_s_to_read_is_called_as_the_file_calls_it(city: City) -> None:
    city.entry(title="Trees")
    secret = city.do(
        city.neighbour,
        "inventory_entry_create",
        title="Secret wells",
        owner_org=city.water.id,
    )
    book = opened(download(city))
    row = add(book, "Datasets", Number=secret["number"], Name="Wells?", Value="High")
    [problem] = preview(city, book)["problems"]
    assert (problem["row"], problem["number"], problem["title"]) == (row, None, "Wells?")


# Columns


def test_samples_of_a_column_come_from_below_its_header(city: City) -> None:
    found = listed(
        city, "Department of Parks,\nas of May 2024,\n,\nNo.,Data set title\n1,Trees\n2,Lamps\n"
    )
    samples = {item["column"]: item["samples"] for item in found["columns"]}
    assert samples == {"No.": ["1", "2"], "Data set title": ["Trees", "Lamps"]}
