"""A search tells an outsider nothing of hidden documents, however it is written (L5, L6, L42, L43).

Two laws. A hidden word answers like one that stands nowhere. And a search answers as if the index
held no document of ours at all: count, facets, results and, where an order was asked for, order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ckan import model
from ckan.lib.search.common import make_connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckanext.inventory.service import indexing
from tests.leaks import payloads
from tests.leaks.city import City
from tests.leaks.probes import call
from tests.leaks.sentinels import flat

SOME = 29
"""Of so many payloads one is sent at every push; coprime to the columns of the tables."""

MORE = 5
"""Of so many payloads one is sent by ``--long``, for all parameters but these."""

WHOLLY = ("q", "facet.field", "fl", "sort")

PUBLIC = (
    ("zq-benches", "Benches and words"),
    ("zq-trees", "Trees, public ones"),
    ("zq-roads", "Roads with words"),
)


@pytest.fixture(scope="module")
def searched(city: City) -> City:
    """The city with a few public datasets."""
    for name, title in PUBLIC:
        city.act(
            "sysadmin",
            "package_create",
            name=name,
            title=title,
            owner_org=city.a.id,
            private=False,
        )
    return city


def hidden_words(city: City) -> dict[str, str]:
    """Something hidden of each kind → its neighbour in the alphabet, which isn't there."""
    draft = city.records["draft"]
    title = next(each.token for each in city.words.of("draft") if each.place == "title")
    words = (title, draft.name, draft.id, draft.number)
    return {word: word[:-1] + ("1" if word[-1] == "0" else "0") for word in words}


def plain(city: City, params: dict[str, Any], word: str) -> tuple[str, str]:
    """What a search answers, without the word that was asked for and without its errors' ids."""
    answer = call(city, "anonymous", "package_search", payloads.filled(params, word))
    kind, text = answer.without(word)
    told = city.words.found(text) - city.words.found(flat(params))
    assert not told, (params, told)
    return kind, text if answer.ok else ""


def differing(city: City, asked: list[dict[str, Any]]) -> list[Any]:
    pairs = list(hidden_words(city).items())
    return [
        (params, real, plain(city, params, real), plain(city, params, unknown))
        for number, params in enumerate(asked)
        for real, unknown in [pairs[number % len(pairs)]]
        if plain(city, params, real) != plain(city, params, unknown)
    ]


@pytest.mark.parametrize("place", payloads.SEARCH_PLACES)
def test_l06_l43_a_hidden_word_answers_like_none(searched: City, place: str) -> None:
    found = differing(searched, payloads.sample(list(payloads.searches(place)), SOME))
    assert not found


@pytest.mark.long
@pytest.mark.parametrize("place", payloads.SEARCH_PLACES)
def test_l06_l43_a_hidden_word_answers_like_none_in_every_spelling(
    searched: City, place: str
) -> None:
    every = 1 if place in WHOLLY else MORE
    found = differing(searched, payloads.sample(list(payloads.searches(place)), every))
    assert not found


# as if there were none


def documents_away(city: City) -> None:
    """Take our documents out of the index, out of its statistics as well."""
    connection = make_connection()
    connection.delete(q="dataset_type:inventory_*", commit=True)
    connection.optimize()


def documents_back(city: City) -> None:
    indexing.index(model.Session(), [ref.id for ref in city.records.values()])


@pytest.fixture
def _documents_stay(searched: City) -> Iterator[None]:
    yield
    documents_back(searched)


def told(city: City, person: str, params: dict[str, Any]) -> object:
    """What a search answers; the order of relevance alone is left out (exceptions.OPEN, L43)."""
    answer = call(city, person, "package_search", params)
    if not answer.ok:
        return answer.kind
    found: dict[str, Any] = json.loads(answer.text)
    results = [flat(each) for each in found["results"]]
    ordered = "score" not in str(found["sort"])
    few = int(params.get("rows", 10)) < len(PUBLIC) or int(params.get("start", 0)) > 0
    return (
        found["count"],
        found["sort"],
        flat(found["facets"]),
        results if ordered else () if few else sorted(results),
    )


FIELDS = st.sampled_from(
    [
        "text",
        "title",
        "title_string",
        "notes",
        "name",
        "id",
        "organization",
        "owner_org",
        "dataset_type",
        "type",
        "state",
        "capacity",
        "permission_labels",
        "tags",
        "groups",
        "res_format",
        "extras_steward",
        "vocab_keywords",
        "metadata_modified",
        "entity_type",
        "site_id",
        "index_id",
        "license_id",
        "author",
        "*",
    ]
)
WORDS = st.sampled_from(
    [
        "benches",
        "trees",
        "words",
        "public",
        "zqa-parks",
        "inventory",
        "inventory_entry",
        "active",
        "private",
        "draft",
        "-",
        "*",
        "zqx",
        "zqa",
        "parks",
        "gardens",
        "2026",
        "true",
    ]
)


def _clauses() -> st.SearchStrategy[str]:
    value = st.one_of(
        WORDS,
        WORDS.map(lambda word: f'"{word}"'),
        WORDS.map(lambda word: f"{word}*"),
        WORDS.map(lambda word: f"{word}~1"),
        WORDS.map(lambda word: f"/{word}.*/"),
        WORDS.map(lambda word: f"[{word} TO *]"),
    )
    clause = st.one_of(value, st.builds("{}:{}".format, FIELDS, value))
    boosted = st.one_of(
        clause, st.builds("{}^{}".format, clause, st.integers(min_value=0, max_value=99))
    )
    return st.recursive(
        boosted,
        lambda inner: st.one_of(
            st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "OR", "NOT", ""]), inner),
            st.builds("{}{}".format, st.sampled_from(["-", "+", "NOT "]), inner),
        ),
        max_leaves=5,
    )


CLAUSES = _clauses()
FUNCTIONS = st.builds(
    "{}({},'{}')".format,
    st.sampled_from(["docfreq", "ttf", "termfreq", "idf", "tf", "query", "exists"]),
    FIELDS,
    WORDS,
)
ORDERS = st.builds(
    "{} {}".format,
    st.one_of(FIELDS, FUNCTIONS, st.just("score"), st.just("_docid_")),
    st.sampled_from(["asc", "desc"]),
)

SEARCHES = st.fixed_dictionaries(
    {},
    optional={
        "q": CLAUSES,
        "fq": CLAUSES,
        "fq_list": st.lists(CLAUSES, max_size=2),
        "fl": st.lists(st.one_of(FIELDS, FUNCTIONS, st.just("score")), min_size=1, max_size=3),
        "sort": st.lists(ORDERS, min_size=1, max_size=2).map(", ".join),
        "facet.field": st.lists(FIELDS.filter(lambda name: name != "*"), max_size=2),
        "facet.mincount": st.integers(min_value=0, max_value=2),
        "facet.limit": st.integers(min_value=-1, max_value=20),
        "rows": st.integers(min_value=0, max_value=20),
        "start": st.integers(min_value=0, max_value=3),
        "defType": st.sampled_from(["dismax", "edismax", "lucene", "func", "simple"]),
        "qf": st.one_of(FIELDS, FUNCTIONS),
        "bf": FUNCTIONS,
        "boost": FUNCTIONS,
        "mm": st.sampled_from(["0", "1", "100%", "-1"]),
        "tie": st.sampled_from(["0", "1"]),
        "include_private": st.booleans(),
        "include_drafts": st.booleans(),
        "include_deleted": st.booleans(),
        "use_default_schema": st.booleans(),
    },
)


def hold_as_if_there_were_none(city: City, asked: list[dict[str, Any]]) -> None:
    people = ("anonymous", "a_admin", "b_coordinator")
    questions = [(people[number % len(people)], params) for number, params in enumerate(asked)]
    documents_back(city)
    there = [told(city, *question) for question in questions]
    documents_away(city)
    gone = [told(city, *question) for question in questions]
    assert [
        (*question, one, other)
        for question, one, other in zip(questions, there, gone, strict=True)
        if one != other
    ] == []


ANSWERS = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.mark.usefixtures("_documents_stay")
@settings(max_examples=10, derandomize=True, **ANSWERS)
@given(asked=st.lists(SEARCHES, min_size=15, max_size=15))
def test_l05_l42_l43_a_search_answers_as_if_there_were_no_entry(
    searched: City, asked: list[dict[str, Any]]
) -> None:
    hold_as_if_there_were_none(searched, asked)


@pytest.mark.long
@pytest.mark.usefixtures("_documents_stay")
@settings(max_examples=40, **ANSWERS)
@given(asked=st.lists(SEARCHES, min_size=30, max_size=30))
def test_l05_l42_l43_any_search_answers_as_if_there_were_no_entry(
    searched: City, asked: list[dict[str, Any]]
) -> None:
    hold_as_if_there_were_none(searched, asked)


@pytest.mark.usefixtures("_documents_stay")
def test_the_law_would_notice_an_entry(searched: City) -> None:
    """The positive control: whoever may see entries gets another answer without them."""
    city = searched
    params = {"fq": "dataset_type:inventory_entry", "include_private": True}
    documents_back(city)
    there = told(city, "cdo", params)
    documents_away(city)
    assert told(city, "cdo", params) != there
