"""Real cities' lists on the page of the round trip: their figures, and the same file once more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import support
from tests.logic.city import City, make_city
from tests.logic.returning import again, preview, save
from tests.logic.test_import import REAL

pytestmark = pytest.mark.usefixtures("db")

ONE_DEPARTMENT = [row for row in REAL if not row[2]]
WHOLE_CITY = [row for row in REAL if row[2]]


@pytest.fixture
def city(db: None) -> City:
    support.make_department("SD", name="city")
    return make_city()


@pytest.mark.parametrize(
    ("file", "kind", "whole_city", "created", "skipped", "refused"), ONE_DEPARTMENT
)
def test_a_real_list_goes_in_and_comes_again(
    city: City,
    shared_data: Path,
    file: str,
    kind: str,
    whole_city: bool,
    created: int,
    skipped: int,
    refused: int,
) -> None:
    path = shared_data / file
    given = {"filename": path.name, "department": "city", "kind": kind}
    found = preview(city, path.read_bytes(), city.cdo, limit=1, **given)
    counts = found["counts"]
    assert not found["ours"]
    assert counts["new"] + counts["left_out"] + counts["skipped"] == created + skipped
    assert counts["refused_rows"] == refused
    assert (counts["changed"], counts["conflicts"]) == (0, 0)
    held = [problem["where"] for problem in found["problems"] if problem["severity"] == "error"]
    found = again(city, found, city.cdo, left_out=held, limit=1)
    assert len(save(city, found, city.cdo)["created"]) == counts["new"]
    once_more = preview(city, path.read_bytes(), city.cdo, limit=1, **given)["counts"]
    assert (once_more["new"], once_more["changed"]) == (0, 0)


@pytest.mark.parametrize(
    ("file", "kind", "whole_city", "created", "skipped", "refused"), WHOLE_CITY
)
def test_a_real_city_is_mapped_or_left_out(
    city: City,
    shared_data: Path,
    file: str,
    kind: str,
    whole_city: bool,
    created: int,
    skipped: int,
    refused: int,
) -> None:
    """None of its departments is known here: one is mapped, the others are left out expressly."""
    path = shared_data / file
    found = preview(city, path.read_bytes(), city.cdo, limit=1, filename=path.name, kind=kind)
    assert found["counts"]["read"] == created + skipped + refused
    named = found["departments_named"]
    assert found["counts"]["strange"] == len(named) > 0
    assert not found["can_save"]
    first = named[0]
    choices = {first["title"]: "city", "*": ""}
    found = again(city, found, city.cdo, departments=choices, limit=1)
    counts = found["counts"]
    assert counts["strange"] == 0
    taken = counts["new"] + counts["skipped"]
    assert taken + counts["held"] + counts["left_out"] == counts["read"]
    assert counts["held"] == refused
    assert 0 < taken <= first["rows"]
    found = again(city, found, city.cdo, left_out=["all"], limit=1)
    assert len(save(city, found, city.cdo)["created"]) == counts["new"]


def test_a_list_of_agencies_says_what_it_lacks_and_can_be_told(
    city: City, shared_data: Path
) -> None:
    """A list of agencies holds no datasets; whoever wants one record of each says which column names them.

    Counted by hand: 99 agencies below the headers, each with a name and an acronym, no name twice.
    """
    path = shared_data / "dc-edi-2018" / "agency_participants_archived.csv"
    found = preview(city, path.read_bytes(), city.cdo, filename=path.name, department="city")
    [problem] = found["problems"]
    assert problem["message"] == (
        "No column holds the name of what is listed. The row with the column names has to be among the first "
        "20. Columns found: AGENCY_NAME, AGENCY_ACRONYM, TYPE_OF_AGENCY, PARTICIPATING."
    )
    assert not found["can_save"]
    assert {column["name"]: column["field"] for column in found["columns"]} == {
        "AGENCY_NAME": "owner_org",
        "AGENCY_ACRONYM": "owner_org",
        "TYPE_OF_AGENCY": "",
        "PARTICIPATING": "",
    }
    found = again(city, found, city.cdo, columns={"AGENCY_NAME": "title", "AGENCY_ACRONYM": ""})
    assert (found["counts"]["read"], found["counts"]["new"], found["counts"]["held"]) == (99, 99, 0)
    assert found["rows"][0]["title"] == "Commission on Fathers, Men and Boys"
    assert sorted(problem["column"] for problem in found["problems"]) == [
        "PARTICIPATING",
        "TYPE_OF_AGENCY",
    ]
    assert len(save(city, found, city.cdo)["created"]) == 99
