"""A prepared or withdrawn dataset keeps its ``private`` and ``state`` at every door but ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model

from ckanext.inventory.types import Role
from tests.logic.promoting import City, action, dataset, found, shown
from tests.support import grant, make_department, make_member, make_user

Door = Callable[[model.User, Any, str], Any]


def _bulk(name: str) -> Door:
    def door(user: model.User, package: Any, organization: str) -> Any:
        return action(name, user, datasets=[package.id], org_id=organization)

    return door


def _update(user: model.User, package: Any, organization: str) -> Any:
    current = tk.get_action("package_show")({"ignore_auth": True}, {"id": package.id})
    return action("package_update", user, **(current | {"private": False}))


def _revise(**update: Any) -> Door:
    def door(user: model.User, package: Any, organization: str) -> Any:
        return action("package_revise", user, match={"id": package.id}, update=update)

    return door


def _patch(**update: Any) -> Door:
    def door(user: model.User, package: Any, organization: str) -> Any:
        return action("package_patch", user, id=package.id, **update)

    return door


def _delete(name: str) -> Door:
    def door(user: model.User, package: Any, organization: str) -> Any:
        return action(name, user, id=package.id)

    return door


DOORS: dict[str, Door] = {
    "patch private": _patch(private=False),
    "patch state": _patch(state="draft"),
    "patch deleted": _patch(state="deleted"),
    "revise": _revise(private=False),
    "update": _update,
    "bulk public": _bulk("bulk_update_public"),
    "bulk delete": _bulk("bulk_update_delete"),
    "delete": _delete("package_delete"),
}


@pytest.fixture
def city(db: None) -> City:
    return City()


def somebody(city: City, kind: str) -> model.User:
    if kind == "sysadmin":
        return make_user(sysadmin=True)
    if kind == "coordinator":
        return city.coordinator
    if kind == "cdo":
        return city.cdo
    user = make_user()
    make_member(user, city.department, "admin")
    return user


@pytest.mark.parametrize("who", ["organization admin", "coordinator", "cdo", "sysadmin"])
@pytest.mark.parametrize("how", ["prepared", "withdrawn"])
def test_l40_held_dataset_stays_hidden(city: City, how: str, who: str) -> None:
    entry = city.approved()
    if how == "prepared":
        package = city.prepare(entry)
    else:
        package = city.promote(entry)
        city.go(entry, "withdraw", comment="No.")
    user = somebody(city, who)
    for name, door in DOORS.items():
        with pytest.raises((tk.ValidationError, tk.NotAuthorized)):
            door(user, package, city.department.id)
        model.Session.rollback()
        assert (dataset(entry).private, dataset(entry).state) == (True, "active"), name
    assert found(None) == []


@pytest.mark.parametrize("update", [{"state": "active"}, {"private": False, "state": "active"}])
def test_l40_left_preparing_is_not_revived(city: City, update: dict[str, Any]) -> None:
    entry = city.approved()
    package = city.prepare(entry)
    city.go(entry, "return", comment="Not yet.")
    with pytest.raises(tk.ValidationError):
        action("package_patch", make_user(sysadmin=True), id=package.id, **update)
    model.Session.rollback()
    assert dataset(entry).state == "deleted"


def test_l40_purge_of_a_held_dataset_is_refused(city: City) -> None:
    entry = city.approved()
    package = city.prepare(entry)
    with pytest.raises(tk.ValidationError):
        action("dataset_purge", make_user(sysadmin=True), id=package.id)
    assert dataset(entry) is not None


def test_readers_of_a_held_dataset_follow_a_transfer(city: City) -> None:
    entry = city.approved()
    package = city.prepare(entry)
    other = make_department("POLICE")
    newcomer = grant(make_user(), Role.COORDINATOR, other)
    assert found(city.coordinator, include_private=True) == [package.id]
    action("inventory_transfer_request", city.cdo, id=entry, department=other.id)
    action("inventory_transfer_accept", newcomer, id=entry)
    assert found(city.coordinator, include_private=True) == []
    with pytest.raises(tk.NotAuthorized):
        shown(package.id, city.coordinator)
    assert found(newcomer, include_private=True) == [package.id]
    action("resource_create", newcomer, package_id=package.id, url="https://example.org/a.csv")


def test_organization_editor_still_edits_its_words(city: City) -> None:
    editor = make_user()
    make_member(editor, city.department, "editor")
    package = city.prepare(city.approved())
    action("package_patch", editor, id=package.id, version="2")


def test_on_the_portal_its_own_people_decide(city: City) -> None:
    admin = make_user()
    make_member(admin, city.department, "admin")
    entry = city.approved()
    package = city.promote(entry)
    action("package_patch", admin, id=package.id, private=True)
    assert dataset(entry).private
