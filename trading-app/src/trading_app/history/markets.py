"""Asks trading-analytics for the windows of markets, over its HTTP on loopback, while somebody wants to know.

One answer is used for all who ask within a quarter of a second.
"""

import asyncio
from collections.abc import Generator, Mapping, Sequence
from decimal import Decimal

import msgspec

from service_kit.clock import Clock
from trading_app.page.sidecar_feed import fetch
from trading_app.page.sidecar_state import SLICE, PositionState
from trading_app.problems import TradeProblem
from trading_model.decimals import exactly
from trading_model.symbols import plain_currency, symbol_parts

FRESH_SECONDS = 0.25
ANSWER_SECONDS = 3.0


class Extreme(msgspec.Struct, frozen=True):
    """A trade of the market at which a fall begins or ends."""

    price: Decimal
    at: str
    seq: int


class Reading(msgspec.Struct, frozen=True):
    """One window of one market, as trading-analytics gives it in GET /markets."""

    symbol: str
    venue: str
    window: str
    timestamp: str
    price: Decimal | None
    price_at: str | None
    age_seconds: float | None
    coverage: float
    samples: int
    expected: int
    values: dict[str, Decimal | None]
    reasons: dict[str, str]
    peak: Extreme | None = None
    trough: Extreme | None = None


class Readings(msgspec.Struct, frozen=True):
    """All of one moment. `applied` is a sequence of the market data."""

    stream: str = ""
    applied: int = 0
    readings: tuple[Reading, ...] = ()


_decode = msgspec.json.Decoder(Readings).decode


class MarketsFeed:
    """The newest readings."""

    def __init__(self, url: str, token: str, clock: Clock) -> None:
        """`token` is the API token to send; empty if trading-analytics needs none."""
        self._url = url
        self._token = token or None
        self._clock = clock
        self._asking = asyncio.Lock()
        self._latest = Readings()
        self._at = float("-inf")

    async def latest(self) -> Readings:
        """The newest readings, at most FRESH_SECONDS old. Raises TradeProblem (`analytics_unavailable`)."""
        async with self._asking:
            if self._clock.monotonic() - self._at >= FRESH_SECONDS:
                self._latest = await self._ask()
                self._at = self._clock.monotonic()
            return self._latest

    async def _ask(self) -> Readings:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, body = await fetch(f"{self._url}/markets", self._token)
        except (TimeoutError, OSError, ValueError, EOFError):
            raise _unavailable("it does not answer: is it running (ANALYTICS_ENABLED, make apps-up)?") from None
        if status != 200:
            raise _unavailable(f"it answered with status {status}; 401 wants ANALYTICS_API_TOKENS or MONITORING_TOKEN")
        try:
            return _decode(body)
        except msgspec.MsgspecError:
            raise _unavailable("its answer could not be read; is it another version?") from None


def _unavailable(why: str) -> TradeProblem:
    return TradeProblem("analytics_unavailable", f"trading-analytics has the windows of markets; {why}", retry_after=5)


Pair = tuple[str, str]
"""Base and quote of a spot market."""


def unrealized_in_slices(positions: Sequence[PositionState]) -> Generator[None, None, Mapping[Pair, Decimal]]:
    """The unrealised P&L of the spot positions in each market, by the sidecar; those without any have none."""
    sums: dict[Pair, Decimal] = {}
    pairs: dict[str, Pair | None] = {}
    for start in range(0, len(positions), SLICE):
        _add_up(sums, pairs, positions[start : start + SLICE])
        yield
    return sums


@exactly
def _add_up(sums: dict[Pair, Decimal], pairs: dict[str, Pair | None], positions: Sequence[PositionState]) -> None:
    for row in positions:
        if row.symbol not in pairs:
            pairs[row.symbol] = _pair(row.symbol)
        pair = pairs[row.symbol]
        if pair is not None and row.unrealized_pnl is not None and row.sum_currency == pair[1]:
            sums[pair] = sums.get(pair, Decimal()) + Decimal(row.unrealized_pnl)


def pair_of(market: str) -> Pair:
    """The pair of a market, BASE-QUOTE."""
    base, _, quote = market.partition("-")
    return plain_currency(base), plain_currency(quote)


def _pair(symbol: str) -> Pair | None:
    """Base and quote of a spot pair: a contract of the same currencies is another market."""
    parts = symbol_parts(symbol)
    return (plain_currency(parts.base), plain_currency(parts.quote)) if parts.kind == "spot" else None
