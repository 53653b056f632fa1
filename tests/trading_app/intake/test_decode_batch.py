"""A batch read by columns says what it says read trade by trade, and nothing is taken that would be refused there."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service_kit.problems import Problem
from telemetry_stream.wire import number
from tests.support.examples import some_of
from trading_app.intake.decode import read_trade
from trading_app.intake.decode_batch import read_columns
from trading_app.intake.event import TradeIds
from trading_model import field_rules as rules

NOW_NS = 1_790_000_000 * 10**9 + 120_000_000  # 2026-09-21T14:13:20.12Z
LATEST = NOW_NS // 10**6 + rules.LATEST_AHEAD_SECONDS * 1_000


class Bare(str):
    """Goes into the JSON as it is, without quotes."""

    __slots__ = ()


def json_of(trade: dict[str, Any]) -> bytes:
    members = (
        f"{json.dumps(name)}:{value if isinstance(value, Bare) else json.dumps(value)}" for name, value in trade.items()
    )
    return b"{%b}" % ",".join(members).encode()


digits = st.builds(  # a regular expression would take most of the test's time
    lambda whole, decimals: f"{whole}.{decimals}" if decimals else f"{whole}",
    st.integers(0, 10**16 - 1),
    st.text("0123456789", max_size=15),
)
amounts = digits | digits.map(Bare)
odd_amounts = st.sampled_from(
    ["0", "0.000", "-1", "1e3", "007", "1.", ".5", "1,5", "", "+1", " 1", "1_0", "NaN", "Infinity", "9" * 38, "9" * 39]
    + ["0." + "0" * 37 + "1", "1.2.3", "１", 'a"b', "\\u0031"]
    + [Bare(text) for text in ("0", "-0", "1E2", "1e-3", "-3", "null", "true", "[1]", "{}", "9" * 39, "0.0")]
)
instants = st.floats(-3e8, 1.8e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
times = (
    instants.map(lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
    | instants.map(lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    | instants.map(lambda moment: moment.isoformat())
    | instants.map(lambda moment: Bare(int(moment.timestamp() * 1_000)))
    | st.integers(LATEST - 2, LATEST + 2).map(Bare)
    | st.sampled_from(
        ["2026-02-30T00:00:00Z", "2026-01-31t00:00:00z", "2026-01-31T00:00:00.120000Z", "2026-01-31T00:00Z"]
    )
    | st.sampled_from(
        ["2026-01-31T23:59:60Z", "2026-01-31T00:00:00.123456789Z", "2026-01-31T00:00:00", "", Bare("1e12")]
    )
    | st.sampled_from(["2026-01-31T12:00:00.1-01:00", Bare("999999999999"), Bare("9999999999999"), Bare("null")])
)
identifiers = st.text('abcXYZ019-_ é\\"\x1f', max_size=6) | st.sampled_from(["i" * 128, "i" * 129])
names = st.sampled_from(["main", "grid 7", "ü", "", " x", "x ", 'q"', "b\\", "n" * 64, "n" * 65, "\n"])


@st.composite
def batches(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Batches that are mostly in the common form: each column is common or odd, for all trades or for some."""
    count = draw(st.integers(1, 5))
    columns: dict[str, st.SearchStrategy[Any]] = {
        "symbol": st.sampled_from(["ETH/USDT", "BTC-PERP", "X.Y_Z:1"]),
        "price": amounts,
        "qty": amounts,
        "side": st.sampled_from(["buy", "sell"]),
    }
    common: dict[str, st.SearchStrategy[Any]] = {
        "ts": instants.map(lambda moment: Bare(int(moment.timestamp() * 1_000))),
        "trade_id": st.uuids().map(str),
        "account": st.sampled_from(["main", "ü", "grid 7"]),
        "strategy": st.sampled_from(["mm", "arb"]),
        "venue": st.sampled_from(["kraken", "x y"]),
        "order_id": st.uuids().map(str),
        "fee": digits | digits.map(lambda text: f"-{text}"),
        "fee_currency": st.sampled_from(["USD", "BNB"]),
        "currency": st.sampled_from(["USD", "BTC"]),
        "position_side": st.sampled_from(["long", "short"]),
        "multiplier": amounts,
        "tags": st.lists(st.sampled_from(["a", "late entry", "日本"]), min_size=1, unique=True),
    }
    odd: dict[str, st.SearchStrategy[Any]] = {
        "symbol": st.sampled_from(
            ["eth", "sell", "", "a b", "x" * 129, 7, "kPEPE", "a  b", "e\u0301", "AAPL  251219C00150000"]
        ),
        "price": odd_amounts,
        "qty": odd_amounts,
        "side": st.sampled_from(["BUY", "Sell", "hold", ""]),
        "ts": times,
        "trade_id": identifiers | st.none() | st.integers(),
        "account": names | st.none(),
        "strategy": names | st.none(),
        "venue": names | st.none(),
        "order_id": identifiers | st.none(),
        "fee": odd_amounts,
        "fee_currency": st.sampled_from(["usd", "", "U D", None]),
        "currency": st.sampled_from(["usd", "", "U D", None]),
        "position_side": st.sampled_from(["LONG", "both", "", None]),
        "multiplier": odd_amounts,
        "tags": st.sampled_from([[], ["a", "a"], ["a,b"], [""], "a, b", "", None, ["x"] * 17, ["\n"], [1]]),
        "import_id": st.just("i-1"),
        "seq": st.integers(0, 3),
        "unknown": st.just(1),
    }
    columns.update({name: common[name] for name in draw(st.sets(st.sampled_from(sorted(common))))})
    trades = [{name: draw(values) for name, values in columns.items()} for _ in range(count)]
    for name in draw(st.sets(st.sampled_from(sorted(odd)), max_size=2)):
        for index in draw(st.sets(st.integers(0, count - 1), min_size=1)):
            trades[index][name] = draw(odd[name])
    return trades


class CountedIds(TradeIds):
    """Ids that both ways make alike."""

    def __init__(self) -> None:
        self._made = 0

    def make(self, now_ns: int) -> str:  # noqa: ARG002 -- the same whenever it is asked
        self._made += 1
        return f"made-{self._made}"


def one_by_one(trades: list[bytes], first: int) -> tuple[list[str], list[bytes]] | None:
    """Keys and journaled bytes, read trade by trade; None where one is refused."""
    ids = CountedIds()
    try:
        events = [read_trade(trade, NOW_NS, ids) for trade in trades]
    except Problem:
        return None
    return [event.key for event in events], [number(event.payload, first + i) for i, event in enumerate(events)]


@settings(max_examples=some_of(1_000))
@given(batch=batches(), lines=st.booleans(), first=st.integers(1, 10**12))
@example(batch=[{"symbol": "A", "price": "1,5", "qty": "1", "side": "buy"}], lines=False, first=1)
@example(batch=[{"symbol": "buy", "price": "1", "qty": "1", "side": "buy"}], lines=False, first=1)
@example(batch=[{"symbol": "A", "price": "1", "qty": "1", "side": "buy", "trade_id": '"'}] * 2, lines=False, first=1)
@example(batch=[{"symbol": "A", "price": "1", "qty": "1", "side": "buy", "trade_id": "%d%{"}] * 2, lines=True, first=1)
def test_what_is_taken_by_columns_is_what_is_taken_one_by_one(
    batch: list[dict[str, Any]], lines: bool, first: int
) -> None:
    trades = [json_of(trade) for trade in batch]
    body = b"\n".join(trades) if lines else b"[%b]" % b",".join(trades)
    columns = read_columns(body, lines, NOW_NS, CountedIds(), 100)
    if columns is None:
        return
    expected = one_by_one(trades, first)
    assert expected is not None
    keys, journaled = expected
    assert list(columns.keys) == keys
    assert columns.numbered(first, 0, len(columns)) == b",".join(journaled)
    assert columns.numbered(first + 1, 1, len(columns)) == b",".join(journaled[1:])
    for index in range(len(columns)):
        assert columns[index].key == keys[index]
        assert number(columns[index].payload, first + index) == journaled[index]


COMMON = {"symbol": "ETH/USDT", "price": Bare("1500.25"), "qty": "0.50", "side": "buy"}
MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"symbol": "eth/usdt", "side": "BUY"},
        {"trade_id": "a-1", "account": "main", "strategy": "mm"},
        {"ts": "2026-01-31T12:00:00Z"},
        {"ts": "2026-01-31T12:00:00.123456Z"},
        {"ts": Bare(int(MOMENT.timestamp() * 1_000))},
        {"ts": Bare(int((MOMENT + timedelta(milliseconds=7)).timestamp() * 1_000))},
        {"venue": "kraken", "order_id": "o-1", "fee": "-0.01", "fee_currency": "BNB"},
        {"currency": "USD", "position_side": "short", "multiplier": "0.01", "tags": ["breakout"]},
        {"symbol": "ES=F"},
    ],
)
@pytest.mark.parametrize("lines", [False, True])
def test_the_common_form_is_read_by_columns(more: dict[str, Any], lines: bool) -> None:
    trades = [json_of(COMMON), json_of(COMMON)] if not more else [json_of({**COMMON, **more})]
    body = b"\n".join(trades) if lines else b"[%b]" % b",".join(trades)
    assert read_columns(body, lines, NOW_NS, TradeIds(), 100) is not None


T = b'{"symbol":"A","price":"1","qty":"1","side":"buy"%b}'


@pytest.mark.parametrize(
    "body",
    [
        T % b',"trade_id":"a\nb"' + b"," + T % b"",
        T % b',"trade_id":"a}\n{b"' + b"," + T % b"",
        T % b"" + b"\n" + T % b',"trade_id":"a\nb"' + b"," + T % b"",
    ],
)
def test_a_new_line_within_a_text_is_no_comma(body: bytes) -> None:
    assert read_columns(body, True, NOW_NS, TradeIds(), 100) is None


@pytest.mark.parametrize("body", [T % b"" + b" " + T % b"", T % b"" + T % b"" + b"\n"])
def test_two_trades_on_a_line_are_left_to_be_refused(body: bytes) -> None:
    assert read_columns(body, True, NOW_NS, TradeIds(), 100) is None


@pytest.mark.parametrize("ts", ["2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00.120000Z", "2026-01-31 12:00:00Z"])
def test_a_time_that_is_journaled_in_another_form_is_read_alone(ts: str) -> None:
    assert read_columns(T % (b',"ts":"%b"' % ts.encode()), True, NOW_NS, TradeIds(), 100) is None


@pytest.mark.parametrize("ts", ["2099-01-01T00:00:00Z", "1970-01-02T00:00:00Z", 4_070_908_800_000])
def test_a_time_that_no_trade_can_have_is_left_to_be_refused(ts: str | int) -> None:
    assert read_columns(T % (b',"ts":%b' % json.dumps(ts).encode()), True, NOW_NS, TradeIds(), 100) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"[1]", b"null", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("lines", [False, True])
def test_what_is_no_batch_is_left_to_be_explained(body: bytes, lines: bool) -> None:
    assert read_columns(body, lines, NOW_NS, TradeIds(), 100) is None


def test_more_trades_than_a_batch_may_have_are_left_to_be_refused() -> None:
    body = b"[%b]" % b",".join([json_of(COMMON)] * 3)
    assert read_columns(body, False, NOW_NS, TradeIds(), 3) is not None
    assert read_columns(body, False, NOW_NS, TradeIds(), 2) is None
