"""Inserting a row that holds a file, by PostgreSQL's binary COPY.

The driver writes a parameter's bytes as hexadecimal text into the statement, which is twice as long, is
read twice and stands several times in memory. COPY takes the bytes as they are.

Source: PostgreSQL's documentation of COPY, "Binary Format", and of the types' send functions.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import sqlalchemy as sa
from psycopg2.extensions import encodings
from sqlalchemy.orm import Session

Value: TypeAlias = "str | int | bytes | dt.datetime | Mapping[str, Any] | Sequence[str] | None"
"""What goes into a column of text, integer, bytea, timestamptz, jsonb or text[]."""

_HEAD = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_END = struct.pack(">h", -1)
_EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc)
_TEXT_OID = 25
_PIECE = 1 << 20


def insert(session: Session, table: sa.Table, row: Mapping[str, Value]) -> None:
    """Insert one row. What isn't given takes the default that the database has.

    :param session: the database session
    :param table: the table
    :param row: column name to value
    """
    connection: Any = session.connection().connection
    coding = encodings[connection.encoding]
    packed = [_HEAD, struct.pack(">h", len(row))]
    for value in row.values():
        content = _content(value, coding)
        packed.append(struct.pack(">i", -1 if content is None else len(content)))
        if content is not None:
            packed.append(content)
    packed.append(_END)
    prepare = session.connection().dialect.identifier_preparer
    columns = ", ".join(prepare.quote(table.c[name].name) for name in row)
    statement = f"COPY {prepare.format_table(table)} ({columns}) FROM STDIN (FORMAT binary)"
    with connection.cursor() as cursor:
        cursor.copy_expert(statement, io.BytesIO(b"".join(packed)), _PIECE)


def _content(value: Value, coding: str) -> bytes | None:
    """Return a value as the type of its column is sent, None for NULL."""
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode(coding)
    if isinstance(value, int):
        return struct.pack(">i", value)
    if isinstance(value, dt.datetime):
        return struct.pack(">q", (value - _EPOCH) // dt.timedelta(microseconds=1))
    if isinstance(value, Mapping):
        return b"\x01" + json.dumps(value).encode(coding)
    return _array([item.encode(coding) for item in value])


def _array(items: Sequence[bytes]) -> bytes:
    if not items:
        return struct.pack(">iii", 0, 0, _TEXT_OID)
    head = struct.pack(">iiiii", 1, 0, _TEXT_OID, len(items), 1)
    return head + b"".join(struct.pack(">i", len(item)) + item for item in items)
