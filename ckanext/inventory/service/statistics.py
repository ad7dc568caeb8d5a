"""The bird's-eye view: few grouped statements over the register."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import policy
from ckanext.inventory.model import Record
from ckanext.inventory.service import search
from ckanext.inventory.types import ENTRY, SOURCE, Person


def _readable(person: Person) -> list[sa.ColumnElement[bool]]:
    return [
        Record.package_state == "active",
        search.visible(policy.scope(person)),
    ]


def overview(session: Session, person: Person) -> dict[str, Any]:
    """Count what a person may read, the ways the overview shows it, in one pass over the register.

    :param session: the database session
    :param person: who asks
    :returns: ``departments`` (id, name, title, counts by state, total, waiting for a decision),
        ``value_likelihood`` (value, likelihood, count of entries not on the portal), ``blockers``
        (kind, count of entries with an open row), ``states``, ``classifications``, ``sources``
        (state, count), ``total``, ``waiting``, ``promotable``
    """
    counted = _counted(session, _readable(person))
    departments: dict[str, dict[str, Any]] = {}
    states: dict[str, int] = {}
    titles = _titles(session, {row.one for row in counted["matrix"]})
    for row in counted["matrix"]:
        name, title = titles.get(row.one, (None, None))
        department = departments.setdefault(
            row.one,
            {
                "id": row.one,
                "name": name,
                "title": title or name,
                "states": {},
                "total": 0,
                "waiting": 0,
            },
        )
        department["states"][row.two] = row.rows
        department["total"] += row.rows
        department["waiting"] += row.waiting
        states[row.two] = states.get(row.two, 0) + row.rows
    return {
        "departments": sorted(departments.values(), key=lambda row: str(row["title"]).lower()),
        "states": states,
        "total": sum(states.values()),
        "waiting": sum(row.waiting for row in counted["matrix"]),
        "promotable": sum(row.promotable for row in counted["matrix"]),
        "value_likelihood": [
            {"value": row.one, "likelihood": row.two, "count": row.rows}
            for row in sorted(counted["pair"], key=lambda row: (str(row.one), str(row.two)))
            if row.rows
        ],
        "blockers": _by_count(counted["blocker"]),
        "classifications": _by_count(counted["classification"]),
        "sources": _by_count(counted["source"]),
    }


def _counted(
    session: Session, conditions: list[sa.ColumnElement[bool]]
) -> dict[str, list[sa.Row[Any]]]:
    """Count by everything that the overview shows; the rows are wide, so they are read once."""
    records = (
        sa.select(
            Record.package_type,
            Record.department,
            Record.state,
            Record.value,
            Record.likelihood,
            Record.classification,
            Record.open_kinds,
            search.in_queue.label("in_queue"),
            search.ATTENTION["promotable"].label("promotable"),
            search.ATTENTION["not_public"].label("not_public"),
        )
        .where(*conditions)
        .cte("records")
    )
    entries = sa.select(records).where(records.c.package_type == ENTRY).subquery()
    sources = sa.select(records).where(records.c.package_type == SOURCE).subquery()
    kinds = sa.select(sa.func.unnest(entries.c.open_kinds).label("kind")).subquery()
    everything = sa.func.count()
    none = sa.literal(0)

    def by(what: str, one: Any, two: Any, *counts: Any) -> sa.Select[Any]:
        columns = [sa.literal(what).label("what"), one.label("one"), two.label("two")]
        names = ("rows", "waiting", "promotable")
        return sa.select(
            *columns, *(count.label(name) for count, name in zip(counts, names, strict=True))
        )

    c = entries.c
    nothing = sa.cast(sa.null(), sa.Text)
    statement = sa.union_all(
        by(
            "matrix",
            c.department,
            c.state,
            everything,
            everything.filter(c.in_queue),
            everything.filter(c.promotable),
        ).group_by(c.department, c.state),
        by("pair", c.value, c.likelihood, everything.filter(c.not_public), none, none).group_by(
            c.value, c.likelihood
        ),
        by("classification", c.classification, nothing, everything, none, none).group_by(
            c.classification
        ),
        by("source", sources.c.state, nothing, everything, none, none).group_by(sources.c.state),
        by("blocker", kinds.c.kind, nothing, everything, none, none).group_by(kinds.c.kind),
    )
    found: dict[str, list[sa.Row[Any]]] = {
        name: [] for name in ("matrix", "pair", "classification", "source", "blocker")
    }
    for row in session.execute(statement):
        found[row.what].append(row)
    return found


def _titles(session: Session, ids: Collection[str]) -> dict[str, tuple[str, str]]:
    group = model.group_table
    query = sa.select(group.c.id, group.c.name, group.c.title).where(group.c.id.in_(list(ids)))
    return {row.id: (row.name, row.title) for row in session.execute(query)} if ids else {}


def _by_count(rows: Iterable[sa.Row[Any]]) -> list[dict[str, Any]]:
    ordered = sorted(rows, key=lambda row: (-row.rows, str(row.one)))
    return [{"value": row.one, "count": row.rows} for row in ordered]


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
        Record.package_type == package_type, *_readable(person)
    )
    return {name: int(value) for name, value in session.execute(statement).mappings().one().items()}
