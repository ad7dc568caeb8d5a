"""What the columns of a list mean is remembered when it is saved, and said where it misleads."""

from __future__ import annotations

from typing import Any

import pytest
from ckan import model
from ckan.tests.helpers import CKANTestApp

from ckanext.inventory.model import ImportMapping
from ckanext.inventory.spreadsheets.headers import DEPARTMENT
from tests.logic.city import City, make_city
from tests.logic.returning import again, preview, save
from tests.views.pages import Pages

LIST = b"Qwertz,Yxcv\nTrees,x\nBenches,y\n"
NEXT = b"Qwertz,Yxcv\nLamps,z\n"
MEANT = {"Qwertz": "title", "Yxcv": "notes"}


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def look(city: City, data: bytes = NEXT, user: Any = None, **choices: Any) -> dict[str, Any]:
    choices.setdefault("department", "parks")
    return preview(city, data, user, filename="list.csv", **choices)


def remembered() -> dict[str, Any]:
    model.Session.expire_all()
    return {row.department: row.columns for row in model.Session.query(ImportMapping)}


def test_a_look_remembers_nothing(city: City) -> None:
    found = look(city, LIST, columns={"Qwertz": "notes", "Yxcv": "title"})
    assert remembered() == {}
    city.do(city.coordinator, "inventory_import_discard", id=found["id"])
    assert remembered() == {}
    assert look(city)["can_save"] is False


def test_saving_does_what_was_meant_by_then(city: City) -> None:
    found = look(city, LIST, columns={"Qwertz": "", "Yxcv": "title"})
    found = again(city, found, columns=MEANT)
    save(city, found)
    assert remembered() == {city.parks.id: MEANT}
    found = look(city)
    assert [row["title"] for row in found["rows"]] == ["Lamps"]
    assert found["can_save"] is True
    assert look(city, NEXT, city.neighbour, department="water")["can_save"] is False


def test_without_an_answer_there_is_nothing_to_remember(city: City) -> None:
    save(city, look(city, b"Dataset name\nTrees\n"))
    assert remembered() == {}


def test_a_list_of_the_whole_city_is_remembered_for_the_city(city: City) -> None:
    rows = b"Qwertz,Yxcv\nTrees,Parks\n"
    meant = {"Qwertz": "title", "Yxcv": DEPARTMENT}
    save(city, look(city, rows, city.cdo, department="", columns=meant), city.cdo)
    assert remembered() == {"": meant}
    found = look(city, rows.replace(b"Trees", b"Lamps"), city.cdo, department="")
    assert found["can_save"] is True
    assert look(city, rows, department="")["can_save"] is False, (
        "for the city, not for a department"
    )
    save(city, look(city, rows.replace(b"Trees", b"Paths"), department="", columns=meant))
    assert remembered()[city.parks.id] == meant, "who has one department remembers it there"


def test_what_misleads_is_said(city: City) -> None:
    save(city, look(city, LIST, columns=MEANT))
    row = model.Session.query(ImportMapping).one()
    row.columns = {"Qwertz": "", "Yxcv": "comments"}
    model.Session.commit()
    found = look(city)
    words = [problem["message"] for problem in found["problems"]]
    assert "No column holds the name" in words[0]
    assert "What was remembered from an earlier list was used" in words[1]
    assert "change it at Columns" in words[1]
    assert [c["field"] for c in found["columns"]] == ["", "comments"]
    found = again(city, found)
    assert len(found["problems"]) == 2, "however often it is looked at"
    found = again(city, found, columns=MEANT)
    assert (found["can_save"], found["problems"]) == (True, [])


def test_what_leaves_no_row_is_not_used_and_that_is_said(city: City) -> None:
    save(city, look(city, LIST, columns=MEANT))
    row = model.Session.query(ImportMapping).one()
    row.columns = {"Lamps": "title"}
    model.Session.commit()
    found = look(city)
    assert "would leave no row of this file, so that it wasn't used" in " ".join(found["notes"])
    assert [column["column"] for column in found["columns"]] == ["Qwertz", "Yxcv"]
    assert again(city, found, columns=MEANT)["can_save"] is True


def test_the_page_says_for_whom_it_is_remembered(city: City, app: CKANTestApp) -> None:
    for who, department, words in (
        ("coordinator", city.parks.id, "remembered for the department when you save"),
        ("coordinator", "", "remembered for the department when you save"),
        ("cdo", city.parks.id, "remembered for the department when you save"),
        ("cdo", "", "lists when you save"),
    ):
        browser = Pages(city, app, who)
        path = browser.upload(LIST, "list.csv", department=department, kind="entry")
        assert words in browser.get(path).body, (who, department)
    assert remembered() == {}
