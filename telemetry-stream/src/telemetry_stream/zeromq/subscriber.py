"""Follows a stream over ZeroMQ: a SUB socket for what is new, a DEALER to ask for what was missed."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import structlog
import zmq

from telemetry_stream.backoff import backoff
from telemetry_stream.errors import MalformedFrame
from telemetry_stream.follower import PAGE_LIMIT, Follower
from telemetry_stream.types import Delivery, StreamPosition, SubscriberCounters
from telemetry_stream.wire import TOPIC, ReplayRequest, decode_frames, encode_request
from telemetry_stream.zeromq.readiness import Readiness, readable

log = structlog.get_logger(__name__)

SILENCE_SECONDS = 3.0
"""After so long without a message or heartbeat the replay socket is asked, in case only the live way is broken."""

ANSWER_SECONDS = 2.0
"""So long is waited for the answer to one replay request."""

HIGH_WATER_MARK = 1_000
"""Messages that wait here for a reader that does not keep up."""

MESSAGE_BYTES = 64 * 1024 * 1024
TURN_SECONDS = 0.002
"""After so long with messages to handle the event loop gets a turn for its other tasks."""


class Subscriber:
    """A StreamSubscriber over ZeroMQ. Make and use it inside one running event loop."""

    def __init__(
        self,
        publisher_address: str,
        replay_address: str,
        position: StreamPosition | None = None,
        page_limit: int = PAGE_LIMIT,
        pauses: Iterator[float] | None = None,
    ) -> None:
        """Connect; neither address needs to be reachable yet. `pauses` are the seconds between failed replay
        requests.
        """
        self._follower = Follower(position or StreamPosition(), page_limit)
        self._replay_address = replay_address
        self._fixed_pauses = pauses
        self._pauses = pauses or backoff()
        self._out_of_reach = False
        self._heard_at = time.monotonic()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._live = self._context.socket(zmq.SUB)
        self._connections = self._live.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self._configure(self._live)
        self._live.subscribe(TOPIC)
        self._live.connect(publisher_address)
        self._replay: zmq.Socket[bytes] | None = None
        self._readiness = Readiness()
        self._readiness.add(self._live)
        self._readiness.add(self._connections)

    @property
    def counters(self) -> SubscriberCounters:
        """Gaps, duplicates, catch-ups and refused messages since the start."""
        return self._follower.counters

    @property
    def position(self) -> StreamPosition:
        """What has been delivered, the delivery handed out last included."""
        return self._follower.position

    @property
    def head(self) -> int | None:
        """The highest sequence heard of; None before the first answer."""
        return self._follower.head

    @property
    def caught_up(self) -> bool:
        """Whether everything known to exist has been delivered."""
        return self._follower.caught_up

    async def deliveries(self) -> AsyncIterator[Delivery]:
        """The deliveries, until closed; waits while the stream is out of reach."""
        turn_began = time.monotonic()
        while not self._context.closed:
            arrived = readable(self._live)
            self._note_connections()  # after that look, so that a new connection is noted before its first message
            request = self._follower.request
            if request is not None:
                delivery = await self._ask(request)
            elif arrived:
                delivery = self._receive()
            else:
                delivery = None
                await self._wait_for_news()
                turn_began = time.monotonic()
            if delivery is not None:
                yield delivery
            if time.monotonic() - turn_began > TURN_SECONDS:
                await asyncio.sleep(0)
                turn_began = time.monotonic()

    def close(self) -> None:
        """Close the sockets; ends the iteration. Idempotent."""
        if self._context.closed:
            return
        self._hang_up()
        self._readiness.remove(self._connections)
        self._readiness.remove(self._live)
        self._live.disable_monitor()
        self._connections.close(linger=0)
        self._live.close(linger=0)
        self._context.term()

    def _receive(self) -> Delivery | None:
        frames = self._live.recv_multipart(zmq.NOBLOCK)
        self._heard_at = time.monotonic()
        try:
            return self._follower.live(*decode_frames(frames))
        except MalformedFrame as error:
            self.counters.reject(error.reason)
            return None

    async def _wait_for_news(self) -> None:
        silence = time.monotonic() - self._heard_at
        wanted = {self._live, self._connections}
        if not await self._readiness.wait(wanted, max(SILENCE_SECONDS - silence, 0)) and not self._context.closed:
            self._heard_at = time.monotonic()
            self._follower.start_catch_up()

    async def _ask(self, request: ReplayRequest) -> Delivery | None:
        """Send one request and take its answer; None where there is none, after a pause."""
        self._drop_waiting()
        replay = self._replay or self._dial()
        replay.send(encode_request(request))
        try:
            await self._readiness.wait({replay, self._connections}, ANSWER_SECONDS)
        except asyncio.CancelledError:
            self._hang_up()
            raise
        if self._context.closed or self._note_connections():
            return None
        try:
            delivery = self._follower.replayed(*decode_frames(replay.recv_multipart(zmq.NOBLOCK)))
        except zmq.Again:
            await self._pause(f"no answer from {self._replay_address} within {ANSWER_SECONDS} s")
            return None
        except MalformedFrame as error:
            self.counters.reject(error.reason)
            await self._pause(str(error))
            return None
        self._pauses = self._fixed_pauses or backoff()
        if self._out_of_reach:
            self._out_of_reach = False
            log.info("stream reached", replay_address=self._replay_address)
        return delivery

    def _drop_waiting(self) -> None:
        """Forget what waits at the live socket, as a catch-up brings all of it."""
        for _ in range(HIGH_WATER_MARK):
            if not readable(self._live):
                return
            self._live.recv_multipart(zmq.NOBLOCK)
            self._heard_at = time.monotonic()

    async def _pause(self, reason: str) -> None:
        """Forget the request, so that a late answer is not taken for another's, and wait before the next."""
        self._hang_up()
        if not self._out_of_reach:
            self._out_of_reach = True
            log.warning("stream out of reach, trying on", reason=reason, check="is trading-app running?")
        await self._readiness.wait({self._connections}, next(self._pauses))

    def _note_connections(self) -> bool:
        """Whether the publisher was reached anew; then what was missed is asked for, and any answer under way
        dropped.
        """
        reached = False
        while readable(self._connections):
            self._connections.recv_multipart(zmq.NOBLOCK)
            reached = True
        if reached:
            self._heard_at = time.monotonic()
            self._hang_up()
            self._follower.start_catch_up()
        return reached

    def _dial(self) -> zmq.Socket[bytes]:
        self._replay = self._context.socket(zmq.DEALER)
        self._configure(self._replay)
        self._replay.connect(self._replay_address)
        self._readiness.add(self._replay)
        return self._replay

    def _hang_up(self) -> None:
        if self._replay is not None:
            self._readiness.remove(self._replay)
            self._replay.close(linger=0)
            self._replay = None

    @staticmethod
    def _configure(socket: zmq.Socket[bytes]) -> None:
        socket.set(zmq.RCVHWM, HIGH_WATER_MARK)
        socket.set(zmq.MAXMSGSIZE, MESSAGE_BYTES)
        socket.set(zmq.LINGER, 0)
        socket.set(zmq.RECONNECT_IVL, 50)
        socket.set(zmq.RECONNECT_IVL_MAX, 1_000)
        # A peer whose machine has gone says nothing; TCP's probes notice it, and ZeroMQ connects anew. ZeroMQ's own
        # heartbeats would do so for a reader that is busy too, and libzmq then aborts the process
        # (https://github.com/zeromq/libzmq/issues/3937).
        socket.set(zmq.TCP_KEEPALIVE, 1)
        socket.set(zmq.TCP_KEEPALIVE_IDLE, 5)
        socket.set(zmq.TCP_KEEPALIVE_INTVL, 2)
        socket.set(zmq.TCP_KEEPALIVE_CNT, 3)
