"""Batches single-trade requests that arrive in one event-loop iteration: decoded, committed and answered together.

Each request keeps its own outcome, as if it had come alone. The common work is done once, which takes a third of the
time. A trade out of the common form, or a duplicate, makes each request of the batch go the single way.
"""

import itertools
import time
from collections.abc import Callable, Iterable
from functools import partial

import structlog

from service_kit.connection.response_writer import RESPONSE
from service_kit.responses import JSON
from telemetry_stream.errors import StreamError
from telemetry_stream.events import PerEvent, Receipt, Submission
from telemetry_stream.group_commit import Outcome
from trading_app.connection.fast_request import FastRequest
from trading_app.connection.host import Host
from trading_app.intake.decode_batch import TradeColumns
from trading_app.intake.results import accepted_body
from trading_app.intake.service import origin

log = structlog.get_logger(__name__)

MIN_REQUESTS = 6
"""Fewer are faster decoded one by one."""


class RequestBatcher:
    """Collects the requests of one event-loop iteration. Use it from the event loop only."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._requests: list[FastRequest] = []

    def add(self, request: FastRequest, soon: Callable[[Callable[[], None]], object]) -> None:
        """Add a request that has arrived completely; `soon` is the loop's `call_soon`."""
        if not self._requests:
            # After the sockets that are readable in this iteration: their requests join this batch.
            soon(self._end)
        self._requests.append(request)

    def _end(self) -> None:
        requests, self._requests = self._requests, []
        for group in _by_caller(requests):
            if len(group) < MIN_REQUESTS or not self._submit(group):
                for request in group:
                    request.attempt(request.end)

    def _submit(self, requests: list[FastRequest]) -> bool:
        """Hand over the trades together; False if each request has to be handled alone."""
        trades = self._read(requests)
        if trades is None:
            return False
        try:
            self._host.context.stream.submit(
                Submission(trades, independent=True, origin=origin(requests[0].caller, "api")),
                partial(self._finish, requests, trades),
            )
        except StreamError:
            return False  # one by one, some may still be below the limit of waiting trades
        return True

    def _read(self, requests: list[FastRequest]) -> TradeColumns | None:
        try:
            return self._host.intake.read_each([request.body for request in requests], time.time_ns())
        except Exception as error:  # read one by one then, so that only the request at fault is answered with a 500
            log.error("the trades of a batch could not be read together", exc_info=error)
            return None

    def _finish(self, requests: list[FastRequest], trades: TradeColumns, outcome: Outcome) -> None:
        if isinstance(outcome, Receipt):
            self._accept(requests, trades, outcome.first)
            return
        outcomes = outcome.outcomes if isinstance(outcome, PerEvent) else [outcome] * len(requests)
        for request, trade, its_own in zip(requests, trades, outcomes, strict=True):
            request.attempt(partial(request.finish_with, trade, its_own))

    def _accept(self, requests: list[FastRequest], trades: TradeColumns, first: int) -> None:
        """Answer each request that its trade is new: `FastRequest.finish` for all of them at once."""
        began = []
        connections = self._host.connections
        default_fields = requests[0].protocol.server_state.default_headers
        start = connections.responses.start(default_fields, 201, JSON)
        names = connections.ids.make(len(requests))
        for request, trade_id, name, sequence in zip(requests, trades.trade_ids, names, itertools.count(first)):
            protocol = request.protocol
            transport = protocol.transport
            # Rare, and with steps of its own: nothing may be written, or the connection must be closed.
            if request.disconnected or not request.keep_alive or transport.is_closing():
                its_own = Receipt(sequence, sequence, 1, 0)
                request.attempt(partial(request.finish_with, trades[sequence - first], its_own))
                continue
            began.append(request.began)
            try:
                body = accepted_body(sequence, trade_id)
                transport.write(RESPONSE % (start, len(body), name, body))
                request.response_complete = True
                request.body = b""
                # With nothing that waits and reading not paused, this call would do nothing.
                if protocol.pipeline or protocol.flow.read_paused:
                    protocol.on_response_complete()
            except Exception as error:  # noqa: BLE001 -- the other requests must still be answered
                request.break_off(error)
        metrics = self._host.metrics
        metrics.accepted_trades += len(began)
        metrics.observe_requests("POST", "/trade", 201, time.perf_counter(), began)


def _by_caller(requests: list[FastRequest]) -> Iterable[list[FastRequest]]:
    """The requests of each caller, in order: a submission has one origin."""
    caller = requests[0].caller
    if all(request.caller is caller for request in requests):
        return (requests,)
    groups: dict[int, list[FastRequest]] = {}
    for request in requests:
        groups.setdefault(id(request.caller), []).append(request)
    return groups.values()
