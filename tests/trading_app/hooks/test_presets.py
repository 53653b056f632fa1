"""What messages of each preset become. No app: the reader alone."""

import json
from typing import Any

import pytest

from tests.trading_app.hooks.conftest import field_case
from trading_app.hooks.hook import Hook
from trading_app.hooks.mappings import shipped_mapping
from trading_app.hooks.preset import PRESETS
from trading_app.hooks.reader import HookReader
from trading_app.hooks.readings import Fill, Ignored, Said, Unreadable

NOW_NS = 1_793_000_000_000_000_000
"""2026-10-26T07:33:20Z."""

STRATEGY = {
    "order_id": "Long", "action": "buy", "contracts": "2", "price": "64250.50", "position_size": "2",
    "market_position": "long", "ticker": "BTCUSDT", "exchange": "BINANCE", "currency": "USDT",
    "time": "2026-10-26T07:30:00Z", "timenow": "2026-10-26T07:33:19Z",
}  # fmt: skip
SIGNAL = {"ticker": "AMD", "action": "buy", "quantity": 1, "signalPrice": 143.12, "time": "2026-10-26T07:33:19Z"}
NESTED = {
    "passphrase": "x", "time": "2026-10-26T07:33:19Z", "exchange": "BINANCE", "ticker": "BINANCE:BTCUSDT",
    "bar": {"time": "2026-10-26T07:30:00Z", "open": 64000},
    "strategy": {"position_size": -1, "order_action": "sell", "order_contracts": 3, "order_price": 64000.10,
                 "order_id": "Short"},
}  # fmt: skip


def read(reader: HookReader, message: Any, now_ns: int = NOW_NS) -> Said | Ignored:
    text = message if isinstance(message, str) else json.dumps(message)
    return reader.read(text.encode(), "text/plain", now_ns)


def fill(reader: HookReader, message: Any, now_ns: int = NOW_NS) -> Fill:
    said = read(reader, message, now_ns)
    assert isinstance(said, Said)
    (only,) = said.fills
    return only


def why_not(reader: HookReader, message: Any) -> str:
    with pytest.raises(Unreadable) as caught:
        read(reader, message)
    return str(caught.value)


def reader_of(preset: str) -> HookReader:
    return HookReader(Hook.of_preset(preset))


def id_of(reader: HookReader, message: Any) -> str:
    return fill(reader, message).members["trade_id"]


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "generic"])
def test_each_preset_has_a_mapping_that_says_what_it_was_verified_on(name: str) -> None:
    mapping = shipped_mapping(name)
    assert mapping.title
    assert mapping.source
    assert mapping.verified in ("real sample", "documentation only")


# freqtrade


@pytest.mark.parametrize(
    "kind",
    ["entry", "entry_cancel", "exit", "exit_cancel", "status", "warning", "exception", "startup", "protection_trigger",
     "protection_trigger_global", "liquidation_warning", "strategy_msg", "whitelist", "analyzed_df", "new_candle"],
)  # fmt: skip
def test_what_freqtrade_says_beside_fills_is_ignored(kind: str) -> None:
    assert isinstance(read(reader_of("freqtrade"), {"type": kind, "status": "running"}), Ignored)


def test_a_repeated_message_has_the_id_of_the_first_and_a_further_entry_another() -> None:
    messages = field_case()
    ids = [id_of(reader_of("freqtrade"), message) for message in messages]
    assert len(set(ids)) == len(ids)
    assert ids == [id_of(reader_of("freqtrade"), message) for message in messages]


def test_two_further_entries_that_are_alike_differ_in_the_stake_so_far() -> None:
    entry = field_case()[5]
    ids = {id_of(reader_of("freqtrade"), entry | {"stake_amount": stake}) for stake in ("39.5", "59.25", "79.0")}
    assert len(ids) == 3


def test_a_further_entry_of_a_bot_that_trades_now_has_the_time_of_its_arrival() -> None:
    reader, first, further = reader_of("freqtrade"), *field_case()[4:6]
    opened = {"open_date": "2026-10-25 20:00:00+00:00"}
    assert fill(reader, first | opened).members["ts"] == "2026-10-25T20:00:00Z"
    one = fill(reader, further | opened)
    assert (one.members["ts"], one.assumed) == ("2026-10-26T07:33:20Z", frozenset({"ts", "strategy", "currency"}))
    again = fill(reader, further | opened, NOW_NS + 5_000_000_000)
    assert again.members["trade_id"] == one.members["trade_id"]
    assert fill(reader, first).members["ts"] == "2024-01-05T10:25:44Z"
    assert fill(reader, further).members["ts"] == "2024-01-05T10:25:44Z", "old messages are sent again"


def test_none_in_a_form_is_no_value() -> None:
    entry = field_case()[0] | {"leverage": "None", "enter_tag": "None", "fee": "None", "fee_currency": "None"}
    assert "fee" not in fill(reader_of("freqtrade"), entry).members


def test_a_template_with_a_fee_says_it() -> None:
    members = fill(reader_of("freqtrade"), field_case()[0] | {"fee": "0.5", "fee_currency": "USD"}).members
    assert (members["fee"], members["fee_currency"]) == ("0.5", "USD")


def test_a_type_that_freqtrade_does_not_have() -> None:
    assert why_not(reader_of("freqtrade"), {"type": "sttus"}) == "type is 'sttus', for which the mapping has no rule"


# TradingView


def test_a_strategys_order_becomes_a_fill() -> None:
    said = fill(reader_of("tradingview"), STRATEGY).members
    assert {name: said[name] for name in ("symbol", "side", "qty", "price", "ts", "venue", "currency", "order_id")} == {
        "symbol": "BTCUSDT", "side": "buy", "qty": "2", "price": "64250.50", "ts": "2026-10-26T07:33:19Z",
        "venue": "BINANCE", "currency": "USDT", "order_id": "Long",
    }  # fmt: skip


def test_an_alert_that_fires_twice_in_a_bar_for_one_order_is_known_and_another_order_is_not() -> None:
    reader = reader_of("tradingview")
    first = id_of(reader, STRATEGY)
    assert id_of(reader, STRATEGY | {"timenow": "2026-10-26T07:33:25Z", "price": 64250.5}) == first
    for other in ({"position_size": "4"}, {"time": "2026-10-26T07:31:00Z"}, {"order_id": "Long 2"}, {"action": "sell"}):
        assert id_of(reader, STRATEGY | other) != first


@pytest.mark.parametrize(("preset", "message"), [("tradingview", STRATEGY), ("traderspost", SIGNAL)])
def test_two_strategies_that_give_one_order_at_one_time_are_two_fills(preset: str, message: dict[str, Any]) -> None:
    reader = reader_of(preset)
    ids = [id_of(reader, message | more) for more in ({}, {"strategy_name": "one"}, {"strategy_name": "two"})]
    assert len(set(ids)) == 3
    assert ids == [id_of(reader, message | more) for more in ({}, {"strategy_name": "one"}, {"strategy_name": "two"})]


def test_a_template_with_the_order_inside_of_strategy() -> None:
    said = fill(reader_of("tradingview"), NESTED).members
    assert (said["symbol"], said["side"], said["qty"], said["price"]) == ("BTCUSDT", "sell", "3", "64000.1")
    assert said["ts"] == "2026-10-26T07:33:19Z"


def test_what_a_template_of_tradingview_does_not_say_is_named_with_its_placeholder() -> None:
    reader = reader_of("tradingview")
    assert why_not(
        reader, {name: text for name, text in STRATEGY.items() if name not in ("price", "time", "timenow")}
    ) == ('add to the template: "price": "{{strategy.order.price}}", "timenow": "{{timenow}}"')
    assert why_not(reader, STRATEGY | {"contracts": "NaN"}) == (
        'add to the template: "contracts": "{{strategy.order.contracts}}"'
    )
    assert why_not(reader, "BTCUSDT crossing 64,000").startswith("the message is plain text")
    assert why_not(reader, STRATEGY | {"action": "exit"}) == "action 'exit' is neither buy nor sell"
    assert "price" in why_not(reader, STRATEGY | {"price": "{{strategy.order.prise}}"})


# TradersPost and the like


def test_a_signal_becomes_a_fill() -> None:
    said = fill(reader_of("traderspost"), SIGNAL).members
    assert (said["symbol"], said["side"], said["qty"], said["price"]) == ("AMD", "buy", "1", "143.12")


def test_what_a_signal_leaves_open_is_not_guessed() -> None:
    reader = reader_of("traderspost")
    assert read(reader, SIGNAL | {"action": "cancel"}) == Ignored("cancel")
    assert "exit" in why_not(reader, SIGNAL | {"action": "exit"})
    assert "dollar_amount" in why_not(reader, SIGNAL | {"quantityType": "dollar_amount"})
    assert why_not(reader, {"ticker": "AMD", "action": "buy", "price": 1, "time": "2026-10-26T07:33:19Z"}) == (
        'add to the template: "quantity": "{{strategy.order.contracts}}"'
    )
