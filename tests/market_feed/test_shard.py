"""How a connection is read and made again, against a simulated exchange in the same process."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice, repeat

import pytest
from websockets.utils import accept_key

from market_feed.decisions.budget import Ban, RollingBudget
from market_feed.intake import link as link_module
from market_feed.intake.link import MAX_BYTES, MAX_FRAMES, Link, open_connection
from market_feed.intake.shard import LONGEST_PAUSE, REASONS, Dialling, Shard, growing_pauses
from market_feed.simulator.exchange import Exchange
from market_feed.times import Unit
from market_feed.venues.binance.frames import BinanceReader
from market_feed.venues.binance.venue import Binance
from market_feed.venues.venue import Wanted

FAILURES = 100


def dialling() -> Dialling:
    attempts = dict.fromkeys(("connected", "refused", "unreachable"), 0)
    return Dialling(None, RollingBudget(10 * FAILURES, 1), Ban(), attempts, dict.fromkeys(REASONS, 0))


async def until(is_so: Callable[[], object]) -> None:
    while not is_so():
        await asyncio.sleep(0.001)


def test_row_4_after_a_hundred_failures_it_still_tries_and_only_data_makes_pauses_short_again() -> None:
    begun = list[int]()

    def pauses() -> Iterator[float]:
        begun.append(1)
        return repeat(0.0)

    async def run() -> None:
        exchange = Exchange()
        await exchange.start()
        exchange.faults.refuse_upgrade = 503
        shared, room = dialling(), asyncio.Event()
        room.set()
        venue = Binance(f"ws://127.0.0.1:{exchange.port}", Unit.MILLISECOND, Wanted(("trade",)))
        shard = Shard(venue, ["btcusdt@ticker"], shared, lambda *_: None, room, pauses)
        running = asyncio.create_task(shard.run())
        await until(lambda: shared.attempts["refused"] >= FAILURES)
        exchange.faults.silent, exchange.faults.refuse_upgrade = True, 0
        await until(lambda: exchange.subscribers)
        exchange.cut()
        await until(lambda: exchange.connects == 2 and shard.links)
        assert len(begun) == 1, "a connection that brought nothing changes nothing"
        exchange.send_raw(b"{}")
        await until(lambda: any(link.frames for link in shard.links))
        exchange.cut()
        await until(lambda: len(begun) == 2)
        running.cancel()
        await asyncio.wait([running])
        await exchange.close()

    asyncio.run(asyncio.wait_for(run(), 60))


def shard_at(port: int, shared: Dialling, pauses: Callable[[], Iterator[float]] = growing_pauses) -> Shard:
    room = asyncio.Event()
    room.set()
    venue = Binance(f"ws://127.0.0.1:{port}", Unit.MILLISECOND, Wanted(("trade",)))
    return Shard(venue, ["btcusdt@ticker"], shared, lambda *_: None, room, pauses)


def test_a_connection_that_is_cut_after_each_first_frame_does_not_use_up_the_attempts() -> None:
    used, paused = list[float](), asyncio.Event()

    def pauses() -> Iterator[float]:
        for number in count():
            used.append(number)
            if number == 3:
                paused.set()
            yield 0.0 if number < 3 else 3_600.0

    async def run() -> None:
        exchange, shared = Exchange(), dialling()
        shared.budget = RollingBudget(250, 300)
        await exchange.start()
        running = asyncio.create_task(shard_at(exchange.port, shared, pauses).run())
        for number in range(1, 5):
            await until(lambda number=number: exchange.connects == number)  # type: ignore[misc]  # bound here
            await until(lambda: exchange.subscribers)
            exchange.send_raw(b"{}")
            exchange.cut("1001")
        await paused.wait()
        running.cancel()
        await asyncio.wait([running])
        assert (used, exchange.connects) == ([0, 1, 2, 3], 4)
        await exchange.close()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_an_end_does_not_wait_for_the_pause_before_the_next_attempt() -> None:
    async def run() -> None:
        exchange, shared = Exchange(), dialling()
        exchange.faults.silent = True
        await exchange.start()
        shard = shard_at(exchange.port, shared, lambda: repeat(3_600.0))
        running = asyncio.create_task(shard.run())
        await until(lambda: exchange.subscribers)
        exchange.cut()
        await until(lambda: not shard.links)
        running.cancel()
        await asyncio.wait([running])
        await exchange.close()

    asyncio.run(asyncio.wait_for(run(), 20))


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nRetry-After: 1\r\n\r\n",
        b"HTTP/1.1 302 Elsewhere\r\nLocation: ws://a..b/\r\nLocation: ws://c/\r\n\r\n",
        b"HTTP/1.1 302 Elsewhere\r\nLocation: ws://" + b"a" * 70 + b"..b/\r\n\r\n",
        b"HTTP/1.1 302 Elsewhere\r\nLocation: ws://[::1/\r\n\r\n",
        b"HTTP/1.1 302 Elsewhere\r\nLocation: ws://a:99999999/\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"HTTP/1.1 101 \xff\r\nUpgrade: \xff\r\n\r\n",
    ],
    ids=["two-waits", "two-places", "no-name", "no-address", "no-port", "tls", "no-text"],
)
def test_whatever_answers_an_attempt_there_is_another_one(head: bytes) -> None:
    asked = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        shared = dialling()
        running = asyncio.create_task(shard_at(server.sockets[0].getsockname()[1], shared, lambda: repeat(0.0)).run())
        await until(lambda: asked >= 2 or running.done())
        assert not running.done(), running.exception()
        running.cancel()
        await asyncio.wait([running])
        server.close()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_venue_that_pings_and_does_not_read_the_answers_costs_no_memory() -> None:
    pings = b"\x89\x7d" + bytes(125)

    async def run() -> None:
        cut = asyncio.Event()

        async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            key = (await reader.readuntil(b"\r\n\r\n")).partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept_key(key.decode()).encode() + b"\r\n\r\n"
            )
            reader._transport.pause_reading()  # type: ignore[attr-defined]  # asyncio has no public way to it
            try:
                for _ in range(2_000):
                    writer.write(pings * 1_000)
                    await writer.drain()
            except ConnectionError:
                cut.set()

        server = await asyncio.start_server(flood, "127.0.0.1", 0)
        connection = await open_connection(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", None)
        await cut.wait()
        assert connection.transport.get_write_buffer_size() < 1 << 20
        await connection.close()
        server.close()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_row_4_pauses_grow_to_a_minute_at_most_and_are_jittered() -> None:
    first, second = (list(islice(growing_pauses(), FAILURES)) for _ in range(2))
    assert first != second
    assert max(first + second) <= LONGEST_PAUSE == 60
    assert min(first[-10:]) >= LONGEST_PAUSE / 2


def test_row_15_while_the_journal_is_slow_few_frames_wait_here_and_all_come_in_order() -> None:
    count = 5 * MAX_FRAMES

    async def run() -> None:
        exchange, taken, room = Exchange(), list[bytes](), asyncio.Event()
        await exchange.start()
        url = f"ws://127.0.0.1:{exchange.port}/stream?streams=btcusdt@aggTrade"
        connection = await open_connection(url, None)
        link = Link(connection, BinanceReader(Unit.MILLISECOND), lambda _, frames, __: taken.extend(frames), room)
        reading = asyncio.create_task(link.run())
        await until(lambda: exchange.subscribers)
        for number in range(count):
            exchange.send_raw(b'{"number":%d,"pad":"%b"}' % (number, b"x" * 400))
        await until(lambda: len(connection.frames) >= MAX_FRAMES)
        for _ in range(50):
            await asyncio.sleep(0)
        assert MAX_FRAMES <= len(connection.frames) < 2 * MAX_FRAMES
        assert taken == []
        room.set()
        await until(lambda: len(taken) == count)
        assert [json.loads(frame)["number"] for frame in taken] == list(range(count))
        await link.close()
        assert await reading == "closed_1000"
        await exchange.close()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_row_15_of_large_frames_few_bytes_wait_here() -> None:
    count, size = 40, 1 << 20

    async def run() -> None:
        exchange, taken, room = Exchange(), list[int](), asyncio.Event()
        await exchange.start()
        connection = await open_connection(f"ws://127.0.0.1:{exchange.port}/stream?streams=btcusdt@aggTrade", None)
        reader = BinanceReader(Unit.MILLISECOND)
        link = Link(connection, reader, lambda _, frames, __: taken.extend(map(len, frames)), room)
        reading = asyncio.create_task(link.run())
        await until(lambda: exchange.subscribers)
        for _ in range(count):
            exchange.send_raw(bytes(size))
        await until(lambda: sum(map(len, connection.frames)) >= MAX_BYTES - size)
        for _ in range(200):
            await asyncio.sleep(0.001)
        assert sum(map(len, connection.frames)) <= MAX_BYTES + size
        room.set()
        await until(lambda: len(taken) == count)
        await link.close()
        await reading
        await exchange.close()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_what_comes_between_two_turns_is_read_at_once_and_has_the_time_of_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link_module, "TURN_SECONDS", 1.0)

    async def run() -> None:
        exchange, taken, room = Exchange(), list[tuple[int, int]](), asyncio.Event()
        room.set()
        await exchange.start()
        url = f"ws://127.0.0.1:{exchange.port}/stream?streams=btcusdt@aggTrade"
        connection = await open_connection(url, None)

        def take(_link: Link, frames: Sequence[bytes], came_at_ns: int) -> None:
            taken.append((len(frames), came_at_ns))

        reading = asyncio.create_task(Link(connection, BinanceReader(Unit.MILLISECOND), take, room).run())
        await until(lambda: exchange.subscribers)
        exchange.send_raw(b"{}")
        await until(lambda: len(taken) == 1)
        exchange.send_raw(b"{}")
        await until(lambda: len(connection.frames) == 1)
        came_at_ns = time.time_ns()
        for _ in range(20):
            exchange.send_raw(b"{}")
            await asyncio.sleep(0)
        assert len(connection.frames) == 1, "the others wait in the socket"
        await until(lambda: len(taken) == 2)
        assert [count for count, _ in taken] == [1, 21]
        assert taken[1][1] <= came_at_ns
        await exchange.close()
        await reading

    asyncio.run(asyncio.wait_for(run(), 60))
