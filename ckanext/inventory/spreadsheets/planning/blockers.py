"""What stands against release, as a row says it: kinds in one column, their parts in others."""

from __future__ import annotations

from dataclasses import replace

from ckanext.inventory.spreadsheets.headers import BLOCKERS, Assignment
from ckanext.inventory.spreadsheets.messages import Message, also
from ckanext.inventory.types import NOT_KNOWN
from ckanext.inventory.vocabularies import Vocabularies, normalise

from .draft import Draft


def read_part(draft: Draft, item: Assignment, part: str, written: str) -> None:
    """Read a column of a blocker.

    :param draft: the row
    :param item: the column
    :param part: what it says of the blocker
    :param written: the cell's text
    """
    task = draft.task
    if task.vocabularies.match_word(written) == "":
        return
    specs = {spec.name: spec for spec in draft.fields[BLOCKERS].subfields}
    # What texts stand for is known by the column's whole name: a field may be called like a part.
    spec = replace(specs[part], name=item.target)
    if part == "kind":
        if normalise(written) == normalise("under_review"):
            draft.comment(item.column.label, written)
            return
        if normalise(written) == normalise("already_available"):
            draft.content.setdefault("existing_publication", ["open_data_portal"])
            draft.add_beside("existing_publication", item.column.label, "open_data_portal")
            return
        reading = task.cells.choices(
            spec, written, lambda piece: task.cells.mapped(spec.name, piece)
        )
        draft.blocker_kinds = list(reading.value or [])
    else:
        if part == "rationale" and _no_reason(task.vocabularies, written):
            return
        reading = task.cells.read(spec, written)
        if reading.value is not None:
            draft.blocker[part] = reading.value
    message = reading.message
    if reading.rest:
        kept = draft.comment(item.column.label, reading.rest)
        message = message and also(message, kept)
    if message:
        draft.warn(item.column, written, message, reading.suggestion)


def _no_reason(vocabularies: Vocabularies, written: str) -> bool:
    """Tell a filler from a reason; a class's own name is no reason either."""
    return vocabularies.is_placeholder(written) or bool(
        vocabularies.match("classification", written)
    )


def settle_blockers(draft: Draft) -> None:
    """Make the blocker rows of what the columns said.

    :param draft: the row, all of whose columns were read
    """
    if BLOCKERS not in draft.fields:
        return
    if draft.blocker and not draft.blocker_kinds:
        _drop_contradiction(draft)
        if draft.blocker:
            draft.blocker_kinds = [NOT_KNOWN]
    elif draft.blocker_kinds and {"no", "none"}.issuperset(draft.blocker_kinds):
        draft.blocker_kinds = []
    rows = [{"kind": kind, "status": "open", **draft.blocker} for kind in draft.blocker_kinds]
    if rows:
        draft.content[BLOCKERS] = rows
        draft.content["blocker_status"] = "some"


def _drop_contradiction(draft: Draft) -> None:
    """Keep a reason in the comments where the class says that nothing stands against release."""
    level = draft.task.vocabularies.levels.get(draft.content.get("classification") or "")
    rationale = draft.blocker.get("rationale")
    if not (level and level.release == "direct" and rationale):
        return
    column = draft.columns.first(f"{BLOCKERS}.rationale")
    draft.warn(
        column,
        str(rationale),
        Message(
            'It reads like a reason against release, but the class is "%(level)s": kept '
            "in the comments.",
            {"level": level.label},
        ),
    )
    draft.comment(column.label, rationale)
    draft.blocker = {}
