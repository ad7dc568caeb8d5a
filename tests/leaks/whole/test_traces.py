"""What is left behind elsewhere: activities, harvests, visits, logs, queues (L17, L28-L33, L38)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from ckan.tests.helpers import CKANTestApp

from tests.leaks.city import City
from tests.leaks.pages import get
from tests.leaks.probes import call

ACTIVITY_TYPES = (
    "new package",
    "changed package",
    "deleted package",
    "new resource view",
    "changed resource view",
    "follow dataset",
    "new user",
    "zq something",
)


def activities(city: City) -> set[str]:
    """Words of the city in core's activity tables."""
    rows = model.Session.execute(
        sa.text("SELECT activity::text FROM activity WHERE object_id <> :org"), {"org": city.a.id}
    )
    return {str(each) for row in rows for each in city.words.found(row[0])}


def allowed_in_activities(city: City) -> set[str]:
    """Public words of what was promoted or prepared: those datasets have activities of their own."""
    return {
        str(each)
        for key in ("published", "preparing")
        for each in city.words.of(key)
        if each.public
    }


def test_l17_no_act_on_an_entry_left_an_activity(whole_city: City) -> None:
    assert not activities(whole_city) - allowed_in_activities(whole_city)


@pytest.mark.parametrize("activity_type", ACTIVITY_TYPES)
def test_l17b_not_even_a_sysadmin_writes_one(whole_city: City, activity_type: str) -> None:
    city = whole_city
    before = activities(city)
    user = city.people["sysadmin"]
    assert user is not None
    draft, purged = city.records["draft"], city.records["purged"]
    for about in (
        {"object_id": draft.id},
        {"object_id": draft.name},
        {"object_id": purged.id},
        {"object_id": user.id, "data": {"package": {"type": "inventory_entry", "title": "zqx"}}},
        {"object_id": user.id, "data": {"package": {"id": draft.id}}},
        {"object_id": user.id, "data": {"package_id": draft.id}},
    ):
        data = {"user_id": user.id, "activity_type": activity_type, **about}
        try:
            assert tk.get_action("activity_create")(city.context("sysadmin"), data) is None
        except tk.ValidationError:
            model.Session.rollback()
    assert activities(city) == before


def test_l17_activities_of_ordinary_datasets_are_still_written(whole_city: City) -> None:
    city = whole_city
    made = city.act("sysadmin", "package_create", name="zq-active", owner_org=city.b.id)
    count = model.Session.scalar(
        sa.text("SELECT count(*) FROM activity WHERE object_id = :id"), {"id": made["id"]}
    )
    assert count == 1


@pytest.mark.parametrize("person", ["anonymous", "a_admin", "former_coordinator"])
def test_l17c_no_detail_of_an_activity_tells_anything(whole_city: City, person: str) -> None:
    city = whole_city
    ids = model.Session.scalars(sa.text("SELECT id FROM activity")).all()
    for activity_id in ids:
        for action, data in (
            ("activity_show", {"id": activity_id, "include_data": True}),
            ("activity_data_show", {"id": activity_id}),
            ("activity_diff", {"id": activity_id, "object_type": "package"}),
        ):
            found = {str(each) for each in city.words.found(call(city, person, action, data).text)}
            assert not found - allowed_in_activities(city)


def test_l17d_the_digest_of_a_former_coordinator_is_clean(whole_city: City) -> None:
    city = whole_city
    answer = call(city, "former_coordinator", "dashboard_activity_list", {"limit": 100})
    assert not {str(e) for e in city.words.found(answer.text)} - allowed_in_activities(city)


# harvest


HARVEST_ACTIONS = (
    ("harvest_object_show", {"id": "{became}"}),
    ("harvest_object_show", {"id": "{waiting}"}),
    ("harvest_object_show", {"id": "zz", "attr": "guid"}),
    ("harvest_object_show", {"dataset_id": "{entry}"}),
    ("harvest_object_list", {}),
    ("harvest_object_list", {"source_id": "{source}", "only_current": False}),
    ("harvest_source_list", {}),
    ("harvest_source_show", {"id": "{source}"}),
    ("harvest_source_show_status", {"id": "{source}"}),
    ("harvest_job_list", {"source_id": "{source}"}),
    ("harvest_log_list", {}),
)


@pytest.mark.parametrize("person", ["anonymous", "nobody", "b_coordinator", "a_member"])
@pytest.mark.parametrize(("action", "data"), HARVEST_ACTIONS)
def test_l28_harvested_content_is_for_those_who_see_what_came_of_it(
    whole_city: City, harvested: dict[str, str], person: str, action: str, data: dict[str, Any]
) -> None:
    asked = {
        key: value.format(**harvested) if isinstance(value, str) else value
        for key, value in data.items()
    }
    answer = call(whole_city, person, action, asked)
    assert not whole_city.words.found(answer.text)
    assert harvested["became"] not in answer.text
    assert harvested["waiting"] not in answer.text


@pytest.mark.parametrize(
    "address",
    ["/dataset/harvest_object/{became}", "/harvest/object/{became}", "/harvest/object/{waiting}"],
)
def test_l28_the_pages_of_harvested_objects_are_shut(
    whole_city: City, harvested: dict[str, str], client: CKANTestApp, address: str
) -> None:
    answer = get(client, whole_city, "anonymous", address.format(**harvested))
    assert answer.status_code in (403, 404)
    assert not whole_city.words.found(answer.body)


def test_l28_a_coordinator_sees_what_became_of_the_entry(
    whole_city: City, harvested: dict[str, str]
) -> None:
    shown = whole_city.act("coordinator", "harvest_object_show", id=harvested["became"])
    assert "zqx" in shown["content"]
    assert whole_city.act("coordinator", "harvest_object_list") == [harvested["became"]]


def test_l28_those_who_may_still_get_what_they_ask_for(
    whole_city: City, harvested: dict[str, str]
) -> None:
    """Chaining an action makes core insist on an authorisation that the plugin never asks for."""
    sources = whole_city.act("sysadmin", "harvest_source_list")
    assert [each["id"] for each in sources] == [harvested["source"]]
    assert "zqx" in sources[0]["config"]
    for action in ("harvest_source_show", "harvest_source_show_status", "harvest_object_show"):
        key = "became" if action == "harvest_object_show" else "source"
        assert whole_city.act("sysadmin", action, id=harvested[key])


@pytest.fixture(scope="module")
def catalogue(whole_city: City) -> Iterator[dict[str, str]]:
    """A source of candidates with a job, an object without an entry's id, and errors."""
    if not p.plugin_loaded("inventory_harvest"):
        pytest.skip("the plugin inventory_harvest is not installed")
    from ckanext.harvest.model import (
        HarvestGatherError,
        HarvestJob,
        HarvestObject,
        HarvestObjectError,
        HarvestSource,
    )

    city, words = whole_city, whole_city.words
    made = city.act(
        "sysadmin",
        "harvest_source_create",
        name="zq-catalogue",
        title=words.make("catalogue title", "catalogue"),
        url=f"https://{words.make('catalogue url', 'catalogue')}.example.org/data.json",
        source_type="inventory_candidates",
        owner_org=city.a.id,
        private=False,
        config=f'{{"departments": {{"{words.make("publisher", "catalogue")}": "{city.a.id}"}}}}',
    )
    source = HarvestSource.get(made["id"])
    job = HarvestJob(source=source, status="Finished")
    brought = HarvestObject(
        guid=words.make("record", "catalogue"),
        content="{}",
        job=job,
        source=source,
        current=True,
        state="COMPLETE",
    )
    told = words.make("catalogue error", "catalogue")
    rows = [
        job,
        brought,
        HarvestObjectError(object=brought, message=told, stage="Import"),
        HarvestGatherError(job=job, message=told),
    ]
    model.Session.add_all(rows)
    model.Session.commit()
    yield {"source": source.id, "name": "zq-catalogue", "job": job.id, "object": brought.id}
    model.Session.rollback()
    for table in ("object_error", "gather_error", "object", "job", "source"):
        model.Session.execute(sa.text(f"DELETE FROM harvest_{table}"))
    model.Session.commit()


CATALOGUE_ACTIONS = (
    ("package_show", {"id": "{source}"}),
    ("package_search", {"fq": "dataset_type:harvest", "include_private": True}),
    ("harvest_source_show", {"id": "{name}"}),
    ("harvest_source_show_status", {"id": "{source}"}),
    ("harvest_source_list", {}),
    ("harvest_job_list", {"source_id": "{source}"}),
    ("harvest_job_show", {"id": "{job}"}),
    ("harvest_job_report", {"id": "{job}"}),
    ("harvest_object_show", {"id": "{object}"}),
    ("harvest_object_list", {"source_id": "{source}", "only_current": False}),
)


@pytest.mark.parametrize("person", ["anonymous", "b_coordinator", "a_member", "a_admin", "viewer"])
@pytest.mark.parametrize(("action", "data"), CATALOGUE_ACTIONS)
def test_l28_a_source_of_candidates_is_for_those_who_decide(
    whole_city: City, catalogue: dict[str, str], person: str, action: str, data: dict[str, Any]
) -> None:
    asked = {
        key: value.format(**catalogue) if isinstance(value, str) else value
        for key, value in data.items()
    }
    answer = call(whole_city, person, action, asked)
    assert not {each for each in whole_city.words.found(answer.text) if each.owner == "catalogue"}
    if catalogue["object"] not in str(asked):
        assert catalogue["object"] not in answer.text
    seen = call(whole_city, "cdo", action, asked).text
    control = action in ("package_show", "harvest_source_show", "harvest_job_report")
    assert not control or whole_city.words.found(seen)


@pytest.mark.parametrize(
    "address",
    [
        "/harvest/",
        "/harvest/{name}",
        "/harvest/about/{name}",
        "/harvest/{name}/job",
        "/harvest/{name}/job/{job}",
        "/harvest/object/{object}",
        "/dataset/{name}",
    ],
)
@pytest.mark.parametrize("person", ["anonymous", "a_admin"])
def test_l28_its_pages_are_shut(
    whole_city: City, catalogue: dict[str, str], client: CKANTestApp, address: str, person: str
) -> None:
    answer = get(client, whole_city, person, address.format(**catalogue))
    assert not {each for each in whole_city.words.found(answer.body) if each.owner == "catalogue"}


# data store, statistics, visits, jobs


def test_l29_the_table_of_tables_names_no_resource_of_ours(whole_city: City) -> None:
    if not p.plugin_loaded("datastore"):
        pytest.skip("no data store: set CKAN_DATASTORE_WRITE_URL and CKAN_DATASTORE_READ_URL")
    answer = call(whole_city, "anonymous", "datastore_search", {"resource_id": "_table_metadata"})
    assert not whole_city.words.found(answer.text)


def test_l31_statistics_count_but_hold_no_word(whole_city: City, client: CKANTestApp) -> None:
    page = get(client, whole_city, "anonymous", "/stats")
    assert page.status_code == 200
    found = {str(each) for each in whole_city.words.found(page.body)}
    assert not found - allowed_in_activities(whole_city)


def test_l32_visits_tell_nothing_but_opaque_names(whole_city: City, client: CKANTestApp) -> None:
    city = whole_city
    draft = city.records["draft"]
    address = f"/dataset/{draft.name}"
    client.post("/_tracking", data={"url": address, "type": "page"}, expect_errors=True)
    get(client, city, "coordinator", address)
    get(client, city, "coordinator", f"/inventory/entries/{draft.number}")
    rows = model.Session.execute(sa.text("SELECT tracking_raw::text FROM tracking_raw")).all()
    told = {each.place for row in rows for each in city.words.found(row[0])}
    assert told <= {"name", "number"}
    answer = call(city, "anonymous", "package_show", {"id": draft.name})
    assert not answer.ok


def test_l33_no_task_status_is_kept(whole_city: City) -> None:
    count = model.Session.scalar(sa.text("SELECT count(*) FROM task_status"))
    assert count == 0


def test_l38_logs_and_queues_hold_ids_at_most(
    whole_city: City, client: CKANTestApp, caplog: pytest.LogCaptureFixture
) -> None:
    city = whole_city
    caplog.set_level(logging.INFO)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("ckanext.inventory"):
            caplog.set_level(logging.DEBUG, logger=name)
    draft = city.records["draft"]
    for person in ("coordinator", "a_admin"):
        get(client, city, person, f"/inventory/entries/{draft.number}")
        call(city, person, "inventory_entry_show", {"id": draft.number})
        call(city, person, "inventory_comment", {"id": draft.number, "text": "words"})
        call(city, person, "inventory_entry_patch", {"id": draft.number, "notes": "words"})
    told = {each.place for each in city.words.found(caplog.text)}
    assert told <= {"id", "name", "number"}
    redis = connect_to_redis()
    for key in redis.scan_iter("*"):
        kind = redis.type(key)
        values = {
            b"string": lambda key: [redis.get(key)],
            b"hash": redis.hvals,
            b"list": lambda key: redis.lrange(key, 0, -1),
            b"set": redis.smembers,
        }.get(kind, lambda key: [])(key)
        for value in values:
            found = city.words.found(bytes(value or b"").decode("utf-8", "replace"))
            assert {each.place for each in found} <= {"id", "name", "number"}


def test_l40_the_public_side_holds_public_words_only(whole_city: City) -> None:
    city = whole_city
    name = city.records["published"].dataset
    for action, data in (
        ("package_show", {"id": name}),
        ("package_show", {"id": name, "use_default_schema": True}),
        ("package_search", {"q": f"name:{name}"}),
        ("package_activity_list", {"id": name}),
    ):
        found = city.words.found(call(city, "anonymous", action, data).text)
        assert {each for each in found if not (each.owner == "published" and each.public)} == set()
