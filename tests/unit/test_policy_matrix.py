"""Who may do what, as tables; every role × state × act × writer is held against them.

The tables were written from the design, not from ``policy.py``. ``+`` is yes, ``-`` is no, and the
letters are conditions:

- ``2`` a second person: not who wrote or submitted it, unless the site allows self-approval
- ``a`` only where the site lets an assignee submit
- ``b`` only before the first approval
- ``n`` only a draft that was never submitted and has no dataset
- ``u`` only while no dataset on the portal is linked

A viewer reads only while the visibility is normal. Whoever may not read may do nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ckanext.inventory import policy, workflow
from ckanext.inventory.policy import Act, CityAct, Options
from ckanext.inventory.types import (
    ANONYMOUS,
    ENTRY,
    SOURCE,
    Facts,
    Grant,
    Person,
    Role,
    State,
    Visibility,
    Writer,
)

HERE, ELSEWHERE = "parks", "water"
PRIVACY, LAW = "privacy", "legal"


def _with(name: str, *grants: Grant) -> Person:
    return Person(name, grants=grants)


def _reviewer(**more: object) -> Grant:
    return Grant(Role.REVIEWER, may_approve=True, **more)  # type: ignore[arg-type] - test shorthand


# The columns of the tables. Persons share a column where their answers have to be the same.
COLUMNS: dict[str, list[Person]] = {
    "admin": [Person("sysadmin", sysadmin=True)],
    "cdo": [_with("cdo", Grant(Role.CDO))],
    "delegate": [
        _with("delegate-citywide", _reviewer()),
        _with("delegate-here", _reviewer(department=HERE)),
        _with("delegate-of-its-kinds", _reviewer(kinds=frozenset({PRIVACY, LAW}))),
        _with("delegate-here-of-its-kinds", _reviewer(department=HERE, kinds=frozenset({PRIVACY}))),
    ],
    "reviewer": [
        _with("reviewer", Grant(Role.REVIEWER)),
        _with("reviewer-of-kinds", Grant(Role.REVIEWER, kinds=frozenset({PRIVACY}))),
        _with("delegate-elsewhere", _reviewer(department=ELSEWHERE)),
        _with("delegate-of-another-kind", _reviewer(kinds=frozenset({LAW}))),
        _with("delegate-here-of-another-kind", _reviewer(department=HERE, kinds=frozenset({LAW}))),
    ],
    "viewer": [
        _with("viewer", Grant(Role.VIEWER)),
        _with(
            "viewer-and-coordinator-elsewhere",
            Grant(Role.VIEWER),
            Grant(Role.COORDINATOR, ELSEWHERE),
        ),
    ],
    "coordinator": [
        _with("coordinator", Grant(Role.COORDINATOR, HERE)),
        _with("coordinator-of-a-division", Grant(Role.COORDINATOR, HERE, division="Trees")),
        _with(
            "coordinator-of-two", Grant(Role.COORDINATOR, ELSEWHERE), Grant(Role.COORDINATOR, HERE)
        ),
        _with("coordinator-and-viewer", Grant(Role.COORDINATOR, HERE), Grant(Role.VIEWER)),
    ],
    "assignee": [
        _with("assignee"),
    ],
    "other": [
        _with("coordinator-elsewhere", Grant(Role.COORDINATOR, ELSEWHERE)),
        _with("coordinator-of-nothing", Grant(Role.COORDINATOR)),
        _with("no-role"),
        ANONYMOUS,
    ],
}

ENTRY_TABLE = """
act            | admin | cdo | delegate | reviewer | viewer | coordinator | assignee | other
read           |   +   |  +  |    +     |    +     |   +    |      +      |    +     |   -
edit           |   +   |  +  |    +     |    +     |   -    |      +      |    +     |   -
comment        |   +   |  +  |    +     |    +     |   -    |      +      |    +     |   -
assign         |   +   |  +  |    +     |    +     |   -    |      +      |    -     |   -
restrict       |   +   |  +  |    +     |    +     |   -    |      +      |    -     |   -
directory      |   +   |  +  |    +     |    +     |   -    |      +      |    -     |   -
triage         |   +   |  +  |    +     |    +     |   -    |      -      |    -     |   -
listing        |   +   |  +  |    +     |    +     |   -    |      -      |    -     |   -
review         |   +   |  +  |    +     |    +     |   -    |      -      |    -     |   -
classify       |   +   |  +  |    +     |    +     |   -    |      -      |    -     |   -
block          |   +   |  +  |    +     |    +     |   -    |      +      |    +     |   -
resolve        |   +   |  +  |    +     |    +     |   -    |      +      |    +     |   -
waive          |   +   |  +  |    +     |    -     |   -    |      -      |    -     |   -
request_waiver |   +   |  +  |    -     |    -     |   -    |      +      |    +     |   -
transfer       |   +   |  +  |    -     |    -     |   -    |      +      |    -     |   -
delete         |   n   |  n  |    -     |    -     |   -    |      n      |    -     |   -
purge          |   u   |  -  |    -     |    -     |   -    |      -      |    -     |   -
submit         |   +   |  -  |    -     |    -     |   -    |      +      |    a     |   -
recall         |   +   |  -  |    -     |    -     |   -    |      +      |    -     |   -
return         |   +   |  +  |    +     |    +     |   -    |      -      |    -     |   -
approve        |   2   |  2  |    2     |    -     |   -    |      -      |    -     |   -
defer          |   +   |  +  |    -     |    -     |   -    |      -      |    -     |   -
withhold       |   +   |  +  |    -     |    -     |   -    |      -      |    -     |   -
reopen         |   +   |  +  |    -     |    -     |   -    |      +      |    -     |   -
prepare        |   +   |  +  |    +     |    -     |   -    |      -      |    -     |   -
promote        |   +   |  +  |    +     |    -     |   -    |      -      |    -     |   -
withdraw       |   +   |  +  |    -     |    -     |   -    |      -      |    -     |   -
retire         |   +   |  +  |    -     |    -     |   -    |      b      |    -     |   -
confirm        |   +   |  -  |    -     |    -     |   -    |      +      |    -     |   -
want           |   -   |  -  |    -     |    -     |   +    |      -      |    -     |   -
"""

SOURCE_TABLE = """
act            | admin | cdo | delegate | reviewer | viewer | coordinator | assignee | other
read           |   +   |  +  |    +     |    +     |   +    |      +      |    +     |   -
link           |   +   |  +  |    +     |    +     |   +    |      +      |    +     |   -
edit           |   +   |  +  |    +     |    +     |   -    |      +      |    +     |   -
comment        |   +   |  +  |    +     |    +     |   -    |      +      |    +     |   -
assign         |   +   |  +  |    +     |    +     |   -    |      +      |    -     |   -
restrict       |   +   |  +  |    +     |    +     |   -    |      +      |    -     |   -
share          |   +   |  +  |    +     |    +     |   -    |      +      |    -     |   -
transfer       |   +   |  +  |    -     |    -     |   -    |      +      |    -     |   -
delete         |   n   |  n  |    -     |    -     |   -    |      n      |    -     |   -
purge          |   u   |  -  |    -     |    -     |   -    |      -      |    -     |   -
submit         |   +   |  -  |    -     |    -     |   -    |      +      |    a     |   -
recall         |   +   |  -  |    -     |    -     |   -    |      +      |    -     |   -
return         |   +   |  +  |    +     |    +     |   -    |      -      |    -     |   -
retire         |   +   |  +  |    -     |    -     |   -    |      +      |    -     |   -
reopen         |   +   |  +  |    -     |    -     |   -    |      +      |    -     |   -
confirm        |   +   |  -  |    -     |    -     |   -    |      +      |    -     |   -
"""

# Which fields of the text each may change, by the writers that the schema names for the field.
FIELD_TABLE = """
writers              | admin | cdo | delegate | reviewer | viewer | coordinator | assignee | other
department           |   +   |  +  |    -     |    -     |   -    |      +      |    +     |   -
reviewer             |   +   |  +  |    +     |    +     |   -    |      -      |    -     |   -
department reviewer  |   +   |  +  |    +     |    +     |   -    |      +      |    +     |   -
department system    |   +   |  +  |    -     |    -     |   -    |      +      |    +     |   -
reviewer system      |   +   |  +  |    +     |    +     |   -    |      -      |    -     |   -
system               |   -   |  -  |    -     |    -     |   -    |      -      |    -     |   -
"""

CITY_TABLE = """
act                | admin | cdo | delegate | reviewer | viewer | coordinator | assignee | other
enter              |   +   |  +  |    +     |    +     |   +    |      +      |    -     |   -
overview           |   +   |  +  |    +     |    +     |   +    |      +      |    -     |   -
review_queue       |   +   |  +  |    +     |    +     |   -    |      -      |    -     |   -
manage_roles       |   +   |  +  |    -     |    -     |   -    |      -      |    -     |   -
name_cdo           |   +   |  -  |    -     |    -     |   -    |      -      |    -     |   -
manage_departments |   +   |  +  |    -     |    -     |   -    |      -      |    -     |   -
merge              |   +   |  +  |    -     |    -     |   -    |      -      |    -     |   -
take_over          |   +   |  +  |    -     |    -     |   -    |      -      |    -     |   -
check              |   +   |  +  |    -     |    -     |   -    |      -      |    -     |   -
erase              |   +   |  -  |    -     |    -     |   -    |      -      |    -     |   -
"""

# States in which an act without a row in the transition table is impossible.
NOT_IN = {
    Act.EDIT: {State.RETIRED},
    Act.BLOCK: {State.RETIRED},
    Act.WANT: {State.PUBLISHED, State.RETIRED},
}


def _table(text: str) -> dict[str, dict[str, str]]:
    header, *lines = [
        [cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()
    ]
    return {line[0]: dict(zip(header[1:], line[1:], strict=True)) for line in lines}


TABLES = {ENTRY: _table(ENTRY_TABLE), SOURCE: _table(SOURCE_TABLE)}
FIELDS = _table(FIELD_TABLE)
CITY = _table(CITY_TABLE)


def _records(kind: str) -> Iterator[Facts]:
    """Every record that a rule could tell apart; privacy blocker, assigned to ``assignee``."""
    flags = (False, True)
    for state, visibility, approved, submitted, linked, changed in itertools.product(
        sorted(workflow.STATES[kind]), Visibility, flags, flags, flags, flags
    ):
        if changed and not approved:
            continue
        yield Facts(
            "package",
            kind,
            HERE,
            state=state,
            visibility=visibility,
            assignee="assignee",
            revision=3,
            approved_revision=2 if approved else None,
            changed=changed,
            ever_submitted=submitted,
            authors=frozenset({"somebody"}),
            blocker_kinds=frozenset({PRIVACY}),
            linked=linked,
        )


def _expected(cell: str, column: str, act: str, record: Facts, options: Options) -> bool:
    if column == "viewer" and record.visibility is Visibility.RESTRICTED:
        return False
    if record.state in NOT_IN.get(Act(act), ()):
        return False
    untouched = record.state is State.DRAFT and not record.ever_submitted and not record.linked
    return {
        "+": True,
        "-": False,
        "2": True,
        "a": options.assignee_may_submit,
        "b": record.approved_revision is None,
        "n": untouched,
        "u": not record.linked,
    }[cell]


MATRIX = [
    pytest.param(kind, act, column, id=f"{kind.removeprefix('inventory_')}-{act}-{column}")
    for kind, table in TABLES.items()
    for act, row in table.items()
    for column in row
]


@pytest.mark.parametrize(("kind", "act", "column"), MATRIX)
def test_matrix(kind: str, act: str, column: str) -> None:
    cell = TABLES[kind][act][column]
    for person, record, assignee_may_submit in itertools.product(
        COLUMNS[column], _records(kind), (False, True)
    ):
        options = Options(assignee_may_submit=assignee_may_submit)
        decision = policy.may(person, act, record, options)
        expected = _expected(cell, column, act, record, options)
        assert decision.allowed is expected, (person, record, decision)


@pytest.mark.parametrize(
    ("kind", "act", "column"),
    [param for param in MATRIX if param.values[1] in workflow.transitions_of(str(param.values[0]))],
)
def test_matrix_with_workflow(kind: str, act: str, column: str) -> None:
    """A transition happens where its row starts and the policy allows it, never elsewhere."""
    rows = workflow.transitions_of(kind)
    possible = {
        record.state
        for person, record in itertools.product(COLUMNS[column], _records(kind))
        if workflow.starts(rows[act], record) and policy.may(person, act, record)
    }
    cell = TABLES[kind][act][column]
    never = cell == "-" or (cell == "a" and not policy.DEFAULTS.assignee_may_submit)
    assert possible == (set() if never else rows[act].sources | rows[act].if_changed)


@pytest.mark.parametrize("kind", [ENTRY, SOURCE])
def test_tables_are_complete(kind: str) -> None:
    """Every act that the code knows for a type has a row here, and every transition is an act."""
    acts = {act for act in Act if policy.may_of_type(act, kind)}
    if kind == ENTRY:
        acts -= {Act.LINK}
    assert {Act(name) for name in TABLES[kind]} == acts
    assert set(workflow.transitions_of(kind)) <= set(TABLES[kind])
    assert set(policy.RULES) == set(Act)


@pytest.mark.parametrize("kind", [ENTRY, SOURCE])
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("writers", FIELDS)
def test_fields(kind: str, column: str, writers: str) -> None:
    """A field can be changed where the record may be edited, by one of the field's writers."""
    named = frozenset(Writer(word) for word in writers.split())
    for person, record in itertools.product(COLUMNS[column], _records(kind)):
        allowed = policy.may(person, Act.EDIT, record) and policy.may_write_field(
            person, record, named
        )
        expected = FIELDS[writers][column] == "+" and record.state is not State.RETIRED
        assert bool(allowed) is expected, (person, record)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("act", CITY)
def test_citywide(act: str, column: str) -> None:
    for person in COLUMNS[column]:
        holds_role_elsewhere = column == "other" and bool(policy.departments_of(person))
        named_at_all = column == "other" and bool(person.grants)
        expected = CITY[act][column] == "+"
        expected |= act == "overview" and holds_role_elsewhere
        expected |= act == "enter" and named_at_all
        assert policy.may_citywide(person, act).allowed is expected, person


def test_citywide_table_is_complete() -> None:
    assert {CityAct(name) for name in CITY} == set(CityAct)


@pytest.mark.parametrize("column", COLUMNS)
def test_adding_to_a_department(column: str) -> None:
    for person in COLUMNS[column]:
        expected = column in {"admin", "cdo", "coordinator"}
        assert policy.may_add_to(person, HERE).allowed is expected, person


@pytest.mark.parametrize("column", ["admin", "cdo", "delegate"])
def test_second_person_binds_everybody(column: str) -> None:
    for person in COLUMNS[column]:
        mine = Facts(
            "package",
            ENTRY,
            HERE,
            state=State.SUBMITTED,
            blocker_kinds=frozenset({PRIVACY}),
            authors=frozenset({str(person.user_id), "somebody"}),
        )
        refused = policy.may(person, Act.APPROVE, mine)
        assert not refused
        assert "somebody else" in refused.reason
        assert policy.may(person, Act.APPROVE, mine, Options(allow_self_approval=True))
        assert policy.may(person, Act.APPROVE, replace(mine, authors=frozenset({"somebody"})))


def test_second_person_binds_approval_only() -> None:
    """Promoting copies what somebody else approved, so its author may carry it over."""
    cdo = COLUMNS["cdo"][0]
    mine = Facts("package", ENTRY, HERE, state=State.APPROVED, authors=frozenset({"cdo"}))

    assert policy.may(cdo, Act.PROMOTE, mine)
    assert policy.may(cdo, Act.PREPARE, mine)


DELEGATION = """
kinds of the role | kinds of the blockers | covers
                  |                       | yes
                  | privacy               | yes
                  | privacy legal         | yes
privacy           |                       | no
privacy           | privacy               | yes
privacy           | legal                 | no
privacy           | privacy legal         | no
privacy legal     | privacy               | yes
privacy legal     | privacy legal         | yes
"""


@pytest.mark.parametrize("department", [None, HERE, ELSEWHERE])
@pytest.mark.parametrize("line", DELEGATION.strip().splitlines()[1:])
def test_delegation(line: str, department: str | None) -> None:
    """A delegate with named kinds covers what has blockers, all of them of these kinds."""
    kinds, blockers, covers = [cell.strip() for cell in line.split("|")]
    person = _with("delegate", _reviewer(department=department, kinds=frozenset(kinds.split())))
    record = Facts("package", ENTRY, HERE, blocker_kinds=frozenset(blockers.split()))
    expected = covers == "yes" and department != ELSEWHERE

    for act in (Act.APPROVE, Act.PREPARE, Act.PROMOTE, Act.WAIVE):
        assert policy.may(person, act, record).allowed is expected
    for act in (Act.DEFER, Act.WITHHOLD, Act.WITHDRAW, Act.RETIRE, Act.REOPEN):
        assert not policy.may(person, act, record)


def test_two_delegations_do_not_add_up_to_more() -> None:
    person = _with(
        "delegate", _reviewer(kinds=frozenset({PRIVACY})), _reviewer(kinds=frozenset({LAW}))
    )
    both = Facts("package", ENTRY, HERE, blocker_kinds=frozenset({PRIVACY, LAW}))

    assert not policy.may(person, Act.APPROVE, both)


def test_a_reviewer_without_delegation_covers_nothing() -> None:
    person = _with("reviewer", Grant(Role.REVIEWER, HERE, kinds=frozenset({PRIVACY})))
    record = Facts("package", ENTRY, HERE, blocker_kinds=frozenset({PRIVACY}))

    assert not policy.covers(person, record)


def test_delegation_is_a_reviewers() -> None:
    """``may_approve`` on another role means nothing."""
    record = Facts("package", ENTRY, HERE)
    for role in (Role.COORDINATOR, Role.VIEWER):
        person = _with("somebody", Grant(role, HERE, may_approve=True))
        assert not policy.covers(person, record)


SHARING = """
who                   | shared | not shared
coordinator-elsewhere | yes    | no
no-role               | no     | no
visitor               | no     | no
"""


@pytest.mark.parametrize("line", SHARING.strip().splitlines()[1:])
def test_shared_sources_can_be_linked_by_other_departments_but_not_read(line: str) -> None:
    who, shared, not_shared = [cell.strip() for cell in line.split("|")]
    person = {
        "coordinator-elsewhere": _with("c", Grant(Role.COORDINATOR, ELSEWHERE)),
        "no-role": _with("n"),
        "visitor": ANONYMOUS,
    }[who]
    source = Facts("package", SOURCE, HERE)

    assert policy.may(person, Act.LINK, replace(source, shared=True)).allowed is (shared == "yes")
    assert policy.may(person, Act.LINK, source).allowed is (not_shared == "yes")
    assert not policy.may(person, Act.READ, replace(source, shared=True))


def test_an_entry_cannot_be_shared() -> None:
    person = _with("c", Grant(Role.COORDINATOR, ELSEWHERE))

    assert not policy.may(person, Act.LINK, Facts("package", ENTRY, HERE, shared=True))


def test_what_is_hidden_is_refused_without_a_word_about_it() -> None:
    """Whoever may not know of a record gets the answer of one that doesn't exist, for every act."""
    record = Facts("package", ENTRY, HERE, state=State.SUBMITTED)
    for person in COLUMNS["other"]:
        for act in Act:
            assert policy.may(person, act, record) == policy.HIDDEN


def test_every_refusal_says_why() -> None:
    people = [person for column in COLUMNS.values() for person in column]
    for person, record, act in itertools.product(people, _records(ENTRY), Act):
        decision = policy.may(person, act, record)
        assert bool(decision.reason) is not decision.allowed


def test_unknown_acts_are_an_error() -> None:
    with pytest.raises(ValueError, match="not a valid Act"):
        policy.may(COLUMNS["cdo"][0], "publish", Facts("package", ENTRY, HERE))
