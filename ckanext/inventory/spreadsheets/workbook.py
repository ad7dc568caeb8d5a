"""Write a workbook as XLSX, one of its sheets as CSV, or all of it as JSON.

Rows are written as they come and never held: a workbook of a whole city takes the memory of one row. No cell
is ever a formula or a link, whatever its text begins with.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, cast

import xlsxwriter

from ckanext.inventory.types import Stage

from .layout import LISTS_SHEET, MAX_MESSAGE, START_SHEET, Column, Layout, Role, Say, as_it_is
from .messages import Place, Severity
from .reader import HEADER_ROWS, Cell, Source, letter, text
from .stamp import PREFIX, Stamp

BLANK_ROWS = 500
"""Rows below the last one that offer drop-downs for new records."""

Value = str | int
MARKS_OF_STAGE: Mapping[Stage | None, str] = {
    Stage.SAVE: " *",
    Stage.SUBMIT: " *",
    Stage.APPROVE: " **",
    Stage.PROMOTE: " ***",
}
"""What follows a header, so that the stage isn't told by colour alone."""

_NEEDED: Mapping[Stage | None, str] = {
    Stage.SAVE: "Always needed.",
    Stage.SUBMIT: "Needed to submit.",
    Stage.APPROVE: "Needed before it can be approved.",
    Stage.PROMOTE: "Needed before it goes on the portal.",
}
READ_ONLY = "Read only."
SEVERAL = "Several values: separate them with a semicolon."
_COLOURS: Mapping[Stage | None, str] = {
    Stage.SAVE: "#14505f",
    Stage.SUBMIT: "#14505f",
    Stage.APPROVE: "#46717d",
    Stage.PROMOTE: "#6b8b94",
}
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


@dataclass(frozen=True)
class Line:
    """One row of a sheet.

    :param cells: values in the order of the columns
    :param token: what goes into the hidden column
    """

    cells: Sequence[Value]
    token: str = ""


@dataclass(frozen=True)
class Filled:
    """A sheet with its rows.

    :param layout: its columns
    :param stamp: what its hidden column says
    :param lines: its rows, read once
    """

    layout: Layout
    stamp: Stamp
    lines: Iterable[Line]


@dataclass
class Book:
    """A workbook to be written.

    :param title: what it is, in its first line
    :param start: what to do, line by line
    :param sheets: the sheets, in their order
    :param lists: further drop-downs: key of a column to what it offers
    :param created: when it was made
    :param say: translates what isn't among the columns
    """

    title: str
    start: Sequence[str]
    sheets: Sequence[Filled]
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    created: dt.datetime | None = None
    say: Say = as_it_is


def header_of(column: Column) -> str:
    """Return a column's header with the mark of its stage.

    :param column: the column
    """
    return column.header + MARKS_OF_STAGE.get(column.stage, "")


def write_xlsx(book: Book, stream: IO[bytes], blank_rows: int = BLANK_ROWS) -> None:
    """Write a workbook.

    :param book: the workbook
    :param stream: where to, a binary file
    :param blank_rows: how many rows below the last are made ready
    """
    document: Any = xlsxwriter.Workbook(
        stream,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
        },
    )
    document.set_properties(
        {"title": book.title, "author": "", "created": _naive(book.created), "comments": ""}
    )
    _Xlsx(document, book, blank_rows).write()
    document.close()


def _naive(moment: dt.datetime | None) -> dt.datetime:
    moment = moment or dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc)
    return moment.astimezone(dt.timezone.utc).replace(tzinfo=None)


class _Xlsx:
    """Writes one workbook. XlsxWriter carries few types, so its objects are taken as they come."""

    def __init__(self, document: Any, book: Book, blank_rows: int) -> None:
        self.document = document
        self.book = book
        self.say = book.say
        taken: set[str] = set()
        self.start_name = _sheet_name(self.say(START_SHEET), taken)
        self.names = [_sheet_name(filled.layout.title, taken) for filled in book.sheets]
        self.lists_name = _sheet_name(self.say(LISTS_SHEET), taken)
        self.blank_rows = blank_rows
        text = {"num_format": "@", "valign": "top"}
        grey = {**text, "bg_color": "#edf1f3", "font_color": "#46545c"}
        self.body = document.add_format(text)
        self.shut = document.add_format(grey)
        # A leading apostrophe, as a person would type it, keeps a text from becoming a formula.
        self.quoted = document.add_format({**text, "quote_prefix": True})
        self.shut_quoted = document.add_format({**grey, "quote_prefix": True})
        self.number = document.add_format({"num_format": "0", "valign": "top"})
        self.headers = {stage: self._header(_COLOURS.get(stage, "#5a676f")) for stage in _COLOURS}
        self.optional = self._header("#dfe7ea", "#1f2b31")
        self.locked = self._header("#c3cdd1", "#46545c")
        self.lists = self._lists()

    def _header(self, colour: str, ink: str = "#ffffff") -> Any:
        return self.document.add_format(
            {
                "bold": True,
                "bg_color": colour,
                "font_color": ink,
                "text_wrap": True,
                "valign": "vcenter",
                "border": 1,
                "border_color": "#ffffff",
            }
        )

    def write(self) -> None:
        """Write all sheets."""
        start = self.document.add_worksheet(self.start_name)
        sheets = [
            (filled, self.document.add_worksheet(name))
            for filled, name in zip(self.book.sheets, self.names, strict=True)
        ]
        lists = self.document.add_worksheet(self.lists_name)
        self._start(start)
        for filled, sheet in sheets:
            self._sheet(filled, sheet)
        self._write_lists(lists)
        start.activate()

    def _start(self, sheet: Any) -> None:
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, 110, self.document.add_format({"text_wrap": True, "valign": "top"}))
        title = self.document.add_format({"bold": True, "font_size": 16, "text_wrap": True})
        sheet.write_string(0, 0, self.book.title, title)
        for row, line in enumerate(self.book.start, start=2):
            sheet.write_string(row, 0, line)

    def _lists(self) -> dict[str, tuple[int, Sequence[str]]]:
        """Give every list that a column offers a column of its own in the sheet of lists."""
        found: dict[str, Sequence[str]] = {}
        for filled in self.book.sheets:
            for column in filled.layout.columns:
                if column.labels:
                    found.setdefault(column.list_name, column.labels)
        found.update({name: values for name, values in self.book.lists.items() if values})
        return {name: (index, values) for index, (name, values) in enumerate(found.items())}

    def _sheet(self, filled: Filled, sheet: Any) -> None:
        columns = filled.layout.columns
        hidden = len(columns)
        for index, column in enumerate(columns):
            shut = column.role is Role.READ_ONLY
            whole = column.spec is not None and column.spec.kind == "integer"
            # Whatever is written into such a column is written as shut, below.
            shut = shut and not column.in_new_rows
            body = self.shut if shut else self.number if whole else self.body
            sheet.set_column(index, index, column.width, body)
        sheet.set_column(hidden, hidden, 3, None, {"hidden": True})
        sheet.set_row(0, 48)
        sheet.freeze_panes(1, 2)
        for index, column in enumerate(columns):
            sheet.write_string(0, index, header_of(column), self._header_format(column))
        sheet.write_string(0, hidden, filled.stamp.encode())
        read_only = [column.role is Role.READ_ONLY for column in columns]
        looks = [self.shut if column.in_new_rows else None for column in columns]
        row = 0
        for row, line in enumerate(filled.lines, start=1):
            for index, value in enumerate(line.cells):
                if value == "":
                    continue
                if isinstance(value, int):
                    sheet.write_number(row, index, value)
                elif value[0] in "=+-@'\t":
                    shut = self.shut_quoted if read_only[index] else self.quoted
                    sheet.write_string(row, index, value, shut)
                else:
                    sheet.write_string(row, index, value, looks[index])
            if line.token:
                sheet.write_string(row, hidden, line.token)
        self._messages(sheet, columns, row + 1, row + self.blank_rows)
        sheet.autofilter(0, 0, max(row, 1), hidden - 1)

    def _header_format(self, column: Column) -> Any:
        if column.role is Role.READ_ONLY:
            return self.locked
        return self.headers.get(column.stage, self.optional)

    def _messages(self, sheet: Any, columns: Sequence[Column], blank: int, last: int) -> None:
        for index, column in enumerate(columns):
            needed = _NEEDED.get(column.stage, "")
            if column.role is Role.READ_ONLY and not column.in_new_rows:
                needed = READ_ONLY
            needed = self.say(needed) if needed else ""
            words = " ".join(part for part in (needed, column.help) if part)
            if words:
                sheet.data_validation(
                    0,
                    index,
                    0,
                    index,
                    {
                        "validate": "any",
                        "input_title": _cut(column.header, 32),
                        "input_message": _cut(words, MAX_MESSAGE),
                    },
                )
            name = column.list_name if column.labels else column.key
            if name in self.lists and column.role is not Role.READ_ONLY:
                sheet.data_validation(1, index, last, index, self._drop_down(column, name))
            elif name in self.lists and column.in_new_rows:
                sheet.data_validation(blank, index, last, index, self._drop_down(column, name))

    def _drop_down(self, column: Column, name: str) -> dict[str, Any]:
        position, values = self.lists[name]
        found: dict[str, Any] = {
            "validate": "list",
            "source": f"={_quoted(self.lists_name)}!{_range(position, len(values))}",
            # The upload understands other words, too, and says where it doesn't.
            "show_error": False,
        }
        if column.several:
            found["input_title"] = _cut(column.header, 32)
            found["input_message"] = _cut(self.say(SEVERAL), MAX_MESSAGE)
        return found

    def _write_lists(self, sheet: Any) -> None:
        names = {
            column.list_name if column.labels else column.key: column.header
            for filled in self.book.sheets
            for column in filled.layout.columns
        }
        ordered = sorted(self.lists.items(), key=lambda item: item[1][0])
        for name, (index, _) in ordered:
            sheet.set_column(index, index, 28, self.body)
            sheet.write_string(0, index, names.get(name, name), self.locked)
        longest = max((len(values) for _, (_, values) in ordered), default=0)
        for row in range(longest):
            for _, (index, values) in ordered:
                if row < len(values):
                    sheet.write_string(row + 1, index, values[row], self.quoted)
        sheet.freeze_panes(1, 0)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


# CSV and JSON


def write_csv(filled: Filled, stream: IO[str]) -> None:
    """Write one sheet as CSV: the same columns, the hidden one last.

    :param filled: the sheet
    :param stream: where to; begin the file with a byte order mark, so that Excel reads UTF-8
    """
    writer = csv.writer(stream, lineterminator="\r\n")
    columns = filled.layout.columns
    writer.writerow([*(column.header for column in columns), filled.stamp.encode()])
    for line in filled.lines:
        writer.writerow([*(guard(str(value)) for value in line.cells), line.token])


def guard(text: str) -> str:
    """Keep a spreadsheet program from taking a text of a CSV file for a formula.

    :param text: a cell's text
    :returns: the text, with an apostrophe before what would begin a formula
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """Take away what :func:`guard` put before a text.

    :param text: a cell's text
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def write_json(book: Book, stream: IO[str]) -> None:
    """Write a workbook as JSON: the same sheets, columns and cells.

    :param book: the workbook
    :param stream: where to
    """
    stream.write('{"inventory": 1, "title": ' + json.dumps(book.title, ensure_ascii=False))
    stream.write(', "sheets": [')
    for position, filled in enumerate(book.sheets):
        columns = [{"key": c.key, "header": c.header} for c in filled.layout.columns]
        head = {
            "name": filled.layout.title,
            "stamp": filled.stamp.encode(),
            "columns": columns,
        }
        stream.write((", " if position else "") + json.dumps(head, ensure_ascii=False)[:-1])
        stream.write(', "rows": [')
        for number, line in enumerate(filled.lines):
            row = [*line.cells, line.token]
            stream.write((",\n" if number else "\n") + json.dumps(row, ensure_ascii=False))
        stream.write("]}")
    stream.write("]}\n")


# The corrected workbook


@dataclass(frozen=True)
class Remark:
    """What a cell's comment says of a problem.

    :param place: the cell
    :param severity: how much it matters
    :param words: what is wrong, in the language of whoever reads it
    :param offered: what may stand in the cell instead, for its drop-down
    """

    place: Place
    severity: Severity
    words: str
    offered: tuple[str, ...] = ()


def write_marked(
    source: Source, remarks: Sequence[Remark], stream: IO[bytes], untitled: str = "Sheet"
) -> None:
    """Write a file as it was read, with every problem's cell coloured and commented.

    :param source: the file
    :param remarks: what is wrong with it, and where
    :param stream: where to, a binary file
    :param untitled: what the sheet of a text file is called
    """
    document: Any = xlsxwriter.Workbook(
        stream, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    document.set_properties({"created": _naive(None), "author": ""})
    colours = {
        Severity.ERROR: document.add_format({"bg_color": "#f8c9bd", "num_format": "@"}),
        Severity.WARNING: document.add_format({"bg_color": "#ffe9b3", "num_format": "@"}),
    }
    quoted = document.add_format({"quote_prefix": True, "num_format": "@"})
    plain = document.add_format({"num_format": "@"})
    taken = {"history"}  # Excel's own
    pages: dict[str, Any] = {}
    for sheet in source.sheets:
        page = document.add_worksheet(_sheet_name(sheet.name or untitled, taken))
        pages[sheet.name] = page
        found: dict[tuple[int, int], list[Remark]] = {}
        for remark in remarks:
            if remark.place.sheet == sheet.name:
                found.setdefault((remark.place.row, remark.place.column), []).append(remark)
        filled: set[tuple[int, int]] = set()
        for number, cells in sheet.rows:
            for index, cell in enumerate(cells):
                here = found.get((number, index))
                if here and cell not in ("", None):
                    filled.add((number, index))
                _write_cell(
                    page,
                    number - 1,
                    index,
                    cell,
                    colours[_worst(here)] if here else None,
                    quoted,
                    plain,
                )
        for (number, index), here in found.items():
            words = dict.fromkeys(remark.words for remark in here)
            page.write_comment(
                number - 1, index, "\n".join(words)[:2000], {"x_scale": 2, "author": ""}
            )
            if (number, index) not in filled:
                page.write_blank(number - 1, index, None, colours[_worst(here)])
        page.freeze_panes(1, 0)
        # Columns of one's own may stand behind ours, and a title above its header.
        for _, cells in sheet.rows[:HEADER_ROWS]:
            for index, cell in enumerate(cells):
                if isinstance(cell, str) and cell.startswith(PREFIX):
                    page.set_column(index, index, None, None, {"hidden": True})
    _offer(document, source, remarks, pages, quoted, taken)
    document.close()


def _offer(
    document: Any,
    source: Source,
    remarks: Sequence[Remark],
    pages: Mapping[str, Any],
    quoted: Any,
    taken: set[str],
) -> None:
    """Give cells to fix their drop-downs, from the file's own sheet of lists if it has one."""
    offering = [remark for remark in remarks if remark.offered]
    if not offering:
        return
    lists = next((each for each in source.sheets if each.name.casefold() == _LISTS), None)
    page = (
        pages[lists.name]
        if lists is not None
        else document.add_worksheet(_sheet_name(LISTS_SHEET, taken))
    )
    rows = dict(lists.rows) if lists is not None else {}
    free = max((len(cells) for cells in rows.values()), default=0)
    places: dict[tuple[str, ...], str] = {}
    for remark in offering:
        texts = remark.offered
        if texts not in places:
            column = _column_with(rows, free, texts)
            if column is None:
                column, free = free, free + 1
                for row, offered in enumerate(texts, start=1):
                    page.write_string(row, column, offered, quoted)
            places[texts] = f"={_quoted(page.get_name())}!{_range(column, len(texts))}"
        place = remark.place
        at = (place.row - 1, place.column)
        pages[place.sheet].data_validation(
            *at, *at, {"validate": "list", "source": places[texts], "show_error": False}
        )


_LISTS = LISTS_SHEET.casefold()


def _column_with(
    rows: Mapping[int, Sequence[Cell]], width: int, texts: Sequence[str]
) -> int | None:
    """Find the column of a sheet that holds these texts below its header, and nothing else."""
    last = max(rows, default=1)
    for column in range(width):
        below = (rows.get(row, ()) for row in range(2, last + 1))
        held = [text(cells[column]) if column < len(cells) else "" for cells in below]
        if held[: len(texts)] == list(texts) and not any(held[len(texts) :]):
            return column
    return None


def _quoted(name: str) -> str:
    """Write the name of a sheet as formulas do."""
    return name if name.isascii() and name.isalnum() else "'" + name.replace("'", "''") + "'"


def _range(column: int, length: int) -> str:
    """Name the cells below a header."""
    where = letter(column)
    return f"${where}$2:${where}${length + 1}"


def _sheet_name(name: str, taken: set[str]) -> str:
    """Make a name of a sheet that Excel takes, and that no other sheet of the file has."""
    whole = _UNNAMEABLE.sub(" ", name).strip("' ") or "Sheet"
    clean, counter = _shortened(whole, _LONGEST), 1
    while not taken.isdisjoint(_as_compared(clean)):
        counter += 1
        clean = f"{_shortened(whole, _LONGEST - 1 - len(str(counter)))} {counter}"
    taken |= _as_compared(clean)
    return clean


def _as_compared(name: str) -> set[str]:
    return {name.lower(), name.casefold()}


def _shortened(name: str, length: int) -> str:
    """Cut the name of a sheet, which is measured in UTF-16."""
    return name.encode("utf-16-le")[: 2 * length].decode("utf-16-le", "ignore").strip("' ")


_LONGEST = 31
_UNNAMEABLE = re.compile(r"[\[\]:*?/\\]")


def _worst(remarks: Sequence[Remark]) -> Severity:
    errors = any(remark.severity is Severity.ERROR for remark in remarks)
    return Severity.ERROR if errors else Severity.WARNING


def _write_cell(
    page: Any, row: int, column: int, cell: Any, colour: Any, quoted: Any, plain: Any
) -> None:
    if cell in ("", None):
        return
    if isinstance(cell, bool):
        page.write_boolean(row, column, cell, colour)
    elif isinstance(cell, (int, float)):
        page.write_number(row, column, cell, colour)
    else:
        text = cell.isoformat() if hasattr(cell, "isoformat") else str(cell)
        text = cast(str, text)[:32_767]
        looks = quoted if _FORMULA.match(text) else plain
        page.write_string(row, column, text, colour or looks)


def as_bytes(write: Any, *arguments: Any) -> bytes:
    """Run one of the writers of binary files into memory.

    :param write: the writer; its last argument is the stream
    :param arguments: the others
    """
    stream = io.BytesIO()
    write(*arguments, stream)
    return stream.getvalue()
