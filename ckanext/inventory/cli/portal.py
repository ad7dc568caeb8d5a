"""Putting entries on the portal: ``ckan inventory promote``."""

from __future__ import annotations

from typing import Any, BinaryIO

import click
from werkzeug.datastructures import FileStorage

from ckanext.inventory.cli import common


def _pairs(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> Any:
    """Read ``KEY=VALUE``."""
    pairs = [value.partition("=") for value in values]
    wrong = [key for key, sign, _ in pairs if not (sign and key)]
    if wrong:
        raise click.BadParameter(f'"{wrong[0]}" has to be KEY=VALUE.')
    return {key: text for key, _, text in pairs}


@click.command(short_help="Put an approved entry on the portal.")
@click.argument("entry", metavar="NUMBER")
@click.option("--revision", type=int, help="The revision that you looked at; another is refused.")
@click.option("--file", "files", type=click.File("rb"), multiple=True, help="Data to upload.")
@click.option("--link", "links", metavar="URL", multiple=True, help="Address of data.")
@click.option("--metadata-only", is_flag=True, help="Say expressly that no data goes with it.")
@click.option("--dataset", metavar="NAME", help="Link this dataset instead of making one.")
@click.option("--external", metavar="URL", help="It is published at this address, not here.")
@click.option("--organization", metavar="NAME", help="The organization that publishes.")
@click.option("--name", metavar="NAME", help="Last part of the public address.")
@click.option("--license", "license_id", metavar="ID", help="Licence, if not the inherited one.")
@click.option(
    "--set",
    "extra",
    metavar="KEY=VALUE",
    multiple=True,
    callback=_pairs,
    help="What else is asked.",
)
@click.option("--comment", metavar="TEXT", help="Words for the history.")
@click.option("--dry-run", is_flag=True, help="Show what the public would get; change nothing.")
@common.as_user
@common.as_json
@common.inside_ckan
def promote(
    entry: str,
    revision: int | None,
    files: tuple[BinaryIO, ...],
    links: tuple[str, ...],
    metadata_only: bool,
    dataset: str | None,
    external: str | None,
    organization: str | None,
    name: str | None,
    license_id: str | None,
    extra: dict[str, str],
    comment: str | None,
    dry_run: bool,
    user: str | None,
    json_wanted: bool,
) -> None:
    """Put the approved entry NUMBER on the portal, or carry approved changes over.

    Name the revision that you looked at, as `--dry-run` or the entry's page shows it.
    """
    if dataset and external:
        raise click.UsageError("Give --dataset or --external, not both.")
    resources: list[dict[str, Any]] = [{"url": link} for link in links]
    resources += [{"upload": FileStorage(file, file.name.rsplit("/", 1)[-1])} for file in files]
    publication: dict[str, Any] = {
        "mode": "linked" if dataset else "external" if external else None,
        "dataset": dataset,
        "url": external,
        "organization": organization,
        "name": name,
        "license_id": license_id,
        "resources": resources,
        "metadata_only": metadata_only,
        "extra": extra,
    }
    if dry_run:
        _preview(entry, publication, user, json_wanted)
        return
    if revision is None:
        raise click.UsageError("Name the revision that you looked at: --revision N.")
    done = common.call(
        "inventory_transition",
        user,
        id=entry,
        transition="promote",
        revision=revision,
        comment=comment,
        publication=publication,
    )
    shown = common.call("inventory_entry_show", user, id=entry)
    common.conclude(
        {"entry": done, "link": shown["link"]},
        lambda _outcome: click.echo(f"{done['number']} {done['title']} is on the portal."),
        json_wanted,
    )


def _preview(entry: str, publication: dict[str, Any], user: str | None, json_wanted: bool) -> None:
    preview = common.call("inventory_promotion_preview", user, id=entry, publication=publication)
    revision = common.call("inventory_entry_show", user, id=entry)["revision"]
    outcome = {"revision": revision, **preview}
    common.conclude(outcome, _print_preview, json_wanted, failed=bool(preview["problems"]))


def _print_preview(outcome: dict[str, Any]) -> None:
    click.echo(f"Revision {outcome['revision']}. The public would get:")
    for field in outcome["fields"]:
        click.echo(f"  {field['label']}: {field['value']}")
    for key, messages in outcome["problems"].items():
        for message in messages:
            click.echo(f"Not yet: {key}: {message}")
