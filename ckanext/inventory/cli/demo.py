"""The demo city: ``ckan inventory demo load``."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import sys
from collections.abc import Callable, Mapping
from typing import Any

import click
from ckan.cli import db

from ckanext.inventory import clock
from ckanext.inventory.cli import common
from ckanext.inventory.demo import load as loader


@click.group(short_help="An invented city to try the inventory with.")
def demo() -> None:
    """An invented city to try the inventory with."""


@demo.command(short_help="Load the invented city into an empty site.")
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day that the city lives in (default: today).",
)
@click.option("--reset", is_flag=True, help="First delete everything that is on this site.")
@click.option("--yes", is_flag=True, help="Don't ask before deleting.")
@common.as_json
@common.inside_ckan
def load(today: dt.datetime | None, reset: bool, yes: bool, json_wanted: bool) -> None:
    """Load Larkhaven: 16 departments, 67 sources, over 600 entries, their history and their people.

    The passwords are the same everywhere, so never do this where real data is.
    """
    if reset:
        _empty_site(yes)
    day = today.date() if today else clock.today()
    try:
        accounts = loader.load(day, _progress)
    except loader.NotEmptyError as error:
        raise common.Refused(
            "This site holds organizations already. Load the demo into an empty site, or "
            "delete everything that is here with --reset."
        ) from error
    outcome = {"accounts": [dataclasses.asdict(account) for account in accounts]}
    common.conclude(outcome, _print_accounts, json_wanted)


def _print_accounts(outcome: Mapping[str, list[dict[str, Any]]]) -> None:
    common.table(
        [
            (one["role"], ", ".join(one["departments"]) or "-", one["name"], one["password"])
            for one in outcome["accounts"]
        ],
        ("role", "departments", "name", "password"),
    )


def _progress(label: str, length: int) -> Callable[[], None]:
    return common.Progress(label, length).step


def _empty_site(yes: bool) -> None:
    """Empty database and index with CKAN's own commands."""
    if not yes:
        click.confirm(
            "This deletes everything on this site, not only the demo. Go on?", abort=True, err=True
        )
    context = click.get_current_context()
    with contextlib.redirect_stdout(sys.stderr):
        context.invoke(db.clean)
        context.invoke(db.upgrade)
