"""Plan one row: which record it means, what it says, and what follows from that."""

from __future__ import annotations

from dataclasses import replace

from .answers import answer
from .blockers import settle_blockers
from .draft import Draft
from .filling import fill
from .naming import read_department, read_identity, read_number, read_title
from .outcome import Row, Skipped


def plan_row(draft: Draft) -> None:
    """Read the row, and add it to the plan unless something keeps it out.

    :param draft: the row
    """
    task, plan = draft.task, draft.task.plan
    numbered = read_number(draft)
    if not read_title(draft):
        return
    if not read_department(draft):
        plan.left_out += 1
        return
    identity = None if draft.failed else read_identity(draft)
    recognised = task.recogniser.find(identity, numbered) if identity else None
    existing = recognised.record if recognised and task.choices.read_known else None
    sheet, content = draft.columns.sheet, draft.content
    if recognised and existing is None:
        taken = recognised.record is None and f"{sheet}!{draft.number}" in task.known.others
        reason = recognised.reason
        plan.skipped.append(Skipped(sheet, draft.number, content["title"], reason, taken))
        if not taken:
            return
    draft.existing = existing is not None
    if existing is None:
        draft.give(task.choices.given_to_new.get(sheet, {}))
    fill(draft)
    settle_blockers(draft)
    answer(draft)
    if identity is None:
        return
    written = frozenset(content) & draft.filled()
    draft.finish_comments()
    row = Row(sheet, draft.number, draft.department, content, draft.marks)
    if recognised and existing is not None:
        plan.known.append(
            replace(
                row,
                existing=existing,
                written=written,
                beside={name: draft.beside[name] for name in draft.beside.keys() - written},
            )
        )
        return
    task.recogniser.add(identity)
    plan.rows.append(row)
