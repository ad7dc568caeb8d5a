"""Permission labels: who finds which package, for our types and for everything else.

CKAN uses the first-listed label plugin only, so this one also answers for ordinary datasets, as
core would. The labels of a person are computed in one statement, where core takes several per
organization.

Source: leak contract, layer 2.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import ckan.authz as authz
import ckan.model as model
import sqlalchemy as sa
from ckan.lib.plugins import DefaultPermissionLabels
from flask import g, has_request_context
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config, policy
from ckanext.inventory.model import RoleGrant
from ckanext.inventory.publishing import hold
from ckanext.inventory.service import candidates, facts, plain
from ckanext.inventory.types import PRIVATE_TYPES, Grant, Person, Role

_MEMBER = "member"
_COLLABORATOR = "collaborator"
_EDITING = "editing"
_ROLE = "role"

_MAX_DEPTH = 8
"""How far core follows organizations below organizations."""

_core = DefaultPermissionLabels()


_READING = "inventory_reading"
_KEPT = "inventory_kept"


def begin(*, reading: bool) -> None:
    """Note that a request came in, and whether it only reads.

    :param reading: what is asked of the database once holds for all of it
    """
    setattr(g, _READING, reading)
    g.pop(_KEPT, None)


def once(name: str, compute: Callable[[], list[str]]) -> list[str]:
    """Return what was computed before in a request that only reads, else compute it.

    A page asks for the same labels up to four times. Only requests that came in by their address
    and only read are marked; commands, jobs and writes always ask the database.

    :param name: what it is
    :param compute: asks the database
    :returns: the answer, a new list each time
    """
    if not has_request_context() or not g.get(_READING, False):
        return compute()
    kept: dict[str, list[str]] = g.setdefault(_KEPT, {})
    if name not in kept:
        kept[name] = compute()
    return list(kept[name])


def dataset_labels(session: Session, package: model.Package) -> list[str]:
    """Return the labels of a package: for our types never ``public`` and never one of core's.

    :param session: the database session
    :param package: the package, of any type
    :returns: labels; none for a package of our types that has no register row, so that nobody
        but a sysadmin finds it

    Source: leak contract, layer 2; the dataset of an entry that isn't on the portal can also be
    seen by those who work on it. A harvest source of candidates is for those who decide (L28).
    """
    if package.type in PRIVATE_TYPES:
        known = facts.light(session, package.id)
        return policy.record_labels(known) if known is not None else []
    if candidates.is_source(package.type, package.extras):
        return [policy.LABEL_DECIDERS]
    labels = list(_core.get_dataset_labels(package))
    if "public" not in labels:
        held = hold.held(session, package.id)
        labels += hold.labels(held) if held is not None else []
    return labels


def user_labels(session: Session, user: model.User | model.AnonymousUser | None) -> list[str]:
    """Return the labels of a person, core's and ours, in one statement.

    :param session: the database session
    :param user: the account; None or anonymous for a visitor
    :returns: labels
    """
    if user is None or user.is_anonymous:
        return ["public"]
    account = cast(model.User, user)
    return once(f"labels of {account.id}", lambda: _user_labels(session, account))


def _user_labels(session: Session, account: model.User) -> list[str]:
    rows: dict[str, list[sa.Row[Any]]] = {}
    statement = _statement(_Rules.in_force(sysadmin=bool(account.sysadmin)))
    asked = {"user_id": account.id, "today": clock.today()}
    for row in plain.execute(session, statement, asked):
        rows.setdefault(row.kind, []).append(row)
    labels = ["public", f"creator-{account.id}"]
    labels += [f"member-{row.key}" for row in rows.get(_MEMBER, ())]
    labels += [f"collaborator-{row.key}" for row in rows.get(_COLLABORATOR, ())]
    if account.state == model.State.ACTIVE:
        grants = tuple(_grants(rows.get))
        labels += policy.user_labels(Person(account.id, bool(account.sysadmin), grants))
    return labels


def _grants(rows: Callable[[str, Iterable[sa.Row[Any]]], Iterable[sa.Row[Any]]]) -> Iterable[Grant]:
    for row in rows(_ROLE, ()):
        yield Grant(
            Role(row.key), row.department, row.division, frozenset(row.kinds), row.may_approve
        )
    for row in rows(_EDITING, ()):
        yield Grant(Role.COORDINATOR, row.key)


def _branch(
    kind: str, key: sa.SQLColumnExpression[Any], **more: sa.SQLColumnExpression[Any]
) -> sa.Select[Any]:
    """One part of the union; columns that it doesn't have are null."""
    columns: dict[str, Any] = {
        "department": sa.null().cast(sa.Text),
        "division": sa.null().cast(sa.Text),
        "kinds": sa.null().cast(ARRAY(sa.Text)),
        "may_approve": sa.null().cast(sa.Boolean),
        **more,
    }
    return sa.select(
        sa.literal(kind).label("kind"),
        key.label("key"),
        *(column.label(name) for name, column in columns.items()),
    )


@dataclass(frozen=True)
class _Rules:
    """What the site's settings make of the statement.

    :param sysadmin: somebody who reads every organization
    :param collaborators: datasets are shared with single people
    :param reading: capacities in an organization that may read
    :param inherits: those of them that are handed down to organizations below
    :param editors: editors of organizations are coordinators
    """

    sysadmin: bool
    collaborators: bool
    reading: tuple[str, ...]
    inherits: tuple[str, ...]
    editors: bool

    @classmethod
    def in_force(cls, *, sysadmin: bool) -> _Rules:
        """Read the settings."""
        reading = tuple(sorted(authz.get_roles_with_permission("read")))
        handed_down = authz.check_config_permission("roles_that_cascade_to_sub_groups")
        inherits = cast("Collection[str]", handed_down or ())
        return cls(
            sysadmin,
            bool(authz.check_config_permission("allow_dataset_collaborators")),
            reading,
            tuple(capacity for capacity in reading if capacity in inherits),
            config.editors_are_coordinators(),
        )


@cache
def _statement(rules: _Rules) -> sa.CompoundSelect[Any]:
    """Build the statement once: every search of somebody who is signed in asks it."""
    user_id: sa.BindParameter[Any] = sa.bindparam("user_id", type_=sa.Text)
    parts = [_organizations(user_id, rules)]
    if rules.collaborators:
        shared = model.package_member_table
        parts.append(_branch(_COLLABORATOR, shared.c.package_id).where(shared.c.user_id == user_id))
    parts.append(
        _branch(
            _ROLE,
            sa.cast(RoleGrant.role, sa.Text),
            department=RoleGrant.department,
            division=RoleGrant.division,
            kinds=RoleGrant.kinds,
            may_approve=RoleGrant.may_approve,
        ).where(
            RoleGrant.user_id == user_id,
            sa.or_(
                RoleGrant.until.is_(None),
                RoleGrant.until >= sa.bindparam("today", type_=sa.Date),
            ),
        )
    )
    if rules.editors:
        direct = _memberships(user_id)
        parts.append(
            _branch(_EDITING, direct.c.group_id).where(direct.c.capacity.in_(("editor", "admin")))
        )
    return sa.union_all(*parts)


def _memberships(user_id: sa.BindParameter[Any]) -> sa.Subquery:
    member = model.member_table
    return (
        sa.select(member.c.group_id, member.c.capacity)
        .where(
            member.c.table_name == "user",
            member.c.table_id == user_id,
            member.c.state == "active",
        )
        .subquery()
    )


def _organizations(user_id: sa.BindParameter[Any], rules: _Rules) -> sa.Select[Any]:
    """The organizations that a user reads, as ``organization_list_for_user`` finds them."""
    group = model.group_table
    found = _branch(_MEMBER, group.c.id).where(
        group.c.is_organization.is_(True), group.c.state == "active"
    )
    if rules.sysadmin:
        return found
    direct = _memberships(user_id)
    own = sa.select(direct.c.group_id).where(direct.c.capacity.in_(rules.reading))
    if not rules.inherits:
        return found.where(group.c.id.in_(own))
    return found.where(
        sa.or_(
            group.c.id.in_(own),
            sa.and_(
                group.c.type == "organization",
                group.c.id.in_(_below(direct, rules.inherits)),
            ),
        )
    )


def _below(direct: sa.Subquery, capacities: Collection[str]) -> sa.Select[Any]:
    """The organizations below those where the user's role is handed down."""
    member = model.member_table
    top = (
        sa.select(direct.c.group_id.label("id"), sa.literal(-1).label("depth"))
        .where(direct.c.capacity.in_(capacities))
        .cte("inventory_below", recursive=True)
    )
    child = sa.select(member.c.group_id, top.c.depth + 1).where(
        member.c.table_id == top.c.id,
        member.c.table_name == "group",
        member.c.state == "active",
        top.c.depth < _MAX_DEPTH,
    )
    return sa.select(top.union(child).c.id)


def hidden(
    session: Session,
    ids: Collection[str],
    user: model.User | model.AnonymousUser | None,
) -> set[str]:
    """Return the packages of a list that somebody may not open, in a few statements.

    :param session: the database session
    :param ids: package ids
    :param user: the account; None or anonymous for a visitor
    :returns: those that are hidden from this person, and those that don't exist

    Source: leaks L12, L28.
    """
    wanted = set(ids)
    if not wanted:
        return set()
    package = model.package_table.c
    rows = session.execute(
        sa.select(
            package.id,
            package.type,
            package.private,
            package.state,
            package.owner_org,
            package.creator_user_id,
            package.extras,
        ).where(package.id.in_(wanted))
    ).all()
    if user is not None and user.is_authenticated and cast(model.User, user).sysadmin:
        return wanted - {row.id for row in rows}
    mine = set(user_labels(session, user))
    ours = facts.records(session, [row.id for row in rows if row.type in PRIVATE_TYPES])
    others = [row for row in rows if row.type not in PRIVATE_TYPES]
    at_work = hold.held_among(session, [row.id for row in others if row.private])
    readable = {
        package_id
        for package_id, record in ours.items()
        if mine.intersection(policy.record_labels(facts.of_record(record)))
    }
    for row in others:
        labels = list(_core.get_dataset_labels(cast(model.Package, row)))
        if candidates.is_source(row.type, row.extras):
            labels = [policy.LABEL_DECIDERS]
        if row.id in at_work:
            labels += hold.labels(at_work[row.id])
        if mine.intersection(labels):
            readable.add(row.id)
    return wanted - readable
