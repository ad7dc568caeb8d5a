"""Shared fixtures.

Pure tests run without CKAN (``pytest -p no:ckan -p no:ckan_fixtures tests/unit``), so nothing here may import it at
module level: what needs it lives in :mod:`tests.ckan_fixtures`, loaded only where CKAN's own pytest plugin is.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
from configparser import ConfigParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run what is too long for every push")


PLACES = "INVENTORY_TEST_PLACES"
"""By this variable bin/test names the services of each worker; see ``devstack.guests``."""


def pytest_configure(config: pytest.Config) -> None:
    if not config.pluginmanager.has_plugin("ckan"):
        return
    _take_place(config)
    if not config.option.ckan_ini:
        config.option.ckan_ini = str(ROOT / "test.ini")
    if "CKAN_STORAGE_PATH" not in os.environ:
        storage = tempfile.TemporaryDirectory(prefix="inventory-test-")
        os.environ["CKAN_STORAGE_PATH"] = storage.name
        config.add_cleanup(storage.cleanup)
    _expect_services(config)
    from tests import ckan_fixtures

    config.pluginmanager.register(ckan_fixtures, "inventory_ckan_fixtures")


def _take_place(config: pytest.Config) -> None:
    """Give each worker services of its own: what one empties is not what another looks at."""
    places: list[dict[str, str]] = json.loads(os.environ.get(PLACES, "[]"))
    if worker := getattr(config, "workerinput", None):
        os.environ.update(places[int(worker["workerid"].removeprefix("gw"))])
    elif (workers := config.getoption("numprocesses", None)) and workers > len(places):
        raise pytest.UsageError(f"No services for {workers} workers: run bin/test --workers N.")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give workers whole files, and the folder whose tests share one city to one of them."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduler(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return TOGETHER if file.startswith(TOGETHER) else file

    config.option.loadscopereorder = False
    return Scheduler(config, log)


TOGETHER = "tests/leaks/whole/"


def _expect_services(config: pytest.Config) -> None:
    """Say in one line what CKAN's plugin would say in a long trace."""
    settings = ConfigParser(interpolation=None)
    settings.read(config.option.ckan_ini)
    address = os.environ.get("CKAN_SQLALCHEMY_URL") or settings["app:main"]["sqlalchemy.url"]
    parts = urlsplit(address)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 5432), timeout=5).close()
    except OSError:
        pytest.exit(f"No PostgreSQL at {parts.hostname}:{parts.port}: run bin/test instead.", 4)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        # The longest first, small ones last, so that the workers come to an end together.
        items.sort(
            key=lambda item: (
                not item.nodeid.startswith(TOGETHER),
                item.nodeid.startswith("tests/unit/"),
            )
        )
    if config.getoption("--long"):
        return
    skip = pytest.mark.skip(reason="long: runs with --long")
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real cities' inventories; tests that read it skip where it is absent."""
    named = os.environ.get("INVENTORY_SHARED_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no folder of real inventories: set INVENTORY_SHARED_DATA")
    return folder
