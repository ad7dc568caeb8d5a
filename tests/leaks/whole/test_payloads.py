"""Ids and addresses written in every way: what is hidden answers like what isn't there.

Source: leak contract, 5.3, 5.4 and 5.6.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

import pytest
from ckan.tests.helpers import CKANTestApp

from tests.ckan_fixtures import Site
from tests.leaks import exceptions, payloads, probes, probes_writing
from tests.leaks.city import City
from tests.leaks.pages import get, plain, text_of
from tests.leaks.routes import (
    NOT_PACKAGES,
    address,
    leaks_of,
    of_packages,
    rules,
    session_of,
)

SOME = 97
"""Of so many payloads one is sent at every push; coprime to the columns of the tables."""

MORE = {"reading": 19, "writing": 4, "addresses": 11}
"""Of so many payloads one is sent by ``--long``."""

SAID = frozenset({"ok", "NotFound", "ObjectNotFound", "NotAuthorized", "ValidationError"})
"""Answers whose words reach the caller; of any other error a site says nothing but that it failed."""


DATED = ("inventory_workbook",)
"""Actions whose answer is a file that tells when it was made."""


NAMING = ("inventory_directory",)
"""Actions that name a record to people who can't read it, and nothing by which it is asked here: what
they answer is compared as it is, with its number in it."""


def hidden(city: City) -> list[str]:
    draft, source = city.records["draft"], city.records["source"]
    return [*probes.references(draft), source.number, city.records["purged"].name]


def reading(city: City) -> list[tuple[str, str, str, str]]:
    """Every reading action × parameter × spelling, with something hidden for each."""
    table = itertools.product(
        probes.reading_actions(), ("id", *probes.ALIASES), payloads.REFERENCES
    )
    refs = itertools.cycle(hidden(city))
    return [(action, key, spelling, next(refs)) for action, key, spelling in table]


def reading_differs(city: City, table: list[tuple[str, str, str, str]], person: str) -> list[Any]:
    found: list[Any] = []
    for action, key, spelling, real in table:
        spell = payloads.REFERENCES[spelling]
        answers = []
        for each in (real, probes.like(real)):
            sent = {key: spell(each)}
            answer = probes.call(city, person, action, sent)
            told = probes.hits(city, person, answer, [sent, each])
            if any(not probes.told_by_directory(person, action, word) for word in told):
                found.append((action, sent, "a word"))
            text = "" if action in DATED else answer.text
            as_it_is = action in NAMING and answer.kind == "ok"
            answers.append((answer.kind, text) if as_it_is else without(answer.kind, text, each))
        if answers[0] != answers[1]:
            found.append((action, key, spelling, real, answers))
    return found


def without(kind: str, text: str, ref: str) -> tuple[str, str]:
    """An answer without what was sent, in any of its spellings."""
    if kind not in SAID:
        return kind, ""
    for spell in payloads.REFERENCES.values():
        spelled = spell(ref)
        if isinstance(spelled, str):
            for written in (spelled, repr(spelled)[1:-1], spelled.replace("\\", "\\\\")):
                text = text.replace(written, "<sent>")
    return kind, text


@pytest.mark.parametrize("person", ["anonymous", "b_coordinator"])
def test_reading_actions_take_no_spelling_for_another(whole_city: City, person: str) -> None:
    table = payloads.sample(reading(whole_city), SOME)
    assert not reading_differs(whole_city, table, person)


@pytest.mark.long
@pytest.mark.parametrize("person", ["anonymous", "b_coordinator"])
def test_reading_actions_take_none_of_many_spellings_for_another(
    whole_city: City, person: str
) -> None:
    table = payloads.sample(reading(whole_city), MORE["reading"])
    assert not reading_differs(whole_city, table, person)


def writing_differs(city: City, person: str, every: int) -> list[Any]:
    calls = {**probes_writing.core_actions(city), **probes_writing.own_actions(city)}
    accepted = {each.where for each in exceptions.WRITING}
    table = [
        (name, make, spelling)
        for name, make in calls.items()
        for spelling in payloads.REFERENCES
        if name not in accepted
    ]
    refs = itertools.cycle(hidden(city))
    found: list[Any] = []
    for (name, make, spelling), real in zip(payloads.sample(table, every), refs, strict=False):
        spell = payloads.REFERENCES[spelling]
        answers = []
        for each in (real, probes.like(real)):
            sent = make(spell(each))
            answer = probes.call(city, person, probes_writing.action_of(name), sent)
            if probes.hits(city, person, answer, [sent, each]):
                found.append((name, sent, "a word"))
            answers.append(without(answer.kind, answer.text, each))
        if answers[0] != answers[1]:
            found.append((name, spelling, real, answers))
    return found


@pytest.mark.parametrize("person", ["anonymous", "b_coordinator"])
def test_writing_actions_take_no_spelling_for_another(whole_city: City, person: str) -> None:
    assert not writing_differs(whole_city, person, 11)


@pytest.mark.long
@pytest.mark.parametrize("person", ["anonymous", "b_coordinator"])
def test_writing_actions_take_none_of_many_spellings_for_another(
    whole_city: City, person: str
) -> None:
    assert not writing_differs(whole_city, person, MORE["writing"])


# addresses

API = ("package_show", "inventory_entry_show", "inventory_source_show", "package_activity_list")


def paths(site: Site, city: City) -> Iterator[tuple[str, str]]:
    """Every address of a package, ``{}`` for the id; in the action API as well."""
    for rule in rules(site):
        if of_packages(rule) and not rule.rule.startswith(NOT_PACKAGES):
            yield rule.rule, address(rule, city, "{}")
    for action in API:
        yield action, f"/api/3/action/{action}?id={{}}"
        yield action, f"/api/action/{action}?id={{}}&callback=told"


def addresses(site: Site, city: City) -> list[tuple[str, str, str, dict[str, str]]]:
    table = [
        (rule, path, spelling, headers)
        for rule, path in paths(site, city)
        for spelling, headers in (
            *((spelling, {}) for spelling in payloads.ADDRESSES),
            *(("as it is", headers) for headers in payloads.HEADERS.values()),
        )
    ]
    refs = itertools.cycle(hidden(city))
    return [(path, spelling, next(refs), headers) for _rule, path, spelling, headers in table]


def addresses_differ(
    city: City, client: CKANTestApp, table: list[tuple[str, str, str, dict[str, str]]], person: str
) -> list[Any]:
    found: list[Any] = []
    for path, spelling, real, headers in table:
        pages = []
        for each in (real, probes.like(real)):
            filled = path.format(quote(each))
            asked = payloads.ADDRESSES[spelling](filled)
            answer = get(client, city, "by cookie", asked, headers=headers)
            found += leaks_of(city, person, f"{asked} {each}", text_of(answer))
            page = plain(answer, each)
            pages.append((page.status, page.headers, unechoed(page.body, asked, each)))
        if pages[0] != pages[1]:
            told = [(status, body[:120]) for status, _headers, body in pages]
            found.append((path, spelling, real, headers, told))
    return found


def unechoed(body: str, asked: str, ref: str) -> str:
    """A page without the address that it repeats, in whichever spelling."""
    last = asked.partition("?")[0].rpartition("/")[2]
    hyphens = [ref.replace("-", quoted) for quoted in ("%2D", "%252D", "%25252D")]
    for echoed in (asked, last, *hyphens, unquote(last)):
        if echoed:
            body = body.replace(echoed, "<sent>")
    return body


def test_addresses_take_no_spelling_for_another(whole_city: City, swept_site: Site) -> None:
    table = payloads.sample(addresses(swept_site, whole_city), 31)
    client = session_of(swept_site, whole_city, "anonymous")
    assert not addresses_differ(whole_city, client, table, "anonymous")


@pytest.mark.long
@pytest.mark.parametrize("person", ["anonymous", "b_coordinator"])
def test_addresses_take_none_of_many_spellings_for_another(
    whole_city: City, swept_site: Site, person: str
) -> None:
    client = session_of(swept_site, whole_city, person)
    table = payloads.sample(addresses(swept_site, whole_city), MORE["addresses"])
    assert not addresses_differ(whole_city, client, table, person)
