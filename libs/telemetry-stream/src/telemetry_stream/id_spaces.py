"""Which ids of a venue are known: per space of ids the highest, and the gaps below it. A fold, without I/O.

A venue numbers what it sends, each symbol on its own. So an id is known if it is at most the head of its space and in
none of its gaps. No index of keys is needed, and the state stays small however long the stream gets.
"""

from bisect import bisect_right

import msgspec

MAX_GAPS = 1_000
"""Open gaps kept for one space. Past it the oldest is given up: what comes for it later counts as known."""


MAX_DIGITS = 18
"""Of an id: a store's integer holds no more."""


class IdSpace(msgspec.Struct):
    """The ids of one space. `gaps` are ranges of missing ids, both ends included, ascending and below the head."""

    head: int
    gaps: list[tuple[int, int]] = []

    def claim(self, number: int) -> bool:
        """Take an id; False if it is known."""
        if number > self.head:
            if number > self.head + 1:
                self.skip(number - 1)
            self.head = number
            return True
        place = bisect_right(self.gaps, number, key=_first) - 1
        if place < 0 or number > self.gaps[place][1]:
            return False
        first, last = self.gaps[place]
        self.gaps[place : place + 1] = [gap for gap in ((first, number - 1), (number + 1, last)) if gap[0] <= gap[1]]
        return True

    def claim_run(self, first: int, last: int) -> bool:
        """Take the ids `first` to `last`, if all are above the head; else none of them."""
        if first <= self.head:
            return False
        if first > self.head + 1:
            self.skip(first - 1)
        self.head = last
        return True

    def skip(self, last: int) -> None:
        """Leave the ids above the head, up to `last`, missing."""
        self.gaps.append((self.head + 1, last))
        del self.gaps[:-MAX_GAPS]
        self.head = last

    def missing_between(self, first: int, last: int) -> list[tuple[int, int]]:
        """The missing ids from `first` to `last`, as ranges."""
        return [(max(first, a), min(last, b)) for a, b in self.gaps if a <= last and b >= first]


def _first(gap: tuple[int, int]) -> int:
    return gap[0]


def split_key(key: str) -> tuple[str, int]:
    """The space and the id in an event's key, `SPACE#ID`. Raises ValueError."""
    space, mark, number = key.rpartition("#")
    if not (mark and space and number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS):
        raise ValueError(f"{key!r} does not end in #ID")
    return space, int(number)
