"""Writes what many callers submit, in one thread, as many submissions to a commit as wait at the time."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from telemetry_stream.errors import Overloaded, StreamClosed, StreamError, StreamFailed
from telemetry_stream.stream import StreamWriter
from telemetry_stream.types import Conflict, Receipt, Submission

HEARTBEAT_SECONDS = 1.0
GROUP_EVENTS = 10_000
"""A group takes no further submission once it has so many events, so that none waits long behind the others."""

Outcome = Receipt | Conflict | StreamError
Done = Callable[[Outcome], None]


class GroupCommitter:
    """Owns a StreamWriter and the thread that calls it.

    Submissions come from one event loop's thread. While a group is committed, what arrives waits and is the next group;
    an idle writer is woken through `soon`, the loop's `call_soon`, once all that has arrived at the same time is
    there. Outcomes go through `deliver`, the loop's `call_soon_threadsafe`, called once a group with a function that
    calls every `done` of the group.

    A commit that fails is never retried: everything that waits gets StreamFailed, nothing more is taken, and
    `on_failure` is told, so that the process can end and recover at its start.
    """

    def __init__(
        self,
        writer: StreamWriter,
        soon: Callable[[Callable[[], None]], object],
        deliver: Callable[[Callable[[], None]], object],
        on_failure: Callable[[BaseException], None],
        most_pending_events: int,
        observe_commit: Callable[[float, int], None],
    ) -> None:
        """Start the thread. `observe_commit` gets the seconds and the events of each commit, in the writer's thread."""
        self._writer = writer
        self._soon = soon
        self._deliver = deliver
        self._on_failure = on_failure
        self._observe_commit = observe_commit
        self._most_pending_events = most_pending_events
        self._pending_events = 0
        self._refusal: type[StreamError] | None = None
        # Appended to by the loop, taken from by the writer: both ends of a deque may be used at the same time.
        self._waiting: deque[tuple[Submission, Done]] = deque()
        self._closing = False
        self._idle = False
        self._wake_is_due = False
        self._wake = threading.Semaphore(0)
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
        if self._pending_events + len(submission.events) > self._most_pending_events and self._pending_events:
            raise Overloaded(f"{self._pending_events} events wait for their commit")
        self._pending_events += len(submission.events)
        self._waiting.append((submission, done))
        if self._idle and not self._wake_is_due:
            self._wake_is_due = True
            self._soon(self._wake_writer)

    def close(self) -> None:
        """Commit what waits, end the thread, close the writer. Idempotent."""
        self._refusal = self._refusal or StreamClosed
        self._closing = True
        self._wake.release()
        self._thread.join()

    def _wake_writer(self) -> None:
        self._wake_is_due = False
        self._wake.release()

    def _run(self) -> None:
        try:
            self._commit_until_closed()
        except Exception as error:  # noqa: BLE001 -- whatever it was, nothing may be written after it
            self._refusal = StreamFailed
            self._on_failure(error)
            self._refuse_until_closed()
        finally:
            self._writer.close()

    def _commit_until_closed(self) -> None:
        heartbeat_at = time.monotonic()
        while self._waiting or not self._closing:
            if self._waiting:
                self._commit(self._take_group())
            if time.monotonic() >= heartbeat_at:
                self._writer.heartbeat()
                heartbeat_at = time.monotonic() + HEARTBEAT_SECONDS
            self._rest(heartbeat_at - time.monotonic())

    def _take_group(self) -> list[tuple[Submission, Done]]:
        """All that waits now, up to a group's size."""
        group = []
        events = 0
        while self._waiting and events < GROUP_EVENTS:
            group.append(self._waiting.popleft())
            events += len(group[-1][0].events)
        return group

    def _rest(self, seconds: float) -> None:
        """Wait until there may be work, at the most that long."""
        self._idle = True
        # Looked at after saying so: what came before did not see it, and wakes nobody.
        if not self._waiting and not self._closing:
            self._wake.acquire(timeout=max(seconds, 0))
        self._idle = False

    def _commit(self, group: list[tuple[Submission, Done]]) -> None:
        began = time.perf_counter()
        try:
            outcomes: list[Receipt | Conflict] = self._writer.append([submission for submission, _ in group])
        except BaseException:
            self._answer(group, [StreamFailed("a commit failed")] * len(group))
            raise
        seconds = time.perf_counter() - began
        self._answer(group, outcomes)
        self._observe_commit(seconds, sum(len(submission.events) for submission, _ in group))

    def _answer(self, group: list[tuple[Submission, Done]], outcomes: Sequence[Outcome]) -> None:
        def call_back() -> None:
            failed = []
            for (submission, done), outcome in zip(group, outcomes, strict=True):
                self._pending_events -= len(submission.events)
                try:
                    done(outcome)
                except Exception as error:  # noqa: BLE001 -- raised once the others of the group have theirs
                    failed.append(error)
            if failed:
                raise ExceptionGroup("outcomes could not be told", failed)

        self._deliver(call_back)

    def _refuse_until_closed(self) -> None:
        # A submission may have been on its way when the commit failed: it gets its answer as well.
        self._idle = True
        while self._waiting or not self._closing:
            while self._waiting:
                self._answer([self._waiting.popleft()], [StreamFailed("a commit failed before")])
            self._wake.acquire(timeout=HEARTBEAT_SECONDS)
