"""Core actions and auth functions, chained where they would show or touch what is private.

Given to CKAN as explicit dicts by the plugin. The chained ``package_create``, ``package_update``,
``package_patch``, ``package_delete`` and ``package_show`` are with the register, in
``logic.action.package``; everything else that can reach an entry is here.

A record that the caller may not know of is answered like an id that doesn't exist, in core's own
words.

Source: leak contract, layer 4.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins as p

from ckanext.inventory.guards import (
    activities,
    auth,
    datasets,
    departments,
    harvesting,
    hiding,
    members,
    search,
)

__all__ = ["actions", "auth_functions"]


def actions() -> dict[str, Any]:
    """Return the chained actions, those of optional plugins only where these are loaded.

    :returns: action name → chained function
    """
    chained: dict[str, Any] = {
        "bulk_update_delete": datasets.bulk_update_delete,
        "bulk_update_private": datasets.bulk_update_private,
        "bulk_update_public": datasets.bulk_update_public,
        "dataset_purge": datasets.dataset_purge,
        "group_create": members.group_create,
        "group_delete": departments.group_delete,
        "group_purge": departments.group_purge,
        "group_update": members.group_update,
        "member_create": members.member_create,
        "member_delete": members.member_delete,
        "member_list": members.member_list,
        "organization_delete": departments.organization_delete,
        "organization_purge": departments.organization_purge,
        "organization_update": departments.organization_update,
        "package_autocomplete": search.package_autocomplete,
        "package_relationship_create": datasets.package_relationship_create,
        "package_relationship_delete": datasets.package_relationship_delete,
        "package_relationship_update": datasets.package_relationship_update,
        "package_search": search.package_search,
        **hiding.READING,
        **hiding.WRITING,
    }
    if p.plugin_loaded("activity"):
        chained |= hiding.READING_ACTIVITY
        chained["activity_create"] = activities.activity_create
    if p.plugin_loaded("harvest"):
        chained |= hiding.READING_HARVEST
        chained["harvest_object_list"] = harvesting.harvest_object_list
        chained["harvest_object_show"] = harvesting.harvest_object_show
        chained["harvest_source_list"] = harvesting.harvest_source_list
    return chained


def auth_functions() -> dict[str, Any]:
    """Return the chained auth functions.

    :returns: auth function name → chained function
    """
    return {
        "follow_dataset": auth.follow_dataset,
        "package_collaborator_create": auth.package_collaborator_create,
        "package_create": auth.package_create,
        "package_delete": auth.package_delete,
        "package_owner_org_update": auth.package_owner_org_update,
        "package_relationship_create": auth.package_relationship_create,
        "package_update": auth.package_update,
        "resource_create": auth.resource_create,
    }
