"""A simulated exchange over real sockets: Binance's and Coinbase's protocol, streams and REST, on one port."""

import asyncio
import math
import os
import ssl
import time
from collections import deque
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Event, State

from market_feed.simulator.database import Database, encode
from market_feed.simulator.faults import Faults
from market_feed.simulator.tape import Tick

TIMES = ("E", "T")
"""The members that are times; of a candle `t` too."""

MESSAGES_PER_SECOND = 5
TICKER_SECONDS = 1.0
HEADS = ("@ticker", "@heartbeat")
"""The streams that name the venue's last trade."""


class _Connection(ServerConnection):
    """Notes a client's own control frames."""

    pings = pongs = 0

    def process_event(self, event: Event) -> None:
        """Called by the library with each frame."""
        if isinstance(event, Frame):
            self.pings += event.opcode is Opcode.PING
            if event.opcode is Opcode.PONG:
                self.pongs += 1
                self.on_pong()
        super().process_event(event)

    def on_pong(self) -> None:
        """Replaced once the client is known."""


class Subscriber:
    """A connected client."""

    def __init__(self, connection: _Connection, streams: Iterable[str], microseconds: bool, is_bare: bool) -> None:
        """`is_bare`: it speaks Coinbase's protocol, where an event is a frame as it is."""
        self.connection = connection
        self.is_bare = is_bare
        self.streams = list(dict.fromkeys(streams))
        self.microseconds = microseconds
        self.messages: deque[float] = deque()
        self.sent = 0

    def send(self, frame: bytes, fragment_bytes: int = 0) -> None:
        """Write without waiting: a client that does not read is noticed by the size of the buffer."""
        # The library's `send` is a coroutine for each frame; a burst of thousands needs the sans-I/O layer below it.
        protocol = self.connection.protocol
        if protocol.state is State.OPEN and not self.connection.transport.is_closing():
            size = fragment_bytes or len(frame)
            protocol.send_text(frame[:size], fin=len(frame) <= size)
            for start in range(size, len(frame), size):
                protocol.send_continuation(frame[start : start + size], fin=start + size >= len(frame))
            self.connection.send_data()
            self.sent += 1

    def has_too_many_messages(self, now: float) -> bool:
        """Count a message, which a pong is too; whether there were too many within a second."""
        self.messages.append(now)
        while self.messages[0] < now - 1:
            self.messages.popleft()
        return len(self.messages) > MESSAGES_PER_SECOND


class Exchange:
    """Publishes ticks to its subscribers, answers REST requests, and does what `faults` say."""

    def __init__(self, database: Database | None = None, faults: Faults | None = None) -> None:
        self.database = database or Database()
        self.faults = faults or Faults()
        self.subscribers: list[Subscriber] = []
        self.max_subscribers = 0
        self.connects = self.pings = 0
        """Connections that were opened, and pings that clients sent on those that have ended."""

        self.requests = 0
        """Requests beside connections that have arrived."""

        self.closed_for_messages = 0
        """Connections that were closed since they sent too many messages."""

        self.published = 0
        self.messages: list[dict[str, Any]] = []
        """What subscribers sent."""

        self._server: Server | None = None
        self._held: Tick | None = None
        self._ticker: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    async def start(self, port: int = 0, context: ssl.SSLContext | None = None) -> None:
        """Listen on loopback."""
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            port,
            ssl=context,
            process_request=self._process_request,
            compression=None,
            ping_interval=None,
            close_timeout=1,
            max_queue=64,
            create_connection=_Connection,
        )
        self._ticker = asyncio.create_task(self._tick_for_ever())

    async def close(self) -> None:
        """Close all connections."""
        if self._ticker is not None:
            self._ticker.cancel()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def publish(self, tick: Tick) -> None:
        """Send to who subscribed, as far as the faults let it."""
        faults = self.faults
        if faults.clock_skew_ms:
            moved = {key: tick.data[key] + faults.clock_skew_ms for key in TIMES if key in tick.data}
            tick = Tick(tick.at_ns, tick.stream, {**tick.data, **moved})
        self.database.add(tick.data)
        if faults.silent or tick.stream in faults.mute or tick.stream in faults.unknown_streams:
            return
        if faults.dropped and faults.chance.random() < faults.dropped:
            return
        if self._held is None and faults.swapped and faults.chance.random() < faults.swapped:
            self._held = tick
            return
        self._send(tick)
        if faults.doubled and faults.chance.random() < faults.doubled:
            self._send(tick)
        if self._held is not None:
            held, self._held = self._held, None
            self._send(held)

    def _send(self, tick: Tick) -> None:
        self.published += 1
        frames: dict[tuple[bool, bool], bytes] = {}
        for subscriber in self.subscribers:
            if tick.stream in subscriber.streams:
                form = (subscriber.microseconds and not self.faults.ignore_time_unit, subscriber.is_bare)
                frame = frames.get(form)
                if frame is None:
                    frame = frames[form] = _frame(tick, *form)
                subscriber.send(frame, self.faults.fragment_bytes)

    async def ping(self) -> None:
        """Ping every subscriber, as a venue does, and wait for the pongs."""
        waiting = [await subscriber.connection.ping() for subscriber in self.subscribers]
        await asyncio.gather(*waiting)

    @property
    def client_pings(self) -> int:
        """Pings that clients sent."""
        return self.pings + sum(subscriber.connection.pings for subscriber in self.subscribers)

    def send_raw(self, frame: bytes) -> None:
        """Send this to every subscriber."""
        for subscriber in self.subscribers:
            subscriber.send(frame)

    async def play(self, ticks: Iterable[Tick], speed: float = math.inf, pause_every: int = 200) -> None:
        """Publish, `speed` times as fast as recorded; at full speed others run after each `pause_every` frames."""
        first_ns, began = 0, time.monotonic()
        for count, tick in enumerate(ticks, 1):
            if not math.isinf(speed):
                first_ns = first_ns or tick.at_ns
                due = began + (tick.at_ns - first_ns) / 1e9 / speed
                if (wait := due - time.monotonic()) > 0.001:
                    await asyncio.sleep(wait)
            self.publish(tick)
            if count % pause_every == 0:
                await self.drained()

    async def drained(self) -> None:
        """Let subscribers read: no buffer may grow without end."""
        await asyncio.sleep(0)
        while any(one.connection.transport.get_write_buffer_size() > 1_000_000 for one in self.subscribers):
            await asyncio.sleep(0.005)

    def cut(self, how: str = "abort") -> None:
        """End every connection: `abort` (no close frame), `mid_frame`, `no_tls` (bytes that are none), or a code."""
        for subscriber in list(self.subscribers):
            if subscriber.connection.protocol.state is not State.OPEN:
                continue  # it ends already
            if how == "abort":
                subscriber.connection.transport.abort()
            elif how == "no_tls":
                os.write(subscriber.connection.transport.get_extra_info("socket").fileno(), b"no TLS record")
                subscriber.connection.transport.abort()
            elif how == "mid_frame":
                subscriber.connection.transport.write(b"\x81\x7e\x10\x00half")
                subscriber.connection.transport.close()
            else:
                subscriber.connection.protocol.send_close(int(how), "by script")
                subscriber.connection.send_data()
                subscriber.connection.transport.close()

    def announce_shutdown(self, shape: str = "stream") -> None:
        """Tell subscribers that their connection ends soon, in one of the two shapes."""
        now_ms = time.time_ns() // 1_000_000
        event = {"e": "serverShutdown", "E": now_ms}
        self.send_raw(encode(event if shape == "raw" else {"stream": "!serverShutdown", "data": event}))

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        assert isinstance(connection, _Connection)
        query = parse_qs(urlsplit(connection.request.path).query)
        streams = [unquote(name) for name in query.get("streams", [""])[0].split("/") if name]
        is_bare = urlsplit(connection.request.path).path == "/"
        subscriber = Subscriber(connection, streams, query.get("timeUnit") == ["MICROSECOND"], is_bare)
        connection.on_pong = lambda: self._note_pong(subscriber)  # type: ignore[method-assign]  # made for that
        self.subscribers.append(subscriber)
        self.connects += 1
        self.max_subscribers = max(self.max_subscribers, len(self.subscribers))
        try:
            async for message in connection:
                if not self._take(subscriber, message):
                    await connection.close(1008, "Too many requests")
                    return
        except ConnectionClosed:
            pass
        finally:
            self.subscribers.remove(subscriber)
            self.pings += connection.pings

    def _note_pong(self, subscriber: Subscriber) -> None:
        if subscriber.has_too_many_messages(time.monotonic()):
            self.closed_for_messages += 1
            subscriber.connection.protocol.send_close(1008, "Too many requests")
            subscriber.connection.send_data()

    def _take(self, subscriber: Subscriber, message: str | bytes) -> bool:
        """Answer a message; False if there were too many within a second."""
        if subscriber.has_too_many_messages(time.monotonic()):
            self.closed_for_messages += 1
            return False
        request = msgspec.json.decode(message)
        self.messages.append(request)
        if subscriber.is_bare:
            return self._subscribe(subscriber, request)
        names, number = request.get("params", []), request.get("id")
        result: Any = None
        if request["method"] == "SUBSCRIBE":
            subscriber.streams = list(dict.fromkeys([*subscriber.streams, *names]))
        elif request["method"] == "UNSUBSCRIBE":
            subscriber.streams = [name for name in subscriber.streams if name not in names]
        elif request["method"] == "LIST_SUBSCRIPTIONS":
            result = [name for name in subscriber.streams if name not in self.faults.unknown_streams]
        subscriber.send(encode({"result": result, "id": number}))
        return True

    def _subscribe(self, subscriber: Subscriber, request: dict[str, Any]) -> bool:
        """A message of Coinbase's protocol."""
        names = [f"{product}@{one['name']}" for one in request["channels"] for product in one["product_ids"]]
        subscriber.streams = list(dict.fromkeys([*subscriber.streams, *names]))
        channels: dict[str, list[str]] = {}
        for name in subscriber.streams:
            if name not in self.faults.unknown_streams:
                product, _, channel = name.rpartition("@")
                channels.setdefault(channel, []).append(product)
        shown = [{"name": name, "product_ids": products} for name, products in channels.items()]
        subscriber.send(encode({"type": "subscriptions", "channels": shown}))
        return True

    async def _process_request(self, _connection: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        if not parts.path.startswith(("/api/", "/products/", "/time")):
            if self.faults.refuse_upgrade:
                return _response(self.faults.refuse_upgrade, self.faults.rest_headers, b"{}")
            return None
        self.requests += 1
        if self.faults.rest_seconds:
            await asyncio.sleep(min(self.faults.rest_seconds, 3_600))
        if self.faults.rest_status:
            return _response(self.faults.rest_status, self.faults.rest_headers, b'{"code":-1,"msg":"by script"}')
        parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
        microseconds = request.headers.get("X-MBX-TIME-UNIT") == "MICROSECOND" and not self.faults.ignore_time_unit
        status, headers, document = self.database.answer(
            parts.path,
            parameters,
            microseconds,
            time.monotonic(),
            time.time_ns() + self.faults.clock_skew_ms * 1_000_000,
        )
        return _response(status, headers, encode(document))

    async def _tick_for_ever(self) -> None:
        """Each second the ticker of each symbol, with its last trade's id."""
        while True:
            await asyncio.sleep(TICKER_SECONDS)
            for name in {name for one in self.subscribers for name in one.streams if name.endswith(HEADS)}:
                code = name.partition("@")[0].upper()
                last = self.database.last_single_id(code)
                data: dict[str, Any] = {"type": "heartbeat", "product_id": code, "last_trade_id": last, "sequence": 1}
                if name.endswith("@ticker"):
                    now_ms = time.time_ns() // 1_000_000
                    data = {"e": "24hrTicker", "E": now_ms, "s": code, "p": "0", "l": "0", "q": "0", "L": last, "n": 0}
                if not self.faults.silent and name not in self.faults.mute:
                    self._send(Tick(0, name, data))


def _frame(tick: Tick, microseconds: bool, is_bare: bool) -> bytes:
    return encode(tick.data if is_bare else {"stream": tick.stream, "data": _in_unit(tick.data, microseconds)})


def _in_unit(data: dict[str, Any], microseconds: bool) -> dict[str, Any]:
    if not microseconds:
        return data
    moved: dict[str, Any] = {key: data[key] * 1_000 for key in TIMES if key in data}
    if "k" in data:
        kline = data["k"]
        moved["k"] = {**kline, "t": kline["t"] * 1_000, "T": kline["T"] * 1_000}
    return {**data, **moved}


def _response(status: int, headers: dict[str, str], body: bytes) -> Response:
    reason = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Other"
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close", **headers}
    return Response(status, reason, Headers(fields), body)
