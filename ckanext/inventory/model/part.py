"""Parts: small workbooks that went to colleagues without an account."""

from __future__ import annotations

import datetime as dt

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column


class Part(tk.BaseModel):
    """One small workbook that went out: which entries, to whom, by when it is expected, and whether it came back.

    What stood in it isn't kept: it is read from the register when the file is made.
    """

    __tablename__ = "inventory_part"

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    departments: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    entries: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    to_name: Mapped[str] = mapped_column(sa.Text, server_default="")
    to_email: Mapped[str | None] = mapped_column(sa.Text)
    message: Mapped[str] = mapped_column(sa.Text, server_default="")
    due: Mapped[dt.date | None] = mapped_column(sa.Date)
    by: Mapped[str] = mapped_column(sa.Text)
    at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True))
    by_mail: Mapped[bool] = mapped_column(sa.Boolean)
    sent_at: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    error: Mapped[str | None] = mapped_column(sa.Text)
    returned_at: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    import_id: Mapped[str | None] = mapped_column(sa.Text)
    closed_at: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))

    __table_args__ = (sa.Index("inventory_part_at", "at"),)
