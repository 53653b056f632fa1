"""One connection to a venue: reads frames, and sends the few messages that a venue needs."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import Event, State

from market_feed.intake.frame_splitter import FrameSplitter
from market_feed.venues.venue import Reader

OPEN_SECONDS = 10
"""Maximum time until a connection is open."""

CLOSE_SECONDS = 1
"""Maximum time that the venue gets to close a connection."""

DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
MAX_FRAME_BYTES = 4 * 1024 * 1024
MAX_FRAMES, MAX_BYTES = 4_096, 8 * 1024 * 1024
"""Frames that wait for the journal before reading from the socket pauses, and their bytes."""

MAX_UNSENT_BYTES = 64 * 1024
"""Pongs that a venue does not read before the connection is given up: it pings, and nobody reads the answers."""

TURN_SECONDS = 0.002
"""Frames are handed on at most once within this time. The first after a pause does not wait; of many, some are read,
journaled and published together, which takes a fraction of the time. Timers of uvloop count whole milliseconds.
"""

Take = Callable[["Link", Sequence[bytes], int], None]
"""Gets frames that came together, and when the first did (Unix time in nanoseconds)."""


class _Connection(ClientConnection):
    """Keeps messages as the socket brings them: the library reads the others and the handshake, and writes."""

    heard_at = float("-inf")
    """When anything came last, pings included, in seconds of the monotonic clock."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.frames: list[bytes] = []
        self.first_came_at_ns = 0
        """When the first of the frames did."""

        self.frames_came: Callable[[], None] = lambda: None
        self._splitter: FrameSplitter | None = None
        self._fragments: list[bytes] = []
        self._bytes = 0
        """Read since the frames were taken."""

        self._is_paused = False

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with what the socket has."""
        self.heard_at = time.monotonic()
        if not self.frames:
            self.first_came_at_ns = time.time_ns()
        if self._splitter is not None:
            self._splitter.feed(data, self.frames)
        elif self.protocol.state is State.CONNECTING and data.startswith(b"HTTP/"):
            head, blank_line, rest = data.partition(b"\r\n\r\n")
            if self._pass_on(head + blank_line):
                self._splitter = FrameSplitter(self._pass_on)
                self._splitter.feed(rest, self.frames)
            elif rest:  # why the venue refuses
                self._pass_on(rest)
        else:
            self._pass_on(data)
        self._bytes += len(data)
        if self.frames:
            self.frames_came()
            if len(self.frames) >= MAX_FRAMES or self._bytes >= MAX_BYTES:
                self.pause_reading()

    def _pass_on(self, data: bytes) -> bool:
        """Let the library have it; whether the connection is open then."""
        super().data_received(data)
        if self.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self.transport.abort()
        return self.protocol.state is State.OPEN

    def process_event(self, event: Event) -> None:
        """Called by the library with each frame that it gets."""
        if not (isinstance(event, Frame) and event.opcode in DATA):
            super().process_event(event)
        elif event.fin:
            self.frames.append(b"".join([*self._fragments, event.data]))
            self._fragments.clear()
        elif event.data:
            self._fragments.append(bytes(event.data))

    def take_frames(self) -> list[bytes]:
        """The frames so far; reading goes on."""
        frames, self.frames, self._bytes = self.frames, [], 0
        self.resume_reading()
        return frames

    def pause_reading(self) -> None:
        """Leave what comes with the system, which takes no CPU time of this process."""
        if not self._is_paused:
            self._is_paused = True
            with contextlib.suppress(RuntimeError):  # the connection has ended
                self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on, what has come meanwhile first."""
        if self._is_paused:
            self._is_paused = False
            with contextlib.suppress(RuntimeError):  # the connection has ended meanwhile
                self.transport.resume_reading()


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
        self._next_turn_at = float("-inf")
        self._is_due = False
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def heard_at(self) -> float:
        """When anything came last, in seconds of the monotonic clock."""
        return self._connection.heard_at

    async def run(self) -> str:
        """Hand frames on until the connection has ended; gives the reason, a short word. Raises what `take` raises."""
        self._connection.frames_came = self._plan
        self._plan()
        ended = asyncio.create_task(self._connection.wait_closed())
        await asyncio.wait((ended, self._failed), return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            ended.cancel()
        elif self._connection.frames and not self._failed.done():
            await self._room.wait()
            self._hand_over()
        if self._failed.done():
            self._failed.result()
        return _reason(self._connection)

    def _plan(self) -> None:
        """Hand on what came, now or when the next turn may be."""
        if self._is_due:
            return
        self._is_due = True
        loop = asyncio.get_running_loop()
        if loop.time() >= self._next_turn_at:
            loop.call_soon(self._turn)
        else:  # what comes until then is read at once: reading each as it comes took a fifth of all CPU time
            self._connection.pause_reading()
            loop.call_at(self._next_turn_at, self._gather)

    def _gather(self) -> None:
        """Read what has come, which the event loop does after the next step; then hand on."""
        self._connection.resume_reading()
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self._turn)

    def _turn(self) -> None:
        if self._room.is_set():
            self._is_due = False
            self._next_turn_at = asyncio.get_running_loop().time() + TURN_SECONDS
            self._hand_over()
        else:  # while the journal is slow frames stay where they are; that counts as delay
            asyncio.get_running_loop().call_later(TURN_SECONDS, self._turn)

    def _hand_over(self) -> None:
        frames, came_at_ns = self._connection.take_frames(), self._connection.first_came_at_ns
        if not frames or self._failed.done():
            return
        self.frames += len(frames)
        self.has_data.set()
        try:
            self._take(self, frames, came_at_ns)
        except Exception as error:  # noqa: BLE001 -- raised by `run`
            self._failed.set_exception(error)

    async def send(self, messages: Iterable[bytes], pause_seconds: float) -> None:
        """Send messages, each after a pause: venues close a connection that sends too many at once."""
        with contextlib.suppress(ConnectionClosed):
            for message in messages:
                await asyncio.sleep(pause_seconds)
                await self._connection.send(message, text=True)

    async def close(self) -> None:
        """Close; what has arrived is still read by `run`."""
        await self._connection.close()


def _reason(connection: ClientConnection) -> str:
    received = connection.protocol.close_rcvd
    if received is None:
        return "cut"
    return f"closed_{int(received.code)}" if received.code in (1000, 1001, 1008) else "closed_other"
