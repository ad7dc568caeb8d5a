"""Actions that decide: transitions, findings, marks, assignment, comments."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
from ckan.types import Context, DataDict
from sqlalchemy.orm import Session

from ckanext.inventory import vocabularies
from ckanext.inventory.logic import schema, who
from ckanext.inventory.logic.commit import transaction
from ckanext.inventory.model import Record
from ckanext.inventory.publishing import promote as publishing
from ckanext.inventory.service import (
    endorsements,
    facts,
    marks,
    notice_rules,
    readers,
    register,
    review,
    search,
    transitions,
)
from ckanext.inventory.service.readers import Known
from ckanext.inventory.service.refusals import one_of, refusal
from ckanext.inventory.service.transitions import Inputs, Refusal
from ckanext.inventory.types import ENTRY

__all__ = [
    "inventory_assign",
    "inventory_classification_confirm",
    "inventory_comment",
    "inventory_mark",
    "inventory_review_record",
    "inventory_transition",
    "inventory_transition_bulk",
    "inventory_undo",
    "inventory_waiver_request",
    "inventory_want",
    "inventory_want_withdraw",
]


def _inputs(context: Context, data_dict: DataDict, revisions: Mapping[str, int]) -> Inputs:
    successor = data_dict.get("successor")
    return Inputs(
        comment=data_dict.get("comment"),
        look_again=data_dict.get("look_again"),
        revisions=revisions,
        retire_reason=data_dict.get("retire_reason"),
        successor=who.record(context, successor, ENTRY).package_id if successor else None,
        blocker=data_dict.get("blocker") or None,
        waive=data_dict.get("waive") or {},
        fields=data_dict.get("fields") or {},
        classification=data_dict.get("classification"),
        target=data_dict.get("target"),
        publication=publishing.publication_from(_publication(data_dict)),
    )


def _publication(data_dict: DataDict) -> dict[str, Any]:
    """Return what goes out, with a file that came beside the JSON as one more resource."""
    publication: dict[str, Any] = dict(data_dict.get("publication") or {})
    upload = data_dict.get("upload")
    if upload:
        file = {"upload": upload, "name": getattr(upload, "filename", "")}
        publication["resources"] = [*(publication.get("resources") or []), file]
    return publication


def _result(context: Context, ids: Sequence[str]) -> list[dict[str, Any]]:
    who.keep_private()
    return search.by_ids(who.session_of(context), who.person(context), ids)


@tk.validate_action_data(schema.transition)
def inventory_transition(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Take an entry or a source a step further, back or aside.

    :param id: number, name or id
    :param transition: submit, recall, return, approve, defer, withhold, reopen, prepare, promote,
        withdraw, retire or confirm
    :param revision: the revision that was looked at (approve, withhold, prepare, promote)
    :param comment: words for the others (return, reopen, defer and withdraw need them)
    :param look_again: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD`` (defer needs it)
    :param retire_reason: one of the vocabulary (retire)
    :param successor: the entry that takes its place (retire, optional)
    :param classification: the level that is confirmed in the same act (approve, optional)
    :param waive: reason by kind of blocker that is waived in the same act (approve, optional)
    :param blocker: a blocker to open in the same act: kind, rationale (withhold, withdraw)
    :param fields: reviewer's fields set in the same act (approve, prepare, promote, optional)
    :param target: approved or withheld (withdraw, default: approved)
    :param publication: what goes out (prepare, promote): mode, resources, metadata_only,
        organization, name, license_id, extra
    :param upload: a file that goes out, as a multipart upload (prepare, promote, optional)
    :returns: the record
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises NotAuthorized: if it isn't the caller's to do
    :raises ValidationError: by field, everything that is missing at once
    """
    tk.check_access("inventory_transition", context, data_dict)
    with transaction(context) as session:
        package_id = who.package_id(context, data_dict["id"])
        revisions = {package_id: data_dict["revision"]} if data_dict.get("revision") else {}
        outcome = transitions.perform(
            session,
            who.person(context),
            [package_id],
            data_dict["transition"],
            _inputs(context, data_dict, revisions),
            user_name=who.user_name(context),
        )
        for refused in outcome.refused:
            raise refusal(refused.reasons)
        [done] = _result(context, outcome.done)
    return done


@tk.validate_action_data(schema.transition_bulk)
def inventory_transition_bulk(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Take many entries or sources a step further in one act.

    Parameters as for ``inventory_transition``, but for:

    :param ids: numbers, names or ids, a list or comma-separated
    :param revisions: number, name or id → the revision that was looked at
    :param mode: ``all`` (nothing happens if one is refused) or ``possible`` (default: all)
    :param dry_run: only tell what would be done and what refused; inputs that are still to be
        asked for, such as a comment, don't count as missing (default: false)
    :returns: ``done`` (the records) and ``refused`` (id, number, title, reasons)
    :raises ObjectNotFound: if one doesn't exist, or may not be seen by the caller
    :raises ValidationError: by input, in mode ``all`` under ``refused`` by number
    """
    tk.check_access("inventory_transition_bulk", context, data_dict)
    if data_dict["dry_run"]:
        return _foreseen(context, data_dict)
    with transaction(context) as session:
        rows = who.records(context, data_dict["ids"])
        outcome = transitions.perform(
            session,
            who.person(context),
            [row.package_id for row in rows],
            data_dict["transition"],
            _inputs(context, data_dict, _revisions(context, data_dict)),
            mode=data_dict["mode"],
            user_name=who.user_name(context),
        )
        titles = {row.package_id: row.title for row in rows}
        refused = [_refusal(one, titles) for one in outcome.refused]
        if refused and data_dict["mode"] == transitions.ALL:
            raise refusal({"refused": refused})
        return {"done": _result(context, outcome.done), "refused": refused}


def _foreseen(context: Context, data_dict: DataDict) -> dict[str, Any]:
    rows = who.records(context, data_dict["ids"])
    outcome = transitions.foresee(
        who.session_of(context),
        who.person(context),
        [row.package_id for row in rows],
        data_dict["transition"],
        _inputs(context, data_dict, _revisions(context, data_dict)),
    )
    titles = {row.package_id: row.title for row in rows}
    return {
        "done": _result(context, outcome.done),
        "refused": [_refusal(one, titles) for one in outcome.refused],
    }


def _revisions(context: Context, data_dict: DataDict) -> dict[str, int]:
    sent: Mapping[str, Any] = data_dict.get("revisions") or {}
    ids = facts.resolve(who.session_of(context), list(sent))
    try:
        return {ids[reference]: int(sent[reference]) for reference in ids}
    except (TypeError, ValueError) as error:
        raise tk.ValidationError({"revisions": [tk._("A revision is a number.")]}) from error


def _refusal(refused: Refusal, titles: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": refused.package_id,
        "number": refused.number,
        "title": titles.get(refused.package_id),
        "reasons": [
            {"field": key, "message": message}
            for key, messages in refused.reasons.items()
            for message in messages
        ],
    }


@tk.validate_action_data(schema.reference)
def inventory_undo(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Take back one's own last decision on a record, for a short time.

    :param id: number, name or id
    :returns: the record
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises ValidationError: if it can't be undone any more
    """
    tk.check_access("inventory_undo", context, data_dict)
    with transaction(context) as session:
        row = who.record(context, data_dict["id"])
        refused = transitions.undo(session, who.person(context), row.package_id)
        if refused is not None:
            raise refusal(refused.reasons)
    return _result(context, [row.package_id])[0]


@tk.validate_action_data(schema.finding)
def inventory_review_record(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """Record a review of an entry.

    :param id: number, name or id
    :param kind: privacy, security, legal or technical
    :param outcome: passed, passed_with_conditions or failed
    :param note: words for the others (optional)
    :returns: all findings on the entry, newest first
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises NotAuthorized: for people who are neither CDO nor reviewer
    :raises ValidationError: by parameter
    """
    tk.check_access("inventory_review_record", context, data_dict)
    lists = vocabularies.load()
    kinds = {choice.value for choice in lists.choices("reviews_needed")}
    errors: dict[str, list[str]] = {}
    kinds -= {"none", "not_known_yet"}
    outcomes = {c.value for c in lists.choices("review_outcome")}
    if data_dict["kind"] not in kinds:
        errors["kind"] = [one_of(sorted(kinds))]
    if data_dict["outcome"] not in outcomes:
        errors["outcome"] = [one_of(sorted(outcomes))]
    if errors:
        raise refusal(errors)
    with transaction(context) as session:
        row = who.record(context, data_dict["id"], ENTRY)
        review.add(
            session,
            who.person(context),
            [row],
            data_dict["kind"],
            data_dict["outcome"],
            data_dict.get("note"),
        )
        register.refresh(session, [row])
    who.keep_private()
    return review.listing(who.session_of(context), row.package_id)


@tk.validate_action_data(schema.classify)
def inventory_classification_confirm(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """Confirm the classification of entries; the department's own remains as a proposal.

    :param ids: numbers, names or ids, a list or comma-separated
    :param classification: the level; not_known_yet can't be confirmed
    :param note: words for the others (optional)
    :returns: the entries
    :raises ObjectNotFound: if one doesn't exist, or may not be seen by the caller
    :raises NotAuthorized: for people who are neither CDO nor reviewer
    :raises ValidationError: ``classification`` for an unknown level
    """
    tk.check_access("inventory_classification_confirm", context, data_dict)
    levels = vocabularies.load().levels
    level = data_dict["classification"]
    if level not in levels or level == "not_known_yet":
        known = (value for value in levels if value != "not_known_yet")
        raise tk.ValidationError({"classification": [one_of(known)]})
    with transaction(context) as session:
        rows = who.records(context, data_dict["ids"], ENTRY)
        review.add(
            session,
            who.person(context),
            rows,
            review.CLASSIFICATION,
            level,
            data_dict.get("note"),
        )
        register.refresh(session, rows)
    return _result(context, [row.package_id for row in rows])


@tk.validate_action_data(schema.assign)
def inventory_assign(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """Assign entries and sources to somebody, who may then edit them.

    :param ids: numbers, names or ids, a list or comma-separated
    :param user: name or id of the account; empty for nobody
    :returns: the records
    :raises ObjectNotFound: if one doesn't exist, or may not be seen by the caller
    :raises NotAuthorized: for people who don't coordinate the department
    :raises ValidationError: ``user`` for an unknown account
    """
    tk.check_access("inventory_assign", context, data_dict)
    user_id = None
    if data_dict.get("user"):
        user = model.User.get(data_dict["user"])
        if user is None or user.state != model.State.ACTIVE:
            raise tk.ValidationError({"user": [tk._("There is no such account.")]})
        user_id = user.id
    with transaction(context) as session:
        rows = _locked(context, data_dict["ids"])
        marks.assign(session, who.person(context), rows, user_id)
    return _result(context, [row.package_id for row in rows])


def _locked(context: Context, references: Sequence[str]) -> list[Record]:
    rows = who.records(context, references)
    locked = facts.records(who.session_of(context), [row.package_id for row in rows], lock=True)
    return list(locked.values())


@tk.validate_action_data(schema.mark)
def inventory_mark(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """Set what is decided about records beside their state.

    :param ids: numbers, names or ids, a list or comma-separated
    :param field: triage, visibility, in_directory, listing or shared
    :param value: a value of that field; empty takes triage back
    :returns: the records
    :raises ObjectNotFound: if one doesn't exist, or may not be seen by the caller
    :raises NotAuthorized: if it isn't the caller's to decide
    :raises ValidationError: by parameter
    """
    tk.check_access("inventory_mark", context, data_dict)
    rule = marks.MARKS.get(data_dict["field"])
    if rule is None:
        raise tk.ValidationError({"field": [one_of(marks.MARKS)]})
    value = _mark_value(rule, data_dict.get("value"))
    with transaction(context) as session:
        rows = _locked(context, data_dict["ids"])
        if any(row.package_type not in rule.types for row in rows):
            raise tk.ValidationError({"field": [tk._("This kind of record has no such mark.")]})
        marks.mark(session, who.person(context), rows, data_dict["field"], value)
    return _result(context, [row.package_id for row in rows])


def _mark_value(rule: marks.Mark, sent: Any) -> Any:
    value = sent if sent not in ("", None) else None
    if True in rule.values:
        with contextlib.suppress(ValueError):  # what is neither is refused below
            value = tk.asbool(value)
    if value not in rule.values:
        known = (value for value in rule.values if value is not None)
        raise tk.ValidationError({"value": [one_of(known)]})
    return value


@tk.validate_action_data(schema.comment)
def inventory_comment(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Write a comment. It may have to be disclosed in a records request.

    Who is mentioned, as ``@name`` in the text or by parameter, is told at once. A question goes to
    the data steward whom the entry names, if that address belongs to somebody who may read it, and
    to the department in any case.

    :param id: number, name or id
    :param text: the words
    :param mentions: names or ids of accounts that may read it, a list or comma-separated (optional)
    :param purpose: comment, or question to ask the steward (default: comment)
    :returns: ``event_id``, ``mentioned`` (names of who is told at once)
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises NotAuthorized: for people who only read
    :raises ValidationError: ``mentions`` if somebody of them can't read it
    """
    tk.check_access("inventory_comment", context, data_dict)
    with transaction(context) as session:
        row = who.record(context, data_dict["id"])
        told = readers.of_record(session, facts.of_record(row))
        mentions = readers.named_in(data_dict["text"], told)
        mentions += _readers(told, data_dict.get("mentions") or ())
        if data_dict["purpose"] == notice_rules.QUESTION:
            mentions += _stewards(session, row, told)
        mentions = list(dict.fromkeys(mentions))
        event_id = marks.comment(
            session,
            who.person(context),
            row,
            data_dict["text"],
            data_dict["purpose"],
            mentions=mentions,
        )
    return {"event_id": event_id, "mentioned": [told[user_id].name for user_id in mentions]}


def _readers(told: Mapping[str, Known], wanted: Sequence[str]) -> list[str]:
    by_name = {one.user_name: user_id for user_id, one in told.items()}
    found = [name if name in told else by_name.get(name) for name in wanted]
    if None in found:
        # the same for accounts that don't exist
        raise tk.ValidationError({"mentions": [tk._("Somebody of them can't read this entry.")]})
    return [user_id for user_id in found if user_id]


def _stewards(session: Session, row: Record, told: Mapping[str, Known]) -> list[str]:
    """Find the account of the steward that an entry, or its department, names."""
    content = register.current_content(session, row)
    inherited = register.inherited(session, row, content)
    email = content.get("steward_email") or inherited.get("steward_email") or ""
    return [
        user_id
        for user_id, one in told.items()
        if email and one.email.casefold() == str(email).casefold()
    ]


@tk.validate_action_data(schema.waiver)
def inventory_waiver_request(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Ask the CDO to waive a blocker.

    :param id: number, name or id
    :param kind: the blocker's kind
    :param reason: why it may go out all the same
    :returns: ``event_id``
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises ValidationError: ``kind`` if the entry has no open blocker of it
    """
    tk.check_access("inventory_waiver_request", context, data_dict)
    with transaction(context) as session:
        row = who.record(context, data_dict["id"], ENTRY)
        if data_dict["kind"] not in row.open_kinds:
            raise tk.ValidationError({"kind": [tk._("There is no open blocker of this kind.")]})
        text = f"{data_dict['kind']}: {data_dict['reason']}"
        event_id = marks.comment(
            session,
            who.person(context),
            row,
            text,
            notice_rules.WAIVER_REQUEST,
            mentions=readers.named_in(
                data_dict["reason"], readers.of_record(session, facts.of_record(row))
            ),
            kind=data_dict["kind"],
        )
    return {"event_id": event_id}


@tk.validate_action_data(schema.want)
def inventory_want(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Say that the council's or mayor's office wants an entry, and why; said again, the later counts.

    :param id: number, name or id
    :param reason: why; may have to be disclosed in a records request
    :returns: ``wanted``, how many want it now
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises NotAuthorized: for people who aren't viewers, and for what is on the portal or retired
    :raises ValidationError: ``reason``
    """
    tk.check_access("inventory_want", context, data_dict)
    with transaction(context) as session:
        row = _locked(context, [data_dict["id"]])[0]
        tk.check_access("inventory_want", context, data_dict)
        wanted = endorsements.want(session, who.person(context), row, data_dict["reason"])
    return {"wanted": wanted}


@tk.validate_action_data(schema.reference)
def inventory_want_withdraw(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Take back that one's office wants an entry.

    :param id: number, name or id
    :returns: ``wanted``, how many want it now
    :raises ObjectNotFound: if there is none, or none that the caller may see
    :raises ValidationError: ``id`` if the caller hadn't said so
    """
    tk.check_access("inventory_want_withdraw", context, data_dict)
    with transaction(context) as session:
        row = _locked(context, [data_dict["id"]])[0]
        wanted = endorsements.withdraw(session, who.person(context), row)
        if wanted is None:
            raise tk.ValidationError({"id": [tk._("You hadn't said that you want it.")]})
    return {"wanted": wanted}
