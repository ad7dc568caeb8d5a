"""Actions that read."""

from __future__ import annotations

from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.types import Context, DataDict

from ckanext.inventory import policy, workflow
from ckanext.inventory.logic import schema, who
from ckanext.inventory.model import Department
from ckanext.inventory.policy import CityAct
from ckanext.inventory.service import (
    counts,
    decisions,
    departments,
    endorsements,
    history,
    imports,
    outbox,
    register,
    search,
    show,
    sources,
    statistics,
)
from ckanext.inventory.service.search import Query
from ckanext.inventory.types import ENTRY, SOURCE, Role

__all__ = [
    "inventory_department_list",
    "inventory_diff",
    "inventory_entry_list",
    "inventory_entry_show",
    "inventory_history",
    "inventory_home",
    "inventory_me",
    "inventory_organization_list",
    "inventory_overview",
    "inventory_review_queue",
    "inventory_revision_list",
    "inventory_revision_show",
    "inventory_source_list",
    "inventory_source_show",
    "inventory_transitions",
]

MAX_ROWS = 1000
"""Rows of a list in one answer, as in core's own search."""

_FILTERS = (*search.FACETS, *search.LIST_FACETS)


@tk.side_effect_free
def inventory_me(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return who the caller is in the inventory.

    :returns: ``user_id``, ``name``, ``sysadmin``, ``roles`` (role, department, division, kinds,
        may_approve), ``departments`` that the caller coordinates (id, name, title, code), ``may``
        (what concerns no single record)
    :raises NotAuthorized: for people without role and assignment
    """
    tk.check_access("inventory_me", context, data_dict)
    person, user = who.person(context), who.user_of(context)
    named = {grant.department for grant in person.grants if grant.department}
    titles = _departments(context, named, all_that_take_part=policy.is_cdo(person))
    coordinated = set(policy.departments_of(person))
    if policy.is_cdo(person):
        coordinated |= {key for key, title in titles.items() if title["code"]}
    who.keep_private()
    return {
        "user_id": person.user_id,
        "name": user.display_name if user is not None else None,
        "sysadmin": person.sysadmin,
        "roles": [
            {
                "role": grant.role.value,
                "department": titles.get(grant.department or ""),
                "division": grant.division,
                "kinds": sorted(grant.kinds),
                "may_approve": grant.may_approve,
            }
            for grant in person.grants
        ],
        "departments": sorted(
            (titles[key] for key in coordinated if key in titles),
            key=lambda item: str(item["title"]).lower(),
        ),
        "may": {act.value: bool(policy.may_citywide(person, act)) for act in CityAct}
        | {"add": policy.is_cdo(person) or bool(coordinated)},
        "decides": policy.is_decider(person),
        "cdo": policy.is_cdo(person),
        "viewer": any(grant.role is Role.VIEWER for grant in person.grants),
    }


def _departments(
    context: Context, ids: Any, *, all_that_take_part: bool = False
) -> dict[str, dict[str, Any]]:
    wanted = [key for key in ids if key]
    if not wanted and not all_that_take_part:
        return {}
    group = model.group_table
    query = (
        sa.select(group.c.id, group.c.name, group.c.title, Department.code)
        .outerjoin(Department, Department.organization == group.c.id)
        .where(
            sa.or_(
                group.c.id.in_(wanted),
                *([Department.organization.is_not(None)] if all_that_take_part else []),
            )
        )
    )
    return {
        row.id: {"id": row.id, "name": row.name, "title": row.title or row.name, "code": row.code}
        for row in who.session_of(context).execute(query)
    }


@tk.side_effect_free
def inventory_home(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return what needs the caller now.

    :returns: ``entries`` and ``sources`` (counts by named view), ``returned``, ``incomplete``,
        ``ready``, ``detailing``, ``queue``, ``promotable`` (the first rows of each, where the
        caller may act), ``catching_up`` (side effects that are queued), ``came_back`` (the last
        decisions of others: act, at, to_state, number, title, comment), ``me``
    :raises NotAuthorized: for people without role and assignment
    """
    tk.check_access("inventory_home", context, data_dict)
    session, person = who.session_of(context), who.person(context)
    who.keep_private()
    views = counts.of_views_by_type(session, person)
    shown: dict[str, Any] = {
        "me": inventory_me(context, {}),
        "entries": views[ENTRY],
        "sources": views[SOURCE],
        "catching_up": outbox.waiting(session),
        "came_back": decisions.latest(session, person, limit=6),
    }
    own = ["returned", "incomplete", "ready", "detailing"]
    if policy.is_decider(person):
        own += ["queue", "promotable"]
    for view in own:
        query = Query(ENTRY, attention=view, sort="rank", limit=5)
        _, rows = search.rows(session, person, query, views[ENTRY][view])
        shown[view] = rows
    return shown


def _query(package_type: str, data_dict: DataDict) -> Query:
    return Query(
        package_type,
        text=data_dict["q"],
        filters={name: data_dict[name] for name in _FILTERS if data_dict.get(name)},
        attention=data_dict.get("attention"),
        sort=data_dict["sort"],
        limit=min(int(data_dict["limit"]), MAX_ROWS),
        offset=int(data_dict["offset"]),
    )


def _list(
    context: Context, package_type: str, data_dict: DataDict, *, views: bool = True
) -> dict[str, Any]:
    session, person = who.session_of(context), who.person(context)
    query = _query(package_type, data_dict)
    who.keep_private()
    counted = counts.of_list(session, person, query, views=views) if data_dict["facets"] else None
    count, rows = search.rows(session, person, query, counted.total if counted else None)
    if package_type == SOURCE:
        rows = sources.with_details(session, person, rows)
    else:
        endorsements.name(session, rows)
    answer: dict[str, Any] = {"count": count, "results": rows}
    if counted is not None:
        answer["facets"] = _labelled(context, counted.facets)
        if views:
            answer["views"] = counted.views
    return answer


def _labelled(
    context: Context, facets: dict[str, list[dict[str, Any]]]
) -> dict[str, list[dict[str, Any]]]:
    """Put words beside the values of facets."""
    session = who.session_of(context)
    titles = {
        key: str(value["title"])
        for key, value in _departments(
            context, [item["value"] for item in facets.get("department", [])]
        ).items()
    }
    user = model.user_table
    assignees = [item["value"] for item in facets.get("assignee", []) if item["value"]]
    named = sa.select(user.c.id, user.c.fullname, user.c.name).where(user.c.id.in_(assignees))
    people = {
        row.id: row.fullname or row.name for row in (session.execute(named) if assignees else ())
    }
    titles_of_sources = search.titles(
        session, who.person(context), [i["value"] for i in facets.get("source", []) if i["value"]]
    )
    if "source" in facets:
        facets["source"] = [
            item
            for item in facets["source"]
            if not item["value"] or item["value"] in titles_of_sources
        ]
    special: dict[str, dict[str, str]] = {
        "department": titles,
        "assignee": people,
        "source": {key: value["title"] for key, value in titles_of_sources.items()},
        "state": {state.value: tk._(text) for state, text in workflow.STATE_LABELS.items()},
    }
    for name, items in facets.items():
        for item in items:
            item["label"] = special.get(name, {}).get(str(item["value"]))
    return facets


@tk.side_effect_free
@tk.validate_action_data(schema.listing)
def inventory_entry_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List the entries that the caller may read.

    :param q: words, each matched from its beginning (optional)
    :param state, department, value, likelihood, classification, category, triage, assignee,
        blocker, source, wanted: wanted values, a list or comma-separated; ``empty`` stands for no
        answer; ``wanted`` is ``yes`` or ``empty`` (optional)
    :param attention: a named view: queue, department, changed, returned, ready, incomplete,
        detailing, promotable, not_public, wanted, missing_description (optional)
    :param sort: rank, number, title, modified, waiting, value or wanted (default: rank)
    :param limit: rows in the answer, 1000 at most (default: 50)
    :param offset: rows to skip (default: 0)
    :param facets: count by facet, too (default: true)
    :returns: ``count``, ``results``, ``facets`` (name → value, label, count), ``views``
    :raises NotAuthorized: for people without role and assignment
    :raises ValidationError: by parameter
    """
    tk.check_access("inventory_entry_list", context, data_dict)
    return _list(context, ENTRY, data_dict)


@tk.side_effect_free
@tk.validate_action_data(schema.listing)
def inventory_source_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List the sources that the caller may read; parameters as for ``inventory_entry_list``.

    Each row has the contacts, the kind and the planned change of the source, and the number of
    entries that come from it by state.

    :returns: ``count``, ``results``, ``facets``, ``views``
    :raises NotAuthorized: for people without role and assignment
    :raises ValidationError: by parameter
    """
    tk.check_access("inventory_source_list", context, data_dict)
    return _list(context, SOURCE, data_dict)


@tk.side_effect_free
@tk.validate_action_data(schema.reference)
def inventory_entry_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show one entry with everything its page needs.

    :param id: number, name or id
    :returns: content, state, findings, blockers, likelihood, what is missing by stage, the
        transitions open to the caller with every reason against each, what changed since approval
    :raises ObjectNotFound: if there is none, or none that the caller may see
    """
    tk.check_access("inventory_entry_show", context, data_dict)
    who.keep_private()
    row = who.record(context, data_dict["id"], ENTRY)
    return show.record(who.session_of(context), who.person(context), row)


@tk.side_effect_free
@tk.validate_action_data(schema.reference)
def inventory_source_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show one source with the entries that come from it.

    :param id: number, name or id
    :returns: content, state, what is missing, transitions, ``entries``
    :raises ObjectNotFound: if there is none, or none that the caller may see
    """
    tk.check_access("inventory_source_show", context, data_dict)
    who.keep_private()
    row = who.record(context, data_dict["id"], SOURCE)
    return show.record(who.session_of(context), who.person(context), row)


@tk.side_effect_free
@tk.validate_action_data(schema.reference)
def inventory_transitions(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List the transitions of a record that the caller could make.

    :param id: number, name or id
    :returns: name, label, allowed, reasons (field, message), required and optional inputs
    :raises ObjectNotFound: if there is none, or none that the caller may see
    """
    tk.check_access("inventory_transitions", context, data_dict)
    who.keep_private()
    row = who.record(context, data_dict["id"])
    return show.available(who.session_of(context), who.person(context), row)


@tk.side_effect_free
@tk.validate_action_data(schema.history)
def inventory_history(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """Return the history of a record, newest first.

    :param id: number, name or id
    :param limit: events in the answer, 1000 at most (default: 50)
    :param before: only events before this one (optional)
    :returns: id, at, act, user_id, user_name, from_state, to_state, revision, details, erased
    :raises ObjectNotFound: if there is none, or none that the caller may see
    """
    tk.check_access("inventory_history", context, data_dict)
    who.keep_private()
    row = who.record(context, data_dict["id"])
    return history.of_record(
        who.session_of(context),
        row.package_id,
        limit=min(int(data_dict["limit"]), MAX_ROWS),
        before=data_dict.get("before"),
    )


@tk.side_effect_free
@tk.validate_action_data(schema.reference)
def inventory_revision_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List the revisions of a record, newest first.

    :param id: number, name or id
    :returns: revision, by, at, approved
    :raises ObjectNotFound: if there is none, or none that the caller may see
    """
    tk.check_access("inventory_revision_list", context, data_dict)
    who.keep_private()
    return show.revision_list(who.session_of(context), who.record(context, data_dict["id"]))


@tk.side_effect_free
@tk.validate_action_data(schema.revision)
def inventory_revision_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the content of one revision of a record.

    :param id: number, name or id
    :param revision: the revision's number
    :returns: ``revision`` and ``content``
    :raises ObjectNotFound: if there is none, or none that the caller may see
    """
    tk.check_access("inventory_revision_show", context, data_dict)
    who.keep_private()
    row = who.record(context, data_dict["id"])
    content = register.revision_content(
        who.session_of(context), row.package_id, int(data_dict["revision"])
    )
    if not content:
        raise who.not_found()
    return {"revision": int(data_dict["revision"]), "content": content}


@tk.side_effect_free
@tk.validate_action_data(schema.difference)
def inventory_diff(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """Show what changed between two revisions of a record.

    :param id: number, name or id
    :param old: the older revision's number
    :param new: the newer revision's number (default: the current one)
    :returns: field, label, old, new, old_text, new_text
    :raises ObjectNotFound: if there is none, or none that the caller may see
    """
    tk.check_access("inventory_diff", context, data_dict)
    who.keep_private()
    session, row = who.session_of(context), who.record(context, data_dict["id"])
    newer = int(data_dict.get("new") or row.revision)
    return show.difference(
        session,
        who.person(context),
        row.package_type,
        register.revision_content(session, row.package_id, int(data_dict["old"])),
        register.revision_content(session, row.package_id, newer),
    )


@tk.side_effect_free
@tk.validate_action_data(schema.listing)
def inventory_review_queue(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List the entries that wait for a decision, the most valuable and longest waiting first.

    Parameters as for ``inventory_entry_list``; each row carries the transitions open to the
    caller and what changed since the last approval.

    :returns: ``count``, ``results``, ``facets``
    :raises NotAuthorized: for people who are neither CDO nor reviewer
    """
    tk.check_access("inventory_review_queue", context, data_dict)
    wanted = data_dict | {"attention": data_dict.get("attention") or "queue"}
    return _list(context, ENTRY, wanted, views=False)


@tk.side_effect_free
def inventory_overview(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Count what the caller may read: department by state, value by likelihood, blockers.

    :returns: ``departments``, ``states``, ``total``, ``waiting``, ``value_likelihood``,
        ``blockers``, ``classifications``, ``sources``
    :raises NotAuthorized: for people without a role
    """
    tk.check_access("inventory_overview", context, data_dict)
    who.keep_private()
    return statistics.overview(who.session_of(context), who.person(context))


@tk.side_effect_free
def inventory_organization_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List every organization that may take part, whether it does yet or not.

    Core's own list counts datasets by search and stops at 25 with their titles.

    :returns: id, name, title, code, merged_into (id of the one that it was merged into) and may_add (the caller
        may add entries and sources to it) of each, by title
    :raises NotAuthorized: for people without role and assignment
    """
    tk.check_access("inventory_organization_list", context, data_dict)
    who.keep_private()
    listed = [
        {
            "id": item.id,
            "name": item.name,
            "title": item.title,
            "code": item.code or None,
            "merged_into": item.merged_into or None,
            "may_add": item.allowed,
        }
        for item in imports.departments_for(who.session_of(context), who.person(context))
    ]
    return sorted(listed, key=lambda item: str(item["title"]).lower())


@tk.side_effect_free
def inventory_department_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List the departments that take part, with codes and defaults.

    :returns: id, name, title, code, entries (numbers given), the defaults, merged_into
    :raises NotAuthorized: for people without role and assignment
    """
    tk.check_access("inventory_department_list", context, data_dict)
    who.keep_private()
    session, person = who.session_of(context), who.person(context)
    rows = {row.organization: row for row in session.scalars(sa.select(Department))}
    if not policy.is_citywide(person):
        rows = {key: row for key, row in rows.items() if policy.coordinates(person, key)}
    titles = _departments(context, rows)
    listed = [
        titles.get(key, {"id": key, "name": None, "title": row.code, "code": row.code})
        | {name: getattr(row, name) for name in departments.DEFAULT_FIELDS}
        | {
            "entries": row.entry_counter,
            "sources": row.source_counter,
            "merged_into": row.merged_into,
        }
        for key, row in rows.items()
    ]
    return sorted(listed, key=lambda item: str(item["title"]).lower())
