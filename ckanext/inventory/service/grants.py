"""Roles in force, as one table for statements: those that were named, and what core's roles count."""

from __future__ import annotations

from functools import cache
from typing import Any

import ckan.model as model
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from ckanext.inventory.model import RoleGrant
from ckanext.inventory.types import Grant, Role


@cache
def in_force(*, editors: bool) -> sa.Subquery:
    """Return every role that somebody holds today, by the parameter ``today``.

    :param editors: whether core's editors and admins of an organization count as coordinators
    :returns: user_id, role, department, division, kinds, may_approve
    """
    today: sa.BindParameter[Any] = sa.bindparam("today", type_=sa.Date)
    named = sa.select(
        RoleGrant.user_id,
        RoleGrant.role,
        RoleGrant.department,
        RoleGrant.division,
        RoleGrant.kinds,
        RoleGrant.may_approve,
    ).where(sa.or_(RoleGrant.until.is_(None), RoleGrant.until >= today))
    if not editors:
        return named.subquery("in_force")
    member = model.member_table
    editing = sa.select(
        member.c.table_id,
        sa.literal(Role.COORDINATOR.value),
        member.c.group_id,
        sa.cast(sa.null(), sa.Text),
        sa.cast(sa.literal("{}"), ARRAY(sa.Text)),
        sa.false(),
    ).where(
        member.c.table_name == "user",
        member.c.state == "active",
        member.c.capacity.in_(("editor", "admin")),
    )
    return sa.union_all(named, editing).subquery("in_force")


def grant(row: sa.Row[tuple[str, str, str | None, str | None, list[str], bool]]) -> Grant:
    """Turn a row of :func:`in_force` into a grant.

    :param row: the row
    :returns: the grant
    """
    _user_id, role, department, division, kinds, may_approve = row
    return Grant(Role(role), department, division, frozenset(kinds), may_approve)
