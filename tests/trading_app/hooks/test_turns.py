"""The turns of messages while the journal takes some again: with a journal that goes on when we say so."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from service_kit.settings import Environment
from trading_app.access.caller import Caller
from trading_app.context import Context
from trading_app.environment import read_settings
from trading_app.hooks import waiting
from trading_app.hooks.gate import caller_of
from trading_app.hooks.kept import Arrived, KeptMessages
from trading_app.hooks.outcome import Counts, Outcome
from trading_app.hooks.readings import Fill, Said
from trading_app.hooks.waiting import WaitingMessages
from trading_app.problems import TradeProblem

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
        self.begun = 0
        self.may_end = asyncio.Semaphore(0)

    async def commit(self, _caller: Caller, said: Said, _received_ns: int) -> Outcome:
        if self.is_busy:
            raise TradeProblem("store_busy", "another program has it")
        self.begun += 1
        await self.may_end.acquire()
        self.taken.append(said.fills[0].members["trade_id"])
        return Outcome("accepted", Counts(1, 0, 1, 1))


class Desk:
    """The messages of a hook before that journal."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal()
        self.files = KeptMessages(folder, lambda _text: False)
        metrics = Context(read_settings(Environment({}, folder))).metrics
        self.messages = WaitingMessages(self.files, self.journal.commit, metrics, self._give)
        self.running = asyncio.create_task(self.messages.run())

    async def send(self, number: int) -> str:
        said = Said([Fill({"trade_id": str(number), "account": "bot"})])
        return (await self.messages.take("bot", BOT, Arrived(b"%d" % number, "", number), said)).status

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
