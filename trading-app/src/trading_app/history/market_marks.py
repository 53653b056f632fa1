"""`marks`: whether open positions are marked by followed markets too, in calls about net P&L, and what these marked."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

import msgspec
from fastapi import Query

from trading_app.history.question import Converting
from trading_app.history.rows import row_of
from trading_app.history.tables import Instant
from trading_app.http.openapi import schema_of
from trading_app.query.question import refused
from trading_history.queries.market_marks import MarketUse
from trading_history.queries.position_fold import MAX_FILLS, TooManyFills


class MarkedSymbol(msgspec.Struct, frozen=True):
    """What a followed market marked of a symbol: the number of bars, or of periods, with a trade of the market that
    marks an open position at their end; the starts of the first and the last of them. `venue` and `market` are null
    where no market of the symbol has candles.
    """

    symbol: str
    venue: str | None
    market: str | None
    bars: int
    first_at: Instant | None
    last_at: Instant | None


MARKS_MORE = {
    "market_marks": {
        "anyOf": [{"type": "array", "items": schema_of(MarkedSymbol)}, {"type": "null"}],
        "description": "What the market marked; null without `marks=market`.",
    }
}

Marks = Annotated[
    Literal["own", "market"],
    Query(
        description="What marks open positions: own fills and prices by hand (`own`), or also candles of a followed"
        " market where the instrument of the symbol says `mark: market` (`market`). Then values are exact at the ends"
        " of bars only, and bars are not shorter than a minute."
    ),
]


def check_marks(marks: str, converted: Converting | None) -> None:
    """Raises TradeProblem where amounts are to be converted at market prices."""
    if marks == "market" and converted is not None:
        raise refused("marks", "must be own with rates: amounts are converted at the marks of own fills")


@contextmanager
def refusing_too_many_fills() -> Iterator[None]:
    """Marked positions of too many trades are refused. Raises TradeProblem."""
    try:
        yield
    except TooManyFills:
        detail = f"must be own: the positions that the market marks have more than {MAX_FILLS} trades; ask for some"
        raise refused("marks", f"{detail} of them") from None


def marked_symbols(uses: Iterable[MarketUse] | None) -> list[MarkedSymbol] | None:
    """The member `market_marks` of an answer."""
    if uses is None:
        return None
    return [
        row_of(MarkedSymbol, one, venue=venue, market=market)
        for one in uses
        for venue, market in [one.market or (None, None)]
    ]
