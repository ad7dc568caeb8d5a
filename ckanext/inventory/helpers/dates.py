"""How dates, durations and numbers read."""

from __future__ import annotations

import datetime as dt

import ckan.plugins.toolkit as tk

from ckanext.inventory import clock

_LATE_AFTER_DAYS = 14


def _moment(value: str | dt.date | dt.datetime | None) -> dt.datetime | None:
    if not value:
        return None
    if isinstance(value, dt.datetime):
        moment = value
    elif isinstance(value, dt.date):
        moment = dt.datetime(value.year, value.month, value.day, tzinfo=dt.timezone.utc)
    else:
        try:
            moment = dt.datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)


def _month(number: int) -> str:
    return [
        tk._("January"),
        tk._("February"),
        tk._("March"),
        tk._("April"),
        tk._("May"),
        tk._("June"),
        tk._("July"),
        tk._("August"),
        tk._("September"),
        tk._("October"),
        tk._("November"),
        tk._("December"),
    ][number - 1]


def inventory_day(value: str | dt.date | None) -> str:
    """Return a date of any precision in words.

    :param value: ``YYYY``, ``YYYY-MM``, ``YYYY-MM-DD`` or an ISO moment
    :returns: "2027", "October 2027", "12 October" (this year) or "12 October 2025"
    """
    if isinstance(value, str):
        parts = value.split("T")[0].split("-")
        if len(parts) == 1:
            return value
        if len(parts) == 2 and parts[1].isdigit() and 1 <= int(parts[1]) <= 12:
            return f"{_month(int(parts[1]))} {parts[0]}"
    moment = _moment(value)
    if moment is None:
        return str(value or "")
    day = f"{moment.day} {_month(moment.month)}"
    return day if moment.year == clock.today().year else f"{day} {moment.year}"


def inventory_date(value: str | None) -> str:
    """Return when something happened; with the time only on the day itself.

    :param value: an ISO moment
    :returns: "Today 09:12", "Yesterday", "12 October"
    """
    moment = _moment(value)
    if moment is None:
        return ""
    moment = moment.astimezone(tk.h.get_display_timezone())
    today = clock.now().astimezone(tk.h.get_display_timezone()).date()
    days = (today - moment.date()).days
    if days == 0:
        return tk._("Today {time}").format(time=moment.strftime("%H:%M"))
    if days == 1:
        return tk._("Yesterday")
    return inventory_day(moment.date())


def inventory_days_since(value: str | None) -> int:
    """Return the whole days since a moment.

    :param value: an ISO moment
    :returns: days, 0 for today and for nothing
    """
    moment = _moment(value)
    return max((clock.today() - moment.date()).days, 0) if moment else 0


def inventory_ago(value: str | None) -> str:
    """Return how long something has lasted, in words.

    :param value: an ISO moment
    :returns: "since today", "for 1 day", "for 16 days"
    """
    days = inventory_days_since(value)
    if not days:
        return tk._("since today")
    return tk.ungettext("for {days} day", "for {days} days", days).format(days=days)


def inventory_waiting(value: str | None) -> tuple[str, bool]:
    """Return a waiting time for a table cell, and whether it is long.

    :param value: an ISO moment
    :returns: ("16 d", True)
    """
    if not value:
        return "–", False
    days = inventory_days_since(value)
    return tk._("{days} d").format(days=days), days > _LATE_AFTER_DAYS


def inventory_minutes(minutes: int) -> str:
    """Return a duration in words.

    :param minutes: minutes
    :returns: "about 1 minute", "about 16 minutes"
    """
    return tk.ungettext("about {n} minute", "about {n} minutes", minutes).format(n=minutes)


def inventory_number_word(number: int) -> str:
    """Return a small number as a word, as a heading starts with.

    :param number: a count
    :returns: "Four", "12"
    """
    words = [
        tk._("Nothing"),
        tk._("One"),
        tk._("Two"),
        tk._("Three"),
        tk._("Four"),
        tk._("Five"),
        tk._("Six"),
        tk._("Seven"),
        tk._("Eight"),
        tk._("Nine"),
    ]
    return words[number] if 0 <= number < len(words) else str(number)
