"""A small city for the tests of promotion: one department, its people, and entries up to approval."""

from __future__ import annotations

import io
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from werkzeug.datastructures import FileStorage

from ckanext.inventory.model import Link, Record
from ckanext.inventory.publishing import links
from ckanext.inventory.types import ENTRY, Role
from tests import support

LINK = {"url": "https://data.example.org/trees.csv", "name": "Trees", "format": "CSV"}

CONTENT: dict[str, Any] = {
    "title": "Street trees",
    "notes": "Every tree on a street, with its species and year of planting.",
    "source_known": "no_system",
    "value": "high",
    "classification": "public",
    "blocker_status": "none",
    "contains_sensitive_data": "no",
    "category": "energy_and_environment",
    "keywords": ["trees", "Parks & gardens", "x"],
    "format": ["spreadsheet"],
    "change_frequency": "monthly",
    "earliest_records": "2009-04",
    "geographic_coverage": "The whole city",
    "data_dictionary": "no",
    "data_dictionary_url": "https://intranet.example.org/columns",
    "existing_etl": "none",
    "existing_publication": ["no"],
    "request_frequency": "occasional",
    "quality_concern": "none",
    "steward": "Forestry unit",
    "public_contact_name": "Open data desk",
    "public_contact_email": "opendata@example.org",
}
"""Enough to be approved."""


def action(which: str, user: model.User | None, /, **data: Any) -> Any:
    """Call an action with its authorization."""
    return tk.get_action(which)(support.context(user), data)


def file(name: str = "trees.csv", text: str = "species,year\noak,1999\n") -> FileStorage:
    """A small upload."""
    return FileStorage(io.BytesIO(text.encode()), filename=name, content_type="text/csv")


class City:
    """The department PARKS with a coordinator, a CDO and a stranger."""

    def __init__(self, **defaults: str) -> None:
        given = {"license_id": "cc-by"} | defaults
        self.department = support.make_department("PARKS", title="Parks", **given)
        self.coordinator = support.grant(support.make_user(), Role.COORDINATOR, self.department)
        self.cdo = support.grant(support.make_user(), Role.CDO)
        self.stranger = support.make_user()

    def draft(self, **content: Any) -> str:
        """Create an entry and return its id."""
        values = CONTENT | content
        shown = action(
            "package_create",
            self.coordinator,
            type=ENTRY,
            owner_org=self.department.id,
            **{key: value for key, value in values.items() if value is not None},
        )
        return str(shown["id"])

    def approved(self, **content: Any) -> str:
        """Create an entry, have it submitted and approved, and return its id."""
        entry = self.draft(**content)
        self.go(entry, "submit", self.coordinator)
        self.approve(entry)
        return entry

    def approve(self, entry: str) -> None:
        """Approve the current text."""
        self.go(entry, "approve", classification="public", fields={"reviews_needed": ["none"]})

    def edit(self, entry: str, **changes: Any) -> None:
        """Edit as the coordinator."""
        action("inventory_entry_patch", self.coordinator, id=entry, **changes)

    def go(
        self, entry: str, transition: str, user: model.User | None = None, **inputs: Any
    ) -> dict[str, Any]:
        """Make a transition, as the CDO unless said otherwise."""
        return action(
            "inventory_transition",
            user or self.cdo,
            id=entry,
            transition=transition,
            revision=record(entry).revision,
            **inputs,
        )

    def promote(self, entry: str, **publication: Any) -> Any:
        """Promote with a link, unless said otherwise, and return the dataset."""
        given = (
            {}
            if {"mode", "metadata_only", "resources"} & set(publication)
            else {"resources": [dict(LINK)]}
        )
        self.go(entry, "promote", publication=given | publication)
        return dataset(entry)

    def prepare(self, entry: str, **publication: Any) -> Any:
        """Prepare and return the dataset."""
        self.go(entry, "prepare", publication=publication or {"due": "2027-01"})
        return dataset(entry)


def record(entry: str) -> Record:
    """The register row, fresh."""
    row = model.Session.get(Record, entry, populate_existing=True)
    assert row is not None
    return row


def link(entry: str) -> Link | None:
    """The link row, fresh."""
    return model.Session.get(Link, entry, populate_existing=True)


def dataset(entry: str) -> Any:
    """The dataset that the entry made, fresh; None if it made none."""
    return model.Session.get(model.Package, links.dataset_id_for(entry), populate_existing=True)


def shown(dataset_id: str, user: model.User | None = None) -> dict[str, Any]:
    """The dataset as somebody sees it."""
    return action("package_show", user, id=dataset_id)


def found(user: model.User | None = None, **query: Any) -> list[str]:
    """Ids that a search finds."""
    results = action("package_search", user, rows=100, **query)["results"]
    return sorted(each["id"] for each in results)
