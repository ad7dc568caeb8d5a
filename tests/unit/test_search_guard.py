from __future__ import annotations

from typing import Any

import pytest

from ckanext.inventory.search_guard import before_dataset_search, guard, hide


@pytest.mark.parametrize("value", [0, "0", -1, None, "many", []])
def test_l42_facet_values_without_documents_are_never_listed(value: Any) -> None:
    assert guard({"facet.mincount": value})["facet.mincount"] == 1


def test_l42_a_higher_minimum_stays() -> None:
    assert guard({"facet.mincount": "5"})["facet.mincount"] == 5


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["id", "name"], ["id", "name"]),
        (["id,name title"], ["id", "name", "title"]),
        (["extras_*"], ["extras_*"]),
        (["PARKS-0001*", "name"], ["name"]),
        (["id", "docfreq(text,word)"], ["id"]),
        (["n:docfreq(text,word)"], ["id"]),
        (["id,ttf(text,'a word')"], ["id"]),
        (["[explain]"], ["id"]),
        (["[docid] id"], ["id"]),
        ("id,score", ["id"]),
        (["score"], ["id"]),
        (["SCORE", "name"], ["name"]),
        (["{!func}x"], ["id"]),
    ],
)
def test_l43_result_fields_are_plain_names(given: Any, kept: list[str]) -> None:
    found = guard({"fl": given})["fl"]
    # What is left of a function's arguments are field names at most.
    assert [name for name in found if name not in ("word", "a")] == kept or found == kept


@pytest.mark.parametrize(
    "given", [["docfreq(text,word)"], ["id,docfreq(text,word)"], ["n:x(a, b)"]]
)
def test_l43_no_function_survives(given: list[str]) -> None:
    assert not any(set("()[]{}:'\"") & set(name) for name in guard({"fl": given})["fl"])


def test_l43_no_field_list_stays_none() -> None:
    assert "fl" not in guard({"q": "x"})


@pytest.mark.parametrize("name", ["bf", "boost", "qf"])
def test_l43_boosts_and_query_fields_are_dropped(name: str) -> None:
    assert name not in guard({name: "docfreq(text,word)"})


@pytest.mark.parametrize(
    "parser", ["func", "frange", "xmlparser", "join", "graph", "", None, "FUNC"]
)
def test_l43_only_the_usual_query_parsers(parser: str | None) -> None:
    assert "defType" not in guard({"defType": parser})


@pytest.mark.parametrize("parser", ["dismax", "edismax", "lucene"])
def test_the_usual_query_parsers_stay(parser: str) -> None:
    assert guard({"defType": parser})["defType"] == parser


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("score desc, metadata_modified desc", "score desc, metadata_modified desc"),
        ("title_string asc", "title_string asc"),
        ("views_recent DESC", "views_recent desc"),
        ("docfreq(text,'word') desc", None),
        ("docfreq(text,word) desc, name asc", "name asc"),
        ("if(docfreq(text,word),1,0) asc", None),
        ("query($qq) desc", None),
        ("rank", None),
        ("name", None),
        ("name sideways", None),
        ("{!func}docfreq(a,b) asc", None),
        ("sum(1, name) asc", None),
    ],
)
def test_l43_sort_takes_field_and_direction(given: str, kept: str | None) -> None:
    assert guard({"sort": given})["sort"] == kept


@pytest.mark.parametrize(
    "query",
    [
        "organization:parks^3 OR id:abc",
        "+organization:parks",
        "(organization:parks)",
        "id:abc title:budget",
        "state:active",
        r"organizatio\n:parks",
        "*:* OR id:abc",
        ":",
        "-state:draft title:x",
    ],
)
def test_l43_relevance_does_not_order_by_what_counts_hidden_documents(query: str) -> None:
    for sort in (None, "score desc", "score desc, metadata_modified desc"):
        assert guard({"q": query, "sort": sort})["sort"] == "metadata_modified desc"
    assert guard({"q": query, "sort": "score asc, name asc"})["sort"] == "name asc"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "budget",
        "*:*",
        "budget of parks",
        "title:budget",
        "tags:a OR notes:(b c)",
        'title:"a: b"',
    ],
)
def test_a_plain_search_keeps_its_order(query: str) -> None:
    assert guard({"q": query}).get("sort") is None
    assert guard({"q": query, "sort": "score desc"})["sort"] == "score desc"


HIDE_BOTH = "-dataset_type:(inventory_entry OR inventory_source)"
HIDE_ENTRY = "-dataset_type:(inventory_entry)"
HIDE_SOURCE = "-dataset_type:(inventory_source)"


@pytest.mark.parametrize(
    ("params", "added"),
    [
        ({}, HIDE_BOTH),
        ({"q": "inventory_entry"}, HIDE_BOTH),
        ({"fq": "+capacity:public"}, HIDE_BOTH),
        ({"fq": "dataset_type:dataset"}, HIDE_BOTH),
        ({"fq": "dataset_type:harvest"}, HIDE_BOTH),
        ({"fq": "dataset_type:inventory_entry"}, HIDE_SOURCE),
        ({"fq": ' +dataset_type:"inventory_source" '}, HIDE_ENTRY),
        ({"q": "type:inventory_entry"}, HIDE_SOURCE),
        ({"fq_list": ["dataset_type:inventory_entry"]}, HIDE_SOURCE),
        ({"fq_list": "dataset_type:inventory_entry"}, HIDE_SOURCE),
        ({"fq": "-dataset_type:inventory_entry"}, HIDE_BOTH),
        ({"fq": "NOT dataset_type:inventory_entry"}, HIDE_BOTH),
        ({"fq": "res_type:inventory_entry"}, HIDE_BOTH),
        ({"fq": "dataset_type:(dataset OR inventory_entry)"}, HIDE_SOURCE),
        ({"fq": "dataset_type:(inventory_source OR inventory_entry)"}, None),
        ({"fq": "dataset_type:inventory_*"}, None),
        ({"fq": "dataset_type:*"}, None),
        ({"fq": "dataset_type:( * )"}, None),
    ],
)
def test_types_that_nobody_asked_for_are_left_out(
    params: dict[str, Any], added: str | None
) -> None:
    before = params.get("fq_list", [])
    before = [before] if isinstance(before, str) else list(before)
    found = hide(dict(params)).get("fq_list", [])
    found = [found] if isinstance(found, str) else found
    assert found == before + ([added] if added else [])


def test_the_callers_filter_list_is_not_changed() -> None:
    mine = ["a:b"]
    before_dataset_search({"fq_list": mine})
    assert mine == ["a:b"]
