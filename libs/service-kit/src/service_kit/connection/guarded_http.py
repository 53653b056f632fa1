"""uvicorn's connection, guarded against clients that are slow, silent or greedy.

uvicorn itself waits for a head and a body without end, reads heads of any size, and keeps what a client does not read.
One sweep a second (`check_deadlines`) asks each connection what it waits for. A timer for each request would cost a
third of a fast one. So a deadline is kept to within two seconds.
"""

import asyncio
import select
import socket
import struct
from collections.abc import Sized
from contextlib import suppress
from enum import Enum, auto
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service_kit.access.token_throttle import network_of
from service_kit.connection.body_budget import HeldBody
from service_kit.connection.close_delimited import CloseDelimited
from service_kit.connection.context import ConnectionContext
from service_kit.http_types import Scope
from service_kit.problems import Problem
from service_kit.responses import Answer, answer_problem

MAX_URL_BYTES = 8_192
MAX_HEADERS = 100
MAX_HEAD_BYTES = 32_768
"""Of a head, and of whatever else comes between two pieces of a body: sizes of chunks, trailers."""

SINGLE_HEADERS = (b"host", b"authorization", b"content-type", b"content-encoding", b"idempotency-key", b"origin")
"""Headers that must not repeat: of two, a proxy in front may trust one and the program the other (RFC 9112, 3.2, and
RFC 9110, 5.3).
"""

MAX_REST_BYTES = 16_777_216
"""Bytes of a refused body that are read and dropped before the connection is closed."""

LINGER_SECONDS = 2.0
MAX_LINGER_BYTES = 1_048_576
MAX_LINGERING = 100
"""A connection that is refused is read from for a moment: closed at once, what still comes from the client would make
its system drop the answer.
"""

ADMITTED = "service_kit.admitted"
"""The extension of an ASGI scope by which access control reports that a request may be made (`note_admitted`)."""

_GONE = getattr(select, "POLLRDHUP", 0)
"""The other side has ended its sending; only Linux reports it. POLLHUP and POLLERR are reported in any case."""


class Stage(Enum):
    """What comes next from the client: a head that is awaited, a body, a next request or none, nothing of use."""

    HEAD = auto()
    BODY = auto()
    NEXT = auto()
    NOTHING = auto()


HEAD, BODY, NEXT, NOTHING = Stage  # to name a member of the class takes longer


class GuardedHttpProtocol(HttpToolsProtocol):
    """uvicorn's connection with deadlines, caps, and a share for each address."""

    context: ConnectionContext

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.stage = HEAD
        self._limits = self.context.limits
        self._counters = self.context.counters
        self._admission = self.context.admission
        self.admitted = False
        """Whether a request on it has passed the access control."""
        self._earlier: list[Any] = []
        """Requests of a pipeline before its last; only the last one hears from uvicorn that the client has gone."""
        self.address = ""
        self.held_body = HeldBody(self.context.body_budget)
        self.unused_bytes = 0
        """Bytes received since the last piece of a body, or the last message's end."""
        self._seen: tuple[Stage, object] = (self.stage, None)
        self._seen_since = self._read_since = self.loop.time()
        self._unread = 0

    def connection_made(self, transport: Any) -> None:
        """A client is there. Refuse it, or close another connection, if there is no room."""
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)
        self.address = self.client[0] if self.client else ""
        decision = self._admission.enter(self, network_of(self.address))
        if decision.evicted is not None:
            self._counters.dropped_connections[decision.reason] += 1
            decision.evicted.transport.abort()
        if decision.admitted:
            return
        maximum = self._limits.max_connections
        detail = f"{maximum} connections are open, the maximum ({self._limits.setting_prefix}_MAX_CONNECTIONS)"
        problem = Problem("too_many_connections", detail, retry_after=1)
        if len(self.connections) - maximum > min(MAX_LINGERING, maximum):
            self._counters.refused_requests[problem.code] += 1
            transport.abort()
        else:
            self.refuse(problem)

    def note_admitted(self) -> None:
        """A request on it has passed the access control: the caller is no stranger any more."""
        if not self.admitted:
            self.admitted = True
            self._admission.trust(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        self.held_body.release()
        for cycle in self._earlier:
            cycle.disconnected = True
            cycle.message_event.set()  # wakes who waits for it
        self._admission.leave(self)
        if isinstance(exc, OSError) and not isinstance(exc, ConnectionError):  # the system gave it up
            self._counters.dropped_connections["unread"] += 1

    def data_received(self, data: bytes) -> None:
        """Bytes are there."""
        self.unused_bytes += len(data)
        self._parse(data)
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
        if self.unused_bytes > MAX_HEAD_BYTES or len(self.headers) > min(MAX_HEADERS, len(dict(self.headers))):
            self.check_head()
        method = self.parser.get_method()
        if self.parser.should_upgrade() and method != b"CONNECT":
            return  # it is read once more, without the offer
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        if len(url) > MAX_URL_BYTES:
            raise Problem("url_too_long", f"an address has at most {MAX_URL_BYTES} bytes")
        if len(self.pipeline) >= self._limits.max_waiting:
            detail = f"at most {self._limits.max_waiting} requests may wait for answers on a connection"
            raise Problem("bad_request", detail)
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        earlier = self.cycle
        super().on_headers_complete()
        extensions: dict[str, Any] = {ADMITTED: self.note_admitted}
        self.scope["extensions"] = extensions
        if self.scope["http_version"] == "1.0":
            self.cycle.send = CloseDelimited(self.cycle)  # type: ignore[method-assign, assignment]
        if self.pipeline:
            self._earlier.append(earlier)
        self.begin_body()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, unless the request is answered already."""
        if not self.cycle.response_complete:
            self.hold(body)
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of the body."""
        if self.stage is not HEAD:  # else it offers an upgrade, and is read once more
            self.end_body()
            super().on_message_complete()

    def hold(self, body: bytes) -> None:
        """Count a piece of the body. Raises Problem where there is no memory for it."""
        self.unused_bytes = 0
        self.held_body.grow(len(body))

    def end_body(self) -> None:
        """The body is there; the next request may come."""
        self.stage = NEXT
        self.unused_bytes = 0
        self.held_body.release()

    def begin_body(self) -> None:
        """The head is taken; what comes like headers after the body is not added to it (RFC 9110, 6.5.1)."""
        self.stage = BODY
        self.headers = []

    def check_head(self) -> None:
        """Raises Problem where a head is too large, or repeats a header that must not repeat.

        Only for suspicious heads: to look at each like this would take too long.
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
        self._counters.refused_requests[problem.code] += 1
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
        request_id = self.context.ids.name(b"")
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
            if now - self._read_since >= self._limits.unread_seconds:
                self._counters.dropped_connections["unread"] += 1
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
        fields = self.server_state.default_headers
        self.transport.write(self.context.responses.response(fields, answer, request_id, keep_alive=keep_alive))

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
            return None if ours else self._limits.body_seconds
        if self.response_pending():
            return None
        patience = {HEAD: self._limits.header_seconds, NEXT: self.timeout_keep_alive}
        return patience.get(self.stage, LINGER_SECONDS)

    def _give_up(self) -> None:
        """The client's time is up."""
        if self.stage is BODY and not self.response_pending():
            self._counters.dropped_connections["refused_body"] += 1
        elif self.stage is BODY:
            self.refuse(Problem("request_timeout", f"a body has to come within {self._limits.body_seconds:g} s"))
            return
        elif self.stage is HEAD and self.headers is not None:
            self.refuse(Problem("request_timeout", f"a head has to come within {self._limits.header_seconds:g} s"))
            return
        elif self.stage is HEAD:
            self._counters.dropped_connections["silent"] += 1
        self.transport.close()

    def _have_enough(self) -> None:
        """More came than can be of use."""
        if self.stage is NOTHING or self.transport.is_closing():
            self.transport.abort()
        elif self.stage is BODY and not self.response_pending():
            self._counters.dropped_connections["refused_body"] += 1
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

    def _parse(self, data: bytes) -> None:
        """Feed the parser. It stops after each head that offers an upgrade; that is fed again without the offer, as
        httptools leaves its body out. A server may pass over such an offer (RFC 9110, 7.8).
        """
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                method = self.parser.get_method()
                if method == b"CONNECT":
                    return  # it is being answered, and what follows it is not HTTP
                data = self._head_without_offer(method) + data[offer.args[0] :]
                self.parser = _new_parser(self)
            except httptools.HttpParserError as error:
                self._refuse_what_raised(error)
                return
            else:
                return

    def _head_without_offer(self, method: bytes) -> bytes:
        lines = [b"%b %b HTTP/1.1\r\n" % (method, self.url)]
        lines += [b"%b: %b\r\n" % field for field in self.headers if field[0] != b"upgrade"]
        return b"".join(lines) + b"\r\n"

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


def _new_parser(protocol: HttpToolsProtocol) -> httptools.HttpRequestParser:
    """As uvicorn makes it: what follows the last request of a connection is passed over, not an error."""
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def _head_too_large() -> Problem:
    return Problem("headers_too_large", f"a head has at most {MAX_HEADERS} fields and {MAX_HEAD_BYTES} bytes")


def note_admitted(scope: Scope) -> None:
    """Report that the request of an ASGI scope has passed the access control, so that its connection is kept."""
    report = scope.get("extensions", {}).get(ADMITTED)
    if report is not None:
        report()


def guarded_connection(shared: ConnectionContext) -> type[GuardedHttpProtocol]:
    """The class of a server's connections, as uvicorn wants it: it makes them without an argument of ours."""

    class Connection(GuardedHttpProtocol):
        context = shared

    return Connection
