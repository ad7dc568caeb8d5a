"""What is counted in a workbook before it is opened, however its rows are written."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ckanext.inventory.spreadsheets import package_scan
from ckanext.inventory.spreadsheets.messages import FileProblem
from ckanext.inventory.spreadsheets.package_scan import CHUNK, Scan, scan_package
from ckanext.inventory.spreadsheets.refusals import MIN_AREA

HEAD = '<?xml version="1.0" encoding="UTF-8"?><worksheet><sheetData>'
TAIL = '</sheetData><mergeCells><mergeCell ref="A1:B1"/></mergeCells></worksheet>'


def zipped(xml: str | bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", xml)
    return stream.getvalue()


def counted(rows: str, *, head: str = HEAD, tail: str = TAIL, max_cells: int = 1_000) -> Scan:
    return scan_package(zipped(head + rows + tail), 10_000_000, max_cells)


def outcome(rows: str, **more: int) -> tuple[int, int, int] | str:
    try:
        found = counted(rows, **more)  # pyright: ignore[reportArgumentType] - only max_cells is passed
    except FileProblem as problem:
        return str(problem.message)
    return found.cells, found.formulas_without_value, found.error_values


def otherwise(rows: str) -> str:
    """Write the same with other quotation marks, which are never told by their pattern."""
    return rows.replace('"', "'")


REFERENCES = st.builds(
    "{}{}".format, st.sampled_from(["A", "C", "Z", "AA", "BG", "XFD"]), st.just("R")
)
PLAIN = ["<v>7</v>", "<v>x &amp; y</v>", "<is><t>Straße &lt;1&gt;</t></is>"]
USUAL_VALUES = st.sampled_from(PLAIN)
VALUES = st.sampled_from(
    [
        *PLAIN,
        '<is><t xml:space="preserve"> \n</t></is>',
        "<is><r><t>rich</t></r></is>",
        "<v></v>",
        "<v/>",
        "<f>A1+1</f>",
        "<f>A1+1</f><v>2</v>",
        "<v>&unknown;</v>",
        "<v>a > b</v>",
        "<v>]]></v>",
        "<v>\x01</v>",
        "<!-- <v>1</v> -->",
        "",
    ]
)


@st.composite
def rows(draw: st.DrawFn) -> str:
    written: list[str] = []
    # Half of the files hold nothing but what every program writes; else few of them would be told by it.
    usual = draw(st.booleans())
    for number in draw(st.lists(st.sampled_from([1, 2, 3, 50, 9_999, 1_048_576]), max_size=6)):
        cells: list[str] = []
        for reference in draw(st.lists(REFERENCES, max_size=5)):
            named = usual or draw(st.booleans())
            where = f' r="{reference.replace("R", str(number))}"' if named else ""
            kind = draw(st.sampled_from(["", ' s="3"', ' s="3" t="s"', ' t="inlineStr"', ' t="e"']))
            if draw(st.integers(0, 3)) == 0:
                cells.append(f"<c{where}{kind}/>")
            else:
                value = draw(USUAL_VALUES if usual else VALUES)
                cells.append(f"<c{where}{kind}>{value}</c>")
        more = draw(st.sampled_from(["", ' ht="48" customHeight="1"', ' r="4"', ' spans="1:59"']))
        written.append(f'<row r="{number}"{more}>{"".join(cells)}</row>')
    return "".join(written)


def filled(row: int, *columns: str) -> str:
    """A row with filled cells, as every program writes it."""
    cells = "".join(f'<c r="{column}{row}"><v>7</v></c>' for column in columns)
    return f'<row r="{row}">{cells}</row>'


@pytest.mark.parametrize(
    ("written", "row", "column"),
    [
        (filled(9_999, "A", "XFD") + filled(1_048_576, "A"), 9_999, 16_384),
        (filled(9_999, "XFD", "A") + filled(1, "A"), 9_999, 16_384),
        (filled(1_048_576, "A", "C", "XFD"), 1_048_576, 3),
        (filled(1, "ZZ") + filled(9_999, "A") + filled(1_048_576, "A"), 9_999, 702),
    ],
)
def test_the_first_cell_that_is_too_far_away_is_named(written: str, row: int, column: int) -> None:
    said = f"as far away as row {row}, column {column}."
    assert said in str(outcome(written))
    assert outcome(otherwise(written)) == outcome(written)


def test_too_many_cells_are_told_before_those_too_far_away_if_they_come_first() -> None:
    """Either may be what is said: it is what comes first in the file."""
    near, far = filled(1, "A", "B", "C", "D"), filled(1_048_576, "XFD")
    assert "more than 3 cells" in str(outcome(near + far, max_cells=3))
    assert "as far away as" in str(outcome(far + near, max_cells=3))
    for written in (near + far, far + near):
        assert outcome(otherwise(written), max_cells=3) == outcome(written, max_cells=3)


@given(rows())
@example(filled(9_999, "A", "XFD") + filled(1_048_576, "A"))
def test_rows_are_counted_alike_however_they_are_written(written: str) -> None:
    assert outcome(written) == outcome(otherwise(written))
    assert outcome(written, max_cells=3) == outcome(otherwise(written), max_cells=3)


USUAL = {
    "XlsxWriter": '<row r="{0}" ht="48" customHeight="1"><c r="A{0}" s="1"/>'
    '<c r="B{0}" s="2" t="inlineStr"><is><t xml:space="preserve">{1}</t></is></c></row>',
    "openpyxl": '<row r="{0}"><c r="A{0}" s="1" t="s"><v>12</v></c><c r="B{0}" /></row>',
    "LibreOffice": '<row r="{0}" customFormat="false" ht="12.8" hidden="false" customHeight="false" '
    'outlineLevel="0" collapsed="false"><c r="A{0}" s="0" t="s"><v>12</v></c></row>',
    "Excel": '<row r="{0}" spans="1:2" x14ac:dyDescent="0.25"><c r="A{0}" s="1" t="s"><v>12</v></c>'
    '<c r="B{0}" s="3"/></row>',
}


@pytest.mark.parametrize("row", USUAL.values(), ids=USUAL)
def test_usual_rows_are_not_parsed(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at a file costs little more than its reading."""
    started: list[str] = []
    start = package_scan._OfficeOpenXml.start

    def watched(self: package_scan._OfficeOpenXml, name: str, attributes: dict[str, str]) -> None:
        started.append(name)
        start(self, name, attributes)

    monkeypatch.setattr(package_scan._OfficeOpenXml, "start", watched)
    many = "".join(row.format(number, "x" * 500) for number in range(1, 5_001))
    assert len(many) > 5 * CHUNK
    assert counted(many, max_cells=5_000).cells == 5_000
    assert started == ["worksheet", "sheetData", "mergeCells", "mergeCell"]


def test_one_strange_row_is_parsed_with_its_neighbours_only() -> None:
    usual = '<row r="{0}"><c r="A{0}"><v>{0}</v></c></row>'
    many = [usual.format(number) for number in range(1, 4_001)]
    many[2_000] = '<row r="2001"><c r="A2001"><f>1+1</f></c><c r="B2001"><f>2</f><v>2</v></c></row>'
    found = counted("".join(many), max_cells=5_000)
    assert (found.cells, found.formulas_without_value) == (4_000, 1)


@pytest.mark.parametrize("far", ['<c r="XFD{0}"><v>1</v></c>', '<c r="A{0}"><v>1</v></c>'])
def test_filled_cells_far_apart_are_refused(far: str) -> None:
    row = 1_048_576
    near = '<row r="1"><c r="A1"><v>1</v></c><c r="ZZ1"><v>1</v></c></row>'
    written = f'{near}<row r="{row}">{far.format(row)}</row>'
    assert row * 702 > MIN_AREA
    for same in (written, otherwise(written)):
        with pytest.raises(FileProblem, match="as far away as"):
            counted(same)


def test_blank_cells_with_a_style_may_lie_anywhere() -> None:
    written = (
        '<row r="1"><c r="A1"><v>1</v></c><c r="XFD1" s="1"/></row>'
        '<row r="1048576" ht="15"><c r="XFD1048576" s="1"/></row>'
    )
    assert counted(written).cells == 1
    assert counted(otherwise(written)).cells == 1


def test_cells_that_do_not_say_where_they_are_follow_the_row_before() -> None:
    """A row far away without a filled cell may move the next one, which has no number."""
    far = '<row r="1048570"/><row><c><v>1</v></c></row><row r="1"><c r="ZZ1"><v>1</v></c></row>'
    for same in (far, otherwise(far)):
        with pytest.raises(FileProblem, match="as far away as"):
            counted(f'<row r="2"><c r="A2"><v>1</v></c></row>{same}')


@pytest.mark.parametrize(
    ("head", "written", "tail"),
    [
        (HEAD, '<row r="1"><c r="A1"><v>1</v></c></row>', "</sheetData>"),
        (HEAD, '<row r="1"><c r="A1"><v>1</v></c></row></row>', TAIL),
        (HEAD, '<row r="1" r="2"><c r="A1"><v>1</v></c></row>', TAIL),
        (HEAD, '<row<c r="A1"><v>1</v></c> r="1"></row>', TAIL),
        (HEAD.replace("<worksheet>", '<!DOCTYPE x [<!ENTITY a "b">]><worksheet>'), "", TAIL),
        (HEAD.replace("<worksheet>", '<!DOCTYPE x [<!ENTITY a "<sheetData>'), "", '">]>' + TAIL),
        (HEAD.replace("<sheetData>", "<sheetData a='<sheetData>"), "", TAIL),
        (HEAD.replace("UTF-8", "no-such-thing"), '<row r="1"><c r="A1"><v>1</v></c></row>', TAIL),
        (HEAD.replace("UTF-8", "US-ASCII"), '<row r="1"><c r="A1"><v>é</v></c></row>', TAIL),
    ],
)
def test_what_is_not_xml_is_refused(head: str, written: str, tail: str) -> None:
    with pytest.raises(FileProblem, match="may be damaged"):
        counted(written, head=head, tail=tail)


def test_bytes_that_are_no_text_are_refused() -> None:
    xml = HEAD.encode() + b'<row r="1"><c r="A1"><v>\xff\xfe</v></c></row>' + TAIL.encode()
    with pytest.raises(FileProblem, match="may be damaged"):
        scan_package(zipped(xml), 10_000, 10)


def test_rows_in_a_comment_count_rather_than_hide() -> None:
    """Nothing that stands behind something odd is overlooked."""
    head = HEAD.replace("<sheetData>", "<!-- <sheetData>")
    row = '<row r="1"><c r="A1"><v>1</v></c></row>'
    found = counted(f"{row}--><sheetData>{row.replace('1', '2')}", head=head)
    assert found.cells >= 1


def test_a_row_that_never_ends_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_scan, "MAX_WAITING", 1_000)
    cells = "".join(f'<c r="A{number}"><v>1</v></c>' for number in range(1, 9_000))
    with pytest.raises(FileProblem, match="more than 500 cells"):
        counted(f'<row r="1">{cells}', max_cells=500)


def test_blank_cells_without_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """They weigh nothing in the file, and take their time to be looked at."""
    monkeypatch.setattr(package_scan, "MAX_ELEMENTS", 1_000)
    rows = f"<row>{'<c/>' * 1_000}</row>"
    with pytest.raises(FileProblem, match=r"most of them without anything in them\. Copy its rows"):
        counted(rows)
    assert counted(f'<row r="1">{"<c/>" * 1_000}</row>').cells == 0


def test_error_values_are_counted_however_the_row_is_written() -> None:
    rows = (
        '<row r="1"><c r="A1" t="e"><v>#REF!</v></c><c r="B1" s="2" t="e"><v>#N/A</v></c>'
        '<c r="C1"><v>7</v></c><c r="D1" t="e"/></row>'
    )
    assert counted(rows).error_values == 2
    assert counted(otherwise(rows)).error_values == 2
    with_formula = '<row r="1"><c r="A1" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'
    assert counted(with_formula).error_values == 1
