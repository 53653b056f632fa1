"""Finds fills that are probably in the ledger under another identity: by what the store of fills has near their time.

The same account, market, side, price and quantity by value, within a second. A market may have symbols of several
forms: an exchange's files of different years, a bot.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import msgspec

from telemetry_stream.events import keys_of
from trading_app.intake.event import TradeEvent
from trading_app.intake.identity import SEPARATOR
from trading_app.intake.results import NO_SIMILAR, Similar
from trading_history.errors import HistoryError
from trading_history.reader import HistoryReader, NearFill, Snapshot
from trading_model.field_rules import NANOSECONDS
from trading_model.symbols import market_of

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


def similar(folder: Path, events: Sequence[TradeEvent], known: Mapping[int, int]) -> Similar:
    """What the store in a folder has. `known` are the events that are there under their own identity, as
    `Compared.sequences`: none of these is another one, too.
    """
    try:
        reader = HistoryReader(folder)
    except HistoryError:
        return NO_SIMILAR
    try:
        with reader.snapshot() as snapshot:
            return Similar(snapshot.position.sequence, *_find(snapshot, events, known))
    except HistoryError:
        return NO_SIMILAR
    finally:
        reader.close()


def _find(
    snapshot: Snapshot, events: Sequence[TradeEvent], known: Mapping[int, int]
) -> tuple[list[tuple[int, int]], list[tuple[str, str]]]:
    used, found = set(map(abs, known.values())), list[tuple[int, int]]()
    markets, forms = _Markets(snapshot), set[tuple[str, str]]()
    for (account, symbol), indexes in _new_by_position(events, known).items():
        market = markets.of(account, symbol)
        if not market.symbols:  # the events are not read then: that takes longer than all the rest
            continue
        forms |= {(symbol, other) for other in market.symbols if other != symbol}
        rows = [_wanted(index, events[index]) for index in indexes]
        near = market.near(min(one.at_ns for one in rows), max(one.at_ns for one in rows))
        if len(near) < MAX_AT_ONCE:
            by_content: dict[tuple[str, Decimal, Decimal], list[NearFill]] = {}
            for fill in near:
                by_content.setdefault((fill.side, Decimal(fill.price), Decimal(fill.qty)), []).append(fill)
            for one in rows:
                candidates = by_content.get((one.row.side, one.row.price, one.row.qty), [])
                _match(one, candidates, used, found)
        else:
            for one in rows:
                close, content = market.near(one.at_ns, one.at_ns), (one.row.side, one.row.price, one.row.qty)
                same = [fill for fill in close if (fill.side, Decimal(fill.price), Decimal(fill.qty)) == content]
                _match(one, same, used, found)
    return sorted(found), sorted(forms)


class _Market(NamedTuple):
    """The symbols by which an account has a market in the store."""

    snapshot: Snapshot
    account: str
    symbols: Sequence[str]

    def near(self, first_ns: int, last_ns: int) -> list[NearFill]:
        """Its fills from a second before one time to a second after another; at most MAX_AT_ONCE of each symbol."""
        times = first_ns - NANOSECONDS, last_ns + NANOSECONDS
        found = (self.snapshot.near(self.account, symbol, *times, MAX_AT_ONCE) for symbol in self.symbols)
        return list(chain.from_iterable(found))


class _Markets:
    """The markets that accounts have in the store."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._known: dict[str, dict[object, list[str]]] = {}

    def of(self, account: str, symbol: str) -> _Market:
        """The market that a symbol in upper case names; without symbols, if the account has none of it."""
        known = self._known.get(account)
        if known is None:
            known = self._known[account] = {}
            for one in self._snapshot.symbols(account):
                known.setdefault(market_of(one) or one, []).append(one)
        return _Market(self._snapshot, account, known.get(market_of(symbol) or symbol, ()))


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
