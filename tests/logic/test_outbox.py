"""Side effects after the commit: the index catches up, whatever happened in between."""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins.toolkit as tk
import pysolr
import pytest
import sqlalchemy as sa
from ckan import logic, model
from ckan.lib import search
from ckan.lib.search.common import make_connection

from ckanext.inventory.model import Outbox, Pending, Record
from ckanext.inventory.service import indexing, outbox, register
from tests.logic.city import ENOUGH_TO_APPROVE, City, make_city
from tests.support import context

BY_SOLR = {"_version_", "indexed_ts", "name_ngram", "title_ngram"}
"""Fields that the index schema makes itself, from a title without a word among others."""


@pytest.fixture
def city(db: None) -> City:
    return make_city()


@pytest.fixture
def solr_down(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The address of the index leads nowhere, as when the service is stopped."""

    def nowhere(*args: Any, **kwargs: Any) -> pysolr.Solr:
        return pysolr.Solr("http://127.0.0.1:9/solr/nothing", timeout=1)

    monkeypatch.setattr(indexing, "make_connection", nowhere)
    return monkeypatch


def _found(user: Any) -> set[str]:
    found = tk.get_action("package_search")(
        context(user),
        {"fq": "dataset_type:inventory_entry", "include_private": True, "rows": 100},
    )
    return {package["id"] for package in found["results"]}


def test_who_may_see_an_entry_finds_it_and_nobody_else(city: City) -> None:
    entry = city.entry()
    assert _found(city.coordinator) == {entry["id"]}
    assert _found(city.cdo) == {entry["id"]}
    assert _found(city.viewer) == {entry["id"]}
    assert _found(city.neighbour) == set()
    assert _found(city.editor) == set()


class TestSolrDown:
    def test_the_write_is_stored_and_waits(self, city: City, solr_down: pytest.MonkeyPatch) -> None:
        entry = city.entry()
        assert city.do(city.coordinator, "inventory_entry_show", id=entry["number"])["title"]
        assert outbox.waiting(model.Session()) == 1
        assert city.do(city.coordinator, "inventory_home")["catching_up"] == 1

    def test_a_decision_is_stored(self, city: City, solr_down: pytest.MonkeyPatch) -> None:
        entry = city.approved()
        assert city.state(entry) == "approved"

    def test_it_catches_up_when_the_service_is_back(
        self, city: City, solr_down: pytest.MonkeyPatch
    ) -> None:
        entry = city.entry()
        solr_down.undo()
        drained = outbox.drain(model.Session(), everything=True)
        assert (drained.done, drained.failed) == (1, 0)
        assert _found(city.coordinator) == {entry["id"]}

    def test_what_failed_waits_before_it_is_tried_again(
        self, city: City, solr_down: pytest.MonkeyPatch
    ) -> None:
        city.entry()
        solr_down.undo()
        assert outbox.drain(model.Session()).done == 0
        row = model.Session.scalars(sa.select(Outbox)).one()
        assert row.attempts == 1
        assert row.last_error

    def test_who_lost_the_right_to_see_it_does_not_find_it_meanwhile(
        self, city: City, solr_down: pytest.MonkeyPatch
    ) -> None:
        solr_down.undo()
        entry = city.entry()
        city.do(city.coordinator, "inventory_assign", ids=[entry["id"]], user=city.editor.name)
        assert _found(city.editor) == {entry["id"]}
        solr_down.setattr(
            indexing, "make_connection", lambda: pysolr.Solr("http://127.0.0.1:9/solr/no")
        )
        city.do(city.coordinator, "inventory_assign", ids=[entry["id"]], user="")
        assert model.Session.scalars(sa.select(Pending.package_id)).all() == [entry["id"]]
        assert _found(city.editor) == set()
        solr_down.undo()
        outbox.drain(model.Session(), everything=True)
        assert model.Session.scalars(sa.select(Pending.package_id)).all() == []
        assert _found(city.editor) == set()
        assert _found(city.coordinator) == {entry["id"]}


def test_a_decision_needs_no_redis(city: City, ckan_config: Any) -> None:
    ckan_config["ckan.redis.url"] = "redis://127.0.0.1:9/0"
    entry = city.approved()
    assert city.state(entry) == "approved"
    assert _found(city.coordinator) == {entry["id"]}


def test_a_failed_commit_leaves_nothing_in_the_index(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leak L46."""

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("ckanext.inventory.service.events.record", fail)
    with pytest.raises(RuntimeError):
        city.entry()
    monkeypatch.undo()
    assert _found(city.sysadmin) == set()
    assert model.Session.scalars(sa.select(Record.package_id)).all() == []


def test_queueing_twice_keeps_one_row(city: City) -> None:
    session = model.Session()
    outbox.reindex(session, ["one", "one"])
    outbox.reindex(session, ["one"])
    assert session.scalars(sa.select(Outbox.version)).all() == [2]


class TestBatches:
    """More records than one request takes."""

    @pytest.fixture
    def requests(self, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
        seen: list[list[str]] = []
        add, commit = pysolr.Solr.add, pysolr.Solr.commit

        def noted_add(self: pysolr.Solr, docs: list[dict[str, Any]], **how: Any) -> Any:
            seen.append([doc["id"] for doc in docs])
            return add(self, docs, **how)

        def noted_commit(self: pysolr.Solr, **how: Any) -> Any:
            seen.append(["commit"])
            return commit(self, **how)

        monkeypatch.setattr(indexing, "BATCH", 2)
        monkeypatch.setattr(pysolr.Solr, "add", noted_add)
        monkeypatch.setattr(pysolr.Solr, "commit", noted_commit)
        return seen

    def test_all_are_found_after_one_commit(self, city: City, requests: list[list[str]]) -> None:
        ids = [city.entry(title=f"Trees {number}")["id"] for number in range(5)]
        requests.clear()
        assert indexing.index(model.Session(), ids) == {}
        assert [len(request) for request in requests] == [2, 2, 1, 1]
        assert requests[-1] == ["commit"]
        assert {one for request in requests[:-1] for one in request} == set(ids)
        assert _found(city.coordinator) == set(ids)

    def test_the_one_that_is_refused_is_told(
        self, city: City, requests: list[list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ids = [city.entry(title=f"Trees {number}")["id"] for number in range(5)]
        add = pysolr.Solr.add

        def refuse(self: pysolr.Solr, docs: list[dict[str, Any]], **how: Any) -> Any:
            if any(doc["id"] == ids[3] for doc in docs):
                raise pysolr.SolrError("no such field")
            return add(self, docs, **how)

        monkeypatch.setattr(pysolr.Solr, "add", refuse)
        assert indexing.index(model.Session(), ids) == {ids[3]: "SolrError"}
        assert _found(city.coordinator) == set(ids)

    def test_all_wait_where_it_cannot_be_reached(
        self, city: City, requests: list[list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ids = [city.entry(title=f"Trees {number}")["id"] for number in range(5)]
        calls: list[int] = []

        def breaks(self: pysolr.Solr, docs: list[dict[str, Any]], **how: Any) -> Any:
            calls.append(len(docs))
            if len(calls) == 2:
                raise ConnectionResetError

        monkeypatch.setattr(pysolr.Solr, "add", breaks)
        found = indexing.index(model.Session(), ids)
        assert found == dict.fromkeys(ids, "ConnectionResetError")


class TestDocument:
    def test_it_has_allow_listed_keys_only(self, city: City) -> None:
        entry = city.entry(
            **ENOUGH_TO_APPROVE, keywords=["canopy"], comments="A word for ourselves"
        )
        document = _document(entry["id"])
        assert set(document) - BY_SOLR <= indexing.ALLOWED_KEYS
        blobs = {"data_dict", "validated_data_dict"}
        searchable = {key: value for key, value in document.items() if key not in blobs}
        assert "canopy" not in str(searchable)
        assert "tree" not in str(searchable).lower()

    def test_its_blobs_equal_what_core_would_store(self, city: City) -> None:
        entry = city.entry(
            city.cdo,
            **{
                **ENOUGH_TO_APPROVE,
                "blocker_status": "some",
                "release_blockers": [
                    {"kind": "quality", "rationale": "Some are missing.", "status": "open"}
                ],
                "keywords": ["canopy", "trees"],
                "license_id": "cc-by",
            },
        )
        session = model.Session()
        package = session.get(model.Package, entry["id"])
        assert package is not None
        ours = indexing.documents(session, [package])[0]
        default, custom = logic.package_show_default_and_custom_schemas(
            {"model": model, "session": session, "user": "", "ignore_auth": True}, entry["id"]
        )
        assert json.loads(ours["data_dict"]) == json.loads(json.dumps(default))
        assert json.loads(ours["validated_data_dict"]) == json.loads(json.dumps(custom))

    def test_rebuilding_by_core_gives_the_same_document(self, city: City) -> None:
        entry = city.entry(**ENOUGH_TO_APPROVE)
        ours = _document(entry["id"])
        search.rebuild(entry["id"])
        search.commit()
        core = _document(entry["id"])
        own_time = {"_version_", "indexed_ts", "data_dict", "validated_data_dict"}
        assert {k: v for k, v in core.items() if k not in own_time} == {
            k: v for k, v in ours.items() if k not in own_time
        }


def _document(package_id: str) -> dict[str, Any]:
    found = make_connection().search("*:*", fq=f'id:"{package_id}"', rows=2, fl="*")
    (document,) = found.docs
    return dict(document)


def test_rebuild_changes_nothing(city: City) -> None:
    """The cached columns of the register are what a recomputation gives."""
    city.approved()
    city.entry(title="Benches", blocker_status="some")
    city.do(city.coordinator, "inventory_source_create", title="System", owner_org=city.parks.id)
    assert register.rebuild(model.Session()) == 0
