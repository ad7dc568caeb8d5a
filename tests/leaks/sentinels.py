"""Words that stand for something private, one for each place, so that a hit names its origin."""

from __future__ import annotations

import html
import json
import re
import secrets
from dataclasses import dataclass
from urllib.parse import unquote_plus

PREFIX = "zqx"
"""No other text of a site holds this; a quick look for it spares most of the searching."""


@dataclass(frozen=True)
class Sentinel:
    """A word and where it stands.

    :param token: the word; letters and digits, so that no encoding changes it
    :param place: field or other place
    :param owner: the record that it belongs to
    :param public: it goes out when the record is promoted
    """

    token: str
    place: str
    owner: str
    public: bool = False

    def __str__(self) -> str:
        return f"{self.owner}: {self.place} ({self.token})"


class Sentinels:
    """All words of a city, and the search for them."""

    def __init__(self) -> None:
        self.all: dict[str, Sentinel] = {}
        self._pattern: re.Pattern[str] | None = None

    def make(self, place: str, owner: str, *, public: bool = False) -> str:
        """Make a new word."""
        token = PREFIX + secrets.token_hex(5)
        self.know(token, place, owner, public=public)
        return token

    def know(self, token: str, place: str, owner: str, *, public: bool = False) -> None:
        """Take an id, name or number among the words."""
        self.all[token.lower()] = Sentinel(token, place, owner, public)
        self._pattern = None

    def of(self, owner: str) -> list[Sentinel]:
        return [each for each in self.all.values() if each.owner == owner]

    def found(self, text: str) -> set[Sentinel]:
        """Return the words that stand in a response: as they are, escaped or quoted."""
        if self._pattern is None:
            words = sorted(self.all, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, words)))
        lowered = text.lower()
        hits = set(self._pattern.findall(lowered))
        if "%" in lowered or "&#" in lowered or "\\u" in lowered:
            hits |= set(self._pattern.findall(_plain(lowered)))
        return {self.all[hit] for hit in hits}


def _plain(text: str) -> str:
    """Undo HTML escapes, URL quoting and JSON escapes."""
    text = html.unescape(unquote_plus(text))
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)


def flat(answer: object) -> str:
    """Write an action's answer as text, with everything that is in it."""
    return json.dumps(answer, default=str, ensure_ascii=False)
