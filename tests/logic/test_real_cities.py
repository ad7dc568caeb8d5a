"""The main job on real cities' inventories, over HTTP, as the people who do it.

A District of Columbia file goes in for the whole city, a San Diego file for one department; people
submit, return, withhold, defer and approve; five entries are promoted with their data; and a visitor
finds those five and nothing else. Skipped where the folder of real inventories is absent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ckan import model

from ckanext.inventory.types import Role
from devstack.client import Client, Refused
from tests.support import grant, make_department, make_token, make_user

DC_ROWS = 1640
SAN_DIEGO_ROWS = 145

APPROVE_ASKS: dict[str, Any] = {
    "category": "city_infrastructure",
    "format": ["database"],
    "change_frequency": "yearly",
    "existing_etl": "none",
    "existing_publication": ["no"],
    "request_frequency": "none",
    "quality_concern": "none",
    "data_dictionary": "no",
    "steward": "The owning unit",
    "public_contact_name": "Service desk",
    "public_contact_email": "desk@city.example",
    "value": "high",
    "classification": "public",
    "blocker_status": "none",
    "source_known": "described",
    "system_of_record_note": "In the unit's own system",
    "contains_sensitive_data": "no",
    "release_blockers": [],
}


@dataclass
class People:
    """Who does what, each with a token, and a visitor without."""

    coordinator: Client
    cdo: Client
    reviewer: Client
    outsider: Client
    visitor: Client
    department: str


@pytest.fixture(scope="module")
def people(live_site: Client, shared_data: Path) -> People:
    department = make_department("SANDIEGO", name="san-diego", title="San Diego")

    def client(user: model.User) -> Client:
        return Client(live_site.url, make_token(user), timeout_seconds=300)

    return People(
        coordinator=client(grant(make_user("coordinator"), Role.COORDINATOR, department)),
        cdo=client(grant(make_user("cdo"), Role.CDO)),
        reviewer=client(grant(make_user("reviewer"), Role.REVIEWER)),
        outsider=client(make_user("outsider")),
        visitor=live_site,
        department=department.name,
    )


def _import(who: Client, file: Path, **options: Any) -> dict[str, Any]:
    return who.action("inventory_import", {"upload": (file.name, file.read_bytes())}, **options)


def _step(who: Client, entry: dict[str, Any], transition: str, **inputs: Any) -> dict[str, Any]:
    current = who.action("inventory_entry_show", id=entry["number"])
    return who.action(
        "inventory_transition",
        id=entry["number"],
        transition=transition,
        revision=current["revision"],
        **inputs,
    )


@pytest.fixture(scope="module")
def promoted(people: People, shared_data: Path) -> list[dict[str, Any]]:
    """The whole story; returns the entries that ended on the portal."""
    dc = _import(
        people.cdo,
        shared_data / "dc-edi-2018" / "dataset_inventory_2018_03_11.csv",
        create_departments=True,
    )
    assert dc["total"] == DC_ROWS
    assert dc["created"] + dc["skipped_count"] + dc["refused"] == DC_ROWS
    san_diego = _import(
        people.coordinator,
        shared_data / "sandiego" / "inventory_2016-09-29.csv",
        department=people.department,
    )
    assert san_diego["created"] + san_diego["skipped_count"] + san_diego["refused"] == (
        SAN_DIEGO_ROWS
    )
    entries = san_diego["numbers"][:8]
    assert len(entries) == 8
    for entry in entries:
        people.coordinator.action(
            "package_patch",
            id=entry["id"],
            notes=f"What the city knows about: {entry['title']}",
            **APPROVE_ASKS,
        )
        _step(people.coordinator, entry, "submit")
    returned, withheld, deferred, *good = entries
    _step(people.reviewer, returned, "return", comment="Which years does it cover?")
    _step(
        people.cdo,
        withheld,
        "withhold",
        blocker={"kind": "privacy", "rationale": "It names residents and their addresses."},
    )
    _step(people.cdo, deferred, "defer", comment="The system is replaced.", look_again="2028")
    people.reviewer.action(
        "inventory_classification_confirm",
        ids=[entry["id"] for entry in good],
        classification="public",
    )
    for entry in good:
        _step(people.cdo, entry, "approve")
        _step(
            people.cdo,
            entry,
            "promote",
            publication={
                "license_id": "cc-by",
                "resources": [
                    {"name": "Table", "url": f"https://data.city.example/{entry['number']}.csv"}
                ],
            },
        )
    return good


def test_states_are_as_they_were_decided(people: People, promoted: list[dict[str, Any]]) -> None:
    found = people.cdo.action("inventory_entry_list", department="", limit=1)
    states = {item["value"]: item["count"] for item in found["facets"]["state"]}
    assert states["published"] == 5
    assert states["returned"] == states["withheld"] == states["deferred"] == 1


def test_a_visitor_finds_those_five_and_nothing_else(
    people: People, promoted: list[dict[str, Any]]
) -> None:
    found = people.visitor.action("package_search", rows=100)
    assert found["count"] == 5
    assert {package["title"] for package in found["results"]} == {
        entry["title"] for entry in promoted
    }
    assert len(people.visitor.action("package_list")) == 5
    for package in found["results"]:
        status, page = people.visitor.page(f"/dataset/{package['name']}")
        assert status == 200
        assert "https://data.city.example/" in page


@pytest.mark.parametrize(
    "path", ["/dataset/", "/feeds/dataset.atom", "/organization/san-diego", "/"]
)
def test_pages_and_feeds_name_no_other(
    people: People, promoted: list[dict[str, Any]], path: str
) -> None:
    status, page = people.visitor.page(path)
    assert status == 200
    everything = people.cdo.action("inventory_entry_list", limit=1000, facets=False)["results"]
    public = {entry["number"] for entry in promoted}
    hidden = [row for row in everything if row["number"] not in public]
    assert hidden
    for row in hidden:
        assert row["number"] not in page
        if len(row["title"]) > 30:
            assert row["title"] not in page


def test_counts_of_organizations_are_those_of_the_public(
    people: People, promoted: list[dict[str, Any]]
) -> None:
    shown = people.visitor.action("organization_show", id="san-diego", include_dataset_count=True)
    assert shown["package_count"] == 5
    listed = people.visitor.action("organization_list", all_fields=True)
    assert listed
    assert {org["package_count"] for org in listed if org["name"] != "san-diego"} == {0}


def test_an_outsider_learns_nothing(people: People, promoted: list[dict[str, Any]]) -> None:
    for who in (people.outsider, people.visitor):
        answers: set[str] = set()
        for number in (promoted[0]["number"], "SANDIEGO-9999"):
            status, page = who.page(f"/inventory/entries/{number}")
            answers.add(f"{status} {re.sub(number, 'X', page)}"[:3])
        assert answers == {"404"}
        with pytest.raises(Refused) as refusal:
            who.action("package_show", id=promoted[0]["id"])
        assert refusal.value.status == 404


def test_the_same_file_again_makes_nothing(
    people: People, promoted: list[dict[str, Any]], shared_data: Path
) -> None:
    again = _import(
        people.coordinator,
        shared_data / "sandiego" / "inventory_2016-09-29.csv",
        department=people.department,
    )
    assert again["created"] == 0
