"""Two people who decide at once: one wins, the other is told. Real commits, real connections."""

from __future__ import annotations

import threading
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.inventory.service import facts, roles, transitions
from ckanext.inventory.service.transitions import Inputs, Outcome
from tests.logic.city import events_of, make_city

pytestmark = pytest.mark.usefixtures("clean_db")


def test_two_decisions_at_once() -> None:
    city = make_city()
    entry = city.submitted()
    person = roles.person(model.Session(), city.cdo)
    inputs = Inputs(comment="Which years?", revisions={entry["id"]: 1})
    outcomes: list[Outcome] = []

    def second() -> None:
        session = model.Session()
        outcomes.append(
            transitions.perform(
                session, person, [entry["id"]], "return", inputs, user_name=city.cdo.name
            )
        )
        session.commit()
        model.Session.remove()

    first = model.Session()
    done = transitions.perform(
        first, person, [entry["id"]], "approve", inputs, user_name=city.cdo.name
    )
    assert list(done.done) == [entry["id"]]
    thread = threading.Thread(target=second)
    thread.start()
    thread.join(timeout=1)
    assert thread.is_alive(), "the second decision has to wait for the first"
    first.commit()
    thread.join(timeout=30)
    # "return" goes from approved, too, so the second decision is a decision on the new state
    assert [list(outcome.done) for outcome in outcomes] == [[entry["id"]]]
    model.Session.remove()
    assert events_of(entry)[-2:] == ["approve", "return"]


def test_the_same_decision_twice_is_made_once() -> None:
    city = make_city()
    entry = city.submitted()
    answers: list[Any] = []
    start = threading.Barrier(2)

    def approve() -> None:
        start.wait()
        try:
            answers.append(
                tk.get_action("inventory_transition")(
                    {"user": "cdo", "ignore_auth": False},
                    {"id": entry["id"], "transition": "approve", "revision": 1},
                )
            )
        except tk.ValidationError as refusal:
            answers.append(refusal)
        finally:
            model.Session.remove()

    threads = [threading.Thread(target=approve) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    refused = [answer for answer in answers if isinstance(answer, tk.ValidationError)]
    assert len(answers) == 2
    assert len(refused) == 1
    assert "state" in refused[0].error_dict
    assert events_of(entry).count("approve") == 1


def test_numbers_are_given_once_under_load() -> None:
    city = make_city()
    model.Session.remove()
    numbers: list[str] = []
    start = threading.Barrier(4)

    def create() -> None:
        start.wait()
        for position in range(3):
            entry = tk.get_action("inventory_entry_create")(
                {"user": "parks-coordinator", "ignore_auth": False},
                {"title": f"Trees {position}", "owner_org": city.parks.id},
            )
            numbers.append(entry["number"])
        model.Session.remove()

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(numbers) == [f"PARKS-{number:04d}" for number in range(1, 13)]


@pytest.mark.parametrize("action", ["package_patch", "package_update", "package_revise"])
def test_an_edit_waits_for_a_decision_without_holding_what_it_needs(action: str) -> None:
    """A decision takes the register row, then the package; an edit that went the other way round
    would block it, and itself, for ever."""
    city = make_city()
    entry = city.entry()
    arguments: dict[str, dict[str, Any]] = {
        "package_patch": {"id": entry["id"], "title": "Trees"},
        "package_update": {**entry, "title": "Trees"},
        "package_revise": {"match": {"id": entry["id"]}, "update": {"title": "Trees"}},
    }

    def edit() -> None:
        tk.get_action(action)(
            {"user": "parks-coordinator", "ignore_auth": False}, arguments[action]
        )
        model.Session.remove()

    model.Session.remove()
    facts.records(model.Session(), [entry["id"]], lock=True)
    thread = threading.Thread(target=edit)
    thread.start()
    thread.join(timeout=2)
    assert thread.is_alive()
    package = sa.select(model.Package).where(model.Package.id == entry["id"])
    assert model.Session.scalars(package.with_for_update(nowait=True)).one()
    model.Session.rollback()
    thread.join(timeout=30)
    assert not thread.is_alive()
    shown = city.do(city.coordinator, "inventory_entry_show", id=entry["id"])
    assert shown["title"] == "Trees"


def test_rows_are_locked_in_one_order() -> None:
    city = make_city()
    ids = [city.entry(title=f"Trees {n}")["id"] for n in range(5)]
    locked = list(facts.records(model.Session(), ids, lock=True))
    assert locked == sorted(ids)
    model.Session.rollback()
