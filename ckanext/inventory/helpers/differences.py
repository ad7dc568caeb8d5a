"""What changed between two texts."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import ckan.plugins.toolkit as tk
from markupsafe import Markup, escape

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


def inventory_diff(old: str | None, new: str | None) -> Markup:
    """Return the difference of two texts, word by word, with hidden words for screen readers.

    :param old: the text before
    :param new: the text now
    :returns: safe HTML with ``del`` and ``ins``
    """
    before, after = old or "", new or ""
    if not before:
        return Markup('<span class="muted">{}</span>{}<ins>{}</ins>').format(
            tk._("empty"), _arrow(), after
        )
    if not after:
        return Markup('<del>{}</del>{}<b class="inv-late">{}</b>').format(
            before, _arrow(), tk._("emptied")
        )
    codes, old_words, new_words = _compared(_WORDS.findall(before), _WORDS.findall(after))
    if not codes:
        return Markup("<del>{}</del>{}<ins>{}</ins>").format(_seen(before), _arrow(), _seen(after))
    return Markup("").join(_changes(codes, old_words, new_words))


_Codes = Sequence[tuple[str, int, int, int, int]]
_PAIRS = 100_000
"""Pairs of equal words up to which two texts are compared word by word; beyond, it would take too long."""


def _compared(old: list[str], new: list[str]) -> tuple[_Codes, list[str], list[str]]:
    """Tell which words were changed; nothing if the texts are short, or have little in common."""
    shortest = min(len(old), len(new))
    first = next((n for n in range(shortest) if old[n] != new[n]), shortest)
    rest = shortest - first
    last = next((n for n in range(rest) if old[-1 - n] != new[-1 - n]), rest)
    before, after = old[first : len(old) - last], new[first : len(new) - last]
    there = Counter(after)
    if sum(there[word] for word in before if not word.isspace()) > _PAIRS:
        middle: _Codes = [("replace", 0, len(before), 0, len(after))]
    else:
        # Blanks are everywhere; they would be compared each with each.
        matcher = difflib.SequenceMatcher(str.isspace, before, after, autojunk=False)
        middle = matcher.get_opcodes()
    same = first + last + sum(b - a for tag, a, b, _, _ in middle if tag == "equal")
    if len(old) < 8 or same * 2 < 0.4 * (len(old) + len(new)):
        return [], old, new
    codes = [(tag, a + first, b + first, c + first, d + first) for tag, a, b, c, d in middle]
    if first:
        codes.insert(0, ("equal", 0, first, 0, first))
    if last:
        codes.append(("equal", len(old) - last, len(old), len(new) - last, len(new)))
    return codes, old, new


def _arrow() -> Markup:
    return Markup(
        '<span class="inv-arrow" aria-hidden="true">→</span>'
        '<span class="visually-hidden"> {} </span>'
    ).format(tk._("changed to"))


def _changes(codes: _Codes, old: list[str], new: list[str]) -> Iterable[Markup]:
    for position, (tag, a, b, c, d) in enumerate(codes):
        gone, come = "".join(old[a:b]), "".join(new[c:d])
        if tag == "equal":
            yield escape(_shortened(gone, position == 0, position == len(codes) - 1))
            continue
        if gone.strip() or (gone and not come.strip()):
            yield Markup("<del>{}</del>").format(_seen(gone))
        if come:
            yield Markup("<ins>{}</ins>").format(_seen(come))


def _seen(text: str) -> str:
    """Give blanks a mark where nothing else was changed."""
    if text.strip():
        return text
    return text.replace(" ", "␣").replace("\t", "⇥").replace("\n", "¶\n")


def _shortened(text: str, first: bool, last: bool) -> str:
    """Cut a long unchanged stretch, so that the change itself is seen."""
    words = _WORDS.findall(text)
    if len(words) <= 24:
        return text
    head = "" if first else "".join(words[:10])
    tail = "" if last else "".join(words[-10:])
    return f"{head} … {tail}"
