"""Admits subscribers and counts refusals, in a thread of its own.

With keys it is the ZAP handler that decides for libzmq who may connect (https://rfc.zeromq.org/spec/27/). Without keys
everybody may. It has its own thread because libzmq lets every handshake wait for the handler.
"""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import structlog
import zmq
from zmq.utils import z85

from telemetry_stream import refusals
from telemetry_stream.log import QueueUse
from telemetry_stream.transports.zeromq import handshake
from telemetry_stream.transports.zeromq.connection_limits import TOO_MANY, TOO_MUCH, UNREAD, Connections
from telemetry_stream.transports.zeromq.curve import ServerKeys
from telemetry_stream.transports.zeromq.sockets import bind, pair

log = structlog.get_logger(__name__)

ZAP_ADDRESS = "inproc://zeromq.zap.01"
HANDSHAKE_SECONDS = 10
LOOK_MILLISECONDS = 100
"""Time between two checks of what the connections have sent."""

LOG_SECONDS = 10.0
"""Minimum time between two log lines about refusals for the same reason."""

REASONS = (*refusals.REASONS, TOO_MUCH, TOO_MANY, UNREAD)
"""Why a connection is refused or cut."""

_WATCHED = handshake.EVENTS | zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED


class ConnectionGuard:
    """Guards the sockets of one context. Create it first, guard each socket before it is bound, then start it."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        on_failure: Callable[[BaseException], None],
        keys: ServerKeys | None = None,
    ) -> None:
        """`on_failure` is called, from the thread, if it can't continue: nobody new is admitted after that."""
        self.refusals = dict.fromkeys(REASONS, 0)
        self._context = context
        self._on_failure = on_failure
        self._keys = keys
        self._zap = context.socket(zmq.REP)
        bind(self._zap, ZAP_ADDRESS)
        self._guarded: list[zmq.Socket[bytes]] = []
        self._monitors: list[zmq.Socket[bytes]] = []
        self._connections = Connections()
        self._queues: tuple[QueueUse, ...] = ()
        self._looked_at = 0.0
        self._logged_at = dict.fromkeys(REASONS, float("-inf"))
        self._stop, self._stopped = pair(context)
        self._thread = threading.Thread(target=self._run, name="gatekeeper", daemon=True)

    def guard(self, socket: zmq.Socket[bytes]) -> None:
        """Admit only known keys, if there are keys, and watch for refusals."""
        socket.set(zmq.HANDSHAKE_IVL, HANDSHAKE_SECONDS * 1_000)
        if self._keys is not None:
            self._keys.configure(socket)
        address = f"inproc://monitor-{id(socket)}"
        socket.monitor(address, _WATCHED)
        monitor = self._context.socket(zmq.PAIR)
        monitor.connect(address)
        self._monitors.append(monitor)
        self._guarded.append(socket)

    def watch(self, queues: Iterable[QueueUse]) -> None:
        """While one of these queues is full, cut the connection that is furthest behind. Call it before the start."""
        self._queues = tuple(queues)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and release its sockets. Call it before the guarded sockets are closed. Idempotent."""
        if not self._stop.closed:
            if self._thread.is_alive():
                with suppress(zmq.ZMQError):  # the thread failed just now, and closed the sockets
                    self._stop.send(b"")
                self._thread.join()
            self._release()

    def _release(self) -> None:
        # In this order: libzmq would wait for ever to deliver an event to a monitor socket that is closed.
        for socket in self._guarded:
            if not socket.closed:
                socket.disable_monitor()
        for socket in (self._zap, self._stop, self._stopped, *self._monitors):
            socket.close(linger=0)

    def _run(self) -> None:
        try:
            self._keep()
        except Exception as error:  # noqa: BLE001 -- handed on, not swallowed: nobody would be let in any more
            self._release()
            self._on_failure(error)

    def _keep(self) -> None:
        poller = zmq.Poller()
        for socket in (self._zap, self._stopped, *self._monitors):
            poller.register(socket, zmq.POLLIN)
        while True:
            ready = dict(poller.poll(LOOK_MILLISECONDS if self._connections else None))
            if self._stopped in ready:
                return
            if self._zap in ready:
                self._decide(*self._zap.recv_multipart())
            for monitor in self._monitors:
                if monitor in ready:
                    self._note(monitor.recv_multipart())
            if time.monotonic() - self._looked_at > LOOK_MILLISECONDS / 1_000:
                self._look_at_connections(time.monotonic())

    def _look_at_connections(self, now: float) -> None:
        self._looked_at = now
        for _ in range(self._connections.cut_greedy()):
            self._count(TOO_MUCH)
        self._connections.note_behind(now)
        if any(queue.is_full for queue in self._queues):
            for _ in range(self._connections.cut_furthest_behind(now)):
                self._count(UNREAD)

    def _decide(
        self, version: bytes, request: bytes, _domain: bytes, address: bytes, _identity: bytes, *credentials: bytes
    ) -> None:
        """Answer one ZAP request. The last credential of CURVE is the client's public key."""
        key = z85.encode(credentials[-1])
        known = self._keys is not None and key in self._keys.clients
        answer = (b"200", b"OK", key) if known else (b"400", b"unknown key", b"")
        self._zap.send_multipart([version, request, *answer, b""])
        if not known:
            self._count(refusals.UNKNOWN_KEY, address=address.decode(), key=key.decode())

    def _note(self, frames: list[bytes]) -> None:
        event, value = handshake.read_event(frames)
        reason = handshake.refusal(event, value)
        if event == zmq.EVENT_ACCEPTED:
            reason = self._connections.opened(value, frames[1])
        elif event == zmq.EVENT_DISCONNECTED:
            self._connections.closed(value, frames[1])
        if reason is not None and event != zmq.EVENT_HANDSHAKE_FAILED_AUTH:  # that was counted when it was decided
            self._count(reason)

    def _count(self, reason: str, **details: str) -> None:
        self.refusals[reason] += 1
        # An unfinished handshake is normal: a subscriber that reconnects leaves one too.
        if reason != refusals.UNFINISHED and time.monotonic() - self._logged_at[reason] > LOG_SECONDS:
            self._logged_at[reason] = time.monotonic()
            log.warning("connection to the stream refused", reason=reason, so_far=self.refusals[reason], **details)
