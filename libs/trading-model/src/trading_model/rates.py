"""Rates between currencies, from the ledger's `rate` events: rules 14 and 21 of the accounting. No I/O.

The rate at a time is the last one said for the two currencies, in either direction, at or before that time. If it is
older than its own maximum, there is none: an earlier one is not used in its place, a later one never. Two rates are
not multiplied into a third, which nobody quoted at that time. No two codes are the same currency but BTC and XBT: a
dollar coin is worth a dollar only if a rate says so.
"""

from bisect import bisect_right, insort
from decimal import Decimal, Inexact
from typing import NamedTuple

import msgspec

from trading_model.contents import Rate
from trading_model.decimals import DIVISION, MIN, TOO_MUCH
from trading_model.field_rules import check_currency, format_timestamp
from trading_model.symbols import plain_currency
from trading_model.timestamps import unix_ns

ONE = Decimal(1)
NANOSECONDS = 1_000_000_000


def read_base_currency(text: str) -> str:
    """The code of the currency into which figures are converted; empty for none. Raises FieldError."""
    return plain_currency(check_currency(text)) if text else ""


class Found(msgspec.Struct, frozen=True, gc=False):
    """A rate at a time. `value` is in units of the currency converted into for one unit of the other.

    `rounded` says that it comes from a division that does not end; it has 200 significant digits then. `ts` is when it
    was said for, RFC 3339 in UTC; empty between equal currencies.
    """

    value: Decimal
    rounded: bool
    ts: str


SAME = Found(ONE, rounded=False, ts="")


class _Statement(msgspec.Struct, frozen=True):
    """A `rate` event of the ledger; `void` while a void of it is in force."""

    seq: int
    content: Rate
    void: bool = False


class _Said(NamedTuple):
    """A rate in its place in time: `since` is as `format_timestamp` writes it, without the Z: so it sorts as text.
    `until` is in Unix ns.
    """

    since: str
    seq: int
    until: int | None
    base: str
    rate: Decimal


class Rates:
    """The rates of a ledger, after the events that `say`, `take_back` and `restore` were called for."""

    def __init__(self) -> None:
        self._statements: dict[int, _Statement] = {}
        self._by_pair: dict[tuple[str, str], list[_Said]] = {}

    def say(self, seq: int, content: Rate) -> None:
        """Take in an event, at whatever place in time."""
        self._set(_Statement(seq, content))

    def take_back(self, seq: int) -> None:
        """A void of the event is in force. Nothing happens if `seq` is no rate."""
        statement = self._statements.get(seq)
        if statement is not None and not statement.void:
            self._set(msgspec.structs.replace(statement, void=True))

    def restore(self, seq: int) -> None:
        """The void of the event was voided. Nothing happens if `seq` is no rate."""
        statement = self._statements.get(seq)
        if statement is not None and statement.void:
            self._set(msgspec.structs.replace(statement, void=False))

    def at(self, currency: str, into: str, ts: str) -> Decimal | None:
        """How much of `into` one unit of `currency` is worth at a time, RFC 3339 in UTC; None if unknown."""
        found = self.find(currency, into, ts)
        return found.value if found is not None else None

    def find(self, currency: str, into: str, ts: str) -> Found | None:
        """How much of `into` one unit of `currency` is worth at a time, with what is known about the rate; None if
        unknown.
        """
        currency, into = plain_currency(currency), plain_currency(into)
        if currency == into:
            return SAME
        said = self._by_pair.get(_pair(currency, into))
        if said is None:
            return None
        place = bisect_right(said, ts[:-1], key=_since)
        if not place:
            return None
        last = said[place - 1]
        if last.until is not None and unix_ns(ts) > last.until:
            return None
        shown = f"{last.since}Z"
        return Found(last.rate, rounded=False, ts=shown) if last.base == currency else _turned(last.rate, shown)

    def changes(self, currency: str, into: str) -> list[int]:
        """The times from which on the rate is another one, or missing, in Unix nanoseconds, ascending."""
        said = self._by_pair.get(_pair(plain_currency(currency), plain_currency(into)), ())
        times = {unix_ns(f"{one.since}Z") for one in said}
        return sorted(times | {one.until + 1 for one in said if one.until is not None})

    def is_too_old(self, currency: str, into: str, ts: str) -> bool:
        """Whether there was a rate before a time at which there is none, RFC 3339 in UTC."""
        said = self._by_pair.get(_pair(plain_currency(currency), plain_currency(into)), ())
        return self.find(currency, into, ts) is None and any(one.since <= ts[:-1] for one in said)

    def _set(self, statement: _Statement) -> None:
        self._statements[statement.seq] = statement
        said = _read(statement)
        if said is None:
            return
        if statement.void:
            self._by_pair[_pair_of(statement.content)].remove(said)
        else:
            insort(self._by_pair.setdefault(_pair_of(statement.content), []), said)


def _since(said: _Said) -> str:
    return said.since


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


def _pair_of(content: Rate) -> tuple[str, str]:
    return _pair(plain_currency(content.base.upper()), plain_currency(content.quote.upper()))


def _read(statement: _Statement) -> _Said | None:
    """The rate in its place; None if it is out of range: a writer of this app refuses those, and no other may break a
    reader.
    """
    content = statement.content
    if not (content.rate.is_finite() and MIN <= content.rate < TOO_MUCH):
        return None
    try:
        start = unix_ns(content.ts)
    except ValueError:
        return None
    until = start + content.max_age * NANOSECONDS if content.max_age is not None else None
    return _Said(format_timestamp(start)[:-1], statement.seq, until, plain_currency(content.base.upper()), content.rate)


def _turned(rate: Decimal, ts: str) -> Found:
    """The rate in the other direction."""
    DIVISION.clear_flags()
    value = DIVISION.divide(ONE, rate)
    return Found(value, DIVISION.flags[Inexact], ts)
