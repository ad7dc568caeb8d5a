"""Telling people: ``ckan inventory notify``."""

from __future__ import annotations

import click

from ckanext.inventory import jobs
from ckanext.inventory.cli import common


@click.command(short_help="Send the mails that are due, and the digests.")
@click.option("--background", is_flag=True, help="Leave it to CKAN's worker.")
@common.as_json
@common.inside_ckan
def notify(background: bool, json_wanted: bool) -> None:
    """Send what people are to be told at once, and the digests of today.

    For cron. Run it as often as mails at once should go out, every few minutes; each person gets at
    most one digest a day (or week), with the first run of the day that has something to tell.

    The exit status is 1 if some mails failed; they stay and are tried again.
    """
    if background:
        jobs.enqueue()
        common.say(f'Left to the worker of the queue "{jobs.QUEUE}".')
        return
    drained = jobs.notify()
    common.conclude(
        {"done": drained.done, "failed": drained.failed},
        lambda _outcome: click.echo(f"{drained.done} done, {drained.failed} failed."),
        json_wanted,
        failed=bool(drained.failed),
    )
