"""Follows a stream over ZeroMQ: a SUB socket for new messages, a DEALER socket to request missed events."""

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress

import structlog
import zmq

from telemetry_stream.backoff import backoff
from telemetry_stream.errors import DamagedHistory, MalformedFrame
from telemetry_stream.events import Delivery, StreamPosition, SubscriberCounters
from telemetry_stream.follower import PAGE_LIMIT, Follower
from telemetry_stream.refusals import DAMAGED_HISTORY, DISCONNECTED, UNFINISHED, Obstacle
from telemetry_stream.topics import Topic
from telemetry_stream.transports.zeromq import handshake
from telemetry_stream.transports.zeromq.curve import ClientKeys
from telemetry_stream.transports.zeromq.readiness import Readiness, readable
from telemetry_stream.wire import ReplayRequest, decode_frames, encode_request

log = structlog.get_logger(__name__)

SILENCE_SECONDS = 3.0
"""After this time without a message or heartbeat a catch-up starts: perhaps only the live connection is broken."""

ANSWER_SECONDS = 2.0
"""How long to wait for the answer to one replay request."""

HIGH_WATER_MARK = 1_000
"""Maximum number of live messages in the queue. Beyond it ZeroMQ drops them; the reader sees a gap and catches up."""

WAITING_ANSWERS = 2
"""Maximum number of answers in the queue. One is requested at a time."""

MESSAGE_BYTES = 16 * 1024 * 1024
"""A larger frame ends the connection; the largest page of the largest trades has less than seven million bytes."""

TURN_SECONDS = 0.002
"""After this time of handling messages the event loop may run its other tasks, scrapes for instance."""


class Subscriber:
    """A StreamSubscriber over ZeroMQ. Make and use it inside one running event loop."""

    def __init__(
        self,
        topic: Topic,
        publisher_address: str,
        replay_address: str,
        position: StreamPosition | None = None,
        page_limit: int = PAGE_LIMIT,
        pauses: Iterator[float] | None = None,
        keys: ClientKeys | None = None,
        explain: Callable[[Obstacle], str] = str,
        recent: int | None = None,
    ) -> None:
        """Connect, with CURVE where there are keys; neither address needs to be reachable yet. `pauses` are the
        seconds between failed replay requests. With `recent`, a catch-up skips all but the last `recent` events.
        """
        self._follower = Follower(position or StreamPosition(), page_limit, recent)
        self._topic = topic
        self._publisher_address = publisher_address
        self._replay_address = replay_address
        self._fixed_pauses = pauses
        self._pauses = pauses or backoff()
        self._keys = keys
        self._explain = explain
        self._obstacle: Obstacle | None = None
        self._reported = set[str]()
        """The reasons logged since the stream was reached last; empty while it is reached."""
        self._heard_at = time.monotonic()
        self._redial_at = float("inf")
        self._redials = backoff()
        self._redial_reason = DISCONNECTED
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._replay: zmq.Socket[bytes] | None = None
        self._asked: ReplayRequest | None = None
        self._readiness = Readiness()
        self._watch(*self._open_live())

    @property
    def counters(self) -> SubscriberCounters:
        """Gaps, duplicates, catch-ups and refused messages since the start."""
        return self._follower.counters

    @property
    def position(self) -> StreamPosition:
        """The last delivered sequence; the delivery that was returned last is included."""
        return self._follower.position

    @property
    def head(self) -> int | None:
        """The highest sequence known; None before the first answer."""
        return self._follower.head

    @property
    def caught_up(self) -> bool:
        """Whether every event known to exist was delivered."""
        return self._follower.caught_up

    @property
    def obstacle(self) -> Obstacle | None:
        """Why the publisher refuses this subscriber, if the reason is known; else None."""
        return self._obstacle

    async def deliveries(self) -> AsyncIterator[Delivery]:
        """The deliveries, until closed; waits while the stream is out of reach."""
        turn_began = time.monotonic()
        while not self._context.closed:
            arrived = readable(self._live)
            # After `readable`: a new connection is noted before its first message is received, and starts a catch-up.
            self._note_connections()
            looked = True
            if time.monotonic() >= self._redial_at:
                self._redial()
                arrived = looked = False
            request = self._follower.request
            if request is not None:
                delivery = await self._ask(request)
            elif arrived:
                delivery = self._receive()
            else:
                delivery = None
                await self._wait_for_news(looked=looked)
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
        self._disconnect()
        self._context.term()

    def _receive(self) -> Delivery | None:
        frames = self._live.recv_multipart(zmq.NOBLOCK)
        self._heard_at = time.monotonic()
        if not self._topic.has(frames[0]):
            return None  # the subscription is a prefix, and brings other topics that begin with it
        try:
            return self._follower.live(*decode_frames(self._topic, frames))
        except MalformedFrame as error:
            self.counters.reject(error.reason)
            return None

    async def _wait_for_news(self, *, looked: bool) -> None:
        """Wait for a message, a new connection or a deadline. `looked` as `Readiness.wait` has it."""
        # Waits for readiness and receives later: cancelling a pending `recv` of pyzmq loses the message.
        too_silent_at = self._heard_at + SILENCE_SECONDS
        seconds = min(too_silent_at, self._redial_at) - time.monotonic()
        heard = await self._readiness.wait({self._live, self._connections}, max(seconds, 0), looked=looked)
        if not heard and not self._context.closed and time.monotonic() >= too_silent_at:
            self._heard_at = time.monotonic()
            self._follower.start_catch_up()

    async def _ask(self, request: ReplayRequest) -> Delivery | None:
        """Send the request, unless it was sent before, and return its answer's delivery; None after a failure.

        The next request is sent at once, so that its answer is on its way while this one is applied.
        """
        try:
            replay = self._replay or self._dial()
        except zmq.ZMQError as error:
            _raise_unless_out_of_files(error)
            await self._pause(f"no socket can be opened: {error}")
            return None
        if self._asked != request:
            self._send(replay, request)
        try:
            if not await self._wait_for_answer(replay):
                self.counters.replay_requests["interrupted"] += 1
                return None
        except asyncio.CancelledError:
            self._hang_up()  # a later call must not take this answer for the answer to another request
            raise
        try:
            delivery = self._follower.replayed(*decode_frames(self._topic, replay.recv_multipart(zmq.NOBLOCK)))
        except zmq.Again:
            self.counters.replay_requests["unanswered"] += 1
            await self._pause(self._why_no_answer())
            return None
        except MalformedFrame as error:
            self.counters.reject(error.reason)
            self.counters.replay_requests["refused"] += 1
            await self._pause(str(error))
            return None
        except DamagedHistory as damage:
            self.counters.reject(DAMAGED_HISTORY)
            self.counters.replay_requests["damaged"] += 1
            self._obstacle = Obstacle(DAMAGED_HISTORY, detail=str(damage))
            await self._pause(self._explain(self._obstacle))
            return None
        self.counters.replay_requests["answered"] += 1
        self._obstacle = None
        self._pauses = self._fixed_pauses or backoff()
        if self._reported:
            self._reported.clear()
            log.info("stream reached", replay_address=self._replay_address)
        self._asked = None
        following = self._follower.request
        if following is not None:
            self._send(replay, following)
        return delivery

    def _why_no_answer(self) -> str:
        if self._obstacle is not None:
            return self._explain(self._obstacle)
        return f"no answer from {self._replay_address} within {ANSWER_SECONDS} s"

    def _send(self, replay: zmq.Socket[bytes], request: ReplayRequest) -> None:
        self._drop_waiting()
        # A socket without a connection would block for ever. Its request gets no answer, and then it is replaced.
        with suppress(zmq.Again):
            replay.send(encode_request(request), zmq.NOBLOCK)
        self._asked = request

    async def _wait_for_answer(self, replay: zmq.Socket[bytes]) -> bool:
        """Wait for an answer, ANSWER_SECONDS at most; False if it is not wanted any more."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while not readable(replay) and (seconds := deadline - time.monotonic()) > 0:
            await self._readiness.wait({replay, self._connections}, seconds)
            if self._context.closed or self._note_connections():
                return False
        return True

    def _drop_waiting(self) -> None:
        """Drop the messages that wait at the live socket: the catch-up brings them all."""
        # Bounded: a publisher may send faster than this drops.
        for _ in range(HIGH_WATER_MARK):
            if not readable(self._live):
                return
            self._live.recv_multipart(zmq.NOBLOCK)
            self._heard_at = time.monotonic()

    async def _pause(self, reason: str) -> None:
        """Close the replay socket, so that no late answer is taken for that of another request, and wait."""
        self._hang_up()
        # Once for each reason: a refusal may become known only after a first line that says "no answer", for instance
        # where the publisher starts later.
        known = self._obstacle.reason if self._obstacle else ""
        if known not in self._reported:
            self._reported |= {known, ""}
            log.warning(
                "stream unreachable, retrying", reason=reason, check=f"is the publisher of {self._topic.name} running?"
            )
        await self._readiness.wait({self._connections}, next(self._pauses))

    def _note_connections(self) -> bool:
        """Whether the publisher was reached again; if so, starts a catch-up and drops the request in flight."""
        reached = False
        while readable(self._connections):
            event, value = handshake.read_event(self._connections.recv_multipart(zmq.NOBLOCK))
            if event == handshake.SUCCEEDED:
                reached = True
                self._obstacle = None
                self._redial_at, self._redials = float("inf"), backoff()
            else:
                self._note_refusal(handshake.refusal(event, value))
        if reached:
            self._heard_at = time.monotonic()
            self._hang_up()
            self._follower.start_catch_up()
        return reached

    def _note_refusal(self, reason: str | None) -> None:
        """Plan a new live socket. Without a reason, a connection has ended."""
        self._redial_reason = reason or DISCONNECTED
        self._redial_at = min(self._redial_at, time.monotonic() + next(self._redials))
        # An unfinished handshake also follows each of the other refusals, and must not hide what they say.
        if reason and (reason != UNFINISHED or self._obstacle is None):
            self._obstacle = Obstacle(reason, self._keys.public.decode() if self._keys else None)

    def _redial(self) -> None:
        """Replace the live socket by a new one that connects.

        libzmq does not reconnect itself after the other side broke the protocol, sent too large a frame, or refused
        the key. A new socket, since libzmq aborts the process if one is disconnected while it reads a message.
        """
        self.counters.redial(self._redial_reason)
        self._redial_at = float("inf")
        try:
            opened = self._open_live()
        except zmq.ZMQError as error:
            _raise_unless_out_of_files(error)
            self._note_refusal(None)  # the old sockets stay until new ones can be opened
            log.warning("no socket can be opened, retrying", reason=str(error))
            return
        self._disconnect()
        self._watch(*opened)

    def _open_live(self) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
        """A live socket that connects, and the one that reports its connections."""
        live = self._context.socket(zmq.SUB)
        try:
            connections = live.get_monitor_socket(handshake.EVENTS | zmq.EVENT_DISCONNECTED)
        except zmq.ZMQError:
            live.close(linger=0)
            raise
        self._configure(live, HIGH_WATER_MARK)
        live.subscribe(self._topic.batches)
        live.connect(self._publisher_address)
        return live, connections

    def _watch(self, live: zmq.Socket[bytes], connections: zmq.Socket[bytes]) -> None:
        self._live, self._connections = live, connections
        self._readiness.add(live)
        self._readiness.add(connections)

    def _disconnect(self) -> None:
        self._readiness.remove(self._connections)
        self._readiness.remove(self._live)
        self._live.disable_monitor()
        self._connections.close(linger=0)
        self._live.close(linger=0)

    def _dial(self) -> zmq.Socket[bytes]:
        self._replay = self._context.socket(zmq.DEALER)
        self._configure(self._replay, WAITING_ANSWERS)
        self._replay.connect(self._replay_address)
        self._readiness.add(self._replay)
        return self._replay

    def _hang_up(self) -> None:
        self._asked = None
        if self._replay is not None:
            self._readiness.remove(self._replay)
            self._replay.close(linger=0)
            self._replay = None

    def _configure(self, socket: zmq.Socket[bytes], max_waiting: int) -> None:
        if self._keys is not None:
            self._keys.configure(socket)
        socket.set(zmq.RCVHWM, max_waiting)
        socket.set(zmq.MAXMSGSIZE, MESSAGE_BYTES)
        socket.set(zmq.LINGER, 0)  # a request that is not sent yet must not delay the end of the process
        socket.set(zmq.RECONNECT_IVL, 50)
        socket.set(zmq.RECONNECT_IVL_MAX, 1_000)
        # A peer whose machine has gone says nothing; TCP's probes notice it, and ZeroMQ reconnects. ZeroMQ's own
        # heartbeats would do so for a reader that is busy too, and libzmq then aborts the process
        # (https://github.com/zeromq/libzmq/issues/3937).
        socket.set(zmq.TCP_KEEPALIVE, 1)
        socket.set(zmq.TCP_KEEPALIVE_IDLE, 5)
        socket.set(zmq.TCP_KEEPALIVE_INTVL, 2)
        socket.set(zmq.TCP_KEEPALIVE_CNT, 3)


def _raise_unless_out_of_files(error: zmq.ZMQError) -> None:
    """Without descriptors a subscriber waits and tries again; any other failure to open a socket is a bug."""
    if error.errno not in (errno.EMFILE, errno.ENFILE):
        raise error
