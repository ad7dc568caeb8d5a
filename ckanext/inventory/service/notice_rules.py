"""Who has to know of which act, how soon and why: one table, without database or CKAN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ckanext.inventory.types import Word


class Receiver(Word):
    """In which relation somebody stands to an act."""

    MENTIONED = "mentioned"
    AUTHOR = "author"
    ASKER = "asker"
    ASSIGNED = "assigned"
    DEPARTMENT = "department"
    THREAD = "thread"
    TARGET = "target"
    DECIDERS = "deciders"
    READERS = "readers"


class Topic(Word):
    """Why somebody is told, as pages and mails group it, in their order."""

    BACK = "back"
    WAITS = "waits"
    DECIDED = "decided"
    PUBLIC = "public"
    SAID = "said"


class Digest(Word):
    """How often somebody wants the digest."""

    DAILY = "daily"
    WEEKLY = "weekly"
    NEVER = "never"


ANY = object()
"""A detail that has to be there, whatever it is."""


@dataclass(frozen=True)
class Rule:
    """One row of the table.

    :param act: name of the act in the history
    :param receiver: who is told
    :param at_once: by a mail of its own, rather than in the digest
    :param topic: why
    :param where: details that the act has to have
    """

    act: str
    receiver: Receiver
    at_once: bool
    topic: Topic
    where: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def fits(self, details: Mapping[str, Any]) -> bool:
        """Tell whether the rule is about an act with these details.

        :param details: of one row of the act
        :returns: the answer
        """
        return all(
            details.get(key) is not None if wanted is ANY else details.get(key) == wanted
            for key, wanted in self.where.items()
        )


QUESTION = "question"
"""A comment with the purpose to ask the steward."""

WAIVER_REQUEST = "waiver_request"

WANT = "want"

TALK = ("comment", QUESTION, WAIVER_REQUEST)
"""Acts that are words of somebody on a record."""

_SAID = ("comment", WAIVER_REQUEST)
_PUT_ASIDE = ("withhold", "defer")

RULES: Sequence[Rule] = (
    Rule("return", Receiver.AUTHOR, True, Topic.BACK),
    Rule("return", Receiver.DEPARTMENT, False, Topic.BACK),
    *(Rule(act, Receiver.MENTIONED, True, Topic.SAID) for act in _SAID),
    Rule(QUESTION, Receiver.MENTIONED, True, Topic.WAITS),
    Rule(QUESTION, Receiver.DEPARTMENT, False, Topic.WAITS),
    Rule(QUESTION, Receiver.THREAD, False, Topic.SAID),
    Rule("comment", Receiver.THREAD, False, Topic.SAID),
    Rule("comment", Receiver.DEPARTMENT, False, Topic.SAID),
    # the answer to a request: a waiver in an edit or in an approval, or a decision against it
    Rule("edit", Receiver.ASKER, True, Topic.DECIDED, {"settled": ANY}),
    Rule("approve", Receiver.ASKER, True, Topic.DECIDED, {"waived": ANY}),
    *(Rule(act, Receiver.ASKER, True, Topic.DECIDED) for act in _PUT_ASIDE),
    Rule("transfer", Receiver.ASKER, True, Topic.DECIDED),
    Rule("transfer_decline", Receiver.ASKER, True, Topic.DECIDED),
    Rule("transfer", Receiver.DEPARTMENT, False, Topic.DECIDED),
    Rule("approve", Receiver.DEPARTMENT, False, Topic.DECIDED),
    *(Rule(act, Receiver.DEPARTMENT, False, Topic.DECIDED) for act in _PUT_ASIDE),
    Rule("withdraw", Receiver.DEPARTMENT, False, Topic.DECIDED),
    Rule("submit", Receiver.DECIDERS, False, Topic.WAITS),
    Rule(WAIVER_REQUEST, Receiver.DECIDERS, False, Topic.WAITS),
    Rule("transfer_request", Receiver.TARGET, False, Topic.WAITS),
    Rule("assign", Receiver.ASSIGNED, False, Topic.WAITS),
    Rule("hand_over", Receiver.ASSIGNED, False, Topic.WAITS, {"field": "assignee"}),
    Rule(
        "mark",
        Receiver.DEPARTMENT,
        False,
        Topic.WAITS,
        {"field": "triage", "new": "worth_detailing"},
    ),
    Rule(WANT, Receiver.DEPARTMENT, False, Topic.SAID),
    Rule("promote", Receiver.DEPARTMENT, False, Topic.PUBLIC),
    Rule("link", Receiver.DEPARTMENT, False, Topic.PUBLIC),
    Rule("promote", Receiver.DECIDERS, False, Topic.PUBLIC),
    Rule("promote", Receiver.READERS, False, Topic.PUBLIC),
)
"""The table. Who did the act is never told of it, and nobody twice: the soonest rule counts."""

ACTS = frozenset(rule.act for rule in RULES)

BLIND = frozenset({"transfer", "transfer_request"})
"""Acts that are told to people who can't read the record (any more, or yet): without it."""

MINUTES: Mapping[str, float] = {"queue": 0.5, "returned": 3, "detailing": 3, "ready": 0.3}
"""About how long one entry of a view takes, by the views that wait for somebody."""

MOST_MINUTES = 30
"""Nobody does more in one go."""


def minutes(waiting: Mapping[str, int]) -> int:
    """Say how long it takes to do what waits.

    :param waiting: view → number of entries
    :returns: minutes, 0 if nothing waits
    """
    needed = sum(MINUTES[name] * count for name, count in waiting.items())
    return min(MOST_MINUTES, max(1, round(needed))) if needed else 0
