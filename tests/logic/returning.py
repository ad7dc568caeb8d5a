"""Helpers of the tests that bring a workbook back."""

from __future__ import annotations

import base64
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import openpyxl
from ckan import model

from tests.logic.city import City


def download(city: City, user: Any = None, **data: Any) -> bytes:
    """Take a workbook, by default the parks department's as its coordinator."""
    data.setdefault("department", "parks")
    found = city.do(user or city.coordinator, "inventory_workbook", **data)
    return base64.b64decode(found["content"])


def opened(data: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(data))


def saved(book: openpyxl.Workbook) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def column(book: openpyxl.Workbook, sheet: str, header: str) -> int:
    """The position of a column, from 1."""
    for cell in book[sheet][1]:
        if str(cell.value).rstrip(" *") == header:
            return int(cell.column)
    raise AssertionError(f"{sheet} has no column {header}")


def row_of(book: openpyxl.Workbook, sheet: str, number: str) -> int:
    """The row of a record."""
    for row in range(2, book[sheet].max_row + 1):
        if book[sheet].cell(row, 1).value == number:
            return row
    raise AssertionError(f"{sheet} has no row {number}")


def put(book: openpyxl.Workbook, sheet: str, row: int | str, **cells: Any) -> None:
    """Write into cells, named by their headers with _ for spaces."""
    position = row_of(book, sheet, row) if isinstance(row, str) else row
    for header, value in cells.items():
        name = header.replace("_", " ")
        book[sheet].cell(position, column(book, sheet, name)).value = value


def add(book: openpyxl.Workbook, sheet: str, **cells: Any) -> int:
    """Write a new row below the last one."""
    row = book[sheet].max_row + 1
    put(book, sheet, row, **cells)
    return row


def preview(city: City, data: Any, user: Any = None, **choices: Any) -> dict[str, Any]:
    """Bring a workbook, or bytes of another file, and look at what it would do."""
    content = data if isinstance(data, bytes) else saved(data)
    choices.setdefault("filename", "parks.xlsx")
    choices.setdefault("now", True)
    return city.do(
        user or city.coordinator,
        "inventory_import_preview",
        content=base64.b64encode(content).decode(),
        **choices,
    )


def again(city: City, found: dict[str, Any], user: Any = None, **choices: Any) -> dict[str, Any]:
    """Look again with other choices."""
    choices.setdefault("now", True)
    return city.do(user or city.coordinator, "inventory_import_preview", id=found["id"], **choices)


def save(city: City, found: dict[str, Any], user: Any = None, **choices: Any) -> dict[str, Any]:
    """Save what was looked at, with what was chosen since."""
    return city.do(
        user or city.coordinator,
        "inventory_import_save",
        id=found["id"],
        fingerprint=found["fingerprint"],
        **choices,
    )


def killed(city: City, script: str, *arguments: str) -> None:
    """Run a script that kills its own process, in another one than ours, on the same site."""
    model.Session.remove()
    ini = Path(__file__).parents[2] / "test.ini"
    done = subprocess.run(
        [sys.executable, "-c", script, str(ini), *arguments],
        env=dict(os.environ),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 9, done.stderr.decode()[-2000:]
    for name in vars(city):
        setattr(city, name, model.Session.merge(getattr(city, name)))


def cells(found: dict[str, Any]) -> dict[tuple[Any, str], str]:
    """Outcomes by number (or title of a new row) and field."""
    return {
        (row["number"] or row["title"], cell["key"]): cell["outcome"]
        for row in found["rows"]
        for cell in row["cells"]
    }


def content(city: City, number: str) -> dict[str, Any]:
    """What is stored."""
    kind = "source" if "-S" in number else "entry"
    shown = city.do(city.sysadmin, f"inventory_{kind}_show", id=number)
    return shown["content"]
