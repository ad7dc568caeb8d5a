"""Each guard of harvest switched off in turn: the probe that it is there for has to notice."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.inventory.harvesters import fetching, plugin, stages
from ckanext.inventory.harvesters.problems import CatalogueError
from ckanext.inventory.service import candidates, facts
from tests.harvest.conftest import Catalogue, record
from tests.harvest.harvesting import entries, run, source
from tests.harvest.test_private import SECRETS, ask, harvested
from tests.logic.city import City
from tests.support import context

pytestmark = pytest.mark.long

__all__ = ["harvested"]


def told(person: str, action: str, **data: Any) -> bool:
    sent = str(data)
    return any(word in ask(person, action, data) and word not in sent for word in SECRETS)


def test_without_labels_of_its_own_a_source_shows_to_its_organization(
    city: City, harvested: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not told("water-member", "package_show", id=harvested["source"])
    monkeypatch.setattr(candidates, "is_source", lambda *given: False)
    assert told("water-member", "package_show", id=harvested["source"])


def test_without_the_rule_of_who_runs_it_an_admin_reads_the_report(
    city: City, harvested: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not told("water-admin", "harvest_job_report", id=harvested["job"])
    monkeypatch.setattr(plugin, "_is_cdo", lambda context: True)
    assert told("water-admin", "harvest_job_report", id=harvested["job"])


@pytest.mark.parametrize("action", ["package_create", "package_delete", "package_update"])
def test_without_the_rule_of_who_sets_it_up_an_admin_does(
    city: City, harvested: dict[str, str], monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    given: dict[str, dict[str, Any]] = {
        "package_create": {
            "type": "harvest",
            "url": "https://data.larkhaven.example/data.json",
            "name": "mine",
            "source_type": candidates.SOURCE_TYPE,
            "owner_org": city.water.id,
            "config": '{"default_department": "PARKS"}',
        },
        "package_delete": {"id": harvested["source"]},
        "package_update": {"id": harvested["source"]},
    }

    def attempt() -> bool:
        admin = model.User.get("water-admin")
        try:
            tk.check_access(action, context(admin), dict(given[action]))
        except tk.NotAuthorized:
            return False
        return True

    assert not attempt()
    monkeypatch.setattr(plugin, "_is_cdo", lambda context: True)
    assert attempt()


def test_without_the_lock_a_source_is_public(
    city: City, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin.InventoryHarvestPlugin, "_lock", staticmethod(lambda entity: None))
    made = model.Package.get(source(city, catalogue.datasets(record(1)), private=False))
    assert made is not None
    assert not made.private


def test_without_the_rule_on_addresses_the_own_network_is_read(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = catalogue.put("/", "inside")
    limits = fetching.Limits(silence=5)
    with pytest.raises(CatalogueError):
        fetching.get(url, limits)
    monkeypatch.setattr(fetching, "is_public", lambda address: True)
    assert fetching.get(url, limits) == b"inside"


def test_without_emptying_objects_keep_what_they_held(
    city: City, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settle(session: Any, leader: Any, *rest: Any) -> None:
        leader.state = "COMPLETE"

    monkeypatch.setattr(stages, "_settle", settle)
    run(source(city, catalogue.datasets(record(1, title="qzxtitle"))))
    kept = model.Session.scalar(sa.text("SELECT string_agg(content, '') FROM harvest_object"))
    assert "qzxtitle" in str(kept)


def test_without_looking_whether_it_was_touched_a_harvest_overwrites(
    city: City, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    harvest = source(city, catalogue.datasets(record(1)))
    run(harvest)
    number = entries()[0].number
    city.do(city.coordinator, "inventory_entry_patch", id=number, title="Our words")

    def everything(session: Any, rows: Any) -> Any:
        return facts.records(session, [row.entry_id for row in rows if row.entry_id], lock=True)

    catalogue.datasets(record(1, title="Theirs"))
    monkeypatch.setattr(candidates, "_untouched", everything)
    assert run(harvest) == {"updated": 1}
    assert entries()[0].title == "Theirs"
