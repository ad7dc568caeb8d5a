"""The pages of the round trip: download, upload, choose, save, take back."""

from __future__ import annotations

import datetime as dt
import html
import io
import re
from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import CKANTestApp

from ckanext.inventory import clock, config
from ckanext.inventory.logic import import_job
from ckanext.inventory.model import Import
from ckanext.inventory.views import roundtrip
from tests.logic.city import City, make_city
from tests.logic.returning import add, column, content, put, saved
from tests.views.pages import Pages, form_of


def test_the_download_is_private(city: City, pages: Pages) -> None:
    """Leak L36."""
    city.entry(title="Trees")
    for path in ("/workbook", "/workbook?format=csv", "/workbook?format=json&which=mine"):
        answer = pages.get(path)
        assert answer.status_code == 200
        assert "no-store" in answer.headers["Cache-Control"]
        assert "public" not in answer.headers["Cache-Control"]
        assert answer.headers["Content-Disposition"].startswith("attachment")
    assert pages.get("/workbook?department=nowhere").status_code == 404


def test_from_file_to_saved_and_back(city: City, pages: Pages) -> None:
    entry = city.entry(title="Trees", notes="one", comments="one")
    city.entry(title="Benches")
    book = pages.workbook()
    put(book, "Datasets", "PARKS-0001", Description="two", Comments="two", Value="Hgh")
    add(book, "Datasets", Name="New trees")
    city.do(city.coordinator, "inventory_entry_patch", id=entry["id"], notes="here")
    path = pages.upload(saved(book))
    page = pages.get(path)
    assert page.status_code == 200
    for words in ("Conflicts", "What will change", "New trees", "“Hgh”", "Did you mean “High”?"):
        assert words in page.body, words
    fields = form_of(page.body)
    refused = pages.post(path, act="save", **fields)
    assert refused.status_code == 400
    assert "choose" in refused.body
    choices = {"conflict-PARKS-0001!notes": "mine", "fix-Datasets!2!value": "High"}
    answer = pages.post(path, act="save", **fields, **choices)
    assert answer.status_code == 303, answer.body[-1500:]
    stored = content(city, "PARKS-0001")
    assert (stored["notes"], stored["comments"], stored["value"]) == ("two", "two", "high")
    report = pages.get(path)
    assert "Saved from parks.xlsx" in report.body
    assert "PARKS-0003" in report.body
    assert "parks.xlsx" in pages.get("/spreadsheet").body
    pages.post(path, act="undo")
    assert content(city, "PARKS-0001")["notes"] == "here"
    assert "Taken back" in pages.get(path).body


def test_a_long_text_that_stays_out_is_cut_visibly_and_there_in_full(
    city: City, pages: Pages
) -> None:
    city.entry(title="Trees")
    book = pages.workbook()
    long, short = "approved by all " * 20 + "the end", "Approved " * 13
    put(book, "Datasets", "PARKS-0001", State=long)
    row = pages.get(pages.upload(saved(book))).body.partition("Stays as it is</h2>")[2]
    cell = re.findall(r"<td[^>]*>.*?</td>", row, re.S)[3]
    shown, whole = cell.split("<details")
    assert re.search(r"approved by all( approved)?…", shown)
    assert "the end" not in shown
    assert long in whole
    put(book, "Datasets", "PARKS-0001", State=short.strip())
    row = pages.get(pages.upload(saved(book))).body.partition("Stays as it is</h2>")[2]
    cell = re.findall(r"<td[^>]*>.*?</td>", row, re.S)[3]
    assert short.strip() in cell
    assert "<details" not in cell


def test_a_change_in_between_is_shown_again(city: City, pages: Pages) -> None:
    entry = city.entry(title="Trees", notes="one")
    book = pages.workbook()
    put(book, "Datasets", "PARKS-0001", Comments="two")
    path = pages.upload(saved(book))
    fields = form_of(pages.get(path).body)
    city.do(city.coordinator, "inventory_entry_patch", id=entry["id"], notes="here")
    answer = pages.post(path, act="save", **fields)
    assert answer.status_code == 409
    assert "Something changed since you looked at it" in answer.body
    assert "comments" not in content(city, "PARKS-0001")


def test_a_list_of_ones_own(city: City, pages: Pages) -> None:
    file = b"Dataset name,Strange\nTrees,x\nBenches,y\n"
    path = pages.upload(file, "list.csv", department=city.parks.id, kind="entry")
    page = pages.get(path)
    assert "Our guess for each" in page.body
    pages.post(path, act="look", **{"column-Strange": "comments"})
    fields = form_of(pages.get(path).body)
    assert (
        pages.post(path, act="save", **fields, **{"column-Strange": "comments"}).status_code == 303
    )
    assert content(city, "PARKS-0001")["comments"] == "x"


WHOLE_CITY = (
    b"Agency,Dataset name\nParks,Trees\nWater,Pipes\nParks and Recreation,Benches\nZoo,Animals\n"
)


def test_what_a_column_becomes_is_said_in_words(city: City, pages: Pages) -> None:
    """Also where it is a part of a reason, a mark, or the record's own number."""
    city.entry(title="Street trees")
    header = "Number,Name,release_blockers.rationale,Assigned to,part_of"
    path = pages.upload(f"{header}\nPARKS-0001,Street trees,Names,,\n".encode(), name="l.csv")
    body = pages.get(path).body
    chosen = re.findall(r'name="column-([^"]+)">.*?" selected>([^<]+)</option>', body, re.S)
    assert dict(chosen) == {
        "Number": "Number",
        "Name": "Name",
        "release_blockers.rationale": "What stands in the way: Why",
        "Assigned to": "Assigned to",
        "part_of": "Part of",
    }


def test_a_whole_citys_list_with_departments_nobody_knows(
    city: City, app: CKANTestApp, pages: Pages
) -> None:
    browser = Pages(city, app, "cdo")
    path = browser.upload(WHOLE_CITY, "city.csv", department="", kind="entry")
    page = browser.get(path)
    assert "Departments of your file" in page.body
    assert "Zoo" in page.body
    fields = form_of(page.body)
    refused = browser.post(path, act="save", **fields)
    assert refused.status_code == 400
    assert "2 departments of the file" in refused.body
    names = {"department-Parks and Recreation": city.parks.id, "department-Zoo": "out"}
    browser.post(path, act="look", **names)
    fields = form_of(browser.get(path).body)
    assert browser.post(path, act="save", **fields, **names).status_code == 303
    titles = {row["title"] for row in city.do(city.cdo, "inventory_entry_list")["results"]}
    assert titles == {"Trees", "Benches", "Pipes"}
    assert city.do(city.cdo, "inventory_entry_show", id="WATER-0001")["title"] == "Pipes"


def test_rows_of_departments_that_arent_ones_own_are_left_out_expressly(
    city: City, pages: Pages
) -> None:
    path = pages.upload(WHOLE_CITY, "city.csv", department="", kind="entry")
    page = pages.get(path)
    assert "not yours to add to" in page.body
    assert pages.post(path, act="save", **form_of(page.body)).status_code == 400
    pages.post(path, act="departments_out")
    page = pages.get(path)
    assert pages.post(path, act="save", **form_of(page.body)).status_code == 303
    titles = {row["title"] for row in city.do(city.cdo, "inventory_entry_list")["results"]}
    assert titles == {"Trees"}


def test_a_list_whose_name_column_nobody_knows_gets_the_page_of_columns(
    city: City, pages: Pages
) -> None:
    file = b"Qwertz,Yxcv\nTrees,x\nBenches,y\n"
    path = pages.upload(file, "list.csv", department=city.parks.id, kind="entry")
    page = pages.get(path)
    assert "No column holds the name" in page.body
    assert pages.post(path, act="save", **form_of(page.body)).status_code == 400
    pages.post(path, act="look", **{"column-Qwertz": "title"})
    fields = form_of(pages.get(path).body)
    saved_now = pages.post(path, act="save", **fields, **{"column-Qwertz": "title"})
    assert saved_now.status_code == 303
    assert content(city, "PARKS-0002")["title"] == "Benches"


def asked(page: Any) -> dict[str, tuple[str, dict[str, str]]]:
    """Rows that are asked about: what each is taken for now, and what its options send."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for name, options in re.findall(r'name="same-([^"]+)">(.*?)</select>', page.body):
        each = re.findall(r'<option value="([^"]*)"( selected)?>([^<]+)<', options)
        now = next((words for _value, selected, words in each if selected), each[0][2])
        found[name] = now, {words: value for value, _selected, words in each}
    return found


OUT, CHANGES, ANOTHER = (
    "the same: leave the row out",
    "the same: take its changes",
    "another one: add it",
)


def test_the_same_one_is_answered_for_all_and_row_by_row(city: City, pages: Pages) -> None:
    for title in ("Trees", "Benches", "Lamps"):
        city.entry(title=title, notes="one")
    rows = b"Dataset name,Description\nTREES,two\nbenches,two\nLamp,two\n"
    path = pages.upload(rows, "list.csv", department="parks")
    page = pages.get(path)
    now = asked(page)
    first, second, third = now
    assert [taken for taken, _options in now.values()] == [OUT, OUT, ANOTHER]
    assert "Take the changes of all with the same name" in page.body
    # What stands there unanswered isn't sent as if somebody had answered it.
    assert [now[first][1][OUT], now[third][1][ANOTHER]] == ["", ""]
    assert (now[first][1][CHANGES], now[third][1][OUT]) == ("PARKS-0001", "out")
    sent = {f"same-{where}": options[taken] for where, (taken, options) in now.items()}
    pages.post(path, act="same_all", **form_of(page.body), **sent)
    page = pages.get(path)
    now = asked(page)
    assert [taken for taken, _options in now.values()] == [CHANGES, CHANGES, ANOTHER]
    sent = {f"same-{where}": options[taken] for where, (taken, options) in now.items()}
    sent[f"same-{second}"] = now[second][1][OUT]
    pages.post(path, act="look", **form_of(page.body), **sent)
    page = pages.get(path)
    now = asked(page)
    assert [now[where][0] for where in (first, second, third)] == [CHANGES, OUT, ANOTHER]
    answer = pages.post(path, act="save", **form_of(page.body))
    assert answer.status_code == 303, answer.body[-1500:]
    stored = [content(city, f"PARKS-000{number}")["notes"] for number in range(1, 5)]
    assert stored == ["two", "one", "one", "two"]


def test_what_a_rule_refuses_in_a_list_is_fixed_on_the_page(city: City, pages: Pages) -> None:
    """Under the name that the column has in the file."""
    city.entry(title="Trees")
    rows = f"Remarks,Data set,Master_ID\n,Trees,{'7' * 201}\n"
    path = pages.upload(rows.encode(), "list.csv", department="parks")
    pages.post(path, act="look", **{"same-!2": "PARKS-0001"})
    page = pages.get(path)
    assert "<b>Master_ID</b>" in page.body
    assert 'name="fix-!2!@2"' in page.body
    choices = {"same-!2": "PARKS-0001", "fix-!2!@2": "77"}
    pages.post(path, act="look", **choices)
    page = pages.get(path)
    answer = pages.post(path, act="save", **form_of(page.body), **choices)
    assert answer.status_code == 303, answer.body[-1500:]
    assert content(city, "PARKS-0001")["external_id"] == "77"


def test_a_field_without_a_column_is_told_as_such(city: City, pages: Pages) -> None:
    path = pages.upload(b"Data set\nTrees\n", "list.csv", department="parks")
    found = city.do(
        city.coordinator, "inventory_import_preview", id=path.rpartition("/")[2], submit=["!2"]
    )
    assert any(problem["no_column"] for problem in found["problems"])
    page = pages.get(path)
    assert "<b>Value</b> (no column of your file)" in page.body


def test_a_field_without_a_column_is_filled_in_for_all_rows_or_for_one(
    city: City, pages: Pages
) -> None:
    path = pages.upload(b"Data set\nTrees\nLamps\n", "list.csv", department="parks")
    city.do(
        city.coordinator,
        "inventory_import_preview",
        id=path.rpartition("/")[2],
        submit=["!2", "!3"],
    )
    page = pages.get(path).body
    boxes = re.findall(r'name="(fix[^"]*notes[^"]*)"', page)
    every, one, other = (html.unescape(name) for name in boxes)
    assert (every, one, other) == ('fixall-["", "notes", ""]', "fix-!2!notes", "fix-!3!notes")
    pages.post(path, act="look", **{every: "A list of them", one: "All trees"})
    page = pages.get(path).body
    assert "<b>Description</b>" not in page[page.index('id="fix"') : page.index('id="fixed"')]
    fixed = page[page.index('id="fixed"') : page.index('id="new"')]
    assert "A list of them" in fixed
    assert "All trees" in fixed
    found = city.do(
        city.coordinator, "inventory_import_preview", id=path.rpartition("/")[2], submit=[]
    )
    answer = pages.post(path, act="save", fingerprint=found["fingerprint"])
    assert answer.status_code == 303, answer.body[-1500:]
    notes = [content(city, f"PARKS-000{n}")["notes"] for n in (1, 2)]
    assert notes == ["All trees", "A list of them"]


def test_a_problem_of_a_column_is_not_said_to_be_one_of_the_file(city: City, pages: Pages) -> None:
    page = pages.get(pages.upload(b"Data set,Wind\nTrees,3\n", "list.csv", department="parks"))
    assert "<td><b>Wind</b></td>" in page.body
    assert "whole file" not in page.body


def test_what_cant_be_taken_back_any_more_is_said(city: City, pages: Pages) -> None:
    path = pages.upload(b"Dataset name\nTrees <b>\n", "list.csv", department="parks")
    pages.post(path, act="save", **form_of(pages.get(path).body))
    city.do(city.coordinator, "inventory_entry_patch", id="PARKS-0001", notes="built on it")
    answer = pages.post(path, act="undo")
    assert answer.status_code == 303, answer.body[-800:]
    page = pages.get(path).body
    assert "PARKS-0001" in page
    assert "Trees <b>" not in page


def test_a_row_that_is_there_twice_can_be_taken(city: City, pages: Pages) -> None:
    path = pages.upload(b"Dataset name\nTrees\nLamps\nTrees\n", "list.csv", department="parks")
    page = pages.get(path)
    assert "Twice in your file" in page.body
    ((where, (taken, options)),) = asked(page).items()
    assert (taken, options) == (OUT, {OUT: "", ANOTHER: "new"})
    pages.post(path, act="look", **form_of(page.body), **{f"same-{where}": "new"})
    page = pages.get(path)
    assert asked(page)[where] == (ANOTHER, {OUT: "out", ANOTHER: "new"})
    pages.post(path, act="save", **form_of(page.body))
    assert city.do(city.coordinator, "inventory_entry_list")["count"] == 3


def test_all_rows_with_errors_are_left_out_at_once(city: City, pages: Pages) -> None:
    file = b"Dataset name,Brief description\nTrees,one\n,two\n,three\n"
    path = pages.upload(file, "list.csv", department=city.parks.id, kind="entry")
    page = pages.get(path)
    assert pages.post(path, act="save", **form_of(page.body)).status_code == 400
    pages.post(path, act="out_all")
    page = pages.get(path)
    out = dict.fromkeys(re.findall(r'name="(out-[^"]+)" checked', page.body), "on")
    assert out == {"out-all": "on"}
    assert pages.post(path, act="save", **form_of(page.body), **out).status_code == 303
    assert content(city, "PARKS-0001")["title"] == "Trees"


def test_home_offers_the_workbook_and_its_upload(city: City, pages: Pages) -> None:
    body = pages.get("/").body
    assert "/inventory/workbook?department=" in body
    assert "/inventory/spreadsheet#upload" in body


def test_the_earlier_address_leads_here(pages: Pages) -> None:
    answer = pages.get("/import")
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("/inventory/spreadsheet")


def test_broken_files_and_strangers(city: City, app: CKANTestApp, pages: Pages) -> None:
    answer = pages.post("/spreadsheet", upload=(io.BytesIO(b"PK\x03\x04broken"), "x.xlsx"))
    assert answer.status_code == 400
    city.entry(title="Trees")
    path = pages.upload(saved(pages.workbook()))
    for who in ("neighbour", "viewer", "editor"):
        other = Pages(city, app, who)
        assert other.get(path).status_code == 404
        assert other.post(path, act="discard").status_code == 404
    assert pages.post(path, act="discard").status_code == 303
    assert pages.get(f"{path}/to-fix.xlsx").status_code == 404


def test_the_page_of_a_running_save_says_how_far_it_is(city: City, pages: Pages) -> None:
    city.entry(title="Trees", notes="one")
    book = pages.workbook()
    put(book, "Datasets", "PARKS-0001", Description="two")
    path = pages.upload(saved(book))
    row = model.Session.get(Import, path.rsplit("/", 1)[1])
    assert row is not None
    row.status, row.task = "queued", {"do": "save", "retries": import_job.RETRIES}
    model.Session.commit()
    page = pages.get(path).body
    assert "It waits for its turn." in page
    assert "Stop, save nothing" in page
    assert 'http-equiv="refresh"' in page, "without scripts it is live, too"
    for step, words, stops in (
        ("checking", "Checking: 1 of 1 rows.", True),
        ("saving", "Saving: 1 of 1 rows.", False),
    ):
        model.Session.execute(
            sa.update(Import).values(status="running", step=step, done=1, seen_at=clock.now())
        )
        model.Session.commit()
        with model.meta.engine.connect() as worker:
            key = import_job._key(path.rsplit("/", 1)[1])
            worker.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
            page = pages.get(path).body
            assert words in page
            assert ("Stop, save nothing" in page) is stops
            worker.rollback()
    assert "Try again" in pages.get(path).body, "nobody works on it any more"


def test_an_empty_list_is_not_said_to_be_stored(city: City, pages: Pages) -> None:
    empty = (io.BytesIO(b"Dataset name,Description\n"), "x.csv")
    answer = pages.post("/spreadsheet", upload=empty, department=city.parks.id)
    assert answer.status_code == 400
    assert "what is stored already" not in answer.body
    assert "holds no rows below its headers" in answer.body
    assert "If your rows are on a hidden sheet, show it" in answer.body
    city.entry(title="Trees")
    page = pages.get(pages.upload(saved(pages.workbook()))).body
    assert "what is stored already" in page


def test_a_long_list_of_conflicts_is_asked_about_by_the_page(
    city: City, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roundtrip, "ASKED", 2)
    for title in ("Trees", "Benches", "Lamps"):
        city.entry(title=title, notes="one")
    book = pages.workbook()
    for number in (1, 2, 3):
        put(book, "Datasets", f"PARKS-000{number}", Description="theirs")
        city.do(city.coordinator, "inventory_entry_patch", id=f"PARKS-000{number}", notes="ours")
    path = pages.upload(saved(book))

    def asked(page: str) -> list[str]:
        return sorted(set(re.findall(r'name="conflict-(PARKS-\d+)!notes"', page)))

    page = pages.get(path).body
    assert asked(page) == ["PARKS-0001", "PARKS-0002"]
    assert "One more conflict follows when you look again." in page
    assert len(asked(pages.get(f"{path}?all=1").body)) == 3
    choices = {f"conflict-PARKS-000{number}!notes": "mine" for number in (1, 2)}
    pages.post(path, act="look", **choices)
    page = pages.get(path).body
    assert asked(page) == ["PARKS-0001", "PARKS-0003"], "what is still to be chosen comes first"
    answer = pages.post(
        path, act="save", **form_of(page), **{"conflict-PARKS-0003!notes": "stored"}
    )
    assert answer.status_code == 303
    assert [content(city, f"PARKS-000{n}")["notes"] for n in (1, 2, 3)] == [
        "theirs",
        "theirs",
        "ours",
    ]


def test_a_problem_names_its_record_wherever_the_row_is(
    city: City, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roundtrip, "SHOWN_ROWS", 1)
    for title in ("Trees", "Benches"):
        city.entry(title=title)
    book = pages.workbook()
    for number in (1, 2):
        put(book, "Datasets", f"PARKS-000{number}", Description="two", Value="Hgh")
    page = pages.get(pages.upload(saved(book))).body
    section = page[page.index('id="fix"') : page.index('id="changes"')]
    assert re.findall(r">(PARKS-\d+)<", section) == ["PARKS-0001", "PARKS-0002"]


class TestALargeFile:
    """Looking at it and saving it are both left to the worker."""

    @pytest.fixture
    def city(self, clean_db: None) -> Iterator[City]:
        """Committed, because the worker has a connection of its own."""
        yield make_city()
        model.Session.remove()

    @pytest.fixture
    def path(self, city: City, pages: Pages, monkeypatch: pytest.MonkeyPatch) -> str:
        """The address of a large file that waits for the worker."""
        monkeypatch.setattr(config, "import_job_rows", lambda: 1)
        monkeypatch.setattr(tk, "enqueue_job", lambda job, args, **kwargs: None)
        entry = city.entry(title="Trees", notes="one", comments="one")
        book = pages.workbook()
        put(book, "Datasets", "PARKS-0001", Description="two")
        add(book, "Datasets", Name="New trees")
        city.do(city.coordinator, "inventory_entry_patch", id=entry["id"], notes="here")
        return pages.upload(saved(book))

    def work(self, path: str) -> None:
        import_job.run(path.rsplit("/", 1)[1])

    def test_its_page_says_how_far_it_is_then_shows_what_was_found(
        self, pages: Pages, path: str
    ) -> None:
        page = pages.get(path).body
        assert "Looking through parks.xlsx" in page
        assert "It waits for its turn." in page
        assert "Nothing is saved yet." in page
        assert 'http-equiv="refresh"' in page
        assert "Being looked through." in pages.get("/spreadsheet").body
        self.work(path)
        page = pages.get(path).body
        for words in ("Review your workbook", "Conflicts", "New trees", "here", "two"):
            assert words in page, words
        fields = form_of(page)
        choice = {"conflict-PARKS-0001!notes": "mine"}
        assert pages.post(path, act="save", **fields, **choice).status_code == 303
        assert "Being saved: parks.xlsx" in pages.get(path).body
        self.work(path)
        assert "Saved from parks.xlsx" in pages.get(path).body
        pages.post(path, act="undo")
        assert "Being taken back: parks.xlsx" in pages.get(path).body
        assert "Stop, take nothing back" in pages.get(path).body
        assert "Being taken back." in pages.get("/spreadsheet").body
        self.work(path)
        assert "Taken back: parks.xlsx" in pages.get(path).body

    def test_what_was_not_saved_is_shown_with_the_reason_and_the_choices(
        self, city: City, pages: Pages, path: str
    ) -> None:
        self.work(path)
        page = pages.get(path).body
        fields = form_of(page)
        mine = r'name="conflict-PARKS-0001!notes"[^>]*value="(mine[^"]*)"'
        seen = re.findall(mine, page)
        city.do(city.coordinator, "inventory_entry_patch", id="PARKS-0001", notes="there")
        choices = {"conflict-PARKS-0001!notes": seen[0], "submit_all": "1"}
        pages.post(path, act="save", **fields, **choices)
        self.work(path)
        assert "Looking through parks.xlsx" in pages.get(path).body
        self.work(path)
        page = pages.get(path).body
        assert "Something changed since you looked at it." in page
        assert "there" in page
        assert re.search(r'name="submit_all"[^>]*checked', page)
        # What was chosen against the old text is asked about again, what is there now beside it.
        assert re.findall(mine, page) != seen
        assert not re.search(mine + "[^>]*checked", page)

    def test_looking_is_stopped_and_begun_again(self, pages: Pages, path: str) -> None:
        assert "Stop looking" in pages.get(path).body
        pages.post(path, act="discard")
        page = pages.get(path).body
        assert "Not looked through: parks.xlsx" in page
        assert "It was stopped." in page
        assert pages.post(path, act="look").status_code == 303
        assert "Looking through parks.xlsx" in pages.get(path).body
        pages.post(path, act="discard")
        pages.post(path, act="discard")
        assert "Drop this file" not in pages.get(path).body

    def test_a_worker_that_takes_nothing_up_is_told_of(self, pages: Pages, path: str) -> None:
        words = "tell your site's administrator"
        assert words not in pages.get(path).body
        with clock.at(clock.now() + dt.timedelta(minutes=3)):
            assert words in pages.get(path).body


def test_what_a_renamed_column_of_a_workbook_is_is_said_on_the_page(
    city: City, pages: Pages
) -> None:
    city.entry(notes="one")
    book = pages.workbook()
    put(book, "Datasets", "PARKS-0001", Description="two")
    book["Datasets"].cell(1, column(book, "Datasets", "Description")).value = "What it is about"
    path = pages.upload(saved(book))
    page = pages.get(path)
    chosen = re.compile(r'<select [^>]*name="column-What it is about">.*?</select>', re.S)
    (offered,) = chosen.findall(page.body)
    assert re.findall(r'<option value="([^"]*)"', offered) == ["", "notes"]
    pages.post(path, act="look", **{"column-What it is about": "notes"})
    page = pages.get(path)
    assert '<option value="notes" selected>' in chosen.findall(page.body)[0]
    pages.post(path, act="save", **form_of(page.body), **{"column-What it is about": "notes"})
    assert content(city, "PARKS-0001")["notes"] == "two"
