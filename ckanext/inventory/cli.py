"""The command line: ``ckan inventory …``."""

from __future__ import annotations

import click

__all__ = ["inventory"]


@click.group(short_help="The data inventory.")
def inventory() -> None:
    """Commands of the data inventory."""
