"""A list that isn't ours, where its own words could be taken for something else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.logic.city import City, make_city
from tests.logic.returning import again, preview


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def listed(city: City, rows: str, user: Any = None, **choices: Any) -> dict[str, Any]:
    choices.setdefault("filename", "list.csv")
    choices.setdefault("department", "parks")
    return preview(city, rows.encode(), user, **choices)


def meanings(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(column["column"], column["field"]) for column in found["columns"]]


def values(found: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    return [
        (row["title"], {item["label"]: item["value"] for item in row["fields"]})
        for row in found["rows"]
    ]


class TestFixes:
    """A fix stands for cells below the headers, and never moves these."""

    LIST = "Data set,Value\nTrees,Value\nBenches,Value\n"

    def test_one_fix_for_all_leaves_the_header_as_it_is(self, city: City) -> None:
        found = again(city, listed(city, self.LIST), fixes_all={"!@1": {"Value": "High"}})
        assert meanings(found) == [("Data set", "title"), ("Value", "value")]
        assert [fields.get("Value") for _, fields in values(found)] == ["High", "High"]
        assert found["problems"] == []

    def test_one_fix_for_all_leaves_the_title_above_as_it_is(self, city: City) -> None:
        found = listed(city, "Hgh,Hgh\nData set,Value\nTrees,Hgh\n")
        found = again(city, found, fixes_all={"!@1": {"Hgh": "High"}})
        assert [(fields.get("Value")) for _, fields in values(found)] == ["High"]

    @pytest.mark.parametrize("key", ["!1!@1", "!1!@0"])
    def test_a_fix_of_the_header_itself_is_none(self, city: City, key: str) -> None:
        found = again(city, listed(city, self.LIST), fixes={key: "Notes"})
        assert meanings(found) == [("Data set", "title"), ("Value", "value")]

    def test_no_fix_makes_another_row_the_header(self, city: City) -> None:
        found = listed(city, "Data set,Value,Odd\nTrees,x,y\nBenches,High,z\n")
        fixes = {"!2!@0": "Name", "!2!@1": "Value", "!2!@2": "Description"}
        found = again(city, found, fixes=fixes)
        assert meanings(found) == [("Data set", "title"), ("Value", "value"), ("Odd", "")]
        assert [title for title, _ in values(found)] == ["Name", "Benches"]
