"""The positions at their last change: the figures of the sidecar, at the sequence of the snapshot."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from trading_history.queries.lots import Basis, bases
from trading_history.queries.scope import Scope, Series, books
from trading_history.reader import Snapshot
from trading_history.schema import POSITIONS
from trading_model.accounting.book import BookKey
from trading_model.accounting.lots import Method
from trading_model.decimals import EXACT, exactly


class Position(msgspec.Struct, frozen=True, gc=False):
    """A position, in the currency of its P&L. `unrealized` and `net` are None while it is open and has no mark.

    `quantity` is negative when short, `average` None while flat. `exposure` is what it is worth at its mark, unsigned;
    None as `unrealized`. `mark_ns` is the time of the price that marks it.
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
    exposure: Decimal | None
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


def positions(snapshot: Snapshot, scope: Scope, method: Method = "average") -> list[Position]:
    """The positions of a scope that ever had a step, by name; flat ones too.

    By another `method` than average cost, average, realised and unrealised P&L are folded from fills. Raises
    TooManyFills then.
    """
    found = _stored(snapshot, scope)
    if method == "average":
        return found
    by_method = bases(snapshot, scope, method)
    return [_with_basis(one, by_method[BookKey(*(getattr(one, name) for name in BookKey._fields))]) for one in found]


@exactly
def _with_basis(position: Position, basis: Basis) -> Position:
    """The net and what is in it beside P&L are the same by each method."""
    unrealized = position.unrealized
    if unrealized is not None:
        unrealized += position.realized - basis.realized
    return msgspec.structs.replace(position, average=basis.average, realized=basis.realized, unrealized=unrealized)


def open_positions(snapshot: Snapshot, scope: Scope) -> list[tuple[Position, str]]:
    """The positions that are not flat, each with what its amounts are added up in: see `Series.sum_currency`."""
    return [(_position(one, row), one.sum_currency) for one, row in _rows(snapshot, scope, "WHERE quantity != '0'")]


def _stored(snapshot: Snapshot, scope: Scope) -> list[Position]:
    return [_position(one, row) for one, row in _rows(snapshot, scope)]


def _rows(snapshot: Snapshot, scope: Scope, where: str = "") -> list[tuple[Series, tuple[Any, ...]]]:
    found = snapshot.connection.execute(f"SELECT {', '.join(POSITIONS)} FROM positions {where}")
    rows = {row[0]: row for row in found}
    return [(one, rows[one.id]) for one in books(snapshot, scope) if one.id in rows]


def _position(one: Series, row: tuple[Any, ...]) -> Position:
    return Position(one.account, one.strategy, one.symbol, one.position_side, one.currency, *_figures(row))


def _figures(row: tuple[Any, ...]) -> list[Any]:
    _, *amounts, mark_ns, outside, flags, rounded, fills, first_ns, last_ns, revision = row
    decimals = [None if text is None else EXACT.create_decimal(text) for text in amounts]
    return [*decimals, mark_ns, _amounts(outside), _names(flags), bool(rounded), fills, first_ns, last_ns, revision]


def revision(snapshot: Snapshot, scope: Scope) -> int:
    """The last event that changed the past of the positions of a scope: a late fill, a correction; 0 for none."""
    revisions: dict[int, int] = dict(snapshot.connection.execute("SELECT series, revision FROM positions"))
    return max((revisions.get(one.id, 0) for one in books(snapshot, scope)), default=0)
