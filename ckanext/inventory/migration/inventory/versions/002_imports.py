"""Kept imports, their rows, and remembered layouts.

The statements are written out and not taken from the models: a migration has to stay as it was
when the models move on. A test compares the two.
"""

from __future__ import annotations

from alembic import op

revision = "002"
down_revision = "001"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE inventory_import (
    id TEXT NOT NULL,
    status TEXT NOT NULL,
    filename TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    departments TEXT[] DEFAULT '{}' NOT NULL,
    choices JSONB DEFAULT '{}' NOT NULL,
    counts JSONB DEFAULT '{}' NOT NULL,
    fingerprint TEXT,
    by TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    saved_at TIMESTAMP WITH TIME ZONE,
    undone_by TEXT,
    undone_at TIMESTAMP WITH TIME ZONE,
    last_event BIGINT,
    step TEXT DEFAULT '' NOT NULL,
    done INTEGER DEFAULT '0' NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE,
    message TEXT,
    file BYTEA,
    PRIMARY KEY (id)
);
CREATE INDEX inventory_import_at ON inventory_import (at);

CREATE TABLE inventory_import_row (
    import_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    package_id TEXT NOT NULL,
    department TEXT NOT NULL,
    created BOOLEAN NOT NULL,
    from_revision INTEGER,
    revision INTEGER NOT NULL,
    marks JSONB DEFAULT '{}' NOT NULL,
    submitted BOOLEAN DEFAULT false NOT NULL,
    sheet TEXT NOT NULL,
    row INTEGER NOT NULL,
    PRIMARY KEY (import_id, seq)
);
CREATE INDEX inventory_import_row_package ON inventory_import_row (package_id);

CREATE TABLE inventory_import_mapping (
    department TEXT NOT NULL,
    layout TEXT NOT NULL,
    columns JSONB NOT NULL,
    by TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (department, layout)
);
"""

REMOVE = """
DROP TABLE inventory_import, inventory_import_row, inventory_import_mapping;
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop what the upgrade made."""
    op.execute(REMOVE)
