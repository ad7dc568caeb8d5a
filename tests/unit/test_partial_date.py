from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckanext.inventory.partial_date import NotADate, PartialDate, parse_partial_date


@given(st.dates(), st.sampled_from(["year", "month", "day"]))
def test_what_is_written_reads_back(day: dt.date, precision: str):
    date = PartialDate(
        day.year,
        day.month if precision != "year" else None,
        day.day if precision == "day" else None,
    )
    assert parse_partial_date(str(date)) == date
    assert date.precision == precision
    assert date.first <= day <= date.last


@given(st.dates())
def test_text_order_is_time_order_within_a_precision(day: dt.date):
    later = day + dt.timedelta(days=40) if day.year < 9999 else day
    assert str(PartialDate(day.year, day.month)) <= str(PartialDate(later.year, later.month))


def test_surrounding_spaces_are_allowed():
    assert str(parse_partial_date(" 2027-06 ")) == "2027-06"


def test_a_month_ends_on_its_last_day():
    assert parse_partial_date("2028-02").last == dt.date(2028, 2, 29)
    assert parse_partial_date("2027").last == dt.date(2027, 12, 31)


@pytest.mark.parametrize(
    "text",
    ["", "00:00.0", "0000", "27", "2027-13", "2027-02-30", "2027-6", "2027/06", "June 2027",
     "2027-06-30T00:00", "२०२७", "-2027"],
)  # fmt: skip
def test_anything_else_is_no_date(text: str):
    with pytest.raises(NotADate):
        parse_partial_date(text)
