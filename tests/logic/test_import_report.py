"""The report of a saved file: its columns, its changes, what did not go in, and to whom it says so."""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.inventory.model import Import, ImportRow, Record, RoleGrant
from ckanext.inventory.service import import_report
from ckanext.inventory.spreadsheets.messages import Message, also
from tests.logic.city import City, make_city
from tests.logic.returning import add, again, column, download, opened, preview, put, save

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def report(city: City, done: dict[str, Any], user: Any = None, **asked: Any) -> dict[str, Any]:
    return city.do(user or city.coordinator, "inventory_import_show", id=done["id"], **asked)


def taken(shown: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {item["column"]: (item["field"], item["label"]) for item in shown["columns"]}


def stayed(shown: dict[str, Any]) -> list[tuple[str, int | None, str, str | None]]:
    return [
        (item["sheet"], item["row"], item["column"], item["number"]) for item in shown["stayed"]
    ]


class TestItsColumns:
    def test_of_a_list_each_says_what_it_was_taken_for(self, city: City) -> None:
        file = b"Dataset name,How secret,Strange\nTrees,Public,x\n"
        found = preview(city, file, filename="list.csv", department="parks")
        found = again(city, found, columns={"How secret": "classification"})
        shown = report(city, save(city, found))
        assert taken(shown) == {
            "Dataset name": ("title", "Name"),
            "How secret": ("classification", "Classification"),
            "Strange": ("", ""),
        }
        assert not shown["ours"]
        assert {item["sheet"] for item in shown["columns"]} == {""}

    def test_of_a_workbook_too_with_what_was_renamed_and_what_is_strange(self, city: City) -> None:
        city.entry(title="Trees", notes="one")
        book = opened(download(city))
        sheet = book["Datasets"]
        sheet.cell(1, column(book, "Datasets", "Description")).value = "What it is about"
        sheet.cell(2, column(book, "Datasets", "What it is about")).value = "two"
        sheet.cell(1, sheet.max_column + 1).value = "My own"
        sheet.cell(2, sheet.max_column).value = "x"
        found = again(city, preview(city, book), columns={"What it is about": "notes"})
        shown = report(city, save(city, found))
        columns = {
            item["column"]: (item["field"], item["label"])
            for item in shown["columns"]
            if item["sheet"] == "Datasets"
        }
        assert shown["ours"]
        assert columns["What it is about"] == ("notes", "Description")
        assert columns["My own"] == ("", "")
        assert columns["Number"] == ("number", "Number")

    def test_of_a_list_that_was_saved_in_one_step_too(self, city: City) -> None:
        done = one_step(city, "Dataset name,Value,Strange,Visibility\nTrees,Hgh,x,Normal\n")
        shown = report(city, done)
        assert [item["field"] for item in shown["records"][0]["marks"]] == ["visibility"]
        assert taken(shown)["Value"] == ("value", "Value")
        assert taken(shown)["Strange"] == ("", "")
        assert stayed(shown) == [("", 2, "Value", "PARKS-0001")]
        assert shown["counts"]["stayed"] == 1


def one_step(city: City, text: str) -> dict[str, Any]:
    import base64

    city.do(
        city.coordinator,
        "inventory_import",
        content=base64.b64encode(text.encode()).decode(),
        filename="list.csv",
        department="parks",
    )
    return city.do(city.coordinator, "inventory_import_list")["results"][0]


class TestWhatDidNotGoIn:
    def test_each_cell_is_named_with_the_reason_and_never_quoted(self, city: City) -> None:
        city.entry(title="Trees", notes="one")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Description="two", Value="Quetzalish")
        put(book, "Datasets", "PARKS-0001", State="Quetzalled", Public_listing="Allowed")
        put(book, "Datasets", "PARKS-0001", Source="Quetzal register")
        shown = report(city, save(city, preview(city, book)))
        assert sorted(stayed(shown), key=str) == [
            ("Datasets", 2, "Public listing", "PARKS-0001"),
            ("Datasets", 2, "Source", "PARKS-0001"),
            ("Datasets", 2, "State", "PARKS-0001"),
            ("Datasets", 2, "Value", "PARKS-0001"),
        ]
        assert {item["field"] for item in shown["stayed"]} >= {"value", "state", "listing"}
        by_column = {item["column"]: item["reason"] for item in shown["stayed"]}
        assert by_column["Value"].startswith("It is none of the values: ")
        assert by_column["Value"].endswith("The cell stays as it was.")
        assert "can't be changed through a file" in by_column["State"]
        assert by_column["Source"] == "Not all of it was understood. The cell stays as it was."
        assert "uetzal" not in json.dumps(shown)
        assert shown["counts"]["stayed"] == 4
        kept = model.Session.get(Import, shown["id"])
        assert kept is not None
        assert "uetzal" not in json.dumps(kept.choices)

    def test_rows_that_stay_out_are_named_once(self, city: City) -> None:
        city.entry(title="Benches")
        file = b"Dataset name,Value\nTrees,Hgh\n,Low\nBenches,High\nTrees,Low\n"
        found = preview(city, file, filename="list.csv", department="parks")
        found = again(city, found, left_out=["all"])
        shown = report(city, save(city, found))
        reasons = {(item["row"], item["column"]): item["reason"] for item in shown["stayed"]}
        assert sorted(reasons) == [(2, "Value"), (3, ""), (4, ""), (5, "")]
        assert reasons[3, ""] == "The row had an error and stayed out."
        assert "there already" in reasons[4, ""]
        by_row = {item["row"]: item["number"] for item in shown["stayed"]}
        assert (by_row[2], by_row[4]) == ("PARKS-0002", "PARKS-0001")

    def test_conflicts_are_counted_by_what_was_chosen(self, city: City) -> None:
        entry = city.entry(title="Trees", notes="one", comments="one")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Description="two", Comments="two", Value="High")
        city.do(city.coordinator, "inventory_entry_patch", id=entry["id"], notes="3", comments="3")
        found = preview(
            city, book, conflicts={"PARKS-0001!notes": "mine", "PARKS-0001!comments": "stored"}
        )
        shown = report(city, save(city, found))
        counts = shown["counts"]
        assert (counts["conflicts_mine"], counts["conflicts_stored"]) == (1, 1)
        assert stayed(shown) == [("Datasets", 2, "Comments", "PARKS-0001")]
        assert "what was there was kept" in shown["stayed"][0]["reason"]

    def test_a_blocker_is_named_at_its_own_row(self, city: City) -> None:
        city.entry(
            title="Trees", release_blockers=[{"kind": "privacy", "rationale": "Names of donors"}]
        )
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Description="two")
        sheet = book["Blockers"]
        sheet.cell(2, column(book, "Blockers", "Status")).value = "Quetzal"
        shown = report(city, save(city, preview(city, book)))
        assert stayed(shown) == [("Blockers", 2, "Status", "PARKS-0001")]

    def test_a_sheet_that_was_not_read_is_named(self, city: City) -> None:
        """Without its hidden column Blockers says nothing of an entry that is there, beside a list."""
        blockers = [{"kind": "privacy", "rationale": "one"}]
        city.entry(title="Trees", blocker_status="some", release_blockers=blockers)
        book = opened(download(city))
        add(book, "Datasets", Name="Benches")
        for name in ("Sources", "Datasets", "Blockers"):
            book[name].delete_cols(book[name].max_column)
        found = preview(city, book, department="parks")
        assert found["can_save"]
        shown = report(city, save(city, found))
        assert ("Blockers", None, "", None) in stayed(shown)
        (told,) = (item for item in shown["stayed"] if item["sheet"] == "Blockers")
        assert told["reason"].startswith("This sheet wasn't read")
        assert shown["counts"]["stayed"] == len(shown["stayed"])

    def test_so_is_a_sheet_of_a_workbook_that_lost_its_hidden_column(self, city: City) -> None:
        city.entry(title="Trees", notes="one")
        city.do(city.coordinator, "inventory_source_create", title="S", owner_org=city.parks.id)
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Description="two")
        book["Sources"].delete_cols(book["Sources"].max_column)
        shown = report(city, save(city, preview(city, book)))
        assert stayed(shown) == [("Sources", None, "", None)]

    def test_a_proposal_is_none_of_a_value_that_stands(self, city: City) -> None:
        entry = city.submitted()
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Classification="Sensitive", Description="two")
        done = save(city, preview(city, book))
        (record,) = report(city, done)["records"]
        told = {
            item["field"]: (item["old"], item["new"], item["stays"]) for item in record["changes"]
        }
        assert told["classification"] == ("Public", "Sensitive", "Public")
        assert told["notes"][2] is None
        shown = city.do(city.cdo, "inventory_entry_show", id=entry["id"])
        assert shown["content"]["classification"] == "sensitive"

    def test_of_very_many_the_number_is_kept(
        self, city: City, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(import_report, "MOST", 2)
        rows = "".join(f"Row {number},Hgh\n" for number in range(5))
        found = preview(
            city, f"Dataset name,Value\n{rows}".encode(), filename="list.csv", department="parks"
        )
        shown = report(city, save(city, found))
        assert [item["row"] for item in shown["stayed"]] == [2, 3]
        assert (shown["more_stayed"], shown["counts"]["stayed"]) == (3, 5)

    @pytest.mark.parametrize(
        ("message", "said"),
        [
            (Message("No date."), "No date."),
            (Message("At most %(limit)s.", {"limit": 3}), "At most 3."),
            (Message('"%(part)s" is none.', {"part": "secret"}), "Not all of it was understood."),
            (
                also(Message('"%(part)s" is none.', {"part": "secret"}), Message("It stays.")),
                "Not all of it was understood. It stays.",
            ),
            (
                also(
                    Message("%(part)s", {"part": "s"}), Message('"%(value)s" in.', {"value": "s"})
                ),
                "Not all of it was understood.",
            ),
        ],
    )
    def test_a_reason_quotes_nothing(self, message: Message, said: str) -> None:
        assert str(import_report.without_words(message)) == said


class TestMarks:
    def test_they_are_told_as_what_they_were_and_became(self, city: City) -> None:
        city.entry(title="Trees")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Assigned_to="parks-coordinator")
        put(book, "Datasets", "PARKS-0001", **{"In_the_city's_directory": "No"})
        done = save(city, preview(city, book))
        (record,) = report(city, done)["records"]
        marks = {
            item["field"]: (item["label"], item["old"], item["new"]) for item in record["marks"]
        }
        name = city.coordinator.fullname or city.coordinator.name
        assert marks == {
            "assignee": ("Assigned to", "", name),
            "in_directory": ("In the city's directory", "Yes", "No"),
        }
        city.do(city.coordinator, "inventory_import_undo", id=done["id"])
        after = city.do(city.coordinator, "inventory_entry_show", id="PARKS-0001")["record"]
        assert (after["assignee"], after["in_directory"]) == (None, True)

    def test_an_import_of_long_ago_noted_what_they_were_only(self, city: City) -> None:
        city.entry(title="Trees")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Assigned_to="parks-coordinator")
        put(book, "Datasets", "PARKS-0001", **{"In_the_city's_directory": "No"})
        done = save(city, preview(city, book))
        row = model.Session.scalars(sa.select(ImportRow)).one()
        row.marks = {"assignee": "", "in_directory": "yes"}
        kept = model.Session.get(Import, done["id"])
        assert kept is not None
        kept.choices = {key: each for key, each in kept.choices.items() if key != "report"}
        model.Session.flush()
        shown = report(city, done)
        assert (shown["columns"], shown["stayed"]) == (None, None)
        marks = {item["field"]: (item["old"], item["new"]) for item in shown["records"][0]["marks"]}
        assert marks == {"assignee": ("", None), "in_directory": ("Yes", None)}
        city.do(city.coordinator, "inventory_import_undo", id=done["id"])
        after = city.do(city.coordinator, "inventory_entry_show", id="PARKS-0001")["record"]
        assert (after["assignee"], after["in_directory"]) == (None, True)

    def test_those_of_a_new_record_are_told_and_go_with_it(self, city: City) -> None:
        book = opened(download(city))
        add(book, "Datasets", Name="New", Assigned_to="parks-coordinator")
        done = save(city, preview(city, book))
        (record,) = report(city, done)["records"]
        assert [item["field"] for item in record["marks"]] == ["assignee"]
        city.do(city.coordinator, "inventory_import_undo", id=done["id"])
        assert city.do(city.coordinator, "inventory_entry_list")["count"] == 0

    def test_who_has_no_account_any_more_is_no_raw_id(self, city: City) -> None:
        city.entry(title="Trees")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Assigned_to="parks-coordinator")
        done = save(city, preview(city, book))
        row = model.Session.scalars(sa.select(ImportRow)).one()
        row.marks = {"assignee": {"old": "0000-gone", "new": city.coordinator.id}}
        model.Session.flush()
        (mark,) = report(city, done)["records"][0]["marks"]
        assert mark["old"] == "somebody"


class TestWhoReadsIt:
    """Leaks L1, L39: a report says nothing of records that its reader may not read."""

    def saved(self, city: City) -> dict[str, Any]:
        city.entry(title="Trees")
        secret = city.entry(title="Secret grove")
        city.do(
            city.coordinator,
            "inventory_mark",
            ids=[secret["id"]],
            field="visibility",
            value="department_and_cdo_only",
        )
        book = opened(download(city))
        for number in ("PARKS-0001", "PARKS-0002"):
            put(book, "Datasets", number, Description="two", Value="Hgh")
        return save(city, preview(city, book))

    def test_who_left_the_department_reads_the_columns_of_their_file_only(self, city: City) -> None:
        done = self.saved(city)
        assert len(report(city, done)["stayed"]) == 2
        role = model.Session.scalars(
            sa.select(RoleGrant).where(RoleGrant.user_id == city.coordinator.id)
        ).one()
        model.Session.delete(role)
        city.entry(city.neighbour, title="Pipes", owner_org=city.water.id)
        pipes = city.do(city.neighbour, "inventory_entry_list")["results"][0]
        city.do(
            city.neighbour, "inventory_assign", ids=[pipes["number"]], user=city.coordinator.name
        )
        shown = report(city, done)
        assert (shown["records"], shown["stayed"], shown["hidden"]) == ([], [], 2)
        text = json.dumps(shown)
        assert "PARKS-" not in text
        assert "Trees" not in text
        assert "grove" not in text
        assert taken(shown)["Value"] == ("value", "Value")

    def test_what_moved_to_another_department_is_hidden(self, city: City) -> None:
        done = self.saved(city)
        model.Session.execute(
            sa.update(Record).where(Record.number == "PARKS-0002").values(department=city.water.id)
        )
        shown = report(city, done)
        assert [item["number"] for item in shown["stayed"]] == ["PARKS-0001"]
        assert shown["hidden"] == 1
        assert shown["hidden_stayed"] == 1
        assert shown["counts"]["stayed"] == len(shown["stayed"]) + shown["hidden_stayed"]
        assert "PARKS-0002" not in json.dumps(shown)
        everything = report(city, done, city.cdo)
        assert [item["number"] for item in everything["stayed"]] == ["PARKS-0001", "PARKS-0002"]

    def test_what_was_deleted_since_is_said_to_be(self, city: City) -> None:
        done = self.saved(city)
        model.Session.execute(
            sa.update(Record).where(Record.number == "PARKS-0002").values(package_state="deleted")
        )
        shown = report(city, done)
        for items in (shown["records"], shown["stayed"]):
            told = {item["number"]: item["deleted"] for item in items}
            assert told == {"PARKS-0001": False, "PARKS-0002": True}

    def test_others_dont_know_of_it(self, city: City) -> None:
        done = self.saved(city)
        for user in (city.neighbour, city.viewer, city.reviewer):
            with pytest.raises(tk.ObjectNotFound):
                report(city, done, user)


def test_it_says_whose_file_it_was_who_saved_it_and_for_whom(city: City) -> None:
    found = preview(city, b"Dataset name\nTrees\n", filename="list.csv", department="parks")
    shown = report(city, save(city, found))
    assert shown["department_titles"] == ["Parks"]
    name = city.coordinator.fullname or city.coordinator.name
    assert (shown["by_name"], shown["saved_by_name"]) == (name, name)
    assert len(shown["digest"]) == 64
    assert shown["size"] == len(b"Dataset name\nTrees\n")
    open_one = preview(city, b"Dataset name\nBenches\n", filename="two.csv", department="parks")
    assert report(city, open_one)["columns"] is None
