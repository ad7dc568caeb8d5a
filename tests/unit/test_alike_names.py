"""Names that may mean the same record: what is nearly the same, what is akin, what is another one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckanext.inventory.spreadsheets.planning import alike
from ckanext.inventory.spreadsheets.planning.alike import Grade, Names
from ckanext.inventory.spreadsheets.planning.known import Ref

SAME, NEARLY, AKIN = Grade.SAME, Grade.NEARLY, Grade.AKIN


def names(*titles: str) -> Names:
    return Names(Ref(title, title, title) for title in titles)


def best(there: str, title: str) -> Grade | None:
    return next((grade for grade, _ref in names(there).find(title)), None)


@pytest.mark.parametrize(
    ("there", "title", "grade"),
    [
        ("Trees", " trees ", SAME),
        ("Street trees", "Street  Trees", SAME),
        ("Street trees", "Trees, street", NEARLY),
        ("Street trees", "Street-Tree", NEARLY),
        ("Bench", "Benches", NEARLY),
        ("Facility", "Facilities", NEARLY),
        ("Café licences", "Cafe licence", NEARLY),
        ("Inspections", "Inspectoins", NEARLY),
        ("Food inspections", "Food inspectons", NEARLY),
        ("Food inspections 2025", "Food inspektions 2025", NEARLY),
        ("Street trees", "Street trees inventory", AKIN),
        ("Building permits issued", "Building permits", AKIN),
        ("Permits", "Building permits", None),
        ("Building permits", "Permits", None),
        ("Road signs", "Load signs", None),
        ("Budget 2025", "Budget 2026", None),
        ("City budget 2025", "City budget", None),
        ("Female births", "Male births", None),
        ("Tree inventory", "Bench inventory", None),
        ("Trees", "Lamps", None),
        ("Street trees inventory", "Street inspections", None),
    ],
)
def test_how_alike_two_names_are(there: str, title: str, grade: Grade | None) -> None:
    assert best(there, title) == grade


def test_the_most_alike_comes_first() -> None:
    there = names("Street trees map", "Tree street", "Street trees", "Street tress")
    found = [(grade, ref.title) for grade, ref in there.find("street TREES")]
    assert [grade for grade, _ in found] == sorted(grade for grade, _ in found)
    assert found[:2] == [(SAME, "Street trees"), (NEARLY, "Tree street")]
    assert found[-1] == (AKIN, "Street trees map")


def test_of_many_names_a_slip_is_found_as_of_few() -> None:
    many = [f"{chr(97 + a)}{chr(97 + b)}ntory register" for a in range(26) for b in range(4)]
    there = names(*many, "Inventory register")
    found = [ref.title for _grade, ref in there.find("Invnetory register")]
    assert "Inventory register" in found
    assert len(many) > alike.FEW


LETTERS = st.text(alphabet="abcd", min_size=1, max_size=8)


def distance(one: str, other: str) -> int:
    """The number of slips between two words (optimal string alignment), the slow way."""
    rows = [[i + j if not i * j else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            cost = one[i - 1] != other[j - 1]
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + cost)
            swapped = i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]
            if swapped:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


@given(LETTERS, LETTERS)
def test_a_slip_is_one_step_of_spelling(one: str, other: str) -> None:
    long_enough = max(len(one), len(other)) >= alike.SHORT_WORD
    assert alike.is_slip(one, other) == (long_enough and distance(one, other) == 1)
    assert alike.is_slip(one, other) == alike.is_slip(other, one)


@given(st.lists(LETTERS, min_size=20, max_size=60, unique=True), LETTERS)
def test_the_index_of_slips_finds_what_comparing_one_by_one_finds(
    words: list[str], word: str
) -> None:
    there = Names(Ref(one, one, f"{one} register") for one in words)
    found = {ref.id for grade, ref in there.find(f"{word} register") if grade is NEARLY}
    stem = alike.essence(f"{word} register")
    for one in words:
        other = alike.essence(f"{one} register")
        if len(set(stem) ^ set(other)) == 2 and one not in found:
            left = (set(stem) - set(other)).pop()
            right = (set(other) - set(stem)).pop()
            twins = [two for two in words if alike.essence(f"{two} register") == other]
            assert not alike.is_slip(left, right) or twins[0] in found
