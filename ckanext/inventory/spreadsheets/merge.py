"""The three-way comparison: what was downloaded, what is stored now, what the file says.

Pure. A cell that only the file changed goes in; one that only somebody here changed stays; one that both
changed to different things is a conflict that a person settles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ckanext.inventory.fields import UNORDERED_KINDS, FieldSpec, canonical_json
from ckanext.inventory.types import Word

MINE = "mine"
STORED = "stored"
"""How a conflict is settled: take the file's cell, or keep what is there."""

CHOICES = (MINE, STORED)
SEEN = "@"
"""Stands between a choice and the mark of the stored value that was seen when it was made."""


def mark_of(value: Any) -> str:
    """Return a short mark of a stored value, to tell whether it is still the one that was seen.

    :param value: the value
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:12]


def choice_on(choice: str, stored: Any) -> str:
    """Return what a choice on a conflict comes to, given what is stored now.

    :param choice: ``mine`` or ``stored``, alone or with ``@`` and the mark of what was stored then
    :param stored: what is stored now
    :returns: ``mine`` or ``stored``; empty if nothing was chosen, or if something else is stored by now
    """
    chosen, seen, mark = choice.partition(SEEN)
    if chosen not in CHOICES or (seen and mark != mark_of(stored)):
        return ""
    return chosen


class Outcome(Word):
    """What becomes of a cell.

    ``kept``: only somebody here changed it, so that it stays. ``proposed``: a reviewer confirmed
    another value, which stays in force; the file's is stored as the department's proposal.
    ``follows``: the inventory answers it from other cells.
    """

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    KEPT = "kept"
    CONFLICT = "conflict"
    REFUSED = "refused"
    PROPOSED = "proposed"
    FOLLOWS = "follows"


Same = Callable[[Any, Any], bool]


def same_value(spec: FieldSpec | None) -> Same:
    """Return the comparison of two values of a field.

    :param spec: the field; None compares as they are
    """
    unordered = spec is not None and spec.kind in UNORDERED_KINDS

    def same(one: Any, other: Any) -> bool:
        one = None if one in ("", []) else one
        other = None if other in ("", []) else other
        if one == other:
            return True
        if unordered and isinstance(one, list) and isinstance(other, list):
            items, others = cast("list[Any]", one), cast("list[Any]", other)
            return sorted(map(str, items)) == sorted(map(str, others))
        return False

    return same


def three_way(base: Any, stored: Any, file: Any, same: Same) -> Outcome:
    """Compare one cell.

    :param base: its value when the file was downloaded
    :param stored: its value now
    :param file: its value in the file
    :param same: tells whether two values are the same
    :returns: unchanged, changed, kept or conflict
    """
    if same(file, stored):
        return Outcome.UNCHANGED
    if same(file, base):
        return Outcome.KEPT
    if same(stored, base):
        return Outcome.CHANGED
    return Outcome.CONFLICT


@dataclass(frozen=True)
class Cell:
    """One cell of a known record, compared.

    :param key: the field, ``field/row/column`` for a cell of a field of rows, or the mark
    :param label: what people read
    :param base: its value when the file was downloaded
    :param stored: its value now
    :param file: its value in the file
    :param outcome: what becomes of it
    :param chosen: how a conflict was settled, empty as long as it isn't
    :param reason: why it is refused, or what to know of it
    """

    key: str
    label: str
    base: Any
    stored: Any
    file: Any
    outcome: Outcome
    chosen: str = ""
    reason: str = ""

    @property
    def goes_in(self) -> bool:
        """Whether the file's value is stored."""
        if self.outcome is Outcome.CONFLICT:
            return self.chosen == MINE
        return self.outcome in (Outcome.CHANGED, Outcome.PROPOSED)

    @property
    def open(self) -> bool:
        """Whether somebody still has to choose."""
        return self.outcome is Outcome.CONFLICT and not self.chosen


def compare(
    key: str,
    label: str,
    spec: FieldSpec | None,
    values: tuple[Any, Any, Any],
    *,
    chosen: str = "",
    proposal: bool = False,
) -> Cell:
    """Compare one cell that somebody wrote into.

    :param key: as in :class:`Cell`
    :param label: as in :class:`Cell`
    :param spec: the field
    :param values: when downloaded, now, in the file
    :param chosen: how a conflict was settled, as :func:`choice_on` takes it
    :param proposal: a reviewer confirmed a value, so that the file's can only be a proposal
    """
    base, stored, file = values
    outcome = three_way(base, stored, file, same_value(spec))
    if proposal and outcome in (Outcome.CHANGED, Outcome.CONFLICT):
        outcome = Outcome.PROPOSED
    settled = choice_on(chosen, stored) if outcome is Outcome.CONFLICT else ""
    return Cell(key, label, base, stored, file, outcome, settled)


def apply(stored: Mapping[str, Any], cells: Sequence[Cell]) -> dict[str, Any]:
    """Return what a record holds once the accepted cells are in.

    :param stored: its content now
    :param cells: its compared cells; those of fields of rows are left to :func:`apply_rows`
    """
    merged = dict(stored)
    for cell in cells:
        if not cell.goes_in or "/" in cell.key:
            continue
        if cell.file in (None, "", []):
            merged.pop(cell.key, None)
        else:
            merged[cell.key] = cell.file
    return merged


Rows = Sequence[Mapping[str, Any]]


def compare_rows(
    spec: FieldSpec,
    rows: tuple[Rows, Rows],
    edits: Mapping[str, Mapping[str, Any]],
    settled: Callable[[str], str],
) -> list[Cell]:
    """Compare the cells of a field of rows; a row is known by its first column.

    :param spec: the field
    :param rows: its rows when downloaded, and now
    :param edits: key of a row to what the file changed in it, by column
    :param settled: key of a cell to how its conflict was settled
    """
    name = spec.subfields[0].name
    base, stored = ({str(row.get(name)): row for row in given} for given in rows)
    cells: list[Cell] = []
    for key, edited in edits.items():
        label = spec.subfields[0].label_of(key)
        for column in spec.subfields:
            if column.name not in edited:
                continue
            cell_key = f"{spec.name}/{key}/{column.name}"
            values = (
                base.get(key, {}).get(column.name),
                stored.get(key, {}).get(column.name),
                edited[column.name],
            )
            cells.append(
                compare(
                    cell_key, f"{label}: {column.label}", column, values, chosen=settled(cell_key)
                )
            )
    return cells


def apply_rows(
    spec: FieldSpec, base: Rows, stored: Rows, cells: Sequence[Cell]
) -> list[dict[str, Any]]:
    """Return the rows of a field once the accepted cells are in. No row is ever taken away.

    :param spec: the field
    :param base: its rows when the file was downloaded
    :param stored: its rows now
    :param cells: its compared cells
    """
    name = spec.subfields[0].name
    before = {str(row.get(name)): row for row in base}
    merged = {str(row.get(name)): dict(row) for row in stored}
    for cell in cells:
        field, _, rest = cell.key.partition("/")
        if field != spec.name or not cell.goes_in:
            continue
        key, _, column = rest.rpartition("/")
        row = merged.setdefault(key, {name: key, **before.get(key, {})})
        if cell.file in (None, "", []):
            row.pop(column, None)
        else:
            row[column] = cell.file
    return list(merged.values())
