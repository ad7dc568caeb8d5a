"""The pages about people and taking over, as somebody clicks through them."""

from __future__ import annotations

import base64
import smtplib
from typing import Any

import pytest
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp, FakeSMTP

from tests.logic.city import City, make_city
from tests.support import headers, make_department, make_user

pytestmark = pytest.mark.ckan_config("smtp.mail_from", "portal@larkhaven.example")


@pytest.fixture
def city(db: None, monkeypatch: pytest.MonkeyPatch) -> City:
    monkeypatch.setattr(smtplib, "SMTP", FakeSMTP())
    return make_city()


@pytest.fixture
def cdo(city: City) -> dict[str, str]:
    return headers(city.cdo)


def _post(app: CKANTestApp, path: str, who: dict[str, str], **data: Any) -> Any:
    return app.post(path, data=data, headers=who, follow_redirects=False)


def test_the_page_puts_the_gaps_first(city: City, cdo: dict[str, str], app: CKANTestApp) -> None:
    clerk = make_department("CLERK", title="City Clerk")
    body = app.get("/inventory/people", headers=cdo).body
    assert "2 of 3 departments have a coordinator" in body
    assert "City Clerk has nobody." in body
    assert f"/inventory/people/name?department={clerk.id}" in body
    assert "/people/name" not in app.get("/inventory/people", headers=headers(city.viewer)).body


def test_the_csv_has_a_line_for_each_duty(
    city: City, cdo: dict[str, str], app: CKANTestApp
) -> None:
    city.entry(steward="=cmd()")
    lines = app.get("/inventory/people.csv", headers=cdo).body.splitlines()
    assert "Parks,PARKS,Coordinator,Parks Coordinator,parks-coordinator@example.org,,,," in lines
    assert "Parks,PARKS,Data steward,'=cmd(),,,,," in lines


def test_people_are_named_after_a_look(city: City, cdo: dict[str, str], app: CKANTestApp) -> None:
    form = {"emails": "Ana <ana@larkhaven.example>", "department": city.parks.id}
    page = _post(app, "/inventory/people/name", cdo, **form)
    assert "new: gets an invitation" in page.body
    done = _post(app, "/inventory/people/name", cdo, save="1", **form)
    assert done.status_code == 303
    assert "ana@larkhaven.example" in app.get("/inventory/people/name", headers=cdo).body
    bad = _post(app, "/inventory/people/name", cdo, emails="nobody", save="1")
    assert bad.status_code == 400
    assert "There is no e-mail address in this line." in bad.body


def test_everything_is_handed_over_after_a_look(
    city: City, cdo: dict[str, str], app: CKANTestApp
) -> None:
    entry, taker = city.entry(), make_user("taker")
    city.do(city.cdo, "inventory_assign", ids=[entry["id"]], user="parks-coordinator")
    form = {"from": city.coordinator.id, "to": taker.id, "roles": "yes"}
    page = _post(app, "/inventory/people/hand-over", cdo, **form)
    assert "one assignment" in page.body
    done = _post(app, "/inventory/people/hand-over", cdo, save="1", **form)
    assert done.status_code == 303
    assert app.get("/inventory/entries/PARKS-0001", headers=headers(taker)).status_code == 200


def test_the_admin_page_says_what_is_left_to_set_up(
    city: City, cdo: dict[str, str], app: CKANTestApp
) -> None:
    body = app.get("/inventory/admin", headers=cdo).body
    assert "Every department has a coordinator." in body
    assert "Only one person may approve" in body
    done = _post(app, "/inventory/admin/mail-test", cdo)
    assert done.status_code == 303
    assert "Mail goes out." in app.get("/inventory/admin", headers=cdo).body


def test_a_dataset_is_taken_in_with_one_click(
    city: City, cdo: dict[str, str], app: CKANTestApp
) -> None:
    dataset = factories.Dataset(title="Street trees", owner_org=city.parks.id)
    assert "Street trees" in app.get("/inventory/take-over", headers=cdo).body
    looked = _post(app, "/inventory/take-over", cdo, datasets=dataset["id"], look="1")
    assert "Nothing is saved yet." in looked.body
    done = _post(app, "/inventory/take-over", cdo, one=dataset["id"])
    assert done.status_code == 303
    body = app.get("/inventory/take-over", headers=cdo).body
    assert "Everything on the portal is in the inventory" in body
    assert "On the portal" in app.get("/inventory/entries/PARKS-0001", headers=cdo).body


@pytest.mark.parametrize(
    "path",
    [
        "/inventory/people/name",
        "/inventory/people/hand-over",
        "/inventory/people/invitations/resend",
        "/inventory/admin/editors",
        "/inventory/take-over",
        "/inventory/take-over/file",
    ],
)
def test_only_a_cdo_posts(city: City, app: CKANTestApp, path: str) -> None:
    for user in (city.coordinator, city.viewer, city.editor):
        answer = _post(app, path, headers(user), id="1", all="1", emails="a@larkhaven.example")
        assert answer.status_code == 404


def test_an_older_inventory_is_taken_over_after_a_look(
    city: City, cdo: dict[str, str], app: CKANTestApp
) -> None:
    import io

    content = b"Dataset name,Department,Status\nTrees,Parks,Blue\nPonds,Parks,Published\n"
    page = _post(app, "/inventory/take-over/file", cdo, upload=(io.BytesIO(content), "old.csv"))
    assert page.status_code == 200
    assert "say what it means" in page.body
    assert 'name="past-state"' in page.body
    carried = base64.b64encode(content).decode()
    form: dict[str, Any] = {"content": carried, "filename": "old.csv", "save": "1"}
    refused = _post(app, "/inventory/take-over/file", cdo, **form)
    assert refused.status_code == 400
    assert "Say what “blue” means (one row)." in refused.body
    assert 'name="past-state"' in refused.body
    done = _post(
        app,
        "/inventory/take-over/file",
        cdo,
        word=["blue", "published"],
        state=["approved", "published"],
        **form,
    )
    assert done.status_code == 303
    assert "Ponds" in app.get("/inventory/entries?state=approved", headers=cdo).body
