"""Who was named to which role."""

from __future__ import annotations

import datetime as dt

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column


class RoleGrant(tk.BaseModel):
    """One role of one account; ``until`` is the last day on which it is in force."""

    __tablename__ = "inventory_role"

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.Text)
    role: Mapped[str] = mapped_column(sa.Text)
    department: Mapped[str | None] = mapped_column(sa.Text)
    division: Mapped[str | None] = mapped_column(sa.Text)
    kinds: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    may_approve: Mapped[bool] = mapped_column(sa.Boolean, server_default=sa.false())
    granted_by: Mapped[str | None] = mapped_column(sa.Text)
    granted_at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True))
    until: Mapped[dt.date | None] = mapped_column(sa.Date)

    __table_args__ = (
        sa.Index("inventory_role_user", "user_id"),
        sa.Index("inventory_role_department", "department", "role"),
        sa.Index(
            "inventory_role_once",
            "user_id",
            "role",
            sa.text("coalesce(department, '')"),
            unique=True,
        ),
    )
