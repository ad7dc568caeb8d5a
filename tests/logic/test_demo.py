"""Larkhaven in a database: every state came about by the people who may bring it about, and the figures agree."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from ckan import model

from ckanext.inventory.demo import city, load
from ckanext.inventory.model import Link, Record
from ckanext.inventory.model.event import event
from ckanext.inventory.service import checks, events, history, outbox, register
from ckanext.inventory.types import ENTRY, SOURCE, State

TODAY = dt.date(2026, 9, 30)
ENTRIES = 610
EVERYTHING = ENTRIES + 67
READERS = ["cdo", "portal-admin", "privacy-reviewer", "mayors-office", "parks-coordinator"]


@pytest.fixture(scope="module")
def accounts(module_db: None) -> list[load.Account]:
    return load.load(TODAY, lambda label, length: lambda: None)


def _as(name: str, action: str, **data: Any) -> Any:
    return tk.get_action(action)({"user": name, "ignore_auth": False}, data)


def test_everything_is_where_it_is_said_to_be(accounts: list[load.Account], db: None) -> None:
    rows = model.Session.execute(sa.select(Record.package_type, Record.title, Record.state))
    found = {(kind, title): state for kind, title, state in rows}
    larkhaven = city.load()

    for item in [*larkhaven.entries, *larkhaven.sources.values()]:
        assert found[item.kind, item.title] == item.state.value, item.title
    assert len(found) == EVERYTHING


def test_accounts(accounts: list[load.Account], db: None) -> None:
    roles = [(account.role, len(account.departments)) for account in accounts]

    assert sorted(roles) == [
        ("admin", 0),
        ("cdo", 0),
        ("coordinator", 1),
        ("coordinator", 2),
        ("editor", 1),
        ("reviewer", 0),
        ("viewer", 0),
    ]
    for account in accounts:
        user = model.User.get(account.name)
        assert user.validate_password(account.password)
        assert account.token
    editor = next(account for account in accounts if account.role == "editor")
    with pytest.raises(tk.NotAuthorized):
        _as(editor.name, "inventory_home")


def _counts(facet: list[dict[str, Any]]) -> dict[str, int]:
    return {one["value"]: one["count"] for one in facet if one["count"]}


@pytest.mark.parametrize("who", READERS)
def test_figures_agree_wherever_they_stand(
    accounts: list[load.Account], db: None, who: str
) -> None:
    listed = _as(who, "inventory_entry_list", limit=1000)
    overview = _as(who, "inventory_overview")
    home = _as(who, "inventory_home")["entries"]

    assert listed["count"] == len(listed["results"]) == overview["total"] == home["total"]
    states = Counter(row["state"] for row in listed["results"])
    assert _counts(listed["facets"]["state"]) == states == dict(overview["states"])
    assert home["queue"] == overview["waiting"]
    assert home["queue"] == sum(row["in_queue"] for row in listed["results"])
    assert home["promotable"] == overview["promotable"]
    not_public = sum(one["count"] for one in overview["value_likelihood"])
    assert not_public == home["not_public"]
    assert not_public == overview["total"] - states["published"] - states["retired"]
    departments = {one["id"]: one for one in overview["departments"]}
    totals = {key: one["total"] for key, one in departments.items()}
    assert _counts(listed["facets"]["department"]) == totals
    for key, one in departments.items():
        own = _as(who, "inventory_entry_list", department=[key], limit=1)
        assert own["count"] == one["total"] == sum(one["states"].values()), one["title"]


@pytest.mark.parametrize("who", READERS)
def test_people_page_counts_as_the_overview_does(
    accounts: list[load.Account], db: None, who: str
) -> None:
    people = _as(who, "inventory_people")["departments"]
    totals = {one["id"]: one["total"] for one in _as(who, "inventory_overview")["departments"]}
    sources = _as(who, "inventory_source_list", limit=1)["count"]

    assert {one["id"]: one["entries"] for one in people if one["entries"]} == totals
    assert sum(one["sources"] for one in people) <= sources  # shared ones count elsewhere, too


def test_whoever_decides_sees_the_whole_city(accounts: list[load.Account], db: None) -> None:
    totals = {who: _as(who, "inventory_overview")["total"] for who in READERS}
    queue = _as("cdo", "inventory_review_queue", limit=1000)

    assert totals["cdo"] == totals["portal-admin"] == totals["privacy-reviewer"] == ENTRIES
    assert totals["parks-coordinator"] < totals["mayors-office"] < ENTRIES
    assert queue["count"] == _as("cdo", "inventory_overview")["waiting"]
    assert _as("cdo", "inventory_home")["me"]["decides"]


def test_pages_say_the_same_figures(accounts: list[load.Account], db: None, app: Any) -> None:
    token = next(account.token for account in accounts if account.role == "cdo")
    overview = _as("cdo", "inventory_overview")
    pages = {
        path: app.get(f"/inventory/{path}", headers={"Authorization": token}).body
        for path in ("", "entries", "overview", "review")
    }

    assert f"{ENTRIES} entries" in pages[""]
    assert f"Decide on {overview['waiting']} entries" in pages[""]
    assert f"{ENTRIES} entries" in pages["entries"]
    assert f"{overview['waiting']} entries wait for a decision" in pages["review"]
    for state, count in overview["states"].items():
        assert f">{count}<" in pages[""], state
        assert f">{count}<" in pages["overview"], state


def test_no_filter_has_the_same_words_twice(
    accounts: list[load.Account], db: None, app: Any
) -> None:
    token = next(account.token for account in accounts if account.role == "cdo")
    page = BeautifulSoup(
        app.get("/inventory/entries", headers={"Authorization": token}).body, "html.parser"
    )

    for name in ("state", "value", "likelihood", "category"):
        links = page.select(f'.inv-facets a[href*="{name}="]')
        assert links, name
        words = Counter(" ".join(link.get_text(" ").split()[:-1]) for link in links)
        assert [word for word, count in words.items() if count > 1] == [], name


def test_no_page_is_empty(accounts: list[load.Account], db: None, app: Any) -> None:
    for account in accounts:
        if account.role == "editor":
            continue
        for path in ("", "entries", "sources", "directory", "people", "overview", "notices"):
            answer = app.get(f"/inventory/{path}", headers={"Authorization": account.token})
            nothing_new = path == "notices" and account.role in {"viewer", "admin"}
            assert nothing_new or "inv-empty" not in answer.body, (account.name, path)


def test_history_is_whole_and_lies_in_the_past(accounts: list[load.Account], db: None) -> None:
    session = model.Session()
    moments = list(session.scalars(sa.select(event.c.at).order_by(event.c.id)))

    assert list(events.verify(session)) == []
    assert moments[-1].date() < TODAY
    assert moments == sorted(moments)


def test_a_second_person_approved(accounts: list[load.Account], db: None) -> None:
    rows = list(
        model.Session.scalars(
            sa.select(Record).where(
                Record.approved_revision.is_not(None), Record.package_type == ENTRY
            )
        )
    )

    here = [row for row in rows if row.approved_by is not None]
    larkhaven = city.load()
    taken = len(larkhaven.taken) + sum(
        row["Status"] in {"Released", "Planned"} for one in larkhaven.older.values() for row in one
    )

    assert len(here) >= 150
    assert len(rows) - len(here) == taken, "nobody here approved what was taken over"
    for row in here:
        assert row.approved_by not in {row.submitted_by, row.created_by, row.assignee, None}


def test_published_entries_have_their_dataset_and_data(
    accounts: list[load.Account], db: None
) -> None:
    links = list(
        model.Session.scalars(
            sa.select(Link)
            .join(Record, Record.package_id == Link.entry_id)
            .where(Record.state == State.PUBLISHED.value)
        )
    )
    larkhaven = city.load()
    promoted = {item.title: item for item in larkhaven.entries if "data" in item.about}
    assert Counter(link.mode for link in links) == {
        "created": len(promoted),
        "linked": 3 + len(larkhaven.taken) + 8,
        "external": 1 + 1 + 2,
    }
    visible = _as("", "package_search", rows=1000)
    assert visible["count"] >= 120
    titles = {dataset["title"] for dataset in visible["results"]}
    drifted = {title for title, item in promoted.items() if "drift" in item.about}
    portal = {dataset["title"] for dataset in larkhaven.portal}
    assert set(promoted) - drifted | portal <= titles
    assert all(len(dataset["resources"]) == 1 for dataset in visible["results"])


def test_a_taken_over_part_and_a_part_still_to_take(accounts: list[load.Account], db: None) -> None:
    missing = _as("cdo", "inventory_portal_missing", limit=100)
    planning = model.Group.get("city-planning").id
    rows = _as("cdo", "inventory_entry_list", department=[planning], limit=99)["results"]
    taken = Counter(row["state"] for row in rows)

    assert 5 <= missing["count"] <= 10
    assert set(taken) >= {"published", "approved", "submitted", "deferred", "withheld", "retired"}


def test_some_parts_are_with_colleagues(accounts: list[load.Account], db: None) -> None:
    statuses = [part["status"] for part in _as("cdo", "inventory_part_list")["results"]]

    assert len(statuses) == 3
    assert set(statuses) <= {"out", "late"}


def test_what_drifted_is_seen(accounts: list[load.Account], db: None) -> None:
    drifted = {item.title for item in city.load().entries if "drift" in item.about}
    rows = _as("cdo", "inventory_entry_list", state=["published"], limit=1000)["results"]
    found = {
        row["title"]
        for row in rows
        if row["title"] in drifted
        and _as("cdo", "inventory_drift", id=row["number"])["differences"]
    }

    assert found == drifted
    assert len(found) >= 4


def test_nothing_waits_or_is_wrong(accounts: list[load.Account], db: None) -> None:
    session = model.Session()

    assert outbox.waiting(session) == 0
    assert register.rebuild(session) == 0
    assert not checks.broken(checks.check(session))


def test_a_story_as_it_is_told(accounts: list[load.Account], db: None) -> None:
    trees = model.Session.scalars(
        sa.select(Record).where(Record.title == "Street and park trees")
    ).one()
    acts = [
        row["act"]
        for row in reversed(history.of_record(model.Session(), trees.package_id, limit=99))
    ]

    assert [act for act in acts if act not in {"confirm"}] == [
        "create",
        "assign",
        "submit",
        "return",
        "edit",
        "submit",
        "classify",
        "approve",
        "promote",
        "edit",
        "comment",
    ]
    assert trees.material_hash != trees.approved_hash


def test_sources_are_linked_and_numbered(accounts: list[load.Account], db: None) -> None:
    sources = _as("cdo", "inventory_source_list", limit=100)

    assert sources["count"] == 67
    numbers = [row["number"] for row in sources["results"]]
    assert len(set(numbers)) == 67
    linked = model.Session.scalar(
        sa.select(sa.func.count())
        .select_from(Record)
        .where(Record.package_type == ENTRY, Record.source_ids != [])
    )
    assert linked is not None
    assert linked > 300
    assert model.Session.scalar(
        sa.select(Record.shared).where(
            Record.package_type == SOURCE, Record.title == "Park asset map"
        )
    )


def test_a_second_time_is_refused(accounts: list[load.Account], db: None) -> None:
    with pytest.raises(load.NotEmptyError):
        load.load(TODAY, lambda label, length: lambda: None)
