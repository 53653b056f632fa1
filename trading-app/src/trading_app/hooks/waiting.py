"""Commits messages of hooks in their turn; those that can't be committed now are kept on disk until they can.

That is so while the journal takes none, or takes long, and for those that are above the rate. Many senders send a
message once, and wait for seconds. What it says was decided when it arrived: it is committed as it would have been
then, whatever has become of its hook. What is committed before its file is removed is known the next time.
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
from trading_app.hooks.keeping import Keeping
from trading_app.hooks.kept import Arrived, CantKeep, Kept, KeptMessages, Place, ToKeep
from trading_app.hooks.outcome import Outcome
from trading_app.hooks.readings import Said, Unreadable
from trading_app.metrics import AppMetrics
from trading_app.outgoing import PIECE_BYTES

log = structlog.get_logger(__name__)

RETRY_SECONDS = 1.0
"""Between two attempts to commit what waits."""

PATIENCE_SECONDS = 1.5
"""For which a message waits without a file while those before it are committed, and then for its own commit. Senders
wait 3 s or more, and another program may hold the journal for as long as it likes.
"""

PAGE = 100

Commit = Callable[[Caller, Said, int], Awaitable[Outcome]]
"""Commits what a message says that arrived at a time in ns since 1970, as `HookCommits.commit` does."""

Pace = Callable[[str], Problem | None]
"""Counts a message of the caller with this id, which is about to be committed. The problem if it is above the rate."""

GiveToPerson = Callable[[str, Arrived, str], Awaitable[object]]
"""Keeps a message of a hook for a person, with the reason. Raises CantKeep, OSError."""


def no_pace(_caller: str) -> None:
    """A pace without a rate."""


class CantTake(Exception):
    """The message can neither be committed now nor kept."""

    def __init__(self, problem: Problem) -> None:
        """`problem` is that of the journal, or of the rate."""
        super().__init__(problem.detail)
        self.problem = problem


class WaitingMessages:
    """The messages of all hooks that wait to be committed, and those that come behind them."""

    def __init__(
        self,
        files: KeptMessages,
        commit: Commit,
        metrics: AppMetrics,
        give_to_person: GiveToPerson,
        pace: Pace = no_pace,
    ) -> None:
        self._files = files
        self._keeping = Keeping(files)
        self._commit = commit
        self._metrics = metrics
        self._give_to_person = give_to_person
        self._pace = pace
        self._counted = set[Place]()
        """Messages with a file that the rate has counted already."""

        self._above_rate = set[str]()
        """Hooks whose next message is above the rate."""

        self._under_way = dict[Place, asyncio.Task[Outcome]]()
        """Commits of messages that got a file meanwhile."""

        self._being_kept = Counter[str]()
        self._is_refused = False
        """Whether the journal did not take the last message that was tried."""

        self._wanted = asyncio.Event()
        self._changed = asyncio.Condition()
        self._uncounted = set[str]()
        self._counting = asyncio.Lock()

    async def take(self, hook: str, caller: Caller, message: Arrived, said: Said) -> Outcome:
        """Commit what a message says, behind the earlier ones of its hook; or keep it until that is possible.

        Raises Unreadable; CantTake if it can't be kept, too; and Problem, which is not of PASSING.
        """
        until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        if not await self._are_through(hook, until):
            with suppress(CantKeep, OSError):  # better out of order than not at all
                return await self._keep(hook, message, said, "earlier messages of this hook wait")
        above = self._pace(caller.id)
        if above is not None:
            self._above_rate.add(hook)
            return await self._keep_instead(
                hook, message, said, f"above the rate (WEBAPP_RATE_LIMIT): {above.detail}", above
            )
        commit = asyncio.ensure_future(self._commit(caller, said, message.received_ns))
        commit.add_done_callback(_has_failed)
        await asyncio.wait((commit,), timeout=until - asyncio.get_running_loop().time())
        if not commit.done():
            with suppress(CantKeep, OSError):  # better late than not at all
                return await self._keep(hook, message, said, "the journal takes long", commit)
        try:
            return await commit
        except Problem as problem:
            if problem.code not in PASSING:
                raise
            await self._note(is_refused=True)
            reason = f"the journal does not take it now ({problem.code})"
            return await self._keep_instead(hook, message, said, reason, problem, commit)

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
                if self._is_refused or before == self._metrics.hook_waiting:  # also for the rate
                    await asyncio.sleep(RETRY_SECONDS)

    async def _are_through(self, hook: str, until: float) -> bool:
        """Whether no message of this hook waits any more. While they are being committed, the end of that is waited
        for, `until` a time of the event loop: what comes then needs no file.
        """
        if self._has(hook) and not self._is_held(hook):
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until), self._changed:
                    await self._changed.wait_for(lambda: self._is_held(hook) or not self._has(hook))
        return not self._has(hook)

    def _is_held(self, hook: str) -> bool:
        """Whether none of this hook is committed now."""
        return self._is_refused or hook in self._above_rate

    def _has(self, hook: str) -> bool:
        """Whether a message of this hook waits, or is about to."""
        return self._metrics.hook_waiting.get(hook, 0) + self._being_kept[hook] > 0

    async def _keep_instead(
        self,
        hook: str,
        message: Arrived,
        said: Said,
        reason: str,
        problem: Problem,
        commit: asyncio.Task[Outcome] | None = None,
    ) -> Outcome:
        """Keep a message until it is committed. Raises CantTake, with the problem, if that is not possible either."""
        try:
            return await self._keep(hook, message, said, reason, commit)
        except (CantKeep, OSError) as error:
            self._metrics.hook_messages[hook, "refused"] += 1
            log.error("a message of a hook can't be kept", hook=hook, reason=str(error))
        raise CantTake(problem)

    async def _keep(
        self, hook: str, message: Arrived, said: Said, reason: str, commit: asyncio.Task[Outcome] | None = None
    ) -> Outcome:
        """Keep a message until it is committed, by `commit` if that was begun. Raises CantKeep, OSError."""
        self._being_kept[hook] += 1
        try:
            kept = await self._keeping.keep(ToKeep(hook, message, reason, said))
            if commit is not None:
                self._counted.add((hook, kept.id))
                if not commit.done() and (hook, kept.id) not in self._under_way:
                    self._under_way[hook, kept.id] = commit
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
            # Files that are there are never changed, but for the count of their arrivals.
            page, more = await asyncio.to_thread(self._files.page, hook, after, PAGE, PIECE_BYTES)
            for kept in page:
                after = kept.id
                if self._has_to_wait(hook, kept):
                    await self._count(hook)
                    return True
                is_taken = await self._take_kept(hook, kept)
                if is_taken == self._is_refused:
                    await self._note(is_refused=not is_taken)
                if not is_taken:
                    return False
            await self._count(hook)
        return True

    def _has_to_wait(self, hook: str, kept: Kept) -> bool:
        """Whether a message is above the rate; counted once, however often the journal is asked to take it."""
        place = (hook, kept.id)
        if place not in self._counted and self._pace(caller_of(hook).id) is not None:
            self._above_rate.add(hook)
            return True
        self._counted.add(place)
        self._above_rate.discard(hook)
        return False

    async def _take_kept(self, hook: str, kept: Kept) -> bool:
        """Commit one, or give it to a person. Whether the journal took it."""
        said = kept.said
        if said is None:  # somebody has put it there
            await self._give(hook, kept, kept.reason)
            return True
        accounts = frozenset(one.members["account"] for one in said.all)
        commit = self._under_way.pop((hook, kept.id), None)
        if commit is None or _has_failed(commit):
            commit = asyncio.ensure_future(self._commit(caller_of(hook, accounts), said, kept.received_ns))
        try:
            outcome = await commit
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
        await asyncio.to_thread(self._files.drop, hook, kept.id)
        self._counted.discard((hook, kept.id))

    async def _count(self, hook: str) -> None:
        """Count those that wait, for the metrics and for those behind them. Raises OSError."""
        self._uncounted.add(hook)
        async with self._counting:
            if hook in self._uncounted:  # else it was counted for another one meanwhile
                self._uncounted.discard(hook)
                self._metrics.hook_waiting[hook] = await asyncio.to_thread(self._files.count, hook)
        if self._metrics.hook_waiting.get(hook):
            self._wanted.set()
        else:
            await self._note(is_refused=self._is_refused)

    async def _note(self, *, is_refused: bool) -> None:
        """Tell those that wait behind others what has changed."""
        async with self._changed:
            self._is_refused = is_refused
            self._changed.notify_all()


def _has_failed(commit: asyncio.Task[Outcome]) -> bool:
    """Whether a commit has ended without an outcome. Looked at once it ends, as nobody may wait for it any more: else
    asyncio would report its error as never seen.
    """
    return commit.done() and (commit.cancelled() or commit.exception() is not None)
