"""What each action takes. Validation looks up nothing: it runs before authorisation."""

from __future__ import annotations

from typing import Any

from ckan.logic.schema import validator_args
from ckan.types import Schema, Validator, ValidatorFactory


@validator_args
def reference(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """One record by number, name or id."""
    return {"id": [not_empty, unicode_safe]}


@validator_args
def listing(
    ignore_empty: Validator,
    unicode_safe: Validator,
    default: ValidatorFactory,
    natural_number_validator: Validator,
    boolean_validator: Validator,
    inventory_texts: Validator,
    inventory_list_sort: Validator,
    inventory_list_attention: Validator,
) -> Schema:
    """A page of a list: words, filters by facet, order."""
    schema: dict[str, Any] = {
        "q": [default(""), unicode_safe],
        "attention": [ignore_empty, unicode_safe, inventory_list_attention],
        "sort": [default("rank"), unicode_safe, inventory_list_sort],
        "limit": [default(50), natural_number_validator],
        "offset": [default(0), natural_number_validator],
        "facets": [default(True), boolean_validator],
    }
    names = (
        "state",
        "department",
        "value",
        "likelihood",
        "classification",
        "category",
        "triage",
        "assignee",
        "blocker",
        "source",
    )
    return schema | {name: [ignore_empty, inventory_texts] for name in names}


@validator_args
def transition(
    not_empty: Validator,
    ignore_empty: Validator,
    ignore_missing: Validator,
    unicode_safe: Validator,
    natural_number_validator: Validator,
    inventory_text: Validator,
    inventory_mapping: Validator,
    inventory_partial_date: Validator,
) -> Schema:
    """A transition of one record with everything that it may take along."""
    return {
        "id": [not_empty, unicode_safe],
        "transition": [not_empty, unicode_safe],
        "revision": [ignore_empty, natural_number_validator],
        "comment": [ignore_empty, inventory_text],
        "look_again": [ignore_empty, unicode_safe, inventory_partial_date],
        "retire_reason": [ignore_empty, unicode_safe],
        "successor": [ignore_empty, unicode_safe],
        "classification": [ignore_empty, unicode_safe],
        "target": [ignore_empty, unicode_safe],
        "blocker": [ignore_missing, inventory_mapping],
        "waive": [ignore_missing, inventory_mapping],
        "fields": [ignore_missing, inventory_mapping],
        "publication": [ignore_missing, inventory_mapping],
        "upload": [ignore_missing],
    }


@validator_args
def transition_bulk(
    not_empty: Validator,
    ignore_missing: Validator,
    default: ValidatorFactory,
    one_of: ValidatorFactory,
    unicode_safe: Validator,
    inventory_texts: Validator,
    inventory_mapping: Validator,
    boolean_validator: Validator,
) -> Schema:
    """A transition of many records."""
    schema = transition()
    del schema["id"], schema["revision"]
    return schema | {
        "ids": [not_empty, inventory_texts],
        "revisions": [ignore_missing, inventory_mapping],
        "mode": [default("all"), unicode_safe, one_of(["all", "possible"])],
        "dry_run": [default(False), boolean_validator],
    }


@validator_args
def blocker(
    not_empty: Validator,
    ignore_empty: Validator,
    ignore_missing: Validator,
    unicode_safe: Validator,
    inventory_text: Validator,
    inventory_texts: Validator,
    inventory_partial_date: Validator,
    natural_number_validator: Validator,
) -> Schema:
    """One blocker row, keyed by its kind."""
    return {
        "id": [not_empty, unicode_safe],
        "revision": [ignore_empty, natural_number_validator],
        "kind": [not_empty, unicode_safe],
        "detail": [ignore_missing, inventory_texts],
        "rationale": [ignore_missing, inventory_text],
        "citation": [ignore_missing, inventory_text],
        "owner": [ignore_missing, inventory_text],
        "since": [ignore_empty, unicode_safe, inventory_partial_date],
        "look_again": [ignore_empty, unicode_safe, inventory_partial_date],
    }


@validator_args
def blocker_status(
    not_empty: Validator,
    ignore_missing: Validator,
    unicode_safe: Validator,
    one_of: ValidatorFactory,
    inventory_text: Validator,
) -> Schema:
    """The status of one blocker row."""
    return {
        "id": [not_empty, unicode_safe],
        "kind": [not_empty, unicode_safe],
        "status": [not_empty, unicode_safe, one_of(["open", "resolved", "waived"])],
        "reason": [ignore_missing, inventory_text],
    }


@validator_args
def blocker_kind(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """One blocker row by record and kind."""
    return {"id": [not_empty, unicode_safe], "kind": [not_empty, unicode_safe]}


@validator_args
def finding(
    not_empty: Validator,
    ignore_empty: Validator,
    unicode_safe: Validator,
    inventory_text: Validator,
) -> Schema:
    """A review and its outcome."""
    return {
        "id": [not_empty, unicode_safe],
        "kind": [not_empty, unicode_safe],
        "outcome": [not_empty, unicode_safe],
        "note": [ignore_empty, inventory_text],
    }


@validator_args
def classify(
    not_empty: Validator,
    ignore_empty: Validator,
    unicode_safe: Validator,
    inventory_text: Validator,
    inventory_texts: Validator,
) -> Schema:
    """Records and the level that is confirmed for them."""
    return {
        "ids": [not_empty, inventory_texts],
        "classification": [not_empty, unicode_safe],
        "note": [ignore_empty, inventory_text],
    }


@validator_args
def assign(
    not_empty: Validator,
    ignore_missing: Validator,
    inventory_texts: Validator,
    unicode_safe: Validator,
) -> Schema:
    """Records and the account that they are assigned to."""
    return {"ids": [not_empty, inventory_texts], "user": [ignore_missing, unicode_safe]}


@validator_args
def mark(
    not_empty: Validator,
    ignore_missing: Validator,
    inventory_texts: Validator,
    unicode_safe: Validator,
) -> Schema:
    """Records, a mark and its value."""
    return {
        "ids": [not_empty, inventory_texts],
        "field": [not_empty, unicode_safe],
        "value": [ignore_missing],
    }


@validator_args
def comment(
    not_empty: Validator,
    ignore_empty: Validator,
    default: ValidatorFactory,
    unicode_safe: Validator,
    one_of: ValidatorFactory,
    inventory_text: Validator,
    inventory_words: Validator,
    inventory_texts: Validator,
) -> Schema:
    """A comment on one record."""
    return {
        "id": [not_empty, unicode_safe],
        "text": [inventory_words, inventory_text],
        "mentions": [ignore_empty, inventory_texts],
        "purpose": [default("comment"), unicode_safe, one_of(["comment", "question"])],
    }


@validator_args
def waiver(
    not_empty: Validator,
    unicode_safe: Validator,
    inventory_text: Validator,
    inventory_words: Validator,
) -> Schema:
    """A request to waive a blocker."""
    return {
        "id": [not_empty, unicode_safe],
        "kind": [not_empty, unicode_safe],
        "reason": [inventory_words, inventory_text],
    }


@validator_args
def history(
    not_empty: Validator,
    ignore_empty: Validator,
    default: ValidatorFactory,
    unicode_safe: Validator,
    natural_number_validator: Validator,
) -> Schema:
    """A page of a record's history."""
    return {
        "id": [not_empty, unicode_safe],
        "limit": [default(50), natural_number_validator],
        "before": [ignore_empty, natural_number_validator],
    }


@validator_args
def revision(
    not_empty: Validator, unicode_safe: Validator, natural_number_validator: Validator
) -> Schema:
    """One revision of a record."""
    return {
        "id": [not_empty, unicode_safe],
        "revision": [not_empty, natural_number_validator],
    }


@validator_args
def difference(
    not_empty: Validator,
    ignore_empty: Validator,
    unicode_safe: Validator,
    natural_number_validator: Validator,
) -> Schema:
    """Two revisions of a record; the newer is the current one unless named."""
    return {
        "id": [not_empty, unicode_safe],
        "old": [not_empty, natural_number_validator],
        "new": [ignore_empty, natural_number_validator],
    }


@validator_args
def transfer_request(
    not_empty: Validator,
    ignore_empty: Validator,
    unicode_safe: Validator,
    inventory_text: Validator,
) -> Schema:
    """A record and the department that it should move to."""
    return {
        "id": [not_empty, unicode_safe],
        "department": [not_empty, unicode_safe],
        "comment": [ignore_empty, inventory_text],
    }


@validator_args
def transfer_answer(
    not_empty: Validator,
    ignore_empty: Validator,
    unicode_safe: Validator,
    inventory_text: Validator,
) -> Schema:
    """An answer to a request to move."""
    return {"id": [not_empty, unicode_safe], "comment": [ignore_empty, inventory_text]}


@validator_args
def merge(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """The department that is closed and the one that takes over."""
    return {"department": [not_empty, unicode_safe], "into": [not_empty, unicode_safe]}


@validator_args
def role_add(
    not_empty: Validator,
    ignore_empty: Validator,
    default: ValidatorFactory,
    unicode_safe: Validator,
    boolean_validator: Validator,
    inventory_role: Validator,
    inventory_texts: Validator,
    inventory_day: Validator,
) -> Schema:
    """A role for an account."""
    return {
        "user": [not_empty, unicode_safe],
        "role": [not_empty, unicode_safe, inventory_role],
        "department": [ignore_empty, unicode_safe],
        "division": [ignore_empty, unicode_safe],
        "kinds": [ignore_empty, inventory_texts],
        "may_approve": [default(False), boolean_validator],
        "until": [ignore_empty, inventory_day],
    }


@validator_args
def role_remove(not_empty: Validator, natural_number_validator: Validator) -> Schema:
    """A role by its id."""
    return {"id": [not_empty, natural_number_validator]}


@validator_args
def role_list(ignore_empty: Validator, unicode_safe: Validator) -> Schema:
    """Filters of the list of roles."""
    return {
        "department": [ignore_empty, unicode_safe],
        "user": [ignore_empty, unicode_safe],
    }


@validator_args
def department_update(
    not_empty: Validator,
    ignore_missing: Validator,
    unicode_safe: Validator,
    inventory_text: Validator,
    inventory_code: Validator,
    ignore_empty: Validator,
) -> Schema:
    """Code and defaults of a department; what isn't sent stays."""
    return {
        "id": [not_empty, unicode_safe],
        "code": [ignore_empty, unicode_safe, inventory_code],
        "public_contact_name": [ignore_missing, inventory_text],
        "public_contact_email": [ignore_missing, inventory_text],
        "license_id": [ignore_missing, inventory_text],
        "steward": [ignore_missing, inventory_text],
        "steward_email": [ignore_missing, inventory_text],
    }


@validator_args
def erase(
    not_empty: Validator,
    natural_number_validator: Validator,
    inventory_text: Validator,
    inventory_words: Validator,
) -> Schema:
    """An event whose words are erased, and why."""
    return {
        "event_id": [not_empty, natural_number_validator],
        "reason": [inventory_words, inventory_text],
    }


@validator_args
def promotion_preview(
    not_empty: Validator,
    ignore_missing: Validator,
    unicode_safe: Validator,
    inventory_mapping: Validator,
) -> Schema:
    """An entry and what would go along with its promotion."""
    return {
        "id": [not_empty, unicode_safe],
        "publication": [ignore_missing, inventory_mapping],
        "fields": [ignore_missing, inventory_mapping],
    }
