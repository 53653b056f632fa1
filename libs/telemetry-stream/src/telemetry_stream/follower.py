"""Decides for each message of a stream: apply it, drop it, or request what is missing. No I/O.

A follower gets the messages of the sockets and returns deliveries; `request` is the next request for the replay socket,
None if nothing is missing. The shell around it follows these rules:

- One request is in flight at a time.
- Before it sends a request it drops the messages that wait at the live socket. They were committed before the answer
  is made, so the replay brings them, and they may be of a journal that was replaced since.
- While it waits for the answer it does not read the live socket; messages stay in that socket's queue.
- It calls `start_catch_up` whenever messages may be missing: the publisher was reached again, or was silent for longer
  than its heartbeat allows. It gives up the request in flight then.
"""

from collections.abc import Sequence

from telemetry_stream.chain import NO_HASH, parse
from telemetry_stream.errors import MalformedFrame
from telemetry_stream.events import (
    Arrival,
    Batch,
    Commit,
    Delivery,
    Reset,
    StreamPosition,
    SubscriberCounters,
)
from telemetry_stream.wire import VERSION, Header, ReplayRequest, cut, fingerprint, follow, last_event

PAGE_LIMIT = 5_000


class Follower:
    """The ordering decisions of one reader (rules 4 and 6 of docs/architecture.md).

    A sequence at or below the applied one is a duplicate; a jump is a gap and starts a catch-up. A request names the
    history's hash at the applied sequence, and a live message is applied only if its hash follows from that one. So if
    another journal takes the place of the one followed, and differs from it anywhere before, this reader starts over.

    A publisher of an earlier version sends no hashes, and a position that an earlier version saved has none. A page of
    a catch-up then begins with the last applied event again, and that is compared.

    With `recent`, a catch-up skips all but the last `recent` events: for readers that need the newest only.
    """

    def __init__(self, position: StreamPosition, page_limit: int = PAGE_LIMIT, recent: int | None = None) -> None:
        self.counters = SubscriberCounters()
        self.head: int | None = None
        self._stream = position.stream
        self._applied = position.sequence
        self._check = position.check
        self._hash = parse(position.hash) or (b"" if position.sequence else NO_HASH)
        self._last_batch: Batch | None = None
        """Its last event is looked for only when a position is asked for: a message costs half a microsecond less."""

        self._page_limit = page_limit
        self._recent = recent
        self._catching_up = False
        self._publisher_hashes = True
        self.start_catch_up()

    @property
    def position(self) -> StreamPosition:
        """The last delivered sequence, with the hash and fingerprint by which a publisher recognises it."""
        check = fingerprint(last_event(self._last_batch)) if self._last_batch else self._check
        return StreamPosition(self._stream, self._applied, check, self._hash.hex() if self._applied else "")

    @property
    def caught_up(self) -> bool:
        """Whether every event known to exist was delivered; False until the head was read once."""
        return not self._catching_up and self.head is not None and self._applied >= self.head

    @property
    def request(self) -> ReplayRequest | None:
        """The next request for the replay socket, if events are missing."""
        if not self._catching_up:
            return None
        stream = self._stream or None
        if self._compares_events:
            return ReplayRequest(VERSION, self._applied - 1, self._page_limit + 1, stream)
        known = self._hash.hex() if self._applied else None
        return ReplayRequest(VERSION, self._applied, self._page_limit, stream, hash=known)

    @property
    def _compares_events(self) -> bool:
        return self._applied > 0 and not (self._publisher_hashes and self._hash)

    def start_catch_up(self) -> None:
        """Request what is missing, even if nothing seems to be: only an answer of the replay socket shows that."""
        if not self._catching_up:
            self.counters.catchups += 1
        self._catching_up = True

    def live(self, header: Header, batch: Batch | None) -> Arrival | None:
        """Take a message of the live socket; a heartbeat comes without a batch."""
        if header.stream != self._stream or self._catching_up:
            # Only the replay socket, read in order, may say that a stream is new or where it continues.
            self.start_catch_up()
            return None
        if self.head is None or header.last > self.head:
            self.head = header.last
        if header.first > self._applied + 1:
            self.counters.gaps += 1
            self.start_catch_up()
            return None
        if batch is not None:
            return self._take(batch)
        # A heartbeat: the only message of a quiet stream, so it must show a journal that was replaced meanwhile.
        if header.commits and (header.last < self._applied or not self._has_hash(header.commits)):
            self.start_catch_up()
        return None

    def replayed(self, header: Header, batch: Batch | None) -> Delivery | None:
        """Take the answer to `request`. Raises MalformedFrame (`malformed_reply`) where it answers something else."""
        if batch is None or header.head is None:
            raise MalformedFrame("malformed_reply", "a replay answer is a batch whose header names the head")
        overlaps = self._compares_events
        expected = self._applied + 1 - overlaps
        if not self._applied and header.oldest is not None:
            expected = max(expected, header.oldest)  # what was before has been removed by retention
        if batch.first != expected:
            raise MalformedFrame("malformed_reply", f"asked for what follows {self._applied}, got {batch.first}")
        if header.forked or batch.stream != self._stream or header.head < self._applied:
            return self._start_over(header)
        self._publisher_hashes = header.oldest is not None  # sent since the version that has hashes
        if self._applied and not overlaps and not self._publisher_hashes:
            return None  # it has compared nothing: ask again, for the last applied event too
        if overlaps and not self._repeats(batch):
            return self._start_over(header)
        if batch.last <= self._applied < header.head:
            # Believed, it would be requested again and again without a pause.
            raise MalformedFrame("malformed_reply", f"nothing follows {self._applied}, yet the head is {header.head}")
        if self._recent is not None and max(self._applied, (header.oldest or 1) - 1) < header.head - self._recent:
            self._leave_out(header.head - self._recent)
            return None
        self._note_hash(batch.commits)
        self.head = max(header.head, batch.last)
        arrival = None
        if batch.last > self._applied:
            arrival = Arrival(cut(batch, self._applied, batch.last), 0, replayed=True)
            self._applied, self._last_batch = batch.last, batch
        self._catching_up = self._applied < self.head
        return arrival

    def _leave_out(self, until: int) -> None:
        """Continue after the sequence `until`, which is stored. What follows brings the history's hash."""
        self._applied, self._check, self._hash, self._last_batch = until, "", b"", None

    def _repeats(self, batch: Batch) -> bool:
        """Whether the answer begins with the last applied event, to the byte."""
        if batch.last < self._applied:
            return False
        known = self.position.check
        return not known or fingerprint(cut(batch, 0, self._applied).events) == known

    def _note_hash(self, commits: Sequence[Commit]) -> None:
        """Keep the hash of the answer's last row end. An answer within one row has none: the earlier hash stays."""
        if commits:
            digest = parse(commits[-1].hash)
            if digest is None:
                raise MalformedFrame("malformed_header", "a hash has 32 hex digits")
            self._hash = digest
        elif not self._publisher_hashes:
            self._hash = b""

    def _start_over(self, header: Header) -> Reset:
        head = header.head or 0
        if not self._stream:
            reason = ""
        elif header.stream != self._stream:
            reason = f"the journal is another one: stream {header.stream}, not {self._stream}"
        elif head < self._applied:
            reason = f"the journal ends at {head}, and {self._applied} was applied: it is an older copy"
        elif self._applied + 1 < (header.oldest or 1):
            reason = f"events after {self._applied} were removed: the oldest kept is {header.oldest}"
        else:
            reason = f"the journal differs at or before {self._applied}: it was restored and continued differently"
        self._stream, self._applied, self._check, self._last_batch = header.stream, 0, "", None
        self._hash = NO_HASH
        self.head = None
        self._catching_up = True
        return Reset(header.stream, reason)

    def _take(self, batch: Batch) -> Arrival | None:
        skip = self._applied + 1 - batch.first
        if skip or not batch.events:  # as for hardly any message
            skip = min(skip, batch.count)
            self.counters.duplicates += skip
            if skip == batch.count:
                # The same sequence with another hash is not a duplicate but another history.
                if batch.last == self._applied and not self._has_hash(batch.commits):
                    self.start_catch_up()
                return None
        if batch.commits:
            known = None if skip else follow(batch, self._hash)
            if known is None:
                self.start_catch_up()  # the answer shows whether the history is another one
                return None
            self._hash = known
        else:
            self._hash = b""
        self._applied, self._last_batch = batch.last, batch
        return Arrival(batch, skip, replayed=False)

    def _has_hash(self, commits: Sequence[Commit]) -> bool:
        """Whether the row end named here is the one at the applied sequence, as far as both are known."""
        return not commits or not self._hash or commits[-1].hash == self._hash.hex()
