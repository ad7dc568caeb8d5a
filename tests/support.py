"""Cheap people, organizations, departments and roles: bare inserts, about 2 ms each.

CKAN's factories hash a password (45 ms) or run an action (49 ms) for each. Everything commits, because CKAN closes the
session at the end of each request; under the ``db`` fixture that commit is only a savepoint.
"""

from __future__ import annotations

import datetime as dt
import functools
import itertools
from typing import Any

from ckan import model
from ckan.lib import api_token

from ckanext.inventory import clock
from ckanext.inventory.model import Department, RoleGrant
from ckanext.inventory.types import Role

_numbers = itertools.count(1)


def _save(row: Any) -> Any:
    model.Session.add(row)
    model.Session.commit()
    return row


def make_user(
    name: str | None = None,
    *,
    fullname: str | None = None,
    sysadmin: bool = False,
    password: str | None = None,
) -> model.User:
    """An active account; without ``password`` it can act by token or in a context, but not log in."""
    name = name or f"person-{next(_numbers)}"
    user = model.User(name=name, email=f"{name}@example.org")
    user.fullname = fullname or name.replace("-", " ").title()
    user.sysadmin = sysadmin
    if password:
        user._password = _hashed(password)
    return _save(user)


@functools.cache
def _hashed(password: str) -> str:
    """Hash a password once: it is slow on purpose, and a city's people all have the same."""
    user = model.User()
    user.password = password
    return user.password


def make_token(user: model.User) -> str:
    """An API token of the account."""
    token = _save(model.ApiToken(user.id, "test"))
    return api_token.encode(
        {"jti": token.id, "iat": api_token.into_seconds(dt.datetime.now(dt.timezone.utc))}
    )


def headers(user: model.User) -> dict[str, str]:
    """Request headers that act as the account: ``app.get(url, headers=headers(user))``."""
    return {"Authorization": make_token(user)}


def make_organization(name: str | None = None, title: str | None = None) -> model.Group:
    """A plain CKAN organization."""
    name = name or f"organization-{next(_numbers)}"
    return _save(
        model.Group(
            name=name,
            title=title or name.replace("-", " ").title(),
            type="organization",
            is_organization=True,
        )
    )


def make_member(user: model.User, organization: model.Group, capacity: str = "editor") -> None:
    """CKAN's own membership, which grants nothing in the inventory."""
    _save(model.Member(group=organization, table_id=user.id, table_name="user", capacity=capacity))


def make_department(
    code: str | None = None,
    *,
    name: str | None = None,
    title: str | None = None,
    **defaults: str,
) -> model.Group:
    """An organization that takes part in the inventory, with its code and defaults."""
    organization = make_organization(name, title)
    _save(Department(organization=organization.id, code=code or f"D{next(_numbers)}", **defaults))
    return organization


def grant(
    user: model.User,
    role: Role,
    department: model.Group | None = None,
    *,
    division: str | None = None,
    kinds: list[str] | None = None,
    may_approve: bool = False,
    until: dt.date | None = None,
) -> model.User:
    """Name the account to a role and return it."""
    _save(
        RoleGrant(
            user_id=user.id,
            role=role.value,
            department=department.id if department else None,
            division=division,
            kinds=kinds or [],
            may_approve=may_approve,
            granted_at=clock.now(),
            until=until,
        )
    )
    return user


def context(user: model.User | None) -> dict[str, Any]:
    """An action context that checks what the account may do (``call_action`` skips it by default)."""
    return {"user": user.name if user else "", "ignore_auth": False}
