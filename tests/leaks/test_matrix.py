"""The plugin alone and with each optional one; editors as coordinators on and off.

Long: before a release, and at each upgrade of CKAN. What the sweep of the whole city asks of one
site, a few people ask here of many.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import ckan.plugins as p
import pytest
from ckan import logic, model
from ckan.common import config
from ckan.lib import search
from ckan.lib.search.common import make_connection
from ckan.tests.helpers import _get_test_app

from tests.ckan_fixtures import Database, Index, Site, empty_event_tables
from tests.leaks import city as building
from tests.leaks import probes
from tests.leaks.city import City
from tests.leaks.pages import text_of
from tests.leaks.routes import address, ask, leaks_of, of_packages, rules
from tests.leaks.sentinels import flat
from tests.leaks.whole.conftest import datastore_configured

pytestmark = pytest.mark.long

VIEWS = ("resource_proxy", "text_view", "image_view", "audio_view", "video_view", "webpage_view")
LANGUAGES = (
    "multilingual_dataset",
    "multilingual_group",
    "multilingual_resource",
    "multilingual_tag",
)
STORE = ("datastore", "datapusher", "datatables_view", "tabledesigner")
EVERY = ("activity", "stats", "tracking", "harvest", "expire_api_token", *VIEWS, *LANGUAGES)

SETS: dict[str, tuple[str, ...]] = {
    "alone": (),
    "activity": ("activity",),
    "stats": ("stats",),
    "tracking": ("tracking",),
    "harvest": ("harvest",),
    "candidates": ("harvest", "inventory_harvest"),
    "views": VIEWS,
    "languages": LANGUAGES,
    "tokens": ("expire_api_token",),
    "store": STORE,
    "all": (*EVERY, *STORE),
}

WITH_TABLES = ("activity", "tracking", "harvest")


@pytest.fixture(scope="module", params=SETS)
def matrix_city(
    request: pytest.FixtureRequest,
    _site: Site,
    _database: Database,
    _index: Index,
    reset_db: Callable[[], None],
    migrate_db_for: Callable[..., None],
) -> Iterator[City]:
    """A small city on a site with just these plugins."""
    wanted = list(SETS[request.param])
    if not datastore_configured():
        if request.param == "store":
            pytest.skip("no data store: set CKAN_DATASTORE_WRITE_URL and CKAN_DATASTORE_READ_URL")
        wanted = [name for name in wanted if name not in STORE]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(config, "ckan.plugins", ["inventory", "scheming_datasets", *wanted])
        patch.setitem(config, "ckan.harvest.mq.type", "redis")
        patch.setitem(config, "ckan.datapusher.api_token", "none")
        patch.setitem(config, "ckan.datapusher.url", "http://127.0.0.1:1")
        _site.load_others(_get_test_app)
        assert all(p.plugin_loaded(name) for name in wanted)
        reset_db()
        migrate_db_for("inventory")
        for name in set(WITH_TABLES).intersection(wanted):
            migrate_db_for(name)
        empty_event_tables()
        search.clear_all()
        made = City()
        building.build_people(made)
        for key in ("unassigned", "draft"):
            building.create(
                made,
                key,
                blocker_status="some",
                release_blockers=[building.blocker(made, key)],
            )
        building.end_roles(made)
        building.make_tokens(made)
        yield made
        model.Session.remove()
        _site.unload_others()
    _database._pristine = False
    _index.clear()


@pytest.fixture
def site(matrix_city: City, _site: Site) -> Site:
    """The site that the city stands on."""
    return _site


def found(city: City, person: str) -> set[str]:
    """Ask every reading action what everybody asks, and tell where words came."""
    asked = [*probes.few(city), {"id": city.records["draft"].id}]
    asked.append({"fq": "dataset_type:inventory_entry", "include_private": True})
    return {
        f"{action} {data}: {sentinel}"
        for action in probes.reading_actions()
        for data in asked
        for sentinel in city.words.found(probes.call(city, person, action, data).text)
        - city.words.found(str(data))
        if action != "inventory_directory" or person == "coordinator"
    }


def test_outsiders_find_nothing_with_any_set_of_plugins(matrix_city: City) -> None:
    for person in ("anonymous", "a_member", "a_admin"):
        assert not found(matrix_city, person), person


def test_a_coordinator_finds_everything_with_any_set_of_plugins(matrix_city: City) -> None:
    told = " ".join(found(matrix_city, "coordinator"))
    missing = [str(each) for each in matrix_city.words.of("draft") if each.token not in told]
    assert not missing


@pytest.mark.parametrize(
    ("person", "expected"), [("a_editor", True), ("a_member", False), ("b_admin", False)]
)
def test_editors_are_coordinators_only_where_the_option_says_so(
    matrix_city: City, person: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not found(matrix_city, person)
    monkeypatch.setitem(config, "ckanext.inventory.editors_are_coordinators", True)
    assert bool(found(matrix_city, person)) == expected


def test_no_page_tells_a_word_or_fails_with_any_set_of_plugins(
    matrix_city: City, site: Site
) -> None:
    city = matrix_city
    told: set[str] = set()
    for rule in rules(site):
        asked = address(rule, city, city.records["draft"].id)
        answer = ask(site.client(), city, asked)
        told |= leaks_of(city, "anonymous", asked, text_of(answer))
        if answer.status_code >= 500 and of_packages(rule):
            told.add(f"{asked}: {answer.status_code}")
    assert not told


def test_no_plugin_brings_words_back_into_the_index(matrix_city: City) -> None:
    """What plugins after ours add to an index document stays out of it (L13, L42).

    Core's own way to index, as ``ckan search-index rebuild`` goes it, asks every plugin.
    """
    city = matrix_city
    context = {"model": model, "ignore_auth": True, "user": ""}
    logic.index_update_package(context, city.records["draft"].id)
    for field in _fields_with_values(city):
        facets = make_connection().search(
            "dataset_type:inventory_entry",
            rows=0,
            facet="true",
            **{"facet.field": [field], "facet.limit": -1, "facet.mincount": 1},
        )
        told = city.words.found(flat(facets.facets["facet_fields"]))
        assert {each.place for each in told} <= {"id", "name"}, field


def _fields_with_values(city: City) -> list[str]:
    luke = make_connection()._send_request("get", "admin/luke?numTerms=0&wt=json")
    fields = json.loads(luke)["fields"]
    return [
        name
        for name, known in fields.items()
        if known.get("schema", "").startswith("I") and known["type"].startswith(("string", "text"))
    ]
