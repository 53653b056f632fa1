"""GET /api/equity: net P&L over time, marked to market, as bars."""

from typing import Annotated

import msgspec
from fastapi import FastAPI, Query
from starlette.responses import Response

from trading_app.history import conversion
from trading_app.history.answers import Table
from trading_app.history.intervals import INTERVALS, MAX_POINTS, POINTS, SPANS, Interval, IntervalName
from trading_app.history.market_marks import MARKS_MORE, Marks, check_marks, marked_symbols, refusing_too_many_fills
from trading_app.history.parameters import REVISION
from trading_app.history.question import ConversionAsked, QuestionAsked
from trading_app.history.rows import instant, row_of
from trading_app.history.schemas import table_responses
from trading_app.history.store import HistoryStore
from trading_app.history.tables import Amount, Instant
from trading_app.http.openapi import schema_of
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_history.queries.converted_equity import converted_equity
from trading_history.queries.equity import Curve, equity
from trading_history.queries.market_equity import market_equity
from trading_history.queries.positions import revision
from trading_history.reader import Snapshot


class EquityRow(msgspec.Struct, frozen=True):
    """A bar of net P&L. `drawdown` is the largest fall inside it. Amounts from `realized` on are of the bar.

    `fees_outside` are fees in currencies that no rate values, in these: they are not in the net.
    """

    currency: str
    ts: Instant
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    drawdown: Amount
    realized: Amount
    fees: Amount
    cash: Amount
    turnover: Amount
    fills: int
    fees_outside: dict[str, str]


class CurveOutline(msgspec.Struct, frozen=True):
    """What is true for all bars of a currency. `opening` is the net P&L before the first one.

    `requested_interval` is there where it would have given too many bars. Without `exact_inside`, values are exact at
    the ends of bars only.
    """

    currency: str
    interval: Interval
    requested_interval: Interval | None
    opening: Amount
    exact_inside: bool


Points = Annotated[int, Query(ge=1, le=MAX_POINTS, description="Maximum number of bars in a currency.")]


def add_to(api: FastAPI, store: HistoryStore) -> None:
    """Add the call."""

    @api.get(
        "/api/equity",
        tags=["history"],
        summary="Net P&L over time, marked to market, as bars",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=table_responses(
            "Bars, ascending",
            "equity",
            EquityRow,
            {
                "curves": {"type": "array", "items": schema_of(CurveOutline)},
                **REVISION,
                **conversion.MORE,
                **MARKS_MORE,
            },
        ),
    )
    async def get_equity(
        question: QuestionAsked,
        converted: ConversionAsked,
        interval: IntervalName = "1m",
        points: Points = POINTS,
        marks: Marks = "own",
    ) -> Response:
        """A bar is there where something changed; between two, the last `close` holds."""
        check_marks(marks, converted)

        def read(snapshot: Snapshot) -> Table:
            scope, times, span = question.scope(snapshot), question.times(snapshot), SPANS[interval]
            made = None if converted is None else converted.conversion(snapshot, question)
            uses = None
            if marks == "market":
                with refusing_too_many_fills():
                    curves, uses = market_equity(snapshot, store.folder, scope, times, span, points)
            elif made is None:
                curves = equity(snapshot, scope, *times, span, max_bars=points)
            else:
                curves = [converted_equity(snapshot, scope, made, times, span, points)]
            rows = [
                row_of(EquityRow, bar, currency=curve.currency, ts=instant(bar.start_ns))
                for curve in curves
                for bar in curve.bars
            ]
            more = {
                "curves": [_outline(one) for one in curves],
                "revision": revision(snapshot, scope),
                **conversion.said_of(made, question),
                "market_marks": marked_symbols(uses),
            }
            closed = question.closed and made is None and uses is None
            return Table("equity", EquityRow, rows, snapshot.position.sequence, more, closed=closed)

        return await store.answer(question.form, read, question.earlier)


def _outline(curve: Curve) -> CurveOutline:
    requested = None if curve.requested_span is None else INTERVALS[curve.requested_span]
    return row_of(CurveOutline, curve, interval=INTERVALS[curve.span], requested_interval=requested)
