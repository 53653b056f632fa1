"""Takes messages of hooks: from bytes to fills in the ledger, or to the messages kept for a person."""

import asyncio
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, TypeVar

import msgspec
import structlog

from service_kit.problems import Problem
from telemetry_stream.errors import DamagedHistory, StreamError
from trading_app.access.caller import Caller
from trading_app.context import Context
from trading_app.hooks.hook import Hook
from trading_app.hooks.kept import CantKeep, Kept, KeptMessages
from trading_app.hooks.preset import GENERIC
from trading_app.hooks.readings import Fill, Ignored, Unreadable
from trading_app.intake.service import Intake
from trading_app.ledger.intake import LedgerIntake
from trading_app.outgoing import PIECE_BYTES
from trading_app.problems import TradeProblem, damaged_history
from trading_app.yaml_nodes import FileError

if TYPE_CHECKING:
    from trading_app.hooks.reader import HookReader

log = structlog.get_logger(__name__)

RETRY_SECONDS = 60
UNREADABLE = ("invalid_trade", "invalid_event", "invalid_batch", "trade_id_conflict", "event_conflict")
"""Codes of fills and events that a person has to look at: the sender would send the same again."""

Result = TypeVar("Result")


class Counts(msgspec.Struct, frozen=True):
    """How many trades and events of a message are new, how many were known; their lowest and highest sequence."""

    accepted: int
    duplicates: int
    first_seq: int
    last_seq: int

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.accepted + other.accepted,
            self.duplicates + other.duplicates,
            min(self.first_seq, other.first_seq),
            max(self.last_seq, other.last_seq),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message: `accepted`, `known`, `ignored` or `unread`, with what belongs to it."""

    status: str
    counts: Counts | None = None
    reason: str = ""
    kept: Kept | None = None


class HookIntake:
    """Reads and commits the messages of all hooks."""

    def __init__(
        self,
        hooks: Sequence[Hook],
        context: Context,
        intake: Intake,
        ledger_intake: LedgerIntake,
        kept: KeptMessages,
        now_ns: Callable[[], int],
    ) -> None:
        """`now_ns` returns the time in ns since 1970."""
        self.hooks = dict[str, Hook]()
        self._readers = dict[str, "HookReader"]()
        self._context = context
        self._intake = intake
        self._ledger_intake = ledger_intake
        self._kept = kept
        self._now_ns = now_ns
        self._turn = asyncio.Lock()
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

    async def take(self, hook: Hook, caller: Caller, body: bytes, content_type: str) -> Outcome:
        """Commit what a message says, or keep it. Raises Problem if neither is possible now."""
        received_ns = self._now_ns()
        try:
            outcome = await self._commit(self._readers[hook.name], caller, body, content_type, received_ns)
        except Unreadable as error:
            outcome = await self._keep(hook, body, content_type, str(error), received_ns)
        except Problem as problem:
            if problem.code != "damaged_history":
                raise
            # Many senders never repeat a message; it can be taken once a sound copy of the journal is back.
            outcome = await self._keep(hook, body, content_type, problem.detail, received_ns)
        self._context.metrics.hook_messages[hook.name, outcome.status] += 1
        return outcome

    async def take_kept(
        self, hook: Hook, caller: Caller, message: str, more: Mapping[str, str], mapping: str = ""
    ) -> Outcome:
        """Take a kept message as the hook is set up now, with the members that a person adds; or by a mapping that is
        given for it alone.

        Raises Problem: `not_found`; `invalid_parameter` for the mapping; `invalid_trade` if it still can't be read;
        `damaged_history`.
        """
        reader = await asyncio.to_thread(_reader_by, hook, mapping) if mapping else self._readers[hook.name]
        kept = await self._ask(lambda: self._kept.find(hook.name, message))
        if kept is None:
            raise _no_message(hook, message)
        try:
            outcome = await self._commit(reader, caller, kept.body.encode(), kept.content_type, kept.received_ns, more)
        except Unreadable as error:
            raise TradeProblem("invalid_trade", str(error)) from None
        await self._drop(hook, message)
        return outcome

    async def unread(self, hook: Hook, after: str, limit: int) -> tuple[list[Kept], bool]:
        """A page of the messages of a hook that could not be read, the oldest first; and whether there are more."""
        return await self._ask(lambda: self._kept.page(hook.name, after, limit, PIECE_BYTES))

    async def drop(self, hook: Hook, message: str) -> None:
        """Forget a kept message. Raises Problem: `not_found`."""
        if not await self._drop(hook, message):
            raise _no_message(hook, message)

    async def _drop(self, hook: Hook, message: str) -> bool:
        was_there = await self._ask(lambda: self._kept.drop(hook.name, message))
        await self._count(hook)
        return was_there

    async def count_all(self) -> None:
        """Count the messages kept since an earlier start, for the metrics."""
        for hook in self.hooks.values():
            await self._count(hook)

    async def _commit(
        self,
        reader: "HookReader",
        caller: Caller,
        body: bytes,
        content_type: str,
        received_ns: int,
        more: Mapping[str, str] | None = None,
    ) -> Outcome:
        said = reader.read(body, content_type, received_ns, more or {})
        if isinstance(said, Ignored):
            return Outcome("ignored", reason=said.reason)
        try:
            counts = [await self._commit_fills(caller, said.fills, received_ns)] if said.fills else []
            counts += [await self._commit_events(caller, said.events)] if said.events else []
        except DamagedHistory as damage:
            raise damaged_history(damage) from None
        except Problem as problem:
            if problem.code in UNREADABLE:
                raise Unreadable(problem.detail) from None
            raise
        total = reduce(operator.add, counts)
        return Outcome("accepted" if total.accepted else "known", total)

    async def _commit_fills(self, caller: Caller, fills: Sequence[Fill], received_ns: int) -> Counts:
        intended = self._intake.read_fills(caller, [fill.members for fill in fills], received_ns)
        for event, fill in zip(intended.events, fills, strict=True):
            event.assumed = fill.assumed
        try:
            receipt = self._intake.receive(intended, await self._context.stream.commit(intended.submission))
        except StreamError as error:
            raise self._intake.refuse(intended, error) from None
        return Counts(receipt.accepted, receipt.duplicates, receipt.first, receipt.last)

    async def _commit_events(self, caller: Caller, events: Sequence[Mapping[str, str]]) -> Counts:
        answer = await self._ledger_intake.take_json(caller, {}, msgspec.json.encode(events), "webhook")
        return msgspec.json.decode(answer.body, type=Counts)

    async def _keep(self, hook: Hook, body: bytes, content_type: str, reason: str, received_ns: int) -> Outcome:
        try:
            kept = await self._ask(lambda: self._kept.keep(hook.name, body, content_type, reason, received_ns))
        except (CantKeep, OSError) as error:
            self._context.metrics.hook_messages[hook.name, "refused"] += 1
            detail = f"the message can't be read ({reason}) and can't be kept: {error}"
            raise TradeProblem("not_kept", detail, retry_after=RETRY_SECONDS) from None
        await self._count(hook)
        log.warning("a message of a hook can't be read", hook=hook.name, message=kept.id, reason=kept.reason)
        return Outcome("unread", reason=kept.reason, kept=kept)

    async def _count(self, hook: Hook) -> None:
        try:
            self._context.metrics.hook_unread[hook.name] = await self._ask(lambda: self._kept.count(hook.name))
        except OSError as error:
            log.error("the kept messages of a hook can't be counted", hook=hook.name, reason=str(error))

    async def _ask(self, question: Callable[[], Result]) -> Result:
        """The answer of the kept messages, which are on disk: from another thread, one at a time."""
        async with self._turn:
            return await asyncio.to_thread(question)


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
