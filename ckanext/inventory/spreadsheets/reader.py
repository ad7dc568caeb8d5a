"""Read CSV, TSV, XLSX, XLS and ODS into plain tables, within limits.

Source: fields.md 5 and RFC 4180, read tolerantly: encodings, separators, title rows above the header,
empty columns and merged cells are what real inventories bring.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import python_calamine as calamine

from ckanext.inventory.fields import FieldSpec

from .compound_scan import scan_compound
from .messages import FileProblem, Message, counted
from .package_scan import scan_package
from .refusals import damaged, locked, too_many_cells
from .stamp import PREFIX

Cell: TypeAlias = str | int | float | bool | dt.date | dt.datetime | dt.time | dt.timedelta

SEPARATORS = (",", ";", "\t", "|")
HEADER_ROWS = 20
_MARKUP = re.compile(r"[\ufeff\s]*<(?:html|!doctype|table|\?xml)\b", re.IGNORECASE)
CHARACTERS = re.compile(r"[\x80-\x9f]")
_NO_NAME = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""What no name of a sheet or column holds: the database stores none of it, or nobody can type it."""
MULTIBYTE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)


@dataclass(frozen=True)
class Limits:
    """How big a file may be.

    :param max_bytes: of the file as uploaded
    :param max_inflated_bytes: of a workbook once unpacked
    :param max_rows: filled rows of one sheet
    :param max_cells: filled cells of the file
    :param max_columns: of one sheet
    """

    max_bytes: int = 20_000_000
    max_inflated_bytes: int = 300_000_000
    max_rows: int = 100_000
    max_cells: int = 2_000_000
    max_columns: int = 500


@dataclass(frozen=True)
class Sheet:
    """The filled part of one sheet, before its header is known.

    :param name: the sheet's name, empty for a text file; what no name may hold is a space in it
    :param rows: (row number as shown, cells) of rows that aren't empty
    """

    name: str
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]

    def __post_init__(self) -> None:
        if _NO_NAME.search(self.name):
            object.__setattr__(self, "name", _NO_NAME.sub(" ", self.name).strip())


@dataclass(frozen=True)
class Source:
    """A file that has been read.

    :param filename: its name without folders
    :param digest: SHA-256 of its bytes, hexadecimal
    :param sheets: the visible sheets that hold something
    :param notes: remarks on the whole file
    """

    filename: str
    digest: str
    sheets: tuple[Sheet, ...]
    notes: tuple[Message, ...] = field(default=())


def read(data: bytes, filename: str, limits: Limits | None = None) -> Source:
    """Read a file's sheets.

    :param data: the file's bytes
    :param filename: its name; the content decides what it is, the name only tells CSV from TSV
    :param limits: sizes that are accepted
    :returns: the sheets with their filled rows
    :raises FileProblem: for what isn't a table, is damaged, locked, or larger than the limits
    """
    limits = limits or Limits()
    check_size(data, limits)
    name = re.split(r"[\\/]", filename)[-1]
    digest = hashlib.sha256(data).hexdigest()
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        sheets, notes = _read_workbook(data, limits)
    else:
        sheets, notes = _read_text(data, limits)
    if not sheets:
        raise FileProblem("The file holds no filled cells.")
    return Source(name, digest, tuple(sheets), tuple(notes))


def check_size(data: bytes, limits: Limits) -> None:
    """Refuse a file that is empty, or larger than the limit.

    :param data: the file's bytes, or as many of them as say that it is too large
    :param limits: sizes that are accepted
    :raises FileProblem: for such a file
    """
    if len(data) > limits.max_bytes:
        raise FileProblem(
            "The file has more than %(limit)s MB, which is the most that is read. Split it into "
            "parts, or copy its rows into a new file: pictures and empty rows with a format take "
            "room, too.",
            limit=f"{limits.max_bytes / 1e6:g}",
        )
    if not data.strip(b"\x00 \r\n\t"):
        raise FileProblem("The file is empty.")


def check_cells(cells: int, limits: Limits) -> None:
    """Refuse a file of too many filled cells.

    :param cells: how many there are so far
    :param limits: sizes that are accepted
    :raises FileProblem: if there are more than that
    """
    if cells > limits.max_cells:
        raise too_many_cells(limits.max_cells)


def check_rows(rows: int, limits: Limits) -> None:
    """Refuse a sheet of too many filled rows.

    :param rows: how many there are so far
    :param limits: sizes that are accepted
    :raises FileProblem: if there are more than that
    """
    if rows > limits.max_rows:
        raise FileProblem(
            "The file has more than %(limit)s rows. Split it into parts.", limit=limits.max_rows
        )


# Workbooks


def _read_workbook(data: bytes, limits: Limits) -> tuple[list[Sheet], list[Message]]:
    notes: list[Message] = []
    if data.startswith(b"PK\x03\x04"):
        scan = scan_package(data, limits.max_inflated_bytes, limits.max_cells)
        error_values = scan.error_values
        if scan.formulas_without_value:
            notes.append(
                counted(
                    "One formula has no stored result and reads as empty. Open the file in a "
                    "spreadsheet program and save it there.",
                    "%(count)s formulas have no stored result and read as empty. Open the file in a "
                    "spreadsheet program and save it there.",
                    scan.formulas_without_value,
                )
            )
    else:
        error_values = scan_compound(data, limits.max_cells)
    if error_values:
        notes.append(
            counted(
                "One cell holds an error value such as #REF! or #N/A and was read as empty.",
                "%(count)s cells hold an error value such as #REF! or #N/A and were read as empty.",
                error_values,
            )
        )
    try:
        # The workbook keeps the stream open only as long as this block lasts.
        with calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)) as book:
            sheets: list[Sheet] = []
            hidden: list[str] = []
            cells = 0
            for meta in book.sheets_metadata:
                if meta.typ != calamine.SheetTypeEnum.WorkSheet:
                    continue
                if meta.visible != calamine.SheetVisibleEnum.Visible:
                    hidden.append(meta.name)
                    continue
                sheet = _workbook_sheet(book.get_sheet_by_name(meta.name), meta.name, limits)
                cells += sum(len(row) for _, row in sheet.rows)
                check_cells(cells, limits)
                if sheet.rows:
                    sheets.append(sheet)
    except calamine.PasswordError as error:
        raise locked() from error
    except calamine.CalamineError as error:
        raise damaged() from error
    except BaseException as error:
        # What the reader itself didn't expect of a damaged file: no error of Python's, and no exit.
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise damaged() from error
    if hidden:
        notes.append(
            Message("Hidden sheets were not read: %(names)s.", {"names": ", ".join(hidden)})
        )
    return sheets, notes


def _workbook_sheet(sheet: calamine.CalamineSheet, name: str, limits: Limits) -> Sheet:
    if sheet.start is None:
        return Sheet(name, ())
    if sheet.end is not None and sheet.end[1] >= limits.max_columns:
        raise FileProblem(
            'Sheet "%(sheet)s" has %(columns)s columns; at most %(limit)s are read.',
            sheet=name,
            columns=sheet.end[1] + 1,
            limit=limits.max_columns,
        )
    first = sheet.start[0]
    rows: list[tuple[int, list[Cell]]] = []
    for offset, cells in enumerate(sheet.iter_rows()):
        # iter_rows starts at the first filled row, yet keeps the empty columns on the left.
        if any(map(_filled, cells)):
            rows.append((first + offset + 1, cells))
        check_rows(len(rows), limits)
    _fill_merged(rows, sheet.merged_cell_ranges or [])
    return Sheet(name, tuple((number, _trim(cells)) for number, cells in rows))


def _fill_merged(
    rows: list[tuple[int, list[Cell]]],
    ranges: Sequence[tuple[tuple[int, int], tuple[int, int]]],
) -> None:
    """Repeat a value that was merged downwards over several rows in each of them."""
    by_number = dict(rows)
    for (top, left), (bottom, _right) in ranges:
        source = by_number.get(top + 1)
        if bottom == top or source is None or left >= len(source) or not _filled(source[left]):
            continue
        for number in range(top + 2, bottom + 2):
            cells = by_number.get(number)
            if cells is not None and left < len(cells) and not _filled(cells[left]):
                cells[left] = source[left]


# Text


def _read_text(data: bytes, limits: Limits) -> tuple[list[Sheet], list[Message]]:
    text, notes = decode(data)
    if _MARKUP.match(text):
        raise FileProblem(
            "The file is a web page or XML with a spreadsheet's name. Open it in a spreadsheet "
            "program and save it as XLSX."
        )
    if data.startswith(_PDF) or _looks_binary(text):
        raise FileProblem(
            "The file is neither a spreadsheet (XLSX, ODS) nor a text table (CSV). Save it as one."
        )
    separator, text = _separator(text)
    rows: list[tuple[int, tuple[Cell, ...]]] = []
    cells = number = before = last = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for record in reader:
            number += 1
            before, last = last, len(record)
            if not any(cell.strip() for cell in record):
                continue
            row = _trim(record)
            if len(row) > limits.max_columns:
                raise FileProblem(
                    "Row %(row)s has %(columns)s columns; at most %(limit)s are read.",
                    row=number,
                    columns=len(row),
                    limit=limits.max_columns,
                )
            cells += len(row)
            check_cells(cells, limits)
            rows.append((number, row))
            check_rows(len(rows), limits)
    except csv.Error as error:
        raise _unreadable(text, number + 1) from error
    if text.count('"') % 2:
        notes.append(
            Message(
                "The file has an odd number of quotation marks: somewhere a cell may have swallowed "
                "what follows it. Look at the last rows."
            )
        )
    elif 0 < last < before and not text.endswith(("\n", "\r")):
        notes.append(
            Message(
                "The last row, %(row)s, ends before its last column: the file may have been cut "
                "off. Compare it with the one it comes from.",
                {"row": number},
            )
        )
    return ([Sheet("", tuple(rows))] if rows else []), notes


_PDF = b"%PDF-"


def _unreadable(text: str, row: int) -> FileProblem:
    """Say why a row can't be read: a text of it has no end, or is too long."""
    if text.count('"') % 2 == 0 and len(text) > csv.field_size_limit():
        return FileProblem(
            "Row %(row)s holds a cell of more than %(found)s characters; at most %(limit)s are "
            "taken. Shorten it.",
            row=row,
            found=f"{csv.field_size_limit():,}",
            limit=f"{FieldSpec.max_length:,}",
        )
    return FileProblem(
        "Row %(row)s can't be read: a quotation mark may be opened there and never closed.",
        row=row,
    )


def decode(data: bytes) -> tuple[str, list[Message]]:
    """Turn bytes into text: UTF-8, UTF-16 or Windows-1252, tolerating damage.

    :param data: bytes of a text file
    :returns: the text without byte order mark, and remarks on what had to be guessed
    """
    notes: list[Message] = []
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    elif encoding := _unmarked_utf16(data):
        text = data.decode(encoding, "replace")
    else:
        body = data.removeprefix(b"\xef\xbb\xbf")
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            text = _decode_mixed(body, notes)
    # A file of ours was written right, whatever it holds.
    found = [] if PREFIX in text.partition("\n")[0] else CHARACTERS.findall(text)
    if found:
        # Windows-1252 that was once read as Latin-1: the controls stand where quotes and dashes were.
        text = CHARACTERS.sub(lambda match: _cp1252(match.group().encode("latin-1")), text)
        notes.append(
            counted(
                "One wrongly encoded character was repaired.",
                "%(count)s wrongly encoded characters were repaired.",
                len(found),
            )
        )
    if "\ufffd" in text:
        notes.append(
            counted(
                "One character can't be read and shows as �.",
                "%(count)s characters can't be read and show as �.",
                text.count("\ufffd"),
            )
        )
    return text, notes


def _decode_mixed(body: bytes, notes: list[Message]) -> str:
    valid = MULTIBYTE.findall(body)
    broken = sum(byte > 127 for byte in body) - sum(len(item) for item in valid)
    if broken >= len(valid):
        return _cp1252(body)
    notes.append(
        counted(
            "One byte is not UTF-8 and was read as Windows-1252.",
            "%(count)s bytes are not UTF-8 and were read as Windows-1252.",
            broken,
        )
    )
    pieces: list[str] = []
    rest = body
    while rest:
        try:
            pieces.append(rest.decode("utf-8"))
            break
        except UnicodeDecodeError as error:
            pieces.append(rest[: error.start].decode("utf-8"))
            pieces.append(_cp1252(rest[error.start : error.start + 1]))
            rest = rest[error.start + 1 :]
    return "".join(pieces)


def _cp1252(body: bytes) -> str:
    return body.decode("cp1252", "replace")


def _unmarked_utf16(data: bytes) -> str:
    sample = data[:4000]
    if len(sample) < 4:
        return ""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > len(sample) // 4 and even < odd // 8 + 1:
        return "utf-16-le"
    if even > len(sample) // 4 and odd < even // 8 + 1:
        return "utf-16-be"
    return ""


def _separator(text: str) -> tuple[str, str]:
    """Tell the separator from the first records: the one that cuts them alike into most columns."""
    head, _, rest = text.partition("\n")
    declared = re.fullmatch(r"sep=(.)\r?", head.strip("\ufeff"))
    if declared:
        # Excel's own declaration line; an empty line stands in, so that row numbers stay right.
        return declared.group(1), "\n" + rest
    best, best_score = ",", (0.0, 0.0)
    sample = text[:200_000]
    for separator in SEPARATORS:
        counts: list[int] = []
        try:
            for record in csv.reader(io.StringIO(sample, newline=""), delimiter=separator):
                if any(cell.strip() for cell in record):
                    counts.append(len(record))
                if len(counts) >= 60:
                    break
        except csv.Error:
            continue
        wide = [count for count in counts if count > 1]
        if not wide:
            continue
        common = max(set(wide), key=wide.count)
        score = (wide.count(common) / len(counts), float(common))
        # A later separator must be clearly better: cells hold lists with semicolons and bars.
        if score[0] > best_score[0] + 0.2 or (
            score[0] >= best_score[0] - 0.1 and score[1] > 2 * best_score[1] and score[1] > 2
        ):
            best, best_score = separator, score
    return best, text


def _looks_binary(text: str) -> bool:
    sample = text[:2000]
    odd = sum(
        1 for character in sample if ord(character) < 32 and character not in "\t\r\n\x0b\x0c"
    )
    return odd > len(sample) // 50


# Shared


def _filled(cell: object) -> bool:
    return bool(cell.strip()) if isinstance(cell, str) else cell is not None


def _trim(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    last = len(cells)
    while last and not _filled(cells[last - 1]):
        last -= 1
    return tuple(cells if last == len(cells) else cells[:last])


# Headers


@dataclass(frozen=True)
class Column:
    """One column of a table.

    :param index: position, from 0
    :param header: text of its header, empty for a filled column without one
    :param letter: the spreadsheet's name of the column (``A``, ``AB``)
    """

    index: int
    header: str
    letter: str

    @property
    def label(self) -> str:
        """Name the column for people."""
        return self.header or f"({self.letter})"


@dataclass(frozen=True)
class Table:
    """A sheet whose header has been found.

    :param sheet: the sheet's name
    :param header_row: number of the header's row as shown
    :param columns: the filled columns
    :param rows: (row number, cells by column index) below the header
    """

    sheet: str
    header_row: int
    columns: tuple[Column, ...]
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]


def find_table(sheet: Sheet, score: Callable[[str], int]) -> tuple[Table, int]:
    """Find a sheet's header among its first rows and cut the table below it.

    :param sheet: the sheet
    :param score: how well a text serves as a header: 0 for an unknown one
    :returns: the table, and the score of its header row (0: no known header, the first row was taken)
    """
    best, best_score = 0, 0
    for position, (_, cells) in enumerate(sheet.rows[:HEADER_ROWS]):
        titles = {header_text(cell) for cell in cells if _filled(cell)}
        total = sum(map(score, titles))
        if total > best_score:
            best, best_score = position, total
    if not best_score:
        best = next(
            (
                position
                for position, (_, cells) in enumerate(sheet.rows[:HEADER_ROWS])
                if sum(_filled(cell) for cell in cells) > 1
            ),
            0,
        )
    number, header = sheet.rows[best]
    below = sheet.rows[best + 1 :]
    # Whoever prints long tables repeats the header on each page.
    below = tuple((row, cells) for row, cells in below if cells != header)
    width = max([len(header), *(len(cells) for _, cells in below)])
    columns: list[Column] = []
    for index in range(width):
        title = header_text(header[index]) if index < len(header) else ""
        if title or any(index < len(cells) and _filled(cells[index]) for _, cells in below):
            columns.append(Column(index, title, letter(index)))
    return Table(sheet.name, number, tuple(columns), below), best_score


def letter(index: int) -> str:
    """Return a column's letters.

    :param index: position from 0
    """
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def header_text(cell: Cell) -> str:
    """Return a header as it is compared, shown and kept: on one line, without what no name may hold.

    :param cell: value as read
    """
    return " ".join(_NO_NAME.sub(" ", text(cell)).split())


def text(cell: Cell | None) -> str:
    """Return a cell's text as a person reads it, trimmed, with LF line ends.

    :param cell: value as read
    """
    if cell is None:
        return ""
    if isinstance(cell, str):
        if "\r" in cell:
            cell = cell.replace("\r\n", "\n").replace("\r", "\n")
        return cell.strip()
    if isinstance(cell, bool):
        return "Yes" if cell else "No"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        if (cell.hour, cell.minute, cell.second) == (0, 0, 0):
            return cell.date().isoformat()
        return cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, (dt.date, dt.time)):
        return cell.isoformat()
    return str(cell)
