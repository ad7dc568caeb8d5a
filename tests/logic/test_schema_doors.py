"""What is stored, and shown again, when entries and sources come through core's own actions."""

from __future__ import annotations

import re
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import call_action

from ckanext.inventory.fields import content_of, schema_for
from ckanext.inventory.model import Record
from ckanext.inventory.types import ENTRY, SOURCE
from tests import support

pytestmark = pytest.mark.usefixtures("db")

ROWS = [{"kind": "privacy", "rationale": "It names residents.", "detail": ["personnel"]}]


@pytest.fixture
def admin() -> model.User:
    return support.make_user(sysadmin=True)


@pytest.fixture
def act(admin: model.User):
    def run(action: str, /, **data: Any) -> dict[str, Any]:
        return call_action(action, {"user": admin.name, "ignore_auth": False}, **data)

    return run


@pytest.fixture
def parks() -> model.Group:
    return support.make_department("PARKS", name="parks")


@pytest.fixture
def entry(act: Any, parks: model.Group) -> dict[str, Any]:
    return act(
        "package_create",
        type=ENTRY,
        title="Street trees",
        owner_org=parks.id,
        notes="One row per tree.",
        keywords=["trees"],
        requests_per_year=4,
        release_blockers=ROWS,
        license_id="cc-by",
    )


def update(act: Any, entry: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return act("package_update", **(act("package_show", id=entry["id"]) | changes))


def stored(entry: dict[str, Any]) -> model.Package:
    model.Session.flush()
    model.Session.expire_all()
    package = model.Package.get(entry["id"])
    assert package is not None
    return package


def test_what_was_sent_is_shown_again(act: Any, entry: dict[str, Any], parks: model.Group):
    shown = act("package_show", id=entry["id"])
    assert content_of(schema_for(ENTRY), shown) == {
        "title": "Street trees",
        "owner_org": parks.id,
        "notes": "One row per tree.",
        "keywords": ["trees"],
        "requests_per_year": 4,
        "blocker_status": "some",
        "release_blockers": [dict(ROWS[0], status="open")],
        "license_id": "cc-by",
    }
    assert shown["keywords"] == ["trees"]
    assert shown["requests_per_year"] == 4


def test_the_stored_package_gives_the_same_content(entry: dict[str, Any]):
    package = stored(entry)
    columns = {name: getattr(package, name) for name in ("title", "owner_org", "notes")}
    columns |= {"license_id": package.license_id, "extras": dict(package.extras)}
    assert content_of(schema_for(ENTRY), columns) == content_of(schema_for(ENTRY), entry)


def test_l03_names_are_opaque_at_every_door(act: Any, entry: dict[str, Any]):
    pattern = r"inventory-[0-9a-f]{20,}"
    assert re.fullmatch(pattern, entry["name"])
    assert act("package_patch", id=entry["id"], name="budget")["name"] == entry["name"]
    assert update(act, entry, name="budget")["name"] == entry["name"]
    revised = act("package_revise", match={"id": entry["id"]}, update={"name": "budget"})
    assert revised["package"]["name"] == entry["name"]


@pytest.mark.parametrize("package_type", [ENTRY, SOURCE])
def test_a_chosen_name_is_ignored_on_create(act: Any, parks: model.Group, package_type: str):
    for _ in range(2):
        made = act(
            "package_create", type=package_type, title="x", owner_org=parks.id, name="budget"
        )
        assert made["name"] != "budget"


def test_l24_private_at_every_door(act: Any, entry: dict[str, Any]):
    act("package_patch", id=entry["id"], private=False, title="A")
    assert stored(entry).private is True
    update(act, entry, private=False, title="B")
    assert stored(entry).private is True
    act("package_revise", match={"id": entry["id"]}, update={"private": False, "title": "C"})
    assert stored(entry).private is True


def test_l25_private_under_a_schema_of_the_caller(admin: model.User, parks: model.Group):
    bare = {"title": [], "type": [], "owner_org": [], "private": [], "resources": {}}
    context = {"user": admin.name, "schema": bare}
    made = call_action(
        "package_create", context, type=ENTRY, title="x", owner_org=parks.id, private=False
    )
    assert stored(made).private is True


def test_ckans_state_is_not_for_sending(act: Any, entry: dict[str, Any]):
    for state in ("draft", "deleted"):
        act("package_patch", id=entry["id"], state=state, title=state)
        assert stored(entry).state == "active"


def test_l13_tags_are_emptied(act: Any, entry: dict[str, Any]):
    act("package_patch", id=entry["id"], tags=[{"name": "sentinel"}], title="A")
    act("package_patch", id=entry["id"], tag_string="sentinel", title="B")
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(model.Tag)) == 0


def test_l22_groups_are_emptied(act: Any, entry: dict[str, Any]):
    group = support.make_organization("cycling")
    group.is_organization, group.type = False, "group"
    model.Session.flush()
    act("package_patch", id=entry["id"], groups=[{"name": "cycling"}], title="A")
    assert act("package_show", id=entry["id"])["groups"] == []


@pytest.mark.parametrize("door", ["package_patch", "package_update", "package_revise"])
def test_l15_files_are_refused(act: Any, entry: dict[str, Any], door: str):
    files = [{"url": "https://example.org/a.csv", "format": "SENTINEL"}]
    sent: dict[str, Any] = {"id": entry["id"], "resources": files}
    if door == "package_update":
        sent = act("package_show", id=entry["id"]) | sent
    if door == "package_revise":
        sent = {"match": {"id": entry["id"]}, "update": {"resources": files}}
    with pytest.raises(tk.ValidationError) as caught:
        act(door, **sent)
    assert "holds no files" in str(caught.value.error_dict)


def test_l14_a_file_is_refused_on_create(act: Any, parks: model.Group):
    with pytest.raises(tk.ValidationError):
        act(
            "package_create",
            type=ENTRY,
            title="x",
            owner_org=parks.id,
            resources=[{"url": "https://example.org/a.csv", "format": "SENTINEL"}],
        )


def test_emptying_a_field_removes_it(act: Any, entry: dict[str, Any]):
    emptied = {"notes": "", "keywords": [], "requests_per_year": None, "license_id": ""}
    act("package_patch", id=entry["id"], release_blockers=[], blocker_status="none", **emptied)
    shown = content_of(schema_for(ENTRY), act("package_show", id=entry["id"]))
    assert set(shown) == {"title", "owner_org", "blocker_status"}
    assert set(stored(entry).extras) == {"blocker_status"}


def test_rows_can_be_taken_away_with_nothing(act: Any, entry: dict[str, Any]):
    act("package_patch", id=entry["id"], release_blockers=None, blocker_status="none")
    assert "release_blockers" not in act("package_show", id=entry["id"])


def test_an_update_is_the_whole_content(act: Any, entry: dict[str, Any], parks: model.Group):
    revision = act("package_show", id=entry["id"])["revision"]
    act(
        "package_update",
        id=entry["id"],
        title="Trees",
        owner_org=parks.id,
        revision=revision,
    )
    shown = content_of(schema_for(ENTRY), act("package_show", id=entry["id"]))
    assert shown == {"title": "Trees", "owner_org": parks.id}


def test_a_patch_leaves_the_rest(act: Any, entry: dict[str, Any]):
    before = content_of(schema_for(ENTRY), entry)
    act("package_patch", id=entry["id"], value="high")
    after = content_of(schema_for(ENTRY), act("package_show", id=entry["id"]))
    assert after == before | {"value": "high"}


def test_a_refusal_stores_nothing(act: Any, entry: dict[str, Any]):
    with pytest.raises(tk.ValidationError) as caught:
        act("package_patch", id=entry["id"], title="New", category="bogus")
    assert set(caught.value.error_dict) == {"category"}
    assert stored(entry).title == "Street trees"


def test_a_target_that_moves_after_an_approval_keeps_the_first(act: Any, entry: dict[str, Any]):
    act("package_patch", id=entry["id"], target_release="2027-01")
    moved = act("package_patch", id=entry["id"], target_release="2027-02")
    assert "target_release_original" not in moved
    record = model.Session.get(Record, entry["id"])
    record.approved_revision = record.revision
    model.Session.flush()
    why = {"target_change_reason": "The vendor is late."}
    for target in ("2027-06", "2028"):
        moved = act("package_patch", id=entry["id"], target_release=target, **why)
        assert moved["target_release_original"] == "2027-02"
