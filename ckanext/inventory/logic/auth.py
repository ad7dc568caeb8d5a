"""Who may call which action: each asks the policy, none has a rule of its own.

What one may not know of answers like what doesn't exist. Sysadmins are asked, too: the second
person and the states bind them like anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import AuthFunction, AuthResult, Context, DataDict

from ckanext.inventory import config, policy
from ckanext.inventory.logic import who
from ckanext.inventory.policy import Act, CityAct
from ckanext.inventory.service import search
from ckanext.inventory.service.marks import MARKS
from ckanext.inventory.types import ENTRY, SOURCE, YES, Decision


def _result(decision: Decision) -> AuthResult:
    if decision is policy.HIDDEN:
        raise who.not_found()
    return {"success": True} if decision else {"success": False, "msg": tk._(decision.reason)}


def _on_record(act: Act, package_type: str | None = None) -> AuthFunction:
    """Ask for one record, named by ``id``."""

    @tk.auth_sysadmins_check
    def auth(context: Context, data_dict: DataDict) -> AuthResult:
        known = who.known(context, data_dict.get("id"), package_type)
        return _result(policy.may(who.person(context), act, known, config.options()))

    return auth


def _on_records(act_of: Callable[[DataDict], Act]) -> AuthFunction:
    """Ask for many records, named by ``ids``."""

    @tk.auth_sysadmins_check
    def auth(context: Context, data_dict: DataDict) -> AuthResult:
        person = who.person(context)
        act = act_of(data_dict)
        for one in who.all_known(context, data_dict.get("ids") or []):
            decision = policy.may(person, act, one, config.options())
            if not decision:
                return _result(decision)
        return {"success": True}

    return auth


def _citywide(act: CityAct) -> AuthFunction:
    @tk.auth_sysadmins_check
    def auth(context: Context, data_dict: DataDict) -> AuthResult:
        return _result(policy.may_citywide(who.person(context), act))

    return auth


@tk.auth_sysadmins_check
def _enter(context: Context, data_dict: DataDict) -> AuthResult:
    """Ask whether somebody has any business in the inventory: a role or an assignment."""
    person = who.person(context)
    decision = policy.may_citywide(person, CityAct.ENTER)
    if not decision and who.has_assignment(context, person):
        return {"success": True}
    return _result(decision)


@tk.auth_sysadmins_check
def _directory(context: Context, data_dict: DataDict) -> AuthResult:
    return _result(policy.may_search_directory(who.person(context), config.directory()))


@tk.auth_sysadmins_check
def _transition(context: Context, data_dict: DataDict) -> AuthResult:
    known = who.known(context, data_dict.get("id"))
    who.keep(context, data_dict.get("id"), known.package_id)
    name = str(data_dict.get("transition") or "")
    act = _ACTS.get(name, Act.READ)
    return _result(policy.may(who.person(context), act, known, config.options()))


_ACTS = {act.value: act for act in Act}


@tk.auth_sysadmins_check
def _create(context: Context, data_dict: DataDict) -> AuthResult:
    """Ask for a new record in a department; without one the form asks for any."""
    person = who.person(context)
    owner = data_dict.get("owner_org")
    if owner:
        group = who.organization(owner)
        return _result(policy.may_add_to(person, group.id if group is not None else ""))
    anywhere = person.sysadmin or policy.is_cdo(person) or bool(policy.departments_of(person))
    return _result(
        YES
        if anywhere
        else Decision(False, "Only coordinators and the chief data officer can add entries.")
    )


def _answer_transfer(*, own: bool) -> AuthFunction:
    """Ask whether somebody stands for the side that was asked, or may take back their own."""

    @tk.auth_sysadmins_check
    def auth(context: Context, data_dict: DataDict) -> AuthResult:
        person, known = who.person(context), who.known(context, data_dict.get("id"))
        record_id = known.package_id
        request = search.transfers(who.session_of(context), [record_id]).get(record_id)
        asked = request.to_department if request is not None else ""
        decision = policy.may_answer_transfer(person, asked)
        if not decision and not policy.may(person, Act.READ, known):
            raise who.not_found()
        if not decision and own:
            decision = policy.may(person, Act.TRANSFER, known)
        return _result(decision)

    return auth


def _mark_act(data_dict: DataDict) -> Act:
    rule = MARKS.get(str(data_dict.get("field") or ""))
    return rule.act if rule is not None else Act.READ


def _build() -> dict[str, Any]:
    read, edit = _on_record(Act.READ), _on_record(Act.EDIT)
    entry, source = _on_record(Act.READ, ENTRY), _on_record(Act.READ, SOURCE)
    return {
        "inventory_me": _enter,
        "inventory_home": _enter,
        "inventory_entry_list": _enter,
        "inventory_source_list": _enter,
        "inventory_entry_show": entry,
        "inventory_source_show": source,
        "inventory_transitions": read,
        "inventory_history": read,
        "inventory_revision_list": read,
        "inventory_revision_show": read,
        "inventory_diff": read,
        "inventory_review_queue": _citywide(CityAct.REVIEW_QUEUE),
        "inventory_overview": _citywide(CityAct.OVERVIEW),
        "inventory_department_list": _enter,
        "inventory_organization_list": _enter,
        "inventory_department_update": _citywide(CityAct.MANAGE_DEPARTMENTS),
        "inventory_role_list": _citywide(CityAct.MANAGE_ROLES),
        "inventory_role_add": _citywide(CityAct.MANAGE_ROLES),
        "inventory_role_remove": _citywide(CityAct.MANAGE_ROLES),
        "inventory_name_cdo": _citywide(CityAct.NAME_CDO),
        "inventory_check": _citywide(CityAct.CHECK),
        "inventory_check_last": _citywide(CityAct.CHECK),
        "inventory_check_run": _citywide(CityAct.CHECK),
        "inventory_entry_create": _create,
        "inventory_source_create": _create,
        "inventory_import": _create,
        "inventory_workbook": _enter,
        "inventory_import_discard": _enter,
        "inventory_import_list": _enter,
        "inventory_import_marked": _enter,
        "inventory_import_preview": _enter,
        "inventory_import_save": _enter,
        "inventory_import_show": _enter,
        "inventory_import_undo": _enter,
        "inventory_part_send": _on_records(lambda data: Act.EDIT),
        "inventory_part_list": _enter,
        "inventory_part_close": _enter,
        "inventory_export": _enter,
        "inventory_entry_update": edit,
        "inventory_entry_patch": edit,
        "inventory_source_update": edit,
        "inventory_source_patch": edit,
        "inventory_restore_approved": edit,
        "inventory_transition": _transition,
        "inventory_transition_bulk": _on_records(lambda data: Act.READ),
        "inventory_undo": read,
        "inventory_blocker_save": _on_record(Act.BLOCK),
        "inventory_blocker_remove": _on_record(Act.BLOCK),
        "inventory_blocker_status": _on_record(Act.RESOLVE),
        "inventory_want": _on_record(Act.WANT, ENTRY),
        "inventory_want_withdraw": entry,
        "inventory_waiver_request": _on_record(Act.REQUEST_WAIVER),
        "inventory_review_record": _on_record(Act.REVIEW),
        "inventory_classification_confirm": _on_records(lambda data: Act.CLASSIFY),
        "inventory_assign": _on_records(lambda data: Act.ASSIGN),
        "inventory_mark": _on_records(_mark_act),
        "inventory_comment": _on_record(Act.COMMENT),
        "inventory_transfer_request": _on_record(Act.TRANSFER),
        "inventory_transfer_accept": _answer_transfer(own=False),
        "inventory_transfer_decline": _answer_transfer(own=True),
        "inventory_transfer_list": _enter,
        "inventory_merge": _citywide(CityAct.MERGE),
        "inventory_event_erase": _citywide(CityAct.ERASE),
        "inventory_people": _citywide(CityAct.ENTER),
        "inventory_hand_over": _citywide(CityAct.MANAGE_ROLES),
        "inventory_role_invite": _citywide(CityAct.MANAGE_ROLES),
        "inventory_invitation_bounced": _citywide(CityAct.MANAGE_ROLES),
        "inventory_invitation_list": _citywide(CityAct.MANAGE_ROLES),
        "inventory_invitation_resend": _citywide(CityAct.MANAGE_ROLES),
        "inventory_invitation_withdraw": _citywide(CityAct.MANAGE_ROLES),
        "inventory_editors_to_coordinators": _citywide(CityAct.MANAGE_ROLES),
        "inventory_setup": _citywide(CityAct.MANAGE_DEPARTMENTS),
        "inventory_mail_test": _citywide(CityAct.MANAGE_ROLES),
        "inventory_directory": _directory,
        "inventory_notice_list": _enter,
        "inventory_notice_read": _enter,
        "inventory_notice_settings": _enter,
        "inventory_notice_settings_update": _enter,
        "inventory_notice_preview": _citywide(CityAct.MANAGE_ROLES),
        "inventory_reader_list": _on_record(Act.COMMENT),
        "inventory_portal_missing": _citywide(CityAct.TAKE_OVER),
        "inventory_link_suggestions": _citywide(CityAct.TAKE_OVER),
        "inventory_link_bulk": _citywide(CityAct.TAKE_OVER),
        "inventory_take_over": _citywide(CityAct.TAKE_OVER),
        "inventory_take_over_portal": _citywide(CityAct.TAKE_OVER),
        "inventory_promotion_preview": entry,
        "inventory_drift": entry,
    }


AUTH_FUNCTIONS: dict[str, Any] = _build()
"""Action name → authorisation: auditable at a glance."""
