"""Outcomes as HTTP answers: receipts, conflicts and refusals. No I/O."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from service_kit.problems import FieldProblem, Problem
from service_kit.responses import Answer
from telemetry_stream.errors import DamagedHistory, Overloaded, StoreBusy, StreamClosed, StreamError
from telemetry_stream.events import MAX_SHOWN, Compared, Conflict, Earlier, Receipt
from telemetry_stream.group_commit import Outcome
from trading_app.intake.decode_batch import compared_events
from trading_app.intake.event import TradeEvent, stored_trade_id
from trading_app.intake.known import Difference, Different, KnownTrades, Pair, TakenBack
from trading_app.problems import TradeProblem, damaged_history, store_busy


def receipt_of(outcome: Outcome, events: Sequence[TradeEvent]) -> Receipt:
    """The receipt of an outcome. Raises Problem for every other outcome."""
    if isinstance(outcome, Conflict):
        raise _conflict(outcome, events)
    if isinstance(outcome, StreamError):
        raise refusal(outcome)
    assert isinstance(outcome, Receipt), (
        "only independent events have an outcome each, and they are answered one by one"
    )
    return outcome


def refusal(error: StreamError) -> Problem:
    """The problem to answer if the stream refused the submission."""
    if isinstance(error, Overloaded):
        return TradeProblem("overloaded", f"{error}; send it again in a second", retry_after=1)
    if isinstance(error, StreamClosed):
        return TradeProblem("not_ready", "the app is shutting down; send it again in a few seconds", retry_after=5)
    if isinstance(error, StoreBusy):
        return store_busy(error)
    if isinstance(error, DamagedHistory):
        return damaged_history(error)
    return TradeProblem(
        "stream_failed",
        "the journal could not be written and the app restarts; whether this request was accepted is known after that:"
        " send it again with the same trade_id or Idempotency-Key",
        retry_after=5,
    )


def answer_trade(trade_id: str, receipt: Receipt, *, is_voided: bool) -> Answer:
    """The answer to one trade: 201 if it is new, 200 if it is a duplicate, perhaps one that was voided."""
    status, body_of = (201, accepted_body) if receipt.accepted else (200, _duplicate_body)
    if receipt.repeated:
        trade_id = stored_trade_id(
            receipt.first_event
        )  # a repeated request without a trade_id gets the one made for it the first time
    body = body_of(receipt.first, trade_id)
    return Answer(status, body[:-1] + b',"voided":true}' if is_voided else body)


def accepted_body(sequence: int, trade_id: str) -> bytes:
    """The JSON body of the answer to one trade that is new."""
    return f'{{"seq":{sequence},"trade_id":"{trade_id}","status":"accepted"}}'.encode()


def _duplicate_body(sequence: int, trade_id: str) -> bytes:
    return f'{{"seq":{sequence},"trade_id":"{trade_id}","status":"duplicate"}}'.encode()


def answer_trades(receipt: Receipt, voided: Sequence[tuple[int, int]] = ()) -> Answer:
    """The answer to a batch: 201, or 200 if a request with its Idempotency-Key was answered before.

    `voided` has index and sequence of the duplicates that were taken back, and stay so.
    """
    body = b'{"accepted":%d,"duplicates":%d,"first_seq":%d,"last_seq":%d}' % (
        receipt.accepted,
        receipt.duplicates,
        receipt.first,
        receipt.last,
    )
    if voided:
        shown = msgspec.json.encode([{"index": index, "seq": sequence} for index, sequence in voided[:MAX_SHOWN]])
        body = b'%b,"voided":%d,"voided_trades":%b}' % (body[:-1], len(voided), shown)
    return Answer(200 if receipt.repeated else 201, body)


class Similar(NamedTuple):
    """What the store of fills has that is probably the same as new trades. `history` is up to which sequence it has the
    ledger, None if there is no store; `fills` index and sequence of each trade that is probably there under another
    identity; `forms` each symbol of new trades with another one that its account has of the same market.
    """

    history: int | None = None
    fills: Sequence[tuple[int, int]] = ()
    forms: Sequence[tuple[str, str]] = ()


NO_SIMILAR = Similar()


def answer_known(
    events: Sequence[TradeEvent],
    compared: Compared,
    void_of: Callable[[int, str], int],
    similar: Similar,
    replaced: Mapping[int, bytes],
) -> Answer:
    """What the ledger has of trades, by index: the same in force, the same taken back, and those with other content.

    `replaced` is what replaced fills say now, by sequence: a trade is the same if it says that, too.

    `void_of` gives the void that takes back a sequence of an import, 0 for none.
    """
    known, taken_back, different = list[Pair](), list[TakenBack](), list[Different]()
    for index, event in compared_events(events):
        if event.stored is None or index not in compared.sequences:
            continue
        sequence, import_id = event.stored
        void = void_of(sequence, import_id)
        now = replaced.get(sequence)
        if compared.sequences[index] < 0 and not (now and event.has_content(now)):
            there = compared.stored.get(index)
            different.append(Different(index, sequence, void or None, _fields(event, there and (now or there))))
        elif void:
            taken_back.append(TakenBack(index, sequence, void, import_id or None))
        else:
            known.append([index, sequence])
    new = len(events) - len(known) - len(taken_back) - len(different)
    fills, forms = [[*pair] for pair in similar.fills], [[*pair] for pair in similar.forms]
    found = KnownTrades(new, known, taken_back, different, similar.history, fills, forms)
    return Answer(200, msgspec.json.encode(found))


def _fields(event: TradeEvent, stored: bytes | None) -> dict[str, Difference]:
    """What differs, by field; nothing beyond the first MAX_SHOWN."""
    if stored is None:
        return {}
    return {name: Difference(*values) for name, values in event.differences(stored).items()}


def _conflict(conflict: Conflict, events: Sequence[TradeEvent]) -> Problem:
    if not conflict.indexes:
        return TradeProblem(
            "idempotency_key_conflict", "use a new key for a new request; nothing of this one was accepted"
        )
    single = len(events) == 1
    errors = [
        error
        for index, earlier in zip(conflict.indexes, conflict.earlier, strict=True)
        for error in _contradictions(events[index], earlier, None if single else index)
    ]
    trade_id, earlier = events[conflict.indexes[0]].trade_id, conflict.earlier[0]
    where = f"the trade with sequence {earlier.sequence}" if earlier.sequence else "another trade of the request"
    first = [error for error in errors if error.index == errors[0].index]
    detail = f"trade_id {trade_id} is taken by {where}, of the same account, venue, symbol and side; it differs in "
    detail += ", ".join(error.pointer.rpartition("/")[2] for error in first)
    return TradeProblem("trade_id_conflict", f"{detail}; nothing of this request was accepted", errors)


def _contradictions(event: TradeEvent, earlier: Earlier, index: int | None) -> list[FieldProblem]:
    """An error for each field in which a trade differs from the stored one that has its identity."""
    prefix = "#" if index is None else f"#/{index}"
    seq = {"seq": earlier.sequence} if earlier.sequence else {}
    if not earlier.event:
        return [FieldProblem(f"{prefix}/trade_id", "is taken by a trade with other content", index, seq)]
    return [
        FieldProblem(
            f"{prefix}/{name}",
            f"is {_shown(yours)} here and {_shown(stored)} in the trade with this trade_id",
            index,
            {**seq, "yours": yours, "stored": stored},
        )
        for name, (yours, stored) in event.differences(earlier.event).items()
    ]


def _shown(value: object) -> str:
    if value is None:
        return "not given"
    return ", ".join(value) if isinstance(value, list) else str(value)
