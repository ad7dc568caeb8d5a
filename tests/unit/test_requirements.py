from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ckanext.inventory.fields import parse_schema
from ckanext.inventory.service.requirements import (
    Missing,
    inherited,
    is_sentence,
    missing,
    missing_to_withhold,
)
from ckanext.inventory.types import ENTRY, NOT_KNOWN, SOURCE, Stage
from ckanext.inventory.vocabularies import load, resolve

WORDS = load()
ENTRIES, SOURCES = (
    parse_schema(
        yaml.safe_load(resolve(f"ckanext.inventory:schemas/{name}.yaml").read_text("utf-8")), WORDS
    )
    for name in (ENTRY, SOURCE)
)

SUBMITTED: dict[str, Any] = {
    "title": "Street trees",
    "owner_org": "parks-id",
    "notes": "One row per tree.",
    "source_known": NOT_KNOWN,
    "value": NOT_KNOWN,
    "classification": NOT_KNOWN,
    "blocker_status": NOT_KNOWN,
}
COMPLETE: dict[str, Any] = SUBMITTED | {
    "source_ids": ["2f1d6c64-8f29-4f0b-9d55-2b1f6a5f0c11"],
    "value": "high",
    "classification": "public",
    "blocker_status": "none",
    "category": "energy_and_environment",
    "format": ["gis"],
    "change_frequency": NOT_KNOWN,
    "data_dictionary": "no",
    "existing_etl": "none",
    "existing_publication": ["no"],
    "request_frequency": "none",
    "quality_concern": "none",
    "steward": "Urban forestry",
    "public_contact_name": "Parks desk",
    "public_contact_email": "parks@example.org",
}
REASON = "One column names residents."


def gaps(content: dict[str, Any], stage: Stage, **rest: Any) -> list[Missing]:
    given = {"defaults": {}, "confirmed": None, "reviews": {}, "vocabularies": WORDS}
    return list(missing(rest.pop("schema", ENTRIES), content, stage, **(given | rest)))


def fields(content: dict[str, Any], stage: Stage, **rest: Any) -> list[str]:
    return [gap.field for gap in gaps(content, stage, **rest)]


def without(content: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name not in names}


def approve(content: dict[str, Any] | None = None, **rest: Any) -> list[str]:
    """What approve misses in a complete entry of a confirmed public class, changed as given."""
    return fields(COMPLETE | (content or {}), Stage.APPROVE, **({"confirmed": "public"} | rest))


# --- save and submit


def test_saving_asks_for_title_and_department():
    assert fields({}, Stage.SAVE) == ["title", "owner_org"]


def test_submitting_asks_for_six_more_all_at_once():
    assert fields({}, Stage.SUBMIT) == [
        "title", "owner_org", "notes", "source_ids", "value", "blocker_status", "classification",
    ]  # fmt: skip


def test_not_known_yet_is_an_answer_at_submit():
    assert gaps(SUBMITTED, Stage.SUBMIT) == []


@pytest.mark.parametrize("name", ["title", "notes"])
@pytest.mark.parametrize("empty", [None, "", []])
def test_title_and_description_are_real(name: str, empty: Any):
    assert fields(SUBMITTED | {name: empty}, Stage.SUBMIT) == [name]


def test_a_source_answers_where_it_is_kept():
    linked = without(SUBMITTED, "source_known") | {"source_ids": ["some-id"]}
    assert gaps(linked, Stage.SUBMIT) == []


def test_messages_name_the_field_in_plain_words():
    (gap,) = gaps(without(SUBMITTED, "notes"), Stage.SUBMIT)
    assert gap.message == "“Description” is missing."
    (gap,) = gaps(without(SUBMITTED, "source_known"), Stage.SUBMIT)
    assert gap.message == ("“Source” is missing; “Do you know where it is kept?” would do, too.")


def test_messages_can_be_translated():
    (gap,) = gaps(without(SUBMITTED, "notes"), Stage.SUBMIT)
    portuguese = {"“{label}” is missing.": "Falta “{label}”.", "Description": "Descrição"}
    assert gap.in_words(portuguese.__getitem__) == "Falta “Descrição”."


def test_a_source_of_data_has_its_own_few():
    assert fields({"title": "x", "owner_org": "y"}, Stage.SUBMIT, schema=SOURCES) == [
        "notes", "source_type", "yields", "it_expert", "business_expert", "lifecycle_status",
        "planned_change",
    ]  # fmt: skip
    assert fields({"it_expert_email": "gis@example.org"}, Stage.SUBMIT, schema=SOURCES) == [
        "title", "owner_org", "notes", "source_type", "yields", "business_expert",
        "lifecycle_status", "planned_change",
    ]  # fmt: skip


# --- approve: the fields


def test_a_complete_entry_of_a_public_class_can_be_approved():
    assert approve() == []


def test_approve_asks_for_everything_at_once():
    assert fields(SUBMITTED, Stage.APPROVE) == [
        "category", "format", "change_frequency", "data_dictionary", "steward",
        "public_contact_name", "public_contact_email", "existing_etl", "existing_publication",
        "value", "request_frequency", "quality_concern", "blocker_status", "classification",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["format", "change_frequency", "data_dictionary", "existing_etl", "existing_publication",
     "request_frequency", "category", "quality_concern", "value", "blocker_status", "notes"],
)  # fmt: skip
def test_each_field_of_approve_is_asked_for(name: str):
    assert approve({name: None}) == [name]


@pytest.mark.parametrize("name", ["category", "value", "quality_concern", "blocker_status"])
def test_where_a_real_answer_is_needed(name: str):
    (gap,) = gaps(COMPLETE | {name: NOT_KNOWN}, Stage.APPROVE, confirmed="public")
    assert (gap.field, "real answer" in gap.message) == (name, True)


@pytest.mark.parametrize("name", ["change_frequency", "data_dictionary", "request_frequency"])
def test_where_not_known_yet_still_does(name: str):
    assert approve({name: NOT_KNOWN}) == []


def test_not_known_formats_still_do():
    assert approve({"format": [NOT_KNOWN]}) == []


def test_serious_problems_are_told():
    assert approve({"quality_concern": "major"}) == ["quality_notes"]
    assert approve({"quality_concern": "major", "quality_notes": "n/a"}) == ["quality_notes"]
    assert approve({"quality_concern": "major", "quality_notes": "Gaps before 2019"}) == []


@pytest.mark.parametrize("name", ["steward", "steward_email"])
def test_one_of_the_two_is_enough_for_a_steward(name: str):
    alone = without(COMPLETE, "steward") | {name: "forestry@example.org"}
    assert gaps(alone, Stage.APPROVE, confirmed="public") == []


# --- the department's defaults


DEFAULTS = {
    "steward": "Parks office",
    "steward_email": None,
    "public_contact_name": "City desk",
    "public_contact_email": "desk@example.org",
    "license_id": "cc-by",
}


def test_defaults_answer_for_an_entry_without_values():
    bare = without(COMPLETE, "steward", "public_contact_name", "public_contact_email")
    assert fields(bare, Stage.APPROVE, confirmed="public") == [
        "steward", "public_contact_name", "public_contact_email",
    ]  # fmt: skip
    assert gaps(bare, Stage.APPROVE, confirmed="public", defaults=DEFAULTS) == []
    assert inherited(ENTRIES, bare, DEFAULTS) == {k: v for k, v in DEFAULTS.items() if v}


def test_what_belongs_together_is_inherited_together():
    own = {"public_contact_name": "Zoo", "steward_email": "zoo@example.org"}
    assert inherited(ENTRIES, own, DEFAULTS) == {"license_id": "cc-by"}
    zoo = without(COMPLETE, "public_contact_email")
    assert fields(zoo, Stage.APPROVE, confirmed="public", defaults=DEFAULTS) == [
        "public_contact_email"
    ]


def test_a_source_inherits_nothing():
    assert inherited(SOURCES, {}, DEFAULTS) == {}


# --- approve: classification, justification, reviews


@pytest.mark.parametrize("confirmed", [None, NOT_KNOWN])
def test_the_class_must_be_confirmed(confirmed: str | None):
    assert approve(confirmed=confirmed) == ["classification"]


def test_a_level_that_is_never_released():
    assert approve(confirmed="restricted") == ["classification"]


def test_a_level_that_was_dropped():
    assert approve(confirmed="gone") == ["classification"]


def test_the_confirmed_class_counts_not_the_proposed_one():
    assert approve({"classification": "restricted"}, confirmed="public") == []
    assert "release_justification" in approve({"classification": "public"}, confirmed="internal")


GOOD = {"release_justification": "Nothing in it is secret."}


def test_a_level_with_review_needs_justification_and_its_default_reviews():
    assert approve(confirmed="internal") == ["reviews_needed", "release_justification"]
    assert approve(GOOD, confirmed="internal", reviews={"security": "passed"}) == []


@pytest.mark.parametrize("text", ["", "NA", "None.", "Fine", "open"])
def test_a_justification_is_a_sentence(text: str):
    reviews = {"security": "passed"}
    content = {"release_justification": text}
    assert approve(content, confirmed="internal", reviews=reviews) == ["release_justification"]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("passed", []),
        ("passed_with_conditions", []),
        ("failed", ["reviews_needed"]),
        (None, ["reviews_needed"]),
    ],
)
def test_the_latest_outcome_of_each_review_counts(outcome: str | None, expected: list[str]):
    reviews = {"legal": outcome} if outcome else {}
    content = GOOD | {"reviews_needed": ["legal"]}
    assert approve(content, confirmed="internal", reviews=reviews) == expected


def test_each_open_review_is_named():
    content = COMPLETE | GOOD | {"reviews_needed": ["privacy", "legal", "technical"]}
    found = gaps(content, Stage.APPROVE, confirmed="internal", reviews={"legal": "failed"})
    assert [gap.message for gap in found] == [
        "The review “Privacy” has not been done.",
        "The review “Legal” has not been passed.",
        "The review “Technical” has not been done.",
    ]


@pytest.mark.parametrize("reviews_needed", [["none"], [NOT_KNOWN]])
def test_a_level_with_review_needs_at_least_one_kind(reviews_needed: list[str]):
    content = GOOD | {"reviews_needed": reviews_needed}
    assert set(approve(content, confirmed="internal")) == {"reviews_needed"}


def test_a_public_class_needs_no_review():
    assert approve({"reviews_needed": ["none"]}) == []
    assert approve({"reviews_needed": [NOT_KNOWN]}) == ["reviews_needed"]


def test_a_review_that_somebody_asked_for_is_waited_for():
    assert approve({"reviews_needed": ["privacy"]}) == ["reviews_needed"]


TREATED = GOOD | {
    "contains_sensitive_data": "yes_can_be_treated",
    "sensitive_data_comments": "Leave two columns out.",
}
PASSED = {"privacy": "passed", "legal": "passed"}


def test_treatment_is_asked_for_with_words():
    assert approve(TREATED, confirmed="protected", reviews=PASSED) == []
    for answer in ("no", "yes"):
        content = TREATED | {"contains_sensitive_data": answer}
        found = approve(content, confirmed="protected", reviews=PASSED)
        assert found == ["contains_sensitive_data"]
    for text in (None, "tbd"):
        content = TREATED | {"sensitive_data_comments": text}
        found = approve(content, confirmed="protected", reviews=PASSED)
        assert set(found) == {"sensitive_data_comments"}


# --- approve: blockers


def blocked(**row: Any) -> dict[str, Any]:
    whole = {"kind": "quality", "rationale": REASON, "status": "resolved"} | row
    return {"blocker_status": "some", "release_blockers": [whole]}


def test_a_settled_blocker_does_not_bar():
    assert approve(blocked()) == []
    assert approve(blocked(status="waived", status_reason="Marked in the data.")) == []


@pytest.mark.parametrize("status", ["open", NOT_KNOWN, None])
def test_an_open_blocker_bars(status: str | None):
    assert approve(blocked(status=status)) == ["release_blockers"]


def test_an_open_row_bars_whatever_the_answer_says():
    content = blocked(status="open") | {"blocker_status": "none"}
    assert approve(content) == ["release_blockers"]


def test_a_waiver_has_a_reason():
    assert approve(blocked(status="waived")) == ["release_blockers"]


@pytest.mark.parametrize("text", [None, "NA", "None.", "Open", "Privacy", "...", "n/a"])
def test_a_rationale_is_a_sentence(text: str | None):
    assert approve(blocked(rationale=text)) == ["release_blockers"]


def test_some_without_rows_names_none():
    assert approve({"blocker_status": "some"}) == ["release_blockers"]


def test_each_blocker_is_named():
    rows = [
        {"kind": "privacy", "rationale": REASON, "status": "open"},
        {"kind": "contract", "rationale": "NA", "status": "open"},
    ]
    content = COMPLETE | {"blocker_status": "some", "release_blockers": rows}
    content |= {"contains_sensitive_data": "no"}
    assert [gap.message for gap in gaps(content, Stage.APPROVE, confirmed="public")] == [
        "Privacy: still open. It must be resolved, or waived with a reason.",
        "Contract: say in a sentence why this stands in the way.",
        "Contract: still open. It must be resolved, or waived with a reason.",
    ]


def test_what_follows_from_a_blocker_asks_for_a_comment():
    assert approve(blocked(kind="privacy")) == ["sensitive_data_comments"]
    told = blocked(kind="privacy") | {"sensitive_data_comments": "The column was left out."}
    assert approve(told) == []


def test_one_open_question_is_asked_once():
    assert approve({"blocker_status": NOT_KNOWN}) == ["blocker_status"]
    asked = approve({"contains_sensitive_data": NOT_KNOWN})
    assert asked == ["contains_sensitive_data"]


def test_it_is_said_who_can_do_something_about_it():
    content = without(SUBMITTED, "classification") | blocked(status="open", rationale="NA")
    by = {(gap.field, str(gap.by)) for gap in gaps(content, Stage.APPROVE)}
    assert ("category", "department") in by
    assert {("classification", "department"), ("classification", "reviewer")} <= by
    assert {("release_blockers", "department"), ("release_blockers", "reviewer")} <= by
    waiting = gaps(COMPLETE | {"classification": "internal"}, Stage.APPROVE)
    assert {str(gap.by) for gap in waiting} == {"reviewer"}


# --- promote


def test_promote_asks_for_the_licence_only():
    assert fields({}, Stage.PROMOTE) == ["license_id"]
    assert fields({}, Stage.PROMOTE, defaults=DEFAULTS) == []
    assert fields({"license_id": "cc-zero"}, Stage.PROMOTE) == []


# --- withhold


def test_withholding_needs_an_open_blocker_that_justifies_it():
    good = {"kind": "privacy", "rationale": REASON, "status": "open"}
    assert missing_to_withhold([good], WORDS) == ()
    for row in (
        good | {"kind": "quality"},
        good | {"kind": "other"},
        good | {"status": "waived"},
        good | {"rationale": "NA"},
    ):
        (gap,) = missing_to_withhold([row], WORDS)
        assert gap.field == "release_blockers"
    assert "Not now" in missing_to_withhold([], WORDS)[0].message


# --- sentences


@pytest.mark.parametrize(
    "text", ["Names of residents.", "HIPAA applies", "个人信息不能公开", "Lei 12.527 proíbe"]
)
def test_sentences(text: str):
    assert is_sentence(text, WORDS)


@pytest.mark.parametrize("text", ["", " ", "x", "Confidential", "1 2 3", "See above", "?!"])
def test_what_is_none(text: str):
    assert not is_sentence(text, WORDS)


# --- laws

CONTENTS = st.fixed_dictionaries(
    {},
    optional={name: st.sampled_from([value, NOT_KNOWN, None]) for name, value in COMPLETE.items()},
)


@given(CONTENTS)
def test_a_stage_asks_for_all_that_the_stages_before_it_ask_for(content: dict[str, Any]):
    saved, submitted, approved = (
        {gap.message for gap in gaps(content, stage)}
        for stage in (Stage.SAVE, Stage.SUBMIT, Stage.APPROVE)
    )
    assert saved <= submitted <= approved


@given(CONTENTS, st.sampled_from(sorted(COMPLETE)))
def test_filling_a_field_in_never_adds_to_what_is_missing(content: dict[str, Any], name: str):
    before = {gap.field for gap in gaps(content, Stage.APPROVE, confirmed="public")}
    filled = content | {name: COMPLETE[name]}
    after = {gap.field for gap in gaps(filled, Stage.APPROVE, confirmed="public")}
    assert after <= before | {"contains_sensitive_data", "sensitive_data_comments"}
