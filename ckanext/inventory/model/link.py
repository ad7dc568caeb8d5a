"""The link between an entry and its public dataset; the public side holds nothing of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

CREATED = "created"
LINKED = "linked"
EXTERNAL = "external"


class Link(tk.BaseModel):
    """What an entry was promoted or linked to.

    ``copied`` holds the mapped keys and values as they went out: drift compares against it.
    ``held`` tells that the dataset is not on the portal (preparing, withdrawn) and that its
    visibility is ours to keep: private, and in CKAN's state ``dataset_state``.
    """

    __tablename__ = "inventory_link"

    entry_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    mode: Mapped[str] = mapped_column(sa.Text)
    dataset_id: Mapped[str | None] = mapped_column(sa.Text)
    url: Mapped[str | None] = mapped_column(sa.Text)
    held: Mapped[bool] = mapped_column(sa.Boolean, server_default=sa.false())
    dataset_state: Mapped[str] = mapped_column(sa.Text, server_default="active")
    copied: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    copied_revision: Mapped[int | None] = mapped_column(sa.Integer)
    copied_hash: Mapped[str | None] = mapped_column(sa.Text)
    inputs: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    owner: Mapped[str | None] = mapped_column(sa.Text)
    due: Mapped[str | None] = mapped_column(sa.Text)
    by: Mapped[str | None] = mapped_column(sa.Text)
    at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True))

    __table_args__ = (
        sa.Index(
            "inventory_link_created",
            "dataset_id",
            unique=True,
            postgresql_where=sa.text("mode = 'created'"),
        ),
        sa.Index("inventory_link_dataset", "dataset_id"),
    )
