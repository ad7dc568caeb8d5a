"""Who wants an entry, counted in the register row and in the order of lists."""

from __future__ import annotations

from alembic import op

revision = "007"
down_revision = "006"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE inventory_endorsement (
    package_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    event_id BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (package_id, user_id)
);
CREATE INDEX inventory_endorsement_user ON inventory_endorsement (user_id);
DROP INDEX inventory_record_rank;
ALTER TABLE inventory_record
    ADD COLUMN wanted INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN want_rank INTEGER GENERATED ALWAYS AS (-wanted) STORED NOT NULL;
CREATE INDEX inventory_record_rank
    ON inventory_record (package_type, value_rank, want_rank, waiting_since, number);
ANALYZE inventory_record;
"""

DOWN = """
DROP INDEX inventory_record_rank;
ALTER TABLE inventory_record DROP COLUMN want_rank, DROP COLUMN wanted;
CREATE INDEX inventory_record_rank
    ON inventory_record (package_type, value_rank, waiting_since, number);
DROP TABLE inventory_endorsement;
"""


def upgrade() -> None:
    """Make the table and the columns."""
    op.execute(UP)


def downgrade() -> None:
    """Take them away; the history keeps who wanted what, and why."""
    op.execute(DOWN)
