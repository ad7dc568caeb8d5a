"""What a file of ours carries beside what people see, so that its return can be compared.

The last column of each sheet is hidden. Its header says what the sheet is; each of its cells says what the
row was when it was downloaded. A row is found by its number, wherever it was moved to. Nothing here grants
anything: what comes back is a claim, and every right is asked anew.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

PREFIX = "inventory/1"
WIDTH = 12


@dataclass(frozen=True)
class Stamp:
    """What a sheet is.

    :param sheet: key of its layout
    :param schema: digest of its layout
    :param department: organization id; empty for a workbook over several
    :param at: when it was downloaded, ISO 8601
    :param by: user id
    :param language: code of the language of its headers and labels, empty for English
    :param part: id of the part that it is, empty for a whole workbook
    """

    sheet: str
    schema: str
    department: str = ""
    at: str = ""
    by: str = ""
    part: str = ""
    language: str = ""

    def encode(self) -> str:
        """Write the stamp as the header of the hidden column."""
        parts = {
            "sheet": self.sheet,
            "schema": self.schema,
            "department": self.department,
            "at": self.at,
            "by": self.by,
        }
        for name, text in (("part", self.part), ("language", self.language)):
            if text:
                parts[name] = text
        return " ".join([PREFIX, *(f"{name}={quote(text)}" for name, text in parts.items())])


def decode(text: str) -> Stamp | None:
    """Read a stamp.

    :param text: a header
    :returns: the stamp, or None for any other header
    """
    head, *parts = text.split()[:20] or [""]
    if head != PREFIX:
        return None
    found = {
        name: unquote(value) for name, sign, value in (p.partition("=") for p in parts) if sign
    }
    if not found.get("sheet"):
        return None
    return Stamp(
        found["sheet"],
        found.get("schema", ""),
        found.get("department", ""),
        found.get("at", ""),
        found.get("by", ""),
        found.get("part", ""),
        found.get("language", ""),
    )


class Token(NamedTuple):
    """What a row was.

    :param number: the record's number
    :param revision: the revision that was written
    :param seen: checksum of the read-only cells
    :param marks: values of the marks, as texts
    :param row: key of the row within the record, for sheets of rows
    :param whole: checksum of all cells: a row that still has it wasn't written into
    """

    number: str
    revision: int
    seen: str = ""
    marks: tuple[str, ...] = ()
    row: str = ""
    whole: str = ""

    def encode(self) -> str:
        """Write the token as a cell of the hidden column."""
        marks = ",".join(quote(mark, safe="") for mark in self.marks)
        row = quote(self.row, safe="")
        return f"{self.number}@{self.revision}@{self.seen}@{marks}@{row}@{self.whole}"


_TOKEN = re.compile(
    r"([A-Z0-9]{2,10}-S?\d{3,9})@(\d{1,9})@([0-9a-f]{0,8})@([^@]*)@([^@]*)(?:@([0-9a-f]{8}))?@?"
)


def decode_token(text: str) -> Token | None:
    """Read a token.

    :param text: a cell of the hidden column
    :returns: the token, or None for what isn't one
    """
    found = _TOKEN.fullmatch(text.strip())
    if not found:
        return None
    number, revision, seen, marks, row, whole = found.groups()
    return Token(
        number,
        int(revision),
        seen,
        _unquoted_all(marks) if marks else (),
        unquote(row) if "%" in row else row,
        whole or "",
    )


def peek(text: str) -> tuple[str, str] | None:
    """Read of a token only which record it is of, and the checksum of all cells.

    :param text: a cell of the hidden column
    :returns: the number and the checksum, or None for what isn't a token
    """
    found = _TOKEN.fullmatch(text)
    return (found[1], found[6] or "") if found else None


@lru_cache(maxsize=1024)
def _unquoted_all(marks: str) -> tuple[str, ...]:
    found = marks.split(",")
    return tuple(map(unquote, found) if "%" in marks else found)


_BETWEEN = "\x1f"


def checksum(texts: Sequence[str]) -> str:
    """Return a short checksum of cells, to see whether somebody wrote into them.

    :param texts: the cells' texts
    """
    return f"{binascii.crc32(_BETWEEN.join(texts).encode()):08x}"


def has_checksum(texts: Sequence[str], expected: str) -> bool:
    """Tell whether cells have a checksum.

    :param texts: the cells' texts
    :param expected: as :func:`checksum` writes it
    """
    return binascii.crc32(_BETWEEN.join(texts).encode()) == int(expected, 16)
