"""Larkhaven in a database: every state came about by the people who may bring it about, and the figures agree."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.inventory.demo import city, load
from ckanext.inventory.model import Link, Record
from ckanext.inventory.model.event import event
from ckanext.inventory.service import checks, events, history, outbox, register
from ckanext.inventory.types import ENTRY, SOURCE, State

TODAY = dt.date(2026, 9, 30)


@pytest.fixture(scope="module")
def accounts(module_db: None) -> list[load.Account]:
    return load.load(TODAY, lambda label, length: lambda: None)


def _as(name: str, action: str, **data: Any) -> Any:
    return tk.get_action(action)({"user": name, "ignore_auth": False}, data)


def test_everything_is_where_it_is_said_to_be(accounts: list[load.Account], db: None) -> None:
    rows = model.Session.execute(sa.select(Record.package_type, Record.title, Record.state))
    found = {(kind, title): state for kind, title, state in rows}
    larkhaven = city.load()

    assert len(found) == 180
    for item in [*larkhaven.entries, *larkhaven.sources.values()]:
        assert found[item.kind, item.title] == item.state.value, item.title


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


def test_figures_agree(accounts: list[load.Account], db: None) -> None:
    by_title = {item.title: item for item in city.load().entries}
    states = Counter(item.state.value for item in by_title.values())
    listed = _as("cdo", "inventory_entry_list", limit=1000)
    overview = _as("cdo", "inventory_overview")

    assert listed["count"] == len(by_title) == overview["total"]
    assert {one["value"]: one["count"] for one in listed["facets"]["state"]} == states
    queue = _as("cdo", "inventory_review_queue", limit=1000)
    assert queue["count"] == sum(row["in_queue"] for row in listed["results"])


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

    assert len(rows) >= 46
    for row in rows:
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
    assert Counter(link.mode for link in links) == {"created": 20, "linked": 3, "external": 1}
    visible = _as("", "package_search", rows=100)
    titles = {dataset["title"] for dataset in visible["results"]}
    published = {item.title for item in city.load().entries if "data" in item.about}
    portal = {dataset["title"] for dataset in city.load().portal}
    assert titles == published | portal
    assert all(len(dataset["resources"]) == 1 for dataset in visible["results"])


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

    assert sources["count"] == 30
    numbers = [row["number"] for row in sources["results"]]
    assert len(set(numbers)) == 30
    linked = model.Session.scalar(
        sa.select(sa.func.count())
        .select_from(Record)
        .where(Record.package_type == ENTRY, Record.source_ids != [])
    )
    assert linked is not None
    assert linked > 75
    assert model.Session.scalar(
        sa.select(Record.shared).where(
            Record.package_type == SOURCE, Record.title == "Park asset map"
        )
    )


def test_a_second_time_is_refused(accounts: list[load.Account], db: None) -> None:
    with pytest.raises(load.NotEmptyError):
        load.load(TODAY, lambda label, length: lambda: None)
