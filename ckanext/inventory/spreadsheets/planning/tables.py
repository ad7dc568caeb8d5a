"""Which sheets of a file are read, and which column is missing for that."""

from __future__ import annotations

from collections.abc import Sequence

from ckanext.inventory.fields import Schema
from ckanext.inventory.spreadsheets.headers import (
    BY_LETTER,
    DEPARTMENT,
    Assignment,
    HeaderMap,
    looks_like_other_type,
)
from ckanext.inventory.spreadsheets.messages import FileProblem, Message
from ckanext.inventory.spreadsheets.reader import HEADER_ROWS, Source, Table, find_table
from ckanext.inventory.spreadsheets.synonyms import key, squash
from ckanext.inventory.types import ENTRY

from .choices import Choices
from .outcome import Plan


def choose_tables(source: Source, headers: HeaderMap, choices: Choices, plan: Plan) -> list[Table]:
    """Choose the sheets: the named ones, else the best and those with the same headers.

    :param source: the file as read
    :param headers: the headers that are understood
    :param choices: what was chosen
    :param plan: gets a note on the sheets that aren't read
    :returns: their tables
    :raises FileProblem: if no sheet has one of the names
    """
    sheets = [
        sheet for sheet in source.sheets if not choices.sheets or sheet.name in choices.sheets
    ]
    if not sheets:
        raise FileProblem("There is no sheet called %(names)s.", names=", ".join(choices.sheets))
    given = {
        squash(header)
        for header, target in choices.columns.items()
        if target and header and not BY_LETTER.fullmatch(header)
    }

    def score(header: str) -> int:
        return 2 if squash(header) in given else headers.score(header)

    found = [find_table(sheet, score) for sheet in sheets]
    if choices.sheets:
        return [table for table, _ in found]
    best, _ = max(found, key=lambda item: item[1])
    alike = [
        table
        for table, _ in found
        if [key(column.header) for column in table.columns]
        == [key(column.header) for column in best.columns]
    ]
    left = [table.sheet for table, _ in found if table not in alike]
    if left:
        plan.notes.append(Message("Sheets not read: %(names)s.", {"names": ", ".join(left)}))
    return alike


def lacking_column(
    table: Table,
    assignments: Sequence[Assignment],
    schema: Schema,
    other: HeaderMap,
    *,
    whole_city: bool,
) -> Message | None:
    """Say which column nothing can be planned without.

    :param table: the table
    :param assignments: what its columns mean
    :param schema: schema of what is imported
    :param other: headers of the other private type, to recognise its lists
    :param whole_city: no department was given, so that a column must name it
    :returns: what is lacking, None if all is there
    """
    names = [column.label for column in table.columns]
    targets = {item.target for item in assignments}
    if "title" not in targets:
        if looks_like_other_type(names, other):
            return Message(
                "No column holds the name. The file looks like a list of sources instead."
                if schema.package_type == ENTRY
                else "No column holds the name. The file looks like a list of entries instead."
            )
        return Message(
            "No column holds the name of what is listed. The row with the column names has to be "
            "among the first %(rows)s. Columns found: %(columns)s.",
            {"columns": ", ".join(names[:20]), "rows": HEADER_ROWS},
        )
    if whole_city and DEPARTMENT not in targets:
        return Message(
            "No column names the department. Choose the department to import into, or say which "
            "column names it. The row with the column names has to be among the first %(rows)s. "
            "Columns found: %(columns)s.",
            {"columns": ", ".join(names[:20]), "rows": HEADER_ROWS},
        )
    return None
