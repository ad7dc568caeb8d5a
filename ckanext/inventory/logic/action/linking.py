"""Actions that link entries which exist already to what is on the portal already."""

from __future__ import annotations

from typing import Any

import ckan.model as model
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan.types import Context, DataDict
from sqlalchemy.orm import Session

from ckanext.inventory import workflow
from ckanext.inventory.fields import schema_for
from ckanext.inventory.logic import files, who
from ckanext.inventory.logic import schema_takeover as schema
from ckanext.inventory.logic.commit import transaction
from ckanext.inventory.model import Record
from ckanext.inventory.service import departments, imports, link_suggestions, linking, takeover
from ckanext.inventory.service.link_suggestions import Suggestion
from ckanext.inventory.service.linking import Asked, LeftOut, LinkPlan, Pair
from ckanext.inventory.spreadsheets import pairs as pair_files
from ckanext.inventory.spreadsheets import synonyms
from ckanext.inventory.spreadsheets.headers import HeaderMap
from ckanext.inventory.spreadsheets.messages import FileProblem
from ckanext.inventory.spreadsheets.pairs import PARTS
from ckanext.inventory.spreadsheets.reader import read
from ckanext.inventory.spreadsheets.told import Told
from ckanext.inventory.types import ENTRY, State

__all__ = ["inventory_link_bulk", "inventory_link_suggestions"]

MAX_ROWS = 1000

DATASET_PARTS = ("dataset", "url")


@tk.side_effect_free
@tk.validate_action_data(schema.link_suggestions)
def inventory_link_suggestions(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Suggest which entries are which public datasets, the most alike first.

    Looked at are entries that can be linked, and public datasets that no entry is linked to: the
    links that an entry gives itself, and titles, by shared trigrams.

    :param department: only entries of this department, name, id or code (optional)
    :param datasets: only these datasets, ids or names (optional)
    :param least: how alike they have to be, 0 to 1 or a percentage (default: 0.45)
    :param limit: suggestions in the answer, 1000 at most (default: 50)
    :param offset: suggestions to skip (default: 0)
    :returns: ``count``, ``distinct`` (how many of them fit nothing else as well) and ``results``: entry
        (id, number, title, state, department_title), dataset (id, name, title,
        organization_title), score, why (same_link, same_title or similar_title), distinct
    :raises NotAuthorized: for people who are not CDO
    :raises ValidationError: by parameter
    """
    tk.check_access("inventory_link_suggestions", context, data_dict)
    who.keep_private()
    session = who.session_of(context)
    found = link_suggestions.suggest(
        session,
        department=files.department(session, data_dict.get("department")),
        datasets=_dataset_ids(session, data_dict.get("datasets")),
        least=float(data_dict["least"]),
    )
    start = int(data_dict["offset"])
    page = found[start : start + min(int(data_dict["limit"]), MAX_ROWS)]
    return {
        "count": len(found),
        "distinct": sum(one.distinct for one in found),
        "results": _suggested(session, page),
    }


def _dataset_ids(session: Session, references: list[str] | None) -> frozenset[str] | None:
    if references is None:
        return None
    package = model.package_table
    query = sa.select(package.c.id).where(
        sa.or_(package.c.id.in_(references), package.c.name.in_(references))
    )
    return frozenset(session.scalars(query))


def _suggested(session: Session, found: list[Suggestion]) -> list[dict[str, Any]]:
    rows = {
        row.package_id: row
        for row in session.scalars(
            sa.select(Record).where(Record.package_id.in_([one.entry_id for one in found]))
        )
    }
    titles = departments.titles(session)
    datasets = _datasets(session, {one.dataset_id for one in found})
    return [
        {
            "entry": _entry(rows[one.entry_id], titles),
            "dataset": datasets[one.dataset_id],
            "score": round(one.score, 3),
            "why": one.why,
            "distinct": one.distinct,
        }
        for one in found
    ]


def _entry(row: Record, titles: dict[str, str]) -> dict[str, Any]:
    return {
        "id": row.package_id,
        "number": row.number,
        "title": row.title,
        "state": row.state,
        "department_title": titles.get(row.department, ""),
    }


def _datasets(session: Session, ids: set[str]) -> dict[str, dict[str, Any]]:
    package, group = model.package_table, model.group_table
    query = (
        sa.select(
            package.c.id,
            package.c.name,
            package.c.title,
            sa.func.coalesce(sa.func.nullif(group.c.title, ""), group.c.name).label("place"),
        )
        .outerjoin(group, group.c.id == package.c.owner_org)
        .where(package.c.id.in_(ids))
    )
    return {
        row.id: {
            "id": row.id,
            "name": row.name,
            "title": row.title or row.name,
            "organization_title": row.place,
        }
        for row in session.execute(query)
    }


@tk.validate_action_data(schema.link_bulk)
def inventory_link_bulk(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Link entries that exist already to datasets that are on the portal already, as one act.

    Linked entries are on the portal as of then, decided before this system: nothing is copied, and
    nobody counts as who approved them, unless somebody did. What is withheld, has an open blocker or
    a level that can't be released is left out, as is what is linked already.

    Say which by ``pairs``, by a file, or by ``above``.

    :param pairs: ``list[{"entry": number or id, "dataset": id, name or address}]``, or
        ``ENTRY=DATASET`` texts
    :param above: accept every distinct suggestion that is at least so alike, 0 to 1 or a percentage
    :param upload, content, filename, sheets: a file, as for ``inventory_import``
    :param columns: ``dict[str, str]`` number, title, external_id, dataset or url → header of the
        column that says it; an empty header for none; without it the headers are guessed
    :param department: only entries of this department, where a title or an id from elsewhere
        names them, and for ``above`` (optional)
    :param dry_run: only say what would happen (default: false)
    :param digest: the file's SHA-256 as a dry run gave it; another file is refused
    :returns: ``dry_run``, ``count``, ``rows`` (row, entry, dataset or url, score), ``left_out``
        (row, named, reference, reason, message, entry), ``reasons`` (reason → count, message),
        ``shared`` (dataset, numbers), and for a file ``columns``, ``headers``, ``digest`` and
        ``lacks`` (what no column says)
    :raises NotAuthorized: for people who are not CDO
    :raises ValidationError: by parameter; ``pairs`` if nothing says which
    """
    tk.check_access("inventory_link_bulk", context, data_dict)
    who.keep_private()
    person = who.person(context)
    if data_dict["dry_run"]:
        session = who.session_of(context)
        asked, told, department = _asked(session, data_dict)
        planned = linking.plan(session, asked, department=department)
        return _answer(session, planned, dry_run=True) | told
    with transaction(context) as session:
        takeover.lock(session)
        asked, told, department = _asked(session, data_dict)
        if data_dict.get("digest") not in (None, told.get("digest")):
            message = tk._("This isn't the file that was looked at. Look at it again.")
            raise tk.ValidationError({"upload": [message]})
        planned = linking.plan(session, asked, department=department, lock=True)
        answer = _answer(session, planned, dry_run=False) | told
        linking.run(session, person, planned, _how(data_dict))
    return answer


def _how(data_dict: DataDict) -> dict[str, Any]:
    """Say in the history where the pairs came from."""
    if data_dict.get("pairs") is not None:
        return {"from": "pairs"}
    if data_dict.get("above") is not None:
        return {"from": "suggestions", "above": data_dict["above"]}
    return {"from": "file"}


def _asked(session: Session, data_dict: DataDict) -> tuple[list[Asked], dict[str, Any], str | None]:
    """Return the wishes, what is told of a file, and the department."""
    department = files.department(session, data_dict.get("department"))
    if data_dict.get("pairs") is not None:
        return [Asked(entry, (dataset,)) for entry, dataset in data_dict["pairs"]], {}, department
    if data_dict.get("above") is not None:
        found = link_suggestions.suggest(
            session, department=department, least=float(data_dict["above"])
        )
        asked = [
            Asked(one.entry_id, (one.dataset_id,), score=round(one.score, 3))
            for one in found
            if one.distinct
        ]
        return asked, {}, department
    if not data_dict.get("upload") and not data_dict.get("content"):
        message = tk._("Say which: by pairs, by a file, or how alike they have to be.")
        raise tk.ValidationError({"pairs": [message]})
    return _of_file(data_dict, department)


def _of_file(
    data_dict: DataDict, department: str | None
) -> tuple[list[Asked], dict[str, Any], str | None]:
    given = files.headers_of(data_dict, "columns", PARTS)
    upload = files.upload_of(data_dict)
    try:
        source = read(upload.data, upload.filename, imports.limits())
    except FileProblem as problem:
        said = problem.message.said(tk._, tk.ungettext)
        raise tk.ValidationError({"upload": [said]}) from problem
    only: list[str] = data_dict.get("sheets") or []
    sheets = [sheet for sheet in source.sheets if not only or sheet.name in only]
    score = HeaderMap(schema_for(ENTRY), synonyms.load()).score
    columns = pair_files.find(sheets, score, given)
    lacks = _lacks(columns)
    if lacks and not data_dict["dry_run"]:
        raise tk.ValidationError({"columns": lacks})
    told = {
        "columns": dict(columns.chosen),
        "headers": list(columns.headers),
        "digest": source.digest,
        "lacks": lacks,
    }
    return [] if lacks else _of_rows(columns), told, department


def _lacks(columns: Told) -> list[str]:
    """Say what a file lacks that names no entries, or no datasets."""
    lacks: list[str] = []
    if not set(columns.chosen) - set(DATASET_PARTS):
        lacks.append(tk._("No column names the entry: by its number, its id or its title."))
    if not set(columns.chosen) & set(DATASET_PARTS):
        lacks.append(tk._("No column names the dataset: by its id, its name or its address."))
    return lacks


def _of_rows(columns: Told) -> list[Asked]:
    return [
        Asked(
            row.cells.get("number", ""),
            tuple(row.cells[part] for part in DATASET_PARTS if part in row.cells),
            row.cells.get("external_id", ""),
            row.cells.get("title", ""),
            sheet,
            number,
        )
        for (sheet, number), row in columns.rows.items()
        if row.cells
    ]


def _answer(session: Session, planned: LinkPlan, *, dry_run: bool) -> dict[str, Any]:
    titles = departments.titles(session)
    ids = {pair.target.dataset_id for pair in planned.pairs if pair.target.dataset_id}
    datasets = _datasets(session, ids)
    counts = linking.reasons(planned)
    return {
        "dry_run": dry_run,
        "count": len(planned.pairs),
        "rows": [_row(pair, datasets, titles) for pair in planned.pairs],
        "left_out": [_left_out(one, titles) for one in planned.left_out],
        "reasons": [
            {"reason": reason, "message": _message(reason), "count": counts[reason]}
            for reason in sorted(counts, key=lambda reason: -counts[reason])
        ],
        "shared": [
            {"dataset": datasets[key], "numbers": numbers}
            for key, numbers in planned.shared.items()
        ],
    }


def _row(pair: Pair, datasets: dict[str, dict[str, Any]], titles: dict[str, str]) -> dict[str, Any]:
    return {
        "sheet": pair.asked.sheet,
        "row": pair.asked.row,
        "entry": _entry(pair.record, titles),
        "dataset": datasets.get(pair.target.dataset_id or ""),
        "url": pair.target.url,
        "score": pair.asked.score,
    }


def _left_out(one: LeftOut, titles: dict[str, str]) -> dict[str, Any]:
    message = _message(one.reason)
    if one.reason == linking.STATE and one.record is not None:
        state = tk._(workflow.STATE_LABELS[State(one.record.state)])
        message = tk._("It is in the state “{state}”.").format(state=state)
    return {
        "sheet": one.asked.sheet,
        "row": one.asked.row,
        "named": one.asked.named,
        "reference": ", ".join(one.asked.references),
        "reason": one.reason,
        "message": message,
        "entry": _entry(one.record, titles) if one.record is not None else None,
    }


def _message(reason: str) -> str:
    messages = {
        linking.NO_ENTRY: tk._("There is no such entry."),
        linking.SEVERAL_ENTRIES: tk._("Several entries have this name. Give the number."),
        linking.NOT_FOUND: tk._("Nothing public has this id, name or address."),
        linking.SEVERAL_DATASETS: tk._("Several datasets have this address. Give the name."),
        linking.NOTHING_SAID: tk._("The row names no dataset."),
        linking.TWICE: tk._("The entry was named before; the first one counts."),
        linking.LINKED_ALREADY: tk._("It is linked already."),
        linking.STATE: tk._("Its state rules it out."),
        linking.BLOCKED: tk._("Something stands in its way. Settle that first."),
        linking.LEVEL: tk._("Its classification doesn't let it go to the public."),
    }
    return messages[reason]
