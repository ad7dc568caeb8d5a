"""Spreadsheets in and out: ``ckan inventory import`` and ``export``."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import click

from ckanext.inventory.cli import common
from ckanext.inventory.service import register

_KINDS = ("entry", "source")
_PAGE = 1000
_SHOWN_GROUPS = 25


def pairs(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> Any:
    """Read ``HEADER=FIELD`` and its like; nothing behind the sign leaves the column out.

    :param context: click's
    :param option: the option
    :param values: what was typed
    :returns: what stands before the sign to what stands behind it
    """
    found = [value.rpartition("=") for value in values]
    wrong = [
        value
        for value, (before, sign, _) in zip(values, found, strict=True)
        if not (sign and before)
    ]
    if wrong:
        shape = getattr(option, "metavar", None) or "NAME=VALUE"
        raise click.BadParameter(f'"{wrong[0]}" has to be {shape}.')
    return {before: behind for before, _, behind in found}


as_columns = click.option(
    "--column",
    "columns",
    metavar="HEADER=FIELD",
    multiple=True,
    callback=pairs,
    help="What a column of a list that isn't ours holds; an empty field leaves it out.",
)
"""Takes what the columns of a file are, as ``columns``."""


@click.command("import", short_help="Make drafts from the rows of a spreadsheet.")
@click.argument("file", type=click.File("rb"))
@click.option("--department", metavar="NAME", help="Name, id or code; without it a column tells.")
@click.option("--kind", type=click.Choice(_KINDS), default="entry", show_default=True)
@click.option("--origin", metavar="TEXT", help="Name of the list that the IDs are of.")
@click.option("--sheet", "sheets", metavar="NAME", multiple=True, help="Read these sheets only.")
@as_columns
@click.option("--day-first", is_flag=True, help="3/4/2020 is the third of April.")
@click.option("--create-departments", is_flag=True, help="Make departments that nobody knows.")
@click.option("--all-or-nothing", is_flag=True, help="Create nothing while a row has an error.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@common.as_user
@common.as_json
@common.inside_ckan
def import_file(
    file: BinaryIO,
    department: str | None,
    kind: str,
    origin: str | None,
    sheets: tuple[str, ...],
    columns: dict[str, str],
    day_first: bool,
    create_departments: bool,
    all_or_nothing: bool,
    dry_run: bool,
    user: str | None,
    json_wanted: bool,
) -> None:
    """Make drafts from the rows of FILE (CSV, TSV, XLSX, XLS or ODS).

    Rows that are there already are skipped. The exit status is 1 if rows have errors and nothing
    was created because of them, and in a dry run if rows have errors.
    """
    common.say(f"Reading {file.name} …")
    report = common.call(
        "inventory_import",
        user,
        upload=file,
        filename=file.name.rsplit("/", 1)[-1],
        kind=kind,
        department=department,
        origin=origin,
        sheets=list(sheets) or None,
        columns=columns or None,
        day_first=day_first or None,
        create_departments=create_departments,
        all_or_nothing=all_or_nothing,
        dry_run=dry_run,
    )
    failed = bool(report["refused"] and (dry_run or not report["created"]))
    common.conclude(report, _print_report, json_wanted, failed=failed)


def _print_report(report: dict[str, Any]) -> None:
    verb = "Would create" if report["dry_run"] else "Created"
    click.echo(
        f"{verb} {report['created']} of {report['total']} rows; "
        f"{report['skipped_count']} skipped, {report['refused']} with errors."
    )
    for department in report["departments"]:
        made = "made" if department["created"] else "not known here"
        click.echo(f"Department {department['title']} ({department['rows']} rows): {made}")
    left_out = [column for column in report["columns"] if not column["field"]]
    for column in left_out:
        remark = f": {column['remark']}" if column["remark"] else ""
        click.echo(f"Column {column['letter']} “{column['column']}” is left out{remark}")
    for note in report["notes"]:
        click.echo(note)
    for group in report["groups"][:_SHOWN_GROUPS]:
        rows = ", ".join(str(row) for row in group["first_rows"])
        more = " …" if group["rows"] > len(group["first_rows"]) else ""
        value = f" “{group['value']}”" if group["value"] else ""
        click.echo(
            f"{group['severity']}: {group['column']}{value}: {group['message']} (rows {rows}{more})"
        )
    if len(report["groups"]) > _SHOWN_GROUPS:
        click.echo(f"{len(report['groups']) - _SHOWN_GROUPS} more kinds of problems: see --json.")


@click.command(short_help="Write entries or sources to a file.")
@click.argument("file", type=click.File("wb", lazy=True), default="-")
@click.option("--kind", type=click.Choice(_KINDS), default="entry", show_default=True)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "xlsx"]),
    help="Default: what the file's name says, else csv.",
)
@click.option("--department", metavar="NAME", help="Only those of this organization.")
@click.option("--state", "states", metavar="STATE", multiple=True, help="Only those in this state.")
@common.as_filters
@common.as_user
@common.as_json
@common.inside_ckan
def export(
    file: BinaryIO,
    kind: str,
    file_format: str | None,
    department: str | None,
    states: tuple[str, ...],
    filters: dict[str, Any],
    user: str | None,
    json_wanted: bool,
) -> None:
    """Write all entries or sources that the account may read to FILE, as CSV or XLSX.

    With --json they are printed as JSON, with the fields' own names and values.
    In CSV a text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    if department:
        filters["department"] = [_organization(department)]
    if states:
        filters["state"] = list(states)
    if json_wanted:
        common.emit(list(_records(kind, user, filters)))
        return
    file_format = file_format or ("xlsx" if file.name.lower().endswith(".xlsx") else "csv")
    written = common.call("inventory_export", user, kind=kind, format=file_format, **filters)
    file.write(base64.b64decode(written["content"]))


def _records(kind: str, user: str | None, filters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Pages of the list, which only holds what the account may read, with the texts beside."""
    progress: common.Progress | None = None
    offset = 0
    while True:
        page = common.call(
            f"inventory_{kind}_list",
            user,
            sort="number",
            facets=False,
            limit=_PAGE,
            offset=offset,
            **filters,
        )
        progress = progress or common.Progress("Reading", page["count"])
        rows = page["results"]
        texts = register.current_contents(common.session(), [row["id"] for row in rows])
        for row in rows:
            yield {
                "number": row["number"],
                "state": row["state"],
                "department": row["department_name"],
                "sources": [source["number"] for source in row["sources"]],
                "content": texts.get(row["id"], {}),
            }
        progress.step(len(rows))
        offset += len(rows)
        if not rows or offset >= page["count"]:
            return


def _organization(reference: str) -> str:
    shown = common.call(
        "organization_show", None, id=reference, include_datasets=False, include_users=False
    )
    return str(shown["id"])
