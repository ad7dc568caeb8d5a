"""Compound files and the XLS workbooks in them, byte by byte, to be broken."""

from __future__ import annotations

import struct
from collections.abc import Sequence

FREE, END, TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
SECTOR = 512
FIRST_TABLE, FIRST_DIRECTORY = SECTOR, 2 * SECTOR
"""Where the table of sectors and the directory stand in the file."""


def compound_file(*streams: str, content: bytes = b"") -> bytes:
    """Make a compound file.

    :param streams: names of its streams
    :param content: of the first one, which is empty without it
    """
    content = content.ljust(4096, b"\0") if content else b""
    count = -(-len(content) // SECTOR)
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        *(0x3E, 3, 0xFFFE, 9, 6),
        *(0, 1, 1, 0, 4096, END, 0, END, 0, 0),
    )
    header += struct.pack("<108I", *[FREE] * 108)
    chain = [*range(3, 2 + count), END][:count]
    sectors = struct.pack("<128I", *[TABLE, END, *chain, *[FREE] * 126][:128])
    entries = b""
    for position, name in enumerate(("Root Entry", *streams)):
        written = f"{name}\0".encode("utf-16-le")
        first = position == 1 and count
        entries += struct.pack(
            "<64sHBBIII36xIQ",
            written,
            len(written),
            2 if position else 5,
            1,
            FREE,
            position + 1 if 0 < position < len(streams) else FREE,
            FREE if position else 1,
            2 if first else END,
            len(content) if first else 0,
        )
    return header + sectors + entries.ljust(SECTOR, b"\0") + content.ljust(count * SECTOR, b"\0")


def record(kind: int, data: bytes = b"") -> bytes:
    """Make a record of a workbook."""
    return struct.pack("<HH", kind, len(data)) + data


def label(row: int, column: int, text: str) -> bytes:
    """Make a cell with a text."""
    return record(0x0204, struct.pack("<HHHHB", row, column, 0, len(text), 0) + text.encode())


def error(row: int, column: int) -> bytes:
    """Make a cell with ``#N/A``."""
    return record(0x0205, struct.pack("<HHHBB", row, column, 0, 0x2A, 1))


def error_of_formula(row: int, column: int) -> bytes:
    """Make a cell with a formula that comes to ``#N/A``."""
    value = b"\x02\0\x2a\0\0\0\xff\xff"
    return record(0x0006, struct.pack("<HHH", row, column, 0) + value + bytes(8))


def dimensions(bottom: int, right: int) -> bytes:
    """Say what a sheet spans."""
    return record(0x0200, struct.pack("<IIHHH", 0, bottom, 0, right, 0))


def xls(cells: Sequence[bytes], *, sheet_at: int | None = None) -> bytes:
    """Make a workbook of one sheet.

    :param cells: its records
    :param sheet_at: where it is said to begin, if not where it does
    """

    def begin(kind: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0, 0, 0, 0))

    name = b"List"
    length = len(begin(5)) + 4 + 8 + len(name) + 4
    where = length if sheet_at is None else sheet_at
    listed = record(0x0085, struct.pack("<IBBBB", where, 0, 0, len(name), 0) + name)
    stream = begin(5) + listed + record(0x000A)
    assert len(stream) == length
    stream += begin(0x10) + b"".join(cells) + record(0x000A)
    return compound_file("Workbook", content=stream)
