"""Fetches missing trades from a venue, by id, within its limits."""

import asyncio
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import httpx
import structlog

from market_feed.decisions.budget import CAUSES, Ban, RollingBudget
from market_feed.market import Instrument, Trade
from market_feed.venues.venue import Page, Venue
from telemetry_stream.backoff import backoff

log = structlog.get_logger(__name__)

AT_ONCE = 8
"""Maximum requests under way to a venue."""

TIMEOUT_SECONDS = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before an unanswered or empty page is asked for again."""

CLOCK_SAMPLES = 5
MAX_PAGE_BYTES = 8 * 1024 * 1024
OUTCOMES = ("answered", "empty", "refused", "failed", "unreadable")


class Needy(Protocol):
    """What has missing trades."""

    instrument: Instrument

    def need(self, now: float) -> int | None:
        """The id from which on trades are to be fetched now; None if none are."""

    def page_came(self, asked: int, trades: list[Trade]) -> None:
        """Take the venue's answer."""

    def start_needed(self) -> int | None:
        """The time since which the first trade is to be found, microseconds since 1970; None if it is known."""

    def start_came(self, first: int | None) -> None:
        """Take the id of the first trade since then; None if there was none, or the venue does not tell."""


class Filler:
    """The requests to one venue."""

    def __init__(
        self, venue: Venue, rest_url: str, context: ssl.SSLContext | None, weight: int, clock_ns: Callable[[], int]
    ) -> None:
        """`weight` is the maximum that may be used within the venue's `weight_seconds`."""
        self.ban = Ban()
        self.budget = RollingBudget(min(weight, venue.limits.weight), venue.limits.weight_seconds)
        self.requests = dict.fromkeys(OUTCOMES, 0)
        """By outcome, since the start."""

        self._venue = venue
        self._clock_ns = clock_ns
        self._client = httpx.AsyncClient(
            base_url=rest_url, verify=context or True, timeout=TIMEOUT_SECONDS, trust_env=False, http2=False
        )
        self._places = asyncio.Semaphore(AT_ONCE)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def look_after(self, needy: Needy) -> None:
        """Fetch what it needs, unless that is being done."""
        code = needy.instrument.code
        if code not in self._tasks:
            task = asyncio.create_task(self._fill(needy))
            self._tasks[code] = task
            task.add_done_callback(lambda _: self._tasks.pop(code, None))

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._client.aclose()

    async def _fill(self, needy: Needy) -> None:
        pauses = backoff(FIRST_PAUSE, cap=LONGEST_PAUSE)
        while (since_us := needy.start_needed()) is not None:
            if not await self._find_start(needy, since_us):
                await asyncio.sleep(next(pauses))
        while (asked := needy.need(time.monotonic())) is not None:
            trades = await self._page_from(needy.instrument, asked)
            if trades is not None:
                needy.page_came(asked, trades)
            if trades:
                pauses = backoff(FIRST_PAUSE, cap=LONGEST_PAUSE)
            else:
                await asyncio.sleep(next(pauses))

    async def _find_start(self, needy: Needy, since_us: int) -> bool:
        """Whether the venue answered."""
        page = self._venue.first_since(needy.instrument, since_us)
        if page is None:
            needy.start_came(None)
            return True
        body = await self.request(page)
        if body is None:
            return False
        try:
            needy.start_came(self._venue.read_first(body))
        except ValueError as error:
            self.requests["unreadable"] += 1
            log.warning("a page can't be read", venue=self._venue.name, reason=str(error)[:200])
            return False
        return True

    async def _page_from(self, instrument: Instrument, first: int) -> list[Trade] | None:
        """The trades from an id on; None if the venue gave no answer that can be used."""
        body = await self.request(self._venue.page(instrument, first))
        if body is None:
            return None
        try:
            trades = self._venue.read_page(instrument, body, self._clock_ns() // 1_000)
        except ValueError as error:
            self.requests["unreadable"] += 1
            log.warning(
                "a page can't be read", venue=self._venue.name, symbol=instrument.symbol, reason=str(error)[:200]
            )
            return None
        received_at_ns = self._clock_ns()
        for trade in trades:
            trade.received_at_ns = received_at_ns
        self.requests["answered" if trades else "empty"] += 1
        return trades

    async def clock_offset_us(self) -> int | None:
        """The venue's clock minus this machine's, microseconds, by the quickest of some answers; None without one."""
        found = []
        for _ in range(CLOCK_SAMPLES):
            if self.ban.wait(time.monotonic()):
                break
            began_ns = self._clock_ns()
            body = await self.request(self._venue.time_page())
            ended_ns = self._clock_ns()
            with suppress(ValueError):
                if body is not None:
                    middle_us = (began_ns + ended_ns) // 2_000
                    found.append((ended_ns - began_ns, self._venue.read_time(body) - middle_us))
        return min(found)[1] if found else None

    async def request(self, page: Page) -> bytes | None:
        """The body of a venue's answer; None if there was none, which is logged and counted."""
        async with self._places:
            while wait := max(self.ban.wait(now := time.monotonic()), self.budget.wait(page.weight, now)):
                await asyncio.sleep(wait)
            self.budget.spend(page.weight, now)
            try:
                answer = await self._client.get(page.path, params=dict(page.parameters), headers=dict(page.headers))
            except (httpx.HTTPError, OSError) as error:
                self.requests["failed"] += 1
                log.warning("a request failed", venue=self._venue.name, path=page.path, reason=repr(error)[:200])
                return None
        used = self._venue.weight_used(answer.headers)
        if used is not None:
            self.budget.raise_to(used, time.monotonic())
        if answer.status_code == httpx.codes.OK and len(answer.content) <= MAX_PAGE_BYTES:
            return answer.content
        self.requests["refused"] += 1
        seconds = self.ban.note(answer.status_code, answer.headers.get("retry-after", ""), time.monotonic())
        with suppress(UnicodeDecodeError):
            log.warning(
                "a request was refused",
                venue=self._venue.name,
                status=answer.status_code,
                reason=CAUSES.get(answer.status_code, answer.content[:200].decode()),
                wait_seconds=seconds,
            )
        return None
