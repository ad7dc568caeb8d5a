"""Lists over the register: what narrows them, their order and their rows; ``counts`` counts them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import policy
from ckanext.inventory.model import Record, Transfer, Words
from ckanext.inventory.policy import Scope
from ckanext.inventory.service import plain
from ckanext.inventory.service.facets import WORD
from ckanext.inventory.types import SOURCE, Person, State, Visibility
from ckanext.inventory.workflow import HAS_APPROVED_TEXT

Condition = sa.ColumnElement[bool]

NOBODY = "nobody"
EMPTY = "empty"
"""Filter value for "no answer": empty and "not known yet" are counted apart."""

WANTED = "yes"
"""Filter value for what somebody wants."""

GONE = "gone"
"""Mark of what a harvest brought and its catalogue no longer holds."""


@dataclass(frozen=True)
class Standing:
    """What the named views look at: of a register row, or of rows that are counted together.

    :param state: the state
    :param triage: what the triage found
    :param changed: changed since approval
    :param change_returned: the change was returned
    :param lacks_submit: lacks what submit asks
    :param lacks_approve: lacks what approve asks
    :param lacks_notes: lacks a description
    :param wanted: ``yes`` if somebody wants it
    :param brought: ``harvest`` or ``gone`` for what a harvest brought
    """

    state: sa.ColumnElement[Any]
    triage: sa.ColumnElement[Any]
    changed: Condition
    change_returned: Condition
    lacks_submit: Condition
    lacks_approve: Condition
    lacks_notes: Condition
    wanted: sa.ColumnElement[Any]
    brought: sa.ColumnElement[Any]


STANDING = Standing(
    Record.state.expression,
    Record.triage.expression,
    sa.and_(
        Record.state.in_([state.value for state in HAS_APPROVED_TEXT]),
        Record.approved_hash.is_not(None),
        Record.approved_hash != Record.material_hash,
    ),
    Record.change_returned.expression,
    sa.func.cardinality(Record.missing_submit) > 0,
    sa.func.cardinality(Record.missing_approve) > 0,
    sa.literal("notes") == sa.any_(Record.missing_submit),
    sa.case((Record.wanted > 0, WANTED)),
    Record.brought.expression,
)
"""Of a register row."""


def named_views(of: Standing) -> dict[str, Condition]:
    """Return the named views of a list.

    :param of: what they look at
    :returns: name → condition
    """
    open_ = of.state.in_([State.DRAFT.value, State.RETURNED.value])
    not_public = of.state.not_in([State.PUBLISHED.value, State.RETIRED.value])
    submitted = of.state == State.SUBMITTED.value
    # submitted, worth detailing, and lacking what approve asks: it is with the department
    detailing = sa.and_(
        submitted, sa.func.coalesce(of.triage, "") == "worth_detailing", of.lacks_approve
    )
    returned = sa.and_(of.changed, of.change_returned)
    return {
        # waits for a decision of the CDO or a reviewer
        "queue": sa.or_(sa.and_(submitted, ~detailing), sa.and_(of.changed, ~of.change_returned)),
        # the department has the ball
        "department": sa.or_(open_, detailing, returned),
        "changed": of.changed,
        "returned": sa.or_(of.state == State.RETURNED.value, returned),
        "ready": sa.and_(open_, ~of.lacks_submit),
        "incomplete": sa.and_(open_, of.lacks_submit),
        "detailing": detailing,
        "promotable": sa.and_(
            of.state.in_([State.APPROVED.value, State.PREPARING.value]), ~of.changed
        ),
        "not_public": not_public,
        "wanted": sa.and_(not_public, of.wanted.is_not(None)),
        "missing_description": of.lacks_notes,
        # a harvest brought it, and nobody has submitted it yet
        "harvested": sa.and_(open_, of.brought.is_not(None)),
        # its catalogue no longer holds it
        "gone": sa.and_(of.state != State.RETIRED.value, of.brought == GONE),
    }


ATTENTION: Mapping[str, Condition] = named_views(STANDING)
"""Named views of a list."""

changed: Condition = ATTENTION["changed"]
in_queue: Condition = ATTENTION["queue"]
detailing: Condition = ATTENTION["detailing"]

SORTS: Mapping[str, tuple[Any, ...]] = {
    "rank": (Record.value_rank, Record.want_rank, Record.waiting_since, Record.number),
    "number": (Record.number,),
    "title": (sa.func.lower(Record.title), Record.number),
    "modified": (Record.modified_at.desc(), Record.number),
    "waiting": (Record.waiting_since, Record.number),
    "value": (Record.value_rank, Record.want_rank, Record.number),
    "wanted": (Record.want_rank, Record.value_rank, Record.waiting_since, Record.number),
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
    "wanted": STANDING.wanted,
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
    words = WORD.findall(text.lower())
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
        found.append(
            Record.package_id.in_(sa.select(Words.package_id).where(Words.vector.op("@@")(words)))
        )
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
    session: Session, person: Person, query: Query, total: int | None = None
) -> tuple[int, list[dict[str, Any]]]:
    """Return a page of a list.

    :param session: the database session
    :param person: who asks
    :param query: what to look for
    :param total: the number of all hits, where they were counted already
    :returns: the number of all hits, and the rows of the page
    """
    narrowed = conditions(person, query)
    if total is None:
        count = sa.select(sa.func.count()).select_from(Record).where(*narrowed)
        total = session.scalar(count) or 0
    if not total or not query.limit:
        return total, []
    # narrow rows are sorted first, so that only the page's own are put together
    page = (
        sa.select(Record.package_id)
        .where(*narrowed)
        .order_by(*SORTS[query.sort])
        .limit(query.limit)
        .offset(query.offset)
    )
    statement = _select_rows().where(Record.package_id.in_(page)).order_by(*SORTS[query.sort])
    return total, shown(session, person, plain.execute(session, statement).mappings().all())


_HIDDEN_COLUMNS = frozenset({"value_rank", "want_rank", "material_hash", "approved_hash"})


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
            sa.select(sa.func.coalesce(sa.func.nullif(user.c.fullname, ""), user.c.name))
            .where(user.c.id == table.c.assignee)
            .scalar_subquery()
            .label("assignee_name"),
        )
        .select_from(table)
        .outerjoin(group, group.c.id == table.c.department)
    )


def by_ids(session: Session, person: Person, ids: Collection[str]) -> list[dict[str, Any]]:
    """Return rows of a list for given packages, in the order of their numbers.

    The caller has asked the policy.

    :param session: the database session
    :param person: who asks
    :param ids: package ids
    :returns: the rows
    """
    found = plain.execute(session, _select_by_ids(), {"ids": list(ids)}).mappings().all()
    return shown(session, person, found)


@cache
def _select_by_ids() -> sa.Select[Any]:
    ids: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
    return _select_rows().where(Record.package_id.in_(ids)).order_by(Record.number)


def shown(
    session: Session, person: Person, found: Sequence[Mapping[Any, Any]]
) -> list[dict[str, Any]]:
    """Make rows presentable: dates as ISO text, titles of sources beside their ids.

    :param session: the database session
    :param person: who asks
    :param found: rows of :func:`_select_rows`
    :returns: plain dictionaries
    """
    wanted = {source for row in found for source in row["source_ids"]}
    named = titles(session, person, wanted)
    plain: list[dict[str, Any]] = []
    for row in found:
        values = {
            str(name): value.isoformat() if hasattr(value, "isoformat") else value
            for name, value in row.items()
        }
        values["id"] = values["package_id"]
        values["sources"] = [named[s] for s in row["source_ids"] if s in named]
        values["department_title"] = values["department_title"] or values["department_name"]
        plain.append(values)
    return plain


def titles(session: Session, person: Person, ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Return number and title of records that another record names.

    Whoever reads a record reads the numbers and titles of the sources that it comes from, but
    for restricted ones; of other entries only who may read them.

    :param session: the database session
    :param person: who asks
    :param ids: package ids
    :returns: package id → id, number, title

    Source: leaks L1, L39.
    """
    if not ids:
        return {}
    query = sa.select(Record.package_id, Record.number, Record.title).where(
        Record.package_id.in_(list(ids)),
        sa.or_(
            sa.and_(
                Record.package_type == SOURCE,
                Record.visibility != Visibility.RESTRICTED.value,
            ),
            visible(policy.scope(person)),
        ),
    )
    return {
        package_id: {"id": package_id, "number": number, "title": title}
        for package_id, number, title in session.execute(query)
    }


def transfers(session: Session, ids: Collection[str]) -> dict[str, Transfer]:
    """Return the open requests to move records.

    :param session: the database session
    :param ids: package ids
    :returns: package id → request
    """
    query = sa.select(Transfer).where(Transfer.package_id.in_(list(ids)))
    return {row.package_id: row for row in session.scalars(query)}
