""" "The same one?": new rows that look like a record that is there, in our workbooks and in any list."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from ckanext.inventory import clock
from tests.logic.city import City, make_city
from tests.logic.returning import add, again, cells, content, download, opened, preview, put, save


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def listed(city: City, rows: str, user: Any = None, **choices: Any) -> dict[str, Any]:
    """Bring a list that has never seen us."""
    choices.setdefault("department", "parks")
    return preview(city, rows.encode(), user, filename="list.csv", **choices)


def offered(found: dict[str, Any]) -> dict[str, Any]:
    """Names of rows to the numbers that they are offered."""
    return {
        row["same"]["written"] if row["same"] else row["title"]: row["same"]
        and row["same"]["number"]
        for row in found["rows"]
    }


# Workbooks of ours


def test_a_new_row_that_is_an_entry_takes_its_changes_there(city: City) -> None:
    """The answer "yes, the same one": three ways, against what stood there at the download."""
    entry = city.entry(title="Trees", notes="one", comments="one", keywords=["wood"])
    empty = opened(download(city, empty=True))
    row = add(
        empty,
        "Datasets",
        Name="trees",
        Description="from the file",
        Comments="from the file",
        Keywords="wood",
        Value="High",
    )
    add(empty, "Blockers", Number="trees", Kind="Privacy", Why="It names residents.")
    with clock.at(clock.now() + dt.timedelta(seconds=5)):
        city.do(city.coordinator, "inventory_entry_patch", id=entry["id"], notes="from here")
    found = preview(city, empty)
    where = f"Datasets!{row}"
    offered = next(item for item in found["rows"] if item["where"] == where)
    assert (offered["same"]["number"], offered["left_out"]) == ("PARKS-0001", True)
    found = again(city, found, same={where: "PARKS-0001"})
    outcomes = cells(found)
    assert outcomes["PARKS-0001", "notes"] == "conflict"
    assert outcomes["PARKS-0001", "comments"] == "changed"
    assert outcomes["PARKS-0001", "value"] == "changed"
    assert ("PARKS-0001", "keywords") not in outcomes
    assert ("PARKS-0001", "title") not in outcomes
    assert outcomes["PARKS-0001", "release_blockers/privacy/rationale"] == "changed"
    assert found["counts"]["new"] == 0
    found = again(city, found, conflicts={"PARKS-0001!notes": "mine"})
    save(city, found)
    stored = content(city, "PARKS-0001")
    assert (stored["notes"], stored["comments"]) == ("from the file", "from the file")
    assert stored["release_blockers"][0]["rationale"] == "It names residents."
    assert city.do(city.coordinator, "inventory_entry_list")["count"] == 1


def test_the_same_one_may_be_answered_otherwise_and_only_with_ones_own(city: City) -> None:
    city.entry(title="Trees", notes="one")
    city.do(city.neighbour, "inventory_entry_create", title="Pipes", owner_org=city.water.id)
    book = opened(download(city, empty=True))
    row = add(book, "Datasets", Name="Trees", Description="one")
    where = f"Datasets!{row}"
    found = preview(city, book)
    found = again(city, found, same={where: "PARKS-0001"})
    assert [item["same"]["number"] for item in found["rows"]] == ["PARKS-0001"]
    assert (found["counts"]["changed"], found["can_save"]) == (0, False)
    for number in ("WATER-0001", "PARKS-0009"):
        found = again(city, found, same={where: number})
        assert found["counts"]["held"] == 1
        assert "none that you may see" in found["problems"][0]["message"]
    found = again(city, found, same={where: "new"})
    assert found["counts"]["new"] == 1


def test_a_new_row_in_the_plural_is_offered_the_one_in_the_singular(city: City) -> None:
    for title in ("Bench", "Facility", "Tree", "Houses"):
        city.entry(title=title)
    book = opened(download(city, empty=True))
    for name in ("Benches", "Facilities", "Trees", "House", "Bins"):
        add(book, "Datasets", Name=name)
    found = preview(city, book)
    assert [item["same"] and item["same"]["title"] for item in found["rows"]] == [
        "Bench",
        "Facility",
        "Tree",
        "Houses",
        None,
    ]
    assert found["counts"]["new"] == 5


# Any other list


def test_a_list_is_offered_what_is_called_nearly_the_same(city: City) -> None:
    for title in ("Street trees", "Food inspections", "Bench"):
        city.entry(title=title, notes="one")
    found = listed(
        city,
        "Dataset name,Description\nTrees of the street,two\nTrees (street),two\n"
        "Food inspectoins,two\nBenches,two\nLamps,two\n",
    )
    assert offered(found) == {
        "Trees of the street": None,
        "Trees (street)": "PARKS-0001",
        "Food inspectoins": "PARKS-0002",
        "Benches": "PARKS-0003",
        "Lamps": None,
    }
    # Only a name that is the very same leaves a row out unasked.
    assert (found["counts"]["new"], found["counts"]["left_out"]) == (5, 0)


def test_a_row_of_a_list_takes_its_changes_to_what_is_called_nearly_the_same(city: City) -> None:
    city.entry(title="Street trees", notes="one", keywords=["wood"])
    found = listed(city, "Dataset name,Description,Keywords\nTrees (street),two,wood\nLamps,x,\n")
    where = found["rows"][0]["where"]
    found = again(city, found, same={where: "PARKS-0001"})
    assert cells(found) == {("PARKS-0001", "notes"): "changed"}
    assert (found["counts"]["new"], found["counts"]["changed"]) == (1, 1)
    assert offered(found)["Trees (street)"] == "PARKS-0001"
    assert found["rows"][0]["title"] == "Street trees", "what is changed is called as it is stored"
    # It may be answered otherwise as long as nothing is saved.
    assert again(city, found, same={where: "new"})["counts"]["new"] == 2
    assert again(city, found, same={where: "out"})["counts"]["left_out"] == 1
    found = again(city, found, same={where: "PARKS-0001"})
    assert len(save(city, found)["created"]) == 1
    stored = content(city, "PARKS-0001")
    assert (stored["title"], stored["notes"]) == ("Street trees", "two")


def test_one_word_more_is_offered_if_it_comes_from_the_same_source(city: City) -> None:
    source = city.do(
        city.coordinator, "inventory_source_create", title="Lucity", owner_org=city.parks.id
    )
    linked = {"source_known": "linked", "source_ids": [source["id"]]}
    city.entry(title="Street trees", **linked)
    city.entry(title="Playground swings")
    described = {"source_known": "described", "system_of_record_note": "Old shelf"}
    city.entry(title="Park benches painted", **described)
    found = listed(
        city,
        "Dataset name,Source system\nStreet trees inventory,LUCITY\nPlayground swings red,Lucity\n"
        "Park benches,old  shelf\nSpare park benches,Another shelf\nStreet trees map,Another\n",
    )
    assert offered(found) == {
        "Street trees inventory": "PARKS-0001",
        "Playground swings red": None,
        "Park benches": "PARKS-0003",
        "Spare park benches": None,
        "Street trees map": None,
    }
    assert found["counts"]["new"] == 5
    book = opened(download(city, empty=True))
    add(book, "Datasets", Name="Street trees list", Source="Lucity")
    add(book, "Datasets", Name="Street trees plan")
    assert offered(preview(city, book)) == {
        "Street trees list": "PARKS-0001",
        "Street trees plan": None,
    }


def test_a_described_source_finds_the_linked_one(city: City) -> None:
    source = city.do(
        city.coordinator, "inventory_source_create", title="Lucity", owner_org=city.parks.id
    )
    city.entry(title="Street trees", source_known="linked", source_ids=[source["id"]])
    book = opened(download(city, empty=True))
    row = add(book, "Datasets", Name="Street trees list")
    assert offered(preview(city, book)) == {"Street trees list": None}
    put(book, "Datasets", row, **{"Where it is kept, in your words": "lucity"})
    assert offered(preview(city, book)) == {"Street trees list": "PARKS-0001"}


def test_two_rows_cant_be_the_same_record(city: City) -> None:
    city.entry(title="Street trees", notes="one")
    found = listed(city, "Dataset name,Description\nStreet trees,two\nTrees (street),three\n")
    first, second = (row["where"] for row in found["rows"])
    found = again(city, found, same={first: "PARKS-0001", second: "PARKS-0001"})
    (problem,) = found["problems"]
    assert problem["severity"] == "error"
    assert problem["row"] == 3
    assert "stands in row 2, too" in problem["message"]
    found = again(city, found, same={second: "out"})
    save(city, found)
    assert content(city, "PARKS-0001")["notes"] == "two"


def test_a_row_of_a_list_may_only_be_what_one_may_see_and_of_its_department(city: City) -> None:
    city.entry(title="Street trees")
    city.do(city.coordinator, "inventory_source_create", title="Lucity", owner_org=city.parks.id)
    city.do(city.neighbour, "inventory_entry_create", title="Pipes", owner_org=city.water.id)
    for name in ("Street trees", "Trees (street)", "Lamps"):
        found = listed(city, f"Dataset name,Description\n{name},two\n")
        for number in ("WATER-0001", "PARKS-0009", "PARKS-S001"):
            found = again(city, found, same={found["rows"][0]["where"]: number})
            assert found["counts"]["held"] == 1, (name, number)
            assert "none that you may see" in found["problems"][0]["message"]
            assert not found["can_save"]
    found = listed(city, "Dataset name,Description\nLamps,two\n", city.cdo)
    found = again(city, found, city.cdo, same={found["rows"][0]["where"]: "WATER-0001"})
    assert 'belongs to "Water", which is another department' in found["problems"][0]["message"]


def test_all_that_are_there_by_the_same_name_are_answered_at_once(city: City) -> None:
    for title in ("Street trees", "Benches", "Lamps"):
        city.entry(title=title, notes="one")
    rows = "Dataset name,Description\nstreet trees,two\nBENCHES,two\nLamp,two\nBins,two\n"
    found = listed(city, rows)
    assert found["counts"]["left_out"] == 2
    found = again(city, found, same={"all": "same"})
    assert cells(found) == {("PARKS-0001", "notes"): "changed", ("PARKS-0002", "notes"): "changed"}
    # What is only nearly the same is still asked for by itself, and one by one counts before all.
    assert offered(found)["Lamp"] == "PARKS-0003"
    assert found["counts"]["new"] == 2
    bench = next(row["where"] for row in found["rows"] if row["number"] == "PARKS-0002")
    found = again(city, found, same={bench: "out"})
    assert cells(found) == {("PARKS-0001", "notes"): "changed"}
    found = again(city, found, same={bench: "new"})
    assert found["counts"]["new"] == 3


def test_all_are_answered_at_once_in_our_workbook_too(city: City) -> None:
    for title in ("Street trees", "Benches"):
        city.entry(title=title, notes="one")
    book = opened(download(city, empty=True))
    for name in ("street trees", "BENCHES", "Bins"):
        add(book, "Datasets", Name=name, Description="two")
    found = again(city, preview(city, book), same={"all": "same"})
    assert cells(found) == {("PARKS-0001", "notes"): "changed", ("PARKS-0002", "notes"): "changed"}
    assert found["counts"]["new"] == 1


def test_nothing_is_offered_of_another_department(city: City) -> None:
    for title in ("Street trees", "Secret registers"):
        city.entry(title=title)
    rows = "Dataset name,Description\nStreet trees,two\nSecret register,two\n"
    found = listed(city, rows, city.neighbour, department="water")
    assert offered(found) == {"Street trees": None, "Secret register": None}


def test_a_row_that_is_there_twice_is_told_and_taken_as_another_one(city: City) -> None:
    rows = "Dataset name,Description\nWater usage,by day\nLamps,all\nWater usage,by month\n"
    found = listed(city, rows)
    (twice,) = found["skipped"]
    assert (twice["row"], twice["title"], twice["taken"]) == (4, "Water usage", False)
    assert "row 2" in twice["reason"]
    assert (found["counts"]["new"], found["counts"]["skipped"]) == (2, 1)
    taken = again(city, found, same={twice["where"]: "new"})
    assert [item["taken"] for item in taken["skipped"]] == [True]
    assert (taken["counts"]["new"], taken["counts"]["skipped"]) == (3, 0)
    assert taken["counts"]["refused_rows"] == 0
    left = again(city, taken, same={twice["where"]: "out"})
    assert (left["counts"]["new"], left["counts"]["skipped"]) == (2, 1)
    taken = again(city, left, same={twice["where"]: "new"})
    done = save(city, taken)
    texts = [content(city, row["number"])["notes"] for row in done["created"]]
    assert sorted(texts) == ["all", "by day", "by month"]
