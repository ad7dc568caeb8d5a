"""How alike two titles are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckanext.inventory.publishing.likeness import likeness, pairs

TITLES = st.text(alphabet="abcdé  0123-", max_size=20)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Street trees", "street  TREES"),
        ("Street-trees", "Street trees"),
        ("Árvores da cidade", "arvores da cidade"),
        ("street_trees", "Street trees"),
    ],
)
def test_case_accents_and_punctuation_make_no_difference(one: str, other: str) -> None:
    assert likeness(one, other) == 1.0


@pytest.mark.parametrize(
    ("one", "other"),
    [("Street trees", "Street tree"), ("Building permits issued", "Buiding permits issued")],
)
def test_a_typing_error_is_forgiven(one: str, other: str) -> None:
    assert 0.6 < likeness(one, other) < 1.0


def test_other_years_are_other_things() -> None:
    assert likeness("Adopted budget 2019", "Adopted budget 2020") < 0.5
    assert likeness("Adopted budget 2019", "Adopted budgets 2019") > 0.7


def test_nothing_is_like_nothing() -> None:
    assert likeness("", "") == 0.0
    assert likeness("…", "Trees") == 0.0


@given(TITLES, TITLES)
def test_it_is_the_same_both_ways(one: str, other: str) -> None:
    assert likeness(one, other) == likeness(other, one)
    assert 0.0 <= likeness(one, other) <= 1.0


@given(st.lists(TITLES, max_size=6), st.lists(TITLES, max_size=6))
def test_many_at_once_are_scored_like_each_pair(ones: list[str], others: list[str]) -> None:
    first = {f"a{i}": title for i, title in enumerate(ones)}
    second = {f"b{i}": title for i, title in enumerate(others)}
    found = {(one, other): score for one, other, score in pairs(first, second, 0.3)}
    expected = {
        (one, other): likeness(first[one], second[other])
        for one in first
        for other in second
        if likeness(first[one], second[other]) >= 0.3
    }
    assert found == expected
