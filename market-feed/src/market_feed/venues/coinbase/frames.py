"""Reads Coinbase Exchange's feed. https://docs.cdp.coinbase.com/exchange/websocket-feed/channels. No I/O."""

from collections.abc import Callable, Sequence

import msgspec

from market_feed.market import Head, Item, Quote, Refusal, Side, Subscriptions, Trade, Unreadable
from market_feed.times import from_text, is_plausible
from market_feed.venues.decimals import Decimals
from telemetry_stream.id_spaces import MAX_DIGITS

MAX_ID = 10**MAX_DIGITS


class _Channel(msgspec.Struct, gc=False):
    name: str
    product_ids: list[str] = []


class _Message(msgspec.Struct, gc=False):
    """The members of every message that is used; which of them one has depends on `type`."""

    type: str = ""
    product_id: str = ""
    trade_id: int = 0
    last_trade_id: int = 0
    sequence: int = 0
    price: str = ""
    size: str = ""
    side: str = ""
    time: str = ""
    best_bid: str = ""
    best_bid_size: str = ""
    best_ask: str = ""
    best_ask_size: str = ""
    channels: list[_Channel] = []
    message: str = ""
    reason: msgspec.Raw = msgspec.Raw()


_decode_all = msgspec.json.Decoder(list[_Message]).decode
_decode_one = msgspec.json.Decoder(_Message | list[_Message]).decode
_REASONS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class CoinbaseReader:
    """Reads one connection."""

    def __init__(self) -> None:
        self._decimals = Decimals()
        self._read: dict[str, Callable[[_Message, int], Item]] = {
            "match": self._match,
            "last_match": self._match,
            "heartbeat": lambda message, _: Head(message.product_id, message.last_trade_id),
            "ticker": self._ticker,
            "subscriptions": lambda message, _: _subscriptions(message),
            "error": lambda message, _: _refusal(message),
        }

    def read(self, frames: Sequence[bytes], now_us: int) -> list[Item]:
        """What the frames say, in order. They are decoded as one array, and one by one only if that fails."""
        try:
            messages = _decode_all(b"[%b]" % b",".join(frames))
        except _REASONS:
            messages = []
        if len(messages) != len(frames):
            return [item for frame in frames for item in self._read_alone(frame, now_us)]
        items = self._items(messages, now_us)
        if any(type(item) is Unreadable for item in items):  # once more, with the bytes of each frame
            return [item for frame in frames for item in self._read_alone(frame, now_us)]
        return items

    def _read_alone(self, frame: bytes, now_us: int) -> list[Item]:
        try:
            decoded = _decode_one(frame)
        except _REASONS:
            return [Unreadable("malformed", frame)]
        items = self._items(decoded if isinstance(decoded, list) else [decoded], now_us)
        return [Unreadable(item.reason, frame) if type(item) is Unreadable else item for item in items]

    def _items(self, messages: Sequence[_Message], now_us: int) -> list[Item]:
        reads = self._read
        return [read(message, now_us) for message in messages if (read := reads.get(message.type)) is not None]

    def _match(self, message: _Message, now_us: int) -> Item:
        has = self._decimals.has
        if not (0 < message.trade_id < MAX_ID and message.product_id):
            return Unreadable("ids", b"")
        if not (has(message.price) and has(message.size)):
            return Unreadable("number", b"")
        time_us = time_of(message.time, now_us)
        if time_us is None:
            return Unreadable("time", b"")
        side = taker_side(message.side)
        return Trade(message.product_id, message.trade_id, message.price, message.size, side, message.time, time_us)

    def _ticker(self, message: _Message, _now_us: int) -> Item:
        numbers = (message.best_bid, message.best_bid_size, message.best_ask, message.best_ask_size)
        if not (message.product_id and message.sequence > 0 and all(map(self._decimals.has, numbers))):
            return Unreadable("number", b"")
        return Quote(message.product_id, message.sequence, *numbers)


def taker_side(maker_side: str) -> Side:
    """The aggressor's side of a match, which names the maker's."""
    sides: dict[str, Side] = {"sell": "buy", "buy": "sell"}
    return sides.get(maker_side, "unknown")


def time_of(text: str, now_us: int) -> int | None:
    """Microseconds since 1970; None for what can't be a time."""
    try:
        time_us = from_text(text)
    except ValueError:
        return None
    return time_us if is_plausible(time_us, now_us) else None


def _refusal(message: _Message) -> Refusal:
    """What it says; the reason as the venue wrote it, but for the quotes around a text."""
    reason = bytes(message.reason)[:200].decode(errors="replace").strip('"')
    return Refusal(f"{message.message}: {reason}"[:200])


def _subscriptions(message: _Message) -> Subscriptions:
    names = [f"{product}@{channel.name}" for channel in message.channels for product in channel.product_ids]
    return Subscriptions(tuple(names))
