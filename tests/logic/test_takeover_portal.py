"""Making entries from what is on the portal already."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories

from ckanext.inventory.model import Link, Record, event
from ckanext.inventory.service import register
from tests.logic.city import City, events_of, make_city
from tests.support import make_organization


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def _dataset(owner: Any, title: str = "Street trees", **fields: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "title": title,
        "owner_org": owner.id,
        "notes": "Every tree the city plants.",
        "license_id": "cc-by",
        "maintainer": "Parks desk",
        "maintainer_email": "parks@larkhaven.example",
        "tags": [{"name": "trees"}, {"name": "parks"}],
        "extras": [
            {"key": "update_frequency", "value": "Weekly"},
            {"key": "theme", "value": "Energy and environment"},
            {"key": "temporal_start", "value": "2015"},
        ],
        "resources": [{"url": "https://data.larkhaven.example/trees.csv", "format": "CSV"}],
        **fields,
    }
    return factories.Dataset(**values)


def _take(city: City, user: Any = None, **data: Any) -> dict[str, Any]:
    return city.do(user or city.cdo, "inventory_take_over_portal", **data)


def test_the_list_knows_what_is_not_in_the_inventory(city: City) -> None:
    _dataset(city.parks)
    _dataset(city.water, "Wells")
    _dataset(city.water, "Draft wells", private=True)
    found = city.do(city.cdo, "inventory_portal_missing")
    assert {row["title"] for row in found["results"]} == {"Street trees", "Wells"}
    assert found["count"] == 2
    found = city.do(city.cdo, "inventory_portal_missing", organization=city.parks.name)
    assert [row["title"] for row in found["results"]] == ["Street trees"]
    assert city.do(city.cdo, "inventory_portal_missing", q="well")["count"] == 1


def test_looking_first_makes_nothing(city: City) -> None:
    _dataset(city.parks)
    shown = _take(city, all=True, dry_run=True)
    assert (shown["count"], shown["dry_run"]) == (1, True)
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Record)) == 0


def test_entries_say_what_the_datasets_say(city: City) -> None:
    dataset = _dataset(city.parks)
    done = _take(city, all=True)
    [row] = done["rows"]
    assert (row["number"], row["left_out"]) == ("PARKS-0001", {})
    entry = city.do(city.cdo, "inventory_entry_show", id="PARKS-0001")
    assert entry["state"] == "published"
    content = entry["content"]
    assert {
        name: content.get(name)
        for name in (
            "title",
            "notes",
            "license_id",
            "keywords",
            "public_contact_name",
            "public_contact_email",
            "change_frequency",
            "category",
            "earliest_records",
            "existing_publication",
            "blocker_status",
        )
    } == {
        "title": "Street trees",
        "notes": "Every tree the city plants.",
        "license_id": "cc-by",
        "keywords": ["parks", "trees"],
        "public_contact_name": "Parks desk",
        "public_contact_email": "parks@larkhaven.example",
        "change_frequency": "weekly",
        "category": "energy_and_environment",
        "earliest_records": "2015",
        "existing_publication": ["open_data_portal"],
        "blocker_status": "none",
    }
    assert content["existing_publication_url"][0].endswith(f"/dataset/{dataset['name']}")


def test_it_was_decided_before_this_system_and_by_nobody_here(city: City) -> None:
    _dataset(city.parks)
    done = _take(city, all=True)
    record = model.Session.get(Record, done["rows"][0]["id"])
    assert record is not None
    assert (record.approved_revision, record.approved_by, record.submitted_by) == (1, None, None)
    assert record.approved_hash == record.material_hash
    assert events_of(done["rows"][0]) == ["take_over"]
    acts = [row.act for row in model.Session.execute(sa.select(event.c.act))]
    assert acts == ["take_over"]
    history = city.do(city.cdo, "inventory_history", id="PARKS-0001")
    assert history[0]["to_state"] == "published"
    assert history[0]["details"]["before_this_system"] is True
    assert city.do(city.cdo, "inventory_home")["came_back"] == []
    assert register.rebuild(model.Session()) == 0


def test_the_link_is_a_link_and_the_dataset_stays_as_it_was(city: City) -> None:
    dataset = _dataset(city.parks)
    before = tk.get_action("package_show")({"ignore_auth": True}, {"id": dataset["id"]})
    done = _take(city, all=True)
    link = model.Session.get(Link, done["rows"][0]["id"])
    assert link is not None
    assert (link.mode, link.dataset_id, link.copied) == ("linked", dataset["id"], {})
    assert tk.get_action("package_show")({"ignore_auth": True}, {"id": dataset["id"]}) == before
    assert city.do(city.cdo, "inventory_drift", id="PARKS-0001")["differences"] == []


def test_taking_over_again_takes_over_only_what_is_new(city: City) -> None:
    _dataset(city.parks)
    assert _take(city, all=True)["count"] == 1
    assert _take(city, all=True)["count"] == 0
    later = _dataset(city.parks, "Benches")
    assert city.do(city.cdo, "inventory_portal_missing")["count"] == 1
    assert _take(city, datasets=[later["name"]])["rows"][0]["number"] == "PARKS-0002"


def test_one_organization_or_a_department_of_choice(city: City) -> None:
    portal = make_organization("city-portal", title="City portal")
    _dataset(portal)
    _dataset(city.water, "Wells")
    done = _take(city, organizations=[portal.name], department=city.parks.name)
    assert [row["department_title"] for row in done["rows"]] == ["Parks"]


def test_what_was_made_by_promotion_is_no_news(city: City) -> None:
    entry = city.approved()
    city.step(
        city.cdo, entry, "promote", publication={"metadata_only": True, "license_id": "cc-by"}
    )
    assert city.do(city.cdo, "inventory_portal_missing")["count"] == 0


def test_an_edit_sends_it_to_review_like_any_other(city: City) -> None:
    _dataset(city.parks)
    done = _take(city, all=True)
    shown = city.do(city.sysadmin, "package_show", id=done["rows"][0]["id"])
    city.do(
        city.cdo,
        "inventory_entry_patch",
        id="PARKS-0001",
        notes="Something else entirely.",
        revision=shown["revision"],
        source_known="not_known_yet",
        value="high",
        classification="public",
    )
    listed = city.do(city.cdo, "inventory_entry_list", attention="changed")
    assert [row["number"] for row in listed["results"]] == ["PARKS-0001"]


def test_entries_stay_private_in_search(city: City) -> None:
    """Leaks L3, L12-L15 through this write path."""
    _dataset(city.parks)
    done = _take(city, all=True)
    package = model.Package.get(done["rows"][0]["id"])
    assert package is not None
    assert (package.private, package.name.startswith("inventory-")) == (True, True)
    search = tk.get_action("package_search")
    hits = search({"user": "", "ignore_auth": False}, {"q": "trees"})["results"]
    assert [hit["type"] for hit in hits] == ["dataset"]
    with pytest.raises(tk.ObjectNotFound):
        city.do(city.editor, "package_show", id=package.id)


def test_only_a_cdo_takes_over(city: City) -> None:
    _dataset(city.parks)
    for user in (city.coordinator, city.reviewer, city.viewer, city.editor):
        with pytest.raises(tk.NotAuthorized):
            _take(city, user, all=True)
        with pytest.raises(tk.NotAuthorized):
            city.do(user, "inventory_portal_missing")
