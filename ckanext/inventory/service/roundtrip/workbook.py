"""Comparing a workbook of ours: cell by cell, three ways."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import sqlalchemy as sa

from ckanext.inventory import policy
from ckanext.inventory.fields import FieldSpec
from ckanext.inventory.model import Record
from ckanext.inventory.model.imports import READING
from ckanext.inventory.service import (
    languages,
    parts,
    register,
    review,
    search,
    workbooks,
)
from ckanext.inventory.service.marks import MARKS
from ckanext.inventory.spreadsheets import layout as layouts
from ckanext.inventory.spreadsheets import merge, places, returned
from ckanext.inventory.spreadsheets.headers import MARKS as MARK_COLUMNS
from ckanext.inventory.spreadsheets.layout import Column, Role
from ckanext.inventory.spreadsheets.merge import Cell, Outcome
from ckanext.inventory.spreadsheets.messages import FileProblem, Message, Severity
from ckanext.inventory.spreadsheets.planning.known import Ref, fold
from ckanext.inventory.spreadsheets.reader import text
from ckanext.inventory.spreadsheets.returned import Line, Page
from ckanext.inventory.types import State
from ckanext.inventory.workflow import STATE_LABELS

from .departments import RowDepartments
from .ground import UNKNOWN, Ground, mark_value
from .plans import ALL, RowPlan
from .row_sheets import RowSheets

BATCH = 500


class Workbook:
    """Compares the sheets of a workbook of ours."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.departments = RowDepartments(ground)
        self.same_lines: list[tuple[Line, RowPlan, str]] = []

    def compare(self, pages: Sequence[Page]) -> None:
        """Compare it.

        :param pages: its sheets
        """
        found = self.ground.preview
        stamps = [page.stamp for page in pages]
        language = next((stamp.language for stamp in stamps if stamp.language), "")
        self.ground.names = replace(self.ground.names, say=languages.sayer(language))
        found.part = next((stamp.part for stamp in stamps if stamp.part), "")
        found.downloaded = next((stamp.at for stamp in stamps if stamp.at), "")
        self.ground.department = self.ground.department or next(
            (stamp.department for stamp in stamps if stamp.department), None
        )
        for page in pages:
            found.places[page.sheet] = places.of_page(page)
            found.unknown += page.unknown
            if page.outdated:
                found.notes.append(
                    Message(
                        'The columns of "%(sheet)s" have changed since this file was downloaded. '
                        "What is still understood is read.",
                        {"sheet": page.sheet or page.layout.title},
                    )
                )
        for page in [page for page in pages if not page.layout.rows_of]:
            self._page(page)
        readable = bool(self.ground.known or self.ground.intact)
        rows = RowSheets(self.ground)
        for page in [page for page in pages if page.layout.rows_of]:
            rows.compare(page)
        self._refuse_strange(pages, readable=readable)
        self._count_missing(pages)

    def _refuse_strange(self, pages: Sequence[Page], *, readable: bool) -> None:
        numbered = any(line.number for page in pages for line in page.lines)
        # What the file says it is comes first, whatever department was chosen for it.
        claimed = next((page.stamp.department for page in pages if page.stamp.department), None)
        department = claimed or self.ground.department
        mine = department is not None and policy.may_add_to(self.ground.person, department)
        if numbered and not readable and not self.ground.known and not mine:
            raise FileProblem(
                "This is a workbook of another department, or of another inventory. Download yours "
                "and copy your rows into it."
            )

    def _count_missing(self, pages: Sequence[Page]) -> None:
        types = {page.layout.package_type for page in pages if not page.layout.rows_of}
        part = self.ground.preview.part
        held = parts.entries_of(self.ground.session, self.ground.person, part) if part else None
        conditions = [
            Record.package_type.in_(types),
            Record.package_state == "active",
            search.visible(policy.scope(self.ground.person)),
        ]
        if self.ground.department is not None:
            conditions.append(Record.department == self.ground.department)
        if held is not None:
            conditions.append(Record.package_id.in_(held))
        there = Counter(row.package_type for row in self.ground.known.values())
        there.update(
            kind
            for number, (_, _, kind) in self.ground.intact.items()
            if number not in self.ground.known
        )
        query = sa.select(Record.package_type, sa.func.count()).where(*conditions)
        for package_type, total in self.ground.session.execute(
            query.group_by(Record.package_type)
        ).tuples():
            self.ground.preview.missing += max(total - there[package_type], 0)

    def _page(self, page: Page) -> None:
        others = self._put_aside(page)
        self.ground.tell(READING, self.ground.preview.read)
        for start in range(0, len(others), BATCH):
            lines = others[start : start + BATCH]
            records = self.ground.records(line.number for line in lines if line.number)
            pairs = [(line, records[line.number]) for line in lines if line.number in records]
            stored = register.current_contents(
                self.ground.session, [record.package_id for _, record in pairs]
            )
            base = self.ground.base(pairs, stored)
            for line in lines:
                self.ground.preview.read += 1
                self.ground.give(page, line, new=not line.number)
                self._line(page, line, records.get(line.number), base, stored)
                line.let_go()
            self.ground.tell(READING, self.ground.preview.read)
        self._same_lines(page)

    def _same_lines(self, page: Page) -> None:
        """Take the changes of rows without a number that are known records, by somebody's answer."""
        waiting, self.same_lines = self.same_lines, []
        if not waiting:
            return
        records = self.ground.records(number for _, _, number in waiting)
        stored = register.current_contents(
            self.ground.session, [record.package_id for record in records.values()]
        )
        base = self.ground.base_at(records.values(), page.stamp.at, stored)
        for line, plan, number in waiting:
            record = records.get(number)
            wrong = self.ground.not_the_same(plan, record)
            if record is None or wrong is not None:
                message = wrong or UNKNOWN
                self.ground.problem(plan, Severity.ERROR, layouts.NUMBER, number, message)
                self.ground.preview.rows.append(plan)
                continue
            title = text(line.cells.get("title", ""))
            plan.record, plan.title, plan.same = record, title, Ref.of(record)
            plan.base, plan.stored = base[record.package_id], stored[record.package_id]
            self.ground.known[number] = plan
            self.ground.give(page, line, new=False)
            self.ground.same_titles[f"{plan.package_type}!{fold(title)}"] = plan
            self._compare(page, line, plan)
            # How it is called is what the question was about; it keeps its name.
            plan.cells = [cell for cell in plan.cells if cell.key != "title"]

    def _put_aside(self, page: Page) -> list[Line]:
        """Count rows that nobody wrote into, and return the others.

        Of these rows nothing is asked but whether the person may read them: neither their records nor
        their contents are loaded.
        """
        others: list[Line] = []
        same: dict[str, Line] = {}
        fixed = {key.rpartition("!")[0] for key in self.ground.settled.fixes}
        for line in page.lines:
            seen = (
                line.number in same
                or line.number in self.ground.intact
                or line.number in self.ground.known
            )
            if seen or not returned.intact(line) or (fixed and f"{line.sheet}!{line.row}" in fixed):
                others.append(line)
            else:
                same[line.number] = line
        readable = self.ground.readable(page.layout.package_type, same)
        package_type = page.layout.package_type
        for number in readable:
            self.ground.intact[number] = (page.sheet, same[number].row, package_type)
        self.ground.preview.read += len(readable)
        if len(readable) < len(same):
            others += [line for number, line in same.items() if number not in readable]
            others.sort(key=lambda line: line.row)
        return others

    def _line(
        self,
        page: Page,
        line: Line,
        record: Record | None,
        base: Mapping[str, Mapping[str, Any]],
        stored: Mapping[str, Mapping[str, Any]],
    ) -> None:
        package_type = page.layout.package_type
        plan = RowPlan(line.sheet, line.row, package_type)
        plan.left_out = plan.where in self.ground.settled.left_out
        if not line.number:
            number = returned.reference(self._answer(line, plan))
            if number:
                self.same_lines.append((line, plan, number))
            else:
                self._new_line(page, line, plan)
            return
        if record is None or record.package_type != package_type:
            self.ground.problem(
                plan,
                Severity.ERROR,
                layouts.NUMBER,
                line.number,
                UNKNOWN,
            )
            self.ground.preview.rows.append(plan)
            return
        known = self.ground.known.get(line.number)
        unchanged = self.ground.intact.get(line.number)
        before = known.row if known is not None else unchanged[1] if unchanged is not None else 0
        if before:
            self.ground.problem(
                plan,
                Severity.ERROR,
                layouts.NUMBER,
                line.number,
                Message(
                    "The number stands in row %(row)s, too. Keep one of them, or leave the number "
                    "empty to add a new record.",
                    {"row": before},
                ),
            )
            self.ground.preview.rows.append(plan)
            return
        plan.record, plan.title = record, record.title
        plan.base, plan.stored = base[record.package_id], stored.get(record.package_id, {})
        self.ground.known[line.number] = plan
        self._compare(page, line, plan)

    def _compare(self, page: Page, line: Line, plan: RowPlan) -> None:
        """Compare the cells of a known record that somebody wrote into."""
        record = cast(Record, plan.record)
        for column in page.layout.columns:
            if column.key not in line.cells:
                continue
            if column.spec is not None:
                self._field(page, line, plan, column)
            elif column.role is Role.MARK or column.key in MARKS or column.key == "assignee":
                self._mark(page, line, plan, column)
        if line.token is not None and not returned.untouched(line, page.layout, plain=page.plain):
            self._attempts(page, line, plan, record)

    def _attempts(self, page: Page, line: Line, plan: RowPlan, record: Record) -> None:
        """Report cells of read-only columns that somebody wrote into."""
        shown = _Shown(record)
        confirmed = review.findings(self.ground.session, [record.package_id])[
            record.package_id
        ].confirmed
        for column in page.layout.columns:
            if column.role is not Role.READ_ONLY or column.spec is not None:
                continue
            if column.key not in line.cells or column.key == layouts.BALL:
                continue
            if column.key in MARKS or column.key == "assignee":
                continue
            now = workbooks.cell_of(
                column, shown, plan.stored, confirmed, self.ground.words, self.ground.names
            )
            cell = line.cells[column.key]
            if not returned.was_written_into(cell, now, plain=page.plain):
                continue
            reason = _ATTEMPTS.get(column.key, "This can't be changed through a file.")
            written = text(cell)
            plan.cells.append(
                Cell(column.key, column.header, now, now, written, Outcome.REFUSED, reason=reason)
            )
            self.ground.problem(
                plan,
                Severity.WARNING,
                column.key,
                written,
                Message(reason),
            )

    def _field(self, page: Page, line: Line, plan: RowPlan, column: Column) -> None:
        spec = cast(FieldSpec, column.spec)
        cell, old = line.cells[column.key], plan.base.get(column.key)
        fixed = self.ground.settled.own_fix(line.sheet, line.row, column.key) is not None
        if line.token is None and not fixed and not text(cell):
            # Nobody knows what stood there, so that nothing says that it was emptied.
            return
        before = layouts.write(spec, old, self.ground.names)
        if not fixed and not returned.was_written_into(cell, before, plain=page.plain):
            return
        understood, value = self.ground.read(page, line, plan, column, old)
        if not understood or merge.same_value(spec)(value, old):
            return
        if column.key == "title" and not value:
            self.ground.problem(
                plan,
                Severity.WARNING,
                column.key,
                "",
                Message("A record needs a name: it stays as it was."),
                fixable=True,
            )
            return
        self.ground.add_cell(
            plan, column.key, spec.label, spec, (old, plan.stored.get(column.key), value)
        )

    def _mark(self, page: Page, line: Line, plan: RowPlan, column: Column) -> None:
        record, name = cast(Record, plan.record), column.key
        stored = getattr(record, name)
        base = stored
        names = MARK_COLUMNS[plan.package_type]
        if line.token is not None and len(line.token.marks) == len(names):
            base = mark_value(name, line.token.marks[names.index(name)])
        cell = line.cells[name]
        fixed = self.ground.settled.own_fix(line.sheet, line.row, name) is not None
        if line.token is None and not fixed and not text(cell):
            return
        before = layouts.write_mark(name, base, self.ground.words, self.ground.names)
        if not fixed and not returned.was_written_into(cell, before, plain=page.plain):
            return
        fix = self._fix(line, column)
        written = text(cell) if fix is None else fix.strip()
        if not returned.was_written_into(written, before, plain=page.plain):
            return
        understood, value = self.ground.read_mark(plan, name, written)
        if understood and value != base:
            self.ground.add_cell(plan, name, column.header, None, (base, stored, value))

    def _fix(self, line: Line, column: Column) -> str | None:
        """Return the text that stands for a cell, None if nothing does."""
        return self.ground.fix(line, column.key)

    def _first_state(self) -> str:
        return self.ground.names.say(STATE_LABELS[State.DRAFT])

    def _new_line(self, page: Page, line: Line, plan: RowPlan) -> None:
        """Read a row without a number."""
        settled = self.ground.settled
        fixed = bool(settled.fixes or settled.fixes_all)
        filled = [
            column
            for column in page.layout.columns
            if column.key in line.cells
            and (text(line.cells[column.key]) or (fixed and self._fix(line, column) is not None))
        ]
        # A fix for all empty cells doesn't make a row of one that says nothing itself.
        own = settled.fixes
        if not any(
            column.role is not Role.READ_ONLY
            and (text(line.cells[column.key]) or f"{plan.where}!{column.key}" in own)
            for column in filled
        ):
            return
        self.ground.preview.rows.append(plan)
        has_department = self.departments.settle(page, line, plan)
        for column in filled:
            if not has_department and _is_of_department(column):
                # What it means there is seen once the department is known.
                continue
            if column.role is Role.READ_ONLY:
                if column.spec is not None or column.key in (layouts.STATE, layouts.CONFIRMED):
                    reason = _ATTEMPTS.get(column.key, "You can't write this column.")
                    written = text(line.cells[column.key])
                    if column.key == layouts.STATE and written == self._first_state():
                        # a row that was copied to begin with; a draft is what it becomes
                        continue
                    self.ground.problem(
                        plan, Severity.WARNING, column.key, written, Message(reason)
                    )
                continue
            if column.role is Role.MARK:
                fix = self._fix(line, column)
                written = text(line.cells[column.key]) if fix is None else fix.strip()
                understood, value = self.ground.read_mark(plan, column.key, written)
                if understood:
                    plan.marks[column.key] = value
                continue
            understood, value = self.ground.read(page, line, plan, column, None)
            if understood and value not in (None, "", []):
                plan.content[column.key] = value
        plan.title = str(plan.content.get("title") or "")
        if not plan.title:
            self.ground.problem(
                plan,
                Severity.ERROR,
                "title",
                "",
                Message("The row has no name."),
                fixable=True,
            )
            return
        if plan.failed:
            # Its reasons are about it all the same.
            self.ground.new_titles.setdefault(f"{plan.package_type}!{fold(plan.title)}", plan)
        else:
            self.ground.new_record(plan)

    def _answer(self, line: Line, plan: RowPlan) -> str:
        """Return how "the same one?" is answered for a row without a number."""
        department, settled = self.departments.of(line), self.ground.settled
        if ALL not in settled.same or department is None:
            return settled.is_the_same(plan.where, None)
        names = self.ground.sameness.names(plan.package_type, department)
        return settled.is_the_same(plan.where, names.same(line.text_of("title")))


_ATTEMPTS: Mapping[str, str] = {
    layouts.NUMBER: "A number can't be changed: the row stays what it was.",
    layouts.STATE: "A state can't be changed through a file. Use the steps of the workflow.",
    layouts.DEPARTMENT: "The department can't be changed here. Ask for a transfer instead.",
    layouts.CONFIRMED: "A confirmed classification can't be changed through a file.",
}


def _is_of_department(column: Column) -> bool:
    """Tell whether a column names people or records of the row's department."""
    kind = column.spec.kind if column.spec is not None else ""
    return column.key == "assignee" or kind in ("source_list", "entry")


class _Shown:
    """A register row as the download shows it; who has the ball isn't compared."""

    in_queue = detailing = False

    def __init__(self, record: Record) -> None:
        self._record = record

    def __getattr__(self, name: str) -> Any:
        return getattr(self._record, name)
