"""Findings of reviewers: the confirmed classification and the reviews done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.model import Record, ReviewRecord
from ckanext.inventory.model.review import CLASSIFICATION
from ckanext.inventory.service import events
from ckanext.inventory.service.facets import Findings
from ckanext.inventory.types import Person


@cache
def _latest() -> sa.Select[tuple[str, str, str]]:
    """Build the statement once: putting it together costs as much as running it."""
    ids: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
    return (
        sa.select(ReviewRecord.package_id, ReviewRecord.kind, ReviewRecord.outcome)
        .where(ReviewRecord.package_id.in_(ids))
        .distinct(ReviewRecord.package_id, ReviewRecord.kind)
        .order_by(ReviewRecord.package_id, ReviewRecord.kind, ReviewRecord.id.desc())
    )


def findings(session: Session, ids: Collection[str]) -> dict[str, Findings]:
    """Load the latest finding of each kind.

    :param session: the database session
    :param ids: package ids
    :returns: package id → findings, for every id given
    """
    latest: dict[str, dict[str, str]] = {package_id: {} for package_id in ids}
    if not latest:
        return {}
    for package_id, kind, outcome in session.execute(_latest(), {"ids": list(latest)}):
        latest[package_id][kind] = outcome
    return {package_id: findings_from(kinds) for package_id, kinds in latest.items()}


def findings_from(latest: Mapping[str, str]) -> Findings:
    """Tell the confirmed classification from the reviews.

    :param latest: kind → outcome
    :returns: the findings
    """
    reviews = {kind: outcome for kind, outcome in latest.items() if kind != CLASSIFICATION}
    return Findings(latest.get(CLASSIFICATION), reviews)


@cache
def outcomes() -> sa.ScalarSelect[Any]:
    """Say what was found last on a register row.

    :returns: a column for a statement over the register: kind → outcome, null for nothing
    """
    latest = (
        sa.select(ReviewRecord.kind, ReviewRecord.outcome)
        .where(ReviewRecord.package_id == Record.package_id)
        .distinct(ReviewRecord.kind)
        .order_by(ReviewRecord.kind, ReviewRecord.id.desc())
        .correlate(Record)
        .subquery()
    )
    pairs = sa.func.jsonb_object_agg(latest.c.kind, latest.c.outcome, type_=JSONB)
    return sa.select(pairs).scalar_subquery()


def listing(session: Session, package_id: str) -> list[dict[str, Any]]:
    """Return every finding on a record, newest first.

    :param session: the database session
    :param package_id: the package
    :returns: kind, outcome, note, by, at, revision of each
    """
    query = (
        sa.select(ReviewRecord)
        .where(ReviewRecord.package_id == package_id)
        .order_by(ReviewRecord.id.desc())
    )
    return [
        {
            "kind": row.kind,
            "outcome": row.outcome,
            "note": row.note,
            "by": row.by,
            "at": row.at.isoformat(),
            "revision": row.revision,
        }
        for row in session.scalars(query)
    ]


def add(
    session: Session,
    person: Person,
    rows: Iterable[Record],
    kind: str,
    outcome: str,
    note: str | None,
) -> None:
    """Write a finding on records, as one act.

    :param session: the database session
    :param person: the reviewer
    :param rows: register rows
    :param kind: ``classification`` or a review kind
    :param outcome: the confirmed level, or the outcome of the review
    :param note: words for the history
    """
    records = list(rows)
    for record in records:
        session.add(
            ReviewRecord(
                package_id=record.package_id,
                kind=kind,
                outcome=outcome,
                note=note,
                by=person.user_id,
                at=clock.now(),
                revision=record.revision,
            )
        )
    session.flush()
    details = {"kind": kind, "outcome": outcome} | ({"note": note} if note else {})
    events.record(
        session,
        "classify" if kind == CLASSIFICATION else "review",
        person.user_id,
        [
            events.staying(
                record,
                details,
            )
            for record in records
        ],
    )
