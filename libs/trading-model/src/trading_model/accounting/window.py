"""The last batches as they came, to fold a position's recent fills again when one arrives out of order. No I/O."""

from collections import deque
from collections.abc import Collection, Iterator

from trading_model.accounting.fills import EventBatch, Fill, read_batch

MAX_EVENTS = 16_384
MAX_BYTES = 8 * 1024 * 1024


class Window:
    """Consecutive events up to the last one applied. It keeps bytes, since decoded fills take several times the memory
    and are seldom needed.
    """

    def __init__(self, after: int) -> None:
        """Events begin after the sequence `after`."""
        self.after = after
        """All events with higher sequences are here."""

        self._batches: deque[tuple[int, EventBatch]] = deque()
        self._bytes = 0

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
            self.after = oldest.last

    def fills(self, after: int, until: int, symbols: Collection[str] = ()) -> Iterator[Fill]:
        """The fills with sequences from `after` + 1 to `until`, as journaled; with symbols, at least those of them."""
        texts = [symbol.encode() for symbol in symbols]
        for first, batch in self._batches:
            if batch.last <= after or first > until:
                continue
            if texts and not any(text in batch.events for text in texts):
                continue
            content = read_batch(batch, 0)
            for fill in content.fills if content.items is None else content.items:
                if isinstance(fill, Fill) and max(after, first - 1) < fill.seq <= until:
                    yield fill
