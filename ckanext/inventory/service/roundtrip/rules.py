"""Asking every right and every rule of what the cells of a file come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import ckan.plugins.toolkit as tk

from ckanext.inventory import config, policy
from ckanext.inventory.fields import FieldSpec, material_hash, schema_for
from ckanext.inventory.model import Record
from ckanext.inventory.policy import Act
from ckanext.inventory.service import (
    blockers,
    bulk,
    bulk_edit,
    content,
    facts,
    register,
    requirements,
    review,
)
from ckanext.inventory.service.marks import MARKS
from ckanext.inventory.spreadsheets import layout as layouts
from ckanext.inventory.spreadsheets import merge
from ckanext.inventory.spreadsheets.headers import MARKS as MARK_COLUMNS
from ckanext.inventory.spreadsheets.merge import Cell, Outcome
from ckanext.inventory.spreadsheets.messages import Message, Severity
from ckanext.inventory.types import ENTRY, SOURCE, Facts, Stage, State
from ckanext.inventory.workflow import HAS_APPROVED_TEXT

from .ground import Ground
from .plans import RowPlan, rows_of


class Rules:
    """Asks of compared rows what may be saved, and what saving would bring about."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.checked = 0

    def finish(self) -> None:
        """Ask every right and every rule of what the cells come to."""
        touched = [row for row in self.ground.known.values() if row.cells or row.rows]
        self.ground.preview.unchanged = len(
            self.ground.known.keys() | self.ground.intact.keys()
        ) - len(touched)
        self.ground.preview.rows += touched
        # An answer stays on the page, to be changed, even if nothing follows from it; and what is said of
        # cells that aren't understood names its record, even if no other cell does anything.
        told = {(problem.sheet, problem.row) for problem in self.ground.preview.problems}
        self.ground.preview.rows += [
            row
            for row in self.ground.known.values()
            if not (row.cells or row.rows) and (row.same or (row.sheet, row.row) in told)
        ]
        findings = review.findings(
            self.ground.session,
            [row.record.package_id for row in touched if row.record is not None],
        )
        for row in touched:
            self._merge_rows(row)
            self._ask(row, findings)
        for row in self.ground.preview.rows:
            if row.new is not None:
                self._new_rows(row)
        self._validate_edits(touched, findings)
        self._find_same()
        new = [row for row in self.ground.preview.rows if row.new is not None]
        self._validate_new(new)
        self._check_left_out()
        if "all" in self.ground.settled.left_out:
            self._leave_out(findings)
        # A row of a sheet of rows comes after a record that stands at its place for want of its own.
        self.ground.preview.rows.sort(key=lambda row: (row.sheet, row.row, row.part_of is not None))

    def _merge_rows(self, row: RowPlan) -> None:
        schema = schema_for(row.package_type)
        for name, edits in row.rows.items():
            spec = schema.fields[name]
            rows = (rows_of(row.base, name), rows_of(row.stored, name))
            row.cells += merge.compare_rows(
                spec, rows, edits, lambda key, row=row: self.ground.chosen(row, key)
            )

    def _new_rows(self, row: RowPlan) -> None:
        for name, edits in row.rows.items():
            row.content[name] = list(edits.values())

    def _check_left_out(self) -> None:
        """Check rows of sheets of rows that stay out by choice: the page shows it beside what is wrong."""
        for line in self.ground.preview.rows:
            chosen = line.where in self.ground.settled.left_out
            if line.part_of is not None and chosen and not line.failed:
                for name in line.rows:
                    self._tell_row(line.part_of, schema_for(line.package_type).fields[name], line)

    def _leave_out(self, findings: Mapping[str, Any]) -> None:
        """Leave all rows out that an error holds, and what rows of sheets of rows say of their records."""
        held = self.ground.preview.held
        for row in held:
            row.left_out = True
        again: dict[int, RowPlan] = {}
        for line in held:
            owner = line.part_of
            if owner is None or owner.left_out or not line.rows:
                continue
            for name, edits in line.rows.items():
                for kind in edits:
                    owner.rows[name].pop(kind, None)
                    begin = f"{name}/{kind}/"
                    owner.cells = [cell for cell in owner.cells if not cell.key.startswith(begin)]
                if owner.new is not None:
                    owner.new.validated = None
                    owner.content[name] = list(owner.rows[name].values())
            owner.edit, again[id(owner)] = None, owner
        known = [owner for owner in again.values() if owner.record is not None]
        self._validate_edits(known, findings)
        self._validate_new([owner for owner in again.values() if owner.new is not None])
        for row in self.ground.preview.held:
            row.left_out = True

    def _ask(self, row: RowPlan, findings: Mapping[str, Any]) -> None:
        """Refuse cells that the person may not write; a confirmed value is only proposed against."""
        record = cast(Record, row.record)
        known = facts.of_record(record)
        schema = schema_for(row.package_type)
        may_edit = policy.may(self.ground.person, Act.EDIT, known, config.options())
        cells: list[Cell] = []
        for cell in row.cells:
            if cell.outcome in (Outcome.UNCHANGED, Outcome.KEPT, Outcome.REFUSED):
                cells.append(cell)
                continue
            if cell.key in MARK_COLUMNS.get(row.package_type, ()):
                act = Act.ASSIGN if cell.key == "assignee" else MARKS[cell.key].act
                decision = policy.may(self.ground.person, act, known, config.options())
            else:
                decision = may_edit
                name = cell.key.partition("/")[0]
                spec = schema.fields[name]
                if decision and spec.kind != "rows":
                    decision = policy.may_write_field(self.ground.person, known, spec.writers)
            if not decision:
                cell = replace(cell, outcome=Outcome.REFUSED, reason=decision.reason)
                reason = Message(decision.reason)
                self.ground.problem(
                    row,
                    Severity.WARNING,
                    cell.key,
                    self._in_words(row, cell.key, cell.file),
                    reason,
                    label=cell.label,
                )
            elif cell.key == "classification" and findings[record.package_id].confirmed:
                confirmed = self.ground.words.label(
                    "classification", findings[record.package_id].confirmed
                )
                cell = replace(cell, outcome=Outcome.PROPOSED, reason=confirmed)
            cells.append(cell)
        row.cells = cells

    def _validate_edits(self, rows: Sequence[RowPlan], findings: Mapping[str, Any]) -> None:
        for package_type in (SOURCE, ENTRY):
            schema = schema_for(package_type)
            mine = [row for row in rows if row.package_type == package_type]
            edits: list[tuple[RowPlan, bulk_edit.Edit]] = []
            for row in mine:
                new = merge.apply(row.stored, row.cells)
                for name in row.rows:
                    merged = merge.apply_rows(
                        schema.fields[name],
                        rows_of(row.base, name),
                        rows_of(row.stored, name),
                        row.cells,
                    )
                    if merged:
                        new[name] = merged
                for name in MARK_COLUMNS.get(package_type, ()):
                    new.pop(name, None)
                edit = bulk_edit.Edit(cast(Record, row.record), row.stored, new)
                if edit.changes:
                    edits.append((row, edit))
            errors = bulk_edit.validate(
                self.ground.session,
                [edit for _, edit in edits],
                self.ground.person,
                self.ground.user_name,
                self.ground.checked(self.checked),
            )
            self.checked += len(edits)
            for (row, edit), found in zip(edits, errors, strict=True):
                row.edit = edit
                if found:
                    self._errors(row, found)
                else:
                    self._follow(row, edit)
                    self._see_review(row, edit)

    def _follow(self, row: RowPlan, edit: bulk_edit.Edit) -> None:
        """Show what the inventory answers from the changed cells."""
        there = {cell.key.partition("/")[0] for cell in row.cells}
        for change in edit.changes:
            if change.field not in there:
                row.cells.append(
                    Cell(
                        change.field,
                        change.label,
                        change.old,
                        change.old,
                        change.new,
                        Outcome.FOLLOWS,
                    )
                )

    def _see_review(self, row: RowPlan, edit: bulk_edit.Edit) -> None:
        record = edit.record
        approved = State(record.state) in HAS_APPROVED_TEXT
        if approved and record.approved_hash == record.material_hash:
            schema = schema_for(row.package_type)
            row.back_to_review = material_hash(schema, edit.new) != record.approved_hash

    def _errors(self, row: RowPlan, found: Mapping[str, Sequence[str]]) -> None:
        schema = schema_for(row.package_type)
        for name, messages in found.items():
            spec = schema.fields.get(name)
            if spec is not None and spec.kind == "rows" and row.rows_at:
                self._tell_rows(row, spec, messages)
                continue
            cell = next((cell for cell in row.cells if cell.key == name), None)
            for message in messages:
                self.ground.problem(
                    row,
                    Severity.ERROR,
                    name if spec is not None else "",
                    self._in_words(row, name, cell.file if cell else row.content.get(name)),
                    Message("%(message)s", {"message": message}),
                    fixable=True,
                    label=spec.label if spec is not None else "",
                )

    def _tell_rows(self, row: RowPlan, spec: FieldSpec, messages: Sequence[str]) -> None:
        """Tell what is wrong with a field of rows at those rows of the file that it is about."""
        lines = [
            line
            for kind in row.rows.get(spec.name, {})
            if (line := row.rows_at.get(f"{spec.name}/{kind}")) is not None
        ]
        told = [self._tell_row(row, spec, line) for line in lines]
        if not any(told):
            # None is wrong by itself.
            for line in lines or [row]:
                for message in messages:
                    reason = Message("%(message)s", {"message": message})
                    self.ground.problem(line, Severity.ERROR, "", self._said(spec, line), reason)

    def _tell_row(self, row: RowPlan, spec: FieldSpec, line: RowPlan) -> bool:
        """Ask of one row alone whether it is wrong, and tell it there.

        :param row: the record's row
        :param spec: the field of rows
        :param line: the row of the sheet of rows
        :returns: whether it is wrong
        """
        edits = line.rows[spec.name]
        old: list[dict[str, Any]] = []
        if row.record is not None:
            old = rows_of(row.stored, spec.name)
            rows = (rows_of(row.base, spec.name), old)
            cells = merge.compare_rows(spec, rows, edits, lambda key: self.ground.chosen(row, key))
            new = merge.apply_rows(spec, *rows, cells)
            edit = bulk_edit.Edit(row.record, row.stored, {**row.stored, spec.name: new})
            [errors] = bulk_edit.validate(
                self.ground.session, [edit], self.ground.person, self.ground.user_name
            )
            known = facts.of_record(row.record)
        else:
            new = list(edits.values())
            department = row.content.get("owner_org")
            alone = {"title": row.title, "owner_org": department, spec.name: new}
            [errors] = bulk.validate(
                self.ground.session,
                row.package_type,
                [bulk.NewRecord(alone)],
                self.ground.person,
                self.ground.user_name,
            )
            known = Facts("", row.package_type, str(department))
        messages = errors.get(spec.name, [])
        how = content.Write(self.ground.person)
        columns = {
            problem.message: problem.column
            for problem in blockers.row_problems(old, new, known, how)
        }
        for message in messages:
            column = columns.get(message, "")
            sub = next((sub for sub in spec.subfields if sub.name == column), None)
            self.ground.problem(
                line,
                Severity.ERROR,
                column,
                self._said(spec, line, column),
                Message("%(message)s", {"message": message}),
                fixable=True,
                label=sub.label if sub is not None else "",
            )
        return bool(messages)

    def _said(self, spec: FieldSpec, line: RowPlan, column: str = "") -> str:
        """Return what a row of a sheet of rows says, or one cell of it."""
        cells = [
            str(layouts.write(sub, edits.get(sub.name), self.ground.names))
            for edits in line.rows.get(spec.name, {}).values()
            for sub in spec.subfields
            if column in ("", sub.name)
        ]
        return "; ".join(cell for cell in cells if cell)

    def _in_words(self, row: RowPlan, key: str, value: Any) -> str:
        """Write a value as people read it, never as it is stored."""
        names = replace(self.ground.names, say=tk._)
        if key in MARK_COLUMNS.get(row.package_type, ()):
            return layouts.write_mark(key, value, self.ground.words, names)
        spec = schema_for(row.package_type).fields.get(key)
        if spec is None or spec.kind == "rows":
            return _shown(value)
        return str(layouts.write(spec, value, names))

    def _find_same(self) -> None:
        """Offer records that new rows look like."""
        ground = self.ground
        for row, twin in ground.sameness.offer(ground.preview.rows, ground.settled.same):
            message = Message(
                "The file holds this name already, in row %(row)s: this row stays out. Give it another "
                "name if it is another one.",
                {"row": twin.row},
            )
            ground.problem(row, Severity.WARNING, "title", row.title, message, fixable=True)

    def _validate_new(self, given: Sequence[RowPlan]) -> None:
        chosen = self.ground.settled.left_out
        for package_type in (SOURCE, ENTRY):
            # What stays out by choice is checked, too: the page shows it beside what is wrong.
            rows = [
                row
                for row in given
                if row.package_type == package_type
                and not row.failed
                and (not row.left_out or row.where in chosen)
            ]
            unchecked = [row for row in rows if row.new is not None and row.new.validated is None]
            records = [cast(bulk.NewRecord, row.new) for row in unchecked]
            found = bulk.validate(
                self.ground.session,
                package_type,
                records,
                self.ground.person,
                self.ground.user_name,
                tell=self.ground.checked(self.checked),
            )
            self.checked += len(records)
            for row, errors in zip(unchecked, found, strict=True):
                if errors:
                    self._errors(row, errors)
            self._ask_submit(package_type, rows)

    def _ask_submit(self, package_type: str, rows: Sequence[RowPlan]) -> None:
        """Let new rows be submitted in the same step, if they have what it takes."""
        settled = self.ground.settled.submit
        if not settled:
            return
        schema = schema_for(package_type)
        defaults = register.defaults(
            self.ground.session, {str(row.content.get("owner_org")) for row in rows}
        )
        for row in rows:
            wanted = row.where in settled
            asked = wanted or "all" in settled
            if row.failed or row.left_out or row.new is None or not asked:
                continue
            values = content.of_package(schema, bulk.package_of(row.new))
            department = str(row.content.get("owner_org"))
            gaps = requirements.missing(
                schema,
                values,
                Stage.SUBMIT,
                defaults=defaults[department],
                confirmed=None,
                reviews={},
                vocabularies=self.ground.words,
            )
            placeholder = Facts("", package_type, department)
            decision = policy.may(self.ground.person, Act.SUBMIT, placeholder, config.options())
            row.submit = not gaps and bool(decision)
            if wanted and not decision:
                self.ground.problem(row, Severity.ERROR, "", row.title, Message(decision.reason))
            elif wanted:
                for gap in gaps:
                    spec = schema.fields.get(gap.field)
                    self.ground.problem(
                        row,
                        Severity.ERROR,
                        gap.field if spec is not None else "",
                        "",
                        Message("%(message)s", {"message": gap.in_words(tk._)}),
                        fixable=True,
                        label=spec.label if spec is not None else "",
                    )


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(str(item) for item in cast("list[Any]", value))
    return "" if value is None else str(value)
