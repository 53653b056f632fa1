"""The feed of one venue: what its connections bring goes through the decisions of each market into the journal."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog

from market_feed.decisions.freshness import GrowingPause
from market_feed.decisions.limits import FeedLimits
from market_feed.decisions.market_state import Known, Market
from market_feed.decisions.rotation import rotation_due
from market_feed.decisions.seldom import Seldom
from market_feed.intake.filler import Filler, Need
from market_feed.intake.journal import MarketJournal
from market_feed.intake.link import Link
from market_feed.intake.needs import CandlesNeed, StartNeed, TradesNeed
from market_feed.intake.rest import RestClient
from market_feed.intake.shard import Dialling, Shard
from market_feed.intake.status import StatusWatch
from market_feed.market import (
    Candle,
    Gap,
    Head,
    Instrument,
    InstrumentStatus,
    Quote,
    Refusal,
    ShutdownNotice,
    Subscriptions,
    Trade,
    TradeRun,
    Unreadable,
)
from market_feed.schedule.calendar import Calendar
from market_feed.venues.venue import Venue
from service_kit.clock import LatestTime
from telemetry_stream.events import Event

log = structlog.get_logger(__name__)

TICK_SECONDS = 0.05
SESSION_SECONDS = 0.5
"""Between two looks at the schedule: a clock that is set and a machine that slept are noticed."""

CLOCKS_DIFFER_US = 60_000_000
"""By more the venue's clock is not before this machine's: a trade of later than that is after the feed's start."""

CLOCK_SECONDS, CLOCK_RETRY_SECONDS = 600.0, 60.0
REJECTED = ("malformed", "ids", "number", "time", "unknown_symbol")


class VenueFeed:
    """One venue's connections, markets and requests. Use it in one event loop."""

    def __init__(
        self,
        venue: Venue,
        instruments: Sequence[Instrument],
        known: Callable[[str], Known],
        numbers: Iterator[int],
        journal: MarketJournal,
        rest: RestClient,
        dialling: Dialling,
        limits: FeedLimits,
        calendars: Mapping[str, Calendar],
        latest: LatestTime,
    ) -> None:
        """`known` gives what the journal has of an id space; `calendars` has one for each instrument's symbol.
        `latest` says what the time is at least, to tell times that can't be.
        """
        self.venue = venue
        self.rest = rest
        self.dialling = dialling
        self.rejected = dict.fromkeys(REJECTED, 0)
        """Parts of frames that could not be used, by reason, since the start."""

        self.frames = 0
        self.clock_offset_us: int | None = None
        """The venue's clock minus this machine's; None until it was asked."""

        now = time.monotonic()
        self.markets: dict[str, Market] = {}
        for instrument in instruments:
            space = venue.id_space(instrument)
            self.markets[instrument.code] = Market(
                instrument,
                space,
                known(space),
                limits,
                calendars[instrument.symbol],
                numbers,
                now,
                follows_trades=venue.wanted.trades,
                latest_us=latest.unix_ns() // 1_000 + CLOCKS_DIFFER_US,
            )
        self._told = Seldom()
        self._journal = journal
        self._latest = latest
        self._limits = limits
        self._filler = Filler(rest)
        self._status = StatusWatch(venue, rest, instruments, self._status_came)
        self._needs = [need for market in self.markets.values() for need in self._needs_of(market)]
        self._shares = _shares(venue, list(self.markets.values()))
        self.shards = [
            Shard(venue, _streams(venue, share), dialling, self.take, journal.room) for share in self._shares
        ]
        self._mute_pauses = [GrowingPause() for _ in self.shards]
        self._sessions_at = float("-inf")
        self._see_to_sessions(now)

    async def run(self) -> None:
        """Feed until cancelled; what had arrived by then is journaled. Raises what any part raises."""
        tasks = [asyncio.create_task(shard.run()) for shard in self.shards]
        tasks.append(asyncio.create_task(self._tick_for_ever()))
        tasks.append(asyncio.create_task(self._watch_clock()))
        tasks.append(asyncio.create_task(self._status.run()))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await self._filler.close()
            await self.rest.close()

    def take(self, link: Link, frames: Sequence[bytes], received_at_ns: int) -> None:
        """What one iteration of the event loop brought on a connection."""
        self.frames += len(frames)
        if link.frames == len(frames):
            for one in self._shares[self.shards.index(self._shard_of(link))]:
                one.looks_for_tail = True
        now = time.monotonic()
        trades: list[Trade] = []
        for item in link.reader.read(frames, self._latest.unix_ns() // 1_000):
            if trades and (type(item) is not Trade or item.code != trades[0].code):
                self._take_trades(trades, now, received_at_ns)
                trades = []
            if type(item) is Trade:
                item.received_at_ns = received_at_ns
                trades.append(item)
            elif type(item) is TradeRun:
                self._take_trades(item, now, received_at_ns)
            else:
                self._journal.put(self._other(link, item, now, received_at_ns), received_at_ns)
        if trades:
            self._take_trades(trades, now, received_at_ns)

    def _take_trades(self, trades: list[Trade] | TradeRun, now: float, received_at_ns: int) -> None:
        """Trades of one instrument."""
        code = trades.code if isinstance(trades, TradeRun) else trades[0].code
        market = self.markets.get(code)
        if market is None:
            self.rejected["unknown_symbol"] += len(trades)
            return
        if isinstance(trades, TradeRun):
            self._journal.put(market.run_events(trades, now, received_at_ns), received_at_ns)
        else:
            self._journal.put(market.trade_events(trades, now, received_at_ns), received_at_ns)
        if market.begins_anew:
            market.begins_anew = False
            log.warning(
                "the venue numbers its trades anew; they go on under the new numbers",
                venue=self.venue.name,
                symbol=market.instrument.symbol,
            )

    def _needs_of(self, market: Market) -> list[Need[Any]]:
        return [
            StartNeed(market, self.venue, self._start_came),
            TradesNeed(market, self.venue, lambda: self.links, self._page_came),
            CandlesNeed(market, self.venue, self._candles_came),
        ]

    def _page_came(self, market: Market, asked: int, trades: list[Trade]) -> None:
        received_at_ns = trades[0].received_at_ns if trades else time.time_ns()
        passed = market.continuity.page_ended(asked, trades, time.monotonic(), market.freshness.head)
        self._journal.put(market.events(passed, received_at_ns), received_at_ns)
        market.note_page(trades)

    def _candles_came(self, market: Market, first: int, candles: list[Candle]) -> None:
        now_ns = time.time_ns()
        self._journal.put(market.candle_events(market.candles.page_ended(first, candles), now_ns), now_ns)

    def _status_came(self, status: InstrumentStatus) -> None:
        market = self.markets.get(status.code)
        events = market.status_events(status, time.time_ns()) if market else []
        if market and events:
            symbol = market.instrument.symbol
            log.warning(
                "the status of a market is another one", venue=self.venue.name, symbol=symbol, now=market.status
            )
            self._journal.put(events, time.time_ns())

    def _start_came(self, market: Market, first: int | None) -> None:
        if market.awaits_start is not None:
            now_ns = time.time_ns()
            self._journal.put(market.start_came(first, time.monotonic(), now_ns), now_ns)

    @property
    def links(self) -> int:
        """Open connections."""
        return sum(len(shard.links) for shard in self.shards)

    def _other(self, link: Link, item: object, now: float, received_at_ns: int) -> list[Event]:
        if type(item) is Quote:
            market, is_alone = self.markets.get(item.code), len(self._shard_of(link).links) < 2
            return market.quote_events(item, now, received_at_ns, is_alone=is_alone) if market else []
        if type(item) is Head:
            market = self.markets.get(item.code)
            if market:
                market.note_head(item.last_trade_id, now)
        elif type(item) is Candle:
            market = self.markets.get(item.code)
            return market.live_candle_events(item, now, received_at_ns) if market else []
        elif type(item) is ShutdownNotice:
            self._shard_of(link).replace("shutdown_notice")
        elif type(item) is Subscriptions:
            self._note_subscriptions(link, item)
        elif type(item) is Refusal:
            self._warn("the venue refused a message", reason=item.detail)
        elif type(item) is Unreadable:
            self.rejected[item.reason] += 1
            self._warn("unreadable", reason=item.reason, content=item.content[:300].decode(errors="replace"))
        return []

    def _warn(self, what: str, **members: object) -> None:
        """Log what a venue sent; it decides how often that happens, so the log does not have all of it."""
        left_out = self._told.left_out(what, time.monotonic())
        if left_out is not None:
            log.warning(what, venue=self.venue.name, **members, left_out=left_out)

    def _shard_of(self, link: Link) -> Shard:
        return next(shard for shard in self.shards if link in shard.links)

    def _note_subscriptions(self, link: Link, item: Subscriptions) -> None:
        link.subscribed = frozenset(item.names)
        missing = [name for name in self._shard_of(link).streams if name not in link.subscribed]
        if missing:
            self._warn("the venue does not send some streams", streams=missing[:20])

    async def _watch_clock(self) -> None:
        """Compare the clocks now and then; what comes is journaled as the venue wrote it."""
        while True:
            self.clock_offset_us = await self.rest.clock_offset_us()
            known = self.clock_offset_us is not None
            await asyncio.sleep(CLOCK_SECONDS if known else CLOCK_RETRY_SECONDS)

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._tick(time.monotonic())

    def _tick(self, now: float) -> None:
        if now - self._sessions_at >= SESSION_SECONDS:
            self._see_to_sessions(now)
        for market in self.markets.values():
            passed = market.continuity.tick(now, market.freshness.named_head(now))
            if passed:
                if any(type(one) is Gap for one in passed):
                    log.warning("trades are missing", venue=self.venue.name, symbol=market.instrument.symbol)
                self._journal.put(market.events(passed, time.time_ns()), time.time_ns())
            if market.asks_status:
                market.asks_status = False
                self._status.ask_soon()
            self._journal.put(market.due_quote_events(now, time.time_ns()), time.time_ns())
        for need in self._needs:
            self._filler.look_after(need)
        self._see_to_stale(now)
        self._look_at_links(now)

    def _see_to_sessions(self, now: float) -> None:
        """Open and close what the schedule opens and closes by this machine's clock."""
        self._sessions_at = now
        now_ns = time.time_ns()
        for market in self.markets.values():
            for change in market.session.changes(now_ns // 1_000):
                if change == "begins":
                    market.begin(now, now_ns // 1_000)
                    if market.awaits_start and self.venue.first_since(market.instrument, 0) is None:
                        self._start_came(market, None)
                elif change == "opens":
                    self._journal.put(market.opening_events(), now_ns)
                elif market.is_settled:
                    self._journal.put(market.closing_events(), now_ns)
            waiting = market.awaits_start
            if waiting is not None and waiting.waited(now) >= self._limits.continuity.fill_seconds:
                log.warning("an opening's first trade can't be found", symbol=market.instrument.symbol)
                self._journal.put(market.start_came(None, now, now_ns), now_ns)
        for shard, share in zip(self.shards, self._shares, strict=True):
            shard.want(any(market.session.is_followed for market in share))

    def _see_to_stale(self, now: float) -> None:
        """Fetch what streams do not bring, and replace their connection; less and less often if that does not help."""
        for shard, share, pauses in zip(self.shards, self._shares, self._mute_pauses, strict=True):
            stale = [market for market in share if market.freshness.state(now) == "stale"]
            if not stale:
                pauses.reset()
            elif shard.links and pauses.is_over(now):
                symbols = [market.instrument.symbol for market in stale]
                log.warning("markets are mute", venue=self.venue.name, symbols=symbols[:20])
                for market in stale:
                    market.asks_for_tail = market.follows_trades
                shard.replace("mute")

    def _look_at_links(self, now: float) -> None:
        now_s = time.time()
        for shard, share in zip(self.shards, self._shares, strict=True):
            if len(shard.links) != 1:
                continue
            link = shard.links[0]
            if now - link.heard_at > self._limits.silent_seconds:
                shard.replace("silent")
            elif rotation_due(
                link.opened_at_us / 1_000_000,
                self.venue.limits.lifetime_seconds,
                self._limits.rotate_at,
                lambda _time: any(market.session.is_open for market in share),  # noqa: B023 -- called at once
                now_s,
            ):
                shard.replace("rotation")


def _shares(venue: Venue, markets: Sequence[Market]) -> list[list[Market]]:
    """The markets, in shares of one connection each."""
    shares: list[list[Market]] = [[]]
    for market in markets:
        if len(_streams(venue, [*shares[-1], market])) > venue.limits.streams_per_connection:
            shares.append([])
        shares[-1].append(market)
    return [share for share in shares if share]


def _streams(venue: Venue, share: Sequence[Market]) -> list[str]:
    return [name for market in share for name in venue.streams(market.instrument)]
