"""The city directory: who holds what, and whom to ask; for people who can't read the entries.

It has conditions and fields of its own, not those of lists and labels. What isn't classified yet,
is of a level that stays out, was marked out, is restricted or retired is absent, as if it didn't
exist: it is neither found nor counted. Search looks at what is shown and at nothing else, so that
no word of another field can be guessed.

Source: leak contract, "City directory".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from ckanext.inventory import policy, vocabularies
from ckanext.inventory.model import Department, Record
from ckanext.inventory.service import readers, register, search
from ckanext.inventory.types import ENTRY, NOT_KNOWN, SOURCE, Person, State, Visibility

FIELDS = ("number", "title", "description", "department", "sources", "ask")
"""What is shown of an entry, beside whether the reader may open it."""

CLOSE = 0.5
"""How alike a word has to be to one that is searched for, where it isn't the same (0 to 1)."""

SHORTEST = 4
"""Letters of a word that may have typing errors: shorter ones would match nearly anything."""

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True)
class Query:
    """What to look for.

    :param text: words; each has to be found in something that is shown
    :param department: organization id
    :param source: title of a source, or a part of it
    :param person: name or address of somebody to ask, or a part of it
    :param limit: entries at most
    :param offset: entries to skip
    """

    text: str = ""
    department: str | None = None
    source: str = ""
    person: str = ""
    limit: int = 25
    offset: int = 0


def listed() -> list[Condition]:
    """Return what an entry has to be, to be in the directory.

    :returns: conditions on the register row
    """
    levels = [
        level.value
        for level in vocabularies.load().levels.values()
        if level.in_directory and level.value != NOT_KNOWN
    ]
    proposed = sa.func.coalesce(sa.func.nullif(Record.classification_proposed, NOT_KNOWN), "")
    return [
        Record.package_type == ENTRY,
        Record.package_state == "active",
        Record.state != State.RETIRED.value,
        Record.visibility == Visibility.NORMAL.value,
        Record.in_directory.is_(sa.true()),
        Record.classification.in_(levels),
        # the stricter one counts: a department may know better than what was once confirmed
        proposed.in_(["", *levels]),
    ]


def _source_titles() -> sa.ScalarSelect[str]:
    """Titles of an entry's sources, without those that are restricted themselves."""
    source = aliased(Record)
    return (
        sa.select(sa.func.string_agg(source.title, "\n"))
        .where(
            source.package_id == sa.any_(Record.source_ids),
            source.package_type == SOURCE,
            source.package_state == "active",
            source.visibility == Visibility.NORMAL.value,
        )
        .correlate(Record)
        .scalar_subquery()
    )


def _steward() -> sa.ColumnElement[str]:
    return sa.func.coalesce(Record.steward, Department.steward, Department.steward_email, "")


def forgiving(session: Session) -> bool:
    """Tell whether the database can find words with typing errors.

    :param session: the database session
    :returns: the answer
    """
    query = sa.text("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
    return session.scalar(query) is not None


def find(session: Session, person: Person, query: Query) -> dict[str, Any]:
    """Search the directory.

    :param session: the database session
    :param person: who asks; only decides which entries they may open
    :param query: what to look for
    :returns: ``count``, ``results`` (:data:`FIELDS` and ``may_open``) and ``departments`` (id, title,
        count of hits)
    """
    group, package = model.group_table, model.package_table
    title = sa.func.coalesce(sa.func.nullif(group.c.title, ""), group.c.name)
    sources = sa.func.coalesce(_source_titles(), "")
    short = [Record.title, title, sources, _steward()]
    everything = [*short, Record.number, sa.func.coalesce(package.c.notes, "")]
    fuzzy = forgiving(session)
    words = re.findall(r"[\w@.-]+", query.text)[:10]
    where = listed()
    where += [_has(word, everything, short if fuzzy else []) for word in words]
    if query.source:
        where.append(_has(query.source.strip(), [sources], [sources] if fuzzy else []))
    if query.person:
        where.append(_of_person(session, query.person.strip(), fuzzy))
    hits = (
        sa.select(Record.package_id, Record.department, title.label("department_title"))
        .join(package, package.c.id == Record.package_id)
        .join(group, group.c.id == Record.department)
        .outerjoin(Department, Department.organization == Record.department)
        .where(*where, package.c.state == model.State.ACTIVE)
    )
    found = hits.subquery()
    counted = session.execute(
        sa.select(found.c.department, found.c.department_title, sa.func.count())
        .group_by(found.c.department, found.c.department_title)
        .order_by(sa.func.lower(found.c.department_title))
    ).all()
    if query.department:
        hits = hits.where(Record.department == query.department)
    in_title = [
        sa.case((Record.title.icontains(word, autoescape=True), 0), else_=1) for word in words
    ]
    page = hits.order_by(*in_title, sa.func.lower(Record.title), Record.number)
    ids = session.scalars(page.limit(query.limit).offset(query.offset)).all()
    departments = [{"id": id_, "title": name, "count": count} for id_, name, count in counted]
    return {
        "count": sum(
            item["count"] for item in departments if query.department in (None, item["id"])
        ),
        "results": _shown(session, person, ids),
        "departments": departments,
    }


def _has(word: str, columns: Sequence[Any], alike: Sequence[Any]) -> sa.ColumnElement[bool]:
    grounds: list[Condition] = [column.icontains(word, autoescape=True) for column in columns]
    if len(word) >= SHORTEST and word.isalpha():
        grounds += [sa.func.word_similarity(word, column) >= CLOSE for column in alike]
    return sa.or_(*grounds)


def _of_person(session: Session, name: str, fuzzy: bool) -> Condition:
    """Find by whom to ask: the steward, or where there is none, a coordinator."""
    theirs: set[str] = set()
    for one in readers.holders(session).values():
        if name.casefold() in one.name.casefold():
            theirs |= policy.departments_of(one.person)
    by_steward = _has(name, [_steward()], [_steward()] if fuzzy else [])
    return sa.or_(by_steward, sa.and_(_steward() == "", Record.department.in_(theirs)))


def _shown(session: Session, person: Person, ids: Collection[str]) -> list[dict[str, Any]]:
    if not ids:
        return []
    group, package = model.group_table, model.package_table
    query = (
        sa.select(
            Record.package_id,
            Record.number,
            Record.title,
            Record.department,
            package.c.notes,
            group.c.name.label("department_name"),
            sa.func.coalesce(sa.func.nullif(group.c.title, ""), group.c.name).label("place"),
            _source_titles().label("sources"),
            search.visible(policy.scope(person)).label("may_open"),
            Department.steward,
            Department.steward_email,
        )
        .join(package, package.c.id == Record.package_id)
        .join(group, group.c.id == Record.department)
        .outerjoin(Department, Department.organization == Record.department)
        .where(Record.package_id.in_(ids), *listed())
    )
    rows = {row.package_id: row for row in session.execute(query)}
    contents = register.current_contents(session, list(rows))
    holders = readers.holders(session).values()
    shown: list[dict[str, Any]] = []
    for package_id in ids:
        row = rows[package_id]
        content = contents.get(package_id, {})
        name, email = content.get("steward"), content.get("steward_email")
        if not name and not email:
            name, email = row.steward, row.steward_email
        coordinators = sorted(
            one.name for one in holders if row.department in policy.departments_of(one.person)
        )
        shown.append(
            {
                "number": row.number,
                "title": row.title,
                "description": row.notes or "",
                "department": {"name": row.department_name, "title": row.place},
                "sources": sorted(row.sources.split("\n")) if row.sources else [],
                "ask": {"name": name or None, "email": email or None, "coordinators": coordinators},
                "may_open": bool(row.may_open),
            }
        )
    return shown
