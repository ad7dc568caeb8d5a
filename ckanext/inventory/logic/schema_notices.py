"""What the actions about being told take. Validation looks up nothing: it runs before authorisation."""

from __future__ import annotations

from ckan.logic.schema import validator_args
from ckan.types import Schema, Validator, ValidatorFactory


@validator_args
def listing(
    default: ValidatorFactory,
    ignore_empty: Validator,
    natural_number_validator: Validator,
    boolean_validator: Validator,
) -> Schema:
    """Which part of the list."""
    return {
        "limit": [default(50), natural_number_validator],
        "before": [ignore_empty, natural_number_validator],
        "unread": [default(False), boolean_validator],
    }


@validator_args
def read(
    default: ValidatorFactory,
    ignore_empty: Validator,
    inventory_texts: Validator,
    boolean_validator: Validator,
) -> Schema:
    """Which are read."""
    return {
        "ids": [ignore_empty, inventory_texts],
        "all": [default(False), boolean_validator],
    }


@validator_args
def settings(
    ignore_missing: Validator,
    unicode_safe: Validator,
    one_of: ValidatorFactory,
    boolean_validator: Validator,
) -> Schema:
    """How somebody wants to be told."""
    return {
        "digest": [ignore_missing, unicode_safe, one_of(["daily", "weekly", "never"])],
        "at_once": [ignore_missing, boolean_validator],
    }


@validator_args
def preview(ignore_empty: Validator, unicode_safe: Validator) -> Schema:
    """Whose digest."""
    return {"user": [ignore_empty, unicode_safe]}
