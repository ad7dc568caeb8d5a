"""Promotion on the real stack: made, prepared, linked, withdrawn and revived."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model

from ckanext.inventory.publishing import links, portal
from tests.logic.promoting import (
    LINK,
    City,
    action,
    dataset,
    file,
    found,
    link,
    record,
    shown,
)


@pytest.fixture
def city(db: None) -> City:
    return City()


def extras_of(package: dict[str, Any]) -> dict[str, str]:
    return {each["key"]: each["value"] for each in package["extras"]}


class TestCreated:
    def test_promoted_with_link_is_public_and_found(self, city: City) -> None:
        entry = city.approved()
        package = city.promote(entry)
        assert (package.type, package.state, package.private) == ("dataset", "active", False)
        assert package.id == links.dataset_id_for(entry)
        assert package.name == "street-trees"
        assert package.creator_user_id == city.cdo.id
        assert package.owner_org == city.department.id
        assert record(entry).state == "published"
        assert found(None, q="Street trees") == [package.id]
        public = shown(package.id)
        assert [r["url"] for r in public["resources"]] == [LINK["url"]]
        assert sorted(tag["name"] for tag in public["tags"]) == ["Parks gardens", "trees"]
        assert public["maintainer_email"] == "opendata@example.org"
        assert public["license_id"] == "cc-by"
        assert extras_of(public) == {
            "geographic_coverage": "The whole city",
            "temporal_start": "2009-04",
            "theme": "Energy and environment",
            "update_frequency": "Every month",
        }

    def test_link_row_tells_what_went_out(self, city: City) -> None:
        entry = city.approved()
        city.promote(entry)
        row = link(entry)
        assert row is not None
        assert (row.mode, row.held, row.by) == ("created", False, city.cdo.id)
        assert row.copied["title"] == "Street trees"
        assert row.copied_revision == record(entry).approved_revision

    def test_without_data_is_refused_with_everything_at_once(self, city: City) -> None:
        entry = city.approved()
        with pytest.raises(tk.ValidationError) as refused:
            city.promote(
                entry,
                resources=[],
                license_id="no-such-licence",
                organization="nobody",
                extra={"private": "false", "owner_org": "x"},
            )
        errors = refused.value.error_dict
        assert set(errors) >= {"resources", "license_id", "organization", "private", "owner_org"}
        assert link(entry) is None
        assert record(entry).state == "approved"

    def test_metadata_only_said_expressly(self, city: City) -> None:
        package = city.promote(city.approved(), metadata_only=True)
        assert not package.private
        assert package.resources == []

    def test_needs_a_licence(self, db: None) -> None:
        city = City(license_id="")
        entry = city.approved()
        with pytest.raises(tk.ValidationError) as refused:
            city.promote(entry)
        assert "license_id" in refused.value.error_dict
        assert city.promote(entry, license_id="cc-zero").license_id == "cc-zero"

    def test_names_are_made_unique(self, city: City) -> None:
        first, second = city.promote(city.approved()), city.promote(city.approved())
        assert (first.name, second.name) == ("street-trees", "street-trees-2")

    def test_chosen_name_in_use_is_refused(self, city: City) -> None:
        city.promote(city.approved())
        with pytest.raises(tk.ValidationError) as refused:
            city.promote(city.approved(), name="street-trees")
        assert refused.value.error_dict == {
            "name": ["The address “street-trees” is taken. Choose another."]
        }

    def test_a_name_that_is_no_address_is_refused_in_plain_words(self, city: City) -> None:
        with pytest.raises(tk.ValidationError) as refused:
            city.promote(city.approved(), name="Street Trees!")
        [message] = refused.value.error_dict["name"]
        assert message.startswith("“Street Trees!” can't be part of an address. Write 2 to 100")

    def test_an_empty_file_is_refused(self, city: City) -> None:
        entry = city.approved()
        with pytest.raises(tk.ValidationError) as refused:
            city.promote(entry, resources=[{"upload": file(text="")}])
        assert "The file is empty." in str(refused.value.error_dict["resources"])

    def test_upload_is_stored_and_can_be_downloaded(self, city: City, app: Any) -> None:
        package = city.promote(
            city.approved(), resources=[{"upload": file(), "name": "Trees"}, dict(LINK)]
        )
        resources = shown(package.id)["resources"]
        assert [r["url_type"] for r in resources] == ["upload", None]
        assert [r["format"] for r in resources] == ["CSV", "CSV"]
        answer = app.get(f"/dataset/{package.id}/resource/{resources[0]['id']}/download/trees.csv")
        assert "oak,1999" in answer.body

    def test_bad_address_of_a_link(self, city: City) -> None:
        entry = city.approved()
        for url in ("javascript:alert(1)", "file:///etc/passwd", "trees"):
            with pytest.raises(tk.ValidationError) as refused:
                city.promote(entry, resources=[{"url": url}])
            assert "resources" in refused.value.error_dict

    def test_only_configured_organizations(self, city: City) -> None:
        from tests.support import make_organization

        other = make_organization()
        with pytest.raises(tk.ValidationError) as refused:
            city.promote(city.approved(), organization=other.name)
        assert "organization" in refused.value.error_dict

    @pytest.mark.ckan_config("ckanext.inventory.publishing.organizations", ["open-data"])
    def test_configured_organization(self, city: City, ckan_config: Any) -> None:
        from tests.support import make_organization

        other = make_organization("open-data")
        assert city.promote(city.approved(), organization="open-data").owner_org == other.id

    def test_frequency_confirmed_at_promotion(self, city: City) -> None:
        package = city.promote(city.approved(), extra={"update_frequency": "Every week"})
        assert extras_of(shown(package.id))["update_frequency"] == "Every week"

    def test_data_dictionary_only_where_ticked(self, city: City) -> None:
        package = city.promote(city.approved(), data_dictionary_public=True)
        assert extras_of(shown(package.id))["data_dictionary"] == (
            "https://intranet.example.org/columns"
        )

    def test_coordinator_may_not(self, city: City) -> None:
        entry = city.approved()
        with pytest.raises(tk.NotAuthorized):
            city.go(entry, "promote", city.coordinator, publication={"metadata_only": True})


class TestAgain:
    def test_changes_go_over_after_approval_only(self, city: City) -> None:
        entry = city.approved()
        package = city.promote(entry)
        city.edit(entry, title="Trees in streets", keywords=["trees", "oak"])
        assert dataset(entry).title == "Street trees"
        with pytest.raises(tk.ValidationError):
            city.promote(entry)
        city.approve(entry)
        assert dataset(entry).title == "Street trees"
        city.go(entry, "promote", publication={})
        public = shown(package.id)
        assert public["title"] == "Trees in streets"
        assert public["name"] == "street-trees"
        assert sorted(tag["name"] for tag in public["tags"]) == ["oak", "trees"]
        assert len(public["resources"]) == 1

    def test_what_the_portal_added_stays(self, city: City) -> None:
        from tests.support import make_user

        admin = make_user(sysadmin=True)
        entry = city.approved()
        package = city.promote(entry)
        action(
            "package_patch",
            admin,
            id=package.id,
            version="7",
            title="Their title",
            tags=[*({"name": t["name"]} for t in shown(package.id)["tags"]), {"name": "theirs"}],
            extras=[*shown(package.id)["extras"], {"key": "their_key", "value": "stays"}],
        )
        city.go(entry, "promote", publication={})
        public = shown(package.id)
        assert public["version"] == "7"
        assert public["title"] == "Street trees"
        assert "theirs" in {tag["name"] for tag in public["tags"]}
        assert extras_of(public)["their_key"] == "stays"
        assert extras_of(public)["update_frequency"] == "Every month"

    def test_same_data_again_adds_nothing(self, city: City) -> None:
        entry = city.approved()
        resources = [{"upload": file(), "name": "Trees"}, dict(LINK)]
        package = city.promote(entry, resources=resources)
        again = [{"upload": file(), "name": "Trees"}, dict(LINK)]
        city.go(entry, "promote", publication={"resources": again})
        assert len(shown(package.id)["resources"]) == 2
        more = [{"upload": file("more.csv"), "name": "More"}]
        city.go(entry, "promote", publication={"resources": more})
        assert len(shown(package.id)["resources"]) == 3

    def test_editing_the_entry_changes_nothing_public(self, city: City) -> None:
        entry = city.approved()
        package = city.promote(entry)
        before = shown(package.id)
        city.edit(entry, notes="Something else", steward="Somebody else")
        assert shown(package.id) == before


class TestPrepare:
    def test_private_until_promoted(self, city: City) -> None:
        entry = city.approved()
        package = city.prepare(entry)
        assert (package.private, package.state) == (True, "active")
        assert record(entry).state == "preparing"
        assert found(None) == []
        with pytest.raises(tk.NotAuthorized):
            shown(package.id)
        with pytest.raises(tk.NotAuthorized):
            shown(package.id, city.stranger)

    def test_coordinator_adds_the_data_without_membership(self, city: City) -> None:
        entry = city.approved()
        package = city.prepare(entry)
        assert shown(package.id, city.coordinator)["title"] == "Street trees"
        assert package.id in found(city.coordinator, include_private=True)
        action("resource_create", city.coordinator, package_id=package.id, **LINK)
        assert dataset(entry).private
        with pytest.raises(tk.ValidationError):
            action("package_patch", city.coordinator, id=package.id, private=False)
        city.go(entry, "promote", publication={})
        assert found(None) == [package.id]
        assert len(shown(package.id)["resources"]) == 1

    def test_promoting_without_the_data_is_refused(self, city: City) -> None:
        entry = city.approved()
        city.prepare(entry)
        with pytest.raises(tk.ValidationError) as refused:
            city.go(entry, "promote", publication={})
        assert "resources" in refused.value.error_dict

    def test_owner_sees_and_edits(self, city: City) -> None:
        entry = city.approved()
        package = city.prepare(entry, owner=city.stranger.id)
        assert shown(package.id, city.stranger)["id"] == package.id
        action("resource_create", city.stranger, package_id=package.id, **LINK)

    @pytest.mark.parametrize("way", ["return", "defer"])
    def test_left_preparing_is_put_away_and_revived(self, city: City, way: str) -> None:
        entry = city.approved()
        package = city.prepare(entry)
        action("resource_create", city.coordinator, package_id=package.id, **LINK)
        city.go(entry, way, comment="Not yet.", look_again="2027")
        assert dataset(entry).state == "deleted"
        row = link(entry)
        assert row is not None
        assert row.held
        if way == "defer":
            city.go(entry, "reopen", comment="Again.")
        city.go(entry, "submit", city.coordinator)
        city.approve(entry)
        revived = city.prepare(entry)
        assert revived.id == package.id
        assert (revived.state, revived.private) == ("active", True)
        city.go(entry, "promote", publication={})
        assert len(shown(package.id)["resources"]) == 1

    def test_owner_and_date_are_checked(self, city: City) -> None:
        with pytest.raises(tk.ValidationError) as refused:
            city.prepare(city.approved(), owner="nobody", due="soon")
        assert set(refused.value.error_dict) == {"owner", "due"}

    def test_misspelt_input_is_refused(self, city: City) -> None:
        with pytest.raises(tk.ValidationError) as refused:
            city.promote(city.approved(), licence_id="cc-by", metadata_only="perhaps")
        assert {"licence_id", "metadata_only"} <= set(refused.value.error_dict)

    def test_only_created_ones_are_prepared(self, city: City) -> None:
        with pytest.raises(tk.ValidationError) as refused:
            city.prepare(city.approved(), mode="external", url="https://example.org")
        assert "mode" in refused.value.error_dict


class TestWithdraw:
    def test_goes_private_and_comes_back_under_its_id(self, city: City) -> None:
        entry = city.approved()
        package = city.promote(entry)
        city.go(entry, "withdraw", comment="A mistake in it.")
        assert record(entry).state == "approved"
        assert (dataset(entry).private, dataset(entry).state) == (True, "active")
        assert found(None) == []
        again = city.promote(entry, resources=[])
        assert (again.id, again.private) == (package.id, False)
        assert found(None) == [package.id]

    def test_deleted_if_chosen(self, city: City) -> None:
        entry = city.approved()
        city.promote(entry)
        city.go(entry, "withdraw", comment="Gone.", publication={"on_withdraw": "deleted"})
        assert dataset(entry).state == "deleted"
        assert city.promote(entry, resources=[]).state == "active"

    @pytest.mark.ckan_config("ckanext.inventory.publishing.withdrawn", "deleted")
    def test_deleted_if_configured(self, city: City, ckan_config: Any) -> None:
        entry = city.approved()
        city.promote(entry)
        city.go(entry, "withdraw", comment="Gone.")
        assert dataset(entry).state == "deleted"

    def test_kept_on_the_portal_is_refused(self, city: City) -> None:
        entry = city.approved()
        city.promote(entry)
        with pytest.raises(tk.ValidationError) as refused:
            city.go(entry, "withdraw", comment="Hm.", publication={"on_withdraw": "keep"})
        assert "on_withdraw" in refused.value.error_dict
        assert not dataset(entry).private

    def test_refused_while_another_entry_is_linked(self, city: City) -> None:
        entry, other = city.approved(), city.approved(title="Park trees")
        package = city.promote(entry)
        city.promote(other, mode="linked", dataset=package.name)
        with pytest.raises(tk.ValidationError) as refused:
            city.go(entry, "withdraw", comment="Hm.")
        assert "on_withdraw" in refused.value.error_dict
        city.go(other, "withdraw", comment="First this.")
        city.go(entry, "withdraw", comment="Then that.")
        assert dataset(entry).private

    def test_works_although_the_schema_grew_stricter(
        self, city: City, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entry = city.approved()
        city.promote(entry)
        refuse = {"author": ["Missing value"]}
        with monkeypatch.context() as patch:
            patch.setattr(portal, "dry_run", lambda *args: refuse)
            patch.setattr(portal, "update", None)
            city.go(entry, "withdraw", comment="Wrong.")
        assert dataset(entry).private
        assert found(None) == []


class TestLinked:
    @pytest.fixture
    def there(self, city: City) -> model.Package:
        from tests.support import make_user

        made = action(
            "package_create",
            make_user(sysadmin=True),
            name="old-trees",
            title="Old trees",
            owner_org=city.department.id,
        )
        return model.Session.get(model.Package, made["id"])

    def test_copies_nothing(self, city: City, there: model.Package) -> None:
        entry = city.approved()
        before = shown(there.id)
        city.promote(entry, mode="linked", dataset="old-trees")
        assert shown(there.id) == before
        row = link(entry)
        assert row is not None
        assert (row.mode, row.dataset_id, row.copied) == ("linked", there.id, {})
        assert record(entry).state == "published"
        city.go(entry, "promote", publication={})
        assert shown(there.id) == before

    def test_withdrawing_unlinks(self, city: City, there: model.Package) -> None:
        entry = city.approved()
        city.promote(entry, mode="linked", dataset=f"http://test.example/dataset/{there.name}")
        city.go(entry, "withdraw", comment="Not the same.")
        assert link(entry) is None
        assert shown(there.id)["state"] == "active"

    def test_withdrawing_hides_if_chosen(self, city: City, there: model.Package) -> None:
        entry = city.approved()
        city.promote(entry, mode="linked", dataset=there.id)
        city.go(entry, "withdraw", comment="Wrong.", publication={"on_withdraw": "private"})
        with pytest.raises(tk.NotAuthorized):
            shown(there.id)

    def test_hidden_and_missing_answer_alike(self, city: City, there: model.Package) -> None:
        entry = city.approved()
        answers: list[Any] = []
        hidden = city.prepare(city.approved(title="Hidden"))
        for reference in (hidden.name, "no-such-dataset", entry):
            with pytest.raises(tk.ValidationError) as refused:
                city.promote(entry, mode="linked", dataset=reference)
            answers.append(refused.value.error_dict)
        assert answers[0] == answers[1] == answers[2]

    def test_linked_after_withdrawing_a_created_one(self, city: City, there: model.Package) -> None:
        entry = city.approved()
        made = city.promote(entry)
        with pytest.raises(tk.ValidationError) as refused:
            city.promote(entry, mode="linked", dataset="old-trees")
        assert "mode" in refused.value.error_dict
        city.go(entry, "withdraw", comment="It is there already.")
        city.promote(entry, mode="linked", dataset="old-trees")
        assert dataset(entry).state == "deleted"
        city.go(entry, "withdraw", comment="It isn't, after all.")
        assert city.promote(entry).id == made.id


class TestExternal:
    def test_url_only(self, city: City) -> None:
        entry = city.approved()
        city.go(
            entry,
            "promote",
            publication={"mode": "external", "url": "https://elsewhere.example.org/trees"},
        )
        row = link(entry)
        assert row is not None
        assert (row.mode, row.dataset_id) == ("external", None)
        assert found(None) == []
        city.go(entry, "promote", publication={})
        city.go(entry, "withdraw", comment="Gone.")
        assert link(entry) is None

    def test_needs_an_address(self, city: City) -> None:
        entry = city.approved()
        for url in (None, "elsewhere"):
            with pytest.raises(tk.ValidationError) as refused:
                city.go(entry, "promote", publication={"mode": "external", "url": url})
            assert "url" in refused.value.error_dict
