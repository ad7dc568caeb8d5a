"""Giving out entries and sources: only what the caller may read, and safe to open."""

from __future__ import annotations

import base64
import csv
import io
from typing import Any

import ckan.plugins.toolkit as tk
import openpyxl
import pytest
from ckan import model
from ckan.tests.helpers import call_action

from ckanext.inventory.types import Role
from tests import support

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def city() -> dict[str, model.User]:
    people: dict[str, model.User] = {}
    for code in ("PARKS", "WATER"):
        department = support.make_department(code, name=code.lower(), title=code.title())
        person = support.grant(support.make_user(code.lower()), Role.COORDINATOR, department)
        people[code] = person
        for kind, data in (
            ("source", f"Name\n{code} base\n"),
            ("entry", f"Name,Data source,Classification\n=1+{code},{code} base,Public\nB,,\n"),
        ):
            call_action(
                "inventory_import",
                support.context(person),
                upload=data.encode(),
                filename="list.csv",
                kind=kind,
                department=department.name,
            )
    people["viewer"] = support.grant(support.make_user("viewer"), Role.VIEWER)
    return people


def export(user: model.User, **params: Any) -> bytes:
    result = call_action("inventory_export", support.context(user), **params)
    return base64.b64decode(result["content"])


def table(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def test_everybody_gets_what_they_may_read(city: dict[str, model.User]) -> None:
    rows = table(export(city["PARKS"]))
    assert [row["Number"] for row in rows] == ["PARKS-0001", "PARKS-0002"]
    first = rows[0]
    assert first["Name (Dataset name)"] == "'=1+PARKS"
    assert first["Source (Data source)"] == "PARKS-S001"
    assert (first["Department"], first["State"]) == ("Parks", "Draft")
    assert first["Classification in force"] == "Public"
    assert len(table(export(city["viewer"]))) == 4
    assert len(table(export(city["viewer"], state="submitted"))) == 0
    assert [row["Number"] for row in table(export(city["WATER"], kind="source"))] == ["WATER-S001"]
    with pytest.raises(tk.NotAuthorized):
        export(support.make_user("outsider"))


def test_a_workbook_holds_texts_only(city: dict[str, model.User]) -> None:
    book = openpyxl.load_workbook(io.BytesIO(export(city["PARKS"], format="xlsx")))
    assert book.active is not None
    cells = {cell.value: cell.data_type for cell in book.active[2]}
    assert cells["=1+PARKS"] == "s"


def test_an_export_that_comes_back_makes_nothing(city: dict[str, model.User]) -> None:
    for file_format in ("csv", "xlsx"):
        result = call_action(
            "inventory_import",
            support.context(city["PARKS"]),
            upload=export(city["PARKS"], format=file_format),
            filename=f"back.{file_format}",
            department="parks",
        )
        assert (result["created"], result["skipped_count"]) == (0, 2)
        assert "PARKS-0001" in result["skipped"][0]["reason"]
