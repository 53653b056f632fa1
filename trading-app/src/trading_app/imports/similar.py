"""Finds fills that are probably in the ledger under another identity: by what the store of fills has near their time.

The same account, symbol, side, price and quantity by value, within a second.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import msgspec

from telemetry_stream.events import keys_of
from trading_app.intake.event import TradeEvent
from trading_app.intake.identity import SEPARATOR
from trading_history.errors import HistoryError
from trading_history.reader import HistoryReader, NearFill, Snapshot
from trading_model.field_rules import NANOSECONDS

MAX_AT_ONCE = 20_000
"""Fills that are read for many rows together; beyond it each row is looked up by itself."""


class _Row(msgspec.Struct):
    side: str
    price: Decimal
    qty: Decimal
    ts: str


class _Wanted(msgspec.Struct):
    index: int
    row: _Row
    at_ns: int


def similar(
    folder: Path, events: Sequence[TradeEvent], known: Mapping[int, int]
) -> tuple[int | None, list[tuple[int, int]]]:
    """Up to which sequence the store in a folder has the ledger, None if there is no store; and the index and sequence
    of each event that seems to be there. `known` has those that are there under their own identity, as
    `Compared.sequences`: none of these is another one, too.
    """
    try:
        reader = HistoryReader(folder)
    except HistoryError:
        return None, []
    try:
        with reader.snapshot() as snapshot:
            return snapshot.position.sequence, _find(snapshot, events, known)
    except HistoryError:
        return None, []
    finally:
        reader.close()


def _find(snapshot: Snapshot, events: Sequence[TradeEvent], known: Mapping[int, int]) -> list[tuple[int, int]]:
    used, found = set(map(abs, known.values())), list[tuple[int, int]]()
    for (account, symbol), indexes in _new_by_position(events, known).items():
        if not snapshot.has_key(account, symbol):  # the events are not read then: that takes longer than all the rest
            continue
        rows = [_wanted(index, events[index]) for index in indexes]
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


def _new_by_position(events: Sequence[TradeEvent], known: Mapping[int, int]) -> dict[tuple[str, str], list[int]]:
    """The indexes of the events that are not known, by account and symbol, which their keys have."""
    groups: dict[tuple[str, str], list[int]] = {}
    for index, key in enumerate(keys_of(events)):
        if index not in known:
            account, _venue, symbol, _rest = key.split(SEPARATOR, 3)
            groups.setdefault((account, symbol), []).append(index)
    return groups


def _wanted(index: int, event: TradeEvent) -> _Wanted:
    row = msgspec.json.decode(event.payload, type=_Row)
    return _Wanted(index, row, _nanoseconds(row.ts))


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
