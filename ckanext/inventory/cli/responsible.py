"""Bringing people in and seeing who is responsible: ``ckan inventory people …``."""

from __future__ import annotations

import functools
from typing import Any, BinaryIO, TextIO

import click

from ckanext.inventory.cli import common
from ckanext.inventory.types import Role

_NEED_SOMEBODY = ("refused", "failed", "expired")


@click.group(short_help="Invite people, hand over, see who is responsible.")
def people() -> None:
    """Invite people, hand over, see who is responsible."""


@people.command(short_help="Who is responsible for which department; what has nobody comes first.")
@click.option("--search", "words", metavar="WORDS", help="Only what has these words.")
@common.as_user
@common.as_json
@common.inside_ckan
def show(words: str | None, user: str | None, json_wanted: bool) -> None:
    """Show who is responsible, by department. With --json also by source and by person."""
    found = common.call("inventory_people", user, q=words)
    common.conclude(found, _print_responsible, json_wanted)


def _print_responsible(found: dict[str, Any]) -> None:
    rows = [
        (
            one["code"] or "",
            one["title"],
            ", ".join(each["name"] for each in one["coordinators"]) or "NOBODY",
            one["entries"],
            one["sources"],
        )
        for one in found["departments"]
    ]
    common.table(rows, ("code", "department", "coordinators", "entries", "sources"))


@people.command(short_help="Name people by e-mail address.")
@click.argument("file", type=click.File("r"), required=False)
@click.option("--email", "emails", metavar="ADDRESS", multiple=True, help="Instead of FILE.")
@click.option(
    "--role",
    type=click.Choice([one.value for one in Role]),
    default=Role.COORDINATOR.value,
    show_default=True,
)
@click.option("--department", metavar="NAME", help="Where a line names none: name or id.")
@click.option("--division", metavar="TEXT", help="A part of the department.")
@click.option("--kind", "kinds", metavar="KIND", multiple=True, help="Blocker kinds of a reviewer.")
@click.option("--may-approve", is_flag=True, help="A reviewer who may approve and promote.")
@click.option("--until", metavar="YYYY-MM-DD", help="Last day in force.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change and send nothing.")
@common.as_user
@common.as_json
@common.inside_ckan
def invite(
    file: TextIO | None,
    emails: tuple[str, ...],
    role: str,
    department: str | None,
    division: str | None,
    kinds: tuple[str, ...],
    may_approve: bool,
    until: str | None,
    dry_run: bool,
    user: str | None,
    json_wanted: bool,
) -> None:
    """Name the people whose addresses stand in FILE ("-" for standard input) or in --email.

    Who has an account gets the role, others an invitation. A line may be an address as it stands in
    a mail, or a row with department, division and last day. Nothing is done while a line has a
    problem; the exit status is 1 then.
    """
    if bool(file) == bool(emails):
        raise click.UsageError("Give FILE or --email, one of them.")
    done = common.call(
        "inventory_role_invite",
        user,
        emails=file.read() if file else list(emails),
        role=role,
        department=department,
        division=division,
        kinds=list(kinds) or None,
        may_approve=may_approve,
        until=until,
        dry_run=dry_run,
    )
    common.conclude(done, _print_invited, json_wanted, failed=bool(done["problems"]))


def _print_invited(done: dict[str, Any]) -> None:
    words = {
        "named": "has an account: named",
        "invited": "is invited",
        "holds": "has the role already",
    }
    common.table(
        [
            (
                one["line"],
                one["email"],
                one["department_title"] or "the whole city",
                one["until"] or "",
                words.get(one["outcome"], one["message"]),
            )
            for one in done["rows"]
        ],
        ("line", "address", "where", "until", ""),
    )
    verb = "Would name" if done["dry_run"] else "Named"
    click.echo(f"{verb} {done['named']}, invitations: {done['invited']}.")


@people.command(short_help="List invitations; those that need somebody come first.")
@common.as_user
@common.as_json
@common.inside_ckan
def invitations(user: str | None, json_wanted: bool) -> None:
    """List who was invited and what became of it.

    An address that the mail server refuses, a mail that can't be sent and a link that ran out come
    first; then the exit status is 1.
    """
    found = common.call("inventory_invitation_list", user)
    failed = any(one["status"] in _NEED_SOMEBODY for one in found)
    common.conclude(found, _print_invitations, json_wanted, failed=failed)


def _print_invitations(found: list[dict[str, Any]]) -> None:
    rows = [
        (one["id"], one["email"], one["status"], one["expires_at"][:10], one["error"] or "")
        for one in found
    ]
    common.table(rows, ("id", "address", "status", "until", "error"))


@people.command(short_help="Send invitations again, with new links.")
@click.argument("ids", metavar="[ID]...", type=int, nargs=-1)
@click.option("--expired", is_flag=True, help="All whose link ran out.")
@common.as_user
@common.inside_ckan
def resend(ids: tuple[int, ...], expired: bool, user: str | None) -> None:
    """Send the invitations ID, as `ckan inventory people invitations` shows them, again."""
    wanted = list(ids)
    if expired:
        found = common.call("inventory_invitation_list", user)
        wanted += [one["id"] for one in found if one["status"] == "expired"]
    if not wanted and not expired:
        raise click.UsageError("Give an ID, or --expired.")
    for each in dict.fromkeys(wanted):
        click.echo(common.call("inventory_invitation_resend", user, id=each)["email"])


@people.command(short_help="Read a mail that came back.")
@click.argument("mail", type=click.File("rb"), default="-")
@common.as_user
@common.inside_ckan
def bounced(mail: BinaryIO, user: str | None) -> None:
    """Read the report of a mail server from MAIL, or from standard input as a mail server pipes it.

    Invitations to the addresses in it are shown as refused. Any other mail changes nothing.
    """
    text = mail.read().decode("utf-8", "replace")
    done = common.call("inventory_invitation_bounced", user, mail=text)
    for email in done["emails"]:
        click.echo(email)


@people.command(short_help="Take an invitation back.")
@click.argument("invitation", metavar="ID", type=int)
@common.as_user
@common.inside_ckan
def withdraw(invitation: int, user: str | None) -> None:
    """Take the invitation ID back; its link and its roles end."""
    click.echo(common.call("inventory_invitation_withdraw", user, id=invitation)["email"])


@people.command("hand-over", short_help="Hand everything of one person over to another.")
@click.argument("giver", metavar="FROM")
@click.argument("taker", metavar="TO")
@click.option("--department", metavar="NAME", help="Only what is this department's: name or id.")
@click.option("--roles", is_flag=True, help="Their roles, too.")
@click.option("--dry-run", is_flag=True, help="Say what it would be; change nothing.")
@common.as_user
@common.as_json
@common.inside_ckan
def hand_over(
    giver: str,
    taker: str,
    department: str | None,
    roles: bool,
    dry_run: bool,
    user: str | None,
    json_wanted: bool,
) -> None:
    """Hand what the account FROM has over to the account TO: assignments, and with --roles roles."""
    done = common.call(
        "inventory_hand_over",
        user,
        **{"from": giver},
        to=taker,
        department=department,
        roles=roles,
        dry_run=dry_run,
    )
    verb = "Would hand over" if dry_run else "Handed over"
    common.conclude(done, functools.partial(_print_handed_over, verb), json_wanted)


def _print_handed_over(verb: str, done: dict[str, Any]) -> None:
    click.echo(
        f"{verb} from {done['from_name']} to {done['to_name']}: {done['assignments']} assignments, "
        f"{done['preparing']} datasets in preparation, {len(done['roles'])} roles."
    )
    for one in done["departments"]:
        click.echo(f"{one['title']}: {one['count']}")
    for one in done["roles"]:
        click.echo(f"{one['role']}: {one['department_title'] or 'the whole city'}")


@people.command(short_help="Make organization editors coordinators.")
@click.option("--department", metavar="NAME", help="Only of this one: name or id.")
@click.option("--dry-run", is_flag=True, help="Say who it would be; change nothing.")
@common.as_user
@common.as_json
@common.inside_ckan
def editors(department: str | None, dry_run: bool, user: str | None, json_wanted: bool) -> None:
    """Make everybody who edits an organization in CKAN a coordinator of that department."""
    done = common.call(
        "inventory_editors_to_coordinators", user, department=department, dry_run=dry_run
    )
    verb = "Would make" if dry_run else "Made"
    common.conclude(done, functools.partial(_print_coordinators, verb), json_wanted)


def _print_coordinators(verb: str, done: dict[str, Any]) -> None:
    click.echo(f"{verb} {done['count']} coordinators.")
    if done["rows"]:
        rows = [(one["department_title"], one["user_name"]) for one in done["rows"]]
        common.table(rows, ("department", "who"))


@people.command(short_help="What a new city has still to set up.")
@common.as_user
@common.as_json
@common.inside_ckan
def setup(user: str | None, json_wanted: bool) -> None:
    """Print the checklist of a new city; the exit status is 1 while something is left."""
    found = common.call("inventory_setup", user)
    failed = not all(one["done"] for one in found)
    common.conclude(found, _print_setup, json_wanted, failed=failed)


def _print_setup(found: list[dict[str, Any]]) -> None:
    rows = [(one["name"], "done" if one["done"] else "to do", one["count"]) for one in found]
    common.table(rows, ("step", "", "left"))
