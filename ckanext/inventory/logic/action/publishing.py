"""Actions about the public side: what would go out, and what changed there since."""

from __future__ import annotations

from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
from ckan.types import Context, DataDict

from ckanext.inventory.logic import schema, who
from ckanext.inventory.publishing import drift, promote
from ckanext.inventory.service import register
from ckanext.inventory.types import ENTRY

__all__ = ["inventory_drift", "inventory_promotion_preview"]


@tk.side_effect_free
@tk.validate_action_data(schema.promotion_preview)
def inventory_promotion_preview(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show exactly what the public would get if an entry were promoted now.

    The approved text counts, not what was edited since.

    :param id: number, name or id
    :param publication: the inputs of promotion as far as they are known: mode, dataset, url,
        organization, name, license_id, resources, metadata_only, extra (optional)
    :param fields: reviewer's fields that would be set in the act (optional)
    :returns: mode, name, url, organization, organizations, license, fields (key, label, value and,
        where it changes, before), resources, new_resources, asks, problems (field → messages)
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises ValidationError: by input
    """
    tk.check_access("inventory_promotion_preview", context, data_dict)
    who.keep_private()
    session, row = who.session_of(context), who.record(context, data_dict["id"], ENTRY)
    publication = promote.publication_from(data_dict.get("publication") or {})
    revision = row.approved_revision or row.revision
    content = register.revision_content(session, row.package_id, revision)
    content |= data_dict.get("fields") or {}
    inherited = register.inherited(session, row, content)
    return promote.preview(session, who.person(context), row, content, inherited, publication)


@tk.side_effect_free
@tk.validate_action_data(schema.reference)
def inventory_drift(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Tell what the portal changed in the dataset of an entry since it was promoted.

    :param id: number, name or id
    :returns: ``differences`` (key, label, ours, theirs; none if all is as it was), ``dataset_id``
        and ``by`` (name of whoever changed the dataset last, where that is known)
    :raises ObjectNotFound: if there is none, or none that the caller may see
    """
    tk.check_access("inventory_drift", context, data_dict)
    who.keep_private()
    row = who.record(context, data_dict["id"], ENTRY)
    found = drift.of_entries(who.session_of(context), [row.package_id]).get(row.package_id)
    if found is None:
        return {"differences": [], "dataset_id": None, "by": None}
    return {
        "differences": [
            {
                "key": each.key,
                "label": tk._(each.label),
                "ours": each.ours,
                "theirs": each.theirs,
            }
            for each in found.differences
        ],
        "dataset_id": found.dataset_id,
        "by": _name(found.by),
    }


def _name(user_id: str | None) -> str | None:
    user = model.User.get(user_id) if user_id else None
    return user.display_name if user is not None else None
