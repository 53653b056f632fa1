"""Curves: lines of net P&L with their unfinished bars, and whose they are. No I/O."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from trading_history.figures.bars import SPANS, Bar, added, new_bar
from trading_model.accounting.book import NO_AMOUNTS
from trading_model.decimals import ZERO

LONGER = SPANS[1:]


class Name(NamedTuple):
    """Whose net P&L: a row of `series`."""

    kind: str
    account: str
    strategy: str
    symbol: str
    position_side: str
    currency: str


class CurveState(NamedTuple):
    """A curve at one moment: its level, where its last bar begins in Unix seconds, and the unfinished bars of all spans
    but the shortest. Then the values of the present bar, if it is active.
    """

    level: Decimal = ZERO
    last: int = 0
    bars: tuple[Bar | None, ...] = (None,) * len(LONGER)
    is_active: bool = False
    high: Decimal = ZERO
    low: Decimal = ZERO
    drawdown: Decimal = ZERO
    trough: Decimal = ZERO
    open: Decimal = ZERO
    realized: Decimal = ZERO
    fees: Decimal = ZERO
    cash: Decimal = ZERO
    fills: int = 0
    turnover: Decimal = ZERO
    fees_outside: dict[str, Decimal] = NO_AMOUNTS


EMPTY = CurveState()


class Curve:
    """A line that moves. Call its methods under the EXACT context.

    While it is active, it has changed in the present bar, whose values are attributes: of a second, or of a minute
    where seconds are not kept. Unfinished bars of longer spans are without their unfinished parts.
    """

    __slots__ = (
        "_bars",
        "cash",
        "drawdown",
        "ended",
        "fees",
        "fees_outside",
        "fills",
        "generation",
        "high",
        "is_active",
        "last",
        "level",
        "low",
        "number",
        "open",
        "realized",
        "trough",
        "turnover",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.generation = -1
        """Of its last change; see Frontier."""

        self.set(EMPTY)
        self.forget_ended()

    def state(self) -> CurveState:
        """The present state."""
        return CurveState(
            self.level, self.last, tuple(self._bars), self.is_active, self.high, self.low, self.drawdown, self.trough,
            self.open, self.realized, self.fees, self.cash, self.fills, self.turnover, self.fees_outside,
        )  # fmt: skip

    def set(self, state: CurveState) -> None:
        """Continue from a state."""
        (
            self.level, self.last, bars, self.is_active, self.high, self.low, self.drawdown, self.trough,
            self.open, self.realized, self.fees, self.cash, self.fills, self.turnover, self.fees_outside,
        ) = state  # fmt: skip
        self._bars = list(bars)

    @property
    def is_empty(self) -> bool:
        """Whether nothing ever changed."""
        return not self.is_active and not any(self._bars)

    def begin(self, start: int) -> None:
        """Begin a bar at a second."""
        self.is_active = True
        self.last = start
        self.open = self.high = self.low = self.trough = self.level
        self.drawdown = self.realized = self.fees = self.cash = self.turnover = ZERO
        self.fills = 0
        self.fees_outside = NO_AMOUNTS

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
            self.drawdown, self.trough = fall, level

    def add(
        self, realized: Decimal = ZERO, fees: Decimal = ZERO, cash: Decimal = ZERO, fills: int = 0,
        turnover: Decimal = ZERO, fees_outside: dict[str, Decimal] = NO_AMOUNTS,
    ) -> None:  # fmt: skip
        """Add amounts to the present bar. The first of each kind stays the same object: as text it is made once."""
        if realized:
            self.realized = self.realized + realized if self.realized else realized
        if fees:
            self.fees = self.fees + fees if self.fees else fees
        if cash:
            self.cash = self.cash + cash if self.cash else cash
        if turnover:
            self.turnover = self.turnover + turnover if self.turnover else turnover
        self.fills += fills
        if fees_outside:
            self.fees_outside = added(self.fees_outside, fees_outside)

    def forget_ended(self) -> None:
        """Forget the bars that ended."""
        self.ended: tuple[list[Bar], ...] = ([], [], [], [], [])
        """Bars that ended, of each of SPANS, the earliest first. Who writes them down lets them be forgotten."""

    def finish(self, *, is_short: bool) -> None:
        """End the present bar, which is one of a second if `is_short`, and the bars of longer spans before it."""
        self.is_active = False
        bar = self._present()
        ended = self.ended
        if is_short:
            ended[0].append(bar)
        bars = self._bars
        for index, span in enumerate(LONGER):
            whole = bars[index]
            bars[index] = bar
            if whole is None:
                break
            if whole[0] // span == bar[0] // span:
                bars[index] = whole.then(bar)
                break
            ended[index + 1].append(whole)
            bar = whole

    def unfinished(self) -> Iterator[tuple[int, Bar]]:
        """The unfinished bars, each with its unfinished parts; the present one has a span of 0."""
        parts = [self._present()] if self.is_active else []
        for part in parts:
            yield 0, part
        for whole, span in zip(self._bars, LONGER, strict=True):
            wholes = [] if whole is None else [whole]
            for part in parts:
                if wholes and wholes[-1].start // span == part.start // span:
                    wholes[-1] = wholes[-1].then(part)
                else:
                    wholes.append(part)
            for bar in wholes:
                yield span, bar
            parts = wholes

    def _present(self) -> Bar:
        return new_bar(Bar, (
            self.last, self.open, self.high, self.low, self.level, self.drawdown, self.trough, self.realized, self.fees,
            self.cash, self.fills, self.turnover, self.fees_outside,
        ))  # fmt: skip


FIRST = -(1 << 62)
"""Before all times, in Unix seconds."""


class Piece(NamedTuple):
    """From a Unix second on, a name has the bars of the curve with this number; of longer spans those that this second
    is in, too.
    """

    since: int
    curve: int


Pieces = tuple[Piece, ...]


class CurvesState(NamedTuple):
    """Whose the curves are at one moment, and the number of the last one: they are numbered from 1."""

    pieces: dict[Name, Pieces]
    last: int


class Curves:
    """All curves, and whose they are. Names whose net P&L was always the same share a curve: those of a position and
    its symbol that nobody else holds, or of the only account and the total. They part once only one of them changes.

    Which curve has which number follows from the order of trading.
    """

    def __init__(self) -> None:
        self.generation = -1
        """Of the last change; see Frontier."""

        self.version = 0
        """Is another one after each change."""

        self.curves: dict[int, Curve] = {}
        self.set(CurvesState({}, 0))

    def state(self) -> CurvesState:
        """The present state, without those of the curves."""
        return CurvesState(self.pieces.copy(), len(self.curves))

    def set(self, state: CurvesState) -> None:
        """Continue from a state. Curves that are in it and exist remain as they are."""
        self.pieces = state.pieces.copy()
        self.curves = {number: self.curves.get(number) or Curve(number) for number in range(1, state.last + 1)}
        self._names: dict[int, set[Name]] = {}
        for name, pieces in self.pieces.items():
            self._names.setdefault(pieces[-1].curve, set()).add(name)
        self.version += 1

    def has(self, curve: Curve) -> bool:
        """Whether a curve is one of these."""
        return self.curves.get(curve.number) is curve

    def of(self, names: Iterable[Name]) -> tuple[Curve, ...] | None:
        """The curves of names, in their order; None if one has none yet, or shares one with a name that is not among
        them: they have to part first.
        """
        wanted: dict[int, None] = {}
        count = 0
        for name in names:
            pieces = self.pieces.get(name)
            if pieces is None:
                return None
            wanted[pieces[-1].curve] = None
            count += 1
        if sum(len(self._names[number]) for number in wanted) > count:
            return None
        return tuple(self.curves[number] for number in wanted)

    def part(self, names: Iterable[Name], second: int) -> list[Curve]:
        """Part names that change together from all others, from a Unix second on. Gives the new curves."""
        groups: dict[int, list[Name]] = {}
        for name in names:
            pieces = self.pieces.get(name)
            groups.setdefault(pieces[-1].curve if pieces else 0, []).append(name)
        made = []
        for number, group in groups.items():
            if number and len(group) == len(self._names[number]):
                continue
            new = self._add(group)
            made.append(new)
            if number:
                new.set(self.curves[number].state())
                self._names[number] -= self._names[new.number]
            for name in group:
                earlier = [one for one in self.pieces.get(name, ()) if one.since < second]
                self.pieces[name] = (*earlier, Piece(second if number else FIRST, new.number))
        self.version += 1
        return made

    def _add(self, names: Iterable[Name]) -> Curve:
        curve = Curve(len(self.curves) + 1)
        self.curves[curve.number] = curve
        self._names[curve.number] = set(names)
        return curve
