"""Answers to GET /trades."""

from collections.abc import AsyncGenerator, Awaitable, Callable

from starlette.responses import Response

from trading_app.context import Context
from trading_app.ledger.in_force import Corrections, CorrectionsReader
from trading_app.outgoing import PacedResponse, Piece
from trading_app.query import csv_table
from trading_app.query.downloads import csv_pieces, parquet_pieces
from trading_app.query.pages import MAX_TRADES, Course, Page, read_pages
from trading_app.query.parquet_table import NotInstalled, ParquetTable
from trading_app.query.question import MEDIA_TYPES, Question, refused
from trading_app.query.trades import json_pieces, line_pieces
from trading_app.query.views import AsJournaled, InForce, View
from trading_app.zmq_pub import TradeStream
from trading_model.field_rules import NANOSECONDS

PAGE_TRADES = 100
"""Trades of a JSON page, unless asked otherwise."""

MAX_SCANNED = 1_000_000
"""Maximum number of events read for one page of JSON: a filter that matches little ends a page early."""

AHEAD_NS = 8 * 86_400 * NANOSECONDS
"""A trade's `ts` is at most a day ahead of the app's clock; the rest is for clocks that were wrong for days."""

MAX_TIME_NS = 2**63 - 1
"""The last time that the journal can have: in the year 2262."""

Pages = AsyncGenerator[tuple[Page, bool], None]


async def answer(
    context: Context, corrections: CorrectionsReader, question: Question, is_over: Callable[[], Awaitable[bool]]
) -> Response:
    """The answer, whose body is made while it is read. Raises TradeProblem, DamagedHistory, StoreBusy."""
    context.outgoing.check()
    stream = context.stream
    known = await stream.ask(corrections.read) if question.corrected else None
    course = await _course(stream, question, known)
    limit = question.limit or (PAGE_TRADES if question.format == "json" else None)
    pages = read_pages(stream, course, limit, _view(question, known), context.outgoing, is_over)
    return PacedResponse(_pieces(question, pages), MEDIA_TYPES[question.format], _headers(question))


def _view(question: Question, known: Corrections | None) -> View:
    if known is None:
        return AsJournaled(question.wanted, all_events=question.all_events)
    return InForce(question.wanted, known, all_events=question.all_events)


async def _course(stream: TradeStream, question: Question, known: Corrections | None) -> Course:
    """The part of the journal that can have what is wanted.

    A trade's `ts` is at most a day ahead of its commit, so what was committed long before `since` needs no look, but
    for fills that a replace may have given a later time.
    """
    head = stream.head if known is None else known.head
    oldest, since_ns = 1, question.wanted.since_ns
    if since_ns is not None:
        earliest = min(max(since_ns - AHEAD_NS, 0), MAX_TIME_NS)
        oldest = await stream.ask(lambda reader: reader.at(earliest)) + 1
        if known is not None and known.replaced:
            oldest = min(oldest, known.replaced[0])
    start = question.after
    if start is None:
        start = head + 1 if question.order == "desc" else 0
    return Course(start, head, oldest, question.order, MAX_SCANNED if question.format == "json" else MAX_TRADES)


def _pieces(question: Question, pages: Pages) -> AsyncGenerator[Piece, None]:
    """The body in the form that is asked for, in pieces. Raises TradeProblem."""
    match question.format:
        case "json":
            return json_pieces(pages)
        case "ndjson":
            return line_pieces(pages)
        case "csv":
            columns = csv_table.SENT_COLUMNS if question.corrected else csv_table.JOURNALED_COLUMNS
            return csv_pieces(pages, csv_table.CsvTable(columns, question.zone))
        case "parquet":
            try:
                return parquet_pieces(pages, ParquetTable(journaled=not question.corrected))
            except NotInstalled:
                raise refused("format", "can't be parquet: pyarrow is not installed (docs/exporting.md)") from None


def _headers(question: Question) -> dict[str, str]:
    """A file to keep has a name."""
    if question.format not in ("csv", "parquet"):
        return {}
    return {"Content-Disposition": f'attachment; filename="trades.{question.format}"'}
