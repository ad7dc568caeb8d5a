"""The words of the leak tests are found wherever they stand: escaped, packed, packed again."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
from collections.abc import Callable

import openpyxl
import pytest

from tests.leaks.sentinels import Sentinels, flat, unpacked


def workbook(word: str) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["Title", f"Words about {word} in a sentence."])
    stream = io.BytesIO()
    book.save(stream)
    assert word.encode() not in stream.getvalue()
    return stream.getvalue()


def zipped(data: bytes, name: str = "part.xml") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return stream.getvalue()


PACKED: dict[str, Callable[[str], bytes]] = {
    "a text": str.encode,
    "a text in UTF-16": lambda word: word.encode("utf-16"),
    "a workbook": workbook,
    "a text document's zip": lambda word: zipped(f"<p>{word}</p>".encode(), "content.xml"),
    "a gzip": lambda word: gzip.compress(word.encode()),
    "a workbook in a gzip": lambda word: gzip.compress(workbook(word)),
    "a workbook in a zip in a zip": lambda word: zipped(zipped(workbook(word))),
    "the name of a part": lambda word: zipped(b"", word),
}


@pytest.mark.parametrize("how", PACKED)
def test_a_word_in_a_file_is_seen_in_an_answer_and_in_a_page(how: str) -> None:
    words = Sentinels()
    word = words.make("title", "draft")
    data = PACKED[how](word)
    answer = {"filename": "x.xlsx", "content": base64.b64encode(data.ljust(24)).decode()}
    assert {each.token for each in words.found(flat([answer]))} == {word}
    assert {each.token for each in words.found(unpacked(data))} == {word}


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04 broken and of some length", b"\x1f\x8b broken and of some length"]
)
def test_what_only_begins_like_something_packed_is_read_as_it_is(data: bytes) -> None:
    words = Sentinels()
    words.know("some length", "title", "draft")
    assert "of some length" in unpacked(data)
    assert words.found(flat({"content": base64.b64encode(data).decode()}))
