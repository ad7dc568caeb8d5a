"""The city of the leak tests: a small one with the usual plugins, the whole with all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import ckan.plugins as p
import pytest
from ckan import model
from ckan.common import config
from ckan.lib import search
from ckan.lib.search.common import make_connection
from ckan.tests.helpers import _get_test_app

from ckanext.inventory.service import indexing
from ckanext.inventory.types import SOURCE
from tests.ckan_fixtures import Database, Index, Site, empty_event_tables
from tests.leaks import city as building
from tests.leaks.city import City

OPTIONAL = ("activity", "stats", "tracking", "harvest")
"""Optional plugins of the push sweep, beside the data store."""

DATASTORE_URLS = ("CKAN_DATASTORE_WRITE_URL", "CKAN_DATASTORE_READ_URL")


@pytest.fixture(scope="module")
def city(module_db: None) -> City:
    """People for every right, and a few records: a draft, a submitted one, sources."""
    made = City()
    building.build_people(made, passwords=True)
    source = building.create(made, "source", SOURCE)
    linked: dict[str, Any] = {"source_ids": [source.id], "source_known": "linked"}
    building.create(
        made,
        "draft",
        blocker_status="some",
        release_blockers=[building.blocker(made, "draft")],
        **linked,
    )
    submitted = building.create(made, "submitted", **building.NO_BLOCKERS, **linked)
    building.step(made, "coordinator", submitted, "submit")
    restricted = building.create(made, "restricted", **building.NO_BLOCKERS, **linked)
    made.act(
        "coordinator",
        "inventory_mark",
        ids=[restricted.number],
        field="visibility",
        value="department_and_cdo_only",
    )
    building.end_roles(made)
    building.make_tokens(made)
    return made


@pytest.fixture
def scratch(city: City, db: None, _index: Index) -> Iterator[None]:
    """Undo what a test did to the city, in the index as well, which has no transactions."""
    _index.written = False
    yield
    if not _index.written:
        return
    model.Session.rollback()
    model.Session.remove()
    kept = [ref.id for ref in city.records.values()]
    connection = make_connection()
    connection.delete(q=f"*:* NOT id:({' OR '.join(kept)})", commit=True)
    _undo.append(kept)


_undo: list[list[str]] = []
"""Records of ours to index again, once the database is as it was."""


@pytest.fixture(autouse=True)
def _index_again(request: pytest.FixtureRequest) -> None:
    """Bring the city's documents back before the next test that looks at them."""
    if "scratch" in request.fixturenames and _undo:
        ids = _undo.pop()
        _undo.clear()
        indexing.index(model.Session(), ids)


def datastore_configured() -> bool:
    """Whether a second database with a read-only role is there."""
    return all(os.environ.get(name) for name in DATASTORE_URLS)


def sweep_plugins() -> list[str]:
    """Our plugin with every optional one that is installed."""
    optional = [*OPTIONAL, "datastore"] if datastore_configured() else list(OPTIONAL)
    return ["inventory", "scheming_datasets", *optional]


@pytest.fixture(scope="module")
def swept_site(
    _site: Site,
    _database: Database,
    _index: Index,
    reset_db: Callable[[], None],
    migrate_db_for: Callable[..., None],
) -> Iterator[Site]:
    """A site with every optional plugin, and a database of its own that really commits."""
    before = config["ckan.plugins"]
    settings = {"ckan.plugins": sweep_plugins(), "ckan.harvest.mq.type": "redis"}
    with pytest.MonkeyPatch.context() as patch:
        for key, value in settings.items():
            patch.setitem(config, key, value)
        _site.load_others(_get_test_app)
        reset_db()
        for name in ("inventory", "activity", "tracking", "harvest"):
            if p.plugin_loaded(name):
                migrate_db_for(name)
        empty_event_tables()
        search.clear_all()
        yield _site
        model.Session.remove()
        _site.unload_others()
    config["ckan.plugins"] = before
    _database._pristine = False
    _index.clear()


@pytest.fixture(scope="module")
def whole_city(swept_site: Site) -> City:
    """The whole city on the site with every plugin."""
    return building.build(passwords=True)
