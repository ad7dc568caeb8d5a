"""Promotion with several real processes at once, and with a real process killed at each step."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from sqlalchemy.orm import Session

from ckanext.inventory.model import Link, Outbox
from ckanext.inventory.publishing import links, repair
from ckanext.inventory.service import outbox
from tests.logic.promoting import LINK, City, action, dataset, file, found, link, record, shown

processes = multiprocessing.get_context("fork")


@pytest.fixture
def city(clean_db: None) -> City:
    return City()


def run(body: Callable[[], None]) -> multiprocessing.context.ForkProcess:
    """Start a real process with database connections of its own."""
    model.Session.commit()

    def child() -> None:
        assert model.meta.engine is not None
        model.meta.engine.dispose(close=False)
        model.Session.registry.clear()
        try:
            body()
        except BaseException:  # noqa: BLE001 - a child must not return into pytest
            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    process = processes.Process(target=child)
    process.start()
    return process


def promote_as(user: str, entry: str, revision: int, transition: str, **inputs: Any) -> None:
    """Make a transition in a process that knows names only."""
    action(
        "inventory_transition",
        model.User.get(user),
        id=entry,
        transition=transition,
        revision=revision,
        **inputs,
    )


def datasets() -> list[str]:
    model.Session.rollback()
    query = sa.select(model.Package.id).where(model.Package.type == "dataset")
    return sorted(model.Session.scalars(query))


def test_four_processes_promote_the_same_entries(city: City) -> None:
    entries = [city.approved(title=f"Entry {number}") for number in range(4)]
    revisions = [record(entry).revision for entry in entries]
    cdo = city.cdo.name
    barrier = processes.Barrier(4)

    def body() -> None:
        for entry, revision in zip(entries, revisions, strict=True):
            barrier.wait(60)
            promote_as(cdo, entry, revision, "promote", publication={"resources": [dict(LINK)]})

    workers = [run(body) for _ in range(4)]
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    expected = sorted(links.dataset_id_for(entry) for entry in entries)
    assert datasets() == expected
    outbox.drain(model.Session(), everything=True)
    assert found(None) == expected
    assert all(len(shown(dataset_id)["resources"]) == 1 for dataset_id in expected)
    assert repair.faults(model.Session()) == []


def test_linking_and_hiding_at_the_same_time(city: City) -> None:
    """Either the dataset stays because somebody linked to it, or the link finds nothing."""
    cdo = city.cdo.name
    for number in range(3):
        entry = city.approved(title=f"Made {number}")
        other = city.approved(title=f"Linked {number}")
        dataset_id = city.promote(entry).id
        revisions = record(entry).revision, record(other).revision
        barrier = processes.Barrier(2)

        def hide(entry: str = entry, revision: int = revisions[0], gate: Any = barrier) -> None:
            gate.wait(60)
            promote_as(cdo, entry, revision, "withdraw", comment="No.")

        def tie(
            other: str = other,
            revision: int = revisions[1],
            gate: Any = barrier,
            dataset_id: str = dataset_id,
        ) -> None:
            gate.wait(60)
            given = {"mode": "linked", "dataset": dataset_id}
            promote_as(cdo, other, revision, "promote", publication=given)

        workers = [run(hide), run(tie)]
        for worker in workers:
            worker.join(60)
        assert sorted(worker.exitcode or 0 for worker in workers) == [0, 1]
        model.Session.rollback()
        model.Session.expire_all()
        assert is_public(entry) == (record(other).state == "published")


# --- killed at each step ---------------------------------------------------------------------

STEPS = {
    "before the dataset is written": ("portal", "before"),
    "after the dataset is written": ("portal", "after"),
    "before the event": ("ckanext.inventory.service.events:record", "before"),
    "after the event": ("ckanext.inventory.service.events:record", "after"),
    "before the commit": ("commit", "before"),
    "after the commit": ("commit", "after"),
    "before the index": ("ckanext.inventory.service.outbox:_due", "after"),
    "after the index": ("ckanext.inventory.service.outbox:_unhide", "before"),
}
COMMITTED = {"after the commit", "before the index", "after the index"}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(where: str, when: str) -> None:
    """In the child: have the process killed around a function."""
    if where == "commit":
        _wrap(Session, "commit", when)
    elif where == "portal":
        portal = importlib.import_module("ckanext.inventory.publishing.portal")
        for name in ("create", "update", "hide"):
            _wrap(portal, name, when)
    else:
        module, name = where.split(":")
        _wrap(importlib.import_module(module), name, when)


def _wrap(owner: Any, name: str, when: str) -> None:
    original = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            die()
        result = original(*args, **kwargs)
        die()
        return result

    setattr(owner, name, wrapped)


def _nothing(city: City, entry: str) -> None:
    return None


def _prepare(city: City, entry: str) -> None:
    city.prepare(entry)
    action("resource_create", city.coordinator, package_id=links.dataset_id_for(entry), **LINK)


def _promote(city: City, entry: str) -> None:
    city.promote(entry)


Setup = Callable[[City, str], None]
UPLOAD = "upload"

ACTS: dict[str, tuple[Setup, str, dict[str, Any], str]] = {
    "promote": (_nothing, "promote", {"publication": {"resources": [LINK]}}, "published"),
    "promote with a file": (_nothing, "promote", {UPLOAD: True}, "published"),
    "prepare": (_nothing, "prepare", {"publication": {}}, "preparing"),
    "promote what was prepared": (_prepare, "promote", {"publication": {}}, "published"),
    "withdraw": (_promote, "withdraw", {"comment": "Wrong."}, "approved"),
    "leave preparing": (_prepare, "return", {"comment": "Not yet."}, "returned"),
}


def inputs_of(given: dict[str, Any]) -> dict[str, Any]:
    if UPLOAD in given:
        return {"publication": {"resources": [{"upload": file(), "name": "Trees"}]}}
    return given


def is_public(entry: str) -> bool:
    package = dataset(entry)
    return package is not None and not package.private and package.state == "active"


@pytest.mark.parametrize("act", ACTS)
def test_killed_at_each_step(city: City, act: str) -> None:
    setup, transition, given, target = ACTS[act]
    entries: dict[str, str] = {}
    for step in STEPS:
        entries[step] = city.approved(title=step)
        setup(city, entries[step])
    cdo = city.cdo.name
    for step, entry in entries.items():
        before = (record(entry).state, is_public(entry))
        revision = record(entry).revision

        def body(step: str = step, entry: str = entry, revision: int = revision) -> None:
            kill_at(*STEPS[step])
            promote_as(cdo, entry, revision, transition, **inputs_of(given))

        process = run(body)
        process.join(60)
        assert process.exitcode == -signal.SIGKILL, step
        model.Session.rollback()
        model.Session.expire_all()
        if step in COMMITTED:
            assert record(entry).state == target, step
        else:
            assert (record(entry).state, is_public(entry)) == before, step
            assert not [f for f in repair.faults(model.Session()) if f.kind is not repair.FILE], (
                step
            )
            city.go(entry, transition, **inputs_of(given))
        assert record(entry).state == target, step
        assert is_public(entry) == (target == "published"), step
    outbox.drain(model.Session(), everything=True)
    assert repair.faults(model.Session()) == []
    public = [links.dataset_id_for(e) for e in entries.values() if target == "published"]
    assert found(None) == sorted(public)
    assert len(datasets()) == len(STEPS)
    assert all(len(shown(dataset_id)["resources"]) == 1 for dataset_id in public)


@pytest.mark.parametrize("repaired", [True, False])
def test_core_committed_in_between(city: City, repaired: bool) -> None:
    """Another plugin's hook may commit: then the dataset stands without the decision."""
    entry = city.approved()
    revision, cdo = record(entry).revision, city.cdo.name

    def body() -> None:
        portal = importlib.import_module("ckanext.inventory.publishing.portal")
        create = portal.create

        def committing(session: Session, *args: Any) -> None:
            create(session, *args)
            session.commit()
            die()

        portal.create = committing
        promote_as(cdo, entry, revision, "promote", publication={"resources": [LINK]})

    process = run(body)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    model.Session.rollback()
    assert record(entry).state == "approved"
    assert is_public(entry)
    if repaired:
        assert [fault.kind.name for fault in repair.faults(model.Session())] == [
            "dataset_without_decision"
        ]
        assert repair.repair(model.Session()) == 1
        model.Session.commit()
        assert not is_public(entry)
        assert repair.faults(model.Session()) == []
    city.promote(entry)
    assert record(entry).state == "published"
    assert datasets() == [links.dataset_id_for(entry)]
    assert len(shown(links.dataset_id_for(entry))["resources"]) == 1
    assert repair.faults(model.Session()) == []


def test_core_committed_before_the_link(city: City) -> None:
    """A dataset under the derived id without a link is ours: it is taken, not made twice."""
    entry = city.approved()
    city.promote(entry)
    model.Session.execute(sa.delete(Link).where(Link.entry_id == entry))
    model.Session.commit()
    city.go(entry, "withdraw", comment="No.")
    city.promote(entry)
    assert datasets() == [links.dataset_id_for(entry)]
    row = link(entry)
    assert row is not None
    assert row.dataset_id == links.dataset_id_for(entry)


# --- the index -------------------------------------------------------------------------------


def test_l46_failed_commit_leaves_nothing(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = city.approved()
    revision = record(entry).revision
    model.Session.commit()

    def fail(self: Session) -> None:
        raise RuntimeError("the database went away")

    with monkeypatch.context() as patch:
        patch.setattr(Session, "commit", fail)
        with pytest.raises(RuntimeError):
            promote_as(city.cdo.name, entry, revision, "promote", publication={"resources": [LINK]})
    model.Session.rollback()
    assert datasets() == []
    assert found(None) == []
    assert link(entry) is None
    assert record(entry).state == "approved"


def test_l46_search_down_is_caught_up(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    entry, withdrawn = city.approved(), city.approved(title="Withdrawn")
    city.promote(withdrawn)
    with monkeypatch.context() as patch:
        patch.setitem(tk.config, "solr_url", "http://127.0.0.1:1/solr/none")
        city.promote(entry)
        city.go(withdrawn, "withdraw", comment="No.")
    assert record(entry).state == "published"
    assert outbox.waiting(model.Session()) >= 2
    assert found(None) == [], "what was withdrawn is hidden before the index has caught up"
    outbox.drain(model.Session(), everything=True)
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Outbox)) == 0
    assert found(None) == [links.dataset_id_for(entry)]
