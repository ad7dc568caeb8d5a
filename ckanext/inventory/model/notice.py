"""What people are told, and how they want to be told it."""

from __future__ import annotations

import datetime as dt

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

Moment = sa.DateTime(timezone=True)


class Notice(tk.BaseModel):
    """One act that one person should know of.

    It holds no word of a record: what is shown comes from the history, for as much as the person
    may read at that moment. ``mailed_at`` is when a mail told it, at once or in a digest.
    """

    __tablename__ = "inventory_notice"

    user_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    event_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    topic: Mapped[str] = mapped_column(sa.Text)
    at_once: Mapped[bool] = mapped_column(sa.Boolean)
    at: Mapped[dt.datetime] = mapped_column(Moment)
    mailed_at: Mapped[dt.datetime | None] = mapped_column(Moment)
    read_at: Mapped[dt.datetime | None] = mapped_column(Moment)

    __table_args__ = (
        sa.Index(
            "inventory_notice_unread",
            "user_id",
            "event_id",
            postgresql_where=sa.text("read_at IS NULL"),
        ),
        sa.Index("inventory_notice_event", "event_id"),
    )


class NoticeSetting(tk.BaseModel):
    """How somebody wants to be told; who chose nothing has no row."""

    __tablename__ = "inventory_notice_setting"

    user_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    digest: Mapped[str | None] = mapped_column(sa.Text)
    at_once: Mapped[bool] = mapped_column(sa.Boolean, server_default=sa.true())
    digest_at: Mapped[dt.datetime | None] = mapped_column(Moment)
