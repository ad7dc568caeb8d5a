from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ckanext.inventory import vocabularies
from ckanext.inventory.types import NOT_KNOWN
from ckanext.inventory.vocabularies import VocabularyProblem, load, normalise, parse, resolve

SHIPPED: dict[str, Any] = yaml.safe_load(resolve(vocabularies.DEFAULT_PATH).read_text("utf-8"))
WORDS = load()


@pytest.fixture
def raw() -> dict[str, Any]:
    return copy.deepcopy(SHIPPED)


def problems(raw: Any) -> dict[str, str]:
    with pytest.raises(VocabularyProblem) as caught:
        parse(raw, "city.yaml")
    assert "city.yaml" in str(caught.value)
    return dict(caught.value.problems)


# --- the shipped lists


VALUES = {
    "category": "city_infrastructure city_management_and_ethics culture_and_recreation "
    "economy_and_community energy_and_environment finance public_safety transportation health "
    "education other not_known_yet",
    "format": "spreadsheet csv_or_text desktop_database database gis document image_or_scan "
    "web_application business_application api paper other not_known_yet",
    "change_frequency": "real_time hourly daily weekly twice_a_month monthly every_two_months "
    "quarterly every_four_months twice_a_year yearly every_two_years as_needed static "
    "not_known_yet",
    "value": "high medium low not_known_yet",
    "classification": "public public_on_request internal sensitive protected restricted "
    "not_known_yet",
    "blocker_kind": "privacy legal contract security quality effort ownership other not_known_yet",
    "blocker_detail": "personal_information health_information education_records personnel "
    "law_enforcement legal_or_contractual deliberative_or_draft commercial_or_trade_secret "
    "security_infrastructure data_quality redaction_burden system_or_staffing "
    "third_party_or_licence",
    "blocker_row_status": "open resolved waived not_known_yet",
    "likelihood": "unlikely unknown possible likely",
    "source_known": "linked described no_system not_known_yet",
    "data_dictionary": "yes partial no not_known_yet",
    "existing_etl": "none manual_export scheduled_export api_or_service not_known_yet",
    "existing_publication": "no report_or_document website council_docket open_data_portal "
    "on_request internal_only not_known_yet",
    "request_frequency": "none occasional frequent not_known_yet",
    "quality_concern": "none minor major not_known_yet",
    "blocker_status": "none some not_known_yet",
    "contains_sensitive_data": "no yes yes_can_be_treated not_known_yet",
    "reviews_needed": "privacy security legal technical none not_known_yet",
    "review_outcome": "passed passed_with_conditions failed",
    "triage": "worth_detailing later not_a_dataset",
    "listing": "not_known_yet allowed never",
    "retire_reason": "merged_into_other duplicate no_longer_kept not_a_dataset out_of_scope "
    "other not_known_yet",
    "why_listed": "quick_start_list city_goals department_mission records_requests "
    "performance_budgeting legislative_reports grant_reports measurement_or_service "
    "lists_charts_maps other not_known_yet",
    "source_type": "spreadsheet desktop_database database business_application web_application "
    "gis_server document_store shared_drive vendor_service sensor_or_device paper other "
    "not_known_yet",
    "hosting": "city_server desktop_or_drive vendor_hosted other_agency not_known_yet",
    "planned_change": "none upgrade replacement retirement not_known_yet",
    "yields": "one several none not_known_yet",
    "lifecycle_status": "in_use being_replaced read_only switched_off not_known_yet",
}


@pytest.mark.parametrize("name", VALUES)
def test_a_list_has_exactly_these_values(name: str):
    assert [choice.value for choice in WORDS.choices(name)] == VALUES[name].split()


def test_every_choice_has_a_label():
    assert all(c.label for choices in WORDS.lists.values() for c in choices)


LEVELS = {  # release, needs a justification, in the directory
    "public": ("direct", False, True),
    "public_on_request": ("review", True, True),
    "internal": ("review", True, True),
    "sensitive": ("review_and_treatment", True, True),
    "protected": ("review_and_treatment", True, True),
    "restricted": ("never", False, False),
    "not_known_yet": ("cannot", False, False),
}


@pytest.mark.parametrize("value", LEVELS)
def test_levels(value: str):
    level = WORDS.levels[value]
    assert (level.release, level.needs_justification, level.in_directory) == LEVELS[value]
    assert level.releasable is (level.release not in ("never", "cannot"))


def test_a_level_with_review_names_a_review_by_default():
    for level in WORDS.levels.values():
        if "review" in level.release:
            assert set(level.default_reviews) & WORDS.values("review_kind")


def test_what_justifies_withholding():
    justifying = {k.value for k in WORDS.blocker_kinds.values() if k.justifies_withholding}
    assert justifying == {"privacy", "legal", "contract", "security", "ownership"}
    sensitive = {k.value for k in WORDS.blocker_kinds.values() if k.sensitive}
    assert sensitive == {"privacy", "legal", "security"}


def test_every_detail_is_offered_by_a_kind():
    offered = {detail for kind in WORDS.blocker_kinds.values() for detail in kind.details}
    assert offered == WORDS.values("blocker_detail")


def test_frequencies_have_an_interval():
    intervals = {c.value: c.iso8601 for c in WORDS.choices("change_frequency")}
    assert intervals["twice_a_month"] == "R/P0.5M"
    assert intervals["yearly"] == "R/P1Y"
    assert {v for v, interval in intervals.items() if not interval} == {"static", "not_known_yet"}


def test_nine_prompts():
    assert len(WORDS.prompts()) == 9
    assert all(prompt.guide.endswith("?") for prompt in WORDS.prompts())


# --- what cells mean


@pytest.mark.parametrize(
    ("name", "cell", "value"),
    [
        ("change_frequency", "Real-Time/Near Real-Time", "real_time"),
        ("change_frequency", "Biennially", "every_two_years"),
        ("change_frequency", " DIÁRIA ", "daily"),
        ("change_frequency", "quadrimestral", "every_four_months"),
        ("change_frequency", "nenhuma", "static"),
        ("change_frequency", "a definir", NOT_KNOWN),
        ("request_frequency", "Frequent Request", "frequent"),
        ("request_frequency", "Frequent Requests", "frequent"),
        ("request_frequency", "No Requests", "none"),
        ("classification", "Open", "public"),
        ("classification", "Level 0", "public"),
        ("classification", "Public Not Proactively Released", "public_on_request"),
        ("classification", "For District Government Use", "internal"),
        ("classification", "Confidential", "protected"),
        ("classification", "Level 4", "restricted"),
        ("contains_sensitive_data", "Sim", "yes"),
        ("contains_sensitive_data", "Não", "no"),
        ("existing_publication", "True", "open_data_portal"),
        ("quality_concern", "None", "none"),
        ("category", "Public Safety", "public_safety"),
        ("category", "Unknown", NOT_KNOWN),
        ("category", "NULL", ""),
        ("category", "N/A", ""),
        ("change_frequency", "00:00.0", ""),
        ("value", "2", None),
        ("contains_sensitive_data", "Dados sensíveis", None),
    ],
)
def test_cells_are_matched(name: str, cell: str, value: str | None):
    assert WORDS.match(name, cell) == value


@pytest.mark.parametrize("name", WORDS.lists)
def test_values_and_labels_match_themselves(name: str):
    for choice in WORDS.choices(name):
        assert WORDS.match(name, choice.value) == choice.value
        assert WORDS.match(name, choice.label.upper()) == choice.value


def test_no_synonym_means_two_things():
    for name, choices in WORDS.lists.items():
        seen: dict[str, str] = {}
        for choice in choices:
            for text in (choice.value, choice.label, *choice.synonyms):
                assert seen.setdefault(normalise(text), choice.value) == choice.value, (name, text)


@given(st.text())
def test_case_accents_and_punctuation_do_not_count(text: str):
    assert normalise(f" -{text}* ") == normalise(text) == normalise(text.casefold())


@pytest.mark.parametrize("text", ["NA", "None.", "Open", " n/a ", "TBD", "See above."])
def test_placeholders(text: str):
    assert WORDS.is_placeholder(text)


def test_a_reason_is_no_placeholder():
    assert not WORDS.is_placeholder("Open records law, section 2")


# --- a city's own file


def test_a_city_may_change_lists_and_labels(raw: dict[str, Any]):
    raw["lists"]["category"] = [{"value": "water", "label": "Water"}]
    raw["classification"].insert(1, dict(raw["classification"][1], value="limited"))
    raw["lists"]["mood"] = [{"value": "good", "label": "Good"}]
    found = parse(raw, "city.yaml")
    assert found.values("category") == {"water"}
    assert found.levels["limited"].release == "review"
    assert found.label("mood", "good") == "Good"
    assert found.label("mood", "gone") == "gone"


def test_a_file_is_read_once_and_by_its_path(tmp_path: Path, raw: dict[str, Any]):
    path = tmp_path / "city.yaml"
    path.write_text(yaml.safe_dump(raw))
    assert load(str(path)) is load(str(path))
    assert load(str(path)).lists == WORDS.lists


def test_a_city_names_its_file_once(tmp_path: Path, raw: dict[str, Any]):
    path = tmp_path / "city.yaml"
    path.write_text(yaml.safe_dump(raw))
    vocabularies.use(str(path))
    try:
        assert load().path == str(path)
    finally:
        vocabularies.use(None)
    assert load() is WORDS


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/nowhere/city.yaml", "can't be read"),
        ("no_such_package:city.yaml", "no package no_such_package"),
        ("ckanext.inventory:schemas/nowhere.yaml", "can't be read"),
    ],
)
def test_a_file_that_is_not_there(path: str, message: str):
    with pytest.raises(VocabularyProblem, match=message):
        load(path)


def test_a_file_that_is_no_yaml(tmp_path: Path):
    path = tmp_path / "city.yaml"
    path.write_text("lists: [")
    with pytest.raises(VocabularyProblem, match="no valid YAML"):
        load(str(path))


@pytest.mark.parametrize("raw", [None, [], "text", {}])
def test_a_file_without_lists(raw: Any):
    assert problems(raw)


def test_everything_wrong_is_said_at_once(raw: dict[str, Any]):
    del raw["lists"]["format"]
    del raw["lists"]["reviews_needed"][3]
    del raw["lists"]["blocker_status"][1]
    raw["lists"]["category"].append({"value": "Not A Value", "label": "x"})
    raw["lists"]["category"].append({"value": "health", "label": "Again"})
    raw["lists"]["value"][0]["label"] = ""
    raw["classification"][0]["release"] = "at once"
    raw["classification"][1]["needs_justification"] = "maybe"
    raw["classification"][2]["default_reviews"] = ["astrology"]
    raw["blockers"]["kinds"][0]["details"].append("gossip")
    raw["likelihood"]["rules"][0]["effect"] = "certain"
    raw["likelihood"]["rules"][1]["reason"] = ""
    raw["likelihood"]["rules"][2]["when"] = {}
    found = problems(raw)
    assert found["lists.format"] == "is missing"
    assert found["lists.reviews_needed"] == "must offer the review technical"
    assert found["lists.blocker_status"] == "must keep the values some"
    assert found["lists.category[health]"] == "stands twice"
    assert "lower-case" in found["lists.category[Not A Value]"]
    assert found["lists.value[high]"] == "a choice needs a label"
    assert "must be one of direct" in found["classification[public].release"]
    assert found["classification[public_on_request].needs_justification"] == (
        "must be true or false"
    )
    assert "astrology" in found["classification[internal].default_reviews"]
    assert "gossip" in found["blockers.kinds[privacy].details"]
    assert "must be one of likely" in found["likelihood.rules[1].effect"]
    assert "likelihood.rules[2].reason" in found
    assert "likelihood.rules[3].when" in found


def test_a_bare_yes_in_a_copied_file_is_pointed_out(raw: dict[str, Any]):
    raw["lists"]["data_dictionary"][0] = {"value": True, "label": "Yes"}
    assert "put it in quotes" in problems(raw)["lists.data_dictionary.value"]


def test_levels_must_allow_a_release_and_know_of_not_knowing(raw: dict[str, Any]):
    raw["classification"] = [raw["classification"][5]]
    assert "classification" in problems(raw)
