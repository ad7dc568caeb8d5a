"""Moving to another department: the side that is asked can answer, though it can't read it yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests.helpers import CKANTestApp

from tests.logic.city import City, make_city
from tests.support import headers, make_department


@pytest.fixture
def city(db: None) -> City:
    return make_city()


@pytest.fixture
def asked(city: City) -> dict[str, Any]:
    """An entry that the water department is asked to take over."""
    entry = city.entry(title="Fountains", notes="Where the city's fountains stand.")
    city.do(
        city.coordinator,
        "inventory_transfer_request",
        id=entry["id"],
        department=city.water.name,
        comment="Your crews clean them.",
    )
    return entry


class TestList:
    def test_the_asked_side_is_shown_what_it_needs_to_answer_and_no_more(
        self, city: City, asked: dict[str, Any]
    ) -> None:
        (row,) = city.do(city.neighbour, "inventory_transfer_list")
        assert {key: row[key] for key in ("number", "title", "from_title", "comment")} == {
            "number": asked["number"],
            "title": "Fountains",
            "from_title": "Parks",
            "comment": "Your crews clean them.",
        }
        assert set(row) == {
            "number",
            "kind",
            "title",
            "from_title",
            "to_title",
            "comment",
            "asked_at",
        }

    def test_deciders_for_the_city_see_every_request_and_others_none(
        self, city: City, asked: dict[str, Any]
    ) -> None:
        for user in (city.cdo, city.sysadmin):
            assert len(city.do(user, "inventory_transfer_list")) == 1
        for user in (city.coordinator, city.reviewer, city.viewer):
            assert city.do(user, "inventory_transfer_list") == []
        with pytest.raises(tk.NotAuthorized):
            city.do(city.editor, "inventory_transfer_list")

    def test_the_asking_side_may_take_it_back_but_not_accept(
        self, city: City, asked: dict[str, Any]
    ) -> None:
        with pytest.raises(tk.NotAuthorized):
            city.do(city.coordinator, "inventory_transfer_accept", id=asked["id"])
        city.do(city.coordinator, "inventory_transfer_decline", id=asked["id"])
        assert city.do(city.neighbour, "inventory_transfer_list") == []


class TestPages:
    def test_accept_from_home(self, city: City, asked: dict[str, Any], app: CKANTestApp) -> None:
        who = headers(city.neighbour)
        number = asked["number"]
        home = app.get("/inventory/", headers=who).body
        assert "Fountains" in home
        assert "Your crews clean them." in home
        assert f'href="/inventory/entries/{number}"' not in home
        answer: Any = app.post(
            f"/inventory/transfers/{number}/accept", headers=who, follow_redirects=False
        )
        assert answer.status_code == 303
        assert app.get(f"/inventory/entries/{number}", headers=who).status_code == 200
        assert "Your crews clean them." not in app.get("/inventory/", headers=who).body

    def test_decline_with_a_reason(
        self, city: City, asked: dict[str, Any], app: CKANTestApp
    ) -> None:
        who, owner = headers(city.neighbour), headers(city.coordinator)
        number = asked["number"]
        app.post(
            f"/inventory/transfers/{number}/decline", headers=who, data={"comment": "Not ours."}
        )
        assert app.get(f"/inventory/entries/{number}", headers=who).status_code == 404
        page = app.get(f"/inventory/entries/{number}", headers=owner).body
        assert "Not ours." in page
        assert "To be moved to" not in page

    def test_take_back_from_the_entry(
        self, city: City, asked: dict[str, Any], app: CKANTestApp
    ) -> None:
        owner = headers(city.coordinator)
        page = f"/inventory/entries/{asked['number']}"
        assert "Take the request back" in app.get(page, headers=owner).body
        app.post(f"{page}/do/transfer-decline", headers=owner)
        assert "To be moved to" not in app.get(page, headers=owner).body

    @pytest.mark.parametrize("act", ["accept", "decline", "nonsense"])
    def test_nobody_else_learns_of_it(
        self, city: City, asked: dict[str, Any], app: CKANTestApp, act: str
    ) -> None:
        elsewhere = make_other(city)
        for who in (headers(city.editor), {}, headers(elsewhere)):
            for number in (asked["number"], "PARKS-0999"):
                answer = app.post(f"/inventory/transfers/{number}/{act}", headers=who)
                assert answer.status_code == 404

    def test_the_second_click_finds_it_answered(
        self, city: City, asked: dict[str, Any], app: CKANTestApp
    ) -> None:
        who = headers(city.neighbour)
        for _ in range(2):
            answer = app.post(f"/inventory/transfers/{asked['number']}/accept", headers=who)
            assert answer.status_code == 200

    def test_sources_move_too(self, city: City, app: CKANTestApp) -> None:
        source = city.do(
            city.coordinator, "inventory_source_create", title="Pumps", owner_org=city.parks.id
        )
        owner, other = headers(city.coordinator), headers(city.neighbour)
        water = city.water.id  # a request closes the session that could look it up later
        page = f"/inventory/sources/{source['number']}"
        assert "Move it to another department" in app.get(page, headers=owner).body
        app.post(f"{page}/do/transfer", headers=owner, data={"department": water})
        app.post(f"/inventory/transfers/{source['number']}/accept", headers=other)
        assert app.get(page, headers=other).status_code == 200
        assert app.get(page, headers=owner).status_code == 404


def make_other(city: City) -> Any:
    """A coordinator of a department that has nothing to do with it."""
    from ckanext.inventory.types import Role
    from tests.support import grant, make_department, make_user

    return grant(make_user("roads-coordinator"), Role.COORDINATOR, make_department("ROADS"))


class TestAMergedDepartment:
    """Nothing moves to a department that was merged into another."""

    WORDS = '"Water" was merged into "Sports": choose that one.'

    @pytest.fixture
    def merge(self, city: City) -> Callable[[], None]:
        sports = make_department("SPORT", name="sports", title="Sports")

        def run() -> None:
            city.do(city.cdo, "inventory_merge", department=city.water.id, into=sports.id)

        return run

    def test_it_is_neither_asked_nor_offered(
        self, city: City, app: CKANTestApp, merge: Callable[[], None]
    ) -> None:
        entry = city.entry(title="Fountains")
        merge()
        with pytest.raises(tk.ValidationError) as caught:
            city.do(
                city.coordinator,
                "inventory_transfer_request",
                id=entry["id"],
                department=city.water.id,
            )
        assert caught.value.error_dict == {"department": [self.WORDS]}
        page = app.get(f"/inventory/entries/{entry['number']}", headers=headers(city.coordinator))
        assert ">Sports</option>" in page.body
        assert ">Water</option>" not in page.body

    def test_an_earlier_request_to_it_is_not_accepted(
        self, city: City, asked: dict[str, Any], merge: Callable[[], None]
    ) -> None:
        merge()
        with pytest.raises(tk.ValidationError) as caught:
            city.do(city.cdo, "inventory_transfer_accept", id=asked["id"])
        assert caught.value.error_dict == {"id": [self.WORDS]}
        city.do(city.cdo, "inventory_transfer_decline", id=asked["id"])
