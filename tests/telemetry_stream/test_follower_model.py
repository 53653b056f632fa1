"""Whatever is dropped, doubled, reordered or late, and whatever journal takes the place of the one followed: a reader
has what the journal has, once and in order, and starts over only where what it has is not of that journal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from telemetry_stream.chain import NO_HASH, extend
from telemetry_stream.events import Batch, Commit, Reset, StreamPosition
from telemetry_stream.follower import Follower
from telemetry_stream.wire import Header, ReplayRequest, fingerprint
from tests.support.examples import some_of
from tests.telemetry_stream.streams import Applied

PAGE = 3


@dataclass
class Journal:
    """A journal's content."""

    stream: str
    events: list[bytes] = field(default_factory=list)
    rows: list[Commit] = field(default_factory=list)

    def copy(self) -> Journal:
        return Journal(self.stream, list(self.events), list(self.rows))

    def append(self, events: list[bytes]) -> None:
        """Commit the events as one row."""
        self.events += events
        digest = extend(bytes.fromhex(self.hash_at(len(self.events))), b",".join(events))
        self.rows.append(Commit(len(self.events), 5, digest.hex()))

    def batch(self, after: int, limit: int) -> Batch:
        events = self.events[after : after + limit]
        last = after + len(events)
        rows = tuple(row for row in self.rows if after < row.last <= last)
        return Batch(self.stream, after + 1, last, b",".join(events), commits=rows)

    def hash_at(self, sequence: int) -> str:
        return next((row.hash for row in reversed(self.rows) if row.last <= sequence), NO_HASH.hex())

    def holds(self, applied: Applied) -> bool:
        """Whether what was applied is how this journal begins."""
        return self.batch(0, applied.last).events == applied.events


class Shell(RuleBasedStateMachine):
    """The reader's shell, as it feeds the follower, between a publisher, a replay server and what goes wrong.

    A publisher that `hashes` says so in its messages, and answers `forked`.
    """

    hashes = True

    follower: Follower
    follower_stream: str
    applied: Applied
    arriving: list[tuple[Header, Batch | None]]
    answer: tuple[Header, Batch, Journal] | None
    connected: bool

    @initialize()
    def begin(self) -> None:
        self.numbers = count()
        self.journal = Journal("stream-0")
        self.histories = [self.journal]
        self.copies = [self.journal.copy()]
        self.saved = [(StreamPosition(), 0, b"")]
        self.restart(0)

    # What the publisher does.

    @rule(events=st.integers(1, 5))
    def append(self, events: int) -> None:
        """Commit and publish; while the reader's connection is down nothing of it arrives."""
        after = len(self.journal.events)
        if events:
            self.journal.append([self.make_event(after + 1 + index) for index in range(events)])
            self.send(self.journal.batch(after, events))

    def make_event(self, sequence: int) -> bytes:
        """An event that no other journal has."""
        return b'{"seq":%d,"is":%d}' % (sequence, next(self.numbers))

    @rule()
    def heartbeat(self) -> None:
        head = len(self.journal.events)
        self.send(Batch(self.journal.stream, head + 1, head, b"", commits=tuple(self.journal.rows[-1:])))

    def send(self, batch: Batch) -> None:
        if not self.hashes:
            batch = msgspec.structs.replace(batch, commits=())
        header = Header(1, batch.stream, batch.first, batch.last, 5, commits=batch.commits)
        if self.connected:
            self.arriving.append((header, batch if batch.count else None))

    @rule()
    def copy_the_journal(self) -> None:
        self.copies.append(self.journal.copy())

    @rule(which=st.integers(0, 20), events=st.integers(0, 8))
    def put_a_copy_back(self, which: int, events: int) -> None:
        """The publisher begins again from an older copy, and goes on differently."""
        self.exchange(self.copies[which % len(self.copies)].copy())
        self.append(events)

    @rule()
    def begin_another_journal(self) -> None:
        self.exchange(Journal(f"stream-{next(self.numbers)}"))

    @rule()
    def restart_the_publisher(self) -> None:
        self.exchange(self.journal)

    def exchange(self, journal: Journal) -> None:
        self.journal = journal
        self.histories.append(journal)
        self.connected = False

    # What the network does.

    @precondition(lambda self: self.arriving)
    @rule(which=st.integers(0, 20))
    def drop(self, which: int) -> None:
        del self.arriving[which % len(self.arriving)]

    @precondition(lambda self: self.arriving)
    @rule(which=st.integers(0, 20), to=st.integers(0, 20))
    def double(self, which: int, to: int) -> None:
        self.arriving.insert(to % len(self.arriving), self.arriving[which % len(self.arriving)])

    @precondition(lambda self: self.arriving)
    @rule(which=st.integers(0, 20), to=st.integers(0, 20))
    def reorder(self, which: int, to: int) -> None:
        message = self.arriving.pop(which % len(self.arriving))
        self.arriving.insert(to % (len(self.arriving) + 1), message)

    @rule()
    def lose_the_answer(self) -> None:
        self.answer = None

    @rule()
    def connect_anew(self) -> None:
        self.connected = True
        self.answer = None
        self.follower.start_catch_up()

    # What the reader does.

    @precondition(lambda self: self.arriving and self.follower.request is None)
    @rule()
    def receive(self) -> None:
        delivery = self.follower.live(*self.arriving.pop(0))
        if delivery is not None:
            self.applied.take(delivery)

    @precondition(lambda self: self.follower.request is not None and self.answer is None)
    @rule(committed_meanwhile=st.integers(0, 2))
    def ask(self, committed_meanwhile: int) -> None:
        request = self.follower.request
        assert isinstance(request, ReplayRequest)
        self.arriving.clear()
        head = len(self.journal.events)
        if committed_meanwhile:
            self.append(committed_meanwhile)
        asked_journal = request.stream in (None, self.journal.stream)
        if self.hashes:
            known = request.hash in (None, self.journal.hash_at(request.after))
            forked = request.after > head or not asked_journal or not known
            batch = self.journal.batch(request.after, 0 if forked else request.limit)
            head = max(head, batch.last) if batch.count else head
            header = Header(1, batch.stream, batch.first, batch.last, 5, head, 1, forked, batch.commits)
        else:
            batch = self.journal.batch(request.after, request.limit if asked_journal else 0)
            batch = msgspec.structs.replace(batch, commits=())
            head = max(head, batch.last) if batch.count else head
            header = Header(1, batch.stream, batch.first, batch.last, 5, head)
        self.answer = header, batch, self.journal.copy()

    @precondition(lambda self: self.answer is not None)
    @rule()
    def take_the_answer(self) -> None:
        assert self.answer is not None
        header, batch, journal = self.answer
        self.answer = None
        known = self.follower.position
        delivery = self.follower.replayed(header, batch)
        if isinstance(delivery, Reset):
            same = self.follower_stream == journal.stream and known.hash in ("", journal.hash_at(known.sequence))
            assert not (same and journal.holds(self.applied)), "started over without need"
            self.follower_stream = delivery.stream
        if delivery is not None:
            self.applied.take(delivery)

    @precondition(lambda self: self.follower.request is None)
    @rule()
    def hear_nothing_for_long(self) -> None:
        self.follower.start_catch_up()

    @rule(events=st.integers(0, 4))
    def go_on(self, events: int) -> None:
        """Nothing goes wrong for a while; without this most runs never get to apply anything."""
        if not self.connected:
            self.connect_anew()
        self.settle()
        self.append(events)
        self.settle()

    def settle(self) -> None:
        """Handle all there is, until the reader rests."""
        while self.follower.request is not None or self.arriving:
            if self.follower.request is None:
                self.receive()
            elif self.answer is None:
                self.ask(0)
            else:
                self.take_the_answer()

    @rule()
    def save(self) -> None:
        self.saved.append((self.follower.position, self.applied.last, self.applied.events))

    @rule(which=st.integers(0, 20))
    def restart(self, which: int) -> None:
        """Begin again from a snapshot, an old one too."""
        position, last, events = self.saved[which % len(self.saved)]
        self.follower = Follower(position, PAGE)
        self.follower_stream = position.stream
        self.applied = Applied(last, events)
        self.arriving = []
        self.answer = None
        self.connected = True

    @invariant()
    def what_is_applied_is_how_one_journal_begins(self) -> None:
        assert any(journal.holds(self.applied) for journal in self.histories)

    @invariant()
    def the_position_says_what_is_applied(self) -> None:
        position = self.follower.position
        assert (position.stream, position.sequence) == (self.follower_stream, self.applied.last)
        if position.sequence:
            assert self.applied.events.endswith(last := self.applied.events[self.applied.events.rfind(b'{"seq":') :])
            assert position.check == fingerprint(last)
        if position.hash:
            assert any(
                journal.hash_at(position.sequence) == position.hash and journal.holds(self.applied)
                for journal in self.histories
            )

    def teardown(self) -> None:
        """Nothing goes wrong any more: the reader gets everything, and rests."""
        self.connect_or_hear()
        for _ in range(2):
            self.settle()
            assert self.journal.holds(self.applied)
            assert self.applied.last == len(self.journal.events) == self.follower.head
            assert self.follower.caught_up
            self.heartbeat()

    def connect_or_hear(self) -> None:
        self.connect_anew()


class AReaderOfHashes(Shell):
    """Each publisher has hashes, and whoever sends again after a rollback mostly sends the same: the events are alike,
    and nothing but the hash tells two histories from each other. A rollback may not even cost the connection.
    """

    def make_event(self, sequence: int) -> bytes:
        """An event that other journals have too, mostly."""
        return b'{"seq":%d,"is":%d}' % (sequence, next(self.numbers) % 3 == 0)

    @rule(which=st.integers(0, 20))
    def roll_back(self, which: int) -> None:
        """The publisher's machine is set back to an older moment; its connections stay."""
        self.journal = self.copies[which % len(self.copies)].copy()
        self.histories.append(self.journal)

    def connect_or_hear(self) -> None:
        """A heartbeat is enough, of a reader that is connected."""
        self.arriving.clear()
        self.answer = None
        if not self.connected:
            self.connect_anew()
            return
        if not self.journal.rows:
            self.append(1)  # the reader may have the same event: then it takes this one for a repeated message
        self.heartbeat()


class AReaderOfBothVersions(Shell):
    """The publisher is upgraded and taken back, and the reader goes on."""

    @rule()
    def change_the_version(self) -> None:
        """With it the publisher restarts."""
        self.exchange(self.journal)
        self.hashes = not self.hashes


TestAReaderOfHashes = AReaderOfHashes.TestCase
TestAReaderOfHashes.settings = settings(max_examples=some_of(100), stateful_step_count=40)
TestAReaderOfBothVersions = AReaderOfBothVersions.TestCase
TestAReaderOfBothVersions.settings = settings(max_examples=some_of(100), stateful_step_count=40)
