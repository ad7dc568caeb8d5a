"""Importing through the action: what it makes, what it leaves, and what it never does."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import call_action

from ckanext.inventory.model import Department, Outbox, Record, Revision
from ckanext.inventory.model.event import event, event_detail, event_entry
from ckanext.inventory.service import events, register
from ckanext.inventory.types import Role
from tests import support

pytestmark = pytest.mark.usefixtures("db")

LIST = b"""Dataset name,Brief description of data,Data source,Category,Priority/value,Classification,ID
Street trees,Each tree,TreeBase,Culture and recreation,High,Public,1
Benches,Each bench,,Culture and recreation,Low,Level 3,2
Ponds,Each pond,,Lakes,,,3
,Nameless,,,,,4
"""


class Upload(io.BytesIO):
    def __init__(self, data: bytes, filename: str = "list.csv") -> None:
        super().__init__(data)
        self.filename = filename


def run(user: model.User | None = None, data: bytes = LIST, **params: Any) -> dict[str, Any]:
    filename = params.pop("filename", "list.csv")
    context = support.context(user) if user else {"ignore_auth": True}
    return call_action("inventory_import", context, upload=Upload(data, filename), **params)


@pytest.fixture
def parks() -> model.Group:
    return support.make_department("PARKS", name="parks", title="Parks and Recreation")


@pytest.fixture
def coordinator(parks: model.Group) -> model.User:
    return support.grant(support.make_user("coordinator"), Role.COORDINATOR, parks)


def count(table: Any) -> int:
    return model.Session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def counts() -> list[int]:
    tables = (model.Package, model.Member, model.Group, Record, Revision, Department, Outbox)
    return [count(table) for table in (*tables, event, event_entry, event_detail)]


def test_a_coordinator_imports_a_list_as_drafts(
    coordinator: model.User, parks: model.Group
) -> None:
    result = run(coordinator, department="parks")
    assert [made["number"] for made in result["numbers"]] == [
        "PARKS-0001",
        "PARKS-0002",
        "PARKS-0003",
    ]
    assert (result["total"], result["created"], result["refused"]) == (4, 3, 1)
    errors = [p for p in result["problems"] if p["severity"] == "error"]
    assert [(p["row"], p["column"]) for p in errors] == [(5, "Dataset name")]
    warnings = [p for p in result["problems"] if p["severity"] == "warning"]
    assert [(p["row"], p["column"], p["value"]) for p in warnings] == [(4, "Category", "Lakes")]
    record = model.Session.get(Record, result["numbers"][1]["id"])
    assert record is not None
    assert (record.state, record.title, record.value, record.classification_proposed) == (
        "draft",
        "Benches",
        "low",
        "protected",
    )
    assert (record.origin_row, record.external_id, record.created_by) == (3, "2", coordinator.id)
    shown = call_action("package_show", {"ignore_auth": True}, id=record.package_id)
    assert shown["title"] == "Benches"
    assert shown["private"] is True
    assert shown["number"] == "PARKS-0002"
    assert shown["owner_org"] == parks.id


def test_a_dry_run_writes_nothing(coordinator: model.User, parks: model.Group) -> None:
    before = counts()
    result = run(coordinator, department="PARKS", dry_run=True)
    model.Session.commit()
    assert (result["dry_run"], result["created"], result["numbers"]) == (True, 3, [])
    assert counts() == before
    planned = run(None, data=b"Name,Department\nA,Fire\n", dry_run=True, create_departments=True)
    model.Session.commit()
    assert planned["departments"] == [{"title": "Fire", "rows": 1, "created": False}]
    assert counts() == before


def test_the_import_does_what_the_dry_run_said(coordinator: model.User, parks: model.Group) -> None:
    said = run(coordinator, department="parks", dry_run=True)
    done = run(coordinator, department="parks", digest=said["digest"])
    for key in ("total", "created", "refused", "skipped", "problems", "columns", "notes"):
        assert said[key] == done[key]
    with pytest.raises(tk.ValidationError) as refused:
        run(coordinator, data=LIST + b"More,,,,,,\n", department="parks", digest=said["digest"])
    assert "upload" in refused.value.error_dict


def test_the_same_file_again_makes_nothing(coordinator: model.User, parks: model.Group) -> None:
    run(coordinator, department="parks")
    before = counts()
    again = run(coordinator, department="parks")
    assert (again["created"], again["skipped_count"], again["refused"]) == (0, 3, 1)
    assert "PARKS-0001" in again["skipped"][0]["reason"]
    assert again["imported_before"]
    assert counts() == before


def test_a_later_version_adds_only_what_is_new(coordinator: model.User, parks: model.Group) -> None:
    run(coordinator, department="parks", filename="list_2025.csv")
    later = LIST.replace(b"Street trees", b"Trees along streets") + b"Gates,Each gate,,,,,5\n"
    result = run(coordinator, data=later, department="parks", filename="list_2026.csv")
    assert [made["title"] for made in result["numbers"]] == ["Gates"]
    reasons = [item["reason"] for item in result["skipped"]]
    assert "another name" in reasons[0]
    assert "PARKS-0002" in reasons[1]


def test_the_facets_of_imported_rows_are_those_of_a_rebuild(
    coordinator: model.User, parks: model.Group
) -> None:
    run(coordinator, department="parks")
    assert register.rebuild(model.Session()) == 0


def test_one_event_holds_the_whole_import_and_the_chain_is_sound(
    coordinator: model.User, parks: model.Group
) -> None:
    before = count(event)
    run(coordinator, department="parks")
    assert count(event) == before + 1
    assert count(event_entry) == 3
    details = model.Session.scalar(sa.select(event_detail.c.details))
    assert details["file"] == "list.csv"
    assert list(events.verify(model.Session())) == []


def test_a_city_list_needs_known_departments_or_a_cdo_who_makes_them(
    coordinator: model.User, parks: model.Group
) -> None:
    data = (
        b"Name,Department,Acronym\nA,Parks and Recreation,\nB,Fire Department,FD\nC,Fire Department,"
        b"\nD,Harbour,PARKS\n"
    )
    cdo = support.grant(support.make_user("cdo"), Role.CDO)
    support.make_organization("water", "Water")
    kept_out = run(cdo, data=data)
    assert (kept_out["created"], kept_out["refused"]) == (2, 2)
    assert [(p["value"], p["row"]) for p in kept_out["problems"]] == [("Fire Department", None)]
    with pytest.raises(tk.NotAuthorized):
        run(coordinator, data=data, create_departments=True)
    made = run(cdo, data=data, create_departments=True)
    assert [item["number"] for item in made["numbers"]] == ["FD-0001", "FD-0002"]
    organization = model.Group.get("fire-department")
    assert organization is not None
    members = model.Session.scalars(
        sa.select(model.Member.table_id).where(
            model.Member.group_id == organization.id, model.Member.table_name == "user"
        )
    ).all()
    assert cdo.id not in members


def test_a_coordinator_adds_to_their_own_departments_only(
    coordinator: model.User, parks: model.Group
) -> None:
    water = support.make_department("WATER", name="water", title="Water")
    with pytest.raises(tk.NotAuthorized):
        run(coordinator, department="water")
    with pytest.raises(tk.NotAuthorized):
        run(coordinator, department="no-such-department")
    with pytest.raises(tk.NotAuthorized):
        run(support.make_user("outsider"), department="parks")
    result = run(coordinator, data=b"Name,Department\nA,Parks\nB,Water\n")
    assert [item["title"] for item in result["numbers"]] == ["A"]
    assert "can't add" in result["problems"][0]["message"]
    assert model.Session.scalars(sa.select(Record.department)).all() == [parks.id]
    assert water.id != parks.id


def test_nothing_of_another_department_shows_through_an_import(
    coordinator: model.User, parks: model.Group
) -> None:
    """Source: leak L39. A name or ID that another department has answers like an unused one."""
    water = support.make_department("WATER", name="water", title="Water")
    keeper = support.grant(support.make_user("keeper"), Role.COORDINATOR, water)
    data = b"Name,ID,Data source\nSecret pipes,77,PipeBase\n"
    run(keeper, data=b"Name,ID\nPipeBase,1\n", department="water", kind="source")
    run(keeper, data=data, department="water")
    result = run(coordinator, data=data, department="parks", dry_run=True)
    assert (result["created"], result["skipped"]) == (1, [])
    assert result["imported_before"] is None
    assert "WATER" not in str(result)


def test_fields_of_reviewers_stay_out_of_a_coordinators_list(
    coordinator: model.User, parks: model.Group
) -> None:
    data = b"Name,License,release_justification\nA,cc-by,Because\n"
    result = run(coordinator, data=data, department="parks")
    assert {p["column"] for p in result["problems"]} == {"License", "release_justification"}
    content = register.current_contents(model.Session(), [result["numbers"][0]["id"]])
    assert "license_id" not in content[result["numbers"][0]["id"]]


def test_assignment_and_visibility_go_through_their_policy(
    coordinator: model.User, parks: model.Group
) -> None:
    helper = support.make_user("helper", fullname="Jo Doe")
    support.make_member(helper, parks, "member")
    support.make_user("stranger", fullname="Al Roe")
    data = (
        b"Name,Assigned to Complete,Visibility,Listing\n"
        b"A,Jo Doe,department_and_cdo_only,allowed\nB,Al Roe,,\n"
    )
    result = run(coordinator, data=data, department="parks")
    first = model.Session.get(Record, result["numbers"][0]["id"])
    second = model.Session.get(Record, result["numbers"][1]["id"])
    assert first is not None
    assert second is not None
    assert (first.assignee, first.visibility, first.listing) == (
        helper.id,
        "department_and_cdo_only",
        "not_known_yet",
    )
    assert second.assignee is None
    assert [(p["column"], p["row"]) for p in result["problems"]] == [
        ("Listing", None),
        ("Assigned to Complete", 3),
    ]


def test_entries_are_linked_to_sources_of_the_department(
    coordinator: model.User, parks: model.Group
) -> None:
    run(
        coordinator,
        data=b"application_name,Business SME,business SME email\nTreeBase,Jo Doe,jo@city.example\n",
        department="parks",
        kind="source",
    )
    source = model.Session.scalar(
        sa.select(Record).where(Record.package_type == "inventory_source")
    )
    assert source is not None
    assert source.number == "PARKS-S001"
    result = run(coordinator, department="parks")
    assert result["offers"] == []
    entry = model.Session.get(Record, result["numbers"][0]["id"])
    assert entry is not None
    assert (entry.source_ids, entry.steward) == ([source.package_id], "Jo Doe")


def test_sources_that_nobody_knows_are_offered_and_registered_on_request(
    coordinator: model.User, parks: model.Group
) -> None:
    data = b"Name,Data source\nA,TreeBase\nB,treebase\nC,Paper cards\n"
    said = run(coordinator, data=data, department="parks", dry_run=True, create_sources=True)
    assert [(o["title"], o["rows"]) for o in said["offers"]] == [
        ("TreeBase", 2),
        ("Paper cards", 1),
    ]
    assert count(Record) == 0
    done = run(coordinator, data=data, department="parks", create_sources=True)
    assert [source["number"] for source in done["sources"]] == ["PARKS-S001", "PARKS-S002"]
    contents = register.current_contents(model.Session(), [n["id"] for n in done["numbers"]])
    linked = [contents[made["id"]]["source_ids"] for made in done["numbers"]]
    first, second = (source["id"] for source in done["sources"])
    assert linked == [[first], [first], [second]]
    assert all(values["source_known"] == "linked" for values in contents.values())
    assert register.rebuild(model.Session()) == 0


def test_sources_of_new_departments_are_registered_there(parks: model.Group) -> None:
    result = run(
        None,
        data=b"Name,Department,Data source\nA,Fire,Alarms\n",
        create_departments=True,
        create_sources=True,
    )
    assert [source["number"] for source in result["sources"]] == ["FIRE-S001"]


def test_all_or_nothing(coordinator: model.User, parks: model.Group) -> None:
    result = run(coordinator, department="parks", all_or_nothing=True)
    assert (result["created"], result["refused"]) == (0, 1)
    assert count(Record) == 0


@pytest.mark.parametrize(
    ("params", "key"),
    [
        ({"data": b"PK\x03\x04 broken"}, "upload"),
        ({"data": b"AGENCY,PARTICIPATING\nParks,Yes\n"}, "upload"),
        ({"kind": "dataset"}, "kind"),
        ({"columns": "no json"}, "columns"),
        ({"values": {"category": "x"}}, "values"),
    ],
)
def test_what_can_not_be_imported_is_refused_by_field(
    coordinator: model.User, parks: model.Group, params: dict[str, Any], key: str
) -> None:
    with pytest.raises(tk.ValidationError) as refused:
        run(coordinator, department="parks", **params)
    assert key in refused.value.error_dict


def test_values_and_columns_are_mapped_by_hand(coordinator: model.User, parks: model.Group) -> None:
    result = run(
        coordinator,
        department="parks",
        values={"category": {"lakes": "energy_and_environment"}},
        columns={"ID": ""},
    )
    assert [p["severity"] for p in result["problems"]] == ["error"]
    record = model.Session.get(Record, result["numbers"][2]["id"])
    assert record is not None
    assert (record.category, record.external_id) == ("energy_and_environment", None)


def test_a_file_comes_as_base64_too(coordinator: model.User, parks: model.Group) -> None:
    import base64

    result = call_action(
        "inventory_import",
        support.context(coordinator),
        department="parks",
        content=base64.b64encode(LIST).decode(),
        filename="list.csv",
    )
    assert result["created"] == 3


def test_the_size_limit_is_held(
    coordinator: model.User, parks: model.Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tk.config, "ckanext.inventory.import.max_bytes", 100)
    with pytest.raises(tk.ValidationError, match="MB"):
        run(coordinator, department="parks")


REAL = [
    ("dc-edi-2018/dataset_inventory_2018_03_11.csv", "entry", True, 1637, 3, 0),
    ("dc-edi-2019/retired_2019.csv", "entry", True, 16, 0, 0),
    ("nyc-1993/public-data-directory-1993-applications.csv", "source", True, 269, 0, 0),
    ("brazil-pda-mp/Inventario_consulta_publica.ods", "entry", True, 59, 0, 0),
    ("sandiego/inventory_2016-09-29.csv", "entry", False, 145, 0, 0),
    ("sandiego/history/inventory_2015-11-24_ead5e4f.csv", "entry", True, 78, 21, 6),
    ("sandiego/history/inventory_2016-02-11_92310f4.csv", "entry", False, 72, 29, 0),
    ("dc-edi-2019/dataset_inventory_2019.csv", "entry", True, 1776, 3, 0),
    ("nyc-1993/public-data-directory-1993-applications-clean.csv", "source", True, 269, 0, 0),
    ("sandiego/inventory_assets_2017-02.csv", "entry", False, 145, 0, 0),
    ("sandiego/history/inventory_2015-11-25_48f1ae4.csv", "entry", False, 72, 29, 0),
    ("sandiego/history/inventory_2016-02-29_c3f4914.csv", "entry", False, 115, 0, 0),
    ("sandiego/history/inventory_2016-06-15_c16fe9d.csv", "entry", False, 136, 0, 0),
    ("sandiego/history/inventory_2016-09-06_6fd24f4.csv", "entry", False, 145, 0, 0),
]
"""File, kind, whole city, and rows: created, skipped, refused. Rows and repeated names were counted
in the files by other means."""

FIGURES: dict[str, tuple[int, int, int, tuple[str, ...]]] = {
    "dc-edi-2018/dataset_inventory_2018_03_11.csv": (
        16,
        939,
        0,
        ("PUBLISHED_DATE", "DATE_LAST_MODIFIED", "OBJECTID"),
    ),
    "dc-edi-2019/retired_2019.csv": (14, 8, 0, ()),
    "dc-edi-2019/dataset_inventory_2019.csv": (14, 1197, 0, ()),
    "nyc-1993/public-data-directory-1993-applications.csv": (9, 15, 0, ("pdf_page",)),
    "nyc-1993/public-data-directory-1993-applications-clean.csv": (9, 15, 0, ("pdf_page",)),
    "brazil-pda-mp/Inventario_consulta_publica.ods": (11, 7, 0, ()),
    "sandiego/inventory_2016-09-29.csv": (7, 43, 0, ("Master_ID", "Notes")),
    "sandiego/inventory_assets_2017-02.csv": (7, 43, 0, ("Master_ID", "Notes")),
    "sandiego/history/inventory_2015-11-24_ead5e4f.csv": (6, 78, 6, ()),
    "sandiego/history/inventory_2015-11-25_48f1ae4.csv": (5, 72, 0, ()),
    "sandiego/history/inventory_2016-02-11_92310f4.csv": (5, 0, 0, ()),
    "sandiego/history/inventory_2016-02-29_c3f4914.csv": (4, 0, 0, ()),
    "sandiego/history/inventory_2016-06-15_c16fe9d.csv": (4, 1, 0, ("Master_ID",)),
    "sandiego/history/inventory_2016-09-06_6fd24f4.csv": (7, 43, 0, ("Master_ID", "Notes")),
}
"""File to mapped columns, warnings, errors, and the columns that are kept out."""


@pytest.mark.parametrize(("file", "kind", "city", "created", "skipped", "refused"), REAL)
def test_real_inventories_go_in(
    shared_data: Path, file: str, kind: str, city: bool, created: int, skipped: int, refused: int
) -> None:
    path = shared_data / file
    params: dict[str, Any] = {"kind": kind, "filename": path.name, "data": path.read_bytes()}
    if city:
        params["create_departments"] = True
    else:
        support.make_department("SD", name="city")
        params["department"] = "city"
    result = run(None, **params)
    assert (result["created"], result["skipped_count"], result["refused"]) == (
        created,
        skipped,
        refused,
    )
    assert count(Record) == created
    again = run(None, **params)
    assert (again["created"], again["skipped_count"]) == (0, created + skipped)


@pytest.mark.parametrize(("file", "kind", "city"), [row[:3] for row in REAL])
def test_what_is_understood_of_real_inventories(
    shared_data: Path, file: str, kind: str, city: bool
) -> None:
    path = shared_data / file
    params: dict[str, Any] = {"kind": kind, "filename": path.name, "data": path.read_bytes()}
    if city:
        params["create_departments"] = True
    else:
        support.make_department("SD", name="city")
        params["department"] = "city"
    report = run(None, dry_run=True, **params)
    severities = [problem["severity"] for problem in report["problems"]]
    assert FIGURES[file] == (
        sum(bool(column["field"]) for column in report["columns"]),
        severities.count("warning"),
        severities.count("error"),
        tuple(column["column"] for column in report["columns"] if not column["field"]),
    )
    assert all(problem["message"] for problem in report["problems"])


def test_every_real_file_has_its_figures(shared_data: Path) -> None:
    files = {
        str(path.relative_to(shared_data))
        for ending in ("csv", "ods", "xlsx")
        for path in shared_data.rglob(f"*.{ending}")
    }
    assert files - {"dc-edi-2018/agency_participants_archived.csv"} == FIGURES.keys()


def test_a_list_of_participants_says_that_it_has_no_names(shared_data: Path) -> None:
    path = shared_data / "dc-edi-2018" / "agency_participants_archived.csv"
    with pytest.raises(tk.ValidationError, match="PARTICIPATING"):
        run(None, data=path.read_bytes(), filename=path.name)
