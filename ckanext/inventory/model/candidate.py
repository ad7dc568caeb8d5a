"""What harvests brought: which record of which catalogue became which draft."""

from __future__ import annotations

import datetime as dt

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

Moment = sa.DateTime(timezone=True)


class Candidate(tk.BaseModel):
    """A record of a catalogue. It outlives the harvest's own objects, whose history may be cleared.

    ``revision`` and ``event_id`` are what the harvest wrote last: if the entry has moved on from
    there, somebody has it in hand and the harvest leaves it alone. An entry that is already in the
    inventory by another way has revision 0, and one that was purged is none.

    ``changed_at`` is when the catalogue changed a record whose entry is left alone, ``gone_at`` when
    the record went.
    """

    __tablename__ = "inventory_candidate"

    source_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    guid: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    entry_id: Mapped[str | None] = mapped_column(sa.Text)
    digest: Mapped[str] = mapped_column(sa.Text)
    modified: Mapped[str] = mapped_column(sa.Text, server_default="")
    catalogue: Mapped[str] = mapped_column(sa.Text)
    revision: Mapped[int] = mapped_column(sa.Integer)
    event_id: Mapped[int] = mapped_column(sa.BigInteger)
    brought_at: Mapped[dt.datetime] = mapped_column(Moment)
    changed_at: Mapped[dt.datetime | None] = mapped_column(Moment)
    gone_at: Mapped[dt.datetime | None] = mapped_column(Moment)

    __table_args__ = (sa.Index("inventory_candidate_entry", "entry_id"),)
