"""Files as tables of text, whatever their kind, encoding and dialect."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest

from trading_files.errors import FileRefused
from trading_files.reading.limits import Limits
from trading_files.reading.read import read
from trading_files.reading.tables import Document, Row

FIELD_CASES = Path(__file__).parents[1] / "field_cases/data"
TRADES = "ts;symbol;price\n2026-01-05;BTC;1,5\n2026-01-06;ETH;2,5\n"
ROWS = [
    {"ts": "2026-01-05", "symbol": "BTC", "price": "1,5"},
    {"ts": "2026-01-06", "symbol": "ETH", "price": "2,5"},
]


def document(content: bytes | str, *headers: set[str], limits: Limits | None = None) -> Document:
    data = content.encode() if isinstance(content, str) else content
    return read(io.BytesIO(data), headers=[frozenset(one) for one in headers], limits=limits)


def tables(content: bytes | str, *headers: set[str]) -> dict[str, list[Row]]:
    return {table.name: list(table.rows) for table in document(content, *headers).tables}


def rows(content: bytes | str, *headers: set[str]) -> list[dict[str, str]]:
    return [row.cells for table in document(content, *headers).tables for row in table.rows]


def refusal(content: bytes | str, limits: Limits | None = None) -> str:
    with pytest.raises(FileRefused) as caught:
        _read_all(content, limits)
    return str(caught.value)


def _read_all(content: bytes | str, limits: Limits | None) -> None:
    for table in document(content, limits=limits).tables:
        for _ in table.rows:
            pass


def packed(**members: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return target.getvalue()


def test_an_empty_cell_is_missing_and_white_space_around_cells_is_dropped() -> None:
    assert rows("ts,symbol,fee\n1,BTC, 20\n2,ETH,\n") == [
        {"ts": "1", "symbol": "BTC", "fee": "20"},
        {"ts": "2", "symbol": "ETH"},
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_found(delimiter: str, end: str) -> None:
    text = delimiter.join(("ts", "symbol", "note")) + end + delimiter.join(("1", "BTC", '"a, b; c\td|e"')) + end
    assert rows(text) == [{"ts": "1", "symbol": "BTC", "note": "a, b; c\td|e"}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_encodings_are_found(encoding: str) -> None:
    text = "Data;Ativo;Preço\n05/01/2026;Ação;38,10\n"
    assert rows(text.encode(encoding)) == [{"Data": "05/01/2026", "Ativo": "Ação", "Preço": "38,10"}]


def test_cp1252_is_seen_far_down_a_file() -> None:
    text = "a,b\n" + "1,2\n" * 50_000 + "3,é\n"
    found = document(text.encode("cp1252"))
    last = [row for table in found.tables for row in table.rows][-1]
    assert last == Row(50_002, {"a": "3", "b": "é"})
    assert any("CP1252" in note for note in found.notes)


def test_bytes_that_are_not_utf8_in_a_file_that_is_are_shown_as_such() -> None:
    assert rows("a,b\n1,é\n".encode() + b"2,\xff\n")[1] == {"a": "2", "b": "\N{REPLACEMENT CHARACTER}"}


@pytest.mark.parametrize("first", ["sep=;\n", '"sep=;"\r\n', "\n\n", "\ufeff", "sep=;\n\n"])
def test_what_spreadsheets_hide_above_the_header_is_passed_over(first: str) -> None:
    assert rows(first + TRADES) == ROWS


def test_a_quoted_cell_may_hold_line_breaks_and_quotes() -> None:
    text = 'ts,note,price\n1,"two\nlines, and ""quotes""",5\n2,"x",6\n'
    assert list(tables(text)[""]) == [
        Row(2, {"ts": "1", "note": 'two\nlines, and "quotes"', "price": "5"}),
        Row(4, {"ts": "2", "note": "x", "price": "6"}),
    ]


def test_quotes_after_a_space_apostrophes_as_quotes_and_escaped_quotes_are_read() -> None:
    assert rows('a, "b"\n1, "x, y"\n') == [{"a": "1", "b": "x, y"}]
    assert rows("'a','b'\n'1','x, y'\n") == [{"a": "1", "b": "x, y"}]
    assert rows('a,b\n1,"x \\"y\\", z"\n') == [{"a": "1", "b": 'x "y", z'}]


def test_lines_above_the_header_are_the_preamble() -> None:
    text = "Account,U123\nCurrency,USD\n\nDate,Symbol,Price\n2026-01-05,AAPL,150\nTotal,,150\n"
    found = next(document(text).tables)
    assert found.columns == ("Date", "Symbol", "Price")
    assert found.preamble == (("Account", "U123"), ("Currency", "USD"))
    assert [row.cells for row in found.rows] == [
        {"Date": "2026-01-05", "Symbol": "AAPL", "Price": "150"},
        {"Date": "Total", "Price": "150"},
    ]


def test_a_known_header_is_found_below_lines_that_look_like_one() -> None:
    text = "Name,Street,City,Country\nAnn,Elm,Oslo,Norway\nTime,Sym,Px\n1,AAPL,5\n"
    found = next(document(text, {"time", "sym", "px"}).tables)
    assert found.columns == ("Time", "Sym", "Px")
    assert len(found.preamble) == 2


def test_a_file_without_a_header_has_numbered_columns() -> None:
    assert rows("2026-01-05,AAPL,150\n2026-01-06,AAPL,151\n")[0] == {"(1)": "2026-01-05", "(2)": "AAPL", "(3)": "150"}


def test_sections_of_a_report_are_tables() -> None:
    text = (
        "Report,,,\nPositions,,,\nTime,Symbol,Time,Profit\n1,EURUSD,2,5.0\n3,GBPUSD,4,- 2.50\n"
        "Orders,,,\nOpen Time,Order,Symbol,State\n1,77,EURUSD,filled\nResults,,,\nTotal:,,,2.50\n"
    )
    found = tables(text)
    assert list(found) == ["Positions", "Orders"]
    assert found["Positions"][0] == Row(4, {"Time": "1", "Symbol": "EURUSD", "Time (2)": "2", "Profit": "5.0"})
    assert [row.place for row in found["Orders"]] == [8, 9, 10]


def test_each_section_of_a_statement_is_a_table() -> None:
    text = (
        "Statement,Header,Field Name,Field Value\nStatement,Data,Base Currency,EUR\n"
        "Trades,Header,Symbol,Quantity,Price\nTrades,Data,KO,3,60.5\nTrades,Total,,3\n"
        "Trades,Header,Symbol,Price,Fee,\nTrades,Data,EUR.USD,1.1,2,\n"
        "Actions,Header,Symbol,Kind,Ratio\nActions,Data,KO,Split,2\n"
    )
    found = [(table.name, table.columns, table.preamble, list(table.rows)) for table in document(text).tables]
    assert found == [
        (
            "Trades",
            ("Trades", "Header", "Symbol", "Quantity", "Price"),
            (("Statement", "Statement", "Data", "Base Currency", "EUR"),),
            [
                Row(4, {"Trades": "Trades", "Header": "Data", "Symbol": "KO", "Quantity": "3", "Price": "60.5"}),
                Row(5, {"Trades": "Trades", "Header": "Total", "Quantity": "3"}),
            ],
        ),
        (
            "Trades",
            ("Trades", "Header", "Symbol", "Price", "Fee"),
            (),
            [Row(7, {"Trades": "Trades", "Header": "Data", "Symbol": "EUR.USD", "Price": "1.1", "Fee": "2"})],
        ),
        (
            "Actions",
            ("Actions", "Header", "Symbol", "Kind", "Ratio"),
            (),
            [Row(9, {"Actions": "Actions", "Header": "Data", "Symbol": "KO", "Kind": "Split", "Ratio": "2"})],
        ),
    ]


def test_names_and_values_of_a_statement_are_kept_within_bounds() -> None:
    names = "".join(f"Notes,Data,{number},text\n" for number in range(1_000))
    text = f"Notes,Header,Name,Value\n{names}Trades,Header,Symbol,Quantity,Price\nTrades,Data,KO,3,60.5\n"
    found = [(len(table.preamble), [row.place for row in table.rows]) for table in document(text).tables]
    assert found == [(Limits().preamble_lines, [1_003])]


def test_a_known_header_begins_a_section_without_a_title_and_a_repeated_header_does_not() -> None:
    text = "a,b\n1,2\na,b\n3,4\nx,y,z\n5,6,7\n"
    known = [{"a", "b"}, {"x", "y"}]
    assert rows(text, *known) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}, {"x": "5", "y": "6", "z": "7"}]


def test_rows_of_another_width_keep_what_they_have() -> None:
    assert tables("a,b,c\n1,2\n1,2,3,\n1,2,3,4\n")[""] == [
        Row(2, {"a": "1", "b": "2"}),
        Row(3, {"a": "1", "b": "2", "c": "3"}),
        Row(4, {"a": "1", "b": "2", "c": "3"}, ("4",)),
    ]


def test_comments_and_empty_lines_are_no_rows_and_a_symbol_with_a_hash_is_one() -> None:
    text = "# made by a bot\nsymbol,qty\n#AAPL,5\n\n,\n# the end\n"
    assert rows(text) == [{"symbol": "#AAPL", "qty": "5"}]
    assert rows("a,b,c\n1,2,3\n# the end\n") == [{"a": "1", "b": "2", "c": "3"}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('a,b\n1,"x\n' * 3, "line 2: .*closing quotation mark|line 2: a quotation mark"),
        ('a,b\n1,"x" y\n', "line 2: text stands behind a closing quotation mark"),
        ("just a letter\nto somebody\n", "text without columns"),
        ("a,b\n1,\x00\n", "zero bytes"),
        ("", "empty"),
        (" \n\n ", "empty"),
        ("a" * 3_000_000, "line of more than 1024 KB"),
    ],
)
def test_a_text_that_is_no_table_is_refused_with_the_line(text: str, reason: str) -> None:
    with pytest.raises(FileRefused, match=reason):
        rows(text)


def test_a_quotation_mark_that_is_never_closed_does_not_gather_the_file() -> None:
    text = "a,b\n1,2\n3," + "".join(f'"{number}\n",' for number in range(200_000))
    assert "line 3" in refusal(text)


ITEM = {"id": 1, "fee": {"cost": 0.00023406, "currency": "BNB"}, "fees": [{"cost": 1}], "type": None, "maker": False}
CELLS = {"id": "1", "fee.cost": "0.00023406", "fee.currency": "BNB", "fees.0.cost": "1", "maker": "false"}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([ITEM, ITEM]),
        json.dumps([ITEM, ITEM], indent=4),
        json.dumps({"code": 0, "data": {"list": [ITEM, ITEM], "cursor": "x"}}),
        json.dumps(ITEM) + "\n" + json.dumps(ITEM) + "\n",
        json.dumps(ITEM, indent=2) + "\n" + json.dumps(ITEM, indent=2),
        json.dumps(ITEM) + json.dumps(ITEM),
        "\ufeff" + json.dumps([ITEM, ITEM]),
    ],
)
def test_json_of_any_shape_is_a_table(text: str) -> None:
    assert rows(text) == [CELLS, CELLS]


def test_numbers_of_json_keep_their_digits() -> None:
    text = '[{"a": 0.10000000000000000000000001, "b": 1.50, "c": 12345678901234567890, "d": 1E-7, "e": "007"}]'
    assert rows(text) == [
        {"a": "0.10000000000000000000000001", "b": "1.50", "c": "12345678901234567890", "d": "1E-7", "e": "007"}
    ]


def test_a_large_json_list_in_one_line_is_read_record_by_record() -> None:
    text = json.dumps({"data": [{"id": number, "note": "x" * 50} for number in range(20_000)], "total": 20_000})
    found = document(text)
    table = next(found.tables)
    assert (table.name, table.columns) == ("data", ("id", "note"))
    assert [row.place for row in table.rows] == list(range(1, 20_001))


def test_lists_of_lists_and_several_lists_are_tables() -> None:
    text = json.dumps({"account": "U1", "fills": [["id", "price"], [1, 2.5]], "orders": [{"id": 7}], "ids": [1, 2]})
    found = {table.name: (table.preamble, [row.cells for row in table.rows]) for table in document(text).tables}
    assert found == {
        "fills": ((), [{"id": "1", "price": "2.5"}]),
        "orders": ((("account", "U1"),), [{"id": "7"}]),
    }


def test_one_object_is_one_row_and_a_known_header_decides_about_lists_in_it() -> None:
    assert rows('{"id": 1, "price": 2}') == [{"id": "1", "price": "2"}]
    assert rows(json.dumps(ITEM), {"id", "feecost"}) == [CELLS]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 2}', "line 1: an object has two members named 'a'"),
        ('[{"a": 1},\n{"a": }]', "line 2: not JSON"),
        ('[{"a": 1}\n', "line 2: ',' is expected"),
        ("{'a': 1}", "line 1: "),
        ('[{"a": 1}, 5]', "item 2 of the list is not an object"),
        ("[" * 100_000, "line 1: "),
        ('{"a":' * 100_000, "deep"),
        ('[{"a": 1}] x', "not JSON"),
        ("[]", "no table"),
        ('[{"a": "' + "x" * 3_000_000 + '"}]', "line 1: "),
        ('{"a": 1}\n[2]\n', "a JSON object is expected"),
        ('{"a": 1}\n{"a": 2', "line 2: not JSON"),
    ],
)
def test_json_that_is_no_table_is_refused(text: str, reason: str) -> None:
    assert reason in refusal(text)


FLEX = """<FlexQueryResponse queryName="q" type="AF"><FlexStatements count="1">
<FlexStatement accountId="U123" fromDate="20260101">
<Trades>
<Trade tradeID="1" symbol="AAPL" quantity="10" tradePrice="150.10"/>
<Order symbol="AAPL" quantity="10"/>
<Trade tradeID="2" symbol="AAPL" quantity="-10" tradePrice="151" note=""/>
</Trades>
<CashTransactions><CashTransaction type="Dividends" amount="5.00"/></CashTransactions>
</FlexStatement></FlexStatements></FlexQueryResponse>"""


def test_elements_of_a_flex_query_are_rows_with_their_account() -> None:
    found = list(tables(FLEX).items())
    name, trades = found[0]
    assert name == "FlexQueryResponse.FlexStatements.FlexStatement.Trades"
    assert trades == [
        Row(4, {"(element)": "Trade", "tradeID": "1", "symbol": "AAPL", "quantity": "10", "tradePrice": "150.10"}),
        Row(5, {"(element)": "Order", "symbol": "AAPL", "quantity": "10"}),
        Row(6, {"(element)": "Trade", "tradeID": "2", "symbol": "AAPL", "quantity": "-10", "tradePrice": "151"}),
    ]
    assert found[1][0].endswith("CashTransactions")
    assert ("FlexStatement.accountId", "U123") in next(document(FLEX).tables).preamble


def test_children_with_text_are_cells() -> None:
    text = "<?xml version='1.0'?><trades><trade><id>1</id><price>2.50</price><fee unit='USD'>1</fee></trade></trades>"
    assert rows(text) == [{"(element)": "trade", "id": "1", "price": "2.50", "fee": "1", "fee.unit": "USD"}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('<!DOCTYPE a [<!ENTITY x "y">]><a><b c="1" d="&x;"/></a>', "DOCTYPE"),
        ('<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "DOCTYPE"),
        ("<a><b c='1' d='2'/>", "line 1: the XML is broken"),
        ("<a>" * 100, "deep"),
        ("<a b='" + "x" * 3_000_000 + "'/>", "larger than 1024 KB"),
        ("<a>" + "x" * 3_000_000 + "</a>", "larger than 128 KB"),
        ("<a/>", "no table"),
    ],
)
def test_hostile_xml_is_refused(text: str, reason: str) -> None:
    assert reason in refusal(text)


MT5 = """<html><head><title>Report</title><style>td {x}</style></head><body><table>
<tr><th colspan="6"><b>Trade History Report</b></th></tr>
<tr><td colspan="2">Account:</td><td colspan="4"><b>0 (USD, Broker)</b></td></tr>
<tr><th colspan="6"><div>Positions</div></th></tr>
<tr><td><b>Time</b></td><td><b>Position</b></td><td><b>Symbol</b></td><td><b>Volume</b></td><td><b>Price</b></td><td>Profit</td></tr>
<tr><td>2026.01.01 10:00:00</td><td>111</td><td>XAUUSDm</td><td class="hidden" colspan="8"></td><td>0.04</td>
<td>4&nbsp;106.170</td><td>- 2.50</td></tr>
</table></body></html>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_report_in_html_is_read_without_its_hidden_cells(encoding: str) -> None:
    found = document(MT5.encode(encoding))
    table = next(found.tables)
    assert (found.kind, table.name) == ("html", "Positions")
    assert [row.cells for row in table.rows] == [
        {"Time": "2026.01.01 10:00:00", "Position": "111", "Symbol": "XAUUSDm", "Volume": "0.04", "Price": "4 106.170",
         "Profit": "- 2.50"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE html><html><body><form>Sign in</form></body></html>",
        "<html>" + "<!--" * 500_000,
        "<table><tr>",
        "<html><a" + "1" * 900_000,
    ],
)
def test_a_page_without_a_table_is_refused(text: str) -> None:
    assert "page" in refusal(text)


def test_zip_and_gzip_are_opened() -> None:
    assert rows(gzip.compress(TRADES.encode())) == ROWS
    assert rows(packed(a__csv=TRADES.encode())) == ROWS
    assert rows(gzip.compress(packed(a__csv=TRADES.encode()))) == ROWS
    assert rows(packed(a__zip=packed(b__csv=TRADES.encode()))) == ROWS
    assert rows(gzip.compress(TRADES.encode()[:20]) + gzip.compress(TRADES.encode()[20:])) == ROWS


def test_a_stream_that_can_not_seek_is_read() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    found = read(Pipe(packed(a__csv=TRADES.encode())))
    assert [row.cells for table in found.tables for row in table.rows] == ROWS


def test_members_of_a_zip_are_tables_and_others_are_noted() -> None:
    content = packed(a__csv=TRADES.encode(), b__csv=b"x,y\n1,2\n", c__pdf=b"%PDF-1.7", __MACOSX=b"")
    found = document(content)
    assert [table.name for table in found.tables] == ["a.csv", "b.csv"]
    assert any("c.pdf" in note and "PDF" in note for note in found.notes)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an old Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "with a password"),
        (b"x" * 257 + b"ustar\x0000", "a tar archive"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "a 7z archive"),
        (b"SQLite format 3\0", "a SQLite database"),
        (b"PAR1....", "a Parquet file"),
        (b"\x89PNG\r\n\x1a\n", "an image"),
        (packed(xl__workbook=b"x", **{"xl/vbaProject__bin": b"x"}), "with macros"),
        (packed(**{"xl/workbook__bin": b"x"}), "xlsb"),
        (packed(**{"word/document__xml": b"x"}), "Word"),
        (packed(content__xml=b"x"), "OpenDocument"),
        (packed(), "empty zip"),
        (packed(a__pdf=b"%PDF-1.7"), "nothing that can be read: a.pdf: the file is a PDF"),
        (packed(a__zip=packed(b__zip=packed(c__zip=packed(d__csv=b"a,b\n1,2\n")))), "archive in an archive"),
        (gzip.compress(b"a,b\n1,2\n" * 1_000)[:40], "damaged or cut off"),
        (packed(a__csv=TRADES.encode() * 100)[:100], "damaged or cut off"),
        (gzip.compress(b"a,b\n" + (b"1," + b"2" * 90_000 + b"\n") * 200), "it is a trap"),
        (packed(a__csv=b"a,b\n" + (b"1," + b"2" * 90_000 + b"\n") * 200), "it is a trap"),
        (b"\0\1\2" * 100, "zero bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",  # archives hold the time at which they were made
)
def test_what_is_not_taken_is_named(content: bytes, reason: str) -> None:
    assert reason in refusal(content)


def test_a_zip_with_a_password_is_named() -> None:
    content = bytearray(packed(a__csv=TRADES.encode()))
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    assert "with a password" in refusal(bytes(content))


def test_the_size_of_the_content_is_bounded() -> None:
    assert "more than 1 MB" in refusal(b"a,b\n" + b"1,2\n" * 400_000, Limits(content_bytes=1 << 20))


def test_all_field_cases_are_tables() -> None:
    for file in sorted(FIELD_CASES.iterdir()):
        if file.suffix != ".md":
            with file.open("rb") as source:
                found = [row for table in read(source, file.name).tables for row in table.rows]
            assert found, file.name
