"""`market-feed check`: asks each venue what a feed will need, and prints what it saw. Run it first."""

import asyncio
import ssl
import time
from collections.abc import Sequence
from http import HTTPStatus

from market_feed.intake.link import Link, open_connection
from market_feed.intake.rest import Answer, RestClient
from market_feed.market import Instrument, Subscriptions, Trade, TradeRun, Unreadable
from market_feed.venues.venue import Page, Venue
from service_kit.clock import SYSTEM_CLOCK, LatestTime

LISTEN_SECONDS = 10.0
PAGE_IDS = 100
"""How many ids before the last trade the page begins that is asked for."""


def check(venues: Sequence[tuple[Venue, str, Sequence[str]]], weight: int) -> int:
    """Check venues, each with its REST URL and its symbols. Gives the exit code: 0, or 1 if something is missing."""
    if not any(symbols for _, _, symbols in venues):
        print("FEED_SYMBOLS is empty: name what to follow, such as BTC-USDT")
        return 1
    return asyncio.run(_check_all(venues, weight))


async def _check_all(venues: Sequence[tuple[Venue, str, Sequence[str]]], weight: int) -> int:
    problems = 0
    for venue, rest_url, symbols in venues:
        if symbols:
            problems += await _Check(venue, rest_url, symbols, weight).run()
    print(f"{problems} problem{'s' if problems != 1 else ''}" if problems else "sound")
    return 1 if problems else 0


class _Check:
    """What one venue answers."""

    def __init__(self, venue: Venue, rest_url: str, symbols: Sequence[str], weight: int) -> None:
        self._venue = venue
        self._instruments = [venue.instrument(symbol) for symbol in symbols]
        self._context = ssl.create_default_context()
        self._rest = RestClient(venue, rest_url, self._context, weight, SYSTEM_CLOCK, LatestTime(SYSTEM_CLOCK))
        self._rest_url = rest_url
        self._problems = 0
        self._trades: dict[str, Trade] = {}
        self._listed: frozenset[str] | None = None

    async def run(self) -> int:
        """The number of problems."""
        print(self._venue.name)
        try:
            await self._clock()
            await self._streams()
            for instrument in self._instruments:
                await self._page(instrument)
        finally:
            await self._rest.close()
        return self._problems

    async def _clock(self) -> None:
        offset_us = await self._rest.clock_offset_us()
        if offset_us is None:
            self._problem(f"{self._rest_url} does not answer: missing trades can't be fetched")
            return
        self._say(f"REST answers; the venue's clock is {offset_us / 1e3:+.1f} ms off ours")
        if self._rest.budget.used:
            self._say(f"weight used within its window: {self._rest.budget.used}")

    async def _ask(self, page: Page) -> Answer:
        """The venue's answer; none while it forbids requests."""
        return Answer() if self._rest.ban.wait(time.monotonic()) else await self._rest.ask(page)

    async def _streams(self) -> None:
        streams = [name for instrument in self._instruments for name in self._venue.streams(instrument)]
        url, others = self._venue.url(streams)
        room = asyncio.Event()
        room.set()
        try:
            connection = await open_connection(url, self._context if url.startswith("wss:") else None)
        except Exception as error:  # noqa: BLE001 -- whatever a venue answers
            self._problem(f"no connection to {url.partition('?')[0]}: {error}")
            return
        link = Link(connection, self._venue.reader(), self._take, room)
        reading = asyncio.create_task(link.run())
        pause = self._venue.limits.message_pause_seconds
        listing = self._venue.list_subscriptions(1_000)
        await link.send([*self._venue.subscribe(others, 1), *([] if listing is None else [listing])], pause)
        deadline = time.monotonic() + LISTEN_SECONDS
        while time.monotonic() < deadline and not self._has_all() and not reading.done():
            await asyncio.sleep(0.05)
        await link.close()
        await reading
        self._say(f"{link.frames} frames came")
        missing = [name for name in streams if self._listed is not None and name not in self._listed]
        if self._listed is None:
            self._problem("the venue did not say what is subscribed to")
        elif missing:
            self._problem(f"the venue does not send {', '.join(missing)}: is the symbol right?")
        else:
            self._say(f"subscribed to {len(streams)} streams")

    def _has_all(self) -> bool:
        return self._listed is not None and self._trades.keys() >= {one.code for one in self._instruments}

    def _take(self, link: Link, frames: Sequence[bytes], received_at_ns: int) -> None:
        for item in link.reader.read(frames, received_at_ns // 1_000):
            if isinstance(item, Trade):
                self._trades[item.code] = item
            elif isinstance(item, TradeRun):
                self._trades[item.code] = item.trade(len(item) - 1)
            elif isinstance(item, Subscriptions):
                self._listed = frozenset(item.names)
            elif isinstance(item, Unreadable):
                self._problem(f"unreadable ({item.reason}): {item.content[:200]!r}")

    async def _page(self, instrument: Instrument) -> None:
        last = self._trades.get(instrument.code)
        if last is None:
            answer = await self._ask(self._venue.status_page([instrument]))
            if self._venue.is_unlisted(answer.status, answer.body):
                self._problem(f"{instrument.symbol}: the venue does not list it: is the symbol right?")
            else:
                self._say(f"{instrument.symbol}: no trade within {LISTEN_SECONDS:g} s, so no page was asked for")
            return
        first = max(last.id - PAGE_IDS, 1)
        answer = await self._ask(self._venue.page(instrument, first))
        if answer.status != HTTPStatus.OK:
            self._problem(f"{instrument.symbol}: no page of trades; the lines above say why")
            return
        try:
            ids = sorted(one.id for one in self._venue.read_page(instrument, answer.body, time.time_ns() // 1_000))
        except ValueError as error:
            self._problem(f"{instrument.symbol}: the page can't be read: {error}")
            return
        found = [number for number in ids if number >= first]
        if not found or found != [*range(first, found[-1] + 1)]:
            self._problem(f"{instrument.symbol}: the page from id {first} on is not whole: {found[:3]} …")
        else:
            self._say(f"{instrument.symbol}: last trade {last.id} at {last.price}; the page before it has every id")

    def _say(self, text: str) -> None:
        print(f"  {text}")

    def _problem(self, text: str) -> None:
        self._problems += 1
        print(f"  wrong: {text}")
