"""Saving what a preview showed: all of it in the caller's transaction, or nothing.

New records and changed ones are one act with one event; marks and submitting are the acts that they always
are, with their own rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory.model import ImportRow, Record
from ckanext.inventory.model.imports import SAVING
from ckanext.inventory.service import (
    bulk,
    bulk_edit,
    events,
    facts,
    marks,
    transitions,
    workbooks,
)
from ckanext.inventory.service.refusals import refusal
from ckanext.inventory.service.roundtrip import Preview, RowPlan, Tell, tell_nobody
from ckanext.inventory.types import ENTRY, SOURCE, Person

ACT = "import"
_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Saved:
    """What was saved.

    :param created: new records
    :param changed: package ids of changed ones
    :param submitted: package ids of new ones that were submitted
    """

    created: Sequence[bulk.Created]
    changed: Sequence[str]
    submitted: Sequence[str]


def hold(session: Session, found: Preview) -> bool:
    """Hold everything that a save would touch, until the end of the transaction.

    :param session: the database session
    :param found: the preview
    :returns: False if something changed since it was made, so that it has to be made again
    """
    if found.departments:
        bulk.lock(session, sorted(found.departments))
    planned = {
        cast(Record, row.record).package_id: _standing(cast(Record, row.record))
        for row in found.changed
    }
    rows = facts.records(session, list(planned), lock=True)
    return all(
        package_id in rows and _standing(rows[package_id]) == standing
        for package_id, standing in planned.items()
    )


def _standing(record: Record) -> tuple[Any, ...]:
    return (
        record.revision,
        record.state,
        record.package_state,
        record.department,
        record.assignee,
        record.visibility,
        record.in_directory,
        record.listing,
        record.shared,
    )


def save(
    session: Session,
    person: Person,
    user_name: str,
    found: Preview,
    import_id: str,
    tell: Tell = tell_nobody,
) -> Saved:
    """Write what a preview showed. The caller holds the rows and commits.

    :param session: the database session
    :param person: who saves
    :param user_name: the account's name
    :param found: the preview, without open conflicts and held rows
    :param import_id: the kept import
    :param tell: told how far it is
    :returns: what was saved
    :raises ValidationError: if a new row can't be submitted after all
    """
    before = {
        cast(Record, row.record).package_id: cast(Record, row.record).revision
        for row in found.changed
    }
    marked = {
        cast(Record, row.record).package_id: {
            cell.key: _mark_change(cell.stored, cell.file) for cell in row.changes_marks
        }
        for row in found.changed
    }
    details = {"import": import_id, "file": found.filename, "sha256": found.digest}
    created: list[bulk.Created] = []
    new_rows: list[RowPlan] = []
    for package_type in (SOURCE, ENTRY):
        rows = [row for row in found.new if row.package_type == package_type]
        records = [cast(bulk.NewRecord, row.new) for row in rows]
        for batch in _batches(records):
            created += bulk.create(session, package_type, batch, person, act=None)
            tell(SAVING, len(created))
        new_rows += rows
    edits = [row.edit for row in found.changed if row.edit is not None]
    changed: list[events.Row] = []
    for batch in _batches(edits):
        changed += bulk_edit.write(session, batch, person)
        tell(SAVING, len(created) + len(changed))
    told = [*bulk.event_rows(created), *changed]
    if told:
        told[0].details.update(details)
        events.record(session, ACT, person.user_id, told)
    _mark(session, person, found.changed)
    submitted = _submit(session, person, user_name, new_rows)
    _keep(session, import_id, found, new_rows, (before, marked), set(submitted))
    return Saved(created, [row.package_id or "" for row in changed], submitted)


def _mark_change(old: Any, new: Any) -> dict[str, str]:
    return {"old": workbooks.mark_text(old), "new": workbooks.mark_text(new)}


BATCH = 1_000


def _batches(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def _mark(session: Session, person: Person, rows: Sequence[RowPlan]) -> None:
    """Set marks and assignees by their own acts, once for each value."""
    groups: dict[tuple[str, Any], list[Record]] = {}
    for row in rows:
        for cell in row.changes_marks:
            groups.setdefault((cell.key, cell.file), []).append(cast(Record, row.record))
    for (name, value), records in groups.items():
        if name == "assignee":
            marks.assign(session, person, records, value)
        else:
            marks.mark(session, person, records, name, value)


def _submit(session: Session, person: Person, user_name: str, rows: Sequence[RowPlan]) -> list[str]:
    submitted: list[str] = []
    for package_type in (SOURCE, ENTRY):
        ids = [
            cast(bulk.NewRecord, row.new).package_id
            for row in rows
            if row.submit and row.package_type == package_type
        ]
        if not ids:
            continue
        outcome = transitions.perform(
            session, person, ids, "submit", transitions.Inputs(), user_name=user_name
        )
        if outcome.refused:
            raise refusal(
                {
                    "submit": [
                        f"{item.number}: {message}"
                        for item in outcome.refused
                        for messages in item.reasons.values()
                        for message in messages
                    ]
                }
            )
        submitted += outcome.done
    return submitted


def _keep(
    session: Session,
    import_id: str,
    found: Preview,
    new_rows: Sequence[RowPlan],
    before: tuple[Mapping[str, int], Mapping[str, Mapping[str, Mapping[str, str]]]],
    submitted: set[str],
) -> None:
    """Note by revision what the import did, for its report and for taking it back."""
    revisions, marked = before
    rows: list[dict[str, Any]] = []
    for plan in new_rows:
        record = cast(bulk.NewRecord, plan.new)
        rows.append(
            {
                "package_id": record.package_id,
                "department": str(record.content["owner_org"]),
                "created": True,
                "from_revision": None,
                "revision": 1,
                "marks": {name: _mark_change(None, value) for name, value in plan.marks.items()},
                "submitted": record.package_id in submitted,
                "sheet": plan.sheet,
                "row": plan.row,
            }
        )
    for plan in found.changed:
        record = cast(Record, plan.record)
        rows.append(
            {
                "package_id": record.package_id,
                "department": record.department,
                "created": False,
                "from_revision": revisions[record.package_id],
                "revision": record.revision,
                "marks": dict(marked[record.package_id]),
                "submitted": False,
                "sheet": plan.sheet,
                "row": plan.row,
            }
        )
    for seq, row in enumerate(rows):
        row |= {"import_id": import_id, "seq": seq}
    if rows:
        session.execute(sa.insert(ImportRow.__table__), rows)  # pyright: ignore[reportArgumentType] - a Table


def refuse_unsettled(found: Preview) -> None:
    """Refuse to save as long as something is to be chosen or fixed.

    :param found: the preview
    :raises ValidationError: with what is missing
    """
    errors: dict[str, list[str]] = {}
    if found.conflicts:
        errors["conflicts"] = [
            tk.ungettext(
                "One cell was changed on both sides: choose which one stays.",
                "{n} cells were changed on both sides: choose which ones stay.",
                len(found.conflicts),
            ).format(n=len(found.conflicts))
        ]
    if found.held:
        errors["rows"] = [
            tk.ungettext(
                "One row has an error: fix it, or leave it out.",
                "{n} rows have errors: fix them, or leave them out.",
                len(found.held),
            ).format(n=len(found.held))
        ]
    if found.strange:
        errors["departments"] = [
            tk.ungettext(
                "One department of the file isn't known here: say which one it is, or leave its "
                "rows out.",
                "{n} departments of the file aren't known here: say which ones they are, or leave "
                "their rows out.",
                len(found.strange),
            ).format(n=len(found.strange))
        ]
    if not found.new and not found.changed:
        errors["upload"] = [tk._("There is nothing to save.")]
    if errors:
        raise refusal(errors)
