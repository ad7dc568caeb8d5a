"""A workbook of ours that lost its hidden column: it is a list, and says what it said."""

from __future__ import annotations

import base64
import csv
import io
from typing import Any

import ckan.plugins.toolkit as tk
import openpyxl
import pytest

from ckanext.inventory import config, vocabularies
from ckanext.inventory.fields import schema_for
from ckanext.inventory.service import languages, translated
from ckanext.inventory.spreadsheets import layout as layouts
from ckanext.inventory.types import ENTRY, Role
from tests.logic.city import City, make_city
from tests.logic.returning import again, cells, content, download, opened, preview, save
from tests.support import grant, make_department, make_user

CONTENT: dict[str, Any] = {
    "notes": "Every tree, one row each.",
    "alternate_title": "Tree list",
    "category": "energy_and_environment",
    "keywords": ["trees", "parks"],
    "external_id": "77",
    "external_id_origin": "The list of 2019",
    "source_known": "linked",
    "format": ["paper", "database"],
    "earliest_records": "2019-03",
    "data_dictionary": "yes",
    "data_dictionary_url": "https://city.example/columns",
    "steward": "Urban forestry",
    "steward_email": "trees@city.example",
    "value": "high",
    "existing_publication": ["website", "open_data_portal"],
    "existing_publication_url": ["https://city.example/a", "https://city.example/b"],
    "classification": "sensitive",
    "contains_sensitive_data": "yes",
    "target_release": "2028",
    "blocker_status": "some",
    "comments": "one\ntwo",
}


@pytest.fixture
def city(db: None) -> City:
    return make_city()


def unstamped(book: Any, sheet: str) -> list[list[Any]]:
    """The cells of a sheet without its last column."""
    return [list(row)[:-1] for row in book[sheet].iter_rows(values_only=True)]


def as_csv(rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([["" if cell is None else cell for cell in row] for row in rows])
    return text.getvalue().encode()


def brought(city: City, rows: list[list[Any]], **choices: Any) -> dict[str, Any]:
    return preview(
        city,
        as_csv(rows),
        filename="typed.csv",
        department="parks",
        same={"all": "same"},
        **choices,
    )


def test_nothing_changes_by_what_was_not_changed(city: City) -> None:
    source = city.do(
        city.coordinator, "inventory_source_create", title="TreeBase", owner_org=city.parks.id
    )
    whole = city.entry(title="Trees of the city")
    city.entry(
        **CONTENT,
        title="Street trees",
        source_ids=[source["id"]],
        part_of=whole["id"],
        release_blockers=[{"kind": "privacy", "rationale": "It names people."}],
    )
    ids = [city.do(city.coordinator, "inventory_entry_show", id="PARKS-0002")["id"]]
    city.do(city.coordinator, "inventory_mark", ids=ids, field="in_directory", value="yes")
    city.do(city.coordinator, "inventory_assign", ids=ids, user=city.coordinator.name)
    rows = unstamped(opened(download(city)), "Datasets")
    found = brought(city, rows)
    assert not found["ours"]
    assert {item["column"]: item["remark"] for item in found["columns"] if not item["field"]} == {
        "State": "An import always makes drafts.",
        "Waits for": "It follows from the state, and can't be said by a file.",
        "Classification confirmed": "What a reviewer confirmed can't be changed through a file.",
    }
    assert cells(found) == {}
    assert found["counts"]["unchanged"] == 2
    told = [item["message"] for item in found["problems"] if item["row"] is not None]
    assert told == []


def test_the_id_belongs_to_the_list_that_the_row_names(city: City) -> None:
    city.entry(title="Street trees", external_id="77", external_id_origin="The list of 2019")
    rows = [
        ["Name", "ID in your own list", "Which list that is"],
        ["Trees along streets", "77", "The list of 2019"],
        ["Benches", "77", "The list of 2020"],
        ["Lamps", "78", ""],
    ]
    found = brought(city, rows)
    same = {row["title"]: row["number"] for row in found["rows"]}
    assert same == {"Street trees": "PARKS-0001", "Benches": None, "Lamps": None}
    save(city, found)
    origins = [content(city, f"PARKS-000{n}")["external_id_origin"] for n in (1, 2, 3)]
    assert origins == ["The list of 2019", "The list of 2020", "typed: ID in your own list"]


def test_values_and_marks_are_understood_in_another_language(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(text: str) -> str:
        return f"Zz {text}"

    monkeypatch.setattr(translated, "sayers", lambda: [say])
    labels = {spec.name: spec for spec in schema_for(ENTRY).fields.values()}
    words = vocabularies.load()

    def label(name: str, value: str) -> str:
        return say(words.label(labels[name].vocabulary or "", value))

    rows = [
        [say(header) for header in ("Name", "Format", "Value", "Who may see it", "Public listing")],
        [
            "Trees",
            "; ".join([label("format", "paper"), label("format", "database")]),
            label("value", "high"),
            say(words.label("visibility", "department_and_cdo_only")),
            say(words.label("listing", words.choices("listing")[1].value)),
        ],
    ]
    found = brought(city, rows, user=city.cdo)
    assert found["problems"] == []
    save(city, found, city.cdo)
    stored = content(city, "PARKS-0001")
    assert (stored["format"], stored["value"]) == (["database", "paper"], "high")
    record = city.do(city.coordinator, "inventory_entry_show", id="PARKS-0001")["record"]
    assert record["visibility"] == "department_and_cdo_only"
    assert record["listing"] == words.choices("listing")[1].value


def test_reasons_are_understood_in_another_language(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(text: str) -> str:
        return f"Zz {text}"

    monkeypatch.setattr(translated, "sayers", lambda: [say])
    words = vocabularies.load()
    kinds = [say(words.label("blocker_kind", kind)) for kind in ("privacy", "legal")]
    found = brought(
        city,
        [
            ["Name", say("Release blockers"), "Reasons in detail"],
            ["Trees", "; ".join(kinds), say(words.label("blocker_detail", "personal_information"))],
            ["Benches", kinds[0].lower(), ""],
            ["Lamps", "Privacy", ""],
        ],
        columns={"Reasons in detail": "release_blockers.detail"},
    )
    assert found["problems"] == []
    save(city, found)
    rows = content(city, "PARKS-0001")["release_blockers"]
    assert [(row["kind"], row["detail"]) for row in rows] == [
        ("privacy", ["personal_information"]),
        ("legal", ["personal_information"]),
    ]
    for number in ("PARKS-0002", "PARKS-0003"):
        assert [row["kind"] for row in content(city, number)["release_blockers"]] == ["privacy"]


def test_what_a_text_means_is_said_of_reasons_too(city: City) -> None:
    found = brought(
        city,
        [["Name", "Release blockers"], ["Trees", "Datenschutz; Law"]],
        values={"release_blockers.kind": {"Datenschutz": "privacy"}},
    )
    assert found["problems"] == []
    save(city, found)
    rows = content(city, "PARKS-0001")["release_blockers"]
    assert [row["kind"] for row in rows] == ["privacy", "legal"]


class TestReasonsAlone:
    """The sheet Blockers without its hidden column is what it was: rows that say something of entries."""

    PRIVACY: dict[str, Any] = {
        "kind": "privacy",
        "detail": ["personal_information"],
        "rationale": "It names donors.",
        "citation": "Privacy Code § 4",
        "owner": "Parks",
        "since": "2026-05-29",
        "look_again": "2027",
        "status": "open",
    }

    @pytest.fixture
    def rows(self, city: City) -> list[list[Any]]:
        city.entry(title="Trees", release_blockers=[self.PRIVACY])
        city.entry(title="Benches")
        return unstamped(opened(download(city)), "Blockers")

    @staticmethod
    def at(rows: list[list[Any]], row: int, **cells: Any) -> None:
        for header, value in cells.items():
            rows[row][rows[0].index(header.replace("_", " "))] = value

    @staticmethod
    def stored(city: City, number: str) -> dict[str, Any]:
        return {row["kind"]: row for row in content(city, number).get("release_blockers", [])}

    def test_nothing_changes_by_what_was_not_changed(
        self, city: City, rows: list[list[Any]]
    ) -> None:
        found = brought(city, rows)
        assert found["ours"]
        assert (found["rows"], found["problems"]) == ([], [])
        assert (found["counts"]["new"], found["counts"]["changed"]) == (0, 0)
        assert found["counts"]["read"] == 1
        [note] = found["notes"]
        assert note.startswith("The hidden last column is missing")

    def test_a_filled_cell_is_a_change_and_an_empty_one_changes_nothing(
        self, city: City, rows: list[list[Any]]
    ) -> None:
        self.at(rows, 1, Why="It names who gave.", Law_or_rule=None, Since="29 May 2026")
        kinds = {"Number": "PARKS-0002", "Kind": "Effort", "Why": "A new export"}
        rows.append([kinds.get(str(header)) for header in rows[0]])
        found = brought(city, rows)
        assert cells(found) == {
            ("PARKS-0001", "release_blockers/privacy/rationale"): "changed",
            ("PARKS-0001", "release_blockers/privacy/since"): "unchanged",
            ("PARKS-0002", "release_blockers/effort/kind"): "changed",
            ("PARKS-0002", "release_blockers/effort/rationale"): "changed",
            ("PARKS-0002", "blocker_status"): "follows",
        }
        save(city, found)
        assert self.stored(city, "PARKS-0001") == {
            "privacy": {**self.PRIVACY, "rationale": "It names who gave."}
        }
        assert self.stored(city, "PARKS-0002")["effort"]["rationale"] == "A new export"

    def test_a_row_that_was_taken_out_removes_nothing(
        self, city: City, rows: list[list[Any]]
    ) -> None:
        kinds = {"Number": "PARKS-0002", "Kind": "Effort", "Why": "A new export"}
        found = brought(city, [rows[0], [kinds.get(str(header)) for header in rows[0]]])
        save(city, found)
        assert self.stored(city, "PARKS-0001") == {"privacy": self.PRIVACY}

    def test_below_titles_with_columns_of_ones_own_in_another_order(
        self, city: City, rows: list[list[Any]]
    ) -> None:
        self.at(rows, 1, Why="It names who gave.")
        turned = [["Ours", *reversed(rows[0])], ["x", *reversed(rows[1])]]
        book = openpyxl.Workbook()
        for row in [["What we think of it"], [], *turned]:
            book.active.append(row)
        found = preview(city, book)
        assert cells(found) == {("PARKS-0001", "release_blockers/privacy/rationale"): "changed"}
        assert [column["column"] for column in found["unknown"]] == ["Ours"]
        save(city, found)

    def test_what_is_wrong_is_fixed_in_place(self, city: City, rows: list[list[Any]]) -> None:
        self.at(rows, 1, Kind="Quantum")
        found = brought(city, rows)
        [problem] = found["problems"]
        assert (problem["where"], problem["field"], problem["title"]) == ("!2", "kind", "Trees")
        found = brought(city, rows, fixes={"!2!kind": "Privacy"})
        assert (found["problems"], found["counts"]["changed"]) == ([], 0)

    def test_in_another_language(
        self, city: City, rows: list[list[Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def say(text: str) -> str:
            return f"Zz {text}" if text else text

        monkeypatch.setattr(
            languages, "sayer", lambda code: say if code == "zz" else layouts.as_it_is
        )
        monkeypatch.setattr(config, "languages_offered", lambda: ["en", "zz"])
        rows[0] = [say(header) for header in rows[0]]
        labels = vocabularies.load()
        self.at(
            rows,
            1,
            Zz_Kind=say(labels.label("blocker_kind", "privacy")),
            Zz_More_exactly=say(labels.label("blocker_detail", "personal_information")),
            Zz_Status=say(labels.label("blocker_row_status", "open")),
            Zz_Why="Es nennt Namen.",
        )
        found = brought(city, rows)
        assert cells(found) == {("PARKS-0001", "release_blockers/privacy/rationale"): "changed"}
        assert found["problems"] == []

    def test_of_somebody_else_s_entries(self, city: City, rows: list[list[Any]]) -> None:
        """Leak L37: a number in a file grants nothing."""
        secret = city.do(
            city.neighbour, "inventory_entry_create", title="Wells", owner_org=city.water.id
        )
        self.at(rows, 1, Number=secret["number"], Why="mine")
        found = brought(city, rows)
        [problem] = found["problems"]
        assert problem["message"].startswith("There is no record with this number")
        assert (problem["number"], problem["title"]) == (None, "Trees"), "as the file calls it"
        assert not found["can_save"]
        stranger = make_user("nobody")
        grant(stranger, Role.COORDINATOR, make_department("FIRE", title="Fire"))
        with pytest.raises(tk.ValidationError, match="workbook of another department"):
            preview(city, as_csv(rows), stranger, filename="typed.csv")

    def test_beside_a_list_it_is_told_that_it_was_not_read(
        self, city: City, rows: list[list[Any]]
    ) -> None:
        book = openpyxl.Workbook()
        for row in [["Data set", "Abstract"], ["Lamps", "All lamps"]]:
            book.active.append(row)
        beside = book.create_sheet("Reasons")
        for row in rows:
            beside.append(row)
        found = preview(city, book, department="parks")
        assert not found["ours"]
        assert [row["title"] for row in found["rows"]] == ["Lamps"]
        [problem] = found["problems"]
        assert (problem["sheet"], problem["row"]) == ("Reasons", None)
        assert problem["message"].startswith("This sheet wasn't read: each of its rows says")
        alone = again(city, found, sheets=["Reasons"])
        assert (alone["ours"], alone["counts"]["new"]) == (True, 0)

    def test_twice(self, city: City, rows: list[list[Any]]) -> None:
        book = openpyxl.Workbook()
        for sheet in (book.active, book.create_sheet("More")):
            for row in rows:
                sheet.append(row)
        with pytest.raises(tk.ValidationError, match="is there twice"):
            preview(city, book)

    def test_it_never_makes_entries(self, city: City, rows: list[list[Any]]) -> None:
        given = base64.b64encode(as_csv(rows)).decode()
        for dry_run in (True, False):
            with pytest.raises(tk.ValidationError, match="These rows aren"):
                city.do(
                    city.coordinator,
                    "inventory_import",
                    content=given,
                    filename="blockers.csv",
                    department="parks",
                    dry_run=dry_run,
                )

    def test_a_few_of_its_columns_do(self, city: City, rows: list[list[Any]]) -> None:
        kept = [rows[0].index(header) for header in ("Number", "Name", "Kind", "Why", "Status")]
        self.at(rows, 1, Why="It names who gave.")
        few = [[row[at] for at in kept] for row in rows]
        found = brought(city, few)
        assert cells(found) == {("PARKS-0001", "release_blockers/privacy/rationale"): "changed"}
        few[1][2] = few[1][0] = None
        assert not brought(city, few)["ours"], "what is neither numbered nor of a kind is no reason"

    def test_with_its_hidden_column_it_is_compared_with_what_was_downloaded(
        self, city: City, rows: list[list[Any]]
    ) -> None:
        """As a spreadsheet program saves the sheet alone, with hidden columns."""
        whole = [
            list(row) for row in opened(download(city))["Blockers"].iter_rows(values_only=True)
        ]
        at = whole[0].index("Law or rule"), whole[0].index("Why")
        city.do(
            city.coordinator,
            "inventory_entry_patch",
            id="PARKS-0001",
            release_blockers=[{**self.PRIVACY, "rationale": "theirs"}],
        )
        whole[1][at[0]], whole[1][at[1]] = None, "mine"
        found = brought(city, whole)
        assert cells(found) == {
            ("PARKS-0001", "release_blockers/privacy/citation"): "changed",
            ("PARKS-0001", "release_blockers/privacy/rationale"): "conflict",
        }

    def test_a_list_of_somebody_s_own_with_kinds_and_numbers_is_one(self, city: City) -> None:
        for numbers in (["GIS-0001", "GIS-0002"], ["PARKS-0001", "PARKS-0002"]):
            found = brought(
                city,
                [
                    ["Number", "Name", "Kind", "Status", "Since", "Why"],
                    [numbers[0], "Lamps", "street", "on", "1998", "light"],
                    [numbers[1], "Benches", "wood", "", "", "sitting"],
                ],
            )
            assert not found["ours"]
            assert [row["title"] for row in found["rows"]] == ["Lamps", "Benches"]

    def test_a_list_that_happens_to_have_such_headers_is_one(self, city: City) -> None:
        found = brought(
            city,
            [
                ["Number", "Name", "Kind", "Status", "Since", "Why"],
                ["1", "Lamps", "street", "on", "1998", "light"],
            ],
        )
        assert not found["ours"]
        assert [row["title"] for row in found["rows"]] == ["Lamps"]
