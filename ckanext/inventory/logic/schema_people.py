"""What the actions about people take. Validation looks up nothing: it runs before authorisation."""

from __future__ import annotations

from ckan.logic.schema import validator_args
from ckan.types import Schema, Validator, ValidatorFactory


@validator_args
def people(default: ValidatorFactory, inventory_string: Validator) -> Schema:
    """Words to look for."""
    return {"q": [default(""), inventory_string]}


@validator_args
def hand_over(
    inventory_needed: Validator,
    ignore_empty: Validator,
    default: ValidatorFactory,
    inventory_string: Validator,
    boolean_validator: Validator,
) -> Schema:
    """From whom, to whom, and what."""
    return {
        "from": [inventory_needed, inventory_string],
        "to": [inventory_needed, inventory_string],
        "department": [ignore_empty, inventory_string],
        "roles": [default(False), boolean_validator],
        "dry_run": [default(False), boolean_validator],
    }


@validator_args
def role_invite(
    inventory_needed: Validator,
    ignore_empty: Validator,
    default: ValidatorFactory,
    inventory_string: Validator,
    boolean_validator: Validator,
    inventory_role: Validator,
    inventory_lines: Validator,
    inventory_texts: Validator,
    inventory_day: Validator,
) -> Schema:
    """Pasted addresses and the role that they get."""
    return {
        "emails": [inventory_needed, inventory_lines],
        "role": [default("coordinator"), inventory_string, inventory_role],
        "department": [ignore_empty, inventory_string],
        "division": [ignore_empty, inventory_string],
        "kinds": [ignore_empty, inventory_texts],
        "may_approve": [default(False), boolean_validator],
        "until": [ignore_empty, inventory_day],
        "dry_run": [default(False), boolean_validator],
    }


@validator_args
def invitation(inventory_needed: Validator, inventory_number: Validator) -> Schema:
    """An invitation by its id."""
    return {"id": [inventory_needed, inventory_number]}


@validator_args
def editors_to_coordinators(
    ignore_empty: Validator,
    default: ValidatorFactory,
    inventory_string: Validator,
    boolean_validator: Validator,
) -> Schema:
    """Which departments, and whether it is only shown."""
    return {
        "department": [ignore_empty, inventory_string],
        "dry_run": [default(False), boolean_validator],
    }
