"""Answers the calls that bring trades straight from the connection: no ASGI scope, task or future for a hot request.

Everything else, and every hot request that is out of the ordinary (a form, an origin where CORS is set, one that comes
while an earlier one of its connection waits for its answer), takes the way through the app. Both ways decide with the
same functions; the tests send the same requests both ways and demand equal answers.
"""

import time
from typing import Any

from service_kit.http_types import Headers
from service_kit.problems import Problem
from service_kit.responses import JSON
from trading_app.connection.fast_request import HotRequest
from trading_app.connection.head_cache import CachedHead, HeadCache, head_to_learn
from trading_app.connection.host import Host
from trading_app.connection.limits import BODY, HEAD, MAX_HEAD_BYTES, MAX_HEADERS, NEXT, GuardedHttpProtocol
from trading_app.connection.request_batcher import RequestBatcher
from trading_app.intake.service import FORMS, media_type

PATHS = {b"/trade": "/trade", b"/trades": "/trades"}


class FastHttpProtocol(GuardedHttpProtocol):
    """uvicorn's connection, guarded, with a short way for POST on PATHS."""

    turn: RequestBatcher

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.hot: HotRequest | None = None
        self._known_heads = HeadCache()
        self._rate_limit = self.web.rate_limit

    def data_received(self, data: bytes) -> None:
        """Bytes are there. A hot request that comes whole, with a head that came before, is not parsed."""
        if not self._is_between_requests():
            super().data_received(data)
            return
        known = self._known_heads.split(data)
        if known is None:
            earlier = self.hot
            super().data_received(data)
            if self.hot is not None and self.hot is not earlier and self.hot.keep_alive and self.stage is NEXT:
                self._learn(data, self.hot)
            return
        self.unused_bytes = 0
        head, body = known
        hot = HotRequest(self, head.path, head.headers, time.perf_counter(), body=body, whole=True)
        self.hot = self.cycle = hot  # type: ignore[assignment]  # it stands in for uvicorn's
        if self._rate_limit is not None and (problem := hot.above_the_rate()):
            hot.refuse(problem)
        elif head.brings_one:
            self.turn.add(hot, self.loop.call_soon)
        else:
            hot.end()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, and with it what came of a body."""
        super().connection_lost(exc)
        if self.hot is not None:
            self.hot.forget()

    def on_headers_complete(self) -> None:
        """Take the short way if the request is one for it."""
        headers = dict(self.headers)
        if self.unused_bytes > MAX_HEAD_BYTES or len(self.headers) > min(MAX_HEADERS, len(headers)):
            self.check_head()
        self.hot = None
        if self._is_hot() and self.web.gate.admits(headers, self.address) and not self._is_unusual(headers):
            self.begin_body()
            keep_alive = self.parser.should_keep_alive()
            self.hot = HotRequest(self, PATHS[self.url], headers, time.perf_counter(), keep_alive)
            self.cycle = self.hot  # type: ignore[assignment]  # as above
            self.hot.begin()
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, unless the request is answered already."""
        if self.cycle.response_complete:
            return
        self.unused_bytes = 0
        self.held_body.grow(len(body))
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
        self.held_body.release()
        if self.hot is None:
            super().on_message_complete()
        else:
            self.hot.end()

    def refuse(self, problem: Problem) -> None:
        """Answer what can't be taken any further, and end the connection."""
        if self.hot is not None and self.stage is BODY and self.response_pending():
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

    def _learn(self, data: bytes, hot: HotRequest) -> None:
        """Keep the head that `data` began with, if all that was decided by it holds the next time."""
        head = head_to_learn(data, hot.headers)
        if not head or not self.web.gate.admits_for_good(hot.headers):
            return
        body_bytes = len(data) - len(head)
        if body_bytes <= self.web.context.settings.max_body_bytes:
            brings_one = hot.path == "/trade" and media_type(hot.headers) == JSON
            self._known_heads.learn(head, CachedHead(hot.path, hot.headers, body_bytes, brings_one))

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


def connection_class(host: Host) -> type[FastHttpProtocol]:
    """The class of the connections of one app, as uvicorn wants it: it makes them without an argument of ours."""

    class Connection(FastHttpProtocol):
        web = host
        turn = RequestBatcher(host)

    return Connection
