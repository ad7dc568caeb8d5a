"""What each guard is there for: a probe that notices when it is gone.

A test that passes without the guard that it tests proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.common import config
from ckan.lib.search.common import make_connection
from sqlalchemy.orm import Session

from ckanext.inventory.model import Record
from ckanext.inventory.service import outbox
from tests.leaks.city import City
from tests.leaks.probes import call, like

Probe = Callable[[City], bool]
"""Tells whether something private shows, or something forbidden happens."""


def draft_of(city: City) -> model.Package:
    found = model.Package.get(city.records["draft"].id)
    assert found is not None
    return found


def unlike(person: str, action: str, **data: str) -> Probe:
    """A hidden id and an unknown one answer differently; ``{0}`` stands for the id."""

    def probe(city: City) -> bool:
        real = city.records["draft"].id
        plain = [
            call(
                city,
                person,
                action,
                {key: value.format(each) for key, value in data.items()},
            ).without(each)
            for each in (real, like(real))
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


def emptied(action: str) -> Probe:
    """Core begins to take the datasets out of a department, where it may have none without."""

    def probe(city: City) -> bool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(config, "ckan.auth.create_unowned_dataset", True)
            answer = call(city, "sysadmin", action, {"id": city.a.id})
        return "while it still has datasets" not in answer.text

    return probe


def in_bulk(action: str) -> Probe:
    """A bulk act answers for a hidden id otherwise than for one of nothing."""

    def probe(city: City) -> bool:
        real = city.records["draft"].id
        answers = [
            call(city, "a_admin", action, {"datasets": [each], "org_id": city.a.id}).without(each)
            for each in (real, like(real))
        ]
        return answers[0] != answers[1]

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


def phantom(city: City) -> bool:
    """An entry whose commit failed stands in the index."""

    def documents() -> int:
        return make_connection().search("dataset_type:inventory_entry", rows=0).hits

    def fail(self: Session) -> None:
        raise RuntimeError("the disk is full")

    before = documents()
    data = {"type": "inventory_entry", "title": "x", "owner_org": city.a.id}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "commit", fail)
        call(city, "sysadmin", "package_create", data)
    return documents() != before


def deleted(city: City) -> bool:
    """A submitted entry is deleted, where it has to be retired."""
    real = city.records["submitted"].id
    call(city, "sysadmin", "package_delete", {"id": real})
    model.Session.expire_all()
    package = model.Package.get(real)
    return package is None or package.state == "deleted"


ACTIONS: dict[str, Probe] = {
    "activity_create": told,
    "am_following_dataset": unlike("nobody", "am_following_dataset", id="{0}"),
    "bulk_update_delete": in_bulk("bulk_update_delete"),
    "bulk_update_private": in_bulk("bulk_update_private"),
    "bulk_update_public": in_bulk("bulk_update_public"),
    "dataset_follower_count": unlike("anonymous", "dataset_follower_count", id="{0}"),
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
    "organization_delete": emptied("organization_delete"),
    "organization_purge": emptied("organization_purge"),
    "organization_update": closed("organization_patch", state="deleted"),
    "package_activity_list": unlike("anonymous", "package_activity_list", id="{0}"),
    "package_autocomplete": offered,
    "package_collaborator_delete": unlike(
        "a_admin", "package_collaborator_delete", id="{0}", user_id="x"
    ),
    "package_collaborator_list": unlike("nobody", "package_collaborator_list", id="{0}"),
    "package_relationship_create": unlike(
        "nobody", "package_relationship_create", subject="{0}", object="{0}", type="depends_on"
    ),
    "package_relationship_delete": unlike(
        "nobody", "package_relationship_delete", subject="{0}", object="{0}", type="depends_on"
    ),
    "package_relationship_update": unlike(
        "nobody", "package_relationship_update", subject="{0}", object="{0}", type="depends_on"
    ),
    "package_relationships_list": unlike("nobody", "package_relationships_list", id="{0}"),
    "package_search": pending_shows,
    "unfollow_dataset": unlike("nobody", "unfollow_dataset", id="{0}"),
}
"""By guarded action; those of the plugin harvest stand with the whole city."""

HARVEST_ACTIONS = frozenset(
    {
        "harvest_object_list",
        "harvest_object_show",
        "harvest_source_list",
        "harvest_source_show_status",
    }
)

REGISTER: dict[str, Probe] = {
    "package_create": phantom,
    "package_delete": deleted,
    "package_patch": unlike("nobody", "package_patch", id="{0}", title="x"),
    "package_show": unlike("anonymous", "package_show", id="{0}"),
    "package_update": unlike("nobody", "package_update", id="{0}", title="x", revision="1"),
}
"""By action of core's that the register stands in."""


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


def without(registry: Callable[[], dict[str, Any]], name: str) -> Callable[[], dict[str, Any]]:
    """A registry of guards that lacks one."""
    rest = {key: guard for key, guard in registry().items() if key != name}
    return lambda: dict(rest)
