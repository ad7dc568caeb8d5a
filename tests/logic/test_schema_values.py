"""The two schemas under scheming's validation, without writing anything."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import ckan.lib.plugins as lib_plugins
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.inventory.fields import content_of, schema_for
from ckanext.inventory.types import ENTRY, SOURCE
from tests import support

pytestmark = pytest.mark.usefixtures("db")

SOURCE_ID = "2f1d6c64-8f29-4f0b-9d55-2b1f6a5f0c11"


@pytest.fixture
def department() -> model.Group:
    return support.make_organization("parks", "Parks and Recreation")


@pytest.fixture
def validate(department: model.Group):
    def run(
        data: dict[str, Any], package_type: str = ENTRY, package: Any = None, **context: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        plugin = lib_plugins.lookup_package_plugin(package_type)
        action = "package_update" if package else "package_create"
        schema = plugin.update_package_schema() if package else plugin.create_package_schema()
        whole = {"type": package_type, "title": "Trees", "owner_org": department.id, **data}
        if package is not None:
            context["package"] = package
            whole["id"] = package.id
        context |= {"model": model, "session": model.Session, "user": ""}
        return lib_plugins.plugin_validate(plugin, context, whole, schema, action)

    return run


@pytest.fixture
def content(validate: Any):
    def run(data: dict[str, Any], package_type: str = ENTRY, **rest: Any) -> dict[str, Any]:
        validated, errors = validate(data, package_type, **rest)
        assert errors == {}
        return content_of(schema_for(package_type), validated)

    return run


@pytest.fixture
def refused(validate: Any):
    def run(data: dict[str, Any], package_type: str = ENTRY, **rest: Any) -> dict[str, Any]:
        return validate(data, package_type, **rest)[1]

    return run


def stored(**changes: Any) -> SimpleNamespace:
    defaults = {
        "id": SOURCE_ID,
        "name": "inventory-abc",
        "state": "active",
        "owner_org": None,
        "extras": {},
    }
    return SimpleNamespace(**(defaults | changes))


# --- what may be saved


@pytest.mark.parametrize("package_type", [ENTRY, SOURCE])
def test_a_title_and_a_department_are_enough(content: Any, department: Any, package_type: str):
    saved = content({}, package_type)
    assert {k: v for k, v in saved.items() if k != "blocker_status"} == {
        "title": "Trees",
        "owner_org": department.id,
    }


def test_without_title_or_department_nothing_is_saved(refused: Any):
    assert set(refused({"title": " ", "owner_org": ""})) == {"title", "owner_org"}


def test_a_department_may_be_named(content: Any, department: Any):
    assert content({"owner_org": "parks"})["owner_org"] == department.id


def test_an_unknown_or_closed_department_is_refused(refused: Any, department: Any):
    assert "owner_org" in refused({"owner_org": "nowhere"})
    department.state = "deleted"
    model.Session.flush()
    assert "owner_org" in refused({})


def test_a_package_left_in_the_context_gives_no_department(validate: Any, department: Any):
    left = stored(id="another", owner_org=department.id, extras={"free": "x"})
    plugin = lib_plugins.lookup_package_plugin(ENTRY)
    sent = {"type": ENTRY, "title": "x", "extras": [{"key": "free", "value": "x"}]}
    context = {"model": model, "session": model.Session, "user": "", "package": left}
    schema = plugin.create_package_schema()
    _, errors = lib_plugins.plugin_validate(plugin, context, sent, schema, "package_create")
    assert set(errors) == {"owner_org", "extras"}


def test_a_group_is_no_department(refused: Any):
    group = support.make_organization("cycling")
    group.is_organization = False
    model.Session.flush()
    assert "owner_org" in refused({"owner_org": group.id})


def test_the_department_stays_where_an_update_does_not_name_it(content: Any, department: Any):
    saved = content({"owner_org": None}, package=stored(owner_org=department.id))
    assert saved["owner_org"] == department.id


def test_every_field_takes_a_value_and_gives_it_back(content: Any, department: Any):
    sent = {
        "title": "Street trees",
        "owner_org": department.id,
        "notes": "One row per tree.\n\n* species",
        "alternate_title": "TreeDB",
        "division": "Forestry",
        "category": "energy_and_environment",
        "keywords": ["trees", "canopy"],
        "part_of": SOURCE_ID,
        "external_id": "17",
        "external_id_origin": "list of 2019",
        "source_ids": [SOURCE_ID],
        "source_known": "linked",
        "system_of_record_note": "Tree inventory",
        "format": ["gis"],
        "change_frequency": "weekly",
        "earliest_records": "1987",
        "geographic_coverage": "City limits",
        "language": ["en"],
        "data_dictionary": "partial",
        "data_dictionary_url": "https://example.org/columns",
        "approximate_size": "60,000 rows",
        "retention": "For ever",
        "steward": "Urban forestry",
        "steward_email": "forestry@example.org",
        "publishing_unit": "Open data desk",
        "public_contact_name": "Parks desk",
        "public_contact_email": "parks@example.org",
        "existing_etl": "scheduled_export",
        "existing_etl_notes": "Each night",
        "existing_publication": ["website"],
        "existing_publication_url": ["https://example.org/trees"],
        "existing_publication_note": "Under Trees",
        "value": "high",
        "value_reason": "People ask",
        "why_listed": ["records_requests"],
        "request_frequency": "frequent",
        "requests_per_year": 40,
        "quality_concern": "minor",
        "quality_notes": "Some have no diameter",
        "blocker_status": "some",
        "release_blockers": [
            {
                "kind": "privacy",
                "detail": ["personal_information"],
                "rationale": "One column names residents.",
                "citation": "Section 5",
                "owner": "Privacy office",
                "since": "2026-01-02",
                "look_again": "2027",
                "status": "open",
                "status_reason": "Asked again",
            }
        ],
        "contains_sensitive_data": "yes_can_be_treated",
        "sensitive_data_comments": "Leave the column out",
        "classification": "public",
        "reviews_needed": ["privacy"],
        "release_justification": "The column is left out",
        "target_release": "2027-06",
        "target_change_reason": "Staff",
        "license_id": "cc-by",
        "comments": "Nothing more",
        "source_date_added": "2016-02-11",
        "source_date_published": "2016",
    }
    assert set(sent) == set(schema_for(ENTRY).fields) - {"target_release_original"}
    assert content(sent) == sent
    assert list(content(sent)) == [name for name in schema_for(ENTRY).fields if name in sent]


def test_every_field_of_a_source_does_too(content: Any, department: Any):
    sent = {
        "title": "Tree inventory",
        "owner_org": department.id,
        "notes": "Where trees are kept",
        "contents": "Trees",
        "source_type": "gis_server",
        "division": "Forestry",
        "external_id": "S1",
        "external_id_origin": "list of systems",
        "yields": "one",
        "it_expert": "GIS desk",
        "it_expert_email": "gis@example.org",
        "business_expert": "Urban forestry",
        "business_expert_email": "forestry@example.org",
        "user_units": ["Parks, north", "Parks, south"],
        "technical_details": "Version 11",
        "hosting": "city_server",
        "access_method": "Query",
        "in_use_since": "1987",
        "lifecycle_status": "in_use",
        "planned_change": "upgrade",
        "planned_change_notes": "Version 12",
        "planned_change_date": "2027-06",
        "contains_sensitive_data": "no",
        "legal_protection": "None known",
        "comments": "Nothing",
    }
    assert set(sent) == set(schema_for(SOURCE).fields)
    assert content(sent, SOURCE) == sent


def test_the_rules_for_text_hold_in_every_field_of_text(refused: Any, content: Any):
    for name, spec in schema_for(ENTRY).fields.items():
        if spec.kind in ("text", "long_text", "markdown"):
            assert name in refused({name: "bell\x07"}), name
            more = {"external_id": "1"} if name == "external_id_origin" else {}
            more |= {"external_id_origin": "x"} if name == "external_id" else {}
            assert content(more | {name: " a\r\nb "})[name] == "a\nb"


def test_a_row_is_held_to_the_same_rules(refused: Any):
    errors = refused({"release_blockers": [{"kind": "privacy", "rationale": "bell\x07"}]})
    assert list(errors["release_blockers"][0]) == ["rationale"]
    errors = refused({"release_blockers": [{"kind": "privacy", "since": "soon"}]})
    assert list(errors["release_blockers"][0]) == ["since"]


def test_all_refusals_come_at_once(refused: Any):
    errors = refused({"category": "x", "requests_per_year": "many", "steward_email": "desk"})
    assert set(errors) == {"category", "requests_per_year", "steward_email"}


def test_an_unknown_licence_is_refused(refused: Any):
    assert "license_id" in refused({"license_id": "none-of-them"})


def test_empty_values_are_not_stored(validate: Any):
    validated, _ = validate({"category": "", "keywords": [], "comments": None, "notes": ""})
    assert validated.get("extras", []) == []
    assert validated["notes"] is None
    assert validated["license_id"] is None


# --- what depends on another field


def test_an_id_needs_its_list(refused: Any, content: Any):
    assert set(refused({"external_id": "17"})) == {"external_id_origin"}
    assert content({"external_id_origin": "old list"})["external_id_origin"] == "old list"


@pytest.mark.parametrize("sent", [{}, {"source_known": "not_known_yet"}, {"source_known": "x"}])
def test_a_named_source_answers_where_it_is_kept(validate: Any, sent: dict[str, str]):
    validated, errors = validate({"source_ids": [SOURCE_ID], **sent})
    if sent.get("source_known") == "x":
        assert set(errors) == {"source_known"}
    else:
        saved = content_of(schema_for(ENTRY), validated)
        assert saved["source_known"] == "linked"


def test_without_a_source_linked_falls_back(content: Any):
    assert content({"source_known": "linked", "source_ids": []})["source_known"] == "not_known_yet"
    noted = {"source_known": "linked", "system_of_record_note": "A drawer"}
    assert content(noted)["source_known"] == "described"
    assert "source_known" not in content({"source_ids": [""]})
    assert content({"source_known": "no_system"})["source_known"] == "no_system"


@pytest.mark.parametrize("status", ["", "open", "not_known_yet"])
def test_an_open_row_is_a_reason(content: Any, status: str):
    rows = [{"kind": "privacy", "status": status}]
    saved = content({"blocker_status": "none", "release_blockers": rows})
    assert saved["blocker_status"] == "some"


def test_a_settled_row_leaves_the_answer(content: Any):
    rows = [{"kind": "privacy", "status": "resolved"}, {"kind": "legal", "status": "waived"}]
    saved = content({"blocker_status": "none", "release_blockers": rows})
    assert saved["blocker_status"] == "none"


@pytest.mark.parametrize("extras", [{}, {"target_release": "2027"}])
def test_nobody_writes_the_first_target(content: Any, extras: dict[str, str]):
    sent = {"target_release": "2027", "target_release_original": "2020"}
    assert "target_release_original" not in content(sent)
    assert "target_release_original" not in content(sent, package=stored(extras=extras))


def test_the_first_target_stays(content: Any):
    extras = {"target_release": "2027", "target_release_original": "2026"}
    for sent in ({}, {"target_release": "2029", "target_release_original": ""}):
        saved = content(sent, package=stored(extras=extras))
        assert saved["target_release_original"] == "2026"


# --- rows


def test_a_row_without_status_is_open(content: Any):
    saved = content({"release_blockers": [{"kind": "privacy"}]})
    assert saved["release_blockers"] == [{"kind": "privacy", "status": "open"}]


def test_blank_rows_vanish(content: Any):
    rows = [{"kind": "", "rationale": " ", "status": "open"}, {"kind": "legal"}, {"kind": ""}]
    saved = content({"release_blockers": rows})
    assert saved["release_blockers"] == [{"kind": "legal", "status": "open"}]


def test_a_filled_row_needs_its_kind(refused: Any):
    errors = refused({"release_blockers": [{"rationale": "Names of people."}]})
    assert list(errors["release_blockers"][0]) == ["kind"]


def test_a_second_row_of_a_kind_is_refused(refused: Any):
    errors = refused({"release_blockers": [{"kind": "legal"}, {"kind": "legal"}]})
    assert [list(row) for row in errors["release_blockers"]] == [[], ["kind"]]


def test_a_column_that_does_not_exist_is_refused(refused: Any):
    errors = refused({"release_blockers": [{"kind": "legal", "secret": "x"}]})
    assert "secret" in errors["release_blockers"][0]["kind"][0]


def test_rows_come_from_a_form_too(content: Any):
    saved = content({"release_blockers-0-kind": "legal", "release_blockers-0-rationale": "A law."})
    assert saved["release_blockers"] == [{"kind": "legal", "rationale": "A law.", "status": "open"}]


def test_no_rows_are_no_content(content: Any):
    assert "release_blockers" not in content({"release_blockers": []})


# --- locks


def test_a_name_is_opaque_whatever_was_sent(validate: Any):
    names = {validate({"name": "budget"})[0]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(re.fullmatch(r"inventory-[0-9a-f]{20,}", name) for name in names)


def test_a_stored_name_stays(validate: Any):
    assert validate({"name": "budget"}, package=stored())[0]["name"] == "inventory-abc"


@pytest.mark.parametrize("sent", [False, "false", "", None, "x"])
def test_a_record_is_private_whatever_was_sent(validate: Any, sent: Any):
    assert validate({"private": sent})[0]["private"] is True
    assert validate({"private": sent}, package=stored())[0]["private"] is True


@pytest.mark.parametrize("sent", ["draft", "deleted", "nonsense", ""])
def test_ckans_state_is_not_for_sending(validate: Any, sent: str):
    assert validate({"state": sent})[0]["state"] == "active"
    assert validate({"state": sent}, package=stored(state="draft"))[0]["state"] == "active"
    assert validate({"state": sent}, package=stored(state="deleted"))[0]["state"] == "deleted"


def test_our_services_may_set_ckans_state(validate: Any):
    validated, _ = validate({}, package=stored(), inventory_package_state="deleted")
    assert validated["state"] == "deleted"


@pytest.mark.parametrize("update", [False, True])
def test_what_is_no_field_is_emptied(validate: Any, update: bool):
    sent = {
        "tags": [{"name": "sentinel-tag"}, {"name": "?!"}],
        "tag_string": "sentinel-tag,x",
        "groups": [{"name": "cycling"}],
        "relationships_as_subject": [{"object": "other"}],
        "author": "Somebody",
        "url": "https://example.org",
        "version": "2",
    }
    validated, errors = validate(sent, package=stored() if update else None)
    assert errors == {}
    assert not set(validated) & set(sent)


def test_files_are_refused(refused: Any):
    errors = refused(
        {"resources": [{"url": "https://example.org/a.csv", "format": "CSV"}, {"url": ""}]}
    )
    assert set(errors) == {"resources"}
    assert "holds no files" in errors["resources"][0]["url"][0]
    assert len(errors["resources"]) == 2


def test_no_files_are_no_problem(content: Any):
    assert content({"resources": [], "extras": [], "tags": [], "groups": []})


def test_free_extras_are_refused(refused: Any):
    assert "extras" in refused({"extras": [{"key": "free", "value": "x"}]})


def test_a_field_sent_as_an_extra_is_refused(refused: Any):
    assert "extras" in refused({"extras": [{"key": "value", "value": "bogus"}]})


def test_an_extra_of_a_dropped_field_does_not_bar_saving(validate: Any):
    package = stored(extras={"old_field": "x"})
    sent = {"extras": [{"key": "old_field", "value": "x"}], "value": "high"}
    validated, errors = validate(sent, package=package)
    assert errors == {}
    assert [item["key"] for item in validated["extras"]] == ["value"]


# --- cost


def test_a_row_of_a_batch_costs_no_statement(validate: Any, department: Any):
    statements: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    sa.event.listen(model.meta.engine, "before_cursor_execute", note)
    try:
        cache: dict[str, Any] = {}
        for _ in range(3):
            validate({"value": "high", "license_id": "cc-by"}, inventory_cache=cache)
    finally:
        sa.event.remove(model.meta.engine, "before_cursor_execute", note)
    queries = [statement for statement in statements if not statement.startswith("SAVEPOINT")]
    assert len(queries) == 1, queries


def test_lists_are_stored_as_json(validate: Any):
    validated, _ = validate({"keywords": ["Bäume"], "format": ["gis"], "requests_per_year": 4})
    extras = {item["key"]: item["value"] for item in validated["extras"]}
    assert json.loads(extras["keywords"]) == ["Bäume"]
    assert all(isinstance(value, str) for value in extras.values())
