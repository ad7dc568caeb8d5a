"""Every number of the overview opens the list that it counts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from ckan.tests.helpers import CKANTestApp

from tests.logic.city import ENOUGH_TO_SUBMIT, City, make_city
from tests.support import headers

PRIVACY = {"kind": "privacy", "rationale": "It names residents."}


@pytest.fixture
def city(db: None) -> City:
    """Entries of many kinds, some of which say next to nothing."""
    city = make_city()
    city.entry(title="Nothing but a name")
    city.entry(title="Not known", value="not_known_yet")
    city.entry(title="Low", value="low", classification="restricted")
    city.entry(city.neighbour, title="Wells", owner_org=city.water.id, **ENOUGH_TO_SUBMIT)
    city.submitted(title="Blocked", blocker_status="some", release_blockers=[PRIVACY])
    city.approved(title="Approved")
    city.step(
        city.cdo,
        city.approved(title="Public"),
        "promote",
        publication={"metadata_only": True, "license_id": "cc-by"},
    )
    city.do(city.viewer, "inventory_want", id="PARKS-0001", reason="Asked for every week.")
    city.do(city.coordinator, "inventory_source_create", title="Base", owner_org=city.parks.id)
    return city


def _figures(page: BeautifulSoup) -> list[tuple[str, int]]:
    """The links of the page that are numbers: (address, number)."""
    found: list[tuple[str, int]] = []
    for link in page.select(".inv-figs a, .inv-heat td a, .inv-hbar a.n"):
        number = link.select_one(".f") or link
        text = re.match(r"\d+", number.get_text(strip=True))
        assert text, link
        found.append((str(link["href"]), int(text[0])))
    return found


def _count(page: BeautifulSoup) -> int:
    meta = page.select_one(".inv-meta b")
    if not isinstance(meta, Tag):
        return len(page.select(".inv-main tbody tr, .inv-body tbody tr"))
    text = meta.get_text(strip=True)
    return 1 if text.startswith("One") else int(text.split()[0])


@pytest.mark.parametrize("who", ["cdo", "viewer", "coordinator"])
def test_every_number_opens_as_many(city: City, app: CKANTestApp, who: str) -> None:
    token = headers(getattr(city, who))

    def get(address: str) -> BeautifulSoup:
        answer: Any = app.get(address, headers=token)
        return BeautifulSoup(answer.body, "html.parser")

    figures = _figures(get("/inventory/overview"))
    assert len(figures) > 30
    assert sum(number > 0 for _address, number in figures) > 10
    wrong = {
        address: (number, opened)
        for address, number in dict(figures).items()
        if (number or "attention=wanted" in address) and (opened := _count(get(address))) != number
    }
    assert wrong == {}
