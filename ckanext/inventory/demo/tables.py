"""Small tables of made-up figures, the same every time for the same day."""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Any

from ckanext.inventory.demo import dates


def csv_file(
    per: Mapping[str, Any], figures: Mapping[str, Sequence[Any]], seed: str, today: dt.date
) -> bytes:
    """Make a table: one row for each combination of ``per``, with a figure in each other column.

    :param per: column → a list of values, or ``12 months``, ``30 days``, ``80 numbers`` (up to
        yesterday or last month)
    :param figures: column → two numbers to draw between, or a list of texts to draw from
    :param seed: what the figures are drawn by
    :param today: the day that the city lives in
    :returns: the file, UTF-8
    """
    draw = random.Random(seed)
    series = [_series(given, today) for given in per.values()]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*per, *figures])
    for row in itertools.product(*series):
        writer.writerow([*row, *(_figure(draw, given, today) for given in figures.values())])
    return text.getvalue().encode()


def _series(given: Any, today: dt.date) -> list[Any]:
    if not isinstance(given, str):
        return list(given)
    count, unit = int(given.split()[0]), given.split()[1]
    if unit == "months":
        return [dates.month(today, -back) for back in range(count, 0, -1)]
    if unit == "days":
        return [(today - dt.timedelta(days=back)).isoformat() for back in range(count, 0, -1)]
    return list(range(1, count + 1))


def _figure(draw: random.Random, given: Sequence[Any], today: dt.date) -> Any:
    """Two different numbers are a range; anything else is a list to choose from."""
    if len(given) == 2 and all(isinstance(bound, (int, float)) for bound in given):
        low, high = given
        if isinstance(low, float):
            return round(draw.uniform(low, high), 1)
        return draw.randint(low, high)
    chosen = draw.choice(list(given))
    return dates.resolve(chosen, today) if isinstance(chosen, str) else chosen
