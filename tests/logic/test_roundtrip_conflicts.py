"""A choice on a conflict is one on what was seen: what is stored later is asked about again."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest

from tests.logic.city import City, make_city
from tests.logic.returning import again, content, download, opened, preview, put, save

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
