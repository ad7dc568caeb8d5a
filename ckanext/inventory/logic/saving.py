"""Looking at a kept file, and saving what was looked at: for the action and for the worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from sqlalchemy.orm import Session

from ckanext.inventory import clock
from ckanext.inventory.logic import showing
from ckanext.inventory.model import Import
from ckanext.inventory.model.imports import SAVED
from ckanext.inventory.service import events, import_save, kept_imports, roundtrip
from ckanext.inventory.service.roundtrip import Preview, Tell, tell_nobody
from ckanext.inventory.types import Person


class Cancelled(Exception):
    """Somebody stopped it before anything was saved."""


def look(
    session: Session, person: Person, user_name: str, kept: Import, tell: Tell = tell_nobody
) -> Preview:
    """Look at a kept file with the choices made so far.

    :param session: the database session
    :param person: who looks
    :param user_name: the account's name
    :param kept: the import
    :param tell: told how far it is
    :returns: the preview
    :raises ValidationError: if the file isn't kept any more
    :raises FileProblem: if it can't be read
    """
    settled = kept_imports.from_json(kept.choices)
    try:
        upload = kept_imports.upload_of(kept)
    except LookupError as error:
        message = tk._("The file isn't kept any more. Upload it again.")
        raise tk.ValidationError({"id": [message]}) from error
    found = roundtrip.preview(session, person, user_name, upload, settled, tell)
    department = settled.choices.department
    if found.ours or not department:
        return found
    known = kept_imports.remembered(session, department, kept_imports.layout_of(found))
    given = settled.choices.columns
    fresh = {header: name for header, name in known.items() if header not in given}
    if not fresh:
        return found
    kept.choices = {**kept.choices, "columns": {**given, **fresh}}
    return roundtrip.preview(
        session, person, user_name, upload, kept_imports.from_json(kept.choices), tell
    )


def carry_out(
    session: Session,
    person: Person,
    user_name: str,
    kept: Import,
    fingerprint: str,
    before: Callable[[], bool] = lambda: True,
    tell: Tell = tell_nobody,
) -> dict[str, Any]:
    """Look again, and save if it is what was looked at. The caller commits.

    :param session: the database session
    :param person: who saves
    :param user_name: the account's name
    :param kept: the import
    :param fingerprint: of the preview that was looked at
    :param before: asked when everything is checked and nothing is saved yet; False stops it
    :param tell: told how far it is
    :returns: the answer of ``inventory_import_save``
    :raises ValidationError: if it isn't, or something is still to be chosen
    :raises Cancelled: if ``before`` stops it
    """
    found = look(session, person, user_name, kept, tell)
    if found.fingerprint != fingerprint or not import_save.hold(session, found):
        raise tk.ValidationError(
            {"fingerprint": [tk._("Something changed since you looked at it. Look at it again.")]}
        )
    import_save.refuse_unsettled(found)
    if not before():
        raise Cancelled
    counts = showing.counts(found)
    done = import_save.save(session, person, user_name, found, kept.id, tell)
    kept.status, kept.saved_at, kept.message, kept.step = SAVED, clock.now(), None, ""
    kept.counts = counts | {"created": len(done.created), "submitted": len(done.submitted)}
    kept.file = None
    kept.last_event = events.last(session)
    session.flush()
    return showing.head(kept) | {
        "created": [
            {"id": record.package_id, "number": record.number, "title": record.title}
            for record in done.created
        ]
    }
