"""The app asks the sidecar: every answer, and none, is known in words; and it never waits for one."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.polling import PATIENCE_SECONDS
from tests.support.ports import free_port
from trading_app.page import sidecar_feed
from trading_app.page.pnl_history import MAX_KEYS
from trading_app.page.sidecar_feed import OUTCOMES, SidecarFeed
from trading_app.page.sidecar_state import Reading
from trading_app.query.filter import Filter


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause of this process, in which both sides run, does not count as a missing answer."""
    monkeypatch.setattr(sidecar_feed, "ANSWER_SECONDS", PATIENCE_SECONDS)


STATE = b'{"stream":"s","head":1,"applied":1,"caught_up":true,"positions":[]}'


def answer(body: bytes, status: bytes = b"200 OK", length: int | None = None) -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body) if length is None else length, body)


async def read_from(given: bytes, asked: list[bytes] | None = None, feeds: list[SidecarFeed] | None = None) -> Reading:
    """What is known after one question that gets these bytes; `asked` and `feeds` get the question and who asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.readuntil(b"\r\n\r\n")
        if asked is not None:
            asked.append(question)
        writer.write(given)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        feed = SidecarFeed(f"http://127.0.0.1:{port}", "secret")
        if feeds is not None:
            feeds.append(feed)
        return await first_reading(feed)


async def first_reading(feed: SidecarFeed) -> Reading:
    task = asyncio.create_task(feed.run())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not any(feed.polls.values()):
                await asyncio.sleep(0.005)
    finally:
        task.cancel()
    return feed.latest


def run(reading: Callable[[], Awaitable[Reading]]) -> Reading:
    async def go() -> Reading:
        return await reading()

    return asyncio.run(go())


def test_an_answer_is_read_and_the_token_is_shown() -> None:
    asked: list[bytes] = []
    reading = run(lambda: read_from(answer(STATE), asked))
    assert (reading.status, reading.reason) == ("up", "")
    assert reading.state
    assert reading.state.applied == 1
    assert asked[0].startswith(b"GET /state HTTP/1.1\r\n")
    assert b"Authorization: Bearer secret\r\n" in asked[0]


def position(account: str, symbol: str, net: str | None, **fields: object) -> dict[str, object]:
    names = ("position", "average_entry_price", "last_price", "realized_pnl", "unrealized_pnl", "net_pnl")
    labels = {"account": account, "strategy": "default", "symbol": symbol, "trades": {}}
    currency = symbol.rpartition("/")[2]
    return {**labels, **dict.fromkeys(names, "0"), "net_pnl": net, "currency": currency, **fields}


def sums(net: str | None) -> dict[str, object]:
    return {**dict.fromkeys(("realized_pnl", "unrealized_pnl", "fees", "cash"), "0"), "net_pnl": net}


@pytest.mark.parametrize(("count", "is_kept"), [(MAX_KEYS, True), (MAX_KEYS + 1, False)])
def test_of_too_many_positions_no_points_are_kept(count: int, is_kept: bool) -> None:
    """A sum over a part of them is never shown, and the points of 500 positions are 14 MB."""
    positions = [position("a", f"S{number}/USDT", "1") for number in range(count)]
    state = {**json.loads(STATE), "positions": positions, "by_currency": {"USDT": sums("12")}}
    feeds: list[SidecarFeed] = []
    run(lambda: read_from(answer(json.dumps(state).encode()), feeds=feeds))
    assert feeds[0].pnl_of("USDT", Filter())[-1][1] == 12
    assert bool(feeds[0].pnl_of("USDT", Filter(account="a"))) is is_kept
    assert bool(feeds[0].pnl_of_positions.read(lambda _: True)) is is_kept


def test_the_net_pnl_is_kept_by_position_and_in_total() -> None:
    positions = [position("a", "BTC/USDT", "1"), position("b", "BTC/USDT", "10"), position("a", "ETH/USDT", "100")]
    positions += [
        position("a", "ETH/BTC", "1000"),
        position("c", "ETH/BTC", "7", position_side="long", symbols_as_sent=["ETHBTC"]),
        position("c", "ETH/BTC", "5", position_side="short"),
        position("c", "SOL/CHF", None),
        position("d", "X-PERP", "3", currency="USD", unit="points"),
    ]
    by_currency = {"USDT": sums("112"), "BTC": sums("1012"), "CHF": sums(None), "unknown": {"X-PERP": sums("3")}}
    state = {**json.loads(STATE), "positions": positions, "by_currency": by_currency}
    feeds: list[SidecarFeed] = []
    run(lambda: read_from(answer(json.dumps(state).encode()), feeds=feeds))

    def last(quote: str, **wanted: Any) -> float:
        return feeds[0].pnl_of(quote, Filter(**wanted))[-1][1]

    assert last("USDT") == 112, "the sidecar's own sum, which has the cash of no position too"
    assert last("BTC") == 1012
    assert last("BTC", account="c") == 12, "both sides"
    assert last("BTC", symbol="ETHBTC") == 7, "by another name of the symbol"
    assert last("", symbol="X-PERP") == 3
    assert feeds[0].pnl_of("CHF", Filter()) == feeds[0].pnl_of("CHF", Filter(account="c")) == []
    assert [feeds[0].currency_of(symbol) for symbol in ("ETHBTC", "X-PERP", "NONE")] == ["BTC", "", ""]
    assert last("USDT", account="a") == 101
    assert last("USDT", symbol="BTC/USDT") == 11
    assert last("USDT", symbol="BTC/USDT", account="b") == 10


@pytest.mark.parametrize(
    ("given", "outcome", "reason"),
    [
        (
            answer(b"{}", b"401 Unauthorized"),
            "unauthorized",
            "it wants a token: set SIDECAR_API_TOKENS, or MONITORING_TOKEN, for the web app too",
        ),
        (answer(b"", b"500 Oops"), "refused", "it answered with status 500"),
        (answer(b"[]"), "unreadable", "its answer could not be read; is it another version?"),
        (answer(STATE, length=len(STATE) + 1), "unreadable", "what listens there is not a sidecar"),
        (answer(STATE, length=10**12), "unreadable", "what listens there is not a sidecar"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "unreadable", "what listens there is not a sidecar"),
        (b"SSH-2.0-x\r\n\r\n", "unreadable", "what listens there is not a sidecar"),
        (b"", "unreadable", "what listens there is not a sidecar"),
    ],
)
def test_an_unusable_answer_has_a_reason_and_is_counted(given: bytes, outcome: str, reason: str) -> None:
    feeds: list[SidecarFeed] = []
    reading = run(lambda: read_from(given, feeds=feeds))
    assert feeds[0].polls == {**dict.fromkeys(OUTCOMES, 0), outcome: 1}
    assert (reading.status, reading.reason, reading.state) == ("down", reason, None)


def test_an_unreachable_sidecar_has_a_reason() -> None:
    reading = run(lambda: first_reading(SidecarFeed(f"http://127.0.0.1:{free_port()}", None)))
    assert (reading.status, reading.reason) == ("down", "nothing listens there")


def test_one_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sidecar_feed, "ANSWER_SECONDS", 0.05)

    async def reading() -> Reading:
        over = asyncio.Event()

        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await over.wait()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            found = await first_reading(SidecarFeed(f"http://127.0.0.1:{port}", None))
            over.set()
            return found

    assert run(reading).reason == "it did not answer within 0.05 seconds"


def test_after_a_slow_answer_the_next_question_does_not_wait_many_times_as_long() -> None:
    async def reading() -> Reading:
        asked = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            asked += 1
            await reader.readuntil(b"\r\n\r\n")
            if asked == 1:
                await asyncio.sleep(1)  # the stall itself: 20 times as long would exceed the deadline below
            writer.write(answer(STATE))
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            feed = SidecarFeed(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", None)
            task = asyncio.create_task(feed.run())
            async with asyncio.timeout(15):
                while feed.latest.number < 2:
                    await asyncio.sleep(0.005)
            task.cancel()
            return feed.latest

    assert run(reading).status == "up"
