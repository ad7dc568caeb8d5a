"""Rows of the sheet Blockers that come back: each is a row of its own, to be fixed or left out."""

from __future__ import annotations

from typing import Any

import pytest

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

pytestmark = pytest.mark.usefixtures("db")

PRIVACY = {
    "kind": "privacy",
    "detail": ["personal_information"],
    "rationale": "It names donors.",
    "citation": "Privacy Code § 4",
    "since": "2026-05-29",
    "status": "open",
}


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def blockers(city: City, number: str) -> dict[str, dict[str, Any]]:
    """What stands in the way of an entry, by kind."""
    return {row["kind"]: row for row in content(city, number).get("release_blockers", [])}


def told(found: dict[str, Any]) -> list[tuple[str, int, str]]:
    """Where each problem is said to be."""
    return [(p["sheet"], p["row"], p["column"]) for p in found["problems"]]


def row_at(found: dict[str, Any], where: str) -> dict[str, Any]:
    """The row of a preview that stands at a place."""
    [row] = [row for row in found["rows"] if row["where"] == where]
    return row


class TestLeavingARowOut:
    def test_it_stays_on_the_page_with_its_problem(self, city: City) -> None:
        """Else the page has nothing to say the choice with, and the next look asks for it again."""
        city.entry(title="Trees")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Comments="Looked at")
        row = add(book, "Blockers", Number="Fountains nowhere", Kind="Privacy")
        found = preview(city, book)
        assert found["counts"]["held"] == 1
        where = f"Blockers!{row}"
        for choice in (["all"], [where]):
            left = again(city, found, left_out=choice)
            assert (left["counts"]["held"], left["counts"]["left_out"]) == (0, 1)
            assert left["can_save"]
            assert row_at(left, where)["left_out"]
            assert [problem["where"] for problem in left["problems"]] == [where]
        save(city, left, left_out=[where])
        assert content(city, "PARKS-0001")["comments"] == "Looked at"

    def test_a_row_without_its_kind(self, city: City) -> None:
        city.entry(title="Trees")
        book = opened(download(city))
        row = add(book, "Blockers", Number="PARKS-0001", Why="Names")
        add(book, "Blockers", Number="PARKS-0001", Kind="Effort", Why="A new export")
        left = again(city, preview(city, book), left_out=[f"Blockers!{row}"])
        assert row_at(left, f"Blockers!{row}")["left_out"]
        save(city, left)
        assert set(blockers(city, "PARKS-0001")) == {"effort"}


class TestARowTypedByHand:
    """Nobody knows what stood in its blank cells, so that nothing says that they were emptied."""

    def test_it_changes_what_it_says_and_empties_nothing(self, city: City) -> None:
        city.entry(title="Trees", release_blockers=[PRIVACY])
        book = opened(download(city))
        book["Blockers"].delete_rows(2)
        add(book, "Blockers", Number="PARKS-0001", Kind="Privacy", Law_or_rule="Law X")
        found = preview(city, book)
        assert cells(found) == {("PARKS-0001", "release_blockers/privacy/citation"): "changed"}
        save(city, found)
        assert blockers(city, "PARKS-0001") == {"privacy": {**PRIVACY, "citation": "Law X"}}

    def test_a_downloaded_row_is_emptied_by_emptying_its_cell(self, city: City) -> None:
        city.entry(title="Trees", release_blockers=[PRIVACY])
        book = opened(download(city))
        put(book, "Blockers", 2, Law_or_rule=None)
        save(city, preview(city, book))
        assert "citation" not in blockers(city, "PARKS-0001")["privacy"]


class TestOneRecordAndKindTwice:
    """The second row is an error that names the first, on the sheet where both stand."""

    def second(self, found: dict[str, Any], row: int) -> None:
        [problem] = found["problems"]
        assert (problem["sheet"], problem["row"], problem["column"]) == ("Blockers", row, "Kind")
        assert problem["severity"] == "error"
        assert f"stands in row {row - 1}, too" in problem["message"]
        assert (found["counts"]["held"], found["can_save"]) == (1, False)

    def test_for_a_known_record(self, city: City) -> None:
        city.entry(title="Trees")
        book = opened(download(city))
        add(book, "Blockers", Number="PARKS-0001", Kind="Privacy", Why="first")
        row = add(book, "Blockers", Number="PARKS-0001", Kind="Privacy", Why="second")
        found = preview(city, book)
        self.second(found, row)
        left = again(city, found, left_out=[f"Blockers!{row}"])
        save(city, left)
        assert blockers(city, "PARKS-0001")["privacy"]["rationale"] == "first"

    def test_the_first_one_is_left_out(self, city: City) -> None:
        city.entry(title="Trees")
        book = opened(download(city))
        row = add(book, "Blockers", Number="PARKS-0001", Kind="Privacy", Why="first")
        add(book, "Blockers", Number="PARKS-0001", Kind="Privacy", Why="second")
        left = again(city, preview(city, book), left_out=[f"Blockers!{row}"])
        save(city, left)
        assert blockers(city, "PARKS-0001")["privacy"]["rationale"] == "second"

    def test_for_a_reason_that_stands_there_already(self, city: City) -> None:
        city.entry(title="Trees", release_blockers=[PRIVACY])
        book = opened(download(city))
        row = add(book, "Blockers", Number="PARKS-0001", Kind="Privacy", Why="twice")
        found = preview(city, book)
        self.second(found, row)
        assert cells(found) == {}

    def test_for_a_new_row(self, city: City) -> None:
        book = opened(download(city))
        add(book, "Datasets", Name="Trees")
        add(book, "Blockers", Number="Trees", Kind="Privacy", Why="first")
        row = add(book, "Blockers", Number="trees", Kind="Privacy", Why="second")
        found = preview(city, book)
        self.second(found, row)
        save(city, again(city, found, left_out=[f"Blockers!{row}"]))
        assert blockers(city, "PARKS-0001")["privacy"]["rationale"] == "first"

    def test_a_copied_row_of_another_kind_is_a_reason_of_its_own(self, city: City) -> None:
        city.entry(title="Trees", release_blockers=[PRIVACY])
        book = opened(download(city))
        sheet = book["Blockers"]
        sheet.append([cell.value for cell in sheet[2]])
        put(book, "Blockers", 3, Kind="Effort", Why="Needs a new export")
        found = preview(city, book)
        assert found["problems"] == []
        save(city, found)
        rows = blockers(city, "PARKS-0001")
        assert rows["privacy"] == PRIVACY
        assert rows["effort"]["rationale"] == "Needs a new export"

    def test_a_copied_row_that_says_the_same_is_nothing(self, city: City) -> None:
        city.entry(title="Trees", release_blockers=[PRIVACY])
        book = opened(download(city))
        sheet = book["Blockers"]
        sheet.append([cell.value for cell in sheet[2]])
        sheet.append([cell.value for cell in sheet[2]][:-1])
        found = preview(city, book)
        assert (found["problems"], found["rows"]) == ([], [])


def test_a_kind_is_fixed_and_saved_in_one_step(city: City) -> None:
    """What was typed to fix a row has been seen, wherever the row stands."""
    city.entry(title="Trees")
    book = opened(download(city))
    add(book, "Datasets", Name="Benches")
    for name in ("PARKS-0001", "Benches"):
        add(book, "Blockers", Number=name, Kind="Quantum", Why="Spooky")
    found = preview(city, book)
    places = [(problem["where"], problem["field"]) for problem in found["problems"]]
    assert places == [("Blockers!2", "kind"), ("Blockers!3", "kind")]
    save(city, found, fixes={f"{where}!{field}": "Privacy" for where, field in places})
    for number in ("PARKS-0001", "PARKS-0002"):
        assert blockers(city, number)["privacy"]["rationale"] == "Spooky"


def test_a_new_reason_whose_kind_is_not_understood_is_an_error_at_that_cell(city: City) -> None:
    """Without its kind nothing of it goes in, so that it is fixed or left out."""
    city.entry(title="Trees", release_blockers=[PRIVACY])
    book = opened(download(city))
    row = add(book, "Blockers", Number="PARKS-0001", Kind="Quantum", Why="Spooky")
    put(book, "Datasets", "PARKS-0001", Comments="Looked at")
    found = preview(city, book)
    [problem] = found["problems"]
    assert (problem["severity"], problem["field"], problem["row"]) == ("error", "kind", row)
    assert problem["message"].endswith("Choose one of them, or leave the row out.")
    assert "stays as it was" not in problem["message"]
    assert (found["counts"]["held"], found["can_save"]) == (1, False)
    left = again(city, found, left_out=[f"Blockers!{row}"])
    assert left["can_save"]
    put(book, "Blockers", 2, Kind="Quantum")
    known, _ = preview(city, book)["problems"]
    assert (known["row"], known["severity"]) == (2, "warning")
    assert known["message"].endswith("The cell stays as it was.")


class TestOneFixForAllThatSayTheSame:
    """The box of a line for many cells, by what they say: also where they say nothing."""

    def fixed(self, city: City, found: dict[str, Any], **fixes: dict[str, str]) -> dict[str, Any]:
        given = {f"Blockers!{name}": alike for name, alike in fixes.items()}
        found = again(city, found, fixes_all=given)
        assert found["problems"] == []
        assert {(fix["field"], fix["row"], fix["cell"], fix["text"]) for fix in found["fixed"]} == {
            (name, None, cell, fix) for name, alike in fixes.items() for cell, fix in alike.items()
        }
        return found

    @pytest.fixture
    def two(self, city: City) -> tuple[str, str]:
        return city.entry(title="Trees")["number"], city.entry(title="Benches")["number"]

    @pytest.mark.parametrize("written", ["Quantum", None])
    def test_kinds(self, city: City, two: tuple[str, str], written: str | None) -> None:
        book = opened(download(city))
        for number in two:
            add(book, "Blockers", Number=number, Kind=written, Why="Spooky")
        found = preview(city, book)
        assert [problem["field"] for problem in found["problems"]] == ["kind", "kind"]
        save(city, self.fixed(city, found, kind={written or "": "Privacy"}))
        for number in two:
            assert blockers(city, number)["privacy"]["rationale"] == "Spooky"

    def test_kinds_of_a_sheet_without_that_column(self, city: City) -> None:
        book = opened(download(city))
        add(book, "Datasets", Name="Ponds")
        add(book, "Datasets", Name="Lamps")
        for name in ("Ponds", "Lamps"):
            add(book, "Blockers", Number=name, Why="Spooky")
        book["Blockers"].delete_cols(column(book, "Blockers", "Kind"))
        found = preview(city, book)
        assert [(p["field"], p["no_column"]) for p in found["problems"]] == [("kind", True)] * 2
        save(city, self.fixed(city, found, kind={"": "Privacy"}))
        for number in ("PARKS-0001", "PARKS-0002"):
            assert blockers(city, number)["privacy"]["rationale"] == "Spooky"

    def test_other_parts_of_new_reasons_without_their_column(
        self, city: City, two: tuple[str, str]
    ) -> None:
        """A row that was typed off one that is there is a known one, and keeps what it says."""
        city.do(city.coordinator, "inventory_entry_patch", id=two[0], release_blockers=[PRIVACY])
        book = opened(download(city))
        book["Blockers"].delete_rows(2)
        for number in two:
            add(book, "Blockers", Number=number, Kind="Privacy", Law_or_rule="Article 1")
        book["Blockers"].delete_cols(column(book, "Blockers", "Why"))
        found = preview(city, book, fixes_all={"Blockers!rationale": {"": "Spooky"}})
        save(city, found)
        known, new = (blockers(city, number)["privacy"] for number in two)
        assert (known["rationale"], known["citation"]) == (PRIVACY["rationale"], "Article 1")
        assert (new["rationale"], new["citation"]) == ("Spooky", "Article 1")

    def test_cells_as_downloaded_keep_what_they_say(self, city: City, two: tuple[str, str]) -> None:
        """Whether or not another cell of their row was edited."""
        for number in two:
            city.do(city.coordinator, "inventory_entry_patch", id=number, value="low")
        city.entry(title="Ponds", value="high")
        book = opened(download(city))
        put(book, "Datasets", two[0], Comments="Looked at")
        put(book, "Datasets", "PARKS-0003", Value="Low")
        row = add(book, "Datasets", Name="Lamps", Value="Low")
        found = preview(city, book, fixes_all={"Datasets!value": {"Low": "Medium"}})
        assert cells(found) == {
            (two[0], "comments"): "changed",
            ("PARKS-0003", "value"): "changed",
        }
        [changed] = [c for r in found["rows"] for c in r["cells"] if c["key"] == "value"]
        assert changed["file"] == "Medium"
        new = row_at(found, f"Datasets!{row}")
        assert ("value", "Medium") in {(field["field"], field["value"]) for field in new["fields"]}

    def test_marks_as_downloaded_keep_what_they_say(self, city: City) -> None:
        city.entry(title="Trees", notes="one")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Comments="Looked at")
        found = preview(
            city, book, fixes_all={"Datasets!assignee": {"": city.coordinator.fullname}}
        )
        assert cells(found) == {("PARKS-0001", "comments"): "changed"}

    def test_a_record_that_a_new_row_was_answered_to_be_keeps_what_it_says(
        self, city: City
    ) -> None:
        city.entry(title="Trees", value="low")
        book = opened(download(city))
        book["Datasets"].delete_rows(2)
        put(book, "Datasets", 2, Name="Trees", Comments="Looked at")
        put(book, "Datasets", 3, Name="Lamps")
        found = preview(
            city,
            book,
            same={"Datasets!2": "PARKS-0001"},
            fixes_all={"Datasets!value": {"": "High"}},
        )
        assert cells(found) == {("PARKS-0001", "comments"): "changed"}
        lamps = row_at(found, "Datasets!3")["fields"]
        assert ("value", "High") in {(field["field"], field["value"]) for field in lamps}

    def test_kinds_as_downloaded_stay_what_they_are(self, city: City, two: tuple[str, str]) -> None:
        for number in two:
            city.do(
                city.coordinator, "inventory_entry_patch", id=number, release_blockers=[PRIVACY]
            )
        book = opened(download(city))
        put(book, "Blockers", 2, Why="Spooky")
        found = preview(city, book, fixes_all={"Blockers!kind": {"Privacy": "Law"}})
        assert found["problems"] == []
        assert {key for _, key in cells(found)} == {"release_blockers/privacy/rationale"}

    def test_a_kind_that_the_record_has_already(self, city: City, two: tuple[str, str]) -> None:
        city.do(city.coordinator, "inventory_entry_patch", id=two[0], release_blockers=[PRIVACY])
        book = opened(download(city))
        book["Blockers"].delete_rows(2)
        for number in two:
            add(book, "Blockers", Number=number, Kind="Quantum", Why="Spooky")
        found = self.fixed(city, preview(city, book), kind={"Quantum": "Privacy"})
        assert cells(found)["PARKS-0001", "release_blockers/privacy/rationale"] == "changed"
        save(city, found)
        assert blockers(city, two[0]) == {"privacy": {**PRIVACY, "rationale": "Spooky"}}

    def test_states_and_dates(self, city: City, two: tuple[str, str]) -> None:
        book = opened(download(city))
        for number in two:
            add(book, "Blockers", Number=number, Kind="Privacy", Status="Waved", Since="some day")
        found = self.fixed(
            city, preview(city, book), status={"Waved": "Open"}, since={"some day": "2026-01-31"}
        )
        save(city, found)
        for number in two:
            row = blockers(city, number)["privacy"]
            assert (row["status"], row["since"]) == ("open", "2026-01-31")

    def test_what_a_rule_asks_for_in_cells_that_nobody_wrote_into(
        self, city: City, two: tuple[str, str]
    ) -> None:
        for number in two:
            city.do(
                city.coordinator, "inventory_entry_patch", id=number, release_blockers=[PRIVACY]
            )
        book = opened(download(city, city.cdo))
        for row in (2, 3):
            put(book, "Blockers", row, Status="Waived")
        found = preview(city, book, city.cdo)
        assert [p["field"] for p in found["problems"]] == ["status_reason", "status_reason"]
        found = again(
            city, found, city.cdo, fixes_all={"Blockers!status_reason": {"": "It is public anyway"}}
        )
        assert found["problems"] == []
        save(city, found, city.cdo)
        for number in two:
            row = blockers(city, number)["privacy"]
            assert (row["status"], row["status_reason"]) == ("waived", "It is public anyway")

    def test_new_rows_without_what_submitting_takes(self, city: City) -> None:
        book = opened(download(city))
        rows = [add(book, "Datasets", Name=name, Value="High") for name in ("Lamps", "Ponds")]
        where = [f"Datasets!{row}" for row in rows]
        book["Datasets"].cell(rows[-1] + 1, column(book, "Datasets", "Waits for")).value = "x"
        found = again(city, preview(city, book), submit=where)
        assert [p["row"] for p in found["problems"] if p["field"] == "notes"] == rows
        found = again(
            city, found, submit=where, fixes_all={"Datasets!notes": {"": "Every one of them"}}
        )
        assert [p["row"] for p in found["problems"] if p["field"] == "notes"] == []
        assert [row["row"] for row in found["rows"]] == rows, "a row without a word stays none"

    def test_rows_as_they_were_downloaded_are_none_of_its_business(
        self, city: City, two: tuple[str, str]
    ) -> None:
        book = opened(download(city))
        add(book, "Datasets", Name="Ponds")
        found = preview(city, book, fixes_all={"Datasets!notes": {"": "Every one of them"}})
        assert (found["counts"]["changed"], found["counts"]["new"]) == (0, 1)


WAIVED = {"Kind": "Law", "Status": "Waived", "Why_it_is_resolved_or_waived": "No"}


class TestWhatARuleRefuses:
    """A coordinator may not waive a reason: that is said at the reason, and holds it alone."""

    def test_it_is_told_where_the_reason_stands(self, city: City) -> None:
        city.entry(title="Trees")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Comments="Looked at")
        row = add(book, "Blockers", Number="PARKS-0001", **WAIVED)
        found = preview(city, book)
        [problem] = found["problems"]
        assert told(found) == [("Blockers", row, "Status")]
        assert (problem["value"], problem["number"]) == ("Waived", "PARKS-0001")
        assert problem["message"].startswith("Law: ")
        fixed = again(city, found, fixes={f"{problem['where']}!{problem['field']}": "Open"})
        assert fixed["problems"] == []

    def test_left_out_it_takes_nothing_else_with_it(self, city: City) -> None:
        city.entry(title="Trees")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Comments="Looked at")
        row = add(book, "Blockers", Number="PARKS-0001", **WAIVED)
        add(book, "Blockers", Number="PARKS-0001", Kind="Effort", Why="A new export")
        found = preview(city, book)
        assert told(found) == [("Blockers", row, "Status")]
        assert not row_at(found, "Datasets!2")["held"]
        where = f"Blockers!{row}"
        for choice in (["all"], [where]):
            left = again(city, found, left_out=choice)
            assert told(left) == [("Blockers", row, "Status")]
            assert (row_at(left, where)["left_out"], left["can_save"]) == (True, True)
            assert left["counts"]["changed_cells"] == 3
        save(city, left, left_out=[where])
        assert set(blockers(city, "PARKS-0001")) == {"effort"}
        assert content(city, "PARKS-0001")["comments"] == "Looked at"

    def test_of_a_record_that_nothing_else_changes(self, city: City) -> None:
        city.entry(title="Trees")
        book = opened(download(city))
        row = add(book, "Blockers", Number="PARKS-0001", **WAIVED)
        found = preview(city, book)
        for choice in (["all"], [f"Blockers!{row}"]):
            left = again(city, found, left_out=choice)
            assert (left["counts"]["held"], left["counts"]["changed"]) == (0, 0)
            assert told(left) == [("Blockers", row, "Status")]

    def test_of_a_new_row(self, city: City) -> None:
        book = opened(download(city))
        add(book, "Datasets", Name="Trees")
        add(book, "Datasets", Name="Benches")
        row = add(book, "Blockers", Number="Trees", **WAIVED)
        add(book, "Blockers", Number="Trees", Kind="Effort", Why="A new export")
        add(book, "Blockers", Number="Benches", **WAIVED)
        found = preview(city, book)
        assert told(found) == [("Blockers", row, "Status"), ("Blockers", row + 2, "Status")]
        assert found["counts"]["new"] == 2
        both = [f"Blockers!{row}", f"Blockers!{row + 2}"]
        for choice in (["all"], both):
            left = again(city, found, left_out=choice)
            assert (len(left["problems"]), left["counts"]["held"]) == (2, 0)
        save(city, left, left_out=both)
        assert set(blockers(city, "PARKS-0001")) == {"effort"}
        assert blockers(city, "PARKS-0002") == {}

    def test_what_goes_out_with_its_record(self, city: City) -> None:
        book = opened(download(city, city.cdo, department=None))
        row = add(book, "Datasets", Department="Parks", Description="Without a name")
        add(book, "Datasets", Name="Benches", Department="Nobody's")
        add(book, "Blockers", Number="Benches", Kind="Privacy", Why="Names")
        found = preview(city, book, city.cdo)
        assert [problem["sheet"] for problem in found["problems"]] == ["Datasets", "Datasets"]
        left = again(city, found, city.cdo, left_out=[f"Datasets!{row}", f"Datasets!{row + 1}"])
        assert left["counts"]["held"] == 0


def test_a_record_that_a_rule_refuses_stays_out_by_choice(city: City) -> None:
    """What is left out is checked all the same, so that the page can show the choice with its reason."""
    city.submitted()
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description=None)
    found = preview(city, book)
    assert (found["counts"]["held"], len(found["problems"])) == (1, 1)
    left = again(city, found, left_out=["Datasets!2"])
    assert (left["counts"]["held"], len(left["problems"])) == (0, 1)
    assert row_at(left, "Datasets!2")["left_out"]
