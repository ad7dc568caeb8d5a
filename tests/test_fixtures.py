"""The fixtures themselves: what one test leaves, the next must not find."""

from __future__ import annotations

import pytest
from ckan import model
from ckan.tests.helpers import CKANTestApp, call_action

from ckanext.inventory.model import RoleGrant
from ckanext.inventory.types import Role
from tests.support import grant, headers, make_department, make_user


def _fill(app: CKANTestApp) -> None:
    """Write rows, a document and a web session."""
    department = make_department()
    editor = grant(make_user(sysadmin=True), Role.COORDINATOR, department)
    call_action("package_create", {"user": editor.name}, name="a-dataset", owner_org=department.id)
    found = app.get("/api/3/action/package_search", headers=headers(editor)).json
    assert found["result"]["count"] == 1


def _assert_empty() -> None:
    assert model.Session.query(model.Package).count() == 0
    assert model.Session.query(RoleGrant).count() == 0
    assert call_action("package_search")["count"] == 0


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("turn", [1, 2])
def test_a_rolled_back_test_leaves_nothing(turn: int, app: CKANTestApp) -> None:
    _assert_empty()
    _fill(app)


@pytest.mark.usefixtures("clean_db")
@pytest.mark.parametrize("turn", [1, 2])
def test_a_committing_test_finds_everything_empty(turn: int, app: CKANTestApp) -> None:
    _assert_empty()
    _fill(app)


@pytest.mark.with_plugins("stats")
@pytest.mark.usefixtures("db")
def test_another_plugin_is_there_behind_a_committing_test_too(app: CKANTestApp) -> None:
    """The database is made anew for it, and the application stays the one that it asked for."""
    _assert_empty()
    assert app.get("/stats").status_code == 200


@pytest.mark.usefixtures("clean_db")
def test_another_committing_test(app: CKANTestApp) -> None:
    _fill(app)


@pytest.mark.usefixtures("db")
def test_a_rolled_back_test_finds_nothing_of_a_committing_one(app: CKANTestApp) -> None:
    _assert_empty()


@pytest.mark.with_plugins("stats")
@pytest.mark.usefixtures("db")
def test_another_plugin_is_there_for_one_test(app: CKANTestApp) -> None:
    _assert_empty()
    _fill(app)
    assert app.get("/stats").status_code == 200


@pytest.mark.usefixtures("db")
def test_and_gone_for_the_next(app: CKANTestApp) -> None:
    _assert_empty()
    _fill(app)
    assert app.get("/stats").status_code == 404


class TestWithDataOfItsModule:
    """A module's data stands for all its tests; what a test adds to it is gone afterwards."""

    @pytest.fixture(scope="class", autouse=True)
    @staticmethod
    def _people(module_db: None) -> None:
        make_user("shared")

    @pytest.mark.usefixtures("db")
    @pytest.mark.parametrize("turn", [1, 2])
    def test_each_test_finds_it_and_nothing_else(self, turn: int) -> None:
        assert model.User.get("shared")
        assert model.User.get("added") is None
        make_user("added")
