"""Comparing the sheets of a workbook of ours whose rows belong to records, such as blockers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckanext.inventory.fields import FieldSpec, schema_for
from ckanext.inventory.service import (
    register,
)
from ckanext.inventory.spreadsheets import layout as layouts
from ckanext.inventory.spreadsheets import returned
from ckanext.inventory.spreadsheets.messages import Message, Severity
from ckanext.inventory.spreadsheets.planning.known import fold
from ckanext.inventory.spreadsheets.reader import text
from ckanext.inventory.spreadsheets.returned import Line, Page

from .ground import Ground
from .plans import RowPlan, rows_of


class RowSheets:
    """Compares sheets of rows; the records that they belong to were compared before."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground

    def compare(self, page: Page) -> None:
        """Compare a sheet.

        :param page: the sheet
        """
        spec = schema_for(page.layout.package_type).fields[page.layout.rows_of]
        lines = [line for line in page.lines if not returned.intact(line)]
        self.ground.preview.read += len(page.lines) - len(lines)
        numbers = {line.number for line in lines if line.number} - self.ground.known.keys()
        records = self.ground.records(numbers)
        if records:
            ids = [record.package_id for record in records.values()]
            stored = register.current_contents(self.ground.session, ids)
            pairs = [(line, records[line.number]) for line in lines if line.number in records]
            base = self.ground.base(pairs, stored)
            for number, record in records.items():
                line = next(line for line, found in pairs if found is record)
                self.ground.known[number] = RowPlan(
                    line.sheet,
                    line.row,
                    page.layout.package_type,
                    record.title,
                    record,
                    base[record.package_id],
                    stored.get(record.package_id, {}),
                )
        for line in lines:
            self.ground.preview.read += 1
            self._row_line(page, line, spec)

    def _row_line(self, page: Page, line: Line, spec: FieldSpec) -> None:
        here = RowPlan(line.sheet, line.row, page.layout.package_type)
        here.left_out = here.where in self.ground.settled.left_out
        owner = self._owner(page, line, here)
        if owner is None:
            if here.failed and not here.left_out:
                self.ground.preview.rows.append(here)
            return
        first = spec.subfields[0]
        old = self._old_row(owner, spec, line)
        key = str(old.get(first.name) or "") if old else ""
        edits: dict[str, Any] = {}
        unclear = False
        for column in page.layout.columns:
            sub = column.spec
            if sub is None or column.key not in line.cells:
                continue
            before = layouts.write(sub, (old or {}).get(sub.name), self.ground.names)
            fixed = f"{here.where}!{column.key}" in self.ground.settled.fixes
            cell = line.cells[column.key]
            if not fixed and not returned.was_written_into(cell, before, plain=page.plain):
                continue
            understood, value = self.ground.read(
                page, line, here, column, (old or {}).get(sub.name)
            )
            if not understood:
                # said already; without its kind a new row is nothing
                unclear |= sub is first
                continue
            if sub is first and old:
                self.ground.problem(
                    here,
                    Severity.WARNING,
                    column.key,
                    text(line.cells[column.key]),
                    Message("The kind of a row can't be changed. Add a row of the new kind."),
                )
            elif value not in (None, "", []) or old:
                edits[sub.name] = value
        if not old:
            key = str(edits.pop(first.name, "") or "")
            if not key:
                here.failed = True
                if not unclear:
                    self.ground.problem(
                        here,
                        Severity.ERROR,
                        first.name,
                        "",
                        Message("Say what kind of reason this is."),
                        fixable=True,
                        label=first.label,
                    )
                if not here.left_out:
                    self.ground.preview.rows.append(here)
                return
            edits = edits or {}
            edits[first.name] = key
        if edits and not here.left_out:
            owner.rows.setdefault(spec.name, {})[key] = edits
            owner.rows_at[f"{spec.name}/{key}"] = (line.sheet, line.row)

    def _old_row(self, owner: RowPlan, spec: FieldSpec, line: Line) -> Mapping[str, Any] | None:
        """Return the row as it was downloaded; for a row typed by hand, as it is stored."""
        first = spec.subfields[0].name
        if owner.record is None:
            return None
        if line.token is not None:
            key, rows = line.token.row, rows_of(owner.base, spec.name)
        else:
            written = text(line.cells.get(first, ""))
            kind = spec.subfields[0]
            value = returned.value_of_label(kind.choices, written, self.ground.names.say)
            key = str(value or self.ground.cells.choice(kind, written).value or "")
            rows = rows_of(owner.stored, spec.name)
        return next((row for row in rows if str(row.get(first)) == key), None)

    def _owner(self, page: Page, line: Line, here: RowPlan) -> RowPlan | None:
        """Find the record that a row is about."""
        written = text(line.cells.get(layouts.RECORD, ""))
        if line.number:
            owner = self.ground.known.get(line.number)
            if owner is None or owner.package_type != page.layout.package_type:
                message = Message("There is no record with this number, or none that you may see.")
                self.ground.problem(here, Severity.ERROR, layouts.RECORD, written, message)
                return None
            return owner
        name = written or text(line.cells.get(layouts.RECORD_TITLE, ""))
        key = f"{page.layout.package_type}!{fold(name)}"
        owner = self.ground.new_titles.get(key) or self.ground.same_titles.get(key)
        if owner is None:
            message = Message(
                "Say which record this is about: its number, or the name of a new row."
            )
            self.ground.problem(here, Severity.ERROR, layouts.RECORD, name, message)
        return owner
