"""Every address of the site, asked by people who may not know of a single entry.

Source: leak contract, 5.4.
"""

from __future__ import annotations

import pytest

from tests.ckan_fixtures import Site
from tests.leaks import exceptions, probes
from tests.leaks.city import City
from tests.leaks.pages import plain, text_of
from tests.leaks.routes import (
    NOT_PACKAGES,
    address,
    ask,
    leaks_of,
    of_packages,
    rules,
    session_of,
)

PEOPLE = ("anonymous", "a_admin", "former_coordinator")


@pytest.mark.parametrize("person", PEOPLE)
def test_no_page_tells_an_outsider_a_word(whole_city: City, swept_site: Site, person: str) -> None:
    city = whole_city
    client = session_of(swept_site, city, person)
    draft = city.records["draft"]
    leaks: set[str] = set()
    failed: set[str] = set()
    for rule in rules(swept_site):
        for reference in [draft.id, draft.name] if of_packages(rule) else [draft.id]:
            asked = address(rule, city, reference)
            answer = ask(client, city, asked)
            leaks |= leaks_of(city, person, asked, text_of(answer))
            if answer.status_code >= 500 and of_packages(rule):
                failed.add(f"{asked}: {answer.status_code}")
    assert not leaks, "\n".join(sorted(leaks))
    assert not failed, "\n".join(sorted(failed))


def test_pages_answer_for_hidden_and_unknown_ids_alike(whole_city: City, swept_site: Site) -> None:
    city = whole_city
    different: dict[str, str] = {}
    draft, source = city.records["draft"], city.records["source"]
    asking = (
        ("anonymous", [*probes.references(draft), source.id]),
        ("a_admin", [draft.name]),
    )
    for person, references in asking:
        client = session_of(swept_site, city, person)
        for rule in rules(swept_site):
            if not of_packages(rule) or rule.rule.startswith(NOT_PACKAGES):
                continue
            for real in references:
                unknown = probes.like(real)
                pages = [
                    plain(ask(client, city, address(rule, city, each)), each)
                    for each in (real, unknown)
                ]
                if pages[0] != pages[1]:
                    told = [(page.status, page.body[:80]) for page in pages]
                    different[rule.rule] = f"{person} {real}: {told}"
    allowed = {each.where for each in exceptions.ROUTES}
    assert not set(different) - allowed, "\n".join(f"{k}: {v}" for k, v in different.items())
    assert not allowed - set(different), "stale exceptions"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_other_methods_tell_nothing_either(whole_city: City, swept_site: Site, method: str) -> None:
    city = whole_city
    client = session_of(swept_site, city, "anonymous")
    leaks: set[str] = set()
    for rule in rules(swept_site):
        if of_packages(rule):
            asked = address(rule, city, city.records["draft"].id)
            answer = ask(client, city, asked, method)
            leaks |= leaks_of(city, "anonymous", asked, text_of(answer))
    assert not leaks


SEARCHES = (
    "/dataset/?q={}",
    "/dataset/?organization=zqa-parks&q={}",
    "/dataset/?dataset_type=inventory_entry&q={}",
    "/dataset/?sort=title_string+desc&_tags_limit=0&q={}",
    "/organization/zqa-parks?q={}",
    "/organization/?q={}&sort=package_count+desc",
    "/group/zq-themes?q={}",
    "/user/person-coordinator?q={}",
    "/feeds/custom.atom?q={}",
    "/api/3/action/package_search?q={}",
    "/api/util/dataset/autocomplete?incomplete={}",
    "/api/util/tag/autocomplete?incomplete={}",
)


@pytest.mark.parametrize("pattern", SEARCHES)
def test_search_pages_hold_no_word_of_what_is_searched_for(
    whole_city: City, swept_site: Site, pattern: str
) -> None:
    city = whole_city
    draft = city.records["draft"]
    title = next(each.token for each in city.words.of("draft") if each.place == "title")
    for person in ("anonymous", "former_coordinator"):
        client = session_of(swept_site, city, person)
        for word in (title, draft.name, draft.number, "words"):
            asked = pattern.format(word)
            answer = ask(client, city, asked)
            assert answer.status_code == 200
            assert not leaks_of(city, person, asked, text_of(answer))


def test_insiders_find_the_words_on_the_same_pages(whole_city: City, swept_site: Site) -> None:
    """The positive control: what the probes look for does stand on pages."""
    city = whole_city
    draft = city.records["draft"]
    for person in ("coordinator", "cdo", "reviewer", "viewer"):
        client = session_of(swept_site, city, person)
        found: set[str] = set()
        for rule in rules(swept_site):
            if rule.rule.startswith("/inventory/") and (
                not rule.arguments or rule.arguments == {"number"}
            ):
                page = ask(client, city, address(rule, city, draft.number))
                found |= {each.place for each in city.words.found(text_of(page))}
        assert found >= {"title", "number", "notes", "steward", "rationale", "comment"}, person
