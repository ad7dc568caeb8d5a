"""Dates of unknown precision: a year, a month or a day."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass

_PATTERN = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)


class NotADate(ValueError):
    """A text is no partial date."""


@dataclass(frozen=True)
class PartialDate:
    """A date as precise as somebody knows it.

    :param year: 1 to 9999
    :param month: 1 to 12, or None if only the year is known
    :param day: 1 to 31, or None if only the month is known
    """

    year: int
    month: int | None = None
    day: int | None = None

    @property
    def precision(self) -> str:
        """``year``, ``month`` or ``day``."""
        if self.month is None:
            return "year"
        return "month" if self.day is None else "day"

    @property
    def first(self) -> dt.date:
        """The first day that it may mean."""
        return dt.date(self.year, self.month or 1, self.day or 1)

    @property
    def last(self) -> dt.date:
        """The last day that it may mean."""
        month = self.month or 12
        return dt.date(self.year, month, self.day or calendar.monthrange(self.year, month)[1])

    def __str__(self) -> str:
        parts = [f"{self.year:04}"]
        parts += [f"{part:02}" for part in (self.month, self.day) if part is not None]
        return "-".join(parts)


def parse_partial_date(text: str) -> PartialDate:
    """Read a date of unknown precision.

    :param text: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; surrounding spaces allowed
    :returns: the date
    :raises NotADate: for anything else, ``00:00.0`` and days that don't exist included
    """
    found = _PATTERN.fullmatch(text.strip())
    if found is None:
        raise NotADate(text)
    year, month, day = (int(part) if part else None for part in found.groups())
    date = PartialDate(year or 0, month, day)
    try:
        date.first  # noqa: B018 - fails for a day that no calendar has
    except ValueError as error:
        raise NotADate(text) from error
    return date
