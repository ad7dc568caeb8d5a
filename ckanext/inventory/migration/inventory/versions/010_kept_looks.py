"""What the worker saw in a large file, kept for whoever asked until it is saved."""

from __future__ import annotations

from alembic import op

revision = "010"
down_revision = "009"
branch_labels = None
depends_on = None

TABLE = """
ALTER TABLE inventory_import
    ADD COLUMN rows INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN task JSONB DEFAULT '{}' NOT NULL;
CREATE TABLE inventory_import_look (
    import_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    urgent BOOLEAN NOT NULL,
    rows INTEGER NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (import_id, seq)
);
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(TABLE)


def downgrade() -> None:
    """Drop it. A file that waits for the worker waits for a person again."""
    op.execute("""
DROP TABLE inventory_import_look;
UPDATE inventory_import SET status = 'preview', step = '' WHERE status = 'stopped' OR task ->> 'do' = 'look'
    AND status IN ('queued', 'running');
ALTER TABLE inventory_import DROP COLUMN rows, DROP COLUMN task;
""")
