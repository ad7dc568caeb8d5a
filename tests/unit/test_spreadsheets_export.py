"""Giving tables out: nothing acts as a formula, and our own file is understood again."""

from __future__ import annotations

import csv
import io
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckanext.inventory.spreadsheets import export
from ckanext.inventory.spreadsheets.reader import read, text
from tests.unit.test_spreadsheets_plan import plan, schema

DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "=HYPERLINK(1)"]


@pytest.mark.parametrize("cell", DANGEROUS)
def test_no_cell_is_a_formula(cell: str) -> None:
    (_, line) = export.csv_lines(["Name"], [[cell]])
    assert next(csv.reader([line])) == [f"'{cell}"]
    stream = io.BytesIO()
    export.write_xlsx(stream, "Data", [("Name", 20)], [[cell]])
    sheet = openpyxl.load_workbook(stream).active
    assert sheet is not None
    assert (sheet["A2"].value, sheet["A2"].data_type) == (cell, "s")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30), max_size=5))
def test_texts_come_back_from_a_workbook(cells: list[str]) -> None:
    stream = io.BytesIO()
    export.write_xlsx(stream, "Data", [("Name", 20)] * (len(cells) or 1), [cells])
    rows = read(stream.getvalue(), "a.xlsx").sheets[0].rows
    found = [text(cell) for cell in rows[1][1]] if len(rows) > 1 else []
    padded = found + [""] * (len(cells) - len(found))
    assert padded == [cell.strip() for cell in cells]


def test_a_csv_file_begins_with_a_mark_for_excel() -> None:
    assert next(export.csv_lines(["Name"], [])) == "\ufeffName\r\n"


CONTENT: dict[str, Any] = {
    "title": "Street trees",
    "notes": "Each tree\nof the city",
    "keywords": ["trees", "parks"],
    "format": ["desktop_database", "gis"],
    "change_frequency": "every_four_months",
    "value": "high",
    "classification": "public_on_request",
    "earliest_records": "1985-12",
    "existing_publication": ["open_data_portal", "website"],
    "existing_publication_url": ["https://a.example/x", "https://b.example"],
    "requests_per_year": 12,
    "quality_concern": "none",
    "contains_sensitive_data": "yes_can_be_treated",
    "data_dictionary": "partial",
    "steward_email": "jo@city.example",
}


def test_what_is_given_out_is_understood_again() -> None:
    specs = [schema("inventory_entry").fields[name] for name in CONTENT]
    headers = [f"{s.label} ({s.term})" if s.term else s.label for s in specs]
    cells = [str(export.cell_of(s, CONTENT[s.name])) for s in specs]
    found = plan([headers, cells])
    assert found.problems == []
    content = found.rows[0].content
    assert {name: content.get(name) for name in CONTENT} == CONTENT
