"""The workbook is valid Office Open XML, can't run anything, and survives other programs."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import openpyxl
import pytest

from ckanext.inventory.spreadsheets import layout as layouts
from ckanext.inventory.spreadsheets import reader, returned, synonyms, workbook
from ckanext.inventory.spreadsheets.messages import Place, Severity
from ckanext.inventory.spreadsheets.stamp import Stamp, Token
from ckanext.inventory.spreadsheets.workbook import Remark
from ckanext.inventory.types import ENTRY
from tests.unit.test_workbook_laws import NASTY, SCHEMAS, SHEETS, WORDS

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
SOFFICE = shutil.which("soffice") or shutil.which("libreoffice")

# What LibreOffice's own formats can't tell apart is left to the laws over our own files.
LINES = [text for text in NASTY if "\x85" not in text and len(text) < 1000]


def _book() -> workbook.Book:
    filled: list[workbook.Filled] = []
    for layout in SHEETS.values():
        lines: list[workbook.Line] = []
        for number in range(1, 6):
            cells: list[Any] = [f"PARKS-{number:04d}"]
            for position, column in enumerate(layout.columns[1:]):
                texts = column.spec is None or column.spec.kind in ("text", "long_text", "markdown")
                cells.append(LINES[(number + position) % len(LINES)] if texts else "")
            lines.append(workbook.Line(cells, Token(f"PARKS-{number:04d}", 1).encode()))
        filled.append(workbook.Filled(layout, Stamp(layout.key, layout.digest), iter(lines)))
    return workbook.Book(
        "Data inventory: =Parks", ["First.", "=Second."], filled, {"source_ids": ["PARKS-S001 x"]}
    )


@pytest.fixture(scope="module")
def data() -> bytes:
    return workbook.as_bytes(workbook.write_xlsx, _book())


@pytest.fixture(scope="module")
def parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_every_part_is_declared_and_well_formed(parts: dict[str, bytes]) -> None:
    types = ET.fromstring(parts["[Content_Types].xml"])
    named = {item.get("PartName", "").lstrip("/") for item in types if item.get("PartName")}
    extensions = {item.get("Extension") for item in types if item.get("Extension")}
    assert named <= set(parts)
    for name, content in parts.items():
        assert name in named or name.rsplit(".", 1)[-1] in extensions, name
        ET.fromstring(content)


def test_every_relation_leads_to_a_part_of_the_file(parts: dict[str, bytes]) -> None:
    for name, content in parts.items():
        if not name.endswith(".rels"):
            continue
        folder = Path(name).parent.parent
        for relation in ET.fromstring(content):
            assert relation.get("TargetMode") != "External", (name, relation.attrib)
            target = str(relation.get("Target"))
            path = target.lstrip("/") if target.startswith("/") else str(folder / target)
            assert path in parts, (name, target)


def test_nothing_in_it_runs(parts: dict[str, bytes]) -> None:
    for name, content in parts.items():
        assert "vba" not in name.lower()
        assert "externalLink" not in name
        if name.startswith("xl/worksheets/sheet"):
            root = ET.fromstring(content)
            assert root.find(f".//{MAIN}f") is None, name
            assert root.find(f".//{MAIN}hyperlink") is None, name


def test_the_rules_of_sheets(parts: dict[str, bytes]) -> None:
    names = re.findall(r'<sheet name="([^"]+)"', parts["xl/workbook.xml"].decode())
    assert names == ["Start here", "Sources", "Datasets", "Blockers", "Lists"]
    assert all(len(name) <= 31 for name in names)
    lists = ET.fromstring(parts["xl/worksheets/sheet5.xml"])
    rows, columns = _size(lists)
    for number in (2, 3, 4):
        root = ET.fromstring(parts[f"xl/worksheets/sheet{number}.xml"])
        order = [child.tag.removeprefix(MAIN) for child in root]
        expected = ["dimension", "sheetViews", "sheetFormatPr", "cols", "sheetData", "autoFilter"]
        assert [tag for tag in order if tag in expected] == expected
        assert order.index("autoFilter") < order.index("dataValidations")
        frozen = root.find(f".//{MAIN}pane")
        assert frozen is not None
        assert frozen.get("state") == "frozen"
        found = root.find(f"{MAIN}dataValidations")
        assert found is not None
        assert int(found.get("count", "0")) == len(found) <= 65_534
        for validation in found:
            assert len(validation.get("prompt", "")) <= 255
            assert len(validation.get("promptTitle", "")) <= 32
            formula = validation.findtext(f"{MAIN}formula1")
            if formula is not None:
                match = re.fullmatch(r"Lists!\$([A-Z]+)\$2:\$\1\$(\d+)", formula)
                assert match, formula
                assert match.group(1) in columns
                assert int(match.group(2)) <= rows
        for cell in root.iter(f"{MAIN}c"):
            text = "".join(cell.itertext())
            assert len(text) <= 32_767


def _size(sheet: ET.Element) -> tuple[int, set[str]]:
    places = [str(cell.get("r")) for cell in sheet.iter(f"{MAIN}c")]
    return (
        max(int(re.sub(r"\D", "", place)) for place in places),
        {re.sub(r"\d", "", place) for place in places},
    )


def test_read_only_and_needed_columns_look_so(data: bytes) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(data))["Datasets"]
    headers = {str(cell.value): cell for cell in sheet[1]}
    assert "Name *" in headers
    assert "Category **" in headers
    grey = headers["Number"].fill.fgColor.rgb
    assert headers["State"].fill.fgColor.rgb == grey != headers["Name *"].fill.fgColor.rgb
    assert sheet.column_dimensions["A"].width >= 12
    last = sheet.max_column
    letter = openpyxl.utils.get_column_letter(last)
    assert sheet.column_dimensions[letter].hidden


def test_a_schema_of_ones_own_changes_the_workbook() -> None:
    schema = SCHEMAS[ENTRY]
    fewer = {k: v for k, v in schema.fields.items() if k not in ("keywords", "release_blockers")}
    other = type(schema)(ENTRY, fewer, schema.sections)
    changed = layouts.layouts({**SCHEMAS, ENTRY: other}, WORDS)
    assert "inventory_entry/release_blockers" not in changed
    assert changed[ENTRY].column("keywords") is None
    assert changed[ENTRY].digest != SHEETS[ENTRY].digest


def test_the_marked_workbook_is_valid_too(data: bytes) -> None:
    source = reader.read(data, "x.xlsx")
    remarks = [
        Remark(Place("Datasets", 2, 1), Severity.ERROR, "Wrong."),
        Remark(Place("Datasets", 3, 4), Severity.WARNING, "Empty."),
        Remark(Place("Datasets", 3, 4), Severity.WARNING, "Empty."),
        Remark(Place("Sources", 1, 0), Severity.WARNING, "Not read."),
    ]
    marked = openpyxl.load_workbook(
        io.BytesIO(workbook.as_bytes(workbook.write_marked, source, remarks))
    )
    assert marked["Datasets"].cell(2, 2).comment.text == "Wrong."
    assert marked["Datasets"].cell(2, 2).data_type != "f"
    assert marked["Datasets"].cell(3, 5).comment.text == "Empty.", "once"
    assert marked["Sources"].cell(1, 1).comment.text == "Not read."
    (page, *_) = returned.pages(
        reader.read(workbook.as_bytes(workbook.write_marked, source, remarks), "x.xlsx"),
        SHEETS,
        SCHEMAS,
        synonyms.load(),
    )
    assert len(page.lines) == 5


@pytest.mark.parametrize(
    "names",
    [
        ("'Lists",),
        ("lists", "'Lists'"),
        ("'A'", "a", "A "),
        ("x" * 31, "x" * 31 + "'", "X" * 40),
        ("\U0001f333" * 16, "\U0001f333" * 20),
        ("History", "history 2"),
        ("", "''", "Sheet", "[]"),
        ("Stra\xdfe", "STRASSE", "strasse"),
        tuple("z" * 31 + str(number) for number in range(12)),
    ],
    ids=str,
)
def test_sheets_of_the_marked_workbook_have_names_that_a_program_takes(
    names: tuple[str, ...],
) -> None:
    """Whatever they are called in the file; a list to choose from gets a sheet of its own beside them."""
    rows = ((1, ("Name", "Department")), (2, ("Trees", "Zoo")))
    source = reader.Source("x.xlsx", "", tuple(reader.Sheet(name, rows) for name in names))
    remarks = [
        Remark(Place(name, 2, 1), Severity.ERROR, "Choose one.", ("Parks", "Water"))
        for name in names
    ]
    data = workbook.as_bytes(workbook.write_marked, source, remarks)
    marked = openpyxl.load_workbook(io.BytesIO(data))
    called = marked.sheetnames
    assert len({name.lower() for name in called}) == len(called)
    for name in called:
        assert 0 < len(name.encode("utf-16-le")) <= 62
        assert name == name.strip("' ")
        assert name.lower() != "history"
        assert not set(name) & set("[]:*?/\\")
    for sheet in marked.worksheets[: len(names)]:
        assert sheet.cell(2, 2).comment.text == "Choose one."
        (offered,) = sheet.data_validations.dataValidation
        lists, _, place = offered.formula1.removeprefix("=").rpartition("!")
        there = marked[lists.strip("'").replace("''", "'")]
        assert [cell.value for (cell,) in there[place.replace("$", "")]] == ["Parks", "Water"]


def test_the_marked_workbook_hides_the_stamp_before_columns_of_ones_own(data: bytes) -> None:
    book = openpyxl.load_workbook(io.BytesIO(data))
    sheet = book["Datasets"]
    stamp = sheet.max_column
    sheet.cell(1, stamp + 1).value = "My remarks"
    sheet.cell(2, stamp + 1).value = "Ask Facilities"
    stream = io.BytesIO()
    book.save(stream)
    source = reader.read(stream.getvalue(), "x.xlsx")
    marked = openpyxl.load_workbook(
        io.BytesIO(workbook.as_bytes(workbook.write_marked, source, []))
    )["Datasets"]
    letter = openpyxl.utils.get_column_letter
    assert marked.column_dimensions[letter(stamp)].hidden
    assert not marked.column_dimensions[letter(stamp + 1)].hidden


def _of_several(rows: int) -> bytes:
    """A workbook over several departments, to somebody who adds to two of them."""
    layout = layouts.with_departments_to_choose(SHEETS[ENTRY])
    position = [column.key for column in layout.columns].index(layouts.DEPARTMENT)
    lines: list[workbook.Line] = []
    for number in range(1, rows + 1):
        cells: list[Any] = [f"PARKS-{number:04d}"] + [""] * (len(layout.columns) - 1)
        cells[position] = "=Parks" if number == 1 else "Parks"
        lines.append(workbook.Line(cells, Token(f"PARKS-{number:04d}", 1).encode()))
    filled = workbook.Filled(layout, Stamp(layout.key, layout.digest), iter(lines))
    offered = {"source_ids": [], layouts.DEPARTMENT: ["=Parks, and more", "Water"]}
    return workbook.as_bytes(
        workbook.write_xlsx, workbook.Book("Data inventory", ["First."], [filled], offered)
    )


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_only_new_rows_choose_their_department(rows: int) -> None:
    book = openpyxl.load_workbook(io.BytesIO(_of_several(rows)))
    sheet = book["Datasets"]
    letter = next(cell.column_letter for cell in sheet[1] if cell.value == "Department")
    rules = {
        str(rule.sqref): rule
        for rule in sheet.data_validations.dataValidation
        if str(rule.sqref).startswith(letter)
    }
    new = f"{letter}{rows + 2}:{letter}{rows + 501}"
    assert set(rules) == {f"{letter}1", new}
    assert (rules[new].type, bool(rules[new].showErrorMessage)) == ("list", False)
    assert not str(rules[f"{letter}1"].prompt).startswith("Read only.")
    place = str(rules[new].formula1).partition("!")[2].replace("$", "")
    lists = book["Lists"]
    assert [row[0].value for row in lists[place]] == ["=Parks, and more", "Water"]
    assert lists.cell(1, lists[place][0][0].column).value == "Department"
    assert sheet.max_row == rows + 1, "rows that aren't there cost no cell"
    for row in range(2, rows + 2):
        cell = sheet[f"{letter}{row}"]
        assert cell.data_type == "s"
        assert cell.fill.fgColor.rgb == "FFEDF1F3"


def test_a_column_for_new_rows_is_the_same_column() -> None:
    """Neither an earlier nor a later workbook is outdated by it, and what is read is the same."""
    layout = layouts.with_departments_to_choose(SHEETS[ENTRY])
    assert layout.digest == SHEETS[ENTRY].digest
    source = reader.read(_of_several(2), "x.xlsx")
    (page,) = returned.pages(source, SHEETS, SCHEMAS, synonyms.load())
    assert not page.outdated
    assert [line.text_of(layouts.DEPARTMENT) for line in page.lines] == ["=Parks", "Parks"]
    assert [c.key for c in layout.columns if c.in_new_rows] == [layouts.DEPARTMENT]


def test_a_cell_to_fix_offers_what_may_stand_in_it() -> None:
    """From the file's own list if that is whole, else from one beside it."""
    source = reader.read(_of_several(2), "x.xlsx")
    texts = ("=Parks, and more", "Water")
    remarks = [
        Remark(Place("Datasets", 2, 2), Severity.ERROR, "Wrong.", texts),
        Remark(Place("Datasets", 3, 2), Severity.ERROR, "Wrong.", texts),
        Remark(Place("Datasets", 3, 3), Severity.ERROR, "Wrong.", ("Water",)),
    ]
    marked = openpyxl.load_workbook(
        io.BytesIO(workbook.as_bytes(workbook.write_marked, source, remarks))
    )
    rules = {
        str(rule.sqref): str(rule.formula1)
        for rule in marked["Datasets"].data_validations.dataValidation
    }
    before = openpyxl.load_workbook(io.BytesIO(_of_several(2)))["Lists"].max_column
    places = [rules[at].partition("!")[2].replace("$", "") for at in ("C2", "C3", "D3")]
    assert rules["C2"] == rules["C3"]
    held = [[cell.value for (cell,) in marked["Lists"][place]] for place in places[:2]]
    assert held == [list(texts)] * 2
    assert marked["Lists"].max_column == before + 1
    assert marked["Lists"].cell(2, before + 1).value == "Water"
    assert marked.sheetnames.count("Lists") == 1


@pytest.mark.skipif(SOFFICE is None, reason="no LibreOffice on this machine")
@pytest.mark.parametrize("kind", ["xlsx", "xls", "ods", "csv"])
def test_libreoffice_saves_it_again(data: bytes, tmp_path: Path, kind: str) -> None:
    """Opened and saved by LibreOffice, it still says the same, hidden column and all."""
    (tmp_path / "book.xlsx").write_bytes(data)
    target = {"csv": "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,3"}
    out = tmp_path / "out"
    subprocess.run(
        [
            str(SOFFICE),
            f"-env:UserInstallation=file://{tmp_path}/profile",
            "--headless",
            "--convert-to",
            target.get(kind, kind),
            "--outdir",
            str(out),
            str(tmp_path / "book.xlsx"),
        ],
        check=True,
        capture_output=True,
        timeout=240,
    )
    (file,) = out.iterdir()
    found = returned.pages(
        reader.read(file.read_bytes(), file.name), SHEETS, SCHEMAS, synonyms.load()
    )
    assert [page.layout.key for page in found] == ([ENTRY] if kind == "csv" else list(SHEETS))
    before = {
        page.layout.key: page
        for page in returned.pages(reader.read(data, "x.xlsx"), SHEETS, SCHEMAS, synonyms.load())
    }
    for page in found:
        assert not page.outdated
        assert page.unknown == []
        for line, old in zip(page.lines, before[page.layout.key].lines, strict=True):
            assert (line.number, line.token) == (old.number, old.token)
            for key, cell in old.cells.items():
                was = reader.text(cell)
                assert not returned.was_written_into(line.cells[key], was, plain=page.plain), key
