"""Comparing a file that comes back with what is stored: what would be new, changed, refused, to be chosen.

Nothing is written here. A workbook of ours is compared cell by cell and three ways; a file that has never
seen us goes through the importer's plan, and rows that look like a record that exists are offered as such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from ckanext.inventory.service import imports, languages, workbooks
from ckanext.inventory.service.names import people
from ckanext.inventory.spreadsheets import places, returned, synonyms
from ckanext.inventory.spreadsheets.layout import GUIDES, Names, as_it_is
from ckanext.inventory.spreadsheets.messages import FileProblem, Message, Problem, Severity
from ckanext.inventory.spreadsheets.planning.choices import Choices
from ckanext.inventory.spreadsheets.reader import Cell, Source, read
from ckanext.inventory.spreadsheets.returned import Page
from ckanext.inventory.spreadsheets.synonyms import squash
from ckanext.inventory.types import Person

from .ground import Ground, at_column, column_at
from .lists import ForeignList
from .plans import Preview, RowPlan, Settled, Tell, as_said, as_shown, tell_nobody
from .rules import Rules
from .unstamped import APART, UNCOMPARED, without_stamp
from .workbook import Workbook

__all__ = [
    "Preview",
    "RowPlan",
    "Settled",
    "Tell",
    "as_said",
    "as_shown",
    "at_column",
    "column_at",
    "preview",
    "read_file",
    "tell_nobody",
]


def preview(
    session: Session,
    person: Person,
    user_name: str,
    upload: imports.Upload,
    settled: Settled,
    tell: Tell = tell_nobody,
    source: Source | None = None,
) -> Preview:
    """Say what saving a file would do. Writes nothing.

    :param session: the database session
    :param person: who brings the file
    :param user_name: the account's name
    :param upload: the file
    :param settled: what was chosen so far
    :param tell: told how far it is
    :param source: the same file, where it has just been read; used up afterwards
    :returns: the preview
    :raises FileProblem: if the file can't be read, or is another department's workbook
    """
    source = source or read_file(upload)
    found, others = _looked(session, person, user_name, upload, settled, tell, source)
    if others:
        again = replace(settled, fixes={**settled.fixes, **others})
        found, _ = _looked(session, person, user_name, upload, again, tell, source)
        found.settled = settled
    return found


def _looked(
    session: Session,
    person: Person,
    user_name: str,
    upload: imports.Upload,
    settled: Settled,
    tell: Tell,
    source: Source,
) -> tuple[Preview, Mapping[str, str]]:
    """Compare a file; return besides what was typed for all for cells that only the rules ask for."""
    found = Preview(
        source.filename, source.digest, source, notes=list(source.notes), settled=settled
    )
    pages = _pages(person, source, settled.choices)
    ground = Ground(session, person, user_name, settled, found, tell)
    apart: list[Page] = []
    if not pages:
        pages, apart = without_stamp(person, source, settled)
        found.notes += [UNCOMPARED] if pages else []
    if pages:
        Workbook(ground).compare(pages)
        _tell_unread(ground, pages)
        empty = not any(page.lines for page in pages) and not found.problems
    else:
        found.ours = False
        found.problems += [
            Problem(Severity.ERROR, page.sheet, None, "", "", APART) for page in apart
        ]
        ForeignList(ground).compare(upload, without={page.sheet for page in apart})
        empty = not found.read and found.lacking is None
    if empty:
        raise FileProblem(
            "The file holds no rows below its headers, so that there is nothing to save. Fill in a row, "
            "or choose another file. If your rows are on a hidden sheet, show it and save the file first."
        )
    Rules(ground).finish()
    others = _asked_by_rules(ground) if found.ours else {}
    found.problems = places.settled(found.problems, found.places, found.source)
    found.names = _with_those_named_now(session, found)
    return found, others


def _asked_by_rules(ground: Ground) -> dict[str, str]:
    """Return what was typed for all cells that say the same, for those as downloaded that a rule refuses.

    Any other cell as downloaded stays as it is, whatever was typed for those that say the same.
    """
    settled, found = ground.settled, ground.preview
    if not settled.fixes_all:
        return {}
    rows: dict[str, Mapping[int, Sequence[Cell]]] = {}
    sheets = {sheet.name: sheet for sheet in found.source.sheets}
    asked: dict[str, str] = {}
    for problem in found.problems:
        where, place = f"{problem.sheet}!{problem.row}!{problem.key}", problem.place
        if not problem.key or place is None or where in ground.asked:
            continue
        if place.sheet not in rows:
            rows[place.sheet] = dict(sheets[place.sheet].rows)
        cells = rows[place.sheet].get(place.row, ())
        cell = cells[place.column] if place.column < len(cells) else ""
        fix = settled.fix(place.sheet, place.row, problem.key, cell)
        if fix is not None:
            asked[where] = fix
    return asked


def _with_those_named_now(session: Session, found: Preview) -> Names:
    """Add to the names whom the file assigns, and the records that it would make."""
    known = found.names
    assigned = {row.marks.get("assignee") for row in found.rows if row.new is not None}
    assigned |= {cell.file for row in found.rows for cell in row.cells if cell.key == "assignee"}
    wanted = {str(user) for user in assigned if user}
    if wanted:
        known = replace(known, people={**known.people, **people(session, wanted)})
    made = {row.new.package_id: ("", row.title) for row in found.rows if row.new is not None}
    return replace(known, records={**known.records, **made}) if made else known


def _tell_unread(ground: Ground, pages: Sequence[Page]) -> None:
    """Tell of sheets of a workbook of ours that weren't read: nothing in a file is lost in silence."""
    found, say = ground.preview, ground.names.say
    read = {page.sheet for page in pages}
    guides = {squash(word(name)) for name in GUIDES for word in (say, as_it_is)}
    chosen = ground.settled.choices.sheets
    unread = [
        sheet
        for sheet in found.source.sheets
        if sheet.name not in read and (sheet.name in chosen or squash(sheet.name) not in guides)
    ]
    if not unread:
        return
    names = {
        squash(word(column.header))
        for layout in workbooks.layouts_for(ground.person, None).values()
        if not layout.rows_of
        for column in layout.columns
        if column.key == "title"
        for word in (say, as_it_is)
    }
    lost = [
        sheet.name
        for sheet in unread
        if (not chosen or sheet.name in chosen) and returned.names_something(sheet, names)
    ]
    others = [sheet.name for sheet in unread if sheet.name not in lost]
    found.problems += [Problem(Severity.ERROR, name, None, "", "", _LOST) for name in lost]
    if others:
        found.notes.append(Message("Sheets not read: %(names)s.", {"names": ", ".join(others)}))


_LOST = Message(
    "This sheet wasn't read: its hidden last column is missing, which tells what each row is. Download "
    "the workbook again and copy your changes into it; or upload the sheet as a file of its own."
)


def read_file(upload: imports.Upload) -> Source:
    """Read a file, whatever kind it is.

    :param upload: the file
    :returns: its sheets
    :raises FileProblem: if it can't be read, or is larger than the limits
    """
    limits = imports.limits()
    return returned.read_json(upload.data, upload.filename, limits) or read(
        upload.data, upload.filename, limits
    )


def _pages(person: Person, source: Source, choices: Choices) -> list[Page]:
    schemas, words = workbooks.schemas(), synonyms.load()
    department = returned.department_of(source)
    sheets = workbooks.layouts_for(person, department)
    wanted = _chosen(source, choices.sheets)
    return returned.pages(wanted, sheets, schemas, words, languages.sayer, choices.columns)


def _chosen(source: Source, names: Sequence[str]) -> Source:
    """Leave the sheets that were chosen, all of them if none was."""
    there = {sheet.name for sheet in source.sheets}
    strange = [name for name in names if name not in there]
    if strange:
        raise FileProblem("There is no sheet called %(names)s.", names=", ".join(strange))
    return replace(
        source, sheets=tuple(sheet for sheet in source.sheets if not names or sheet.name in names)
    )
