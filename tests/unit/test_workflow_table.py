"""The transition tables against the design, row by row, and the laws that any table has to keep."""

from __future__ import annotations

import itertools

import pytest

from ckanext.inventory import workflow
from ckanext.inventory.types import ENTRY, PRIVATE_TYPES, SOURCE, Facts, Stage, State
from ckanext.inventory.workflow import Need

# The specification, written out by hand. In the order of the columns: name | from | to | states in
# which the row stands for the text that changed since approval, and stays there | what has to be
# given | the stage whose fields must be filled.
ENTRY_SPEC = """
submit   | draft returned                         | submitted |          |         | submit
recall   | submitted                              | draft     |          |         |
return   | submitted approved preparing deferred  | returned  | published | comment |
approve  | submitted | approved | approved preparing published | revision | approve
defer    | draft submitted returned approved preparing | deferred | | comment look_again |
withhold | submitted approved preparing deferred  | withheld  |          | revision |
reopen   | deferred withheld retired approved     | draft     |          | comment |
prepare  | approved                    | preparing | | revision publication | promote
promote  | approved preparing published | published | | revision publication | promote
withdraw | published                              | approved  |          | comment |
retire   | draft submitted returned approved deferred withheld | retired | | retire_reason |
confirm  | draft submitted returned approved preparing published deferred withheld | = | | |
"""

SOURCE_SPEC = """
submit   | draft returned           | submitted | | | submit
recall   | submitted                | draft     | | |
return   | submitted                | returned  | | comment |
retire   | draft submitted returned | retired   | | comment |
reopen   | retired                  | draft     | | comment |
confirm  | draft submitted returned | =         | | |
"""

SPECS = {ENTRY: ENTRY_SPEC, SOURCE: SOURCE_SPEC}


def _rows(spec: str) -> dict[str, list[str]]:
    lines = [[cell.strip() for cell in line.split("|")] for line in spec.strip().splitlines()]
    return {line[0]: line for line in lines}


def _states(cell: str) -> frozenset[State]:
    return frozenset(State(word) for word in cell.split())


CASES = [(kind, name) for kind, spec in SPECS.items() for name in _rows(spec)]


def facts(kind: str, state: State, *, changed: bool = False, returned: bool = False) -> Facts:
    has_text = state in workflow.HAS_APPROVED_TEXT
    return Facts(
        "package",
        kind,
        "parks",
        state=state,
        revision=2,
        approved_revision=1 if has_text else None,
        changed=changed,
        change_returned=returned,
        linked=state in {State.PREPARING, State.PUBLISHED},
    )


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_row_as_designed(kind: str, name: str) -> None:
    _, sources, target, if_changed, required, stage = _rows(SPECS[kind])[name]
    row = workflow.transitions_of(kind)[name]

    assert row.sources == _states(sources)
    assert row.target == (None if target == "=" else State(target))
    assert row.if_changed == _states(if_changed)
    assert row.required == {Need(word) for word in required.split()}
    assert row.stage == (Stage(stage) if stage else None)


@pytest.mark.parametrize("kind", sorted(PRIVATE_TYPES))
def test_no_row_beyond_the_design(kind: str) -> None:
    assert list(workflow.transitions_of(kind)) == list(_rows(SPECS[kind]))


def test_what_touches_the_portal_cannot_be_undone() -> None:
    rows = workflow.ENTRY_TRANSITIONS.values()
    touching = {row.name for row in rows if row.publishes}

    assert touching == {"prepare", "promote", "withdraw"}
    assert not any(row.undoable for row in rows if row.publishes)


@pytest.mark.parametrize("kind", sorted(PRIVATE_TYPES))
def test_all_else_that_changes_the_state_can_be_undone(kind: str) -> None:
    for row in workflow.transitions_of(kind).values():
        assert row.undoable == (row.target is not None and not row.publishes), row.name


def test_whoever_decides_names_the_revision_that_was_looked_at() -> None:
    named = {
        name for name, row in workflow.ENTRY_TRANSITIONS.items() if Need.REVISION in row.required
    }

    assert named == {"approve", "withhold", "prepare", "promote"}


@pytest.mark.parametrize("kind", sorted(PRIVATE_TYPES))
def test_rows_use_states_of_their_type_only(kind: str) -> None:
    known = workflow.STATES[kind]
    for row in workflow.transitions_of(kind).values():
        assert row.sources | row.if_changed <= known
        assert row.target is None or row.target in known


@pytest.mark.parametrize("kind", sorted(PRIVATE_TYPES))
def test_nothing_required_is_optional_as_well(kind: str) -> None:
    for row in workflow.transitions_of(kind).values():
        assert not row.required & row.optional


def _reachable(kind: str, start: State) -> set[State]:
    found = {start}
    while True:
        more = {
            row.target
            for row in workflow.transitions_of(kind).values()
            if row.target and row.sources & found
        }
        if more <= found:
            return found
        found |= more


@pytest.mark.parametrize(
    ("kind", "state"), [(k, s) for k in sorted(PRIVATE_TYPES) for s in sorted(workflow.STATES[k])]
)
def test_every_state_has_a_way_out_and_a_way_back_to_draft(kind: str, state: State) -> None:
    leaving = [
        row
        for row in workflow.transitions_of(kind).values()
        if state in row.sources and row.target not in (None, state)
    ]

    assert leaving
    assert State.DRAFT in _reachable(kind, state)


@pytest.mark.parametrize("kind", sorted(PRIVATE_TYPES))
def test_every_state_is_reached_from_draft(kind: str) -> None:
    assert _reachable(kind, State.DRAFT) == workflow.STATES[kind]


def test_the_only_way_onto_the_portal_is_promote() -> None:
    ways = {
        name for name, row in workflow.ENTRY_TRANSITIONS.items() if row.target is State.PUBLISHED
    }

    assert ways == {"promote"}


def test_no_way_onto_the_portal_that_leaves_approval_out() -> None:
    rows = [row for row in workflow.ENTRY_TRANSITIONS.values() if row.name != "approve"]
    found = {State.DRAFT}
    while more := {row.target for row in rows if row.target and row.sources & found} - found:
        found |= more

    assert found.isdisjoint(workflow.HAS_APPROVED_TEXT)


def test_every_state_has_words_for_people() -> None:
    assert set(workflow.STATE_LABELS) == set(State)
    assert len(set(workflow.STATE_LABELS.values())) == len(State)


@pytest.mark.parametrize("kind", sorted(PRIVATE_TYPES))
def test_starts_in_its_states_and_in_no_other(kind: str) -> None:
    for row, state in itertools.product(
        workflow.transitions_of(kind).values(), workflow.STATES[kind]
    ):
        assert workflow.starts(row, facts(kind, state)) == (state in row.sources), (row.name, state)


@pytest.mark.parametrize("name", ["return", "approve"])
@pytest.mark.parametrize("state", sorted(workflow.HAS_APPROVED_TEXT))
def test_a_change_since_approval_can_be_decided_where_the_text_stands(
    name: str, state: State
) -> None:
    row = workflow.ENTRY_TRANSITIONS[name]
    changed = facts(ENTRY, state, changed=True)

    assert workflow.starts(row, changed)
    stays = name == "approve" or state is State.PUBLISHED
    assert workflow.target_state(row, changed) == (state if stays else State.RETURNED)


def test_a_returned_change_of_a_published_entry_is_not_returned_twice() -> None:
    row = workflow.ENTRY_TRANSITIONS["return"]

    assert not workflow.starts(row, facts(ENTRY, State.PUBLISHED, changed=True, returned=True))


def test_a_published_entry_without_its_dataset_cannot_be_promoted_again() -> None:
    row = workflow.ENTRY_TRANSITIONS["promote"]
    lost = Facts("package", ENTRY, "parks", state=State.PUBLISHED, approved_revision=1)

    assert not workflow.starts(row, lost)
    assert workflow.starts(row, facts(ENTRY, State.PUBLISHED))


@pytest.mark.parametrize("kind", sorted(PRIVATE_TYPES))
def test_target_is_the_rows_or_the_present_state(kind: str) -> None:
    for row in workflow.transitions_of(kind).values():
        for state in row.sources:
            expected = row.target or state
            assert workflow.target_state(row, facts(kind, state)) is expected


@pytest.mark.parametrize("state", sorted(State))
def test_queue_holds_what_waits_for_a_decision(state: State) -> None:
    stands = state in workflow.HAS_APPROVED_TEXT

    assert workflow.in_queue(facts(ENTRY, state)) == (state is State.SUBMITTED)
    assert workflow.in_queue(facts(ENTRY, state, changed=True)) == (
        stands or state is State.SUBMITTED
    )
    returned = facts(ENTRY, state, changed=True, returned=True)
    assert workflow.in_queue(returned) == (state is State.SUBMITTED)


def test_an_unknown_type_has_no_table() -> None:
    with pytest.raises(KeyError):
        workflow.transitions_of("dataset")
