"""The migrations make what the models say, and take it away again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from ckan import model

from ckanext.inventory.model import event
from ckanext.inventory.service import register
from tests.logic.city import make_city

TABLES_OF_EVENTS = set(event.metadata.tables)


def _differences(metadata: sa.MetaData) -> list[Any]:
    assert model.meta.engine is not None

    def ours(obj: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        return kind != "table" or str(name).startswith("inventory_")

    with model.meta.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": ours, "compare_server_default": False}
        )
        return compare_metadata(context, metadata)


@pytest.mark.usefixtures("clean_db")
def test_the_database_is_what_the_models_say() -> None:
    both = sa.MetaData()
    for metadata in (model.meta.metadata, event.metadata):
        for name, table in metadata.tables.items():
            if name.startswith("inventory_"):
                table.to_metadata(both)
    left = [
        difference
        for difference in _differences(both)
        if "inventory_alembic_version" not in str(difference)
    ]
    assert left == []


@pytest.mark.usefixtures("clean_db")
def test_down_and_up_on_a_filled_database(migrate_db_for: Callable[..., None]) -> None:
    city = make_city()
    city.approved()
    model.Session.remove()
    migrate_db_for("inventory", "base", False)
    assert model.meta.engine is not None
    tables = set(sa.inspect(model.meta.engine).get_table_names())
    assert not {name for name in tables if name.startswith("inventory_")} - {
        "inventory_alembic_version"
    }
    migrate_db_for("inventory")
    tables = set(sa.inspect(model.meta.engine).get_table_names())
    assert tables >= TABLES_OF_EVENTS
    model.Session.remove()


@pytest.mark.usefixtures("clean_db")
def test_the_words_of_the_search_go_down_and_up(migrate_db_for: Callable[..., None]) -> None:
    city = make_city()
    city.entry(notes="Species and trunk diameter")
    model.Session.remove()
    migrate_db_for("inventory", "005", False)
    migrate_db_for("inventory")
    found = city.do(city.coordinator, "inventory_entry_list", q="diam spec")
    assert [row["title"] for row in found["results"]] == ["Street and park trees"]
    assert register.rebuild(model.Session()) == 0
    model.Session.remove()
