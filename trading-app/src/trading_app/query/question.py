"""The parameters of GET /trades, checked."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from service_kit.problems import FieldProblem
from trading_app.problems import TradeProblem
from trading_app.query.filter import Filter
from trading_app.query.pages import Order
from trading_model.field_rules import check_name, check_symbol, read_instant
from trading_model.trade import Side

Format = Literal["json", "ndjson", "csv", "parquet"]
MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}
"""The media type of each format."""

Value = TypeVar("Value")
Read = TypeVar("Read")

_SPACE_FOR_PLUS = re.compile(r" (\d\d:\d\d)$")


def format_of(accept: str) -> Format:
    """The format that a header `Accept` asks for: the first in it that is there, else JSON."""
    places = {accept.find(media): name for name, media in MEDIA_TYPES.items() if media in accept}
    return places[min(places)] if places else "json"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for. `corrected`: what is in force instead of what was journaled. `all_events`: not fills alone."""

    wanted: Filter
    format: Format
    after: int | None
    limit: int | None
    order: Order
    zone: ZoneInfo | None
    corrected: bool
    all_events: bool

    def check(self) -> None:
        """Refuse what does not go together. Raises TradeProblem."""
        if self.all_events and self.format != "ndjson":
            raise refused("all_events", "is for NDJSON only: other formats have columns for trades alone")
        if self.all_events and self.wanted:
            raise refused("all_events", "goes with no filter: figures follow from all events together")
        if self.zone is not None and self.format != "csv":
            raise refused("local_time", "is for CSV only")


def read_filter(
    symbol: str | None,
    account: str | None,
    strategy: str | None,
    side: Side | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Filter:
    """The filter from a query; an empty parameter matches everything. Raises TradeProblem."""
    return Filter(
        checked("symbol", symbol, check_symbol),
        checked("account", account, check_name),
        checked("strategy", strategy, check_name),
        side,
        read_time("since", since),
        read_time("until", until),
    )


def read_time(name: str, given: str | None) -> int | None:
    """The parameter's time in Unix nanoseconds, from RFC 3339 or a number. Raises TradeProblem.

    In an address, `+` stands for a space: `2026-01-31T12:00:00 01:00` is the time with the zone `+01:00`.
    """
    text = _SPACE_FOR_PLUS.sub(r"+\1", given or "")
    return checked(name, json.dumps(text).encode() if text else None, read_instant)


def checked(name: str, given: Value | None, check: Callable[[Value], Read]) -> Read | None:
    """The value of a parameter as a rule reads it; None if there is no value. Raises TradeProblem."""
    if not given:
        return None
    try:
        return check(given)
    except ValueError as error:
        raise refused(name, str(error)) from None


def refused(name: str, detail: str) -> TradeProblem:
    """The problem of a parameter."""
    return TradeProblem("invalid_parameter", f"{name} {detail}", [FieldProblem(f"query/{name}", detail)])
