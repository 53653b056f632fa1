"""Serves POST /trade and POST /trades from the connection class: no ASGI scope, task or future per request.

The package's docstring says which requests may take this path, and which tests compare it with the ASGI path.
"""

import time
from typing import Any

from service_kit.connection.guarded_http import BODY, HEAD, NEXT, GuardedHttpProtocol
from service_kit.http_types import Headers
from service_kit.problems import Problem
from service_kit.responses import JSON
from trading_app.connection.fast_request import FastRequest
from trading_app.connection.head_cache import CachedHead, HeadCache, head_to_learn
from trading_app.connection.host import Host
from trading_app.connection.request_batcher import RequestBatcher
from trading_app.intake.service import FORMS, media_type, way_of

PATHS = {b"/trade": "/trade", b"/trades": "/trades"}


class FastHttpProtocol(GuardedHttpProtocol):
    """The guarded connection, with a fast path for POST on PATHS."""

    __slots__ = ("_add_to_batch", "_host", "_known_heads", "_rate_limit", "fast")

    host: Host
    batcher: RequestBatcher

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fast: FastRequest | None = None
        self._known_heads = HeadCache()
        self._rate_limit = self.host.rate_limit
        # Kept by the connection: the hot path would find them only after a search among its attributes.
        self._host = self.host
        self._add_to_batch = self.batcher.add

    def data_received(self, data: bytes) -> None:
        """Handle received bytes. A complete request with a known head is not parsed."""
        # Only then can `data` be one whole request: in between it may begin in the middle of a body.
        if not self._is_between_requests():
            super().data_received(data)
            return
        known = self._known_heads.split(data)
        if known is None:
            earlier = self.fast
            super().data_received(data)
            if self.fast is not None and self.fast is not earlier and self.fast.keep_alive and self.stage is NEXT:
                self._learn(data, self.fast)
            return
        self.unused_bytes = 0  # as after a parsed message: the next head may have its full length
        head, body = known
        fast = FastRequest(
            self, self._host, head.caller, head.path, head.headers, time.perf_counter(), True, body, True
        )
        self.fast = self.cycle = fast  # type: ignore[assignment]  # it replaces uvicorn's cycle
        if self._rate_limit is not None and (problem := fast.above_the_rate()):
            fast.refuse(problem)
        elif head.brings_one:
            self._add_to_batch(fast, self.loop.call_soon)
        else:
            fast.end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop the part of a body that has arrived."""
        super().connection_lost(exc)
        if self.fast is not None:
            self.fast.forget()

    def on_headers_complete(self) -> None:
        """Choose the fast path or the ASGI path for the request."""
        headers = dict(self.headers)
        if self.is_suspicious(len(headers)):
            self.check_head()
        self.fast = None
        caller = self.host.gate.sender(headers, self.address) if self._is_fast() else None
        if caller is not None and not self._is_unusual(headers):
            self.note_admitted()
            self.begin_body()
            keep_alive = self.parser.should_keep_alive()
            self.fast = FastRequest(self, self.host, caller, PATHS[self.url], headers, time.perf_counter(), keep_alive)
            self.cycle = self.fast  # type: ignore[assignment]  # as above
            self.fast.begin()
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Add a part of the body, unless the request is answered already."""
        if self.fast is None:
            super().on_body(body)
        elif not self.cycle.response_complete:
            self.hold(body)
            self.fast.take(body)

    def on_message_complete(self) -> None:
        """Handle the end of the body."""
        if self.fast is None:
            super().on_message_complete()
        else:
            self.end_body()
            self.fast.end()

    def refuse(self, problem: Problem) -> None:
        """Answer with a problem and end the connection, which can't be read any further."""
        if self.fast is not None and self.stage is BODY and self.response_pending():
            self.fast.give_up(problem)
            self.linger()
        else:
            super().refuse(problem)

    def _is_between_requests(self) -> bool:
        """Whether no part of a request has arrived, and every earlier request is answered."""
        cycle = self.cycle
        if self.stage is NEXT:
            return cycle.response_complete and not self.transport.is_closing()
        return cycle is None and self.stage is HEAD and not self.unused_bytes

    def _learn(self, data: bytes, fast: FastRequest) -> None:
        """Keep the head of `data`, if every decision based on it will hold for the next request too."""
        head = head_to_learn(data, fast.headers)
        if not head or not self.host.gate.admits_for_good(fast.headers):
            return
        body_bytes = len(data) - len(head)
        if body_bytes <= self.host.max_body_bytes:
            # Not for tokens that are bound to accounts: only the single way compares the accounts of trades with them.
            # Nor for the page, whose trades have another origin.
            brings_one = (
                fast.path == "/trade"
                and media_type(fast.headers) == JSON
                and fast.caller.accounts is None
                and way_of(fast.headers, "api") == "api"
            )
            self._known_heads.learn(head, CachedHead(fast.path, fast.headers, body_bytes, brings_one, fast.caller))

    def _is_fast(self) -> bool:
        return (
            self.url in PATHS
            and self.host.context.opened_stream is not None
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and not self.parser.should_upgrade()
            and getattr(self.cycle, "response_complete", True)  # before the first request there is no cycle
        )

    def _is_unusual(self, headers: Headers) -> bool:
        return (
            media_type(headers) in FORMS
            or b"content-encoding" in headers
            or (self.host.shares_origins and b"origin" in headers)
        )


def fast_connection(app: Host) -> type[FastHttpProtocol]:
    """The connection class of one app. uvicorn creates connections itself, so the app can't be an argument."""

    class Connection(FastHttpProtocol):
        __slots__ = ()
        context = app.connections
        host = app
        batcher = RequestBatcher(app)

    return Connection
