"""The identity of a fill: what makes two fills the same one. No I/O.

A fill's key is unique within the ledger. Venues make their trade ids unique by symbol, and a fill against oneself has
one id for both sides, so the id alone identifies nothing.
"""

import msgspec

from telemetry_stream.topics import KeyRules
from trading_model.field_rules import case_folded
from trading_model.kinds import key_of

SEPARATOR = "\x1f"
"""Between the parts of a key; a control character, which none of them can hold."""


def fill_key(account: str, venue: str, symbol: str, position_side: str, side: str, trade_id: str) -> str:
    """The key of a fill: the account first, the trade id last. `symbol` is case-folded; what is not given is empty."""
    return f"{account}\x1f{venue}\x1f{symbol}\x1f{position_side}\x1f{side}\x1f{trade_id}"


class _Keyed(msgspec.Struct, gc=False):
    trade_id: str | None = None
    symbol: str = ""
    side: str = ""
    account: str | None = None
    venue: str = ""
    position_side: str = ""
    kind: str | None = None
    id: str = ""
    target: int = 0


_decode = msgspec.json.Decoder(_Keyed).decode


def stored_key(numbered: bytes) -> str | None:
    """The key of a journaled event; None if it shows none. Raises ValueError if it is not an event."""
    event = _decode(numbered)
    if event.kind is not None:
        return key_of(event.kind, event.id, event.target)
    if event.account is None or event.trade_id is None:
        return None
    symbol = case_folded(event.symbol)
    return fill_key(event.account, event.venue, symbol, event.position_side, event.side, event.trade_id)


def _first_stored_key(numbered: bytes) -> str | None:
    """The key of a journaled event by the rule of the journals up to layout 4: account and trade id."""
    event = _decode(numbered)
    if event.kind is not None or event.account is None or event.trade_id is None:
        return None
    return f"{event.account}\x1f{event.trade_id}"


KEY_RULES: KeyRules = (_first_stored_key, stored_key)
"""How the key of a journaled event was made, by version; the last one holds."""
