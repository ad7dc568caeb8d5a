"""Actions of a file that comes back: preview, save, undo, and what was brought before."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan.types import Context, DataDict
from sqlalchemy.orm import Session

from ckanext.inventory import config
from ckanext.inventory.logic import commit, files, import_job, saving, schema, showing, who
from ckanext.inventory.logic.collecting import new_objects_only
from ckanext.inventory.logic.takes import (
    ANYTHING,
    NEEDED,
    OFF,
    OPTIONAL,
    OPTIONAL_NUMBER,
    TEXT_MAPPING,
    TEXT_MAPPINGS,
    Steps,
    number,
    takes,
)
from ckanext.inventory.model import Import
from ckanext.inventory.model.imports import (
    DISCARDED,
    OPEN,
    QUEUED,
    RUNNING,
    SAVE,
    SAVED,
    SAVING,
    UNDO,
)
from ckanext.inventory.service import (
    departments,
    import_report,
    import_undo,
    imports,
    kept_imports,
    kept_looks,
    languages,
    parts,
    roundtrip,
    search,
    workbooks,
)
from ckanext.inventory.service.search import Query
from ckanext.inventory.spreadsheets import workbook
from ckanext.inventory.spreadsheets.layout import NO_NAMES
from ckanext.inventory.spreadsheets.messages import FileProblem
from ckanext.inventory.spreadsheets.reader import Source
from ckanext.inventory.types import ENTRY, Person

__all__ = [
    "inventory_import_discard",
    "inventory_import_list",
    "inventory_import_marked",
    "inventory_import_preview",
    "inventory_import_save",
    "inventory_import_show",
    "inventory_import_undo",
]

_TEXT: Steps = ("ignore_missing", "inventory_string")
_TEXTS: Steps = ("ignore_missing", "inventory_texts")
_CHOICES: Mapping[str, Steps] = {
    "department": _TEXT,
    "kind": ("ignore_empty", "inventory_string", ("inventory_one_of", list(files.KINDS))),
    "columns": TEXT_MAPPING,
    "values": TEXT_MAPPINGS,
    "origin": _TEXT,
    "departments": TEXT_MAPPING,
    "sheets": _TEXTS,
    "day_first": ("ignore_empty", "boolean_validator"),
    "fixes": TEXT_MAPPING,
    "fixes_all": TEXT_MAPPINGS,
    "left_out": _TEXTS,
    "conflicts": TEXT_MAPPING,
    "all_conflicts": (*_TEXT, ("inventory_one_of", ["", "mine", "stored"])),
    "same": TEXT_MAPPING,
    "submit": _TEXTS,
}
"""What is chosen on a file; what isn't sent stays as it was chosen before."""

preview_schema = takes(
    {
        **_CHOICES,
        "id": OPTIONAL,
        "upload": ANYTHING,
        "content": OPTIONAL,
        "filename": OPTIONAL,
        "limit": OPTIONAL_NUMBER,
        "now": OFF,
    }
)
"""A file that comes back, or the choices on one that was brought."""


@tk.validate_action_data(preview_schema)
@new_objects_only()
def inventory_import_preview(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Say what saving a file would do: every changed cell, every problem. Nothing is saved.

    The file is a workbook of ours that comes back (XLSX, ODS, CSV, JSON), or any list. It is kept,
    for its uploader only, until it is saved or discarded; a second call with its ``id`` changes the
    choices.

    :param upload: the file, as a multipart upload; or ``content`` as base64 with ``filename``
    :param id: of a file that was brought before
    :param department: name, id or code, where the file doesn't tell
    :param kind: ``entry`` or ``source``, for a list that isn't ours
    :param columns: header to field, of columns of ``unknown`` in a workbook of ours, or of a list that isn't
        ours; an empty field leaves the column out. In a list a column without a header, or with one that
        another column has, too, is named by its letter in brackets, such as ``(D)`` (``name`` of ``columns``
        in the answer); such a header itself means all columns that bear it and aren't named by their
        letters. For a list it is remembered when it is saved, for the department
        or, where a chief data officer chooses none, for the city
    :param values: field to cell text to value
    :param departments: a department as the file writes it to name, id or code of one of the site's;
        empty leaves its rows out; ``*`` for all others
    :param fixes: ``sheet!row!field`` to the text that stands for the cell; an empty text takes the fix
        back
    :param fixes_all: ``sheet!field`` to what cells say there (``cell`` of their problems; the whole text where
        that is cut) to the text that stands for all of them; an empty text takes it back
    :param left_out: ``sheet!row`` of rows that stay out, or ``all`` that an error holds
    :param conflicts: ``number!field`` to ``mine`` (the file) or ``stored``; with ``@`` and the cell's
        ``against`` it holds only as long as nothing else is stored than what was seen
    :param all_conflicts: ``mine`` or ``stored`` for all others that there are by now
    :param same: ``sheet!row`` to the number that it is, ``new`` or ``out``; ``all`` to ``same`` for
        rows whose very name or ID is there
    :param submit: ``sheet!row`` of new rows to submit in the same step, or ``all`` that can be
    :param limit: rows in the answer; conflicts and errors are always in it
    :param now: don't leave a large file to the background worker
    :returns: for a large file that the worker looks at: ``status`` ``queued`` or ``running`` and
        ``progress`` (``{"step", "done", "total"}``), no rows yet; ask again with its ``id``.
        ``stopped`` with a ``message`` if the worker couldn't; asking once more begins anew. Else
        ``{"id", "status", "fingerprint", "ours", "kind" (``entry`` or ``source``, of a list that isn't ours),
        "sheets": [{"name", "rows", "read"}], "counts", "rows": [{"where", "number",
        "title", "new", "held", "left_out", "same": {"number", "title", "written" (how the file calls
        it)}, "back_to_review", "submit", "cells": [{"key", "label", "outcome", "base", "stored", "file",
        "chosen", "against", "who", "when", "reason"}], "fields"}], "departments_named": [{"title", "rows",
        "known", "chosen", "near", "merged_into"}],
        "problems": [{"severity", "where", "sheet", "row", "column" (as the file has it; our label with
        "no_column" where it has none), "place": {"sheet", "row", "column" (from 0)} (the cell that is
        marked), "field" (what ``fixes`` names after the row), "value", "message", "suggestion", "cell"
        (what stands in the file, also where a fix stands for it), "number", "title" (of
        the record; as the file calls it, of what is none that the caller may read),
        "new", "type"}], "fixed": [{"where" (None for all cells that say the same), "sheet", "row", "field",
        "column", "cell", "text", "fits" (it names a cell of the file)}] (every fix that was given),
        "offered": {field: [text]} (what fixes of its
        cells are chosen from), "suggested": {``sheet!field``: [text]} (what they may say), "notes",
        "unknown": [{"sheet",
        "column", "filled", "sample", "field" (chosen for it), "fields": [{"name", "label"}] (that it may
        be)}], "columns", "can_save"}``
    :raises NotAuthorized: for people without role and assignment
    :raises ObjectNotFound: for an ``id`` that the caller may not know of
    :raises ValidationError: ``upload`` if the file can't be read or is another department's; ``department``
        or ``departments`` if a list, or rows of it, are to go to one that the caller may not add to
    """
    tk.check_access("inventory_import_preview", context, data_dict)
    person = who.person(context)
    who.keep_private()
    limit = data_dict.get("limit")
    try:
        with commit.transaction(context) as session:
            kept, choices, source = _kept(context, data_dict)
            if kept.status in (QUEUED, RUNNING):
                if not import_job.notice_death(session, kept):
                    return showing.waiting(kept)
            else:
                large = _is_large(kept)
                if data_dict["now"] or not large:
                    found, choices = saving.look(
                        session, person, who.user_name(context), kept, choices, source=source
                    )
                    if data_dict.get("department"):
                        saving.refuse_closed(found)
                    saving.note(session, person, kept, found, choices)
                    if large:
                        kept_looks.forget(session, [kept.id])
                    return showing.preview(
                        found, kept, kept_imports.meanwhile(session, found), limit=limit
                    )
                if choices == kept.choices:
                    seen = kept_looks.load(session, kept, person, languages.current(), limit)
                    if seen is not None:
                        return showing.answer(kept, seen.head, seen.rows, seen.more)
                import_job.ask_for_a_look(kept, person, choices)
                session.flush()
            answer = showing.waiting(kept)
        import_job.enqueue(answer["id"])
        return answer
    except FileProblem as problem:
        raise tk.ValidationError({"upload": [showing.said(problem.message)]}) from problem


def _kept(context: Context, data_dict: DataDict) -> tuple[Import, dict[str, Any], Source | None]:
    """Find the file, or keep the one that was brought, which is read then."""
    session, person = who.session_of(context), who.person(context)
    if data_dict.get("id"):
        kept = _find(context, data_dict, lock=True)
        if kept.status in (QUEUED, RUNNING):
            if not set(_CHOICES).isdisjoint(data_dict):
                message = tk._(
                    "This file is being worked on. Wait until it is through, or stop it."
                )
                raise tk.ValidationError({"id": [message]})
        elif kept.status not in OPEN:
            raise tk.ValidationError({"id": [tk._("This file was saved or discarded already.")]})
        return kept, _merged(session, person, kept.choices, data_dict), None
    upload = files.upload_of(data_dict)
    settled = kept_imports.from_json(_merged(session, person, {}, data_dict))
    source = roundtrip.read_file(upload)
    kept = kept_imports.start(session, person, upload, source.digest, settled)
    kept.rows = sum(len(sheet.rows) for sheet in source.sheets)
    return kept, dict(kept.choices), source


def _is_large(kept: Import) -> bool:
    return kept.rows > config.import_job_rows()


def _find(context: Context, data_dict: DataDict, *, lock: bool = False) -> Import:
    kept = kept_imports.find(
        who.session_of(context), who.person(context), str(data_dict.get("id") or ""), lock=lock
    )
    if kept is None:
        raise tk.ObjectNotFound(tk._("There is no such import."))
    return kept


def _merged(
    session: Session, person: Person, before: Mapping[str, Any], data_dict: DataDict
) -> dict[str, Any]:
    """Put new choices over the ones that were made before."""
    choices = dict(before)
    for name in _CHOICES:
        if name not in data_dict:
            continue
        value = data_dict[name]
        if name == "kind":
            if files.KINDS[value] != choices.get("package_type", ENTRY):
                # What columns mean was said of fields that the other kind hasn't.
                choices["columns"] = {}
            choices["package_type"] = files.KINDS[value]
        elif name == "department":
            choices["department"] = files.department(session, value)
        elif isinstance(value, Mapping):
            given = cast("Mapping[str, Any]", value)
            if name == "departments":
                given = cast("Mapping[str, Any]", files.departments(session, person, given))
            before_it: Mapping[str, Any] = choices.get(name) or {}
            if name == "fixes":
                choices[name] = _fixed(before_it, given)
            elif name == "fixes_all":
                each = {
                    key: _fixed(before_it.get(key) or {}, alike) for key, alike in given.items()
                }
                choices[name] = {key: fix for key, fix in {**before_it, **each}.items() if fix}
            else:
                choices[name] = {**before_it, **given}
        else:
            choices[name] = value
    return choices


def _fixed(before: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Put new fixes over earlier ones; an empty text takes one back."""
    return {key: fix for key, fix in {**before, **given}.items() if fix.strip()}


save_schema = takes({**_CHOICES, "id": NEEDED, "fingerprint": NEEDED, "now": OFF})
"""A preview that was looked at, and what was chosen since."""


@tk.validate_action_data(save_schema)
@new_objects_only()
def inventory_import_save(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Save what a preview showed: all of it, or nothing.

    :param id: the import
    :param fingerprint: of the preview that was looked at; if saving would do anything else by now,
        nothing is saved
    :param department: and whatever else ``inventory_import_preview`` takes as choices: made since the
        preview, and carried out in the same step
    :param now: don't leave a large file to the background worker
    :returns: the import, ``queued`` if the worker saves it, with ``counts`` and ``created``
        (``[{"id", "number", "title"}]``)
    :raises NotAuthorized: for people without role and assignment
    :raises ObjectNotFound: for an import that the caller may not know of
    :raises ValidationError: ``fingerprint`` if something changed meanwhile, ``conflicts`` and
        ``rows`` for what is still to be chosen or fixed
    """
    tk.check_access("inventory_import_save", context, data_dict)
    person, user_name = who.person(context), who.user_name(context)
    who.keep_private()
    try:
        with commit.transaction(context) as session:
            kept = _find(context, data_dict, lock=True)
            if kept.status not in OPEN:
                raise tk.ValidationError(
                    {"id": [tk._("This file was saved or discarded already.")]}
                )
            fingerprint, choices = (
                data_dict["fingerprint"],
                _merged(session, person, kept.choices, data_dict),
            )
            if data_dict["now"] or not _is_large(kept):
                return saving.carry_out(session, person, user_name, kept, fingerprint, choices)
            import_job.ask(kept, person, SAVE, fingerprint=fingerprint, choices=choices)
            session.flush()
            answer: dict[str, Any] = {**showing.head(kept), "created": []}
        import_job.enqueue(answer["id"])
        return answer
    except FileProblem as problem:
        raise tk.ValidationError({"upload": [showing.said(problem.message)]}) from problem


@tk.validate_action_data(schema.reference)
def inventory_import_discard(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Drop a file that was brought and not saved; stop one that waits for the worker.

    :param id: the import
    :returns: the import
    :raises NotAuthorized: for people without role and assignment
    :raises ObjectNotFound: for an import that the caller may not know of
    :raises ValidationError: if it was saved
    """
    tk.check_access("inventory_import_discard", context, data_dict)
    with commit.transaction(context):
        kept = _find(context, data_dict, lock=True)
        if kept.status not in {*OPEN, QUEUED, RUNNING}:
            raise tk.ValidationError({"id": [tk._("This file was saved or discarded already.")]})
        if kept.step == SAVING:
            raise tk.ValidationError({"id": [tk._("It is being saved; take it back afterwards.")]})
        if kept.status in (QUEUED, RUNNING):
            # Stopped, not dropped: its choices are still there.
            import_job.stop(kept)
        else:
            kept.status, kept.file = DISCARDED, None
            kept_looks.forget(who.session_of(context), [kept.id])
            parts.dropped(who.session_of(context), [kept.id])
        return showing.head(kept)


undo_schema = takes({"id": NEEDED, "now": OFF})
"""A saved import."""


@tk.validate_action_data(undo_schema)
def inventory_import_undo(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Take a saved import back as a whole, as long as nothing was built on it.

    :param id: the import
    :param now: don't leave a large one to the background worker
    :returns: the import, ``queued`` if the worker takes it back
    :raises NotAuthorized: for people without role and assignment
    :raises ObjectNotFound: for an import that the caller may not know of
    :raises ValidationError: ``id`` with everything that was built on it, or if the caller may not delete and
        change all of its records now
    """
    tk.check_access("inventory_import_undo", context, data_dict)
    with commit.transaction(context) as session:
        kept, person = _find(context, data_dict, lock=True), who.person(context)
        if kept.status != SAVED:
            raise tk.ValidationError({"id": [tk._("Only a saved import can be taken back.")]})
        if data_dict["now"] or not _is_large(kept):
            import_undo.undo(session, person, who.user_name(context), kept)
            return showing.head(kept)
        import_undo.refuse(session, person, kept)
        import_job.ask(kept, person, UNDO)
        session.flush()
        answer = showing.head(kept)
    import_job.enqueue(answer["id"])
    return answer


list_schema = takes({"department": OPTIONAL, "limit": number(50), "offset": number(0)})
"""A page of imports."""


@tk.side_effect_free
@tk.validate_action_data(list_schema)
def inventory_import_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List files that were brought, newest first: one's own, and what was saved in one's departments.

    A file that isn't saved is for its uploader only.

    :param department: name, id or code of a department
    :param limit: at most so many (default 50)
    :param offset: skip so many
    :returns: ``{"count", "results": [{"id", "status", "file", "by_name", "at", "saved_at",
        "departments", "department_titles", "counts", …}]}``
    :raises NotAuthorized: for people without role and assignment
    """
    tk.check_access("inventory_import_list", context, data_dict)
    session, person = who.session_of(context), who.person(context)
    who.keep_private()
    department = None
    if data_dict.get("department"):
        department = imports.find_department(session, str(data_dict["department"])) or "-"
    total, rows = kept_imports.listing(
        session,
        person,
        department,
        min(int(data_dict["limit"]), 1000),
        int(data_dict["offset"]),
    )
    ids = {key for row in rows for key in (row.by, row.undone_by) if key}
    names = kept_imports.people(session, ids)
    titles = departments.titles(session)
    return {"count": total, "results": [_titled(row, names, titles) for row in rows]}


def _titled(kept: Import, names: Mapping[str, str], titles: Mapping[str, str]) -> dict[str, Any]:
    called = sorted(titles[key] for key in kept.departments if key in titles)
    return showing.head(kept, names) | {"department_titles": called}


show_schema = takes({"id": NEEDED, "limit": OPTIONAL_NUMBER})
"""An import, and how much of it."""


@tk.side_effect_free
@tk.validate_action_data(show_schema)
def inventory_import_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show a file that was brought: its state, and what it changed if it was saved.

    :param id: the import
    :param limit: at most so many records in the answer
    :returns: the import with ``saved_by_name``, ``department_titles``, ``records`` (number, title, deleted, created,
        submitted, changes: label, old, new, stays (a confirmed value that stands, where new is only
        proposed); marks: the same, ``new`` None where only a change was
        noted), ``more_records`` (how many others the caller may read), ``hidden`` (how many they may
        not), ``columns`` (``[{"sheet", "column", "field" (empty if it wasn't taken), "label"}]``),
        ``stayed`` (what didn't go in as it was written: ``[{"sheet", "row" (None for a whole sheet), "column" (empty
        for a whole row), "field", "number", "type", "deleted", "reason"}]``, never what a cell says, and nothing of
        records that the caller may not read), ``hidden_stayed`` (how many of these there are),
        ``more_stayed`` (how many others weren't noted one by one); columns and stayed are None for
        an import that was saved before these were noted; ``may_undo`` (whether the caller may delete and
        change all that taking it back would), ``built_on`` (what stands against it, for who may: number, empty
        for a record that the caller may not read, and reason)
    :raises NotAuthorized: for people without role and assignment
    :raises ObjectNotFound: for an import that the caller may not know of
    """
    tk.check_access("inventory_import_show", context, data_dict)
    session, person = who.session_of(context), who.person(context)
    who.keep_private()
    kept = _find(context, data_dict)
    if kept.status == RUNNING:
        retried = import_job.notice_death(session, kept)
        session.commit()
        if retried:
            import_job.enqueue(kept.id)
    found = kept_imports.report(session, person, kept, data_dict.get("limit"))
    noted = import_report.read(session, person, kept)
    saved_by = (noted.saved_by if noted is not None else kept.by) if kept.saved_at else None
    people = {key for key in (kept.by, kept.undone_by, saved_by, *_assigned(found)) if key}
    names = kept_imports.people(session, people)
    known = NO_NAMES
    if found.records:
        known = workbooks.load_names(session, person, search.conditions(person, Query(ENTRY)))
        nobody = dict.fromkeys(_assigned(found), tk._("somebody"))
        known = replace(known, people={**nobody, **known.people, **names}, say=tk._)
    built: list[dict[str, str]] = []
    may_undo = kept.status == SAVED and import_undo.may_undo(session, person, kept)
    if may_undo:
        built = [
            {"number": item.number, "reason": item.reason}
            for item in import_undo.built_on(session, person, kept)
        ]
    return (
        _titled(kept, names, departments.titles(session))
        | {
            "saved_by_name": names.get(saved_by or "", ""),
            "records": [showing.changed(item, known) for item in found.records],
            "more_records": found.more,
            "hidden": found.hidden,
            "may_undo": may_undo,
            "built_on": built,
        }
        | showing.noted(noted)
    )


def _assigned(found: kept_imports.Report) -> set[str]:
    """Return whom the changes of a report are about: their readers know them from the records' history."""
    changes = [item.marks["assignee"] for item in found.records if "assignee" in item.marks]
    return {user for change in changes for user in (change.old, change.new) if user}


@tk.side_effect_free
@tk.validate_action_data(schema.reference)
def inventory_import_marked(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the file as a workbook with every problem's cell coloured and commented.

    :param id: the import, not saved yet
    :returns: ``{"filename", "mimetype", "content"}``, the content as base64
    :raises NotAuthorized: for people without role and assignment
    :raises ObjectNotFound: for an import that the caller may not know of
    :raises ValidationError: if the file isn't kept any more
    """
    tk.check_access("inventory_import_marked", context, data_dict)
    who.keep_private()
    session, person = who.session_of(context), who.person(context)
    kept = _find(context, data_dict)
    stream = io.BytesIO()
    try:
        if _is_large(kept):
            seen = kept_looks.load(session, kept, person, languages.current(), 0)
            if seen is None:
                message = tk._("This file has to be looked through first: open its page.")
                raise tk.ValidationError({"id": [message]})
            source = roundtrip.read_file(kept_imports.upload_of(kept))
            problems = seen.head["problems"]
            # a look that was kept before the upgrade has none
            offered: Mapping[str, Sequence[str]] = seen.head.get("offered", {})
        else:
            found, _ = saving.look(session, person, who.user_name(context), kept, kept.choices)
            source, problems = found.source, showing.problems(found)
            offered = found.offered
    except FileProblem as problem:
        raise tk.ValidationError({"upload": [showing.said(problem.message)]}) from problem
    workbook.write_marked(source, showing.remarks(problems, offered), stream, tk._("Sheet"))
    return {
        "filename": f"{kept.filename.rsplit('.', 1)[0]}-to-fix.xlsx",
        "mimetype": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "content": base64.b64encode(stream.getvalue()).decode(),
    }
