"""What a value of each kind of field must look like, and how it is stored.

Pure: the validators apply it on every door, and the importer can ask before anything is written.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

from babel import Locale

from ckanext.inventory.fields import FieldSpec
from ckanext.inventory.partial_date import NotADate, parse_partial_date
from ckanext.inventory.vocabularies import Choice, Vocabularies

MAX_URL_LENGTH = 2_000
_SCHEMES = frozenset({"http", "https", "ftp"})
# C0 without tab and line feed; lone surrogates, which no database stores; what no XML may hold, and
# so no workbook.
_REFUSED = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_EMAIL = re.compile(r"[^@\s<>\"'(),:;\\]+@[^@\s<>\"'(),:;\\.]+(?:\.[^@\s<>\"'(),:;\\.]+)+")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
LANGUAGES = frozenset(
    code for code in map(str, Locale("en").languages) if re.fullmatch(r"[a-z]{2}", code)
)
"""ISO 639-1 codes."""


_LABELS = frozenset({"label", "choice"})
"""Parameters that are words of a schema or a list themselves."""
_MOST_VALUES = 30
"""Of a longer list only so many values are named."""


class BadValue(ValueError):
    """A value can't be stored.

    :param message: a message id, with ``{names}`` for what is filled in
    :param params: what is filled in
    """

    def __init__(self, message: str, **params: str):
        self.message = message
        self.params = params
        super().__init__(self.said(str))

    def said(self, translate: Callable[[str], str]) -> str:
        """Return the sentence in another language.

        :param translate: takes a message id, or a label
        :returns: the sentence, filled in
        """
        labels = {
            name: translate(text) if name in _LABELS else text for name, text in self.params.items()
        }
        return translate(self.message).format(**labels)


def clean(spec: FieldSpec, value: Any, vocabularies: Vocabularies | None = None) -> Any:
    """Bring a value into the form in which content holds it.

    :param spec: the field
    :param value: what came through a door; None for nothing
    :param vocabularies: the lists in force; needed for kinds with choices only
    :returns: a text, a whole number or a list of texts; None for nothing
    :raises BadValue: if it can't be stored
    """
    if value is None:
        return None
    return _CLEANERS.get(spec.kind, _plain)(spec, value, vocabularies)


def clean_text(value: Any, max_length: int = FieldSpec.max_length, label: str = "") -> str:
    """Apply the rules for text.

    :param value: a text or a number
    :param max_length: characters
    :param label: the field's, for what is said about it
    :returns: the text with CRLF as LF, without outer white space
    :raises BadValue: for control characters but tab and line feed, too long a text, or no text

    Source: rules for text on every door; a spreadsheet's cell holds 32,767 characters.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _bad("“{label}” must be a text.", "This must be a text.", label)
    text = str(value).replace("\r\n", "\n")
    if _REFUSED.search(text):
        raise _bad(
            "“{label}” holds a control character. Remove it, or type the text again.",
            "This holds a control character. Remove it, or type the text again.",
            label,
        )
    text = text.strip()
    if len(text) > max_length:
        raise _too_long(len(text), max_length, label)
    return text


def _bad(message: str, without_label: str, label: str, **params: str) -> BadValue:
    return BadValue(message, label=label, **params) if label else BadValue(without_label, **params)


def _too_long(length: int, max_length: int, label: str) -> BadValue:
    return _bad(
        "“{label}” is too long: {length} characters, at most {max_length} are allowed. Shorten it.",
        "This is too long: {length} characters, at most {max_length} are allowed. Shorten it.",
        label,
        length=f"{length:,}",
        max_length=f"{max_length:,}",
    )


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def _plain(spec: FieldSpec, value: Any, _: Vocabularies | None) -> str | None:
    return _text(spec, value) or None


def _text(spec: FieldSpec, value: Any) -> str:
    return clean_text(value, spec.max_length, spec.label)


def _choice(spec: FieldSpec, value: Any, vocabularies: Vocabularies | None) -> str | None:
    text = clean_text(value, label=spec.label)
    if not text:
        return spec.default or None
    if text not in _allowed(spec, vocabularies):
        raise _no_value(spec, text, vocabularies)
    return text


def _allowed(spec: FieldSpec, vocabularies: Vocabularies | None) -> frozenset[str]:
    if vocabularies is None or spec.vocabulary is None:
        return frozenset(choice.value for choice in spec.choices)
    return vocabularies.values(spec.vocabulary)


def _offered(spec: FieldSpec, vocabularies: Vocabularies | None) -> tuple[Choice, ...]:
    if vocabularies is None or spec.vocabulary is None:
        return spec.choices
    return vocabularies.choices(spec.vocabulary)


def _no_value(spec: FieldSpec, text: str, vocabularies: Vocabularies | None) -> BadValue:
    offered = [choice.value for choice in _offered(spec, vocabularies)]
    named = ", ".join(offered[:_MOST_VALUES])
    return BadValue(
        "“{value}” is none of the values of “{label}”. Choose one of these: {values}.",
        value=_short(text),
        label=spec.label,
        values=f"{named}, …" if len(offered) > _MOST_VALUES else named,
    )


def _choices(spec: FieldSpec, value: Any, vocabularies: Vocabularies | None) -> list[str] | None:
    given = _items(spec, value)
    allowed = _allowed(spec, vocabularies)
    for item in given:
        if item not in allowed:
            raise _no_value(spec, item, vocabularies)
    chosen = [choice for choice in _offered(spec, vocabularies) if choice.value in given]
    alone = next((choice for choice in chosen if choice.exclusive), None)
    if alone is not None and len(chosen) > 1:
        raise BadValue(
            "“{choice}” can't be chosen together with others in “{label}”. Choose it alone, or not.",
            choice=alone.label,
            label=spec.label,
        )
    return [choice.value for choice in chosen] or None


def _items(spec: FieldSpec, value: Any) -> list[str]:
    """Split a list into its texts; one text is split at line ends and the field's separators."""
    if isinstance(value, str):
        text = _text(spec, value)
        raw: list[Any] = list(re.split(f"[\n{re.escape(spec.separators)}]", text))
    elif isinstance(value, list | tuple):
        raw = list(cast("list[Any] | tuple[Any, ...]", value))
    else:
        raise BadValue("“{label}” must be a list of texts.", label=spec.label)
    texts = (_text(spec, item) for item in raw if item is not None)
    items = list(dict.fromkeys(text for text in texts if text))
    length = sum(len(item) + 1 for item in items)
    if length > spec.max_length:
        raise _too_long(length, spec.max_length, spec.label)
    return items


def _list(spec: FieldSpec, value: Any, _: Vocabularies | None) -> list[str] | None:
    return _items(spec, value) or None


def _url_list(spec: FieldSpec, value: Any, _: Vocabularies | None) -> list[str] | None:
    return [_checked_url(spec, item) for item in _items(spec, value)] or None


def _url(spec: FieldSpec, value: Any, _: Vocabularies | None) -> str | None:
    text = _text(spec, value)
    return _checked_url(spec, text) if text else None


def _checked_url(spec: FieldSpec, text: str) -> str:
    """Take an absolute http, https or ftp address without spaces."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in _SCHEMES and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable or re.search(r"[\s<>\"]", text):
        raise BadValue(
            "“{value}” is no link, which “{label}” must be: it starts with http:// or https:// and "
            "holds no spaces.",
            value=_short(text),
            label=spec.label,
        )
    if len(text) > MAX_URL_LENGTH:
        raise BadValue(
            "The link in “{label}” is too long: at most {max_length} characters are allowed.",
            max_length=f"{MAX_URL_LENGTH:,}",
            label=spec.label,
        )
    return text


def is_email(text: str) -> bool:
    """Tell whether a text is an e-mail address.

    :param text: a text without outer white space
    :returns: the answer
    """
    return len(text) <= 254 and bool(_EMAIL.fullmatch(text))


def _email(spec: FieldSpec, value: Any, _: Vocabularies | None) -> str | None:
    text = _text(spec, value)
    if text and not is_email(text):
        raise BadValue(
            "“{value}” is no e-mail address, which “{label}” must be: write one, such as "
            "name@city.example.",
            value=_short(text),
            label=spec.label,
        )
    return text or None


def _integer(spec: FieldSpec, value: Any, _: Vocabularies | None) -> int | None:
    text = clean_text(value, label=spec.label)
    if not text:
        return None
    text = re.sub(r"\.0+$", "", text)  # a spreadsheet's number
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise BadValue(
            "“{value}” is no whole number, which “{label}” must be: write 0 or more, in digits only.",
            value=_short(text),
            label=spec.label,
        )
    return int(text)


def _date(spec: FieldSpec, value: Any, _: Vocabularies | None) -> str | None:
    text = _text(spec, value)
    if not text:
        return None
    try:
        if _DAY.fullmatch(text):
            return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise BadValue(
        "“{value}” is no date, which “{label}” must be: write it as 2027-06-30.",
        value=_short(text),
        label=spec.label,
    )


def _partial_date(spec: FieldSpec, value: Any, _: Vocabularies | None) -> str | None:
    text = _text(spec, value)
    if not text:
        return None
    try:
        return str(parse_partial_date(text))
    except NotADate as error:
        raise BadValue(
            "“{value}” is no date, which “{label}” must be: write it as 2027, 2027-06 or 2027-06-30.",
            value=_short(text),
            label=spec.label,
        ) from error


def _language(spec: FieldSpec, value: Any, _: Vocabularies | None) -> list[str] | None:
    codes = [item.lower() for item in _items(spec, value)]
    for code in codes:
        if code not in LANGUAGES:
            raise BadValue(
                "“{value}” is no language, which “{label}” holds: write two letters, such as en or es.",
                value=_short(code),
                label=spec.label,
            )
    return codes or None


def _record_id(spec: FieldSpec, text: str) -> str:
    if not _UUID.fullmatch(text):
        raise BadValue(
            "“{value}” is no record's id, which “{label}” must be. Choose from the list, or send the id.",
            value=_short(text),
            label=spec.label,
        )
    return text


def _entry(spec: FieldSpec, value: Any, _: Vocabularies | None) -> str | None:
    text = _text(spec, value)
    return _record_id(spec, text) if text else None


def _source_list(spec: FieldSpec, value: Any, _: Vocabularies | None) -> list[str] | None:
    return [_record_id(spec, item) for item in _items(spec, value)] or None


_CLEANERS: dict[str, Callable[[FieldSpec, Any, Vocabularies | None], Any]] = {
    "choice": _choice,
    "choices": _choices,
    "list": _list,
    "url_list": _url_list,
    "url": _url,
    "email": _email,
    "integer": _integer,
    "date": _date,
    "partial_date": _partial_date,
    "language": _language,
    "entry": _entry,
    "source_list": _source_list,
}
