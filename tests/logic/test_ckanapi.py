"""Plain ckanapi is a client like any other: an entry from draft to approval over HTTP."""

from __future__ import annotations

import io
import json
import urllib.request

import ckanapi
import pytest

from ckanext.inventory.types import Role
from devstack.client import Client
from tests.logic.city import ENOUGH_TO_APPROVE
from tests.support import grant, make_department, make_token, make_user


def test_the_way_of_an_entry(live_site: Client) -> None:
    parks = make_department("PARKS", name="parks")
    coordinator = ckanapi.RemoteCKAN(
        live_site.url, apikey=make_token(grant(make_user(), Role.COORDINATOR, parks))
    )
    cdo = ckanapi.RemoteCKAN(live_site.url, apikey=make_token(grant(make_user(), Role.CDO)))
    visitor = ckanapi.RemoteCKAN(live_site.url)

    entry = coordinator.action.package_create(
        type="inventory_entry", title="Trees", owner_org="parks", **ENOUGH_TO_APPROVE
    )
    assert entry["number"] == "PARKS-0001"
    with pytest.raises(ckanapi.NotFound):
        visitor.action.package_show(id=entry["id"])

    patched = coordinator.action.package_patch(id=entry["id"], title="Street and park trees")
    assert patched["revision"] == 2
    with pytest.raises(ckanapi.ValidationError) as refusal:
        coordinator.action.package_patch(id=entry["id"], title="Other", revision=1)
    assert "revision" in refusal.value.error_dict

    coordinator.action.inventory_transition(id="PARKS-0001", transition="submit")
    with pytest.raises(ckanapi.NotAuthorized):
        coordinator.action.inventory_transition(id="PARKS-0001", transition="approve", revision=2)
    done = cdo.action.inventory_transition(
        id="PARKS-0001", transition="approve", revision=2, classification="public"
    )
    assert done["state"] == "approved"

    table = io.BytesIO(b"species,trees\noak,12\n")
    table.name = "trees.csv"
    cdo.call_action(
        "inventory_transition",
        {
            "id": "PARKS-0001",
            "transition": "promote",
            "revision": "2",
            "publication": json.dumps({"license_id": "cc-by"}),
        },
        files={"upload": table},
    )
    (public,) = visitor.action.package_search(q="trees")["results"]
    with urllib.request.urlopen(public["resources"][0]["url"]) as answer:
        assert answer.read() == table.getvalue()
    assert cdo.action.inventory_overview()["states"] == {"published": 1}
