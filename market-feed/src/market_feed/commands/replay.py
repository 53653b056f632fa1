"""`market-feed replay`: sends a recording through the real pipeline, into a journal of its own and to subscribers."""

import asyncio
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from gzip import BadGzipFile
from pathlib import Path

from market_feed.decisions.event import COUNTED, candle_space, numbers_after
from market_feed.decisions.limits import FeedLimits
from market_feed.decisions.market_state import Known, Market
from market_feed.intake.journal import MarketJournal
from market_feed.market import Candle, Quote, Trade, TradeRun
from market_feed.schedule.calendar import Calendar
from market_feed.simulator.tape import read_frames
from market_feed.venues.venue import Venue
from telemetry_stream import backend
from telemetry_stream.errors import BackendError
from telemetry_stream.events import Event
from telemetry_stream.group_commit import GroupCommitter
from telemetry_stream.id_spaces import IdSpace
from telemetry_stream.place import Place

MAX_FRAMES = 1_000
"""Maximum frames that are handed on together."""


def replay(venue: Venue, symbols: Sequence[str], place: Place, file: Path, folder: Path, speed: float) -> int:
    """Play the frames, `speed` times as fast as they came. Gives the exit code.

    What is missing in the recording becomes a gap: nothing is fetched.
    """
    try:
        return asyncio.run(_Replay(venue, symbols, replace(place, folder=folder)).run(file, speed))
    except (BackendError, OSError, BadGzipFile, ValueError) as error:
        print(f"market-feed: can't replay {file}: {error}", file=sys.stderr)
        return 1


class _Replay:
    def __init__(self, venue: Venue, symbols: Sequence[str], place: Place) -> None:
        self._venue = venue
        self._symbols = symbols
        self._place = place

    async def run(self, file: Path, speed: float) -> int:
        """Play the file."""
        loop = asyncio.get_running_loop()
        failed: asyncio.Future[None] = loop.create_future()

        def fail(error: BaseException) -> None:
            loop.call_soon_threadsafe(settle, error)

        def settle(error: BaseException) -> None:
            if not failed.done():
                failed.set_exception(error)

        stream = backend.open_log(self._place, fail)
        committer = GroupCommitter(stream, loop.call_soon, loop.call_soon_threadsafe, fail, 10**9, lambda _s, _e: None)
        journal = MarketJournal(committer, 100_000, time.time_ns)
        try:
            markets = self._markets(stream.id_spaces())
            began = time.monotonic()
            frames, trades = await self._play(file, speed, markets, journal)
            for market in markets.values():
                journal.put(market.events(market.continuity.end(time.monotonic()), time.time_ns()), time.time_ns())
            while not journal.idle.is_set() and not failed.done():
                await asyncio.sleep(0.01)
            if failed.done():
                failed.result()
            seconds = time.monotonic() - began
            print(
                f"{file}: {frames:,} frames, {journal.committed:,} new events in {self._place.folder}, {seconds:.1f} s"
            )
            if not trades:
                print(
                    f"market-feed: no trade in it is of FEED_SYMBOLS ({', '.join(self._symbols)}) and of the form that"
                    " FEED_TRADES names: aggregate for @aggTrade, single for @trade",
                    file=sys.stderr,
                )
        finally:
            await asyncio.to_thread(committer.close)
        return 0

    async def _play(
        self, file: Path, speed: float, markets: dict[str, Market], journal: MarketJournal
    ) -> tuple[int, int]:
        """Journal what the frames say; the number of frames, and of trades or runs of them."""
        reader, began = self._venue.reader(), time.monotonic()
        frames = trades = first_ns = 0
        for received_at_ns, some in _turns(file):
            first_ns = first_ns or received_at_ns
            if not math.isinf(speed):
                due = began + (received_at_ns - first_ns) / 1e9 / speed
                await asyncio.sleep(max(due - time.monotonic(), 0))
            for item in reader.read(some, received_at_ns // 1_000):
                trades += isinstance(item, Trade | TradeRun) and item.code in markets
                journal.put(_events(markets, item, received_at_ns), received_at_ns)
            frames += len(some)
            await journal.room.wait()
        return frames, trades

    def _markets(self, known: Mapping[str, IdSpace]) -> dict[str, Market]:
        counted = known.get(COUNTED)
        numbers = numbers_after(counted.head if counted else 0)
        found = {}
        for symbol in self._symbols:
            instrument = self._venue.instrument(symbol)
            space = self._venue.id_space(instrument)
            earlier = Known(known.get(space), candles=known.get(candle_space(space)))
            found[instrument.code] = Market(
                instrument, space, earlier, FeedLimits(), Calendar(()), numbers, time.monotonic()
            )
        return found


def _events(markets: dict[str, Market], item: object, received_at_ns: int) -> Sequence[Event]:
    if isinstance(item, TradeRun) and item.code in markets:
        return markets[item.code].run_events(item, 0.0, received_at_ns)
    if isinstance(item, Trade) and item.code in markets:
        item.received_at_ns = received_at_ns
        return markets[item.code].trade_events([item], 0.0, received_at_ns)
    if isinstance(item, Quote) and item.code in markets:
        return markets[item.code].quote_events(item, 0.0, received_at_ns)
    if isinstance(item, Candle) and item.code in markets:
        return markets[item.code].candle_events(markets[item.code].candles.take(item), received_at_ns)
    return []


def _turns(file: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Frames that came within a millisecond, together."""
    some: list[bytes] = []
    began_ns = 0
    for at_ns, frame in read_frames(file):
        if some and (at_ns - began_ns > 1_000_000 or len(some) >= MAX_FRAMES):
            yield began_ns, some
            some = []
        if not some:
            began_ns = at_ns
        some.append(frame)
    if some:
        yield began_ns, some
