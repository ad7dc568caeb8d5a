"""What the inventory holds already, as far as whoever imports may know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Department:
    """A department that rows may name.

    :param id: organization id
    :param name: the organization's name
    :param title: the organization's title
    :param code: the department's code, empty if it has none yet
    :param allowed: whoever imports may add to it
    :param merged_into: organization id of the one that it was merged into, empty as long as it is open
    """

    id: str
    name: str
    title: str
    code: str = ""
    allowed: bool = True
    merged_into: str = ""


@dataclass(frozen=True)
class Ref:
    """A record that is already there.

    :param id: package id
    :param number: its number
    :param title: its title
    """

    id: str
    number: str
    title: str

    @classmethod
    def of(cls, record: Any) -> Ref:
        """Refer to a register row.

        :param record: the row
        """
        return cls(record.package_id, record.number, record.title)


@dataclass(frozen=True)
class SourceRef(Ref):
    """A source that entries may be linked to.

    :param department: organization id
    :param external_id: its ID in the department's own list
    :param business_expert: who knows the business side, proposed as steward
    :param business_expert_email: their e-mail
    :param shared: other departments may link it
    """

    department: str = ""
    external_id: str = ""
    business_expert: str = ""
    business_expert_email: str = ""
    shared: bool = False


@dataclass(frozen=True)
class Known:
    """What the inventory holds, as far as the person may know it.

    :param departments: departments that rows may name
    :param titles: (department, folded title) to the record
    :param ids: (folded origin, folded id) to the record
    :param rows: (sheet, row) of this very file to the record made from it
    :param numbers: number to the record
    :param sources: sources that may be linked
    :param people: folded name or e-mail to user id
    :param answered: ``sheet!row`` to the record that somebody said it is
    :param others: ``sheet!row`` of rows that somebody said are another one
    """

    departments: tuple[Department, ...] = ()
    titles: Mapping[tuple[str, str], Ref] = field(default_factory=dict[tuple[str, str], Ref])
    ids: Mapping[tuple[str, str], Ref] = field(default_factory=dict[tuple[str, str], Ref])
    rows: Mapping[tuple[str, int], Ref] = field(default_factory=dict[tuple[str, int], Ref])
    numbers: Mapping[str, Ref] = field(default_factory=dict[str, Ref])
    sources: tuple[SourceRef, ...] = ()
    people: Mapping[str, str] = field(default_factory=dict[str, str])
    answered: Mapping[str, Ref] = field(default_factory=dict[str, Ref])
    others: frozenset[str] = frozenset()


def fold(title: str) -> str:
    """Return a title as compared for sameness: trimmed, white space and case folded.

    :param title: a title or any other name
    """
    return " ".join(title.split()).casefold()
