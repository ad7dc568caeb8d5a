"""What a list counts is what it shows: the one pass over the register agrees with the lists themselves."""

from __future__ import annotations

import random
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.inventory import clock
from ckanext.inventory.model import Record, Words
from ckanext.inventory.service import counts, search, statistics
from ckanext.inventory.service.search import Query
from ckanext.inventory.types import ENTRY, SOURCE, Grant, Person, Role, State, Visibility

EVERYBODY = {
    "a chief data officer": Person("cdo", grants=(Grant(Role.CDO),)),
    "a viewer": Person("viewer", grants=(Grant(Role.VIEWER),)),
    "a coordinator of two": Person(
        "coordinator",
        grants=(Grant(Role.COORDINATOR, "parks"), Grant(Role.COORDINATOR, "water")),
    ),
    "a coordinator of one": Person("neighbour", grants=(Grant(Role.COORDINATOR, "water"),)),
    "somebody with assignments": Person("ann"),
    "somebody without": Person("bob"),
}
QUERIES = {
    "everything": Query(ENTRY),
    "sources": Query(SOURCE),
    "words": Query(ENTRY, text="tree"),
    "one filter": Query(ENTRY, filters={"state": ["draft", "approved"]}),
    "no answer": Query(ENTRY, filters={"value": ["empty", "high"]}),
    "lists": Query(ENTRY, filters={"blocker": ["legal", "empty"], "source": ["s1"]}),
    "a view": Query(ENTRY, attention="queue"),
    "all at once": Query(
        ENTRY, text="tree", filters={"department": ["parks"], "value": ["high"]}, attention="ready"
    ),
    "wanted": Query(ENTRY, filters={"wanted": ["yes"]}, attention="wanted"),
    "nothing": Query(ENTRY, filters={"category": ["none such"]}),
}


def _record(chance: random.Random, number: int) -> Record:
    pick = chance.choice
    moment = clock.now()
    return Record(
        package_id=f"package-{number}",
        package_type=pick([ENTRY, ENTRY, ENTRY, SOURCE]),
        package_state=pick(["active", "active", "active", "deleted"]),
        department=pick(["parks", "water", "roads"]),
        number=f"X-{number:04d}",
        title=pick(["Trees", "Benches"]),
        state=pick([state.value for state in State]),
        state_since=moment,
        waiting_since=moment,
        created_at=moment,
        modified_at=moment,
        revision=1,
        material_hash="a",
        approved_hash=pick([None, "a", "b"]),
        change_returned=pick([False, True]),
        assignee=pick([None, None, "ann", "eve"]),
        visibility=pick([Visibility.NORMAL.value, Visibility.RESTRICTED.value]),
        triage=pick([None, "worth_detailing", "not_now"]),
        value=pick([None, "high", "medium", "low", "not_known_yet"]),
        classification=pick([None, "public", "internal"]),
        category=pick([None, "finance", "health"]),
        likelihood=pick([None, "likely", "unlikely"]),
        open_kinds=pick([[], ["legal"], ["legal", "privacy"]]),
        source_ids=pick([[], ["s1"], ["s1", "s2"]]),
        missing_submit=pick([[], ["notes"], ["value", "notes"], ["value"]]),
        missing_approve=pick([[], ["steward"]]),
        wanted=pick([0, 0, 2]),
    )


@pytest.fixture
def session(clean_db: None) -> Any:
    chance, found = random.Random(7), model.Session()
    records = [_record(chance, number) for number in range(300)]
    found.add_all(records)
    found.flush()
    found.add_all(Words(package_id=row.package_id, text=row.title) for row in records)
    found.commit()
    return found


def _hits(session: Any, person: Person, query: Query) -> int:
    return search.rows(session, person, query)[0]


def _with(query: Query, name: str, value: str | None) -> Query:
    filters = {**query.filters, name: ["empty" if value is None else value]}
    return Query(query.package_type, query.text, filters, query.attention)


def test_a_list_and_its_counts_agree(session: Any) -> None:
    values: dict[str, set[Any]] = {
        name: {None, *session.scalars(sa.select(column))} for name, column in search.FACETS.items()
    }
    values |= {"blocker": {None, "legal", "privacy"}, "source": {None, "s1", "s2"}}
    for who, person in EVERYBODY.items():
        for what, query in QUERIES.items():
            counted = counts.of_list(session, person, query)
            assert counted.total == _hits(session, person, query), (who, what)
            for name, known in values.items():
                expected = {v: _hits(session, person, _with(query, name, v)) for v in known}
                found = {item["value"]: item["count"] for item in counted.facets[name]}
                assert found == {v: n for v, n in expected.items() if n}, (who, what, name)
            everything = Query(query.package_type)
            views = {
                view: _hits(session, person, Query(query.package_type, attention=view))
                for view in search.ATTENTION
            }
            views["total"] = _hits(session, person, everything)
            assert counted.views == views, (who, what)


def test_both_types_are_counted_at_once_as_one_by_one(session: Any) -> None:
    for person in EVERYBODY.values():
        both = counts.of_views_by_type(session, person)
        assert both == {kind: counts.of_views(session, person, kind) for kind in (ENTRY, SOURCE)}


def test_the_figures_of_the_overview_are_those_of_the_lists(session: Any) -> None:
    for who, person in EVERYBODY.items():
        found = statistics.overview(session, person)
        listed = counts.of_list(session, person, Query(ENTRY))

        def facet(name: str, counted: counts.Counts = listed) -> dict[Any, int]:
            return {item["value"]: item["count"] for item in counted.facets[name]}

        assert found["total"] == listed.total, who
        assert found["states"] == facet("state")
        assert {row["id"]: row["total"] for row in found["departments"]} == facet("department")
        assert {row["value"]: row["count"] for row in found["classifications"]} == facet(
            "classification"
        )
        blockers = {row["value"]: row["count"] for row in found["blockers"]}
        assert blockers == {v: n for v, n in facet("blocker").items() if v is not None}
        assert found["waiting"] == listed.views["queue"]
        assert found["promotable"] == listed.views["promotable"]
        assert found["wanted"] == listed.views["wanted"]
        for row in found["departments"]:
            in_it = {"department": [row["id"]]}
            assert row["waiting"] == _hits(
                session, person, Query(ENTRY, filters=in_it, attention="queue")
            )
            for state, number in row["states"].items():
                assert number == _hits(
                    session, person, Query(ENTRY, filters={**in_it, "state": [state]})
                )
        assert (
            sum(row["count"] for row in found["value_likelihood"]) == (listed.views["not_public"])
        )
        for row in found["value_likelihood"]:
            pair = {name: [row[name] or "empty"] for name in ("value", "likelihood")}
            query = Query(ENTRY, filters=pair, attention="not_public")
            assert row["count"] == _hits(session, person, query)
        sources = counts.of_list(session, person, Query(SOURCE))
        assert {row["value"]: row["count"] for row in found["sources"]} == facet("state", sources)


def test_the_order_of_a_facet(session: Any) -> None:
    """The most frequent first; in a list of several "no answer" comes last."""
    facets = counts.of_list(session, EVERYBODY["a chief data officer"], Query(ENTRY)).facets
    for name, items in facets.items():
        numbers = [item["count"] for item in items if item["value"] or name in search.FACETS]
        assert numbers == sorted(numbers, reverse=True)
    assert facets["blocker"][-1]["value"] is None
    assert facets["source"][-1]["value"] is None
