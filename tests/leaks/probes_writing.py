"""Every writing action that takes a package, asked about a record that the caller may not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import logic

from tests.leaks.city import City

Make = Callable[[str], dict[str, Any]]


def core_actions(city: City) -> dict[str, Make]:
    """Core's writing actions, by a name that tells the form of the call."""
    nobody = city.people["nobody"]
    assert nobody is not None
    public = city.records["published"].dataset

    def member(group: str, **others: str) -> Make:
        return lambda ref: {"id": group, "object": ref, "object_type": "package", **others}

    def bulk(ref: str) -> dict[str, Any]:
        return {"datasets": [ref], "org_id": city.a.id}

    relate = {"type": "depends_on"}
    return {
        "package_update": lambda ref: {"id": ref, "title": "x"},
        "package_update with a revision": lambda ref: {"id": ref, "title": "x", "revision": 1},
        "package_patch": lambda ref: {"id": ref, "title": "x"},
        "package_revise": lambda ref: {"match": {"id": ref}, "update": {"title": "x"}},
        "package_revise by name": lambda ref: {"match": {"name": ref}, "update": {"title": "x"}},
        "package_revise flat": lambda ref: {"match__id": ref, "update__title": "x"},
        "package_delete": lambda ref: {"id": ref},
        "dataset_purge": lambda ref: {"id": ref},
        "package_owner_org_update": lambda ref: {"id": ref, "organization_id": city.a.id},
        "package_resource_reorder": lambda ref: {"id": ref, "order": []},
        "resource_create": lambda ref: {"package_id": ref, "url": "https://example.org"},
        "member_create in the department": member(city.a.id, capacity="organization"),
        "member_create in a group": member(city.group.id, capacity="public"),
        "member_delete": member(city.group.id),
        "follow_dataset": lambda ref: {"id": ref},
        "unfollow_dataset": lambda ref: {"id": ref},
        "package_collaborator_create": lambda ref: {
            "id": ref,
            "user_id": nobody.id,
            "capacity": "editor",
        },
        "package_collaborator_delete": lambda ref: {"id": ref, "user_id": nobody.id},
        "bulk_update_public": bulk,
        "bulk_update_public as text": lambda ref: {"datasets": ref, "org_id": city.a.id},
        "bulk_update_private": bulk,
        "bulk_update_delete": bulk,
        "package_relationship_create as subject": lambda ref: {
            "subject": ref,
            "object": public,
            **relate,
        },
        "package_relationship_create as object": lambda ref: {
            "subject": public,
            "object": ref,
            **relate,
        },
        "package_relationship_update": lambda ref: {"subject": public, "object": ref, **relate},
        "package_relationship_delete": lambda ref: {"subject": public, "object": ref, **relate},
        "group_create": lambda ref: {"name": "zq-new-group", "packages": [{"id": ref}]},
        "group_update": lambda ref: {"id": city.group.id, "packages": [{"id": ref}]},
        "group_patch": lambda ref: {"id": city.group.id, "packages": [{"name": ref}]},
        "activity_create": lambda ref: {
            "user_id": nobody.id,
            "object_id": ref,
            "activity_type": "new package",
        },
        "package_create_default_resource_views": lambda ref: {"package": {"id": ref}},
    }


def own_actions(city: City) -> dict[str, Make]:
    """Our writing actions, each with everything that any of them takes."""
    tk.get_action("status_show")

    def everything(ref: str) -> dict[str, Any]:
        return {
            "id": ref,
            "ids": [ref],
            "transition": "submit",
            "kind": "privacy",
            "outcome": "passed",
            "classification": "public",
            "status": "open",
            "field": "triage",
            "value": "later",
            "text": "words",
            "reason": "words",
            "user": "",
            "department": city.b.id,
            "revision": 1,
        }

    return {
        name: everything
        for name, function in sorted(logic._actions.items())
        if name.startswith("inventory_") and not getattr(function, "side_effect_free", False)
    }


def action_of(name: str) -> str:
    """The action behind a name that tells the form of the call."""
    return name.split(" ", 1)[0]
