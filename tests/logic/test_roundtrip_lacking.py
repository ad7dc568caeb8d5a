"""What a file has no column for, and what is asked for: it is typed on the page, like any other cell."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ckanext.scheming.plugins import SchemingDatasetsPlugin, _expand_schemas

from ckanext.inventory.types import ENTRY
from tests.logic.city import City, make_city
from tests.logic.returning import (
    add,
    again,
    cells,
    column,
    content,
    download,
    opened,
    preview,
    put,
    save,
)

LIST = "Data set,Remarks\nTrees,7\nBenches,8\n"


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def listed(city: City, rows: str = LIST, **choices: Any) -> dict[str, Any]:
    """Bring a list that has never seen us."""
    return preview(city, rows.encode(), filename="list.csv", department="parks", **choices)


def lacks(found: dict[str, Any]) -> set[tuple[int, str]]:
    """Row and field of what is lacking."""
    return {(p["row"], p["field"]) for p in found["problems"] if p["no_column"]}


class TestAList:
    def test_what_submitting_takes_is_typed_in_place(self, city: City) -> None:
        found = listed(city, submit=["!2", "!3"])
        assert {(2, "notes"), (2, "value"), (3, "notes")} <= lacks(found)
        found = again(city, found, fixes={"!2!notes": "All trees", "!2!value": "High"})
        assert not {(2, "notes"), (2, "value")} & lacks(found)
        assert (3, "notes") in lacks(found)
        [row] = [row for row in found["rows"] if row["row"] == 2]
        shown = {field["label"]: field["value"] for field in row["fields"]}
        assert (shown["Description"], shown["Value"]) == ("All trees", "High")
        assert [
            (fix["column"], fix["row"], fix["cell"], fix["text"]) for fix in found["fixed"]
        ] == [
            ("Description", "2", "", "All trees"),
            ("Value", "2", "", "High"),
        ]
        found = again(city, found, submit=[])
        save(city, found)
        assert content(city, "PARKS-0001")["notes"] == "All trees"
        assert content(city, "PARKS-0001")["value"] == "high"
        assert not content(city, "PARKS-0002").get("notes")
        for number in ("PARKS-0001", "PARKS-0002"):
            assert "classification" not in content(city, number), "no row is asked for more by it"

    def test_for_all_new_rows_at_once(self, city: City) -> None:
        city.entry(title="Benches", notes="Those with a back")
        found = listed(city, submit=["!2"], same={"!3": "PARKS-0001"})
        found = again(
            city,
            found,
            fixes_all={"!notes": {"": "A list of them"}, "!value": {"": "Low"}},
            submit=[],
        )
        assert ("PARKS-0001", "notes") not in cells(found), "what is known isn't overwritten by it"
        save(city, found)
        assert content(city, "PARKS-0001")["notes"] == "Those with a back"
        new = content(city, "PARKS-0002")
        assert (new["title"], new["notes"], new["value"]) == ("Trees", "A list of them", "low")

    def test_one_s_own_comes_before_that_for_all(self, city: City) -> None:
        found = listed(city, fixes={"!2!notes": "mine"}, fixes_all={"!notes": {"": "any"}})
        save(city, found)
        notes = [content(city, f"PARKS-000{n}")["notes"] for n in (1, 2)]
        assert notes == ["mine", "any"]

    def test_what_is_not_understood_is_asked_for_again(self, city: City) -> None:
        found = listed(city, fixes={"!2!value": "Hgh"})
        [problem] = found["problems"]
        assert (problem["where"], problem["field"], problem["column"]) == ("!2", "value", "Value")
        assert (problem["no_column"], problem["value"], problem["cell"]) == (True, "Hgh", "")
        assert problem["suggestion"] == "High"
        assert problem["title"] == "Trees"
        assert again(city, found, fixes={"!2!value": "High"})["problems"] == []
        assert again(city, found, fixes={"!2!value": ""})["fixed"] == []

    def test_a_column_comes_before_it(self, city: City) -> None:
        found = listed(
            city, "Data set,Abstract\nTrees,All trees\n", fixes={"!2!notes": "something else"}
        )
        save(city, found)
        assert content(city, "PARKS-0001")["notes"] == "All trees"

    def test_of_a_known_one_it_changes_what_was_typed_for_its_row(self, city: City) -> None:
        city.entry(title="Trees", value="low", notes="here")
        found = listed(city, same={"!2": "PARKS-0001"}, fixes={"!2!value": "High"})
        assert cells(found)["PARKS-0001", "value"] == "changed"
        save(city, found)
        stored = content(city, "PARKS-0001")
        assert (stored["value"], stored["notes"]) == ("high", "here")

    def test_what_nobody_may_type_stays_out(self, city: City) -> None:
        """Which record a row is, is said by the file; and a field is only one that its writer may write."""
        found = listed(
            city,
            fixes={
                "!2!owner_org": "water",
                "!2!number": "PARKS-0001",
                "!2!title": "Lamps",
                "!2!nonsense": "x",
                "!2!state": "approved",
                "!2!reviews_needed": "Privacy",
            },
        )
        assert [row["title"] for row in found["rows"]] == ["Trees", "Benches"]
        assert {row["department"] for row in found["rows"]} == {"Parks"}
        save(city, found)
        assert "reviews_needed" not in content(city, "PARKS-0001")


class TestWhatACityAsksForAtOnce:
    """A city's schema may ask for more than a name before anything is saved."""

    @pytest.fixture(autouse=True)
    def _asked(self, city: City, monkeypatch: pytest.MonkeyPatch) -> None:
        raw = copy.deepcopy(SchemingDatasetsPlugin.instance._schemas[ENTRY])
        [notes] = [field for field in raw["dataset_fields"] if field["field_name"] == "notes"]
        notes |= {"required": True, "inventory_stage": "save"}
        loaded = dict(SchemingDatasetsPlugin.instance._expanded_schemas)
        loaded |= _expand_schemas({ENTRY: raw})
        monkeypatch.setattr(SchemingDatasetsPlugin.instance, "_expanded_schemas", loaded)

    def test_a_list_without_that_column(self, city: City) -> None:
        found = listed(city)
        assert lacks(found) == {(2, "notes"), (3, "notes")}
        assert {p["severity"] for p in found["problems"]} == {"error"}
        assert [p["title"] for p in found["problems"]] == ["Trees", "Benches"]
        found = again(
            city, found, fixes={"!2!notes": "All trees"}, fixes_all={"!notes": {"": "A list"}}
        )
        assert found["problems"] == []
        save(city, found)
        notes = [content(city, f"PARKS-000{n}")["notes"] for n in (1, 2)]
        assert notes == ["All trees", "A list"]

    def test_our_workbook_without_that_column(self, city: City) -> None:
        book = opened(download(city))
        book["Datasets"].delete_cols(column(book, "Datasets", "Description"))
        row = add(book, "Datasets", Name="Lamps")
        found = preview(city, book)
        assert lacks(found) == {(row, "notes")}
        found = again(city, found, fixes={f"Datasets!{row}!notes": "All lamps"})
        assert found["problems"] == []
        save(city, found)
        assert content(city, "PARKS-0001")["notes"] == "All lamps"


def test_a_field_that_a_column_fills_is_named_by_its_column(city: City) -> None:
    found = preview(
        city,
        b"Data set,Value\nTrees,Low\n",
        filename="list.csv",
        department="parks",
        fixes={"!2!value": "High", "!2!notes": "All trees"},
    )
    assert {fix["field"]: fix["fits"] for fix in found["fixed"]} == {"value": False, "notes": True}
    assert found["notes"] == ["This fix fits no cell of the file: “!2!value”."]


class TestOurWorkbook:
    def without(self, city: City, *headers: str) -> Any:
        book = opened(download(city))
        for header in headers:
            book["Datasets"].delete_cols(column(book, "Datasets", header))
        return book

    def test_new_rows(self, city: City) -> None:
        book = self.without(city, "Description", "Value")
        rows = [add(book, "Datasets", Name=name) for name in ("Lamps", "Ponds")]
        where = [f"Datasets!{row}" for row in rows]
        found = again(city, preview(city, book), submit=where)
        assert {(row, "notes") for row in rows} <= lacks(found)
        found = again(
            city,
            found,
            fixes={f"{where[0]}!value": "High"},
            fixes_all={"Datasets!notes": {"": "Every one of them"}},
        )
        assert (rows[0], "value") not in lacks(found)
        assert (rows[1], "value") in lacks(found)
        assert not {(row, "notes") for row in rows} & lacks(found)
        called = {(fix["column"], fix["row"]) for fix in found["fixed"]}
        assert called == {("Value", str(rows[0])), ("Description", None)}
        save(city, again(city, found, submit=[]))
        assert content(city, "PARKS-0001")["notes"] == "Every one of them"
        assert content(city, "PARKS-0001")["value"] == "high"

    def test_known_rows_take_their_own_only(self, city: City) -> None:
        for title in ("Trees", "Benches"):
            city.entry(title=title, notes="here", value="low")
        book = self.without(city, "Description", "Value")
        put(book, "Datasets", "PARKS-0001", Comments="Looked at")
        found = preview(
            city,
            book,
            fixes={"Datasets!2!value": "High", "Datasets!3!value": "High"},
            fixes_all={"Datasets!notes": {"": "Every one of them"}},
        )
        assert cells(found) == {
            ("PARKS-0001", "comments"): "changed",
            ("PARKS-0001", "value"): "changed",
            ("PARKS-0002", "value"): "changed",
        }

    def test_what_is_not_understood_is_asked_for_again(self, city: City) -> None:
        city.entry(title="Trees", value="low")
        book = self.without(city, "Value")
        found = preview(city, book, fixes={"Datasets!2!value": "Hgh"})
        [problem] = found["problems"]
        assert (problem["field"], problem["column"], problem["no_column"]) == (
            "value",
            "Value",
            True,
        )
        found = again(city, found, fixes={"Datasets!2!value": "High"})
        assert cells(found) == {("PARKS-0001", "value"): "changed"}

    def test_a_part_of_a_reason(self, city: City) -> None:
        city.entry(title="Trees", release_blockers=[{"kind": "privacy", "rationale": "Names"}])
        book = opened(download(city, city.cdo))
        put(book, "Blockers", 2, Status="Waived")
        book["Blockers"].delete_cols(column(book, "Blockers", "Why it is resolved or waived"))
        found = preview(city, book, city.cdo)
        [problem] = found["problems"]
        assert (problem["field"], problem["no_column"]) == ("status_reason", True)
        where = f"{problem['where']}!{problem['field']}"
        found = again(city, found, city.cdo, fixes={where: "It is public anyway"})
        assert found["problems"] == []
        save(city, found, city.cdo)
        [row] = content(city, "PARKS-0001")["release_blockers"]
        assert (row["status"], row["status_reason"]) == ("waived", "It is public anyway")
