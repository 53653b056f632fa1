"""Answers the calls that bring trades straight from the connection: no ASGI scope, task or future for a hot request.

Everything else, and every hot request that is out of the ordinary (a form, an origin where CORS is set, one that comes
while an earlier one of its connection waits for its answer), takes the way through the app. Both ways decide with the
same functions; the tests send the same requests both ways and demand equal answers.
"""

import time
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from telemetry_stream.errors import StreamError
from telemetry_stream.group_commit import Outcome
from trading_app.access import Headers
from trading_app.answers import Answer, answer_problem, refusal
from trading_app.edge import INTERNAL_ERROR
from trading_app.problems import Problem
from trading_app.routes import FORMS, Intended, announced_too_large, media_type, too_large
from trading_app.ui import WebApp

log = structlog.get_logger(__name__)

PATHS = {b"/trade": "/trade", b"/trades": "/trades"}


class FastHttpProtocol(HttpToolsProtocol):
    """uvicorn's connection, with a short way for POST on PATHS. The application has to be a WebApp."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        assert isinstance(self.app, WebApp)
        self.web = self.app
        self.hot: HotRequest | None = None
        self._idle_since: float | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        super()._unset_keepalive_if_required()

    def on_message_begin(self) -> None:
        """A request begins. What only the way through the app needs is made when it is taken."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        """Take the short way if the request is one for it."""
        self.hot = None
        if self._is_hot():
            headers = dict(self.headers)
            if not self._is_unusual(headers):
                self.hot = HotRequest(self, PATHS[self.url], headers)
                self.cycle = self.hot  # type: ignore[assignment]  # it stands in for uvicorn's
                self.hot.begin()
                return
        self._begin_for_the_app()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if self.hot is None:
            super().on_body(body)
        else:
            self.hot.take(body)

    def on_message_complete(self) -> None:
        """Take the end of the body."""
        if self.hot is None:
            super().on_message_complete()
        else:
            self.hot.end()

    def on_response_complete(self) -> None:
        """An answer is sent: begin with the next request that is there, or be idle.

        uvicorn sets a timer after each answer and takes it back with the next request, which costs a third of a hot
        request. Here a timer runs on, and looks when it ends how long the connection has been idle.
        """
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_again_in(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it was idle for long enough."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return  # a request is under way; the end of its answer sets the next timer
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            super().timeout_keep_alive_handler()
        else:
            self._look_again_in(left)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def _look_again_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _begin_for_the_app(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, and close."""
        problem = Problem("bad_request", msg)
        request_id = self.web.ids.name(b"")
        self.web.context.metrics.refusals[problem.code] += 1
        self.write(answer_problem(problem, request_id), request_id, keep_alive=False)
        self.transport.close()

    def pause_writing(self) -> None:
        """A client that does not read its answers is not read from either."""
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        if not self.pipeline:  # else reading waits for the answers that are owed
            self.flow.resume_reading()

    def write(self, answer: Answer, request_id: str, *, keep_alive: bool) -> None:
        """Send an answer in one piece."""
        head = [STATUS_LINE[answer.status]]
        for name, value in (*self.server_state.default_headers, *answer.headers):
            head += (name, b": ", value, b"\r\n")
        head.append(
            b"content-type: %b\r\ncontent-length: %d\r\nx-request-id: %b\r\n%b\r\n"
            % (
                answer.content_type,
                len(answer.body),
                request_id.encode(),
                b"" if keep_alive else b"connection: close\r\n",
            )
        )
        head.append(answer.body)
        self.transport.write(b"".join(head))

    def _is_hot(self) -> bool:
        return (
            self.url in PATHS
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and not self.parser.should_upgrade()
            and getattr(self.cycle, "response_complete", True)  # there is none before the first
        )

    def _is_unusual(self, headers: Headers) -> bool:
        shared = self.web.context.settings.cors_origins
        return media_type(headers) in FORMS or (bool(shared) and b"origin" in headers)


class HotRequest:
    """One request that brings trades, and its answer: what uvicorn asks of a request's cycle, and no more."""

    __slots__ = (
        "_began", "_headers", "_intended", "_parts", "_path", "_protocol", "_request_id", "_size",
        "disconnected", "keep_alive", "message_event", "response_complete",
    )  # fmt: skip

    def __init__(self, protocol: FastHttpProtocol, path: str, headers: Headers) -> None:
        self.disconnected = self.response_complete = False
        self.keep_alive: bool = protocol.parser.should_keep_alive()
        self.message_event = _NOBODY_WAITS
        self._began = time.perf_counter()
        self._protocol = protocol
        self._path = path
        self._headers = headers
        self._parts: list[bytes] = []
        self._size = 0
        self._request_id = protocol.web.ids.name(headers.get(b"x-request-id", b""))
        self._intended: Intended | None = None

    def begin(self) -> None:
        """The headers are there: refuse what they say already."""
        web = self._protocol.web
        problem = web.gate.refusal(self._path, self._headers) or announced_too_large(
            self._headers, web.context.settings.most_body_bytes
        )
        if problem is not None:
            self._refuse(problem)
        elif self._protocol.expect_100_continue:
            self._protocol.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def take(self, part: bytes) -> None:
        """A piece of the body is there."""
        self._size += len(part)
        most = self._protocol.web.context.settings.most_body_bytes
        if self.response_complete:
            return  # the rest of what was refused
        if self._size > most:
            self._refuse(too_large(most))
        else:
            self._parts.append(part)

    def end(self) -> None:
        """The body is there: hand the trades over."""
        if self.response_complete:
            return
        web = self._protocol.web
        try:
            body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._intended = web.intake.read(self._path, self._headers, body, time.time_ns())
            web.context.stream.submit(self._intended.submission, self._finish)
        except Problem as problem:
            self._refuse(problem)
        except StreamError as error:
            self._refuse(refusal(error))
        except Exception as error:  # noqa: BLE001 -- logged and told as a 500; uvicorn would cut the connection
            self._fail(error)

    def _finish(self, outcome: Outcome) -> None:
        """The trades are durable, or refused. Counted even if the client has gone meanwhile."""
        assert self._intended is not None
        try:
            self._answer(self._protocol.web.intake.answer(self._intended, outcome))
        except Problem as problem:
            self._refuse(problem)
        except Exception as error:  # noqa: BLE001 -- logged and told as a 500; uvicorn would cut the connection
            self._fail(error)

    def _refuse(self, problem: Problem) -> None:
        self._protocol.web.context.metrics.refusals[problem.code] += 1
        self._answer(answer_problem(problem, self._request_id))

    def _fail(self, error: Exception) -> None:
        log.error("a request failed", path=self._path, request_id=self._request_id, exc_info=error)
        self._refuse(INTERNAL_ERROR)

    def _answer(self, answer: Answer) -> None:
        protocol = self._protocol
        self.response_complete = True
        self._parts.clear()
        if not self.disconnected:
            protocol.write(answer, self._request_id, keep_alive=self.keep_alive)
            if not self.keep_alive:
                protocol.transport.close()
        seconds = time.perf_counter() - self._began
        protocol.web.context.metrics.observe_request("POST", self._path, answer.status, seconds)
        protocol.on_response_complete()


class _NobodyWaits:
    """Stands for the event that a cycle's application waits for; a hot request has none."""

    def set(self) -> None:
        """Wake nobody."""


_NOBODY_WAITS = _NobodyWaits()
