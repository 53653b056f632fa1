"""Makes the events about positions once for each reading and filter, however many pages show them."""

import asyncio

import msgspec

from service_kit.cooperative import run_sliced
from trading_app.page.position_summary import books_in_slices, choices_document
from trading_app.page.sidecar_feed import SidecarFeed
from trading_app.page.sidecar_state import Reading
from trading_app.query.filter import Filter


class SharedSummaries:
    """Makes the events `books` and `choices` in slices, one at a time, so that trades are accepted in between."""

    def __init__(self, feed: SidecarFeed) -> None:
        self._feed = feed
        self._of = Reading()
        self._books: dict[Filter, bytes] = {}
        self._choices: bytes | None = None
        self._making = asyncio.Lock()

    async def books(self, wanted: Filter) -> bytes:
        """The event `books` of the latest reading, which must have a state."""
        async with self._making:
            reading = self._renew()
            made = self._books.get(wanted)
            if made is None:
                assert reading.state is not None
                document = await run_sliced(books_in_slices(reading.state, reading.read_at, wanted))
                made = self._books[wanted] = event("books", document)
            return made

    async def choices(self) -> bytes:
        """The event `choices` of the latest reading, which must have a state."""
        async with self._making:
            reading = self._renew()
            if self._choices is None:
                assert reading.state is not None
                self._choices = event("choices", choices_document(reading.state))
            return self._choices

    def _renew(self) -> Reading:
        """The latest reading. Drops the events of an earlier state."""
        latest = self._feed.latest
        if latest.state is not self._of.state:
            self._of = latest
            self._books.clear()
            self._choices = None
        return self._of


def event(name: str, document: object) -> bytes:
    """The bytes of a server-sent event."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(document))
