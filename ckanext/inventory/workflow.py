"""The transition tables: what may happen to an entry or a source, from where, to where.

The tables are data. Who may do it is asked of :mod:`policy` by the transition's ``act``; what the
record must hold is asked of ``service.requirements`` by its ``stage``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from ckanext.inventory.types import ENTRY, SOURCE, Facts, Stage, State


class Need(Enum):
    """Something a transition takes along; ``required`` tells whether it can be left out."""

    COMMENT = "comment"
    LOOK_AGAIN = "look_again"
    REVISION = "revision"
    RETIRE_REASON = "retire_reason"
    SUCCESSOR = "successor"
    BLOCKER = "blocker"
    PUBLICATION = "publication"
    TARGET = "target"


@dataclass(frozen=True)
class Transition:
    """One row of the table.

    :param name: the verb, as used in code, API and history
    :param label: the words on the button (a message id)
    :param sources: states it starts from
    :param target: the state it leads to; None keeps the state
    :param required: what must be given
    :param optional: what may be given
    :param stage: the stage whose fields must be filled
    :param if_changed: states it also starts from when the text changed since approval; it then
        keeps the state
    :param undoable: the same person may take it back for a short time
    :param publishes: it touches the public dataset
    """

    name: str
    label: str
    sources: frozenset[State]
    target: State | None
    required: frozenset[Need] = frozenset()
    optional: frozenset[Need] = frozenset()
    stage: Stage | None = None
    if_changed: frozenset[State] = frozenset()
    undoable: bool = True
    publishes: bool = False


def _states(*states: State) -> frozenset[State]:
    return frozenset(states)


def _needs(*needs: Need) -> frozenset[Need]:
    return frozenset(needs)


_S = State
_ANY_BUT_RETIRED = frozenset(State) - {State.RETIRED}

_ENTRY_ROWS = (
    Transition(
        "submit",
        "Submit",
        _states(_S.DRAFT, _S.RETURNED),
        _S.SUBMITTED,
        optional=_needs(Need.COMMENT),
        stage=Stage.SUBMIT,
    ),
    Transition("recall", "Recall", _states(_S.SUBMITTED), _S.DRAFT, optional=_needs(Need.COMMENT)),
    Transition(
        "return",
        "Return",
        _states(_S.SUBMITTED, _S.APPROVED, _S.PREPARING, _S.DEFERRED),
        _S.RETURNED,
        required=_needs(Need.COMMENT),
        if_changed=_states(_S.PUBLISHED),
    ),
    Transition(
        "approve",
        "Approve",
        _states(_S.SUBMITTED),
        _S.APPROVED,
        required=_needs(Need.REVISION),
        optional=_needs(Need.COMMENT),
        stage=Stage.APPROVE,
        if_changed=_states(_S.APPROVED, _S.PREPARING, _S.PUBLISHED),
    ),
    Transition(
        "defer",
        "Not now",
        _states(_S.DRAFT, _S.SUBMITTED, _S.RETURNED, _S.APPROVED, _S.PREPARING),
        _S.DEFERRED,
        required=_needs(Need.COMMENT, Need.LOOK_AGAIN),
    ),
    Transition(
        "withhold",
        "Can't be released",
        _states(_S.SUBMITTED, _S.APPROVED, _S.PREPARING, _S.DEFERRED),
        _S.WITHHELD,
        required=_needs(Need.REVISION),
        optional=_needs(Need.COMMENT, Need.LOOK_AGAIN, Need.BLOCKER),
    ),
    Transition(
        "reopen",
        "Reopen",
        _states(_S.DEFERRED, _S.WITHHELD, _S.RETIRED, _S.APPROVED),
        _S.DRAFT,
        required=_needs(Need.COMMENT),
    ),
    Transition(
        "prepare",
        "Prepare its data",
        _states(_S.APPROVED),
        _S.PREPARING,
        required=_needs(Need.REVISION, Need.PUBLICATION),
        optional=_needs(Need.COMMENT),
        stage=Stage.PROMOTE,
        undoable=False,
        publishes=True,
    ),
    Transition(
        "promote",
        "Put on the portal",
        _states(_S.APPROVED, _S.PREPARING, _S.PUBLISHED),
        _S.PUBLISHED,
        required=_needs(Need.REVISION, Need.PUBLICATION),
        optional=_needs(Need.COMMENT),
        stage=Stage.PROMOTE,
        undoable=False,
        publishes=True,
    ),
    Transition(
        "withdraw",
        "Withdraw from the portal",
        _states(_S.PUBLISHED),
        _S.APPROVED,
        required=_needs(Need.COMMENT),
        optional=_needs(Need.TARGET, Need.BLOCKER),
        undoable=False,
        publishes=True,
    ),
    Transition(
        "retire",
        "Retire",
        frozenset(State) - {_S.PREPARING, _S.PUBLISHED, _S.RETIRED},
        _S.RETIRED,
        required=_needs(Need.RETIRE_REASON),
        optional=_needs(Need.COMMENT, Need.SUCCESSOR),
    ),
    # it may pass authorship on, which an undo would have to pass back: saying it again is enough
    Transition("confirm", "Still true", _ANY_BUT_RETIRED, None, undoable=False),
)

_SOURCE_STATES = _states(_S.DRAFT, _S.SUBMITTED, _S.RETURNED, _S.RETIRED)

_SOURCE_ROWS = (
    Transition(
        "submit",
        "Complete",
        _states(_S.DRAFT, _S.RETURNED),
        _S.SUBMITTED,
        optional=_needs(Need.COMMENT),
        stage=Stage.SUBMIT,
    ),
    Transition("recall", "Recall", _states(_S.SUBMITTED), _S.DRAFT, optional=_needs(Need.COMMENT)),
    Transition(
        "return",
        "Return",
        _states(_S.SUBMITTED),
        _S.RETURNED,
        required=_needs(Need.COMMENT),
    ),
    Transition(
        "retire",
        "Retire",
        _SOURCE_STATES - {_S.RETIRED},
        _S.RETIRED,
        required=_needs(Need.COMMENT),
    ),
    Transition("reopen", "Reopen", _states(_S.RETIRED), _S.DRAFT, required=_needs(Need.COMMENT)),
    Transition("confirm", "Still true", _SOURCE_STATES - {_S.RETIRED}, None, undoable=False),
)

ENTRY_TRANSITIONS: Mapping[str, Transition] = {row.name: row for row in _ENTRY_ROWS}
SOURCE_TRANSITIONS: Mapping[str, Transition] = {row.name: row for row in _SOURCE_ROWS}
TABLES: Mapping[str, Mapping[str, Transition]] = {
    ENTRY: ENTRY_TRANSITIONS,
    SOURCE: SOURCE_TRANSITIONS,
}
STATES: Mapping[str, frozenset[State]] = {ENTRY: frozenset(State), SOURCE: _SOURCE_STATES}

STATE_LABELS: Mapping[State, str] = {
    State.DRAFT: "Draft",
    State.SUBMITTED: "Submitted",
    State.RETURNED: "Returned",
    State.APPROVED: "Approved",
    State.PREPARING: "Preparing",
    State.PUBLISHED: "On the portal",
    State.DEFERRED: "Not now",
    State.WITHHELD: "Can't be released",
    State.RETIRED: "Retired",
}

HAS_APPROVED_TEXT = frozenset({State.APPROVED, State.PREPARING, State.PUBLISHED})
"""States in which an approved revision stands."""


def transitions_of(package_type: str) -> Mapping[str, Transition]:
    """Return the transition table of a type.

    :param package_type: ``inventory_entry`` or ``inventory_source``
    :returns: transition name → row
    :raises KeyError: for any other type
    """
    return TABLES[package_type]


def starts(transition: Transition, facts: Facts) -> bool:
    """Tell whether a transition can start from where the record stands.

    :param transition: a row of the table
    :param facts: what is known of the record
    :returns: whether the state, or the change since approval, allows it
    """
    if facts.state in transition.if_changed and facts.changed:
        return not (transition.name == "return" and facts.change_returned)
    if transition.name == "promote" and facts.state is State.PUBLISHED:
        return facts.linked
    return facts.state in transition.sources


def target_state(transition: Transition, facts: Facts) -> State:
    """Tell where a transition leads.

    :param transition: a row of the table that can start
    :param facts: what is known of the record
    :returns: the new state; the present one for a transition that keeps it
    """
    keeps = facts.state in transition.if_changed and facts.state not in transition.sources
    if transition.target is None or keeps:
        return facts.state
    return transition.target


def in_queue(facts: Facts) -> bool:
    """Tell whether a record waits for a decision of the CDO or a reviewer.

    :param facts: what is known of the record
    :returns: submitted, or changed since approval and not returned
    """
    if facts.state is State.SUBMITTED:
        return True
    return facts.state in HAS_APPROVED_TEXT and facts.changed and not facts.change_returned
