"""Release blockers: who may add, reword, resolve and waive which row.

The rows live in the package, so that the rules here are held on every door that writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk

from ckanext.inventory import config, policy, vocabularies
from ckanext.inventory.policy import Act
from ckanext.inventory.service.content import Write
from ckanext.inventory.types import Facts, Person

FIELD = "release_blockers"
STATUS_FIELD = "blocker_status"

_STATUS = ("status", "status_reason")


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with a blocker row.

    :param kind: its kind
    :param column: what to change about it, empty for the row as a whole
    :param message: what is wrong
    """

    kind: str
    column: str
    message: str


def by_kind(rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return blocker rows by their kind, which is their key.

    :param rows: the rows
    :returns: kind → row
    """
    return {str(row.get("kind")): row for row in rows}


def row_errors(
    old: Sequence[Mapping[str, Any]],
    new: Sequence[Mapping[str, Any]],
    known: Facts,
    how: Write,
) -> dict[str, list[str]]:
    """Tell what is wrong with a change of blocker rows.

    Either side may add rows. The department may remove or reword only rows that no reviewer has
    touched. ``resolved`` is the owner's or a reviewer's to say, or a coordinator's where the owner
    is empty or a unit; ``waived`` a CDO's or delegate's, with a reason.

    :param old: the rows before
    :param new: the rows after
    :param known: what is known of the record
    :param how: who writes
    :returns: ``release_blockers`` → messages, empty if all is well
    """
    messages = [problem.message for problem in row_problems(old, new, known, how)]
    return {FIELD: messages} if messages else {}


def row_problems(
    old: Sequence[Mapping[str, Any]],
    new: Sequence[Mapping[str, Any]],
    known: Facts,
    how: Write,
) -> list[RowProblem]:
    """Tell what is wrong with a change of blocker rows, row by row.

    :param old: as for :func:`row_errors`
    :param new: as there
    :param known: as there
    :param how: as there
    :returns: the problems, none if all is well

    Source: the project's field list, "who sets a blocker's status".
    """
    before, after = by_kind(old), by_kind(new)
    found: list[RowProblem] = []
    for kind, row in after.items():
        found += _status_problems(kind, before.get(kind), row, known, how.person)
    if not policy.is_decider(how.person):
        for kind, row in before.items():
            if not _settled(row):
                continue
            if kind not in after:
                words = tk._("A reviewer has decided on the blocker {kind}, so it stays.")
            elif _words(row) != _words(after[kind]):
                words = tk._(
                    "A reviewer has decided on the blocker {kind}, so its text can't be changed."
                )
            else:
                continue
            found.append(RowProblem(kind, "", words.format(kind=_label(kind))))
    return found


def _label(kind: str) -> str:
    return tk._(vocabularies.load().label("blocker_kind", kind))


def _settled(row: Mapping[str, Any]) -> bool:
    return row.get("status") in ("resolved", "waived")


def _words(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value for key, value in row.items() if key not in _STATUS and value not in ("", None)
    }


def _status_problems(
    kind: str,
    before: Mapping[str, Any] | None,
    row: Mapping[str, Any],
    known: Facts,
    person: Person,
) -> list[RowProblem]:
    status = row.get("status") or "open"
    was = (before or {}).get("status") or "open"
    if status == was and (row.get("status_reason") or "") == (
        (before or {}).get("status_reason") or ""
    ):
        return []
    if status == "waived" or was == "waived":
        decision = policy.may(person, Act.WAIVE, known, config.options())
        if not decision:
            words = f"{_label(kind)}: {tk._(decision.reason)}"
            return [RowProblem(kind, "status", words)]
        if status == "waived" and not row.get("status_reason"):
            words = tk._("Say why the blocker {kind} is waived.").format(kind=_label(kind))
            return [RowProblem(kind, "status_reason", words)]
        return []
    if status == "resolved" or was == "resolved":
        owner = str(row.get("owner") or "")
        if policy.is_decider(person) or (owner and owner == person.user_id):
            return []
        unit_owned = not owner or not _is_person(owner)
        if unit_owned and policy.coordinates(person, known.department):
            return []
        words = tk._("Only its owner or a reviewer can say that the blocker {kind} is resolved.")
        return [RowProblem(kind, "status", words.format(kind=_label(kind)))]
    return []


def _is_person(owner: str) -> bool:
    """Whether the owner of a row is an account and not the name of a unit."""
    return model.User.get(owner) is not None
