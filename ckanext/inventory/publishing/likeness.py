"""How alike two titles are: by shared trigrams, counted for many pairs at once.

Worked out here and not in the database, so that it needs no extension and no index, and costs what
the titles share rather than their product.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping

_WORD = re.compile(r"\w+")
_DIGITS = re.compile(r"\d+")

OTHER_NUMBERS = 0.6
"""What likeness is worth where the numbers differ: the budget of 2019 isn't the budget of 2020."""


def folded(title: str) -> str:
    """Return a title as compared: without case, accents, punctuation and doubled spaces.

    :param title: a title
    :returns: its words, one space between them
    """
    plain = unicodedata.normalize("NFKD", title).casefold()
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(_WORD.findall(bare.replace("_", " ")))


def trigrams(folded_title: str) -> frozenset[str]:
    """Return the trigrams of a title's words, each padded as PostgreSQL does.

    :param folded_title: as :func:`folded` returns it
    :returns: the trigrams
    """
    found: set[str] = set()
    for word in folded_title.split():
        padded = f"  {word} "
        found |= {padded[i : i + 3] for i in range(len(padded) - 2)}
    return frozenset(found)


def likeness(one: str, other: str) -> float:
    """Say how alike two titles are.

    :param one: a title
    :param other: another
    :returns: from 0 to 1; 1 for the same words in the same order
    """
    return _likeness(folded(one), folded(other))


def _likeness(one: str, other: str) -> float:
    if one == other:
        return 1.0 if one else 0.0
    first, second = trigrams(one), trigrams(other)
    return _scaled(one, other, len(first & second), len(first), len(second))


def _scaled(one: str, other: str, shared: int, first: int, second: int) -> float:
    """Work out the score; never 1 for titles that aren't the same."""
    score = min(shared / ((first + second - shared) or 1), 0.99)
    if sorted(_DIGITS.findall(one)) != sorted(_DIGITS.findall(other)):
        score *= OTHER_NUMBERS
    return score


def pairs(
    ones: Mapping[str, str], others: Mapping[str, str], least: float
) -> Iterator[tuple[str, str, float]]:
    """Find all pairs of titles that are alike enough.

    :param ones: key → title, the many
    :param others: key → title, the few
    :param least: the likeness from which on a pair counts
    :returns: key of one, key of another, likeness
    """
    words = {key: folded(title) for key, title in others.items()}
    grams = {key: trigrams(text) for key, text in words.items()}
    often = Counter(gram for own in grams.values() for gram in own)
    holders: dict[str, list[str]] = {}
    for key, own in grams.items():
        for gram in _rarest(own, often, least):
            holders.setdefault(gram, []).append(key)
    for one, title in ones.items():
        text = folded(title)
        own = trigrams(text)
        near = {key for gram in _rarest(own, often, least) for key in holders.get(gram, ())}
        for other in near:
            if text == words[other]:
                yield one, other, 1.0
                continue
            theirs = grams[other]
            if min(len(own), len(theirs)) < least * max(len(own), len(theirs)):
                continue
            score = _scaled(text, words[other], len(own & theirs), len(own), len(theirs))
            if score >= least:
                yield one, other, score


def _rarest(own: frozenset[str], often: Mapping[str, int], least: float) -> list[str]:
    """Return so many of the rarest trigrams that titles alike enough share one of them.

    Two sets of which the shared part is ``least`` of all have that part in common of the larger, too;
    so both can't keep to themselves all of their first ones in one and the same order.
    """
    first = len(own) - math.ceil(least * len(own)) + 1
    return sorted(own, key=lambda gram: (often.get(gram, 0), gram))[:first]
