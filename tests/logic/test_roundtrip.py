"""The spreadsheet round trip: download, edit anywhere, see every change, save."""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Any

import openpyxl
import pytest

from tests.logic.city import ENOUGH_TO_APPROVE, City, make_city

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def download(city: City, user: Any = None, **data: Any) -> bytes:
    """Take a workbook, by default the parks department's as its coordinator."""
    data.setdefault("department", "parks")
    found = city.do(user or city.coordinator, "inventory_workbook", **data)
    return base64.b64decode(found["content"])


def opened(data: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(data))


def saved(book: openpyxl.Workbook) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def column(book: openpyxl.Workbook, sheet: str, header: str) -> int:
    """The position of a column, from 1."""
    for cell in book[sheet][1]:
        if str(cell.value).rstrip(" *") == header:
            return int(cell.column)
    raise AssertionError(f"{sheet} has no column {header}")


def test_the_workbook_holds_what_is_stored(city: City) -> None:
    source = city.do(
        city.coordinator, "inventory_source_create", title="Tree system", owner_org=city.parks.id
    )
    city.entry(**{**ENOUGH_TO_APPROVE, "source_ids": [source["id"]]})
    city.entry(
        title="Benches",
        notes="=1+1",
        release_blockers=[{"kind": "privacy", "rationale": "Names of donors"}],
    )
    book = opened(download(city))
    assert book.sheetnames == ["Start here", "Sources", "Datasets", "Blockers", "Lists"]
    sheet = book["Datasets"]
    assert [sheet.cell(row, 1).value for row in (2, 3)] == ["PARKS-0001", "PARKS-0002"]
    assert sheet.cell(2, column(book, "Datasets", "Name")).value == "Street and park trees"
    assert sheet.cell(2, column(book, "Datasets", "State")).value == "Draft"
    assert sheet.cell(2, column(book, "Datasets", "Value")).value == "High"
    assert sheet.cell(2, column(book, "Datasets", "Source")).value == "PARKS-S001 Tree system"
    formula = sheet.cell(3, column(book, "Datasets", "Description"))
    assert (formula.value, formula.data_type, formula.quotePrefix) == ("=1+1", "s", True)
    blockers = book["Blockers"]
    assert [blockers.cell(2, n).value for n in (1, 2, 3)] == ["PARKS-0002", "Benches", "Privacy"]
    assert sheet.freeze_panes == "C2"


def test_csv_and_json_hold_the_same_cells(city: City) -> None:
    city.entry(notes="=cmd()|' /C calc'!A0")
    book = opened(download(city))
    rows = [[cell.value for cell in row] for row in book["Datasets"].iter_rows()]
    lines = list(csv.reader(io.StringIO(download(city, format="csv").decode("utf-8-sig"))))
    assert [header.rstrip(" *") for header in rows[0][:-1]] == lines[0][:-1]
    assert "'=cmd()|' /C calc'!A0" in lines[1]
    sheets = {s["name"]: s for s in json.loads(download(city, format="json"))["sheets"]}
    cells = [cell or None for cell in sheets["Datasets"]["rows"][0]]
    assert cells == rows[1]


def test_an_empty_form(city: City) -> None:
    city.entry()
    book = opened(download(city, empty=True))
    assert book["Datasets"].max_row == 1


def test_only_what_the_person_may_read(city: City) -> None:
    """Leaks L1, L39: another department's workbook is an empty one."""
    city.entry(title="Secret trees")
    found = download(city, city.neighbour, format="json").decode()
    assert "Secret" not in found
    assert "PARKS-0001" not in found
    everything = download(city, city.cdo, department=None, format="json").decode()
    assert "Secret trees" in everything
