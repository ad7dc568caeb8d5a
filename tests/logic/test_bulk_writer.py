"""The bulk writer: the same records as one save each makes, and the leak contract through this door."""

from __future__ import annotations

import json
import re
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.search.common import make_connection
from ckan.tests.helpers import call_action

from ckanext.inventory.model import Department, Outbox, Pending, Record, Revision, Words
from ckanext.inventory.service import bulk, indexing, outbox, roles
from ckanext.inventory.types import ENTRY, SOURCE, Person, Role
from tests import support

pytestmark = pytest.mark.usefixtures("db")

# One word for Solr, too: it would look for a digit by itself, and names are full of digits.
SENTINEL = "zqsentinelword"
CONTENT: dict[str, Any] = {
    "title": f"Street trees {SENTINEL}",
    "notes": "Each tree\r\nof the city",
    "keywords": ["trees", SENTINEL],
    "format": ["spreadsheet", "gis"],
    "change_frequency": "monthly",
    "value": "high",
    "classification": "protected",
    "contains_sensitive_data": "yes",
    "requests_per_year": 12,
    "release_blockers": [{"kind": "privacy", "rationale": "Home addresses of owners"}],
    "existing_publication_url": ["https://a.example/x"],
    "comments": "a comment",
}


@pytest.fixture
def parks() -> model.Group:
    return support.make_department("PARKS", name="parks", title="Parks and Recreation")


@pytest.fixture
def coordinator(parks: model.Group) -> model.User:
    return support.grant(support.make_user("coordinator"), Role.COORDINATOR, parks)


def person_of(user: model.User) -> Person:
    return roles.person(model.Session(), user)


def write(
    user: model.User, *contents: dict[str, Any], package_type: str = ENTRY, **marks: Any
) -> list[bulk.Created]:
    session = model.Session()
    rows = [bulk.NewRecord(content, marks) for content in contents]
    person = person_of(user)
    errors = bulk.validate(session, package_type, rows, person, str(user.name))
    assert not any(errors), errors
    created = bulk.create(session, package_type, rows, person, act="import")
    session.commit()
    outbox.drain(session)
    return created


def errors_of(user: model.User, content: dict[str, Any]) -> bulk.Errors:
    session = model.Session()
    row = bulk.NewRecord(content)
    return bulk.validate(session, ENTRY, [row], person_of(user), str(user.name))[0]


def columns(table: Any, key: str, value: str) -> dict[str, Any]:
    row = model.Session.execute(sa.select(table).where(table.c[key] == value)).mappings().one()
    return dict(row)


def test_a_bulk_record_equals_one_that_was_saved_alone(
    coordinator: model.User, parks: model.Group
) -> None:
    content = {**CONTENT, "owner_org": parks.id}
    (one,) = write(coordinator, content)
    alone = call_action("package_create", support.context(coordinator), type=ENTRY, **content)
    different = {"id", "name", "metadata_created", "metadata_modified"}
    ours = columns(model.package_table, "id", one.package_id)
    theirs = columns(model.package_table, "id", alone["id"])
    assert {k for k in ours if ours[k] != theirs[k]} <= different
    ours = columns(Record.__table__, "package_id", one.package_id)
    theirs = columns(Record.__table__, "package_id", alone["id"])
    assert {k for k in ours if ours[k] != theirs[k]} == {
        "package_id",
        "number",
        "state_since",
        "waiting_since",
        "created_at",
        "modified_at",
    }
    ours = columns(Words.__table__, "package_id", one.package_id)
    theirs = columns(Words.__table__, "package_id", alone["id"])
    assert ours["text"].split()[2:] == theirs["text"].split()[2:]
    assert "-".join(ours["text"].split()[:2]) == one.number
    ours = columns(Revision.__table__, "package_id", one.package_id)
    theirs = columns(Revision.__table__, "package_id", alone["id"])
    assert {k for k in ours if ours[k] != theirs[k]} == {"package_id", "at"}
    ours = columns(model.member_table, "table_id", one.package_id)
    theirs = columns(model.member_table, "table_id", alone["id"])
    assert {k for k in ours if ours[k] != theirs[k]} == {"id", "table_id"}


def test_numbers_are_taken_once_and_in_the_order_of_the_rows(
    coordinator: model.User, parks: model.Group
) -> None:
    water = support.make_department("WATER", name="water")
    support.grant(coordinator, Role.COORDINATOR, water)
    owners = [parks.id, water.id, parks.id]
    created = write(
        coordinator,
        *({"title": f"Title {i}", "owner_org": owner} for i, owner in enumerate(owners)),
    )
    assert [record.number for record in created] == ["PARKS-0001", "WATER-0001", "PARKS-0002"]
    (source,) = write(coordinator, {"title": "A", "owner_org": parks.id}, package_type=SOURCE)
    assert source.number == "PARKS-S001"
    counters = model.Session.get(Department, parks.id)
    assert counters is not None
    assert (counters.entry_counter, counters.source_counter) == (2, 1)


def test_the_number_of_statements_does_not_grow_with_the_rows(
    coordinator: model.User, parks: model.Group
) -> None:
    def statements(count: int) -> int:
        seen: list[str] = []

        def note(_c: Any, _cur: Any, statement: str, *_rest: Any) -> None:
            seen.append(statement)

        session = model.Session()
        rows = [bulk.NewRecord({**CONTENT, "title": f"T{count}-{i}", "owner_org": parks.id})
                for i in range(count)]  # fmt: skip
        person = person_of(coordinator)
        bulk.validate(session, ENTRY, rows[:1], person, "coordinator")
        engine = session.get_bind()
        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            assert not any(bulk.validate(session, ENTRY, rows, person, "coordinator"))
            bulk.create(session, ENTRY, rows, person, act="import")
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    assert statements(5) == statements(50)


def test_departments_are_looked_up_at_once_by_id_or_name(coordinator: model.User) -> None:
    made = [support.make_department(name=f"unit-{number}") for number in range(4)]
    gone = support.make_department(name="unit-gone")
    gone.state = model.State.DELETED
    model.Session.commit()
    named = [
        made[0].id,
        made[0].name,
        made[1].name,
        made[2].id,
        "",
        gone.name,
        "no-such",
        " unit-3 ",
    ]
    rows = [
        bulk.NewRecord({"title": f"T{position}", "owner_org": name})
        for position, name in enumerate(named)
    ]
    seen: list[str] = []

    def note(_c: Any, _cur: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    session = model.Session()
    sa.event.listen(session.get_bind(), "before_cursor_execute", note)
    try:
        found = bulk.validate(session, ENTRY, rows, Person("editor", True, ()), "editor")
    finally:
        sa.event.remove(session.get_bind(), "before_cursor_execute", note)
    owners = [row.validated["owner_org"] if row.validated else None for row in rows]
    ids = [made[0].id, made[0].id, made[1].id, made[2].id, None, None, None, made[3].id]
    assert owners == ids
    assert [sorted(errors) for errors in found if errors] == [["owner_org"]] * 3
    # One for all, and one for each that isn't among them as it is written.
    assert len([statement for statement in seen if 'FROM "group"' in statement]) == 1 + 3


def test_writers_are_held(coordinator: model.User, parks: model.Group) -> None:
    content = {"title": "A", "owner_org": parks.id}
    assert "license_id" in errors_of(coordinator, {**content, "license_id": "cc-by"})
    assert "release_justification" in errors_of(
        coordinator, {**content, "release_justification": "x"}
    )
    waived = [{"kind": "privacy", "rationale": "x", "status": "waived", "status_reason": "y"}]
    assert "release_blockers" in errors_of(coordinator, {**content, "release_blockers": waived})


def test_everything_that_is_wrong_is_said_at_once(
    coordinator: model.User, parks: model.Group
) -> None:
    found = errors_of(
        coordinator,
        {"title": "", "owner_org": "nowhere", "value": "huge", "steward_email": "nobody"},
    )
    assert set(found) >= {"title", "owner_org", "value", "steward_email"}


def test_a_row_that_was_not_validated_is_not_written(
    coordinator: model.User, parks: model.Group
) -> None:
    row = bulk.NewRecord({"title": "A", "owner_org": parks.id})
    with pytest.raises(ValueError, match="validated"):
        bulk.create(model.Session(), ENTRY, [row], person_of(coordinator), act="import")


def test_a_failure_leaves_nothing(
    coordinator: model.User, parks: model.Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any) -> None:
        raise OSError("lost")

    monkeypatch.setattr(bulk.events, "record", fail)
    with pytest.raises(OSError, match="lost"):
        write(coordinator, {"title": "A", "owner_org": parks.id})
    model.Session.rollback()
    for table in (model.Package, Record, Revision, Outbox):
        assert model.Session.scalar(sa.select(sa.func.count()).select_from(table)) == 0


# The leak contract, through this door


@pytest.fixture
def written(coordinator: model.User, parks: model.Group) -> model.Package:
    sent = {
        **CONTENT,
        "owner_org": parks.id,
        "name": "budget",
        "private": False,
        "state": "draft",
        "zq_unknown": SENTINEL,
    }
    (created,) = write(coordinator, sent)
    package = model.Package.get(created.package_id)
    assert package is not None
    return package


def test_l3_names_are_opaque_whatever_is_sent(written: model.Package, parks: model.Group) -> None:
    assert re.fullmatch(r"inventory-[0-9a-z_-]{16,}", written.name)
    assert "zq_unknown" not in written.extras
    water = support.make_organization("water")
    admin = support.make_user("admin", sysadmin=True)
    call_action("package_create", support.context(admin), name="budget", owner_org=water.id)


def test_l12_members_do_not_show_it(written: model.Package, parks: model.Group) -> None:
    outsider = support.context(support.make_user("outsider"))
    rows = call_action("member_list", outsider, id=parks.id, object_type="package")
    assert written.id not in str(rows)


@pytest.mark.parametrize(
    "extra",
    [
        {"resources": [{"url": "https://a.example", "format": "zqformat"}]},
        {"extras": [{"key": "zq", "value": "1"}]},
    ],
)
def test_l14_l15_files_and_free_extras_are_refused(
    coordinator: model.User, parks: model.Group, extra: dict[str, Any]
) -> None:
    assert errors_of(coordinator, {"title": "A", "owner_org": parks.id, **extra})


def test_l13_l22_tags_and_groups_are_emptied(coordinator: model.User, parks: model.Group) -> None:
    sent = {
        "title": "A",
        "owner_org": parks.id,
        "tags": [{"name": SENTINEL}],
        "tag_string": SENTINEL,
    }
    if not errors_of(coordinator, sent):
        write(coordinator, sent)
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(model.Tag)) == 0


def test_l13_l42_the_index_document_is_the_allow_list(written: model.Package) -> None:
    connection = make_connection()
    (document,) = connection.search(f'id:"{written.id}"', fl="*").docs
    # Solr itself adds the n-grams of the name and of the title that all our documents share.
    added = {"_version_", "indexed_ts", "name_ngram", "title_ngram"}
    assert document.keys() - added <= indexing.ALLOWED_KEYS
    blobs = ("data_dict", "validated_data_dict")
    assert SENTINEL not in str({key: document[key] for key in document if key not in blobs})
    for name in ("text", "title", "notes"):
        assert connection.search(f'+id:"{written.id}" +{name}:{SENTINEL}').hits == 0
    assert document["capacity"] == "private"
    shown = json.loads(document["validated_data_dict"])
    assert shown["keywords"] == ["trees", SENTINEL]


def test_l17_no_activity_is_written(written: model.Package) -> None:
    from ckanext.activity.model import Activity

    rows = model.Session.scalars(sa.select(Activity)).all()
    assert not [row for row in rows if row.object_id == written.id or SENTINEL in str(row.data)]


def test_l24_it_is_private_and_only_the_department_and_the_city_see_it(
    written: model.Package, coordinator: model.User
) -> None:
    assert written.private is True
    assert written.state == "active"
    outsider = support.make_user("outsider")
    for user, hits in ((coordinator, 1), (outsider, 0), (None, 0)):
        found = call_action(
            "package_search",
            support.context(user),
            fq=f"dataset_type:{ENTRY}",
            include_private=True,
        )
        assert found["count"] == hits
    with pytest.raises((tk.ObjectNotFound, tk.NotAuthorized)):
        call_action("package_show", support.context(outsider), id=written.id)


def test_a_restricted_record_is_hidden_from_viewers_from_the_start(
    coordinator: model.User, parks: model.Group
) -> None:
    viewer = support.grant(support.make_user("viewer"), Role.VIEWER)
    write(
        coordinator,
        {"title": "A", "owner_org": parks.id},
        visibility="department_and_cdo_only",
    )
    found = call_action(
        "package_search", support.context(viewer), fq=f"dataset_type:{ENTRY}", include_private=True
    )
    assert found["count"] == 0
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Pending)) == 0
