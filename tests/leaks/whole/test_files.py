"""Files that were brought and parts that went out: by their id nobody finds what isn't theirs.

Whoever may not know of one gets the same answer as for an id of nothing, from every action and page.
The list that a file was, and whatever was made of it, is private as the entries are (L1, L36, L37).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from ckan import model
from ckan.common import config
from ckan.lib import mailer

from ckanext.inventory.service import part_mail
from tests.ckan_fixtures import Site
from tests.leaks import probes
from tests.leaks.city import OPEN_FILES, OUTSIDERS, PARTS, SAVED_FILES, City
from tests.leaks.pages import get, plain, text_of
from tests.leaks.routes import leaks_of, session_of
from tests.leaks.sentinels import unpacked

STRANGERS = (*OUTSIDERS, "assignee", "viewer", "reviewer")
"""People who may know of no file and no part of the department."""

COLLEAGUES = ("coordinator_editor", "coordinator_member", "cdo", "sysadmin")
"""People who may know of saved files, and of none that somebody else still works on."""

IMPORT_ACTIONS: dict[str, dict[str, Any]] = {
    "inventory_import_show": {},
    "inventory_import_marked": {},
    "inventory_import_preview": {},
    "inventory_import_save": {"fingerprint": "0"},
    "inventory_import_discard": {},
    "inventory_import_undo": {},
}


def hidden_from(city: City, person: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every action of files and parts with the id of one that somebody may not know of."""
    keys = OPEN_FILES if person in COLLEAGUES else (*OPEN_FILES, *SAVED_FILES)
    for key in keys:
        for action, others in IMPORT_ACTIONS.items():
            yield action, city.imports[key], others
    if person not in COLLEAGUES:
        for key in PARTS:
            yield "inventory_part_close", city.parts[key], {}


@pytest.mark.parametrize("person", [*STRANGERS, *COLLEAGUES])
def test_no_action_knows_a_file_of_others(whole_city: City, person: str) -> None:
    city = whole_city
    different: list[str] = []
    for action, real, others in hidden_from(city, person):
        answers = []
        for each in (real, str(uuid.uuid4())):
            sent = {"id": each, **others}
            answer = probes.call(city, person, action, sent)
            assert not answer.ok
            assert not probes.hits(city, person, answer, sent)
            answers.append(answer.without(each))
        if answers[0] != answers[1]:
            different.append(f"{action} {real}: {answers}")
    assert not different, "\n".join(different)


@pytest.mark.parametrize("person", [*STRANGERS, *COLLEAGUES])
def test_no_list_names_a_file_of_others(whole_city: City, person: str) -> None:
    city = whole_city
    keys = OPEN_FILES if person in COLLEAGUES else (*OPEN_FILES, *SAVED_FILES)
    ids = {city.imports[key] for key in keys}
    ids |= set() if person in COLLEAGUES else set(city.parts.values())
    for action in ("inventory_import_list", "inventory_part_list"):
        for data in ({}, {"limit": 1000}):
            answer = probes.call(city, person, action, data)
            assert not probes.hits(city, person, answer, data)
            assert not {each for each in ids if each in answer.text}


GETS = ("/inventory/spreadsheet/{}", "/inventory/spreadsheet/{}/to-fix.xlsx")
POSTS = (
    *(
        ("/inventory/spreadsheet/{}", act)
        for act in ("look", "save", "discard", "undo", "mine", "out_all")
    ),
    ("/inventory/parts/{}/close", ""),
)


@pytest.mark.parametrize(
    "person",
    [
        "anonymous",
        "b_coordinator",
        "a_admin",
        "assignee",
        "viewer",
        "former_coordinator",
        "coordinator_editor",
        "cdo",
    ],
)
def test_no_page_knows_a_file_of_others(whole_city: City, swept_site: Site, person: str) -> None:
    city = whole_city
    client = session_of(swept_site, city, person)
    hidden = {real for _action, real, _others in hidden_from(city, person)}
    asked = [(path, "GET", {}) for path in GETS]
    asked += [(path, "POST", {"act": act, "fingerprint": "0"}) for path, act in POSTS]
    different: list[str] = []
    for real in sorted(hidden):
        for path, method, form in asked:
            pages = []
            for each in (real, str(uuid.uuid4())):
                address = path.format(each)
                answer = get(client, city, "by cookie", address, method=method, data=form)
                assert answer.status_code != 200
                assert answer.status_code < 500
                assert not leaks_of(city, person, address, text_of(answer))
                pages.append(plain(answer, each))
            if pages[0] != pages[1]:
                different.append(f"{method} {path} {form}: {[page.status for page in pages]}")
    assert not different, "\n".join(different)


def places(city: City, owner: str, text: str) -> set[str]:
    return {each.place for each in city.words.found(text) if each.owner == owner}


@pytest.mark.parametrize("key", ["open file"])
@pytest.mark.parametrize("person", probes.ALONE)
def test_who_works_on_a_file_finds_its_words(whole_city: City, key: str, person: str) -> None:
    """The positive control, in answers and in the marked workbook."""
    city = whole_city
    for action in ("inventory_import_preview", "inventory_import_marked"):
        answer = probes.call(city, person, action, {"id": city.imports[key]})
        assert places(city, key, answer.text) >= {"title", "wrong", "filename"}, action


@pytest.mark.parametrize("person", ["coordinator_member", "cdo"])
@pytest.mark.parametrize("key", SAVED_FILES)
def test_the_page_of_a_saved_file_tells_its_columns_and_none_of_its_cells(
    whole_city: City, swept_site: Site, key: str, person: str
) -> None:
    city = whole_city
    address = f"/inventory/spreadsheet/{city.imports[key]}"
    answer = get(session_of(swept_site, city, person), city, "by cookie", address)
    assert answer.status_code == 200
    assert not leaks_of(city, person, address, text_of(answer))
    assert places(city, key, text_of(answer)) >= {"filename", "header"}


@pytest.mark.parametrize("person", probes.TEAM)
def test_the_department_finds_what_was_saved_and_sent(whole_city: City, person: str) -> None:
    city = whole_city
    saved = city.imports["saved file"]
    answer = probes.call(city, person, "inventory_import_show", {"id": saved})
    assert places(city, "saved file", answer.text) == {"filename", "header"}
    assert '"field": "visibility"' in answer.text
    assert places(city, "imported", answer.text) >= {"title", "notes"}
    listed = probes.call(city, person, "inventory_part_list", {})
    assert all(places(city, key, listed.text) >= {"to_name", "message"} for key in PARTS)
    statuses = {
        row["id"]: row["status"] for row in city.act(person, "inventory_part_list")["results"]
    }
    assert statuses[city.parts["part out"]] == "out"
    assert statuses[city.parts["part back"]] == "back"
    assert statuses[city.parts["part closed"]] == "closed"


@pytest.fixture
def mailed(whole_city: City, monkeypatch: pytest.MonkeyPatch, swept_site: Site) -> dict[str, Any]:
    """The mail of a part: its words, and its workbook."""
    taken: dict[str, Any] = {}

    def take(
        name: str, address: str, subject: str, body: str, html: str | None, *others: Any
    ) -> None:
        headers, attachments = others
        taken.update(address=address, subject=subject, text=f"{name} {body} {html} {headers}")
        taken["files"] = [(each[0], each[1].read()) for each in attachments]

    monkeypatch.setattr(mailer, "mail_recipient", take)
    monkeypatch.setitem(config, "smtp.server", "127.0.0.1")
    monkeypatch.setitem(config, "smtp.mail_from", "portal@example.org")
    with swept_site.client().flask_app.test_request_context():
        assert part_mail.send(model.Session(), [whole_city.parts["part waiting"]]) == {}
    model.Session.rollback()
    return taken


SENT = ("pointing", "submitted", "draft")
"""Whose rows are in the parts."""


def strange(city: City, text: str) -> set[str]:
    """Words of others than the rows of a part, and than the part itself.

    A row names its source, a restricted one by its number only (exceptions.OPEN).
    """
    return {
        str(each)
        for each in city.words.found(text)
        if each.owner not in (*SENT, "part waiting", "part out")
        and not (each.owner == "source" and each.place in ("number", "title"))
        and not (each.owner in probes.RESTRICTED and each.place == "number")
    }


def test_l37_a_mailed_part_tells_of_its_rows_and_no_others(
    whole_city: City, mailed: dict[str, Any]
) -> None:
    city = whole_city
    assert not city.words.found(mailed["subject"])
    assert places(city, "part waiting", mailed["address"]) == {"to_email"}
    told = {each.owner for each in city.words.found(mailed["text"])}
    assert told <= {"part waiting"}
    [(name, data)] = mailed["files"]
    assert not city.words.found(name)
    found = unpacked(data)
    assert places(city, "draft", found) >= {"title", "notes", "number"}
    assert places(city, "pointing", found) >= {"title", "notes", "number"}
    assert not strange(city, found)
    assert "blocker owner" not in places(city, "draft", found)
    named = {place for key in probes.RESTRICTED for place in places(city, key, found)}
    assert named == {"number"}, "what is accepted is still so"


def test_l37_a_part_taken_along_tells_no_more(whole_city: City) -> None:
    city = whole_city
    numbers = [city.records[key].number for key in SENT]
    data = {"ids": numbers, "to_name": "Lab"}
    answer = probes.call(city, "coordinator", "inventory_part_send", data)
    assert answer.ok
    assert places(city, "pointing", answer.text) >= {"title", "notes"}
    assert not strange(city, answer.text)


@pytest.mark.parametrize("key", ["restricted", "retired", "deleted"])
def test_l37_what_may_not_go_out_is_refused(whole_city: City, key: str) -> None:
    city = whole_city
    data = {"ids": [city.records[key].id, city.records["draft"].id], "to_name": "Lab"}
    for person in ("coordinator", "cdo"):
        assert not probes.call(city, person, "inventory_part_send", data).ok
