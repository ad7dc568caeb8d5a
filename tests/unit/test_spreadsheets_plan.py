"""From cells to records: columns, values, what follows from them, and what doesn't fit."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ckanext.inventory import fields, vocabularies
from ckanext.inventory.spreadsheets import synonyms
from ckanext.inventory.spreadsheets.headers import Fate
from ckanext.inventory.spreadsheets.messages import FileProblem, Severity
from ckanext.inventory.spreadsheets.planning.choices import Choices
from ckanext.inventory.spreadsheets.planning.departments import DepartmentNames
from ckanext.inventory.spreadsheets.planning.file import default_origin, make_plan
from ckanext.inventory.spreadsheets.planning.known import Department, Known, Ref, SourceRef, fold
from ckanext.inventory.spreadsheets.planning.outcome import Plan
from ckanext.inventory.spreadsheets.reader import read
from ckanext.inventory.spreadsheets.synonyms import key, squash
from ckanext.inventory.spreadsheets.values import Reader, is_day_first

PARKS = Department("parks-id", "parks-and-recreation", "Parks and Recreation", "PARKS")
WATER = Department("water-id", "water", "Water Utility", "WATER")
KNOWN = Known(departments=(PARKS, WATER))
HERE = Choices(department=PARKS.id)
CITY = Choices()
SCHEMAS = Path(fields.__file__).parents[1] / "schemas"


@cache
def schema(package_type: str) -> fields.Schema:
    raw = yaml.safe_load((SCHEMAS / f"{package_type}.yaml").read_text("utf-8"))
    return fields.parse_schema(raw, vocabularies.load())


def plan_bytes(
    data: bytes,
    choices: Choices = HERE,
    known: Known = KNOWN,
    kind: str = "entry",
    name: str = "list.csv",
    refusal: Any = lambda _name: "",
) -> Plan:
    other = "source" if kind == "entry" else "entry"
    words = vocabularies.load()
    return make_plan(
        read(data, name),
        schema(f"inventory_{kind}"),
        schema(f"inventory_{other}"),
        words,
        synonyms.load(),
        known,
        choices,
        Reader(words, synonyms.load(), choices.values, day_first=choices.day_first),
        refusal,
    )


def plan(rows: Sequence[Sequence[str]], *args: Any, **kwargs: Any) -> Plan:
    stream = io.StringIO()
    csv.writer(stream).writerows(rows)
    return plan_bytes(stream.getvalue().encode(), *args, **kwargs)


def one(header: str, cell: str, **kwargs: Any) -> dict[str, Any]:
    """The content of a single row with a name and one more cell."""
    return plan([["Dataset name", header], ["Trees", cell]], **kwargs).rows[0].content


def problems(found: Plan, severity: Severity = Severity.WARNING) -> list[tuple[int | None, str]]:
    return [(p.row, p.column) for p in found.problems if p.severity is severity]


# Columns


@pytest.mark.parametrize(
    "header", ["DATASET_NAME", "DatasetName", " dataset  name ", "Dataset-Name"]
)
def test_headers_compare_without_case_signs_and_spaces(header: str) -> None:
    assert plan([[header], ["Trees"]]).rows[0].content["title"] == "Trees"


@given(st.text(max_size=30))
def test_comparing_is_stable(text: str) -> None:
    assert key(key(text)) == key(text)
    assert squash(f" {text}_") == squash(text)


def test_unknown_columns_are_reported_and_kept_out() -> None:
    found = plan([["Name", "Wind speed"], ["Trees", "12"]])
    assert problems(found) == [(None, "Wind speed")]
    assert "12" not in str(found.rows[0].content)


def test_a_column_without_header_over_filled_cells_is_a_column() -> None:
    found = plan([["Name", ""], ["Trees", "x"]])
    fates = [item.fate for item in found.columns[0][1]]
    assert fates == [Fate.USED, Fate.UNKNOWN]


def test_a_city_list_without_a_column_of_departments_says_where_headers_are_sought() -> None:
    with pytest.raises(
        FileProblem, match=r"No column names the department\. .* among the first 20"
    ):
        plan([["Name"], ["Pipes"]], CITY)


def test_why_a_column_was_read_otherwise_is_said_in_one_language() -> None:
    found = plan([["", "Name"], ["Water utility", "Pipes"]], CITY)
    [note] = found.notes
    assert note.said(lambda text: f"<{text}>", lambda *_: "") == (
        '<Column "(A)": <The only column without a header was read as the department.>>'
    )


def test_a_single_unnamed_column_names_the_department_of_a_city_list() -> None:
    found = plan([["", "Name"], ["Water utility", "Pipes"]], CITY)
    assert found.rows[0].department == WATER.id


def test_columns_are_mapped_and_left_out_by_hand() -> None:
    choices = replace(HERE, columns={"Wind speed": "comments", "Description": "", "(C)": "steward"})
    found = plan([["Name", "Wind speed", "", "Description"], ["Trees", "12", "Jo", "old"]], choices)
    content = found.rows[0].content
    assert (content["comments"], content["steward"], content.get("notes")) == ("12", "Jo", None)


def test_the_description_serves_as_the_name_where_no_column_holds_one() -> None:
    found = plan([["ID", "Description"], ["1", "Street trees"]])
    assert found.rows[0].content["title"] == "Street trees"
    assert "notes" not in found.rows[0].content


def test_a_long_description_as_name_is_shortened_and_kept_whole() -> None:
    long = "Trees along streets " * 20
    found = plan([["ID", "Description"], ["1", long]])
    content = found.rows[0].content
    assert len(content["title"]) <= 200
    assert content["notes"] == " ".join(long.split())
    assert problems(found) == [(2, "Description")]


def test_flags_under_notes_are_no_description() -> None:
    assert "notes" not in one("Notes", "y")
    assert one("Notes", "All trees along streets")["notes"] == "All trees along streets"


def test_what_is_no_field_of_ours_is_reported() -> None:
    found = plan([["Name", "PUBLISHED_DATE", "user_votes"], ["Trees", "2018-03-11", "3"]])
    assert problems(found) == [(None, "PUBLISHED_DATE"), (None, "user_votes")]
    assert set(found.rows[0].content) == {
        "title", "owner_org", "blocker_status", "contains_sensitive_data", "source_known",
    }  # fmt: skip


def test_unexplained_codes_become_comments() -> None:
    found = plan([["application_name", "status"], ["Trees", "P"]], kind="source")
    assert found.rows[0].content["comments"] == "status: P"


def test_of_two_id_columns_the_fuller_one_counts() -> None:
    rows = [["Name", "ID", "Master_ID"], ["A", "", "7"], ["B", "", "8"], ["C", "1", "9"]]
    assert plan(rows).rows[0].content["external_id"] == "7"
    chosen = replace(HERE, columns={"ID": "external_id"})
    assert plan(rows, chosen).rows[2].content["external_id"] == "1"


def test_the_origin_of_ids_is_alike_for_later_versions_of_a_file() -> None:
    first = default_origin("dataset_inventory_2018_03_11.csv", "RECORD_ID")
    assert first == default_origin("dataset_inventory_2019.csv", "RECORD_ID")
    assert first != default_origin("dataset_inventory_2019.csv", "OBJECTID")
    assert default_origin("2019.csv", "") == "list: ID"


def test_without_a_name_column_the_file_is_refused_and_says_what_it_found() -> None:
    with pytest.raises(FileProblem, match="AGENCY_NAME"):
        plan([["AGENCY_NAME", "PARTICIPATING"], ["Parks", "Yes"]], CITY)
    with pytest.raises(FileProblem, match="has to be among the first 20"):
        plan([["AGENCY_NAME", "PARTICIPATING"], ["Parks", "Yes"]], CITY)
    with pytest.raises(FileProblem, match="sources"):
        plan([["application_name", "agency"], ["Trees", "Parks"]], CITY)


def test_a_city_list_without_department_column_is_refused() -> None:
    with pytest.raises(FileProblem, match="department"):
        plan([["Name", "Category"], ["Trees", "Finance"]], CITY)


def test_the_best_sheet_is_read_and_those_alike() -> None:
    import openpyxl

    book = openpyxl.Workbook()
    about = book.active
    assert about is not None
    about.append(["Field", "Description"])
    about.append(["Name", "what it is called"])
    for name in ("North", "South"):
        sheet = book.create_sheet(name)
        sheet.append(["Name", "Description", "Category"])
        sheet.append([f"{name} trees", "All of them", "Finance"])
    stream = io.BytesIO()
    book.save(stream)
    found = plan_bytes(stream.getvalue(), name="list.xlsx")
    assert [(row.sheet, row.content["title"]) for row in found.rows] == [
        ("North", "North trees"),
        ("South", "South trees"),
    ]
    assert "Sheet" in str(found.notes[0])


# Values


@pytest.mark.parametrize(
    ("header", "cell", "field", "value"),
    [
        ("Update frequency", "Real-Time/Near Real-Time", "change_frequency", "real_time"),
        ("Update frequency", "quadrimestral", "change_frequency", "every_four_months"),
        ("Update frequency", "DIÁRIA", "change_frequency", "daily"),
        ("Update frequency", "nenhuma", "change_frequency", "static"),
        ("Update frequency", "a definir", "change_frequency", "not_known_yet"),
        ("INTEREST", "Frequent Request", "request_frequency", "frequent"),
        ("INTEREST", "No Requests", "request_frequency", "none"),
        ("INTEREST", "NULL", "request_frequency", None),
        ("Classification", "Level 3", "classification", "protected"),
        (
            "Classification",
            "public not proactively released",
            "classification",
            "public_on_request",
        ),
        ("Classification", "", "classification", "not_known_yet"),
        ("Format", "Word; PDF, paper", "format", ["document", "paper"]),
        ("Format", "Unknown", "format", ["not_known_yet"]),
        ("Existing publication", "website, unknown", "existing_publication", ["website"]),
        ("Keywords", "trees; Trees|parks,\n", "keywords", ["trees", "parks"]),
        ("Contains sensitive data", "Sim", "contains_sensitive_data", "yes"),
        ("earliest records", "00:00.0", "earliest_records", None),
        ("earliest records", "12/85", "earliest_records", "1985-12"),
        ("earliest records", "April 1990", "earliest_records", "1990-04"),
        ("earliest records", "março de 2001", "earliest_records", None),
        ("earliest records", "2018-01-03 00:00:00", "earliest_records", "2018-01-03"),
        ("earliest records", "3 Mar 2018", "earliest_records", "2018-03-03"),
        ("requests per year", "1,200", "requests_per_year", 1200),
        ("Language", "English; fr", "language", ["en", "fr"]),
        ("Steward e-mail", "Jo Doe <jo@city.example>", "steward_email", "jo@city.example"),
        ("eligible_for_release", "Yes", "blocker_status", "none"),
        ("eligible_for_release", "no", "blocker_status", "some"),
        ("Source", "Unknown", "source_known", "not_known_yet"),
        ("Source", "An old cabinet", "source_known", "described"),
    ],
)
def test_cells_become_values(header: str, cell: str, field: str, value: Any) -> None:
    assert one(header, cell).get(field) == value


def test_a_value_that_fits_nothing_is_kept_as_a_comment_with_a_suggestion() -> None:
    found = plan([["Name", "Category"], ["Trees", "Transportaton"], ["Birds", "Wildlife"]])
    assert problems(found) == [(2, "Category"), (3, "Category")]
    assert [p.suggestion for p in found.problems] == ["Transportation", ""]
    assert found.rows[1].content["comments"] == "Category: Wildlife"


def test_values_are_mapped_by_hand() -> None:
    choices = replace(HERE, values={"value": {"1": "high"}, "category": {"wildlife": ""}})
    found = plan([["Name", "Priority", "Category"], ["Trees", "1", "Wildlife"]], choices)
    assert found.rows[0].content["value"] == "high"
    assert not found.problems


def test_what_is_no_address_goes_to_the_note() -> None:
    found = plan(
        [
            ["Name", "Link"],
            ["A", "https://a.example/x ; https://b.example/y, www.c.example"],
            ["B", "permits-issued"],
            ["C", "mailto:jo@city.example"],
        ]
    )
    contents = [row.content for row in found.rows]
    assert contents[0]["existing_publication_url"] == ["https://a.example/x", "https://b.example/y"]
    assert contents[0]["existing_publication_note"] == "www.c.example"
    assert contents[0]["existing_publication"] == ["website"]
    assert contents[1]["existing_publication_note"] == "permits-issued"
    assert "existing_publication_url" not in contents[2]
    assert len(found.problems) == 3


def test_dates_follow_what_the_column_shows() -> None:
    rows = [["Name", "DateAdded"], ["A", "3/4/2020"], ["B", "25/4/2020"]]
    assert plan(rows).rows[0].content["source_date_added"] == "2020-04-03"
    assert plan(rows[:2]).rows[0].content["source_date_added"] == "2020-03-04"
    day_first = replace(HERE, day_first=True)
    assert plan(rows[:2], day_first).rows[0].content["source_date_added"] == "2020-04-03"
    assert is_day_first(["1/2/20", "13/2/20", "2/14/20"]) is None


@given(st.dates(min_value=dt.date(1800, 1, 1), max_value=dt.date(2200, 12, 31)))
def test_every_full_date_is_read_back(day: dt.date) -> None:
    reader = Reader(vocabularies.load(), synonyms.load(), year=2026)
    for written in (day.isoformat(), f"{day.month}/{day.day}/{day.year}", f"{day:%d %B %Y}"):
        assert reader.parse_date(written, written, day_first=False) == day.isoformat()


@pytest.mark.parametrize(
    "written",
    [
        "Sat, 15 Mar 2024",
        "Saturday, March 15, 2024",
        "15. März 2024",
        "Freitag, den 15. März 2024",
        "vendredi 15 mars 2024",
        "sexta-feira, 15 de março de 2024",
    ],
)
def test_dates_are_read_in_several_languages_and_behind_a_weekday(written: str) -> None:
    reader = Reader(vocabularies.load(), synonyms.load(), year=2026)
    assert reader.parse_date(written, written, day_first=False) == "2024-03-15"


def test_german_months() -> None:
    reader = Reader(vocabularies.load(), synonyms.load(), year=2026)
    names = ["Januar", "Februar", "März", "April", "Mai", "Juni"]
    names += ["Juli", "August", "September", "Oktober", "November", "Dezember"]
    for number, name in enumerate(names, start=1):
        written = f"7. {name} 2024"
        found = reader.parse_date(written, written, day_first=False)
        assert found == f"2024-{number:02d}-07", written


@pytest.mark.parametrize("written", ["before, 15 Mar 2024", "Sat", "Mon, 2", "Monat 3"])
def test_what_only_begins_like_a_weekday_is_no_date(written: str) -> None:
    reader = Reader(vocabularies.load(), synonyms.load(), year=2026)
    assert reader.parse_date(written, written, day_first=False) is None


@given(st.text(max_size=60))
def test_any_cell_is_read_without_failing(cell: str) -> None:
    words, names = vocabularies.load(), synonyms.load()
    reader = Reader(words, names)
    for package_type in ("inventory_entry", "inventory_source"):
        for spec in schema(package_type).fields.values():
            if spec.kind not in ("rows", "organization"):
                reading = reader.read(spec, cell)
                assert reading.message or not reading.rest or spec.kind == "email"


def test_control_characters_never_get_in() -> None:
    assert one("Description", "Trees \x07 and birds")["notes"] == "Trees   and birds"


# What follows


def test_the_six_columns_of_the_govex_template_make_valid_drafts() -> None:
    found = plan(
        [
            ["Name", "Contents", "System of record", "Contains sensitive data",
             "Sensitive data comments", "Steward e-mail"],
            ["Street trees", "Each tree", "TreeBase", "Yes", "Leave out addresses", "jo@city.example"],
            ["Benches", "Each bench", "", "", "", ""],
        ]
    )  # fmt: skip
    assert not found.problems
    first, second = (row.content for row in found.rows)
    assert first == {
        "title": "Street trees",
        "notes": "Each tree",
        "owner_org": PARKS.id,
        "system_of_record_note": "TreeBase",
        "source_known": "described",
        "contains_sensitive_data": "yes",
        "sensitive_data_comments": "Leave out addresses",
        "steward_email": "jo@city.example",
        "blocker_status": "some",
    }
    assert (
        second["blocker_status"],
        second["contains_sensitive_data"],
        second["source_known"],
    ) == (
        "not_known_yet",
        "not_known_yet",
        "not_known_yet",
    )


def test_a_reason_without_a_kind_is_a_blocker_of_an_unknown_kind() -> None:
    found = plan(
        [
            ["Name", "Classification", "DATASET_CLASSIFICATION_REASON"],
            ["A", "Confidential", "Names of students"],
            ["B", "Confidential", "None."],
            ["C", "Open", "Open"],
            ["D", "Open", "On the web site already"],
        ]
    )
    a, b, c, d = (row.content for row in found.rows)
    assert a["release_blockers"] == [
        {"kind": "not_known_yet", "status": "open", "rationale": "Names of students"}
    ]
    assert a["blocker_status"] == "some"
    for content in (b, c, d):
        assert "release_blockers" not in content
        assert content["blocker_status"] == "not_known_yet"
    assert "On the web site" in d["comments"]
    assert problems(found) == [(5, "DATASET_CLASSIFICATION_REASON")]


def test_kinds_of_blockers_and_old_values_that_are_none() -> None:
    found = plan(
        [
            ["Name", "Release blockers", "Reason for not releasing"],
            ["A", "privacy; Security", "Home addresses"],
            ["B", "under_review", ""],
            ["C", "already_available", ""],
        ]
    )
    a, b, c = (row.content for row in found.rows)
    assert [row["kind"] for row in a["release_blockers"]] == ["privacy", "security"]
    assert "under_review" in b["comments"]
    assert c["existing_publication"] == ["open_data_portal"]


def test_a_published_row_is_published_elsewhere_not_here() -> None:
    content = one("DatePublished", "07/01/2016")
    assert content["existing_publication"] == ["open_data_portal"]
    assert content["source_date_published"] == "2016-07-01"


# Sources


TREEBASE = SourceRef("s1", "PARKS-S003", "TreeBase", PARKS.id, "T-9", "Jo Doe", "jo@city.example")
FOREIGN = SourceRef("s2", "WATER-S001", "PipeBase", WATER.id)
SHARED = SourceRef("s3", "WATER-S002", "CityGIS", WATER.id, shared=True)
SOURCES = replace(KNOWN, sources=(TREEBASE, FOREIGN, SHARED))


@pytest.mark.parametrize(
    ("cell", "ids", "note"),
    [
        ("parks-s003", ["s1"], None),
        ("T-9", ["s1"], None),
        (" treebase ", ["s1"], None),
        ("WATER-S002", ["s3"], None),
        ("WATER-S001", None, "WATER-S001"),
        ("PipeBase", None, "PipeBase"),
        ("TreeBase; Excel lists", ["s1"], "Excel lists"),
        ("Paper; Excel lists", None, "Paper; Excel lists"),
    ],
)
def test_source_cells_are_matched_or_noted(
    cell: str, ids: list[str] | None, note: str | None
) -> None:
    content = one("Data source", cell, known=SOURCES)
    assert content.get("source_ids") == ids
    assert content.get("system_of_record_note") == note
    assert content["source_known"] == ("linked" if ids else "described")


def test_the_steward_is_proposed_from_the_sources_business_contact() -> None:
    content = one("Data source", "TreeBase", known=SOURCES)
    assert (content["steward"], content["steward_email"]) == ("Jo Doe", "jo@city.example")


def test_one_offer_for_each_source_that_is_not_registered() -> None:
    rows = [["Name", "Data source"], ["A", "Excel"], ["B", "excel "], ["C", "Paper"]]
    found = plan(rows)
    assert [(offer.title, offer.rows) for offer in found.offers] == [("Excel", 2), ("Paper", 1)]


# Departments


def test_a_city_list_is_matched_on_title_name_or_code_and_unknown_ones_told_once() -> None:
    rows = [
        ["Name", "Department", "ACRONYM"],
        ["A", "parks AND recreation", ""],
        ["B", "", "WATER"],
        ["C", "Fire", "FD"],
        ["D", "Fire ", ""],
        ["E", "", ""],
    ]
    found = plan(rows, CITY)
    assert [row.department for row in found.rows] == [PARKS.id, WATER.id]
    errors = [p for p in found.problems if p.severity is Severity.ERROR]
    assert [(p.value, p.row) for p in errors] == [("", 6), ("Fire", None)]
    assert "2 rows" in str(errors[1].message)
    assert (found.total, found.refused) == (5, 3)
    assert [(new.title, new.short, new.rows) for new in found.unknown_departments] == [
        ("Fire", "FD", 2)
    ]


def test_unknown_departments_are_planned_where_that_was_chosen() -> None:
    found = plan([["Name", "Department"], ["A", "Fire"]], replace(CITY, create_departments=True))
    assert not found.problems
    assert found.rows[0].department == found.unknown_departments[0].id


def test_in_a_departments_own_list_other_departments_are_errors_and_other_names_divisions() -> None:
    found = plan([["Name", "Department"], ["A", "Water Utility"], ["B", "Tree crew"]])
    assert problems(found, Severity.ERROR) == [(2, "Department")]
    assert found.rows[0].content["division"] == "Tree crew"
    (error,) = [problem for problem in found.problems if problem.severity is Severity.ERROR]
    assert str(error.message) == (
        'The row names "Water Utility", which is another department: leave the row out, or bring the '
        "file there."
    )


def test_names_that_are_read_as_divisions_are_told_once() -> None:
    rows = [["Name", "Department"], ["A", "Tree crew"], ["B", "Parks"], ["C", "Tree crew"]]
    assert [str(note) for note in plan(rows).notes] == [
        'The file names "Tree crew" as a department, which this site doesn\'t have: it is read as the '
        "division."
    ]
    many = [[str(number), f"Crew number {number:02d}"] for number in range(40)]
    (note,) = plan([["Name", "Department"], *many]).notes
    assert str(note).startswith("The file names 40 departments that this site doesn't have (")
    assert str(note).endswith("): they are read as divisions.")
    assert len(str(note)) < 260
    assert plan([["Name", "Department"], ["A", "Parks"]]).notes == []


def test_a_row_that_is_there_twice_says_what_becomes_of_it() -> None:
    rows = [["Name", "ID"], ["A", "1"], ["B", "1"], ["A", "2"]]
    out = " This row is left out."
    assert [str(item.reason) for item in plan(rows).skipped] == [
        "The file holds its ID already, in row 2." + out,
        "The file holds this name for the department already, in row 2." + out,
    ]
    asked = replace(HERE, read_known=True)
    assert all(
        str(item.reason).endswith(" This row is left out unless you say that it is another one.")
        for item in plan(rows, asked).skipped
    )


def test_departments_are_found_however_people_write_them() -> None:
    names = DepartmentNames((PARKS, WATER))
    for written in (
        "Parks and Recreation",
        " parks  AND recreation",
        "Parks & Recreation",
        "Pärks & Recreation",
        "Parks Recreation",
        "parks-and-recreation",
        "parks",
        "parks-id",
    ):
        assert names.find(written) == PARKS, written
    for written in ("", "&", "and", "Recreation", "Park and Recreation"):
        assert names.find(written) is None, written


def test_the_nearest_department_is_found_by_letters_or_by_words() -> None:
    fire = Department("fire-id", "fire", "Fire Department")
    police = Department("police-id", "police", "Police Department")
    works = Department("works-id", "works", "Public Works")
    health = Department("health-id", "health", "Public Health")
    names = DepartmentNames((PARKS, WATER, fire, police, works, health))
    for written, near in (
        ("Parks and Recreatoin", PARKS),
        ("Recreation", PARKS),
        ("Dept. of Water", WATER),
        ("Police Dept", police),
        ("Department of Public Works", works),
        ("Public", None),
        ("Zoo", None),
        ("", None),
    ):
        assert names.near(written) == near, written


def test_of_two_departments_of_one_title_ones_own_is_found() -> None:
    other = Department("other-id", "other", "Parks and Recreation", "OTHER", allowed=False)
    for known in ((other, PARKS), (PARKS, other)):
        names = DepartmentNames(known)
        assert names.find("Parks & Recreation") == PARKS
        assert names.find("other") == other
        assert names.is_doubtful("parks and recreation")
        assert (names.called(PARKS), names.called(WATER)) == (
            "parks-and-recreation",
            "Water Utility",
        )
    joined = Department("joined-id", "joined", "Parks Recreation")
    assert DepartmentNames((PARKS, joined)).find("Parks und Recreation") is None, "either"
    assert DepartmentNames((PARKS, joined)).find("Parks Recreation") == joined


def test_departments_where_the_person_may_not_add_are_told_once() -> None:
    known = Known(departments=(PARKS, replace(WATER, allowed=False)))
    found = plan([["Name", "Department"], ["A", "Water"], ["B", "Water Utility"], ["C", "Parks"]],
                 CITY, known)  # fmt: skip
    assert found.refused == 2
    assert "2 rows" in str(next(p for p in found.problems if p.value == "Water Utility").message)


# Already there


def test_nothing_is_made_twice() -> None:
    there = Ref("p1", "PARKS-0001", "Street trees")
    known = replace(
        KNOWN,
        titles={(PARKS.id, "street trees"): there},
        ids={("list: id", "7"): Ref("p2", "PARKS-0002", "Benches")},
        rows={("", 5): Ref("p3", "PARKS-0003", "Ponds")},
        numbers={"PARKS-0009": Ref("p9", "PARKS-0009", "Gates")},
    )
    found = plan(
        [
            ["Name", "ID"],
            [" Street  TREES ", "1"],
            ["Benches", "7"],
            ["Seats", "7"],
            ["Ponds", "5"],
            ["Paths", "6"],
            ["paths", "8"],
            ["Ways", "6"],
        ],
        known=known,
    )
    assert [row.content["title"] for row in found.rows] == ["Paths"]
    reasons = [str(item.reason) for item in found.skipped]
    for reason, part in zip(
        reasons,
        ["PARKS-0001", "PARKS-0002", "another name", "PARKS-0003", "row 6", "row 6"],
        strict=True,
    ):
        assert part in reason


@given(
    st.lists(
        st.sampled_from(["Trees", "trees ", "TREES", "Birds", "Ponds", "", "n/a"]), max_size=12
    )
)
def test_every_row_is_created_skipped_or_refused_and_no_title_twice(titles: list[str]) -> None:
    found = plan([["Name", "Description"], *([title, "x"] for title in titles)])
    created = [fold(row.content["title"]) for row in found.rows]
    assert len(created) == len(set(created))
    refused = [p for p in found.problems if p.severity is Severity.ERROR]
    assert len(created) + len(found.skipped) + len(refused) == found.total == len(titles)


def test_columns_that_the_person_may_not_write_stay_out() -> None:
    def refusal(name: str) -> str:
        return "Only a reviewer can change this." if name == "license_id" else ""

    found = plan([["Name", "License"], ["Trees", "cc-by"]], refusal=refusal)
    assert problems(found) == [(None, "License")]
    assert "license_id" not in found.rows[0].content


def test_marks_are_read_and_assignees_found_among_known_people() -> None:
    known = replace(KNOWN, people={"jo doe": "u1"})
    rows = [["Name", "Assigned to Complete", "visibility", "in_directory"],
            ["A", "Jo Doe", "department_and_cdo_only", "No"], ["B", "Al", "", ""]]  # fmt: skip
    found = plan(rows, known=known)
    assert found.rows[0].marks == {
        "assignee": "u1",
        "visibility": "department_and_cdo_only",
        "in_directory": False,
    }
    assert problems(found) == [(3, "Assigned to Complete")]
    assert "Al" in found.rows[1].content["comments"]


# Real files


REAL = [
    # file, package, department, rows, created, skipped, refused, departments
    ("dc-edi-2018/dataset_inventory_2018_03_11.csv", "entry", True, 1640, 1637, 3, 0),
    ("dc-edi-2019/dataset_inventory_2019.csv", "entry", True, 1779, 1776, 3, 0),
    ("dc-edi-2019/retired_2019.csv", "entry", True, 16, 16, 0, 0),
    ("nyc-1993/public-data-directory-1993-applications.csv", "source", True, 269, 269, 0, 0),
    ("nyc-1993/public-data-directory-1993-applications-clean.csv", "source", True, 269, 269, 0, 0),
    ("brazil-pda-mp/Inventario_consulta_publica.ods", "entry", True, 59, 59, 0, 0),
    ("sandiego/inventory_2016-09-29.csv", "entry", False, 145, 145, 0, 0),
    ("sandiego/inventory_assets_2017-02.csv", "entry", False, 145, 145, 0, 0),
    ("sandiego/history/inventory_2015-11-24_ead5e4f.csv", "entry", True, 105, 78, 21, 6),
    ("sandiego/history/inventory_2015-11-25_48f1ae4.csv", "entry", True, 101, 80, 21, 0),
    ("sandiego/history/inventory_2016-02-11_92310f4.csv", "entry", False, 101, 72, 29, 0),
    ("sandiego/history/inventory_2016-02-29_c3f4914.csv", "entry", False, 115, 115, 0, 0),
    ("sandiego/history/inventory_2016-06-15_c16fe9d.csv", "entry", False, 136, 136, 0, 0),
    ("sandiego/history/inventory_2016-09-06_6fd24f4.csv", "entry", False, 145, 145, 0, 0),
]


@pytest.mark.parametrize(("file", "kind", "city", "total", "created", "skipped", "refused"), REAL)
def test_real_inventories_are_accounted_for_row_by_row(
    shared_data: Path,
    file: str,
    kind: str,
    city: bool,
    total: int,
    created: int,
    skipped: int,
    refused: int,
) -> None:
    path = shared_data / file
    choices = Choices(create_departments=True) if city else HERE
    found = plan_bytes(path.read_bytes(), choices, kind=kind, name=path.name)
    assert (found.total, len(found.rows), len(found.skipped), found.refused) == (
        total,
        created,
        skipped,
        refused,
    )


def count(found: Plan, field: str, value: Any) -> int:
    return sum(row.content.get(field) == value for row in found.rows)


def test_a_real_list_of_2018_keeps_its_counts(shared_data: Path) -> None:
    path = shared_data / "dc-edi-2018" / "dataset_inventory_2018_03_11.csv"
    found = plan_bytes(path.read_bytes(), Choices(create_departments=True), name=path.name)
    # Three rows of 1,640 repeat a title within one agency.
    levels = {
        "public": 708,
        "protected": 508,
        "internal": 193,
        "public_on_request": 137,
        "restricted": 94,
    }
    counts = {level: count(found, "classification", level) for level in levels}
    assert sum(counts.values()) == 1637
    assert all(levels[level] - 3 <= counts[level] <= levels[level] for level in levels)
    reasons = [row for row in found.rows if row.content.get("release_blockers")]
    assert 928 <= len(reasons) <= 931
    assert all(row.content["classification"] != "public" for row in reasons)
    assert 514 <= count(found, "existing_publication", ["open_data_portal"]) <= 517
    columns = {problem.column for problem in found.problems}
    assert columns <= {
        "PUBLISHED_DATE", "DATE_LAST_MODIFIED", "OBJECTID", "DATASET_CATEGORY",
        "DATASET_CLASSIFICATION_REASON", "DATASET_URL",
    }  # fmt: skip


def test_a_portuguese_file_keeps_its_counts(shared_data: Path) -> None:
    path = shared_data / "brazil-pda-mp" / "Inventario_consulta_publica.ods"
    found = plan_bytes(path.read_bytes(), Choices(create_departments=True), name=path.name)
    assert count(found, "contains_sensitive_data", "no") == 54
    assert count(found, "contains_sensitive_data", "yes") == 4
    assert count(found, "existing_publication", ["open_data_portal"]) == 38
    assert count(found, "existing_publication", ["no"]) == 21
    assert count(found, "change_frequency", "monthly") == 20
    assert count(found, "change_frequency", "static") == 7
    assert count(found, "change_frequency", "not_known_yet") == 6
    odd = [p.value for p in found.problems if p.column == "Sigiloso (sim/não)"]
    assert odd == ["Dados sensíveis"]
    assert len(found.unknown_departments) == 9
