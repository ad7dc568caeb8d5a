"""Counting the register: whatever a page counts, in one reading of it.

Reading ten thousand rows costs more than anything else that a page does, so everything that it
counts is counted at once: each set of columns is grouped by on its own, in the same pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import policy
from ckanext.inventory.model import Record
from ckanext.inventory.service import plain, search
from ckanext.inventory.service.search import Condition, Query, Standing
from ckanext.inventory.types import PRIVATE_TYPES, Person

Set = tuple[str, ...]

STANDING: Set = tuple(item.name for item in fields(Standing))
"""What the named views look at."""

_FEW = frozenset({"value", "likelihood", "classification"})
"""Facets of few values that no view looks at."""

_COLUMNS: Mapping[str, Any] = {
    "package_type": Record.package_type,
    **{f"is_{name}": condition for name, condition in search.ATTENTION.items()},
    **{name: getattr(search.STANDING, name) for name in STANDING},
    **search.FACETS,
    # most lists are empty, and nothing is told apart quicker than an empty list
    **{
        name: sa.case((sa.func.cardinality(column) > 0, column))
        for name, column in search.LIST_FACETS.items()
    },
}


@dataclass(frozen=True)
class Counts:
    """What a list says in numbers.

    :param total: hits
    :param facets: facet → value and count, the most frequent first
    :param views: named view → count, of all that the person may read; and ``total``; empty if
        nobody asked
    """

    total: int
    facets: dict[str, list[dict[str, Any]]]
    views: dict[str, int]


def by(
    session: Session, narrowed: Sequence[Condition], sets: Sequence[Set]
) -> list[list[sa.Row[Any]]]:
    """Count the rows of the register by several sets of columns, in one pass.

    :param session: the database session
    :param narrowed: conditions on the register row
    :param sets: columns to group by: facets, what the views look at, or ``is_…`` for a named view
    :returns: for each set its groups: its columns, ``number``, and of a set with all that the named
        views look at ``view_…`` for each of them
    """
    names = list(dict.fromkeys(name for columns in sets for name in columns))
    hits = sa.select(*(_COLUMNS[name].label(name) for name in names)).where(*narrowed).subquery()
    views: Mapping[str, Condition] = {}
    if set(STANDING) <= set(names):
        views = search.named_views(Standing(*(hits.c[name] for name in STANDING)))
    statement = sa.select(
        # a bit for each column, set where the row's set lacks it
        sa.func.grouping(*(hits.c[name] for name in names)).label("lacks"),
        *(hits.c[name] for name in names),
        *(view.label(f"view_{name}") for name, view in views.items()),
        sa.func.count().label("number"),
    ).group_by(sa.func.grouping_sets(*(sa.tuple_(*(hits.c[name] for name in one)) for one in sets)))
    places = {
        sum(1 << (len(names) - 1 - at) for at, name in enumerate(names) if name not in one): place
        for place, one in enumerate(sets)
    }
    found: list[list[sa.Row[Any]]] = [[] for _ in sets]
    for row in plain.execute(session, statement):
        found[places[row.lacks]].append(row)
    return found


def of_list(session: Session, person: Person, query: Query, *, views: bool = True) -> Counts:
    """Count what a list counts; a facet's own filter doesn't narrow its own counts.

    :param session: the database session
    :param person: who asks
    :param query: what to look for
    :param views: count the named views, too
    :returns: the numbers
    """
    names = (*search.FACETS, *search.LIST_FACETS)
    filtered = [name for name in names if query.filters.get(name)]
    open_ = [name for name in names if name not in filtered]
    everything = views and not (filtered or query.attention or query.text)
    # some are counted together, where few values make few combinations to look through
    ours = [name for name in open_ if name in STANDING]
    first = tuple(dict.fromkeys(["state", *ours, *(STANDING if everything else ())]))
    second = tuple(name for name in open_ if name in _FEW)
    alone = [name for name in open_ if name not in first and name not in second]
    sets = [one for one in (first, second, *((name,) for name in alone)) if one]
    groups = dict(zip(sets, by(session, search.conditions(person, query), sets), strict=True))
    facets = {
        name: _facet(name, rows) for one, rows in groups.items() for name in one if name in open_
    }
    for name in filtered:
        narrowed = search.conditions(person, query, without=name)
        facets[name] = _facet(name, by(session, narrowed, [(name,)])[0])
    named: dict[str, int] = {}
    if everything:
        named = _views(groups[first])
    elif views:
        named = of_views(session, person, query.package_type)
    return Counts(
        sum(row.number for row in groups[first]), {name: facets[name] for name in names}, named
    )


def of_views(session: Session, person: Person, package_type: str) -> dict[str, int]:
    """Count the named views of a list.

    :param session: the database session
    :param person: who asks
    :param package_type: ``inventory_entry`` or ``inventory_source``
    :returns: view name → count, and ``total``
    """
    readable = search.conditions(person, Query(package_type))
    return _views(by(session, readable, [STANDING])[0])


def of_views_by_type(session: Session, person: Person) -> dict[str, dict[str, int]]:
    """Count the named views of entries and of sources.

    :param session: the database session
    :param person: who asks
    :returns: type → view name → count, and ``total``
    """
    readable = [Record.package_state == "active", search.visible(policy.scope(person))]
    (rows,) = by(session, readable, [("package_type", *STANDING)])
    return {
        package_type: _views([row for row in rows if row.package_type == package_type])
        for package_type in sorted(PRIVATE_TYPES)
    }


def _views(rows: Sequence[sa.Row[Any]]) -> dict[str, int]:
    return {"total": sum(row.number for row in rows)} | {
        name: sum(row.number for row in rows if getattr(row, f"view_{name}"))
        for name in search.ATTENTION
    }


def _facet(name: str, rows: Sequence[sa.Row[Any]]) -> list[dict[str, Any]]:
    """Put the counts of one facet in order; a list counts for each of its values."""
    is_list = name in search.LIST_FACETS
    counted: Counter[str | None] = Counter()
    for row in rows:
        value = getattr(row, name)
        for one in (value or [None]) if is_list else [value]:
            counted[one] += row.number
    # "no answer" comes last in a list of several, as it is no value of it
    return sorted(
        ({"value": value, "count": number} for value, number in counted.items()),
        key=lambda item: (
            is_list and item["value"] is None,
            -item["count"],
            str(item["value"]),
        ),
    )
