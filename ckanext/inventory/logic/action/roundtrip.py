"""Actions of the spreadsheet round trip: take a workbook, bring it back, see every change, save."""

from __future__ import annotations

import base64
import io
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import Context, DataDict

from ckanext.inventory import clock, policy
from ckanext.inventory.logic import who
from ckanext.inventory.logic.takes import (
    ATTENTION,
    OFF,
    OPTIONAL_TEXTS,
    SEARCHED,
    one_of,
    takes,
)
from ckanext.inventory.policy import Act
from ckanext.inventory.service import facts, imports, search, workbooks
from ckanext.inventory.service.search import Query
from ckanext.inventory.service.workbooks import Wanted
from ckanext.inventory.spreadsheets import layout as layouts
from ckanext.inventory.spreadsheets import workbook
from ckanext.inventory.spreadsheets.layout import Layout
from ckanext.inventory.types import ENTRY

__all__ = ["inventory_workbook"]

FORMATS = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}

_FILTERS = (*search.FACETS, *search.LIST_FACETS)


workbook_schema = takes(
    {
        **dict.fromkeys(_FILTERS, OPTIONAL_TEXTS),
        "format": one_of(FORMATS, "xlsx"),
        "department": OPTIONAL_TEXTS,
        "sheet": (("default", "datasets"), "inventory_string"),
        "q": SEARCHED,
        "attention": ATTENTION,
        "ids": OPTIONAL_TEXTS,
        "empty": OFF,
    }
)
"""What to download."""


@tk.side_effect_free
@tk.validate_action_data(workbook_schema)
def inventory_workbook(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return a workbook of what the caller may read, to be edited anywhere and brought back.

    :param format: ``xlsx`` (the default), ``csv`` (one sheet) or ``json``
    :param department: name, id or code of a department, or several of them; without it all that the caller
        may read
    :param sheet: for CSV: ``datasets`` (the default), ``sources`` or ``blockers``
    :param q: words to search for; ``attention``, ``state``, ``value`` and the other filters of
        ``inventory_entry_list`` work as there
    :param ids: numbers or ids of entries; only these
    :param empty: no rows, a form to fill in
    :returns: ``{"filename", "mimetype", "content"}``, the content as base64
    :raises NotAuthorized: for people without role and assignment
    :raises ObjectNotFound: for an id that the caller may not read
    :raises ValidationError: if there is no such department or sheet
    """
    tk.check_access("inventory_workbook", context, data_dict)
    session, person = who.session_of(context), who.person(context)
    who.keep_private()
    wanted = _wanted(context, data_dict)
    book = workbooks.build(session, person, wanted)
    kind = data_dict["format"]
    if kind == "xlsx":
        content = workbook.as_bytes(workbook.write_xlsx, book)
    elif kind == "json":
        text = io.StringIO()
        workbook.write_json(book, text)
        content = text.getvalue().encode()
    else:
        content = _csv(book, str(data_dict["sheet"]))
    return {
        "filename": f"{_stem(book.title, wanted, data_dict)}.{kind}",
        "mimetype": FORMATS[kind],
        "content": base64.b64encode(content).decode(),
    }


def _wanted(context: Context, data_dict: DataDict) -> Wanted:
    session = who.session_of(context)
    named = [imports.find_department(session, name) for name in data_dict.get("department") or ()]
    departments = list(dict.fromkeys(found for found in named if found))
    if not all(named):
        raise tk.ValidationError({"department": [tk._("There is no such department.")]})
    ids = None
    if data_dict.get("ids"):
        rows = who.records(context, data_dict["ids"], ENTRY)
        person = who.person(context)
        if not all(policy.may(person, Act.READ, facts.of_record(row)) for row in rows):
            raise who.not_found()
        ids = [row.package_id for row in rows]
    filters = {name: data_dict[name] for name in _FILTERS if data_dict.get(name)}
    filters.pop("department", None)
    query = Query(
        ENTRY,
        text=data_dict["q"],
        filters=filters,
        attention=data_dict.get("attention"),
    )
    only = departments[0] if len(departments) == 1 else None
    several = () if only else departments
    return Wanted(only, query, ids, empty=bool(data_dict["empty"]), departments=several)


def _csv(book: workbook.Book, name: str) -> bytes:
    for filled in book.sheets:
        if name.casefold() in _sheet_names(filled.layout):
            text = io.StringIO()
            workbook.write_csv(filled, text)
            # The mark tells Excel that it is UTF-8.
            return text.getvalue().encode("utf-8-sig")
    raise tk.ValidationError({"sheet": [tk._("There is no such sheet.")]})


def _sheet_names(layout: Layout) -> set[str]:
    english = layouts.SHEETS.get(layout.key) or layouts.ROW_SHEETS.get(layout.rows_of, "")
    return {layout.title.casefold(), english.casefold(), layout.key}


def _stem(title: str, wanted: Wanted, data_dict: DataDict) -> str:
    words = "".join(c if c.isalnum() else "-" for c in title.lower())
    parts = [part for part in words.split("-") if part]
    parts += _filtered(data_dict)
    if wanted.empty:
        parts.append("empty")
    if data_dict["format"] == "csv":
        parts.append(str(data_dict["sheet"]))
    return "-".join([*parts, clock.today().isoformat()])


_TOLD = ("state", "value", "likelihood", "classification", "category", "triage", "blocker")
"""Filters whose values are words."""


def _filtered(data_dict: DataDict) -> list[str]:
    """Say in a few words for the file's name which entries were asked for."""
    told = [str(value).replace("_", "-") for name in _TOLD for value in data_dict.get(name) or ()]
    if data_dict.get("attention") == "department":
        told.append("to-finish")
    other = ("attention", "q", "ids", *(name for name in _FILTERS if name != "department"))
    several = len(data_dict.get("department") or ()) > 1
    if not told and (several or any(data_dict.get(name) for name in other)):
        told.append("selection")
    words = ["".join(c for c in word if c.isalnum() or c == "-") for word in told]
    return words if len(words) <= _MOST_WORDS else ["selection"]


_MOST_WORDS = 4
"""Values of filters that a file's name holds."""
