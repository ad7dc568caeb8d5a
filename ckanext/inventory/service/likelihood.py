"""How likely an entry can be released, by the rule table, with every reason.

Pure: the table is data (vocabularies), and what a rule asks is looked up in the entry's content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ckanext.inventory.types import NOT_KNOWN
from ckanext.inventory.vocabularies import EMPTY, LikelihoodRule, Vocabularies

SETTLED = frozenset({"resolved", "waived"})
"""Statuses of a blocker that no longer stands in the way."""


@dataclass(frozen=True)
class Reason:
    """One reason for or against.

    :param sign: ``+`` speaks for release, ``-`` against
    :param text: the reason in words (a message id)
    """

    sign: str
    text: str


def likelihood(
    content: Mapping[str, Any], confirmed: str | None, vocabularies: Vocabularies
) -> tuple[str, list[Reason]]:
    """Work out the likelihood of release.

    :param content: the entry's content
    :param confirmed: the confirmed class, or None
    :param vocabularies: the lists and the rule table
    :returns: the value that comes first in the table's order among all rules that apply, and the
        reasons of all of them, in the order of the table
    """
    facts = _facts(content, confirmed, vocabularies)
    rules = [rule for rule in vocabularies.likelihood_rules if _applies(rule, content, facts)]
    order = [choice.value for choice in vocabularies.choices("likelihood")]
    effects = {rule.effect for rule in rules}
    value = next((effect for effect in order if effect in effects), order[-1])
    return value, [Reason(rule.sign, rule.reason) for rule in rules]


def effective_classification(content: Mapping[str, Any], confirmed: str | None) -> str | None:
    """Return the class that counts: the confirmed one, else the proposed one.

    :param content: the entry's content
    :param confirmed: the confirmed class, or None
    :returns: a level's value, or None
    """
    if confirmed and confirmed != NOT_KNOWN:
        return confirmed
    return content.get("classification") or None


def derived_sensitivity(content: Mapping[str, Any], vocabularies: Vocabularies) -> str | None:
    """Say whether an entry contains sensitive data, as answered or as it follows.

    :param content: the entry's content
    :param vocabularies: the kinds of blockers, some of which mean sensitive data
    :returns: a value of ``contains_sensitive_data``; None while nothing was answered
    """
    answered = content.get("contains_sensitive_data")
    if answered:
        return str(answered)
    status = content.get("blocker_status")
    if status == "none":
        return "no"
    if status == "some":
        sensitive = any(
            (kind := vocabularies.blocker_kinds.get(str(row.get("kind")))) and kind.sensitive
            for row in blocker_rows(content)
        )
        return "yes" if sensitive else "no"
    return NOT_KNOWN if status == NOT_KNOWN else None


def blocker_rows(content: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the blocker rows of a content.

    :param content: the entry's content
    :returns: its rows, possibly none
    """
    return cast("Sequence[Mapping[str, Any]]", content.get("release_blockers") or ())


def is_open(row: Mapping[str, Any]) -> bool:
    """Tell whether a blocker stands in the way.

    :param row: a blocker row
    :returns: false if it is resolved or waived; what nobody knows counts as open
    """
    return row.get("status") not in SETTLED


def _facts(
    content: Mapping[str, Any], confirmed: str | None, vocabularies: Vocabularies
) -> dict[str, frozenset[str]]:
    """Work out what no field holds by itself."""
    effective = effective_classification(content, confirmed)
    level = vocabularies.level(effective)
    kinds = frozenset(str(row.get("kind")) for row in blocker_rows(content) if is_open(row))
    justifies = any(
        (kind := vocabularies.blocker_kinds.get(value)) and kind.justifies_withholding
        for value in kinds
    )
    by = EMPTY if effective is None else "department"
    if confirmed and confirmed != NOT_KNOWN:
        by = "reviewer"
    return {
        "classification": frozenset({effective or EMPTY}),
        "release": frozenset({level.release if level else EMPTY}),
        "classified_by": frozenset({by}),
        "contains_sensitive_data": frozenset({derived_sensitivity(content, vocabularies) or EMPTY}),
        "open_blockers": kinds or frozenset({EMPTY}),
        "open_justifies": frozenset({"yes" if justifies else "no"}),
    }


def _applies(
    rule: LikelihoodRule, content: Mapping[str, Any], facts: Mapping[str, frozenset[str]]
) -> bool:
    return all(
        wanted & (facts[name] if name in facts else _values(content.get(name)))
        for name, wanted in rule.when.items()
    )


def _values(value: Any) -> frozenset[str]:
    if value in (None, "", []):
        return frozenset({EMPTY})
    if not isinstance(value, list):
        return frozenset({str(value)})
    items = cast("list[Any]", value)
    return frozenset(
        str(cast("Mapping[str, Any]", item).get("kind")) if isinstance(item, Mapping) else str(item)
        for item in items
    )
