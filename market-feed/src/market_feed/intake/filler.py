"""Fetches what is missing, page by page, for as long as it is missing."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol, TypeVar

from market_feed.intake.rest import RestClient
from market_feed.venues.venue import Page
from telemetry_stream.backoff import backoff

FIRST_PAUSE = 0.1
LONGEST_PAUSE, LONGEST_IDLE_PAUSE = 5.0, 60.0
"""Maximum seconds before the same is asked for again: while something waits for it, and while nothing does."""

Item = TypeVar("Item")


class Need(Protocol[Item]):
    """Something of one instrument that may be missing."""

    def first(self, now: float) -> int | None:
        """From where on it is missing, an id or a time; None if nothing is. `now` is of the monotonic clock."""

    def is_urgent(self) -> bool:
        """Whether something waits for it."""

    def page(self, first: int) -> Page:
        """The request for it."""

    def read(self, body: bytes, now_us: int) -> list[Item]:
        """What the answer holds. Raises ValueError."""

    def came(self, first: int, items: list[Item]) -> None:
        """Take what was asked for from `first` on; empty if the venue has nothing there yet."""


class Filler:
    """Sees to the needs of one venue's instruments. Use it in one event loop."""

    def __init__(self, rest: RestClient) -> None:
        self._rest = rest
        self._errands: dict[Need[object], _Errand] = {}

    def look_after(self, need: Need[object]) -> None:
        """Fetch what is missing, unless that is being done. Call it often: what is new waits for no older pause."""
        first = need.first(time.monotonic())
        errand = self._errands.get(need)
        if errand is not None:
            if first is not None:
                errand.note(first)
        elif first is not None:
            errand = self._errands[need] = _Errand(need, self._rest, first)
            errand.task.add_done_callback(lambda _: self._errands.pop(need, None))

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = [errand.task for errand in self._errands.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


class _Errand:
    """Asks again and again, with pauses that grow as long as the same is asked for in vain."""

    def __init__(self, need: Need[object], rest: RestClient, first: int) -> None:
        self._need = need
        self._rest = rest
        self._is_new = asyncio.Event()
        self._begin(first)
        self.task = asyncio.create_task(self._run())

    def note(self, first: int) -> None:
        """From here on it is missing now: if that is new, there is no pause before it is asked for."""
        if first != self._first:
            self._begin(first)

    def _begin(self, first: int) -> None:
        self._first = first
        self._pauses = self._new_pauses()
        self._is_new.set()

    def _new_pauses(self) -> Iterator[float]:
        return backoff(FIRST_PAUSE, cap=LONGEST_PAUSE if self._need.is_urgent() else LONGEST_IDLE_PAUSE)

    async def _run(self) -> None:
        need = self._need
        while (first := need.first(time.monotonic())) is not None:
            self.note(first)
            self._is_new.clear()
            items = await self._rest.items(need.page(first), need.read)
            if items is not None:
                need.came(first, items)
            if not items:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._is_new.wait(), next(self._pauses))
