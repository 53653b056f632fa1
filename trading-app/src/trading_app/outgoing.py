"""Answers made piece by piece: the next piece once the client has read the one before, within one memory budget.

Without both, the app would keep the whole answer in memory for every client that does not read.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from trading_app.problems import TradeProblem

PIECE_BYTES = 262_144
"""The maximum size of a piece, except for a single trade that is larger. The budget counts in units of it."""

SMALL_BYTES = 65_536
"""The app does not wait until a shorter piece is read: the connection buffers this much before it asks to pause."""

Piece = tuple[bytes, bool]
"""A part of a body, and whether it is the last."""


class OutgoingBudget:
    """The bytes of all pieces and bodies that clients have not read yet. Use it from one event loop."""

    def __init__(self, max_bytes: int) -> None:
        """One piece, or one body, is always admitted, however small the budget is."""
        self.max_bytes = max_bytes
        self.taken_bytes = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def check(self, size: int = PIECE_BYTES) -> None:
        """Raises TradeProblem (`too_many_answers`) while the budget has no room for another answer of that size."""
        if not self._has_room(size):
            detail = f"unread answers use {self.taken_bytes} bytes of memory (WEBAPP_MAX_OUTGOING_BYTES)"
            raise TradeProblem("too_many_answers", detail, retry_after=1)

    @contextmanager
    def hold_whole(self, size: int) -> Iterator[None]:
        """Room for a body that is made already, in bytes: it occupies memory until its last piece is read.

        Raises TradeProblem (`too_many_answers`) where there is none: many that wait would be all in memory.
        """
        self.check(size)
        self.taken_bytes += size
        try:
            yield
        finally:
            self.taken_bytes -= size
            self._wake()

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Room for one piece, held from before it is made until its client has read it. Waits in turn for room.

        A client that does not read is cut off after WEBAPP_UNREAD_SECONDS, so the wait ends.
        """
        if self._waiting or not self._has_room():
            await self._wait()
        self.taken_bytes += PIECE_BYTES
        try:
            yield
        finally:
            self.taken_bytes -= PIECE_BYTES
            self._wake()

    def _has_room(self, size: int = PIECE_BYTES) -> bool:
        return not self.taken_bytes or self.taken_bytes + size <= self.max_bytes

    async def _wait(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake()  # cancelled after its turn had come: passes the turn on, or nobody would get it
            raise
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)

    def _wake(self) -> None:
        while self._waiting and self._has_room():
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return


class PacedResponse(StreamingResponse):
    """An answer whose next piece is made when the client has read the one before.

    The head is sent with the first piece, so an error while making that piece can still be answered with its own
    status.
    """

    def __init__(
        self, pieces: AsyncGenerator[Piece, None], media_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(iter(()), media_type=media_type, headers=headers)
        self._pieces = pieces
        self._first: Piece = b"", True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Make the first piece, then send the answer."""
        async with aclosing(self._pieces):
            self._first = await anext(self._pieces, self._first)
            await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """Send the head and every piece."""
        body, last = self._first
        headers = [*self.raw_headers, (b"content-length", b"%d" % len(body))] if last else self.raw_headers
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await self._send(body, send)
        # No reference to the first piece may stay: it would occupy memory for as long as the answer lasts.
        self._first = b"", True
        del body
        async for piece, _ in self._pieces:
            await self._send(piece, send)
        await send({"type": "http.response.body", "body": b""})

    async def _send(self, body: bytes, send: Send) -> None:
        await send({"type": "http.response.body", "body": body, "more_body": True})
        if len(body) > SMALL_BYTES:
            await send({"type": "http.response.body", "body": b"", "more_body": True})  # returns once it was read
