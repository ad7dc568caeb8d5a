"""What is said of files that aren't read at all."""

from __future__ import annotations

from .messages import FileProblem

# Workbook readers reserve the rectangle around all filled cells.
AREA_PER_CELL = 2
MIN_AREA = 2_000_000


def damaged() -> FileProblem:
    """Return what is said of a file that is no whole workbook."""
    return FileProblem(
        "The file can't be read as a spreadsheet (XLSX, ODS or CSV). It may be damaged; open it "
        "in a spreadsheet program and save it again."
    )


def locked() -> FileProblem:
    """Return what is said of a file with a password."""
    return FileProblem("The file is locked with a password. Save it without one.")


def no_spreadsheet() -> FileProblem:
    """Return what is said of a document of another kind."""
    return FileProblem(
        "The file is no spreadsheet (XLSX, ODS or CSV), but a document of another kind or an archive. "
        "Open it in the program that it is from, and save or copy its table as a spreadsheet."
    )


def too_many_cells(limit: int) -> FileProblem:
    """Return what is said of a file that fills too many cells.

    :param limit: how many it may fill
    """
    return FileProblem("The file has more than %(limit)s cells. Split it into parts.", limit=limit)


def largest_area(max_cells: int) -> int:
    """Return how many cells the filled ones of a sheet may span.

    :param max_cells: most cells that a file may fill
    """
    return max(MIN_AREA, AREA_PER_CELL * max_cells)


def check_extent(cells: int, bottom: int, right: int, max_cells: int) -> None:
    """Refuse too many cells, and cells that lie so far apart that they span too many.

    :param cells: filled cells of the file so far
    :param bottom: the last row of the sheet that has one
    :param right: the last column that has one
    :param max_cells: most cells that a file may fill
    :raises FileProblem: beyond these
    """
    if cells > max_cells:
        raise too_many_cells(max_cells)
    if bottom * right > largest_area(max_cells):
        raise FileProblem(
            "A sheet has filled cells as far away as row %(row)s, column %(column)s. Delete what "
            "stands outside the table.",
            row=bottom,
            column=right,
        )
