"""From the bytes of a request to the bytes that are journaled: both ways of decoding, and what counts as the same."""

import json
import sys
from decimal import Decimal
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service_kit.problems import MAX_ERRORS, Problem
from telemetry_stream.wire import number
from trading_app.intake import decode as intake
from trading_app.intake.decode import explain, read_form, read_trade, read_trades, submission
from trading_app.intake.event import TradeEvent, TradeIds
from trading_app.intake.identity import stored_key
from trading_app.problems import TYPES
from trading_model.contents import Instrument
from trading_model.fields import NAMES, REQUIRED
from trading_model.instruments import Instruments, Statement

NOW_NS = 1_790_000_000 * 10**9  # 2026-09-21T14:13:20Z
IDS = TradeIds()
PLAIN = {"symbol": "xrp/eth", "price": "0.00141342", "qty": "23.0", "side": "Sell"}


def take(trade: dict[str, Any]) -> TradeEvent:
    return read_trade(json.dumps(trade).encode(), NOW_NS, IDS)


def payload(trade: dict[str, Any]) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(take(trade).payload)
    return stored


def refused(body: bytes) -> Problem:
    with pytest.raises(Problem) as problem:
        read_trade(body, NOW_NS, IDS)
    return problem.value


def refused_batch(body: bytes, lines: bool = False, maximum: int = 100) -> Problem:
    with pytest.raises(Problem) as problem:
        read_trades(body, lines, NOW_NS, IDS, maximum)
    return problem.value


def complaints(problem: Problem) -> dict[str, str]:
    return {error.pointer: error.detail for error in problem.errors}


def test_a_trade_is_journaled_with_its_defaults() -> None:
    stored = payload(PLAIN)
    assert stored.pop("trade_id").startswith("t")
    assert stored == {
        "symbol": "XRP/ETH",
        "price": "0.00141342",
        "qty": "23.0",
        "side": "sell",
        "ts": "2026-09-21T14:13:20Z",
        "account": "default",
        "strategy": "default",
    }


def test_a_trade_is_journaled_with_everything_it_brings() -> None:
    more = {
        "trade_id": "binance-1",
        "account": "α",
        "strategy": "mean reversion",
        "venue": "Binance",
        "order_id": "o-1",
        "fee": "-0.010",
        "fee_currency": "bnb",
        "currency": "eth",
        "position_side": "LONG",
        "multiplier": "0.10",
        "tags": "breakout, news",
        "ts": 1570752011620,
    }
    assert payload(PLAIN | more) == {
        "trade_id": "binance-1",
        "symbol": "XRP/ETH",
        "price": "0.00141342",
        "qty": "23.0",
        "side": "sell",
        "ts": "2019-10-11T00:00:11.620Z",
        "account": "α",
        "strategy": "mean reversion",
        "venue": "Binance",
        "order_id": "o-1",
        "fee": "-0.010",
        "fee_currency": "BNB",
        "currency": "ETH",
        "position_side": "long",
        "multiplier": "0.10",
        "tags": ["breakout", "news"],
    }


def test_numbers_keep_the_digits_of_the_request() -> None:
    event = read_trade(b'{"symbol":"A","price":0.10,"qty":1e2,"side":"buy","fee":0.0}', NOW_NS, IDS)
    assert b'"price":"0.10","qty":"100"' in event.payload
    assert b'"fee":"0.0"' in event.payload


def test_an_option_that_expires_has_the_price_0() -> None:
    assert payload(PLAIN | {"price": "0.00"})["price"] == "0.00"


def test_a_negative_price_is_taken_where_the_instrument_allows_it() -> None:
    trade = PLAIN | {"symbol": "spread", "price": "-37.63"}
    terms = intake.Terms(terms_of=Instruments([Statement(1, Instrument(symbol="SPREAD", negative_prices=True))]).find)
    assert json.loads(read_trade(json.dumps(trade).encode(), NOW_NS, IDS, terms).payload)["price"] == "-37.63"
    (batched,) = read_trades(json.dumps([trade]).encode(), False, NOW_NS, IDS, 10, terms)
    assert json.loads(batched.payload)["price"] == "-37.63"
    words = "must be 0 or more: no instrument says `negative_prices` of SPREAD"
    assert complaints(refused(json.dumps(trade).encode())) == {"#/price": words}
    assert complaints(refused_batch(json.dumps([trade]).encode())) == {"#/0/price": words}


@pytest.mark.parametrize("price", ["0", "0.00", "-1"])
def test_an_inverse_contract_has_no_price_of_0_and_none_below(price: str) -> None:
    inverse = Instrument(symbol="XBTUSD", settlement="inverse", currency="BTC")
    terms = intake.Terms(terms_of=Instruments([Statement(1, inverse)]).find)
    trade = json.dumps(PLAIN | {"symbol": "xbtusd", "price": price}).encode()
    words = "must be more than 0: XBTUSD is inverse, a unit is worth 1 / price"
    with pytest.raises(Problem) as of_one:
        read_trade(trade, NOW_NS, IDS, terms)
    with pytest.raises(Problem) as of_batch:
        read_trades(b"[%b]" % trade, False, NOW_NS, IDS, 10, terms)
    assert [error.detail for one in (of_one, of_batch) for error in one.value.errors] == [words, words]


def test_an_import_id_can_t_be_sent() -> None:
    assert list(complaints(refused(json.dumps(PLAIN | {"import_id": "i-1"}).encode()))) == ["#/import_id"]


def test_white_space_and_escapes_are_of_json() -> None:
    event = read_trade(b' {\r\n"symbol" : "\\u0041" ,\t"price": 1 , "qty":1,"side":"buy"}\n', NOW_NS, IDS)
    assert b'"symbol":"A"' in event.payload


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(REQUIRED)))
def test_an_optional_field_may_be_null(name: str) -> None:
    left_out, null = payload(PLAIN), payload(PLAIN | {name: None})
    assert {**left_out, "trade_id": ""} == {**null, "trade_id": ""}


@pytest.mark.parametrize("name", ["symbol", "price", "qty", "side"])
def test_a_required_field_is_named_where_it_is_missing_or_null(name: str) -> None:
    without = {field: value for field, value in PLAIN.items() if field != name}
    assert complaints(refused(json.dumps(without).encode())) == {f"#/{name}": "is missing"}
    assert complaints(refused(json.dumps(PLAIN | {name: None}).encode())) == {f"#/{name}": "must not be null"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"not json",
        b"{",
        b'{"symbol":}',
        b"\x00",
        b"{}\x00",
        b"{}{}",
        b'{"price":NaN}',
        b'{"price":Infinity}',
        b'{"price":01}',
        b'{"price":+1}',
        b'{"price":1,}',
        b'{"symbol":"\xff"}',
        b'{"\xff":1}',
        b'\xef\xbb\xbf{"symbol":"A","price":1,"qty":1,"side":"buy"}',
        '{"symbol":"A","price":1,"qty":1,"side":"buy"}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"price":' * 50_000 + b"1" + b"}" * 50_000,
    ],
)
def test_invalid_json_is_named_as_such(body: bytes) -> None:
    assert refused(body).code == "not_json"
    assert refused_batch(body).code == "not_json"


@pytest.mark.parametrize("body", [b"1", b"null", b'"text"', b"[]", b"true", b'[{"symbol":"A"}]'])
def test_json_that_is_no_object_is_no_trade(body: bytes) -> None:
    problem = refused(body)
    assert (problem.code, problem.detail) == ("invalid_trade", "the body must be a JSON object")


def test_every_wrong_field_is_named_with_a_pointer() -> None:
    problem = refused(b'{"symbol":"","price":-1,"qty":1e400,"side":1,"ts":"x","account":5,"fee":[],"pirce":1,"a/b~":2}')
    assert problem.code == "invalid_trade"
    assert list(complaints(problem)) == [
        "#/pirce", "#/a~1b~0", "#/symbol", "#/price", "#/qty", "#/side", "#/account", "#/fee", "#/ts",
    ]  # fmt: skip
    assert complaints(problem)["#/pirce"].startswith("is not known; the fields are symbol, price,")
    assert problem.detail.startswith("pirce is not known")


def test_a_field_given_twice_counts_with_its_last_value() -> None:
    event = read_trade(b'{"symbol":"A","price":1,"price":2,"qty":1,"side":"buy"}', NOW_NS, IDS)
    assert b'"price":"2"' in event.payload
    assert refused(b'{"symbol":1,"symbol":"A","price":2,"qty":1,"side":"buy"}').code == "invalid_trade"


def test_a_million_unknown_fields_are_refused_with_a_few_named() -> None:
    body = b"{" + b",".join(b'"%d":0' % index for index in range(200_000)) + b"}"
    assert len(refused(body).errors) == intake.MAX_UNKNOWN_FIELDS + 4


names = st.text(max_size=8) | st.sampled_from(["default", "x" * 64, "x" * 65, "a b", " a", 'a"b'])
numbers = (
    st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**6, places=8).map(str)
    | st.from_regex(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
    | st.sampled_from(["0", "1", "0.10", "NaN", "1e400", "9" * 39])
)
anything = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | names
field_values = {
    "symbol": st.sampled_from(["A", "btc/usdt", "ΒTC", ""]) | names,
    "price": numbers,
    "qty": numbers,
    "side": st.sampled_from(["buy", "SELL", "b"]),
    "ts": st.sampled_from([NOW_NS, 1570752011620, "2026-01-31T12:00:00Z", "soon", 32503680000]),
    "trade_id": names,
    "account": names,
    "strategy": names,
    "venue": names,
    "order_id": names,
    "fee": numbers,
    "fee_currency": st.sampled_from(["bnb", "USD", "?"]),
    "currency": st.sampled_from(["bnb", "USD", "?"]),
    "position_side": st.sampled_from(["long", "SHORT", "both"]),
    "multiplier": numbers,
    "tags": st.sampled_from([["a", "b"], "a,b", [], ["a", "a"], "", 7]),
    "unknown": st.just(1),
}
optional = [*sorted(set(NAMES) - set(REQUIRED)), "unknown"]


@st.composite
def trades(draw: st.DrawFn) -> dict[str, Any]:
    chosen = ["symbol", "price", "qty", "side", *draw(st.lists(st.sampled_from(optional), unique=True, max_size=4))]
    trade = {name: draw(field_values[name]) for name in chosen}
    if draw(st.integers(0, 3)) == 0:
        trade[draw(st.sampled_from(chosen))] = draw(anything)
    if draw(st.integers(0, 9)) == 0:
        del trade[draw(st.sampled_from(chosen))]
    return trade


@given(trades())
@example(PLAIN)
def test_the_quick_way_refuses_exactly_what_the_thorough_one_finds_fault_with(trade: dict[str, Any]) -> None:
    body = json.dumps(trade).encode()
    found = explain(body, NOW_NS)
    if found:
        problem = refused(body)
        assert (problem.code, list(problem.errors)) == ("invalid_trade", found)
        return
    event = read_trade(body, NOW_NS, IDS)
    stored = json.loads(event.payload)
    for name in ("price", "qty", "fee"):
        if trade.get(name) is not None:
            assert Decimal(stored[name]) == Decimal(str(trade[name]))
            assert "e" in str(trade[name]).lower() or stored[name] == str(trade[name])
    assert event.key == stored_key(number(event.payload, 7))
    assert event.repeats(number(event.payload, 7))


@given(st.binary(max_size=60) | st.from_regex(rb'\{"(symbol|price|side)":[-"\\0-9.eEu+a-z,{}\[\]\x80-\xff]{0,20}\}'))
def test_any_bytes_are_taken_or_refused_with_a_documented_error(body: bytes) -> None:
    for lines in (False, True):
        with pytest.raises(Problem) as problem:
            read_trades(body, lines, NOW_NS, IDS, 10)
        assert problem.value.code in ("not_json", "invalid_batch", "too_large")
    assert refused(body).code in ("not_json", "invalid_trade")


def test_a_batch_is_taken_as_an_array_and_as_lines() -> None:
    rows = [PLAIN | {"trade_id": f"t{index}"} for index in range(3)]
    lines = [json.dumps(row) for row in rows]
    bodies = {
        "array": (json.dumps(rows), False),
        "lines": ("\n".join(lines), True),
        "final newline": ("\n".join(lines) + "\n", True),
        "CRLF": ("\r\n".join(lines) + "\r\n", True),
        "blank lines": ("\n\n" + "\n \n\n".join(lines) + "\n\t\n", True),
    }
    for name, (body, as_lines) in bodies.items():
        events = read_trades(body.encode(), as_lines, NOW_NS, IDS, 3)
        assert [event.trade_id for event in events] == ["t0", "t1", "t2"], name


@pytest.mark.parametrize(
    ("body", "lines"), [(b"[]", False), (b" [ ] ", False), (b"", True), (b"\n", True), (b" \r\n\n", True)]
)
def test_an_empty_batch_is_refused(body: bytes, lines: bool) -> None:
    problem = refused_batch(body, lines)
    assert (problem.code, problem.detail) == ("invalid_batch", "the batch is empty; at least one trade is needed")


@pytest.mark.parametrize("body", [b"{}", b"1", b"null", b'"[]"', json.dumps(PLAIN).encode()])
def test_json_that_is_no_array_is_no_batch(body: bytes) -> None:
    problem = refused_batch(body)
    assert (problem.code, problem.detail) == ("invalid_batch", "the body must be a JSON array of trades, or NDJSON")


@pytest.mark.parametrize("lines", [False, True])
def test_each_bad_trade_of_a_batch_is_named_by_its_index(lines: bool) -> None:
    rows: list[Any] = [PLAIN, PLAIN | {"price": "x", "qty": 0}, PLAIN, 5, PLAIN | {"sied": "buy"}]
    body = "\n".join(map(json.dumps, rows)) if lines else json.dumps(rows)
    problem = refused_batch(body.encode(), lines)
    assert problem.code == "invalid_batch"
    assert [(error.index, error.pointer) for error in problem.errors] == [
        (1, "#/1/price"), (1, "#/1/qty"), (3, "#/3"), (4, "#/4/sied"),
    ]  # fmt: skip
    assert problem.detail.startswith("3 trades of the batch are not valid; the first: 1/price must be")
    assert json.loads(problem.document("r"))["indexes"] == [1, 3, 4]


def test_blank_lines_do_not_count_as_items() -> None:
    body = f"\n{json.dumps(PLAIN)}\n\n{{}}\n".encode()
    assert {error.index for error in refused_batch(body, lines=True).errors} == {1}


@pytest.mark.parametrize(
    "body",
    [
        b'{"symbol":"A","price":1,"qty":1,"side":"buy"}\nnot json\n',
        b'{"symbol":"A","price":1,"qty":1,"side":"buy"}\n{"symbol":"A","pri',
        b'{"symbol":"A","price":1,"qty":1,"side":"buy"}{"symbol":"A","price":1,"qty":1,"side":"buy"}\n',
        b'{"symbol":"A","price":1,\n"qty":1,"side":"buy"}\n',
        b'[{"symbol":"A","price":1,"qty":1,"side":"buy"}\n]',
    ],
)
def test_lines_hold_one_trade_each(body: bytes) -> None:
    assert refused_batch(body, lines=True).code in ("not_json", "invalid_batch")


@pytest.mark.parametrize("lines", [False, True])
def test_a_batch_with_too_many_trades_is_too_large_good_or_bad(lines: bool) -> None:
    for row in ({"symbol": "A", "price": 1, "qty": 1, "side": "buy"}, 0):
        body = "\n".join([json.dumps(row)] * 11) if lines else json.dumps([row] * 11)
        problem = refused_batch(body.encode(), lines, maximum=10)
        assert (problem.code, problem.detail) == (
            "too_large",
            "a batch has at most 10 trades, this one has 11; send several",
        )


@pytest.mark.parametrize("body", [b"[" + b"0," * 4_000_000 + b"0]", b"0\n" * 4_000_000])
def test_millions_of_bad_items_are_refused_at_the_first(body: bytes) -> None:
    calls = 0

    def count(_frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        problem = refused_batch(body, lines=body.endswith(b"\n"), maximum=10_000)
    finally:
        sys.setprofile(None)
    assert problem.code == "invalid_batch"
    assert len(problem.errors) == 1
    assert calls < 1_000, "not one for each item"


def test_of_many_errors_the_first_hundred_are_listed_and_every_bad_item_is_named() -> None:
    document = json.loads(refused_batch(json.dumps([{}] * 60).encode()).document("r"))
    assert len(document["errors"]) == MAX_ERRORS
    assert document["errors_omitted"] == 60 * 4 - MAX_ERRORS
    assert document["indexes"] == list(range(60))


def test_an_empty_field_of_a_form_is_not_given() -> None:
    event = read_form({**PLAIN, "account": "", "strategy": " ", "fee": "0.1"}, NOW_NS, IDS)
    stored = json.loads(event.payload)
    assert (stored["account"], stored["strategy"], stored["fee"]) == ("default", "default", "0.1")


@pytest.mark.parametrize(
    "again",
    [
        {},
        {"price": "0.001413420"},
        {"qty": 23},
        {"symbol": "XRP/ETH"},
        {"side": "SELL"},
        {"strategy": "default"},
        {"venue": None},
        {"fee": "0"},
        {"fee": "0.00", "fee_currency": "ETH"},
        {"ts": "2026-09-21T16:13:20+02:00"},
        {"ts": 1790000000},
        {"ts": None},
    ],
)
def test_a_trade_that_says_the_same_in_other_words_is_a_repeat(again: dict[str, Any]) -> None:
    first = PLAIN | {"trade_id": "r1", "ts": "2026-09-21T14:13:20Z"}
    assert take(first | again).repeats(number(take(first).payload, 3))


@pytest.mark.parametrize(
    "other",
    [
        {"price": "0.00141343"},
        {"qty": "23.1"},
        {"symbol": "XRP/BTC"},
        {"side": "buy"},
        {"strategy": "s"},
        {"venue": "v"},
        {"order_id": "o"},
        {"fee": "0.1"},
        {"currency": "ETH"},
        {"position_side": "long"},
        {"multiplier": 1},
        {"tags": ["a"]},
        {"ts": "2026-09-21T14:13:20.000000001Z"},
    ],
)
def test_a_trade_that_says_something_else_is_no_repeat(other: dict[str, Any]) -> None:
    first = PLAIN | {"trade_id": "r1", "ts": "2026-09-21T14:13:20Z"}
    assert not take(first | other).repeats(number(take(first).payload, 3))


def test_a_repeat_without_a_time_is_one_whenever_it_comes() -> None:
    first = read_trade(json.dumps(PLAIN | {"trade_id": "r2"}).encode(), NOW_NS, IDS)
    later = read_trade(json.dumps(PLAIN | {"trade_id": "r2"}).encode(), NOW_NS + 10**9, IDS)
    assert later.repeats(number(first.payload, 1))


def test_made_ids_are_unique_and_ascend() -> None:
    ids = TradeIds()
    made = [ids.make(NOW_NS + index) for index in range(1_000)]
    assert len(set(made)) == 1_000
    assert TradeIds().make(NOW_NS) != TradeIds().make(NOW_NS)


def test_the_same_key_is_another_for_another_call_or_body() -> None:
    events = [take(PLAIN)]
    first = submission(events, b"key", "trade", b"body").request_key
    assert first is not None
    assert first == submission(events, b"key", "trade", b"body").request_key
    other_call = submission(events, b"key", "trades", b"body").request_key
    other_body = submission(events, b"key", "trade", b"other").request_key
    assert other_call is not None
    assert other_body is not None
    assert other_call.key != first.key
    assert (other_body.key, other_body.digest != first.digest) == (first.key, True)
    assert submission(events, None, "trade", b"body").request_key is None


@pytest.mark.parametrize("key", [b"", b" ", b"k" * 129, b"a\x01b", b"\xff", b'"quoted"'])
def test_a_key_of_no_use_is_refused(key: bytes) -> None:
    with pytest.raises(Problem, match=r"^$|") as problem:
        submission([take(PLAIN)], key, "trade", b"body")
    assert problem.value.code == "bad_request"
    assert problem.value.detail.startswith("Idempotency-Key ")


def test_every_code_has_a_status_of_an_error_and_a_title() -> None:
    assert all(400 <= known.status < 600 and known.title for known in TYPES.values())
