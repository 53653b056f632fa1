"""The positions at their last change: the figures of the sidecar, at the sequence of the snapshot."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from trading_history.queries.scope import Scope, books
from trading_history.reader import Snapshot
from trading_history.schema import POSITIONS
from trading_model.decimals import EXACT


class Position(msgspec.Struct, frozen=True, gc=False):
    """A position, in the currency of its P&L. `unrealized` and `net` are None while it is open and has no mark.

    `quantity` is negative when short, `average` None while flat. `mark_ns` is the time of the price that marks it.
    `fees_outside`: by currency, fees that no rate values; they are not in the net. `flags`: what a reader of the
    figures has to know, as in the sidecar's state. `first_ns` and `last_ns` are the times of its first and last step.
    `revision` is the last event that changed its past: a late fill, a correction; 0 for none.
    """

    account: str
    strategy: str
    symbol: str
    position_side: str
    currency: str
    quantity: Decimal
    average: Decimal | None
    realized: Decimal
    unrealized: Decimal | None
    fees: Decimal
    cash: Decimal
    net: Decimal | None
    mark: Decimal | None
    mark_ns: int | None
    fees_outside: Mapping[str, Decimal]
    flags: tuple[str, ...]
    rounded: bool
    fills: int
    first_ns: int
    last_ns: int
    revision: int


_amounts = msgspec.json.Decoder(dict[str, Decimal]).decode
_names = msgspec.json.Decoder(tuple[str, ...]).decode


def positions(snapshot: Snapshot, scope: Scope) -> list[Position]:
    """The positions of a scope that ever had a step, by name; flat ones too."""
    rows = {row[0]: row for row in snapshot.connection.execute(f"SELECT {', '.join(POSITIONS)} FROM positions", ())}
    return [
        Position(one.account, one.strategy, one.symbol, one.position_side, one.currency, *_figures(rows[one.id]))
        for one in books(snapshot, scope)
        if one.id in rows
    ]


def _figures(row: tuple[Any, ...]) -> list[Any]:
    _, *amounts, mark_ns, outside, flags, rounded, fills, first_ns, last_ns, revision = row
    decimals = [None if text is None else EXACT.create_decimal(text) for text in amounts]
    return [*decimals, mark_ns, _amounts(outside), _names(flags), bool(rounded), fills, first_ns, last_ns, revision]
