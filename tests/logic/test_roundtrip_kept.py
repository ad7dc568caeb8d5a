"""What a list says of a known record beside its fields goes in there as well as into a new one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.logic.city import City, make_city
from tests.logic.returning import again, cells, content, preview, save

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def told(city: City, file: str, **stored: Any) -> dict[str, Any]:
    """Bring a list whose only row is a record that is there."""
    city.entry(title="Trees", **stored)
    found = preview(city, file.encode(), filename="list.csv", department="parks")
    return again(city, found, same={found["rows"][0]["where"]: "PARKS-0001"})


def test_a_source_that_nobody_registered_is_described(city: City) -> None:
    found = told(city, "Data set,Data source\nTrees,PipeBase\n")
    assert cells(found)["PARKS-0001", "system_of_record_note"] == "changed"
    save(city, found)
    assert content(city, "PARKS-0001")["system_of_record_note"] == "PipeBase"


def test_it_is_added_to_what_is_there_and_only_once(city: City) -> None:
    file = "Data set,Data source\nTrees,PipeBase\n"
    found = told(city, file, source_known="described", system_of_record_note="The old one")
    save(city, found)
    assert content(city, "PARKS-0001")["system_of_record_note"] == "The old one\nPipeBase"
    later = preview(city, file.encode(), filename="list.csv", department="parks")
    later = again(city, later, same={later["rows"][0]["where"]: "PARKS-0001"})
    assert later["counts"]["changed"] == 0


def test_several_lines_are_added_only_once(city: City) -> None:
    file = 'Data set,Existing ETL\nTrees,"Jo copies it\nand Ann looks at it"\n'
    save(city, told(city, file))
    assert "and Ann looks at it" in content(city, "PARKS-0001")["existing_etl_notes"]
    later = preview(city, file.encode(), filename="list.csv", department="parks")
    later = again(city, later, same={later["rows"][0]["where"]: "PARKS-0001"})
    assert later["counts"]["changed"] == 0


def test_a_name_beside_an_address_fills_the_name_or_goes_to_the_comments(city: City) -> None:
    file = "Data set,Steward email\nTrees,Jo Doe jo@larkhaven.example\n"
    found = told(city, file)
    changed = cells(found)
    assert changed["PARKS-0001", "steward_email"] == "changed"
    assert changed["PARKS-0001", "steward"] == "changed"
    save(city, found)
    file = file.replace("Jo Doe", "Ann Lee")
    later = preview(city, file.encode(), filename="other.csv", department="parks")
    later = again(city, later, same={later["rows"][0]["where"]: "PARKS-0001"})
    save(city, later)
    stored = content(city, "PARKS-0001")
    assert stored["steward"] == "Jo Doe", "a name is one line; nothing says that it is wrong"
    assert "Ann Lee" in stored["comments"]


def test_a_blocker_that_says_it_is_out_already(city: City) -> None:
    file = "Data set,Kind\nTrees,Already available\n"
    city.entry(title="Trees", existing_publication=["website"])
    columns = {"Kind": "release_blockers.kind"}
    found = preview(city, file.encode(), filename="l.csv", department="parks", columns=columns)
    found = again(city, found, same={found["rows"][0]["where"]: "PARKS-0001"})
    assert cells(found)["PARKS-0001", "existing_publication"] == "changed"
    save(city, found)
    stored = content(city, "PARKS-0001")["existing_publication"]
    assert stored == ["website", "open_data_portal"]


def test_what_is_no_department_is_a_division(city: City) -> None:
    found = told(city, "Data set,Department\nTrees,Urban Forestry\n")
    assert cells(found)["PARKS-0001", "division"] == "changed"
