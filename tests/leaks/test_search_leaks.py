"""Searching: what package_search, facets, counts and orders tell (L5, L6, L8, L13, L42, L43)."""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins.toolkit as tk
import pysolr
import pytest
from ckan import logic, model
from ckan.lib.search.common import make_connection

from ckanext.inventory import search_guard
from ckanext.inventory.plugin import InventoryPlugin
from ckanext.inventory.service import indexing, outbox
from tests.leaks.city import OUTSIDERS, City, create
from tests.leaks.probes import call
from tests.leaks.sentinels import PREFIX, flat

ASKERS = ("anonymous", "a_admin", "b_coordinator", "former_coordinator")


pytestmark = pytest.mark.usefixtures("scratch")


def find(city: City, person: str, **params: Any) -> str:
    answer = call(city, person, "package_search", params)
    return answer.text


def leaked(city: City, text: str) -> set[str]:
    return {str(each) for each in city.words.found(text)}


@pytest.mark.parametrize("person", OUTSIDERS)
def test_l05_outsiders_find_nothing_of_ours(city: City, person: str) -> None:
    for fq in (
        "dataset_type:inventory_entry",
        "dataset_type:*",
        "capacity:private",
        f"owner_org:{city.a.id}",
        "dataset_type:dataset OR dataset_type:inventory_source OR *:*",
    ):
        text = find(
            city,
            person,
            fq=fq,
            include_private=True,
            include_drafts=True,
            include_deleted=True,
            rows=1000,
            **{"facet.field": ["organization", "name", "dataset_type"]},
        )
        assert not leaked(city, text)


def test_l05_an_insider_finds_them_when_asking_for_the_type(city: City) -> None:
    for person, expected in (("coordinator", 3), ("cdo", 3), ("viewer", 2), ("sysadmin", 3)):
        found = city.act(
            person, "package_search", fq="dataset_type:inventory_entry", include_private=True
        )
        assert found["count"] == expected, person


@pytest.mark.parametrize("person", ["coordinator", "cdo", "sysadmin"])
def test_l05_not_even_insiders_find_them_in_an_ordinary_search(city: City, person: str) -> None:
    assert city.act(person, "package_search", include_private=True)["count"] == 0


def test_l05_counts_and_facets_stay_when_an_entry_is_made(city: City) -> None:
    def counts() -> list[str]:
        return [
            find(city, person, **params)
            for person in ASKERS
            for params in (
                {"rows": 0, "facet.field": ["organization", "dataset_type", "state"]},
                {"q": "words", "include_private": True, "include_drafts": True},
                {"sort": "title_string asc"},
                {"fq": "capacity:private"},
            )
        ]

    before = counts()
    create(city, "one more", blocker_status="none")
    assert counts() == before


PARSERS = (
    "{!func}docfreq(text,word)",
    "{!join from=id to=id}*:*",
    '_query_:"{!func}docfreq(text,word)"',
    "text:word {!dismax qf=text v=word}",
    '_val_:"docfreq(text,word)"',
    r"\_query\_:x",
)


@pytest.mark.parametrize("text", PARSERS)
@pytest.mark.parametrize("parameter", ["q", "fq", "sort", "fl", "fq_list"])
def test_l06_no_query_parser_gets_through(city: City, parameter: str, text: str) -> None:
    answer = call(city, "anonymous", "package_search", {parameter: text, "include_private": True})
    assert not leaked(city, answer.text)
    if answer.ok and parameter in ("q", "fq", "fq_list"):
        assert '"count": 0' in answer.text


def fields_of_index() -> list[str]:
    """Every field of the schema that can be a facet, and the keys of our own fields."""
    connection = make_connection()
    schema = connection._send_request("get", "schema/fields?wt=json")
    named = [each["name"] for each in json.loads(schema)["fields"]]
    ours = ["keywords", "title", "notes", "steward", "classification", "release_blockers"]
    extra = [f"{prefix}{name}" for prefix in ("vocab_", "extras_", "") for name in ours]
    return sorted({*named, *extra} - {"data_dict", "validated_data_dict"})


def facets(city: City, fields: list[str]) -> str:
    texts: list[str] = []
    for name in fields:
        texts.append(
            find(
                city,
                "anonymous",
                rows=0,
                include_private=True,
                **{"facet.mincount": 0, "facet.limit": -1, "facet.field": [name]},
            )
        )
    return "\n".join(texts)


def test_l42_no_facet_lists_values_of_hidden_documents(city: City) -> None:
    assert not leaked(city, facets(city, fields_of_index()))


def test_l42_without_the_guard_nothing_but_opaque_names_would_appear(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_guard, "guard", lambda params: params)
    told = city.words.found(facets(city, fields_of_index()))
    assert told, "the probe is broken: facets with a count of zero used to list names"
    assert {each.place for each in told} <= {"id", "name"}


def test_l13_l42_the_index_holds_allowed_keys_and_no_word(city: City) -> None:
    connection: pysolr.Solr = make_connection()
    docs = connection.search("dataset_type:inventory_*", rows=100, fl="*").docs
    assert len(docs) == 4
    copied = {"title_ngram", "name_ngram", "indexed_ts", "_version_", "permission_labels"}
    for doc in docs:
        assert set(doc) - copied <= indexing.ALLOWED_KEYS
        assert doc["title"] == indexing.UNTITLED
    words = connection.search(
        "dataset_type:inventory_*",
        rows=0,
        facet="true",
        **{"facet.field": ["text", "title", "title_ngram", "urls"], "facet.limit": -1},
    ).facets["facet_fields"]
    assert not words["title"]
    assert not words["title_ngram"]
    told = {each for each in words["text"] if isinstance(each, str)}
    assert not any(PREFIX in each for each in told if not each.startswith("zqa"))


def test_l13_core_builds_the_same_document_through_its_own_door(city: City) -> None:
    draft = city.records["draft"]
    tk.get_action("package_show")({"ignore_auth": True}, {"id": draft.id})
    logic.index_update_package({"model": model, "ignore_auth": True, "user": ""}, draft.id)
    docs = make_connection().search(f"id:{draft.id}", fl="*").docs
    assert docs[0]["title"] == indexing.UNTITLED
    assert not {"notes", "tags", "author", "title_string"} & set(docs[0])
    assert not [key for key in docs[0] if key.startswith(("extras_", "vocab_", "res_"))]


def test_l13_l42_plugins_behind_ours_add_nothing_to_a_document(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plugins are asked one after the other; some add every text that they find."""
    ours = InventoryPlugin.before_dataset_index

    def and_then_theirs(self: InventoryPlugin, pkg_dict: dict[str, Any]) -> dict[str, Any]:
        document = ours(self, pkg_dict)
        document["text_en"] = "zqx words"
        document.update(text_fr="zqx words", title="zqx words")
        document.setdefault("vocab_theme", "zqx words")
        document |= {"extras_word": "zqx words"}
        return document

    monkeypatch.setattr(InventoryPlugin, "before_dataset_index", and_then_theirs)
    draft = city.records["draft"]
    logic.index_update_package({"model": model, "ignore_auth": True, "user": ""}, draft.id)
    labelled = f"id:{draft.id} AND permission_labels:inventory-org-{city.a.id}"
    document = make_connection().search(labelled, fl="*").docs[0]
    assert document["title"] == indexing.UNTITLED
    assert not [key for key in document if key.startswith(("text_", "vocab_", "extras_"))]


MEASURES = (
    {"fl": "id,docfreq(text,{word})"},
    {"fl": "n:docfreq(text,{word})"},
    {"fl": "ttf(text,{word})"},
    {"fl": "[explain]", "q": "{word}"},
    {"fl": "id,score", "q": "{word} OR public"},
    {"defType": "edismax", "bf": "docfreq(text,{word})", "fl": "id,score"},
    {"defType": "edismax", "boost": "docfreq(text,{word})", "fl": "id,score"},
    {"defType": "func", "q": "docfreq(text,{word})", "fl": "id,score"},
    {"defType": "func", "q": "docfreq(id,{word})"},
    {"defType": "edismax", "qf": "text", "q": "public {word}"},
    {"sort": "docfreq(text,{word}) desc"},
    {"sort": "if(gt(docfreq(text,{word}),0),1,0) asc,name asc"},
)


@pytest.mark.parametrize("form", MEASURES)
def test_l43_a_word_of_an_entry_answers_like_any_other(city: City, form: dict[str, str]) -> None:
    word = next(each.token for each in city.words.of("draft") if each.place == "title")
    real, unknown = (
        call(
            city,
            "anonymous",
            "package_search",
            {key: value.format(word=asked) for key, value in form.items()},
        ).without(asked)
        for asked in (word, PREFIX + "0" * 10)
    )
    assert real == unknown


def make_public(city: City) -> dict[str, Any]:
    return city.act(
        "sysadmin",
        "package_create",
        name="zq-public-benches",
        title="Public benches",
        owner_org=city.a.id,
        private=False,
    )


@pytest.mark.parametrize(
    "form",
    [
        {"q": "organization:{org}", "fl": "id,score"},
        {"q": "id:{id}", "fl": "id,score"},
        {"q": "dataset_type:dataset", "fl": "score"},
        {"defType": "func", "q": "docfreq(organization,'{org}')", "fl": "id,score"},
        {"defType": "func", "q": "numdocs()", "fl": "score"},
        {"q": "id:{id}^5 OR organization:{org}^3", "sort": "score desc"},
    ],
)
def test_l43_no_score_tells_how_many_entries_there_are(city: City, form: dict[str, str]) -> None:
    """Found while building this: the relevance of a clause depends on how many documents match."""
    public = make_public(city)
    params = {key: value.format(org=city.a.name, id=public["id"]) for key, value in form.items()}
    before = call(city, "anonymous", "package_search", params)
    for number in range(3):
        create(city, f"more {number}", blocker_status="none")
    assert call(city, "anonymous", "package_search", params) == before


def test_l43_a_plain_search_keeps_cores_order(city: City) -> None:
    for name, title in (("zq-one", "Trees and benches"), ("zq-two", "Benches benches benches")):
        city.act(
            "sysadmin",
            "package_create",
            name=name,
            title=title,
            owner_org=city.a.id,
            private=False,
        )
    found = city.act("anonymous", "package_search", q="benches")
    assert found["sort"] == "score desc, metadata_modified desc"
    assert [each["name"] for each in found["results"]] == ["zq-two", "zq-one"]


@pytest.mark.parametrize("person", [*OUTSIDERS, "coordinator", "cdo", "sysadmin"])
@pytest.mark.parametrize("q", ["in", "inventory", "words", "-", "zqx"])
def test_l08_pickers_of_datasets_never_offer_entries(city: City, person: str, q: str) -> None:
    assert city.act(person, "package_autocomplete", q=q) == []


def test_l08_a_picker_finds_datasets_behind_many_entries(city: City) -> None:
    city.act(
        "sysadmin",
        "package_create",
        name="inventory-of-trees",
        title="Inventory of trees",
        owner_org=city.a.id,
        private=False,
    )
    found = city.act("sysadmin", "package_autocomplete", q="inventory", limit=1)
    assert [each["name"] for each in found] == ["inventory-of-trees"]


def test_a_pending_record_is_left_out_for_everybody_but_sysadmins(city: City) -> None:
    draft = city.records["draft"]
    outbox.narrow(model.Session(), [draft.id])
    for person, expected in (("coordinator", 2), ("cdo", 2), ("sysadmin", 3)):
        found = city.act(
            person, "package_search", fq="dataset_type:inventory_entry", include_private=True
        )
        assert found["count"] == expected, person
    many = [f"00000000-0000-0000-0000-{number:012d}" for number in range(1200)]
    outbox.narrow(model.Session(), many)
    found = city.act(
        "cdo", "package_search", fq="dataset_type:inventory_entry", include_private=True
    )
    assert found["count"] == 2


def test_the_guards_of_search_leave_other_parameters_alone(city: City) -> None:
    params = {"fq_list": ["+capacity:public"], "q": "x", "rows": 3, "facet.field": ["tags"]}
    assert flat(call(city, "anonymous", "package_search", params).text)
