"""Who is responsible for what: by department, by source and by person, gaps first.

Who coordinates a department is for everybody with a role. Stewards and contacts stand in the text of
entries and sources, so nobody reads them here who may not read the record.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config, policy
from ckanext.inventory.model import Department, Record, Revision, RoleGrant, event, event_entry
from ckanext.inventory.service import departments as department_rows
from ckanext.inventory.service import search
from ckanext.inventory.types import ENTRY, SOURCE, Person, Role, State

EDITING = ("editor", "admin")
"""CKAN's capacities that can be made coordinators."""

OPEN_STATES = (State.DRAFT.value, State.RETURNED.value)
"""States in which an entry is with its department, so that somebody has to have it."""


@dataclass(frozen=True)
class Account:
    """An account as these pages name it.

    :param user_id: its id
    :param name: what people call it
    :param email: its address
    :param active: whether it can act; an invited one that didn't come yet can't
    :param invited: whether it was made by an invitation that waits
    """

    user_id: str
    name: str
    email: str
    active: bool
    invited: bool


@dataclass
class _Work:
    """What is known of a department from the records that the reader may see."""

    entries: int = 0
    sources: int = 0
    unassigned: int = 0
    last: dt.datetime | None = None
    stewards: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def accounts(session: Session, ids: Collection[str]) -> dict[str, Account]:
    """Load accounts.

    :param session: the database session
    :param ids: user ids
    :returns: user id → account, whatever its state
    """
    user = model.user_table
    query = sa.select(user.c.id, user.c.fullname, user.c.name, user.c.email, user.c.state).where(
        user.c.id.in_(set(ids))
    )
    return {
        row.id: Account(
            row.id,
            row.fullname or row.name,
            row.email or "",
            row.state == model.State.ACTIVE,
            row.state == model.State.PENDING,
        )
        for row in session.execute(query)
    }


def editors(session: Session) -> list[tuple[str, str]]:
    """Return who edits which organization by CKAN's own membership.

    :param session: the database session
    :returns: (organization id, user id) of active accounts, in a fixed order
    """
    member, user, group = model.member_table, model.user_table, model.group_table
    query = (
        sa.select(member.c.group_id, member.c.table_id)
        .join(user, user.c.id == member.c.table_id)
        .join(group, group.c.id == member.c.group_id)
        .where(
            member.c.table_name == "user",
            member.c.state == "active",
            member.c.capacity.in_(EDITING),
            user.c.state == model.State.ACTIVE,
            group.c.is_organization.is_(sa.true()),
            group.c.state == model.State.ACTIVE,
        )
        .order_by(member.c.group_id, member.c.table_id)
        .distinct()
    )
    return [(row.group_id, row.table_id) for row in session.execute(query)]


def overview(session: Session, person: Person, text: str = "") -> dict[str, Any]:
    """Say who is responsible for what.

    :param session: the database session
    :param person: who asks; of records that they can't read nothing is told
    :param text: only what has this in a name, a title or an address
    :returns: ``departments`` (nobody first), ``sources`` (nobody first), ``people``, ``citywide``,
        ``counts``

    Source: leaks L1 and L39.
    """
    grants = list(session.scalars(sa.select(RoleGrant).order_by(RoleGrant.id)))
    today = clock.today()
    known = accounts(session, {grant.user_id for grant in grants})
    in_force = [
        grant
        for grant in grants
        if (grant.until is None or grant.until >= today)
        and (found := known.get(grant.user_id)) is not None
        and (found.active or found.invited)
    ]
    shows_email = policy.is_cdo(person)
    named = _coordinators(session, in_force, known, shows_email)
    work = _work(session, person)
    sources = _sources(session, person)
    departments = _departments(session, named, work, sources, grants, known)
    people = _people(in_force, known, departments, sources, shows_email)
    citywide = [
        _holder(grant, known, shows_email)
        | {"role": grant.role, "kinds": list(grant.kinds), "may_approve": grant.may_approve}
        for grant in in_force
        if grant.department is None
    ]
    counts = {
        "departments": len(departments),
        "covered": sum(bool(item["coordinators"]) for item in departments),
        "people": len(people),
        "missing": sum(bool(item["missing"]) for item in departments),
        "sources": len(sources),
        "sources_missing": sum(bool(item["missing"]) for item in sources),
    }
    words = text.casefold().split()
    return {
        "departments": _matching(departments, words),
        "sources": _matching(sources, words),
        "people": _matching(people, words),
        "citywide": _matching(citywide, words),
        "counts": counts,
    }


def _matching(rows: list[dict[str, Any]], words: list[str]) -> list[dict[str, Any]]:
    if not words:
        return rows
    return [row for row in rows if all(word in _said(row) for word in words)]


def _said(value: Any) -> str:
    """Everything that a row says, without ids."""
    if isinstance(value, dict):
        row = cast("dict[str, Any]", value)
        return "\n".join(_said(row[key]) for key in row if not key.endswith("id"))
    if isinstance(value, list):
        return "\n".join(map(_said, cast("list[Any]", value)))
    return value.casefold() if isinstance(value, str) else ""


def _holder(grant: RoleGrant, known: dict[str, Account], shows_email: bool) -> dict[str, Any]:
    account = known[grant.user_id]
    return {
        "user_id": account.user_id,
        "name": account.name,
        "email": account.email if shows_email else "",
        "invited": account.invited,
        "division": grant.division,
        "until": grant.until.isoformat() if grant.until else None,
    }


def _coordinators(
    session: Session, grants: Iterable[RoleGrant], known: dict[str, Account], shows_email: bool
) -> dict[str, list[dict[str, Any]]]:
    named: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for grant in grants:
        if grant.role == Role.COORDINATOR.value and grant.department:
            named[grant.department].append(_holder(grant, known, shows_email))
    if config.editors_are_coordinators():
        pairs = editors(session)
        known = known | accounts(session, {user_id for _organization, user_id in pairs})
        for organization, user_id in pairs:
            if user_id not in {item["user_id"] for item in named[organization]}:
                grant = RoleGrant(user_id=user_id, role=Role.COORDINATOR.value)
                named[organization].append(_holder(grant, known, shows_email))
    return named


def _work(session: Session, person: Person) -> dict[str, _Work]:
    visible = (Record.package_state == "active", search.visible(policy.scope(person)))
    found: dict[str, _Work] = defaultdict(_Work)
    counted = sa.select(
        Record.department,
        Record.package_type,
        sa.func.count(),
        sa.func.count().filter(Record.assignee.is_(None), Record.state.in_(OPEN_STATES)),
        sa.func.max(Record.modified_at),
    )
    for organization, package_type, count, unassigned, last in session.execute(
        counted.where(*visible).group_by(Record.department, Record.package_type)
    ):
        one = found[organization]
        if package_type == ENTRY:
            one.entries, one.unassigned = count, unassigned
        else:
            one.sources = count
        one.last = max(filter(None, (one.last, last)), default=None)
    for organization, item in _stewards(session, visible):
        found[organization].stewards.append(item)
    return found


def _stewards(
    session: Session, visible: Sequence[sa.ColumnElement[bool]]
) -> list[tuple[str, dict[str, Any]]]:
    """Return who knows the data of entries, with the address that one of the entries gives."""
    grouped = (
        sa.select(
            Record.department,
            Record.steward,
            sa.func.count().label("entries"),
            sa.func.min(Record.package_id).label("one"),
        )
        .where(
            Record.package_type == ENTRY,
            Record.steward.is_not(None),
            Record.state != State.RETIRED.value,
            *visible,
        )
        .group_by(Record.department, Record.steward)
        .subquery()
    )
    query = (
        sa.select(
            grouped.c.department,
            grouped.c.steward,
            grouped.c.entries,
            Revision.content["steward_email"].astext.label("email"),
        )
        .join(Record, Record.package_id == grouped.c.one)
        .join(
            Revision,
            sa.and_(Revision.package_id == grouped.c.one, Revision.revision == Record.revision),
        )
        .order_by(grouped.c.entries.desc(), grouped.c.steward)
    )
    return [
        (row.department, {"name": row.steward, "email": row.email or "", "entries": row.entries})
        for row in session.execute(query)
    ]


def _sources(session: Session, person: Person) -> list[dict[str, Any]]:
    content = Revision.content
    names = ("it_expert", "it_expert_email", "business_expert", "business_expert_email")
    query = (
        sa.select(
            Record.package_id,
            Record.number,
            Record.title,
            Record.department,
            *[content[name].astext.label(name) for name in names],
        )
        .join(
            Revision,
            sa.and_(Revision.package_id == Record.package_id, Revision.revision == Record.revision),
        )
        .where(
            Record.package_type == SOURCE,
            Record.package_state == "active",
            Record.state != State.RETIRED.value,
            search.visible(policy.scope(person)),
        )
        .order_by(Record.number)
    )
    titles = department_rows.titles(session)
    rows = [
        {
            "package_id": row.package_id,
            "number": row.number,
            "title": row.title,
            "department_id": row.department,
            "department_title": titles.get(row.department, ""),
            "custodian": _contact(row.it_expert, row.it_expert_email),
            "expert": _contact(row.business_expert, row.business_expert_email),
        }
        for row in session.execute(query)
    ]
    for row in rows:
        row["missing"] = [name for name in ("custodian", "expert") if row[name] is None]
    return sorted(rows, key=lambda row: (-len(row["missing"]), row["number"]))


def _contact(name: str | None, email: str | None) -> dict[str, str] | None:
    if not (name or email):
        return None
    return {"name": name or email or "", "email": email or ""}


def _departments(
    session: Session,
    named: dict[str, list[dict[str, Any]]],
    work: dict[str, _Work],
    sources: list[dict[str, Any]],
    grants: list[RoleGrant],
    known: dict[str, Account],
) -> list[dict[str, Any]]:
    group = model.group_table
    query = (
        sa.select(group.c.id, group.c.name, group.c.title, Department.code)
        .outerjoin(Department, Department.organization == group.c.id)
        .where(
            group.c.is_organization.is_(sa.true()),
            group.c.state == model.State.ACTIVE,
            Department.merged_into.is_(None),
        )
    )
    by_department: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for source in sources:
        by_department[source["department_id"]].append(source)
    rows: list[dict[str, Any]] = []
    for organization in session.execute(query):
        mine, systems = work.get(organization.id) or _Work(), by_department[organization.id]
        row: dict[str, Any] = {
            "id": organization.id,
            "name": organization.name,
            "title": organization.title or organization.name,
            "code": organization.code,
            "entries": mine.entries,
            "sources": mine.sources,
            "coordinators": named.get(organization.id, []),
            "stewards": mine.stewards,
            "custodians": _grouped(systems, "custodian"),
            "experts": _grouped(systems, "expert"),
            "unassigned": mine.unassigned,
            "last": mine.last.isoformat() if mine.last else None,
        }
        row["missing"] = _missing(row)
        rows.append(row)
    bare = [row["id"] for row in rows if not row["coordinators"]]
    reasons = _why_nobody(session, bare, grants, known)
    for row in rows:
        row["nobody"] = reasons.get(row["id"])
    return sorted(rows, key=lambda row: (bool(row["coordinators"]), row["title"].lower()))


def _missing(row: dict[str, Any]) -> list[str]:
    missing = [] if row["coordinators"] else ["coordinators"]
    if row["entries"] and not row["stewards"]:
        missing.append("stewards")
    if row["sources"]:
        missing += [name for name in ("custodians", "experts") if not row[name]]
    return missing


def _grouped(sources: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for source in sources:
        contact = source[kind]
        if contact is None:
            continue
        one = found.setdefault(
            contact["name"].casefold(), {**contact, "sources": 0, "numbers": list[str]()}
        )
        one["email"] = one["email"] or contact["email"]
        one["sources"] += 1
        one["numbers"].append(source["number"])
    return sorted(found.values(), key=lambda one: (-one["sources"], one["name"].lower()))


def _why_nobody(
    session: Session,
    organizations: Sequence[str],
    grants: list[RoleGrant],
    known: dict[str, Account],
) -> dict[str, dict[str, Any]]:
    """Say since when a department has no coordinator, and why."""
    found: dict[str, dict[str, Any]] = {
        key: {"why": "never", "since": None} for key in organizations
    }
    if not organizations:
        return found
    ended = (
        sa.select(event_entry.c.department, sa.func.max(event.c.at).label("at"))
        .join(event, event.c.id == event_entry.c.event_id)
        .where(event.c.act == "role_remove", event_entry.c.department.in_(organizations))
        .group_by(event_entry.c.department)
    )
    for row in session.execute(ended):
        found[row.department] = {"why": "ended", "since": row.at.date().isoformat()}
    for grant in grants:
        if grant.department not in found or grant.role != Role.COORDINATOR.value:
            continue
        if grant.until is not None and grant.until < clock.today():
            after = grant.until + dt.timedelta(days=1)
            found[grant.department] = {"why": "expired", "since": after.isoformat()}
        elif (account := known.get(grant.user_id)) is None or not account.active:
            found[grant.department] = {"why": "closed", "since": None}
    return found


def _people(
    grants: list[RoleGrant],
    known: dict[str, Account],
    departments: list[dict[str, Any]],
    sources: list[dict[str, Any]],
    shows_email: bool,
) -> list[dict[str, Any]]:
    """Turn the same around: each person with what they are responsible for."""
    titles = {row["id"]: row["title"] for row in departments}
    found: dict[str, dict[str, Any]] = {}

    def one(key: str, name: str, email: str) -> dict[str, Any]:
        row = found.setdefault(key, {"name": name, "email": email, "user_id": None, "duties": []})
        row["email"] = row["email"] or email
        return row

    for grant in grants:
        account = known[grant.user_id]
        row = one(account.name.casefold(), account.name, account.email if shows_email else "")
        row["user_id"] = account.user_id
        where = titles.get(grant.department or "", "")
        row["duties"].append({"duty": grant.role, "department_title": where, "count": None})
    for item in departments:
        for duty, key, counted in (
            ("steward", "stewards", "entries"),
            ("custodian", "custodians", "sources"),
            ("expert", "experts", "sources"),
        ):
            for contact in item[key]:
                row = one(contact["name"].casefold(), contact["name"], contact["email"])
                row["duties"].append(
                    {
                        "duty": duty,
                        "department_title": item["title"],
                        "count": contact[counted],
                    }
                )
    return sorted(found.values(), key=lambda row: row["name"].lower())
