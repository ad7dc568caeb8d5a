"""Every rule at every door: the tables of the policy, seen to allow and to refuse over the action API.

What a person may do is read from the tables of ``tests/unit/test_policy_matrix``, in which state from the workflow's,
and who writes a field from the schema. A new row there is tested here without further ado, or fails for want of a
request.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import CKANTestApp

from ckanext.inventory import workflow
from ckanext.inventory.fields import schema_for
from ckanext.inventory.model import Record, Revision
from ckanext.inventory.types import ENTRY, SOURCE, Role, State, Writer
from tests.logic.city import ENOUGH_TO_APPROVE, City, make_city
from tests.support import grant, make_member, make_token, make_user
from tests.unit.test_policy_matrix import CITY, FIELDS, TABLES

ENOUGH_OF_A_SOURCE: dict[str, Any] = {
    "notes": "Register of all trees.",
    "source_type": "database",
    "planned_change": "none",
    "it_expert": "GIS custodian",
    "business_expert": "Urban forestry",
    "yields": "several",
    "lifecycle_status": "in_use",
}

BLOCKER = {"kind": "privacy", "rationale": "It names residents.", "status": "open"}


@dataclass
class Doors:
    """A city with a record in every state, and a token for every column of the tables."""

    city: City
    parks: str
    water: str
    tokens: dict[str, str]
    records: dict[tuple[str, str], str]
    dataset: str
    app: CKANTestApp | None = None

    def call(self, column: str, action: str, data: dict[str, Any]) -> Any:
        """Call an action over HTTP as the person of a column; a visitor has no token."""
        assert self.app is not None
        headers = {"Authorization": self.tokens[column]} if column in self.tokens else {}
        return self.app.post(f"/api/3/action/{action}", json=data, headers=headers)

    def id(self, kind: str, name: str) -> str:
        return self.records[kind, name]


@pytest.fixture(scope="module")
def built(module_db: None) -> Doors:
    city = make_city()
    people = {
        "admin": city.sysadmin,
        "cdo": city.cdo,
        "delegate": grant(make_user("delegate"), Role.REVIEWER, may_approve=True),
        "reviewer": city.reviewer,
        "viewer": city.viewer,
        "coordinator": city.coordinator,
        "assignee": make_user("assignee"),
        "other": city.neighbour,
    }
    make_member(city.editor, city.parks, "admin")
    people["organization admin"] = city.editor
    tokens = {name: make_token(user) for name, user in people.items()}
    doors = Doors(city, city.parks.id, city.water.id, tokens, {}, "")
    for name, make in _ENTRIES.items():
        doors.records[ENTRY, name] = make(city)
    for name, make in _SOURCES.items():
        doors.records[SOURCE, name] = make(city)
    ids = list(doors.records.values())
    city.do(city.sysadmin, "inventory_assign", ids=ids, user="assignee")
    doors.dataset = city.do(
        city.sysadmin,
        "package_create",
        name="ordinary",
        title="Ordinary dataset",
        owner_org=city.parks.id,
        private=True,
    )["id"]
    return doors


@pytest.fixture
def doors(built: Doors, db: None, app: CKANTestApp) -> Iterator[Doors]:
    built.app = app
    yield built
    built.app = None


# One record of each kind that a rule tells apart.


def _draft(city: City) -> str:
    return city.entry(**ENOUGH_TO_APPROVE)["id"]


def _submitted(city: City) -> str:
    return city.submitted()["id"]


def _blocked(city: City) -> str:
    return city.submitted(blocker_status="some", release_blockers=[BLOCKER])["id"]


def _approved(city: City) -> str:
    return city.approved()["id"]


def _then(make: Callable[[City], str], transition: str, **inputs: Any) -> Callable[[City], str]:
    def made(city: City) -> str:
        entry = {"id": make(city)}
        city.step(city.cdo, entry, transition, **inputs)
        return entry["id"]

    return made


_PUBLICATION = {"metadata_only": True, "license_id": "cc-by"}

_ENTRIES: dict[str, Callable[[City], str]] = {
    "draft": _draft,
    "submitted": _submitted,
    "blocked": _blocked,
    "returned": _then(_submitted, "return", comment="What is one row?"),
    "approved": _approved,
    "preparing": _then(_approved, "prepare", publication=_PUBLICATION),
    "published": _then(_approved, "promote", publication=_PUBLICATION),
    "deferred": _then(_submitted, "defer", comment="Not now.", look_again="2099"),
    "withheld": _then(_blocked, "withhold"),
    "retired": _then(_draft, "retire", retire_reason="not_a_dataset"),
}


def _source(city: City, *steps: tuple[Any, str, dict[str, Any]]) -> str:
    source = city.do(
        city.coordinator,
        "inventory_source_create",
        title="Tree inventory",
        owner_org=city.parks.id,
        **ENOUGH_OF_A_SOURCE,
    )
    for person, transition, inputs in steps:
        city.step(person, source, transition, **inputs)
    return source["id"]


_SOURCES: dict[str, Callable[[City], str]] = {
    "draft": _source,
    "submitted": lambda city: _source(city, (city.coordinator, "submit", {})),
    "returned": lambda city: _source(
        city, (city.coordinator, "submit", {}), (city.cdo, "return", {"comment": "Who runs it?"})
    ),
    "retired": lambda city: _source(
        city, (city.cdo, "retire", {"comment": "Gone.", "retire_reason": "no_longer_kept"})
    ),
}


# How each act is asked for.


def _transition(name: str, **inputs: Any) -> tuple[str, dict[str, Any]]:
    return "inventory_transition", {"transition": name, **inputs}


def _mark(field: str, value: Any) -> tuple[str, dict[str, Any]]:
    return "inventory_mark", {"field": field, "value": value}


REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "read": ("inventory_{kind}_show", {}),
    "edit": ("inventory_{kind}_patch", {"comments": "Looked at again."}),
    "comment": ("inventory_comment", {"text": "What is one row?"}),
    "assign": ("inventory_assign", {"user": "viewer"}),
    "restrict": _mark("visibility", "department_and_cdo_only"),
    "directory": _mark("in_directory", False),
    "triage": _mark("triage", "later"),
    "listing": _mark("listing", "allowed"),
    "share": _mark("shared", True),
    "review": ("inventory_review_record", {"kind": "privacy", "outcome": "passed"}),
    "classify": ("inventory_classification_confirm", {"classification": "internal"}),
    "block": ("inventory_blocker_save", {"kind": "effort", "rationale": "Scans to be typed in."}),
    "resolve": ("inventory_blocker_status", {"kind": "privacy", "status": "resolved"}),
    "waive": (
        "inventory_blocker_status",
        {"kind": "privacy", "status": "waived", "reason": "Only blocks are shown."},
    ),
    "request_waiver": (
        "inventory_waiver_request",
        {"kind": "privacy", "reason": "Only blocks are shown."},
    ),
    "transfer": ("inventory_transfer_request", {"department": "{water}"}),
    "delete": ("package_delete", {}),
    "purge": ("dataset_purge", {}),
    "submit": _transition("submit"),
    "recall": _transition("recall"),
    "return": _transition("return", comment="What is one row?"),
    "approve": _transition("approve"),
    "defer": _transition("defer", comment="Not now.", look_again="2099"),
    "withhold": _transition("withhold", blocker=BLOCKER),
    "reopen": _transition("reopen", comment="It is needed after all."),
    "prepare": _transition("prepare", publication=_PUBLICATION),
    "promote": _transition("promote", publication=_PUBLICATION),
    "withdraw": _transition("withdraw", comment="A column too many."),
    "retire": _transition("retire", retire_reason="not_a_dataset", comment="It is none."),
    "confirm": _transition("confirm"),
    "want": ("inventory_want", {"reason": "It was asked for at every hearing."}),
}

BY_IDS = {"inventory_assign", "inventory_mark", "inventory_classification_confirm"}

USUAL_RECORD = {
    (ENTRY, "resolve"): "blocked",
    (ENTRY, "waive"): "blocked",
    (ENTRY, "request_waiver"): "blocked",
    (ENTRY, "approve"): "submitted",
    (ENTRY, "delete"): "draft",
    (ENTRY, "purge"): "draft",
}
"""Acts that are tried on another record than one in the first state that they start from."""


REFUSED_FOR_THE_ROW = {("resolve", "assignee")}
"""What the table allows at best: an assignee resolves the blockers that they own."""


def _record_name(kind: str, act: str) -> str:
    if (kind, act) in USUAL_RECORD:
        return USUAL_RECORD[kind, act]
    rows = workflow.transitions_of(kind)
    if act not in rows:
        return "draft"
    return next(state.value for state in State if state in rows[act].sources)


def _ask(doors: Doors, column: str, kind: str, act: str, name: str) -> Any:
    action, data = REQUESTS[act]
    package_id = doors.id(kind, name)
    given: dict[str, Any] = {
        key: doors.water if value == "{water}" else value for key, value in data.items()
    }
    given |= {"ids": [package_id]} if action in BY_IDS else {"id": package_id}
    if action == "inventory_transition":
        given["revision"] = _current(package_id).revision
    return doors.call(column, action.format(kind=kind.removeprefix("inventory_")), given)


def _current(package_id: str) -> Record:
    return model.Session.scalars(sa.select(Record).where(Record.package_id == package_id)).one()


def _content(package_id: str) -> dict[str, Any]:
    query = (
        sa.select(Revision.content)
        .where(Revision.package_id == package_id)
        .order_by(Revision.revision.desc())
    )
    return model.Session.scalars(query.limit(1)).one()


MATRIX = [
    pytest.param(kind, act, column, id=f"{kind.removeprefix('inventory_')}-{act}-{column}")
    for kind, table in TABLES.items()
    for act, row in table.items()
    for column in row
    if act != "link"
]


@pytest.mark.parametrize(("kind", "act", "column"), MATRIX)
def test_every_act_at_the_action_api(doors: Doors, kind: str, act: str, column: str) -> None:
    allowed = TABLES[kind][act][column] in {"+", "2", "b", "n", "u"}
    allowed &= (act, column) not in REFUSED_FOR_THE_ROW
    name = _record_name(kind, act)
    before = _current(doors.id(kind, name)).state

    answer = _ask(doors, column, kind, act, name)

    if allowed:
        assert answer.status_code == 200, answer.json["error"]
    elif column == "other":
        assert answer.status_code == 404, answer.json
    else:
        assert answer.status_code in {403, 409}, answer.json
    if not allowed:
        assert _current(doors.id(kind, name)).state == before


@pytest.mark.parametrize(
    ("kind", "act"),
    [(kind, act) for kind, table in TABLES.items() for act in table if act != "link"],
)
def test_a_visitor_may_nothing(doors: Doors, kind: str, act: str) -> None:
    """And learns nothing: the answer is the one for an id that doesn't exist."""
    answer = _ask(doors, "visitor", kind, act, _record_name(kind, act))

    assert answer.status_code in {403, 404}
    assert doors.id(kind, _record_name(kind, act)) not in answer.body


@pytest.mark.parametrize(
    ("kind", "act"),
    [(kind, act) for kind in (ENTRY, SOURCE) for act in workflow.transitions_of(kind)],
)
def test_no_transition_from_a_state_that_is_not_in_its_row(
    doors: Doors, kind: str, act: str
) -> None:
    row = workflow.transitions_of(kind)[act]
    outside = [s.value for s in State if s in workflow.STATES[kind] and s not in row.sources]
    for name in outside:
        answer = _ask(doors, "admin", kind, act, name)
        assert answer.status_code == 409, (name, answer.json)
        assert _current(doors.id(kind, name)).state == name


def test_the_requests_cover_the_tables() -> None:
    assert set(REQUESTS) == {act for table in TABLES.values() for act in table} - {"link"}


@pytest.mark.parametrize("act", ["approve", "approve-in-bulk"])
@pytest.mark.parametrize("column", ["admin", "cdo", "delegate"])
def test_second_person(doors: Doors, column: str, act: str) -> None:
    """Whoever edited the text doesn't approve it, alone or among others; somebody else does."""
    package_id = doors.id(ENTRY, "submitted")
    author = {"admin": "admin", "cdo": "cdo", "delegate": "delegate"}[column]
    model.Session.execute(
        sa.update(Revision)
        .where(Revision.package_id == package_id)
        .values(author=model.User.get(author).id)
    )
    model.Session.commit()
    revision = _current(package_id).revision

    def approve(who: str) -> Any:
        if act == "approve":
            data: dict[str, Any] = {"id": package_id, "revision": revision}
            return doors.call(who, "inventory_transition", {"transition": "approve", **data})
        data = {"ids": [package_id], "revisions": {package_id: revision}}
        return doors.call(who, "inventory_transition_bulk", {"transition": "approve", **data})

    refused = approve(column)
    assert refused.status_code in {403, 409}
    assert "somebody else" in refused.body
    assert _current(package_id).state == "submitted"
    assert approve("cdo" if column != "cdo" else "admin").status_code == 200
    assert _current(package_id).state == "approved"


@pytest.mark.parametrize(("owner", "status"), [("assignee", 200), ("viewer", 409), ("A unit", 409)])
def test_an_assignee_resolves_a_blocker_of_theirs(doors: Doors, owner: str, status: int) -> None:
    package_id = doors.id(ENTRY, "blocked")
    user = model.User.get(owner)
    row = {**BLOCKER, "owner": user.id if user is not None else owner}
    doors.call("admin", "package_patch", {"id": package_id, "release_blockers": [row]})

    answer = _ask(doors, "assignee", ENTRY, "resolve", "blocked")

    assert answer.status_code == status, answer.json


# Acts that concern no single record.

CITY_REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "enter": ("inventory_me", {}),
    "overview": ("inventory_overview", {}),
    "review_queue": ("inventory_review_queue", {}),
    "manage_roles": ("inventory_role_add", {"user": "editor", "role": "viewer"}),
    "name_cdo": ("inventory_role_add", {"user": "editor", "role": "cdo"}),
    "manage_departments": ("inventory_department_update", {"id": "{parks}", "steward": "Unit"}),
    "merge": ("inventory_merge", {"department": "{water}", "into": "{parks}"}),
    "take_over": ("inventory_portal_missing", {}),
    "check": ("inventory_check", {}),
    "erase": ("inventory_event_erase", {"event_id": 1, "reason": "Named a resident."}),
}


@pytest.mark.parametrize("column", CITY["enter"])
@pytest.mark.parametrize("act", CITY)
def test_citywide_acts(doors: Doors, act: str, column: str) -> None:
    action, data = CITY_REQUESTS[act]
    ids = {"{parks}": doors.parks, "{water}": doors.water}
    cell = CITY[act][column]
    if column == "other" and act in {"enter", "overview"}:
        cell = "+"  # another department's coordinator: no stranger to the inventory as such
    if column == "assignee" and act == "enter":
        cell = "+"  # whoever is assigned something has business here

    answer = doors.call(column, action, {key: ids.get(str(v), v) for key, v in data.items()})

    assert answer.status_code == (200 if cell == "+" else 403), answer.json
    assert doors.call("visitor", action, dict(data)).status_code == 403


# Writers of fields, at every door that takes text.

A_FIELD: dict[frozenset[Writer], tuple[str, Any]] = {
    frozenset({Writer.DEPARTMENT}): ("alternate_title", "Canopy"),
    frozenset({Writer.DEPARTMENT, Writer.REVIEWER}): ("value_reason", "Asked for every week."),
    frozenset({Writer.DEPARTMENT, Writer.SYSTEM}): ("source_known", "no_system"),
    frozenset({Writer.REVIEWER}): ("release_justification", "Nobody can be recognised."),
    frozenset({Writer.REVIEWER, Writer.SYSTEM}): ("reviews_needed", ["legal"]),
    frozenset({Writer.SYSTEM}): ("target_release_original", "2027"),
}

TextDoor = Callable[[Doors, str, str, dict[str, Any]], Any]


def _patch(action: str, doors: Doors, column: str, package_id: str, changes: dict[str, Any]) -> Any:
    return doors.call(column, action, {"id": package_id, **changes})


def _update(
    action: str, doors: Doors, column: str, package_id: str, changes: dict[str, Any]
) -> Any:
    shown = doors.call("admin", "package_show", {"id": package_id}).json["result"]
    return doors.call(column, action, {**shown, **changes})


def _revise(doors: Doors, column: str, package_id: str, changes: dict[str, Any]) -> Any:
    data = {"match": {"id": package_id}, "update": changes}
    return doors.call(column, "package_revise", data)


TEXT_DOORS: dict[str, TextDoor] = {
    "package_patch": functools.partial(_patch, "package_patch"),
    "package_update": functools.partial(_update, "package_update"),
    "package_revise": _revise,
    "inventory_entry_patch": functools.partial(_patch, "inventory_entry_patch"),
    "inventory_entry_update": functools.partial(_update, "inventory_entry_update"),
}


def test_a_field_of_every_kind_of_writer_is_tried() -> None:
    kinds = {spec.writers for spec in schema_for(ENTRY).fields.values()}
    kinds -= {frozenset()}

    assert kinds <= set(A_FIELD)
    for writers, (name, _) in A_FIELD.items():
        assert schema_for(ENTRY).fields[name].writers == writers
    assert {" ".join(sorted(w.value for w in writers)) for writers in A_FIELD} == {
        " ".join(sorted(key.split())) for key in FIELDS
    }


@pytest.mark.parametrize("door", TEXT_DOORS)
@pytest.mark.parametrize("writers", FIELDS)
def test_writers_at_every_door(doors: Doors, writers: str, door: str) -> None:
    """The weakest who may, may; the strongest who may not, may not; to others there is nothing."""
    name, value = A_FIELD[frozenset(Writer(word) for word in writers.split())]
    package_id = doors.id(ENTRY, "draft")
    may = [column for column, cell in FIELDS[writers].items() if cell == "+"]
    may_not = [column for column, cell in FIELDS[writers].items() if cell == "-"]
    before = _content(package_id).get(name)

    for column in may_not:
        answer = TEXT_DOORS[door](doors, column, package_id, {name: value})
        if column == "other":
            assert answer.status_code == 404, answer.json
        assert _content(package_id).get(name) == before, column
    for column in may[-1:]:
        answer = TEXT_DOORS[door](doors, column, package_id, {name: value})
        assert answer.status_code == 200, answer.json["error"]
        assert _content(package_id)[name] == value


@pytest.mark.parametrize("door", TEXT_DOORS)
def test_a_retired_entry_is_not_edited(doors: Doors, door: str) -> None:
    change = {"alternate_title": "Canopy"}
    refused = TEXT_DOORS[door](doors, "coordinator", doors.id(ENTRY, "retired"), change)
    assert refused.status_code in {403, 409}
    assert "alternate_title" not in _content(doors.id(ENTRY, "retired"))

    for state in ("draft", "submitted", "returned", "approved", "published", "withheld"):
        answer = TEXT_DOORS[door](doors, "coordinator", doors.id(ENTRY, state), change)
        assert answer.status_code == 200, (state, answer.json)


@pytest.mark.parametrize("door", TEXT_DOORS)
def test_what_submit_asked_stays(doors: Doors, door: str) -> None:
    for state, status in (("draft", 200), ("submitted", 409), ("approved", 409)):
        answer = TEXT_DOORS[door](doors, "coordinator", doors.id(ENTRY, state), {"notes": ""})
        assert answer.status_code == status, (state, answer.json)


@pytest.mark.parametrize("door", TEXT_DOORS)
def test_a_stale_revision_is_refused(doors: Doors, door: str) -> None:
    package_id = doors.id(ENTRY, "draft")
    change = {"alternate_title": "Canopy"}
    assert (
        TEXT_DOORS[door](doors, "coordinator", package_id, {**change, "revision": 99}).status_code
        == 409
    )
    current = _current(package_id).revision
    answer = TEXT_DOORS[door](doors, "coordinator", package_id, {**change, "revision": current})
    assert answer.status_code == 200, answer.json


@pytest.mark.parametrize("door", ["package_update", "inventory_entry_update"])
def test_an_update_names_its_revision(doors: Doors, door: str) -> None:
    answer = TEXT_DOORS[door](doors, "coordinator", doors.id(ENTRY, "draft"), {"revision": None})

    assert answer.status_code == 409
    assert "revision" in answer.json["error"]


LOCKED: dict[str, Any] = {
    "private": False,
    "name": "street-trees",
    "type": "dataset",
    "state": "deleted",
    "owner_org": "{water}",
    "tags": [{"name": "trees"}],
    "resources": [{"url": "https://example.org/a.csv", "name": "a"}],
    "groups": [{"name": "trees"}],
    "number": "PARKS-9999",
    "workflow_state": "published",
    "assignee": "editor",
    "visibility": "normal",
    "extras": [{"key": "listing", "value": "allowed"}],
}
"""What is no text, and may be changed at no door that takes text, whoever asks."""


@pytest.mark.parametrize("door", TEXT_DOORS)
@pytest.mark.parametrize("key", LOCKED)
@pytest.mark.parametrize("column", ["admin", "coordinator"])
def test_locks_hold_at_every_door(doors: Doors, column: str, key: str, door: str) -> None:
    package_id = doors.id(ENTRY, "submitted")
    before = _locks(package_id)
    value = doors.water if LOCKED[key] == "{water}" else LOCKED[key]

    TEXT_DOORS[door](doors, column, package_id, {key: value})

    assert _locks(package_id) == before


def _locks(package_id: str) -> dict[str, Any]:
    """Everything about a package and its register row that is no text."""
    package = model.Session.get(model.Package, package_id, populate_existing=True)
    record = _current(package_id)
    extras = set(package.extras or {})
    names = set(schema_for(ENTRY).fields)
    return {
        **{name: getattr(package, name) for name in ("name", "type", "private", "owner_org")},
        "package": package.state,
        "resources": len(package.resources),
        "tags": len(package.get_tags()),
        "groups": len(package.get_groups("group")),
        "strange extras": extras - names,
        **{
            name: getattr(record, name)
            for name in ("number", "state", "assignee", "visibility", "listing", "department")
        },
    }


# Doors of core that are no text.


def test_bulk_publishing_touches_no_entry(doors: Doors) -> None:
    package_id = doors.id(ENTRY, "approved")
    for column in ("admin", "organization admin", "cdo", "coordinator"):
        for action in ("bulk_update_public", "bulk_update_delete", "bulk_update_private"):
            data = {"datasets": [package_id], "org_id": doors.parks}
            doors.call(column, action, data)
            assert _locks(package_id)["private"] is True
            assert _locks(package_id)["package"] == "active"

    data = {"datasets": [doors.dataset], "org_id": doors.parks}
    assert doors.call("organization admin", "bulk_update_public", data).status_code == 200
    assert not model.Session.get(model.Package, doors.dataset, populate_existing=True).private


@pytest.mark.ckan_config("ckan.auth.allow_dataset_collaborators", True)
def test_no_collaborators(doors: Doors, ckan_config: Any) -> None:
    collaborator = {"user_id": "viewer", "capacity": "editor"}
    for column in ("admin", "organization admin", "cdo", "coordinator"):
        data = {"id": doors.id(ENTRY, "draft"), **collaborator}
        answer = doors.call(column, "package_collaborator_create", data)
        unknown = doors.call(
            column, "package_collaborator_create", {**data, "id": str(uuid.uuid4())}
        )
        if column == "organization admin":  # core's own answer to an id that doesn't exist
            assert answer.status_code == unknown.status_code
        else:
            assert answer.status_code == 403, (column, answer.json)
    answer = doors.call(
        "admin", "package_collaborator_create", {"id": doors.dataset, **collaborator}
    )
    assert answer.status_code == 200, answer.json


def test_no_change_of_organization_but_by_transfer(doors: Doors) -> None:
    move = {"organization_id": doors.water}
    for column in ("admin", "organization admin", "cdo", "coordinator"):
        data = {"id": doors.id(ENTRY, "draft"), **move}
        assert doors.call(column, "package_owner_org_update", data).status_code in {403, 404}
        assert _locks(doors.id(ENTRY, "draft"))["owner_org"] == doors.parks
    data = {"id": doors.dataset, **move}
    assert doors.call("admin", "package_owner_org_update", data).status_code == 200


NEITHER_NOR: dict[str, dict[str, Any]] = {
    "resource_create": {"package_id": "{id}", "url": "https://example.org/a.csv"},
    "follow_dataset": {"id": "{id}"},
    "package_relationship_create": {"subject": "{id}", "object": "{id}", "type": "links_to"},
}


@pytest.mark.parametrize("action", NEITHER_NOR)
def test_no_resources_followers_and_relationships(doors: Doors, action: str) -> None:
    for column in ("admin", "organization admin", "cdo", "coordinator", "other"):
        data = {
            key: doors.id(ENTRY, "draft") if value == "{id}" else value
            for key, value in NEITHER_NOR[action].items()
        }
        answer = doors.call(column, action, data)
        assert answer.status_code in {403, 404}, (column, answer.json)
    assert _locks(doors.id(ENTRY, "draft"))["resources"] == 0


@pytest.mark.parametrize("name", _ENTRIES)
def test_only_an_untouched_draft_is_deleted(doors: Doors, name: str) -> None:
    package_id = doors.id(ENTRY, name)
    for column in ("admin", "cdo", "coordinator"):
        answer = doors.call(column, "package_delete", {"id": package_id})
        if name == "draft":
            assert answer.status_code == 200, answer.json
            assert _locks(package_id)["package"] == "deleted"
            return
        if name != "retired" or column != "coordinator":
            assert answer.status_code == 403, answer.json
        assert _locks(package_id)["package"] == "active"


@pytest.mark.parametrize("name", ["preparing", "published"])
def test_what_is_linked_is_not_purged(doors: Doors, name: str) -> None:
    answer = doors.call("admin", "dataset_purge", {"id": doors.id(ENTRY, name)})

    assert answer.status_code == 409
    assert _locks(doors.id(ENTRY, name))["package"] == "active"


def test_a_purged_entry_leaves_its_number_taken(doors: Doors) -> None:
    number = _current(doors.id(ENTRY, "submitted")).number

    answer = doors.call("admin", "dataset_purge", {"id": doors.id(ENTRY, "submitted")})
    assert answer.status_code == 200, answer.json
    data = {"title": "Benches", "owner_org": doors.parks}
    made = doors.call("coordinator", "inventory_entry_create", data).json["result"]
    assert made["number"] > number


def test_a_department_with_entries_stays(doors: Doors) -> None:
    for action in ("organization_delete", "organization_purge", "group_delete", "group_purge"):
        answer = doors.call("admin", action, {"id": doors.parks})
        assert answer.status_code in {404, 409}, (action, answer.json)
    assert model.Group.get(doors.parks).state == "active"


def test_an_organization_admin_without_a_role_finds_nothing(doors: Doors) -> None:
    for kind in (ENTRY, SOURCE):
        for act in TABLES[kind]:
            if act == "link":
                continue
            answer = _ask(doors, "organization admin", kind, act, _record_name(kind, act))
            assert answer.status_code == 404, (kind, act, answer.json)
