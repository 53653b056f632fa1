"""Requests to a venue, against a simulated exchange in the same process."""

import asyncio
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
