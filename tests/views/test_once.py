"""A form that is sent twice does what it does once."""

from __future__ import annotations

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


def test_without_redis_forms_work(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing() -> None:
        raise NoRedis

    monkeypatch.setattr(once, "connect_to_redis", nothing)
    assert send("page 5").endswith("PARKS-0001")
