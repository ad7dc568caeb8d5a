"""Upkeep: the self-check, the register's cached columns, side effects, the history."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import click

from ckanext.inventory.cli import common
from ckanext.inventory.service import checks, events, outbox, register, roles
from ckanext.inventory.service.findings import Severity


@click.command(short_help="Look for what is wrong, and put it right with --repair.")
@click.option("--repair", is_flag=True, help="Put right what can be put right, then look again.")
@common.as_user
@common.as_json
@common.inside_ckan
def check(repair: bool, user: str | None, json_wanted: bool) -> None:
    """Look at settings, database, search index, side effects and history.

    The exit status is 1 if an error is left; warnings don't count.
    """
    fixed: Mapping[str, int] = {}
    if repair:
        done = checks.repair(common.session())
        fixed, found = done.fixed, [dataclasses.asdict(finding) for finding in done.left]
    else:
        found = common.call("inventory_check_run", user)
    if json_wanted:
        common.emit({"fixed": dict(fixed), "findings": found})
    else:
        _print_check(fixed, found)
    if any(str(finding["severity"]) == Severity.ERROR.value for finding in found):
        raise click.exceptions.Exit(1)


def _print_check(fixed: Mapping[str, int], found: list[dict[str, Any]]) -> None:
    for name, count in fixed.items():
        click.echo(f"Put right: {name} ({count})")
    for finding in found:
        leak = f" ({finding['leak']})" if finding["leak"] else ""
        count = f" [{finding['count']}]" if finding["count"] else ""
        click.echo(f"{finding['severity']}: {finding['name']}: {finding['message']}{count}{leak}")
        click.echo(f"  To do: {finding['remedy']}.")
    if not found:
        click.echo("All is well.")


@click.command(short_help="Recompute the columns that lists and figures are made from.")
@common.as_json
@common.inside_ckan
def rebuild(json_wanted: bool) -> None:
    """Recompute what the register keeps of each entry and source, from their texts.

    Needed after a change of vocabularies or rules; otherwise it changes nothing.
    """
    session = common.session()
    common.say("Recomputing the register …")
    changed = register.rebuild(session)
    session.commit()
    if json_wanted:
        common.emit({"changed": changed})
    else:
        click.echo(f"{changed} rows changed.")


@click.command(short_help="Carry out what waits, such as updates of the search index.")
@common.as_json
@common.inside_ckan
def drain(json_wanted: bool) -> None:
    """Carry out all side effects that wait, those that failed before included.

    Assignments of people whose role ran out or whose account is closed end first.

    The exit status is 1 if some fail again; they stay and are tried later.
    """
    session = common.session()
    ended = roles.end_expired(session)
    session.commit()
    waiting = outbox.waiting(session)
    if waiting:
        common.say(f"Carrying out {waiting} side effects …")
    drained = outbox.drain(session, everything=True)
    if json_wanted:
        common.emit({"done": drained.done, "failed": drained.failed, "unassigned": ended})
    else:
        click.echo(f"{drained.done} done, {drained.failed} failed.")
        if ended:
            click.echo(f"{ended} entries and sources have no assignee any more.")
    if drained.failed:
        raise click.exceptions.Exit(1)


@click.group(short_help="The history of decisions.")
def audit() -> None:
    """The history of decisions, a chain in which nothing can be changed unnoticed."""


@audit.command(short_help="Recompute the chain.")
@common.as_json
@common.inside_ckan
def verify(json_wanted: bool) -> None:
    """Recompute the whole chain of the history and name what doesn't add up.

    The exit status is 1 if something was changed after it was written.
    """
    faults = list(events.verify(common.session()))
    if json_wanted:
        common.emit({"faults": [dataclasses.asdict(fault) for fault in faults]})
    else:
        for fault in faults:
            click.echo(f"Event {fault.event_id}: {fault.what}")
        click.echo(f"{len(faults)} faults." if faults else "The history is whole.")
    if faults:
        raise click.exceptions.Exit(1)
