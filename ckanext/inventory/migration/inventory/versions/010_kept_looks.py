"""What the worker saw in a large file, kept for whoever asked until it is saved."""

from __future__ import annotations

from alembic import op

revision = "010"
down_revision = "009"
branch_labels = None
depends_on = None

TABLE = """
-- a workbook is packed already: packing it again costs as much as storing it
ALTER TABLE inventory_import ALTER COLUMN file SET STORAGE EXTERNAL;
ALTER TABLE inventory_import
    ADD COLUMN rows INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN task JSONB DEFAULT '{}' NOT NULL;
UPDATE inventory_import SET rows = coalesce((counts ->> 'read')::integer, 0);
-- what waits was asked in words that the worker doesn't know any more
UPDATE inventory_import SET status = 'preview', step = '' WHERE status IN ('queued', 'running');
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
UPDATE inventory_import SET status = CASE WHEN saved_at IS NULL THEN 'preview' ELSE 'saved' END, step = ''
    WHERE status IN ('stopped', 'queued', 'running');
ALTER TABLE inventory_import DROP COLUMN rows, DROP COLUMN task;
ALTER TABLE inventory_import ALTER COLUMN file SET STORAGE EXTENDED;
""")
