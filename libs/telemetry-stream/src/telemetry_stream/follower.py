"""What to do with each message of a stream: apply it, drop it, or ask for what is missing. No I/O.

A follower is fed with what the sockets bring and answers with deliveries; `request` says what to ask the replay
socket for, None while there is nothing to ask. The shell that feeds it keeps one request in flight at a time. Before
it asks, it drops what waits at the live socket: all of that was committed before and comes by replay, and it may be of
a journal that has been exchanged since. While it waits for the answer it leaves the live socket alone (what arrives
there stays in its queue). It calls `start_catch_up` whenever something may have been missed: the publisher was reached
anew, or was silent for longer than its heartbeat allows. It gives up the request in flight then.
"""

from telemetry_stream.errors import MalformedFrame
from telemetry_stream.events import Arrival, Batch, Delivery, Reset, StreamPosition, SubscriberCounters
from telemetry_stream.wire import VERSION, Header, ReplayRequest, cut, fingerprint, last_event

PAGE_LIMIT = 5_000


class Follower:
    """The ordering decisions of one reader (rules 4 and 6 of the design).

    A sequence at or below the applied one is a duplicate, a jump is a gap, a gap starts a catch-up. Each page of a
    catch-up begins with the last applied event again, so that its fingerprint can be compared: where that differs, the
    journal is not the one this reader has followed, and it starts over.
    """

    def __init__(self, position: StreamPosition, page_limit: int = PAGE_LIMIT) -> None:
        self.counters = SubscriberCounters()
        self.head: int | None = None
        self._stream = position.stream
        self._applied = position.sequence
        self._check = position.check
        self._last_event = b""
        self._page_limit = page_limit
        self._catching_up = False
        self.start_catch_up()

    @property
    def position(self) -> StreamPosition:
        """What has been delivered, with the fingerprint of its last event."""
        check = fingerprint(self._last_event) if self._last_event else self._check
        return StreamPosition(self._stream, self._applied, check)

    @property
    def caught_up(self) -> bool:
        """Whether all that is known to exist has been delivered; False until the head was read once."""
        return not self._catching_up and self.head is not None and self._applied >= self.head

    @property
    def request(self) -> ReplayRequest | None:
        """What to ask the replay socket for, if anything."""
        if not self._catching_up:
            return None
        overlap = min(self._applied, 1)
        return ReplayRequest(VERSION, self._applied - overlap, self._page_limit + overlap, self._stream or None)

    def start_catch_up(self) -> None:
        """Ask the replay socket what is missing, even if nothing seems to be."""
        if not self._catching_up:
            self.counters.catchups += 1
        self._catching_up = True

    def live(self, header: Header, batch: Batch | None) -> Arrival | None:
        """Take a message of the live socket; a heartbeat comes without a batch."""
        if header.stream != self._stream or self._catching_up:
            # Only the replay socket, read in order, may say that a stream is new or where it continues.
            self.start_catch_up()
            return None
        self.head = max(self.head or 0, header.last)
        if header.first > self._applied + 1:
            self.counters.gaps += 1
            self.start_catch_up()
            return None
        return self._take(batch) if batch is not None else None

    def replayed(self, header: Header, batch: Batch | None) -> Delivery | None:
        """Take the answer to `request`. Raises MalformedFrame (`malformed_reply`) where it answers something else."""
        if batch is None or header.head is None:
            raise MalformedFrame("malformed_reply", "a replay answer is a batch whose header names the head")
        if batch.first != max(self._applied, 1):
            raise MalformedFrame("malformed_reply", f"asked for what follows {self._applied}, got {batch.first}")
        if not self._continues(batch):
            return self._start_over(batch.stream)
        if batch.last <= self._applied < header.head:
            raise MalformedFrame("malformed_reply", f"nothing follows {self._applied}, yet the head is {header.head}")
        self.head = max(header.head, batch.last)
        arrival = None
        if batch.last > self._applied:
            arrival = Arrival(cut(batch, self._applied, batch.last), 0, replayed=True)
            self._applied, self._last_event = batch.last, last_event(batch)
        self._catching_up = self._applied < self.head
        return arrival

    def _continues(self, batch: Batch) -> bool:
        """Whether the answer, which begins at the last applied event, joins on to what was applied."""
        if batch.stream != self._stream or batch.last < self._applied:
            return False
        known = self.position.check
        return not known or fingerprint(cut(batch, 0, self._applied).events) == known

    def _start_over(self, stream: str) -> Reset:
        self._stream, self._applied, self._check, self._last_event = stream, 0, "", b""
        self.head = None
        self._catching_up = True
        return Reset(stream)

    def _take(self, batch: Batch) -> Arrival | None:
        skip = min(self._applied + 1 - batch.first, batch.count)
        self.counters.duplicates += skip
        if skip == batch.count:
            return None
        self._applied, self._last_event = batch.last, last_event(batch)
        return Arrival(batch, skip, replayed=False)
