"""Group commit: many callers share a commit, each gets its own answer, and after a failed commit nothing is taken."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from telemetry_stream import group_commit
from telemetry_stream.errors import Overloaded, StoreBusy, StreamClosed, StreamFailed
from telemetry_stream.events import Conflict, Receipt, Result, Submission
from telemetry_stream.group_commit import GroupCommitter, Outcome
from telemetry_stream.log import StreamWriter
from telemetry_stream.stores.sqlite import known_events
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.testing.memory import MemoryStream
from tests.support.polling import PATIENCE_SECONDS
from tests.telemetry_stream.streams import Conflicting, becomes, numbered, run, submission


class DiskError(Exception):
    """What the faulty writer raises."""


class Writer:
    """A stream in memory whose commits can be held up, and one of which fails."""

    def __init__(
        self, failing_commit: int | None = None, failing_heartbeat: bool = False, failing_tidy: bool = False
    ) -> None:
        self.memory = MemoryStream()
        self.stream = self.memory.stream
        self.commits: list[int] = []
        self.tidied = self.heartbeats = 0
        self.waits = True
        self.busy_commits: set[int] = set()
        self.may_tidy = threading.Event()
        self.may_tidy.set()
        self._failing_tidy = failing_tidy
        self.closed = 0
        self.waiting = threading.Event()
        self.may_commit = threading.Event()
        self.may_commit.set()
        self._failing_commit = failing_commit
        self._failing_heartbeat = failing_heartbeat

    def head(self) -> int:
        return self.memory.head()

    def append(self, submissions: Sequence[Submission]) -> list[Result]:
        self.waiting.set()
        assert self.may_commit.wait(PATIENCE_SECONDS)
        self.commits.append(len(submissions))
        if len(self.commits) in self.busy_commits:
            raise StoreBusy("a backup")
        if len(self.commits) == self._failing_commit:
            raise DiskError("the disk is on fire")
        return self.memory.append(submissions)

    def checkpoint_if_due(self) -> None:
        assert self.may_tidy.wait(PATIENCE_SECONDS)
        self.tidied += 1
        if self._failing_tidy:
            raise DiskError("no room for a checkpoint")

    def stop_waiting(self) -> None:
        self.waits = False

    def heartbeat(self) -> None:
        self.heartbeats += 1
        if self._failing_heartbeat:
            raise DiskError("no network")

    def close(self) -> None:
        self.closed += 1


class Caller:
    """Submits from an event loop, as the web app does."""

    def __init__(self, writer: StreamWriter, max_pending_events: int = 1_000) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self.failures: list[BaseException] = []
        self.observed: list[int] = []
        """The events of each commit that was observed."""
        self.observed_at_delivery: list[int] = []
        """The number of commits observed when the outcomes of one are delivered."""
        self.committer = GroupCommitter(
            writer,
            loop.call_soon,
            self._deliver,
            self.failures.append,
            max_pending_events,
            lambda _seconds, events: self.observed.append(events),
        )

    def submit(self, submission: Submission) -> asyncio.Future[Outcome]:
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.committer.submit(submission, answer.set_result)
        return answer

    def _deliver(self, outcomes: Callable[[], None]) -> None:
        self.observed_at_delivery.append(len(self.observed))
        self._loop.call_soon_threadsafe(outcomes)


def never_called(outcome: Outcome) -> None:
    raise AssertionError(f"refused, and yet answered: {outcome}")


@contextmanager
def held_up(writer: Writer) -> Iterator[None]:
    """Commits wait until the end of this context."""
    writer.may_commit.clear()
    writer.waiting.clear()
    try:
        yield
    finally:
        writer.may_commit.set()


def test_a_busy_store_is_no_failed_one() -> None:
    async def test() -> None:
        writer = Writer()
        writer.busy_commits = {2, 3}
        caller = Caller(writer)
        outcomes = [await caller.submit(submission(f"event-{number}")) for number in range(4)]
        assert [type(outcome) for outcome in outcomes] == [Receipt, StoreBusy, StoreBusy, Receipt]
        assert caller.committer.accepting
        assert caller.committer.pending_events == 0
        assert writer.waits
        caller.committer.close()
        assert not writer.waits, "the end waits for nobody"
        assert not caller.failures

    run(test())


def test_a_commit_is_observed_before_its_outcomes_are_delivered() -> None:
    """So a client that has its answer finds the trade in the metrics."""

    async def test() -> None:
        caller = Caller(Writer())
        for number in range(3):
            await caller.submit(submission(f"event-{number}"))
        caller.committer.close()
        assert caller.observed_at_delivery == [1, 2, 3]

    run(test())


def test_what_waits_at_the_same_time_shares_a_commit_in_order() -> None:
    async def test() -> None:
        writer = Writer()
        caller = Caller(writer)
        with held_up(writer):
            first = caller.submit(submission("first"))
            await becomes(writer.waiting.is_set)
            rest = [caller.submit(numbered([name, name + 1])) for name in range(0, 20, 2)]
            assert caller.committer.pending_events == 21
        assert await first == Receipt(1, 1, 1, 0)
        assert await asyncio.gather(*rest) == [Receipt(name, name + 1, 2, 0) for name in range(2, 22, 2)]
        assert writer.commits == [1, 10]
        assert caller.committer.pending_events == 0
        caller.committer.close()
        assert caller.observed == [1, 20]

    run(test())


def test_a_group_takes_no_more_large_submissions_once_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "GROUP_EVENTS", 4)
    monkeypatch.setattr(group_commit, "SMALL_EVENTS", 2)

    async def test() -> None:
        writer = Writer()
        caller = Caller(writer)
        with held_up(writer):
            answers = [caller.submit(submission("first"))]
            await becomes(writer.waiting.is_set)
            answers += [caller.submit(numbered(range(start, start + 3))) for start in range(0, 15, 3)]
        await asyncio.gather(*answers)
        caller.committer.close()
        assert writer.commits == [1, 2, 2, 1]

    run(test())


def test_small_submissions_go_first_and_one_large_one_goes_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "SMALL_EVENTS", 2)

    async def test() -> None:
        writer = Writer()
        caller = Caller(writer)
        with held_up(writer):
            answers = [caller.submit(submission("first"))]
            await becomes(writer.waiting.is_set)
            large = [caller.submit(numbered(range(start, start + 5))) for start in (0, 5)]
            small = [caller.submit(submission(f"small-{name}")) for name in range(6)]
        await asyncio.gather(*answers, *large, *small)
        caller.committer.close()
        assert writer.commits == [1, 7, 1]
        assert [await outcome for outcome in small] == [Receipt(place, place, 1, 0) for place in range(2, 8)]
        assert [await outcome for outcome in large] == [Receipt(8, 12, 5, 0), Receipt(13, 17, 5, 0)]

    run(test())


class JournalWriter(Journal):
    """A journal without a transport."""

    def append(self, submissions: Sequence[Submission]) -> list[Result]:  # type: ignore[override]  # outcomes without batches
        return super().append(submissions)[0]

    def heartbeat(self) -> None:
        pass


@pytest.fixture
def re_sorted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[JournalWriter, Submission]]:
    """A journal of 20 rows that reads two of them an append, and a submission of all its events in another order."""
    monkeypatch.setattr(known_events, "ROW_BYTES", known_events.READ_BYTES * 2 // 3)
    with closing(JournalWriter(tmp_path)) as journal:
        for begin in range(0, 20_000, 1_000):
            journal.append([numbered(range(begin, begin + 1_000))])
    with closing(JournalWriter(tmp_path)) as journal:
        yield journal, numbered(sorted(range(20_000), key=lambda name: name * 7_919 % 20_000))


def test_small_submissions_are_answered_while_a_large_one_is_looked_up(
    re_sorted: tuple[JournalWriter, Submission],
) -> None:
    async def test() -> None:
        journal, known = re_sorted
        caller = Caller(journal, max_pending_events=100_000)
        large = caller.submit(known)
        answered = 0
        while not large.done():
            assert isinstance(await caller.submit(numbered([20_000 + answered])), Receipt)
            answered += 1
        assert await large == Receipt(1, 20_000, 0, 20_000)
        assert answered >= 5, "they wait for a part of it each, not for all"
        assert caller.committer.pending_events == 0
        caller.committer.close()
        assert sum(caller.observed) == 20_000 + answered, "each counts once"

    run(test())


@pytest.mark.parametrize("how", ["begin_end", "close"])
def test_at_the_end_what_one_commit_can_not_finish_is_refused(
    re_sorted: tuple[JournalWriter, Submission], how: str
) -> None:
    async def test() -> None:
        journal, known = re_sorted
        caller = Caller(journal, max_pending_events=100_000)
        large = [caller.submit(known) for _ in range(3)]
        getattr(caller.committer, how)()
        assert [type(outcome) for outcome in await asyncio.gather(*large)] == [StreamClosed] * 3
        assert journal.rows_read <= 6
        assert caller.committer.pending_events == 0
        if how == "begin_end":
            assert isinstance(await caller.submit(submission("one more")), Receipt)
        caller.committer.close()

    run(test())


def test_hundreds_of_callers_each_get_their_own_answer(tmp_path: Path) -> None:
    async def test() -> None:
        journal = JournalWriter(tmp_path)
        caller = Caller(journal)

        async def trader(name: int) -> list[Outcome]:
            return [await caller.submit(submission(f"{name}-{number}")) for number in range(5)] + [
                await caller.submit(submission(f"{name}-0")),
                await caller.submit(submission(f"{name}-1", says="that")),
            ]

        answers = await asyncio.gather(*map(trader, range(200)))
        caller.committer.close()
        taken = []
        for *new, duplicate, conflict in answers:
            receipts = [answer for answer in new if isinstance(answer, Receipt)]
            assert isinstance(conflict, Conflict)
            assert conflict.earlier[0].sequence == receipts[1].first
            assert isinstance(duplicate, Receipt)
            assert (duplicate.first, duplicate.duplicates) == (receipts[0].first, 1)
            taken += [receipt.first for receipt in receipts]
        assert sorted(taken) == list(range(1, 1_001))
        assert len(caller.observed) < 500, "commits are shared"

    run(test())


def test_a_callback_that_raises_keeps_no_other_from_its_outcome() -> None:
    async def test() -> None:
        writer = Writer()
        caller = Caller(writer)
        reported: list[dict[str, object]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context))
        with held_up(writer):
            first = caller.submit(submission("first"))
            await becomes(writer.waiting.is_set)
            caller.committer.submit(submission("gone"), never_called)
            last = caller.submit(submission("last"))
        assert (await first, await last) == (Receipt(1, 1, 1, 0), Receipt(3, 3, 1, 0))
        assert writer.commits == [1, 2]
        await becomes(lambda: bool(reported))
        assert caller.committer.pending_events == 0
        caller.committer.close()

    run(test())


def test_a_conflict_is_an_answer_to_its_caller_alone() -> None:
    async def test() -> None:
        caller = Caller(Writer())
        await caller.submit(submission("a"))
        conflict, receipt = caller.submit(submission("a", says="that")), caller.submit(submission("b"))
        assert await conflict == Conflicting({0: 1})
        assert await receipt == Receipt(2, 2, 1, 0)
        caller.committer.close()

    run(test())


@pytest.mark.parametrize("failing_commit", [1, 3])
def test_all_who_wait_get_the_failed_commit_and_nothing_more_is_accepted(failing_commit: int) -> None:
    async def test() -> None:
        writer = Writer(failing_commit)
        caller = Caller(writer)
        for name in range(failing_commit - 1):
            assert isinstance(await caller.submit(submission(f"good-{name}")), Receipt)
        with held_up(writer):
            in_the_commit = caller.submit(submission("lost"))
            await becomes(writer.waiting.is_set)
            behind_it = [caller.submit(numbered([name])) for name in range(5)]
        assert isinstance(await in_the_commit, StreamFailed)
        # The rest raced with the failure: taken into no commit, and answered all the same.
        assert [type(answer) for answer in await asyncio.gather(*behind_it)] == [StreamFailed] * 5
        await becomes(lambda: not caller.committer.accepting)
        with pytest.raises(StreamFailed):
            caller.committer.submit(submission("late"), never_called)
        assert caller.committer.pending_events == 0
        caller.committer.close()
        assert [type(failure) for failure in caller.failures] == [DiskError]
        assert len(writer.commits) == failing_commit, "a failed commit is never tried again"
        assert writer.closed == 1
        assert writer.head() == failing_commit - 1

    run(test())


def test_submissions_that_race_with_a_failure_are_all_answered_or_refused() -> None:
    async def test() -> None:
        writer = Writer(failing_commit=20)
        caller = Caller(writer)
        answers: list[Outcome] = []
        refused = 0

        async def trader(name: int) -> None:
            nonlocal refused
            for number in range(1_000_000):
                try:
                    answers.append(await caller.submit(submission(f"{name}-{number}")))
                except StreamFailed:
                    refused += 1
                    return

        await asyncio.gather(*map(trader, range(30)))
        caller.committer.close()
        assert refused == 30
        assert sum(isinstance(answer, Receipt) for answer in answers) == writer.head()
        assert {type(answer) for answer in answers} == {Receipt, StreamFailed}
        assert len(caller.failures) == 1

    run(test())


def test_a_failed_heartbeat_is_a_failure_too() -> None:
    async def test() -> None:
        caller = Caller(Writer(failing_heartbeat=True))
        await becomes(lambda: caller.failures)
        with pytest.raises(StreamFailed):
            caller.committer.submit(submission("late"), never_called)
        caller.committer.close()

    run(test())


def test_outcomes_do_not_wait_for_what_can_be_done_after_them() -> None:
    async def test() -> None:
        writer = Writer()
        caller = Caller(writer)
        writer.may_tidy.clear()
        assert await caller.submit(submission("first")) == Receipt(1, 1, 1, 0)
        assert writer.tidied == 0
        writer.may_tidy.set()
        assert await caller.submit(submission("second")) == Receipt(2, 2, 1, 0)
        caller.committer.close()
        assert writer.tidied == 2

    run(test())


def test_a_failure_after_the_outcomes_ends_the_stream() -> None:
    async def test() -> None:
        writer = Writer(failing_tidy=True)
        caller = Caller(writer)
        assert await caller.submit(submission("first")) == Receipt(1, 1, 1, 0)
        await becomes(lambda: caller.failures)
        with pytest.raises(StreamFailed):
            caller.committer.submit(submission("late"), never_called)
        caller.committer.close()
        assert writer.closed == 1

    run(test())


def test_closing_commits_what_waits_and_takes_nothing_more() -> None:
    async def test() -> None:
        writer = Writer()
        caller = Caller(writer)
        with held_up(writer):
            answers = [caller.submit(submission("first"))]
            await becomes(writer.waiting.is_set)
            answers += [caller.submit(numbered([name])) for name in range(10)]
            threading.Timer(0.02, writer.may_commit.set).start()
            caller.committer.close()
        with pytest.raises(StreamClosed):
            caller.committer.submit(submission("late"), never_called)
        assert [type(answer) for answer in await asyncio.gather(*answers)] == [Receipt] * 11
        caller.committer.close()
        assert writer.closed == 1
        assert not caller.failures

    run(test())


def test_closing_ends_even_if_the_last_commit_fails() -> None:
    async def test() -> None:
        writer = Writer(failing_commit=2)
        caller = Caller(writer)
        with held_up(writer):
            first = caller.submit(submission("first"))
            await becomes(writer.waiting.is_set)
            last = caller.submit(submission("last"))
            closing_ = asyncio.create_task(asyncio.to_thread(caller.committer.close))
            await becomes(lambda: not caller.committer.accepting)
        await asyncio.wait_for(closing_, PATIENCE_SECONDS)
        assert isinstance(await first, Receipt)
        assert isinstance(await last, StreamFailed)
        assert [type(failure) for failure in caller.failures] == [DiskError]
        assert writer.closed == 1

    run(test())


def test_past_its_limit_it_is_overloaded_until_a_commit_is_done() -> None:
    async def test() -> None:
        writer = Writer()
        caller = Caller(writer, max_pending_events=10)
        with held_up(writer):
            answers = [caller.submit(numbered(range(4)))]
            await becomes(writer.waiting.is_set)
            answers.append(caller.submit(numbered(range(4, 10))))
            with pytest.raises(Overloaded, match="10 events wait"):
                caller.committer.submit(submission("one too many"), never_called)
            assert caller.committer.pending_events == 10
            assert caller.committer.accepting
        await asyncio.gather(*answers)
        assert isinstance(await caller.submit(submission("one more")), Receipt)
        caller.committer.close()
        assert writer.head() == 11

    run(test())


def test_one_submission_larger_than_the_limit_is_taken_where_nothing_waits() -> None:
    async def test() -> None:
        writer = Writer()
        caller = Caller(writer, max_pending_events=10)
        with held_up(writer):
            large = caller.submit(numbered(range(50)))
            with pytest.raises(Overloaded):
                caller.committer.submit(submission("behind"), never_called)
        assert await large == Receipt(1, 50, 50, 0)
        caller.committer.close()

    run(test())


@pytest.mark.parametrize("busy", [False, True])
def test_heartbeats_are_sent_when_idle_and_when_busy(monkeypatch: pytest.MonkeyPatch, busy: bool) -> None:
    monkeypatch.setattr(group_commit, "HEARTBEAT_SECONDS", 0.01)

    async def test() -> None:
        writer = Writer()
        caller = Caller(writer)
        number = 0
        while writer.heartbeats < 5:
            if busy:
                await caller.submit(numbered([number]))
                number += 1
            else:
                await asyncio.sleep(0.001)
        caller.committer.close()
        assert len(writer.commits) == number

    run(test())


def test_an_idle_committer_wakes_only_for_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    class CountingQueue(SimpleQueue[Any]):
        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            nonlocal looks
            looks += 1
            return super().get(block, timeout)

    monkeypatch.setattr(group_commit, "SimpleQueue", CountingQueue)

    async def test() -> None:
        writer = Writer()
        with closing(Caller(writer).committer):
            await becomes(lambda: writer.heartbeats >= 2)
            assert looks <= writer.heartbeats + 2

    run(test())
