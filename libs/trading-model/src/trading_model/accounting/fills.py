"""Decode: from a batch of journaled events to fills, and a count of all else."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from trading_model.kinds import OtherEvent


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
    kind: None = None
    """No fill has one: an event with a kind is not decoded as a fill, whatever else is in it."""


class BatchContent(msgspec.Struct, frozen=True):
    """What a batch holds: its fills in order, and how many of its events are something else.

    `unknown` counts events of a kind that is not known here and may change figures; `first_unknown` is the sequence of
    the first of them, 0 where there is none.
    """

    fills: list[Fill]
    undecodable: int = 0
    asides: int = 0
    unknown: int = 0
    first_unknown: int = 0


UNDECODABLE = "undecodable"
_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError)
_decode_fills = msgspec.json.Decoder(list[Fill]).decode
_decode_fill = msgspec.json.Decoder(Fill).decode
_decode_other = msgspec.json.Decoder(OtherEvent).decode


def read_batch(batch: EventBatch, skip: int) -> BatchContent:
    """What the batch holds after its first `skip` events.

    All events are decoded as fills at once; only a batch in which that fails is read event by event.
    """
    try:
        fills = _decode_fills(b"".join((b"[", batch.events, b"]")))  # b"[%b]" would ask for too much, and shrink it
    except _ERRORS:
        return _read_one_by_one(batch, skip)
    if len(fills) != batch.count:
        return _read_one_by_one(batch, skip)
    return BatchContent(fills[skip:] if skip else fills)


def _read_one_by_one(batch: EventBatch, skip: int) -> BatchContent:
    fills: list[Fill] = []
    asides, unknown = 0, []
    for index, event in enumerate(_split(batch)):
        if index < skip:
            continue
        read = _read_event(event)
        if isinstance(read, Fill):
            fills.append(read)
        elif read is not None and read.is_aside:
            asides += 1
        elif read is not None:
            unknown.append(batch.first + index)
    undecodable = batch.count - skip - len(fills) - asides - len(unknown)
    return BatchContent(fills, undecodable, asides, len(unknown), unknown[0] if unknown else 0)


def _read_event(event: bytes) -> Fill | OtherEvent | None:
    """None where it is neither."""
    try:
        return _decode_fill(event)
    except _ERRORS:
        pass
    try:
        return _decode_other(event)
    except _ERRORS:
        return None


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
