"""Parts of a workbook that went to a colleague."""

from __future__ import annotations

from alembic import op

revision = "008"
down_revision = "007"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE inventory_part (
    id TEXT NOT NULL,
    departments TEXT[] DEFAULT '{}' NOT NULL,
    entries TEXT[] DEFAULT '{}' NOT NULL,
    to_name TEXT DEFAULT '' NOT NULL,
    to_email TEXT,
    message TEXT DEFAULT '' NOT NULL,
    due DATE,
    by TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    by_mail BOOLEAN NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    error TEXT,
    returned_at TIMESTAMP WITH TIME ZONE,
    import_id TEXT,
    closed_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id)
);
CREATE INDEX inventory_part_at ON inventory_part (at);
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(TABLE)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE inventory_part")
