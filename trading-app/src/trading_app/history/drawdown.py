"""GET /api/drawdown: the largest and the current fall of net P&L, and what they are of the capital."""

from decimal import Decimal

import msgspec
from fastapi import FastAPI
from starlette.responses import Response

from trading_app.history.accounts import Accounts
from trading_app.history.answers import Table
from trading_app.history.intervals import INTERVALS, SPANS, Interval, IntervalName
from trading_app.history.market_marks import MARKS_MORE, Marks, marked_symbols, refusing_too_many_fills
from trading_app.history.question import QuestionAsked
from trading_app.history.rows import instant, row_of, shown
from trading_app.history.schemas import table_responses
from trading_app.history.store import HistoryStore
from trading_app.history.tables import Amount, Instant
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_history.queries.capital import Invested, flows_of
from trading_history.queries.equity import Drawdown, drawdown
from trading_history.queries.market_equity import market_drawdown
from trading_history.queries.scope import Scope
from trading_history.reader import Snapshot
from trading_model.decimals import AVERAGE, ZERO, exactly


class DrawdownRow(msgspec.Struct, frozen=True):
    """The largest fall of net P&L from a peak, 0 or more, and the current one; the first peak is the value at the
    start. `under_water_seconds` is the longest time until a peak was reached again, `under_water_open` says that it
    still lasts. Times are those of bars of the `interval`.

    `capital` is that of config/accounts.yml plus deposits less withdrawals, at the end of the range. Equity is what was
    put in by then plus net P&L: `max_share` and `current_share` are the falls as a share of the equity when they began,
    0.1 for 10 %; `above_floor` is the equity at the end less the `floor`. They are null for a strategy, a symbol or a
    side, which have no capital of their own, and where that equity is not more than 0.
    """

    currency: str
    max: Amount
    peak: Amount
    peak_at: Instant
    trough: Amount
    trough_at: Instant
    current: Amount
    current_peak: Amount
    under_water_seconds: int
    under_water_from: Instant
    under_water_open: bool
    interval: Interval
    exact_inside: bool
    capital: Amount | None
    max_share: Amount | None
    current_share: Amount | None
    floor: Amount | None
    above_floor: Amount | None


def add_to(api: FastAPI, store: HistoryStore, accounts: Accounts) -> None:
    """Add the call."""

    @api.get(
        "/api/drawdown",
        tags=["history"],
        summary="The largest and the current fall of net P&L, and the time under water",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=table_responses("A row for each currency", "drawdown", DrawdownRow, MARKS_MORE),
    )
    async def get_drawdown(question: QuestionAsked, interval: IntervalName = "1m", marks: Marks = "own") -> Response:
        """Exact inside bars, whatever their interval, where `exact_inside` is true."""

        def read(snapshot: Snapshot) -> Table:
            start, end = question.times(snapshot)
            scope, uses = question.scope(snapshot), None
            if marks == "market":
                with refusing_too_many_fills():
                    falls, uses = market_drawdown(snapshot, store.folder, scope, (start, end), SPANS[interval])
            else:
                falls = drawdown(snapshot, scope, start, end, SPANS[interval])
            rows = [drawdown_row(snapshot, one, end, scope, accounts) for one in falls]
            more = {"market_marks": marked_symbols(uses)}
            closed = question.closed and uses is None
            return Table("drawdown", DrawdownRow, rows, snapshot.position.sequence, more, closed=closed)

        return await store.answer(question.form, read, question.earlier)


def drawdown_row(snapshot: Snapshot, fall: Drawdown, end_ns: int, scope: Scope, accounts: Accounts) -> DrawdownRow:
    """The row of a drawdown up to `end_ns`, with the capital of the accounts of its scope."""
    if scope.strategies or scope.symbols or scope.position_sides:
        return _row(fall, end_ns, Invested(None, ()), None)
    start = accounts.capital_of(scope.accounts, fall.currency)
    flows = flows_of(snapshot, scope.accounts, fall.currency)
    return _row(fall, end_ns, Invested(start, flows), accounts.floor_of(scope.accounts, fall.currency))


@exactly
def _row(fall: Drawdown, end_ns: int, invested: Invested, floor: Decimal | None) -> DrawdownRow:
    capital = invested.at(end_ns - 1)
    above = None if capital is None or floor is None else capital + fall.current_peak - fall.current - floor
    return row_of(
        DrawdownRow,
        fall,
        under_water_seconds=fall.under_water_ns // 10**9,
        under_water_from=instant(fall.under_water_from_ns),
        under_water_open=fall.is_open,
        interval=INTERVALS[fall.span],
        capital=shown(capital),
        max_share=shown(_share(fall.max, invested.at(fall.from_ns), fall.peak)),
        current_share=shown(_share(fall.current, invested.at(fall.current_from_ns), fall.current_peak)),
        floor=shown(floor),
        above_floor=shown(above),
    )


def _share(fall: Decimal, capital: Decimal | None, peak: Decimal) -> Decimal | None:
    if capital is None or capital + peak <= ZERO:
        return None
    return AVERAGE.divide(fall, capital + peak)
