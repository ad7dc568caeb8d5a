"""A row that holds a file goes in by binary COPY, and comes out as any other row does."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

import ckan.model as model
import pytest
import sqlalchemy as sa

from ckanext.inventory.model import Import
from ckanext.inventory.service import copying

pytestmark = pytest.mark.usefixtures("db")

TABLE = cast(sa.Table, Import.__table__)
ROW: dict[str, Any] = {
    "id": "a-file",
    "status": "preview",
    "filename": "Bäume & “Straßen” 🌳\t\\N.xlsx",
    "digest": "f" * 64,
    "size": 2**31 - 1,
    "choices": {"columns": {"Größe\n": "notes"}, "left_out": [], "day_first": False, "none": None},
    "by": None,
    "at": dt.datetime(1999, 12, 31, 23, 59, 59, 123456, tzinfo=dt.timezone.utc),
    "departments": ["parks", 'a"b,{c}', "ä"],
    "file": bytes(range(256)) * 300 + b"\\N\n\\.\n",
}


def test_every_kind_of_column_comes_out_as_it_went_in() -> None:
    copying.insert(model.Session(), TABLE, ROW)
    stored = model.Session.execute(sa.select(TABLE)).mappings().one()
    assert {name: stored[name] for name in ROW} == ROW | {"file": stored["file"]}
    assert bytes(stored["file"]) == ROW["file"]


def test_what_is_not_given_takes_the_default_of_the_database() -> None:
    copying.insert(model.Session(), TABLE, ROW | {"departments": [], "file": None})
    stored = model.Session.execute(sa.select(Import)).scalar_one()
    assert (stored.departments, stored.file) == ([], None)
    assert (stored.rows, stored.counts, stored.step, stored.task) == (0, {}, "", {})


@pytest.mark.parametrize("hour", [-11, 0, 14])
def test_a_time_is_the_same_moment_from_any_zone(hour: int) -> None:
    at = dt.datetime(2026, 11, 25, 13, 0, tzinfo=dt.timezone(dt.timedelta(hours=hour)))
    copying.insert(model.Session(), TABLE, ROW | {"at": at})
    assert model.Session.scalar(sa.select(Import.at)) == at


def test_it_belongs_to_the_transaction() -> None:
    savepoint = model.Session().begin_nested()
    copying.insert(model.Session(), TABLE, ROW)
    savepoint.rollback()
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Import)) == 0
