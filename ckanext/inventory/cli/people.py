"""Naming people: ``ckan inventory role …``."""

from __future__ import annotations

from typing import Any

import click

from ckanext.inventory.cli import common
from ckanext.inventory.types import Role


@click.group(short_help="Who is coordinator, CDO, reviewer or viewer.")
def role() -> None:
    """Who is coordinator, CDO, reviewer or viewer."""


@role.command(short_help="Give somebody a role.")
@click.argument("account")
@click.argument("name", metavar="ROLE", type=click.Choice([one.value for one in Role]))
@click.option("--department", metavar="NAME", help="Organization; coordinators need it.")
@click.option("--division", metavar="TEXT", help="A part of the department.")
@click.option("--kind", "kinds", metavar="KIND", multiple=True, help="Blocker kinds of a reviewer.")
@click.option("--may-approve", is_flag=True, help="A reviewer who may approve and promote.")
@click.option("--until", metavar="YYYY-MM-DD", help="Last day in force.")
@common.as_user
@common.as_json
@common.inside_ckan
def add(
    account: str,
    name: str,
    department: str | None,
    division: str | None,
    kinds: tuple[str, ...],
    may_approve: bool,
    until: str | None,
    user: str | None,
    json_wanted: bool,
) -> None:
    """Give ACCOUNT the role ROLE."""
    given = common.call(
        "inventory_role_add",
        user,
        user=account,
        role=name,
        department=department,
        division=division,
        kinds=list(kinds) or None,
        may_approve=may_approve,
        until=until,
    )
    where = f" of {department}" if department else ""
    said = f"{account} is {name}{where} now (role {given['id']})."
    common.conclude(given, lambda _given: click.echo(said), json_wanted)


@role.command(short_help="End a role.")
@click.argument("role_id", metavar="ID", type=int)
@common.as_user
@common.as_json
@common.inside_ckan
def remove(role_id: int, user: str | None, json_wanted: bool) -> None:
    """End the role ID, as `ckan inventory role list` shows it.

    With somebody's last role in a department their assignments there end, too.
    """
    done = common.call("inventory_role_remove", user, id=role_id)
    said = f"The role ended. {done['unassigned']} entries and sources are nobody's now."
    common.conclude(done, lambda _done: click.echo(said), json_wanted)


@role.command("list", short_help="List the roles.")
@click.option("--department", metavar="NAME", help="Only those of this organization.")
@click.option("--account", metavar="NAME", help="Only those of this account.")
@common.as_user
@common.as_json
@common.inside_ckan
def list_roles(
    department: str | None, account: str | None, user: str | None, json_wanted: bool
) -> None:
    """List who holds which role."""
    found = common.call("inventory_role_list", user, department=department, user=account)
    common.conclude(found, _print_roles, json_wanted)


def _print_roles(found: list[dict[str, Any]]) -> None:
    common.table(
        [
            (
                each["id"],
                each["user_name"] or each["user_id"],
                each["role"],
                each["department_title"] or "the whole city",
                _remarks(each),
            )
            for each in found
        ],
        ("id", "who", "role", "where", "remarks"),
    )


def _remarks(found: dict[str, Any]) -> str:
    remarks = [found["division"] or "", ", ".join(found["kinds"])]
    remarks.append("may approve" if found["may_approve"] else "")
    remarks.append(f"until {found['until']}" if found["until"] else "")
    return "; ".join(remark for remark in remarks if remark)
