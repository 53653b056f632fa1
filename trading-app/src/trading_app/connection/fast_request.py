"""One request with trades, read from its connection without ASGI, and its response."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import structlog

from service_kit.http_types import Headers
from service_kit.problems import Problem
from service_kit.responses import Answer, announced_too_large, answer_problem, too_large
from telemetry_stream.errors import StreamError
from telemetry_stream.events import Submission
from telemetry_stream.group_commit import Outcome
from trading_app.access.caller import Caller
from trading_app.connection.host import Host
from trading_app.http.request_boundary import INTERNAL_ERROR
from trading_app.intake.event import TradeEvent
from trading_app.intake.service import Intended

if TYPE_CHECKING:
    from service_kit.connection.guarded_http import GuardedHttpProtocol

log = structlog.get_logger(__name__)


class NobodyWaits:
    """Replaces the event that an ASGI application waits for: a fast request has no application."""

    def set(self) -> None:
        """Wake nobody."""


NOBODY_WAITS = NobodyWaits()


class FastRequest(msgspec.Struct, eq=False):
    """One request with trades, and its response. It replaces uvicorn's cycle, so it has the members uvicorn reads."""

    protocol: "GuardedHttpProtocol"
    host: Host
    caller: Caller
    path: str
    headers: Headers
    began: float
    keep_alive: bool = True
    body: bytes | bytearray = b""
    whole: bool = False
    response_complete: bool = False
    disconnected: bool = False
    intended: Intended | None = None
    request_id: str = ""
    message_event: NobodyWaits = NOBODY_WAITS

    def begin(self) -> None:
        """The headers have arrived: refuse the request if they are reason enough."""
        problem = announced_too_large(self.headers, self.host.max_body_bytes)
        problem = self.above_the_rate() or problem
        if problem is not None:
            self.refuse(problem)
        elif self.protocol.expect_100_continue:
            self.protocol.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def take(self, part: bytes) -> None:
        """A part of the body has arrived."""
        maximum = self.host.max_body_bytes
        if len(self.body) + len(part) > maximum:
            self.refuse(too_large(maximum))
        elif not self.body:
            self.body = part
        else:  # joined: a list of many small parts would take many times their size
            if isinstance(self.body, bytes):
                self.body = bytearray(self.body)
            self.body += part

    def forget(self) -> None:
        """Drop the body. uvicorn's connection keeps its last request for as long as it is open."""
        self.body = b""

    def end(self) -> None:
        """The body is complete: hand over the trades."""
        self.whole = True
        if self.response_complete:
            self._close_if_asked()
            return
        host = self.host
        try:
            body, self.body = bytes(self.body), b""
            intended = self.intended = host.intake.read(self.caller, self.path, self.headers, body, time.time_ns())
            host.context.stream.submit(intended.submission, self.finish)
        except Problem as problem:
            self.refuse(problem)
        except StreamError as error:
            self.refuse(host.intake.refuse(intended, error))
        except Exception as error:  # noqa: BLE001 -- logged and answered with a 500; uvicorn would cut the connection
            self._fail(error)

    def finish(self, outcome: Outcome) -> None:
        """The trades are durable, or refused. They are counted even if the client has disconnected."""
        assert self.intended is not None
        try:
            self._answer(self.host.intake.answer(self.intended, outcome))
        except Problem as problem:
            self.refuse(problem)
        except Exception as error:  # noqa: BLE001 -- logged and answered with a 500; uvicorn would cut the connection
            self._fail(error)

    def attempt(self, step: Callable[[], None]) -> None:
        """Run a step of this request within a batch, so that its error affects no other request."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 -- see above
            self.break_off(error)

    def break_off(self, error: Exception) -> None:
        """Close the connection: the request can't be answered at all."""
        log.error("a request could not be answered", path=self.path, exc_info=error)
        self.response_complete = True
        self.forget()
        self.protocol.transport.abort()

    def finish_with(self, trade: TradeEvent, outcome: Outcome) -> None:
        """Send the answer for a trade that was decoded and committed together with others."""
        self.intended = Intended(Submission([trade]), [trade], single=True)
        self.finish(outcome)

    def give_up(self, problem: Problem) -> None:
        """Refuse a request whose body will not arrive or can't be used, and close after the answer."""
        self.keep_alive = False
        self.refuse(problem)

    def refuse(self, problem: Problem) -> None:
        """Answer with a problem, and count it."""
        self.host.metrics.refusals[problem.code] += 1
        self._name()
        self._answer(answer_problem(problem, self.request_id))

    def above_the_rate(self) -> Problem | None:
        """The problem to answer if the caller is above its rate limit; else None."""
        limit = self.host.rate_limit
        return None if limit is None else limit.refusal(self.path, self.headers, self.protocol.address)

    def _name(self) -> None:
        """Set the request id. Most requests get it only when they are answered."""
        if not self.request_id:
            self.request_id = self.protocol.context.ids.name(self.headers.get(b"x-request-id", b""))

    def _fail(self, error: Exception) -> None:
        self._name()
        log.error("a request failed", path=self.path, request_id=self.request_id, exc_info=error)
        self.refuse(INTERNAL_ERROR)

    def _answer(self, answer: Answer) -> None:
        protocol = self.protocol
        self.response_complete = True
        self.forget()
        self.intended = None  # the connection keeps its last request, which must not keep the trades in memory
        # uvicorn marks only the last request of a lost connection as disconnected, so the transport is checked too.
        if not (self.disconnected or protocol.transport.is_closing()):
            self._name()
            protocol.write(answer, self.request_id, keep_alive=self.keep_alive)
            self._close_if_asked()
        seconds = time.perf_counter() - self.began
        self.host.metrics.observe_request("POST", self.path, answer.status, seconds)
        protocol.on_response_complete()

    def _close_if_asked(self) -> None:
        """Close only once the whole body was read: with unread data TCP sends a reset, and the answer would be lost."""
        if self.whole and not self.keep_alive:
            self.protocol.transport.close()
