"""Mail that a server took and another sent back: which addresses, and why (RFC 3464)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from email import message_from_string
from email.message import Message
from typing import Any, cast

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory.model import Invitation
from ckanext.inventory.service import events
from ckanext.inventory.types import Person

REPORT = "message/delivery-status"

GIVEN_UP = "failed"
"""What a report says of a recipient when nobody tries any longer; "delayed" is no news."""


def failures(text: str) -> dict[str, str]:
    """Read the report of a server that couldn't deliver a mail.

    :param text: the mail as it came back
    :returns: address, in lower case → what the server says; empty for any other mail
    """
    found: dict[str, str] = {}
    for part in message_from_string(text).walk():
        if part.get_content_type() == REPORT:
            for group in _groups(part):
                address = _address(group)
                if address and str(group.get("Action", "")).strip().lower() == GIVEN_UP:
                    found[address] = _why(group)
    return found


def _groups(part: Message) -> Iterator[Message]:
    """A report is parsed as messages without a body: one for the mail, one for each recipient."""
    payload: Any = part.get_payload()
    if isinstance(payload, list):
        yield from cast("list[Message]", payload)


def _address(group: Message) -> str:
    written = str(group.get("Original-Recipient") or group.get("Final-Recipient") or "")
    return written.rpartition(";")[2].strip().strip("<>").lower()


def _why(group: Message) -> str:
    written = str(group.get("Diagnostic-Code") or group.get("Status") or GIVEN_UP)
    return " ".join(written.partition(";")[2].split() or written.split())[:500]


def note(session: Session, by: Person, found: Mapping[str, str]) -> list[str]:
    """Show invitations whose mails came back as refused; who came already needs no mail.

    :param session: the database session
    :param by: who says so
    :param found: what :func:`failures` returned
    :returns: the addresses that were invited
    """
    user = model.user_table
    query = (
        sa.select(Invitation)
        .outerjoin(user, user.c.id == Invitation.user_id)
        .where(
            sa.func.lower(Invitation.email).in_(list(found)),
            Invitation.withdrawn_at.is_(None),
            sa.func.coalesce(user.c.state, model.State.PENDING) == model.State.PENDING,
        )
        .order_by(Invitation.id)
        .with_for_update(of=Invitation)
    )
    rows = list(session.scalars(query))
    for row in rows:
        row.refused, row.error = True, found[row.email.lower()]
    session.flush()
    if rows:
        told = [events.Row(details={"email": row.email, "error": row.error}) for row in rows]
        events.record(session, "invitation_bounced", by.user_id, told)
    return [row.email for row in rows]
