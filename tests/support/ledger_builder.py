"""Builds ledgers as journaled, event by event, in the words of docs/wire-contract.md."""

from datetime import UTC, datetime, timedelta
from typing import Any

Event = dict[str, Any]
START = datetime(2026, 1, 5, tzinfo=UTC)


def minute(number: float) -> str:
    """The time that many minutes after the start."""
    return (START + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class LedgerBuilder:
    """A ledger that grows. Each method appends one event and returns its sequence.

    An event without `ts` happens one minute after the one before it.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._minute = 0

    def fill(self, side: str, qty: str, price: str, symbol: str = "BTC/USDT", **more: Any) -> int:
        """A fill; `more` are further members."""
        seq = len(self.events) + 1
        fill = {"seq": seq, "trade_id": f"t-{seq}", "symbol": symbol, "price": price, "qty": qty, "side": side}
        fill |= {"ts": self._next(), "account": "default", "strategy": "default"} | more
        self.events.append(fill)
        return seq

    def buy(self, qty: str, price: str, symbol: str = "BTC/USDT", **more: Any) -> int:
        """A fill that buys."""
        return self.fill("buy", qty, price, symbol, **more)

    def sell(self, qty: str, price: str, symbol: str = "BTC/USDT", **more: Any) -> int:
        """A fill that sells."""
        return self.fill("sell", qty, price, symbol, **more)

    def void(self, target: int, reason: str = "") -> int:
        """That event never happened."""
        return self._append("void", {"reason": reason, "was": self._was(target)}, target=target)

    def replace(self, target: int, **changes: Any) -> int:
        """The fill was really so."""
        was = self._was(target)
        return self._append("replace", {"fill": was | changes, "was": was}, target=target)

    def say(self, kind: str, **content: Any) -> int:
        """An event of any other kind. `source` and `sink` are a move's `from` and `to`."""
        content = {{"source": "from", "sink": "to"}.get(name, name): value for name, value in content.items()}
        if kind in ("cash", "split", "opening", "move", "price", "rate"):
            content = {"ts": self._next()} | content
        event_id = content.pop("id", f"{kind}-{len(self.events) + 1}")
        return self._append(kind, content, id=event_id)

    def aside(self, kind: str, content: Event, target: int) -> int:
        """An event that changes no figure."""
        return self._append(kind, content, aside=True, target=target)

    def _append(self, kind: str, content: Event, **members: Any) -> int:
        seq = len(self.events) + 1
        event = {"seq": seq, "kind": kind, "id": f"{kind}-{seq}"} | members
        self.events.append(event | {"mark" if kind == "price" else kind: content})
        return seq

    def _was(self, target: int) -> Event:
        return {name: value for name, value in self.events[target - 1].items() if name != "seq"}

    def _next(self) -> str:
        self._minute += 1
        return minute(self._minute)
