"""What becomes of the records of a catalogue, run by run."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.inventory.model import Candidate, Record
from ckanext.inventory.service import register
from tests.harvest.conftest import Catalogue, record
from tests.harvest.harvesting import entries, errors, run, source, states
from tests.logic.city import ENOUGH_TO_APPROVE, City, events_of


def test_records_become_drafts_of_the_department(city: City, catalogue: Catalogue) -> None:
    url = catalogue.datasets(record(1), record(2))
    assert run(source(city, url)) == {"added": 2}
    found = entries()
    assert [(row.number, row.title, row.state) for row in found] == [
        ("PARKS-0001", "Street trees 1", "draft"),
        ("PARKS-0002", "Street trees 2", "draft"),
    ]
    assert {row.department for row in found} == {city.parks.id}
    assert {row.created_by for row in found} == {None}
    assert register.rebuild(model.Session()) == 0


def test_drafts_for_a_department_that_was_merged_go_to_the_one_it_went_on_as(
    city: City, catalogue: Catalogue
) -> None:
    harvest = source(city, catalogue.datasets(record(1)))
    city.do(city.cdo, "inventory_merge", department=city.parks.id, into=city.water.id)
    assert run(harvest) == {"added": 1}
    assert {row.department for row in entries()} == {city.water.id}


def test_an_entry_says_what_its_record_says(city: City, catalogue: Catalogue) -> None:
    url = catalogue.datasets(
        record(
            1,
            temporal="2015-06-01/2020-01-01",
            spatial="Larkhaven and its islands",
            language=["en-US", "es"],
            issued="2019-03-02T10:00:00Z",
            describedBy="https://data.larkhaven.example/columns.pdf",
            theme=["Energy and Environment"],
        )
    )
    run(source(city, url))
    entry = city.do(city.coordinator, "inventory_entry_show", id="PARKS-0001")
    assert entry["content"] == {
        "title": "Street trees 1",
        "owner_org": city.parks.id,
        "notes": "Every tree the city plants.",
        "keywords": ["trees", "parks"],
        "category": "energy_and_environment",
        "public_contact_name": "Parks desk",
        "public_contact_email": "parks@larkhaven.example",
        "change_frequency": "weekly",
        "earliest_records": "2015-06-01",
        "geographic_coverage": "Larkhaven and its islands",
        "language": ["en", "es"],
        "format": ["csv_or_text"],
        "data_dictionary": "yes",
        "data_dictionary_url": "https://data.larkhaven.example/columns.pdf",
        "existing_publication": ["open_data_portal"],
        "existing_publication_url": ["https://data.larkhaven.example/trees-1"],
        "source_date_published": "2019-03-02",
        "blocker_status": "none",
        "external_id": "lh-1",
        "external_id_origin": "Larkhaven open data",
    }


def test_the_history_says_that_a_harvest_brought_it_and_nobody_here(
    city: City, catalogue: Catalogue
) -> None:
    run(source(city, catalogue.datasets(record(1))))
    [row] = entries()
    assert events_of({"id": row.package_id}) == ["harvest"]
    history = city.do(city.coordinator, "inventory_history", id=row.number)
    assert history[0]["details"]["catalogue"] == "Larkhaven open data"
    assert history[0]["user_id"] is None


def test_what_is_not_public_there_is_not_said_to_be_public(
    city: City, catalogue: Catalogue
) -> None:
    run(
        source(
            city,
            catalogue.datasets(
                record(1, accessLevel="restricted public", rights="Names of minors.")
            ),
        )
    )
    content = city.do(city.coordinator, "inventory_entry_show", id="PARKS-0001")["content"]
    assert "blocker_status" not in content
    assert "existing_publication" not in content
    assert content["comments"] == "Names of minors."


def test_a_second_run_does_nothing(city: City, catalogue: Catalogue) -> None:
    harvest = source(city, catalogue.datasets(record(1), record(2)))
    run(harvest)
    before = states()
    assert run(harvest) == {"not modified": 2}
    assert states() == before


def test_what_the_entry_does_not_say_is_no_change(city: City, catalogue: Catalogue) -> None:
    harvest = source(city, catalogue.datasets(record(1)))
    run(harvest)
    before = states()
    catalogue.datasets(record(1, modified="2026-02-02", bureauCode=["x"]))
    assert run(harvest) == {"not modified": 1}
    assert states() == before


def test_a_changed_record_changes_its_draft(city: City, catalogue: Catalogue) -> None:
    harvest = source(city, catalogue.datasets(record(1), record(2)))
    run(harvest)
    catalogue.datasets(record(1, title="Trees of the streets", keyword=[]), record(2))
    assert run(harvest) == {"updated": 1, "not modified": 1}
    first, second = entries()
    assert (first.title, first.revision) == ("Trees of the streets", 2)
    assert second.revision == 1
    assert register.rebuild(model.Session()) == 0
    assert run(harvest) == {"not modified": 2}
    catalogue.datasets(record(1, title="Once more"), record(2))
    assert run(harvest) == {"updated": 1, "not modified": 1}


def _edit(city: City, entry: dict[str, Any]) -> None:
    city.do(city.coordinator, "inventory_entry_patch", id=entry["id"], value="high", revision=1)


def _patch(city: City, entry: dict[str, Any]) -> None:
    city.do(city.coordinator, "package_patch", id=entry["id"], value="low")


def _assign(city: City, entry: dict[str, Any]) -> None:
    city.do(city.coordinator, "inventory_assign", ids=[entry["id"]], user=city.editor.name)


def _comment(city: City, entry: dict[str, Any]) -> None:
    city.do(city.coordinator, "inventory_comment", id=entry["id"], text="Ask Ann about this.")


def _restrict(city: City, entry: dict[str, Any]) -> None:
    city.do(
        city.coordinator,
        "inventory_mark",
        ids=[entry["id"]],
        field="visibility",
        value="department_and_cdo_only",
    )


def _submit(city: City, entry: dict[str, Any]) -> None:
    city.do(
        city.coordinator,
        "inventory_entry_patch",
        id=entry["id"],
        **ENOUGH_TO_APPROVE,
        revision=1,
    )
    city.step(city.coordinator, entry, "submit")


def _approve(city: City, entry: dict[str, Any]) -> None:
    _submit(city, entry)
    city.do(
        city.reviewer,
        "inventory_classification_confirm",
        ids=[entry["id"]],
        classification="public",
    )
    city.step(city.cdo, entry, "approve")


def _withdraw(city: City, entry: dict[str, Any]) -> None:
    _submit(city, entry)
    city.step(city.coordinator, entry, "take_back")


def _delete(city: City, entry: dict[str, Any]) -> None:
    city.do(city.coordinator, "package_delete", id=entry["id"])


def _purge(city: City, entry: dict[str, Any]) -> None:
    city.do(city.sysadmin, "dataset_purge", id=entry["id"])


TOUCHES = (_edit, _patch, _assign, _comment, _restrict, _submit, _approve, _delete, _purge)


@pytest.mark.parametrize("touch", TOUCHES, ids=lambda touch: touch.__name__.strip("_"))
def test_what_somebody_has_in_hand_is_never_touched_again(
    city: City, catalogue: Catalogue, touch: Any
) -> None:
    harvest = source(city, catalogue.datasets(record(1), record(2)))
    run(harvest)
    entry = {"id": entries()[0].package_id}
    touch(city, entry)
    before = states()
    catalogue.datasets(record(1, title="Changed upstream"), record(2))
    assert run(harvest) == {"not modified": 2}
    assert states() == before
    assert run(harvest) == {"not modified": 2}
    catalogue.datasets(record(2))
    assert run(harvest) == {"not modified": 2}
    after = {row.package_id: row for row in model.Session.scalars(sa.select(Record))}
    for package_id, revision, title, state, package_state, modified in (
        key for key in before if len(key) > 1
    ):
        row = after[package_id]
        assert (row.revision, row.title, row.state) == (revision, title, state)
        assert (row.package_state, row.modified_at) == (package_state, modified)
    assert run(harvest) == {"not modified": 1}


def test_a_change_upstream_of_what_somebody_has_in_hand_is_told(
    city: City, catalogue: Catalogue
) -> None:
    harvest = source(city, catalogue.datasets(record(1)))
    run(harvest)
    _edit(city, {"id": entries()[0].package_id})
    catalogue.datasets(record(1, title="Changed upstream"))
    run(harvest)
    shown = city.do(city.coordinator, "inventory_entry_show", id="PARKS-0001")
    assert shown["candidate"]["catalogue"] == "Larkhaven open data"
    assert shown["candidate"]["changed_at"]
    assert shown["candidate"]["gone_at"] is None


def test_a_removed_record_takes_an_untouched_draft_with_it(
    city: City, catalogue: Catalogue
) -> None:
    harvest = source(city, catalogue.datasets(record(1), record(2)))
    run(harvest)
    catalogue.datasets(record(2))
    assert run(harvest) == {"deleted": 1, "not modified": 1}
    assert [row.title for row in entries()] == ["Street trees 2"]
    assert run(harvest) == {"not modified": 1}
    catalogue.datasets(record(1), record(2))
    assert run(harvest) == {"added": 1, "not modified": 1}
    assert [row.number for row in entries()] == ["PARKS-0002", "PARKS-0003"]


def test_a_removed_record_is_told_where_somebody_has_the_draft_in_hand(
    city: City, catalogue: Catalogue
) -> None:
    harvest = source(city, catalogue.datasets(record(1), record(2)))
    run(harvest)
    entry = {"id": entries()[0].package_id}
    _edit(city, entry)
    catalogue.datasets(record(2))
    assert run(harvest) == {"not modified": 2}
    shown = city.do(city.coordinator, "inventory_entry_show", id="PARKS-0001")
    assert shown["candidate"]["gone_at"]
    assert events_of(entry) == ["harvest", "edit", "harvest_gone"]
    assert run(harvest) == {"not modified": 1}
    assert events_of(entry) == ["harvest", "edit", "harvest_gone"]
    catalogue.datasets(record(1), record(2))
    assert run(harvest) == {"not modified": 2}
    shown = city.do(city.coordinator, "inventory_entry_show", id="PARKS-0001")
    assert shown["candidate"]["gone_at"] is None


def test_a_draft_that_another_entry_names_is_not_deleted(city: City, catalogue: Catalogue) -> None:
    harvest = source(city, catalogue.datasets(record(1), record(2)))
    run(harvest)
    city.entry(part_of=entries()[0].package_id)
    catalogue.datasets(record(2))
    assert run(harvest) == {"not modified": 2}
    assert len(entries()) == 3


@pytest.mark.parametrize("left", [0, 14])
def test_a_catalogue_that_lost_much_at_once_removes_nothing(
    city: City, catalogue: Catalogue, left: int
) -> None:
    everything = [record(number) for number in range(30)]
    harvest = source(city, catalogue.datasets(*everything))
    run(harvest)
    before = states()
    catalogue.datasets(*everything[:left])
    assert run(harvest) == {"errored": 1} | ({"not modified": left} if left else {})
    [message] = errors(harvest)
    assert message.startswith(f"{30 - left} of 30 records are no longer in the catalogue.")
    assert "accept_removals" in message
    assert states() == before


def test_a_large_loss_can_be_accepted(city: City, catalogue: Catalogue) -> None:
    everything = [record(number) for number in range(30)]
    settings = {"default_department": "PARKS", "accept_removals": True}
    harvest = source(city, catalogue.datasets(*everything), settings)
    run(harvest)
    catalogue.datasets(*everything[:5])
    assert run(harvest) == {"deleted": 25, "not modified": 5}


def test_what_is_in_the_inventory_already_is_not_brought_again(
    city: City, catalogue: Catalogue
) -> None:
    city.entry(title="street  trees 1")
    harvest = source(city, catalogue.datasets(record(1), record(2)))
    assert run(harvest) == {"added": 1, "not modified": 1}
    assert [row.title for row in entries()] == ["street  trees 1", "Street trees 2"]
    catalogue.datasets(record(1, description="Other words"), record(2))
    assert run(harvest) == {"not modified": 2}
    catalogue.datasets(record(2))
    assert run(harvest) == {"not modified": 2}
    assert len(entries()) == 2
    assert city.do(city.cdo, "inventory_entry_show", id="PARKS-0001")["candidate"] is None


def test_two_records_of_one_title_are_two_candidates(city: City, catalogue: Catalogue) -> None:
    url = catalogue.datasets(record(1, title="Budget"), record(2, title="Budget"))
    assert run(source(city, url)) == {"added": 2}


def test_nothing_of_a_record_is_left_with_harvest(city: City, catalogue: Catalogue) -> None:
    harvest = source(city, catalogue.datasets(record(1), record(2), {"identifier": "broken"}))
    run(harvest)
    rows = model.Session.execute(sa.text("SELECT content, package_id FROM harvest_object")).all()
    assert len(rows) == 3
    assert {tuple(row) for row in rows} == {("{}", None)}
    assert model.Session.scalar(sa.text("SELECT count(*) FROM harvest_object_extra")) == 0


def test_harvest_marks_the_newest_object_as_current(city: City, catalogue: Catalogue) -> None:
    harvest = source(city, catalogue.datasets(record(1), record(2)))
    run(harvest)
    catalogue.datasets(record(1, title="Changed"))
    run(harvest)
    current = model.Session.execute(
        sa.text("SELECT guid, report_status FROM harvest_object WHERE current")
    ).all()
    assert [tuple(row) for row in current] == [("lh-1", "updated")]


def test_many_records_go_by_the_batch(city: City, catalogue: Catalogue) -> None:
    everything = [record(number) for number in range(450)]
    harvest = source(city, catalogue.datasets(*everything, record(7), "no record"))
    assert run(harvest) == {"added": 450, "errored": 2}
    queued = model.Session.scalar(
        sa.text("SELECT count(*) FROM harvest_object WHERE fetch_started IS NOT NULL")
    )
    assert queued == 3
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Candidate)) == 450


def test_a_purged_entry_is_not_brought_again(city: City, catalogue: Catalogue) -> None:
    harvest = source(city, catalogue.datasets(record(1)))
    run(harvest)
    _purge(city, {"id": entries()[0].package_id})
    assert run(harvest) == {"not modified": 1}
    assert entries() == []
