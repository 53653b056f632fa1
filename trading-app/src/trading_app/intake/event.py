"""One checked trade as an event of the stream, with its id. No I/O."""

import itertools
import secrets

import msgspec

from telemetry_stream.events import Event
from telemetry_stream.wire import number
from trading_model.field_rules import case_folded
from trading_model.trade import Trade


class TradeEvent(Event):
    """A checked trade, ready for the journal. `key` is its identity; see `identity`."""

    __slots__ = ("timed_by_client", "trade_id")

    def __init__(self, key: str, trade_id: str, payload: bytes, timed_by_client: bool) -> None:
        self.key = key
        self.payload = payload
        self.trade_id = trade_id
        self.timed_by_client = timed_by_client

    def repeats(self, stored: bytes) -> bool:
        """Whether the stored trade has the same content: numbers by value, symbols in any case, the time only if the
        client sent one.
        """
        known = _decode_trade(stored)
        again = _decode_trade(number(self.payload, known.seq))
        if known == again:
            return True
        ts = again.ts if self.timed_by_client else known.ts
        symbol = known.symbol if case_folded(again.symbol) == case_folded(known.symbol) else again.symbol
        return known == msgspec.structs.replace(again, ts=ts, symbol=symbol)


class TradeIds:
    """Makes ids for trades sent without one: unique and ascending, which keeps the journal's index fast."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)
        self._count = itertools.count()

    def make(self, now_ns: int) -> str:
        """A new id. The time and 32 random bits per process keep it unique across restarts."""
        return f"t{now_ns:x}-{self._process}-{next(self._count):x}"


def stored_trade_id(numbered: bytes) -> str:
    """The trade id of a journaled trade."""
    return _decode_trade(numbered).trade_id


_decode_trade = msgspec.json.Decoder(Trade).decode
