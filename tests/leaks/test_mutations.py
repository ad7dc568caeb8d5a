"""Each guard switched off in turn: the probe that it is there for has to notice.

The tables are held against the registries of the guards, so that a new one needs a probe.
"""

from __future__ import annotations

from collections.abc import Iterator

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import pytest
from ckan import authz, logic, model
from ckan.common import config
from ckan.tests.helpers import CKANTestApp

from ckanext.inventory import guards, policy, route_guard, search_guard
from ckanext.inventory.logic.action import package as register
from ckanext.inventory.service import indexing
from tests.leaks.city import City
from tests.leaks.mutations import ACTIONS, AUTH, HARVEST_ACTIONS, REGISTER, draft_of, without
from tests.leaks.pages import get
from tests.leaks.probes import call

pytestmark = pytest.mark.usefixtures("scratch")


def test_every_guard_has_a_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(p, "plugin_loaded", lambda name: True)
    assert set(guards.actions()) == {*ACTIONS, *HARVEST_ACTIONS}
    assert set(guards.auth_functions()) == set(AUTH)
    assert set(register.actions()) == set(REGISTER)


@pytest.fixture
def forget_caches() -> Iterator[None]:
    yield
    logic.clear_actions_cache()
    authz.clear_auth_functions_cache()


@pytest.mark.long
@pytest.mark.usefixtures("forget_caches")
@pytest.mark.parametrize("action", ACTIONS)
def test_without_the_guard_of_an_action_its_probe_notices(
    city: City, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not ACTIONS[action](city)
    model.Session.rollback()
    monkeypatch.setattr(guards, "actions", without(guards.actions, action))
    logic.clear_actions_cache()
    assert ACTIONS[action](city)


@pytest.mark.long
@pytest.mark.usefixtures("forget_caches")
@pytest.mark.parametrize("action", REGISTER)
def test_without_the_register_in_an_action_of_core_its_probe_notices(
    city: City, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not REGISTER[action](city)
    model.Session.rollback()
    monkeypatch.setattr(register, "actions", without(register.actions, action))
    logic.clear_actions_cache()
    assert REGISTER[action](city)


@pytest.mark.long
@pytest.mark.usefixtures("forget_caches")
@pytest.mark.parametrize("name", AUTH)
def test_without_an_auth_guard_its_probe_notices(
    city: City, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not AUTH[name](city)
    monkeypatch.setattr(guards, "auth_functions", without(guards.auth_functions, name))
    authz.clear_auth_functions_cache()
    assert AUTH[name](city)


def found_by(city: City, person: str) -> bool:
    search = {"fq": "dataset_type:inventory_entry", "include_private": True}
    return "inventory-" in call(city, person, "package_search", search).text


def reindex(city: City) -> None:
    indexing.index(model.Session(), [ref.id for ref in city.records.values()])


@pytest.mark.long
def test_a_public_label_would_be_noticed(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not found_by(city, "anonymous")
    monkeypatch.setattr(policy, "record_labels", lambda facts: ["public"])
    reindex(city)
    assert found_by(city, "anonymous")


@pytest.mark.long
def test_a_label_of_members_would_be_noticed(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not found_by(city, "a_member")
    monkeypatch.setattr(policy, "record_labels", lambda facts: [f"member-{facts.department}"])
    reindex(city)
    assert found_by(city, "a_member")


@pytest.mark.long
def test_too_many_labels_of_a_person_would_be_noticed(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not found_by(city, "nobody")
    monkeypatch.setattr(policy, "user_labels", lambda person: [policy.LABEL_CITYWIDE])
    assert found_by(city, "nobody")


@pytest.mark.long
def test_an_index_with_words_would_be_noticed(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    def terms() -> str:
        data = {"facet.field": ["text"], "facet.limit": -1, "facet.mincount": 0, "rows": 0}
        return call(city, "anonymous", "package_search", data).text

    word = '"zqx"'  # the analysis of the index cuts words where digits begin
    monkeypatch.setattr(search_guard, "guard", lambda params: params)
    assert word not in terms()
    monkeypatch.setattr(indexing, "allowed_document", lambda document: dict(document))
    logic.index_update_package(
        {"model": model, "ignore_auth": True, "user": ""}, city.records["draft"].id
    )
    assert word in terms()


@pytest.mark.long
def test_pages_without_the_route_guard_would_be_noticed(
    city: City, app: CKANTestApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"/dataset/{city.records['draft'].name}"

    def shown() -> bool:
        return get(app, city, "coordinator", address).status_code == 200

    assert not shown()
    monkeypatch.setattr(route_guard, "_package_type", lambda: None)
    assert shown()


@pytest.mark.long
def test_the_locks_on_private_hold_one_without_the_other(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hook alone holds when the validator is gone, and the alarm when both are."""
    monkeypatch.setitem(config, "ckan.auth.create_unowned_dataset", False)
    loose = tk.get_validator("boolean_validator")
    schema = {
        "id": [tk.get_validator("ignore_missing")],
        "title": [tk.get_validator("ignore_missing")],
        "private": [loose],
        "resources": {"id": [tk.get_validator("ignore_missing")]},
    }
    context = {**city.context("sysadmin"), "schema": schema}
    tk.get_action("package_patch")(context, {"id": city.records["draft"].id, "private": False})
    model.Session.expire_all()
    assert draft_of(city).private is True
