"""The calls that take trades in: plain ASGI, from the bytes of a request to the bytes of its answer."""

import time
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse
from starlette.types import Message, Receive, Scope, Send

from telemetry_stream.errors import StreamError
from telemetry_stream.types import Receipt, Submission
from trading_app.answers import Answer, answer_trade, answer_trades, receipt_of, refusal, trade_ids_of
from trading_app.environment import Settings
from trading_app.intake import TradeEvent, TradeIds, read_form, read_trade, read_trades, stored_trade_id, submission
from trading_app.metrics import AppMetrics
from trading_app.problems import Problem
from trading_app.zmq_pub import TradeStream

JSON = "application/json"
LINES = "application/x-ndjson"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class Intake:
    """POST /trade and POST /trades. Raises Problem for what it refuses."""

    def __init__(self, settings: Settings, stream: TradeStream, metrics: AppMetrics) -> None:
        self._settings = settings
        self._stream = stream
        self._metrics = metrics
        self._ids = TradeIds()

    async def trade(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one trade, as JSON or from a form."""
        request = Request(scope, receive)
        kind = _media_type(request)
        body = await self._body(request)
        if kind in FORMS:
            await self._trade_of_form(request, body, send)
            return
        if kind != JSON:
            raise _unsupported(kind, f"send the trade as {JSON}")
        event = read_trade(body, time.time_ns(), self._ids)
        trade_id, receipt = await self._take_one(event, submission([event], _idempotency_key(request), "trade", body))
        await _send(answer_trade(trade_id, receipt), send)

    async def trades(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a batch, all of it or nothing."""
        request = Request(scope, receive)
        kind = _media_type(request)
        body = await self._body(request)
        if kind not in (JSON, LINES):
            raise _unsupported(kind, f"send the batch as {JSON} (an array) or {LINES} (a trade a line)")
        events = read_trades(body, kind == LINES, time.time_ns(), self._ids, self._settings.most_batch_trades)
        receipt = await self._commit(events, submission(events, _idempotency_key(request), "trades", body))
        await _send(answer_trades(receipt), send)

    async def _trade_of_form(self, request: Request, body: bytes, send: Send) -> None:
        if body.lstrip()[:1] in (b"{", b"["):
            raise _unsupported(FORMS[0], f"this is JSON sent as a form: add the header 'Content-Type: {JSON}'")
        _refuse_foreign_form(request)
        event = read_form(await _form_fields(request, body), time.time_ns(), self._ids)
        trade_id, receipt = await self._take_one(event, Submission([event]))
        if accepts_page(request):
            seen = RedirectResponse(f"/?seq={receipt.first}", status_code=303)
            await seen(request.scope, request.receive, send)
        else:
            await _send(answer_trade(trade_id, receipt), send)

    async def _take_one(self, event: TradeEvent, asked: Submission) -> tuple[str, Receipt]:
        receipt = await self._commit([event], asked)
        if not receipt.repeated:
            return event.trade_id, receipt
        # The trade may have no id in the request; the one it had when the request was new is in the journal.
        first = await self._stream.read(receipt.first - 1, 1)
        return stored_trade_id(first.events), receipt

    async def _commit(self, events: list[TradeEvent], asked: Submission) -> Receipt:
        try:
            outcome = await self._stream.commit(asked)
        except StreamError as error:
            raise refusal(error) from None
        receipt = receipt_of(outcome, trade_ids_of(events))
        self._metrics.accepted_trades += receipt.accepted
        self._metrics.duplicate_trades += receipt.duplicates
        return receipt

    async def _body(self, request: Request) -> bytes:
        """The whole body. Raises Problem (`too_large`) as soon as it is known to be."""
        most = self._settings.most_body_bytes
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > most:
            raise _too_large(most)
        parts, size = [], 0
        try:
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise _too_large(most)
                parts.append(part)
        except ClientDisconnect:
            raise Problem("bad_request", "the body ended before it was complete") from None
        return b"".join(parts)


def accepts_page(request: Request) -> bool:
    """Whether the caller is a browser that shows a page."""
    return "text/html" in request.headers.get("accept", "")


async def _form_fields(request: Request, body: bytes) -> dict[str, str]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    try:
        async with Request(request.scope, receive).form(max_files=0, max_fields=50) as form:
            return {name: str(value) for name, value in form.multi_items()}
    except HTTPException as error:
        raise Problem("bad_request", f"the form can't be read: {error.detail}") from None


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _idempotency_key(request: Request) -> str | None:
    return request.headers.get("idempotency-key")


def _unsupported(kind: str, advice: str) -> Problem:
    return Problem("unsupported_media_type", f"Content-Type {kind[:100] or '(none)'!r} is not taken here: {advice}")


def _too_large(most: int) -> Problem:
    return Problem("too_large", f"a body has at most {most} bytes; send several, or raise WEBAPP_MAX_BODY_BYTES")


def _refuse_foreign_form(request: Request) -> None:
    """A browser sends forms for any site that asks it to; such a form tells where it is from."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Problem("foreign_origin", f"the form comes from {origin[:100]!r}; send JSON for calls from elsewhere")


async def _send(answer: Answer, send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
