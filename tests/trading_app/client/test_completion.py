import random

import msgspec
import pytest
from hypothesis import given

from tests.trading_app.client import files
from trading_app.client.completion import Completion
from trading_app.client.records import Record


def ids(lines: list[bytes], source: str = "", defaults: dict[str, str] | None = None) -> list[str]:
    with Completion(defaults or {}, source) as completion:
        return [msgspec.json.decode(completion.complete(Record(1, line)))["trade_id"] for line in lines]


def completed(line: bytes, defaults: dict[str, str]) -> bytes:
    with Completion(defaults) as completion:
        return completion.complete(Record(7, line, 2))


def test_a_complete_trade_is_passed_on_as_it_is() -> None:
    line = b'{ "trade_id":"a","account" : "x", "price":1.10e0 }'
    assert completed(line, {"account": "other"}) is line


def test_defaults_fill_what_is_absent_or_null_and_touch_no_digit() -> None:
    line = b'{"trade_id":"a","account":null,"strategy":"own","price": 0.10,"qty":"1.00","fee":-0.0}'
    assert (
        completed(line, {"account": 'say "x"', "strategy": "other"})
        == b'{"trade_id":"a","account":"say \\"x\\"","strategy":"own","price":0.10,"qty":"1.00","fee":-0.0}'
    )


def test_a_made_id_follows_from_what_the_line_says() -> None:
    same = [b'{"price":0.10,"qty":"1"}', b'{ "qty":1, "price":"0.10" }', b'{"qty":"\\u0031","price":0.10,"ts":null}']
    (first,), (second,), (third,) = ids(same[:1]), ids(same[1:2]), ids(same[2:])
    assert first == second == third
    assert first.startswith("file-")
    assert ids([b'{"price":0.1,"qty":"1"}']) != [first]


def test_equal_lines_are_different_trades() -> None:
    line, other = b'{"price":1}', b'{"price":2}'
    first, between, second, third = ids([line, other, line, line])
    assert (second, third) == (f"{first}-2", f"{first}-3")
    assert between not in (first, second, third)


@given(trades=files.contents)
def test_the_same_lines_get_the_same_ids_in_a_grown_or_a_reordered_file(trades: list[files.Content]) -> None:
    lines = [files.json_object({name: text for name, text in trade.items() if name != "trade_id"}) for trade in trades]
    assert ids(lines) == ids([*lines, *lines])[: len(lines)]
    assert len(set(ids(lines))) == len(lines)
    shuffled = random.Random(1).sample(lines, len(lines))
    assert sorted(ids(lines)) == sorted(ids(shuffled))


def test_defaults_do_not_change_the_id_and_a_source_does() -> None:
    line = b'{"price":1}'
    assert ids([line], defaults={"strategy": "x"}) == ids([line])
    assert ids([line], source="monday") != ids([line])


@pytest.mark.parametrize("body", [b"[1]", b"1", b"{", b'{"a":1}}', b'{"a":NaN}', b"", b'{"\\ud800":1}', b"not json"])
def test_what_is_no_object_is_named_by_its_place(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"line 7 \(item 2\) is not a JSON object"):
        completed(body, {})
