"""The sentinel sweep: whoever may not see something never gets a word of it, whatever is asked.

Source: leak contract, 5.1 to 5.5.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.leaks import exceptions, probes, probes_writing
from tests.leaks.city import INSIDERS, OUTSIDERS, City
from tests.leaks.exceptions import Accepted

WHOLE = ("anonymous", "former_coordinator")
"""Outsiders who try everything; the others try less, by the same rules."""

KEYS = (
    "draft",
    "preparing",
    "published",
    "unassigned",
    "core draft",
    "deleted",
    "purged",
    "source",
)


def asked_by(city: City, person: str) -> list[dict[str, object]]:
    if person not in WHOLE:
        return list(probes.few(city))
    return list(probes.variants(city, KEYS, probes.search_words(city)[:2]))


@pytest.mark.parametrize("person", OUTSIDERS)
def test_no_reading_action_tells_an_outsider_a_word(whole_city: City, person: str) -> None:
    city = whole_city
    asked = asked_by(city, person)
    special = probes.special(city)
    leaks = {
        f"{action} {data}: {sentinel}"
        for action in probes.reading_actions()
        for data in [*asked, *special.get(action, [])]
        for sentinel in probes.hits(city, person, probes.call(city, person, action, data), data)
        if not probes.told_by_directory(person, action, sentinel)
    }
    assert not leaks, "\n".join(sorted(leaks))


def test_the_city_directory_tells_its_fields_and_no_more(whole_city: City) -> None:
    city = whole_city
    answer = probes.call(city, "b_coordinator", "inventory_directory", {"limit": 100})
    found = city.words.found(answer.text)
    assert {"number", "title", "notes", "steward", "steward_email"} <= {
        each.place for each in found if each.owner == "draft"
    }
    assert any(each.owner == "source" for each in found)
    more = {
        str(each)
        for each in found
        if not probes.told_by_directory("b_coordinator", "inventory_directory", each)
        and not probes.may_see("b_coordinator", each)
    }
    assert not more


def expected_of(city: City, person: str) -> set[str]:
    """Words that somebody has to find, or the probes are broken: every text of the draft."""
    if person == "assignee":
        return {each.token for each in city.words.of("assigned")}
    return {each.token for each in city.words.of("draft")}


@pytest.mark.parametrize("person", [*INSIDERS, "assignee"])
def test_the_same_questions_tell_insiders_everything(whole_city: City, person: str) -> None:
    city = whole_city
    key = "assigned" if person == "assignee" else "draft"
    found: set[str] = set()
    leaks: set[str] = set()
    asked = [{"id": each} for each in probes.references(city.records[key])]
    named = [{"id": city.records[each].id} for each in ("restricted", "bound", "restricted source")]
    special = probes.special(city)
    for action in probes.reading_actions():
        for data in [*asked, *named, *special.get(action, [])]:
            answer = probes.call(city, person, action, data)
            found |= {each.token for each in city.words.found(answer.text)}
            leaks |= {
                f"{action} {data}: {each}" for each in probes.hits(city, person, answer, data)
            }
    missing = expected_of(city, person) - found
    assert not missing, [str(city.words.all[token.lower()]) for token in missing]
    assert not leaks, "\n".join(sorted(leaks))


def stale(accepted: Iterable[Accepted], seen: set[str]) -> set[str]:
    return {each.where for each in accepted} - seen


PARITY_KEYS = ("draft", "source", "purged")


def test_reading_actions_answer_for_hidden_and_unknown_ids_alike(whole_city: City) -> None:
    city = whole_city
    different: dict[str, str] = {}
    for person, keys in (("anonymous", PARITY_KEYS), ("b_editor", ("draft",))):
        for action in probes.reading_actions():
            for key in keys:
                for real in probes.references(city.records[key]):
                    unknown = probes.like(real)
                    asked = [{"id": each} for each in (real, unknown)]
                    if real == city.records["draft"].id:
                        asked += [dict.fromkeys(probes.ALIASES, each) for each in (real, unknown)]
                    for pair in zip(asked[::2], asked[1::2], strict=True):
                        answers = [probes.call(city, person, action, data) for data in pair]
                        plain = [
                            answer.without(sent)
                            for answer, sent in zip(answers, (real, unknown), strict=True)
                        ]
                        if plain[0] != plain[1]:
                            different[action] = f"{person} {key} {pair[0]}: {plain}"
    allowed = {each.where for each in exceptions.READING}
    assert not set(different) - allowed, "\n".join(f"{k}: {v}" for k, v in different.items())
    assert not stale(exceptions.READING, set(different))


def test_writing_actions_answer_for_hidden_and_unknown_ids_alike(whole_city: City) -> None:
    city = whole_city
    different: dict[str, str] = {}
    leaks: set[str] = set()
    calls = {**probes_writing.core_actions(city), **probes_writing.own_actions(city)}
    for person in ("anonymous", "b_editor", "a_admin", "group_manager"):
        for name, make in calls.items():
            action = probes_writing.action_of(name)
            if person == "group_manager" and not action.startswith(("group_", "member_")):
                continue
            for key in ("draft", "purged"):
                for real in probes.references(city.records[key]):
                    unknown = probes.like(real)
                    answers = [
                        probes.call(city, person, action, make(each)) for each in (real, unknown)
                    ]
                    leaks |= {
                        f"{person} {name} {real}: {hit}"
                        for hit in probes.hits(city, person, answers[0], make(real))
                    }
                    plain = [
                        answers[0].without(real),
                        answers[1].without(unknown),
                    ]
                    if plain[0] != plain[1]:
                        different[name] = f"{person} {key} {real}: {plain}"
    assert not leaks, "\n".join(sorted(leaks))
    accepted = [each for each in exceptions.WRITING if each.channel == "L2"]
    allowed = {each.where for each in accepted}
    assert not set(different) - allowed, "\n".join(f"{k}: {v}" for k, v in different.items())
    assert not stale(accepted, set(different))


def test_every_reading_action_was_understood(whole_city: City) -> None:
    """An action that never succeeded was asked the wrong way, so its silence proves nothing."""
    city = whole_city
    special = probes.special(city)
    mute = {
        action
        for action in probes.reading_actions()
        if not any(
            probes.call(city, person, action, data).ok
            # a file that isn't saved yet is its uploader's alone
            for person in ("sysadmin", "coordinator")
            for data in [
                {},
                {"id": city.records["published"].dataset},
                {"id": city.records["draft"].number},
                {"id": city.a.id},
                {"id": city.group.id},
                {"id": "person-cdo"},
                *special.get(action, []),
            ]
        )
    }
    assert mute == set(probes.NEVER_SUCCEED) & set(probes.reading_actions())
