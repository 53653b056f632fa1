import gzip
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given

from tests.trading_app.client import files
from trading_app.client.completion import content, parse
from trading_app.client.errors import FileError
from trading_app.client.records import MAX_RECORD_BYTES, Record
from trading_app.client.trade_files import Format, TradeFile, guess_format

TRADES: list[files.Content] = [
    {"symbol": "XRP/ETH", "price": "0.00141342", "qty": "23.0", "side": "sell", "trade_id": "a"},
    {"symbol": "BTC/USDT", "price": "64250.10", "qty": "0.00001000", "side": "buy", "trade_id": "ü"},
]
Writer = Callable[[Sequence[files.Content]], bytes]
WRITERS: list[Writer] = [files.as_ndjson, files.as_json, files.as_csv]


def read(path: Path, data: bytes, file_format: Format | None = None) -> list[Record]:
    path.write_bytes(data)
    with TradeFile(str(path), file_format) as file:
        return list(file.records())


def complaint(path: Path, data: bytes, file_format: Format | None = None) -> str:
    with pytest.raises(FileError) as caught:
        read(path, data, file_format)
    assert str(path) in str(caught.value)
    return str(caught.value)


@given(trades=files.contents)
def test_every_format_says_the_same_with_the_same_digits(
    trades: list[files.Content], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "trades"
    said = [content(parse(Record(0, files.json_object(trade)))) for trade in trades]
    for write in WRITERS:
        for data in (write(trades), files.zipped(write(trades)), b"\xef\xbb\xbf" + write(trades)):
            assert [content(parse(record)) for record in read(path, data)] == said


def test_ndjson_lines_come_as_they_are(tmp_path: Path) -> None:
    data = b'{"price" :1.10,"x":[1e400 ]}\r\n\n  {"qty":"0.10"} \n{"last":1}'
    records = read(tmp_path / "f", data)
    assert records == [
        Record(1, b'{"price" :1.10,"x":[1e400 ]}'),
        Record(3, b'{"qty":"0.10"}'),
        Record(4, b'{"last":1}'),
    ]


def test_places_in_an_array_and_in_csv(tmp_path: Path) -> None:
    array = read(tmp_path / "f", b'[\n{"a":1},\n\n{"b":\n2}, {"c":"x,]}\\"["}\n]\n')
    assert [record.place for record in array] == ["line 2 (item 1)", "line 4 (item 2)", "line 5 (item 3)"]
    assert [record.body for record in array] == [b'{"a":1}', b'{"b": 2}', b'{"c":"x,]}\\"["}']
    rows = read(tmp_path / "f", b'\nsymbol,price,qty,side,venue\nA,1,1,buy,"x\ny"\n\nB,1,1,sell,\n')
    assert [record.place for record in rows] == ["line 3", "line 6"]


def test_csv_with_other_delimiters_capitals_and_spaces(tmp_path: Path) -> None:
    for delimiter in (b";", b"\t"):
        header, row = (
            delimiter.join([b"Symbol", b" price", b"qty", b"side"]),
            delimiter.join([b"A", b" 1.50 ", b"2", b"buy"]),
        )
        assert (
            read(tmp_path / "f", header + b"\n" + row)[0].body
            == b'{"symbol":"A","price":"1.50","qty":"2","side":"buy"}'
        )


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("x.csv", b'  {"a"', "ndjson"),
        ("x.json", b"\n [", "json"),
        ("x.json", b'{"a"', "ndjson"),
        ("x.csv.gz", b"symbol,", "csv"),
        ("x.ndjson.gz", b"oops", "ndjson"),
        ("-", b"symbol,", "csv"),
    ],
)
def test_the_format_is_seen(name: str, head: bytes, expected: str) -> None:
    assert guess_format(name, head) == expected


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfes\x00", "UTF-16"),
        (b"s\x00y\x00", "NUL"),
        (b'{"a":1}\n{"a":"\xe9"}\n', "line 2 is not UTF-8: byte 0xe9 at column 7"),
        (b'[{"a":"\xe9"}]', "line 1 is not UTF-8"),
        (b"symbol,price,qty,side,venue\nA,1,1,buy,\xe9\n", "line 2 is not UTF-8"),
        (b"symbol,price,qty,side,colour\n", "unknown column 'colour'"),
        (b"symbol,price,qty,side,qty\n", "appears twice"),
        (b"symbol,price\n", "missing column qty, side"),
        (b"symbol,price,qty,side\nA,1\n", "line 2 has 2 cells, the header has 4"),
        (b'symbol,price,qty,side\nA,1,1,buy\n"A,1,1,buy\nA,1,1,buy\n', "line 3: unexpected end of data"),
        (b'symbol,price,qty,side\n"A"x,1,1,buy\n', "line 2: "),
        (b'[{"a":1}', "isn't closed"),
        (b'[{"a":1}]{"b":2}', "not one JSON array"),
        (b'[{"a":1}] x', "something follows"),
        (b'[{"a":1}}', "wrong bracket"),
        (b"x" * (MAX_RECORD_BYTES + 1), "line 1 is longer"),
        (b'[{"a":1},"' + b"x" * (2 * MAX_RECORD_BYTES), "item 2 is longer"),
    ],
)
def test_what_is_not_a_file_of_trades_is_named(tmp_path: Path, data: bytes, said: str) -> None:
    assert said in complaint(tmp_path / "f", data)
    assert said in complaint(tmp_path / "f", files.zipped(data))


def test_a_format_that_is_given_is_taken(tmp_path: Path) -> None:
    assert "not one JSON array" in complaint(tmp_path / "f", files.as_ndjson(TRADES), "json")
    assert "unknown column" in complaint(tmp_path / "f", files.as_ndjson(TRADES), "csv")
    assert "isn't closed" in complaint(tmp_path / "f", b"", "json")


@pytest.mark.parametrize("data", [b"", b"\n \n", b"[ ]", b"symbol,price,qty,side\n"])
def test_an_empty_file_holds_nothing(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path / "f", data) == read(tmp_path / "f", files.zipped(data)) == []


def test_a_damaged_gzip_file_and_a_truncated_one_have_different_errors(tmp_path: Path) -> None:
    data = files.zipped(files.as_ndjson(TRADES) * 1_000)
    for length in (3, 12, len(data) // 2, len(data) - 1):
        assert "cut short" in complaint(tmp_path / "f", data[:length])
    damaged = bytearray(data)
    damaged[-6] ^= 1
    assert "damaged" in complaint(tmp_path / "f", bytes(damaged))
    assert "damaged" in complaint(tmp_path / "f", data[:30] + bytes(50) + data[80:])
    assert "damaged" in complaint(tmp_path / "f", data + b"garbage")


def test_gzip_in_several_members_is_one_file(tmp_path: Path) -> None:
    data = b"".join(gzip.compress(files.as_ndjson([trade])) for trade in TRADES)
    assert len(read(tmp_path / "f", data)) == 2


@pytest.mark.parametrize("name", ["missing", ".", "a\0b"])
def test_what_cannot_be_opened_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError, match="can't be opened"):
        TradeFile(f"{tmp_path}/{name}")


@pytest.mark.long
@pytest.mark.parametrize("write", WRITERS)
def test_a_large_file_is_not_held_in_memory(tmp_path: Path, write: Writer) -> None:
    (tmp_path / "f").write_bytes(files.zipped(write(TRADES * 10_000)))
    tracemalloc.start()
    try:
        with TradeFile(str(tmp_path / "f")) as file:
            assert sum(1 for _ in file.records()) == 20_000
            assert file.position == file.size
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
