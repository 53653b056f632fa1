"""uvicorn's connection, guarded against clients that are slow, silent or greedy.

uvicorn itself waits for a head and a body for ever, reads heads of any size, and keeps what a client does not read.
One sweep a second (`check_deadlines`) asks each connection what it waits for. A timer for each request would cost a
third of a fast one. So a deadline is kept to within two seconds.
"""

import asyncio
import select
import socket
import struct
from collections.abc import Iterable, Sized
from contextlib import suppress
from enum import Enum, auto
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service_kit.problems import Problem
from service_kit.responses import Answer, answer_problem
from trading_app.connection.body_budget import HeldBody
from trading_app.connection.host import Host

MAX_URL_BYTES = 8_192
MAX_HEADERS = 100
MAX_HEAD_BYTES = 32_768
"""Of a head, and of whatever else comes between two pieces of a body: sizes of chunks, trailers."""

SINGLE_HEADERS = (b"host", b"authorization", b"content-type", b"idempotency-key", b"origin")
"""Of two a proxy in front may believe one, and the app the other (RFC 9112, 3.2, and RFC 9110, 5.3)."""

MAX_WAITING = 500
"""Requests of one connection that wait for their turn."""

MAX_REST_BYTES = 16_777_216
"""So much of a body that was refused is read and dropped; then the connection is closed."""

LINGER_SECONDS = 2.0
MAX_LINGER_BYTES = 1_048_576
MAX_LINGERING = 100
"""A connection that is refused is read from for a moment: closed at once, what still comes from the client would make
its system drop the answer.
"""

_GONE = getattr(select, "POLLRDHUP", 0)
"""That the other side has ended its sending, which only Linux tells; POLLHUP and POLLERR are told in any case."""


class Stage(Enum):
    """What comes next from the client: a head that is awaited, a body, a next request or none, nothing of use."""

    HEAD = auto()
    BODY = auto()
    NEXT = auto()
    NOTHING = auto()


HEAD, BODY, NEXT, NOTHING = Stage  # to name a member of the class takes longer


class GuardedHttpProtocol(HttpToolsProtocol):
    """uvicorn's connection with deadlines and caps."""

    web: Host

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.stage = HEAD
        self._settings = self.web.context.settings
        self._metrics = self.web.context.metrics
        self._counted = False
        self._earlier: list[Any] = []
        """Requests of a pipeline before its last, which is the only one that uvicorn tells that the client has gone."""
        self.address = ""
        self.held_body = HeldBody(self.web.body_budget)
        self.unused_bytes = 0
        """What has come since the last piece of a body, or the last message's end."""
        self._seen: tuple[Stage, object] = (self.stage, None)
        self._seen_since = self._read_since = self.loop.time()
        self._unread = 0
        self._default_headers: object = None
        self._common = b""

    def connection_made(self, transport: Any) -> None:
        """A client is there; refuse it if as many are as may be."""
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)
        self.address = self.client[0] if self.client else ""
        maximum = self._settings.max_connections
        self._counted = self.web.context.connections.take()
        if self._counted:
            return
        problem = Problem("too_many_connections", f"{maximum} are open, as many as may be", retry_after=1)
        if len(self.connections) - maximum > MAX_LINGERING:
            self._metrics.refusals[problem.code] += 1
            transport.abort()
        else:
            self.refuse(problem)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        self.held_body.release()
        for cycle in self._earlier:
            cycle.disconnected = True
            cycle.message_event.set()  # wakes who waits for it
        if self._counted:
            self.web.context.connections.release()
        if isinstance(exc, OSError) and not isinstance(exc, ConnectionError):  # the system gave it up
            self._metrics.dropped_connections["unread"] += 1

    def data_received(self, data: bytes) -> None:
        """Bytes are there."""
        self.unused_bytes += len(data)
        rest = None
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            rest = data[offer.args[0] :]
        except httptools.HttpParserError as error:
            self._refuse_what_raised(error)
        if rest is not None:
            self._decline_upgrade(rest)
        if self.unused_bytes > MAX_HEAD_BYTES:
            self._have_enough()

    def on_message_begin(self) -> None:
        """A request begins. What only the way through the app needs is made when it is taken."""
        self.stage = HEAD
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_response_complete(self) -> None:
        """An answer is sent: begin with the next request that is there, or be idle. The sweep ends what is idle."""
        if self.stage is BODY and not self.pipeline:  # else it is the body of a later request
            self.unused_bytes = -MAX_REST_BYTES
            self.held_body.release()
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            if not self.pipeline:
                self._earlier.clear()
        elif self.flow.read_paused:
            self.flow.resume_reading()

    def on_headers_complete(self) -> None:
        """Take the way through the app."""
        method = self.parser.get_method()
        if self.parser.should_upgrade() and method != b"CONNECT":
            return  # it is read once more, without the offer
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        if len(url) > MAX_URL_BYTES:
            raise Problem("url_too_long", f"an address has at most {MAX_URL_BYTES} bytes")
        if len(self.pipeline) >= MAX_WAITING:
            raise Problem("bad_request", f"at most {MAX_WAITING} requests may wait for answers on a connection")
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        earlier = self.cycle
        super().on_headers_complete()
        if self.pipeline:
            self._earlier.append(earlier)
        self.begin_body()

    def begin_body(self) -> None:
        """The head is taken; what comes like headers after the body is not added to it (RFC 9110, 6.5.1)."""
        self.stage = BODY
        self.headers = []

    def check_head(self) -> None:
        """Raises Problem where a head is too large, or has twice what may be there once.

        For those that may be: to look at each like this would take too long.
        """
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            raise _head_too_large()
        names = [name for name, _ in self.headers]
        for name in SINGLE_HEADERS:
            if names.count(name) > 1:
                raise Problem("bad_request", f"the header {name.decode()} is there more than once")

    def refuse(self, problem: Problem) -> None:
        """Answer what can't be taken any further, and end the connection. Answers that are owed are given first."""
        if self.transport.is_closing():
            return
        self._metrics.refusals[problem.code] += 1
        if self.response_pending():
            if self.stage is not BODY:
                self.cycle.keep_alive = False
                self._ignore_the_rest()
                return
            if self.pipeline or self.cycle.response_started:
                self.transport.close()  # there is no place for an answer
                return
            self.cycle.disconnected = True  # the application waits for a body that won't come
            self.cycle.message_event.set()
        request_id = self.web.ids.name(b"")
        self.write(answer_problem(problem, request_id), request_id, keep_alive=False)
        self.linger()

    def linger(self) -> None:
        """Say that nothing more will be sent, and close once the client has seen it."""
        self._ignore_the_rest()
        self.transport.write_eof()

    def check_deadlines(self, now: float) -> None:
        """End the connection if its client has kept it waiting for too long; `now` is the loop's time, in seconds.

        To be called about once a second.
        """
        unread = self.transport.get_write_buffer_size()
        if not unread or unread < self._unread:
            self._read_since = now
        self._unread = unread
        if unread:
            if now - self._read_since >= self._settings.unread_seconds:
                self._metrics.dropped_connections["unread"] += 1
                self._cut()
            self._seen_since = now
            return
        if self.flow.read_paused and self.response_pending() and self._has_left():
            self.transport.abort()
            return
        seen, patience = (self.stage, self.cycle), self._patience()
        if seen != self._seen or patience is None:
            self._seen, self._seen_since = seen, now
        elif now - self._seen_since >= patience:
            self._give_up()

    def pause_writing(self) -> None:
        """A client that does not read its answers is not read from either."""
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        self.flow.resume_reading()

    def shutdown(self) -> None:
        """The server ends."""
        if self.stage is NOTHING and not self.response_pending():
            self.transport.close()
        else:
            super().shutdown()

    def write(self, answer: Answer, request_id: str, *, keep_alive: bool) -> None:
        """Send an answer in one piece."""
        self.transport.write(
            b"%b%b%bcontent-length: %d\r\nx-request-id: %b\r\n\r\n%b"
            % (
                self.begin_answer(answer.status, answer.content_type),
                _lines(answer.headers) if answer.headers else b"",
                b"" if keep_alive else b"connection: close\r\n",
                len(answer.body),
                request_id.encode(),
                answer.body,
            )
        )

    def begin_answer(self, status: int, content_type: bytes) -> bytes:
        """The lines that all answers of this kind begin with."""
        default = self.server_state.default_headers
        if default is not self._default_headers:  # uvicorn renews them every second, for the date
            self._default_headers = default
            self._common = _lines(default)
        return b"%b%bcontent-type: %b\r\n" % (STATUS_LINE[status], self._common, content_type)

    def response_pending(self) -> bool:
        """Whether the next step is ours."""
        cycle: Any = self.cycle  # there is none before the first
        return cycle is not None and not (cycle.response_complete or cycle.disconnected)

    def _patience(self) -> float | None:
        """For how many seconds the client may leave things as they are; None where the next step is not its."""
        if self.transport.is_closing():
            return None
        if self.stage is BODY:
            ours = self.pipeline or (self.response_pending() and self.flow.read_paused)
            return None if ours else self._settings.body_seconds
        if self.response_pending():
            return None
        patience = {HEAD: self._settings.header_seconds, NEXT: self.timeout_keep_alive}
        return patience.get(self.stage, LINGER_SECONDS)

    def _give_up(self) -> None:
        """The client's time is up."""
        if self.stage is BODY and not self.response_pending():
            self._metrics.dropped_connections["refused_body"] += 1
        elif self.stage is BODY:
            self.refuse(Problem("request_timeout", f"a body has to come within {self._settings.body_seconds:g} s"))
            return
        elif self.stage is HEAD and self.headers is not None:
            self.refuse(Problem("request_timeout", f"a head has to come within {self._settings.header_seconds:g} s"))
            return
        elif self.stage is HEAD:
            self._metrics.dropped_connections["silent"] += 1
        self.transport.close()

    def _have_enough(self) -> None:
        """More came than can be of use."""
        if self.stage is NOTHING or self.transport.is_closing():
            self.transport.abort()
        elif self.stage is BODY and not self.response_pending():
            self._metrics.dropped_connections["refused_body"] += 1
            self.transport.abort()
        else:
            self.refuse(_head_too_large())

    def _has_left(self) -> bool:
        """Whether the client is gone, which nobody tells while nothing is read from it."""
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), _GONE)
        return bool(poll.poll(0))

    def _cut(self) -> None:
        """Reset the connection: else the system would go on to offer the client what it does not read."""
        with suppress(OSError):  # it may be over by itself
            connected = self.transport.get_extra_info("socket")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _ignore_the_rest(self) -> None:
        self.stage = NOTHING
        self.held_body.release()
        self.parser = _DEAF  # type: ignore[assignment]  # it stands in for httptools'
        self.unused_bytes = -MAX_LINGER_BYTES

    def _decline_upgrade(self, rest: bytes) -> None:
        """Read a request that offers an upgrade once more, as if it did not: httptools leaves its body out.

        `rest` is what came after its head. A server may pass over such an offer (RFC 9110, 7.8).
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            return  # it is being answered, and what follows it is not HTTP
        head = [b"%b %b HTTP/1.1\r\n" % (method, self.url)]
        head += [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        try:
            self.parser.feed_data(b"".join(head) + b"\r\n" + rest)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError) as error:
            self._refuse_what_raised(error)

    def _refuse_what_raised(self, error: Exception) -> None:
        found = error.__context__  # what a callback of ours raised
        self.refuse(found if isinstance(found, Problem) else Problem("bad_request", "this is not valid HTTP"))


class _Flow(FlowControl):
    """Reads on neither from a client that does not read its answers, nor while requests of its wait for their turn.

    uvicorn asks for more after each answer, so that a client could heap up requests without end.
    """

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self) -> None:
        """Read on, where that is right."""
        if not (self.write_paused or self._pipeline):
            super().resume_reading()


class _Deaf:
    """Stands for the parser of a connection that is over."""

    def feed_data(self, data: bytes) -> None:
        """Drop it."""


_DEAF = _Deaf()


def _lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def _head_too_large() -> Problem:
    return Problem("headers_too_large", f"a head has at most {MAX_HEADERS} fields and {MAX_HEAD_BYTES} bytes")
