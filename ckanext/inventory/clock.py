"""The only place that reads the time, so that tests and the demo city can set it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def _system_now() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)


_source: Callable[[], dt.datetime] = _system_now


def now() -> dt.datetime:
    """Return the present moment.

    :returns: an aware datetime in UTC
    """
    return _source()


def today() -> dt.date:
    """Return the present date in UTC.

    :returns: the date of :func:`now`
    """
    return now().date()


@contextmanager
def at(moment: dt.datetime) -> Iterator[None]:
    """Hold the clock at one moment for as long as the block runs.

    :param moment: an aware datetime
    :raises ValueError: if the moment carries no time zone
    """
    global _source
    if moment.tzinfo is None:
        raise ValueError("clock.at() takes an aware datetime")
    before = _source
    _source = lambda: moment  # noqa: E731 - a one-line clock needs no name
    try:
        yield
    finally:
        _source = before
