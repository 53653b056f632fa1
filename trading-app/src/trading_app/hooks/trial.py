"""Shows what messages would become, without sending anything. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from service_kit.problems import Problem
from trading_app.hooks.hook import Hook
from trading_app.hooks.reader import HookReader
from trading_app.hooks.readings import Ignored, Unreadable
from trading_app.intake.decode import read_form
from trading_app.intake.event import TradeIds

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Trial:
    """What a message would become: `accepted` with its fills and events, `ignored` or `unread` with the reason."""

    status: str
    fills: Sequence[Mapping[str, Any]] = ()
    events: Sequence[Mapping[str, str]] = ()
    reason: str = ""

    def document(self) -> dict[str, Any]:
        """The outcome as a JSON object."""
        said = {"trades": self.fills, "events": self.events, "reason": self.reason}
        return {"status": self.status} | {name: content for name, content in said.items() if content}


def split_messages(content: bytes) -> list[bytes]:
    """The messages of a file: the items of a JSON array as they stand there; else the whole file is one."""
    try:
        return [bytes(item) for item in _decode_items(content)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [content.strip()]


def try_messages(hook: Hook, messages: Sequence[bytes], now_ns: int) -> list[Trial]:
    """What messages would become that arrive now, one after the other."""
    reader = HookReader(hook)
    return [_try(reader, message, now_ns) for message in messages]


def _try(reader: HookReader, message: bytes, now_ns: int) -> Trial:
    is_form = b"=" in message and message[:1] not in (b"{", b"[")
    try:
        said = reader.read(message, FORM if is_form else JSON, now_ns)
        if isinstance(said, Ignored):
            return Trial("ignored", reason=said.reason)
        fills = [read_form(fill.members, now_ns, TradeIds()) for fill in said.fills]
    except Unreadable as error:
        return Trial("unread", reason=str(error))
    except Problem as problem:
        return Trial("unread", reason=problem.detail)
    return Trial(
        "accepted", [_decode_members(fill.payload) for fill in fills], [event.members for event in said.events]
    )


_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_members = msgspec.json.Decoder(dict[str, Any]).decode
