"""GET /api/candles: prices of a market by second, minute, hour or day, else those of own trades."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Query, Request
from starlette.responses import Response

from trading_app.history.answers import Form, Table
from trading_app.history.intervals import INTERVALS, MAX_POINTS, POINTS, SPANS, Interval
from trading_app.history.parameters import FormatName
from trading_app.history.question import WhenAsked
from trading_app.history.ranges import Range
from trading_app.history.rows import instant, row_of
from trading_app.history.schemas import table_responses
from trading_app.history.store import HistoryStore
from trading_app.history.tables import Amount, Instant
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_app.query.question import checked, refused
from trading_history.candles.candle import Candle, Market, market_names
from trading_history.candles.store import candles, markets
from trading_history.queries.extent import extent
from trading_history.queries.own_candles import MAX_FILLS, own_candles
from trading_history.reader import Snapshot
from trading_model.field_rules import MAX_SYMBOL, check_name, check_symbol
from trading_model.fields import SYMBOL

NANOSECONDS = 10**9


class CandleRow(msgspec.Struct, frozen=True):
    """The trades of a span. `notional` is the sum of price times quantity; `revision` counts trades that came late."""

    ts: Instant
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    volume: Amount
    notional: Amount
    trades: int
    revision: int


MORE = {
    "symbol": {"type": "string"},
    "source": {"enum": ["market", "trades"], "description": "`trades`: of the ledger, all accounts together."},
    "venue": {"type": "string", "description": "Of the market; empty for own trades."},
    "interval": {"enum": list(SPANS)},
    "requested_interval": {
        "type": ["string", "null"],
        "enum": [*SPANS, None],
        "description": "What was asked for, where it would have given too many candles.",
    },
}

SymbolName = Annotated[
    str, Query(min_length=1, max_length=MAX_SYMBOL, json_schema_extra={"pattern": SYMBOL}, description="BTC-USDT")
]
Venue = Annotated[str | None, Query(max_length=64, description="One of several venues; default: the first by name.")]
IntervalName = Annotated[Interval, Query(description="Span of a candle; coarser where there would be too many.")]
Points = Annotated[int, Query(ge=1, le=MAX_POINTS, description="Maximum number of candles.")]
Found = tuple[int, Sequence[tuple[int, Candle]]]
"""The span, and candles by their start in Unix seconds."""


def add_to(api: FastAPI, store: HistoryStore) -> None:
    """Add the call."""

    @api.get(
        "/api/candles",
        tags=["history"],
        summary="Candles of a market, or of own trades",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=table_responses("Candles, ascending", "candles", CandleRow, MORE),
    )
    async def get_candles(
        request: Request,
        when: WhenAsked,
        symbol: SymbolName,
        venue: Venue = None,
        interval: IntervalName = "1m",
        points: Points = POINTS,
        given_format: FormatName = None,
    ) -> Response:
        """Spans without a trade have no candle. Candles of a day begin at midnight in UTC."""
        name = checked("symbol", symbol, check_symbol) or ""
        at = checked("venue", venue, check_name)
        form, wish = Form.of(request, given_format), (when.now_ns, SPANS[interval], points)

        def table(found: Found, as_of: int | None, **more: str) -> Table:
            used, rows = found
            requested = None if INTERVALS[used] == interval else interval
            members = {"symbol": name, **more, "interval": INTERVALS[used], "requested_interval": requested}
            return Table("candles", CandleRow, [_row(*one) for one in rows], as_of, members, closed=when.closed)

        def of_market(folder: Path) -> Table | None:
            market = _market(folder, name, at)
            if market is None:
                return None
            found = _market_candles(folder, market, when.range, wish)
            return table(found, None, source="market", venue=market.venue)

        def of_trades(snapshot: Snapshot) -> Table:
            found = _own_candles(snapshot, name, when.range, wish)
            return table(found, snapshot.position.sequence, source="trades", venue="")

        return await store.answer_from_folder(form, of_market) or await store.answer(form, of_trades)


DAY_NS = 86_400 * NANOSECONDS
Wish = tuple[int, int, int]
"""Now in Unix nanoseconds, the span in seconds, the maximum number of candles."""


def _market(folder: Path, symbol: str, venue: str | None) -> Market | None:
    """The market that is followed under this symbol, in whatever form it is written."""
    names = market_names(symbol)
    known = [one for one in markets(folder) if one.symbol in names and venue in (None, one.venue)]
    return known[0] if known else None


def _market_candles(folder: Path, market: Market, span: Range, wish: Wish) -> Found:
    now_ns, first, points = wish
    start = -(-(span.from_ns or 0) // NANOSECONDS)
    end = -(-(now_ns if span.to_ns is None else span.to_ns) // NANOSECONDS)
    for seconds in (one for one in INTERVALS if one >= first):
        found = candles(folder, market, seconds, start, end, points + 1)
        if len(found) <= points:
            break
    return seconds, found[:points]


def _own_candles(snapshot: Snapshot, symbol: str, span: Range, wish: Wish) -> Found:
    """The candles of own trades, at most as many as wished. Raises TradeProblem for too many trades."""
    now_ns, first, points = wish
    known = extent(snapshot)
    start = span.from_ns if span.from_ns is not None else (known.first_ns // DAY_NS * DAY_NS if known else now_ns)
    end = span.to_ns if span.to_ns is not None else max(now_ns, known.last_ns + 1 if known else 0)
    for seconds in (one for one in INTERVALS if one >= first):
        found = own_candles(snapshot, symbol, seconds, start, end)
        if not found.is_whole:
            raise refused("from", f"and to must not hold more than {MAX_FILLS} trades of the symbol")
        if len(found.candles) <= points:
            break
    return seconds, found.candles[:points]


def _row(start: int, candle: Candle) -> CandleRow:
    more: dict[str, Any] = {"ts": instant(start * NANOSECONDS)}
    return row_of(CandleRow, candle, **more)
