"""What actions on files take as parameters: the file itself, and a department."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import DataDict
from sqlalchemy.orm import Session

from ckanext.inventory import config
from ckanext.inventory.logic.takes import (
    ANYTHING,
    OFF,
    OPTIONAL,
    OPTIONAL_TEXT_MAPPING,
    OPTIONAL_TEXT_MAPPINGS,
    OPTIONAL_TEXTS,
    Steps,
)
from ckanext.inventory.service import imports
from ckanext.inventory.types import ENTRY, SOURCE, Person

KINDS: Mapping[str, str] = {"entry": ENTRY, "source": SOURCE}
"""What a list may be of, as callers say it."""

FILE: Mapping[str, Steps] = {
    "upload": ANYTHING,
    "content": OPTIONAL,
    "filename": OPTIONAL,
    "digest": OPTIONAL,
    "sheets": OPTIONAL_TEXTS,
    "columns": OPTIONAL_TEXT_MAPPING,
    "department": OPTIONAL,
    "dry_run": OFF,
}
"""What every action takes that reads a file row by row."""

LIST: Mapping[str, Steps] = {
    **FILE,
    "values": OPTIONAL_TEXT_MAPPINGS,
    "origin": OPTIONAL,
    "create_departments": OFF,
    "day_first": OFF,
}
"""What every action takes that makes entries or sources of a list."""


def upload_of(data_dict: DataDict) -> imports.Upload:
    """Return the file that was sent.

    :param data_dict: with ``upload``, or ``content`` as base64, and perhaps ``filename``
    :returns: its bytes and name; one byte more than allowed is enough to see that it is too big
    :raises ValidationError: without a file
    """
    upload: Any = data_dict.get("upload")
    name = str(data_dict.get("filename") or getattr(upload, "filename", "") or "upload")
    if data_dict.get("content"):
        try:
            return imports.Upload(base64.b64decode(data_dict["content"], validate=True), name)
        except (binascii.Error, ValueError) as error:
            raise tk.ValidationError({"content": [tk._("This isn't base64.")]}) from error
    if isinstance(upload, bytes):
        return imports.Upload(upload, name)
    stream = getattr(upload, "stream", upload)
    if stream is None or not hasattr(stream, "read"):
        raise tk.ValidationError({"upload": [tk._("Choose a file.")]})
    return imports.Upload(stream.read(config.import_max_bytes() + 1), name)


def headers_of(data_dict: DataDict, name: str, parts: Collection[str]) -> dict[str, str]:
    """Return which columns of a file somebody chose.

    :param data_dict: what was sent
    :param name: the parameter that says so, part → header
    :param parts: what a column can say
    :returns: part → header; an empty header for none
    :raises ValidationError: for a part that isn't one of them
    """
    given: Mapping[str, Any] = data_dict.get(name) or {}
    unknown = sorted(set(given) - set(parts))
    if unknown:
        message = tk._("This has to be one of: {values}.").format(values=", ".join(parts))
        raise tk.ValidationError({name: [f"{unknown[0]}: {message}"]})
    return {part: str(header or "") for part, header in given.items()}


def department(session: Session, reference: Any) -> str | None:
    """Return the organization that a name, id or code stands for.

    :param session: the database session
    :param reference: what was sent; empty for none
    :returns: organization id, None for none
    :raises ValidationError: if it stands for nothing
    """
    if not reference:
        return None
    found = imports.find_department(session, str(reference))
    if found is None:
        raise tk.ValidationError({"department": [tk._("There is no such department.")]})
    return found


def departments(session: Session, person: Person, given: Mapping[str, Any]) -> dict[str, str]:
    """Return which departments of the site a file's names stand for.

    :param session: the database session
    :param person: who brings the file
    :param given: name in the file to name, id or code; empty to leave its rows out
    :returns: name in the file to organization id, or nothing
    :raises ValidationError: if one stands for nothing, or for one that the person may not add to
    """
    chosen = {str(title): department(session, found) or "" for title, found in given.items()}
    known = imports.departments_for(session, person) if any(chosen.values()) else []
    refused = {
        title: imports.refusal_to_add(known, person, found)
        for title, found in chosen.items()
        if found
    }
    wrong = [
        f"{title}: {message.said(tk._, tk.ungettext)}"
        for title, message in refused.items()
        if message
    ]
    if wrong:
        raise tk.ValidationError({"departments": wrong})
    return chosen
