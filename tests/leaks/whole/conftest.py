"""The whole city, on a site with every optional plugin that is installed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator

import ckan.plugins as p
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.common import config
from ckan.lib import search
from ckan.tests.helpers import CKANTestApp, _get_test_app

from tests.ckan_fixtures import Database, Index, Site, empty_event_tables, same_engine
from tests.leaks import city as building
from tests.leaks.city import City

OPTIONAL = ("activity", "stats", "tracking", "harvest", "inventory_harvest")
"""Optional plugins of the push sweep, beside the data store."""

DATASTORE_URLS = ("CKAN_DATASTORE_WRITE_URL", "CKAN_DATASTORE_READ_URL")


def datastore_configured() -> bool:
    """Whether a second database with a read-only role is there."""
    return all(os.environ.get(name) for name in DATASTORE_URLS)


def sweep_plugins() -> list[str]:
    """Our plugin with every optional one that is installed."""
    optional = [*OPTIONAL, "datastore"] if datastore_configured() else list(OPTIONAL)
    return ["inventory", "scheming_datasets", *optional]


@pytest.fixture(scope="package")
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
        with same_engine():
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


@pytest.fixture(scope="package")
def whole_city(swept_site: Site) -> City:
    """The whole city, built once for all tests of this folder."""
    return building.build(passwords=True)


@pytest.fixture
def client(swept_site: Site) -> CKANTestApp:
    """A browser without cookies."""
    return swept_site.client()


@pytest.fixture(scope="module")
def harvested(whole_city: City) -> Iterator[dict[str, str]]:
    """A private source, an object that became an entry, one that became nothing yet."""
    if not p.plugin_loaded("harvest"):
        pytest.skip("the plugin harvest is not installed")
    from ckanext.harvest.model import HarvestJob, HarvestObject, HarvestSource

    city = whole_city
    words = city.words
    package = city.act(
        "sysadmin",
        "package_create",
        name=f"zq-harvest-{secrets.token_hex(4)}",
        type="dataset",
        owner_org=city.a.id,
        private=True,
    )
    source = HarvestSource(
        id=package["id"],
        url=f"https://{words.make('harvest url', 'harvest')}.example.org",
        type="test",
        config=f'{{"key": "{words.make("harvest config", "harvest")}"}}',
        active=True,
    )
    job = HarvestJob(source=source)
    entry = city.records["draft"]
    became = HarvestObject(
        guid=words.make("harvest guid", "harvest"),
        content=f"<x>{words.make('harvest content', 'harvest')}</x>",
        job=job,
        source=source,
        package_id=entry.id,
        current=True,
    )
    waiting = HarvestObject(
        guid="zz",
        content=f"<x>{words.make('harvest content waiting', 'harvest')}</x>",
        job=job,
        source=source,
        current=True,
    )
    model.Session.add_all([source, job, became, waiting])
    model.Session.commit()
    ids = {"became": became.id, "waiting": waiting.id, "source": source.id, "entry": entry.name}
    yield ids
    model.Session.rollback()
    for table in ("harvest_object", "harvest_job", "harvest_source"):
        model.Session.execute(sa.text(f"DELETE FROM {table}"))
    model.Session.commit()
