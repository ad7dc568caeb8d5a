"""Larkhaven as it is written down: complete, sensible, every text different."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter

import pytest

from ckanext.inventory import vocabularies
from ckanext.inventory.demo import brief, city, dates, story, tables
from ckanext.inventory.types import State

TODAY = dt.date(2026, 11, 24)
LARKHAVEN = city.load()

LISTS = {
    "category",
    "change_frequency",
    "value",
    "request_frequency",
    "existing_etl",
    "quality_concern",
    "data_dictionary",
    "blocker_status",
    "contains_sensitive_data",
    "source_known",
    "source_type",
    "hosting",
    "planned_change",
    "yields",
    "lifecycle_status",
    "retire_reason",
    "format",
    "existing_publication",
    "why_listed",
    "triage",
    "visibility",
}


def test_a_city_of_16_departments_67_sources_and_over_600_entries() -> None:
    older = sum(len(rows) for rows in LARKHAVEN.older.values())

    assert len(LARKHAVEN.departments) == 16
    assert len(LARKHAVEN.sources) == 67
    assert len(LARKHAVEN.entries) + len(LARKHAVEN.taken) + older >= 600
    assert older >= 40
    assert len(LARKHAVEN.taken) >= 50


def test_over_120_public_datasets_with_data_and_some_that_nobody_took_in() -> None:
    promoted = [item for item in LARKHAVEN.entries if "data" in item.about]
    linked = {item.about.get("publication", {}).get("linked") for item in LARKHAVEN.entries}
    pages = {row["Link"].rpartition("-")[2] for rows in LARKHAVEN.older.values() for row in rows}
    loose = [
        one["key"]
        for one in LARKHAVEN.portal
        if one["key"] not in {*linked, *LARKHAVEN.taken}
        and one["key"].rpartition("-")[2] not in pages
    ]

    assert len(promoted) + len(LARKHAVEN.portal) >= 120
    assert 5 <= len(loose) <= 10


def test_every_state_and_the_usual_distribution() -> None:
    states = Counter(entry.state for entry in LARKHAVEN.entries)

    assert set(states) == set(State)
    assert [state for state, _count in states.most_common(3)] == [
        State.DRAFT,
        State.PUBLISHED,
        State.SUBMITTED,
    ]
    assert {source.state for source in LARKHAVEN.sources.values()} == {
        State.DRAFT,
        State.SUBMITTED,
        State.RETURNED,
        State.RETIRED,
    }


@pytest.mark.parametrize(
    ("key", "least"),
    [
        ("again", 8),
        ("blockers", 80),
        ("changed", 12),
        ("drift", 4),
        ("returned", 5),
        ("talk", 4),
        ("waiver", 8),
        ("want", 10),
    ],
)
def test_everything_that_happens_in_a_city_happened(key: str, least: int) -> None:
    assert sum(key in item.about for item in LARKHAVEN.entries) >= least


@pytest.mark.parametrize("key", ["title", "notes", "value_reason", "say", "returned", "waiver"])
def test_no_text_twice(key: str) -> None:
    items = [*LARKHAVEN.entries, *LARKHAVEN.sources.values()]
    texts = Counter(item.about[key] for item in items if key in item.about)

    assert [text for text, count in texts.items() if count > 1] == []


def test_values_are_of_the_lists() -> None:
    words = vocabularies.load()
    for item in [*LARKHAVEN.entries, *LARKHAVEN.sources.values()]:
        values = {**item.about, **LARKHAVEN.content(item, TODAY)}
        for name in LISTS & set(values):
            known = {choice.value for choice in words.choices(name)}
            given = values[name] if isinstance(values[name], list) else [values[name]]
            assert set(given) <= known, (item.title, name, given)
        if "classification" in values:
            assert values["classification"] in words.levels, item.title
        for row in item.blockers:
            assert row["kind"] in words.blocker_kinds, item.title
            assert row["rationale"].endswith("."), item.title


@pytest.mark.parametrize("item", LARKHAVEN.entries, ids=lambda item: item.title)
def test_story_leads_to_the_state(item: city.Item) -> None:
    steps = story.tell(item, TODAY)
    moments = [step.at for step in steps]
    taken = [step.data["transition"] for step in steps if "transition" in step.data]

    assert moments == sorted(set(moments)), "two steps at the same moment"
    assert all(moment.date() < TODAY for moment in moments)
    assert all(moment.weekday() < 5 for moment in moments)
    listed = dates.at_work(TODAY, story.created_days_ago(item), 0)
    assert all(moment > listed for moment in moments)
    last = {State.PUBLISHED: "promote", State.DRAFT: None}.get(item.state)
    if item.state is State.PUBLISHED:
        assert last in taken
    elif item.state is State.DRAFT:
        assert taken == []


@pytest.mark.parametrize("later", range(1, 15))
def test_stories_hold_on_every_day_of_the_week(later: int) -> None:
    today = TODAY + dt.timedelta(days=later)
    for item in LARKHAVEN.entries:
        moments = [step.at for step in story.tell(item, today)]
        listed = dates.at_work(today, story.created_days_ago(item), 0)
        assert moments == sorted(set(moments)), item.title
        assert all(listed < moment and moment.date() < today for moment in moments), item.title


def test_what_is_withheld_has_a_reason_that_justifies_it() -> None:
    kinds = vocabularies.load().blocker_kinds
    for item in LARKHAVEN.entries:
        if item.state is State.WITHHELD:
            assert any(kinds[row["kind"]].justifies_withholding for row in item.blockers), item


def test_nobody_is_named_but_by_role() -> None:
    for person in LARKHAVEN.people:
        words = person["title"].replace("'s", "").split()
        assert all(word[0].islower() for word in words[1:]), person["title"]


def test_relative_dates() -> None:
    assert dates.resolve("@+2m", TODAY) == "2027-01"
    assert dates.resolve("@-11m", TODAY) == "2025-12"
    assert dates.resolve("@+1y", TODAY) == "2027"
    assert dates.resolve("@-24d", TODAY) == "2026-10-31"
    assert dates.resolve("mail@+1y", TODAY) == "mail@+1y"


@pytest.mark.parametrize("back", range(8))
def test_work_is_done_on_weekdays_in_order(back: int) -> None:
    first, second = (dates.at_work(TODAY, back, slot, 1499) for slot in (0, 1))

    assert first.weekday() < 5
    assert first < second
    assert 8 <= first.hour < 10


def test_tables_are_the_same_every_time() -> None:
    per = {"month": "3 months", "place": ["a", "b"]}
    figures = {
        "count": [1, 9],
        "share": [0.0, 1.0],
        "kind": ["x", "y", "z"],
        "due": ["@+1m", "-", "-"],
    }
    one, other = (tables.csv_file(per, figures, "seed", TODAY).decode() for _ in range(2))

    assert one == other
    lines = one.splitlines()
    assert lines[0] == "month,place,count,share,kind,due"
    assert len(lines) == 7
    assert lines[1].startswith("2026-08,a,")
    assert re.fullmatch(r"2026-10,b,\d,\d\.\d,[xyz],(2026-12|-)", lines[-1])


def test_published_entries_have_data_or_a_place() -> None:
    keys = {dataset["key"] for dataset in LARKHAVEN.portal}
    for item in LARKHAVEN.entries:
        if item.state is State.PUBLISHED:
            where = item.about.get("publication", {})
            assert ("data" in item.about) != bool(where), item.title
            assert where.get("linked", "air") in keys


def test_a_line_of_the_short_form() -> None:
    line = (
        "published | calls | h | sen | daily | Calls at night | One row per call. | why: Asked for."
        " | treat: By week. | privacy: Few calls. | waived: By week it's fine. | tags: calls, night"
        " | data: month 2 months, place [Hill; Quay] > calls 1..9, share 0.5..1.5"
    )
    (about,) = brief.entries(line)

    assert about["sources"] == ["calls"]
    assert (about["value"], about["value_reason"]) == ("high", "Asked for.")
    assert about["classification"] == "sensitive"
    assert about["contains_sensitive_data"] == "yes_can_be_treated"
    assert about["blockers"][0]["kind"] == "privacy"
    assert about["blockers"][0]["waived"] == "By week it's fine."
    assert set(about["reviews"]) == {"privacy", "security"}
    assert about["keywords"] == ["calls", "night"]
    assert about["data"] == {
        "file": "calls-at-night.csv",
        "per": {"month": "2 months", "place": ["Hill", "Quay"]},
        "figures": {"calls": [1, 9], "share": [0.5, 1.5]},
    }


def test_a_draft_has_only_what_its_line_says() -> None:
    assert brief.entries("draft | - | - | - | - | Keys |") == [
        {"title": "Keys", "state": "draft", "sources": [], "value": "not_known_yet"}
    ]


def test_every_table_has_rows() -> None:
    described = [item.about["data"] for item in LARKHAVEN.entries if "data" in item.about]
    described += [dataset["data"] for dataset in LARKHAVEN.portal if "data" in dataset]
    for data in described:
        lines = tables.csv_file(data["per"], data["figures"], data["file"], TODAY).splitlines()
        assert len(lines) > 5, data["file"]
    files = Counter(data["file"] for data in described)
    assert [name for name, count in files.items() if count > 1] == []
