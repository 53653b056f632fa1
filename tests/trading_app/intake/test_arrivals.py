"""The log says that trades arrive, and not for each of them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from structlog.testing import capture_logs

from tests.support.polling import eventually
from tests.trading_app.raw_http import TRADE
from tests.trading_app.running import RunningApp
from trading_app.intake.arrivals import report_arrivals

JSON = {"Content-Type": "application/json"}


class Stream:
    """Grows when it is asked to."""

    def __init__(self) -> None:
        self.head = 0
        self._grown = asyncio.Event()

    @contextmanager
    def watch(self) -> Iterator[asyncio.Event]:
        yield self._grown

    def grow(self, count: int) -> None:
        self.head += count
        self._grown.set()


def test_the_first_trade_is_reported_as_it_comes_and_those_of_a_pause_together() -> None:
    async def report() -> None:
        stream = Stream()
        in_pauses = iter([[1, 2], [4]])

        async def pause() -> None:
            for count in next(in_pauses):  # the third pause ends it: StopIteration is a RuntimeError here
                stream.grow(count)

        stream.grow(0)  # a duplicate wakes it, and is no trade
        reporting = asyncio.create_task(report_arrivals(stream, pause))
        await asyncio.sleep(0)
        stream.grow(1)
        with suppress(RuntimeError):
            await reporting

    with capture_logs() as lines:
        asyncio.run(report())
    assert [(line["event"], line["count"], line["head"]) for line in lines] == [
        ("trades accepted", 1, 1),
        ("trades accepted", 3, 4),
        ("trades accepted", 4, 8),
    ]


def test_a_posted_trade_is_in_the_log(web: RunningApp) -> None:
    head = web.client.post("/trade", content=TRADE, headers=JSON).json()["seq"]

    def counted() -> int:
        return sum(line["count"] for line in web.log_lines() if line["event"] == "trades accepted")

    eventually(lambda: counted() >= 1, what="a line about trades")
    assert counted() <= head
