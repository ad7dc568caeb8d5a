"""Carrying out transitions, one record or hundreds, as one act.

The order is always the same: lock the rows, ask the policy, the workflow and the requirements of
every record, collect every refusal, then change what may be changed and write one event.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import clock, config, policy, vocabularies, workflow
from ckanext.inventory.fields import schema_for
from ckanext.inventory.model import Record, Revision
from ckanext.inventory.model.event import event, event_detail, event_entry
from ckanext.inventory.publishing import promote as publishing
from ckanext.inventory.service import (
    blockers,
    content,
    events,
    facets,
    facts,
    register,
    requirements,
    review,
)
from ckanext.inventory.service.cases import Case, cases_of
from ckanext.inventory.service.content import Write
from ckanext.inventory.service.refusals import one_of
from ckanext.inventory.types import Person, Stage, State, Writer
from ckanext.inventory.workflow import Need, Transition

ALL = "all"
POSSIBLE = "possible"
UNDO = "undo"


@dataclass(frozen=True)
class Inputs:
    """What a person gave along with a transition.

    :param comment: words for the others
    :param look_again: partial date to look at it again
    :param revisions: package id → the revision that was looked at
    :param retire_reason: one of the vocabulary
    :param successor: package id of the entry that takes its place
    :param blocker: a blocker row to open in the act (withhold, withdraw)
    :param waive: reason by blocker kind, waived in the act (approve)
    :param fields: reviewer's fields set in the act (approve, prepare, promote)
    :param classification: level confirmed in the act (approve)
    :param target: where withdraw leads: approved or withheld
    :param publication: what prepare, promote and withdraw take along
    """

    comment: str | None = None
    look_again: str | None = None
    revisions: Mapping[str, int] = field(default_factory=dict[str, int])
    retire_reason: str | None = None
    successor: str | None = None
    blocker: Mapping[str, Any] | None = None
    waive: Mapping[str, str] = field(default_factory=dict[str, str])
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    classification: str | None = None
    target: str | None = None
    publication: publishing.Publication = field(default_factory=publishing.Publication)


@dataclass(frozen=True)
class Refusal:
    """Why a transition was refused for one record.

    :param package_id: the record
    :param number: its number
    :param reasons: field or input → messages; ``__all__`` for the record as a whole
    """

    package_id: str
    number: str
    reasons: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Outcome:
    """What an act came to.

    :param done: package ids that made the transition
    :param refused: the others, each with every reason
    """

    done: Sequence[str]
    refused: Sequence[Refusal]


_SNAPSHOT = (
    "state",
    "state_since",
    "waiting_since",
    "approved_revision",
    "approved_hash",
    "approved_by",
    "approved_at",
    "change_returned",
    "ever_submitted",
    "submitted_by",
    "submitted_at",
    "look_again",
    "retire_reason",
    "successor",
    "confirmed_on",
    "confirmed_by",
)
"""Columns that a transition may change; undo puts them back."""


def perform(
    session: Session,
    person: Person,
    ids: Collection[str],
    name: str,
    inputs: Inputs,
    *,
    mode: str = ALL,
    user_name: str,
) -> Outcome:
    """Carry out a transition.

    :param session: the database session
    :param person: who acts
    :param ids: package ids, all of one type
    :param name: the transition
    :param inputs: what was given along
    :param mode: ``all`` (nothing happens if one is refused) or ``possible``
    :param user_name: name of the account, for core's own records
    :returns: what was done and what was refused; nothing was written if ``mode`` is ``all`` and
        one was refused
    """
    cases = cases_of(session, facts.records(session, ids, lock=True))
    for case in cases:
        _examine(session, person, case, name, inputs)
    refused = [
        Refusal(case.record.package_id, case.record.number, case.refused)
        for case in cases
        if case.refused
    ]
    able = [case for case in cases if not case.refused]
    if not able or (refused and mode == ALL):
        return Outcome([], refused)
    transition = _transition(able[0].record, name)
    rows = [_apply(session, person, case, transition, inputs, user_name) for case in able]
    session.flush()
    if inputs.classification:
        # what else an act takes along is a content write, which refreshes by itself
        register.refresh(session, [case.record for case in able])
    events.record(session, name, person.user_id, rows)
    return Outcome([case.record.package_id for case in able], refused)


def foresee(
    session: Session, person: Person, ids: Collection[str], name: str, inputs: Inputs
) -> Outcome:
    """Tell what an act on many records would come to; nothing is written or locked.

    Inputs that are still to be asked for, such as a comment, don't count as missing.

    :param session: the database session
    :param person: who would act
    :param ids: package ids, all of one type
    :param name: the transition
    :param inputs: what would be given along, as far as it is known
    :returns: what would be done and what would be refused
    """
    cases = cases_of(session, facts.records(session, ids))
    for case in cases:
        _examine(session, person, case, name, inputs, asking=True)
    return Outcome(
        [case.record.package_id for case in cases if not case.refused],
        [
            Refusal(case.record.package_id, case.record.number, case.refused)
            for case in cases
            if case.refused
        ],
    )


def examine(
    session: Session, person: Person, record: Record, inputs: Inputs | None = None
) -> dict[str, dict[str, list[str]]]:
    """Tell for every transition of a record what stands against it; nothing is written.

    Inputs that a form would ask for don't count as missing.

    :param session: the database session
    :param person: who asks
    :param record: the register row
    :param inputs: what would be given along
    :returns: transition name → reasons by field; empty reasons mean that it can be done.
        Transitions that don't start from here, or that are nobody's business of this person, are
        absent
    """
    [case] = cases_of(session, {record.package_id: record})
    answers: dict[str, dict[str, list[str]]] = {}
    for name, transition in workflow.transitions_of(record.package_type).items():
        if not workflow.starts(transition, case.known):
            continue
        decision = policy.may(person, name, case.known, config.options())
        case.refused = {}
        if not decision:
            if decision.reason != policy.SECOND_PERSON:
                continue
            case.refuse("__all__", tk._(decision.reason))
        _examine_stage(session, person, case, transition, inputs or Inputs(), asking=True)
        answers[name] = case.refused
    return answers


def _transition(record: Record, name: str) -> Transition:
    return workflow.transitions_of(record.package_type)[name]


def _examine(
    session: Session,
    person: Person,
    case: Case,
    name: str,
    inputs: Inputs,
    *,
    asking: bool = False,
) -> None:
    transition = workflow.transitions_of(case.record.package_type).get(name)
    if transition is None:
        known = workflow.transitions_of(case.record.package_type)
        case.refuse("transition", one_of(known))
        return
    decision = policy.may(person, name, case.known, config.options())
    if not decision:
        case.refuse("__all__", tk._(decision.reason))
    if case.known.package_state == "deleted":
        case.refuse("__all__", tk._("This was deleted."))
    if not workflow.starts(transition, case.known):
        case.refuse("state", _why_not_from_here(transition, case))
        return
    _examine_inputs(case, transition, inputs, asking)
    _examine_stage(session, person, case, transition, inputs, asking=asking)


def _why_not_from_here(transition: Transition, case: Case) -> str:
    label = workflow.STATE_LABELS[case.known.state]
    if case.known.state in transition.if_changed:
        return tk._("Nothing changed since it was approved.")
    return tk._('"{action}" doesn\'t go from "{state}".').format(
        action=tk._(transition.label), state=tk._(label)
    )


_ASKED: Mapping[Need, tuple[Callable[[Inputs], object], str, str]] = {
    Need.COMMENT: (lambda given: given.comment, "comment", "Say why, in a sentence."),
    Need.LOOK_AGAIN: (
        lambda given: given.look_again,
        "look_again",
        "Give a date to look at it again: a year, a month or a day.",
    ),
    Need.RETIRE_REASON: (
        lambda given: given.retire_reason,
        "retire_reason",
        "Say why it is retired.",
    ),
}


def _examine_fields(case: Case, inputs: Inputs) -> None:
    """Take only reviewer's fields: anything else would be text that its writer then approves."""
    schema = schema_for(case.record.package_type)
    for name in inputs.fields:
        spec = schema.fields.get(name)
        if spec is None or Writer.REVIEWER not in spec.writers:
            case.refuse(name, tk._("This can't be set in a decision. Edit the entry instead."))


def _examine_inputs(
    case: Case, transition: Transition, inputs: Inputs, asking: bool = False
) -> None:
    _examine_fields(case, inputs)
    for need, (read, key, message) in _ASKED.items():
        if need in transition.required and not read(inputs) and not asking:
            case.refuse(key, tk._(message))
    reasons = vocabularies.load().choices("retire_reason")
    if inputs.retire_reason and inputs.retire_reason not in {c.value for c in reasons}:
        case.refuse("retire_reason", one_of(choice.value for choice in reasons))
    if Need.REVISION in transition.required:
        looked_at = inputs.revisions.get(case.record.package_id)
        if looked_at is None:
            case.refuse("revision", tk._("Say which revision you looked at."))
        elif looked_at != case.record.revision:
            case.refuse(
                "revision",
                tk._("It was changed since you looked at it. Look at it again, then decide."),
            )


def _examine_stage(
    session: Session,
    person: Person,
    case: Case,
    transition: Transition,
    inputs: Inputs,
    *,
    asking: bool = False,
) -> None:
    check = _STAGE_CHECKS.get(transition.name)
    if check is not None:
        check(session, person, case, inputs, asking)


def _check_submit(
    session: Session, person: Person, case: Case, inputs: Inputs, asking: bool
) -> None:
    _check_stage(case, Stage.SUBMIT, case.content, case.findings)


def _check_stage(
    case: Case, stage: Stage, values: Mapping[str, Any], findings: facets.Findings
) -> None:
    for gap in requirements.missing(
        schema_for(case.record.package_type),
        values,
        stage,
        defaults=case.inherited,
        confirmed=findings.confirmed,
        reviews=findings.outcomes,
        vocabularies=vocabularies.load(),
    ):
        case.refuse(gap.field, gap.in_words(tk._))


def _as_given(case: Case, inputs: Inputs) -> tuple[dict[str, Any], facets.Findings]:
    """Return content and findings as they would be with the inputs of the act."""
    values = dict(case.content) | dict(inputs.fields)
    if inputs.waive:
        values[blockers.FIELD] = _waived(values, inputs.waive)
    findings = case.findings
    if inputs.classification:
        findings = facets.Findings(inputs.classification, findings.outcomes)
    return values, findings


def _waived(values: Mapping[str, Any], reasons: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        dict(row, status="waived", status_reason=reasons[str(row.get("kind"))])
        if str(row.get("kind")) in reasons
        else dict(row)
        for row in facets.blocker_rows(values)
    ]


def _check_approve(
    session: Session, person: Person, case: Case, inputs: Inputs, asking: bool
) -> None:
    values, findings = _as_given(case, inputs)
    levels = vocabularies.load().levels
    if inputs.classification and inputs.classification not in levels:
        case.refuse("classification", one_of(levels))
        return
    _check_stage(case, Stage.APPROVE, values, findings)


def _check_withhold(
    session: Session, person: Person, case: Case, inputs: Inputs, asking: bool
) -> None:
    if asking:
        return
    rows = facets.open_blockers(case.content)
    if inputs.blocker:
        rows = [*rows, dict(inputs.blocker)]
    for gap in requirements.missing_to_withhold(rows, vocabularies.load()):
        case.refuse("blocker", gap.in_words(tk._))


def _approved_content(session: Session, case: Case) -> dict[str, Any]:
    if case.record.approved_revision is None:
        return {}
    return register.revision_content(session, case.record.package_id, case.record.approved_revision)


def _check_publication(act: str) -> _StageCheck:
    def check(session: Session, person: Person, case: Case, inputs: Inputs, asking: bool) -> None:
        if case.known.changed:
            case.refuse(
                "revision",
                tk._("It was changed since it was approved. Approve the change first."),
            )
            return
        if asking:
            return
        values = _approved_content(session, case) | dict(inputs.fields)
        inherited = register.inherited(session, case.record, values)
        for key, messages in publishing.problems(
            session, person, case.record, values, inherited, inputs.publication, act=act
        ).items():
            for message in messages:
                case.refuse(key, message)

    return check


def _check_withdraw(
    session: Session, person: Person, case: Case, inputs: Inputs, asking: bool
) -> None:
    if asking:
        return
    for key, messages in publishing.problems(
        session, person, case.record, {}, {}, inputs.publication, act="withdraw"
    ).items():
        for message in messages:
            case.refuse(key, message)
    if inputs.target not in (None, State.APPROVED.value, State.WITHHELD.value):
        case.refuse("target", tk._("Withdraw leads to approved or withheld."))
    elif inputs.target == State.WITHHELD.value:
        _check_withhold(session, person, case, inputs, asking)


_StageCheck = Callable[[Session, Person, Case, Inputs, bool], None]

_STAGE_CHECKS: Mapping[str, _StageCheck] = {
    "submit": _check_submit,
    "approve": _check_approve,
    "withhold": _check_withhold,
    "prepare": _check_publication("prepare"),
    "promote": _check_publication("promote"),
    "withdraw": _check_withdraw,
}


def _apply(
    session: Session,
    person: Person,
    case: Case,
    transition: Transition,
    inputs: Inputs,
    user_name: str,
) -> events.Row:
    record = case.record
    case.before = {name: getattr(record, name) for name in _SNAPSHOT}
    old_state = State(record.state)
    target = workflow.target_state(transition, case.known)
    if transition.name == "withdraw" and inputs.target:
        target = State(inputs.target)
    effect = _EFFECTS.get(transition.name)
    if effect is not None:
        effect(session, person, case, inputs, user_name)
    if old_state is State.PREPARING and target not in (State.PREPARING, State.PUBLISHED):
        publishing.leave_preparing(session, person, record)
    if target is not old_state:
        record.state = target.value
        record.state_since = clock.now()
    if transition.target is not None:
        record.waiting_since = clock.now()
    return events.Row(
        record.package_id,
        record.department,
        old_state.value,
        target.value,
        record.revision,
        _details(case, transition, inputs),
    )


def _details(case: Case, transition: Transition, inputs: Inputs) -> dict[str, Any]:
    given: dict[str, Any] = {
        "comment": inputs.comment,
        "look_again": inputs.look_again,
        "retire_reason": inputs.retire_reason,
        "successor": inputs.successor,
        "waived": dict(inputs.waive) or None,
        "classification": inputs.classification,
        "self_approval": True if _approved_own(case, transition) else None,
    }
    details = {key: value for key, value in given.items() if value is not None}
    if transition.undoable:
        details["before"] = case.before
    return details


def _approved_own(case: Case, transition: Transition) -> bool:
    return transition.name == "approve" and case.record.approved_by in case.known.authors


def _submit(session: Session, person: Person, case: Case, inputs: Inputs, user_name: str) -> None:
    case.record.ever_submitted = True
    case.record.submitted_by = person.user_id
    case.record.submitted_at = clock.now()


def _return(session: Session, person: Person, case: Case, inputs: Inputs, user_name: str) -> None:
    if case.known.state is State.PUBLISHED:
        case.record.change_returned = True


def _write_inputs(
    session: Session,
    person: Person,
    case: Case,
    changes: Mapping[str, Any],
    user_name: str,
) -> None:
    """Write reviewer's fields and blocker rows of an act as a revision of the same act."""
    if not changes:
        return
    how = Write(person, review_act=True, revision=case.record.revision, event=False)
    content.write(session, case.record.package_id, changes, how, user_name)
    session.refresh(case.record)


def _approve(session: Session, person: Person, case: Case, inputs: Inputs, user_name: str) -> None:
    record = case.record
    if inputs.classification:
        review.add(
            session,
            person,
            [record],
            review.CLASSIFICATION,
            inputs.classification,
            inputs.comment,
        )
    changes = dict(inputs.fields)
    if inputs.waive:
        changes[blockers.FIELD] = _waived(case.content, inputs.waive)
    _write_inputs(session, person, case, changes, user_name)
    _cover(record, person)


def _cover(record: Record, person: Person) -> None:
    """Let the approval cover the current revision."""
    record.approved_revision = record.revision
    record.approved_hash = record.material_hash
    record.approved_by = person.user_id
    record.approved_at = clock.now()
    record.change_returned = False


def _defer(session: Session, person: Person, case: Case, inputs: Inputs, user_name: str) -> None:
    case.record.look_again = inputs.look_again


def _withhold(session: Session, person: Person, case: Case, inputs: Inputs, user_name: str) -> None:
    case.record.look_again = inputs.look_again
    if inputs.blocker:
        row = {"status": "open", "since": clock.today().isoformat(), **inputs.blocker}
        rows = [r for r in facets.blocker_rows(case.content) if r.get("kind") != row["kind"]]
        _write_inputs(
            session,
            person,
            case,
            {blockers.FIELD: [*rows, row], blockers.STATUS_FIELD: "some"},
            user_name,
        )


def _reopen(session: Session, person: Person, case: Case, inputs: Inputs, user_name: str) -> None:
    record = case.record
    record.look_again = record.retire_reason = record.successor = None


def _retire(session: Session, person: Person, case: Case, inputs: Inputs, user_name: str) -> None:
    case.record.retire_reason = inputs.retire_reason
    case.record.successor = inputs.successor


def _publish(act: str) -> _Effect:
    def effect(
        session: Session, person: Person, case: Case, inputs: Inputs, user_name: str
    ) -> None:
        if inputs.fields:
            _write_inputs(session, person, case, inputs.fields, user_name)
            _cover(case.record, person)
        values = _approved_content(session, case)
        inherited = register.inherited(session, case.record, values)
        carry_out = publishing.prepare if act == "prepare" else publishing.promote
        carry_out(session, person, case.record, values, inherited, inputs.publication)

    return effect


def _withdraw(session: Session, person: Person, case: Case, inputs: Inputs, user_name: str) -> None:
    publishing.withdraw(session, person, case.record, inputs.publication)
    if inputs.target == State.WITHHELD.value:
        _withhold(session, person, case, inputs, user_name)


def _confirm(session: Session, person: Person, case: Case, inputs: Inputs, user_name: str) -> None:
    """A coordinator who confirms text that somebody else typed becomes its author."""
    record = case.record
    record.confirmed_on = clock.today()
    record.confirmed_by = person.user_id
    session.execute(
        sa.update(Revision)
        .where(
            Revision.package_id == record.package_id,
            Revision.revision > (record.approved_revision or 0),
            Revision.author.is_not(None),
        )
        .values(author=person.user_id)
        .execution_options(synchronize_session=False)
    )


_Effect = Callable[[Session, Person, Case, Inputs, str], None]

_EFFECTS: Mapping[str, _Effect] = {
    "submit": _submit,
    "return": _return,
    "approve": _approve,
    "defer": _defer,
    "withhold": _withhold,
    "reopen": _reopen,
    "retire": _retire,
    "prepare": _publish("prepare"),
    "promote": _publish("promote"),
    "withdraw": _withdraw,
    "confirm": _confirm,
}


def undo(session: Session, person: Person, package_id: str) -> Refusal | None:
    """Take back one's own last act on a record.

    :param session: the database session
    :param person: who acts
    :param package_id: the record
    :returns: None when done, else why not
    """
    record = facts.records(session, [package_id], lock=True)[package_id]
    last = _last_event(session, package_id)
    reason = _why_no_undo(person, record, last)
    if reason is not None or last is None:
        return Refusal(
            package_id, record.number, {"__all__": [reason or tk._("There is nothing to undo.")]}
        )
    old_state = record.state
    for name, value in last["details"]["before"].items():
        setattr(record, name, _restored(name, value))
    session.flush()
    register.refresh(session, [record])
    events.record(
        session,
        UNDO,
        person.user_id,
        [
            events.Row(
                package_id,
                record.department,
                old_state,
                record.state,
                record.revision,
                {"undone": last["act"], "event_id": last["id"]},
            )
        ],
    )
    return None


def _restored(name: str, value: Any) -> Any:
    if isinstance(value, str) and name.endswith(("_at", "_since")):
        return dt.datetime.fromisoformat(value)
    if isinstance(value, str) and name == "confirmed_on":
        return dt.date.fromisoformat(value)
    return value


def _last_event(session: Session, package_id: str) -> dict[str, Any] | None:
    query = (
        sa.select(
            event.c.id,
            event.c.act,
            event.c.user_id,
            event.c.at,
            event_entry.c.revision,
            event_detail.c.details,
        )
        .join(event_entry, event_entry.c.event_id == event.c.id)
        .outerjoin(
            event_detail,
            sa.and_(
                event_detail.c.event_id == event_entry.c.event_id,
                event_detail.c.seq == event_entry.c.seq,
            ),
        )
        .where(event_entry.c.package_id == package_id, event.c.act.not_in(events.BESIDE))
        .order_by(event.c.id.desc())
        .limit(1)
    )
    row = session.execute(query).mappings().first()
    return dict(row) if row is not None else None


def _why_no_undo(person: Person, record: Record, last: dict[str, Any] | None) -> str | None:
    if last is None or "before" not in (last["details"] or {}):
        return tk._("The last thing that happened here can't be undone.")
    if last["user_id"] != person.user_id:
        return tk._("Somebody else did something here since, so it can't be undone.")
    if clock.now() - last["at"] > dt.timedelta(seconds=config.undo_seconds()):
        return tk._("It is too late to undo this.")
    if last["details"]["before"]["state"] == State.PREPARING.value != record.state:
        return tk._("Its prepared dataset was taken away, so it can't be undone.")
    if last["revision"] != record.revision:
        return tk._("It was changed since, so it can't be undone.")
    return None


def may_undo(session: Session, person: Person, record: Record) -> bool:
    """Tell whether a person could take back the last act on a record now.

    :param session: the database session
    :param person: who asks
    :param record: the register row
    :returns: the answer
    """
    return _why_no_undo(person, record, _last_event(session, record.package_id)) is None
