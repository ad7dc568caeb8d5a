"""The bell and its page, comments that tell somebody, and the way from a mail to the page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from bs4 import BeautifulSoup
from ckan import model
from ckan.tests.helpers import CKANTestApp

from tests.logic.city import City, make_city
from tests.support import headers, make_user

SECRET = "Wells that nobody should know"


class Site:
    """A city, and pages as anybody of its people sees them."""

    def __init__(self, city: City, app: CKANTestApp) -> None:
        self.city = city
        self.app = app
        self.people = {
            name: headers(getattr(city, name))
            for name in ("coordinator", "cdo", "reviewer", "neighbour", "viewer", "editor")
        }

    def get(self, who: str, path: str) -> Any:
        return self.app.get(f"/inventory{path}", headers=self.people[who])

    def page(self, who: str, path: str) -> BeautifulSoup:
        answer = self.get(who, path)
        assert answer.status_code == 200, answer.body[-2000:]
        return BeautifulSoup(answer.body, "html.parser")

    def post(self, who: str, path: str, follow: bool = True, **data: Any) -> Any:
        return self.app.post(
            f"/inventory{path}", headers=self.people[who], data=data, follow_redirects=follow
        )

    def fresh(self) -> None:
        for name in vars(self.city):
            setattr(self.city, name, model.Session.merge(getattr(self.city, name)))


@pytest.fixture
def site(db: None, app: CKANTestApp) -> Site:
    return Site(make_city(), app)


@pytest.fixture
def returned(site: Site) -> dict[str, Any]:
    entry = site.city.submitted()
    site.city.step(site.city.cdo, entry, "return", comment="Which years does it cover?")
    return entry


def bell(page: BeautifulSoup) -> str:
    found = page.select_one(".inv-bell .inv-count")
    return found.get_text(" ", strip=True) if found else ""


def test_the_bell_counts_what_is_unread(site: Site, returned: dict[str, Any]) -> None:
    assert bell(site.page("coordinator", "/")) == "1 not read"
    assert bell(site.page("neighbour", "/")) == ""
    page = site.page("coordinator", "/notices")
    [row] = page.select(".inv-notices > li.new")
    text = row.get_text(" ", strip=True)
    assert "Cdo returned an entry, with a comment." in text
    assert "Which years does it cover?" in text
    link = row.select_one("a")
    assert link is not None
    assert link["href"] == "/inventory/entries/PARKS-0001"


def test_reading_one_without_scripts(site: Site, returned: dict[str, Any]) -> None:
    page = site.page("coordinator", "/notices")
    form = page.select_one(".inv-notices form")
    assert form is not None
    fields = {str(tag["name"]): str(tag["value"]) for tag in form.select("input")}
    answer = site.post("coordinator", "/notices/read", **fields)
    after = BeautifulSoup(answer.body, "html.parser")
    assert bell(after) == ""
    assert len(after.select(".inv-notices > li")) == 1
    assert after.select(".inv-notices > li.new") == []
    assert "Nothing is new" in site.get("coordinator", "/notices?unread=1").body


def test_reading_all(site: Site, returned: dict[str, Any]) -> None:
    site.city.do(site.city.cdo, "inventory_comment", id=returned["id"], text="And which trees?")
    assert bell(site.page("coordinator", "/")) == "2 not read"
    site.post("coordinator", "/notices/read", all="1")
    assert bell(site.page("coordinator", "/")) == ""
    assert bell(site.page("reviewer", "/")) == ""


def test_nobody_reads_for_others(site: Site, returned: dict[str, Any]) -> None:
    found = site.city.do(site.city.coordinator, "inventory_notice_list")
    site.post("neighbour", "/notices/read", id=str(found["results"][0]["event_id"]))
    assert bell(site.page("coordinator", "/")) == "1 not read"


def test_who_lost_the_role_finds_nothing(site: Site, returned: dict[str, Any]) -> None:
    """Leak L37, on the page."""
    site.city.do(
        site.city.cdo,
        "inventory_role_add",
        user="parks-coordinator",
        role="coordinator",
        department=site.city.water.id,
    )
    roles = site.city.do(site.city.cdo, "inventory_role_list", user="parks-coordinator")
    [role] = [role["id"] for role in roles if role["department"] == site.city.parks.id]
    site.city.do(site.city.cdo, "inventory_role_remove", id=role)
    page = site.page("coordinator", "/notices")
    assert bell(page) == ""
    assert "PARKS-0001" not in page.get_text()
    assert "Which years" not in page.get_text()


def test_many_are_told_page_by_page(site: Site) -> None:
    entry = site.city.entry()
    for number in range(32):
        site.city.do(site.city.cdo, "inventory_comment", id=entry["id"], text=f"Question {number}")
    first = site.page("coordinator", "/notices")
    assert len(first.select(".inv-notices > li")) == 30
    older = first.find("a", string="Older")
    assert older is not None
    path = str(older["href"]).removeprefix("/inventory")
    assert len(site.page("coordinator", path).select(".inv-notices > li")) == 2


def test_settings(site: Site) -> None:
    page = site.page("coordinator", "/notices")
    chosen = page.select_one("input[name=digest][checked]")
    assert chosen is not None
    assert chosen["value"] == "daily"
    assert page.select_one("input[name=at_once][checked]") is not None
    answer = site.post("coordinator", "/notices/settings", digest="weekly")
    after = BeautifulSoup(answer.body, "html.parser")
    chosen = after.select_one("input[name=digest][checked]")
    assert chosen is not None
    assert chosen["value"] == "weekly"
    assert after.select_one("input[name=at_once][checked]") is None
    assert site.post("coordinator", "/notices/settings", digest="hourly").status_code == 400
    site.fresh()
    other = site.city.do(site.city.cdo, "inventory_notice_settings")
    assert (other["digest"], other["at_once"]) == ("daily", True)


def test_a_cdo_looks_at_digests_before_they_go(site: Site) -> None:
    site.city.submitted()
    page = site.page("cdo", "/notices/preview")
    assert "Reviewer" in page.get_text()
    frame = page.select_one("iframe[sandbox]")
    assert frame is not None
    assert "Parks Coordinator submitted an entry." in str(frame["srcdoc"])
    site.fresh()
    reviewer = site.city.reviewer.id
    other = site.page("cdo", f"/notices/preview?user={reviewer}")
    assert "The digest of Reviewer" in other.get_text()
    assert "/inventory/notices/preview" in site.get("cdo", "/admin").body
    unknown = site.page("cdo", "/notices/preview?user=editor")
    assert "no role and no assignment" in unknown.get_text()


class TestComments:
    def test_only_readers_are_offered(self, site: Site) -> None:
        site.city.entry()
        page = site.page("coordinator", "/entries/PARKS-0001")
        offered = {str(box["value"]) for box in page.select("input[name=mentions]")}
        assert offered == {"cdo", "reviewer", "viewer"}

    def test_of_a_restricted_entry_the_viewer_is_not(self, site: Site) -> None:
        entry = site.city.entry()
        site.city.do(
            site.city.coordinator,
            "inventory_mark",
            ids=[entry["id"]],
            field="visibility",
            value="department_and_cdo_only",
        )
        page = site.page("coordinator", "/entries/PARKS-0001")
        offered = {str(box["value"]) for box in page.select("input[name=mentions]")}
        assert offered == {"cdo", "reviewer"}

    def test_telling_somebody(self, site: Site) -> None:
        site.city.entry()
        answer = site.post(
            "coordinator",
            "/entries/PARKS-0001/do/comment",
            text="Is this one ours, @cdo?",
            mentions="reviewer",
            purpose="comment",
        )
        assert "Told at once: Cdo, Reviewer." in answer.body
        assert bell(site.page("reviewer", "/")) == "1 not read"
        page = site.page("reviewer", "/notices")
        assert page.select_one('a[href="/inventory/entries/PARKS-0001#history"]')

    def test_a_steward_with_an_account_is_asked(self, site: Site) -> None:
        steward = make_user("forester")
        entry = site.city.entry(steward="Urban forestry", steward_email="Forester@example.org")
        site.city.do(site.city.coordinator, "inventory_assign", ids=[entry["id"]], user="forester")
        site.people["forester"] = headers(steward)
        site.fresh()
        page = site.page("cdo", "/entries/PARKS-0001")
        assert page.select_one("button[name=purpose][value=question]")
        answer = site.post(
            "cdo", "/entries/PARKS-0001/do/comment", text="Which years?", purpose="question"
        )
        assert "Told at once: Forester." in answer.body
        assert "asked the data steward" in answer.body
        text = site.page("forester", "/notices").get_text()
        assert "Cdo asks you about the data." in text
        assert "Cdo asks the steward" in site.page("coordinator", "/notices").get_text()

    def test_a_steward_without_a_right_is_not(self, site: Site) -> None:
        """An address in the text gives nobody a right: the department passes it on."""
        site.city.entry(steward="Urban forestry", steward_email="editor@example.org")
        answer = site.post(
            "cdo", "/entries/PARKS-0001/do/comment", text="Which years?", purpose="question"
        )
        assert "as the steward has no account" in answer.body
        assert site.get("editor", "/notices").status_code == 404

    def test_sources_too(self, site: Site) -> None:
        site.city.do(
            site.city.coordinator,
            "inventory_source_create",
            title="Tree base",
            owner_org=site.city.parks.id,
        )
        site.post("cdo", "/sources/PARKS-S001/do/comment", text="@parks-coordinator: whose?")
        page = site.page("coordinator", "/notices")
        assert page.select_one('a[href="/inventory/sources/PARKS-S001#history"]')


class TestTheWayFromAMail:
    def test_by_the_sign_in_page(self, site: Site, returned: dict[str, Any]) -> None:
        path = f"/inventory/entries/{returned['name']}"
        answer = site.app.get(
            f"/user/login?came_from={path}",
            headers=site.people["coordinator"],
            follow_redirects=False,
        )
        assert answer.status_code == 303
        assert answer.headers["Location"] == path
        assert "Street and park trees" in site.get("coordinator", path[10:]).body

    def test_who_is_not_signed_in_is_asked(self, site: Site, returned: dict[str, Any]) -> None:
        answer = site.app.get(f"/user/login?came_from=/inventory/entries/{returned['name']}")
        assert answer.status_code == 200
        assert "Street and park trees" not in answer.body

    @pytest.mark.parametrize(
        "elsewhere",
        ["https://example.org/inventory/", "//example.org/inventory/", "/inventory/\\\\x", "/user"],
    )
    def test_nowhere_else(self, site: Site, elsewhere: str) -> None:
        answer = site.app.get(
            f"/user/login?came_from={elsewhere}",
            headers=site.people["coordinator"],
            follow_redirects=False,
        )
        assert not re.search("example.org|x$", answer.headers.get("Location", ""))
