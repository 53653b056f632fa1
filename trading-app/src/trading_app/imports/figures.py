"""Positions and P&L of a file's own events: the accounting of the sidecar, over the rows in the order of trading."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice

import msgspec

from telemetry_stream.events import Batch
from telemetry_stream.wire import number
from trading_app.imports.report import CurrencyTotal, MissingStart, Position, Unknown
from trading_model.accounting.figures import (
    CURRENCY_UNKNOWN,
    IN_POINTS,
    NO_MARK,
    SOLD_MORE_THAN_KNOWN,
    figures,
    flags,
    mark_of,
)
from trading_model.accounting.snapshots import StateSnapshot
from trading_model.accounting.state import TradingState
from trading_model.decimals import ZERO, exactly, show

BATCH = 1_000
MAX_POSITIONS = 10_000
MAX_SHOWN = 500
"""Maximum of positions that a report shows."""


class FileFigures(msgspec.Struct):
    """The figures of a file, and what is missing in them."""

    positions: list[Position]
    omitted: int
    totals: list[CurrencyTotal]
    missing: list[MissingStart]
    unknown: Unknown


def fold(said: Sequence[bytes], events: Iterable[bytes], progress: Callable[[int], object] = bool) -> FileFigures:
    """The figures of events in the order of trading, as journaled but for their sequence.

    `said` are the ledger's instruments and rates, before them.
    """
    state = TradingState(MAX_POSITIONS)
    after = 0
    for batch in _batches([*said], 0):
        state.apply(batch)
        after = batch.last
    for batch in _batches(events, after):
        state.apply(batch)
        progress(batch.last - after)
    return _figures(state.freeze())


def _batches(events: Iterable[bytes], after: int) -> Iterator[Batch]:
    events = iter(events)
    while some := list(islice(events, BATCH)):
        numbered = b",".join([number(event, sequence) for sequence, event in enumerate(some, after + 1)])
        yield Batch("file", after + 1, after + len(some), numbered)
        after += len(some)


@exactly
def _figures(moment: StateSnapshot) -> FileFigures:
    shown, missing = list[Position](), list[MissingStart]()
    currencies, instruments = set[str](), set[str]()
    sums: dict[str, _Sum] = {}
    fills = {(held.account, held.strategy, held.symbol): held.trades for held in moment.totals}
    for held in moment.positions:
        mark = mark_of(held, moment.last[held.market])
        found, key, said = figures(held, mark), held.key, flags(held)
        if CURRENCY_UNKNOWN in said:
            currencies.add(key.symbol)
        elif IN_POINTS in said:
            instruments.add(key.symbol)
        if SOLD_MORE_THAN_KNOWN in said:
            shortfall = show(-held.state.quantity)
            missing.append(
                MissingStart(key.account, key.symbol, shortfall, f"--opening {key.symbol}={shortfall}@AVERAGE")
            )
        unknown = CURRENCY_UNKNOWN in said or IN_POINTS in said
        if not unknown:
            sums.setdefault(key.currency, _Sum()).add(
                found.realized_pnl, found.unrealized_pnl, found.fees, held.state.fees_outside
            )
        shown.append(
            Position(
                key.account,
                key.strategy,
                key.symbol,
                key.position_side or None,
                key.currency or None,
                "points" if held.terms.in_points else key.currency or None,
                show(held.state.quantity),
                show(found.average_entry_price),
                None if mark is None else show(mark),
                show(found.realized_pnl),
                None if found.unrealized_pnl is None else show(found.unrealized_pnl),
                show(found.fees),
                {label: show(fee) for label, fee in held.state.fees_outside.items()},
                show(found.cash),
                None if found.net_pnl is None else show(found.net_pnl),
                fills.get((key.account, key.strategy, key.symbol), 0),
                [*said, *([NO_MARK] if found.unrealized_pnl is None else [])],
            )
        )
    for cash, amount in moment.cash:
        if cash.is_income:
            sums.setdefault(cash.currency, _Sum()).cash += amount
    totals = [sums[currency].total(currency) for currency in sorted(sums)]
    unknown_names = Unknown(sorted(currencies)[:MAX_SHOWN], sorted(instruments)[:MAX_SHOWN])
    return FileFigures(shown[:MAX_SHOWN], max(0, len(shown) - MAX_SHOWN), totals, missing[:MAX_SHOWN], unknown_names)


class _Sum:
    """The sums of one currency."""

    def __init__(self) -> None:
        self.realized = self.fees = self.cash = ZERO
        self.unrealized: Decimal | None = ZERO
        self.outside: dict[str, Decimal] = {}

    def add(self, realized: Decimal, unrealized: Decimal | None, fees: Decimal, outside: dict[str, Decimal]) -> None:
        self.realized += realized
        self.fees += fees
        self.unrealized = None if unrealized is None or self.unrealized is None else self.unrealized + unrealized
        for label, fee in outside.items():
            self.outside[label] = self.outside.get(label, ZERO) + fee

    def total(self, currency: str) -> CurrencyTotal:
        net = None if self.unrealized is None else self.realized + self.unrealized - self.fees + self.cash
        return CurrencyTotal(
            currency,
            show(self.realized),
            None if self.unrealized is None else show(self.unrealized),
            show(self.fees),
            show(self.cash),
            None if net is None else show(net),
            {label: show(fee) for label, fee in self.outside.items()},
        )
