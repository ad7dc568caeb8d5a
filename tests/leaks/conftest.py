"""The small city of the leak tests, with the usual plugins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ckan import model
from ckan.lib.search.common import make_connection

from ckanext.inventory.service import indexing
from ckanext.inventory.types import SOURCE
from tests.ckan_fixtures import Index
from tests.leaks import city as building
from tests.leaks.city import City


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
        _index.written = True  # the city's own documents stand there until the module ends
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
