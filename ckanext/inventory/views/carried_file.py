"""A file that a page carries along from looking at it to doing what it says; the server keeps nothing of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
import flask

from ckanext.inventory import forms
from ckanext.inventory.views.common import action, organizations

Page = str | tuple[str, int]

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


@dataclass(frozen=True)
class FilePage:
    """A page that takes a file, shows what it would do, and then does it.

    :param template: its template
    :param does: the action; it takes ``upload``, ``filename`` and ``dry_run``
    :param known: what else the template needs
    :param chosen: reads from the form what was chosen besides the file
    """

    template: str
    does: str
    known: dict[str, Any]
    chosen: Callable[[forms.Form], dict[str, Any]]

    def ask(
        self,
        report: dict[str, Any] | None = None,
        carried: str = "",
        filename: str = "",
        errors: forms.Problems | None = None,
    ) -> str:
        """Ask for a file, or show what one would do.

        :param report: what it would do
        :param carried: the file, as its form carries it along
        :param filename: its name
        :param errors: what is wrong
        :returns: the page
        """
        shown = {"report": report, "carried": carried, "filename": filename}
        more = {
            "errors": errors or forms.Problems(),
            "organizations": organizations(),
            "typed": flask.request.form,
        }
        return tk.render(self.template, extra_vars={**shown, **more, **self.known})

    def answer(self) -> tuple[dict[str, Any] | None, Page]:
        """Look at the file that was sent, or do what was looked at.

        :returns: what was done, None if nothing was; and the page to show then
        """
        form = flask.request.form
        content, filename = of_form(form)
        if content is None:
            return None, (self.ask(errors=not_chosen()), 400)
        saving = form.get("save") == "1"
        data = {
            **self.chosen(form),
            "upload": content,
            "filename": filename,
            "dry_run": not saving,
        }
        carried = as_text(content)
        try:
            done: dict[str, Any] = action(self.does, data)
        except tk.ValidationError as error:
            again = self._look_again(data) if saving else None
            return None, (self.ask(again, carried, filename, forms.problems(error)), 400)
        return (done if saving else None), self.ask(done, carried, filename)

    def _look_again(self, data: dict[str, Any]) -> dict[str, Any] | None:
        """Return the report of what couldn't be done, so that nothing that was chosen is lost."""
        try:
            report: dict[str, Any] = action(self.does, {**data, "digest": "", "dry_run": True})
        except tk.ValidationError:
            # the file itself is what is wrong
            return None
        return report


def typed(form: forms.Form, *names: str) -> dict[str, str]:
    """Return what was typed into some fields, without those left empty.

    :param form: what the browser sent
    :param names: the fields
    """
    return {name: form[name].strip() for name in names if form.get(name, "").strip()}
