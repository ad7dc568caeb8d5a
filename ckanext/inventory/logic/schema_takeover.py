"""What the actions of taking over take. Validation looks up nothing: it runs before authorisation."""

from __future__ import annotations

from ckan.logic.schema import validator_args
from ckan.types import Schema, Validator, ValidatorFactory

from ckanext.inventory.service.link_suggestions import LEAST


@validator_args
def portal_missing(
    default: ValidatorFactory,
    ignore_empty: Validator,
    inventory_string: Validator,
    inventory_number: Validator,
) -> Schema:
    """A page of the list of datasets that are not in the inventory."""
    return {
        "q": [default(""), inventory_string],
        "organization": [ignore_empty, inventory_string],
        "limit": [default(50), inventory_number],
        "offset": [default(0), inventory_number],
    }


@validator_args
def take_over_portal(
    default: ValidatorFactory,
    ignore_empty: Validator,
    inventory_string: Validator,
    boolean_validator: Validator,
    inventory_texts: Validator,
) -> Schema:
    """Which datasets to take in, and into which department."""
    return {
        "datasets": [ignore_empty, inventory_texts],
        "organizations": [ignore_empty, inventory_texts],
        "all": [default(False), boolean_validator],
        "department": [ignore_empty, inventory_string],
        "dry_run": [default(False), boolean_validator],
    }


@validator_args
def take_over(
    default: ValidatorFactory,
    ignore_empty: Validator,
    ignore_missing: Validator,
    inventory_string: Validator,
    boolean_validator: Validator,
    inventory_mapping: Validator,
    inventory_texts: Validator,
) -> Schema:
    """A file with its past, and how it is read."""
    return {
        "department": [ignore_empty, inventory_string],
        "upload": [ignore_missing],
        "content": [ignore_empty, inventory_string],
        "filename": [ignore_empty, inventory_string],
        "columns": [ignore_empty, inventory_mapping],
        "values": [ignore_empty, inventory_mapping],
        "past": [ignore_empty, inventory_mapping],
        "states": [ignore_empty, inventory_mapping],
        "origin": [ignore_empty, inventory_string],
        "sheets": [ignore_empty, inventory_texts],
        "dry_run": [default(False), boolean_validator],
        "create_departments": [default(False), boolean_validator],
        "day_first": [default(False), boolean_validator],
        "digest": [ignore_empty, inventory_string],
    }


@validator_args
def link_suggestions(
    default: ValidatorFactory,
    ignore_empty: Validator,
    inventory_string: Validator,
    inventory_number: Validator,
    inventory_texts: Validator,
    inventory_likeness: Validator,
) -> Schema:
    """A page of the suggestions which entries to link."""
    return {
        "department": [ignore_empty, inventory_string],
        "datasets": [ignore_empty, inventory_texts],
        "least": [default(LEAST), inventory_likeness],
        "limit": [default(50), inventory_number],
        "offset": [default(0), inventory_number],
    }


@validator_args
def link_bulk(
    default: ValidatorFactory,
    ignore_empty: Validator,
    ignore_missing: Validator,
    inventory_string: Validator,
    boolean_validator: Validator,
    inventory_mapping: Validator,
    inventory_texts: Validator,
    inventory_pairs: Validator,
    inventory_likeness: Validator,
) -> Schema:
    """Which entries to link to what: pairs, a file, or suggestions above a likeness."""
    return {
        "pairs": [ignore_empty, inventory_pairs],
        "above": [ignore_empty, inventory_likeness],
        "upload": [ignore_missing],
        "content": [ignore_empty, inventory_string],
        "filename": [ignore_empty, inventory_string],
        "columns": [ignore_empty, inventory_mapping],
        "sheets": [ignore_empty, inventory_texts],
        "department": [ignore_empty, inventory_string],
        "dry_run": [default(False), boolean_validator],
        "digest": [ignore_empty, inventory_string],
    }
