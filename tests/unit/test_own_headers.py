"""Every header that our own workbook writes is understood in a file that lost its hidden column."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ckanext.inventory import fields, vocabularies
from ckanext.inventory.service import translated
from ckanext.inventory.spreadsheets import synonyms
from ckanext.inventory.spreadsheets.headers import Fate, HeaderMap
from ckanext.inventory.spreadsheets.layout import (
    BALL,
    CONFIRMED,
    STATE,
    Layout,
    as_it_is,
    layouts,
)
from ckanext.inventory.spreadsheets.reader import find_table, read
from ckanext.inventory.types import ENTRY, SOURCE

FOLDER = Path(str(fields.__file__)).parents[1] / "schemas"
WORDS = vocabularies.load()
SCHEMAS = {
    name: fields.parse_schema(yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8")), WORDS)
    for name in (ENTRY, SOURCE)
}
SHEETS = layouts(SCHEMAS, WORDS)
READ_ONLY = {STATE, BALL, CONFIRMED}
"""What no file may say: told, and kept out."""


def another_language(text: str) -> str:
    """Translate everything, and nothing into what means something in English."""
    return f"Zz {text}" if text else ""


@pytest.fixture(params=["English", "another language"])
def say(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    monkeypatch.setattr(translated, "sayers", lambda: [another_language])
    monkeypatch.setattr(translated, "schema_for", SCHEMAS.__getitem__)
    return as_it_is if request.param == "English" else another_language


def header_map(package_type: str) -> HeaderMap:
    schema = SCHEMAS[package_type]
    return HeaderMap(schema, translated.understood(synonyms.load(), schema))


def meant(layout: Layout, say: Callable[[str], str]) -> dict[str, tuple[str, Fate]]:
    """Key of each column to what its header is taken for."""
    headers = [say(column.header) + " *" for column in layout.columns]
    numbers = ["PARKS-0001", *["something else" for _ in headers[1:]]]
    written = io.StringIO()
    csv.writer(written).writerows([headers, numbers])
    found = header_map(layout.package_type)
    (sheet,) = read(written.getvalue().encode(), "x.csv").sheets
    table, _ = find_table(sheet, found.score)
    return {
        column.key: (item.target, item.fate)
        for column, item in zip(layout.columns, found.assign(table), strict=True)
    }


@pytest.mark.parametrize("package_type", [ENTRY, SOURCE])
def test_every_header_means_its_field_or_is_expressly_read_only(
    package_type: str, say: Callable[[str], str]
) -> None:
    wanted = {
        column.key: ("", Fate.IGNORED) if column.key in READ_ONLY else (column.key, Fate.USED)
        for column in SHEETS[package_type].columns
    }
    assert meant(SHEETS[package_type], say) == wanted


def test_what_is_read_only_says_why() -> None:
    found = header_map(ENTRY)
    headers = [column.header for column in SHEETS[ENTRY].columns if column.key in READ_ONLY]
    for header in headers:
        assert found.synonyms.ignored[synonyms.squash(header)], header


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("File type", "format"),
        ("Update cycle", "change_frequency"),
        ("Contact person", "steward"),
        ("Contact person e-mail", "steward_email"),
        ("Contact person's e-mail", "steward_email"),
        ("What is it", "notes"),
        ("What is it?", "notes"),
        ("Sensitive?", "contains_sensitive_data"),
    ],
)
def test_headers_of_other_peoples_lists(header: str, field: str) -> None:
    schema = SCHEMAS[ENTRY]
    assert HeaderMap(schema, synonyms.load()).lookup[synonyms.squash(header)] == field
