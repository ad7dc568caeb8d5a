"""Departments: the code in the numbers, the counters and the defaults."""

from __future__ import annotations

import datetime as dt

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column


class Department(tk.BaseModel):
    """One row per organization that takes part; never deleted, so that numbers stay unique."""

    __tablename__ = "inventory_department"

    organization: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    code: Mapped[str] = mapped_column(sa.Text, unique=True)
    entry_counter: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    source_counter: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    public_contact_name: Mapped[str | None] = mapped_column(sa.Text)
    public_contact_email: Mapped[str | None] = mapped_column(sa.Text)
    license_id: Mapped[str | None] = mapped_column(sa.Text)
    steward: Mapped[str | None] = mapped_column(sa.Text)
    steward_email: Mapped[str | None] = mapped_column(sa.Text)
    merged_into: Mapped[str | None] = mapped_column(sa.Text)


class Transfer(tk.BaseModel):
    """A request to move an entry or source to another department; one per record at a time."""

    __tablename__ = "inventory_transfer"

    package_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    from_department: Mapped[str] = mapped_column(sa.Text)
    to_department: Mapped[str] = mapped_column(sa.Text)
    comment: Mapped[str | None] = mapped_column(sa.Text)
    asked_by: Mapped[str | None] = mapped_column(sa.Text)
    asked_at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True))
