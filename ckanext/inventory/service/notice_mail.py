"""Mails to the people of the inventory: at once, or once a day or week.

Rights are asked when a mail is put together, not when it was queued. Subjects hold nothing of a
record; titles stand in the text only of what isn't restricted, and links lead through the sign-in
page by the opaque name.

Source: leak L37.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from jinja2 import TemplateError
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config, policy
from ckanext.inventory.model import Notice, Record
from ckanext.inventory.model.outbox import DIGEST
from ckanext.inventory.service import (
    invitation_mail,
    notice_list,
    notice_rules,
    notice_settings,
    outbox,
    readers,
    search,
)
from ckanext.inventory.service.notice_rules import Topic
from ckanext.inventory.service.readers import Known
from ckanext.inventory.types import ENTRY, Person

TOO_OLD = dt.timedelta(days=3)
"""A mail that was to go at once and couldn't is left to the digest after that."""

MOST_LINES = 20
"""Acts that a digest names by topic; of more it tells the number."""


_DEPARTMENTS_WORK = ("returned", "detailing", "ready")
"""Views of the list that a department, or who has an entry, works on."""


@dataclass(frozen=True)
class Mail:
    """A mail, ready to go.

    :param subject: one line
    :param text: plain text
    :param html: the same as HTML
    :param event_ids: the acts that it tells
    """

    subject: str
    text: str
    html: str
    event_ids: tuple[int, ...]


def _render(name: str, known: Known, values: Mapping[str, Any], ids: Collection[int]) -> Mail:
    shown = {
        "site_title": config.core("ckan.site_title"),
        "site_url": config.core("ckan.site_url"),
        "language": config.core("ckan.locale_default"),
        "name": known.name,
        "home_link": link(tk.url_for("inventory.home")),
        "settings_link": link(tk.url_for("inventory.notices", _anchor="settings")),
        **values,
    }
    subject = invitation_mail.plain(f"inventory/mail/{name}_subject.txt", shown)
    return Mail(
        " ".join(subject.split()),
        invitation_mail.plain(f"inventory/mail/{name}.txt", shown).strip() + "\n",
        str(tk.render(f"inventory/mail/{name}.html", shown)).strip() + "\n",
        tuple(ids),
    )


def link(path: str) -> str:
    """Return an address that leads to a page of the inventory by way of the sign-in page.

    :param path: the page
    :returns: the address, with the site's own
    """
    return str(tk.url_for("user.login", came_from=path, qualified=True))


def _linked(told: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each record the link to its page, and no title if it is restricted."""
    for notice in told:
        for item in notice["items"]:
            page = "inventory.entry" if item["type"] == ENTRY else "inventory.source"
            anchor = "history" if notice["act"] in notice_rules.TALK else None
            item["link"] = link(tk.url_for(page, number=item["name"], _anchor=anchor))
            if item["restricted"]:
                item["title"] = None
    return list(told)


# at once


@invitation_mail.in_site_language()
def send_notices(session: Session, keys: Sequence[str]) -> Mapping[str, str]:
    """Send mails that go at once; those that nobody should get any more are dropped.

    :param session: the database session
    :param keys: as ``notices.mail_key`` makes them
    :returns: key → error for those to try again
    """
    wanted = [(key, *key.split(":", 1)) for key in keys]
    people = readers.people(session, {user_id for _key, _event, user_id in wanted})
    errors: dict[str, str] = {}
    for key, event_id, user_id in wanted:
        known = people.get(user_id)
        if known is None or not known.email or not invitation_mail.set_up():
            continue
        try:
            mail = notice_mail(session, user_id, known, int(event_id))
        except TemplateError as error:
            errors[key] = _of_template(error)
            continue
        if mail is not None and (problem := _deliver(session, user_id, known, mail)):
            errors[key] = problem
    return errors


def notice_mail(session: Session, user_id: str, known: Known, event_id: int) -> Mail | None:
    """Put the mail of one act together.

    :param session: the database session
    :param user_id: the recipient
    :param known: who that is, with their rights now
    :param event_id: the act
    :returns: the mail; None if it was told, undone, is too old, not wanted, or not for them
    """
    if not notice_settings.of(session, user_id)["at_once"]:
        return None
    conditions = [
        Notice.event_id == event_id,
        Notice.mailed_at.is_(None),
        Notice.at > clock.now() - TOO_OLD,
    ]
    told = _linked(notice_list.listing(session, known.person, limit=1, extra=conditions))
    return _render("notice", known, {"notice": told[0]}, [event_id]) if told else None


def _of_template(error: TemplateError) -> str:
    """Say that a template, which a site may have replaced, doesn't work; not with what."""
    return f"A template of the mail fails: {type(error).__name__}"


def _deliver(session: Session, user_id: str, known: Known, mail: Mail) -> str:
    error = invitation_mail.deliver(known.name, known.email, mail.subject, mail.text, mail.html)
    if not error and mail.event_ids:
        session.execute(
            sa.update(Notice)
            .where(Notice.user_id == user_id, Notice.event_id.in_(mail.event_ids))
            .values(mailed_at=clock.now())
            .execution_options(synchronize_session=False)
        )
    return error


# the digest


def queue_digests(session: Session) -> int:
    """Queue the digests whose time has come, once for each person and day.

    :param session: the database session
    :returns: for how many people
    """
    day = clock.today().isoformat()
    keys = [f"{day}:{user_id}" for user_id, _known in notice_settings.due(session)]
    outbox.queue(session, DIGEST, keys)
    return len(keys)


@invitation_mail.in_site_language()
def send_digests(session: Session, keys: Sequence[str]) -> Mapping[str, str]:
    """Send digests; who has nothing new gets none.

    :param session: the database session
    :param keys: a day and a user id each
    :returns: key → error for those to try again
    """
    due = dict(notice_settings.due(session))
    errors: dict[str, str] = {}
    for key in keys:
        user_id = key.split(":", 1)[1]
        known = due.get(user_id)
        if known is None or not invitation_mail.set_up():
            continue
        try:
            mail = digest_mail(session, user_id, known)
        except TemplateError as error:
            errors[key] = _of_template(error)
            continue
        if mail is None:
            continue
        problem = _deliver(session, user_id, known, mail)
        if problem:
            errors[key] = problem
        else:
            notice_settings.change(session, user_id, {"digest_at": clock.now()})
    return errors


def digest_mail(session: Session, user_id: str, known: Known) -> Mail | None:
    """Put somebody's digest together: what they weren't told by mail and haven't read yet.

    :param session: the database session
    :param user_id: the recipient
    :param known: who that is, with their rights now
    :returns: the mail, None if there is nothing new
    """
    wants = notice_settings.of(session, user_id)
    conditions: list[sa.ColumnElement[bool]] = [Notice.mailed_at.is_(None)]
    if wants["at_once"]:
        # still on its way by itself, unless it couldn't be sent for too long
        conditions.append(sa.or_(~Notice.at_once, Notice.at <= clock.now() - TOO_OLD))
    told = _linked(
        notice_list.listing(
            session,
            known.person,
            limit=MOST_LINES * len(Topic),
            only_unread=True,
            extra=conditions,
        )
    )
    if not told:
        return None
    waiting = waits(session, known.person)
    sections = [
        {"topic": topic.value, "notices": [one for one in told if one["topic"] == topic.value]}
        for topic in Topic
    ]
    values = {
        "sections": [
            section | {"more": max(0, len(section["notices"]) - MOST_LINES)}
            for section in sections
            if section["notices"]
        ],
        "most_lines": MOST_LINES,
        "count": len(told),
        "waiting": waiting,
        "minutes": notice_rules.minutes(waiting),
        "weekly": wants["digest"] == notice_rules.Digest.WEEKLY.value,
    }
    return _render("digest", known, values, [one["event_id"] for one in told])


def waits(session: Session, person: Person) -> dict[str, int]:
    """Count what waits for somebody now, by the views of the list that their work is in.

    :param session: the database session
    :param person: who is asked
    :returns: view → number of entries, without those that have none
    """
    theirs = sa.or_(
        Record.department.in_(policy.departments_of(person)), Record.assignee == person.user_id
    )
    work = {name: sa.and_(search.ATTENTION[name], theirs) for name in _DEPARTMENTS_WORK}
    if policy.is_decider(person):
        work["queue"] = search.ATTENTION["queue"]
    columns = [sa.func.count().filter(condition).label(name) for name, condition in work.items()]
    query = sa.select(*columns).where(
        Record.package_type == ENTRY,
        Record.package_state == "active",
        search.visible(policy.scope(person)),
    )
    return {
        name: int(count) for name, count in session.execute(query).mappings().one().items() if count
    }
