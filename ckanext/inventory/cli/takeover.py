"""Taking over what exists: ``ckan inventory take-over …``."""

from __future__ import annotations

import functools
from typing import Any, BinaryIO

import click

from ckanext.inventory.cli import common

_SHOWN = 20


def _pairs(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> Any:
    """Read ``A=B``."""
    pairs = [value.rpartition("=") for value in values]
    wrong = [value for value, (_a, sign, _b) in zip(values, pairs, strict=True) if not sign]
    if wrong:
        raise click.BadParameter(f'"{wrong[0]}" has to be {option.metavar}.')
    return {left: right for left, _sign, right in pairs}


@click.group("take-over", short_help="Take over the portal's datasets or an older inventory.")
def take_over() -> None:
    """Take over what exists, as decided before this system."""


@take_over.command(short_help="List datasets that are not in the inventory, or take them in.")
@click.option("--dataset", "datasets", metavar="NAME", multiple=True, help="Take in this one.")
@click.option(
    "--organization", "organizations", metavar="NAME", multiple=True, help="Take in all of its."
)
@click.option("--all", "everything", is_flag=True, help="Take in every dataset of the portal.")
@click.option("--department", metavar="NAME", help="The department that gets them.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@common.as_user
@common.as_json
@common.inside_ckan
def portal(
    datasets: tuple[str, ...],
    organizations: tuple[str, ...],
    everything: bool,
    department: str | None,
    dry_run: bool,
    user: str | None,
    json_wanted: bool,
) -> None:
    """Make entries from datasets that are on the portal, linked to them.

    Without an option that says which, list those that are not in the inventory. The exit status is 1
    if some can't be taken in.
    """
    if not (datasets or organizations or everything):
        found = common.call("inventory_portal_missing", user, limit=1000)
        common.conclude(found, _print_missing, json_wanted)
        return
    done = common.call(
        "inventory_take_over_portal",
        user,
        datasets=list(datasets) or None,
        organizations=list(organizations) or None,
        all=everything,
        department=department,
        dry_run=dry_run,
    )
    verb = "Would make" if dry_run else "Made"
    common.conclude(
        done, functools.partial(_print_adopted, verb), json_wanted, failed=bool(done["refused"])
    )


def _print_missing(found: dict[str, Any]) -> None:
    click.echo(f"{found['count']} datasets are not in the inventory.")
    rows = [
        (row["name"], row["title"], row["organization_title"] or "–") for row in found["results"]
    ]
    if rows:
        common.table(rows, ("name", "title", "organization"))


def _print_adopted(verb: str, done: dict[str, Any]) -> None:
    click.echo(f"{verb} {done['count']} entries.")
    for row in done["refused"]:
        click.echo(f"{row['name']}: {' '.join(row['messages'])}")


@take_over.command("file", short_help="Take over an older inventory with its past states.")
@click.argument("file", type=click.File("rb"))
@click.option("--department", metavar="NAME", help="Name, id or code; without it a column tells.")
@click.option(
    "--past",
    metavar="PART=HEADER",
    multiple=True,
    callback=_pairs,
    help="Column that says the state, date, reason, look_again, dataset or url.",
)
@click.option(
    "--state",
    "states",
    metavar="WORD=STATE",
    multiple=True,
    callback=_pairs,
    help="A word's state.",
)
@click.option("--sheet", "sheets", metavar="NAME", multiple=True, help="Read these sheets only.")
@click.option("--day-first", is_flag=True, help="3/4/2020 is the third of April.")
@click.option("--create-departments", is_flag=True, help="Make departments that nobody knows.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@common.as_user
@common.as_json
@common.inside_ckan
def take_over_file(
    file: BinaryIO,
    department: str | None,
    past: dict[str, str],
    states: dict[str, str],
    sheets: tuple[str, ...],
    day_first: bool,
    create_departments: bool,
    dry_run: bool,
    user: str | None,
    json_wanted: bool,
) -> None:
    """Take over FILE (CSV, TSV, XLSX, XLS or ODS) with its past states, days, reasons and links.

    The exit status is 1 if a word of its states means nothing yet, or rows have errors.
    """
    common.say(f"Reading {file.name} …")
    report = common.call(
        "inventory_take_over",
        user,
        upload=file,
        filename=file.name.rsplit("/", 1)[-1],
        department=department,
        past=past or None,
        states=states or None,
        sheets=list(sheets) or None,
        day_first=day_first or None,
        create_departments=create_departments,
        dry_run=dry_run,
    )
    unsaid = any(word["state"] is None for word in report["words"])
    common.conclude(report, _print, json_wanted, failed=bool(report["refused"]) or unsaid)


def _print(report: dict[str, Any]) -> None:
    verb = "Would take over" if report["dry_run"] else "Took over"
    click.echo(
        f"{verb} {report['created']} of {report['total']} rows; "
        f"{report['skipped_count']} skipped, {report['refused']} with errors."
    )
    common.table(
        [
            (word["word"] or "(empty)", word["rows"], word["state"] or "?", word["how"] or "say it")
            for word in report["words"]
        ],
        ("the file says", "rows", "here", "how"),
    )
    click.echo(f"{report['linked']} linked here, {report['external']} with an address elsewhere.")
    for name, text in (
        ("nowhere", "published, without dataset and address: approved"),
        ("not_found", "not found on this portal"),
        ("several", "several datasets have this address"),
    ):
        for row in report[name][:_SHOWN]:
            click.echo(f"Row {row['row']} “{row['title']}” {row['reference']}: {text}")
        if len(report[name]) > _SHOWN:
            click.echo(f"… and {len(report[name]) - _SHOWN} more: {text}")
    for item in report["shared"][:_SHOWN]:
        click.echo(f"{item['name']}: {len(item['titles'])} entries have this dataset")


@take_over.command(short_help="Link entries that exist to datasets that are on the portal.")
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--pair", "pairs", metavar="NUMBER=DATASET", multiple=True, help="Link these two.")
@click.option(
    "--above", metavar="PERCENT", help="Accept all so alike that fit nothing else as well."
)
@click.option(
    "--column",
    "columns",
    metavar="PART=HEADER",
    multiple=True,
    callback=_pairs,
    help="Column that says the number, title, external_id, dataset or url.",
)
@click.option("--sheet", "sheets", metavar="NAME", multiple=True, help="Read these sheets only.")
@click.option("--department", metavar="NAME", help="Only entries of this one: name, id or code.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@common.as_user
@common.as_json
@common.inside_ckan
def link(
    file: BinaryIO | None,
    pairs: tuple[str, ...],
    above: str | None,
    columns: dict[str, str],
    sheets: tuple[str, ...],
    department: str | None,
    dry_run: bool,
    user: str | None,
    json_wanted: bool,
) -> None:
    """Link entries to datasets, by the rows of FILE, by pairs, or by how alike they are.

    Without any of these, list suggestions. The exit status is 1 if something is left out.
    """
    if sum((file is not None, bool(pairs), above is not None)) > 1:
        raise click.UsageError("Give FILE, --pair or --above, one of them.")
    if file is None and not pairs and above is None:
        found = common.call("inventory_link_suggestions", user, department=department, limit=1000)
        common.conclude(found, _print_suggestions, json_wanted)
        return
    done = common.call(
        "inventory_link_bulk",
        user,
        upload=file,
        filename=file.name.rsplit("/", 1)[-1] if file is not None else None,
        pairs=list(pairs) or None,
        above=above,
        columns=columns or None,
        sheets=list(sheets) or None,
        department=department,
        dry_run=dry_run,
    )
    common.conclude(done, _print_linked, json_wanted, failed=bool(done["left_out"]))


def _print_suggestions(found: dict[str, Any]) -> None:
    click.echo(f"{found['count']} suggestions; {found['distinct']} fit nothing else as well.")
    rows = [
        (
            f"{one['score']:.0%}",
            one["entry"]["number"],
            one["entry"]["title"],
            one["dataset"]["name"],
            "" if one["distinct"] else "not the only one",
        )
        for one in found["results"]
    ]
    if rows:
        common.table(rows, ("alike", "number", "entry", "dataset", ""))


def _print_linked(done: dict[str, Any]) -> None:
    verb = "Would link" if done["dry_run"] else "Linked"
    click.echo(f"{verb} {done['count']} entries.")
    for row in done["rows"][:_SHOWN]:
        where = row["dataset"]["name"] if row["dataset"] else row["url"]
        click.echo(f"{row['entry']['number']} → {where}")
    if len(done["rows"]) > _SHOWN:
        click.echo(f"… and {len(done['rows']) - _SHOWN} more")
    for item in done["shared"][:_SHOWN]:
        click.echo(f"{item['dataset']['name']} has several entries: {', '.join(item['numbers'])}")
    for row in done["left_out"][:_SHOWN]:
        place = f"Row {row['row']}: " if row["row"] else ""
        click.echo(f"{place}{row['named']} {row['reference']}: {row['message']}")
    if len(done["left_out"]) > _SHOWN:
        click.echo(f"… and {len(done['left_out']) - _SHOWN} more left out")
