"""Answers requests for the events after a sequence, on a ROUTER socket, in a thread of its own."""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import structlog
import zmq

from telemetry_stream.errors import DamagedHistory, MalformedFrame, StoreBusy
from telemetry_stream.events import Batch
from telemetry_stream.log import ReplayCounters, StreamReader
from telemetry_stream.topics import Topic
from telemetry_stream.transports.zeromq.connection_guard import ConnectionGuard
from telemetry_stream.transports.zeromq.connection_limits import MAX_CONNECTIONS
from telemetry_stream.transports.zeromq.queue_budget import QueueBudget
from telemetry_stream.transports.zeromq.sockets import bind, pair
from telemetry_stream.wire import ReplayRequest, cut, decode_request, encode_batch, encode_damage, encode_error

log = structlog.get_logger(__name__)

LIMIT = 10_000
"""Maximum number of events in one answer."""

REQUEST_BYTES = 4_096
"""A longer request ends its connection before it is read."""

REQUEST_FRAMES = 8
"""A request with more frames, the client's id included, is counted and dropped. A DEALER sends two, a REQ three."""

WAITING_REQUESTS = 100
"""Maximum number of requests queued here for one client; further ones wait at the client. ZeroMQ takes turns."""

UNREAD_ANSWERS = 8
"""Maximum number of short answers queued for a client that does not read; long ones are sent one at a time."""

POSTPONED_REQUESTS = 8
"""Maximum number of requests that wait until their client has read its answer; further ones count as `unread`."""

QUEUE_BYTES = 67_108_864
"""Maximum bytes of answers that clients have not read. Beyond it no request is answered until some are read, or until
the client that is furthest behind is cut.
"""

LOOK_MILLISECONDS = 10
"""Time between two checks whether an answer was read, while a request waits for that: ZeroMQ gives no event."""


class ReplayServer:
    """Serves replay requests until closed. A failure to read the journal ends it and goes to `on_failure`."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        address: str,
        gatekeeper: ConnectionGuard,
        topic: Topic,
        open_reader: Callable[[], StreamReader],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        """Bind and start the thread. Raises zmq.ZMQError, for instance where the address is in use."""
        self.counters = ReplayCounters()
        self._topic = topic
        self._open_reader = open_reader
        self._on_failure = on_failure
        self._router = context.socket(zmq.ROUTER)
        self._router.set(zmq.MAXMSGSIZE, REQUEST_BYTES)
        self._router.set(zmq.RCVHWM, WAITING_REQUESTS)
        self._router.set(zmq.SNDHWM, UNREAD_ANSWERS)
        self._router.set(zmq.LINGER, 0)
        self.queue = QueueBudget(self._router, QUEUE_BYTES)
        self._unread: dict[bytes, zmq.MessageTracker] = {}
        self._postponed: dict[bytes, deque[list[bytes]]] = {}
        gatekeeper.guard(self._router)
        bind(self._router, address)
        self._stop, self._stopped = pair(context)
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and release the sockets. Idempotent."""
        if not self._stop.closed:
            with suppress(zmq.Again):  # the thread has ended already
                self._stop.send(b"", zmq.NOBLOCK)
            self._thread.join()
            self._stop.close(linger=0)

    def _run(self) -> None:
        try:
            reader = self._open_reader()
            try:
                self._serve(reader)
            finally:
                reader.close()
        except Exception as error:  # noqa: BLE001 -- handed on, not swallowed: without replays gaps stay open
            self._on_failure(error)
        finally:
            self._router.close(linger=0)
            self._stopped.close(linger=0)

    def _serve(self, reader: StreamReader) -> None:
        poller = zmq.Poller()
        poller.register(self._router, zmq.POLLIN)
        poller.register(self._stopped, zmq.POLLIN)
        while True:
            is_full = self.queue.look()
            poller.modify(self._router, 0 if is_full else zmq.POLLIN)
            # While anything is unread: its count would else stay until the next request, though its client has left.
            is_unread = bool(self.queue.use.bytes or self._postponed)
            ready = dict(poller.poll(LOOK_MILLISECONDS if is_unread else None))
            if self._stopped in ready:
                return
            if self._router in ready:
                self._take(reader, self._receive())
            if self._postponed and not is_full:
                self._take_up_postponed(reader)

    def _take(self, reader: StreamReader, frames: list[bytes]) -> None:
        """Answer a request, once its client has read the answer before."""
        if not frames:
            return
        client = frames[0]
        waiting = self._postponed.get(client)
        if waiting is None and self._has_read(client):
            self._reply(reader, frames)
        elif waiting is None:
            self._postponed[client] = deque([frames])
        elif len(waiting) < POSTPONED_REQUESTS:
            waiting.append(frames)
        else:
            self._refuse("unread")

    def _take_up_postponed(self, reader: StreamReader) -> None:
        # One request of each client in a round, so that no client waits behind all requests of another.
        for client in [client for client in self._postponed if self._has_read(client)]:
            if self.queue.use.is_full:
                return
            waiting = self._postponed.pop(client)
            frames = waiting.popleft()
            if waiting:
                self._postponed[client] = waiting  # behind those whom this round may not come to
            self._reply(reader, frames)

    def _reply(self, reader: StreamReader, frames: list[bytes]) -> None:
        try:
            answer = self._answer(reader, frames[-1])
        except StoreBusy:
            self._refuse("store_busy")  # without an answer the subscriber asks again
        else:
            self._send(frames[0], [*frames[:-1], *answer])

    def _has_read(self, client: bytes) -> bool:
        tracker = self._unread.get(client)
        if tracker is None:
            return True
        if tracker.done:
            del self._unread[client]
            return True
        return False

    def _send(self, client: bytes, frames: list[bytes]) -> None:
        """Send an answer. All frames but the last address the client: its id, and the empty delimiter of a REQ."""
        # Tracked, not copied: the tracker shows when libzmq has handed the answer to the system.
        tracker = self._router.send_multipart(frames, copy=False, track=True)
        assert tracker is not None
        if not tracker.done:
            if len(self._unread) > MAX_CONNECTIONS:  # clients that have gone
                self._unread = {client: answer for client, answer in self._unread.items() if not answer.done}
            self._unread[client] = tracker
            self.queue.add(tracker, len(frames[-1]))

    def _receive(self) -> list[bytes]:
        """The frames of one request; empty if it has too many."""
        # Frame by frame: `recv_multipart` would collect all frames of a message that has a million.
        frames = [self._router.recv()]
        count = 1
        while self._router.get(zmq.RCVMORE):
            frame = self._router.recv()
            count += 1
            if count <= REQUEST_FRAMES:
                frames.append(frame)
        if count <= REQUEST_FRAMES:
            return frames
        self._refuse("too_many_frames")
        return []

    def _refuse(self, reason: str) -> None:
        self.counters.refusals[reason] = self.counters.refusals.get(reason, 0) + 1

    def _answer(self, reader: StreamReader, frame: bytes) -> list[bytes]:
        try:
            request = decode_request(frame)
            if request.topic not in (None, self._topic.name):
                raise MalformedFrame(
                    "unknown_topic", f"this journal is {self._topic.name!r}, not {request.topic[:64]!r}"
                )
        except MalformedFrame as error:
            self._refuse(error.reason)  # and an answer, so that the author of a subscriber sees what is wrong
            return encode_error(self._topic, error)
        after = min(request.after, 2**62)  # a SQLite integer holds no more
        head = reader.head()  # before the page: one without events then says that there were none
        forked = after > head or _is_of_another_history(reader, request)
        try:
            batch = Batch(reader.stream, after + 1, after, b"") if forked else _page(reader, after, request.limit)
        except DamagedHistory as damage:
            self._note_damage(damage)
            return encode_damage(self._topic, damage)
        self.counters.answers += 1
        self.counters.events += batch.count
        head = max(head, batch.last) if batch.count else head
        return encode_batch(self._topic, batch, time.time_ns(), head, reader.oldest(), forked)

    def _note_damage(self, damage: DamagedHistory) -> None:
        last = self.counters.damage
        if last is None or (last.first, last.last) != (damage.first, damage.last):
            log.error("a replay request can't be answered", reason=str(damage), check="trading-app doctor")
        self.counters.damage = damage
        self.counters.damaged += 1


def _is_of_another_history(reader: StreamReader, request: ReplayRequest) -> bool:
    if request.stream not in (None, reader.stream):
        return True
    return request.hash is not None and request.hash != reader.hash_at(request.after)


def _page(reader: StreamReader, after: int, limit: int) -> Batch:
    """The events to answer with. The page ends where a row ends, if it holds the end of one."""
    batch = reader.read(after, min(limit, LIMIT))
    if batch.count == 1 < limit:
        # Readers that begin at the last event they know learn here why nothing follows it: this raises DamagedHistory.
        reader.read(batch.last, 1)
    # Not behind the first event: a reader without hashes that asks for the last event it knows would never get further.
    end = batch.commits[-1].last if batch.commits else 0
    return cut(batch, after, end) if end > batch.first else batch
