"""What the actions about people take. Validation looks up nothing: it runs before authorisation."""

from __future__ import annotations

from ckan.logic.schema import validator_args
from ckan.types import Schema, Validator, ValidatorFactory


@validator_args
def people(default: ValidatorFactory, unicode_safe: Validator) -> Schema:
    """Words to look for."""
    return {"q": [default(""), unicode_safe]}


@validator_args
def hand_over(
    not_empty: Validator,
    ignore_empty: Validator,
    default: ValidatorFactory,
    unicode_safe: Validator,
    boolean_validator: Validator,
) -> Schema:
    """From whom, to whom, and what."""
    return {
        "from": [not_empty, unicode_safe],
        "to": [not_empty, unicode_safe],
        "department": [ignore_empty, unicode_safe],
        "roles": [default(False), boolean_validator],
        "dry_run": [default(False), boolean_validator],
    }


@validator_args
def role_invite(
    not_empty: Validator,
    ignore_empty: Validator,
    default: ValidatorFactory,
    unicode_safe: Validator,
    boolean_validator: Validator,
    inventory_role: Validator,
    inventory_lines: Validator,
    inventory_texts: Validator,
    inventory_day: Validator,
) -> Schema:
    """Pasted addresses and the role that they get."""
    return {
        "emails": [not_empty, inventory_lines],
        "role": [default("coordinator"), unicode_safe, inventory_role],
        "department": [ignore_empty, unicode_safe],
        "division": [ignore_empty, unicode_safe],
        "kinds": [ignore_empty, inventory_texts],
        "may_approve": [default(False), boolean_validator],
        "until": [ignore_empty, inventory_day],
        "dry_run": [default(False), boolean_validator],
    }


@validator_args
def invitation(not_empty: Validator, natural_number_validator: Validator) -> Schema:
    """An invitation by its id."""
    return {"id": [not_empty, natural_number_validator]}


@validator_args
def editors_to_coordinators(
    ignore_empty: Validator,
    default: ValidatorFactory,
    unicode_safe: Validator,
    boolean_validator: Validator,
) -> Schema:
    """Which departments, and whether it is only shown."""
    return {
        "department": [ignore_empty, unicode_safe],
        "dry_run": [default(False), boolean_validator],
    }
