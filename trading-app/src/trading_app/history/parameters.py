"""The query parameters that calls of the history share, and how they are read."""

from typing import Annotated, get_args

from fastapi import Query

from trading_app.query.parameters import FormatName, Label, SymbolLabel
from trading_app.query.question import checked
from trading_history.past import MAX_FILLS as MAX_PAST_FILLS
from trading_history.queries.keys import Wanted
from trading_history.queries.position_fold import MAX_FILLS
from trading_model.accounting.lots import Method
from trading_model.field_rules import check_name, check_symbol, check_tag
from trading_model.fields import INSTANT_OR_EMPTY

__all__ = ["FormatName", "Label", "SymbolLabel"]

MAX_ROWS = 10_000

_TIME = "RFC 3339 with a time zone, s, ms, µs or ns since 1970, or a day, which stands for its beginning."
_INSTANT = {"pattern": INSTANT_OR_EMPTY.replace("^(", "^([0-9]{4}-[01][0-9]-[0-3][0-9]|", 1)}

From = Annotated[
    str | None,
    Query(alias="from", max_length=64, json_schema_extra=_INSTANT, description=f"From this time on. {_TIME}"),
]
To = Annotated[
    str | None,
    Query(alias="to", max_length=64, json_schema_extra=_INSTANT, description=f"Before this time. {_TIME}"),
]
Zone = Annotated[
    str | None, Query(max_length=64, description="Time zone of days, which begin at midnight there: `Europe/Berlin`.")
]
Boundary = Annotated[
    str | None,
    Query(max_length=80, description="When days begin, such as `17:00 America/New_York`; default: `DAY_BOUNDARY`."),
]
Cursor = Annotated[str | None, Query(max_length=512, description="From the header `Link` of the page before.")]
Tag = Annotated[str | None, Query(max_length=64)]
Limit = Annotated[int, Query(ge=1, le=MAX_ROWS)]
MethodName = Annotated[
    Method,
    Query(
        alias="method",
        description="What a closing trade takes off the cost: its share of all (`average`), the oldest part (`fifo`) or"
        f" the newest (`lifo`). Not average: positions with more than {MAX_FILLS} trades are refused.",
    ),
]
AsOf = Annotated[
    int | None,
    Query(
        ge=1,
        le=2**63 - 1,
        description="What was known up to this sequence: the answer of then. Refused where it depends on more than"
        f" {MAX_PAST_FILLS} trades.",
    ),
]
REVISION = {
    "revision": {
        "type": "integer",
        "minimum": 0,
        "description": "The last event that changed the past of the positions: late, or a correction; 0 for none.",
    }
}
"""The schema of the member that says it."""

METHOD = {"method": {"enum": list(get_args(Method))}}
"""The schema of the member that says the method."""


def read_tag(tag: str | None) -> str | None:
    """The tag to look for; None for all. Raises TradeProblem."""
    return checked("tag", tag, check_tag)


def read_wanted(account: str | None, strategy: str | None, symbol: str | None) -> Wanted:
    """The keys that are asked for; an empty parameter matches everything. Raises TradeProblem."""
    return Wanted(
        checked("account", account, check_name),
        checked("strategy", strategy, check_name),
        checked("symbol", symbol, check_symbol),
    )
