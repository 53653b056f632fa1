"""What the page shows of the sidecar's state: rows and exact totals; and the history of the net P&L."""

from typing import Any

import msgspec

from tests.support.slices import whole
from trading_app.page.pnl_history import PnlHistory
from trading_app.page.position_summary import MAX_ROWS, books_in_slices, choices_document
from trading_app.page.sidecar_state import Reading, SidecarState, decode_in_slices
from trading_app.query.trades import Filter
from trading_model.symbols import pnl_currency


def books_document(known: SidecarState, read_at: float, wanted: Filter) -> dict[str, object]:
    """What is made in slices, at once."""
    return whole(books_in_slices(known, read_at, wanted))


def position(**fields: Any) -> dict[str, Any]:
    return {
        "account": "default",
        "strategy": "default",
        "symbol": "BTC/USDT",
        "trades": {"buy": 2, "sell": 1},
        "fees": {},
        "position": "0.5",
        "average_entry_price": "64250.10",
        "last_price": "64251.10",
        "realized_pnl": "1",
        "unrealized_pnl": "0.50",
        "net_pnl": "1.50",
        "unit": pnl_currency(fields.get("symbol", "BTC/USDT")) or None,
        **fields,
    }


def state(*positions: dict[str, Any], **fields: Any) -> SidecarState:
    told = {"stream": "s", "head": 9, "applied": 9, "caught_up": True, "symbols": {}, "positions": positions, **fields}
    return whole(decode_in_slices(msgspec.json.encode(told)))


def test_amounts_in_unknown_currencies_are_not_added() -> None:
    known = state(position(symbol="BTCUSD", fees={"quote": "1", "BNB": "2"}), position(symbol="BTC-PERP"), position())
    shown: dict[str, Any] = books_document(known, 1.0, Filter())
    unknown, usdt = shown["totals"]
    assert (usdt["quote"], usdt["net"], usdt["symbols"]) == ("USDT", "1.50", 1)
    assert (unknown["quote"], unknown["symbols"], unknown["open_positions"]) == ("", 2, 2)
    assert [unknown[name] for name in ("net", "realized", "unrealized", "exposure")] == [None] * 4
    assert unknown["fees"] == {"BNB": "2"}


def test_positions_of_one_symbol_in_an_unknown_currency_are_added() -> None:
    known = state(position(symbol="AAPL"), position(symbol="AAPL", account="a", fees={"quote": "1"}))
    shown: dict[str, Any] = books_document(known, 1.0, Filter())
    assert (shown["totals"][0]["net"], shown["totals"][0]["fees"]) == ("3.00", {"": "1"})


def test_amounts_in_points_are_not_added_to_those_of_a_currency() -> None:
    known = state(position(symbol="BTC-USDT-SWAP", unit="points"), position())
    shown: dict[str, Any] = books_document(known, 1.0, Filter())
    assert [(total["quote"], total["net"]) for total in shown["totals"]] == [("", "1.50"), ("USDT", "1.50")]


def test_without_a_mark_there_is_no_net_and_no_unrealised_pnl() -> None:
    unmarked = position(symbol="ETH/USDT", unrealized_pnl=None, net_pnl=None, last_price="0")
    shown: dict[str, Any] = books_document(state(position(), unmarked), 1.0, Filter())
    (total,) = shown["totals"]
    assert (total["net"], total["realized"], total["unrealized"]) == (None, "2", None)
    assert [row["net"] for row in shown["rows"]] == ["1.50", None]


def test_exposure_counts_the_multiplier_and_there_is_none_of_inverse_contracts() -> None:
    contract = position(symbol="BTC/USDT:USDT", multiplier="0.01", position="-3", last_price="100")
    shown: dict[str, Any] = books_document(state(contract), 1.0, Filter())
    assert shown["totals"][0]["exposure"] == "3.00"
    with_inverse: dict[str, Any] = books_document(state(contract, position(inverse=True)), 1.0, Filter())
    assert with_inverse["totals"][0]["exposure"] is None


def test_fees_that_are_not_in_the_net_stand_beside_it() -> None:
    known = state(*[position(account=name, fees_outside_net={"BNB": "0.09"}) for name in ("a", "b")])
    shown: dict[str, Any] = books_document(known, 1.0, Filter())
    assert shown["totals"][0]["fees_outside_net"] == {"BNB": "0.18"}
    assert shown["rows"][0]["fees_outside_net"] == {"BNB": "0.09"}


def test_a_fee_with_and_one_without_its_currency_are_added() -> None:
    shown: dict[str, Any] = books_document(state(position(fees={"quote": "0.1", "USDT": "0.2"})), 1.0, Filter())
    assert shown["rows"][0]["fees"] == {"USDT": "0.3"}


def test_totals_are_exact_and_by_quote_currency() -> None:
    tiny, huge = "0." + "0" * 60 + "1", "1" * 38
    shown: dict[str, Any] = books_document(
        state(
            position(net_pnl=tiny, fees={"quote": "0.1", "BNB": "0.2"}),
            position(net_pnl=huge, fees={"USDT": "0.2"}, position="-2", symbol="ETHUSDT", last_price="3000.5"),
            position(symbol="XRP/ETH", net_pnl="-0.3", position="0", last_price="0.00018500"),
        ),
        1.0,
        Filter(),
    )
    usdt, eth = shown["totals"]
    assert (usdt["quote"], usdt["net"]) == ("USDT", huge + tiny[1:])
    assert usdt["fees"] == {"USDT": "0.3", "BNB": "0.2"}
    assert usdt["exposure"] == "38126.550"
    assert (usdt["open_positions"], usdt["decimals"]) == (2, 2)
    assert (eth["quote"], eth["net"], eth["decimals"]) == ("ETH", "-0.3", 8)


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
    def told(trades: int, nanoseconds: int) -> SidecarState:
        return state(pipeline={"delivered_trades": trades, "delivery_nanoseconds": nanoseconds})

    first = Reading().with_state(told(10, 10_000_000), 100.0)
    assert (first.status, first.since, first.delay_seconds) == ("up", 100.0, 0.001)
    second = first.with_state(told(20, 40_000_000), 101.0)
    assert (second.since, second.delay_seconds) == (100.0, 0.003)
    assert second.with_state(told(20, 40_000_000), 102.0).delay_seconds == 0.003
    down = second.without_answer("gone", 103.0).without_answer("still gone", 104.0)
    assert (down.status, down.since, down.reason, down.read_at) == ("down", 103.0, "still gone", 101.0)
    assert down.state is second.state
    assert down.with_state(told(1, 5_000_000), 105.0).since == 105.0


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


def test_the_history_says_when_a_key_had_no_room() -> None:
    history = PnlHistory[str](seconds=3, max_keys=1)
    history.add(1, {"a": 1.0})
    assert history.complete
    history.add(2, {"a": 1.0, "b": 1.0})
    assert not history.complete
    history.clear()
    assert history.complete
    assert history.read(lambda _: True) == []
