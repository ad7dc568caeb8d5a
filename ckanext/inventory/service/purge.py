"""What is left of an entry or source that a sysadmin purges: its number and its history."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory.model import (
    Candidate,
    Endorsement,
    Link,
    Pending,
    ReviewRecord,
    Revision,
    Transfer,
)
from ckanext.inventory.service import events, facts, kept_looks, outbox


def forget(session: Session, package_id: str, by: str | None) -> None:
    """Clear the side tables of a package; events stay, and its number is never given again.

    :param session: the database session
    :param package_id: the package, about to be purged in the same transaction
    :param by: user id of who purges

    Source: leak L26.
    """
    record = facts.records(session, [package_id], lock=True).get(package_id)
    if record is None:
        return
    row = events.Row(
        package_id,
        record.department,
        record.state,
        None,
        record.revision,
        {"number": record.number},
    )
    for table in (Revision, ReviewRecord, Pending, Transfer, Endorsement):
        session.execute(sa.delete(table).where(table.package_id == package_id))
    session.execute(sa.delete(Link).where(Link.entry_id == package_id))
    # its record in the catalogue stays known, so that no harvest brings it again
    session.execute(
        sa.update(Candidate).where(Candidate.entry_id == package_id).values(entry_id=None)
    )
    kept_looks.forget_all(session)
    session.delete(record)
    session.flush()
    outbox.reindex(session, [package_id])
    events.record(session, "purge", by, [row])
