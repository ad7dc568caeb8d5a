"""Taking over an older inventory with what was decided in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories

from ckanext.inventory.model import Link, Record, event
from ckanext.inventory.service import events, register
from tests.logic.city import City, events_of, make_city

HEADER = "Dataset name,Department,Status,Decision date,Decision reason,Portal dataset,URL"
ROWS = """
Street trees,Parks,Published,2019-05-04,,street-trees,
Benches,Parks,Published,2020,,,https://elsewhere.example.org/benches
Playgrounds,Parks,PUBLISHED ,,,,
Wells,Water,Do not release,2018-01-02,Critical infrastructure,,
Pipes,Water,On hold,,Too much work now,,
Old pumps,Water,Archived,,,,
Meters,Water,In progress,,,,
"""


def _csv(rows: str = ROWS, header: str = HEADER) -> bytes:
    return (header + rows).encode()


@pytest.fixture
def city(db: None) -> City:
    found = make_city()
    factories.Dataset(name="street-trees", title="Trees", owner_org=found.parks.id)
    return found


def _take(city: City, user: Any = None, content: bytes | None = None, **data: Any) -> Any:
    given = {"upload": content or _csv(), "filename": "old.csv", **data}
    return city.do(user or city.cdo, "inventory_take_over", **given)


def _records() -> dict[str, Record]:
    model.Session.expire_all()
    return {row.title: row for row in model.Session.scalars(sa.select(Record))}


def test_looking_first_shows_words_with_counts_and_samples(city: City) -> None:
    shown = _take(city, dry_run=True)
    assert shown["past"] == {
        "state": "Status",
        "date": "Decision date",
        "reason": "Decision reason",
        "dataset": "Portal dataset",
        "url": "URL",
    }
    words = {word["word"]: word for word in shown["words"]}
    assert {name: (word["state"], word["rows"]) for name, word in words.items()} == {
        "published": ("published", 3),
        "do not release": ("withheld", 1),
        "on hold": ("deferred", 1),
        "archived": ("retired", 1),
        "in progress": ("draft", 1),
    }
    assert words["published"]["samples"] == ["Street trees", "Benches", "Playgrounds"]
    assert {word["how"] for word in words.values()} == {"guessed"}
    assert shown["arriving"] == {
        "published": 2,
        "approved": 1,
        "withheld": 1,
        "deferred": 1,
        "retired": 1,
        "draft": 1,
    }
    assert [row["title"] for row in shown["nowhere"]] == ["Playgrounds"]
    assert _records() == {}


def test_rows_arrive_in_their_past_states(city: City) -> None:
    _take(city)
    found = _records()
    assert {title: row.state for title, row in found.items()} == {
        "Street trees": "published",
        "Benches": "published",
        "Playgrounds": "approved",
        "Wells": "withheld",
        "Pipes": "deferred",
        "Old pumps": "retired",
        "Meters": "draft",
    }
    trees = found["Street trees"]
    assert (trees.approved_revision, trees.approved_by) == (1, None)
    assert trees.approved_at is not None
    assert trees.approved_at.date().isoformat() == "2019-05-04"
    assert found["Wells"].open_kinds == ["not_known_yet"]
    links = {row.entry_id: row for row in model.Session.scalars(sa.select(Link))}
    dataset = model.Package.get("street-trees")
    assert dataset is not None
    assert links[trees.package_id].dataset_id == dataset.id
    assert links[trees.package_id].mode == "linked"
    external = links[found["Benches"].package_id]
    assert (external.mode, external.url) == ("external", "https://elsewhere.example.org/benches")
    assert register.rebuild(model.Session()) == 0


def test_one_event_says_that_it_was_decided_before(city: City) -> None:
    _take(city)
    assert [row.act for row in model.Session.execute(sa.select(event.c.act))] == ["take_over"]
    wells = _records()["Wells"]
    assert events_of({"id": wells.package_id}) == ["take_over"]
    [entry] = city.do(city.cdo, "inventory_history", id=wells.number)
    assert entry["to_state"] == "withheld"
    assert entry["details"]["comment"] == "Critical infrastructure"
    assert entry["details"]["said"] == "Do not release"
    assert entry["details"]["on"] == "2018-01-02"
    assert list(events.verify(model.Session())) == []


def test_words_are_corrected_and_remembered(city: City) -> None:
    rows = "\nTrees,Parks,Blue\nBenches,Parks,Published\n"
    header = "Dataset name,Department,Status"
    with pytest.raises(tk.ValidationError) as refusal:
        _take(city, content=_csv(rows, header))
    assert "blue" in refusal.value.error_dict["states"][0]
    assert _records() == {}
    _take(city, content=_csv(rows, header), states={"BLUE": "approved", "Published": "draft"})
    assert {row.state for row in _records().values()} == {"approved", "draft"}
    again = _take(
        city, content=_csv("\nPonds,Parks,blue\n", header), dry_run=True, filename="second.csv"
    )
    assert again["words"] == [
        {"word": "blue", "state": "approved", "how": "remembered", "rows": 1, "samples": ["Ponds"]}
    ]


def test_another_column_can_be_chosen(city: City) -> None:
    content = _csv("\nTrees,Parks,done,denied\n", "Dataset name,Department,Status,Fate")
    shown = _take(city, content=content, past={"state": "Fate"}, dry_run=True)
    assert [word["word"] for word in shown["words"]] == ["denied"]
    shown = _take(city, content=content, past={"state": ""}, dry_run=True)
    assert [word["word"] for word in shown["words"]] == [""]


def test_without_a_state_a_link_says_it_is_published(city: City) -> None:
    header = "Dataset name,Department,Link"
    rows = "\nTrees,Parks,https://elsewhere.example.org/trees\nBenches,Parks,\n"
    shown = _take(city, content=_csv(rows, header), dry_run=True)
    assert shown["arriving"] == {"published": 1, "draft": 1}


def test_links_by_id_name_and_address_and_what_is_wrong_with_them(city: City) -> None:
    dataset = model.Package.get("street-trees")
    assert dataset is not None
    hidden = factories.Dataset(private=True, owner_org=city.parks.id)
    site = tk.config["ckan.site_url"]
    rows = f"""
By id,Parks,published,{dataset.id}
By name,Parks,published,street-trees
By address,Parks,published,{site}/dataset/street-trees/resource/x
Hidden,Parks,published,{hidden["name"]}
Missing,Parks,published,nothing-there
"""
    shown = _take(city, content=_csv(rows, "Dataset name,Department,Status,Slug"), dry_run=True)
    assert (shown["linked"], shown["external"]) == (3, 0)
    assert [row["title"] for row in shown["not_found"]] == ["Hidden", "Missing"]
    assert [row["title"] for row in shown["nowhere"]] == ["Hidden", "Missing"]
    assert shown["shared"] == [
        {
            "dataset_id": dataset.id,
            "name": "street-trees",
            "titles": ["By id", "By name", "By address"],
        }
    ]


def test_the_same_file_again_takes_over_nothing(city: City) -> None:
    _take(city)
    again = _take(city)
    assert (again["created"], again["skipped_count"]) == (0, 7)


def test_another_file_than_the_one_looked_at_is_refused(city: City) -> None:
    shown = _take(city, dry_run=True)
    with pytest.raises(tk.ValidationError):
        _take(city, content=_csv("\nTrees,Parks,Published,,,,\n"), digest=shown["digest"])


def test_only_a_cdo_takes_over(city: City) -> None:
    for user in (city.coordinator, city.reviewer, city.viewer, city.editor):
        with pytest.raises(tk.NotAuthorized):
            _take(city, user)


def test_taken_over_entries_go_on_like_any_other(city: City) -> None:
    _take(city)
    found = _records()
    city.do(
        city.cdo,
        "inventory_transition",
        id=found["Pipes"].number,
        transition="reopen",
        comment="Now there is time.",
    )
    assert _records()["Pipes"].state == "draft"
    city.do(
        city.cdo,
        "inventory_transition",
        id=found["Street trees"].number,
        transition="withdraw",
        comment="It is wrong.",
        revision=1,
    )
    assert _records()["Street trees"].state == "approved"
    dataset = model.Package.get("street-trees")
    assert dataset is not None
    assert (dataset.private, dataset.state) == (False, "active")


@pytest.mark.parametrize(
    ("folder", "file", "column", "published", "linked"),
    [
        ("dc-edi-2018", "dataset_inventory_2018_03_11.csv", "OPENDATA_PORTAL", 517, True),
        ("dc-edi-2019", "dataset_inventory_2019.csv", "OPENDATA_PORTAL", 577, False),
    ],
)
def test_real_published_rows_arrive_published(
    city: City,
    shared_data: Path,
    folder: str,
    file: str,
    column: str,
    published: int,
    linked: bool,
) -> None:
    content = (shared_data / folder / file).read_bytes()
    done = _take(city, content=content, filename=file, create_departments=True)
    assert done["past"]["state"] == column
    words = {word["state"]: word["rows"] for word in done["words"]}
    # rows whose title the agency lists twice are skipped, as in every import
    assert published - done["skipped_count"] <= words["published"] <= published
    counted = dict(
        model.Session.execute(sa.select(Record.state, sa.func.count()).group_by(Record.state))
        .tuples()
        .all()
    )
    assert counted == done["arriving"]
    on_portal, approved = counted.get("published", 0), counted.get("approved", 0)
    assert on_portal + approved == words["published"]
    assert len(done["nowhere"]) == approved
    assert (on_portal > 400) is linked
