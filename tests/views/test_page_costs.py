"""What our pages ask of the database, beside what core's frame of every page asks: exactly counted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import CKANTestApp

from tests.logic.city import City, make_city
from tests.support import headers


@contextmanager
def _asked() -> Iterator[list[str]]:
    """Collect the statements that reach the database, without savepoints."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not re.match(r"SAVEPOINT|RELEASE|ROLLBACK", statement):
            asked.append(" ".join(statement.split()))

    sa.event.listen(model.meta.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        sa.event.remove(model.meta.engine, "before_cursor_execute", note)


def _ours(app: CKANTestApp, path: str, who: model.User) -> list[str]:
    """Ask for a page, and return what it asked of the inventory's tables."""
    for _ in range(2):  # the first time something may be loaded
        with _asked() as asked:
            assert app.get(path, headers=headers(who)).status_code == 200
    return [one for one in asked if "inventory_" in one and "inventory_below" not in one]


@pytest.fixture
def city(db: None) -> City:
    city = make_city()
    for number in range(3):
        city.submitted(title=f"Entry {number}")
    return city


PAGES = {
    # roles, departments, two for the bell; the count, the rows, titles of departments, people
    "/inventory/entries": 8,
    # a count for each filter, and one for the named views
    "/inventory/entries?value=high&state=submitted": 11,
    # the count of entries, and of sources
    "/inventory/overview": 6,
    "/inventory/": 12,
    "/inventory/review": 23,
    "/inventory/entries/PARKS-0001": 26,
}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_so_often_however_many_entries_there_are(
    city: City, app: CKANTestApp, path: str
) -> None:
    few = _ours(app, path, city.cdo)
    for one in vars(city).values():  # the page closed the session that they belonged to
        model.Session.add(one)
    for number in range(5):
        city.submitted(title=f"More {number}")
    many = _ours(app, path, city.cdo)
    assert len(many) == len(few), "\n".join(many)
    assert len(few) <= PAGES[path], "\n".join(few)


def test_lists_read_the_register_once_for_all_that_they_count(city: City, app: CKANTestApp) -> None:
    for path in ("/inventory/entries", "/inventory/overview"):
        asked = _ours(app, path, city.cdo)
        counting = [one for one in asked if "count(*)" in one and "inventory_record" in one]
        entries = [one for one in counting if "department" in one]
        assert len(entries) == 1, "\n".join(counting)
