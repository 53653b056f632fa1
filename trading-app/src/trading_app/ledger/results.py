"""Outcomes of events as HTTP answers. No I/O."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service_kit.problems import FieldProblem, Problem
from service_kit.responses import Answer
from telemetry_stream.errors import StreamError
from telemetry_stream.events import Conflict, Earlier, Receipt
from telemetry_stream.group_commit import Outcome
from trading_app.intake.results import answer_trades, refusal
from trading_app.ledger.event import LedgerEvent
from trading_app.ledger.request import refuse
from trading_app.problems import TradeProblem
from trading_model.kind_members import KINDS


class EventAccepted(msgspec.Struct):
    """The answer to one event."""

    seq: Annotated[int, Meta(ge=1)]
    kind: Annotated[str, Meta(extra_json_schema={"enum": list(KINDS)})]
    id: str
    status: Literal["accepted", "duplicate"]


def receipt_of(outcome: Outcome, events: Sequence[LedgerEvent], *, single: bool) -> Receipt:
    """The receipt of an outcome. Raises Problem for every other outcome."""
    if isinstance(outcome, Conflict):
        raise _conflict(outcome, events, single=single)
    if isinstance(outcome, StreamError):
        raise refusal(outcome)
    assert isinstance(outcome, Receipt), "the events of one request are never independent"
    return outcome


def answer(receipt: Receipt, events: Sequence[LedgerEvent], *, single: bool) -> Answer:
    """The answer to one event, or to a batch: 201 if something is new, 200 for what was answered or taken before."""
    if not single:
        return answer_trades(receipt)
    event = events[0]
    accepted = EventAccepted(receipt.first, event.kind, event.id, "accepted" if receipt.accepted else "duplicate")
    return Answer(201 if receipt.accepted else 200, msgspec.json.encode(accepted))


def _conflict(conflict: Conflict, events: Sequence[LedgerEvent], *, single: bool) -> Problem:
    if not conflict.indexes:
        return TradeProblem(
            "idempotency_key_conflict", "use a new key for a new request; nothing of this one was accepted"
        )
    errors = [
        FieldProblem(
            "#/id" if single else f"#/{index}/id",
            f"{events[index].id} is the id of {_named(earlier)}, of the same kind; use a new one",
            None if single else index,
            {"seq": earlier.sequence} if earlier.sequence else {},
        )
        for index, earlier in zip(conflict.indexes, conflict.earlier, strict=True)
    ]
    return refuse(errors, single=single, code="event_conflict")


def _named(earlier: Earlier) -> str:
    return f"the event with sequence {earlier.sequence}" if earlier.sequence else "another event of the request"
