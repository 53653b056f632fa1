"""Slippage: prices of fills beside those of the market at the time (accounting rule 27).

The reference is the average price of the market, weighted by quantity, in the minute of the fill and the two beside it:
it has trades after the fill too, so it is for looking back, not for trading. The middle between bid and ask at the time
of the order is not known: the ledger has no times of orders, the store no quotes.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from trading_history.candles.candle import Candle, CandleKey, Market, market_names
from trading_history.candles.store import candles_at, markets
from trading_history.queries.events_in_force import EventsInForce, Line, lines_of
from trading_history.queries.grouping import Member, Names, groups
from trading_history.queries.scope import Scope, books
from trading_history.queries.value import Value
from trading_history.reader import Snapshot
from trading_model.decimals import AVERAGE, ZERO, exactly

MINUTE = 60
SECOND_NS = 1_000_000_000
SETTLE_SECONDS = 5
"""After the end of the third minute, until candles have all of it."""

MAX_FILLS = 10_000
"""Fills that groups are measured for in one answer: some 0.3 s of CPU."""

NO_MARKET, TOO_RECENT, NO_CANDLES, SETTLEMENT, TOO_MANY = (
    "no_market", "too_recent", "no_candles", "settlement", "too_many_trades",
)  # fmt: skip
"""Why there is no slippage: no market is followed that the symbol and the venue name; the minutes are not over; the
market had no trade in them, or its candles are not kept so long; an expiry has no market price; a group is too large.
"""


class Traded(NamedTuple):
    """A fill as far as slippage needs it. `ts_ns` is its time in Unix nanoseconds."""

    symbol: str
    venue: str | None
    side: str
    price: Decimal
    qty: Decimal
    ts_ns: int


class Slippage(NamedTuple):
    """`share` is of the reference price: more than 0 is a cost. Without it, `reason` says why."""

    share: Decimal | None
    reference: Decimal | None = None
    reason: str = ""


class GroupSlippage(NamedTuple):
    """What slippage cost the fills of a group that could be measured: in the currency of the P&L, and as a share of
    what they would have been worth at their references.
    """

    cost: Value
    share: Value
    fills: int


def slippages(folder: Path, fills: Sequence[Traded], now_ns: int) -> list[Slippage]:
    """The slippage of each fill. Raises StoreUnavailable, NewerStore."""
    known = markets(folder)
    found = [_market_of(fill.symbol, fill.venue, known) for fill in fills]
    candles = _candles(folder, zip(found, fills, strict=True))
    return [_slippage(fill, market, candles, now_ns) for fill, market in zip(fills, found, strict=True)]


def _market_of(symbol: str, venue: str | None, known: Sequence[Market]) -> Market | None:
    """The market of a fill: at its venue, which names may be of any case; else the first by name."""
    names = market_names(symbol)
    at = None if venue is None else venue.casefold()
    return next((one for one in known if one.symbol in names and at in (None, one.venue.casefold())), None)


def _minutes(market: Market, ts_ns: int) -> list[CandleKey]:
    start = ts_ns // (MINUTE * SECOND_NS) * MINUTE
    return [CandleKey(market, MINUTE, start + offset) for offset in (-MINUTE, 0, MINUTE)]


def _candles(folder: Path, fills: Iterable[tuple[Market | None, Traded]]) -> Mapping[CandleKey, Candle]:
    keys = [key for market, fill in fills if market is not None for key in _minutes(market, fill.ts_ns)]
    return candles_at(folder, dict.fromkeys(keys)) if keys else {}


@exactly
def _slippage(fill: Traded, market: Market | None, candles: Mapping[CandleKey, Candle], now_ns: int) -> Slippage:
    if fill.price == ZERO:
        return Slippage(None, reason=SETTLEMENT)
    if market is None:
        return Slippage(None, reason=NO_MARKET)
    minutes = _minutes(market, fill.ts_ns)
    if now_ns < (minutes[-1].start + MINUTE + SETTLE_SECONDS) * SECOND_NS:
        return Slippage(None, reason=TOO_RECENT)
    traded = [candles[key] for key in minutes if key in candles]
    volume = sum((candle.volume for candle in traded), ZERO)
    if not volume:
        return Slippage(None, reason=NO_CANDLES)
    reference = AVERAGE.divide(sum((candle.notional for candle in traded), ZERO), volume)
    worse = fill.price - reference if fill.side == "buy" else reference - fill.price
    return Slippage(AVERAGE.divide(worse, abs(reference)), reference)


class _Sum:
    """A group under way."""

    def __init__(self) -> None:
        self.cost = self.worth = ZERO
        self.fills = 0


@exactly
def group_slippage(
    snapshot: Snapshot, folder: Path, scope: Scope, times: tuple[int, int], by: Sequence[Member], now_ns: int
) -> tuple[Mapping[tuple[Names, str], GroupSlippage], str]:
    """The slippage of the fills in a range, by group and currency of the P&L; and why a group that is missing has none.

    By tag, a fill counts in the group of each of its tags, one without in "". Raises StoreUnavailable, NewerStore.
    """
    known = markets(folder)
    series = {one.id: one for one in books(snapshot, scope)} if known else {}
    lines = [one for one in lines_of(snapshot, set(series)) if _market_of(one.key.symbol, None, known)]
    if not lines:
        return {}, NO_MARKET
    rows = _rows(snapshot, lines, times)
    if rows is None:
        return {}, TOO_MANY
    events = EventsInForce(snapshot.connection)
    multipliers = {line.number: events.terms_of(series[line.series].book_key, [line]).multiplier for line in lines}
    by_number = {line.number: line for line in lines}
    fills = [(by_number[row[0]], _traded(row, by_number), _tags(row)) for row in rows]
    fills = [one for one in fills if not scope.tags or set(scope.tags) & set(one[2])]
    sums: dict[tuple[Names, str], _Sum] = {}
    reasons = dict[str, None]()
    found = slippages(folder, [fill for _, fill, _ in fills], now_ns)
    for (line, fill, tags), one in zip(fills, found, strict=True):
        if one.share is None or one.reference is None:
            reasons[one.reason] = None
            continue
        position = series[line.series]
        multiplier = multipliers[line.number]
        worth = abs(one.reference) * fill.qty * multiplier
        worse = (fill.price - one.reference) * fill.qty * multiplier
        for names in groups(position, tags, by):
            total = sums.setdefault((names, position.sum_currency), _Sum())
            total.cost += worse if fill.side == "buy" else -worse
            total.worth += worth
            total.fills += 1
    measured = {
        group: GroupSlippage(Value(total.cost), Value(AVERAGE.divide(total.cost, total.worth)), total.fills)
        for group, total in sums.items()
    }
    return measured, next(iter(reasons)) if len(reasons) == 1 else NO_CANDLES


_COLUMNS = "key, symbol, venue, side, price, qty, ts_ns, tags"
_OF_LINE = f"""
SELECT {_COLUMNS} FROM trades WHERE key = ? AND ts_ns >= ? AND ts_ns < ? AND in_force
AND (import_id IS NULL OR import_id NOT IN (SELECT id FROM imports WHERE NOT in_force)) LIMIT ?
"""


def _rows(snapshot: Snapshot, lines: Sequence[Line], times: tuple[int, int]) -> list[tuple[Any, ...]] | None:
    """The fills of some keys in a range; None if they are too many."""
    rows = list[tuple[Any, ...]]()
    for line in lines:
        rows += snapshot.connection.execute(_OF_LINE, (line.number, *times, MAX_FILLS + 1 - len(rows)))
        if len(rows) > MAX_FILLS:
            return None
    return rows


def _traded(row: tuple[Any, ...], lines: Mapping[int, Line]) -> Traded:
    number, symbol, venue, side, price, qty, ts_ns, _ = row
    return Traded(symbol or lines[number].key.symbol, venue, side, Decimal(price), Decimal(qty), ts_ns)


def _tags(row: tuple[Any, ...]) -> Sequence[str]:
    return () if row[-1] is None else msgspec.json.decode(row[-1], type=list[str])
