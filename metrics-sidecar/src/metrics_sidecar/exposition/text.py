"""Formats a snapshot of the state as Prometheus text 0.0.4 or OpenMetrics 1.0. No I/O.

The text is made in slices, so that batches can be applied between two of them. It is made from a frozen snapshot, so
all figures of one scrape are of one moment. Lines are formatted by hand, with labels that are escaped once per key.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Generic, TypeVar

from metrics_sidecar import metrics
from service_kit.metrics.catalogue import Metric
from service_kit.metrics.text import Family, escape, header, labelled, render_family
from trading_model.accounting.figures import Figures, figures
from trading_model.accounting.marks import Mark
from trading_model.accounting.positions import OTHER, PositionSnapshot
from trading_model.accounting.state import StateSnapshot, newcomers_limit
from trading_model.decimals import exactly, show
from trading_model.symbols import symbol_parts
from trading_model.timestamps import unix_seconds

SLICE = 64
"""Positions or symbols formatted between two yields: a fraction of a millisecond. Also the unit that is cached."""

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
"""In the order in which `_render_slice` returns their blocks."""

SYMBOL_FAMILIES = (metrics.LAST_PRICE, metrics.LAST_TRADE_TIMESTAMP, metrics.SYMBOL_INFO)

KEY_BYTES = 8_192
"""Maximum bytes of the series of one key and its symbol: 23 lines with 128 bytes of names each, and values of maximum
length (amounts have 38 digits on either side of the point, sums and products up to 208).
"""

OTHER_BYTES = 2**20
"""Maximum bytes of all other metrics."""

Given = TypeVar("Given")
Made = TypeVar("Made")

Blocks = tuple[bytes, ...]
"""The text of each of KEY_FAMILIES or SYMBOL_FAMILIES, for some keys or symbols."""

Lines = list[str]
"""Lines of one of KEY_FAMILIES."""

KeyLabels = tuple[str, str, str]
"""A key's formatted labels: alone, with side buy, with side sell."""


class Remembered(Generic[Given, Made]):
    """Caches what is made from each item of a list, by index; makes it again only if the item has changed."""

    def __init__(self, make: Callable[[Given], Made]) -> None:
        self._make = make
        self._known: list[tuple[Given, Made]] = []

    def of(self, index: int, given: Given) -> Made:
        """The result for the item at `index`. Call it for consecutive indexes, from 0."""
        # Compared by value: snapshots are new objects in each scrape, but most positions have not changed.
        if index < len(self._known) and self._known[index][0] == given:
            return self._known[index][1]
        made = self._make(given)
        self._known[index : index + 1] = [(given, made)]
        return made

    def forget(self, index: int) -> None:
        """Drop the results from `index` on: the list has become shorter."""
        del self._known[index:]


def max_bytes(limit: int) -> int:
    """Maximum bytes of a scrape, uncompressed, with this limit on positions."""
    return newcomers_limit(limit) * KEY_BYTES + OTHER_BYTES


class Exposition:
    """Formats snapshots. Slices that have not changed since the last scrape are not formatted again.

    `bytes` is the length of the last text, uncompressed.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._labels: dict[tuple[str, str, str], KeyLabels] = {}
        self._keys = Remembered(self._render_slice)
        self._symbols = Remembered(_render_symbols)

    def render(self, moment: StateSnapshot, others: Iterable[Family], openmetrics: bool) -> Iterator[bytes]:
        """The whole text in pieces. An empty piece is only an opportunity for other tasks to run."""
        length = 0
        for piece in self._render(moment, others, openmetrics):
            length += len(piece)
            yield piece
        self.bytes = length

    def _render(self, moment: StateSnapshot, others: Iterable[Family], openmetrics: bool) -> Iterator[bytes]:
        yield from self._render_keys(moment, openmetrics)
        yield from self._render_marks(moment, openmetrics)
        yield "".join([render_family(family, openmetrics) for family in others]).encode()
        if openmetrics:
            yield b"# EOF\n"

    def _render_keys(self, moment: StateSnapshot, openmetrics: bool) -> Iterator[bytes]:
        if len(self._labels) > len(moment.positions):
            self._labels.clear()  # keys of an earlier stream, which would stay for ever
        slices: list[Blocks] = []
        for start in range(0, len(moment.positions), SLICE):
            positions = moment.positions[start : start + SLICE]
            # Part of what is compared: a symbol's last price changes the P&L of positions that had no trade.
            prices = [moment.last[held.symbol].price for held in positions]
            slices.append(self._keys.of(len(slices), (positions, prices)))
            yield b""
        self._keys.forget(len(slices))
        if moment.full:
            slices.append(_render_overflow(moment.other))
        yield from _families(KEY_FAMILIES, slices, openmetrics)

    def _render_marks(self, moment: StateSnapshot, openmetrics: bool) -> Iterator[bytes]:
        slices: list[Blocks] = []
        marks = iter(moment.last.items())
        while some := list(islice(marks, SLICE)):
            slices.append(self._symbols.of(len(slices), some))
            yield b""
        self._symbols.forget(len(slices))
        if moment.full:
            slices.append(_joined([], [], [_symbol_info(OTHER)]))
        yield from _families(SYMBOL_FAMILIES, slices, openmetrics)

    # In a context that raises where it would round: the digits shown are the digits computed (rule 9).
    @exactly
    def _render_slice(self, given: tuple[list[PositionSnapshot], list[Decimal]]) -> Blocks:
        positions, prices = given
        labels = [self._labels_of(held) for held in positions]
        shown = [figures(held, price) for held, price in zip(positions, prices, strict=True)]
        return _joined(*_totals(labels, positions), *_open_figures(labels, positions, shown), _fees(labels, positions))

    def _labels_of(self, held: PositionSnapshot) -> KeyLabels:
        key = (held.account, held.strategy, held.symbol)
        labels = self._labels.get(key)
        if labels is None:
            labels = self._labels[key] = _key_labels(held)
        return labels


def _families(families: Sequence[Metric], slices: list[Blocks], openmetrics: bool) -> Iterator[bytes]:
    """For each family its header, then its blocks of all slices: the formats require a family's lines together."""
    for index, metric in enumerate(families):
        yield header(metric, openmetrics).encode()
        for blocks in slices:
            yield blocks[index]


def _key_labels(held: PositionSnapshot) -> KeyLabels:
    key = labelled({"account": held.account, "strategy": held.strategy, "symbol": held.symbol})[:-1]
    return f"{key}}}", f'{key},side="buy"}}', f'{key},side="sell"}}'


def _totals(labels: list[KeyLabels], positions: list[PositionSnapshot]) -> tuple[Lines, Lines, Lines]:
    """The lines of the three totals, each for both sides."""
    trades, volume, notional = [], [], []
    for (_, buy, sell), held in zip(labels, positions, strict=True):
        trades.append(f"trading_trades_total{buy} {held.buy_trades}\ntrading_trades_total{sell} {held.sell_trades}\n")
        volume.append(
            f"trading_volume_total{buy} {show(held.buy_volume)}\ntrading_volume_total{sell} {show(held.sell_volume)}\n"
        )
        notional.append(
            f"trading_notional_total{buy} {show(held.buy_notional)}\n"
            f"trading_notional_total{sell} {show(held.sell_notional)}\n"
        )
    return trades, volume, notional


def _open_figures(
    labels: list[KeyLabels], positions: list[PositionSnapshot], shown: list[Figures]
) -> tuple[Lines, ...]:
    position, average, realized, unrealized, net = [], [], [], [], []
    for (key, _, _), held, figure in zip(labels, positions, shown, strict=True):
        position.append(f"trading_position{key} {show(held.quantity)}\n")
        average.append(f"trading_average_entry_price{key} {show(figure.average_entry_price)}\n")
        realized.append(f"trading_realized_pnl{key} {show(figure.realized_pnl)}\n")
        unrealized.append(f"trading_unrealized_pnl{key} {show(figure.unrealized_pnl)}\n")
        net.append(f"trading_net_pnl{key} {show(figure.net_pnl)}\n")
    return position, average, realized, unrealized, net


def _fees(labels: list[KeyLabels], positions: list[PositionSnapshot]) -> Lines:
    return [
        f'trading_fees{key[:-1]},currency="{escape(currency)}"}} {show(fee)}\n'
        for (key, _, _), held in zip(labels, positions, strict=True)
        if held.fees
        for currency, fee in held.fees.items()
    ]


def _render_overflow(other: PositionSnapshot) -> Blocks:
    """The key of everything beyond the limit: totals and fees. At 0 before its first trade, for `increase()`."""
    labels = [_key_labels(other)]
    return _joined(*_totals(labels, [other]), *_open_figures([], [], []), _fees(labels, [other]))


def _joined(*columns: Lines) -> Blocks:
    return tuple("".join(column).encode() for column in columns)


def _render_symbols(marks: list[tuple[str, Mark]]) -> Blocks:
    prices, times, parts = [], [], []
    for symbol, mark in marks:
        label = f'{{symbol="{escape(symbol)}"}}'
        prices.append(f"trading_last_price{label} {show(mark.price)}\n")
        times.append(f"trading_last_trade_timestamp_seconds{label} {unix_seconds(mark.ts)}\n")
        parts.append(_symbol_info(symbol))
    return _joined(prices, times, parts)


# A symbol's parts never change, so they are found once and not in each scrape.
@lru_cache(maxsize=16_384)
def _symbol_info(symbol: str) -> str:
    parts = symbol_parts(symbol)
    labels = {"symbol": symbol, "base": parts.base, "currency": parts.currency, "kind": parts.kind}
    return f"{metrics.SYMBOL_INFO.name}{labelled(labels)} 1\n"
