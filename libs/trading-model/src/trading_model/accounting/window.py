"""The last batches as they came, to fold a position's recent fills again when one arrives out of order. No I/O."""

import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence

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
        """The fills with sequences from `after` + 1 to `until`, as journaled; with symbols, at least those of them."""
        names_one = re.compile(b"|".join(re.escape(symbol.encode()) for symbol in symbols)).search
        for first, batch in self._batches:
            if after < batch.last and first <= until and names_one(batch.events):
                for fill in self._items(batch):
                    if isinstance(fill, Fill) and max(after, first - 1) < fill.seq <= until:
                        yield fill

    def _items(self, batch: EventBatch) -> Sequence[Item]:
        found = self._mixed.get(batch.last)
        if found is not None:
            return found
        content = read_batch(batch, 0)
        if content.items is None:
            return content.fills
        self._mixed[batch.last] = content.items
        return content.items
