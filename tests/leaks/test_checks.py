"""The self-check finds what the locks should have prevented, and puts right what it can."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.search.common import make_connection

from ckanext.inventory import clock
from ckanext.inventory.model import Link, Outbox, Pending, Record
from ckanext.inventory.service import checks, index_check, indexing, outbox
from tests.leaks.city import City

pytestmark = pytest.mark.usefixtures("scratch")


def found() -> dict[str, checks.Finding]:
    return {finding.name: finding for finding in checks.check(model.Session())}


def execute(statement: Any, **values: Any) -> None:
    model.Session.execute(sa.text(statement) if isinstance(statement, str) else statement, values)
    model.Session.commit()


def test_a_sound_city_has_no_findings(city: City) -> None:
    assert found() == {}
    assert not checks.broken([])


BROKEN = {
    "public_entry": "UPDATE package SET private = false WHERE id = :id",
    "telling_name": "UPDATE package SET name = 'city-budget' WHERE id = :id",
    "not_registered": "DELETE FROM inventory_record WHERE package_id = :id",
    "other_department": "UPDATE package SET owner_org = :other WHERE id = :id",
    "other_state": "UPDATE package SET state = 'draft' WHERE id = :id",
    "without_words": "DELETE FROM inventory_words WHERE package_id = :id",
    "resources": "INSERT INTO resource (id, package_id, url, state, position)"
    " VALUES ('r', :id, 'u', 'active', 0)",
    "groups": "INSERT INTO member (id, table_name, table_id, group_id, capacity, state)"
    " VALUES ('m', 'package', :id, :group, 'public', 'active')",
    "collaborators": "INSERT INTO package_member (package_id, user_id, capacity, modified)"
    " VALUES (:id, :user, 'editor', now())",
    "followers": "INSERT INTO user_following_dataset (follower_id, object_id, datetime)"
    " VALUES (:user, :id, now())",
    "relationship_subject": "INSERT INTO package_relationship"
    " (id, subject_package_id, object_package_id, type, state)"
    " VALUES ('x', :id, :id, 'depends_on', 'active')",
    "activities": "INSERT INTO activity (id, timestamp, user_id, object_id, activity_type)"
    " VALUES ('a', now(), :user, :id, 'new package')",
    "published_without_link": "UPDATE inventory_record SET state = 'published'"
    " WHERE package_id = :id",
    "hidden_for_good": "INSERT INTO inventory_pending (package_id, since) VALUES (:id, now())",
}
LEFT_TO_PEOPLE = {
    "telling_name",
    "not_registered",
    "other_department",
    "resources",
    "published_without_link",
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_rule_is_found_and_put_right_where_nobody_has_to_decide(
    city: City, name: str
) -> None:
    draft = city.records["draft"]
    nobody = city.people["nobody"]
    assert nobody is not None
    execute(BROKEN[name], id=draft.id, other=city.b.id, group=city.group.id, user=nobody.id)
    before = found()
    assert name in before
    assert before[name].count == 1
    assert checks.broken(list(before.values()))
    repaired = checks.repair(model.Session())
    left = {finding.name for finding in repaired.left}
    assert (name in left) == (name in LEFT_TO_PEOPLE)
    assert (name in repaired.fixed) == (name not in LEFT_TO_PEOPLE)


def test_rows_without_a_package_are_forgotten_but_for_their_history(city: City) -> None:
    draft = city.records["draft"]
    execute("DELETE FROM member WHERE table_id = :id", id=draft.id)
    execute("DELETE FROM package WHERE id = :id", id=draft.id)
    link = Link(entry_id="gone", mode="external", url="https://example.org", at=clock.now())
    model.Session.add(link)
    model.Session.commit()
    assert {"without_package", "phantom_document", "link_without_entry"} <= set(found())
    repaired = checks.repair(model.Session())
    assert not repaired.left
    assert model.Session.get(Record, draft.id) is None


def change_document(city: City, **changes: Any) -> None:
    package = model.Package.get(city.records["draft"].id)
    assert package is not None
    document = indexing.documents(model.Session(), [package])[0]
    make_connection().add(docs=[document | changes], commit=True)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("public_document", {"permission_labels": ["public"]}),
        ("public_document", {"capacity": "public"}),
        ("wordy_document", {"notes": "words of an entry"}),
        ("wordy_document", {"tags": ["word"]}),
        ("wrong_readers", {"permission_labels": ["inventory-org-other", "inventory-citywide"]}),
        ("wrong_readers", {"permission_labels": ["inventory-user-x"]}),
        ("wrong_readers", {"permission_labels": []}),
    ],
)
def test_a_document_that_tells_too_much_is_found_and_indexed_again(
    city: City, name: str, changes: dict[str, Any]
) -> None:
    change_document(city, **changes)
    before = found()
    assert before[name].ids == (city.records["draft"].id,)
    assert not checks.repair(model.Session()).left


def test_a_missing_document_is_indexed_again(city: City) -> None:
    make_connection().delete(id=city.records["draft"].id, commit=True)
    make_connection().delete(q=f"id:{city.records['draft'].id}", commit=True)
    assert set(found()) == {"missing_document"}
    assert not checks.repair(model.Session()).left


def test_l46_a_document_without_a_package_is_taken_out(city: City) -> None:
    document = {
        "id": "phantom",
        "index_id": "phantom",
        "site_id": "test.inventory",
        "entity_type": "package",
        "name": "phantom",
    }
    make_connection().add(docs=[document], commit=True)
    assert set(found()) == {"phantom_document"}
    assert not checks.repair(model.Session()).left


def test_side_effects_that_wait_too_long_are_named_and_carried_out(city: City) -> None:
    outbox.narrow(model.Session(), [city.records["draft"].id])
    long_ago = clock.now() - dt.timedelta(hours=2)
    execute(sa.update(Outbox).values(queued_at=long_ago))
    assert set(found()) == {"outbox"}
    repaired = checks.repair(model.Session())
    assert not repaired.left
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Pending)) == 0


def test_an_index_that_does_not_answer_is_a_finding(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:

    def refuse() -> None:
        raise OSError("refused")

    monkeypatch.setattr(index_check, "make_connection", refuse)
    assert set(found()) == {"index_unreachable"}


def test_findings_read_as_sentences_with_a_remedy(city: City) -> None:
    execute(BROKEN["public_entry"], id=city.records["draft"].id)
    line = found()["public_entry"].line()
    assert line == (
        "public_entry: entries or sources are public in the database (L24). "
        "To do: run ckan inventory check --repair."
    )
