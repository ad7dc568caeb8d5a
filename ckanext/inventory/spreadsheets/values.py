"""Understand a cell: what a person wrote, as the value that the field stores.

Every reader here answers with a :class:`Reading`; none raises. What can't be understood comes back as text,
with a message, so that it can be kept where people find it.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from ckanext.inventory.fields import LIST_KINDS, FieldSpec
from ckanext.inventory.types import NOT_KNOWN
from ckanext.inventory.vocabularies import Vocabularies, normalise

from .messages import Message, counted, shorten
from .reader import Cell, text
from .synonyms import Synonyms, squash

MAX_CHARACTERS = 32_000
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f]")
EMAIL = re.compile(r"[^@\s<>,;:]+@[^@\s<>,;:]+\.[^@\s<>,;:.]+")
MULTIPLE = re.compile(r"[,;|\n]")
FIRST_YEAR, LAST_YEAR = 1500, 2200
EXCEL_EPOCH = dt.date(1899, 12, 30)


@dataclass(frozen=True)
class Reading:
    """What a cell says.

    :param value: the stored value, None for an empty cell
    :param rest: text that didn't fit and should be kept elsewhere
    :param message: what is wrong, None when all is well
    :param suggestion: the nearest accepted value
    """

    value: Any = None
    rest: str = ""
    message: Message | None = None
    suggestion: str = ""


NOTHING = Reading()


def no_value(_piece: str) -> str | None:
    """Find no value."""
    return None


@dataclass(frozen=True)
class Reader:
    """Reads cells of one file.

    :param vocabularies: the lists in force
    :param synonyms: names of months and languages
    :param mapping: field to normalised cell text to value, as somebody mapped them
    :param licenses: normalised id or title to licence id
    :param day_first: ``3/4/2020`` in an undecided column is the third of April
    :param year: the current year; two digits mean a year up to ten years ahead of it
    :param say: translates labels in messages
    """

    vocabularies: Vocabularies
    synonyms: Synonyms
    mapping: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    licenses: Mapping[str, str] = field(default_factory=dict[str, str])
    day_first: bool = False
    year: int = 2026
    say: Callable[[str], str] = str

    def read(self, spec: FieldSpec, cell: Cell, *, day_first: bool | None = None) -> Reading:
        """Read a cell for a field.

        :param spec: the field
        :param cell: the cell as it was read
        :param day_first: how the column writes its dates, None where the column doesn't tell
        :returns: the value, or what is wrong with it
        """
        written = text(cell)
        if not written:
            return NOTHING
        mapped = self.mapped(spec.name, written)
        if mapped is not None:
            listed = spec.kind in LIST_KINDS
            return Reading(([mapped] if listed else mapped) if mapped else None)
        if spec.kind == "choice":
            return self.choice(spec, written)
        if spec.kind == "choices":
            return self.choices(spec, written, lambda piece: self.mapped(spec.name, piece))
        word = self.vocabularies.match_word(written)
        if word == "" or (word == NOT_KNOWN and spec.kind not in ("text", "long_text", "markdown")):
            return NOTHING
        if spec.kind in ("date", "partial_date"):
            order = self.day_first if day_first is None else day_first
            return self.date(cell, written, partial=spec.kind == "partial_date", day_first=order)
        if spec.kind == "list":
            return Reading(_unique(MULTIPLE.split(written)) or None)
        if spec.kind == "url":
            return self._url(written)
        if spec.kind == "url_list":
            return self.urls(written)
        if spec.kind == "email":
            return self.email(written)
        if spec.kind == "integer":
            return self._integer(cell, written)
        if spec.kind == "language":
            return self._language(written)
        if spec.kind == "license":
            return self._license(written)
        return plain_text(written)

    def mapped(self, name: str, written: str) -> str | None:
        """Return the value that a text was mapped to.

        :param name: the field or mark
        :param written: the text
        :returns: the value, empty for a text that says nothing, None for one that isn't mapped
        """
        return self.mapping.get(name, {}).get(normalise(written))

    # Lists of values

    def choice(self, spec: FieldSpec, written: str) -> Reading:
        """Read one value of a list.

        :param spec: the field
        :param written: the cell's text
        """
        value = self._match(spec, written)
        if value is None:
            return self._no_choice(spec, written)
        return Reading(value) if value else NOTHING

    def choices(
        self, spec: FieldSpec, written: str, own: Callable[[str], str | None] = no_value
    ) -> Reading:
        """Read several values of a list from one cell.

        :param spec: the field
        :param written: the cell's text
        :param own: what else a part of it may mean: finds its value, None if it is none
        :returns: the values that it holds, and what is wrong with its other parts
        """
        whole = self._match(spec, written)
        if whole is not None:
            return Reading([whole]) if whole else NOTHING
        values, unknown = self._pieces(spec, written, own)
        alone = self.vocabularies.exclusive(spec.vocabulary or "")
        if len(values) > 1 and alone.intersection(values):
            # "No" beside a real value says nothing more.
            values = [value for value in values if value not in alone] or values[:1]
        if unknown:
            return self._no_choices(spec, written, values, unknown)
        return Reading(values or None)

    def _pieces(
        self, spec: FieldSpec, written: str, own: Callable[[str], str | None]
    ) -> tuple[list[str], list[str]]:
        values: list[str] = []
        unknown: list[str] = []

        def take(piece: str) -> bool:
            value = own(piece)
            if value is None:
                value = self._match(spec, piece)
            if value and value not in values:
                values.append(value)
            return value is not None

        for piece in re.split(r"[;|\n]", written):
            # Labels of ours hold commas, so a comma separates only where nothing else does.
            if piece.strip() and not take(piece):
                parts = [part.strip() for part in piece.split(",") if part.strip()]
                unknown += [part for part in parts if not take(part)]
        return values, unknown

    def _match(self, spec: FieldSpec, written: str) -> str | None:
        name = spec.vocabulary or ""
        value = self.vocabularies.match(name, written)
        return "" if value and value not in self.vocabularies.values(name) else value

    def _no_choice(self, spec: FieldSpec, written: str) -> Reading:
        message = Message("It is none of the values: %(values)s.", {"values": self._labels(spec)})
        return Reading(None, written, message, self._nearest(spec, written))

    def _no_choices(
        self, spec: FieldSpec, written: str, values: Sequence[str], unknown: Sequence[str]
    ) -> Reading:
        """Say which parts of a cell aren't values, and how the whole cell would be right."""
        if " ".join(written.split()) == unknown[0]:
            return self._no_choice(spec, unknown[0])
        message = counted(
            "%(parts)s is none of the values: %(values)s.",
            "%(parts)s are none of the values: %(values)s.",
            len(unknown),
            parts=", ".join(f'"{shorten(part)}"' for part in unknown),
            values=self._labels(spec),
        )
        near = [self._nearest(spec, part) for part in unknown]
        whole = [*(self.say(spec.label_of(value)) for value in values), *near]
        suggestion = "; ".join(dict.fromkeys(whole)) if all(near) else ""
        return Reading(list(values) or None, ", ".join(unknown), message, suggestion)

    def _labels(self, spec: FieldSpec) -> str:
        return ", ".join(self.say(choice.label) for choice in spec.choices)

    def _nearest(self, spec: FieldSpec, written: str) -> str:
        words: dict[str, str] = {}
        for choice in spec.choices:
            label = self.say(choice.label)
            for known in (label, choice.label, choice.value, *choice.synonyms):
                words.setdefault(normalise(known), label)
        near = difflib.get_close_matches(normalise(written), list(words), 1, 0.75)
        return words[near[0]] if near else ""

    # Dates

    def date(self, cell: Cell, written: str, *, partial: bool, day_first: bool) -> Reading:
        """Read a date of full or, where accepted, unknown precision.

        :param cell: the cell as it was read
        :param written: its text
        :param partial: a year or a month alone is accepted
        :param day_first: the day stands before the month
        """
        found = self.parse_date(cell, written, day_first=day_first)
        if found is None:
            return Reading(
                None,
                written,
                Message("It isn't a date. Write it as YYYY-MM-DD, YYYY-MM or YYYY.")
                if partial
                else Message("It isn't a date. Write it as YYYY-MM-DD."),
            )
        if not partial and len(found) < 10:
            return Reading(None, written, Message("The whole date is needed, as YYYY-MM-DD."))
        return Reading(found)

    def parse_date(self, cell: Cell, written: str, *, day_first: bool) -> str | None:
        """Return a date as YYYY, YYYY-MM or YYYY-MM-DD, or None for what isn't one."""
        if isinstance(cell, dt.datetime):
            return cell.date().isoformat()
        if isinstance(cell, dt.date):
            return cell.isoformat()
        if isinstance(cell, float) and cell.is_integer() and 20_000 <= cell < 80_000:
            # A spreadsheet's day number whose cell lost its date format.
            return (EXCEL_EPOCH + dt.timedelta(days=int(cell))).isoformat()
        clean = _WEEKDAY.sub("", " ".join(written.split()), count=1)
        for pattern, order in _DATES:
            match = pattern.fullmatch(clean)
            if not match:
                continue
            parts = dict(zip(order, match.groups(), strict=False))
            if order == ("a", "b", "year"):
                first, second = parts.pop("a"), parts.pop("b")
                parts["day"], parts["month"] = (first, second) if day_first else (second, first)
                if int(parts["month"] or 0) > 12 >= int(parts["day"] or 0):
                    parts["day"], parts["month"] = parts["month"], parts["day"]
            return self._compose(parts)
        return None

    def _compose(self, parts: Mapping[str, str | None]) -> str | None:
        year_text = parts["year"] or ""
        year = int(year_text)
        if len(year_text) == 2:
            year += 2000 if year <= (self.year + 10) % 100 else 1900
        if not FIRST_YEAR <= year <= LAST_YEAR:
            return None
        month_text = parts.get("month")
        if not month_text:
            return f"{year:04d}"
        month = (
            int(month_text)
            if month_text.isdigit()
            else self.synonyms.months.get(squash(month_text), 0)
        )
        if not 1 <= month <= 12:
            return None
        day_text = parts.get("day")
        if not day_text:
            return f"{year:04d}-{month:02d}"
        try:
            return dt.date(year, month, int(day_text)).isoformat()
        except ValueError:
            return None

    # Everything else

    def urls(self, written: str) -> Reading:
        """Read a list of web addresses; what isn't one is left for the note."""
        found: list[str] = []
        rest: list[str] = []
        for piece in re.split(r"\s+|[,;|](?=\s|https?://|$)", written):
            piece = piece.strip("<>")
            if not piece:
                continue
            if is_url(piece):
                if piece not in found:
                    found.append(piece)
            else:
                rest.append(piece)
        if not rest:
            return Reading(found or None)
        if not found:
            return Reading(None, written, Message("It isn't a web address (https://…)."))
        left = " ".join(rest)
        message = Message('"%(part)s" isn\'t a web address (https://…).', {"part": shorten(left)})
        return Reading(found, left, message)

    def _url(self, written: str) -> Reading:
        reading = self.urls(written)
        found: list[str] = reading.value or []
        if not found:
            return reading
        if len(found) < 2:
            return replace(reading, value=found[0])
        rest = " ".join([*found[1:], reading.rest]).strip()
        return Reading(found[0], rest, Message("Only one web address fits."))

    def email(self, written: str) -> Reading:
        """Read one e-mail address, also as ``Name <address>`` or ``mailto:address``."""
        found = EMAIL.findall(written.removeprefix("mailto:"))
        if not found:
            return Reading(None, written, Message("It isn't an e-mail address."))
        rest = written.removeprefix("mailto:").replace(found[0], "").strip(" <>()[],;:-\"'")
        if len(found) > 1:
            return Reading(found[0], rest, Message("Only one e-mail address fits."))
        return Reading(found[0], rest)

    def _integer(self, cell: Cell, written: str) -> Reading:
        if isinstance(cell, (int, float)) and not isinstance(cell, bool):
            if float(cell).is_integer() and cell >= 0:
                return Reading(int(cell))
        elif re.fullmatch(r"\d{1,3}([ ,.']\d{3})*|\d+", written):
            return Reading(int(re.sub(r"\D", "", written)))
        return Reading(None, written, Message("It isn't a whole number."))

    def _language(self, written: str) -> Reading:
        codes: list[str] = []
        unknown: list[str] = []
        for piece in MULTIPLE.split(written):
            squashed = squash(piece)
            if not squashed:
                continue
            code = self.synonyms.languages.get(squashed)
            if code is None and re.fullmatch(r"[a-z]{2}([-_][A-Za-z]{2})?", piece.strip()):
                code = piece.strip()[:2]
            if code is None:
                unknown.append(piece.strip())
            elif code not in codes:
                codes.append(code)
        if not unknown:
            return Reading(codes or None)
        parts = ", ".join(unknown)
        message = (
            Message('"%(part)s" isn\'t a language code such as en or fr.', {"part": shorten(parts)})
            if codes
            else Message("It isn't a language code such as en or fr.")
        )
        return Reading(codes or None, parts, message)

    def _license(self, written: str) -> Reading:
        found = self.licenses.get(normalise(written))
        if found:
            return Reading(found)
        return Reading(None, written, Message("It isn't a licence of this portal."))


_DATES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern), order)
    for pattern, order in (
        (r"(\d{4})", ("year",)),
        (r"(\d{4})[-/.](\d{1,2})", ("year", "month")),
        (r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T].*)?", ("year", "month", "day")),
        (r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})(?: .*)?", ("a", "b", "year")),
        (r"(\d{1,2})[-/.](\d{4}|\d{2})", ("month", "year")),
        (r"([^\W\d]+)\.?[ -]'?(\d{4}|\d{2})", ("month", "year")),
        (r"(\d{4}) ([^\W\d]+)", ("year", "month")),
        (
            r"(\d{1,2})(?:st|nd|rd|th|\.)?[ -](?:de )?([^\W\d]+)\.?,?[ -](?:de )?(\d{4}|\d{2})",
            ("day", "month", "year"),
        ),
        (r"([^\W\d]+)\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})", ("month", "day", "year")),
        (r"(\d{4})(\d{2})(\d{2})", ("year", "month", "day")),
    )
)
# A weekday says nothing that the date doesn't: "Sat, 15 Mar 2024", "Freitag, den 15. März 2024".
_WEEKDAY = re.compile(
    r"^(?:(?:mon|tue|wednes|thurs|fri|satur|sun|tues)day|mon|tues?|wed|thu|thurs?|fri|sat|sun"
    r"|(?:segunda|terça|quarta|quinta|sexta)(?:-feira)?|sábado|domingo"
    r"|lunes|martes|miércoles|jueves|viernes"
    r"|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche"
    r"|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|sonnabend|mo|di|mi|do|fr|sa|so)"
    r"\.?,? (?:den |le )?(?=.*\d.*\D.*\d)",
    re.IGNORECASE,
)
_AMBIGUOUS = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](?:\d{4}|\d{2})(?: .*)?")


def is_day_first(texts: Iterable[str]) -> bool | None:
    """Tell from a whole column whether its dates put the day first.

    :param texts: the column's cells
    :returns: True or False where a number above 12 gives it away, None where none does
    """
    first = second = 0
    for item in texts:
        match = _AMBIGUOUS.fullmatch(item)
        if match:
            first += int(match.group(1)) > 12
            second += int(match.group(2)) > 12
    if first == second:
        return None
    return first > second


def is_url(piece: str) -> bool:
    """Tell whether a text is a web address with a host."""
    try:
        parts = urlsplit(piece)
    except ValueError:
        return False
    host = parts.hostname or ""
    return parts.scheme.lower() in ("http", "https") and "." in host and not host.startswith(".")


def plain_text(written: str) -> Reading:
    """Read a text within the rules for texts.

    :param written: the cell's text

    Source: fields.md, text rules
    """
    if CONTROLS.search(written):
        return Reading(
            CONTROLS.sub(" ", written).strip(),
            message=Message(
                "It held control characters, which can't be stored: read without them."
            ),
        )
    if len(written) > MAX_CHARACTERS:
        return Reading(
            written[:MAX_CHARACTERS].rstrip(),
            message=Message(
                "It is longer than %(limit)s characters and was shortened.",
                {"limit": MAX_CHARACTERS},
            ),
        )
    return Reading(written)


def _unique(pieces: Iterable[str]) -> list[str]:
    seen: dict[str, str] = {}
    for piece in pieces:
        clean = CONTROLS.sub(" ", " ".join(piece.split()))
        if clean:
            seen.setdefault(clean.casefold(), clean)
    return list(seen.values())
