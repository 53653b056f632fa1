"""Keeps a set of streams connected: redials after a loss, and replaces a connection before the old one is closed."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass

import structlog
from websockets.exceptions import InvalidStatus

from market_feed.decisions.budget import CAUSES, Ban, RollingBudget
from market_feed.intake.link import Link, Take, open_connection
from market_feed.venues.venue import Venue
from telemetry_stream.backoff import backoff

log = structlog.get_logger(__name__)

SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 60.0
"""Seconds between two attempts to connect."""

OVERLAP_SECONDS = 2.0
"""For so long two connections are read after the new one brought its first frame."""

MAX_OVERLAP_SECONDS = 10.0
"""For so long two connections are read even if the new one brings nothing."""

LISTING_SECONDS = 1.0
"""After the connection is open, what it is subscribed to is asked for."""

REASONS = (
    "start",
    "cut",
    "closed_1000",
    "closed_1001",
    "closed_1008",
    "closed_other",
    "shutdown_notice",
    "rotation",
    "silent",
    "mute",
    "schedule",
)
"""Why connections are opened."""


@dataclass(slots=True)
class Dialling:
    """What all connections to a venue share."""

    context: ssl.SSLContext | None
    budget: RollingBudget
    ban: Ban
    attempts: dict[str, int]
    """By outcome."""

    opened: dict[str, int]
    """By reason."""


def growing_pauses() -> Iterator[float]:
    """From SHORTEST_PAUSE to LONGEST_PAUSE, jittered."""
    return backoff(SHORTEST_PAUSE, cap=LONGEST_PAUSE)


class Shard:
    """The connection of some streams of one venue; two while one replaces the other, never more."""

    def __init__(
        self,
        venue: Venue,
        streams: Sequence[str],
        dialling: Dialling,
        take: Take,
        room: asyncio.Event,
        new_pauses: Callable[[], Iterator[float]] = growing_pauses,
    ) -> None:
        """`new_pauses` gives the seconds before each attempt after the first, until a connection has brought data
        and lasted for as long as the venue's limit of attempts wants in the long run: one that is cut each time after
        its first frame would use up the limit at once.
        """
        self.streams = tuple(streams)
        self.links: list[Link] = []
        """The oldest first."""

        self._venue = venue
        self._dialling = dialling
        self._take = take
        self._room = room
        self._new_pauses = new_pauses
        self._pauses = new_pauses()
        self._pause = 0.0
        """Seconds before the next attempt."""

        self._because = "start"
        """Why a connection is to be opened; empty if none is."""

        self._is_wanted = True
        self._changed = asyncio.Event()
        self._readers: set[asyncio.Task[None]] = set()
        self._helpers: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    @property
    def is_as_wanted(self) -> bool:
        """Whether a connection is open, or none is wanted."""
        return bool(self.links) or not self._is_wanted

    def want(self, is_wanted: bool) -> None:
        """Whether to be connected from now on."""
        if is_wanted != self._is_wanted:
            self._is_wanted = is_wanted
            if is_wanted and not self.links:
                self._because, self._pause = "schedule", 0.0
            self._changed.set()

    def replace(self, reason: str) -> None:
        """Open another connection, then close the present one. Without effect while one is being replaced."""
        if not self._because and len(self.links) < 2:
            self._because = reason
            self._changed.set()

    async def run(self) -> None:
        """Keep a connection open until cancelled; then close it and read what has arrived.

        Raises what `take` raises.
        """
        try:
            while not self._failure:
                if not self._is_wanted:
                    await self._close_all()
                elif self._because and await self._open(self._because):
                    self._because = ""
                await self._changed.wait()
                self._changed.clear()
            raise self._failure
        finally:
            await self._end()

    async def _end(self) -> None:
        for helper in self._helpers:
            helper.cancel()
        await asyncio.gather(self._close_all(), *self._helpers, return_exceptions=True)
        if self._readers:
            await asyncio.wait(self._readers)
        if self._failure:
            raise self._failure

    async def _close_all(self) -> None:
        await asyncio.gather(*(link.close() for link in list(self.links)), return_exceptions=True)

    async def _open(self, reason: str) -> bool:
        """Connect, however many attempts it takes. False if no connection is wanted any more."""
        url, others = self._venue.url(self.streams)
        shared = self._dialling
        while self._is_wanted:
            now = time.monotonic()
            await asyncio.sleep(max(self._pause, shared.budget.wait(1, now), shared.ban.wait(now)))
            self._pause = 0.0
            shared.budget.spend(1, time.monotonic())
            try:
                connection = await open_connection(url, shared.context if url.startswith("wss:") else None)
            except Exception as error:  # noqa: BLE001 -- whatever a venue answers, it is asked again
                self._pause = self._pause_after(error)
                continue
            shared.attempts["connected"] += 1
            shared.opened[reason] += 1
            link = Link(connection, self._venue.reader(), self._take, self._room)
            log.info("connected", venue=self._venue.name, streams=len(self.streams), because=reason)
            olds = list(self.links)
            self.links.append(link)
            _start(self._read(link), self._readers)
            _start(self._subscribe(link, others), self._helpers)
            for old in olds:
                _start(self._retire(old, link), self._helpers)
            return True
        return False

    def _pause_after(self, error: BaseException) -> float:
        """Count and log a refused connection; gives the seconds before the next attempt."""
        shared, pause, outcome, cause = self._dialling, next(self._pauses), "unreachable", str(error) or repr(error)
        if isinstance(error, InvalidStatus):
            status, headers = error.response.status_code, error.response.headers
            named, date = (next(iter(headers.get_all(name)), "") for name in ("Retry-After", "Date"))
            pause = max(pause, shared.ban.note(status, named, time.monotonic(), date))
            outcome = "refused"
            cause = CAUSES.get(status, cause)
        shared.attempts[outcome] += 1
        log.warning("can't connect", venue=self._venue.name, reason=cause[:200], retry_in_seconds=round(pause, 1))
        return pause

    async def _read(self, link: Link) -> None:
        try:
            reason = await link.run()
        except Exception as error:  # noqa: BLE001 -- raised by `run`
            self._failure = error
            reason = "failed"
        self.links.remove(link)
        was_of_use = bool(link.frames) and time.monotonic() - link.opened_at >= self._dialling.budget.pace
        if was_of_use:
            self._pauses = self._new_pauses()
        log.info("disconnected", venue=self._venue.name, reason=reason, frames=link.frames)
        if not self.links:
            self._pause = 0.0 if was_of_use else next(self._pauses)
            self._because = self._because or reason
        self._changed.set()

    async def _subscribe(self, link: Link, others: Sequence[str]) -> None:
        """Subscribe to what the URL did not name, then ask what is subscribed to, and repeat what is missing once."""
        pause = self._venue.limits.message_pause_seconds
        await link.send(self._venue.subscribe(others, 1), pause)
        listing = self._venue.list_subscriptions(1_000)
        if listing is None:
            return
        await link.send([listing], LISTING_SECONDS)
        await asyncio.sleep(LISTING_SECONDS)
        if link.subscribed is not None and link in self.links:
            missing = [name for name in self.streams if name not in link.subscribed]
            if missing:
                await link.send(
                    [*self._venue.subscribe(missing, 2_000), self._venue.list_subscriptions(3_000) or b""], pause
                )

    async def _retire(self, old: Link, new: Link) -> None:
        """Close the old connection once the new one brings data."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(new.has_data.wait(), MAX_OVERLAP_SECONDS)
        await asyncio.sleep(OVERLAP_SECONDS)
        if new in self.links:
            await old.close()
        else:
            self._changed.set()


def _start(work: Coroutine[object, object, None], tasks: set[asyncio.Task[None]]) -> None:
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
