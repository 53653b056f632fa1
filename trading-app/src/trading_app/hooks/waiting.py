"""Commits messages of hooks in their turn; those that the journal does not take are kept on disk until it does.

Many senders send a message once. What it says was decided when it arrived: it is committed as it would have been then,
whatever has become of its hook. What is committed before its file is removed is known the next time.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from service_kit.problems import Problem
from trading_app.access.caller import Caller
from trading_app.hooks.commit import PASSING
from trading_app.hooks.gate import caller_of
from trading_app.hooks.kept import Arrived, CantKeep, Kept, KeptMessages
from trading_app.hooks.outcome import Outcome
from trading_app.hooks.readings import Said, Unreadable
from trading_app.metrics import AppMetrics
from trading_app.outgoing import PIECE_BYTES

log = structlog.get_logger(__name__)

RETRY_SECONDS = 1.0
"""Between two attempts to commit what waits."""

PATIENCE_SECONDS = 1.0
"""For which a message waits without a file while those before it are committed. Senders wait 3 s or more."""

PAGE = 100

Commit = Callable[[Caller, Said, int], Awaitable[Outcome]]
"""Commits what a message says that arrived at a time in ns since 1970, as `HookCommits.commit` does."""

GiveToPerson = Callable[[str, Arrived, str], Awaitable[object]]
"""Keeps a message of a hook for a person, with the reason. Raises CantKeep, OSError."""


class WaitingMessages:
    """The messages of all hooks that wait for the journal, and those that come behind them."""

    def __init__(self, files: KeptMessages, commit: Commit, metrics: AppMetrics, give_to_person: GiveToPerson) -> None:
        self._files = files
        self._commit = commit
        self._metrics = metrics
        self._give_to_person = give_to_person
        self._being_kept = Counter[str]()
        self._is_refused = False
        """Whether the journal did not take the last message that was tried."""

        self._wanted = asyncio.Event()
        self._changed = asyncio.Condition()
        self._turn = asyncio.Lock()

    async def take(self, hook: str, caller: Caller, message: Arrived, said: Said) -> Outcome:
        """Commit what a message says, behind the earlier ones of its hook; or keep it until that is possible.

        Raises Unreadable, and Problem: that of the journal if it can't be kept, too; `damaged_history`.
        """
        if not await self._are_through(hook):
            with suppress(CantKeep, OSError):  # better out of order than not at all
                return await self._keep(hook, message, said, "earlier messages of this hook wait")
        try:
            return await self._commit(caller, said, message.received_ns)
        except Problem as problem:
            if problem.code not in PASSING:
                raise
            await self._note(is_refused=True)
            try:
                return await self._keep(hook, message, said, f"the journal does not take it now ({problem.code})")
            except (CantKeep, OSError) as error:
                self._metrics.hook_messages[hook, "refused"] += 1
                log.error("a message of a hook can't be kept", hook=hook, reason=str(error))
            raise

    async def find_all(self) -> None:
        """Find those that wait since an earlier start."""
        try:
            for hook in await asyncio.to_thread(self._files.hooks):
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
            before = self._metrics.hook_waiting.copy()
            await self._take_all([hook for hook, count in before.items() if count])
            if any(self._metrics.hook_waiting.values()):
                self._wanted.set()
                if self._is_refused or before == self._metrics.hook_waiting:
                    await asyncio.sleep(RETRY_SECONDS)

    async def _are_through(self, hook: str) -> bool:
        """Whether no message of this hook waits any more. While the journal takes them, the end of that is waited for,
        but not for long: what comes then needs no file.
        """
        if self._has(hook) and not self._is_refused:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
                    await self._changed.wait_for(lambda: self._is_refused or not self._has(hook))
        return not self._has(hook)

    def _has(self, hook: str) -> bool:
        """Whether a message of this hook waits, or is about to."""
        return self._metrics.hook_waiting.get(hook, 0) + self._being_kept[hook] > 0

    async def _keep(self, hook: str, message: Arrived, said: Said, reason: str) -> Outcome:
        """Keep a message until it is committed. Raises CantKeep, OSError."""
        self._being_kept[hook] += 1
        try:
            async with self._turn:
                kept = await asyncio.to_thread(self._files.keep, hook, message, reason, said)
            await self._count(hook)
        finally:
            self._being_kept[hook] -= 1
            await self._note(is_refused=self._is_refused)
        log.warning("a message of a hook waits", hook=hook, message=kept.id, reason=kept.reason)
        return Outcome("waiting", reason=kept.reason, kept=kept)

    async def _take_all(self, hooks: list[str]) -> None:
        """Commit the messages of hooks, until the journal takes none."""
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
                is_taken = await self._take_kept(hook, kept)
                if is_taken == self._is_refused:
                    await self._note(is_refused=not is_taken)
                if not is_taken:
                    return False
            await self._count(hook)
        return True

    async def _take_kept(self, hook: str, kept: Kept) -> bool:
        """Commit one, or give it to a person. Whether the journal took it."""
        said = kept.said
        if said is None:  # somebody has put it there
            await self._give(hook, kept, kept.reason)
            return True
        accounts = frozenset(one.members["account"] for one in said.all)
        try:
            outcome = await self._commit(caller_of(hook, accounts), said, kept.received_ns)
        except Problem as problem:
            if problem.code in PASSING:
                return False
            await self._give(hook, kept, problem.detail)
        except Unreadable as error:
            await self._give(hook, kept, str(error))
        else:
            log.info("a message that waited is in the journal", hook=hook, message=kept.id, status=outcome.status)
            await asyncio.to_thread(self._files.drop, hook, kept.id)
        return True

    async def _give(self, hook: str, kept: Kept, reason: str) -> None:
        try:
            await self._give_to_person(hook, Arrived(kept.body.encode(), kept.content_type, kept.received_ns), reason)
        except (CantKeep, OSError) as error:
            log.error("a message that waited can't be given to a person", hook=hook, message=kept.id, reason=str(error))
            return
        await asyncio.to_thread(self._files.drop, hook, kept.id)

    async def _count(self, hook: str) -> None:
        """Count those that wait, for the metrics and for those behind them. Raises OSError."""
        async with self._turn:
            count = await asyncio.to_thread(self._files.count, hook)
            self._metrics.hook_waiting[hook] = count
        if count:
            self._wanted.set()
        else:
            await self._note(is_refused=self._is_refused)

    async def _note(self, *, is_refused: bool) -> None:
        """Tell those that wait behind others what has changed."""
        async with self._changed:
            self._is_refused = is_refused
            self._changed.notify_all()
