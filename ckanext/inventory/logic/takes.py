"""What an action takes, as data: each parameter with the names of the validators that it passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan.types import Schema, ValidatorFactory

Steps = Sequence["str | tuple[str, Any]"]
"""Names of validators in their order; with what it is made with, where one is made."""

NEEDED: Steps = ("inventory_needed", "inventory_string")
NEEDED_IDS: Steps = ("inventory_needed", "inventory_texts")
NEEDED_NUMBER: Steps = ("inventory_needed", "inventory_number")
OPTIONAL: Steps = ("ignore_empty", "inventory_string")
OPTIONAL_TEXTS: Steps = ("ignore_empty", "inventory_texts")
OPTIONAL_NUMBER: Steps = ("ignore_empty", "inventory_number")
OPTIONAL_DATE: Steps = ("ignore_empty", "inventory_string", "inventory_partial_date")
OPTIONAL_DAY: Steps = ("ignore_empty", "inventory_day")
OPTIONAL_MAPPING: Steps = ("ignore_empty", "inventory_mapping")
OPTIONAL_TEXT_MAPPING: Steps = ("ignore_empty", "inventory_mapping_of_texts")
OPTIONAL_TEXT_MAPPINGS: Steps = ("ignore_empty", "inventory_mappings_of_texts")
MAPPING: Steps = ("ignore_missing", "inventory_mapping")
TEXT_MAPPING: Steps = ("ignore_missing", "inventory_mapping_of_texts")
TEXT_MAPPINGS: Steps = ("ignore_missing", "inventory_mappings_of_texts")
NOTE: Steps = ("ignore_empty", "inventory_text")
TEXT: Steps = ("ignore_missing", "inventory_text")
WORDS: Steps = ("inventory_words", "inventory_text")
ANYTHING: Steps = ("ignore_missing",)
OFF: Steps = (("default", False), "boolean_validator")
SEARCHED: Steps = (("default", ""), "inventory_string")
ATTENTION: Steps = ("ignore_empty", "inventory_string", "inventory_list_attention")


def number(unless_sent: int) -> Steps:
    """Take a whole number.

    :param unless_sent: what it is unless it is sent
    :returns: the steps
    """
    return (("default", unless_sent), "inventory_number")


def one_of(values: Iterable[str], unless_sent: str) -> Steps:
    """Take one of some values.

    :param values: the values
    :param unless_sent: which one it is unless it is sent
    :returns: the steps
    """
    return (("default", unless_sent), "inventory_string", ("inventory_one_of", list(values)))


def takes(parameters: Mapping[str, Steps]) -> Callable[[], Schema]:
    """Say what an action takes.

    :param parameters: name → the validators that it passes
    :returns: what core asks for the schema; validators are looked up then, as plugins bring them
    """

    def schema() -> Schema:
        return {name: [_validator(step) for step in steps] for name, steps in parameters.items()}

    return schema


def _validator(step: str | tuple[str, Any]) -> Any:
    if isinstance(step, str):
        return tk.get_validator(step)
    name, given = step
    return cast(ValidatorFactory, tk.get_validator(name))(given)
