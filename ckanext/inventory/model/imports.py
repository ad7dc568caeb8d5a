"""Kept imports: every file that was brought, what became of it, and how to take it back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, deferred, mapped_column

PREVIEW = "preview"
QUEUED = "queued"
RUNNING = "running"
SAVED = "saved"
UNDONE = "undone"
DISCARDED = "discarded"
FAILED = "failed"
STOPPED = "stopped"
"""The look at a file ended before it was through: somebody looks again, or drops it."""

READING, CHECKING, SAVING = "reading", "checking", "saving"
"""What the worker is at; up to the saving it can be stopped."""

LOOK, SAVE, UNDO = "look", "save", "undo"
"""What the worker was asked to do."""

OPEN = frozenset({PREVIEW, FAILED, STOPPED})
"""States in which a file waits for somebody to choose and save."""


class Import(tk.BaseModel):
    """One file that was brought. Its bytes are kept only until it is saved or discarded.

    What changed stands in :class:`ImportRow` by revision, so that no words are kept twice.
    """

    __tablename__ = "inventory_import"

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    status: Mapped[str] = mapped_column(sa.Text)
    filename: Mapped[str] = mapped_column(sa.Text)
    digest: Mapped[str] = mapped_column(sa.Text)
    size: Mapped[int] = mapped_column(sa.Integer)
    rows: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    departments: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    choices: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    fingerprint: Mapped[str | None] = mapped_column(sa.Text)
    by: Mapped[str | None] = mapped_column(sa.Text)
    at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True))
    saved_at: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    undone_by: Mapped[str | None] = mapped_column(sa.Text)
    undone_at: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    last_event: Mapped[int | None] = mapped_column(sa.BigInteger)
    step: Mapped[str] = mapped_column(sa.Text, server_default="")
    done: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    seen_at: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    message: Mapped[str | None] = mapped_column(sa.Text)
    task: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    file: Mapped[bytes | None] = deferred(mapped_column(sa.LargeBinary))

    __table_args__ = (sa.Index("inventory_import_at", "at"),)


class ImportLook(tk.BaseModel):
    """A piece of what a look at a large file found, for the one who asked.

    The first piece is everything but the rows; each other one holds rows, packed. They go when the
    file is saved or dropped.
    """

    __tablename__ = "inventory_import_look"

    import_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    seq: Mapped[int] = mapped_column(sa.Integer, primary_key=True)
    urgent: Mapped[bool] = mapped_column(sa.Boolean)
    rows: Mapped[int] = mapped_column(sa.Integer)
    content: Mapped[bytes] = mapped_column(sa.LargeBinary)


@dataclass(frozen=True)
class MarkChange:
    """What an import did to one mark.

    :param old: what it was before, as text
    :param new: what it became; None where an import of long ago didn't note it
    """

    old: str
    new: str | None


class ImportRow(tk.BaseModel):
    """What a saved import did to one record.

    ``marks`` holds ``{"old", "new"}`` by mark; imports of long ago noted what it was before, alone.
    """

    __tablename__ = "inventory_import_row"

    import_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    seq: Mapped[int] = mapped_column(sa.Integer, primary_key=True)
    package_id: Mapped[str] = mapped_column(sa.Text)
    department: Mapped[str] = mapped_column(sa.Text)
    created: Mapped[bool] = mapped_column(sa.Boolean)
    from_revision: Mapped[int | None] = mapped_column(sa.Integer)
    revision: Mapped[int] = mapped_column(sa.Integer)
    marks: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    submitted: Mapped[bool] = mapped_column(sa.Boolean, server_default=sa.false())
    sheet: Mapped[str] = mapped_column(sa.Text)
    row: Mapped[int] = mapped_column(sa.Integer)

    __table_args__ = (sa.Index("inventory_import_row_package", "package_id"),)

    @property
    def mark_changes(self) -> dict[str, MarkChange]:
        """What it did to marks, by their names."""
        found: dict[str, MarkChange] = {}
        for name, noted in self.marks.items():
            if isinstance(noted, Mapping):
                each = cast("Mapping[str, str]", noted)
                found[name] = MarkChange(each["old"], each["new"])
            else:
                found[name] = MarkChange(str(noted or ""), None)
        return found


class ImportMapping(tk.BaseModel):
    """What the columns of an unknown layout mean, as a department said it last."""

    __tablename__ = "inventory_import_mapping"

    department: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    layout: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    columns: Mapped[dict[str, Any]] = mapped_column(JSONB)
    by: Mapped[str | None] = mapped_column(sa.Text)
    at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True))
