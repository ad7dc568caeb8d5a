"""A file that a page carries along from looking at it to doing what it says; the server keeps nothing of it."""

from __future__ import annotations

import base64
import binascii

import ckan.plugins.toolkit as tk
import flask

from ckanext.inventory import forms

CARRIED_BYTES = 340_000
"""A file of at most so many bytes travels in the report's form; a bigger one is chosen again."""


def of_form(form: forms.Form) -> tuple[bytes | None, str]:
    """Return the file that was chosen, or the one that the report's form carried along.

    :param form: what the browser sent
    :returns: content and name; None for no file
    """
    upload = flask.request.files.get("upload")
    if upload is not None and upload.filename:
        return upload.stream.read(), upload.filename
    if not form.get("content"):
        return None, ""
    try:
        return base64.b64decode(form["content"], validate=True), form.get("filename", "")
    except (binascii.Error, ValueError):
        return None, ""


def as_text(content: bytes) -> str:
    """Return what the form of the report carries along.

    :param content: the file
    :returns: base64; empty for a file that is too large, which has to be chosen again
    """
    return base64.b64encode(content).decode() if len(content) <= CARRIED_BYTES else ""


def not_chosen() -> forms.Problems:
    """Return what is said to somebody who chose no file.

    :returns: the problem, beside its field
    """
    message = tk._("Choose a file first.")
    return forms.Problems({"upload": [message]}, [("", "field-upload", message)])


def chosen_headers(form: forms.Form, prefix: str) -> dict[str, str]:
    """Return which column was chosen for each part of a row.

    :param form: what the browser sent
    :param prefix: how the names of these fields begin
    :returns: part → header
    """
    return {
        name.removeprefix(prefix): header
        for name, header in form.items()
        if name.startswith(prefix)
    }
