"""Which columns a workbook of ours has, and how a stored value is written into a cell.

Built from the schema in force: a city that changes its schema changes its workbooks. Reading back goes
the other way round (:mod:`.returned`): a cell whose text is what would be written now was not edited.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from ckanext.inventory.fields import FieldSpec, Schema
from ckanext.inventory.types import ENTRY, SOURCE, Stage, Word, Writer
from ckanext.inventory.vocabularies import Vocabularies

from .headers import BLOCKER_PARTS, BLOCKERS, MARKS, targets

NUMBER = "number"
STATE = "state"
BALL = "with"
CONFIRMED = "confirmed"
DEPARTMENT = "owner_org"
RECORD = "record"
"""Column of a sheet of rows that says which record a row belongs to."""
RECORD_TITLE = "record_title"

SHEETS: Mapping[str, str] = {SOURCE: "Sources", ENTRY: "Datasets"}
"""Package type to the name of its sheet."""
START_SHEET, LISTS_SHEET = "Start here", "Lists"
GUIDES = (START_SHEET, LISTS_SHEET)
"""Sheets of a workbook that hold no rows of it."""
ROW_SHEETS: Mapping[str, str] = {"release_blockers": "Blockers"}
"""Names of the sheets of fields of rows; others are named by their label."""

MAX_CELL = 32_767
"""Characters of a spreadsheet's cell."""

MAX_MESSAGE = 255
"""Characters of a spreadsheet's input message."""


class Role(Word):
    """What a column is for.

    A read-only column shows what can't be changed through a file; a change in it is reported.
    """

    FIELD = "field"
    MARK = "mark"
    READ_ONLY = "read_only"


@dataclass(frozen=True)
class Column:
    """One column of a sheet.

    :param key: the field, the mark, or one of the keys of this module
    :param header: its header, unlike any other of the sheet
    :param role: what it is for
    :param spec: the field or subfield; None for what isn't in the schema
    :param help: what to write into it
    :param help_parts: the sentences that it was put together from
    :param list_name: the vocabulary behind its drop-down
    :param labels: what the drop-down offers
    :param several: a cell may hold several values
    :param width: in characters
    :param in_new_rows: a read-only column that a new row fills
    """

    key: str
    header: str
    role: Role = Role.FIELD
    spec: FieldSpec | None = None
    help: str = ""
    help_parts: tuple[str, ...] = ()
    list_name: str = ""
    labels: tuple[str, ...] = ()
    several: bool = False
    width: int = 20
    in_new_rows: bool = False

    @property
    def stage(self) -> Stage | None:
        """The first stage at which the cell must hold a value."""
        return self.spec.stage if self.spec is not None and self.role is Role.FIELD else None


@dataclass(frozen=True)
class Layout:
    """The columns of one sheet.

    :param key: package type, or ``type/field`` for the rows of a field
    :param title: name of the sheet
    :param columns: in their order
    :param english: of a translated layout, the digest of the original
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    english: str = ""

    @property
    def package_type(self) -> str:
        """The type whose records the sheet is about."""
        return self.key.partition("/")[0]

    @property
    def rows_of(self) -> str:
        """The field whose rows the sheet holds; empty for a sheet of records."""
        return self.key.partition("/")[2]

    def column(self, key: str) -> Column | None:
        """Return the column of a key.

        :param key: as in the columns
        """
        return next((column for column in self.columns if column.key == key), None)

    @property
    def digest(self) -> str:
        """Tell one state of the schema from another, as far as a file has to know it."""
        if self.english:
            return self.english
        parts = [f"{c.key}={c.header}={'|'.join(c.labels)}" for c in self.columns]
        return hashlib.sha256("\n".join([self.key, *parts]).encode()).hexdigest()[:12]


Say = Callable[[str], str]
"""Translates a sentence or label."""


def as_it_is(text: str) -> str:
    """Leave a text in English.

    :param text: the text
    """
    return text


def translated(layout: Layout, say: Say) -> Layout:
    """Return a layout in another language: headers, messages, lists and the sheet's name.

    :param layout: the layout in English
    :param say: translates
    """
    if say is as_it_is:
        return layout
    columns = [
        replace(
            column,
            header=say(column.header),
            help=" ".join(say(part) for part in column.help_parts),
            help_parts=(),
            labels=tuple(say(label) for label in column.labels),
        )
        for column in layout.columns
    ]
    return Layout(layout.key, say(layout.title), _unlike(columns), layout.digest)


def layouts(
    schemas: Mapping[str, Schema],
    vocabularies: Vocabularies,
    *,
    departments: bool = True,
    locked: Mapping[str, Collection[str]] | None = None,
) -> dict[str, Layout]:
    """Return the sheets of a workbook.

    :param schemas: package type to schema
    :param vocabularies: the lists in force
    :param departments: name the department of each record, in a workbook over several
    :param locked: package type to fields and marks that whoever downloads may not write
    :returns: key of the sheet to its layout, sources first
    """
    found: dict[str, Layout] = {}
    for package_type in (SOURCE, ENTRY):
        schema = schemas[package_type]
        shut = frozenset((locked or {}).get(package_type, ()))
        found[package_type] = _records(schema, vocabularies, departments, shut)
        for spec in schema.fields.values():
            if spec.kind == "rows":
                key = f"{package_type}/{spec.name}"
                found[key] = _rows(key, spec, spec.name in shut)
    return found


def _records(
    schema: Schema, vocabularies: Vocabularies, departments: bool, shut: frozenset[str]
) -> Layout:
    package_type = schema.package_type
    columns = [_read_only(NUMBER, 13), _field(schema.fields["title"], shut)]
    if departments:
        columns.append(
            Column(
                DEPARTMENT,
                schema.fields[DEPARTMENT].label,
                Role.READ_ONLY,
                help=_DEPARTMENT_HELP,
                help_parts=(_DEPARTMENT_HELP,),
                width=24,
            )
        )
    columns += [_read_only(STATE, 12), _read_only(BALL, 16)]
    for spec in schema.fields.values():
        hidden = spec.writers == frozenset({Writer.SYSTEM}) or spec.kind == "rows"
        if hidden or spec.name in ("title", DEPARTMENT):
            continue
        columns.append(_field(spec, shut))
        if spec.name == "classification":
            columns.append(_read_only(CONFIRMED, 18))
    columns += [_mark(name, vocabularies, shut) for name in MARKS.get(package_type, ())]
    return Layout(package_type, SHEETS[package_type], _unlike(columns))


_DEPARTMENT_HELP = "For a new row: the department. It can't be changed for a row with a number."
_DEPARTMENT_CHOSEN = (
    "Name it in a new row: the cells below the last row offer the departments that you may add to. "
    "In a row with a number it is read only: ask for a transfer on the record's page."
)


def with_departments_to_choose(layout: Layout) -> Layout:
    """Let new rows of a sheet choose their department, where it names departments.

    :param layout: the layout in English
    """
    columns = [
        replace(column, help=_DEPARTMENT_CHOSEN, help_parts=(_DEPARTMENT_CHOSEN,), in_new_rows=True)
        if column.key == DEPARTMENT
        else column
        for column in layout.columns
    ]
    return replace(layout, columns=tuple(columns))


_RECORD_HELP = "The number of the record that the row is about; for a new one its name."


def _rows(key: str, spec: FieldSpec, shut: bool) -> Layout:
    role = Role.READ_ONLY if shut else Role.FIELD
    columns = [
        Column(
            RECORD,
            "Number",
            role,
            help=_RECORD_HELP,
            help_parts=(_RECORD_HELP,),
            width=24,
        ),
        Column(
            RECORD_TITLE,
            "Name",
            Role.READ_ONLY,
            help=_READ_ONLY[NUMBER][1],
            help_parts=(_READ_ONLY[NUMBER][1],),
            width=40,
        ),
        *(replace(_field(sub, frozenset()), role=role) for sub in spec.subfields),
    ]
    title = ROW_SHEETS.get(spec.name, spec.label[:31])
    return Layout(key, title, _unlike(columns))


_READ_ONLY: Mapping[str, tuple[str, str]] = {
    NUMBER: ("Number", "Given by the inventory; leave it empty in new rows."),
    STATE: ("State", "Changed by steps such as submit, never through a file."),
    BALL: ("Waits for", "Who has to do something next."),
    CONFIRMED: (
        "Classification confirmed",
        "What a reviewer confirmed. A new classification of yours is a proposal.",
    ),
}


def _read_only(key: str, width: int) -> Column:
    header, text = _READ_ONLY[key]
    return Column(key, header, Role.READ_ONLY, help=text, help_parts=(text,), width=width)


_WIDTHS: Mapping[str, int] = {
    "long_text": 44,
    "markdown": 48,
    "rows": 40,
    "url": 30,
    "url_list": 32,
    "email": 26,
    "integer": 12,
    "date": 14,
    "partial_date": 14,
    "language": 12,
}

_HOW: Mapping[str, str] = {
    "choices": "Several values: one a line, or separated by a semicolon.",
    "list": "Several: separated by a semicolon.",
    "url_list": "Several links: one a line.",
    "language": "Two letters, such as en; several separated by a semicolon.",
    "source_list": "Numbers from the sheet Sources; several separated by a semicolon.",
    "entry": "The number of another entry.",
    "date": "A day, as 2027-06-30.",
    "partial_date": "A year, a month or a day: 2027, 2027-06, 2027-06-30.",
    "integer": "A whole number.",
}


def _field(spec: FieldSpec, shut: frozenset[str]) -> Column:
    listed = spec.kind in ("choice", "choices")
    parts = tuple(part for part in (spec.help, _HOW.get(spec.kind, "")) if part)
    return Column(
        spec.name,
        spec.label,
        Role.READ_ONLY if spec.name in shut else Role.FIELD,
        spec,
        " ".join(parts),
        parts,
        list_name=(spec.vocabulary or "") if listed else "",
        labels=tuple(choice.label for choice in spec.choices) if listed else (),
        several=spec.kind in _HOW and spec.kind.endswith(("list", "choices", "language")),
        width=40 if spec.name == "title" else _WIDTHS.get(spec.kind, 22),
    )


MARK_HEADERS: Mapping[str, tuple[str, str]] = {
    "assignee": ("Assigned to", "A colleague with an account, by name."),
    "in_directory": ("In the city's directory", "Whether other departments find it by its name."),
    "visibility": ("Who may see it", "Normal, or only your department and the chief data officer."),
    "listing": ("Public listing", "Whether it may be named in public."),
    "shared": ("Shared", "Whether other departments may name it as their source."),
}
MARK_LISTS: Mapping[str, str] = {"shared": "in_directory"}
"""Marks whose values are those of another list."""


def _mark(name: str, vocabularies: Vocabularies, shut: frozenset[str]) -> Column:
    header, text = MARK_HEADERS[name]
    list_name = "" if name == "assignee" else MARK_LISTS.get(name, name)
    return Column(
        name,
        header,
        Role.READ_ONLY if name in shut else Role.MARK,
        help=text,
        help_parts=(text,),
        list_name=list_name,
        labels=tuple(c.label for c in vocabularies.choices(list_name)) if list_name else (),
        width=18,
    )


def targets_in_words(schema: Schema, say: Say = as_it_is) -> list[tuple[str, str]]:
    """Return what a column of any list may be, and how people call that.

    :param schema: the schema in force
    :param say: translates labels
    :returns: target and label, in the order of the schema; the number and what isn't a field at the end
    """
    known = targets(schema)
    fields = [spec for spec in schema.fields.values() if spec.name in known]
    times = Counter(spec.label for spec in fields)
    found = [
        (
            spec.name,
            f"{say(spec.label)} ({say(spec.term)})"
            if times[spec.label] > 1 and spec.term
            else say(spec.label),
        )
        for spec in fields
    ]
    if BLOCKERS in schema.fields:
        rows = schema.fields[BLOCKERS]
        found += [
            (f"{BLOCKERS}.{sub.name}", f"{say(rows.label)}: {say(sub.label)}")
            for sub in rows.subfields
            if sub.name in BLOCKER_PARTS
        ]
    marks = MARKS.get(schema.package_type, ())
    return [*found, *((m, say(MARK_HEADERS[m][0])) for m in marks), (NUMBER, say("Number"))]


def _unlike(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Let no two headers of a sheet be alike."""
    times = Counter(column.header.casefold() for column in columns)
    seen: set[str] = set()
    found: list[Column] = []
    for column in columns:
        header = column.header
        if times[header.casefold()] > 1 and header.casefold() in seen:
            header = f"{header} ({column.key})"
        seen.add(header.casefold())
        found.append(replace(column, header=header))
    return tuple(found)


# Values


@dataclass(frozen=True)
class Names:
    """What ids stand for, as whoever downloads may know it.

    :param records: package id to number, and title where it may be known
    :param people: user id to name
    :param departments: organization id to title
    :param say: translates labels
    """

    records: Mapping[str, tuple[str, str]]
    people: Mapping[str, str]
    departments: Mapping[str, str]
    say: Say = as_it_is


NO_NAMES = Names({}, {}, {})


def write(spec: FieldSpec, value: Any, names: Names = NO_NAMES) -> str | int:
    """Write a stored value for a cell.

    :param spec: the field
    :param value: its value; None for nothing
    :param names: what ids stand for
    :returns: the cell's text, or a whole number
    """
    if value in (None, "", []):
        return ""
    kind = spec.kind
    if kind == "integer":
        return int(value)
    if kind == "choice":
        return names.say(spec.label_of(str(value)))
    if kind == "entry":
        return _reference(str(value), names)
    if isinstance(value, list):
        items = [str(item) for item in cast("list[Any]", value)]
        if kind == "choices":
            return "; ".join(names.say(spec.label_of(item)) for item in items)
        if kind == "source_list":
            text = ";\n".join(_reference(item, names) for item in items)
            # No cell holds more; the numbers alone always fit.
            return (
                text
                if len(text) <= MAX_CELL
                else ";\n".join(names.records.get(item, (item, ""))[0] for item in items)
            )
        return ("\n" if kind == "url_list" else "; ").join(items)
    return str(value)


def _reference(package_id: str, names: Names) -> str:
    number, title = names.records.get(package_id, (package_id, ""))
    return f"{number} {' '.join(title.split())}".replace(";", ",").strip() if title else number


def write_mark(name: str, value: Any, vocabularies: Vocabularies, names: Names = NO_NAMES) -> str:
    """Write a mark for a cell.

    :param name: the mark
    :param value: its value
    :param vocabularies: the lists in force
    :param names: what ids stand for
    :returns: the cell's text
    """
    if name == "assignee":
        return names.people.get(str(value), str(value)) if value else ""
    if isinstance(value, bool):
        value = "yes" if value else "no"
    label = vocabularies.label(MARK_LISTS.get(name, name), str(value)) if value else ""
    return names.say(label) if label else ""
