"""Keeps the last trades of one instrument, to compare repetitions with. No I/O."""

from bisect import bisect_right
from collections import deque

from market_feed.market import Trade, TradeRun

RECENT = 1_024
"""Trades kept, at least, and no whole run more. A venue's page has 1,000; two connections differ by less."""


class RecentTrades:
    """The last trades that were passed on, alone or in runs, in ascending order of their ids."""

    def __init__(self) -> None:
        self.count = 0
        self._parts: deque[Trade | TradeRun] = deque()

    def add(self, trade: Trade) -> None:
        """Keep a trade, and forget older ones. Its id is above the others."""
        self._parts.append(trade)
        self.count += 1
        if self.count > RECENT:
            self._forget()

    def add_run(self, run: TradeRun) -> None:
        """Keep a run, and forget older trades. Its ids are above the others."""
        self._parts.append(run)
        self.count += len(run)
        if self.count > RECENT:
            self._forget()

    def find(self, number: int) -> Trade | None:
        """The trade of this id; None if it is not among them."""
        place = bisect_right(self._parts, number, key=_first_id) - 1
        if place < 0:
            return None
        part = self._parts[place]
        if isinstance(part, TradeRun):
            return part.trade(number - part.first) if number <= part.last else None
        return part if part.id == number else None

    def _forget(self) -> None:
        while self.count - (size := _size(self._parts[0])) >= RECENT:
            self._parts.popleft()
            self.count -= size


def _first_id(part: Trade | TradeRun) -> int:
    return part.first if isinstance(part, TradeRun) else part.id


def _size(part: Trade | TradeRun) -> int:
    return len(part) if isinstance(part, TradeRun) else 1
