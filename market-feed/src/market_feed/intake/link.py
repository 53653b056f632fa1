"""One connection to a venue: reads frames, and sends the few messages that a venue needs."""

import asyncio
import contextlib
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import Event

from market_feed.venues.venue import Reader

OPEN_SECONDS = 10
"""Maximum time until a connection is open."""

CLOSE_SECONDS = 1
"""Maximum time that the venue gets to close a connection."""

DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
MAX_FRAME_BYTES = 4 * 1024 * 1024
MAX_QUEUE = 4_096
"""Frames that are kept before reading from the socket pauses."""


class _Connection(ClientConnection):
    """Notes when anything came, pings included, and when each frame did."""

    heard_at = float("-inf")
    _came_at_ns = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.arrivals: deque[int] = deque()
        """Of the frames that were not read yet, Unix time in nanoseconds."""

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with what the socket has."""
        self.heard_at = time.monotonic()
        self._came_at_ns = time.time_ns()
        super().data_received(data)

    def process_event(self, event: Event) -> None:
        """Called by the library with each frame, or fragment of one."""
        if isinstance(event, Frame) and event.fin and event.opcode in DATA:
            self.arrivals.append(self._came_at_ns)
        super().process_event(event)


Take = Callable[["Link", Sequence[bytes], int], None]
"""Gets the frames of one iteration of the event loop, and when the first came (Unix time in nanoseconds)."""


async def open_connection(url: str, context: ssl.SSLContext | None) -> _Connection:
    """Connect. Raises what websockets raises: OSError, TimeoutError, InvalidHandshake, InvalidURI and others."""
    connection = await connect(
        url,
        ssl=context,
        create_connection=_Connection,
        compression=None,
        proxy=None,
        user_agent_header=None,
        open_timeout=OPEN_SECONDS,
        close_timeout=CLOSE_SECONDS,
        ping_interval=None,  # a venue that answers late under load would be left for nothing; silence is noticed
        max_size=MAX_FRAME_BYTES,
        max_queue=MAX_QUEUE,
    )
    assert isinstance(connection, _Connection)
    connection.heard_at = time.monotonic()
    return connection


class Link:
    """An open connection."""

    def __init__(self, connection: _Connection, reader: Reader, take: Take, room: asyncio.Event) -> None:
        """While `room` is not set nothing is read: the venue then waits, by TCP."""
        self.reader = reader
        self.opened_at = time.monotonic()
        self.opened_at_us = time.time_ns() // 1_000
        self.frames = 0
        self.has_data = asyncio.Event()
        """Set with the first frame."""

        self.subscribed: frozenset[str] | None = None
        """The streams that the venue sends, as far as it has said."""

        self._connection = connection
        self._take = take
        self._room = room
        self._read: list[bytes] = []
        self._read_at_ns = 0

    @property
    def heard_at(self) -> float:
        """When anything came last, in seconds of the monotonic clock."""
        return self._connection.heard_at

    async def run(self) -> str:
        """Read until the connection has ended; gives the reason, a short word. Raises what `take` raises.

        `recv` is never cancelled, which could lose a frame: `close` ends it.
        """
        soon = asyncio.get_running_loop().call_soon
        arrivals = self._connection.arrivals
        receive, room, failed = self._connection.recv, self._room, asyncio.get_running_loop().create_future()

        def hand_over() -> None:
            try:
                self._hand_over()
            except Exception as error:  # noqa: BLE001 -- raised by `run`
                if not failed.done():
                    failed.set_exception(error)

        try:
            while not failed.done():
                if not room.is_set():
                    await room.wait()
                frame = await receive(decode=False)
                came_at_ns = arrivals.popleft()
                # `recv` does not wait while frames are there: all of one iteration of the loop come together.
                if not self._read:
                    self._read_at_ns = came_at_ns  # frames wait while the journal is slow: that is delay, too
                    soon(hand_over)
                self._read.append(frame)
        except ConnectionClosed as closed:
            hand_over()
            return _reason(closed)
        finally:
            if failed.done():
                failed.result()
        return "failed"

    def _hand_over(self) -> None:
        if self._read:
            frames, self._read = self._read, []
            self.frames += len(frames)
            self.has_data.set()
            self._take(self, frames, self._read_at_ns)

    async def send(self, messages: Iterable[bytes], pause_seconds: float) -> None:
        """Send messages, each after a pause: venues close a connection that sends too many at once."""
        with contextlib.suppress(ConnectionClosed):
            for message in messages:
                await asyncio.sleep(pause_seconds)
                await self._connection.send(message, text=True)

    async def close(self) -> None:
        """Close; what has arrived is still read by `run`."""
        await self._connection.close()


def _reason(closed: ConnectionClosed) -> str:
    code = closed.rcvd.code if closed.rcvd else None
    if code in (1000, 1001, 1008):
        return f"closed_{code}"
    return "closed_other" if code else "cut"
