"""GET /api/metrics/latest and GET /api/metrics/stream: windowed metrics of markets, the newest of each."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

import msgspec
from fastapi import FastAPI, Query
from starlette.responses import Response

from service_kit.cooperative import run_sliced
from trading_app.context import Context
from trading_app.history.markets import MarketsFeed, Pair, Reading, Readings, pair_of, unrealized_in_slices
from trading_app.history.parameters import SymbolLabel
from trading_app.http.openapi import ACCESS_CODES, TEXT, problem_responses, success
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_app.outgoing import Piece
from trading_app.page.sidecar_feed import SidecarFeed
from trading_app.page.sidecar_state import SidecarState
from trading_app.problems import TradeProblem
from trading_app.query.live import LiveResponse, require_room
from trading_app.query.question import checked
from trading_app.query.trades import KEEP_ALIVE_SECONDS
from trading_model.field_rules import check_symbol

PAUSE_SECONDS = 0.25
"""Between two events of a stream: at most four a second, whatever the market does."""

Row = Mapping[str, Any]

_NUMBER = {"type": ["number", "null"]}
_EXTREME = {
    "type": ["object", "null"],
    "description": "The trade that the maximum drawdown is from, or to; null without one.",
    "required": ["price", "at", "seq"],
    "properties": {
        "price": {"type": "number"},
        "at": {"type": "string", "format": "date-time"},
        "seq": {"type": "integer", "description": "Of its event in the stream of market data."},
    },
}
_MEASURES = (
    "volatility_pct", "max_drawdown_pct", "unrealized_pnl", "volatility_annualized_pct", "volatility_ewma_pct",
    "drawdown_pct", "price_change_pct", "volume", "vwap", "spread_bps", "price", "age_seconds",
)  # fmt: skip
ROW = {
    "type": "object",
    "description": "A window of a market. Drawdowns are 0 or negative. What is not known is null, with its reason.",
    "required": ["symbol", "venue", "window", "timestamp", "coverage", "samples", "expected", "reasons", *_MEASURES],
    "properties": {
        "symbol": {"type": "string", "description": "BASE-QUOTE"},
        "venue": {"type": "string"},
        "window": {"type": "string", "description": "Its length: 30s, 5m, 1h."},
        "timestamp": {"type": "string", "format": "date-time", "description": "The end of the window."},
        **dict.fromkeys(_MEASURES, _NUMBER),
        "price_at": {"type": ["string", "null"], "format": "date-time"},
        "peak": _EXTREME,
        "trough": _EXTREME,
        "coverage": {"type": "number", "description": "Which part of the window is known, 0 to 1."},
        "samples": {"type": "integer"},
        "expected": {"type": "integer"},
        "reasons": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}

Window = Annotated[
    str | None,
    Query(pattern="^([1-9][0-9]{0,5}[smhd]|all)$", description="A window such as `5m`, or `all`; default: the first."),
]


class MadeRow(NamedTuple):
    """A row as it is sent; and what it says but for its age, by which a change is recognised."""

    symbol: str
    window: str
    key: tuple[str, str, str]
    row: Row
    content: Row


class MarketRows:
    """The newest rows, with the P&L that the sidecar knows. Made once of what both say, however many ask."""

    def __init__(self, markets: MarketsFeed, feed: SidecarFeed) -> None:
        self._markets = markets
        self._feed = feed
        self._making = asyncio.Lock()
        self._readings = Readings()
        self._state: SidecarState | None = None
        self._unrealized: Mapping[Pair, Decimal] = {}
        self._rows: Sequence[MadeRow] = ()

    async def read(self, symbol: str | None, window: str | None) -> list[MadeRow]:
        """The rows of a symbol and a window; by default of all symbols, and the first window. Raises TradeProblem."""
        wanted = checked("symbol", symbol, check_symbol)
        async with self._making:
            rows = await self._renewed(await self._markets.latest())
        chosen = window or (rows[0].window if rows else "")
        return [one for one in rows if wanted in (None, one.symbol) and chosen in ("all", one.window)]

    async def _renewed(self, readings: Readings) -> Sequence[MadeRow]:
        state = self._feed.latest.state
        if state is not self._state:
            self._unrealized = {} if state is None else await run_sliced(unrealized_in_slices(state.positions))
        elif readings is self._readings:
            return self._rows
        self._readings, self._state = readings, state
        self._rows = [_made(one, self._unrealized.get(pair_of(one.symbol))) for one in readings.readings]
        return self._rows


def add_to(api: FastAPI, context: Context, markets: MarketsFeed, feed: SidecarFeed) -> None:
    """Add the calls."""

    rows = MarketRows(markets, feed)

    @api.get(
        "/api/metrics/latest",
        tags=["history"],
        summary="Volatility, drawdown and the like of each market, the newest",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=success("A row for each market and window", application_json={"type": "array", "items": ROW})
        | problem_responses(*ACCESS_CODES, "invalid_parameter", "analytics_unavailable", "too_many_answers"),
    )
    async def latest(symbol: SymbolLabel = None, window: Window = None) -> Response:
        """Covers the markets in `FEED_SYMBOLS`; numbers have all their digits. `unrealized_pnl` is of the spot
        positions in the market.
        """
        context.outgoing.check()
        return Response(_encode([one.row for one in await rows.read(symbol, window)]), media_type="application/json")

    @api.get(
        "/api/metrics/stream",
        tags=["history"],
        summary="The same as server-sent events, each change once",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=success(
            "Events without end", text_event_stream={**TEXT, "description": "`data` is an array of rows."}
        )
        | problem_responses(
            *ACCESS_CODES, "invalid_parameter", "analytics_unavailable", "too_many_streams", "too_many_answers"
        ),
    )
    async def stream(symbol: SymbolLabel = None, window: Window = None) -> Response:
        """The first event `metrics` has all rows, later ones those that changed: of several changes within 250 ms the
        last.
        """
        require_room(context)
        return LiveResponse(_events(context, lambda: rows.read(symbol, window)), context.live_streams)


_encode = msgspec.json.Encoder(decimal_format="number").encode


def _made(reading: Reading, unrealized: object) -> MadeRow:
    row = {
        "symbol": reading.symbol,
        "venue": reading.venue,
        "window": reading.window,
        "timestamp": reading.timestamp,
        **dict.fromkeys(_MEASURES),
        **reading.values,
        "unrealized_pnl": unrealized,
        "price": reading.price,
        "price_at": reading.price_at,
        "peak": reading.peak,
        "trough": reading.trough,
        "age_seconds": reading.age_seconds,
        "coverage": reading.coverage,
        "samples": reading.samples,
        "expected": reading.expected,
        "reasons": reading.reasons,
    }
    content = {name: value for name, value in row.items() if name not in ("age_seconds", "timestamp")}
    key = (reading.venue, reading.symbol, reading.window)
    return MadeRow(reading.symbol, reading.window, key, row, content)


def _changed(known: dict[tuple[str, str, str], Row], rows: Iterable[MadeRow]) -> list[Row]:
    """The rows that differ from those that were sent, without regard to their age. Notes them as sent."""
    changed = []
    for one in rows:
        before = known.get(one.key)
        if before is not one.content and before != one.content:
            changed.append(one.row)
        known[one.key] = one.content
    return changed


async def _events(context: Context, read: Callable[[], Awaitable[list[MadeRow]]]) -> AsyncGenerator[Piece, None]:
    """Server-sent events of what changed, until the app ends. Raises TradeProblem before the first one only."""
    known: dict[tuple[str, str, str], Row] = {}
    beginning, quiet = b"retry: 1000\n\n", 0.0
    while not context.stream.closing:
        async with context.outgoing.hold():
            try:
                changed = _changed(known, await read())
            except TradeProblem:
                if beginning:
                    raise
                changed = []  # trading-analytics is away: the rows stay as they are until it is back
            if changed or beginning:
                yield beginning + b"event: metrics\ndata: " + _encode(changed) + b"\n\n", False
                beginning, quiet = b"", 0.0
        await asyncio.sleep(PAUSE_SECONDS)
        quiet += PAUSE_SECONDS
        if quiet >= KEEP_ALIVE_SECONDS:
            yield b": still here\n\n", False
            quiet = 0.0
