"""Takes messages of hooks: from bytes to fills in the ledger, or to the messages kept for a person."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from service_kit.problems import Problem
from trading_app.access.caller import Caller
from trading_app.context import Context
from trading_app.hooks.commit import HookCommits
from trading_app.hooks.hook import Hook
from trading_app.hooks.keeping import Keeping
from trading_app.hooks.kept import Arrived, CantKeep, DamagedMessage, Kept, KeptMessages, ToKeep
from trading_app.hooks.outcome import Outcome
from trading_app.hooks.preset import GENERIC
from trading_app.hooks.readings import Ignored, Unreadable
from trading_app.hooks.waiting import CantTake, Pace, WaitingMessages
from trading_app.outgoing import PIECE_BYTES
from trading_app.problems import TradeProblem
from trading_app.yaml_nodes import FileError

if TYPE_CHECKING:
    from trading_app.hooks.reader import HookReader

log = structlog.get_logger(__name__)

RETRY_SECONDS = 60


class HookIntake:
    """Reads and commits the messages of all hooks."""

    def __init__(
        self,
        hooks: Sequence[Hook],
        context: Context,
        commits: HookCommits,
        kept: KeptMessages,
        waiting: KeptMessages,
        now_ns: Callable[[], int],
        pace: Pace,
    ) -> None:
        """`kept` has the messages that could not be read, `waiting` those that wait to be taken. `now_ns` returns
        the time in ns since 1970.
        """
        self.hooks = dict[str, Hook]()
        self._readers = dict[str, "HookReader"]()
        self._context = context
        self._commits = commits
        self._kept = kept
        self._keeping = Keeping(kept)
        self.waiting = WaitingMessages(waiting, commits.commit, context.metrics, self._keep_for_person, pace)
        self._now_ns = now_ns
        self._counting = asyncio.Lock()
        self._set(hooks, self._readers_of(hooks))

    async def put_in_force(self, hooks: Sequence[Hook]) -> None:
        """Read messages by these hooks from now on. Nothing else runs between that and the return."""
        self._set(hooks, await asyncio.to_thread(self._readers_of, hooks))

    def _readers_of(self, hooks: Sequence[Hook]) -> "dict[str, HookReader]":
        """The readers, of hooks that are as before those that have read messages."""
        kept = {hook.name for hook in hooks if self.hooks.get(hook.name) == hook}
        return {hook.name: self._readers[hook.name] if hook.name in kept else _reader_of(hook) for hook in hooks}

    def _set(self, hooks: Sequence[Hook], readers: "dict[str, HookReader]") -> None:
        self.hooks, self._readers = {hook.name: hook for hook in hooks}, readers
        self._context.metrics.prepare_hooks(self.hooks)

    async def take(self, hook: Hook, caller: Caller, body: bytes, content_type: str, obstacle: str = "") -> Outcome:
        """Commit what a message says, or keep it. `obstacle` says why the body is not all that was sent, if so.

        Raises Problem if neither is possible now.
        """
        outcome = await self._take(hook, caller, Arrived(body, content_type, self._now_ns()), obstacle)
        self._context.metrics.hook_messages[hook.name, outcome.status] += 1
        return outcome

    async def _take(self, hook: Hook, caller: Caller, message: Arrived, obstacle: str) -> Outcome:
        """Many senders never repeat a message: whatever is wrong with it, or with the app, a person can take it."""
        try:
            if obstacle:
                raise Unreadable(obstacle)
            said = self._readers[hook.name].read(*message)
            if isinstance(said, Ignored):
                return Outcome("ignored", reason=said.reason)
            return await self.waiting.take(hook.name, caller, message, said)
        except CantTake as error:
            raise error.problem from None
        except Unreadable as error:
            reason = str(error)
        except Problem as problem:
            reason = problem.detail
        except Exception:
            log.exception("the app failed at a message of a hook", hook=hook.name)
            reason = "the app failed to read it; its log says why"
        return await self._keep(hook, message, reason)

    async def take_kept(
        self, hook: Hook, caller: Caller, message: str, more: Mapping[str, str], mapping: str = ""
    ) -> Outcome:
        """Take a kept message as the hook is set up now, with the members that a person adds; or by a mapping that is
        given for it alone.

        Raises Problem: `not_found`; `invalid_parameter` for the mapping; `invalid_trade` if it still can't be read, or
        its file is damaged; `damaged_history`.
        """
        reader = await asyncio.to_thread(_reader_by, hook, mapping) if mapping else self._readers[hook.name]
        try:
            kept = await asyncio.to_thread(self._kept.find, hook.name, message)
        except DamagedMessage as error:
            raise TradeProblem("invalid_trade", str(error)) from None
        if kept is None:
            raise _no_message(hook, message)
        try:
            said = reader.read(kept.body.encode(), kept.content_type, kept.received_ns, more)
            outcome = (
                Outcome("ignored", reason=said.reason)
                if isinstance(said, Ignored)
                else await self._commits.commit(caller, said, kept.received_ns)
            )
        except Unreadable as error:
            raise TradeProblem("invalid_trade", str(error)) from None
        await self._drop(hook, message)
        return outcome

    async def unread(self, hook: Hook, after: str, limit: int) -> tuple[list[Kept], bool]:
        """A page of the messages of a hook that could not be read, the oldest first; and whether there are more."""
        return await asyncio.to_thread(self._kept.page, hook.name, after, limit, PIECE_BYTES)

    async def drop(self, hook: Hook, message: str) -> None:
        """Forget a kept message. Raises Problem: `not_found`."""
        if not await self._drop(hook, message):
            raise _no_message(hook, message)

    async def _drop(self, hook: Hook, message: str) -> bool:
        was_there = await asyncio.to_thread(self._kept.drop, hook.name, message)
        await self._count(hook.name)
        return was_there

    async def count_all(self) -> None:
        """Find the messages kept since an earlier start, those of former hooks that wait, too."""
        for hook in self.hooks:
            await self._count(hook)
        await self.waiting.find_all()

    async def _keep(self, hook: Hook, message: Arrived, reason: str) -> Outcome:
        try:
            return await self._keep_for_person(hook.name, message, reason)
        except (CantKeep, OSError) as error:
            self._context.metrics.hook_messages[hook.name, "refused"] += 1
            detail = f"the message can't be read ({reason}) and can't be kept: {error}"
            if isinstance(error, CantKeep):
                detail += f": `trading-app hook unread {hook.name}` shows them"
            raise TradeProblem("not_kept", detail, retry_after=RETRY_SECONDS) from None

    async def _keep_for_person(self, hook: str, message: Arrived, reason: str) -> Outcome:
        """Raises CantKeep, OSError."""
        kept = await self._keeping.keep(ToKeep(hook, message, reason))
        await self._count(hook)
        log.warning("a message of a hook can't be read", hook=hook, message=kept.id, reason=kept.reason)
        return Outcome("unread", reason=kept.reason, kept=kept)

    async def _count(self, hook: str) -> None:
        async with self._counting:  # one after the other, so that the last count is the one that stays
            try:
                self._context.metrics.hook_unread[hook] = await asyncio.to_thread(self._kept.count, hook)
            except OSError as error:
                log.error("the kept messages of a hook can't be counted", hook=hook, reason=str(error))


def _no_message(hook: Hook, message: str) -> Problem:
    return Problem("not_found", f"the hook {hook.name} keeps no message {message[:64]!r}")


def _reader_of(hook: Hook) -> "HookReader":
    from trading_app.hooks.reader import HookReader  # noqa: PLC0415 -- its imports would delay every start without hooks

    return HookReader(hook)


def _reader_by(hook: Hook, mapping: str) -> "HookReader":
    """A reader of a hook's messages by another mapping. Raises Problem (`invalid_parameter`)."""
    from trading_app.hooks.mappings import parse_mapping  # noqa: PLC0415 -- as below

    try:
        return _reader_of(replace(hook, preset=GENERIC, mapping=parse_mapping(mapping, "mapping")))
    except FileError as error:
        raise TradeProblem("invalid_parameter", f"the mapping can't be used: {error}") from None
