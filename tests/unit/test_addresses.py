"""Reading pasted addresses."""

from __future__ import annotations

import datetime as dt

import pytest

from ckanext.inventory.service.addresses import NO_ADDRESS, TWO_DEPARTMENTS, read

DEPARTMENTS = {"parks and recreation": "p", "parks": "p", "water": "w"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ana@larkhaven.example", [("ana@larkhaven.example", "", None, "", None)]),
        (
            "Ana Lopes <ana@larkhaven.example>; bo@larkhaven.example",
            [
                ("ana@larkhaven.example", "Ana Lopes", None, "", None),
                ("bo@larkhaven.example", "", None, "", None),
            ],
        ),
        (
            '"Lopes" <ana@larkhaven.example>',
            [("ana@larkhaven.example", "Lopes", None, "", None)],
        ),
        (
            "WATER: ana@larkhaven.example, bo@larkhaven.example",
            [
                ("ana@larkhaven.example", "", "w", "", None),
                ("bo@larkhaven.example", "", "w", "", None),
            ],
        ),
        (
            "Parks and Recreation\tana@larkhaven.example\tForestry\t2027-06-30",
            [("ana@larkhaven.example", "", "p", "Forestry", dt.date(2027, 6, 30))],
        ),
    ],
)
def test_a_line_is_read(line: str, expected: list[tuple[object, ...]]) -> None:
    found = read(line, DEPARTMENTS)
    assert [(o.email, o.name, o.department, o.division, o.until) for o in found] == expected
    assert not any(one.problem for one in found)


def test_lines_with_problems_are_named() -> None:
    found = read("somebody\n\nwater\tana@larkhaven.example\tparks", DEPARTMENTS)
    assert [(one.line, one.problem) for one in found] == [(1, NO_ADDRESS), (3, TWO_DEPARTMENTS)]


def test_an_address_that_stands_twice_counts_once_for_a_department() -> None:
    text = "ana@larkhaven.example\nANA@larkhaven.example\nana@larkhaven.example\twater"
    assert [one.line for one in read(text, DEPARTMENTS)] == [1, 3]
