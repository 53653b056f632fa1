"""GET /api/positions: every position at its last change, with the figures of the sidecar."""

from typing import Annotated

import msgspec
from fastapi import FastAPI, Query
from starlette.responses import Response

from trading_app.history.answers import Table
from trading_app.history.parameters import METHOD, MethodName
from trading_app.history.question import WhoseAsked
from trading_app.history.rows import instant, row_of
from trading_app.history.schemas import table_responses
from trading_app.history.store import HistoryStore
from trading_app.history.tables import Amount, Instant
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_history.queries.positions import Position, positions
from trading_history.reader import Snapshot


class PositionRow(msgspec.Struct, frozen=True):
    """A position, in the currency of its P&L: net = realised + unrealised − fees + cash. `quantity` is negative when
    short. `exposure` is its worth at the mark, unsigned. Unrealised, net and exposure are null without a mark;
    `mark_at` is its time. `flags` say what to know about them.
    """

    account: str
    strategy: str
    symbol: str
    position_side: str
    currency: str
    quantity: Amount
    average: Amount | None
    realized: Amount
    unrealized: Amount | None
    fees: Amount
    cash: Amount
    net: Amount | None
    mark: Amount | None
    mark_at: Instant | None
    fees_outside: dict[str, str]
    flags: list[str]
    rounded: bool
    fills: int
    first_at: Instant
    last_at: Instant
    revision: int
    exposure: Amount | None


Open = Annotated[bool, Query(alias="open", description="Only positions that are not flat.")]


def add_to(api: FastAPI, store: HistoryStore) -> None:
    """Add the call."""

    @api.get(
        "/api/positions",
        tags=["history"],
        summary="Every position at its last change",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=table_responses("Positions", "positions", PositionRow, METHOD),
    )
    async def get_positions(whose: WhoseAsked, only_open: Open = False, method: MethodName = "average") -> Response:
        """Positions as of the sequence `as_of`, flat ones too."""

        def read(snapshot: Snapshot) -> Table:
            found = positions(snapshot, whose.scope(snapshot), method)
            rows = [_row(one) for one in found if one.quantity or not only_open]
            return Table("positions", PositionRow, rows, snapshot.position.sequence, {"method": method})

        return await store.answer(whose.form, read, whose.earlier)


def _row(position: Position) -> PositionRow:
    return row_of(PositionRow, position, mark_at=instant(position.mark_ns))
