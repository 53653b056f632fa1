"""The last batches as they came, to fold a position's recent fills again when one arrives out of order. No I/O."""

import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from itertools import takewhile

from trading_model.accounting.fills import EventBatch, Fill, Item, read_batch

MAX_EVENTS = 16_384
MAX_BYTES = 8 * 1024 * 1024


class Window:
    """Consecutive events up to the last one applied. It keeps bytes, since decoded fills take several times the memory
    and are seldom needed. Batches with other kinds of events are few, and slow to decode: those stay decoded.
    """

    def __init__(self, after: int) -> None:
        """Events begin after the sequence `after`."""
        self.after = after
        """All events with higher sequences are here."""

        self._batches: deque[tuple[int, EventBatch]] = deque()
        self._bytes = 0
        self._mixed: dict[int, list[Item]] = {}
        """The events of batches with other kinds, by their last sequence."""

        self._decoded: dict[int, dict[str, list[Fill]]] = {}
        """The fills of batches decoded since the last `forget`, by their last sequence, then by symbol."""

    def add(self, batch: EventBatch, skip: int) -> None:
        """Keep a batch but for its first `skip` events. Drop what is too old, an eighth at a time."""
        self._batches.append((batch.first + skip, batch))
        self._bytes += len(batch.events)
        if batch.last - self.after > MAX_EVENTS or self._bytes > MAX_BYTES:
            self._drop_oldest(batch.last)

    def _drop_oldest(self, last: int) -> None:
        least = last - MAX_EVENTS * 7 // 8
        while len(self._batches) > 1 and (self.after < least or self._bytes > MAX_BYTES * 7 // 8):
            _, oldest = self._batches.popleft()
            self._bytes -= len(oldest.events)
            self._mixed.pop(oldest.last, None)
            self.after = oldest.last

    def fills(self, after: int, until: int, symbols: Collection[str] = ()) -> Iterator[Fill]:
        """The fills with sequences from `after` + 1 to `until`, as journaled; with symbols, those of them.

        Call `forget` after the last of several such calls.
        """
        names_one = re.compile(b"|".join(re.escape(symbol.encode()) for symbol in symbols)).search
        # From the end: most late fills are late by a few batches, and the window may have thousands.
        recent = list(takewhile(lambda one: one[1].last > after, reversed(self._batches)))
        for first, batch in reversed(recent):
            if first > until:
                break
            decoded = self._decoded.get(batch.last)
            if decoded is None:
                if not names_one(batch.events):
                    continue
                # By symbol: in a race of two bots many positions look for their fills in the same batches.
                decoded = self._decoded[batch.last] = {}
                for item in self._items(batch):
                    if isinstance(item, Fill):
                        decoded.setdefault(item.symbol, []).append(item)
            for symbol in symbols or decoded:
                for fill in decoded.get(symbol, ()):
                    if max(after, first - 1) < fill.seq <= until:
                        yield fill

    def forget(self) -> None:
        """Drop the decoded fills, which take several times the memory of their bytes."""
        self._decoded.clear()

    def _items(self, batch: EventBatch) -> Sequence[Item]:
        found = self._mixed.get(batch.last)
        if found is not None:
            return found
        content = read_batch(batch, 0)
        if content.items is None:
            return content.fills
        self._mixed[batch.last] = content.items
        return content.items
