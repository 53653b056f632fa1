"""One trade that was checked, as the stream takes it. No I/O."""

import itertools
import secrets

import msgspec

from telemetry_stream.events import Event
from telemetry_stream.wire import number
from trading_model.trade import Trade


class TradeEvent(Event):
    """A trade that was checked, ready for the journal. Its key is unique within the stream: account and trade id."""

    __slots__ = ("timed_by_client", "trade_id")

    def __init__(self, account: str, trade_id: str, payload: bytes, timed_by_client: bool) -> None:
        self.key = make_key(account, trade_id)
        self.payload = payload
        self.trade_id = trade_id
        self.timed_by_client = timed_by_client

    def repeats(self, stored: bytes) -> bool:
        """Whether it says the same: numbers by value, and the time only where the client gave one."""
        known = _decode_trade(stored)
        again = _decode_trade(number(self.payload, known.seq))
        return known == (again if self.timed_by_client else msgspec.structs.replace(again, ts=known.ts))


class TradeIds:
    """Makes ids for trades that come without one: unique, and ascending, which keeps the journal's index quick."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)
        self._count = itertools.count()

    def make(self, now_ns: int) -> str:
        """An id that no other trade has."""
        return f"t{now_ns:x}-{self._process}-{next(self._count):x}"


class _Keyed(msgspec.Struct):
    account: str | None = None
    trade_id: str | None = None
    kind: str | None = None


def stored_key(numbered: bytes) -> str | None:
    """The key of one event as journaled; None for one that is no fill. Raises ValueError where it is no event."""
    event = _decode_keyed(numbered)
    if event.kind is not None or event.account is None or event.trade_id is None:
        return None
    return make_key(event.account, event.trade_id)


def make_key(account: str, trade_id: str) -> str:
    """The key of a fill: unique within the stream."""
    return f"{account}\x1f{trade_id}"


def stored_trade_id(numbered: bytes) -> str:
    """The trade id of one trade as journaled."""
    return _decode_trade(numbered).trade_id


_decode_keyed = msgspec.json.Decoder(_Keyed).decode
_decode_trade = msgspec.json.Decoder(Trade).decode
