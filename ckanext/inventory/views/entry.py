"""The page of one entry: what it says, where it stands, and everything that can be done to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
import flask
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from ckanext.inventory import forms, helpers
from ckanext.inventory.fields import LIST_KINDS, schema_for
from ckanext.inventory.types import ENTRY
from ckanext.inventory.views.blueprint import inventory
from ckanext.inventory.views.common import action, organizations, page_of, people_to_assign, show

EDITS_SHOWN = 8
"""Edits whose changes are spelled out on the page; the older ones are only named."""

_Act = Callable[[str, forms.Form], str]


@inventory.route("/entries/<number>")
def entry(number: str) -> str:
    """Show an entry.

    :param number: its number
    :returns: the page
    """
    return page(number)


def page(
    number: str,
    *,
    errors: forms.Problems | None = None,
    typed: Mapping[str, str] | None = None,
    opened: str = "",
) -> str:
    """Render the page of an entry, with what was refused if something was.

    :param number: its number
    :param errors: what an action refused
    :param typed: what was typed into the form that was refused
    :param opened: the act whose form stays open
    :returns: the page
    """
    shown = show(ENTRY, number)
    schema = schema_for(ENTRY)
    filled = [spec for spec in schema.fields.values() if spec.kind != "rows"]
    return tk.render(
        "inventory/entry.html",
        extra_vars={
            "entry": shown,
            "history": history_of(shown),
            "drift": drift_of(shown),
            "departments_to_move_to": other_departments(shown) if shown["may"]["transfer"] else [],
            "sections": forms.sections(schema, filled),
            "people": people_to_assign(shown["department"]["id"]) if shown["may"]["assign"] else [],
            "readers": readers_of(shown),
            "errors": errors or forms.Problems(),
            "typed": typed or {},
            "opened": opened,
        },
    )


def history_of(shown: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the history of a record, with what the latest edits changed.

    :param shown: the record, as its show action gives it
    :returns: events, newest first
    """
    events: list[dict[str, Any]] = action("inventory_history", {"id": shown["id"]})
    edits = 0
    for event in events:
        details = event["details"]
        event["said"] = details.get("comment") or details.get("text") or details.get("note")
        revision = int(event["revision"] or 0)
        if event["act"] == "edit" and revision > 1 and edits < EDITS_SHOWN:
            edits += 1
            pair = {"id": shown["id"], "old": revision - 1, "new": revision}
            event["changes"] = action("inventory_diff", pair)
    return events


def readers_of(shown: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return whom a comment on a record can be addressed to.

    :param shown: the record, as its show action gives it
    :returns: dicts with ``id``, ``user_name`` and ``name``, without the page's own reader
    """
    if not shown["may"]["comment"]:
        return []
    me = helpers.inventory_me() or {}
    found = action("inventory_reader_list", {"id": shown["id"]})
    return [one for one in found if one["id"] != me.get("user_id")]


def drift_of(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return what somebody changed on the portal's side of an entry.

    :param shown: the entry, as its show action gives it
    :returns: ``differences`` and ``by``; none for most entries
    """
    if shown["state"] != "published" or not shown["link"]:
        return {"differences": [], "by": None}
    return dict(action("inventory_drift", {"id": shown["id"]}))


def other_departments(shown: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the departments that a record could be moved to.

    :param shown: the record, as its show action gives it
    :returns: dicts with ``id`` and ``title``
    """
    here = shown["department"]["id"]
    return [item for item in organizations() if item["id"] != here and not item["merged_into"]]


@inventory.route("/entries/<number>/delete", methods=["POST"])
def entry_delete(number: str) -> Response:
    """Delete a draft that was never submitted.

    :param number: its number
    :returns: a redirect to the list, or to the entry if it can't be deleted
    """
    shown = show(ENTRY, number)
    if not shown["may"]["delete"]:
        tk.h.flash_error(tk._("Only a draft that was never submitted can be deleted."))
        return page_of("entry", number=number)
    action("package_delete", {"id": shown["id"]})
    tk.h.flash_success(
        tk._("Deleted. The number {number} is not given again.").format(number=number)
    )
    return page_of("entries")


@inventory.route("/entries/<number>/do/<act>", methods=["POST"])
def entry_do(number: str, act: str) -> tuple[str, int] | Response:
    """Do one thing to an entry: a transition, a comment, a blocker, a review and so on.

    :param number: its number
    :param act: name of the act
    :returns: a redirect to the entry, or its page with what was refused
    """
    do = ACTS.get(act)
    if do is None:
        raise NotFound
    form = flask.request.form
    try:
        said = do(number, form)
    except tk.ValidationError as error:
        found = forms.problems(error, schema_for(ENTRY))
        opened = form.get("transition", act)
        return page(number, errors=found, typed=form, opened=opened), 400
    tk.h.flash_success(said)
    if form.get("back") == "review":
        return page_of("review", entry=number)
    return page_of("entry", number=number)


def transition_inputs(form: forms.Form) -> dict[str, Any]:
    """Read what a transition takes along.

    :param form: what the browser sent
    :returns: the inputs of ``inventory_transition`` that were given
    """
    data: dict[str, Any] = {}
    for name in ("comment", "look_again", "retire_reason", "successor", "target"):
        if form.get(name, "").strip():
            data[name] = form[name].strip()
    if form.get("revision", "").isdigit():
        data["revision"] = int(form["revision"])
    if form.get("blocker_kind"):
        data["blocker"] = {
            "kind": form["blocker_kind"],
            "rationale": form.get("blocker_rationale", "").strip(),
            "citation": form.get("blocker_citation", "").strip(),
        }
    return data


def said_after(transition: str) -> str:
    """Return the words that tell what a transition did.

    :param transition: its name
    :returns: a sentence
    """
    words = {
        "submit": tk._("Submitted. It is with the chief data officer now."),
        "recall": tk._("Recalled. It is a draft again."),
        "return": tk._("Returned to the department, with your comment."),
        "approve": tk._("Approved. It can be put on the portal."),
        "defer": tk._("Put aside until the date to look again."),
        "withhold": tk._("Marked as “Can't be released”."),
        "reopen": tk._("Reopened. It is a draft again."),
        "withdraw": tk._("Withdrawn. The public no longer sees it."),
        "retire": tk._("Retired. It keeps its number and its history."),
        "confirm": tk._("Confirmed today."),
        "undo": tk._("Taken back."),
    }
    return words.get(transition, tk._("Done."))


def _transition(number: str, form: forms.Form) -> str:
    name = form.get("transition", "")
    action("inventory_transition", {"id": number, "transition": name, **transition_inputs(form)})
    return said_after(name)


def _comment(number: str, form: forms.Form) -> str:
    done = action("inventory_comment", comment_inputs(number, form))
    if done["mentioned"]:
        return tk._("Comment added. Told at once: {names}.").format(
            names=", ".join(done["mentioned"])
        )
    if form.get("purpose") == "question":
        return tk._("Asked. The department's coordinators are told, as the steward has no account.")
    return tk._("Comment added.")


def comment_inputs(number: str, form: forms.Form) -> dict[str, Any]:
    """Read a comment, for an entry or a source.

    :param number: the record's number
    :param form: what the browser sent
    :returns: the inputs of ``inventory_comment``
    """
    return {
        "id": number,
        "text": form.get("text", ""),
        "mentions": form.getlist("mentions"),
        "purpose": form.get("purpose") or "comment",
    }


def _blocker_save(number: str, form: forms.Form) -> str:
    names = ("kind", "rationale", "citation", "owner", "since", "look_again")
    data: dict[str, Any] = {name: form.get(name, "").strip() for name in names if name in form}
    data["detail"] = form.getlist("detail")
    data = forms.owner_as_stored(data, show(ENTRY, number)["blockers"])
    action("inventory_blocker_save", {"id": number, **data})
    return tk._("Saved what stands in the way.")


def _blocker_remove(number: str, form: forms.Form) -> str:
    action("inventory_blocker_remove", {"id": number, "kind": form.get("kind", "")})
    return tk._("Removed.")


def _blocker_status(number: str, form: forms.Form) -> str:
    status = form.get("status", "")
    data = {"id": number, "kind": form.get("kind", ""), "reason": form.get("reason", "").strip()}
    if status == "request":
        action("inventory_waiver_request", data)
        return tk._("Asked to waive it. The chief data officer sees your reason.")
    action("inventory_blocker_status", {**data, "status": status})
    words = {"resolved": tk._("Resolved."), "waived": tk._("Waived."), "open": tk._("Open again.")}
    return words.get(status, tk._("Saved."))


def _classify(number: str, form: forms.Form) -> str:
    action(
        "inventory_classification_confirm",
        {
            "ids": [number],
            "classification": form.get("classification", ""),
            "note": form.get("note", "").strip(),
        },
    )
    return tk._("Classification confirmed.")


def _review(number: str, form: forms.Form) -> str:
    action(
        "inventory_review_record",
        {
            "id": number,
            "kind": form.get("kind", ""),
            "outcome": form.get("outcome", ""),
            "note": form.get("note", "").strip(),
        },
    )
    return tk._("Review recorded.")


def _assign(number: str, form: forms.Form) -> str:
    user = form.get("user", "").replace("\0", "").strip()
    action("inventory_assign", {"ids": [number], "user": user or None})
    return tk._("Assigned.") if user else tk._("Assigned to nobody.")


def set_mark(number: str, form: forms.Form) -> str:
    """Set a mark on a record.

    :param number: its number
    :param form: what the browser sent
    :returns: a sentence for the reader
    """
    name, text = form.get("field", ""), form.get("value", "")
    value = text == "yes" if name in ("in_directory", "shared") else text or None
    action("inventory_mark", {"ids": [number], "field": name, "value": value})
    return tk._("Saved.")


def _want(number: str, form: forms.Form) -> str:
    action("inventory_want", {"id": number, "reason": form.get("reason", "").strip()})
    return tk._("Said. It moves up in the order in which things are decided.")


def _want_withdraw(number: str, form: forms.Form) -> str:
    action("inventory_want_withdraw", {"id": number})
    return tk._("Taken back.")


def _undo(number: str, form: forms.Form) -> str:
    action("inventory_undo", {"id": number})
    return tk._("Taken back.")


def _transfer(number: str, form: forms.Form) -> str:
    action(
        "inventory_transfer_request",
        {
            "id": number,
            "department": form.get("department", ""),
            "comment": form.get("comment", "").strip(),
        },
    )
    return tk._("Asked. It moves when the other department accepts.")


def _transfer_accept(number: str, form: forms.Form) -> str:
    action("inventory_transfer_accept", {"id": number})
    return tk._("Moved. It keeps its number and its history.")


def _transfer_decline(number: str, form: forms.Form) -> str:
    action("inventory_transfer_decline", {"id": number})
    return tk._("It stays where it is.")


def _take_back(number: str, form: forms.Form) -> str:
    """Replace the current text by what was approved."""
    approved = action(
        "inventory_revision_show", {"id": number, "revision": form.get("approved_revision", "")}
    )
    content = {
        name: approved["content"].get(name, [] if spec.kind in LIST_KINDS else "")
        for name, spec in schema_for(ENTRY).fields.items()
        if spec.kind != "organization"
    }
    data = {"id": number, "revision": form.get("revision", ""), **content}
    action("inventory_entry_patch", data)
    return tk._("The approved text is back.")


TRANSFER_ACTS: Mapping[str, _Act] = {
    "transfer": _transfer,
    "transfer-accept": _transfer_accept,
    "transfer-decline": _transfer_decline,
}
"""What entries and sources share about moving to another department."""

ACTS: Mapping[str, _Act] = {
    "transition": _transition,
    "comment": _comment,
    "blocker": _blocker_save,
    "blocker-remove": _blocker_remove,
    "blocker-status": _blocker_status,
    "classify": _classify,
    "review": _review,
    "assign": _assign,
    "mark": set_mark,
    "take-back": _take_back,
    "undo": _undo,
    "want": _want,
    "want-withdraw": _want_withdraw,
    **TRANSFER_ACTS,
}
"""Everything that the page of an entry can post, by the last part of the address."""
