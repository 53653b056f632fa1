"""Rows of metrics of markets are made once of what analytics and the sidecar say, however many ask for them."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

from trading_app.history.markets import MarketsFeed, Reading, Readings
from trading_app.history.metrics import MarketRows
from trading_app.page.sidecar_feed import SidecarFeed
from trading_app.page.sidecar_state import PositionState

SYMBOLS = [f"C{number}-USDT" for number in range(40)]
TINY = "0.0000000000000000000000000000000001"


class Positions(list[PositionState]):
    """Counts how many positions were read."""

    read = 0

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        self.read += len(found)
        return found

    def __iter__(self) -> Iterator[PositionState]:
        self.read += len(self)
        return super().__iter__()


class Markets:
    def __init__(self) -> None:
        self.readings = Readings("s", 1, tuple(reading(symbol) for symbol in SYMBOLS))

    async def latest(self) -> Readings:
        return self.readings


def reading(symbol: str) -> Reading:
    return Reading(symbol, "binance", "5m", "2026-01-01T00:05:00Z", Decimal(1), None, 0.5, 1.0, 1, 1, {}, {})


def position(symbol: str, unrealized: str | None, currency: str = "USDT") -> PositionState:
    return PositionState("a", "s", symbol, {}, "1", "1", "1", "0", unrealized, "0", currency)


def test_rows_are_made_once_for_all_who_ask() -> None:
    positions = Positions(position(f"C{number % 100}/USDT", "1.5") for number in range(1_000))
    feed = SimpleNamespace(latest=SimpleNamespace(state=SimpleNamespace(positions=positions)))
    markets = Markets()
    rows = MarketRows(cast("MarketsFeed", markets), cast("SidecarFeed", feed))

    async def ask(times: int) -> list[Any]:
        return [one for _ in range(times) for one in await rows.read(None, "all")]

    asked = asyncio.run(ask(50))
    assert len(asked) == 50 * len(SYMBOLS)
    assert {one.row["unrealized_pnl"] for one in asked} == {Decimal(15)}
    assert positions.read == 1_000
    markets.readings = Readings("s", 2, markets.readings.readings)
    asyncio.run(ask(1))
    assert positions.read == 1_000, "they are read again with the next state of the sidecar only"


def test_the_unrealised_pnl_of_a_market_is_that_of_its_spot_positions_to_the_digit() -> None:
    positions = [
        position("C1/USDT", "1000000000000"),
        position("C1/USDT", TINY),
        position("C1/USDT", None),
        position("C1/USDT:USDT", "7"),
        position("C1/USDT", "9", currency="EUR"),
    ]
    feed = SimpleNamespace(latest=SimpleNamespace(state=SimpleNamespace(positions=positions)))
    rows = MarketRows(cast("MarketsFeed", Markets()), cast("SidecarFeed", feed))
    (found,) = asyncio.run(rows.read("C1-USDT", None))
    assert found.row["unrealized_pnl"] == Decimal(f"1000000000000{TINY[1:]}")
    (other,) = asyncio.run(rows.read("C2-USDT", None))
    assert other.row["unrealized_pnl"] is None
