"""A list that isn't ours, where its own words could be taken for something else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.inventory.fields import schema_for
from ckanext.inventory.model import ImportMapping, RoleGrant
from ckanext.inventory.types import SOURCE, Role
from tests.logic.city import City, make_city
from tests.logic.returning import again, preview, save
from tests.support import grant, make_user


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


LIST = "Data set,Value\nTrees,High\n"
NOT_YOURS = ["You can't add to this department. Choose one of yours."]


def refusal_of(call: Callable[[], Any]) -> dict[str, Any]:
    with pytest.raises(tk.ValidationError) as caught:
        call()
    return caught.value.error_dict


class TestDepartmentsOfOthers:
    """A list goes to no department that whoever brings it may not add to, and says so at every door."""

    @pytest.mark.parametrize("who", ["neighbour", "viewer", "reviewer"])
    def test_it_is_refused_when_it_is_brought(self, city: City, who: str) -> None:
        user = getattr(city, who)
        assert refusal_of(lambda: listed(city, LIST, user)) == {"department": NOT_YOURS}
        assert city.do(user, "inventory_import_list")["count"] == 0

    def test_who_adds_nowhere_is_told_so(self, city: City) -> None:
        found = listed(city, "Data set,Department\nTrees,Parks\n", city.reviewer, department="")
        assert [problem["message"] for problem in found["problems"]] == [
            "You can't add to any department. Ask a coordinator of the department to bring this list."
        ]
        assert not found["can_save"]

    def test_another_one_can_be_chosen_on_an_open_file(self, city: City) -> None:
        found = listed(city, LIST)
        said = refusal_of(lambda: again(city, found, department="water"))
        assert said == {"department": NOT_YOURS}
        said = refusal_of(lambda: save(city, found, department="water"))
        assert said == {"department": NOT_YOURS}
        assert again(city, found)["can_save"]

    def test_a_role_that_was_lost_is_told_and_another_department_helps(self, city: City) -> None:
        found = listed(city, LIST)
        session = model.Session
        session.execute(sa.delete(RoleGrant).where(RoleGrant.user_id == city.coordinator.id))
        session.commit()
        grant(city.coordinator, Role.COORDINATOR, city.water)
        assert refusal_of(lambda: save(city, found)) == {"department": NOT_YOURS}
        now = again(city, found)
        assert [problem["message"] for problem in now["problems"]] == NOT_YOURS
        assert (now["can_save"], now["rows"]) == (False, [])
        now = again(city, found, department="water")
        assert save(city, now)["created"][0]["number"] == "WATER-0001"


MERGED = '"Water" was merged into "Parks": choose that one.'


class TestMergedDepartments:
    """Nobody adds to a department that was merged into another, at any door; each names the other one."""

    @pytest.fixture
    def city(self, db: None) -> City:
        city = make_city()
        city.do(city.cdo, "inventory_merge", department=city.water.id, into=city.parks.id)
        return city

    def test_a_list(self, city: City) -> None:
        said = refusal_of(lambda: listed(city, LIST, city.cdo, department="water"))
        assert said == {"department": [MERGED]}

    def test_a_list_by_the_command_line(self, city: City) -> None:
        data = {"content": base64.b64encode(LIST.encode()).decode(), "filename": "list.csv"}
        for dry_run in (True, False):
            said = refusal_of(
                lambda dry_run=dry_run: city.do(
                    city.cdo, "inventory_import", department="water", dry_run=dry_run, **data
                )
            )
            assert said == {"department": [MERGED]}

    @pytest.mark.parametrize("kind", ["entry", "source"])
    def test_a_new_record(self, city: City, kind: str) -> None:
        said = refusal_of(
            lambda: city.do(
                city.cdo, f"inventory_{kind}_create", title="Trees", owner_org=city.water.id
            )
        )
        assert said == {"owner_org": [MERGED]}

    def test_a_row_names_it(self, city: City) -> None:
        rows = "Name,Department\nTrees,Water\nPipes,Watr\n"
        found = listed(city, rows, city.cdo, department="")
        assert [
            (item["title"], item["known"], item["chosen"], item["near"], item["merged_into"])
            for item in found["departments_named"]
        ] == [
            ("Water", True, None, city.parks.id, "Parks"),
            ("Watr", False, None, city.parks.id, ""),
        ]
        said = refusal_of(lambda: again(city, found, city.cdo, departments={"Watr": "water"}))
        assert said == {"departments": [f"Watr: {MERGED}"]}
        found = again(city, found, city.cdo, departments={"Watr": "parks", "Water": "parks"})
        assert [row["department"] for row in found["rows"]] == ["Parks", "Parks"]

    def test_a_row_names_it_by_the_command_line(self, city: City) -> None:
        content = base64.b64encode(b"Name,Department\nTrees,Water\n").decode()
        done = city.do(city.cdo, "inventory_import", content=content, filename="list.csv")
        [problem] = done["problems"]
        assert (done["created"], problem["suggestion"]) == (0, "Parks")
        assert problem["message"] == (
            "This department was merged into another one: one row was kept out."
        )

    def test_whom_it_was_given_to_again_adds_to_it(self, city: City) -> None:
        again_theirs = grant(make_user("again"), Role.COORDINATOR, city.water)
        found = listed(city, LIST, again_theirs, department="water")
        assert save(city, found, again_theirs)["created"][0]["number"] == "WATER-0001"


class TestHeadersTwice:
    """Columns of one header are told apart by their letters, now and when such a list comes again."""

    LIST = "Data set,Notes,Notes,D\nTrees,along the main road,Ann,x\n"

    def test_they_are_named_by_letter(self, city: City) -> None:
        found = listed(city, self.LIST)
        assert [column["name"] for column in found["columns"]] == ["Data set", "(B)", "(C)", "D"]
        found = again(city, found, columns={"(C)": "steward"})
        assert [field for _, field in meanings(found)][1:3] == ["notes", "steward"]
        assert values(found)[0][1]["Description"] == "along the main road"

    def test_their_header_means_those_that_are_not_named_by_letter(self, city: City) -> None:
        found = again(city, listed(city, self.LIST), columns={"Notes": "comments", "(C)": ""})
        assert [field for _, field in meanings(found)][1:3] == ["comments", ""]
        found = again(city, listed(city, self.LIST), columns={"Notes": "comments"})
        assert [field for _, field in meanings(found)][1:3] == ["comments", "comments"]

    def test_a_header_that_looks_like_a_letter_is_another_column(self, city: City) -> None:
        found = listed(city, "Data set,D,Notes,Notes\nTrees,x,along the main road,Ann\n")
        found = again(city, found, columns={"(D)": "steward", "D": "comments"})
        assert [field for _, field in meanings(found)] == ["title", "comments", "notes", "steward"]

    def test_a_column_without_a_header(self, city: City) -> None:
        found = listed(city, "Data set,\nTrees,Ann\n", columns={"(B)": "steward"})
        assert meanings(found) == [("Data set", "title"), ("(B)", "steward")]

    def test_it_is_remembered_wherever_they_stand_then(self, city: City) -> None:
        found = again(city, listed(city, self.LIST), columns={"(C)": "steward", "D": "comments"})
        save(city, found)
        found = listed(city, "D,Notes,Data set,Notes\nx,in front of the school,Lamps,Bo\n")
        assert [field for _, field in meanings(found)] == ["comments", "notes", "title", "steward"]


class TestKindsOfLists:
    """What columns mean is remembered for entries and for sources, each by itself."""

    LIST = "Name,Foo,Bar\nTrees,High,x\n"

    def test_what_was_said_of_entries_is_not_used_for_sources(self, city: City) -> None:
        save(city, again(city, listed(city, self.LIST), columns={"Foo": "value"}))
        found = listed(city, self.LIST, kind="source")
        assert meanings(found)[1] == ("Foo", "")
        save(city, again(city, found, columns={"Foo": "hosting"}))
        lamps = self.LIST.replace("Trees", "Lamps")
        assert meanings(listed(city, lamps))[1] == ("Foo", "value")
        assert meanings(listed(city, lamps, kind="source"))[1] == ("Foo", "hosting")

    def test_what_was_remembered_of_entries_before_stays(self, city: City) -> None:
        save(city, again(city, listed(city, self.LIST), columns={"Foo": "value"}))
        row = model.Session.query(ImportMapping).one()
        assert row.layout == hashlib.sha256(b"bar\nfoo\nname").hexdigest()

    def test_a_remembered_field_that_there_is_not_is_dropped(self, city: City) -> None:
        save(
            city, again(city, listed(city, self.LIST), columns={"Foo": "value", "Bar": "comments"})
        )
        row = model.Session.query(ImportMapping).one()
        row.columns = {"Foo": "hosting", "Bar": "comments"}
        model.Session.commit()
        found = listed(city, self.LIST.replace("Trees", "Lamps"))
        assert meanings(found)[1:] == [("Foo", ""), ("Bar", "comments")]
        assert [column["remark"] for column in found["columns"]][1] == ""

    def test_a_field_of_the_other_kind_is_called_as_people_know_it(self, city: City) -> None:
        found = listed(city, self.LIST, columns={"Foo": "hosting", "Bar": "nonsense"})
        assert [column["remark"] for column in found["columns"]][1:] == [
            f'What was chosen for this column, "{name}", is no field here: choose another one.'
            for name in (schema_for(SOURCE).fields["hosting"].label, "nonsense")
        ]
