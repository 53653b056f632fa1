"""Net P&L over the last hour, one point a second, for the page's chart. No I/O.

Points are binary floats, since they are drawn and never shown as digits.
"""

from array import array
from collections.abc import Callable, Collection, Hashable, Mapping
from math import isnan, nan
from typing import Generic, TypeVar

SECONDS = 3_600
MAX_KEYS = 500

Key = TypeVar("Key", bound=Hashable)


class PnlHistory(Generic[Key]):
    """The last `seconds` points of each key, in a ring: at most `max_keys` × `seconds` × 8 bytes."""

    def __init__(self, seconds: int = SECONDS, max_keys: int = MAX_KEYS) -> None:
        self._max_keys = max_keys
        self._times = array("q", bytes(8 * seconds))
        self._values: dict[Key, array[float]] = {}
        self._newest = 0

    def has_room_for(self, keys: Collection[Key]) -> bool:
        """Whether points of all these keys can be added."""
        return len(self._values) + sum(key not in self._values for key in keys) <= self._max_keys

    def add(self, second: int, values: Mapping[Key, float]) -> None:
        """Add the values of one second (since 1970). Keys beyond `max_keys` are left out, as is a second that is not
        newer than the last one.
        """
        if second <= self._newest:
            return
        self._newest = second
        slot = second % len(self._times)
        self._times[slot] = second
        for ring in self._values.values():
            ring[slot] = nan
        for key, value in values.items():
            points = self._values.get(key) or self._open(key)
            if points:
                points[slot] = value

    def read(self, wanted: Callable[[Key], bool]) -> list[tuple[int, float]]:
        """The sum over the wanted keys for each second, ascending."""
        rings = [points for key, points in self._values.items() if wanted(key)]
        oldest = self._newest - len(self._times)
        found = []
        for second, slot in sorted((second, slot) for slot, second in enumerate(self._times) if second > oldest):
            known = [points[slot] for points in rings if not isnan(points[slot])]
            if known:
                found.append((second, sum(known)))
        return found

    def clear(self) -> None:
        """Drop all points."""
        self._values.clear()

    def _open(self, key: Key) -> "array[float] | None":
        if len(self._values) >= self._max_keys:
            return None
        points = self._values[key] = array("d", [nan]) * len(self._times)
        return points
