"""The departments that a file names: found, chosen, unknown or not one's own."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ckanext.inventory.spreadsheets.messages import (
    Message,
    Problem,
    Severity,
    counted,
    shorten,
)
from ckanext.inventory.spreadsheets.synonyms import key

from .choices import Choices
from .known import Department
from .outcome import NEW, NamedDepartment, NewDepartment, Plan

CLOSE = 0.75
"""How like a written name has to be to one that is suggested, letter by letter."""

SHARED = 0.5
"""How much of the shorter of two names has to be in the other one, where a few words of it are missing."""

_JOINING = frozenset({"and", "und", "et", "y", "e", "en", "och", "og"})
"""Words that an ampersand stands for."""


def _loose(words: str) -> str:
    return " ".join(word for word in words.split() if word not in _JOINING) or words


class DepartmentNames:
    """Finds departments by what people call them.

    Case, spaces, accents and "&" for "and" don't matter. A title or name counts before another department's
    code, and of two departments of one title the one that whoever brings the file may add to.

    :param known: departments that may be named
    """

    def __init__(self, known: Sequence[Department]) -> None:
        first = sorted(known, key=lambda department: not department.allowed)
        self._by_words: dict[str, Department] = {}
        for words in ("title", "name", "code", "id"):
            for department in first:
                if written := key(getattr(department, words)):
                    self._by_words.setdefault(written, department)
        self._loosely: dict[str, Department | None] = {}
        for written, department in self._by_words.items():
            other = self._loosely.setdefault(_loose(written), department)
            if other is not department:
                # Nobody could tell which of them is meant.
                self._loosely[_loose(written)] = None
        times = Counter(key(department.title) for department in known)
        self._twice = {title for title, count in times.items() if count > 1}

    def find(self, written: str) -> Department | None:
        """Find the department that a text names.

        :param written: title, name, code or id
        """
        words = key(written)
        return self._by_words.get(words) or (self._loosely.get(_loose(words)) if words else None)

    def called(self, department: Department) -> str:
        """Return what a department is to be called, so that no other one is found by that.

        :param department: one of them
        """
        return department.name if self.is_doubtful(department.title) else department.title

    def is_doubtful(self, written: str) -> bool:
        """Tell whether several departments have this title.

        :param written: a text
        """
        return key(written) in self._twice

    def near(self, written: str) -> Department | None:
        """Return the department whose name is nearest to a text.

        :param written: what nobody is called
        :returns: the nearest, None if none is near, or several are
        """
        words = key(written)
        close = difflib.get_close_matches(words, list(self._by_words), 1, CLOSE)
        return self._by_words[close[0]] if close else self._sharing(words)

    def _sharing(self, words: str) -> Department | None:
        """Return the one that shares most words; what stands in many names counts little."""
        mine = set(words.split())
        others = {department.id: department for department in self._by_words.values()}
        theirs = {key_: set(key(item.title).split()) for key_, item in others.items()}
        times = Counter(word for title in theirs.values() for word in title)

        def weight(some: Iterable[str]) -> float:
            return sum(1 / max(times[word], 1) for word in some)

        shared = {
            key_: weight(mine & title) / min(weight(mine), weight(title))
            for key_, title in theirs.items()
            if mine & title
        }
        most = max(shared.values(), default=0)
        best = [key_ for key_, part in shared.items() if part == most]
        return others[best[0]] if most >= SHARED and len(best) == 1 else None


def heir_of(found: Department, known: Iterable[Department]) -> Department:
    """Return the department that took over from one that was merged, however many times; else itself.

    :param found: the department
    :param known: all departments
    """
    by_id = {department.id: department for department in known}
    heirs = {key_: item.merged_into for key_, item in by_id.items() if item.merged_into in by_id}
    heir = last_heir(found.id, heirs)
    return found if heir == found.id else by_id[heir]


def last_heir(organization: str, heirs: Mapping[str, str | None]) -> str:
    """Return what a department goes on as, however often it was merged; itself if it wasn't.

    :param organization: organization id
    :param heirs: organization id to the one that it was merged into, if it was
    """
    seen = {organization}
    while (after := heirs.get(organization)) and after not in seen:
        organization = after
        seen.add(after)
    return organization


def was_merged(title: str, heir: str) -> Message:
    """Say that a department is none any more to which anybody adds.

    :param title: what it is called
    :param heir: what the one is called that took over
    """
    return Message(
        '"%(department)s" was merged into "%(other)s": choose that one.',
        {"department": title, "other": heir},
    )


class Departments:
    """Finds the departments that rows name, and counts the rows that can't be added as they stand.

    :param known: departments that rows may name
    :param choices: what was chosen
    """

    def __init__(self, known: Sequence[Department], choices: Choices) -> None:
        self._choices = choices
        self._names = DepartmentNames(known)
        self._chosen = {key(title): found for title, found in choices.departments.items()}
        self._by_id = {department.id: department for department in known}
        self._new: dict[str, NewDepartment] = {}
        self._forbidden: Counter[tuple[str, str]] = Counter()
        self._named: dict[str, NamedDepartment] = {}
        self._divisions: dict[str, str] = {}

    def find(self, candidates: Sequence[str]) -> Department | None:
        """Find the department that a row's cells name.

        :param candidates: the filled cells of its department columns
        """
        found = (self._names.find(candidate) for candidate in candidates)
        return next((department for department in found if department), None)

    def by_choice(self, candidates: Sequence[str], found: Department | None) -> str | None:
        """Note a row whose department nobody can add to as it stands there.

        :param candidates: the filled cells of its department columns
        :param found: the department of that name, if there is one
        :returns: id of the department that was chosen for it, empty to leave the row out, None as
            long as nothing was chosen
        """
        if self._choices.create_departments and found is None:
            return None
        title = found.title if found else max(candidates, key=len)
        chosen = self._choice(title)
        before = self._named.get(key(title))
        rows = before.rows if before else 0
        near = before.near if before else self._near(title) if not found else ""
        heir = ""
        if found is not None and found.merged_into:
            other = heir_of(found, self._by_id.values())
            near, heir = other.id, other.title
        self._named[key(title)] = NamedDepartment(
            before.title if before else title, rows + 1, found is not None, chosen, near, heir
        )
        return chosen

    def forbid(self, department: Department) -> None:
        """Note a row of a department that whoever imports may not add to.

        :param department: the department
        """
        heir = heir_of(department, self._by_id.values())
        self._forbidden[department.title, heir.title if heir is not department else ""] += 1

    def unknown(self, candidates: Sequence[str]) -> str:
        """Note a row whose department nobody knows.

        :param candidates: the filled cells of its department columns
        :returns: the id that stands for the department
        """
        title = max(candidates, key=len)
        others = [item for item in candidates if item != title]
        identifier = NEW + key(title)
        before = self._new.get(identifier)
        short = (before.short if before else "") or (others[0] if others else "")
        self._new[identifier] = NewDepartment(
            identifier, before.title if before else title, short, (before.rows if before else 0) + 1
        )
        return identifier

    def read_as_division(self, title: str) -> None:
        """Note a name that nobody knows in a list of a single department.

        :param title: as the file writes it
        """
        self._divisions.setdefault(key(title), title)

    def report(self, plan: Plan) -> None:
        """Say of each department what concerns all its rows at once.

        :param plan: gets it
        """
        plan.unknown_departments = list(self._new.values())
        plan.named = sorted(self._named.values(), key=lambda item: (-item.rows, item.title))
        if self._divisions:
            names = ", ".join(f'"{title}"' for title in self._divisions.values())
            plan.notes.append(
                counted(
                    "The file names %(names)s as a department, which this site doesn't have: it is read "
                    "as the division.",
                    "The file names %(count)s departments that this site doesn't have (%(names)s): they "
                    "are read as divisions.",
                    len(self._divisions),
                    names=shorten(names),
                )
            )
        if not self._choices.read_known:
            plan.problems += self._problems()

    def _problems(self) -> list[Problem]:
        problems = [
            _kept_out(
                title,
                counted(
                    "This department was merged into another one: one row was kept out.",
                    "This department was merged into another one: %(count)s rows were kept out.",
                    rows,
                )
                if heir
                else counted(
                    "You can't add to this department: one row was kept out.",
                    "You can't add to this department: %(count)s rows were kept out.",
                    rows,
                ),
                heir,
            )
            for (title, heir), rows in self._forbidden.items()
        ]
        if not self._choices.create_departments:
            for new in self._new.values():
                message = counted(
                    "No department has this name: one row was kept out.",
                    "No department has this name: %(count)s rows were kept out.",
                    new.rows,
                )
                near = self._by_id.get(self._near(new.title))
                problems.append(_kept_out(new.title, message, near.title if near else ""))
        return problems

    def _choice(self, title: str) -> str | None:
        found = self._chosen.get(key(title), self._choices.departments.get("*"))
        known = self._by_id.get(found or "")
        return found if not found or (known is not None and known.allowed) else None

    def _near(self, title: str) -> str:
        near = self._names.near(title)
        return heir_of(near, self._by_id.values()).id if near else ""


def _kept_out(title: str, message: Message, suggestion: str = "") -> Problem:
    return Problem(Severity.ERROR, "", None, "", title, message, suggestion)
