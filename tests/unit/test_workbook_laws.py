"""The laws of the round trip, for any content: what isn't edited doesn't change, what is edited does."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import ckanext.inventory as package
from ckanext.inventory import vocabularies
from ckanext.inventory.fields import FieldSpec, Schema, parse_schema
from ckanext.inventory.service import workbooks
from ckanext.inventory.spreadsheets import layout as layouts
from ckanext.inventory.spreadsheets import merge, reader, returned, synonyms, workbook
from ckanext.inventory.spreadsheets.layout import Layout, Names
from ckanext.inventory.spreadsheets.merge import Outcome
from ckanext.inventory.spreadsheets.stamp import (
    Stamp,
    Token,
    checksum,
    decode,
    decode_token,
    has_checksum,
    peek,
)
from ckanext.inventory.spreadsheets.values import Reader
from ckanext.inventory.types import ENTRY, SOURCE
from ckanext.inventory.values import BadValue, clean

WORDS = vocabularies.load()
FOLDER = Path(str(package.__file__)).parent / "schemas"


def _schema(name: str) -> Schema:
    return parse_schema(yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8")), WORDS)


SCHEMAS = {name: _schema(name) for name in (ENTRY, SOURCE)}
SHEETS = layouts.layouts(SCHEMAS, WORDS)
SOURCES = {
    f"00000000-0000-0000-0000-{n:012d}": (f"PARKS-S{n:03d}", f"System; {n}") for n in range(3)
}
NAMES = Names(SOURCES, {"u1": "Somebody"}, {"d1": "Parks"})
CELLS = Reader(WORDS, synonyms.load())

NASTY = [
    "=1+1",
    "+1 555 0100",
    "-",
    "@cmd",
    "'quoted",
    "'=quoted",
    "0012",
    "1.50",
    "TRUE",
    "2026-01-01",
    "NA",
    "n/a",
    "unknown",
    "line\nbreak",
    "a\ttab",
    "a;b,c|d",
    "\u202eright to left\u202c",
    "emoji 🦊🏳️‍🌈",
    "_x0041_",
    "https://a.example/?q=<&>",
    "a  b",
    "x" * 32_000,
    "\x85next line",
    '"quoted"',
    "inventory/1 sheet=x",
]
TEXTS = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r"), max_size=60),
)


def _value(spec: FieldSpec) -> st.SearchStrategy[Any]:
    if spec.kind == "choice":
        return st.sampled_from([choice.value for choice in spec.choices])
    if spec.kind == "choices":
        values = [choice.value for choice in spec.choices]
        return st.lists(st.sampled_from(values), min_size=1, max_size=4, unique=True)
    if spec.kind == "list":
        return st.lists(TEXTS, min_size=1, max_size=4)
    if spec.kind == "url_list":
        return st.lists(
            st.sampled_from(["https://a.example/1", "http://b.example/;x", "ftp://c.example"]),
            min_size=1,
            max_size=3,
        )
    if spec.kind == "url":
        return st.just("https://a.example/x")
    if spec.kind == "email":
        return st.just("parks@larkhaven.example")
    if spec.kind == "integer":
        return st.integers(0, 999_999_999)
    if spec.kind == "date":
        return st.dates().map(str)
    if spec.kind == "partial_date":
        return st.sampled_from(["2027", "2027-06", "2027-06-30"])
    if spec.kind == "language":
        return st.lists(st.sampled_from(["en", "es", "fr"]), min_size=1, unique=True)
    if spec.kind == "source_list":
        return st.lists(st.sampled_from(sorted(SOURCES)), min_size=1, unique=True)
    if spec.kind == "entry":
        return st.sampled_from(sorted(SOURCES))
    return TEXTS


def _stored(spec: FieldSpec, value: Any) -> Any:
    """What the doors would store of a value; None for what they refuse."""
    try:
        return clean(spec, value, WORDS)
    except BadValue:
        return None


@st.composite
def contents(draw: st.DrawFn, package_type: str = ENTRY) -> dict[str, Any]:
    """Any content that could be stored."""
    found: dict[str, Any] = {"title": draw(TEXTS.map(lambda t: t[:200].strip() or "Trees"))}
    for column in SHEETS[package_type].columns:
        spec = column.spec
        if spec is None or spec.kind == "license" or not draw(st.booleans()):
            continue
        value = _stored(spec, draw(_value(spec)))
        if value not in (None, "", []):
            found[spec.name] = value
    if _stored(SCHEMAS[ENTRY].fields["title"], found["title"]) is None:
        found["title"] = "Trees"
    return found


RECORD = SimpleNamespace(
    number="PARKS-0001",
    state="draft",
    revision=3,
    department="d1",
    in_queue=False,
    detailing=False,
    change_returned=False,
    assignee="u1",
    visibility="normal",
    in_directory=True,
    listing="allowed",
    shared=False,
)


def elsewhere(text: str) -> str:
    """A language of which nothing is alike: other letters, another order of words."""
    words = text.translate(str.maketrans("aeiounst", "äéïöüñşţ")).split(" ")
    return " ".join(reversed(words)) + " ж"


def said_in(language: str) -> layouts.Say:
    return elsewhere if language == "xx" else layouts.as_it_is


def written(layout: Layout, content: dict[str, Any], language: str = "") -> workbook.Filled:
    say = said_in(language)
    names = replace(NAMES, say=say)
    line = workbooks.record_line(layout, RECORD, content, "public", WORDS, names)
    stamp = Stamp(layout.key, layout.digest, "d1", language=language)
    return workbook.Filled(layouts.translated(layout, say), stamp, iter([line]))


def as_xlsx(filled: workbook.Filled) -> bytes:
    book = workbook.Book(
        "Parks",
        ["Read me."],
        [filled],
        {"source_ids": ["PARKS-S001 System"]},
        say=said_in(filled.stamp.language),
    )
    return workbook.as_bytes(workbook.write_xlsx, book)


def as_csv(filled: workbook.Filled) -> bytes:
    text = io.StringIO()
    workbook.write_csv(filled, text)
    return text.getvalue().encode("utf-8-sig")


def as_json(filled: workbook.Filled) -> bytes:
    text = io.StringIO()
    workbook.write_json(workbook.Book("Parks", [], [filled]), text)
    return text.getvalue().encode()


def back(data: bytes) -> returned.Page:
    source = returned.read_json(data, "x") or reader.read(data, "x.csv")
    (page,) = returned.pages(source, SHEETS, SCHEMAS, synonyms.load(), said_in)
    return page


def edited(page: returned.Page, content: dict[str, Any]) -> dict[str, Any]:
    """The cells that count as written into, as read."""
    (line,) = page.lines
    say = said_in(page.stamp.language)
    names = replace(NAMES, say=say)
    found: dict[str, Any] = {}
    for column in page.layout.columns:
        if column.spec is None:
            continue
        before = layouts.write(column.spec, content.get(column.key), names)
        if returned.was_written_into(line.cells[column.key], before, plain=page.plain):
            reading = returned.read_cell(
                column.spec,
                line.cells[column.key],
                CELLS,
                lambda text: None,
                content.get(column.key),
                plain=page.plain,
                say=say,
            )
            assert reading.message is None, (column.key, reading.message)
            found[column.key] = reading.value
    return found


WAYS = pytest.mark.parametrize("way", [as_xlsx, as_csv, as_json])


@WAYS
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=contents())
def test_what_is_not_edited_does_not_change(
    way: Callable[[workbook.Filled], bytes], content: dict[str, Any]
) -> None:
    page = back(way(written(SHEETS[ENTRY], content)))
    assert edited(page, content) == {}
    (line,) = page.lines
    assert (line.number, line.renumbered) == ("PARKS-0001", False)
    marks = ("u1", "yes", "normal", "allowed")
    assert line.token == Token("PARKS-0001", 3, line.token.seen, marks, "", line.token.whole)
    assert returned.untouched(line, page.layout, plain=page.plain)
    assert not page.outdated
    assert page.unknown == []


@WAYS
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=contents(SOURCE))
def test_sources_likewise(way: Callable[[workbook.Filled], bytes], content: dict[str, Any]) -> None:
    assert edited(back(way(written(SHEETS[SOURCE], content))), content) == {}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=contents(), data=st.data())
def test_an_edited_cell_is_exactly_that_change(
    content: dict[str, Any], data: st.DataObject
) -> None:
    """Every text of every field, typed into the file, arrives as the field would store it."""
    columns = [
        column
        for column in SHEETS[ENTRY].columns
        if column.spec is not None
        and column.spec.kind not in ("source_list", "entry", "license", "list")
    ]
    column = data.draw(st.sampled_from(columns))
    spec = column.spec
    assert spec is not None
    new = _stored(spec, data.draw(_value(spec)))
    changed = (
        {**content, spec.name: new} if new else {k: v for k, v in content.items() if k != spec.name}
    )
    page = back(as_xlsx(written(SHEETS[ENTRY], changed)))
    found = edited(page, content)
    if merge.same_value(spec)(content.get(spec.name), new):
        assert found.get(spec.name, new) == new
    elif spec.name == "title":
        assert set(found) == {"title"}
    else:
        assert found == {spec.name: new}


@WAYS
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=contents())
def test_a_workbook_in_another_language_comes_back(
    way: Callable[[workbook.Filled], bytes], content: dict[str, Any]
) -> None:
    page = back(way(written(SHEETS[ENTRY], content, "xx")))
    assert page.headers.keys() == {column.key for column in SHEETS[ENTRY].columns}
    assert not page.outdated
    assert page.unknown == []
    assert edited(page, content) == {}


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=contents(), data=st.data())
def test_an_edit_in_another_language_is_exactly_that_change(
    content: dict[str, Any], data: st.DataObject
) -> None:
    columns = [
        column
        for column in SHEETS[ENTRY].columns
        if column.spec is not None and column.spec.kind in ("choice", "choices", "text")
    ]
    spec = data.draw(st.sampled_from(columns)).spec
    assert spec is not None
    new = _stored(spec, data.draw(_value(spec)))
    if spec.name == "title" or not new:
        return
    changed = {**content, spec.name: new}
    found = edited(back(as_xlsx(written(SHEETS[ENTRY], changed, "xx"))), content)
    if merge.same_value(spec)(content.get(spec.name), new):
        assert found.get(spec.name, new) == new
    else:
        assert found == {spec.name: new}


def test_english_values_are_understood_in_any_workbook() -> None:
    filled = written(SHEETS[ENTRY], {"title": "Trees"}, "xx")
    (line,) = filled.lines
    position = [column.key for column in filled.layout.columns].index("value")
    line.cells[position] = "High"  # type: ignore[index] - a list
    page = back(as_xlsx(replace(filled, lines=[line])))
    assert edited(page, {"title": "Trees"}) == {"value": "high"}


def test_addresses_of_every_kind_that_a_field_takes_come_back() -> None:
    typed = {"existing_publication_url": ["ftp://c.example", "http://b.example/;x"]}
    page = back(as_xlsx(written(SHEETS[ENTRY], {"title": "Trees", **typed})))
    assert edited(page, {"title": "Trees"}) == typed


@given(st.text())
def test_the_guard_against_formulas_loses_nothing(text: str) -> None:
    guarded = workbook.guard(text)
    assert workbook.unguard(guarded) == text
    assert not guarded.startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.text(), st.text(), st.text())
def test_stamps_come_back(sheet: str, department: str, by: str) -> None:
    stamp = Stamp(sheet or "x", "abc", department, "2026-11-24T23:44:00+00:00", by)
    if not any(0xD800 <= ord(c) <= 0xDFFF for c in sheet + department + by):
        assert decode(stamp.encode()) == stamp


@given(
    st.lists(st.text(st.characters(blacklist_categories=["Cs"])), min_size=1, max_size=4),
    st.text(st.characters(blacklist_categories=["Cs"])),
)
def test_tokens_come_back(marks: list[str], row: str) -> None:
    token = Token("PARKS-0001", 12, "00ff00ff", tuple(marks), row)
    found = decode_token(token.encode())
    assert found == token or (marks == [""] and found is not None and found.marks == ())


@given(
    st.one_of(
        st.from_regex(r"[A-Z0-9]{2,10}-S?\d{3,9}@\d{1,9}@[0-9a-f]{0,8}@[^@]{0,5}@[^@]{0,5}"),
        st.text("PARKS-0123456789abcdef@,%", max_size=40),
        st.builds(
            lambda *parts: Token(*parts).encode(),
            st.sampled_from(["PARKS-0001", "PARKS-S0001", "parks-1"]),
            st.integers(-1, 10**10),
            st.sampled_from(["", "00ff00ff", "xyz"]),
            st.lists(st.text("ab,@% ", max_size=3), max_size=3).map(tuple),
            st.text("ab@%", max_size=3),
            st.sampled_from(["", "00ff00ff", "0", "x"]),
        ),
    )
)
def test_a_glance_at_a_token_sees_what_reading_it_does(text: str) -> None:
    whole = decode_token(text.strip())
    assert peek(text.strip()) == (None if whole is None else (whole.number, whole.whole))


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"])), max_size=4))
def test_cells_have_their_own_checksum_and_no_other(cells: list[str]) -> None:
    assert has_checksum(cells, checksum(cells))
    assert not has_checksum([*cells, "x"], checksum(cells))


# The three-way comparison

VALUES = st.sampled_from([None, "a", "b", "c"])
SAME = merge.same_value(None)


@given(VALUES, VALUES, VALUES)
def test_three_way_laws(base: Any, stored: Any, file: Any) -> None:
    outcome = merge.three_way(base, stored, file, SAME)
    if file == base:
        assert outcome in (Outcome.UNCHANGED, Outcome.KEPT)
    if stored == base and file != base:
        assert outcome is Outcome.CHANGED
    if file == stored:
        assert outcome is Outcome.UNCHANGED
    if file != base and stored != base and file != stored:
        assert outcome is Outcome.CONFLICT


FIELDS = ["notes", "comments", "value_reason", "title"]
SMALL = st.fixed_dictionaries({}, optional={name: st.sampled_from("abc") for name in FIELDS})


@given(SMALL, SMALL, SMALL, st.sampled_from(["", merge.MINE, merge.STORED]))
@example({"notes": "a"}, {"notes": "b"}, {"notes": "c"}, merge.MINE)
def test_merging_laws(
    base: dict[str, Any], stored: dict[str, Any], file: dict[str, Any], chosen: str
) -> None:
    def merged(base: dict[str, Any], stored: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
        cells = [
            merge.compare(
                name,
                name,
                SCHEMAS[ENTRY].fields[name],
                (base.get(name), stored.get(name), file.get(name)),
                chosen=chosen,
            )
            for name in FIELDS
            if file.get(name) != base.get(name)
        ]
        return merge.apply(stored, cells), cells

    result, cells = merged(base, stored)
    touched = {name for name in FIELDS if file.get(name) != base.get(name)}
    for name in FIELDS:
        if name not in touched:
            assert result.get(name) == stored.get(name)
        elif stored.get(name) == base.get(name) or chosen == merge.MINE:
            assert result.get(name) == file.get(name)
        else:
            assert result.get(name) == stored.get(name)
    if not chosen:
        assert any(cell.open for cell in cells) == any(
            stored.get(n) not in (base.get(n), file.get(n)) for n in touched
        )
    # Saved and brought again, the file says nothing new.
    if chosen == merge.MINE:
        again, cells = merged(base, result)
        assert again == result
        assert not any(cell.goes_in for cell in cells)


ROWS = st.dictionaries(
    st.sampled_from(["privacy", "quality", "effort"]),
    st.fixed_dictionaries(
        {}, optional={"rationale": st.sampled_from("abc"), "citation": st.sampled_from("abc")}
    ),
)


@given(ROWS, ROWS, ROWS)
def test_rows_are_never_taken_away(base: Any, stored: Any, edits: Any) -> None:
    spec = SCHEMAS[ENTRY].fields["release_blockers"]
    lists = [[{"kind": kind, **row} for kind, row in rows.items()] for rows in (base, stored)]
    cells = merge.compare_rows(spec, (lists[0], lists[1]), edits, lambda key: merge.MINE)
    result = {row["kind"]: row for row in merge.apply_rows(spec, lists[0], lists[1], cells)}
    assert set(stored) <= set(result)
    for kind, edited_row in edits.items():
        for name, value in edited_row.items():
            if not SAME(value, base.get(kind, {}).get(name)):
                assert result[kind][name] == value
