"""A small cast for tests of the workflow: one department, another, and the people around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.inventory.types import Role
from tests.support import context, grant, make_department, make_user

ENOUGH_TO_SUBMIT: dict[str, Any] = {
    "notes": "Every tree the city plants, one row per tree.",
    "source_known": "described",
    "system_of_record_note": "The foresters' own database",
    "value": "high",
    "classification": "public",
    "blocker_status": "none",
}

ENOUGH_TO_APPROVE: dict[str, Any] = {
    **ENOUGH_TO_SUBMIT,
    "category": "energy_and_environment",
    "format": ["gis"],
    "change_frequency": "weekly",
    "existing_etl": "scheduled_export",
    "existing_publication": ["no"],
    "request_frequency": "occasional",
    "quality_concern": "none",
    "data_dictionary": "yes",
    "steward": "Urban forestry",
    "public_contact_name": "Parks service desk",
    "public_contact_email": "parks@larkhaven.example",
}


@dataclass
class City:
    """The cast."""

    parks: Any
    water: Any
    coordinator: Any
    neighbour: Any
    cdo: Any
    reviewer: Any
    viewer: Any
    editor: Any
    sysadmin: Any

    def do(self, user: Any, action: str, /, **data: Any) -> Any:
        """Call an action as somebody, with every check."""
        return tk.get_action(action)(context(user), data)

    def entry(self, user: Any = None, **fields: Any) -> dict[str, Any]:
        """Add an entry of the parks department, by default as its coordinator."""
        values = {"title": "Street and park trees", "owner_org": self.parks.id, **fields}
        return self.do(user or self.coordinator, "inventory_entry_create", **values)

    def step(self, user: Any, entry: dict[str, Any], transition: str, **inputs: Any) -> Any:
        """Take a transition, naming the current revision where one is needed."""
        current = self.do(self.sysadmin, "package_show", id=entry["id"])
        inputs.setdefault("revision", current["revision"])
        return self.do(
            user, "inventory_transition", id=entry["id"], transition=transition, **inputs
        )

    def submitted(self, **fields: Any) -> dict[str, Any]:
        """An entry that was submitted with all that approve asks, and classified."""
        entry = self.entry(**{**ENOUGH_TO_APPROVE, **fields})
        self.step(self.coordinator, entry, "submit")
        self.do(
            self.reviewer,
            "inventory_classification_confirm",
            ids=[entry["id"]],
            classification="public",
        )
        return entry

    def approved(self, **fields: Any) -> dict[str, Any]:
        """An entry that the CDO approved."""
        entry = self.submitted(**fields)
        self.step(self.cdo, entry, "approve")
        return entry

    def state(self, entry: dict[str, Any]) -> str:
        """The workflow state of an entry."""
        return self.do(self.sysadmin, "package_show", id=entry["id"])["workflow_state"]


def make_city() -> City:
    """Make the cast in the running database."""
    parks, water = make_department("PARKS", title="Parks"), make_department("WATER", title="Water")
    return City(
        parks=parks,
        water=water,
        coordinator=grant(make_user("parks-coordinator"), Role.COORDINATOR, parks),
        neighbour=grant(make_user("water-coordinator"), Role.COORDINATOR, water),
        cdo=grant(make_user("cdo"), Role.CDO),
        reviewer=grant(make_user("reviewer"), Role.REVIEWER),
        viewer=grant(make_user("viewer"), Role.VIEWER),
        editor=make_user("editor"),
        sysadmin=make_user("admin", sysadmin=True),
    )


def events_of(entry: dict[str, Any]) -> list[str]:
    """The acts in the history of an entry, oldest first."""
    from ckanext.inventory.service import history

    rows = history.of_record(model.Session(), entry["id"], limit=1000)
    return [row["act"] for row in reversed(rows)]
