"""Trigrams for a search that forgives typing errors, where the database lets us have them."""

from __future__ import annotations

from alembic import op

revision = "005"
down_revision = "004"
branch_labels = None
depends_on = None

EXTENSION = """
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION
    WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
        RAISE NOTICE 'pg_trgm is not available: the directory is searched word by word';
END $$;
"""


def upgrade() -> None:
    """Ask for the extension; without it the search is plain."""
    op.execute(EXTENSION)


def downgrade() -> None:
    """Leave the extension: others may use it by now."""
