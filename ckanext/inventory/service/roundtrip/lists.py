"""Comparing a file that has never seen us: the importer's plan, and what is there already."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from ckanext.inventory.fields import FieldSpec, schema_for
from ckanext.inventory.service import (
    imports,
    register,
)
from ckanext.inventory.spreadsheets import layout as layouts
from ckanext.inventory.spreadsheets import merge, places, returned
from ckanext.inventory.spreadsheets.headers import BLOCKERS, COMMENTS
from ckanext.inventory.spreadsheets.messages import Problem, Severity
from ckanext.inventory.spreadsheets.planning.known import Ref, fold
from ckanext.inventory.spreadsheets.planning.outcome import Row
from ckanext.inventory.spreadsheets.reader import Cell as FileCell
from ckanext.inventory.spreadsheets.reader import Table
from ckanext.inventory.types import NOT_KNOWN

from .ground import COLUMN, UNKNOWN, Ground, at_column
from .plans import NEW, RowPlan, Settled, as_said, rows_of


class ForeignList:
    """Compares a list that isn't ours."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground

    def compare(self, upload: imports.Upload, without: Collection[str] = ()) -> None:
        """Plan a file that isn't ours; rows that are there already are compared.

        :param upload: the file
        :param without: names of sheets that list nothing
        """
        settled, found = self.ground.settled, self.ground.preview
        given, given_to_new = _given(settled)
        choices = replace(
            settled.choices,
            read_known=True,
            create_departments=False,
            given=given,
            given_to_new=given_to_new,
        )
        source = found.source
        sheets = tuple(sheet for sheet in source.sheets if sheet.name not in without)
        try:
            prepared = imports.plan_import(
                self.ground.session,
                self.ground.person,
                self.ground.user_name,
                settled.package_type,
                upload,
                choices,
                source=replace(source, sheets=sheets),
                answered=self._answered(),
                others=frozenset(where for where, said in settled.same.items() if said == NEW),
                mend=_mending(settled),
                tell=self.ground.checked(0),
            )
        except imports.NotAddable as refused:
            # Another department can still be chosen.
            found.closed, found.lacking = True, refused.message
            found.problems.append(Problem(Severity.ERROR, "", None, "", "", refused.message))
            return
        plan = prepared.plan
        found.notes = list(plan.notes)
        found.columns = plan.columns
        found.places = {
            sheet: places.of_list(sheet, plan.header_rows[sheet], items)
            for sheet, items in plan.columns
        }
        found.problems += _fixable(plan.problems)
        found.read, found.refused, found.skipped = plan.total, plan.refused, plan.skipped
        found.named, found.department_rows = plan.named, plan.left_out
        found.lacking = plan.lacking
        if plan.lacking is not None:
            found.problems.append(Problem(Severity.ERROR, "", None, "", "", plan.lacking))
            return
        failed = {
            (problem.sheet, problem.row)
            for problem in plan.problems
            if problem.severity is Severity.ERROR and problem.row is not None
        }
        for sheet, row in sorted(failed, key=str):
            here = RowPlan(sheet, row, settled.package_type, failed=True)
            here.left_out = here.where in settled.left_out
            found.rows.append(here)
        for row, record in zip(plan.rows, prepared.records, strict=True):
            here = RowPlan(
                row.sheet,
                row.number,
                settled.package_type,
                str(row.content["title"]),
                content=row.content,
                marks=row.marks,
                new=record,
            )
            here.left_out = here.where in settled.left_out
            found.rows.append(here)
            if self._is_refused(here):
                continue
            found.departments.add(row.department)
        self._foreign_known(plan.known)

    def _answered(self) -> dict[str, Ref]:
        """Return the records that rows were answered to be."""
        same = self.ground.settled.same
        numbers = {where: returned.reference(answer) for where, answer in same.items()}
        records = self.ground.records(number for number in numbers.values() if number)
        return {
            where: Ref.of(records[number]) for where, number in numbers.items() if number in records
        }

    def _is_refused(self, here: RowPlan) -> bool:
        """Say so if a row was answered to be a record that it can't be."""
        number = returned.reference(self.ground.settled.same.get(here.where, ""))
        if not number:
            return False
        self.ground.problem(here, Severity.ERROR, "", number, UNKNOWN)
        here.new = None
        return True

    def _foreign_known(self, rows: Sequence[Row]) -> None:
        """Compare rows whose record is there already, or offer it as the same one."""
        pairs = [(row, row.existing) for row in rows if row.existing is not None]
        numbers = {existing.number for _, existing in pairs}
        records = self.ground.records(numbers)
        stored = register.current_contents(
            self.ground.session, [record.package_id for record in records.values()]
        )
        for row, existing in pairs:
            here = RowPlan(
                row.sheet, row.number, self.ground.settled.package_type, str(row.content["title"])
            )
            here.left_out = here.where in self.ground.settled.left_out
            here.content, here.marks = row.content, row.marks
            here.same = existing
            answer = self.ground.settled.is_the_same(here.where, existing)
            if answer == NEW:
                here.same = None
                self.ground.new_record(here)
                self.ground.preview.rows.append(here)
                continue
            record = records.get(existing.number)
            if record is None or not returned.reference(answer):
                here.left_out = True
                self.ground.preview.rows.append(here)
                continue
            wrong = self.ground.not_the_same(here, record)
            if returned.reference(answer) != record.number:
                wrong = UNKNOWN
            if wrong is not None:
                self.ground.problem(here, Severity.ERROR, "", answer, wrong)
                self.ground.preview.rows.append(here)
                continue
            here.record, here.content, here.marks = record, {}, {}
            here.base = here.stored = stored.get(record.package_id, {})
            self.ground.known[record.number] = here
            schema = schema_for(here.package_type)
            self._beside(here, row)
            for name in _written(row, here.stored):
                spec = schema.fields.get(name)
                if spec is None or name in ("owner_org", "title") or spec.kind == "rows":
                    continue
                old, value = here.stored.get(name), row.content.get(name)
                if not merge.same_value(spec)(old, value):
                    self.ground.add_cell(here, name, spec.label, spec, (old, old, value))
            self._comments(here, row)
            for name, value in row.marks.items():
                old = getattr(record, name)
                if value != old:
                    label = layouts.MARK_HEADERS[name][0]
                    self.ground.add_cell(here, name, label, None, (old, old, value))
            if BLOCKERS in schema.fields:
                self._blockers(here, schema.fields[BLOCKERS], row)

    def _beside(self, here: RowPlan, row: Row) -> None:
        """Add to fields without a column what other columns say of them; nothing is replaced by it."""
        schema = schema_for(here.package_type)
        for name, given in sorted(row.beside.items()):
            spec, old = schema.fields[name], here.stored.get(name)
            value = _added(spec, old, [written for _, written in given])
            if value is None:
                there = fold(str(old))
                lines = [f"{column}: {said}" for column, said in given if fold(said) not in there]
                comments = [row.content.get(COMMENTS), *lines]
                row.content[COMMENTS] = "\n".join(line for line in comments if line)
            elif not merge.same_value(spec)(old, value):
                self.ground.add_cell(here, name, spec.label, spec, (old, old, value))

    def _comments(self, here: RowPlan, row: Row) -> None:
        """Add what fits nowhere else to the comments that are there, line by line."""
        spec = schema_for(here.package_type).fields.get(COMMENTS)
        given = str(row.content.get(COMMENTS) or "")
        if spec is None or COMMENTS in row.written or not given:
            return
        old = here.stored.get(COMMENTS)
        value = _more_lines(old, given.splitlines())
        if not merge.same_value(spec)(old, value):
            self.ground.add_cell(here, COMMENTS, spec.label, spec, (old, old, value))

    def _blockers(self, here: RowPlan, spec: FieldSpec, row: Row) -> None:
        """Compare what a row says of blockers with the record's, kind by kind."""
        first = spec.subfields[0].name
        stored = rows_of(here.stored, spec.name)
        for item in rows_of(row.content, spec.name):
            parts = {name: value for name, value in item.items() if name != first}
            if parts.get("status") == "open":
                # What a blocker begins with; a list that doesn't say otherwise reopens none.
                del parts["status"]
            kind = item[first]
            old = next((known for known in stored if known[first] == kind), None)
            if old is None and kind == NOT_KNOWN and any(_holds(known, parts) for known in stored):
                # A reason without its kind, and the record gives that reason already.
                continue
            if old is None:
                parts[first] = kind
            else:
                parts = {name: value for name, value in parts.items() if old.get(name) != value}
            if parts:
                here.rows.setdefault(spec.name, {})[kind] = parts


def _written(row: Row, stored: Mapping[str, Any]) -> Sequence[str]:
    """Return the fields that a row writes; a new ID also says which list it is of."""
    names = sorted(row.written)
    if EXTERNAL_ID in row.written and row.content.get(EXTERNAL_ID) != stored.get(EXTERNAL_ID):
        names.append(f"{EXTERNAL_ID}_origin")
    return names


EXTERNAL_ID = "external_id"


def _added(spec: FieldSpec, old: Any, given: Sequence[str]) -> Any:
    """Return a value with more to it; None for a line that says something else already."""
    if isinstance(old, list) or spec.kind in ("choices", "list"):
        alone = {choice.value for choice in spec.choices if choice.exclusive}
        before = [item for item in cast("list[str]", old or []) if item not in alone]
        return [*before, *(item for item in given if item not in before)]
    if spec.kind in ("long_text", "markdown"):
        return _more_lines(old, [line for item in given for line in item.splitlines()])
    if not old:
        return "; ".join(given)
    return old if [fold(item) for item in given] == [fold(str(old))] else None


def _more_lines(old: str | None, given: Sequence[str]) -> str | None:
    there = {line.strip() for line in str(old or "").splitlines()}
    added = [line for line in given if line.strip() not in there]
    return "\n".join([old, *added] if old else added) or None


def _holds(known: Mapping[str, Any], parts: Mapping[str, Any]) -> bool:
    return all(known.get(name) == value for name, value in parts.items())


def _fixable(problems: Sequence[Problem]) -> list[Problem]:
    """Say of each problem of a cell by which key it can be fixed in place."""
    return [
        replace(problem, key=at_column(problem.place.column))
        if problem.row is not None and problem.place is not None
        else problem
        for problem in problems
    ]


def _given(
    settled: Settled,
) -> tuple[dict[str, Mapping[str, str]], dict[str, Mapping[str, str]]]:
    """Return the texts for fields that a file has no column for: of each row, and of all new rows of a sheet."""
    rows: dict[str, dict[str, str]] = {}
    for key, written in settled.fixes.items():
        where, _, name = key.rpartition("!")
        if not name.startswith(COLUMN):
            rows.setdefault(where, {})[name] = written
    sheets: dict[str, dict[str, str]] = {}
    for key, alike in settled.fixes_all.items():
        sheet, _, name = key.rpartition("!")
        if not name.startswith(COLUMN) and "" in alike:
            sheets.setdefault(sheet, {})[name] = alike[""]
    return dict(rows), dict(sheets)


def _mending(settled: Settled) -> Callable[[Table], Table]:
    """Return what puts the texts that stand for cells of a list into their places, below its headers."""
    alone: dict[str, dict[int, dict[int, str]]] = {}
    for key, written in settled.fixes.items():
        place, _, column = key.rpartition("!")
        sheet, _, row = place.rpartition("!")
        index = _index(column)
        if index is not None and row.isdecimal():
            alone.setdefault(sheet, {}).setdefault(int(row), {})[index] = written
    alike: dict[str, dict[int, Mapping[str, str]]] = {}
    for key, texts in settled.fixes_all.items():
        sheet, _, column = key.rpartition("!")
        index = _index(column)
        if index is not None:
            alike.setdefault(sheet, {})[index] = texts

    def mend(table: Table) -> Table:
        own, all_of_them = alone.get(table.sheet, {}), alike.get(table.sheet, {})
        if not own and not all_of_them:
            return table
        rows: list[tuple[int, tuple[FileCell, ...]]] = []
        for number, given in table.rows:
            cells = list(given)
            for index, texts in all_of_them.items():
                written = texts.get(as_said(given[index])) if index < len(given) else None
                if written is not None:
                    cells[index] = written
            for index, written in own.get(number, {}).items():
                cells += [""] * (index + 1 - len(cells))
                cells[index] = written
            rows.append((number, tuple(cells)))
        return replace(table, rows=tuple(rows))

    return mend


def _index(column: str) -> int | None:
    """Return the position that a column's key names."""
    index = column.removeprefix(COLUMN)
    if not column.startswith(COLUMN) or not index.isdecimal() or len(index) > 3:
        return None
    return int(index) if int(index) < MOST_COLUMNS else None


MOST_COLUMNS = 500
"""No fix stands beyond so many columns."""
