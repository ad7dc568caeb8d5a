"""Sending invitations, after the commit that made them.

The link is CKAN's own: the page on which an account sets its password, and from there to the
inventory. Where people sign in elsewhere it is the sign-in page.
"""

from __future__ import annotations

import html
import re
import smtplib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any, cast

import ckan.model as model
import ckan.plugins as p
import ckan.plugins.toolkit as tk
import flask_babel
import sqlalchemy as sa
from ckan.lib import mailer
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config
from ckanext.inventory.model import Invitation, RoleGrant

NOT_SET_UP = "This site can't send mail: smtp.server or smtp.mail_from is not set."
_REFUSED = re.compile(r"SMTPRecipientsRefused.*?\(\s*5\d\d\s*,")


@contextmanager
def in_site_language() -> Iterator[None]:
    """Have mails written in the language of the site, whatever language the page is read in.

    They may go out with the request of somebody who reads in another one.
    """
    with cast(Any, flask_babel).force_locale(config.core("ckan.locale_default")):
        yield


def set_up() -> bool:
    """Tell whether mail can go out at all: a mail server, or a plugin that delivers otherwise.

    :returns: the answer
    """
    if config.core("smtp.server") and config.core("smtp.mail_from"):
        return True
    return any(True for _plugin in p.PluginImplementations(p.INotifier))


def deliver(
    name: str,
    email: str,
    subject: str,
    body: str,
    body_html: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    attachments: Sequence[tuple[str, IO[bytes], str]] = (),
) -> str:
    """Send one mail through CKAN, so that its plugins may deliver it otherwise.

    :param name: of the recipient
    :param email: of the recipient
    :param subject: one line
    :param body: the text
    :param body_html: the same as HTML (optional)
    :param headers: further headers of the mail
    :param attachments: files that go with it: name, content, media type
    :returns: what went wrong, empty if it was sent
    """
    if not set_up():
        return NOT_SET_UP
    try:
        mailer.mail_recipient(
            name,
            email,
            " ".join(subject.split()),
            body,
            body_html,
            dict(headers or {}),
            cast(Any, list(attachments)),
        )
    except (mailer.MailerException, OSError, smtplib.SMTPException, UnicodeError) as error:
        return str(error) or type(error).__name__
    return ""


def refused(error: str) -> bool:
    """Tell whether a server refused an address, so that trying again is no use.

    :param error: what :func:`deliver` returned
    """
    return bool(_REFUSED.search(error))


@in_site_language()
def send(session: Session, keys: Sequence[str]) -> Mapping[str, str]:
    """Send invitations; one that lost its roles, was withdrawn or ran out is not sent.

    :param session: the database session
    :param keys: ids of invitations
    :returns: key → error for those to try again; an address that the server refuses is not

    Source: leak L37.
    """
    query = (
        sa.select(Invitation)
        .where(Invitation.id.in_([int(key) for key in keys]))
        .order_by(Invitation.id)
        .with_for_update()
    )
    errors: dict[str, str] = {}
    for row in session.scalars(query):
        user = session.get(model.User, row.user_id) if row.user_id else None
        if not _still_meant(session, row, user):
            continue
        error = deliver(row.name or row.email, row.email, *_words(row, user))
        row.error = error[:500] or None
        row.refused = refused(error)
        if not error:
            row.sent_at = clock.now()
        elif not row.refused:
            errors[str(row.id)] = error
        session.flush()
    return errors


def _still_meant(session: Session, row: Invitation, user: model.User | None) -> bool:
    if row.withdrawn_at is not None or row.expires_at <= clock.now():
        return False
    if user is None:
        return bool(row.roles) and row.user_id is None
    if user.state == model.State.DELETED:
        return False
    held = sa.select(RoleGrant.id).where(RoleGrant.user_id == user.id)
    return session.scalar(held.limit(1)) is not None


def _words(row: Invitation, user: model.User | None) -> tuple[str, str]:
    waits = user is not None and user.state == model.State.PENDING
    values: dict[str, Any] = {
        "site_title": config.core("ckan.site_title"),
        "site_url": config.core("ckan.site_url"),
        "name": row.name,
        "user_name": user.name if user is not None else None,
        "sets_password": waits,
        "link": mailer.get_reset_link(user) if user is not None and waits else sign_in_link(),
        "expires_on": row.expires_at.date().isoformat(),
    }
    return (
        plain("emails/inventory_invitation_subject.txt", values).strip(),
        plain("emails/inventory_invitation.txt", values).strip() + "\n",
    )


def plain(template: str, values: Mapping[str, Any]) -> str:
    """Render a template of plain text; CKAN escapes for HTML whatever the template's name is.

    :param template: the template
    :param values: what it shows
    :returns: the text
    """
    return html.unescape(str(tk.render(template, dict(values))))


def sign_in_link(*, qualified: bool = True) -> str:
    """Return the address of the sign-in page that leads on to the inventory.

    :param qualified: with the site's address
    :returns: the address
    """
    home = tk.url_for("inventory.home")
    return str(tk.url_for("user.login", came_from=home, qualified=qualified))
