"""Forged requests are refused whatever a stranger asked before (leak L44)."""

from __future__ import annotations

from typing import Any

import pytest
from ckan import model
from ckan.tests.helpers import CKANTestApp

from tests import support

PASSWORD = "correct horse battery"


@pytest.fixture
def signed_in(app: CKANTestApp, db: None) -> CKANTestApp:
    """A client with a login cookie, after a stranger has met every view that is tested."""
    stranger = CKANTestApp(app.app)
    for address in ("/api/3/action/status_show", "/user/edit/me", "/dataset/new", "/inventory/"):
        stranger.get(address, expect_errors=True)
    stranger.post("/api/3/action/status_show", expect_errors=True)
    support.make_user("signed-in", password=PASSWORD)
    answer = app.post(
        "/user/login",
        data={"login": "signed-in", "password": PASSWORD},
        follow_redirects=False,
    )
    assert answer.status_code == 302
    return app


def csrf_token(client: CKANTestApp) -> str:
    page = client.get("/about").body
    marker = 'name="_csrf_token" content="'
    return page.split(marker)[1].split('"')[0]


def patch(client: CKANTestApp, **options: Any) -> int:
    return client.post(
        "/api/3/action/user_patch",
        json={"id": "signed-in", "about": "forged"},
        expect_errors=True,
        **options,
    ).status_code


@pytest.mark.parametrize("address", ["/user/edit/signed-in", "/dataset/new", "/organization/new"])
def test_l44_a_form_of_core_without_token_is_refused(signed_in: CKANTestApp, address: str) -> None:
    answer = signed_in.post(address, data={"about": "forged"}, expect_errors=True)
    assert answer.status_code == 400


def test_l44_the_action_api_without_token_is_refused(signed_in: CKANTestApp) -> None:
    assert patch(signed_in) == 400
    assert model.User.get("signed-in").about is None


def test_l44_a_header_that_is_no_token_of_an_account_does_not_help(signed_in: CKANTestApp) -> None:
    assert patch(signed_in, headers={"Authorization": "nonsense"}) == 400


def test_l44_the_right_csrf_token_passes(signed_in: CKANTestApp) -> None:
    assert patch(signed_in, headers={"X-CSRFToken": csrf_token(signed_in)}) == 200


def test_l44_a_valid_api_token_passes_with_and_without_cookie(
    signed_in: CKANTestApp, app: CKANTestApp
) -> None:
    headers = support.headers(model.User.get("signed-in"))
    assert patch(signed_in, headers=headers) == 200
    assert patch(CKANTestApp(app.app), headers=headers) == 200


def test_l44_reading_needs_no_token(signed_in: CKANTestApp) -> None:
    assert signed_in.get("/api/3/action/status_show").status_code == 200


def test_l44_visitors_post_searches_as_ever(app: CKANTestApp, db: None) -> None:
    answer = app.post("/api/3/action/package_search", json={"q": "x"})
    assert answer.status_code == 200


@pytest.mark.ckan_config("ckanext.inventory.protect_from_forgery", False)
def test_l44_core_alone_would_let_the_forged_request_pass(
    signed_in: CKANTestApp, ckan_config: Any
) -> None:
    assert patch(signed_in) == 200, "core protects itself now: the guard may go"
