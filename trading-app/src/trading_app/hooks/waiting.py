"""Messages that the journal did not take: kept on disk, and committed in their order once it takes some again.

Many senders send a message once. What it says was decided when it arrived: it is committed as it would have been then,
whatever has become of its hook. What is committed before its file is removed is known the next time.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import structlog

from service_kit.problems import Problem
from trading_app.hooks.commit import PASSING, HookCommits
from trading_app.hooks.gate import caller_of
from trading_app.hooks.kept import Arrived, CantKeep, Kept, KeptMessages
from trading_app.hooks.readings import Said, Unreadable
from trading_app.metrics import AppMetrics
from trading_app.outgoing import PIECE_BYTES

log = structlog.get_logger(__name__)

RETRY_SECONDS = 1.0
"""Between two attempts to commit what waits."""

PAGE = 100

GiveToPerson = Callable[[str, Arrived, str], Awaitable[object]]
"""Keeps a message of a hook for a person, with the reason. Raises CantKeep, OSError."""


class WaitingMessages:
    """The messages of all hooks that wait for the journal."""

    def __init__(
        self, files: KeptMessages, commits: HookCommits, metrics: AppMetrics, give_to_person: GiveToPerson
    ) -> None:
        self._files = files
        self._commits = commits
        self._metrics = metrics
        self._give_to_person = give_to_person
        self._being_kept = Counter[str]()
        self._wanted = asyncio.Event()
        self._turn = asyncio.Lock()

    def has(self, hook: str) -> bool:
        """Whether a message of this hook waits, or is about to: later ones wait behind it."""
        return self._metrics.hook_waiting.get(hook, 0) + self._being_kept[hook] > 0

    async def keep(self, hook: str, message: Arrived, reason: str, said: Said) -> Kept:
        """Keep a message until it is committed. Raises CantKeep, OSError."""
        self._being_kept[hook] += 1
        try:
            async with self._turn:
                kept = await asyncio.to_thread(self._files.keep, hook, message, reason, said)
                await self._count(hook)
        finally:
            self._being_kept[hook] -= 1
        log.warning("a message of a hook waits", hook=hook, message=kept.id, reason=kept.reason)
        return kept

    async def find_all(self) -> None:
        """Find those that wait since an earlier start."""
        try:
            for hook in await asyncio.to_thread(self._files.hooks):
                async with self._turn:
                    for file in await asyncio.to_thread(self._files.set_aside_damaged, hook):
                        log.error("a message that waited can't be read back", hook=hook, file=str(file))
                    await self._count(hook)
        except OSError as error:
            log.error("the messages that wait can't be found", reason=str(error))

    async def run(self) -> None:
        """Commit what waits, whenever something does, without end. The journal is open."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._take_all([hook for hook, count in self._metrics.hook_waiting.items() if count])
            if any(self._metrics.hook_waiting.values()):
                self._wanted.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _take_all(self, hooks: Sequence[str]) -> None:
        """Commit the messages of hooks until the journal takes none."""
        for hook in hooks:
            try:
                if not await self._take_each(hook):
                    return
            except OSError as error:
                log.error("messages that wait can't be read or removed", hook=hook, reason=str(error))

    async def _take_each(self, hook: str) -> bool:
        """Commit a hook's messages, the oldest first. Whether the journal takes more."""
        after, more = "", True
        while more:
            # Without their turn: a file that is there is never changed, but for the count of its arrivals.
            page, more = await asyncio.to_thread(self._files.page, hook, after, PAGE, PIECE_BYTES)
            for kept in page:
                after = kept.id
                if not await self._take(hook, kept):
                    return False
        return True

    async def _take(self, hook: str, kept: Kept) -> bool:
        """Commit one, or give it to a person. Whether the journal takes more."""
        said = kept.said
        if said is None:  # somebody has put it there
            await self._give(hook, kept, kept.reason)
            return True
        accounts = frozenset(one.members["account"] for one in said.all)
        try:
            outcome = await self._commits.commit(caller_of(hook, accounts), said, kept.received_ns)
        except Problem as problem:
            if problem.code in PASSING:
                return False
            await self._give(hook, kept, problem.detail)
        except Unreadable as error:
            await self._give(hook, kept, str(error))
        else:
            log.info("a message that waited is in the journal", hook=hook, message=kept.id, status=outcome.status)
            await self._drop(hook, kept)
        return True

    async def _give(self, hook: str, kept: Kept, reason: str) -> None:
        try:
            await self._give_to_person(hook, Arrived(kept.body.encode(), kept.content_type, kept.received_ns), reason)
        except (CantKeep, OSError) as error:
            log.error("a message that waited can't be given to a person", hook=hook, message=kept.id, reason=str(error))
            return
        await self._drop(hook, kept)

    async def _drop(self, hook: str, kept: Kept) -> None:
        async with self._turn:
            await asyncio.to_thread(self._files.drop, hook, kept.id)
            await self._count(hook)

    async def _count(self, hook: str) -> None:
        count = await asyncio.to_thread(self._files.count, hook)
        self._metrics.hook_waiting[hook] = count
        if count:
            self._wanted.set()
