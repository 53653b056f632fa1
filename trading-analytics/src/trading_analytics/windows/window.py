"""One window over one market: a sum of panes, of which the oldest leave. No I/O."""

from typing import NamedTuple

from trading_analytics.windows.observations import Trade
from trading_analytics.windows.summary import Summary, add
from trading_analytics.windows.two_stacks import TwoStacks

MAX_PANES = 240
"""Of a window, which bounds its memory: some 2 kB each. A window of up to two minutes moves by each grid point of
500 ms, one of 5 minutes by 1.5 s, one of 24 hours by 6 minutes.
"""


class Content(NamedTuple):
    """What a window has at a grid point: it begins behind the grid point `start`, which is not part of it."""

    start: int
    summary: Summary | None
    before: Trade | None
    """The last trade before the window, as far as it was seen."""


class Window:
    """The summaries of the last `length` grid points, in panes of equal length that leave whole.

    A pane that is not wholly within the window is not part of it, so the window is shorter than `length` by less than a
    pane. Call its methods under the EXACT context.
    """

    __slots__ = ("_before", "_pane", "_pane_sum", "_stacks", "length", "pane")

    def __init__(self, length: int) -> None:
        """`length` is in grid points."""
        self.length = length
        self.pane = -(-length // MAX_PANES)
        """Length of a pane in grid points. The panes of all windows of this length begin at the same grid points."""

        self._stacks: TwoStacks[Summary] = TwoStacks(add)
        self._pane = 0
        self._pane_sum: Summary | None = None
        self._before: Trade | None = None

    def push(self, point: int, summary: Summary) -> None:
        """Add the summary of a grid point later than those before."""
        pane = -(-point // self.pane)
        if self._pane_sum is None:
            self._pane, self._pane_sum = pane, summary
        elif pane == self._pane:
            self._pane_sum = add(self._pane_sum, summary)
        else:
            self._stacks.push(self._pane, self._pane_sum)
            self._pane, self._pane_sum = pane, summary
            self._evict(self._first_pane(point))

    def at(self, point: int) -> Content:
        """What the window has at a grid point, at or after the last one that was added."""
        first = self._first_pane(point)
        self._evict(first)
        if self._pane_sum is not None and self._pane < first:
            self._leave(self._pane_sum)
            self._pane_sum = None
        older, newest = self._stacks.total(), self._pane_sum
        summary = older if newest is None else newest if older is None else add(older, newest)
        return Content((first - 1) * self.pane, summary, self._before)

    def _first_pane(self, point: int) -> int:
        """The oldest pane that is wholly within the window."""
        return -((self.length - point) // self.pane) + 1

    def _evict(self, first: int) -> None:
        for summary in self._stacks.evict(first):
            self._leave(summary)

    def _leave(self, summary: Summary) -> None:
        if summary.trades is not None:
            self._before = summary.trades.last
