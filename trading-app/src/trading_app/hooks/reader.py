"""Reads the messages of one hook: from bytes to fills in the ledger's terms. No I/O."""

from collections.abc import Callable, Mapping
from typing import Protocol

from trading_app.hooks.freqtrade import FreqtradeReader
from trading_app.hooks.hook import Hook
from trading_app.hooks.message import Record, read_record
from trading_app.hooks.readings import Fill, Ignored, Readings, Unreadable


class PresetReader(Protocol):
    """Reads the records of one hook, in the order in which they arrive."""

    def read(self, record: Record, received_ns: int) -> Readings:
        """What a message says that arrived at `received_ns`. Raises Unreadable."""
        ...


READERS: Mapping[str, Callable[[], PresetReader]] = {"freqtrade": FreqtradeReader}
"""By preset, what makes the reader of a hook."""


class HookReader:
    """Reads the messages of one hook, in the order in which they arrive."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook
        self._reader = READERS[hook.preset]()

    def read(self, body: bytes, content_type: str, received_ns: int) -> Readings:
        """What a message says that arrived at `received_ns`, in ns since 1970. Raises Unreadable."""
        readings = self._reader.read(read_record(body, content_type), received_ns)
        return readings if isinstance(readings, Ignored) else [self._complete(fill) for fill in readings]

    def _complete(self, fill: Fill) -> Fill:
        """The fill with what the hook says of it."""
        hook, symbol = self._hook, fill.members["symbol"]
        account = fill.members.get("account", hook.account)
        if account not in hook.accounts:
            raise Unreadable(f"the hook is not set up for the account {account[:64]!r}: add it to its `accounts`")
        own = {"account": account, "strategy": hook.strategy}
        if hook.currency:
            own["currency"] = hook.currency
        members = own | dict(fill.members) | {"symbol": hook.symbols.get(symbol, symbol)}
        return Fill(members, fill.timed_by_sender)
