"""The sum of the last items of a sequence, whose items need not be numbers and can't be subtracted.

Two stacks, after "In-Order Sliding-Window Aggregation in Worst-Case Constant Time" (Tangwongsan, Hirzel, Schneider,
2021, section 2): items go onto the back stack, whose sum is kept; the front stack has, with each older item, the sum of
it and those after it. When the front stack is empty the back stack is turned over onto it. So each item is added three
times at most, whatever the length of the window, and none is ever taken off a sum. New items wait until a sum is asked
for: those that leave before, as while a reader catches up, are never added.
"""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class TwoStacks(Generic[Item]):
    """Items with ascending places. `add(a, b)` is the sum of two that follow each other; it must be associative."""

    __slots__ = ("_add", "_back", "_back_sum", "_front", "_waiting")

    def __init__(self, add: Callable[[Item, Item], Item]) -> None:
        self._add = add
        self._front: list[tuple[int, Item, Item]] = []
        """Place, item, and the sum of it and the later ones of this stack; the oldest last."""

        self._back: list[tuple[int, Item]] = []
        self._back_sum: Item | None = None
        self._waiting: deque[tuple[int, Item]] = deque()

    def __len__(self) -> int:
        return len(self._front) + len(self._back) + len(self._waiting)

    def push(self, place: int, item: Item) -> None:
        """Add an item behind all others."""
        self._waiting.append((place, item))

    def evict(self, place: int) -> list[Item]:
        """Drop the items before a place. Returns them, the oldest first."""
        dropped: list[Item] = []
        front, waiting = self._front, self._waiting
        while front and front[-1][0] < place:
            dropped.append(front.pop()[1])
        if not front and self._back and self._back[0][0] < place:
            self._turn_over()
            while front and front[-1][0] < place:
                dropped.append(front.pop()[1])
        if not front and not self._back:
            while waiting and waiting[0][0] < place:
                dropped.append(waiting.popleft()[1])
        return dropped

    def total(self) -> Item | None:
        """The sum of all items; None if there are none."""
        add, back, waiting, back_sum = self._add, self._back, self._waiting, self._back_sum
        while waiting:
            pair = waiting.popleft()
            back.append(pair)
            back_sum = pair[1] if back_sum is None else add(back_sum, pair[1])
        self._back_sum = back_sum
        if not self._front:
            return back_sum
        oldest = self._front[-1][2]
        return oldest if back_sum is None else add(oldest, back_sum)

    def _turn_over(self) -> None:
        add, front = self._add, self._front
        total: Item | None = None
        for place, item in reversed(self._back):
            total = item if total is None else add(item, total)
            front.append((place, item, total))
        self._back.clear()
        self._back_sum = None
