"""What changed between two texts."""

from __future__ import annotations

import difflib
import re
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
    old_words, new_words = _WORDS.findall(before), _WORDS.findall(after)
    matcher = difflib.SequenceMatcher(None, old_words, new_words, autojunk=False)
    if len(old_words) < 8 or matcher.ratio() < 0.4:
        return Markup("<del>{}</del>{}<ins>{}</ins>").format(before, _arrow(), after)
    return Markup("").join(_changes(matcher.get_opcodes(), old_words, new_words))


def _arrow() -> Markup:
    return Markup(
        '<span class="inv-arrow" aria-hidden="true">→</span>'
        '<span class="visually-hidden"> {} </span>'
    ).format(tk._("changed to"))


def _changes(
    codes: Sequence[tuple[str, int, int, int, int]], old: list[str], new: list[str]
) -> Iterable[Markup]:
    for position, (tag, a, b, c, d) in enumerate(codes):
        gone, come = "".join(old[a:b]), "".join(new[c:d])
        if tag == "equal":
            yield escape(_shortened(gone, position == 0, position == len(codes) - 1))
            continue
        if gone.strip():
            yield Markup("<del>{}</del>").format(gone)
        if come:
            yield Markup("<ins>{}</ins>").format(come)


def _shortened(text: str, first: bool, last: bool) -> str:
    """Cut a long unchanged stretch, so that the change itself is seen."""
    words = _WORDS.findall(text)
    if len(words) <= 24:
        return text
    head = "" if first else "".join(words[:10])
    tail = "" if last else "".join(words[-10:])
    return f"{head} … {tail}"
