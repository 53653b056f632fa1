"""One checked trade as an event of the stream, with its key and its id. No I/O."""

import itertools
import secrets

import msgspec

from telemetry_stream.events import Event
from telemetry_stream.wire import number
from trading_model.trade import Trade


class TradeEvent(Event):
    """A checked trade, ready for the journal. Its key, account and trade id, is unique within the stream."""

    __slots__ = ("timed_by_client", "trade_id")

    def __init__(self, account: str, trade_id: str, payload: bytes, timed_by_client: bool) -> None:
        self.key = make_key(account, trade_id)
        self.payload = payload
        self.trade_id = trade_id
        self.timed_by_client = timed_by_client

    def repeats(self, stored: bytes) -> bool:
        """Whether the stored trade has the same content: numbers by value, the time only if the client sent one."""
        known = _decode_trade(stored)
        again = _decode_trade(number(self.payload, known.seq))
        return known == (again if self.timed_by_client else msgspec.structs.replace(again, ts=known.ts))


class TradeIds:
    """Makes ids for trades sent without one: unique and ascending, which keeps the journal's index fast."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)
        self._count = itertools.count()

    def make(self, now_ns: int) -> str:
        """A new id. The time and 32 random bits per process keep it unique across restarts."""
        return f"t{now_ns:x}-{self._process}-{next(self._count):x}"


class _Keyed(msgspec.Struct):
    account: str | None = None
    trade_id: str | None = None
    kind: str | None = None


def stored_key(numbered: bytes) -> str | None:
    """The key of a journaled event; None if it is not a fill. Raises ValueError if it is not an event."""
    event = _decode_keyed(numbered)
    if event.kind is not None or event.account is None or event.trade_id is None:
        return None
    return make_key(event.account, event.trade_id)


def make_key(account: str, trade_id: str) -> str:
    """The key of a fill, unique within the stream. Neither part can hold the separator, a control character."""
    return f"{account}\x1f{trade_id}"


def stored_trade_id(numbered: bytes) -> str:
    """The trade id of a journaled trade."""
    return _decode_trade(numbered).trade_id


_decode_keyed = msgspec.json.Decoder(_Keyed).decode
_decode_trade = msgspec.json.Decoder(Trade).decode
