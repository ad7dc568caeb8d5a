"""A site with the harvest plugins, and catalogues behind a real HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import ckan.plugins as p
import pytest
from ckan import model
from ckan.common import config
from ckan.lib import search
from ckan.tests.helpers import CKANTestApp, _get_test_app

from tests.ckan_fixtures import Database, Index, Site, empty_event_tables
from tests.logic.city import City, make_city

PLUGINS = ["inventory", "scheming_datasets", "activity", "harvest", "inventory_harvest"]
SETTINGS = {
    "ckan.harvest.mq.type": "redis",
    "ckanext.inventory.harvest.allowed_hosts": ["127.0.0.1"],
}


@pytest.fixture(scope="package")
def harvest_site(
    _site: Site,
    _database: Database,
    _index: Index,
    reset_db: Callable[[], None],
    migrate_db_for: Callable[..., None],
) -> Iterator[Site]:
    """The plugins loaded, on an empty migrated database."""
    pytest.importorskip("ckanext.harvest", reason="ckanext-harvest is not installed")
    before = config["ckan.plugins"]
    settings = {"ckan.plugins": PLUGINS, **SETTINGS}
    with pytest.MonkeyPatch.context() as patch:
        for key, value in settings.items():
            patch.setitem(config, key, value)
        _site.load_others(_get_test_app)
        reset_db()
        for name in ("activity", "inventory", "harvest"):
            migrate_db_for(name)
        empty_event_tables()
        search.clear_all()
        _index.written = False
        _database._pristine = True
        yield _site
        model.Session.remove()
        _site.unload_others()
    config["ckan.plugins"] = before
    _database._pristine = False
    _index.clear()


@pytest.fixture(autouse=True)
def _settings(harvest_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """CKAN's own fixtures put the configuration back before each test."""
    for key, value in SETTINGS.items():
        monkeypatch.setitem(config, key, value)


@pytest.fixture
def db(harvest_site: Site, _database: Database, _index: Index) -> Iterator[None]:
    """Everything that a test does to the database and to Solr is undone afterwards."""
    if _index.written:
        _index.clear()
    with _database.scratch():
        yield


@pytest.fixture
def really(
    harvest_site: Site, _database: Database, _index: Index, reset_db: Callable[[], None]
) -> Iterator[None]:
    """An empty database that really commits, for what harvest does behind CKAN's session."""
    yield
    model.Session.remove()
    reset_db()
    empty_event_tables()
    _index.clear()


@pytest.fixture
def city(db: None) -> City:
    """The usual cast."""
    return make_city()


@pytest.fixture
def client(harvest_site: Site) -> CKANTestApp:
    """A browser without cookies."""
    return harvest_site.client()


@pytest.fixture
def harvester(harvest_site: Site) -> Any:
    """Our harvester, as the harvest plugin finds it."""
    return p.get_plugin("inventory_harvest")


class Catalogue:
    """What a web server answers, by path; a test may change it as it goes."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Mapping[str, str], bytes]] = {}
        self.asked: list[str] = []
        self.port = 0

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.port}"

    def put(
        self,
        path: str,
        body: bytes | str | Any,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Answer a path from now on, and return its address."""
        if not isinstance(body, bytes):
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.answers[path] = (status, headers or {}, body)
        return self.url + path

    def datasets(self, *records: Any) -> str:
        """Answer ``/data.json`` with these records from now on."""
        return self.put("/data.json", {"conformsTo": "x", "dataset": list(records)})


@pytest.fixture
def catalogue() -> Iterator[Catalogue]:
    """A web server on this machine."""
    served = Catalogue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            path = self.path.partition("?")[0]
            status, headers, body = served.answers.get(path, (404, {}, b"no"))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def record(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A good record of a DCAT-US catalogue."""
    return {
        "@type": "dcat:Dataset",
        "identifier": f"lh-{number}",
        "title": f"Street trees {number}",
        "description": "Every tree the city plants.",
        "keyword": ["trees", "parks"],
        "modified": "2026-01-01",
        "publisher": {"@type": "org:Organization", "name": "Parks and Recreation"},
        "contactPoint": {
            "@type": "vcard:Contact",
            "fn": "Parks desk",
            "hasEmail": "mailto:parks@larkhaven.example",
        },
        "accessLevel": "public",
        "accrualPeriodicity": "R/P1W",
        "landingPage": f"https://data.larkhaven.example/trees-{number}",
        "distribution": [
            {
                "@type": "dcat:Distribution",
                "downloadURL": f"https://data.larkhaven.example/trees-{number}.csv",
                "mediaType": "text/csv",
            }
        ],
        **fields,
    }
