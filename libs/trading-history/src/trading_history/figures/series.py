"""A line of net P&L with its unfinished bars. No I/O."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from trading_history.figures.bars import SPANS, Bar
from trading_model.decimals import ZERO


class Name(NamedTuple):
    """Whose net P&L: a row of `series`."""

    kind: str
    account: str
    strategy: str
    symbol: str
    position_side: str
    currency: str


class SeriesState(NamedTuple):
    """A line at one moment: its level, where its last bar begins in Unix seconds, and the unfinished bars of all spans
    but the shortest. Then the values of the present bar, if it is active.
    """

    level: Decimal = ZERO
    last: int = 0
    bars: tuple[Bar | None, ...] = (None,) * (len(SPANS) - 1)
    is_active: bool = False
    high: Decimal = ZERO
    low: Decimal = ZERO
    drawdown: Decimal = ZERO
    open: Decimal = ZERO
    realized: Decimal = ZERO
    fees: Decimal = ZERO
    cash: Decimal = ZERO
    fills: int = 0
    turnover: Decimal = ZERO


EMPTY = SeriesState()


class Series:
    """A line that moves. Call its methods under the EXACT context.

    While it is active, it has changed in the present bar, whose values are attributes: of a second, or of a minute
    where seconds are not kept. Unfinished bars of longer spans are without their unfinished parts.
    """

    __slots__ = (
        "_bars",
        "cash",
        "drawdown",
        "fees",
        "fills",
        "generation",
        "high",
        "is_active",
        "last",
        "level",
        "low",
        "name",
        "open",
        "realized",
        "row",
        "turnover",
    )

    def __init__(self, name: Name) -> None:
        self.name = name
        self.row = 0
        """Its number in the store; 0 while it has none."""

        self.generation = -1
        """Of its last change; see Fold."""

        self.set(EMPTY)

    def state(self) -> SeriesState:
        """The present state."""
        return SeriesState(
            self.level, self.last, self._bars, self.is_active, self.high, self.low, self.drawdown, self.open,
            self.realized, self.fees, self.cash, self.fills, self.turnover,
        )  # fmt: skip

    def set(self, state: SeriesState) -> None:
        """Continue from a state."""
        (
            self.level, self.last, self._bars, self.is_active, self.high, self.low, self.drawdown, self.open,
            self.realized, self.fees, self.cash, self.fills, self.turnover,
        ) = state  # fmt: skip

    @property
    def is_empty(self) -> bool:
        """Whether nothing ever changed."""
        return not self.is_active and self._bars == EMPTY.bars

    def begin(self, start: int) -> None:
        """Begin a bar at a second."""
        self.is_active = True
        self.last = start
        self.open = self.high = self.low = self.level
        self.drawdown = self.realized = self.fees = self.cash = self.turnover = ZERO
        self.fills = 0

    def move(self, change: Decimal) -> None:
        """Change the level within the present bar."""
        level = self.level = self.level + change
        if level > self.high:
            self.high = level
            return
        if level < self.low:
            self.low = level
        fall = self.high - level
        if fall > self.drawdown:
            self.drawdown = fall

    def finish(self, short: list["Finished"], longer: list["Finished"]) -> None:
        """End the present bar. It is appended to `short`, the bars of longer spans that it ends to `longer`."""
        self.is_active = False
        bar = self._present()
        short.append((self, 1, bar))
        bars = list(self._bars)
        for index, span in enumerate(SPANS[1:]):
            whole, begun = bars[index], bar.beginning(span)
            if whole is None:
                bars[index] = begun
                break
            if whole.start == begun.start:
                bars[index] = whole.then(begun)
                break
            bars[index] = begun
            longer.append((self, span, whole))
            bar = whole
        self._bars = tuple(bars)

    def unfinished(self) -> Iterator[tuple[int, Bar]]:
        """The unfinished bars, each with its unfinished parts; the present one has a span of 0."""
        parts = [self._present()] if self.is_active else []
        for part in parts:
            yield 0, part
        for whole, span in zip(self._bars, SPANS[1:], strict=True):
            wholes = [] if whole is None else [whole]
            for part in parts:
                begun = part.beginning(span)
                if wholes and wholes[-1].start == begun.start:
                    wholes[-1] = wholes[-1].then(begun)
                else:
                    wholes.append(begun)
            for bar in wholes:
                yield span, bar
            parts = wholes

    def _present(self) -> Bar:
        return Bar(
            self.last, self.open, self.high, self.low, self.level, self.drawdown, self.realized, self.fees, self.cash,
            self.fills, self.turnover,
        )  # fmt: skip


Finished = tuple[Series, int, Bar]
"""A bar that ended, with its span in seconds."""
