"""Finds fills that are probably in the ledger under another identity: by what the store of fills has near their time.

The same account, symbol, side, price and quantity by value, within a second.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import msgspec

from trading_app.intake.event import TradeEvent
from trading_history.errors import HistoryError
from trading_history.reader import HistoryReader, NearFill, Snapshot
from trading_model.field_rules import NANOSECONDS, case_folded

MAX_AT_ONCE = 20_000
"""Fills that are read for many rows together; beyond it each row is looked up by itself."""


class _Row(msgspec.Struct):
    account: str
    symbol: str
    side: str
    price: Decimal
    qty: Decimal
    ts: str


class _Wanted(msgspec.Struct):
    index: int
    row: _Row
    at_ns: int


def similar(
    folder: Path, events: Iterable[tuple[int, TradeEvent]], known: Iterable[int]
) -> tuple[int | None, list[tuple[int, int]]]:
    """Up to which sequence the store in a folder has the ledger, None if there is no store; and the index and sequence
    of each event that seems to be there. `events` is not read where there is no store. `known` are the sequences that
    other events of the same file have: none of these is another one, too.
    """
    try:
        reader = HistoryReader(folder)
    except HistoryError:
        return None, []
    try:
        with reader.snapshot() as snapshot:
            return snapshot.position.sequence, _find(snapshot, events, set(known))
    except HistoryError:
        return None, []
    finally:
        reader.close()


def _find(snapshot: Snapshot, events: Iterable[tuple[int, TradeEvent]], used: set[int]) -> list[tuple[int, int]]:
    groups: dict[tuple[str, str], list[_Wanted]] = {}
    for index, event in events:
        row = msgspec.json.decode(event.payload, type=_Row)
        wanted = _Wanted(index, row, _nanoseconds(row.ts))
        groups.setdefault((row.account, case_folded(row.symbol)), []).append(wanted)
    found: list[tuple[int, int]] = []
    for (account, symbol), rows in groups.items():
        first, last = min(one.at_ns for one in rows), max(one.at_ns for one in rows)
        near = snapshot.near(account, symbol, first - NANOSECONDS, last + NANOSECONDS, MAX_AT_ONCE)
        if len(near) < MAX_AT_ONCE:
            by_content: dict[tuple[str, Decimal, Decimal], list[NearFill]] = {}
            for fill in near:
                by_content.setdefault((fill.side, Decimal(fill.price), Decimal(fill.qty)), []).append(fill)
            for one in rows:
                candidates = by_content.get((one.row.side, one.row.price, one.row.qty), [])
                _match(one, candidates, used, found)
        else:
            for one in rows:
                close = snapshot.near(account, symbol, one.at_ns - NANOSECONDS, one.at_ns + NANOSECONDS, MAX_AT_ONCE)
                content = (one.row.side, one.row.price, one.row.qty)
                same = [fill for fill in close if (fill.side, Decimal(fill.price), Decimal(fill.qty)) == content]
                _match(one, same, used, found)
    return sorted(found)


def _match(one: _Wanted, candidates: Sequence[NearFill], used: set[int], found: list[tuple[int, int]]) -> None:
    """Each stored fill stands for one row at most: equal rows need as many of them."""
    for fill in candidates:
        if fill.seq not in used and abs(fill.ts_ns - one.at_ns) <= NANOSECONDS:
            used.add(fill.seq)
            found.append((one.index, fill.seq))
            return


def _nanoseconds(ts: str) -> int:
    """A journaled time as Unix nanoseconds."""
    second = int(datetime.fromisoformat(f"{ts[:19]}+00:00").timestamp())
    return second * NANOSECONDS + int(ts[20:-1].ljust(9, "0") or 0)
