"""The way of an entry from draft to approval and back, on the real stack."""

from __future__ import annotations

import datetime as dt

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from sqlalchemy.exc import DatabaseError

from ckanext.inventory import clock
from ckanext.inventory.service import events, roles
from ckanext.inventory.types import Role
from tests.logic.city import ENOUGH_TO_APPROVE, ENOUGH_TO_SUBMIT, City, events_of, make_city
from tests.support import grant, make_user


@pytest.fixture
def city(db: None) -> City:
    return make_city()


class TestCreate:
    def test_a_title_and_a_department_are_enough(self, city: City) -> None:
        entry = city.entry()
        assert entry["number"] == "PARKS-0001"
        assert entry["workflow_state"] == "draft"
        assert entry["revision"] == 1
        assert entry["private"] is True

    def test_numbers_count_up_by_department_and_type(self, city: City) -> None:
        city.entry()
        assert city.entry(title="Benches")["number"] == "PARKS-0002"
        source = city.do(
            city.coordinator,
            "inventory_source_create",
            title="Tree inventory",
            owner_org=city.parks.id,
        )
        assert source["number"] == "PARKS-S001"
        other = city.entry(city.neighbour, owner_org=city.water.id)
        assert other["number"] == "WATER-0001"

    def test_another_departments_coordinator_is_refused(self, city: City) -> None:
        with pytest.raises(tk.NotAuthorized):
            city.entry(city.neighbour)

    def test_a_title_is_needed(self, city: City) -> None:
        with pytest.raises(tk.ValidationError) as refusal:
            city.entry(title="")
        assert "title" in refusal.value.error_dict


class TestSubmit:
    def test_everything_that_is_missing_is_said_at_once(self, city: City) -> None:
        entry = city.entry()
        with pytest.raises(tk.ValidationError) as refusal:
            city.step(city.coordinator, entry, "submit")
        assert {"notes", "value", "classification", "blocker_status"} <= set(
            refusal.value.error_dict
        )
        assert city.state(entry) == "draft"

    def test_submit_and_recall(self, city: City) -> None:
        entry = city.entry(**ENOUGH_TO_SUBMIT)
        city.step(city.coordinator, entry, "submit")
        assert city.state(entry) == "submitted"
        city.step(city.coordinator, entry, "recall")
        assert city.state(entry) == "draft"
        assert events_of(entry) == ["create", "submit", "recall"]

    def test_a_submitted_entry_keeps_what_submit_asked(self, city: City) -> None:
        entry = city.entry(**ENOUGH_TO_SUBMIT)
        city.step(city.coordinator, entry, "submit")
        with pytest.raises(tk.ValidationError) as refusal:
            city.do(city.coordinator, "package_patch", id=entry["id"], notes="")
        assert "notes" in refusal.value.error_dict


class TestReturn:
    def test_a_comment_is_needed(self, city: City) -> None:
        entry = city.submitted()
        with pytest.raises(tk.ValidationError) as refusal:
            city.step(city.cdo, entry, "return")
        assert "comment" in refusal.value.error_dict
        city.step(city.cdo, entry, "return", comment="Which years?")
        assert city.state(entry) == "returned"

    def test_a_coordinator_cannot_return(self, city: City) -> None:
        entry = city.submitted()
        with pytest.raises(tk.NotAuthorized):
            city.step(city.coordinator, entry, "return", comment="no")


class TestApprove:
    def test_the_second_person(self, city: City) -> None:
        entry = city.submitted()
        city.step(city.cdo, entry, "approve")
        assert city.state(entry) == "approved"

    def test_who_wrote_it_may_not_approve_it(self, city: City) -> None:
        entry = city.entry(city.cdo, **ENOUGH_TO_APPROVE)
        city.step(city.coordinator, entry, "submit")
        with pytest.raises(tk.NotAuthorized):
            city.step(city.cdo, entry, "approve", classification="public")

    def test_the_second_person_binds_sysadmins(self, city: City) -> None:
        entry = city.entry(city.sysadmin, **ENOUGH_TO_APPROVE)
        city.step(city.sysadmin, entry, "submit")
        with pytest.raises(tk.NotAuthorized):
            city.step(city.sysadmin, entry, "approve", classification="public")

    def test_who_confirms_a_text_becomes_its_author(self, city: City) -> None:
        entry = city.entry(city.cdo, **ENOUGH_TO_APPROVE)
        city.step(city.coordinator, entry, "confirm")
        city.step(city.coordinator, entry, "submit")
        city.step(city.cdo, entry, "approve", classification="public")
        assert city.state(entry) == "approved"

    def test_a_delegate_of_another_department_may_not(self, city: City) -> None:
        entry = city.submitted()
        delegate = grant(make_user(), Role.REVIEWER, city.water, may_approve=True)
        with pytest.raises(tk.NotAuthorized):
            city.step(delegate, entry, "approve")
        delegate = grant(make_user(), Role.REVIEWER, city.parks, may_approve=True)
        city.step(delegate, entry, "approve")
        assert city.state(entry) == "approved"

    def test_a_stale_revision_is_refused(self, city: City) -> None:
        entry = city.submitted()
        city.do(city.coordinator, "package_patch", id=entry["id"], notes="Another text, longer.")
        with pytest.raises(tk.ValidationError) as refusal:
            city.step(city.cdo, entry, "approve", revision=1)
        assert "revision" in refusal.value.error_dict

    def test_an_open_blocker_stands_in_the_way_until_it_is_waived(self, city: City) -> None:
        entry = city.submitted(
            blocker_status="some",
            release_blockers=[
                {
                    "kind": "quality",
                    "rationale": "Diameters are missing for some.",
                    "status": "open",
                }
            ],
            sensitive_data_comments="Nothing to do",
        )
        with pytest.raises(tk.ValidationError):
            city.step(city.cdo, entry, "approve")
        city.step(city.cdo, entry, "approve", waive={"quality": "They are marked as not measured."})
        shown = city.do(city.cdo, "inventory_entry_show", id=entry["id"])
        assert shown["state"] == "approved"
        assert shown["blockers"][0]["status"] == "waived"
        assert not shown["changed"]

    def test_who_settles_a_blocker_may_approve(self, city: City) -> None:
        """A blocker's status is a reviewer's word, not text of the department."""
        row = {"kind": "quality", "rationale": "Diameters are missing for some.", "status": "open"}
        entry = city.submitted(blocker_status="some", release_blockers=[row])
        city.do(
            city.cdo,
            "inventory_blocker_status",
            id=entry["id"],
            kind="quality",
            status="waived",
            reason="They are marked as not measured.",
        )
        city.step(city.cdo, entry, "approve")
        assert city.state(entry) == "approved"

    def test_an_edit_after_approval_needs_another_approval(self, city: City) -> None:
        entry = city.approved()
        city.do(city.coordinator, "package_patch", id=entry["id"], notes="A new description of it.")
        shown = city.do(city.cdo, "inventory_entry_show", id=entry["id"])
        assert shown["changed"]
        assert [change["field"] for change in shown["changes"]] == ["notes"]
        city.step(city.cdo, entry, "approve")
        assert not city.do(city.cdo, "inventory_entry_show", id=entry["id"])["changed"]

    def test_it_waits_since_the_first_change(self, city: City) -> None:
        entry = city.approved()
        days = [dt.timedelta(days=days) for days in (10, 12)]
        start = clock.now()
        for day, text in zip(days, ("A new description.", "A newer description."), strict=True):
            with clock.at(start + day):
                city.do(city.coordinator, "package_patch", id=entry["id"], notes=text)
        shown = city.do(city.cdo, "inventory_entry_show", id=entry["id"])
        assert shown["ball"] == {"who": "deciders", "since": (start + days[0]).isoformat()}

    def test_changing_it_back_clears_the_change(self, city: City) -> None:
        entry = city.approved()
        patch = {"id": entry["id"]}
        city.do(city.coordinator, "package_patch", notes="Something else entirely.", **patch)
        city.do(city.coordinator, "package_patch", notes=ENOUGH_TO_SUBMIT["notes"], **patch)
        assert not city.do(city.cdo, "inventory_entry_show", id=entry["id"])["changed"]

    def test_a_field_that_does_not_bear_on_release_changes_nothing(self, city: City) -> None:
        entry = city.approved()
        city.do(city.coordinator, "package_patch", id=entry["id"], comments="Ask the foresters.")
        assert not city.do(city.cdo, "inventory_entry_show", id=entry["id"])["changed"]

    def test_the_approved_text_can_be_taken_back(self, city: City) -> None:
        entry = city.approved()
        city.do(
            city.coordinator,
            "package_patch",
            id=entry["id"],
            notes="Something else entirely.",
            keywords=["canopy"],
        )
        city.do(city.coordinator, "inventory_restore_approved", id=entry["id"])
        shown = city.do(city.cdo, "inventory_entry_show", id=entry["id"])
        assert not shown["changed"]
        assert shown["content"]["notes"] == ENOUGH_TO_SUBMIT["notes"]
        assert "keywords" not in shown["content"]

    def test_a_decision_takes_no_text_of_the_departments(self, city: City) -> None:
        entry = city.submitted()
        with pytest.raises(tk.ValidationError) as refusal:
            city.step(city.cdo, entry, "approve", fields={"notes": "My own words, then approved."})
        assert "notes" in refusal.value.error_dict
        city.step(city.cdo, entry, "approve", fields={"license_id": "cc-by"})
        shown = city.do(city.cdo, "inventory_entry_show", id=entry["id"])
        assert (shown["state"], shown["changed"]) == ("approved", False)
        assert shown["record"]["approved_revision"] == 2


class TestAside:
    def test_defer_asks_for_reason_and_date(self, city: City) -> None:
        entry = city.submitted()
        with pytest.raises(tk.ValidationError) as refusal:
            city.step(city.cdo, entry, "defer")
        assert {"comment", "look_again"} <= set(refusal.value.error_dict)
        city.step(city.cdo, entry, "defer", comment="No staff this year.", look_again="2027")
        assert city.state(entry) == "deferred"
        city.step(city.coordinator, entry, "reopen", comment="There is staff now.")
        assert city.state(entry) == "draft"

    def test_quality_does_not_justify_withholding(self, city: City) -> None:
        entry = city.submitted()
        blocker = {"kind": "quality", "rationale": "Diameters are missing for some trees."}
        with pytest.raises(tk.ValidationError):
            city.step(city.cdo, entry, "withhold", blocker=blocker)
        blocker = {"kind": "privacy", "rationale": "Names of residents are in it."}
        city.step(city.cdo, entry, "withhold", blocker=blocker)
        shown = city.do(city.cdo, "inventory_entry_show", id=entry["id"])
        assert shown["state"] == "withheld"
        assert [row["kind"] for row in shown["blockers"]] == ["privacy"]

    def test_retire_and_reopen(self, city: City) -> None:
        entry = city.entry()
        city.step(city.coordinator, entry, "retire", retire_reason="duplicate")
        with pytest.raises(tk.NotAuthorized):
            city.do(city.coordinator, "package_patch", id=entry["id"], title="Still there")
        city.step(city.coordinator, entry, "reopen", comment="It isn't a duplicate.")
        assert city.state(entry) == "draft"


class TestUndo:
    def test_ones_own_decision_for_a_short_time(self, city: City) -> None:
        entry = city.submitted()
        city.step(city.cdo, entry, "approve")
        city.do(city.cdo, "inventory_undo", id=entry["id"])
        assert city.state(entry) == "submitted"
        assert events_of(entry)[-2:] == ["approve", "undo"]

    def test_not_somebody_elses(self, city: City) -> None:
        entry = city.submitted()
        city.step(city.cdo, entry, "approve")
        with pytest.raises(tk.ValidationError):
            city.do(city.sysadmin, "inventory_undo", id=entry["id"])

    def test_not_later(self, city: City) -> None:
        entry = city.submitted()
        city.step(city.cdo, entry, "approve")
        with clock.at(clock.now() + dt.timedelta(seconds=61)), pytest.raises(tk.ValidationError):
            city.do(city.cdo, "inventory_undo", id=entry["id"])


class TestBulk:
    def test_all_or_nothing(self, city: City) -> None:
        good, bad = city.submitted(), city.entry(title="Benches")
        revisions = {good["id"]: 1, bad["id"]: 1}
        with pytest.raises(tk.ValidationError) as refusal:
            city.do(
                city.cdo,
                "inventory_transition_bulk",
                ids=[good["number"], bad["number"]],
                transition="approve",
                revisions=revisions,
            )
        assert [row["number"] for row in refusal.value.error_dict["refused"]] == [bad["number"]]
        assert city.state(good) == "submitted"

    def test_what_can_be_done(self, city: City) -> None:
        good, bad = city.submitted(), city.entry(title="Benches")
        outcome = city.do(
            city.cdo,
            "inventory_transition_bulk",
            ids=[good["number"], bad["number"]],
            transition="approve",
            revisions={good["number"]: 1, bad["number"]: 1},
            mode="possible",
        )
        assert [row["number"] for row in outcome["done"]] == [good["number"]]
        assert [row["number"] for row in outcome["refused"]] == [bad["number"]]
        assert city.state(good) == "approved"


class TestRevisions:
    def test_update_names_the_revision(self, city: City) -> None:
        entry = city.entry(**ENOUGH_TO_SUBMIT)
        sent = {key: value for key, value in entry.items() if key != "revision"}
        with pytest.raises(tk.ValidationError) as refusal:
            city.do(city.coordinator, "package_update", **sent)
        assert "revision" in refusal.value.error_dict
        updated = city.do(city.coordinator, "package_update", **{**entry, "title": "Trees"})
        assert updated["revision"] == 2

    def test_a_stale_one_says_what_changed(self, city: City) -> None:
        entry = city.entry()
        city.do(city.coordinator, "package_patch", id=entry["id"], notes="Mine.")
        with pytest.raises(tk.ValidationError) as refusal:
            city.do(city.cdo, "package_patch", id=entry["id"], title="Yours", revision=1)
        assert "Description" in str(refusal.value.error_dict["revision"])

    def test_an_unchanged_save_is_no_revision(self, city: City) -> None:
        entry = city.entry()
        same = city.do(city.coordinator, "package_patch", id=entry["id"], title=entry["title"])
        assert same["revision"] == 1

    def test_writers_are_held(self, city: City) -> None:
        entry = city.entry()
        with pytest.raises(tk.ValidationError) as refusal:
            city.do(
                city.coordinator,
                "package_patch",
                id=entry["id"],
                release_justification="Because I say so, in a sentence.",
            )
        assert "release_justification" in refusal.value.error_dict
        with pytest.raises(tk.ValidationError):
            city.do(city.reviewer, "package_patch", id=entry["id"], steward="Somebody")

    def test_the_department_is_no_field(self, city: City) -> None:
        entry = city.entry()
        with pytest.raises(tk.ValidationError) as refusal:
            city.do(city.cdo, "package_patch", id=entry["id"], owner_org=city.water.id)
        assert "owner_org" in refusal.value.error_dict


class TestReading:
    def test_who_may_not_see_it_learns_nothing(self, city: City) -> None:
        entry = city.entry()
        for user in (city.neighbour, city.editor):
            for action in ("package_show", "inventory_entry_show"):
                for reference in (entry["id"], entry["name"], entry["number"], "PARKS-9999"):
                    with pytest.raises(tk.ObjectNotFound):
                        city.do(user, action, id=reference)

    def test_restricted_is_hidden_from_viewers(self, city: City) -> None:
        entry = city.entry()
        assert city.do(city.viewer, "inventory_entry_list")["count"] == 1
        city.do(
            city.coordinator,
            "inventory_mark",
            ids=[entry["id"]],
            field="visibility",
            value="department_and_cdo_only",
        )
        assert city.do(city.viewer, "inventory_entry_list")["count"] == 0
        with pytest.raises(tk.ObjectNotFound):
            city.do(city.viewer, "inventory_entry_show", id=entry["id"])
        assert city.do(city.reviewer, "inventory_entry_list")["count"] == 1

    def test_an_assignee_sees_and_edits(self, city: City) -> None:
        entry = city.entry()
        city.do(city.coordinator, "inventory_assign", ids=[entry["id"]], user=city.editor.name)
        shown = city.do(city.editor, "inventory_entry_show", id=entry["number"])
        assert shown["may"]["edit"]
        city.do(city.editor, "package_patch", id=entry["id"], notes="By the assignee.")
        city.do(city.coordinator, "inventory_assign", ids=[entry["id"]], user="")
        with pytest.raises(tk.ObjectNotFound):
            city.do(city.editor, "inventory_entry_show", id=entry["number"])


class TestList:
    def test_words_match_from_their_beginning(self, city: City) -> None:
        city.entry(notes="Species and trunk diameter")
        city.entry(title="Benches")
        found = city.do(city.coordinator, "inventory_entry_list", q="diam spec")
        assert [row["title"] for row in found["results"]] == ["Street and park trees"]

    @pytest.mark.parametrize("typed", ["PARKS-0001", "parks 0001", "2024", "2019-2024", "street_t"])
    def test_what_is_joined_by_signs_is_found(self, city: City, typed: str) -> None:
        city.entry(notes="The years 2019-2024, see street_trees.csv")
        assert city.do(city.coordinator, "inventory_entry_list", q=typed)["count"] == 1

    def test_words_follow_the_text(self, city: City) -> None:
        entry = city.entry(notes="Species and trunk diameter")
        city.do(city.coordinator, "package_patch", id=entry["id"], notes="Height of the crown")
        for words, count in (("diam", 0), ("crown", 1), (entry["number"], 1)):
            assert city.do(city.coordinator, "inventory_entry_list", q=words)["count"] == count

    def test_facets_count_what_one_may_see(self, city: City) -> None:
        city.entry(value="high")
        city.entry(title="Benches")
        found = city.do(city.coordinator, "inventory_entry_list")
        assert {(i["value"], i["count"]) for i in found["facets"]["value"]} == {
            ("high", 1),
            (None, 1),
        }
        assert city.do(city.neighbour, "inventory_entry_list")["count"] == 0


class TestHistory:
    def test_the_chain_is_whole_and_shows_tampering(self, city: City) -> None:
        city.approved()
        session = model.Session()
        assert list(events.verify(session)) == []

    def test_erased_words_leave_the_chain_whole(self, city: City) -> None:
        entry = city.entry()
        city.do(city.coordinator, "inventory_comment", id=entry["id"], text="Call Jo at home.")
        last = city.do(city.coordinator, "inventory_history", id=entry["id"])[0]
        assert last["details"]["comment"] == "Call Jo at home."
        city.do(city.sysadmin, "inventory_event_erase", event_id=last["id"], reason="personal data")
        shown = city.do(city.coordinator, "inventory_history", id=entry["id"])
        assert shown[0]["details"] == {}
        assert shown[0]["erased"]
        assert list(events.verify(model.Session())) == []

    def test_the_database_refuses_to_change_it(self, city: City) -> None:
        city.entry()
        for statement in ("UPDATE inventory_event SET act = 'x'", "DELETE FROM inventory_event"):
            with pytest.raises(DatabaseError), model.Session.begin_nested():
                model.Session.execute(sa.text(statement))


class TestRoles:
    def test_the_cdo_names_coordinators_and_a_sysadmin_names_cdos(self, city: City) -> None:
        user = make_user()
        city.do(
            city.cdo,
            "inventory_role_add",
            user=user.name,
            role="coordinator",
            department=city.parks.name,
        )
        city.entry(user)
        with pytest.raises(tk.NotAuthorized):
            city.do(city.cdo, "inventory_role_add", user=user.name, role="cdo")
        city.do(city.sysadmin, "inventory_role_add", user=user.name, role="cdo")

    def test_ending_the_last_role_ends_assignments(self, city: City) -> None:
        entry = city.entry()
        user = make_user()
        role = city.do(
            city.cdo,
            "inventory_role_add",
            user=user.name,
            role="coordinator",
            department=city.parks.name,
        )
        city.do(city.coordinator, "inventory_assign", ids=[entry["id"]], user=user.name)
        ended = city.do(city.cdo, "inventory_role_remove", id=role["id"])
        assert ended["unassigned"] == 1
        with pytest.raises(tk.ObjectNotFound):
            city.do(user, "inventory_entry_show", id=entry["id"])

    def test_a_role_that_ran_out_takes_its_assignments_along(self, city: City) -> None:
        entry = city.entry()
        today = clock.today()
        user = grant(make_user(), Role.COORDINATOR, city.parks, until=today)
        city.do(city.coordinator, "inventory_assign", ids=[entry["id"]], user=user.name)
        assert roles.end_expired(model.Session()) == 0
        with clock.at(clock.now() + dt.timedelta(days=1)):
            assert roles.end_expired(model.Session()) == 1
            with pytest.raises(tk.ObjectNotFound):
                city.do(user, "inventory_entry_show", id=entry["id"])

    def test_a_closed_account_has_no_assignment(self, city: City) -> None:
        entry = city.entry()
        city.do(city.coordinator, "inventory_assign", ids=[entry["id"]], user=city.editor.name)
        city.editor.state = model.State.DELETED
        model.Session.commit()
        assert roles.end_expired(model.Session()) == 1
        assert events_of(entry)[-1] == "assign"


class TestTransfer:
    def test_one_side_asks_the_other_accepts(self, city: City) -> None:
        entry = city.approved()
        city.do(
            city.coordinator,
            "inventory_transfer_request",
            id=entry["id"],
            department=city.water.name,
        )
        with pytest.raises(tk.NotAuthorized):
            city.do(city.coordinator, "inventory_transfer_accept", id=entry["id"])
        city.do(city.neighbour, "inventory_transfer_accept", id=entry["id"])
        shown = city.do(city.neighbour, "inventory_entry_show", id=entry["number"])
        assert shown["department"]["id"] == city.water.id
        assert shown["number"] == "PARKS-0001"
        assert shown["state"] == "approved"
        assert not shown["changed"]
        with pytest.raises(tk.ObjectNotFound):
            city.do(city.coordinator, "inventory_entry_show", id=entry["number"])

    def test_merge_moves_everything(self, city: City) -> None:
        entry = city.entry()
        moved = city.do(
            city.cdo, "inventory_merge", department=city.parks.name, into=city.water.name
        )
        assert moved == {"moved": 1}
        assert city.do(city.neighbour, "inventory_entry_show", id=entry["number"])
