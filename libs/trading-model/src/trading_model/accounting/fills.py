"""Decodes a batch of journaled events: fills, and events of other kinds. No I/O."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple, Protocol

import msgspec

from trading_model.contents import CONTENTS, LedgerEvent
from trading_model.kinds import OtherEvent
from trading_model.trade import PositionSide


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


class Fill(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """The fields of a trade that the accounting uses.

    `price` is in quote units per base unit, `qty` in base units, > 0. `ts` is RFC 3339 in UTC. `fee` is in
    `fee_currency`, negative for a rebate; without a `fee_currency` it is in the P&L's currency. The members that few
    fills have are in `WideFill`: decoding is the largest part of the work, and each member costs. So a Fill is decoded
    strictly: an event with any other member is none, and is decoded again as a WideFill.
    """

    seq: int
    symbol: str
    price: Decimal
    qty: Decimal
    side: Literal["buy", "sell"]
    ts: str
    trade_id: str = ""
    account: str = "default"
    strategy: str = "default"
    fee: Decimal | None = None
    fee_currency: str | None = None
    venue: str | None = None
    order_id: str | None = None

    @property
    def currency(self) -> str | None:
        """The P&L's currency, where the sender named one."""
        return None

    @property
    def position_side(self) -> PositionSide | None:
        """`long` or `short`, where the sender keeps both apart."""
        return None

    @property
    def multiplier(self) -> Decimal | None:
        """Units of the underlying in one unit, where the sender named it."""
        return None

    @property
    def import_id(self) -> str | None:
        """The import that it came with."""
        return None


class WideFill(Fill, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=False):
    """A fill with members that few have, or with some that this version does not know."""

    currency: str | None = None
    position_side: PositionSide | None = None
    multiplier: Decimal | None = None
    import_id: str | None = None
    kind: None = None
    """Fills have no kind. Declared so that decoding an event with a kind as a fill fails, whatever else it contains."""


class LineKey(NamedTuple):
    """Whose fills, as sent: the store has them by this key. Empty strings for what was not said."""

    account: str
    strategy: str
    symbol: str
    position_side: str = ""
    currency: str = ""


def line_of(fill: Fill) -> LineKey:
    """The key of a fill, as sent."""
    return LineKey(fill.account, fill.strategy, fill.symbol, fill.position_side or "", fill.currency or "")


class UnknownEvent(msgspec.Struct, frozen=True):
    """An event of an unknown kind, which may change figures."""

    seq: int


Item = Fill | LedgerEvent | UnknownEvent


class BatchContent(msgspec.Struct, frozen=True):
    """A decoded batch, in order.

    `fills` are all its events if it has no others; else `items` are. `plain` says that no fill is a WideFill.
    `undecodable` and `asides` count events that are in neither.
    """

    fills: Sequence[Fill]
    items: list[Item] | None = None
    plain: bool = True
    undecodable: int = 0
    asides: int = 0


UNDECODABLE = "undecodable"
_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError)
_decode_fills = msgspec.json.Decoder(list[Fill]).decode
_decode_wide_fills = msgspec.json.Decoder(list[WideFill]).decode
_decode_fill = msgspec.json.Decoder(WideFill).decode
_decode_other = msgspec.json.Decoder(OtherEvent).decode
_decode_event = msgspec.json.Decoder(LedgerEvent).decode


def read_batch(batch: EventBatch, skip: int) -> BatchContent:
    """Decode the events of a batch after its first `skip`.

    All events are decoded as fills at once. Only if that fails is the batch decoded event by event.
    """
    events = b"".join((b"[", batch.events, b"]"))  # b"[%b]" allocates too much, then shrinks it
    fills: Sequence[Fill]
    plain = True
    try:
        fills = _decode_fills(events)
    except _ERRORS:
        plain = False
        try:
            fills = _decode_wide_fills(events)
        except _ERRORS:
            return _read_one_by_one(batch, skip)
    if len(fills) != batch.count:  # a sequence is missing or an object is too many: count what is undecodable
        return _read_one_by_one(batch, skip)
    return BatchContent(fills[skip:] if skip else fills, None, plain)


def read_event(event: bytes) -> Fill | LedgerEvent | OtherEvent | None:
    """One journaled event; an OtherEvent if its kind is unknown, or known with a content that is not; None if it is
    undecodable.
    """
    try:
        return _decode_fill(event)
    except _ERRORS:
        pass
    try:
        other = _decode_other(event)
    except _ERRORS:
        return None
    if other.kind not in CONTENTS:
        return other
    try:
        read = _decode_event(event)
    except _ERRORS:
        return other
    return read if read.content is not None else other


def _read_one_by_one(batch: EventBatch, skip: int) -> BatchContent:
    items: list[Item] = []
    asides = undecodable = 0
    for index, event in enumerate(_split(batch)):
        if index < skip:
            continue
        read = read_event(event)
        if read is None:
            undecodable += 1
        elif isinstance(read, Fill):
            items.append(read)
        elif read.aside is True:
            asides += 1
        elif isinstance(read, LedgerEvent):
            items.append(read)
        else:
            items.append(UnknownEvent(batch.first + index))
    return BatchContent([], items, False, undecodable, asides)


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
