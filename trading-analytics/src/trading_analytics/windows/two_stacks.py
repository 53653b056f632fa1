"""The sum of the last items of a sequence, whose items need not be numbers and can't be subtracted.

Two stacks, after "In-Order Sliding-Window Aggregation in Worst-Case Constant Time" (Tangwongsan, Hirzel, Schneider,
2021, section 2): new items go onto the back stack, whose sum is kept; the front stack has, with each older item, the
sum of it and those after it. When the front stack is empty the back stack is turned over onto it. So each item is added
three times at most, whatever the length of the window, and none is ever taken off a sum.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class TwoStacks(Generic[Item]):
    """Items with ascending places. `add(a, b)` is the sum of two that follow each other; it must be associative."""

    __slots__ = ("_add", "_back", "_back_sum", "_front")

    def __init__(self, add: Callable[[Item, Item], Item]) -> None:
        self._add = add
        self._front: list[tuple[int, Item, Item]] = []
        """Place, item, and the sum of it and the later ones of this stack; the oldest last."""

        self._back: list[tuple[int, Item]] = []
        self._back_sum: Item | None = None

    def __len__(self) -> int:
        return len(self._front) + len(self._back)

    def push(self, place: int, item: Item) -> None:
        """Add an item behind all others."""
        self._back.append((place, item))
        self._back_sum = item if self._back_sum is None else self._add(self._back_sum, item)

    def evict(self, place: int) -> list[Item]:
        """Drop the items before a place. Returns them, the oldest first."""
        dropped: list[Item] = []
        front, back = self._front, self._back
        while True:
            while front and front[-1][0] < place:
                dropped.append(front.pop()[1])
            if front or not back or back[0][0] >= place:
                return dropped
            if back[-1][0] < place:  # all of them, after a pause longer than the window
                dropped += [item for _, item in back]
                back.clear()
                self._back_sum = None
                return dropped
            self._turn_over()

    def total(self) -> Item | None:
        """The sum of all items; None if there are none."""
        if not self._front:
            return self._back_sum
        oldest = self._front[-1][2]
        return oldest if self._back_sum is None else self._add(oldest, self._back_sum)

    def _turn_over(self) -> None:
        add, front = self._add, self._front
        total: Item | None = None
        for place, item in reversed(self._back):
            total = item if total is None else add(item, total)
            front.append((place, item, total))
        self._back.clear()
        self._back_sum = None
