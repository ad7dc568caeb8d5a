"""Bringing people in, and handing over, from the command line."""

from __future__ import annotations

import datetime as dt
import json
import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import CKANTestApp, FakeSMTP
from click.testing import CliRunner, Result

from ckanext.inventory import clock
from ckanext.inventory.cli import inventory
from ckanext.inventory.model import Invitation, Record, RoleGrant
from ckanext.inventory.types import Role
from tests.logic.city import City, make_city
from tests.support import grant, make_member, make_user

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


def _run(*arguments: str, user: str = "cdo", expect: int = 0, answer: str = "") -> Result:
    done = CliRunner().invoke(
        inventory, ["people", *arguments, "--user", user], input=answer or None
    )
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == expect, done.output
    return done


def _json(*arguments: str, **options: Any) -> Any:
    return json.loads(_run(*arguments, "--json", **options).stdout)


def _recipients(mails: FakeSMTP) -> list[str]:
    return [to for message in mails.get_smtp_messages() for to in message[2]]


def test_a_file_of_addresses_names_and_invites(city: City, mails: FakeSMTP, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"{NEW},Parks,Forestry,2099-06-30\neditor@example.org,WATER\n")
    looked = _run("invite", str(file), "--dry-run")
    assert "Would name 1, invitations: 1." in looked.output
    assert mails.get_smtp_messages() == []
    done = _json("invite", str(file))
    assert (done["named"], done["invited"]) == (1, 1)
    assert sorted(_recipients(mails)) == sorted([NEW, "editor@example.org"])
    query = sa.select(RoleGrant.division, RoleGrant.until).where(RoleGrant.division.is_not(None))
    assert [tuple(row) for row in model.Session.execute(query)] == [
        ("Forestry", dt.date(2099, 6, 30))
    ]


def test_addresses_by_option_and_by_standard_input(city: City, mails: FakeSMTP) -> None:
    _run("invite", "--email", "editor@example.org", "--role", "viewer")
    _run("invite", "-", "--department", city.parks.name, answer=f"Ana Lopes <{NEW}>\n")
    roles = set(model.Session.scalars(sa.select(RoleGrant.role).order_by(RoleGrant.id.desc())))
    assert {"viewer", "coordinator"} <= roles
    assert model.Session.scalars(sa.select(Invitation.email)).all() == [
        "editor@example.org",
        NEW,
    ]
    _run("invite", expect=2)


def test_a_line_with_a_problem_stops_all(city: City, mails: FakeSMTP) -> None:
    refused = _run("invite", "-", answer=f"{NEW},Parks\nnobody\n", expect=1)
    assert "Line 2" in refused.output
    assert model.Session.scalars(sa.select(Invitation)).all() == []
    looked = _json("invite", "-", "--dry-run", answer=f"{NEW},Parks\nnobody\n", expect=1)
    assert looked["problems"] == 1


def test_invitations_are_listed_sent_again_and_taken_back(city: City, mails: FakeSMTP) -> None:
    _run("invite", "--email", NEW, "--department", city.parks.name)
    [one] = _json("invitations")
    assert one["status"] == "sent"
    model.Session.execute(
        sa.update(Invitation).values(expires_at=clock.now() - dt.timedelta(days=1))
    )
    model.Session.commit()
    assert "expired" in _run("invitations", expect=1).output
    assert _run("resend", "--expired").output.strip() == NEW
    assert [one["status"] for one in _json("invitations")] == ["sent"]
    assert _recipients(mails) == [NEW, NEW]
    assert _run("withdraw", str(one["id"])).output.strip() == NEW
    assert [one["status"] for one in _json("invitations")] == ["withdrawn"]
    _run("resend", expect=2)


def test_an_address_that_the_server_refuses_stands_first(
    city: City, mails: FakeSMTP, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(FakeSMTP):
        def sendmail(self, *args: Any, **kwargs: Any) -> None:
            raise smtplib.SMTPRecipientsRefused({NEW: (550, b"no such mailbox")})

    _run("invite", "--email", "editor@example.org", "--role", "viewer")
    monkeypatch.setattr(smtplib, "SMTP", Refusing())
    _run("invite", "--email", NEW, "--role", "viewer")
    listed = _run("invitations", expect=1)
    assert "no such mailbox" in listed.output
    assert _json("invitations", expect=1)[0]["status"] == "refused"


BOUNCE = """\
From: MAILER-DAEMON@mx.larkhaven.example
To: portal@larkhaven.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.larkhaven.example
Arrival-Date: Mon, 16 Nov 2026 08:00:00 +0000

Final-Recipient: rfc822; {to}
Action: {action}
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <{to}>: User
    unknown

--b--
"""


def _bounce(action: str = "failed", to: str = "Ana.Lopes@larkhaven.example") -> str:
    return BOUNCE.format(action=action, to=to)


def test_a_mail_that_came_back_later_is_shown(city: City, mails: FakeSMTP) -> None:
    _run("invite", "--email", NEW, "--department", city.parks.name)
    assert _run("bounced", answer=_bounce("delayed")).output == ""
    assert _run("bounced", answer=f"Subject: Thanks\n\nfrom {NEW}\n").output == ""
    assert [one["status"] for one in _json("invitations")] == ["sent"]
    assert _run("bounced", answer=_bounce()).output.strip() == NEW
    [one] = _json("invitations", expect=1)
    assert (one["status"], one["error"]) == (
        "refused",
        "550 5.1.1 <Ana.Lopes@larkhaven.example>: User unknown",
    )
    _run("resend", str(one["id"]))
    assert [one["status"] for one in _json("invitations")] == ["sent"]
    _run("bounced", answer=_bounce(), user="viewer", expect=1)


def test_who_came_already_is_not_shown_as_refused(city: City, mails: FakeSMTP) -> None:
    _run("invite", "--email", "editor@example.org", "--role", "viewer")
    assert _run("bounced", answer=_bounce(to="editor@example.org")).output == ""
    assert [one["status"] for one in _json("invitations")] == ["accepted"]


def test_everything_is_handed_over_in_one_act(city: City) -> None:
    grant(make_user("successor"), Role.VIEWER)
    city.entry()
    city.do(city.coordinator, "inventory_assign", ids=["PARKS-0001"], user="parks-coordinator")
    looked = _run("hand-over", "parks-coordinator", "successor", "--roles", "--dry-run")
    assert "Would hand over" in looked.output
    assert "1 assignments" in looked.output
    done = _json("hand-over", "parks-coordinator", "successor", "--roles")
    assert done["roles"][0]["department_title"] == "Parks"
    successor = model.User.get("successor")
    assert model.Session.scalars(sa.select(Record.assignee)).all() == [successor.id]
    assert (
        "nothing to hand over"
        in _run("hand-over", "parks-coordinator", "successor", expect=1).output
    )


def test_editors_become_coordinators(city: City) -> None:
    make_member(city.editor, city.parks)
    assert "Would make 1 coordinators." in _run("editors", "--dry-run").output
    assert _json("editors", "--department", city.parks.name)["count"] == 1
    assert _json("editors")["count"] == 0


def test_who_is_responsible_and_what_is_left_to_do(city: City) -> None:
    model.Session.execute(sa.delete(RoleGrant).where(RoleGrant.department == city.water.id))
    model.Session.commit()
    lines = [
        line for line in _run("show").output.splitlines() if "WATER" in line or "PARKS" in line
    ]
    assert "NOBODY" in lines[0]
    assert "Parks Coordinator" in lines[1]
    assert "to do" in _run("setup", expect=1).output
    assert {one["name"] for one in _json("setup", expect=1)} >= {"coordinators", "mail"}


def test_others_than_cdos_are_refused(city: City) -> None:
    for arguments in (
        ("invite", "--email", NEW, "--role", "viewer"),
        ("invitations",),
        ("hand-over", "cdo", "viewer"),
        ("editors",),
        ("setup",),
    ):
        _run(*arguments, user="parks-coordinator", expect=1)
