"""What reading pages and actions tell (L1, L4, L9-L12, L16, L18, L20, L35, L36, L39, L45)."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.tests.helpers import CKANTestApp

from ckanext.inventory.types import SOURCE
from tests.leaks.city import INSIDERS, OUTSIDERS, City, create
from tests.leaks.pages import get, plain
from tests.leaks.probes import call, like, references

pytestmark = pytest.mark.usefixtures("scratch")

SOME = ("anonymous", "a_admin", "b_coordinator")

SHOWING = (
    "/api/3/action/package_show?id={}",
    "/api/3/action/package_show?name_or_id={}",
    "/dataset/{}",
    "/dataset/edit/{}",
    "/inventory_entry/{}",
    "/inventory_entry/edit/{}",
    "/inventory_source/{}",
    "/inventory/entries/{}",
    "/inventory/entries/{}/edit",
    "/inventory/sources/{}",
    "/dataset/activity/{}",
    "/dataset/followers/{}",
    "/dataset/resources/{}",
    "/dataset/delete/{}",
    "/dataset/groups/{}",
    "/dataset/{}/resource/new",
    "/inventory_entry/{}/resource/new",
)


@pytest.mark.parametrize("address", SHOWING)
@pytest.mark.parametrize("person", SOME)
def test_l01_l45_hidden_and_unknown_look_alike(
    city: City, app: CKANTestApp, person: str, address: str
) -> None:
    for key in ("draft", "source"):
        for real in references(city.records[key]):
            unknown = like(real)
            pages = [
                plain(get(app, city, person, address.format(each)), each)
                for each in (real, unknown)
            ]
            assert pages[0] == pages[1], real
            assert pages[0].status in (403, 404)
            assert not city.words.found(pages[0].text)


@pytest.mark.parametrize("person", INSIDERS)
def test_l01_insiders_are_led_to_our_page(city: City, app: CKANTestApp, person: str) -> None:
    for key, section in (("draft", "entries"), ("source", "sources")):
        ref = city.records[key]
        home = f"/inventory/{section}/{ref.number}"
        for address in ("/dataset/{}", f"/{ref.package_type}/{{}}", "/inventory_entry/{}"):
            for reference in (ref.id, ref.name):
                answer = get(app, city, person, address.format(reference))
                assert answer.status_code == 302
                assert answer.headers["Location"].endswith(home)
        assert get(app, city, person, f"/{ref.package_type}/{ref.number}").status_code == 302
        page = get(app, city, person, home)
        assert page.status_code == 200
        assert {each.place for each in city.words.found(page.body)} >= {"title", "number"}
        shown = get(app, city, person, f"/api/3/action/package_show?id={ref.name}")
        assert shown.status_code == 200


def test_l01_core_pages_of_our_types_take_no_writes(city: City, app: CKANTestApp) -> None:
    ref = city.records["draft"]
    for address in (f"/dataset/edit/{ref.name}", f"/inventory_entry/delete/{ref.id}"):
        for person in ("anonymous", "coordinator", "sysadmin"):
            assert get(app, city, person, address, method="POST").status_code == 404


def test_l01_lists_of_our_types_lead_home_or_nowhere(city: City, app: CKANTestApp) -> None:
    for address, home in (
        ("/inventory_entry/", "/inventory/entries"),
        ("/inventory_entry/new", "/inventory/entries/new"),
        ("/inventory_source/", "/inventory/sources"),
    ):
        answer = get(app, city, "coordinator", address)
        assert (answer.status_code, answer.headers["Location"].endswith(home)) == (302, True)
        for person in ("anonymous", "a_admin"):
            assert get(app, city, person, address).status_code == 404


def test_l45_a_form_for_an_unknown_dataset_is_not_found(city: City, app: CKANTestApp) -> None:
    for name in ("no-such-dataset", city.records["draft"].name):
        assert get(app, city, "anonymous", f"/dataset/{name}/resource/new").status_code == 404


@pytest.mark.parametrize("person", [*OUTSIDERS, *INSIDERS])
def test_l04_package_list_never_names_ours(city: City, person: str) -> None:
    names = city.act(person, "package_list", limit=1000)
    assert not {ref.name for ref in city.records.values()} & set(names)


@pytest.mark.parametrize("person", OUTSIDERS)
def test_l09_the_list_with_resources_is_clean(city: City, person: str) -> None:
    answer = call(city, person, "current_package_list_with_resources", {"limit": 1000})
    assert not city.words.found(answer.text)


@pytest.mark.parametrize("person", ["anonymous", "a_admin", "b_coordinator"])
def test_l10_organizations_count_no_entries(city: City, person: str) -> None:
    listed = city.act(person, "organization_list", all_fields=True, include_dataset_count=True)
    counts = {each["name"]: each["package_count"] for each in listed}
    assert counts[city.a.name] == counts[city.b.name] == 0
    shown = city.act(person, "organization_show", id=city.a.id, include_datasets=True)
    assert shown["package_count"] == 0
    assert shown["packages"] == []


def test_l10_the_order_by_count_is_by_all_datasets(city: City) -> None:
    """The recorded exception: core orders by a number that it doesn't show."""
    listed = city.act("anonymous", "organization_list", sort="package_count desc")
    assert listed[0] == city.a.name


PUBLIC_PAGES = (
    "/",
    "/dataset/",
    "/dataset/?q=words",
    "/dataset/?q=inventory",
    "/dataset/?dataset_type=inventory_entry",
    "/dataset/?sort=title_string+asc&tags=x",
    "/organization/",
    "/organization/zqa-parks",
    "/organization/zqa-parks?dataset_type=inventory_entry",
    "/organization/about/zqa-parks",
    "/organization/activity/zqa-parks",
    "/group/",
    "/group/zq-themes",
    "/user/person-coordinator",
    "/user/activity/person-coordinator",
    "/feeds/dataset.atom",
    "/feeds/organization/zqa-parks.atom",
    "/feeds/custom.atom?q=words&dataset_type=inventory_entry",
    "/robots.txt",
    "/api/util/dataset/autocomplete?incomplete=inventory",
    "/api/util/tag/autocomplete?incomplete=zq",
    "/api/util/dataset/autocomplete_format?incomplete=zq",
    "/about",
)


@pytest.mark.parametrize("address", PUBLIC_PAGES)
@pytest.mark.parametrize("person", ["anonymous", "a_admin"])
def test_l11_l18_l19_l41_public_pages_are_clean(
    city: City, app: CKANTestApp, person: str, address: str
) -> None:
    answer = get(app, city, person, address)
    assert answer.status_code < 500
    assert not city.words.found(f"{answer.headers} {answer.body}")


def test_l19_robots_txt_does_not_advertise_us(city: City, app: CKANTestApp) -> None:
    assert "inventory" not in get(app, city, "anonymous", "/robots.txt").body


@pytest.mark.parametrize("address", ["/feeds/dataset.atom", "/feeds/organization/zqa-parks.atom"])
def test_l18_feeds_are_clean_even_for_insiders(city: City, app: CKANTestApp, address: str) -> None:
    assert not city.words.found(get(app, city, "coordinator", address).body)


def members(city: City, person: str, **data: Any) -> set[str]:
    return {row[0] for row in city.act(person, "member_list", id=city.a.id, **data)}


@pytest.mark.parametrize("person", OUTSIDERS)
def test_l12_members_of_an_organization_are_no_entries(city: City, person: str) -> None:
    ids = {ref.id for ref in city.records.values()}
    for data in (
        {},
        {"object_type": "package"},
        {"object_type": "package", "capacity": "organization"},
    ):
        assert not members(city, person, **data) & ids


def test_l12_coordinators_get_theirs(city: City) -> None:
    ids = {ref.id for ref in city.records.values()}
    assert members(city, "coordinator", object_type="package") >= ids
    assert members(city, "sysadmin") >= ids
    assert members(city, "viewer", object_type="package") == ids - {city.records["restricted"].id}


def test_l12_ordinary_private_datasets_are_hidden_as_well(city: City) -> None:
    made = city.act(
        "sysadmin", "package_create", name="zq-secret", owner_org=city.a.id, private=True
    )
    assert made["id"] not in members(city, "anonymous", object_type="package")
    assert made["id"] in members(city, "a_member", object_type="package")


@pytest.mark.parametrize("person", ["anonymous", "a_admin", "b_coordinator"])
def test_l16_nobody_sees_what_somebody_else_made(city: City, person: str) -> None:
    answer = call(
        city,
        person,
        "user_show",
        {"id": "person-coordinator", "include_datasets": True, "include_num_followers": True},
    )
    assert answer.ok
    assert not city.words.found(answer.text)
    assert '"number_created_packages": 0' in answer.text


def test_l16_my_datasets_are_datasets(city: City, app: CKANTestApp) -> None:
    page = get(app, city, "coordinator", "/dashboard/datasets")
    assert page.status_code == 200
    assert not city.words.found(page.body)


@pytest.mark.parametrize("person", ["coordinator", "sysadmin", "nobody"])
def test_l20_nobody_follows_an_entry(city: City, person: str) -> None:
    draft = city.records["draft"]
    with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
        city.act(person, "follow_dataset", id=draft.id)
    named = city.people[person]
    assert named is not None
    assert city.act(person, "dataset_followee_list", id=named.id) == []


@pytest.mark.parametrize(
    "address",
    [
        "/api/3/action/package_show?id={}",
        "/api/3/action/inventory_entry_show?id={}",
        "/api/3/action/package_search?fq=dataset_type:inventory_entry&include_private=true",
        "/api/3/action/organization_list?all_fields=true",
        "/api/3/action/member_list?id=zqa-parks",
        "/inventory/entries/{}",
        "/inventory/entries",
    ],
)
def test_l36_private_answers_are_not_kept_by_shared_caches(
    city: City, app: CKANTestApp, address: str
) -> None:
    answer = get(app, city, "coordinator", address.format(city.records["draft"].number))
    if "package_show" in address:
        answer = get(app, city, "coordinator", address.format(city.records["draft"].id))
    assert answer.status_code == 200
    assert "public" not in answer.headers["Cache-Control"]
    assert (
        "private" in answer.headers["Cache-Control"]
        or "no-store" in answer.headers["Cache-Control"]
    )


def test_l36_public_answers_stay_public(city: City, app: CKANTestApp) -> None:
    answer = get(app, city, "anonymous", "/api/3/action/package_list")
    assert "public" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "number", ["ZQXA-0001", "ZQXA-9999", "ZQXA-1", "zqxa-0001", "ZQXA-S001", "no-number"]
)
def test_l39_numbers_of_every_kind_answer_alike(city: City, app: CKANTestApp, number: str) -> None:
    for action in ("inventory_entry_show", "inventory_history", "inventory_transitions"):
        answer = call(city, "b_coordinator", action, {"id": number})
        assert (answer.kind, answer.text) == (
            "NotFound",
            'There is no such entry or source. ""',
        )
    page = plain(get(app, city, "b_coordinator", f"/inventory/entries/{number}"), number)
    other = plain(get(app, city, "b_coordinator", "/inventory/entries/ZQXA-8888"), "ZQXA-8888")
    assert page == other


def test_l35_status_show_names_plugins_and_nothing_else(city: City) -> None:
    answer = call(city, "anonymous", "status_show", {})
    assert "inventory" in answer.text
    assert not city.words.found(answer.text)


def test_l34_the_schema_is_public_and_holds_no_word_of_an_entry(city: City) -> None:
    answer = call(city, "anonymous", "scheming_dataset_schema_show", {"type": "inventory_entry"})
    assert answer.ok
    assert not city.words.found(answer.text)


def test_l02_the_count_of_followers_is_no_oracle(city: City) -> None:
    real, unknown = (
        call(city, "anonymous", "dataset_follower_count", {"id": each})
        for each in (city.records["draft"].id, like(city.records["draft"].id))
    )
    assert real == unknown
    assert model.Session.is_active


def test_l01_l39_a_restricted_record_is_not_named_by_an_ordinary_one(city: City) -> None:
    """Whoever reads an entry reads its sources' names, but not what is for deciders only."""
    restricted = city.records["restricted"]
    source = create(city, "restricted source", SOURCE)
    mark = {"field": "visibility", "value": "department_and_cdo_only"}
    city.act("coordinator", "inventory_mark", ids=[source.number], **mark)
    bound = create(
        city,
        "bound",
        blocker_status="none",
        source_known="linked",
        source_ids=[source.id],
        part_of=restricted.id,
    )
    for person, named in (("coordinator", True), ("cdo", True), ("viewer", False)):
        told = "".join(
            call(city, person, action, data).text
            for action, data in (
                ("inventory_entry_show", {"id": bound.number}),
                ("inventory_entry_list", {"limit": 100}),
                ("inventory_diff", {"id": bound.number, "old": 0, "new": 1}),
            )
        )
        found = city.words.found(told)
        places = {each.place for each in found if each.owner == "restricted source"}
        assert ({"number", "title"} <= places) == named, person
        assert (
            restricted.number
            in call(city, person, "inventory_diff", {"id": bound.number, "old": 0, "new": 1}).text
        ) == named
