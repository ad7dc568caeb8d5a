"""The index never runs ahead of the database, nor the database of itself (leak L46)."""

from __future__ import annotations

from typing import Any

import pysolr
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.search.common import make_connection
from sqlalchemy.orm import Session

from ckanext.inventory.model import Outbox, Record
from ckanext.inventory.service import outbox
from tests.leaks.city import City
from tests.leaks.probes import call

pytestmark = pytest.mark.usefixtures("scratch")


def documents() -> int:
    return make_connection().search("dataset_type:inventory_entry", rows=0).hits


def rows() -> int:
    return model.Session.scalar(sa.select(sa.func.count()).select_from(Record)) or 0


def test_l46_a_commit_that_fails_leaves_nothing_in_the_index(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = documents(), rows()

    def fail(self: Session) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Session, "commit", fail)
        answer = call(
            city, "coordinator", "inventory_entry_create", {"title": "x", "owner_org": city.a.id}
        )
    assert answer.kind == "RuntimeError"
    assert (documents(), rows()) == before


def test_l46_an_index_that_fails_leaves_the_entry_stored_and_queued(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = documents(), rows()

    def fail(self: pysolr.Solr, *args: Any, **kwargs: Any) -> None:
        raise pysolr.SolrError("no connection")

    with monkeypatch.context() as patch:
        patch.setattr(pysolr.Solr, "add", fail)
        made = city.act("coordinator", "inventory_entry_create", title="x", owner_org=city.a.id)
    assert rows() == before[1] + 1
    assert documents() == before[0]
    waiting = model.Session.scalars(sa.select(Outbox.key)).all()
    assert waiting == [made["id"]]
    assert outbox.drain(model.Session(), everything=True).done == 1
    assert documents() == before[0] + 1


def test_l46_a_refused_write_leaves_nothing_half_saved(city: City) -> None:
    before = rows(), model.Session.query(model.Package).count()
    answer = call(
        city, "coordinator", "inventory_entry_create", {"title": "", "owner_org": city.a.id}
    )
    assert answer.kind == "ValidationError"
    model.Session.commit()
    assert (rows(), model.Session.query(model.Package).count()) == before
