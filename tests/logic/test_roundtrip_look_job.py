"""Large files are looked at by the worker; what it found is kept for the one who asked, and no longer than true."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import openpyxl
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import CKANTestApp
from redis.exceptions import ConnectionError as NoRedis

from ckanext.inventory import clock, config
from ckanext.inventory.logic import import_job, saving, who
from ckanext.inventory.model import Import, ImportLook, RoleGrant
from ckanext.inventory.service import (
    checks,
    import_undo,
    kept_imports,
    kept_looks,
    languages,
    register,
    roundtrip,
)
from ckanext.inventory.spreadsheets.messages import FileProblem
from ckanext.inventory.types import Role
from tests.logic.city import City, make_city
from tests.logic.returning import (
    add,
    again,
    content,
    download,
    killed,
    opened,
    preview,
    put,
    save,
    saved,
)
from tests.logic.test_parts import file_of, send
from tests.support import grant, make_user

pytestmark = pytest.mark.usefixtures("clean_db")


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """What was left to the worker."""
    jobs: list[list[Any]] = []
    monkeypatch.setattr(config, "import_job_rows", lambda: 1)
    monkeypatch.setattr(kept_looks, "PIECE", 2)
    monkeypatch.setattr(tk, "enqueue_job", lambda job, args, **kwargs: jobs.append(args))
    return jobs


@pytest.fixture
def city(clean_db: None) -> Iterator[City]:
    city = make_city()
    for title in ("Trees", "Benches", "Lamps"):
        city.entry(title=title, notes="one")
    model.Session.commit()
    yield city
    model.Session.remove()


def bring(city: City, book: Any, user: Any = None, **choices: Any) -> dict[str, Any]:
    """Bring a large file: it waits for the worker."""
    found = preview(city, book, user, now=False, **choices)
    assert found["status"] == "queued"
    return found


def look(city: City, found: dict[str, Any], user: Any = None, **choices: Any) -> dict[str, Any]:
    model.Session.expire_all()
    return again(city, found, user, now=False, **choices)


def worked(city: City, found: dict[str, Any], user: Any = None, **limit: Any) -> dict[str, Any]:
    """Let the worker work, then ask."""
    import_job.run(found["id"])
    return look(city, found, user, **limit)


def show(city: City, found: dict[str, Any]) -> dict[str, Any]:
    model.Session.expire_all()
    return city.do(city.coordinator, "inventory_import_show", id=found["id"])


def pieces() -> int:
    return model.Session.scalar(sa.select(sa.func.count()).select_from(ImportLook)) or 0


@pytest.fixture
def edited(city: City, queued: list[list[Any]]) -> Any:
    """A workbook with a change, a conflict, a row with an error and new rows."""
    book = opened(download(city))
    put(book, "Datasets", "PARKS-0001", Description="theirs")
    put(book, "Datasets", "PARKS-0002", Description="two")
    add(book, "Datasets", Name="New 1")
    add(book, "Datasets", Description="no name")
    for number in range(2, 6):
        add(book, "Datasets", Name=f"New {number}")
    city.do(city.coordinator, "inventory_entry_patch", id="PARKS-0001", notes="our words")
    return book


def test_only_its_id_goes_to_the_queue_and_nothing_is_looked_at_in_the_request(
    city: City, queued: list[list[Any]], edited: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "look", lambda *args, **kwargs: pytest.fail("looked"))
    found = bring(city, edited)
    assert queued == [[found["id"]]], "leak L38"
    assert not found["can_save"]
    waiting = look(city, found)
    assert (waiting["status"], waiting["rows"]) == ("queued", [])
    assert waiting["progress"]["total"] > 8
    assert len(queued) == 1, "asking again doesn't ask the worker again"


@pytest.mark.parametrize("limit", [None, 1, 2, 3, 4, 5, 6, 7, 100])
def test_what_is_kept_is_what_a_look_finds(city: City, edited: Any, limit: int | None) -> None:
    given = {} if limit is None else {"limit": limit}
    kept = worked(city, bring(city, edited), **given)
    assert pieces() > 3
    live = again(city, kept, **given)
    assert pieces() == 0, "whoever looks at once needs nothing kept"
    for name in live:
        assert kept[name] == live[name], name
    assert kept["status"] == "preview"
    assert kept["counts"]["conflicts"] == 1
    assert kept["more_rows"] == max(5 + 1 - (6 if limit is None else max(limit - 2, 0)), 0)
    outcomes = [row["where"] for row in kept["rows"]]
    assert {"Datasets!2"} <= set(outcomes), "what is to be chosen is always shown"


def test_other_choices_are_looked_at_anew(city: City, queued: list[list[Any]], edited: Any) -> None:
    found = worked(city, bring(city, edited))
    same = look(city, found, left_out=[])
    assert same["fingerprint"] == found["fingerprint"]
    assert len(queued) == 1, "the same choices are the same question"
    waiting = look(city, found, all_conflicts="mine", left_out=["all"])
    assert waiting["status"] == "queued"
    with pytest.raises(tk.ValidationError, match="being worked on"):
        look(city, found, all_conflicts="stored")
    chosen = worked(city, waiting)
    assert (chosen["counts"]["conflicts"], chosen["counts"]["held"]) == (0, 0)
    assert chosen["can_save"]


class TestHowLongItHolds:
    def test_a_record_that_it_shows_changed(self, city: City, edited: Any) -> None:
        found = worked(city, bring(city, edited))
        city.do(city.coordinator, "inventory_entry_patch", id="PARKS-0002", comments="here")
        assert look(city, found)["status"] == "queued"
        assert worked(city, found)["status"] == "preview"

    def test_a_record_that_it_shows_is_nothing_for_them_any_more(
        self, city: City, edited: Any
    ) -> None:
        """Its words were compared with the file; they aren't shown again (leak L5)."""
        found = worked(city, bring(city, edited))
        assert "our words" in str(found["rows"])
        city.do(
            city.coordinator,
            "inventory_transfer_request",
            id="PARKS-0001",
            department=city.water.id,
        )
        city.do(city.neighbour, "inventory_transfer_accept", id="PARKS-0001")
        assert look(city, found)["status"] == "queued"
        assert "our words" not in str(worked(city, found))

    @pytest.mark.parametrize("user", ["neighbour", "viewer", "cdo", "sysadmin"])
    def test_nobody_else_gets_it(self, city: City, edited: Any, user: str) -> None:
        found = worked(city, bring(city, edited))
        for action in ("inventory_import_preview", "inventory_import_show"):
            with pytest.raises((tk.ObjectNotFound, tk.NotAuthorized)):
                city.do(getattr(city, user), action, id=found["id"])

    def test_a_role_that_ended(self, city: City, edited: Any) -> None:
        found = worked(city, bring(city, edited))
        waiting = bring(city, edited)
        model.Session.execute(sa.delete(RoleGrant).where(RoleGrant.user_id == city.coordinator.id))
        model.Session.execute(
            sa.update(model.Member)
            .where(model.Member.table_id == city.coordinator.id)
            .values(state="deleted")
        )
        model.Session.commit()
        with pytest.raises(tk.NotAuthorized):
            look(city, found)
        import_job.run(waiting["id"])
        model.Session.expire_all()
        kept = model.Session.get(Import, waiting["id"])
        assert kept is not None
        person = who.person_of_user(model.Session(), city.coordinator)
        seen = kept_looks.load(model.Session(), kept, person, languages.current(), None)
        assert seen is None or "our words" not in str(list(seen.rows))

    def test_a_day_later(self, city: City, edited: Any) -> None:
        found = worked(city, bring(city, edited))
        with clock.at(clock.now() + kept_looks.GOOD_FOR * 1.01):
            assert look(city, found)["status"] == "queued"

    @pytest.mark.parametrize("end", ["saved", "discarded", "purged"])
    def test_nothing_stays(self, city: City, edited: Any, end: str) -> None:
        found = worked(city, bring(city, edited))
        assert pieces() > 3
        if end == "saved":
            settled = again(city, found, all_conflicts="mine", left_out=["all"])
            save(city, settled, now=True)
        elif end == "discarded":
            city.do(city.coordinator, "inventory_import_discard", id=found["id"])
        else:
            lamps = city.do(city.sysadmin, "inventory_entry_show", id="PARKS-0003")["id"]
            city.do(city.sysadmin, "dataset_purge", id=lamps)
        assert pieces() == 0


class TestSaving:
    def test_choices_and_saving_are_one_step(self, city: City, edited: Any) -> None:
        found = worked(city, bring(city, edited), limit=1)
        answer = save(city, found, all_conflicts="mine", left_out=["all"])
        assert answer["status"] == "queued"
        import_job.run(found["id"])
        assert show(city, found)["status"] == "saved"
        assert content(city, "PARKS-0001")["notes"] == "theirs"
        assert city.do(city.coordinator, "inventory_entry_list")["count"] == 8

    def test_what_is_still_to_be_chosen_is_said_and_no_choice_is_lost(
        self, city: City, queued: list[list[Any]], edited: Any
    ) -> None:
        found = worked(city, bring(city, edited))
        answer = save(city, found, all_conflicts="mine")
        import_job.run(answer["id"])
        assert len(queued) == 3, "it looks again, to show how it is"
        assert show(city, found)["status"] == "queued"
        import_job.run(found["id"])
        assert show(city, found)["status"] == "failed"
        again_shown = look(city, found)
        assert "One row has an error" in again_shown["message"]
        assert again_shown["choices"]["conflicts"]["PARKS-0001!notes"].startswith("mine@")
        assert again_shown["counts"]["conflicts"] == 0
        assert content(city, "PARKS-0001")["notes"] == "our words"

    def test_a_change_in_between_is_shown_again(self, city: City, edited: Any) -> None:
        found = worked(city, bring(city, edited))
        city.do(city.coordinator, "inventory_entry_patch", id="PARKS-0002", notes="between")
        save(city, found, all_conflicts="mine", left_out=["all"])
        import_job.run(found["id"])
        import_job.run(found["id"])
        assert show(city, found)["status"] == "failed"
        now = look(city, found)
        assert "Something changed" in now["message"]
        assert "between" in str(now["rows"])
        assert content(city, "PARKS-0002")["notes"] == "between"

    def test_stopping_a_save_keeps_the_choices_made_with_it(self, city: City, edited: Any) -> None:
        found = worked(city, bring(city, edited))
        save(city, found, all_conflicts="mine")
        city.do(city.coordinator, "inventory_import_discard", id=found["id"])
        assert show(city, found)["status"] == "preview"
        assert look(city, found)["choices"]["all_conflicts"] == "mine"


class TestEnding:
    def test_a_look_is_stopped_and_asked_for_again(self, city: City, edited: Any) -> None:
        found = bring(city, edited)
        city.do(city.coordinator, "inventory_import_discard", id=found["id"])
        import_job.run(found["id"])
        shown = show(city, found)
        assert (shown["status"], shown["message"]) == ("stopped", "It was stopped.")
        assert look(city, found)["status"] == "queued"
        assert worked(city, found)["status"] == "preview"

    def test_a_look_is_stopped_in_the_middle(
        self, city: City, edited: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(import_job, "OFTEN", 0)
        found = bring(city, edited)
        original = import_job._step
        steps: list[str] = []

        def stop(import_id: str, step: str, done: int = 0, **how: Any) -> bool:
            steps.append(step)
            if done:
                with model.meta.engine.begin() as other:
                    words = "UPDATE inventory_import SET status = 'stopped' WHERE id = :id"
                    other.execute(sa.text(words), {"id": import_id})
            return original(import_id, step, done, **how)

        monkeypatch.setattr(import_job, "_step", stop)
        import_job.run(found["id"])
        assert show(city, found)["status"] == "stopped"
        assert pieces() == 0
        assert set(steps) == {"reading"}, "it went no further"

    def test_a_file_that_cannot_be_read_is_refused_at_once(
        self, city: City, queued: list[list[Any]]
    ) -> None:
        with pytest.raises(tk.ValidationError) as refused:
            preview(city, b"PK\x03\x04 not really a workbook", now=False)
        assert "upload" in refused.value.error_dict
        assert not queued
        assert city.do(city.coordinator, "inventory_import_list")["count"] == 0

    @pytest.fixture
    def two_sheets(self, queued: list[list[Any]]) -> bytes:
        """A list, and a sheet beside it that lists nothing."""
        book = openpyxl.Workbook()
        for row in (["Data set", "Value"], ["Wells", "Hgh"], ["Pipes", "Low"]):
            book.active.append(row)
        book.active.title = "List"
        book.create_sheet("Empty").append(["just", "a note"])
        return saved(book)

    def test_choices_with_which_a_file_cannot_be_read_are_taken_back(
        self, city: City, two_sheets: bytes
    ) -> None:
        found = worked(city, bring(city, two_sheets, department="parks", filename="list.xlsx"))
        assert found["counts"]["new"] == 2
        assert again(city, found, sheets=["Empty"], now=False)["status"] == "queued"
        back = worked(city, found)
        assert (back["status"], back["counts"]) == ("preview", found["counts"])
        assert back["choices"] == found["choices"]
        assert back["message"].startswith(
            "The file can't be read with your last choices, which were taken back. No column holds the name"
        )
        assert [sheet["name"] for sheet in back["sheets"] if sheet["read"]] == ["List"]
        # What is said next starts from there.
        again(city, back, fixes={"List!2!@1": "High"}, now=False)
        mended = worked(city, back)
        assert (mended["message"], mended["counts"]["warnings"]) == (None, 0)

    def test_so_are_those_made_along_with_a_save(self, city: City, two_sheets: bytes) -> None:
        found = worked(city, bring(city, two_sheets, department="parks", filename="list.xlsx"))
        save(city, found, sheets=["Empty"])
        import_job.run(found["id"])
        back = worked(city, found)
        assert (back["status"], back["counts"]) == ("preview", found["counts"])
        assert "taken back" in back["message"]

    def test_choices_of_a_look_or_save_that_was_stopped_are_taken_back_later(
        self, city: City, two_sheets: bytes
    ) -> None:
        found = worked(city, bring(city, two_sheets, department="parks", filename="list.xlsx"))
        for ask in (
            lambda: again(city, found, sheets=["Empty"], now=False),
            lambda: save(city, found, sheets=["Empty"]),
        ):
            ask()
            city.do(city.coordinator, "inventory_import_discard", id=found["id"])
            assert look(city, found)["status"] == "queued"
            back = worked(city, found)
            assert (back["status"], back["choices"]) == ("preview", found["choices"])

    def test_a_look_that_cannot_be_made_any_more_is_said_and_no_circle(
        self, city: City, two_sheets: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = worked(city, bring(city, two_sheets, department="parks", filename="list.xlsx"))
        kept_looks.forget_all(model.Session)
        model.Session.commit()
        assert look(city, found)["status"] == "queued"

        def unreadable(*_: Any) -> None:
            raise FileProblem("It can't be read.")

        monkeypatch.setattr(roundtrip, "preview", unreadable)
        import_job.run(found["id"])
        assert show(city, found)["status"] == "stopped"

    def test_what_only_the_worker_finds_out_is_said_on_its_page(
        self, city: City, queued: list[list[Any]]
    ) -> None:
        for title in ("Wells", "Pipes"):
            city.do(city.neighbour, "inventory_entry_create", title=title, owner_org=city.water.id)
        theirs = download(city, city.neighbour, department="water")
        found = bring(city, theirs)
        import_job.run(found["id"])
        shown = show(city, found)
        assert shown["status"] == "stopped"
        assert "another department" in shown["message"]
        assert "Wells" not in str(shown)

    def test_an_error_at_any_statement_leaves_a_file_to_go_on_with(
        self, city: City, edited: Any
    ) -> None:
        found = bring(city, edited)
        statements = limit = 0

        def count(*args: Any) -> None:
            nonlocal statements
            statements += 1
            if statements == limit:
                raise MemoryError

        seen: list[str] = []
        for limit in range(1, 400, 3):
            statements = 0
            sa.event.listen(model.meta.engine, "before_cursor_execute", count)
            try:
                import_job.run(found["id"])
            except MemoryError:
                pass
            finally:
                sa.event.remove(model.meta.engine, "before_cursor_execute", count)
            model.Session.rollback()
            shown = show(city, found)
            seen.append(shown["status"])
            if shown["status"] == "preview":
                break
            assert shown["status"] in ("stopped", "queued", "running"), limit
            assert pieces() == 0
            if shown["status"] == "stopped":
                assert shown["message"]
                look(city, found)
        assert seen[-1] == "preview"
        assert len(seen) > 5
        assert look(city, found)["status"] == "preview"

    def test_a_killed_worker_is_noticed(
        self, city: City, edited: Any, queued: list[list[Any]]
    ) -> None:
        found = bring(city, edited)
        queued.clear()
        for ask in (look, show):
            killed(city, KILLER, found["id"])
            shown = ask(city, found)
            if ask is look:
                assert (shown["status"], queued) == ("queued", [[found["id"]]])
        for told in (shown, show(city, found)):
            assert told["status"] == "stopped"
            assert "worker stopped twice" in told["message"]
        assert look(city, found)["status"] == "queued"
        assert worked(city, found)["status"] == "preview"

    def test_without_a_queue_it_is_done_at_once(
        self, city: City, edited: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def no_queue(*args: Any, **kwargs: Any) -> None:
            raise NoRedis("refused")

        monkeypatch.setattr(tk, "enqueue_job", no_queue)
        found = preview(city, edited, now=False)
        ready = look(city, found)
        assert (ready["status"], ready["counts"]["conflicts"]) == ("preview", 1)


KILLER = """
import os, sys
from ckan.cli import load_config
from ckan.config.middleware import make_app
app = make_app(load_config(sys.argv[1]))
from ckanext.inventory.logic import import_job
from ckanext.inventory.service import checks, import_undo, kept_imports, kept_looks, register
from ckanext.inventory.spreadsheets.messages import FileProblem
from ckanext.inventory.types import Role
kept_looks.keep = lambda *args: os._exit(9)
with getattr(app, "_wsgi_app", app).test_request_context():
    import_job.run(sys.argv[2])
"""


def test_the_file_to_fix_comes_of_the_kept_look(city: City, edited: Any) -> None:
    found = bring(city, edited)
    with pytest.raises(tk.ValidationError, match="looked through first"):
        city.do(city.coordinator, "inventory_import_marked", id=found["id"])
    import_job.run(found["id"])
    marked = city.do(city.coordinator, "inventory_import_marked", id=found["id"])
    comments = [
        cell.comment.text
        for row in opened(base64.b64decode(marked["content"]))["Datasets"].iter_rows()
        for cell in row
        if cell.comment
    ]
    assert any("name" in text.lower() for text in comments)


def test_what_the_columns_mean_is_remembered_by_the_worker_too(
    city: City, queued: list[list[Any]]
) -> None:
    rows = "Foo,Bar\nKiosks,Every kiosk\nLockers,Every locker\n"
    given = {"filename": "list.csv", "department": city.parks.id}
    columns = {"Foo": "title", "Bar": "notes"}
    found = worked(city, bring(city, rows.encode(), columns=columns, **given))
    assert [row["title"] for row in found["rows"]] == ["Kiosks", "Lockers"]
    assert save(city, found, now=False)["status"] == "queued"
    import_job.run(found["id"])
    rows = b"Foo,Bar\nShowers,Every shower\nMaps,Every map\n"
    other = worked(city, bring(city, rows, **given))
    assert [row["title"] for row in other["rows"]] == ["Showers", "Maps"]
    assert look(city, other)["status"] == "preview", "with the remembered columns it still holds"


def test_a_part_that_comes_back_large_is_noted(
    city: City, queued: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    part = send(city)
    found = bring(city, file_of(part))
    import_job.run(found["id"])
    model.Session.expire_all()
    [listed] = city.do(city.coordinator, "inventory_part_list")["results"]
    assert listed["returned_at"]


def test_it_speaks_the_language_of_whoever_asked(city: City, edited: Any, app: CKANTestApp) -> None:
    with app.flask_app.test_request_context(environ_overrides={"CKAN_LANG": "de"}):
        found = bring(city, edited)
    with app.flask_app.test_request_context():
        import_job.run(found["id"])
    with app.flask_app.test_request_context(environ_overrides={"CKAN_LANG": "de"}):
        shown = look(city, found)
    labels = {cell["label"] for row in shown["rows"] for cell in row["cells"]}
    assert labels == {"Beschreibung"}, "which core translates"
    assert look(city, found)["status"] == "queued", "in another language it is said anew"


def test_the_file_to_fix_speaks_it_too(
    city: City, queued: list[list[Any]], app: CKANTestApp
) -> None:
    german = {"CKAN_LANG": "de"}
    rows = b"Remarks,Data set\n,Kiosks\n,Lockers\n"
    given = {"filename": "list.csv", "department": city.parks.id, "submit": ["!2"]}
    with app.flask_app.test_request_context(environ_overrides=german):
        found = bring(city, rows, **given)
    with app.flask_app.test_request_context():
        import_job.run(found["id"])
    with app.flask_app.test_request_context(environ_overrides=german):
        marked = city.do(city.coordinator, "inventory_import_marked", id=found["id"])
    sheet = opened(base64.b64decode(marked["content"])).active
    said = {cell.coordinate: cell.comment.text for row in sheet for cell in row if cell.comment}
    assert list(said) == ["B2"]
    assert "“Beschreibung” is missing." in said["B2"], (
        "a field without a column, which core translates"
    )


def test_the_self_check_tells_of_files_that_nobody_takes_up(city: City, edited: Any) -> None:
    def found() -> list[str]:
        return [row["name"] for row in city.do(city.sysadmin, "inventory_check")]

    bring(city, edited)
    assert "files" not in found()
    with clock.at(clock.now() + checks.FILES_WAIT * 1.1):
        assert "files" in found()


class TestTakingBack:
    @pytest.fixture
    def done(self, city: City, edited: Any) -> dict[str, Any]:
        """A large file that was saved."""
        found = again(
            city, worked(city, bring(city, edited)), all_conflicts="mine", left_out=["all"]
        )
        save(city, found)
        import_job.run(found["id"])
        assert show(city, found)["status"] == "saved"
        return found

    @staticmethod
    def undo(city: City, found: dict[str, Any]) -> None:
        answer = city.do(city.coordinator, "inventory_import_undo", id=found["id"])
        assert (answer["status"], answer["task"]) == ("queued", "undo")

    def test_it_is_left_to_the_worker(self, city: City, done: dict[str, Any]) -> None:
        self.undo(city, done)
        assert content(city, "PARKS-0001")["notes"] == "theirs"
        with pytest.raises(tk.ValidationError, match="Only a saved import"):
            city.do(city.coordinator, "inventory_import_undo", id=done["id"])
        import_job.run(done["id"])
        assert show(city, done)["status"] == "undone"
        assert content(city, "PARKS-0001")["notes"] == "our words"
        assert city.do(city.coordinator, "inventory_entry_list")["count"] == 3

    def test_what_was_built_on_it_is_said(self, city: City, done: dict[str, Any]) -> None:
        self.undo(city, done)
        city.do(city.coordinator, "inventory_entry_patch", id="PARKS-0002", notes="later")
        import_job.run(done["id"])
        shown = show(city, done)
        assert shown["status"] == "saved"
        assert "PARKS-0002: Its text was changed since." in shown["message"]
        assert [row["number"] for row in shown["built_on"]] == ["PARKS-0002"]

    def test_it_is_stopped(self, city: City, done: dict[str, Any]) -> None:
        self.undo(city, done)
        city.do(city.coordinator, "inventory_import_discard", id=done["id"])
        import_job.run(done["id"])
        assert show(city, done)["status"] == "saved"
        assert content(city, "PARKS-0001")["notes"] == "theirs"
        self.undo(city, done)

    def test_colleagues_follow_it_too(self, city: City, done: dict[str, Any]) -> None:
        colleague = grant(make_user("second-coordinator"), Role.COORDINATOR, city.parks)
        self.undo(city, done)
        shown = city.do(colleague, "inventory_import_show", id=done["id"])
        assert shown["status"] == "queued"

    def test_an_error_takes_nothing_back(
        self, city: City, done: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*args: Any) -> None:
            raise MemoryError

        self.undo(city, done)
        with monkeypatch.context() as patched:
            patched.setattr(import_undo, "_put_marks_back", fail)
            with pytest.raises(MemoryError):
                import_job.run(done["id"])
        shown = show(city, done)
        assert (shown["status"], content(city, "PARKS-0001")["notes"]) == ("saved", "theirs")
        assert "before anything was taken back" in shown["message"]

    def test_its_report_has_pages(self, city: City, done: dict[str, Any]) -> None:
        whole = show(city, done)
        assert (len(whole["records"]), whole["more_records"]) == (7, 0)
        first = city.do(city.coordinator, "inventory_import_show", id=done["id"], limit=2)
        assert first["records"] == whole["records"][:2]
        assert first["more_records"] == 5


def test_any_number_of_revisions_is_read_at_once(city: City) -> None:
    """Thousands of pairs in an IN exceed what PostgreSQL parses."""
    session = model.Session()
    entry = city.do(city.sysadmin, "inventory_entry_show", id="PARKS-0001")
    wanted = [(entry["id"], 1), *((str(number), 1) for number in range(40_000))]
    assert list(register.contents_at(session, wanted)) == [(entry["id"], 1)]


def test_a_file_that_nobody_takes_up_is_forgotten_like_any_other(city: City, edited: Any) -> None:
    found = bring(city, edited)
    with clock.at(clock.now() + kept_imports.KEEP_OPEN * 1.01):
        preview(city, b"Dataset name\nKiosks\n", filename="x.csv", department=city.parks.id)
    kept = model.Session.get(Import, found["id"], populate_existing=True)
    assert kept is not None
    assert (kept.status, kept.file) == ("discarded", None)


def test_departments_to_choose_are_those_that_the_worker_found(
    city: City, queued: list[list[Any]]
) -> None:
    book = opened(download(city, city.cdo, department=None))
    row = add(book, "Datasets", Name="Kiosks", Department="Prks")
    found = worked(city, bring(city, book, city.cdo), city.cdo)
    assert found["offered"] == {"owner_org": ["Parks", "Water"]}
    marked = city.do(city.cdo, "inventory_import_marked", id=found["id"])
    [rule] = opened(base64.b64decode(marked["content"]))["Datasets"].data_validations.dataValidation
    assert (rule.type, str(rule.sqref)[1:]) == ("list", str(row))
    look(city, found, city.cdo, fixes={f"Datasets!{row}!owner_org": "Parks"})
    found = worked(city, found, city.cdo)
    assert (found["problems"], found["can_save"]) == ([], True)
    assert [fix["text"] for fix in found["fixed"]] == ["Parks"]
