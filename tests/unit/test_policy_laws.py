"""Laws that the policy keeps for any person and any record, however the rules change."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

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

DEPARTMENTS = ("parks", "water", "streets")
USERS = ("ann", "bob", "cem")
KINDS = ("privacy", "legal", "quality")

subsets = st.frozensets(st.sampled_from(KINDS))
grants = st.builds(
    Grant,
    role=st.sampled_from(Role),
    department=st.none() | st.sampled_from(DEPARTMENTS),
    division=st.none() | st.just("Trees"),
    kinds=subsets,
    may_approve=st.booleans(),
)
grant_lists = st.lists(grants, max_size=4).map(tuple)
people = st.builds(
    Person, user_id=st.sampled_from(USERS), sysadmin=st.just(False), grants=grant_lists
)
sysadmins = st.builds(
    Person, user_id=st.sampled_from(USERS), sysadmin=st.just(True), grants=grant_lists
)
anybody = people | sysadmins | st.just(ANONYMOUS)


@st.composite
def records(draw: st.DrawFn) -> Facts:
    kind = draw(st.sampled_from([ENTRY, SOURCE]))
    blockers = draw(subsets)
    revision = draw(st.integers(1, 5))
    approved = draw(st.none() | st.integers(1, revision))
    return Facts(
        "package",
        kind,
        draw(st.sampled_from(DEPARTMENTS)),
        state=draw(st.sampled_from(sorted(workflow.STATES[kind]))),
        visibility=draw(st.sampled_from(Visibility)),
        assignee=draw(st.none() | st.sampled_from(USERS)),
        revision=revision,
        approved_revision=approved,
        changed=draw(st.booleans()) if approved else False,
        change_returned=draw(st.booleans()),
        ever_submitted=draw(st.booleans()),
        authors=draw(st.frozensets(st.sampled_from(USERS))),
        blocker_kinds=blockers,
        open_kinds=draw(st.frozensets(st.sampled_from(sorted(blockers)))) if blockers else blockers,
        shared=draw(st.booleans()),
        linked=draw(st.booleans()),
        package_state=draw(st.sampled_from(["active", "deleted"])),
    )


options = st.builds(Options, assignee_may_submit=st.booleans(), allow_self_approval=st.booleans())


@given(people | st.just(ANONYMOUS), records())
def test_labels_agree_with_the_check(person: Person, record: Facts) -> None:
    found = bool(set(policy.user_labels(person)) & set(policy.record_labels(record)))

    assert found == policy.may(person, Act.READ, record).allowed


@given(records())
def test_labels_never_make_public_and_never_are_cores(record: Facts) -> None:
    for label in policy.record_labels(record):
        assert label.startswith("inventory-")


@given(anybody, records())
def test_list_filter_agrees_with_the_check(person: Person, record: Facts) -> None:
    scope = policy.scope(person)
    restricted = record.visibility is Visibility.RESTRICTED
    listed = (
        (scope.everything and not (scope.hide_restricted and restricted))
        or record.department in scope.departments
        or (record.assignee is not None and record.assignee == scope.user_id)
    )

    assert listed == policy.may(person, Act.READ, record).allowed
    assert not (listed and scope.nothing)


@given(anybody, records(), st.sampled_from(Act), options)
def test_nothing_is_allowed_to_who_may_not_read(
    person: Person, record: Facts, act: Act, chosen: Options
) -> None:
    if act is Act.LINK and record.shared:
        return
    if not policy.may(person, Act.READ, record):
        assert policy.may(person, act, record, chosen) == policy.HIDDEN


@given(records(), st.sampled_from(Act), st.frozensets(st.sampled_from(Writer)), options)
def test_a_visitor_may_nothing(
    record: Facts, act: Act, writers: frozenset[Writer], chosen: Options
) -> None:
    assert not policy.may(ANONYMOUS, act, record, chosen)
    assert not policy.may_write_field(ANONYMOUS, record, writers)
    assert not any(policy.may_citywide(ANONYMOUS, city) for city in CityAct)
    assert not policy.may_add_to(ANONYMOUS, record.department)
    assert policy.user_labels(ANONYMOUS) == []
    assert policy.scope(ANONYMOUS).nothing


@given(people | sysadmins, records())
def test_the_second_person_binds_everybody(person: Person, record: Facts) -> None:
    mine = replace(record, authors=record.authors | {str(person.user_id)})

    assert not policy.may(person, Act.APPROVE, mine)


@given(anybody, records())
def test_approve_prepare_promote_and_waive_are_the_same_peoples(
    person: Person, record: Facts
) -> None:
    """But for the second person, the same people approve, prepare, promote and waive."""
    free = policy.may(person, Act.APPROVE, record, Options(allow_self_approval=True)).allowed

    assert free == policy.may(person, Act.PROMOTE, record).allowed
    assert free == policy.may(person, Act.PREPARE, record).allowed
    assert free == policy.may(person, Act.WAIVE, record).allowed


@given(people, records(), st.sampled_from(Act), grants, options)
def test_a_further_role_takes_nothing_away(
    person: Person, record: Facts, act: Act, extra: Grant, chosen: Options
) -> None:
    if policy.may(person, act, record, chosen):
        more = replace(person, grants=(*person.grants, extra))
        assert policy.may(more, act, record, chosen)


@given(people, records(), st.sampled_from(Act), st.sampled_from(DEPARTMENTS), options)
def test_a_division_narrows_nothing(
    person: Person, record: Facts, act: Act, department: str, chosen: Options
) -> None:
    whole = replace(person, grants=(Grant(Role.COORDINATOR, department),))
    part = replace(person, grants=(Grant(Role.COORDINATOR, department, division="Trees"),))

    assert policy.may(whole, act, record, chosen) == policy.may(part, act, record, chosen)


@given(people, records(), st.sampled_from(Act), options)
def test_a_role_in_another_department_gives_nothing_here(
    person: Person, record: Facts, act: Act, chosen: Options
) -> None:
    elsewhere = next(name for name in DEPARTMENTS if name != record.department)
    stranger = replace(person, grants=(Grant(Role.COORDINATOR, elsewhere),))
    nobody = replace(person, grants=())
    if act is Act.LINK and record.shared:
        return

    assert policy.may(stranger, act, record, chosen) == policy.may(nobody, act, record, chosen)


@given(people, records(), st.sampled_from(Act), options)
def test_narrowing_the_visibility_widens_nothing(
    person: Person, record: Facts, act: Act, chosen: Options
) -> None:
    narrow = replace(record, visibility=Visibility.RESTRICTED)
    if policy.may(person, act, narrow, chosen):
        assert policy.may(person, act, replace(record, visibility=Visibility.NORMAL), chosen)


@given(st.sampled_from(USERS), records(), st.sampled_from(Act), options)
def test_a_viewer_only_reads_and_wishes(
    user: str, record: Facts, act: Act, chosen: Options
) -> None:
    viewer = Person(user, grants=(Grant(Role.VIEWER),))
    unassigned = replace(record, assignee=None)
    if act not in {Act.READ, Act.LINK, Act.WANT}:
        assert not policy.may(viewer, act, unassigned, chosen)


@given(anybody, records(), st.frozensets(st.sampled_from(Writer)), st.sampled_from(Writer))
def test_a_further_writer_takes_nothing_away(
    person: Person, record: Facts, writers: frozenset[Writer], extra: Writer
) -> None:
    if policy.may_write_field(person, record, writers):
        assert policy.may_write_field(person, record, writers | {extra})


@given(anybody, records())
def test_nobody_writes_what_the_system_works_out(person: Person, record: Facts) -> None:
    assert not policy.may_write_field(person, record, {Writer.SYSTEM})
    assert not policy.may_write_field(person, record, ())


@given(anybody, records())
def test_whoever_may_write_a_field_may_edit_the_record(person: Person, record: Facts) -> None:
    usable = record.state is not State.RETIRED and record.package_state != "deleted"
    writes = any(
        policy.may_write_field(person, record, {writer})
        for writer in (Writer.DEPARTMENT, Writer.REVIEWER)
    )

    assert policy.may(person, Act.EDIT, record).allowed == (usable and writes)


@given(sysadmins, records())
def test_a_sysadmin_counts_as_cdo_and_coordinator(person: Person, record: Facts) -> None:
    both = replace(
        person,
        sysadmin=False,
        grants=(Grant(Role.CDO), Grant(Role.COORDINATOR, record.department)),
    )
    for act in set(Act) - {Act.PURGE}:
        assert policy.may(person, act, record) == policy.may(both, act, record)


@given(anybody)
def test_whoever_names_people_is_named_by_somebody_else(person: Person) -> None:
    """Naming a CDO takes a sysadmin, so no CDO makes another."""
    if policy.may_citywide(person, CityAct.NAME_CDO):
        assert person.sysadmin
