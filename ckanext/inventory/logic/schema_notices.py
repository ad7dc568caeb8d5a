"""What the actions about being told and about the directory take; nothing is looked up here."""

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


@validator_args
def directory(
    default: ValidatorFactory,
    ignore_empty: Validator,
    unicode_safe: Validator,
    natural_number_validator: Validator,
) -> Schema:
    """What to look for in the directory."""
    return {
        "q": [default(""), unicode_safe],
        "department": [ignore_empty, unicode_safe],
        "source": [default(""), unicode_safe],
        "person": [default(""), unicode_safe],
        "limit": [default(25), natural_number_validator],
        "offset": [default(0), natural_number_validator],
    }
