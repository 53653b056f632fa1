"""Asks a venue now and then whether it trades its instruments."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus

from market_feed.intake.rest import RestClient
from market_feed.market import Instrument, InstrumentStatus
from market_feed.venues.venue import Venue

STATUS_SECONDS, SOON_SECONDS = 60.0, 2.0
"""Between two questions, and if there is a reason to ask sooner."""


class StatusWatch:
    """One venue's instruments."""

    def __init__(
        self,
        venue: Venue,
        rest: RestClient,
        instruments: Sequence[Instrument],
        came: Callable[[InstrumentStatus], None],
    ) -> None:
        self._venue = venue
        self._rest = rest
        self._instruments = instruments
        self._came = came
        self._is_wanted = asyncio.Event()

    def ask_soon(self) -> None:
        """What was said last seems not to hold any more."""
        self._is_wanted.set()

    async def run(self) -> None:
        """Ask until cancelled."""
        size = self._venue.limits.instruments_per_status
        while True:
            for start in range(0, len(self._instruments), size):
                await self._ask(self._instruments[start : start + size])
            await asyncio.sleep(SOON_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_wanted.wait(), STATUS_SECONDS - SOON_SECONDS)
            self._is_wanted.clear()

    async def _ask(self, some: Sequence[Instrument]) -> None:
        """One that the venue does not list makes it refuse all of them: then each half is asked for alone."""
        page = self._venue.status_page(some)
        answer = await self._rest.ask(page)
        if answer.status == HTTPStatus.OK:
            for status in self._rest.read(page, answer.body, self._venue.read_statuses) or ():
                self._came(status)
        elif self._venue.is_unlisted(answer.status, answer.body):
            if len(some) == 1:
                self._came(InstrumentStatus(some[0].code, "unlisted", ""))
                return
            middle = len(some) // 2
            await self._ask(some[:middle])
            await self._ask(some[middle:])
