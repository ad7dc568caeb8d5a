""" "We want this": said with a reason by the council's and mayor's offices, counted, named, taken back."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from click.testing import CliRunner

from ckanext.inventory import clock
from ckanext.inventory.cli import inventory
from ckanext.inventory.model import Endorsement, Notice, Record, RoleGrant, event, event_detail
from ckanext.inventory.service import events, register, roles
from ckanext.inventory.types import Role
from tests.logic.city import City, events_of, make_city
from tests.support import grant, make_user

WHY = "Every neighbourhood meeting asks for it."


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def _want(city: City, user: Any = None, number: str = "PARKS-0001", reason: str = WHY) -> int:
    return city.do(user or city.viewer, "inventory_want", id=number, reason=reason)["wanted"]


def _show(city: City, user: Any, number: str = "PARKS-0001") -> dict[str, Any]:
    return city.do(user, "inventory_entry_show", id=number)


def test_it_is_said_with_a_reason_and_seen_by_everybody_who_reads_the_entry(city: City) -> None:
    city.entry()
    assert _want(city) == 1
    for reader in (city.coordinator, city.cdo, city.reviewer, city.viewer):
        [want] = _show(city, reader)["wants"]
        assert (want["name"], want["reason"]) == (city.viewer.fullname, WHY)
    with pytest.raises(tk.ValidationError):
        _want(city, reason=" ")


def test_it_is_history_and_erasable(city: City) -> None:
    entry = city.entry()
    _want(city)
    assert events_of(entry) == ["create", "want"]
    event_id = model.Session.scalar(sa.select(event.c.id).where(event.c.act == "want"))
    city.do(city.sysadmin, "inventory_event_erase", event_id=event_id, reason="names a resident")
    [want] = _show(city, city.cdo)["wants"]
    assert want["reason"] is None
    assert list(events.verify(model.Session())) == []


def test_said_again_the_later_reason_counts_once(city: City) -> None:
    city.entry()
    _want(city)
    assert _want(city, reason="The mayor promised it.") == 1
    assert [one["reason"] for one in _show(city, city.cdo)["wants"]] == ["The mayor promised it."]


def test_it_can_be_taken_back_by_who_said_it(city: City) -> None:
    entry = city.entry()
    other = grant(make_user("council"), Role.VIEWER)
    _want(city)
    assert _want(city, other) == 2
    assert city.do(city.viewer, "inventory_want_withdraw", id="PARKS-0001") == {"wanted": 1}
    assert [one["name"] for one in _show(city, city.cdo)["wants"]] == [other.fullname]
    assert events_of(entry)[-1] == "want_withdraw"
    with pytest.raises(tk.ValidationError):
        city.do(city.viewer, "inventory_want_withdraw", id="PARKS-0001")
    with pytest.raises(tk.ValidationError):
        city.do(city.cdo, "inventory_want_withdraw", id="PARKS-0001")


class TestTheRoleEnds:
    """A count that somebody without the role adds to misleads; what they said stays in the history."""

    @pytest.fixture
    def entry(self, city: City) -> dict[str, Any]:
        entry = city.entry()
        grant(make_user("council"), Role.VIEWER)
        _want(city)
        _want(city, model.User.get("council"), reason="It was promised.")
        return entry

    def left(self, city: City, entry: dict[str, Any]) -> None:
        shown = _show(city, city.cdo)
        assert [want["name"] for want in shown["wants"]] == [city.viewer.fullname]
        assert shown["record"]["wanted"] == 1
        assert events_of(entry)[-1] == "want_end"
        assert "It was promised." in str(city.do(city.cdo, "inventory_history", id="PARKS-0001"))
        assert register.rebuild(model.Session()) == 0

    def test_by_hand(self, city: City, entry: dict[str, Any]) -> None:
        user = model.User.get("council")
        row = model.Session.scalars(sa.select(RoleGrant).where(RoleGrant.user_id == user.id)).one()
        city.do(city.cdo, "inventory_role_remove", id=row.id)
        self.left(city, entry)

    def test_by_its_last_day(self, city: City, entry: dict[str, Any]) -> None:
        user = model.User.get("council")
        yesterday = clock.today() - dt.timedelta(days=1)
        model.Session.execute(
            sa.update(RoleGrant).where(RoleGrant.user_id == user.id).values(until=yesterday)
        )
        roles.end_expired(model.Session())
        model.Session.commit()
        self.left(city, entry)

    def test_with_the_account(self, city: City, entry: dict[str, Any]) -> None:
        model.User.get("council").delete()
        model.Session.commit()
        roles.end_expired(model.Session())
        model.Session.commit()
        self.left(city, entry)

    def test_by_handing_over(self, city: City, entry: dict[str, Any]) -> None:
        user, successor = model.User.get("council"), make_user("successor")
        whom = {"from": user.id, "to": successor.id, "roles": True}
        city.do(city.cdo, "inventory_hand_over", **whom)
        self.left(city, entry)

    def test_another_role_of_theirs_ends_nothing(self, city: City, entry: dict[str, Any]) -> None:
        both = grant(model.User.get("council"), Role.REVIEWER)
        query = sa.select(RoleGrant).where(
            RoleGrant.user_id == both.id, RoleGrant.role == Role.REVIEWER.value
        )
        row = model.Session.scalars(query).one()
        city.do(city.cdo, "inventory_role_remove", id=row.id)
        assert len(_show(city, city.cdo)["wants"]) == 2
        assert events_of(entry)[-1] == "want"


def test_the_wanted_come_first_among_equals(city: City) -> None:
    for title, value in (("One", "high"), ("Two", "high"), ("Three", "low")):
        city.submitted(title=title, value=value)
    _want(city, number="PARKS-0002")
    _want(city, number="PARKS-0003")
    queue = city.do(city.cdo, "inventory_review_queue")["results"]
    assert [row["number"] for row in queue] == ["PARKS-0002", "PARKS-0001", "PARKS-0003"]
    assert queue[0]["wanted_by"] == [city.viewer.fullname]
    assert queue[1]["wanted_by"] == []
    listed = city.do(city.cdo, "inventory_entry_list", sort="wanted")["results"]
    assert [row["number"] for row in listed] == ["PARKS-0002", "PARKS-0003", "PARKS-0001"]


def test_lists_filter_and_figures_count(city: City) -> None:
    for _ in range(3):
        city.entry()
    _want(city, number="PARKS-0002")
    found = city.do(city.cdo, "inventory_entry_list", wanted="yes")
    assert [row["number"] for row in found["results"]] == ["PARKS-0002"]
    assert city.do(city.cdo, "inventory_entry_list", wanted="empty")["count"] == 2
    assert {item["value"]: item["count"] for item in found["facets"]["wanted"]} == {
        "yes": 1,
        None: 2,
    }
    assert found["views"]["wanted"] == 1
    assert city.do(city.cdo, "inventory_entry_list", attention="wanted")["count"] == 1
    assert city.do(city.viewer, "inventory_overview")["wanted"] == 1
    assert register.rebuild(model.Session()) == 0


def test_only_viewers_say_it_and_not_of_their_own_department(city: City) -> None:
    city.entry()
    both = grant(grant(make_user("both"), Role.VIEWER), Role.COORDINATOR, city.parks)
    for user in (city.cdo, city.reviewer, city.coordinator, city.sysadmin, both):
        with pytest.raises(tk.NotAuthorized):
            _want(city, user)
        assert _show(city, user)["may"]["want"] is False
    assert _show(city, city.viewer)["may"]["want"] is True
    with pytest.raises(tk.ObjectNotFound):
        _want(city, city.neighbour)


def test_what_is_on_the_portal_needs_no_wish(city: City) -> None:
    entry = city.approved()
    city.step(
        city.cdo, entry, "promote", publication={"metadata_only": True, "license_id": "cc-by"}
    )
    with pytest.raises(tk.NotAuthorized, match="on the portal already"):
        _want(city)


def test_a_restricted_entry_is_hidden_from_who_wants_it(city: City) -> None:
    city.entry()
    _want(city)
    city.do(
        city.coordinator,
        "inventory_mark",
        ids=["PARKS-0001"],
        field="visibility",
        value="department_and_cdo_only",
    )
    with pytest.raises(tk.ObjectNotFound):
        city.do(city.viewer, "inventory_want_withdraw", id="PARKS-0001")
    assert city.do(city.viewer, "inventory_overview")["wanted"] == 0
    assert len(_show(city, city.coordinator)["wants"]) == 1


def test_the_directory_and_the_public_learn_nothing(city: City) -> None:
    entry = city.submitted()
    _want(city)
    found = city.do(city.neighbour, "inventory_directory", q="trees")
    assert set(found["results"][0]) == {
        "number",
        "title",
        "description",
        "department",
        "sources",
        "ask",
        "may_open",
    }
    city.step(city.cdo, entry, "approve")
    city.step(
        city.cdo, entry, "promote", publication={"metadata_only": True, "license_id": "cc-by"}
    )
    link = _show(city, city.cdo)["link"]
    public = tk.get_action("package_show")({"user": "", "ignore_auth": False}, {"id": link["name"]})
    assert WHY not in str(public)
    assert city.viewer.fullname not in str(public)


def test_coordinators_are_told_in_the_digest(city: City) -> None:
    city.entry()
    _want(city)
    query = sa.select(Notice.user_id, Notice.at_once).where(Notice.user_id == city.coordinator.id)
    assert [tuple(row) for row in model.Session.execute(query)] == [(city.coordinator.id, False)]
    [told] = city.do(city.coordinator, "inventory_notice_list")["results"]
    assert (told["act"], told["words"]) == ("want", WHY)


def test_purge_takes_the_wishes_along(city: City) -> None:
    entry = city.entry()
    _want(city)
    tk.get_action("dataset_purge")(
        {"user": city.sysadmin.name, "ignore_auth": False}, {"id": entry["id"]}
    )
    assert model.Session.scalars(sa.select(Endorsement)).all() == []
    assert model.Session.scalar(sa.select(event_detail.c.details)) is not None


def test_a_wish_raises_no_revision_and_touches_nothing_else(city: City) -> None:
    entry = city.entry()
    before = model.Session.get(Record, entry["id"])
    assert before is not None
    revision, modified = before.revision, before.modified_at
    _want(city)
    after = model.Session.get(Record, entry["id"])
    assert after is not None
    assert (after.revision, after.modified_at) == (revision, modified)


def test_files_are_narrowed_by_value_likelihood_blockers_and_wishes(
    city: City, tmp_path: Path
) -> None:
    city.entry(title="One", value="high")
    city.entry(title="Two", value="low")
    city.entry(
        title="Three",
        value="high",
        blocker_status="some",
        release_blockers=[{"kind": "privacy", "rationale": "It names residents."}],
    )
    _want(city, number="PARKS-0001")

    def numbers(*only: str) -> list[str]:
        options = [text for each in only for text in ("--only", each)]
        done = CliRunner().invoke(inventory, ["export", "--user", "cdo", *options, "--json"])
        assert done.exit_code == 0, done.output
        return [row["number"] for row in json.loads(done.stdout)]

    assert numbers("value=high") == ["PARKS-0001", "PARKS-0003"]
    assert numbers("value=high", "value=low") == ["PARKS-0001", "PARKS-0002", "PARKS-0003"]
    assert numbers("value=high", "blocker=privacy") == ["PARKS-0003"]
    assert numbers("blocker=empty", "wanted=yes") == ["PARKS-0001"]
    file = tmp_path / "some.csv"
    arguments = ["workbook", str(file), "--only", "wanted=yes", "--user", "cdo"]
    assert CliRunner().invoke(inventory, arguments).exit_code == 0
    text = file.read_text(encoding="utf-8-sig")
    assert "PARKS-0001" in text
    assert "PARKS-0002" not in text
    wrong = CliRunner().invoke(inventory, ["export", "--only", "colour=red"])
    assert wrong.exit_code == 2
