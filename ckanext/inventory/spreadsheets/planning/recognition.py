"""Whether a row's record is there already, in the inventory or further up in the file."""

from __future__ import annotations

from dataclasses import dataclass

from ckanext.inventory.spreadsheets.messages import Message, also

from .known import Known, Ref, fold


@dataclass(frozen=True)
class Identity:
    """What a row is recognised by.

    :param sheet: its sheet
    :param row: its row there
    :param department: organization id
    :param title: its name
    :param foreign: its ID in a list (name of the list, ID), None without one
    """

    sheet: str
    row: int
    department: str
    title: str
    foreign: tuple[str, str] | None

    @property
    def named(self) -> tuple[str, str]:
        """The name as compared."""
        return self.department, fold(self.title)

    @property
    def listed(self) -> tuple[str, str] | None:
        """The ID as compared."""
        return (fold(self.foreign[0]), fold(self.foreign[1])) if self.foreign else None


@dataclass(frozen=True)
class Recognised:
    """A row whose record is there already.

    :param reason: how it was recognised
    :param record: the record, None where it is another row of the file
    """

    reason: Message
    record: Ref | None = None


class Recogniser:
    """Recognises rows, by what the inventory holds and by the rows before.

    :param known: what the inventory holds
    :param asked: somebody may answer that a row is another one
    """

    def __init__(self, known: Known, *, asked: bool) -> None:
        self._known = known
        self._left_out = (
            Message("This row is left out unless you say that it is another one.")
            if asked
            else Message("This row is left out.")
        )
        self._titles: dict[tuple[str, str], Identity] = {}
        self._ids: dict[tuple[str, str], Identity] = {}

    def find(self, identity: Identity, numbered: Ref | None) -> Recognised | None:
        """Recognise a row.

        :param identity: what it is recognised by
        :param numbered: the record whose number it bears
        :returns: the record and how it was recognised, None for a new one
        """
        answered = self._known.answered.get(f"{identity.sheet}!{identity.row}")
        if answered:
            return Recognised(
                Message("You said that it is %(number)s.", {"number": answered.number}), answered
            )
        before = self._known.rows.get((identity.sheet, identity.row))
        if before:
            return Recognised(
                Message("This row was imported before, as %(number)s.", {"number": before.number}),
                before,
            )
        if numbered:
            return Recognised(
                Message("It is already there, as %(number)s.", {"number": numbered.number}),
                numbered,
            )
        return self._by_id(identity) or self._by_title(identity)

    def _by_id(self, identity: Identity) -> Recognised | None:
        listed = identity.listed
        if listed is None:
            return None
        same = self._known.ids.get(listed)
        if same:
            if fold(same.title) == fold(identity.title):
                message = Message(
                    "Its ID is already there, as %(number)s.", {"number": same.number}
                )
            else:
                message = Message(
                    'Its ID is already there with another name, as %(number)s "%(title)s".',
                    {"number": same.number, "title": same.title},
                )
            return Recognised(message, same)
        twin = self._ids.get(listed)
        if twin:
            message = Message("The file holds its ID already, in row %(row)s.", {"row": twin.row})
            return Recognised(also(message, self._left_out))
        return None

    def _by_title(self, identity: Identity) -> Recognised | None:
        same = self._known.titles.get(identity.named)
        if same:
            return Recognised(
                Message(
                    "The department already has this name, as %(number)s.", {"number": same.number}
                ),
                same,
            )
        twin = self._titles.get(identity.named)
        if twin:
            message = Message(
                "The file holds this name for the department already, in row %(row)s.",
                {"row": twin.row},
            )
            return Recognised(also(message, self._left_out))
        return None

    def add(self, identity: Identity) -> None:
        """Keep a new record, so that later rows are recognised by it.

        :param identity: what it is recognised by
        """
        self._titles[identity.named] = identity
        if identity.listed is not None:
            self._ids[identity.listed] = identity
