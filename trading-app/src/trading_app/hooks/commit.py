"""Commits what a message says."""

import operator
from collections.abc import Sequence
from functools import reduce

import msgspec
import structlog

from service_kit.problems import Problem
from telemetry_stream.errors import DamagedHistory, StoreBusy, StreamError
from trading_app.access.caller import Caller
from trading_app.context import Context
from trading_app.hooks.outcome import Counts, Outcome
from trading_app.hooks.readings import Event, Fill, Said, Unreadable
from trading_app.intake.service import Intake
from trading_app.ledger.intake import LedgerIntake
from trading_app.problems import TradeProblem, damaged_history, store_busy

log = structlog.get_logger(__name__)

CONTRADICTIONS = ("invalid_trade", "invalid_event", "invalid_batch", "trade_id_conflict", "event_conflict")
"""Codes of fills and events that a person has to look at: the sender would send the same again."""

PASSING = ("not_ready", "store_busy", "overloaded", "stream_failed")
"""Codes of a journal that takes nothing now, and will again."""


class HookCommits:
    """Commits fills and events of messages, of a caller that stands for the hook. What was committed before is known,
    so the same may be committed any number of times.
    """

    def __init__(self, context: Context, intake: Intake, ledger_intake: LedgerIntake) -> None:
        self._context = context
        self._intake = intake
        self._ledger_intake = ledger_intake

    async def commit(self, caller: Caller, said: Said, received_ns: int) -> Outcome:
        """Commit all of it. Raises Unreadable if a person has to look at it; Problem, which is of PASSING or
        `damaged_history`.
        """
        if self._context.opened_stream is None:
            raise TradeProblem("not_ready", "the journal is being opened")
        try:
            counts = [await self._commit_fills(caller, said.fills, received_ns)] if said.fills else []
            counts += [await self._commit_events(caller, said.events)] if said.events else []
        except DamagedHistory as damage:
            raise damaged_history(damage) from None
        except StoreBusy as busy:
            raise store_busy(busy) from None
        except Problem as problem:
            if problem.code in CONTRADICTIONS:
                raise Unreadable(problem.detail) from None
            raise
        except Exception as error:
            log.exception("a message of a hook can't be committed", hook=caller.name)
            raise Unreadable("the app failed to commit it; its log says why") from error
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

    async def _commit_events(self, caller: Caller, events: Sequence[Event]) -> Counts:
        body = msgspec.json.encode([event.members for event in events])
        assumed = [event.assumed for event in events]
        answer = await self._ledger_intake.take_json(caller, {}, body, "webhook", assumed)
        return msgspec.json.decode(answer.body, type=Counts)
