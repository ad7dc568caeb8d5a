"""The workbook of several departments: new rows name theirs, from a list, and are helped if they don't."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import ckan.plugins.toolkit as tk
import openpyxl
import pytest
from ckan import model

from ckanext.inventory.types import Role
from tests.logic.city import City, make_city
from tests.logic.returning import (
    add,
    again,
    column,
    download,
    opened,
    preview,
    save,
)
from tests.support import context, grant, make_department, make_user

pytestmark = pytest.mark.usefixtures("db")

FIELD = "owner_org"


@pytest.fixture
def city(db: None) -> City:
    found = make_city()
    make_department("REC", name="parks-recreation", title="Recreation and Sports")
    return found


@pytest.fixture
def both(city: City) -> Any:
    """Somebody who coordinates two departments of the three."""
    user = grant(make_user("both"), Role.COORDINATOR, city.parks)
    return grant(user, Role.COORDINATOR, city.water)


def whole(city: City, user: Any = None, **data: Any) -> openpyxl.Workbook:
    """The workbook of all that somebody may read."""
    return opened(download(city, user or city.cdo, department=None, **data))


def offered(book: openpyxl.Workbook, sheet: str = "Datasets") -> tuple[str, list[str]] | None:
    """The cells of the column of departments that have a drop-down, and what it holds."""
    letter = book[sheet].cell(1, column(book, sheet, "Department")).column_letter
    for rule in book[sheet].data_validations.dataValidation:
        if rule.type == "list" and str(rule.sqref).startswith(letter):
            place = str(rule.formula1).partition("!")[2].replace("$", "")
            return str(rule.sqref), [str(row[0].value) for row in book["Lists"][place]]
    return None


def header_message(book: openpyxl.Workbook, sheet: str = "Datasets") -> str:
    at = book[sheet].cell(1, column(book, sheet, "Department")).coordinate
    return next(
        str(rule.prompt)
        for rule in book[sheet].data_validations.dataValidation
        if str(rule.sqref) == at
    )


def bring(city: City, user: Any = None, *names: str | None, **choices: Any) -> dict[str, Any]:
    """Bring the whole workbook with new rows that name these departments."""
    book = whole(city, user)
    for position, name in enumerate(names):
        add(book, "Datasets", Name=f"Benches {position}", Department=name)
    return preview(city, book, user or city.cdo, **choices)


def owners(city: City) -> dict[str, str]:
    """Title of each new entry to the title of its department."""
    found = city.do(city.cdo, "inventory_entry_list")["results"]
    return {row["title"]: row["department_title"] for row in found}


class TestTheWorkbook:
    def test_new_rows_choose_among_all_where_one_may_add_to_all(self, city: City) -> None:
        city.entry(title="Trees")
        city.entry(title="Paths")
        book = whole(city)
        letter = book["Datasets"].cell(1, column(book, "Datasets", "Department")).column_letter
        assert offered(book) == (
            f"{letter}4:{letter}503",
            ["Parks", "Recreation and Sports", "Water"],
        )
        cells, _ = offered(book, "Sources") or ("", [])
        assert cells == f"{letter}2:{letter}501"

    def test_what_is_there_looks_locked_and_new_rows_do_not(self, city: City) -> None:
        city.entry(title="Trees")
        sheet = whole(city)["Datasets"]
        at = next(cell.column for cell in sheet[1] if cell.value == "Department")
        first = sheet.column_dimensions["A"]
        assert first.fill.fgColor.rgb == "FFEDF1F3", "a column of the inventory's own"
        letter = sheet.cell(1, at).column_letter
        shut = sheet.cell(2, at)
        assert shut.value == "Parks"
        assert shut.fill.fgColor.rgb == "FFEDF1F3"
        assert sheet.column_dimensions[letter].fill.fill_type is None
        assert sheet.max_row == 2, "no cell is written for a row that isn't there"

    def test_its_header_says_what_to_do(self, city: City) -> None:
        city.entry(title="Trees")
        words = header_message(whole(city))
        assert words.startswith("Name it in a new row")
        assert "transfer" in words
        start = " ".join(str(row[0].value) for row in whole(city)["Start here"].iter_rows())
        assert "Choose the department from the list" in start

    def test_only_departments_that_one_may_add_to(self, city: City, both: Any) -> None:
        """Leak L39: a workbook tells of no more than its reader's own."""
        city.entry(title="Trees")
        city.do(city.neighbour, "inventory_entry_create", title="Pipes", owner_org=city.water.id)
        book = whole(city, both)
        assert (offered(book) or ("", []))[1] == ["Parks", "Water"]
        every = json.dumps([[str(c.value) for r in s.iter_rows() for c in r] for s in book])
        assert "Recreation" not in every

    def test_an_assignment_elsewhere_adds_nothing(self, city: City, both: Any) -> None:
        other = make_department("ZOO", title="Zoo")
        entry = city.do(city.cdo, "inventory_entry_create", title="Bears", owner_org=other.id)
        city.do(city.cdo, "inventory_assign", ids=[entry["id"]], user=both.id)
        book = whole(city, both)
        assert book["Datasets"].max_row == 2, "the entry is in it"
        assert (offered(book) or ("", []))[1] == ["Parks", "Water"]

    def test_nothing_to_choose_for_readers_and_with_one_department(self, city: City) -> None:
        entry = city.entry(title="Trees")
        city.do(city.cdo, "inventory_assign", ids=[entry["id"]], user=city.editor.id)
        limited = grant(make_user("limited"), Role.REVIEWER, city.parks, may_approve=True)
        for user in (city.coordinator, city.viewer, city.reviewer, limited, city.editor):
            book = whole(city, user)
            assert offered(book) is None
            assert "Department" not in {cell.value for cell in book["Lists"][1]}
            assert header_message(book).startswith("Read only.")
        one = opened(download(city, city.cdo, department="parks"))
        assert "Department" not in {cell.value for cell in one["Datasets"][1]}
        assert "Department" not in {cell.value for cell in one["Lists"][1]}

    def test_who_reads_all_and_adds_to_two_is_offered_these(self, city: City, both: Any) -> None:
        grant(both, Role.REVIEWER)
        for department in (city.parks, city.water):
            city.do(city.cdo, "inventory_entry_create", title="Trees", owner_org=department.id)
        other = model.Group.get("parks-recreation")
        city.do(city.cdo, "inventory_entry_create", title="Courts", owner_org=other.id)
        book = whole(city, both)
        assert book["Datasets"].max_row == 4
        assert (offered(book) or ("", []))[1] == ["Parks", "Water"]

    def test_a_part_for_a_colleague_names_no_department(self, city: City, both: Any) -> None:
        """Leak L37."""
        entry = city.entry(title="Trees")
        asked = {"ids": [entry["number"]], "to_name": "Lab"}
        part = city.do(both, "inventory_part_send", **asked)
        book = opened(base64.b64decode(part["content"]))
        every = json.dumps([[str(c.value) for r in s.iter_rows() for c in r] for s in book])
        assert "Water" not in every

    def test_a_closed_organization_is_not_offered(self, city: City) -> None:
        city.entry(title="Trees")
        gone = make_department("GONE", title="Gone")
        gone.state = "deleted"
        model.Session.flush()
        assert "Gone" not in (offered(whole(city)) or ("", []))[1]

    def test_two_of_one_title_are_told_apart(self, city: City) -> None:
        city.entry(title="Trees")
        make_department("WTR", name="water-two", title="Water")
        names = (offered(whole(city)) or ("", []))[1]
        assert len(names) == len(set(names)) == 4
        assert "water-two" in names
        found = bring(city, None, "water-two", "Water")
        [problem] = found["problems"]
        assert problem["message"].startswith("Several departments have this name.")
        assert found["offered"] == {FIELD: names}

    def test_what_nobody_wrote_into_is_unchanged(self, city: City) -> None:
        city.entry(title="Trees")
        found = preview(city, whole(city), city.cdo)
        assert (found["counts"]["unchanged"], found["problems"]) == (1, [])
        assert found["notes"] == []


class TestOfSomeDepartments:
    @pytest.fixture
    def three(self, city: City) -> None:
        rec = model.Group.get("parks-recreation")
        for department, title in ((city.parks, "Trees"), (city.water, "Pipes"), (rec, "Courts")):
            for kind in ("entry", "source"):
                city.do(city.cdo, f"inventory_{kind}_create", title=title, owner_org=department.id)

    def names(self, city: City, *departments: str, user: Any = None) -> set[str]:
        book = opened(download(city, user or city.cdo, department=list(departments)))
        return {
            str(row[1].value)
            for sheet in ("Datasets", "Sources")
            for row in book[sheet].iter_rows(min_row=2)
        }

    def test_it_holds_these_and_no_others(self, city: City, three: None) -> None:
        assert self.names(city, "parks-recreation", "WATER") == {"Courts", "Pipes"}
        assert self.names(city, city.parks.id, "PARKS") == {"Trees"}, "one that is named twice"
        assert self.names(city) == {"Trees", "Pipes", "Courts"}

    def test_new_rows_choose_in_it_as_in_the_whole_citys(self, city: City, three: None) -> None:
        book = opened(download(city, city.cdo, department=["REC", "WATER"]))
        assert (offered(book) or ("", []))[1] == ["Parks", "Recreation and Sports", "Water"]
        one = opened(download(city, city.cdo, department=["REC"]))
        assert "Department" not in {cell.value for cell in one["Datasets"][1]}

    def test_of_others_than_ones_own_it_is_empty(self, city: City, three: None, both: Any) -> None:
        """Leak L39."""
        assert self.names(city, "REC", "WATER", user=both) == {"Pipes"}
        assert self.names(city, "REC", "WATER", user=city.coordinator) == set()

    def test_one_that_nobody_knows_is_refused(self, city: City) -> None:
        with pytest.raises(tk.ValidationError):
            city.do(city.cdo, "inventory_workbook", department=["parks", "nowhere"])

    def test_its_name_says_that_it_is_not_all(self, city: City, three: None) -> None:
        found = city.do(city.cdo, "inventory_workbook", department=["REC", "WATER"])
        assert found["filename"].startswith("data-inventory-selection-")


class TestNewRows:
    @pytest.mark.parametrize(
        ("written", "department"),
        [
            ("Parks", "Parks"),
            ("  pArKs ", "Parks"),
            ("Pärks", "Parks"),
            ("PARKS", "Parks"),
            ("rec", "Recreation and Sports"),
            ("parks-recreation", "Recreation and Sports"),
            ("Recreation & Sports", "Recreation and Sports"),
            ("recreation &  sports", "Recreation and Sports"),
        ],
    )
    def test_are_put_where_they_say(self, city: City, written: str, department: str) -> None:
        city.entry(title="Trees")
        found = bring(city, None, written)
        assert found["problems"] == []
        save(city, found, city.cdo)
        assert owners(city)["Benches 0"] == department

    def test_a_name_that_is_nearly_right_is_asked_about_once(self, city: City) -> None:
        city.entry(title="Trees")
        book = whole(city)
        row = add(
            book,
            "Datasets",
            Name="Benches",
            Department="Recreaton and Sport",
            Assigned_to="parks-coordinator",
            Source="Nobody knows",
        )
        found = preview(city, book, city.cdo)
        [problem] = found["problems"]
        assert (problem["severity"], problem["where"]) == ("error", f"Datasets!{row}")
        assert (problem["column"], problem["field"]) == ("Department", FIELD)
        assert (problem["value"], problem["suggestion"]) == (
            "Recreaton and Sport",
            "Recreation and Sports",
        )
        assert problem["message"] == (
            "No department has this name. Choose the one that is meant, or leave the row out."
        )
        assert found["offered"] == {FIELD: ["Parks", "Recreation and Sports", "Water"]}
        assert (found["counts"]["held"], found["can_save"]) == (1, False)

    @pytest.mark.parametrize(
        ("written", "near"),
        [("Sports", "Recreation and Sports"), ("Department of Water", "Water"), ("Zoo", "")],
    )
    def test_the_nearest_is_found_by_its_words_too(
        self, city: City, written: str, near: str
    ) -> None:
        city.entry(title="Trees")
        [problem] = bring(city, None, written)["problems"]
        assert problem["suggestion"] == near

    def test_only_departments_of_ones_own_are_suggested(self, city: City, both: Any) -> None:
        city.entry(title="Trees")
        found = bring(city, both, "Sports")
        [problem] = found["problems"]
        assert problem["suggestion"] == ""
        assert found["offered"] == {FIELD: ["Parks", "Water"]}
        assert "Recreation" not in json.dumps(found)

    def test_an_empty_cell_is_asked_about(self, city: City) -> None:
        city.entry(title="Trees")
        [problem] = bring(city, None, None)["problems"]
        assert (problem["field"], problem["cell"]) == (FIELD, "")
        assert problem["message"] == (
            "The row names no department. Choose the one that is meant, or leave the row out."
        )

    def test_an_empty_cell_means_the_only_one(self, city: City) -> None:
        city.entry(title="Trees")
        found = bring(city, city.coordinator, None)
        assert found["problems"] == []
        save(city, found, city.coordinator)
        assert owners(city)["Benches 0"] == "Parks"

    def test_the_department_of_the_file_is_meant_where_a_row_names_none(self, city: City) -> None:
        city.entry(title="Trees")
        found = bring(city, None, None, department="water")
        assert found["problems"] == []

    def test_a_department_that_one_may_not_add_to(self, city: City, both: Any) -> None:
        city.entry(title="Trees")
        found = bring(city, both, "Recreation and Sports")
        [problem] = found["problems"]
        assert problem["message"] == (
            "You can't add to this department. Choose the one that is meant, or leave the row out."
        )
        assert (problem["field"], problem["suggestion"]) == (FIELD, "")
        assert found["offered"] == {FIELD: ["Parks", "Water"]}

    def test_a_closed_organization_is_no_department(self, city: City) -> None:
        city.entry(title="Trees")
        gone = make_department("GONE", title="Gone")
        gone.state = "deleted"
        model.Session.flush()
        [problem] = bring(city, None, "Gone")["problems"]
        assert problem["message"].startswith("No department has this name.")

    def test_a_department_that_was_merged_names_the_other_one(self, city: City) -> None:
        city.entry(title="Trees")
        book = whole(city)
        add(book, "Datasets", Name="Pipes", Department="Water")
        city.do(city.cdo, "inventory_merge", department=city.water.id, into=city.parks.id)
        found = preview(city, book, city.cdo)
        [problem] = found["problems"]
        assert problem["message"].startswith("This department was merged into another one.")
        assert problem["suggestion"] == "Parks"
        assert found["offered"] == {FIELD: ["Parks", "Recreation and Sports"]}
        assert (offered(whole(city)) or ("", []))[1] == ["Parks", "Recreation and Sports"]

    def test_sources_name_theirs_too(self, city: City) -> None:
        city.entry(title="Trees")
        book = whole(city)
        row = add(book, "Sources", Name="PipeBase", Department="Watr")
        found = preview(city, book, city.cdo)
        [problem] = found["problems"]
        assert (problem["where"], problem["suggestion"]) == (f"Sources!{row}", "Water")
        found = again(city, found, city.cdo, fixes={f"Sources!{row}!{FIELD}": "Water"})
        assert (found["problems"], found["counts"]["new"]) == ([], 1)

    def test_a_file_without_the_column_is_asked_all_the_same(self, city: City) -> None:
        city.entry(title="Trees")
        book = whole(city)
        row = add(book, "Datasets", Name="Benches")
        book["Datasets"].delete_cols(column(book, "Datasets", "Department"))
        found = preview(city, book, city.cdo)
        [problem] = found["problems"]
        assert (problem["where"], problem["field"]) == (f"Datasets!{row}", FIELD)
        assert (problem["column"], problem["no_column"]) == ("Department", True)
        fixed = again(city, found, city.cdo, fixes={f"Datasets!{row}!{FIELD}": "Water"})
        assert (fixed["problems"], fixed["counts"]["new"]) == ([], 1)
        assert [fix["column"] for fix in fixed["fixed"]] == ["Department"]
        found = again(city, found, city.cdo, fixes={f"Datasets!{row}!{FIELD}": ""})
        assert len(found["problems"]) == 1
        assert again(city, found, city.cdo, department="parks")["problems"] == []

    def test_who_adds_nowhere_has_nothing_to_choose(self, city: City) -> None:
        city.entry(title="Trees")
        for department in ("parks", None):
            book = opened(download(city, city.reviewer, department=department))
            row = add(book, "Datasets", Name="Benches", Value="High")
            if department is None:
                row = add(book, "Datasets", Name="Kiosks", Value="High", Department="Parks")
            found = preview(city, book, city.reviewer)
            problem = next(
                p
                for p in found["problems"]
                if p["where"] == f"Datasets!{row}" and p["severity"] == "error"
            )
            assert (problem["field"], found["offered"]) == ("", {})
            assert problem["message"] == (
                "You can't add to this department. Leave the row out, or ask the department to add it."
            )


class TestAFix:
    def test_in_place(self, city: City) -> None:
        city.entry(title="Trees")
        found = bring(city, None, "Prks", "Zoo")
        first, second = (problem["where"] for problem in found["problems"])
        found = again(city, found, city.cdo, fixes={f"{first}!{FIELD}": "Parks"})
        [problem] = found["problems"]
        assert problem["where"] == second
        found = again(city, found, city.cdo, fixes={f"{second}!{FIELD}": "water"})
        assert (found["problems"], found["can_save"]) == ([], True)
        assert [(fix["cell"], fix["text"]) for fix in found["fixed"]] == [
            ("Prks", "Parks"),
            ("Zoo", "water"),
        ]
        assert FIELD in found["offered"], "so that the fixes are changed from the list"
        save(city, found, city.cdo)
        assert owners(city) == {"Trees": "Parks", "Benches 0": "Parks", "Benches 1": "Water"}

    def test_for_all_that_say_the_same(self, city: City) -> None:
        city.entry(title="Trees")
        found = bring(city, None, "P&R", None, "P&R", None)
        assert len(found["problems"]) == 4
        every = {f"Datasets!{FIELD}": {"P&R": "Recreation and Sports", "": "Water"}}
        found = again(city, found, city.cdo, fixes_all=every)
        assert (found["problems"], found["counts"]["new"]) == ([], 4)
        save(city, found, city.cdo)
        assert owners(city)["Benches 2"] == "Recreation and Sports"
        assert owners(city)["Benches 3"] == "Water"

    def test_is_taken_back(self, city: City) -> None:
        city.entry(title="Trees")
        found = bring(city, None, "Prks")
        key = f"{found['problems'][0]['where']}!{FIELD}"
        found = again(city, found, city.cdo, fixes={key: "Parks"})
        found = again(city, found, city.cdo, fixes={key: ""})
        assert len(found["problems"]) == 1

    def test_leaving_the_row_out_works_as_well(self, city: City) -> None:
        city.entry(title="Trees")
        found = bring(city, None, "Prks", "Parks")
        found = again(city, found, city.cdo, left_out=[found["problems"][0]["where"]])
        assert (found["counts"]["held"], found["can_save"]) == (0, True)
        save(city, found, city.cdo)
        assert set(owners(city)) == {"Trees", "Benches 1"}

    @pytest.mark.parametrize("wanted", ["Recreation and Sports", "parks-recreation", "REC", "id"])
    def test_may_name_no_department_that_one_may_not_add_to(
        self, city: City, both: Any, wanted: str
    ) -> None:
        city.entry(title="Trees")
        found = bring(city, both, "Zoo")
        place = found["problems"][0]["where"]
        if wanted == "id":
            wanted = model.Group.get("parks-recreation").id
        for fixes in (
            {"fixes": {f"{place}!{FIELD}": wanted}},
            {
                "fixes": {f"{place}!{FIELD}": ""},
                "fixes_all": {f"Datasets!{FIELD}": {"Zoo": wanted}},
            },
        ):
            found = again(city, found, both, **fixes)
            [problem] = found["problems"]
            assert problem["message"].startswith("You can't add to this department.")
            assert not found["can_save"]
            with pytest.raises(tk.ValidationError):
                save(city, found, both)
        assert set(owners(city)) == {"Trees"}

    def test_cannot_move_what_is_there(self, city: City) -> None:
        entry = city.entry(title="Trees")
        book = whole(city)
        found = preview(city, book, city.cdo, fixes={f"Datasets!2!{FIELD}": "Water"})
        assert found["counts"]["changed"] == 0
        assert owners(city) == {"Trees": "Parks"}
        assert city.do(city.cdo, "inventory_entry_show", id=entry["id"])["number"] == "PARKS-0001"

    def test_a_role_that_ended_meanwhile_takes_its_department_along(
        self, city: City, both: Any
    ) -> None:
        city.entry(title="Trees")
        found = bring(city, both, "Watr")
        place = found["problems"][0]["where"]
        found = again(city, found, both, fixes={f"{place}!{FIELD}": "Water"})
        assert found["can_save"]
        roles = city.do(city.cdo, "inventory_role_list", user=both.id)
        held = roles["results"] if isinstance(roles, dict) else roles
        role = next(r for r in held if city.water.id in r.values() and both.id in r.values())
        city.do(city.cdo, "inventory_role_remove", id=role["id"])
        with pytest.raises((tk.ValidationError, tk.NotAuthorized)):
            save(city, found, both)
        assert set(owners(city)) == {"Trees"}


class TestTheFileToFix:
    def marked(self, city: City, found: dict[str, Any]) -> openpyxl.Workbook:
        given = city.do(city.cdo, "inventory_import_marked", id=found["id"])
        return openpyxl.load_workbook(io.BytesIO(base64.b64decode(given["content"])))

    def test_marks_the_cell_and_offers_the_list_there(self, city: City) -> None:
        city.entry(title="Trees")
        found = bring(city, None, "Prks", "Parks")
        book = self.marked(city, found)
        sheet = book["Datasets"]
        at = sheet.cell(3, column(book, "Datasets", "Department"))
        assert at.value == "Prks"
        assert "Did you mean “Parks”?" in at.comment.text
        [rule] = sheet.data_validations.dataValidation
        assert (str(rule.sqref), rule.type) == (at.coordinate, "list")
        place = str(rule.formula1).partition("!")[2].replace("$", "")
        assert [row[0].value for row in book["Lists"][place]] == [
            "Parks",
            "Recreation and Sports",
            "Water",
        ]
        assert (
            book["Lists"][place][0][0].column
            <= opened(download(city, city.cdo, department=None))["Lists"].max_column
        ), "the file's own list is used"

    def test_its_list_is_its_own_where_the_file_lost_it(self, city: City) -> None:
        city.entry(title="Trees")
        book = whole(city)
        del book["Lists"]
        row = add(book, "Datasets", Name="Benches", Department="Prks")
        marked = self.marked(city, preview(city, book, city.cdo))
        [rule] = marked["Datasets"].data_validations.dataValidation
        assert str(rule.formula1) == "Lists!$A$2:$A$4"
        marked["Datasets"].cell(row, column(marked, "Datasets", "Department")).value = "Parks"
        found = preview(city, marked, city.cdo)
        assert (found["problems"], found["notes"], found["counts"]["new"]) == ([], [], 1)


def test_json_of_the_whole_city_is_answered_alike(city: City) -> None:
    city.entry(title="Trees")
    found = city.do(city.cdo, "inventory_workbook", format="json")
    book = json.loads(base64.b64decode(found["content"]))
    sheet = next(sheet for sheet in book["sheets"] if sheet["name"] == "Datasets")
    keys = [each["key"] for each in sheet["columns"]]
    new = ["" for _ in range(len(keys) + 1)]
    new[keys.index("title")], new[keys.index(FIELD)] = "Benches", "Watre"
    sheet["rows"].append(new)
    answer = tk.get_action("inventory_import_preview")(
        context(city.cdo),
        {
            "content": base64.b64encode(json.dumps(book).encode()).decode(),
            "filename": "city.json",
            "now": True,
        },
    )
    [problem] = answer["problems"]
    assert (problem["field"], problem["suggestion"]) == (FIELD, "Water")
