"""The round trip on the command line: ``ckan inventory workbook`` and ``bring``."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, BinaryIO

import click

from ckanext.inventory.cli import common
from ckanext.inventory.cli.exchange import as_columns, pairs

_SHOWN = 40
_FORMATS = ("xlsx", "csv", "json")


def _format_of(name: str) -> str:
    """Tell by its ending what a file is to be; standard output takes a workbook."""
    if name in ("-", "<stdout>"):
        return "xlsx"
    ending = PurePath(name).suffix.lower().removeprefix(".")
    if ending not in _FORMATS:
        raise click.UsageError(
            f'A workbook is written to a file ending in .xlsx, .csv or .json; "{name}" is none.'
        )
    return ending


@click.command(short_help="Write a workbook that can be edited and brought back.")
@click.argument("file", type=click.File("wb", lazy=True))
@click.option(
    "--department",
    "departments",
    metavar="NAME",
    multiple=True,
    help="Name, id or code; several times for several; without it the whole city.",
)
@click.option("--sheet", default="datasets", show_default=True, help="The sheet, for CSV.")
@click.option("--state", "states", metavar="STATE", multiple=True, help="Only those in this state.")
@click.option("--empty", is_flag=True, help="No rows, a form to fill in.")
@common.as_filters
@common.as_user
@common.inside_ckan
def workbook(
    file: BinaryIO,
    departments: tuple[str, ...],
    sheet: str,
    states: tuple[str, ...],
    empty: bool,
    filters: dict[str, Any],
    user: str | None,
) -> None:
    """Write what the account may read to FILE, whose ending says how: .xlsx, .csv or .json.

    The file carries what "bring" needs to see every changed cell.
    """
    wanted = _format_of(file.name)
    if departments:
        filters["department"] = list(departments)
    if states:
        filters["state"] = list(states)
    found = common.call(
        "inventory_workbook",
        user,
        sheet=sheet,
        empty=empty,
        format=wanted,
        **filters,
    )
    file.write(base64.b64decode(found["content"]))
    common.say(f"Wrote {file.name}.")


@dataclass(frozen=True)
class _Alike:
    """What was typed for all cells that say the same, in every way that it can be read.

    Both the name of a sheet and the text of a cell may hold the sign that divides them.

    :param typed: as it was typed
    :param readings: column, and what its cells say; those of longer sheets' names first
    :param fix: what stands for them
    """

    typed: str
    readings: tuple[tuple[str, str], ...]
    fix: str


_COLUMN_AND_TEXT = re.compile(r"!(@\d+|[a-z]\w*)!", re.ASCII)


def _alike(
    _context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> list[_Alike]:
    """Read ``SHEET!FIELD!TEXT=FIX``."""
    found: list[_Alike] = []
    for value in values:
        place, sign, fix = value.rpartition("=")
        at = (_COLUMN_AND_TEXT.match(place, start) for start in range(len(place)))
        readings = [(place[: m.end() - 1], place[m.end() :]) for m in at if m is not None]
        if not (sign and readings and fix.strip()):
            raise click.BadParameter(f'"{value}" has to be {option.metavar}.')
        found.append(_Alike(value, tuple(reversed(readings)), fix))
    return found


_CELL = re.compile(r"(?P<place>.*?!\d+!(?:@\d+|[a-z]\w*))=(?P<text>.*)", re.ASCII | re.DOTALL)


def _cells(
    _context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Read ``SHEET!ROW!FIELD=TEXT``: the name of a sheet may hold either sign, and so may the text."""
    found: dict[str, str] = {}
    for value in values:
        read = _CELL.fullmatch(value)
        if read is None or not read["text"].strip():
            raise click.BadParameter(f'"{value}" has to be {option.metavar}.')
        found[read["place"]] = read["text"]
    return found


def _texts(alike: Iterable[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    """Put fixes for all cells that say the same together as the action takes them."""
    found: dict[str, dict[str, str]] = {}
    for column, text, fix in alike:
        found.setdefault(column, {})[text] = fix
    return found


def _settled(
    found: dict[str, Any], fixes: dict[str, str], alike: list[_Alike], user: str | None
) -> dict[str, Any]:
    """Refuse fixes that fit no cell of the file, and take back those readings that fit none."""
    fitting = {f"{fix['where']}!{fix['field']}" for fix in found["fixed"] if fix["fits"]}
    columns = {
        (f"{fix['sheet']}!{fix['field']}", fix["cell"])
        for fix in found["fixed"]
        if fix["where"] is None and fix["fits"]
    }
    meant = {one.typed: next((r for r in one.readings if r in columns), None) for one in alike}
    strange = [f"{place}={text}" for place, text in fixes.items() if place not in fitting]
    strange += [typed for typed, reading in meant.items() if reading is None]
    if strange:
        common.call("inventory_import_discard", user, id=found["id"])
        named = ", ".join(f'"{typed}"' for typed in strange)
        raise click.UsageError(f"No cell of the file is fixed by {named}.")
    others = {r for one in alike for r in one.readings} - set(meant.values())
    if not others:
        return found
    return common.call(
        "inventory_import_preview",
        user,
        id=found["id"],
        fixes_all=_texts((column, text, "") for column, text in others),
        now=True,
    )


@click.command(short_help="Bring an edited workbook back: see every changed cell, then save.")
@click.argument("file", type=click.File("rb"))
@click.option("--department", metavar="NAME", help="Where the file doesn't tell.")
@click.option("--kind", type=click.Choice(["entry", "source"]), help="Of a list that isn't ours.")
@click.option("--sheet", "sheets", metavar="NAME", multiple=True, help="Read these sheets only.")
@as_columns
@click.option(
    "--conflicts",
    type=click.Choice(["mine", "stored"]),
    help="Where both sides changed a cell: take the file's, or keep what is stored.",
)
@click.option(
    "--is",
    "departments",
    metavar="NAME=DEPARTMENT",
    multiple=True,
    callback=pairs,
    help="Which department a name in the file stands for; nothing behind = leaves its rows out.",
)
@click.option(
    "--leave-out",
    is_flag=True,
    help="Leave rows with errors, and those of departments that aren't known, out.",
)
@click.option(
    "--same",
    is_flag=True,
    help="Take the changes of new rows whose very name or ID is there; else they are left out.",
)
@click.option(
    "--same-as",
    "answers",
    metavar="ROW=NUMBER",
    multiple=True,
    callback=pairs,
    help="Which record a new row is, as “Datasets!14=PARKS-0007”; “new” or “out” instead of the number.",
)
@click.option(
    "--fix",
    "fixes",
    metavar="PLACE=TEXT",
    multiple=True,
    callback=_cells,
    help="What stands for a cell, as “Datasets!14!owner_org=Parks”; the place follows its problem.",
)
@click.option(
    "--fix-all",
    "fixes_all",
    metavar="COLUMN!TEXT=FIX",
    multiple=True,
    callback=_alike,
    help="What stands for all cells of a column that say TEXT, as “Datasets!value!Hgh=High”.",
)
@click.option("--submit", is_flag=True, help="Submit new rows that have what it takes.")
@click.option("--save", is_flag=True, help="Save; without it nothing changes.")
@common.as_user
@common.as_json
@common.inside_ckan
def bring(
    file: BinaryIO,
    department: str | None,
    kind: str | None,
    sheets: tuple[str, ...],
    columns: dict[str, str],
    conflicts: str | None,
    departments: dict[str, str],
    leave_out: bool,
    same: bool,
    answers: dict[str, str],
    fixes: dict[str, str],
    fixes_all: list[_Alike],
    submit: bool,
    save: bool,
    user: str | None,
    json_wanted: bool,
) -> None:
    """Compare FILE cell by cell with what is stored now and what was downloaded.

    All of it is saved together, or nothing. The exit status is 1 as long as a row, a department
    or a conflict has to be settled. Cells that weren't understood are named and stay as they are.
    """
    found: dict[str, Any] = common.call(
        "inventory_import_preview",
        user,
        upload=file,
        filename=file.name.rsplit("/", 1)[-1],
        department=department,
        kind=kind,
        sheets=list(sheets) or None,
        columns=columns or None,
        all_conflicts=conflicts,
        submit=["all"] if submit else None,
        departments={**({"*": ""} if leave_out else {}), **departments} or None,
        left_out=["all"] if leave_out else None,
        fixes=fixes or None,
        fixes_all=_texts((*r, one.fix) for one in fixes_all for r in one.readings) or None,
        same={**({"all": "same"} if same else {}), **answers} or None,
        now=True,
    )
    found = _settled(found, fixes, fixes_all, user)
    done: dict[str, Any] | None = None
    if save and found["can_save"]:
        done = common.call(
            "inventory_import_save",
            user,
            id=found["id"],
            fingerprint=found["fingerprint"],
            now=True,
        )
    else:
        common.call("inventory_import_discard", user, id=found["id"])
    common.conclude(
        done or found,
        lambda _outcome: _print(found, done, asked=save),
        json_wanted,
        failed=done is None and bool(_missing(found)),
    )


def _print(found: dict[str, Any], done: dict[str, Any] | None, *, asked: bool) -> None:
    counts = found["counts"]
    click.echo(
        f"{counts['read']} rows: {counts['new']} new, {counts['changed']} changed "
        f"({counts['changed_cells']} cells), {counts['unchanged']} unchanged, "
        f"{counts['left_out']} left out, {counts['missing']} not in the file."
    )
    for note in found["notes"]:
        click.echo(f"note: {note}")
    shown = 0
    for row in found["rows"]:
        for cell in row["cells"]:
            if shown < _SHOWN and cell["outcome"] != "unchanged":
                mark = "" if cell["goes_in"] else f" [{cell['outcome']}]"
                old, new = _short(cell["stored"]), _short(cell["file"])
                click.echo(f"{row['number']} {cell['label']}: {old} → {new}{mark}")
                shown += 1
    alike = [row for row in found["rows"] if row["same"] and row["number"] is None]
    for row in alike[:_SHOWN]:
        known, taken_for = row["same"], "is left out" if row["left_out"] else "goes in as a new one"
        click.echo(
            f"{row['where']} “{row['title']}” looks like {known['number']} “{known['title']}” and "
            f"{taken_for}. Say what it is with --same-as."
        )
    for named in found["departments_named"]:
        if named["chosen"] is None:
            click.echo(
                f"Department “{named['title']}” ({named['rows']} rows): say which one it is."
            )
    for problem in found["problems"][:_SHOWN]:
        row = f"row {problem['row']}" if problem["row"] else ""
        place = ", ".join(part for part in (problem["sheet"], row, problem["column"]) if part)
        hint = f" Did you mean “{problem['suggestion']}”?" if problem["suggestion"] else ""
        fix = f" [{problem['where']}!{problem['field']}]" if problem["field"] else ""
        click.echo(f"{problem['severity']}: {place or 'file'}: {problem['message']}{hint}{fix}")
    for name, texts in found["offered"].items():
        click.echo(f"For --fix of {name} choose from: {', '.join(texts)}.")
    if done is not None:
        click.echo(f"Saved as {done['id']}.")
        return
    missing = _missing(found)
    if missing:
        click.echo("\n".join(["Nothing was saved. First settle:", *missing]))
    elif found["can_save"]:
        click.echo("Nothing was saved. Add --save.")
    elif asked:
        click.echo("Nothing was saved: there is nothing to save.")


def _missing(found: dict[str, Any]) -> list[str]:
    """Say what has to be settled before a file can be saved, and how."""
    counts = found["counts"]
    of_file = sum(one["severity"] == "error" and not one["where"] for one in found["problems"])
    held, strange, open_ones = counts["held"], counts["strange"], counts["conflicts"]
    return [
        line
        for number, line in (
            (
                not found["can_save"] and of_file,
                "The error of the file above: fix the file, or say what a column holds with --column.",
            ),
            (
                held,
                "1 row with an error: fix the file, or leave it out with --leave-out."
                if held == 1
                else f"{held} rows with errors: fix the file, or leave them out with --leave-out.",
            ),
            (
                held and any(one["field"] for one in found["problems"]),
                "A cell whose place follows its problem is also fixed with --fix PLACE=TEXT; all that say the "
                "same with --fix-all.",
            ),
            (
                strange,
                "1 department that isn't known: say which one it is with --is, or leave its rows "
                "out with --leave-out."
                if strange == 1
                else f"{strange} departments that aren't known: say which ones they are with --is, "
                "or leave their rows out with --leave-out.",
            ),
            (
                open_ones,
                f"{open_ones} {'cell' if open_ones == 1 else 'cells'} changed on both sides: take "
                "--conflicts mine (the file's) or --conflicts stored (what is stored now).",
            ),
        )
        if number
    ]


def _short(text: str) -> str:
    line = " ".join(text.split()) or "(empty)"
    return line if len(line) <= 60 else f"{line[:59]}…"
