"""Actions that take spreadsheets in and give them out."""

from __future__ import annotations

import base64
from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
from ckan.types import Context, DataDict

from ckanext.inventory import clock, policy
from ckanext.inventory.logic import commit, files, who
from ckanext.inventory.logic.takes import (
    ATTENTION,
    OFF,
    OPTIONAL_TEXT_MAPPING,
    OPTIONAL_TEXTS,
    SEARCHED,
    one_of,
    takes,
)
from ckanext.inventory.service import exports, imports, kept_imports, search
from ckanext.inventory.service.roundtrip import Settled
from ckanext.inventory.spreadsheets.headers import Assignment
from ckanext.inventory.spreadsheets.messages import FileProblem, Message, Problem
from ckanext.inventory.spreadsheets.planning.choices import Choices
from ckanext.inventory.types import ENTRY, Person

__all__ = ["inventory_export", "inventory_import"]


import_schema = takes(
    {
        **files.LIST,
        "kind": one_of(files.KINDS, "entry"),
        "departments": OPTIONAL_TEXT_MAPPING,
        "all_or_nothing": OFF,
        "create_sources": OFF,
    }
)
"""A file to import, and how."""

export_schema = takes(
    {
        "kind": one_of(files.KINDS, "entry"),
        "format": one_of(exports.FORMATS, exports.CSV),
        "q": SEARCHED,
        "attention": ATTENTION,
        **dict.fromkeys((*search.FACETS, *search.LIST_FACETS), OPTIONAL_TEXTS),
    }
)
"""What to give out, and as what."""


@tk.side_effect_free
@tk.validate_action_data(export_schema)
def inventory_export(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Give out the entries or sources that the caller may read, as a table.

    Filters as for ``inventory_entry_list``. A text that a spreadsheet program would calculate
    begins with an apostrophe in CSV; in XLSX every text is one.

    :param kind: ``entry`` (the default) or ``source``
    :param format: ``csv`` (the default) or ``xlsx``
    :param q: words; each is matched from its beginning
    :returns: ``{"filename", "mimetype", "content"}``, the content as base64
    :raises NotAuthorized: for people without a role or an assignment
    """
    tk.check_access("inventory_export", context, data_dict)
    who.keep_private()
    package_type = files.KINDS[data_dict["kind"]]
    query = search.Query(
        package_type,
        text=data_dict["q"],
        filters={
            name: data_dict[name]
            for name in (*search.FACETS, *search.LIST_FACETS)
            if data_dict.get(name)
        },
        attention=data_dict.get("attention"),
    )
    file_format = data_dict["format"]
    content = exports.write(who.session_of(context), who.person(context), query, file_format)
    plural = "entries" if package_type == ENTRY else "sources"
    return {
        "filename": f"inventory-{plural}-{clock.today().isoformat()}.{file_format}",
        "mimetype": exports.FORMATS[file_format],
        "content": base64.b64encode(content).decode(),
    }


@tk.validate_action_data(import_schema)
def inventory_import(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Make drafts from the rows of a spreadsheet.

    It only creates: a row whose file and place, whose ID in its own list, or whose name in the
    department is already there is skipped and reported. A row with an error is kept out; a cell
    with a warning is left out and its text kept in a note or in the comments.

    :param kind: ``entry`` (the default) or ``source``
    :param department: name, id or code of the department; without it a column has to name the
        department of each row
    :param upload: the file (CSV, TSV, XLSX, XLS or ODS), as a multipart upload
    :param content: the file as base64, instead of ``upload``
    :param filename: the file's name, where the upload doesn't bring one
    :param columns: ``dict[str, str]`` header to field; an empty field leaves the column out. A column
        without a header, or with one that another column has, too, is named by its letter in
        brackets, such as ``(D)``; such a header itself means all columns that bear it and aren't
        named by their letters
    :param values: ``dict[str, dict[str, str]]`` field to cell text to value
    :param origin: name of the list whose IDs these are; derived from the file's name without it
    :param sheets: names of the sheets to read; without it the one that fits best
    :param dry_run: only say what would happen
    :param all_or_nothing: create nothing as long as a row has an error
    :param create_departments: make organizations for departments that nobody knows
    :param create_sources: register the sources that entries name and nobody knows (``offers``)
    :param day_first: ``3/4/2020`` is the third of April where the column doesn't tell
    :param digest: the file's SHA-256 as a dry run gave it; another file is refused
    :returns: ``{"dry_run", "file", "digest", "kind", "total", "created", "skipped_count",
        "refused", "numbers": [{"id", "number", "title", "sheet", "row"}], "skipped": [{"sheet",
        "row", "title", "reason"}], "sources": [{"id", "number", "title"}], "problems":
        [{"severity", "sheet", "row", "column", "value",
        "message", "suggestion"}], "groups": [{"severity", "column", "value", "message",
        "suggestion", "rows", "first_rows": [int]}], "columns": [{"sheet", "column", "letter", "field", "fate",
        "remark"}], "notes": [str], "offers": [{"department", "title", "rows"}],
        "departments": [{"title", "rows", "created"}], "origin", "imported_before"}``
    :raises NotAuthorized: for people who may not add to the department
    :raises ValidationError: ``upload`` if the file can't be read, has no column for the name, or
        isn't the one that was looked at; ``department`` if there is no such department
    """
    tk.check_access("inventory_import", context, {**data_dict, "owner_org": _department(data_dict)})
    person = who.person(context)
    if data_dict["create_departments"] and not policy.is_cdo(person):
        raise tk.NotAuthorized(
            tk._("Only the chief data officer can create departments by importing.")
        )
    package_type = files.KINDS[data_dict["kind"]]
    upload = files.upload_of(data_dict)
    choices = choices_of(data_dict, person)
    dry_run = bool(data_dict["dry_run"])
    user_name = who.user_name(context)
    with_sources = bool(data_dict["create_sources"]) and package_type == ENTRY
    who.keep_private()
    try:
        if dry_run:
            prepared = imports.plan_import(
                who.session_of(context),
                person,
                user_name,
                package_type,
                upload,
                choices,
                with_sources=with_sources,
            )
            return report_of(prepared, None, data_dict)
        with commit.transaction(context) as session:
            prepared = imports.plan_import(
                session,
                person,
                user_name,
                package_type,
                upload,
                choices,
                lock=True,
                with_sources=with_sources,
            )
            if data_dict.get("digest") not in (None, prepared.digest):
                raise FileProblem("This isn't the file that was looked at. Look at it again.")
            if data_dict["all_or_nothing"] and prepared.plan.refused:
                done = imports.Done()
            else:
                done = imports.run_import(session, person, package_type, prepared)
                if done.created or done.sources:
                    settled = Settled(choices, package_type)
                    kept_imports.keep_saved(session, person, upload, settled, prepared, done)
            return report_of(prepared, done, data_dict)
    except imports.NotAddable as refused:
        raise tk.ValidationError({"department": [_said(refused.message)]}) from refused
    except FileProblem as problem:
        raise tk.ValidationError({"upload": [_said(problem.message)]}) from problem


def _department(data_dict: DataDict) -> str | None:
    """Return the organization that a name, id or code stands for; the text itself for no one."""
    reference = data_dict.get("department")
    if not reference:
        return None
    return imports.find_department(model.Session(), str(reference)) or str(reference)


def choices_of(data_dict: DataDict, person: Person) -> Choices:
    """Return what whoever imports has chosen.

    :param data_dict: the action's parameters
    :param person: who brings the file
    :returns: the choices
    """
    return Choices(
        department=_department(data_dict),
        columns=data_dict.get("columns") or {},
        values=data_dict.get("values") or {},
        origin=str(data_dict.get("origin") or ""),
        sheets=tuple(data_dict.get("sheets") or ()),
        departments=files.departments(model.Session(), person, data_dict.get("departments") or {}),
        create_departments=bool(data_dict["create_departments"]),
        day_first=bool(data_dict["day_first"]),
    )


def _said(message: Message) -> str:
    """Translate a message of the reader or planner."""
    return message.said(tk._, tk.ungettext)


def report_of(
    prepared: imports.Prepared, done: imports.Done | None, data_dict: DataDict
) -> dict[str, Any]:
    """Write what an import would do, or did, for an answer.

    :param prepared: the plan
    :param done: what was made, None for a dry run
    :param data_dict: the action's parameters
    :returns: the report
    """
    plan = prepared.plan
    created = done.created if done else ()
    numbers = [
        {
            "id": record.package_id,
            "number": record.number,
            "title": record.title,
            "sheet": row.sheet,
            "row": row.number,
        }
        for record, row in zip(created, plan.rows, strict=False)
    ]
    made = set(done.departments) if done else set[str]()
    problems = [(problem, _said(problem.message)) for problem in plan.problems]
    return {
        "dry_run": done is None,
        "file": prepared.filename,
        "digest": prepared.digest,
        "kind": data_dict["kind"],
        "total": plan.total,
        "created": len(plan.rows) if done is None else len(created),
        "skipped_count": len(plan.skipped),
        "refused": plan.refused,
        "numbers": numbers,
        "skipped": [
            {"sheet": s.sheet, "row": s.row, "title": s.title, "reason": _said(s.reason)}
            for s in plan.skipped
        ],
        "sources": [
            {"id": source.package_id, "number": source.number, "title": source.title}
            for source in (done.sources if done else ())
        ],
        "problems": [_problem(problem, said) for problem, said in problems],
        "groups": _groups(problems),
        "columns": [
            _column(sheet, assignment)
            for sheet, assignments in plan.columns
            for assignment in assignments
        ],
        "notes": [_said(note) for note in plan.notes],
        "offers": [
            {
                "department": prepared.titles.get(offer.department, ""),
                "title": offer.title,
                "rows": offer.rows,
            }
            for offer in plan.offers
        ],
        "departments": [
            {"title": new.title, "rows": new.rows, "created": new.title in made}
            for new in plan.unknown_departments
        ],
        "origin": plan.origin,
        "imported_before": prepared.before.isoformat() if prepared.before else None,
    }


def _problem(problem: Problem, said: str) -> dict[str, Any]:
    return {
        "severity": problem.severity.value,
        "sheet": problem.sheet,
        "row": problem.row,
        "column": problem.column or _name(problem),
        "value": problem.value,
        "message": said,
        "suggestion": problem.suggestion,
    }


def _name(problem: Problem) -> str:
    """Name a field that the file has no column for."""
    return tk._(problem.label) if problem.label else ""


def _groups(problems: list[tuple[Problem, str]]) -> list[dict[str, Any]]:
    """Count the same problem of the same value once, the most frequent first."""
    groups: dict[tuple[str, ...], list[int | None]] = {}
    for problem, said in problems:
        column = problem.column or _name(problem)
        group = (problem.severity.value, column, problem.value, said, problem.suggestion)
        groups.setdefault(group, []).append(problem.row)
    return [
        {
            "severity": severity,
            "column": column,
            "value": value,
            "message": message,
            "suggestion": suggestion,
            "rows": len(rows),
            "first_rows": [row for row in rows[:6] if row is not None],
        }
        for (severity, column, value, message, suggestion), rows in sorted(
            groups.items(), key=lambda item: -len(item[1])
        )
    ]


def _column(sheet: str, assignment: Assignment) -> dict[str, Any]:
    return {
        "sheet": sheet,
        "column": assignment.column.label,
        "letter": assignment.column.letter,
        "field": assignment.target,
        "fate": assignment.fate.value,
        "remark": _said(assignment.remark) if assignment.remark else "",
    }
