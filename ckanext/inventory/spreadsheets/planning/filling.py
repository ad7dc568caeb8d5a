"""What the cells of a row say of its record, column by column."""

from __future__ import annotations

import re

from ckanext.inventory.fields import FieldSpec
from ckanext.inventory.spreadsheets.headers import (
    BLOCKERS,
    COMMENTS,
    MARKS,
    NAMING,
    Assignment,
    Fate,
)
from ckanext.inventory.spreadsheets.layout import MARK_LISTS
from ckanext.inventory.spreadsheets.messages import Message, also
from ckanext.inventory.spreadsheets.reader import Cell, text
from ckanext.inventory.spreadsheets.returned import reference
from ckanext.inventory.spreadsheets.synonyms import squash
from ckanext.inventory.spreadsheets.values import plain_text

from .blockers import read_part
from .draft import Draft
from .known import fold


def fill(draft: Draft) -> None:
    """Read all columns but those that say which record it is.

    :param draft: the row
    """
    for item in draft.columns.used:
        cell = draft.cell(item)
        written = text(cell)
        if not written:
            continue
        if item.fate is Fate.COMMENT:
            draft.comment(item.column.label, written)
        elif item.fate is Fate.USED and item.target not in NAMING:
            _fill(draft, item, cell, written)


def _fill(draft: Draft, item: Assignment, cell: Cell, written: str) -> None:
    target = item.target
    if target in MARKS.get(draft.task.schema.package_type, ()):
        _mark(draft, item, written)
    elif target.startswith(f"{BLOCKERS}."):
        read_part(draft, item, target.partition(".")[2], written)
    elif target == "source_ids":
        _sources(draft, item, written)
    elif target == COMMENTS:
        reading = plain_text(written)
        if draft.task.vocabularies.match_word(written) != "" and reading.value:
            draft.comments.insert(0, str(reading.value))
    elif target in draft.fields:
        _field(draft, item, draft.fields[target], cell, written)


def _field(draft: Draft, item: Assignment, spec: FieldSpec, cell: Cell, written: str) -> None:
    task = draft.task
    if squash(item.column.header) in task.synonyms.inverted:
        answer = task.vocabularies.match("in_directory", written) or task.vocabularies.match(
            "contains_sensitive_data", written
        )
        cell = {"yes": "no", "no": "yes"}.get(answer or "", written)
    if spec.kind == "entry":
        _other_entry(draft, item, spec, written)
        return
    reading = task.cells.read(spec, cell, day_first=draft.columns.day_first.get(item.column.index))
    message = reading.message
    if reading.rest:
        kept = draft.keep(spec.name, item.column.label, reading.rest)
        message = message and also(message, kept)
    if message:
        draft.warn(item.column, written, message, reading.suggestion)
    if reading.value is None:
        return
    if spec.name not in draft.content:
        draft.content[spec.name] = reading.value
    elif draft.content[spec.name] != reading.value and spec.kind in (
        "text",
        "long_text",
        "markdown",
    ):
        # Two columns for one field, such as a text in two languages.
        draft.comment(item.column.label, written)


def _other_entry(draft: Draft, item: Assignment, spec: FieldSpec, written: str) -> None:
    known = draft.task.known
    found = known.numbers.get(reference(written)) or known.titles.get(
        (draft.department, fold(written))
    )
    if found:
        draft.content[spec.name] = found.id
        return
    kept = draft.comment(item.column.label, written)
    draft.warn(item.column, written, also(Message("No entry has this number or name."), kept))


def _mark(draft: Draft, item: Assignment, written: str) -> None:
    vocabularies = draft.task.vocabularies
    if item.target == "assignee":
        user = draft.task.known.people.get(fold(written))
        if user:
            draft.marks["assignee"] = user
            return
        message = Message("Nobody with an account has this name or e-mail address.")
    else:
        name = MARK_LISTS.get(item.target, item.target)
        value = draft.task.cells.mapped(name, written) or vocabularies.match(name, written)
        if value:
            yes_no = item.target in ("shared", "in_directory")
            draft.marks[item.target] = value == "yes" if yes_no else value
            return
        if value == "":
            return
        labels = (choice.label for choice in vocabularies.choices(name))
        message = Message("It is none of the values: %(values)s.", {"values": ", ".join(labels)})
    draft.warn(item.column, written, also(message, draft.comment(item.column.label, written)))


def _sources(draft: Draft, item: Assignment, written: str) -> None:
    sources = draft.task.sources
    if draft.task.vocabularies.match_word(written) is not None:
        return
    found: list[str] = list(draft.content.get("source_ids") or [])
    rest: list[str] = []
    whole = sources.find(draft.department, written)
    for piece in [written] if whole else re.split(r"[;|\n]", written):
        name = " ".join(piece.split())
        if not name:
            continue
        match = whole or sources.find(draft.department, name)
        if match is None:
            rest.append(name)
        elif match.id not in found:
            found.append(match.id)
    if found:
        draft.content["source_ids"] = found
    if rest:
        # A cell that can't be told apart stays one source: names hold semicolons and line ends.
        kept = " ".join(written.split()) if len(rest) > 1 and not found else "; ".join(rest)
        draft.keep("source_ids", item.column.label, kept)
        sources.offer(draft.department, kept)
