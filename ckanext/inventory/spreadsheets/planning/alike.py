"""Which records a new row may be, by its name: the same, nearly the same, or one word more or less.

Looked up, never compared one by one, so that a list of thousands costs what is alike and not the product of
both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum

from ckanext.inventory.vocabularies import normalise

from .known import Ref, fold

SHORT_WORD = 5
"""Words with fewer letters are others with one letter changed: road, load."""

FEW = 16
"""As many words are compared one by one before it pays to index their slips."""


class Grade(IntEnum):
    """How alike two names are, the most alike first."""

    SAME = 0
    """The same but for case and spaces."""
    NEARLY = 1
    """The same words, but for order, accents, plural and one slip of the pen."""
    AKIN = 2
    """One word more or less: the same thing if something else speaks for it, such as the same source."""


class Names:
    """The names that a department's records bear.

    :param refs: the records; of several with the same name the first counts
    """

    def __init__(self, refs: Iterable[Ref]) -> None:
        self._exact: dict[str, Ref] = {}
        self._whole: dict[str, Ref] = {}
        self._lacking: dict[str, dict[str, Ref]] = {}
        """Names without one of their words, to what they are with that word."""
        self._slips: dict[str, dict[str, list[str]]] = {}
        for ref in refs:
            self._exact.setdefault(fold(ref.title), ref)
            words = essence(ref.title)
            if self._whole.setdefault(" ".join(words), ref) is ref:
                for word, rest in _each_left_out(words):
                    self._lacking.setdefault(rest, {}).setdefault(word, ref)

    def same(self, title: str) -> Ref | None:
        """Find the record of the same name.

        :param title: a row's name
        """
        return self._exact.get(fold(title))

    def find(self, title: str) -> Iterator[tuple[Grade, Ref]]:
        """Find the records that a row may be, the most alike first.

        :param title: the row's name
        :returns: how alike, and the record; the same record may come twice
        """
        same = self.same(title)
        if same is not None:
            yield Grade.SAME, same
        words = essence(title)
        whole = " ".join(words)
        near = self._whole.get(whole)
        if near is not None:
            yield Grade.NEARLY, near
        left_out = list(_each_left_out(words))
        for word, rest in left_out:
            for ref in self._spelt_like(word, rest):
                yield Grade.NEARLY, ref
        if len(words) > 2:
            for _word, rest in left_out:
                if rest in self._whole:
                    yield Grade.AKIN, self._whole[rest]
        if len(words) > 1:
            for ref in self._lacking.get(whole, {}).values():
                yield Grade.AKIN, ref

    def _spelt_like(self, word: str, rest: str) -> Iterator[Ref]:
        words = self._lacking.get(rest)
        if words is None:
            return
        near = words if len(words) <= FEW else self._indexed(word, rest)
        for other in near:
            if is_slip(word, other):
                yield words[other]

    def _indexed(self, word: str, rest: str) -> Iterable[str]:
        """Look up words that share a spelling with one letter left out, as all one slip apart do."""
        slips = self._slips.get(rest)
        if slips is None:
            slips = self._slips[rest] = {}
            for other in self._lacking[rest]:
                for spelling in _one_letter_left_out(other):
                    slips.setdefault(spelling, []).append(other)
        found = (one for spelling in _one_letter_left_out(word) for one in slips.get(spelling, ()))
        return dict.fromkeys(found)


def essence(title: str) -> list[str]:
    """Reduce a name to its words, so that order, case, accents and plural don't count.

    :param title: a name
    :returns: its words in alphabetical order
    """
    return sorted(map(_stem, normalise(title).split()))


def _stem(word: str) -> str:
    """Let "benche" be "bench", and "citie" be "city", which is what is left of plurals without their s."""
    if len(word) > 4 and word.endswith("ie"):
        return f"{word[:-2]}y"
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def _each_left_out(words: list[str]) -> Iterator[tuple[str, str]]:
    """Leave each word out in turn; a number never: the budget of 2025 isn't the budget of 2026.

    :returns: the word, and the others
    """
    before = ""
    for at, word in enumerate(words):
        if word != before and word.isalpha():
            yield word, " ".join(words[:at] + words[at + 1 :])
        before = word


def _one_letter_left_out(word: str) -> Iterator[str]:
    yield word
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]


def is_slip(one: str, other: str) -> bool:
    """Tell whether two words are one slip apart: a letter more, less or changed, or two swapped.

    :param one: a word
    :param other: another one
    """
    if one == other or max(len(one), len(other)) < SHORT_WORD:
        return False
    start, shorter = 0, min(len(one), len(other))
    while start < shorter and one[start] == other[start]:
        start += 1
    end = 0
    while end < shorter - start and one[-1 - end] == other[-1 - end]:
        end += 1
    left, right = one[start : len(one) - end], other[start : len(other) - end]
    if len(left) <= 1 and len(right) <= 1:
        return True
    return len(left) == 2 and left == right[::-1]
