"""Reads the journal in pages, in either direction: the next page once the client has read the one before."""

import dataclasses
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from telemetry_stream.events import Batch
from trading_app.outgoing import OutgoingBudget
from trading_app.query.views import Shown, View
from trading_app.zmq_pub import TradeStream

SCAN_LIMIT = 5_000
"""Maximum number of trades scanned in one read; fewer if they are large."""

BACK_LIMIT = 1_000
"""Maximum number of trades in one read towards older ones, which is in memory as a whole: it begins at the oldest."""

MAX_TRADES = 2**62
"""More trades than a stream can have: stands for no limit."""

Order = Literal["asc", "desc"]


async def nobody_waits() -> bool:
    """False: for answers whose client is not asked whether it still waits."""
    return False


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown of a stretch of the journal. `read_to` is the last sequence scanned; `more` says whether there are
    events beyond it.

    `hash` is the history's hash at the last row end scanned; None if none was, or towards older trades.
    """

    events: list[bytes]
    read_to: int
    more: bool
    hash: str | None = None


def last_hash(batch: Batch, until: int) -> str | None:
    """The history's hash at the batch's last row end at or before a sequence; None if there is no such row end."""
    return next((commit.hash for commit in reversed(batch.commits) if commit.last <= until), None)


async def read_page(
    stream: TradeStream,
    after: int,
    limit: int,
    view: View,
    is_over: Callable[[], Awaitable[bool]] = nobody_waits,
    max_scanned: int = MAX_TRADES,
    last: int = MAX_TRADES,
) -> Page:
    """The next events after a sequence, up to the sequence `last`: at most `limit`, and about PIECE_BYTES.

    Scans until it finds some, reaches the last one, has scanned `max_scanned`, or `is_over` says that nobody waits any
    more. Raises DamagedHistory.
    """
    last, known, start = min(stream.head, last), None, after
    while after < last:
        most = SCAN_LIMIT if view.may_leave_out else min(limit, SCAN_LIMIT)
        batch = await stream.read(after, min(most, last - after))
        if batch.count == 0:
            break
        found = (await view.of(stream, batch))[:limit]
        after = found[-1][0] if len(found) == limit else batch.last
        known = last_hash(batch, after) or known
        if found or after - start >= max_scanned or await is_over():
            return Page([event for _, event in found], after, after < last, known)
    return Page([], after, False, known)


async def read_page_back(
    stream: TradeStream,
    before: int,
    limit: int,
    view: View,
    is_over: Callable[[], Awaitable[bool]] = nobody_waits,
    max_scanned: int = MAX_TRADES,
    oldest: int = 1,
) -> Page:
    """The events before a sequence, the newest first, down to the sequence `oldest`; else as `read_page`."""
    start = before
    while before > oldest:
        first = max(oldest, before - (BACK_LIMIT if view.may_leave_out else min(limit, BACK_LIMIT)))
        shown = list[Shown]()
        at = first - 1
        while at < before - 1:
            batch = await stream.read(at, before - 1 - at)
            shown += await view.of(stream, batch)
            at = batch.last
        found = list(islice(reversed(shown), limit))
        before = found[-1][0] if len(found) == limit else first
        if found or start - before >= max_scanned or await is_over():
            return Page([event for _, event in found], before, before > oldest)
    return Page([], before, False)


@dataclass(frozen=True, slots=True)
class Course:
    """Which part of the journal an answer reads: the events after `after`, up to `last`, and from `oldest` on.

    In the order `desc` it reads those before `after`, from the newest to the oldest. `max_scanned` bounds how many
    events one answer reads to find what is wanted.
    """

    after: int
    last: int
    oldest: int = 1
    order: Order = "asc"
    max_scanned: int = MAX_TRADES

    async def read(
        self, stream: TradeStream, limit: int, view: View, is_over: Callable[[], Awaitable[bool]]
    ) -> tuple[Page, "Course"]:
        """The next page, and what is left to read after it. Raises DamagedHistory."""
        if self.order == "desc":
            before = min(self.after, self.last + 1)
            page = await read_page_back(stream, before, limit, view, is_over, self.max_scanned, self.oldest)
            scanned = before - page.read_to
        else:
            after = max(self.after, self.oldest - 1)
            page = await read_page(stream, after, limit, view, is_over, self.max_scanned, self.last)
            scanned = page.read_to - after
        return page, dataclasses.replace(self, after=page.read_to, max_scanned=self.max_scanned - scanned)

    @property
    def is_done(self) -> bool:
        """Whether no event is left, or no more may be scanned."""
        return self.max_scanned <= 0 or (self.after <= self.oldest if self.order == "desc" else self.after >= self.last)


async def read_pages(
    stream: TradeStream,
    course: Course,
    limit: int | None,
    view: View,
    budget: OutgoingBudget,
    is_over: Callable[[], Awaitable[bool]],
) -> AsyncGenerator[tuple[Page, bool], None]:
    """The pages of a course, each with whether it is the last one. A page is read once the client has read the one
    before.
    """
    left = MAX_TRADES if limit is None else limit
    last = False
    while not last:
        async with budget.hold():
            page, course = await course.read(stream, left, view, is_over)
            left -= len(page.events)
            last = left == 0 or not page.more or course.is_done
            yield page, last
