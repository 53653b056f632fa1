"""Requests to a venue, against a simulated exchange in the same process."""

import asyncio
import gzip
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


def served(body: bytes, head: bytes = b"", ask: int = 1) -> tuple[RestClient, list[rest.Answer], bytes]:
    """A client after it asked so often for the time of a venue that answers this; its answers, its last request."""
    heads = list[bytes]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        number = str(len(heads)).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + head.replace(b"NUMBER", number) + b"\r\n" + body)
        await writer.drain()
        writer.close()

    async def run() -> tuple[RestClient, list[rest.Answer]]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        venue = Binance(url, Unit.MICROSECOND, Wanted(("trade",)))
        client = RestClient(venue, url, None, 6_000, SYSTEM_CLOCK, LatestTime(SYSTEM_CLOCK))
        try:
            answers = [await client.ask(venue.time_page()) for _ in range(ask)]
            assert await client.clock_offset_us() is None
        finally:
            await client.close()
            server.close()
        return client, answers

    client, answers = asyncio.run(run())
    return client, answers, heads[-1]


@pytest.mark.parametrize(
    "body",
    [b'{"x":' + b"[" * 100_000, b'{"x":' * 5_000, b'{"serverTime":-1}', b'{"serverTime":%b}' % (b"9" * 400), b"\xff\0"],
    ids=["nested-lists", "nested-objects", "before-1970", "400-digits", "no-text"],
)
def test_whatever_an_answer_is_it_is_counted_and_ends_nothing(body: bytes) -> None:
    client, _, _ = served(body)
    assert client.requests["unreadable"] == rest.CLOCK_SAMPLES


def test_what_is_compressed_twice_is_not_unpacked() -> None:
    body = gzip.compress(gzip.compress(b'{"serverTime":1795000000000}'))
    client, answers, _ = served(body, b"Content-Encoding: gzip, gzip\r\n")
    assert answers == [rest.Answer()]
    assert client.requests["unreadable"] == 1 + rest.CLOCK_SAMPLES


def test_cookies_of_a_venue_are_not_kept() -> None:
    _, _, request = served(b"{}", b"Set-Cookie: cookie-NUMBER=" + b"x" * 2_000 + b"\r\n", ask=3)
    assert b"cookie-" not in request


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
