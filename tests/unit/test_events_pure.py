"""The arithmetic of the history's chain, and that erasing words leaves it whole."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from ckanext.inventory.service import events

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
details = st.dictionaries(st.text(min_size=1), values, min_size=1, max_size=4)


@given(details)
def test_digest_does_not_depend_on_the_order_of_keys(words: dict[str, object]) -> None:
    turned = dict(reversed(list(words.items())))

    assert events.detail_digest("salt", words) == events.detail_digest("salt", turned)


@given(details, st.text(min_size=1))
def test_digest_notices_another_word(words: dict[str, object], extra: str) -> None:
    changed = {**words, "comment": ["another", extra]}
    if changed != words:
        assert events.detail_digest("salt", words) != events.detail_digest("salt", changed)


def test_digest_needs_the_salt_so_that_short_words_cannot_be_guessed() -> None:
    words = {"comment": "no"}

    assert events.detail_digest("one", words) != events.detail_digest("two", words)


def test_canonical_json_keeps_letters_and_knows_dates() -> None:
    text = events.canonical({"b": "Straße", "a": dt.date(2026, 3, 1)})

    assert text == '{"a":"2026-03-01","b":"Straße"}'


def test_start_of_the_chain_is_no_possible_hash_of_something() -> None:
    assert events.START == "0" * 64
