"""`GET /markets`: the newest readings of all windows as JSON, for the web app and other programs. No I/O."""

from decimal import Decimal

import msgspec

from trading_analytics.market.exposition import VALUES, window_name
from trading_analytics.market.fold import MarketFold
from trading_analytics.windows.measures import Basis, Measure, Reading
from trading_analytics.windows.observations import Market, Trade
from trading_model.field_rules import format_timestamp

MEASURES = tuple(member for _, member, _ in VALUES)


class Extreme(msgspec.Struct, frozen=True):
    """A trade at which a fall begins or ends: `seq` is its event in the stream of market data."""

    price: Decimal
    at: str
    seq: int


class MarketReading(msgspec.Struct, frozen=True):
    """One window of one market at the `timestamp`. `values` that are null have their reason in `reasons`. The maximum
    drawdown is from `peak` to `trough`; both are null where there is none.

    Percentages are floats; prices and quantities are numbers with all their digits.
    """

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
    peak: Extreme | None
    trough: Extreme | None
    values: dict[str, Decimal | float | None]
    reasons: dict[str, str]


class MarketsDocument(msgspec.Struct, frozen=True):
    """All readings; `applied` is the last sequence of the market data in the candles."""

    stream: str
    applied: int
    readings: list[MarketReading]


_encode = msgspec.json.Encoder(decimal_format="number").encode


def markets_document(fold: MarketFold | None, stream: str, applied: int, now_ns: int) -> bytes:
    """The document; without readings where no market is followed. `now_ns` is Unix time."""
    readings = []
    if fold is not None:
        windows = fold.windows
        readings = [_reading(market, one) for market in sorted(windows.known) for one in windows.read(market, now_ns)]
    return _encode(MarketsDocument(stream, applied, readings))


def _reading(market: Market, reading: Reading) -> MarketReading:
    venue, symbol = market
    measures: dict[str, Measure] = {name: getattr(reading, name) for name in MEASURES}
    basis: Basis = reading.volume.basis
    last = reading.last
    has_fall = bool(reading.max_drawdown_pct.value)
    return MarketReading(
        symbol,
        venue,
        window_name(reading.seconds),
        format_timestamp(basis.as_of_ns),
        None if last is None else last.price,
        None if last is None else format_timestamp(last.ts_ns),
        None if basis.age_ns is None else basis.age_ns / 1e9,
        basis.coverage,
        basis.samples,
        basis.expected,
        _extreme(reading.peak) if has_fall else None,
        _extreme(reading.trough) if has_fall else None,
        {name: _plain(name, measure.value) for name, measure in measures.items()},
        {name: measure.reason for name, measure in measures.items() if measure.reason is not None},
    )


def _extreme(trade: Trade | None) -> Extreme | None:
    return None if trade is None else Extreme(trade.price, format_timestamp(trade.ts_ns), trade.seq)


def _plain(name: str, value: Decimal | float | None) -> Decimal | float | None:
    """Percentages as floats, whatever they are made of: their division has no end."""
    return float(value) if value is not None and name.endswith("_pct") else value
