"""The append-only history: one chain of acts, the records they touched, and erasable details.

These tables live in a MetaData of their own: core's clean-up runs DELETE on every table of its
metadata, and the trigger that makes history append-only would refuse it.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

metadata = sa.MetaData()

event = sa.Table(
    "inventory_event",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text),
    sa.Column("rows_digest", sa.Text, nullable=False),
    sa.Column("previous_hash", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
"""One link of the chain per act, bulk acts included."""

event_entry = sa.Table(
    "inventory_event_entry",
    metadata,
    sa.Column("event_id", sa.BigInteger, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("package_id", sa.Text),
    sa.Column("department", sa.Text),
    sa.Column("from_state", sa.Text),
    sa.Column("to_state", sa.Text),
    sa.Column("revision", sa.Integer),
    sa.Column("detail_digest", sa.Text),
    sa.Index("inventory_event_entry_package", "package_id", "event_id"),
)
"""What the act did to each record; immutable like the event."""

event_detail = sa.Table(
    "inventory_event_detail",
    metadata,
    sa.Column("event_id", sa.BigInteger, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("salt", sa.Text),
    sa.Column("details", JSONB),
    sa.Column("erased_at", sa.DateTime(timezone=True)),
)
"""The words of an act. Words and salt can be erased; the digest in the entry row stays."""
