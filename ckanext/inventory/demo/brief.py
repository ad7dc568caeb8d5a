"""Reading the one-line form in which most of Larkhaven is written.

A department's file may hold three blocks of lines, their parts set apart by ``|``:

- ``brief``, an entry a line: state, key of its source, value, classification, frequency, title,
  description, and then what else is told of it as ``word: text``. A ``-`` is an answer that nobody
  gave. The words are the keys of city.py, or shorter: ``why`` (value), ``tags``, ``treat`` (how the
  data can be made shareable), ``look`` (again), ``retire``, ``hidden``, ``described`` (its source, in
  words), ``again`` (changed, approved and put on the portal once more), ``drift`` (what somebody
  changed on the portal's side), and the kinds of blocker, each followed by ``waived`` or ``resolved``.
- ``portal``, a dataset that was on the portal before: key, title, description, tags, its table, and
  ``left`` if nobody has taken it into the inventory.
- ``older``, a row of an inventory from before: its state, month, link, reason, title, description.

A table is ``column values, … > column values, …``: one row for each combination of what stands before
the sign, with a figure in each column after it. Values are ``12 months``, ``[a; b; c]`` or ``3..90``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_VALUES = {"h": "high", "m": "medium", "l": "low", "-": "not_known_yet"}
_LEVELS = {
    "pub": "public",
    "req": "public_on_request",
    "int": "internal",
    "sen": "sensitive",
    "pro": "protected",
    "res": "restricted",
}
_SHORT = {
    "why": "value_reason",
    "look": "look_again",
    "retire": "retire_reason",
    "described": "system_of_record_note",
}
_KINDS = {
    "privacy": ("personal_information", "Privacy reviewer", "City Privacy Code § 4-12"),
    "legal": ("legal_or_contractual", "Legal counsel", None),
    "contract": ("commercial_or_trade_secret", "Legal counsel", None),
    "security": ("security_infrastructure", "Security officer", "City Security Standard 7"),
    "quality": ("data_quality", "Data office", None),
    "effort": ("system_or_staffing", "Data office", None),
    "ownership": ("third_party_or_licence", "Legal counsel", None),
}
"""Kind of blocker → its detail, who owns it, and what it rests on."""

_SENSITIVE = frozenset({"privacy", "legal", "security"})

_REVIEWS = {
    "public_on_request": ("legal",),
    "internal": ("security",),
    "sensitive": ("privacy", "security"),
    "protected": ("privacy", "legal"),
}
_NOTES = {
    "privacy": (
        "Nobody can be recognised in what goes out.",
        "Passed with the treatment described.",
    ),
    "legal": ("No rule stands against it.", "Covered by the right to know ordinance."),
    "security": ("Nothing in it helps an intruder.", "Looked through with the security office."),
}
_APPROVED = frozenset({"approved", "preparing", "published"})
_WAITING = frozenset({"submitted", "returned"})
_LONGEST_WAIT = 27
_REQUESTS = ("frequent", "occasional", "occasional", "none")
_REQUESTS_OF_HIGH = ("frequent", "frequent", "frequent", "occasional")
_QUALITY = ("none", "none", "minor", "minor", "minor")
_PROMPTS = (
    "city_goals",
    "department_mission",
    "records_requests",
    "performance_budgeting",
    "legislative_reports",
    "grant_reports",
    "measurement_or_service",
    "lists_charts_maps",
)


def entries(text: str) -> list[dict[str, Any]]:
    """Read a block of entries.

    :param text: the block
    :returns: their descriptions, with the keys that city.py knows
    """
    return [_entry(parts) for parts in _lines(text)]


def portal(text: str, organization: str) -> list[dict[str, Any]]:
    """Read a block of datasets that were on the portal before.

    :param text: the block
    :param organization: name of the organization that owns them
    :returns: datasets with ``key``, ``data`` (their table) and ``taken``
    """
    return [
        {
            "key": key,
            "title": title,
            "notes": notes,
            "organization": organization,
            "tags": [{"name": name} for name in tags.split(", ")],
            "data": {"file": f"{key}.csv", **table(data)},
            "taken": "left" not in rest,
        }
        for key, title, notes, tags, data, *rest in _lines(text)
    ]


def older(text: str) -> list[dict[str, str]]:
    """Read a block of rows of an inventory from before.

    :param text: the block
    :returns: header → cell
    """
    return [
        {
            "Status": state,
            "Decision date": month,
            "Link": link,
            "Reason": reason,
            "Dataset name": title,
            "Description": notes,
            "Priority": ("High", "Medium", "Medium", "Low")[_chance(title, "value") % 4],
        }
        for state, month, link, reason, title, notes in _lines(text)
    ]


def table(text: str) -> dict[str, Any]:
    """Read a table's columns.

    :param text: as ``month 12 months, place [a; b] > visitors 3..90``
    :returns: ``per`` and ``figures``, as :func:`ckanext.inventory.demo.tables.csv_file` takes them
    """
    per, _sign, figures = text.partition(" > ")
    return {"per": dict(_columns(per)), "figures": dict(_columns(figures))}


def _columns(text: str) -> Iterator[tuple[str, Any]]:
    for column in text.split(", "):
        name, _space, values = column.partition(" ")
        if values.startswith("["):
            yield name, [_number(value) for value in values[1:-1].split("; ")]
        elif ".." in values:
            yield name, [_number(bound) for bound in values.split("..")]
        else:
            yield name, values


def _number(text: str) -> Any:
    if re.fullmatch(r"\d+", text):
        return int(text)
    return float(text) if re.fullmatch(r"\d+\.\d+", text) else text


def _lines(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.strip():
            yield [part.strip() for part in line.split("|")]


def _chance(title: str, what: str) -> int:
    return int(hashlib.sha256(f"{what} {title}".encode()).hexdigest()[:8], 16)


def _entry(parts: Sequence[str]) -> dict[str, Any]:
    state, source, value, level, frequency, title, notes, *rest = parts
    about: dict[str, Any] = {
        "title": title,
        "state": state,
        "sources": [] if source == "-" else [source],
        "value": _VALUES[value],
    }
    if notes:
        about["notes"] = notes
    if level != "-":
        about["classification"] = _LEVELS[level]
    if frequency != "-":
        about["change_frequency"] = frequency
    if state in _WAITING:
        # Most wait for days, some for weeks.
        about["days"] = (
            1 + _chance(title, "wait") % _LONGEST_WAIT * (_chance(title, "long") % 3) // 2
        )
    for word in rest:
        key, _colon, said = word.partition(": ")
        _tell(about, key, said)
    return _answered(about)


def _tell(about: dict[str, Any], key: str, said: str) -> None:
    if key in _KINDS:
        about.setdefault("blockers", []).append(_blocker(key, said))
    elif key in ("waived", "resolved"):
        about["blockers"][-1][key] = said
    elif key == "treat":
        about |= {
            "contains_sensitive_data": "yes_can_be_treated",
            "sensitive_data_comments": said,
        }
    elif key == "tags":
        about["keywords"] = said.split(", ")
    elif key == "hidden":
        about["visibility"] = "department_and_cdo_only"
    elif key == "days":
        about["days"] = int(said)
    elif key == "changed":
        about["changed"] = {"notes_add": said}
    elif key in ("talk", "want"):
        about.setdefault(key, []).append(said.split("> ", 1))
    elif key == "external":
        about["publication"] = {"external": said}
    elif key == "data":
        about["data"] = {"file": f"{_slug(about['title'])}.csv", **table(said)}
    else:
        about[_SHORT.get(key, key)] = f"@{said}" if key == "look" else said


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _blocker(kind: str, rationale: str) -> dict[str, Any]:
    detail, owner, citation = _KINDS[kind]
    row = {"kind": kind, "detail": [detail], "rationale": rationale, "owner": owner}
    return {**row, "citation": citation} if citation else row


def _answered(about: dict[str, Any]) -> dict[str, Any]:
    """Add what people answer to the questions that a line doesn't hold, as often as they do."""
    title, state = about["title"], about["state"]
    if state == "draft":
        return about
    level = about.get("classification")
    for blocker in about.get("blockers", ()):
        if blocker["kind"] == "quality":
            about |= {"quality_concern": "major", "quality_notes": blocker["rationale"]}
        if state in _APPROVED and blocker["kind"] in _SENSITIVE:
            about.setdefault("contains_sensitive_data", "yes_can_be_treated")
            done = blocker.get("resolved", blocker.get("waived"))
            about.setdefault("sensitive_data_comments", done)
    asked: Mapping[str, Sequence[str]] = {
        "request_frequency": _REQUESTS_OF_HIGH if about["value"] == "high" else _REQUESTS,
        "quality_concern": _QUALITY,
    }
    for name, answers in asked.items():
        about.setdefault(name, answers[_chance(title, name) % len(answers)])
    if _chance(title, "listed") % 2:
        about["why_listed"] = [_PROMPTS[_chance(title, "prompt") % len(_PROMPTS)]]
    if _chance(title, "earliest") % 3 == 0:
        about["earliest_records"] = str(1994 + _chance(title, "since") % 28)
    if not about["sources"]:
        about.setdefault("system_of_record_note", "A list that the department keeps by hand")
        about.setdefault("format", ["spreadsheet"])
        about.setdefault("existing_etl", "manual_export")
    if state in _APPROVED and level in _REVIEWS:
        about["reviews"] = {
            kind: _NOTES[kind][_chance(title, kind) % len(_NOTES[kind])] for kind in _REVIEWS[level]
        }
    if state == "withheld" and level in ("protected", "sensitive"):
        about.setdefault("contains_sensitive_data", "yes")
    return about
