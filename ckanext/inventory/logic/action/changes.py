"""Actions that write the text of entries and sources; all of them go through core's own."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import Context, DataDict

from ckanext.inventory import fields, policy
from ckanext.inventory.fields import schema_for
from ckanext.inventory.logic import schema, who
from ckanext.inventory.service import facets, register
from ckanext.inventory.service.blockers import FIELD, STATUS_FIELD
from ckanext.inventory.service.content import CONTEXT_KEY, Write
from ckanext.inventory.types import ENTRY, SOURCE

__all__ = [
    "inventory_blocker_remove",
    "inventory_blocker_save",
    "inventory_blocker_status",
    "inventory_entry_create",
    "inventory_entry_patch",
    "inventory_entry_update",
    "inventory_restore_approved",
    "inventory_source_create",
    "inventory_source_patch",
    "inventory_source_update",
]


def _create(context: Context, data_dict: DataDict, package_type: str) -> dict[str, Any]:
    return tk.get_action("package_create")(context, {**data_dict, "type": package_type})


def _write(context: Context, data_dict: DataDict, package_type: str, action: str) -> dict[str, Any]:
    row = who.record(context, data_dict.get("id"), package_type)
    return tk.get_action(action)(context, {**data_dict, "id": row.package_id})


def inventory_entry_create(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Add an entry as a draft. A title and a department are enough.

    :param title: the name, in plain words
    :param owner_org: name or id of the department
    :returns: the entry with its ``number``, ``revision`` and ``workflow_state``; every other
        parameter is a field of the entry's schema
    :raises NotAuthorized: for people who don't coordinate the department
    :raises ValidationError: by field, everything at once
    """
    tk.check_access("inventory_entry_create", context, data_dict)
    return _create(context, data_dict, ENTRY)


def inventory_entry_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Replace the text of an entry; fields that aren't sent are emptied.

    :param id: number, name or id
    :param revision: the revision that the text is based on
    :returns: the entry
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises NotAuthorized: if the caller may not edit it
    :raises ValidationError: by field; ``revision`` if somebody else saved in the meantime
    """
    tk.check_access("inventory_entry_update", context, data_dict)
    return _write(context, data_dict, ENTRY, "package_update")


def inventory_entry_patch(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Change some fields of an entry.

    :param id: number, name or id
    :param revision: the revision that the change is based on (optional)
    :returns: the entry
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises NotAuthorized: if the caller may not edit it
    :raises ValidationError: by field; ``revision`` if somebody else saved in the meantime
    """
    tk.check_access("inventory_entry_patch", context, data_dict)
    return _write(context, data_dict, ENTRY, "package_patch")


def inventory_source_create(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Add a source as a draft. A title and a department are enough.

    :param title: the name of the system, database, folder or product
    :param owner_org: name or id of the department
    :returns: the source with its ``number``
    :raises NotAuthorized: for people who don't coordinate the department
    :raises ValidationError: by field, everything at once
    """
    tk.check_access("inventory_source_create", context, data_dict)
    return _create(context, data_dict, SOURCE)


def inventory_source_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Replace the text of a source; fields that aren't sent are emptied.

    :param id: number, name or id
    :param revision: the revision that the text is based on
    :returns: the source
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises NotAuthorized: if the caller may not edit it
    :raises ValidationError: by field; ``revision`` if somebody else saved in the meantime
    """
    tk.check_access("inventory_source_update", context, data_dict)
    return _write(context, data_dict, SOURCE, "package_update")


def inventory_source_patch(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Change some fields of a source.

    :param id: number, name or id
    :param revision: the revision that the change is based on (optional)
    :returns: the source
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises NotAuthorized: if the caller may not edit it
    :raises ValidationError: by field; ``revision`` if somebody else saved in the meantime
    """
    tk.check_access("inventory_source_patch", context, data_dict)
    return _write(context, data_dict, SOURCE, "package_patch")


def _patch_rows(
    context: Context, data_dict: DataDict, rows: list[dict[str, Any]], **others: Any
) -> dict[str, Any]:
    row = who.record(context, data_dict["id"], ENTRY)
    person = who.person(context)
    # what a decider says of a blocker is a review act and doesn't make them an author
    how = Write(person, policy.is_decider(person), data_dict.get("revision"))
    inner = Context(context)
    inner[CONTEXT_KEY] = how  # pyright: ignore[reportGeneralTypeIssues] - ours, see CONTEXT_KEY
    return tk.get_action("package_patch")(inner, {"id": row.package_id, FIELD: rows, **others})


def _stored_rows(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    row = who.record(context, data_dict["id"], ENTRY)
    return facets.blocker_rows(register.current_content(who.session_of(context), row))


@tk.validate_action_data(schema.reference)
def inventory_restore_approved(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Take the approved text back, undoing every change since.

    :param id: number, name or id
    :returns: the entry
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises ValidationError: ``id`` if there is no approved text, or nothing changed since
    """
    tk.check_access("inventory_restore_approved", context, data_dict)
    session, row = who.session_of(context), who.record(context, data_dict["id"], ENTRY)
    approved = register.revision_content(session, row.package_id, row.approved_revision or 0)
    changes = fields.diff(schema_for(ENTRY), register.current_content(session, row), approved)
    if not approved or not changes:
        raise tk.ValidationError({"id": [tk._("Nothing changed since it was approved.")]})
    restored = {change.field: "" if change.new is None else change.new for change in changes}
    return tk.get_action("package_patch")(context, {"id": row.package_id, **restored})


_ROW_KEYS = ("kind", "detail", "rationale", "citation", "owner", "since", "look_again")


@tk.validate_action_data(schema.blocker)
def inventory_blocker_save(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Add a blocker to an entry, or reword the one of the same kind.

    :param id: number, name or id
    :param kind: privacy, legal, contract, security, quality, effort, ownership, other or
        not_known_yet
    :param detail: finer kinds (optional)
    :param rationale: why it stands in the way, in a sentence (optional)
    :param citation: the law or contract (optional)
    :param owner: user id, or the name of a unit (optional)
    :param since: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD`` (optional)
    :param look_again: a date likewise (optional)
    :param revision: the revision that this is based on (optional)
    :returns: the entry
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises ValidationError: by field
    """
    tk.check_access("inventory_blocker_save", context, data_dict)
    sent = {key: data_dict[key] for key in _ROW_KEYS if key in data_dict}
    rows = _stored_rows(context, data_dict)
    known = next((row for row in rows if row.get("kind") == sent["kind"]), None)
    others = [row for row in rows if row is not known]
    merged = {"status": "open", **(known or {}), **sent}
    return _patch_rows(context, data_dict, [*others, merged], **{STATUS_FIELD: "some"})


@tk.validate_action_data(schema.blocker_kind)
def inventory_blocker_remove(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Remove a blocker that no reviewer has decided on.

    :param id: number, name or id
    :param kind: the blocker's kind
    :returns: the entry
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises ValidationError: ``kind`` if there is no such blocker
    """
    tk.check_access("inventory_blocker_remove", context, data_dict)
    rows = _stored_rows(context, data_dict)
    left = [row for row in rows if row.get("kind") != data_dict["kind"]]
    if len(left) == len(rows):
        raise tk.ValidationError({"kind": [tk._("There is no blocker of this kind.")]})
    others = {} if left else {STATUS_FIELD: "not_known_yet"}
    return _patch_rows(context, data_dict, left, **others)


@tk.validate_action_data(schema.blocker_status)
def inventory_blocker_status(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Say that a blocker is resolved, waived or open again.

    :param id: number, name or id
    :param kind: the blocker's kind
    :param status: ``resolved`` (its owner or a reviewer), ``waived`` (CDO or delegate) or ``open``
    :param reason: why; needed for ``waived``
    :returns: the entry
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises ValidationError: by field
    """
    tk.check_access("inventory_blocker_status", context, data_dict)
    rows = _stored_rows(context, data_dict)
    if all(row.get("kind") != data_dict["kind"] for row in rows):
        raise tk.ValidationError({"kind": [tk._("There is no blocker of this kind.")]})
    changed = [
        {**row, "status": data_dict["status"], "status_reason": data_dict.get("reason") or ""}
        if row.get("kind") == data_dict["kind"]
        else row
        for row in rows
    ]
    return _patch_rows(context, data_dict, changed)
