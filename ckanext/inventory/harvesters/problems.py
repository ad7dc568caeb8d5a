"""What goes wrong with a catalogue, in words for harvest's own report."""

from __future__ import annotations

from collections.abc import Mapping

import ckan.plugins.toolkit as tk


class CatalogueError(Exception):
    """A catalogue can't be used.

    :param message: a message id with ``{names}``
    :param values: what to put into it
    """

    def __init__(self, message: str, **values: object) -> None:
        super().__init__(message)
        self.message = message
        self.values: Mapping[str, object] = values

    def __str__(self) -> str:
        return tk._(self.message).format(**self.values)


def shorten(text: object, limit: int = 80) -> str:
    """Make a text fit into a message.

    :param text: what a catalogue says
    :param limit: characters at most
    :returns: one line
    """
    line = " ".join(str(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
