"""An exchange that answers from a list of unified trades, in pages, as exchanges do. ccxt is not needed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trading_app.follow.source import Span, Unavailable

NOW_MS = 1_763_800_000_000
DAY_MS = 86_400_000


def trade(number: int, time_ms: int, **members: Any) -> dict[str, Any]:
    """A unified trade."""
    return {
        "info": {},
        "id": f"t{number}",
        "timestamp": time_ms,
        "datetime": None,
        "symbol": "BTC/USDT",
        "order": f"o{number}",
        "side": ("buy", "sell")[number % 2],
        "takerOrMaker": "taker",
        "price": f"{60_000 + number}.5",
        "amount": "0.10",
        "cost": None,
        "fee": {"cost": "0.001", "currency": "BNB"},
        **members,
    }


@dataclass
class Recorded:
    """A Source. `newest_first` says which part of a span with more than a page it answers, `window_days` how long a
    span may be. `asked` counts requests; each of `failures` is raised once, at that request.
    """

    items: list[Mapping[str, Any]]
    payments: list[Mapping[str, Any]] = field(default_factory=list)
    page: int = 100
    newest_first: bool = False
    window_days: float | None = None
    days_back: float | None = None
    asked: int = 0
    failures: dict[int, Exception] = field(default_factory=dict)
    sizes: dict[str, str] = field(default_factory=dict)
    before_answer: Callable[[], object] = bool
    clock_ms: int | None = None
    name: str = "recorded"

    def prepare(self, symbols: Sequence[str]) -> None:
        """Nothing to load."""

    def now_ms(self) -> int | None:
        """Its own time, if it has one."""
        return self.clock_ms

    def span(self, _symbol: str | None) -> Span:
        """The spans of time to ask for, of every symbol."""
        return Span(self.window_days, self.days_back)

    def has_funding(self, _symbol: str | None) -> bool:
        """Whether there are payments."""
        return bool(self.payments)

    def trades(self, symbol: str | None, since_ms: int, until_ms: int | None) -> Sequence[Mapping[str, Any]]:
        """One page of trades."""
        return self._answer(self.items, symbol, since_ms, until_ms)

    def funding(self, symbol: str | None, since_ms: int, until_ms: int | None) -> Sequence[Mapping[str, Any]]:
        """One page of funding."""
        return self._answer(self.payments, symbol, since_ms, until_ms)

    def contract_size(self, symbol: str) -> str:
        """From `sizes`."""
        return self.sizes.get(symbol, "")

    def _answer(
        self, items: Sequence[Mapping[str, Any]], symbol: str | None, since_ms: int, until_ms: int | None
    ) -> Sequence[Mapping[str, Any]]:
        self.asked += 1
        self.before_answer()
        if self.asked in self.failures:
            raise self.failures.pop(self.asked)
        if self.window_days is not None:
            if until_ms is None:
                until_ms = since_ms + int(self.window_days * DAY_MS)
            if until_ms - since_ms > self.window_days * DAY_MS:
                raise Unavailable("the span is too long")
        within = [
            each
            for each in items
            if (symbol is None or each["symbol"] == symbol)
            and since_ms <= each["timestamp"]
            and (until_ms is None or each["timestamp"] <= until_ms)
        ]
        within.sort(key=lambda each: each["timestamp"])
        return within[-self.page :][::-1] if self.newest_first else within[: self.page]
