"""What a decision costs: round trips to the database, exactly counted, however many it is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from flask import g
from flask_login import login_user

from ckanext.inventory.model import Notice
from tests.logic.city import ENOUGH_TO_APPROVE, City, make_city

ONE_DECISION = [
    "facts of the record",
    "roles of who decides",
    "lock of the row",
    "content, authors, findings, defaults",
    "the new state",
    "lock and end of the chain of events",
    "the event, its rows and their words",
    "who is told",
    "the row as lists show it",
]
"""A round trip each; the commit is one more."""

MAILS_AT_ONCE = ["the mails that go at once"]


@pytest.fixture
def city(db: None, with_request_context: None) -> City:
    return make_city()


@contextmanager
def counted() -> Iterator[list[str]]:
    found: list[str] = []

    def note(_c: Any, _cur: Any, statement: str, *_rest: Any) -> None:
        if "SAVEPOINT" not in statement:  # a test's own, in place of the commit
            found.append(statement)

    sa.event.listen(model.meta.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(model.meta.engine, "before_cursor_execute", note)


def decide(user: Any, action: str, **data: Any) -> list[str]:
    """Count what an action costs within a request, whose account is loaded already."""
    account = model.User.get(user.name)
    assert account is not None
    login_user(account)
    g.user, g.userobj = account.name, account
    g.pop("inventory_persons", None)
    with counted() as statements:
        tk.get_action(action)({"user": account.name, "auth_user_obj": account}, data)
    return statements


def told(act: str) -> int:
    query = sa.text("SELECT max(id) FROM inventory_event WHERE act = :act")
    event_id = model.Session.scalar(query, {"act": act})
    mine = sa.select(sa.func.count()).select_from(Notice).where(Notice.event_id == event_id)
    return model.Session.scalar(mine) or 0


def test_an_approval_without_changes(city: City) -> None:
    entry = city.submitted()
    statements = decide(
        city.cdo, "inventory_transition", id=entry["id"], transition="approve", revision=1
    )
    assert len(statements) == len(ONE_DECISION), statements
    assert told("approve") == 1


def test_one_that_is_mailed_at_once(city: City) -> None:
    entry = city.submitted()
    statements = decide(
        city.cdo, "inventory_transition", id=entry["id"], transition="return", comment="Which?"
    )
    assert len(statements) == len(ONE_DECISION + MAILS_AT_ONCE), statements
    assert told("return") == 1


def test_many_at_once_cost_no_statement_more(city: City) -> None:
    costs: list[int] = []
    for count in (2, 12):
        entries = [
            city.entry(**ENOUGH_TO_APPROVE, title=f"Trees {count}-{number}")
            for number in range(count)
        ]
        ids = [entry["id"] for entry in entries]
        costs.append(
            len(decide(city.coordinator, "inventory_transition_bulk", ids=ids, transition="submit"))
        )
        assert told("submit") == 2
    assert costs[0] == costs[1]
    assert costs[0] <= len(ONE_DECISION) + 2
