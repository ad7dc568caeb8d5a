"""Larkhaven as it is written down: complete, sensible, every text different."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter

import pytest

from ckanext.inventory import vocabularies
from ckanext.inventory.demo import city, dates, story, tables
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


def test_six_departments_thirty_sources_150_entries() -> None:
    assert len(LARKHAVEN.departments) == 6
    assert set(LARKHAVEN.departments) == set(city.DEPARTMENTS)
    assert len(LARKHAVEN.sources) == 30
    assert len(LARKHAVEN.entries) == 150


def test_every_state_and_the_usual_distribution() -> None:
    states = Counter(entry.state for entry in LARKHAVEN.entries)

    assert set(states) == set(State)
    assert states.most_common(2) == [(State.DRAFT, 44), (State.PUBLISHED, 24)]
    assert {source.state for source in LARKHAVEN.sources.values()} == {
        State.DRAFT,
        State.SUBMITTED,
        State.RETURNED,
        State.RETIRED,
    }


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
