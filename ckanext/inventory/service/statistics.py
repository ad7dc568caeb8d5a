"""The bird's-eye view: a few grouped statements over the register."""

from __future__ import annotations

from typing import Any

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import policy
from ckanext.inventory.model import Record
from ckanext.inventory.service import search
from ckanext.inventory.types import ENTRY, SOURCE, Person


def _readable(person: Person, package_type: str) -> list[sa.ColumnElement[bool]]:
    return [
        Record.package_type == package_type,
        Record.package_state == "active",
        search.visible(policy.scope(person)),
    ]


def overview(session: Session, person: Person) -> dict[str, Any]:
    """Count what a person may read, the ways the overview shows it.

    :param session: the database session
    :param person: who asks
    :returns: ``departments`` (id, name, title, counts by state, total, waiting for a decision),
        ``value_likelihood`` (value, likelihood, count of entries not on the portal), ``blockers``
        (kind, count of entries with an open row), ``states``, ``classifications``, ``sources``
        (state, count), ``total``
    """
    entries = _readable(person, ENTRY)
    group = model.group_table
    matrix = session.execute(
        sa.select(
            Record.department,
            group.c.name,
            group.c.title,
            Record.state,
            sa.func.count().label("count"),
            sa.func.count().filter(search.in_queue).label("waiting"),
        )
        .select_from(Record)
        .outerjoin(group, group.c.id == Record.department)
        .where(*entries)
        .group_by(Record.department, group.c.name, group.c.title, Record.state)
    ).all()
    departments: dict[str, dict[str, Any]] = {}
    states: dict[str, int] = {}
    for organization, name, title, state, count, waiting in matrix:
        row = departments.setdefault(
            organization,
            {
                "id": organization,
                "name": name,
                "title": title or name,
                "states": {},
                "total": 0,
                "waiting": 0,
            },
        )
        row["states"][state] = count
        row["total"] += count
        row["waiting"] += waiting
        states[state] = states.get(state, 0) + count
    return {
        "departments": sorted(departments.values(), key=lambda row: str(row["title"]).lower()),
        "states": states,
        "total": sum(states.values()),
        "waiting": sum(row["waiting"] for row in departments.values()),
        "value_likelihood": _pairs(
            session,
            [*entries, search.ATTENTION["not_public"]],
            Record.value,
            Record.likelihood,
        ),
        "blockers": _blockers(session, entries),
        "classifications": _counts(session, entries, Record.classification),
        "sources": _counts(session, _readable(person, SOURCE), Record.state),
    }


def _pairs(
    session: Session, conditions: list[sa.ColumnElement[bool]], first: Any, second: Any
) -> list[dict[str, Any]]:
    statement = (
        sa.select(first, second, sa.func.count())
        .where(*conditions)
        .group_by(first, second)
        .order_by(first, second)
    )
    return [
        {first.key: one, second.key: other, "count": count}
        for one, other, count in session.execute(statement)
    ]


def _counts(
    session: Session, conditions: list[sa.ColumnElement[bool]], column: Any
) -> list[dict[str, Any]]:
    statement = (
        sa.select(column, sa.func.count().label("count"))
        .where(*conditions)
        .group_by(column)
        .order_by(sa.desc("count"))
    )
    return [{"value": value, "count": count} for value, count in session.execute(statement)]


def _blockers(session: Session, conditions: list[sa.ColumnElement[bool]]) -> list[dict[str, Any]]:
    kind = sa.func.unnest(Record.open_kinds).label("kind")
    inner = sa.select(kind).where(*conditions).subquery()
    statement = (
        sa.select(inner.c.kind, sa.func.count().label("count"))
        .group_by(inner.c.kind)
        .order_by(sa.desc("count"), inner.c.kind)
    )
    return [{"value": value, "count": count} for value, count in session.execute(statement)]


def attention(session: Session, person: Person, package_type: str = ENTRY) -> dict[str, int]:
    """Count the named views of a list.

    :param session: the database session
    :param person: who asks
    :param package_type: ``inventory_entry`` or ``inventory_source``
    :returns: view name → count, and ``total``
    """
    columns = [
        sa.func.count().filter(condition).label(name)
        for name, condition in search.ATTENTION.items()
    ]
    statement = sa.select(sa.func.count().label("total"), *columns).where(
        *_readable(person, package_type)
    )
    return {name: int(value) for name, value in session.execute(statement).mappings().one().items()}
