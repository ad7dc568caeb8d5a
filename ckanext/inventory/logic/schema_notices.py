"""What the actions about being told and about the directory take; nothing is looked up here."""

from __future__ import annotations

from ckan.logic.schema import validator_args
from ckan.types import Schema, Validator, ValidatorFactory


@validator_args
def listing(
    default: ValidatorFactory,
    ignore_empty: Validator,
    inventory_number: Validator,
    boolean_validator: Validator,
) -> Schema:
    """Which part of the list."""
    return {
        "limit": [default(50), inventory_number],
        "before": [ignore_empty, inventory_number],
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
    inventory_string: Validator,
    inventory_one_of: ValidatorFactory,
    boolean_validator: Validator,
) -> Schema:
    """How somebody wants to be told."""
    return {
        "digest": [
            ignore_missing,
            inventory_string,
            inventory_one_of(["daily", "weekly", "never"]),
        ],
        "at_once": [ignore_missing, boolean_validator],
    }


@validator_args
def preview(ignore_empty: Validator, inventory_string: Validator) -> Schema:
    """Whose digest."""
    return {"user": [ignore_empty, inventory_string]}


@validator_args
def directory(
    default: ValidatorFactory,
    ignore_empty: Validator,
    inventory_string: Validator,
    inventory_number: Validator,
) -> Schema:
    """What to look for in the directory."""
    return {
        "q": [default(""), inventory_string],
        "department": [ignore_empty, inventory_string],
        "source": [default(""), inventory_string],
        "person": [default(""), inventory_string],
        "limit": [default(25), inventory_number],
        "offset": [default(0), inventory_number],
    }
