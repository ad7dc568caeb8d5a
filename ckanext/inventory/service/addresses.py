"""Reading addresses that somebody pasted: from a mail, a list or a spreadsheet."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

EMAIL = re.compile(r"[^\s<>,;:\"'()\[\]@]+@[^\s<>,;:\"'()\[\]@]+\.[^\s<>,;:\"'()\[\]@.]+")
"""An address, wherever it stands in a line."""

_NAMED = re.compile(r"\"?([^<>\"\t;,]*?)\"?\s*<\s*(" + EMAIL.pattern + r")\s*>")
_SPLIT = re.compile(r"[\t;,]")
MAX_LINES = 500

NO_ADDRESS = "There is no e-mail address in this line."
TWO_DEPARTMENTS = "This line names two departments."
TOO_MANY = "At most 500 addresses at a time."


@dataclass(frozen=True)
class Pasted:
    """One address of what was pasted.

    :param line: its line, counted from 1
    :param email: the address; empty if there is none
    :param name: what stands before it in a mail's way of writing
    :param department: organization id, if the line names one
    :param division: what else the line says
    :param until: a day that the line names
    :param problem: what is wrong with the line
    """

    line: int
    email: str
    name: str = ""
    department: str | None = None
    division: str = ""
    until: dt.date | None = None
    problem: str = ""


def read(text: str, departments: Mapping[str, str]) -> list[Pasted]:
    """Read what was pasted; an address that stands there twice for a department counts once.

    :param text: lines with one or more addresses; a cell of the line may name the department, a
        day (``YYYY-MM-DD``) until when, and the division
    :param departments: title, name or code, case folded → organization id
    :returns: the addresses in their order
    """
    found: list[Pasted] = []
    seen: set[tuple[str, str | None]] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        for one in _line(number, line, departments):
            key = (one.email.lower(), one.department)
            if one.problem or key not in seen:
                found.append(one)
            seen.add(key)
    return found


def _line(number: int, line: str, departments: Mapping[str, str]) -> list[Pasted]:
    people: dict[str, str] = {}
    for name, email in _NAMED.findall(line):
        people[email] = name.strip()
    rest = _NAMED.sub("\t", line)
    for email in EMAIL.findall(rest):
        people.setdefault(email, "")
    if not people:
        return [Pasted(number, "", problem=NO_ADDRESS)]
    department: str | None = None
    until: dt.date | None = None
    words: list[str] = []
    problem = ""
    for cell in _SPLIT.split(EMAIL.sub("\t", rest)):
        said = cell.strip().strip(":").strip()
        if not said:
            continue
        day = _day(said)
        organization = departments.get(said.casefold())
        if day is not None:
            until = day
        elif organization is not None:
            problem = TWO_DEPARTMENTS if department not in (None, organization) else problem
            department = organization
        else:
            words.append(said)
    return [
        Pasted(number, email, name, department, ", ".join(words), until, problem)
        for email, name in people.items()
    ]


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None
