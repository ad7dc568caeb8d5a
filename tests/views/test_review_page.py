"""The page that reviews an uploaded file: everything that would be saved can be seen, and fixed."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections import Counter
from typing import Any

import openpyxl
import pytest
from ckan.tests.helpers import CKANTestApp

from ckanext.inventory.views import roundtrip
from tests.logic.city import City
from tests.logic.returning import add, content, put, saved
from tests.views.pages import Pages, form_of


def section(page: Any, name: str) -> str:
    """A part of the page by its id, as a person reads it."""
    found = re.search(rf'<section[^>]* id="{name}">(.*?)</section>', page.body, re.S)
    return html.unescape(found.group(1)) if found else ""


LONG = " ".join(f"word{n}" for n in range(150))


def test_a_change_at_the_end_of_a_long_text_is_seen(city: City, pages: Pages) -> None:
    city.entry(title="Trees", notes=f"{LONG} stays")
    book = pages.workbook()
    put(book, "Datasets", "PARKS-0001", Description=f"{LONG} goes")
    shown = section(pages.get(pages.upload(saved(book))), "changes")
    assert "<del>stays</del><ins>goes</ins>" in shown
    assert f"{LONG} stays" in shown, "one click away"
    assert f"{LONG} goes" in shown


def test_all_that_a_new_record_would_hold_is_seen(city: City, pages: Pages) -> None:
    """Its marks among it, and whatever the table has no room for."""
    book = pages.workbook()
    who = city.coordinator.fullname
    add(
        book,
        "Datasets",
        Name="Benches",
        Description=f"{LONG} end",
        Comments="one",
        **{"Assigned to": who, "Who may see it": "Only the department and those who decide"},
    )
    path = pages.upload(saved(book))
    shown = section(pages.get(path), "new")
    for words in (f"{LONG} end", "Assigned to", who, "Only the department"):
        assert words in shown, words
    assert city.coordinator.id not in shown
    found = city.do(city.coordinator, "inventory_import_preview", id=path.rpartition("/")[2])
    assert found["counts"]["new_cells"] == 5


def test_a_new_entry_names_the_new_source_that_it_comes_from(city: City, pages: Pages) -> None:
    book = pages.workbook()
    add(book, "Sources", Name="Tree register")
    add(book, "Datasets", Name="Trees", Source="Tree register")
    shown = section(pages.get(pages.upload(saved(book))), "new")
    assert shown.count("Tree register") == 2


def boxes(page: Any) -> dict[str, str]:
    """The boxes that take a fix, and what stands in them."""
    found = re.findall(r'<input class="form-control" name="(fix[^"]*)" value="([^"]*)"', page.body)
    assert len({name for name, _ in found}) == len(found), "each once"
    return {html.unescape(name): html.unescape(value) for name, value in found}


def test_a_fix_stands_in_its_box_is_changed_and_taken_back(city: City, pages: Pages) -> None:
    city.entry(title="Trees")
    book = pages.workbook()
    put(book, "Datasets", "PARKS-0001", Value="Hgh")
    path = pages.upload(saved(book))
    name = "fix-Datasets!2!value"
    assert boxes(pages.get(path)) == {name: ""}
    for wrong in ("Lwo", "Medum"):
        pages.post(path, act="look", **{name: wrong})
        page = pages.get(path)
        assert boxes(page) == {name: wrong}
        assert f"“{wrong}”" in section(page, "fix") or wrong in section(page, "fix")
    pages.post(path, act="look", **{name: "Low"})
    page = pages.get(path)
    assert boxes(page) == {name: "Low"}, "a good one, too"
    assert "<ins>Low</ins>" in section(page, "changes")
    assert "“Hgh”" in section(page, "fix")
    pages.post(path, act="look", **{name: ""})
    page = pages.get(path)
    assert boxes(page) == {name: ""}
    assert not section(page, "changes")


def test_a_cell_with_two_problems_has_one_box(city: City, pages: Pages) -> None:
    """A fix that is understood, but that a rule refuses, and the other way round."""
    city.entry(title="Trees", notes="one")
    rows = f"Remarks,Data set,Master_ID\n,Trees,{'7' * 201}\n"
    path = pages.upload(rows.encode(), "list.csv", department="parks")
    pages.post(path, act="look", **{"same-!2": "PARKS-0001"})
    assert [*boxes(pages.get(path))] == ["fix-!2!@2"]


ALIKE = "fixall-" + json.dumps(["", "@1", "Prvt"])
LIST = b"Dataset name,Classification,Description\n" + b"".join(
    f"Trees {number},{'Prvt' if number % 2 else 'Public'},x\n".encode() for number in range(60)
)


def test_cells_that_say_the_same_are_fixed_in_one_box(city: City, pages: Pages) -> None:
    path = pages.upload(LIST, "list.csv", department="parks")
    page = pages.get(path)
    shown = section(page, "fix")
    assert "30 cells" in shown
    assert "rows 3, 5, 7, 9, 11, 13, 15, 17 …" in shown
    assert "30 times “Prvt”" in shown
    assert boxes(page)[ALIKE] == ""
    assert len(boxes(page)) == 21, "and some of them each by itself"
    pages.post(path, act="look", **{ALIKE: "Sanitive"})
    assert boxes(pages.get(path))[ALIKE] == "Sanitive", "a wrong one, too"
    pages.post(path, act="look", **{ALIKE: "Sensitive", "fix-!3!@1": "Internal"})
    page = pages.get(path)
    assert boxes(page) == {ALIKE: "Sensitive", "fix-!3!@1": "Internal"}
    answer = pages.post(path, act="save", **form_of(page.body), **boxes(page))
    assert answer.status_code == 303, answer.body[-1500:]
    found = city.do(city.coordinator, "inventory_entry_list", limit=100)["results"]
    levels = Counter(row["classification"] for row in found)
    assert levels == {"sensitive": 29, "internal": 1, "public": 30}


def test_a_fix_of_many_cells_is_taken_back(city: City, pages: Pages) -> None:
    path = pages.upload(LIST, "list.csv", department="parks")
    pages.post(path, act="look", **{ALIKE: "Sensitive"})
    pages.post(path, act="look", **{ALIKE: ""})
    page = pages.get(path)
    assert boxes(page)[ALIKE] == ""
    assert "30 times “Prvt”" in section(page, "fix")


def test_cells_of_our_workbook_that_say_the_same_are_fixed_in_one_box(
    city: City, pages: Pages
) -> None:
    """Only what somebody wrote is fixed, and never what the inventory held."""
    for title in ("Trees", "Benches", "Lamps"):
        city.entry(title=title)
    book = pages.workbook()
    put(book, "Datasets", "PARKS-0001", Value="Hgh")
    put(book, "Datasets", "PARKS-0002", Value="Hgh")
    add(book, "Datasets", Name="Paths", Value="Hgh")
    path = pages.upload(saved(book))
    name = "fixall-" + json.dumps(["Datasets", "value", "Hgh"])
    page = pages.get(path)
    assert boxes(page)[name] == ""
    pages.post(path, act="look", **{name: "High"})
    page = pages.get(path)
    assert boxes(page) == {name: "High"}
    assert pages.post(path, act="save", **form_of(page.body)).status_code == 303
    values = [content(city, f"PARKS-000{number}").get("value") for number in range(1, 5)]
    assert values == ["high", "high", None, "high"]


def test_what_can_only_be_known_is_not_among_what_to_fix(city: City, pages: Pages) -> None:
    city.entry(title="Trees")
    book = pages.workbook()
    put(book, "Datasets", "PARKS-0001", State="Approved", Value="Hgh")
    page = pages.get(pages.upload(saved(book)))
    fix, remarks = section(page, "fix"), section(page, "remarks")
    assert "one cell" in fix
    assert "A state can't be changed" not in fix
    assert "A state can't be changed" in remarks
    assert "one remark" in remarks


def test_a_remark_on_the_whole_file_says_not_that_a_cell_is_empty(city: City, pages: Pages) -> None:
    """A text file of ours without its hidden column."""
    city.entry(title="Trees")
    data = pages.get("/workbook?department=parks&format=csv").data.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(data)))
    stream = io.StringIO()
    csv.writer(stream).writerows(row[:-1] for row in rows)
    page = pages.get(pages.upload(stream.getvalue().encode(), "x.csv", department="parks"))
    assert section(page, "remarks")
    assert ">empty<" not in section(page, "remarks")
    assert ">empty<" not in section(page, "fix")


def test_rows_with_errors_stay_out_however_many_there_are(
    city: City, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roundtrip, "ASKED", 2)
    file = b"Dataset name,Brief description\nTrees,one\n" + b",two\n" * 6
    path = pages.upload(file, "list.csv", department="parks")
    assert "and 4 more" in section(pages.get(path), "fix")
    pages.post(path, act="out_all")
    page = pages.get(path)
    assert 'name="out-all" checked' in page.body
    answer = pages.post(path, act="save", **form_of(page.body), **{"out-all": "on"})
    assert answer.status_code == 303, answer.body[-1500:]


def test_a_row_that_was_left_out_stays_out_where_the_page_has_no_room_for_it(
    city: City, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roundtrip, "ASKED", 1)
    file = b"Dataset name,Brief description\nTrees,one\n,two\n,three\n"
    path = pages.upload(file, "list.csv", department="parks")
    pages.post(path, act="look", **{"out-!3": "on", "out-!4": "on"})
    page = pages.get(path)
    out = dict.fromkeys(re.findall(r'name="(out-[^"]+)"', page.body), "on")
    assert sorted(out) == ["out-!3", "out-!4"]
    assert pages.post(path, act="save", **form_of(page.body), **out).status_code == 303


def test_a_row_left_out_that_nothing_is_wrong_with_any_more_can_be_taken_in(
    city: City, pages: Pages
) -> None:
    file = b"Dataset name,Brief description\nTrees,one\n,two\n"
    path = pages.upload(file, "list.csv", department="parks")
    pages.post(path, act="look", **{"out-!3": "on", "fix-!3!@0": "Benches"})
    page = pages.get(path)
    assert "Row 3, “Benches”, stays out." in section(page, "fix")
    pages.post(path, act="look", **{"fix-!3!@0": "Benches"})
    assert "Benches" in section(pages.get(path), "new")


def chosen(page: Any, name: str) -> list[str]:
    """What is ticked or selected of a question."""
    ticked = re.findall(rf'name="{name}" value="([^"]*)" checked', page.body)
    asked = re.search(rf'<select[^>]* name="{name}">(.*?)</select>', page.body, re.S)
    selected = re.findall(r'value="([^"]*)" selected', asked.group(1)) if asked else []
    return [html.unescape(value) for value in (*ticked, *selected)]


def counts(page: Any) -> dict[str, int]:
    """What the tiles at the top count."""
    tiles = re.findall(r"<b>(\d+)</b>([^<]*)", re.sub(r"(?s).*inv-sums|</nav>.*", "", page.body))
    return {words.strip(): int(number) for number, words in tiles}


def test_the_department_of_a_list_is_chosen_where_its_lack_is_told(
    city: City, app: CKANTestApp
) -> None:
    pages = Pages(city, app, "cdo")
    path = pages.upload(b"Dataset name,Description\nTrees,one\nBenches,two\n", "list.csv")
    page = pages.get(path)
    assert "No column names the department." in section(page, "fix")
    assert 'id="about" style="margin-top:10px" open' in page.body
    pages.post(path, act="look", department=city.parks.id, kind="entry", kind_was="entry")
    page = pages.get(path)
    assert chosen(page, "department") == [city.parks.id]
    assert counts(page)["new records"] == 2
    pages.post(path, act="look", department="", kind="entry", kind_was="entry")
    assert "No column names the department." in section(pages.get(path), "fix")


def test_what_a_file_lists_is_chosen_afterwards(city: City, pages: Pages) -> None:
    """What columns mean is guessed anew: fields of the other kind mean nothing here."""
    file = b"Name of the system,Vendor,Description\nTree register,Acme,one\n"
    path = pages.upload(file, "list.csv", department="parks", kind="source")
    page = pages.get(path)
    assert chosen(page, "kind") == ["source"]
    column = {"column-Vendor": "hosting"}
    pages.post(path, act="look", kind="source", kind_was="source", **column)
    assert "hosting" in chosen(pages.get(path), "column-Vendor")
    pages.post(path, act="look", kind="entry", kind_was="source", **column)
    page = pages.get(path)
    assert chosen(page, "kind") == ["entry"]
    assert "hosting" not in chosen(page, "column-Vendor")
    pages.post(path, act="look", kind="source", kind_was="entry")
    assert counts(pages.get(path))["new record"] == 1


def test_the_sheets_of_a_list_are_chosen_on_the_page(city: City, pages: Pages) -> None:
    book = openpyxl.Workbook()
    for title, names in (("This year", ("Trees",)), ("Last year", ("Benches", "Lamps"))):
        sheet = book.create_sheet(title)
        sheet.append(["Dataset name", "Description" if title == "This year" else "Remarks"])
        for name in names:
            sheet.append([name, "x"])
    del book["Sheet"]
    path = pages.upload(saved(book), "list.xlsx", department="parks")
    page = pages.get(path)
    assert "Sheets not read: Last year." in page.body
    assert chosen(page, "sheet") == ["This year"]
    pages.post(path, act="look", sheets_asked="1", sheet=["This year", "Last year"])
    page = pages.get(path)
    assert chosen(page, "sheet") == ["This year", "Last year"]
    assert counts(page)["new records"] == 3
    pages.post(path, act="look", sheets_asked="1")
    assert chosen(pages.get(path), "sheet") == ["This year"], "none ticked: the one that fits best"


def test_a_guess_stays_a_guess_until_it_is_corrected(city: City, pages: Pages) -> None:
    """Only what somebody said is remembered."""
    path = pages.upload(LIST, "list.csv", department="parks")
    page = pages.get(path)
    sent = {
        name: chosen(page, name)[0]
        for name in ("column-Dataset name", "column-Classification", "column-Description")
    }
    assert set(sent.values()) == {"="}
    pages.post(path, act="look", **sent | {"column-Description": "comments"})
    import_id = path.rpartition("/")[2]
    found = city.do(city.coordinator, "inventory_import_preview", id=import_id)
    assert found["choices"]["columns"] == {"Description": "comments"}
    assert chosen(pages.get(path), "column-Description") == ["comments"]


def test_columns_come_before_what_follows_from_them(city: City, pages: Pages) -> None:
    known = pages.get(pages.upload(LIST, "list.csv", department="parks")).body
    assert known.index('id="fix"') < known.index('id="columns"')
    file = LIST.replace(b"Description", b"Xyzzy")
    unknown = pages.get(pages.upload(file, "list.csv", department="parks")).body
    assert unknown.index('id="columns"') < unknown.index('id="fix"')
    assert unknown.index('for="column-1">Field for Xyzzy') < unknown.index("Field for Dataset name")


def test_what_stays_out_is_counted_before_it_is_saved(city: City, pages: Pages) -> None:
    file = b"Dataset name,Classification\nTrees,Prvt\nTrees,Public\nBenches,Public\n"
    path = pages.upload(file, "list.csv", department="parks")
    page = pages.get(path)
    assert "One cell wasn't understood and doesn't go in as it is." in html.unescape(page.body)
    assert counts(page)["row stays out"] == 1
    assert "1 twice in the file" in page.body
    clean = pages.get(pages.upload(b"Dataset name\nLamps\n", "list.csv", department="parks"))
    assert "understood" not in html.unescape(clean.body)
    assert "row stays out" not in counts(clean)


def test_a_fix_of_many_that_is_typed_before_saving_is_shown_first(city: City, pages: Pages) -> None:
    """What it brings in wasn't seen yet; it is kept, and saved at the second press."""
    path = pages.upload(LIST, "list.csv", department="parks")
    page = pages.get(path)
    answer = pages.post(path, act="save", **form_of(page.body), **{ALIKE: "Sensitive"})
    assert answer.status_code == 400
    assert "cells that you haven't seen yet" in html.unescape(answer.body)
    assert boxes(answer)[ALIKE] == "Sensitive"
    again = pages.post(path, act="save", **form_of(answer.body), **{ALIKE: "Sensitive"})
    assert again.status_code == 303, again.body[-1500:]
    found = city.do(city.coordinator, "inventory_entry_list", limit=100)["results"]
    assert Counter(row["classification"] for row in found) == {"sensitive": 30, "public": 30}


def listed(page: Any, name: str) -> list[str]:
    """What the box of a fix offers."""
    quoted = re.escape(html.escape(name).replace("&quot;", "&#34;"))
    box = re.search(rf'<input class="form-control" name="{quoted}"[^>]* list="([^"]*)"', page.body)
    if box is None:
        return []
    found = re.search(rf'<datalist id="{box.group(1)}">(.*?)</datalist>', page.body, re.S)
    assert found is not None
    return [html.unescape(text) for text in re.findall(r'<option value="([^"]*)"', found.group(1))]


def test_a_box_offers_the_values_that_its_field_takes(city: City, pages: Pages) -> None:
    """In a list, in our workbook, and on its sheet of reasons; a text of one's own is no list."""
    path = pages.upload(LIST, "list.csv", department="parks")
    levels = listed(pages.get(path), ALIKE)
    assert levels[0] == "Public"
    assert "Sensitive" in levels
    pages.post(path, act="look", **{ALIKE: levels[1]})
    assert listed(pages.get(path), ALIKE) == levels, "also where the fix is in already"
    city.entry(title="Trees")
    book = pages.workbook()
    put(book, "Datasets", "PARKS-0001", Value="Hgh", **{"Target date": "soon"})
    add(book, "Blockers", Number="PARKS-0001", Kind="Privcy")
    page = pages.get(pages.upload(saved(book)))
    assert listed(page, "fix-Datasets!2!value") == ["High", "Medium", "Low", "Not assessed yet"]
    assert listed(page, "fix-Datasets!2!target_date") == []
    (kind,) = [name for name in boxes(page) if name.startswith("fix-Blockers!")]
    assert "Privacy" in " ".join(listed(page, kind))


def test_what_to_fix_is_named_as_people_know_it(city: City, pages: Pages) -> None:
    """Also where nothing else of its row was understood."""
    city.entry(title="Street trees")
    book = pages.workbook()
    put(book, "Datasets", "PARKS-0001", Value="Hgh", State="Approved")
    page = pages.get(pages.upload(saved(book)))
    for part in ("fix", "remarks"):
        assert "PARKS-0001" in section(page, part)
        assert "Street trees" in section(page, part)


def test_long_texts_that_begin_alike_are_fixed_one_by_one(city: City, pages: Pages) -> None:
    """One fix for both would put one text in place of two different ones."""
    begin = "x" * 130
    rows = "".join(f"Trees {n},{begin}{n}\n" for n in range(2))
    path = pages.upload(f"Dataset name,Value\n{rows}".encode(), "list.csv", department="parks")
    assert [*boxes(pages.get(path))] == ["fix-!2!@1", "fix-!3!@1"]
    import_id = path.rpartition("/")[2]
    choices = {"!@1": {f"{begin}0": "High", f"{begin}"[:119] + "…": "Low"}}
    found = city.do(city.coordinator, "inventory_import_preview", id=import_id, fixes_all=choices)
    values = [
        {field["field"]: field["value"] for field in row["fields"]}.get("value")
        for row in found["rows"]
    ]
    assert values == ["High", None]


def test_another_sheet_can_be_chosen_after_a_sheet_of_reasons(city: City, pages: Pages) -> None:
    city.entry(title="Trees")
    book = openpyxl.Workbook()
    book.active.title = "List"
    for row in (["Dataset name"], ["Benches"]):
        book["List"].append(row)
    reasons = book.create_sheet("Reasons")
    own = [str(cell.value).rstrip(" *") for cell in pages.workbook()["Blockers"][1]][:-1]
    reasons.append(own)
    values = {"Number": "PARKS-0001", "Kind": "Privacy", "Why": "Names"}
    reasons.append([values.get(name) for name in own])
    path = pages.upload(saved(book), "list.xlsx", department="parks")
    assert "Ready, but not all of the file is read" in pages.get(path).body
    pages.post(path, act="look", sheets_asked="1", sheet="Reasons")
    page = pages.get(path)
    assert "PARKS-0001" in section(page, "changes")
    assert chosen(page, "sheet") == ["Reasons"]
    pages.post(path, act="look", sheets_asked="1", sheet="List")
    assert "Benches" in section(pages.get(path), "new")


def test_where_a_new_record_goes_is_said_to_who_has_several_departments(
    city: City, app: CKANTestApp, pages: Pages
) -> None:
    file = b"Department,Dataset name\nparks,Benches\n"
    browser = Pages(city, app, "cdo")
    assert city.parks.title in section(browser.get(browser.upload(file, "list.csv")), "new")
    own = b"Dataset name\nBenches\n"
    shown = section(pages.get(pages.upload(own, "list.csv", department="parks")), "new")
    assert city.parks.title not in shown


@pytest.mark.parametrize(
    "name",
    [
        "fixall-5",
        "fixall-null",
        "fixall-[1]",
        "fixall-",
        'fixall-{"a": 1}',
        "fix-",
        "out-",
        "same-",
    ],
)
def test_a_box_that_no_page_has_is_none(city: City, pages: Pages, name: str) -> None:
    path = pages.upload(LIST, "list.csv", department="parks")
    assert pages.post(path, act="look", **{name: "High"}).status_code == 303
    assert pages.get(path).status_code == 200


@pytest.mark.parametrize(
    "name", [ALIKE, "fix-!3!@1", "column-Value", "same-!3", "out-a\0", "sheet"]
)
def test_what_no_database_holds_is_refused_in_words(city: City, pages: Pages, name: str) -> None:
    path = pages.upload(LIST, "list.csv", department="parks")
    answer = pages.post(path, act="look", sheets_asked="1", **{name: "a\0b"})
    assert answer.status_code == 400
    assert "control character" in section_of_errors(answer)
    assert pages.get(path).status_code == 200


def section_of_errors(page: Any) -> str:
    found = re.search(r'class="inv-errors".*?</div>', page.body, re.S)
    return found.group(0) if found else ""
