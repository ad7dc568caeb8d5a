"""The command line: ``ckan inventory …``.

Exit statuses: 0 all is well, 1 problems were found or something was refused, 2 the command was
called wrongly. Results go to standard output, progress and errors to standard error; with
``--json`` standard output is one JSON document.
"""

from __future__ import annotations

import click

from ckanext.inventory.cli import (
    care,
    demo,
    exchange,
    notify,
    people,
    portal,
    responsible,
    takeover,
    workbooks,
)

__all__ = ["inventory"]


@click.group(short_help="The data inventory.")
def inventory() -> None:
    """The data inventory: import and export, roles, promotion, upkeep, demo."""


for _command in (
    exchange.import_file,
    exchange.export,
    workbooks.workbook,
    workbooks.bring,
    care.check,
    care.rebuild,
    care.drain,
    care.audit,
    notify.notify,
    people.role,
    responsible.people,
    portal.promote,
    takeover.take_over,
    demo.demo,
):
    inventory.add_command(_command)
