"""What a decision asks of records: who wrote them, what they say, what was found; one statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import config
from ckanext.inventory.fields import schema_for
from ckanext.inventory.model import Department, Record, Revision
from ckanext.inventory.service import departments, facts, plain, requirements, review
from ckanext.inventory.service.facets import Findings
from ckanext.inventory.types import Facts


@dataclass
class Case:
    """One record on its way through an act.

    :param record: the register row
    :param known: what the policy asks
    :param content: of the current revision
    :param findings: what reviewers found
    :param inherited: what the department hands down
    :param refused: field or input → why it can't be done
    :param before: the columns as they were, for undo
    """

    record: Record
    known: Facts
    content: dict[str, Any]
    findings: Findings
    inherited: dict[str, str]
    refused: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    before: dict[str, Any] = field(default_factory=dict[str, Any])

    def refuse(self, key: str, message: str) -> None:
        """Add a reason."""
        self.refused.setdefault(key, []).append(message)


def cases_of(session: Session, rows: Mapping[str, Record]) -> list[Case]:
    """Load what is to be asked about records.

    It is a statement after the one that locks the rows, never the same: what was written while
    that one waited for its lock would be missing here.

    :param session: the database session
    :param rows: package id → register row
    :returns: the cases, in the order of the rows
    """
    if not rows:
        return []
    licence = config.license_id()
    asked = plain.execute(session, _asked(), {"ids": list(rows)})
    found = {row.package_id: row for row in asked}
    cases: list[Case] = []
    for package_id, record in rows.items():
        row = found[package_id]
        content: dict[str, Any] = row.content or {}
        defaults = departments.defaults_of(row, licence)
        cases.append(
            Case(
                record=record,
                known=facts.of_record(record, row.authors or (), linked=row.linked),
                content=content,
                findings=review.findings_from(row.outcomes or {}),
                inherited=requirements.inherited(
                    schema_for(record.package_type), content, defaults
                ),
            )
        )
    return cases


@cache
def _asked() -> sa.Select[Any]:
    """Build the statement once: putting it together costs as much as running it."""
    ids: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
    return (
        sa.select(
            Record.package_id,
            Revision.content,
            facts.authors().label("authors"),
            facts.linked().label("linked"),
            review.outcomes().label("outcomes"),
            *(getattr(Department, name) for name in departments.DEFAULT_FIELDS),
        )
        .outerjoin(
            Revision,
            sa.and_(Revision.package_id == Record.package_id, Revision.revision == Record.revision),
        )
        .outerjoin(Department, Department.organization == Record.department)
        .where(Record.package_id.in_(ids))
    )
