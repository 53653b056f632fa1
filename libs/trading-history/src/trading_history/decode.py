"""Decodes a batch of the ledger: fills as rows of the store, voids, replaces and imports as structs. No I/O.

Numbers stay text, with the digits of the journal. A row has the columns of COLUMNS; its key is still the names of a
`LineKey`, since only the writer knows their numbers.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Literal

import msgspec
import numpy as np

from telemetry_stream.events import Batch
from telemetry_stream.wire import split
from trading_model.accounting.fills import LineKey
from trading_model.contents import Import


class FillRecord(msgspec.Struct, frozen=True, gc=False):
    """A fill as journaled. In the content of another event it has no sequence."""

    trade_id: str
    symbol: str
    price: str
    qty: str
    side: Literal["buy", "sell"]
    ts: str
    account: str
    strategy: str
    seq: int = 0
    venue: str | None = None
    order_id: str | None = None
    fee: str | None = None
    fee_currency: str | None = None
    currency: str | None = None
    position_side: str | None = None
    multiplier: str | None = None
    tags: tuple[str, ...] | None = None
    import_id: str | None = None
    kind: None = None
    """Fills have no kind. Declared so that decoding an event with a kind as a fill fails, whatever else it contains."""


class VoidRecord(msgspec.Struct, frozen=True):
    """The content of a void."""

    was: msgspec.Raw
    reason: str = ""


class ReplaceRecord(msgspec.Struct, frozen=True):
    """The content of a replace."""

    fill: FillRecord
    was: FillRecord
    reason: str = ""


class OtherRecord(msgspec.Struct, frozen=True):
    """An event that is not a fill, as far as the store reads it. `raw` is the event as journaled."""

    kind: str
    seq: int = 0
    id: str = ""
    aside: bool = False
    target: int = 0
    raw: bytes = b""
    void: VoidRecord | None = None
    replace: ReplaceRecord | None = None
    import_: Import | None = msgspec.field(default=None, name="import")


Record = FillRecord | OtherRecord

_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_decode_fills = msgspec.json.Decoder(list[FillRecord]).decode
_decode_fill = msgspec.json.Decoder(FillRecord).decode
_decode_other = msgspec.json.Decoder(OtherRecord).decode
_encode = msgspec.json.encode


def read_batch(batch: Batch, skip: int) -> list[Record | None]:
    """The events of a batch after its first `skip`; None for one that can't be decoded.

    All are decoded as fills at once. Only if that fails are they decoded one by one.
    """
    try:
        fills = _decode_fills(b"".join((b"[", batch.events, b"]")))
    except _ERRORS:
        fills = []
    if len(fills) == batch.count and fills[0].seq == batch.first and fills[-1].seq == batch.last:
        return list(fills[skip:])
    return [read_event(event) for event in split(batch)[skip:]]


def read_event(event: bytes | msgspec.Raw) -> Record | None:
    """One event, with or without its sequence; None if it can't be decoded."""
    try:
        return _decode_fill(event)
    except _ERRORS:
        pass
    try:
        other = _decode_other(event)
    except _ERRORS:
        return None
    return msgspec.structs.replace(other, raw=bytes(event))


def key_of(fill: FillRecord) -> LineKey:
    """The key of a fill, with its symbol in upper case: one position has all spellings of a symbol."""
    return LineKey(fill.account, fill.strategy, fill.symbol.upper(), fill.position_side or "", fill.currency or "")


SHORTEST_TIME = len("2026-01-31T12:00:00Z")


def times_of(fills: Sequence[FillRecord]) -> list[int]:
    """The times in nanoseconds since 1970. Raises ValueError if one is not RFC 3339 in UTC."""
    texts = [fill.ts for fill in fills]
    if min(map(len, texts)) < SHORTEST_TIME:  # numpy takes words for times too: now, today, NaT
        raise ValueError("not a time in RFC 3339")
    times: list[int] = np.array([text[:-1] for text in texts], dtype="datetime64[ns]").view("int64").tolist()
    return times


NOT_A_NUMBER = "~"
"""Of a trade id that is not a number: sorts behind all digits."""

_LENGTHS = [f"{length:03}" for length in range(1_000)]


def ordinal(trade_id: str) -> str:
    """A text that sorts as the number does that the trade id is; ids that are not a number come last, all equal."""
    if trade_id.isdigit() and trade_id.isascii():
        digits = trade_id if trade_id[0] != "0" else trade_id.lstrip("0")
        if len(digits) < len(_LENGTHS):
            return _LENGTHS[len(digits)] + digits
    return NOT_A_NUMBER


COLUMNS = (
    "key", "ts_ns", "ordinal", "seq", "in_force", "side", "price", "qty", "trade_id", "symbol", "venue", "order_id",
    "fee", "fee_currency", "multiplier", "tags", "import_id",
)  # fmt: skip
"""Of a row of `trades`."""

Row = tuple[Any, ...]

in_time = itemgetter(1, 2, 3)
"""What sorts rows in the order of trading."""


def rows_of(fills: Sequence[FillRecord], keys: Sequence[int]) -> list[Row]:
    """The rows of fills in force, whose keys have these numbers. Raises ValueError if a time is invalid.

    `symbol` is there only where the key's, in upper case, is not what was sent.
    """
    return [
        (
            key, time, ordinal(fill.trade_id), fill.seq, 1, fill.side, fill.price, fill.qty, fill.trade_id,
            None if fill.symbol.isupper() or fill.symbol.upper() == fill.symbol else fill.symbol,
            fill.venue, fill.order_id, fill.fee, fill.fee_currency, fill.multiplier,
            None if fill.tags is None else _encode(fill.tags).decode(), fill.import_id,
        )
        for fill, key, time in zip(fills, keys, times_of(fills), strict=True)
    ]  # fmt: skip
