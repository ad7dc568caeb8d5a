from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckanext.inventory.fields import FieldSpec
from ckanext.inventory.values import BadValue, clean, clean_text
from ckanext.inventory.vocabularies import load

VOCABULARIES = load()


def spec(kind: str, **rest: object) -> FieldSpec:
    return FieldSpec(name="field", label="Field", kind=kind, **rest)  # type: ignore[arg-type]  # any keyword of the field


def cleaned(kind: str, value: object, **rest: object) -> object:
    return clean(spec(kind, **rest), value, VOCABULARIES)


# --- text


@given(st.text())
def test_cleaning_text_twice_changes_nothing(text: str):
    try:
        once = clean_text(text)
    except BadValue:
        return
    assert clean_text(once) == once
    assert "\r" not in once


def test_crlf_becomes_lf_and_outer_space_goes():
    assert clean_text(" \r\none\r\n\ttwo \n") == "one\n\ttwo"


@pytest.mark.parametrize("text", ["a\x00b", "a\x07b", "a\rb", "a\x1fb", "a\x0bb", "a\ud800b"])
def test_control_characters_are_refused(text: str):
    with pytest.raises(BadValue, match="control character"):
        clean_text(text)


def test_length_is_counted_after_trimming():
    assert len(clean_text(" " + "x" * 32_000 + " ")) == 32_000
    with pytest.raises(BadValue, match="32,001 characters, at most 32,000"):
        clean_text("x" * 32_001)


def test_numbers_are_texts_but_truth_values_and_lists_are_not():
    assert clean_text(12) == "12"
    for value in (True, [], {}, None):
        with pytest.raises(BadValue):
            clean_text(value)


@pytest.mark.parametrize("kind", ["text", "long_text", "markdown", "license"])
def test_blank_text_is_nothing(kind: str):
    assert cleaned(kind, " \n ") is None


def test_nothing_stays_nothing():
    assert cleaned("choice", None, vocabulary="value") is None


def test_a_field_may_be_shorter():
    with pytest.raises(BadValue, match="at most 200"):
        cleaned("text", "x" * 201, max_length=200)


# --- choices


def test_a_choice_is_stored_by_its_value_only():
    assert cleaned("choice", " high ", vocabulary="value") == "high"
    with pytest.raises(BadValue, match="“High” is none of the values"):
        cleaned("choice", "High", vocabulary="value")


def test_ticked_values_stand_in_the_order_of_the_list_and_once():
    assert cleaned("choices", ["gis", "paper", "gis", ""], vocabulary="format") == ["gis", "paper"]
    assert cleaned("choices", "paper", vocabulary="format") == ["paper"]
    assert cleaned("choices", [], vocabulary="format") is None


@pytest.mark.parametrize(
    ("vocabulary", "alone", "other"),
    [
        ("existing_publication", "no", "website"),
        ("existing_publication", "not_known_yet", "website"),
        ("reviews_needed", "none", "privacy"),
        ("format", "not_known_yet", "gis"),
    ],
)
def test_no_none_and_not_known_exclude_the_others(vocabulary: str, alone: str, other: str):
    assert cleaned("choices", [alone], vocabulary=vocabulary) == [alone]
    with pytest.raises(BadValue, match="can't be chosen together"):
        cleaned("choices", [alone, other], vocabulary=vocabulary)


def test_an_unknown_ticked_value_is_named():
    with pytest.raises(BadValue, match="“floppy disk”"):
        cleaned("choices", ["gis", "floppy disk"], vocabulary="format")


# --- lists


def test_a_typed_list_is_split_at_its_separators():
    assert cleaned("list", "trees, parks; water|trees\nice", separators=",;|") == [
        "trees",
        "parks",
        "water",
        "ice",
    ]
    assert cleaned("list", "Parks, Recreation\nWater") == ["Parks, Recreation", "Water"]


def test_items_of_a_real_list_are_kept_whole():
    assert cleaned("list", ["a, b", " ", "c"], separators=",") == ["a, b", "c"]


def test_a_list_has_a_limit_as_a_whole():
    with pytest.raises(BadValue, match="too long"):
        cleaned("list", ["x" * 20_000, "y" * 20_000])


@pytest.mark.parametrize("value", [{"a": 1}, 7, [["nested"]]])
def test_a_list_of_anything_else_is_refused(value: object):
    with pytest.raises(BadValue):
        cleaned("list", value)


# --- links, mail, numbers, dates


@pytest.mark.parametrize(
    "url", ["https://data.example.org/a?b=c#d", "http://example.org", "ftp://files.example.org/x"]
)
def test_links(url: str):
    assert cleaned("url", url) == url
    assert cleaned("url_list", f"{url}\n{url}") == [url]


@pytest.mark.parametrize(
    "text",
    ["javascript:alert(1)", "data.example.org", "Internal", "N/A", "http://", "http://a b.org",
     "https://example.org/ two", "mailto:desk@example.org", "http://[", 'http://a.org/"onclick='],
)  # fmt: skip
def test_what_is_no_link_is_refused(text: str):
    with pytest.raises(BadValue, match="is no link"):
        cleaned("url", text)
    with pytest.raises(BadValue, match="is no link"):
        cleaned("url_list", ["https://example.org", text])


def test_a_link_has_a_limit():
    with pytest.raises(BadValue, match="too long"):
        cleaned("url", "https://example.org/" + "x" * 2_000)


def test_mail_addresses():
    assert cleaned("email", " desk@parks.example.org ") == "desk@parks.example.org"
    for text in ("desk", "desk@example", "a b@example.org", "a@b@example.org", "x@.org"):
        with pytest.raises(BadValue, match="no e-mail address"):
            cleaned("email", text)


@pytest.mark.parametrize(("value", "number"), [(0, 0), ("12", 12), (12.0, 12), (" 7 ", 7)])
def test_whole_numbers(value: object, number: int):
    assert cleaned("integer", value) == number


@pytest.mark.parametrize("value", [-1, 1.5, "many", "1e3", True, "99999999999"])
def test_what_is_no_whole_number_is_refused(value: object):
    with pytest.raises(BadValue):
        cleaned("integer", value)


def test_a_date_is_a_day():
    assert cleaned("date", "2027-06-30") == "2027-06-30"
    for text in ("2027-06", "2027-02-30", "30.6.2027", "20270630", "2027-W01-1"):
        with pytest.raises(BadValue, match="is no date"):
            cleaned("date", text)


def test_a_partial_date_keeps_its_precision():
    for text in ("2027", "2027-06", "2027-06-30"):
        assert cleaned("partial_date", text) == text
    with pytest.raises(BadValue, match=r"“00:00\.0” is no date"):
        cleaned("partial_date", "00:00.0")


def test_languages_have_two_letters():
    assert cleaned("language", "EN, es", separators=", ") == ["en", "es"]
    with pytest.raises(BadValue, match="“english” is no language"):
        cleaned("language", ["english"])


# --- records


def test_a_source_is_named_by_its_id():
    known = "2f1d6c64-8f29-4f0b-9d55-2b1f6a5f0c11"
    assert cleaned("source_list", [known, known]) == [known]
    assert cleaned("entry", known) == known
    for text in ("PARKS-S003", "inventory-abc", known.upper()):
        with pytest.raises(BadValue, match="no record's id"):
            cleaned("source_list", [text])


def test_an_empty_cell_of_a_row_takes_its_default():
    assert cleaned("choice", "", vocabulary="blocker_row_status", default="open") == "open"


@pytest.mark.parametrize("kind", ["text", "choice", "choices", "list", "url", "email", "date",
                                  "partial_date", "integer", "language", "entry", "source_list"])  # fmt: skip
@given(value=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_any_value_is_cleaned_once_or_refused(kind: str, value: object):
    field = spec(kind, vocabulary="format" if kind.startswith("choice") else None)
    try:
        once = clean(field, value, VOCABULARIES)
    except BadValue:
        return
    assert clean(field, once, VOCABULARIES) == once
