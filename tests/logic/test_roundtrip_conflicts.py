"""A choice on a conflict is one on what was seen: what is stored later is asked about again."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest

from ckanext.inventory.types import Role
from tests.logic.city import City, make_city
from tests.logic.returning import again, column, content, download, opened, preview, put, save
from tests.support import grant, make_user

FIELDS = ("notes", "comments", "system_of_record_note")
HEADERS = ("Description", "Comments", "Where it is kept, in your words")


@pytest.fixture
def city(db: None) -> City:
    return make_city()


@pytest.fixture
def entry(city: City) -> dict[str, Any]:
    return city.entry(title="Trees", **dict.fromkeys(FIELDS, "one"))


def changed(city: City, entry: dict[str, Any], **fields: str) -> None:
    city.do(city.cdo, "inventory_entry_patch", id=entry["id"], **fields)


@pytest.fixture
def found(city: City, entry: dict[str, Any]) -> dict[str, Any]:
    """A workbook with four edited cells, two of which were changed here, too."""
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Value="High", **dict.fromkeys(HEADERS, "file"))
    changed(city, entry, notes="here", comments="here")
    found = preview(city, book)
    assert conflicts(found) == {"notes": "", "comments": ""}
    return found


def conflicts(found: dict[str, Any]) -> dict[str, str]:
    """Fields in conflict to what was chosen."""
    return {
        cell["key"]: cell["chosen"]
        for row in found["rows"]
        for cell in row["cells"]
        if cell["outcome"] == "conflict"
    }


def against(found: dict[str, Any], field: str) -> str:
    (mark,) = (
        cell["against"] for row in found["rows"] for cell in row["cells"] if cell["key"] == field
    )
    return mark


@pytest.mark.parametrize("side", ["mine", "stored"])
def test_a_choice_for_all_is_one_for_those_that_are_there(
    city: City, entry: dict[str, Any], found: dict[str, Any], side: str
) -> None:
    settled = again(city, found, all_conflicts=side)
    assert conflicts(settled) == {"notes": side, "comments": side}
    assert settled["can_save"]
    changed(city, entry, system_of_record_note="here")
    with pytest.raises(tk.ValidationError):
        save(city, settled)
    later = again(city, settled)
    assert conflicts(later) == {"notes": side, "comments": side, "system_of_record_note": ""}
    assert not later["can_save"]
    save(city, again(city, later, all_conflicts="stored"))
    stored = content(city, "PARKS-0001")
    expected = "file" if side == "mine" else "here"
    assert [stored[field] for field in FIELDS] == [expected, expected, "here"]


@pytest.mark.parametrize("side", ["mine", "stored"])
def test_what_was_chosen_against_another_value_is_asked_about_again(
    city: City, entry: dict[str, Any], found: dict[str, Any], side: str
) -> None:
    choices = {"PARKS-0001!notes": side, "PARKS-0001!comments": side}
    settled = again(city, found, conflicts=choices)
    assert settled["can_save"]
    changed(city, entry, notes="here again")
    later = again(city, settled)
    assert conflicts(later) == {"notes": "", "comments": side}
    assert not later["can_save"]
    later = again(city, later, conflicts={"PARKS-0001!notes": "mine"})
    save(city, later)
    assert content(city, "PARKS-0001")["notes"] == "file"


def test_a_page_that_was_open_for_long_chooses_nothing_that_it_didnt_show(
    city: City, entry: dict[str, Any], found: dict[str, Any]
) -> None:
    """The form sends what it was chosen against along with each choice."""
    seen = {f"PARKS-0001!{name}": f"mine@{against(found, name)}" for name in ("notes", "comments")}
    changed(city, entry, notes="here again")
    later = again(city, found, conflicts=seen)
    assert conflicts(later) == {"notes": "", "comments": "mine"}
    with pytest.raises(tk.ValidationError):
        save(city, later, conflicts=seen)
    assert content(city, "PARKS-0001")["notes"] == "here again"


def test_a_value_that_came_back_needs_no_choice_and_nonsense_is_none(
    city: City, entry: dict[str, Any], found: dict[str, Any]
) -> None:
    odd = {"PARKS-0001!notes": "both", "PARKS-0001!comments": "mine@nonsense"}
    assert conflicts(again(city, found, conflicts=odd)) == {"notes": "", "comments": ""}
    again(city, found, all_conflicts="mine")
    changed(city, entry, notes="one")
    assert conflicts(again(city, found)) == {"comments": "mine"}
    changed(city, entry, notes="once more")
    assert conflicts(again(city, found)) == {"notes": "", "comments": "mine"}


class TestWhoChangedIt:
    """The other side of a conflict names who changed this very cell last, and when."""

    @staticmethod
    def told(found: dict[str, Any]) -> dict[str, tuple[str, bool]]:
        return {
            cell["key"]: (cell["who"], bool(cell["when"]))
            for row in found["rows"]
            for cell in row["cells"]
            if cell["outcome"] == "conflict"
        }

    @staticmethod
    def name(user: Any) -> str:
        return user.fullname or user.name

    def test_of_a_blocker_it_is_the_one_who_changed_that_blocker(self, city: City) -> None:
        def rows(privacy: str, legal: str) -> dict[str, Any]:
            return {
                "blocker_status": "some",
                "release_blockers": [
                    {"kind": "privacy", "rationale": privacy},
                    {"kind": "legal", "rationale": legal},
                ],
            }

        entry = city.entry(title="Trees", **rows("one", "one"))
        book = opened(download(city))
        sheet = book["Blockers"]
        why = column(book, "Blockers", "Why")
        for row in (2, 3):
            sheet.cell(row, why).value = "file"
        city.do(city.cdo, "inventory_entry_patch", id=entry["id"], **rows("two", "one"))
        city.do(city.coordinator, "inventory_entry_patch", id=entry["id"], **rows("two", "two"))
        assert self.told(preview(city, book)) == {
            "release_blockers/privacy/rationale": (self.name(city.cdo), True),
            "release_blockers/legal/rationale": (self.name(city.coordinator), True),
        }

    def test_of_an_assignment_it_is_who_assigned_it(self, city: City) -> None:
        for name in ("ann", "bob"):
            grant(make_user(name), Role.COORDINATOR, city.parks)
        entry = city.entry(title="Trees")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Assigned_to="Ann")
        city.do(city.cdo, "inventory_assign", ids=[entry["id"]], user="bob")
        city.do(
            city.coordinator, "inventory_mark", ids=[entry["id"]], field="in_directory", value=True
        )
        assert self.told(preview(city, book)) == {"assignee": (self.name(city.cdo), True)}

    def test_of_a_mark_it_is_who_set_it(self, city: City) -> None:
        entry = city.entry(title="Trees")
        book = opened(download(city, city.cdo))
        put(book, "Datasets", "PARKS-0001", Public_listing="Allowed")
        city.do(city.reviewer, "inventory_mark", ids=[entry["id"]], field="listing", value="never")
        city.do(city.cdo, "inventory_assign", ids=[entry["id"]], user=city.coordinator.name)
        found = preview(city, book, city.cdo)
        assert self.told(found) == {"listing": (self.name(city.reviewer), True)}
