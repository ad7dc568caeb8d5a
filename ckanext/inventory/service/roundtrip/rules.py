"""Asking every right and every rule of what the cells of a file come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import ckan.plugins.toolkit as tk

from ckanext.inventory import config, policy
from ckanext.inventory.fields import material_hash, schema_for
from ckanext.inventory.model import Record
from ckanext.inventory.policy import Act
from ckanext.inventory.service import (
    bulk,
    bulk_edit,
    content,
    facts,
    register,
    requirements,
    review,
)
from ckanext.inventory.service.marks import MARKS
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
        # An answer stays on the page, to be changed, even if nothing follows from it.
        self.ground.preview.rows += [
            row for row in self.ground.known.values() if row.same and not (row.cells or row.rows)
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
        self._validate_new()
        if "all" in self.ground.settled.left_out:
            for row in self.ground.preview.held:
                row.left_out = True
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
                    row, Severity.WARNING, cell.key, _shown(cell.file), reason, label=cell.label
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
            mine = [row for row in rows if row.package_type == package_type and not row.left_out]
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
            cell = next((cell for cell in row.cells if cell.key == name), None)
            for message in messages:
                self.ground.problem(
                    row,
                    Severity.ERROR,
                    name if spec is not None else "",
                    _shown(cell.file if cell else row.content.get(name)),
                    Message("%(message)s", {"message": message}),
                    fixable=True,
                    label=spec.label if spec is not None else "",
                )

    def _find_same(self) -> None:
        """Offer records that new rows look like."""
        ground = self.ground
        for row, twin in ground.sameness.offer(ground.preview.rows, ground.settled.same):
            message = Message(
                "The file holds this name already, in row %(row)s.", {"row": twin.row}
            )
            ground.problem(row, Severity.WARNING, "", row.title, message)

    def _validate_new(self) -> None:
        for package_type in (SOURCE, ENTRY):
            rows = [
                row
                for row in self.ground.preview.rows
                if row.new is not None
                and row.package_type == package_type
                and not (row.failed or row.left_out)
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
            if row.failed or not (wanted or "all" in settled) or row.new is None:
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
