"""Looking at a kept file, and saving what was looked at: for the action and for the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.logic import showing
from ckanext.inventory.model import Import
from ckanext.inventory.model.imports import FAILED, PREVIEW, SAVED
from ckanext.inventory.service import (
    events,
    import_report,
    import_save,
    kept_imports,
    kept_looks,
    languages,
    parts,
    roundtrip,
)
from ckanext.inventory.service.imports import Upload
from ckanext.inventory.service.roundtrip import Preview, Tell, tell_nobody
from ckanext.inventory.spreadsheets.messages import FileProblem, Message, Problem, Severity
from ckanext.inventory.spreadsheets.reader import Source
from ckanext.inventory.types import Person


class Cancelled(Exception):
    """Somebody stopped it before anything was saved."""


def look(
    session: Session,
    person: Person,
    user_name: str,
    kept: Import,
    choices: Mapping[str, Any],
    tell: Tell = tell_nobody,
    source: Source | None = None,
) -> tuple[Preview, dict[str, Any]]:
    """Look at a kept file. The import itself isn't touched: a job tells its progress meanwhile.

    :param session: the database session
    :param person: who looks
    :param user_name: the account's name
    :param kept: the import
    :param choices: the choices made so far
    :param tell: told how far it is
    :param source: the file, where it has just been read
    :returns: the preview, and the choices with what was said of such a file before
    :raises ValidationError: if the file isn't kept any more
    :raises FileProblem: if it can't be read
    """
    settled = kept_imports.from_json(choices)
    try:
        upload = kept_imports.upload_of(kept)
    except LookupError as error:
        message = tk._("The file isn't kept any more. Upload it again.")
        raise tk.ValidationError({"id": [message]}) from error
    found = roundtrip.preview(session, person, user_name, upload, settled, tell, source)
    if found.ours:
        return found, _as_chosen(found, choices)
    return _as_said_before(session, person, user_name, upload, (found, choices), tell)


def _as_said_before(
    session: Session,
    person: Person,
    user_name: str,
    upload: Upload,
    seen: tuple[Preview, Mapping[str, Any]],
    tell: Tell,
) -> tuple[Preview, dict[str, Any]]:
    """Look at a list again with what was said about its columns before, where nobody says it now."""
    found, choices = seen
    whose = kept_imports.remembered_for(person, choices.get("department"))
    if whose is None:
        return found, _as_chosen(found, choices)
    known = kept_imports.remembered(session, whose, found)
    given: Mapping[str, str] = choices.get("columns") or {}
    all_columns = {**known, **given}
    if all_columns != given:
        choices = {**choices, "columns": all_columns}
        try:
            settled = kept_imports.from_json(choices)
            found = roundtrip.preview(session, person, user_name, upload, settled, tell)
        except FileProblem:
            found.notes.append(_SAID_BEFORE_NOT_USED)
            return found, _as_chosen(found, seen[1])
    if found.lacking is not None and any(all_columns[name] == known[name] for name in known):
        found.problems.append(Problem(Severity.WARNING, "", None, "", "", _SAID_BEFORE_USED))
    return found, _as_chosen(found, choices)


_SAID_BEFORE_USED = Message(
    "What was remembered from an earlier list was used for the columns of this one. If it doesn't fit, "
    "change it at Columns, and look again."
)
_SAID_BEFORE_NOT_USED = Message(
    "What was remembered from an earlier list about these columns would leave no row of this file, so that "
    "it wasn't used."
)


def _as_chosen(found: Preview, choices: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what was chosen of conflicts for those that were seen only.

    A choice for all is one for those that are there; one against a value that has changed since is none.
    """
    settled = found.chosen
    if not (settled or choices.get("conflicts") or choices.get("all_conflicts")):
        return dict(choices)
    return {**choices, "conflicts": settled, "all_conflicts": ""}


def note(
    session: Session,
    person: Person,
    kept: Import,
    found: Preview,
    choices: Mapping[str, Any],
) -> None:
    """Note what somebody's look found. The caller commits.

    :param session: the database session
    :param person: who looked
    :param kept: the import
    :param found: the preview
    :param choices: the choices that it was made with
    """
    kept.choices = dict(choices)
    kept.status, kept.message, kept.step, kept.task = PREVIEW, None, "", {}
    kept.counts = showing.counts(found)
    kept.fingerprint = found.fingerprint
    owners = {row.record.department for row in found.rows if row.record is not None}
    kept.departments = sorted(owners | found.departments | set(kept.departments))
    if found.part:
        parts.came_back(session, person, found.part, kept)


def look_and_keep(
    session: Session,
    person: Person,
    user_name: str,
    kept: Import,
    before: Callable[[], bool],
    tell: Tell,
) -> None:
    """Look at a large file for whoever asked, and keep the answer. The caller commits.

    :param session: the database session
    :param person: who asked
    :param user_name: the account's name
    :param kept: the import, with what was asked as its task
    :param before: asked when everything is found and nothing noted yet; False stops it
    :param tell: told how far it is
    :raises ValidationError: if the file isn't kept any more
    :raises FileProblem: if it can't be read
    :raises Cancelled: if ``before`` stops it
    """
    task = dict(kept.task)
    found, choices = look(session, person, user_name, kept, kept.choices, tell)
    if not before():
        raise Cancelled
    note(session, person, kept, found, choices)
    if task.get("why"):
        # It was to be saved, and wasn't: this is how it is now.
        kept.status, kept.message = FAILED, str(task["why"])
    kept_looks.keep(
        session,
        kept,
        person,
        languages.current(),
        showing.preview_head(found),
        showing.shown_rows(found, kept_imports.meanwhile(session, found)),
        known_records(found),
    )


def known_records(found: Preview) -> set[str]:
    """Return the known records that a preview shows.

    :param found: the preview
    :returns: their package ids
    """
    return {
        package_id
        for row in found.rows
        for package_id in (
            row.record.package_id if row.record is not None else "",
            row.same.id if row.same is not None else "",
        )
        if package_id
    }


def carry_out(
    session: Session,
    person: Person,
    user_name: str,
    kept: Import,
    fingerprint: str,
    choices: Mapping[str, Any] | None = None,
    before: Callable[[], bool] = lambda: True,
    tell: Tell = tell_nobody,
) -> dict[str, Any]:
    """Look again, and save if it is what was looked at. The caller commits.

    :param session: the database session
    :param person: who saves
    :param user_name: the account's name
    :param kept: the import, with the choices that were looked at
    :param fingerprint: of the preview that was looked at
    :param choices: all choices, where some were made since
    :param before: asked when everything is checked and nothing is saved yet; False stops it
    :param tell: told how far it is
    :returns: the answer of ``inventory_import_save``
    :raises ValidationError: if it isn't, if the choices made since bring in what nobody has seen yet,
        or if something is still to be chosen
    :raises Cancelled: if ``before`` stops it
    """
    found, chosen = look(session, person, user_name, kept, kept.choices, tell)
    refuse_closed(found)
    same = found.fingerprint == fingerprint
    if same and choices is not None and dict(choices) != kept.choices:
        seen = found.shown
        found, chosen = look(session, person, user_name, kept, choices, tell)
        refuse_closed(found)
        _refuse_unseen(seen, found, chosen)
    if not same or not import_save.hold(session, found):
        raise tk.ValidationError(
            {"fingerprint": [tk._("Something changed since you looked at it. Look at it again.")]}
        )
    import_save.refuse_unsettled(found)
    if not before():
        raise Cancelled
    counts = showing.counts(found)
    done = import_save.save(session, person, user_name, found, kept.id, tell)
    kept.status, kept.saved_at, kept.message = SAVED, clock.now(), None
    noted = import_report.of_preview(found, person)
    kept.step, kept.task, kept.choices = "", {}, {**chosen, import_report.NOTED: noted}
    kept_looks.forget(session, [kept.id])
    _remember(session, person, found, chosen)
    kept.counts = counts | {
        "created": len(done.created),
        "submitted": len(done.submitted),
        **import_report.counts(noted, found),
    }
    kept.file = None
    kept.last_event = events.last(session)
    session.flush()
    return showing.head(kept) | {
        "created": [
            {"id": record.package_id, "number": record.number, "title": record.title}
            for record in done.created
        ]
    }


def refuse_closed(found: Preview) -> None:
    """Refuse a list for a department that whoever brings it may not add to.

    :param found: the preview
    :raises ValidationError: ``department``
    """
    if found.closed and found.lacking is not None:
        raise tk.ValidationError({"department": [showing.said(found.lacking)]})


def _remember(session: Session, person: Person, found: Preview, choices: Mapping[str, Any]) -> None:
    """Remember what the columns of a list mean, now that it was good enough to be saved."""
    columns: Mapping[str, str] = choices.get("columns") or {}
    whose = kept_imports.remembered_for(person, choices.get("department"))
    if columns and whose is not None and not found.ours:
        kept_imports.remember(session, person, whose, found, columns)


def _refuse_unseen(
    seen: Mapping[tuple[str, str], str], found: Preview, choices: Mapping[str, Any]
) -> None:
    """Refuse what choices would bring in that wasn't shown, beyond what was typed to fix a row."""
    fixes: Mapping[str, str] = choices.get("fixes") or {}
    fixed = {key.rpartition("!")[0] for key in fixes}
    if any(
        place[0] not in fixed and seen.get(place) != value
        for place, value in found.going_in.items()
    ):
        message = tk._(
            "Your choices bring in cells that you haven't seen yet. Here they are: if they are "
            "right, save again."
        )
        raise tk.ValidationError({"unseen": [message]})
