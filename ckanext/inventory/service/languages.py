"""The languages that workbooks are written in, and read back from, whatever language their reader uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

import ckan.plugins.toolkit as tk
import flask_babel
from babel import Locale, UnknownLocaleError

from ckanext.inventory.spreadsheets.layout import Say, as_it_is

ENGLISH = "en"


def current() -> str:
    """Return the language of whoever is asking.

    :returns: its code; English where nobody says
    """
    locale = _locale()
    return str(locale) if locale is not None else ENGLISH


def sayer(language: str) -> Say:
    """Return what translates into a language.

    :param language: its code; one that is unknown or empty leaves sentences in English
    """
    if not language or language == ENGLISH or _locale() is None:
        return as_it_is
    return _sayer(language)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Say what is said within in a language, as for somebody who asked before and waits now.

    :param language: its code; empty or unknown for the one in force
    """
    try:
        locale = Locale.parse(language) if language and _locale() is not None else None
    except (UnknownLocaleError, ValueError):
        locale = None
    if locale is None:
        yield
        return
    with cast(Any, flask_babel).force_locale(locale):
        yield


def _locale() -> Any:
    """Ask for the language in force; None where there is no application to have one."""
    return cast(Any, flask_babel).get_locale()


@lru_cache(maxsize=32)
def _sayer(language: str) -> Callable[[str], str]:
    known: dict[str, str] = {}

    def say(text: str) -> str:
        if text and text not in known:
            try:
                with cast(Any, flask_babel).force_locale(language):
                    known[text] = str(tk._(text))
            except (UnknownLocaleError, ValueError):
                known[text] = text
        return known.get(text, text)

    return say
