"""Permission labels: equal to core's for ordinary datasets, to the policy's for ours."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.common import config
from ckan.lib.plugins import DefaultPermissionLabels

from ckanext.inventory import clock, labels, policy
from ckanext.inventory.policy import Act
from ckanext.inventory.service import facts, roles
from ckanext.inventory.types import Role
from tests import support

pytestmark = pytest.mark.usefixtures("db")


def core(user: Any) -> set[str]:
    return set(DefaultPermissionLabels().get_user_dataset_labels(user))


def ours(user: Any) -> set[str]:
    return set(labels.user_labels(model.Session(), user))


def below(child: model.Group, parent: model.Group) -> None:
    model.Session.add(
        model.Member(group=child, table_id=parent.id, table_name="group", capacity="public")
    )
    model.Session.commit()


@pytest.mark.parametrize("capacity", ["member", "editor", "admin"])
@pytest.mark.parametrize("cascading", [["admin"], ["admin", "editor"], []])
def test_organizations_are_those_that_core_finds(
    capacity: str, cascading: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(config, "ckan.auth.roles_that_cascade_to_sub_groups", cascading)
    top, middle, bottom, other = (support.make_organization() for _ in range(4))
    below(middle, top)
    below(bottom, middle)
    closed = support.make_organization()
    below(closed, top)
    closed.state = "deleted"
    user = support.make_user()
    support.make_member(user, top, capacity)
    support.make_member(user, closed, "admin")
    mine = {label for label in ours(user) if not label.startswith("inventory-")}
    assert mine == core(user)
    assert f"member-{top.id}" in mine
    assert f"member-{other.id}" not in mine
    assert (f"member-{bottom.id}" in mine) == (capacity in cascading)


def test_a_circle_of_organizations_ends() -> None:
    one, two = support.make_organization(), support.make_organization()
    below(one, two)
    below(two, one)
    user = support.make_user()
    support.make_member(user, one, "admin")
    assert {f"member-{one.id}", f"member-{two.id}"} <= ours(user)


def test_a_deleted_membership_gives_nothing() -> None:
    organization, user = support.make_organization(), support.make_user()
    support.make_member(user, organization, "admin")
    model.Session.query(model.Member).update({"state": "deleted"})
    model.Session.commit()
    assert f"member-{organization.id}" not in ours(user)


def test_collaborators_are_those_of_core(monkeypatch: pytest.MonkeyPatch) -> None:
    user, organization = support.make_user(), support.make_organization()
    made = tk.get_action("package_create")(
        {"ignore_auth": True, "user": user.name},
        {"name": "shared", "owner_org": organization.id, "private": True},
    )
    monkeypatch.setitem(config, "ckan.auth.allow_dataset_collaborators", True)
    model.Session.add(
        model.PackageMember(package_id=made["id"], user_id=user.id, capacity="member")
    )
    model.Session.commit()
    assert f"collaborator-{made['id']}" in ours(user) & core(user)
    monkeypatch.setitem(config, "ckan.auth.allow_dataset_collaborators", False)
    assert f"collaborator-{made['id']}" not in ours(user)


def test_a_sysadmin_has_cores_labels_and_reads_citywide() -> None:
    support.make_organization()
    admin = support.make_user(sysadmin=True)
    assert core(admin) <= ours(admin)
    assert policy.LABEL_DECIDERS in ours(admin)


@pytest.mark.parametrize("user", [None, model.AnonymousUser()])
def test_a_visitor_has_one_label(user: Any) -> None:
    assert ours(user) == core(user) == {"public"}


def test_roles_are_those_of_the_policy() -> None:
    user, department = support.make_user(), support.make_department()
    yesterday = clock.today() - dt.timedelta(days=1)
    support.grant(user, Role.COORDINATOR, department, kinds=["privacy"], division="West")
    support.grant(user, Role.COORDINATOR, support.make_department(), until=yesterday)
    support.grant(user, Role.VIEWER)
    person = roles.person(model.Session(), user)
    assert {label for label in ours(user) if label.startswith("inventory-")} == set(
        policy.user_labels(person)
    )
    assert policy.LABEL_ORG + department.id in ours(user)


def test_an_account_that_is_not_active_has_none_of_ours() -> None:
    user = support.grant(support.make_user(), Role.CDO)
    user.state = "deleted"
    model.Session.commit()
    assert not [label for label in ours(user) if label.startswith("inventory-")]


@pytest.mark.parametrize("option", [True, False])
@pytest.mark.parametrize("capacity", ["member", "editor", "admin"])
def test_editors_coordinate_only_where_the_option_says_so(
    option: bool, capacity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(config, "ckanext.inventory.editors_are_coordinators", option)
    user, department = support.make_user(), support.make_department()
    support.make_member(user, department, capacity)
    expected = option and capacity != "member"
    assert (policy.LABEL_ORG + department.id in ours(user)) == expected
    person = roles.person(model.Session(), user)
    assert policy.coordinates(person, department.id) == expected


def test_labels_and_policy_agree_on_who_reads() -> None:
    """A list and a single check can't disagree: every kind of person, every kind of record."""
    a, b = support.make_department("PARKS"), support.make_department("ROADS")
    writer = support.grant(support.make_user(), Role.COORDINATOR, a)
    people = [
        writer,
        support.grant(support.make_user(), Role.COORDINATOR, b),
        support.grant(support.make_user(), Role.CDO),
        support.grant(support.make_user(), Role.REVIEWER),
        support.grant(support.make_user(), Role.REVIEWER, a),
        support.grant(support.make_user(), Role.VIEWER),
        support.make_user(),
        support.make_user(sysadmin=True),
    ]
    for visibility, assigned in itertools.product(
        ("normal", "department_and_cdo_only"), (None, people[1], people[6])
    ):
        context = {"user": writer.name}
        made = tk.get_action("inventory_entry_create")(
            context, {"title": "Benches", "owner_org": a.id}
        )
        if assigned is not None:
            tk.get_action("inventory_assign")(
                {"user": writer.name}, {"ids": [made["id"]], "user": assigned.name}
            )
        tk.get_action("inventory_mark")(
            {"user": writer.name},
            {"ids": [made["id"]], "field": "visibility", "value": visibility},
        )
        package = model.Package.get(made["id"])
        known = facts.light(model.Session(), made["id"])
        assert package is not None
        assert known is not None
        carried = set(labels.dataset_labels(model.Session(), package))
        assert "public" not in carried
        for user in people:
            person = roles.person(model.Session(), user)
            found = bool(carried & ours(user))
            assert found == bool(policy.may(person, Act.READ, known)), (visibility, user.name)


def test_the_labels_of_ordinary_datasets_are_cores() -> None:
    organization = support.make_organization()
    for private in (True, False):
        made = tk.get_action("package_create")(
            {"ignore_auth": True, "user": support.make_user().name},
            {"name": f"plain-{private}".lower(), "owner_org": organization.id, "private": private},
        )
        package = model.Package.get(made["id"])
        assert package is not None
        assert labels.dataset_labels(model.Session(), package) == (
            DefaultPermissionLabels().get_dataset_labels(package)
        )
