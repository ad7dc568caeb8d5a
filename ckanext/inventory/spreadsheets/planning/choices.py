"""What whoever imports has chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Choices:
    """What whoever imports has chosen.

    :param department: organization id for all rows, None for a whole city
    :param columns: header to target; an empty target leaves the column out
    :param values: field to cell text to value
    :param origin: name of the list whose IDs these are; empty derives it from the file's name
    :param sheets: names of the sheets to read, empty for the one that fits best
    :param departments: name of a department in the file to the organization id that it stands for;
        empty leaves its rows out; ``*`` stands for all that nothing is said about
    :param create_departments: unknown departments are created instead of keeping their rows out
    :param day_first: undecided dates put the day first
    :param read_known: read rows whose record is already there, too, instead of skipping them
    :param given: ``sheet!row`` to field to the text that stands for a cell of a column that the file lacks
    :param given_to_new: name of a sheet to the same for all its new rows
    """

    department: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    origin: str = ""
    sheets: tuple[str, ...] = ()
    departments: Mapping[str, str] = field(default_factory=dict[str, str])
    create_departments: bool = False
    day_first: bool = False
    read_known: bool = False
    given: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    given_to_new: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict[str, Mapping[str, str]]
    )
