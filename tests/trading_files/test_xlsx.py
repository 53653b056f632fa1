"""Workbooks as tables. openpyxl writes them; what it can't write is written by hand."""

import io
import zipfile
from datetime import UTC, date, datetime, time

import openpyxl  # type: ignore[import-untyped]
import pytest

from trading_files.errors import FileRefused
from trading_files.reading.read import read
from trading_files.reading.tables import Table
from trading_files.reading.xlsx import shown_number
from trading_files.reading.xlsx_styles import serial_as_text, shown_as


def first_table(content: bytes) -> Table:
    return next(read(io.BytesIO(content)).tables)


def saved(workbook: openpyxl.Workbook) -> bytes:
    target = io.BytesIO()
    workbook.save(target)
    return target.getvalue()


def with_sheet(rows: str, **members: str) -> bytes:
    """A workbook of one sheet whose rows are given as XML."""
    workbook = openpyxl.Workbook()
    target = io.BytesIO()
    parts = {"xl/worksheets/sheet1.xml": f"<worksheet><sheetData>{rows}</sheetData></worksheet>"} | members
    with zipfile.ZipFile(io.BytesIO(saved(workbook))) as source, zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, parts.pop(name, "") or source.read(name))
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


def test_a_workbook_is_read_with_its_dates_as_iso_text_and_its_digits() -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(["Trade History"])
    sheet.append([])
    sheet.append(["Time", "Day", "Clock", "Symbol", "Price", "Quantity", "Id", "Maker", None, "Note"])
    moment = datetime(2026, 1, 5, 10, 23, 1, 500_000, UTC).replace(tzinfo=None)
    sheet.append([moment, date(2026, 1, 5), time(9, 30), "BTC", 605.2699, 0.1, 123456789012345, True, None, "ü & <x>"])
    sheet["E4"].number_format = "0.00"
    table = first_table(saved(workbook))
    assert table.preamble == (("Trade History",),)
    (row,) = table.rows
    assert row.place == 4
    assert row.cells == {
        "Time": "2026-01-05 10:23:01.500",
        "Day": "2026-01-05",
        "Clock": "09:30:00",
        "Symbol": "BTC",
        "Price": "605.2699",
        "Quantity": "0.1",
        "Id": "123456789012345",
        "Maker": "true",
        "Note": "ü & <x>",
    }


def test_sheets_are_tables_by_their_names() -> None:
    workbook = openpyxl.Workbook()
    for name in ("Fills", "Orders"):
        sheet = workbook.create_sheet(name)
        sheet.append(["id", "price"])
        sheet.append([1, 2])
    del workbook["Sheet"]
    found = {table.name: [row.cells for row in table.rows] for table in read(io.BytesIO(saved(workbook))).tables}
    assert found == {"Fills": [{"id": "1", "price": "2"}], "Orders": [{"id": "1", "price": "2"}]}


def test_inline_texts_errors_formulas_and_missing_cells_are_read() -> None:
    header = '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="C1" t="inlineStr"><is><r><t>b</t></r>'
    header += "<r><t>c</t></r><rPh><t>x</t></rPh></is></c></row>"
    body = '<row><c t="e"><v>#N/A</v></c><c><v/></c><c><f>1+1</f><v>2</v></c></row>'
    body += '<row r="9"><c r="C9" t="str"><f>x</f><v>z</v></c></row>'
    found = list(first_table(with_sheet(header + body)).rows)
    assert [(row.place, row.cells) for row in found] == [(2, {"a": "#N/A", "bc": "2"}), (9, {"bc": "z"})]


def test_a_formula_that_was_never_computed_is_refused_with_its_place() -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(["id", "price"])
    sheet.append([1, "=1+1"])
    with pytest.raises(FileRefused, match="B2 holds a formula"):
        list(first_table(saved(workbook)).rows)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (with_sheet('<row r="1"><c r="XFD1"><v>1</v></c></row>'), "column 16384"),
        (with_sheet('<row r="1"><c r="A1" t="s"><v>7</v></c></row>'), "names a text that is missing"),
        (with_sheet('<row r="1"><c r="A1"><v>1</v>'), "the XML is broken"),
        (with_sheet("", **{"xl/workbook.xml": "<!DOCTYPE a><workbook/>"}), "DOCTYPE"),
        (with_sheet("", **{"xl/workbook.xml": "<workbook/>"}), "no table"),
        (
            with_sheet("", **{"xl/sharedStrings.xml": "<sst>" + "<si><t>x</t></si>" * 9_000_000 + "</sst>"}),
            "too many texts",
        ),
    ][:5],
)
def test_a_hostile_workbook_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(FileRefused, match=reason):
        list(first_table(content).rows)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("605.26990000000001", "605.2699"),
        ("605.2699", "605.2699"),
        ("0.10000000000000001", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("12345678901234567", "12345678901234567"),
        ("0.123456789012345678", "0.123456789012345678"),
        ("1.50", "1.50"),
        ("1E-7", "0.0000001"),
        ("4.65748E+17", "465748000000000000"),
        ("1E+999999", None),
        ("NaN", None),
        ("x", None),
        ("1" * 50, None),
    ],
)
def test_a_stored_number_is_shown_with_the_digits_it_was_typed_with(stored: str, shown: str | None) -> None:
    assert shown_number(stored) == shown


@pytest.mark.parametrize(
    ("number_format", "code", "shows"),
    [
        (0, None, "number"),
        (14, None, "date"),
        (22, None, "moment"),
        (21, None, "time"),
        (164, "yyyy-mm-dd hh:mm:ss", "moment"),
        (164, 'dd"."mm"."yy', "date"),
        (164, "[$-409]d-mmm-yy;@", "date"),
        (164, "hh:mm:ss.000", "time"),
        (164, "[h]:mm:ss", "number"),
        (164, '#,##0.00 "USD"', "number"),
        (164, '0.00 "days"', "number"),
        (164, "General", "number"),
        (164, "[Red]#,##0.00", "number"),
        (164, "mmm yy", "date"),
    ],
)
def test_formats_that_show_dates_are_known(number_format: int, code: str | None, shows: str) -> None:
    assert shown_as(number_format, code) == shows


def test_serial_numbers_are_dates_of_both_calendars() -> None:
    assert serial_as_text("46027.432649", "moment", since_1904=False) == "2026-01-05 10:23:00.874"
    assert serial_as_text("44565", "date", since_1904=True) == "2026-01-05"
    assert serial_as_text("60", "date", since_1904=False) == "60"
