"""Who sees which page: 200 for those it is for, one and the same 404 for everybody else."""

from __future__ import annotations

from typing import Any

import pytest
from ckan.tests.helpers import CKANTestApp

from tests.logic.city import ENOUGH_TO_SUBMIT, make_city
from tests.support import headers

EVERYBODY = {"coordinator", "neighbour", "cdo", "reviewer", "viewer", "sysadmin"}
OUTSIDE = {"visitor", "editor"}
CITYWIDE = EVERYBODY - {"coordinator", "neighbour"}
DECIDERS = {"cdo", "reviewer", "sysadmin"}
ADDERS = {"coordinator", "neighbour", "cdo", "sysadmin"}
CDOS = {"cdo", "sysadmin"}

PAGES: dict[str, set[str]] = {
    "/inventory/": EVERYBODY,
    "/inventory/entries": EVERYBODY,
    "/inventory/entries?q=trees&state=draft&sort=title&page=2": EVERYBODY,
    "/inventory/entries?page=99999999999999999999": EVERYBODY,
    "/inventory/entries?page=²": EVERYBODY,
    "/inventory/entries?department=%00": set(),
    "/inventory/entries?state=nonsense": EVERYBODY,
    "/inventory/entries/PARKS%00": set(),
    "/inventory/review?entry=%00": set(),
    "/inventory/review?page=999999999": DECIDERS,
    "/inventory/entries/new": ADDERS,
    "/inventory/entries/PARKS-0001": CITYWIDE | {"coordinator"},
    "/inventory/entries/PARKS-0009": set(),
    "/inventory/entries/nonsense": set(),
    "/inventory/entries/PARKS-0001/edit": DECIDERS | {"coordinator"},
    "/inventory/sources": EVERYBODY,
    "/inventory/sources/new": ADDERS,
    "/inventory/sources/PARKS-S001": CITYWIDE | {"coordinator"},
    "/inventory/sources/PARKS-S001/edit": DECIDERS | {"coordinator"},
    "/inventory/sources/PARKS-S009": set(),
    "/inventory/people": EVERYBODY,
    "/inventory/people?view=sources&missing=1": EVERYBODY,
    "/inventory/people?view=people&q=parks": EVERYBODY,
    "/inventory/people.csv": EVERYBODY,
    "/inventory/people/name": CDOS,
    "/inventory/people/hand-over": CDOS,
    "/inventory/take-over": CDOS,
    "/inventory/take-over/file": CDOS,
    "/inventory/take-over/link": CDOS,
    "/inventory/take-over/link/file": CDOS,
    "/inventory/directory": EVERYBODY,
    "/inventory/directory?q=trees&person=forest&source=base": EVERYBODY,
    "/inventory/notices": EVERYBODY,
    "/inventory/notices?unread=1&before=5": EVERYBODY,
    "/inventory/notices/preview": CDOS,
    "/inventory/review": DECIDERS,
    "/inventory/review?entry=PARKS-0002": DECIDERS,
    "/inventory/overview": EVERYBODY,
    "/inventory/overview.csv": EVERYBODY,
    "/inventory/spreadsheet": ADDERS,
    "/inventory/spreadsheet/files": ADDERS,
    "/inventory/parts/new": ADDERS,
    "/inventory/parts/new?state=draft": ADDERS,
    "/inventory/admin": CDOS,
    "/inventory/guide": EVERYBODY,
    "/inventory/guide/fields": EVERYBODY,
}
PEOPLE = sorted(EVERYBODY | OUTSIDE)


Tokens = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def people(module_db: None) -> Tokens:
    """Request headers by person, on a department with a source and two entries."""
    found = make_city()
    source = found.do(
        found.coordinator,
        "inventory_source_create",
        title="Tree inventory",
        owner_org=found.parks.id,
    )
    found.entry(source_ids=[source["id"]])
    second = found.entry(title="Benches", **ENOUGH_TO_SUBMIT)
    found.step(found.coordinator, second, "submit")
    return {who: {} if who == "visitor" else headers(getattr(found, who)) for who in PEOPLE}


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("path", PAGES)
def test_page_is_for(people: Tokens, db: None, app: CKANTestApp, path: str, who: str) -> None:
    answer: Any = app.get(path, headers=people[who], follow_redirects=False)
    expected = 200 if who in PAGES[path] else 404
    if path.endswith("/edit") and who == "viewer":
        expected = 303
    assert answer.status_code == expected, answer.body[-2000:]


@pytest.mark.parametrize("who", sorted(OUTSIDE | {"neighbour"}))
def test_hidden_and_missing_entries_answer_alike(
    people: Tokens, db: None, app: CKANTestApp, who: str
) -> None:
    pages = [
        app.get(f"/inventory/entries/{number}", headers=people[who])
        for number in ("PARKS-0001", "PARKS-9999")
    ]
    bodies = [
        page.body.replace(number, "N")
        for page, number in zip(pages, ("PARKS-0001", "PARKS-9999"), strict=True)
    ]
    assert [page.status_code for page in pages] == [404, 404]
    assert _without_token(bodies[0]) == _without_token(bodies[1])


def _without_token(body: str) -> str:
    return "\n".join(line for line in body.splitlines() if "_csrf_token" not in line)


def test_pages_are_not_kept_by_any_cache(people: Tokens, db: None, app: CKANTestApp) -> None:
    for page in ("/inventory/", "/inventory/entries", "/inventory/overview.csv"):
        answer = app.get(page, headers=people["cdo"])
        assert "no-store" in answer.headers["Cache-Control"]
        assert "private" in answer.headers["Cache-Control"]
        assert "public" not in answer.headers["Cache-Control"]


def test_navigation_leads_to_the_inventory_only_for_its_people(
    people: Tokens, db: None, app: CKANTestApp
) -> None:
    assert 'href="/inventory/"' in app.get("/about", headers=people["viewer"]).body
    assert "/inventory" not in app.get("/about", headers=people["editor"]).body
    assert "/inventory" not in app.get("/about").body


def test_who_wants_an_entry_is_on_every_page_that_ranks_it(
    people: Tokens, db: None, app: CKANTestApp
) -> None:
    viewer, cdo = people["viewer"], people["cdo"]
    page = app.get("/inventory/entries/PARKS-0002", headers=viewer).body
    assert "We want this" in page
    assert "Why is it wanted?" not in app.get("/inventory/entries/PARKS-0002", headers=cdo).body
    answer = app.post(
        "/inventory/entries/PARKS-0002/do/want",
        data={"reason": "Promised at the hearing."},
        headers=viewer,
        follow_redirects=False,
    )
    assert answer.status_code == 303
    for path in (
        "/inventory/entries",
        "/inventory/entries?wanted=yes",
        "/inventory/review",
        "/inventory/review?wanted=yes&likelihood=likely,possible,unlikely,unknown,empty",
    ):
        assert "Wanted by Viewer" in app.get(path, headers=cdo).body, path
    assert "Promised at the hearing." in app.get("/inventory/review", headers=cdo).body
    assert "Wanted by Viewer" not in app.get("/inventory/entries?wanted=empty", headers=cdo).body
    assert "attention=wanted" in app.get("/inventory/overview", headers=cdo).body
    took_back = app.post(
        "/inventory/entries/PARKS-0002/do/want-withdraw", headers=viewer, follow_redirects=False
    )
    assert took_back.status_code == 303
    assert "Wanted by Viewer" not in app.get("/inventory/entries", headers=cdo).body
