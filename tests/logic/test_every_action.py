"""What holds for every action of ours: it asks, it explains itself, outsiders get nothing."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.logic import _actions as registered  # core offers no list of actions

from ckanext.inventory.logic import auth
from tests.logic.city import City, make_city
from tests.support import context, make_user

RECORD = {"id": "PARKS-0001"}
MANY = {"ids": ["PARKS-0001"]}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "inventory_assign": {**MANY, "user": "cdo"},
    "inventory_blocker_remove": {**RECORD, "kind": "privacy"},
    "inventory_blocker_save": {**RECORD, "kind": "privacy"},
    "inventory_blocker_status": {**RECORD, "kind": "privacy", "status": "open"},
    "inventory_classification_confirm": {**MANY, "classification": "public"},
    "inventory_comment": {**RECORD, "text": "A word."},
    "inventory_department_update": {"id": "parks"},
    "inventory_diff": {**RECORD, "old": 1},
    "inventory_entry_create": {"title": "Trees", "owner_org": "parks"},
    "inventory_event_erase": {"event_id": 1, "reason": "personal data"},
    "inventory_hand_over": {"from": "cdo", "to": "viewer"},
    "inventory_import": {"content": "VGl0bGUKVHJlZXMK", "filename": "x.csv"},
    "inventory_invitation_bounced": {"mail": "Subject: Hello"},
    "inventory_invitation_resend": {"id": 1},
    "inventory_invitation_withdraw": {"id": 1},
    "inventory_import_preview": {"content": "VGl0bGUKVHJlZXMK", "filename": "x.csv"},
    "inventory_import_save": {**RECORD, "fingerprint": "0"},
    "inventory_link_bulk": {"pairs": ["PARKS-0001=trees"]},
    "inventory_mark": {**MANY, "field": "triage", "value": "later"},
    "inventory_merge": {"department": "parks", "into": "water"},
    "inventory_notice_read": {"all": True},
    "inventory_part_send": {**MANY, "to_name": "Somebody"},
    "inventory_review_record": {**RECORD, "kind": "privacy", "outcome": "passed"},
    "inventory_revision_show": {**RECORD, "revision": 1},
    "inventory_role_add": {"user": "cdo", "role": "viewer"},
    "inventory_role_invite": {"emails": "a@larkhaven.example", "department": "parks"},
    "inventory_role_remove": {"id": 1},
    "inventory_source_create": {"title": "Trees", "owner_org": "parks"},
    "inventory_source_patch": {"id": "PARKS-S001"},
    "inventory_source_show": {"id": "PARKS-S001"},
    "inventory_source_update": {"id": "PARKS-S001"},
    "inventory_take_over": {"content": "VGl0bGUKVHJlZXMK", "filename": "x.csv"},
    "inventory_take_over_portal": {"all": True},
    "inventory_transfer_request": {**RECORD, "department": "water"},
    "inventory_transition": {**RECORD, "transition": "submit"},
    "inventory_transition_bulk": {**MANY, "transition": "submit"},
    "inventory_want": {**RECORD, "reason": "It was asked for at every hearing."},
    "inventory_waiver_request": {**RECORD, "kind": "privacy", "reason": "It is known already."},
}
"""Arguments that pass validation; an action that isn't named here takes a record's ``id``."""


def _ours() -> list[str]:
    tk.get_action("status_show")  # fills the registry
    return sorted(name for name in registered if name.startswith("inventory_"))


@pytest.fixture
def city(db: None) -> City:
    city = make_city()
    city.entry()
    city.do(city.coordinator, "inventory_source_create", title="System", owner_org=city.parks.id)
    return city


class _Asked(Exception):
    """Raised in place of an answer of the auth function."""


def test_each_asks_before_it_does_anything(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """Core's audit exempts plugin actions, so it would not notice one that forgets to ask."""
    names = _ours()

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise _Asked

    monkeypatch.setattr(tk, "check_access", refuse)
    for name in names:
        with pytest.raises(_Asked):
            tk.get_action(name)(context(city.sysadmin), dict(ARGUMENTS.get(name, RECORD)))


def test_each_has_its_auth_function(city: City) -> None:
    assert set(_ours()) <= set(auth.AUTH_FUNCTIONS)


def test_each_explains_itself(city: City) -> None:
    for name in _ours():
        text = tk.get_action("help_show")(context(None), {"name": name})
        assert ":returns:" in text, name
        assert ":raises" in text, name


def test_a_visitor_gets_nothing(city: City) -> None:
    for name in _ours():
        with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
            tk.get_action(name)(context(None), dict(ARGUMENTS.get(name, RECORD)))


def test_an_account_without_a_role_gets_nothing(city: City) -> None:
    outsider = make_user()
    for name in _ours():
        with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
            tk.get_action(name)(context(outsider), dict(ARGUMENTS.get(name, RECORD)))


def test_real_and_made_up_numbers_answer_alike(city: City) -> None:
    """Leak L39: numbers can be guessed."""
    outsider = make_user()
    for name in _ours():
        answers: set[tuple[str, str]] = set()
        for number in ("PARKS-0001", "PARKS-0999", "nothing"):
            arguments = dict(ARGUMENTS.get(name, RECORD))
            if "ids" in arguments:
                arguments["ids"] = [number]
            elif str(arguments.get("id", "")).startswith("PARKS"):
                arguments["id"] = number
            else:
                continue
            with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)) as refusal:
                tk.get_action(name)(context(outsider), arguments)
            answers.add((type(refusal.value).__name__, str(refusal.value)))
        assert len(answers) <= 1, name
