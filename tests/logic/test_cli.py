"""``ckan inventory …``: each command does its work, says so, and tells the outcome by its exit status."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from ckan import model
from click.testing import CliRunner, Result

from ckanext.inventory import clock
from ckanext.inventory.cli import inventory
from ckanext.inventory.model import Outbox, Record
from tests.logic.city import City, make_city
from tests.logic.returning import add, download, opened, preview, put, saved

OK, PROBLEMS, USAGE = 0, 1, 2


@pytest.fixture
def town(db: None) -> City:
    return make_city()


def run(*arguments: str, expect: int = OK, answer: str | None = None) -> Result:
    result = CliRunner().invoke(inventory, list(arguments), input=answer)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == expect, result.output
    return result


def run_json(*arguments: str, expect: int = OK) -> Any:
    return json.loads(run(*arguments, "--json", expect=expect).stdout)


def test_every_command_explains_itself() -> None:
    pending: list[list[str]] = [[name] for name in inventory.commands]
    assert {name for (name,) in pending} >= {
        "import",
        "export",
        "check",
        "rebuild",
        "drain",
        "audit",
        "role",
        "promote",
        "demo",
    }
    while pending:
        path = pending.pop()
        command: Any = inventory
        for name in path:
            command = command.commands[name]
        assert command.help
        assert command.short_help
        assert "Usage" in run(*path, "--help").stdout
        pending += [[*path, name] for name in getattr(command, "commands", ())]


def test_wrong_usage_has_status_2() -> None:
    run("check", "--nonsense", expect=USAGE)
    run("role", "add", "somebody", "king", expect=USAGE)
    run("promote", "PARKS-0001", expect=USAGE)
    run("promote", "PARKS-0001", "--set", "nothing", expect=USAGE)
    run("promote", "PARKS-0001", "--dataset", "a", "--external", "https://b.example", expect=USAGE)
    run("import", "/no/such/file.csv", expect=USAGE)


# role


def test_role_add_list_remove(town: City) -> None:
    given = run_json("role", "add", "editor", "coordinator", "--department", town.parks.name)
    assert (given["role"], given["department"]) == ("coordinator", town.parks.id)

    listed = run_json("role", "list", "--account", "editor")
    assert [role["id"] for role in listed] == [given["id"]]
    assert "Parks" in run("role", "list", "--department", town.parks.name).stdout

    done = run_json("role", "remove", str(given["id"]))
    assert done == {"unassigned": 0}
    assert run_json("role", "list", "--account", "editor") == []


def test_role_of_a_reviewer_who_may_approve(town: City) -> None:
    given = run_json(
        "role",
        "add",
        "editor",
        "reviewer",
        "--kind",
        "privacy",
        "--kind",
        "legal",
        "--may-approve",
        "--until",
        "2030-01-31",
    )

    assert given["kinds"] == ["legal", "privacy"]
    assert given["may_approve"] is True
    assert given["until"] == "2030-01-31"
    assert "may approve; until 2030-01-31" in run("role", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "nobody-of-that-name", "viewer"], "There is no such account."),
        (["add", "editor", "coordinator"], "A coordinator belongs to a department."),
        (["remove", "99999999"], "There is no such role."),
    ],
)
def test_role_refusals_in_words(town: City, arguments: list[str], words: str) -> None:
    result = run("role", *arguments, expect=PROBLEMS)

    assert words in result.stderr
    assert result.stdout == ""


def test_rights_are_those_of_the_account(town: City) -> None:
    run("role", "add", "editor", "cdo", "--user", "cdo", expect=PROBLEMS)
    run("role", "list", "--user", "viewer", expect=PROBLEMS)
    run("role", "list", "--user", "nobody-of-that-name", expect=USAGE)


def test_refusals_as_json(town: City) -> None:
    refused = run_json("role", "add", "editor", "coordinator", expect=PROBLEMS)
    assert refused["error"]["type"] == "validation"
    assert list(refused["error"]["fields"]) == ["department"]

    refused = run_json("role", "list", "--user", "viewer", expect=PROBLEMS)
    assert refused["error"]["type"] == "not_authorized"


# import and export


def _file(folder: Path, *lines: str) -> str:
    path = folder / "list.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_import_creates_drafts_and_skips_what_is_there(town: City, tmp_path: Path) -> None:
    path = _file(tmp_path, "Dataset name,Description", "Benches,Where one can sit", "Bins,")

    planned = run_json("import", path, "--department", town.parks.name, "--dry-run")
    assert (planned["created"], planned["dry_run"]) == (2, True)
    assert _titles() == set()

    done = run_json(
        "import", path, "--department", town.parks.name, "--user", town.coordinator.name
    )
    assert done["created"] == 2
    assert _titles() == {"Benches", "Bins"}

    again = run("import", path, "--department", town.parks.name)
    assert "Created 0 of 2 rows; 2 skipped, 0 with errors." in again.stdout


def test_import_of_rows_with_errors(town: City, tmp_path: Path) -> None:
    path = _file(tmp_path, "Dataset name,Description", ",Nameless", "Bins,Where they stand")

    planned = run("import", path, "--department", "PARKS", "--dry-run", expect=PROBLEMS)
    assert "Would create 1 of 2 rows; 0 skipped, 1 with errors." in planned.stdout

    refused = run("import", path, "--department", "PARKS", "--all-or-nothing", expect=PROBLEMS)
    assert "Created 0 of 2 rows" in refused.stdout
    assert _titles() == set()

    done = run("import", path, "--department", "PARKS")
    assert "Created 1 of 2 rows; 0 skipped, 1 with errors." in done.stdout


def test_import_as_somebody_of_another_department(town: City, tmp_path: Path) -> None:
    path = _file(tmp_path, "Dataset name", "Benches")

    run(
        "import",
        path,
        "--department",
        town.parks.name,
        "--user",
        town.neighbour.name,
        expect=PROBLEMS,
    )
    assert _titles() == set()


def test_import_of_a_file_without_names(town: City, tmp_path: Path) -> None:
    path = _file(tmp_path, "AGENCY,PARTICIPATING", "Parks,Yes")

    refused = run_json("import", path, "--department", "PARKS", expect=PROBLEMS)
    assert list(refused["error"]["fields"]) == ["upload"]


def test_import_with_a_column_named(town: City, tmp_path: Path) -> None:
    path = _file(tmp_path, "Ding,Extra", "Benches,1")

    done = run_json("import", path, "--department", "PARKS", "--column", "Ding=title")

    assert done["created"] == 1
    assert _titles() == {"Benches"}


def _titles() -> set[str]:
    return set(model.Session.scalars(sa.select(Record.title)))


def test_export_holds_what_the_account_may_read(town: City) -> None:
    town.entry(title="Benches", notes="=1+1", keywords=["sitting", "wood"])
    town.entry(town.neighbour, title="Wells", owner_org=town.water.id)

    rows = list(csv.DictReader(io.StringIO(run("export").stdout.lstrip("\ufeff"))))
    assert [(row["Number"], row["Name (Dataset name)"]) for row in rows] == [
        ("PARKS-0001", "Benches"),
        ("WATER-0001", "Wells"),
    ]
    assert "'=1+1" in rows[0].values()

    own = run_json("export", "--user", town.neighbour.name)
    assert [one["number"] for one in own] == ["WATER-0001"]
    assert own[0]["content"]["title"] == "Wells"
    run("export", "--user", town.editor.name, expect=PROBLEMS)


def test_export_of_a_department_and_a_state(town: City, tmp_path: Path) -> None:
    town.entry(title="Benches")
    town.submitted(title="Trees")
    target, workbook = tmp_path / "out.csv", tmp_path / "out.xlsx"

    run("export", str(workbook))
    assert workbook.read_bytes().startswith(b"PK")
    run("export", "--department", town.parks.name, "--state", "submitted", str(target))

    rows = list(csv.DictReader(io.StringIO(target.read_text("utf-8-sig"))))
    assert [(row["Name (Dataset name)"], row["State"]) for row in rows] == [("Trees", "Submitted")]
    assert run_json("export", "--department", town.water.name) == []
    run("export", "--department", "no-such-place", expect=PROBLEMS)


def test_export_of_sources(town: City) -> None:
    town.do(town.coordinator, "inventory_source_create", title="Tree book", owner_org=town.parks.id)

    assert [one["number"] for one in run_json("export", "--kind", "source")] == ["PARKS-S001"]


# promote


def test_promote_and_its_preview(town: City) -> None:
    entry = town.approved()
    shown = town.do(town.cdo, "inventory_entry_show", id=entry["id"])
    number, revision = shown["number"], str(shown["revision"])

    preview = run_json("promote", number, "--dry-run", "--user", "cdo", expect=PROBLEMS)
    assert "resources" in preview["problems"]
    assert str(preview["revision"]) == revision

    run("promote", number, "--revision", revision, "--user", town.coordinator.name, expect=PROBLEMS)
    run("promote", number, "--revision", "99", "--metadata-only", expect=PROBLEMS)
    assert town.state(entry) == "approved"

    link = "https://example.org/trees.csv"
    done = run_json(
        "promote",
        number,
        "--revision",
        revision,
        "--link",
        link,
        "--license",
        "cc-by",
        "--user",
        "cdo",
        "--comment",
        "As agreed.",
    )
    assert done["link"]["mode"] == "created"
    dataset = town.do(None, "package_show", id=done["link"]["dataset_id"])
    assert [resource["url"] for resource in dataset["resources"]] == [link]


def test_promote_what_does_not_exist(town: City) -> None:
    run("promote", "PARKS-0099", "--revision", "1", expect=PROBLEMS)


# upkeep


def test_check_of_a_sound_site(town: City) -> None:
    town.approved()
    run("drain")

    findings = run_json("check")["findings"]
    assert [finding for finding in findings if finding["severity"] == "error"] == []


def test_check_finds_and_repairs(town: City) -> None:
    entry = town.entry()
    model.Session.execute(
        sa.update(model.Package).where(model.Package.id == entry["id"]).values(private=False)
    )
    model.Session.commit()

    found = run_json("check", expect=PROBLEMS)["findings"]
    assert any(entry["id"] in finding["ids"] for finding in found)
    assert "error: " in run("check", expect=PROBLEMS).stdout

    repaired = run_json("check", "--repair")
    assert sum(repaired["fixed"].values()) >= 1
    assert model.Session.get(model.Package, entry["id"]).private


def test_check_is_for_the_cdo(town: City) -> None:
    run("check", "--user", town.coordinator.name, expect=PROBLEMS)


def test_rebuild_changes_what_is_wrong_and_nothing_else(town: City) -> None:
    entry = town.approved()
    assert run_json("rebuild") == {"changed": 0}

    model.Session.execute(
        sa.update(Record).where(Record.package_id == entry["id"]).values(likelihood="unlikely")
    )
    model.Session.commit()
    assert "1 rows changed." in run("rebuild").stdout
    assert run_json("rebuild") == {"changed": 0}


def test_drain_carries_out_what_waits(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = town.entry()
    from ckanext.inventory.service import outbox

    outbox.reindex(model.Session(), [entry["id"]])
    model.Session.commit()
    with monkeypatch.context() as broken:
        failing = {outbox.INDEX: lambda session, keys: dict.fromkeys(keys, "down")}
        broken.setattr(outbox, "HANDLERS", failing)
        failed = run_json("drain", expect=PROBLEMS)
        assert (failed["done"], failed["failed"]) == (0, 1)

    drained = run_json("drain")
    assert (drained["done"], drained["failed"]) == (1, 0)
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Outbox)) == 0


def test_audit_verify_notices_a_change(town: City) -> None:
    entry = town.submitted()
    assert "The history is whole." in run("audit", "verify").stdout

    model.Session.execute(sa.text("ALTER TABLE inventory_event_entry DISABLE TRIGGER USER"))
    model.Session.execute(
        sa.text("UPDATE inventory_event_entry SET to_state = 'approved' WHERE package_id = :id"),
        {"id": entry["id"]},
    )
    faults = run_json("audit", "verify", expect=PROBLEMS)["faults"]
    assert faults
    assert "Event " in run("audit", "verify", expect=PROBLEMS).stdout


# demo


def test_demo_goes_into_an_empty_site_only(town: City) -> None:
    refused = run("demo", "load", expect=PROBLEMS)
    assert "holds organizations already" in refused.stderr


def test_demo_asks_before_it_deletes(town: City) -> None:
    run("demo", "load", "--reset", expect=PROBLEMS, answer="n\n")
    run("demo", "load", "--today", "yesterday", expect=USAGE)


def test_a_workbook_goes_out_and_comes_back(town: City, tmp_path: Path) -> None:
    town.entry(title="Trees", notes="one")
    path = tmp_path / "parks.json"
    run("workbook", str(path), "--department", "parks", "--user", "parks-coordinator")
    data = json.loads(path.read_text("utf-8"))
    sheet = next(s for s in data["sheets"] if s["name"] == "Datasets")
    position = [c["key"] for c in sheet["columns"]].index("notes")
    sheet["rows"][0][position] = "two"
    path.write_text(json.dumps(data), "utf-8")
    as_coordinator = ("bring", str(path), "--user", "parks-coordinator")
    output = run(*as_coordinator).output
    assert "PARKS-0001 Description: one → two" in output
    assert "Nothing was saved" in output
    assert "Saved as" in run(*as_coordinator, "--save").output
    found = town.do(town.coordinator, "inventory_entry_show", id="PARKS-0001")
    assert found["content"]["notes"] == "two"
    sheet["rows"][0][position] = "three"
    path.write_text(json.dumps(data), "utf-8")
    run(*as_coordinator, "--save", expect=PROBLEMS)
    run(*as_coordinator, "--save", "--conflicts", "mine")
    found = town.do(town.coordinator, "inventory_entry_show", id="PARKS-0001")
    assert found["content"]["notes"] == "three"


def test_a_workbook_is_written_under_an_ending_that_says_what_it_is(
    town: City, tmp_path: Path
) -> None:
    for name in ("parks.xls", "parks.ods", "parks"):
        path = tmp_path / name
        path.write_text("kept", "utf-8")
        output = run("workbook", str(path), expect=USAGE).output
        assert "ending in .xlsx, .csv or .json" in output
        assert path.read_text("utf-8") == "kept"
    run("workbook", str(tmp_path / "PARKS.XLSX"), "--user", "cdo")
    assert (tmp_path / "PARKS.XLSX").read_bytes()[:2] == b"PK"


def test_what_keeps_a_file_from_being_saved_is_said_with_what_to_do(
    town: City, tmp_path: Path
) -> None:
    path = tmp_path / "city.csv"
    path.write_text("Agency,Dataset name\nParks,Trees\nParks,\nZoo,Animals\n", "utf-8")
    bring = ("bring", str(path), "--user", "cdo", "--save")
    output = run(*bring, expect=PROBLEMS).output
    assert "Nothing was saved." in output
    assert "row with an error: fix the file, or leave it out with --leave-out" in output
    assert "department that isn't known: say which one it is with --is" in output
    town.entry(title="Benches", notes="one")
    book = opened(download(town))
    put(book, "Datasets", "PARKS-0001", Description="two")
    town.do(town.coordinator, "inventory_entry_patch", id="PARKS-0001", notes="here")
    edited = tmp_path / "parks.xlsx"
    edited.write_bytes(saved(book))
    bring = ("bring", str(edited), "--user", "parks-coordinator", "--save")
    output = run(*bring, expect=PROBLEMS).output
    assert "Nothing was saved." in output
    assert "--conflicts mine (the file's) or --conflicts stored" in output
    output = run(*bring, "--conflicts", "stored").output
    assert "Nothing was saved: there is nothing to save." in output
    assert town.do(town.coordinator, "inventory_entry_list")["count"] == 1


def test_the_department_of_a_new_row_is_fixed_where_the_file_names_none(
    town: City, tmp_path: Path
) -> None:
    path = tmp_path / "city.xlsx"
    town.entry(title="Trees")
    run("workbook", str(path), "--user", "cdo")
    book = opened(path.read_bytes())
    row = add(book, "Datasets", Name="Benches", Department="Prks")
    path.write_bytes(saved(book))
    bring = ("bring", str(path), "--user", "cdo", "--save")
    output = run(*bring, expect=PROBLEMS).output
    place = f"Datasets!{row}!owner_org"
    assert f"Did you mean “Parks”? [{place}]" in output
    assert "For --fix of owner_org choose from: Parks, Water." in output
    assert "also fixed with --fix PLACE=TEXT" in output
    run(*bring, "--fix", place, expect=USAGE)
    run(*bring, "--fix", f"{place}=Nobody=s", expect=PROBLEMS)
    run(*bring, "--fix", f"{place}=Parks")
    assert town.do(town.coordinator, "inventory_entry_list")["count"] == 2
    for title in ("Lamps", "Kiosks"):
        add(book, "Datasets", Name=title, Department="Watr")
    add(book, "Datasets", Name="Bins")
    path.write_bytes(saved(book))
    run(*bring, "--fix-all", "Watr=Water", expect=USAGE)
    alike = ("--fix-all", "Datasets!owner_org!Watr=Water", "--fix-all", "Datasets!owner_org!=Parks")
    run(*bring, *alike, "--fix", f"{place}=Parks")
    assert town.do(town.neighbour, "inventory_entry_list")["count"] == 2
    assert town.do(town.coordinator, "inventory_entry_list")["count"] == 3


def test_a_column_that_nobody_knows_is_named(town: City, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("Qwertz,Yxcv\nTrees,x\nBenches,y\n", "utf-8")
    bring = ("bring", str(path), "--department", "parks", "--user", "parks-coordinator", "--save")
    output = run(*bring, expect=PROBLEMS).output
    assert "Nothing was saved." in output
    assert "say what a column holds with --column" in output
    run(*bring, "--column", "Qwertz=title")
    assert town.do(town.coordinator, "inventory_entry_list")["count"] == 2


def test_a_whole_citys_list_is_brought_with_its_departments_mapped(
    town: City, tmp_path: Path
) -> None:
    path = tmp_path / "city.csv"
    path.write_text("Agency,Dataset name\nParks,Trees\nP&R,Benches\nZoo,Animals\n", "utf-8")
    bring = ("bring", str(path), "--user", "cdo")
    output = run(*bring, expect=PROBLEMS).output
    assert "Department “Zoo” (1 rows): say which one it is." in output
    run(*bring, "--is", "Zoo", expect=USAGE)
    run(*bring, "--is", "P&R=PARKS", "--is", "Zoo=", "--save")
    titles = {row["title"] for row in town.do(town.cdo, "inventory_entry_list")["results"]}
    assert titles == {"Trees", "Benches"}


def test_problems_are_told_with_their_place(town: City, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("Dataset name,Wind\nTrees,3\n,4\n", "utf-8")
    bring = ("bring", str(path), "--department", "parks", "--user", "parks-coordinator")
    output = run(*bring, expect=PROBLEMS).output
    assert "warning: Wind: No field fits this column" in output
    assert "error: row 3, Dataset name: The row has no name." in output


def test_cells_that_say_the_same_are_fixed_at_once(town: City, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("Dataset name,Value\nTrees,Hgh\nBenches,Hgh\nLamps,Low\n", "utf-8")
    bring = ("bring", str(path), "--department", "parks", "--user", "parks-coordinator")
    output = run(*bring).output
    assert output.count("[!") == 2, "each problem names the place of its cell"
    column = re.search(r"\[!2(!@\d+)\]", output)
    assert column
    run(*bring, "--fix-all", "Hgh=High", expect=USAGE)
    run(*bring, "--fix-all", f"{column.group(1)}!Hgh=High", "--save")
    found = town.do(town.coordinator, "inventory_entry_list")["results"]
    assert {row["title"]: row["value"] for row in found} == {
        "Trees": "high",
        "Benches": "high",
        "Lamps": "low",
    }


def test_fixes_find_sheets_whose_names_hold_the_signs_that_divide(
    town: City, tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    book.active.title = "a!b=2024!"
    for row in (["Dataset name", "Value"], ["Trees", "Hgh=1!"], ["Benches", "Lw"]):
        book.active.append(row)
    path = tmp_path / "list.xlsx"
    path.write_bytes(saved(book))
    bring = ("bring", str(path), "--department", "parks", "--user", "parks-coordinator", "--save")
    sheet = "a!b=2024!"
    run(*bring, "--fix-all", f"{sheet}!@1!Hgh=1!=High", "--fix", f"{sheet}!3!@1=Low")
    found = town.do(town.coordinator, "inventory_entry_list")["results"]
    assert {row["title"]: row["value"] for row in found} == {"Trees": "high", "Benches": "low"}


@pytest.mark.parametrize(
    "typed",
    [
        ("--fix", "Datasets!99!value=High"),
        ("--fix", "Datasets!1!value=High"),
        ("--fix", "Datasets!2!worth=High"),
        ("--fix", "Nowhere!2!value=High"),
        ("--fix", "Datasets!2!@1=High"),
        ("--fix", "Datasets!2!rationale=Names"),
        ("--fix-all", "Nowhere!value!Hgh=High"),
        ("--fix-all", "Datasets!value!Hihg=High"),
        ("--fix-all", "Datasets!worth!=High"),
    ],
    ids=str,
)
def test_a_fix_that_fits_no_cell_is_an_error_that_names_it(
    town: City, tmp_path: Path, typed: tuple[str, str]
) -> None:
    town.entry(title="Trees")
    book = opened(download(town))
    put(book, "Datasets", "PARKS-0001", Value="Hgh", Comments="Looked at")
    path = tmp_path / "parks.xlsx"
    path.write_bytes(saved(book))
    bring = ("bring", str(path), "--user", "parks-coordinator", "--save")
    output = run(*bring, *typed, expect=USAGE).output
    assert f'No cell of the file is fixed by "{typed[1]}".' in output
    assert town.do(town.coordinator, "inventory_import_list")["count"] == 0
    name, _, fix = typed[1].rpartition("=")
    column, _, text = name.rpartition("!")
    choices = (
        {"fixes": {name: fix}} if typed[0] == "--fix" else {"fixes_all": {column: {text: fix}}}
    )
    found = preview(town, book, **choices)
    assert f"This fix fits no cell of the file: “{name}”." in found["notes"]


@pytest.mark.parametrize("option", ["--fix", "--fix-all"])
@pytest.mark.parametrize(
    "typed", ["x", "Datasets=High", "Datasets!value=High", "Datasets!2!value="]
)
def test_what_is_no_fix_is_quoted_as_it_was_typed(
    town: City, tmp_path: Path, option: str, typed: str
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("Dataset name\nTrees\n", "utf-8")
    output = run("bring", str(path), "--user", "cdo", option, typed, expect=USAGE).output
    assert f'"{typed}" has to be ' in output


def test_only_the_sheets_that_are_named_are_read(town: City, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for title, name in (("This year", "Trees"), ("Last year", "Benches")):
        sheet = book.create_sheet(title)
        sheet.append(["Dataset name"])
        sheet.append([name])
    del book["Sheet"]
    path = tmp_path / "list.xlsx"
    book.save(path)
    bring = ("bring", str(path), "--department", "parks", "--user", "parks-coordinator")
    assert "2 rows: 2 new" in run(*bring).output
    run(*bring, "--sheet", "Last year", "--save")
    found = town.do(town.coordinator, "inventory_entry_list")["results"]
    assert [row["title"] for row in found] == ["Benches"]


def test_rows_that_may_be_known_records_are_asked_about(town: City, tmp_path: Path) -> None:
    for title in ("Trees", "Benches"):
        town.entry(title=title, notes="one")
    path = tmp_path / "list.csv"
    path.write_text("Dataset name,Description\nTREES,two\nBench,two\nLamps,two\n", "utf-8")
    bring = ("bring", str(path), "--department", "parks", "--user", "parks-coordinator")
    output = run(*bring).output
    assert "“TREES” looks like PARKS-0001 “Trees” and is left out." in output
    assert "“Bench” looks like PARKS-0002 “Benches” and goes in as a new one." in output
    where = next(line for line in output.splitlines() if "“Bench”" in line).split(" “")[0]
    run(*bring, "--same-as", where, expect=USAGE)
    output = run(*bring, "--same", "--same-as", f"{where}=PARKS-0002", "--save").output
    assert "looks like" not in output
    assert "1 new, 2 changed" in output
    found = town.do(town.coordinator, "inventory_entry_show", id="PARKS-0002")
    assert (found["title"], found["content"]["notes"]) == ("Benches", "two")


def test_importing_our_own_workbook_says_where_it_belongs(town: City, tmp_path: Path) -> None:
    town.entry(title="Trees", notes="one")
    path = tmp_path / "parks.xlsx"
    run("workbook", str(path), "--department", "parks", "--user", "parks-coordinator")
    output = run("import", str(path), "--department", "parks", "--user", "parks-coordinator").output
    assert "This is a workbook of this inventory." in output


def test_notify_sends_what_is_due(town: City, ckan_config: Any) -> None:
    from tests.logic.test_notices import LATER

    entry = town.submitted()
    town.step(town.cdo, entry, "return", comment="Which years?")
    ckan_config["smtp.server"] = "127.0.0.1:9"
    ckan_config["smtp.mail_from"] = "portal@larkhaven.example"
    with clock.at(clock.now() + LATER):
        assert run_json("notify", expect=PROBLEMS)["failed"] >= 1
    ckan_config["smtp.server"] = ""
    with clock.at(clock.now() + LATER * 3):
        assert run_json("notify")["failed"] == 0
