"""The current values of the metrics of markets."""

from collections.abc import Iterator
from decimal import Decimal

from service_kit.metrics.text import Family, by_label, labelled
from trading_analytics import metrics
from trading_analytics.market.fold import MarketFold
from trading_analytics.windows.measures import Basis, Measure, Reading
from trading_model.decimals import show

VALUES = (
    (metrics.VOLATILITY, "volatility_pct", 0.01),
    (metrics.VOLATILITY_ANNUALIZED, "volatility_annualized_pct", 0.01),
    (metrics.VOLATILITY_EWMA, "volatility_ewma_pct", 0.01),
    (metrics.MAX_DRAWDOWN, "max_drawdown_pct", 0.01),
    (metrics.DRAWDOWN, "drawdown_pct", 0.01),
    (metrics.PRICE_CHANGE, "price_change_pct", 0.01),
    (metrics.MARKET_VOLUME, "volume", None),
    (metrics.VWAP, "vwap", None),
    (metrics.SPREAD, "spread_bps", 0.0001),
)
"""Each metric, the member of a reading, and what makes it a ratio; amounts are shown with all their digits."""


def market_families(fold: MarketFold, committed: int, head: int, now_ns: int) -> Iterator[Family]:
    """The metrics of markets, of the events up to now. `committed` is the last sequence in the store; `now_ns` is Unix
    time.
    """
    read = {market: fold.windows.read(market, now_ns) for market in fold.windows.known}
    readings = [
        (labelled({"venue": venue, "symbol": symbol, "window": window_name(one.seconds)}), one)
        for (venue, symbol), ones in read.items()
        for one in ones
    ]
    for metric, member, factor in VALUES:
        samples = [(labels, _text(getattr(one, member), factor)) for labels, one in readings]
        yield Family(metric, [(labels, text) for labels, text in samples if text])
    yield Family(metrics.COVERAGE, [(labels, f"{_basis(one).coverage:.6g}") for labels, one in readings])
    last = [
        (labelled({"venue": market[0], "symbol": market[1]}), ones[0].last, _basis(ones[0]).age_ns)
        for market, ones in read.items()
    ]
    yield Family(metrics.MARKET_PRICE, [(labels, show(trade.price)) for labels, trade, _ in last if trade])
    yield Family(
        metrics.MARKET_AGE, [(labels, f"{age_ns / 1e9:.3f}") for labels, _, age_ns in last if age_ns is not None]
    )
    yield Family(metrics.MARKET_HEAD, [("", max(head, committed))])
    yield Family(metrics.MARKET_APPLIED, [("", committed)])
    yield Family(metrics.MARKET_LATE, [("", fold.windows.late)])
    yield Family(metrics.MARKET_REJECTED, by_label("reason", fold.rejected))


def window_name(seconds: float) -> str:
    """A window's length as the settings have it: 30s, 5m, 1h, 1d."""
    whole = int(seconds)
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if whole % length == 0:
            return f"{whole // length}{unit}"
    return f"{whole}s"


def _basis(reading: Reading) -> Basis:
    return reading.volume.basis


def _text(measure: Measure, factor: float | None) -> str:
    """Empty where there is no value."""
    value = measure.value
    if value is None:
        return ""
    if factor is None:
        return show(value) if isinstance(value, Decimal) else repr(value)
    return repr(float(value) * factor)
