"""The sentinel sweep: whoever may not see something never gets a word of it, whatever is asked.

Source: leak contract, 5.1 to 5.5.
"""

from __future__ import annotations

import pytest

from tests.leaks import probes
from tests.leaks.city import OUTSIDERS, City

WHOLE = ("anonymous", "a_admin", "former_coordinator")
"""Outsiders who try everything; the others try less, by the same rules."""

KEYS = (
    "draft",
    "submitted",
    "preparing",
    "published",
    "restricted",
    "unassigned",
    "core draft",
    "deleted",
    "purged",
    "source",
    "shared source",
)


@pytest.mark.parametrize("person", OUTSIDERS)
def test_no_reading_action_tells_an_outsider_a_word(whole_city: City, person: str) -> None:
    city = whole_city
    keys = KEYS if person in WHOLE else ("draft", "unassigned")
    words = probes.search_words(city) if person in WHOLE else probes.search_words(city)[:1]
    asked = list(probes.variants(city, keys, words))
    special = probes.special(city)
    leaks = {
        f"{action} {data}: {sentinel}"
        for action in probes.reading_actions()
        for data in [*asked, *special.get(action, [])]
        for sentinel in probes.hits(city, person, probes.call(city, person, action, data), data)
    }
    assert not leaks, "\n".join(sorted(leaks))
