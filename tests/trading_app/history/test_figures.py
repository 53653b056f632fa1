"""Figures of a small ledger, computed by hand: by day, over time, by round trip and group, and as positions.

Long 2 at 100 with a fee of 0.5, 1 sold at 110 with a fee of 0.5, 1 at 90.10: realised 10 − 9.90, net −0.90. Another
strategy is long 1 at 95.50. The account began with 1000 USDT.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.support.market_candles import store_candles
from tests.trading_app.running import RunningApp
from trading_history.candles.candle import Market
from trading_history.candles.store import CANDLES
from trading_history.schema import DATABASE


def rows(api: httpx.Client, call: str, **parameters: Any) -> list[dict[str, Any]]:
    document = api.get(f"/api/{call}", params=parameters).raise_for_status().json()
    found: list[dict[str, Any]] = document[call.replace("-", "_")]
    return found


def shown(found: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in found]


def test_days_have_three_views(api: httpx.Client) -> None:
    days = rows(api, "pnl", zone="UTC")
    assert shown(days, "period", "marked", "settled", "round_trips", "trips", "fills") == [
        ("2026-01-02", "19", "9", "0", 0, 2),  # 10 realised, 10 at the price of 110, fees 1
        ("2026-01-03", "-19.9", "-9.9", "-0.9", 1, 1),
        ("2026-02-01", "0", "0", "0", 0, 1),
    ]
    assert (days[0]["start_at"], days[0]["end_at"]) == ("2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z")


def test_fees_that_no_rate_values_stand_beside_the_net(api: httpx.Client) -> None:
    assert [day["fees_outside"] for day in rows(api, "pnl", zone="UTC")] == [{}, {}, {"BNB": "0.18"}]
    assert [bar["fees_outside"] for bar in rows(api, "equity")] == [{}, {}, {}, {"BNB": "0.18"}]
    by_weekday = rows(api, "pnl", zone="UTC", by="weekday", rates="dated", into="USDT", strategy="=maker")
    assert shown(by_weekday, "period", "fees", "fees_outside") == [("sunday", "0", {"BNB": "0.18"})]
    assert rows(api, "equity", rates="dated", into="EUR")[-1]["fees_outside"] == {"BNB": "0.18"}
    table = api.get("/api/pnl?format=csv&zone=UTC").text.splitlines()
    assert '{""BNB"":""0.18""}' in table[-1]
    (still_open,) = rows(api, "round-trips", state="open")
    assert (still_open["fees_outside"], still_open["flags"]) == ({"BNB": "0.18"}, ["fee_outside"])
    assert [one["fees_outside"] for one in rows(api, "performance", by="strategy")] == [{}, {}], "none of them closed"


def test_days_are_cut_at_the_ends_of_a_range(api: httpx.Client) -> None:
    asked = {"from": "2026-01-02T11:00:00Z", "to": "2026-02-01T00:00:00Z", "zone": "UTC"}
    days = rows(api, "pnl", **asked)
    assert shown(days, "period", "start_at", "end_at", "marked", "fills") == [
        ("2026-01-02", "2026-01-02T11:00:00Z", "2026-01-03T00:00:00Z", "19.5", 1),
        ("2026-01-03", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "-19.9", 1),
    ]
    (month,) = rows(api, "pnl", by="month", **{**asked, "to": "2026-01-03T23:30:00Z"})
    assert (month["start_at"], month["end_at"], month["marked"]) == (
        "2026-01-02T11:00:00Z", "2026-01-03T23:30:00Z", "19.5",
    )  # fmt: skip
    converted = rows(api, "pnl", rates="dated", into="USDT", **asked)
    assert shown(converted, "start_at", "marked") == shown(days, "start_at", "marked")


@pytest.mark.parametrize("interval", ["1h", "1d"])
def test_bars_are_cut_at_the_ends_of_a_range(api: httpx.Client, interval: str) -> None:
    asked = {"from": "2026-01-02T10:30:00Z", "to": "2026-01-03T23:30:00Z", "interval": interval}
    for more in ({}, {"rates": "dated", "into": "USDT"}):
        (bar,) = rows(api, "equity", **asked, **more)
        assert (bar["open"], bar["close"], bar["realized"], bar["fills"]) == ("-0.5", "19", "10", 1)
    answer = api.get("/api/equity?interval=1h&points=1&from=2026-01-02T10:30:00Z&to=2026-01-03T23:40:00Z").json()
    assert shown(answer["curves"], "interval", "requested_interval", "opening") == [("1d", "1h", "-0.5")]
    assert shown(answer["equity"], "ts", "open", "low", "close", "drawdown", "fills") == [
        ("2026-01-02T00:00:00Z", "-0.5", "-0.5", "19", "0", 1),
        ("2026-01-03T00:00:00Z", "19", "-0.9", "-0.9", "19.9", 1),
    ]


def test_candles_of_own_trades_are_those_that_begin_in_the_range(api: httpx.Client) -> None:
    asked = {"symbol": "BTC/USDT", "interval": "1d"}
    known = [row["ts"] for row in api.get("/api/candles", params=asked).json()["candles"]]
    assert known[0] == "2026-01-02T00:00:00Z"
    cut = {**asked, "from": "2026-01-02T00:00:01Z", "to": "2026-01-03T00:00:01Z"}
    (candle,) = api.get("/api/candles", params=cut).json()["candles"]
    assert (candle["ts"], candle["close"]) == ("2026-01-03T00:00:00Z", "90.1")


def test_the_boundary_and_the_zone_decide_which_day_and_hour_a_trade_is_in(api: httpx.Client) -> None:
    assert shown(rows(api, "pnl"), "period") == [("2026-01-02",), ("2026-01-04",), ("2026-02-01",)]
    assert shown(rows(api, "pnl", by="month"), "period", "trips") == [("2026-01-01", 1), ("2026-02-01", 0)]
    assert shown(rows(api, "pnl", by="week"), "period") == [("2025-12-29",), ("2026-01-26",)]
    hours = rows(api, "pnl", by="hour", zone="Asia/Kolkata")
    assert shown(hours, "period", "fills") == [("05", 2), ("15", 1), ("16", 1)]
    days = api.get("/api/pnl?by=weekday&zone=UTC").json()
    assert (days["exact"], [day["period"] for day in days["pnl"]]) == (True, ["friday", "saturday", "sunday"])


EARLIEST, LATEST = "1678-01-01T00:00:00Z", "2262-01-01T00:00:00Z"


@pytest.mark.parametrize("by", ["day", "week", "month", "hour", "weekday"])
@pytest.mark.parametrize("zone", ["Pacific/Apia", "America/New_York"])
def test_ranges_at_the_ends_of_all_times_are_answered(api: httpx.Client, by: str, zone: str) -> None:
    for ends in ({"to": EARLIEST}, {"from": LATEST}, {"to": LATEST}, {"from": EARLIEST, "to": "1678-01-02"}):
        answer = api.get("/api/pnl", params={"by": by, "zone": zone, **ends})
        assert answer.status_code in (200, 422), answer.text
        assert answer.is_success or answer.json()["code"] == "invalid_parameter"
    before = api.get("/api/pnl", params={"by": by, "zone": zone, "to": "1677-12-30"})
    assert before.json()["detail"] == "to is not between the years 1678 and 2262"


def test_what_would_be_too_much_becomes_coarser_and_says_so(api: httpx.Client) -> None:
    answer = api.get("/api/equity?interval=1m&points=3").json()
    assert shown(answer["curves"], "interval", "requested_interval", "exact_inside") == [("1d", "1m", True)]
    assert [bar["close"] for bar in answer["equity"]] == ["19", "-0.9", "-0.9"]
    answer = api.get("/api/pnl?from=1973-04-01&to=2072-04-01").json()
    assert (answer["by"], answer["requested_by"]) == ("week", "day")


def test_equity_has_every_change_and_drawdown_begins_with_the_first_loss(api: httpx.Client) -> None:
    assert [bar["close"] for bar in rows(api, "equity")] == ["-0.5", "19", "-0.9", "-0.9"]
    (whole,) = rows(api, "drawdown")
    assert (whole["max"], whole["peak"], whole["trough"], whole["trough_at"]) == (
        "19.9", "19", "-0.9", "2026-01-03T23:30:00Z",
    )  # fmt: skip
    assert (whole["max_share"][:9], whole["above_floor"]) == ("0.0195289", "99.1")  # 19.9 / 1019; 1000 − 0.9 − 900
    (first,) = rows(api, "drawdown", to="2026-01-02T11:00:00Z")
    assert (first["max"], first["peak"]) == ("0.5", "0")
    (of_strategy,) = rows(api, "drawdown", strategy="=maker")
    assert (of_strategy["capital"], of_strategy["max_share"]) == (None, None)


def test_a_round_trip_has_both_prices_and_what_it_went_through(api: httpx.Client) -> None:
    (trip,) = rows(api, "round-trips")
    assert {name: trip[name] for name in ("entry", "exit", "gross", "fees", "net", "mae", "mfe", "revision")} == {
        "entry": "100", "exit": "100.05", "gross": "0.1", "fees": "1", "net": "-0.9", "mae": "0", "mfe": "20",
        "revision": 5,
    }  # fmt: skip
    assert (trip["tags"], trip["holding_seconds"], trip["first_seq"], trip["last_seq"]) == (["breakout"], 135_000, 1, 3)
    assert rows(api, "round-trips", tag="other") == []
    assert shown(rows(api, "round-trips", state="open"), "strategy", "closed_at") == [("=maker", None)]
    assert api.get("/api/round-trips?state=open&to=2026-01-01").status_code == 422


def test_performance_is_null_with_a_reason_where_it_is_undefined(api: httpx.Client) -> None:
    by_strategy = rows(api, "performance", by="strategy")
    assert shown(by_strategy, "group", "trips", "net", "win_rate", "open_trips") == [
        ({"strategy": "=maker"}, 0, "0", None, 1),
        ({"strategy": "default"}, 1, "-0.9", "0", 0),
    ]
    assert by_strategy[0]["reasons"]["win_rate"] == "no_round_trips"
    (whole,) = rows(api, "performance", to="2026-01-20")
    assert (whole["days"], whole["total_return"], whole["sharpe"]) == (18, "-0.0009", None)
    assert (whole["reasons"]["sharpe"], whole["reasons"]["average_win"]) == ("too_few_days", "no_wins")
    refused = api.get("/api/performance?by=strategy,colour").json()
    assert refused["detail"].startswith("by has the unknown group colour; known are account, strategy")


def test_candles_of_own_trades_where_no_market_is_followed(api: httpx.Client) -> None:
    answer = api.get("/api/candles?symbol=btc/usdt&interval=1d").raise_for_status().json()
    assert (answer["source"], answer["venue"], answer["requested_interval"]) == ("trades", "", None)
    assert shown(answer["candles"], "ts", "open", "high", "low", "close", "volume", "notional", "trades") == [
        ("2026-01-02T00:00:00Z", "100", "110", "100", "110", "3", "310", 2),
        ("2026-01-03T00:00:00Z", "90.1", "90.1", "90.1", "90.1", "1", "90.1", 1),
        ("2026-02-01T00:00:00Z", "95.5", "95.5", "95.5", "95.5", "1", "95.5", 1),
    ]
    coarser = api.get("/api/candles?symbol=BTC/USDT&interval=1s&points=3").json()
    assert (coarser["interval"], coarser["requested_interval"]) == ("1d", "1s")


def test_positions_are_there_flat_or_open(api: httpx.Client) -> None:
    names = ("strategy", "quantity", "average", "realized", "fees", "net", "mark")
    assert shown(rows(api, "positions"), *names) == [
        ("=maker", "1", "95.5", "0", "0", "0", "95.5"),
        ("default", "0", None, "0.1", "1", "-0.9", None),
    ]
    assert shown(rows(api, "positions", open=True, symbol="btc/usdt"), "strategy") == [("=maker",)]
    assert rows(api, "positions", account="nobody") == []


def test_the_method_is_named_and_a_position_that_is_flat_realised_the_same_by_each(api: httpx.Client) -> None:
    for call in ("pnl", "positions"):
        by_average = api.get(f"/api/{call}").raise_for_status().json()
        by_lots = api.get(f"/api/{call}?method=lifo").raise_for_status().json()
        assert (by_average["method"], by_lots["method"]) == ("average", "lifo")
        assert by_lots[call] == by_average[call]


@pytest.fixture
def market(app: RunningApp) -> Iterator[None]:
    """A market with one trade, at 80, in the minute after the first trade of the ledger; removed afterwards."""
    store_candles(app.data_folder, Market("binance", "BTC-USDT"), [(1_767_348_060 * 10**9, "80", "1")])
    yield
    for file in app.data_folder.glob(f"{CANDLES.file_name}*"):
        file.unlink()


@pytest.mark.usefixtures("market")
def test_slippage_is_against_the_market_around_a_trade(api: httpx.Client, app: RunningApp) -> None:
    names = ("seq", "slippage_bps", "slippage_reference", "slippage_reason")
    assert shown(rows(api, "trades", order="asc", limit=2), *names) == [
        (1, "2500", "80", None),
        (2, None, None, "no_candles"),
    ]
    (whole,) = rows(api, "performance")
    assert (whole["slippage_bps"], whole["slippage_cost"], whole["slippage_trades"]) == ("2500", "40", 1)
    first, second = rows(api, "performance", by="strategy")
    assert (first["slippage_bps"], first["reasons"]["slippage_bps"]) == (None, "no_candles")
    assert second["slippage_bps"] == "2500"
    (app.data_folder / CANDLES.file_name).write_bytes(b"no database" * 1_000)
    assert shown(rows(api, "trades", limit=1), "slippage_reason") == [("market_unavailable",)]
    assert rows(api, "performance")[0]["reasons"]["slippage_cost"] == "market_unavailable"


def test_figures_in_one_currency_say_the_rates_and_what_has_none(api: httpx.Client) -> None:
    for call in ("pnl", "equity", "performance"):
        assert api.get(f"/api/{call}").json()["conversion"] is None
        same = api.get(f"/api/{call}?rates=dated&into=USDT").raise_for_status().json()
        assert same["conversion"]["current"] == [
            {"currency": "USDT", "rate": "1", "rate_at": None, "age_seconds": None}
        ]
        assert same["conversion"]["missing"] == []
        assert "etag" not in api.get(f"/api/{call}?rates=dated&into=USDT&to=2026-02-02").headers
        own = api.get(f"/api/{call}").json()[call]
        names = {"pnl": ("marked", "settled", "round_trips"), "equity": ("close",), "performance": ("net", "trips")}
        assert shown(same[call], *names[call]) == shown(own, *names[call])
        without = api.get(f"/api/{call}?rates=at_current_rates&into=eur").raise_for_status().json()
        assert {one["reason"] for one in without["conversion"]["missing"]} == {"no_rate"}
    assert api.get("/api/pnl?rates=dated").json()["detail"] == "into must name a currency: BASE_CURRENCY is not set"
    assert api.get("/api/pnl?into=EUR").status_code == 422
    assert api.get("/api/pnl?rates=dated&into=USDT&method=fifo").status_code == 422


def test_the_past_can_be_asked_as_it_was_known(api: httpx.Client) -> None:
    before = api.get("/api/trades?as_of=4").raise_for_status()
    assert (before.json()["as_of"], before.headers["history-as-of"]) == (4, "4")
    assert shown(before.json()["trades"], "seq", "price", "corrections") == [
        (4, "95.50", []), (3, "90", []), (2, "110", []), (1, "100", []),
    ]  # fmt: skip
    assert shown(rows(api, "trades", as_of=7, symbol="ETH/USDT"), "seq", "in_force") == [(7, True)]
    assert rows(api, "trades", symbol="ETH/USDT") == []
    (trip,) = rows(api, "round-trips", as_of=4)
    assert (trip["gross"], trip["revision"]) == ("0", 3)
    assert shown(rows(api, "performance", as_of=4, strategy="default"), "net", "trips") == [("-1", 1)]
    assert rows(api, "equity", as_of=2)[-1]["close"] == "19"
    assert rows(api, "drawdown", as_of=2)[0]["max"] == "0.5"
    assert shown(rows(api, "positions", as_of=1), "quantity", "average") == [("2", "100")]
    for call, revision in (("pnl", 5), ("equity", 5), ("performance", 5), ("pnl?as_of=4", 0)):
        assert api.get(f"/api/{call}").json()["revision"] == revision
    assert api.get("/api/pnl?as_of=8").json()["pnl"] == api.get("/api/pnl").json()["pnl"]
    refused = api.get("/api/pnl?as_of=9")
    assert (refused.status_code, refused.json()["detail"]) == (
        422, "as_of must not be later than 8, to which the history has come",
    )  # fmt: skip


def test_figures_that_are_being_restated_say_so(app: RunningApp, api: httpx.Client) -> None:
    calls = {
        "positions": True, "round-trips": True, "performance": True, "pnl": True, "equity": True, "drawdown": True,
        "trades": False, "symbols": False, "imports": False,
    }  # fmt: skip
    closed = "from=2026-01-01&to=2026-02-10"

    def said() -> dict[str, bool]:
        found = {}
        for call in calls:
            answer = api.get(f"/api/{call}?{closed if call not in ('positions', 'symbols', 'imports') else ''}")
            found[call] = answer.json().get("restating", False)
            assert answer.headers.get("History-Restating") == ("true" if found[call] else None)
            assert not (found[call] and "ETag" in answer.headers)
        return found

    with closing(DATABASE.open_to_write(app.data_folder)) as store:
        assert not any(said().values())
        store.execute("UPDATE figures SET applied = applied - 1")
        try:
            assert said() == calls
        finally:
            store.execute("UPDATE figures SET applied = applied + 1")
