"""Candidates that a harvest brought."""

from __future__ import annotations

from alembic import op

revision = "009"
down_revision = "008"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE inventory_candidate (
    source_id TEXT NOT NULL,
    guid TEXT NOT NULL,
    entry_id TEXT,
    digest TEXT NOT NULL,
    modified TEXT DEFAULT '' NOT NULL,
    catalogue TEXT NOT NULL,
    revision INTEGER NOT NULL,
    event_id BIGINT NOT NULL,
    brought_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE,
    gone_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (source_id, guid)
);
CREATE INDEX inventory_candidate_entry ON inventory_candidate (entry_id);
ALTER TABLE inventory_record ADD COLUMN brought TEXT;
"""


def upgrade() -> None:
    """Make the table, and a column that lists narrow by."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them."""
    op.execute("ALTER TABLE inventory_record DROP COLUMN brought")
    op.execute("DROP TABLE inventory_candidate")
