"""Previews and kept imports as the plain dictionaries that actions answer."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.inventory import clock, vocabularies
from ckanext.inventory.fields import Change, FieldSpec, display, schema_for
from ckanext.inventory.logic import suggesting
from ckanext.inventory.model import Import, Record
from ckanext.inventory.model.imports import QUEUED, READING, RUNNING, SAVE
from ckanext.inventory.service.import_report import Noted
from ckanext.inventory.service.kept_imports import Changed, Meanwhile
from ckanext.inventory.service.kept_looks import ShownRow
from ckanext.inventory.service.roundtrip import (
    Preview,
    RowPlan,
    as_said,
    as_shown,
    column_at,
)
from ckanext.inventory.spreadsheets import layout as layouts
from ckanext.inventory.spreadsheets.headers import MARKS as MARK_COLUMNS
from ckanext.inventory.spreadsheets.headers import Assignment, names_of
from ckanext.inventory.spreadsheets.layout import MARK_HEADERS, Names
from ckanext.inventory.spreadsheets.merge import Cell, Outcome, mark_of
from ckanext.inventory.spreadsheets.messages import Message, Place, Problem, Severity, shorten
from ckanext.inventory.spreadsheets.places import Header
from ckanext.inventory.spreadsheets.reader import HEADER_ROWS, find_table, letter, text
from ckanext.inventory.spreadsheets.reader import Cell as FileCell
from ckanext.inventory.spreadsheets.returned import Unknown
from ckanext.inventory.spreadsheets.workbook import Remark
from ckanext.inventory.types import ENTRY, SOURCE

Plain = dict[str, Any]
SOON = dt.timedelta(minutes=2)
"""How long a file usually waits for the worker at most."""


def said(message: Message) -> str:
    """Translate a message of the reader or planner.

    :param message: the message
    :returns: the sentence
    """
    return message.said(tk._, tk.ungettext)


def preview(
    found: Preview,
    kept: Import,
    meanwhile: Mapping[tuple[str, str], Meanwhile],
    *,
    limit: int | None = None,
) -> Plain:
    """Write a preview for an answer.

    :param found: the preview
    :param kept: the kept import
    :param meanwhile: who changed what since the download
    :param limit: at most so many rows; conflicts and held rows always
    :returns: the answer of ``inventory_import_preview``
    """
    shown = list(shown_rows(found, meanwhile, limit))
    total = sum(1 for row in found.rows if _worth_showing(row))
    return answer(kept, preview_head(found), [row.plain for row in shown], total - len(shown))


def answer(kept: Import, found: Plain, rows: Sequence[Plain], more: int) -> Plain:
    """Put the answer of a look together.

    :param kept: the kept import
    :param found: everything but the rows, as :func:`preview_head` writes it
    :param rows: the rows
    :param more: how many others there are
    :returns: the answer of ``inventory_import_preview``
    """
    return {
        **head(kept),
        "choices": dict(kept.choices),
        **found,
        "rows": list(rows),
        "more_rows": more,
    }


def waiting(kept: Import) -> Plain:
    """Write the answer for a file that the worker is busy with.

    :param kept: the kept import
    :returns: the same as :func:`answer`, as far as it is known yet
    """
    nothing: Plain = {"fingerprint": None, "can_save": False, "problems": []}
    return answer(kept, nothing, [], kept.rows)


def preview_head(found: Preview) -> Plain:
    """Write everything of a preview but its rows.

    :param found: the preview
    """
    found.names = replace(found.names, say=tk._)
    fixes = fixed(found)
    return {
        "fingerprint": found.fingerprint,
        "ours": found.ours,
        "kind": "source" if found.settled.package_type == SOURCE else "entry",
        "sheets": [
            {"name": sheet.name, "rows": len(sheet.rows), "read": sheet.name in found.places}
            for sheet in found.source.sheets
        ],
        "downloaded": found.downloaded or None,
        "counts": counts(found),
        "problems": problems(found),
        "fixed": fixes,
        "offered": {name: list(texts) for name, texts in found.offered.items()},
        "suggested": suggesting.values(found),
        "skipped": [
            {
                "where": f"{item.sheet}!{item.row}",
                "sheet": item.sheet,
                "row": item.row,
                "title": item.title,
                "reason": said(item.reason),
                "taken": item.taken,
            }
            for item in found.skipped
        ],
        "notes": [*(said(note) for note in found.notes), *_strangers(fixes)],
        "unknown": [_unknown(item) for item in found.unknown],
        "departments_named": [
            {
                "title": item.title,
                "rows": item.rows,
                "known": item.forbidden,
                "chosen": item.chosen,
                "near": item.near,
                "merged_into": item.heir,
            }
            for item in found.named
        ],
        "columns": [
            _column(sheet, item, found, names)
            for sheet, columns in found.columns
            for names in [names_of([item.column for item in columns])]
            for item in columns
        ],
        "can_save": found.can_be_saved,
    }


def shown_rows(
    found: Preview,
    meanwhile: Mapping[tuple[str, str], Meanwhile],
    limit: int | None = None,
) -> Iterator[ShownRow]:
    """Write the rows of a preview one by one, so that a large one never stands in memory twice.

    :param found: the preview
    :param meanwhile: who changed what since the download
    :param limit: at most so many; those where something is to be chosen or fixed always
    :returns: the rows that would do something, or that something holds
    """
    found.names = replace(found.names, say=tk._)
    rows = [row for row in found.rows if _worth_showing(row)]
    room = len(rows) if limit is None else limit - sum(_urgent(row) for row in rows)
    for position, row in enumerate(rows):
        urgent = _urgent(row)
        room -= not urgent
        if urgent or room >= 0:
            yield ShownRow(position, urgent, _row(row, found, meanwhile))


def _worth_showing(row: RowPlan) -> bool:
    return bool(
        row.new is not None
        or row.failed
        or row.same is not None
        or any(cell.outcome is not Outcome.UNCHANGED for cell in row.cells)
    )


def _urgent(row: RowPlan) -> bool:
    return row.failed or any(cell.open for cell in row.cells)


def counts(found: Preview) -> Plain:
    """Count what a preview would do.

    :param found: the preview
    :returns: the counts by name
    """
    new, changed = found.new, found.changed
    cells = [cell for row in changed for cell in row.cells]
    goes_in = [cell for cell in cells if cell.goes_in]
    every = [cell for row in found.rows for cell in row.cells]
    return {
        "read": found.read,
        "new": len(new),
        "new_cells": sum(len(_filled(row)) for row in new),
        "changed": len(changed),
        "changed_cells": len(goes_in),
        "emptied": sum(cell.file in (None, "", []) for cell in goes_in),
        "proposed": sum(cell.outcome is Outcome.PROPOSED for cell in goes_in),
        "kept": sum(cell.outcome is Outcome.KEPT for cell in every),
        "conflicts": len(found.conflicts),
        "chosen": sum(bool(cell.chosen) for cell in every),
        "refused": sum(cell.outcome is Outcome.REFUSED for cell in every),
        "unchanged": found.unchanged,
        "missing": found.missing,
        "refused_rows": found.refused,
        "skipped": sum(not item.taken for item in found.skipped),
        "held": len(found.held),
        "left_out": sum(row.left_out for row in found.rows) + found.department_rows,
        "strange": len(found.strange),
        "warnings": sum(p.severity is Severity.WARNING for p in found.problems),
        "errors": sum(p.severity is Severity.ERROR for p in found.problems),
        "unknown": sum(1 for u in found.unknown if not u.chosen)
        + sum(1 for _, cs in found.columns for c in cs if not c.target),
        "back_to_review": sum(row.back_to_review for row in changed),
        "submit": sum(row.submit for row in new),
    }


def _filled(row: RowPlan) -> dict[str, Any]:
    """Return what a new record would hold, its marks among it."""
    return {
        name: value
        for name, value in (row.content | row.marks).items()
        if name != "owner_org" and value not in (None, "", [])
    }


def _row(row: RowPlan, found: Preview, meanwhile: Mapping[tuple[str, str], Meanwhile]) -> Plain:
    record = row.record
    return {
        "where": row.where,
        "sheet": row.sheet,
        "row": row.row,
        "type": row.package_type,
        "number": record.number if record is not None else None,
        "title": record.title if record is not None else row.title,
        "new": row.new is not None,
        "department": found.names.departments.get(str(row.content["owner_org"]), "")
        if row.new is not None
        else "",
        "held": row.failed,
        "left_out": row.left_out,
        "same": {"number": row.same.number, "title": row.same.title, "written": row.title}
        if row.same
        else None,
        "back_to_review": row.back_to_review,
        "submit": row.submit,
        "cells": [_cell(cell, row, found.names, record, meanwhile) for cell in row.cells],
        "fields": [
            {
                "field": name,
                "label": _label(row.package_type, name),
                "value": shown(row.package_type, name, value, found.names),
            }
            for name, value in (_filled(row) if row.new is not None else {}).items()
        ],
    }


def _label(package_type: str, key: str) -> str:
    spec = schema_for(package_type).fields.get(key)
    if spec is not None:
        return tk._(spec.label)
    return tk._(MARK_HEADERS[key][0]) if key in MARK_HEADERS else key


def shown(package_type: str, key: str, value: Any, names: Names) -> str:
    """Write a value for people.

    :param package_type: the type of its record
    :param key: a field, ``field/row/column`` or a mark
    :param value: the value
    :param names: what ids stand for
    :returns: its text, empty for nothing
    """
    if key in MARK_COLUMNS.get(package_type, ()):
        return layouts.write_mark(key, value, vocabularies.load(), names)
    spec = _spec(package_type, key)
    if spec is None:
        return "" if value is None else str(value)
    if spec.kind == "rows":
        return display(spec, value)
    return str(layouts.write(spec, value, names))


def _spec(package_type: str, key: str) -> FieldSpec | None:
    name, _, rest = key.partition("/")
    spec = schema_for(package_type).fields.get(name)
    if spec is None or not rest:
        return spec
    column = rest.rpartition("/")[2]
    return next((sub for sub in spec.subfields if sub.name == column), None)


def _cell(
    cell: Cell,
    row: RowPlan,
    names: Names,
    record: Record | None,
    meanwhile: Mapping[tuple[str, str], Meanwhile],
) -> Plain:
    kind = row.package_type
    who = meanwhile.get((record.package_id if record is not None else "", cell.key))
    return {
        "key": cell.key,
        "label": tk._(cell.label),
        "outcome": cell.outcome.value,
        "base": shown(kind, cell.key, cell.base, names),
        "stored": shown(kind, cell.key, cell.stored, names),
        "file": shown(kind, cell.key, cell.file, names),
        "emptied": cell.file in (None, "", []),
        "chosen": cell.chosen,
        "against": mark_of(cell.stored) if cell.outcome is Outcome.CONFLICT else "",
        "goes_in": cell.goes_in,
        "reason": tk._(cell.reason) if cell.reason else "",
        "who": who.name if who else None,
        "when": who.at.isoformat() if who else None,
    }


def problems(found: Preview) -> list[Plain]:
    """Write everything that is wrong for an answer.

    :param found: the preview
    """
    rows = {(row.sheet, row.row): row for row in found.rows} if found.problems else {}
    written = _Written(found)
    return [
        _problem(item, rows.get((item.sheet, item.row or 0)), written)
        | {"cell": written.at(item.place) if item.key and item.column else ""}
        for item in found.problems
    ]


class _Written:
    """What cells say in the file, whatever stands for them now."""

    def __init__(self, found: Preview) -> None:
        self._places = found.places
        self._sheets = {sheet.name: sheet for sheet in found.source.sheets}
        self._rows: dict[str, Mapping[int, Sequence[FileCell]]] = {}

    def at(self, place: Place | None) -> str:
        if place is None or place.sheet not in self._sheets:
            return ""
        if place.sheet not in self._rows:
            self._rows[place.sheet] = dict(self._sheets[place.sheet].rows)
        cells = self._rows[place.sheet].get(place.row, ())
        return as_shown(cells[place.column]) if place.column < len(cells) else ""

    def name_in(self, sheet: str, row: int | None) -> str:
        """Return how the file calls what a row is about; empty where no column says it."""
        columns = self._places.get(sheet)
        if columns is None or row is None:
            return ""
        header = columns.headers.get("title") or columns.headers.get(layouts.RECORD_TITLE)
        return self.at(Place(sheet, row, header.column)) if header is not None else ""


def fixed(found: Preview) -> list[Plain]:
    """Write every fix that was given for an answer.

    :param found: the preview
    """
    written, answer, kinds = _Written(found), list[Plain](), _kinds(found)
    fits = _Fits(found, kinds)
    for key, fix in found.settled.fixes.items():
        where, _, field = key.rpartition("!")
        sheet, _, row = where.rpartition("!")
        at = _header(found, kinds, sheet, field)
        place = Place(sheet, int(row), at.column) if at is not None and row.isdecimal() else None
        answer.append(
            _fix(kinds, sheet, field, at, fix)
            | {"where": where, "row": row, "cell": written.at(place)}
            | {"fits": row.isdecimal() and fits.a_row(sheet, int(row), field, at)}
        )
    for key, alike in found.settled.fixes_all.items():
        sheet, _, field = key.rpartition("!")
        at = _header(found, kinds, sheet, field)
        answer += [
            _fix(kinds, sheet, field, at, fix)
            | {"where": None, "row": None, "cell": cell}
            | {"fits": fits.cells(sheet, field, at, cell)}
            for cell, fix in alike.items()
        ]
    return answer


class _Fits:
    """Tells whether what fixes name is anywhere in a file, read now or not."""

    def __init__(self, found: Preview, kinds: Mapping[str, Sequence[str]]) -> None:
        self._found, self._kinds = found, kinds
        self._sheets = {sheet.name: sheet for sheet in found.source.sheets}
        self._cells: dict[tuple[str, int], set[str]] = {}
        self._sizes: dict[str, tuple[set[int], int]] = {}

    def a_row(self, sheet: str, row: int, field: str, at: Header | None) -> bool:
        """Tell whether a cell of one row is there, or may be filled without its column."""
        there = self._sheets.get(sheet)
        if there is None or row <= self._header_row(sheet):
            return False
        return row in self._size(sheet)[0] and self._column(sheet, field, at)

    def cells(self, sheet: str, field: str, at: Header | None, cell: str) -> bool:
        """Tell whether any cell of a column says something."""
        if sheet not in self._sheets or not self._column(sheet, field, at):
            return False
        if at is None:
            return not cell
        return cell in self._said(sheet, at.column)

    def _header_row(self, sheet: str) -> int:
        columns = self._found.places.get(sheet)
        return columns.row if columns is not None else 0

    def _column(self, sheet: str, field: str, at: Header | None) -> bool:
        if at is not None and column_at(field) is not None:
            return not self._found.ours and at.column < self._size(sheet)[1]
        if at is not None and not self._found.ours and sheet in self._found.places:
            # A list's own columns are named by their places.
            return False
        columns = self._found.places.get(sheet) if self._found.ours else None
        if columns is not None and field not in columns.labels:
            return False
        return next(_labels(self._kinds, sheet, field), None) is not None

    def _size(self, sheet: str) -> tuple[set[int], int]:
        if sheet not in self._sizes:
            rows = self._sheets[sheet].rows
            width = max((len(cells) for _, cells in rows), default=0)
            self._sizes[sheet] = {number for number, _ in rows}, width
        return self._sizes[sheet]

    def _said(self, sheet: str, column: int) -> set[str]:
        if (sheet, column) not in self._cells:
            top = self._header_row(sheet)
            self._cells[sheet, column] = {
                as_said(cells[column] if column < len(cells) else None)
                for number, cells in self._sheets[sheet].rows
                if number > top
            }
        return self._cells[sheet, column]


def _strangers(fixes: Sequence[Plain]) -> list[str]:
    """Tell of fixes that fit nothing in the file, as they were typed."""
    typed = [
        f"{fix['where'] or fix['sheet']}!{fix['field']}"
        + ("" if fix["where"] is not None else f"!{fix['cell']}")
        for fix in fixes
        if not fix["fits"]
    ]
    if not typed:
        return []
    words = tk.ungettext(
        "This fix fits no cell of the file: {places}.",
        "These fixes fit no cells of the file: {places}.",
        len(typed),
    )
    return [words.format(places=", ".join(f"“{place}”" for place in typed[:_MOST_TOLD]))]


_MOST_TOLD = 20


def _fix(
    kinds: Mapping[str, Sequence[str]], sheet: str, field: str, at: Header | None, fix: str
) -> Plain:
    column = at.label if at else _called(kinds, sheet, field)
    return {"sheet": sheet, "field": field, "column": column, "text": fix}


def _called(kinds: Mapping[str, Sequence[str]], sheet: str, field: str) -> str:
    """Return how people call a field that a sheet has no column for."""
    return next((tk._(label) for label in _labels(kinds, sheet, field)), field)


def _labels(kinds: Mapping[str, Sequence[str]], sheet: str, field: str) -> Iterator[str]:
    """Find how fields of this name are called, of records that the sheet may list first."""
    for package_type in kinds[sheet]:
        yield from (spec.label for spec in suggesting.called(package_type, field))
    if field in MARK_HEADERS:
        yield MARK_HEADERS[field][0]


def _kinds(found: Preview) -> Mapping[str, Sequence[str]]:
    """Return what records a sheet may list, by its name: those that it does first."""
    here: defaultdict[str, set[str]] = defaultdict(set)
    for row in found.rows:
        here[row.sheet].add(row.package_type)
    others = tuple(dict.fromkeys((found.settled.package_type, ENTRY, SOURCE)))
    kinds = {sheet: tuple(dict.fromkeys((*sorted(own), *others))) for sheet, own in here.items()}
    return defaultdict(lambda: others, kinds)


def _header(
    found: Preview, kinds: Mapping[str, Sequence[str]], sheet: str, field: str
) -> Header | None:
    """Return the column of a fix, also of one that isn't read now."""
    there = next((each for each in found.source.sheets if each.name == sheet), None)
    index = column_at(field)
    if index is not None:
        known = (
            item.column for name, columns in found.columns if name == sheet for item in columns
        )
        labels = {column.index: column.label for column in known}
        if there is not None and not labels:
            above = replace(there, rows=there.rows[:HEADER_ROWS])
            labels = {each.index: each.label for each in find_table(above, _no_score)[0].columns}
        return Header(index, labels.get(index) or f"({letter(index)})")
    columns = found.places.get(sheet)
    if columns is not None or there is None:
        return columns.find(field) if columns is not None else None
    called = {word for label in _labels(kinds, sheet, field) for word in (label, tk._(label))}
    for _, cells in there.rows[:HEADER_ROWS]:
        for position, cell in enumerate(cells):
            if (header := text(cell).rstrip(" *")) in called:
                return Header(position, header)
    return None


def _no_score(_header: str) -> int:
    return 0


def _problem(problem: Problem, row: RowPlan | None, written: _Written) -> Plain:
    record = row.record if row is not None else None
    title = record.title if record is not None else row.title if row is not None else ""
    return {
        "severity": problem.severity.value,
        "where": f"{problem.sheet}!{problem.row}" if problem.row is not None else "",
        "sheet": problem.sheet,
        "row": problem.row,
        "column": problem.column or (tk._(problem.label) if problem.label else ""),
        "no_column": bool(problem.label and not problem.column),
        "place": _place(problem),
        "field": problem.key,
        "value": problem.value,
        "message": said(problem.message),
        "suggestion": problem.suggestion,
        "number": record.number if record is not None else None,
        "title": title or written.name_in(problem.sheet, problem.row),
        "new": row is not None and row.new is not None,
        "type": row.package_type if row is not None else None,
    }


def _place(problem: Problem) -> Plain | None:
    place = problem.place
    return {"sheet": place.sheet, "row": place.row, "column": place.column} if place else None


def remarks(
    problems: Sequence[Mapping[str, Any]], offered: Mapping[str, Sequence[str]]
) -> list[Remark]:
    """Say what the comments of the file to fix say, in the language of an answer.

    :param problems: as an answer holds them
    :param offered: field to what a fix of its cells may be chosen from, as an answer holds it
    :returns: one for each that has a cell
    """
    texts = {name: tuple(each) for name, each in offered.items()}
    return [
        Remark(
            Place(**problem["place"]),
            Severity(problem["severity"]),
            _words(problem),
            texts.get(problem["field"], ()),
        )
        for problem in problems
        if problem["place"] is not None
    ]


def _words(problem: Mapping[str, Any]) -> str:
    words = str(problem["message"])
    if problem["no_column"] and problem["column"] not in words:
        words = f"{problem['column']}: {words}"
    if problem["suggestion"]:
        hint = tk._("Did you mean “{value}”?").format(value=problem["suggestion"])
        words = f"{words} {hint}"
    return words


def _unknown(item: Unknown) -> Plain:
    """Write a column that isn't understood, with the fields that it may be."""
    columns = layouts.translated(item.layout, tk._).columns
    return {
        "sheet": item.sheet,
        "column": item.header,
        "filled": item.filled,
        "sample": shorten(item.sample),
        "field": item.chosen,
        "fields": [
            {"name": column.key, "label": column.header}
            for column in columns
            if column.key in item.free
        ],
    }


def _column(sheet: str, item: Assignment, found: Preview, names: Mapping[int, str]) -> Plain:
    return {
        "sheet": sheet,
        "column": item.column.label,
        "name": names[item.column.index],
        "letter": item.column.letter,
        "field": item.target,
        "fate": item.fate.value,
        "remark": said(item.remark) if item.remark else "",
        "samples": _samples(sheet, item, found),
    }


def _samples(sheet: str, item: Assignment, found: Preview) -> list[str]:
    """Return the first different cells of a column, so that its meaning can be told."""
    page = next((page for page in found.source.sheets if page.name == sheet), None)
    samples: list[str] = []
    header = found.places[sheet].row
    below = (cells for row, cells in (page.rows if page is not None else ()) if row > header)
    for cells in islice(below, 60):
        index = item.column.index
        text = shorten(str(cells[index]), 60) if index < len(cells) else ""
        if text and text != item.column.header and text not in samples:
            samples.append(text)
        if len(samples) == 3:
            break
    return samples


def head(kept: Import, names: Mapping[str, str] | None = None) -> Plain:
    """Write what is known of a kept import.

    :param kept: the import
    :param names: user id to name
    :returns: the facts that every answer on it has
    """
    known = names or {}
    return {
        "id": kept.id,
        "status": kept.status,
        "task": kept.task.get("do") if kept.status in (QUEUED, RUNNING) else None,
        "file": kept.filename,
        "digest": kept.digest,
        "size": kept.size,
        "by": kept.by,
        "by_name": known.get(kept.by or "", ""),
        "at": kept.at.isoformat(),
        "saved_at": kept.saved_at.isoformat() if kept.saved_at else None,
        "undone_at": kept.undone_at.isoformat() if kept.undone_at else None,
        "undone_by_name": known.get(kept.undone_by or "", ""),
        "departments": list(kept.departments),
        "counts": dict(kept.counts),
        "mapping": dict(kept.choices.get("columns") or {}),
        "progress": {
            "step": kept.step,
            "done": kept.done,
            "total": _total(kept),
            "late": kept.status == QUEUED
            and kept.seen_at is not None
            and clock.now() - kept.seen_at > SOON,
        },
        "message": kept.message,
    }


def _total(kept: Import) -> int:
    """Say how many rows there are of what the worker is at."""
    if kept.task.get("do") != SAVE or kept.step in ("", READING):
        return kept.rows
    return sum(int(kept.counts.get(name, 0)) for name in ("new", "changed"))


def changed(item: Changed, names: Names) -> Plain:
    """Write what an import did to one record.

    :param item: what it did
    :param names: what ids stand for
    """
    return {
        "number": item.number,
        "title": item.title,
        "type": item.package_type,
        "deleted": item.deleted,
        "created": item.created,
        "submitted": item.submitted,
        "sheet": item.sheet,
        "row": item.row,
        "changes": [
            _change(item.package_type, change, names)
            | {"stays": tk._(stays) if (stays := item.stays.get(change.field)) else None}
            for change in item.changes
        ],
        "marks": [
            {
                "field": name,
                "label": _label(item.package_type, name),
                "old": shown(item.package_type, name, mark.old, names),
                "new": shown(item.package_type, name, mark.new, names)
                if mark.new is not None
                else None,
            }
            for name, mark in item.marks.items()
        ],
    }


def noted(found: Noted | None) -> Plain:
    """Write what a saved import noted of its columns, and of what didn't go in as it was written.

    :param found: what it noted; None for one that noted nothing
    """
    if found is None:
        return {
            "ours": None,
            "columns": None,
            "stayed": None,
            "more_stayed": 0,
            "hidden_stayed": 0,
        }
    targets = dict(layouts.targets_in_words(schema_for(found.package_type), tk._))

    def words(target: str, label: str) -> str:
        known = targets.get(target) if not found.ours else None
        return known or (tk._(label) if label else "")

    return {
        "ours": found.ours,
        "columns": [
            {
                "sheet": item.sheet,
                "column": item.header,
                "field": item.target,
                "label": words(item.target, item.label),
            }
            for item in found.columns
        ],
        "stayed": [
            {
                "sheet": item.sheet,
                "row": item.row or None,
                "column": item.header or words(item.target, item.label),
                "no_column": bool(item.label and not item.header),
                "field": item.target,
                "number": item.number or None,
                "type": item.package_type or None,
                "deleted": item.deleted,
                "reason": said(item.reason),
            }
            for item in found.stayed
        ],
        "more_stayed": found.more,
        "hidden_stayed": found.hidden,
    }


def _change(package_type: str, change: Change, names: Names) -> Plain:
    return {
        "field": change.field,
        "label": tk._(change.label),
        "old": shown(package_type, change.field, change.old, names),
        "new": shown(package_type, change.field, change.new, names),
    }
