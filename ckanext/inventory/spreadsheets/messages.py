"""What the reader and the planner have to say, as translatable templates with parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    :param params: values for the placeholders; a message among them is said in the same language
    :param plural: the template where ``count`` among the parameters isn't one
    """

    text: str
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    plural: str = ""

    def __str__(self) -> str:
        """Return the sentence in English."""
        return self.said(str, _in_english)

    def said(self, translate: Callable[[str], str], translate_plural: Callable[..., str]) -> str:
        """Return the sentence in another language.

        :param translate: takes the message id
        :param translate_plural: takes both message ids, the number, and the values to fill in
        :returns: the sentence, filled in
        """
        params = {
            name: value.said(translate, translate_plural) if isinstance(value, Message) else value
            for name, value in self.params.items()
        }
        if self.plural:
            count = int(str(params["count"]))
            return translate_plural(self.text, self.plural, count, **params)
        text = translate(self.text)
        return text % params if params else text


def _in_english(one: str, many: str, number: int, **values: object) -> str:
    return (one if number == 1 else many) % values


def also(message: Message, more: Message) -> Message:
    """Put two sentences together.

    :param message: what is wrong
    :param more: what becomes of it
    """
    return Message("%(message)s %(more)s", {"message": message, "more": more})


def counted(one: str, many: str, count: int, **params: object) -> Message:
    """Make a message with a number.

    :param one: template for one
    :param many: template with ``%(count)s``
    :param count: the number
    :param params: values for other placeholders
    :returns: the message
    """
    return Message(one, {"count": count, **params}, many)


@dataclass(frozen=True)
class Place:
    """A cell of a file as it was read.

    :param sheet: name of its sheet, empty for a text file
    :param row: its row as the spreadsheet program shows it
    :param column: its column from 0, as everything of the file counts columns
    """

    sheet: str
    row: int
    column: int


@dataclass(frozen=True)
class Problem:
    """Something in a file that doesn't fit.

    :param severity: error (the row stays out) or warning (the cell stays out)
    :param sheet: name of the sheet, empty for a text file
    :param row: row number as the spreadsheet program shows it, None for a whole column or file
    :param column: header of the column as the file has it, empty where no single column is meant
    :param value: the cell's text, shortened
    :param message: what is wrong
    :param suggestion: the nearest accepted value, empty without one
    :param key: the field behind the column, where its cell can be fixed in place
    :param place: the cell; None as long as it isn't said, see :func:`.places.settled`
    :param label: our name of a field that the file has no column for, translated where it is shown
    """

    severity: Severity
    sheet: str
    row: int | None
    column: str
    value: str
    message: Message
    suggestion: str = ""
    key: str = ""
    place: Place | None = None
    label: str = ""


class FileProblem(Exception):
    """A file that can't be read at all.

    :param message: what is wrong and what to do
    """

    def __init__(self, text: str, **params: object) -> None:
        """Keep the message in a translatable form."""
        self.message = Message(text, params)
        super().__init__(str(self.message))


SHOWN = 120


CUT = "…"
"""Ends a text that was cut."""


def shorten(text: str, length: int = SHOWN) -> str:
    """Return text on one line, cut to a length for a message.

    :param text: any text
    :param length: at most this many characters, the ellipsis included
    """
    line = on_one_line(text)
    return line if len(line) <= length else line[: length - 1].rstrip() + CUT


def on_one_line(text: str) -> str:
    """Return text with single spaces for all space in it.

    :param text: any text
    """
    return " ".join(text.split())
