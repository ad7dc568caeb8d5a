"""What the reader and the planner have to say, as translatable templates with parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ckanext.inventory.types import Word


class Severity(Word):
    """How much a problem matters: an error keeps its row out, a warning leaves its cell out."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Message:
    """A sentence for people: an English template (the message id) and its parameters.

    :param text: template with ``%(name)s`` placeholders, translated where it is shown
    :param params: values for the placeholders
    """

    text: str
    params: Mapping[str, object] = field(default_factory=dict[str, object])

    def __str__(self) -> str:
        """Return the sentence in English."""
        return self.text % self.params if self.params else self.text


@dataclass(frozen=True)
class Problem:
    """Something in a file that doesn't fit.

    :param severity: error (the row stays out) or warning (the cell stays out)
    :param sheet: name of the sheet, empty for a text file
    :param row: row number as the spreadsheet program shows it, None for a whole column or file
    :param column: header of the column, empty where no single column is meant
    :param value: the cell's text, shortened
    :param message: what is wrong
    :param suggestion: the nearest accepted value, empty without one
    :param key: the field behind the column, where its cell can be fixed in place
    """

    severity: Severity
    sheet: str
    row: int | None
    column: str
    value: str
    message: Message
    suggestion: str = ""
    key: str = ""


class FileProblem(Exception):
    """A file that can't be read at all.

    :param message: what is wrong and what to do
    """

    def __init__(self, text: str, **params: object) -> None:
        """Keep the message in a translatable form."""
        self.message = Message(text, params)
        super().__init__(str(self.message))


SHOWN = 120


def shorten(text: str, length: int = SHOWN) -> str:
    """Return text on one line, cut to a length for a message.

    :param text: any text
    :param length: at most this many characters, the ellipsis included
    """
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
