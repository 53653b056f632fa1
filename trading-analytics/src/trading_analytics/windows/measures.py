"""The values of a window, each with its reason, samples, coverage and age. No I/O."""

import math
from decimal import Decimal
from enum import StrEnum

import msgspec

from trading_analytics.windows.market_windows import MarketWindows, View
from trading_analytics.windows.observations import Trade
from trading_analytics.windows.summary import Returns, add_returns
from trading_model.decimals import AVERAGE, ZERO

MIN_COVERAGE = 0.5
YEAR_SECONDS = 365 * 86_400
"""Markets of crypto currencies never close."""

HUNDRED = Decimal(100)


class Reason(StrEnum):
    """Why a value is missing."""

    WARMING_UP = "warming_up"
    """Less than half of the window is known."""

    STALE = "stale"
    """The feed is silent: nothing is known of now."""

    UNDEFINED = "undefined"
    """Nothing happened of which it could be made."""


class Basis(msgspec.Struct, frozen=True):
    """What a value is made of.

    `samples` grid points are known of the `expected` ones of the window; `coverage` is their ratio. The window ends at
    `as_of_ns` (Unix time); the last price was `age_ns` before now, None where there is none.
    """

    samples: int
    expected: int
    coverage: float
    as_of_ns: int
    age_ns: int | None


class Measure(msgspec.Struct, frozen=True):
    """A value, or why there is none. Percentages are floats; prices and quantities are decimals."""

    value: Decimal | float | None
    reason: Reason | None
    basis: Basis


class Reading(msgspec.Struct, frozen=True):
    """The values of one window of one market.

    `volatility_pct` is 100 times the root of the sum of squared returns: over the window, not annualised. Drawdowns are
    0 or negative, in percent of the peak: `max_drawdown_pct` from `peak` to `trough`, `drawdown_pct` from the highest
    price of the window to the last. Spreads are in hundredths of a percent of the price.
    """

    seconds: float
    source: str
    volatility_pct: Measure
    volatility_annualized_pct: Measure
    volatility_ewma_pct: Measure
    max_drawdown_pct: Measure
    drawdown_pct: Measure
    price_change_pct: Measure
    volume: Measure
    vwap: Measure
    spread_bps: Measure
    spread_max_bps: Measure
    peak: Trade | None
    trough: Trade | None
    last: Trade | None


class Clock(msgspec.Struct, frozen=True):
    """When values are read: grid in nanoseconds, the closed grid point, the time now, whether the feed is silent."""

    grid_ns: int
    point: int
    now_ns: int
    is_stale: bool


def read(market: MarketWindows, index: int, length: int, clock: Clock) -> Reading:
    """The values of one window, by its place and its length in grid points. Call it under the EXACT context."""
    view = market.view(index, clock.point)
    last, quote = market.last_trade, market.last_quote
    as_of_ns = clock.point * clock.grid_ns
    basis = Basis(view.samples, length, view.samples / length, as_of_ns, last and clock.now_ns - last.ts_ns)
    quote_basis = msgspec.structs.replace(basis, age_ns=quote and clock.now_ns - quote.ts_ns)
    reason = Reason.STALE if clock.is_stale else Reason.WARMING_UP if basis.coverage < MIN_COVERAGE else None

    def measure(value: Decimal | float | None, basis: Basis = basis) -> Measure:
        if reason is not None:
            return Measure(None, reason, basis)
        return Measure(value, Reason.UNDEFINED if value is None else None, basis)

    summary = view.content.summary
    trades = None if summary is None else summary.trades
    spreads = None if summary is None else summary.spreads
    returns = _returns(view)
    seconds = length * clock.grid_ns / 1e9
    before = view.content.before or (None if trades is None else trades.first)
    steps = math.sqrt(YEAR_SECONDS / (clock.grid_ns / 1e9))
    return Reading(
        seconds,
        market.source,
        measure(100 * math.sqrt(returns.squares)),
        measure(100 * steps * math.sqrt(returns.deviations / (returns.count - 1)) if returns.count > 1 else None),
        measure(None if view.squares is None else 100 * math.sqrt(view.squares * length)),
        measure(_fall(trades.peak, trades.trough) if trades else _no_fall(last)),
        measure(_fall(trades.high, trades.last) if trades else _no_fall(last)),
        measure(None if before is None or last is None else _change(before.price, last.price)),
        measure(ZERO if trades is None else trades.volume),
        measure(None if trades is None else AVERAGE.divide(trades.notional, trades.volume)),
        measure(None if spreads is None else spreads.total / spreads.count, quote_basis),
        measure(None if spreads is None else spreads.widest, quote_basis),
        trades.peak if trades else None,
        trades.trough if trades else None,
        last,
    )


def _returns(view: View) -> Returns:
    """The returns of all grid points that are known: those without a trade have 0."""
    summary = view.content.summary
    known = None if summary is None else summary.returns
    quiet = view.samples - (known.count if known else 0)
    zeros = Returns(quiet, 0.0, 0.0, 0.0)
    if known is None:
        return zeros
    return add_returns(known, zeros) if quiet else known


def _fall(peak: Trade, trough: Trade) -> Decimal:
    return _change(peak.price, trough.price) if trough.price < peak.price else ZERO


def _no_fall(last: Trade | None) -> Decimal | None:
    """The fall in a window without a trade: the price stayed where it was."""
    return None if last is None else ZERO


def _change(before: Decimal, after: Decimal) -> Decimal:
    return AVERAGE.divide(HUNDRED * (after - before), before)
