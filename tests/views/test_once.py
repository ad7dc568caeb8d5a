"""A form that is sent twice does what it does once."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from ckan.tests.helpers import CKANTestApp
from redis.exceptions import ConnectionError as NoRedis

from ckanext.inventory.views import once
from tests.logic.city import make_city
from tests.support import headers

Send = Any


@pytest.fixture
def send(db: None, app: CKANTestApp) -> Send:
    """Posts the quick form as a coordinator; gives the address that it led to."""
    city = make_city()
    sender = headers(city.coordinator)
    department = city.parks.id

    def post(page: str, **fields: str) -> str:
        answer: Any = app.post(
            "/inventory/entries/new",
            data={"title": "Trees", "owner_org": department, "_csrf_token": page, **fields},
            headers=sender,
            follow_redirects=False,
        )
        return answer.headers.get("Location", str(answer.status_code))

    return post


def test_the_same_form_twice_makes_one_entry(send: Send) -> None:
    assert send("page 1").endswith("PARKS-0001")
    assert send("page 1").endswith("PARKS-0001")


def test_another_form_with_the_same_words_makes_another(send: Send) -> None:
    assert send("page 2").endswith("PARKS-0001")
    assert send("page 3").endswith("PARKS-0002")


def test_a_corrected_form_is_another(send: Send) -> None:
    assert send("page 4", title="") == "400"
    assert send("page 4", title="") == "400", "a form that was refused is not remembered"
    assert send("page 4", title="Trees").endswith("PARKS-0001")


def test_the_page_behind_the_second_says_what_the_first_did(db: None, app: CKANTestApp) -> None:
    """A browser that sends a form again drops the answer to the first, its message included."""
    city = make_city()
    city.entry(title="Trees")
    sender, token = headers(city.coordinator), str(uuid.uuid4())
    for _ in range(2):
        page: Any = app.post(
            "/inventory/entries/PARKS-0001/do/comment",
            data={"text": "Who counts them?", "_csrf_token": token},
            headers=sender,
        )
        assert page.body.count("Comment added.") == 1
        assert page.body.count("Who counts them?") == 1


def test_without_redis_forms_work(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing() -> None:
        raise NoRedis

    monkeypatch.setattr(once, "connect_to_redis", nothing)
    assert send("page 5").endswith("PARKS-0001")
