"""Requests with one trade each that come in one turn of the event loop: read, committed and answered together.

Each is decided as if it had come alone, and told the same: what is alike is only done once for all of them, which is a
third of the time. Where it can't be, because a trade is out of the common form or was there before, each goes its own
way.
"""

import itertools
import time
from collections.abc import Callable
from functools import partial

import structlog

from service_kit.responses import JSON
from telemetry_stream.errors import StreamError
from telemetry_stream.events import PerEvent, Receipt, Submission
from telemetry_stream.group_commit import Outcome
from trading_app.connection.fast_request import HotRequest
from trading_app.connection.host import Host
from trading_app.intake.decode_batch import TradeColumns
from trading_app.intake.results import trade_body

log = structlog.get_logger(__name__)

MIN_REQUESTS = 6
"""Fewer are quicker read one by one."""

# What `GuardedHttpProtocol.write` adds to `begin_answer`, where nothing is out of the ordinary.
_ANSWER = b"%bcontent-length: %d\r\nx-request-id: %b\r\n\r\n%b"


class RequestBatcher:
    """The requests of this turn. Belongs to the event loop."""

    def __init__(self, web: Host) -> None:
        self._web = web
        self._requests: list[HotRequest] = []

    def add(self, request: HotRequest, soon: Callable[[Callable[[], None]], object]) -> None:
        """Take a request that is there whole; `soon` is the loop's `call_soon`."""
        if not self._requests:
            soon(self._end)
        self._requests.append(request)

    def _end(self) -> None:
        requests, self._requests = self._requests, []
        if len(requests) < MIN_REQUESTS or not self._submit(requests):
            for request in requests:
                request.attempt(request.end)

    def _submit(self, requests: list[HotRequest]) -> bool:
        """Hand the trades over together; False where each has to be handed over by itself."""
        trades = self._read(requests)
        if trades is None:
            return False
        try:
            self._web.context.stream.submit(
                Submission(trades, independent=True), partial(self._finish, requests, trades)
            )
        except StreamError:
            return False
        return True

    def _read(self, requests: list[HotRequest]) -> TradeColumns | None:
        try:
            return self._web.intake.read_each([bytes(request.body) for request in requests], time.time_ns())
        except Exception as error:  # one by one it is told to whom it concerns
            log.error("the trades of a turn could not be read together", exc_info=error)
            return None

    def _finish(self, requests: list[HotRequest], trades: TradeColumns, outcome: Outcome) -> None:
        if isinstance(outcome, Receipt):
            self._accept(requests, trades, outcome.first)
            return
        outcomes = outcome.outcomes if isinstance(outcome, PerEvent) else [outcome] * len(requests)
        for request, trade, its_own in zip(requests, trades, outcomes, strict=True):
            request.attempt(partial(request.finish_with, trade, its_own))

    def _accept(self, requests: list[HotRequest], trades: TradeColumns, first: int) -> None:
        """Tell each that its trade is new. This is `HotRequest.finish` of all of them."""
        began = []
        start = requests[0].protocol.begin_answer(201, JSON)
        names = self._web.ids.make(len(requests))
        for request, trade_id, name, sequence in zip(requests, trades.trade_ids, names, itertools.count(first)):
            protocol = request.protocol
            transport = protocol.transport
            if request.disconnected or not request.keep_alive or transport.is_closing():
                its_own = Receipt(sequence, sequence, 1, 0)
                request.attempt(partial(request.finish_with, trades[sequence - first], its_own))
                continue
            began.append(request.began)
            try:
                body = trade_body(sequence, trade_id, b"accepted")
                transport.write(_ANSWER % (start, len(body), name, body))
                request.response_complete = True
                request.body = b""
                if protocol.pipeline or protocol.flow.read_paused:
                    protocol.on_response_complete()
            except Exception as error:  # noqa: BLE001 -- the others are told all the same
                request.break_off(error)
        metrics = self._web.context.metrics
        metrics.accepted_trades += len(began)
        metrics.observe_requests("POST", "/trade", 201, time.perf_counter(), began)
