"""What each action takes. Validation looks up nothing: it runs before authorisation."""

from __future__ import annotations

from typing import Any

from ckan.logic.schema import validator_args
from ckan.types import Schema, Validator, ValidatorFactory


@validator_args
def reference(inventory_needed: Validator, inventory_string: Validator) -> Schema:
    """One record by number, name or id."""
    return {"id": [inventory_needed, inventory_string]}


@validator_args
def listing(
    ignore_empty: Validator,
    inventory_string: Validator,
    default: ValidatorFactory,
    inventory_number: Validator,
    boolean_validator: Validator,
    inventory_texts: Validator,
    inventory_list_sort: Validator,
    inventory_list_attention: Validator,
) -> Schema:
    """A page of a list: words, filters by facet, order."""
    schema: dict[str, Any] = {
        "q": [default(""), inventory_string],
        "attention": [ignore_empty, inventory_string, inventory_list_attention],
        "sort": [default("rank"), inventory_string, inventory_list_sort],
        "limit": [default(50), inventory_number],
        "offset": [default(0), inventory_number],
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
        "wanted",
    )
    return schema | {name: [ignore_empty, inventory_texts] for name in names}


@validator_args
def transition(
    inventory_needed: Validator,
    ignore_empty: Validator,
    ignore_missing: Validator,
    inventory_string: Validator,
    inventory_number: Validator,
    inventory_text: Validator,
    inventory_mapping: Validator,
    inventory_partial_date: Validator,
) -> Schema:
    """A transition of one record with everything that it may take along."""
    return {
        "id": [inventory_needed, inventory_string],
        "transition": [inventory_needed, inventory_string],
        "revision": [ignore_empty, inventory_number],
        "comment": [ignore_empty, inventory_text],
        "look_again": [ignore_empty, inventory_string, inventory_partial_date],
        "retire_reason": [ignore_empty, inventory_string],
        "successor": [ignore_empty, inventory_string],
        "classification": [ignore_empty, inventory_string],
        "target": [ignore_empty, inventory_string],
        "blocker": [ignore_missing, inventory_mapping],
        "waive": [ignore_missing, inventory_mapping],
        "fields": [ignore_missing, inventory_mapping],
        "publication": [ignore_missing, inventory_mapping],
        "upload": [ignore_missing],
    }


@validator_args
def transition_bulk(
    inventory_needed: Validator,
    ignore_missing: Validator,
    default: ValidatorFactory,
    inventory_one_of: ValidatorFactory,
    inventory_string: Validator,
    inventory_texts: Validator,
    inventory_mapping: Validator,
    boolean_validator: Validator,
) -> Schema:
    """A transition of many records."""
    schema = transition()
    del schema["id"], schema["revision"]
    return schema | {
        "ids": [inventory_needed, inventory_texts],
        "revisions": [ignore_missing, inventory_mapping],
        "mode": [default("all"), inventory_string, inventory_one_of(["all", "possible"])],
        "dry_run": [default(False), boolean_validator],
    }


@validator_args
def blocker(
    inventory_needed: Validator,
    ignore_empty: Validator,
    ignore_missing: Validator,
    inventory_string: Validator,
    inventory_text: Validator,
    inventory_texts: Validator,
    inventory_partial_date: Validator,
    inventory_number: Validator,
) -> Schema:
    """One blocker row, keyed by its kind."""
    return {
        "id": [inventory_needed, inventory_string],
        "revision": [ignore_empty, inventory_number],
        "kind": [inventory_needed, inventory_string],
        "detail": [ignore_missing, inventory_texts],
        "rationale": [ignore_missing, inventory_text],
        "citation": [ignore_missing, inventory_text],
        "owner": [ignore_missing, inventory_text],
        "since": [ignore_empty, inventory_string, inventory_partial_date],
        "look_again": [ignore_empty, inventory_string, inventory_partial_date],
    }


@validator_args
def blocker_status(
    inventory_needed: Validator,
    ignore_missing: Validator,
    inventory_string: Validator,
    inventory_one_of: ValidatorFactory,
    inventory_text: Validator,
) -> Schema:
    """The status of one blocker row."""
    return {
        "id": [inventory_needed, inventory_string],
        "kind": [inventory_needed, inventory_string],
        "status": [
            inventory_needed,
            inventory_string,
            inventory_one_of(["open", "resolved", "waived"]),
        ],
        "reason": [ignore_missing, inventory_text],
    }


@validator_args
def blocker_kind(inventory_needed: Validator, inventory_string: Validator) -> Schema:
    """One blocker row by record and kind."""
    return {
        "id": [inventory_needed, inventory_string],
        "kind": [inventory_needed, inventory_string],
    }


@validator_args
def finding(
    inventory_needed: Validator,
    ignore_empty: Validator,
    inventory_string: Validator,
    inventory_text: Validator,
) -> Schema:
    """A review and its outcome."""
    return {
        "id": [inventory_needed, inventory_string],
        "kind": [inventory_needed, inventory_string],
        "outcome": [inventory_needed, inventory_string],
        "note": [ignore_empty, inventory_text],
    }


@validator_args
def classify(
    inventory_needed: Validator,
    ignore_empty: Validator,
    inventory_string: Validator,
    inventory_text: Validator,
    inventory_texts: Validator,
) -> Schema:
    """Records and the level that is confirmed for them."""
    return {
        "ids": [inventory_needed, inventory_texts],
        "classification": [inventory_needed, inventory_string],
        "note": [ignore_empty, inventory_text],
    }


@validator_args
def assign(
    inventory_needed: Validator,
    ignore_missing: Validator,
    inventory_texts: Validator,
    inventory_string: Validator,
) -> Schema:
    """Records and the account that they are assigned to."""
    return {"ids": [inventory_needed, inventory_texts], "user": [ignore_missing, inventory_string]}


@validator_args
def mark(
    inventory_needed: Validator,
    ignore_missing: Validator,
    inventory_texts: Validator,
    inventory_string: Validator,
) -> Schema:
    """Records, a mark and its value."""
    return {
        "ids": [inventory_needed, inventory_texts],
        "field": [inventory_needed, inventory_string],
        "value": [ignore_missing],
    }


@validator_args
def want(
    not_empty: Validator,
    unicode_safe: Validator,
    inventory_text: Validator,
    inventory_words: Validator,
) -> Schema:
    """Why somebody wants an entry."""
    return {
        "id": [not_empty, unicode_safe],
        "reason": [inventory_words, inventory_text],
    }


@validator_args
def comment(
    inventory_needed: Validator,
    ignore_empty: Validator,
    default: ValidatorFactory,
    inventory_string: Validator,
    inventory_one_of: ValidatorFactory,
    inventory_text: Validator,
    inventory_words: Validator,
    inventory_texts: Validator,
) -> Schema:
    """A comment on one record."""
    return {
        "id": [inventory_needed, inventory_string],
        "text": [inventory_words, inventory_text],
        "mentions": [ignore_empty, inventory_texts],
        "purpose": [
            default("comment"),
            inventory_string,
            inventory_one_of(["comment", "question"]),
        ],
    }


@validator_args
def waiver(
    inventory_needed: Validator,
    inventory_string: Validator,
    inventory_text: Validator,
    inventory_words: Validator,
) -> Schema:
    """A request to waive a blocker."""
    return {
        "id": [inventory_needed, inventory_string],
        "kind": [inventory_needed, inventory_string],
        "reason": [inventory_words, inventory_text],
    }


@validator_args
def history(
    inventory_needed: Validator,
    ignore_empty: Validator,
    default: ValidatorFactory,
    inventory_string: Validator,
    inventory_number: Validator,
) -> Schema:
    """A page of a record's history."""
    return {
        "id": [inventory_needed, inventory_string],
        "limit": [default(50), inventory_number],
        "before": [ignore_empty, inventory_number],
    }


@validator_args
def revision(
    inventory_needed: Validator, inventory_string: Validator, inventory_number: Validator
) -> Schema:
    """One revision of a record."""
    return {
        "id": [inventory_needed, inventory_string],
        "revision": [inventory_needed, inventory_number],
    }


@validator_args
def difference(
    inventory_needed: Validator,
    ignore_empty: Validator,
    inventory_string: Validator,
    inventory_number: Validator,
) -> Schema:
    """Two revisions of a record; the newer is the current one unless named."""
    return {
        "id": [inventory_needed, inventory_string],
        "old": [inventory_needed, inventory_number],
        "new": [ignore_empty, inventory_number],
    }


@validator_args
def transfer_request(
    inventory_needed: Validator,
    ignore_empty: Validator,
    inventory_string: Validator,
    inventory_text: Validator,
) -> Schema:
    """A record and the department that it should move to."""
    return {
        "id": [inventory_needed, inventory_string],
        "department": [inventory_needed, inventory_string],
        "comment": [ignore_empty, inventory_text],
    }


@validator_args
def transfer_answer(
    inventory_needed: Validator,
    ignore_empty: Validator,
    inventory_string: Validator,
    inventory_text: Validator,
) -> Schema:
    """An answer to a request to move."""
    return {"id": [inventory_needed, inventory_string], "comment": [ignore_empty, inventory_text]}


@validator_args
def merge(inventory_needed: Validator, inventory_string: Validator) -> Schema:
    """The department that is closed and the one that takes over."""
    return {
        "department": [inventory_needed, inventory_string],
        "into": [inventory_needed, inventory_string],
    }


@validator_args
def role_add(
    inventory_needed: Validator,
    ignore_empty: Validator,
    default: ValidatorFactory,
    inventory_string: Validator,
    boolean_validator: Validator,
    inventory_role: Validator,
    inventory_texts: Validator,
    inventory_day: Validator,
) -> Schema:
    """A role for an account."""
    return {
        "user": [inventory_needed, inventory_string],
        "role": [inventory_needed, inventory_string, inventory_role],
        "department": [ignore_empty, inventory_string],
        "division": [ignore_empty, inventory_string],
        "kinds": [ignore_empty, inventory_texts],
        "may_approve": [default(False), boolean_validator],
        "until": [ignore_empty, inventory_day],
    }


@validator_args
def role_remove(inventory_needed: Validator, inventory_number: Validator) -> Schema:
    """A role by its id."""
    return {"id": [inventory_needed, inventory_number]}


@validator_args
def role_list(ignore_empty: Validator, inventory_string: Validator) -> Schema:
    """Filters of the list of roles."""
    return {
        "department": [ignore_empty, inventory_string],
        "user": [ignore_empty, inventory_string],
    }


@validator_args
def department_update(
    inventory_needed: Validator,
    ignore_missing: Validator,
    inventory_string: Validator,
    inventory_text: Validator,
    inventory_code: Validator,
    ignore_empty: Validator,
) -> Schema:
    """Code and defaults of a department; what isn't sent stays."""
    return {
        "id": [inventory_needed, inventory_string],
        "code": [ignore_empty, inventory_string, inventory_code],
        "public_contact_name": [ignore_missing, inventory_text],
        "public_contact_email": [ignore_missing, inventory_text],
        "license_id": [ignore_missing, inventory_text],
        "steward": [ignore_missing, inventory_text],
        "steward_email": [ignore_missing, inventory_text],
    }


@validator_args
def erase(
    inventory_needed: Validator,
    inventory_number: Validator,
    inventory_text: Validator,
    inventory_words: Validator,
) -> Schema:
    """An event whose words are erased, and why."""
    return {
        "event_id": [inventory_needed, inventory_number],
        "reason": [inventory_words, inventory_text],
    }


@validator_args
def promotion_preview(
    inventory_needed: Validator,
    ignore_missing: Validator,
    inventory_string: Validator,
    inventory_mapping: Validator,
) -> Schema:
    """An entry and what would go along with its promotion."""
    return {
        "id": [inventory_needed, inventory_string],
        "publication": [ignore_missing, inventory_mapping],
        "fields": [ignore_missing, inventory_mapping],
    }
