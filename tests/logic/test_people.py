"""Who is responsible, handing over, and making editors coordinators."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.inventory import clock
from ckanext.inventory.model import Pending, RoleGrant, event
from ckanext.inventory.types import Role
from tests.logic.city import City, events_of, make_city
from tests.support import grant, make_department, make_member, make_organization, make_user


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def _people(city: City, user: Any = None, **data: Any) -> dict[str, Any]:
    return city.do(user or city.cdo, "inventory_people", **data)


def _department(found: dict[str, Any], title: str) -> dict[str, Any]:
    return next(item for item in found["departments"] if item["title"] == title)


def test_departments_with_nobody_come_first(city: City) -> None:
    make_department("CLERK", title="Zoning clerk")
    found = _people(city)
    assert found["departments"][0]["title"] == "Zoning clerk"
    assert found["departments"][0]["nobody"] == {"why": "never", "since": None}
    assert found["counts"]["departments"] == 3
    assert found["counts"]["covered"] == 2


def test_an_organization_that_takes_no_part_yet_has_nobody_either(city: City) -> None:
    make_organization("library", title="City Library")
    assert _department(_people(city), "City Library")["missing"] == ["coordinators"]


def test_a_role_that_ran_out_says_since_when(city: City) -> None:
    row = model.Session.scalars(
        sa.select(RoleGrant).where(RoleGrant.department == city.parks.id)
    ).one()
    row.until = clock.today() - dt.timedelta(days=3)
    model.Session.commit()
    since = (clock.today() - dt.timedelta(days=2)).isoformat()
    assert _department(_people(city), "Parks")["nobody"] == {"why": "expired", "since": since}


def test_a_role_that_was_ended_says_since_when(city: City) -> None:
    [role] = city.do(city.cdo, "inventory_role_list", department=city.parks.name)
    city.do(city.cdo, "inventory_role_remove", id=role["id"])
    today = clock.today().isoformat()
    assert _department(_people(city), "Parks")["nobody"] == {"why": "ended", "since": today}


def test_a_closed_account_coordinates_nothing(city: City) -> None:
    city.coordinator.state = model.State.DELETED
    model.Session.commit()
    parks = _department(_people(city), "Parks")
    assert not parks["coordinators"]
    assert parks["nobody"]["why"] == "closed"


def test_stewards_and_contacts_come_from_entries_and_sources(city: City) -> None:
    city.entry(steward="Urban forestry", steward_email="trees@larkhaven.example")
    city.entry(title="Benches", steward="Urban forestry")
    for title, expert in (("Trees", "GIS team"), ("Benches", None)):
        fields = {"it_expert": expert} if expert else {}
        city.do(
            city.coordinator,
            "inventory_source_create",
            title=title,
            owner_org=city.parks.id,
            **fields,
        )
    found = _people(city)
    parks = _department(found, "Parks")
    assert [(one["name"], one["entries"]) for one in parks["stewards"]] == [("Urban forestry", 2)]
    assert [(one["name"], one["sources"]) for one in parks["custodians"]] == [("GIS team", 1)]
    assert parks["missing"] == ["experts"]
    assert [(one["number"], one["missing"]) for one in found["sources"]] == [
        ("PARKS-S002", ["custodian", "expert"]),
        ("PARKS-S001", ["expert"]),
    ]
    names = {one["name"] for one in found["people"]}
    assert {"GIS team", "Urban forestry", "Parks Coordinator"} <= names


def test_nobody_reads_here_what_they_may_not_read_elsewhere(city: City) -> None:
    """Leaks L1, L39: stewards of another department, and of entries that are restricted."""
    entry = city.entry(steward="Secret forester")
    for user, seen in ((city.neighbour, False), (city.coordinator, True), (city.viewer, True)):
        assert ("Secret forester" in str(_people(city, user))) is seen
    city.do(
        city.coordinator,
        "inventory_mark",
        ids=[entry["id"]],
        field="visibility",
        value="department_and_cdo_only",
    )
    assert "Secret forester" not in str(_people(city, city.viewer))
    assert _department(_people(city, city.viewer), "Parks")["entries"] == 0
    assert "Secret forester" in str(_people(city, city.reviewer))


def test_addresses_of_accounts_are_for_cdos(city: City) -> None:
    address = "parks-coordinator@example.org"
    assert address in str(_people(city))
    for user in (city.coordinator, city.neighbour, city.viewer, city.reviewer):
        assert address not in str(_people(city, user))


def test_words_narrow_every_view(city: City) -> None:
    found = _people(city, q="parks coord")
    assert [item["title"] for item in found["departments"]] == ["Parks"]
    assert [item["name"] for item in found["people"]] == ["Parks Coordinator"]


def test_everything_goes_to_somebody_else_in_one_act(city: City) -> None:
    leaver, taker = make_user("leaver"), make_user("taker")
    grant(leaver, Role.COORDINATOR, city.parks)
    mine, other = city.entry(), city.entry(title="Benches")
    city.do(city.cdo, "inventory_assign", ids=[mine["id"]], user="leaver")
    city.do(city.cdo, "inventory_assign", ids=[other["id"]], user="editor")
    data: dict[str, Any] = {"from": "leaver", "to": "taker", "roles": True}
    shown = city.do(city.cdo, "inventory_hand_over", dry_run=True, **data)
    assert (shown["assignments"], len(shown["roles"])) == (1, 1)
    assert city.do(city.cdo, "inventory_home")["me"]  # nothing happened yet
    before = model.Session.scalar(sa.select(sa.func.max(event.c.id)))
    city.do(city.cdo, "inventory_hand_over", **data)
    assert model.Session.scalar(sa.select(sa.func.max(event.c.id))) == (before or 0) + 1
    rows = city.do(city.cdo, "inventory_entry_list")["results"]
    assert {row["number"]: row["assignee"] for row in rows} == {
        "PARKS-0001": taker.id,
        "PARKS-0002": city.editor.id,
    }
    assert events_of(mine)[-1] == "hand_over"
    roles = city.do(city.cdo, "inventory_role_list", department=city.parks.name)
    assert {role["user_id"] for role in roles} == {city.coordinator.id, taker.id}


def test_search_forgets_at_once_who_handed_over(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leak contract, layer 2: narrowing must not wait for the index."""
    from ckanext.inventory.logic import commit

    leaver = make_user("leaver")
    entry = city.entry()
    city.do(city.cdo, "inventory_assign", ids=[entry["id"]], user="leaver")
    monkeypatch.setattr(commit.outbox, "drain", lambda session: None)
    city.do(city.cdo, "inventory_hand_over", **{"from": "leaver", "to": "editor"})
    assert model.Session.get(Pending, entry["id"]) is not None
    with pytest.raises(tk.ObjectNotFound):
        city.do(leaver, "package_show", id=entry["id"])


def test_a_cdos_role_is_handed_over_by_an_administrator(city: City) -> None:
    data: dict[str, Any] = {"from": "cdo", "to": "editor", "roles": True}
    with pytest.raises(tk.NotAuthorized):
        city.do(city.cdo, "inventory_hand_over", **data)
    city.do(city.sysadmin, "inventory_hand_over", **data)
    assert city.do(city.editor, "inventory_me")["cdo"]


def test_nobody_takes_a_role_themselves(city: City) -> None:
    with pytest.raises(tk.ValidationError) as refusal:
        city.do(
            city.cdo,
            "inventory_hand_over",
            **{"from": "parks-coordinator", "to": "cdo", "roles": True},
        )
    assert "to" in refusal.value.error_dict


def test_editors_become_coordinators_in_one_act(city: City) -> None:
    make_member(city.editor, city.parks, "editor")
    make_member(city.viewer, city.water, "member")
    shown = city.do(city.cdo, "inventory_editors_to_coordinators", dry_run=True)
    assert [(row["department_title"], row["user_name"]) for row in shown["rows"]] == [
        ("Parks", "Editor")
    ]
    city.do(city.cdo, "inventory_editors_to_coordinators")
    assert [item["title"] for item in city.do(city.editor, "inventory_me")["departments"]] == [
        "Parks"
    ]
    assert city.do(city.cdo, "inventory_editors_to_coordinators")["count"] == 0


def test_a_department_that_is_renamed_keeps_code_numbers_and_history(city: City) -> None:
    entry = city.entry()
    tk.get_action("organization_patch")(
        {"user": "admin", "ignore_auth": True},
        {"id": city.parks.id, "name": "green-spaces", "title": "Green spaces"},
    )
    found = city.do(city.cdo, "inventory_entry_show", id="PARKS-0001")
    assert (found["department"]["title"], found["department"]["code"]) == ("Green spaces", "PARKS")
    assert city.entry(title="Later")["id"] != entry["id"]
    later = city.do(city.coordinator, "inventory_entry_list", sort="number")["results"]
    assert [row["number"] for row in later] == ["PARKS-0001", "PARKS-0002"]
    assert events_of(entry) == ["create"]
    assert "Green spaces" in {item["title"] for item in _people(city)["departments"]}


def test_a_department_is_closed_when_its_entries_have_a_new_home(city: City) -> None:
    city.entry()
    close = {"user": "admin", "ignore_auth": True}
    with pytest.raises(tk.ValidationError, match="still has datasets"):
        tk.get_action("organization_delete")(dict(close), {"id": city.parks.id})
    city.do(city.cdo, "inventory_merge", department=city.parks.name, into=city.water.name)
    tk.get_action("organization_delete")(dict(close), {"id": city.parks.id})
    moved = city.do(city.neighbour, "inventory_entry_show", id="PARKS-0001")
    assert (moved["number"], moved["department"]["title"]) == ("PARKS-0001", "Water")


def test_a_department_that_is_merged_keeps_numbers_and_history(city: City) -> None:
    entry = city.entry()
    city.do(city.cdo, "inventory_merge", department=city.parks.name, into=city.water.name)
    tk.get_action("organization_delete")(
        {"user": "admin", "ignore_auth": True}, {"id": city.parks.id}
    )
    found = city.do(city.cdo, "inventory_entry_show", id="PARKS-0001")
    assert (found["number"], found["department"]["title"]) == ("PARKS-0001", "Water")
    assert events_of(entry) == ["create", "merge"]
    assert "Parks" not in {item["title"] for item in _people(city)["departments"]}
    codes = {row["code"] for row in city.do(city.cdo, "inventory_department_list")}
    assert "PARKS" in codes
