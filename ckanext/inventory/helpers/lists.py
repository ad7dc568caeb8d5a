"""The declared fields and lists on a page: their values and labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.inventory import vocabularies
from ckanext.inventory.fields import FieldSpec, Schema, schema_for
from ckanext.inventory.types import ENTRY, NOT_KNOWN, State
from ckanext.inventory.vocabularies import BlockerKind, Choice
from ckanext.inventory.workflow import STATE_LABELS

_BARS = {"high": 3, "medium": 2, "low": 1}

_BLOCKER_ICONS = {
    "privacy": "fa-user-lock",
    "legal": "fa-scale-balanced",
    "contract": "fa-file-contract",
    "security": "fa-shield-halved",
    "quality": "fa-broom",
    "effort": "fa-wrench",
    "ownership": "fa-people-carry-box",
}


def inventory_schema(package_type: str = ENTRY) -> Schema:
    """Return the schema of a type, for forms, pages and the guide.

    :param package_type: ``inventory_entry`` or ``inventory_source``
    :returns: the schema in force
    """
    return schema_for(package_type)


def inventory_states(source: bool = False) -> list[tuple[str, str]]:
    """Return the states in the order of the workflow.

    :param source: only those that a source knows
    :returns: (value, label) pairs
    """
    wanted = [State.DRAFT, State.SUBMITTED, State.RETURNED, State.RETIRED]
    return [
        (str(state), tk._(label))
        for state, label in STATE_LABELS.items()
        if not source or state in wanted
    ]


def inventory_state_label(state: str) -> str:
    """Return the words for a state.

    :param state: its value
    :returns: the label, e.g. "On the portal"
    """
    return tk._(STATE_LABELS[State(state)])


def inventory_choice_label(package_type: str, field: str, value: str | None) -> str:
    """Return the label of a stored value.

    :param package_type: ``inventory_entry`` or ``inventory_source``
    :param field: field name
    :param value: stored value
    :returns: the label; the value itself where the vocabulary doesn't know it, empty for none
    """
    if not value:
        return ""
    spec = schema_for(package_type).fields.get(field)
    return choice_label(spec, value) if spec else value


def choice_label(spec: FieldSpec, value: str) -> str:
    """Return the words for a value of a field's list.

    :param spec: the field
    :param value: one of its values
    :returns: its label; the value itself if the list doesn't have it any more
    """
    for choice in spec.choices:
        if choice.value == value:
            return tk._(choice.label)
    if value == NOT_KNOWN:
        return tk._("Not known yet")
    return value


def inventory_value_label(value: str | None) -> str:
    """Return the words for a value (High, Medium, Low, Not assessed).

    :param value: the stored value, or None
    :returns: the label
    """
    if value == "high":
        return tk._("High")
    if value == "medium":
        return tk._("Medium")
    return tk._("Low") if value == "low" else tk._("Not assessed")


def inventory_bars(value: str | None) -> int:
    """Return how many of the three bars of a value are filled.

    :param value: the stored value, or None
    :returns: 0 to 3
    """
    return _BARS.get(value or "", 0)


def inventory_blocker_icon(kind: str) -> str:
    """Return the icon of a kind of blocker.

    :param kind: one of the families
    :returns: a class name of the icon font
    """
    return _BLOCKER_ICONS.get(kind, "fa-circle-question")


def inventory_blocker_label(kind: str) -> str:
    """Return the label of a kind of blocker.

    :param kind: one of the families
    :returns: its label
    """
    return inventory_list_label("blocker_kind", kind)


def inventory_blocker_kinds() -> Iterable[BlockerKind]:
    """Return the kinds of blockers, for a list to choose from.

    :returns: the families in the order of display
    """
    return vocabularies.load().blocker_kinds.values()


def inventory_facet_label(name: str, item: Mapping[str, Any]) -> str:
    """Return the words for one value of a facet.

    :param name: the facet
    :param item: ``value`` and, where the action knows it, ``label``
    :returns: the label; for no value what that means there
    """
    value = item["value"]
    if value is None:
        nothing = {
            "assignee": tk._("Nobody"),
            "blocker": tk._("None"),
            "wanted": tk._("Nobody said so"),
        }
        return nothing.get(name, tk._("No answer yet"))
    if item.get("label"):
        return str(item["label"])
    if name == "state":
        return inventory_state_label(value)
    if name == "value":
        return inventory_value_label(value)
    if name == "blocker":
        return inventory_blocker_label(value).split(":")[0]
    if name == "wanted":
        return tk._("Wanted by council or mayor")
    lists = vocabularies.load().lists
    return inventory_list_label(name, value) if name in lists else tk._("Something chosen")


def inventory_choices(field: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the choices of a field as scheming's own form and API ask for them.

    :param field: the field as scheming has it
    :returns: dicts of ``value`` and ``label``
    """
    choices = vocabularies.load().choices(str(field["inventory_vocabulary"]))
    return [{"value": choice.value, "label": tk._(choice.label)} for choice in choices]


def inventory_list(name: str) -> Iterable[Choice]:
    """Return a list of values.

    :param name: name of the list in the vocabularies
    :returns: its choices
    """
    return vocabularies.load().choices(name)


def inventory_prompts() -> Iterable[Choice]:
    """Return the guide's questions that help to find datasets.

    :returns: the choices of "what brought it to mind" that have a question
    """
    return vocabularies.load().prompts()


def inventory_list_label(name: str, value: str | None) -> str:
    """Return the label of a value of a list.

    :param name: name of the list in the vocabularies
    :param value: the stored value
    :returns: its label; empty for none
    """
    return tk._(vocabularies.load().label(name, value)) if value else ""


def inventory_heat(count: int, highest: int) -> int:
    """Return the step of a heat cell.

    :param count: the cell's number
    :param highest: the highest of the table
    :returns: 0 (white) to 4
    """
    if not count or not highest:
        return 0
    return min(4, 1 + int(3.999 * count / highest))
