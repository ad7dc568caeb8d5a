"""Reading Larkhaven's files.

A department's file holds ``department`` (code, defaults, coordinator, how many days ago it
``started``, the ``usual`` answers of its entries, and ``parts`` that went to colleagues),
``sources`` and ``entries``. A source or an entry is written with the fields of its schema; a source
also says what it ``gives`` to the entries that come from it. Besides:

- ``state``, and ``days`` since it got there
- ``say``: the words of the last step; ``by``: who took it, if not the usual person
- ``blockers``: rows, with ``waived`` or ``resolved`` and the reason, where that was decided
- ``reviews``: kind → note of a review that was passed; ``justification``: why it may go out
- ``returned`` and ``answer``: it came back once, and what was done about it
- ``changed``: what was edited after the approval; ``notes_add`` is a sentence more
- ``waiver``: why a waiver is asked for; ``talk``: comments, as person and words
- ``transfer``: the department that was asked to take it, and the words
- ``assignee``, ``triage``, ``visibility``, ``look_again``, ``retire_reason``
- ``detailed``: false if only what submit needs is known
- ``data``: the table that goes to the portal with it, or ``publication``: ``linked`` (a key of
  portal.yaml) or ``external`` (a URL)
- ``again``: a sentence that was added later, approved and, if it was, put on the portal once more
- ``drift``: what somebody changed on the portal's side: the ``title``, that it is ``hidden``, or its
  description, in words
- ``want``: who of the mayor's and council's offices wants it, and why, as ``person> words``

Most of the city is written shorter, see brief.py. Dates may be relative to today: ``@+6m``.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from ckanext.inventory.demo import brief, dates
from ckanext.inventory.types import ENTRY, SOURCE, State

PACKAGE = "ckanext.inventory.demo"
FOLDER = "larkhaven"
_FILES = (
    "parks",
    "water",
    "works",
    "mobility",
    "health",
    "library",
    "finance",
    "police",
    "fire",
    "permits",
    "housing",
    "harbour",
    "clerk",
    "digital",
    "planning",
    "schools",
)

_ABOUT = frozenset(
    {
        "again",
        "answer",
        "assignee",
        "blockers",
        "by",
        "changed",
        "data",
        "days",
        "detailed",
        "drift",
        "gives",
        "justification",
        "key",
        "look_again",
        "publication",
        "retire_reason",
        "returned",
        "reviews",
        "say",
        "shared",
        "sources",
        "state",
        "talk",
        "transfer",
        "triage",
        "visibility",
        "waiver",
        "want",
    }
)
"""Keys of a record's description that are no fields of its schema."""

_UNDETAILED = frozenset({State.DRAFT, State.RETIRED})
"""States in which nobody answered more than what is written down."""


@dataclass(frozen=True)
class Item:
    """A source or an entry as its file describes it.

    :param kind: the package type
    :param title: its name
    :param state: where it stands
    :param about: everything written about it
    :param department: the department's file
    """

    kind: str
    title: str
    state: State
    about: Mapping[str, Any]
    department: Mapping[str, Any]

    @property
    def organization(self) -> str:
        """Name of the department's organization."""
        return str(self.department["name"])

    @property
    def coordinator(self) -> str:
        """Account of the department's coordinator."""
        return str(self.department["coordinator"])

    @property
    def notes(self) -> str | None:
        """The description, one line a paragraph."""
        given = self.about.get("notes")
        if given is None:
            return None
        return "\n\n".join(" ".join(part.split()) for part in given.split("\n\n"))

    @property
    def blockers(self) -> list[dict[str, Any]]:
        """The blockers with what was decided on them."""
        return list(self.about.get("blockers", ()))

    @property
    def source_keys(self) -> list[str]:
        """Keys of the sources that an entry comes from."""
        return list(self.about.get("sources", ()))


@dataclass(frozen=True)
class City:
    """Everything that is told of Larkhaven.

    :param people: accounts and roles
    :param portal: datasets that were on the portal before
    :param departments: organization name → the department's description
    :param sources: all sources, by department and key
    :param entries: all entries that were listed here, in the order of the files
    :param older: organization name → rows of its inventory from before
    """

    people: list[dict[str, Any]]
    portal: list[dict[str, Any]]
    departments: Mapping[str, Mapping[str, Any]]
    sources: Mapping[tuple[str, str], Item]
    entries: list[Item]
    older: Mapping[str, list[dict[str, str]]]

    @property
    def taken(self) -> list[str]:
        """Keys of the datasets of which entries were made."""
        return [one["key"] for one in self.portal if one.get("taken")]

    def content(self, item: Item, today: dt.date) -> dict[str, Any]:
        """Return the fields of a source or entry, without its sources' ids.

        :param item: the source or entry
        :param today: the day that the city lives in
        :returns: schema field → value
        """
        fields = {name: value for name, value in item.about.items() if name not in _ABOUT}
        if item.notes is not None:
            fields["notes"] = item.notes
        if item.kind == ENTRY:
            fields = {**self._supplied(item), **_answers(item), **fields}
        return {name: _resolved(value, today) for name, value in fields.items()}

    def _supplied(self, item: Item) -> dict[str, Any]:
        """What the department and the sources answer for an entry that was worked on."""
        if not item.about.get("detailed", item.state not in _UNDETAILED):
            return {}
        supplied = dict(item.department["usual"])
        for key in item.source_keys:
            supplied |= self.sources[item.organization, key].about.get("gives", {})
        return {**supplied, "blocker_status": "none"}


def _answers(item: Item) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    if item.blockers:
        answers["blocker_status"] = "some"
    if item.about.get("system_of_record_note") and not item.source_keys:
        answers["source_known"] = "described"
    return answers


def _resolved(value: Any, today: dt.date) -> Any:
    if isinstance(value, str):
        return dates.resolve(value.strip(), today)
    return value


@functools.cache
def load() -> City:
    """Read the files.

    :returns: the city
    """
    described = [_read(f"{name}.yaml") for name in _FILES]
    departments = {one["department"]["name"]: one["department"] for one in described}
    sources: dict[tuple[str, str], Item] = {}
    entries: list[Item] = []
    portal = list(_read("portal.yaml"))
    older: dict[str, list[dict[str, str]]] = {}
    for one in described:
        department = one["department"]
        for about in one["sources"]:
            sources[department["name"], about["key"]] = _item(SOURCE, about, department)
        listed = [*one.get("entries", ()), *brief.entries(one.get("brief", ""))]
        entries += [_item(ENTRY, about, department) for about in listed]
        portal += brief.portal(one.get("portal", ""), department["name"])
        if "older" in one:
            older[department["name"]] = brief.older(one["older"])
    linked = {row["Link"].rpartition("/larkhaven-")[2] for rows in older.values() for row in rows}
    for dataset in portal:
        dataset["taken"] = dataset.get("taken", False) and dataset["key"] not in linked
    return City(_read("people.yaml"), portal, departments, sources, entries, older)


def _item(kind: str, about: Mapping[str, Any], department: Mapping[str, Any]) -> Item:
    return Item(kind, str(about["title"]), State(about["state"]), about, department)


def _read(name: str) -> Any:
    text = (resources.files(PACKAGE) / FOLDER / name).read_text("utf-8")
    return yaml.safe_load(text)
