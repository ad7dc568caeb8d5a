"""Each guard switched off in turn: the probe that it is there for has to notice.

A test that passes without the guard that it tests proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import authz, logic, model
from ckan.common import config
from ckan.tests.helpers import CKANTestApp

from ckanext.inventory import guards, policy, route_guard, search_guard
from ckanext.inventory.model import Record
from ckanext.inventory.service import indexing, outbox
from tests.leaks.city import City
from tests.leaks.pages import get
from tests.leaks.probes import call, like

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("scratch")]

Probe = Callable[[City], bool]
"""Tells whether something private shows, or something forbidden happens."""


def draft_of(city: City) -> model.Package:
    found = model.Package.get(city.records["draft"].id)
    assert found is not None
    return found


def unlike(person: str, action: str, **data: str) -> Probe:
    """A hidden id and an unknown one answer differently; ``{}`` stands for the id."""

    def probe(city: City) -> bool:
        real = city.records["draft"].id
        unknown = like(real)
        plain = [
            call(
                city, person, action, {key: value.format(each) for key, value in data.items()}
            ).without(each)
            for each in (real, unknown)
        ]
        return plain[0] != plain[1]

    return probe


def grouped(person: str, action: str, **data: Any) -> Probe:
    """An entry becomes a member of a group."""

    def probe(city: City) -> bool:
        real = city.records["draft"].id
        filled = {
            "packages": [{"id": real}],
            "object": real,
            "id": city.group.id,
            **data,
        }
        call(city, person, action, filled)
        model.Session.expire_all()
        return bool(draft_of(city).get_groups(group_type="group"))

    return probe


def closed(action: str, **data: Any) -> Probe:
    """A department with entries goes."""

    def probe(city: City) -> bool:
        call(city, "sysadmin", action, {"id": city.a.id, **data})
        model.Session.expire_all()
        group = model.Group.get(city.a.id)
        return group is None or group.state == "deleted"

    return probe


def pending_shows(city: City) -> bool:
    outbox.narrow(model.Session(), [city.records["draft"].id])
    search = {"fq": "dataset_type:inventory_entry", "include_private": True}
    return city.records["draft"].name in call(city, "cdo", "package_search", search).text


def offered(city: City) -> bool:
    return "inventory-" in call(city, "cdo", "package_autocomplete", {"q": "inventory"}).text


def listed_as_member(city: City) -> bool:
    answer = call(city, "anonymous", "member_list", {"id": city.a.id, "object_type": "package"})
    return city.records["draft"].id in answer.text


def detached(city: City) -> bool:
    data = {"id": city.a.id, "object": city.records["draft"].id, "object_type": "package"}
    call(city, "a_admin", "member_delete", data)
    rows = city.act("sysadmin", "member_list", id=city.a.id, object_type="package")
    return city.records["draft"].id not in {row[0] for row in rows}


def orphaned(city: City) -> bool:
    standing = [ref.id for ref in city.entries() if model.Package.get(ref.id) is not None]
    real = standing[0]
    call(city, "sysadmin", "dataset_purge", {"id": real})
    return model.Package.get(real) is None and model.Session.get(Record, real) is not None


def told(city: City) -> bool:
    real = city.records["draft"].id
    user = city.people["sysadmin"]
    assert user is not None
    data = {"user_id": user.id, "object_id": real, "activity_type": "new package"}
    tk.get_action("activity_create")(city.context("sysadmin"), data)
    count = sa.text("SELECT count(*) FROM activity WHERE object_id = :id")
    return bool(model.Session.scalar(count, {"id": real}))


ACTIONS: dict[str, Probe] = {
    "activity_create": told,
    "am_following_dataset": unlike("nobody", "am_following_dataset", id="{}"),
    "dataset_follower_count": unlike("anonymous", "dataset_follower_count", id="{}"),
    "dataset_purge": orphaned,
    "group_create": grouped("sysadmin", "group_create", name="zq-new", id=None),
    "group_delete": closed("group_delete"),
    "group_purge": closed("group_purge"),
    "group_update": grouped("group_manager", "group_update"),
    "member_create": grouped(
        "group_manager", "member_create", object_type="package", capacity="public"
    ),
    "member_delete": detached,
    "member_list": listed_as_member,
    "organization_update": closed("organization_patch", state="deleted"),
    "package_activity_list": unlike("anonymous", "package_activity_list", id="{}"),
    "package_autocomplete": offered,
    "package_collaborator_list": unlike("nobody", "package_collaborator_list", id="{}"),
    "package_relationship_create": unlike(
        "nobody", "package_relationship_create", subject="{}", object="{}", type="depends_on"
    ),
    "package_relationships_list": unlike("nobody", "package_relationships_list", id="{}"),
    "package_search": pending_shows,
    "unfollow_dataset": unlike("nobody", "unfollow_dataset", id="{}"),
}


@pytest.fixture
def forget_caches() -> Iterator[None]:
    yield
    logic.clear_actions_cache()
    authz.clear_auth_functions_cache()


@pytest.mark.usefixtures("forget_caches")
@pytest.mark.parametrize("action", ACTIONS)
def test_without_the_guard_of_an_action_its_probe_notices(
    city: City, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not ACTIONS[action](city)
    model.Session.rollback()
    rest = guards.actions()
    del rest[action]
    monkeypatch.setattr(guards, "actions", lambda: rest)
    logic.clear_actions_cache()
    assert ACTIONS[action](city)


def passes(person: str, name: str, key: str = "draft", field: str = "id") -> Probe:
    """An auth function lets somebody through."""

    def probe(city: City) -> bool:
        data = {field: city.records[key].id, "object": city.records[key].id}
        try:
            return bool(tk.check_access(name, city.context(person), data))
        except (tk.NotAuthorized, tk.ObjectNotFound):
            return False

    return probe


def shut_out(city: City) -> bool:
    """A coordinator who is nothing in the organization can't add an entry."""
    data = {"type": "inventory_entry", "owner_org": city.a.id}
    try:
        return not tk.check_access("package_create", city.context("coordinator"), data)
    except tk.NotAuthorized:
        return True


AUTH: dict[str, Probe] = {
    "follow_dataset": passes("coordinator", "follow_dataset"),
    "package_collaborator_create": passes("sysadmin", "package_collaborator_create"),
    "package_create": shut_out,
    "package_delete": passes("coordinator", "package_delete", "submitted"),
    "package_owner_org_update": passes("sysadmin", "package_owner_org_update"),
    "package_relationship_create": passes(
        "sysadmin", "package_relationship_create", field="subject"
    ),
    "package_update": passes("a_editor", "package_update"),
    "resource_create": passes("sysadmin", "resource_create", field="package_id"),
}


def test_every_auth_guard_has_a_probe() -> None:
    assert set(AUTH) == set(guards.auth_functions())


@pytest.mark.usefixtures("forget_caches")
@pytest.mark.parametrize("name", AUTH)
def test_without_an_auth_guard_its_probe_notices(
    city: City, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not AUTH[name](city)
    rest = guards.auth_functions()
    del rest[name]
    monkeypatch.setattr(guards, "auth_functions", lambda: rest)
    authz.clear_auth_functions_cache()
    assert AUTH[name](city)


def found_by(city: City, person: str) -> bool:
    search = {"fq": "dataset_type:inventory_entry", "include_private": True}
    return "inventory-" in call(city, person, "package_search", search).text


def reindex(city: City) -> None:
    indexing.index(model.Session(), [ref.id for ref in city.records.values()])


def test_a_public_label_would_be_noticed(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not found_by(city, "anonymous")
    monkeypatch.setattr(policy, "record_labels", lambda facts: ["public"])
    reindex(city)
    assert found_by(city, "anonymous")


def test_a_label_of_members_would_be_noticed(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not found_by(city, "a_member")
    monkeypatch.setattr(policy, "record_labels", lambda facts: [f"member-{facts.department}"])
    reindex(city)
    assert found_by(city, "a_member")


def test_too_many_labels_of_a_person_would_be_noticed(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not found_by(city, "nobody")
    monkeypatch.setattr(policy, "user_labels", lambda person: [policy.LABEL_CITYWIDE])
    assert found_by(city, "nobody")


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


def test_pages_without_the_route_guard_would_be_noticed(
    city: City, app: CKANTestApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"/dataset/{city.records['draft'].name}"

    def shown() -> bool:
        return get(app, city, "coordinator", address).status_code == 200

    assert not shown()
    monkeypatch.setattr(route_guard, "_package_type", lambda: None)
    assert shown()


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
