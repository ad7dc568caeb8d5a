"""Tables that people download."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from flask import Response


def cell(text: object) -> str:
    """Write a value so that a spreadsheet can't read it as a formula.

    :param text: the value
    :returns: the text of the cell
    """
    said = "" if text is None else str(text)
    return f"'{said}" if said[:1] in ("=", "+", "-", "@", "\t", "\r") else said


def csv_file(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return a CSV file to download.

    :param name: its name
    :param header: names of the columns
    :param rows: the rows
    :returns: the response
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([cell(value) for value in row] for row in rows)
    return Response(
        text.getvalue(),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename={name}"},
    )
