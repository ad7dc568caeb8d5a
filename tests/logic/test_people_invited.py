"""Naming people by e-mail address: roles, invitations, mails, links that end and that lead home."""

from __future__ import annotations

import datetime as dt
import re
import smtplib
from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import CKANTestApp, FakeSMTP

from ckanext.inventory import clock, invited
from ckanext.inventory.model import Invitation, Outbox, RoleGrant, event
from ckanext.inventory.service import outbox
from tests.logic.city import City, make_city
from tests.support import make_user

pytestmark = pytest.mark.ckan_config("smtp.mail_from", "portal@larkhaven.example")

NEW = "ana.lopes@larkhaven.example"


@pytest.fixture
def city(db: None) -> City:
    return make_city()


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch, app: CKANTestApp) -> Iterator[FakeSMTP]:
    """What core's mailer hands to the mail server."""
    bag = FakeSMTP()
    monkeypatch.setattr(smtplib, "SMTP", bag)
    with app.flask_app.test_request_context():
        yield bag


def _invite(city: City, user: Any = None, **data: Any) -> dict[str, Any]:
    given = {"emails": NEW, "department": city.parks.id, **data}
    return city.do(user or city.cdo, "inventory_role_invite", **given)


def _body(mails: FakeSMTP, position: int = -1) -> str:
    import email

    message = email.message_from_string(mails.get_smtp_messages()[position][3])
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def _recipients(mails: FakeSMTP) -> list[str]:
    return [to for message in mails.get_smtp_messages() for to in message[2]]


def _account(email: str = NEW) -> model.User:
    found = model.Session.scalars(
        sa.select(model.User).where(model.user_table.c.email == email)
    ).one()
    model.Session.refresh(found)
    return found


def _as_cdo(action: str, **data: Any) -> Any:
    """Call an action as the CDO after a request closed the session that the cast was made in."""
    return tk.get_action(action)({"user": "cdo", "ignore_auth": False}, data)


def _invitation() -> tuple[str, int]:
    row = model.Session.scalars(sa.select(Invitation)).one()
    return str(row.user_id), row.id


def test_looking_first_changes_and_sends_nothing(city: City, mails: FakeSMTP) -> None:
    shown = _invite(city, emails=f"{NEW}\nwater-coordinator@example.org\nnobody", dry_run=True)
    assert [(row["outcome"], row["user_name"]) for row in shown["rows"]] == [
        ("invited", None),
        ("named", "water-coordinator"),
        ("problem", None),
    ]
    assert mails.get_smtp_messages() == []
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Invitation)) == 0


def test_who_has_an_account_gets_the_role_and_a_mail(city: City, mails: FakeSMTP) -> None:
    done = _invite(city, emails="Editor@example.org")
    assert (done["named"], done["invited"]) == (1, 0)
    assert city.do(city.editor, "inventory_me")["departments"][0]["title"] == "Parks"
    assert _recipients(mails) == ["Editor@example.org"]
    assert "Your account is editor" in _body(mails)
    assert "/user/login?came_from=/inventory/" in _body(mails).replace("%2F", "/")


def test_who_is_new_gets_an_account_that_waits_and_a_link(city: City, mails: FakeSMTP) -> None:
    done = _invite(city, emails=f"Ana Lopes <{NEW}>", division="Forestry", until="2099-06-30")
    assert (done["named"], done["invited"]) == (0, 1)
    account = _account()
    assert (account.state, account.fullname) == ("pending", "Ana Lopes")
    assert account.reset_key in _body(mails)
    grant = model.Session.scalars(sa.select(RoleGrant).where(RoleGrant.user_id == account.id)).one()
    assert (grant.role, grant.department, grant.division, str(grant.until)) == (
        "coordinator",
        city.parks.id,
        "Forestry",
        "2099-06-30",
    )
    with pytest.raises(tk.NotAuthorized):
        city.do(account, "inventory_me")
    parks = next(
        item
        for item in city.do(city.cdo, "inventory_people")["departments"]
        if item["title"] == "Parks"
    )
    assert [one["name"] for one in parks["coordinators"] if one["invited"]] == ["Ana Lopes"]
    acts = [row.act for row in model.Session.execute(sa.select(event.c.act))]
    assert acts == ["role_invite"]


def test_no_mail_says_what_is_in_the_inventory(city: City, mails: FakeSMTP) -> None:
    """Leak L37."""
    city.entry(title="Locations of secret wells")
    _invite(city)
    raw = mails.get_smtp_messages()[0][3]
    assert "secret wells" not in _body(mails) + raw
    assert re.search(r"^Subject: You were named in the data inventory", raw, re.M)


def test_a_whole_city_in_one_paste(city: City, mails: FakeSMTP) -> None:
    lines = [f"PARKS\tp{i}@larkhaven.example\tPark rangers" for i in range(20)]
    lines += [f"Water: w{i}@larkhaven.example" for i in range(20)]
    done = _invite(city, emails="\n".join(lines), department=None)
    assert done["invited"] == 40
    assert len(mails.get_smtp_messages()) == 40
    assert {row["department_title"] for row in done["rows"]} == {"Parks", "Water"}
    events = model.Session.scalar(sa.select(sa.func.count()).select_from(event))
    assert events == 1


def test_nothing_is_done_while_a_line_has_a_problem(city: City, mails: FakeSMTP) -> None:
    with pytest.raises(tk.ValidationError) as refusal:
        _invite(city, emails=f"{NEW}\nAna Lopes, Libraries", department=None)
    assert len(refusal.value.error_dict["emails"]) == 2
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Invitation)) == 0


def test_the_link_sets_a_password_and_leads_to_the_inventory(
    city: City, mails: FakeSMTP, app: CKANTestApp
) -> None:
    _invite(city)
    link = re.search(r"https?://\S+/user/reset/\S+", _body(mails))
    assert link
    path = "/" + link[0].split("/", 3)[3]
    assert app.get(path).status_code == 200
    answer = app.post(
        path,
        data={"password1": "a long enough one", "password2": "a long enough one"},
        follow_redirects=False,
    )
    assert answer.status_code == 302
    assert (
        answer.headers["Location"].replace("%2F", "/").endswith("/user/login?came_from=/inventory/")
    )
    account = _account()
    assert account.state == "active"
    assert city.do(account, "inventory_me")["departments"][0]["title"] == "Parks"
    assert _as_cdo("inventory_invitation_list")[0]["status"] == "accepted"
    assert app.get(path).status_code == 403  # a link works once


def test_other_peoples_password_page_leads_where_core_leads(
    city: City, mails: FakeSMTP, app: CKANTestApp
) -> None:
    city.editor.reset_key = "0123456789abcdef"
    model.Session.commit()
    answer = app.post(
        f"/user/reset/{city.editor.id}?key=0123456789abcdef",
        data={"password1": "a long enough one", "password2": "a long enough one"},
        follow_redirects=False,
    )
    assert "login" not in answer.headers["Location"]


def test_a_link_ends_and_can_be_sent_again(
    city: City, mails: FakeSMTP, app: CKANTestApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    _invite(city)
    user_id, row_id = _invitation()
    old = f"/user/reset/{user_id}?key={_account().reset_key}"
    later = clock.now() + dt.timedelta(days=15)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert city.do(city.cdo, "inventory_invitation_list")[0]["status"] == "expired"
    assert app.get(old).status_code == 403
    city.do(city.cdo, "inventory_invitation_resend", id=row_id)
    assert len(mails.get_smtp_messages()) == 2
    new = f"/user/reset/{user_id}?key={_account().reset_key}"
    assert app.get(old).status_code == 403
    assert app.get(new).status_code == 200


def test_withdrawing_ends_the_link_and_the_role(
    city: City, mails: FakeSMTP, app: CKANTestApp
) -> None:
    _invite(city)
    user_id, row_id = _invitation()
    link = f"/user/reset/{user_id}?key={_account().reset_key}"
    city.do(city.cdo, "inventory_invitation_withdraw", id=row_id)
    assert app.get(link).status_code == 403
    grants = sa.select(RoleGrant).where(RoleGrant.user_id == user_id)
    assert model.Session.scalars(grants).all() == []
    with pytest.raises(tk.ValidationError):
        _as_cdo("inventory_invitation_resend", id=row_id)


class _Refusing(FakeSMTP):
    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code

    def sendmail(self, *args: Any, **kwargs: Any) -> Any:
        raise smtplib.SMTPRecipientsRefused({NEW: (self.code, b"no such mailbox")})


def test_an_address_that_the_server_refuses_is_shown_and_not_tried_again(
    city: City, mails: FakeSMTP, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtplib, "SMTP", _Refusing(550))
    _invite(city)
    [row] = city.do(city.cdo, "inventory_invitation_list")
    assert row["status"] == "refused"
    assert "no such mailbox" in row["error"]
    assert outbox.waiting(model.Session()) == 0


def test_a_server_that_is_down_is_tried_again(
    city: City, mails: FakeSMTP, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtplib, "SMTP", _Refusing(450))
    _invite(city)
    assert city.do(city.cdo, "inventory_invitation_list")[0]["status"] == "failed"
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Outbox)) == 1
    monkeypatch.setattr(smtplib, "SMTP", mails)
    outbox.drain(model.Session(), everything=True)
    assert _recipients(mails) == [NEW]
    assert city.do(city.cdo, "inventory_invitation_list")[0]["status"] == "sent"


def test_the_right_counts_when_the_mail_goes_out(
    city: City, mails: FakeSMTP, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leak L37: the role ends between queueing and sending."""
    from ckanext.inventory.logic import commit

    with monkeypatch.context() as patch:
        patch.setattr(commit.outbox, "drain", lambda session: None)
        _invite(city)
        account = _account()
        [role] = city.do(city.cdo, "inventory_role_list", user=account.id)
        city.do(city.cdo, "inventory_role_remove", id=role["id"])
    outbox.drain(model.Session(), everything=True)
    assert mails.get_smtp_messages() == []


@pytest.mark.ckan_config("smtp.server", "")
def test_a_site_without_mail_says_so(city: City, mails: FakeSMTP) -> None:
    _invite(city)
    [row] = city.do(city.cdo, "inventory_invitation_list")
    assert (row["status"], "smtp.server" in row["error"]) == ("failed", True)


def test_who_may_name_whom(city: City, mails: FakeSMTP) -> None:
    for user in (city.coordinator, city.reviewer, city.viewer):
        with pytest.raises(tk.NotAuthorized):
            _invite(city, user)
    with pytest.raises(tk.NotAuthorized):
        _invite(city, role="cdo", department=None)
    shown = _invite(city, emails="cdo@example.org", dry_run=True)
    assert shown["rows"][0]["outcome"] == "problem"  # nobody names themselves
    assert _invite(city, city.sysadmin, role="cdo", department=None)["invited"] == 1


@pytest.mark.ckan_config("ckanext.inventory.people_sign_in_elsewhere", True)
def test_with_single_sign_on_the_role_comes_with_the_first_sign_in(
    city: City, mails: FakeSMTP
) -> None:
    _invite(city)
    assert "/user/login" in _body(mails)
    assert "password" not in _body(mails)
    known = sa.select(model.User).where(model.user_table.c.email == NEW)
    assert model.Session.scalars(known).all() == []
    account = make_user("ana")
    account.email = NEW
    model.Session.commit()
    invited.claim(None, user=account)
    assert city.do(account, "inventory_me")["departments"][0]["title"] == "Parks"
    assert city.do(city.cdo, "inventory_invitation_list")[0]["status"] == "accepted"


def test_without_it_nobody_gets_a_role_by_claiming_an_address(city: City, mails: FakeSMTP) -> None:
    _invite(city)
    thief = make_user("thief")
    thief.email = NEW
    model.Session.commit()
    invited.claim(None, user=thief)
    with pytest.raises(tk.NotAuthorized):
        city.do(thief, "inventory_me")


def test_the_checklist_of_a_new_city(city: City, mails: FakeSMTP) -> None:
    def steps() -> dict[str, bool]:
        return {row["name"]: row["done"] for row in city.do(city.cdo, "inventory_setup")}

    assert all(steps()[name] for name in ("cdo", "coordinators", "codes"))
    assert not any(steps()[name] for name in ("defaults", "approvers", "mail"))
    for department in (city.parks, city.water):
        city.do(
            city.cdo,
            "inventory_department_update",
            id=department.id,
            license_id="cc-by",
            public_contact_name="Desk",
            public_contact_email="desk@larkhaven.example",
        )
    city.do(city.cdo, "inventory_role_add", user="editor", role="reviewer", may_approve=True)
    assert city.do(city.cdo, "inventory_mail_test")["sent"]
    assert _recipients(mails) == ["cdo@example.org"]
    assert all(steps()[name] for name in ("defaults", "approvers", "mail"))
