"""Who was invited by e-mail, and how that went."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

Moment = sa.DateTime(timezone=True)


class Invitation(tk.BaseModel):
    """One address that was invited.

    ``user_id`` is the account that waits for its password; where people sign in elsewhere there is
    none yet, and ``roles`` keeps what they are given when they come. ``refused`` tells that the mail
    server won't take the address, so that trying again is of no use.
    """

    __tablename__ = "inventory_invitation"

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    email: Mapped[str] = mapped_column(sa.Text)
    name: Mapped[str | None] = mapped_column(sa.Text)
    user_id: Mapped[str | None] = mapped_column(sa.Text)
    by: Mapped[str | None] = mapped_column(sa.Text)
    at: Mapped[dt.datetime] = mapped_column(Moment)
    expires_at: Mapped[dt.datetime] = mapped_column(Moment)
    sent_at: Mapped[dt.datetime | None] = mapped_column(Moment)
    withdrawn_at: Mapped[dt.datetime | None] = mapped_column(Moment)
    refused: Mapped[bool] = mapped_column(sa.Boolean, server_default=sa.false())
    error: Mapped[str | None] = mapped_column(sa.Text)
    roles: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")

    __table_args__ = (
        sa.Index("inventory_invitation_email", sa.text("lower(email)"), unique=True),
        sa.Index("inventory_invitation_user", "user_id"),
    )
