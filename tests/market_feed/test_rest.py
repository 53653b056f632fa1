"""Requests to a venue, against a simulated exchange in the same process."""

import asyncio
import zlib
from types import SimpleNamespace

import pytest

from market_feed.intake import rest
from market_feed.intake.rest import RestClient
from market_feed.simulator.exchange import Exchange
from market_feed.times import Unit
from market_feed.venues.binance.venue import Binance
from market_feed.venues.venue import Wanted
from service_kit.clock import SYSTEM_CLOCK, LatestTime

RETRY_AFTER_SECONDS = 3_600


class Slept(Exception):
    """The argument is the number of seconds that somebody wants to wait."""


def test_row_25_after_429_a_request_waits_as_long_as_the_venue_says(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(seconds: float) -> None:
        raise Slept(seconds)

    async def run() -> None:
        exchange = Exchange()
        await exchange.start()
        exchange.faults.rest_status, exchange.faults.rest_headers = 429, {"Retry-After": str(RETRY_AFTER_SECONDS)}
        url = f"http://127.0.0.1:{exchange.port}"
        venue = Binance(url, Unit.MICROSECOND, Wanted(("trade",)))
        client = RestClient(venue, url, None, 6_000, SYSTEM_CLOCK, LatestTime(SYSTEM_CLOCK))
        try:
            assert (await client.ask(venue.time_page())).status == 429
            monkeypatch.setattr(rest, "asyncio", SimpleNamespace(sleep=sleep))
            with pytest.raises(Slept) as waits:
                await client.ask(venue.time_page())
            assert waits.value.args[0] > RETRY_AFTER_SECONDS * 0.9
            assert exchange.requests == client.requests["refused"] == 1
        finally:
            await client.close()
            await exchange.close()

    asyncio.run(run())


def test_of_an_answer_that_is_too_long_the_rest_is_not_read() -> None:
    sent, deflate = 0, zlib.compressobj(wbits=-15)
    block = deflate.compress(bytes(1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    bomb = b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + block * 20_000  # 20 MB of gzip, 20 GB of zeros

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n")
        try:
            for begin in range(0, len(bomb), 4_096):
                writer.write(bomb[begin : begin + 4_096])
                await writer.drain()
                sent = begin
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        venue = Binance(url, Unit.MICROSECOND, Wanted(("trade",)))
        client = RestClient(venue, url, None, 6_000, SYSTEM_CLOCK, LatestTime(SYSTEM_CLOCK))
        try:
            assert await client.ask(venue.time_page()) == rest.Answer()
            assert client.requests["unreadable"] == 1
        finally:
            await client.close()
            server.close()

    asyncio.run(run())
    assert sent < len(bomb) // 2
