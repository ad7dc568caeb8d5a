"""The plugin alone and with each optional one; editors as coordinators on and off.

Long: before a release, and at each upgrade of CKAN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from ckan import model
from ckan.common import config
from ckan.lib import search
from ckan.tests.helpers import _get_test_app

from tests.ckan_fixtures import Database, Index, Site, empty_event_tables
from tests.leaks import city as building
from tests.leaks import probes
from tests.leaks.city import City

pytestmark = pytest.mark.long

SETS: tuple[tuple[str, ...], ...] = (
    (),
    ("activity",),
    ("stats",),
    ("tracking",),
    ("harvest",),
    ("activity", "stats", "tracking", "harvest"),
)


@pytest.fixture(scope="module", params=SETS, ids=lambda names: " ".join(names) or "alone")
def matrix_city(
    request: pytest.FixtureRequest,
    _site: Site,
    _database: Database,
    _index: Index,
    reset_db: Callable[[], None],
    migrate_db_for: Callable[..., None],
) -> Iterator[City]:
    """A small city on a site with just these plugins."""
    plugins = ["inventory", "scheming_datasets", *request.param]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(config, "ckan.plugins", plugins)
        patch.setitem(config, "ckan.harvest.mq.type", "redis")
        _site.load_others(_get_test_app)
        reset_db()
        migrate_db_for("inventory")
        for name in {"activity", "tracking", "harvest"} & set(request.param):
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


def found(city: City, person: str) -> set[str]:
    asked = [*probes.few(city), {"id": city.records["draft"].id}]
    asked.append({"fq": "dataset_type:inventory_entry", "include_private": True})
    return {
        f"{action} {data}: {sentinel}"
        for action in probes.reading_actions()
        for data in asked
        for sentinel in city.words.found(probes.call(city, person, action, data).text)
        - city.words.found(str(data))
    }


@pytest.mark.parametrize("person", ["anonymous", "a_member", "a_editor", "a_admin"])
def test_outsiders_find_nothing_with_any_set_of_plugins(matrix_city: City, person: str) -> None:
    assert not found(matrix_city, person)


def test_a_coordinator_finds_everything_with_any_set_of_plugins(matrix_city: City) -> None:
    told = " ".join(found(matrix_city, "coordinator"))
    missing = [str(each) for each in matrix_city.words.of("draft") if each.token not in told]
    assert not missing


@pytest.mark.parametrize(
    ("person", "expected"),
    [("a_editor", True), ("a_admin", True), ("a_member", False), ("b_admin", False)],
)
def test_editors_are_coordinators_only_where_the_option_says_so(
    matrix_city: City, person: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(config, "ckanext.inventory.editors_are_coordinators", True)
    assert bool(found(matrix_city, person)) == expected
