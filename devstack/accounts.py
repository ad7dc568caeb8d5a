"""The demo's accounts: who can be tried out, and how one is made."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from devstack.client import Client


@dataclass(frozen=True)
class Account:
    """One demo account, as printed and as written to the ready file."""

    role: str
    departments: list[str]
    name: str
    password: str
    token: str


def make(administrator: Client, role: str, department: str | None) -> Account:
    """Make an account with one role; the editor has none in the inventory, only CKAN's.

    :param administrator: the portal administrator
    :param role: coordinator, cdo, reviewer, viewer or editor; also the account's name
    :param department: name of the organization, for a coordinator and an editor
    :returns: the account
    :raises Refused: if the site says no
    """
    password = secrets.token_urlsafe(9)
    administrator.action(
        "user_create",
        name=role,
        email=f"{role}@example.org",
        password=password,
        fullname=role.title(),
    )
    token = administrator.action("api_token_create", user=role, name="demo")["token"]
    departments: list[str] = []
    if role == "editor":
        administrator.action(
            "organization_member_create", id=department, username=role, role="editor"
        )
    elif role == "coordinator" and department is not None:
        departments.append(department)
        administrator.action("inventory_role_add", user=role, role=role, department=department)
    else:
        administrator.action("inventory_role_add", user=role, role=role)
    return Account(role, departments, role, password, token)
