"""What the page shows of the sidecar's state: rows and exact totals; and the history of the net P&L."""

from typing import Any

import msgspec

from service_kit.cooperative import run_at_once
from trading_app.page.pnl_history import PnlHistory
from trading_app.page.position_summary import MAX_ROWS, books_in_slices, choices_document
from trading_app.page.sidecar_state import Reading, SidecarState, decode_in_slices
from trading_app.query.filter import Filter


def books_document(known: SidecarState, read_at: float, wanted: Filter) -> dict[str, object]:
    """What is made in slices, at once."""
    return run_at_once(books_in_slices(known, read_at, wanted))


def position(**fields: Any) -> dict[str, Any]:
    return {
        "account": "default",
        "strategy": "default",
        "symbol": "BTC/USDT",
        "trades": {"buy": 2, "sell": 1},
        "position": "0.5",
        "average_entry_price": "64250.10",
        "last_price": "64251.10",
        "realized_pnl": "1",
        "unrealized_pnl": "0.50",
        "net_pnl": "1.50",
        "currency": "USDT",
        "unit": fields.get("currency", "USDT"),
        "exposure": "10",
        **fields,
    }


def cash(amount: str, reason: str, **fields: Any) -> dict[str, Any]:
    return {"account": "default", "currency": "USDT", "amount": amount, "reason": reason, **fields}


def state(*positions: dict[str, Any], **fields: Any) -> SidecarState:
    given_state = {"stream": "s", "head": 9, "applied": 9, "caught_up": True, "positions": positions, **fields}
    return run_at_once(decode_in_slices(msgspec.json.encode(given_state)))


def totals(known: SidecarState, **wanted: Any) -> dict[str, dict[str, Any]]:
    """The totals by currency."""
    shown: Any = books_document(known, 1.0, Filter(**wanted))
    return {total["currency"]: total for total in shown["totals"]}


def test_amounts_in_unknown_currencies_are_not_added() -> None:
    known = state(position(symbol="BTCUSD", currency=None), position(symbol="BTC-PERP", currency=None), position())
    sums = totals(known)
    assert (sums["USDT"]["net"], sums["USDT"]["symbols"]) == ("1.50", 1)
    unknown = sums[""]
    assert (unknown["symbols"], unknown["open_positions"]) == (2, 2)
    assert [unknown[name] for name in ("net", "realized", "unrealized", "fees", "cash", "exposure")] == [None] * 6


def test_positions_of_one_symbol_in_an_unknown_currency_are_added() -> None:
    known = state(position(symbol="AAPL", currency=None), position(symbol="AAPL", account="a", currency=None))
    assert totals(known)[""]["net"] == "3.00"


def test_points_are_added_to_no_currency() -> None:
    sums = totals(state(position(), position(symbol="X-PERP", unit="points")))
    assert (sums["USDT"]["net"], sums["USDT"]["in_points"]) == ("1.50", False)
    assert (sums[""]["net"], sums[""]["in_points"]) == ("1.50", True)


def test_the_currency_is_the_sidecar_s_and_not_the_symbol_s() -> None:
    assert set(totals(state(position(symbol="BTC/USDT", currency="EUR")))) == {"EUR"}


def test_totals_are_exact_and_by_currency() -> None:
    tiny, huge = "0." + "0" * 60 + "1", "1" * 38
    eth = position(symbol="XRP/ETH", currency="ETH", realized_pnl="-0.8", position="0", last_price="0.00018500")
    sums = totals(
        state(
            position(realized_pnl=tiny, unrealized_pnl="0", fees_outside_net={"BNB": "0.2"}, exposure="0.1"),
            position(realized_pnl=huge, unrealized_pnl="0", fees_outside_net={"BNB": "0.1"}, exposure="0.025"),
            eth,
        )
    )
    usdt, eth = sums["USDT"], sums["ETH"]
    assert usdt["net"] == huge + tiny[1:]
    assert (usdt["not_in_net"], usdt["exposure"]) == ({"BNB": "0.3"}, "0.125")
    assert (usdt["open_positions"], usdt["decimals"]) == (2, 2)
    assert (eth["net"], eth["decimals"]) == ("-0.30", 8)


def test_without_a_filter_the_sums_are_the_sidecar_s() -> None:
    own = {"realized_pnl": "1", "unrealized_pnl": "2", "fees": "3", "cash": "4", "net_pnl": "4"}
    known = state(position(), by_currency={"USDT": {**own, "not_in_net": {"BNB": "5"}}, "unknown": {"X": own}})
    sums = totals(known)["USDT"]
    assert [sums[name] for name in ("realized", "unrealized", "fees", "cash", "net")] == list(own.values())
    assert sums["not_in_net"] == {"BNB": "5"}
    assert totals(known, account="default")["USDT"]["net"] == "1.50"


def test_cash_of_a_position_is_counted_once_and_deposits_not_at_all() -> None:
    own = {"strategy": "default", "symbol": "BTC/USDT"}
    money = [cash("-0.25", "funding", **own), cash("-0.5", "interest"), cash("1000", "deposit")]
    known = state(position(cash="-0.25"), position(account="b"), cash=[*money, cash("7", "interest", account="b")])
    sums = totals(known, account="default")["USDT"]
    assert (sums["cash"], sums["net"]) == ("-0.75", "0.75")
    assert sums["cash_by_reason"] == {"funding": "-0.25", "interest": "-0.5", "deposit": "1000"}
    assert totals(known, strategy="default", account="default")["USDT"]["cash"] == "-0.25", "the rest is the account's"


def test_cash_of_a_position_in_points_counts_once_in_its_own_currency() -> None:
    own = {"strategy": "default", "symbol": "X-PERP"}
    perpetual = position(symbol="X-PERP", unit="points", cash="-0.25")
    money = [cash("-0.25", "funding", **own), cash("9", "deposit", **own)]
    for wanted in ({}, {"symbol": "X-PERP"}):
        sums = totals(state(perpetual, cash=money), **wanted)
        assert (sums["USDT"]["cash"], sums["USDT"]["net"]) == ("-0.25", "-0.25")
        assert (sums[""]["cash"], sums[""]["net"]) == ("0.00", "1.50")


def test_cash_in_a_currency_without_positions_has_a_total_of_its_own() -> None:
    sums = totals(state(position(), cash=[cash("-1.5", "commission", currency="EUR")]), account="default")
    assert (sums["EUR"]["net"], sums["EUR"]["open_positions"]) == ("-1.5", 0)


def test_a_position_without_a_price_leaves_the_net_unknown() -> None:
    nothing = {"last_price": None, "unrealized_pnl": None, "net_pnl": None, "exposure": None}
    known = state(position(), position(symbol="ETH/USDT", flags=["no_mark"], **nothing))
    sums = totals(known)["USDT"]
    assert (sums["net"], sums["unrealized"], sums["unmarked"], sums["realized"]) == (None, None, 1, "2")
    shown: dict[str, Any] = books_document(known, 1.0, Filter())
    row = shown["rows"][1]
    assert [row[name] for name in ("last", "last_at", "unrealized", "net")] == [None] * 4
    assert row["flags"] == ["no_mark"]


def test_a_row_says_which_venue_its_price_is_of() -> None:
    known = state(position(mark_source="binance", flags=["stale_mark"]), position(symbol="ETH/USDT"))
    shown: dict[str, Any] = books_document(known, 1.0, Filter())
    assert [(row["source"], row["flags"]) for row in shown["rows"]] == [("binance", ["stale_mark"]), ("", [])]


def test_a_symbol_is_found_by_each_of_its_names() -> None:
    known = state(position(symbols_as_sent=["BTCUSDT"]), position(symbol="ETH/USDT"))
    shown: dict[str, Any] = books_document(known, 1.0, Filter(symbol="BTCUSDT"))
    assert [row["symbols"] for row in shown["rows"]] == [["BTC/USDT", "BTCUSDT"]]
    assert choices_document(known)["symbol"] == ["BTC/USDT", "BTCUSDT", "ETH/USDT"]


def test_a_filter_holds_for_rows_and_totals() -> None:
    known = state(position(), position(account="a"), position(account="a", strategy="b"))
    shown: dict[str, Any] = books_document(known, 1.0, Filter(account="a"))
    assert (shown["count"], len(shown["rows"])) == (2, 2)
    assert shown["totals"][0]["net"] == "3.00"
    assert choices_document(known) == {
        "symbol": ["BTC/USDT"],
        "account": ["a", "default"],
        "strategy": ["b", "default"],
    }


def test_of_very_many_positions_the_open_ones_are_shown_and_all_are_counted() -> None:
    flat = [position(account=f"flat-{number}", position="0") for number in range(MAX_ROWS)]
    opened = [position(account=f"open-{number}") for number in range(30)]
    shown: dict[str, Any] = books_document(state(*flat, *opened), 1.0, Filter())
    accounts = [row["account"] for row in shown["rows"]]
    assert len(accounts) == MAX_ROWS
    assert {f"open-{number}" for number in range(30)} <= set(accounts)
    assert shown["count"] == MAX_ROWS + 30
    assert shown["totals"][0]["net"] == "345.00"


def test_a_reading_knows_since_when_and_the_delay_of_the_latest_trades() -> None:
    def given_state(trades: int, nanoseconds: int) -> SidecarState:
        return state(pipeline={"delivered_trades": trades, "delivery_nanoseconds": nanoseconds})

    first = Reading().with_state(given_state(10, 10_000_000), 100.0)
    assert (first.status, first.since, first.delay_seconds) == ("up", 100.0, 0.001)
    second = first.with_state(given_state(20, 40_000_000), 101.0)
    assert (second.since, second.delay_seconds) == (100.0, 0.003)
    assert second.with_state(given_state(20, 40_000_000), 102.0).delay_seconds == 0.003
    down = second.without_answer("gone", 103.0).without_answer("still gone", 104.0)
    assert (down.status, down.since, down.reason, down.read_at) == ("down", 103.0, "still gone", 101.0)
    assert down.state is second.state
    assert down.with_state(given_state(1, 5_000_000), 105.0).since == 105.0


def test_the_history_keeps_the_last_seconds_and_sums_what_is_wanted() -> None:
    history = PnlHistory[str](seconds=3, max_keys=2)
    for second in range(1, 6):
        history.add(second, {"a": second, "b": 10.0} if second != 4 else {"b": 10.0})
    assert history.read(lambda _: True) == [(3, 13.0), (4, 10.0), (5, 15.0)]
    assert history.read(lambda key: key == "a") == [(3, 3.0), (5, 5.0)]
    history.add(5, {"a": 99.0})
    history.add(4, {"a": 99.0})
    assert history.read(lambda key: key == "a") == [(3, 3.0), (5, 5.0)]
    history.add(100, {"a": 1.0})
    assert history.read(lambda _: True) == [(100, 1.0)]


def test_the_history_says_when_a_key_has_no_room() -> None:
    history = PnlHistory[str](seconds=3, max_keys=1)
    history.add(1, {"a": 1.0})
    assert history.has_room_for(["a"])
    assert not history.has_room_for(["a", "b"])
    history.add(2, {"a": 1.0, "b": 1.0})
    assert history.read(lambda _: True) == [(1, 1.0), (2, 1.0)]
    history.clear()
    assert history.has_room_for(["b"])
    assert history.read(lambda _: True) == []


def test_the_total_in_the_base_currency_is_the_sidecars_and_has_no_filter() -> None:
    missing = [{"part": "fees", "currency": "BNB", "amount": "0.1"}, {"part": "unrealized_pnl", "currency": None}]
    dated = {"net_pnl": "12.50", "missing": missing, "rounded": False}
    base = {"currency": "EUR", "dated": dated, "at_current_rates": {"net_pnl": "13.00", "missing": []}}
    known = state(base_currency=base)
    shown: Any = books_document(known, 1.0, Filter())
    assert shown["base"] == {
        "currency": "EUR",
        "net": "12.50",
        "net_at_current_rates": "13.00",
        "missing": [missing[0], {"part": "unrealized_pnl", "currency": "", "amount": None}],
    }
    assert books_document(known, 1.0, Filter(symbol="BTCUSDT"))["base"] is None
    assert books_document(state(), 1.0, Filter())["base"] is None
