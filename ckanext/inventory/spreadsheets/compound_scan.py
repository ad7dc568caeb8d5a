"""Look into an XLS file before it is opened: whether its parts hang together, and what its cells span.

An XLS is a compound file: sectors that are chained like those of a disk, with the workbook as a stream of
records. Its reader believes what these say of themselves. A chain that leads back into itself, or a sheet
that is said to span four thousand million rows, would take all memory there is, so that both are looked at
first.

Source: [MS-CFB], [MS-XLS] 2.4.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterator, Sequence

from .refusals import (
    check_extent,
    damaged,
    largest_area,
    locked,
    no_spreadsheet,
    too_many_cells,
)

HEADER = 512
MINI_SECTOR = 64
MINI_STREAM = 4_096
"""Smaller streams are kept in mini sectors."""
MAX_MINI_TABLE = 1_000
MAX_ROWS, MAX_COLUMNS = 65_536, 256
"""What a sheet of an XLS can span."""
MAX_RECORDS = 10_000_000
AREAS = 4
"""How many sheets may span as much as one may."""

_END_OF_CHAIN, _RESERVED, _NO_TABLE = 0xFFFFFFFE, 0xFFFFFFFA, 0xFFFFFFFC
_WORKBOOKS = ("Workbook", "Book", "WORKBOOK", "BOOK")
_LOCKED = "EncryptedPackage"
_OTHER_DOCUMENTS = ("WordDocument", "PowerPoint", "__properties_version")
_BOF, _EOF, _PASSWORD, _SHEET, _DIMENSIONS = 0x0809, 0x000A, 0x002F, 0x0085, 0x0200
_FORMULA, _TRUTH_OR_ERROR, _NUMBERS = 0x0006, 0x0205, 0x00BD
_CELLS = frozenset({_FORMULA, _TRUTH_OR_ERROR, _NUMBERS, 0x0203, 0x0204, 0x00D6, 0x027E, 0x00FD})


def scan_compound(data: bytes, max_cells: int) -> int:
    """Look whether an XLS can be opened without harm.

    :param data: bytes of a compound file
    :param max_cells: most cells that it may fill
    :returns: how many cells hold an error value such as ``#REF!``
    :raises FileProblem: beyond these, or for what isn't a readable workbook
    """
    try:
        file = _CompoundFile(data)
        if _LOCKED in file.streams:
            raise locked()
        name = next((name for name in _WORKBOOKS if name in file.streams), None)
        if name is None:
            other = any(stream.startswith(_OTHER_DOCUMENTS) for stream in file.streams)
            raise no_spreadsheet() if other else damaged()
        return _scan_workbook(file.read(name), max_cells)
    except (struct.error, IndexError, ValueError) as error:
        raise damaged() from error


class _CompoundFile:
    """Finds the streams of a compound file, each sector once."""

    def __init__(self, data: bytes) -> None:
        shift, mini_shift = struct.unpack_from("<HH", data, 30)
        if len(data) < HEADER or shift not in (9, 12) or mini_shift != 6:
            raise damaged()
        self.data = data
        self.size = 1 << shift
        self.sectors = len(data) // self.size
        table_length, directory = struct.unpack_from("<II", data, 44)
        mini_start, mini_length, more_start, more_length = struct.unpack_from("<IIII", data, 60)
        if max(table_length, more_length) > self.sectors or mini_length > min(
            self.sectors, MAX_MINI_TABLE
        ):
            raise damaged()
        self.table = self._table(more_start)
        entries = self._chain(directory, self.table, self._sector, None)
        if len(entries) < 128:
            raise damaged()
        self.root: tuple[int, int] = struct.unpack_from("<II", entries, 116)
        self.streams: dict[str, tuple[int, int]] = {}
        for at in range(0, len(entries) - 127, 128):
            name = entries[at : at + 64].decode("utf-16-le", "replace").partition("\0")[0]
            start, length = struct.unpack_from("<IQ" if shift == 12 else "<II", entries, at + 116)
            self.streams.setdefault(name, (start, length))
        self.mini_table: Sequence[int] = ()
        self.mini_stream = b""
        if mini_length:
            written = self._chain(mini_start, self.table, self._sector, mini_length * self.size)
            self.mini_table = _numbers(written)
            start, length = self.root
            self.mini_stream = self._chain(start, self.table, self._sector, length)

    def read(self, name: str) -> bytes:
        """Return the bytes of a stream.

        :param name: its name
        """
        start, length = self.streams[name]
        small = length < MINI_STREAM
        table = self.mini_table if small else self.table
        found = self._chain(start, table, self._mini_sector if small else self._sector, length)
        if len(found) < length:
            # It was cut off.
            raise damaged()
        return found

    def _table(self, more: int) -> Sequence[int]:
        """Return which sector follows which."""
        places = list(struct.unpack_from("<109I", self.data, 76))
        seen = 0
        while more < _RESERVED:
            seen += 1
            if seen > self.sectors:
                raise damaged()
            *further, more = _numbers(self._sector(more))
            places += further
        table = array("I")
        for place in places:
            if place < _NO_TABLE:
                table.extend(_numbers(self._sector(place)))
        return table

    def _sector(self, number: int) -> bytes:
        if number > self.sectors:
            raise damaged()
        start = (number + 1) * self.size
        return self.data[start : start + self.size]

    def _mini_sector(self, number: int) -> bytes:
        start = number * MINI_SECTOR
        return self.mini_stream[start : start + MINI_SECTOR]

    def _chain(
        self,
        sector: int,
        table: Sequence[int],
        read: Callable[[int], bytes],
        length: int | None,
    ) -> bytes:
        """Put a stream together: as long as it says, or up to the end of its chain."""
        if length is not None and length > len(self.data):
            raise damaged()
        pieces: list[bytes] = []
        seen: set[int] = set()
        found = 0
        while sector != _END_OF_CHAIN and (length is None or found < length):
            if sector in seen:
                # The chain leads back into itself.
                raise damaged()
            seen.add(sector)
            pieces.append(read(sector))
            found += len(pieces[-1])
            if length is None or found < length:
                sector = table[sector]
        return b"".join(pieces)[:length]


def _numbers(written: bytes) -> Sequence[int]:
    return struct.unpack_from(f"<{len(written) // 4}I", written)


def _scan_workbook(stream: bytes, max_cells: int) -> int:
    sheets: list[int] = []
    for kind, at, length in _records(stream, 0):
        if kind == _PASSWORD:
            raise locked()
        if kind == _SHEET:
            sheets.append(struct.unpack_from("<I", stream, at)[0])
        if kind == _EOF and length == 0:
            break
    cells = errors = area = 0
    left = MAX_RECORDS
    for start in sheets:
        found = _Extent(stream, start, max_cells, cells, left)
        cells, left = found.cells, found.left
        errors += found.error_values
        # The reader of an XLS holds all sheets at once.
        area += found.area
        if area > AREAS * largest_area(max_cells):
            raise too_many_cells(max_cells)
    return errors


def _records(stream: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Go through records: what each is, where its data begins, and how long they are."""
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        at += 4
        if at + length > len(stream):
            raise damaged()
        yield kind, at, length
        at += length


class _Extent:
    """What the cells of one sheet span.

    :param stream: the workbook
    :param start: where the sheet begins
    :param max_cells: most cells of all sheets
    :param cells: cells of the sheets before
    :param left: how many records may still be looked at
    """

    def __init__(self, stream: bytes, start: int, max_cells: int, cells: int, left: int) -> None:
        self.cells, self.left = cells, left
        self.error_values = 0
        if start > len(stream):
            raise damaged()
        bottom = right = depth = 0
        for kind, at, length in _records(stream, start):
            self.left -= 1
            if self.left < 0:
                raise damaged()
            if kind == _BOF:
                depth += 1
            elif kind == _EOF:
                depth -= 1
                if depth <= 0:
                    break
            elif kind == _DIMENSIONS:
                _check_dimensions(stream, at, length)
            elif kind in _CELLS:
                row, last = struct.unpack_from("<HH", stream, at)
                count = 1
                if kind == _NUMBERS:
                    first = last
                    (last,) = struct.unpack_from("<H", stream, at + length - 2)
                    count = max(last - first + 1, 1)
                elif kind in (_FORMULA, _TRUTH_OR_ERROR):
                    self.error_values += _is_error(kind, stream[at : at + length])
                self.cells += count
                bottom, right = max(bottom, row + 1), max(right, last + 1)
        check_extent(self.cells, bottom, right, max_cells)
        self.area = bottom * right


def _check_dimensions(stream: bytes, at: int, length: int) -> None:
    if length not in (10, 14):
        raise damaged()
    first, end, left, right = struct.unpack_from("<HHHH" if length == 10 else "<IIHH", stream, at)
    if end and (end < first or end > MAX_ROWS or right - min(left, right) > MAX_COLUMNS):
        raise damaged()


def _is_error(kind: int, record: bytes) -> bool:
    if kind == _TRUTH_OR_ERROR:
        return len(record) > 7 and record[7] == 1
    return len(record) > 13 and record[6] == 2 and record[12:14] == b"\xff\xff"
