"""Side effects to carry out after the commit, and the records hidden until they are."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

INDEX = "index"
INVITATION = "invitation"
NOTICE = "notice"
DIGEST = "digest"
PART = "part"


class Outbox(tk.BaseModel):
    """One side effect; queueing the same one twice keeps one row and makes it due again."""

    __tablename__ = "inventory_outbox"

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.Text)
    key: Mapped[str] = mapped_column(sa.Text)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    version: Mapped[int] = mapped_column(sa.Integer, server_default="1")
    attempts: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    queued_at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True))
    not_before: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    last_error: Mapped[str | None] = mapped_column(sa.Text)

    __table_args__ = (sa.UniqueConstraint("kind", "key", name="inventory_outbox_once"),)


class Pending(tk.BaseModel):
    """A record whose readers were narrowed and whose index document isn't up to date yet.

    Source: leak contract, layer 2 ("narrowing must not wait").
    """

    __tablename__ = "inventory_pending"

    package_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    since: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True))
