"""A workbook of ours that lost its hidden column: it is a list, and says what it said."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from ckanext.inventory import vocabularies
from ckanext.inventory.fields import schema_for
from ckanext.inventory.service import translated
from ckanext.inventory.types import ENTRY
from tests.logic.city import City, make_city
from tests.logic.returning import cells, content, download, opened, preview, save

CONTENT: dict[str, Any] = {
    "notes": "Every tree, one row each.",
    "alternate_title": "Tree list",
    "category": "energy_and_environment",
    "keywords": ["trees", "parks"],
    "external_id": "77",
    "external_id_origin": "The list of 2019",
    "source_known": "linked",
    "format": ["paper", "database"],
    "earliest_records": "2019-03",
    "data_dictionary": "yes",
    "data_dictionary_url": "https://city.example/columns",
    "steward": "Urban forestry",
    "steward_email": "trees@city.example",
    "value": "high",
    "existing_publication": ["website", "open_data_portal"],
    "existing_publication_url": ["https://city.example/a", "https://city.example/b"],
    "classification": "sensitive",
    "contains_sensitive_data": "yes",
    "target_release": "2028",
    "blocker_status": "some",
    "comments": "one\ntwo",
}


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def unstamped(book: Any, sheet: str) -> list[list[Any]]:
    """The cells of a sheet without its last column."""
    return [list(row)[:-1] for row in book[sheet].iter_rows(values_only=True)]


def brought(city: City, rows: list[list[Any]], **choices: Any) -> dict[str, Any]:
    text = io.StringIO()
    csv.writer(text).writerows([["" if cell is None else cell for cell in row] for row in rows])
    return preview(
        city,
        text.getvalue().encode(),
        filename="typed.csv",
        department="parks",
        same={"all": "same"},
        **choices,
    )


def test_nothing_changes_by_what_was_not_changed(city: City) -> None:
    source = city.do(
        city.coordinator, "inventory_source_create", title="TreeBase", owner_org=city.parks.id
    )
    whole = city.entry(title="Trees of the city")
    city.entry(
        **CONTENT,
        title="Street trees",
        source_ids=[source["id"]],
        part_of=whole["id"],
        release_blockers=[{"kind": "privacy", "rationale": "It names people."}],
    )
    ids = [city.do(city.coordinator, "inventory_entry_show", id="PARKS-0002")["id"]]
    city.do(city.coordinator, "inventory_mark", ids=ids, field="in_directory", value="yes")
    city.do(city.coordinator, "inventory_assign", ids=ids, user=city.coordinator.name)
    rows = unstamped(opened(download(city)), "Datasets")
    found = brought(city, rows)
    assert not found["ours"]
    assert {item["column"]: item["remark"] for item in found["columns"] if not item["field"]} == {
        "State": "An import always makes drafts.",
        "Waits for": "It follows from the state, and can't be said by a file.",
        "Classification confirmed": "What a reviewer confirmed can't be changed through a file.",
    }
    assert cells(found) == {}
    assert found["counts"]["unchanged"] == 2
    told = [item["message"] for item in found["problems"] if item["row"] is not None]
    assert told == []


def test_the_id_belongs_to_the_list_that_the_row_names(city: City) -> None:
    city.entry(title="Street trees", external_id="77", external_id_origin="The list of 2019")
    rows = [
        ["Name", "ID in your own list", "Which list that is"],
        ["Trees along streets", "77", "The list of 2019"],
        ["Benches", "77", "The list of 2020"],
        ["Lamps", "78", ""],
    ]
    found = brought(city, rows)
    same = {row["title"]: row["number"] for row in found["rows"]}
    assert same == {"Street trees": "PARKS-0001", "Benches": None, "Lamps": None}
    save(city, found)
    origins = [content(city, f"PARKS-000{n}")["external_id_origin"] for n in (1, 2, 3)]
    assert origins == ["The list of 2019", "The list of 2020", "typed: ID in your own list"]


def test_values_and_marks_are_understood_in_another_language(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(text: str) -> str:
        return f"Zz {text}"

    monkeypatch.setattr(translated, "sayers", lambda: [say])
    labels = {spec.name: spec for spec in schema_for(ENTRY).fields.values()}
    words = vocabularies.load()

    def label(name: str, value: str) -> str:
        return say(words.label(labels[name].vocabulary or "", value))

    rows = [
        [say(header) for header in ("Name", "Format", "Value", "Who may see it", "Public listing")],
        [
            "Trees",
            "; ".join([label("format", "paper"), label("format", "database")]),
            label("value", "high"),
            say(words.label("visibility", "department_and_cdo_only")),
            say(words.label("listing", words.choices("listing")[1].value)),
        ],
    ]
    found = brought(city, rows, user=city.cdo)
    assert found["problems"] == []
    save(city, found, city.cdo)
    stored = content(city, "PARKS-0001")
    assert (stored["format"], stored["value"]) == (["database", "paper"], "high")
    record = city.do(city.coordinator, "inventory_entry_show", id="PARKS-0001")["record"]
    assert record["visibility"] == "department_and_cdo_only"
    assert record["listing"] == words.choices("listing")[1].value


def test_reasons_are_understood_in_another_language(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(text: str) -> str:
        return f"Zz {text}"

    monkeypatch.setattr(translated, "sayers", lambda: [say])
    words = vocabularies.load()
    kinds = [say(words.label("blocker_kind", kind)) for kind in ("privacy", "legal")]
    found = brought(
        city,
        [
            ["Name", say("Release blockers"), "Reasons in detail"],
            ["Trees", "; ".join(kinds), say(words.label("blocker_detail", "personal_information"))],
            ["Benches", kinds[0].lower(), ""],
            ["Lamps", "Privacy", ""],
        ],
        columns={"Reasons in detail": "release_blockers.detail"},
    )
    assert found["problems"] == []
    save(city, found)
    rows = content(city, "PARKS-0001")["release_blockers"]
    assert [(row["kind"], row["detail"]) for row in rows] == [
        ("privacy", ["personal_information"]),
        ("legal", ["personal_information"]),
    ]
    for number in ("PARKS-0002", "PARKS-0003"):
        assert [row["kind"] for row in content(city, number)["release_blockers"]] == ["privacy"]


def test_what_a_text_means_is_said_of_reasons_too(city: City) -> None:
    found = brought(
        city,
        [["Name", "Release blockers"], ["Trees", "Datenschutz; Law"]],
        values={"release_blockers.kind": {"Datenschutz": "privacy"}},
    )
    assert found["problems"] == []
    save(city, found)
    rows = content(city, "PARKS-0001")["release_blockers"]
    assert [row["kind"] for row in rows] == ["privacy", "legal"]
