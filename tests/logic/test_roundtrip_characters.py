"""Characters that no database holds never get past the reader, wherever a file has them."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import openpyxl
import pytest

from tests.logic.city import City, make_city
from tests.logic.returning import again, content, download, opened, preview, put, save, saved

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def with_escapes(data: bytes) -> bytes:
    """Write Excel's escape of a character of no width in place of each ``QQQ``."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"QQQ", b"_x0000_"))
    return out.getvalue()


def table(*rows: list[str]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    return with_escapes(saved(book))


def report(city: City, done: dict[str, Any]) -> dict[str, Any]:
    return city.do(city.coordinator, "inventory_import_show", id=done["id"])


def test_a_header_of_a_list_is_one_that_can_be_kept_and_chosen(city: City) -> None:
    data = table(["Data set", "AQQQB"], ["Trees", "x"])
    found = preview(city, data, filename="l.xlsx", department="parks")
    assert [item["column"] for item in found["columns"]] == ["Data set", "A B"]
    found = again(city, found, columns={"A B": "notes"})
    shown = report(city, save(city, found))
    assert [item["column"] for item in shown["columns"]] == ["Data set", "A B"]
    assert content(city, "PARKS-0001")["notes"] == "x"


def test_a_header_that_is_known_is_known_with_one_in_it(city: City) -> None:
    data = table(["NameQQQ", "DescriptionQQQ"], ["Trees", "x"])
    found = preview(city, data, filename="l.xlsx", department="parks")
    assert [item["field"] for item in found["columns"]] == ["title", "notes"]


def test_a_header_in_a_workbook_of_ours(city: City) -> None:
    city.entry(title="Trees")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Comments="c")
    sheet = book["Datasets"]
    sheet.cell(1, sheet.max_column + 1).value = "AQQQB"
    sheet.cell(2, sheet.max_column).value = "x"
    shown = report(city, save(city, preview(city, with_escapes(saved(book)))))
    assert {"sheet": "Datasets", "column": "A B", "field": "", "label": ""} in shown["columns"]


def test_a_cell_of_any_column_of_a_workbook_of_ours(city: City) -> None:
    """A known record keeps what it was, and a new one takes what is left."""
    city.entry(title="Trees", notes="one")
    book = opened(download(city))
    sheet = book["Datasets"]
    for index in range(2, sheet.max_column):
        sheet.cell(2, index).value = "aQQQb"
        sheet.cell(3, index).value = "cQQQd"
    found = preview(city, with_escapes(saved(book)))
    city.do(city.coordinator, "inventory_import_marked", id=found["id"])
    found = again(city, found, left_out=["all"])
    assert "\x00" not in json.dumps(report(city, found)["counts"])
    if found["can_save"]:
        save(city, found)
    assert "\x00" not in str(content(city, "PARKS-0001"))


def test_a_cell_of_any_column_of_a_list(city: City) -> None:
    book = opened(download(city))
    headers = [str(cell.value) for cell in book["Datasets"][1][:-1]]
    data = table(headers, ["aQQQb" for _ in headers])
    found = preview(city, data, filename="l.xlsx", department="parks")
    city.do(city.coordinator, "inventory_import_marked", id=found["id"])
    found = again(city, found, left_out=["all"])
    if found["can_save"]:
        save(city, found)


def test_half_a_character_in_json(city: City) -> None:
    city.entry(title="Trees", notes="one")
    text = download(city, format="json").decode()
    given = json.loads(text)
    sheet = next(item for item in given["sheets"] if item["name"] == "Datasets")
    sheet["name"] = "Data\ud800sets\x00"
    sheet["columns"].insert(-1, {**sheet["columns"][0], "header": "A\ud800B\x00"})
    for row in sheet["rows"]:
        row.insert(len(sheet["columns"]) - 2, "x")
    notes = [column["header"] for column in sheet["columns"]].index("Description")
    sheet["rows"][0][notes] = "two"
    found = preview(city, json.dumps(given).encode(), filename="l.json")
    shown = report(city, save(city, found))
    assert ("Data sets", "A B") in {(item["sheet"], item["column"]) for item in shown["columns"]}
    assert content(city, "PARKS-0001")["notes"] == "two"
