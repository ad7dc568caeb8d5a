"""Drift, preview and repair of public datasets."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.inventory.model import Link, Record
from ckanext.inventory.publishing import drift, links, repair, uploads
from tests.logic.promoting import City, action, dataset, file, found, link, record, shown
from tests.support import make_user


@pytest.fixture
def city(db: None) -> City:
    return City()


def changed(city: City, entry: str) -> dict[str, tuple[str, str]]:
    answer = action("inventory_drift", city.cdo, id=entry)
    return {each["key"]: (each["ours"], each["theirs"]) for each in answer["differences"]}


class TestDrift:
    def test_nothing_after_promotion(self, city: City) -> None:
        entry = city.approved()
        city.promote(entry, resources=[{"upload": file(), "name": "Trees"}])
        assert changed(city, entry) == {}

    def test_says_what_and_who(self, city: City) -> None:
        admin = make_user(sysadmin=True, fullname="Portal Admin")
        entry = city.approved()
        package = city.promote(entry)
        extras = [each for each in shown(package.id)["extras"] if each["key"] != "theme"]
        action(
            "package_patch",
            admin,
            id=package.id,
            title="Their title",
            private=True,
            tags=[{"name": "trees"}, {"name": "more"}],
            extras=extras,
        )
        assert changed(city, entry) == {
            "title": ("Street trees", "Their title"),
            "private": ("public", "private"),
            "tags": ("trees, Parks gardens", "more, trees"),
            "extras.theme": ("Energy and environment", ""),
        }
        assert action("inventory_drift", city.cdo, id=entry)["by"] == "Portal Admin"

    def test_adding_is_no_drift(self, city: City) -> None:
        admin = make_user(sysadmin=True)
        entry = city.approved()
        package = city.promote(entry)
        public = shown(package.id)
        action("resource_create", admin, package_id=package.id, url="https://example.org/2.csv")
        action(
            "package_patch",
            admin,
            id=package.id,
            tags=[*({"name": tag["name"]} for tag in public["tags"]), {"name": "more"}],
            extras=[*public["extras"], {"key": "theirs", "value": "1"}],
        )
        assert changed(city, entry) == {}

    def test_gone(self, city: City) -> None:
        entry = city.approved()
        package = city.promote(entry)
        dataset_id, cdo_id = package.id, city.cdo.id
        action("dataset_purge", make_user(sysadmin=True), id=dataset_id)
        city.cdo = model.Session.get(model.User, cdo_id)  # core's purge closes the session
        assert set(changed(city, entry)) == {"gone"}
        assert city.promote(entry).id == dataset_id
        assert changed(city, entry) == {}

    def test_linked_watches_existence_and_visibility_only(self, city: City) -> None:
        admin = make_user(sysadmin=True)
        made = action(
            "package_create", admin, name="there", title="There", owner_org=city.department.id
        )
        entry = city.approved()
        city.promote(entry, mode="linked", dataset="there")
        action("package_patch", admin, id=made["id"], title="Another title")
        assert changed(city, entry) == {}
        action("package_patch", admin, id=made["id"], state="deleted")
        assert set(changed(city, entry)) == {"state"}

    def test_held_and_external_have_none(self, city: City) -> None:
        prepared = city.approved()
        city.prepare(prepared)
        external = city.approved(title="Elsewhere")
        city.promote(external, mode="external", url="https://example.org/x")
        assert drift.of_entries(model.Session(), [prepared, external]) == {}

    def test_statements_do_not_grow_with_the_number_of_entries(self, city: City) -> None:
        entries = [city.approved(title=f"Entry {n}") for n in range(4)]
        for entry in entries:
            city.promote(entry)

        def count(ids: list[str]) -> int:
            statements: list[str] = []

            def note(*args: Any) -> None:
                statements.append(args[2])

            engine = model.Session().connection().engine
            sa.event.listen(engine, "before_cursor_execute", note)
            try:
                drift.of_entries(model.Session(), ids)
            finally:
                sa.event.remove(engine, "before_cursor_execute", note)
            return len(statements)

        assert count(entries) == count(entries[:1])


class TestPreview:
    def test_shows_exactly_what_goes_out(self, city: City) -> None:
        entry = city.approved()
        given = {"resources": [{"url": "https://example.org/a.csv", "name": "A"}]}
        preview = action("inventory_promotion_preview", city.cdo, id=entry, publication=given)
        assert preview["problems"] == {}
        assert dataset(entry) is None
        package = city.promote(entry, **given)
        row = link(entry)
        assert row is not None
        assert {each["key"] for each in preview["fields"]} == set(row.copied)
        assert preview["name"] == package.name
        assert preview["organization"]["id"] == package.owner_org
        assert preview["license"]["id"] == "cc-by"
        labels = {each["key"]: each["label"] for each in preview["fields"]}
        assert labels["notes"] == "Description"

    def test_shows_what_changes(self, city: City) -> None:
        entry = city.approved()
        city.promote(entry)
        city.edit(entry, title="Trees")
        city.approve(entry)
        fields = action("inventory_promotion_preview", city.cdo, id=entry)["fields"]
        rows = {each["key"]: each for each in fields}
        assert (rows["title"]["value"], rows["title"]["before"]) == ("Trees", "Street trees")
        assert "before" not in rows["notes"]

    def test_problems_and_questions(self, city: City) -> None:
        preview = action("inventory_promotion_preview", city.cdo, id=city.approved())
        assert "resources" in preview["problems"]
        assert [(ask["key"], ask["value"]) for ask in preview["asks"]] == [
            ("update_frequency", "Every month")
        ]

    def test_outsider_is_not_told(self, city: City) -> None:
        entry = city.approved()
        for name in ("inventory_promotion_preview", "inventory_drift"):
            with pytest.raises(tk.ObjectNotFound):
                action(name, city.stranger, id=entry)


class TestRepair:
    def test_nothing_to_do(self, city: City) -> None:
        city.promote(city.approved())
        city.prepare(city.approved(title="Prepared"))
        withdrawn = city.approved(title="Withdrawn")
        city.promote(withdrawn)
        city.go(withdrawn, "withdraw", comment="No.")
        city.promote(city.approved(title="External"), mode="external", url="https://example.org")
        assert repair.faults(model.Session()) == []
        assert repair.repair(model.Session()) == 0

    def test_dataset_public_while_the_entry_is_not(self, city: City) -> None:
        entry = city.approved()
        package = city.promote(entry)
        model.Session.execute(
            sa.update(Record).where(Record.package_id == entry).values(state="approved")
        )
        model.Session.commit()
        assert [fault.kind.name for fault in repair.faults(model.Session())] == [
            "dataset_without_decision"
        ]
        assert repair.repair(model.Session()) == 1
        model.Session.commit()
        assert found(None) == []
        assert dataset(entry).private
        assert repair.faults(model.Session()) == []
        assert city.promote(entry, resources=[]).id == package.id

    def test_dataset_without_link(self, city: City) -> None:
        entry = city.approved()
        city.promote(entry)
        model.Session.execute(sa.delete(Link).where(Link.entry_id == entry))
        model.Session.execute(
            sa.update(Record).where(Record.package_id == entry).values(state="approved")
        )
        model.Session.commit()
        assert [fault.kind.name for fault in repair.faults(model.Session())] == [
            "dataset_without_link"
        ]
        assert repair.repair(model.Session()) == 1
        model.Session.commit()
        assert dataset(entry).private
        assert repair.faults(model.Session()) == []

    def test_held_dataset_made_public_by_sql(self, city: City) -> None:
        entry = city.approved()
        package = city.prepare(entry)
        model.Session.execute(
            sa.update(model.Package).where(model.Package.id == package.id).values(private=False)
        )
        model.Session.commit()
        assert [fault.kind.name for fault in repair.faults(model.Session())] == ["dataset_shown"]
        assert repair.repair(model.Session()) == 1
        assert dataset(entry).private

    def test_published_entry_whose_dataset_is_held(self, city: City) -> None:
        entry = city.approved()
        city.promote(entry)
        model.Session.execute(sa.update(Link).where(Link.entry_id == entry).values(held=True))
        model.Session.commit()
        assert [fault.kind.name for fault in repair.faults(model.Session())] == [
            "dataset_held_back"
        ]
        assert repair.repair(model.Session()) == 1
        row = link(entry)
        assert row is not None
        assert not row.held
        assert record(entry).state == "published"

    def test_file_of_a_broken_promotion(self, city: City) -> None:
        from ckan.lib import uploader

        entry = city.approved()
        dataset_id = links.dataset_id_for(entry)
        resource_id = uploads.resource_id(dataset_id, 0)
        uploader.get_resource_uploader({"upload": file(), "url": "trees.csv"}).upload(
            resource_id, 10
        )
        assert [fault.kind.name for fault in repair.faults(model.Session())] == ["file_left"]
        assert repair.repair(model.Session()) == 1
        assert repair.faults(model.Session()) == []

    def test_file_left_behind_is_overwritten_by_the_next_promotion(self, city: City) -> None:
        from ckan.lib import uploader

        entry = city.approved()
        resource_id = uploads.resource_id(links.dataset_id_for(entry), 0)
        uploader.get_resource_uploader({"upload": file(text="old"), "url": "trees.csv"}).upload(
            resource_id, 10
        )
        package = city.promote(entry, resources=[{"upload": file()}])
        assert [each["id"] for each in shown(package.id)["resources"]] == [resource_id]
        assert repair.faults(model.Session()) == []
