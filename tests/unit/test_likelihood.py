from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckanext.inventory.service.likelihood import (
    _facts,
    derived_sensitivity,
    effective_classification,
    likelihood,
)
from ckanext.inventory.vocabularies import COMPUTED_FACTS, load

WORDS = load()

LIKELY = {
    "classification": "public",
    "blocker_status": "none",
    "quality_concern": "minor",
    "existing_etl": "scheduled_export",
    "existing_publication": ["website"],
}


def value(content: dict[str, Any], confirmed: str | None = None) -> str:
    return likelihood(content, confirmed, WORDS)[0]


def reasons(content: dict[str, Any], confirmed: str | None = None) -> list[str]:
    return [f"{r.sign} {r.text}" for r in likelihood(content, confirmed, WORDS)[1]]


def blocked(*kinds: str, status: str = "open", **rest: Any) -> dict[str, Any]:
    rows = [{"kind": kind, "status": status} for kind in kinds]
    return LIKELY | {"blocker_status": "some", "release_blockers": rows} | rest


@pytest.mark.parametrize(
    ("content", "confirmed", "expected"),
    [
        ({}, None, "unknown"),
        (LIKELY, None, "likely"),
        (LIKELY, "public", "likely"),
        (LIKELY, "restricted", "unlikely"),
        (LIKELY, "internal", "possible"),
        (LIKELY, "protected", "unlikely"),
        (LIKELY | {"contains_sensitive_data": "yes_can_be_treated"}, "protected", "possible"),
        (LIKELY | {"classification": "not_known_yet"}, None, "unknown"),
        (LIKELY | {"classification": "restricted"}, "public", "likely"),
        (LIKELY | {"blocker_status": "not_known_yet"}, None, "unknown"),
        (LIKELY | {"blocker_status": "some"}, None, "unknown"),
        (LIKELY | {"quality_concern": "major"}, None, "possible"),
        (LIKELY | {"existing_etl": "none"}, None, "possible"),
        (blocked("privacy"), None, "unlikely"),
        (blocked("privacy", contains_sensitive_data="yes_can_be_treated"), None, "possible"),
        (blocked("contract"), "public", "unlikely"),
        (blocked("quality"), None, "possible"),
        (blocked("effort", "quality"), None, "possible"),
        (blocked("effort", "ownership"), None, "unlikely"),
        (blocked("other"), None, "unknown"),
        (blocked("not_known_yet"), None, "unknown"),
        (blocked("privacy", status="waived"), None, "likely"),
        (blocked("privacy", status="resolved"), None, "likely"),
        (blocked("privacy", status="not_known_yet"), None, "unlikely"),
        ({"classification": "restricted"}, None, "unlikely"),
    ],
)
def test_the_table(content: dict[str, Any], confirmed: str | None, expected: str):
    assert value(content, confirmed) == expected


def test_every_reason_is_shown_with_its_sign():
    assert reasons(LIKELY | {"quality_concern": "major"}, "internal") == [
        "- Its level goes out only after a review.",
        "+ A reviewer has confirmed the classification.",
        "+ Nobody sees a reason against it.",
        "- The data have serious problems.",
        "+ It gets out of its system by itself.",
        "+ People can see it already.",
    ]


CONTENTS = st.fixed_dictionaries(
    {},
    optional={
        "classification": st.sampled_from(sorted(WORDS.values("classification"))),
        "blocker_status": st.sampled_from(sorted(WORDS.values("blocker_status"))),
        "quality_concern": st.sampled_from(sorted(WORDS.values("quality_concern"))),
        "existing_etl": st.sampled_from(sorted(WORDS.values("existing_etl"))),
        "contains_sensitive_data": st.sampled_from(sorted(WORDS.values("contains_sensitive_data"))),
        "release_blockers": st.lists(
            st.fixed_dictionaries(
                {
                    "kind": st.sampled_from(sorted(WORDS.values("blocker_kind"))),
                    "status": st.sampled_from(sorted(WORDS.values("blocker_row_status"))),
                }
            ),
            unique_by=lambda row: row["kind"],
        ),
    },
)
CONFIRMED = st.none() | st.sampled_from(sorted(WORDS.values("classification")))


@given(CONTENTS, CONFIRMED)
def test_there_is_always_a_reason_for_the_value(content: dict[str, Any], confirmed: str | None):
    found, why = likelihood(content, confirmed, WORDS)
    assert found in WORDS.values("likelihood")
    assert why
    assert any(reason.sign == ("+" if found == "likely" else "-") for reason in why)


@given(CONTENTS, CONFIRMED)
def test_what_justifies_withholding_is_never_likely(content: dict[str, Any], confirmed: str | None):
    justifying = [
        row
        for row in content.get("release_blockers", [])
        if WORDS.blocker_kinds[row["kind"]].justifies_withholding
        and row["status"] in ("open", "not_known_yet")
    ]
    if justifying:
        assert value(content, confirmed) != "likely"


def test_the_rules_ask_for_what_is_worked_out():
    assert set(_facts({}, None, WORDS)) == COMPUTED_FACTS


# --- the class that counts


@pytest.mark.parametrize(
    ("proposed", "confirmed", "counts"),
    [
        (None, None, None),
        ("internal", None, "internal"),
        ("internal", "public", "public"),
        (None, "public", "public"),
        ("internal", "not_known_yet", "internal"),
        ("not_known_yet", None, "not_known_yet"),
    ],
)
def test_a_confirmed_class_counts(proposed: str | None, confirmed: str | None, counts: str | None):
    assert effective_classification({"classification": proposed}, confirmed) == counts


# --- sensitive data


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({}, None),
        ({"blocker_status": "none"}, "no"),
        ({"blocker_status": "not_known_yet"}, "not_known_yet"),
        ({"blocker_status": "some"}, "no"),
        ({"blocker_status": "some", "release_blockers": [{"kind": "privacy"}]}, "yes"),
        ({"blocker_status": "some", "release_blockers": [{"kind": "legal"}]}, "yes"),
        ({"blocker_status": "some", "release_blockers": [{"kind": "security"}]}, "yes"),
        ({"blocker_status": "some", "release_blockers": [{"kind": "effort"}]}, "no"),
        ({"blocker_status": "some", "contains_sensitive_data": "yes_can_be_treated"},
         "yes_can_be_treated"),
        ({"blocker_status": "none", "contains_sensitive_data": "yes"}, "yes"),
    ],
)  # fmt: skip
def test_sensitivity_follows_unless_answered(content: dict[str, Any], expected: str | None):
    assert derived_sensitivity(content, WORDS) == expected
