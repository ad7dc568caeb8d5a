"""Write tables as CSV or XLSX, row by row in constant memory, without a cell that acts as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, cast

import xlsxwriter

from ckanext.inventory.fields import FieldSpec

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that spreadsheet programs would calculate when they open a CSV file."""

MAX_CELL = 32_767
WIDTHS = {"long_text": 60, "markdown": 60, "text": 30}

Cell = str | int | None


def safe(cell: str) -> str:
    """Keep a spreadsheet program from taking a text for a formula.

    :param cell: any text
    :returns: the text, with an apostrophe before what would be calculated
    """
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def cell_of(spec: FieldSpec, value: Any) -> Cell:
    """Write a field's stored value for people: labels, lists with semicolons, rows one a line.

    :param spec: the field
    :param value: its stored value, or None
    :returns: a number or a text that the import understands again
    """
    if value in (None, "", []):
        return None
    if isinstance(value, int):
        return value
    if spec.kind == "rows":
        rows = cast("list[dict[str, Any]]", value)
        return "\n".join(_row(spec, row) for row in rows)
    if isinstance(value, list):
        return "; ".join(spec.label_of(str(item)) for item in cast("list[Any]", value))
    return spec.label_of(str(value)) if spec.kind == "choice" else str(value)


def _row(spec: FieldSpec, row: dict[str, Any]) -> str:
    cells = ((sub.label, cell_of(sub, row.get(sub.name))) for sub in spec.subfields)
    return "; ".join(f"{label}: {cell}" for label, cell in cells if cell is not None)


def csv_lines(headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Write a table as CSV, one line after the other.

    :param headers: the columns' headers
    :param rows: the cells
    :returns: lines with CRLF; the first begins with a byte order mark, without which Excel takes
        the file for Windows-1252
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow([safe(header) for header in headers])
    yield _take(buffer)
    for row in rows:
        writer.writerow([safe(cell) if isinstance(cell, str) else cell for cell in row])
        yield _take(buffer)


def _take(buffer: io.StringIO) -> str:
    line = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return line


def write_xlsx(
    stream: BinaryIO,
    title: str,
    columns: Sequence[tuple[str, int]],
    rows: Iterable[Sequence[Cell]],
) -> None:
    """Write a table as an XLSX file. Texts are written as texts, never as formulas or links.

    :param stream: where to
    :param title: name of the sheet
    :param columns: (header, width in characters)
    :param rows: the cells
    """
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    workbook: Any = xlsxwriter.Workbook(stream, options)  # its types are incomplete
    with workbook as book:
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        top = book.add_format({"text_wrap": True, "valign": "top"})
        sheet = book.add_worksheet(title[:31])
        sheet.freeze_panes(1, 2)
        for index, (header, width) in enumerate(columns):
            sheet.set_column(index, index, width)
            sheet.write_string(0, index, header, bold)
        last = 0
        for last, row in enumerate(rows, start=1):
            for index, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(last, index, cell[:MAX_CELL], top)
                elif cell is not None:
                    sheet.write_number(last, index, cell, top)
        if columns:
            sheet.autofilter(0, 0, last, len(columns) - 1)
