"""Mailing parts to colleagues without an account, after the commit that let them go out.

Source: leak L37: every right is asked again when it is sent; the subject names nothing.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config
from ckanext.inventory.model import Part
from ckanext.inventory.service import invitation_mail, parts, roles
from ckanext.inventory.spreadsheets import workbook

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FILENAME = "inventory-part.xlsx"
NOTHING_LEFT = "You may not send any of these entries any more: nothing was sent."


@invitation_mail.in_site_language()
def send(session: Session, keys: Sequence[str]) -> Mapping[str, str]:
    """Mail parts; one that was closed, or whose sender may send nothing of it any more, isn't sent.

    :param session: the database session
    :param keys: ids of parts
    :returns: key → error for those to try again; an address that the server refuses is not
    """
    query = sa.select(Part).where(Part.id.in_(keys)).order_by(Part.at).with_for_update()
    errors: dict[str, str] = {}
    for part in session.scalars(query):
        if part.sent_at is not None or part.closed_at is not None or not part.to_email:
            continue
        error = _send(session, part, part.to_email)
        part.error = error[:500] or None
        if not error:
            part.sent_at = clock.now()
        elif error != NOTHING_LEFT and not invitation_mail.refused(error):
            errors[part.id] = error
        session.flush()
    return errors


def _send(session: Session, part: Part, email: str) -> str:
    sender = parts.sender_of(part)
    if sender is None or sender.state != model.State.ACTIVE:
        return NOTHING_LEFT
    person = roles.person(session, sender)
    rows = parts.still_allowed(session, person, part)
    if not rows:
        return NOTHING_LEFT
    book = parts.book_of(session, person, part, rows)
    data = workbook.as_bytes(workbook.write_xlsx, book)
    values = {
        "site_title": config.core("ckan.site_title"),
        "site_url": config.core("ckan.site_url"),
        "name": part.to_name,
        "sender": sender.display_name,
        "sender_email": sender.email or "",
        "message": part.message,
        "due": part.due.isoformat() if part.due else "",
        "count": len(rows),
    }
    return invitation_mail.deliver(
        part.to_name or email,
        email,
        invitation_mail.plain("emails/inventory_part_subject.txt", values),
        invitation_mail.plain("emails/inventory_part.txt", values).strip() + "\n",
        headers={"Reply-To": sender.email} if sender.email else {},
        attachments=[(FILENAME, io.BytesIO(data), XLSX)],
    )
