"""Actions that take over what exists: from the portal, and from an older inventory."""

from __future__ import annotations

from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.types import Context, DataDict
from sqlalchemy.orm import Session

from ckanext.inventory.fields import schema_for
from ckanext.inventory.logic import files, who
from ckanext.inventory.logic import schema_takeover as schema
from ckanext.inventory.logic.action.imports import choices_of, report_of
from ckanext.inventory.logic.commit import transaction
from ckanext.inventory.publishing import adopting
from ckanext.inventory.publishing.adopting import Wanted
from ckanext.inventory.service import (
    bulk,
    departments,
    imports,
    older_inventory,
    portal_entries,
    takeover,
)
from ckanext.inventory.service.older_inventory import OlderPlan, Remark, Wish
from ckanext.inventory.service.portal_entries import Adopted, Refused
from ckanext.inventory.spreadsheets.messages import FileProblem
from ckanext.inventory.spreadsheets.past import PARTS, word_of
from ckanext.inventory.types import ENTRY, State

__all__ = ["inventory_portal_missing", "inventory_take_over", "inventory_take_over_portal"]

MAX_ROWS = 1000


def _organization(reference: Any, key: str = "department") -> str:
    group = model.Group.get(str(reference))
    if group is None or not group.is_organization or group.state != model.State.ACTIVE:
        raise tk.ValidationError({key: [tk._("There is no such department.")]})
    return str(group.id)


@tk.side_effect_free
@tk.validate_action_data(schema.portal_missing)
def inventory_portal_missing(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List what is on the portal and not in the inventory, the newest first.

    :param q: only with these words in title or name (optional)
    :param organization: only of this organization, name or id (optional)
    :param limit: rows in the answer, 1000 at most (default: 50)
    :param offset: rows to skip (default: 0)
    :returns: ``count``, ``results`` (id, name, title, organization, organization_title, created,
        modified), ``organizations`` (id, title, count)
    :raises NotAuthorized: for people who are not CDO
    :raises ValidationError: ``organization``
    """
    tk.check_access("inventory_portal_missing", context, data_dict)
    who.keep_private()
    session = who.session_of(context)
    only: frozenset[str] = frozenset()
    if data_dict.get("organization"):
        only = frozenset({_organization(data_dict["organization"], "organization")})
    wanted = Wanted(only, text=str(data_dict["q"]))
    organizations = adopting.counted(session, Wanted(text=wanted.text))
    return {
        "count": sum(item["count"] for item in organizations if not only or item["id"] in only),
        "results": adopting.missing(
            session,
            wanted,
            limit=min(int(data_dict["limit"]), MAX_ROWS),
            offset=int(data_dict["offset"]),
        ),
        "organizations": organizations,
    }


@tk.validate_action_data(schema.take_over_portal)
def inventory_take_over_portal(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Make entries from datasets that are on the portal, linked to them, as decided before this system.

    A dataset that an entry is linked to already is left alone.

    :param datasets: ids or names of datasets, a list or comma-separated
    :param organizations: all datasets of these organizations, names or ids
    :param all: every dataset of the portal
    :param department: the department that gets them; without it each organization its own
    :param dry_run: only say what would happen (default: false)
    :returns: ``dry_run``, ``count``, ``rows`` (dataset_id, name, title, department_title, id and
        number of the new entry, left_out: field → why), ``refused`` (dataset_id, name, title,
        messages), ``departments`` (title, count)
    :raises NotAuthorized: for people who are not CDO
    :raises ValidationError: by parameter
    """
    tk.check_access("inventory_take_over_portal", context, data_dict)
    who.keep_private()
    wanted = _wanted(who.session_of(context), data_dict)
    into = _organization(data_dict["department"]) if data_dict.get("department") else None
    person, user_name = who.person(context), who.user_name(context)
    if data_dict["dry_run"]:
        session = who.session_of(context)
        adopted, refused = portal_entries.plan(session, person, user_name, wanted, into)
        return _adopted(session, adopted, refused, None)
    with transaction(context) as session:
        takeover.lock(session)
        adopted, refused = portal_entries.plan(session, person, user_name, wanted, into)
        made = portal_entries.run(session, person, adopted)
        return _adopted(session, adopted, refused, made)


def _wanted(session: Session, data_dict: DataDict) -> Wanted:
    references: list[str] = data_dict.get("datasets") or []
    organizations: list[str] = data_dict.get("organizations") or []
    if data_dict["all"]:
        return Wanted()
    if organizations:
        return Wanted(frozenset(_organization(each, "organizations") for each in organizations))
    if not references:
        message = tk._("Say which datasets: some, those of an organization, or all.")
        raise tk.ValidationError({"datasets": [message]})
    package = model.package_table
    query = sa.select(package.c.id).where(
        sa.or_(package.c.id.in_(references), package.c.name.in_(references))
    )
    return Wanted(ids=frozenset(session.scalars(query)))


def _adopted(
    session: Session,
    adopted: list[Adopted],
    refused: list[Refused],
    made: list[bulk.Created] | None,
) -> dict[str, Any]:
    labels = schema_for(ENTRY).fields
    titles = departments.titles(session)
    numbers = {one.package_id: one.number for one in made or ()}
    rows: list[dict[str, Any]] = []
    counts: dict[str, int] = {}
    for one in adopted:
        organization = str(one.taken.record.content["owner_org"])
        counts[organization] = counts.get(organization, 0) + 1
        rows.append(
            {
                "dataset_id": one.dataset.dataset_id,
                "name": one.dataset.name,
                "title": one.dataset.title,
                "department_title": titles.get(organization, ""),
                "id": one.taken.record.package_id if made is not None else None,
                "number": numbers.get(one.taken.record.package_id),
                "left_out": {
                    tk._(labels[name].label) if name in labels else name: list(why)
                    for name, why in one.left_out.items()
                },
            }
        )
    return {
        "dry_run": made is None,
        "count": len(rows),
        "rows": rows,
        "refused": [
            {
                "dataset_id": one.dataset.dataset_id,
                "name": one.dataset.name,
                "title": one.dataset.title,
                "messages": list(one.messages),
            }
            for one in refused
        ],
        "departments": [
            {"id": key, "title": titles.get(key, ""), "count": count}
            for key, count in sorted(counts.items(), key=lambda item: -item[1])
        ],
    }


@tk.validate_action_data(schema.take_over)
def inventory_take_over(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Take over an older inventory: a file with its past states, days, reasons and links.

    Its rows are read as ``inventory_import`` reads them, and written as decided before this system:
    no person here counts as who approved them. What is published is linked to a public dataset here (by
    id, name or address), else to an address elsewhere; what has neither arrives approved. What the
    words of its state's column mean is guessed, can be said, and is remembered.

    :param department, upload, content, filename, columns, values, origin, sheets, day_first,
        create_departments: as for ``inventory_import``
    :param past: ``dict[str, str]`` state, date, reason, look_again, dataset or url → header of the
        column that says it; an empty header for none; without it the headers are guessed
    :param states: ``dict[str, str]`` word of the state's column → draft, submitted, approved,
        published, deferred, withheld or retired
    :param dry_run: only say what would happen (default: false)
    :param digest: the file's SHA-256 as a dry run gave it; another file is refused
    :returns: the report of ``inventory_import`` with ``past`` (part → header), ``headers``, ``words``
        (word, state, how: chosen, remembered, guessed or empty, rows, samples), ``arriving`` (state →
        count), ``linked``, ``external``, ``not_found``, ``nowhere`` and ``several`` (sheet, row,
        title, reference), ``shared`` (dataset_id, name, titles)
    :raises NotAuthorized: for people who are not CDO
    :raises ValidationError: ``upload`` if the file can't be read; ``states`` with the words of which
        nobody said what they mean; ``past``
    """
    tk.check_access("inventory_take_over", context, data_dict)
    who.keep_private()
    wish = Wish(files.headers_of(data_dict, "past", PARTS), _states(data_dict))
    person, user_name = who.person(context), who.user_name(context)
    upload, choices = files.upload_of(data_dict), choices_of(data_dict, person)
    report_data: DataDict = {**data_dict, "kind": "entry"}
    try:
        if data_dict["dry_run"]:
            session = who.session_of(context)
            planned = older_inventory.plan(session, person, user_name, upload, choices, wish)
            return _older(session, planned, None, report_data)
        with transaction(context) as session:
            takeover.lock(session)
            planned = older_inventory.plan(
                session, person, user_name, upload, choices, wish, lock=True
            )
            if data_dict.get("digest") not in (None, planned.prepared.digest):
                raise FileProblem("This isn't the file that was looked at. Look at it again.")
            _refuse_unsaid(planned)
            done = older_inventory.run(session, person, planned)
            return _older(session, planned, done, report_data)
    except FileProblem as problem:
        said = problem.message.said(tk._, tk.ungettext)
        raise tk.ValidationError({"upload": [said]}) from problem


def _states(data_dict: DataDict) -> dict[str, State]:
    given: dict[str, Any] = data_dict.get("states") or {}
    known = {state.value for state in takeover.STATES}
    wrong = [word for word, state in given.items() if state and str(state) not in known]
    if wrong:
        message = tk._("This has to be one of: {values}.").format(values=", ".join(sorted(known)))
        raise tk.ValidationError({"states": [f"{word}: {message}" for word in wrong]})
    return {word_of(word): State(str(state)) for word, state in given.items() if state}


def _refuse_unsaid(planned: OlderPlan) -> None:
    if planned.unsaid:
        raise tk.ValidationError(
            {
                "states": [
                    tk.ungettext(
                        "Say what “{word}” means (one row).",
                        "Say what “{word}” means ({rows} rows).",
                        word.rows,
                    ).format(word=word.word or tk._("empty"), rows=word.rows)
                    for word in planned.unsaid
                ]
            }
        )


def _older(
    session: Session, planned: OlderPlan, done: imports.Done | None, data_dict: DataDict
) -> dict[str, Any]:
    names = dict(
        session.execute(
            sa.select(model.package_table.c.id, model.package_table.c.name).where(
                model.package_table.c.id.in_(list(planned.shared))
            )
        )
        .tuples()
        .all()
    )
    return report_of(planned.prepared, done, data_dict) | {
        "past": dict(planned.columns.chosen),
        "headers": list(planned.columns.headers),
        "words": [
            {
                "word": word.word,
                "state": word.state.value if word.state else None,
                "how": word.how,
                "rows": word.rows,
                "samples": word.samples,
            }
            for word in planned.words
        ],
        "arriving": planned.arriving(),
        "linked": sum(bool(one.past.dataset_id) for one in planned.taken),
        "external": sum(bool(one.past.url) for one in planned.taken),
        "not_found": [_remark(remark) for remark in planned.not_found],
        "nowhere": [_remark(remark) for remark in planned.nowhere],
        "several": [_remark(remark) for remark in planned.several],
        "shared": [
            {"dataset_id": key, "name": names.get(key), "titles": titles}
            for key, titles in planned.shared.items()
        ],
    }


def _remark(remark: Remark) -> dict[str, Any]:
    return {
        "sheet": remark.sheet,
        "row": remark.row,
        "title": remark.title,
        "reference": remark.reference,
    }
