"""What a saved import notes of itself besides its changes, and what somebody may read of that.

It notes what each column was taken for, and what didn't go in as it was written. No cell's text is among it:
a reason loses the sentences that quote one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import policy
from ckanext.inventory.fields import schema_for
from ckanext.inventory.model import Import, Record
from ckanext.inventory.service import search
from ckanext.inventory.service.imports import Prepared
from ckanext.inventory.service.roundtrip import Preview, RowPlan
from ckanext.inventory.spreadsheets import layout as layouts
from ckanext.inventory.spreadsheets.headers import Assignment
from ckanext.inventory.spreadsheets.merge import MINE, STORED, Outcome
from ckanext.inventory.spreadsheets.messages import Message, Problem, Severity
from ckanext.inventory.spreadsheets.places import Columns
from ckanext.inventory.types import ENTRY, Person

NOTED = "report"
"""Where the choices of an import hold what it notes."""

PROPOSED = "proposed"
"""Where what it notes holds the cells that only propose something."""

MOST = 200
"""Cells and rows that are noted one by one; of more only how many there are."""

UNCLEAR = Message("Not all of it was understood.")
OUT = Message("The row was left out.")
WRONG = Message("The row had an error and stayed out.")
THERE = Message("The row looked like a record that was there already, and stayed out.")
WHOLE = (OUT, WRONG, THERE)
"""Reasons that are about a whole row."""

KEPT_THERE = Message("It was changed on both sides: what was there was kept.")

Plain = dict[str, Any]


@dataclass(frozen=True)
class Taken:
    """What a column of the file was taken for.

    :param sheet: its sheet, empty for a text file
    :param header: its header as the file has it
    :param target: the field, part or mark; empty if it wasn't taken
    :param label: what people call that
    """

    sheet: str
    header: str
    target: str = ""
    label: str = ""


@dataclass(frozen=True)
class Stayed:
    """A cell, a whole row or a whole sheet that didn't go in as it was written.

    :param sheet: its sheet
    :param row: its row as the spreadsheet program shows it; 0 for a whole sheet
    :param header: the column as the file has it; empty for a whole row or sheet
    :param target: the field, part or mark; empty where it is none
    :param label: our name of it, where the file has no column for it
    :param package_id: the record, empty if it became none
    :param reason: why; nothing of what the file says
    :param number: the record's number, and its type, as far as somebody may read it
    :param deleted: the record has no page any more
    """

    sheet: str
    row: int
    header: str
    target: str
    label: str
    package_id: str
    reason: Message
    number: str = ""
    package_type: str = ""
    deleted: bool = False


@dataclass(frozen=True)
class Noted:
    """What an import noted, as far as somebody may read it.

    :param ours: it was a workbook of ours
    :param package_type: what a file that isn't ours lists
    :param saved_by: user id of who saved it
    :param columns: the columns of the file
    :param stayed: what didn't go in as it was written
    :param more: how much more of that there was than is noted one by one
    :param hidden: how much of what is noted is about records that they may not read
    """

    ours: bool
    package_type: str
    saved_by: str | None
    columns: Sequence[Taken]
    stayed: Sequence[Stayed]
    more: int
    hidden: int


# Noting


@dataclass
class _Told:
    """Collects what didn't go in, up to a number."""

    items: list[Stayed] = field(default_factory=list[Stayed])

    def note(self, saved_by: str | None, *, ours: bool, package_type: str) -> Plain:
        self.items.sort(key=lambda item: (item.sheet, item.row))
        return {
            "saved_by": saved_by,
            "ours": ours,
            "package_type": package_type,
            "stayed": [_stayed(item) for item in self.items[:MOST]],
            "stayed_total": len(self.items),
            "rows_out": sum(item.reason in WHOLE for item in self.items),
        }


def of_preview(found: Preview, person: Person) -> Plain:
    """Note what a preview that is saved says of its columns, and of what doesn't go in.

    :param found: the preview
    :param person: who saves it
    :returns: for the choices of the import
    """
    told = _Told()
    out = {(row.sheet, row.row) for row in found.rows if row.left_out}
    # A row of a sheet of rows comes after a record that stands at its place for want of its own.
    rows = {(row.sheet, row.row): row for row in found.rows}
    told.items += _not_understood(
        found.problems, out, found.places, lambda place: _becomes(rows.get(place))
    )
    told.items += (
        Stayed(row.sheet, row.row, "", "", "", _becomes(row), _why_out(row))
        for row in found.rows
        if row.left_out
    )
    told.items += (
        Stayed(item.sheet, item.row, "", "", "", "", THERE)
        for item in found.skipped
        if not item.taken
    )
    told.items += _kept_there(found)
    told.items += _unread(found.problems)
    columns = _ours(found) if found.ours else _of_list(found.columns, found.settled.package_type)
    noted = told.note(person.user_id, ours=found.ours, package_type=found.settled.package_type)
    return noted | {"columns": [_taken(item) for item in columns], PROPOSED: _proposed(found)}


def of_plan(prepared: Prepared, package_type: str, person: Person) -> Plain:
    """Note the same of a list that is planned and saved in one step.

    :param prepared: the plan
    :param package_type: what it lists
    :param person: who saves it
    :returns: for the choices of the import
    """
    plan, told = prepared.plan, _Told()
    made = {
        (row.sheet, row.number): record.package_id
        for row, record in zip(plan.rows, prepared.records, strict=True)
    }
    wrong = {
        (problem.sheet, problem.row)
        for problem in plan.problems
        if problem.severity is Severity.ERROR and problem.row is not None
    }
    told.items += _not_understood(plan.problems, wrong, {}, lambda place: made.get(place, ""))
    told.items += (Stayed(sheet, row, "", "", "", "", WRONG) for sheet, row in wrong if row)
    told.items += _unread(plan.problems)
    told.items += (
        Stayed(item.sheet, item.row, "", "", "", "", THERE)
        for item in plan.skipped
        if not item.taken
    )
    noted = told.note(person.user_id, ours=False, package_type=package_type)
    return noted | {"columns": [_taken(item) for item in _of_list(plan.columns, package_type)]}


def counts(noted: Plain, found: Preview | None = None) -> dict[str, int]:
    """Count what stayed out, and how conflicts were settled.

    :param noted: as :func:`of_preview` or :func:`of_plan` notes it
    :param found: the preview that is saved
    :returns: for the counts of the import
    """
    answer = {"stayed": noted["stayed_total"], "rows_out": noted["rows_out"]}
    if found is not None:
        chosen = [cell.chosen for row in found.changed for cell in row.cells]
        answer["conflicts_mine"] = chosen.count(MINE)
        answer["conflicts_stored"] = chosen.count(STORED)
        answer["department_rows"] = found.department_rows
    return answer


def _not_understood(
    problems: Iterable[Problem],
    out: set[tuple[str, int]] | set[tuple[str, int | None]],
    places: Mapping[str, Columns],
    record_at: Callable[[tuple[str, int]], str],
) -> Iterator[Stayed]:
    """Take the cells that rows of the file were told about, but for those that stay out as a whole."""
    keys = {
        (sheet, header.column): key
        for sheet, columns in places.items()
        for key, header in columns.headers.items()
    }
    for problem in problems:
        if problem.severity is not Severity.WARNING or problem.row is None:
            continue
        place = (problem.sheet, problem.row)
        if place in out:
            continue
        column = problem.place.column if problem.place is not None and problem.column else None
        yield Stayed(
            problem.sheet,
            problem.row,
            problem.column,
            keys.get((problem.sheet, column), "") if column is not None else "",
            problem.label,
            record_at(place),
            without_words(problem.message),
        )


def _unread(problems: Iterable[Problem]) -> Iterator[Stayed]:
    """Take the sheets that weren't read at all."""
    for problem in problems:
        if problem.severity is Severity.ERROR and problem.row is None and problem.sheet:
            yield Stayed(problem.sheet, 0, "", "", "", "", without_words(problem.message))


def _proposed(found: Preview) -> dict[str, dict[str, str]]:
    """Take the cells that only propose something: package id and field to the confirmed value that stays."""
    answer: dict[str, dict[str, str]] = {}
    for row in found.changed:
        for cell in row.cells:
            if cell.outcome is Outcome.PROPOSED and cell.goes_in and row.record is not None:
                answer.setdefault(row.record.package_id, {})[cell.key] = cell.reason
    return answer


def _becomes(row: RowPlan | None) -> str:
    """Return the record that a row is, or becomes; empty for none."""
    if row is None:
        return ""
    owner = row.part_of or row
    if owner.record is not None:
        return owner.record.package_id
    if owner.same is not None:
        return owner.same.id
    made = owner.new is not None and not (owner.failed or owner.left_out)
    return owner.new.package_id if made and owner.new is not None else ""


def _why_out(row: RowPlan) -> Message:
    if row.same is not None and not row.failed:
        return THERE
    return WRONG if row.failed else OUT


def _kept_there(found: Preview) -> Iterator[Stayed]:
    """Take the conflicts in which what was stored was kept."""
    for row in found.changed:
        for cell in row.cells:
            if cell.chosen != STORED:
                continue
            line = row.rows_at.get(cell.key.rpartition("/")[0], row)
            columns = found.places.get(line.sheet)
            name = cell.key.rpartition("/")[2]
            header = columns.find(name) if columns is not None else None
            yield Stayed(
                line.sheet,
                line.row,
                header.label if header is not None else "",
                name,
                "" if header is not None else cell.label,
                _becomes(row),
                KEPT_THERE,
            )


def _ours(found: Preview) -> Iterator[Taken]:
    for sheet, columns in found.places.items():
        for key, header in sorted(columns.headers.items(), key=lambda item: item[1].column):
            yield Taken(sheet, header.label, key, columns.labels.get(key, key))
    for item in found.unknown:
        if not item.chosen:
            yield Taken(item.sheet, item.header)


def _of_list(columns: Iterable[tuple[str, list[Assignment]]], package_type: str) -> Iterator[Taken]:
    labels = dict(layouts.targets_in_words(schema_for(package_type)))
    for sheet, items in columns:
        for item in items:
            label = labels.get(item.target, item.target)
            yield Taken(sheet, item.column.label, item.target, label)


_SAFE = frozenset({"values", "limit", "field"})
"""What a reason may name besides numbers: never what a cell says."""


def without_words(message: Message) -> Message:
    """Return a reason without what it quotes of the file.

    :param message: what the page says while the file is there
    :returns: the same, or that not all of it was understood in place of each sentence that quotes
    """
    params: dict[str, object] = {}
    for name, value in message.params.items():
        if isinstance(value, Message):
            params[name] = without_words(value)
        elif isinstance(value, int) or name in _SAFE:
            params[name] = value
        else:
            return UNCLEAR
    if params and all(value == UNCLEAR for value in params.values()):
        return UNCLEAR
    return Message(message.text, params, message.plural)


# As it lies in the table


def _taken(item: Taken) -> Plain:
    return {"sheet": item.sheet, "header": item.header, "target": item.target, "label": item.label}


def _stayed(item: Stayed) -> Plain:
    return {
        "sheet": item.sheet,
        "row": item.row,
        "header": item.header,
        "target": item.target,
        "label": item.label,
        "record": item.package_id,
        "reason": _to_json(item.reason),
    }


def _to_json(message: Message) -> Plain:
    params = {
        name: _to_json(value) if isinstance(value, Message) else value
        for name, value in message.params.items()
    }
    return {"text": message.text, "params": params, "plural": message.plural}


def _from_json(given: Mapping[str, Any]) -> Message:
    params: dict[str, object] = {
        name: _from_json(cast("Plain", value)) if isinstance(value, dict) else value
        for name, value in given["params"].items()
    }
    return Message(given["text"], params, given["plural"])


# Reading


def read(session: Session, person: Person, kept: Import) -> Noted | None:
    """Return what an import noted of itself, without what is about records that somebody may not read.

    :param session: the database session
    :param person: who asks
    :param kept: the import
    :returns: what it noted; None if it was saved before that was noted, or isn't saved
    """
    noted: Mapping[str, Any] | None = kept.choices.get(NOTED)
    if noted is None:
        return None
    ids = {item["record"] for item in noted["stayed"] if item["record"]}
    known: dict[str, Any] = {}
    if ids:
        query = sa.select(
            Record.package_id, Record.number, Record.package_type, Record.package_state
        ).where(Record.package_id.in_(ids), search.visible(policy.scope(person)))
        known = {row.package_id: row for row in session.execute(query)}
    stayed = [
        Stayed(
            item["sheet"],
            item["row"],
            item["header"],
            item["target"],
            item["label"],
            item["record"],
            _from_json(item["reason"]),
            known[item["record"]].number if item["record"] else "",
            known[item["record"]].package_type if item["record"] else "",
            bool(item["record"]) and known[item["record"]].package_state != "active",
        )
        for item in noted["stayed"]
        if not item["record"] or item["record"] in known
    ]
    return Noted(
        bool(noted["ours"]),
        str(noted.get("package_type") or ENTRY),
        noted["saved_by"],
        [Taken(**item) for item in noted["columns"]],
        stayed,
        int(noted["stayed_total"]) - len(noted["stayed"]),
        len(noted["stayed"]) - len(stayed),
    )
