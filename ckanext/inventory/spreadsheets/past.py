"""What an older inventory says of its rows' past: state, day, reason, and where the data are.

Guesses only: everything here is proposed, shown and can be said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ckanext.inventory.spreadsheets import told
from ckanext.inventory.spreadsheets.reader import Sheet
from ckanext.inventory.spreadsheets.synonyms import key
from ckanext.inventory.spreadsheets.told import Told, ToldRow
from ckanext.inventory.types import State

PARTS = ("state", "date", "reason", "look_again", "dataset", "url")
"""What a column can say of the past."""

NO_WORD = ""
"""What an empty cell of the state's column says."""

LINKED_WORD = "(has a link or a date of publication)"
"""What a row says where no column tells its state but others tell that it is published."""

DATASET_HEADERS: Mapping[str, tuple[str, ...]] = {
    "dataset": (
        "dataset id",
        "portal id",
        "ckan id",
        "portal dataset",
        "public dataset",
        "dataset slug",
        "slug",
    ),
    "url": (
        "dataset url",
        "portal url",
        "portal url en",
        "existing publication url",
        "link to existing publication",
        "landing page",
        "landingpage",
        "access url",
        "url",
        "link",
    ),
}
"""Headers of columns that say where the data are."""

_HEADERS: Mapping[str, tuple[str, ...]] = {
    "state": (
        "workflow state",
        "release status",
        "publication status",
        "published status",
        "state",
        "status",
        "opendata portal",
        "on portal",
        "published",
        "eligible for release",
        "base ja divulgada sim nao",
        "base ja divulgada",
    ),
    "date": (
        "decision date",
        "date of decision",
        "decided on",
        "date published",
        "datepublished",
        "published on",
        "date released",
        "release date",
        "issued",
        "status date",
    ),
    "reason": (
        "decision reason",
        "reason for decision",
        "reason",
        "status reason",
        "justification",
    ),
    "look_again": ("look again", "review date", "revisit", "revisit on", "next review"),
    **DATASET_HEADERS,
}

_WORDS: Mapping[State, tuple[str, ...]] = {
    State.PUBLISHED: (
        "published",
        "released",
        "public",
        "on portal",
        "on the portal",
        "live",
        "online",
        "available",
        "complete",
        "completed",
        "done",
        "open",
        "yes",
        "y",
        "true",
        "1",
        "sim",
        "p",
    ),
    State.APPROVED: (
        "approved",
        "ready",
        "ready to publish",
        "approved for release",
        "to be published",
        "scheduled",
        "planned",
    ),
    State.SUBMITTED: (
        "submitted",
        "under review",
        "in review",
        "review",
        "pending",
        "pending approval",
        "pending review",
        "awaiting approval",
        "waiting",
    ),
    State.DEFERRED: (
        "deferred",
        "on hold",
        "hold",
        "later",
        "not now",
        "postponed",
        "low priority",
        "backlog",
    ),
    State.WITHHELD: (
        "withheld",
        "not releasable",
        "can t be released",
        "cannot be released",
        "will not be released",
        "do not release",
        "denied",
        "rejected",
        "restricted",
        "confidential",
        "exempt",
        "not eligible",
        "closed",
        "private",
    ),
    State.RETIRED: (
        "retired",
        "archived",
        "removed",
        "deleted",
        "obsolete",
        "discontinued",
        "duplicate",
        "superseded",
        "merged",
        "inactive",
    ),
    State.DRAFT: (
        "draft",
        "new",
        "not started",
        "in progress",
        "started",
        "identified",
        "inventoried",
        "listed",
        "unpublished",
        "not published",
        "not yet published",
        "no",
        "n",
        "false",
        "0",
        "nao",
        "unknown",
        "tbd",
        "",
    ),
}

_GUESSES: Mapping[str, State] = {
    key(word): state for state, words in _WORDS.items() for word in words
}


def guess(word: str) -> State | None:
    """Guess what a word of an older inventory means.

    :param word: the text of a cell, or one of :data:`LINKED_WORD` and :data:`NO_WORD`
    :returns: a state, None for a word that nobody knows
    """
    if word == LINKED_WORD:
        return State.PUBLISHED
    return _GUESSES.get(key(word))


def word_of(written: str) -> str:
    """Bring a cell of the state's column to the form in which it is counted and remembered.

    :param written: the text of the cell
    :returns: trimmed, case folded, one space between words
    """
    return " ".join(written.split()).casefold()


def word_in(row: ToldRow, *, has_state: bool) -> str:
    """Return what a row says of its state.

    :param row: the row
    :param has_state: a column tells the state
    :returns: the word, as :func:`word_of` writes it
    """
    if has_state:
        return word_of(row.cells.get("state", ""))
    said = any(row.cells.get(part) for part in ("dataset", "url", "date"))
    return LINKED_WORD if said else NO_WORD


def find(sheets: Iterable[Sheet], score: Callable[[str], int], given: Mapping[str, str]) -> Told:
    """Find the columns that tell the past, and what each row says there.

    :param sheets: the sheets whose rows are taken
    :param score: how well a text serves as a header
    :param given: part → header as somebody chose it; an empty header for none
    :returns: the columns and rows
    """
    return told.find(sheets, score, given, _HEADERS)
