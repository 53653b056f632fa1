"""Commits the submissions of many callers in one thread; all that wait at the time share a commit."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue

from telemetry_stream.errors import Overloaded, StoreBusy, StreamClosed, StreamError, StreamFailed
from telemetry_stream.events import Answer, Result, Submission, Unfinished
from telemetry_stream.log import StreamWriter

HEARTBEAT_SECONDS = 1.0
GROUP_EVENTS = 10_000
"""Once a group has this many events it gets no further large submission, so that no submission waits long."""

SMALL_EVENTS = 50
"""Submissions of at most this many events go before larger ones, as do independent ones. One large submission joins
such a group: single POSTs wait for one batch at most, and batches still get on.
"""

MAX_TURNS = 4
"""Maximum iterations of the event loop for which a group waits to grow. An idle iteration costs microseconds."""

Outcome = Answer | StreamError
"""How a submission ended."""

Done = Callable[[Outcome], None]
Group = list[tuple[Submission, Done]]


class GroupCommitter:
    """Owns a StreamWriter and the thread that calls it.

    Submissions come from the thread of one event loop, which alone uses the queues; the writer's thread gets one group
    at a time. Submissions that arrive while a group is committed form the next one. Clients that send again as soon as
    they have their answer join that group too: the loop waits for up to MAX_TURNS iterations (`soon` is its
    `call_soon`) until an iteration brings no new submission. Large groups pay, since a commit costs nearly the same
    whatever it holds.
    Outcomes go through `deliver`, the loop's `call_soon_threadsafe`, called once a group with a function that calls
    every `done`.

    A submission that comes back unfinished goes into a later group, behind those that arrived meanwhile: one that takes
    long delays only itself. After `begin_end` it is refused instead.

    While another program keeps the store from being written, the group gets StoreBusy, and the next one is tried.

    A failed commit is never retried: everything that waits gets StreamFailed, nothing more is accepted, and
    `on_failure` is called, so that the process can end and recover at its start.
    """

    def __init__(
        self,
        writer: StreamWriter,
        soon: Callable[[Callable[[], None]], object],
        deliver: Callable[[Callable[[], None]], object],
        on_failure: Callable[[BaseException], None],
        max_pending_events: int,
        observe_commit: Callable[[float, int], None],
    ) -> None:
        """Start the thread. `observe_commit` gets the seconds and the events of each commit, in the writer's thread."""
        self._writer = writer
        self._soon = soon
        self._deliver = deliver
        self._on_failure = on_failure
        self._observe_commit = observe_commit
        self._max_pending_events = max_pending_events
        self._pending_events = 0
        self._refusal: type[StreamError] | None = None
        self._small: Group = []
        self._large: deque[tuple[Submission, Done]] = deque()
        self._hand_over_is_due = False
        self._turns = self._seen_events = 0
        self._is_under_way = self._is_ending = False
        self._groups: SimpleQueue[Group | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    @property
    def pending_events(self) -> int:
        """Events that wait for their commit."""
        return self._pending_events

    @property
    def accepting(self) -> bool:
        """False once a commit failed or the end began."""
        return self._refusal is None

    def submit(self, submission: Submission, done: Done) -> None:
        """Hand a submission over, in the loop's thread; `done` gets its outcome there.

        Raises Overloaded, StreamClosed or StreamFailed where it can't be taken; `done` is not called then.
        """
        if self._refusal is not None:
            raise self._refusal("the stream takes nothing more until it has been started again")
        events = len(submission.events)
        # A batch larger than the limit could never be accepted otherwise: one request can't be split here.
        may_be_larger = not (self._pending_events or submission.independent)
        if self._pending_events + events > self._max_pending_events and not may_be_larger:
            raise Overloaded(f"{self._pending_events} events wait for their commit")
        self._pending_events += events
        self._enqueue(submission, done)
        self._see_to_the_next()

    def begin_end(self) -> None:
        """Finish soon: from now on a submission that one commit can't finish gets StreamClosed."""
        self._is_ending = True
        self._writer.stop_waiting()

    def close(self) -> None:
        """Commit what waits and can be finished at once, end the thread, close the writer. Idempotent."""
        self.begin_end()
        self._refusal = self._refusal or StreamClosed
        # Accepted submissions are still committed: their clients wait for an answer, and may not send again.
        while self._is_waiting():
            self._groups.put(self._take_group())
        self._groups.put(None)
        self._thread.join()

    def _is_waiting(self) -> bool:
        return bool(self._small or self._large)

    def _see_to_the_next(self) -> None:
        if not (self._is_under_way or self._hand_over_is_due):
            self._hand_over_is_due = True
            self._turns, self._seen_events = 0, 0
            self._soon(self._hand_over)

    def _hand_over(self) -> None:
        """Hand the group to the writer's thread, once an iteration of the loop has brought no new submission.

        The clients of the last group were answered just now and send again within microseconds of each other. Waiting
        for them raised 32 POSTs a commit to 45 (64 connections).
        """
        if self._pending_events != self._seen_events and self._turns < MAX_TURNS:
            self._turns, self._seen_events = self._turns + 1, self._pending_events
            self._soon(self._hand_over)
            return
        self._hand_over_is_due = False
        if self._is_waiting():
            self._is_under_way = True
            self._groups.put(self._take_group())

    def _take_group(self) -> Group:
        """All small submissions and one large one; without small ones, large ones up to GROUP_EVENTS."""
        group, self._small = self._small, []
        if group and self._large:
            group.append(self._large.popleft())
        elif self._large:
            events = 0
            while self._large and events < GROUP_EVENTS:
                group.append(self._large.popleft())
                events += len(group[-1][0].events)
        return group

    def _report(self, group: Group, results: Sequence[Result | StreamError]) -> None:
        failed = []
        try:
            for (submission, done), result in zip(group, results, strict=True):
                outcome = self._continue(result, done) if isinstance(result, Unfinished) else result
                if outcome is None:
                    continue  # unfinished: its events stay pending, so the limit holds for it too
                self._pending_events -= len(submission.events)
                try:
                    done(outcome)
                except Exception as error:  # noqa: BLE001 -- raised once the others of the group have theirs
                    failed.append(error)
        finally:
            # After every `done`: a client that answers an outcome with its next request gets into this group.
            self._is_under_way = False
            if self._is_waiting():
                self._see_to_the_next()
        if failed:
            raise ExceptionGroup("outcomes could not be delivered", failed)

    def _continue(self, unfinished: Unfinished, done: Done) -> StreamError | None:
        """Put it behind the submissions that arrived meanwhile; the error if it is refused instead."""
        if self._refusal is not None or self._is_ending:
            return (self._refusal or StreamClosed)("the submission was not finished before the end")
        self._enqueue(unfinished.submission, done)
        return None

    def _enqueue(self, submission: Submission, done: Done) -> None:
        if len(submission.events) <= SMALL_EVENTS or submission.independent:
            self._small.append((submission, done))
        else:
            self._large.append((submission, done))

    def _run(self) -> None:
        """What the writer's thread does."""
        try:
            self._commit_until_closed()
        except Exception as error:  # noqa: BLE001 -- whatever it was, nothing may be written after it
            self._refusal = StreamFailed
            self._on_failure(error)
            # Groups that were handed over before the loop saw the refusal still get an answer, until `close`.
            while group := self._groups.get():
                self._answer(group, [StreamFailed("a commit failed before")] * len(group))
        finally:
            self._writer.close()

    def _commit_until_closed(self) -> None:
        # Heartbeats come from this thread: PUB sockets may not be shared, and a heartbeat may not overtake a batch.
        heartbeat_at = time.monotonic()
        while True:
            try:
                group = self._groups.get(timeout=max(heartbeat_at - time.monotonic(), 0))
                if group is None:
                    return
                self._commit(group)
            except Empty:
                pass  # nothing came until it was time for a heartbeat
            if time.monotonic() >= heartbeat_at:
                self._writer.heartbeat()
                heartbeat_at = time.monotonic() + HEARTBEAT_SECONDS

    def _commit(self, group: Group) -> None:
        began = time.perf_counter()
        try:
            results: Sequence[Result | StreamError] = self._writer.append([submission for submission, _ in group])
        except StoreBusy as busy:
            self._answer(group, [busy] * len(group))
            return
        except BaseException:
            self._answer(group, [StreamFailed("a commit failed")] * len(group))
            raise
        # Observed before the answer: who has it finds the commit in the metrics. Nobody waits for the checkpoint.
        self._observe_commit(time.perf_counter() - began, sum(map(_count_events, group, results)))
        self._answer(group, results)
        self._writer.checkpoint_if_due()

    def _answer(self, group: Group, results: Sequence[Result | StreamError]) -> None:
        self._deliver(partial(self._report, group, results))


def _count_events(one: tuple[Submission, Done], result: Result | StreamError) -> int:
    return 0 if isinstance(result, Unfinished) else len(one[0].events)
