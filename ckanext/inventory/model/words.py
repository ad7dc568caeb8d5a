"""The words that search looks at."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.inventory.model.record import Record


class Words(tk.BaseModel):
    """The words of a record that search looks at.

    Not in its register row: every list reads many of those, and each would be three times as wide.
    """

    __tablename__ = "inventory_words"

    package_id: Mapped[str] = mapped_column(
        sa.Text, sa.ForeignKey(Record.package_id, ondelete="CASCADE"), primary_key=True
    )
    text: Mapped[str] = mapped_column(sa.Text)
    vector: Mapped[Any] = mapped_column(
        TSVECTOR, sa.Computed("to_tsvector('simple'::regconfig, text)", persisted=True)
    )

    __table_args__ = (sa.Index("inventory_words_vector", "vector", postgresql_using="gin"),)
