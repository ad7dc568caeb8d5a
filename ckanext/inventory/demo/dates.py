"""Dates relative to the day that the city lives in, and its working hours."""

from __future__ import annotations

import datetime as dt
import re

_RELATIVE = re.compile(r"@([+-]\d+)([dmy])")
_SATURDAY = 5
_OPENS_AT = dt.time(8, 0, tzinfo=dt.timezone.utc)
_SLOT = dt.timedelta(minutes=25)
_SLOT_SECONDS = int(_SLOT.total_seconds())


def month(today: dt.date, offset: int) -> str:
    """Return a month relative to a day.

    :param today: the day
    :param offset: months, negative for the past
    :returns: ``YYYY-MM``
    """
    years, index = divmod(today.month - 1 + offset, 12)
    return f"{today.year + years:04d}-{index + 1:02d}"


def resolve(text: str, today: dt.date) -> str:
    """Turn a relative date into one as precise as its unit; other text stays.

    :param text: ``@+6m`` (six months on, ``YYYY-MM``), ``@+1y`` (``YYYY``), ``@-20d``
        (``YYYY-MM-DD``), or anything else
    :param today: the day that it is relative to
    :returns: the date or the text
    """
    found = _RELATIVE.fullmatch(text)
    if found is None:
        return text
    count, unit = int(found[1]), found[2]
    if unit == "d":
        return (today + dt.timedelta(days=count)).isoformat()
    return month(today, count) if unit == "m" else f"{today.year + count:04d}"


def at_work(today: dt.date, days_ago: int, slot: int, offset: int = 0) -> dt.datetime:
    """Return a moment in working hours; a weekend's work was done on the Friday before.

    :param today: the day that the city lives in
    :param days_ago: how long ago, in days
    :param slot: which part of the morning, from 0; later slots are later
    :param offset: any number, so that not everything happens at the same second of a slot
    :returns: an aware datetime
    """
    day = today - dt.timedelta(days=days_ago)
    day -= dt.timedelta(days=max(0, day.weekday() - _SATURDAY + 1))
    return dt.datetime.combine(day, _OPENS_AT) + _SLOT * slot + _seconds(offset)


def _seconds(offset: int) -> dt.timedelta:
    return dt.timedelta(seconds=offset % _SLOT_SECONDS)
