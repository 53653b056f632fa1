"""Decodes a batch of journaled events into fills, and counts all other events. No I/O."""

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
        """The sequence of the last event; `first - 1` if the batch is empty."""

    @property
    def events(self) -> bytes:
        """The JSON objects, joined by commas."""

    @property
    def count(self) -> int:
        """The number of events."""


class Fill(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The fields of a trade that the accounting uses.

    `price` is in quote units per base unit, `qty` in base units, both > 0. `ts` is RFC 3339
    in UTC. `fee` is in `fee_currency`, negative for a rebate; without a `fee_currency` it is in the symbol's quote
    currency.
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
    """Fills have no kind. Declared so that decoding an event with a kind as a fill fails, whatever else it contains."""


class BatchContent(msgspec.Struct, frozen=True):
    """A decoded batch: its fills in order, and the numbers of its other events.

    `asides` counts events that change no figure, `unknown` events of an unknown kind, which may change figures.
    `first_unknown` is the sequence of the first unknown one, 0 if there is none.
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
    """Decode the events of a batch after its first `skip`.

    All events are decoded as fills at once. Only if that fails is the batch decoded event by event.
    """
    try:
        fills = _decode_fills(b"".join((b"[", batch.events, b"]")))  # b"[%b]" allocates too much, then shrinks it
    except _ERRORS:
        return _read_one_by_one(batch, skip)
    if len(fills) != batch.count:  # a sequence is missing or an object is too many: count what is undecodable
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
    """The event as a fill or as another kind; None if it is undecodable."""
    try:
        return _decode_fill(event)
    except _ERRORS:
        pass
    try:
        return _decode_other(event)
    except _ERRORS:
        return None


def _split(batch: EventBatch) -> Iterator[bytes]:
    """The events of a batch, one for each sequence; empty for a missing one.

    Each event begins with `{"seq":N,` (docs/wire-contract.md).
    """
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
