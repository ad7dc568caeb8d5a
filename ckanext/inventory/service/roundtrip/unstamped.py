"""Sheets of a workbook of ours whose rows belong to records, such as Blockers, without their hidden column.

Such a sheet says itself what it is: its headers are ours, and its rows bear numbers. What stood in its cells
when it was downloaded it doesn't say, so that what is filled and isn't what is stored is a change, and what
is empty changes nothing.
"""

from __future__ import annotations

from ckanext.inventory.fields import schema_for
from ckanext.inventory.service import translated, workbooks
from ckanext.inventory.spreadsheets import synonyms
from ckanext.inventory.spreadsheets.headers import HeaderMap
from ckanext.inventory.spreadsheets.messages import FileProblem, Message
from ckanext.inventory.spreadsheets.reader import Source, find_table
from ckanext.inventory.spreadsheets.returned import Page
from ckanext.inventory.types import Person

from .plans import Settled

UNCOMPARED = Message(
    "The hidden last column is missing, so that nobody can tell which cells you changed. Every filled cell that "
    "differs from what is stored is shown as a change; an empty one changes nothing."
)

APART = Message(
    "This sheet wasn't read: each of its rows says something of an entry, and none is an entry itself. Upload "
    "it as a file of its own, or upload the whole workbook as it was downloaded."
)


def without_stamp(
    person: Person, source: Source, settled: Settled
) -> tuple[list[Page], list[Page]]:
    """Find sheets of rows in a file that doesn't say that it is ours.

    :param person: who brings it
    :param source: the file as read
    :param settled: what was chosen
    :returns: the sheets to read, where the file lists nothing else; and those to be left beside a list
    :raises FileProblem: if one is there twice
    """
    wanted = settled.choices.sheets
    sheets = tuple(sheet for sheet in source.sheets if not wanted or sheet.name in wanted)
    chosen = Source(source.filename, source.digest, sheets)
    layouts = workbooks.layouts_for(person, None)
    pages = translated.row_sheets(chosen, layouts, settled.choices.columns)
    if not pages:
        return [], []
    schema = schema_for(settled.package_type)
    headers = HeaderMap(schema, translated.understood(synonyms.load(), schema))
    names = {page.sheet for page in pages}
    for sheet in sheets:
        if sheet.name in names:
            continue
        table, _ = find_table(sheet, headers.score)
        titled = any(headers.score(column.header) == NAMES for column in table.columns)
        if titled and table.rows:
            return [], pages
    if len({page.layout.key for page in pages}) < len(pages):
        raise FileProblem(
            'The sheet "%(sheet)s" is there twice. Keep one of them.', sheet=pages[0].layout.title
        )
    return pages, []


NAMES = 3
"""What a header of the name scores."""
