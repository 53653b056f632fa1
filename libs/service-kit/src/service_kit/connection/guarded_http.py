"""uvicorn's connection, guarded against clients that are slow, silent or greedy.

uvicorn alone waits for a head and a body without limit, reads heads of any size, and buffers answers that a client
does not read. Here `GuardedServer` calls `check_deadlines` of every connection once a second. A timer for each request
would take a third of the time of a fast request. So deadlines are exact to two seconds.
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
"""Maximum bytes of a head, and of everything else between two pieces of a body: chunk sizes, trailers."""

SINGLE_HEADERS = (b"host", b"authorization", b"content-type", b"content-encoding", b"idempotency-key", b"origin")
"""Headers that must not repeat: of two values, a proxy may trust one and the program the other, so that a request gets
past the proxy's checks (RFC 9112, 3.2, and RFC 9110, 5.3).
"""

MAX_REST_BYTES = 16_777_216
"""Maximum bytes of a refused body that are read and dropped before the connection is closed."""

LINGER_SECONDS = 2.0
MAX_LINGER_BYTES = 1_048_576
MAX_LINGERING = 100
"""A refused connection lingers: for a moment its input is read and dropped. If it were closed at once, further input
would cause a TCP reset, and the client's system would discard the answer. The limits are per connection; MAX_LINGERING
is for all.
"""

ADMITTED = "service_kit.admitted"
"""Key in the `extensions` of an ASGI scope: a function that access control calls for an allowed request."""

_GONE = getattr(select, "POLLRDHUP", 0)
"""Poll event: the client has closed its sending side. Only Linux has it; POLLHUP and POLLERR are always reported."""


class Stage(Enum):
    """What the client has to send next.

    HEAD: a request head. BODY: a body, or its rest. NEXT: another request, or none. NOTHING: the connection is ending,
    and all input is dropped.
    """

    HEAD = auto()
    BODY = auto()
    NEXT = auto()
    NOTHING = auto()


HEAD, BODY, NEXT, NOTHING = Stage  # a global name is faster than an attribute of the class, on the hot path


class GuardedHttpProtocol(HttpToolsProtocol):
    """uvicorn's connection with deadlines, limits, and a share for each address.

    A subclass handles some requests without ASGI. It uses `stage`, `hold`, `begin_body`, `end_body`, `check_head`,
    `refuse` and `write`.
    """

    # CPython keeps up to 30 attributes of an instance in an array, and uvicorn sets 28. With ours among them, each
    # look-up would search a dict, which took 1 µs of the 14 of a POST.
    __slots__ = (
        "_admission",
        "_counters",
        "_earlier",
        "_final_problem",
        "_limits",
        "_read_since",
        "_received_bytes",
        "_seen",
        "_seen_since",
        "_unread",
        "address",
        "admitted",
        "held_body",
        "stage",
        "unused_bytes",
    )

    context: ConnectionContext

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.stage = HEAD
        self._limits = self.context.limits
        self._counters = self.context.counters
        self._admission = self.context.admission
        self.admitted = False
        """Whether a request on this connection has passed the access control."""
        self._final_problem: Problem | None = None
        """The last answer of the connection, while earlier requests still wait for theirs."""
        self._earlier: list[Any] = []
        """Cycles of pipelined requests before the last one. uvicorn notifies only the last one of a disconnect."""
        self.address = ""
        self.held_body = HeldBody(self.context.body_budget)
        self.unused_bytes = 0
        """Bytes received since the last piece of a body or the end of a message. A negative start allows for more."""
        self._received_bytes = 0
        """Size of the last input. A head after a whole request in the same input is not in `unused_bytes`."""
        self._seen: tuple[Stage, object] = (self.stage, None)
        self._seen_since = self._read_since = self.loop.time()
        self._unread = 0

    def connection_made(self, transport: Any) -> None:
        """A client has connected. If all connections are in use, refuse it or close another one."""
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
        # `connections` includes those that linger after a refusal; beyond their maximum, close without an answer.
        if len(self.connections) - maximum > min(MAX_LINGERING, maximum):
            self._counters.refused_requests[problem.code] += 1
            transport.abort()
        else:
            self.refuse(problem)

    def note_admitted(self) -> None:
        """A request on this connection has passed the access control: its caller is not a stranger any more."""
        if not self.admitted:
            self.admitted = True
            self._admission.trust(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        super().connection_lost(exc)
        self.held_body.release()
        for cycle in self._earlier:
            cycle.disconnected = True
            cycle.message_event.set()  # wakes a handler that waits for the body
        self._admission.leave(self)
        if isinstance(exc, OSError) and not isinstance(exc, ConnectionError):  # the kernel timed out
            self._counters.dropped_connections["unread"] += 1

    def data_received(self, data: bytes) -> None:
        """Bytes have arrived."""
        self._received_bytes = len(data)
        self.unused_bytes += self._received_bytes
        self._parse(data)
        if self.unused_bytes > MAX_HEAD_BYTES:
            self._refuse_excess()

    def on_message_begin(self) -> None:
        """A request begins. Its cycle and scope are made later, and only if it takes the way through ASGI."""
        self.stage = HEAD
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_response_complete(self) -> None:
        """An answer is sent: start the next pipelined request, or become idle until `check_deadlines` closes."""
        # The answer came before the end of its body. With a pipeline, the body belongs to a later request.
        if self.stage is BODY and not self.pipeline:
            self.unused_bytes = -MAX_REST_BYTES
            self.held_body.release()
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            if not self.pipeline:
                self._earlier.clear()
        elif self._final_problem is not None:
            self._end_with(self._final_problem)
        elif self.flow.read_paused:
            self.flow.resume_reading()

    def on_headers_complete(self) -> None:
        """The head is complete: pass the request to the application."""
        if self.is_suspicious(len(dict(self.headers))):
            self.check_head()
        method = self.parser.get_method()
        if self.parser.should_upgrade() and method != b"CONNECT":
            return  # `_parse` reads the head again, without the offer to upgrade
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        if len(url) > MAX_URL_BYTES:
            raise Problem("url_too_long", f"a URL has at most {MAX_URL_BYTES} bytes")
        if len(self.pipeline) >= self._limits.max_waiting:
            detail = f"at most {self._limits.max_waiting} requests may wait for answers on a connection"
            raise Problem("bad_request", detail)
        # uvicorn's own `on_message_begin` resets these; it was left out above, for requests that need no cycle.
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        earlier = self.cycle
        super().on_headers_complete()
        extensions: dict[str, Any] = {ADMITTED: self.note_admitted}
        self.scope["extensions"] = extensions
        if self.scope["http_version"] == "1.0":
            self.cycle.send = CloseDelimited(self.cycle)  # type: ignore[method-assign, assignment]  # wraps uvicorn's send
        if self.pipeline:
            self._earlier.append(earlier)
        self.begin_body()

    def on_body(self, body: bytes) -> None:
        """Pass on a piece of the body, or drop it if the request is answered already."""
        if not self.cycle.response_complete:
            self.hold(body)
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is complete."""
        if self.stage is not HEAD:  # HEAD: the head offers an upgrade, and `_parse` reads it again
            self.end_body()
            super().on_message_complete()

    def hold(self, body: bytes) -> None:
        """Count a piece of the body. Raises Problem if all bodies together take too much memory."""
        self.unused_bytes = 0
        self.held_body.grow(len(body))

    def end_body(self) -> None:
        """The body is complete; the next request may come."""
        self.stage = NEXT
        self.unused_bytes = 0
        self.held_body.release()

    def begin_body(self) -> None:
        """The body begins. Trailers after it must not become headers (RFC 9110, 6.5.1): they are dropped."""
        self.stage = BODY
        self.headers = _TRAILERS

    def is_suspicious(self, names: int) -> bool:
        """Whether `check_head` may refuse the head, by its size and its number of different header names: a repeated
        one makes this smaller than the number of headers. Fast.
        """
        large = max(self.unused_bytes, self._received_bytes) > MAX_HEAD_BYTES
        return large or len(self.headers) > min(MAX_HEADERS, names)

    def check_head(self) -> None:
        """Raises Problem if the head is too large, or repeats one of SINGLE_HEADERS. Too slow for every head."""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            raise _head_too_large()
        names = [name for name, _ in self.headers]
        for name in SINGLE_HEADERS:
            if names.count(name) > 1:
                raise Problem("bad_request", f"the header {name.decode()} is repeated")

    def refuse(self, problem: Problem) -> None:
        """Send the problem as the last answer, and end the connection. Pending answers are sent first."""
        if self.transport.is_closing():
            return
        self._counters.refused_requests[problem.code] += 1
        if self.response_pending():
            if self.stage is not BODY:
                self._final_problem = problem
                self._ignore_input()
                return
            if self.pipeline or self.cycle.response_started:
                self.transport.close()  # an answer here would be taken for that of an earlier request
                return
            self.cycle.disconnected = True  # the handler waits for a body that will not come
            self.cycle.message_event.set()
        self._end_with(problem)

    def linger(self) -> None:
        """Half-close the connection: send EOF, and drop input until the client closes or LINGER_SECONDS pass."""
        self._ignore_input()
        self.transport.write_eof()

    def check_deadlines(self, now: float) -> None:
        """End the connection if its client has exceeded a deadline. `now` is the loop's time in seconds.

        Call it about once a second.
        """
        unread = self.transport.get_write_buffer_size()
        if not unread or unread < self._unread:
            self._read_since = now
        self._unread = unread
        if unread:
            if now - self._read_since >= self._limits.unread_seconds:
                self._counters.dropped_connections["unread"] += 1
                self._reset()
            self._seen_since = now
            return
        # While reading is paused, asyncio does not notice a disconnect.
        if self.flow.read_paused and self.response_pending() and self._client_has_left():
            self.transport.abort()
            return
        seen, patience = (self.stage, self.cycle), self._patience()
        if seen != self._seen or patience is None:
            self._seen, self._seen_since = seen, now
        elif now - self._seen_since >= patience:
            self._end_overdue()

    def pause_writing(self) -> None:
        """The client does not read its answers: stop reading its requests too."""
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        self.flow.resume_reading()

    def shutdown(self) -> None:
        """The server ends: close the connection now, or after the pending answer."""
        if self.stage is NOTHING and not self.response_pending():
            self.transport.close()
        else:
            super().shutdown()

    def write(self, answer: Answer, request_id: str, *, keep_alive: bool) -> None:
        """Send a whole answer."""
        fields = self.server_state.default_headers
        self.transport.write(self.context.responses.response(fields, answer, request_id, keep_alive=keep_alive))

    def response_pending(self) -> bool:
        """Whether a request has not been answered completely yet."""
        cycle: Any = self.cycle  # None before the first request
        return cycle is not None and not (cycle.response_complete or cycle.disconnected)

    def _patience(self) -> float | None:
        """Seconds that the client has for its next step; None if the next step is the server's."""
        if self.transport.is_closing():
            return None
        if self.stage is BODY:
            ours = self.pipeline or (self.response_pending() and self.flow.read_paused)
            return None if ours else self._limits.body_seconds
        if self.response_pending():
            return None
        patience = {HEAD: self._limits.header_seconds, NEXT: self.timeout_keep_alive}
        return patience.get(self.stage, LINGER_SECONDS)

    def _end_overdue(self) -> None:
        """A deadline has passed: answer 408 if a request has begun, else close. Counts why."""
        if self.stage is BODY and not self.response_pending():
            self._counters.dropped_connections["refused_body"] += 1
        elif self.stage is BODY:
            self.refuse(Problem("request_timeout", f"a body must arrive within {self._limits.body_seconds:g} s"))
            return
        elif self.stage is HEAD and self.headers is not None:
            self.refuse(Problem("request_timeout", f"a head must arrive within {self._limits.header_seconds:g} s"))
            return
        elif self.stage is HEAD:
            self._counters.dropped_connections["silent"] += 1
        self.transport.close()

    def _refuse_excess(self) -> None:
        """More bytes arrived than any valid request has here: refuse or abort."""
        if self.stage is NOTHING or self.transport.is_closing():
            self.transport.abort()
        elif self.stage is BODY and not self.response_pending():
            self._counters.dropped_connections["refused_body"] += 1
            self.transport.abort()
        else:
            self.refuse(_head_too_large())

    def _client_has_left(self) -> bool:
        """Whether the client has closed the connection, asked of the kernel without reading."""
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), _GONE)
        return bool(poll.poll(0))

    def _reset(self) -> None:
        """Reset the connection (SO_LINGER 0): else the kernel would keep the unread bytes and go on sending them."""
        with suppress(OSError):  # it may be closed already
            connected = self.transport.get_extra_info("socket")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _end_with(self, problem: Problem) -> None:
        request_id = self.context.ids.name(b"")
        self.write(answer_problem(problem, request_id), request_id, keep_alive=False)
        self.linger()

    def _ignore_input(self) -> None:
        self.stage = NOTHING
        self.held_body.release()
        self.parser = _IGNORING_PARSER  # type: ignore[assignment]  # replaces httptools' parser
        self.unused_bytes = -MAX_LINGER_BYTES

    def _parse(self, data: bytes) -> None:
        """Feed the parser.

        httptools stops after a head that offers an upgrade, and would skip its body. So the head is fed again, to a new
        parser, without the offer. A server may ignore such an offer (RFC 9110, 7.8).
        """
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                method = self.parser.get_method()
                if method == b"CONNECT":
                    return  # it is being answered, and what follows is not HTTP
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
        found = error.__context__  # the error that one of our callbacks raised
        self.refuse(found if isinstance(found, Problem) else Problem("bad_request", "this is not valid HTTP"))


class _Flow(FlowControl):
    """Pauses reading while the client does not read its answers, and while its pipelined requests wait.

    uvicorn resumes reading after each answer, so a client could pile up requests without limit.
    """

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self) -> None:
        """Resume, unless answers are unread or requests wait."""
        if not (self.write_paused or self._pipeline):
            super().resume_reading()


class _Trailers(list[tuple[bytes, bytes]]):
    """Takes the place of the headers while a body arrives: keeps nothing, whatever a client sends after its body."""

    def append(self, _field: tuple[bytes, bytes]) -> None:
        """Drop a field."""


_TRAILERS = _Trailers()


class _IgnoringParser:
    """Replaces the parser of a connection that is ending: drops all input."""

    def feed_data(self, data: bytes) -> None:
        """Drop the data."""


_IGNORING_PARSER = _IgnoringParser()


def _new_parser(protocol: HttpToolsProtocol) -> httptools.HttpRequestParser:
    """A parser as uvicorn makes it: input after the last request of a connection is ignored, not an error."""
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def _head_too_large() -> Problem:
    return Problem("headers_too_large", f"a head has at most {MAX_HEADERS} fields and {MAX_HEAD_BYTES} bytes")


def note_admitted(scope: Scope) -> None:
    """Report that the request of an ASGI scope has passed the access control, so its connection is not a stranger's."""
    report = scope.get("extensions", {}).get(ADMITTED)
    if report is not None:
        report()


def guarded_connection(shared: ConnectionContext) -> type[GuardedHttpProtocol]:
    """The connection class for one server. A class of its own, since uvicorn passes no argument of ours to it."""

    class Connection(GuardedHttpProtocol):
        __slots__ = ()
        context = shared

    return Connection
