"""The page of a saved file: whose it was, what it did, what didn't go in, and taking it back in two steps."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.inventory.model import Import, Record
from tests.logic.city import City
from tests.logic.returning import add, again, column, content, preview, put, save
from tests.views.pages import Pages


def look(pages: Pages, done: dict[str, Any]) -> str:
    answer = pages.get(f"/spreadsheet/{done['id']}")
    assert answer.status_code == 200
    return str(answer.body)


def section(body: str, name: str) -> str:
    """The text of one section of the page."""
    found = re.search(rf'<section[^>]* id="{name}".*?</section>', body, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split()) if found else ""


def brought(city: City, pages: Pages) -> dict[str, Any]:
    """A workbook with a changed cell, a mark, a new row, one cell that nobody understands, and a strange column."""
    city.entry(title="Trees", notes="one")
    book = pages.workbook()
    put(book, "Datasets", "PARKS-0001", Description="two", Value="Hgh")
    put(book, "Datasets", "PARKS-0001", Assigned_to="parks-coordinator")
    add(book, "Datasets", Name="New trees", Comments="Ask the vendor")
    sheet = book["Datasets"]
    sheet.cell(1, sheet.max_column + 1).value = "My own"
    sheet.cell(2, column(book, "Datasets", "My own")).value = "x"
    return save(city, preview(city, book))


def test_it_tells_the_file_who_brought_it_and_for_whom(city: City, pages: Pages) -> None:
    done = brought(city, pages)
    facts = section(look(pages, done), "file")
    assert done["digest"] in facts
    for words in ("parks.xlsx", "SHA-256", "Parks Coordinator", "Parks", "(UTC)", "KiB"):
        assert words in facts, words


def test_it_counts_and_tells_each_change(city: City, pages: Pages) -> None:
    body = look(pages, brought(city, pages))
    tiles = re.findall(r'<a href="#(\w+)"[^>]*><b>([\d,]+)</b>', body)
    assert tiles == [
        ("changes", "2"),
        ("new", "1"),
        ("changes", "0"),
        ("stayed", "1"),
        ("columns", "1"),
        ("file", "0"),
    ]
    changes = section(body, "changes")
    for words in ("PARKS-0001", "Description one", "two", "Assigned to", "Parks Coordinator"):
        assert words in changes, words
    new = section(body, "new")
    for words in ("PARKS-0002", "New trees", "Ask the vendor"):
        assert words in new, words


def test_it_tells_what_did_not_go_in_and_what_columns_were_taken_for(
    city: City, pages: Pages
) -> None:
    body = look(pages, brought(city, pages))
    rest = section(body, "stayed")
    for words in ("Datasets, row 2, Value", "PARKS-0001", "It is none of the values"):
        assert words in rest, words
    assert "Hgh" not in body
    columns = section(body, "columns")
    assert "My own" in columns
    assert "not taken" in columns
    assert "other columns bear the inventory" in columns


def test_the_columns_of_a_list(city: City, pages: Pages) -> None:
    found = preview(
        city, b"Dataset name,Who has it\nTrees,Ann\n", filename="list.csv", department="parks"
    )
    found = again(city, found, columns={"Who has it": "steward"})
    columns = section(look(pages, save(city, found)), "columns")
    assert "Who has it Who knows the data" in columns
    assert "Dataset name Name" in columns


def test_taking_it_back_asks_first_without_scripts(city: City, pages: Pages) -> None:
    done = brought(city, pages)
    body = look(pages, done)
    question = re.search(r'<details[^>]* id="take-back".*?</details>', body, re.DOTALL)
    assert question is not None
    assert " open" not in question[0].partition(">")[0]
    words = " ".join(re.sub(r"<[^>]+>", " ", question[0]).split())
    assert words.startswith("Take all of it back")
    assert "One new record is removed." in words
    assert "One record gets back what it held before." in words
    assert "never submitted" not in words
    assert 'name="act" value="undo"' in question[0]
    assert body.count('value="undo"') == 1
    assert "Leave it as it is" in words
    assert pages.post(f"/spreadsheet/{done['id']}", act="undo").status_code == 303
    assert content(city, "PARKS-0001")["notes"] == "one"
    after = look(pages, done)
    assert "Taken back by Parks Coordinator" in after
    assert "take-back" not in after
    assert done["digest"] in after


def test_what_was_submitted_in_the_same_step_is_said(city: City, pages: Pages) -> None:
    book = pages.workbook()
    add(book, "Sources", Name="Tree system", Kind="Database")
    cells = {"Source": "Tree system", "Value": "High", "Classification": "Public"}
    cells["Is_there_a_reason_people_outside_shouldn't_see_this?"] = "No"
    add(book, "Datasets", Name="New", Description="Every tree the city plants", **cells)
    done = save(city, preview(city, book, submit=["all"]))
    body = look(pages, done)
    words = " ".join(body.split())
    assert "2 new records are removed." in words
    assert "One was submitted in the same step: it counts as never submitted." in words


def test_an_import_of_long_ago_has_a_page_too(city: City, pages: Pages) -> None:
    done = brought(city, pages)
    model.Session.execute(
        sa.update(Import)
        .where(Import.id == done["id"])
        .values(choices={}, counts={"read": 2, "changed": 1, "new": 1})
    )
    model.Session.commit()
    body = look(pages, done)
    assert section(body, "stayed") == section(body, "columns") == ""
    assert "not taken as written" not in body
    assert "conflicts settled" not in body
    assert done["digest"] in body


def test_no_tile_leads_nowhere(city: City, pages: Pages) -> None:
    city.entry(title="Trees", notes="one")
    book = pages.workbook()
    put(book, "Datasets", "PARKS-0001", Description="two")
    for body in (look(pages, save(city, preview(city, book))), look(pages, brought(city, pages))):
        for anchor in re.findall(r'href="#(\w+)"', body):
            assert f'id="{anchor}"' in body, anchor


def test_the_page_says_nothing_of_records_that_moved_away(city: City, pages: Pages) -> None:
    """Leak L39."""
    done = brought(city, pages)
    model.Session.execute(
        sa.update(Record)
        .where(Record.number == "PARKS-0001")
        .values(department=city.water.id, assignee=None)
    )
    model.Session.commit()
    body = look(pages, done)
    assert "PARKS-0001" not in body
    assert "row 2" not in section(body, "stayed")
    assert "One more record is not for you to read." in body


def test_the_workbook_is_offered_as_json_too(city: City, pages: Pages) -> None:
    body = pages.get("/spreadsheet").body
    for name in ("xlsx", "csv", "json"):
        assert f'name="format" value="{name}"' in body
    answer = pages.get("/workbook?department=parks&which=empty&format=json")
    assert answer.status_code == 200
    assert "parks-empty" in answer.headers["Content-Disposition"]
    assert '"sheets"' in answer.body


def test_a_record_that_was_deleted_since_has_no_link(city: City, pages: Pages) -> None:
    done = brought(city, pages)
    links = r'<a class="inv-ref" href="[^"]*(PARKS-\d+)"'
    assert set(re.findall(links, look(pages, done))) == {"PARKS-0001", "PARKS-0002"}
    entry = city.do(city.coordinator, "inventory_entry_show", id="PARKS-0002")
    city.do(city.coordinator, "package_delete", id=entry["id"])
    body = look(pages, done)
    assert "PARKS-0002" in section(body, "new")
    assert set(re.findall(links, body)) == {"PARKS-0001"}


def test_what_was_not_taken_of_a_hidden_record_is_counted_and_said_to_be(
    city: City, pages: Pages
) -> None:
    done = brought(city, pages)
    model.Session.execute(
        sa.update(Record)
        .where(Record.number == "PARKS-0001")
        .values(department=city.water.id, assignee=None)
    )
    model.Session.commit()
    body = look(pages, done)
    assert re.search(r'<a href="#stayed"><b>1</b>', body)
    told = section(body, "stayed")
    assert "One is about a record that is not for you to read." in told
    assert "PARKS-0001" not in body


def test_on_a_small_screen_its_tables_stand_cell_below_cell(city: City, pages: Pages) -> None:
    body = look(pages, brought(city, pages))
    for name in ("changes", "new", "stayed"):
        (table,) = re.findall(
            rf'<section[^>]* id="{name}".*?<table class="([^"]*)"', body, re.DOTALL
        )
        assert "inv-asks" in table.split()
