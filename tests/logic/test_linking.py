"""Linking entries that exist already to what is on the portal already."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories
from click.testing import CliRunner

from ckanext.inventory.cli import inventory
from ckanext.inventory.model import Link, Record, event
from ckanext.inventory.service import register
from tests.logic.city import City, events_of, make_city


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def _dataset(owner: Any, title: str, name: str, **fields: Any) -> dict[str, Any]:
    return factories.Dataset(title=title, name=name, owner_org=owner.id, **fields)


def _link(city: City, user: Any = None, **data: Any) -> dict[str, Any]:
    return city.do(user or city.cdo, "inventory_link_bulk", **data)


def _file(text: str) -> dict[str, str]:
    return {"content": base64.b64encode(text.encode()).decode(), "filename": "links.csv"}


def _links() -> int:
    return model.Session.scalar(sa.select(sa.func.count()).select_from(Link)) or 0


def test_a_pair_is_linked_as_decided_before_this_system(city: City) -> None:
    entry = city.entry()
    dataset = _dataset(city.parks, "Trees", "trees")
    done = _link(city, pairs=[{"entry": "PARKS-0001", "dataset": "trees"}])
    assert (done["count"], done["left_out"], done["shared"]) == (1, [], [])
    record = model.Session.get(Record, entry["id"])
    assert record is not None
    assert (record.state, record.approved_by) == ("published", None)
    assert record.approved_revision == record.revision
    assert record.approved_hash == record.material_hash
    link = model.Session.get(Link, entry["id"])
    assert link is not None
    assert (link.mode, link.dataset_id, link.copied, link.held) == (
        "linked",
        dataset["id"],
        {},
        False,
    )
    assert events_of(entry)[-1] == "link"
    [told, *_] = city.do(city.cdo, "inventory_history", id="PARKS-0001")
    assert (told["from_state"], told["to_state"]) == ("draft", "published")
    assert told["details"]["before_this_system"] is True
    assert city.do(city.cdo, "inventory_drift", id="PARKS-0001")["differences"] == []
    assert city.do(city.cdo, "inventory_portal_missing")["count"] == 0
    assert register.rebuild(model.Session()) == 0


def test_looking_first_changes_nothing(city: City) -> None:
    entry = city.entry()
    _dataset(city.parks, "Trees", "trees")
    shown = _link(city, pairs=["PARKS-0001=trees"], dry_run=True)
    assert (shown["count"], shown["dry_run"]) == (1, True)
    assert (_links(), city.state(entry)) == (0, "draft")


def test_an_approval_stays_whose_it_is(city: City) -> None:
    entry = city.approved()
    _dataset(city.parks, "Trees", "trees")
    _link(city, pairs=["PARKS-0001=trees"])
    record = model.Session.get(Record, entry["id"])
    assert record is not None
    assert (record.state, record.approved_by) == ("published", city.cdo.id)


def test_rows_of_a_file_name_entries_and_datasets_in_every_way(city: City) -> None:
    for title in ("Trees", "Benches", "Paths", "Wells"):
        city.entry(title=title, external_id=f"A-{title}", external_id_origin="Assets")
    _dataset(city.parks, "Trees of the city", "trees")
    benches = _dataset(city.parks, "Benches of the city", "benches")
    _dataset(
        city.parks, "Paths", "paths", resources=[{"url": "https://data.larkhaven.example/p.csv"}]
    )
    text = (
        "Number,External ID,Title,Dataset ID,URL\n"
        "PARKS-0001,,,trees,\n"
        f",a-benches,,{benches['id']},\n"
        ",,  paths ,,https://data.larkhaven.example/p.csv\n"
        ",,Wells,,https://elsewhere.example/wells\n"
    )
    done = _link(city, **_file(text))
    assert done["left_out"] == []
    linked = {row["entry"]["number"]: (row["dataset"] or {}).get("name") for row in done["rows"]}
    assert linked == {
        "PARKS-0001": "trees",
        "PARKS-0002": "benches",
        "PARKS-0003": "paths",
        "PARKS-0004": None,
    }
    assert done["rows"][3]["url"] == "https://elsewhere.example/wells"
    modes = sorted(model.Session.scalars(sa.select(Link.mode)))
    assert modes == ["external", "linked", "linked", "linked"]
    acts = model.Session.scalars(sa.select(event.c.id).where(event.c.act == "link")).all()
    assert len(acts) == 1


def test_what_is_not_linked_is_told_with_the_reason(city: City) -> None:
    city.entry(title="Trees")
    city.entry(title="Twins")
    city.entry(title="Twins")
    city.entry(title="Paths")
    city.submitted(
        title="Names of residents",
        blocker_status="some",
        release_blockers=[{"kind": "privacy", "rationale": "It names residents."}],
    )
    _dataset(city.parks, "Trees", "trees")
    _dataset(city.parks, "Secret", "secret", private=True)
    text = (
        "Title,Dataset ID\n"
        "Trees,trees\n"
        "Trees,trees\n"
        "Twins,trees\n"
        "Nobody's,trees\n"
        "Names of residents,trees\n"
        "Paths,secret\n"
        "Paths,\n"
    )
    done = _link(city, **_file(text))
    assert [(row["row"], row["reason"]) for row in done["left_out"]] == [
        (3, "twice"),
        (4, "several_entries"),
        (5, "no_entry"),
        (6, "blocked"),
        (7, "not_found"),
        (8, "nothing_said"),
    ]
    assert {one["reason"]: one["count"] for one in done["reasons"]}["twice"] == 1
    again = _link(city, pairs=["PARKS-0001=trees"])
    assert [row["reason"] for row in again["left_out"]] == ["linked_already"]


def test_several_entries_of_one_dataset_are_linked_and_told(city: City) -> None:
    for title in ("Trees", "Tree species", "Stumps"):
        city.entry(title=title)
    _dataset(city.parks, "Trees", "trees")
    _link(city, pairs=["PARKS-0001=trees"])
    done = _link(city, pairs=["PARKS-0002=trees", "PARKS-0003=trees"], dry_run=True)
    assert done["count"] == 2
    [shared] = done["shared"]
    assert shared["dataset"]["name"] == "trees"
    assert shared["numbers"] == ["PARKS-0001", "PARKS-0002", "PARKS-0003"]


def test_a_withheld_entry_stays_withheld(city: City) -> None:
    entry = city.submitted(
        blocker_status="some",
        release_blockers=[{"kind": "privacy", "rationale": "It names residents."}],
    )
    city.step(city.cdo, entry, "withhold")
    _dataset(city.parks, "Trees", "trees")
    done = _link(city, pairs=[f"{entry['id']}=trees"])
    assert [row["reason"] for row in done["left_out"]] == ["state"]
    assert city.state(entry) == "withheld"


def test_a_file_of_nothing_but_datasets_says_what_it_lacks(city: City) -> None:
    with pytest.raises(tk.ValidationError) as refusal:
        _link(city, **_file("Dataset ID,Colour\ntrees,green\n"))
    shown = _link(city, **_file("Dataset ID,Colour\ntrees,green\n"), dry_run=True)
    assert (shown["headers"], len(shown["lacks"])) == (["Dataset ID", "Colour"], 1)
    assert "names the entry" in refusal.value.error_dict["columns"][0]


def test_another_file_than_the_one_looked_at_is_refused(city: City) -> None:
    city.entry(title="Trees")
    _dataset(city.parks, "Trees", "trees")
    looked = _link(city, **_file("Title,Dataset ID\nTrees,trees\n"), dry_run=True)
    with pytest.raises(tk.ValidationError):
        _link(city, **_file("Title,Dataset ID\nTrees,other\n"), digest=looked["digest"])
    assert _link(city, **_file("Title,Dataset ID\nTrees,trees\n"), digest=looked["digest"])


def test_suggestions_by_title_and_by_link(city: City) -> None:
    city.entry(title="Street trees")
    city.entry(title="Drinking fountains")
    city.entry(title="The old list", existing_publication_url=["https://x.example/wells.csv"])
    _dataset(city.parks, "Street Trees", "street-trees")
    _dataset(city.water, "Drinking fountain", "fountains")
    _dataset(city.water, "Wells", "wells", resources=[{"url": "https://x.example/wells.csv"}])
    found = city.do(city.cdo, "inventory_link_suggestions")
    assert [
        (one["entry"]["number"], one["dataset"]["name"], one["why"]) for one in found["results"]
    ] == [
        ("PARKS-0001", "street-trees", "same_title"),
        ("PARKS-0003", "wells", "same_link"),
        ("PARKS-0002", "fountains", "similar_title"),
    ]
    assert found["distinct"] == 3
    only = city.do(city.cdo, "inventory_link_suggestions", datasets=["wells"])
    assert [one["entry"]["number"] for one in only["results"]] == ["PARKS-0003"]
    assert city.do(city.cdo, "inventory_link_suggestions", department="WATER")["count"] == 0


def test_all_distinct_ones_above_a_likeness_are_accepted(city: City) -> None:
    city.entry(title="Street trees")
    city.entry(title="Twins")
    city.entry(title="Twins")
    city.entry(title="Adopted budget 2019")
    _dataset(city.parks, "Street trees", "street-trees")
    _dataset(city.parks, "Twins", "twins")
    _dataset(city.parks, "Adopted budget 2020", "budget")
    looked = _link(city, above="90%", dry_run=True)
    assert [row["entry"]["number"] for row in looked["rows"]] == ["PARKS-0001"]
    assert _link(city, above=0.9)["count"] == 1
    assert _links() == 1


def test_the_own_department_is_the_better_fit(city: City) -> None:
    city.entry(title="Street trees")
    city.entry(city.neighbour, title="Street trees", owner_org=city.water.id)
    _dataset(city.water, "Street trees", "street-trees")
    [row] = _link(city, above=0.9, dry_run=True)["rows"]
    assert row["entry"]["number"] == "WATER-0001"


def test_what_stands_in_the_way_is_not_suggested(city: City) -> None:
    city.entry(
        title="Street trees",
        blocker_status="some",
        release_blockers=[{"kind": "privacy", "rationale": "It names residents."}],
    )
    city.entry(title="Benches", classification="restricted")
    for title in ("Street trees", "Benches"):
        _dataset(city.parks, title, title.lower().replace(" ", "-"))
    found = city.do(city.cdo, "inventory_link_suggestions")
    assert [one["dataset"]["name"] for one in found["results"]] == []


def test_only_a_cdo_links(city: City) -> None:
    city.entry()
    for user in (city.coordinator, city.reviewer, city.viewer, city.editor):
        with pytest.raises(tk.NotAuthorized):
            _link(city, user, pairs=["PARKS-0001=trees"])
        with pytest.raises(tk.NotAuthorized):
            city.do(user, "inventory_link_suggestions")


def test_say_which(city: City) -> None:
    with pytest.raises(tk.ValidationError):
        _link(city)
    with pytest.raises(tk.ValidationError):
        _link(city, pairs=["PARKS-0001"])


def _run(*arguments: str) -> Any:
    return CliRunner().invoke(inventory, ["take-over", "link", *arguments, "--user", "cdo"])


def test_from_the_command_line(city: City, tmp_path: Path) -> None:
    city.entry(title="Street trees")
    city.entry(title="Benches")
    city.entry(title="Paths")
    _dataset(city.parks, "Street trees", "street-trees")
    _dataset(city.parks, "Park benches", "park-benches")
    _dataset(city.parks, "Paths and ways", "ways")
    listed = _run()
    assert "PARKS-0001" in listed.output
    looked = _run("--above", "90", "--dry-run")
    assert (looked.exit_code, "Would link 1 entries." in looked.output) == (0, True)
    assert json.loads(_run("--above", "90", "--json").stdout)["count"] == 1
    assert "Linked 1 entries." in _run("--pair", "PARKS-0002=park-benches").output
    file = tmp_path / "links.csv"
    file.write_text("Which,Where\nPARKS-0003,ways\nPARKS-0009,ways\n")
    done = _run(str(file), "--column", "number=Which", "--column", "dataset=Where")
    assert done.exit_code == 1
    assert "Linked 1 entries." in done.output
    assert "There is no such entry." in done.output
