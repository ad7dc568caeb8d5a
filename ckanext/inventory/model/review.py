"""What reviewers found: the confirmed classification and the reviews done."""

from __future__ import annotations

import datetime as dt

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

CLASSIFICATION = "classification"
"""The kind of a record that confirms a classification; every other kind is a review."""


class ReviewRecord(tk.BaseModel):
    """One finding. The latest of a kind counts; none is ever overwritten."""

    __tablename__ = "inventory_review_record"

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    package_id: Mapped[str] = mapped_column(sa.Text)
    kind: Mapped[str] = mapped_column(sa.Text)
    outcome: Mapped[str] = mapped_column(sa.Text)
    note: Mapped[str | None] = mapped_column(sa.Text)
    by: Mapped[str | None] = mapped_column(sa.Text)
    at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True))
    revision: Mapped[int] = mapped_column(sa.Integer)

    __table_args__ = (sa.Index("inventory_review_record_package", "package_id", "kind", "id"),)
