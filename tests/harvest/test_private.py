"""Sources of candidates, their jobs, objects and errors are for those who decide (leak L28)."""

from __future__ import annotations

import contextlib
import json
import logging
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import CKANTestApp

from tests.harvest.conftest import Catalogue, record
from tests.harvest.harvesting import entries, last_job, run, source
from tests.logic.city import City
from tests.support import context, headers, make_member, make_token, make_user

SECRETS = ("qzxurl", "qzxtitle", "qzxpublisher", "qzxguid", "qzxbroken")
"""Words of a source, its settings, its records and its errors."""


@pytest.fixture
def harvested(city: City, catalogue: Catalogue) -> dict[str, str]:
    """A source that was harvested, in an organization with members of every capacity."""
    for capacity in ("member", "editor", "admin"):
        make_member(make_user(f"water-{capacity}"), city.water, capacity)
    made = catalogue.put(
        "/qzxurl.json",
        {
            "dataset": [
                record(1, identifier="qzxguid", publisher={"name": "qzxpublisher"}),
                record(2, identifier="qzxbroken", title=""),
            ]
        },
    )
    settings = {"departments": {"qzxpublisher": "PARKS"}}
    harvest = source(city, made, settings, title="qzxtitle catalogue", private=False)
    assert run(harvest) == {"added": 1, "errored": 1}
    objects = dict(
        model.Session.execute(sa.text("SELECT guid, id FROM harvest_object")).tuples().all()
    )
    return {
        "source": harvest,
        "name": "larkhaven-open-data",
        "job": last_job(harvest).id,
        "object": objects["qzxguid"],
        "broken": objects["qzxbroken"],
        "entry": entries()[0].package_id,
    }


READING: list[tuple[str, dict[str, Any]]] = [
    ("package_show", {"id": "{source}"}),
    ("package_show", {"id": "{name}"}),
    ("package_search", {"fq": "dataset_type:harvest", "include_private": True}),
    ("package_search", {"q": "qzxtitle", "include_private": True}),
    ("organization_show", {"id": "organization", "include_datasets": True}),
    ("harvest_source_show", {"id": "{source}"}),
    ("harvest_source_show", {"url": "{url}"}),
    ("harvest_source_show_status", {"id": "{source}"}),
    ("harvest_source_list", {}),
    ("harvest_job_list", {"source_id": "{source}"}),
    ("harvest_job_show", {"id": "{job}"}),
    ("harvest_job_report", {"id": "{job}"}),
    ("harvest_object_list", {}),
    ("harvest_object_list", {"source_id": "{source}", "only_current": False}),
    ("harvest_object_show", {"id": "{object}"}),
    ("harvest_object_show", {"id": "{broken}"}),
    ("harvest_object_show", {"id": "qzxguid", "attr": "guid"}),
    ("harvest_object_show", {"dataset_id": "{entry}"}),
    ("harvest_log_list", {}),
]

OUTSIDERS = ("", "viewer", "parks-coordinator", "water-member", "water-editor", "water-admin")


def ask(name: str, action: str, data: dict[str, Any]) -> str:
    """What an action tells somebody, its errors included."""
    user = model.User.get(name) if name else None
    try:
        found = tk.get_action(action)(context(user), dict(data))
    except Exception as error:  # noqa: BLE001 - whatever it says is what is told
        model.Session.rollback()
        return str(error)
    return json.dumps(found, default=str)


def fill(data: dict[str, Any], harvested: dict[str, str], city: City, url: str) -> dict[str, Any]:
    values = {**harvested, "url": url}
    return {
        key: (city.water.id if value == "organization" else value.format(**values))
        if isinstance(value, str)
        else value
        for key, value in data.items()
    }


@pytest.mark.parametrize("person", OUTSIDERS)
def test_no_action_tells_of_a_source(
    city: City, harvested: dict[str, str], catalogue: Catalogue, person: str
) -> None:
    url = f"{catalogue.url}/qzxurl.json"
    leaks: set[str] = set()
    for action, data in READING:
        asked = fill(data, harvested, city, url)
        told = ask(person, action, asked)
        sent = json.dumps(asked)
        leaks |= {
            f"{action} {asked}: {word}" for word in SECRETS if word in told and word not in sent
        }
        if harvested["object"] in told and harvested["object"] not in sent:
            leaks.add(f"{action}: the object")
    assert not leaks, "\n".join(sorted(leaks))


@pytest.mark.parametrize("person", ["cdo", "admin"])
def test_those_who_decide_see_the_report(
    city: City, harvested: dict[str, str], catalogue: Catalogue, person: str
) -> None:
    url = f"{catalogue.url}/qzxurl.json"
    told = "".join(
        ask(person, action, fill(data, harvested, city, url)) for action, data in READING
    )
    assert all(word in told for word in SECRETS)


PAGES = (
    "/harvest/",
    "/harvest/{name}",
    "/harvest/about/{name}",
    "/harvest/admin/{name}",
    "/harvest/edit/{name}",
    "/harvest/{name}/job",
    "/harvest/{name}/job/last",
    "/harvest/{name}/job/{job}",
    "/harvest/object/{object}",
    "/dataset/harvest_object/{entry}",
    "/dataset/{name}",
    "/dataset/?q=qzxtitle",
    "/organization/{organization}",
)


@pytest.mark.parametrize("person", ["", "parks-coordinator", "water-admin"])
def test_no_page_tells_of_a_source(
    city: City, harvested: dict[str, str], client: CKANTestApp, person: str
) -> None:
    sent = headers(model.User.get(person)) if person else {}
    leaks: set[str] = set()
    for pattern in PAGES:
        asked = pattern.format(**harvested, organization=city.water.name)
        answer = client.get(asked, headers=sent)
        leaks |= {
            f"{asked}: {word}"
            for word in SECRETS
            if word in answer.get_data(as_text=True) and word not in asked
        }
    assert not leaks, "\n".join(sorted(leaks))


def test_pages_of_a_source_answer_for_those_who_run_it(
    city: City, harvested: dict[str, str], client: CKANTestApp
) -> None:
    sent = headers(city.sysadmin)
    for pattern in PAGES[:9]:
        asked = pattern.format(**harvested, organization=city.water.name)
        answer = client.get(asked, headers=sent)
        assert answer.status_code == 200, asked


def test_a_source_stays_private_whatever_is_sent(city: City, harvested: dict[str, str]) -> None:
    def private() -> bool:
        model.Session.expire_all()
        package = model.Package.get(harvested["source"])
        assert package is not None
        return bool(package.private)

    assert private()
    city.do(
        city.sysadmin,
        "harvest_source_update",
        id=harvested["source"],
        name=harvested["name"],
        title="qzxtitle catalogue",
        url="https://data.larkhaven.example/data.json",
        source_type="inventory_candidates",
        owner_org=city.water.id,
        config='{"default_department": "PARKS"}',
        private="False",
    )
    assert private()
    with contextlib.suppress(tk.ValidationError):  # harvest's schema refuses it by itself
        city.do(
            city.sysadmin,
            "bulk_update_public",
            datasets=[harvested["source"]],
            org_id=city.water.id,
        )
    model.Session.rollback()
    assert private()


@pytest.mark.parametrize("person", ["water-admin", "water-editor", "water-coordinator", "viewer"])
def test_only_those_who_decide_set_up_change_run_or_clear_a_source(
    city: City, harvested: dict[str, str], person: str
) -> None:
    """A source writes drafts into any department: being an organization's admin is not enough."""
    user = model.User.get(person)
    given = {
        "url": "https://data.larkhaven.example/data.json",
        "name": "mine",
        "title": "Mine",
        "source_type": "inventory_candidates",
        "owner_org": city.water.id,
        "config": '{"default_department": "PARKS"}',
    }
    plain = {**given, "name": "plain", "source_type": "inventory_candidates", "type": "harvest"}
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("harvest_source_create", given),
        ("package_create", plain),
        ("harvest_source_update", {**given, "id": harvested["source"]}),
        ("package_patch", {"id": harvested["source"], "title": "Mine"}),
        ("harvest_source_delete", {"id": harvested["source"]}),
        ("package_delete", {"id": harvested["source"]}),
        ("harvest_job_create", {"source_id": harvested["source"]}),
        ("harvest_source_clear", {"id": harvested["source"]}),
        ("harvest_source_job_history_clear", {"id": harvested["source"]}),
    ]
    for action, data in attempts:
        with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
            tk.get_action(action)(context(user), dict(data))
        model.Session.rollback()
    assert make_token(user)


def test_another_kind_of_source_does_not_become_one(
    city: City, harvested: dict[str, str], catalogue: Catalogue
) -> None:
    """An organization's admin may have sources of other harvesters, but not turn them into ours."""
    admin = model.User.get("water-admin")
    assert admin is not None
    made = tk.get_action("package_create")(
        context(admin), {"name": "plain", "title": "Plain", "owner_org": city.water.id}
    )
    model.Session.execute(
        sa.text("UPDATE package SET type = 'harvest' WHERE id = :id"), {"id": made["id"]}
    )
    model.Session.commit()
    with pytest.raises(tk.NotAuthorized):
        tk.get_action("package_update")(
            context(admin),
            {
                "id": made["id"],
                "name": "plain",
                "url": "https://data.larkhaven.example/data.json",
                "source_type": "inventory_candidates",
                "owner_org": city.water.id,
                "config": '{"default_department": "PARKS"}',
            },
        )


def test_the_index_document_of_a_candidate_knows_no_source(
    city: City, harvested: dict[str, str]
) -> None:
    from ckan.lib.search.common import make_connection

    found = make_connection().search(f"id:{harvested['entry']}", rows=1)
    [document] = list(found)
    assert "harvest" not in json.dumps(document, default=str)


def test_our_log_names_ids_only(
    city: City,
    catalogue: Catalogue,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # the configuration of the tests switches off what was imported before it
    logger = logging.getLogger("ckanext.inventory.harvesters.stages")
    monkeypatch.setattr(logger, "disabled", False)
    harvest = source(city, catalogue.datasets(record(1, title="qzxtitle")))
    with caplog.at_level("DEBUG", logger="ckanext.inventory"):
        run(harvest)
        catalogue.put("/data.json", "qzxbroken")
        run(harvest)
    ours = [each.getMessage() for each in caplog.records if "inventory" in each.name]
    assert ours
    assert not [line for line in ours if "qzx" in line]
