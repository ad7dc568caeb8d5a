"""Being told: who of what, how soon, and by a mail that shows no more than its reader may see."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from alembic.config import Config
from alembic.script import ScriptDirectory
from ckan import model
from ckan.tests.helpers import CKANTestApp

import ckanext.inventory
from ckanext.inventory import clock, jobs
from ckanext.inventory.model import Notice, Outbox
from ckanext.inventory.service import outbox
from tests.logic.city import ENOUGH_TO_APPROVE, City, make_city
from tests.support import grant, make_user

SECRET = "Wells that nobody should know"
LATER = dt.timedelta(seconds=61)
NEXT_DAY = dt.timedelta(days=1)

pytestmark = pytest.mark.ckan_config("smtp.mail_from", "portal@larkhaven.example")


@dataclass
class Mailbox:
    """A real mail server on this machine, and what it took in."""

    mails: list[tuple[str, EmailMessage]] = field(default_factory=list)
    answer: str = "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            content = envelope.original_content or b""
            message = email.message_from_bytes(content, policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            self.mails.append((envelope.rcpt_tos[0], message))
        return self.answer

    def to(self, user: Any) -> list[EmailMessage]:
        return [message for address, message in self.mails if address == user.email]

    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for _address, message in self.mails]


def body(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


@pytest.fixture
def city(db: None) -> City:
    return make_city()


@pytest.fixture
def post(ckan_config: Any, app: CKANTestApp) -> Iterator[Mailbox]:
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    ckan_config["smtp.server"] = f"127.0.0.1:{port}"
    with app.flask_app.test_request_context():
        yield box
    server.stop()


def send(after: dt.timedelta = LATER) -> outbox.Drained:
    """Let time go by, and do what cron does."""
    with clock.at(clock.now() + after):
        return jobs.notify()


def told(city: City, user: Any) -> list[tuple[str, str]]:
    found = city.do(user, "inventory_notice_list")
    return [(row["act"], row["topic"]) for row in found["results"]]


def returned(city: City, **fields: Any) -> dict[str, Any]:
    entry = city.submitted(**fields)
    city.step(city.cdo, entry, "return", comment="Which years does it cover?")
    return entry


class TestAtOnce:
    def test_returned_to_you(self, city: City, post: Mailbox) -> None:
        entry = returned(city)
        send(dt.timedelta(seconds=30))
        assert post.to(city.coordinator) == []
        send()
        [message] = post.to(city.coordinator)
        text = body(message)
        assert "Cdo returned an entry, with a comment." in text
        assert "PARKS-0001 Street and park trees" in text
        assert "Which years" not in text
        assert "/user/login?came_from=" in text
        assert f"entries%2F{entry['name']}" in text or f"entries/{entry['name']}" in text
        assert "PARKS-0001" in body(message, "html")
        assert post.to(city.cdo) == []

    def test_once_only(self, city: City, post: Mailbox) -> None:
        returned(city)
        send()
        send()
        send(NEXT_DAY)
        assert len(post.to(city.coordinator)) == 1

    def test_what_was_undone_is_not_told(self, city: City, post: Mailbox) -> None:
        entry = returned(city)
        city.do(city.cdo, "inventory_undo", id=entry["id"])
        send()
        send(NEXT_DAY)
        assert [m for m in post.subjects() if "back" in m] == []
        assert ("return", "back") not in told(city, city.coordinator)

    def test_mentioned(self, city: City, post: Mailbox) -> None:
        entry = city.entry()
        done = city.do(
            city.cdo, "inventory_comment", id=entry["id"], text="Do you know this, @reviewer?"
        )
        assert done["mentioned"] == ["Reviewer"]
        send()
        [message] = post.to(city.reviewer)
        assert "Cdo mentioned you in a comment." in body(message)
        assert "Do you know" not in body(message)
        assert "history" in body(message)

    def test_who_cannot_read_it_cannot_be_mentioned(self, city: City, post: Mailbox) -> None:
        entry = city.entry()
        done = city.do(
            city.cdo, "inventory_comment", id=entry["id"], text="@water-coordinator? a@b.org"
        )
        assert done["mentioned"] == []
        messages = []
        for name in ("water-coordinator", "nobody-at-all"):
            with pytest.raises(tk.ValidationError) as refusal:
                city.do(city.cdo, "inventory_comment", id=entry["id"], text="Look", mentions=[name])
            messages.append(refusal.value.error_dict)
        assert messages[0] == messages[1]
        send()
        assert post.to(city.neighbour) == []

    def test_a_waiver_that_was_asked_for(self, city: City, post: Mailbox) -> None:
        entry = city.entry()
        city.do(
            city.coordinator,
            "inventory_blocker_save",
            id=entry["id"],
            kind="privacy",
            rationale="Names of people stand in it.",
        )
        city.do(
            city.coordinator,
            "inventory_waiver_request",
            id=entry["id"],
            kind="privacy",
            reason="They are public officials.",
        )
        city.do(
            city.cdo,
            "inventory_blocker_status",
            id=entry["id"],
            kind="privacy",
            status="waived",
            reason="Agreed, officials only.",
        )
        send()
        [message] = post.to(city.coordinator)
        assert str(message["Subject"]).startswith("What you asked for is decided")

    def test_a_transfer_that_was_asked_for(self, city: City, post: Mailbox) -> None:
        """Who gave it away reads it no more, and is told without a word of it."""
        entry = city.entry(title=SECRET)
        city.do(
            city.coordinator,
            "inventory_transfer_request",
            id=entry["id"],
            department=city.water.id,
        )
        assert told(city, city.neighbour) == [("transfer_request", "waits")]
        city.do(city.neighbour, "inventory_transfer_accept", id=entry["id"])
        send()
        [message] = post.to(city.coordinator)
        text = body(message) + body(message, "html")
        assert "An entry moved to the other department, as you asked." in text
        assert SECRET not in text
        assert "PARKS-0001" not in text
        assert entry["name"] not in text

    def test_who_does_not_want_it_at_once_finds_it_in_the_digest(
        self, city: City, post: Mailbox
    ) -> None:
        city.do(city.coordinator, "inventory_notice_settings_update", at_once=False)
        returned(city)
        send()
        [message] = post.to(city.coordinator)
        assert "CAME BACK" in body(message)


class TestLeaks:
    """Leak L37."""

    def test_the_right_counts_when_the_mail_goes_out(self, city: City, post: Mailbox) -> None:
        returned(city)
        [role] = city.do(city.cdo, "inventory_role_list", user=city.coordinator.id)
        city.do(city.cdo, "inventory_role_remove", id=role["id"])
        send()
        send(NEXT_DAY)
        assert post.to(city.coordinator) == []
        assert outbox.waiting(model.Session()) == 0

    def test_so_does_a_role_that_ran_out(self, city: City, post: Mailbox) -> None:
        entry = returned(city)
        city.do(
            city.cdo,
            "inventory_role_add",
            user=city.coordinator.name,
            role="coordinator",
            department=city.parks.id,
            until=clock.today().isoformat(),
        )
        assert entry
        send(dt.timedelta(days=2))
        assert post.to(city.coordinator) == []

    def test_a_former_assignee_is_not_told(self, city: City, post: Mailbox) -> None:
        entry = city.submitted()
        city.do(city.coordinator, "inventory_assign", ids=[entry["id"]], user="editor")
        city.step(city.cdo, entry, "return", comment="Which years?")
        city.do(city.coordinator, "inventory_assign", ids=[entry["id"]], user="")
        send()
        assert post.to(city.editor) == []

    def test_no_subject_names_an_entry(self, city: City, post: Mailbox) -> None:
        entry = city.submitted(title=SECRET)
        city.do(city.cdo, "inventory_comment", id=entry["id"], text="@parks-coordinator: this?")
        city.step(city.cdo, entry, "return", comment="Which years does it cover?")
        other = city.submitted(title=SECRET)
        assert other
        send()
        send(NEXT_DAY)
        assert len(post.mails) >= 3
        for _address, message in post.mails:
            headers = " ".join(f"{name}: {value}" for name, value in message.items())
            assert not re.search(f"{SECRET}|PARKS-|{entry['name']}|{entry['id']}", headers)

    def test_what_is_restricted_has_no_title_in_a_mail(self, city: City, post: Mailbox) -> None:
        entry = returned(city, title=SECRET)
        city.do(
            city.coordinator,
            "inventory_mark",
            ids=[entry["id"]],
            field="visibility",
            value="department_and_cdo_only",
        )
        send()
        [message] = post.to(city.coordinator)
        assert "PARKS-0001" in body(message)
        assert SECRET not in body(message) + body(message, "html")

    def test_a_viewer_is_not_told_what_is_restricted(self, city: City, post: Mailbox) -> None:
        entry = city.approved(title=SECRET)
        city.step(
            city.cdo,
            entry,
            "promote",
            publication={"metadata_only": True, "license_id": "cc-by"},
        )
        assert told(city, city.viewer) == [("promote", "public")]
        city.do(
            city.coordinator,
            "inventory_mark",
            ids=[entry["id"]],
            field="visibility",
            value="department_and_cdo_only",
        )
        assert told(city, city.viewer) == []
        send()
        assert post.to(city.viewer) == []

    def test_the_queue_holds_ids_only(self, city: City, post: Mailbox) -> None:
        """Leak L38."""
        returned(city, title=SECRET)
        rows = model.Session.scalars(sa.select(Outbox).where(Outbox.kind == "notice")).all()
        assert [re.fullmatch(r"\d+:[0-9a-f-]{36}", row.key) is not None for row in rows] == [True]
        assert [row.payload for row in rows] == [{}]

    def test_a_log_names_nothing(
        self,
        city: City,
        post: Mailbox,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Leak L38."""
        monkeypatch.setattr(outbox.log, "disabled", False)
        returned(city, title=SECRET)
        post.answer = "451 Try again"
        with caplog.at_level("DEBUG", logger="ckanext.inventory"):
            send()
        ours = [r.getMessage() for r in caplog.records if r.name.startswith("ckanext.inventory")]
        assert ours
        assert not re.search(f"{SECRET}|PARKS-|@", " ".join(ours))


class TestDigest:
    def test_one_a_day_with_what_is_new(self, city: City, post: Mailbox) -> None:
        first = city.submitted()
        send()
        [message] = post.to(city.cdo)
        text = body(message)
        assert "WAITS FOR YOU" in text
        assert "Parks Coordinator submitted an entry." in text
        assert "One entry waits for a decision." in text
        assert "This takes about 1 minute." in text
        assert str(message["Subject"]).startswith("What waits for you takes about 1 minute")
        assert first["name"] in text
        send()
        assert len(post.to(city.cdo)) == 1
        city.submitted(title="Benches")
        send(NEXT_DAY)
        [_first, second] = post.to(city.cdo)
        assert "Benches" in body(second)
        assert "Street and park trees" not in body(second)
        assert "2 entries wait for a decision." in body(second)

    def test_nobody_gets_one_without_news(self, city: City, post: Mailbox) -> None:
        city.entry()
        send()
        assert post.mails == []

    def test_what_was_read_on_the_page_is_no_news(self, city: City, post: Mailbox) -> None:
        city.submitted()
        city.do(city.cdo, "inventory_notice_read", all=True)
        send()
        assert post.to(city.cdo) == []
        assert len(post.to(city.reviewer)) == 1

    def test_never(self, city: City, post: Mailbox) -> None:
        city.do(city.cdo, "inventory_notice_settings_update", digest="never")
        city.submitted()
        send()
        assert post.to(city.cdo) == []

    def test_weekly(self, city: City, post: Mailbox) -> None:
        city.do(city.cdo, "inventory_notice_settings_update", digest="weekly")
        city.submitted()
        send()
        city.submitted()
        send(dt.timedelta(days=6))
        assert len(post.to(city.cdo)) == 1
        send(dt.timedelta(days=7))
        assert len(post.to(city.cdo)) == 2
        assert "once a week" in body(post.to(city.cdo)[1])

    @pytest.mark.ckan_config("ckanext.inventory.digest", "never")
    def test_a_site_can_leave_it_off_and_a_person_have_it(self, city: City, post: Mailbox) -> None:
        city.do(city.cdo, "inventory_notice_settings_update", digest="daily")
        city.submitted()
        send()
        assert len(post.to(city.cdo)) == 1
        assert post.to(city.reviewer) == []

    def test_what_became_public_is_told_to_the_council(self, city: City, post: Mailbox) -> None:
        entry = city.approved()
        city.step(
            city.cdo,
            entry,
            "promote",
            publication={"metadata_only": True, "license_id": "cc-by"},
        )
        send()
        [message] = post.to(city.viewer)
        assert "BECAME PUBLIC" in body(message)
        assert "Cdo put an entry on the portal." in body(message)
        assert "news for you" in str(message["Subject"])
        assert "Start: this takes" not in body(message, "html")

    def test_only_ones_own_work_waits(self, city: City, post: Mailbox) -> None:
        """A viewer reads what came back to departments, and has nothing to do with it."""
        returned(city)
        entry = city.approved(title="Lamps")
        city.step(
            city.cdo,
            entry,
            "promote",
            publication={"metadata_only": True, "license_id": "cc-by"},
        )
        send()
        assert "came back to you" not in body(post.to(city.viewer)[0])
        digests = [body(m) for m in post.to(city.coordinator)]
        assert any("One entry came back to you." in text for text in digests)

    def test_plain_text_is_not_escaped(self, city: City, post: Mailbox) -> None:
        city.submitted(title="Trees & <b>benches</b>")
        send()
        [message] = post.to(city.cdo)
        assert "Trees & <b>benches</b>" in body(message)
        assert "Trees &amp; &lt;b&gt;benches" in body(message, "html")
        assert 'lang="en"' in body(message, "html")

    def test_a_bulk_act_is_one_line(self, city: City, post: Mailbox) -> None:
        entries = [city.entry(**ENOUGH_TO_APPROVE, title=f"Trees {n}") for n in range(5)]
        city.do(
            city.coordinator,
            "inventory_transition_bulk",
            ids=[entry["id"] for entry in entries],
            transition="submit",
        )
        send()
        text = body(post.to(city.cdo)[0])
        assert "Parks Coordinator submitted 5 entries." in text
        assert "and 2 more" in text

    def test_a_reviewer_of_a_department_hears_of_that_one(self, city: City, post: Mailbox) -> None:
        from ckanext.inventory.types import Role

        water = grant(make_user("water-reviewer"), Role.REVIEWER, city.water)
        city.submitted()
        assert told(city, water) == []
        assert told(city, city.reviewer) == [("submit", "waits")]


class TestDelivery:
    def test_a_server_that_is_down_is_tried_again(self, city: City, post: Mailbox) -> None:
        returned(city)
        post.answer = "451 Try again"
        assert send().failed >= 1
        row = model.Session.scalars(sa.select(Outbox).where(Outbox.kind == "notice")).one()
        assert row.attempts == 1
        post.answer = "250 OK"
        send(dt.timedelta(minutes=5))
        assert len(post.to(city.coordinator)) == 1

    def test_the_self_check_says_that_nobody_sends(self, city: City, post: Mailbox) -> None:
        returned(city)
        with clock.at(clock.now() + dt.timedelta(hours=2)):
            found = city.do(city.cdo, "inventory_check")
            assert [row["name"] for row in found if row["name"] == "mail"] == ["mail"]
            assert outbox.waiting(model.Session()) == 0
            jobs.notify()
            found = city.do(city.cdo, "inventory_check")
            assert [row for row in found if row["name"] == "mail"] == []

    def test_what_could_not_go_at_once_for_days_is_in_the_digest(
        self, city: City, post: Mailbox
    ) -> None:
        returned(city)
        send(dt.timedelta(days=4))
        [message] = post.to(city.coordinator)
        assert "CAME BACK" in body(message)

    def test_a_site_without_mail_keeps_it_on_the_page(
        self, city: City, post: Mailbox, ckan_config: Any
    ) -> None:
        ckan_config["smtp.mail_from"] = ""
        returned(city)
        send()
        assert post.mails == []
        assert model.Session.scalars(sa.select(Outbox)).all() == []
        assert ("return", "back") in told(city, city.coordinator)

    def test_nobodys_request_sends_mail(self, city: City, post: Mailbox) -> None:
        returned(city)
        with clock.at(clock.now() + LATER):
            city.entry()
        assert post.mails == []

    def test_old_notices_go(self, city: City, post: Mailbox) -> None:
        returned(city)
        send(dt.timedelta(days=61))
        assert model.Session.scalars(sa.select(Notice)).all() == []


class _Chat(p.SingletonPlugin):
    p.implements(p.INotifier)
    messages: list[tuple[str, str, str | None]] = []

    def notify_recipient(
        self,
        already_notified: bool,
        recipient_name: str,
        recipient_email: str,
        subject: str,
        body: str,
        body_html: str | None = None,
        headers: Any = None,
        attachments: Any = None,
    ) -> bool:
        self.messages.append((recipient_email, subject, body_html))
        return True


@pytest.mark.ckan_config("smtp.server", "")
@pytest.mark.with_plugins({"chat": _Chat})
def test_a_plugin_may_deliver_instead(with_plugins: None, city: City, app: CKANTestApp) -> None:
    with app.flask_app.test_request_context():
        returned(city)
        send()
    assert (city.coordinator.email, True) in [(to, bool(html)) for to, _s, html in _Chat.messages]


class _OwnWords(p.SingletonPlugin):
    """A city's own extension with one template of its own."""

    p.implements(p.IConfigurer)
    folder = ""

    def update_config(self, config: Any) -> None:
        # as for an extension that is listed before the inventory
        config["extra_template_paths"] = self.folder


@pytest.fixture
def own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The template lies there before the plugin is loaded."""
    mail = tmp_path / "inventory" / "mail"
    mail.mkdir(parents=True)
    (mail / "notice_subject.txt").write_text("Larkhaven's data office has news\n")
    monkeypatch.setattr(_OwnWords, "folder", str(tmp_path))


@pytest.mark.with_plugins({"own_words": _OwnWords})
def test_a_site_may_say_it_in_its_own_words(
    own_words: None, with_plugins: None, city: City, post: Mailbox
) -> None:
    returned(city)
    send()
    [message] = post.to(city.coordinator)
    assert message["Subject"] == "Larkhaven's data office has news"
    assert "Cdo returned an entry" in body(message)


def test_a_wish_is_in_the_coordinators_digest(city: City, post: Mailbox) -> None:
    city.entry()
    reason = "Every neighbourhood meeting asks for it."
    city.do(city.viewer, "inventory_want", id="PARKS-0001", reason=reason)
    send()
    [message] = post.to(city.coordinator)
    assert "Viewer wants one of your entries." in body(message)
    assert reason not in body(message) + body(message, "html")
    assert "trees" not in str(message["Subject"]).lower()


def test_a_worker_does_the_same(city: City, post: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no request; and there is nothing in a job that could be read in Redis (leak L38)."""
    jobs_queued: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr(tk, "enqueue_job", lambda job, **how: jobs_queued.append((job, how)))
    returned(city)
    jobs.enqueue()
    [(job, how)] = jobs_queued
    assert how == {"title": "inventory mail", "queue": jobs.QUEUE}
    monkeypatch.setattr(jobs, "has_request_context", lambda: False)
    with clock.at(clock.now() + LATER):
        job()
    assert len(post.to(city.coordinator)) == 1


def test_migrations_have_one_head() -> None:
    folder = f"{next(iter(ckanext.inventory.__path__))}/migration/inventory"
    config = Config()
    config.set_main_option("script_location", folder)
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1
