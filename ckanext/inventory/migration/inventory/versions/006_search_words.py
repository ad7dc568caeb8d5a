"""The words of the search in a table of their own, and an index for the order of lists.

Every list and every figure reads many register rows; the words made each three times as wide. What
speaks for and against a release is worked out where it is shown.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "006"
down_revision = "005"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE inventory_words (
    package_id TEXT NOT NULL,
    text TEXT NOT NULL,
    vector TSVECTOR GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, text)) STORED NOT NULL,
    PRIMARY KEY (package_id),
    FOREIGN KEY (package_id) REFERENCES inventory_record (package_id) ON DELETE CASCADE
);
"""

MOVE = """
CREATE INDEX inventory_words_vector ON inventory_words USING gin (vector);
DROP INDEX inventory_record_search;
ALTER TABLE inventory_record
    DROP COLUMN search,
    DROP COLUMN search_text,
    DROP COLUMN likelihood_reasons,
    ADD COLUMN value_rank SMALLINT GENERATED ALWAYS AS (
        CASE value WHEN 'high' THEN 0 WHEN 'medium' THEN 1 WHEN 'low' THEN 2 ELSE 3 END
    ) STORED NOT NULL;
CREATE INDEX inventory_record_rank
    ON inventory_record (package_type, value_rank, waiting_since, number);
ANALYZE inventory_words;
ANALYZE inventory_record;
"""
# A generated column makes PostgreSQL write the table anew, which is what frees the room.

READ = sa.text(
    "SELECT package_id, search_text FROM inventory_record"
    " WHERE package_id > :last ORDER BY package_id LIMIT :batch"
)
WRITE = sa.text("INSERT INTO inventory_words (package_id, text) VALUES (:id, :text)")

DOWN = """
DROP INDEX inventory_record_rank;
ALTER TABLE inventory_record
    DROP COLUMN value_rank,
    ADD COLUMN likelihood_reasons JSONB DEFAULT '[]' NOT NULL,
    ADD COLUMN search_text TEXT DEFAULT '' NOT NULL;
UPDATE inventory_record AS record SET search_text = words.text
    FROM inventory_words AS words WHERE words.package_id = record.package_id;
ALTER TABLE inventory_record ADD COLUMN search TSVECTOR
    GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, search_text)) STORED NOT NULL;
CREATE INDEX inventory_record_search ON inventory_record USING gin (search);
DROP TABLE inventory_words;
"""


BATCH = 500


def upgrade() -> None:
    """Move the words, split as search splits what is typed, and make the register's rows narrow."""
    op.execute(TABLE)
    connection, last = op.get_bind(), ""
    while rows := connection.execute(READ, {"last": last, "batch": BATCH}).all():
        found = [{"id": key, "text": " ".join(re.findall(r"\w+", text))} for key, text in rows]
        connection.execute(WRITE, found)
        last = rows[-1][0]
    op.execute(MOVE)


def downgrade() -> None:
    """Move them back; the reasons come back with ``ckan inventory rebuild``."""
    op.execute(DOWN)
