"""The sources that a file's entries name: registered ones to link, others to offer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ckanext.inventory.spreadsheets.returned import reference

from .known import SourceRef, fold
from .outcome import Offer


class Sources:
    """Finds the sources that rows name, and counts those that aren't registered.

    :param known: sources that may be linked
    """

    def __init__(self, known: Sequence[SourceRef]) -> None:
        self._found: dict[tuple[str, str], SourceRef] = {}
        for source in known:
            self._found.setdefault((source.department, fold(source.title)), source)
        for source in known:
            if source.external_id:
                self._found[(source.department, fold(source.external_id))] = source
        for source in known:
            if source.number:
                self._found[("", fold(source.number))] = source
        self._offers: Counter[tuple[str, str]] = Counter()
        self._titles: dict[tuple[str, str], str] = {}

    def find(self, department: str, name: str) -> SourceRef | None:
        """Find the source that an entry may link.

        :param department: the entry's department
        :param name: number, name or ID of a source; or its number and name, as our workbooks write it
        """
        by_number = self._found.get(("", fold(reference(name) or name)))
        if by_number and (by_number.shared or by_number.department == department):
            return by_number
        return self._found.get((department, fold(name)))

    def offer(self, department: str, title: str) -> None:
        """Note an entry of a source that isn't registered.

        :param department: the entry's department
        :param title: as the file writes it
        """
        pair = (department, fold(title))
        self._offers[pair] += 1
        self._titles.setdefault(pair, title)

    def offers(self) -> list[Offer]:
        """Return the sources that could be registered."""
        return [
            Offer(department, self._titles[(department, folded)], count)
            for (department, folded), count in self._offers.items()
        ]
