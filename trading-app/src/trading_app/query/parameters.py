"""The query parameters of GET /trades and GET /trades/stream, some of which other calls share."""

from typing import Annotated

from fastapi import Query

from trading_app.query.pages import Order
from trading_app.query.question import Format
from trading_model.field_rules import MAX_SYMBOL
from trading_model.fields import INSTANT_OR_EMPTY, PRINTABLE_OR_EMPTY, SYMBOL_OR_EMPTY
from trading_model.trade import Side

MAX_PAGE_TRADES = 10_000

Sequence = Annotated[int | None, Query(ge=0, le=2**62, description="Return the trades after this sequence.")]
After = Annotated[
    int | None,
    Query(ge=0, le=2**62, description="Return the trades after this sequence; with `order=desc` those before it."),
]
Limit = Annotated[int | None, Query(ge=1, le=MAX_PAGE_TRADES)]
StreamId = Annotated[str | None, Query(max_length=64, description="The stream you follow.")]
KnownHash = Annotated[
    str | None,
    Query(alias="hash", pattern="^[0-9a-f]{32}$", description="The history's hash at `after`, as you have it."),
]
Label = Annotated[str | None, Query(max_length=64, json_schema_extra={"pattern": PRINTABLE_OR_EMPTY})]
SymbolLabel = Annotated[str | None, Query(max_length=MAX_SYMBOL, json_schema_extra={"pattern": SYMBOL_OR_EMPTY})]
SideName = Annotated[Side | None, Query()]
_TIME = "RFC 3339 with a time zone, or s, ms, µs or ns since 1970."
_INSTANT = {"pattern": INSTANT_OR_EMPTY}
Since = Annotated[
    str | None,
    Query(
        max_length=64, json_schema_extra=_INSTANT, description=f"Trades whose `ts` is at this time or later. {_TIME}"
    ),
]
Until = Annotated[
    str | None,
    Query(max_length=64, json_schema_extra=_INSTANT, description=f"Trades whose `ts` is before this time. {_TIME}"),
]
OrderName = Annotated[Order, Query(description="`desc`: the newest first.")]
Corrected = Annotated[
    bool,
    Query(description="What is in force: without what is voided, with the content of the last replace, without `seq`."),
]
AllEvents = Annotated[bool, Query(description="Events of other kinds too. For NDJSON without a filter.")]
FormatName = Annotated[Format | None, Query(alias="format", description="Goes before the header `Accept`.")]
LocalTime = Annotated[
    str | None,
    Query(
        alias="local_time",
        max_length=64,
        description="For CSV: one more column with the time in this zone, such as `Europe/Berlin`.",
    ),
]
