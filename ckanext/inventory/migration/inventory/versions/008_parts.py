"""Parts of a workbook that went to a colleague."""

from __future__ import annotations

revision = "008"
down_revision = "007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing to add."""


def downgrade() -> None:
    """Nothing to take back."""
