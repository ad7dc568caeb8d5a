"""Who of the council's and the mayor's offices wants an entry."""

from __future__ import annotations

import datetime as dt

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column


class Endorsement(tk.BaseModel):
    """Somebody wants an entry. Why stands in the history, where words can be erased: ``event_id``."""

    __tablename__ = "inventory_endorsement"

    package_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    event_id: Mapped[int] = mapped_column(sa.BigInteger)
    at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True))

    __table_args__ = (sa.Index("inventory_endorsement_user", "user_id"),)
