"""Formats a snapshot of the state as Prometheus text 0.0.4 or OpenMetrics 1.0. No I/O.

The text is made in slices, so that batches can be applied between two of them. It is made from a frozen snapshot, so
all figures of one scrape are of one moment. Lines are formatted by hand, with labels that are escaped once per key.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Generic, TypeVar

from metrics_sidecar import metrics
from service_kit.metrics.catalogue import Metric
from service_kit.metrics.text import Family, escape, header, labelled, render_family
from trading_model.accounting.book import OTHER
from trading_model.accounting.figures import exposure, figures, mark_of
from trading_model.accounting.market_marks import MarketMark
from trading_model.accounting.marks import ACCOUNT_SEPARATOR, Mark
from trading_model.accounting.positions import PositionSnapshot
from trading_model.accounting.quota import newcomers_limit
from trading_model.accounting.snapshots import StateSnapshot
from trading_model.accounting.totals import TotalsSnapshot
from trading_model.decimals import ZERO, exactly, show
from trading_model.instruments import Terms
from trading_model.timestamps import unix_seconds

SLICE = 64
"""Positions or symbols formatted between two yields: a fraction of a millisecond. Also the unit that is cached."""

TOTALS_FAMILIES = (
    metrics.TRADES,
    metrics.VOLUME,
    metrics.NOTIONAL,
    metrics.CORRECTED_TRADES,
    metrics.CORRECTED_VOLUME,
    metrics.CORRECTED_NOTIONAL,
)
"""In the order in which `_render_totals` returns their blocks."""

POSITION_FAMILIES = (
    metrics.POSITION,
    metrics.AVERAGE_ENTRY_PRICE,
    metrics.REALIZED_PNL,
    metrics.UNREALIZED_PNL,
    metrics.NET_PNL,
    metrics.FEES,
    metrics.FEES_OUTSIDE_NET,
    metrics.POSITION_RECOMPUTING,
    metrics.CONTRACT_EXPOSURE,
)
"""In the order in which `_render_positions` returns their blocks."""

SYMBOL_FAMILIES = (
    metrics.LAST_PRICE,
    metrics.LAST_TRADE_TIMESTAMP,
    metrics.SYMBOL_INFO,
    metrics.MARK_PRICE,
    metrics.MARK_TIMESTAMP,
    metrics.MARK_STALE,
)
"""In the order in which `_render_symbols` returns their blocks."""

KEY_BYTES = 16_384
"""Maximum bytes of the series of one key and its symbol: 49 lines with 128 bytes of names each, and values of maximum
length (amounts have 38 digits on either side of the point, sums and products up to 208).
"""

OTHER_BYTES = 2**20
"""Maximum bytes of all other metrics."""

ONE = Decimal(1)

Given = TypeVar("Given")
Made = TypeVar("Made")

Blocks = tuple[bytes, ...]
"""The text of each of some families, for some keys or symbols."""

Lines = list[str]
"""Lines of one family."""


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
        self._labels: dict[tuple[str, ...], str] = {}
        self._totals = Remembered(self._render_totals)
        self._positions = Remembered(self._render_positions)
        self._symbols = Remembered(_render_symbols)

    def render(self, moment: StateSnapshot, others: Iterable[Family], openmetrics: bool) -> Iterator[bytes]:
        """The whole text in pieces. An empty piece is only an opportunity for other tasks to run."""
        length = 0
        for piece in self._render(moment, others, openmetrics):
            length += len(piece)
            yield piece
        self.bytes = length

    def _render(self, moment: StateSnapshot, others: Iterable[Family], openmetrics: bool) -> Iterator[bytes]:
        if len(self._labels) > len(moment.positions) + len(moment.totals):
            self._labels.clear()  # keys of an earlier stream, which would stay for ever
        yield from self._render_keys(moment, openmetrics)
        yield from self._render_marks(moment, openmetrics)
        yield "".join([render_family(family, openmetrics) for family in others]).encode()
        if openmetrics:
            yield b"# EOF\n"

    def _render_keys(self, moment: StateSnapshot, openmetrics: bool) -> Iterator[bytes]:
        slices: list[Blocks] = []
        for start in range(0, len(moment.totals), SLICE):
            slices.append(self._totals.of(len(slices), moment.totals[start : start + SLICE]))
            yield b""
        self._totals.forget(len(slices))
        if moment.full:  # at 0 before its first trade, for `increase()`
            slices.append(self._render_totals([moment.other]))
        yield from _families(TOTALS_FAMILIES, slices, openmetrics)
        yield from self._render_figures(moment, openmetrics)

    def _render_figures(self, moment: StateSnapshot, openmetrics: bool) -> Iterator[bytes]:
        slices: list[Blocks] = []
        for start in range(0, len(moment.positions), SLICE):
            positions = moment.positions[start : start + SLICE]
            marks = [moment.last[held.market] for held in positions]
            slices.append(self._positions.of(len(slices), (positions, marks)))
            yield b""
        self._positions.forget(len(slices))
        if moment.other.fees:
            labels = self._labels_of((OTHER, OTHER, OTHER))
            fees = _by_currency("trading_fees", labels, moment.other.fees)
            slices.append(_joined([], [], [], [], [], fees, [], [], []))
        yield from _families(POSITION_FAMILIES, slices, openmetrics)

    def _render_marks(self, moment: StateSnapshot, openmetrics: bool) -> Iterator[bytes]:
        slices: list[Blocks] = []
        terms = {held.market: held.terms for held in moment.positions}
        names = {name.partition(ACCOUNT_SEPARATOR)[0]: name for name in reversed(terms)}
        described = frozenset(names.values())  # each symbol once, though it may have a mark for each account
        marks = iter(
            [
                (name, mark, terms[name] if name in described else None)
                for name, mark in moment.last.items()
                if name in terms
            ]
        )
        while some := list(islice(marks, SLICE)):
            slices.append(self._symbols.of(len(slices), some))
            yield b""
        self._symbols.forget(len(slices))
        if moment.full:
            slices.append(_joined([], [], [_symbol_info(OTHER, None)], [], [], []))
        yield from _families(SYMBOL_FAMILIES, slices, openmetrics)

    @exactly
    def _render_totals(self, totals: list[TotalsSnapshot]) -> Blocks:
        trades, volume, notional = [], [], []
        corrected: tuple[Lines, Lines, Lines] = ([], [], [])
        for held in totals:
            key = self._labels_of((held.account, held.strategy, held.symbol))
            buy, sell = f'{key},side="buy"}}', f'{key},side="sell"}}'
            trades.append(
                f"trading_trades_total{buy} {held.buy_trades}\ntrading_trades_total{sell} {held.sell_trades}\n"
            )
            volume.append(
                f"trading_volume_total{buy} {show(held.buy_volume)}\n"
                f"trading_volume_total{sell} {show(held.sell_volume)}\n"
            )
            notional.append(
                f"trading_notional_total{buy} {show(held.buy_notional)}\n"
                f"trading_notional_total{sell} {show(held.sell_notional)}\n"
            )
            if held.corrected:
                _add_corrected(corrected, key, held)
        return _joined(trades, volume, notional, *corrected)

    @exactly
    def _render_positions(self, given: tuple[list[PositionSnapshot], list[Mark]]) -> Blocks:
        held_positions, marks = given
        position, average, realized, unrealized, net = [], [], [], [], []
        fees, outside, recomputing, worth = [], [], [], []
        for held, mark in zip(held_positions, marks, strict=True):
            price = mark_of(held, mark)
            figure = figures(held, price)
            labels = self._labels_of(_label_values(held))
            key = f"{labels}}}"
            position.append(f"trading_position{key} {show(held.state.quantity)}\n")
            average.append(f"trading_average_entry_price{key} {show(figure.average_entry_price)}\n")
            realized.append(f"trading_realized_pnl{key} {show(figure.realized_pnl)}\n")
            if figure.unrealized_pnl is not None and figure.net_pnl is not None:
                unrealized.append(f"trading_unrealized_pnl{key} {show(figure.unrealized_pnl)}\n")
                net.append(f"trading_net_pnl{key} {show(figure.net_pnl)}\n")
            if held.state.fees:
                fees += _by_currency("trading_fees", labels, held.state.fees)
            if held.state.fees_outside:
                outside += _by_currency("trading_fees_outside_net", labels, held.state.fees_outside)
            if held.recomputing:
                recomputing.append(f"trading_position_recomputing{key} 1\n")
            if price is not None and (held.terms.inverse or held.terms.multiplier != ONE):
                sign = "-" if held.state.quantity < ZERO else ""
                worth.append(f"trading_contract_exposure{key} {sign}{show(exposure(held, price))}\n")
        return _joined(position, average, realized, unrealized, net, fees, outside, recomputing, worth)

    def _labels_of(self, values: tuple[str, ...]) -> str:
        """Formatted labels without the closing brace: account, strategy, symbol, position side, P&L currency."""
        labels = self._labels.get(values)
        if labels is None:
            given = dict(zip(KEY_LABELS, values, strict=False))
            # An empty label is the same as none: a series of earlier versions keeps its name.
            labels = labelled({name: value for name, value in given.items() if value or name in metrics.KEY})[:-1]
            self._labels[values] = labels
        return labels


KEY_LABELS = (*metrics.KEY, "position_side", "pnl_currency")


def _label_values(held: PositionSnapshot) -> tuple[str, ...]:
    key = held.key
    return key if held.names_currency else key[:4]


def _by_currency(name: str, labels: str, amounts: Mapping[str, Decimal]) -> Lines:
    return [f'{name}{labels},currency="{escape(currency)}"}} {show(amount)}\n' for currency, amount in amounts.items()]


def _add_corrected(families: tuple[Lines, Lines, Lines], key: str, held: TotalsSnapshot) -> None:
    trades, volume, notional = families
    for label, count in held.corrected.items():
        change, side = label.split()
        labels = f'{key},side="{side}",change="{change}"}}'
        trades.append(f"trading_corrected_trades_total{labels} {count.trades}\n")
        volume.append(f"trading_corrected_volume_total{labels} {show(count.volume)}\n")
        notional.append(f"trading_corrected_notional_total{labels} {show(count.notional)}\n")


def _families(families: Sequence[Metric], slices: list[Blocks], openmetrics: bool) -> Iterator[bytes]:
    """For each family its header, then its blocks of all slices: the formats require a family's lines together."""
    for index, metric in enumerate(families):
        yield header(metric, openmetrics).encode()
        for blocks in slices:
            if blocks[index]:  # most families that few keys have are empty
                yield blocks[index]


def _joined(*columns: Lines) -> Blocks:
    return tuple("".join(column).encode() for column in columns)


def _render_symbols(marks: list[tuple[str, Mark, Terms | None]]) -> Blocks:
    prices, times, parts = [], [], []
    of_market: tuple[Lines, Lines, Lines] = ([], [], [])
    for name, mark, terms in marks:
        symbol, separator, account = name.partition(ACCOUNT_SEPARATOR)
        label = labelled({"symbol": symbol, "account": account} if separator else {"symbol": symbol})
        last = mark
        if isinstance(mark, MarketMark):
            _add_market_mark(of_market, symbol, mark)
            last = mark.ledger
        if last.ts:
            prices.append(f"trading_last_price{label} {show(last.price)}\n")
            times.append(f"trading_last_trade_timestamp_seconds{label} {unix_seconds(last.ts)}\n")
        if terms is not None:
            parts.append(_symbol_info(symbol, terms))
    return _joined(prices, times, parts, *of_market)


def _add_market_mark(families: tuple[Lines, Lines, Lines], symbol: str, mark: MarketMark) -> None:
    prices, times, stale = families
    if mark.ts:
        label = labelled({"symbol": symbol, "source": mark.source})
        prices.append(f"trading_mark_price{label} {show(mark.price)}\n")
        times.append(f"trading_mark_timestamp_seconds{label} {unix_seconds(mark.ts)}\n")
    stale.append(f"trading_mark_stale{labelled({'symbol': symbol})} {int(mark.is_stale)}\n")


@lru_cache(maxsize=16_384)
def _symbol_info(symbol: str, terms: Terms | None) -> str:
    labels = {"symbol": symbol, "base": "", "currency": "", "kind": "unknown"}
    if terms is not None:
        unit = {"unit": "points"} if terms.in_points else {}
        labels |= {"base": terms.base, "currency": terms.currency, "kind": terms.kind, **unit}
    return f"{metrics.SYMBOL_INFO.name}{labelled(labels)} 1\n"
