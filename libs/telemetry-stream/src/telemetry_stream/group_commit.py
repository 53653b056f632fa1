"""Writes what many callers submit, in one thread, as many submissions to a commit as wait at the time."""

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
"""A group takes no further large submission once it has this many events, so that none waits long behind the others."""

SMALL_EVENTS = 50
"""Submissions of at most this many events go before larger ones, as do independent ones. Where there are any,
one large one goes with them.
"""

MAX_TURNS = 4
"""Of the event loop, in which a group is let grow; each takes microseconds if it brings nothing."""

Outcome = Answer | StreamError
"""The final word on a submission."""

Done = Callable[[Outcome], None]
Group = list[tuple[Submission, Done]]


class GroupCommitter:
    """Owns a StreamWriter and the thread that calls it.

    Submissions come from one event loop's thread, and all that is kept of them belongs to it; the writer's thread sees
    a group at a time. What arrives while a group is committed is the next one. After the outcomes of one group are
    delivered, clients that send on at once get into the next: the loop waits for up to MAX_TURNS iterations (`soon` is
    its `call_soon`) until one brings nothing more. So groups grow as large as they can, and a commit costs nearly the
    same whatever it holds.
    Outcomes go through `deliver`, the loop's `call_soon_threadsafe`, called once a group with a function that calls
    every `done`.

    What comes back unfinished goes into a later group, with what has come meanwhile: a submission that takes long holds
    up nobody but itself. Once `begin_end` was called it is refused instead.

    Where another program keeps the store from being written, the group gets StoreBusy, and the next one is tried.

    A commit that fails is never retried: everything that waits gets StreamFailed, nothing more is taken, and
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
        may_be_larger = not (self._pending_events or submission.independent)  # it could not be taken in smaller parts
        if self._pending_events + events > self._max_pending_events and not may_be_larger:
            raise Overloaded(f"{self._pending_events} events wait for their commit")
        self._pending_events += events
        self._enqueue(submission, done)
        self._see_to_the_next()

    def begin_end(self) -> None:
        """Have nothing wait long any more: what one commit can't finish gets StreamClosed."""
        self._is_ending = True
        self._writer.stop_waiting()

    def close(self) -> None:
        """Commit what waits and can be finished at once, end the thread, close the writer. Idempotent."""
        self.begin_end()
        self._refusal = self._refusal or StreamClosed
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
        """Once no more comes: what came since the last turn is mostly followed by more."""
        if self._pending_events != self._seen_events and self._turns < MAX_TURNS:
            self._turns, self._seen_events = self._turns + 1, self._pending_events
            self._soon(self._hand_over)
            return
        self._hand_over_is_due = False
        if self._is_waiting():
            self._is_under_way = True
            self._groups.put(self._take_group())

    def _take_group(self) -> Group:
        """All that is small and waits, and one large one; where nothing is small, large ones up to a group's size."""
        group, self._small = self._small, []
        if group and self._large:
            group.append(self._large.popleft())
        elif self._large:
            events = 0
            while self._large and events < GROUP_EVENTS:
                group.append(self._large.popleft())
                events += len(group[-1][0].events)
        return group

    def _tell(self, group: Group, results: Sequence[Result | StreamError]) -> None:
        failed = []
        try:
            for (submission, done), result in zip(group, results, strict=True):
                outcome = self._continue(result, done) if isinstance(result, Unfinished) else result
                if outcome is None:
                    continue
                self._pending_events -= len(submission.events)
                try:
                    done(outcome)
                except Exception as error:  # noqa: BLE001 -- raised once the others of the group have theirs
                    failed.append(error)
        finally:
            self._is_under_way = False
            if self._is_waiting():
                self._see_to_the_next()
        if failed:
            raise ExceptionGroup("outcomes could not be delivered", failed)

    def _continue(self, unfinished: Unfinished, done: Done) -> StreamError | None:
        """Put it behind what has come meanwhile, or say why not."""
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
            while group := self._groups.get():
                self._answer(group, [StreamFailed("a commit failed before")] * len(group))
        finally:
            self._writer.close()

    def _commit_until_closed(self) -> None:
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
        seconds = time.perf_counter() - began
        self._answer(group, results)
        self._observe_commit(seconds, sum(map(_count_events, group, results)))
        self._writer.checkpoint_if_due()

    def _answer(self, group: Group, results: Sequence[Result | StreamError]) -> None:
        self._deliver(partial(self._tell, group, results))


def _count_events(one: tuple[Submission, Done], result: Result | StreamError) -> int:
    return 0 if isinstance(result, Unfinished) else len(one[0].events)
