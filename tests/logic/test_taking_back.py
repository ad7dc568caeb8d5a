"""Who may take a saved import back, and what somebody is told who may not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.inventory import config
from ckanext.inventory.logic import import_job, who
from ckanext.inventory.model import Import, Record, RoleGrant
from ckanext.inventory.service import import_undo
from ckanext.inventory.types import Role
from tests.logic.city import City, make_city
from tests.logic.returning import add, content, download, opened, preview, put, save
from tests.support import grant
from tests.views.pages import Pages

LIST = (
    b"Name,Description,Value,Classification,Do you know where it is kept?\n"
    b"Oaks,All oaks,High,Public,I don't know\n"
)
NOT_YOURS = "You may not change all of its records any more"


@pytest.fixture
def city(clean_db: None) -> Iterator[City]:
    yield make_city()
    model.Session.remove()


def without_role(user: Any, role: Role | None = None, department: Any = None) -> None:
    """Their role ends; perhaps they get another."""
    model.Session.execute(sa.delete(RoleGrant).where(RoleGrant.user_id == user.id))
    model.Session.commit()
    if role is not None:
        grant(user, role, department)


def brought(city: City, data: bytes = LIST, **choices: Any) -> dict[str, Any]:
    return save(
        city, preview(city, data, filename="list.csv", department="parks", **choices), now=True
    )


def shown(city: City, done: dict[str, Any], user: Any = None) -> dict[str, Any]:
    return city.do(user or city.coordinator, "inventory_import_show", id=done["id"])


def undo(city: City, done: dict[str, Any], user: Any = None, **how: Any) -> dict[str, Any]:
    return city.do(user or city.coordinator, "inventory_import_undo", id=done["id"], **how)


def refused(city: City, done: dict[str, Any], **how: Any) -> str:
    with pytest.raises(tk.ValidationError) as refusal:
        undo(city, done, **how)
    model.Session.rollback()
    return " ".join(refusal.value.error_dict["id"])


def states() -> list[tuple[str, str, str]]:
    model.Session.expire_all()
    query = sa.select(Record.number, Record.package_state, Record.state).order_by(Record.number)
    return [tuple(row) for row in model.Session.execute(query)]


class TestWhoMay:
    @pytest.mark.parametrize("role", [Role.COORDINATOR, Role.VIEWER, Role.REVIEWER])
    @pytest.mark.parametrize("submit", [[], ["all"]])
    def test_new_records_are_deleted_by_who_may_delete_them_now_and_nobody_else(
        self, city: City, role: Role, submit: list[str]
    ) -> None:
        done = brought(city, submit=submit)
        stored = states()
        assert stored == [("PARKS-0001", "active", "submitted" if submit else "draft")]
        without_role(city.coordinator, role, city.water if role is Role.COORDINATOR else None)
        assert not shown(city, done)["may_undo"]
        assert refused(city, done).startswith(NOT_YOURS)
        assert states() == stored
        assert shown(city, done, city.cdo)["may_undo"]
        assert undo(city, done, city.cdo)["status"] == "undone"
        assert states() == [("PARKS-0001", "deleted", "draft")]

    def test_changed_ones_by_who_may_edit_them_now(self, city: City) -> None:
        city.entry(title="Trees", notes="one")
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Description="two")
        done = save(city, preview(city, book))
        without_role(city.coordinator, Role.VIEWER)
        assert not shown(city, done)["may_undo"]
        assert refused(city, done).startswith(NOT_YOURS)
        assert content(city, "PARKS-0001")["notes"] == "two"

    def test_all_of_it_or_nothing(self, city: City) -> None:
        """Somebody may edit the record that they are assigned to, and not delete the new one."""
        entry = city.entry(title="Trees", notes="one")
        city.do(city.cdo, "inventory_assign", ids=[entry["id"]], user=city.coordinator.name)
        book = opened(download(city))
        put(book, "Datasets", "PARKS-0001", Description="two")
        add(book, "Datasets", Name="Benches")
        done = save(city, preview(city, book))
        without_role(city.coordinator)
        assert refused(city, done).startswith(NOT_YOURS)
        assert content(city, "PARKS-0001")["notes"] == "two"

    def test_marks_are_put_back_by_who_may_set_them(self, city: City) -> None:
        """An assignee edits, and doesn't say who may see it."""
        entry = city.entry(title="Trees", notes="one")
        city.do(city.cdo, "inventory_assign", ids=[entry["id"]], user=city.coordinator.name)
        book = opened(download(city))
        restricted = "Only the department and those who decide"
        put(book, "Datasets", "PARKS-0001", Description="two", Who_may_see_it=restricted)
        done = save(city, preview(city, book))
        without_role(city.coordinator)
        assert not shown(city, done)["may_undo"]
        assert refused(city, done).startswith(NOT_YOURS)

    def test_an_assignee_takes_back_what_they_changed(self, city: City) -> None:
        entry = city.entry(title="Trees", notes="one")
        city.do(city.cdo, "inventory_assign", ids=[entry["id"]], user="editor")
        book = opened(download(city, city.editor, department=None))
        put(book, "Datasets", "PARKS-0001", Description="two")
        done = save(city, preview(city, book, city.editor), city.editor)
        assert shown(city, done, city.editor)["may_undo"]
        undo(city, done, city.editor)
        assert content(city, "PARKS-0001")["notes"] == "one"

    def test_the_worker_asks_when_it_is_asked_and_again_when_it_does_it(
        self, city: City, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        jobs: list[list[Any]] = []
        monkeypatch.setattr(config, "import_job_rows", lambda: 1)
        monkeypatch.setattr(tk, "enqueue_job", lambda job, args, **kwargs: jobs.append(args))
        done = brought(city, LIST + b"Elms,All elms,High,Public,I don't know\n")
        assert undo(city, done, now=False)["status"] == "queued"
        without_role(city.coordinator, Role.VIEWER)
        import_job.run(*jobs.pop())
        after = shown(city, done)
        assert after["status"] == "saved"
        assert after["message"].startswith(NOT_YOURS)
        assert {row[1] for row in states()} == {"active"}
        assert refused(city, done, now=False).startswith(NOT_YOURS)
        assert not jobs

    def test_the_page_offers_it_to_who_may(self, city: City, app: Any) -> None:
        path = f"/spreadsheet/{brought(city)['id']}"
        assert 'value="undo"' in Pages(city, app, "coordinator").get(path).body
        without_role(city.coordinator, Role.VIEWER)
        page = Pages(city, app, "coordinator").get(path)
        assert page.status_code == 200
        assert 'value="undo"' not in page.body
        pages = Pages(city, app, "coordinator")
        pages.post(path, act="undo")
        assert NOT_YOURS in pages.get(path).body
        assert {row[1] for row in states()} == {"active"}


class TestWhatStandsAgainstIt:
    def test_it_names_nothing_to_who_may_not_take_it_back(self, city: City) -> None:
        done = brought(city)
        city.do(city.cdo, "inventory_entry_patch", id="PARKS-0001", notes="three")
        assert shown(city, done)["built_on"][0]["number"] == "PARKS-0001"
        without_role(city.coordinator, Role.COORDINATOR, city.water)
        seen = shown(city, done)
        assert seen["hidden"] == 1
        assert seen["built_on"] == []
        assert "PARKS-0001" not in json.dumps(seen) + refused(city, done)

    def test_of_a_record_that_somebody_may_not_read_it_says_no_more_than_that(
        self, city: City
    ) -> None:
        done = brought(city, LIST + b"Elms,All elms,High,Public,I don't know\n")
        for number in ("PARKS-0001", "PARKS-0002"):
            city.do(city.cdo, "inventory_entry_patch", id=number, notes="three")
        kept = model.Session.get(Import, done["id"])
        assert kept is not None
        neighbour = who.person_of_user(model.Session(), city.neighbour)
        (told,) = import_undo.built_on(model.Session(), neighbour, kept)
        assert (told.number, told.reason) == ("", "A record that you can't read was changed since.")

    def test_who_names_one_of_its_records_is_nobodys_business(self, city: City) -> None:
        done = brought(city)
        whole = city.do(city.cdo, "inventory_entry_show", id="PARKS-0001")["id"]
        city.do(
            city.cdo,
            "inventory_entry_create",
            title="Secret part",
            owner_org=city.water.id,
            part_of=whole,
        )
        told = [{"number": "PARKS-0001", "reason": "Another entry names it."}]
        assert shown(city, done)["built_on"] == told


def test_who_brought_it_still_sees_that_they_did(city: City) -> None:
    """Its name, its figures and its headers are theirs; its records are whose they may read now."""
    done = brought(city)
    without_role(city.coordinator, Role.COORDINATOR, city.water)
    seen = shown(city, done)
    assert (seen["file"], seen["records"], seen["hidden"]) == ("list.csv", [], 1)
    kept = model.Session.get(Import, done["id"])
    assert kept is not None
    assert kept.by == city.coordinator.id
