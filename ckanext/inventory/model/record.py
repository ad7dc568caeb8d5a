"""The register row and the stored revisions of every entry and source."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

Texts = ARRAY(sa.Text)
Moment = sa.DateTime(timezone=True)


class Record(tk.BaseModel):
    """One row per package: what was decided, who has it, and the facets that pages group by.

    ``waiting_since`` is when the ball came to where it is: a new state, or the first change of an
    approved text. ``brought`` is ``harvest`` for what a harvest brought, ``gone`` once its catalogue no
    longer holds it.

    Everything below ``# facets`` is a cache of the current revision and the review records;
    ``ckan inventory rebuild`` recomputes it.
    """

    __tablename__ = "inventory_record"

    package_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    package_type: Mapped[str] = mapped_column(sa.Text)
    package_state: Mapped[str] = mapped_column(sa.Text, server_default="active")
    department: Mapped[str] = mapped_column(sa.Text)
    number: Mapped[str] = mapped_column(sa.Text, unique=True)
    state: Mapped[str] = mapped_column(sa.Text)
    state_since: Mapped[dt.datetime] = mapped_column(Moment)
    waiting_since: Mapped[dt.datetime] = mapped_column(Moment)
    revision: Mapped[int] = mapped_column(sa.Integer)
    approved_revision: Mapped[int | None] = mapped_column(sa.Integer)
    material_hash: Mapped[str] = mapped_column(sa.Text)
    approved_hash: Mapped[str | None] = mapped_column(sa.Text)
    change_returned: Mapped[bool] = mapped_column(sa.Boolean, server_default=sa.false())
    ever_submitted: Mapped[bool] = mapped_column(sa.Boolean, server_default=sa.false())
    submitted_by: Mapped[str | None] = mapped_column(sa.Text)
    submitted_at: Mapped[dt.datetime | None] = mapped_column(Moment)
    approved_by: Mapped[str | None] = mapped_column(sa.Text)
    approved_at: Mapped[dt.datetime | None] = mapped_column(Moment)
    created_by: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[dt.datetime] = mapped_column(Moment)
    modified_at: Mapped[dt.datetime] = mapped_column(Moment)
    assignee: Mapped[str | None] = mapped_column(sa.Text)
    visibility: Mapped[str] = mapped_column(sa.Text, server_default="normal")
    triage: Mapped[str | None] = mapped_column(sa.Text)
    in_directory: Mapped[bool] = mapped_column(sa.Boolean, server_default=sa.true())
    listing: Mapped[str] = mapped_column(sa.Text, server_default="not_known_yet")
    shared: Mapped[bool] = mapped_column(sa.Boolean, server_default=sa.false())
    look_again: Mapped[str | None] = mapped_column(sa.Text)
    retire_reason: Mapped[str | None] = mapped_column(sa.Text)
    successor: Mapped[str | None] = mapped_column(sa.Text)
    confirmed_on: Mapped[dt.date | None] = mapped_column(sa.Date)
    confirmed_by: Mapped[str | None] = mapped_column(sa.Text)
    wanted: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    want_rank: Mapped[int] = mapped_column(sa.Integer, sa.Computed("-wanted", persisted=True))
    origin_hash: Mapped[str | None] = mapped_column(sa.Text)
    origin_sheet: Mapped[str | None] = mapped_column(sa.Text)
    origin_row: Mapped[int | None] = mapped_column(sa.Integer)
    brought: Mapped[str | None] = mapped_column(sa.Text)
    # facets
    title: Mapped[str] = mapped_column(sa.Text)
    division: Mapped[str | None] = mapped_column(sa.Text)
    value: Mapped[str | None] = mapped_column(sa.Text)
    classification: Mapped[str | None] = mapped_column(sa.Text)
    classification_proposed: Mapped[str | None] = mapped_column(sa.Text)
    category: Mapped[str | None] = mapped_column(sa.Text)
    steward: Mapped[str | None] = mapped_column(sa.Text)
    external_id: Mapped[str | None] = mapped_column(sa.Text)
    external_id_origin: Mapped[str | None] = mapped_column(sa.Text)
    blocker_status: Mapped[str | None] = mapped_column(sa.Text)
    blocker_kinds: Mapped[list[str]] = mapped_column(Texts, server_default="{}")
    open_kinds: Mapped[list[str]] = mapped_column(Texts, server_default="{}")
    likelihood: Mapped[str | None] = mapped_column(sa.Text)
    source_ids: Mapped[list[str]] = mapped_column(Texts, server_default="{}")
    missing_submit: Mapped[list[str]] = mapped_column(Texts, server_default="{}")
    missing_approve: Mapped[list[str]] = mapped_column(Texts, server_default="{}")
    value_rank: Mapped[int] = mapped_column(
        sa.SmallInteger,
        sa.Computed(
            "CASE value WHEN 'high' THEN 0 WHEN 'medium' THEN 1 WHEN 'low' THEN 2 ELSE 3 END",
            persisted=True,
        ),
    )

    __table_args__ = (
        sa.Index("inventory_record_list", "department", "state", "state_since"),
        sa.Index("inventory_record_state", "state", "state_since"),
        sa.Index("inventory_record_assignee", "assignee"),
        sa.Index("inventory_record_external", "external_id_origin", "external_id"),
        sa.Index(
            "inventory_record_rank",
            "package_type",
            "value_rank",
            "want_rank",
            "waiting_since",
            "number",
        ),
        sa.Index("inventory_record_sources", "source_ids", postgresql_using="gin"),
    )


class Revision(tk.BaseModel):
    """The content of one saved revision, whichever door it came through.

    ``author`` is who counts as its writer for the second-person rule: nobody for an input of a
    review act, and whoever confirmed the text if somebody else typed it.
    """

    __tablename__ = "inventory_revision"

    package_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    revision: Mapped[int] = mapped_column(sa.Integer, primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    material_hash: Mapped[str] = mapped_column(sa.Text)
    by: Mapped[str | None] = mapped_column(sa.Text)
    author: Mapped[str | None] = mapped_column(sa.Text)
    at: Mapped[dt.datetime] = mapped_column(Moment)
