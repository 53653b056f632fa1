"""Writes what many callers submit, in one thread, as many submissions to a commit as wait at the time."""

import queue
import threading
import time
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

    Outcomes go through `deliver`, called once a group from the writer's thread with a function that calls every `done`
    of the group: an event loop's `call_soon_threadsafe` brings them all home with one wake-up.

    A commit that fails is never retried: everything that waits gets StreamFailed, nothing more is taken, and
    `on_failure` is told, so that the process can end and recover at its start.
    """

    def __init__(
        self,
        writer: StreamWriter,
        deliver: Callable[[Callable[[], None]], object],
        on_failure: Callable[[BaseException], None],
        most_pending_events: int,
        observe_commit: Callable[[float, int], None],
    ) -> None:
        """Start the thread. `observe_commit` gets the seconds and the events of each commit, in the writer's thread."""
        self._writer = writer
        self._deliver = deliver
        self._on_failure = on_failure
        self._observe_commit = observe_commit
        self._most_pending_events = most_pending_events
        self._pending_events = 0
        self._refusal: type[StreamError] | None = None
        self._waiting: queue.SimpleQueue[tuple[Submission, Done] | None] = queue.SimpleQueue()
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
        """Hand a submission over, from the one thread that `deliver` calls back into; `done` gets its outcome.

        Raises Overloaded, StreamClosed or StreamFailed where it can't be taken; `done` is not called then.
        """
        if self._refusal is not None:
            raise self._refusal("the stream takes nothing more until it has been started again")
        if self._pending_events + len(submission.events) > self._most_pending_events and self._pending_events:
            raise Overloaded(f"{self._pending_events} events wait for their commit")
        self._pending_events += len(submission.events)
        self._waiting.put((submission, done))

    def close(self) -> None:
        """Commit what waits, end the thread, close the writer. Idempotent."""
        self._refusal = self._refusal or StreamClosed
        self._waiting.put(None)
        self._thread.join()

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
        closing = False
        heartbeat_at = time.monotonic()
        while not closing:
            group, closing = self._collect(heartbeat_at - time.monotonic())
            if group:
                self._commit(group)
            if time.monotonic() >= heartbeat_at:
                self._writer.heartbeat()
                heartbeat_at = time.monotonic() + HEARTBEAT_SECONDS

    def _collect(self, seconds: float) -> tuple[list[tuple[Submission, Done]], bool]:
        """All that waits now, up to a group's size; waits for the first that long. True with it once the end was asked
        for.
        """
        group: list[tuple[Submission, Done]] = []
        events = 0
        try:
            entry = self._waiting.get(timeout=max(seconds, 0))
            while entry is not None:
                group.append(entry)
                events += len(entry[0].events)
                if events >= GROUP_EVENTS:
                    return group, False
                entry = self._waiting.get_nowait()
        except queue.Empty:
            return group, False
        self._waiting.put(None)  # for `_refuse_until_closed`, should the last commit fail
        return group, True

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
            for (submission, done), outcome in zip(group, outcomes, strict=True):
                self._pending_events -= len(submission.events)
                done(outcome)

        self._deliver(call_back)

    def _refuse_until_closed(self) -> None:
        # A submission may have been on its way when the commit failed: it gets its answer as well.
        while (entry := self._waiting.get()) is not None:
            self._answer([entry], [StreamFailed("a commit failed before")])
