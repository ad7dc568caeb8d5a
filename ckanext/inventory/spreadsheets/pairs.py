"""Which entry belongs to which public dataset, as the rows of a file say it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ckanext.inventory.spreadsheets import told
from ckanext.inventory.spreadsheets.past import DATASET_HEADERS
from ckanext.inventory.spreadsheets.reader import Sheet
from ckanext.inventory.spreadsheets.synonyms import squash
from ckanext.inventory.spreadsheets.told import Told

PARTS = ("number", "title", "external_id", "dataset", "url")
"""What a column can say: which entry, by three names, and which dataset, by two."""

_HEADERS: Mapping[str, tuple[str, ...]] = {
    "number": ("number", "inventory number", "entry number", "entry", "inventory id"),
    "title": ("title", "name", "dataset name", "dataset title", "entry title", "dataset"),
    "external_id": ("external id", "id elsewhere", "asset id", "record id", "id", "identifier"),
    **DATASET_HEADERS,
}


def find(sheets: Iterable[Sheet], score: Callable[[str], int], given: Mapping[str, str]) -> Told:
    """Find the columns that name entries and datasets, and what each row says there.

    :param sheets: the sheets
    :param score: how well a text serves as a header
    :param given: part → header as somebody chose it; an empty header for none
    :returns: the columns and rows
    """

    def known(header: str) -> int:
        return max(score(header), 1 if _is_known(header, given) else 0)

    return told.find(sheets, known, given, _HEADERS)


def _is_known(header: str, given: Mapping[str, str]) -> bool:
    known = {word for words in _HEADERS.values() for word in words} | set(given.values())
    return bool(header) and squash(header) in {squash(word) for word in known if word}
