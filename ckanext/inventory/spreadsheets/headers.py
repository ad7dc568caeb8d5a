"""Find out which field each column of a table means.

A column's target is a field of the schema, a part of a blocker row (``release_blockers.rationale``), a
mark that lives in our tables (``assignee``), or one of the two names for the record itself (``number``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ckanext.inventory.fields import Schema
from ckanext.inventory.types import ENTRY, Writer

from .messages import Message
from .reader import Column, Table, text
from .synonyms import Synonyms, squash

BLOCKERS = "release_blockers"
BLOCKER_PARTS = ("kind", "detail", "rationale", "citation", "owner", "since", "look_again")
MARKS = {
    "inventory_entry": ("assignee", "in_directory", "visibility", "listing"),
    "inventory_source": ("shared",),
}
NUMBER = "number"
DEPARTMENT = "owner_org"
COMMENTS = "comments"

NAMING = ("title", DEPARTMENT, NUMBER, "external_id", "external_id_origin")
"""What says which record a row is."""

OUR_NUMBER = re.compile(r"[A-Z][A-Z0-9]{1,9}-S?\d{3,}")
LONG_TEXT = 12
BY_LETTER = re.compile(r"\([A-Z]{1,3}\)")
"""A column that is called by its letter."""


class Fate(Enum):
    """What becomes of a column."""

    USED = "used"
    COMMENT = "comment"
    IGNORED = "ignored"
    UNKNOWN = "unknown"
    LEFT_OUT = "left out"


@dataclass(frozen=True)
class Assignment:
    """What a column means.

    :param column: the column
    :param fate: what becomes of it
    :param target: the field or part that it fills, empty for none
    :param remark: why, where that isn't plain
    """

    column: Column
    fate: Fate
    target: str = ""
    remark: Message | None = None


def names_of(columns: Sequence[Column]) -> dict[int, str]:
    """Return by what the columns of a table are called in choices.

    :param columns: the columns
    :returns: a column's position to its header; to its letter in brackets where it has none, or another one
        has the same
    """
    times = Counter(squash(column.header) for column in columns)
    return {
        column.index: column.header
        if column.header and times[squash(column.header)] == 1
        else f"({column.letter})"
        for column in columns
    }


class _Chosen:
    """What somebody chose for the columns of a table.

    :param given: header or letter to target
    :param columns: the table's columns
    """

    def __init__(self, given: Mapping[str, str], columns: Sequence[Column]) -> None:
        self._named = names_of(columns)
        self._headers = {squash(column.header) for column in columns if column.header}
        by_letter = {name for name in self._named.values() if BY_LETTER.fullmatch(name)}
        self._letters = {
            name.upper(): target for name, target in given.items() if name.upper() in by_letter
        }
        self._texts = {
            squash(name): target for name, target in given.items() if name.upper() not in by_letter
        }

    def of(self, column: Column) -> str | None:
        """Return what was chosen for a column: empty to leave it out, None for nothing.

        :param column: the column
        """
        name = self._named[column.index]
        if name in self._letters:
            return self._letters[name]
        header = squash(column.header if column.header else column.letter)
        if not column.header and header in self._headers:
            return None
        return self._texts.get(header)


class HeaderMap:
    """The headers that are understood for one package type.

    :param schema: the schema in force; its names, labels and terms are understood too
    :param synonyms: other people's headers
    :param other: schema of the other private type, to call its fields by their labels
    """

    def __init__(self, schema: Schema, synonyms: Synonyms, other: Schema | None = None) -> None:
        self.schema = schema
        self.other = other
        self.synonyms = synonyms
        self.targets = targets(schema)
        self.lookup: dict[str, str] = {}
        labels = Counter(squash(spec.label) for spec in schema.fields.values())
        for name, spec in schema.fields.items():
            if name not in self.targets:
                continue
            self.lookup[squash(name)] = name
            for words in (spec.label, spec.term, f"{spec.label} ({spec.term})"):
                # Several fields are labelled "Details" or "Link to it": that names none of them.
                if words and labels[squash(words)] < 2:
                    self.lookup.setdefault(squash(words), name)
        for target in self.targets:
            self.lookup.setdefault(squash(target), target)
        for header, target in synonyms.headers.get(schema.package_type, {}).items():
            if target in self.targets:
                self.lookup[header] = target
        for header in synonyms.texts_only & self.lookup.keys():
            self.lookup[header] = "notes"

    def score(self, header: str) -> int:
        """Say how well a text serves as a header: 3 for the name's, 1 for another known one."""
        squashed = squash(header)
        if not squashed or len(header) > 80:
            return 0
        target = self.lookup.get(squashed)
        if target:
            return 3 if target == "title" else 1
        known = squashed in self.synonyms.ignored or squashed in self.synonyms.texts_only
        return 1 if known or squashed in self._comment_headers else 0

    @property
    def _comment_headers(self) -> frozenset[str]:
        return self.synonyms.kept_as_comment.get(self.schema.package_type, frozenset())

    def assign(
        self, table: Table, given: Mapping[str, str] | None = None, *, whole_city: bool = False
    ) -> list[Assignment]:
        """Decide what each column of a table means.

        :param table: the table
        :param given: header, or letter in brackets, to target as somebody chose it; an empty target leaves
            the column out. A header means every column that bears it and isn't called by its letter
        :param whole_city: no department was given, so that a column must name it
        :returns: one assignment per column, in their order
        """
        chosen = _Chosen(given or {}, table.columns)
        found: list[Assignment] = []
        for column in table.columns:
            found.append(self._assign(column, table, chosen))
        found = self._settle_ids(found, table, chosen)
        taken = {assignment.target for assignment in found}
        if "title" not in taken:
            found = self._title_from_description(found, chosen)
        unnamed = [item for item in found if not item.column.header and item.fate is Fate.UNKNOWN]
        if whole_city and DEPARTMENT not in taken and len(unnamed) == 1:
            remark = Message("The only column without a header was read as the department.")
            found = [
                Assignment(item.column, Fate.USED, DEPARTMENT, remark)
                if item is unnamed[0]
                else item
                for item in found
            ]
        return found

    def _assign(self, column: Column, table: Table, chosen: _Chosen) -> Assignment:
        header, target = squash(column.header), chosen.of(column)
        if target == "":
            return Assignment(column, Fate.LEFT_OUT)
        if target is not None:
            if target in self.targets:
                return Assignment(column, Fate.USED, target)
            return Assignment(
                column,
                Fate.UNKNOWN,
                remark=Message(
                    'What was chosen for this column, "%(field)s", is no field here: choose another one.',
                    {"field": self._called(target)},
                ),
            )
        if header in self.synonyms.ignored:
            return Assignment(column, Fate.IGNORED, remark=Message(self.synonyms.ignored[header]))
        if header in self._comment_headers:
            return Assignment(
                column,
                Fate.COMMENT,
                COMMENTS,
                Message("Nobody has explained its values: kept in the comments."),
            )
        if header in self.synonyms.texts_only and not _holds_texts(column, table):
            return Assignment(
                column, Fate.UNKNOWN, remark=Message("It holds flags, not descriptions.")
            )
        target = self.lookup.get(header, "")
        if target == NUMBER and not _holds_our_numbers(column, table):
            target = "external_id"
        if not target:
            return Assignment(column, Fate.UNKNOWN)
        return Assignment(column, Fate.USED, target)

    def _called(self, target: str) -> Message | str:
        """Call a field that the type doesn't have as people know it."""
        spec = self.other.fields.get(target) if self.other is not None else None
        return Message(spec.label) if spec is not None else target

    def _settle_ids(
        self, found: list[Assignment], table: Table, chosen: _Chosen
    ) -> list[Assignment]:
        """Keep one column of foreign ids: the chosen one, else the fullest with the fewest repeats."""
        ids = [item for item in found if item.target == "external_id"]
        if len(ids) < 2:
            return found
        explicit = [item for item in ids if chosen.of(item.column) is not None]
        best = explicit[0] if explicit else max(ids, key=lambda item: _distinct(item.column, table))
        remark = Message(
            'Another column, "%(column)s", was taken for the ID.', {"column": best.column.label}
        )
        return [
            Assignment(item.column, Fate.IGNORED, remark=remark)
            if item in ids and item is not best
            else item
            for item in found
        ]

    def _title_from_description(self, found: list[Assignment], chosen: _Chosen) -> list[Assignment]:
        remark = Message("No column holds a name: the description serves as the name.")
        for position, item in enumerate(found):
            serves = squash(item.column.header) in self.synonyms.title_from
            if item.target == "notes" and serves and chosen.of(item.column) is None:
                return [
                    *found[:position],
                    Assignment(item.column, Fate.USED, "title", remark),
                    *found[position + 1 :],
                ]
        return found


def targets(schema: Schema) -> frozenset[str]:
    """Return what a column may fill.

    :param schema: the schema in force
    :returns: field names that people write, parts of blocker rows, marks and the number
    """
    names = {
        name
        for name, spec in schema.fields.items()
        if spec.writers - {Writer.SYSTEM} and name not in (BLOCKERS, "name")
    }
    if BLOCKERS in schema.fields:
        names |= {f"{BLOCKERS}.{part}" for part in BLOCKER_PARTS}
    names |= set(MARKS.get(schema.package_type, ()))
    return frozenset(names | {NUMBER, DEPARTMENT})


def can_be_given(schema: Schema, name: str) -> bool:
    """Tell whether a text may stand for a field that a list has no column for.

    :param schema: the schema in force
    :param name: the field
    """
    return name in targets(schema) and name not in NAMING


def looks_like_other_type(headers: Sequence[str], other: HeaderMap) -> bool:
    """Tell whether headers name the records of the other package type.

    :param headers: headers of a table without a name column
    :param other: the other type's headers
    """
    return any(other.lookup.get(squash(header)) == "title" for header in headers)


def other_type(package_type: str) -> str:
    """Return the private type that isn't this one.

    :param package_type: ``inventory_entry`` or ``inventory_source``
    """
    return "inventory_source" if package_type == ENTRY else ENTRY


def _cells(column: Column, table: Table) -> list[str]:
    texts = (text(cells[column.index]) for _, cells in table.rows if column.index < len(cells))
    return [item for item in texts if item]


def _holds_texts(column: Column, table: Table) -> bool:
    lengths = sorted(len(item) for item in _cells(column, table))
    return bool(lengths) and lengths[len(lengths) // 2] >= LONG_TEXT


def _holds_our_numbers(column: Column, table: Table) -> bool:
    cells = _cells(column, table)
    return bool(cells) and all(OUR_NUMBER.fullmatch(item) for item in cells)


def _distinct(column: Column, table: Table) -> int:
    return len(set(_cells(column, table)))
