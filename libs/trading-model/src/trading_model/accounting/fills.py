"""Decode: from a batch of journaled events to fills."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal, Protocol

import msgspec


class EventBatch(Protocol):
    """Consecutive events as journaled: the numbered JSON objects `first` to `last`, joined by commas."""

    @property
    def first(self) -> int:
        """The sequence of the first event."""

    @property
    def last(self) -> int:
        """The sequence of the last event; `first - 1` where there are none."""

    @property
    def events(self) -> bytes:
        """The events."""

    @property
    def count(self) -> int:
        """How many events."""


class Fill(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the accounting needs of a trade: `price` in quote units per base unit, `qty` in base units, both > 0.

    `ts` is RFC 3339 in UTC. `fee` is what the trade cost, negative for a rebate, in `fee_currency`; with none named,
    in the symbol's quote currency.
    """

    symbol: str
    price: Decimal
    qty: Decimal
    side: Literal["buy", "sell"]
    ts: str
    account: str = "default"
    strategy: str = "default"
    fee: Decimal | None = None
    fee_currency: str | None = None


UNDECODABLE = "undecodable"
_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError)
_decode_fills = msgspec.json.Decoder(list[Fill]).decode
_decode_fill = msgspec.json.Decoder(Fill).decode


def read_fills(batch: EventBatch, skip: int) -> tuple[list[Fill], int]:
    """The fills of a batch after its first `skip` events, in order, and how many events could not be decoded."""
    try:
        fills = _decode_fills(b"".join((b"[", batch.events, b"]")))  # b"[%b]" would ask for too much, and shrink it
    except _ERRORS:
        return _read_one_by_one(batch, skip)
    if len(fills) != batch.count:
        return _read_one_by_one(batch, skip)
    return fills[skip:] if skip else fills, 0


def _read_one_by_one(batch: EventBatch, skip: int) -> tuple[list[Fill], int]:
    fills: list[Fill | None] = []
    for event in _split(batch):
        try:
            fills.append(_decode_fill(event))
        except _ERRORS:
            fills.append(None)
    good = [fill for fill in fills[skip:] if fill is not None]
    return good, batch.count - skip - len(good)


def _split(batch: EventBatch) -> Iterator[bytes]:
    """The events of a batch, one for each sequence; empty where one is not there."""
    events = batch.events
    end = len(events)
    starts = []
    position = 0
    for sequence in range(batch.first, batch.last + 1):
        start = events.find(b'{"seq":%d,' % sequence, position)
        starts.append(start)
        position = max(start, position)
    for index, start in enumerate(starts):
        following = next((later for later in starts[index + 1 :] if later >= 0), end + 1)
        yield events[start : following - 1] if start >= 0 else b""
