"""The calls that take trades in. `Intake` decides, from bytes to a submission and from its outcome to an answer,
without I/O; `IntakeRoutes` moves the bytes, as plain ASGI in front of FastAPI, whose routing would take longer than
the rest.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from telemetry_stream.errors import StreamError
from telemetry_stream.group_commit import Outcome
from telemetry_stream.types import Submission
from trading_app.access import Headers
from trading_app.answers import JSON, Answer, answer_problem, answer_trade, answer_trades, receipt_of, refusal
from trading_app.columns import TradeColumns, read_bodies
from trading_app.context import Context
from trading_app.environment import Settings
from trading_app.intake import read_form, read_trade, read_trades, submission
from trading_app.metrics import AppMetrics
from trading_app.problems import Problem
from trading_app.trade_event import TradeEvent, TradeIds

LINES = b"application/x-ndjson"
FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")
PATHS = ("/trade", "/trades")


class Intended(msgspec.Struct, frozen=True):
    """What a request wants committed. `single` tells POST /trade from POST /trades, which are answered differently."""

    submission: Submission
    events: Sequence[TradeEvent]
    single: bool


class Intake:
    """The decisions about requests that bring trades. No I/O."""

    def __init__(self, settings: Settings, metrics: AppMetrics) -> None:
        self._most_batch_trades = settings.most_batch_trades
        self._metrics = metrics
        self._ids = TradeIds()

    def read(self, path: str, headers: Headers, body: bytes, now_ns: int) -> Intended:
        """What a request to one of PATHS wants. Raises Problem."""
        kind = media_type(headers)
        key = headers.get(b"idempotency-key")
        if path == "/trade":
            if kind != JSON:
                raise _unsupported(kind, body, "send the trade as application/json")
            return self._intend([read_trade(body, now_ns, self._ids)], key, body, single=True)
        if kind not in (JSON, LINES):
            raise _unsupported(
                kind, body, "send an array as application/json, or a trade a line as application/x-ndjson"
            )
        events = read_trades(body, kind == LINES, now_ns, self._ids, self._most_batch_trades)
        return self._intend(events, key, body, single=False)

    def read_each(self, bodies: Iterable[bytes], now_ns: int) -> TradeColumns | None:
        """What requests want that bring a trade each, as JSON, without an Idempotency-Key: all at once. None where each
        has to be read by itself.
        """
        return read_bodies(bodies, now_ns, self._ids)

    def read_form(self, fields: Mapping[str, str], headers: Headers, body: bytes, now_ns: int) -> Intended:
        """What a form wants; `body` is what its fields were read from. Raises Problem."""
        return self._intend([read_form(fields, now_ns, self._ids)], headers.get(b"idempotency-key"), body, single=True)

    def answer(self, intended: Intended, outcome: Outcome) -> Answer:
        """What to say to the outcome. Raises Problem."""
        try:
            receipt = receipt_of(outcome, intended.events)
        except Problem as problem:
            self._count_refused(intended, problem)
            raise
        self._metrics.accepted_trades += receipt.accepted
        self._metrics.duplicate_trades += receipt.duplicates
        return answer_trade(intended.events[0].trade_id, receipt) if intended.single else answer_trades(receipt)

    def refuse(self, intended: Intended, error: StreamError) -> Problem:
        """What to say where the stream takes nothing."""
        problem = refusal(error)
        self._count_refused(intended, problem)
        return problem

    def _count_refused(self, intended: Intended, problem: Problem) -> None:
        self._metrics.refused_trades[problem.code] += len(intended.events)

    def _intend(self, events: Sequence[TradeEvent], key: bytes | None, body: bytes, *, single: bool) -> Intended:
        scope = "trade" if single else "trades"
        return Intended(submission(events, key, scope, body), events, single)


class IntakeRoutes:
    """Answers POST on PATHS, but for forms; hands everything else on."""

    def __init__(self, app: ASGIApp, context: Context, intake: Intake) -> None:
        self._app = app
        self._context = context
        self._intake = intake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in PATHS:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        try:
            body = await read_body(headers, receive, self._context.settings.most_body_bytes)
            if scope["path"] == "/trade" and is_form(headers, body):
                await self._app(scope, _again(body), send)
                return
            intended = self._intake.read(scope["path"], headers, body, time.time_ns())
            answer = await take(self._context, self._intake, intended)
        except Problem as problem:
            self._context.metrics.refusals[problem.code] += 1
            answer = answer_problem(problem, scope["state"]["request_id"])
        await send_answer(answer, send)


async def take(context: Context, intake: Intake, intended: Intended) -> Answer:
    """Commit what was intended, and answer. Raises Problem."""
    try:
        outcome = await context.stream.commit(intended.submission)
    except StreamError as error:
        raise intake.refuse(intended, error) from None
    return intake.answer(intended, outcome)


async def read_body(headers: Headers, receive: Receive, most: int) -> bytes:
    """The whole body. Raises Problem: `too_large` as soon as that is known, `bad_request` where it ends before its
    end.
    """
    problem = announced_too_large(headers, most)
    if problem is not None:
        raise problem
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem("bad_request", "the body ended before it was complete")
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise too_large(most)
        parts.append(part)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def send_answer(answer: Answer, send: Send) -> None:
    """Send it whole."""
    headers = [(b"content-type", answer.content_type), (b"content-length", b"%d" % len(answer.body)), *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def media_type(headers: Headers) -> bytes:
    """The Content-Type without its parameters."""
    return _media_type(headers.get(b"content-type", b""))


@lru_cache(maxsize=64)
def _media_type(content_type: bytes) -> bytes:
    return content_type.partition(b";")[0].strip().lower()


def is_form(headers: Headers, body: bytes) -> bool:
    """Whether it is a form, and not JSON under a form's Content-Type, which is what curl sends if it is not told."""
    return media_type(headers) in FORMS and body.lstrip()[:1] not in (b"{", b"[")


def _again(body: bytes) -> Receive:
    """A body that was read, to be received once more."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _unsupported(kind: bytes, body: bytes, advice: str) -> Problem:
    if kind in FORMS and body.lstrip()[:1] in (b"{", b"["):
        advice = "this is JSON sent as a form; add the header 'Content-Type: application/json'"
    shown = kind[:100].decode("latin-1") or "(none)"
    return Problem("unsupported_media_type", f"Content-Type {shown!r} is not taken here: {advice}")


def announced_too_large(headers: Headers, most: int) -> Problem | None:
    """The refusal of a body that says that it will be too large."""
    announced = headers.get(b"content-length", b"")
    return too_large(most) if announced.isdigit() and int(announced) > most else None


def too_large(most: int) -> Problem:
    """The refusal of a body of more than `most` bytes."""
    return Problem("too_large", f"a body has at most {most} bytes; send several, or raise WEBAPP_MAX_BODY_BYTES")
