"""Recomputes positions from all their fills, beside the live fold. No I/O: the fills are an argument."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import islice, repeat

from trading_model.accounting.book import EMPTY, Book, BookState
from trading_model.accounting.fills import Fill, LineKey, line_of
from trading_model.accounting.positions import Position
from trading_model.accounting.steps import Carried, MoveStep, OtherStep, Step, fold, order_of, place_of
from trading_model.decimals import exactly

TAIL_STEPS = 4_096
"""Last steps that recomputed positions keep with the state before them, for the next live race: of all together."""

MAX_TAIL = 256
"""Maximum of them that a position keeps at least; it keeps up to twice as many."""

YIELD_EVERY = 64
"""Fills folded between two calls of `pause`."""


@dataclass(slots=True)
class Fresh:
    """A position folded from nothing: the book, the position that gets it, and its last steps. `lines` are the keys of
    its fills, with symbols in upper case, as the store has them.
    """

    position: Position
    book: Book
    lines: list[LineKey]
    others: list[tuple[OtherStep, "Fresh"]] = field(default_factory=list)
    before: BookState = EMPTY
    steps: list[Step] = field(default_factory=list)
    tail_steps: int = MAX_TAIL
    _older: tuple[BookState, list[Step]] | None = None

    def take(self, step: Step) -> None:
        """Fold a step."""
        fold(self.book, step)
        self.steps.append(step)
        if len(self.steps) >= self.tail_steps:
            self._older = (self.before, self.steps)
            self.before, self.steps = self.book.state(), []

    def tail(self) -> tuple[BookState, list[Step]]:
        """The state before the last steps, and these."""
        if self._older is None:
            return self.before, self.steps
        return self._older[0], self._older[1] + self.steps


FillsOf = Callable[[Sequence[LineKey]], Iterable[Fill]]
"""Gives the fills in force of some keys, with symbols in upper case, in the order of trading."""


@dataclass(slots=True)
class Refold:
    """What is to be recomputed. `at` is the last event applied when it was planned.

    `fold` may run in another thread, beside `TradingState.apply`: it changes nothing that others see.
    """

    at: int
    fresh: list[Fresh]
    carried: dict[int, Carried]

    def fold(self, fills_of: FillsOf, pause: Callable[[], object] = lambda: None) -> None:
        """Fold the fills of all positions. `pause` lets other threads run.

        One position after the other, in half the time of all merged by time. Those with moves are folded together: a
        move carries cost from one to another.
        """
        alone, moved = list[Fresh](), list[Fresh]()
        for one in self.fresh:
            (moved if any(isinstance(step, MoveStep) for step, _ in one.others) else alone).append(one)
        for one in alone:
            self._fold_together([one], fills_of, pause)
        if moved:
            self._fold_together(moved, fills_of, pause)

    def _fold_together(self, group: list[Fresh], fills_of: FillsOf, pause: Callable[[], object]) -> None:
        of_line = {line: one for one in group for line in one.lines}
        fills = fills_of(list(of_line))
        steps: Iterator[tuple[Step, Fresh]]
        if len(group) == 1:
            steps = zip(fills, repeat(group[0]), strict=False)
        else:
            steps = ((fill, of_line[stored_line_of(fill)]) for fill in fills)
        others = sorted((pair for one in group for pair in one.others), key=lambda pair: place_of(pair[0]))
        if others:
            steps = merge(steps, others, key=lambda pair: order_of(pair[0]))
        while self._fold_some(steps):
            pause()

    @exactly
    def _fold_some(self, steps: Iterator[tuple[Step, Fresh]]) -> bool:
        some = list(islice(steps, YIELD_EVERY))
        for step, one in some:
            one.take(step)
        return len(some) == YIELD_EVERY


def stored_line_of(fill: Fill) -> LineKey:
    """The key of a fill in the store, which has symbols in upper case: one position has all spellings of a symbol."""
    return upper_case(line_of(fill))


def upper_case(key: LineKey) -> LineKey:
    """The key with its symbol in upper case."""
    return key._replace(symbol=key.symbol.upper())
