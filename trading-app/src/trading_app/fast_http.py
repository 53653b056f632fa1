"""Answers the calls that bring trades straight from the connection: no ASGI scope, task or future for a hot request.

Everything else, and every hot request that is out of the ordinary (a form, an origin where CORS is set, one that comes
while an earlier one of its connection waits for its answer), takes the way through the app. Both ways decide with the
same functions; the tests send the same requests both ways and demand equal answers.
"""

import time
from typing import Any

import structlog

from telemetry_stream.errors import StreamError
from telemetry_stream.group_commit import Outcome
from trading_app.access import Headers
from trading_app.answers import Answer, answer_problem
from trading_app.edge import INTERNAL_ERROR
from trading_app.guarded_http import BODY, HEAD, MOST_HEAD_BYTES, MOST_HEADERS, NEXT, GuardedHttpProtocol
from trading_app.known_heads import KnownHead, KnownHeads, head_to_learn
from trading_app.problems import Problem
from trading_app.routes import FORMS, Intended, announced_too_large, media_type, too_large

log = structlog.get_logger(__name__)

PATHS = {b"/trade": "/trade", b"/trades": "/trades"}


class FastHttpProtocol(GuardedHttpProtocol):
    """uvicorn's connection, guarded, with a short way for POST on PATHS."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.hot: HotRequest | None = None
        self._known_heads = KnownHeads()

    def data_received(self, data: bytes) -> None:
        """Bytes are there. A hot request that comes whole, with a head that came before, is not parsed."""
        if not self._is_between_requests():
            super().data_received(data)
            return
        known = self._known_heads.split(data)
        if known is not None:
            head, body = known
            self.hot = HotRequest(self, head.path, head.headers, keep_alive=True)
            self.cycle = self.hot  # type: ignore[assignment]  # it stands in for uvicorn's
            self.hot.take_whole(body)
            return
        earlier = self.hot
        super().data_received(data)
        hot = self.hot
        if hot is not None and hot is not earlier and hot.keep_alive and self.stage is NEXT:
            self._learn(data, hot)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, and with it what came of a body."""
        super().connection_lost(exc)
        if self.hot is not None:
            self.hot.forget()

    def on_headers_complete(self) -> None:
        """Take the short way if the request is one for it."""
        if self.unused_bytes > MOST_HEAD_BYTES or len(self.headers) > MOST_HEADERS:
            self.check_head()
        self.hot = None
        if self._is_hot():
            headers = dict(self.headers)
            if self.web.gate.admits(headers, self.address) and not self._is_unusual(headers):
                self.stage = BODY
                keep_alive = self.parser.should_keep_alive()
                self.hot = HotRequest(self, PATHS[self.url], headers, keep_alive=keep_alive)
                self.cycle = self.hot  # type: ignore[assignment]  # as above
                self.hot.begin()
                return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, unless the request is answered already."""
        if self.cycle.response_complete:
            return
        self.unused_bytes = 0
        if self.hot is None:
            super().on_body(body)
        else:
            self.hot.take(body)

    def on_message_complete(self) -> None:
        """Take the end of the body."""
        if self.stage is HEAD:
            return  # it offers an upgrade, and is read once more
        self.stage = NEXT
        self.unused_bytes = 0
        if self.hot is None:
            super().on_message_complete()
        else:
            self.hot.end()

    def refuse(self, problem: Problem) -> None:
        """Answer what can't be taken any further, and end the connection."""
        if self.hot is not None and self.stage is BODY and self.owes():
            self.hot.give_up(problem)
            self.linger()
        else:
            super().refuse(problem)

    def _is_between_requests(self) -> bool:
        """Whether nothing of a request is there yet, and every answer is given."""
        cycle = self.cycle
        if self.stage is NEXT:
            return cycle.response_complete and not self.transport.is_closing()
        return cycle is None and self.stage is HEAD and not self.unused_bytes

    def _learn(self, data: bytes, hot: "HotRequest") -> None:
        """Keep the head that `data` began with, if all that was decided by it holds the next time."""
        head = head_to_learn(data, hot.headers)
        if head and self.web.gate.admits_for_good(hot.headers):
            self._known_heads.learn(head, KnownHead(hot.path, hot.headers, len(data) - len(head)))

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
        "_began", "_body", "_intended", "_protocol", "_request_id", "_whole",
        "disconnected", "headers", "keep_alive", "message_event", "path", "response_complete",
    )  # fmt: skip

    def __init__(self, protocol: FastHttpProtocol, path: str, headers: Headers, *, keep_alive: bool) -> None:
        self.disconnected = self.response_complete = False
        self.keep_alive = keep_alive
        self.message_event = _NOBODY_WAITS
        self._began = time.perf_counter()
        self._protocol = protocol
        self.path = path
        self.headers = headers
        self._body: bytes | bytearray = b""
        self._request_id = protocol.web.ids.name(headers.get(b"x-request-id", b""))
        self._intended: Intended | None = None
        self._whole = False

    def begin(self) -> None:
        """The headers are there: refuse what they say already."""
        problem = announced_too_large(self.headers, self._protocol.web.context.settings.most_body_bytes)
        problem = self._above_the_rate() or problem
        if problem is not None:
            self._refuse(problem)
        elif self._protocol.expect_100_continue:
            self._protocol.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def take_whole(self, body: bytes) -> None:
        """All of a request is there, and its headers were looked at before."""
        most = self._protocol.web.context.settings.most_body_bytes
        problem = too_large(most) if len(body) > most else self._above_the_rate()
        if problem is not None:
            self._refuse(problem)
        else:
            self._body = body
            self.end()

    def take(self, part: bytes) -> None:
        """A piece of the body is there."""
        most = self._protocol.web.context.settings.most_body_bytes
        if len(self._body) + len(part) > most:
            self._refuse(too_large(most))
        elif not self._body:
            self._body = part
        else:  # in one piece: many small ones would take many times their size
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)
            self._body += part

    def forget(self) -> None:
        """Let go of what came of the body: uvicorn's connection and its request know each other, and stay for long."""
        self._body = b""

    def end(self) -> None:
        """The body is there: hand the trades over."""
        self._whole = True
        if self.response_complete:
            self._close_if_asked()
            return
        web = self._protocol.web
        try:
            body, self._body = bytes(self._body), b""
            intended = self._intended = web.intake.read(self.path, self.headers, body, time.time_ns())
            web.context.stream.submit(intended.submission, self._finish)
        except Problem as problem:
            self._refuse(problem)
        except StreamError as error:
            self._refuse(web.intake.refuse(intended, error))
        except Exception as error:  # noqa: BLE001 -- logged and told as a 500; uvicorn would cut the connection
            self._fail(error)

    def _above_the_rate(self) -> Problem | None:
        limit = self._protocol.web.rate_limit
        return None if limit is None else limit.refusal(self.path, self.headers, self._protocol.address)

    def _finish(self, outcome: Outcome) -> None:
        """The trades are durable, or refused. Counted even if the client has gone meanwhile."""
        assert self._intended is not None
        try:
            self._answer(self._protocol.web.intake.answer(self._intended, outcome))
        except Problem as problem:
            self._refuse(problem)
        except Exception as error:  # noqa: BLE001 -- logged and told as a 500; uvicorn would cut the connection
            self._fail(error)

    def give_up(self, problem: Problem) -> None:
        """The rest of the body won't come, or can't be used."""
        self.keep_alive = False
        self._refuse(problem)

    def _refuse(self, problem: Problem) -> None:
        self._protocol.web.context.metrics.refusals[problem.code] += 1
        self._answer(answer_problem(problem, self._request_id))

    def _fail(self, error: Exception) -> None:
        log.error("a request failed", path=self.path, request_id=self._request_id, exc_info=error)
        self._refuse(INTERNAL_ERROR)

    def _answer(self, answer: Answer) -> None:
        protocol = self._protocol
        self.response_complete = True
        self.forget()
        self._intended = None  # the connection keeps its last request, and should keep no trades
        # Of several requests of a connection that is lost, uvicorn tells only the last.
        if not (self.disconnected or protocol.transport.is_closing()):
            protocol.write(answer, self._request_id, keep_alive=self.keep_alive)
            self._close_if_asked()
        seconds = time.perf_counter() - self._began
        protocol.web.context.metrics.observe_request("POST", self.path, answer.status, seconds)
        protocol.on_response_complete()

    def _close_if_asked(self) -> None:
        """Once the body is there: with some of it unread, the client's system would drop the answer."""
        if self._whole and not self.keep_alive:
            self._protocol.transport.close()


class _NobodyWaits:
    """Stands for the event that a cycle's application waits for; a hot request has none."""

    def set(self) -> None:
        """Wake nobody."""


_NOBODY_WAITS = _NobodyWaits()
