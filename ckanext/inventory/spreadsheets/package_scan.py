"""Look into an XLSX or ODS file before it is opened: what it unpacks to, and how many cells it fills.

A workbook is a ZIP of XML. A small upload may unpack to gigabytes, or hold two cells at the far corners of
a sheet that make a reader reserve the whole rectangle, so both are counted first on the stream itself
(the sizes that a ZIP declares are not believed).
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.parsers import expat

from .messages import FileProblem
from .refusals import check_extent, damaged, locked, no_spreadsheet

CHUNK = 1 << 16
MAX_MEMBERS = 5_000
MAX_WAITING = 1 << 20
"""Bytes of one row that are kept until its end is there."""
MAX_ELEMENTS = 25_000_000
"""How many elements of a part are parsed: ten million blank cells, and as many again, take seconds."""
MAX_STRANGE = 3
"""How often rows are looked at for nothing before the rest is parsed."""


@dataclass
class Scan:
    """What was counted.

    :param inflated_bytes: of all parts
    :param cells: filled cells of all sheets
    :param formulas_without_value: formulas whose result the file doesn't hold
    :param error_values: cells whose stored value is an error such as ``#REF!``
    """

    inflated_bytes: int = 0
    cells: int = 0
    formulas_without_value: int = 0
    error_values: int = 0


def scan_package(data: bytes, max_bytes: int, max_cells: int) -> Scan:
    """Count what a workbook unpacks to.

    :param data: bytes of a ZIP file
    :param max_bytes: most bytes that it may unpack to
    :param max_cells: most cells that it may fill
    :returns: the counts
    :raises FileProblem: beyond these, or for what isn't a readable workbook
    """
    scan = Scan()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
        if not 0 < len(members) <= MAX_MEMBERS or not _is_complete(data, len(members)):
            raise damaged()
        if _is_locked(data, members):
            raise locked()
        for member in members:
            counter = _counter(member.filename, scan, max_cells)
            checksum, before, rows = 0, b"", False
            for chunk in _inflate(data, member):
                scan.inflated_bytes += len(chunk)
                checksum = zlib.crc32(chunk, checksum)
                if scan.inflated_bytes > max_bytes:
                    raise FileProblem(
                        "The file unpacks to more than %(limit)s MB. Split it into parts, or copy its "
                        "rows into a new file: pictures and empty rows with a format take room, too.",
                        limit=max_bytes // 1_000_000,
                    )
                if counter:
                    counter.feed(chunk)
                else:
                    rows = rows or _ROWS in before + chunk
                    before = chunk[-len(_ROWS) :]
            if counter:
                counter.close()
            if rows:
                _count_elsewhere(data, member, scan, max_cells)
            # Programs that read a part to its last row only don't come as far as its checksum.
            if checksum != member.CRC:
                raise damaged()
        if not _holds_tables(data, members):
            raise no_spreadsheet()
        if any(member.filename.lower() == "xl/workbook.bin" for member in members):
            raise FileProblem("The file is a binary workbook (XLSB). Save it as XLSX.")
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        expat.ExpatError,
        RuntimeError,
        ValueError,
        LookupError,  # a part names an encoding that doesn't exist
        EOFError,
    ) as error:
        raise damaged() from error
    return scan


def _is_complete(data: bytes, members: int) -> bool:
    """Tell whether a package lists as many parts as it says that it has."""
    end = data.rfind(b"PK\x05\x06")
    (said,) = struct.unpack("<H", data[end + 10 : end + 12])
    return said in (members, 0xFFFF)


def _is_locked(data: bytes, members: Sequence[zipfile.ZipInfo]) -> bool:
    """Tell whether an intact package has a password: of its own, or one of OpenDocument's."""
    for member in members:
        start = member.header_offset
        if member.flag_bits & 1 and data[start + 6 : start + 7] and data[start + 6] & 1:
            return True
    manifests = [item for item in members if item.filename == "META-INF/manifest.xml"]
    return any(b"encryption-data" in chunk for item in manifests for chunk in _inflate(data, item))


def _holds_tables(data: bytes, members: Sequence[zipfile.ZipInfo]) -> bool:
    """Tell whether an intact package is a workbook."""
    names = {member.filename.lower(): member for member in members}
    if "content.xml" not in names:
        return any(name.startswith("xl/") for name in names)
    kind = names.get("mimetype")
    return kind is None or b"spreadsheet" in next(_inflate(data, kind), b"")


def _inflate(data: bytes, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Unpack one member from the raw bytes, whatever size its headers claim."""
    start = member.header_offset
    if data[start : start + 4] != b"PK\x03\x04" or member.flag_bits & 1:
        raise damaged()
    name, extra = struct.unpack("<HH", data[start + 26 : start + 30])
    start += 30 + name + extra
    raw = data[start : start + member.compress_size]
    if member.compress_type == zipfile.ZIP_STORED:
        yield raw
        return
    if member.compress_type != zipfile.ZIP_DEFLATED:
        raise damaged()
    inflater = zlib.decompressobj(-15)
    pending = raw
    while pending and not inflater.eof:
        yield inflater.decompress(pending, CHUNK)
        pending = inflater.unconsumed_tail


class _Counter:
    """Count filled cells in a sheet's XML while it streams by."""

    def __init__(self, scan: Scan, max_cells: int) -> None:
        self.scan = scan
        self.max_cells = max_cells
        self.bottom = self.right = 0
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.EntityDeclHandler = self.entity
        self.parser.CharacterDataHandler = self.characters
        self.inside = self.filled = False
        self.elements = 0

    def feed(self, chunk: bytes) -> None:
        self.parser.Parse(chunk, False)
        if self.elements > MAX_ELEMENTS:
            raise FileProblem(
                "The file holds more than %(limit)s million cells, most of them without anything in them. "
                "Copy its rows into a new file.",
                limit=MAX_ELEMENTS // 1_000_000,
            )

    def close(self) -> None:
        self.parser.Parse(b"", True)

    def entity(self, *_args: object) -> None:
        # No spreadsheet program declares entities; whoever does wants them to explode.
        raise damaged()

    def characters(self, _text: str) -> None:
        if self.inside:
            self.filled = True

    def start(self, name: str, attributes: dict[str, str]) -> None:
        raise NotImplementedError

    def end(self, name: str) -> None:
        raise NotImplementedError

    def fits(self, count: int, bottom: int, right: int) -> bool:
        """Tell whether so many more cells, as far as that, are still within the limits."""
        bottom, right = max(self.bottom, bottom), max(self.right, right)
        try:
            check_extent(self.scan.cells + count, bottom, right, self.max_cells)
        except FileProblem:
            return False
        return True

    def add(self, count: int, bottom: int, right: int) -> None:
        self.scan.cells += count
        self.bottom, self.right = max(self.bottom, bottom), max(self.right, right)
        check_extent(self.scan.cells, self.bottom, self.right, self.max_cells)


_ROWS = b"sheetData"


def _count_elsewhere(data: bytes, member: zipfile.ZipInfo, scan: Scan, max_cells: int) -> None:
    """Count the rows of a part that isn't where sheets usually are."""
    counter = _OfficeOpenXml(scan, max_cells)
    for chunk in _inflate(data, member):
        counter.feed(chunk)
    counter.close()


_BEFORE, _WITHIN, _NEVER = range(3)
"""Where a part of a workbook is: before its rows, among them, and where they aren't told by their pattern."""

_ROWS_BEGIN, _ROW_ENDS, _CELL_ENDS = b"<sheetData>", b"</row>", b"</c>"
_CHARACTERS = rb"[^<>&\x00-\x08\x0b\x0c\x0e-\x1f]*"
_TEXT = rb"(?=[^<])" + _CHARACTERS + rb"(?:&(?:amp|lt|gt|quot|apos);" + _CHARACTERS + rb")*"
_ROW = re.compile(
    # Each filled cell says where it stands, and that it is in this row. The groups: the row's number,
    # and something if a cell of it is filled.
    rb'<row r="([0-9]{1,7})"(?: (?!r=)[A-Za-z0-9:]+="[^"<>&]*")*(?: ?/>|>(?:'
    rb'<c r="[A-Z]{1,3}\1"(?: s="[0-9]+")?(?: t="[A-Za-z]+")?(?: ?/>|>(?:'
    rb"<v>" + _TEXT + rb"</v>|"
    rb'<is><t(?: xml:space="preserve")?>' + _TEXT + rb"</t></is>"
    rb")(</c>))"
    rb'|<c(?: s="[0-9]+")? ?/>)*</row>)'
)
_FILLED_COLUMN = re.compile(rb'<c r="([A-Z]{1,3})[^>]*[^/]>')

_FILLED_ERROR = re.compile(rb'<c r="[A-Z]{1,3}[0-9]+"(?: s="[0-9]+")? t="e">')


def _column(letters: str) -> int:
    """Return the number of a column, from 1."""
    column = 0
    for character in letters:
        column = column * 26 + ord(character) - 64
    return column


def _is_utf8(rows: bytes) -> bool:
    try:
        rows.decode()
    except UnicodeDecodeError:
        return False
    return True


class _OfficeOpenXml(_Counter):
    """Cells ``<c r="B3"><f/><v/></c>`` of SpreadsheetML."""

    def __init__(self, scan: Scan, max_cells: int) -> None:
        super().__init__(scan, max_cells)
        self.row = self.column = 0
        self.formula = self.error = False
        self.waiting = b""
        self.plain = _BEFORE
        self.strange = 0
        self.parser.XmlDeclHandler = self.declaration

    def declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() != "utf-8":
            self.plain = _NEVER

    def feed(self, chunk: bytes) -> None:
        """Count rows as every program writes them by their pattern, and parse whatever else there is.

        Such rows are whole elements, so that the parser doesn't miss them: it goes on behind them as if
        they hadn't been there. Each of their cells that holds something is counted wherever they stand.
        """
        if self.plain == _NEVER:
            super().feed(chunk)
            return
        self.waiting += chunk
        if self.plain == _BEFORE:
            end = self.waiting.find(_ROWS_BEGIN)
            if end >= 0:
                self._parse_to(end + len(_ROWS_BEGIN))
                self.plain = _NEVER if self.plain == _NEVER else _WITHIN
        if self.plain == _WITHIN:
            end = self.waiting.rfind(_ROW_ENDS) + len(_ROW_ENDS)
            if end >= len(_ROW_ENDS):
                self._rows(end)
        if self.plain == _NEVER or len(self.waiting) > MAX_WAITING:
            self.plain = _NEVER
            self._parse_to(len(self.waiting))

    def close(self) -> None:
        self._parse_to(len(self.waiting))
        super().close()

    def _parse_to(self, end: int) -> None:
        ready, self.waiting = self.waiting[:end], self.waiting[end:]
        super().feed(ready)

    def _rows(self, end: int) -> None:
        rows = self.waiting[:end]
        pieces = _ROW.split(rows)
        if any(pieces[0::3]) or not _is_utf8(rows):
            self._parse_to(end)
            self.strange += 1
            if self.strange >= MAX_STRANGE:
                self.plain = _NEVER
            return
        numbers = [int(number) for number in pieces[1::3]]
        filled = [number for number, held in zip(numbers, pieces[2::3], strict=True) if held]
        if filled:
            count = rows.count(_CELL_ENDS)
            right = max(_column(found.decode()) for found in set(_FILLED_COLUMN.findall(rows)))
            if not self.fits(count, max(filled), right):
                # Cell by cell, so that what is said names the first one that is too many or too far away.
                self._parse_to(end)
                return
            self.add(count, max(filled), right)
            self.scan.error_values += len(_FILLED_ERROR.findall(rows))
        self.waiting = self.waiting[end:]
        # A row without a number, if one comes, follows the last one.
        self.row = max(self.row, *numbers)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        name = name.rpartition(":")[2]
        if name == "row":
            self.row = int(attributes.get("r", self.row + 1))
            self.column = 0
        elif name == "c":
            self.filled = self.formula = False
            self.error = attributes.get("t") == "e"
            reference = attributes.get("r")
            if reference:
                letters = reference.rstrip("0123456789")
                self.row = int(reference[len(letters) :])
                self.column = _column(letters.upper())
            else:
                self.column += 1
        elif name in ("v", "is"):
            self.inside = True
        elif name == "f":
            self.formula = True

    def end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        if name in ("v", "is"):
            self.inside = False
        elif name == "c":
            if self.filled:
                self.add(1, self.row, self.column)
                self.scan.error_values += self.error
            elif self.formula:
                self.scan.formulas_without_value += 1


class _OpenDocument(_Counter):
    """Cells of ``table:table-row`` with their repetitions."""

    def __init__(self, scan: Scan, max_cells: int) -> None:
        super().__init__(scan, max_cells)
        self.row = self.column = self.last = 0
        self.rows = self.columns = 1
        self.cells = self.errors = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        if name == "table:table":
            self.row = self.bottom = self.right = 0
        elif name == "table:table-row":
            self.rows = int(attributes.get("table:number-rows-repeated", 1))
            self.column = self.last = self.cells = self.errors = 0
        elif name in ("table:table-cell", "table:covered-table-cell"):
            self.columns = int(attributes.get("table:number-columns-repeated", 1))
            self.column += self.columns
            if attributes.get("calcext:value-type") == "error":
                self.errors += self.columns
            self.filled = "office:value-type" in attributes or "office:value" in attributes
        elif name == "text:p":
            self.filled = True

    def end(self, name: str) -> None:
        if name in ("table:table-cell", "table:covered-table-cell") and self.filled:
            self.cells += self.columns
            self.last = self.column
            self.filled = False
        elif name == "table:table-row":
            self.row += self.rows
            self.scan.error_values += self.errors * self.rows
            if self.cells:
                self.add(self.cells * self.rows, self.row, self.last)


def _counter(filename: str, scan: Scan, max_cells: int) -> _Counter | None:
    lower = filename.lower()
    if lower.startswith("xl/worksheets/") and lower.endswith(".xml"):
        return _OfficeOpenXml(scan, max_cells)
    if lower == "content.xml":
        return _OpenDocument(scan, max_cells)
    return None
