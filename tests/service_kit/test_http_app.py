"""The small application of the kit, without a socket."""

import asyncio

from service_kit.access.gate import Gate
from service_kit.clock import SYSTEM_CLOCK
from service_kit.connection.context import ConnectionContext
from service_kit.connection.counters import ConnectionCounters
from service_kit.connection.limits import ConnectionLimits
from service_kit.http_app import MAX_UNREAD_BYTES, HttpApp, Request, Response
from service_kit.http_types import Message
from service_kit.problems import COMMON_TYPES

PIECE = b"x" * 1_048_576
PIECES = 20


async def large(_request: Request) -> Response:
    return Response(200, "text/plain", [PIECE] * PIECES)


def test_unread_responses_are_bounded_together() -> None:
    connections = ConnectionContext.of(ConnectionLimits("TEST", 10), ConnectionCounters(COMMON_TYPES))
    app = HttpApp({"/large": large}, Gate("test", "TEST_API_TOKENS", (), SYSTEM_CLOCK), connections, lambda: None)
    scope = {"type": "http", "method": "GET", "path": "/large", "headers": [], "client": ("127.0.0.1", 1)}

    async def receive() -> Message:
        raise AssertionError("nothing is received")

    async def ask(reading: asyncio.Event, statuses: list[int]) -> None:
        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            elif statuses[-1] == 200:
                await reading.wait()

        await app({**scope}, receive, send)

    async def run() -> tuple[list[int], list[int]]:
        reading, at_first, later = asyncio.Event(), list[int](), list[int]()
        asking = [asyncio.create_task(ask(reading, at_first)) for _ in range(40)]
        while len(at_first) < len(asking):
            await asyncio.sleep(0)
        reading.set()
        await asyncio.gather(*asking)
        await ask(reading, later)
        return at_first, later

    at_first, later = asyncio.run(run())
    assert at_first.count(200) == MAX_UNREAD_BYTES // (PIECES * len(PIECE)) + 1
    assert at_first.count(503) == 40 - at_first.count(200)
    assert connections.counters.refused_requests["too_many_answers"] == at_first.count(503)
    assert later == [200]
