"""Answers that an import owes, and those that follow from other columns."""

from __future__ import annotations

from ckanext.inventory.types import ENTRY, NOT_KNOWN

from .draft import Draft


def answer(draft: Draft) -> None:
    """Fill in what the row itself doesn't say.

    :param draft: the row, all of whose columns were read
    """
    content = draft.content
    sensitive = content.get("contains_sensitive_data")
    if "contains_sensitive_data" in draft.fields:
        content.setdefault("contains_sensitive_data", NOT_KNOWN)
    if draft.task.schema.package_type != ENTRY:
        return
    if sensitive in ("yes", "yes_can_be_treated"):
        content["blocker_status"] = "some"
    content.setdefault("blocker_status", NOT_KNOWN)
    if content.get("source_ids"):
        content["source_known"] = "linked"
    elif "source_known" not in content:
        described = content.get("system_of_record_note")
        content["source_known"] = "described" if described else NOT_KNOWN
    if "classification" not in content and any(
        item.target == "classification" for item in draft.columns.used
    ):
        content["classification"] = NOT_KNOWN
    _publication(draft)
    _steward(draft)


def _publication(draft: Draft) -> None:
    content = draft.content
    publication = content.get("existing_publication")
    if publication is None and content.get("source_date_published"):
        content["existing_publication"] = ["open_data_portal"]
    elif content.get("existing_publication_url"):
        if publication is None:
            content["existing_publication"] = ["website"]
        elif publication == ["no"]:
            # A "no" of the portal's column, beside an address elsewhere.
            content["existing_publication"] = ["website"]


def _steward(draft: Draft) -> None:
    """Propose who knows the business side of the first linked source."""
    content = draft.content
    if content.get("steward") or content.get("steward_email"):
        return
    linked = set(content.get("source_ids") or [])
    for source in draft.task.known.sources:
        if source.id in linked:
            for name, value in (
                ("steward", source.business_expert),
                ("steward_email", source.business_expert_email),
            ):
                if value:
                    content[name] = value
            return
