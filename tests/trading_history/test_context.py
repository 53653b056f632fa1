"""What the figures need beside fills."""

from functools import partial
from typing import Any

import msgspec

from tests.support.instructions import instructions
from trading_history.figures.context import Context
from trading_model.contents import LedgerEvent


def context_of(*instruments: dict[str, Any]) -> Context:
    """One in which these events are in force."""
    context = Context()
    for seq, content in enumerate(instruments, 1):
        context.put(msgspec.convert({"seq": seq, "kind": "instrument", "instrument": content}, LedgerEvent))
    return context


def test_the_last_event_about_a_symbol_is_found_by_its_name_an_alias_or_a_pattern() -> None:
    context = context_of(
        {"symbol": "BTC/USDT", "lot": "1"},
        {"pattern": "BTC*", "lot": "2"},
        {"symbol": "ETH/USDT", "aliases": ["ETHUSDT"]},
        {"symbol": "ethusdt", "lot": "3"},
    )
    assert {symbol: context.said_of(symbol) for symbol in ("BTC/USDT", "BTC/EUR", "ETH/USDT", "XRP/USDT")} == {
        "BTC/USDT": 2,
        "BTC/EUR": 2,
        "ETH/USDT": 4,
        "XRP/USDT": 0,
    }
    context.set_in_force(1, in_force=False, corrected=5)
    assert context.said_of("BTC/USDT") == 5


def test_to_ask_about_a_symbol_takes_as_much_with_ten_times_as_many_instruments() -> None:
    taken = []
    for count in (20, 200):
        context = context_of(*({"symbol": f"S{number}/USDT", "lot": "1"} for number in range(count)))
        assert context.said_of("S7/USDT") == 8
        taken.append(instructions(partial(context.said_of, "S7/USDT")))
    assert taken[1] == taken[0] > 10
