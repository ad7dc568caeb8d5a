"""Everything that the page of one record shows, put together for one reader."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ckanext.inventory import config, fields, policy, vocabularies, workflow
from ckanext.inventory.fields import schema_for
from ckanext.inventory.model import Department, Link, Record
from ckanext.inventory.policy import Act
from ckanext.inventory.service import (
    candidates,
    endorsements,
    facets,
    facts,
    history,
    likelihood,
    names,
    register,
    requirements,
    review,
    search,
    transitions,
)
from ckanext.inventory.service.facets import Findings
from ckanext.inventory.service.marks import MARKS
from ckanext.inventory.types import ENTRY, Facts, Person, Stage

_ABILITIES = {
    "edit": Act.EDIT,
    "comment": Act.COMMENT,
    "assign": Act.ASSIGN,
    "review": Act.REVIEW,
    "classify": Act.CLASSIFY,
    "block": Act.BLOCK,
    "resolve": Act.RESOLVE,
    "waive": Act.WAIVE,
    "request_waiver": Act.REQUEST_WAIVER,
    "transfer": Act.TRANSFER,
    "delete": Act.DELETE,
    "want": Act.WANT,
}


def record(session: Session, person: Person, row: Record) -> dict[str, Any]:
    """Show one entry or source. The caller has asked the policy for READ.

    :param session: the database session
    :param person: who looks
    :param row: the register row
    :returns: the record with content, findings, what is missing, what may be done next and by whom
    """
    found = review.findings(session, [row.package_id])[row.package_id]
    known = facts.of_records(session, {row.package_id: row})[row.package_id]
    content = register.current_content(session, row)
    inherited = register.inherited(session, row, content)
    listed = search.by_ids(session, person, [row.package_id])[0]
    shown: dict[str, Any] = {
        "id": row.package_id,
        "type": row.package_type,
        "number": row.number,
        "title": row.title,
        "state": row.state,
        "state_label": tk._(workflow.STATE_LABELS[known.state]),
        "revision": row.revision,
        "content": content,
        "record": listed,
        "inherited": inherited,
        "department": _department(session, row),
        "sources": listed["sources"],
        "missing": _missing(row, content, inherited, found),
        "transitions": available(session, person, row),
        "may": _abilities(person, known),
        "undo": transitions.may_undo(session, person, row),
        "changed": known.changed,
        "changes": _changes(session, person, row, content) if known.changed else [],
        "ball": _ball(listed),
        "transfer": _transfer(session, row),
    }
    if row.package_type == ENTRY:
        shown |= _release(session, row, content, found)
    else:
        shown["entries"] = _entries_of(session, person, row)
    return shown


def _release(
    session: Session, row: Record, content: Mapping[str, Any], found: Findings
) -> dict[str, Any]:
    _, reasons = likelihood.likelihood(content, found.confirmed, vocabularies.load())
    return {
        "confirmed": found.confirmed,
        "outcomes": dict(found.outcomes),
        "reviews": review.listing(session, row.package_id),
        "blockers": names.with_owners(session, facets.blocker_rows(content)),
        "open_blockers": len(facets.open_blockers(content)),
        "likelihood": {
            "value": row.likelihood,
            "reasons": [{"sign": reason.sign, "text": reason.text} for reason in reasons],
        },
        "link": _link(session, row),
        "wants": endorsements.of_record(session, row.package_id) if row.wanted else [],
        # nobody made what a harvest brought, so that nothing is asked for all others
        "candidate": None if row.created_by else candidates.of_entry(session, row.package_id),
    }


def _link(session: Session, row: Record) -> dict[str, Any] | None:
    link = session.get(Link, row.package_id)
    if link is None:
        return None
    package = session.get(model.Package, link.dataset_id) if link.dataset_id else None
    return {
        "mode": link.mode,
        "dataset_id": link.dataset_id,
        "name": package.name if package is not None else None,
        "title": package.title if package is not None else None,
        "url": link.url,
        "held": link.held,
        "copied_revision": link.copied_revision,
        "at": link.at.isoformat(),
        "owner": link.owner,
        "due": link.due,
    }


def _department(session: Session, row: Record) -> dict[str, Any]:
    group = session.get(model.Group, row.department)
    department = session.get(Department, row.department)
    return {
        "id": row.department,
        "name": group.name if group is not None else None,
        "title": (group.title or group.name) if group is not None else row.department,
        "code": department.code if department is not None else None,
    }


def _missing(
    row: Record, content: Mapping[str, Any], inherited: Mapping[str, str], found: Findings
) -> dict[str, list[dict[str, str]]]:
    """Tell by stage what is missing, each field once, in words."""
    stages = (
        (Stage.SUBMIT, Stage.APPROVE, Stage.PROMOTE)
        if row.package_type == ENTRY
        else (Stage.SUBMIT,)
    )
    return {
        stage.value: [
            {"field": gap.field, "message": gap.in_words(tk._)}
            for gap in requirements.missing(
                schema_for(row.package_type),
                content,
                stage,
                defaults=inherited,
                confirmed=found.confirmed,
                reviews=found.outcomes,
                vocabularies=vocabularies.load(),
            )
        ]
        for stage in stages
    }


def available(session: Session, person: Person, row: Record) -> list[dict[str, Any]]:
    """List the transitions that a person could make, with everything that stands against each.

    :param session: the database session
    :param person: who asks
    :param row: the register row
    :returns: name, label, allowed, reasons (field and message), required and optional inputs
    """
    table = workflow.transitions_of(row.package_type)
    return [
        {
            "name": name,
            "label": tk._(table[name].label),
            "allowed": not reasons,
            "reasons": [
                {"field": key, "message": message}
                for key, messages in reasons.items()
                for message in messages
            ],
            "required": sorted(need.value for need in table[name].required),
            "optional": sorted(need.value for need in table[name].optional),
            "target": workflow.target_state(table[name], facts.of_record(row)).value,
        }
        for name, reasons in transitions.examine(session, person, row).items()
    ]


def _abilities(person: Person, known: Facts) -> dict[str, Any]:
    options = config.options()
    abilities: dict[str, Any] = {
        name: bool(policy.may(person, act, known, options))
        for name, act in _ABILITIES.items()
        if policy.may_of_type(act, known.package_type)
    }
    abilities["mark"] = [
        name
        for name, rule in MARKS.items()
        if known.package_type in rule.types and policy.may(person, rule.act, known, options)
    ]
    return abilities


def _changes(
    session: Session, person: Person, row: Record, content: Mapping[str, Any]
) -> list[dict[str, Any]]:
    approved = register.revision_content(session, row.package_id, row.approved_revision or 0)
    return difference(session, person, row.package_type, approved, content, material_only=True)


def difference(
    session: Session,
    person: Person,
    package_type: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    *,
    material_only: bool = False,
) -> list[dict[str, Any]]:
    """Show what changed between two contents.

    :param session: the database session
    :param person: who looks
    :param package_type: the type
    :param old: the content before
    :param new: the content after
    :param material_only: only what bears on release
    :returns: field, label, old and new value, and both in words
    """
    schema = schema_for(package_type)
    changes = [
        change
        for change in fields.diff(schema, old, new)
        if schema.fields[change.field].material or not material_only
    ]
    told = names.of_values(
        session,
        person,
        schema,
        [(change.field, value) for change in changes for value in (change.old, change.new)],
    )
    return [
        {
            "field": change.field,
            "label": change.label,
            "old": change.old,
            "new": change.new,
            "old_text": fields.display(schema.fields[change.field], change.old, told),
            "new_text": fields.display(schema.fields[change.field], change.new, told),
        }
        for change in changes
    ]


def _ball(listed: Mapping[str, Any]) -> dict[str, Any]:
    """Tell who has to do something next, and since when."""
    state = listed["state"]
    if listed["in_queue"]:
        holder = "deciders"
    elif state in ("draft", "returned") or listed["detailing"] or listed["change_returned"]:
        holder = "department"
    elif state in ("approved", "preparing"):
        holder = "publishers"
    else:
        holder = "nobody"
    return {"who": holder, "since": listed["waiting_since"]}


def _transfer(session: Session, row: Record) -> dict[str, Any] | None:
    request = search.transfers(session, [row.package_id]).get(row.package_id)
    if request is None:
        return None
    group = session.get(model.Group, request.to_department)
    return {
        "to": request.to_department,
        "to_title": (group.title or group.name) if group is not None else "",
        "comment": request.comment,
        "asked_by": request.asked_by,
        "asked_at": request.asked_at.isoformat(),
    }


def _entries_of(session: Session, person: Person, row: Record) -> list[dict[str, Any]]:
    query = sa.select(Record.package_id).where(
        Record.package_type == ENTRY,
        Record.package_state == "active",
        Record.source_ids.contains([row.package_id]),
        search.visible(policy.scope(person)),
    )
    return search.by_ids(session, person, list(session.scalars(query)))


def revision_list(session: Session, row: Record) -> list[dict[str, Any]]:
    """List the revisions of a record, marking the approved one.

    :param session: the database session
    :param row: the register row
    :returns: revision, by, at, approved of each, newest first
    """
    return [
        item | {"approved": item["revision"] == row.approved_revision}
        for item in history.revisions(session, row.package_id)
    ]
