"""GET /api/round-trips: from flat to flat, the last closed one first."""

from typing import Annotated, Literal

import msgspec
from fastapi import FastAPI, Query
from starlette.responses import Response

from trading_app.history.answers import Table
from trading_app.history.cursor import Whole, read_cursor, write_cursor
from trading_app.history.parameters import Cursor, Limit, Tag, read_tag
from trading_app.history.question import QuestionAsked
from trading_app.history.ranges import Range
from trading_app.history.rows import row_of
from trading_app.history.schemas import table_responses
from trading_app.history.store import HistoryStore
from trading_app.history.tables import Amount, Instant
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_app.query.question import refused
from trading_history.queries import round_trips
from trading_history.reader import Snapshot

PAGE_TRIPS = 100


class RoundTripRow(msgspec.Struct, frozen=True):
    """A round trip. `net` = `gross` − `fees` + `cash`; while it is open, what was realised so far.

    `fees_outside` are fees in currencies that no rate values, in these: the net does not have them. `mae` and `mfe` are
    the lowest and the highest gross P&L on the way. `first_seq` and `last_seq` are the fills that began and ended it,
    `revision` is the last event that changed it.
    """

    account: str
    strategy: str
    symbol: str
    position_side: str
    currency: str
    number: int
    side: Literal["long", "short"]
    opened_at: Instant
    closed_at: Instant | None
    holding_seconds: int | None
    entry: Amount | None
    exit: Amount | None
    quantity: Amount
    turnover: Amount
    gross: Amount
    fees: Amount
    cash: Amount
    net: Amount
    fees_outside: dict[str, str]
    mae: Amount
    mfe: Amount
    fills: int
    tags: list[str]
    flags: list[str]
    first_seq: int
    last_seq: int
    revision: int


State = Annotated[
    Literal["closed", "open"],
    Query(description="`closed`: those that closed in the range. `open`: all that are open now, without pages."),
]


def add_to(api: FastAPI, store: HistoryStore) -> None:
    """Add the call."""

    @api.get(
        "/api/round-trips",
        tags=["history"],
        summary="Round trips from flat to flat, the last closed one first",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=table_responses("Round trips", "round_trips", RoundTripRow),
    )
    async def get_round_trips(
        question: QuestionAsked,
        tag: Tag = None,
        state: State = "closed",
        limit: Limit = PAGE_TRIPS,
        cursor: Cursor = None,
    ) -> Response:
        """A trip has the tags of all its fills. `Link` leads to the next page of closed ones."""
        wanted_tag = read_tag(tag)
        if state == "open" and question.range != Range():
            raise refused("state", "must be closed for a range: open ones are those of now")
        given = read_cursor(cursor, tuple[Whole, Whole, Whole])
        after = None if given is None else round_trips.Cursor(*given)

        def read(snapshot: Snapshot) -> Table:
            scope = question.scope(snapshot, wanted_tag)
            if state == "open":
                page = round_trips.Page(round_trips.still_open(snapshot, scope), None)
            else:
                page = round_trips.closed(snapshot, scope, *question.times(snapshot), limit, after)
            rows = [_row(one) for one in page.round_trips]
            link = "" if page.next is None else write_cursor(msgspec.structs.astuple(page.next))
            closed = question.closed and state == "closed"
            return Table("round_trips", RoundTripRow, rows, snapshot.position.sequence, cursor=link, closed=closed)

        return await store.answer(question.form, read, question.earlier)


def _row(trip: round_trips.RoundTrip) -> RoundTripRow:
    held = trip.holding_ns
    return row_of(RoundTripRow, trip, holding_seconds=None if held is None else held // 10**9)
