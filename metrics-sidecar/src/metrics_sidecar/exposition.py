"""Expose: what is known as Prometheus text 0.0.4 or OpenMetrics 1.0. No I/O.

The text is made in slices, so that batches can be applied between two of them, from a moment that was frozen before:
all figures of one scrape belong together. Lines are formatted by hand, from labels that are escaped once per key.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

from metrics_sidecar import metrics
from metrics_sidecar.delays import BOUNDS_SECONDS
from metrics_sidecar.exact import exactly, show
from metrics_sidecar.figures import Figures, figures
from metrics_sidecar.fills import Fill
from metrics_sidecar.metrics import Metric
from metrics_sidecar.positions import Holding
from metrics_sidecar.state import Moment
from metrics_sidecar.timestamps import unix_seconds

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

SLICE = 64
"""So many positions or symbols are formatted between two chances for others to run: a fraction of a millisecond."""

KEY_FAMILIES = (
    metrics.TRADES,
    metrics.VOLUME,
    metrics.NOTIONAL,
    metrics.POSITION,
    metrics.AVERAGE_ENTRY_PRICE,
    metrics.REALIZED_PNL,
    metrics.UNREALIZED_PNL,
    metrics.NET_PNL,
    metrics.FEES,
)

Columns = tuple[list[str], ...]
"""The lines of each of KEY_FAMILIES."""

Sample = tuple[str, int | str]
"""Labels, formatted, and the value."""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with its samples; `suffix` is added to the metric's name, for the parts of a histogram."""

    metric: Metric
    samples: Iterable[Sample]


def escape(value: str) -> str:
    """A label value as both formats want it."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def labelled(labels: Mapping[str, str]) -> str:
    """Labels as they stand between a name and a value."""
    return "{" + ",".join(f'{name}="{escape(value)}"' for name, value in labels.items()) + "}"


def header(metric: Metric, openmetrics: bool) -> str:
    """HELP and TYPE. OpenMetrics names counters without `_total` and knows `info`, the text format does not."""
    name, kind = metric.name, metric.kind
    if openmetrics and kind == "counter":
        name = name.removesuffix("_total")
    elif openmetrics and kind == "info":
        name = name.removesuffix("_info")
    elif kind == "info":
        kind = "gauge"
    return f"# HELP {name} {metric.meaning}\n# TYPE {name} {kind}\n"


def render_family(family: Family, openmetrics: bool) -> bytes:
    """One metric with all its samples."""
    name = family.metric.name
    lines = [f"{name}{labels} {value}\n" for labels, value in family.samples]
    return (header(family.metric, openmetrics) + "".join(lines)).encode()


def histogram_samples(counts: Iterable[int], sum_ns: int) -> Iterator[Sample]:
    """Cumulative buckets, count and sum. What would be the labels of a plain sample begins with the suffix here."""
    cumulative = list(accumulate(counts))
    for bound, count in zip((*map(str, BOUNDS_SECONDS), "+Inf"), cumulative, strict=True):
        yield f'_bucket{{le="{bound}"}}', count
    yield "_count", cumulative[-1]
    yield "_sum", show(Decimal(sum_ns).scaleb(-9))


class Exposition:
    """Formats moments. It keeps the labels of each key from one scrape to the next."""

    def __init__(self) -> None:
        self._labels: dict[tuple[str, str, str], str] = {}

    def render(self, moment: Moment, others: Iterable[Family], openmetrics: bool) -> Iterator[bytes]:
        """The whole text in pieces; an empty one is only a chance to let others run."""
        yield from self._render_keys(moment, openmetrics)
        yield from _render_symbols(moment, openmetrics)
        for family in others:
            yield render_family(family, openmetrics)
        if openmetrics:
            yield b"# EOF\n"

    def _render_keys(self, moment: Moment, openmetrics: bool) -> Iterator[bytes]:
        if len(self._labels) > len(moment.positions):
            self._labels.clear()  # keys of another stream
        families: list[list[bytes]] = [[] for _ in KEY_FAMILIES]
        for start in range(0, len(moment.positions), SLICE):
            columns = self._render_slice(moment.positions[start : start + SLICE], moment.last)
            for blocks, column in zip(families, columns, strict=True):
                blocks.append("".join(column).encode())
            yield b""
        if len(moment.positions) >= moment.limit:
            _render_overflow(moment.other, families)
        for metric, blocks in zip(KEY_FAMILIES, families, strict=True):
            yield header(metric, openmetrics).encode()
            yield from blocks

    @exactly
    def _render_slice(self, positions: list[Holding], last: dict[str, Fill]) -> Columns:
        columns = _columns()
        for held in positions:
            labels = self._labels_of(held)
            _add_totals(columns, labels, held)
            _add_position(columns, labels, held, figures(held, last[held.symbol].price))
            if held.fees:
                _add_fees(columns, labels, held)
        return columns

    def _labels_of(self, held: Holding) -> str:
        key = (held.account, held.strategy, held.symbol)
        labels = self._labels.get(key)
        if labels is None:
            labels = self._labels[key] = _key_labels(held)
        return labels


def _key_labels(held: Holding) -> str:
    return labelled({"account": held.account, "strategy": held.strategy, "symbol": held.symbol})[:-1]


def _columns() -> Columns:
    return tuple([] for _ in KEY_FAMILIES)


def _add_totals(columns: Columns, labels: str, held: Holding) -> None:
    """Both sides of the three totals; `labels` lack the closing brace."""
    buy, sell = f'{labels},side="buy"}}', f'{labels},side="sell"}}'
    trades, volume, notional = columns[:3]
    trades.append(f"trading_trades_total{buy} {held.buy_trades}\ntrading_trades_total{sell} {held.sell_trades}\n")
    volume.append(
        f"trading_volume_total{buy} {show(held.buy_volume)}\ntrading_volume_total{sell} {show(held.sell_volume)}\n"
    )
    notional.append(
        f"trading_notional_total{buy} {show(held.buy_notional)}\n"
        f"trading_notional_total{sell} {show(held.sell_notional)}\n"
    )


def _add_position(columns: Columns, labels: str, held: Holding, shown: Figures) -> None:
    position, average, realized, unrealized, net = columns[3:8]
    position.append(f"trading_position{labels}}} {show(held.quantity)}\n")
    average.append(f"trading_average_entry_price{labels}}} {show(shown.average_entry_price)}\n")
    realized.append(f"trading_realized_pnl{labels}}} {show(shown.realized_pnl)}\n")
    unrealized.append(f"trading_unrealized_pnl{labels}}} {show(shown.unrealized_pnl)}\n")
    net.append(f"trading_net_pnl{labels}}} {show(shown.net_pnl)}\n")


def _add_fees(columns: Columns, labels: str, held: Holding) -> None:
    for currency, fee in held.fees.items():
        columns[8].append(f'trading_fees{labels},currency="{escape(currency)}"}} {show(fee)}\n')


def _render_overflow(other: Holding, families: list[list[bytes]]) -> None:
    """The key past the limit: totals and fees. It is there, at 0, before its first trade."""
    columns, labels = _columns(), _key_labels(other)
    _add_totals(columns, labels, other)
    _add_fees(columns, labels, other)
    for blocks, column in zip(families, columns, strict=True):
        blocks.append("".join(column).encode())


def _render_symbols(moment: Moment, openmetrics: bool) -> Iterator[bytes]:
    fills = list(moment.last.items())
    yield header(metrics.LAST_PRICE, openmetrics).encode()
    for start in range(0, len(fills), SLICE):
        yield "".join(
            f'trading_last_price{{symbol="{escape(symbol)}"}} {show(fill.price)}\n'
            for symbol, fill in fills[start : start + SLICE]
        ).encode()
    yield header(metrics.LAST_TRADE_TIMESTAMP, openmetrics).encode()
    for start in range(0, len(fills), SLICE):
        yield "".join(
            f'trading_last_trade_timestamp_seconds{{symbol="{escape(symbol)}"}} {unix_seconds(fill.ts)}\n'
            for symbol, fill in fills[start : start + SLICE]
        ).encode()
