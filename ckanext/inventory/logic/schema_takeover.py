"""What the actions of taking over take. Validation looks up nothing: it runs before authorisation."""

from __future__ import annotations

from ckan.logic.schema import validator_args
from ckan.types import Schema, Validator, ValidatorFactory


@validator_args
def portal_missing(
    default: ValidatorFactory,
    ignore_empty: Validator,
    unicode_safe: Validator,
    natural_number_validator: Validator,
) -> Schema:
    """A page of the list of datasets that are not in the inventory."""
    return {
        "q": [default(""), unicode_safe],
        "organization": [ignore_empty, unicode_safe],
        "limit": [default(50), natural_number_validator],
        "offset": [default(0), natural_number_validator],
    }


@validator_args
def take_over_portal(
    default: ValidatorFactory,
    ignore_empty: Validator,
    unicode_safe: Validator,
    boolean_validator: Validator,
    inventory_texts: Validator,
) -> Schema:
    """Which datasets to take in, and into which department."""
    return {
        "datasets": [ignore_empty, inventory_texts],
        "organizations": [ignore_empty, inventory_texts],
        "all": [default(False), boolean_validator],
        "department": [ignore_empty, unicode_safe],
        "dry_run": [default(False), boolean_validator],
    }
