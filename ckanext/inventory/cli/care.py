"""Upkeep: the self-check, the register's cached columns, side effects, the history."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import click

from ckanext.inventory.cli import common
from ckanext.inventory.logic import import_job
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
    errors = any(str(finding["severity"]) == Severity.ERROR.value for finding in found)
    outcome = {"fixed": dict(fixed), "findings": found}
    common.conclude(outcome, _print_check, json_wanted, failed=errors)


def _print_check(outcome: Mapping[str, Any]) -> None:
    for name, count in outcome["fixed"].items():
        click.echo(f"Put right: {name} ({count})")
    for finding in outcome["findings"]:
        leak = f" ({finding['leak']})" if finding["leak"] else ""
        count = f" [{finding['count']}]" if finding["count"] else ""
        click.echo(f"{finding['severity']}: {finding['name']}: {finding['message']}{count}{leak}")
        click.echo(f"  To do: {finding['remedy']}.")
    if not outcome["findings"]:
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
    common.conclude(
        {"changed": changed}, lambda _outcome: click.echo(f"{changed} rows changed."), json_wanted
    )


@click.command(short_help="Carry out what waits, such as updates of the search index.")
@common.as_json
@common.inside_ckan
def drain(json_wanted: bool) -> None:
    """Carry out all side effects that wait, those that failed before included.

    Assignments of people whose role ran out or whose account is closed end first. Large files whose
    worker died, or that the queue has lost, are left to the worker again.

    The exit status is 1 if some fail again; they stay and are tried later.
    """
    session = common.session()
    ended = roles.end_expired(session)
    session.commit()
    waiting = outbox.waiting(session)
    if waiting:
        common.say(f"Carrying out {waiting} side effects …")
    drained = outbox.drain(session, everything=True)
    outcome = {
        "done": drained.done,
        "failed": drained.failed,
        "unassigned": ended,
        "taken_up": import_job.take_up(session),
    }
    common.conclude(outcome, _print_drained, json_wanted, failed=bool(drained.failed))


def _print_drained(outcome: Mapping[str, int]) -> None:
    click.echo(f"{outcome['done']} done, {outcome['failed']} failed.")
    if outcome["unassigned"]:
        click.echo(f"{outcome['unassigned']} entries and sources have no assignee any more.")
    if outcome["taken_up"]:
        click.echo(f"{outcome['taken_up']} large files are left to the worker again.")


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
    faults = [dataclasses.asdict(fault) for fault in events.verify(common.session())]
    common.conclude({"faults": faults}, _print_faults, json_wanted, failed=bool(faults))


def _print_faults(outcome: Mapping[str, list[dict[str, Any]]]) -> None:
    faults = outcome["faults"]
    for fault in faults:
        click.echo(f"Event {fault['event_id']}: {fault['what']}")
    click.echo(f"{len(faults)} faults." if faults else "The history is whole.")
