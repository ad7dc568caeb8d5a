"""More than two hundred broken files: one clear message each, never a trace, nothing changes."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import openpyxl
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.inventory.model import Record, Revision
from tests.logic.city import City, make_city
from tests.logic.returning import add, column, download, opened, preview, put, saved

Broken = Iterator[tuple[str, str, bytes]]


@pytest.fixture
def city(db: None) -> City:
    city = make_city()
    for title in ("Trees", "Benches", "Lamps"):
        city.entry(title=title, notes="one")
    city.do(city.coordinator, "inventory_source_create", title="System", owner_org=city.parks.id)
    return city


def truncated(city: City) -> Broken:
    for kind in ("xlsx", "json", "csv"):
        data = download(city, format=kind)
        for part in range(25):
            yield f"{kind} cut at {part}/25", f"x.{kind}", data[: len(data) * part // 25]


def scrambled(city: City) -> Broken:
    chance = random.Random(5)
    for kind in ("xlsx", "json"):
        data = download(city, format=kind)
        for number in range(40):
            found = bytearray(data)
            for _ in range(20):
                found[chance.randrange(len(found))] = chance.randrange(256)
            yield f"{kind} scrambled {number}", f"x.{kind}", bytes(found)


def of_other_kinds(city: City) -> Broken:
    heads = {
        "png": b"\x89PNG\r\n\x1a\n" + bytes(400),
        "pdf": b"%PDF-1.7\n" + bytes(range(256)) * 4,
        "zip": _zip({"readme.txt": b"hello"}),
        "docx": _zip({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}),
        "ole": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096),
        "exe": b"MZ" + bytes(range(256)) * 8,
        "empty": b"",
        "blank": b" \r\n\t\r\n",
        "nul": bytes(5000),
        "html": b"<html><body><table><tr><td>Name</td></tr></table></body></html>",
        "json-list": b"[1, 2, 3]",
        "json-other": b'{"a": 1}',
        "json-deep": b'{"sheets": ' + b"[" * 2000 + b"]" * 2000 + b"}",
        "json-sheets": b'{"sheets": [{"name": "x"}]}',
        "json-rows": b'{"sheets": [{"name": "x", "columns": [], "stamp": "", "rows": 5}]}',
    }
    for name, data in heads.items():
        for ending in ("xlsx", "csv", "ods"):
            yield f"{name} as {ending}", f"x.{ending}", data


def _zip(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


def locked(city: City) -> Broken:
    """What Excel makes of a workbook with a password: a compound file that holds it encrypted."""
    yield "locked with a password", "x.xlsx", compound_file("EncryptedPackage", "EncryptionInfo")


def compound_file(*streams: str) -> bytes:
    free, end, table = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        *(0x3E, 3, 0xFFFE, 9, 6),
        *(0, 1, 1, 0, 4096, end, 0, end, 0, 0),
    )
    header += struct.pack("<108I", *[free] * 108)
    sectors = struct.pack("<128I", table, end, *[free] * 126)
    for position, name in enumerate(("Root Entry", *streams)):
        child = 1 if position == 0 else free
        right = position + 1 if 0 < position < len(streams) else free
        written = f"{name}\0".encode("utf-16-le")
        sectors += struct.pack(
            "<64sHBBIII36xIQ",
            written,
            len(written),
            2 if position else 5,
            1,
            free,
            right,
            child,
            end,
            0,
        )
    return (header + sectors).ljust(2048, b"\0")


def test_a_locked_file_is_said_to_be_locked(city: City) -> None:
    with pytest.raises(tk.ValidationError, match="locked with a password"):
        preview(city, compound_file("EncryptedPackage", "EncryptionInfo"), filename="x.xlsx")


def bombs(city: City) -> Broken:
    data = download(city)
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("sheet3.xml"):
                content = content.replace(b"</sheetData>", b" " * 400_000_000 + b"</sheetData>")
            new.writestr(name, content)
    yield "zip bomb", "x.xlsx", stream.getvalue()
    yield "ten million blank cells", "x.csv", b"Name\n" + (b"," * 499 + b"\n") * 100 + b"," * 900


def damaged_parts(city: City) -> Broken:
    """Packages that unpack, with parts that don't hold what they should."""
    data = download(city)
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    for name, content in parts.items():
        if not name.endswith(".xml"):
            continue
        for words, broken in (
            ("of an encoding that nobody knows", content.replace(b"UTF-8", b"UTF-99", 1)),
            ("cut", content[: len(content) // 2]),
            ("empty", b""),
        ):
            yield f"{name} {words}", "x.xlsx", _zip({**parts, name: broken})


def wrong_words(city: City) -> Broken:
    """Workbooks of ours with hostile or wrong cells; each is looked at and changes nothing."""
    for number, value in enumerate(
        [
            "=cmd|' /C calc'!A0",
            "PARKS-9999",
            "PARKS-S001",
            "WATER-0001",
            "parks-0002",
            "PARKS-0002",
            "x" * 5000,
            "' OR 1=1 --",
            "<script>alert(1)</script>",
            "{{ 7*7 }}",
            "../../etc/passwd",
        ]
    ):
        book = opened(download(city))
        book["Datasets"].cell(2, 1).value = value
        book["Datasets"].cell(2, 1).data_type = "s"
        yield f"number {number}", "x.xlsx", saved(book)
    for stamp in (
        "inventory/1",
        "inventory/1 sheet=nothing",
        "inventory/2 sheet=inventory_entry",
        "inventory/1 sheet=inventory_entry schema=0 department=%00",
        "inventory/1 sheet=inventory_entry department=" + "x" * 3000,
    ):
        book = opened(download(city))
        sheet = book["Datasets"]
        sheet.cell(1, sheet.max_column).value = stamp
        yield f"stamp {stamp[:30]}", "x.xlsx", saved(book)
    for token in ("PARKS-0001@99@@@", "PARKS-0001@0@@@", "@@@@", "PARKS-0001@1@zz@@", "x" * 9000):
        book = opened(download(city))
        sheet = book["Datasets"]
        sheet.cell(2, sheet.max_column).value = token
        yield f"token {token[:20]}", "x.xlsx", saved(book)
    book = opened(download(city))
    book.copy_worksheet(book["Datasets"])
    yield "the sheet twice", "x.xlsx", saved(book)
    book = opened(download(city))
    for _ in range(3):
        add(book, "Datasets", Number="PARKS-0001", Name="Trees")
    yield "a number four times", "x.xlsx", saved(book)
    book = opened(download(city))
    book["Datasets"].delete_cols(column(book, "Datasets", "Name"))
    put(book, "Datasets", "PARKS-0001", Value="Hgh")
    yield "an old template", "x.xlsx", saved(book)
    only = openpyxl.Workbook()
    yield "an empty workbook", "x.xlsx", saved(only)


KINDS = [truncated, scrambled, of_other_kinds, locked, bombs, damaged_parts, wrong_words]
COUNTED: dict[str, int] = {}


def everything() -> tuple[Any, ...]:
    model.Session.rollback()
    return tuple(
        model.Session.scalar(query) or 0
        for query in (
            sa.select(sa.func.count()).select_from(Record),
            sa.select(sa.func.count()).select_from(Revision),
            sa.select(sa.func.sum(Record.revision)),
        )
    )


@pytest.mark.parametrize("kind", KINDS)
def test_broken_files(city: City, kind: Any) -> None:
    model.Session.commit()
    before = everything()
    files = list(kind(city))
    for name, filename, data in files:
        try:
            found = preview(city, data or b"", filename=filename, department="parks")
        except tk.ValidationError as error:
            messages = [text for texts in error.error_dict.values() for text in texts]
            assert len(messages) == 1, (name, messages)
            assert len(str(messages[0])) > 10, name
            assert "Traceback" not in str(messages[0]), name
        else:
            assert found["id"], name
            for problem in found["problems"]:
                assert problem["message"], name
    assert everything() == before
    COUNTED[kind.__name__] = len(files)


def test_there_were_at_least_two_hundred(city: City) -> None:
    for kind in KINDS:
        if kind.__name__ not in COUNTED:
            COUNTED[kind.__name__] = sum(1 for _ in kind(city))
    assert sum(COUNTED.values()) >= 200, COUNTED
