"""Lists over the register: one statement for the rows, one for each facet; never a loop."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import policy
from ckanext.inventory.model import Record, Transfer
from ckanext.inventory.policy import Scope
from ckanext.inventory.types import Person, State, Visibility
from ckanext.inventory.workflow import HAS_APPROVED_TEXT

Condition = sa.ColumnElement[bool]

NOBODY = "nobody"
EMPTY = "empty"
"""Filter value for "no answer": empty and "not known yet" are counted apart."""

changed: Condition = sa.and_(
    Record.state.in_([state.value for state in HAS_APPROVED_TEXT]),
    Record.approved_hash.is_not(None),
    Record.approved_hash != Record.material_hash,
)
"""Changed since approval."""

detailing: Condition = sa.and_(
    Record.state == State.SUBMITTED.value,
    sa.func.coalesce(Record.triage, "") == "worth_detailing",
    sa.func.cardinality(Record.missing_approve) > 0,
)
"""Submitted, worth detailing, and lacking what approve asks: it is with the department."""

in_queue: Condition = sa.or_(
    sa.and_(Record.state == State.SUBMITTED.value, ~detailing),
    sa.and_(changed, ~Record.change_returned),
)
"""Waits for a decision of the CDO or a reviewer."""

with_department: Condition = sa.or_(
    Record.state.in_([State.DRAFT.value, State.RETURNED.value]),
    detailing,
    sa.and_(changed, Record.change_returned),
)
"""The department has the ball."""

ATTENTION: Mapping[str, Condition] = {
    "queue": in_queue,
    "department": with_department,
    "changed": changed,
    "returned": sa.or_(
        Record.state == State.RETURNED.value, sa.and_(changed, Record.change_returned)
    ),
    "ready": sa.and_(
        Record.state.in_([State.DRAFT.value, State.RETURNED.value]),
        sa.func.cardinality(Record.missing_submit) == 0,
    ),
    "incomplete": sa.and_(
        Record.state.in_([State.DRAFT.value, State.RETURNED.value]),
        sa.func.cardinality(Record.missing_submit) > 0,
    ),
    "detailing": detailing,
    "promotable": sa.and_(
        Record.state.in_([State.APPROVED.value, State.PREPARING.value]), ~changed
    ),
    "not_public": Record.state.not_in([State.PUBLISHED.value, State.RETIRED.value]),
    "missing_description": sa.literal("notes") == sa.any_(Record.missing_submit),
}
"""Named views of a list."""

_VALUE_RANK = sa.case({"high": 0, "medium": 1, "low": 2}, value=Record.value, else_=3)

SORTS: Mapping[str, tuple[Any, ...]] = {
    "rank": (_VALUE_RANK, Record.waiting_since, Record.number),
    "number": (Record.number,),
    "title": (sa.func.lower(Record.title), Record.number),
    "modified": (Record.modified_at.desc(), Record.number),
    "waiting": (Record.waiting_since, Record.number),
    "value": (_VALUE_RANK, Record.number),
}
"""Orders of a list."""

FACETS: Mapping[str, Any] = {
    "state": Record.state,
    "department": Record.department,
    "value": Record.value,
    "likelihood": Record.likelihood,
    "classification": Record.classification,
    "category": Record.category,
    "triage": Record.triage,
    "assignee": Record.assignee,
}
"""Facets over a plain column; blockers and sources are lists and have their own."""

LIST_FACETS: Mapping[str, Any] = {"blocker": Record.open_kinds, "source": Record.source_ids}


@dataclass(frozen=True)
class Query:
    """What to look for.

    :param package_type: ``inventory_entry`` or ``inventory_source``
    :param text: words; each is matched from its beginning
    :param filters: facet name → wanted values; ``empty`` stands for no answer
    :param attention: a key of :data:`ATTENTION`
    :param sort: a key of :data:`SORTS`
    :param limit: rows at most
    :param offset: rows to skip
    """

    package_type: str
    text: str = ""
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    attention: str | None = None
    sort: str = "rank"
    limit: int = 50
    offset: int = 0


def visible(scope: Scope) -> Condition:
    """Return the condition that keeps a list to what a person may read.

    :param scope: the policy's filter
    :returns: a condition on the register row; it agrees with ``policy.may(person, READ, …)``
    """
    grounds: list[Condition] = []
    if scope.everything:
        grounds.append(
            Record.visibility != Visibility.RESTRICTED.value if scope.hide_restricted else sa.true()
        )
    if scope.departments:
        grounds.append(Record.department.in_(scope.departments))
    if scope.user_id:
        grounds.append(Record.assignee == scope.user_id)
    return sa.or_(sa.false(), *grounds)


def text_query(text: str) -> sa.ColumnElement[Any] | None:
    """Turn words into a text search query that matches each from its beginning.

    :param text: what somebody typed
    :returns: a ``tsquery``, or None if there is no word in it
    """
    words = re.findall(r"\w+", text.lower())
    if not words:
        return None
    return sa.func.to_tsquery(
        sa.text("'simple'::regconfig"), " & ".join(f"'{word}':*" for word in words)
    )


def conditions(person: Person, query: Query, *, without: str | None = None) -> list[Condition]:
    """Return what a list is narrowed by: what the person may read, and what was asked for.

    :param person: who asks
    :param query: what to look for
    :param without: a facet whose own filter doesn't count
    :returns: conditions on the register row
    """
    found: list[Condition] = [
        Record.package_type == query.package_type,
        Record.package_state == "active",
        visible(policy.scope(person)),
    ]
    words = text_query(query.text)
    if words is not None:
        found.append(Record.search.op("@@")(words))
    if query.attention:
        found.append(ATTENTION[query.attention])
    for name, values in query.filters.items():
        if name == without or not values:
            continue
        found.append(_filter(name, values))
    return found


def _filter(name: str, values: Sequence[str]) -> Condition:
    wanted = [value for value in values if value != EMPTY]
    if name in LIST_FACETS:
        column = LIST_FACETS[name]
        found = column.overlap(sa.cast(wanted, sa.ARRAY(sa.Text))) if wanted else sa.false()
        if EMPTY in values:
            found = sa.or_(found, sa.func.cardinality(column) == 0)
        return found
    column = FACETS[name]
    found = column.in_(wanted) if wanted else sa.false()
    if EMPTY in values:
        found = sa.or_(found, column.is_(None))
    return found


def rows(
    session: Session,
    person: Person,
    query: Query,
    counted: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> tuple[int, list[dict[str, Any]]]:
    """Return a page of a list.

    :param session: the database session
    :param person: who asks
    :param query: what to look for
    :param counted: the facets of the same query, whose sums spare a count of their own
    :returns: the number of all hits, and the rows of the page
    """
    narrowed = conditions(person, query)
    total = _total(query, counted)
    if total is None:
        count = sa.select(sa.func.count()).select_from(Record).where(*narrowed)
        total = session.scalar(count) or 0
    # narrow rows are sorted first, so that only the page's own are put together
    page = (
        sa.select(Record.package_id)
        .where(*narrowed)
        .order_by(*SORTS[query.sort])
        .limit(query.limit)
        .offset(query.offset)
    )
    if not total or not query.limit:
        return total, []
    statement = _select_rows().where(Record.package_id.in_(page)).order_by(*SORTS[query.sort])
    return total, shown(session, session.execute(statement).mappings().all())


def _total(query: Query, counted: Mapping[str, Sequence[Mapping[str, Any]]] | None) -> int | None:
    for name in FACETS:
        if counted and name in counted and not query.filters.get(name):
            return sum(int(item["count"]) for item in counted[name])
    return None


_HIDDEN_COLUMNS = frozenset({"search", "search_text", "material_hash", "approved_hash"})


@cache
def _select_rows() -> sa.Select[Any]:
    table = Record.__table__
    group, user = model.group_table, model.user_table
    columns = [column for column in table.c if column.name not in _HIDDEN_COLUMNS]
    return (
        sa.select(
            *columns,
            changed.label("changed"),
            in_queue.label("in_queue"),
            detailing.label("detailing"),
            group.c.title.label("department_title"),
            group.c.name.label("department_name"),
            sa.func.coalesce(sa.func.nullif(user.c.fullname, ""), user.c.name).label(
                "assignee_name"
            ),
        )
        .select_from(table)
        .outerjoin(group, group.c.id == table.c.department)
        .outerjoin(user, user.c.id == table.c.assignee)
    )


def by_ids(session: Session, ids: Collection[str]) -> list[dict[str, Any]]:
    """Return rows of a list for given packages, in the order of their numbers.

    The caller has asked the policy.

    :param session: the database session
    :param ids: package ids
    :returns: the rows
    """
    statement = _select_rows().where(Record.package_id.in_(list(ids))).order_by(Record.number)
    return shown(session, session.execute(statement).mappings().all())


def shown(session: Session, found: Sequence[Mapping[Any, Any]]) -> list[dict[str, Any]]:
    """Make rows presentable: dates as ISO text, titles of sources beside their ids.

    :param session: the database session
    :param found: rows of :func:`_select_rows`
    :returns: plain dictionaries
    """
    wanted = {source for row in found for source in row["source_ids"]}
    titles = source_titles(session, wanted)
    plain: list[dict[str, Any]] = []
    for row in found:
        values = {
            str(name): value.isoformat() if hasattr(value, "isoformat") else value
            for name, value in row.items()
        }
        values["id"] = values["package_id"]
        values["sources"] = [titles[s] for s in row["source_ids"] if s in titles]
        values["department_title"] = values["department_title"] or values["department_name"]
        plain.append(values)
    return plain


def source_titles(session: Session, ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Return number and title of sources.

    :param session: the database session
    :param ids: package ids
    :returns: package id → id, number, title
    """
    if not ids:
        return {}
    query = sa.select(Record.package_id, Record.number, Record.title).where(
        Record.package_id.in_(list(ids))
    )
    return {
        package_id: {"id": package_id, "number": number, "title": title}
        for package_id, number, title in session.execute(query)
    }


def facets(session: Session, person: Person, query: Query) -> dict[str, list[dict[str, Any]]]:
    """Count the hits by each facet; a facet's own filter doesn't narrow its own counts.

    :param session: the database session
    :param person: who asks
    :param query: what to look for
    :returns: facet name → value and count, the most frequent first
    """
    names = (*FACETS, *LIST_FACETS)
    unfiltered = [name for name in names if not query.filters.get(name)]
    counts = _counted(session, conditions(person, query), unfiltered)
    for name in names:
        if name not in counts:
            counts |= _counted(session, conditions(person, query, without=name), [name])
    return counts


def _counted(
    session: Session, narrowed: Sequence[Condition], names: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Count by several facets in one pass: the rows of the register are wide, reading them costs.

    Equal rows are put together first, as there are far fewer combinations of values than entries.
    """
    if not names:
        return {}
    columns = {**FACETS, **LIST_FACETS}
    hits = sa.select(*(columns[name].label(name) for name in names)).where(*narrowed).cte("hits")
    plain = [name for name in names if name in FACETS]
    number = sa.func.count().label("number")
    alike = (
        sa.select(*(hits.c[name] for name in plain), number)
        .group_by(*(hits.c[name] for name in plain))
        .cte("alike")
    )
    parts = [
        sa.select(
            sa.literal(name).label("name"),
            alike.c[name].label("value"),
            sa.cast(sa.func.sum(alike.c.number), sa.BigInteger).label("number"),
        ).group_by(alike.c[name])
        for name in plain
    ]
    for name in names:
        if name in LIST_FACETS:
            parts += _list_parts(hits.c[name], name)
    counts: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for name, value, total in session.execute(sa.union_all(*parts)):
        if total:
            counts[name].append({"value": value, "count": int(total)})
    for name, values in counts.items():
        # "no answer" comes last in a list of several, as it is no value of it
        last = name in LIST_FACETS
        values.sort(
            key=lambda item: (last and item["value"] is None, -item["count"], str(item["value"]))
        )
    return counts


def _list_parts(column: sa.ColumnElement[Any], name: str) -> list[sa.Select[Any]]:
    """Count by the values of a list, and the rows whose list is empty."""
    what, number = sa.literal(name).label("name"), sa.func.count().label("number")
    filled = sa.func.cardinality(column)
    each = sa.select(sa.func.unnest(column).label("value")).where(filled > 0).subquery()
    nothing = sa.cast(sa.null(), sa.Text).label("value")
    return [
        sa.select(what, each.c.value, number).group_by(each.c.value),
        sa.select(what, nothing, number).where(filled == 0),
    ]


def transfers(session: Session, ids: Collection[str]) -> dict[str, Transfer]:
    """Return the open requests to move records.

    :param session: the database session
    :param ids: package ids
    :returns: package id → request
    """
    query = sa.select(Transfer).where(Transfer.package_id.in_(list(ids)))
    return {row.package_id: row for row in session.scalars(query)}
