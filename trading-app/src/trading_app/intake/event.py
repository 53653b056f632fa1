"""One checked trade as an event of the stream, with its id. No I/O."""

import itertools
import secrets
from typing import Any, NamedTuple

import msgspec

from telemetry_stream.events import Event
from telemetry_stream.wire import number
from trading_model.field_rules import case_folded
from trading_model.trade import Trade

ALL_SENT: frozenset[str] = frozenset()
TIME_ASSUMED = frozenset({"ts"})


class TradeEvent(Event):
    """A checked trade, ready for the journal. `key` is its identity; see `identity`.

    `assumed` are the fields that its sender did not say: they make no difference to a stored trade.
    Once it was compared with a stored trade of its identity, `stored` is that trade: its sequence and its import.
    """

    __slots__ = ("assumed", "stored", "trade_id")

    def __init__(self, key: str, trade_id: str, payload: bytes, assumed: frozenset[str]) -> None:
        self.key = key
        self.payload = payload
        self.trade_id = trade_id
        self.assumed = assumed
        self.stored: StoredTrade | None = None

    def repeats(self, stored: bytes) -> bool:
        """Whether the stored trade has the same content: numbers by value, symbols in any case, what is assumed left
        aside. Which import brought them is no part of it.
        """
        numbered, _, members = stored.partition(b",")
        content, import_id = _without_import(members)
        self.stored = StoredTrade(int(numbered[_SEQUENCE]), import_id)
        if content == _without_import(self.payload[1:])[0]:
            return True
        known = _decode_trade(stored)
        again = _decode_trade(number(self.payload, known.seq))
        return known == again or not self._differing(known, again)

    def has_content(self, stored: bytes) -> bool:
        """Whether a stored trade says the same, by the rules of `repeats`."""
        return not self._differing(_decode_trade(stored), _decode_trade(number(self.payload, 0)))

    def differences(self, stored: bytes) -> dict[str, tuple[object, object]]:
        """What differs between this trade and a stored one: by field its value here and there, None for none."""
        known, again = _decode_trade(stored), _decode_trade(number(self.payload, 0))
        here, there = _decode_members(self.payload), _decode_members(stored)
        return {name: (here.get(name), there.get(name)) for name in self._differing(known, again)}

    def _differing(self, known: Trade, again: Trade) -> list[str]:
        names = [
            name for name in _COMPARED if getattr(known, name) != getattr(again, name) and name not in self.assumed
        ]
        if not known.fee and not again.fee:  # a fee of 0 is none
            names = [name for name in names if name not in ("fee", "fee_currency")]
        if "symbol" in names and case_folded(again.symbol) == case_folded(known.symbol):
            names.remove("symbol")
        return names


class StoredTrade(NamedTuple):
    """A trade of the ledger: its sequence, and the id of the import that brought it; empty for none."""

    sequence: int
    import_id: str = ""


def _without_import(members: bytes) -> tuple[bytes, str]:
    """The members of a journaled trade without its import, and the import's id. It is the last member."""
    content, found, import_id = members.rpartition(_IMPORT)  # no value holds it: quotes in values would be escaped
    return (content + b"}", import_id[:-2].decode()) if found else (members, "")


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


_IMPORT = b',"import_id":"'
_SEQUENCE = slice(len('{"seq":'), None)
_COMPARED = [name for name in Trade.__struct_fields__ if name not in ("seq", "import_id")]
_decode_members = msgspec.json.Decoder(dict[str, Any]).decode
_decode_trade = msgspec.json.Decoder(Trade).decode
