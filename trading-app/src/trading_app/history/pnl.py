"""GET /api/pnl: P&L by day, week, month, hour of the day or weekday, in the three views of accounting rule 22."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, get_args

import msgspec
from fastapi import FastAPI, Query
from starlette.responses import Response

from trading_app.history import conversion
from trading_app.history.answers import Table
from trading_app.history.market_marks import MARKS_MORE, Marks, check_marks, marked_symbols, refusing_too_many_fills
from trading_app.history.parameters import METHOD, REVISION, MethodName, Tag, read_tag
from trading_app.history.question import ConversionAsked, QuestionAsked
from trading_app.history.rows import instant, row_of
from trading_app.history.schemas import table_responses
from trading_app.history.store import HistoryStore
from trading_app.history.tables import Amount, Instant
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_app.query.question import refused
from trading_history.queries import pnl
from trading_history.queries.market_marks import MarketMarks
from trading_history.queries.positions import revision
from trading_history.reader import Snapshot
from trading_model.days import Calendar, DayBoundary, Period

By = Literal["day", "week", "month", "hour", "weekday"]
PERIODS: tuple[Period, ...] = get_args(Period)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAX_PERIODS = 10_000
_MIN_DAYS = {"day": 1, "week": 7, "month": 28}
_DAY_NS = 86_400 * 10**9


class PnlRow(msgspec.Struct, frozen=True):
    """The P&L of a period, named by its first day, of an hour of the day (`00` to `23`), or of a weekday.

    `marked` is the change of the net P&L, at the last marks. `settled` = `realized` − `fees` + `cash`, each at its own
    time. `round_trips` is the net of those that closed. `fees_outside` are fees in currencies that no rate values, in
    these: none of the views has them. In a base currency, without `is_whole` something had no rate.
    """

    currency: str
    period: str
    start_at: Instant | None
    end_at: Instant | None
    marked: Amount
    settled: Amount
    realized: Amount
    fees: Amount
    cash: Amount
    round_trips: Amount
    trips: int
    wins: int
    losses: int
    fills: int
    turnover: Amount
    fees_outside: dict[str, str]
    is_whole: bool


ByName = Annotated[By, Query(description="`hour` and `weekday` add up all times of the same hour or weekday.")]
PERIOD_NAME = {"enum": list(get_args(By))}
MORE = {
    **METHOD,
    **REVISION,
    **conversion.MORE,
    **MARKS_MORE,
    "by": PERIOD_NAME,
    "requested_by": {
        "type": ["string", "null"],
        "enum": [*get_args(By), None],
        "description": "What was asked for, where it would have given too many periods.",
    },
    "day_boundary": {"type": "string"},
    "exact": {"type": "boolean", "description": "False where a period begins inside a bar of a minute."},
}


def add_to(api: FastAPI, store: HistoryStore) -> None:
    """Add the call."""

    @api.get(
        "/api/pnl",
        tags=["history"],
        summary="P&L by day, week, month, hour of the day or weekday",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=table_responses("A row for each period with a change", "pnl", PnlRow, MORE),
    )
    async def get_pnl(
        question: QuestionAsked,
        converted: ConversionAsked,
        by: ByName = "day",
        tag: Tag = None,
        method: MethodName = "average",
        marks: Marks = "own",
    ) -> Response:
        """Tags are of round trips: with one, the other views are 0. A range cuts its first and its last period."""
        wanted_tag = read_tag(tag)
        if converted is not None and method != "average":
            raise refused("method", "must be average where figures are converted")
        check_marks(marks, converted)

        def read(snapshot: Snapshot) -> Table:
            scope = question.scope(snapshot, wanted_tag)
            start, end = question.times_with_figures(snapshot)
            boundary = question.boundary
            used = _fitting(by, start, end)
            made = None if converted is None else converted.conversion(snapshot, question)
            how = made or method
            with refusing_too_many_fills():
                at_market = MarketMarks(snapshot, store.folder, scope, end) if marks == "market" else None
            if used == "hour":
                tables = pnl.by_hour(snapshot, scope, boundary.zone, start, end, how, at_market)
                rows = _rows(tables, [f"{hour:02}" for hour in range(24)])
            elif used == "weekday":
                tables = pnl.by_weekday(snapshot, scope, boundary, start, end, how, at_market)
                rows = _rows(tables, WEEKDAYS)
            else:
                asked = question.range
                calendar = Calendar.of(boundary, used, start, end).within(asked.from_ns, asked.to_ns)
                tables = pnl.by_period(snapshot, scope, calendar, how, at_market)
                rows = _rows(tables, [f"{name}" for name in calendar.names], calendar.starts)
            more = {
                **_more(by, used, boundary, exact=all(table.exact for table in tables)),
                "method": method,
                "revision": revision(snapshot, scope),
                **conversion.said_of(made, question),
                "market_marks": marked_symbols(None if at_market is None else at_market.uses),
            }
            closed = question.closed and made is None and at_market is None
            return Table("pnl", PnlRow, list(rows), snapshot.position.sequence, more, closed=closed)

        return await store.answer(question.form, read, question.earlier)


def _fitting(by: By, start: int, end: int) -> By:
    """The period, or the next longer one that gives at most MAX_PERIODS of them."""
    if by not in PERIODS:
        return by
    fits = (
        period
        for period in PERIODS[PERIODS.index(by) :]
        if (end - start) // (_MIN_DAYS[period] * _DAY_NS) < MAX_PERIODS
    )
    return next(fits, "month")


def _more(by: By, used: By, boundary: DayBoundary, *, exact: bool) -> dict[str, object]:
    return {"by": used, "requested_by": None if used == by else by, "day_boundary": str(boundary), "exact": exact}


def _rows(tables: Sequence[pnl.Table], names: Sequence[str], starts: Sequence[int] = ()) -> Iterator[PnlRow]:
    """The rows of the periods in which something happened."""
    for table in tables:
        for place, (name, row) in enumerate(zip(names, table.rows, strict=True)):
            if row.fills or row.trips or row.marked or row.settled:
                start, end = (starts[place], starts[place + 1]) if starts else (None, None)
                yield row_of(
                    PnlRow, row, currency=table.currency, period=name, start_at=instant(start), end_at=instant(end)
                )
