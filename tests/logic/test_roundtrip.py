"""The spreadsheet round trip: download, edit anywhere, see every change, save."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import CKANTestApp

from ckanext.inventory import clock
from ckanext.inventory.service import languages
from ckanext.inventory.spreadsheets import layout as layouts
from ckanext.inventory.types import Role
from tests.logic.city import ENOUGH_TO_APPROVE, ENOUGH_TO_SUBMIT, City, events_of, make_city
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
    row_of,
    save,
    saved,
)
from tests.support import grant, headers, make_user

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def city(db: None) -> City:
    return make_city()


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


def test_its_name_says_whose_it_is_and_what_was_filtered(city: City) -> None:
    city.entry(title="Trees", value="high")

    def name(user: Any, **asked: Any) -> str:
        return str(city.do(user, "inventory_workbook", **asked)["filename"])

    today = clock.today().isoformat()
    assert name(city.coordinator) == f"data-inventory-parks-{today}.xlsx"
    assert name(city.coordinator, empty=True) == f"data-inventory-parks-empty-{today}.xlsx"
    assert name(city.cdo, empty=True) == f"data-inventory-empty-{today}.xlsx"
    high = name(city.coordinator, value=["high"], state=["draft"])
    assert high == f"data-inventory-parks-draft-high-{today}.xlsx"
    assert name(city.cdo, q="tree") == f"data-inventory-parks-selection-{today}.xlsx"
    mine = name(city.coordinator, attention="department")
    assert mine == f"data-inventory-parks-to-finish-{today}.xlsx"
    city.do(city.neighbour, "inventory_entry_create", title="Pipes", owner_org=city.water.id)
    assert name(city.cdo) == f"data-inventory-{today}.xlsx"
    assert name(city.neighbour) == f"data-inventory-water-{today}.xlsx"
    first = opened(download(city, department=None))["Start here"].cell(1, 1).value
    assert first == "Data inventory: Parks"


def test_who_may_not_bring_it_back_is_told_that_it_is_for_reading(city: City) -> None:
    city.entry(title="Trees", value="high")
    for user in (city.viewer, city.reviewer):
        book = opened(download(city, user, department=None))
        start = " ".join(str(row[0].value) for row in book["Start here"].iter_rows())
        assert "This workbook is for reading" in start
        assert "upload" not in start
        for name in ("Sources", "Datasets", "Blockers"):
            for rule in book[name].data_validations.dataValidation:
                assert rule.type != "list"
                assert str(rule.promptTitle)
                assert "Needed" not in str(rule.prompt)
                assert str(rule.prompt).startswith("Read only.")
    assert "upload it" in str(
        [row[0].value for row in opened(download(city))["Start here"].iter_rows()]
    )


# Bringing it back


def test_a_file_without_changes_changes_nothing(city: City) -> None:
    source = city.do(
        city.coordinator, "inventory_source_create", title="Tree system", owner_org=city.parks.id
    )
    city.entry(
        **ENOUGH_TO_APPROVE,
        source_ids=[source["id"]],
        release_blockers=[{"kind": "privacy", "rationale": "Names"}],
        keywords=["trees, old", "park"],
        existing_publication_url=["https://a.example/1", "https://a.example/2"],
    )
    for data, name in (
        (download(city), "x.xlsx"),
        (download(city, format="json"), "x.json"),
        (download(city, format="csv"), "x.csv"),
        (saved(opened(download(city))), "x.xlsx"),
    ):
        found = preview(city, data, filename=name)
        assert (found["rows"], found["problems"], found["unknown"]) == ([], [], []), name
        assert found["counts"]["unchanged"] >= 1
        assert not found["can_save"]


def test_rows_that_nobody_wrote_into_cost_no_look_at_what_they_hold(city: City) -> None:
    """Neither their records, nor contents, nor the names that cells could mention are loaded."""
    for number in range(3):
        city.entry(title=f"Trees {number}")
    book = opened(download(city))
    city.entry(title="Made later")
    with statements() as asked:
        found = preview(city, saved(book))
    counts = found["counts"]
    assert (counts["read"], counts["unchanged"], counts["missing"]) == (3, 3, 1)
    loading = ("inventory_revision", "inventory_record.title", "inventory_record.package_id")
    assert [text for text in asked if any(name in text for name in loading)] == []
    put(book, "Datasets", "PARKS-0001", Comments="Looked at")
    with statements() as asked:
        found = preview(city, saved(book))
    assert (found["counts"]["changed"], found["counts"]["unchanged"]) == (1, 2)
    assert any("inventory_revision" in text for text in asked)


@contextlib.contextmanager
def statements() -> Iterator[list[str]]:
    """Collect what the database is asked."""
    asked: list[str] = []

    def execute(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    sa.event.listen(model.meta.engine, "before_cursor_execute", execute)
    try:
        yield asked
    finally:
        sa.event.remove(model.meta.engine, "before_cursor_execute", execute)


def test_a_changed_cell_goes_in_and_nothing_else(city: City) -> None:
    entry = city.entry(title="Trees", notes="All trees", value="high")
    city.entry(title="Benches")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description="Every tree", Value="Low")
    found = preview(city, book)
    assert cells(found) == {("PARKS-0001", "notes"): "changed", ("PARKS-0001", "value"): "changed"}
    assert found["counts"]["unchanged"] == 1
    assert content(city, "PARKS-0001")["notes"] == "All trees"
    save(city, found)
    stored = content(city, "PARKS-0001")
    assert (stored["notes"], stored["value"]) == ("Every tree", "low")
    shown = city.do(city.coordinator, "package_show", id=entry["id"])
    assert (shown["notes"], shown["revision"], shown["private"]) == ("Every tree", 2, True)
    assert events_of({"id": shown["id"]}) == ["create", "import"]
    assert preview(city, download(city))["rows"] == []


def test_three_ways(city: City) -> None:
    entry = city.entry(title="Trees", notes="one", comments="one", value_reason="one")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description="file", Comments="file")
    city.do(
        city.coordinator,
        "inventory_entry_patch",
        id=entry["id"],
        notes="here",
        value_reason="here",
    )
    found = preview(city, book)
    assert cells(found) == {
        ("PARKS-0001", "notes"): "conflict",
        ("PARKS-0001", "comments"): "changed",
    }
    conflict = next(c for c in found["rows"][0]["cells"] if c["key"] == "notes")
    assert (conflict["base"], conflict["stored"], conflict["file"]) == ("one", "here", "file")
    assert conflict["who"] == city.coordinator.fullname
    assert conflict["when"]
    with pytest.raises(tk.ValidationError) as refusal:
        save(city, found)
    assert set(refusal.value.error_dict) == {"conflicts"}
    kept = again(city, found, conflicts={"PARKS-0001!notes": "stored"})
    assert kept["can_save"]
    taken = again(city, found, conflicts={"PARKS-0001!notes": "mine"})
    save(city, taken)
    stored = content(city, "PARKS-0001")
    assert (stored["notes"], stored["comments"], stored["value_reason"]) == ("file", "file", "here")


def test_a_change_in_between_is_shown_again(city: City) -> None:
    entry = city.entry(title="Trees", notes="one")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Comments="file")
    found = preview(city, book)
    city.do(city.coordinator, "inventory_entry_patch", id=entry["id"], notes="two")
    with pytest.raises(tk.ValidationError) as refusal:
        save(city, found)
    assert set(refusal.value.error_dict) == {"fingerprint"}
    assert "comments" not in content(city, "PARKS-0001")
    save(city, again(city, found))
    assert content(city, "PARKS-0001") | {"owner_org": ""} == {
        **content(city, "PARKS-0001"),
        "owner_org": "",
        "notes": "two",
        "comments": "file",
    }


def test_state_number_and_department_cannot_be_changed(city: City) -> None:
    city.entry(title="Trees")
    book = opened(download(city, city.cdo, department=None))
    put(
        book,
        "Datasets",
        "PARKS-0001",
        State="Approved",
        Department="Water",
        Classification_confirmed="Public",
    )
    book["Datasets"].cell(2, 1).value = "PARKS-0999"
    found = preview(city, book, city.cdo)
    assert set(cells(found).values()) == {"refused"}
    assert {key for _, key in cells(found)} == {"state", "owner_org", "confirmed", "number"}
    assert len(found["problems"]) == 4
    assert not found["can_save"]


def test_a_confirmed_classification_is_only_proposed_against(city: City) -> None:
    city.submitted()
    book = opened(download(city))
    put(book, "Datasets", 2, Classification="Confidential")
    book2 = city.do(city.sysadmin, "inventory_entry_show", id="PARKS-0001")
    assert book2["record"]["classification"] == "public"
    found = preview(city, book)
    ((_, outcome),) = cells(found).items()
    assert outcome == "proposed", found["problems"]
    save(city, found)
    shown = city.do(city.sysadmin, "inventory_entry_show", id="PARKS-0001")
    assert shown["record"]["classification"] == "public"
    assert shown["content"]["classification"] != "public"


def test_what_was_approved_goes_back_to_review_and_is_named(city: City) -> None:
    entry = city.approved()
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description="Other words")
    found = preview(city, book)
    assert found["counts"]["back_to_review"] == 1
    assert found["rows"][0]["back_to_review"]
    save(city, found)
    assert city.state(entry) == "approved"
    shown = city.do(city.cdo, "inventory_entry_show", id="PARKS-0001")
    assert shown["record"]["changed"]


def test_what_was_submitted_stays_complete(city: City) -> None:
    entry = city.entry(**ENOUGH_TO_SUBMIT)
    city.step(city.coordinator, entry, "submit")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description=None)
    found = preview(city, book)
    assert found["counts"]["held"] == 1
    assert found["rows"][0]["cells"][0]["emptied"]
    with pytest.raises(tk.ValidationError):
        save(city, found)
    fixed = again(city, found, fixes={"Datasets!2!notes": "Fixed in place"})
    assert fixed["counts"]["held"] == 0
    save(city, fixed)
    assert content(city, "PARKS-0001")["notes"] == "Fixed in place"


def test_new_rows_and_submitting_in_the_same_step(city: City) -> None:
    book = opened(download(city))
    add(book, "Sources", Name="Tree system", Kind="Database")
    row = add(
        book,
        "Datasets",
        Name="New trees",
        Description="Every tree the city plants",
        Source="Tree system",
        Value="High",
        Classification="Public",
    )
    put(book, "Datasets", row, **{"Is_there_a_reason_people_outside_shouldn't_see_this?": "No"})
    add(book, "Datasets", Name="Half a row")
    add(book, "Blockers", Number="Half a row", Kind="Privacy", Why="Names of people")
    found = preview(city, book, submit=["all"])
    assert found["problems"] == []
    assert (found["counts"]["new"], found["counts"]["submit"]) == (3, 1)
    done = save(city, found)
    numbers = [record["number"] for record in done["created"]]
    assert numbers == ["PARKS-S001", "PARKS-0001", "PARKS-0002"]
    first = city.do(city.coordinator, "inventory_entry_show", id="PARKS-0001")
    assert first["state"] == "submitted"
    assert [source["number"] for source in first["sources"]] == ["PARKS-S001"]
    second = content(city, "PARKS-0002")
    assert second["release_blockers"][0]["rationale"] == "Names of people"
    assert second["blocker_status"] == "some"


def test_every_problem_by_sheet_row_and_column(city: City) -> None:
    city.entry(title="Trees")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Value="Hgh", Earliest_records="31/31/2019")
    put(book, "Datasets", "PARKS-0001", Source="Greenhouse DB")
    add(book, "Datasets", Description="A row without a name")
    found = preview(city, book)
    problems = {(p["row"], p["column"]): p for p in found["problems"]}
    assert set(problems) == {(2, "Value"), (2, "Earliest records"), (2, "Source"), (3, "Name")}
    assert problems[2, "Value"]["suggestion"] == "High"
    assert problems[3, "Name"]["severity"] == "error"
    assert found["counts"]["held"] == 1
    out = again(city, found, left_out=["Datasets!3"], fixes={"Datasets!2!value": "High"})
    assert out["can_save"]
    save(city, out)
    assert content(city, "PARKS-0001")["value"] == "high"


def test_a_missing_row_deletes_nothing_and_rows_may_be_sorted(city: City) -> None:
    for title in ("Trees", "Benches", "Lamps"):
        city.entry(title=title)
    book = opened(download(city))
    sheet = book["Datasets"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    for row in range(2, 5):
        for position in range(1, sheet.max_column + 1):
            sheet.cell(row, position).value = None
    for position, value in enumerate(rows[2], start=1):
        sheet.cell(2, position).value = value
    # Sorted by hand, without the hidden column.
    for position, value in enumerate(rows[0][:-1], start=1):
        sheet.cell(3, position).value = value
    put(book, "Datasets", 3, Comments="sorted")
    found = preview(city, book)
    assert cells(found) == {("PARKS-0001", "comments"): "changed"}
    assert found["counts"]["missing"] == 1
    save(city, found)
    assert city.do(city.coordinator, "inventory_entry_show", id="PARKS-0002")["title"] == "Benches"


def test_marks_call_their_actions(city: City) -> None:
    entry = city.entry(title="Trees")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Assigned_to="parks-coordinator")
    put(book, "Datasets", "PARKS-0001", **{"In_the_city's_directory": "No"})
    put(book, "Datasets", "PARKS-0001", Public_listing="Allowed")
    found = preview(city, book)
    assert cells(found) == {
        ("PARKS-0001", "assignee"): "changed",
        ("PARKS-0001", "in_directory"): "changed",
        ("PARKS-0001", "listing"): "refused",
    }
    save(city, found)
    shown = city.do(city.coordinator, "inventory_entry_show", id=entry["id"])["record"]
    assert (shown["assignee"], shown["in_directory"]) == (city.coordinator.id, False)
    assert events_of(entry) == ["create", "assign", "mark"] or "mark" in events_of(entry)


def test_blockers_by_kind(city: City) -> None:
    city.entry(
        title="Trees",
        release_blockers=[
            {"kind": "privacy", "rationale": "Names"},
            {"kind": "quality", "rationale": "Old"},
        ],
    )
    book = opened(download(city))
    put(book, "Blockers", 2, Why="Names of donors")
    book["Blockers"].delete_rows(3)
    add(book, "Blockers", Number="PARKS-0001", Kind="Effort", Why="Needs a new export")
    found = preview(city, book)
    assert found["problems"] == []
    save(city, found)
    rows = {
        row["kind"]: row["rationale"] for row in content(city, "PARKS-0001")["release_blockers"]
    }
    assert rows["privacy"] == "Names of donors"
    assert rows["quality"] == "Old"
    assert len(rows) == 3


def test_other_departments_workbooks_and_numbers(city: City) -> None:
    """Leak L39: a hidden number and one that was never given answer alike."""
    city.entry(title="Secret trees")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description="mine")
    with pytest.raises(tk.ValidationError) as refusal:
        preview(city, book, city.neighbour)
    assert "another department" in str(refusal.value.error_dict)
    own = opened(download(city, city.neighbour, department="water"))
    for number in ("PARKS-0001", "PARKS-0002"):
        add(own, "Datasets", Number=number, Name="Guess")
    found = preview(city, own, city.neighbour)
    messages = {p["message"] for p in found["problems"]}
    assert len(found["problems"]) == 2
    assert len(messages) == 1
    assert "Secret" not in json.dumps(found)


def test_the_viewer_and_the_reviewer_write_only_what_they_may(city: City) -> None:
    city.entry(title="Trees", notes="one")
    book = opened(download(city, city.viewer))
    put(book, "Datasets", "PARKS-0001", Description="viewer", Value="High")
    found = preview(city, book, city.viewer)
    assert set(cells(found).values()) == {"refused"}
    found = preview(city, book, city.reviewer)
    assert cells(found) == {
        ("PARKS-0001", "notes"): "refused",
        ("PARKS-0001", "value"): "changed",
    }


# Kept, and taken back


def test_an_import_is_kept_and_taken_back(city: City) -> None:
    city.entry(title="Trees", notes="one")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description="two", Assigned_to="parks-coordinator")
    add(book, "Datasets", Name="New", **ENOUGH_NEW)
    found = preview(city, book, submit=["all"])
    done = save(city, found)
    listed = city.do(city.coordinator, "inventory_import_list", department="parks")
    assert [(row["status"], row["file"]) for row in listed["results"]] == [("saved", "parks.xlsx")]
    shown = city.do(city.coordinator, "inventory_import_show", id=done["id"])
    assert [(r["number"], r["created"]) for r in shown["records"]] == [
        ("PARKS-0002", True),
        ("PARKS-0001", False),
    ]
    (change,) = shown["records"][1]["changes"]
    assert (change["label"], change["old"], change["new"]) == ("Description", "one", "two")
    assert shown["built_on"] == []
    city.do(city.coordinator, "inventory_import_undo", id=done["id"])
    after = city.do(city.coordinator, "inventory_entry_show", id="PARKS-0001")
    assert (after["content"]["notes"], after["record"]["assignee"]) == ("one", None)
    assert city.do(city.coordinator, "inventory_entry_list")["count"] == 1
    listed = city.do(city.coordinator, "inventory_import_list")
    assert listed["results"][0]["status"] == "undone"
    with pytest.raises(tk.ValidationError):
        city.do(city.coordinator, "inventory_import_undo", id=done["id"])


ENOUGH_NEW: dict[str, Any] = {
    "Description": "Every tree the city plants",
    "Do_you_know_where_it_is_kept?": "There is no system",
    "Value": "High",
    "Classification": "Public",
    "Is_there_a_reason_people_outside_shouldn't_see_this?": "No",
}


def test_what_was_built_on_an_import_stands_against_its_undo(city: City) -> None:
    book = opened(download(city))
    add(book, "Datasets", Name="New")
    done = save(city, preview(city, book))
    city.do(city.coordinator, "inventory_comment", id="PARKS-0001", text="A word.")
    with pytest.raises(tk.ValidationError) as refusal:
        city.do(city.coordinator, "inventory_import_undo", id=done["id"])
    assert "PARKS-0001" in str(refusal.value.error_dict)
    shown = city.do(city.coordinator, "inventory_import_show", id=done["id"])
    assert shown["built_on"][0]["number"] == "PARKS-0001"


def test_what_was_published_before_an_import_is_no_ground_against_its_undo(city: City) -> None:
    entry = city.approved(comments="one")
    city.step(
        city.cdo,
        entry,
        "promote",
        comment="As agreed.",
        publication={
            "license_id": "cc-by",
            "resources": [
                {"url": "https://example.org/trees.csv", "name": "Trees", "format": "CSV"}
            ],
        },
    )
    before = city.do(city.cdo, "inventory_entry_show", id=entry["id"])
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Comments="two", Description="Another text")
    done = save(city, preview(city, book))
    after = city.do(city.cdo, "inventory_entry_show", id=entry["id"])
    assert [change["field"] for change in after["changes"]] == ["notes"]
    shown = city.do(city.coordinator, "inventory_import_show", id=done["id"])
    assert shown["built_on"] == []
    city.do(city.coordinator, "inventory_import_undo", id=done["id"])
    undone = city.do(city.cdo, "inventory_entry_show", id=entry["id"])
    for part in ("content", "state", "changes", "ball", "link", "reviews"):
        assert undone[part] == before[part], part


def test_what_others_name_is_not_taken_back(city: City) -> None:
    book = opened(download(city))
    add(book, "Sources", Name="System")
    add(book, "Datasets", Name="Series")
    done = save(city, preview(city, book))
    made = {record["number"]: record["id"] for record in done["created"]}
    city.entry(title="One", source_ids=[made["PARKS-S001"]])
    city.entry(title="Two", part_of=made["PARKS-0001"])
    shown = city.do(city.coordinator, "inventory_import_show", id=done["id"])
    assert {item["number"] for item in shown["built_on"]} == {"PARKS-S001", "PARKS-0001"}


def test_a_saved_import_is_for_its_department_an_open_one_for_its_uploader(city: City) -> None:
    colleague = grant(make_user("colleague"), Role.COORDINATOR, city.parks)
    city.entry(title="Trees")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description="two")
    found = preview(city, book)
    with pytest.raises(tk.ObjectNotFound):
        city.do(colleague, "inventory_import_show", id=found["id"])
    save(city, found)
    shown = city.do(colleague, "inventory_import_show", id=found["id"])
    assert shown["records"][0]["number"] == "PARKS-0001"
    assert "choices" not in shown
    city.do(colleague, "inventory_import_undo", id=found["id"])


def test_an_import_is_for_its_department(city: City) -> None:
    city.entry(title="Trees")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description="two")
    found = preview(city, book)
    for user in (city.neighbour, city.viewer, city.reviewer):
        assert city.do(user, "inventory_import_list")["count"] == 0
        for name in ("show", "marked", "undo", "discard"):
            with pytest.raises(tk.ObjectNotFound):
                city.do(user, f"inventory_import_{name}", id=found["id"])
        with pytest.raises(tk.ObjectNotFound):
            save(city, found, user)
    city.do(city.coordinator, "inventory_import_discard", id=found["id"])
    with pytest.raises(tk.ValidationError):
        save(city, found)


def test_the_corrected_workbook(city: City) -> None:
    import base64

    city.entry(title="Trees")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Value="Hgh")
    found = preview(city, book)
    marked = city.do(city.coordinator, "inventory_import_marked", id=found["id"])
    again_open = opened(base64.b64decode(marked["content"]))
    cell = again_open["Datasets"].cell(2, column(again_open, "Datasets", "Value"))
    assert cell.value == "Hgh"
    assert "High" in cell.comment.text
    put(again_open, "Datasets", row_of(again_open, "Datasets", "PARKS-0001"), Value="High")
    fixed = preview(city, again_open)
    assert cells(fixed) == {("PARKS-0001", "value"): "changed"}


# Files that have never seen us


def test_a_foreign_list_adds_and_offers_the_same_one(city: City) -> None:
    city.entry(title="Street trees", notes="one")
    file = b"Dataset name,Description,Strange\nstreet  TREES,two,x\nParking meters,All meters,y\n"
    found = preview(city, file, filename="list.csv", department="parks")
    assert not found["ours"]
    assert found["counts"]["new"] == 1
    same = next(row for row in found["rows"] if row["same"])
    assert (same["same"]["number"], same["left_out"]) == ("PARKS-0001", True)
    strange = next(c for c in found["columns"] if c["column"] == "Strange")
    assert (strange["field"], strange["samples"]) == ("", ["x", "y"])
    chosen = again(city, found, same={same["where"]: "PARKS-0001"})
    assert cells(chosen) == {("PARKS-0001", "notes"): "changed"}
    chosen = again(city, found, columns={"Strange": "comments"})
    done = save(city, chosen)
    assert len(done["created"]) == 1
    assert content(city, done["created"][0]["number"])["comments"] == "y"
    later = preview(
        city,
        b"Dataset name,Description,Strange\nBins,All bins,z\n",
        filename="other.csv",
        department="parks",
    )
    assert next(c for c in later["columns"] if c["column"] == "Strange")["field"] == "comments"


def test_a_foreign_list_takes_marks_and_blockers_to_the_same_one(city: City) -> None:
    entry = city.entry(
        title="Street trees", release_blockers=[{"kind": "privacy", "rationale": "Names"}]
    )
    file = (
        b"Dataset name,Who,Listed,Kind,Reason\n"
        b'street TREES,parks-coordinator,No,"Privacy; Effort",Names of donors\n'
    )
    found = preview(
        city,
        file,
        filename="list.csv",
        department="parks",
        columns={
            "Who": "assignee",
            "Listed": "in_directory",
            "Kind": "release_blockers.kind",
            "Reason": "release_blockers.rationale",
        },
    )
    found = again(city, found, same={found["rows"][0]["where"]: "PARKS-0001"})
    assert cells(found) == {
        ("PARKS-0001", "assignee"): "changed",
        ("PARKS-0001", "in_directory"): "changed",
        ("PARKS-0001", "release_blockers/privacy/rationale"): "changed",
        ("PARKS-0001", "release_blockers/effort/kind"): "changed",
        ("PARKS-0001", "release_blockers/effort/rationale"): "changed",
    }
    save(city, found)
    shown = city.do(city.coordinator, "inventory_entry_show", id=entry["id"])["record"]
    assert (shown["assignee"], shown["in_directory"]) == (city.coordinator.id, False)
    rows = content(city, "PARKS-0001")["release_blockers"]
    assert [(row["kind"], row["rationale"]) for row in rows] == [
        ("privacy", "Names of donors"),
        ("effort", "Names of donors"),
    ]


def test_a_foreign_list_adds_to_the_comments_of_the_same_one(city: City) -> None:
    city.entry(title="Street trees", comments="one\ntwo")
    file = b"Dataset name,Strange\nstreet TREES,three\n"
    for _ in range(2):
        found = preview(
            city, file, filename="list.csv", department="parks", columns={"Strange": "comments"}
        )
        found = again(city, found, same={found["rows"][0]["where"]: "PARKS-0001"})
        if found["can_save"]:
            assert cells(found) == {("PARKS-0001", "comments"): "changed"}
            save(city, found)
    assert cells(found) == {}
    assert content(city, "PARKS-0001")["comments"] == "one\ntwo\nthree"


def test_a_foreign_list_takes_no_blocker_away(city: City) -> None:
    city.entry(
        title="Street trees",
        release_blockers=[{"kind": "privacy", "rationale": "Names", "status": "resolved"}],
    )
    columns = {"Kind": "release_blockers.kind", "Reason": "release_blockers.rationale"}
    for row in ("Privacy,Names", ",Names", "None,"):
        file = f"Dataset name,Kind,Reason\nstreet TREES,{row}\n".encode()
        found = preview(city, file, filename="list.csv", department="parks", columns=columns)
        found = again(city, found, same={found["rows"][0]["where"]: "PARKS-0001"})
        # What is no reason against release is said, and kept in the comments.
        kept = {("PARKS-0001", "comments"): "changed"} if row == "None," else {}
        assert cells(found) == kept
        assert len(found["problems"]) == len(kept)


def test_a_cell_of_a_foreign_list_is_fixed_in_place(city: City) -> None:
    file = b"Dataset name,Description\nTrees,All trees\n,Without a name\n"
    found = preview(city, file, filename="list.csv", department="parks")
    (problem,) = found["problems"]
    assert (problem["row"], problem["severity"], found["counts"]["held"]) == (3, "error", 1)
    with pytest.raises(tk.ValidationError):
        save(city, found)
    fixed = again(city, found, fixes={f"{problem['where']}!{problem['field']}": "Benches"})
    assert (fixed["counts"]["held"], fixed["counts"]["new"]) == (0, 2)
    assert len(save(city, fixed)["created"]) == 2


def test_an_import_in_one_step_is_kept_and_taken_back(city: City) -> None:
    done = city.do(
        city.coordinator,
        "inventory_import",
        content="VGl0bGUKVHJlZXMK",
        filename="list.csv",
        department="parks",
    )
    listed = city.do(city.coordinator, "inventory_import_list")["results"]
    assert [(row["file"], row["status"], row["counts"]["new"]) for row in listed] == [
        ("list.csv", "saved", 1)
    ]
    shown = city.do(city.coordinator, "inventory_import_show", id=listed[0]["id"])
    assert [row["title"] for row in shown["records"]] == ["Trees"]
    city.do(city.coordinator, "inventory_import_undo", id=listed[0]["id"])
    assert done["numbers"][0]["number"] == "PARKS-0001"
    assert city.do(city.coordinator, "inventory_entry_list")["count"] == 0


def test_a_workbook_of_a_filter_and_of_chosen_entries(city: City) -> None:
    city.entry(title="Trees", value="high")
    city.entry(title="Benches", value="low")
    city.submitted(title="Lamps", value="high")

    def numbers(**asked: Any) -> list[Any]:
        sheet = opened(download(city, **asked))["Datasets"]
        return [row[0].value for row in sheet.iter_rows(min_row=2) if row[0].value]

    assert numbers(value=["high"]) == ["PARKS-0001", "PARKS-0003"]
    assert numbers(state=["draft"]) == ["PARKS-0001", "PARKS-0002"]
    assert numbers(value=["high"], state=["draft"]) == ["PARKS-0001"]
    assert numbers(q="bench") == ["PARKS-0002"]
    assert numbers(ids=["PARKS-0002", "PARKS-0003"]) == ["PARKS-0002", "PARKS-0003"]
    part = opened(download(city, value=["high"]))
    put(part, "Datasets", "PARKS-0001", Description="new")
    found = preview(city, part)
    assert (found["counts"]["changed"], found["can_save"]) == (1, True)


def test_a_file_is_uploaded_by_token(city: City, app: CKANTestApp) -> None:
    """Multipart, as curl -F sends it."""
    city.entry(title="Trees", notes="one")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description="two")
    token = headers(city.coordinator)
    upload = {"upload": (io.BytesIO(saved(book)), "parks.xlsx")}
    answer: Any = app.post("/api/action/inventory_import_preview", data=upload, headers=token)
    found = answer.json["result"]
    assert (found["file"], found["counts"]["changed_cells"]) == ("parks.xlsx", 1)
    answer = app.post(
        "/api/action/inventory_import_save",
        json={"id": found["id"], "fingerprint": found["fingerprint"]},
        headers=token,
    )
    assert answer.json["result"]["status"] == "saved"
    stranger: Any = app.post(
        "/api/action/inventory_import_preview",
        data={"upload": (io.BytesIO(b"Title\nTrees\n"), "x.csv")},
        status=403,
    )
    assert not stranger.json["success"]


class TestNothingIsLostInSilence:
    def test_a_sheet_that_lost_its_hidden_column(self, city: City) -> None:
        city.entry(title="Trees", notes="one")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Description="two")
        add(book, "Datasets", Name="Benches")
        book["Datasets"].delete_cols(book["Datasets"].max_column)
        found = preview(city, book)
        [problem] = found["problems"]
        assert problem["sheet"] == "Datasets"
        assert "hidden last column is missing" in problem["message"]

    def test_a_sheet_of_ones_own(self, city: City) -> None:
        city.entry(title="Trees", notes="one")
        book = opened(download(city))
        book.create_sheet("Scratch").append(["to do", "call the archive"])
        found = preview(city, book)
        assert "Sheets not read: Scratch." in found["notes"]
        assert not found["problems"]

    def test_an_untouched_workbook_has_nothing_to_tell(self, city: City) -> None:
        city.entry(title="Trees", notes="one")
        found = preview(city, opened(download(city)))
        assert (found["notes"], found["problems"]) == ([], [])

    def test_a_kind_that_is_none_is_said_once(self, city: City) -> None:
        city.entry(title="Trees")
        book = opened(download(city))
        add(book, "Blockers", Number="PARKS-0001", Kind="Quantum")
        found = preview(city, book)
        [problem] = found["problems"]
        assert problem["value"] == "Quantum"
        assert found["counts"]["held"] == 1
        fixed = again(city, found, fixes={f"{problem['where']}!{problem['field']}": "Privacy"})
        assert (fixed["problems"], fixed["counts"]["held"]) == ([], 0)

    def test_a_copied_row_may_keep_the_state_that_it_begins_with(self, city: City) -> None:
        book = opened(download(city))
        add(book, "Datasets", Name="Benches", State="Draft")
        add(book, "Datasets", Name="Lamps", State="Approved")
        [problem] = preview(city, book)["problems"]
        assert (problem["row"], problem["value"]) == (3, "Approved")

    def test_a_new_row_with_nobody_known(self, city: City) -> None:
        book = opened(download(city))
        add(book, "Datasets", Name="Benches", Assigned_to="Nobody Known")
        [problem] = preview(city, book)["problems"]
        assert "nobody is assigned" in problem["message"]


class TestWhatIsNamedAndNotTheirs:
    """A row may name a source or series that whoever works on it may not read."""

    @pytest.fixture
    def assignee(self, city: City) -> Any:
        hidden, plain = (
            city.do(
                city.coordinator, "inventory_source_create", title=title, owner_org=city.parks.id
            )
            for title in ("Vault", "Tree system")
        )
        city.do(city.coordinator, "inventory_mark", ids=[plain["id"]], field="shared", value=True)
        city.do(
            city.cdo,
            "inventory_mark",
            ids=[hidden["id"]],
            field="visibility",
            value="department_and_cdo_only",
        )
        entry = city.entry(title="Trees", source_known="linked", source_ids=[hidden["id"]])
        city.do(city.coordinator, "inventory_assign", ids=[entry["id"]], user=city.neighbour.name)
        return city.neighbour

    def test_its_number_does_not_stand_there(self, city: City, assignee: Any) -> None:
        mine = opened(download(city, assignee, department=""))
        cell = mine["Datasets"].cell(2, column(mine, "Datasets", "Source"))
        assert "PARKS-S001" not in str(cell.value)
        theirs = opened(download(city))
        assert "PARKS-S001 Vault" in str(
            theirs["Datasets"].cell(2, column(theirs, "Datasets", "Source")).value
        )

    def test_it_stays_beside_what_is_added(self, city: City, assignee: Any) -> None:
        before = content(city, "PARKS-0001")["source_ids"]
        book = opened(download(city, assignee, department=""))
        unchanged = preview(city, book, assignee)
        assert not unchanged["counts"]["changed"]
        cell = book["Datasets"].cell(2, column(book, "Datasets", "Source"))
        put(book, "Datasets", 2, Source=f"{cell.value}; PARKS-S002")
        found = preview(city, book, assignee)
        assert not found["problems"], found["problems"]
        save(city, found, assignee)
        after = content(city, "PARKS-0001")["source_ids"]
        assert after[:1] == before
        assert len(after) == 2

    def test_an_id_that_was_not_there_is_no_way_in(self, city: City, assignee: Any) -> None:
        [hidden] = content(city, "PARKS-0001")["source_ids"]
        city.do(city.coordinator, "inventory_entry_patch", id="PARKS-0001", source_ids=[])
        book = opened(download(city, assignee, department=""))
        put(book, "Datasets", 2, Source=hidden)
        found = preview(city, book, assignee)
        assert [problem["field"] for problem in found["problems"]] == ["source_ids"]


class TestChoosingAndSavingInOneStep:
    """Nothing goes in that wasn't shown before somebody pressed Save."""

    @pytest.fixture
    def conflict(self, city: City) -> dict[str, Any]:
        city.entry(title="Trees", notes="one")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Description="theirs")
        put(book, "Datasets", add(book, "Datasets", Name="Lamps"), Value="Hgh")
        city.do(city.coordinator, "inventory_entry_patch", id="PARKS-0001", notes="ours")
        return preview(city, book)

    def test_a_conflict_is_settled_and_a_row_fixed(
        self, city: City, conflict: dict[str, Any]
    ) -> None:
        save(
            city,
            conflict,
            conflicts={"PARKS-0001!notes": "mine"},
            fixes={"Datasets!3!value": "High"},
        )
        assert content(city, "PARKS-0001")["notes"] == "theirs"
        assert content(city, "PARKS-0002")["value"] == "high"

    def test_the_other_side_of_a_conflict_changed_meanwhile(
        self, city: City, conflict: dict[str, Any]
    ) -> None:
        """Who chose "mine" has seen what it overwrites."""
        city.do(city.coordinator, "inventory_entry_patch", id="PARKS-0001", notes="newer")
        with pytest.raises(tk.ValidationError, match="Something changed"):
            save(city, conflict, conflicts={"PARKS-0001!notes": "mine"})
        assert content(city, "PARKS-0001")["notes"] == "newer"

    def test_cells_that_a_choice_brings_in_are_shown_first(self, city: City) -> None:
        city.entry(title="Trees", notes="one")
        rows = b"Name,Foo\nTrees,two\n"
        found = preview(city, rows, filename="list.csv", department=city.parks.id)
        mapped = {"columns": {"Foo": "notes"}, "same": {found["rows"][0]["where"]: "PARKS-0001"}}
        with pytest.raises(tk.ValidationError, match="haven't seen yet"):
            save(city, found, **mapped)
        assert content(city, "PARKS-0001")["notes"] == "one"
        shown = again(city, found, **mapped)
        save(city, shown, **mapped)
        assert content(city, "PARKS-0001")["notes"] == "two"


def test_the_same_one_that_stands_in_the_file_is_changed_there(city: City) -> None:
    city.entry(title="Trees", notes="one")
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description="two")
    row = add(book, "Datasets", Name="Trees", Description="three")
    found = preview(city, book)
    found = again(city, found, same={f"Datasets!{row}": "PARKS-0001"})
    assert "stands in row 2, too" in found["problems"][0]["message"]


def test_a_workbook_comes_back_to_somebody_who_reads_another_language(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says itself which language its headers and labels are in."""
    words = {
        "Description": "Beschreibung",
        "Value": "Wert",
        "High": "Hoch",
        "Low": "Niedrig",
        "Datasets": "Datensätze",
        "Blockers": "Hürden",
        "Why": "Warum",
        "Lists": "Listen",
        "Start here": "Erst lesen",
        "Draft": "Entwurf",
        "Privacy": "Datenschutz",
        "Who may see it": "Wer es sieht",
        "Department and chief data officer only": "Nur für uns",
    }

    def german(text: str) -> str:
        return words.get(text, text)

    monkeypatch.setattr(
        languages, "sayer", lambda language: german if language == "de" else layouts.as_it_is
    )
    city.entry(
        title="Trees", value="low", release_blockers=[{"kind": "privacy", "rationale": "Names"}]
    )
    monkeypatch.setattr(languages, "current", lambda: "de")
    book = opened(download(city))
    assert book.sheetnames == ["Erst lesen", "Sources", "Datensätze", "Hürden", "Listen"]
    sheet = book["Datensätze"]
    assert sheet.cell(2, column(book, "Datensätze", "State")).value == "Entwurf"
    monkeypatch.setattr(languages, "current", lambda: "en")
    found = preview(city, book)
    assert (found["notes"], found["problems"], found["unknown"]) == ([], [], [])
    assert (found["counts"]["unchanged"], found["counts"]["changed"]) == (1, 0)
    put(book, "Datensätze", "PARKS-0001", Wert="Hoch", Beschreibung="Alle Bäume")
    put(book, "Hürden", 2, Warum="Namen")
    found = preview(city, book)
    assert (found["problems"], found["counts"]["changed_cells"]) == ([], 3)
    save(city, found)
    stored = content(city, "PARKS-0001")
    assert (stored["value"], stored["notes"]) == ("high", "Alle Bäume")
    assert stored["release_blockers"][0]["rationale"] == "Namen"


def test_what_a_rule_refuses_is_shown_as_people_read_it(city: City) -> None:
    entry = city.entry(title="Trees")
    city.do(city.coordinator, "inventory_assign", ids=[entry["id"]], user=city.editor.name)
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Who_may_see_it="The department and the chief data officer")
    found = preview(city, book, city.editor)
    (problem,) = found["problems"]
    assert problem["column"] == "Who may see it"
    assert "_" not in problem["value"]
    assert problem["value"].startswith("The department")
