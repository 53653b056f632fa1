"""The turns of messages while the journal takes some again: with a journal that goes on when we say so."""

import asyncio
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from service_kit.problems import Problem
from service_kit.settings import Environment
from trading_app.access.caller import Caller
from trading_app.context import Context
from trading_app.environment import read_settings
from trading_app.hooks import kept, waiting
from trading_app.hooks.gate import caller_of
from trading_app.hooks.kept import Arrived, KeptMessages
from trading_app.hooks.outcome import Counts, Outcome
from trading_app.hooks.readings import Fill, Said
from trading_app.hooks.waiting import CantTake, WaitingMessages
from trading_app.problems import TradeProblem

TRIED_AGAIN = 77.0
"""A pause that is told from others."""

BOT = caller_of("bot", frozenset(("bot",)))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits is tried again without a pause."""
    monkeypatch.setattr(waiting, "RETRY_SECONDS", 0)


class Journal:
    """Takes nothing while `is_busy`; each commit then ends once it may."""

    def __init__(self) -> None:
        self.taken = list[str]()
        self.is_busy = True
        self.tried = self.begun = 0
        self.gives_up = 0
        self.may_end = asyncio.Semaphore(0)

    async def commit(self, _caller: Caller, said: Said, _received_ns: int) -> Outcome:
        self.tried += 1
        if self.is_busy:
            raise TradeProblem("store_busy", "another program has it")
        self.begun += 1
        await self.may_end.acquire()
        if self.gives_up:
            self.gives_up -= 1
            raise TradeProblem("store_busy", "another program has it for long")
        self.taken.append(said.fills[0].members["trade_id"])
        return Outcome("accepted", Counts(1, 0, 1, 1))


class Desk:
    """The messages of a hook before that journal, and below a rate: `allowed` says how many it still allows."""

    def __init__(self, folder: Path, allowed: float = math.inf) -> None:
        self.allowed = allowed
        self.journal = Journal()
        self.files = KeptMessages(folder, lambda _text: False)
        metrics = Context(read_settings(Environment({}, folder))).metrics
        metrics.prepare_hooks(["bot"])
        self.messages = WaitingMessages(self.files, self.journal.commit, metrics, self._give, self._pace)
        self.running = asyncio.create_task(self.messages.run())

    async def send(self, number: int) -> str:
        said = Said([Fill({"trade_id": str(number), "account": "bot"})])
        return (await self.messages.take("bot", BOT, Arrived(b"%d" % number, "", number), said)).status

    def _pace(self, caller: str) -> Problem | None:
        assert caller == BOT.id
        self.allowed -= 1
        return None if self.allowed >= 0 else TradeProblem("rate_limited", "the maximum is 2 per 1 hour", retry_after=9)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0)

    async def _give(self, hook: str, message: Arrived, reason: str) -> None:
        raise AssertionError((hook, message, reason))


async def with_one_that_is_being_committed(folder: Path) -> Desk:
    """A desk where two messages waited: the journal took the first, and has begun with the second."""
    desk = Desk(folder)
    assert [await desk.send(1), await desk.send(2)] == ["waiting", "waiting"]
    desk.journal.is_busy = False
    desk.journal.may_end.release()
    await desk.until(lambda: desk.journal.begun == 2)
    return desk


def test_behind_messages_that_are_being_committed_none_needs_a_file(tmp_path: Path) -> None:
    async def run() -> None:
        desk = await with_one_that_is_being_committed(tmp_path)
        later = [asyncio.create_task(desk.send(number)) for number in (3, 4)]
        await asyncio.sleep(0)
        for _ in range(3):
            desk.journal.may_end.release()
        assert await asyncio.gather(*later) == ["accepted", "accepted"]
        assert (desk.journal.taken, desk.files.count("bot")) == (["1", "2", "3", "4"], 0)

    asyncio.run(run())


def test_one_that_would_wait_for_long_is_kept_behind_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_SECONDS", 0)

    async def run() -> None:
        desk = await with_one_that_is_being_committed(tmp_path)
        assert (await desk.send(3), desk.files.count("bot")) == ("waiting", 2)
        for _ in range(2):
            desk.journal.may_end.release()
        await desk.until(lambda: desk.files.count("bot") == 0)
        assert desk.journal.taken == ["1", "2", "3"]

    asyncio.run(run())


@pytest.mark.parametrize("gives_up", [False, True])
def test_a_commit_that_takes_long_goes_on_behind_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gives_up: bool
) -> None:
    """What is under way is not begun again, unless it fails: it would count as a duplicate of itself."""
    monkeypatch.setattr(waiting, "PATIENCE_SECONDS", 0)

    async def run() -> None:
        desk = Desk(tmp_path)
        desk.journal.is_busy = False
        assert (await desk.send(1), await desk.send(2)) == ("waiting", "waiting")
        desk.journal.gives_up = int(gives_up)
        assert (desk.journal.begun, desk.files.count("bot")) == (1, 2)
        for _ in range(3):
            desk.journal.may_end.release()
        await desk.until(lambda: desk.files.count("bot") == 0)
        assert (desk.journal.taken, desk.journal.begun) == (["1", "2"], 2 + gives_up)

    asyncio.run(run())


def test_commits_that_failed_behind_their_answers_hold_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pause for each of them would be minutes."""
    monkeypatch.setattr(waiting, "PATIENCE_SECONDS", 0)
    pauses, sleep = list[float](), asyncio.sleep

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    async def run() -> None:
        desk = Desk(tmp_path)
        desk.journal.is_busy, desk.journal.gives_up = False, 20
        assert await asyncio.gather(*map(desk.send, range(20))) == ["waiting"] * 20
        assert desk.journal.begun == 20
        monkeypatch.setattr(asyncio, "sleep", pause)
        for _ in range(40):
            desk.journal.may_end.release()
        await desk.until(lambda: desk.files.count("bot") == 0)
        assert sorted(desk.journal.taken) == sorted(map(str, range(20)))
        assert len([seconds for seconds in pauses if seconds == TRIED_AGAIN]) < 5

    monkeypatch.setattr(waiting, "RETRY_SECONDS", TRIED_AGAIN)
    asyncio.run(run())


def test_one_that_takes_long_and_can_not_be_kept_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_SECONDS", 0)

    async def run() -> None:
        desk = Desk(tmp_path / "file" / "folder")
        (tmp_path / "file").write_text("no folder")
        desk.journal.is_busy = False
        sent = asyncio.create_task(desk.send(1))
        await desk.until(lambda: desk.journal.begun == 1)
        desk.journal.may_end.release()
        assert await sent == "accepted"

    asyncio.run(run())


def test_messages_above_the_rate_wait_for_it_in_their_order(tmp_path: Path) -> None:
    async def run() -> None:
        desk = Desk(tmp_path, allowed=2)
        desk.journal.is_busy = False
        desk.journal.may_end = asyncio.Semaphore(100)
        assert [await desk.send(number) for number in range(5)] == ["accepted"] * 2 + ["waiting"] * 3
        page, _ = desk.files.page("bot", "", 10, 100_000)
        assert page[0].reason == "above the rate (WEBAPP_RATE_LIMIT): the maximum is 2 per 1 hour"
        desk.allowed = 2
        await desk.until(lambda: desk.files.count("bot") == 1)
        assert desk.journal.taken == ["0", "1", "2", "3"]
        assert await desk.send(5) == "waiting", "behind the one that waits"
        desk.allowed = math.inf
        await desk.until(lambda: desk.files.count("bot") == 0)
        assert await desk.send(6) == "accepted"
        assert desk.journal.taken == [str(number) for number in range(7)]

    asyncio.run(run())


def test_one_above_the_rate_that_can_not_be_kept_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        desk = Desk(tmp_path, allowed=0)
        monkeypatch.setattr(kept, "MAX_MESSAGES", 0)
        with pytest.raises(CantTake) as refused:
            await desk.send(1)
        assert (refused.value.problem.code, refused.value.problem.retry_after) == ("rate_limited", 9)

    asyncio.run(run())


def test_the_rate_counts_a_message_once_however_often_the_journal_refuses_it(tmp_path: Path) -> None:
    async def run() -> None:
        desk = Desk(tmp_path, allowed=3)
        assert [await desk.send(number) for number in range(3)] == ["waiting"] * 3
        await desk.until(lambda: desk.journal.tried > 5)
        desk.journal.may_end = asyncio.Semaphore(100)
        desk.journal.is_busy = False
        await desk.until(lambda: desk.files.count("bot") == 0)
        assert desk.allowed == 0

    asyncio.run(run())
