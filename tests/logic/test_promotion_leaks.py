"""What the public side holds: allow-listed words only (leaks L7 and L40)."""

from __future__ import annotations

import json
import secrets
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.lib.search.common import make_connection

from ckanext.inventory.fields import FieldSpec, schema_for
from ckanext.inventory.publishing import mapping
from ckanext.inventory.types import ENTRY, SOURCE, Role
from tests.logic.promoting import CONTENT, City, action, dataset, file, record, shown
from tests.support import grant, make_user

ALLOWED = {
    "title",
    "notes",
    "keywords",
    "public_contact_name",
    "public_contact_email",
    "geographic_coverage",
}
"""Fields with words that go out by the shipped map, without a box ticked."""

_TEXTS = {"text", "long_text", "markdown"}


def value_for(spec: FieldSpec, token: str) -> Any:
    """A value that holds the token, None where the field takes no words."""
    if spec.kind in _TEXTS:
        return token
    if spec.kind == "email":
        return f"{token}@example.org"
    if spec.kind == "url":
        return f"https://{token}.example.org/"
    if spec.kind == "url_list":
        return [f"https://{token}.example.org/"]
    if spec.kind == "list":
        return [token]
    return None


class Planted:
    """An entry with a random word in every field and act that takes words."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.tokens: dict[str, str] = {}
        source = action(
            "package_create",
            city.coordinator,
            type=SOURCE,
            owner_org=city.department.id,
            title=self.token("source title"),
            notes=self.token("source notes"),
        )
        values: dict[str, Any] = dict(CONTENT)
        for name, spec in schema_for(ENTRY).fields.items():
            if "department" not in spec.writers:
                continue
            value = value_for(spec, self.token(name))
            if value is not None:
                values[name] = value
        values["source_ids"] = [source["id"]]
        values["blocker_status"] = "some"
        values["release_blockers"] = [
            {
                "kind": "effort",
                "rationale": self.token("rationale") + " is a reason.",
                "citation": self.token("citation"),
                "owner": self.token("owner"),
            }
        ]
        self.entry = city.draft(**values)
        action("inventory_comment", city.cdo, id=self.entry, text=self.token("comment"))
        city.go(self.entry, "submit", city.coordinator, comment=self.token("submit"))
        action(
            "inventory_blocker_status",
            grant(make_user(), Role.REVIEWER),
            id=self.entry,
            kind="effort",
            status="resolved",
            reason=self.token("resolved"),
        )
        city.go(
            self.entry,
            "approve",
            comment=self.token("approve"),
            classification="public",
            fields={
                "reviews_needed": ["none"],
                "release_justification": self.token("release_justification"),
            },
        )
        row = record(self.entry)
        name = model.Session.get(model.Package, self.entry)
        assert name is not None
        self.tokens |= {"number": row.number, "entry id": self.entry, "entry name": name.name}

    def token(self, where: str) -> str:
        self.tokens[where] = f"w{secrets.token_hex(8)}"
        return self.tokens[where]

    def seen_in(self, text: str) -> set[str]:
        return {where for where, token in self.tokens.items() if token.lower() in text.lower()}


@pytest.fixture
def planted(db: None) -> Planted:
    return Planted(City())


def public_side(package: Any, user: model.User | None) -> str:
    """Everything that a reader, and the index, have of a dataset."""
    answers: list[Any] = [
        shown(package.id, user),
        action("package_show", user, id=package.id, use_default_schema=True),
        action("package_search", user, q=f"id:{package.id}", include_private=True),
        action("package_search", user, use_default_schema=True, include_private=True),
        action("package_activity_list", user, id=package.id),
    ]
    activities = action("package_activity_list", user, id=package.id)
    answers += [
        tk.get_action("activity_show")({"ignore_auth": True}, {"id": each["id"]})
        for each in activities
    ]
    raw = make_connection().search(f'+id:"{package.id}"', fl="*")
    return json.dumps([*answers, *raw.docs], default=str)


def test_l40_only_allow_listed_words_go_out(planted: Planted) -> None:
    package = planted.city.promote(planted.entry, resources=[{"upload": file(), "name": "Trees"}])
    assert planted.seen_in(public_side(package, None)) == ALLOWED


def test_l40_prepared_and_withdrawn_hold_no_more(planted: Planted) -> None:
    city = planted.city
    package = city.prepare(planted.entry)
    assert planted.seen_in(public_side(package, city.coordinator)) == ALLOWED
    city.promote(planted.entry)
    city.go(planted.entry, "withdraw", comment=planted.token("withdraw"))
    assert planted.seen_in(public_side(package, city.coordinator)) == ALLOWED


def test_l40_editing_changes_nothing_public(planted: Planted) -> None:
    city = planted.city
    package = city.promote(planted.entry)
    before = public_side(package, None)
    for name in ("title", "notes", "comments", "steward"):
        city.edit(planted.entry, **{name: planted.token(f"new {name}")})
    assert public_side(package, None) == before


def test_l40_columns_of_the_dataset(planted: Planted) -> None:
    """No fact about the entry in columns that core doesn't show either."""
    package = planted.city.promote(planted.entry)
    row = model.Session.execute(
        model.package_table.select().where(model.package_table.c.id == package.id)
    ).mappings()
    assert planted.seen_in(str(dict(row.one()))) <= ALLOWED
    assert dataset(planted.entry).plugin_data in (None, {})


def test_every_mapped_field_is_public(db: None) -> None:
    schema = schema_for(ENTRY)
    for rule in mapping.current(schema).rules:
        assert rule.source is None or schema.fields[rule.source].public != "no", rule.key


def test_every_public_field_is_mapped_or_set_by_the_act(db: None) -> None:
    schema = schema_for(ENTRY)
    mapped = {rule.source for rule in mapping.current(schema).rules}
    public = {name for name, spec in schema.fields.items() if spec.public != "no"}
    assert public - mapped == {"owner_org"}
