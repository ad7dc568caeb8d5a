"""Read a workbook of ours that comes back: which rows are which records, and what was written into them.

Rows may have been sorted, copied and moved, columns added, sheets renamed. A cell counts as written into
when its text isn't what the download wrote; only such cells are read at all.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any, cast

from ckanext.inventory.fields import FieldSpec, Schema
from ckanext.inventory.vocabularies import Choice

from .headers import HeaderMap
from .layout import DEPARTMENT, NUMBER, RECORD, Column, Layout, Role, Say, as_it_is, translated
from .messages import FileProblem, Message, counted, shorten
from .reader import (
    HEADER_ROWS,
    Cell,
    Limits,
    Sheet,
    Source,
    check_cells,
    check_rows,
    check_size,
    header_text,
    letter,
    text,
)
from .stamp import PREFIX, Stamp, Token, checksum, decode, decode_token, has_checksum, peek
from .synonyms import Synonyms, squash
from .values import CONTROLS, MAX_CHARACTERS, NOTHING, Reader, Reading
from .workbook import unguard

OUR_NUMBER = re.compile(r"[A-Z0-9]{2,10}-S?\d{3,}")


@dataclass(frozen=True)
class Unknown:
    """A filled column whose header isn't one of ours.

    :param sheet: its sheet
    :param header: its header
    :param filled: how many of its cells are filled
    :param sample: one of them
    :param layout: the columns of its sheet
    :param free: keys of those that it may be: no other column of the file is one of them
    :param chosen: key of the one that somebody said it is, empty as long as it is kept out
    """

    sheet: str
    header: str
    filled: int
    sample: str
    layout: Layout
    free: tuple[str, ...] = ()
    chosen: str = ""


@dataclass(slots=True)
class Line:
    """One row as it came back.

    :param sheet: name of its sheet
    :param row: its number there
    :param number: the record it is, empty for a new one; what its hidden cell says until it is settled
    :param stamped: what its hidden cell says, empty where it doesn't say what the row was
    :param raw: its cells as they stand
    :param places: key of the column to the position of its cell, for the columns that are there
    :param whole: in every cell it is what the download wrote
    :param renumbered: the number was written into
    """

    sheet: str
    row: int
    number: str
    stamped: str
    raw: tuple[Cell, ...]
    places: Mapping[str, int]
    whole: bool = False
    renumbered: bool = False
    _token: Token | None = field(default=None, repr=False, compare=False)
    _cells: dict[str, Cell] | None = field(default=None, repr=False, compare=False)

    @property
    def token(self) -> Token | None:
        """What it was when downloaded, None where the file doesn't tell.

        Most rows of most files are never asked for more than its number.
        """
        if self._token is None and self.stamped:
            self._token = decode_token(self.stamped)
        return self._token

    def forget_token(self) -> None:
        """Let it be a row of which the file doesn't tell what it was."""
        self.stamped, self._token = "", None

    @property
    def cells(self) -> dict[str, Cell]:
        """Its cells by column. Most rows of most files are never asked for them, either."""
        if self._cells is None:
            raw, width = self.raw, len(self.raw)
            self._cells = {key: raw[at] if at < width else "" for key, at in self.places.items()}
        return self._cells

    def let_go(self) -> None:
        """Free what :attr:`cells` holds; it is made anew if it is asked for again."""
        self._cells = None

    def text_of(self, key: str) -> str:
        """Return the text of a cell, empty where there is none.

        :param key: of its column
        """
        at = self.places.get(key, len(self.raw))
        return text(self.raw[at]) if at < len(self.raw) else ""


@dataclass
class Page:
    """A sheet of ours that came back.

    :param layout: its columns as they are now
    :param stamp: what its hidden column says
    :param sheet: its name in the file
    :param headers: key of a column to its header in the file
    :param header_row: row of these headers as shown
    :param places: key of a column to its position in the file
    :param lines: its rows
    :param unknown: columns whose headers aren't ours
    :param plain: a text file, whose cells are guarded against formulas
    """

    layout: Layout
    stamp: Stamp
    sheet: str
    headers: dict[str, str]
    header_row: int = 1
    places: Mapping[str, int] = field(default_factory=dict[str, int])
    lines: list[Line] = field(default_factory=list[Line])
    unknown: list[Unknown] = field(default_factory=list[Unknown])
    plain: bool = False

    @property
    def outdated(self) -> bool:
        """Whether the columns have changed since the download."""
        return self.stamp.schema != self.layout.digest


def read_json(data: bytes, filename: str, limits: Limits | None = None) -> Source | None:
    """Read a workbook that was downloaded as JSON.

    :param data: the file
    :param filename: its name
    :param limits: sizes that are accepted
    :returns: its sheets, or None for anything else
    :raises FileProblem: for JSON that is damaged, no workbook, or larger than the limits
    """
    limits = limits or Limits()
    if not data[:100].lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"):
        return None
    check_size(data, limits)
    try:
        found: Any = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise FileProblem(
            "The file begins like a workbook in JSON, but can't be read to its end: it is damaged, or "
            "was cut off. Download it again, or get it anew from whoever sent it."
        ) from error
    sheets: Any = cast("dict[str, Any]", found).get("sheets") if isinstance(found, dict) else None
    if not isinstance(sheets, list):
        raise _other_json()
    pages: list[Sheet] = []
    cells = 0
    for given in cast("list[Any]", sheets):
        page = _json_sheet(given)
        if page is None:
            raise _other_json()
        check_rows(len(page.rows) - 1, limits)
        cells += sum(len(row) - row.count("") for _, row in page.rows)
        check_cells(cells, limits)
        pages.append(page)
    if not pages:
        raise FileProblem("The file holds no filled cells.")
    digest = hashlib.sha256(data).hexdigest()
    return Source(re.split(r"[\\/]", filename)[-1], digest, tuple(pages))


def _other_json() -> FileProblem:
    return FileProblem(
        "The file is JSON, but no workbook of this inventory. Download one from here, or save your "
        "table as XLSX, ODS or CSV."
    )


def _json_sheet(given: Any) -> Sheet | None:
    try:
        header = [str(column["header"]) for column in given["columns"]] + [str(given["stamp"])]
        rows: list[tuple[int, tuple[Cell, ...]]] = [(1, tuple(header))]
        for number, row in enumerate(given["rows"], start=2):
            rows.append((number, tuple(_json_cell(cell) for cell in row)))
        return Sheet(str(given["name"]), tuple(rows))
    except (KeyError, TypeError):
        return None


def _json_cell(value: Any) -> Cell:
    if isinstance(value, (int, float)):
        return value
    written = "" if value is None else str(value)
    # Half a character can be escaped, though it stands for nothing.
    return written if written.isascii() else written.encode("utf-8", "replace").decode()


def department_of(source: Source) -> str | None:
    """Return the department that a file says it is of.

    :param source: the file as read
    :returns: organization id, None where the file doesn't tell: a claim
    """
    stamps = (_stamp_of(sheet) for sheet in source.sheets)
    return next((found[2].department for found in stamps if found and found[2].department), None)


def is_ours(source: Source) -> bool:
    """Tell whether a file says that it is a workbook of ours.

    :param source: the file as read
    """
    return any(_stamp_of(sheet) for sheet in source.sheets)


def pages(
    source: Source,
    layouts: Mapping[str, Layout],
    schemas: Mapping[str, Schema],
    synonyms: Synonyms,
    say_in: Callable[[str], Say] = lambda _language: as_it_is,
    chosen: Mapping[str, str] | None = None,
) -> list[Page]:
    """Find the sheets of ours in a file.

    :param source: the file as read
    :param layouts: the sheets as they are now
    :param schemas: package type to schema, for headers that a workbook of long ago has
    :param synonyms: other people's headers
    :param say_in: code of a language to what translates into it
    :param chosen: header that isn't understood to the key of the column that somebody said it is
    :returns: the sheets; none for a file that isn't of ours
    """
    wanted = {_plain(header): key for header, key in (chosen or {}).items()}
    found: list[Page] = []
    for sheet in source.sheets:
        page = _page(sheet, layouts, schemas, synonyms, say_in, wanted)
        if page is not None:
            found.append(page)
    twice = [key for key, count in Counter(p.layout.key for p in found).items() if count > 1]
    if twice:
        raise FileProblem(
            'The sheet "%(sheet)s" is there twice. Keep one of them.', sheet=layouts[twice[0]].title
        )
    _settle(found)
    return found


def _page(
    sheet: Sheet,
    layouts: Mapping[str, Layout],
    schemas: Mapping[str, Schema],
    synonyms: Synonyms,
    say_in: Callable[[str], Say],
    wanted: Mapping[str, str],
) -> Page | None:
    found = _stamp_of(sheet)
    layout = layouts.get(found[2].sheet) if found is not None else None
    if found is None or layout is None:
        return None
    headers = _Headers(layout, schemas, synonyms, say_in(found[2].language), wanted)
    return _read_page(sheet, *found, layout, headers)


def row_sheets(
    source: Source,
    layouts: Mapping[str, Layout],
    schemas: Mapping[str, Schema],
    synonyms: Synonyms,
    speak: Mapping[str, Say],
    chosen: Mapping[str, str] | None = None,
) -> list[Page]:
    """Find sheets of rows, such as Blockers, by their headers alone: one that lost its hidden column.

    :param source: the file as read
    :param layouts: the sheets as they are now
    :param schemas: package type to schema
    :param synonyms: other people's headers
    :param speak: code of each language that its headers may be in to what translates into it
    :param chosen: as for :func:`pages`
    :returns: the sheets; what each row was, none of them tells
    """
    wanted = {_plain(header): key for header, key in (chosen or {}).items()}
    found: list[Page] = []
    for sheet in source.sheets:
        known = [
            (count, position, headers, language)
            for layout in layouts.values()
            for language, say in (speak.items() if layout.rows_of else ())
            for headers in (_Headers(layout, schemas, synonyms, say, wanted),)
            for position, count in _headers_of_rows(sheet, headers)
        ]
        if not known:
            continue
        # the first one of those with the most
        _, position, headers, language = max(known, key=itemgetter(0))
        layout = headers.layout
        stamp = Stamp(layout.key, layout.digest, language=language)
        page = _read_page(sheet, position, NOWHERE, stamp, layout, headers)
        _settle_rows([page])
        if _subfields(layout) <= page.headers.keys() or _says_kinds(page, speak[language]):
            found.append(page)
    return found


def _says_kinds(page: Page, say: Say) -> bool:
    """Tell whether rows of a sheet bear numbers, and most of them kinds that there are.

    Somebody's own list may have a column of kinds, too.

    :param page: the sheet
    :param say: translates into its language
    """
    kind = next(column.spec for column in page.layout.columns if column.spec is not None)
    known = {
        squash(word)
        for choice in kind.choices
        for word in (choice.value, choice.label, say(choice.label), *choice.synonyms)
    }
    said = [line.text_of(kind.name) for line in page.lines if line.number]
    understood = sum(squash(written) in known for written in said)
    return understood > 0 and len(said) <= 2 * understood


NOWHERE = 1 << 30
"""Stands for the position of a column that a sheet hasn't got."""


def _subfields(layout: Layout) -> set[str]:
    return {column.key for column in layout.columns if column.spec is not None}


def _headers_of_rows(sheet: Sheet, headers: _Headers) -> Iterator[tuple[int, int]]:
    """Find the rows of a sheet that hold the headers of a sheet of rows.

    Such a row names the record, the kind, and more; and most of its cells are such headers.

    :param sheet: the sheet
    :param headers: finds the columns of the sheet of rows
    :returns: the position of each, and how many it holds
    """
    own = _subfields(headers.layout)
    kind = next(column.key for column in headers.layout.columns if column.spec is not None)
    for position, (_, cells) in enumerate(sheet.rows[:HEADER_ROWS]):
        titles = [title for cell in cells if (title := header_text(cell))]
        keys = {column.key for title in titles if (column := headers.find(title)) is not None}
        enough = len(keys & own) >= min(3, len(own)) and 2 * len(keys) >= len(titles)
        if enough and {RECORD, kind} <= keys:
            yield position, len(keys)


def _stamp_of(sheet: Sheet) -> tuple[int, int, Stamp] | None:
    """Find the stamp of a sheet: its row, its column, and what it says."""
    for position, (_, cells) in enumerate(sheet.rows[:HEADER_ROWS]):
        for index, cell in enumerate(cells):
            if isinstance(cell, str) and cell.startswith(PREFIX):
                stamp = decode(cell)
                if stamp is not None:
                    return position, index, stamp
    return None


def names_something(sheet: Sheet, names: Collection[str]) -> bool:
    """Tell whether a sheet lists something under one of our headers of names.

    :param sheet: the sheet
    :param names: these headers, squashed
    :returns: False without such a header, or without anything below it
    """
    for position, (_, cells) in enumerate(sheet.rows[:HEADER_ROWS]):
        if any(isinstance(cell, str) and squash(cell) in names for cell in cells):
            return len(sheet.rows) > position + 1
    return False


class _Headers:
    """Finds the column that a header names."""

    def __init__(
        self,
        layout: Layout,
        schemas: Mapping[str, Schema],
        synonyms: Synonyms,
        say: Say,
        wanted: Mapping[str, str],
    ) -> None:
        shown = translated(layout, say).columns
        self.own = {
            _plain(there.header): column
            for column, there in zip(layout.columns, shown, strict=True)
        }
        self.layout = layout
        self.schemas = schemas
        self.synonyms = synonyms
        self.wanted = wanted

    def chosen(self, header: str) -> Column | None:
        """Return the column that somebody said a header means."""
        column = self.layout.column(self.wanted.get(_plain(header), ""))
        return column if column is not None and _may_be_chosen(column) else None

    def find(self, header: str) -> Column | None:
        own = self.own.get(_plain(header))
        if own is not None:
            return own
        squashed = squash(header)
        return self.lookup.get(squashed) or self.layout.column(self.foreign.get(squashed, ""))

    @cached_property
    def lookup(self) -> Mapping[str, Column]:
        """Squashed keys and English headers. Few files are asked for more than our own headers."""
        columns = self.layout.columns
        return {squash(column.key): column for column in columns} | {
            squash(column.header): column for column in columns
        }

    @cached_property
    def foreign(self) -> Mapping[str, str]:
        """Squashed headers of other people's, and of workbooks of long ago, to fields."""
        if self.layout.rows_of:
            return {}
        return HeaderMap(self.schemas[self.layout.package_type], self.synonyms).lookup


def _plain(header: str) -> str:
    """Return a header as compared with one that we wrote: without its mark of a stage."""
    return " ".join(header.split()).rstrip("* ").casefold()


def _read_page(
    sheet: Sheet, position: int, hidden: int, stamp: Stamp, layout: Layout, headers: _Headers
) -> Page:
    header_row, header = sheet.rows[position]
    page = Page(layout, stamp, sheet.name, {}, header_row, plain=not sheet.name)
    columns: dict[int, Column] = {}
    strange: dict[int, str] = {}
    width = max(len(cells) for _, cells in sheet.rows[position:])
    for index in range(width):
        title = header_text(header[index]) if index < len(header) else ""
        if index == hidden:
            continue
        column = headers.find(title) if title else None
        if column is not None and column.key not in page.headers:
            columns[index] = column
            page.headers[column.key] = title
        else:
            strange[index] = title or f"({letter(index)})"
    chosen: dict[int, str] = {}
    headed = dict(strange)
    times = Counter(_plain(title) for title in strange.values())
    for index, title in headed.items():
        if times[_plain(title)] > 1:
            strange[index] = f"{title} ({letter(index)})"
    for index, title in strange.items():
        # Where several columns bear a header, it means the first one that nothing else is said of.
        column = headers.chosen(title) or headers.chosen(headed[index])
        if column is not None and column.key not in page.headers:
            columns[index] = column
            page.headers[column.key] = title
            chosen[index] = column.key
    counts: Counter[int] = Counter()
    samples: dict[int, str] = {}
    page.places = places = {column.key: index for index, column in columns.items()}
    whole_rows = _WholeRows([places.get(column.key, -1) for column in layout.columns])
    for number, cells in sheet.rows[position + 1 :]:
        if cells == header:
            continue
        stamped = text(cells[hidden]) if hidden < len(cells) else ""
        claim = peek(stamped)
        whole = claim is not None and whole_rows.holds(cells, claim[1])
        for index in strange:
            if index < len(cells) and text(cells[index]):
                counts[index] += 1
                samples.setdefault(index, text(cells[index]))
        if whole or any(
            cell != "" and index != hidden and text(cell) for index, cell in enumerate(cells)
        ):
            mine = claim[0] if claim is not None else ""
            page.lines.append(
                Line(sheet.name, number, mine, stamped if mine else "", cells, places, whole)
            )
    free = [
        column.key
        for column in layout.columns
        if _may_be_chosen(column)
        and (column.key not in page.headers or column.key in chosen.values())
    ]
    for index, title in strange.items():
        mine = chosen.get(index, "")
        # What another column was chosen for isn't free any more.
        others = set(chosen.values()) - {mine}
        possible = tuple(key for key in free if key not in others)
        if counts[index]:
            page.unknown.append(
                Unknown(sheet.name, title, counts[index], samples[index], layout, possible, mine)
            )
    return page


def _may_be_chosen(column: Column) -> bool:
    """Tell whether somebody may say of a column of theirs that it is this one."""
    return column.role is not Role.READ_ONLY or column.key in (NUMBER, DEPARTMENT)


class _WholeRows:
    """Tells whether a row's cells, in the order of the layout, have the checksum of its token.

    :param order: positions of the columns; -1 for one that the file lacks
    """

    def __init__(self, order: Sequence[int]) -> None:
        self.order = order
        self.width = max(order, default=0)
        self.pick = itemgetter(*order) if len(order) > 1 and min(order) >= 0 else None
        if list(order) == list(range(len(order))):
            # The columns stand where the download put them.
            self.pick = itemgetter(slice(len(order)))

    def holds(self, cells: Sequence[Cell], expected: str) -> bool:
        """Tell whether a row is what the download wrote.

        :param cells: the row
        :param expected: the checksum in its token, empty where it has none
        """
        if not expected:
            return False
        # Nearly every row of nearly every file is texts, letter by letter what was written.
        if self.pick is not None and self.width < len(cells):
            try:
                if has_checksum(self.pick(cells), expected):
                    return True
            except TypeError:
                pass
        width = len(cells)
        texts = [text(cells[index]) if 0 <= index < width else "" for index in self.order]
        return checksum(texts) == expected


def _settle(found: Sequence[Page]) -> None:
    """Tell which record each row is, however rows were sorted, copied or renumbered."""
    for page in found:
        if page.layout.rows_of:
            continue
        stamped = {line.number: line.stamped for line in page.lines if line.stamped}
        numbers = [line.text_of(NUMBER).upper() for line in page.lines]
        claimed = set(numbers)
        for line, written in zip(page.lines, numbers, strict=True):
            own = line.number
            if written in stamped:
                line.number, line.stamped = written, stamped[written]
            elif own and own not in claimed:
                # The number was written into, or taken away; the row is still what it was.
                claimed.add(own)
                line.renumbered = True
            else:
                line.number, line.stamped = written, ""
    _settle_rows(found)


def _settle_rows(found: Sequence[Page]) -> None:
    for page in found:
        if not page.layout.rows_of:
            continue
        for line in page.lines:
            written = reference(line.text_of(RECORD))
            if line.stamped and written != line.number:
                line.renumbered = bool(written)
                if not written:
                    written = line.number
                else:
                    line.forget_token()
            line.number = written


def reference(written: str) -> str:
    """Return the number that a text begins with.

    :param written: ``PARKS-0012``, or a number and a name
    :returns: the number in capitals; empty if there is none
    """
    head = written.split(maxsplit=1)[0].upper().strip(",;:") if written.strip() else ""
    return head if OUR_NUMBER.fullmatch(head) else ""


def was_written_into(cell: Cell, before: str | int, *, plain: bool) -> bool:
    """Tell whether a cell isn't what the download wrote.

    :param cell: the cell as it came back
    :param before: what was written
    :param plain: the file is a text file, whose cells are guarded against formulas
    """
    now, was = text(cell), str(before).strip()
    if now == was or (plain and unguard(now) == was):
        return False
    # Tabs don't come back from ODS.
    return not ("\t" in was and now == was.replace("\t", ""))


def read_only_texts(line: Line, layout: Layout) -> list[str]:
    """Return the read-only cells of a row, as the checksum in its token covers them.

    :param line: the row
    :param layout: its columns
    """
    return [
        text(line.cells.get(column.key, ""))
        for column in layout.columns
        if column.role is Role.READ_ONLY and column.spec is None
    ]


def intact(line: Line) -> bool:
    """Tell whether a row is in every cell what the download wrote.

    :param line: the row
    :returns: False as well where that can't be told this way
    """
    return line.whole and bool(line.stamped) and not line.renumbered


def untouched(line: Line, layout: Layout, *, plain: bool) -> bool:
    """Tell whether nobody wrote into a row's read-only cells.

    :param line: the row
    :param layout: its columns
    :param plain: the file is a text file
    """
    if line.token is None:
        return False
    texts = read_only_texts(line, layout)
    if checksum(texts) == line.token.seen:
        return True
    return plain and checksum([unguard(item) for item in texts]) == line.token.seen


# Cells that were written into


Resolve = Callable[[str], str | None]
"""Finds the record that a text names, by number or name."""


def read_cell(
    spec: FieldSpec,
    cell: Cell,
    cells: Reader,
    resolve: Resolve,
    before: Any,
    *,
    plain: bool,
    say: Say = as_it_is,
) -> Reading:
    """Read a cell that somebody wrote into.

    Where a part of it isn't understood, the answer holds the other parts beside the message.

    :param spec: its field
    :param cell: the cell
    :param cells: reads cells of any file
    :param resolve: finds sources, or entries
    :param before: the value that was downloaded
    :param plain: the file is a text file
    :param say: translates into the language of the file
    """
    written = text(cell)
    if plain:
        written = unguard(written)
    if not written:
        return NOTHING
    if spec.kind in ("text", "long_text", "markdown"):
        wrong = _no_text(written)
        if wrong is not None:
            return Reading(None, written, wrong)
        return Reading(" ".join(written.split()) if spec.name == "title" else written)
    if spec.kind == "choice" and (value := value_of_label(spec.choices, written, say)) is not None:
        return Reading(value)
    if spec.kind == "choices":
        return _choices(spec, written, cells, say)
    if spec.kind == "list":
        return _list(spec, written, before)
    if spec.kind in ("url", "url_list") and (addresses := _addresses(spec, written)):
        return addresses
    if spec.kind == "source_list":
        return _references(written, resolve, before)
    if spec.kind == "entry":
        if written == before:
            return Reading(before)
        return _reference(written, resolve, Message("No entry has this number or name."))
    return cells.read(spec, cell if not plain else written)


def _no_text(written: str) -> Message | None:
    """Say why a text can't be stored as it is."""
    if CONTROLS.search(written):
        return Message("It holds control characters, which can't be stored: write it without them.")
    if len(written) > MAX_CHARACTERS:
        return Message(
            "It is longer than %(limit)s characters: shorten it.", {"limit": MAX_CHARACTERS}
        )
    return None


def value_of_label(choices: Sequence[Choice], written: str, say: Say) -> str | None:
    """Return the value whose label, in the language of the file, a text is.

    :param choices: the values of a field or list
    :param written: the text
    :param say: translates
    :returns: the value, None for any other text
    """
    if say is as_it_is:
        return None
    wanted = " ".join(written.split()).casefold()
    return next(
        (c.value for c in choices if " ".join(say(c.label).split()).casefold() == wanted), None
    )


@lru_cache(maxsize=256)
def _labels(choices: tuple[Choice, ...]) -> Mapping[str, str]:
    return {squash(choice.label): choice.value for choice in choices}


@lru_cache(maxsize=256)
def _labels_as_they_are(choices: tuple[Choice, ...]) -> Mapping[str, str]:
    return {choice.label: choice.value for choice in choices}


def _choices(spec: FieldSpec, written: str, cells: Reader, say: Say) -> Reading:
    """Take labels as they stand first: they may hold commas."""
    labels, written_so = _labels(spec.choices), _labels_as_they_are(spec.choices)

    def own(piece: str) -> str | None:
        # Most cells say a label letter by letter.
        return (
            value_of_label(spec.choices, piece, say)
            or written_so.get(piece.strip())
            or labels.get(squash(piece))
        )

    pieces = [piece for piece in re.split(r"[;\n]", written) if piece.strip()]
    values = [own(piece) for piece in pieces]
    known = list(dict.fromkeys(value for value in values if value))
    alone = {choice.value for choice in spec.choices if choice.exclusive}
    if pieces and all(values):
        if len(known) > 1 and alone.intersection(known):
            label = spec.label_of(next(value for value in known if value in alone))
            message = Message('"%(label)s" can\'t stand beside other values.', {"label": label})
            return Reading(None, written, message)
        return Reading(known)
    return cells.choices(spec, written, own)


_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://\S*[^\s;,|]")


def _addresses(spec: FieldSpec, written: str) -> Reading | None:
    """Take addresses as they stand, of whatever kind the field's own rules allow."""
    pieces = written.split()
    if not all(_ADDRESS.fullmatch(piece) for piece in pieces):
        return None
    if spec.kind == "url":
        return Reading(pieces[0]) if len(pieces) == 1 else None
    return Reading(list(dict.fromkeys(pieces)))


def _list(spec: FieldSpec, written: str, before: Any) -> Reading:
    """Split a list; an item that was there before may hold a separator."""
    known = _items(before)
    found: list[str] = []
    for part in re.split(r"[;\n]", written):
        clean = " ".join(part.split())
        pieces = [clean] if clean in known else re.split(r"[,|]", clean)
        found += [piece.strip() for piece in pieces if piece.strip()]
    return Reading(list(dict.fromkeys(found)) or None)


def _items(value: Any) -> set[str]:
    return {str(item) for item in cast("list[Any]", value or [])}


def _references(written: str, resolve: Resolve, before: Any) -> Reading:
    """Find the records that a cell names; an id stands for one that was there and isn't theirs to read."""
    known = _items(before)
    whole = resolve(written)
    if whole is not None:
        return Reading([whole])
    found: list[str] = []
    missing: list[str] = []
    for piece in re.split(r"[;\n]", written):
        name = " ".join(piece.split())
        if not name:
            continue
        package_id = name if name in known else resolve(name)
        if package_id is None:
            missing.append(name)
        else:
            found.append(package_id)
    value = list(dict.fromkeys(found)) or None
    if missing:
        message = counted(
            "No source has the number or name %(names)s. Add it to the sheet Sources, or write "
            "its number.",
            "No sources have the numbers or names %(names)s. Add them to the sheet Sources, or "
            "write their numbers.",
            len(missing),
            names=", ".join(f'"{shorten(name)}"' for name in missing),
        )
        return Reading(value, "; ".join(missing), message)
    return Reading(value)


def _reference(written: str, resolve: Resolve, message: Message) -> Reading:
    package_id = resolve(" ".join(written.split()))
    return Reading(package_id) if package_id else Reading(None, written, message)
