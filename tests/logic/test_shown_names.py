"""No raw ids: what a page shows of an account, a source or a licence is its name."""

from __future__ import annotations

from typing import Any

import pytest
from ckan.tests.helpers import CKANTestApp

from tests.logic.city import City, make_city
from tests.support import headers

ROW = {"kind": "privacy", "rationale": "Names of residents.", "detail": ["personal_information"]}


@pytest.fixture
def city(db: None) -> City:
    city = make_city()
    city.reviewer.fullname = "Privacy desk"
    city.reviewer.save()
    return city


def _owned(city: City, **fields: Any) -> dict[str, Any]:
    """An entry with a blocker that the reviewer's account owns."""
    return city.entry(
        blocker_status="some", release_blockers=[{**ROW, "owner": city.reviewer.id}], **fields
    )


def test_the_owner_of_a_blocker_is_named(city: City, app: CKANTestApp) -> None:
    entry = _owned(city)
    account = city.reviewer.id
    shown = city.do(city.cdo, "inventory_entry_show", id=entry["id"])
    assert shown["blockers"][0]["owner"] == account
    assert shown["blockers"][0]["owner_name"] == "Privacy desk"
    who = headers(city.cdo)
    for path in ("", "/edit"):
        body = app.get(f"/inventory/entries/{entry['number']}{path}", headers=who).body
        assert "Privacy desk" in body
        assert f'value="{account}"' not in body.replace('<option value="' + account, "")


def test_saving_the_form_keeps_the_account(city: City, app: CKANTestApp) -> None:
    entry = _owned(city)
    account, who, number = city.reviewer.id, headers(city.coordinator), entry["number"]
    app.post(
        f"/inventory/entries/{number}/do/blocker",
        headers=who,
        data={"kind": "privacy", "rationale": "Names and streets.", "owner": "Privacy desk"},
    )
    rows = [{f"release_blockers-0-{key}": value} for key, value in ROW.items() if key != "detail"]
    data: dict[str, Any] = {
        "revision": "2",
        "title": "Trees",
        "blocker_status": "some",
        "release_blockers-0-owner": "Privacy desk",
    }
    for row in rows:
        data |= row
    app.post(f"/inventory/entries/{number}/edit", headers=who, data=data)
    city = _fresh(city)
    shown = city.do(city.sysadmin, "inventory_entry_show", id=number)
    assert shown["title"] == "Trees"
    assert shown["blockers"][0]["rationale"] == "Names of residents."
    assert shown["blockers"][0]["owner"] == account


def _fresh(city: City) -> City:
    from ckan import model

    for name in vars(city):
        setattr(city, name, model.Session.merge(getattr(city, name)))
    return city


def test_what_changed_is_told_in_names(city: City) -> None:
    source = city.do(
        city.coordinator, "inventory_source_create", title="Tree map", owner_org=city.parks.id
    )
    entry = city.entry()
    city.do(
        city.cdo,
        "inventory_entry_patch",
        id=entry["id"],
        revision=1,
        source_ids=[source["id"]],
        license_id="cc-by",
        blocker_status="some",
        release_blockers=[{**ROW, "owner": city.reviewer.id}],
    )
    changes = city.do(city.coordinator, "inventory_diff", id=entry["id"], old=1, new=2)
    words = {change["field"]: change["new_text"] for change in changes}
    assert words["source_ids"] == f"Tree map ({source['number']})"
    assert words["license_id"] == "Creative Commons Attribution"
    assert "Privacy desk" in words["release_blockers"]
    assert city.reviewer.id not in words["release_blockers"]
