"""What people are told, and how they want to be told it."""

from __future__ import annotations

from alembic import op

revision = "004"
down_revision = "003"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE inventory_notice (
    user_id TEXT NOT NULL,
    event_id BIGINT NOT NULL,
    topic TEXT NOT NULL,
    at_once BOOLEAN NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    mailed_at TIMESTAMP WITH TIME ZONE,
    read_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (user_id, event_id)
);
CREATE INDEX inventory_notice_unread ON inventory_notice (user_id, event_id)
    WHERE read_at IS NULL;
CREATE INDEX inventory_notice_event ON inventory_notice (event_id);

CREATE TABLE inventory_notice_setting (
    user_id TEXT NOT NULL,
    digest TEXT,
    at_once BOOLEAN DEFAULT true NOT NULL,
    digest_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (user_id)
);
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE inventory_notice, inventory_notice_setting")
