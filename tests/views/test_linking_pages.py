"""Linking entries to datasets, as a CDO does it in the browser."""

from __future__ import annotations

import io
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp

from ckanext.inventory.model import Link
from tests.logic.city import City, make_city
from tests.support import headers


@pytest.fixture
def city(db: None) -> City:
    city = make_city()
    for title in ("Street trees", "Drinking fountains", "Budget"):
        city.entry(title=title)
    factories.Dataset(title="Street trees", name="street-trees", owner_org=city.parks.id)
    factories.Dataset(title="Drinking fountain", name="fountains", owner_org=city.parks.id)
    factories.Dataset(title="Wells", name="wells", owner_org=city.water.id)
    return city


@pytest.fixture
def cdo(city: City) -> dict[str, str]:
    """A token, made before a request closes the session."""
    return headers(city.cdo)


def _post(app: CKANTestApp, cdo: dict[str, str], path: str, **data: Any) -> Any:
    return app.post(path, data=data, headers=cdo, follow_redirects=False)


def _linked() -> set[str]:
    package = model.package_table
    query = sa.select(package.c.name).join(Link, Link.dataset_id == package.c.id)
    return set(model.Session.scalars(query))


def test_the_list_of_datasets_offers_the_entry_instead_of_a_second_one(
    cdo: dict[str, str], app: CKANTestApp
) -> None:
    page = app.get("/inventory/take-over", headers=cdo).body
    assert "PARKS-0001 Street trees" in page
    assert "Link it instead" in page
    assert "2 of these datasets look like entries" in page
    answer = _post(
        app, cdo, "/inventory/take-over/link", one="PARKS-0001=street-trees", back="take_over"
    )
    assert answer.headers["Location"].endswith("/inventory/take-over")
    assert _linked() == {"street-trees"}


def test_look_first_then_link_all_above(cdo: dict[str, str], app: CKANTestApp) -> None:
    path = "/inventory/take-over/link"
    shown = _post(app, cdo, path, which="above", above="90", look="1")
    assert shown.status_code == 200
    assert "One entry would be linked" in shown.body
    assert _linked() == set()
    assert _post(app, cdo, path, which="above", above="90").status_code == 303
    assert _linked() == {"street-trees"}


def test_ticked_ones(cdo: dict[str, str], app: CKANTestApp) -> None:
    path = "/inventory/take-over/link"
    assert _post(app, cdo, path, which="ticked").status_code == 400
    page = app.get(path, headers=cdo).body
    assert "similar title" in page
    answer = _post(app, cdo, path, which="ticked", pairs="PARKS-0002=fountains")
    assert answer.status_code == 303
    assert _linked() == {"fountains"}


def test_by_a_file(cdo: dict[str, str], app: CKANTestApp) -> None:
    path = "/inventory/take-over/link/file"
    content = b"What,Where\nPARKS-0003,wells\nPARKS-0009,wells\n"
    shown = _post(app, cdo, path, upload=(io.BytesIO(content), "links.csv"))
    assert "No column names the entry" in shown.body
    chosen = {"column-number": "What", "column-dataset": "Where"}
    shown = _post(app, cdo, path, upload=(io.BytesIO(content), "links.csv"), **chosen)
    assert "One entry would be linked" in shown.body
    assert "There is no such entry." in shown.body
    done = _post(app, cdo, path, upload=(io.BytesIO(content), "links.csv"), save="1", **chosen)
    assert done.status_code == 303
    assert _linked() == {"wells"}


def test_a_file_that_is_refused_keeps_its_report(cdo: dict[str, str], app: CKANTestApp) -> None:
    path = "/inventory/take-over/link/file"
    chosen = {"column-number": "What", "column-dataset": "Where", "digest": "another file's"}
    content = b"What,Where\nPARKS-0003,wells\n"
    page = _post(app, cdo, path, upload=(io.BytesIO(content), "links.csv"), save="1", **chosen)
    assert page.status_code == 400
    assert _linked() == set()
    assert 'value="What" selected' in page.body


def test_nobody_else_gets_there(city: City, app: CKANTestApp) -> None:
    for token in [headers(city.coordinator), headers(city.reviewer)]:
        for path in ("/inventory/take-over/link", "/inventory/take-over/link/file"):
            answer = app.post(path, data={"which": "above"}, headers=token)
            assert answer.status_code == 404
