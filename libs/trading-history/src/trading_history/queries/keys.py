"""Which keys of positions are wanted, and when each traded first and last."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from trading_history.reader import Snapshot
from trading_model.accounting.fills import LineKey


class Wanted(NamedTuple):
    """Which keys: None matches every value. A symbol, in any case, is one that fills were sent under."""

    account: str | None = None
    strategy: str | None = None
    symbol: str | None = None


class TradedKey(NamedTuple):
    """A key and the times of its first and last fill in force, in Unix nanoseconds."""

    key: LineKey
    first_ns: int
    last_ns: int


_KEYS = """
SELECT id, account, strategy, symbol, position_side, currency FROM key
WHERE account = ifnull(?, account) AND strategy = ifnull(?, strategy) AND symbol = ifnull(?, symbol) ORDER BY id
"""
_EXTREME = "SELECT ts_ns FROM trades WHERE key = ? AND {} ORDER BY ts_ns {} LIMIT 1"
_COUNTS = "in_force AND (import_id IS NULL OR import_id NOT IN (SELECT id FROM imports WHERE NOT in_force))"
_FIRST, _LAST = _EXTREME.format(_COUNTS, "ASC"), _EXTREME.format(_COUNTS, "DESC")


def keys(snapshot: Snapshot, wanted: Wanted) -> Mapping[int, LineKey]:
    """The wanted keys by number, in the order of their first fill to arrive."""
    symbol = None if wanted.symbol is None else wanted.symbol.upper()
    rows = snapshot.connection.execute(_KEYS, (wanted.account, wanted.strategy, symbol))
    return {number: LineKey(*names) for number, *names in rows}


def first_fill(
    snapshot: Snapshot, wanted: Wanted, position_side: str, canonical: Callable[[str], str], before_ns: int
) -> int | None:
    """When the first fill in force of a position was, in Unix nanoseconds, if that was before a time. The fills of all
    symbols that stand for the same one by `canonical` are its own.
    """
    assert wanted.symbol is not None
    name, ask = canonical(wanted.symbol), snapshot.connection.execute
    found: list[int | None] = [
        ask(_FIRST, (number,)).get
        for number, key in keys(snapshot, wanted._replace(symbol=None)).items()
        if key.position_side == position_side and canonical(key.symbol) == name
    ]
    return min((first for first in found if first is not None and first < before_ns), default=None)


def traded_keys(snapshot: Snapshot, wanted: Wanted) -> list[TradedKey]:
    """The wanted keys that have fills in force."""
    ask = snapshot.connection.execute
    found = [
        (key, ask(_FIRST, (number,)).get, ask(_LAST, (number,)).get) for number, key in keys(snapshot, wanted).items()
    ]
    return [TradedKey(key, first, last) for key, first, last in found if first is not None]
