"""The bird's-eye view: what the register holds, in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory.service import counts, search
from ckanext.inventory.service.search import Query
from ckanext.inventory.types import ENTRY, SOURCE, Person


def overview(session: Session, person: Person) -> dict[str, Any]:
    """Count what a person may read, the ways the overview shows it.

    :param session: the database session
    :param person: who asks
    :returns: ``departments`` (id, name, title, counts by state, total, waiting for a decision),
        ``value_likelihood`` (value, likelihood, count of entries not on the portal), ``blockers``
        (kind, count of entries with an open row), ``states``, ``classifications``, ``sources``
        (state, count), ``total``, ``waiting``, ``promotable``,
        ``wanted`` (not on the portal, and somebody of the council's or mayor's office wants it)
    """
    matrix, pairs, classifications, kinds = counts.by(
        session,
        search.conditions(person, Query(ENTRY)),
        [
            ("department", "state", "is_queue", "is_promotable", "is_wanted"),
            ("value", "likelihood", "is_not_public"),
            ("classification",),
            ("blocker",),
        ],
    )
    (sources,) = counts.by(session, search.conditions(person, Query(SOURCE)), [("state",)])
    departments: dict[str, dict[str, Any]] = {}
    states: Counter[str] = Counter()
    titles = _titles(session, {row.department for row in matrix})
    for row in matrix:
        name, title = titles.get(row.department, (None, None))
        department = departments.setdefault(
            row.department,
            {
                "id": row.department,
                "name": name,
                "title": title or name,
                "states": Counter[str](),
                "total": 0,
                "waiting": 0,
            },
        )
        department["states"][row.state] += row.number
        department["total"] += row.number
        department["waiting"] += row.number if row.is_queue else 0
        states[row.state] += row.number
    not_public: Counter[tuple[str | None, str | None]] = Counter()
    for row in pairs:
        if row.is_not_public:
            not_public[row.value, row.likelihood] += row.number
    blockers: Counter[str] = Counter()
    for row in kinds:
        for kind in row.blocker or ():
            blockers[kind] += row.number
    return {
        "departments": sorted(departments.values(), key=lambda row: str(row["title"]).lower()),
        "states": states,
        "total": states.total(),
        "waiting": sum(row.number for row in matrix if row.is_queue),
        "promotable": sum(row.number for row in matrix if row.is_promotable),
        "wanted": sum(row.number for row in matrix if row.is_wanted),
        "value_likelihood": [
            {"value": value, "likelihood": likelihood, "count": number}
            for (value, likelihood), number in sorted(
                not_public.items(), key=lambda item: (str(item[0][0]), str(item[0][1]))
            )
        ],
        "blockers": _by_count(blockers),
        "classifications": _by_count({row.classification: row.number for row in classifications}),
        "sources": _by_count({row.state: row.number for row in sources}),
    }


def _titles(session: Session, ids: Collection[str]) -> dict[str, tuple[str, str]]:
    group = model.group_table
    query = sa.select(group.c.id, group.c.name, group.c.title).where(group.c.id.in_(list(ids)))
    return {row.id: (row.name, row.title) for row in session.execute(query)} if ids else {}


def _by_count(counted: Mapping[Any, int]) -> list[dict[str, Any]]:
    ordered = sorted(counted.items(), key=lambda item: (-item[1], str(item[0])))
    return [{"value": value, "count": number} for value, number in ordered]
