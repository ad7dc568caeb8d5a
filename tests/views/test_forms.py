"""What the forms do: they save, they refuse with everything at once, and nothing typed is lost."""

from __future__ import annotations

import io
from typing import Any

import pytest
from ckan import model
from ckan.tests.helpers import CKANTestApp

from ckanext.inventory.service import checks
from ckanext.inventory.types import Role
from tests.logic.city import ENOUGH_TO_APPROVE, City, make_city
from tests.support import grant, headers, make_organization, make_user

COORDINATOR, CDO, REVIEWER = "coordinator", "cdo", "reviewer"


class Site:
    """A city and a browser that can be anybody of its people."""

    def __init__(self, city: City, app: CKANTestApp) -> None:
        self.city = city
        self.app = app
        self.parks = city.parks.id
        self.people = {
            name: headers(getattr(city, name))
            for name in (COORDINATOR, CDO, REVIEWER, "neighbour", "viewer", "sysadmin")
        }

    def get(self, who: str, path: str) -> Any:
        """Open a page."""
        return self.app.get(f"/inventory{path}", headers=self.people[who])

    def post(self, who: str, path: str, *, follow: bool = False, **data: Any) -> Any:
        """Send a form."""
        return self.app.post(
            f"/inventory{path}", headers=self.people[who], data=data, follow_redirects=follow
        )

    def show(self, number: str) -> dict[str, Any]:
        """Read an entry behind the pages."""
        user = model.User.get("admin")
        return self.city.do(user, "inventory_entry_show", id=number)

    def fresh(self) -> None:
        """Bring the city's people back into the session that the last request closed."""
        for name in vars(self.city):
            setattr(self.city, name, model.Session.merge(getattr(self.city, name)))


@pytest.fixture
def site(db: None, app: CKANTestApp) -> Site:
    return Site(make_city(), app)


@pytest.fixture
def draft(site: Site) -> str:
    return str(site.city.entry(**ENOUGH_TO_APPROVE)["number"])


@pytest.fixture
def submitted(site: Site) -> str:
    return str(site.city.submitted()["number"])


@pytest.fixture
def approved(site: Site) -> str:
    return str(site.city.approved()["number"])


class TestQuickForm:
    def test_a_name_is_enough(self, site: Site) -> None:
        answer = site.post(COORDINATOR, "/entries/new", title="Sports field bookings")
        assert answer.status_code == 303
        assert answer.headers["Location"].endswith("/inventory/entries/PARKS-0001")
        assert site.show("PARKS-0001")["title"] == "Sports field bookings"

    def test_save_and_add_another_keeps_the_source(self, site: Site) -> None:
        source = site.city.do(
            site.city.coordinator, "inventory_source_create", title="Pool log", owner_org=site.parks
        )
        answer = site.post(
            COORDINATOR, "/entries/new", title="Chlorine", source_ids=source["id"], then="another"
        )
        assert answer.status_code == 303
        assert f"source_ids={source['id']}" in answer.headers["Location"]
        form = site.app.get(answer.headers["Location"], headers=site.people[COORDINATOR])
        assert f'value="{source["id"]}" checked' in form.body

    def test_a_refusal_keeps_what_was_typed(self, site: Site) -> None:
        answer = site.post(COORDINATOR, "/entries/new", title="", notes="One row per booking")
        assert answer.status_code == 400
        assert "One row per booking" in answer.body
        assert "One thing to fix" in answer.body

    def test_a_neighbours_department_is_not_offered(self, site: Site) -> None:
        answer = site.post(
            "neighbour", "/entries/new", title="Not mine", owner_org=site.parks, follow=True
        )
        assert "WATER-0001" in answer.body


class TestWithoutDepartments:
    def test_a_cdo_is_told_what_to_do(self, db: None, app: CKANTestApp) -> None:
        cdo = headers(grant(make_user("first-cdo"), Role.CDO))
        for path in ("entries/new", "sources/new", "import"):
            answer = app.get(f"/inventory/{path}", headers=cdo)
            assert "There is no department yet." in answer.body

    def test_a_cdo_adds_to_any_organization(self, db: None, app: CKANTestApp) -> None:
        organization = make_organization("harbour", "Harbour").id
        cdo = headers(grant(make_user("first-cdo"), Role.CDO))
        answer = app.post(
            "/inventory/entries/new",
            headers=cdo,
            data={"title": "Berths", "owner_org": organization},
            follow_redirects=False,
        )
        assert answer.headers["Location"].endswith("-0001")


class TestEdit:
    def test_saves_and_says_so(self, site: Site, draft: str) -> None:
        answer = site.post(
            COORDINATOR, f"/entries/{draft}/edit", follow=True, revision="1", **_typed(value="low")
        )
        assert "Saved." in answer.body
        assert site.show(draft)["content"]["value"] == "low"

    def test_every_problem_at_once_and_nothing_lost(self, site: Site, draft: str) -> None:
        answer = site.post(
            COORDINATOR,
            f"/entries/{draft}/edit",
            revision="1",
            **_typed(title="", steward_email="nonsense", notes="New words"),
        )
        assert answer.status_code == 400
        assert "2 things to fix" in answer.body
        assert "nonsense" in answer.body
        assert "New words" in answer.body

    def test_a_stale_save_shows_what_others_changed(self, site: Site, draft: str) -> None:
        site.post(CDO, f"/entries/{draft}/edit", revision="1", **_typed(title="Theirs"))
        answer = site.post(
            COORDINATOR, f"/entries/{draft}/edit", revision="1", **_typed(notes="Mine")
        )
        assert answer.status_code == 409
        assert "Somebody else saved while you were writing" in answer.body
        assert "<ins>Theirs</ins>" in answer.body
        assert "Mine" in answer.body
        assert 'name="revision" value="2"' in answer.body
        again = site.post(
            COORDINATOR, f"/entries/{draft}/edit", revision="2", **_typed(notes="Mine")
        )
        assert again.status_code == 303
        assert site.show(draft)["content"]["notes"] == "Mine"

    def test_warns_that_an_approved_entry_goes_back_to_review(
        self, site: Site, approved: str
    ) -> None:
        form = site.get(COORDINATOR, f"/entries/{approved}/edit")
        assert "This was approved." in form.body
        assert "Save and send back to review" in form.body

    def test_reasons_are_rows(self, site: Site, draft: str) -> None:
        row = {
            "release_blockers-0-kind": "privacy",
            "release_blockers-0-rationale": "Names residents.",
            "release_blockers-1-kind": "",
        }
        site.post(
            COORDINATOR,
            f"/entries/{draft}/edit",
            revision="1",
            **_typed(blocker_status="some"),
            **row,
        )
        assert [row["kind"] for row in site.show(draft)["blockers"]] == ["privacy"]


def _typed(**changes: Any) -> dict[str, Any]:
    """The whole form as a browser sends it, with some answers changed."""
    return {"title": "Street and park trees", **ENOUGH_TO_APPROVE, **changes}


class TestEntryPage:
    def test_submit_return_and_answer(self, site: Site, draft: str) -> None:
        path = f"/entries/{draft}"
        answer = site.post(COORDINATOR, f"{path}/do/transition", follow=True, transition="submit")
        assert "Submitted. It is with the chief data officer now." in answer.body
        refused = site.post(CDO, f"{path}/do/transition", transition="return", comment="")
        assert refused.status_code == 400
        assert "Say why, in a sentence." in refused.body
        site.post(CDO, f"{path}/do/transition", transition="return", comment="Which columns?")
        page = site.get(COORDINATOR, path)
        assert "Which columns?" in page.body
        assert "Returned" in page.body

    def test_what_cannot_be_done_is_said_with_its_reasons(self, site: Site) -> None:
        number = site.city.entry()["number"]
        page = site.get(COORDINATOR, f"/entries/{number}")
        assert "“Description” is missing." in page.body
        answer = site.post(COORDINATOR, f"/entries/{number}/do/transition", transition="submit")
        assert answer.status_code == 400
        assert "things to fix" in answer.body

    def test_comment_blocker_review_and_marks(self, site: Site, submitted: str) -> None:
        path = f"/entries/{submitted}/do"
        site.post(COORDINATOR, f"{path}/comment", text="A question")
        site.post(CDO, f"{path}/blocker", kind="legal", rationale="Appeals run.", citation="§ 7")
        site.post(REVIEWER, f"{path}/review", kind="privacy", outcome="passed", note="Fine")
        site.post(CDO, f"{path}/mark", field="triage", value="worth_detailing")
        site.post(COORDINATOR, f"{path}/mark", field="in_directory", value="no")
        site.post(COORDINATOR, f"{path}/assign", user="parks-coordinator")
        page = site.get(CDO, f"/entries/{submitted}").body
        for words in ("A question", "Appeals run.", "§ 7", "Passed", "Worth detailing"):
            assert words in page
        assert site.show(submitted)["record"]["in_directory"] is False
        assert site.show(submitted)["record"]["assignee_name"] == "Parks Coordinator"

    def test_a_waiver_is_asked_for_and_given(self, site: Site, submitted: str) -> None:
        path = f"/entries/{submitted}/do"
        site.post(COORDINATOR, f"{path}/blocker", kind="quality", rationale="Gaps before 2019.")
        site.post(
            COORDINATOR, f"{path}/blocker-status", kind="quality", status="request", reason="OK"
        )
        refused = site.post(
            CDO, f"{path}/blocker-status", kind="quality", status="waived", reason=""
        )
        assert refused.status_code == 400
        site.post(CDO, f"{path}/blocker-status", kind="quality", status="waived", reason="Marked")
        assert site.show(submitted)["open_blockers"] == 0

    def test_acts_of_others_answer_not_found(self, site: Site, submitted: str) -> None:
        for who in ("neighbour", "viewer"):
            for act in ("transition", "comment", "classify", "nonsense"):
                answer = site.post(who, f"/entries/{submitted}/do/{act}", transition="approve")
                assert answer.status_code in (400, 404)
        assert site.show(submitted)["state"] == "submitted"

    def test_change_after_approval_is_approved_in_one_click(
        self, site: Site, approved: str
    ) -> None:
        site.post(
            COORDINATOR,
            f"/entries/{approved}/edit",
            revision="1",
            **_typed(change_frequency="daily"),
        )
        page = site.get(CDO, f"/entries/{approved}").body
        assert "One answer changed after it was approved." in page
        assert "<del>Every week</del>" in page
        site.post(CDO, f"/entries/{approved}/do/transition", transition="approve", revision="2")
        assert site.show(approved)["changed"] is False

    def test_delete_is_for_drafts(self, site: Site, draft: str) -> None:
        assert site.post(COORDINATOR, f"/entries/{draft}/delete").status_code == 303
        assert site.get(COORDINATOR, f"/entries/{draft}").status_code == 404


class TestReview:
    def test_the_next_entry_opens(self, site: Site) -> None:
        first = site.city.submitted(title="First")["number"]
        second = site.city.submitted(title="Second")["number"]
        answer = site.post(
            CDO, "/review/decide", number=first, revision="1", decision="approve", next=second
        )
        assert answer.status_code == 303
        assert f"entry={second}" in answer.headers["Location"]
        assert site.show(first)["state"] == "approved"

    def test_a_decision_can_be_taken_back_at_once(self, site: Site) -> None:
        first = site.city.submitted(title="First")["number"]
        second = site.city.submitted(title="Second")["number"]
        answer = site.post(
            CDO, "/review/decide", number=first, revision="1", decision="approve", next=second
        )
        page = site.get(CDO, answer.headers["Location"].removeprefix("/inventory")).body
        assert f"Take back what was decided on {first}" in page
        undone = site.post(CDO, f"/entries/{first}/do/undo", back="review")
        assert undone.headers["Location"].endswith(f"/inventory/review?entry={first}")
        assert site.show(first)["state"] == "submitted"

    def test_words_without_a_decision_are_kept(self, site: Site, submitted: str) -> None:
        answer = site.post(
            CDO, "/review/decide", number=submitted, revision="1", **{"return-comment": "Years?"}
        )
        assert answer.status_code == 400
        assert "Choose a decision first." in answer.body
        assert "Years?" in answer.body

    def test_class_and_waiver_are_settled_in_the_same_act(self, site: Site) -> None:
        entry = site.city.entry(
            **{
                **ENOUGH_TO_APPROVE,
                "blocker_status": "some",
                "release_blockers": [{"kind": "quality", "rationale": "No unit before 2019."}],
            }
        )
        site.city.step(site.city.coordinator, entry, "submit")
        page = site.get(CDO, f"/review?entry={entry['number']}").body
        assert 'name="waive-quality"' in page
        assert 'name="classification"' in page
        answer = site.post(
            CDO,
            "/review/decide",
            **{
                "number": entry["number"],
                "revision": "1",
                "decision": "approve",
                "classification": "public",
                "waive-quality": "We start in 2019.",
            },
        )
        assert answer.status_code == 303
        shown = site.show(entry["number"])
        assert (shown["state"], shown["confirmed"], shown["open_blockers"]) == (
            "approved",
            "public",
            0,
        )

    def test_a_refusal_keeps_the_comment(self, site: Site, submitted: str) -> None:
        answer = site.post(
            CDO,
            "/review/decide",
            **{
                "number": submitted,
                "revision": "1",
                "decision": "defer",
                "defer-comment": "After the move",
            },
        )
        assert answer.status_code == 400
        assert "After the move" in answer.body
        assert "Give a date to look at it again" in answer.body

    def test_bulk_shows_first_and_does_what_is_possible(self, site: Site, submitted: str) -> None:
        other = site.city.entry(title="Benches", **ENOUGH_TO_APPROVE)
        site.city.step(site.city.coordinator, other, "submit")
        ids = [submitted, other["number"]]
        revisions = {f"revision-{number}": "1" for number in ids}
        preview = site.post(CDO, "/review/bulk", act="approve", id=ids, **revisions)
        assert "Nothing is saved yet" in preview.body
        assert "One can go" in preview.body
        assert "One would be refused" in preview.body
        assert site.show(submitted)["state"] == "submitted"
        done = site.post(
            CDO, "/review/bulk", follow=True, act="approve", confirmed="1", id=ids, **revisions
        )
        assert "Approved one entry." in done.body
        assert "One entry was left as it was." in done.body
        assert site.show(submitted)["state"] == "approved"
        assert site.show(other["number"])["state"] == "submitted"

    def test_bulk_return_needs_a_comment_and_keeps_the_selection(
        self, site: Site, submitted: str
    ) -> None:
        form = {"act": "return", "confirmed": "1", "id": submitted}
        answer = site.post(CDO, "/review/bulk", **form)
        assert site.show(submitted)["state"] == "submitted"
        assert submitted in answer.body
        site.post(CDO, "/review/bulk", comment="Please look again", **form)
        assert site.show(submitted)["state"] == "returned"


class TestList:
    def test_bulk_submit(self, site: Site, draft: str) -> None:
        empty = site.city.entry(title="Nothing yet")["number"]
        preview = site.post(COORDINATOR, "/entries/bulk", act="submit", id=[draft, empty])
        assert "“Description” is missing." in preview.body
        site.post(COORDINATOR, "/entries/bulk", act="submit", confirmed="1", id=[draft, empty])
        assert site.show(draft)["state"] == "submitted"
        assert site.show(empty)["state"] == "draft"

    def test_nothing_selected(self, site: Site, draft: str) -> None:
        answer = site.post(COORDINATOR, "/entries/bulk", follow=True, act="submit")
        assert "Select an entry first." in answer.body

    def test_search_and_filters(self, site: Site, draft: str) -> None:
        site.city.entry(title="Greenhouse plant stock")
        assert "Greenhouse" not in _table(site.get(COORDINATOR, "/entries?q=trees").body)
        assert draft in site.get(COORDINATOR, "/entries?value=high&state=draft").body
        nothing = site.get(COORDINATOR, "/entries?q=zebra")
        assert "No entry matches all of these" in nothing.body


def _table(body: str) -> str:
    return body[body.index("<tbody>") :]


class TestPromote:
    def test_link(self, site: Site, approved: str) -> None:
        form = site.get(CDO, f"/entries/{approved}/promote").body
        assert "What the public will see" in form
        assert "Urban forestry" not in form
        answer = site.post(
            CDO,
            f"/entries/{approved}/promote",
            follow=True,
            **_publication(site, approved, **{"resource-0-url": "https://example.org/trees.csv"}),
        )
        assert "It is on the portal." in answer.body
        assert site.show(approved)["state"] == "published"

    def test_upload(self, site: Site, approved: str) -> None:
        file = (io.BytesIO(b"species,year\noak,1987\n"), "trees.csv")
        answer = site.post(
            CDO,
            f"/entries/{approved}/promote",
            **_publication(site, approved, **{"resource-0-upload": file}),
        )
        assert answer.status_code == 303, answer.body[-3000:]
        link = site.show(approved)["link"]
        page = site.app.get(f"/dataset/{link['name']}")
        assert "trees.csv" in page.body

    def test_data_are_needed_or_expressly_not(self, site: Site, approved: str) -> None:
        refused = site.post(
            CDO, f"/entries/{approved}/promote", comment="typed", **_publication(site, approved)
        )
        assert refused.status_code == 400
        assert "typed" in refused.body
        done = site.post(
            CDO, f"/entries/{approved}/promote", **_publication(site, approved, metadata_only="yes")
        )
        assert done.status_code == 303

    def test_look_first(self, site: Site, approved: str) -> None:
        given = _publication(site, approved, transition="look", license_id="notspecified")
        answer = site.post(
            CDO,
            f"/entries/{approved}/promote",
            **given,
            **{"resource-0-url": "https://x.example/a"},
        )
        assert answer.status_code == 200
        assert "License not specified" in answer.body
        assert "https://x.example/a" in answer.body
        assert site.show(approved)["state"] == "approved"

    def test_prepare_out_of_sight(self, site: Site, approved: str) -> None:
        given = _publication(site, approved, transition="prepare", due="2027-03")
        site.post(CDO, f"/entries/{approved}/promote", **given)
        shown = site.show(approved)
        assert (shown["state"], shown["link"]["due"]) == ("preparing", "2027-03")
        assert site.app.get(f"/dataset/{shown['link']['name']}").status_code == 404

    def test_not_for_coordinators(self, site: Site, approved: str) -> None:
        answer = site.get(COORDINATOR, f"/entries/{approved}/promote")
        assert "What the public will see" not in answer.body


def _publication(site: Site, number: str, **more: Any) -> dict[str, Any]:
    return {
        "transition": "promote",
        "mode": "created",
        "license_id": "cc-by",
        "revision": str(site.show(number)["revision"]),
        **more,
    }


class TestSources:
    def test_add_complete_and_retire(self, site: Site) -> None:
        answer = site.post(COORDINATOR, "/sources/new", follow=True, title="Pool log")
        assert "Saved as PARKS-S001." in answer.body
        refused = site.post(COORDINATOR, "/sources/PARKS-S001/do/transition", transition="submit")
        assert refused.status_code == 400
        done = site.post(
            COORDINATOR,
            "/sources/PARKS-S001/do/transition",
            follow=True,
            transition="retire",
            comment="Paper is gone",
        )
        assert "Retired" in done.body
        assert "Paper is gone" in done.body


class TestAdmin:
    def test_name_and_end_a_role(self, site: Site) -> None:
        make_user("new-colleague", fullname="New colleague")
        answer = site.post(
            CDO,
            "/admin/role-add",
            follow=True,
            user="new-colleague",
            role="coordinator",
            department=site.parks,
        )
        assert "New colleague" in answer.body
        role = answer.body.rsplit('name="id" value="', 1)
        assert role
        refused = site.post(CDO, "/admin/role-add", user="nobody-here", role="viewer")
        assert refused.status_code == 400
        assert "nobody-here" in refused.body

    def test_defaults_of_a_department(self, site: Site) -> None:
        site.post(CDO, "/admin/department", id=site.parks, steward="Head of parks")
        number = _create(site)
        assert "Head of parks" in site.get(COORDINATOR, f"/entries/{number}").body

    def test_one_department_is_opened_to_be_changed(self, site: Site) -> None:
        closed = site.get(CDO, "/admin").body
        assert 'name="steward"' not in closed
        assert f"?department={site.parks}" in closed
        opened = site.get(CDO, f"/admin?department={site.parks}").body
        assert opened.count('name="steward"') == 1
        refused = site.post(CDO, "/admin/department", id=site.parks, opened=site.parks, code="a b")
        assert refused.status_code == 400
        assert 'value="A B"' in refused.body or 'value="a b"' in refused.body

    def test_the_self_check_runs_by_button_and_says_when(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = site.get(CDO, "/admin").body
        assert "Never run" in before
        assert "been run yet." in before
        site.post(CDO, "/admin/check")

        def slow(session: object) -> None:
            raise AssertionError("a page that is only read looks at nothing")

        monkeypatch.setattr(checks, "check", slow)
        after = site.get(CDO, "/admin").body
        assert "Last run: Today" in after
        assert "Never run" not in after

    def test_only_cdos_change_anything(self, site: Site) -> None:
        for who in (COORDINATOR, REVIEWER, "viewer"):
            answer = site.post(who, "/admin/role-add", user="viewer", role="viewer")
            assert answer.status_code == 404


def _create(site: Site) -> str:
    answer = site.post(COORDINATOR, "/entries/new", title="Trees")
    return str(answer.headers["Location"].rsplit("/", 1)[1])


class TestForgery:
    def test_a_form_without_its_token_is_refused(self, db: None, app: CKANTestApp) -> None:
        make_city()
        user = make_user("signed-in", password="correct-horse-1")
        grant(user, Role.CDO)
        app.get("/inventory/guide")
        page = app.get("/user/login").body
        token = page.split('name="_csrf_token" type="hidden" value="')[-1].split('"')[0]
        app.post(
            "/user/login",
            data={"login": "signed-in", "password": "correct-horse-1", "_csrf_token": token},
        )
        assert app.get("/inventory/admin").status_code == 200
        answer = app.post("/inventory/entries/new", data={"title": "Forged"})
        assert answer.status_code == 400
