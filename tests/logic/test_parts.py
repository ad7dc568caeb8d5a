"""Parts for colleagues without an account: what goes out, to whom, what comes back, and what never goes."""

from __future__ import annotations

import base64
import datetime as dt
import io
import zipfile
from email.message import EmailMessage
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.tests.helpers import CKANTestApp

from ckanext.inventory import clock
from ckanext.inventory.model import Part, RoleGrant
from ckanext.inventory.service import kept_imports, outbox
from tests.logic.city import City, events_of, make_city
from tests.logic.returning import content, opened, preview, put, row_of, save, saved
from tests.logic.test_notices import Mailbox, body
from tests.logic.test_notices import post as post
from tests.views.pages import Pages

pytestmark = pytest.mark.ckan_config("smtp.mail_from", "portal@larkhaven.example")

STEWARD = "steward@lab.example"


@pytest.fixture
def city(db: None) -> City:
    city = make_city()
    for title in ("Trees", "Benches", "Lamps"):
        city.entry(title=title, notes="one")
    return city


def send(city: City, user: Any = None, **data: Any) -> dict[str, Any]:
    data.setdefault("ids", ["PARKS-0001", "PARKS-0003"])
    data.setdefault("to_name", "Lab steward")
    return city.do(user or city.coordinator, "inventory_part_send", **data)


def file_of(found: dict[str, Any]) -> bytes:
    return base64.b64decode(found["content"])


def text_of(data: bytes) -> str:
    """Everything that stands in any part of the package."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return "\n".join(archive.read(name).decode() for name in archive.namelist())


def listed(city: City, user: Any = None, **data: Any) -> list[dict[str, Any]]:
    return city.do(user or city.coordinator, "inventory_part_list", **data)["results"]


class TestWhatIsInIt:
    def test_the_chosen_rows_and_what_the_department_writes(self, city: City) -> None:
        book = opened(file_of(send(city, message="Only the descriptions.", due="2099-01-31")))
        assert book.sheetnames == ["Start here", "Datasets", "Lists"]
        sheet = book["Datasets"]
        headers = [str(cell.value).rstrip(" *") for cell in sheet[1]][:-1]
        assert headers[:2] == ["Number", "Name"]
        for reviewers_only in ("Classification confirmed", "State", "Waits for", "Who may see it"):
            assert reviewers_only not in headers
        assert [sheet.cell(row, 1).value for row in (2, 3, 4)] == ["PARKS-0001", "PARKS-0003", None]
        words = " ".join(
            str(row[0].value) for row in book["Start here"].iter_rows() if row[0].value
        )
        for expected in ("Parks Coordinator", "Only the descriptions.", "2099-01-31"):
            assert expected in words

    def test_nothing_beyond_these_rows(self, city: City) -> None:
        """No other record, mark, reason or account, not in the hidden column either."""
        source = city.do(
            city.neighbour, "inventory_source_create", title="Wellspring", owner_org=city.water.id
        )
        city.do(city.neighbour, "inventory_mark", ids=[source["id"]], field="shared", value=True)
        own = city.do(
            city.coordinator, "inventory_source_create", title="Treebase", owner_org=city.parks.id
        )
        secret = city.do(
            city.coordinator, "inventory_source_create", title="Vault", owner_org=city.parks.id
        )
        city.do(
            city.coordinator,
            "inventory_mark",
            ids=[secret["id"]],
            field="visibility",
            value="department_and_cdo_only",
        )
        city.do(
            city.coordinator,
            "inventory_entry_patch",
            id="PARKS-0001",
            source_ids=[source["id"], own["id"], secret["id"]],
            blocker_status="some",
            release_blockers=[{"kind": "privacy", "status": "open", "rationale": "Skeleton"}],
        )
        city.do(city.coordinator, "inventory_assign", ids=["PARKS-0001"], user=city.coordinator.id)
        found = text_of(file_of(send(city, ids=["PARKS-0001"])))
        assert "Treebase" in found
        for word in ("Benches", "Wellspring", "Vault", "Skeleton", city.coordinator.id):
            assert word not in found, word

    def test_restricted_and_retired_entries_stay_out(self, city: City) -> None:
        city.do(
            city.coordinator,
            "inventory_mark",
            ids=["PARKS-0001"],
            field="visibility",
            value="department_and_cdo_only",
        )
        with pytest.raises(tk.ValidationError) as refused:
            send(city)
        assert "PARKS-0001: It is only for the department" in str(refused.value.error_dict)
        assert listed(city) == []


class TestWhoMay:
    @pytest.mark.parametrize("who", ["neighbour", "viewer", "reviewer", "editor"])
    def test_only_who_may_edit_every_row(self, city: City, who: str) -> None:
        with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound, tk.ValidationError)):
            send(city, getattr(city, who))
        assert listed(city) == []

    def test_somebody_an_entry_is_assigned_to_sends_nothing(self, city: City) -> None:
        city.do(city.coordinator, "inventory_assign", ids=["PARKS-0001"], user=city.editor.id)
        with pytest.raises((tk.ValidationError, tk.NotAuthorized)):
            send(city, city.editor, ids=["PARKS-0001"])

    def test_one_row_of_another_department_refuses_all(self, city: City) -> None:
        city.do(city.neighbour, "inventory_entry_create", title="Pipes", owner_org=city.water.id)
        with pytest.raises(tk.ObjectNotFound):
            send(city, ids=["PARKS-0001", "WATER-0001"])
        assert listed(city, city.cdo) == []

    def test_parts_are_known_to_the_department_and_the_cdo(self, city: City) -> None:
        part = send(city, city.cdo)
        assert [row["id"] for row in listed(city)] == [part["id"]]
        assert listed(city, city.neighbour) == []
        assert listed(city, city.viewer) == []
        with pytest.raises(tk.ObjectNotFound):
            city.do(city.neighbour, "inventory_part_close", id=part["id"])

    def test_words_and_days_are_checked(self, city: City) -> None:
        for wrong in ({"due": "soon"}, {"due": "2001-01-01"}, {"to_name": ""}, {"to_email": "x"}):
            with pytest.raises(tk.ValidationError):
                send(city, **wrong)

    @pytest.mark.ckan_config("ckanext.inventory.part.domains", ["larkhaven.example"])
    def test_a_site_may_say_which_addresses(self, city: City, post: Mailbox) -> None:
        with pytest.raises(tk.ValidationError):
            send(city, to_email=STEWARD)
        send(city, to_email="lab@larkhaven.example")


class TestByMail:
    def test_it_says_who_what_and_by_when_and_the_subject_names_nothing(
        self, city: City, post: Mailbox
    ) -> None:
        send(city, to_email=STEWARD, message="Only the descriptions.", due="2099-01-31")
        outbox.drain(model.Session())
        address, mail = post.mails[-1]
        assert address == STEWARD
        subject = str(mail["Subject"])
        for word in ("Trees", "Lamps", "PARKS"):
            assert word not in subject
        words = body(mail)
        for word in ("Parks Coordinator", "2 rows", "Only the descriptions.", "2099-01-31"):
            assert word in words, word
        assert "Trees" not in words
        assert mail["Reply-To"] == city.coordinator.email
        book = opened(attachment(mail))
        assert book["Datasets"].cell(2, 2).value == "Trees"
        assert listed(city)[0]["status"] == "out"

    def test_rights_are_asked_again_when_it_is_sent(
        self, city: City, post: Mailbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Leak L37."""
        with monkeypatch.context() as held:
            held.setattr(outbox, "drain", lambda *args, **options: None)
            send(city, to_email=STEWARD)
        model.Session.query(RoleGrant).filter_by(user_id=city.coordinator.id).delete()
        model.Session.commit()
        outbox.drain(model.Session())
        assert post.mails == []
        assert listed(city, city.cdo)[0]["status"] == "failed"

    def test_a_row_that_became_restricted_is_left_out(
        self, city: City, post: Mailbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as held:
            held.setattr(outbox, "drain", lambda *args, **options: None)
            send(city, to_email=STEWARD)
        city.do(
            city.coordinator,
            "inventory_mark",
            ids=["PARKS-0001"],
            field="visibility",
            value="department_and_cdo_only",
        )
        outbox.drain(model.Session())
        found = text_of(attachment(post.mails[-1][1]))
        assert "Trees" not in found
        assert "Lamps" in found

    def test_a_closed_one_is_not_sent(
        self, city: City, post: Mailbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as held:
            held.setattr(outbox, "drain", lambda *args, **options: None)
            part = send(city, to_email=STEWARD)
        city.do(city.coordinator, "inventory_part_close", id=part["id"])
        outbox.drain(model.Session())
        assert post.mails == []
        assert listed(city)[0]["status"] == "closed"
        assert listed(city, out=True) == []


class TestComingBack:
    def test_through_the_coordinator_who_sees_every_change(self, city: City) -> None:
        part = send(city)
        book = opened(file_of(part))
        put(book, "Datasets", "PARKS-0003", Description="from the lab")
        found = preview(city, saved(book), filename="part.xlsx")
        assert found["counts"]["changed_cells"] == 1
        assert found["counts"]["unchanged"] == 1
        assert (found["notes"], found["problems"]) == ([], [])
        row = listed(city)[0]
        assert (row["status"], row["import_id"]) == ("back", found["id"])
        save(city, found)
        assert content(city, "PARKS-0003")["notes"] == "from the lab"

    def test_without_an_edit_nothing_changes(self, city: City) -> None:
        own = city.do(
            city.coordinator, "inventory_source_create", title="Treebase", owner_org=city.parks.id
        )
        city.do(city.coordinator, "inventory_entry_patch", id="PARKS-0001", source_ids=[own["id"]])
        found = preview(city, file_of(send(city)), filename="part.xlsx")
        counts = found["counts"]
        assert (counts["changed"], counts["new"], counts["unchanged"]) == (0, 0, 2)

    def test_only_its_own_entries_can_be_missing(self, city: City) -> None:
        book = opened(file_of(send(city)))
        book["Datasets"].delete_rows(row_of(book, "Datasets", "PARKS-0003"))
        assert preview(city, saved(book), filename="part.xlsx")["counts"]["missing"] == 1
        whole = preview(city, file_of(send(city)), filename="part.xlsx")
        assert whole["counts"]["missing"] == 0

    def test_dropping_the_file_takes_it_back_that_it_came(self, city: City) -> None:
        part = send(city)
        first = preview(city, file_of(part), filename="part.xlsx")
        again = preview(city, file_of(part), filename="part.xlsx")
        assert listed(city)[0]["import_id"] == again["id"]
        city.do(city.coordinator, "inventory_import_discard", id=again["id"])
        row = listed(city)[0]
        assert (row["status"], row["import_id"]) == ("back", first["id"])
        city.do(city.coordinator, "inventory_import_discard", id=first["id"])
        row = listed(city)[0]
        assert (row["status"], row["import_id"], row["returned_at"]) == ("out", None, None)

    def test_a_saved_file_is_not_taken_back_by_dropping_another(self, city: City) -> None:
        part = send(city)
        book = opened(file_of(part))
        put(book, "Datasets", "PARKS-0003", Description="from the lab")
        found = preview(city, saved(book), filename="part.xlsx")
        save(city, found)
        other = preview(city, saved(book), filename="part.xlsx")
        city.do(city.coordinator, "inventory_import_discard", id=other["id"])
        row = listed(city)[0]
        assert (row["status"], row["import_id"]) == ("back", found["id"])

    def test_a_file_that_nobody_saved_for_weeks_is_out_again(self, city: City) -> None:
        part = send(city)
        with clock.at(clock.now() - kept_imports.KEEP_OPEN - dt.timedelta(days=1)):
            preview(city, file_of(part), filename="part.xlsx")
        assert listed(city)[0]["status"] == "back"
        preview(city, b"Name\nLakes\n", filename="other.csv", department="parks")
        assert listed(city)[0]["status"] == "out"

    def test_taking_the_saved_file_back_takes_it_back_that_it_came(self, city: City) -> None:
        part = send(city)
        book = opened(file_of(part))
        put(book, "Datasets", "PARKS-0003", Description="from the lab")
        done = save(city, preview(city, saved(book), filename="part.xlsx"))
        assert listed(city)[0]["status"] == "back"
        city.do(city.coordinator, "inventory_import_undo", id=done["id"])
        row = listed(city)[0]
        assert (row["status"], row["import_id"], row["returned_at"]) == ("out", None, None)
        again = preview(city, saved(book), filename="part.xlsx")
        row = listed(city)[0]
        assert (row["status"], row["import_id"]) == ("back", again["id"])
        city.do(city.coordinator, "inventory_import_discard", id=again["id"])
        assert listed(city)[0]["status"] == "out", "the file that was taken back doesn't count"

    def test_what_the_file_says_of_a_part_is_a_claim(self, city: City) -> None:
        """Somebody else's part isn't marked by whoever uploads a file that names it."""
        part = send(city)
        city.do(city.neighbour, "inventory_entry_create", title="Pipes", owner_org=city.water.id)
        other = send(city, city.neighbour, ids=["WATER-0001"])
        book = opened(file_of(other))
        sheet = book["Datasets"]
        stamp = sheet.cell(1, sheet.max_column)
        stamp.value = str(stamp.value).replace(other["id"], part["id"])
        found = preview(city, saved(book), city.neighbour, filename="part.xlsx")
        assert listed(city)[0]["status"] == "out"
        own = preview(city, file_of(part), filename="part.xlsx")
        city.do(city.coordinator, "inventory_import_discard", id=own["id"])
        assert listed(city)[0]["status"] == "out"
        city.do(city.neighbour, "inventory_import_discard", id=found["id"])

    def test_overdue_is_said(self, city: City) -> None:
        send(city, due="2099-01-31")
        model.Session.query(Part).update({"due": clock.today() - dt.timedelta(days=1)})
        model.Session.commit()
        assert listed(city)[0]["status"] == "late"


def test_the_history_says_it_and_nothing_is_in_the_way_of_taking_back(city: City) -> None:
    entry = city.submitted(title="Paths")
    send(city, ids=["PARKS-0004"])
    assert events_of(entry)[-1] == "part_send"
    done = city.do(
        city.coordinator,
        "inventory_import",
        content="VGl0bGUKTGFrZXMK",
        filename="x.csv",
        department="parks",
    )
    send(city, ids=[done["numbers"][0]["number"]])
    brought = city.do(city.coordinator, "inventory_import_list")["results"][0]
    city.do(city.coordinator, "inventory_import_undo", id=brought["id"])


def attachment(mail: EmailMessage) -> bytes:
    return next(part.get_content() for part in mail.iter_attachments())


class TestPages:
    def test_from_the_list_to_the_file(self, city: City, app: CKANTestApp) -> None:
        browser = Pages(city, app, "coordinator")
        assert browser.post("/parts/new").status_code == 303
        page = browser.post("/parts/new", id=["PARKS-0001", "PARKS-0003"])
        assert "Send 2 entries to a colleague" in page.body
        ids = ["PARKS-0001", "PARKS-0003"]
        assert browser.post("/parts", id=ids, act="mail").status_code == 400
        assert browser.post("/parts", id=ids, act="take").status_code == 400
        answer = browser.post("/parts", id=ids, act="take", to_name="Lab steward")
        assert answer.status_code == 200
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Disposition"].startswith("attachment")
        start = browser.get("/spreadsheet").body
        assert "Parts with colleagues" in start
        assert "Lab steward" in start
        part = listed(city)[0]
        assert browser.post(f"/parts/{part['id']}/close").status_code == 303
        assert "Not expected any more." in browser.get("/spreadsheet").body
        assert browser.post(f"/parts/{part['id']}/close").status_code == 404

    def test_all_that_a_filter_finds(self, city: City, app: CKANTestApp) -> None:
        city.do(
            city.coordinator,
            "inventory_mark",
            ids=["PARKS-0002"],
            field="visibility",
            value="department_and_cdo_only",
        )
        page = Pages(city, app, "coordinator").get("/parts/new?state=draft")
        assert "Send 2 entries to a colleague" in page.body
        assert "One more of the list stays out" in page.body

    def test_what_is_wrong_is_said_on_the_page(self, city: City, app: CKANTestApp) -> None:
        browser = Pages(city, app, "neighbour")
        answer = browser.post("/parts", id=["PARKS-0001"], act="take", to_name="x")
        assert answer.status_code == 404
