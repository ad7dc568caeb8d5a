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
        self.stands: dict[tuple[str, str], int] = {}

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
                sheet, row, _ = self.ground.intact.get(number, (line.sheet, line.row, ""))
                self.ground.known[number] = RowPlan(
                    sheet,
                    row,
                    page.layout.package_type,
                    record.title,
                    record,
                    base[record.package_id],
                    stored.get(record.package_id, {}),
                    without_row=True,
                )
        self._note_intact(page, spec)
        for line in lines:
            self.ground.preview.read += 1
            self._row_line(page, line, spec)

    def _note_intact(self, page: Page, spec: FieldSpec) -> None:
        """Note which rows stand in the file as they were downloaded; a copy of one that says another kind is new."""
        first = spec.subfields[0].name
        self.stands = {}
        kept: set[tuple[str, str]] = set()
        typed: list[Line] = []
        for line in page.lines:
            if line.token is None:
                continue
            key = (line.number, line.token.row)
            if returned.intact(line):
                self.stands.setdefault(key, line.row)
                kept.add(key)
            elif self._kind(spec, line) == line.token.row or first not in line.cells:
                kept.add(key)
            else:
                typed.append(line)
        for line in typed:
            if line.token is not None and (line.number, line.token.row) in kept:
                line.forget_token()

    def _kind(self, spec: FieldSpec, line: Line) -> str:
        """Return the kind that a row says, empty if it is none."""
        kind = spec.subfields[0]
        cell = line.cells.get(kind.name, "")
        own = self.ground.settled.own_fix(line.sheet, line.row, kind.name)
        if own is None and line.token is not None:
            said = self._kind_of(kind, text(cell))
            if said == line.token.row:
                return said
        fix = self.ground.settled.fix(line.sheet, line.row, kind.name, cell)
        return self._kind_of(kind, text(cell) if fix is None else fix.strip())

    def _kind_of(self, kind: FieldSpec, written: str) -> str:
        value = returned.value_of_label(kind.choices, written, self.ground.names.say)
        return str(value or self.ground.cells.choice(kind, written).value or "")

    def _row_line(self, page: Page, line: Line, spec: FieldSpec) -> None:
        here = RowPlan(line.sheet, line.row, page.layout.package_type)
        here.left_out = here.where in self.ground.settled.left_out
        # It stays in the preview even if it is left out, so that this can be seen and changed.
        self.ground.preview.rows.append(here)
        owner = self._owner(page, line, here)
        if owner is None:
            return
        here.part_of, here.record, here.title = owner, owner.record, owner.title
        here.left_out |= owner.left_out
        first = spec.subfields[0]
        self.ground.give(page, line, new=False)
        if line.token is None and first.name not in line.places:
            self._give_kind(line, first.name)
        old = self._old_row(owner, spec, line)
        if not old:
            self.ground.give(page, line, new=True)
        key = str(old.get(first.name) or "") if old else ""
        edits, unclear = self._edits(page, line, here, old)
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
                return
            edits[first.name] = key
        before = self._stands_in(line, here, owner, key)
        if not edits:
            return
        if before is not None:
            # Nobody could tell which of them counts.
            message = Message(
                "This reason stands in row %(row)s, too. Put both into one row, and leave the other "
                "one out.",
                {"row": before},
            )
            written = text(line.cells.get(first.name, ""))
            self.ground.problem(here, Severity.ERROR, first.name, written, message)
            return
        here.rows[spec.name] = {key: edits}
        owner.rows_at[f"{spec.name}/{key}"] = here
        if not here.left_out:
            owner.rows.setdefault(spec.name, {})[key] = edits

    def _give_kind(self, line: Line, kind: str) -> None:
        """Let the kind that was typed for all rows stand in one of a sheet without this column."""
        if self.ground.settled.fix(line.sheet, line.row, kind, "") is not None:
            line.cells[kind] = ""

    def _stands_in(self, line: Line, here: RowPlan, owner: RowPlan, kind: str) -> int | None:
        """Return which other row gives the same reason for the same record; None for the first one."""
        key = (owner.record.number if owner.record is not None else owner.where, kind)
        before = self.stands.get(key)
        if before is None and not here.left_out:
            self.stands[key] = line.row
        return before

    def _edits(
        self, page: Page, line: Line, here: RowPlan, old: Mapping[str, Any] | None
    ) -> tuple[dict[str, Any], bool]:
        """Read the cells that somebody wrote into.

        :param page: the sheet
        :param line: the row
        :param here: what it would do
        :param old: the row as it was, None for a new one
        :returns: what they say, by column; and whether it says a kind that isn't understood
        """
        edits: dict[str, Any] = {}
        unclear = False
        first = True
        for column in page.layout.columns:
            sub = column.spec
            if sub is None:
                continue
            is_kind, first = first, False
            if column.key not in line.cells:
                continue
            before = layouts.write(sub, (old or {}).get(sub.name), self.ground.names)
            cell = line.cells[column.key]
            settled = self.ground.settled
            fixed = settled.own_fix(here.sheet, here.row, column.key) is not None or (
                not old and settled.fix(here.sheet, here.row, column.key, cell) is not None
            )
            if line.token is None and not fixed and not text(cell):
                # Nobody knows what stood there, so that nothing says that it was emptied.
                continue
            if not fixed and not returned.was_written_into(cell, before, plain=page.plain):
                continue
            understood, value = self.ground.read(
                page,
                line,
                here,
                column,
                (old or {}).get(sub.name),
                needed=is_kind and not old,
            )
            if not understood:
                # said already; without its kind a new row is nothing
                unclear |= is_kind
                continue
            if is_kind and old:
                if value != old.get(sub.name):
                    self.ground.problem(
                        here,
                        Severity.WARNING,
                        column.key,
                        text(line.cells[column.key]),
                        Message("The kind of a row can't be changed. Add a row of the new kind."),
                    )
            elif value not in (None, "", []) or old:
                edits[sub.name] = value
        return edits, unclear

    def _old_row(self, owner: RowPlan, spec: FieldSpec, line: Line) -> Mapping[str, Any] | None:
        """Return the row as it was downloaded; for a row typed by hand, as it is stored."""
        first = spec.subfields[0].name
        if owner.record is None:
            return None
        if line.token is not None:
            key, rows = line.token.row, rows_of(owner.base, spec.name)
        else:
            key = self._kind(spec, line)
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
