"""What the page that reviews a file says of its problems: what to fix, where one box fixes many, and the rest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ckanext.inventory.spreadsheets.messages import CUT

Plain = dict[str, Any]

FIX = "fix-"
FIX_ALL = "fixall-"
"""Begin the names of the boxes for one cell, and for all cells of a column that say the same."""

NAMED_ROWS = 8
"""Rows that a line for many cells names."""


@dataclass
class Spot:
    """A cell, or a whole row, that has to be fixed or may be.

    :param problem: what is wrong with it, the first of it
    :param messages: all that is wrong with it
    :param name: of its box; empty without one
    :param given: the fix that stands in it
    :param row: its row of the preview, where an error holds it
    :param asks: it has the box that leaves its row out
    """

    problem: Plain
    messages: list[str]
    name: str = ""
    given: str = ""
    row: Plain | None = None
    asks: bool = False

    @property
    def left_out(self) -> bool:
        """Whether its row stays out."""
        return self.row is not None and self.row["left_out"]


EACH = 20
"""Cells of a line for many that have a box of their own, too."""


@dataclass
class Line:
    """A line of the table: one cell, or all cells of a column that say the same.

    :param spots: its cells
    :param name: of the box that fixes all of them; empty for one cell, which has its own
    :param given: the fix that stands in it
    """

    spots: list[Spot]
    name: str = ""
    given: str = ""

    @property
    def first(self) -> Spot:
        """What stands for all of them."""
        return self.spots[0]

    @property
    def each(self) -> list[Spot]:
        """The cells that are asked about one by one, besides."""
        return self.spots[:EACH]

    @property
    def rows(self) -> str:
        """The rows, as many as are named."""
        named = [str(spot.problem["row"]) for spot in self.spots[:NAMED_ROWS]]
        return ", ".join(named) + (" …" if len(self.spots) > NAMED_ROWS else "")


@dataclass
class Remark:
    """Something that stays out or as it is, with nothing to do here.

    :param problem: the first row that it is about
    :param rows: the rows that it is about
    """

    problem: Plain
    rows: list[int] = field(default_factory=list[int])

    @property
    def places(self) -> str:
        """The rows, as many as are named."""
        named = ", ".join(str(row) for row in self.rows[:NAMED_ROWS])
        return named + (" …" if len(self.rows) > NAMED_ROWS else "")


@dataclass
class Found:
    """What the page shows.

    :param lines: what to fix
    :param cells: how many cells and rows that is
    :param remarks: what else there is to say
    :param fixed: cells that are fixed
    :param warnings: cells that stay as they are, or out
    """

    lines: list[Line]
    cells: int
    remarks: list[Remark]
    fixed: list[Plain]
    warnings: int


def sorted_out(
    report: Mapping[str, Any], rows: Mapping[str, Plain], choices: Mapping[str, Any]
) -> Found:
    """Tell what to fix from what is only to be known.

    :param report: an answer of ``inventory_import_preview``
    :param rows: its rows by place
    :param choices: the choices made so far
    """
    fixes: Mapping[str, str] = choices.get("fixes") or {}
    spots: dict[str, Spot] = {}
    remarks: dict[tuple[Any, ...], Remark] = {}
    for problem in report["problems"]:
        row = rows.get(problem["where"]) if problem["severity"] == "error" else None
        asked = not report["ours"] and problem["severity"] == "error" and not problem["row"]
        if problem["field"] or row is not None or asked:
            key = f"{problem['where']}!{problem['field'] or problem['column']}"
            spot = spots.setdefault(key, Spot(problem, []))
            if problem["message"] not in spot.messages:
                spot.messages.append(problem["message"])
            spot.row = spot.row or row
            if problem["field"]:
                spot.name, spot.given = f"{FIX}{key}", fixes.get(key, "")
            continue
        about = (problem["sheet"], problem["column"], problem["message"], problem["value"])
        remark = remarks.setdefault(about, Remark(problem))
        if problem["row"] is not None:
            remark.rows.append(problem["row"])
    lines = _lines(spots.values(), choices, report.get("offered") or {})
    open_spots = [spot for spot in spots.values() if not spot.left_out]
    shown = {spot.name.removeprefix(FIX) for spot in spots.values()}
    alike = {line.name for line in lines if line.name}
    return Found(
        sorted(lines, key=_place_in_line),
        len(open_spots),
        list(remarks.values()),
        [fix for fix in map(_named, report["fixed"]) if _is_through(fix, shown, alike)],
        sum(spot.row is None and bool(spot.name) for spot in open_spots),
    )


def drawn(lines: Iterable[Line]) -> set[str]:
    """Give each row that an error holds one box that leaves it out.

    :param lines: the lines that are shown
    :returns: the places of these rows
    """
    places = set[str]()
    for line in lines:
        for spot in line.each:
            if spot.row is not None and spot.row["where"] not in places:
                spot.asks = True
                places.add(spot.row["where"])
    return places


def _lines(
    spots: Iterable[Spot], choices: Mapping[str, Any], offered: Mapping[str, Any]
) -> list[Line]:
    """Put cells of a column that say the same, and of which the same is said, into one line."""
    alike: dict[tuple[Any, ...], Line] = {}
    for spot in spots:
        problem = spot.problem
        same = (problem["sheet"], problem["field"], problem["cell"], *spot.messages)
        # A fix of its own is nobody else's, and every empty cell is another question, unless it is answered
        # from a list, or the file has no column for it at all.
        lacking = problem["no_column"] and not problem["number"]
        asks_alike = problem["cell"] or problem["field"] in offered or lacking
        # Of long texts only the beginning is known here, which may be that of different ones.
        long = problem["cell"].endswith(CUT)
        alone = not (spot.name and asks_alike) or spot.given or long
        key = (*same, problem["where"]) if alone else same
        alike.setdefault(key, Line([])).spots.append(spot)
    given: Mapping[str, Mapping[str, str]] = choices.get("fixes_all") or {}
    for line in alike.values():
        problem = line.first.problem
        fix = given.get(f"{problem['sheet']}!{problem['field']}", {}).get(problem["cell"], "")
        if line.first.name and not line.first.given and (len(line.spots) > 1 or fix):
            line.name = name_for_all(problem["sheet"], problem["field"], problem["cell"])
            line.given = fix
    return list(alike.values())


def _place_in_line(line: Line) -> tuple[bool, bool, int]:
    """Put what holds a row first, then what settles most at once, and what is left out last."""
    left_out = all(spot.left_out for spot in line.spots)
    return left_out, line.first.row is None, -len(line.spots)


def name_for_all(sheet: str, name: str, cell: str) -> str:
    """Name the box that fixes all cells of a column that say the same.

    :param sheet: the sheet
    :param name: the field
    :param cell: what they say
    """
    return FIX_ALL + json.dumps([sheet, name, cell], ensure_ascii=False)


def _place_in_name(name: str) -> tuple[str, str, str] | None:
    """Read what a box fixes from its name; None for a name that no box of ours has."""
    try:
        given: Any = json.loads(name.removeprefix(FIX_ALL))
    except ValueError:
        return None
    parts = cast("list[Any]", given) if isinstance(given, list) else []
    if len(parts) != 3 or not all(isinstance(part, str) for part in parts):
        return None
    return parts[0], parts[1], parts[2]


def fixes_all(form: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Read the boxes that fix many cells.

    :param form: what was sent
    :returns: as ``fixes_all`` takes it; an empty text takes a fix back
    """
    found: dict[str, dict[str, str]] = {}
    for name, written in form.items():
        if not name.startswith(FIX_ALL):
            continue
        place = _place_in_name(name)
        if place is not None:
            sheet, column, cell = place
            found.setdefault(f"{sheet}!{column}", {})[cell] = written.strip()
    return found


def _named(fix: Plain) -> Plain:
    if fix["where"] is None:
        return fix | {"name": name_for_all(fix["sheet"], fix["field"], fix["cell"])}
    return fix | {"name": f"{FIX}{fix['where']}!{fix['field']}"}


def _is_through(fix: Plain, shown: set[str], alike: set[str]) -> bool:
    """Tell whether nothing is wrong with a fix, so that no line of the table holds its box."""
    return fix["name"].removeprefix(FIX) not in shown and fix["name"] not in alike
