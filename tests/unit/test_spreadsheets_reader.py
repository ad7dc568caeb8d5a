"""Reading files: encodings, separators, header rows, merged cells, and limits."""

from __future__ import annotations

import contextlib
import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckanext.inventory.spreadsheets.messages import FileProblem
from ckanext.inventory.spreadsheets.reader import Limits, decode, find_table, letter, read, text

KNOWN = {"Name": 3, "Kind": 1, "Prénom": 1}


def score(header: str) -> int:
    return KNOWN.get(header, 0)


def rows_of(data: bytes, filename: str = "list.csv") -> list[list[str]]:
    sheet = read(data, filename).sheets[0]
    return [[text(cell) for cell in cells] for _, cells in sheet.rows]


def workbook(*sheets: list[list[Any]], hidden: bool = False) -> bytes:
    book = openpyxl.Workbook()
    for position, rows in enumerate(sheets):
        sheet = book.active if position == 0 else book.create_sheet(f"Sheet {position + 1}")
        assert sheet is not None
        for row in rows:
            sheet.append(row)
    if hidden:
        book.create_sheet("Lists").sheet_state = "hidden"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
def test_encodings_are_recognised(encoding: str) -> None:
    data = "Name,Kind\nBäume – gefällt,Prénom „x“\n".encode(encoding)
    assert rows_of(data) == [["Name", "Kind"], ["Bäume – gefällt", "Prénom „x“"]]


def test_a_byte_that_is_not_utf8_spoils_only_itself() -> None:
    data = "Name\nStraße ä\nÜ ".encode() + b"\x96 x\n"
    found, notes = decode(data)
    assert found == "Name\nStraße ä\nÜ – x\n"
    assert "One byte" in str(notes[0])


def test_windows_characters_read_as_latin_are_repaired() -> None:
    found, notes = decode("Name\nthe city\x92s trees\n".encode())
    assert found == "Name\nthe city’s trees\n"
    assert len(notes) == 1


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_told_from_the_records(separator: str) -> None:
    lines = [["Name", "Kind", "Tags"], ["A", "x", "one, two"], ["B", "y", "a|b;c"], ["C", "", ""]]
    stream = io.StringIO()
    csv.writer(stream, delimiter=separator).writerows(lines)
    assert rows_of(stream.getvalue().encode())[1] == lines[1]


def test_a_declared_separator_is_obeyed_and_row_numbers_stay() -> None:
    sheet = read(b"sep=;\nName;Kind\nA, B;x\n", "list.csv").sheets[0]
    assert [(number, cells) for number, cells in sheet.rows] == [
        (2, ("Name", "Kind")),
        (3, ("A, B", "x")),
    ]


def test_cells_hold_line_ends_and_row_numbers_count_records() -> None:
    sheet = read(b'Name,Kind\r\n"A\r\nB",x\r\n\r\nC,y\r\n', "list.csv").sheets[0]
    assert text(sheet.rows[1][1][0]) == "A\nB"
    assert [number for number, _ in sheet.rows] == [1, 2, 4]


def test_an_unclosed_quotation_mark_is_told() -> None:
    notes = read(b'Name,Kind\nA,"x\nB,y\n', "list.csv").notes
    assert "quotation" in str(notes[0])


def test_title_rows_above_the_header_are_passed_over() -> None:
    data = b"Inventory of the Parks Department,,\nas of 1 May,,\n,,\nName,Kind,\nA,x,extra\n"
    table, best = find_table(read(data, "a.csv").sheets[0], score)
    assert (table.header_row, best) == (4, 4)
    assert [column.label for column in table.columns] == ["Name", "Kind", "(C)"]
    assert [number for number, _ in table.rows] == [5]


def test_an_empty_column_is_no_column_and_a_repeated_header_no_row() -> None:
    data = b"Name,,Kind\nA,,x\nName,,Kind\nB,,y\n"
    table, _ = find_table(read(data, "a.csv").sheets[0], score)
    assert [column.index for column in table.columns] == [0, 2]
    assert [number for number, _ in table.rows] == [2, 4]


def test_without_a_known_header_the_first_wide_row_is_taken() -> None:
    table, best = find_table(read(b"Report,\nColour,Size\nred,2\n", "a.csv").sheets[0], score)
    assert (table.header_row, best) == (2, 0)


def test_workbook_values_are_typed_and_formulas_keep_their_results() -> None:
    import xlsxwriter

    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Data")
        sheet.write_row(0, 0, ["Name", "Kind"])
        sheet.write_row(1, 0, ["A", 1833])
        sheet.write_formula(2, 0, '="x"&"y"', None, "xy")
        sheet.write_boolean(3, 0, True)
    rows = rows_of(stream.getvalue(), "a.xlsx")
    assert rows == [["Name", "Kind"], ["A", "1833"], ["xy"], ["Yes"]]


def test_a_formula_without_a_stored_result_is_told() -> None:
    source = read(workbook([["Name", "Kind"], ["A", "=1+1"]]), "a.xlsx")
    assert "One formula" in str(source.notes[0])


def test_cells_merged_downwards_count_for_each_row() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["Name", "Kind"], ["A", "x"], ["B", None], ["C", None]):
        sheet.append(row)
    sheet.merge_cells("B2:B4")
    stream = io.BytesIO()
    book.save(stream)
    assert rows_of(stream.getvalue(), "a.xlsx")[1:] == [["A", "x"], ["B", "x"], ["C", "x"]]


def test_hidden_sheets_are_left_and_named() -> None:
    source = read(workbook([["Name"], ["A"]], [["Other"]], hidden=True), "a.xlsx")
    assert [sheet.name for sheet in source.sheets] == ["Sheet", "Sheet 2"]
    assert "Lists" in str(source.notes[0])


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "empty"),
        (b"\x00\x00\n", "empty"),
        (b"PK\x03\x04 and nothing more", "damaged"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "damaged"),
        (b"%PDF-1.4\n\x01\x02\x03\x04\x05\x06 stream", "neither"),
    ],
)
def test_what_is_no_table_is_refused_in_words(data: bytes, part: str) -> None:
    with pytest.raises(FileProblem, match=part):
        read(data, "list.xlsx")


def test_limits_are_named() -> None:
    data = b"Name,Kind\n" + b"A,x\n" * 20
    for limits, part in (
        (Limits(max_bytes=50), "MB"),
        (Limits(max_rows=10), "10 rows"),
        (Limits(max_cells=10), "10 cells"),
        (Limits(max_columns=1), "2 columns"),
    ):
        with pytest.raises(FileProblem, match=part):
            read(data, "a.csv", limits)


def with_part(name: str, content: bytes) -> bytes:
    """A workbook with one part replaced."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook([["Name"], ["A"]]))) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for item in old.namelist():
            new.writestr(item, content if item == name else old.read(item))
    return stream.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
MAIN = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def test_a_file_that_unpacks_to_gigabytes_is_refused() -> None:
    bomb = with_part("xl/styles.xml", b" " * 5_000_000)
    assert len(bomb) < 100_000
    with pytest.raises(FileProblem, match="unpacks"):
        read(bomb, "a.xlsx", Limits(max_inflated_bytes=2_000_000))


def test_a_declared_size_is_not_believed() -> None:
    data = with_part("xl/styles.xml", b" " * 5_000_000)
    lied = data.replace((5_000_000).to_bytes(4, "little"), (500).to_bytes(4, "little"))
    assert lied != data
    with pytest.raises(FileProblem, match="unpacks"):
        read(lied, "a.xlsx", Limits(max_inflated_bytes=2_000_000))


def test_two_cells_at_far_corners_are_refused_before_the_rectangle_is_reserved() -> None:
    xml = (
        b"<worksheet " + MAIN + b"><sheetData>"
        b'<row r="1"><c r="A1"><v>1</v></c></row>'
        b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
        b"</sheetData></worksheet>"
    )
    with pytest.raises(FileProblem, match="far away"):
        read(with_part(SHEET, xml), "a.xlsx")


def test_entities_are_refused() -> None:
    xml = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet ' + MAIN + b"><sheetData/></worksheet>"
    with pytest.raises(FileProblem, match="damaged"):
        read(with_part(SHEET, xml), "a.xlsx")


def test_opendocument_repetitions_are_counted() -> None:
    cell = '<table:table-cell office:value-type="string" table:number-columns-repeated="16000"/>'
    content = (
        '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"><office:body>'
        '<office:spreadsheet><table:table table:name="A">'
        f'<table:table-row table:number-rows-repeated="1000000">{cell}</table:table-row>'
        "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
    with pytest.raises(FileProblem, match="cells"):
        read(stream.getvalue(), "a.ods")


def test_a_real_opendocument_file_claims_a_million_rows_and_reads(shared_data: Path) -> None:
    file = shared_data / "brazil-pda-mp" / "Inventario_consulta_publica.ods"
    sheet = read(file.read_bytes(), file.name).sheets[0]
    table, _ = find_table(sheet, lambda header: int(header == "Nome da Base de Dados"))
    assert (table.header_row, len(table.rows), len(table.columns)) == (3, 59, 11)
    assert table.columns[0].label == "(A)"


def test_letters() -> None:
    assert [letter(index) for index in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


CELLS = (
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffd\ufeff"),
        min_size=1,
        max_size=20,
    )
    .map(str.strip)
    .filter(bool)
)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=2, max_size=8))
def test_written_tables_read_back(rows: list[list[str]]) -> None:
    width = len(rows[0])
    rows = [(row * width)[:width] for row in rows]
    stream = io.StringIO()
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([["Name"] * width, *rows])
    assert rows_of(stream.getvalue().encode("utf-8-sig"))[1:] == rows


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(FileProblem):
        assert read(data, "a.csv").sheets


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize(
    "start", ["<html>", " \r\n<!DOCTYPE html>", "<TABLE border=1>", '<?xml version="1.0"?>']
)
def test_a_web_page_with_the_name_of_a_spreadsheet_is_told_as_one(
    start: str, encoding: str
) -> None:
    data = f"{start}<tr><td>Name</td></tr>".encode(encoding)
    with pytest.raises(FileProblem, match="web page or XML"):
        read(data, "list.xls")


def test_a_name_between_angle_brackets_is_no_web_page() -> None:
    assert rows_of(b"<tables>,Kind\nA,x\n")[0] == ["<tables>", "Kind"]


def test_error_values_read_as_empty_and_are_told() -> None:
    source = read(workbook([["Name", "Kind"], ["A", "#REF!"], ["B", "#N/A"]]), "x.xlsx")
    assert [str(note) for note in source.notes] == [
        "2 cells hold an error value such as #REF! or #N/A and were read as empty."
    ]
    assert [cells for _, cells in source.sheets[0].rows][1:] == [("A",), ("B",)]
