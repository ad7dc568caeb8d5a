"""Fixtures that need CKAN: registered by ``conftest.py`` where CKAN's pytest plugin is loaded.

Reloading plugins and building an application cost more than all the rest of a test, so both are done once and kept:
``with_plugins`` and ``app`` override CKAN's and do the expensive thing only for a test that asks for other plugins.

Which database fixture to take:

- ``db``: the normal one. An empty migrated database in an outer transaction that is rolled back after
  the test; what CKAN calls a commit is the release of a savepoint. Only this connection sees the data.
- ``module_db``: the same for data that a module's tests share; each test's ``db`` is then a savepoint in it.
- ``clean_db``: really empties and really commits; for tests with more than one process or connection.
- ``live_site``: a CKAN process of its own on a really empty database, for a module's tests over HTTP.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ckan.plugins as p
import pysolr
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.common import config
from ckan.lib import search
from ckan.tests.helpers import CKANTestApp, _get_test_app
from mirakuru import HTTPExecutor

from devstack import ports
from devstack.client import Client

PLUGIN = "inventory"


class Site:
    """The plugins and the application of ``test.ini``, kept from test to test.

    Loading plugins gives CKAN a new database engine, so it has to happen before a transaction is opened:
    the application is made together with them, not when a test first asks for it.
    """

    def __init__(self) -> None:
        self._usual: Any = None
        self._current: Any = None

    def load(self) -> None:
        """Have the usual plugins loaded."""
        if self._usual is None:
            self._usual = self._current = _get_test_app().app
        elif self._current is not self._usual:
            p.load_all()
            self._current = self._usual

    def load_others(self, make_app: Callable[[], CKANTestApp]) -> None:
        """Load what the changed configuration says, for one test."""
        self._current = make_app().app

    def unload_others(self) -> None:
        p.unload_all()
        _forget_harvests_functions()
        self._current = None

    def client(self) -> CKANTestApp:
        """A test client of its own (no cookies of an earlier test) on the current application."""
        return CKANTestApp(self._current)


def _forget_harvests_functions() -> None:
    """Let harvest begin anew: it collects actions and auth functions in one dict for the process.

    Loaded a second time, which no server does, it would give out auth functions as actions.
    """
    harvest = sys.modules.get("ckanext.harvest.plugin")
    if harvest is not None:
        collected: Any = harvest._get_logic_functions.__defaults__
        collected[0].clear()


class Database:
    """Keeps one connection with an open transaction below CKAN's session."""

    def __init__(self, reset: Callable[[], None]) -> None:
        self._reset = reset
        self._pristine = False
        self._connection: sa.Connection | None = None

    def reset(self) -> None:
        """Empty and migrate for good; what follows may commit."""
        assert self._connection is None, "clean_db inside a rolled-back database"
        self._reset()
        self._pristine = False

    @contextlib.contextmanager
    def scratch(self) -> Iterator[None]:
        """Whatever happens in the block is undone at its end."""
        if self._connection is not None:
            model.Session.remove()
            with self._connection.begin_nested() as inner:
                yield
                model.Session.remove()
                inner.rollback()
            return
        if not self._pristine:
            self._reset()
            self._pristine = True
        assert model.meta.engine is not None
        engine = model.meta.engine
        factory = model.Session.session_factory
        model.Session.remove()
        before = dict(factory.kw)
        with engine.connect() as self._connection:
            outer = self._connection.begin()
            factory.configure(bind=self._connection, join_transaction_mode="create_savepoint")
            try:
                yield
            finally:
                model.Session.remove()
                factory.kw.clear()
                factory.kw.update(before)
                outer.rollback()
                self._connection = None


class Index:
    """Knows whether a test wrote to Solr, which has no transactions."""

    def __init__(self) -> None:
        self.written = False
        self.kept = False
        """Documents of a module's shared data stand in the index."""

    def clear(self) -> None:
        search.clear_all()
        self.written = False


def _usual_plugins(request: pytest.FixtureRequest) -> bool:
    changed = {mark.args[0] for mark in request.node.iter_markers("ckan_config")}
    return not (
        "ckan.plugins" in changed
        or any(mark.args for mark in request.node.iter_markers("with_plugins"))
        or request.node.get_closest_marker("provide_plugin")
    )


@pytest.fixture(scope="session")
def _site() -> Site:
    return Site()


@pytest.fixture(scope="session")
def _index() -> Iterator[Index]:
    index = Index()
    update = pysolr.Solr._update

    def noting_update(self: pysolr.Solr, *args: Any, **kwargs: Any) -> Any:
        index.written = True
        return update(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pysolr.Solr, "_update", noting_update)
        index.clear()
        yield index


@pytest.fixture(scope="session")
def _database(
    _index: Index,
    reset_db: Callable[[], None],
    migrate_db_for: Callable[..., None],
) -> Database:
    def reset() -> None:
        # Which plugins are loaded is not ours to say: a test may have asked for others.
        with same_engine():
            reset_db()
            # The first time core leaves a reflection of the old tables in its place.
            model.meta.metadata = model.repo.metadata
            migrate_db_for("activity")
            migrate_db_for(PLUGIN)
        empty_event_tables()

    return Database(reset)


@contextlib.contextmanager
def same_engine() -> Iterator[None]:
    """Put back the engine that CKAN had before its tables were made.

    Core's migrations leave their own in its place, which has no pool: every transaction after that
    connects anew, 4 ms each and a server process without caches.
    """
    engine = model.meta.engine
    assert engine is not None
    yield
    if model.meta.engine is not engine:
        model.init_model(engine)


def empty_event_tables() -> None:
    """Empty the append-only tables, which core's clean-up cannot, by the routine made for it."""
    model.Session.execute(sa.text("SELECT inventory_reset_history()"))
    model.Session.commit()


@pytest.fixture
def with_plugins(request: pytest.FixtureRequest, _site: Site) -> Iterator[None]:
    """The plugins of ``test.ini``, loaded once; other plugins (marks) are loaded for this test alone."""
    if _usual_plugins(request):
        _site.load()
        yield
        return
    provide = request.getfixturevalue("provide_plugin")
    settings = request.getfixturevalue("ckan_config")
    names: list[str] = []
    for plugin in (arg for mark in request.node.iter_markers("with_plugins") for arg in mark.args):
        for name in plugin if isinstance(plugin, dict) else [plugin]:
            if isinstance(plugin, dict):
                provide(name, plugin[name])
            names.append(name)
    listed = settings["ckan.plugins"]
    settings["ckan.plugins"] = [*(listed.split() if isinstance(listed, str) else listed), *names]
    _site.load_others(request.getfixturevalue("make_app"))
    yield
    _site.unload_others()


@pytest.fixture
def app(with_plugins: None, _site: Site) -> CKANTestApp:
    """A client without cookies on the application of the loaded plugins."""
    return _site.client()


@pytest.fixture
def clean_db(with_plugins: None, _database: Database, _index: Index) -> None:
    """An empty, migrated database; what the test commits is there for every connection."""
    _database.reset()
    if _index.written:
        _index.clear()


@pytest.fixture(scope="module")
def module_db(_site: Site, _database: Database, _index: Index) -> Iterator[None]:
    """A rolled-back database for what a module's tests share; ``db`` of each test nests in it."""
    _site.load()
    if _index.written:
        _index.clear()
    with _database.scratch():
        _index.kept = True
        yield
        _index.kept = False


@pytest.fixture
def db(with_plugins: None, _database: Database, _index: Index) -> Iterator[None]:
    """An empty, migrated database; everything the test does to it and to Solr is undone afterwards."""
    if _index.written and not _index.kept:
        _index.clear()
    with _database.scratch():
        yield


@contextlib.contextmanager
def served_ckan(folder: Path) -> Iterator[str]:
    """Serve CKAN from a process of its own, on the tests' database, and give its address."""
    port = ports.choose(1)[0]
    url = f"http://{ports.HOST}:{port}"
    with (folder / "ckan.log").open("w") as log:
        server = HTTPExecutor(
            f"setpriv --pdeathsig TERM {Path(sys.executable).with_name('ckan')} "
            f"--config {config['__file__']} run --disable-reloader --host {ports.HOST} --port {port}",
            url=f"{url}/api/3/action/status_show",
            method="GET",
            envvars={"CKAN_SITE_URL": url},
            timeout=60,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        with server:
            yield url


@pytest.fixture(scope="module")
def live_site(
    _site: Site, _database: Database, _index: Index, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """A visitor's client on a CKAN process of its own; ``Client(live_site.url, token)`` is a person's.

    It shares the tests' database, which is empty at first; what a test commits is there for both.
    """
    _site.load()
    _database.reset()
    _index.clear()
    with served_ckan(tmp_path_factory.mktemp("live")) as url:
        yield Client(url)
    model.Session.remove()
    _index.clear()
